package ws_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"net"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular/ws"
)

// long returns the start of a frame whose length has 16 or 64 bits.
func long[N uint16 | uint64](first byte, length N) []byte {
	b := []byte{first, 0x80 | 126}
	if reflect.TypeFor[N]().Kind() == reflect.Uint64 {
		b[1]++
	}
	b, _ = binary.Append(b, binary.BigEndian, length)
	return append(b, testKey...)
}

var badFrames = []struct {
	name   string
	in     []byte
	code   int
	reason string
}{
	{"RSV1", frame(text|0x40, "x"), 1002, "reserved bits are set"},
	{"RSV2", frame(text|0x20, "x"), 1002, "reserved bits are set"},
	{"RSV3", frame(ping|0x10, "x"), 1002, "reserved bits are set"},
	{"opcode 3", frame(fin|3, "x"), 1002, "reserved opcode"},
	{"opcode 7", frame(fin|7, "x"), 1002, "reserved opcode"},
	{"opcode 11", frame(fin|11, "x"), 1002, "reserved opcode"},
	{"opcode 15", frame(fin|15, "x"), 1002, "reserved opcode"},
	{"not masked", []byte{text, 1, 'x'}, 1002, "frame is not masked"},
	{"ping not masked", []byte{ping, 0}, 1002, "frame is not masked"},
	{"fragmented ping", frame(ping&^fin, "x"), 1002, "fragmented control frame"},
	{"fragmented close", frame(shut&^fin, ""), 1002, "fragmented control frame"},
	{"long ping", frame(ping, strings.Repeat("x", 126)), 1002, "control frame of more than 125 bytes"},
	{"very long pong", head(pong, 1<<17), 1002, "control frame of more than 125 bytes"},
	{"bad header, the rest missing", []byte{text | 0x40, 0xff}, 1002, "reserved bits are set"},
	{"125 in 16 bits", long[uint16](text, 125), 1002, "length is not in its shortest form"},
	{"65535 in 64 bits", long[uint64](text, 65535), 1002, "length is not in its shortest form"},
	{"125 in 16 bits, whole", append(long[uint16](text, 125), masked(strings.Repeat("x", 125))...), 1002, "length is not in its shortest form"},
	{"nothing in 16 bits", long[uint16](text, 0), 1002, "length is not in its shortest form"},
	{"1000 in 64 bits, whole", append(long[uint64](bin, 1000), masked(strings.Repeat("x", 1000))...), 1002, "length is not in its shortest form"},
	{"5 in 64 bits, whole", append(long[uint64](bin, 5), masked("hello")...), 1002, "length is not in its shortest form"},
	{"text that is not masked, whole", []byte("\x81\x05hello"), 1002, "frame is not masked"},
	{"64 bits of length", long[uint64](bin, 1<<63), 1002, "length has its highest bit set"},
	{"continuation first", frame(more, "x"), 1002, "continuation without a message"},
	{"open continuation first", frame(0, "x"), 1002, "continuation without a message"},
	{"continuation after the end", join(frame(ws.TextMessage, "x"), frame(more, "y"), frame(more, "z")), 1002, "continuation without a message"},
	{"message inside a message", join(frame(ws.TextMessage, "x"), frame(text, "y")), 1002, "new message before the end of the last"},
	{"other message inside a message", join(frame(ws.TextMessage, "x"), frame(bin, "y")), 1002, "new message before the end of the last"},
	{"limit", head(bin, 1<<20+1), 1009, "message of more than 1048576 bytes"},
	{"limit, 63 bits", head(bin, math.MaxInt64), 1009, "message of more than 1048576 bytes"},
	{"limit of all fragments", join(frame(ws.BinaryMessage, "x"), head(more, 1<<20)), 1009, "message of more than 1048576 bytes"},
	{"text", frame(text, "a\xff"), 1007, "text is not UTF-8"},
	{"text ends early", frame(text, "a\xe2\x82"), 1007, "text is not UTF-8"},
	{"fragments end early", join(frame(ws.TextMessage, "a\xe2\x82"), frame(more, "")), 1007, "text is not UTF-8"},
	{"fragments do not fit", join(frame(ws.TextMessage, "a\xe2\x82"), frame(0, "b")), 1007, "text is not UTF-8"},
	{"surrogate at once", append(head(text, 1000), masked("\xed\xa0")...), 1007, "text is not UTF-8"},
	{"beyond Unicode at once", append(head(text, 1000), masked("κόσμε\xf4\x90")...), 1007, "text is not UTF-8"},
	{"overlong at once", append(head(text, 1000), masked("\xc0")...), 1007, "text is not UTF-8"},
	{"half a close code", frame(shut, "\x03"), 1002, "half a close code"},
	{"close reason", frame(shut, closePayload(1000, "\xff")), 1007, "close reason is not UTF-8"},
	{"close code 0", frame(shut, closePayload(0, "")), 1002, "close code 0"},
	{"close code 999", frame(shut, closePayload(999, "")), 1002, "close code 999"},
	{"close code 1004", frame(shut, closePayload(1004, "")), 1002, "close code 1004"},
	{"close code 1005", frame(shut, "\x03\xed"), 1002, "close code 1005"},
	{"close code 1006", frame(shut, closePayload(1006, "")), 1002, "close code 1006"},
	{"close code 1015", frame(shut, closePayload(1015, "")), 1002, "close code 1015"},
	{"close code 1016", frame(shut, closePayload(1016, "")), 1002, "close code 1016"},
	{"close code 2999", frame(shut, closePayload(2999, "")), 1002, "close code 2999"},
	{"close code 5000", frame(shut, closePayload(5000, "")), 1002, "close code 5000"},
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// Each offence is answered with its code as soon as it shows, the connection is
// closed in order, and the error stays.
func TestBadFrames(t *testing.T) {
	errs := make(chan error, 2)
	s := serve(t, new(ws.Upgrader), func(conn *ws.Conn) {
		for range 2 {
			_, p, err := conn.ReadMessage()
			if err == nil {
				_, p, err = conn.ReadMessage()
			}
			if p != nil {
				t.Errorf("a message with the error: %q", p)
			}
			errs <- err
		}
	})
	for _, test := range badFrames {
		t.Run(test.name, func(t *testing.T) {
			c := dial(t, s)
			c.send(test.in)
			if got := c.wantClose(test.code); got != test.reason {
				t.Errorf("reason %q, want %q", got, test.reason)
			}
			c.wantEnd()
			first, second := wait(t, errs), wait(t, errs)
			if first != second || !strings.HasSuffix(first.Error(), ": "+test.reason) {
				t.Errorf("got %v, then %v", first, second)
			}
			if got := errors.Is(first, ws.ErrReadLimit); got != (test.code == ws.CloseMessageTooBig) {
				t.Errorf("%v is ErrReadLimit: %v", first, got)
			}
		})
	}
}

func TestErrorText(t *testing.T) {
	conn := ws.NewConn(&script{in: frame(text, "\xff"), piece: 100}, nil)
	_, _, err := conn.ReadMessage()
	if want := "websocket: failed with close code 1007 (invalid payload data): text is not UTF-8"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

// Every legal close code is answered with the same.
func TestCloseCodes(t *testing.T) {
	errs := make(chan error, 1)
	s := serve(t, new(ws.Upgrader), func(conn *ws.Conn) {
		_, _, err := conn.ReadMessage()
		errs <- err
	})
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		c := dial(t, s)
		c.send(frame(shut, closePayload(code, "why ü")))
		if reason := c.wantClose(code); reason != "" {
			t.Errorf("reason %q", reason)
		}
		c.wantEnd()
		e, ok := errors.AsType[*ws.CloseError](wait(t, errs))
		if !ok || *e != (ws.CloseError{Code: code, Text: "why ü"}) {
			t.Errorf("%d: got %v", code, e)
		}
	}
	c := dial(t, s)
	c.send(frame(shut, ""))
	c.want(shut, "")
	c.wantEnd()
	if err := wait(t, errs); !ws.IsCloseError(err, ws.CloseNoStatusReceived) {
		t.Errorf("no code: got %v", err)
	}
}

func TestEcho(t *testing.T) {
	s := serve(t, &ws.Upgrader{ReadLimit: -1}, echo)
	c := dial(t, s)
	for _, size := range []int{0, 1, 125, 126, 4090, 4096, 16 << 10, 65535, 65536, 65537, 3 << 20} {
		payload := strings.Repeat("abcdefg", size/7+1)[:size]
		go c.conn.Write(frame(bin, payload))
		c.want(bin, payload)
	}
}

func TestFragments(t *testing.T) {
	s := serve(t, new(ws.Upgrader), echo)
	c := dial(t, s)
	for _, test := range []struct {
		name   string
		frames [][]byte
		first  byte
		want   string
	}{
		{"two", [][]byte{frame(ws.TextMessage, "a"), frame(more, "b")}, text, "ab"},
		{"three", [][]byte{frame(ws.BinaryMessage, "a"), frame(0, "\xff"), frame(more, "c")}, bin, "a\xffc"},
		{"empty ones", [][]byte{frame(ws.TextMessage, ""), frame(0, ""), frame(more, "")}, text, ""},
		{"empty first", [][]byte{frame(ws.TextMessage, ""), frame(more, "x")}, text, "x"},
		{"empty last", [][]byte{frame(ws.TextMessage, "x"), frame(more, "")}, text, "x"},
		{"growing", [][]byte{frame(ws.BinaryMessage, strings.Repeat("a", 20000)), frame(0, "b"), frame(more, strings.Repeat("c", 70000))}, bin,
			strings.Repeat("a", 20000) + "b" + strings.Repeat("c", 70000)},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.t = t
			for _, f := range test.frames {
				c.send(f)
				c.send(join(frame(ping, "between"), frame(pong, "unasked")))
			}
			got := make(map[byte][]string)
			for range len(test.frames) + 1 {
				first, payload := c.read()
				got[first] = append(got[first], payload)
			}
			if len(got[pong]) != len(test.frames) || len(got[test.first]) != 1 || got[test.first][0] != test.want {
				t.Errorf("got %d pongs and %d messages", len(got[pong]), len(got[test.first]))
			}
		})
	}
}

