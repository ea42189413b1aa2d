package ws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// defaultWriteBuffer is the payload of NextWriter's fragments.
const defaultWriteBuffer = 16 << 10

var (
	errMessageEnded = errors.New("websocket: write: the message has ended")
	errAbandoned    = errors.New("websocket: write: a message was begun with NextWriter and never closed")
)

// A messageWriter writes one message in fragments. The connection does not refer
// to it, so that it is seen when the caller does not either.
type messageWriter struct {
	conn     *Conn
	open     *openMessage
	opcode   byte      // of the next fragment, with rsv1Bit
	size     int       // bytes written
	buf      *[]byte   // what is not yet compressed or sent
	deflater *deflater // nil if the message is not compressed, or not yet
	begun    bool      // a fragment has been sent
	closed   bool
	err      error // of the first write that failed
}

// NextWriter returns a writer of a message, a TextMessage or BinaryMessage,
// which ends when the writer is closed. What is written is sent in fragments of
// [Upgrader.WriteBufferSize], or of what is written at a time if that is more; a
// message that is shorter goes in one frame, when the writer is closed. Deadlines
// are those of [Conn.SetWriteDeadline].
//
// Control frames may go between the fragments. Other messages, and NextWriter,
// wait until the writer is closed: it must be, also after an error. If one is
// found to be lost without, which takes a garbage collection, the next message
// fails, and writing with it; the peer is told with code 1011.
//
// The writer is for one goroutine.
func (c *Conn) NextWriter(messageType int) (io.WriteCloser, error) {
	if messageType != TextMessage && messageType != BinaryMessage {
		return nil, fmt.Errorf("websocket: cannot write messages of type %d in fragments", messageType)
	}
	if err := c.takeWriting(&outgoing{ctx: context.Background(), deadline: c.messageDeadline(), message: true}); err != nil {
		return nil, writeError(err)
	}
	defer c.giveWriting()
	if c.writeErr != nil {
		return nil, c.writeErr
	}
	w := &messageWriter{
		conn:   c,
		open:   &openMessage{ended: make(chan struct{})},
		opcode: byte(messageType),
		buf:    frames.Get().(*[]byte),
	}
	*w.buf = (*w.buf)[:0]
	c.open = w.open
	runtime.AddCleanup(w, (*openMessage).abandon, w.open)
	return w, nil
}

// Write writes some of the message.
func (w *messageWriter) Write(p []byte) (int, error) {
	switch {
	case w.err != nil:
		return 0, w.err
	case w.closed:
		return 0, errMessageEnded
	}
	w.size += len(p)
	if err := w.write(p); err != nil {
		return 0, w.fail(err)
	}
	return len(p), nil
}

func (w *messageWriter) write(p []byte) error {
	if w.deflater == nil {
		if len(*w.buf)+len(p) <= w.conn.set.writeBuffer {
			*w.buf = append(*w.buf, p...)
			return nil
		}
		if !w.deflate() {
			if err := w.fragment(*w.buf, false); err != nil {
				return err
			}
			*w.buf = (*w.buf)[:0]
			if len(p) < w.conn.set.writeBuffer {
				*w.buf = append(*w.buf, p...)
				return nil
			}
			return w.fragment(p, false)
		}
	}
	w.deflater.add(p)
	// What may be the mark at the end is kept.
	if n := len(w.deflater.out) - len(syncTail); n >= w.conn.set.writeBuffer {
		if err := w.fragment(w.deflater.out[:n], false); err != nil {
			return err
		}
		w.deflater.out = w.deflater.out[:copy(w.deflater.out, w.deflater.out[n:])]
	}
	return nil
}

// deflate begins to compress the message, if it is to be and nothing of it has
// been sent, and reports whether it does.
func (w *messageWriter) deflate() bool {
	d := w.conn.deflate
	if w.begun || !d.wants(w.size) {
		return false
	}
	if d.takeover {
		w.deflater = d.ownDeflater() // nobody else writes messages
	} else {
		w.deflater = newDeflater(d.currentLevel())
	}
	w.opcode |= rsv1Bit
	w.deflater.add(*w.buf)
	*w.buf = (*w.buf)[:0]
	return true
}

// Close sends the end of the message. Closing it again returns what the first
// did.
func (w *messageWriter) Close() error {
	if w.closed {
		return w.err
	}
	w.closed = true
	defer w.release()
	if w.err != nil {
		return w.err
	}
	last := *w.buf
	if w.deflater != nil || w.deflate() {
		w.deflater.end()
		last = w.deflater.out
	}
	if err := w.fragment(last, true); err != nil {
		return w.fail(err)
	}
	return nil
}

// release gives back what the writer has borrowed.
func (w *messageWriter) release() {
	giveFrames(w.buf)
	if w.deflater != nil && !w.conn.deflate.takeover {
		w.deflater.giveBack()
	}
	w.buf, w.deflater = nil, nil
}

// fragment sends a fragment when it is its turn.
func (w *messageWriter) fragment(payload []byte, last bool) error {
	c := w.conn
	f := outgoing{ctx: context.Background(), deadline: c.messageDeadline(), first: w.opcode, payload: payload}
	if last {
		f.first |= finBit
	}
	if err := c.takeWriting(&f); err != nil {
		return writeError(err)
	}
	defer c.giveWriting()
	if err := c.writeNow(&f); err != nil {
		return err
	}
	w.opcode, w.begun = continuation, true
	if last {
		c.counted.written(1, w.size)
		if w.deflater != nil {
			w.deflater.out = nil // it may be another's from now on
		}
		c.open = nil
		w.open.end()
	}
	return nil
}

// fail ends a message that will not be complete. If some of it has been sent,
// nothing can follow.
func (w *messageWriter) fail(err error) error {
	w.err = err
	c := w.conn
	if c.writing.take(context.Background(), time.Time{}, c.Done) != nil {
		return err
	}
	defer c.giveWriting()
	if c.open == w.open {
		if w.begun || w.deflater != nil {
			c.endWriting(err)
		}
		c.open = nil
	}
	w.open.end()
	return err
}

// An openMessage is a message that others wait for.
type openMessage struct {
	abandoned atomic.Bool
	ended     chan struct{} // closed when they need not wait any more
	once      sync.Once
}

// end lets the others write. A nil message has nobody who waits.
func (o *openMessage) end() {
	if o != nil {
		o.once.Do(func() { close(o.ended) })
	}
}

// abandon is called when nobody can close the writer any more.
func (o *openMessage) abandon() {
	o.abandoned.Store(true)
	o.end()
}

// wait waits for the end until the deadline, if it is not zero, until the
// context ends, or until done is closed.
func (o *openMessage) wait(ctx context.Context, deadline time.Time, done <-chan struct{}) error {
	late, stop := alarm(deadline)
	defer stop()
	select {
	case <-o.ended:
		return nil
	case <-done:
		return net.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	case <-late:
		return os.ErrDeadlineExceeded
	}
}

// giveUpMessage ends writing, for who has the turn, after a message that nobody
// will end.
func (c *Conn) giveUpMessage() {
	c.writeNow(&outgoing{
		ctx: context.Background(), deadline: time.Now().Add(answerTimeout),
		first: finBit | CloseMessage, payload: FormatCloseMessage(CloseInternalServerErr, "a message was not ended"),
	})
	c.writeErr = errAbandoned
}
