package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/gongular/gongular/mego/internal/wire"
	"github.com/gongular/gongular/ws"
)

// A link is one connection of a client, with those who wait for answers on it.
type link struct {
	client *Client
	conn   *ws.Conn
	socket bool          // the connection is one, which has buffers
	turn   chan struct{} // to write: has room for who does
	early  backlog       // events that came before the session began

	mu      sync.Mutex // guards what follows
	waiting map[int64]*waiter
	free    []*waiter // that nobody uses
	opened  bool      // handlers have been told of it

	failing sync.Once
	err     error         // why it is over; set before done is closed
	done    chan struct{} // closed when it is over
	gone    chan struct{} // closed when nothing of it runs any more
}

func newLink(c *Client, conn *ws.Conn) *link {
	network := conn.RemoteAddr().Network()
	return &link{
		client:  c,
		conn:    conn,
		socket:  network == "tcp" || network == "unix",
		turn:    make(chan struct{}, 1),
		waiting: make(map[int64]*waiter),
		done:    make(chan struct{}),
		gone:    make(chan struct{}),
	}
}

// A waiter is where somebody waits for an answer. It is used again: a channel of
// a package would not do in a test with synctest.
type waiter struct {
	answer chan answer // room for one
	timer  *time.Timer // nil if there was no need yet
}

// An answer is a response, or what is wrong with it.
type answer struct {
	wire.Response
	err error
}

const (
	// Messages are written by who sends them if they are this short, and no more
	// calls are waiting: what then is on its way finds room in the buffers of the
	// network, even if the server does not read, so that nobody is held up.
	shortMessage, fewCalls = 4 << 10, 16
	// mostFree is how many waiters are kept.
	mostFree = 64
)

// expect notes that somebody waits for the answer to a request.
func (l *link) expect(id int64) (w *waiter, few bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.free); n > 0 {
		w, l.free = l.free[n-1], l.free[:n-1]
	} else {
		w = &waiter{answer: make(chan answer, 1)}
	}
	l.waiting[id] = w
	return w, len(l.waiting) <= fewCalls && l.socket
}

// forget notes that nobody waits any more. If the answer has come before, it is
// returned.
func (l *link) forget(id int64, w *waiter) (a answer, came bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting[id] == w {
		delete(l.waiting, id)
	} else {
		select {
		case a = <-w.answer:
			came = true
		default: // it has been taken
		}
	}
	if len(l.free) < mostFree {
		l.free = append(l.free, w)
	}
	return a, came
}

// deliver gives the answer to who waits for it, if anybody does.
func (l *link) deliver(a answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w := l.waiting[a.ID]; w != nil {
		delete(l.waiting, a.ID)
		w.answer <- a
	}
}

// alarm returns a channel on which something arrives after the timeout; never if
// there is none.
func (w *waiter) alarm(timeout time.Duration) <-chan time.Time {
	switch {
	case timeout <= 0:
		return nil
	case w.timer == nil:
		w.timer = time.NewTimer(timeout)
	default:
		w.timer.Reset(timeout)
	}
	return w.timer.C
}

func (w *waiter) stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
}

// ask sends a request and waits for its answer.
func (l *link) ask(ctx context.Context, id int64, message []byte, timeout time.Duration) (wire.Response, error) {
	if ctx.Err() != nil {
		return wire.Response{}, givenUp(ctx)
	}
	w, few := l.expect(id)
	late := w.alarm(timeout)
	err := l.write(ctx, message, late, few)
	var a answer
	came := false
	if err == nil {
		select {
		case a = <-w.answer:
			came = true
		case <-l.done:
			err = l.err
		case <-ctx.Done():
			err = givenUp(ctx)
		case <-late:
			err = ErrTimeout
		}
	}
	w.stop()
	if b, last := l.forget(id, w); last {
		a, came = b, true
	}
	if came {
		return a.Response, a.err
	}
	return wire.Response{}, err
}

// tell sends a message to which there is no answer.
func (l *link) tell(message []byte, timeout time.Duration) error {
	var w waiter
	late := w.alarm(timeout)
	defer w.stop()
	return l.write(context.Background(), message, late, false)
}

// write sends a message. It may be given up: then it either has not begun, or is
// being sent to its end while nobody waits for that.
func (l *link) write(ctx context.Context, message []byte, late <-chan time.Time, few bool) error {
	select {
	case l.turn <- struct{}{}:
	case <-l.done:
		return l.err
	case <-ctx.Done():
		return givenUp(ctx)
	case <-late:
		return ErrTimeout
	}
	if few && len(message) <= shortMessage {
		err := l.conn.WriteMessage(ws.BinaryMessage, message)
		<-l.turn
		return l.written(err)
	}
	written := make(chan error, 1)
	go func() {
		err := l.conn.WriteMessage(ws.BinaryMessage, message)
		<-l.turn
		written <- err
	}()
	select {
	case err := <-written:
		return l.written(err)
	case <-l.done:
		return l.err
	case <-ctx.Done():
		return givenUp(ctx)
	case <-late:
		return ErrTimeout
	}
}

