package ws

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// ErrPongTimeout is what reading ends with if the peer is found dead. It is
// wrapped in an error that says what was waited for.
var ErrPongTimeout = errors.New("websocket: no answer to a ping")

// defaultPongTimeout is what a zero PongTimeout stands for.
const defaultPongTimeout = 10 * time.Second

// A keepAlive pings a peer from which nothing comes, and closes the connection
// if that does not change anything. Whatever arrives is a sign of life. It has a
// timer and no goroutine. The methods of a nil keepAlive do nothing.
//
// Time is counted from start, in nanoseconds, so that it fits an atomic.
type keepAlive struct {
	conn              *Conn
	interval, timeout time.Duration
	start             time.Time
	timer             *time.Timer
	heard             atomic.Int64 // when something has arrived
	waiting           atomic.Int64 // since when someone waits for something to arrive; 0: nobody does
	pinged            atomic.Int64 // when the ping was sent that is not answered; 0: none was
	dead              atomic.Bool
}

// newKeepAlive returns a keepAlive that starts with the first Reset of its timer.
func newKeepAlive(c *Conn, interval, timeout time.Duration) *keepAlive {
	k := &keepAlive{conn: c, interval: interval, timeout: timeout, start: time.Now()}
	k.timer = time.AfterFunc(math.MaxInt64, k.look)
	return k
}

// now is never 0.
func (k *keepAlive) now() int64 { return int64(time.Since(k.start)) + 1 }

// waits notes that someone begins to wait.
func (k *keepAlive) waits() {
	if k != nil {
		k.waiting.Store(k.now())
	}
}

// read notes that n bytes have arrived for who waited.
func (k *keepAlive) read(n int) {
	if k == nil {
		return
	}
	k.waiting.Store(0)
	if n > 0 {
		k.heard.Store(k.now())
	}
}

func (k *keepAlive) stop() {
	if k != nil {
		k.timer.Stop()
	}
}

func (k *keepAlive) isDead() bool { return k != nil && k.dead.Load() }

func (k *keepAlive) err() error { return fmt.Errorf("%w within %v", ErrPongTimeout, k.timeout) }

// look is called by the timer. An answer can only be missed by someone who
// reads: while nobody does, pings are sent so that nothing on the way takes the
// connection for an idle one, but nothing is concluded.
func (k *keepAlive) look() {
	if k.conn.isOver() {
		return
	}
	now, heard, pinged := k.now(), k.heard.Load(), k.pinged.Load()
	if heard >= pinged {
		k.pinged.Store(0)
		if quiet := time.Duration(now - heard); quiet < k.interval {
			k.timer.Reset(k.interval - quiet)
			return
		}
		k.pinged.Store(now)
		k.timer.Reset(min(k.timeout, k.interval))
		k.conn.writeFrame(PingMessage, nil, time.Now().Add(k.timeout)) // that it fails shows in the end
		return
	}
	waiting := k.waiting.Load()
	if waiting == 0 {
		k.pinged.Store(0)
		k.heard.Store(now) // as if: the next ping is due after the interval
		k.timer.Reset(k.interval)
		return
	}
	if missed := time.Duration(now - max(waiting, pinged)); missed < k.timeout {
		k.timer.Reset(min(k.timeout-missed, k.interval))
		return
	}
	k.die()
}

// die ends a connection whose peer does not answer. If it can be told, it is.
func (k *keepAlive) die() {
	k.dead.Store(true)
	c := k.conn
	if c.writing.tryTake() {
		if c.writeErr == nil {
			c.writeNow(&outgoing{
				ctx: context.Background(), deadline: time.Now().Add(time.Second),
				first: finBit | CloseMessage, payload: FormatCloseMessage(CloseGoingAway, c.set.reasonPrefix+"no pong"),
			})
		}
		c.writing.give()
	}
	c.shut()
}
