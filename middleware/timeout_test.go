package middleware_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/middleware"
)

// answerOf asks the handler in a bubble, and returns status and body, or the error.
func answerOf(c *http.Client, method string, body io.Reader, fields ...string) (*http.Response, string, error) {
	r, err := http.NewRequest(method, "http://test/path", body)
	if err != nil {
		return nil, "", err
	}
	addFields(r.Header, fields)
	res, err := c.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res, string(b), err
}

const timedOut = `{"error":"request timed out"}` + "\n"

func wantTimedOut(t testing.TB, res *http.Response, body string, err error) {
	t.Helper()
	if err != nil || res.StatusCode != 503 || body != timedOut {
		t.Errorf("answered %v %q, %v, want 503 %q", res, body, err, timedOut)
	}
}

// A handler that heeds its context.
func TestTimeout(t *testing.T) {
	var stats middleware.TimeoutStats
	h := middleware.Timeout(time.Second, middleware.WithTimeoutStats(&stats))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) != time.Second {
			t.Errorf("the deadline is %v, %t", deadline, ok)
		}
		w.Header().Set("X-Late", "yes")
		<-ctx.Done()
		if ctx.Err() != context.DeadlineExceeded || context.Cause(ctx) != middleware.ErrTimeout {
			t.Errorf("the context ended with %v, %v", ctx.Err(), context.Cause(ctx))
		}
	}))
	inBubble(t, h, func(t *testing.T, l *pipeListener, c *http.Client) {
		begin := time.Now()
		res, body, err := answerOf(c, "GET", nil)
		if took := time.Since(begin); took != time.Second {
			t.Errorf("it took %v", took)
		}
		wantTimedOut(t, res, body, err)
		if res.Header.Get("X-Late") != "" {
			t.Errorf("the header is %v", res.Header)
		}
		synctest.Wait()
		if n := stats.Abandoned(); n != 0 {
			t.Errorf("%d are abandoned", n)
		}
	})
}

// A handler may answer for itself, as long as nobody has.
func TestTimeoutOwnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := middleware.Timeout(time.Hour)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			http.Error(w, "mine", http.StatusGatewayTimeout)
		}))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if w := do(h, plainRequest().WithContext(ctx)); w.Code != 504 || w.Body.String() != "mine\n" {
			t.Errorf("answered %d %q", w.Code, w.Body)
		}
	})
}

// A handler that answers with the error of its context when its time is over does
// not race the answer for it.
func TestTimeoutOwnAnswerIsLate(t *testing.T) {
	for range 200 {
		failed := make(chan error, 1)
		h := middleware.Timeout(time.Millisecond)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil { // to see it as soon as anyone can
			}
			_, err := io.WriteString(w, r.Context().Err().Error())
			failed <- err
			panic(http.ErrAbortHandler) // as is usual when an answer cannot be sent
		}))
		wantRefusal(t, do(h, plainRequest()), 503, "request timed out")
		if err := wait(t, failed); err != http.ErrHandlerTimeout {
			t.Fatalf("writing failed with %v", err)
		}
	}
}

