package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
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

func TestRecover(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	var seen middleware.Seen
	h := middleware.Chain(middleware.Watching(func(s middleware.Seen) { seen = s }), middleware.Recover(logger))(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			for _, name := range []string{"Content-Length", "Content-Encoding", "ETag", "Last-Modified", "Trailer", "X-Own"} {
				w.Header().Set(name, "1")
			}
			panic(secret("do not tell"))
		}))
	w := do(h, request("POST", "/a/b?token=x", "X-Request-Id: y"))
	wantRefusal(t, w, 500, "internal server error")
	for name := range w.Header() {
		switch name {
		case "Content-Type", "Cache-Control", "X-Content-Type-Options", "X-Own":
		default:
			t.Errorf("the answer has %s", name)
		}
	}
	if seen.Refusal != "" || seen.Status != 500 {
		t.Errorf("seen is %+v: a panic is no refusal", seen)
	}
	want := "[ERROR panic value=do not tell method=POST path=/a/b client=192.0.2.1 request_id=]"
	if got := lines(t, &log, "value", "method", "path", "client", "request_id"); fmt.Sprint(got) != want {
		t.Errorf("logged %q, want %q", got, want)
	}
	if stack := lines(t, &log, "stack")[0]; !strings.Contains(stack, "TestRecover.func") || len(stack) > 17<<10 {
		t.Errorf("the stack is %s", stack)
	}
}

type secret string

// A deep stack is cut.
func TestRecoverStack(t *testing.T) {
	var log bytes.Buffer
	h := middleware.Recover(slog.New(slog.NewJSONHandler(&log, nil)))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		deep(1000, func() { panic("x") })
	}))
	do(h, plainRequest())
	if got := lines(t, &log, "stack")[0]; len(got) > 17<<10 || !strings.Contains(got, "middleware_test.deep") {
		t.Errorf("the stack has %d bytes: %s", len(got), got)
	}
}

// The stack of a panic behind Timeout is that of the handler.
func TestRecoverAroundTimeout(t *testing.T) {
	var log bytes.Buffer
	h := middleware.Chain(middleware.Recover(slog.New(slog.NewJSONHandler(&log, nil))), middleware.Timeout(time.Hour))(thisHandlerPanics("x"))
	wantRefusal(t, do(h, plainRequest()), 500, "internal server error")
	if got := lines(t, &log, "value", "stack")[0]; !strings.Contains(got, "value=x") || !strings.Contains(got, "thisHandlerPanics") {
		t.Errorf("logged %s", got)
	}
}

func TestRecoverPasses(t *testing.T) {
	var log bytes.Buffer
	recovers := middleware.Recover(slog.New(slog.NewJSONHandler(&log, nil)))
	if value := panicOf(func() { do(recovers(thisHandlerPanics(http.ErrAbortHandler)), plainRequest()) }); value != http.ErrAbortHandler {
		t.Errorf("panicked with %v", value)
	}
	if log.Len() != 0 {
		t.Errorf("logged %s", &log)
	}
	if w := do(recovers(fine), plainRequest()); w.Body.String() != "fine" {
		t.Errorf("answered %d %q", w.Code, w.Body)
	}
	// The panic's value may be of a type that cannot be compared.
	wantRefusal(t, do(recovers(thisHandlerPanics([]int{1})), plainRequest()), 500, "internal server error")
	wantRefusal(t, do(recovers(thisHandlerPanics(nil)), plainRequest()), 500, "internal server error")
}

