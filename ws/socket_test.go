//go:build unix

package ws_test

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gongular/gongular/ws"
)

// fill sends empty pings until the network takes no more, and returns their
// number.
func fill(t *testing.T, conn *net.TCPConn) (n int) {
	t.Helper()
	conn.SetWriteBuffer(4 << 10)
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for {
		var failed error
		err := raw.Write(func(fd uintptr) bool {
			_, failed = syscall.Write(int(fd), []byte{ping, 0})
			return true
		})
		if errors.Is(failed, syscall.EAGAIN) {
			return n
		}
		if err != nil || failed != nil && failed != syscall.EINTR {
			t.Fatal(err, failed)
		}
		if failed == nil {
			n++
		}
	}
}

// What the network does not take at once is sent by another goroutine, while
// reading goes on.
func TestHeldBackInFullNetwork(t *testing.T) {
	a, b := socketPair(t)
	conn, c := ws.NewConn(b, nil), newClient(t, a)
	defer conn.CloseNow()
	pings := fill(t, b)
	c.send(join(frame(text, "a"), frame(text, "b")))
	if _, _, err := conn.ReadMessage(); err != nil {
		t.Fatal(err)
	}
	if err := conn.WriteMessage(ws.TextMessage, []byte("answer")); err != nil {
		t.Fatal(err)
	}
	if err := conn.WriteControl(ws.PongMessage, []byte("late"), time.Now().Add(-time.Second)); !isTimeout(err) {
		t.Errorf("a frame that cannot be sent: %v", err)
	}
	conn.ReadMessage()
	next := make(chan string)
	go func() {
		_, p, _ := conn.ReadMessage() // waits, and must not wait for writing
		next <- string(p)
	}()
	c.send(frame(text, "c"))
	if got := wait(t, next); got != "c" {
		t.Errorf("got %q", got)
	}
	for range pings {
		c.want(ping, "")
	}
	c.want(text, "answer")
}

// After a reset, what was held back is an error of the next one who writes.
func TestHeldBackAfterReset(t *testing.T) {
	a, b := socketPair(t)
	conn := ws.NewConn(b, nil)
	a.Write(join(frame(text, "a"), frame(text, "b")))
	if _, _, err := conn.ReadMessage(); err != nil {
		t.Fatal(err)
	}
	if err := conn.WriteMessage(ws.TextMessage, []byte("answer")); err != nil {
		t.Fatal(err)
	}
	a.SetLinger(0)
	a.Close()
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			break
		}
	}
	if err := conn.WriteMessage(ws.TextMessage, nil); err == nil {
		t.Error("wrote after a reset")
	}
	conn.CloseNow()
}

// A client's long messages go behind what is held back.
func TestClientHoldsBack(t *testing.T) {
	a, b := socketPair(t)
	conn := ws.NewClientConn(b, nil)
	defer conn.CloseNow()
	a.Write(unmasked(join(frame(text, "a"), frame(text, "b"))))
	if _, _, err := conn.ReadMessage(); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", 200_000)
	go func() {
		conn.WriteMessage(ws.TextMessage, []byte("short"))
		conn.WriteMessage(ws.TextMessage, []byte(big))
	}()
	for _, want := range []string{"short", big} {
		if first, p, err := readAnyFrame(a, true); first != text || p != want || err != nil {
			t.Fatalf("got %#x %s, %v", first, short(p), err)
		}
	}
}