// A handler that does not heed its context lives on, and can do nothing any more.
func TestTimeoutAbandons(t *testing.T) {
	for _, test := range []struct {
		name string
		late func(w http.ResponseWriter, r *http.Request) error
	}{
		{"Write", func(w http.ResponseWriter, r *http.Request) error { _, err := w.Write([]byte("x")); return err }},
		{"WriteString", func(w http.ResponseWriter, r *http.Request) error { _, err := io.WriteString(w, "x"); return err }},
		{"ReadFrom", func(w http.ResponseWriter, r *http.Request) error {
			_, err := io.Copy(w, strings.NewReader("x"))
			return err
		}},
		{"ReadFrom a file", func(w http.ResponseWriter, r *http.Request) error {
			f, err := os.Open("timeout.go")
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(w, f)
			return err
		}},
		{"WriteHeader", func(w http.ResponseWriter, r *http.Request) error {
			w.WriteHeader(201)
			return http.NewResponseController(w).Flush()
		}},
		{"Hijack", func(w http.ResponseWriter, r *http.Request) error {
			_, _, err := w.(http.Hijacker).Hijack()
			return err
		}},
		{"Body", func(w http.ResponseWriter, r *http.Request) error { _, err := r.Body.Read(make([]byte, 9)); return err }},
		{"SetReadDeadline", func(w http.ResponseWriter, r *http.Request) error {
			return http.NewResponseController(w).SetReadDeadline(time.Now())
		}},
		{"SetWriteDeadline", func(w http.ResponseWriter, r *http.Request) error {
			return http.NewResponseController(w).SetWriteDeadline(time.Now())
		}},
		{"EnableFullDuplex", func(w http.ResponseWriter, r *http.Request) error {
			return http.NewResponseController(w).EnableFullDuplex()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stats middleware.TimeoutStats
			var late chan error
			slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "1000")
				r.Header.Set("X-Mine", "yes")
				time.Sleep(time.Minute)
				w.Header().Set("X-Late", "yes")
				r.Header.Set("X-Mine", "still")
				err := test.late(w, r)
				if err := r.Body.Close(); err != nil {
					t.Error(err)
				}
				late <- err
			})
			outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Outer", "yes")
				middleware.Timeout(time.Second, middleware.WithTimeoutStats(&stats))(slow).ServeHTTP(w, r)
				if r.Header.Get("X-Mine") != "" {
					t.Error("the handler has the request of the server")
				}
			})
			inBubble(t, outer, func(t *testing.T, l *pipeListener, c *http.Client) {
				late = make(chan error, 1)
				begin := time.Now()
				res, body, err := answerOf(c, "POST", strings.NewReader("body"))
				wantTimedOut(t, res, body, err)
				if res.Header.Get("X-Outer") != "yes" || res.Header.Get("X-Late") != "" || res.ContentLength != int64(len(timedOut)) {
					t.Errorf("the header is %v", res.Header)
				}
				if took := time.Since(begin); took != time.Second {
					t.Errorf("answered after %v", took)
				}
				if n := stats.Abandoned(); n != 1 {
					t.Errorf("%d are abandoned", n)
				}
				if err := <-late; !errors.Is(err, http.ErrHandlerTimeout) {
					t.Errorf("the handler has the error %v", err)
				}
				synctest.Wait()
				if n := stats.Abandoned(); n != 0 {
					t.Errorf("%d are abandoned afterwards", n)
				}
			})
		})
	}
}

// What is written goes out at once; after the deadline the answer is broken.
func TestTimeoutStreams(t *testing.T) {
	var aborted chan error
	h := middleware.Timeout(10 * time.Second)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := range 100 {
			_, err := fmt.Fprintf(w, "line %d\n", i)
			if err == nil {
				err = http.NewResponseController(w).Flush()
			}
			if err != nil {
				aborted <- err
				return
			}
			time.Sleep(3 * time.Second)
		}
	}))
	inBubble(t, h, func(t *testing.T, l *pipeListener, c *http.Client) {
		aborted = make(chan error, 1)
		begin := time.Now()
		res, err := c.Get("http://test/")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body := bufio.NewReader(res.Body)
		for i := range 4 {
			line, err := body.ReadString('\n')
			if line != fmt.Sprintf("line %d\n", i) || err != nil || time.Since(begin) != time.Duration(i)*3*time.Second {
				t.Errorf("line %d is %q, %v after %v", i, line, err, time.Since(begin))
			}
		}
		if rest, err := io.ReadAll(body); len(rest) != 0 || err == nil || time.Since(begin) != 10*time.Second {
			t.Errorf("it ends with %q, %v after %v", rest, err, time.Since(begin))
		}
		if err := <-aborted; err != http.ErrHandlerTimeout {
			t.Errorf("the handler has the error %v", err)
		}
	})
}

// A handler that waits for the rest of a body does not hold up the answer.
func TestTimeoutWhileReading(t *testing.T) {
	var failed chan error
	h := middleware.Timeout(time.Second)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		failed <- err
	}))
	inBubble(t, h, func(t *testing.T, l *pipeListener, c *http.Client) {
		failed = make(chan error, 1)
		conn, err := l.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		wantTimedOut(t, res, string(body), err)
		if !res.Close {
			t.Error("the connection is not closed, although the body is not read")
		}
		if err := <-failed; !errors.Is(err, http.ErrHandlerTimeout) {
			t.Errorf("the handler has the error %v", err)
		}
	})
}

