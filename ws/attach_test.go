package ws_test

import (
	"net/http"
	"testing"

	"github.com/gongular/gongular/ws"
)

// session is what middleware knows of a connection.
type session = interface {
	SendText(msg string) error
	Close(code int, reason string) error
}

// An attacher is a writer of middleware that wants to know of connections.
type attacher struct {
	wrapper
	sessions chan session
}

func (a attacher) AttachSession(s session) { a.sessions <- s }

// Middleware around the handler can send a message to the connection, and close it.
func TestAttach(t *testing.T) {
	sessions := make(chan session, 1)
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(ws.Upgrader).Upgrade(wrapper{attacher{wrapper{w}, sessions}}, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		conn.ReadMessage()
	})
	c := dial(t, s)
	session := wait(t, sessions)
	if err := session.SendText("soon"); err != nil {
		t.Error(err)
	}
	c.want(text, "soon")
	closed := make(chan error, 1)
	go func() { closed <- session.Close(4408, "too long") }()
	if reason := c.wantClose(4408); reason != "too long" {
		t.Errorf("the reason is %q", reason)
	}
	c.send(frame(shut, closePayload(4408, "")))
	c.wantEnd()
	if err := wait(t, closed); err != nil {
		t.Errorf("Close says %v", err)
	}
}