// A long message of a client's that is cut is its last; one that has not begun
// is not.
func TestClientCut(t *testing.T) {
	a, b := socketPair(t)
	conn := ws.NewClientConn(b, nil)
	defer conn.CloseNow()
	pings := fill(t, b)
	conn.SetWriteDeadline(time.Now().Add(-time.Second))
	if err := conn.WriteMessage(ws.TextMessage, make([]byte, 200_000)); !isTimeout(err) {
		t.Errorf("got %v", err)
	}
	conn.SetWriteDeadline(time.Time{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		io.ReadFull(a, make([]byte, 2*pings+100)) // into the message
		cancel()
	}()
	first := conn.Write(ctx, ws.TextMessage, make([]byte, 64<<20))
	if second := conn.WriteMessage(ws.TextMessage, nil); !errors.Is(first, context.Canceled) || second != first {
		t.Errorf("got %v, then %v", first, second)
	}
}

// The read buffer grows with what arrives and shrinks again; a connection that
// waits has none.
func TestReadBuffer(t *testing.T) {
	for _, most := range []int{0, 8 << 10} {
		got := make(chan int, 1)
		s := serve(t, &ws.Upgrader{ReadBufferSize: most}, func(conn *ws.Conn) {
			for {
				ctx, cancel := context.WithCancel(context.Background())
				conn.SetPongHandler(func(string) error { cancel(); return nil })
				_, _, err := conn.Read(ctx)
				if errors.Is(err, context.Canceled) {
					if ws.HoldsBuffer(conn) {
						t.Error("it waits with a buffer")
					}
					continue
				}
				if err != nil {
					return
				}
				got <- ws.BufferSize(conn)
			}
		})
		c := dial(t, s)
		sizes, last := make(map[int]bool), 0
		for _, size := range append([]int{10, 60_000, 60_000, 60_000}, slices.Repeat([]int{10}, 20)...) {
			c.send(frame(bin, strings.Repeat("x", size)))
			last = wait(t, got)
			sizes[last] = true
			c.send(frame(pong, ""))
		}
		if last != 4<<10 {
			t.Errorf("in the end the buffer has %d bytes", last)
		}
		limit := most
		if most == 0 {
			limit = 64 << 10
		}
		for size := range sizes {
			if size > limit {
				t.Errorf("the buffer has %d bytes, the limit is %d", size, limit)
			}
		}
		if !sizes[4<<10] || !sizes[limit] {
			t.Errorf("the buffer had sizes %v", sizes)
		}
	}
}

// A message of 16 KiB and its header are more than 16 KiB. They are read at once
// all the same, after the first ones: the 8 bytes that did not fit into a buffer
// do not make the next one smaller.
func TestReadBufferStays(t *testing.T) {
	p := &packets{packet: frame(bin, strings.Repeat("x", 16<<10))}
	conn := ws.NewConn(p, nil)
	for i := range 20 {
		before := p.reads
		if _, _, err := conn.ReadInPlace(); err != nil {
			t.Fatal(err)
		}
		if n := p.reads - before; i >= 5 && n != 1 {
			t.Errorf("message %d took %d reads", i, n)
		}
	}
}

// packets is a connection on which the same bytes arrive again and again, as
// much as the reader has room for, but never more than one packet at a time.
type packets struct {
	net.Conn
	packet []byte
	read   int // of the packet
	reads  int
}

func (c *packets) Read(p []byte) (int, error) {
	n := copy(p, c.packet[c.read:])
	c.read = (c.read + n) % len(c.packet)
	c.reads++
	return n, nil
}

func (c *packets) SetReadDeadline(time.Time) error { return nil }

// Unix sockets are plain, and what embeds a socket is not.
func TestPlainSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn := ws.NewConn(b, nil)
	defer conn.CloseNow()
	if !ws.IsPlain(conn) {
		t.Error("a Unix socket is not plain")
	}
	go a.Write(frame(text, "hello"))
	wantMessage(t, conn, ws.TextMessage, "hello")
	a.Close()
	if _, _, err := conn.ReadMessage(); !ws.IsCloseError(err, ws.CloseAbnormalClosure) {
		t.Errorf("got %v", err)
	}

	_, c := socketPair(t)
	wrapped := ws.NewConn(struct{ *net.TCPConn }{c}, nil)
	if ws.IsPlain(wrapped) {
		t.Error("a wrapped socket is plain")
	}
}

// A message that is larger than all pooled buffers is read like any other.
func TestHugeMessage(t *testing.T) {
	t.Parallel()
	const size = 20 << 20
	in := frame(bin, strings.Repeat("x", size))
	for _, reader := range readers {
		conn := ws.NewConn(&script{in: in, piece: 1 << 20}, nil)
		conn.SetReadLimit(-1)
		if _, p, err := reader.read(conn); len(p) != size || err != nil {
			t.Errorf("%s: %d bytes, %v", reader.name, len(p), err)
		}
	}
}
