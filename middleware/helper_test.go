package middleware_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
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
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/middleware"
	"github.com/gongular/gongular/ws"
)

// patience is how long a test waits for what is bound to happen.
const patience = 30 * time.Second

// The tests fail if a goroutine is left behind.
func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if left := leftover(patience); left != "" && code == 0 {
		fmt.Fprintf(os.Stderr, "goroutines are left behind:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leftover returns the stacks of goroutines that serve, ask or belong to the
// package, once none of them ends any more.
func leftover(wait time.Duration) string {
	for end := time.Now().Add(wait); ; runtime.Gosched() {
		buf := make([]byte, 1<<20)
		var left []string
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			ours := strings.Contains(stack, "net/http.") || strings.Contains(stack, "/gongular/")
			if ours && !strings.Contains(stack, "TestMain") {
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

// start serves h over loopback until the test is over, and then waits for it.
// Its log is silent: what is meant to go wrong need not be read.
func start(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	return startServer(t, h, (*httptest.Server).Start)
}

// startHTTP2 serves h over TLS and HTTP/2.
func startHTTP2(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	return startServer(t, h, func(s *httptest.Server) {
		s.EnableHTTP2 = true
		s.StartTLS()
	})
}

func startServer(t testing.TB, h http.Handler, begin func(*httptest.Server)) *httptest.Server {
	t.Helper()
	var running sync.WaitGroup
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Done()
		h.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	begin(s)
	t.Cleanup(func() {
		s.Close()
		running.Wait()
	})
	return s
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

// mustPanic returns the text of f's panic.
func mustPanic(t testing.TB, f func()) (text string) {
	t.Helper()
	defer func() {
		value := recover()
		if value == nil {
			t.Helper()
			t.Fatal("it did not panic")
		}
		text = fmt.Sprint(value)
	}()
	f()
	return ""
}

// request makes a request for a handler that is called without a connection,
// with header fields in the form "Name: value", which may be repeated.
func request(method, target string, fields ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	addFields(r.Header, fields)
	return r
}

func addFields(h http.Header, fields []string) {
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		h.Add(name, value)
	}
}

// upgradeFields are those of an opening handshake.
var upgradeFields = []string{
	"Connection: Upgrade",
	"Upgrade: websocket",
	"Sec-WebSocket-Version: 13",
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
}

// upgrade makes an upgrade request for a handler that is called without a connection.
func upgrade(target string, fields ...string) *http.Request {
	return request("GET", target, append(upgradeFields[:len(upgradeFields):len(upgradeFields)], fields...)...)
}

// do serves one request without a connection.
func do(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// wantRefusal checks that the answer is a refusal in its usual form.
func wantRefusal(t testing.TB, w *httptest.ResponseRecorder, status int, text string) {
	t.Helper()
	if w.Code != status || w.Body.String() != `{"error":"`+text+`"}`+"\n" {
		t.Errorf("answered %d %q, want %d %q", w.Code, w.Body, status, text)
	}
	for name, want := range map[string]string{
		"Content-Type":           "application/json; charset=utf-8",
		"Cache-Control":          "no-store",
		"X-Content-Type-Options": "nosniff",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("the refusal has %s %q, want %q", name, got, want)
		}
	}
}

// fine answers 200 "fine".
var fine = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "fine") })

// never fails the test when it is called.
func never(t testing.TB) http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the next handler was called") })
}

// A trial is what one has to know of a middleware to see whether all kinds of
// handlers work behind it.
type trial struct {
	fields   []string // header fields that it lets a request through with, "Name: value"
	query    string   // the query that it wants, "k=v"
	seesBody bool     // it has to see the body, so that there is no sendfile
	quiet    bool     // it answers a panic, where otherwise the connection breaks
}

// everywhere checks that all kinds of handlers work behind m as they do without.
func everywhere(t *testing.T, m middleware.Middleware, fields ...string) {
	t.Helper()
	trial{fields: fields}.run(t, m)
}

// run serves, behind the middleware and over HTTP/1.1 and HTTP/2: an answer, a
// stream, a download, a WebSocket, a panic, a client that goes away.
func (tr trial) run(t *testing.T, m middleware.Middleware) {
	t.Helper()
	k := newKinds(t)
	plain := start(t, k.mux)
	for _, server := range []struct {
		name string
		*httptest.Server
	}{
		{"HTTP/1.1", start(t, k.probe(m(k.mux)))},
		{"HTTP/2", startHTTP2(t, k.probe(m(k.mux)))},
	} {
		t.Run(server.name, func(t *testing.T) {
			t.Run("answer", func(t *testing.T) { tr.same(t, plain, server.Server, "GET", "/json") })
			t.Run("HEAD", func(t *testing.T) { tr.same(t, plain, server.Server, "HEAD", "/json") })
			t.Run("not found", func(t *testing.T) { tr.same(t, plain, server.Server, "GET", "/nothing") })
			t.Run("file", func(t *testing.T) {
				k.seen()
				tr.same(t, plain, server.Server, "GET", "/file")
				if way := k.seen(); server.name == "HTTP/1.1" && !tr.seesBody && way != "*os.File" {
					t.Errorf("the server's ReadFrom was given %q, so that it cannot use sendfile", way)
				}
			})
			t.Run("range", func(t *testing.T) { tr.same(t, plain, server.Server, "GET", "/file", "Range: bytes=1000-1999") })
			t.Run("controller", func(t *testing.T) { tr.same(t, plain, server.Server, "GET", "/controller") })
			t.Run("stream", func(t *testing.T) { tr.stream(t, server.Server) })
			t.Run("panic", func(t *testing.T) { tr.abort(t, server.Server) })
			t.Run("client goes away", func(t *testing.T) { tr.leave(t, server.Server, k) })
			if server.name == "HTTP/2" {
				t.Run("hijack", func(t *testing.T) { tr.refusesHijack(t, server.Server) })
			} else {
				t.Run("WebSocket", func(t *testing.T) { tr.echo(t, server.Server) })
			}
		})
	}
}

// kinds are handlers of all kinds.
type kinds struct {
	mux     *http.ServeMux
	waiting chan struct{} // /gone has begun
	gone    chan error    // /gone has seen its client go

	mu  sync.Mutex
	way string // what the server's ReadFrom was given last
}

const fileSize = 300_000

func newKinds(t testing.TB) *kinds {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file.bin")
	if err := os.WriteFile(file, bytes.Repeat([]byte("0123456789"), fileSize/10), 0o600); err != nil {
		t.Fatal(err)
	}
	k := &kinds{mux: http.NewServeMux(), waiting: make(chan struct{}), gone: make(chan error)}
	k.mux.HandleFunc("/json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Own", "yes")
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"name":"ada"}`)
	})
	k.mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(file)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "file.bin", time.Unix(1e9, 0), f)
	})
	k.mux.HandleFunc("/controller", func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		err := errors.Join(rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{}))
		if err == nil && r.ProtoMajor == 1 {
			err = rc.EnableFullDuplex()
		}
		_, flushes := w.(http.Flusher)
		fmt.Fprintf(w, "%v %t", errors.Join(err, rc.Flush()), flushes)
	})
	k.mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		http.NewResponseController(w).EnableFullDuplex()
		for line := bufio.NewScanner(r.Body); line.Scan(); {
			fmt.Fprintf(w, "%s!\n", line.Bytes())
			w.(http.Flusher).Flush()
		}
	})
	k.mux.HandleFunc("/hijack", func(w http.ResponseWriter, r *http.Request) {
		_, _, err := http.NewResponseController(w).Hijack()
		fmt.Fprint(w, errors.Is(err, http.ErrNotSupported))
	})
	k.mux.HandleFunc("/panic", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "half")
		panic(http.ErrAbortHandler)
	})
	k.mux.HandleFunc("/gone", func(w http.ResponseWriter, r *http.Request) {
		k.waiting <- struct{}{}
		<-r.Context().Done()
		k.gone <- r.Context().Err()
	})
	k.mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		conn, err := everyOrigin.Upgrade(w, r, http.Header{"X-Own": {"yes"}})
		if err != nil {
			ws.Refuse(w, err)
			return
		}
		defer conn.Close()
		for {
			messageType, p, err := conn.ReadMessage()
			if err != nil {
				return
			}
			if err := conn.WriteMessage(messageType, p); err != nil {
				return
			}
		}
	})
	return k
}

// everyOrigin leaves the check of the Origin to the middleware.
var everyOrigin = ws.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

// probe notes what the server's own ReadFrom is given.
func (k *kinds) probe(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if from, ok := w.(io.ReaderFrom); ok {
			w = &probe{w, from, k}
		}
		h.ServeHTTP(w, r)
	})
}

func (k *kinds) seen() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	way := k.way
	k.way = ""
	return way
}

type probe struct {
	http.ResponseWriter
	from io.ReaderFrom
	k    *kinds
}

func (p *probe) ReadFrom(r io.Reader) (int64, error) {
	inner := r
	if limited, ok := r.(*io.LimitedReader); ok {
		inner = limited.R
	}
	p.k.mu.Lock()
	p.k.way = fmt.Sprintf("%T", inner)
	p.k.mu.Unlock()
	return p.from.ReadFrom(r)
}

func (p *probe) Flush()                      { p.ResponseWriter.(http.Flusher).Flush() }
func (p *probe) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// ask makes a request of the server.
func (tr trial) ask(t testing.TB, ctx context.Context, s *httptest.Server, method, path string, body io.Reader, fields []string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, s.URL+path+"?"+tr.query, body)
	if err != nil {
		t.Fatal(err)
	}
	addFields(r.Header, tr.fields)
	addFields(r.Header, fields)
	return r
}

// same checks that two servers answer the same, but for header fields that the
// second adds.
func (tr trial) same(t *testing.T, plain, s *httptest.Server, method, path string, fields ...string) {
	t.Helper()
	answers := make([]string, 2)
	headers := make([]http.Header, 2)
	for i, server := range []*httptest.Server{plain, s} {
		res, err := server.Client().Do(tr.ask(t, t.Context(), server, method, path, nil, fields))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		answers[i], headers[i] = fmt.Sprintf("%d %v %s", res.StatusCode, err, b), res.Header
	}
	if answers[0] != answers[1] {
		t.Errorf("%s %s: answered %s, without it %s", method, path, short(answers[1]), short(answers[0]))
	}
	for name, values := range headers[0] {
		if name == "Date" || name == "Content-Length" && headers[1][name] == nil && tr.seesBody {
			continue
		}
		if got := headers[1][name]; fmt.Sprint(got) != fmt.Sprint(values) {
			t.Errorf("%s %s: %s is %q, without it %q", method, path, name, got, values)
		}
	}
}

// refusesHijack checks that Hijack says that it is not supported.
func (tr trial) refusesHijack(t *testing.T, s *httptest.Server) {
	res, err := s.Client().Do(tr.ask(t, t.Context(), s, "GET", "/hijack", nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); !strings.EqualFold(string(b), "true") {
		t.Errorf("the error of Hijack is http.ErrNotSupported: %s, %v", b, err)
	}
}

// stream sends line by line, each when the one before has come back.
func (tr trial) stream(t *testing.T, s *httptest.Server) {
	in, out := io.Pipe()
	defer out.Close()
	answered := make(chan *http.Response, 1)
	r := tr.ask(t, t.Context(), s, "POST", "/stream", in, nil)
	go func() {
		res, err := s.Client().Do(r)
		if err != nil {
			t.Error(err)
			in.CloseWithError(err)
		}
		answered <- res
	}()
	fmt.Fprintln(out, "line 0")
	res := wait(t, answered)
	if res == nil {
		return
	}
	defer res.Body.Close()
	back := bufio.NewReader(res.Body)
	for i := range 3 {
		if line, err := back.ReadString('\n'); line != fmt.Sprintf("line %d!\n", i) {
			t.Fatalf("line %d of the stream is %q, %v", i, line, err)
		}
		fmt.Fprintf(out, "line %d\n", i+1)
	}
	out.Close()
	if rest, err := io.ReadAll(back); string(rest) != "line 3!\n" || err != nil {
		t.Errorf("the stream ends with %q, %v", rest, err)
	}
}

func (tr trial) abort(t *testing.T, s *httptest.Server) {
	res, err := s.Client().Do(tr.ask(t, t.Context(), s, "GET", "/panic", nil, nil))
	if err == nil {
		_, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	if (err == nil) != tr.quiet {
		t.Errorf("after the handler's panic the client has the error %v", err)
	}
}

func (tr trial) leave(t *testing.T, s *httptest.Server, k *kinds) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := tr.ask(t, ctx, s, "GET", "/gone", nil, nil)
	failed := make(chan error, 1)
	go func() {
		res, err := s.Client().Do(r)
		if err == nil {
			res.Body.Close()
		}
		failed <- err
	}()
	wait(t, k.waiting)
	cancel()
	if err := wait(t, k.gone); err != context.Canceled {
		t.Errorf("the handler's context ended with %v", err)
	}
	if err := wait(t, failed); !errors.Is(err, context.Canceled) {
		t.Errorf("the client has the error %v", err)
	}
}

// echo speaks WebSocket through the middleware, with messages of all sizes and
// some that come with the handshake.
func (tr trial) echo(t *testing.T, s *httptest.Server) {
	early := frame(0x81, "early")
	c, res := dialEarly(t, s, "/echo?"+tr.query, early, tr.fields...)
	if res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("X-Own") != "yes" {
		t.Fatalf("the handshake was answered %s, %v", res.Status, res.Header)
	}
	c.want(0x81, "early")
	for _, message := range []string{"", "a", strings.Repeat("b", 70_000)} {
		c.send(frame(0x82, message))
		c.want(0x82, message)
	}
	c.send(frame(0x88, "\x03\xe8bye"))
	if first, payload := c.read(); first != 0x88 || payload != "\x03\xe8bye" && payload != "\x03\xe8" {
		t.Errorf("the close frame was answered with %#x %q", first, payload)
	}
	if _, err := c.r.ReadByte(); err != io.EOF {
		t.Errorf("after the close frame comes %v", err)
	}
}

// A client speaks WebSocket by hand.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// dial returns a client that has asked for an upgrade, and the head of the answer.
func dial(t testing.TB, s *httptest.Server, target string, fields ...string) (*client, *http.Response) {
	t.Helper()
	return dialEarly(t, s, target, nil, fields...)
}

// dialEarly sends early bytes together with the handshake.
func dialEarly(t testing.TB, s *httptest.Server, target string, early []byte, fields ...string) (*client, *http.Response) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return shake(t, conn, target, early, fields...)
}

// shake asks for an upgrade over the connection. The Host is the server's
// address, unless the first field says otherwise.
func shake(t testing.TB, conn net.Conn, target string, early []byte, fields ...string) (*client, *http.Response) {
	t.Helper()
	c := &client{t, conn, bufio.NewReader(conn)}
	lines := append([]string{"GET " + target + " HTTP/1.1"}, upgradeFields...)
	if len(fields) == 0 || !strings.HasPrefix(fields[0], "Host: ") {
		lines = append(lines, "Host: "+conn.RemoteAddr().String())
	}
	lines = append(lines, fields...)
	c.send(append([]byte(strings.Join(lines, "\r\n")+"\r\n\r\n"), early...))
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, res
}

// A pipeListener is a listener without a network, for servers in a synctest bubble.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// dial returns the client's end of a new connection.
func (l *pipeListener) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// inBubble runs f in a synctest bubble, where time passes when nothing else
// happens, with a client of the handler. f may dial the listener for WebSockets,
// see shake. The addresses have no IP. It waits for all handlers to return.
func inBubble(t *testing.T, h http.Handler, f func(t *testing.T, l *pipeListener, c *http.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
		var running sync.WaitGroup
		counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			running.Add(1)
			defer running.Done()
			h.ServeHTTP(w, r)
		})
		server := &http.Server{Handler: counted, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
		ended := make(chan error)
		go func() { ended <- server.Serve(l) }()
		transport := &http.Transport{DialContext: l.dial}
		f(t, l, &http.Client{Transport: transport})
		transport.CloseIdleConnections()
		server.Close()
		<-ended
		running.Wait()
	})
}

func (c *client) send(b []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// frame returns a masked frame: 0x81 is a text, 0x82 a binary message, 0x88 a
// close frame, 0x89 a ping.
func frame(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n <= 125:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	const key = "\x37\xfa\x21\x3d"
	b = append(b, key...)
	for i := range len(payload) {
		b = append(b, payload[i]^key[i%4])
	}
	return b
}

// read reads a frame of the server: its first byte and its payload.
func (c *client) read() (byte, string) {
	c.t.Helper()
	var b [8]byte
	c.fill(b[:2])
	first, n := b[0], uint64(b[1])
	switch n {
	case 126:
		c.fill(b[:2])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		c.fill(b[:])
		n = binary.BigEndian.Uint64(b[:])
	}
	p := make([]byte, min(n, 1<<20))
	c.fill(p)
	return first, string(p)
}

func (c *client) fill(p []byte) {
	c.t.Helper()
	if _, err := io.ReadFull(c.r, p); err != nil {
		c.t.Fatal(err)
	}
}

// want reads a frame and compares it.
func (c *client) want(first byte, payload string) {
	c.t.Helper()
	if gotFirst, got := c.read(); gotFirst != first || got != payload {
		c.t.Fatalf("got frame %#x %s, want %#x %s", gotFirst, short(got), first, short(payload))
	}
}

// wantClose reads a close frame and compares code and reason.
func (c *client) wantClose(code int, reason string) {
	c.t.Helper()
	c.want(0x88, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason)
}

// wantEnd reads until the connection ends, by closing or breaking.
func (c *client) wantEnd() {
	c.t.Helper()
	_, err := io.Copy(io.Discard, c.r)
	if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() {
		c.t.Fatal("the connection stays open")
	}
}

// A watchedSession is a connection of package ws that ends as the request's
// context says, in the way that WebSocket layers should.
func watchedSession(w http.ResponseWriter, r *http.Request, serve func(*ws.Conn)) error {
	conn, err := new(ws.Upgrader).Upgrade(w, r, nil)
	if err != nil {
		return err
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(r.Context(), func() {
		defer close(closed)
		code, reason := ws.CloseGoingAway, ""
		if e, ok := errors.AsType[*middleware.SessionError](context.Cause(r.Context())); ok {
			code, reason = e.CloseFrame()
		}
		conn.WriteClose(code, reason)
		conn.Close()
	})
	defer func() {
		if !stop() {
			<-closed
		}
		conn.Close()
	}()
	serve(conn)
	return nil
}

func short(s string) string {
	if len(s) > 100 {
		return fmt.Sprintf("%q… (%d bytes)", s[:100], len(s))
	}
	return fmt.Sprintf("%q", s)
}

// origin returns the URL of a server as an Origin.
func origin(s *httptest.Server) string {
	u, _ := url.Parse(s.URL)
	return u.Scheme + "://" + u.Host
}
