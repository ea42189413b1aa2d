package ws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// A Client is a connection in a [Hub]. It is made by [Hub.Add], and leaves the
// hub when it is removed or closed, when writing to it fails, or when it is too
// slow.
type Client struct {
	hub  *Hub
	conn *Conn
	opts ClientOptions
	seat *seat         // among all clients
	done chan struct{} // closed when the hub has no more to do with conn

	joining sync.Mutex // guards what follows; held while rooms change
	rooms   map[string]*seat
	left    bool // the hub

	mu      sync.Mutex // guards what follows
	queue   sendQueue
	phase   phase
	writing bool          // somebody writes the queue, or is about to
	space   chan struct{} // closed when there is room in the queue, or never will be; nil if nobody waits
	last    *farewell     // what comes after the queue, or nil
	sent    int64
	dropped int64
}

// A phase is how far a client has come.
type phase int

const (
	phaseOpen    phase = iota // takes messages
	phaseClosing              // takes none; what is queued is written
	phaseOver                 // nothing is queued any more
)

// A farewell is the close frame that ends a connection.
type farewell struct {
	code   int
	reason string
}

// ID returns the ID that the client was added with, or was given.
func (c *Client) ID() string { return c.opts.ID }

// Info returns the Info that the client was added with.
func (c *Client) Info() string { return c.opts.Info }

// Data returns the Data that the client was added with.
func (c *Client) Data() any { return c.opts.Data }

// Conn returns the connection.
func (c *Client) Conn() *Conn { return c.conn }

// Done returns a channel that is closed when the client has left the hub, and
// the hub has no more to do with its connection: after Remove, or when the
// connection was closed for whatever reason.
func (c *Client) Done() <-chan struct{} { return c.done }

func (c *Client) member() Member { return Member{ID: c.opts.ID, Info: c.opts.Info, Client: c} }

// Join enters a room, which need not exist. What is broadcast to it from now on
// is sent to the client; what comes from other hubs, from when the Broker has
// the subscription. To join twice is to join once. The error is
// [ErrTooManyRooms], [ErrClientGone], [ErrHubClosed], or says what is wrong with
// the name.
func (c *Client) Join(room string) error {
	h := c.hub
	if err := h.checkRoom(room); err != nil {
		return err
	}
	c.joining.Lock()
	defer c.joining.Unlock()
	if c.left {
		return c.gone()
	}
	if c.rooms[room] != nil {
		return nil
	}
	if exceeds(len(c.rooms)+1, h.opts.MaxRooms) {
		return fmt.Errorf("%w: the most is %d", ErrTooManyRooms, h.opts.MaxRooms)
	}
	if c.rooms == nil {
		c.rooms = make(map[string]*seat)
	}
	room, s, first := h.enter(c, room)
	c.rooms[room] = s
	h.events.add(hubEvent{true, room, c.member()})
	h.cluster.changed(change{true, c.opts.ID, c.opts.Info, room}, first)
	return nil
}

// Leave leaves a room, if the client is in it.
func (c *Client) Leave(room string) {
	c.joining.Lock()
	defer c.joining.Unlock()
	c.leave(room)
	if len(c.rooms) == 0 {
		c.rooms = nil // maps do not shrink
	}
}

// leave is Leave for who holds c.joining.
func (c *Client) leave(room string) {
	s := c.rooms[room]
	if s == nil {
		return
	}
	delete(c.rooms, room)
	empty := c.hub.exit(room, s)
	c.hub.events.add(hubEvent{false, room, c.member()})
	c.hub.cluster.changed(change{false, c.opts.ID, "", room}, empty)
}

// leaveAll leaves the rooms and the hub, once.
func (c *Client) leaveAll() {
	c.joining.Lock()
	defer c.joining.Unlock()
	if c.left {
		return
	}
	c.left = true
	for _, room := range slices.Sorted(maps.Keys(c.rooms)) {
		c.leave(room)
	}
	c.rooms = nil
	c.hub.forget(c)
}

// Rooms returns the rooms that the client is in, sorted.
func (c *Client) Rooms() []string {
	c.joining.Lock()
	defer c.joining.Unlock()
	return slices.Sorted(maps.Keys(c.rooms))
}

// In reports whether the client is in the room.
func (c *Client) In(room string) bool {
	c.joining.Lock()
	defer c.joining.Unlock()
	return c.rooms[room] != nil
}

// gone says why nothing can be done for a client that has left.
func (c *Client) gone() error {
	if c.hub.closing.Load() {
		return ErrHubClosed
	}
	return ErrClientGone
}

