package ws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"regexp"
	"sync"
	"time"
)

const (
	numLanes     = 8       // in which messages are published
	laneMessages = 1 << 10 // that wait in one lane
	laneBytes    = 4 << 20 // the same
	subscribers  = 8       // goroutines that subscribe, at most

	firstRetry = time.Second // after a subscription failed
	lastRetry  = 30 * time.Second
)

// prefixes are what HubOptions.BrokerPrefix can be.
var prefixes = regexp.MustCompile(`^[a-z][a-z0-9_]{0,23}$`)

func isPrefix(s string) bool { return prefixes.MatchString(s) }

// A cluster is a hub's side of its Broker. Its methods do nothing if it is nil,
// as it is for a hub without one.
//
// Nothing that it does is waited for: what is to be published stands in lanes,
// what is to be subscribed to in a list, and goroutines that run while there is
// something to do talk to the broker.
type cluster struct {
	hub      *Hub
	node     uint64 // names the hub, is not 0
	ctx      context.Context
	cancel   context.CancelFunc
	lanes    [numLanes]lane
	subs     subscriptions
	presence presence
}

func newCluster(h *Hub) *cluster {
	c := &cluster{hub: h, node: 1 + rand.Uint64N(1<<64-1)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.subs.byRoom = make(map[string]*subscription)
	c.presence.nodes = make(map[uint64]*node)
	return c
}

// start subscribes to what concerns all hubs.
func (c *cluster) start() {
	c.check("")
	c.beat()
}

// channel returns the channel of a room, or that for all hubs if it is "". A
// room's name can be anything, so its channel is a part of its hash; that two
// rooms share one does no harm.
func (c *cluster) channel(room string) string {
	if room == "" {
		return c.hub.opts.BrokerPrefix + "_all"
	}
	sum := sha256.Sum256([]byte(room))
	return c.hub.opts.BrokerPrefix + "_r" + hex.EncodeToString(sum[:16])
}

// wrap returns a message as it is published.
func (c *cluster) wrap(e envelope) ([]byte, error) {
	if c == nil {
		return nil, nil
	}
	e.node = c.node
	b, _ := e.append(nil, 0)
	if len(b) > c.hub.opts.BrokerLimit {
		return nil, fmt.Errorf("websocket: message needs %d bytes in the broker, BrokerLimit is %d", len(b), c.hub.opts.BrokerLimit)
	}
	return b, nil
}

// A lane has messages to be published one after another. Those of a room are
// all in the same.
type lane struct {
	mu      sync.Mutex
	queue   []publication
	bytes   int
	running bool
	full    bool // and that has been logged
	closed  bool
}

type publication struct {
	room    string // "" for all
	payload []byte
}

// publish hands a message over to its lane.
func (c *cluster) publish(room string, payload []byte) {
	if c == nil {
		return
	}
	l := &c.lanes[maphash.String(roomSeed, room)%numLanes]
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	if len(l.queue) == laneMessages || len(l.queue) > 0 && l.bytes+len(payload) > laneBytes {
		c.hub.counts.lost.Add(1)
		if !l.full {
			l.full = true
			c.hub.opts.Logger.Error("websocket hub: broker is too slow, messages are dropped")
		}
		return
	}
	l.queue = append(l.queue, publication{room, payload})
	l.bytes += len(payload)
	if !l.running {
		l.running = true
		c.hub.others.add()
		go c.runLane(l)
	}
}

func (c *cluster) runLane(l *lane) {
	defer c.hub.others.done()
	for {
		l.mu.Lock()
		if len(l.queue) == 0 {
			l.queue, l.running, l.full = nil, false, false
			l.mu.Unlock()
			return
		}
		next := l.queue[0]
		l.queue[0] = publication{}
		l.queue = l.queue[1:]
		l.bytes -= len(next.payload)
		l.mu.Unlock()
		if c.send(next.room, next.payload) {
			c.hub.counts.published.Add(1)
		} else {
			c.hub.counts.lost.Add(1)
		}
	}
}

// send publishes, and reports whether the broker took it.
func (c *cluster) send(room string, payload []byte) bool {
	ctx, cancel := context.WithTimeout(c.ctx, c.hub.opts.BrokerTimeout)
	defer cancel()
	err := c.hub.opts.Broker.Publish(ctx, c.channel(room), payload)
	c.report("publish", room, err)
	return err == nil
}

// report counts and logs a call that failed.
func (c *cluster) report(what, room string, err error) {
	if err != nil {
		c.hub.counts.fails.Add(1)
		c.hub.opts.Logger.Error("websocket hub: broker failed", "call", what, "room", room, "error", err)
	}
}

// subscriptions are those to rooms, and to what concerns all hubs.
type subscriptions struct {
	mu      sync.Mutex
	byRoom  map[string]*subscription
	pending []*subscription
	workers int
	closed  bool
}

// A subscription is one that there is, or should be.
//
// Invariant: it is in subscriptions.byRoom; and in pending if it is listed. One
// goroutine at a time adjusts it, which is when it is busy.
type subscription struct {
	room         string
	unsubscribe  func() error // nil if it has not been made; for who is busy
	listed, busy bool
	again        bool          // to be listed when no longer busy
	pause        time.Duration // before the next attempt, after one that failed
	retry        *time.Timer
}

// check sees that a room is subscribed to, if it is occupied, or else not.
func (c *cluster) check(room string) {
	c.subs.mu.Lock()
	defer c.subs.mu.Unlock()
	if c.subs.closed {
		return
	}
	s := c.subs.byRoom[room]
	if s == nil {
		s = &subscription{room: room}
		c.subs.byRoom[room] = s
	}
	c.list(s)
}

// list has the subscription looked at, for who holds subs.mu.
func (c *cluster) list(s *subscription) {
	switch {
	case s.busy:
		s.again = true
		return
	case s.listed:
		return
	}
	s.listed = true
	c.subs.pending = append(c.subs.pending, s)
	if c.subs.workers < subscribers {
		c.subs.workers++
		c.hub.others.add()
		go c.subscribe()
	}
}

// subscribe adjusts what is listed, until nothing is.
func (c *cluster) subscribe() {
	defer c.hub.others.done()
	subs := &c.subs
	subs.mu.Lock()
	defer subs.mu.Unlock()
	for len(subs.pending) > 0 {
		s := subs.pending[0]
		subs.pending = subs.pending[1:]
		s.listed, s.busy, s.again = false, true, false
		closed := subs.closed
		subs.mu.Unlock()

		err := c.adjust(s, !closed && (s.room == "" || c.hub.occupied(s.room)))

		subs.mu.Lock()
		s.busy = false
		switch {
		case err != nil && !subs.closed:
			s.pause = min(max(2*s.pause, firstRetry), lastRetry)
			s.retry = time.AfterFunc(s.pause, func() { c.check(s.room) })
		case s.again:
			c.list(s)
		case s.unsubscribe == nil:
			delete(subs.byRoom, s.room)
		}
	}
	subs.pending = nil
	subs.workers--
}

// adjust makes or ends the subscription.
func (c *cluster) adjust(s *subscription, wanted bool) error {
	if wanted == (s.unsubscribe != nil) {
		return nil
	}
	if !wanted {
		c.report("unsubscribe", s.room, s.unsubscribe())
		s.unsubscribe = nil
		return nil
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.hub.opts.BrokerTimeout)
	defer cancel()
	restored := func() {}
	if s.room == "" {
		restored = c.hello
	}
	unsubscribe, err := c.hub.opts.Broker.Subscribe(ctx, c.channel(s.room), Receiver{c.receive, restored})
	if err != nil {
		c.report("subscribe", s.room, err)
		return err
	}
	s.unsubscribe, s.pause = unsubscribe, 0
	restored()
	return nil
}

// receive is called with what the broker delivers.
func (c *cluster) receive(payload []byte) {
	e, ok := parseEnvelope(payload)
	if !ok {
		c.hub.counts.bad.Add(1)
		return
	}
	switch {
	case e.node == c.node || c.hub.closing.Load():
		return
	case e.kind != kindRoom && e.kind != kindAll:
		c.heard(e)
		return
	}
	c.hub.counts.received.Add(1)
	pm, err := NewPreparedMessage(e.messageType, e.data)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	if e.kind == kindRoom {
		c.hub.deliver(e.room, pm, e.except)
	} else {
		c.hub.deliverAll(pm, e.except)
	}
}

// shut has everything unsubscribed and other hubs told, and takes nothing more.
func (c *cluster) shut() {
	if c == nil {
		return
	}
	for i := range c.lanes {
		l := &c.lanes[i]
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
	}
	c.subs.mu.Lock()
	if !c.subs.closed {
		c.subs.closed = true
		for _, s := range c.subs.byRoom {
			if s.retry != nil {
				s.retry.Stop()
			}
			c.list(s)
		}
	}
	c.subs.mu.Unlock()
	c.bye()
}

// end makes calls of the broker that still go on return.
func (c *cluster) end() {
	if c != nil {
		c.cancel()
	}
}
