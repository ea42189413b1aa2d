package middleware_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gongular/gongular/middleware"
)

// Entries that let a request pass.
func BenchmarkLimits(b *testing.B) {
	for _, bench := range passing() {
		b.Run(bench.name, func(b *testing.B) { benchmarkInside(b, bench.mw) })
	}
}

// benchmarkInside measures an entry where the record is made already.
func benchmarkInside(b *testing.B, mw middleware.Middleware) {
	h := middleware.Chain(mw)(idle)
	do(middleware.Nothing()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		b.ReportAllocs()
		for b.Loop() {
			h.ServeHTTP(w, r)
			clear(header)
		}
	})), plainRequest())
}

type passingEntry struct {
	name string
	mw   middleware.Middleware
}

func passing() []passingEntry {
	return []passingEntry{
		{"none", nil},
		{"MaxSessions", middleware.MaxSessions(10, nil)},
		{"TokenBucket", middleware.TokenBucket(1, 1)},
		{"SessionTimeoutWithWarning", middleware.SessionTimeoutWithWarning(time.Hour, time.Minute, nil)},
		{"IdleTimeout", middleware.IdleTimeout(time.Hour)},
		{"Recover", middleware.Recover(nil)},
		{"CircuitBreaker", middleware.NewCircuitBreaker(10, time.Hour).Middleware()},
		{"MaxInFlight", middleware.MaxInFlight(10)},
		{"RouteRateLimit", middleware.RouteRateLimit(10)},
		{"PerPathRateLimit", middleware.PerPathRateLimit(10)},
		{"RateLimit", middleware.RateLimit(10)},
	}
}

// These take memory, for what they give to the request or tell the client.
func BenchmarkLimitsThatTellOrKeep(b *testing.B) {
	for _, bench := range []passingEntry{
		{"DepthGuard", middleware.DepthGuard(1)},
		{"RequestRate", middleware.RequestRate(1e9, 1e9)},
		{"RequestRate without fields", middleware.RequestRate(1e9, 1e9, middleware.WithoutFields())},
		{"Timeout", middleware.Timeout(time.Hour)},
	} {
		b.Run(bench.name, func(b *testing.B) { benchmarkInside(b, bench.mw) })
	}
}

// An entry that lets a request pass allocates nothing beside the record.
func TestPassingAllocatesNothing(t *testing.T) {
	allocs := func(mw middleware.Middleware) float64 {
		h := middleware.Chain(middleware.Nothing(), mw)(idle)
		w, r := newDiscard(), plainRequest()
		return testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) })
	}
	none := allocs(nil)
	for _, entry := range passing() {
		if got := allocs(entry.mw); got != none {
			t.Errorf("%s: %v allocations, %v without it", entry.name, got, none)
		}
	}
}
