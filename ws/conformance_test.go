package ws_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gongular/gongular/ws"
)

// roles are both ends. What the other end sends is written down as a client's
// frames.
var roles = []struct {
	name string
	conn func(s *script) *ws.Conn
	in   func([]byte) []byte // frames as the other end sends them
	mask bool                // what this end sends is masked
}{
	{"server", func(s *script) *ws.Conn { return ws.NewConn(s, nil) }, func(b []byte) []byte { return b }, false},
	{"client", func(s *script) *ws.Conn { return ws.NewClientConn(s, nil) }, unmasked, true},
}

// unmasked turns a client's frames, which need not be good ones but have testKey
// as their key, into a server's.
func unmasked(in []byte) []byte {
	var out []byte
	for len(in) >= 2 {
		head, length := 2, uint64(in[1]&0x7f)
		switch {
		case in[1]&0x80 == 0:
			return append(out, in...)
		case length == 126 && len(in) >= 4:
			head, length = 4, uint64(binary.BigEndian.Uint16(in[2:]))
		case length == 127 && len(in) >= 10:
			head, length = 10, binary.BigEndian.Uint64(in[2:])
		}
		out = append(out, in[0], in[1]&0x7f)
		out = append(out, in[2:min(head, len(in))]...)
		in = in[min(head+4, len(in)):]
		n := min(length, uint64(len(in)))
		for i, b := range in[:n] {
			out = append(out, b^testKey[i%4])
		}
		in = in[n:]
	}
	return append(out, in...)
}

// sentFrames reads what an end has sent.
func sentFrames(t testing.TB, out []byte, masked bool) (frames []string) {
	t.Helper()
	r := bytes.NewReader(out)
	for r.Len() > 0 {
		first, payload, err := readAnyFrame(r, masked)
		if err != nil {
			t.Fatalf("sent what is no frame: %v", err)
		}
		frames = append(frames, string(rune(first))+payload)
	}
	return frames
}

// sent is a frame as sentFrames has it.
func sent(first byte, payload string) string { return string(rune(first)) + payload }

// readers are all ways to read messages.
var readers = []struct {
	name string
	read func(*ws.Conn) (int, []byte, error)
}{
	{"ReadMessage", (*ws.Conn).ReadMessage},
	{"ReadInPlace", (*ws.Conn).ReadInPlace},
	{"NextReader", func(c *ws.Conn) (int, []byte, error) {
		messageType, r, err := c.NextReader()
		if err != nil {
			return 0, nil, err
		}
		p, err := io.ReadAll(r)
		return messageType, p, err
	}},
}

// converse reads a stream of frames, echoes its messages, and returns the frames
// that were sent. Close frames are given without their reason.
func converse(t testing.TB, conn *ws.Conn, s *script, masked bool, read func(*ws.Conn) (int, []byte, error)) []string {
	t.Helper()
	for {
		messageType, p, err := read(conn)
		if err != nil {
			break
		}
		if err := conn.WriteMessage(messageType, p); err != nil {
			t.Fatal(err)
		}
	}
	frames := sentFrames(t, s.out.Bytes(), masked)
	for i, f := range frames {
		if r, size := utf8.DecodeRuneInString(f); r == shut && len(f) > size+2 {
			frames[i] = f[:size+2]
		}
	}
	return frames
}

func closed(code int) string { return sent(shut, closePayload(code, "")) }

