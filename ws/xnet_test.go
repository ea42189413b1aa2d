package ws_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gongular/gongular/ws"
	"golang.org/x/net/websocket"
)

// dialXNet connects x/net's client.
func dialXNet(t *testing.T, url string, protocols ...string) *websocket.Conn {
	t.Helper()
	config, err := websocket.NewConfig("ws"+strings.TrimPrefix(url, "http"), url)
	if err != nil {
		t.Fatal(err)
	}
	config.Protocol = protocols
	c, err := config.DialContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// x/net's client talks to our server.
func TestXNetClient(t *testing.T) {
	s := serve(t, &ws.Upgrader{Subprotocols: []string{"echo"}}, echo)
	c := dialXNet(t, s.URL, "other", "echo")
	if got := fmt.Sprint(c.Config().Protocol); got != "[echo]" {
		t.Errorf("protocol %s", got)
	}
	for _, size := range []int{0, 1, 126, 70_000} {
		want, got := strings.Repeat("x", size), ""
		if err := websocket.Message.Send(c, want); err != nil {
			t.Fatal(err)
		}
		if err := websocket.Message.Receive(c, &got); err != nil || got != want {
			t.Fatalf("got %s, %v", short(got), err)
		}
	}
	type point struct{ X, Y int }
	want, got := point{1, 2}, point{}
	if err := websocket.JSON.Send(c, want); err != nil {
		t.Fatal(err)
	}
	if err := websocket.JSON.Receive(c, &got); err != nil || got != want {
		t.Fatalf("got %v, %v", got, err)
	}
}

// A handler written for x/net runs as it is, behind wrapped writers too.
func TestXNet(t *testing.T) {
	u := &ws.Upgrader{Subprotocols: []string{"b", "a"}}
	h := u.XNet(func(c *websocket.Conn) {
		if got := fmt.Sprint(c.Config().Protocol); got != "[b]" {
			t.Errorf("protocol %s", got)
		}
		if c.RemoteAddr().String() != c.Config().Origin.String() || c.Request().URL.Path != "/socket" {
			t.Errorf("from %v to %v", c.RemoteAddr(), c.Request().URL)
		}
		var v map[string]int
		if err := websocket.JSON.Receive(c, &v); err != nil {
			t.Error(err)
		}
		if err := websocket.JSON.Send(c, v["a"]+1); err != nil {
			t.Error(err)
		}
		io.Copy(c, c)
	})
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Before", "yes")
		h.ServeHTTP(wrapper{w}, r)
	})
	c := dialXNet(t, s.URL+"/socket", "a", "b")
	if err := websocket.JSON.Send(c, map[string]int{"a": 41}); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := websocket.JSON.Receive(c, &n); err != nil || n != 42 {
		t.Fatalf("got %d, %v", n, err)
	}
	var got string
	if err := websocket.Message.Send(c, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := websocket.Message.Receive(c, &got); err != nil || got != "hello" {
		t.Fatalf("got %q, %v", got, err)
	}
}

// The handshake in front of it is ours: header fields, no Origin, lists of
// tokens, bytes that came early.
func TestXNetHandshake(t *testing.T) {
	h := ws.XNet(func(c *websocket.Conn) {
		fmt.Fprintf(c, "%q", c.RemoteAddr())
		io.Copy(c, c)
	})
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Before", "yes")
		h.ServeHTTP(w, r)
	})
	c := connect(t, s)
	header := c.upgrade(handshake("Upgrade: h2c, websocket", "Sec-WebSocket-Protocol: a, b") + string(frame(text, "early")))
	if header.Get("X-Before") != "yes" || header.Get("Sec-WebSocket-Protocol") != "" {
		t.Errorf("header %v", header)
	}
	c.want(text, `""`)
	c.want(text, "early")
}

// What is refused is an ordinary answer, and h is not called.
func TestXNetRefusals(t *testing.T) {
	h := ws.XNet(func(*websocket.Conn) { t.Error("called") })
	s := start(t, h.ServeHTTP)
	for _, test := range refusals {
		if got := connect(t, s).ask(test.request).StatusCode; got != test.status {
			t.Errorf("%s: %d, want %d", test.name, got, test.status)
		}
	}
	s = start(t, func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(opaque{w}, r) })
	if got := connect(t, s).ask(handshake()).StatusCode; got != http.StatusNotImplemented {
		t.Errorf("opaque writer: %d", got)
	}
	s = start(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X"] = []string{"a\r\nY: b"}
		h.ServeHTTP(w, r)
	})
	if got := connect(t, s).ask(handshake()).StatusCode; got != http.StatusInternalServerError {
		t.Errorf("split header: %d", got)
	}
}

func TestXNetReadLimit(t *testing.T) {
	errs := make(chan error, 1)
	u := &ws.Upgrader{ReadLimit: 10}
	s := start(t, u.XNet(func(c *websocket.Conn) {
		var p []byte
		errs <- websocket.Message.Receive(c, &p)
	}).ServeHTTP)
	dial(t, s).send(frame(bin, "01234567890"))
	if err := wait(t, errs); err != websocket.ErrFrameTooLarge {
		t.Errorf("got %v", err)
	}
}
