package middleware

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"
)

// SessionTimeoutWithWarning returns middleware that lets a session be open for the
// time timeout, and warns it when only warningBefore is left: [SessionWarning] is
// closed, and the session, if it is known by [AttachSession], is sent the text
//
//	{"type":"timeout_warning","seconds_remaining":30}
//
// with the seconds rounded up. At the end it gets a SessionError with status 408,
// "session timeout", which is close code 4408. Other requests pass.
//
// It logs that a session ends at level Info, and a warning that could not be sent
// at level Warn. A nil logger is slog's default. It panics unless warningBefore is
// above 0 and below timeout.
func SessionTimeoutWithWarning(timeout, warningBefore time.Duration, logger *slog.Logger) Middleware {
	mustHave(0 < warningBefore && warningBefore < timeout, "SessionTimeoutWithWarning", "a warning that is not within the timeout")
	t := &warnedTimeout{timeout, warningBefore, logger}
	return If(IsUpgrade, entry(t.serve))
}

// SessionWarning returns a channel that is closed when [SessionTimeoutWithWarning]
// warns the session that ctx is from. Without it the channel is nil, and is never
// ready.
func SessionWarning(ctx context.Context) <-chan struct{} { return knownOf(ctx).limits.warning }

type warnedTimeout struct {
	timeout, warningBefore time.Duration
	logger                 *slog.Logger
}

func (t *warnedTimeout) serve(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
	warning := make(chan struct{})
	rec.limits.warning = warning
	var warn, end *time.Timer
	rec.whenOpen(func() {
		warn = time.AfterFunc(t.timeout-t.warningBefore, func() {
			close(warning)
			t.warn(rec, r)
		})
		end = time.AfterFunc(t.timeout, func() {
			if rec.end(http.StatusRequestTimeout, sessionTimeout) {
				t.log(r, slog.LevelInfo, "session ended: timeout")
			}
		})
	})
	defer func() {
		if warn != nil {
			warn.Stop()
			end.Stop()
		}
	}()
	next.ServeHTTP(w, r)
}

// warn sends the warning.
func (t *warnedTimeout) warn(rec *record, r *http.Request) {
	attached := rec.attachedSession()
	if attached == nil {
		return
	}
	message := fmt.Sprintf(`{"type":"timeout_warning","seconds_remaining":%d}`, wholeSeconds(t.warningBefore.Seconds()))
	if err := attached.SendText(message); err != nil {
		t.log(r, slog.LevelWarn, "session not warned of its timeout", slog.Any("error", err))
	}
}

func (t *warnedTimeout) log(r *http.Request, level slog.Level, message string, attrs ...slog.Attr) {
	attrs = append(attrs,
		slog.String("path", r.URL.Path),
		slog.String("client", textOf(ClientIP(r))),
		slog.String("request_id", knownOf(r.Context()).requestID))
	orDefault(t.logger).LogAttrs(r.Context(), level, message, attrs...)
}

// IdleTimeout returns middleware that ends a session when no byte has come from
// the client for the time d: with a SessionError of status 408, "idle timeout",
// which is close code 4408. Every byte counts, so that a client lives that answers
// pings. It is looked at where the handler reads from the connection: one that does
// not read for so long cannot be told from a client that does not send. Other
// requests pass. It panics if d is not above 0.
func IdleTimeout(d time.Duration) Middleware {
	mustHave(d > 0, "IdleTimeout", "a time that is not above 0")
	return If(IsUpgrade, entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		t := rec.watchTraffic()
		var idle *idleTimer
		rec.whenOpen(func() {
			idle = newIdleTimer(d, t.idle, func() { rec.end(http.StatusRequestTimeout, idleTimeout) })
		})
		defer func() {
			if idle != nil {
				idle.stop()
			}
		}()
		next.ServeHTTP(w, r)
	}))
}

const idleTimeout = "idle timeout"

// An idleTimer calls a function once, when something has been idle for a time. It
// has one timer, which is set again only when it fires too early.
type idleTimer struct {
	d     time.Duration
	idle  func() time.Duration
	onEnd func()

	mu    sync.Mutex // guards what follows
	timer *time.Timer
	over  bool          // stopped, or fired
	fired chan struct{} // closed when onEnd has returned; nil: it was not called
}

