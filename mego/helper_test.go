package mego_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gongular/gongular/mego"
	"github.com/gongular/gongular/mego/msgpack"
	"github.com/gongular/gongular/ws"
)

// patience is how long a test waits for what does not come.
const patience = 60 * time.Second

// errorLog is where engines report what goes wrong.
var errorLog = new(logBuffer)

func TestMain(m *testing.M) {
	mego.DefaultErrorWriter = errorLog
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
		buf := make([]byte, 1<<20)
		var left []string
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			serves := strings.Contains(stack, "net/http.") || strings.Contains(stack, "/ws.") || strings.Contains(stack, "/mego.")
			if serves && !strings.Contains(stack, "TestMain") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 {
			return ""
		}
		if time.Now().After(end) {
			return strings.Join(left, "\n\n")
		}
	}
}

// A logBuffer keeps what is written to it.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// take returns what was written since the last time.
func (l *logBuffer) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}

// A server is an engine over loopback, or in memory.
type server struct {
	*mego.Engine
	url string
	net func(ctx context.Context, network, address string) (net.Conn, error)
}

// serve serves the engine over loopback until the test is over. Then nothing may
// be left: no session, no file.
func serve(t testing.TB, e *mego.Engine, around ...func(http.Handler) http.Handler) *server {
	t.Helper()
	prepare(t, e)
	var running sync.WaitGroup
	var h http.Handler = e
	for _, wrap := range around {
		h = wrap(h)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Done()
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		s.Close()
		running.Wait()
		if n := e.Len(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
	return &server{Engine: e, url: "ws" + strings.TrimPrefix(s.URL, "http")}
}

// prepare gives the engine a folder for its files, which has to be empty in the
// end.
func prepare(t testing.TB, e *mego.Engine) {
	if e.Option.TempDir == "" {
		e.Option.TempDir = t.TempDir()
	}
	dir := e.Option.TempDir
	t.Cleanup(func() { wantFiles(t, dir, 0) })
}

// wantFiles compares the number of files in dir and its folders.
func wantFiles(t testing.TB, dir string, want int) {
	t.Helper()
	got := files(t, dir)
	if len(got) != want {
		t.Errorf("files %q, want %d", got, want)
	}
	if want == 0 {
		if entries, _ := os.ReadDir(dir); len(entries) > 0 {
			t.Errorf("%v is left", entries)
		}
	}
}

func files(t testing.TB, dir string) []string {
	t.Helper()
	got, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return got
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

// inMemory serves the engine over pipes: for bubbles of synctest.
func inMemory(t testing.TB, e *mego.Engine) *server {
	prepare(t, e)
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: e}
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.Serve(l)
	}()
	t.Cleanup(func() {
		e.Close()
		srv.Close()
		<-done
	})
	return &server{Engine: e, url: "ws://mego/", net: l.dial}
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
	}
}

// m is a map that is sent.
type m = map[string]any

// An answer is what the server sends.
type answer struct {
	V string `msgpack:"v"`
	R any    `msgpack:"r"`
	E struct {
		C int    `msgpack:"c"`
		M string `msgpack:"m"`
		D any    `msgpack:"d"`
	} `msgpack:"e"`
	I int64 `msgpack:"i"`
}

// A client speaks Mego by hand.
type client struct {
	t    testing.TB
	conn *ws.Conn
	last int64
}

