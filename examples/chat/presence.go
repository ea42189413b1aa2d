package main

import (
	"encoding/json"

	"github.com/gongular/gongular/ws"
)

// newHub returns a hub that tells the people in a room who comes and goes.
//
// It calls OnJoin and OnLeave one after the other, in the order of events. So
// whoever begins with the members, and then follows what joined and left say,
// has the truth in the end: a name may be added or removed twice, but is not
// forgotten.
func newHub() *ws.Hub {
	var hub *ws.Hub
	hub = ws.NewHub(ws.HubOptions{
		OnJoin: func(room string, m ws.Member) {
			broadcast(hub, room, message{Kind: kindJoined, Name: m.Info}, m.ID)
			send(m.Client, message{Kind: kindMembers, Members: memberNames(hub, room)})
		},
		OnLeave: func(room string, m ws.Member) {
			broadcast(hub, room, message{Kind: kindLeft, Name: m.Info})
		},
	})
	return hub
}

// memberNames are the names of those in the room, sorted.
func memberNames(hub *ws.Hub, room string) []string {
	names := []string{}
	for _, m := range hub.Members(room) {
		names = append(names, m.Info)
	}
	return names
}

// broadcast sends the message to all in the room, but those whose IDs are given.
// It cannot fail before the hub is closed, and then there is nobody to send to.
func broadcast(hub *ws.Hub, room string, m message, except ...string) {
	hub.Broadcast(room, ws.TextMessage, m.encode(), except...)
}

// send sends the message to one person. If that fails the hub is done with the
// person, and reading will end.
func send(client *ws.Client, m message) {
	client.Send(ws.TextMessage, m.encode())
}

func (m message) encode() []byte {
	data, err := json.Marshal(m)
	if err != nil {
		panic("BUG: " + err.Error()) // there is nothing in it that JSON has not
	}
	return data
}