// A ping is answered with its data before the message around it has ended.
func TestPing(t *testing.T) {
	s := serve(t, new(ws.Upgrader), echo)
	c := dial(t, s)
	for _, data := range []string{"", "x", strings.Repeat("y", 125), "\xff\x00"} {
		c.send(frame(ping, data))
		c.want(pong, data)
	}
	c.send(frame(ws.TextMessage, "a"))
	c.send(frame(ping, "between"))
	c.want(pong, "between")
	c.send(frame(more, "b"))
	c.want(text, "ab")
}

func TestHandlers(t *testing.T) {
	stop := errors.New("stop")
	for _, test := range []struct {
		name    string
		in      []byte
		set     func(*ws.Conn, *[]string)
		want    string // what the handlers were given
		wantErr error
		answer  []byte
	}{
		{"ping", frame(ping, "a"), func(c *ws.Conn, got *[]string) {
			c.SetPingHandler(func(s string) error {
				*got = append(*got, "ping "+s)
				return c.WriteControl(ws.PongMessage, []byte("b"), time.Time{})
			})
		}, "ping a", nil, []byte{pong, 1, 'b'}},
		{"pong", frame(pong, "a"), func(c *ws.Conn, got *[]string) {
			c.SetPongHandler(func(s string) error { *got = append(*got, "pong "+s); return nil })
		}, "pong a", nil, nil},
		{"failing pong", frame(pong, "a"), func(c *ws.Conn, got *[]string) {
			c.SetPongHandler(func(s string) error { return stop })
		}, "", stop, nil},
		{"failing ping", frame(ping, "a"), func(c *ws.Conn, got *[]string) {
			c.SetPingHandler(func(s string) error { return stop })
		}, "", stop, nil},
		{"close", frame(shut, closePayload(4000, "bye")), func(c *ws.Conn, got *[]string) {
			c.SetCloseHandler(func(code int, text string) error {
				*got = append(*got, text)
				return c.WriteClose(4001, "")
			})
		}, "bye", &ws.CloseError{Code: 4000, Text: "bye"}, []byte{shut, 2, 4001 >> 8, 4001 & 0xff}},
		{"failing close", frame(shut, ""), func(c *ws.Conn, got *[]string) {
			c.SetCloseHandler(func(code int, text string) error { return stop })
		}, "", stop, nil},
		{"defaults again", frame(ping, "a"), func(c *ws.Conn, got *[]string) {
			c.SetPingHandler(func(string) error { return stop })
			c.SetPingHandler(nil)
		}, "", nil, []byte{pong, 1, 'a'}},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := &script{in: test.in, piece: 100}
			conn := ws.NewConn(in, nil)
			var got []string
			test.set(conn, &got)
			_, _, err := conn.ReadMessage()
			if test.wantErr == nil {
				test.wantErr = &ws.CloseError{Code: ws.CloseAbnormalClosure, Text: "unexpected EOF"}
			}
			if err.Error() != test.wantErr.Error() {
				t.Errorf("got error %v, want %v", err, test.wantErr)
			}
			if got := strings.Join(got, " "); got != test.want {
				t.Errorf("handlers got %q, want %q", got, test.want)
			}
			if !bytes.Equal(in.out.Bytes(), test.answer) {
				t.Errorf("answered %q, want %q", in.out.Bytes(), test.answer)
			}
		})
	}
}

