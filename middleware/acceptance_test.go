package middleware_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/middleware"
	"github.com/gongular/gongular/ws"
)

// All entries at once, in the order of the package's documentation.

// A whole is the chain of all entries, with what can be seen of them.
type whole struct {
	around     middleware.Middleware
	metrics    *middleware.Metrics
	prometheus *middleware.PrometheusMetrics
	stats      *middleware.ConcurrencyStats
	bandwidth  *middleware.BandwidthMeter
	blocked    *middleware.IPBlacklist
	table      middleware.RateTable
	counted    []middleware.Counted
	timeouts   middleware.TimeoutStats
	hook       *middleware.WebhookSender
}

// wholeLimits are those that differ from test to test; what is zero is a limit
// that no test meets.
type wholeLimits struct {
	logger   *slog.Logger // none if nil
	burst    int          // of RequestRate
	body     int64        // of BodyLimit
	slots    int          // of whatever counts what is under way
	failures int          // of CircuitBreaker
	cooldown time.Duration
	timeout  time.Duration // of Timeout
	sessions time.Duration // of SessionTimeoutWithWarning
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func newWhole(t testing.TB, l wholeLimits) *whole {
	logger := orElse(l.logger, slog.New(slog.DiscardHandler))
	slots, burst := orElse(l.slots, 1000), orElse(l.burst, 1e6)
	sessions := orElse(l.sessions, time.Hour)
	origins := middleware.NewOrigins("https://app.example.com")
	h := &whole{
		metrics:    middleware.NewMetrics(),
		prometheus: middleware.NewPrometheusMetrics(middleware.WithRoutes()),
		stats:      middleware.NewConcurrencyStats(),
		bandwidth:  middleware.NewBandwidth(),
		blocked:    middleware.NewIPBlacklist("198.51.100.0/24"),
		table:      middleware.NewRateTable(1000),
		counted: []middleware.Counted{
			middleware.CountedClients(slots), middleware.CountedSessions(slots, logger), middleware.CountedRequests(slots),
			middleware.CountedRoutes(slots), middleware.CountedPaths(slots),
		},
		hook: middleware.NewWebhook("http://hook.example/", middleware.WithTransport(accepting), middleware.WithLogger(logger)),
	}
	h.blocked.CloseSessions(true)
	t.Cleanup(func() {
		if err := h.hook.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	h.around = middleware.Chain(
		middleware.TrustedProxies("127.0.0.1", "::1", "192.0.2.1"),
		middleware.RequestID(),
		middleware.Tracing(logger),
		middleware.OTelTracing(middleware.LogTracer{Logger: slog.New(slog.DiscardHandler)}),
		middleware.SlogAttrs(logger),
		middleware.Logger(logger),
		h.metrics.Middleware(),
		h.prometheus.Middleware(),
		h.stats.Middleware(),
		h.bandwidth.Middleware(),
		middleware.Recover(logger),
		h.blocked.Middleware(),
		middleware.IPWhitelist("0.0.0.0/0", "::/0"),
		middleware.BlockUserAgent("badbot"),
		middleware.RequireUserAgent(),
		middleware.SecurityHeaders(middleware.SecurityConfig{}),
		middleware.CORS(middleware.CORSConfig{Origins: origins, AllowCredentials: true, AllowedMethods: []string{"GET", "PUT"}}),
		middleware.CSRF(origins),
		middleware.RequestRate(float64(burst)/1000, burst, middleware.WithStore(storeFunc(h.table.Take))),
		h.counted[0].Middleware,
		middleware.BodyLimit(orElse(l.body, 1<<20)),
		middleware.BearerAuth(validate),
		middleware.RequireKey("X-API-Key", "k"),
		middleware.Chain(h.counted[1].Middleware, h.counted[2].Middleware, h.counted[3].Middleware, h.counted[4].Middleware),
		middleware.NewCircuitBreaker(orElse(l.failures, 1e6), orElse(l.cooldown, time.Minute)).Middleware(),
		middleware.Unless(middleware.IsUpgrade, middleware.Timeout(orElse(l.timeout, time.Hour),
			middleware.WithTimeoutStats(&h.timeouts), middleware.WithTimeoutLogger(logger))),
		middleware.SessionTimeoutWithWarning(sessions, sessions/2, logger),
		middleware.IdleTimeout(sessions),
		middleware.Compress(middleware.NewGzipCompressor(), logger),
		middleware.ETag(64<<10),
		middleware.SessionData(),
		middleware.ExtractHeader("X-Tenant", "tenant"),
		middleware.TokenBucket(10, 10),
		middleware.DepthGuard(2),
		h.hook.Middleware(),
		middleware.RedirectSlashes(),
		middleware.StripSlashes(),
	)
	return h
}

// wholeFields let a request through all of it.
var wholeFields = []string{"Authorization: Bearer x", "X-API-Key: k", "User-Agent: Mozilla/5.0"}

// An answer, a stream, a download and a part of it, a WebSocket, a panic and a
// client that goes away are behind all entries as they are without, but for header
// fields that are added.
func TestWholeChainEverywhere(t *testing.T) {
	trial{fields: wholeFields}.run(t, newWhole(t, wholeLimits{}).around)
}

// The order is what the documentation says: who refuses first, what passes before
// whom, and that all of it is logged and counted, with id and client.
func TestWholeChainOrder(t *testing.T) {
	with := func(fields ...string) []string { return append(fields, wholeFields...) }
	agent := "User-Agent: Mozilla/5.0"
	for _, test := range []struct {
		name   string
		limits wholeLimits
		before int // so many of the same come first
		r      *http.Request
		status int
		text   string   // of the refusal
		fields []string // that the answer has
		log    string   // what the last record says, besides what all say
	}{
		{"let through", wholeLimits{}, 0, request("GET", "/fine", with()...), 200, "", []string{"X-Frame-Options: DENY", `Etag: "0UpYuugEorgLW3agECOciA"`}, "INFO bytes=4"},
		{"address, before all that costs", wholeLimits{burst: 1}, 1, request("GET", "/fine", "X-Forwarded-For: 198.51.100.7"), 403, "ip blocked", nil, "WARN bytes=23 remote=198.51.100.7"},
		{"bot", wholeLimits{}, 0, request("GET", "/fine", "User-Agent: BadBot/1"), 403, "user agent blocked", nil, "WARN"},
		{"no agent", wholeLimits{}, 0, request("GET", "/fine"), 400, "user agent required", nil, "WARN"},
		{"preflight, before limits and without credentials", wholeLimits{burst: 1}, 3,
			request("OPTIONS", "/fine", agent, "Origin: https://app.example.com", "Access-Control-Request-Method: PUT"), 204, "",
			[]string{"Access-Control-Allow-Origin: https://app.example.com", "X-Frame-Options: DENY"}, "INFO bytes=0"},
		{"another site's form, before limits", wholeLimits{burst: 1}, 3, request("POST", "/fine", agent, "Origin: https://evil.example"), 403, "cross-origin request",
			[]string{"X-Frame-Options: DENY"}, "WARN"},
		{"another site's session", wholeLimits{}, 0, upgrade("/fine", agent, "Origin: https://evil.example"), 403, "origin not allowed", nil, "WARN"},
		{"too many, before they are known", wholeLimits{burst: 1}, 1, request("GET", "/fine", agent), 429, "too many requests", []string{"Retry-After: 1000"}, "WARN"},
		{"too long, before it is known whose", wholeLimits{body: 3}, 0, withBody(request("PUT", "/fine", agent), "long"), 413, "request body too large", nil, "WARN"},
		{"no token, and a page may read so", wholeLimits{}, 0, request("GET", "/fine", agent, "Origin: https://app.example.com"), 401, "missing authorization",
			[]string{"Access-Control-Allow-Origin: https://app.example.com", "Www-Authenticate: Bearer"}, "WARN"},
		{"session without a token", wholeLimits{}, 0, upgrade("/echo", agent), 401, "missing authorization", nil, "WARN"},
		{"who is unknown takes up nothing", wholeLimits{slots: 1}, 0, request("GET", "/again?unknown", with()...), 401, "", nil, "WARN"},
		{"slots of an address", wholeLimits{slots: 1}, 0, request("GET", "/again", with()...), 429, "", nil, "WARN"},
		{"slots of all", wholeLimits{slots: 1}, 0, request("GET", "/again?other", with()...), 503, "", nil, "ERROR"},
		{"panic", wholeLimits{}, 0, request("GET", "/panic", with()...), 500, "", []string{"X-Frame-Options: DENY"}, "ERROR"},
		{"panic of a session that is not open", wholeLimits{}, 0, upgrade("/panic", with()...), 500, "", nil, "ERROR"},
		{"failures in a row", wholeLimits{failures: 2}, 2, request("GET", "/panic", with()...), 503, "service unavailable", []string{"Retry-After: 60"}, "ERROR"},
		{"refusals are no failures", wholeLimits{failures: 2}, 3, request("GET", "/fine", agent), 401, "missing authorization", nil, "WARN"},
		{"too slow", wholeLimits{timeout: time.Second}, 0, request("GET", "/slow", with()...), 503, "", []string{"X-Frame-Options: DENY"}, "ERROR"},
		{"no such path", wholeLimits{}, 0, request("GET", "/nothing", with()...), 404, "", nil, "WARN"},
		{"slash", wholeLimits{}, 0, request("GET", "/fine/", with()...), 301, "", []string{"Location: /fine"}, "INFO"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var j journal
				test.limits.logger = j.logger(slog.LevelInfo)
				whole := newWhole(t, test.limits)
				mux := http.NewServeMux()
				h := whole.around(mux)
				mux.Handle("/fine", fine)
				mux.Handle("/panic", panicking("a mistake"))
				mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
				mux.HandleFunc("/again", func(w http.ResponseWriter, r *http.Request) { // asks again meanwhile, and tells how that went
					inner := request("GET", "/fine", with()...)
					if r.URL.RawQuery == "unknown" {
						inner.Header.Del("Authorization")
					}
					if r.URL.RawQuery != "" {
						inner.RemoteAddr = "203.0.113.9:80"
					}
					w.WriteHeader(do(h, inner).Code)
				})
				ask := func() (code int, body string, header http.Header) {
					r := test.r.Clone(t.Context())
					r.Body = test.r.Body
					w := do(h, r)
					return w.Code, w.Body.String(), w.Header()
				}
				for range test.before {
					ask()
				}
				j.lines()
				code, body, header := ask()
				if code != test.status || test.text != "" && body != `{"error":"`+test.text+`"}`+"\n" {
					t.Errorf("answered %d %q, want %d %q", code, body, test.status, test.text)
				}
				id := header.Get("X-Request-ID")
				for _, field := range test.fields {
					if name, want, _ := strings.Cut(field, ": "); header.Get(name) != want {
						t.Errorf("%s is %q, want %q", name, header.Get(name), want)
					}
				}
				last := lastRecord(t, &j)
				want := map[string]string{"status": fmt.Sprint(test.status), "id": id, "refused": "<nil>"}
				if test.text != "" {
					want["refused"] = test.text
				}
				for i, word := range strings.Fields(test.log) {
					name, value, _ := strings.Cut(word, "=")
					if i == 0 {
						name, value = "level", word
					}
					want[name] = value
				}
				for name, value := range want {
					if got := fmt.Sprint(last[name]); got != value || name == "id" && len(value) != 32 {
						t.Errorf("the log has %s %s, want %s: %v", name, got, value, last)
					}
				}
				counted := 0.0
				for sample, n := range scrape(t, whole.prometheus)["http_requests_total"].samples {
					if strings.Contains(sample, fmt.Sprint("code:", test.status)) {
						counted += n
					}
				}
				if got := whole.metrics.Snapshot(); counted < 1 || got.ActiveRequests != 0 || got.TotalRequests < int64(test.before)+1 {
					t.Errorf("status %d is counted %v times, and %+v", test.status, counted, got)
				}
				synctest.Wait() // for the handler that was given up
				whole.wantNothingUnderWay(t)
			})
		})
	}
}

