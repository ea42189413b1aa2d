package middleware

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// nothing is an entry that has nothing to do for the request.
var nothing = entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
	next.ServeHTTP(w, r)
})

var empty = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

// The first entry makes the record, the others find it.
func BenchmarkNothing(b *testing.B) {
	for _, bench := range []struct {
		name string
		mw   []Middleware
	}{
		{"0", nil},
		{"1", []Middleware{nothing}},
		{"2", []Middleware{nothing, nothing}},
		{"8", []Middleware{nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing}},
	} {
		b.Run(bench.name, func(b *testing.B) { benchmark(b, Chain(bench.mw...)(empty), httptest.NewRequest("GET", "/", nil)) })
	}
}

func benchmark(b *testing.B, h http.Handler, r *http.Request) {
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
