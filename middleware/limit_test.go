package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/middleware"
)

// All entries of this part work in front of all kinds of handlers.
func TestLimitsEverywhere(t *testing.T) {
	for name, m := range limits() {
		t.Run(name, func(t *testing.T) { everywhere(t, middleware.Chain(middleware.Nothing(), m)) })
	}
	t.Run("all", func(t *testing.T) {
		all := limits()
		everywhere(t, middleware.Chain(all["Recover"], all["RequestRate"], all["RateLimit"], all["MaxSessions"], all["MaxInFlight"],
			all["RouteRateLimit"], all["PerPathRateLimit"], all["CircuitBreaker"], all["Timeout"],
			all["SessionTimeoutWithWarning"], all["IdleTimeout"], all["TokenBucket"], all["DepthGuard"]))
	})
}

// limits are the entries of this part, with limits that no test meets.
func limits() map[string]middleware.Middleware {
	return map[string]middleware.Middleware{
		"RateLimit":                 middleware.RateLimit(1000),
		"RequestRate":               middleware.RequestRate(1e6, 1e6),
		"TokenBucket":               middleware.TokenBucket(1, 1),
		"RouteRateLimit":            middleware.RouteRateLimit(1000),
		"PerPathRateLimit":          middleware.PerPathRateLimit(1000),
		"MaxSessions":               middleware.MaxSessions(1000, nil),
		"MaxInFlight":               middleware.MaxInFlight(1000),
		"DepthGuard":                middleware.DepthGuard(1),
		"Recover":                   middleware.Recover(nil),
		"CircuitBreaker":            middleware.NewCircuitBreaker(1000, time.Hour).Middleware(),
		"Timeout":                   middleware.Timeout(time.Hour),
		"SessionTimeoutWithWarning": middleware.SessionTimeoutWithWarning(time.Hour, time.Minute, nil),
		"IdleTimeout":               middleware.IdleTimeout(time.Hour),
	}
}

