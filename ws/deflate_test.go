package ws_test

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gongular/gongular/ws"
)

const rsv1 = 0x40

// deflated compresses a message of its own, as RFC 7692 section 7.2.1 has it.
func deflated(t testing.TB, data string, level int) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, data)
	w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// ones and stored are blocks written by hand: bits come with the lowest first.
const helloFixed = "\xf2\x48\xcd\xc9\xc9\x07\x00" // RFC 7692 section 7.2.3.1

func storedBlock(final byte, data string) string {
	b := []byte{final}
	b = binary.LittleEndian.AppendUint16(b, uint16(len(data)))
	b = binary.LittleEndian.AppendUint16(b, ^uint16(len(data)))
	return string(b) + data
}

// The examples of RFC 7692 section 7.2.3, and their like, in both roles.
func TestInflate(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("0123456789abcdef", 20_000)
	for _, test := range []struct {
		name   string
		frames [][]byte
		want   string // the messages, or what is wrong with the last
	}{
		{"one block", [][]byte{frame(text|rsv1, helloFixed)}, "Hello"},
		{"two fragments", [][]byte{frame(ws.TextMessage|rsv1, helloFixed[:3]), frame(more, helloFixed[3:])}, "Hello"},
		{"control frame between", [][]byte{frame(ws.TextMessage|rsv1, helloFixed[:3]), frame(pong, "x"), frame(0, ""), frame(more, helloFixed[3:])}, "Hello"},
		{"no compression", [][]byte{frame(text|rsv1, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00")}, "Hello"},
		{"final block", [][]byte{frame(text|rsv1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00")}, "Hello"},
		{"final block and nothing", [][]byte{frame(text|rsv1, "\xf3\x48\xcd\xc9\xc9\x07\x00")}, "Hello"},
		{"final blocks", [][]byte{frame(text|rsv1, storedBlock(1, "Hel")+storedBlock(1, "lo")+"\x00")}, "Hello"},
		{"stored blocks", [][]byte{frame(text|rsv1, storedBlock(0, "Hel")+storedBlock(0, "")+storedBlock(0, "lo")+"\x00")}, "Hello"},
		{"two blocks", [][]byte{frame(text|rsv1, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00")}, "Hello"},
		{"empty", [][]byte{frame(text|rsv1, "\x00")}, ""},
		{"empty without a block", [][]byte{frame(text|rsv1, "")}, ""},
		{"empty fragments", [][]byte{frame(ws.TextMessage|rsv1, ""), frame(more, "")}, ""},
		{"empty final block", [][]byte{frame(text|rsv1, "\x03\x00")}, ""},
		{"not compressed", [][]byte{frame(text, "plain"), frame(text|rsv1, helloFixed), frame(bin, "plain")}, "plain|Hello|plain"},
		{"large", [][]byte{frame(bin|rsv1, deflated(t, big, 9))}, big},
		{"large and plain", [][]byte{frame(bin|rsv1, deflated(t, big, flate.NoCompression))}, big},
		{"UTF-8 across blocks", [][]byte{frame(text|rsv1, storedBlock(0, "\xe2\x82")+storedBlock(0, "\xac")+"\x00")}, "€"},

		{"continuation is compressed", [][]byte{frame(ws.TextMessage|rsv1, helloFixed[:3]), frame(more|rsv1, helloFixed[3:])}, "1002 reserved bits are set"},
		{"control frame is compressed", [][]byte{frame(ping|rsv1, helloFixed)}, "1002 reserved bits are set"},
		{"RSV2", [][]byte{frame(text|rsv1|0x20, helloFixed)}, "1002 reserved bits are set"},
		{"truncated", [][]byte{frame(text|rsv1, helloFixed[:4])}, "1007 compressed message is corrupt or cut off"},
		{"truncated stored block", [][]byte{frame(bin|rsv1, storedBlock(0, strings.Repeat("x", 20))[:10])}, "1007 compressed message is corrupt or cut off"},
		{"truncated header of a stored block", [][]byte{frame(text|rsv1, "\x00\x05")}, "1007 compressed message is corrupt or cut off"},
		{"reserved block type", [][]byte{frame(text|rsv1, "\x06")}, "1007 compressed message is corrupt or cut off"},
		{"length of a stored block", [][]byte{frame(text|rsv1, "\x00\x05\x00\x00\x00Hello\x00")}, "1007 compressed message is corrupt or cut off"},
		{"distance too far back", [][]byte{frame(text|rsv1, "\xca\x01\x02\x00")}, "1007 compressed message is corrupt or cut off"},
		{"not deflate at all", [][]byte{frame(bin|rsv1, strings.Repeat("\xff", 100))}, "1007 compressed message is corrupt or cut off"},
		{"refers to the last message", [][]byte{frame(text|rsv1, helloFixed), frame(text|rsv1, "\xf2\x00\x11\x00\x00")}, "1007 compressed message is corrupt or cut off"},
		{"refers across a final block", [][]byte{frame(text|rsv1, "\xf3\x48\xcd\xc9\xc9\x07\x00"+"\xf2\x00\x11\x00\x00")}, "1007 compressed message is corrupt or cut off"},
		{"text", [][]byte{frame(text|rsv1, deflated(t, "a\xff", 1))}, "1007 text is not UTF-8"},
		{"text ends early", [][]byte{frame(text|rsv1, deflated(t, "a\xe2\x82", 1))}, "1007 text is not UTF-8"},
		{"over the limit", [][]byte{frame(bin|rsv1, deflated(t, strings.Repeat("x", 1<<20+1), 9))}, "1009 message of more than 1048576 bytes"},
		{"over the limit as it is", [][]byte{head(bin|rsv1, 1<<20+1<<14+1<<10+1)}, "1009 message of more than 1048576 bytes"},
	} {
		for _, reader := range readers {
			for _, client := range []bool{false, true} {
				for _, piece := range []int{1, 1000} {
					in := join(test.frames...)
					if client {
						in = unmasked(in)
					}
					s := &script{in: in, piece: piece}
					conn := ws.NewDeflateConn(s, client, ws.Compression{}, ws.Agreement{})
					var got []string
					var err error
					for err == nil {
						var p []byte
						if _, p, err = reader.read(conn); err == nil {
							got = append(got, string(p))
						}
					}
					if sent := sentFrames(t, s.out.Bytes(), client); len(sent) > 0 {
						payload := sent[0][2:]
						got = []string{fmt.Sprintf("%d %s", binary.BigEndian.Uint16([]byte(payload)), payload[2:])}
					} else if !ws.IsCloseError(err, ws.CloseAbnormalClosure) {
						t.Errorf("%s: %v", test.name, err)
					}
					if strings.Join(got, "|") != test.want {
						t.Errorf("%s, %s, client %v, in pieces of %d: got %s, want %s", test.name, reader.name, client, piece, short(strings.Join(got, "|")), short(test.want))
					}
				}
			}
		}
	}
}

// A message at the limit passes, whatever it was before.
func TestInflateLimit(t *testing.T) {
	random := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{}).Read(random)
	for _, data := range []string{strings.Repeat("x", 1<<20), string(random)} {
		for _, reader := range readers {
			conn := ws.NewDeflateConn(&script{in: frame(bin|rsv1, deflated(t, data, flate.NoCompression)), piece: 1 << 20}, false, ws.Compression{}, ws.Agreement{})
			if _, p, err := reader.read(conn); string(p) != data || err != nil {
				t.Errorf("%s: %d bytes, %v", reader.name, len(p), err)
			}
		}
	}
}

// A megabyte that inflates to a gigabyte is closed with 1009, and costs no more
// than the limit.
func TestDeflateBomb(t *testing.T) {
	unit := deflated(t, strings.Repeat("\x00", 1<<20), flate.BestCompression) + "\x00\x00\xff\xff"
	if len(unit) > 1100 {
		t.Fatalf("1 MiB is %d bytes", len(unit))
	}
	bomb := frame(bin|rsv1, strings.Repeat(unit, 1<<20/len(unit))+"\x00")
	for _, reader := range readers {
		conn := ws.NewDeflateConn(&script{in: bomb, piece: 1 << 20}, false, ws.Compression{}, ws.Agreement{})
		var err error
		if got := allocated(func() { _, _, err = reader.read(conn) }); got > 12<<20 {
			t.Errorf("%s: %d bytes were allocated", reader.name, got)
		}
		if !errors.Is(err, ws.ErrReadLimit) {
			t.Errorf("%s: %v", reader.name, err)
		}
	}
}

// The peer's messages may refer to earlier ones, as far back as was agreed on.
func TestInflateTakeover(t *testing.T) {
	// One deflater, as the peer has it.
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 9)
	random := rand.New(rand.NewPCG(1, 2))
	var in []byte
	var want []string
	for i := range 200 {
		var data []byte
		for range random.IntN(2000) {
			data = append(data, "abcdefgh"[random.IntN(8)])
		}
		if i > 0 && i%3 == 0 {
			data = append(data, want[i-1]...) // to refer to
		}
		b.Reset()
		w.Write(data)
		w.Flush()
		in = append(in, frame(bin|rsv1, strings.TrimSuffix(b.String(), "\x00\x00\xff\xff"))...)
		if i%10 == 0 {
			in = append(in, frame(bin, "plain")...) // is not part of it
		}
		want = append(want, string(data))
	}
	for _, reader := range readers {
		conn := ws.NewDeflateConn(&script{in: in, piece: 777}, false, ws.Compression{}, ws.Agreement{ClientTakeover: true})
		for i := range want {
			if _, p, err := reader.read(conn); string(p) != want[i] || err != nil {
				t.Fatalf("%s, message %d: %s, %v", reader.name, i, short(string(p)), err)
			}
			if i%10 == 0 {
				reader.read(conn)
			}
		}
	}
	// A message that is skipped is still referred to.
	conn := ws.NewDeflateConn(&script{in: in, piece: 777}, false, ws.Compression{}, ws.Agreement{ClientTakeover: true})
	for i := 0; i < len(want); i += 2 {
		if _, p, err := conn.ReadMessage(); string(p) != want[i] || err != nil {
			t.Fatalf("message %d: %s, %v", i, short(string(p)), err)
		}
		if i%10 == 0 {
			conn.ReadMessage()
		}
		if _, _, err := conn.NextReader(); err != nil {
			t.Fatal(err)
		}
	}
}

// Both ends understand each other whatever they agree on, and what they write
// stays in the window.
func TestCompression(t *testing.T) {
	t.Parallel()
	random := make([]byte, 20_000)
	rand.NewChaCha8([32]byte{1}).Read(random)
	messages := []string{"", "x", strings.Repeat("hello ", 20), strings.Repeat(`{"id":1,"name":"ada"}`, 500), string(random), strings.Repeat(string(random[:6_000]), 6)}
	for _, server := range []*ws.Compression{
		nil, {}, {Threshold: -1}, {Level: 9}, {Level: flate.HuffmanOnly, Threshold: 10}, {Level: flate.DefaultCompression},
		{ServerContextTakeover: true, Threshold: -1}, {ServerContextTakeover: true, ClientContextTakeover: true}, {ServerMaxWindowBits: 8}, {ClientMaxWindowBits: 9, ClientContextTakeover: true},
	} {
		for _, client := range []*ws.Compression{
			nil, {}, {Threshold: -1, Level: 5}, {ServerContextTakeover: true, ClientContextTakeover: true, Threshold: 1},
			{ServerMaxWindowBits: 10, ClientMaxWindowBits: 15, ClientContextTakeover: true}, {ClientMaxWindowBits: 8, ClientContextTakeover: true},
		} {
			s := serve(t, &ws.Upgrader{Compression: server}, echo)
			conn := dialWS(t, s.URL, &ws.DialOptions{Compression: client})
			for range 2 {
				for _, want := range messages {
					if err := conn.WriteMessage(ws.BinaryMessage, []byte(want)); err != nil {
						t.Fatal(err)
					}
					wantMessage(t, conn, ws.BinaryMessage, want)
				}
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// Messages below the threshold, and those that do not get smaller, go as they
// are.
func TestThreshold(t *testing.T) {
	random := make([]byte, 5000)
	rand.NewChaCha8([32]byte{2}).Read(random)
	for _, test := range []struct {
		threshold int
		takeover  bool
		data      string
		want      bool
	}{
		{0, false, strings.Repeat("x", 1023), false},
		{0, false, strings.Repeat("x", 1024), true},
		{100, false, strings.Repeat("x", 99), false},
		{100, false, strings.Repeat("x", 100), true},
		{-1, false, "xxxxxxxxxxxxxxxxxxxxx", true},
		{-1, false, "", false},
		{-1, true, "", true},
		{0, false, string(random), false},
		{0, true, string(random), true},
	} {
		var s script
		conn := ws.NewDeflateConn(&s, false, ws.Compression{Threshold: test.threshold}, ws.Agreement{ServerTakeover: test.takeover})
		if err := conn.WriteMessage(ws.BinaryMessage, []byte(test.data)); err != nil {
			t.Fatal(err)
		}
		pm, err := ws.NewPreparedMessage(ws.BinaryMessage, []byte(test.data))
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.WritePreparedMessage(pm); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if first, _, err := readFrame(&s.out); err != nil || first&rsv1 != 0 != test.want {
				t.Errorf("%d bytes, threshold %d, takeover %v: first byte %#x, %v", len(test.data), test.threshold, test.takeover, first, err)
			}
		}
	}
}

// A compressed form of a prepared message is made once for each level, and never
// for connections that cannot use it.
func TestPreparedCompressed(t *testing.T) {
	data := strings.Repeat("All work and no play makes Jack a dull boy. ", 100)
	pm, err := ws.NewPreparedMessage(ws.TextMessage, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	frames := make(map[string]bool)
	for _, test := range []struct {
		client bool
		z      ws.Compression
		a      ws.Agreement
	}{
		{false, ws.Compression{}, ws.Agreement{}},
		{false, ws.Compression{}, ws.Agreement{}},
		{false, ws.Compression{Level: 9}, ws.Agreement{}},
		{false, ws.Compression{}, ws.Agreement{ServerBits: 9}},
		{false, ws.Compression{Threshold: 1 << 20}, ws.Agreement{}},
		{false, ws.Compression{}, ws.Agreement{ServerTakeover: true}},
		{true, ws.Compression{}, ws.Agreement{}},
	} {
		var there, back script
		conn := ws.NewDeflateConn(&there, test.client, test.z, test.a)
		for range 2 {
			if err := conn.WritePreparedMessage(pm); err != nil {
				t.Fatal(err)
			}
		}
		if !test.client {
			frames[there.out.String()[:there.out.Len()/2]] = true
		}
		back.in, back.piece = there.out.Bytes(), 1000
		peer := ws.NewDeflateConn(&back, !test.client, test.z, test.a)
		for range 2 {
			wantMessage(t, peer, ws.TextMessage, data)
		}
	}
	if len(frames) != 5 {
		t.Errorf("%d different frames, want 5", len(frames))
	}
}

// What the server answers to offers.
func TestOffers(t *testing.T) {
	const none = "; server_no_context_takeover; client_no_context_takeover"
	both := &ws.Compression{ServerContextTakeover: true, ClientContextTakeover: true}
	for _, test := range []struct {
		z      *ws.Compression
		offers []string
		want   string // after the name; "-" for no extension
	}{
		{nil, []string{"permessage-deflate"}, "-"},
		{&ws.Compression{}, nil, "-"},
		{&ws.Compression{}, []string{""}, "-"},
		{&ws.Compression{}, []string{"x-webkit-deflate-frame"}, "-"},
		{&ws.Compression{}, []string{"permessage-deflate"}, none},
		{both, []string{"permessage-deflate"}, ""},
		{both, []string{"permessage-deflate; client_max_window_bits"}, ""},
		{both, []string{"permessage-deflate; client_max_window_bits=15"}, "; client_max_window_bits=15"},
		{both, []string{"permessage-deflate; client_max_window_bits=8"}, "; client_max_window_bits=8"},
		{both, []string{"permessage-deflate; server_max_window_bits=15"}, "; server_max_window_bits=15"},
		{both, []string{"permessage-deflate; server_max_window_bits=9"}, "; server_max_window_bits=9"},
		{both, []string{"permessage-deflate; server_no_context_takeover"}, "; server_no_context_takeover"},
		{both, []string{"permessage-deflate; client_no_context_takeover"}, "; client_no_context_takeover"},
		{both, []string{"permessage-deflate; server_no_context_takeover; client_no_context_takeover"}, none},
		{&ws.Compression{ClientMaxWindowBits: 10}, []string{"permessage-deflate; client_max_window_bits"}, none + "; client_max_window_bits=10"},
		{&ws.Compression{ClientMaxWindowBits: 10}, []string{"permessage-deflate; client_max_window_bits=9"}, none + "; client_max_window_bits=9"},
		{&ws.Compression{ClientMaxWindowBits: 10}, []string{"permessage-deflate"}, none},
		{&ws.Compression{ServerMaxWindowBits: 10}, []string{"permessage-deflate"}, none + "; server_max_window_bits=10"},
		{&ws.Compression{ServerMaxWindowBits: 10}, []string{"permessage-deflate; server_max_window_bits=12"}, none + "; server_max_window_bits=10"},
		{both, []string{`permessage-deflate ;	server_max_window_bits = "1\0" `}, "; server_max_window_bits=10"},
		{both, []string{"x; y=1, ,permessage-deflate"}, ""},
		{both, []string{"x", "permessage-deflate"}, ""},

		// The next offer is tried.
		{both, []string{"permessage-deflate; x, permessage-deflate; client_no_context_takeover=1, permessage-deflate; server_no_context_takeover"}, "; server_no_context_takeover"},
		{both, []string{"permessage-deflate; server_no_context_takeover; server_no_context_takeover"}, "-"},
		{both, []string{"permessage-deflate; client_max_window_bits; client_max_window_bits=10"}, "-"},
		{both, []string{"permessage-deflate; server_no_context_takeover=true"}, "-"},
		{both, []string{"permessage-deflate; server_max_window_bits"}, "-"},
		{both, []string{"permessage-deflate; server_max_window_bits=7"}, "-"},
		{both, []string{"permessage-deflate; server_max_window_bits=16"}, "-"},
		{both, []string{"permessage-deflate; server_max_window_bits=08"}, "-"},
		{both, []string{"permessage-deflate; server_max_window_bits=+9"}, "-"},
		{both, []string{"permessage-deflate; client_max_window_bits=x"}, "-"},
		{both, []string{"permessage-deflate; client_max_window_bits=99999999999999999999"}, "-"},
		{both, []string{"permessage-deflate; Server_no_context_takeover"}, "-"},

		// What is malformed has no offers.
		{both, []string{"permessage-deflate;"}, "-"},
		{both, []string{"permessage-deflate; ="}, "-"},
		{both, []string{"permessage-deflate; server_max_window_bits="}, "-"},
		{both, []string{`permessage-deflate; server_max_window_bits="10`}, "-"},
		{both, []string{`permessage-deflate; server_max_window_bits="10\`}, "-"},
		{both, []string{`permessage-deflate; server_max_window_bits="1 0"`}, "-"},
		{both, []string{`permessage-deflate; server_max_window_bits=""`}, "-"},
		{both, []string{"permessage-deflate x"}, "-"},
		{both, []string{"permessage-deflate, \x7f"}, "-"},
		{both, []string{"; permessage-deflate"}, "-"},
	} {
		got := make(chan string, 1)
		r := request(t, handshake())
		r.Header["Sec-Websocket-Extensions"] = test.offers
		client, server := net.Pipe()
		go func() {
			res, err := http.ReadResponse(newClient(t, client).r, nil)
			if err != nil {
				t.Error(err)
				got <- ""
				return
			}
			got <- strings.Join(res.Header["Sec-Websocket-Extensions"], ",")
		}()
		conn, err := (&ws.Upgrader{Compression: test.z}).Upgrade(goneWriter{nil, server}, r, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := "permessage-deflate" + test.want
		if test.want == "-" {
			want = ""
		}
		if got := wait(t, got); got != want {
			t.Errorf("%q: got %q, want %q", test.offers, got, want)
		}
		conn.CloseNow()
	}
}

// With a window that is smaller than compress/flate's, nothing refers back.
func TestNarrowWindow(t *testing.T) {
	var s script
	conn := ws.NewDeflateConn(&s, false, ws.Compression{Level: 9}, ws.Agreement{ServerBits: 9, ServerTakeover: true})
	data := strings.Repeat("abcdefgh", 1000)
	for range 2 {
		if err := conn.WriteMessage(ws.TextMessage, []byte(data)); err != nil {
			t.Fatal(err)
		}
		_, p, err := readFrame(&s.out)
		if err != nil {
			t.Fatal(err)
		}
		out, farthest, err := slowInflate([]byte(p+"\x00\x00\xff\xff"), nil)
		if string(out) != data || farthest != 0 || err != nil {
			t.Errorf("%d bytes, refers back %d, %v", len(out), farthest, err)
		}
	}
}

// A Read that is given up in the middle of a compressed message goes on.
func TestReadCompressedGivenUp(t *testing.T) {
	raw := join(frame(ws.TextMessage|rsv1, helloFixed[:3]), frame(more, helloFixed[3:]))
	for cut := range len(raw) {
		client, server := net.Pipe()
		conn := ws.NewDeflateConn(server, false, ws.Compression{}, ws.Agreement{})
		ctx, cancel := context.WithCancel(t.Context())
		given := make(chan bool)
		go func() {
			client.Write(raw[:cut])
			cancel()
			<-given
			client.Write(raw[cut:])
		}()
		if _, _, err := conn.Read(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		given <- true
		wantMessage(t, conn, ws.TextMessage, "Hello")
		conn.CloseNow()
		client.Close()
	}
}

// slowInflate inflates bit by bit, until the data ends where a block ends. It
// returns how far back anything refers.
func slowInflate(in, window []byte) (out []byte, farthest int, err error) {
	z := &slowInflater{in: in}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	for z.at < 8*len(z.in) {
		final := z.bits(1)
		switch z.bits(2) {
		case 0:
			z.at = (z.at + 7) / 8 * 8
			n, not := z.bits(16), z.bits(16)
			if n != ^not&0xffff {
				panic("stored length")
			}
			for range n {
				z.out = append(z.out, byte(z.bits(8)))
			}
		case 1:
			lengths := slices.Concat(slices.Repeat([]int{8}, 144), slices.Repeat([]int{9}, 112), slices.Repeat([]int{7}, 24), slices.Repeat([]int{8}, 8))
			z.block(slowCode(lengths), slowCode(slices.Repeat([]int{5}, 30)), window)
		case 2:
			literals, distances, n := z.bits(5)+257, z.bits(5)+1, z.bits(4)+4
			lengths := make([]int, 19)
			for i := range n {
				lengths[[]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}[i]] = z.bits(3)
			}
			code := slowCode(lengths)
			lengths = nil
			for len(lengths) < literals+distances {
				switch s := z.symbol(code); s {
				case 16:
					lengths = append(lengths, slices.Repeat(lengths[len(lengths)-1:], 3+z.bits(2))...)
				case 17:
					lengths = append(lengths, make([]int, 3+z.bits(3))...)
				case 18:
					lengths = append(lengths, make([]int, 11+z.bits(7))...)
				default:
					lengths = append(lengths, s)
				}
			}
			z.block(slowCode(lengths[:literals]), slowCode(lengths[literals:]), window)
		default:
			panic("block type")
		}
		if final == 1 {
			panic("final block")
		}
	}
	return z.out, z.farthest, nil
}

type slowInflater struct {
	in, out  []byte
	at       int // bit
	farthest int
}

func (z *slowInflater) bits(n int) (v int) {
	for i := range n {
		v |= int(z.in[z.at/8]>>(z.at%8)&1) << i
		z.at++
	}
	return v
}

// slowCode returns the canonical code: symbols by their bits, with a 1 before them.
func slowCode(lengths []int) map[int]int {
	code, next := make(map[int]int), 0
	for n := 1; n < 16; n++ {
		for symbol, length := range lengths {
			if length == n {
				code[1<<n|next] = symbol
				next++
			}
		}
		next <<= 1
	}
	return code
}

func (z *slowInflater) symbol(code map[int]int) int {
	for v, n := 1, 0; n < 16; n++ {
		v = v<<1 | z.bits(1)
		if symbol, ok := code[v]; ok {
			return symbol
		}
	}
	panic("no symbol")
}

func (z *slowInflater) block(literals, distances map[int]int, window []byte) {
	for {
		s := z.symbol(literals)
		switch {
		case s < 256:
			z.out = append(z.out, byte(s))
			continue
		case s == 256:
			return
		}
		length := []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}[s-257] +
			z.bits([]int{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}[s-257])
		d := z.symbol(distances)
		distance := 1 + d
		if d > 3 {
			distance = 1 + (2+d%2)<<(d/2-1) + z.bits(d/2-1)
		}
		z.farthest = max(z.farthest, distance)
		for range length {
			if from := len(z.out) - distance; from >= 0 {
				z.out = append(z.out, z.out[from])
			} else {
				z.out = append(z.out, window[len(window)+from])
			}
		}
	}
}