// An answer that has begun is broken, over HTTP/1.1 and HTTP/2.
func TestRecoverHalfSent(t *testing.T) {
	for _, test := range []struct {
		name string
		send func(w http.ResponseWriter)
	}{
		{"header", func(w http.ResponseWriter) { w.WriteHeader(200) }},
		{"body", func(w http.ResponseWriter) { io.WriteString(w, "half") }},
		{"flushed", func(w http.ResponseWriter) { w.(http.Flusher).Flush() }},
	} {
		h := middleware.Recover(slog.New(slog.DiscardHandler))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			test.send(w)
			panic("x")
		}))
		for name, s := range map[string]*httptest.Server{"HTTP/1.1": start(t, h), "HTTP/2": startHTTP2(t, h)} {
			t.Run(test.name+" "+name, func(t *testing.T) {
				res, err := s.Client().Get(s.URL)
				if err == nil {
					var b []byte
					b, err = io.ReadAll(res.Body)
					res.Body.Close()
					if strings.Contains(string(b), "error") {
						t.Errorf("the body is %q", b)
					}
				}
				if err == nil {
					t.Error("the answer looks complete")
				}
			})
		}
	}
}

// What a layer outside holds back is no answer that can be replaced.
func TestRecoverInsideALayer(t *testing.T) {
	h := middleware.Chain(middleware.Holding(), middleware.Recover(slog.New(slog.DiscardHandler)))(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "held back")
			panic("x")
		}))
	if value := panicOf(func() { do(h, plainRequest()) }); value != http.ErrAbortHandler {
		t.Errorf("panicked with %v", value)
	}
	// And one inside is off when the handler has panicked.
	h = middleware.Chain(middleware.OnRefuse(func(http.ResponseWriter, *http.Request, int, string) {}),
		middleware.Recover(slog.New(slog.DiscardHandler)), middleware.Holding())(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "held back")
		panic("x")
	}))
	wantRefusal(t, do(h, plainRequest()), 500, "internal server error")
}

func TestRecoverSession(t *testing.T) {
	t.Run("open", func(t *testing.T) {
		h := middleware.Recover(slog.New(slog.DiscardHandler))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, err := new(ws.Upgrader).Upgrade(w, r, nil)
			if err != nil {
				t.Error(err)
				return
			}
			middleware.AttachSession(r.Context(), attached(func(text string, code int) {
				conn.WriteClose(code, text)
				conn.CloseNow()
			}))
			conn.ReadMessage()
			panic("x") // and conn is left open
		}))
		inSession(t, h, func(t *testing.T, c *client) {
			c.send(frame(0x81, "text"))
			c.wantClose(1011, "internal server error")
			c.wantEnd()
		})
	})
	t.Run("hijacked", func(t *testing.T) {
		h := middleware.Recover(slog.New(slog.DiscardHandler))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.(http.Hijacker).Hijack()
			panic("x")
		}))
		inBubble(t, h, func(t *testing.T, l *pipeListener, c *http.Client) {
			if res, _, err := answerOf(c, "GET", nil); err == nil {
				t.Errorf("answered %v", res)
			}
		})
	})
	t.Run("before it is open", func(t *testing.T) {
		wantRefusal(t, do(middleware.Recover(slog.New(slog.DiscardHandler))(thisHandlerPanics("x")), upgrade("/")), 500, "internal server error")
	})
}

// A circuit is a circuit breaker in front of a handler that does as it is asked.
type circuit struct {
	*middleware.CircuitBreaker
	h http.Handler
}

func newCircuit(threshold int, cooldown time.Duration, inside ...middleware.Middleware) circuit {
	c := middleware.NewCircuitBreaker(threshold, cooldown)
	return circuit{c, middleware.Chain(append([]middleware.Middleware{c.Middleware()}, inside...)...)(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			switch does := r.Header.Get("Do"); does {
			case "panic":
				panic("x")
			case "abort":
				panic(http.ErrAbortHandler)
			case "exit":
				runtime.Goexit()
			case "nothing":
			case "wait":
				<-r.Context().Value(leaveKey{}).(chan struct{})
				w.WriteHeader(r.Context().Value(statusKey{}).(int))
			default:
				status := 0
				fmt.Sscan(does, &status)
				w.WriteHeader(status)
			}
		}))}
}

