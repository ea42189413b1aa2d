package middleware

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// forceAfter is how long a session that was ended may take to close.
const forceAfter = 5 * time.Second

// A SessionError says why an open session was ended. It is the cause
// ([context.Cause]) of the end of the request's context.
type SessionError struct {
	// Status is the HTTP status that a request would have been answered with.
	Status int
	// Text says why. It is fixed, and may be sent to the client.
	Text string
}

// Error returns the text, with a prefix.
func (e *SessionError) Error() string { return fmt.Sprintf("session ended: %s (%d)", e.Text, e.Status) }

// StatusCode returns Status.
func (e *SessionError) StatusCode() int { return e.Status }

// CloseFrame returns what the WebSocket close frame should say (RFC 6455 section
// 7.4): the code 1011 for status 500, and 4000 plus the status for others, as
// 4408 for a session that took too long; the reason is Text.
func (e *SessionError) CloseFrame() (code int, reason string) {
	if e.Status == http.StatusInternalServerError {
		return 1011, e.Text
	}
	return 4000 + e.Status, e.Text
}

// A Session is an open WebSocket connection, as far as middleware uses it. Its
// methods may be called from any goroutine.
type Session interface {
	// SendText sends one text message.
	SendText(msg string) error
	// Close closes the connection with a close frame. It may be called more
	// than once.
	Close(code int, reason string) error
}

// AttachSession makes the connection known to the middleware around the request
// that ctx is from, which then sends warnings to it, and ends it by its Close. A
// WebSocket library, or who uses one, calls it after the upgrade. Without
// middleware around it, or outside of a session, it does nothing.
func AttachSession(ctx context.Context, s Session) {
	if rec := recordOf(ctx); rec != nil {
		rec.attach(s)
	}
}

// A session is what has to be kept of one to end it.
type session struct {
	cancel context.CancelCauseFunc // nil if only the connection can be closed

	mu       sync.Mutex // guards what follows
	conn     net.Conn   // once it is taken over
	attached Session
	cause    *SessionError // why it was ended; nil: it was not
	closing  chan struct{} // closed when attached has been closed; nil: it is not being
	force    *time.Timer   // closes conn; nil: not ended
	forced   chan struct{} // closed by force
	over     bool          // the handler has returned
}

// end ends the session of the request: see SessionError. It may be called from
// any goroutine, and does not wait. It reports whether it was the one to end it,
// which it is not if the session has been ended before, is over, or is none.
func (rec *record) end(status int, text string) bool {
	s := rec.session
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || s.cause != nil {
		return false
	}
	s.cause = &SessionError{status, text}
	s.forced = make(chan struct{})
	s.force = time.AfterFunc(forceAfter, func() {
		s.closeConn()
		close(s.forced)
	})
	if s.cancel != nil {
		s.cancel(s.cause)
	}
	s.closeAttached()
	return true
}

// ended returns why the session was ended, or nil.
func (rec *record) ended() *SessionError {
	s := rec.session
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

// attachedSession returns what AttachSession was given, or nil.
func (rec *record) attachedSession() Session {
	s := rec.session
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attached
}

// whenOpen has f called when the session is established, by the goroutine that
// takes the connection over.
func (rec *record) whenOpen(f func()) { rec.opening = append(rec.opening, f) }

func (rec *record) established() {
	opening := rec.opening
	rec.opening = nil
	for _, f := range opening {
		f()
	}
}

func (rec *record) attach(attached Session) {
	s := rec.session
	if s == nil || attached == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.attached = attached
	if s.cause != nil {
		s.closeAttached()
	}
}

// closeAttached has the attached session closed, by a goroutine that ends with
// the connection at the latest. s.mu is locked.
func (s *session) closeAttached() {
	if s.attached == nil || s.closing != nil {
		return
	}
	attached, done := s.attached, make(chan struct{})
	s.closing = done
	code, reason := s.cause.CloseFrame()
	go func() {
		defer close(done)
		attached.Close(code, reason)
	}()
}

// taken notes the connection, once it is taken over.
func (s *session) taken(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = conn
}

func (s *session) closeConn() {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
}

// finish is called when the handler has returned. What was ended is closed then,
// unless the attached session is still about to: that has until force comes.
func (s *session) finish() {
	s.mu.Lock()
	s.over = true
	closing, ended := s.closing, s.cause != nil
	s.mu.Unlock()
	if ended {
		if closing != nil {
			select {
			case <-closing:
			case <-s.forced:
			}
		}
		s.force.Stop()
		s.closeConn()
	}
	if s.cancel != nil {
		s.cancel(nil)
	}
}
