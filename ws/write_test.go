package ws_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/ws"
)

func TestWrite(t *testing.T) {
	big := strings.Repeat("x", 1<<17)
	for _, test := range []struct {
		name    string
		write   func(*ws.Conn) error
		want    string // what is sent
		wantErr string
	}{
		{"text", func(c *ws.Conn) error { return c.WriteMessage(ws.TextMessage, []byte("hi")) }, "\x81\x02hi", ""},
		{"nothing", func(c *ws.Conn) error { return c.WriteMessage(ws.BinaryMessage, nil) }, "\x82\x00", ""},
		{"126", func(c *ws.Conn) error { return c.WriteMessage(ws.BinaryMessage, []byte(big[:126])) }, "\x82\x7e\x00\x7e" + big[:126], ""},
		{"65535", func(c *ws.Conn) error { return c.WriteMessage(ws.BinaryMessage, []byte(big[:65535])) }, "\x82\x7e\xff\xff" + big[:65535], ""},
		{"65536", func(c *ws.Conn) error { return c.WriteMessage(ws.BinaryMessage, []byte(big[:65536])) },
			"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + big[:65536], ""},
		{"131072", func(c *ws.Conn) error { return c.WriteMessage(ws.BinaryMessage, []byte(big)) },
			"\x82\x7f\x00\x00\x00\x00\x00\x02\x00\x00" + big, ""},
		{"ping as a message", func(c *ws.Conn) error { return c.WriteMessage(ws.PingMessage, []byte("p")) }, "\x89\x01p", ""},
		{"close as a message", func(c *ws.Conn) error {
			return c.WriteMessage(ws.CloseMessage, ws.FormatCloseMessage(ws.CloseNormalClosure, ""))
		}, "\x88\x02\x03\xe8", ""},
		{"pong", func(c *ws.Conn) error { return c.WriteControl(ws.PongMessage, []byte("p"), time.Time{}) }, "\x8a\x01p", ""},
		{"JSON", func(c *ws.Conn) error { return c.WriteJSON(map[string]int{"a": 1}) }, "\x81\x07{\"a\":1}", ""},
		{"no JSON", func(c *ws.Conn) error { return c.WriteJSON(func() {}) }, "", "websocket: json: unsupported type: func()"},
		{"type 0", func(c *ws.Conn) error { return c.WriteMessage(0, nil) }, "", "websocket: cannot write messages of type 0"},
		{"type 3", func(c *ws.Conn) error { return c.WriteMessage(3, nil) }, "", "websocket: cannot write messages of type 3"},
		{"text as control", func(c *ws.Conn) error { return c.WriteControl(ws.TextMessage, nil, time.Time{}) }, "", "websocket: cannot write messages of type 1"},
		{"long ping", func(c *ws.Conn) error { return c.WriteMessage(ws.PingMessage, make([]byte, 126)) }, "", "websocket: control frame of 126 bytes, the most is 125"},
		{"half a code", func(c *ws.Conn) error { return c.WriteMessage(ws.CloseMessage, []byte{3}) }, "", "websocket: cannot send this close frame: half a close code"},
		{"WriteClose", func(c *ws.Conn) error { return c.WriteClose(4000, "why") }, "\x88\x05\x0f\xa0why", ""},
		{"WriteClose without code", func(c *ws.Conn) error { return c.WriteClose(ws.CloseNoStatusReceived, "lost") }, "\x88\x00", ""},
		{"WriteClose, bad code", func(c *ws.Conn) error { return c.WriteClose(ws.CloseAbnormalClosure, "") }, "", "websocket: cannot send this close frame: close code 1006"},
		{"WriteClose, huge code", func(c *ws.Conn) error { return c.WriteClose(1<<16+1000, "") }, "", "websocket: cannot send this close frame: close code 66536"},
		{"WriteClose, long", func(c *ws.Conn) error { return c.WriteClose(1000, big) }, "\x88\x7d\x03\xe8" + big[:123], ""},
		{"WriteClose, cut at a character", func(c *ws.Conn) error { return c.WriteClose(1000, big[:122]+"ü") }, "\x88\x7c\x03\xe8" + big[:122], ""},
		{"WriteClose, not cut", func(c *ws.Conn) error { return c.WriteClose(1000, big[:121]+"ü") }, "\x88\x7d\x03\xe8" + big[:121] + "ü", ""},
		{"WriteClose, not UTF-8", func(c *ws.Conn) error { return c.WriteClose(1000, "a\xff") }, "\x88\x06\x03\xe8a\uFFFD", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out script
			conn := ws.NewConn(&out, nil)
			if got := textOf(test.write(conn)); got != test.wantErr {
				t.Errorf("got error %q, want %q", got, test.wantErr)
			}
			if out.out.String() != test.want {
				t.Errorf("sent %s, want %s", short(out.out.String()), short(test.want))
			}
		})
	}
}