// Send queues a TextMessage or BinaryMessage for this client. Data is not kept.
// The error is [ErrQueueFull] if the message is dropped, or the client
// disconnected because of it, [ErrClientGone] or [ErrHubClosed]. That a message
// was queued does not mean that it arrives.
func (c *Client) Send(messageType int, data []byte) error {
	pm, err := NewPreparedMessage(messageType, data)
	if err != nil {
		return err
	}
	return c.SendPrepared(pm)
}

// SendPrepared is [Client.Send] for a message that several clients get.
func (c *Client) SendPrepared(pm *PreparedMessage) error {
	switch c.enqueue(pm) {
	case queued:
		return nil
	case dropped:
		return ErrQueueFull
	case overrun:
		c.leaveAll()
		return ErrQueueFull
	default:
		return c.gone()
	}
}

// SendWait is [Client.Send] that waits for room in the queue, whatever the
// [SlowPolicy], until the context ends; the error is then its cause. It is for
// answers, which a client needs one and all, and whose sender may wait.
func (c *Client) SendWait(ctx context.Context, messageType int, data []byte) error {
	pm, err := NewPreparedMessage(messageType, data)
	if err != nil {
		return err
	}
	for {
		space, err := c.enqueueOrWait(pm)
		if space == nil {
			return err
		}
		select {
		case <-space:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// enqueueOrWait puts the message in the queue, or returns what is closed when it
// is worth another try.
func (c *Client) enqueueOrWait(pm *PreparedMessage) (space <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.phase != phaseOpen:
		return nil, c.gone()
	case c.fits(pm):
		c.queue.add(pm)
		c.startWriting()
		return nil, nil
	case c.space == nil:
		c.space = make(chan struct{})
	}
	return c.space, nil
}

// wake lets those who wait for room look again, for who holds c.mu.
func (c *Client) wake() {
	if c.space != nil {
		close(c.space)
		c.space = nil
	}
}

// An outcome is what became of a message for a client.
type outcome int

const (
	refused outcome = iota // the client takes no more
	queued
	dropped
	overrun // the client is too slow, and has to leave the hub
)

// enqueue puts the message in the queue, if the policy has it so, and sees that
// it is written. It does not wait, and does not make the client leave.
func (c *Client) enqueue(pm *PreparedMessage) outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase != phaseOpen {
		return refused
	}
	for !c.fits(pm) {
		switch c.opts.Slow {
		case DropOldest:
			c.queue.take()
			c.lost(1)
		case DropNewest:
			c.lost(1)
			return dropped
		default:
			c.phase, c.last = phaseClosing, &farewell{c.hub.opts.SlowClose.Code, c.hub.opts.SlowClose.Text}
			c.lost(c.queue.clear() + 1)
			c.wake()
			c.hub.counts.disconnected.Add(1)
			return overrun
		}
	}
	c.queue.add(pm)
	c.startWriting()
	return queued
}

// fits reports whether the message has room in the queue. An empty one has room
// for any.
func (c *Client) fits(pm *PreparedMessage) bool {
	n := c.queue.len()
	return n == 0 || !exceeds(n+1, c.opts.QueueMessages) && !exceeds(c.queue.bytes+len(pm.data), c.opts.QueueBytes)
}

// exceeds reports whether n is over a limit. A negative limit is none.
func exceeds(n, limit int) bool { return limit >= 0 && n > limit }

// lost counts messages that will not be written, for who holds c.mu.
func (c *Client) lost(n int) {
	c.dropped += int64(n)
	c.hub.counts.dropped.Add(int64(n))
}

// startWriting sees that the queue is written, for who holds c.mu.
func (c *Client) startWriting() {
	if c.writing {
		return
	}
	c.writing = true
	c.hub.writers.add()
	if c.conn.in.wait != nil {
		c.hub.ready.add(c)
	} else {
		go c.write(nil, nil)
	}
}

// tryWrite writes what is queued, as long as that does not wait. It leaves what
// does to a goroutine, together with the batch, and returns one to go on with.
func (c *Client) tryWrite(b *batch) *batch {
	n := 0
	for range turnSize {
		more, ends := c.next(b, n)
		switch {
		case more:
		case ends:
			go c.write(nil, nil)
			return b
		default:
			c.hub.writers.done()
			return b
		}
		begun, rest, err := c.conn.tryBatch(b)
		if !begun || rest != nil || err != nil {
			go c.write(b, rest)
			return batches.Get().(*batch)
		}
		n = len(b.messages)
	}
	c.written(n, nil)
	c.hub.ready.add(c) // behind the others
	return b
}

// write empties the queue, and does what comes after it. If b is not nil, it is
// what has been taken from the queue, and the rest what is left to be written of
// it, or nil if that has not begun.
func (c *Client) write(b *batch, rest *blockedWrite) {
	defer c.hub.writers.done()
	if b == nil {
		b = batches.Get().(*batch)
		c.next(b, 0)
	}
	var err error
	for len(b.messages) > 0 {
		if rest != nil {
			err = c.conn.finishBatch(rest, c.hub.writeDeadline())
			rest = nil
		} else {
			err = c.conn.writeBatch(b.messages, c.hub.writeDeadline())
		}
		c.written(len(b.messages), err)
		if err != nil {
			break
		}
		c.next(b, 0)
	}
	b.put()
	if err != nil {
		c.fail(err)
		return
	}
	c.sayFarewell()
}

func (h *Hub) writeDeadline() time.Time {
	if h.opts.WriteTimeout < 0 {
		return time.Time{}
	}
	return time.Now().Add(h.opts.WriteTimeout)
}

// next counts n messages that have been written, and fills the batch with more.
// If there are none, it reports whether the client is to be closed now.
func (c *Client) next(b *batch, n int) (more, ends bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count(n)
	b.fill(&c.queue)
	c.wake()
	c.writing = len(b.messages) > 0
	return c.writing, c.phase == phaseClosing
}

// count counts messages that have been written, for who holds c.mu.
func (c *Client) count(n int) {
	if n > 0 {
		c.sent += int64(n)
		c.hub.counts.sent.Add(int64(n))
	}
}

// written counts what has been written, or lost on the way.
func (c *Client) written(n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.lost(n)
		return
	}
	c.count(n)
}

