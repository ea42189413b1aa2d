package ws_test

import (
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/ws"
)

// What is written goes in fragments of the buffer's size, or of what is written
// at a time.
func TestNextWriter(t *testing.T) {
	big := strings.Repeat("x", 40_000)
	for _, test := range []struct {
		name   string
		writes []string
		want   []string
	}{
		{"nothing", nil, []string{sent(text, "")}},
		{"short", []string{"he", "", "llo"}, []string{sent(text, "hello")}},
		{"as long as the buffer", []string{big[:16<<10]}, []string{sent(text, big[:16<<10])}},
		{"longer", []string{"a", big[:16<<10]}, []string{sent(ws.TextMessage, "a"), sent(0, big[:16<<10]), sent(more, "")}},
		{"in pieces", []string{big[:10_000], big[:10_000], big[:10_000]}, []string{sent(ws.TextMessage, big[:10_000]), sent(0, big[:10_000]), sent(more, big[:10_000])}},
		{"at once", []string{big}, []string{sent(ws.TextMessage, ""), sent(0, big), sent(more, "")}},
	} {
		for _, role := range roles {
			var s script
			conn := role.conn(&s)
			for range 2 {
				s.out.Reset()
				w, err := conn.NextWriter(ws.TextMessage)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range test.writes {
					if n, err := io.WriteString(w, p); n != len(p) || err != nil {
						t.Errorf("%s: wrote %d, %v", test.name, n, err)
					}
				}
				for range 2 {
					if err := w.Close(); err != nil {
						t.Errorf("%s: %v", test.name, err)
					}
				}
				if _, err := w.Write(nil); textOf(err) != "websocket: write: the message has ended" {
					t.Errorf("%s: after the end: %v", test.name, err)
				}
				got := sentFrames(t, s.out.Bytes(), role.mask)
				if strings.Join(got, "|") != strings.Join(test.want, "|") {
					t.Errorf("%s, %s: got %d frames %s", role.name, test.name, len(got), short(strings.Join(got, "|")))
				}
			}
		}
	}
	for _, messageType := range []int{0, 3, ws.PingMessage, ws.CloseMessage} {
		_, err := ws.NewConn(&script{}, nil).NextWriter(messageType)
		if want := fmt.Sprintf("websocket: cannot write messages of type %d in fragments", messageType); textOf(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// Control frames go between fragments, other messages wait.
func TestNextWriterAndOthers(t *testing.T) {
	var s lockedScript
	conn := ws.NewConn(&s, nil)
	w, err := conn.NextWriter(ws.BinaryMessage)
	if err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", 20_000)
	io.WriteString(w, big)
	if err := conn.WriteControl(ws.PingMessage, []byte("p"), time.Time{}); err != nil {
		t.Error(err)
	}
	conn.SetWriteDeadline(time.Now().Add(-time.Second))
	if err := conn.WriteMessage(ws.TextMessage, nil); !isTimeout(err) {
		t.Errorf("a message meanwhile: %v", err)
	}
	if _, err := conn.NextWriter(ws.TextMessage); !isTimeout(err) {
		t.Errorf("a writer meanwhile: %v", err)
	}
	conn.SetWriteDeadline(time.Time{})
	var others sync.WaitGroup
	for i := range 4 {
		others.Go(func() {
			if i%2 == 0 {
				conn.WriteMessage(ws.TextMessage, []byte("after"))
				return
			}
			w, err := conn.NextWriter(ws.TextMessage)
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(w, "after")
			w.Close()
		})
	}
	io.WriteString(w, "end")
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	others.Wait()
	got := sentFrames(t, s.out.Bytes(), false)
	want := []string{sent(ws.BinaryMessage, ""), sent(0, big), sent(ping, "p"), sent(more, "end")}
	for range 4 {
		want = append(want, sent(text, "after"))
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %d frames %s", len(got), short(strings.Join(got, "|")))
	}
}

// A lockedScript may be written to by several goroutines, one at a time.
type lockedScript struct {
	script
	mu sync.Mutex
}

func (s *lockedScript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.script.Write(p)
}

// A close frame ends the message, and those who wait.
func TestNextWriterClosed(t *testing.T) {
	var s script
	conn := ws.NewConn(&s, nil)
	w, err := conn.NextWriter(ws.TextMessage)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, strings.Repeat("x", 20_000))
	waits := make(chan error)
	go func() { waits <- conn.WriteMessage(ws.TextMessage, nil) }()
	if err := conn.WriteClose(1000, ""); err != nil {
		t.Error(err)
	}
	if err := wait(t, waits); !errors.Is(err, ws.ErrCloseSent) {
		t.Errorf("who waits: %v", err)
	}
	if err := w.Close(); !errors.Is(err, ws.ErrCloseSent) {
		t.Errorf("the writer: %v", err)
	}
	if _, err := w.Write(nil); !errors.Is(err, ws.ErrCloseSent) {
		t.Errorf("the writer, later: %v", err)
	}
	if _, err := conn.NextWriter(ws.TextMessage); !errors.Is(err, ws.ErrCloseSent) {
		t.Errorf("another writer: %v", err)
	}
}

// CloseNow ends those who wait, and the writer.
func TestNextWriterCloseNow(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	conn := ws.NewConn(server, nil)
	w, err := conn.NextWriter(ws.TextMessage)
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan error)
	go func() { waits <- conn.WriteMessage(ws.TextMessage, nil) }()
	conn.CloseNow()
	if err := wait(t, waits); !errors.Is(err, net.ErrClosed) {
		t.Errorf("who waits: %v", err)
	}
	io.WriteString(w, "x")
	if err := w.Close(); err == nil {
		t.Error("closed a message on a connection that is closed")
	}
}

// A message of which nothing was sent may fail alone; one that was begun ends
// writing.
func TestNextWriterDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		conn := ws.NewConn(server, nil)
		defer client.Close()
		defer conn.CloseNow()
		conn.SetWriteDeadline(time.Now().Add(time.Second))
		w, _ := conn.NextWriter(ws.TextMessage)
		io.WriteString(w, "lost")
		if err := w.Close(); !isTimeout(err) {
			t.Errorf("nobody reads: %v", err)
		}
		conn.SetWriteDeadline(time.Time{})
		w, err := conn.NextWriter(ws.TextMessage)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			readFrame(client)
			readFrame(client)
		}()
		io.WriteString(w, strings.Repeat("x", 20_000))
		synctest.Wait()
		conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, first := io.WriteString(w, strings.Repeat("x", 20_000))
		conn.SetWriteDeadline(time.Time{})
		if second := conn.WriteMessage(ws.TextMessage, nil); !isTimeout(first) || second != first {
			t.Errorf("a fragment that was not sent: %v, then %v", first, second)
		}
		if err := w.Close(); err != first {
			t.Errorf("closing it: %v", err)
		}
	})
}

