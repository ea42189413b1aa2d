package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/middleware"
	"github.com/gongular/gongular/ws"
)

// sessionHandler opens a session that reads until it ends.
func sessionHandler(t testing.TB) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := watchedSession(w, r, func(conn *ws.Conn) {
			for {
				if _, _, err := conn.ReadMessage(); err != nil {
					return
				}
			}
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// inSession runs f with an open session of the handler, in a bubble.
func inSession(t *testing.T, h http.Handler, f func(t *testing.T, c *client)) {
	t.Helper()
	inBubble(t, h, func(t *testing.T, l *pipeListener, _ *http.Client) {
		conn, err := l.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		c, res := shake(t, conn, "/", nil, "Host: test")
		if res.StatusCode != 101 {
			t.Fatalf("the handshake was answered %s", res.Status)
		}
		f(t, c)
	})
}

func TestSessionTimeoutWithWarning(t *testing.T) {
	var log bytes.Buffer
	var warned atomic.Bool
	m := middleware.SessionTimeoutWithWarning(time.Minute, 9500*time.Millisecond, slog.New(slog.NewJSONHandler(&log, nil)))
	h := m(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watchedSession(w, r, func(conn *ws.Conn) {
			middleware.AttachSession(r.Context(), attached(func(text string, code int) {
				if code == 0 {
					conn.WriteMessage(ws.TextMessage, []byte(text))
				}
			}))
			go func() {
				<-middleware.SessionWarning(r.Context())
				warned.Store(true)
			}()
			conn.ReadMessage()
		})
	}))
	inSession(t, h, func(t *testing.T, c *client) {
		begin := time.Now()
		c.want(0x81, `{"type":"timeout_warning","seconds_remaining":10}`)
		if took := time.Since(begin); took != 50500*time.Millisecond {
			t.Errorf("it was warned after %v", took)
		}
		synctest.Wait()
		if !warned.Load() {
			t.Error("SessionWarning is not closed")
		}
		c.wantClose(4408, "session timeout")
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("it was open for %v", took)
		}
		c.wantEnd()
		synctest.Wait()
	})
	if got := lines(t, &log, "path", "client"); fmt.Sprint(got) != "[INFO session ended: timeout path=/ client=]" {
		t.Errorf("logged %q", got)
	}
}

// A session that ends by itself is neither warned nor ended, and its timers stop.
func TestSessionTimeoutStops(t *testing.T) {
	var warning <-chan struct{}
	var log bytes.Buffer
	m := middleware.SessionTimeoutWithWarning(time.Minute, time.Second, slog.New(slog.NewJSONHandler(&log, nil)))
	h := m(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		warning = middleware.SessionWarning(r.Context())
		sessionHandler(t).ServeHTTP(w, r)
	}))
	inSession(t, h, func(t *testing.T, c *client) {
		time.Sleep(time.Second)
		c.send(frame(0x88, "\x03\xe8"))
		c.wantClose(1000, "")
		c.wantEnd()
		time.Sleep(time.Hour)
		select {
		case <-warning:
			t.Error("it was warned")
		default:
		}
	})
	if log.Len() != 0 {
		t.Errorf("logged %s", &log)
	}
}

// A warning that cannot be sent is logged.
func TestSessionWarningFails(t *testing.T) {
	var log bytes.Buffer
	m := middleware.SessionTimeoutWithWarning(time.Minute, time.Second, slog.New(slog.NewJSONHandler(&log, nil)))
	h := m(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watchedSession(w, r, func(conn *ws.Conn) {
			middleware.AttachSession(r.Context(), brokenSession{})
			conn.ReadMessage()
		})
	}))
	inSession(t, h, func(t *testing.T, c *client) {
		c.wantClose(4408, "session timeout")
		c.wantEnd()
		synctest.Wait()
	})
	want := "[WARN session not warned of its timeout error=broken INFO session ended: timeout error=<nil>]"
	if got := lines(t, &log, "error"); fmt.Sprint(got) != want {
		t.Errorf("logged %q", got)
	}
}

type brokenSession struct{}

func (brokenSession) SendText(string) error   { return errors.New("broken") }
func (brokenSession) Close(int, string) error { return errors.New("broken") }

// Other requests have no warning, and no timeout.
func TestSessionTimeoutOfRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := middleware.Chain(middleware.SessionTimeoutWithWarning(2, 1, nil), middleware.IdleTimeout(1))
		for _, r := range []*http.Request{plainRequest(), upgrade("/")} { // this upgrade is answered as a request
			w := do(m(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(time.Hour)
				if err := r.Context().Err(); err != nil {
					t.Errorf("the context ended with %v", err)
				}
				select {
				case <-middleware.SessionWarning(r.Context()):
					t.Error("it was warned")
				default:
				}
				fine(w, r)
			})), r)
			if w.Body.String() != "fine" {
				t.Errorf("answered %d %q", w.Code, w.Body)
			}
		}
		if middleware.SessionWarning(context.Background()) != nil {
			t.Error("there is a warning without a session")
		}
	})
}

