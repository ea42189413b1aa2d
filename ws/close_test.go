package ws_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/ws"
)

func TestCloseError(t *testing.T) {
	for _, test := range []struct {
		err  ws.CloseError
		want string
	}{
		{ws.CloseError{Code: 1000}, "websocket: close 1000 (normal closure)"},
		{ws.CloseError{Code: 1006, Text: "unexpected EOF"}, "websocket: close 1006 (abnormal closure): unexpected EOF"},
		{ws.CloseError{Code: 4000, Text: "bye"}, "websocket: close 4000: bye"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	err := error(&ws.CloseError{Code: 1001})
	if !ws.IsCloseError(err, 1000, 1001) || ws.IsCloseError(err, 1000) || ws.IsCloseError(io.EOF, 1001) || ws.IsCloseError(nil, 0) {
		t.Error("IsCloseError")
	}
	if ws.IsUnexpectedCloseError(err, 1000, 1001) || !ws.IsUnexpectedCloseError(err, 1000) || ws.IsUnexpectedCloseError(io.EOF) {
		t.Error("IsUnexpectedCloseError")
	}
}

// The peer closes: it gets its code back and the end of the stream, reading ends
// with its code, and Close has nothing to wait for.
func TestPeerCloses(t *testing.T) {
	errs := make(chan error, 3)
	s := serve(t, &ws.Upgrader{CloseTimeout: time.Hour}, func(conn *ws.Conn) {
		_, _, err := conn.ReadMessage()
		errs <- err
		errs <- conn.WriteMessage(ws.TextMessage, nil)
		errs <- conn.Close()
	})
	c := dial(t, s)
	c.send(frame(shut, closePayload(ws.CloseGoingAway, "bye")))
	c.wantClose(ws.CloseGoingAway)
	c.wantEnd()
	if err := wait(t, errs); !ws.IsCloseError(err, ws.CloseGoingAway) {
		t.Errorf("read: %v", err)
	}
	if err := wait(t, errs); !errors.Is(err, ws.ErrCloseSent) {
		t.Errorf("write: %v", err)
	}
	if err := wait(t, errs); err != nil {
		t.Errorf("close: %v", err)
	}
}

// We close: the peer gets a close frame, what it had still to say is dropped,
// its pings included, and its own close frame ends the connection.
func TestWeClose(t *testing.T) {
	errs := make(chan error, 3)
	s := serve(t, &ws.Upgrader{CloseTimeout: time.Hour}, func(conn *ws.Conn) {
		errs <- conn.Close()
		errs <- conn.Close()
		_, _, err := conn.ReadMessage()
		errs <- err
	})
	c := dial(t, s)
	c.wantClose(ws.CloseNormalClosure)
	c.send(frame(text, "late"))
	c.send(frame(ws.BinaryMessage, strings.Repeat("x", 50_000)))
	c.send(frame(ping, "late"))
	c.send(frame(shut, closePayload(ws.CloseNormalClosure, "")))
	c.wantEnd()
	for range 2 {
		if err := wait(t, errs); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if err := wait(t, errs); !ws.IsCloseError(err, ws.CloseNormalClosure) {
		t.Errorf("read: %v", err)
	}
}

// After WriteClose, messages can still be read, and Close sends no second frame.
func TestWriteClose(t *testing.T) {
	messages := make(chan string, 1)
	s := serve(t, new(ws.Upgrader), func(conn *ws.Conn) {
		if err := conn.WriteClose(4000, "enough"); err != nil {
			t.Error(err)
		}
		_, p, err := conn.ReadMessage()
		if err != nil {
			t.Error(err)
		}
		messages <- string(p)
	})
	c := dial(t, s)
	c.want(shut, closePayload(4000, "enough"))
	c.send(frame(text, "last"))
	if got := wait(t, messages); got != "last" {
		t.Errorf("got %q", got)
	}
	c.send(frame(shut, closePayload(4000, "")))
	c.wantEnd()
}

// Close may be called while another goroutine reads, and makes it return.
func TestCloseWhileReading(t *testing.T) {
	errs := make(chan error, 2)
	s := serve(t, &ws.Upgrader{CloseTimeout: time.Hour}, func(conn *ws.Conn) {
		closed := make(chan error)
		conn.SetPongHandler(func(string) error {
			go func() { closed <- conn.Close() }()
			return nil
		})
		_, _, err := conn.ReadMessage()
		errs <- err
		errs <- <-closed
	})
	c := dial(t, s)
	c.send(frame(pong, "reading"))
	c.wantClose(ws.CloseNormalClosure)
	c.send(frame(shut, closePayload(ws.CloseNormalClosure, "")))
	c.wantEnd()
	if err := wait(t, errs); !ws.IsCloseError(err, ws.CloseNormalClosure) {
		t.Errorf("read: %v", err)
	}
	if err := wait(t, errs); err != nil {
		t.Errorf("close: %v", err)
	}
}

// Any number of goroutines may close at any time.
func TestCloseConcurrently(t *testing.T) {
	const closers = 8
	s := serve(t, new(ws.Upgrader), func(conn *ws.Conn) {
		done := make(chan error)
		for i := range closers {
			go func() {
				if i%2 == 0 {
					conn.WriteMessage(ws.TextMessage, []byte("x"))
				}
				done <- conn.Close()
			}()
		}
		for range closers {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	c := dial(t, s)
	for {
		first, _ := c.read()
		if first == shut {
			break
		}
	}
	c.send(frame(shut, ""))
	c.wantEnd()
}

// A peer that does not answer holds Close for CloseTimeout and no longer,
// whatever else goes on.
func TestCloseTimeout(t *testing.T) {
	for _, test := range []struct {
		name  string
		peer  func(net.Conn)
		while func(*ws.Conn)
	}{
		{"silent", func(c net.Conn) { io.Copy(io.Discard, c) }, func(*ws.Conn) {}},
		{"not reading", func(net.Conn) {}, func(*ws.Conn) {}},
		{"not reading, while another writes", func(net.Conn) {}, func(conn *ws.Conn) {
			conn.WriteMessage(ws.TextMessage, make([]byte, 100_000))
		}},
		{"silent, while another reads", func(c net.Conn) { io.Copy(io.Discard, c) }, func(conn *ws.Conn) {
			conn.ReadMessage()
		}},
		{"talking", func(c net.Conn) {
			go io.Copy(io.Discard, c)
			for range time.Tick(time.Second) { // in the bubble's time
				if _, err := c.Write(frame(ping, "still here")); err != nil {
					return
				}
			}
		}, func(*ws.Conn) {}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				conn := ws.NewConn(server, nil)
				var others sync.WaitGroup
				others.Go(func() { test.peer(client) })
				others.Go(func() { test.while(conn) })
				synctest.Wait()
				start := time.Now()
				err := conn.Close()
				if d := time.Since(start); d != 5*time.Second {
					t.Errorf("it took %v", d)
				}
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("got %v", err)
				}
				client.Close()
				others.Wait()
			})
		})
	}
}

// Close in a handler, which it would wait for, ends after CloseTimeout.
func TestCloseInHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		go io.Copy(io.Discard, client)
		go client.Write(frame(pong, ""))
		conn := ws.NewConn(server, nil)
		start := time.Now()
		conn.SetPongHandler(func(string) error { return conn.Close() })
		if _, _, err := conn.ReadMessage(); err == nil || time.Since(start) != 5*time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		client.Close()
	})
}

