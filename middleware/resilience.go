package middleware

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"
)

// Recover returns middleware that answers panics of the handler.
//
//	nothing sent yet          500 "internal server error"
//	the header is sent        the connection breaks, by http.ErrAbortHandler, so
//	                          that the answer does not look complete
//	the connection is taken   the session ends with a SessionError, status 500, and
//	over                      the connection is closed
//
// The client never sees what the panic said: it is logged as an error, "panic",
// with value, stack (16 KB at most), method, path, client and request_id. The
// panic [http.ErrAbortHandler] passes, and is not logged. A nil logger is slog's
// default.
func Recover(logger *slog.Logger) Middleware {
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		defer func() {
			if value := recover(); value != nil {
				recovered(logger, rec, w, r, value)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func recovered(logger *slog.Logger, rec *record, w http.ResponseWriter, r *http.Request, value any) {
	if value == http.ErrAbortHandler {
		panic(value)
	}
	logPanic(orDefault(logger), "panic", r, carry(value))
	_, bare := rec.writer.top.(*sink)
	switch {
	case rec.hijacked():
		rec.end(http.StatusInternalServerError, "internal server error")
	case rec.started(), !bare && rec.status() != 0: // or an outer layer holds a part of it back
		panic(http.ErrAbortHandler)
	default:
		h := w.Header()
		for _, name := range describing {
			delete(h, name)
		}
		answerFor(rec, w, r, http.StatusInternalServerError, "internal server error")
	}
}

// describing are the fields that tell of a body which will not be sent.
var describing = [...]string{
	"Accept-Ranges", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length",
	"Content-Location", "Content-Range", "Etag", "Expires", "Last-Modified", "Trailer",
}

// answerFor answers in the form of a refusal for a handler that was called, and has
// not. It is no refusal: for all around it the handler has failed.
func answerFor(rec *record, w http.ResponseWriter, r *http.Request, status int, text string) {
	refused := rec.refusal
	rec.writer.asked = 0
	refuse(w, r, status, text)
	rec.refusal = refused
}

// maxStack is how many bytes of a stack are logged.
const maxStack = 16 << 10

// A carriedPanic is a panic of another goroutine, with the stack that it had there.
type carriedPanic struct {
	value any
	stack []byte
}

// carry returns the panic with its stack. It is called by what recovers it.
func carry(value any) *carriedPanic {
	if p, ok := value.(*carriedPanic); ok {
		return p
	}
	stack := make([]byte, maxStack)
	return &carriedPanic{value, stack[:runtime.Stack(stack, false)]}
}

// Error returns value and stack, for who logs what panics.
func (p *carriedPanic) Error() string { return fmt.Sprintf("%v\n\n%s", p.value, p.stack) }

// Unwrap returns the value if it is an error.
func (p *carriedPanic) Unwrap() error {
	err, _ := p.value.(error)
	return err
}

func logPanic(logger *slog.Logger, message string, r *http.Request, p *carriedPanic) {
	logger.LogAttrs(r.Context(), slog.LevelError, message,
		slog.String("value", fmt.Sprint(p.value)),
		slog.String("stack", string(p.stack)),
		slog.String("method", r.Method),
		slog.String("path", r.URL.Path),
		slog.String("client", textOf(ClientIP(r))),
		slog.String("request_id", knownOf(r.Context()).requestID))
}

// clientGone reports whether the request's context has ended because the client
// went away, and not because of a time limit or the end of a session.
func clientGone(ctx context.Context) bool { return context.Cause(ctx) == context.Canceled }

// A CircuitState is what a [CircuitBreaker] does with requests.
type CircuitState int

// The states of a circuit breaker.
const (
	CircuitClosed   CircuitState = iota // all requests pass
	CircuitOpen                         // none does
	CircuitHalfOpen                     // one does, to see whether the handler works again
)

// String returns "closed", "open" or "half-open".
func (s CircuitState) String() string {
	switch s {
	case CircuitClosed:
		return "closed"
	case CircuitOpen:
		return "open"
	case CircuitHalfOpen:
		return "half-open"
	}
	return fmt.Sprintf("CircuitState(%d)", int(s))
}

// A CircuitBreaker stops calling a handler that keeps failing.
//
//	closed     threshold failures in a row open it; a success begins anew
//	open       requests are answered 503 "service unavailable", with the rest of
//	           the cooldown as Retry-After
//	half-open  after the cooldown, the next request is the probe, and the only one
//	           that passes: success closes, failure opens for another cooldown
//
// A failure is a panic, which is passed on, or an answer with a status from 500.
// A success is any other answer; for a session, that it is established. Neither is
// a request that another middleware around the handler has refused, nor one whose
// client went away first: then the next request is the probe. What a request
// has led to counts only in the state that it was let in; a session that panics
// in the end is a failure if that state still lasts.
//
// A probe lasts as long as its handler: put [Timeout] around what may hang.
type CircuitBreaker struct {
	threshold int
	cooldown  time.Duration

	mu         sync.Mutex // guards what follows
	state      CircuitState
	generation uint64    // of the state
	failures   int       // in a row, while closed
	until      time.Time // the end of the cooldown, while open
	probing    bool      // the probe is under way, while half-open
}

// NewCircuitBreaker returns a closed circuit breaker. It panics if threshold is
// below 1 or cooldown not above 0.
func NewCircuitBreaker(threshold int, cooldown time.Duration) *CircuitBreaker {
	mustHave(threshold >= 1, "NewCircuitBreaker", "a threshold below 1")
	mustHave(cooldown > 0, "NewCircuitBreaker", "a cooldown that is not above 0")
	return &CircuitBreaker{threshold: threshold, cooldown: cooldown}
}

// State returns the state that the next request would find.
func (c *CircuitBreaker) State() CircuitState {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == CircuitOpen && !time.Now().Before(c.until) {
		return CircuitHalfOpen
	}
	return c.state
}

// Reset closes the circuit breaker. What is under way no longer counts.
func (c *CircuitBreaker) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enter(CircuitClosed)
}

// enter begins a state. c.mu is locked.
func (c *CircuitBreaker) enter(state CircuitState) {
	c.state = state
	c.generation++
	c.failures, c.probing = 0, false
	if state == CircuitOpen {
		c.until = time.Now().Add(c.cooldown)
	}
}

// admit reports whether a request may pass, and in which generation; or else in
// how many seconds it may ask again.
func (c *CircuitBreaker) admit() (generation uint64, seconds int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == CircuitOpen {
		rest := time.Until(c.until)
		if rest > 0 {
			return 0, wholeSeconds(rest.Seconds()), false
		}
		c.enter(CircuitHalfOpen)
	}
	if c.state == CircuitHalfOpen {
		if c.probing {
			return 0, 1, false
		}
		c.probing = true
	}
	return c.generation, 0, true
}

// A verdict is what a request has led to.
type verdict int

const (
	neither verdict = iota
	success
	failure
)

// judge counts what a request of the generation has led to.
func (c *CircuitBreaker) judge(generation uint64, v verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation != c.generation {
		return
	}
	switch {
	case c.state == CircuitHalfOpen && v == success:
		c.enter(CircuitClosed)
	case c.state == CircuitHalfOpen && v == failure:
		c.enter(CircuitOpen)
	case c.state == CircuitHalfOpen:
		c.probing = false
	case v == success:
		c.failures = 0
	case v == failure:
		if c.failures++; c.failures >= c.threshold {
			c.enter(CircuitOpen)
		}
	}
}

// Middleware returns the circuit breaker as middleware. It is one, however many
// handlers it goes around.
func (c *CircuitBreaker) Middleware() Middleware { return entry(c.serve) }

func (c *CircuitBreaker) serve(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
	generation, seconds, ok := c.admit()
	if !ok {
		refuseFor(w, r, http.StatusServiceUnavailable, "service unavailable", seconds)
		return
	}
	session := rec.session != nil
	if session {
		c.judgeWhenOpen(rec, generation)
	}
	returned := false
	defer func() { c.judge(generation, verdictOf(rec, r, session, returned)) }()
	next.ServeHTTP(w, r)
	returned = true
}

func (c *CircuitBreaker) judgeWhenOpen(rec *record, generation uint64) {
	rec.whenOpen(func() { c.judge(generation, success) })
}

// verdictOf says what the request has led to, whose handler has returned or
// panicked.
func verdictOf(rec *record, r *http.Request, session, returned bool) verdict {
	ctx := r.Context()
	ended := ctx.Err() != nil
	switch {
	case ended && clientGone(ctx):
		return neither
	case !returned:
		return failure
	case rec.refusal != "", session && rec.status() == http.StatusSwitchingProtocols: // it was a success before
		return neither
	case rec.status() >= 500, ended && context.Cause(ctx) == ErrTimeout: // given up on, by an outer Timeout
		return failure
	}
	return success
}