func TestLimitConstructors(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, test := range []struct {
		name string
		make func()
		want string
	}{
		{"RateLimit", func() { middleware.RateLimit(0) }, "middleware.RateLimit: a limit below 1"},
		{"RateLimit option", func() { middleware.RateLimit(1, nil) }, "middleware.RateLimit: a nil option"},
		{"RateLimit prefix", func() { middleware.RateLimit(1, middleware.WithIPv6Prefix(0)) }, "middleware.RateLimit: WithIPv6Prefix outside of 1 to 128"},
		{"RouteRateLimit", func() { middleware.RouteRateLimit(0) }, "middleware.RouteRateLimit: a limit below 1"},
		{"PerPathRateLimit", func() { middleware.PerPathRateLimit(-1) }, "middleware.PerPathRateLimit: a limit below 1"},
		{"MaxSessions", func() { middleware.MaxSessions(0, nil) }, "middleware.MaxSessions: a limit below 1"},
		{"MaxInFlight", func() { middleware.MaxInFlight(0) }, "middleware.MaxInFlight: a limit below 1"},
		{"DepthGuard", func() { middleware.DepthGuard(0) }, "middleware.DepthGuard: a limit below 1"},
		{"RequestRate 0", func() { middleware.RequestRate(0, 1) }, "middleware.RequestRate: a rate that is not above 0 and finite"},
		{"RequestRate negative", func() { middleware.RequestRate(-1, 1) }, "middleware.RequestRate: a rate that is not above 0 and finite"},
		{"RequestRate NaN", func() { middleware.RequestRate(nan, 1) }, "middleware.RequestRate: a rate that is not above 0 and finite"},
		{"RequestRate Inf", func() { middleware.RequestRate(inf, 1) }, "middleware.RequestRate: a rate that is not above 0 and finite"},
		{"RequestRate burst", func() { middleware.RequestRate(1, 0) }, "middleware.RequestRate: a burst below 1"},
		{"RequestRate option", func() { middleware.RequestRate(1, 1, nil) }, "middleware.RequestRate: a nil option"},
		{"RequestRate key option", func() { middleware.RequestRate(1, 1, middleware.KeyOption(nil)) }, "middleware.RequestRate: a nil option"},
		{"RequestRate prefix", func() { middleware.RequestRate(1, 1, middleware.WithIPv6Prefix(129)) }, "middleware.RequestRate: WithIPv6Prefix outside of 1 to 128"},
		{"WithMaxKeys", func() { middleware.RequestRate(1, 1, middleware.WithMaxKeys(0)) }, "middleware.RequestRate: WithMaxKeys below 1"},
		{"WithMaxKeys and WithStore", func() {
			middleware.RequestRate(1, 1, middleware.WithMaxKeys(1), middleware.WithStore(middleware.NewRateTable(1)))
		}, "middleware.RequestRate: WithMaxKeys for a store of one's own"},
		{"WithKey", func() { middleware.WithKey(nil) }, "middleware.WithKey: a nil function"},
		{"WithCost", func() { middleware.WithCost(nil) }, "middleware.WithCost: a nil function"},
		{"WithStore", func() { middleware.WithStore(nil) }, "middleware.WithStore: a nil store"},
		{"WithPolicyName", func() { middleware.RequestRate(1, 1, middleware.WithPolicyName("")) },
			"middleware.RequestRate: a policy name that is empty or has other than printable ASCII without quotes and backslashes"},
		{"WithPolicyName quote", func() { middleware.RequestRate(1, 1, middleware.WithPolicyName(`a"b`)) },
			"middleware.RequestRate: a policy name that is empty or has other than printable ASCII without quotes and backslashes"},
		{"WithPolicyName newline", func() { middleware.RequestRate(1, 1, middleware.WithPolicyName("a\nb")) },
			"middleware.RequestRate: a policy name that is empty or has other than printable ASCII without quotes and backslashes"},
		{"TokenBucket", func() { middleware.TokenBucket(nan, 1) }, "middleware.TokenBucket: a rate that is not above 0 and finite"},
		{"TokenBucket burst", func() { middleware.TokenBucket(1, 0) }, "middleware.TokenBucket: a burst below 1"},
		{"Timeout", func() { middleware.Timeout(0) }, "middleware.Timeout: a time that is not above 0"},
		{"Timeout option", func() { middleware.Timeout(1, nil) }, "middleware.Timeout: a nil option"},
		{"WithTimeoutStats", func() { middleware.WithTimeoutStats(nil) }, "middleware.WithTimeoutStats: nil stats"},
		{"SessionTimeoutWithWarning", func() { middleware.SessionTimeoutWithWarning(time.Second, time.Second, nil) },
			"middleware.SessionTimeoutWithWarning: a warning that is not within the timeout"},
		{"SessionTimeoutWithWarning 0", func() { middleware.SessionTimeoutWithWarning(time.Second, 0, nil) },
			"middleware.SessionTimeoutWithWarning: a warning that is not within the timeout"},
		{"IdleTimeout", func() { middleware.IdleTimeout(-1) }, "middleware.IdleTimeout: a time that is not above 0"},
		{"NewIdleMonitor", func() { middleware.NewIdleMonitor(0, func() {}) }, "middleware.NewIdleMonitor: a timeout that is not above 0"},
		{"NewIdleMonitor nil", func() { middleware.NewIdleMonitor(1, nil) }, "middleware.NewIdleMonitor: a nil function"},
		{"NewSessionIdleMonitor", func() { middleware.NewSessionIdleMonitor(context.Background(), 0) },
			"middleware.NewSessionIdleMonitor: a timeout that is not above 0"},
		{"NewCircuitBreaker", func() { middleware.NewCircuitBreaker(0, 1) }, "middleware.NewCircuitBreaker: a threshold below 1"},
		{"NewCircuitBreaker cooldown", func() { middleware.NewCircuitBreaker(1, 0) }, "middleware.NewCircuitBreaker: a cooldown that is not above 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := mustPanic(t, test.make); got != test.want {
				t.Errorf("panicked with %q, want %q", got, test.want)
			}
		})
	}
}

