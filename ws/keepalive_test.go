package ws_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/ws"
)

// alive runs a connection that is kept alive, in a bubble.
func alive(t *testing.T, f func(t *testing.T, conn *ws.Conn, peer net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		peer, server := net.Pipe()
		defer peer.Close()
		conn := ws.NewAliveConn(server, 30*time.Second, 10*time.Second)
		defer conn.CloseNow()
		f(t, conn, peer)
	})
}

// A silent peer is pinged, and found dead if it does not answer.
func TestDeadPeer(t *testing.T) {
	for _, reads := range []bool{true, false} {
		alive(t, func(t *testing.T, conn *ws.Conn, peer net.Conn) {
			frames := make(chan string, 10)
			if reads {
				go func() {
					for {
						first, p, err := readFrame(peer)
						if err != nil {
							close(frames)
							return
						}
						frames <- sent(first, p)
					}
				}()
			}
			start := time.Now()
			_, _, err := conn.ReadMessage()
			want, took := "websocket: no answer to a ping within 10s", time.Since(start)
			if !errors.Is(err, ws.ErrPongTimeout) || err.Error() != want {
				t.Errorf("got %v", err)
			}
			// Who does not even take the close frame may hold us for a second.
			if took != 40*time.Second && (reads || took != 41*time.Second) {
				t.Errorf("it took %v", took)
			}
			if _, _, again := conn.ReadMessage(); again != err {
				t.Errorf("then %v", again)
			}
			if err := conn.WriteMessage(ws.TextMessage, nil); err == nil {
				t.Error("wrote to the dead")
			}
			if reads {
				if got := []string{<-frames, <-frames}; got[0] != sent(ping, "") || got[1] != sent(shut, closePayload(1001, "no pong")) {
					t.Errorf("the peer got %q", got)
				}
			}
			if s := conn.Stats(); s.Duration != took || s.CloseCode == 0 || s.ClosedByPeer {
				t.Errorf("got %+v", s)
			}
		})
	}
}

// Whatever arrives is a sign of life: a pong, or a byte in the middle of a message.
func TestLivingPeer(t *testing.T) {
	slow := head(bin, 1000)
	for name, answer := range map[string]func(i int) []byte{
		"pongs":    func(int) []byte { return frame(pong, "") },
		"messages": func(i int) []byte { return frame(text, fmt.Sprint(i)) },
		"one byte": func(i int) []byte { return append(slow, make([]byte, 100)...)[i : i+1] },
	} {
		alive(t, func(t *testing.T, conn *ws.Conn, peer net.Conn) {
			const pings = 100
			start := time.Now()
			go func() {
				for i := range pings {
					first, _, err := readFrame(peer)
					if first != ping || err != nil {
						t.Errorf("%s: got %#x, %v", name, first, err)
					}
					time.Sleep(9 * time.Second) // before the timeout
					peer.Write(answer(i))
				}
				peer.Write(nil)
				go io.Copy(io.Discard, peer) // the last ping and the close frame
			}()
			for {
				if _, _, err := conn.ReadMessage(); err != nil {
					if took := time.Since(start); !errors.Is(err, ws.ErrPongTimeout) || took != pings*39*time.Second+40*time.Second {
						t.Errorf("%s: got %v after %v", name, err, took)
					}
					return
				}
			}
		})
	}
}

// Who talks is not pinged.
func TestTalkingPeer(t *testing.T) {
	alive(t, func(t *testing.T, conn *ws.Conn, peer net.Conn) {
		go func() {
			for range 100 {
				time.Sleep(29 * time.Second)
				peer.Write(frame(text, "x"))
			}
			peer.Write(frame(shut, closePayload(1000, "")))
		}()
		var first byte
		got := make(chan bool)
		go func() {
			first, _, _ = readFrame(peer)
			close(got)
		}()
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				break
			}
		}
		<-got
		if first != shut {
			t.Errorf("the peer got %#x", first)
		}
	})
}

// While nobody reads, pings are sent, but nothing is concluded from the silence.
func TestNobodyReads(t *testing.T) {
	alive(t, func(t *testing.T, conn *ws.Conn, peer net.Conn) {
		pings := make(chan int)
		go func() {
			n := 0
			for {
				first, _, err := readFrame(peer)
				if err != nil {
					pings <- n
					return
				}
				if first == ping {
					n++
				}
			}
		}()
		time.Sleep(time.Hour)
		go func() {
			time.Sleep(9 * time.Second)
			peer.Write(frame(text, "late"))
		}()
		if _, p, err := conn.ReadMessage(); string(p) != "late" || err != nil {
			t.Errorf("got %q, %v", p, err)
		}
		// A Read that is given up before the timeout is no reason either.
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
			if _, _, err := conn.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			cancel()
		}
		conn.CloseNow()
		if n := <-pings; n < 90 {
			t.Errorf("%d pings in more than an hour", n)
		}
	})
}