// withBody gives the request a body, whose length is announced.
func withBody(r *http.Request, body string) *http.Request {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	return r
}

// lastRecord returns the last record "request" of the log.
func lastRecord(t testing.TB, j *journal) map[string]any {
	t.Helper()
	lines := j.lines()
	for len(lines) > 0 && !strings.Contains(lines[len(lines)-1], `"msg":"request"`) {
		lines = lines[:len(lines)-1]
	}
	if len(lines) == 0 {
		t.Fatal("nothing is logged")
	}
	var only journal
	only.text.WriteString(lines[len(lines)-1] + "\n")
	return only.record(t)
}

// wantNothingUnderWay checks that all counters are zero, and that tables have
// nothing of requests that are over.
func (h *whole) wantNothingUnderWay(t testing.TB) {
	t.Helper()
	for i, c := range h.counted {
		if n := c.Count(); n != 0 {
			t.Errorf("counter %d is %d", i, n)
		}
	}
	if got := h.metrics.Snapshot(); got.ActiveRequests != 0 || got.ActiveSessions != 0 || h.metrics.Open() != 0 {
		t.Errorf("Metrics: %+v, %d sessions", got, h.metrics.Open())
	}
	if got := h.stats.Snapshot(); got.ActiveSessions != 0 {
		t.Errorf("ConcurrencyStats: %+v", got)
	}
	got := scrape(t, h.prometheus)
	got.want(t, 0, "http_requests_in_flight")
	got.want(t, 0, "websocket_sessions_active")
	if n := h.bandwidth.Live(); n != 0 {
		t.Errorf("Bandwidth has %d requests", n)
	}
	if n := middleware.OpenSessions(h.blocked); n != 0 {
		t.Errorf("IPBlacklist has %d sessions", n)
	}
	if n := h.timeouts.Abandoned(); n != 0 {
		t.Errorf("Timeout has %d handlers", n)
	}
	// A day later all buckets are full, and the next keys find that out.
	at := 24 * time.Hour
	for i := range 100 {
		h.table.TakeAt(fmt.Sprint(i%2), 1, at, middleware.Rate{PerSecond: 1e5, Burst: 100})
		at += time.Second
	}
	if n := h.table.Keys(); n > 1 {
		t.Errorf("RequestRate has %d keys", n)
	}
}

