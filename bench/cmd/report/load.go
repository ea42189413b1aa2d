package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gongular/gongular/bench/contenders"
	"github.com/gongular/gongular/bench/results"
	"github.com/gongular/gongular/bench/scenarios"
)

// The load test: a server in a process of its own, which serves one scenario by
// one contender over loopback, and a client with so many connections, each of
// which sends the next request when it has the answer to the last.
const connections = 16

// loaded are the scenarios that are measured so: the least and the most work.
var loaded = []string{"static", "full"}

// A usage is what a server process has used up to now.
type usage struct {
	CPU    int64   `json:"cpu_ns"`
	Allocs uint64  `json:"allocs"`
	RSS    float64 `json:"rss_mib"`
}

// serve is the server's process: it prints where it listens, and its usage for
// each line it reads, until there are none.
func serve(contender, scenario string, in io.Reader, out io.Writer) error {
	c, err := contenders.Find(contender)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- contenders.Serve(c, scenario, l) }()
	fmt.Fprintln(out, l.Addr())
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		line, err := json.Marshal(usage{int64(cpuTime()), m.Mallocs, rss()})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n", line)
	}
	l.Close()
	if err := <-failed; err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// rss is the memory that the process holds, in MiB; 0 where the system does not
// say.
func rss() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kib, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, _ := strconv.ParseFloat(kib, 64)
	return n / 1024
}

// A trial is one contender under load once.
type trial struct {
	perSec, cpu, p50, p99, allocs, rss float64
}

// underLoad measures all contenders in rounds, in random order.
func (p plan) underLoad(log func(string, ...any)) ([]results.Load, error) {
	var all []results.Load
	for _, name := range loaded {
		if len(p.only) > 0 && !slices.Contains(p.only, name) {
			continue
		}
		s, err := scenarios.Find(name)
		if err != nil {
			return nil, err
		}
		names := p.entrants(contenders.All())
		trials := map[string][]trial{}
		for round := range p.loads {
			for _, i := range rand.Perm(len(names)) {
				t, err := try(names[i], s, p.load)
				if err != nil {
					return nil, fmt.Errorf("load of %s, %s: %w", name, names[i], err)
				}
				trials[names[i]] = append(trials[names[i]], t)
			}
			log("round %d of the load of %s", round+1, name)
		}
		l := results.Load{Name: name, Connections: connections, Rounds: p.loads}
		for _, who := range names {
			l.Cells = append(l.Cells, sumUp(who, trials[who], trials[results.Baseline]))
		}
		all = append(all, l)
	}
	return all, nil
}

func sumUp(name string, trials, base []trial) results.LoadCell {
	of := func(f func(t, base trial) float64) []float64 {
		var values []float64
		for i, t := range trials {
			values = append(values, f(t, base[i]))
		}
		return values
	}
	return results.LoadCell{
		Name:   name,
		Ratio:  results.SpreadOf(of(func(t, b trial) float64 { return t.cpu / b.cpu })),
		Rate:   results.SpreadOf(of(func(t, b trial) float64 { return t.perSec / b.perSec })),
		PerSec: results.Median(of(func(t, _ trial) float64 { return t.perSec })),
		CPU:    results.Median(of(func(t, _ trial) float64 { return t.cpu })),
		P50:    results.Median(of(func(t, _ trial) float64 { return t.p50 })),
		P99:    results.Median(of(func(t, _ trial) float64 { return t.p99 })),
		Allocs: results.Median(of(func(t, _ trial) float64 { return t.allocs })),
		RSS:    results.Median(of(func(t, _ trial) float64 { return t.rss })),
	}
}

