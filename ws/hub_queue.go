package ws

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	keptQueue = 32      // messages that an empty queue keeps room for
	keptReady = 4 << 10 // clients that it does if none is ready
	turnSize  = 4       // batches that are written to one client, if others wait
)

// A sendQueue has the messages that wait for a client, first come, first served.
type sendQueue struct {
	messages []*PreparedMessage // those before start are nil
	start    int
	bytes    int // data of the messages
}

func (q *sendQueue) len() int { return len(q.messages) - q.start }

func (q *sendQueue) add(pm *PreparedMessage) {
	if len(q.messages) == cap(q.messages) && q.start > len(q.messages)/2 {
		n := copy(q.messages, q.messages[q.start:])
		clear(q.messages[n:])
		q.messages, q.start = q.messages[:n], 0
	}
	q.messages = append(q.messages, pm)
	q.bytes += len(pm.data)
}

// take removes the first message, which there must be.
func (q *sendQueue) take() *PreparedMessage {
	pm := q.messages[q.start]
	q.messages[q.start] = nil
	q.start++
	q.bytes -= len(pm.data)
	if q.start == len(q.messages) {
		q.start, q.messages = 0, q.messages[:0]
		if cap(q.messages) > keptQueue {
			q.messages = nil
		}
	}
	return pm
}

// clear drops all messages and returns how many there were.
func (q *sendQueue) clear() int {
	n := q.len()
	*q = sendQueue{}
	return n
}

// A batch is what is written at once: one message, or several that together are
// at most oneWrite long.
type batch struct {
	messages []*PreparedMessage
	raw      *rawWrite // to write with
}

var batches = sync.Pool{New: func() any { return &batch{raw: newRawWrite()} }}

// fill takes messages from the queue, in place of those that the batch had.
func (b *batch) fill(q *sendQueue) {
	clear(b.messages)
	b.messages = b.messages[:0]
	for size := 0; q.len() > 0; {
		size += maxHeaderSize + len(q.messages[q.start].data)
		if size > oneWrite && len(b.messages) > 0 {
			return
		}
		b.messages = append(b.messages, q.take())
	}
}

// readyClients are clients that have something to write to a socket, and
// goroutines that do it as long as it does not wait: one for each CPU, as a
// goroutine for each client would cost a good part of what a write costs.
type readyClients struct {
	mu      sync.Mutex
	clients []*Client // those before start are nil
	start   int
	running int // goroutines
}

// add has somebody write for the client.
func (r *readyClients) add(c *Client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.clients) == cap(r.clients) && r.start > len(r.clients)/2 {
		n := copy(r.clients, r.clients[r.start:])
		clear(r.clients[n:])
		r.clients, r.start = r.clients[:n], 0
	}
	r.clients = append(r.clients, c)
	if r.running < runtime.GOMAXPROCS(0) {
		r.running++
		go r.run()
	}
}

func (r *readyClients) run() {
	b := batches.Get().(*batch)
	for c := r.take(); c != nil; c = r.take() {
		b = c.tryWrite(b)
	}
	b.put()
}

// take removes the first client, or ends a goroutine if there is none.
func (r *readyClients) take() *Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.start == len(r.clients) {
		r.clients, r.start = r.clients[:0], 0
		if cap(r.clients) > keptReady {
			r.clients = nil
		}
		r.running--
		return nil
	}
	c := r.clients[r.start]
	r.clients[r.start] = nil
	r.start++
	return c
}

// put gives an empty batch back.
func (b *batch) put() {
	clear(b.messages)
	b.messages = b.messages[:0]
	if cap(b.messages) <= 1<<10 {
		batches.Put(b)
	}
}

// writeBatch sends prepared messages in one write, before the deadline, if that
// is not zero.
func (c *Conn) writeBatch(messages []*PreparedMessage, deadline time.Time) error {
	ctx := context.Background()
	if err := c.takeWriting(&outgoing{ctx: ctx, deadline: deadline, message: true}); err != nil {
		return writeError(err)
	}
	defer c.giveWriting()
	f, buf := c.join(messages)
	f.ctx, f.deadline = ctx, deadline
	defer giveFrames(buf)
	err := c.writeNow(&f)
	if err == nil {
		c.counted.written(len(messages)-1, 0) // beside the one that has been counted
	}
	return err
}