// 200 goroutines go through all entries, with panics, time-outs, refusals, sessions
// and clients that do not wait. Afterwards nothing is left of them; TestMain looks
// for goroutines.
func TestWholeChainConcurrently(t *testing.T) {
	whole := newWhole(t, wholeLimits{
		slots: 60, failures: 30, cooldown: time.Millisecond, timeout: 50 * time.Millisecond, sessions: 50 * time.Millisecond,
	})
	k := newKinds(t)
	k.mux.Handle("/fine", fine)
	k.mux.Handle("/mistake", panicking("a mistake"))
	k.mux.HandleFunc("/half", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Repeat("half ", 14_000)) // more than ETag holds
		panic("a mistake")
	})
	k.mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	k.mux.HandleFunc("/session", func(w http.ResponseWriter, r *http.Request) {
		watchedSession(w, r, func(conn *ws.Conn) {
			for {
				kind, message, err := conn.ReadMessage()
				if err != nil {
					return
				}
				if string(message) == "panic" {
					panic("a mistake")
				}
				middleware.CountMessage(r.Context())
				conn.WriteMessage(kind, message)
			}
		})
	})
	s := start(t, whole.around(k.mux))
	s.Client().Transport.(*http.Transport).MaxIdleConnsPerHost = 200

	var answered [600]atomic.Int64
	ask := func(ctx context.Context, path string, i int) {
		r, _ := http.NewRequestWithContext(ctx, "GET", s.URL+path, nil)
		addFields(r.Header, wholeFields)
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i))
		if i%10 == 0 {
			r.Header.Del("Authorization")
		}
		if res, err := s.Client().Do(r); err == nil {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			answered[res.StatusCode].Add(1)
		}
	}
	paths := []string{"/fine", "/json", "/file", "/mistake", "/half", "/slow", "/gone", "/session", "/left", "/nothing"}
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			for j := range paths {
				switch path := paths[(i+j)%len(paths)]; path {
				case "/gone":
					ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
					ask(ctx, "/slow", i)
					cancel()
				case "/session", "/left":
					c, res := dial(t, s, "/session", append(wholeFields[:3:3], fmt.Sprintf("X-Forwarded-For: 203.0.113.%d", i))...)
					answered[res.StatusCode].Add(1)
					if res.StatusCode == 101 && path == "/session" {
						c.conn.Write(append(frame(0x81, "hello"), [][]byte{frame(0x81, "panic"), frame(0x88, "\x03\xe8"), nil}[i%3]...))
						untilEnd(c) // without a close frame, it is idle too long
					}
					c.conn.Close()
				default:
					ask(t.Context(), path, i)
				}
			}
		})
	}
	all.Wait()
	s.Client().CloseIdleConnections()
	s.Close()
	for end := time.Now().Add(patience); time.Now().Before(end) && !(nothingLeft(whole.counted, &whole.timeouts) && whole.isIdle()); {
		runtime.Gosched()
	}
	whole.wantNothingUnderWay(t)
	if !whole.hook.Idle() {
		t.Error("Webhook has work left")
	}
	for _, status := range []int{200, 101, 401, 404, 500, 503} {
		if answered[status].Load() == 0 {
			t.Errorf("nothing was answered %d", status)
		}
	}
}

// untilEnd reads short frames until the server closes the session, or breaks it.
func untilEnd(c *client) {
	for first, err := c.r.ReadByte(); first != 0x88 && err == nil; first, err = c.r.ReadByte() {
		if n, err := c.r.ReadByte(); err == nil {
			c.r.Discard(int(n))
		}
	}
}

// isIdle reports whether the outer entries have nothing under way.
func (h *whole) isIdle() bool {
	got := h.metrics.Snapshot()
	return got.ActiveRequests == 0 && got.ActiveSessions == 0 && h.bandwidth.Live() == 0 && h.hook.Idle()
}