// A gatehouse is a handler that keeps its requests until they may go.
type gatehouse struct{ in chan struct{} }

func newGatehouse() *gatehouse { return &gatehouse{make(chan struct{})} }

type leaveKey struct{}

func (g *gatehouse) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.in <- struct{}{}
	<-r.Context().Value(leaveKey{}).(chan struct{})
	if r.Header.Get("Then") == "panic" {
		panic("as asked")
	}
	io.WriteString(w, "kept")
}

// enter has h serve the request until leave is called.
func (g *gatehouse) enter(t testing.TB, h http.Handler, r *http.Request) (leave func()) {
	t.Helper()
	out, done := make(chan struct{}), make(chan struct{})
	r = r.WithContext(context.WithValue(r.Context(), leaveKey{}, out))
	go func() {
		defer close(done)
		defer func() { recover() }()
		h.ServeHTTP(httptest.NewRecorder(), r)
	}()
	wait(t, g.in)
	return func() {
		close(out)
		wait(t, done)
	}
}

// Limits of what is under way: at most that many, never fewer, and a slot is
// returned when the handler returns or panics.
func TestSlots(t *testing.T) {
	for _, test := range []struct {
		name   string
		mw     middleware.Counted
		ask    func(fields ...string) *http.Request
		status int
		text   string
		keyed  bool
	}{
		{"RateLimit", middleware.CountedClients(2), plainRequest, 429, "too many connections", true},
		{"RateLimit session", middleware.CountedClients(2), sessionRequest, 429, "too many connections", true},
		{"RouteRateLimit", middleware.CountedRoutes(2), plainRequest, 503, "route at capacity", true},
		{"PerPathRateLimit", middleware.CountedPaths(2), plainRequest, 503, "path at capacity", true},
		{"MaxInFlight", middleware.CountedRequests(2), plainRequest, 503, "server at capacity", false},
		{"MaxInFlight session", middleware.CountedRequests(2), sessionRequest, 503, "server at capacity", false},
		{"MaxSessions", middleware.CountedSessions(2, slog.New(slog.DiscardHandler)), sessionRequest, 503, "server at capacity", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := newGatehouse()
			h := test.mw.Middleware(g)
			refused := func() {
				t.Helper()
				w := do(h, test.ask())
				wantRefusal(t, w, test.status, test.text)
				if got := w.Header().Get("Retry-After"); got != "1" {
					t.Errorf("Retry-After is %q", got)
				}
			}
			leave1 := g.enter(t, h, test.ask("Then: panic"))
			leave2 := g.enter(t, h, test.ask())
			refused()
			refused()
			leave1()
			leave3 := g.enter(t, h, test.ask())
			refused()
			want := 2
			if test.keyed {
				want = 1
			}
			if n := test.mw.Count(); n != want {
				t.Errorf("%d are counted, want %d", n, want)
			}
			leave2()
			leave3()
			if n := test.mw.Count(); n != 0 {
				t.Errorf("%d are left behind", n)
			}
		})
	}
}

func plainRequest(fields ...string) *http.Request   { return request("GET", "/", fields...) }
func sessionRequest(fields ...string) *http.Request { return upgrade("/", fields...) }

// A value counts for all the handlers that it goes around.
func TestSlotsBelongToTheValue(t *testing.T) {
	g := newGatehouse()
	m := middleware.MaxInFlight(1)
	leave := g.enter(t, m(g), plainRequest())
	defer leave()
	wantRefusal(t, do(m(never(t)), plainRequest()), 503, "server at capacity")
}

