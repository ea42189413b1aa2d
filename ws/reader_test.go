package ws_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/ws"
)

// A reader passes on what arrives, in whatever pieces it is asked for.
func TestNextReader(t *testing.T) {
	message := strings.Repeat("κόσμε", 2000)
	in := join(frame(ws.TextMessage, message[:5001]), frame(ping, "p"), frame(0, ""), frame(more, message[5001:]))
	conn := ws.NewConn(&script{in: join(in, frame(bin, "")), piece: 100}, nil)
	messageType, r, err := conn.NextReader()
	if messageType != ws.TextMessage || err != nil {
		t.Fatal(messageType, err)
	}
	if n, err := r.Read(nil); n != 0 || err != nil {
		t.Errorf("nothing: %d, %v", n, err)
	}
	if err := iotest.TestReader(r, []byte(message)); err != nil {
		t.Error(err)
	}
	messageType, r, err = conn.NextReader()
	if p, readErr := io.ReadAll(r); messageType != ws.BinaryMessage || len(p) != 0 || err != nil || readErr != nil {
		t.Errorf("empty: %d, %q, %v, %v", messageType, p, err, readErr)
	}
	if _, _, err := conn.NextReader(); !ws.IsCloseError(err, ws.CloseAbnormalClosure) {
		t.Errorf("at the end: %v", err)
	}
}

// What is not read of a message is skipped, and its reader ends.
func TestNextReaderSkips(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	var in []byte
	for range len(readers) + 1 {
		in = append(in, join(frame(ws.BinaryMessage, long), frame(0, "y"), frame(more, long), frame(text, "next"))...)
	}
	conn := ws.NewConn(&script{in: in, piece: 777}, nil)
	for _, reader := range readers {
		_, r, err := conn.NextReader()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, 5000)); err != nil {
			t.Error(err)
		}
		if _, p, err := reader.read(conn); string(p) != "next" || err != nil {
			t.Errorf("%s: got %q, %v", reader.name, p, err)
		}
		if _, err := r.Read(make([]byte, 1)); textOf(err) != "websocket: read: the next message has been asked for" {
			t.Errorf("%s: the old reader: %v", reader.name, err)
		}
	}
	_, r, _ := conn.NextReader()
	io.Copy(io.Discard, r)
	conn.ReadMessage()
	if _, err := r.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a reader that has ended: %v", err)
	}
}

// What is wrong with the rest of a message is found while it is skipped.
func TestNextReaderSkipsBad(t *testing.T) {
	for _, bad := range [][]byte{frame(more, "\xff"), frame(more, "\xc3"), frame(text, "")} {
		conn := ws.NewConn(&script{in: join(frame(ws.TextMessage, "a"), bad), piece: 777}, nil)
		_, r, _ := conn.NextReader()
		_, _, err := conn.NextReader()
		if err == nil {
			t.Errorf("%q: no error", bad)
		}
		if _, again := r.Read(make([]byte, 1)); again != err {
			t.Errorf("%q: %v, then %v", bad, err, again)
		}
	}
}

// Text that is not UTF-8 is never passed on, nor is the end of one that lacks
// bytes.
func TestNextReaderText(t *testing.T) {
	for _, in := range [][]byte{
		frame(text, "ab\xff"), join(frame(ws.TextMessage, "ab"), frame(more, "\xff")), frame(text, "ab\xc3"), join(frame(ws.TextMessage, "ab"), frame(0, "\xc3"), frame(more, "")),
	} {
		for _, piece := range []int{1, 100} {
			conn := ws.NewConn(&script{in: in, piece: piece}, nil)
			_, r, _ := conn.NextReader()
			p, err := io.ReadAll(r)
			if bytes.Contains(p, []byte("\xff")) || !strings.HasSuffix(textOf(err), "text is not UTF-8") {
				t.Errorf("%q: got %q, %v", in, p, err)
			}
		}
	}
}

// CloseNow ends a reader, as does Close, which reads itself.
func TestNextReaderClosed(t *testing.T) {
	_, b := socketPair(t)
	conn := ws.NewConn(b, frame(ws.TextMessage, "x"))
	_, r, err := conn.NextReader()
	if err != nil {
		t.Fatal(err)
	}
	conn.CloseNow()
	io.ReadFull(r, make([]byte, 1))
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after CloseNow: %v", err)
	}

	conn = ws.NewConn(&script{in: join(frame(ws.TextMessage, "x"), frame(more, "y"), frame(shut, closePayload(1000, ""))), piece: 5}, nil)
	_, r, err = conn.NextReader()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.Read(make([]byte, 1)); !ws.IsCloseError(err, 1000) {
		t.Errorf("after Close: %v", err)
	}
}

