package ws

import (
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// maxPending is how many changes may wait to be announced. If there are
	// more, a snapshot takes their place.
	maxPending = 8 << 10
	// lives is after how many heartbeats that were not heard a hub is forgotten.
	lives = 3
)

// A presence is what hubs know of each other's rooms.
//
// Each hub counts its changes. It announces them with their numbers, and in
// every heartbeat how many there have been; so the others notice that they have
// missed some, and ask for a snapshot, which is all that a hub's changes come
// to. All this is said by one goroutine, in the order in which it happens.
type presence struct {
	mu      sync.Mutex
	closed  bool
	running bool

	// Of this hub.
	seq     uint64   // changes made
	pending []change // the last of them, to be announced
	asks    []uint64 // whose snapshots are wanted
	say     struct{ hello, snapshot, alive, bye bool }

	// Of the others.
	nodes   map[uint64]*node
	members table[string, map[*remote]struct{}] // by room
}

// A node is another hub, as far as is known.
type node struct {
	id      uint64
	seq     uint64    // all changes up to this one are known
	heard   time.Time // last
	asked   time.Time // for a snapshot, last
	clients table[string, *remote]
	partial *snapshot // that is arriving, or nil
}

// A remote is a client of another hub. It is in at least one room.
type remote struct {
	id, info string
	rooms    map[string]struct{}
}

// A snapshot has arrived up to a part.
type snapshot struct {
	seq, parts uint64
	changes    []change
}

// changed announces a change of this hub's rooms. The edge says that the room
// was empty before, or is now.
func (c *cluster) changed(v change, edge bool) {
	if c == nil {
		return
	}
	if edge {
		c.check(v.room)
	}
	c.tell(func(p *presence) {
		p.seq++
		if len(p.pending) == maxPending {
			p.pending, p.say.snapshot = nil, true
		}
		if !p.say.snapshot { // which will have the change
			p.pending = append(p.pending, v)
		}
	})
}

// hello asks all hubs for their snapshots. It is said as soon as this hub can
// hear. A hub that cannot hear it yet will say hello itself, and then that it is
// there, so that this one asks it.
func (c *cluster) hello() {
	c.tell(func(p *presence) { p.say.hello, p.say.alive = true, true })
}

// beat tells the others that the hub is there, and forgets who did not.
func (c *cluster) beat() {
	if c == nil {
		return
	}
	c.tell(func(p *presence) {
		p.say.alive = true
		limit := time.Now().Add(-lives * c.hub.opts.Heartbeat)
		for _, n := range p.nodes {
			if n.heard.Before(limit) {
				c.forget(n)
			}
		}
	})
}

// bye tells the others that the hub ends, and says nothing after that.
func (c *cluster) bye() {
	c.tell(func(p *presence) {
		p.closed, p.pending = true, nil
		p.say.bye = true
		clear(p.nodes)
		p.members = table[string, map[*remote]struct{}]{}
	})
}

// tell changes what is to be said, and has it said.
func (c *cluster) tell(change func(*presence)) {
	p := &c.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.hub.opts.LocalPresence || p.closed {
		return
	}
	change(p)
	c.speak()
}

// speak starts a goroutine that says what is to be said, if there is something
// and none runs, for who holds presence.mu.
func (c *cluster) speak() {
	p := &c.presence
	if !p.running && (p.say.hello || p.say.snapshot || p.say.alive || p.say.bye || len(p.asks)+len(p.pending) > 0) {
		p.running = true
		c.hub.others.add()
		go c.announce()
	}
}

// announce publishes what is to be said, until there is nothing.
func (c *cluster) announce() {
	defer c.hub.others.done()
	for {
		e := c.presence.next()
		if e.kind == 0 {
			return
		}
		e.node = c.node
		if e.kind == kindSnapshot {
			// What has changed since is in it as well, and comes again with its
			// number, which changes nothing in the end.
			e.changes = c.hub.allJoined()
		}
		for more := true; more; {
			b, rest := e.append(nil, c.hub.opts.BrokerLimit)
			c.send("", b)
			if e.kind == kindChanges {
				e.seq += uint64(len(e.changes) - len(rest))
			}
			e.index++
			e.changes, more = rest, len(rest) > 0
		}
	}
}

// next returns what is to be said next, or the zero envelope.
func (p *presence) next() envelope {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.say.hello:
		p.say.hello = false
		return envelope{kind: kindAsk}
	case len(p.asks) > 0:
		target := p.asks[0]
		p.asks = p.asks[1:]
		return envelope{kind: kindAsk, target: target}
	case p.say.snapshot:
		p.say.snapshot, p.pending = false, nil
		return envelope{kind: kindSnapshot, seq: p.seq}
	case len(p.pending) > 0:
		changes := p.pending
		p.pending = nil
		return envelope{kind: kindChanges, seq: p.seq - uint64(len(changes)) + 1, changes: changes}
	case p.say.alive:
		p.say.alive = false
		return envelope{kind: kindAlive, seq: p.seq}
	case p.say.bye:
		p.say.bye = false
		return envelope{kind: kindBye}
	}
	p.running = false
	return envelope{}
}

// allJoined returns how all of the hub's clients came to be where they are.
func (h *Hub) allJoined() []change {
	var changes []change
	for _, client := range h.Clients() {
		for _, room := range client.Rooms() {
			changes = append(changes, change{true, client.ID(), client.Info(), room})
		}
	}
	return changes
}

