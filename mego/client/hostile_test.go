package client_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/gongular/gongular/mego/client"
	"github.com/gongular/gongular/mego/internal/wire"
	"github.com/gongular/gongular/ws"
)

// A server that answers the first request with something that is no answer: the
// call fails with a clear error, and either the connection goes on, or it is
// closed with a code.
func TestHostileMessages(t *testing.T) {
	deep := append([]byte{0x82, 0xa1, 'i', 2, 0xa1, 'r'}, strings.Repeat("\x91", 200)...)
	closed := "mego: the connection is closed: mego: the server sent a malformed message: "
	for _, test := range []struct {
		name    string
		message []byte
		want    string
		code    int // of the close frame; 0 if the connection goes on
	}{
		{"empty", nil, closed + "msgpack: the message ends where a value should begin (byte 0)", 1007},
		{"garbage", []byte{0xc1}, closed + "msgpack: 0xc1 is never used (byte 0)", 1007},
		{"text", []byte(`{"i":2}`), closed + "msgpack: 6 bytes after the value (byte 1)", 1007},
		{"no map", []byte{0x91, 2}, closed + "not a map", 1007},
		{"truncated", []byte{0x81, 0xa1}, closed + "msgpack: fixmap of 1 pair, but 1 byte is left (byte 0)", 1007},
		{"huge array", []byte{0x81, 0xa1, 'r', 0xdd, 0xff, 0xff, 0xff, 0xff}, closed + "msgpack: array 32 of 4294967295 elements, but 0 bytes are left (byte 3)", 1007},
		{"huge bin", []byte{0x81, 0xa1, 'r', 0xc6, 0xff, 0xff, 0xff, 0xff}, closed, 1007},
		{"deep", append(deep, 1), closed + "msgpack: nested deeper than 100 (byte 105)", 1007},
		{"number a string", []byte{0x81, 0xa1, 'i', 0xa1, '2'}, closed + "the number is not an integer", 1007},
		{"event no string", []byte{0x82, 0xa1, 'i', 2, 0xa1, 'v', 5}, "mego: the server's answer is malformed: the event is not a string in UTF-8", 0},
		{"error no map", []byte{0x82, 0xa1, 'i', 2, 0xa1, 'e', 5}, "mego: the server's answer is malformed: the error is not a map", 0},
		{"code no integer", []byte{0x82, 0xa1, 'i', 2, 0xa1, 'e', 0x81, 0xa1, 'c', 0xa1, 'x'}, "mego: the server's answer is malformed: the error's code is not an integer", 0},
		{"chunk of nothing", []byte{0x82, 0xa1, 'i', 2, 0xa1, 'v', 0xad, 'M', 'e', 'g', 'o', 'C', 'h', 'u', 'n', 'k', 'N', 'e', 'x', 't'}, "mego: the server's answer is one to a chunk, and none was sent", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			ended := make(chan int, 1)
			s := serveHandler(t, scripted(t, func(p *peer) {
				p.read()
				p.send(test.message)
				for {
					_, message, err := p.conn.ReadMessage()
					if e, ok := errors.AsType[*ws.CloseError](err); ok {
						ended <- e.Code
					}
					if err != nil {
						return
					}
					if r, err := wire.ParseRequest(message); err == nil {
						p.reply(r, "fine")
					}
				}
			}))
			c := s.client(t)
			seen := events(c, "Close")
			must(t, c.Connect())
			var dest any
			err := c.Call("x").EndStruct(&dest)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.HasPrefix(test.want, "mego: the connection is closed") != errors.Is(err, client.ErrClosed) {
				t.Errorf("got error %q, want %q", err, test.want)
			}
			if test.code == 0 {
				if got, err := client.Call[string](t.Context(), c, "x"); err != nil || got != "fine" {
					t.Errorf("then got %q, %v", got, err)
				}
				return
			}
			if code := wait(t, ended); code != test.code {
				t.Errorf("closed with %d, want %d", code, test.code)
			}
			if got := wait(t, seen); !strings.HasPrefix(got, fmt.Sprintf("Close map[code:%d reason:mego: the server sent a malformed message", test.code)) {
				t.Errorf("seen %s", got)
			}
		})
	}
}

