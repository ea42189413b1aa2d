package ws_test

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/gongular/gongular/ws"
)

// echoInPlace sends all messages back without a copy of its own.
func echoInPlace(conn *ws.Conn) {
	for m, err := range conn.Messages(conn.Request().Context()) {
		if err != nil || conn.WriteMessage(m.Type, m.Data) != nil {
			return
		}
	}
}

var echoes = []struct {
	name string
	echo func(*ws.Conn)
}{
	{"ReadMessage", echo},
	{"InPlace", func(conn *ws.Conn) {
		for {
			messageType, p, err := conn.ReadInPlace()
			if err != nil || conn.WriteMessage(messageType, p) != nil {
				return
			}
		}
	}},
	{"Messages", echoInPlace},
}

// One message there and back over loopback, by a client that does nothing else.
func BenchmarkEcho(b *testing.B) {
	for _, size := range []int{32, 1 << 10, 16 << 10, 1 << 20} {
		for _, e := range echoes {
			b.Run(fmt.Sprintf("%d/%s", size, e.name), func(b *testing.B) {
				c := dial(b, serve(b, &ws.Upgrader{ReadLimit: -1}, e.echo))
				message := frame(bin, strings.Repeat("x", size))
				answer := make([]byte, len(message)-4)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					c.send(message)
					if _, err := io.ReadFull(c.conn, answer); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// 16 messages are sent at once, and their answers come back.
func BenchmarkPipelined(b *testing.B) {
	const inFlight = 16
	for _, size := range []int{32, 1 << 10} {
		for _, e := range echoes {
			b.Run(fmt.Sprintf("%d/%s", size, e.name), func(b *testing.B) {
				c := dial(b, serve(b, new(ws.Upgrader), e.echo))
				messages := []byte(strings.Repeat(string(frame(bin, strings.Repeat("x", size))), inFlight))
				answers := make([]byte, len(messages)-4*inFlight)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for n := 0; b.Loop(); n++ {
					if n%inFlight > 0 {
						continue
					}
					c.send(messages)
					if _, err := io.ReadFull(c.conn, answers); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// A compressed message there and back, by our client.
func BenchmarkCompressed(b *testing.B) {
	text := []byte(strings.Repeat(`{"id":12345,"name":"Ada Lovelace","tags":["a","b"]},`, 20)[:1024])
	for name, z := range map[string]*ws.Compression{
		"alone":    {},
		"takeover": {ServerContextTakeover: true, ClientContextTakeover: true},
	} {
		b.Run(name, func(b *testing.B) {
			conn := dialWS(b, serve(b, &ws.Upgrader{Compression: z}, echoInPlace).URL, &ws.DialOptions{Compression: z})
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if err := conn.WriteMessage(ws.TextMessage, text); err != nil {
					b.Fatal(err)
				}
				if _, _, err := conn.ReadInPlace(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A message to many connections, encoded once.
func BenchmarkPrepared(b *testing.B) {
	pm, err := ws.NewPreparedMessage(ws.TextMessage, []byte(strings.Repeat("x", 128)))
	if err != nil {
		b.Fatal(err)
	}
	started := make(chan *ws.Conn)
	s := serve(b, new(ws.Upgrader), func(conn *ws.Conn) {
		started <- conn
		conn.ReadInPlace()
	})
	c := dial(b, s)
	conn := <-started
	go io.Copy(io.Discard, bufio.NewReaderSize(c.conn, 1<<20))
	b.ReportAllocs()
	for b.Loop() {
		if err := conn.WritePreparedMessage(pm); err != nil {
			b.Fatal(err)
		}
	}
}