type statusKey struct{}

// ask serves a request, and returns its status, or 0 if it panicked.
func (c circuit) ask(does string) (status int) {
	defer func() { recover() }()
	return do(c.h, plainRequest("Do: "+does)).Code
}

// begin serves a request that is answered with the status when it is told to.
func (c circuit) begin(status int) (end func()) {
	out, done := make(chan struct{}), make(chan struct{})
	ctx := context.WithValue(context.WithValue(context.Background(), leaveKey{}, out), statusKey{}, status)
	go func() {
		defer close(done)
		do(c.h, plainRequest("Do: wait").WithContext(ctx))
	}()
	synctest.Wait()
	return func() {
		close(out)
		<-done
	}
}

func (c circuit) want(t testing.TB, state middleware.CircuitState) {
	t.Helper()
	if got := c.State(); got != state {
		t.Errorf("it is %v, want %v", got, state)
	}
}

// open makes the circuit open.
func (c circuit) open(t testing.TB) {
	t.Helper()
	for c.State() == middleware.CircuitClosed {
		c.ask("500")
	}
	c.want(t, middleware.CircuitOpen)
}

func TestCircuitBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(3, 10*time.Second)
		c.want(t, middleware.CircuitClosed)
		for _, does := range []string{"500", "503", "200", "panic", "599", "404", "500", "abort"} {
			c.ask(does)
		}
		c.want(t, middleware.CircuitClosed) // never three in a row
		if status := c.ask("502"); status != 502 {
			t.Errorf("answered %d", status)
		}
		c.want(t, middleware.CircuitOpen)

		time.Sleep(2500 * time.Millisecond)
		w := do(c.h, plainRequest("Do: 200"))
		wantRefusal(t, w, 503, "service unavailable")
		wantHeader(t, w, "Retry-After", "8")
		time.Sleep(7500*time.Millisecond - 1)
		wantHeader(t, do(c.h, upgrade("/", "Do: 200")), "Retry-After", "1")
		c.want(t, middleware.CircuitOpen)
		time.Sleep(1)
		c.want(t, middleware.CircuitHalfOpen)

		// The probe, and none beside it.
		end := c.begin(500)
		w = do(c.h, plainRequest("Do: 200"))
		wantRefusal(t, w, 503, "service unavailable")
		wantHeader(t, w, "Retry-After", "1")
		c.want(t, middleware.CircuitHalfOpen)
		end()
		c.want(t, middleware.CircuitOpen) // for a new cooldown
		wantHeader(t, do(c.h, plainRequest("Do: 200")), "Retry-After", "10")

		time.Sleep(10 * time.Second)
		if status := c.ask("404"); status != 404 {
			t.Errorf("the probe was answered %d", status)
		}
		c.want(t, middleware.CircuitClosed)
		if n := c.Failures(); n != 0 {
			t.Errorf("it starts with %d failures", n)
		}
	})
}