// Requests that are being refused do not count.
func TestRefusalTakesNoSlot(t *testing.T) {
	for name, m := range map[string]middleware.Middleware{
		"MaxSessions": middleware.MaxSessions(1, slog.New(slog.DiscardHandler)),
		"MaxInFlight": middleware.MaxInFlight(1),
		"RateLimit":   middleware.RateLimit(1),
	} {
		t.Run(name, func(t *testing.T) {
			refusing, finish := make(chan struct{}), make(chan struct{})
			onRefuse := middleware.OnRefuse(func(http.ResponseWriter, *http.Request, int, string) {
				refusing <- struct{}{}
				<-finish
			})
			g := newGatehouse()
			h := middleware.Chain(onRefuse, m)(g)
			leave := g.enter(t, h, upgrade("/"))
			var refused sync.WaitGroup
			refused.Go(func() { wantRefusalStatus(t, do(h, upgrade("/"))) })
			wait(t, refusing)
			leave()
			g.enter(t, h, upgrade("/"))()
			close(finish)
			refused.Wait()
		})
	}
}

func wantRefusalStatus(t testing.TB, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code != 429 && w.Code != 503 {
		t.Errorf("answered %d", w.Code)
	}
}

// Never more than the limit, and as many goroutines as the limit are never refused.
func TestSlotsConcurrently(t *testing.T) {
	const limit = 8
	for _, test := range []struct {
		name string
		mw   middleware.Counted
	}{
		{"RateLimit", middleware.CountedClients(limit)},
		{"RouteRateLimit", middleware.CountedRoutes(limit)},
		{"MaxSessions", middleware.CountedSessions(limit, slog.New(slog.DiscardHandler))},
		{"MaxInFlight", middleware.CountedRequests(limit)},
	} {
		t.Run(test.name, func(t *testing.T) {
			var now, refused atomic.Int64
			h := test.mw.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				if n := now.Add(1); n > limit {
					t.Errorf("%d are under way", n)
				}
				now.Add(-1)
			}))
			ask := func(goroutines int) {
				var all sync.WaitGroup
				for range goroutines {
					all.Go(func() {
						for range 200 {
							if do(h, upgrade("/")).Code != 200 {
								refused.Add(1)
							}
						}
					})
				}
				all.Wait()
			}
			ask(limit)
			if n := refused.Load(); n != 0 {
				t.Errorf("%d were refused below the limit", n)
			}
			ask(4 * limit)
			if n := test.mw.Count(); n != 0 {
				t.Errorf("%d are left behind", n)
			}
		})
	}
}

// from makes a request that comes from the address.
func from(remote string, fields ...string) *http.Request {
	r := request("GET", "/", fields...)
	r.RemoteAddr = remote
	return r
}