// Answers to nobody, answers that come twice, and events with numbers: nothing
// happens.
func TestHostileAnswers(t *testing.T) {
	s := serveHandler(t, scripted(t, func(p *peer) {
		for {
			r, ok := p.read()
			if !ok {
				return
			}
			for _, id := range []int64{r.ID + 1, r.ID - 1, -r.ID, 0, 1 << 62, -1 << 63} {
				p.respond(wire.Response{ID: id, Result: encode(t, "wrong")})
			}
			p.respond(wire.Response{Event: "said", ID: r.ID})
			p.send([]byte{0x82, 0xa1, 'i', 0, 0xa1, 'v', 5})
			p.reply(r, r.ID)
			p.reply(r, "twice")
			p.respond(wire.Response{ID: r.ID, Code: 5})
			p.respond(wire.Response{ID: r.ID, Event: wire.ChunkAbort})
		}
	}))
	c := s.client(t)
	seen := events(c, "said", "Error")
	must(t, c.Connect())
	for range 100 {
		r := c.Call("x")
		var got int
		if err := r.EndStruct(&got); err != nil || got != r.ID {
			t.Fatalf("got %d, %v, want %d", got, err, r.ID)
		}
		wantNext(t, seen, "Error mego: the server's answer is malformed: the event is not a string in UTF-8")
	}
	if n := c.Waiting(); n != 0 || len(seen) != 0 {
		t.Errorf("%d answers are waited for, %d events more", n, len(seen))
	}
}

type connKey struct{}

// raw is a server that, instead of answering the first request, writes bytes to
// the network. If reset is set, it then resets the connection.
func raw(t *testing.T, after []byte, reset bool) *server {
	u := &ws.Upgrader{}
	done := make(chan struct{})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		conn, err := u.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		p := &peer{t, conn}
		hello, _ := p.read()
		p.reply(hello, nil)
		p.read()
		socket := r.Context().Value(connKey{}).(*net.TCPConn)
		if _, err := socket.Write(after); err != nil {
			t.Error(err)
		}
		if reset {
			socket.SetLinger(0)
			return
		}
		p.drain()
	}))
	srv.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, c)
	}
	srv.Start()
	t.Cleanup(func() {
		srv.Close()
		<-done
	})
	return &server{url: "ws" + strings.TrimPrefix(srv.URL, "http")}
}

// Frames that are none, of lengths that nobody sends, and that are cut off.
func TestHostileFrames(t *testing.T) {
	huge := append([]byte{0x82, 127}, binary.BigEndian.AppendUint64(nil, 1<<40)...)
	for _, test := range []struct {
		name  string
		bytes []byte
		want  string // part of the error
		code  int
	}{
		{"reserved bits", []byte{0xf2, 0}, "failed with close code 1002", 1006},
		{"masked", []byte{0x82, 0x81, 1, 2, 3, 4, 5}, "failed with close code 1002", 1006},
		{"huge", huge, "failed with close code 1009 (message too big): message of more than 16777216 bytes", 1009},
		{"huge and cut", append([]byte{0x82, 127}, binary.BigEndian.AppendUint64(nil, 16<<20)...), "", 1006},
		{"cut in the header", []byte{0x82, 126, 1}, "", 1006},
		{"cut in the payload", []byte{0x82, 10, 0x81}, "", 1006},
		{"nothing", nil, "", 1006},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := raw(t, test.bytes, test.want == "").client(t)
			seen := make(chan int, 1)
			c.On("Close", func(e *client.Event) {
				var frame struct{ Code int }
				if err := e.Bind(&frame); err != nil {
					t.Error(err)
				}
				seen <- frame.Code
			})
			must(t, c.Connect())
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := c.Call("x").End()
			runtime.ReadMemStats(&after)
			if !errors.Is(err, client.ErrClosed) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want %q", err, test.want)
			}
			if code := wait(t, seen); code != test.code {
				t.Errorf("closed with %d, want %d", code, test.code)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
				t.Errorf("%d bytes were allocated", grown)
			}
		})
	}
}