// conversations are cases of the Autobahn test suite's groups, in our own words.
func conversations() map[string]struct {
	in   []byte
	want []string
} {
	type conversation = struct {
		in   []byte
		want []string
	}
	list := make(map[string]conversation)
	add := func(name string, in []byte, want ...string) {
		if _, ok := list[name]; ok {
			panic("two conversations " + name)
		}
		list[name] = conversation{in, want}
	}
	hi, hiBack := frame(text, "hi"), sent(text, "hi")

	// 1: framing.
	for _, size := range []int{0, 1, 125, 126, 127, 128, 65535, 65536, 65537} {
		payload := strings.Repeat("*", size)
		add(fmt.Sprint("1 text of ", size), frame(text, payload), sent(text, payload))
		payload = strings.Repeat("\xfe", size)
		add(fmt.Sprint("1 binary of ", size), frame(bin, payload), sent(bin, payload))
	}
	// 2: pings and pongs.
	for _, payload := range []string{"", "hello", "\x00\xff\xfe\xfd", strings.Repeat("\xfe", 125)} {
		add(fmt.Sprintf("2 ping of %d", len(payload)), frame(ping, payload), sent(pong, payload))
		add(fmt.Sprintf("2 unasked pong of %d", len(payload)), join(frame(pong, payload), hi), hiBack)
	}
	add("2 ping of 126", frame(ping, strings.Repeat("x", 126)), closed(1002))
	add("2 ten pings", bytes.Repeat(frame(ping, "p"), 10), slices.Repeat([]string{sent(pong, "p")}, 10)...)
	// 3: reserved bits.
	for bits := 1; bits < 8; bits++ {
		for _, first := range []byte{text, bin, ping, pong, shut, more} {
			add(fmt.Sprintf("3 bits %#x, %#x", bits, first), join(hi, frame(first|byte(bits)<<4, ""), frame(ping, "")), hiBack, closed(1002))
		}
	}
	// 4: opcodes.
	for _, opcode := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		add(fmt.Sprint("4 opcode ", opcode), join(hi, frame(fin|opcode, "x"), frame(ping, "")), hiBack, closed(1002))
		add(fmt.Sprint("4 fragment with opcode ", opcode), join(hi, frame(opcode, "")), hiBack, closed(1002))
	}
	// 5: fragmentation.
	a, b := frame(ws.TextMessage, "a"), frame(more, "b")
	add("5 two fragments", join(a, b), sent(text, "ab"))
	add("5 ping between", join(a, frame(ping, "p"), b), sent(pong, "p"), sent(text, "ab"))
	add("5 pings between many", join(a, frame(ping, "1"), frame(0, "b"), frame(ping, "2"), frame(0, ""), frame(more, "c")), sent(pong, "1"), sent(pong, "2"), sent(text, "abc"))
	add("5 fragmented ping", join(frame(ping&^fin, "a"), frame(more, "b")), closed(1002))
	add("5 fragmented pong", join(frame(pong&^fin, "a"), frame(more, "b")), closed(1002))
	add("5 fragmented close", join(frame(shut&^fin, "\x03"), frame(more, "\xe8")), closed(1002))
	add("5 continuation first", join(frame(more, "x"), hi), closed(1002))
	add("5 open continuation first", join(frame(0, "x"), hi), closed(1002))
	add("5 continuation after a message", join(hi, frame(more, "x")), hiBack, closed(1002))
	add("5 text inside", join(a, frame(text, "b")), closed(1002))
	add("5 binary inside", join(a, frame(ws.BinaryMessage, "b")), closed(1002))
	add("5 close inside", join(a, frame(shut, closePayload(1000, "")), b), closed(1000))
	add("5 two messages", join(a, b, frame(ws.BinaryMessage, "\xff"), frame(more, "\xfe")), sent(text, "ab"), sent(bin, "\xff\xfe"))
	// 6: UTF-8.
	const message = "Hello-µ@ßöäüàá-UTF-8!!\U00065432\ufffe\U0010ffff"
	for i := range len(message) + 1 {
		add(fmt.Sprint("6 fragments cut at ", i), join(frame(ws.TextMessage, message[:i]), frame(more, message[i:])), sent(text, message))
	}
	var bytewise []byte
	for i := range len(message) {
		bytewise = append(bytewise, frame(map[bool]byte{true: ws.TextMessage}[i == 0], message[i:i+1])...)
	}
	add("6 fragments of a byte", join(bytewise, frame(more, "")), sent(text, message))
	add("6 binary needs none", join(frame(ws.BinaryMessage, "\xff"), frame(more, "\xc0")), sent(bin, "\xff\xc0"))
	for _, valid := range []string{"\x00", "\x7f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufffd", "\uffff", "\U00010000", "\U0003ffff", "\U0010ffff", "κόσμε"} {
		add(fmt.Sprintf("6 %+q", valid), frame(text, valid), sent(text, valid))
	}
	for _, invalid := range []string{
		"\x80", "\xbf", "\xfe", "\xff", "\xc0 ", "\xc2", "\xe0\xa0", "\xf0\x90\x80", "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80",
		"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
		"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xbf\xbf", "\xed\xa0\x80\xed\xb0\x80", "\xf4\x90\x80\x80", "\xf7\xbf\xbf\xbf",
	} {
		whole := "κ" + invalid
		add(fmt.Sprintf("6 %+q", whole), frame(text, whole), closed(1007))
		for i := range len(whole) + 1 {
			add(fmt.Sprintf("6 %+q cut at %d", whole, i), join(frame(ws.TextMessage, whole[:i]), frame(more, whole[i:])), closed(1007))
		}
	}
	// 7: closing.
	add("7 nothing follows a close", join(hi, frame(shut, closePayload(1000, "")), frame(ping, "x"), hi), hiBack, closed(1000))
	add("7 two closes", join(frame(shut, ""), frame(shut, "")), sent(shut, ""))
	add("7 half a code", frame(shut, "\x03"), closed(1002))
	add("7 the longest reason", frame(shut, closePayload(1000, strings.Repeat("*", 123))), closed(1000))
	add("7 too long a reason", frame(shut, closePayload(1000, strings.Repeat("*", 124))), closed(1002))
	add("7 a reason that is not UTF-8", frame(shut, closePayload(1000, "κ\xed\xa0\x80")), closed(1007))
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		add(fmt.Sprint("7 code ", code), frame(shut, closePayload(code, "")), closed(code))
	}
	for _, code := range []int{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		add(fmt.Sprint("7 code ", code), frame(shut, string(binary.BigEndian.AppendUint16(nil, uint16(code)))), closed(1002))
	}
	// 9 and 10: size.
	big := strings.Repeat("*", 1<<20)
	add("9 1 MiB", frame(text, big), sent(text, big))
	add("9 over the limit", frame(text, big+"*"), closed(1009))
	for _, size := range []int{64, 1 << 10, 64 << 10} {
		var in []byte
		for rest := big; rest != ""; rest = rest[size:] {
			first := byte(0)
			if len(rest) == len(big) {
				first |= ws.BinaryMessage
			}
			if len(rest) == size {
				first |= fin
			}
			in = append(in, frame(first, rest[:size])...)
		}
		add(fmt.Sprint("9 1 MiB in fragments of ", size), in, sent(bin, big))
		in = bytes.Clone(in)
		in[len(in)-size-len(head(0, int64(size)))] &^= fin
		add(fmt.Sprint("9 over the limit in fragments of ", size), join(in, frame(more, "*")), closed(1009))
	}
	return list
}