// try puts one contender under load, a third of the time to warm up before.
func try(name string, s scenarios.Scenario, during time.Duration) (t trial, err error) {
	if name == results.Again {
		name = results.Baseline
	}
	self, err := os.Executable()
	if err != nil {
		return t, err
	}
	cmd := exec.Command(self, "-serve", "-contender", name, "-scenario", s.Name)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	in, err := cmd.StdinPipe()
	if err != nil {
		return t, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return t, err
	}
	if err := cmd.Start(); err != nil {
		return t, err
	}
	defer func() {
		in.Close()
		if waited := cmd.Wait(); err == nil && waited != nil {
			err = fmt.Errorf("%w: %s", waited, errs.Bytes())
		}
	}()
	lines := bufio.NewReader(out)
	address, err := lines.ReadString('\n')
	if err != nil {
		return t, err
	}
	ask := func() (u usage, err error) {
		if _, err := io.WriteString(in, "\n"); err != nil {
			return u, err
		}
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return u, err
		}
		return u, json.Unmarshal(line, &u)
	}
	var clients []*client
	defer func() {
		for _, c := range clients {
			c.conn.Close()
		}
	}()
	for range connections {
		c, err := dial(strings.TrimSpace(address), s)
		if err != nil {
			return t, err
		}
		clients = append(clients, c)
	}
	if _, err := run(clients, during/3); err != nil {
		return t, err
	}
	before, err := ask()
	if err != nil {
		return t, err
	}
	began := time.Now()
	latencies, err := run(clients, during)
	took := time.Since(began)
	if err != nil {
		return t, err
	}
	after, err := ask()
	if err != nil {
		return t, err
	}
	slices.Sort(latencies)
	n := float64(len(latencies))
	micros := func(q float64) float64 {
		return float64(latencies[int(q*(n-1))]) / float64(time.Microsecond)
	}
	return trial{
		perSec: n / took.Seconds(), cpu: float64(after.CPU-before.CPU) / n,
		p50: micros(0.50), p99: micros(0.99),
		allocs: float64(after.Allocs-before.Allocs) / n, rss: after.RSS,
	}, nil
}

// run has the clients ask as long as it says, and returns how long each answer
// took.
func run(clients []*client, during time.Duration) ([]time.Duration, error) {
	until := time.Now().Add(during)
	failed := make(chan error)
	for _, c := range clients {
		go func() { failed <- c.askUntil(until) }()
	}
	var errs []error
	var all []time.Duration
	for range clients {
		errs = append(errs, <-failed)
	}
	for _, c := range clients {
		all = append(all, c.latencies...)
		c.latencies = c.latencies[:0]
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("no answer in time")
	}
	return all, nil
}

// A client is one connection. It knows as much HTTP as the servers here speak,
// so that it costs little beside them.
type client struct {
	conn      net.Conn
	r         *bufio.Reader
	request   []byte
	status    string
	latencies []time.Duration
}

func dial(address string, s scenarios.Scenario) (*client, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	r := s.Requests[0]
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench/1\r\nAccept: */*\r\n", r.Method, r.Target, address)
	if r.Body != "" {
		head += fmt.Sprintf("Content-Type: %s\r\nContent-Length: %d\r\n", r.ContentType, len(r.Body))
	}
	return &client{
		conn: conn, r: bufio.NewReader(conn), request: []byte(head + "\r\n" + r.Body),
		status: fmt.Sprintf("HTTP/1.1 %d ", s.Cases[0].Status),
	}, nil
}

func (c *client) askUntil(until time.Time) error {
	now := time.Now()
	c.conn.SetDeadline(until.Add(10 * time.Second))
	for now.Before(until) {
		if _, err := c.conn.Write(c.request); err != nil {
			return err
		}
		if err := c.answer(); err != nil {
			return err
		}
		then := time.Now()
		c.latencies = append(c.latencies, then.Sub(now))
		now = then
	}
	return nil
}

// answer reads one answer, which has to have the right status and a length.
func (c *client) answer() error {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(line, []byte(c.status)) {
		return fmt.Errorf("answered %q, want %s", line, c.status)
	}
	length := -1
	for {
		if line, err = c.r.ReadSlice('\n'); err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		const name = "content-length:"
		if len(line) > len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(name):]))); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return errors.New("an answer without a length")
	}
	_, err = c.r.Discard(length)
	return err
}