// CloseNow ends reading, writing and Close at once, without a close frame.
func TestCloseNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		conn := ws.NewConn(server, nil)
		errs := make(chan error)
		go func() { _, _, err := conn.ReadMessage(); errs <- err }()
		go func() { errs <- conn.WriteMessage(ws.TextMessage, nil) }()
		synctest.Wait()
		go func() { errs <- conn.WriteMessage(ws.TextMessage, nil) }() // waits for the other
		go func() { _, _, err := conn.ReadMessage(); errs <- err }()
		go func() { errs <- conn.Close() }()
		synctest.Wait()
		start := time.Now()
		if err := conn.CloseNow(); err != nil {
			t.Error(err)
		}
		for range 5 {
			if err := <-errs; err == nil || !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("got %v", err)
			}
		}
		if err := conn.Close(); err != nil || time.Since(start) != 0 {
			t.Errorf("Close: %v after %v", err, time.Since(start))
		}
		if err := conn.CloseNow(); err != nil {
			t.Error(err)
		}
	})
}

// Who sends too much has the time to read why it was closed.
func TestCloseFrameSurvivesUnreadData(t *testing.T) {
	s := serve(t, &ws.Upgrader{ReadLimit: 1000}, echo)
	c := dial(t, s)
	big := frame(bin, strings.Repeat("x", 8<<20))
	sent := make(chan error)
	go func() {
		_, err := c.conn.Write(big)
		sent <- err
	}()
	if err := wait(t, sent); err != nil {
		t.Errorf("send: %v", err)
	}
	c.wantClose(ws.CloseMessageTooBig)
	c.wantEnd()
}

