package websocket

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Results are what was measured.
type Results struct {
	Go       string            `json:"go"`       // version of Go
	System   string            `json:"system"`   // operating system and architecture
	CPUs     int               `json:"cpus"`     // of the machine
	Versions map[string]string `json:"versions"` // of the libraries
	Cells    []Cell            `json:"cells"`
	Bars     []Bar             `json:"bars"`
}

// A Cell is what all contenders did alike.
type Cell struct {
	// Kind is echo, pipelined, compressed, broadcast, burst or idle.
	Kind string `json:"kind"`
	// Size is that of a message in bytes, 0 for idle.
	Size int `json:"size,omitempty"`
	// Connections is how many there are.
	Connections int `json:"connections"`
	// InFlight is how many messages were sent at once.
	InFlight int `json:"inFlight,omitempty"`
	// Unit is that of the figures: µs of the server's CPU for a message, ms until
	// all have a broadcast, or KiB of the server's memory for a connection.
	Unit string `json:"unit"`
	// Rounds is how often each contender was measured.
	Rounds int `json:"rounds"`
	// Figures are those of each contender.
	Figures map[string]Spread `json:"figures"`
	// Wall are the same in µs of time that has passed, for echoes of one client on
	// whatever else the machine does; nil where Figures are that already.
	Wall map[string]Spread `json:"wall,omitempty"`

	rounds, wall map[string][]float64
}

// A Spread is a median and its quartiles.
type Spread struct {
	Low    float64 `json:"low"`
	Median float64 `json:"median"`
	High   float64 `json:"high"`
}

// A Bar is what was aimed at: the median of the ratios of ours to another's,
// each within a round, is at most Limit.
type Bar struct {
	Name  string  `json:"name"`
	Ours  string  `json:"ours"`  // ours, or ours-owned
	Other string  `json:"other"` // whom it was compared with: of several the best by its median
	Ratio Spread  `json:"ratio"`
	Limit float64 `json:"limit"`
	Met   bool    `json:"met"`
}

// broadcastSize is that of a message that is broadcast.
const broadcastSize = 128

// A plan is what is measured.
type plan struct {
	names       *regexp.Regexp // of cells
	heats       int            // of races: servers are started anew for each
	rounds      int            // in each heat
	sizes       []int
	connections []int
	work        time.Duration // about that of a server in a round of echoes
	crowd       int           // connections for broadcasts, and of those that are idle
	casts       int           // rounds of broadcasts
	idle        int           // rounds of idle connections
}

var (
	full = plan{
		heats: 4, rounds: 4, sizes: []int{32, 1 << 10, 16 << 10, 1 << 20}, connections: []int{1, 64, 512},
		work: 100 * time.Millisecond, crowd: 2000, casts: 31, idle: 3,
	}
	brief = plan{
		heats: 3, rounds: 2, sizes: []int{32, 1 << 10, 16 << 10, 1 << 20}, connections: []int{64},
		work: 30 * time.Millisecond, crowd: 2000, casts: 7, idle: 1,
	}
	quick = plan{
		heats: 2, rounds: 2, sizes: []int{32, 1 << 10, 16 << 10, 1 << 20}, connections: []int{64},
		work: 20 * time.Millisecond, crowd: 500, casts: 5, idle: 1,
	}
)

// An Effort is how thoroughly to measure.
type Effort int

const (
	// Quick takes less than half a minute.
	Quick Effort = iota
	// Brief takes about one, for what users have most: 64 connections.
	Brief
	// Full takes some minutes.
	Full
)

// Measure measures all contenders. The program must have called [Child].
func Measure(e Effort) (Results, error) { return MeasureOnly(e, regexp.MustCompile("")) }

// MeasureOnly is Measure of the cells whose names match: names as "echo 32 B, 64
// connections", which are in the tables.
func MeasureOnly(e Effort, names *regexp.Regexp) (Results, error) {
	p := [...]plan{Quick: quick, Brief: brief, Full: full}[e]
	p.names = names
	return p.measure()
}

