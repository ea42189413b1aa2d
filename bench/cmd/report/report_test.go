package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular/bench/contenders"
	"github.com/gongular/gongular/bench/results"
	"github.com/gongular/gongular/bench/scenarios"
)

// The test binary is also the program that the report starts for each
// measurement.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "-work" || os.Args[1] == "-serve") {
		main()
		return
	}
	os.Exit(m.Run())
}

// Every contender on net/http answers what is measured, and costs something.
func TestWorker(t *testing.T) {
	for _, c := range contenders.NetHTTP() {
		for _, s := range scenarios.Measured() {
			k, err := newWorker(c.Name(), s.Name)
			if err != nil {
				t.Error(err)
				continue
			}
			var out bytes.Buffer
			err = k.work(strings.NewReader("3\n2\n"), &out)
			k.close()
			var m measurement
			dec := json.NewDecoder(&out)
			if err != nil || dec.Decode(&m) != nil || m.Calls != 3 || dec.Decode(&m) != nil || m.Calls != 2 {
				t.Errorf("%s, %s: %+v, %v", c.Name(), s.Name, m, err)
			}
		}
	}
}

func TestWorkerErrors(t *testing.T) {
	for _, test := range []struct{ contender, scenario, want string }{
		{"nobody", "full", `no contender "nobody"`},
		{"gin", "nothing", `no scenario "nothing"`},
		{"gin", "panic", "panic is not measured"},
		{"fiber", "full", "fiber does not stand on net/http"},
	} {
		if _, err := newWorker(test.contender, test.scenario); err == nil || err.Error() != test.want {
			t.Errorf("%s, %s: got %v, want %s", test.contender, test.scenario, err, test.want)
		}
	}
}

// A wrong answer ends a measurement.
func TestHarnessSeesWrongAnswers(t *testing.T) {
	s, err := scenarios.Find("body")
	if err != nil {
		t.Fatal(err)
	}
	h := newHarness(s)
	defer h.close()
	err = h.run(http.NotFoundHandler(), 1)
	if err == nil || err.Error() != "POST /books: status 404, want 201" {
		t.Errorf("got %v", err)
	}
	h.next = 0
	if err := h.run(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil || string(b) != s.Requests[0].Body || r.Form != nil || r.Pattern != "" {
			t.Errorf("not as a server hands it out: %q, %v, %v, %q", b, err, r.Form, r.Pattern)
		}
		r.Pattern = "/used"
		r.ParseForm()
		w.WriteHeader(201)
	}), 3); err != nil {
		t.Error(err)
	}
}

var short = plan{rounds: 0, turns: 1, share: time.Microsecond, load: 20 * time.Millisecond, loads: 1, only: []string{"static"}, who: []string{"gongular", "fiber"}}

func quietly(string, ...any) {}

// A run measures each contender in a process of its own, the baseline twice.
func TestRounds(t *testing.T) {
	run, err := short.run(quietly)
	if err != nil {
		t.Fatal(err)
	}
	if len(run.Scenarios) != 1 || len(run.Load) != 1 || run.CPU == "" || run.Go == "" {
		t.Fatalf("got %+v", run)
	}
	s := run.Scenarios[0]
	var names []string
	for _, c := range s.Cells {
		names = append(names, c.Name)
		if c.Ratio.Median <= 0 || c.CPU <= 0 || c.Least <= 0 {
			t.Errorf("%+v", c)
		}
	}
	if want := []string{results.Baseline, results.Again, "gongular"}; !reflect.DeepEqual(names, want) || s.Rounds != 3 {
		t.Errorf("%v in %d rounds, want %v in 3", names, s.Rounds, want)
	}
	if base, _ := s.Cell(results.Baseline); base.Ratio != (results.Spread{Q1: 1, Median: 1, Q3: 1}) {
		t.Errorf("the baseline is %v of itself", base.Ratio)
	}
	names = nil
	for _, c := range run.Load[0].Cells {
		names = append(names, c.Name)
		if c.PerSec <= 0 || c.CPU <= 0 || c.P50 <= 0 || c.P99 < c.P50 || c.Ratio.Median <= 0 {
			t.Errorf("%+v", c)
		}
	}
	if want := []string{results.Baseline, results.Again, "gongular", "fiber"}; !reflect.DeepEqual(names, want) {
		t.Errorf("load of %v, want %v", names, want)
	}
}

func TestProcessErrors(t *testing.T) {
	k, err := start("nobody", "static")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.ask(1); err == nil {
		t.Error("nobody has answered")
	}
	if err := k.stop(); err == nil || !strings.Contains(err.Error(), `static by nobody: exit status 1: report: no contender "nobody"`) {
		t.Errorf("got %v", err)
	}
}

// The load test's client refuses what it is not sure of.
func TestClientAnswer(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX: y\r\n\r\nok", ""},
		{"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", `answered "HTTP/1.1 500 Internal Server Error\r\n", want HTTP/1.1 200 `},
		{"HTTP/1.1 200 OK\r\n\r\n", "an answer without a length"},
		{"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", `strconv.Atoi: parsing "x": invalid syntax`},
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", "EOF"},
		{"HTTP/1.1 200 OK\r\n", "EOF"},
		{"", "EOF"},
	} {
		c := &client{r: bufio.NewReader(strings.NewReader(test.in)), status: "HTTP/1.1 200 "}
		got := ""
		if err := c.answer(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%q: got %q, want %q", test.in, got, test.want)
		}
	}
	if _, err := run([]*client{}, 0); err == nil {
		t.Error("no answer is no error")
	}
	mine, other := net.Pipe()
	other.Close()
	defer mine.Close()
	if _, err := run([]*client{{conn: mine, r: bufio.NewReader(mine)}}, time.Minute); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func TestParseBenchmark(t *testing.T) {
	for _, test := range []struct {
		in   string
		want results.Benchmark
		ok   bool
	}{
		{"BenchmarkRatio/typical-2 \t 3\t 0 allocs\t 3.722 ours/byhand", results.Benchmark{Name: "Ratio/typical", Metrics: map[string]float64{"allocs": 0, "ours/byhand": 3.722}}, true},
		{"BenchmarkIdle 1 12 B/op", results.Benchmark{Name: "Idle", Metrics: map[string]float64{"B/op": 12}}, true},
		{"BenchmarkIdle 1 x B/op", results.Benchmark{}, false},
		{"ok  \tpackage\t1.2s", results.Benchmark{}, false},
		{"goos: linux", results.Benchmark{}, false},
	} {
		got, ok := parseBenchmark(test.in)
		if ok != test.ok || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q: got %+v, %v, want %+v", test.in, got, ok, test.want)
		}
	}
}
