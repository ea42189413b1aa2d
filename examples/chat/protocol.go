package main

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/gongular/gongular/validate"
	"github.com/gongular/gongular/ws"
)

// What travels on a connection: JSON objects, each a text message of its own.
// A person says
//
//	{"kind":"message","text":"hello"}   something to all in the room
//	{"kind":"typing"}                   that a message is being written
//
// and is told
//
//	{"kind":"members","members":["ada","bo"]}   who is in the room, oneself too; once, after entering it
//	{"kind":"joined","name":"bo"}               who enters it
//	{"kind":"left","name":"bo"}                 who leaves it
//	{"kind":"typing","name":"bo"}               who writes
//	{"kind":"message","name":"bo","text":"hello","time":"2006-01-02T15:04:05Z"}
//	{"kind":"error","text":"not so fast: wait a moment"}
//
// where message comes back to who said it, and error is for who has sent what
// was not understood or not allowed, and was ignored. The close codes are
//
//	1001   the server stops: come again
//	1008   the name is taken, or there was too much in too little time
//	1009   a message was longer than maxMessage
//	1013   what was to be told was not read in time
const (
	kindMessage = "message"
	kindTyping  = "typing"
	kindMembers = "members"
	kindJoined  = "joined"
	kindLeft    = "left"
	kindError   = "error"
)

// maxMessage is the most bytes of a message to the server. Its text has 500
// characters at most, each of which JSON may write with twelve.
const maxMessage = 8 << 10

// A message is what a person is told.
type message struct {
	Kind    string    `json:"kind"`
	Name    string    `json:"name,omitempty"`
	Text    string    `json:"text,omitempty"`
	Time    time.Time `json:"time,omitzero"`
	Members []string  `json:"members,omitempty"`
}

// A saying is what a person says.
type saying struct {
	Kind string `json:"kind" valid:"required~the kind is missing,in(message|typing)~there is no such kind"`
	Text string `json:"text" valid:"required_if(Kind|message)~the message is empty,runelength(1|500)~a message has 500 characters at most"`
}

// parse returns what was said. The error is for who has said it.
func parse(messageType int, data []byte) (saying, error) {
	var s saying
	if messageType != ws.TextMessage || json.Unmarshal(data, &s) != nil {
		return s, errors.New("this is not the JSON of a message")
	}
	s.Text = strings.TrimSpace(s.Text)
	return s, validate.Struct(s)
}
