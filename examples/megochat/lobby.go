package main

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/mego"
)

// Where a person is, in the keys of the session.
const (
	roomKey = "megochat.room"
	nameKey = "megochat.name"
)

// How many there may be.
const (
	maxRooms   = 200
	maxMembers = 100 // of a room
)

// A lobby knows who is where. It tells of it while it is locked, so that what is
// told last is true: an event waits for nobody.
type lobby struct {
	mego  *mego.Engine
	shelf *shelf

	mu    sync.Mutex
	rooms map[string]map[string]*mego.Session // by room and name
}

func newLobby(m *mego.Engine, s *shelf) *lobby {
	m.Event(roomsEvent)
	return &lobby{mego: m, shelf: s, rooms: map[string]map[string]*mego.Session{}}
}

// A members event says who is in a room.
type members struct {
	Members []string `json:"members"`
	Joined  string   `json:"joined"` // who has come, or ""
	Left    string   `json:"left"`   // who has gone, or ""
}

// A roomInfo is a line of the list of rooms.
type roomInfo struct {
	Room    string `json:"room"`
	Members int    `json:"members"`
}

// enter puts the person into the room, and subscribes to its events. Who had the
// name before under the same MegoID is the same person, whose connection was
// lost.
func (l *lobby) enter(c *mego.Context, room, name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	people := l.rooms[room]
	before := people[name]
	switch {
	case before != nil && before.ID != c.Session.ID:
		return gongular.Error(http.StatusConflict, "somebody in the room has this name")
	case people == nil && len(l.rooms) == maxRooms:
		return gongular.Error(http.StatusServiceUnavailable, "there are too many rooms")
	case before == nil && len(people) == maxMembers:
		return gongular.Error(http.StatusServiceUnavailable, "the room is full")
	}
	if before != c.Session {
		l.leaveFor(c)
	}
	if c.Request.Context().Err() != nil {
		return nil // the session has ended, and nobody would take it out again
	}
	if people = l.rooms[room]; people == nil { // it may have been the last one's
		people = map[string]*mego.Session{}
		l.rooms[room] = people
	}
	people[name] = c.Session
	c.Session.Set(roomKey, room)
	c.Session.Set(nameKey, name)
	for _, event := range roomEvents {
		c.Subscribe(event, room)
	}
	joined := name
	if before != nil {
		joined = "" // has never been away, for the others
	}
	l.tellMembers(room, joined, "")
	l.tellRooms()
	return nil
}

// exit takes the person out of the room, if there is one.
func (l *lobby) exit(c *mego.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leaveFor(c)
}

// leaveFor does so for who holds l.mu, and ends the subscriptions.
func (l *lobby) leaveFor(c *mego.Context) {
	for _, event := range roomEvents {
		c.Unsubscribe(event, c.Session.GetString(roomKey))
	}
	l.take(c.Session)
}

// leave takes the person of a session that has ended out of the room.
func (l *lobby) leave(s *mego.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.take(s)
}

// take takes the person out of the room, for who holds l.mu. A session whose place another one has got is
// in no room.
func (l *lobby) take(s *mego.Session) {
	room, name := s.GetString(roomKey), s.GetString(nameKey)
	s.Set(roomKey, "")
	people := l.rooms[room]
	if people[name] != s {
		return
	}
	delete(people, name)
	if len(people) == 0 {
		delete(l.rooms, room)
		l.shelf.clear(room)
	}
	l.tellMembers(room, "", name)
	l.tellRooms()
}

// tell emits an event to all in the room. That there is nobody is no failure.
func (l *lobby) tell(room, event string, v any) {
	l.mego.Emit(event, room, v)
}

func (l *lobby) tellMembers(room, joined, left string) {
	l.tell(room, membersEvent, members{slices.Sorted(maps.Keys(l.rooms[room])), joined, left})
}

// subscribe lets a page subscribe to the list of rooms, and to nothing else: what
// is of a room comes with entering it.
func (l *lobby) subscribe(event, channel string, c *mego.Context) bool {
	if event != roomsEvent || channel != "" {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c.Subscribe(event, channel) // before anything can change
	c.Emit(event, l.list())
	return true
}

func (l *lobby) tellRooms() { l.mego.Emit(roomsEvent, "", l.list()) }

func (l *lobby) list() []roomInfo {
	list := []roomInfo{}
	for room, people := range l.rooms {
		list = append(list, roomInfo{room, len(people)})
	}
	slices.SortFunc(list, func(a, b roomInfo) int {
		return cmp.Or(cmp.Compare(b.Members, a.Members), cmp.Compare(a.Room, b.Room))
	})
	return list
}
