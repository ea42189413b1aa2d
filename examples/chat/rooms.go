package main

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/ws"
)

// A roomParam is the room in a path. The same fields are wanted in several
// handlers, so they have a type.
type roomParam struct {
	Room string `valid:"matches(^[a-z0-9-]{1,32}$)~a room has 1 to 32 small letters or digits or hyphens"`
}

// A nameQuery is the name of who asks.
type nameQuery struct {
	Name string `q:"name" valid:"required~a name is needed,utfletternum~a name has letters and digits only,runelength(1|20)~a name has 20 characters at most"`
}

// listRooms answers with the rooms in which somebody is, the fullest first.
type listRooms struct{ Hub *ws.Hub }

type roomInfo struct {
	Room    string `json:"room"`
	Members int    `json:"members"`
}

func (h *listRooms) Handle(c *gongular.Context) error {
	rooms := []roomInfo{}
	for room, members := range h.Hub.Rooms() {
		rooms = append(rooms, roomInfo{room, members})
	}
	slices.SortFunc(rooms, func(a, b roomInfo) int {
		return cmp.Or(cmp.Compare(b.Members, a.Members), cmp.Compare(a.Room, b.Room))
	})
	c.SetBody(rooms)
	return nil
}

// listMembers answers with the names of those in a room, sorted. A room is there
// for whoever enters it; before that it has no members.
type listMembers struct {
	Param roomParam
	Hub   *ws.Hub
}

func (h *listMembers) Handle(c *gongular.Context) error {
	c.SetBody(memberNames(h.Hub, h.Param.Room))
	return nil
}

// checkName answers 204 if one may enter the room with the name, and else what
// the handshake would: browsers do not tell a page why that was refused.
type checkName struct {
	Param roomParam
	Query nameQuery
	Hub   *ws.Hub
}

func (h *checkName) Handle(c *gongular.Context) error {
	c.Status(http.StatusNoContent)
	return mayEnter(h.Hub, h.Param.Room, h.Query.Name)
}

// mayEnter returns an error with status 409 if the room has somebody of the
// name.
func mayEnter(hub *ws.Hub, room, name string) error {
	if hub.Client(clientID(room, name)) != nil {
		return gongular.Error(http.StatusConflict, nameTaken)
	}
	return nil
}

// nameTaken is the text for a name that somebody has.
const nameTaken = "somebody in the room has this name"

// clientID is the ID of a person in the hub, where each has one of its own: a
// name may be taken once in every room. Neither has a slash.
func clientID(room, name string) string { return room + "/" + name }
