package ws

import (
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// answerTimeout limits the time for frames that are sent while reading: pongs,
// answers to a close frame, and those that say what the peer did wrong.
const answerTimeout = 5 * time.Second

// A Conn is a WebSocket connection. It is made by [Upgrader.Upgrade], and has to
// be closed.
//
// Its methods may be called from any goroutine: frames are written one at a
// time, and if several goroutines read, each gets messages of its own. Only
// SetReadLimit and the methods that set handlers have to be called before
// reading starts, or from where it is done.
type Conn struct {
	conn         net.Conn
	request      *http.Request
	subprotocol  string
	closeTimeout time.Duration

	reading   turn // guards what follows
	in        input
	readErr   error // what ended reading
	gotClose  bool  // the peer's close frame has been read
	readLimit int64
	onPing    func(string) error // nil: answer with a pong
	onPong    func(string) error // nil: nothing
	onClose   func(int, string) error

	writing  turn // guards what follows
	writeErr error
	deadline time.Time // that conn has for writing

	mu            sync.Mutex // guards what follows
	writeDeadline time.Time  // for messages

	closing atomic.Bool   // Close or CloseNow has been called
	closed  chan struct{} // closed with conn
	shut    func() error  // closes conn, once
}

// newConn returns a Conn with default settings. The early bytes have been read
// from conn before; they are copied.
func newConn(conn net.Conn, early []byte) *Conn {
	c := &Conn{
		conn:         conn,
		in:           newInput(conn, early),
		readLimit:    defaultReadLimit,
		closeTimeout: defaultCloseTimeout,
		reading:      make(turn, 1),
		writing:      make(turn, 1),
		closed:       make(chan struct{}),
	}
	c.shut = sync.OnceValue(func() error {
		defer close(c.closed)
		return conn.Close()
	})
	return c
}

// Subprotocol returns the subprotocol agreed on, or "" if there is none.
func (c *Conn) Subprotocol() string { return c.subprotocol }

// Request returns the request of the opening handshake. Its context ends when
// the handler that upgraded it returns; the peer's going away does not end it.
func (c *Conn) Request() *http.Request { return c.request }

// LocalAddr returns the address of the server's end.
func (c *Conn) LocalAddr() net.Addr { return c.conn.LocalAddr() }

// RemoteAddr returns the address of the peer: the client, or the last proxy.
func (c *Conn) RemoteAddr() net.Addr { return c.conn.RemoteAddr() }

// SetReadDeadline sets when reading fails, even if it waits already; a zero t
// means never, as at first. A deadline that was missed ends reading for good: it
// is to find dead peers, not to look whether there is a message.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.conn.SetReadDeadline(t) }

// SetWriteDeadline sets when messages that are written from now on fail; a zero
// t means never, as at first. After a frame that was cut by its deadline there
// can be no more: later writes return the same error.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writeDeadline = t
	return nil
}

// SetReadLimit limits the bytes of one message, all its fragments taken
// together; a longer one closes the connection with code 1009 and fails with
// [ErrReadLimit]. Zero and negative limits are as in [Upgrader.ReadLimit].
func (c *Conn) SetReadLimit(limit int64) {
	c.readLimit = limitOf(limit)
}

// SetPingHandler sets what is done about a ping; nil sends a pong with the same
// data, as at first. As all handlers it runs in the goroutine that reads, and an
// error ends reading. It may write, and call WriteClose or CloseNow; it must not
// read, and Close would wait for it until CloseTimeout.
func (c *Conn) SetPingHandler(h func(appData string) error) { c.onPing = h }

// SetPongHandler sets what is done about a pong; nil does nothing, as at first.
// See [Conn.SetPingHandler] for what a handler may do.
func (c *Conn) SetPongHandler(h func(appData string) error) { c.onPong = h }

// SetCloseHandler sets what is done about the peer's close frame; nil answers it
// with one of the same code, as at first, and a handler has to do that itself.
// The code is [CloseNoStatusReceived] if the frame has none. Unless the handler
// returns an error, reading ends with a [*CloseError]. See
// [Conn.SetPingHandler] for what a handler may do.
func (c *Conn) SetCloseHandler(h func(code int, text string) error) { c.onClose = h }

// A turn is a mutex for which one need not wait for ever.
type turn chan struct{}

// take waits for the turn until the deadline, if it is not zero, or until done
// is closed.
func (t turn) take(deadline time.Time, done <-chan struct{}) error {
	select {
	case t <- struct{}{}:
		return nil
	default:
	}
	var late <-chan time.Time
	if !deadline.IsZero() {
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-done:
		return net.ErrClosed
	case <-late:
		return os.ErrDeadlineExceeded
	}
}

// give ends the turn that was taken.
func (t turn) give() { <-t }