// A handler that waits for a client that does not read is not waited for.
func TestTimeoutWhileWriting(t *testing.T) {
	var failed chan error
	var served chan time.Duration
	inner := middleware.Timeout(time.Second)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := w.Write(make([]byte, 1<<20))
		failed <- err
	}))
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		defer func() { served <- time.Since(begin) }()
		inner.ServeHTTP(w, r)
	})
	inBubble(t, h, func(t *testing.T, l *pipeListener, c *http.Client) {
		failed = make(chan error, 1)
		served = make(chan time.Duration, 1)
		conn, err := l.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: test\r\n\r\n")
		if took := <-served; took != time.Second {
			t.Errorf("served after %v", took)
		}
		if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the handler has the error %v", err)
		}
	})
}

func TestTimeoutPanics(t *testing.T) {
	sentinel := errors.New("sentinel")
	for _, test := range []struct {
		name  string
		value any
	}{
		{"text", "bad luck"},
		{"error", sentinel},
		{"abort", http.ErrAbortHandler},
	} {
		t.Run(test.name+" in time", func(t *testing.T) {
			h := middleware.Timeout(time.Hour)(http.HandlerFunc(thisHandlerPanics(test.value)))
			// Through two of them as through one.
			for _, h := range []http.Handler{h, middleware.Timeout(time.Hour)(h)} {
				value := panicOf(func() { do(h, plainRequest()) })
				if test.value == http.ErrAbortHandler {
					if value != http.ErrAbortHandler {
						t.Errorf("panicked with %v", value)
					}
					continue
				}
				err, ok := value.(error)
				if !ok || errors.Is(err, sentinel) != (test.value == sentinel) {
					t.Fatalf("panicked with %v", value)
				}
				if text := err.Error(); !strings.HasPrefix(text, fmt.Sprint(test.value)+"\n\ngoroutine ") || !strings.Contains(text, "thisHandlerPanics") {
					t.Errorf("the text is %s", text)
				}
			}
		})
		t.Run(test.name+" too late", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				h := middleware.Timeout(time.Second, middleware.WithTimeoutLogger(slog.New(slog.NewJSONHandler(&log, nil))))(http.HandlerFunc(
					func(w http.ResponseWriter, r *http.Request) {
						time.Sleep(time.Minute)
						thisHandlerPanics(test.value)(w, r)
					}))
				wantRefusal(t, do(h, from("192.0.2.1:1")), 503, "request timed out")
				time.Sleep(time.Hour)
				synctest.Wait()
				want := fmt.Sprintf("[ERROR panic after timeout value=%v method=GET path=/ client=192.0.2.1]", test.value)
				if test.value == http.ErrAbortHandler {
					want = "[]"
				}
				if got := lines(t, &log, "value", "method", "path", "client"); fmt.Sprint(got) != want {
					t.Errorf("logged %q, want %q", got, want)
				}
			})
		})
	}
}

func thisHandlerPanics(value any) http.HandlerFunc {
	return func(http.ResponseWriter, *http.Request) { panic(value) }
}

func panicOf(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// A handler that ends its goroutine ends the server's, as it does without.
func TestTimeoutGoexit(t *testing.T) {
	h := middleware.Timeout(time.Hour)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { runtime.Goexit() }))
	ended := make(chan bool, 1)
	go func() {
		returned := false
		defer func() { ended <- returned }()
		do(h, plainRequest())
		returned = true
	}()
	if wait(t, ended) {
		t.Error("ServeHTTP has returned")
	}
}

// The client went away first: nothing is written, and the handler has the rest of
// its time.
func TestTimeoutClientGone(t *testing.T) {
	for _, heeds := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var stats middleware.TimeoutStats
			begin := time.Now()
			h := middleware.Timeout(time.Minute, middleware.WithTimeoutStats(&stats))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
				if context.Cause(r.Context()) != context.Canceled || time.Since(begin) != time.Second {
					t.Errorf("the context ended with %v", context.Cause(r.Context()))
				}
				time.Sleep(time.Second)
				if !heeds {
					time.Sleep(time.Hour)
				}
			}))
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, plainRequest().WithContext(ctx))
			want := 2 * time.Second
			if !heeds {
				want = time.Minute
			}
			if took := time.Since(begin); took != want {
				t.Errorf("it took %v, want %v", took, want)
			}
			if w.Body.Len() != 0 || len(w.Header()) != 0 {
				t.Errorf("answered %q, %v", w.Body, w.Header())
			}
			time.Sleep(2 * time.Hour)
			if n := stats.Abandoned(); n != 0 {
				t.Errorf("%d are abandoned", n)
			}
		})
	}
}

