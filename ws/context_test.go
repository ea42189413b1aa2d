package ws_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/ws"
)

// A Read may be given up anywhere in a message: whatever reads next goes on
// where it was, and nothing is lost.
func TestReadGivenUp(t *testing.T) {
	const message = "κόσμε and more of it"
	raw := join(frame(ping, "p"), frame(ws.TextMessage, message[:7]), frame(ping, "q"), frame(more, message[7:]))
	for _, reader := range readers {
		for cut := range len(raw) {
			client, server := net.Pipe()
			conn := ws.NewConn(server, nil)
			go io.Copy(io.Discard, client) // pongs
			given, sent := make(chan bool), make(chan bool)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				client.Write(raw[:cut])
				cancel()
				<-given
				client.Write(raw[cut:])
				sent <- true
			}()
			_, _, err := conn.Read(ctx)
			given <- true
			if !errors.Is(err, context.Canceled) || err.Error() != "websocket: read: context canceled" {
				t.Fatalf("%s, given up at %d: %v", reader.name, cut, err)
			}
			messageType, p, err := reader.read(conn)
			if messageType != ws.TextMessage || string(p) != message || err != nil {
				t.Fatalf("%s, after %d: %d %q, %v", reader.name, cut, messageType, p, err)
			}
			wait(t, sent)
			conn.CloseNow()
			client.Close()
		}
	}
}

// Over real connections too, plain and TLS, and for large messages.
func TestReadGivenUpOverLoopback(t *testing.T) {
	big := strings.Repeat("0123456789", 20_000)
	got := make(chan string, 1)
	goOn := make(chan bool)
	s := serve(t, new(ws.Upgrader), func(conn *ws.Conn) {
		ctx, cancel := context.WithCancel(t.Context())
		conn.SetPongHandler(func(string) error { cancel(); return nil })
		_, _, err := conn.Read(ctx)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if _, _, err := conn.Read(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that has ended: %v", err)
		}
		goOn <- true
		_, p, err := conn.Read(t.Context())
		if err != nil {
			t.Error(err)
		}
		got <- string(p)
	})
	c := dial(t, s)
	c.send(frame(ws.TextMessage, big[:100_000]))
	c.send(frame(pong, ""))
	c.send(frame(more, big[100_000:])[:50_000])
	wait(t, goOn)
	c.send(frame(more, big[100_000:])[50_000:])
	if p := wait(t, got); p != big {
		t.Errorf("got %s", short(p))
	}
}

// Deadlines of the user's and contexts do not get in each other's way.
func TestReadDeadlineAndContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		conn := ws.NewConn(server, nil)
		defer conn.CloseNow()
		conn.SetReadDeadline(time.Now().Add(time.Minute))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if _, _, err := conn.Read(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		// A deadline that is set while the context has ended counts for later reads.
		ended, end := context.WithCancel(t.Context())
		end()
		conn.Read(ended)
		conn.SetReadDeadline(time.Now().Add(time.Hour))
		go client.Write(frame(text, "still there"))
		if _, p, err := conn.Read(t.Context()); string(p) != "still there" || err != nil {
			t.Errorf("got %q, %v", p, err)
		}
		// A missed deadline ends reading, also where there is a context.
		first := readErr(conn.Read(t.Context()))
		if !errors.Is(first, os.ErrDeadlineExceeded) || time.Since(start) != time.Second+time.Hour {
			t.Errorf("got %v after %v", first, time.Since(start))
		}
		if again := readErr(conn.Read(t.Context())); again != first {
			t.Errorf("then %v", again)
		}
	})
}

func readErr(_ int, _ []byte, err error) error { return err }

// Contexts and deadlines may come at any time.
func TestContextsAndDeadlinesRace(t *testing.T) {
	s := serve(t, new(ws.Upgrader), echo)
	conn := dialWS(t, s.URL, nil)
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				conn.SetReadDeadline(time.Now().Add(patience))
				conn.SetWriteDeadline(time.Now().Add(patience))
				runtime.Gosched()
			}
		}
	}()
	given := 0
	for i := range 300 {
		want := fmt.Sprint(i)
		if err := conn.Write(t.Context(), ws.TextMessage, []byte(want)); err != nil {
			t.Fatal(err)
		}
		for {
			ctx, cancel := context.WithCancel(t.Context())
			go cancel()
			_, p, err := conn.Read(ctx)
			if err == nil {
				if string(p) != want {
					t.Fatalf("got %q, want %q", p, want)
				}
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			given++
		}
	}
	close(stop)
	<-stopped
	if given == 0 {
		t.Error("no read was given up")
	}
}

// A Write that has not begun leaves everything as it was; one that was cut ends
// writing.
func TestWriteGivenUp(t *testing.T) {
	for _, role := range []func(net.Conn, []byte) *ws.Conn{ws.NewConn, ws.NewClientConn} {
		synctest.Test(t, func(t *testing.T) {
			client, server := net.Pipe()
			conn := role(server, nil)
			defer client.Close()
			defer conn.CloseNow()
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			short, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			if err := conn.Write(ended, ws.TextMessage, nil); !errors.Is(err, context.Canceled) || err.Error() != "websocket: write: context canceled" {
				t.Errorf("a context that has ended: %v", err)
			}
			if err := conn.Write(short, ws.TextMessage, []byte("a")); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
				t.Errorf("nobody reads: %v after %v", err, time.Since(start))
			}
			go conn.WriteMessage(ws.TextMessage, []byte("b"))
			if first, p, err := readAnyFrame(client, ws.IsClient(conn)); first != text || p != "b" || err != nil {
				t.Errorf("got %#x %q, %v", first, p, err)
			}

			// Behind another message.
			long := make(chan error)
			go func() { long <- conn.WriteMessage(ws.TextMessage, []byte("long")) }()
			synctest.Wait()
			waits, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := conn.Write(waits, ws.TextMessage, []byte("c")); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("behind another: %v", err)
			}
			readAnyFrame(client, ws.IsClient(conn))
			if err := <-long; err != nil {
				t.Error(err)
			}

			// In the middle of a frame.
			cut, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			go client.Read(make([]byte, 3))
			first := conn.Write(cut, ws.TextMessage, []byte("hello"))
			second := conn.WriteMessage(ws.TextMessage, nil)
			if want := "websocket: write: given up in the middle of a frame: context deadline exceeded"; !errors.Is(first, context.DeadlineExceeded) || textOf(first) != want || second != first {
				t.Errorf("in the middle: %v, then %v", first, second)
			}
		})
	}
}