// A ping that waits behind a message that nobody takes is not answered either.
func TestDeadPeerWhileWriting(t *testing.T) {
	alive(t, func(t *testing.T, conn *ws.Conn, peer net.Conn) {
		start, written := time.Now(), make(chan error)
		go func() { written <- conn.WriteMessage(ws.TextMessage, make([]byte, 100_000)) }()
		_, _, err := conn.ReadMessage()
		if !errors.Is(err, ws.ErrPongTimeout) || time.Since(start) != 40*time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		if err := <-written; err == nil {
			t.Error("the message was written")
		}
	})
}

// The timer ends with the connection.
func TestKeepAliveEnds(t *testing.T) {
	alive(t, func(t *testing.T, conn *ws.Conn, peer net.Conn) {
		go io.Copy(io.Discard, peer)
		conn.CloseNow()
		time.Sleep(time.Hour)
		if _, _, err := conn.ReadMessage(); errors.Is(err, ws.ErrPongTimeout) {
			t.Error(err)
		}
	})
}

// Over loopback, both ends keep each other alive.
func TestKeepAlive(t *testing.T) {
	errs := make(chan error, 1)
	s := serve(t, &ws.Upgrader{PingInterval: time.Millisecond, PongTimeout: patience}, func(conn *ws.Conn) {
		_, _, err := conn.ReadMessage()
		errs <- err
	})
	pings := 0
	conn := dialWS(t, s.URL, &ws.DialOptions{PingInterval: time.Millisecond, PongTimeout: patience})
	conn.SetPingHandler(func(data string) error {
		if pings++; pings == 20 {
			return conn.WriteClose(1000, "")
		}
		return conn.WriteControl(ws.PongMessage, []byte(data), time.Time{})
	})
	if _, _, err := conn.ReadMessage(); !ws.IsCloseError(err, 1000) {
		t.Errorf("got %v", err)
	}
	if err := wait(t, errs); !ws.IsCloseError(err, 1000) {
		t.Errorf("the server got %v", err)
	}
}

func TestStats(t *testing.T) {
	text := strings.Repeat("x", 2000)
	stats := make(chan ws.Stats, 2)
	s := serve(t, &ws.Upgrader{Compression: &ws.Compression{}}, func(conn *ws.Conn) {
		if s := conn.Stats(); s.CloseCode != 0 || s.MessagesRead != 0 || s.Duration <= 0 {
			t.Errorf("at first %+v", s)
		}
		echo(conn)
		conn.Close()
		stats <- conn.Stats()
		stats <- conn.Stats()
	})
	conn := dialWS(t, s.URL, &ws.DialOptions{Compression: &ws.Compression{}})
	for _, p := range []string{"", "abc", text} {
		if err := conn.WriteMessage(ws.TextMessage, []byte(p)); err != nil {
			t.Fatal(err)
		}
		_, r, err := conn.NextReader()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); string(got) != p || err != nil {
			t.Fatalf("got %s, %v", short(string(got)), err)
		}
	}
	w, _ := conn.NextWriter(ws.BinaryMessage)
	io.WriteString(w, text)
	w.Close()
	wantMessage(t, conn, ws.BinaryMessage, text)
	if err := conn.WriteControl(ws.PingMessage, nil, time.Time{}); err != nil {
		t.Error(err)
	}
	conn.WriteClose(4000, "")
	conn.Close()
	mine, theirs, again := conn.Stats(), wait(t, stats), wait(t, stats)
	if theirs != again || theirs.Duration <= 0 {
		t.Errorf("after the end %+v, then %+v", theirs, again)
	}
	mine.Duration, theirs.Duration = 0, 0
	if want := (ws.Stats{MessagesRead: 4, MessagesWritten: 4, BytesRead: 4003, BytesWritten: 4003, CloseCode: 4000}); mine != want {
		t.Errorf("client: got %+v, want %+v", mine, want)
	}
	if want := (ws.Stats{MessagesRead: 4, MessagesWritten: 4, BytesRead: 4003, BytesWritten: 4003, CloseCode: 4000, ClosedByPeer: true}); theirs != want {
		t.Errorf("server: got %+v, want %+v", theirs, want)
	}
}

// An end without any close frame has code 1006.
func TestStatsOfAbruptEnd(t *testing.T) {
	conn := ws.NewConn(&script{}, nil)
	conn.ReadMessage()
	conn.CloseNow()
	if s := conn.Stats(); s.CloseCode != ws.CloseAbnormalClosure || s.ClosedByPeer {
		t.Errorf("got %+v", s)
	}
}