// The deadline of someone else's context counts if it comes first.
func TestTimeoutOuterDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := middleware.Timeout(time.Hour)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Minute) }))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		wantRefusal(t, do(h, plainRequest().WithContext(ctx)), 503, "request timed out")
		if took := time.Since(begin); took != time.Second {
			t.Errorf("it took %v", took)
		}
		time.Sleep(time.Hour)
	})
}

// One in another: the outer one answers.
func TestTimeoutNested(t *testing.T) {
	for _, inner := range []time.Duration{time.Millisecond, time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			var stats middleware.TimeoutStats
			count := middleware.WithTimeoutStats(&stats)
			h := middleware.Chain(middleware.Timeout(time.Second, count), middleware.Timeout(inner, count))(http.HandlerFunc(
				func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Hour) }))
			begin := time.Now()
			wantRefusal(t, do(h, plainRequest()), 503, "request timed out")
			if took := time.Since(begin); took != min(inner, time.Second) {
				t.Errorf("it took %v", took)
			}
			time.Sleep(2 * time.Hour)
			if n := stats.Abandoned(); n != 0 {
				t.Errorf("%d are abandoned", n)
			}
		})
	}
}

// What writes while the outer one expires is not waited for either.
func TestTimeoutNestedWhileWriting(t *testing.T) {
	h := middleware.Chain(middleware.Timeout(time.Hour), middleware.Timeout(time.Second))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, 1<<20))
	}))
	var served chan time.Duration
	outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		defer func() { served <- time.Since(begin) }()
		h.ServeHTTP(w, r)
	})
	inBubble(t, outer, func(t *testing.T, l *pipeListener, c *http.Client) {
		served = make(chan time.Duration, 1)
		conn, err := l.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: test\r\n\r\n")
		if took := <-served; took != time.Second {
			t.Errorf("served after %v", took)
		}
	})
}

// The handler's header is that of the answer, trailers and 1xx included.
func TestTimeoutHeader(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if h.Get("X-Outer") != "yes" {
			t.Error("the handler does not see the header")
		}
		h.Del("X-Outer")
		h.Set("Trailer", "X-Sum, X-Missing")
		h.Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		h.Del("Link")
		h.Set("X-Own", "yes")
		w.WriteHeader(http.StatusCreated)
		h.Set("X-After", "yes")
		io.WriteString(w, "text")
		h.Set("X-Sum", "42")
		h.Set(http.TrailerPrefix+"X-More", "43")
	})
	outer := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Outer", "yes")
			next.ServeHTTP(w, r)
		})
	}
	for name, m := range map[string]middleware.Middleware{
		"without": outer,
		"one":     middleware.Chain(outer, middleware.Timeout(time.Hour)),
		"two":     middleware.Chain(outer, middleware.Timeout(time.Hour), middleware.Timeout(time.Hour)),
	} {
		t.Run(name, func(t *testing.T) {
			for _, s := range []*httptest.Server{start(t, m(handler)), startHTTP2(t, m(handler))} {
				res, err := s.Client().Get(s.URL)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if string(body) != "text" || err != nil || res.StatusCode != 201 {
					t.Errorf("answered %d %q, %v", res.StatusCode, body, err)
				}
				for field, want := range map[string]string{"X-Outer": "", "Link": "", "X-Own": "yes", "X-After": "", "X-Sum": ""} {
					if got := res.Header.Get(field); got != want {
						t.Errorf("%s is %q, want %q", field, got, want)
					}
				}
				if sum, more := res.Trailer.Get("X-Sum"), res.Trailer.Get("X-More"); sum != "42" || more != "43" {
					t.Errorf("the trailers are %v", res.Trailer)
				}
			}
		})
	}
}

// A header alone is sent when the handler has returned.
func TestTimeoutHeaderOnly(t *testing.T) {
	w := do(middleware.Timeout(time.Hour)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Own", "yes")
	})), plainRequest())
	if w.Code != 200 || w.Header().Get("X-Own") != "yes" {
		t.Errorf("answered %d, %v", w.Code, w.Header())
	}
}

// After 1xx the 503 has the header of before.
func TestTimeoutAfterEarlyHints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := do(middleware.Timeout(time.Second)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "12345")
			w.WriteHeader(http.StatusEarlyHints)
			time.Sleep(time.Minute)
		})), plainRequest())
		if w.Header().Get("Content-Length") != "" || w.Body.String() != timedOut {
			t.Errorf("answered %q, %v", w.Body, w.Header())
		}
		time.Sleep(time.Minute)
	})
}

