package mego

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gongular/gongular/mego/client"
)

// Results are what was measured.
type Results struct {
	Go       string            `json:"go"`       // version of Go
	System   string            `json:"system"`   // operating system and architecture
	CPUs     int               `json:"cpus"`     // of the machine
	Versions map[string]string `json:"versions"` // of the libraries
	Cells    []Cell            `json:"cells"`
	Casts    Broadcasts        `json:"broadcasts"`
}

// A Cell is what all contenders did alike: callers that call without a pause.
type Cell struct {
	// Connections is how many clients there are, each with one connection.
	Connections int `json:"connections"`
	// Callers is how many goroutines call by each client.
	Callers int `json:"callers"`
	// Rounds is how often each contender was measured.
	Rounds int `json:"rounds"`
	// Calls is how many calls there are in a round, about.
	Calls int `json:"calls"`
	// Figures are those of each contender.
	Figures map[string]Figures `json:"figures"`
	// Ratios are those of ours to each other contender's, within the rounds.
	Ratios map[string]Ratios `json:"ratios"`
}

// Figures are medians over the rounds, with quartiles.
type Figures struct {
	PerSecond Spread `json:"perSecond"` // calls
	P50       Spread `json:"p50"`       // µs that a call takes
	P99       Spread `json:"p99"`
	CPU       Spread `json:"cpu"` // µs of the server's process for a call
}

// Ratios are ours to another's.
type Ratios struct {
	PerSecond Spread `json:"perSecond"`
	P99       Spread `json:"p99"`
	CPU       Spread `json:"cpu"`
}

// Broadcasts are events that all clients of package mego have subscribed to.
type Broadcasts struct {
	Subscribers int    `json:"subscribers"`
	Size        int    `json:"size"` // of the payload in bytes
	Rounds      int    `json:"rounds"`
	All         Spread `json:"all"` // ms from Emit until the last handler was called
	CPU         Spread `json:"cpu"` // µs of the server's process for a subscriber
}

// A Spread is a median and its quartiles.
type Spread struct {
	Low    float64 `json:"low"`
	Median float64 `json:"median"`
	High   float64 `json:"high"`
}

const (
	callSize      = 32  // bytes of the text of a call
	broadcastSize = 128 // and of an event
)

// A load is how many connections there are, and callers by each.
type load struct{ connections, callers int }

// A plan is what is measured.
type plan struct {
	loads  []load
	heats  int           // servers are started anew for each
	rounds int           // in each heat
	work   time.Duration // of a round, about
	crowd  int           // subscribers
	casts  int           // rounds of broadcasts
}

var (
	full = plan{
		loads: []load{{1, 1}, {64, 1}, {512, 1}, {1, 64}},
		heats: 3, rounds: 3, work: 120 * time.Millisecond, crowd: 2000, casts: 31,
	}
	quick = plan{
		loads: []load{{1, 1}, {64, 1}, {1, 64}},
		heats: 1, rounds: 2, work: 40 * time.Millisecond, crowd: 200, casts: 3,
	}
)

// Measure measures all contenders: in a few seconds, or thoroughly, in less than
// 40. The program must have called [Child].
func Measure(quickly bool) (Results, error) {
	if quickly {
		return quick.measure()
	}
	return full.measure()
}

func (p plan) measure() (Results, error) {
	r := Results{Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(), Versions: versions()}
	for _, l := range p.loads {
		cell, err := p.race(l)
		if err != nil {
			return Results{}, fmt.Errorf("mego: %w", err)
		}
		r.Cells = append(r.Cells, cell)
	}
	var err error
	if r.Casts, err = p.broadcasts(); err != nil {
		return Results{}, fmt.Errorf("mego: %w", err)
	}
	return r, nil
}

// versions returns those of the libraries that are compared with.
func versions() map[string]string {
	list := make(map[string]string)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "google.golang.org/grpc" || m.Path == "google.golang.org/protobuf" {
				list[m.Path] = m.Version
			}
		}
	}
	return list
}

// A round is what one contender did.
type round struct{ perSecond, p50, p99, cpu float64 }

// race has the contenders answer the load in turns.
func (p plan) race(l load) (Cell, error) {
	cell := Cell{Connections: l.connections, Callers: l.callers, Rounds: p.heats * p.rounds}
	rounds := make(map[string][]round)
	for range p.heats {
		if err := p.heat(&cell, l, rounds); err != nil {
			return Cell{}, err
		}
	}
	cell.Figures, cell.Ratios = make(map[string]Figures), make(map[string]Ratios)
	for _, name := range names {
		of := func(figure func(round) float64) Spread { return spread(rounds[name], figure) }
		cell.Figures[name] = Figures{
			PerSecond: of(func(r round) float64 { return r.perSecond }),
			P50:       of(func(r round) float64 { return r.p50 }),
			P99:       of(func(r round) float64 { return r.p99 }),
			CPU:       of(func(r round) float64 { return r.cpu }),
		}
		if name == ours {
			continue
		}
		var ratios []round
		for i, other := range rounds[name] {
			our := rounds[ours][i]
			ratios = append(ratios, round{our.perSecond / other.perSecond, our.p50 / other.p50, our.p99 / other.p99, our.cpu / other.cpu})
		}
		cell.Ratios[name] = Ratios{
			PerSecond: spread(ratios, func(r round) float64 { return r.perSecond }),
			P99:       spread(ratios, func(r round) float64 { return r.p99 }),
			CPU:       spread(ratios, func(r round) float64 { return r.cpu }),
		}
	}
	return cell, nil
}