// Text is the same wherever it is split: into fragments, or by the network.
func TestTextSplit(t *testing.T) {
	const message = "a\u07ff\u0800κόσμε€\ud7ff\ue000\uffff𐍈\U0010ffff"
	for i := range len(message) + 1 {
		for _, in := range []*script{
			{in: join(frame(ws.TextMessage, message[:i]), frame(more, message[i:])), piece: 1000},
			{in: join(frame(ws.TextMessage, message[:i]), frame(0, ""), frame(more, message[i:])), piece: 1000},
			{in: frame(text, message), piece: i + 1},
		} {
			_, p, err := ws.NewConn(in, nil).ReadMessage()
			if err != nil || string(p) != message {
				t.Errorf("at %d: %q, %v", i, p, err)
			}
		}
	}
}

// What is not UTF-8 is found at the first byte that shows it, even if the
// message has not ended.
func TestTextFailsFast(t *testing.T) {
	for _, bad := range []string{
		"\x80", "\xc0", "\xc1", "\xc2 ", "\xc2\xc2", "\xe0\x9f", "\xe0\xa0 ", "\xed\xa0", "\xef\xbf\xff",
		"\xf0\x8f", "\xf0\x90\x80 ", "\xf4\x90", "\xf5", "\xfe", "\xff",
	} {
		for prefix := range 12 {
			payload := strings.Repeat("x", prefix) + bad
			for piece := 1; piece < 10; piece++ {
				in := &script{in: append(head(text, 1000), masked(payload)...), piece: piece}
				_, _, err := ws.NewConn(in, nil).ReadMessage()
				if !strings.HasSuffix(err.Error(), "text is not UTF-8") {
					t.Errorf("%q in pieces of %d: %v", payload, piece, err)
				}
				in = &script{in: append(head(text, 1000), masked(payload[:len(payload)-1])...), piece: piece}
				_, _, err = ws.NewConn(in, nil).ReadMessage()
				if !ws.IsCloseError(err, ws.CloseAbnormalClosure) {
					t.Errorf("%q in pieces of %d: %v", payload[:len(payload)-1], piece, err)
				}
			}
		}
	}
}