// Both ends do what the cases want, however messages are read and the network
// cuts the stream.
func TestConformance(t *testing.T) {
	t.Parallel()
	list := conversations()
	for _, role := range roles {
		for _, reader := range readers {
			for name, test := range list {
				in := role.in(test.in)
				for _, piece := range []int{1, 997, len(in)} {
					if piece < len(in) && piece < len(in)/1000 {
						continue // it takes long and shows nothing new
					}
					s := &script{in: in, piece: piece}
					got := converse(t, role.conn(s), s, role.mask, reader.read)
					if !slices.Equal(got, test.want) {
						t.Errorf("%s, %s, %s in pieces of %d: got %d frames %s\nwant %d %s", role.name, reader.name, name, piece,
							len(got), short(strings.Join(got, "|")), len(test.want), short(strings.Join(test.want, "|")))
					}
				}
			}
		}
	}
}

// A client refuses what a server refuses, and masked frames instead of others.
func TestBadFramesForClients(t *testing.T) {
	tests := slices.Clone(badFrames)
	for i, test := range tests {
		if test.reason == "frame is not masked" {
			tests[i].in, tests[i].reason = frame(test.in[0], "x"), "frame is masked"
			continue
		}
		tests[i].in = unmasked(test.in)
	}
	for _, test := range tests {
		s := &script{in: test.in, piece: 1000}
		conn := ws.NewClientConn(s, nil)
		_, _, err := conn.ReadMessage()
		if err == nil {
			_, _, err = conn.ReadMessage()
		}
		if err == nil || !strings.HasSuffix(err.Error(), ": "+test.reason) {
			t.Errorf("%s: got %v, want %s", test.name, err, test.reason)
		}
		frames := sentFrames(t, s.out.Bytes(), true)
		if want := sent(shut, closePayload(test.code, test.reason)); len(frames) != 1 || frames[0] != want {
			t.Errorf("%s: sent %q, want %q", test.name, frames, want)
		}
	}
}

// Every frame of a client is masked with another key.
func TestMaskingKeys(t *testing.T) {
	var s script
	conn := ws.NewClientConn(&s, nil)
	keys := make(map[string]bool)
	const frames = 100
	for range frames {
		s.out.Reset()
		if err := conn.WriteMessage(ws.TextMessage, nil); err != nil {
			t.Fatal(err)
		}
		keys[s.out.String()[2:]] = true
	}
	if len(keys) < frames-1 {
		t.Errorf("%d keys", len(keys))
	}
}