// What counts as what, of the last request before the threshold and of the probe.
func TestCircuitBreakerVerdicts(t *testing.T) {
	const fails, succeeds, neither = "failure", "success", "neither"
	refuses := middleware.Middleware(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Do") == "refuse" {
				middleware.Refusing(503, "no")(next).ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	gone := func(c circuit, does string) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		defer func() { recover() }()
		do(c.h, plainRequest("Do: "+does).WithContext(ctx))
	}
	for _, test := range []struct {
		name string
		ask  func(c circuit)
		want string
	}{
		{"200", func(c circuit) { c.ask("200") }, succeeds},
		{"nothing written", func(c circuit) { c.ask("nothing") }, succeeds},
		{"404", func(c circuit) { c.ask("404") }, succeeds},
		{"499", func(c circuit) { c.ask("499") }, succeeds},
		{"500", func(c circuit) { c.ask("500") }, fails},
		{"panic", func(c circuit) { c.ask("panic") }, fails},
		{"abort", func(c circuit) { c.ask("abort") }, fails},
		{"exit", func(c circuit) {
			done := make(chan struct{})
			go func() { defer close(done); c.ask("exit") }()
			<-done
		}, fails},
		{"refusal", func(c circuit) { c.ask("refuse") }, neither},
		{"client gone", func(c circuit) { gone(c, "200") }, neither},
		{"client gone, 500", func(c circuit) { gone(c, "500") }, neither},
		{"client gone, panic", func(c circuit) { gone(c, "panic") }, neither},
		{"upgrade refused by the handler", func(c circuit) { do(c.h, upgrade("/", "Do: 500")) }, fails},
		{"recovered inside", func(c circuit) {
			h := middleware.Chain(c.Middleware(), middleware.Recover(slog.New(slog.DiscardHandler)))(thisHandlerPanics("x"))
			do(h, plainRequest())
		}, fails},
		{"timed out inside", func(c circuit) {
			h := middleware.Chain(c.Middleware(), middleware.Timeout(1))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
			do(h, plainRequest())
		}, fails},
		{"timed out outside", func(c circuit) {
			h := middleware.Chain(middleware.Timeout(1), c.Middleware())(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
			do(h, plainRequest())
			synctest.Wait()
		}, fails},
		{"refused by MaxSessions inside", func(c circuit) {
			g := newGatehouse()
			limit := middleware.MaxSessions(1, slog.New(slog.DiscardHandler))
			defer g.enter(t, limit(g), upgrade("/"))()
			wantRefusal(t, do(middleware.Chain(c.Middleware(), limit)(g), upgrade("/")), 503, "server at capacity")
		}, neither},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCircuit(2, time.Second, refuses)
				c.ask("500")
				test.ask(c)
				want := map[string]int{succeeds: 0, neither: 1}[test.want]
				if test.want == fails {
					c.want(t, middleware.CircuitOpen)
				} else if n := c.Failures(); n != want {
					t.Errorf("%d failures in a row, want %d", n, want)
				}

				c.Reset()
				c.open(t)
				time.Sleep(time.Second)
				test.ask(c)
				switch test.want {
				case succeeds:
					c.want(t, middleware.CircuitClosed)
				case fails:
					c.want(t, middleware.CircuitOpen)
				case neither:
					c.want(t, middleware.CircuitHalfOpen)
					if status := c.ask("200"); status != 200 { // it is the probe now
						t.Errorf("the next one was answered %d", status)
					}
					c.want(t, middleware.CircuitClosed)
				}
			})
		})
	}
}

// Who was let in before has nothing to say about what has come since.
func TestCircuitBreakerStragglers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(2, time.Second)
		endFailure, endSuccess, endFailureAgain := c.begin(500), c.begin(200), c.begin(500)
		c.open(t)
		time.Sleep(time.Second)
		endProbe := c.begin(200)
		endFailure()
		endSuccess()
		c.want(t, middleware.CircuitHalfOpen)
		endProbe()
		c.want(t, middleware.CircuitClosed)
		endFailureAgain()
		if n := c.Failures(); n != 0 {
			t.Errorf("%d failures in a row", n)
		}
	})
}

func TestCircuitBreakerReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(1, time.Hour)
		c.open(t)
		c.Reset()
		c.want(t, middleware.CircuitClosed)
		end := c.begin(500)
		c.Reset()
		end()
		c.want(t, middleware.CircuitClosed)

		c.open(t)
		time.Sleep(time.Hour)
		end = c.begin(500) // the probe
		c.Reset()
		end()
		c.want(t, middleware.CircuitClosed)
	})
}

