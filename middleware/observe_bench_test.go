package middleware_test

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/gongular/gongular/middleware"
)

// The usual chain, whose loggers discard.
func usual() middleware.Middleware {
	silent := slog.New(slog.DiscardHandler)
	return middleware.Chain(
		middleware.RequestID(),
		middleware.Logger(silent),
		middleware.Recover(silent),
		middleware.NewMetrics().Middleware(),
	)
}

// The usual chain adds at most ten allocations to a request.
func TestAllocationsOfTheUsualChain(t *testing.T) {
	if got := allocations(usual(), request("GET", "/")); got > 10 {
		t.Errorf("the chain adds %v allocations, want 10 at most", got)
	}
}

// What has nothing to do for a request allocates nothing but the record, which the
// first of all entries makes; others allocate what they give the handler.
func TestAllocationsOfObservers(t *testing.T) {
	silent := slog.New(slog.DiscardHandler)
	withID := request("GET", "/", "X-Request-ID: abc", "Accept-Encoding: br")
	for _, test := range []struct {
		name string
		mw   middleware.Middleware
		want float64
	}{
		{"Logger", middleware.Logger(silent), 0},
		{"Logger that skips", middleware.Logger(nil, middleware.WithSkip(func(*http.Request) bool { return true })), 0},
		{"Metrics", middleware.NewMetrics().Middleware(), 0},
		{"PrometheusMetrics", middleware.NewPrometheusMetrics().Middleware(), 0},
		{"PrometheusMetrics by route", middleware.NewPrometheusMetrics(middleware.WithRoutes()).Middleware(), 0},
		{"ConcurrencyStats", middleware.NewConcurrencyStats().Middleware(), 0},
		{"Compress for who does not accept it", middleware.Compress(middleware.NewGzipCompressor(), nil), 0},
		{"Webhook for who is no session", middleware.NewWebhook("http://hook.example/").Middleware(), 0},
		{"RequestID with an id", middleware.RequestID(), 1}, // X-Request-ID
		{"SlogAttrs", middleware.SlogAttrs(silent), 1},
		{"OTelTracing with NoopTracer", middleware.OTelTracing(middleware.NoopTracer{}), 1},
		{"Bandwidth", middleware.Bandwidth(), 1},
	} {
		record := allocations(middleware.Nothing(), withID)
		if got := allocations(middleware.Chain(middleware.Nothing(), test.mw), withID) - record; got > test.want {
			t.Errorf("%s adds %v allocations, want %v", test.name, got, test.want)
		}
	}
}

// allocations returns what the middleware adds to a request, its record included.
func allocations(mw middleware.Middleware, r *http.Request) float64 {
	w := newDiscard()
	h := mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }))
	return testing.AllocsPerRun(100, func() {
		clear(w.header)
		h.ServeHTTP(w, r)
	})
}

// What each entry costs on top of the record.
func BenchmarkObservers(b *testing.B) {
	silent := slog.New(slog.DiscardHandler)
	for _, bench := range []struct {
		name string
		mw   middleware.Middleware
	}{
		{"none", nil},
		{"RequestID", middleware.RequestID()},
		{"Logger", middleware.Logger(silent)},
		{"SlogAttrs", middleware.SlogAttrs(silent)},
		{"Tracing", middleware.Tracing(silent)},
		{"OTelTracing", middleware.OTelTracing(middleware.NoopTracer{})},
		{"Metrics", middleware.NewMetrics().Middleware()},
		{"PrometheusMetrics", middleware.NewPrometheusMetrics(middleware.WithRoutes()).Middleware()},
		{"ConcurrencyStats", middleware.NewConcurrencyStats().Middleware()},
		{"Bandwidth", middleware.Bandwidth()},
		{"Compress", middleware.Compress(middleware.NewGzipCompressor(), nil)},
		{"SessionData", middleware.SessionData()},
		{"Webhook", middleware.NewWebhook("http://hook.example/").Middleware()},
		{"usual", usual()},
	} {
		b.Run(bench.name, func(b *testing.B) {
			h := middleware.Chain(middleware.Nothing(), bench.mw)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }))
			w, r := newDiscard(), request("GET", "/")
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				h.ServeHTTP(w, r)
			}
		})
	}
}

// An answer of 20 KB, compressed and not.
func BenchmarkCompress(b *testing.B) {
	for _, accept := range []string{"gzip", "br"} {
		b.Run(accept, func(b *testing.B) {
			h := compressing(text(20_000))
			w, r := newDiscard(), request("GET", "/", "Accept-Encoding: "+accept)
			b.SetBytes(20_000)
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				h.ServeHTTP(w, r)
			}
		})
	}
}
