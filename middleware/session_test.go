package middleware_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/middleware"
	"github.com/gongular/gongular/ws"
)

func TestSessionError(t *testing.T) {
	for _, test := range []struct {
		err  middleware.SessionError
		code int
		text string
	}{
		{middleware.SessionError{Status: 408, Text: "session timeout"}, 4408, "session ended: session timeout (408)"},
		{middleware.SessionError{Status: 503, Text: "x"}, 4503, "session ended: x (503)"},
		{middleware.SessionError{Status: 500, Text: "internal server error"}, 1011, "session ended: internal server error (500)"},
	} {
		code, reason := test.err.CloseFrame()
		if code != test.code || reason != test.err.Text || test.err.Error() != test.text || test.err.StatusCode() != test.err.Status {
			t.Errorf("%+v: close frame %d %q, text %q", test.err, code, reason, test.err.Error())
		}
	}
}

// ending ends the session that it is around after a while.
func ending(after time.Duration, status int, text string) middleware.Middleware {
	return middleware.Chain(middleware.Nothing(), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			timer := time.AfterFunc(after, func() { middleware.End(r.Context(), status, text) })
			defer timer.Stop()
			next.ServeHTTP(w, r)
		})
	})
}

// A session that is ended closes with the code of its status, if its layer
// watches the context.
func TestEndedSessionCloses(t *testing.T) {
	for status, code := range map[int]int{408: 4408, 403: 4403, 500: 1011} {
		var cause error
		inBubble(t, ending(time.Minute, status, "enough")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			err := watchedSession(w, r, func(conn *ws.Conn) {
				_, _, err := conn.ReadMessage()
				if err == nil {
					t.Error("a message was read")
				}
			})
			if err != nil {
				t.Error(err)
			}
			cause = context.Cause(r.Context())
		})), func(t *testing.T, l *pipeListener, _ *http.Client) {
			conn, _ := l.dial(t.Context(), "", "")
			c, _ := shake(t, conn, "/", nil)
			begin := time.Now()
			c.wantClose(code, "enough")
			if d := time.Since(begin); d != time.Minute {
				t.Errorf("it was closed after %v", d)
			}
			conn.Close()
		})
		if e, ok := errors.AsType[*middleware.SessionError](cause); !ok || *e != (middleware.SessionError{Status: status, Text: "enough"}) {
			t.Errorf("the cause is %v", cause)
		}
	}
}

// Package ws attaches itself: there is nothing that a handler has to do.
func TestEndedSessionOfWS(t *testing.T) {
	inBubble(t, ending(time.Minute, 408, "enough")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(ws.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		middleware.Attached(r.Context()).SendText("soon")
		if _, p, err := conn.ReadMessage(); err == nil {
			t.Errorf("read %q", p)
		}
	})), func(t *testing.T, l *pipeListener, _ *http.Client) {
		conn, _ := l.dial(t.Context(), "", "")
		defer conn.Close()
		c, _ := shake(t, conn, "/", nil)
		c.want(0x81, "soon")
		begin := time.Now()
		c.wantClose(4408, "enough")
		if d := time.Since(begin); d != time.Minute {
			t.Errorf("it was closed after %v", d)
		}
		c.send(frame(0x88, "\x11\x38"))
		c.wantEnd()
	})
}

// hijack takes the connection over as a library does that knows nothing of us.
func hijack(t *testing.T, w http.ResponseWriter) (io.Closer, *bufio.ReadWriter) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Fatal(err)
	}
	rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	rw.Flush()
	return conn, rw
}

// A session whose library does not watch the context is closed five seconds later.
func TestEndedSessionIsForced(t *testing.T) {
	inBubble(t, ending(time.Minute, 408, "enough")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, rw := hijack(t, w)
		defer conn.Close()
		begin := time.Now()
		_, err := rw.ReadByte()
		if d := time.Since(begin); err == nil || d != time.Minute+middleware.ForceAfter {
			t.Errorf("after %v: %v", d, err)
		}
	})), func(t *testing.T, l *pipeListener, _ *http.Client) {
		conn, _ := l.dial(t.Context(), "", "")
		c, _ := shake(t, conn, "/", nil)
		c.wantEnd()
	})
}

