package gongular_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/ws"
)

// echoSocket answers each message by itself, and says when Handle has returned.
type echoSocket struct {
	Ended chan<- error `inject:"ended"`
}

func (*echoSocket) Before(*gongular.Context) (http.Header, error) { return nil, nil }

func (h *echoSocket) Handle(conn *ws.Conn) {
	for {
		messageType, p, err := conn.ReadMessage()
		if err != nil {
			h.Ended <- err
			return
		}
		conn.WriteMessage(messageType, p)
	}
}

// deafSocket does not read: it waits for the end of the connection.
type deafSocket struct {
	Ended chan<- error `inject:"ended"`
}

func (*deafSocket) Before(*gongular.Context) (http.Header, error) { return nil, nil }

func (h *deafSocket) Handle(conn *ws.Conn) {
	<-conn.Done()
	h.Ended <- nil
}

// slowSocket is held up before its handshake is answered.
type slowSocket struct {
	Waiting chan<- bool  `inject:"waiting"`
	Proceed <-chan bool  `inject:"proceed"`
	Ended   chan<- error `inject:"ended"`
}

func (h *slowSocket) Before(*gongular.Context) (http.Header, error) {
	h.Waiting <- true
	<-h.Proceed
	return nil, nil
}

func (h *slowSocket) Handle(conn *ws.Conn) { h.Ended <- errors.New("it was handled") }

type sessionServer struct {
	*gongular.Engine
	ended   chan error
	waiting chan bool
	proceed chan bool
	stats   chan gongular.RouteStat
}

func newSessionServer(options gongular.Options) *sessionServer {
	options.Logger = silent
	s := &sessionServer{gongular.NewEngine(options), make(chan error, 4), make(chan bool), make(chan bool), make(chan gongular.RouteStat, 16)}
	s.SetRouteCallback(func(stat gongular.RouteStat) { s.stats <- stat })
	s.ProvideWithKey("ended", (chan<- error)(s.ended))
	s.ProvideWithKey("waiting", (chan<- bool)(s.waiting))
	s.ProvideWithKey("proceed", (<-chan bool)(s.proceed))
	s.WS("/echo", &echoSocket{})
	s.Group("/group").WS("/deaf", &deafSocket{})
	s.WS("/slow", &slowSocket{})
	return s
}

func dialSocket(t *testing.T, ctx context.Context, addr, path string, options *ws.DialOptions) *ws.Conn {
	t.Helper()
	conn, _, err := ws.Dial(ctx, "ws://"+addr+path, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return conn
}

// The end of Serve's context tells sessions 1001, waits for their handlers, and
// the callback is told what each has done.
func TestServeEndsSessions(t *testing.T) {
	s := newSessionServer(gongular.Options{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- s.ServeListener(ctx, ln) }()

	echo := dialSocket(t, t.Context(), ln.Addr().String(), "/echo", nil)
	deaf := dialSocket(t, t.Context(), ln.Addr().String(), "/group/deaf", nil)
	if err := echo.WriteMessage(ws.TextMessage, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, p, err := echo.ReadMessage(); string(p) != "hello" || err != nil {
		t.Fatalf("received %q, %v", p, err)
	}
	stop()
	for _, conn := range []*ws.Conn{echo, deaf} {
		if _, _, err := conn.ReadMessage(); !ws.IsCloseError(err, ws.CloseGoingAway) {
			t.Errorf("reading ended with %v", err)
		}
		conn.Close()
	}
	if err := <-served; err != nil {
		t.Errorf("Serve returned %v", err)
	}
	if len(s.ended) != 2 || len(s.stats) != 2 {
		t.Fatalf("%d handlers had returned, %d were told of", len(s.ended), len(s.stats))
	}
	for range 2 {
		stat := <-s.stats
		got := stat.Session
		if got == nil || got.CloseCode != ws.CloseGoingAway || got.ClosedByPeer || got.Duration <= 0 {
			t.Fatalf("%s: %+v", stat.MatchedPath, got)
		}
		if stat.MatchedPath == "/echo" && (got.MessagesRead != 1 || got.MessagesWritten != 1 || got.BytesRead != 5 || got.BytesWritten != 5) {
			t.Errorf("%+v", got)
		}
	}
}

// When Serve returns, the callback has returned too, however long it took.
func TestServeWaitsForCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessionServer(gongular.Options{})
		told := false
		s.SetRouteCallback(func(gongular.RouteStat) {
			time.Sleep(time.Second)
			told = true
		})
		l := newPipe()
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error)
		go func() { served <- s.ServeListener(ctx, l) }()
		conn := dialSocket(t, t.Context(), "pipe", "/echo", &ws.DialOptions{NetDial: l.dial})
		go func() {
			conn.ReadMessage()
			conn.Close()
		}()
		stop()
		if err := <-served; err != nil || !told {
			t.Errorf("Serve returned %v, the callback was told: %v", err, told)
		}
		<-s.ended
	})
}