// connect makes a connection without a handshake.
func (s *server) connect(t testing.TB, fields ...string) *client {
	t.Helper()
	header := http.Header{}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		header.Add(name, value)
	}
	conn, _, err := ws.Dial(t.Context(), s.url, &ws.DialOptions{
		Header: header, ReadLimit: -1, CloseTimeout: time.Second, NetDial: s.net,
		Proxy: func(*http.Request) (*url.URL, error) { return nil, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	if s.net == nil {
		conn.SetReadDeadline(time.Now().Add(patience))
	}
	return &client{t: t, conn: conn}
}

// id returns a UUID.
func id(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n+1) }

// dial begins the session with that number.
func (s *server) dial(t testing.TB, n int, keys ...m) *client {
	t.Helper()
	c := s.connect(t)
	c.shake(n, keys...)
	return c
}

func (c *client) shake(n int, keys ...m) {
	c.t.Helper()
	p := m{"MegoID": id(n)}
	for _, more := range keys {
		for key, value := range more {
			p[key] = value
		}
	}
	c.send(m{"p": p, "i": 1})
	c.last = 1
	if a := c.read(); a.I != 1 || a.E.C != 0 || a.R != nil || a.V != "" {
		c.t.Fatalf("answer to the handshake: %+v", a)
	}
}

// encode encodes what can be encoded.
func encode(t testing.TB, v any) []byte {
	t.Helper()
	data, err := msgpack.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (c *client) send(v any) {
	c.t.Helper()
	c.sendRaw(encode(c.t, v))
}

func (c *client) sendRaw(data []byte) {
	c.t.Helper()
	if err := c.conn.WriteMessage(ws.BinaryMessage, data); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) read() answer {
	c.t.Helper()
	messageType, data, err := c.conn.ReadMessage()
	if err != nil {
		c.t.Fatal(err)
	}
	if messageType != ws.BinaryMessage {
		c.t.Fatalf("a message of type %d", messageType)
	}
	var a answer
	if err := msgpack.Unmarshal(data, &a); err != nil {
		c.t.Fatal(err)
	}
	return a
}

// ask sends a request with a new number and returns that.
func (c *client) ask(method string, params any, files ...m) int64 {
	c.t.Helper()
	c.last++
	request := m{"m": method, "p": params, "i": c.last}
	for _, f := range files {
		request["f"] = f
	}
	c.send(request)
	return c.last
}

// call sends a request and returns the answer, which has to be the next message.
func (c *client) call(method string, params any, files ...m) answer {
	c.t.Helper()
	i := c.ask(method, params, files...)
	a := c.read()
	if a.I != i {
		c.t.Fatalf("call of %s: got %+v, want an answer to %d", method, a, i)
	}
	return a
}

// want calls and compares the result.
func (c *client) want(result any, method string, params any, files ...m) {
	c.t.Helper()
	a := c.call(method, params, files...)
	if a.E.C != 0 || a.E.M != "" || a.E.D != nil || a.V != "" || fmt.Sprintf("%T %v", a.R, a.R) != fmt.Sprintf("%T %v", result, result) {
		c.t.Fatalf("%s: got %+v, want result %T %v", method, a, result, result)
	}
}

// wantErr calls and compares the error.
func (c *client) wantErr(code int, message string, method string, params any, files ...m) answer {
	c.t.Helper()
	a := c.call(method, params, files...)
	a.wantErr(c.t, code, message)
	return a
}

func (a answer) wantErr(t testing.TB, code int, message string) {
	t.Helper()
	if a.E.C != code || a.E.M != message || a.R != nil || a.V != "" {
		t.Fatalf("got %+v, want error %d %q", a, code, message)
	}
}

// wantEvent reads an event.
func (c *client) wantEvent(name string, payload any) {
	c.t.Helper()
	a := c.read()
	if a.V != name || a.I != 0 || a.E.C != 0 || fmt.Sprint(a.R) != fmt.Sprint(payload) {
		c.t.Fatalf("got %+v, want event %s %v", a, name, payload)
	}
}

// alive sees that the session goes on, and that nothing else comes before.
func (c *client) alive() {
	c.t.Helper()
	c.wantErr(mego.StatusUnimplemented, "mego: the method is not implemented", "is there somebody", nil)
}

// wantClose reads the server's close frame.
func (c *client) wantClose(code int, reason string) {
	c.t.Helper()
	_, data, err := c.conn.ReadMessage()
	e, ok := errors.AsType[*ws.CloseError](err)
	if !ok || e.Code != code || e.Text != reason {
		c.t.Fatalf("got %x, %v, want close %d %q", data, err, code, reason)
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

// mustPanic calls f and compares what it panics with.
func mustPanic(t testing.TB, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); got != want {
			t.Errorf("panic with %q, want %q", got, want)
		}
	}()
	f()
}
