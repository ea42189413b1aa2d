package ws

import (
	"context"
	"sync/atomic"
	"time"
)

// Where a peer sends many small messages without waiting for the answers, those
// are held back while messages are in the read buffer, and written at once. It
// is done on plain sockets only, and so that nothing waits for what may not
// come:
//
//   - a message is held back only if another one has arrived as a whole;
//   - whatever is written goes with what is held back before it, control frames
//     and messages that are not held back included;
//   - before reading waits for the network, it writes what is held back. If the
//     network does not take it at once, a goroutine goes on, and reading too: as
//     without all this, a peer that only reads after it has written is served;
//   - in any case it is written after corkDelay, or when there are more than
//     corkSize bytes.
const (
	corkDelay = time.Millisecond
	corkSize  = 16 << 10
)

// A cork says whether frames are held back in Conn.out.
type cork struct {
	pipelined atomic.Bool // reading the next message will not wait
	holding   atomic.Bool // there are frames in Conn.out
	timer     *time.Timer // guarded by the turn to write; nil before it is needed
}

// setPipelined says whether reading the next message will wait.
func (c *Conn) setPipelined(pipelined bool) {
	if c.in.wait != nil && c.cork.pipelined.Load() != pipelined {
		c.cork.pipelined.Store(pipelined)
	}
}

// mayHold reports whether a message may be held back. One with a deadline must
// not miss it meanwhile.
func (c *Conn) mayHold(ctx context.Context, deadline time.Time) bool {
	return c.cork.pipelined.Load() && ctx.Err() == nil &&
		(deadline.IsZero() || time.Until(deadline) > 10*corkDelay)
}

// holdBack notes that there are frames in Conn.out, for who has the turn to
// write.
func (c *Conn) holdBack(first bool) {
	if !first {
		return
	}
	c.cork.holding.Store(true)
	if c.cork.timer == nil {
		c.cork.timer = time.AfterFunc(corkDelay, c.flush)
	} else {
		c.cork.timer.Reset(corkDelay)
	}
}

// dropHeld forgets the frames in Conn.out, which have been sent or cannot be.
func (c *Conn) dropHeld() {
	giveFrames(c.out)
	c.out = nil
	if c.cork.holding.Load() {
		c.cork.holding.Store(false)
		c.cork.timer.Stop()
	}
}

// checkCork is called after each turn to write. If reading began to wait in that
// turn, it could not write what is held back.
func (c *Conn) checkCork() {
	if c.cork.holding.Load() && !c.cork.pipelined.Load() {
		c.flush()
	}
}

// flush writes what is held back.
func (c *Conn) flush() {
	for c.cork.holding.Load() {
		if c.writing.take(context.Background(), time.Time{}, c.Done) != nil {
			return
		}
		c.flushNow()
		c.writing.give()
	}
}

// flushNow is flush for who has the turn. Those who wrote have been told that it
// was sent, so that an error, a missed deadline too, is for those who write next.
func (c *Conn) flushNow() {
	if c.out == nil {
		return
	}
	c.setDeadline(&c.writeGate, c.messageDeadline())
	if _, err := c.conn.Write(*c.out); err != nil {
		c.endWriting(writeError(err))
	}
	c.dropHeld()
}

// uncork writes what is held back before reading waits, without waiting itself.
func (c *Conn) uncork() {
	c.setPipelined(false)
	if !c.cork.holding.Load() || !c.writing.tryTake() {
		return // whoever has the turn calls checkCork after it
	}
	c.flushSome()
	c.writing.give()
}

// flushSome writes as much of what is held back as the network takes at once,
// and lets a goroutine do the rest.
func (c *Conn) flushSome() {
	if c.out == nil {
		return
	}
	c.setDeadline(&c.writeGate, c.messageDeadline())
	n, err := c.in.wait.write(*c.out)
	switch {
	case err != nil:
		c.endWriting(writeError(err))
	case n == len(*c.out):
		c.dropHeld()
	default:
		*c.out = (*c.out)[:copy(*c.out, (*c.out)[n:])]
		c.cork.timer.Reset(0)
	}
}