// A writer that was lost does not hold the others for ever.
func TestNextWriterAbandoned(t *testing.T) {
	var s script
	conn := ws.NewConn(&s, nil)
	func() {
		w, err := conn.NextWriter(ws.TextMessage)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, strings.Repeat("x", 20_000))
	}()
	errs := make(chan error, 1)
	go func() { errs <- conn.WriteMessage(ws.TextMessage, nil) }()
	var err error
	for err == nil {
		runtime.GC()
		select {
		case err = <-errs:
		default:
		}
	}
	if want := "websocket: write: a message was begun with NextWriter and never closed"; err.Error() != want {
		t.Errorf("got %v", err)
	}
	if again := conn.WriteControl(ws.PingMessage, nil, time.Time{}); again != err {
		t.Errorf("then %v", again)
	}
	frames := sentFrames(t, s.out.Bytes(), false)
	if last := frames[len(frames)-1]; last != sent(shut, closePayload(1011, "a message was not ended")) {
		t.Errorf("sent %q", last)
	}
}

// Compressed, a message may be cut anywhere.
func TestNextWriterCompressed(t *testing.T) {
	for _, z := range []*ws.Compression{{}, {Threshold: -1}, {ServerContextTakeover: true, ClientContextTakeover: true}, {ServerMaxWindowBits: 9}} {
		for _, size := range []int{0, 10, 1023, 1024, 20_000, 300_000} {
			want := strings.Repeat("All work and no play makes Jack a dull boy. ", size/40+1)[:size]
			s := serve(t, &ws.Upgrader{Compression: z, WriteBufferSize: 100}, func(conn *ws.Conn) {
				for range 3 {
					w, err := conn.NextWriter(ws.TextMessage)
					if err != nil {
						t.Error(err)
						return
					}
					for rest := want; rest != ""; {
						n := min(len(rest), 777)
						if _, err := io.WriteString(w, rest[:n]); err != nil {
							t.Error(err)
						}
						rest = rest[n:]
					}
					if err := w.Close(); err != nil {
						t.Error(err)
					}
				}
			})
			conn := dialWS(t, s.URL, &ws.DialOptions{Compression: z})
			for range 3 {
				wantMessage(t, conn, ws.TextMessage, want)
			}
			conn.Close()
		}
	}
}

// Compression can be switched off and on, and its level set, at any time.
func TestSetCompression(t *testing.T) {
	text := strings.Repeat("All work and no play makes Jack a dull boy. ", 100)
	for _, takeover := range []bool{false, true} {
		z := &ws.Compression{ServerContextTakeover: takeover}
		s := serve(t, &ws.Upgrader{Compression: z}, func(conn *ws.Conn) {
			for _, level := range []int{1, 9, -2, -1, 5} {
				for _, enable := range []bool{true, false} {
					conn.EnableWriteCompression(enable)
					if err := errors.Join(conn.SetCompressionLevel(level), conn.WriteMessage(ws.TextMessage, []byte(text))); err != nil {
						t.Error(err)
					}
				}
			}
			for _, level := range []int{-3, 0, 10} {
				if err := conn.SetCompressionLevel(level); textOf(err) != fmt.Sprintf("websocket: compression level %d", level) {
					t.Errorf("level %d: %v", level, err)
				}
			}
		})
		c := connect(t, s)
		c.upgrade(handshake("Sec-WebSocket-Extensions: permessage-deflate"))
		for range 5 {
			if first, p := c.read(); first != fin|0x40|ws.TextMessage || len(p) >= len(text) {
				t.Errorf("got %#x, %d bytes", first, len(p))
			}
			if first, p := c.read(); first != fin|ws.TextMessage || p != text {
				t.Errorf("got %#x, %d bytes", first, len(p))
			}
		}
	}
	conn := ws.NewConn(&script{}, nil)
	conn.EnableWriteCompression(true)
	if err := conn.SetCompressionLevel(flate.BestCompression); err != nil {
		t.Errorf("without compression: %v", err)
	}
}
