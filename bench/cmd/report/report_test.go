package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
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

var short = plan{rounds: 0, share: time.Microsecond, load: 20 * time.Millisecond, loads: 1, only: []string{"static"}, who: []string{"gongular", "fiber"}}

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
	if want := []string{results.Baseline, results.Again, "gongular"}; !reflect.DeepEqual(names, want) || s.Rounds != 2 {
		t.Errorf("%v in %d rounds, want %v in 2", names, s.Rounds, want)
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

// answered returns what the command prints for the arguments.
func answered(t *testing.T, in string, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := command(args, strings.NewReader(in), &out)
	return out.String(), err
}

func TestCommandErrors(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"x"}, `unexpected argument "x"`},
		{[]string{"-contender", "nobody", "-scenario", "full"}, `no contender "nobody"`},
		{[]string{"-work", "-contender", "nobody"}, `no contender "nobody"`},
		{[]string{"-serve", "-contender", "nobody"}, `no contender "nobody"`},
		{[]string{"-contender", "gin", "-scenario", "full", "-n", "1", "-cpuprofile", "none/cpu.out"}, "open none/cpu.out: no such file or directory"},
	} {
		if _, err := answered(t, "", test.args...); err == nil || err.Error() != test.want {
			t.Errorf("%v: got %v, want %s", test.args, err, test.want)
		}
	}
	if _, err := answered(t, "many\n", "-work", "-contender", "gin", "-scenario", "static"); err == nil {
		t.Error(`"many" is a number of requests`)
	}
}

func TestAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cpu.out")
	got, err := answered(t, "", "-contender", "gongular", "-scenario", "static", "-n", "10", "-cpuprofile", file)
	var m measurement
	if err != nil || json.Unmarshal([]byte(got), &m) != nil || m.Calls != 10 {
		t.Errorf("got %q, %v", got, err)
	}
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Errorf("no profile: %v", err)
	}
}

// A server prints where it listens and its usage, and ends with its input.
func TestServe(t *testing.T) {
	got, err := answered(t, "\n\n", "-serve", "-contender", "gongular", "-scenario", "static")
	lines := strings.Split(strings.TrimSpace(got), "\n")
	var u usage
	if err != nil || len(lines) != 3 || !strings.HasPrefix(lines[0], "127.0.0.1:") || json.Unmarshal([]byte(lines[2]), &u) != nil || u.CPU <= 0 || u.Allocs == 0 {
		t.Errorf("got %q, %v", got, err)
	}
}

// The tables of PERFORMANCE.md and the chart can be written anew.
func TestRedraw(t *testing.T) {
	committed, err := results.Read("../../results/report.json")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.MkdirAll("bench/results", 0o777); err != nil {
		t.Fatal(err)
	}
	t.Chdir("bench")
	if _, err := answered(t, "", "-redraw"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without figures: %v", err)
	}
	if err := committed.Write("results/report.json"); err != nil {
		t.Fatal(err)
	}
	if _, err := answered(t, "", "-redraw"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without PERFORMANCE.md: %v", err)
	}
	const begin, end = "# Title\n<!-- tables: go run ./cmd/report -->\n", "<!-- end of tables -->\nThe end\n"
	for _, text := range []string{begin, "no marks"} {
		if err := os.WriteFile("../PERFORMANCE.md", []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := answered(t, "", "-redraw"); err == nil || !strings.Contains(err.Error(), "PERFORMANCE.md: no line") {
			t.Errorf("%q: got %v", text, err)
		}
	}
	if err := os.WriteFile("../PERFORMANCE.md", []byte(begin+"old\n"+end), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := answered(t, "", "-redraw"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../PERFORMANCE.md")
	if err != nil || string(text) != begin+committed.Markdown()+end {
		t.Errorf("got %q, %v", text, err)
	}
	chart, err := os.ReadFile("results/chart.svg")
	if err != nil || string(chart) != committed.SVG() {
		t.Errorf("the chart is not that of the figures: %v", err)
	}
	if more, err := benchmarks(quietly); more != nil || err != nil { // of packages that are not here
		t.Errorf("got %v, %v", more, err)
	}
}
