package middleware

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/textproto"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrTimeout is the cause ([context.Cause]) of the end of the context of a request
// whose time, by [Timeout], is over.
var ErrTimeout = errors.New("request timed out")

// Timeout returns middleware that gives the handler the time d, and the request's
// context that deadline, with the cause [ErrTimeout]. What the handler writes goes
// out at once, also by Flush: nothing is held back. After d,
//
//	nothing sent yet          the answer is 503 "request timed out"
//	the header is sent        the connection breaks, as with Recover
//	the client went before    nothing is sent
//	the connection is taken   the session ends with a SessionError, status 408
//	over                      "session timeout", which is close code 4408
//
// The handler of a session runs in the server's goroutine, any other in one of its
// own, with a copy of the request. It should heed its context. If it does not, it
// goes on until it returns, counted by [TimeoutStats], but no longer by limits
// around Timeout; what it writes, and what it reads from the body, fails with
// [http.ErrHandlerTimeout], and so does Hijack.
//
// Its panic is passed on to the server's goroutine, as an error whose text has the
// stack, and which unwraps to the value if that is an error; http.ErrAbortHandler
// as it is. When the request has been answered without it, its panic is logged.
//
// It panics if d is not above 0.
func Timeout(d time.Duration, opts ...TimeoutOption) Middleware {
	mustHave(d > 0, "Timeout", "a time that is not above 0")
	t := &timeout{d: d}
	for _, opt := range opts {
		mustHave(opt != nil, "Timeout", "a nil option")
		opt(t)
	}
	if t.stats == nil {
		t.stats = new(TimeoutStats)
	}
	return entry(t.serve)
}

// A TimeoutOption is an option of [Timeout].
type TimeoutOption func(*timeout)

// WithTimeoutStats has the handlers counted that outlive their requests.
func WithTimeoutStats(stats *TimeoutStats) TimeoutOption {
	mustHave(stats != nil, "WithTimeoutStats", "nil stats")
	return func(t *timeout) { t.stats = stats }
}

// WithTimeoutLogger sets where panics are logged that come too late. Without it,
// or if it is nil, that is slog's default.
func WithTimeoutLogger(logger *slog.Logger) TimeoutOption {
	return func(t *timeout) { t.logger = logger }
}

// TimeoutStats count what [Timeout] has given up on. The zero value is ready, and
// may serve any number of middlewares.
type TimeoutStats struct{ abandoned atomic.Int64 }

// Abandoned returns how many handlers are running whose requests have been
// answered without them. It should be 0 most of the time: if it grows, there are
// handlers that do not heed their context.
func (s *TimeoutStats) Abandoned() int64 { return s.abandoned.Load() }

type timeout struct {
	d      time.Duration
	stats  *TimeoutStats
	logger *slog.Logger
}

func (t *timeout) serve(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
	if IsUpgrade(r) {
		t.serveSession(next, rec, w, r)
		return
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), t.d, ErrTimeout)
	defer cancel()
	g := newGate(ctx, w)
	own := r.Clone(ctx) // the handler may go on using it when the server is done with r
	own.Trailer = r.Trailer
	if r.Body != nil && r.Body != http.NoBody {
		own.Body = &gatedBody{r.Body, g}
	}
	forked := rec.fork(g.face(), own)
	if forked.session == nil {
		forked.session = new(session) // should the handler take the connection over
	}
	go t.run(next, forked, g)

	inTime := g.wait(ctx)
	if !inTime {
		switch g.expire(t.stats) {
		case gateExpired:
			t.giveUp(rec, w, r, g)
			return
		case gateHijacked:
			forked.end(http.StatusRequestTimeout, sessionTimeout)
			<-g.done
		}
	}
	rec.join(forked)
	if ctx.Err() == context.DeadlineExceeded && g.unanswered() {
		t.giveUp(rec, w, r, g) // it has heeded the context
		return
	}
	g.passOn()
}

const sessionTimeout = "session timeout"