// Messages yields what arrives, ends quietly when the peer closes in order, and
// with an error otherwise.
func TestMessages(t *testing.T) {
	for _, test := range []struct {
		name    string
		in      []byte
		want    string
		wantErr string
	}{
		{"closed", join(frame(text, "a"), frame(bin, "bc"), frame(shut, closePayload(1000, ""))), "1a 2bc", ""},
		{"going away", join(frame(text, "a"), frame(shut, closePayload(1001, ""))), "1a", ""},
		{"without a code", frame(shut, ""), "", ""},
		{"with another code", join(frame(text, "a"), frame(shut, closePayload(4000, "why"))), "1a", "websocket: close 4000: why"},
		{"gone", frame(text, "a"), "1a", "websocket: close 1006 (abnormal closure): unexpected EOF"},
		{"fragments", join(frame(ws.TextMessage, "a"), frame(0, "b"), frame(more, "c"), frame(shut, "")), "1abc", ""},
	} {
		conn := ws.NewConn(&script{in: test.in, piece: 3}, nil)
		var got []string
		var err error
		for m, e := range conn.Messages(t.Context()) {
			if err = e; err == nil {
				got = append(got, fmt.Sprintf("%d%s", m.Type, m.Data))
			} else if m.Type != 0 || m.Data != nil {
				t.Errorf("%s: %v with the error", test.name, m)
			}
		}
		if strings.Join(got, " ") != test.want || textOf(err) != test.wantErr {
			t.Errorf("%s: got %q, %v", test.name, got, err)
		}
	}
}

// A loop may be left, or its context end, and another one goes on.
func TestMessagesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		conn := ws.NewConn(server, nil)
		defer conn.CloseNow()
		go client.Write(join(frame(text, "a"), frame(text, "b"), frame(ws.TextMessage, "c")))
		for m, err := range conn.Messages(t.Context()) {
			if string(m.Data) != "a" || err != nil {
				t.Errorf("got %q, %v", m.Data, err)
			}
			break
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var got []string
		for m, err := range conn.Messages(ctx) {
			got = append(got, fmt.Sprint(string(m.Data), err))
		}
		if want := "[b<nil> websocket: read: context deadline exceeded]"; fmt.Sprint(got) != want {
			t.Errorf("got %v, want %s", got, want)
		}
		go client.Write(frame(more, "d"))
		for m, err := range conn.Messages(t.Context()) {
			if string(m.Data) != "cd" || err != nil {
				t.Errorf("got %q, %v", m.Data, err)
			}
			break
		}
	})
}

// What ReadInPlace returns stays as it is until the next read, whatever Close
// reads meanwhile.
func TestReadInPlaceAndClose(t *testing.T) {
	for _, size := range []int{10, 3000, 100_000} {
		want := strings.Repeat("x", size)
		s := serve(t, new(ws.Upgrader), func(conn *ws.Conn) {
			_, p, err := conn.ReadInPlace()
			if err != nil {
				t.Error(err)
			}
			closed := make(chan error)
			go func() { closed <- conn.Close() }()
			for range 1000 {
				if string(p) != want {
					t.Fatalf("%d bytes have changed", size)
				}
				runtime.Gosched()
			}
			if err := wait(t, closed); err != nil {
				t.Error(err)
			}
			if string(p) != want {
				t.Errorf("%d bytes have changed", size)
			}
		})
		c := dial(t, s)
		c.send(join(frame(bin, want), frame(bin, strings.Repeat("y", size)), frame(bin, strings.Repeat("z", 70_000)), frame(shut, "")))
		c.wantClose(1000)
	}
}

// Reading in place allocates nothing, whatever the size.
func TestReadInPlaceAllocs(t *testing.T) {
	for _, size := range []int{10, 5000, 200_000} {
		in := &script{piece: 1 << 20}
		conn := ws.NewConn(in, nil)
		raw := frame(bin, strings.Repeat("x", size))
		rest := make([]byte, 0, len(raw))
		// The pool may be emptied meanwhile, and other goroutines are counted too: the
		// least of several counts is ours.
		least := math.Inf(1)
		for i := 0; i < 20 && least > 0; i++ {
			least = min(least, testing.AllocsPerRun(20, func() {
				in.in = append(rest, raw...)
				if _, p, err := conn.ReadInPlace(); err != nil || len(p) != size {
					t.Fatal(len(p), err)
				}
			}))
		}
		if least > 0 {
			t.Errorf("%d bytes: %v allocations", size, least)
		}
	}
}

// The bytes of ReadInPlace may be changed.
func TestReadInPlaceChanged(t *testing.T) {
	conn := ws.NewConn(&script{in: join(frame(text, "hello"), frame(text, "world")), piece: 1000}, nil)
	_, p, _ := conn.ReadInPlace()
	copy(p, bytes.ToUpper(p))
	if _, q, err := conn.ReadInPlace(); string(q) != "world" || err != nil {
		t.Errorf("got %q, %v", q, err)
	}
}
