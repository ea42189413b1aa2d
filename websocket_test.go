package gongular_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/websocket"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/ws"
)

type wsTest struct {
	Param struct {
		UserID int
	}
	Query struct {
		Track    bool
		Username string `valid:"alpha"`
		Before   string
	}
	Store   *benchStore
	started string
}

func (w *wsTest) Before(c *gongular.Context) (http.Header, error) {
	switch w.Query.Before {
	case "error":
		return nil, errors.New("no")
	case "status":
		return nil, gongular.Error(403, "not you")
	case "fail":
		c.Fail(402, "pay first")
	case "stop":
		c.SetBody("stopped")
		c.StopChain()
	case "finalize":
		c.SetBody("finalized")
		c.Finalize()
	case "panic":
		panic("x")
	}
	w.started = "yes"
	c.Header("X-Context", "1")
	return http.Header{"Set-Cookie": {"a=1", "b=2"}}, nil
}

func (w *wsTest) Handle(conn *ws.Conn) {
	_, msg, err := conn.ReadMessage()
	if err != nil {
		return
	}
	if string(msg) == "panic" {
		panic("in Handle")
	}
	toSend := fmt.Sprintf("%s:%d:%s:%t:%d:%s", msg, w.Param.UserID, w.Query.Username, w.Query.Track, w.Store.n, w.started)
	conn.WriteMessage(ws.TextMessage, []byte(toSend))
}

func wsEngine(t *testing.T) (*gongular.Engine, chan gongular.RouteStat) {
	e := gongular.NewEngine(gongular.Options{Logger: silent})
	stats := make(chan gongular.RouteStat, 1)
	e.SetRouteCallback(func(s gongular.RouteStat) { stats <- s })
	e.Provide(&benchStore{n: 7})
	e.GetWSRouter().Handle("/ws/:UserID", &wsTest{})
	if err := e.Check(); err != nil {
		t.Fatal(err)
	}
	return e, stats
}

// A WebSocket handler is filled like any other, has the connection, and is told
// of by the callback when it has returned.
func TestWebsocket(t *testing.T) {
	e, stats := wsEngine(t)
	s := start(t, e)
	conn, err := websocket.Dial("ws"+strings.TrimPrefix(s.URL, "http")+"/ws/5?Track=yes&Username=ada", "", s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := websocket.Message.Send(conn, "hi"); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := websocket.Message.Receive(conn, &got); err != nil || got != "hi:5:ada:true:7:yes" {
		t.Errorf("received %q, %v", got, err)
	}
	if err := websocket.Message.Receive(conn, &got); err == nil {
		t.Errorf("received %q after Handle returned", got)
	}
	conn.Close()
	stat := <-stats
	if stat.MatchedPath != "/ws/:UserID" || stat.ResponseCode != 101 || len(stat.Handlers) != 1 || stat.Handlers[0].FuncName != "*gongular_test.wsTest" {
		t.Errorf("the callback was told %+v", stat)
	}
}

// handshake asks for an upgrade by hand.
func handshake(t *testing.T, addr, target string, header ...string) (*http.Response, net.Conn, *bufio.Reader) {
	t.Helper()
	conn, r := raw(t, addr)
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", target, addr)
	for i := 0; i < len(header); i += 2 {
		fmt.Fprintf(conn, "%s: %s\r\n", header[i], header[i+1])
	}
	fmt.Fprint(conn, "\r\n")
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return res, conn, r
}

// What refuses a connection is answered as ordinary HTTP, before the upgrade.
func TestWebsocketRefused(t *testing.T) {
	e, stats := wsEngine(t)
	s := start(t, e)
	addr := s.Listener.Addr().String()
	for _, test := range []struct {
		name, target string
		header       []string
		status       int
		want         string
	}{
		{"a bad parameter", "/ws/x", nil, 400, parseErr("URL Path Parameter", "UserID", `"x" is not an integer`)},
		{"a rule", "/ws/1?Username=5", nil, 400, validationErr("Query Parameter", "Username", "5 does not validate as alpha")},
		{"an error", "/ws/1?Before=error", nil, 500, `"no"`},
		{"an error with a status", "/ws/1?Before=status", nil, 403, `"not you"`},
		{"Fail", "/ws/1?Before=fail", nil, 402, `"pay first"`},
		{"StopChain", "/ws/1?Before=stop", nil, 200, `"stopped"`},
		{"Finalize", "/ws/1?Before=finalize", nil, 200, `"finalized"`},
		{"a panic", "/ws/1?Before=panic", nil, 500, `"internal server error"`},
		{"another origin", "/ws/1", []string{"Origin", "http://evil.example"}, 403, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			res, _, _ := handshake(t, addr, test.target, test.header...)
			got := body(t, res)
			if res.StatusCode != test.status || test.want != "" && got != test.want {
				t.Errorf("%d %s, want %d %s", res.StatusCode, got, test.status, test.want)
			}
			if stat := <-stats; stat.ResponseCode != test.status {
				t.Errorf("the callback was told %d", stat.ResponseCode)
			}
		})
	}
	res, err := s.Client().Get(s.URL + "/ws/1")
	if err != nil {
		t.Fatal(err)
	}
	if body(t, res); res.StatusCode != 426 || res.Header.Get("Upgrade") != "websocket" {
		t.Errorf("without a handshake: %d %v", res.StatusCode, res.Header)
	}
	<-stats
}

