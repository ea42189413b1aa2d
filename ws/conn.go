package ws

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// What zero settings stand for.
const (
	defaultReadLimit    = 1 << 20
	defaultCloseTimeout = 5 * time.Second
)

// answerTimeout limits the time for frames that are sent while reading: pongs,
// answers to a close frame, and those that say what the peer did wrong.
const answerTimeout = 5 * time.Second

// A Conn is a WebSocket connection. It is made by [Upgrader.Upgrade] or [Dial],
// and has to be closed.
//
// Its methods may be called from any goroutine: frames are written one at a
// time, and if several goroutines read, each gets messages of its own. Only the
// methods that set handlers have to be called before reading starts, or from where
// it is done; and what says that its bytes are valid until the next read is for one
// goroutine that reads.
//
// A connection that waits should be small: what few need is made when it is
// asked for.
type Conn struct {
	conn    net.Conn
	deflate *deflate // nil if compression was not agreed on
	client  bool     // this end is the client
	peer    peer

	gotClose bool        // the peer's close frame has been read; guarded by reading
	closing  atomic.Bool // Close or CloseNow has been called

	writing  turn         // guards what follows
	out      *[]byte      // frames that are held back, or nil
	open     *openMessage // the message that is written in fragments, or nil
	writeErr error

	writeGate, readGate atomic.Pointer[gate] // nil before there is a deadline or a context

	cork    cork
	in      input // guarded by reading
	counted counters
	// That was all that writing needs, in as few cache lines as can be: a hub writes
	// to thousands of connections one after the other.

	request *http.Request // of a server's connection
	set     *settings     // without what was agreed on

	reading  turn // guards what follows
	msg      incoming
	readErr  error           // what ended reading
	handlers *handlers       // nil if none was set
	readCtx  context.Context // of the Read that goes on, or nil
	stopCtx  func()          // set once that context is watched

	answer    shownMessage
	readLimit atomic.Int64 // of the bytes of a message

	alive  *keepAlive    // nil if nobody is asked
	ending sync.Once     // shut
	endErr error         // what closing conn returned
	mu     sync.Mutex    // guards what follows
	over   bool          // conn is closed
	closed chan struct{} // closed with conn; nil before anybody asks for it
}

// handlers are what the program does about control frames; nil is what is done
// without.
type handlers struct {
	ping, pong func(string) error
	close      func(int, string) error
}

// settings are those of an Upgrader or a DialOptions, without zeros that stand
// for a default.
type settings struct {
	client                    bool
	subprotocol               string // agreed on
	anyText                   bool
	reasonPrefix              string
	readLimit                 int64
	closeTimeout              time.Duration
	readBuffer, writeBuffer   int
	pingInterval, pongTimeout time.Duration // off unless the interval is positive
	compression               *Compression
	agreed                    *agreement // nil if compression was not agreed on
}

// resolve puts defaults in the place of zeros.
func (s settings) resolve() settings {
	s.readLimit = limitOf(s.readLimit)
	if s.closeTimeout <= 0 {
		s.closeTimeout = defaultCloseTimeout
	}
	if s.readBuffer <= 0 {
		s.readBuffer = defaultReadBuffer
	}
	if s.writeBuffer <= 0 {
		s.writeBuffer = defaultWriteBuffer
	}
	if s.pongTimeout <= 0 {
		s.pongTimeout = defaultPongTimeout
	}
	return s
}

// limitOf returns what a read limit stands for: a length that a slice can have.
func limitOf(readLimit int64) int64 {
	switch {
	case readLimit == 0:
		return defaultReadLimit
	case readLimit < 0:
		return math.MaxInt
	default:
		return min(readLimit, math.MaxInt)
	}
}

// lastSettings are those of the last connection.
var lastSettings atomic.Pointer[settings]

// shared returns the settings without what was agreed on. Connections of one
// Upgrader have them together.
func (s settings) shared() *settings {
	s.compression, s.agreed = nil, nil
	last := lastSettings.Load()
	if last == nil || *last != s {
		last = &s
		lastSettings.Store(last)
	}
	return last
}

// newConn returns a Conn. The early bytes have been read from conn before; they
// are copied.
func newConn(conn net.Conn, early []byte, s settings) *Conn {
	c := &Conn{
		conn:   conn,
		set:    s.shared(),
		client: s.client,
		peer:   peer{masks: !s.client, compresses: s.agreed != nil},
	}
	c.readLimit.Store(s.readLimit)
	c.in.init(c, early)
	c.counted.start = sinceEpoch()
	if s.agreed != nil {
		c.deflate = newDeflate(s.compression, *s.agreed, s.client)
	}
	if s.pingInterval > 0 {
		c.alive = newKeepAlive(c, s.pingInterval, s.pongTimeout)
		c.alive.timer.Reset(s.pingInterval)
	}
	return c
}