func TestRateLimitKeys(t *testing.T) {
	byUser := middleware.WithKey(func(r *http.Request) string { return r.Header.Get("User") })
	for _, test := range []struct {
		name     string
		opts     []middleware.KeyOption
		one, two *http.Request
		together bool
	}{
		{"ports", nil, from("192.0.2.1:1000"), from("192.0.2.1:2000"), true},
		{"addresses", nil, from("192.0.2.1:1000"), from("192.0.2.2:1000"), false},
		{"IPv4 in IPv6", nil, from("192.0.2.1:1000"), from("[::ffff:192.0.2.1]:1"), true},
		{"same /64", nil, from("[2001:db8::1]:1"), from("[2001:db8::ffff:2]:2"), true},
		{"other /64", nil, from("[2001:db8::1]:1"), from("[2001:db8:0:1::1]:1"), false},
		{"zones", nil, from("[fe80::1%eth0]:1"), from("[fe80::1%eth1]:1"), true},
		{"/48", []middleware.KeyOption{middleware.WithIPv6Prefix(48)}, from("[2001:db8::1]:1"), from("[2001:db8:0:1::1]:1"), true},
		{"/128", []middleware.KeyOption{middleware.WithIPv6Prefix(128)}, from("[2001:db8::1]:1"), from("[2001:db8::2]:1"), false},
		{"IPv4 has no prefix", []middleware.KeyOption{middleware.WithIPv6Prefix(8)}, from("192.0.2.1:1"), from("192.0.2.2:1"), false},
		{"no address", nil, from("@"), from("pipe"), true},
		{"no address and one", nil, from("@"), from("192.0.2.1:1"), false},
		{"forged header", nil, from("192.0.2.1:1"), from("192.0.2.1:1", "X-Forwarded-For: 203.0.113.9"), true},
		{"same user", []middleware.KeyOption{byUser}, from("192.0.2.1:1", "User: ada"), from("192.0.2.2:1", "User: ada"), true},
		{"other user", []middleware.KeyOption{byUser}, from("192.0.2.1:1", "User: ada"), from("192.0.2.1:1", "User: bob"), false},
		{"no user", []middleware.KeyOption{byUser}, from("192.0.2.1:1"), from("192.0.2.1:2"), true},
		{"user named as an address", []middleware.KeyOption{byUser}, from("192.0.2.1:1"), from("192.0.2.2:1", "User: 192.0.2.1"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := newGatehouse()
			h := middleware.RateLimit(1, test.opts...)(g)
			defer g.enter(t, h, test.one.Clone(t.Context()))()
			if test.together {
				w := do(h, test.two.Clone(t.Context()))
				wantRefusal(t, w, 429, "too many connections")
				wantHeader(t, w, "RateLimit-Policy", `"connections";q=1;qu="concurrent-requests"`)
				wantHeader(t, w, "RateLimit", `"connections";r=0`)
			} else {
				g.enter(t, h, test.two.Clone(t.Context()))()
			}

			rate := middleware.RequestRate(1e-9, 1, asRateOptions(test.opts)...)(fine)
			first, second := do(rate, test.one).Code, do(rate, test.two).Code
			if first != 200 || (second == 429) != test.together {
				t.Errorf("RequestRate answered %d and %d", first, second)
			}
		})
	}
}

func asRateOptions(opts []middleware.KeyOption) (all []middleware.RateOption) {
	for _, opt := range opts {
		all = append(all, opt)
	}
	return all
}

// wantHeader compares the values of a field, which are separated by " | ".
func wantHeader(t testing.TB, w *httptest.ResponseRecorder, name, want string) {
	t.Helper()
	if got := strings.Join(w.Header().Values(name), " | "); got != want {
		t.Errorf("%s is %q, want %q", name, got, want)
	}
}

// Routes have counters of their own, although there is one middleware.
func TestRouteRateLimitByRoute(t *testing.T) {
	g := newGatehouse()
	limit := middleware.RouteRateLimit(1)
	mux := http.NewServeMux()
	mux.Handle("/users/{id}", limit(g))
	mux.Handle("/books/{id}", limit(g))
	leave := g.enter(t, mux, request("GET", "/users/1"))
	wantRefusal(t, do(mux, request("GET", "/users/2")), 503, "route at capacity")
	g.enter(t, mux, request("GET", "/books/1"))()
	leave()

	bare := limit(g)
	leave = g.enter(t, bare, request("GET", "/a"))
	wantRefusal(t, do(bare, request("GET", "/b")), 503, "route at capacity")
	leave()
}

func TestPerPathRateLimitByPath(t *testing.T) {
	g := newGatehouse()
	h := middleware.PerPathRateLimit(1)(g)
	defer g.enter(t, h, request("GET", "/a/b"))()
	for _, same := range []string{"/a/b", "/a/b/", "/a//b", "/a/c/../b", "/a/./b", "/%61/b", "/a/b?x=1"} {
		wantRefusal(t, do(h, request("POST", same)), 503, "path at capacity")
	}
	for _, other := range []string{"/", "/a", "/a/B"} {
		g.enter(t, h, request("GET", other))()
	}
}

func TestMaxSessionsLetsRequestsPass(t *testing.T) {
	g := newGatehouse()
	h := middleware.MaxSessions(1, slog.New(slog.DiscardHandler))(g)
	defer g.enter(t, h, upgrade("/"))()
	g.enter(t, h, request("GET", "/"))()
	g.enter(t, h, request("GET", "/", "Upgrade: websocket"))()
}