// join returns the frames of messages as one, for who has the turn to write, and
// the buffer that they are in, if it is to be given back.
func (c *Conn) join(messages []*PreparedMessage) (f outgoing, buf *[]byte) {
	f = outgoing{whole: true, message: true}
	if len(messages) == 1 && !c.client && !c.deflates(messages[0]) {
		f.payload, f.size = messages[0].plain, len(messages[0].data)
		return f, nil
	}
	buf = frames.Get().(*[]byte)
	*buf = (*buf)[:0]
	for _, pm := range messages {
		*buf = c.appendPrepared(*buf, pm)
		f.size += len(pm.data)
	}
	f.payload = *buf
	return f, buf
}

// A blockedWrite is what the network did not take at once of a batch. Who has it
// has the turn to write.
type blockedWrite struct {
	frames   []byte
	size     int     // of the messages, before they are compressed
	buf      *[]byte // that the frames are in, if it is to be given back
	sent     int     // bytes of the frames
	messages int
}

// tryBatch is writeBatch without waiting for anything. It reports whether it has
// had the turn to write and has begun: if not, writeBatch has to be called; if so,
// but the network did not take all of it, finishBatch.
func (c *Conn) tryBatch(b *batch) (begun bool, rest *blockedWrite, err error) {
	if c.in.wait == nil || c.cork.holding.Load() || !c.writing.tryTake() {
		return false, nil, nil
	}
	if c.open != nil || c.out != nil || c.writeErr != nil {
		c.writing.give() // without checkCork, which may wait: writeBatch calls it
		return false, nil, nil
	}
	c.setDeadline(&c.writeGate, time.Time{}) // on a closed connection, writing fails too
	f, buf := c.join(b.messages)
	n, err := c.in.wait.writeBy(b.raw, f.payload)
	if err == nil && n < len(f.payload) {
		return true, &blockedWrite{f.payload, f.size, buf, n, len(b.messages)}, nil
	}
	err = c.endBatch(f.size, buf, len(b.messages), err)
	c.writing.give()
	return true, nil, err
}

// finishBatch writes the rest, before the deadline, if that is not zero.
func (c *Conn) finishBatch(rest *blockedWrite, deadline time.Time) error {
	defer c.giveWriting()
	c.setDeadline(&c.writeGate, deadline)
	_, err := c.conn.Write(rest.frames[rest.sent:])
	return c.endBatch(rest.size, rest.buf, rest.messages, err)
}

// endBatch notes what became of a batch, for who has the turn to write, and
// returns the error of writing it.
func (c *Conn) endBatch(size int, buf *[]byte, messages int, err error) error {
	giveFrames(buf)
	if err != nil {
		err = writeError(err)
		c.endWriting(err)
		return err
	}
	c.counted.written(messages, size)
	return nil
}

// deflates reports whether the message is to be compressed.
func (c *Conn) deflates(pm *PreparedMessage) bool { return c.deflate.wants(len(pm.data)) }

// appendPrepared appends the frame of a message, for who has the turn to write.
func (c *Conn) appendPrepared(b []byte, pm *PreparedMessage) []byte {
	frame := pm.plain
	switch deflates := c.deflates(pm); {
	case deflates && c.deflate.takeover:
		z := frames.Get().(*[]byte)
		defer giveFrames(z)
		*z = c.deflate.ownDeflater().appendMessage((*z)[:0], pm.data)
		return c.appendFrame(b, &outgoing{first: pm.plain[0] | rsv1Bit, payload: *z})
	case deflates:
		frame = pm.deflated(c.deflate.currentLevel())
	}
	if !c.client {
		return append(b, frame...)
	}
	return c.appendFrame(b, &outgoing{first: frame[0], payload: frame[plainHeaderSize(frame):]})
}

// plainHeaderSize returns the size of the header of a server's frame.
func plainHeaderSize(frame []byte) int {
	switch frame[1] {
	case 126:
		return 4
	case 127:
		return 10
	default:
		return 2
	}
}

// A tracker counts goroutines, for who waits until there is none.
type tracker struct {
	n    atomic.Int64
	mu   sync.Mutex
	none chan struct{} // closed when n is 0; nil if nobody waits
}

func (t *tracker) add() { t.n.Add(1) }

func (t *tracker) done() {
	if t.n.Add(-1) > 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.none != nil && t.n.Load() == 0 {
		close(t.none)
		t.none = nil
	}
}

// wait waits until there is none, or returns the context's error.
func (t *tracker) wait(ctx context.Context) error {
	t.mu.Lock()
	if t.n.Load() == 0 {
		t.mu.Unlock()
		return nil
	}
	if t.none == nil {
		t.none = make(chan struct{})
	}
	none := t.none
	t.mu.Unlock()
	select {
	case <-none:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