func newIdleTimer(d time.Duration, idle func() time.Duration, onEnd func()) *idleTimer {
	t := &idleTimer{d: d, idle: idle, onEnd: onEnd}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer = time.AfterFunc(d, t.fire)
	return t
}

// fire is called by the timer.
func (t *idleTimer) fire() {
	if t.ends() {
		defer close(t.fired)
		t.onEnd()
	}
}

// ends reports whether the time has come, or else sets the timer again.
func (t *idleTimer) ends() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return false
	}
	if idle := t.idle(); idle < t.d {
		t.timer.Reset(t.d - idle)
		return false
	}
	t.over = true
	t.fired = make(chan struct{})
	return true
}

// stop stops the timer. It returns the channel of a function that was called.
func (t *idleTimer) stop() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	t.timer.Stop()
	return t.fired
}

// An IdleMonitor notices that nothing has happened for some time, where a handler
// knows better than the connection what counts: messages, and not pongs. Its
// methods may be called from any goroutine.
//
//	monitor := middleware.NewSessionIdleMonitor(r.Context(), time.Minute)
//	defer monitor.Stop()
//	for {
//		_, message, err := conn.ReadMessage()
//		if err != nil {
//			return
//		}
//		monitor.Activity()
//		…
//	}
type IdleMonitor struct {
	timer    *idleTimer
	activity *activity
	release  func() bool // of the context; nil: none
}

// NewIdleMonitor returns a monitor that calls onIdle, in a goroutine of its own,
// when there was no [IdleMonitor.Activity] for the time timeout: once, and then
// never again. It panics if timeout is not above 0 or onIdle nil.
func NewIdleMonitor(timeout time.Duration, onIdle func()) *IdleMonitor {
	mustHave(timeout > 0, "NewIdleMonitor", "a timeout that is not above 0")
	mustHave(onIdle != nil, "NewIdleMonitor", "a nil function")
	return newIdleMonitor(timeout, onIdle)
}

func newIdleMonitor(timeout time.Duration, onIdle func()) *IdleMonitor {
	a := &activity{last: time.Now()}
	return &IdleMonitor{activity: a, timer: newIdleTimer(timeout, a.idle, onIdle)}
}

// NewSessionIdleMonitor returns a monitor that ends the session which ctx is from,
// with a SessionError of status 408, "idle timeout". It stops with the session, at
// the latest. It panics if timeout is not above 0.
func NewSessionIdleMonitor(ctx context.Context, timeout time.Duration) *IdleMonitor {
	mustHave(timeout > 0, "NewSessionIdleMonitor", "a timeout that is not above 0")
	m := newIdleMonitor(timeout, func() {
		if rec := recordOf(ctx); rec != nil {
			rec.end(http.StatusRequestTimeout, idleTimeout)
		}
	})
	m.release = context.AfterFunc(ctx, func() { m.timer.stop() })
	return m
}

// Activity notes that something has happened. After Stop, or once it was idle for
// too long, that changes nothing.
func (m *IdleMonitor) Activity() { m.activity.note() }

// Stop stops the monitor: onIdle does not run once it has returned. If onIdle is
// running, Stop waits for it, unless it is called from there; onIdle must not wait
// for who may be stopping.
func (m *IdleMonitor) Stop() {
	if m.release != nil {
		m.release()
	}
	if fired := m.timer.stop(); fired != nil && !firing() {
		<-fired
	}
}

// firing reports whether it is called from the function of an idleTimer.
func firing() bool {
	pcs := make([]uintptr, 64)
	for skip := 0; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs)
		if n == 0 {
			return false
		}
		frames := runtime.CallersFrames(pcs[:n])
		for more := true; more; {
			var frame runtime.Frame
			frame, more = frames.Next()
			if strings.HasSuffix(frame.Function, "/middleware.(*idleTimer).fire") {
				return true
			}
		}
	}
}

// An activity knows when something has happened last.
type activity struct {
	mu   sync.Mutex
	last time.Time
}

func (a *activity) note() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = time.Now()
}

func (a *activity) idle() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Since(a.last)
}