// A session that does not end in time is cut, and Serve says so.
func TestServeCutsSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessionServer(gongular.Options{ShutdownTimeout: time.Second})
		l := newPipe()
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error)
		go func() { served <- s.ServeListener(ctx, l) }()
		// The client never reads, and so never answers.
		dialSocket(t, t.Context(), "pipe", "/echo", &ws.DialOptions{NetDial: l.dial})
		synctest.Wait()
		began := time.Now()
		stop()
		err := <-served
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %v", took)
		}
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "gongular: 1 WebSocket sessions were still open") {
			t.Errorf("Serve returned %v", err)
		}
		<-s.ended
	})
}

// A handshake that is under way when the server is stopped is refused, and no
// session is left behind.
func TestShutdownRefusesHandshakes(t *testing.T) {
	s := newSessionServer(gongular.Options{})
	server := start(t, s)
	addr := server.Listener.Addr().String()
	answer := make(chan error)
	go func() {
		conn, _, err := ws.Dial(t.Context(), "ws://"+addr+"/slow", nil)
		if err == nil {
			conn.CloseNow()
		}
		answer <- err
	}()
	<-s.waiting
	echo := dialSocket(t, t.Context(), addr, "/echo", nil)
	stopped := make(chan error)
	go func() { stopped <- s.Shutdown(t.Context()) }()
	if _, _, err := echo.ReadMessage(); !ws.IsCloseError(err, ws.CloseGoingAway) {
		t.Errorf("reading ended with %v", err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Shutdown returned %v", err)
	}
	close(s.proceed)
	if err := <-answer; err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("the handshake: %v", err)
	}
	if _, res, err := ws.Dial(t.Context(), "ws://"+addr+"/echo", nil); err == nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a late handshake: %v", err)
	}
	if err := <-s.ended; !ws.IsCloseError(err, ws.CloseGoingAway) {
		t.Errorf("Handle ended with %v", err)
	}
}

// Of two servers of one engine, the one that stops ends its own sessions only.
func TestServeEndsItsOwnSessions(t *testing.T) {
	s := newSessionServer(gongular.Options{})
	var addrs []string
	var stops []context.CancelFunc
	served := make(chan error, 2)
	for range 2 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		addrs, stops = append(addrs, ln.Addr().String()), append(stops, stop)
		go func() { served <- s.ServeListener(ctx, ln) }()
	}
	first := dialSocket(t, t.Context(), addrs[0], "/echo", nil)
	second := dialSocket(t, t.Context(), addrs[1], "/echo", nil)
	stops[0]()
	if _, _, err := first.ReadMessage(); !ws.IsCloseError(err, ws.CloseGoingAway) {
		t.Errorf("reading ended with %v", err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if err := second.WriteMessage(ws.TextMessage, []byte("still here")); err != nil {
		t.Fatal(err)
	}
	if _, p, err := second.ReadMessage(); string(p) != "still here" || err != nil {
		t.Errorf("received %q, %v", p, err)
	}
	second.Close()
	stops[1]()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// The engine, a group and a route have upgraders of their own.
func TestUpgrader(t *testing.T) {
	s := newSessionServer(gongular.Options{Upgrader: &ws.Upgrader{Subprotocols: []string{"one"}}})
	s.Group("/two").With(gongular.Options{Upgrader: &ws.Upgrader{Subprotocols: []string{"two"}}}).WS("/echo", &echoSocket{})
	s.WS("/pages", &echoSocket{}).With(gongular.Options{Upgrader: &ws.Upgrader{Origins: []string{"https://app.example.com"}}})
	addr := start(t, s).Listener.Addr().String()
	for path, want := range map[string]string{"/echo": "one", "/two/echo": "two", "/pages": ""} {
		conn := dialSocket(t, t.Context(), addr, path, &ws.DialOptions{Subprotocols: []string{"two", "one"}})
		if got := conn.Subprotocol(); got != want {
			t.Errorf("%s: subprotocol %q, want %q", path, got, want)
		}
		conn.Close()
		<-s.ended
	}
	for origin, want := range map[string]int{"https://app.example.com": 101, "https://evil.example.com": 403} {
		conn, res, err := ws.Dial(t.Context(), "ws://"+addr+"/pages", &ws.DialOptions{Header: http.Header{"Origin": {origin}}})
		if res == nil || res.StatusCode != want {
			t.Errorf("from %s: %v", origin, err)
		}
		if err == nil {
			conn.Close()
			<-s.ended
		}
	}
}