// heard takes in what another hub said.
func (c *cluster) heard(e envelope) {
	c.tell(func(p *presence) {
		switch e.kind {
		case kindAsk:
			p.say.snapshot = p.say.snapshot || e.target == 0 || e.target == c.node
			if n := p.nodes[e.node]; n != nil && e.target == 0 {
				n.asked = time.Time{} // it may not have heard that, and does hear from now on
			}
			return
		case kindBye:
			if n := p.nodes[e.node]; n != nil {
				c.forget(n)
			}
			return
		}
		n := p.nodes[e.node]
		if n == nil {
			n = &node{id: e.node}
			p.nodes[e.node] = n
		}
		n.heard = time.Now()
		switch e.kind {
		case kindAlive:
			if e.seq != n.seq {
				c.ask(n)
			}
		case kindChanges:
			c.apply(n, e.seq, e.changes)
		case kindSnapshot:
			c.assemble(n, e)
		}
	})
}

// ask wants a snapshot of the hub, unless it has been asked for one lately.
func (c *cluster) ask(n *node) {
	if now := time.Now(); now.Sub(n.asked) >= c.hub.opts.Heartbeat {
		n.asked = now
		c.presence.asks = append(c.presence.asks, n.id)
	}
}

// apply makes the changes of another hub, from number seq on. If some before
// them are missing, they are made as well; but then a snapshot has to come.
func (c *cluster) apply(n *node, seq uint64, changes []change) {
	for _, v := range changes {
		switch {
		case seq <= n.seq: // known
		case v.joined:
			c.join(n, v)
		default:
			c.leave(n, v.id, v.room)
		}
		if seq == n.seq+1 {
			n.seq = seq
		}
		seq++
	}
	if seq > n.seq+1 {
		c.ask(n)
	}
}

// assemble puts parts of a snapshot together, and makes it what is known.
func (c *cluster) assemble(n *node, e envelope) {
	if e.seq <= n.seq {
		return // it is known; another hub has asked
	}
	if e.index == 0 {
		n.partial = &snapshot{seq: e.seq}
	}
	s := n.partial
	if s == nil || s.seq != e.seq || s.parts != e.index {
		n.partial = nil // a part is missing; the next heartbeat shows it
		return
	}
	s.parts++
	s.changes = append(s.changes, e.changes...)
	if !e.last {
		return
	}
	n.partial = nil
	n.seq = e.seq
	n.asked = time.Time{}
	here := make(map[string]map[string]bool)
	for _, v := range s.changes {
		if here[v.id] == nil {
			here[v.id] = make(map[string]bool)
		}
		here[v.id][v.room] = true
	}
	c.leaveUnless(n, func(id, room string) bool { return here[id][room] })
	for _, v := range s.changes {
		c.join(n, v)
	}
}

// join puts a client of another hub in a room.
func (c *cluster) join(n *node, v change) {
	r := n.clients.m[v.id]
	if r == nil {
		r = &remote{id: v.id, rooms: make(map[string]struct{})}
		n.clients.put(v.id, r)
	}
	r.info = v.info
	if _, ok := r.rooms[v.room]; ok {
		return
	}
	r.rooms[v.room] = struct{}{}
	members := c.presence.members.m[v.room]
	if members == nil {
		members = make(map[*remote]struct{})
		c.presence.members.put(v.room, members)
	}
	members[r] = struct{}{}
	c.hub.events.add(hubEvent{true, v.room, r.member()})
}

// leave takes a client of another hub out of a room, if it is there.
func (c *cluster) leave(n *node, id, room string) {
	r := n.clients.m[id]
	if r == nil {
		return
	}
	if _, ok := r.rooms[room]; !ok {
		return
	}
	delete(r.rooms, room)
	if len(r.rooms) == 0 {
		n.clients.delete(id)
	}
	members := c.presence.members.m[room]
	delete(members, r)
	if len(members) == 0 {
		c.presence.members.delete(room)
	}
	c.hub.events.add(hubEvent{false, room, r.member()})
}

// leaveUnless takes clients of another hub out of all rooms that they are not to
// stay in.
func (c *cluster) leaveUnless(n *node, stays func(id, room string) bool) {
	for _, id := range slices.Sorted(maps.Keys(n.clients.m)) {
		for _, room := range slices.Sorted(maps.Keys(n.clients.m[id].rooms)) {
			if !stays(id, room) {
				c.leave(n, id, room)
			}
		}
	}
}

// forget takes another hub and all its clients out.
func (c *cluster) forget(n *node) {
	delete(c.presence.nodes, n.id)
	c.leaveUnless(n, func(string, string) bool { return false })
}

func (r *remote) member() Member { return Member{ID: r.id, Info: r.info} }

// remoteMembers returns the members of a room on other machines.
func (c *cluster) remoteMembers(room string) []Member {
	if c == nil {
		return nil
	}
	c.presence.mu.Lock()
	defer c.presence.mu.Unlock()
	var members []Member
	for r := range c.presence.members.m[room] {
		members = append(members, r.member())
	}
	return members
}

// remoteRooms returns the rooms in which clients of other machines are, with
// their number.
func (c *cluster) remoteRooms() map[string]int {
	rooms := make(map[string]int)
	if c == nil {
		return rooms
	}
	c.presence.mu.Lock()
	defer c.presence.mu.Unlock()
	for room, members := range c.presence.members.m {
		rooms[room] = len(members)
	}
	return rooms
}

// size returns how many other hubs are known.
func (c *cluster) size() int {
	if c == nil {
		return 0
	}
	c.presence.mu.Lock()
	defer c.presence.mu.Unlock()
	return len(c.presence.nodes)
}