func TestIdleTimeout(t *testing.T) {
	h := middleware.IdleTimeout(10 * time.Second)(sessionHandler(t))
	t.Run("silent", func(t *testing.T) {
		inSession(t, h, func(t *testing.T, c *client) {
			begin := time.Now()
			c.wantClose(4408, "idle timeout")
			if took := time.Since(begin); took != 10*time.Second {
				t.Errorf("it was open for %v", took)
			}
		})
	})
	t.Run("pongs count", func(t *testing.T) {
		inSession(t, h, func(t *testing.T, c *client) {
			begin := time.Now()
			for range 7 {
				time.Sleep(9 * time.Second)
				c.send(frame(0x8a, "pong"))
			}
			c.wantClose(4408, "idle timeout")
			if took := time.Since(begin); took != 73*time.Second {
				t.Errorf("it was open for %v", took)
			}
		})
	})
	t.Run("a part of a frame counts", func(t *testing.T) {
		inSession(t, h, func(t *testing.T, c *client) {
			begin := time.Now()
			for _, b := range frame(0x81, "slow") {
				time.Sleep(9 * time.Second)
				c.send([]byte{b})
			}
			c.wantClose(4408, "idle timeout")
			if took := time.Since(begin); took != 100*time.Second {
				t.Errorf("it was open for %v", took)
			}
		})
	})
	t.Run("over", func(t *testing.T) {
		inSession(t, h, func(t *testing.T, c *client) {
			c.send(frame(0x88, "\x03\xe8"))
			c.wantClose(1000, "")
			c.wantEnd()
			time.Sleep(time.Hour)
		})
	})
	t.Run("early bytes count", func(t *testing.T) {
		inBubble(t, h, func(t *testing.T, l *pipeListener, _ *http.Client) {
			conn, err := l.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			c, _ := shake(t, conn, "/", frame(0x81, "early"), "Host: test")
			begin := time.Now()
			c.wantClose(4408, "idle timeout")
			if took := time.Since(begin); took != 10*time.Second {
				t.Errorf("it was open for %v", took)
			}
		})
	})
}

func TestIdleMonitor(t *testing.T) {
	t.Run("fires once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			var fired []time.Duration
			m := middleware.NewIdleMonitor(10*time.Second, func() { fired = append(fired, time.Since(begin)) })
			for range 5 {
				time.Sleep(8 * time.Second)
				m.Activity()
			}
			time.Sleep(time.Minute)
			m.Activity()
			time.Sleep(time.Minute)
			m.Stop()
			m.Stop()
			if fmt.Sprint(fired) != "[50s]" {
				t.Errorf("it fired after %v", fired)
			}
		})
	})
	t.Run("Stop", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := middleware.NewIdleMonitor(10*time.Second, func() { t.Error("it fired") })
			time.Sleep(9 * time.Second)
			m.Stop()
			m.Activity()
			time.Sleep(time.Hour)
		})
	})
	t.Run("Stop after Activity", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := middleware.NewIdleMonitor(10*time.Second, func() { t.Error("it fired") })
			time.Sleep(9 * time.Second)
			m.Activity()
			time.Sleep(9 * time.Second) // the timer has been set again
			m.Stop()
			time.Sleep(time.Hour)
		})
	})
	t.Run("Stop from inside", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			stop, done := make(chan func(), 1), make(chan struct{})
			stop <- middleware.NewIdleMonitor(time.Second, func() {
				deep(100, <-stop)
				close(done)
			}).Stop
			<-done
		})
	})
	t.Run("Stop waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var running atomic.Bool
			m := middleware.NewIdleMonitor(time.Second, func() {
				running.Store(true)
				time.Sleep(time.Minute)
				running.Store(false)
			})
			time.Sleep(2 * time.Second)
			if !running.Load() {
				t.Error("it has not fired")
			}
			m.Stop()
			if running.Load() {
				t.Error("it runs after Stop")
			}
		})
	})
	t.Run("Stop waits after a panic", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := middleware.NewIdleMonitor(time.Second, func() {
				defer func() { recover() }()
				panic("x")
			})
			time.Sleep(time.Minute)
			m.Stop()
		})
	})
}

// deep calls f from as many frames below.
func deep(frames int, f func()) {
	if frames == 0 {
		f()
		return
	}
	deep(frames-1, f)
}

func TestSessionIdleMonitor(t *testing.T) {
	var monitor *middleware.IdleMonitor
	h := middleware.Chain(middleware.Nothing())(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watchedSession(w, r, func(conn *ws.Conn) {
			monitor = middleware.NewSessionIdleMonitor(r.Context(), 10*time.Second)
			for {
				if _, _, err := conn.ReadMessage(); err != nil {
					return
				}
				monitor.Activity()
			}
		})
	}))
	t.Run("messages count", func(t *testing.T) {
		inSession(t, h, func(t *testing.T, c *client) {
			begin := time.Now()
			time.Sleep(9 * time.Second)
			c.send(frame(0x81, "text"))
			time.Sleep(9 * time.Second)
			c.send(frame(0x8a, "pong"))
			c.wantClose(4408, "idle timeout")
			if took := time.Since(begin); took != 19*time.Second {
				t.Errorf("it was open for %v", took)
			}
			synctest.Wait()
			monitor.Stop()
		})
	})
	t.Run("stops with the session", func(t *testing.T) {
		inSession(t, h, func(t *testing.T, c *client) {
			c.send(frame(0x88, "\x03\xe8"))
			c.wantClose(1000, "")
			c.wantEnd()
			time.Sleep(time.Hour)
			monitor.Activity()
		})
	})
	t.Run("without a session", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := middleware.NewSessionIdleMonitor(context.Background(), time.Second)
			time.Sleep(time.Hour)
			m.Stop()
		})
	})
}
