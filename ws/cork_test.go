package ws_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gongular/gongular/ws"
)

// socketPair returns two ends of a connection over loopback, which are closed
// after the test.
func socketPair(t testing.TB) (a, b *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialled, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, conn := range []net.Conn{dialled, accepted} {
		conn.SetDeadline(time.Now().Add(patience))
		t.Cleanup(func() { conn.Close() })
	}
	return dialled.(*net.TCPConn), accepted.(*net.TCPConn)
}

// serverOf returns a server's connection over loopback and its peer.
func serverOf(t testing.TB) (*ws.Conn, *client) {
	t.Helper()
	a, b := socketPair(t)
	conn := ws.NewConn(b, nil)
	t.Cleanup(func() { conn.CloseNow() })
	return conn, newClient(t, a)
}

// Answers to messages that came together go together, before reading waits.
func TestAnswersAreHeldBack(t *testing.T) {
	conn, c := serverOf(t)
	c.send(join(frame(text, "a"), frame(text, "b"), frame(text, "c")))
	for i, want := range []int{1, 2, 0} { // messages held back after each answer
		_, p, err := conn.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.WriteMessage(ws.TextMessage, p); err != nil {
			t.Fatal(err)
		}
		// The timer may have been quicker.
		if got := ws.Held(conn); got != 3*want && got != 0 {
			t.Errorf("%d bytes are held back after answer %d", got, i)
		}
	}
	for _, want := range []string{"a", "b", "c"} {
		c.want(text, want)
	}
}

// However reading goes on, or does not, what was held back is sent.
func TestHeldBackIsSent(t *testing.T) {
	two := join(frame(text, "a"), frame(text, "b"))
	for _, test := range []struct {
		name string
		in   []byte
		then func(conn *ws.Conn) error
		want []string // frames after the answer to "a"
	}{
		{"nothing", two, func(*ws.Conn) error { return nil }, nil},
		{"reading on", two, func(conn *ws.Conn) error {
			conn.ReadMessage()
			go conn.ReadMessage() // waits
			return nil
		}, nil},
		{"reading on with NextReader", two, func(conn *ws.Conn) error {
			_, r, err := conn.NextReader()
			go io.ReadAll(r)
			return err
		}, nil},
		{"half a message more", join(two, head(text, 100)), func(conn *ws.Conn) error {
			conn.ReadMessage()
			go conn.ReadMessage()
			return nil
		}, nil},
		{"another message", two, func(conn *ws.Conn) error { return conn.WriteMessage(ws.TextMessage, []byte("x")) }, []string{sent(text, "x")}},
		{"a long message", two, func(conn *ws.Conn) error { return conn.WriteMessage(ws.TextMessage, make([]byte, 70_000)) }, []string{sent(text, string(make([]byte, 70_000)))}},
		{"a message over the size", two, func(conn *ws.Conn) error { return conn.WriteMessage(ws.TextMessage, make([]byte, 17_000)) }, []string{sent(text, string(make([]byte, 17_000)))}},
		{"a prepared message", two, func(conn *ws.Conn) error {
			pm, err := ws.NewPreparedMessage(ws.BinaryMessage, make([]byte, 70_000))
			return errors.Join(err, conn.WritePreparedMessage(pm))
		}, []string{sent(bin, string(make([]byte, 70_000)))}},
		{"a ping", two, func(conn *ws.Conn) error { return conn.WriteControl(ws.PingMessage, []byte("p"), time.Time{}) }, []string{sent(ping, "p")}},
		{"a close frame", two, func(conn *ws.Conn) error { return conn.WriteClose(4000, "") }, []string{closed(4000)}},
		{"fragments", two, func(conn *ws.Conn) error {
			w, err := conn.NextWriter(ws.TextMessage)
			if err != nil {
				return err
			}
			io.WriteString(w, "fragment")
			return w.Close()
		}, []string{sent(text, "fragment")}},
		{"CloseNow", two, func(conn *ws.Conn) error { return conn.CloseNow() }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, c := serverOf(t)
			c.send(test.in)
			if _, p, err := conn.ReadInPlace(); string(p) != "a" || err != nil {
				t.Fatalf("got %q, %v", p, err)
			}
			if err := conn.WriteMessage(ws.BinaryMessage, []byte("answer")); err != nil {
				t.Fatal(err)
			}
			if err := test.then(conn); err != nil {
				t.Fatal(err)
			}
			c.want(bin, "answer")
			for _, want := range test.want {
				if first, payload := c.read(); sent(first, payload) != want {
					t.Errorf("got %#x %s, want %s", first, short(payload), short(want))
				}
			}
		})
	}
}