// spread returns the median of a figure and its quartiles.
func spread[T any](list []T, figure func(T) float64) Spread {
	var sorted []float64
	for _, v := range list {
		sorted = append(sorted, figure(v))
	}
	slices.Sort(sorted)
	at := func(part float64) float64 { return sorted[int(math.Round(part*float64(len(sorted)-1)))] }
	return Spread{at(0.25), at(0.5), at(0.75)}
}

// heat is some rounds of a race, with new servers and connections: two processes
// of the same program are not equally fast.
func (p plan) heat(cell *Cell, l load, rounds map[string][]round) error {
	order := slices.Clone(names)
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	children, stop, err := startAll(order)
	if err != nil {
		return err
	}
	defer stop()
	all := make([]callers, len(children))
	defer func() {
		for _, c := range all {
			c.close()
		}
	}()
	for i, c := range children {
		if all[i], err = dialAll(contenders[c.name].dial, c.address, l.connections); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	// How often each caller has to call for a round. All do the same.
	times := max(1, 2000/(l.connections*l.callers))
	for warm := range 2 {
		var took time.Duration
		for i, c := range children {
			start := time.Now()
			if _, err := all[i].run(l.callers, times); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			took += time.Since(start) / time.Duration(len(children))
		}
		if warm == 1 {
			times = max(2, int(p.work*time.Duration(times)/max(took, time.Microsecond)))
		}
	}
	cell.Calls = times * l.connections * l.callers
	for range p.rounds {
		for _, i := range rand.Perm(len(children)) {
			c := children[i]
			r, err := measureRun(c, all[i], l.callers, times)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			rounds[c.name] = append(rounds[c.name], r)
		}
	}
	return nil
}

// measureRun measures one contender in one round.
func measureRun(c *child, all callers, each, times int) (round, error) {
	runtime.GC() // what the one before has left behind is not this one's
	before, err := c.usage()
	if err != nil {
		return round{}, err
	}
	start := time.Now()
	took, err := all.run(each, times)
	if err != nil {
		return round{}, err
	}
	passed := time.Since(start)
	after, err := c.usage()
	if err != nil {
		return round{}, err
	}
	slices.Sort(took)
	calls := float64(len(took))
	return round{
		perSecond: calls / passed.Seconds(),
		p50:       micro(took[len(took)/2]),
		p99:       micro(took[len(took)*99/100]),
		cpu:       micro(after-before) / calls,
	}, nil
}

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// callers are the clients of one contender.
type callers []caller

// dialAll makes so many of them.
func dialAll(dial func(string) (caller, error), address string, n int) (callers, error) {
	all := make(callers, n)
	errs := make([]error, n)
	turns := make(chan struct{}, 32)
	var dialing sync.WaitGroup
	for i := range all {
		turns <- struct{}{}
		dialing.Go(func() {
			defer func() { <-turns }()
			all[i], errs[i] = dial(address)
		})
	}
	dialing.Wait()
	if err := errors.Join(errs...); err != nil {
		all.close()
		return nil, err
	}
	return all, nil
}

func (all callers) close() {
	for _, c := range all {
		if c != nil {
			c.Close()
		}
	}
}

// run has so many goroutines by each client call so many times, and returns how
// long each call took. An answer that is not the text is an error.
func (all callers) run(each, times int) ([]time.Duration, error) {
	took := make([]time.Duration, len(all)*each*times)
	errs := make([]error, len(all)*each)
	sent := text(callSize)
	var running sync.WaitGroup
	for i := range errs {
		running.Go(func() {
			c, mine := all[i/each], took[i*times:(i+1)*times]
			for n := range mine {
				start := time.Now()
				got, err := c.call(sent)
				mine[n] = time.Since(start)
				if err == nil && got != sent {
					err = fmt.Errorf("the answer is %q", got)
				}
				if err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return took, nil
}

// patience is how long a broadcast may take before it is taken for lost.
const patience = 60 * time.Second

// broadcasts measures how long it takes until all have an event.
func (p plan) broadcasts() (Broadcasts, error) {
	b := Broadcasts{Subscribers: p.crowd, Size: broadcastSize, Rounds: p.casts}
	server, err := start(ours)
	if err != nil {
		return b, err
	}
	defer server.stop()
	all, err := dialAll(dialMego, server.address, p.crowd)
	if err != nil {
		return b, err
	}
	defer all.close()
	var left atomic.Int64
	done := make(chan error, 1)
	want := text(broadcastSize)
	for _, c := range all {
		c := c.(megoCaller).Client
		c.On(event, func(e *client.Event) {
			var got string
			if err := e.Bind(&got); err != nil || got != want {
				done <- cmp.Or(err, fmt.Errorf("the event carries %q", got))
			}
			if left.Add(-1) == 0 {
				done <- nil
			}
		})
		if err := c.Subscribe(event, channel); err != nil {
			return b, err
		}
	}
	var rounds []round
	for i := range p.casts + 2 {
		left.Store(int64(p.crowd))
		before, err := server.usage()
		if err != nil {
			return b, err
		}
		start := time.Now()
		if _, err := server.tell("broadcast"); err != nil {
			return b, err
		}
		select {
		case err := <-done:
			if err != nil {
				return b, err
			}
		case <-time.After(patience):
			return b, fmt.Errorf("%d of %d subscribers did not get the event", left.Load(), p.crowd)
		}
		passed := time.Since(start)
		after, err := server.usage()
		if err != nil {
			return b, err
		}
		if i >= 2 { // the first ones make buffers
			rounds = append(rounds, round{p50: micro(passed) / 1000, cpu: micro(after-before) / float64(p.crowd)})
		}
	}
	b.All = spread(rounds, func(r round) float64 { return r.p50 })
	b.CPU = spread(rounds, func(r round) float64 { return r.cpu })
	return b, nil
}