var (
	peers       = []string{"gorilla", "coder", "gws", "gobwas"}
	contenders  = append([]string{ours, oursOwned, floor}, peers...)
	compressors = []string{ours, oursOwned, "gorilla", "coder", "gws"} // gobwas/ws leaves it to its users
	casters     = append([]string{ours, floor}, peers...)
	idlers      = append([]string{oursRequest, oursHandler}, contenders...)
)

func (p plan) measure() (Results, error) {
	r := Results{
		Go:       runtime.Version(),
		System:   runtime.GOOS + "/" + runtime.GOARCH,
		CPUs:     runtime.NumCPU(),
		Versions: versions(),
	}
	for _, step := range []func(plan, *Results) error{plan.echoes, plan.pipelined, plan.compressed, plan.idles, plan.broadcasts} {
		if err := step(p, &r); err != nil {
			return Results{}, fmt.Errorf("websocket: %w", err)
		}
	}
	for i := range r.Cells {
		r.Cells[i].summarise()
		r.Bars = append(r.Bars, r.Cells[i].bars()...)
	}
	return r, nil
}

// versions returns those of the libraries that are compared with.
func versions() map[string]string {
	list := make(map[string]string)
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return list
	}
	for _, m := range info.Deps {
		switch m.Path {
		case "github.com/gorilla/websocket", "github.com/coder/websocket", "github.com/lxzan/gws", "github.com/gobwas/ws":
			list[m.Path] = m.Version
		}
	}
	return list
}

