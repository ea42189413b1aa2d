package middleware_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/gongular/gongular/middleware"
)

// What holds for each entry by itself.

// All kinds of handlers work behind each entry alone as they do without.
func TestEachEntryEverywhere(t *testing.T) {
	for _, e := range newWhole(t, wholeLimits{}).entries {
		t.Run(e.name, func(t *testing.T) {
			tr := trial{fields: wholeFields}
			if e.name == "QueryAuth" || e.name == "NoCache" {
				tr.query = "token=x"
			}
			tr.run(t, middleware.Chain(middleware.Nothing(), e.Middleware))
		})
	}
}

// What refuses answers a request and an upgrade alike, before the next handler is
// called, with the fields that go with it.
func TestRefusals(t *testing.T) {
	silent := slog.New(slog.DiscardHandler)
	// busy is a limit of one, which is taken.
	busy := func(m middleware.Middleware) middleware.Middleware {
		g := newGatehouse()
		t.Cleanup(g.enter(t, m(g), upgrade("/")))
		return m
	}
	rate := middleware.RequestRate(0.1, 1)
	do(rate(fine), request("GET", "/"))
	breaker := middleware.NewCircuitBreaker(1, time.Hour)
	do(breaker.Middleware()(answering(500)), request("GET", "/"))
	foreign := "Origin: https://evil.example"
	for _, test := range []struct {
		name   string
		mw     middleware.Middleware
		fields []string
		status int
		text   string
		answer string // header fields, in order
		method string // of what is no upgrade; "": GET, "-": it passes
	}{
		{"BearerAuth", middleware.BearerAuth(validate), nil, 401, "missing authorization", "Www-Authenticate: Bearer", ""},
		{"BearerAuth, scheme", middleware.BearerAuth(validate), []string{"Authorization: Basic x"}, 401, "invalid authorization", `Www-Authenticate: Bearer error="invalid_request"`, ""},
		{"BearerAuth, token", middleware.BearerAuth(validate), []string{"Authorization: Bearer y"}, 401, "invalid token", `Www-Authenticate: Bearer error="invalid_token"`, ""},
		{"QueryAuth", middleware.QueryAuth("token", validate), nil, 401, "missing auth token", "Referrer-Policy: no-referrer, Www-Authenticate: Bearer", ""},
		{"RequireKey", middleware.RequireKey("X-API-Key", "k"), nil, 401, "invalid API key", "Www-Authenticate: ApiKey", ""},
		{"IPWhitelist", middleware.IPWhitelist("10.0.0.0/8"), nil, 403, "ip not allowed", "", ""},
		{"IPBlacklist", middleware.NewIPBlacklist("192.0.2.1").Middleware(), nil, 403, "ip blocked", "", ""},
		{"BlockUserAgent", middleware.BlockUserAgent("bot"), []string{"User-Agent: Bot"}, 403, "user agent blocked", "", ""},
		{"RequireUserAgent", middleware.RequireUserAgent(), nil, 400, "user agent required", "", ""},
		{"RateLimit", busy(middleware.RateLimit(1)), nil, 429, "too many connections",
			`Ratelimit-Policy: "connections";q=1;qu="concurrent-requests", Ratelimit: "connections";r=0, Retry-After: 1`, ""},
		{"RequestRate", rate, nil, 429, "too many requests", `Ratelimit-Policy: "default";q=1;w=10, Ratelimit: "default";r=0;t=10, Retry-After: 10`, ""},
		{"RouteRateLimit", busy(middleware.RouteRateLimit(1)), nil, 503, "route at capacity", "Retry-After: 1", ""},
		{"PerPathRateLimit", busy(middleware.PerPathRateLimit(1)), nil, 503, "path at capacity", "Retry-After: 1", ""},
		{"MaxSessions", busy(middleware.MaxSessions(1, silent)), nil, 503, "server at capacity", "Retry-After: 1", "-"},
		{"MaxInFlight", busy(middleware.MaxInFlight(1)), nil, 503, "server at capacity", "Retry-After: 1", ""},
		{"CircuitBreaker", breaker.Middleware(), nil, 503, "service unavailable", "Retry-After: 3600", ""},
		{"CORS", middleware.CORS(middleware.CORSConfig{AllowedOrigins: []string{"https://app.example"}}), []string{foreign}, 403, "origin not allowed", "Vary: Origin", "-"},
		{"CSRF", middleware.CSRF(nil), []string{foreign}, 403, "cross-origin request", "", "POST"},
	} {
		t.Run(test.name, func(t *testing.T) {
			refused := func(r *http.Request) {
				t.Helper()
				var seen middleware.Seen
				w := do(middleware.Chain(middleware.Watching(func(s middleware.Seen) { seen = s }), test.mw)(never(t)), r)
				wantRefusal(t, w, test.status, test.text)
				if seen.Refusal != test.text || seen.Status != test.status {
					t.Errorf("seen from outside: %+v", seen)
				}
				var fields []string
				for name, values := range w.Header() {
					if name != "Content-Type" && name != "Cache-Control" && name != "X-Content-Type-Options" {
						fields = append(fields, name+": "+strings.Join(values, " + "))
					}
				}
				slices.Sort(fields)
				if got := strings.Join(fields, ", "); got != test.answer {
					t.Errorf("the refusal has %s, want %s", got, test.answer)
				}
			}
			refused(upgrade("/", test.fields...))
			switch test.method {
			case "-":
				if w := do(test.mw(fine), request("GET", "/", test.fields...)); w.Code != 200 {
					t.Errorf("a request that is no upgrade is answered %d", w.Code)
				}
			case "":
				refused(request("GET", "/", test.fields...))
			default:
				refused(request(test.method, "/", test.fields...))
			}
			if test.method == "" {
				if w := do(test.mw(never(t)), request("HEAD", "/", test.fields...)); w.Code != test.status || w.Body.Len() != 0 {
					t.Errorf("HEAD is answered %d %q", w.Code, w.Body)
				}
			}
		})
	}
}