// A status that does not exist panics as it does without.
func TestTimeoutInvalidStatus(t *testing.T) {
	value := panicOf(func() {
		do(middleware.Timeout(time.Hour)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(42) })), plainRequest())
	})
	if err, ok := value.(error); !ok || !strings.Contains(err.Error(), "invalid WriteHeader code 42") {
		t.Errorf("panicked with %v", value)
	}
}

// What is found out inside is known outside.
func TestTimeoutJoins(t *testing.T) {
	var seen middleware.Seen
	mux := http.NewServeMux()
	mux.Handle("/a/{b}", middleware.Refusing(401, "not you")(never(t)))
	h := middleware.Chain(middleware.Watching(func(s middleware.Seen) { seen = s }), middleware.Timeout(time.Hour))(mux)
	wantRefusal(t, do(h, request("GET", "/a/1")), 401, "not you")
	if seen.Route != "/a/{b}" || seen.Refusal != "not you" || seen.Status != 401 {
		t.Errorf("seen is %+v", seen)
	}
}

// A 503 of Timeout is no refusal: the handler was called.
func TestTimeoutIsNoRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen middleware.Seen
		formed := middleware.OnRefuse(func(w http.ResponseWriter, r *http.Request, status int, text string) { http.Error(w, text, status) })
		h := middleware.Chain(middleware.Watching(func(s middleware.Seen) { seen = s }), formed, middleware.Timeout(time.Second))(http.HandlerFunc(
			func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Minute) }))
		if w := do(h, plainRequest()); w.Code != 503 || w.Body.String() != "request timed out\n" {
			t.Errorf("answered %d %q", w.Code, w.Body)
		}
		if seen.Refusal != "" || seen.Status != 503 {
			t.Errorf("seen is %+v", seen)
		}
		time.Sleep(time.Hour)
	})
}

// The body of a request, its trailers and its form are the handler's.
func TestTimeoutBody(t *testing.T) {
	h := middleware.Timeout(time.Hour)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %v %s", b, errors.Join(err, r.Body.Close()), r.Trailer.Get("X-Sum"))
	}))
	s := start(t, h)
	r, err := http.NewRequest("POST", s.URL, io.MultiReader(strings.NewReader("chunked")))
	if err != nil {
		t.Fatal(err)
	}
	r.Trailer = http.Header{"X-Sum": {"42"}}
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); string(b) != "chunked <nil> 42" {
		t.Errorf("the handler has read %s", b)
	}
}

// A connection that was taken over by the deadline is a session from then on.
func TestTimeoutHijacked(t *testing.T) {
	for _, attach := range []bool{false, true} {
		var done chan time.Duration
		var closed chan string
		h := middleware.Timeout(10 * time.Second)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			begin := time.Now()
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			if attach {
				middleware.AttachSession(r.Context(), attached(func(text string, code int) {
					closed <- fmt.Sprint(code, " ", text)
					conn.Close()
				}))
			}
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
			_, err = io.Copy(io.Discard, conn)
			if !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("the connection ends with %v", err)
			}
			if context.Cause(r.Context()) != middleware.ErrTimeout {
				t.Errorf("the context ended with %v", context.Cause(r.Context()))
			}
			if _, err := io.WriteString(w, "x"); err != http.ErrHijacked {
				t.Errorf("writing fails with %v", err)
			}
			done <- time.Since(begin)
		}))
		inBubble(t, h, func(t *testing.T, l *pipeListener, c *http.Client) {
			done = make(chan time.Duration, 1)
			closed = make(chan string, 1)
			conn, err := l.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			io.WriteString(conn, "GET / HTTP/1.1\r\nHost: test\r\n\r\n")
			if all, err := io.ReadAll(conn); string(all) != "HTTP/1.1 200 OK\r\n\r\n" || err != nil {
				t.Errorf("the client has read %q, %v", all, err)
			}
			want := 10*time.Second + middleware.ForceAfter
			if attach {
				want = 10 * time.Second
				if got := <-closed; got != "4408 session timeout" {
					t.Errorf("closed with %s", got)
				}
			}
			if took := <-done; took != want {
				t.Errorf("it was closed after %v, want %v", took, want)
			}
		})
	}
}