// A session is a success once it is open, so that a long one holds nobody up.
func TestCircuitBreakerSession(t *testing.T) {
	breaker := middleware.NewCircuitBreaker(2, time.Second)
	var then string
	h := breaker.Middleware()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Do") == "500" {
			w.WriteHeader(500)
			return
		}
		conn, err := new(ws.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		conn.ReadMessage()
		if then == "panic" {
			panic(http.ErrAbortHandler)
		}
	}))
	fail := func() { do(h, plainRequest("Do: 500")) }
	want := func(state middleware.CircuitState, failures int) {
		t.Helper()
		synctest.Wait()
		if s, n := breaker.State(), breaker.Failures(); s != state || n != failures {
			t.Errorf("it is %v with %d failures, want %v with %d", s, n, state, failures)
		}
	}
	t.Run("resets the count when it opens, not when it ends", func(t *testing.T) {
		fail()
		inSession(t, h, func(t *testing.T, c *client) {
			want(middleware.CircuitClosed, 0)
			fail()
			c.send(frame(0x81, "end"))
			c.wantEnd()
			want(middleware.CircuitClosed, 1)
		})
		breaker.Reset()
	})
	t.Run("fails when it panics", func(t *testing.T) {
		then = "panic"
		inSession(t, h, func(t *testing.T, c *client) {
			c.send(frame(0x81, "end"))
			c.wantEnd()
			want(middleware.CircuitClosed, 1)
		})
		breaker.Reset()
	})
	t.Run("as the probe", func(t *testing.T) {
		then = "panic"
		inBubble(t, h, func(t *testing.T, l *pipeListener, _ *http.Client) {
			fail()
			fail()
			time.Sleep(time.Second)
			want(middleware.CircuitHalfOpen, 0)
			conn, err := l.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			c, _ := shake(t, conn, "/", nil, "Host: test")
			want(middleware.CircuitClosed, 0)
			c.send(frame(0x81, "end"))
			c.wantEnd()
			want(middleware.CircuitClosed, 0) // it was let in while half-open
		})
		breaker.Reset()
	})
}

func TestCircuitState(t *testing.T) {
	got := fmt.Sprint(middleware.CircuitClosed, middleware.CircuitOpen, middleware.CircuitHalfOpen, middleware.CircuitState(7))
	if got != "closed open half-open CircuitState(7)" {
		t.Errorf("the names are %s", got)
	}
}

// Of many requests after the cooldown one is the probe.
func TestCircuitBreakerOneProbe(t *testing.T) {
	for range 50 {
		breaker := middleware.NewCircuitBreaker(1, time.Nanosecond)
		var inside, most atomic.Int64
		var failing atomic.Bool
		failing.Store(true)
		h := breaker.Middleware()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if failing.Load() {
				w.WriteHeader(500)
				return
			}
			if n := inside.Add(1); n > most.Load() {
				most.Store(n)
			}
			runtime.Gosched()
			inside.Add(-1)
			w.WriteHeader(500) // stays half-open or open: always one at a time
		}))
		do(h, plainRequest())
		failing.Store(false)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 20 {
					do(h, plainRequest())
				}
			})
		}
		all.Wait()
		if n := most.Load(); n != 1 {
			t.Fatalf("%d probes at a time", n)
		}
	}
}

