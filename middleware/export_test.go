package middleware

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"
)

// ForceAfter is how long an ended session may take to close.
const ForceAfter = forceAfter

// Nothing is an entry that does nothing for the request.
func Nothing() Middleware {
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
	})
}

// Refusing is an entry that refuses.
func Refusing(status int, text string) Middleware {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { refuse(w, r, status, text) })
	}
}

// Seen is what an entry learns of how the request was answered.
type Seen struct {
	Status   int
	Started  bool
	Hijacked bool
	Written  int64
	Refusal  string
	Route    string
}

// Watching is an entry that tells f what it has seen, also after a panic.
func Watching(f func(Seen)) Middleware {
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		defer func() {
			f(Seen{rec.status(), rec.started(), rec.hijacked(), rec.written(), rec.refusal, rec.route()})
		}()
		next.ServeHTTP(w, r)
	})
}

// Counting is an entry that watches the traffic of sessions.
func Counting(f func(received, sent int64, idle time.Duration)) Middleware {
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		t := rec.watchTraffic()
		if f != nil {
			defer func() { f(t.received.Load(), t.sent.Load(), t.idle()) }()
		}
		next.ServeHTTP(w, r)
	})
}

// Opening is an entry that is told when the session is established.
func Opening(f func()) Middleware {
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		rec.whenOpen(f)
		next.ServeHTTP(w, r)
	})
}

// End ends the session of the request.
func End(ctx context.Context, status int, text string) bool { return recordOf(ctx).end(status, text) }

// Ended returns why the session was ended.
func Ended(ctx context.Context) *SessionError { return recordOf(ctx).ended() }

// Attached returns what AttachSession was given.
func Attached(ctx context.Context) Session { return recordOf(ctx).attachedSession() }

// Layered is an entry that puts an upper-casing layer on the response.
func Layered() Middleware {
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		out, w := rec.writerFor(w)
		l := &upper{layer: out.top}
		out.top = l
		defer func() { out.top = l.layer }()
		next.ServeHTTP(w, r)
	})
}

// Forking is an entry that runs the next handler in another goroutine.
func Forking() Middleware {
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		forked := rec.fork(w, r)
		done := make(chan any)
		go func() {
			defer func() { done <- recover() }()
			defer forked.finish()
			next.ServeHTTP(forked.writer.face(), &forked.request)
		}()
		value := <-done
		rec.join(forked)
		if value != nil {
			panic(value)
		}
	})
}

// upper is a layer that sees the body.
type upper struct{ layer }

func (u *upper) Write(p []byte) (int, error)         { return u.layer.Write(bytes.ToUpper(p)) }
func (u *upper) ReadFrom(r io.Reader) (int64, error) { return copyTo(u, r) }

// Seeing is an entry with a layer that sees the body, and leaves it as it is.
func Seeing() Middleware {
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		out, w := rec.writerFor(w)
		l := &seeing{layer: out.top}
		out.top = l
		defer func() { out.top = l.layer }()
		next.ServeHTTP(w, r)
	})
}

type seeing struct{ layer }

func (s *seeing) ReadFrom(r io.Reader) (int64, error) { return copyTo(s, r) }

// OpenSessions returns how many sessions the list could end.
func OpenSessions(l *IPBlacklist) int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.sessions)
}