// shut closes the connection, once, and returns what that returned.
func (c *Conn) shut() error {
	c.ending.Do(func() {
		c.alive.stop()
		c.counted.ended()
		c.endErr = c.conn.Close()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.over = true
		if c.closed != nil {
			close(c.closed)
		}
	})
	return c.endErr
}

// isOver reports whether the connection is closed.
func (c *Conn) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

// Subprotocol returns the subprotocol agreed on, or "" if there is none.
func (c *Conn) Subprotocol() string { return c.set.subprotocol }

// Request returns the request of the opening handshake, or nil if this end is
// the client, or [Upgrader.ForgetRequest] is set. Its context ends when the
// handler that upgraded it returns, with values that still can be had; the peer's
// going away does not end it, and its end does not end the connection. What has to
// end with the connection waits for Done.
func (c *Conn) Request() *http.Request { return c.request }

// LocalAddr returns the address of this end.
func (c *Conn) LocalAddr() net.Addr { return c.conn.LocalAddr() }

// RemoteAddr returns the address of the peer: the other end, or the last proxy.
func (c *Conn) RemoteAddr() net.Addr { return c.conn.RemoteAddr() }

// Done returns a channel that is closed when the connection is: for those who
// wait for something else than messages.
func (c *Conn) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed == nil {
		c.closed = make(chan struct{})
		if c.over {
			close(c.closed)
		}
	}
	return c.closed
}

// SetReadDeadline sets when reading fails, even if it waits already; a zero t
// means never, as at first. A deadline that was missed ends reading for good: it
// is to find dead peers, not to look whether there is a message; that is what
// the context of [Conn.Read] is for.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.readGate, t) }

// SetWriteDeadline sets when messages that are written from now on fail; a zero
// t means never, as at first. After a frame that was cut by its deadline there
// can be no more: later writes return the same error.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	g := c.gate(&c.writeGate)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.messages = t
	return nil
}

