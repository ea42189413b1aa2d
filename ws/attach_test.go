package ws_test

import (
	"net/http"
	"sync/atomic"
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

// A counter is a writer of middleware that wants to know of messages, or not.
type counter struct {
	wrapper
	count func(n int)
}

func (c counter) MessageCounter() func(n int) { return c.count }

// Middleware around the handler counts what comes and goes: messages, however many
// frames they are, and no control frames.
func TestMessageCounter(t *testing.T) {
	var counted atomic.Int64
	count := func(n int) {
		if n < 1 {
			t.Errorf("%d messages are counted", n)
		}
		counted.Add(int64(n))
	}
	for _, count := range []func(int){count, nil} {
		seen := make(chan int64)
		s := start(t, func(w http.ResponseWriter, r *http.Request) {
			conn, err := new(ws.Upgrader).Upgrade(wrapper{counter{wrapper{w}, count}}, r, nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			conn.ReadMessage()
			seen <- counted.Load()
			conn.WriteMessage(ws.TextMessage, []byte("one"))
			m, _ := conn.NextWriter(ws.TextMessage)
			m.Write(make([]byte, 10_000))
			m.Write(make([]byte, 10_000))
			m.Close()
			conn.ReadMessage()
			seen <- counted.Load()
		})
		c := dial(t, s)
		c.send(frame(ping, "a"))
		c.want(pong, "a")
		c.send(frame(text, "in"))
		first := wait(t, seen)
		c.send(frame(text, "and in"))
		if last := wait(t, seen); count != nil && (first != 1 || last != 4) || count == nil && last != 4 {
			t.Errorf("%d messages are counted, then %d", first, last)
		}
	}
}