// sayFarewell ends a client that is to be closed and has nothing queued.
func (c *Client) sayFarewell() {
	c.mu.Lock()
	ends, last := c.phase == phaseClosing && !c.writing, c.last
	if ends {
		c.phase = phaseOver
	}
	c.mu.Unlock()
	if !ends {
		return
	}
	if last != nil {
		c.leaveAll()
		err := c.conn.WriteClose(last.code, last.reason)
		if err == nil || errors.Is(err, ErrCloseSent) {
			c.conn.Close()
		} else {
			c.conn.CloseNow()
		}
	}
	c.finish()
}

// fail ends a client whose connection is of no use any more.
func (c *Client) fail(err error) {
	was := c.abandon()
	if was == phaseOver {
		return
	}
	if was == phaseOpen && isTimeout(err) {
		c.hub.counts.disconnected.Add(1)
	}
	if !errors.Is(err, ErrCloseSent) { // who sent it closes the connection
		c.conn.CloseNow()
	}
	c.leaveAll()
	c.finish()
}

// abandon drops the queue, and returns the phase that it ends.
func (c *Client) abandon() phase {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.phase
	c.phase = phaseOver
	c.lost(c.queue.clear())
	c.wake()
	return was
}

// finish is called once, by who has set the phase to over.
func (c *Client) finish() {
	close(c.done)
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	c.hub.ending.delete(c)
}

// end begins to close the client; what is queued is still written, and then the
// farewell, if there is one.
func (c *Client) end(last *farewell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase == phaseOpen {
		c.phase, c.last = phaseClosing, last
		c.wake()
		c.startWriting()
	}
}

// Close leaves the hub, and has the connection closed after what is queued, by a
// close frame as [Conn.WriteClose] sends it, and [Conn.Close]. It does not wait
// for that; Done tells. The error says that the code is not one to be sent, and
// the client stays. Nothing is done for a client that has left already.
func (c *Client) Close(code int, reason string) error {
	if code != CloseNoStatusReceived && !mayBeSent(code) {
		return fmt.Errorf("websocket: cannot send close code %d", code)
	}
	c.end(&farewell{code, reason})
	c.leaveAll()
	return nil
}

// Remove leaves the hub, and waits until what is queued has been written, for
// HubOptions.WriteTimeout at most. The connection stays open, if the hub is not
// closing it already: it is for the caller to close. To remove a client twice
// is to remove it once.
func (c *Client) Remove() {
	c.end(nil)
	c.leaveAll()
	var late <-chan time.Time
	if limit := c.hub.opts.WriteTimeout; limit >= 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-c.done:
	case <-late:
		if c.abandon() != phaseOver {
			c.finish()
		}
	}
}

// ClientStats are what a client is doing, and sums of what was done.
type ClientStats struct {
	Queued      int   // messages that wait
	QueuedBytes int   // their data
	Sent        int64 // messages that were written
	Dropped     int64 // messages that were not, and will not be
}

// Stats returns what is counted for the client.
func (c *Client) Stats() ClientStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return ClientStats{c.queue.len(), c.queue.bytes, c.sent, c.dropped}
}