// Headers of the context and of Before's result are both part of the upgrade.
func TestWebsocketHeaders(t *testing.T) {
	e, stats := wsEngine(t)
	s := start(t, e)
	res, conn, _ := handshake(t, s.Listener.Addr().String(), "/ws/1", "Origin", s.URL)
	if res.StatusCode != 101 || res.Header.Get("X-Context") != "1" || len(res.Header["Set-Cookie"]) != 2 {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	conn.Close()
	<-stats
}

// A panic in Handle closes the connection with 1011.
func TestWebsocketPanic(t *testing.T) {
	e, stats := wsEngine(t)
	s := start(t, e)
	res, conn, r := handshake(t, s.Listener.Addr().String(), "/ws/1")
	if res.StatusCode != 101 {
		t.Fatal(res.Status)
	}
	conn.Write(append([]byte{0x81, 0x80 | 5, 0, 0, 0, 0}, "panic"...)) // masked with zeros
	var frame [4]byte
	for i := range frame {
		b, err := r.ReadByte()
		if err != nil {
			t.Fatal(err)
		}
		frame[i] = b
	}
	if frame[0] != 0x88 || int(frame[2])<<8|int(frame[3]) != ws.CloseInternalServerErr {
		t.Errorf("the frame begins with % x", frame)
	}
	conn.Close()
	if stat := <-stats; stat.ResponseCode != 101 {
		t.Errorf("the callback was told %d", stat.ResponseCode)
	}
}

// Wrong set-up of WebSocket routes is found like any other.
func TestWebsocketSetup(t *testing.T) {
	e := gongular.NewEngine()
	for name, register := range map[string]func(){
		"a nil handler":              func() { e.GetWSRouter().Handle("/a", nil) },
		"Body: a GET request has no": func() { e.GetWSRouter().Handle("/b", &wsBody{}) },
		"Form: a GET request has no": func() { e.GetWSRouter().Handle("/c", &wsForm{}) },
		"no wildcard \"UserID\"":     func() { e.GetWSRouter().Handle("/d", &wsTest{}) },
	} {
		if text := mustPanic(t, register); !strings.Contains(text, name) || !strings.HasPrefix(text, "gongular: websocket_test.go:") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

type wsBody struct {
	Body struct{ A int }
}

func (*wsBody) Before(*gongular.Context) (http.Header, error) { return nil, nil }
func (*wsBody) Handle(*ws.Conn)                               {}

type wsForm struct {
	Form struct{ A int }
}

func (*wsForm) Before(*gongular.Context) (http.Header, error) { return nil, nil }
func (*wsForm) Handle(*ws.Conn)                               {}

var (
	_ gongular.WebsocketHandler = (*wsTest)(nil)
	_ interface {
		Handle(path string, handler gongular.WebsocketHandler) *gongular.Route
	} = (*gongular.WSRouter)(nil)
)
