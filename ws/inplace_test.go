package ws_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gongular/gongular/ws"
)

// What ReadInPlace has returned may be changed and sent, as a whole or in part,
// once or often, to whom it came from or to others.
func TestWriteInPlace(t *testing.T) {
	others := make(chan *ws.Conn, 1)
	other := dial(t, serve(t, new(ws.Upgrader), func(conn *ws.Conn) {
		others <- conn
		<-conn.Done()
	}))
	to := wait(t, others)
	defer to.CloseNow()
	for _, size := range []int{1, 2, 125, 126, 1000, 4096, 65535, 65536, 70_000} {
		message := strings.Repeat("0123456789", size/10+1)[:size]
		c := dial(t, serve(t, &ws.Upgrader{ReadLimit: -1}, func(conn *ws.Conn) {
			write := func(conn *ws.Conn, p []byte) {
				if err := conn.WriteMessage(ws.BinaryMessage, p); err != nil {
					t.Error(err)
				}
			}
			for range 3 { // the read buffer has grown by then
				_, p, err := conn.ReadInPlace()
				if err != nil {
					t.Error(err)
					return
				}
				write(conn, p)
				write(conn, p[:len(p)/2])
				write(conn, p[len(p)/2:])
				write(to, p)
				p[0] = 'x'
				write(conn, p)
				write(conn, nil)
				conn.WriteControl(ws.PongMessage, p[:1], time.Time{})
				if err := conn.WriteControl(ws.PingMessage, p[:1], time.Time{}); err != nil {
					t.Error(err)
				}
			}
			conn.ReadInPlace()
		}))
		for range 3 {
			c.send(frame(bin, message))
			c.want(bin, message)
			c.want(bin, message[:size/2])
			c.want(bin, message[size/2:])
			other.want(bin, message)
			c.want(bin, "x"+message[1:])
			c.want(bin, "")
			c.want(pong, "x")
			c.want(ping, "x")
		}
	}
}

// To append to what ReadInPlace has returned does not touch what comes after it.
func TestAppendInPlace(t *testing.T) {
	c := dial(t, serve(t, new(ws.Upgrader), func(conn *ws.Conn) {
		for {
			messageType, p, err := conn.ReadInPlace()
			if err != nil || conn.WriteMessage(messageType, append(p, "…and more"...)) != nil {
				return
			}
		}
	}))
	c.send(append(frame(text, "one"), frame(text, "two")...))
	c.want(text, "one…and more")
	c.want(text, "two…and more")
}

// While one goroutine looks at what was read in place, others write and close.
func TestWriteInPlaceAmongOthers(t *testing.T) {
	c := dial(t, serve(t, new(ws.Upgrader), func(conn *ws.Conn) {
		var others sync.WaitGroup
		defer others.Wait()
		for range 2 {
			others.Go(func() {
				for range 100 {
					if conn.WriteMessage(ws.TextMessage, []byte("other")) != nil {
						t.Error("cannot write")
					}
				}
			})
		}
		for range 100 {
			_, p, err := conn.ReadInPlace()
			if err != nil || conn.WriteMessage(ws.BinaryMessage, p) != nil {
				t.Error("cannot echo")
			}
		}
	}))
	echoed := 0
	for range 100 {
		c.send(frame(bin, "mine"))
	}
	for range 300 {
		switch first, payload := c.read(); {
		case first == bin && payload == "mine":
			echoed++
		case first != text || payload != "other":
			t.Fatalf("got %#x %q", first, payload)
		}
	}
	if echoed != 100 {
		t.Errorf("%d echoes, want 100", echoed)
	}
}

// A turn is had by one at a time, is not lost when those who wait for it give
// up, and goes to those who still do.
func TestTurn(t *testing.T) {
	turn := ws.NewTurn()
	var holders, had, gaveUp atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 2000 {
				ctx, cancel := context.WithCancel(t.Context())
				if (i+j)%3 == 0 {
					go cancel()
				}
				err := turn.Take(ctx, time.Time{}, nil)
				cancel()
				if err != nil {
					gaveUp.Add(1)
					continue
				}
				if holders.Add(1) != 1 {
					t.Error("two have the turn")
				}
				had.Add(1)
				holders.Add(-1)
				turn.Give()
			}
		})
	}
	all.Wait()
	if had.Load()+gaveUp.Load() != 8*2000 || had.Load() < 8*2000/2 {
		t.Errorf("%d had the turn, %d gave up", had.Load(), gaveUp.Load())
	}
	if !turn.TryTake() {
		t.Fatal("the turn is lost")
	}
	if turn.TryTake() {
		t.Fatal("it is there twice")
	}
	over := make(chan struct{})
	close(over)
	if err := turn.Take(t.Context(), time.Time{}, over); err == nil {
		t.Error("it is taken after the end")
	}
	if err := turn.Take(t.Context(), time.Now().Add(-time.Second), nil); err == nil {
		t.Error("it is taken too late")
	}
	turn.Give()
	if !turn.TryTake() {
		t.Error("it was not given back")
	}
}