// serveSession ends what lasts too long. A handshake that is answered by then, or
// not, is a request as others are.
func (t *timeout) serveSession(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
	timer := time.AfterFunc(t.d, func() { rec.end(http.StatusRequestTimeout, sessionTimeout) })
	defer timer.Stop()
	next.ServeHTTP(w, r)
	if ended := rec.ended(); ended != nil && ended.Text == sessionTimeout && rec.status() == 0 {
		answerFor(rec, w, r, http.StatusServiceUnavailable, "request timed out")
	}
}

// run is the handler's goroutine.
func (t *timeout) run(next http.Handler, forked *record, g *gate) {
	exited := true // by runtime.Goexit, unless one of the two others is seen
	defer func() {
		value := recover()
		var carried *carriedPanic
		if value != nil {
			exited = false
			carried = carry(value)
		}
		if !g.finish(carried, exited, t.stats) && carried != nil && value != http.ErrAbortHandler {
			logPanic(orDefault(t.logger), "panic after timeout", &forked.request, carried)
		}
	}()
	defer forked.finish()
	next.ServeHTTP(forked.writer.face(), &forked.request)
	exited = false
}

// giveUp answers for a handler that has not.
func (t *timeout) giveUp(rec *record, w http.ResponseWriter, r *http.Request, g *gate) {
	switch {
	case g.wrote:
		panic(http.ErrAbortHandler)
	case clientGone(r.Context()):
	default:
		h := w.Header()
		if g.before != nil {
			clear(h)
			maps.Copy(h, g.before)
		}
		if g.stuck && r.ProtoMajor == 1 {
			h.Set("Connection", "close") // the rest of the body will not be read
		}
		answerFor(rec, w, r, http.StatusServiceUnavailable, "request timed out")
	}
}

// A gate is the response as a handler has it that may be given up on. It lets
// everything through until it expires. The header is the handler's own: it is
// copied when it is sent.
//
// Whoever writes has the turn, so that the server's goroutine, when it has had the
// turn after the gate expired, has the response for itself. The turn is a channel,
// which one can wait for in a synctest bubble.
type gate struct {
	ctx    context.Context // the handler's
	w      http.ResponseWriter
	header http.Header   // the handler's
	done   chan struct{} // closed when the handler has returned

	turn   chan struct{} // has room for who has the turn, which guards what follows, and w
	wrote  bool          // the header is sent
	before http.Header   // what the header was, if some was sent with a status 1xx

	mu        sync.Mutex // guards what follows
	closed    bool       // nothing passes any more
	hijacked  bool
	writing   bool // someone has the turn to write
	reading   int  // how many read the body
	stuck     bool // someone read the body when the gate expired
	late      bool // the handler has begun an answer when its time was over
	finished  bool // the handler has returned
	abandoned bool // it had not when it was given up on
	panicked  *carriedPanic
	exited    bool // the handler has ended its goroutine
}

// A flushGate is a gate over a response that can be flushed.
type flushGate struct{ *gate }

var (
	_ http.Hijacker   = (*gate)(nil)
	_ io.ReaderFrom   = (*gate)(nil)
	_ io.StringWriter = (*gate)(nil)
)

func newGate(ctx context.Context, w http.ResponseWriter) *gate {
	return &gate{ctx: ctx, w: w, header: w.Header().Clone(), done: make(chan struct{}), turn: make(chan struct{}, 1)}
}

func (g *gate) face() http.ResponseWriter {
	if canFlush(g.w) {
		return flushGate{g}
	}
	return g
}

// wait waits for the handler, until the deadline of ctx, and reports whether it
// has returned. If ctx ends before, the handler has the rest of the time to heed it.
func (g *gate) wait(ctx context.Context) bool {
	select {
	case <-g.done:
		return true
	case <-ctx.Done():
	}
	deadline, _ := ctx.Deadline()
	rest := time.NewTimer(time.Until(deadline))
	defer rest.Stop()
	select {
	case <-g.done:
		return true
	case <-rest.C:
		return false
	}
}

