package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/gongular/gongular/bench/contenders"
	"github.com/gongular/gongular/bench/results"
	"github.com/gongular/gongular/bench/scenarios"
)

// A plan says how long what is measured for.
type plan struct {
	rounds    time.Duration // for the rounds in process, of which there are at least two
	share     time.Duration // of CPU time of the baseline in a turn
	load      time.Duration // for each round of the load test's contenders
	loads     int           // rounds of the load test
	benchmark bool          // those of other packages, too
	only      []string      // scenarios; all if empty
	who       []string      // contenders beside the baseline; all if empty
}

var (
	whole = plan{rounds: 122 * time.Second, share: 125 * time.Millisecond, load: 250 * time.Millisecond, loads: 8, benchmark: true}
	quick = plan{rounds: 25 * time.Second, share: 50 * time.Millisecond, load: 120 * time.Millisecond, loads: 3}
)

// A contest is one scenario with what was measured so far.
type contest struct {
	scenarios.Scenario
	calls  int
	ratios map[string][]float64
	cpu    map[string][]float64
	last   map[string]measurement
}

// entrants are the contenders, the baseline twice.
func (p plan) entrants(all []scenarios.Contender) []string {
	names := []string{results.Baseline, results.Again}
	for _, c := range all {
		if c.Name() != results.Baseline && (len(p.who) == 0 || slices.Contains(p.who, c.Name())) {
			names = append(names, c.Name())
		}
	}
	return names
}

// inProcess measures all scenarios in interleaved rounds, in random order, each
// contender in a process of its own.
func (p plan) inProcess(log func(string, ...any)) ([]results.Scenario, error) {
	names := p.entrants(contenders.NetHTTP())
	var contests []*contest
	for _, s := range scenarios.Measured() {
		if len(p.only) > 0 && !slices.Contains(p.only, s.Name) {
			continue
		}
		c := &contest{Scenario: s, ratios: map[string][]float64{}, cpu: map[string][]float64{}, last: map[string]measurement{}}
		if err := c.calibrate(p.share); err != nil {
			return nil, err
		}
		contests = append(contests, c)
	}
	began := time.Now()
	rounds := 0
	for rounds < 2 || time.Since(began)*time.Duration(rounds+1)/time.Duration(rounds) < p.rounds {
		for _, i := range rand.Perm(len(contests)) {
			if err := contests[i].round(names); err != nil {
				return nil, err
			}
		}
		rounds++
		log("round %d of the scenarios after %v", rounds, time.Since(began).Round(time.Second))
	}
	var all []results.Scenario
	for _, c := range contests {
		all = append(all, c.result(names, rounds))
	}
	return all, nil
}

// calibrate finds how many requests take the baseline its share.
func (c *contest) calibrate(share time.Duration) error {
	k, err := start(results.Baseline, c.Name)
	if err != nil {
		return err
	}
	defer k.stop()
	n := 2 * len(c.Requests)
	if !c.Heavy {
		n = max(n, 2000)
	}
	if _, err := k.ask(n); err != nil { // warms it up
		return err
	}
	m, err := k.ask(n)
	if err != nil {
		return err
	}
	c.calls = int(int64(n) * int64(share) / max(m.CPU, 1000))
	times := max(c.calls/len(c.Requests), 1) // each request as often as the others
	c.calls = times * len(c.Requests)
	return nil
}

// round measures the contenders one after another, in another order each time. What
// happens to the machine meanwhile happens to all. A contender's ratio is to what
// the baseline took in the same round.
func (c *contest) round(names []string) error {
	took := map[string]float64{}
	for _, i := range rand.Perm(len(names)) {
		m, err := c.turn(names[i])
		if err != nil {
			return err
		}
		took[names[i]] = float64(m.CPU) / float64(m.Calls)
		c.last[names[i]] = m
	}
	for name, cpu := range took {
		c.cpu[name] = append(c.cpu[name], cpu)
		c.ratios[name] = append(c.ratios[name], cpu/took[results.Baseline])
	}
	return nil
}

// turn measures a contender in a new process, so that no ratio hangs on where one
// process happened to put its memory. A third of its requests come before and are
// not counted: that memory is new to the kernel, too, until the heap has been gone
// through a few times. In between the process does not wait: caches that went cold
// and threads to be woken cost the more, the more is allocated, and a server under
// load does not wait either.
func (c *contest) turn(name string) (m measurement, err error) {
	k, err := start(name, c.Name)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, k.stop()) }()
	if _, err := k.ask(max(c.calls/2, 1)); err != nil {
		return m, err
	}
	return k.ask(c.calls)
}

func (c *contest) result(names []string, rounds int) results.Scenario {
	s := results.Scenario{Name: c.Name, What: c.What, Mean: c.Mean, Rounds: rounds, Calls: c.calls}
	for _, name := range names {
		s.Cells = append(s.Cells, results.Cell{
			Name: name, Ratio: results.SpreadOf(c.ratios[name]), CPU: results.Median(c.cpu[name]),
			Least:  results.Least(c.cpu[name]) / results.Least(c.cpu[results.Baseline]),
			Allocs: c.last[name].Allocs, Bytes: c.last[name].Bytes,
		})
	}
	return s
}

// A process is one that measures one contender in one scenario.
type process struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	errs bytes.Buffer
}

func start(contender, scenario string) (*process, error) {
	if contender == results.Again {
		contender = results.Baseline
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	k := &process{name: scenario + " by " + contender, cmd: exec.Command(self, "-work", "-contender", contender, "-scenario", scenario)}
	k.cmd.Stderr = &k.errs
	if k.in, err = k.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	k.out = bufio.NewReader(out)
	return k, k.cmd.Start()
}

// ask has it send n requests.
func (k *process) ask(n int) (m measurement, err error) {
	if _, err := fmt.Fprintln(k.in, n); err != nil {
		return m, fmt.Errorf("%s: %w", k.name, err)
	}
	line, err := k.out.ReadBytes('\n')
	if err != nil {
		return m, fmt.Errorf("%s: %w", k.name, err)
	}
	return m, json.Unmarshal(line, &m)
}

// stop ends it, and returns what it had to complain of.
func (k *process) stop() error {
	k.in.Close()
	if err := k.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w: %s", k.name, err, k.errs.Bytes())
	}
	return nil
}
