// Package results is what a run of the benchmark found: the figures, how they are
// summed up, written down and compared with those of another run.
package results

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/gongular/gongular/bench/websocket"
)

// Baseline is the contender that all are measured by, and Ours the one that
// this is all about.
const (
	Baseline = "handwritten"
	Ours     = "gongular"
)

// Again is the baseline once more: what it is off 1 is the noise of the run.
const Again = "handwritten again"

// A Run is one run of the report.
type Run struct {
	Date      string            `json:"date"` // as in 2006-01-02
	Quick     bool              `json:"quick,omitempty"`
	Go        string            `json:"go"`
	System    string            `json:"system"`
	CPU       string            `json:"cpu"`
	CPUs      int               `json:"cpus"`
	Versions  map[string]string `json:"versions"`
	Scenarios []Scenario        `json:"scenarios"`
	Load      []Load            `json:"load,omitempty"`
	More      []Benchmark       `json:"more,omitempty"`

	WebSocket *websocket.Results `json:"websocket,omitempty"` // nil if it was not measured
}

// A Scenario is what was measured in process.
type Scenario struct {
	Name   string `json:"name"`
	What   string `json:"what"`
	Mean   bool   `json:"mean,omitempty"` // is among those of the geometric mean
	Rounds int    `json:"rounds"`
	Calls  int    `json:"calls"` // requests of each contender in a round
	Cells  []Cell `json:"contenders"`
}

// A Cell is one contender in one scenario.
type Cell struct {
	Name   string  `json:"name"`
	Ratio  Spread  `json:"ratio"`  // CPU time over the baseline's in the same round
	Least  float64 `json:"least"`  // the same of the fastest tenths of both, which a busy machine disturbs least
	CPU    float64 `json:"cpu_ns"` // per request, the median
	Allocs float64 `json:"allocs"` // per request, without those of the harness
	Bytes  float64 `json:"bytes"`
}

// A Load is what was measured over loopback.
type Load struct {
	Name        string     `json:"name"`
	Connections int        `json:"connections"`
	Rounds      int        `json:"rounds"`
	Cells       []LoadCell `json:"contenders"`
}

// A LoadCell is one contender under load. All but the spreads are medians.
type LoadCell struct {
	Name   string  `json:"name"`
	Ratio  Spread  `json:"ratio"`          // CPU time for a request, over the baseline's
	Rate   Spread  `json:"rate"`           // requests in a second, over the baseline's
	PerSec float64 `json:"requests_per_s"` // requests in a second
	CPU    float64 `json:"cpu_ns"`         // per request
	P50    float64 `json:"p50_us"`
	P99    float64 `json:"p99_us"`
	Allocs float64 `json:"allocs"`
	RSS    float64 `json:"rss_mib"`
}

// A Benchmark is a line of another package's benchmark.
type Benchmark struct {
	Package string             `json:"package"`
	Name    string             `json:"name"`
	Metrics map[string]float64 `json:"metrics"`
}

// A Spread is a median between its quartiles.
type Spread struct {
	Q1     float64 `json:"q1"`
	Median float64 `json:"median"`
	Q3     float64 `json:"q3"`
}

// SpreadOf returns the spread of the values, which it sorts. There has to be one.
func SpreadOf(values []float64) Spread {
	slices.Sort(values)
	return Spread{quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75)}
}

// Median returns the median of the values, which it sorts.
func Median(values []float64) float64 { return SpreadOf(values).Median }

// quantile interpolates between the two nearest of the sorted values.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

// Least returns what the fastest tenth of the values, which it sorts, is below.
func Least(values []float64) float64 {
	slices.Sort(values)
	return quantile(values, 0.1)
}

// Cell returns the figures of a contender, and whether there are any.
func (s *Scenario) Cell(name string) (Cell, bool) {
	for _, c := range s.Cells {
		if c.Name == name {
			return c, true
		}
	}
	return Cell{}, false
}

// Scenario returns the scenario of the name, or nil.
func (r *Run) Scenario(name string) *Scenario {
	for i := range r.Scenarios {
		if r.Scenarios[i].Name == name {
			return &r.Scenarios[i]
		}
	}
	return nil
}

// GeoMean is the geometric mean of a contender's ratios over the scenarios that
// it is taken of; 0 if one is missing.
func (r *Run) GeoMean(name string) float64 {
	return r.geoMean(name, func(c Cell) float64 { return c.Ratio.Median })
}

func (r *Run) geoMean(name string, of func(Cell) float64) float64 {
	sum, n := 0.0, 0
	for _, s := range r.Scenarios {
		if !s.Mean {
			continue
		}
		c, ok := s.Cell(name)
		if !ok {
			return 0
		}
		sum += math.Log(of(c))
		n++
	}
	if n == 0 {
		return 0
	}
	return math.Exp(sum / float64(n))
}

// Read reads a run that Write has written.
func Read(file string) (*Run, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := new(Run)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// Write writes the run as JSON.
func (r *Run) Write(file string) error {
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o666)
}

// Rounded is a copy with four digits of each figure: more mean nothing.
func (r *Run) Rounded() *Run {
	c := *r
	c.Scenarios = slices.Clone(r.Scenarios)
	for i := range c.Scenarios {
		cells := slices.Clone(c.Scenarios[i].Cells)
		for j := range cells {
			round(&cells[j].Least, &cells[j].CPU, &cells[j].Allocs, &cells[j].Bytes)
			cells[j].Ratio.round()
		}
		c.Scenarios[i].Cells = cells
	}
	c.Load = slices.Clone(r.Load)
	for i := range c.Load {
		cells := slices.Clone(c.Load[i].Cells)
		for j := range cells {
			round(&cells[j].PerSec, &cells[j].CPU, &cells[j].P50, &cells[j].P99, &cells[j].Allocs, &cells[j].RSS)
			cells[j].Ratio.round()
			cells[j].Rate.round()
		}
		c.Load[i].Cells = cells
	}
	c.More = slices.Clone(r.More)
	for i := range c.More {
		metrics := map[string]float64{}
		for unit, v := range c.More[i].Metrics {
			round(&v)
			metrics[unit] = v
		}
		c.More[i].Metrics = metrics
	}
	return &c
}

func (s *Spread) round() { round(&s.Q1, &s.Median, &s.Q3) }

func round(values ...*float64) {
	for _, v := range values {
		if *v == 0 || math.IsInf(*v, 0) || math.IsNaN(*v) {
			continue
		}
		scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(*v))))
		*v = math.Round(*v*scale) / scale
	}
}