func (p plan) echoes(r *Results) error {
	for _, size := range p.sizes {
		for _, conns := range p.connections {
			cell := Cell{Kind: "echo", Size: size, Connections: conns, InFlight: 1}
			if err := p.race(r, cell, contenders, plain, newLoad(size, 1)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p plan) pipelined(r *Results) error {
	for _, size := range p.sizes {
		if size > 1<<10 {
			continue
		}
		cell := Cell{Kind: "pipelined", Size: size, Connections: 64, InFlight: 16}
		if err := p.race(r, cell, contenders, plain, newLoad(size, 16)); err != nil {
			return err
		}
	}
	return nil
}

func (p plan) compressed(r *Results) error {
	l, err := newCompressedLoad(1 << 10)
	if err != nil {
		return err
	}
	cell := Cell{Kind: "compressed", Size: l.size, Connections: 64, InFlight: 1}
	return p.race(r, cell, compressors, compressed, l)
}

// atOnce is how many connections have something on the way at a time. Of long
// messages there would else be more than the machine has memory for.
func atOnce(size int) int {
	if size >= 1<<20 {
		return 64
	}
	return math.MaxInt
}

// race has the contenders answer the load in turns.
func (p plan) race(r *Results, cell Cell, names []string, m mode, l load) error {
	if !p.names.MatchString(cell.name()) {
		return nil
	}
	cell.Unit, cell.Rounds = "µs", p.heats*p.rounds
	cell.rounds, cell.wall = make(map[string][]float64), make(map[string][]float64)
	for range p.heats {
		if err := p.heat(&cell, names, m, l); err != nil {
			return err
		}
	}
	r.Cells = append(r.Cells, cell)
	return nil
}

// heat is some rounds of a race, with new servers and connections: two processes
// of the same program are not equally fast.
func (p plan) heat(cell *Cell, names []string, m mode, l load) error {
	names = slices.Clone(names)
	rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	children, stop, err := startAll(names, m)
	if err != nil {
		return err
	}
	defer stop()
	all := make([]clients, len(children))
	defer func() {
		for _, c := range all {
			c.close()
		}
	}()
	for i, c := range children {
		if all[i], err = dialAll(c.address, m, cell.Connections, l); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	// How often each connection has to exchange the load for a round.
	sample := 10
	if l.size >= 1<<20 {
		sample = 2
	}
	times := sample
	for warm := range 2 {
		for i, c := range children {
			spent, _, err := measureRun(c, all[i], l, sample)
			if err != nil {
				return err
			}
			if c.name == ours && warm == 1 {
				times = max(2, int(p.work*time.Duration(sample)/max(spent, time.Microsecond)))
			}
		}
	}
	messages := float64(times * cell.Connections * l.inFlight)
	for range p.rounds {
		for _, i := range rand.Perm(len(children)) {
			c := children[i]
			spent, passed, err := measureRun(c, all[i], l, times)
			if err != nil {
				return err
			}
			cell.rounds[c.name] = append(cell.rounds[c.name], micro(spent)/messages)
			cell.wall[c.name] = append(cell.wall[c.name], micro(passed)/messages)
		}
	}
	return nil
}

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// measureRun returns the CPU time of the server for a run, and the time that it
// took.
func measureRun(c *child, all clients, l load, times int) (spent, passed time.Duration, err error) {
	before, err := c.usage()
	if err != nil {
		return 0, 0, err
	}
	start := time.Now()
	if err := all.run(l, times, atOnce(l.size)); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", c.name, err)
	}
	passed = time.Since(start)
	after, err := c.usage()
	return after - before, passed, err
}

// idles measures the memory of connections that have exchanged one message.
func (p plan) idles(r *Results) error {
	cell := Cell{Kind: "idle", Connections: p.crowd, Unit: "KiB", Rounds: p.idle, rounds: make(map[string][]float64)}
	if !p.names.MatchString(cell.name()) {
		return nil
	}
	l := newLoad(32, 1)
	for range p.idle {
		for _, i := range rand.Perm(len(idlers)) {
			name := idlers[i]
			bytes, err := idle(name, p.crowd, l)
			if err != nil {
				return err
			}
			cell.rounds[name] = append(cell.rounds[name], float64(bytes)/1024/float64(p.crowd))
		}
	}
	r.Cells = append(r.Cells, cell)
	return nil
}

// idle returns by how many bytes a server's memory grows with so many
// connections.
func idle(name string, conns int, l load) (int64, error) {
	c, err := start(name, plain)
	if err != nil {
		return 0, err
	}
	defer c.stop()
	first, err := dialAll(c.address, plain, 16, l) // what is needed once
	if err != nil {
		return 0, err
	}
	first.close()
	before, err := c.tell("memory", 0)
	if err != nil {
		return 0, err
	}
	all, err := dialAll(c.address, plain, conns, l)
	if err != nil {
		return 0, err
	}
	defer all.close()
	after, err := c.tell("memory", 0)
	return after.Resident - before.Resident, err
}

// broadcasts measures how long it takes until all have a message, and a burst
// of 20.
func (p plan) broadcasts(r *Results) error {
	var cells []Cell
	for _, cell := range []Cell{{Kind: "broadcast", InFlight: 1}, {Kind: "burst", InFlight: 20}} {
		cell.Size, cell.Connections = broadcastSize, p.crowd
		cell.Unit, cell.Rounds, cell.rounds = "ms", p.casts, make(map[string][]float64)
		if p.names.MatchString(cell.name()) {
			cells = append(cells, cell)
		}
	}
	if len(cells) == 0 {
		return nil
	}
	children, stop, err := startAll(casters, broadcasts)
	if err != nil {
		return err
	}
	defer stop()
	all := make([]clients, len(children))
	defer func() {
		for _, c := range all {
			c.close()
		}
	}()
	for i, c := range children {
		if all[i], err = dialAll(c.address, plain, p.crowd, newLoad(32, 1)); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if _, err := c.tell("await", p.crowd); err != nil {
			return err
		}
	}
	for _, cell := range cells {
		for round := range p.casts + 1 {
			for _, i := range rand.Perm(len(children)) {
				took, err := all[i].receive(children[i], cell.InFlight)
				if err != nil {
					return fmt.Errorf("%s: %w", children[i].name, err)
				}
				if round > 0 {
					cell.rounds[children[i].name] = append(cell.rounds[children[i].name], micro(took)/1000)
				}
			}
		}
		r.Cells = append(r.Cells, cell)
	}
	return nil
}

// receive has the server broadcast, and returns how long it takes until all
// have it.
func (all clients) receive(c *child, burst int) (time.Duration, error) {
	size := burst * (len(appendHeader(nil, 0x81, broadcastSize)) + broadcastSize)
	errs := make(chan error, len(all))
	for _, c := range all {
		c.conn.SetDeadline(time.Now().Add(patience))
		go func() { errs <- c.skip(size) }()
	}
	start := time.Now()
	if _, err := c.tell("broadcast", burst); err != nil {
		return 0, err
	}
	var failed error
	for range all {
		failed = cmp.Or(failed, <-errs)
	}
	return time.Since(start), failed
}

// skip reads so many bytes.
func (c *client) skip(size int) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for size > 0 {
		n, err := c.conn.Read((*buf)[:min(size, len(*buf))])
		if err != nil {
			return err
		}
		size -= n
	}
	return nil
}

// summarise makes the figures of the rounds.
func (c *Cell) summarise() {
	c.Figures = make(map[string]Spread, len(c.rounds))
	for name, list := range c.rounds {
		c.Figures[name] = spread(list)
	}
	if c.wall == nil {
		return
	}
	c.Wall = make(map[string]Spread, len(c.wall))
	for name, list := range c.wall {
		c.Wall[name] = spread(list)
	}
}

// spread returns the median of a list and its quartiles, of four digits.
func spread(list []float64) Spread {
	sorted := slices.Sorted(slices.Values(list))
	at := func(part float64) float64 {
		v := sorted[int(math.Round(part*float64(len(sorted)-1)))]
		if v == 0 {
			return 0
		}
		scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
		return math.Round(v*scale) / scale
	}
	return Spread{at(0.25), at(0.5), at(0.75)}
}

// best returns the peer with the least median.
func (c *Cell) best() string {
	return slices.MinFunc(c.among(peers), func(a, b string) int {
		return cmp.Compare(c.Figures[a].Median, c.Figures[b].Median)
	})
}

// among returns those of the names that took part.
func (c *Cell) among(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return c.rounds[name] == nil })
}