// What expire has found.
type gateEnd int

const (
	gateExpired  gateEnd = iota // the response is the caller's
	gateFinished                // the handler has just returned
	gateHijacked                // there is no response any more
)

// expire closes the gate, and waits until nobody is in it.
func (g *gate) expire(stats *TimeoutStats) gateEnd {
	g.mu.Lock()
	if g.finished {
		g.mu.Unlock()
		<-g.done
		return gateFinished
	}
	if g.hijacked {
		g.mu.Unlock()
		return gateHijacked
	}
	g.closed = true
	writing := g.writing
	g.stuck = g.reading > 0
	g.mu.Unlock()

	// What waits for the client waits no longer. A server would wait with its
	// answer for a body that is being read.
	rc := http.NewResponseController(g.w)
	if g.stuck {
		rc.SetReadDeadline(longAgo)
	}
	if writing {
		rc.SetWriteDeadline(longAgo)
	}
	g.turn <- struct{}{}
	defer func() { <-g.turn }()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hijacked {
		return gateHijacked
	}
	if !g.finished {
		g.abandoned = true
		stats.abandoned.Add(1)
	}
	return gateExpired
}

var longAgo = time.Unix(1, 0)

// finish notes how the handler has ended, and reports whether anyone wants to know.
func (g *gate) finish(panicked *carriedPanic, exited bool, stats *TimeoutStats) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.finished, g.panicked, g.exited = true, panicked, exited
	if g.abandoned {
		stats.abandoned.Add(-1)
	}
	close(g.done)
	return !g.closed || g.hijacked
}

// unanswered reports whether the handler has returned without an answer. It may
// also have broken off since that came too late.
func (g *gate) unanswered() bool {
	return !g.wrote && !g.hijacked && !g.exited &&
		(g.panicked == nil || g.late && g.panicked.value == http.ErrAbortHandler)
}

// passOn ends the request as the handler has ended, in time.
func (g *gate) passOn() {
	switch {
	case g.exited:
		runtime.Goexit()
	case g.panicked != nil && g.panicked.value == http.ErrAbortHandler:
		panic(http.ErrAbortHandler)
	case g.panicked != nil:
		panic(g.panicked)
	case g.hijacked:
	case !g.wrote:
		g.copyHeader()
	default:
		g.copyTrailers()
	}
}

// enter waits for the turn, or returns http.ErrHandlerTimeout. It is too late to
// begin an answer when the time is over, even if the server's goroutine has not
// noticed yet: a handler that answers with its context's error does not race it.
func (g *gate) enter(write bool) error {
	g.turn <- struct{}{}
	g.mu.Lock()
	defer g.mu.Unlock()
	late := !g.wrote && g.ctx.Err() == context.DeadlineExceeded
	if (g.closed || late) && !g.hijacked {
		g.late = late
		<-g.turn
		return http.ErrHandlerTimeout
	}
	g.writing = write
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	g.writing = false
	g.mu.Unlock()
	<-g.turn
}

// copyHeader makes the handler's header that of the response.
func (g *gate) copyHeader() {
	h := g.w.Header()
	clear(h)
	maps.Copy(h, g.header)
}

// copyTrailers sets the fields that may come after the body. The others are sent.
func (g *gate) copyTrailers() {
	h := g.w.Header()
	for _, names := range g.header["Trailer"] {
		for name := range strings.SplitSeq(names, ",") {
			name = textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name))
			if values := g.header[name]; values != nil {
				h[name] = values
			}
		}
	}
	for name, values := range g.header {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			h[name] = values
		}
	}
}

// send is called before the body is written, or flushed.
func (g *gate) send() {
	if !g.wrote {
		g.copyHeader()
		g.wrote = true
	}
}

func (g *gate) Header() http.Header { return g.header }

