package ws_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gongular/gongular/ws"
)

// patience is how long a test waits for what is bound to happen.
const patience = 20 * time.Second

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

// leftover returns the stacks of goroutines that serve, once none of them ends
// any more.
func leftover(wait time.Duration) string {
	for end := time.Now().Add(wait); ; runtime.Gosched() {
		buf := make([]byte, 1<<20)
		var left []string
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			serves := strings.Contains(stack, "net/http.") || strings.Contains(stack, "/ws.")
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

// start serves h over loopback until the test is over, and then waits for it.
func start(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	var running sync.WaitGroup
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Done()
		h(w, r)
	}))
	t.Cleanup(func() {
		s.Close()
		running.Wait()
	})
	return s
}

// serve upgrades every request and closes the connection when h returns.
func serve(t testing.TB, u *ws.Upgrader, h func(*ws.Conn)) *httptest.Server {
	t.Helper()
	return start(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := u.Upgrade(w, r, nil)
		if err != nil {
			ws.Refuse(w, err)
			return
		}
		defer conn.Close()
		h(conn)
	})
}

// echo sends all messages back.
func echo(conn *ws.Conn) {
	for {
		messageType, p, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if err := conn.WriteMessage(messageType, p); err != nil {
			return
		}
	}
}

// handshake is a good request, with more header fields or other ones: "Name: "
// leaves the field out.
func handshake(fields ...string) string {
	header := []string{
		"Host: example.com",
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		for i, old := range header {
			if strings.HasPrefix(old, name+": ") {
				header = append(header[:i], header[i+1:]...)
				break
			}
		}
		if value != "" {
			header = append(header, field)
		}
	}
	return "GET /socket HTTP/1.1\r\n" + strings.Join(header, "\r\n") + "\r\n\r\n"
}

// A client speaks WebSocket by hand.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// connect returns a client that has said nothing yet.
func connect(t testing.TB, s *httptest.Server) *client {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, conn)
}

func newClient(t testing.TB, conn net.Conn) *client {
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &client{t, conn, bufio.NewReader(conn)}
}

// ask sends a request and reads the head of the answer.
func (c *client) ask(request string) *http.Response {
	c.t.Helper()
	c.send([]byte(request))
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return res
}

// dial returns a client after a good handshake.
func dial(t testing.TB, s *httptest.Server, fields ...string) *client {
	t.Helper()
	c := connect(t, s)
	c.upgrade(handshake(fields...))
	return c
}

func (c *client) upgrade(request string) http.Header {
	c.t.Helper()
	res := c.ask(request)
	if res.StatusCode != http.StatusSwitchingProtocols {
		b, _ := io.ReadAll(res.Body)
		c.t.Fatalf("handshake: %s, %s", res.Status, b)
	}
	if got, want := res.Header.Get("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="; got != want {
		c.t.Fatalf("Sec-WebSocket-Accept %q, want %q", got, want)
	}
	return res.Header
}

func (c *client) send(b []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// The first byte of a frame.
const (
	fin  = 0x80
	text = fin | ws.TextMessage
	bin  = fin | ws.BinaryMessage
	more = fin | 0 // the last continuation
	ping = fin | ws.PingMessage
	pong = fin | ws.PongMessage
	shut = fin | ws.CloseMessage
)

// frame returns a masked frame.
func frame(first byte, payload string) []byte {
	b := head(first, int64(len(payload)))
	return append(b, masked(payload)...)
}

// head returns the header of a masked frame, with the length in its shortest form.
func head(first byte, length int64) []byte {
	b := []byte{first}
	switch {
	case length <= 125:
		b = append(b, 0x80|byte(length))
	case length <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(length))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(length))
	}
	return append(b, testKey...)
}

const testKey = "\x37\xfa\x21\x3d"

// masked masks byte by byte, from the start of the key.
func masked(payload string) []byte {
	b := []byte(payload)
	for i := range b {
		b[i] ^= testKey[i%4]
	}
	return b
}

// closePayload returns a close frame's payload.
func closePayload(code int, reason string) string {
	return string(ws.FormatCloseMessage(code, reason))
}