// Of a request that is over no entry keeps anything, be it in a map, in a timer or in
// a goroutine: its memory is free.
func TestNothingIsKept(t *testing.T) {
	whole := newWhole(t, wholeLimits{})
	for _, e := range append(whole.entries, namedEntry{"all", whole.around}) {
		for name, r := range map[string]func() *http.Request{
			"request":       func() *http.Request { return request("GET", "/", wholeFields...) },
			"panic":         func() *http.Request { return request("GET", "/panic", wholeFields...) },
			"session":       func() *http.Request { return upgrade("/", wholeFields...) },
			"session panic": func() *http.Request { return upgrade("/panic", wholeFields...) },
		} {
			served := func() (kept weak.Pointer[http.Request]) {
				h := middleware.Chain(middleware.Nothing(), e.Middleware)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					kept = weak.Make(r)
					if middleware.IsUpgrade(r) {
						taking(w, r)
					}
					if r.URL.Path == "/panic" {
						panic("x")
					}
				}))
				quietly(h, &takeable{discard: newDiscard()}, r())
				return kept
			}()
			for end := time.Now().Add(patience); served.Value() != nil && time.Now().Before(end); {
				runtime.GC() // more than once, should another goroutine be about to end
			}
			if served.Value() != nil {
				t.Errorf("%s keeps a %s", e.name, name)
			}
		}
	}
	whole.wantNothingUnderWay(t)
}

