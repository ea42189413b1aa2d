package peers_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// gorilla/websocket does not check text, unless the application does, and has
// no context takeover: what it is offered of that it declines.
var gorillaPeer = peer{
	name: "gorilla",
	dial: func(t *testing.T, url string, o options) *end {
		d := websocket.Dialer{
			Subprotocols:      o.offered,
			EnableCompression: o.compression != none,
			WriteBufferSize:   gorillaFragment,
			HandshakeTimeout:  patience,
		}
		conn, _, err := d.Dial(url, nil)
		must(t, err)
		return gorillaEnd(t, conn)
	},
	serve: func(t *testing.T, o options) (string, func() *end) {
		u := websocket.Upgrader{
			Subprotocols:      o.spoken,
			EnableCompression: o.compression != none,
			WriteBufferSize:   gorillaFragment,
		}
		return serveGo(t, func(w http.ResponseWriter, r *http.Request) *end {
			conn, err := u.Upgrade(w, r, nil)
			if err != nil {
				t.Error(err)
				return nil
			}
			return gorillaEnd(t, conn)
		})
	},
	lacks: []string{"context takeover of ours", "context takeover of theirs", "bad text of ours"},
}

// gorillaFragment is the size of the fragments that it sends.
const gorillaFragment = 4 << 10

func gorillaEnd(t *testing.T, conn *websocket.Conn) *end {
	e := newEnd()
	e.subprotocol = conn.Subprotocol()
	var writing sync.Mutex
	e.send = func(messageType int, data []byte) error {
		writing.Lock()
		defer writing.Unlock()
		return conn.WriteMessage(messageType, data)
	}
	e.fragments = func(messageType int, parts [][]byte) error {
		writing.Lock()
		defer writing.Unlock()
		w, err := conn.NextWriter(messageType)
		if err != nil {
			return err
		}
		for _, part := range parts {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return w.Close()
	}
	e.ping = func(data []byte) error {
		return conn.WriteControl(websocket.PingMessage, data, time.Now().Add(patience))
	}
	e.close = func(code int, reason string) error {
		return conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(patience))
	}
	conn.SetPongHandler(func(data string) error {
		e.events <- event{what: "pong", data: data}
		return nil
	})
	run(t, func() { conn.Close() }, func() {
		for {
			messageType, p, err := conn.ReadMessage()
			if err != nil {
				closed := event{what: "closed"}
				if c, ok := errors.AsType[*websocket.CloseError](err); ok {
					closed.code, closed.data = c.Code, c.Text
				}
				e.events <- closed
				conn.Close()
				return
			}
			e.tell(messageType, string(p))
		}
	})
	return e
}

// serveGo serves connections on loopback: accept makes the end of each.
func serveGo(t *testing.T, accept func(http.ResponseWriter, *http.Request) *end) (string, func() *end) {
	ends := make(chan *end, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e := accept(w, r); e != nil {
			ends <- e
		}
	}))
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http"), func() *end { return await(t, ends) }
}

// run runs a function until the test is over: stop has to make it return.
func run(t *testing.T, stop, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	t.Cleanup(func() {
		stop()
		await(t, done)
	})
}
