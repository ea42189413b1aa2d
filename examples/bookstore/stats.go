package main

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gongular/gongular"
)

// Counters sum up what a route callback is told. They are safe for concurrent
// use.
type counters struct {
	mu     sync.Mutex
	routes map[routeKey]*routeCount
}

// A routeKey is a method and a pattern, of which there are only so many: what
// no route took is all under the zero key, however clients call it.
type routeKey struct{ method, pattern string }

type routeCount struct {
	requests int
	statuses map[int]int
	time     time.Duration
}

func newCounters() *counters {
	return &counters{routes: map[routeKey]*routeCount{}}
}

// count is the callback. Clients wait for it, so it does no more than add.
func (c *counters) count(stat gongular.RouteStat) {
	var key routeKey
	if stat.MatchedPath != "" {
		key = routeKey{stat.Request.Method, stat.MatchedPath}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.routes[key]
	if r == nil {
		r = &routeCount{statuses: map[int]int{}}
		c.routes[key] = r
	}
	r.requests++
	r.statuses[stat.ResponseCode]++
	r.time += stat.TotalDuration
}

// A statsReport is what the counters amount to.
type statsReport struct {
	Requests int           `json:"requests"`
	Routes   []routeReport `json:"routes"`
}

type routeReport struct {
	Method   string      `json:"method,omitempty"`
	Route    string      `json:"route,omitempty"` // none for what no route took
	Requests int         `json:"requests"`
	Statuses map[int]int `json:"statuses"` // how many answers of each
	Mean     float64     `json:"mean_ms"`
}

// report returns the counts of this moment, by route and method.
func (c *counters) report() statsReport {
	c.mu.Lock()
	defer c.mu.Unlock()
	report := statsReport{Routes: []routeReport{}}
	for key, r := range c.routes {
		mean := r.time / time.Duration(r.requests)
		report.Requests += r.requests
		report.Routes = append(report.Routes, routeReport{
			key.method, key.pattern, r.requests, maps.Clone(r.statuses), float64(mean.Microseconds()) / 1000,
		})
	}
	slices.SortFunc(report.Routes, func(a, b routeReport) int {
		return cmp.Or(cmp.Compare(a.Route, b.Route), cmp.Compare(a.Method, b.Method))
	})
	return report
}

// showStats answers with what was counted up to the request before it.
type showStats struct{ Counters *counters }

func (h *showStats) Handle(c *gongular.Context) error {
	c.SetBody(h.Counters.report())
	return nil
}