// A connection that is being taken over at the deadline is taken over.
func TestTimeoutWhileHijacking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		slow := &slowHijacker{httptest.NewRecorder(), ours}
		begin := time.Now()
		middleware.Timeout(time.Second)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			conn.Read(make([]byte, 1))
		})).ServeHTTP(slow, plainRequest())
		if took := time.Since(begin); took != time.Minute+middleware.ForceAfter {
			t.Errorf("it took %v", took)
		}
		if slow.Body.Len() != 0 {
			t.Errorf("answered %q", slow.Body)
		}
	})
}

type slowHijacker struct {
	*httptest.ResponseRecorder
	conn net.Conn
}

func (s *slowHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	time.Sleep(time.Minute)
	return s.conn, bufio.NewReadWriter(bufio.NewReader(s.conn), bufio.NewWriter(s.conn)), nil
}

// attached is a session that calls a function when it is sent something (code 0)
// or closed.
type attached func(text string, code int)

func (a attached) SendText(text string) error          { a(text, 0); return nil }
func (a attached) Close(code int, reason string) error { a(reason, code); return nil }

// A file is sent as a whole, and anything else as it comes: what waits for a
// reader does not hold up the end.
func TestTimeoutReadFrom(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("file"), 0o600); err != nil {
		t.Fatal(err)
	}
	var pipe *io.PipeReader
	h := middleware.Timeout(time.Second)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		io.Copy(w, f)
		w.(http.Flusher).Flush()
		io.Copy(w, pipe)
	}))
	inBubble(t, h, func(t *testing.T, l *pipeListener, c *http.Client) {
		var feed *io.PipeWriter
		pipe, feed = io.Pipe()
		begin := time.Now()
		res, err := c.Get("http://test/")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if b, err := io.ReadAll(res.Body); string(b) != "file" || err == nil || time.Since(begin) != time.Second {
			t.Errorf("answered %q, %v after %v", b, err, time.Since(begin))
		}
		feed.Close()
	})
}

// A writer without Flush stays one.
func TestTimeoutFlusher(t *testing.T) {
	h := middleware.Timeout(time.Hour)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, flushes := w.(http.Flusher)
		fmt.Fprint(w, flushes)
	}))
	plain := &struct{ http.ResponseWriter }{httptest.NewRecorder()}
	h.ServeHTTP(plain, plainRequest())
	if got := plain.ResponseWriter.(*httptest.ResponseRecorder).Body.String(); got != "false" {
		t.Errorf("it is a Flusher: %s", got)
	}
	if got := do(h, plainRequest()).Body.String(); got != "true" {
		t.Errorf("it is a Flusher: %s", got)
	}
}

// HTTP/2: the answer comes although the handler reads, and streams are reset.
func TestTimeoutHTTP2(t *testing.T) {
	release := make(chan struct{})
	h := middleware.Timeout(50 * time.Millisecond)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/read":
			io.ReadAll(r.Body)
		case "/write":
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		case "/hang":
			<-release
		}
	}))
	s := startHTTP2(t, h)
	for _, path := range []string{"/read", "/hang"} {
		body, hold := io.Pipe()
		res, err := s.Client().Post(s.URL+path, "", body)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		wantTimedOut(t, res, string(b), err)
		hold.Close()
	}
	res, err := s.Client().Get(s.URL + "/write")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, res.Body); err == nil {
		t.Errorf("after %d bytes the answer is complete", n)
	}
	res.Body.Close()
	close(release)
}

func TestTimeoutSession(t *testing.T) {
	t.Run("open", func(t *testing.T) {
		h := middleware.Timeout(time.Minute)(sessionHandler(t))
		inBubble(t, h, func(t *testing.T, l *pipeListener, c *http.Client) {
			conn, err := l.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			begin := time.Now()
			ws, _ := shake(t, conn, "/", nil, "Host: test")
			ws.wantClose(4408, "session timeout")
			if took := time.Since(begin); took != time.Minute {
				t.Errorf("it was open for %v", took)
			}
		})
	})
	t.Run("over before", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			if w := do(middleware.Timeout(time.Minute)(fine), upgrade("/")); w.Body.String() != "fine" {
				t.Errorf("answered %d %q", w.Code, w.Body)
			}
		})
	})
	t.Run("never answered", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := middleware.Timeout(time.Minute)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
				if e, ok := errors.AsType[*middleware.SessionError](context.Cause(r.Context())); !ok || e.Status != 408 || e.Text != "session timeout" {
					t.Errorf("the context ended with %v", context.Cause(r.Context()))
				}
			}))
			wantRefusal(t, do(h, upgrade("/")), 503, "request timed out")
		})
	})
}