func (g *gate) WriteHeader(status int) {
	if g.enter(true) != nil {
		return
	}
	defer g.leave()
	if !g.wrote {
		if !isFinal(status) && g.before == nil {
			g.before = g.w.Header().Clone()
		}
		g.copyHeader()
	}
	g.w.WriteHeader(status)
	g.wrote = g.wrote || isFinal(status)
}

func (g *gate) Write(p []byte) (int, error) {
	if err := g.enter(true); err != nil {
		return 0, err
	}
	defer g.leave()
	g.send()
	return g.w.Write(p)
}

func (g *gate) WriteString(s string) (int, error) {
	if err := g.enter(true); err != nil {
		return 0, err
	}
	defer g.leave()
	g.send()
	return io.WriteString(g.w, s)
}

// ReadFrom has the turn as long as it takes to send a file, for sendfile. Other
// readers may make it wait, and so it has the turn only to write what they give.
func (g *gate) ReadFrom(r io.Reader) (int64, error) {
	from, ok := g.w.(io.ReaderFrom)
	if !ok || !isFile(r) {
		return io.Copy(writerOnly{g}, r)
	}
	if err := g.enter(true); err != nil {
		return 0, err
	}
	defer g.leave()
	g.send()
	return from.ReadFrom(r)
}

// isFile reports whether r reads from a regular file.
func isFile(r io.Reader) bool {
	if limited, ok := r.(*io.LimitedReader); ok {
		r = limited.R
	}
	f, ok := r.(interface { // *os.File, also as its WriteTo passes it on
		fs.File
		io.Seeker
		syscall.Conn
	})
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

func (g flushGate) FlushError() error {
	if err := g.enter(true); err != nil {
		return err
	}
	defer g.leave()
	g.send()
	return http.NewResponseController(g.w).Flush()
}

func (g *gate) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if err := g.enter(false); err != nil {
		return nil, nil, err
	}
	defer g.leave()
	conn, buffered, err := http.NewResponseController(g.w).Hijack()
	if err == nil {
		g.mu.Lock()
		g.hijacked = true
		g.mu.Unlock()
	}
	return conn, buffered, err
}

// control calls f with the response's controller, which belongs to the server's
// next request once the gate has expired.
func (g *gate) control(f func(*http.ResponseController) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed && !g.hijacked {
		return http.ErrHandlerTimeout
	}
	return f(http.NewResponseController(g.w))
}

// SetReadDeadline is what http.ResponseController calls, as are the next two.
func (g *gate) SetReadDeadline(at time.Time) error {
	return g.control(func(rc *http.ResponseController) error { return rc.SetReadDeadline(at) })
}

func (g *gate) SetWriteDeadline(at time.Time) error {
	return g.control(func(rc *http.ResponseController) error { return rc.SetWriteDeadline(at) })
}

func (g *gate) EnableFullDuplex() error {
	return g.control((*http.ResponseController).EnableFullDuplex)
}

// A gatedBody is the request's body until the gate expires.
type gatedBody struct {
	body io.ReadCloser
	gate *gate
}

func (b *gatedBody) Read(p []byte) (int, error) {
	if !b.enter() {
		return 0, http.ErrHandlerTimeout
	}
	n, err := b.body.Read(p)
	if !b.leave() && err != nil && err != io.EOF {
		err = http.ErrHandlerTimeout
	}
	return n, err
}

// Close leaves a body alone that the server closes itself.
func (b *gatedBody) Close() error {
	if !b.enter() {
		return nil
	}
	defer b.leave()
	return b.body.Close()
}

// enter reports whether the body may be read.
func (b *gatedBody) enter() bool {
	b.gate.mu.Lock()
	defer b.gate.mu.Unlock()
	if b.gate.closed {
		return false
	}
	b.gate.reading++
	return true
}

// leave reports whether it still may.
func (b *gatedBody) leave() bool {
	b.gate.mu.Lock()
	defer b.gate.mu.Unlock()
	b.gate.reading--
	return !b.gate.closed
}