// read reads a frame of the server: its first byte and its payload.
func (c *client) read() (byte, string) {
	c.t.Helper()
	first, payload, err := readFrame(c.r)
	if err != nil {
		c.t.Fatal(err)
	}
	return first, payload
}

// readFrame reads a frame that is not masked.
func readFrame(r io.Reader) (first byte, payload string, err error) {
	return readAnyFrame(r, false)
}

// readAnyFrame reads a frame, which must be masked or must not.
func readAnyFrame(r io.Reader, masked bool) (first byte, payload string, err error) {
	var b [8]byte
	if _, err := io.ReadFull(r, b[:2]); err != nil {
		return 0, "", err
	}
	first = b[0]
	if masked != (b[1]&0x80 != 0) {
		return 0, "", fmt.Errorf("second byte %#x, want it masked: %v", b[1], masked)
	}
	length, least := uint64(b[1]&0x7f), uint64(0)
	switch length {
	case 126:
		_, err = io.ReadFull(r, b[:2])
		length, least = uint64(binary.BigEndian.Uint16(b[:])), 126
	case 127:
		_, err = io.ReadFull(r, b[:8])
		length, least = binary.BigEndian.Uint64(b[:]), 1<<16
	}
	if err != nil {
		return 0, "", err
	}
	if length < least || length > 1<<30 {
		return 0, "", fmt.Errorf("a length of %d in its header", length)
	}
	var key [4]byte
	if masked {
		if _, err := io.ReadFull(r, key[:]); err != nil {
			return 0, "", err
		}
	}
	p := make([]byte, length)
	_, err = io.ReadFull(r, p)
	for i := range p {
		p[i] ^= key[i%4]
	}
	return first, string(p), err
}

// want reads a frame and compares it.
func (c *client) want(first byte, payload string) {
	c.t.Helper()
	gotFirst, got := c.read()
	if gotFirst != first || got != payload {
		c.t.Fatalf("got frame %#x %s, want %#x %s", gotFirst, short(got), first, short(payload))
	}
}

// wantClose reads a close frame and compares its code.
func (c *client) wantClose(code int) (reason string) {
	c.t.Helper()
	first, payload := c.read()
	if first != shut || len(payload) < 2 {
		c.t.Fatalf("got frame %#x %s, want a close frame with code %d", first, short(payload), code)
	}
	if got := int(binary.BigEndian.Uint16([]byte(payload))); got != code {
		c.t.Fatalf("got close code %d (%s), want %d", got, payload[2:], code)
	}
	return payload[2:]
}

// wantEnd reads the end of the stream: what a connection that was closed in
// order has, and one that was reset has not.
func (c *client) wantEnd() {
	c.t.Helper()
	if b, err := c.r.ReadByte(); err != io.EOF {
		c.t.Fatalf("got %#x, %v, want the end", b, err)
	}
}

func short(s string) string {
	if len(s) > 40 {
		return fmt.Sprintf("%q… (%d bytes)", s[:40], len(s))
	}
	return fmt.Sprintf("%q", s)
}

// A script is a connection that gives what was written down before, in pieces,
// and keeps what it is told.
type script struct {
	net.Conn
	in    []byte
	piece int // most bytes of one read
	out   bytes.Buffer
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.in[:min(len(s.in), s.piece)])
	s.in = s.in[n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error)      { return s.out.Write(p) }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }
func (s *script) Close() error                     { return nil }

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

// A goneConn is a connection that nobody listens to.
type goneConn struct {
	script
	closed bool
}

func (c *goneConn) Write([]byte) (int, error)   { return 0, io.ErrClosedPipe }
func (c *goneConn) SetDeadline(time.Time) error { return nil }
func (c *goneConn) Close() error                { c.closed = true; return nil }

type goneWriter struct {
	http.ResponseWriter
	conn net.Conn
}

func (w goneWriter) Header() http.Header { return http.Header{} }

func (w goneWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.conn, bufio.NewReadWriter(bufio.NewReader(w.conn), bufio.NewWriter(w.conn)), nil
}