// A message with a deadline that is close is not held back.
func TestDeadlineIsNotHeldBack(t *testing.T) {
	conn, c := serverOf(t)
	c.send(join(frame(text, "a"), frame(text, "b")))
	conn.ReadMessage()
	conn.SetWriteDeadline(time.Now().Add(-time.Second))
	if err := conn.WriteMessage(ws.TextMessage, nil); !isTimeout(err) {
		t.Errorf("a deadline that has passed: %v", err)
	}
	conn.SetWriteDeadline(time.Now().Add(time.Hour))
	if err := conn.WriteMessage(ws.TextMessage, []byte("x")); err != nil {
		t.Error(err)
	}
	c.want(text, "x")
}

// A peer that only reads after it has written everything is served: reading
// never waits for writing.
func TestHeldBackAndFullNetwork(t *testing.T) {
	a, b := socketPair(t)
	b.SetWriteBuffer(4 << 10)
	conn, c := ws.NewConn(b, nil), newClient(t, a)
	defer conn.CloseNow()
	const messages, size = 20_000, 1000
	payload := strings.Repeat("x", size)
	got, written := make(chan int), make(chan int)
	go func() { // reads only
		n := 0
		for {
			if _, _, err := conn.ReadInPlace(); err != nil {
				break
			}
			n++
		}
		got <- n
	}()
	go func() { // writes only, and fills the network
		n := 0
		for conn.WriteMessage(ws.BinaryMessage, []byte(payload)) == nil {
			n++
		}
		written <- n
	}()
	var in []byte
	for range 100 {
		in = append(in, frame(bin, payload)...)
	}
	for range messages / 100 {
		c.send(in)
	}
	c.send(frame(shut, closePayload(1000, "")))
	received := 0
	for {
		first, p := c.read()
		if first == shut {
			break
		}
		if first != bin || p != payload {
			t.Fatalf("got %#x %s", first, short(p))
		}
		received++
	}
	if n := wait(t, got); n != messages {
		t.Errorf("%d messages were read", n)
	}
	if n := wait(t, written); n != received {
		t.Errorf("%d messages were received, %d were written", received, n)
	}
}

// Pipelined answers come whole and in order, whoever else writes.
func TestHeldBackOrder(t *testing.T) {
	const messages, writers = 5000, 4
	var others sync.WaitGroup
	s := serve(t, new(ws.Upgrader), func(conn *ws.Conn) {
		for w := range writers {
			others.Go(func() {
				for i := range messages / 10 {
					if err := conn.WriteMessage(ws.BinaryMessage, fmt.Appendf(nil, "%d/%d", w, i)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		echo(conn)
	})
	c := dial(t, s)
	go func() {
		var in []byte
		for i := range messages {
			in = append(in, frame(text, fmt.Sprint(i))...)
			if i%50 == 49 {
				c.conn.Write(in)
				in = nil
			}
		}
	}()
	next, nextOf := 0, make([]int, writers)
	for range messages + writers*(messages/10) {
		first, p := c.read()
		if first == text {
			if p != fmt.Sprint(next) {
				t.Fatalf("got %q, want %d", p, next)
			}
			next++
			continue
		}
		var w, i int
		fmt.Sscanf(p, "%d/%d", &w, &i)
		if i != nextOf[w] {
			t.Fatalf("got %q, want %d", p, nextOf[w])
		}
		nextOf[w]++
	}
	others.Wait()
	c.send(frame(shut, ""))
	c.want(shut, "")
}

// An error in sending what was held back is for the next one who writes.
func TestHeldBackError(t *testing.T) {
	conn, c := serverOf(t)
	c.send(join(frame(text, "a"), frame(text, "b")))
	conn.ReadMessage()
	c.conn.(*net.TCPConn).SetLinger(0)
	c.conn.Close()
	for {
		if err := conn.WriteMessage(ws.TextMessage, nil); err != nil {
			if again := conn.WriteMessage(ws.TextMessage, nil); again != err {
				t.Errorf("got %v, then %v", err, again)
			}
			return
		}
	}
}

// A prepared message is held back as any other.
func TestHeldBackPrepared(t *testing.T) {
	a, b := socketPair(t)
	conn, c := ws.NewConn(b, nil), newClient(t, a)
	defer conn.CloseNow()
	pm, err := ws.NewPreparedMessage(ws.BinaryMessage, []byte("prepared"))
	if err != nil {
		t.Fatal(err)
	}
	c.send(join(frame(text, "a"), frame(text, "b")))
	if _, _, err := conn.ReadMessage(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := conn.WritePreparedMessage(pm); err != nil {
			t.Fatal(err)
		}
	}
	conn.ReadMessage()
	conn.WriteMessage(ws.TextMessage, []byte("last"))
	c.want(bin, "prepared")
	c.want(bin, "prepared")
	c.want(text, "last")
}
