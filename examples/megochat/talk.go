package main

import (
	"net/http"
	"time"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/mego"
)

// The methods, and the events that come of them. A page calls
//
//	Enter {name, room}   to be in a room, and in no other
//	Leave                to be in none
//	Say   {text}         something to all in the room
//	Share {room}         a file, in chunks, with those in the room
//
// and hears, of its room,
//
//	Members  {members, joined, left}   all who are there, and whose coming or going this is
//	Said     {name, text, time}
//	Shared   {name, file, size, url, time}
//
// and, if it has subscribed to it,
//
//	Rooms    [{room, members}]         those in which somebody is, the fullest first
const (
	membersEvent = "Members"
	saidEvent    = "Said"
	sharedEvent  = "Shared"
	roomsEvent   = "Rooms"
)

// roomEvents are those that one hears in a room.
var roomEvents = []string{membersEvent, saidEvent, sharedEvent}

// enter lets a person into a room.
type enter struct {
	Body struct {
		Name string `json:"name" valid:"required~a name is needed,utfletternum~a name has letters and digits only,runelength(1|20)~a name has 20 characters at most"`
		Room string `json:"room" valid:"required~a room is needed,matches(^[a-z0-9-]{1,32}$)~a room has 1 to 32 small letters or digits or hyphens"`
	}
	Call  *mego.Context
	Lobby *lobby
}

func (h *enter) Handle(*gongular.Context) error {
	return h.Lobby.enter(h.Call, h.Body.Room, h.Body.Name)
}

// leave takes a person out.
type leave struct {
	Call  *mego.Context
	Lobby *lobby
}

func (h *leave) Handle(*gongular.Context) error {
	h.Lobby.exit(h.Call)
	return nil
}

// A said is something that a person has said.
type said struct {
	Name string    `json:"name"`
	Text string    `json:"text"`
	Time time.Time `json:"time"`
}

// say tells all in the room.
type say struct {
	Body struct {
		Text string `json:"text" valid:"required~the message is empty,runelength(1|500)~a message has 500 characters at most"`
	}
	Call  *mego.Context
	Lobby *lobby
}

func (h *say) Handle(*gongular.Context) error {
	room, name, err := whereabouts(h.Call.Session)
	if err != nil {
		return err
	}
	h.Lobby.tell(room, saidEvent, said{name, h.Body.Text, time.Now().UTC()})
	return nil
}

// A shared is a file that somebody has for the others.
type shared struct {
	Name string    `json:"name"`
	File string    `json:"file"`
	Size int       `json:"size"`
	URL  string    `json:"url"`
	Time time.Time `json:"time"`
}

// share takes a file when all of it is there, and tells all in the room. The
// person may have left that meanwhile: the file is not for others then.
type share struct {
	Body struct {
		Room string `json:"room"`
	}
	Call  *mego.Context
	Lobby *lobby
	Shelf *shelf
}

func (h *share) Handle(*gongular.Context) error {
	room, name, err := whereabouts(h.Call.Session)
	if err != nil {
		return err
	}
	if room != h.Body.Room {
		return gongular.Error(http.StatusForbidden, "you have left the room")
	}
	f, err := h.Call.GetFile()
	if err != nil {
		return gongular.Error(http.StatusBadRequest, "there is no file")
	}
	id, err := h.Shelf.put(room, f)
	if err != nil {
		return err
	}
	h.Lobby.tell(room, sharedEvent, shared{name, fileName(f), f.Size, "files/" + id, time.Now().UTC()})
	return nil
}

// whereabouts returns where a person is, under which name.
func whereabouts(s *mego.Session) (room, name string, err error) {
	room, name = s.GetString(roomKey), s.GetString(nameKey)
	if room == "" {
		return "", "", gongular.Error(http.StatusForbidden, "you are in no room")
	}
	return room, name, nil
}