// messageDeadline returns what SetWriteDeadline has set.
func (c *Conn) messageDeadline() time.Time {
	g := c.writeGate.Load()
	if g == nil {
		return time.Time{}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.messages
}

// SetReadLimit limits the bytes of one message, all its fragments taken
// together and inflated; a longer one closes the connection with code 1009 and
// fails with [ErrReadLimit]. Zero and negative limits are as in
// [Upgrader.ReadLimit]. It is for frames that have not begun to arrive.
func (c *Conn) SetReadLimit(limit int64) {
	c.readLimit.Store(limitOf(limit))
}

// SetPingHandler sets what is done about a ping; nil sends a pong with the same
// data, as at first. As all handlers it runs in the goroutine that reads, and an
// error ends reading. It may write, and call WriteClose or CloseNow; it must not
// read, and Close would wait for it until CloseTimeout.
func (c *Conn) SetPingHandler(h func(appData string) error) { c.ownHandlers().ping = h }

// SetPongHandler sets what is done about a pong; nil does nothing, as at first.
// See [Conn.SetPingHandler] for what a handler may do.
func (c *Conn) SetPongHandler(h func(appData string) error) { c.ownHandlers().pong = h }

// SetCloseHandler sets what is done about the peer's close frame; nil answers it
// with one of the same code, as at first, and a handler has to do that itself.
// The code is [CloseNoStatusReceived] if the frame has none. Unless the handler
// returns an error, reading ends with a [*CloseError]. See
// [Conn.SetPingHandler] for what a handler may do.
func (c *Conn) SetCloseHandler(h func(code int, text string) error) { c.ownHandlers().close = h }

func (c *Conn) ownHandlers() *handlers {
	if c.handlers == nil {
		c.handlers = new(handlers)
	}
	return c.handlers
}

// A turn is a mutex for which one need not wait for ever.
type turn struct {
	state  atomic.Int32                  // taken, or 0, and waits for each who waits and was not handed it
	handed atomic.Pointer[chan struct{}] // has the turn on its way to one of those; room for one; nil before any waits
}

const (
	taken = 1
	waits = 2
)

// take waits for the turn until the deadline, if it is not zero, until the
// context ends, or until what done returns is closed.
func (t *turn) take(ctx context.Context, deadline time.Time, done func() <-chan struct{}) error {
	if t.tryTake() {
		return nil
	}
	return t.await(ctx, deadline, done())
}

// await is take for a turn that somebody has.
func (t *turn) await(ctx context.Context, deadline time.Time, done <-chan struct{}) error {
	handed := t.handover()
	for {
		if t.tryTake() {
			return nil
		}
		if s := t.state.Load(); s != 0 && t.state.CompareAndSwap(s, s+waits) {
			break
		}
	}
	late, stop := alarm(deadline)
	defer stop()
	var err error
	select {
	case <-handed:
		return nil
	case <-done:
		err = net.ErrClosed
	case <-ctx.Done():
		err = ctx.Err()
	case <-late:
		err = os.ErrDeadlineExceeded
	}
	if !t.withdraw() {
		<-handed
		t.give()
	}
	return err
}

// handover returns the channel on which turns are handed on.
func (t *turn) handover() chan struct{} {
	if t.handed.Load() == nil {
		handed := make(chan struct{}, 1)
		t.handed.CompareAndSwap(nil, &handed)
	}
	return *t.handed.Load()
}

// alarm returns a channel on which something arrives at the deadline; never if
// that is zero.
func alarm(deadline time.Time) (late <-chan time.Time, stop func() bool) {
	if deadline.IsZero() {
		return nil, func() bool { return false }
	}
	timer := time.NewTimer(time.Until(deadline))
	return timer.C, timer.Stop
}

// tryTake takes the turn if nobody has it.
func (t *turn) tryTake() bool { return t.state.CompareAndSwap(0, taken) }

// withdraw ends waiting, unless the turn has been handed to all who wait.
func (t *turn) withdraw() bool {
	for {
		s := t.state.Load()
		if s < waits {
			return false
		}
		if t.state.CompareAndSwap(s, s-waits) {
			return true
		}
	}
}

// give ends the turn that was taken. If others wait, it stays taken, and goes to
// who has waited longest.
func (t *turn) give() {
	for {
		s := t.state.Load()
		if s == taken && t.state.CompareAndSwap(taken, 0) {
			return
		}
		if s > taken && t.state.CompareAndSwap(s, s-waits) {
			*t.handed.Load() <- struct{}{}
			return
		}
	}
}

// A gate has the deadline of one direction of a connection, which has two
// masters: who sets deadlines, and contexts that end.
type gate struct {
	set func(time.Time) error // of the connection

	mu       sync.Mutex // guards what follows
	deadline time.Time  // as it was set
	cut      bool       // a context has ended: the connection has cutOff for it
	watched  uint64     // number of the context that may cut
	messages time.Time  // the deadline for messages, as SetWriteDeadline has set it
}

// cutOff is a deadline that every call has missed.
var cutOff = time.Unix(1, 0)

// gate returns the readGate or the writeGate, which it makes if need be.
func (c *Conn) gate(which *atomic.Pointer[gate]) *gate {
	if which.Load() == nil {
		g := &gate{set: c.conn.SetReadDeadline}
		if which == &c.writeGate {
			g.set = c.conn.SetWriteDeadline
		}
		which.CompareAndSwap(nil, g)
	}
	return which.Load()
}

// setDeadline sets the deadline of a gate.
func (c *Conn) setDeadline(which *atomic.Pointer[gate], t time.Time) error {
	if t.IsZero() && which.Load() == nil {
		return nil
	}
	return c.gate(which).setDeadline(t)
}

// setDeadline sets the deadline, which counts at once or after what was cut.
func (g *gate) setDeadline(t time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.deadline == t {
		return nil
	}
	g.deadline = t
	if g.cut {
		return nil
	}
	return g.set(t)
}

// watch lets the end of the context cut what waits for the connection, until
// stop is called.
func (g *gate) watch(ctx context.Context) (stop func()) {
	g.mu.Lock()
	g.watched++
	number := g.watched
	g.mu.Unlock()
	unwatch := context.AfterFunc(ctx, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.watched == number {
			g.cut = true
			g.set(cutOff)
		}
	})
	return func() {
		unwatch()
		g.mu.Lock()
		defer g.mu.Unlock()
		g.watched++
		if g.cut {
			g.cut = false
			g.set(g.deadline)
		}
	}
}

// wasCut reports whether a context has ended. A nil gate has had none.
func (g *gate) wasCut() bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cut
}

// isTimeout reports whether err tells of a missed deadline.
func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// readError and writeError say which of both did not work.
func readError(err error) error  { return fmt.Errorf("websocket: read: %w", err) }
func writeError(err error) error { return fmt.Errorf("websocket: write: %w", err) }