// 200 goroutines through all entries, with panics, time-outs, aborted clients and
// sessions. Afterwards nothing is left.
func TestLimitsConcurrently(t *testing.T) {
	var stats middleware.TimeoutStats
	silent := slog.New(slog.DiscardHandler)
	counted := []middleware.Counted{
		middleware.CountedClients(50), middleware.CountedSessions(20, silent), middleware.CountedRequests(80),
		middleware.CountedRoutes(60), middleware.CountedPaths(60),
	}
	breaker := middleware.NewCircuitBreaker(20, time.Millisecond)
	table := middleware.NewRateTable(1000)
	chain := []middleware.Middleware{middleware.Recover(silent), middleware.RequestRate(1e5, 100, middleware.WithStore(storeFunc(table.Take)))}
	for _, c := range counted {
		chain = append(chain, c.Middleware)
	}
	chain = append(chain, breaker.Middleware(), middleware.Timeout(20*time.Millisecond, middleware.WithTimeoutStats(&stats), middleware.WithTimeoutLogger(silent)),
		middleware.SessionTimeoutWithWarning(20*time.Millisecond, 10*time.Millisecond, silent), middleware.IdleTimeout(15*time.Millisecond),
		middleware.TokenBucket(10, 10), middleware.DepthGuard(2))
	var stuck sync.WaitGroup
	release := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/fine", func(w http.ResponseWriter, r *http.Request) {
		release, ok := middleware.AcquireDepth(r.Context())
		defer release()
		fmt.Fprint(w, ok)
	})
	mux.HandleFunc("/panic", func(w http.ResponseWriter, r *http.Request) { panic("x") })
	mux.HandleFunc("/half", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "half")
		panic("x")
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/stuck", func(w http.ResponseWriter, r *http.Request) {
		stuck.Add(1)
		defer stuck.Done()
		<-release
		w.Header().Set("X-Late", "yes")
		io.WriteString(w, "late")
	})
	mux.HandleFunc("/session", func(w http.ResponseWriter, r *http.Request) {
		watchedSession(w, r, func(conn *ws.Conn) {
			conn.SetReadDeadline(time.Now().Add(patience))
			conn.ReadMessage()
			if middleware.GetRateLimiter(r.Context()).Allow() {
				conn.WriteMessage(ws.TextMessage, []byte("bye"))
			}
		})
	})
	h := middleware.Chain(chain...)(mux)
	s := start(t, h)
	s.Client().Transport.(*http.Transport).MaxIdleConnsPerHost = 200

	answered := new([600]atomic.Int64)
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			for j := range 5 {
				switch path := []string{"/fine", "/panic", "/half", "/slow", "/stuck", "/session", "/gone"}[(i+j)%7]; path {
				case "/session":
					c, res := dial(t, s, path)
					answered[res.StatusCode].Add(1)
					if res.StatusCode == 101 && i%2 == 0 {
						c.send(frame(0x81, "hello"))
					}
					c.conn.Close()
				case "/gone":
					ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
					r, _ := http.NewRequestWithContext(ctx, "GET", s.URL+"/slow", nil)
					if res, err := s.Client().Do(r); err == nil {
						res.Body.Close()
					}
					cancel()
				default:
					res, err := s.Client().Get(s.URL + path)
					if err == nil {
						_, err = io.Copy(io.Discard, res.Body)
						res.Body.Close()
						answered[res.StatusCode].Add(1)
					}
					if err != nil && path != "/half" && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
						t.Errorf("%s: %v", path, err)
					}
				}
			}
		})
	}
	all.Wait()
	close(release)
	stuck.Wait()
	s.Close()
	for end := time.Now().Add(patience); time.Now().Before(end) && !nothingLeft(counted, &stats); {
		runtime.Gosched()
	}
	for i, c := range counted {
		if n := c.Count(); n != 0 {
			t.Errorf("counter %d is %d", i, n)
		}
	}
	if n := stats.Abandoned(); n != 0 {
		t.Errorf("%d handlers are abandoned", n)
	}
	if answered[200].Load()+answered[101].Load() == 0 || answered[500].Load()+answered[503].Load() == 0 {
		t.Error("not both answers and refusals were tried")
	}
	// An hour later all buckets are full, and the next keys find that out.
	at := time.Hour
	for i := range 100 {
		table.TakeAt(fmt.Sprint(i%2), 1, at, middleware.Rate{PerSecond: 1e5, Burst: 100})
		at += time.Second
	}
	if n := table.Keys(); n > 1 {
		t.Errorf("%d keys are left", n)
	}
}

func nothingLeft(counted []middleware.Counted, stats *middleware.TimeoutStats) bool {
	for _, c := range counted {
		if c.Count() != 0 {
			return false
		}
	}
	return stats.Abandoned() == 0
}
