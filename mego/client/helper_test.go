package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gongular/gongular/mego"
	"github.com/gongular/gongular/mego/client"
	"github.com/gongular/gongular/mego/internal/wire"
	"github.com/gongular/gongular/mego/msgpack"
	"github.com/gongular/gongular/ws"
)

// patience is how long a test waits for what does not come.
const patience = 60 * time.Second

func TestMain(m *testing.M) {
	mego.DefaultErrorWriter = io.Discard
	mego.DefaultWriter = io.Discard
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if left := leftover(); left != "" && code == 0 {
		fmt.Fprintf(os.Stderr, "goroutines are left behind:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leftover returns the stacks of goroutines that serve, once none of them ends
// any more.
func leftover() string {
	for end := time.Now().Add(patience); ; runtime.Gosched() {
		left := goroutines("net/http.", "/ws.", "/mego.", "/mego/client.")
		if left == "" || time.Now().After(end) {
			return left
		}
	}
}

// goroutines returns the stacks in which one of the packages is.
func goroutines(packages ...string) string {
	buf := make([]byte, 1<<20)
	var found []string
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		for _, p := range packages {
			if strings.Contains(stack, p) && !strings.Contains(stack, "TestMain") {
				found = append(found, stack)
				break
			}
		}
	}
	return strings.Join(found, "\n\n")
}

// A server is where clients connect to: over loopback, or in memory.
type server struct {
	url string
	net func(ctx context.Context, network, address string) (net.Conn, error)
}

// serve serves the engine over loopback until the test is over.
func serve(t testing.TB, e *mego.Engine) *server {
	t.Helper()
	return serveHandler(t, engine(t, e))
}

// engine prepares an engine.
func engine(t testing.TB, e *mego.Engine) *mego.Engine {
	if e.Option.TempDir == "" {
		e.Option.TempDir = t.TempDir()
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return e
}

func serveHandler(t testing.TB, h http.Handler) *server {
	var running sync.WaitGroup
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Done()
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		if e, ok := h.(*mego.Engine); ok {
			e.Close()
		}
		s.Close()
		running.Wait()
	})
	return &server{url: "ws" + strings.TrimPrefix(s.URL, "http")}
}

// inMemory serves over pipes: for bubbles of synctest.
func inMemory(t testing.TB, h http.Handler) *server {
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.Serve(l)
	}()
	t.Cleanup(func() {
		if e, ok := h.(*mego.Engine); ok {
			e.Close()
		}
		srv.Close()
		<-done
	})
	return &server{url: "ws://mego/", net: l.dial}
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "mego", Net: "unix"} }

func (l *pipeListener) dial(ctx context.Context, network, address string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// client returns a client that is not connected, and is closed after the test.
func (s *server) client(t testing.TB) *client.Client {
	c := client.New(s.url)
	c.Dial = &ws.DialOptions{NetDial: s.net, Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }}
	if s.net == nil { // where time is not a bubble's, the machine may be busy
		c.Option.Timeout, c.Option.UploadTimeout = patience, patience
		c.Dial.CloseTimeout, c.Dial.PingInterval = patience, -1
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// connect returns a client that is connected.
func (s *server) connect(t testing.TB) *client.Client {
	t.Helper()
	c := s.client(t)
	must(t, c.Connect())
	return c
}

// A script is what a server does that is not an engine, with a connection.
type script func(p *peer)

// A peer is a client's connection, for a script.
type peer struct {
	t    testing.TB
	conn *ws.Conn
}

// scripted returns a handler that runs the script, after it has answered the
// handshake.
func scripted(t testing.TB, s script) http.Handler {
	return unanswered(t, func(p *peer) {
		if r, ok := p.read(); ok {
			p.reply(r, nil)
			s(p)
		}
	})
}

// unanswered returns a handler that runs the script with all there is.
func unanswered(t testing.TB, s script) http.Handler {
	u := &ws.Upgrader{ReadLimit: -1}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := u.Upgrade(w, r, nil)
		if err != nil {
			return // the client has given up
		}
		defer conn.Close()
		s(&peer{t, conn})
	})
}

// read returns the next request, and false if there is none.
func (p *peer) read() (wire.Request, bool) {
	_, message, err := p.conn.ReadMessage()
	if err != nil {
		return wire.Request{}, false
	}
	r, err := wire.ParseRequest(message)
	if err != nil {
		p.t.Errorf("the client sent %x: %v", message, err)
	}
	return r, true
}

// drain reads until the client is gone.
func (p *peer) drain() {
	for {
		if _, ok := p.read(); !ok {
			return
		}
	}
}

func (p *peer) send(message []byte) { p.conn.WriteMessage(ws.BinaryMessage, message) }

func (p *peer) respond(r wire.Response) { p.send(wire.AppendResponse(nil, r)) }

func (p *peer) reply(r wire.Request, result any) {
	p.respond(wire.Response{ID: r.ID, Result: encode(p.t, result)})
}

func (p *peer) event(name string, v any) {
	p.respond(wire.Response{Event: name, Result: encode(p.t, v)})
}

func encode(t testing.TB, v any) []byte {
	data, err := msgpack.Marshal(v)
	if err != nil {
		t.Error(err)
	}
	return data
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want compares an error with the one that is meant, or with its text.
func want(t testing.TB, err error, target error, text string) {
	t.Helper()
	if target != nil && !errors.Is(err, target) || text != "" && (err == nil || err.Error() != text) || target == nil && text == "" && err != nil {
		t.Fatalf("got error %v, want %v %q", err, target, text)
	}
}

// wantError compares an error with one of the server's.
func wantError(t testing.TB, err error, code int, message string) {
	t.Helper()
	e, ok := errors.AsType[client.Error](err)
	if !ok || e.Code != code || e.Message != message || err.Error() != message {
		t.Fatalf("got error %v, want %d %q", err, code, message)
	}
}

// wait returns what the channel has for the test in the end.
func wait[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing happens")
		panic("unreachable")
	}
}

// eventually waits until f reports true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("it never came that %s", what)
		}
	}
}

// events has the events of those names sent to a channel, as "name data".
func events(c *client.Client, names ...string) <-chan string {
	seen := make(chan string, 1<<13)
	for _, name := range names {
		c.On(name, func(e *client.Event) {
			var v any
			if err := e.Bind(&v); err != nil {
				seen <- err.Error()
				return
			}
			seen <- fmt.Sprint(e.Name, " ", v)
		})
	}
	return seen
}

// wantNext compares what comes next.
func wantNext(t testing.TB, seen <-chan string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if got := wait(t, seen); got != text {
			t.Fatalf("got %q, want %q", got, text)
		}
	}
}