// After a close frame nothing is sent, whoever sent it.
func TestCloseSent(t *testing.T) {
	var out script
	conn := ws.NewConn(&out, nil)
	if err := conn.WriteClose(ws.CloseGoingAway, ""); err != nil {
		t.Fatal(err)
	}
	sent := out.out.Len()
	for name, err := range map[string]error{
		"WriteMessage": conn.WriteMessage(ws.TextMessage, nil),
		"WriteControl": conn.WriteControl(ws.PingMessage, nil, time.Time{}),
		"WriteJSON":    conn.WriteJSON(1),
		"WriteClose":   conn.WriteClose(ws.CloseNormalClosure, ""),
	} {
		if !errors.Is(err, ws.ErrCloseSent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if out.out.Len() != sent {
		t.Errorf("sent %q", out.out.Bytes())
	}
}

// Frames of many goroutines come whole, each one once.
func TestConcurrentWriters(t *testing.T) {
	const writers, messages = 8, 40
	payload := func(writer, i int) string {
		return fmt.Sprintf("%d/%d/%s", writer, i, strings.Repeat("x", writer*i*300)) // up to 84,000 bytes
	}
	s := serve(t, new(ws.Upgrader), func(conn *ws.Conn) {
		done := make(chan bool)
		for writer := range writers {
			go func() {
				defer func() { done <- true }()
				for i := range messages {
					err := errors.Join(
						conn.SetWriteDeadline(time.Now().Add(patience)),
						conn.WriteMessage(ws.BinaryMessage, []byte(payload(writer, i))),
						conn.WriteControl(ws.PingMessage, []byte("p"), time.Now().Add(patience)))
					if err != nil {
						t.Error(err)
					}
				}
			}()
		}
		for range writers {
			<-done
		}
	})
	c := dial(t, s)
	var next [writers]int
	for range 2 * writers * messages {
		first, got := c.read()
		if first == ping && got == "p" {
			continue
		}
		var writer, i int
		fmt.Sscanf(got, "%d/%d/", &writer, &i)
		if first != bin || got != payload(writer, i) || next[writer] != i {
			t.Fatalf("got frame %#x %s", first, short(got))
		}
		next[writer]++
	}
	c.wantClose(ws.CloseNormalClosure)
}

// A message that cannot be sent in time fails, also while it waits for another
// one; one that was cut is the last.
func TestWriteDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		conn := ws.NewConn(server, nil)
		defer client.Close()
		defer conn.CloseNow()

		conn.SetWriteDeadline(time.Now().Add(time.Minute))
		cut := make(chan error)
		go func() { cut <- conn.WriteMessage(ws.TextMessage, []byte("hello")) }()
		synctest.Wait()
		if err := conn.WriteControl(ws.PingMessage, nil, time.Now().Add(time.Second)); !isTimeout(err) {
			t.Errorf("ping behind a message: %v", err)
		}
		client.Read(make([]byte, 3)) // and no more
		first := <-cut
		conn.SetWriteDeadline(time.Time{})
		if second := conn.WriteMessage(ws.TextMessage, nil); !isTimeout(first) || second != first {
			t.Errorf("got %v, then %v", first, second)
		}
	})
}

// A frame of which nothing was sent may be sent later.
func TestWriteAfterTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		conn := ws.NewConn(server, nil)
		defer client.Close()
		defer conn.CloseNow()

		if err := conn.WriteControl(ws.PingMessage, nil, time.Now().Add(time.Second)); !isTimeout(err) {
			t.Errorf("nobody reads: %v", err)
		}
		go conn.WriteMessage(ws.TextMessage, []byte("a"))
		c := newClient(t, client)
		c.want(text, "a")
	})
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}