// Tokens and keys are nowhere but where they came from: not in logs of any level, in
// spans, metrics or events, and not in answers.
func TestSecretsStayWhereTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const secret = "sEcReT"
		var j journal
		var spans collector
		var events strings.Builder
		hook := middleware.NewWebhook("http://hook.example/", middleware.WithTransport(transport(func(r *http.Request) (*http.Response, error) {
			io.Copy(&events, r.Body)
			return answer(204), nil
		})))
		log := j.logger(slog.LevelDebug)
		metrics := middleware.NewPrometheusMetrics(middleware.WithRoutes())
		check := func(token string) (any, error) {
			switch token {
			case secret:
				return "ada", nil
			case secret + "-down":
				return nil, status(503)
			}
			return nil, fmt.Errorf("no such token: %s", token)
		}
		h := middleware.Chain(
			middleware.RequestID(), middleware.Tracing(log), middleware.OTelTracing(middleware.LogTracer{Logger: log}), middleware.OTelTracing(&spans),
			middleware.SlogAttrs(log), middleware.Logger(log), metrics.Middleware(), middleware.Recover(log), hook.Middleware(),
			middleware.BearerAuth(check), middleware.QueryAuth("token", check), middleware.RequireKey("X-API-Key", secret),
			middleware.NewCircuitBreaker(1000, time.Second).Middleware(), middleware.Unless(middleware.IsUpgrade, middleware.Timeout(time.Hour, middleware.WithTimeoutLogger(log))),
		)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			middleware.GetLogger(r.Context()).Info("inside", "context", r.Context(), "url", r.URL, "uri", r.RequestURI)
			if middleware.IsUpgrade(r) {
				taking(w, r)
			}
			if r.URL.Path == "/panic" {
				panic("a mistake")
			}
			fmt.Fprint(w, r.URL, middleware.User(r.Context()))
		}))
		var answers strings.Builder
		passed := 0
		for _, path := range []string{"/", "/panic"} {
			for _, bearer := range []string{"", "-bad", "-down", " two", "\x01"} {
				for _, query := range []string{"", "-bad", "-down", "&token=" + secret, "%zz"} {
					for _, key := range []string{"", "-bad"} {
						fields := []string{"Authorization: Bearer " + secret + bearer, "X-API-Key: " + secret + key}
						for _, r := range []*http.Request{request("GET", path+"?a=1", fields...), upgrade(path+"?a=1", fields...)} {
							r.URL.RawQuery += "&token=" + secret + query
							r.RequestURI = path + "?" + r.URL.RawQuery
							w := &takeable{discard: newDiscard()}
							quietly(h, w, r)
							fmt.Fprintln(&answers, w.header)
							w2 := do(h, r) // which cannot be hijacked
							fmt.Fprintln(&answers, w2.Code, w2.Header(), w2.Body)
							if w2.Code == 200 {
								passed++
							}
						}
					}
				}
			}
		}
		if err := hook.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if passed == 0 || events.Len() == 0 {
			t.Fatalf("%d requests have passed; events: %s", passed, &events)
		}
		for name, text := range map[string]string{
			"log": strings.Join(j.lines(), "\n"), "spans": strings.Join(spans.told(), "\n"), "metrics": do(metrics.Handler(), request("GET", "/")).Body.String(),
			"events": events.String(), "answers": answers.String(),
		} {
			for line := range strings.Lines(text) {
				if strings.Contains(line, secret) {
					t.Errorf("%s: %s", name, line)
				}
			}
		}
	})
}

// Header fields that come twice, or have 64 KiB, pass or are refused, and nothing of
// them makes a log longer than a line may be.
func TestWholeChainHostileHeaders(t *testing.T) {
	for _, test := range []struct {
		field, value string
		twice, long  int    // of requests
		sessions     [2]int // of upgrades; zero: as of requests
	}{
		{"Authorization", "Bearer x", 401, 401, [2]int{}},
		{"X-API-Key", "k", 401, 401, [2]int{}},
		{"User-Agent", "Mozilla/5.0", 200, 200, [2]int{}},
		{"Origin", "https://app.example.com", 200, 200, [2]int{403, 403}},
		{"X-Forwarded-For", "203.0.113.7", 200, 200, [2]int{}},
		{"X-Forwarded-Proto", "https", 200, 200, [2]int{}},
		{"X-Real-IP", "203.0.113.7", 200, 200, [2]int{}},
		{"Forwarded", "for=203.0.113.7", 200, 200, [2]int{}},
		{"X-Request-ID", "0123456789abcdef", 200, 200, [2]int{}},
		{"Traceparent", "00-" + someTrace + "-" + someParent + "-01", 200, 200, [2]int{}},
		{"Tracestate", "a=1", 200, 200, [2]int{}},
		{"Accept-Encoding", "gzip", 200, 200, [2]int{}},
		{"If-None-Match", `"a"`, 200, 200, [2]int{}},
		{"X-Tenant", "acme", 200, 200, [2]int{}},
		{"Cookie", "a=1", 200, 200, [2]int{}},
		{"Access-Control-Request-Method", "PUT", 200, 200, [2]int{}},
		{"Access-Control-Request-Headers", "x-a", 200, 200, [2]int{}},
		{"Sec-Fetch-Site", "cross-site", 200, 200, [2]int{}},
		{"Connection", "upgrade", 200, 200, [2]int{}},
		{"Upgrade", "websocket", 200, 200, [2]int{}},
	} {
		var j journal
		whole := newWhole(t, wholeLimits{logger: j.logger(slog.LevelInfo)})
		h := whole.around(fine)
		for i, want := range []int{test.twice, test.long} {
			for _, r := range []*http.Request{request("GET", "/", wholeFields...), upgrade("/", wholeFields...)} {
				if middleware.IsUpgrade(r) && test.sessions[i] != 0 {
					want = test.sessions[i]
				}
				r.Header[test.field] = nil
				if i == 0 {
					r.Header[http.CanonicalHeaderKey(test.field)] = []string{test.value, test.value}
				} else {
					r.Header[http.CanonicalHeaderKey(test.field)] = []string{test.value + strings.Repeat("a", 1<<16)}
				}
				w := do(h, r)
				if w.Code != want || want == 200 && w.Body.String() != "fine" {
					t.Errorf("%s of %d bytes: answered %d %s, want %d", test.field, len(r.Header.Get(test.field)), w.Code, short(w.Body.String()), want)
				}
				if id := w.Header().Get("X-Request-ID"); !newIDs.MatchString(id) {
					t.Errorf("%s: the id is %s", test.field, short(id))
				}
				for _, line := range j.lines() {
					if len(line) > 1<<10 {
						t.Errorf("%s: logged %d bytes, %s", test.field, len(line), short(line))
					}
				}
			}
		}
		whole.wantNothingUnderWay(t)
	}
}