// A peer that is gone is no reason to wait.
// An outrunConn comes back from a write of a close frame when the peer's answer
// has been read, or fails to write it.
type outrunConn struct {
	net.Conn
	answered chan bool // closed then; nil to fail
}

func (c outrunConn) Write(p []byte) (int, error) {
	if p[0] != 0x80|ws.CloseMessage {
		return c.Conn.Write(p)
	}
	if c.answered == nil {
		c.Conn.Close()
	}
	n, err := c.Conn.Write(p)
	if err == nil {
		<-c.answered
	}
	return n, err
}

// Who has closed is known however fast the answer is, and a close frame that was
// not sent does not count.
func TestWhoHasClosed(t *testing.T) {
	s := serve(t, &ws.Upgrader{}, echo)
	for _, test := range []struct {
		answered chan bool
		want     int
	}{
		{make(chan bool), ws.CloseGoingAway},
		{nil, ws.CloseAbnormalClosure},
	} {
		dialer := func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return outrunConn{conn, test.answered}, err
		}
		conn, _, err := ws.Dial(t.Context(), s.URL, &ws.DialOptions{NetDial: dialer})
		if err != nil {
			t.Fatal(err)
		}
		conn.SetCloseHandler(func(int, string) error {
			close(test.answered)
			return nil
		})
		ended := make(chan error)
		go func() {
			_, _, err := conn.ReadMessage()
			ended <- err
		}()
		if err := conn.WriteClose(ws.CloseGoingAway, ""); (err == nil) != (test.answered != nil) {
			t.Errorf("WriteClose: %v", err)
		}
		wait(t, ended)
		conn.Close()
		if got := conn.Stats(); got.CloseCode != test.want || got.ClosedByPeer {
			t.Errorf("closed with %d, by the peer: %v; want %d", got.CloseCode, got.ClosedByPeer, test.want)
		}
	}
}

func TestCloseGone(t *testing.T) {
	errs := make(chan error, 2)
	s := serve(t, &ws.Upgrader{CloseTimeout: time.Hour}, func(conn *ws.Conn) {
		_, _, err := conn.ReadMessage()
		errs <- err
		errs <- conn.Close()
	})
	c := dial(t, s)
	c.conn.Close()
	for range 2 {
		if err := wait(t, errs); err == nil {
			t.Error("no error")
		}
	}
}

// A panic of the handler's is net/http's matter; the connection is closed by
// the deferred Close.
func TestPanic(t *testing.T) {
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(ws.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		conn.SetPongHandler(func(string) error { panic(http.ErrAbortHandler) })
		conn.ReadMessage()
	})
	c := dial(t, s)
	c.send(frame(pong, ""))
	c.wantClose(ws.CloseNormalClosure)
	c.send(frame(shut, ""))
	c.wantEnd()
}
