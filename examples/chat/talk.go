package main

import (
	"net/http"
	"time"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/ws"
)

// talk is the connection of one person in one room. Param and Query are filled
// and checked before the connection is upgraded, as for any handler.
type talk struct {
	Param roomParam
	Query nameQuery
	Hub   *ws.Hub
}

// Before refuses a name that is taken: an answer 409, and no connection.
func (h *talk) Before(*gongular.Context) (http.Header, error) {
	return nil, mayEnter(h.Hub, h.Param.Room, h.Query.Name)
}

// Handle reads what the person sends. The hub writes to the connection, in
// goroutines of its own, and none waits for another.
func (h *talk) Handle(conn *ws.Conn) {
	room, name := h.Param.Room, h.Query.Name
	client, err := h.Hub.Add(conn, ws.ClientOptions{ID: clientID(room, name), Info: name})
	if err != nil {
		// Somebody was quicker, after Before.
		conn.WriteClose(ws.ClosePolicyViolation, nameTaken)
		return
	}
	defer client.Remove()
	if err := client.Join(room); err != nil {
		return // the hub has been closed, and the connection will be
	}
	var speed limiter
	for {
		messageType, data, err := conn.ReadMessage()
		if err != nil {
			return // the person has left, or the network has
		}
		if !speed.allow(time.Now()) {
			if speed.hopeless() {
				client.Close(ws.ClosePolicyViolation, tooFast)
				return
			}
			send(client, message{Kind: kindError, Text: tooFast})
			continue
		}
		said, err := parse(messageType, data)
		switch {
		case err != nil:
			send(client, message{Kind: kindError, Text: err.Error()})
		case said.Kind == kindTyping:
			broadcast(h.Hub, room, message{Kind: kindTyping, Name: name}, client.ID())
		default:
			broadcast(h.Hub, room, message{Kind: kindMessage, Name: name, Text: said.Text, Time: time.Now().UTC()})
		}
	}
}

// tooFast is the text for who sends more than the limiter allows.
const tooFast = "not so fast: wait a moment"