// A value that is given no logger logs to the default as it is when something is
// logged.
func TestNilLoggerIsTheDefault(t *testing.T) {
	broken := middleware.WithStore(storeFunc(func(context.Context, string, int, middleware.Rate) (float64, bool, error) {
		return 0, false, errBrittle
	}))
	for _, test := range []struct {
		name string
		mw   func() middleware.Middleware
		h    http.Handler
		r    *http.Request
		want string
	}{
		{"RequestRate", func() middleware.Middleware { return middleware.RequestRate(1, 1, broken) }, fine, request("GET", "/"), "rate limit: the store fails"},
		{"Compress", func() middleware.Middleware { return middleware.Compress(&brittle{name: "br"}, nil) }, text(2000), request("GET", "/", "Accept-Encoding: br"), "the answer could not be compressed"},
		{"Timeout", func() middleware.Middleware { return middleware.Timeout(time.Second) }, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			time.Sleep(2 * time.Second)
			panic("x")
		}), request("GET", "/"), "panic after timeout"},
		{"SessionTimeoutWithWarning", func() middleware.Middleware { return middleware.SessionTimeoutWithWarning(2, 1, nil) }, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			taking(w, r)
			<-r.Context().Done()
		}), upgrade("/"), "session ended: timeout"},
		{"MaxSessions", func() middleware.Middleware {
			m := middleware.MaxSessions(1, nil)
			return func(next http.Handler) http.Handler {
				return m(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { do(m(next), upgrade("/")) }))
			}
		}, fine, upgrade("/"), "sessions refused: server at capacity"},
		{"Webhook", func() middleware.Middleware {
			return middleware.NewWebhook("http://hook.example/", middleware.WithTransport(transport(func(*http.Request) (*http.Response, error) {
				return answer(400), nil
			}))).Middleware()
		}, taking, upgrade("/"), "a webhook event was given up"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var j journal
				h := test.mw()(test.h)
				asDefault(t, j.logger(slog.LevelInfo)) // after it was made
				quietly(h, &takeable{discard: newDiscard()}, test.r)
				time.Sleep(time.Hour)
				if lines := j.lines(); len(lines) == 0 || !strings.Contains(lines[0], `"msg":"`+test.want+`"`) {
					t.Errorf("logged %q, want %q", lines, test.want)
				}
			})
		})
	}
}