// A flood of refusals is one line a second in the log.
func TestMaxSessionsLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := middleware.MaxSessions(1, slog.New(slog.NewJSONHandler(&log, nil)))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		}))
		ctx, cancel := context.WithCancel(t.Context())
		go do(h, upgrade("/").WithContext(ctx))
		synctest.Wait()
		for range 10 {
			do(h, upgrade("/"))
		}
		time.Sleep(time.Second)
		do(h, upgrade("/"))
		want := []string{
			"WARN sessions refused: server at capacity limit=1 suppressed=0",
			"WARN sessions refused: server at capacity limit=1 suppressed=9",
		}
		if got := lines(t, &log, "limit", "suppressed"); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("logged %q, want %q", got, want)
		}
		cancel()
	})
}

// lines returns what a JSON handler has logged: level, message, and the attributes
// of those names.
func lines(t testing.TB, log *bytes.Buffer, names ...string) (all []string) {
	t.Helper()
	for line := range bytes.Lines(log.Bytes()) {
		var record map[string]any
		if err := json.Unmarshal(line, &record); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprint(record["level"], " ", record["msg"])
		for _, name := range names {
			text += fmt.Sprintf(" %s=%v", name, record[name])
		}
		all = append(all, text)
	}
	return all
}

// A nil logger is the default as it is when something is logged.
func TestNilLogger(t *testing.T) {
	h := middleware.Recover(nil)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") }))
	var log bytes.Buffer
	outer := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, nil)))
	defer slog.SetDefault(outer)
	do(h, request("GET", "/"))
	if got := lines(t, &log, "value"); fmt.Sprint(got) != "[ERROR panic value=x]" {
		t.Errorf("logged %q", got)
	}
}

func TestDepthGuard(t *testing.T) {
	h := middleware.DepthGuard(2)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		release1, ok1 := middleware.AcquireDepth(ctx)
		release2, ok2 := middleware.AcquireDepth(ctx)
		release3, ok3 := middleware.AcquireDepth(ctx)
		if !ok1 || !ok2 || ok3 || middleware.CheckDepth(ctx) {
			t.Errorf("three places of two: %t %t %t", ok1, ok2, ok3)
		}
		release3() // it has nothing to release
		release1()
		release1()
		if !middleware.CheckDepth(ctx) || middleware.CheckDepth(ctx) {
			t.Error("a place was released once")
		}
		release2()
		for range 5 { // one of them is taken
			middleware.ReleaseDepth(ctx)
		}
		if !middleware.CheckDepth(ctx) || !middleware.CheckDepth(ctx) || middleware.CheckDepth(ctx) {
			t.Error("stray releases change the limit")
		}
	}))
	do(h, request("GET", "/"))
	do(h, upgrade("/")) // each has places of its own
}

func TestDepthWithoutGuard(t *testing.T) {
	ctx := context.Background()
	for range 100 {
		release, ok := middleware.AcquireDepth(ctx)
		release()
		if !ok || !middleware.CheckDepth(ctx) {
			t.Fatal("there is no limit")
		}
		middleware.ReleaseDepth(ctx)
	}
}

// Of two guards the inner one counts.
func TestDepthGuardNested(t *testing.T) {
	do(middleware.Chain(middleware.DepthGuard(2), middleware.DepthGuard(1))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !middleware.CheckDepth(r.Context()) || middleware.CheckDepth(r.Context()) {
			t.Error("the inner guard has one place")
		}
	})), request("GET", "/"))
}

// Depth is acquired from many goroutines.
func TestDepthConcurrently(t *testing.T) {
	h := middleware.DepthGuard(3)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var now atomic.Int64
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				for range 100 {
					release, ok := middleware.AcquireDepth(r.Context())
					if ok {
						if n := now.Add(1); n > 3 {
							t.Errorf("%d places of 3 are taken", n)
						}
						now.Add(-1)
					}
					release()
				}
			})
		}
		all.Wait()
	}))
	do(h, request("GET", "/"))
}