// written returns what the error of a write means. As there are no deadlines, none
// can be followed by another message: the connection is over, and who reads knows
// best why, if it was not this.
func (l *link) written(err error) error {
	if err == nil {
		return nil
	}
	if !errors.Is(err, ws.ErrCloseSent) {
		l.conn.CloseNow()
	}
	<-l.done
	if errors.Is(l.err, net.ErrClosed) {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return l.err
}

// shakeHands begins the session.
func (l *link) shakeHands(ctx context.Context, keys []byte) error {
	id := l.client.lastID.Add(1)
	hello := wire.AppendRequest(nil, wire.Request{Params: keys, ID: id})
	if err := l.conn.Write(ctx, ws.BinaryMessage, hello); err != nil {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	w, _ := l.expect(id)
	defer l.forget(id, w)
	for {
		_, message, err := l.conn.Read(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrClosed, err)
		}
		item, err := l.receive(message)
		if err != nil {
			l.conn.WriteClose(ws.CloseInvalidFramePayloadData, err.Error())
			return fmt.Errorf("%w: %w", ErrClosed, err)
		}
		if l.client.events.wants(item) {
			l.early.push(item)
		}
		select {
		case a := <-w.answer:
			_, err := result(a.Response, a.err)
			return err
		default:
		}
	}
}

// open tells that the connection is there. If it is over already, it returns why.
func (l *link) open(event string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over() {
		return l.err
	}
	l.opened = true
	l.client.events.mark(event, nil)
	return nil
}

// start begins to read from the connection.
func (l *link) start() {
	l.client.events.begin(l.early)
	l.early = backlog{}
	go l.run()
}

// run reads until the connection is over.
func (l *link) run() {
	defer close(l.gone)
	for {
		_, message, err := l.conn.ReadMessage()
		if err != nil {
			l.end(err)
			return
		}
		if l.over() {
			continue // until the server's close frame
		}
		item, err := l.receive(message)
		if err != nil {
			l.fail(fmt.Errorf("%w: %w", ErrClosed, err))
			l.conn.WriteClose(ws.CloseInvalidFramePayloadData, err.Error())
			l.client.events.fire(eventError, err.Error())
			l.end(err)
			return
		}
		l.client.events.push(item)
	}
}

// over reports whether nobody wants to know any more what the server sends.
func (l *link) over() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// receive deals with a message, as far as it is an answer. It returns what
// handlers are to be told of, and an error if there cannot be more messages.
func (l *link) receive(message []byte) (item, error) {
	it := item{message: message}
	r, err := wire.ParseResponse(message)
	if errors.Is(err, wire.ErrMalformed) {
		return it, fmt.Errorf("mego: the server sent a %w", err)
	}
	if err != nil {
		err = fmt.Errorf("mego: the server's answer is malformed: %w", err)
	}
	switch {
	case err != nil && r.ID == 0:
		l.client.events.fire(eventError, err.Error())
	case r.ID != 0 && (err != nil || r.Event == "" || r.Event == wire.ChunkNext || r.Event == wire.ChunkAbort):
		l.deliver(answer{r, err})
	case r.ID == 0 && !builtIn[r.Event]:
		it.event, it.data = r.Event, r.Result
	}
	return it, nil
}

// fail ends waiting on the connection, for a reason.
func (l *link) fail(err error) {
	l.failing.Do(func() {
		l.err = err
		close(l.done)
		c := l.client
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.link == l {
			c.link = nil
		}
	})
}

// end ends a connection from which nothing more can be read.
func (l *link) end(why error) {
	l.fail(fmt.Errorf("%w: %w", ErrClosed, why))
	l.conn.Close()
	l.turn <- struct{}{} // for good: who was writing has been cut off
	code, reason := l.last(why)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opened {
		l.client.events.mark(eventClose, H{"code": code, "reason": reason})
	}
}

// last returns the close frame that the connection ended with.
func (l *link) last(why error) (code int, reason string) {
	if l.err == ErrClosed { // it was our own will
		return ws.CloseNormalClosure, ""
	}
	if e, ok := errors.AsType[*ws.CloseError](why); ok {
		return e.Code, e.Text
	}
	code = ws.CloseAbnormalClosure
	switch {
	case errors.Is(why, wire.ErrMalformed):
		code = ws.CloseInvalidFramePayloadData
	case errors.Is(why, ws.ErrReadLimit):
		code = ws.CloseMessageTooBig
	}
	return code, why.Error()
}

// close closes the connection in order.
func (l *link) close() error {
	l.fail(ErrClosed)
	err := l.conn.Close()
	<-l.gone
	if err != nil {
		return fmt.Errorf("mego: %w", err)
	}
	return nil
}

// await waits until nothing of the connection runs any more, or the context ends.
// A nil link has nothing that does.
func (l *link) await(ctx context.Context) error {
	if l == nil {
		return nil
	}
	select {
	case <-l.gone:
		return nil
	case <-ctx.Done():
		return givenUp(ctx)
	}
}