// What a value counts or remembers, it does for all the handlers that it goes around.
func TestStateBelongsToTheValue(t *testing.T) {
	fails := answering(500)
	for _, test := range []struct {
		name   string
		mw     middleware.Middleware
		first  http.Handler
		status int // of the second request, which another handler would get
	}{
		{"RequestRate", middleware.RequestRate(1e-9, 1), fine, 429},
		{"CircuitBreaker", middleware.NewCircuitBreaker(1, time.Hour).Middleware(), fails, 503},
	} {
		do(test.mw(test.first), request("GET", "/"))
		if w := do(test.mw(never(t)), request("GET", "/")); w.Code != test.status {
			t.Errorf("%s: answered %d, want %d", test.name, w.Code, test.status)
		}
	}
	for name, m := range map[string]middleware.Middleware{
		"RateLimit": middleware.RateLimit(1), "MaxSessions": middleware.MaxSessions(1, slog.New(slog.DiscardHandler)), "MaxInFlight": middleware.MaxInFlight(1),
		"RouteRateLimit": middleware.RouteRateLimit(1), "PerPathRateLimit": middleware.PerPathRateLimit(1),
	} {
		g := newGatehouse()
		leave := g.enter(t, m(g), upgrade("/"))
		if w := do(m(never(t)), upgrade("/")); w.Code != 429 && w.Code != 503 {
			t.Errorf("%s: answered %d", name, w.Code)
		}
		leave()
	}
}

// Several requests share an entry while its functions run: none holds a lock then.
func TestNoLockIsHeld(t *testing.T) {
	for _, e := range newWhole(t, wholeLimits{}).entries {
		depth := 0
		var h http.Handler
		h = e.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if depth++; depth < 3 {
				h.ServeHTTP(&takeable{discard: newDiscard()}, r.Clone(context.Background()))
			}
		}))
		for _, r := range []*http.Request{request("GET", "/", wholeFields...), upgrade("/", wholeFields...)} {
			depth = 0
			served := make(chan struct{})
			go func() {
				defer close(served)
				h.ServeHTTP(&takeable{discard: newDiscard()}, r)
			}()
			if wait(t, served); depth != 3 {
				t.Errorf("%s: the handler was called %d times", e.name, depth)
			}
		}
	}
}

// Setting the clock changes nothing: all times that are compared have a monotonic
// reading, which these methods would strip.
func TestTimesAreMonotonic(t *testing.T) {
	strips := []string{"Unix", "UnixMilli", "UnixMicro", "UnixNano", "Round", "Truncate", "UTC", "Local", "In", "AddDate", "Date", "UnixTime"}
	known := []string{
		"webhook.go: time.Now().UnixMilli", // what is sent
		"timeout.go: time.Unix",            // a deadline that is over
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok || !slices.Contains(strips, call.Sel.Name) {
				return true
			}
			what := file + ": "
			switch x := call.X.(type) {
			case *ast.Ident:
				what += x.Name + "." + call.Sel.Name
			case *ast.CallExpr:
				what += fmt.Sprintf("%s.%s().%s", x.Fun.(*ast.SelectorExpr).X, x.Fun.(*ast.SelectorExpr).Sel, call.Sel.Name)
			}
			if i := slices.Index(known, what); i < 0 {
				t.Errorf("%s strips the monotonic reading", what)
			} else {
				known = slices.Delete(known, i, i+1)
			}
			return true
		})
	}
	if len(known) > 0 {
		t.Errorf("there is no %q", known)
	}
}

// 200 goroutines change what an entry shares, in all the ways that there are.
func TestValuesAreSafe(t *testing.T) {
	whole := newWhole(t, wholeLimits{failures: 2, cooldown: time.Nanosecond})
	h := whole.around(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/fail" {
			w.WriteHeader(500)
		}
	}))
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			addr := fmt.Sprintf("198.51.100.%d", i)
			for _, path := range []string{"/", "/fail"} {
				do(h, request("GET", path, append(wholeFields[:3:3], fmt.Sprintf("X-Forwarded-For: 203.0.113.%d", i))...))
			}
			whole.blocked.Add(addr)
			whole.blocked.Entries()
			whole.blocked.Remove(addr)
			whole.metrics.Snapshot()
			whole.metrics.SessionDuration("x")
			whole.stats.Snapshot()
			whole.bandwidth.BandwidthTotals()
			do(whole.prometheus.Handler(), request("GET", "/"))
			whole.hook.Dropped()
		})
	}
	all.Wait()
	whole.wantNothingUnderWay(t)
}
