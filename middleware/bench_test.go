package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/gongular/gongular/middleware"
)

// idle is a handler that does nothing.
var idle = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

// The first entry that needs a record makes it, in one allocation for all; the
// others find it.
func BenchmarkNothing(b *testing.B) {
	for name, entries := range map[string]int{"0 entries": 0, "1 entry": 1, "2 entries": 2, "10 entries": 10} {
		mw := middleware.Chain(slices.Repeat([]middleware.Middleware{middleware.Nothing()}, entries)...)
		b.Run(name, func(b *testing.B) { benchmark(b, mw, request("GET", "/")) })
	}
}

// What the entries cost that have nothing to do for the request.
func BenchmarkPassing(b *testing.B) {
	origins := middleware.NewOrigins("https://app.example.com")
	for name, mw := range map[string]middleware.Middleware{
		"If":               middleware.If(middleware.IsUpgrade, middleware.Nothing()),
		"CORS":             middleware.CORS(middleware.CORSConfig{Origins: origins}),
		"CSRF":             middleware.CSRF(origins),
		"BodyLimit":        middleware.BodyLimit(1 << 20),
		"RedirectSlashes":  middleware.RedirectSlashes(),
		"StripSlashes":     middleware.StripSlashes(),
		"BlockUserAgent":   middleware.BlockUserAgent("badbot"),
		"RequireUserAgent": middleware.RequireUserAgent(),
		"IPWhitelist":      middleware.IPWhitelist("192.0.2.0/24"),
		"IPBlacklist":      middleware.NewIPBlacklist("10.0.0.0/8", "2001:db8::/32").Middleware(),
		"ETag of a POST":   middleware.Chain(toPost, middleware.ETag(1<<10)),
	} {
		b.Run(name, func(b *testing.B) { benchmark(b, mw, request("GET", "/path", "User-Agent: Mozilla/5.0")) })
	}
}

// What the entries cost that do something, the record included.
func BenchmarkWorking(b *testing.B) {
	for name, mw := range map[string]middleware.Middleware{
		"TrustedProxies":  middleware.TrustedProxies("192.0.2.0/24"),
		"BearerAuth":      middleware.BearerAuth(func(string) (any, error) { return nil, nil }),
		"RequireKey":      middleware.RequireKey("X-API-Key", "k"),
		"QueryAuth":       middleware.QueryAuth("token", func(string) (any, error) { return nil, nil }),
		"ExtractHeader":   middleware.ExtractHeader("User-Agent", "agent"),
		"SecurityHeaders": middleware.SecurityHeaders(middleware.SecurityConfig{}),
		"ETag":            middleware.ETag(1 << 10),
	} {
		r := request("GET", "/path?token=x", "Authorization: Bearer x", "X-API-Key: k", "X-Forwarded-For: 6.6.6.6", "User-Agent: Mozilla/5.0")
		b.Run(name, func(b *testing.B) { benchmark(b, mw, r) })
	}
}

func toPost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Method = "POST"
		next.ServeHTTP(w, r)
	})
}

func benchmark(b *testing.B, mw middleware.Middleware, r *http.Request) {
	h := mw(idle)
	w := httptest.NewRecorder()
	header := w.Header()
	b.ReportAllocs()
	for b.Loop() {
		clear(header)
		h.ServeHTTP(w, r)
	}
}

// Entries that have nothing to do cost no allocation, and those that need a record
// one for all of them.
func TestAllocations(t *testing.T) {
	w := httptest.NewRecorder()
	for _, test := range []struct {
		name string
		mw   middleware.Middleware
		want float64
	}{
		{"one", middleware.Nothing(), 1},
		{"several", middleware.Chain(middleware.Nothing(), middleware.TrustedProxies("192.0.2.1"), middleware.Nothing(), middleware.Watching(func(middleware.Seen) {}),
			middleware.OnRefuse(func(http.ResponseWriter, *http.Request, int, string) {}), middleware.BearerAuth(func(string) (any, error) { return nil, nil })), 1},
		{"without a record", middleware.Chain(
			middleware.CSRF(nil), middleware.BodyLimit(10), middleware.RedirectSlashes(), middleware.StripSlashes(), middleware.RequireUserAgent(),
			middleware.IPWhitelist("192.0.2.1"), middleware.NewIPBlacklist("10.0.0.0/8").Middleware(), middleware.RequireKey("X-API-Key", "k"),
			middleware.If(middleware.IsUpgrade, middleware.Nothing())), 0},
	} {
		h := test.mw(idle)
		r := request("GET", "/path", "Authorization: Bearer x", "X-API-Key: k", "User-Agent: Mozilla/5.0")
		r.Body = http.NoBody
		if got := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }); got > test.want {
			t.Errorf("%s: %v allocations, want %v", test.name, got, test.want)
		}
	}
}