// A peer that sends a byte a second is read as patiently.
func TestSlowPeer(t *testing.T) {
	for _, reader := range readers {
		synctest.Test(t, func(t *testing.T) {
			client, server := net.Pipe()
			defer client.Close()
			conn := ws.NewConn(server, nil)
			defer conn.CloseNow()
			in := join(frame(ws.TextMessage, "hel"), frame(pong, "x"), frame(more, "lo"))
			go func() {
				for i := range in {
					time.Sleep(time.Second)
					client.Write(in[i : i+1])
				}
			}()
			start := time.Now()
			if _, p, err := reader.read(conn); string(p) != "hello" || err != nil || time.Since(start) != time.Duration(len(in))*time.Second {
				t.Errorf("got %q, %v after %v", p, err, time.Since(start))
			}
			// And silence lasts until the deadline.
			conn.SetReadDeadline(time.Now().Add(time.Hour))
			if _, _, err := reader.read(conn); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A million fragments over the limit end like one frame.
func TestMillionFragments(t *testing.T) {
	t.Parallel()
	const limit = 1_000_000
	b := frame(ws.BinaryMessage, "x")
	b = append(b, bytes.Repeat(frame(0, "x"), limit)...)
	for _, reader := range readers {
		conn := ws.NewConn(&script{in: b, piece: 64 << 10}, nil)
		conn.SetReadLimit(limit)
		if _, _, err := reader.read(conn); !errors.Is(err, ws.ErrReadLimit) {
			t.Errorf("%s: %v", reader.name, err)
		}
	}
}

// Resets in the middle of a frame are errors, and nothing waits.
func TestResets(t *testing.T) {
	whole := join(frame(ws.TextMessage, "ab"), frame(more, strings.Repeat("c", 300)))
	for cut := 0; cut <= len(whole); cut += 17 {
		a, b := socketPair(t)
		conn := ws.NewConn(b, nil)
		a.Write(whole[:cut])
		a.SetLinger(0)
		a.Close()
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				break
			}
		}
		if err := conn.Close(); err == nil {
			t.Errorf("cut at %d: closed in order", cut)
		}
	}
}

// Thousands of connections that are opened and dropped at once leave nothing.
func TestDrops(t *testing.T) {
	const connections, workers = 10_000, 16
	s := serve(t, &ws.Upgrader{PingInterval: time.Hour}, echo)
	address, request := s.Listener.Addr().String(), []byte(handshake()+string(frame(text, "x"))+string(head(bin, 1000)))
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for i := range connections / workers {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := conn.Write(request[:len(request)-i%40]); err != nil {
					t.Error(err)
				}
				conn.(*net.TCPConn).SetLinger(0) // or the ports run out
				conn.Close()
			}
		})
	}
	running.Wait()
}

// 64 goroutines write in all ways at once; every message arrives whole.
func TestManyWriters(t *testing.T) {
	const writers, messages = 64, 10
	pm, err := ws.NewPreparedMessage(ws.BinaryMessage, []byte("prepared"))
	if err != nil {
		t.Fatal(err)
	}
	for _, z := range []*ws.Compression{nil, {Threshold: -1}, {Threshold: -1, ServerContextTakeover: true}} {
		s := serve(t, &ws.Upgrader{Compression: z}, func(conn *ws.Conn) {
			var running sync.WaitGroup
			for i := range writers {
				running.Go(func() {
					for range messages {
						var err error
						switch i % 4 {
						case 0:
							err = conn.WriteMessage(ws.BinaryMessage, []byte("message"))
						case 1:
							err = conn.WritePreparedMessage(pm)
						case 2:
							var w io.WriteCloser
							if w, err = conn.NextWriter(ws.BinaryMessage); err == nil {
								io.WriteString(w, strings.Repeat("f", 20_000))
								err = w.Close()
							}
						case 3:
							err = errors.Join(conn.Write(t.Context(), ws.BinaryMessage, []byte("context")), conn.WriteControl(ws.PingMessage, nil, time.Time{}))
						}
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			running.Wait()
		})
		conn := dialWS(t, s.URL, &ws.DialOptions{Compression: z})
		got := make(map[string]int)
		for {
			_, p, err := conn.ReadMessage()
			if err != nil {
				break
			}
			got[string(p)]++
		}
		for _, want := range []string{"message", "prepared", strings.Repeat("f", 20_000), "context"} {
			if got[want] != messages*writers/4 {
				t.Errorf("%d times %s", got[want], short(want))
			}
		}
	}
}