// When the handler returns, what it leaves open of an ended session is closed at once.
func TestEndedSessionIsClosedOnReturn(t *testing.T) {
	inBubble(t, ending(time.Minute, 408, "enough")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hijack(t, w)
		<-r.Context().Done()
	})), func(t *testing.T, l *pipeListener, _ *http.Client) {
		conn, _ := l.dial(t.Context(), "", "")
		c, _ := shake(t, conn, "/", nil)
		begin := time.Now()
		c.wantEnd()
		if d := time.Since(begin); d != time.Minute {
			t.Errorf("it was closed after %v", d)
		}
	})
}

// What is not ended is the handler's to close, as before: it may have handed the
// connection on.
func TestSessionIsLeftOpen(t *testing.T) {
	inBubble(t, middleware.Nothing()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, rw := hijack(t, w)
		go func() {
			defer conn.Close()
			time.Sleep(time.Hour)
			rw.WriteString("later\n")
			rw.Flush()
		}()
	})), func(t *testing.T, l *pipeListener, _ *http.Client) {
		conn, _ := l.dial(t.Context(), "", "")
		c, _ := shake(t, conn, "/", nil)
		if line, err := c.r.ReadString('\n'); line != "later\n" {
			t.Errorf("read %q, %v", line, err)
		}
	})
}

// A connection that is attached remembers what it was told.
type connection struct {
	mu    sync.Mutex
	told  []string
	close func()
}

func (a *connection) SendText(msg string) error { a.note("text " + msg); return nil }
func (a *connection) Close(code int, reason string) error {
	a.note(fmt.Sprintf("close %d %s", code, reason))
	if a.close != nil {
		a.close()
	}
	return nil
}

func (a *connection) note(s string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.told = append(a.told, s)
}

// A session that has attached itself is closed by its own Close, whether it did
// so before or after it was ended, by the context or by the writer.
func TestAttachSession(t *testing.T) {
	byContext := func(_ http.ResponseWriter, r *http.Request, a *connection) {
		middleware.AttachSession(r.Context(), a)
		if middleware.Attached(r.Context()) != a {
			t.Error("it is not attached")
		}
	}
	// As a WebSocket layer does that does not import this package.
	byWriter := func(w http.ResponseWriter, _ *http.Request, a *connection) {
		w.(interface {
			AttachSession(interface {
				SendText(msg string) error
				Close(code int, reason string) error
			})
		}).AttachSession(a)
	}
	for name, attach := range map[string]func(http.ResponseWriter, *http.Request, *connection){"context": byContext, "writer": byWriter} {
		for _, wait := range []time.Duration{0, 2 * time.Minute} {
			t.Run(fmt.Sprint(name, wait), func(t *testing.T) {
				a := &connection{}
				inBubble(t, ending(time.Minute, 429, "enough")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					conn, rw := hijack(t, w)
					a.close = func() { conn.Close() }
					time.Sleep(wait)
					attach(w, r, a)
					rw.ReadByte()
					if context.Cause(r.Context()).Error() != "session ended: enough (429)" {
						t.Errorf("the cause is %v", context.Cause(r.Context()))
					}
				})), func(t *testing.T, l *pipeListener, _ *http.Client) {
					conn, _ := l.dial(t.Context(), "", "")
					defer conn.Close()
					c, _ := shake(t, conn, "/", nil)
					c.wantEnd()
				})
				if want := []string{"close 4429 enough"}; !slices.Equal(a.told, want) {
					t.Errorf("it was told %q, want %q", a.told, want)
				}
			})
		}
	}
}

// A Close that hangs has as long as any, and then the connection is closed under
// it. The request waits for it.
func TestAttachedCloseHangs(t *testing.T) {
	a := &connection{}
	inBubble(t, ending(time.Minute, 429, "enough")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, rw := hijack(t, w)
		a.close = func() {
			rw.ReadByte() // until the connection is closed
			a.note("the end")
		}
		middleware.AttachSession(r.Context(), a)
		<-r.Context().Done()
	})), func(t *testing.T, l *pipeListener, _ *http.Client) {
		conn, _ := l.dial(t.Context(), "", "")
		defer conn.Close()
		c, _ := shake(t, conn, "/", nil)
		begin := time.Now()
		c.wantEnd()
		if d := time.Since(begin); d != time.Minute+middleware.ForceAfter {
			t.Errorf("it was closed after %v", d)
		}
		synctest.Wait()
	})
	if want := "close 4429 enough, the end"; strings.Join(a.told, ", ") != want {
		t.Errorf("it was told %q, want %q", a.told, want)
	}
}

