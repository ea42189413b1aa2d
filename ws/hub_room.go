package ws

import (
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// mostRoomName is the most that HubOptions.MaxRoomName can be.
const mostRoomName = 4 << 10

// numShards is how many parts the rooms of a hub are in. Each has its own lock.
const numShards = 32

// roomSeed says which shard a room is in.
var roomSeed = maphash.MakeSeed()

// A shard is a part of a hub's rooms.
type shard struct {
	mu    sync.Mutex // held while a message is put in the queues of a room
	rooms table[string, *room]
}

// A room is a crowd with a name. It exists as long as somebody is in it.
type room struct {
	name string
	crowd
}

func (h *Hub) shardOf(room string) *shard {
	return &h.shards[maphash.String(roomSeed, room)%numShards]
}

// A crowd is a set of clients, in a slice as it is walked more often than it
// changes.
type crowd struct{ seats []*seat }

// A seat is a client's place in a crowd.
//
// Invariant: the seat is crowd.seats[pos].
type seat struct {
	client *Client
	pos    int
}

func (c *crowd) add(client *Client) *seat {
	s := &seat{client, len(c.seats)}
	c.seats = append(c.seats, s)
	return s
}

// remove gives the seat's place to the last one.
func (c *crowd) remove(s *seat) {
	end := len(c.seats) - 1
	last := c.seats[end]
	c.seats[s.pos], last.pos = last, s.pos
	c.seats[end] = nil
	c.seats = c.seats[:end]
	if cap(c.seats) > 64 && end < cap(c.seats)/4 {
		c.seats = append(make([]*seat, 0, 2*end), c.seats...)
	}
}

func (c *crowd) clients() []*Client {
	clients := make([]*Client, len(c.seats))
	for i, s := range c.seats {
		clients[i] = s.client
	}
	return clients
}

// send puts the message in the queues of all but those with the given IDs. It
// returns how many took it, and who was too slow and is to be disconnected.
func (c *crowd) send(pm *PreparedMessage, except []string) (n int, slow []*Client) {
	for _, s := range c.seats {
		if slices.Contains(except, s.client.opts.ID) {
			continue
		}
		switch s.client.enqueue(pm) {
		case queued:
			n++
		case overrun:
			slow = append(slow, s.client)
		}
	}
	return n, slow
}

// A table is a map that gives memory back when most of what it had is gone.
type table[K comparable, V any] struct {
	m    map[K]V
	most int // that it has had
}

func (t *table[K, V]) put(key K, value V) {
	if t.m == nil {
		t.m = make(map[K]V)
	}
	t.m[key] = value
	t.most = max(t.most, len(t.m))
}

func (t *table[K, V]) delete(key K) {
	delete(t.m, key)
	if t.most > 64 && len(t.m) < t.most/4 {
		smaller := make(map[K]V, len(t.m))
		maps.Copy(smaller, t.m)
		t.m, t.most = smaller, len(smaller)
	}
}

// checkRoom returns what is wrong with a room's name, if it is.
func (h *Hub) checkRoom(room string) error {
	switch {
	case room == "":
		return fmt.Errorf("websocket: room name is empty")
	case len(room) > h.opts.MaxRoomName:
		return fmt.Errorf("websocket: room name of %d bytes, the most is %d", len(room), h.opts.MaxRoomName)
	case !utf8.ValidString(room):
		return fmt.Errorf("websocket: room name is not UTF-8")
	}
	return nil
}

// occupants returns the hub's own clients in a room.
func (h *Hub) occupants(room string) []*Client {
	s := h.shardOf(room)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms.m[room]; r != nil {
		return r.clients()
	}
	return nil
}

// occupied reports whether a client of the hub is in the room.
func (h *Hub) occupied(room string) bool {
	s := h.shardOf(room)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rooms.m[room] != nil
}

// enter seats the client in the room. It returns the room's name as the hub
// keeps it, and whether the room was empty.
func (h *Hub) enter(c *Client, name string) (kept string, s *seat, first bool) {
	shard := h.shardOf(name)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	r := shard.rooms.m[name]
	if r == nil {
		// The name may be a piece of a long message, which need not stay.
		r = &room{name: strings.Clone(name)}
		shard.rooms.put(r.name, r)
		first = true
	}
	return r.name, r.add(c), first
}

// exit frees the seat, and reports whether the room is empty.
func (h *Hub) exit(name string, s *seat) bool {
	shard := h.shardOf(name)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	r := shard.rooms.m[name]
	r.remove(s)
	if len(r.seats) > 0 {
		return false
	}
	shard.rooms.delete(name)
	return true
}

// A Member is a client in a room, on this machine or another one.
type Member struct {
	// ID and Info are those of [ClientOptions].
	ID, Info string
	// Client is nil if it is connected to another hub.
	Client *Client
}

// Members returns who is in the room, on all machines, sorted by ID. Of other
// machines it is what was last heard.
func (h *Hub) Members(room string) []Member {
	members := h.cluster.remoteMembers(room)
	for _, c := range h.occupants(room) {
		members = append(members, c.member())
	}
	slices.SortFunc(members, func(a, b Member) int { return strings.Compare(a.ID, b.ID) })
	return members
}

// Rooms returns the rooms in which somebody is, on all machines, with the number
// of members.
func (h *Hub) Rooms() map[string]int {
	rooms := h.cluster.remoteRooms()
	for i := range h.shards {
		s := &h.shards[i]
		s.mu.Lock()
		for name, r := range s.rooms.m {
			rooms[name] += len(r.seats)
		}
		s.mu.Unlock()
	}
	return rooms
}

// hubEvents calls HubOptions.OnJoin and OnLeave, in a goroutine that runs while
// there is something to tell.
type hubEvents struct {
	hub     *Hub
	mu      sync.Mutex
	queue   []hubEvent
	running bool
}

type hubEvent struct {
	joined bool
	room   string
	member Member
}

// add tells of an event, later.
func (e *hubEvents) add(v hubEvent) {
	if v.joined && e.hub.opts.OnJoin == nil || !v.joined && e.hub.opts.OnLeave == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue = append(e.queue, v)
	if !e.running {
		e.running = true
		e.hub.others.add()
		go e.run()
	}
}

func (e *hubEvents) run() {
	defer e.hub.others.done()
	for {
		e.mu.Lock()
		queue := e.queue
		e.queue = nil
		e.running = len(queue) > 0
		e.mu.Unlock()
		if len(queue) == 0 {
			return
		}
		for _, v := range queue {
			if v.joined {
				e.hub.opts.OnJoin(v.room, v.member)
			} else {
				e.hub.opts.OnLeave(v.room, v.member)
			}
		}
	}
}