func TestReadLimit(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	for _, test := range []struct {
		limit int64
		size  int
		want  error
	}{
		{0, 1 << 20, nil},
		{0, 1<<20 + 1, ws.ErrReadLimit},
		{10, 10, nil},
		{10, 11, ws.ErrReadLimit},
		{1, 0, nil},
		{-1, 1<<20 + 1, nil},
		{math.MaxInt64, 1<<20 + 1, nil},
	} {
		conn := ws.NewConn(&script{in: frame(bin, (big + "y")[:test.size]), piece: 1 << 20}, nil)
		conn.SetReadLimit(test.limit)
		_, p, err := conn.ReadMessage()
		if !errors.Is(err, test.want) || err == nil && len(p) != test.size {
			t.Errorf("limit %d: %d bytes of %d, %v", test.limit, len(p), test.size, err)
		}
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Memory follows what has arrived, not what is announced.
func TestMemoryOfAnnouncedLength(t *testing.T) {
	in := &script{in: append(head(bin, 1<<40), "0123456789"...), piece: 1000}
	conn := ws.NewConn(in, nil)
	conn.SetReadLimit(-1)
	if got := allocated(func() { conn.ReadMessage() }); got > 2*ws.FirstPiece {
		t.Errorf("%d bytes for ten", got)
	}
}

// Nor does a message of tiny fragments cost more than twice its size to copy.
func TestMemoryOfFragments(t *testing.T) {
	const fragments = 100_000
	b := frame(ws.BinaryMessage, "x")
	for range fragments {
		b = append(b, frame(0, "x")...)
	}
	in := &script{in: append(b, frame(more, "x")...), piece: 4096}
	conn := ws.NewConn(in, nil)
	var p []byte
	got := allocated(func() { _, p, _ = conn.ReadMessage() })
	if len(p) != fragments+2 || got > 4*fragments {
		t.Errorf("%d bytes for %d", got, len(p))
	}
}

// A short message costs one allocation, the slice that is given away.
func TestReadAllocs(t *testing.T) {
	in := &script{piece: 1000}
	conn := ws.NewConn(in, nil)
	raw, rest := frame(text, "hello, world"), make([]byte, 0, 100)
	got := testing.AllocsPerRun(100, func() {
		in.in = append(rest, raw...)
		if _, _, err := conn.ReadMessage(); err != nil {
			t.Fatal(err)
		}
	})
	if got != 1 {
		t.Errorf("%v allocations", got)
	}
}

func TestReadJSON(t *testing.T) {
	in := &script{in: join(frame(text, `{"a":1}`), frame(text, `{"a":`), frame(text, ""), frame(bin, `{"a":2}`)), piece: 1000}
	conn := ws.NewConn(in, nil)
	var v struct{ A int }
	for i, want := range []string{"", "websocket: unexpected end of JSON input", "websocket: unexpected end of JSON input", ""} {
		err := conn.ReadJSON(&v)
		if got := textOf(err); got != want {
			t.Errorf("message %d: %q, want %q", i, got, want)
		}
	}
	if v.A != 2 {
		t.Errorf("got %+v", v)
	}
	if err := conn.ReadJSON(&v); !ws.IsCloseError(err, ws.CloseAbnormalClosure) {
		t.Errorf("at the end: %v", err)
	}
}

// textOf returns the error's text, or "".
func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A peer that goes away without a close frame is CloseAbnormalClosure wherever
// it stops.
func TestTruncated(t *testing.T) {
	whole := join(frame(ws.TextMessage, "ab"), frame(ping, "p"), frame(more, strings.Repeat("c", 200)))
	for i := range len(whole) {
		conn := ws.NewConn(&script{in: whole[:i], piece: 7}, nil)
		_, p, err := conn.ReadMessage()
		if p != nil || !ws.IsCloseError(err, ws.CloseAbnormalClosure) {
			t.Errorf("after %d bytes: %q, %v", i, p, err)
		}
	}
}

// A reset is an error like any other, and nothing waits for the peer then.
func TestReset(t *testing.T) {
	ready, errs := make(chan bool, 1), make(chan error, 2)
	s := serve(t, &ws.Upgrader{CloseTimeout: time.Hour}, func(conn *ws.Conn) {
		ready <- true
		_, _, err := conn.ReadMessage()
		errs <- err
		errs <- conn.Close()
	})
	c := dial(t, s)
	wait(t, ready)
	c.send(head(text, 100))
	c.conn.(*net.TCPConn).SetLinger(0)
	c.conn.Close()
	if err := wait(t, errs); err == nil {
		t.Error("read a message")
	}
	if err := wait(t, errs); err == nil {
		t.Error("closed in order")
	}
}

// A missed deadline ends reading, also where it is set while reading.
func TestReadDeadline(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	conn := ws.NewConn(server, nil)
	defer conn.CloseNow()
	reading, errs := make(chan bool, 1), make(chan error, 1)
	conn.SetPongHandler(func(string) error { reading <- true; return nil })
	go func() {
		_, _, err := conn.ReadMessage()
		errs <- err
	}()
	client.Write(frame(pong, ""))
	wait(t, reading)
	conn.SetReadDeadline(time.Now().Add(-time.Second))
	first := wait(t, errs)
	conn.SetReadDeadline(time.Time{})
	_, _, second := conn.ReadMessage()
	if e, ok := errors.AsType[net.Error](first); !ok || !e.Timeout() || second != first {
		t.Errorf("got %v, then %v", first, second)
	}
}

// Several readers get whole messages, each one once.
func TestConcurrentReaders(t *testing.T) {
	const messages, readers = 300, 4
	var in []byte
	for i := range messages {
		in = append(in, frame(bin, strings.Repeat("x", i))...)
	}
	conn := ws.NewConn(&script{in: in, piece: 100}, nil)
	got := make(chan int, messages)
	done := make(chan error, readers)
	for range readers {
		go func() {
			for {
				_, p, err := conn.ReadMessage()
				if err != nil {
					done <- err
					return
				}
				got <- len(p)
			}
		}()
	}
	for range readers {
		if err := wait(t, done); !ws.IsCloseError(err, ws.CloseAbnormalClosure) {
			t.Error(err)
		}
	}
	close(got)
	seen := make(map[int]bool)
	for size := range got {
		seen[size] = true
	}
	if len(seen) != messages {
		t.Errorf("%d messages, want %d", len(seen), messages)
	}
}
