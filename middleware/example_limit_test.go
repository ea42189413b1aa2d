package middleware_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gongular/gongular/middleware"
)

// Each user may make two requests at once, and one every ten seconds.
func ExampleRequestRate() {
	limit := middleware.RequestRate(0.1, 2, middleware.WithKey(func(r *http.Request) string {
		return r.Header.Get("X-User") // of whom something before it has made sure
	}))
	h := limit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello,", r.Header.Get("X-User"))
	}))

	for _, user := range []string{"ada", "ada", "ada", "bob"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-User", user)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Print(w.Header().Get("RateLimit"), " => ", w.Code, " ", w.Body)
	}
	// Output:
	// "default";r=1;t=10 => 200 hello, ada
	// "default";r=0;t=10 => 200 hello, ada
	// "default";r=0;t=10 => 429 {"error":"too many requests"}
	// "default";r=1;t=10 => 200 hello, bob
}

// What is asked while a request is under way is refused.
func ExampleMaxInFlight() {
	var h http.Handler
	h = middleware.MaxInFlight(1)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		second := httptest.NewRecorder()
		h.ServeHTTP(second, httptest.NewRequest("GET", "/second", nil))
		fmt.Print(second.Code, " ", second.Body)
	}))

	first := httptest.NewRecorder()
	h.ServeHTTP(first, httptest.NewRequest("GET", "/first", nil))
	fmt.Println(first.Code)
	// Output:
	// 503 {"error":"server at capacity"}
	// 200
}

// After two failures in a row the handler is left alone for a minute.
func ExampleCircuitBreaker() {
	breaker := middleware.NewCircuitBreaker(2, time.Minute)
	h := breaker.Middleware()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "the database is down", http.StatusBadGateway)
	}))

	for range 3 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		fmt.Printf("%d %v %q\n", w.Code, breaker.State(), w.Header().Get("Retry-After"))
	}
	// Output:
	// 502 closed ""
	// 502 open ""
	// 503 open "60"
}

// The handler heeds its context, as what it calls should.
func ExampleTimeout() {
	h := middleware.Timeout(time.Millisecond)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done() // db.QueryContext(r.Context(), …)
	}))

	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 503 {"error":"request timed out"}
}