// bars are those that a cell is held against.
func (c *Cell) bars() []Bar {
	switch c.Kind {
	case "echo":
		limit := map[int]float64{32: 0.92, 1 << 10: 0.95, 16 << 10: 0.85, 1 << 20: 0.62}[c.Size]
		return []Bar{
			c.bar(ours, c.best(), limit), c.bar(ours, floor, 1.05),
			c.bar(oursOwned, "gorilla", 1), c.bar(oursOwned, "coder", 1),
		}
	case "pipelined":
		return []Bar{c.bar(ours, c.best(), 1.0/5)}
	case "compressed":
		return []Bar{
			c.bar(ours, "gorilla", 1), c.bar(ours, "coder", 1),
			c.bar(oursOwned, "gorilla", 1), c.bar(oursOwned, "coder", 1),
		}
	default:
		return []Bar{c.bar(ours, c.best(), 1)}
	}
}

// bar compares two contenders round by round.
func (c *Cell) bar(who, other string, limit float64) Bar {
	var ratios []float64
	for i, figure := range c.rounds[who] {
		ratios = append(ratios, figure/c.rounds[other][i])
	}
	b := Bar{Name: c.name(), Ours: who, Other: other, Ratio: spread(ratios), Limit: limit}
	b.Met = b.Ratio.Median <= limit
	return b
}

// name says what is measured.
func (c *Cell) name() string {
	var b strings.Builder
	b.WriteString(c.Kind)
	if c.Size > 0 {
		fmt.Fprintf(&b, " %s", sizeText(c.Size))
	}
	if c.InFlight > 1 {
		fmt.Fprintf(&b, ", %d at once", c.InFlight)
	}
	fmt.Fprintf(&b, ", %d connections", c.Connections)
	return strings.Replace(b.String(), ", 1 connections", ", 1 connection", 1)
}

// sizeText is a size as people write it.
func sizeText(size int) string {
	switch {
	case size >= 1<<20:
		return fmt.Sprintf("%d MiB", size>>20)
	case size >= 1<<10:
		return fmt.Sprintf("%d KiB", size>>10)
	default:
		return fmt.Sprintf("%d B", size)
	}
}