// A session ends once, and only while it is one.
func TestEndOnce(t *testing.T) {
	var ctx context.Context
	inBubble(t, middleware.Nothing()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx = r.Context()
		if !middleware.IsUpgrade(r) {
			if middleware.End(ctx, 408, "x") || middleware.Ended(ctx) != nil || ctx.Err() != nil || middleware.Attached(ctx) != nil {
				t.Error("a plain request was ended")
			}
			middleware.AttachSession(ctx, &connection{})
			if middleware.Attached(ctx) != nil {
				t.Error("a plain request has a session")
			}
			return
		}
		if middleware.Ended(ctx) != nil {
			t.Error("it has ended before")
		}
		middleware.AttachSession(ctx, nil)
		first, second := middleware.End(ctx, 408, "first"), middleware.End(ctx, 500, "second")
		if !first || second || middleware.Ended(ctx).Text != "first" {
			t.Errorf("ended %t %t by %v", first, second, middleware.Ended(ctx))
		}
	})), func(t *testing.T, l *pipeListener, c *http.Client) {
		res, err := c.Get("http://host/")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		conn, _ := l.dial(t.Context(), "", "")
		defer conn.Close()
		if _, res := shake(t, conn, "/", nil); res.StatusCode != 200 {
			t.Errorf("answered %s", res.Status)
		}
		synctest.Wait()
		if middleware.End(ctx, 408, "x") {
			t.Error("it was ended after it was over")
		}
		middleware.AttachSession(ctx, &connection{})
		if middleware.Attached(ctx) != nil {
			t.Error("something was attached after it was over")
		}
	})
}

// The connection of a request that asked for no upgrade, and took it over all
// the same, can be closed, but its context goes on.
func TestEndWithoutUpgrade(t *testing.T) {
	inBubble(t, middleware.Nothing()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, rw := hijack(t, w)
		begin := time.Now()
		if !middleware.End(r.Context(), 500, "x") || r.Context().Err() != nil {
			t.Errorf("not ended, or the context is: %v", r.Context().Err())
		}
		rw.ReadByte()
		if d := time.Since(begin); d != middleware.ForceAfter {
			t.Errorf("it was closed after %v", d)
		}
	})), func(t *testing.T, l *pipeListener, _ *http.Client) {
		conn, _ := l.dial(t.Context(), "", "")
		defer conn.Close()
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: host\r\n\r\n")
		if b, err := io.ReadAll(conn); !strings.HasPrefix(string(b), "HTTP/1.1 101") {
			t.Errorf("read %q, %v", b, err)
		}
	})
}

// Who wants to know is told once when a session is established, and never of a
// request that is answered otherwise.
func TestEstablished(t *testing.T) {
	var told []string
	mw := middleware.Chain(
		middleware.Opening(func() { told = append(told, "outer") }),
		middleware.Opening(func() { told = append(told, "inner") }),
	)
	for name, test := range map[string]struct {
		h    http.HandlerFunc
		want string
	}{
		"hijacked": {func(w http.ResponseWriter, r *http.Request) {
			conn, _ := hijack(t, w)
			conn.Close()
		}, "outer inner"},
		"switched":        {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(101) }, "outer inner"},
		"answered":        {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200) }, ""},
		"switched, again": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(101); w.WriteHeader(101) }, "outer inner"},
	} {
		told = nil
		inBubble(t, mw(test.h), func(t *testing.T, l *pipeListener, _ *http.Client) {
			conn, _ := l.dial(t.Context(), "", "")
			defer conn.Close()
			shake(t, conn, "/", nil)
			synctest.Wait()
		})
		if got := strings.Join(told, " "); got != test.want {
			t.Errorf("%s: told %q, want %q", name, got, test.want)
		}
	}
}
