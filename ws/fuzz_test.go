package ws_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gongular/gongular/ws"
)

const fuzzLimit = 1000

// FuzzRead reads arbitrary bytes in pieces, at both ends, in all ways, with and
// without compression, and compares what comes out, and what the peer is told,
// with a decoder that sees all of it at once.
func FuzzRead(f *testing.F) {
	for _, test := range badFrames {
		f.Add(test.in, byte(0), byte(0))
		f.Add(unmasked(test.in), byte(100), byte(1))
	}
	mixed := join(frame(ws.TextMessage, "é"), frame(ping, "p"), frame(more, "x"), frame(bin, strings.Repeat("\xff", 200)), frame(shut, "\x03\xe8bye"))
	compressed := join(frame(ws.TextMessage|rsv1, helloFixed[:3]), frame(ping, "p"), frame(more, helloFixed[3:]), frame(bin|rsv1, storedBlock(1, "x")+"\x00"), frame(text|rsv1, ""))
	for how := range byte(12) {
		f.Add(mixed, byte(2), how)
		f.Add(unmasked(mixed), byte(2), how)
		f.Add(compressed, byte(2), how)
		f.Add(unmasked(compressed), byte(2), how)
	}
	f.Fuzz(func(t *testing.T, in []byte, piece, how byte) {
		client, deflates, reader := how&1 != 0, how&2 != 0, readers[how/4%3]
		s := &script{in: in, piece: int(piece) + 1}
		conn := ws.NewConn(s, nil)
		switch {
		case deflates:
			conn = ws.NewDeflateConn(s, client, ws.Compression{}, ws.Agreement{})
		case client:
			conn = ws.NewClientConn(s, nil)
		}
		conn.SetReadLimit(fuzzLimit)
		var got []string
		var err error
		for err == nil {
			var messageType int
			var p []byte
			if messageType, p, err = reader.read(conn); err == nil {
				got = append(got, fmt.Sprintf("message %#x %q", messageType, p))
				if cap(p) > 2*fuzzLimit && reader.name == "ReadMessage" {
					t.Errorf("%d bytes held for %d", cap(p), len(p))
				}
			}
		}
		for s.out.Len() > 0 {
			first, payload, err := readAnyFrame(&s.out, client)
			if err != nil {
				t.Fatalf("sent what is no frame: %v", err)
			}
			if first == shut && len(payload) > 2 {
				payload = payload[:2] // the reason is for people
			}
			got = append(got, fmt.Sprintf("sent %#x %q", first, payload))
		}
		messages, sent := decode(in, !client, deflates)
		have, want := fmt.Sprint(got), fmt.Sprint(append(messages, sent...))
		if deflates {
			// Which of two offences is found first depends on the pieces.
			have, want = strings.ReplaceAll(have, `\x03\xf1`, `\x03\xef`), strings.ReplaceAll(want, `\x03\xf1`, `\x03\xef`)
		}
		if have != want {
			t.Errorf("got  %s\nwant %s\nerror %v", have, want, err)
		}
		if _, ok := errors.AsType[*ws.CloseError](err); !ok && len(sent) == 0 {
			t.Errorf("%v, and the peer was not told", err)
		}
	})
}

// decode is the plain way through a stream: the messages it has, and the frames
// that answer it.
func decode(in []byte, masks, deflates bool) (messages, sent []string) {
	fail := func(code uint16) ([]string, []string) {
		return messages, append(sent, fmt.Sprintf("sent %#x %q", shut, string(binary.BigEndian.AppendUint16(nil, code))))
	}
	var opcode byte
	var data []byte
	var compressed bool
	for len(in) >= 2 {
		final, op, masked, length := in[0]&0x80 != 0, in[0]&0x0f, in[1]&0x80 != 0, uint64(in[1]&0x7f)
		isControl, reserved := op >= 8, in[0]&0x70
		if deflates && (op == 1 || op == 2) {
			reserved &^= rsv1
		}
		if reserved != 0 || op > 10 || op > 2 && op < 8 || masked != masks || isControl && (!final || length > 125) {
			return fail(1002)
		}
		rest, keySize := in[2:], 0
		if masks {
			keySize = 4
		}
		switch {
		case length == 126 && len(rest) >= 2+keySize:
			if length = uint64(rest[0])<<8 | uint64(rest[1]); length < 126 {
				return fail(1002)
			}
			rest = rest[2:]
		case length == 127 && len(rest) >= 8+keySize:
			if length = binary.BigEndian.Uint64(rest); length < 1<<16 || length >= 1<<63 {
				return fail(1002)
			}
			rest = rest[8:]
		case length >= 126 || len(rest) < keySize:
			return messages, sent
		}
		key := []byte{0, 0, 0, 0}
		copy(key, rest[:keySize])
		rest = rest[keySize:]
		if !isControl {
			if (op == 0) != (opcode != 0) {
				return fail(1002)
			}
			if op != 0 {
				opcode, compressed = op, in[0]&rsv1 != 0
			}
			limit := uint64(fuzzLimit)
			if compressed {
				limit += limit/64 + 1024
			}
			if length+uint64(len(data)) > limit {
				return fail(1009)
			}
		}
		complete := uint64(len(rest)) >= length
		payload := bytes.Clone(rest[:min(length, uint64(len(rest)))])
		for i := range payload {
			payload[i] ^= key[i%4]
		}
		if !isControl {
			data = append(data, payload...)
			ends := complete && final
			if compressed && ends {
				var ok bool
				if data, ok = inflateAtOnce(data); !ok {
					return fail(1007)
				}
				if len(data) > fuzzLimit {
					return fail(1009)
				}
			}
			if opcode == 1 && (ends && !utf8.Valid(data) || !ends && !compressed && !canBecomeText(data)) {
				return fail(1007)
			}
			if ends {
				messages = append(messages, fmt.Sprintf("message %#x %q", opcode, data))
				opcode, data = 0, nil
			}
		}
		if !complete {
			return messages, sent
		}
		in = rest[length:]
		switch op {
		case 8:
			if len(payload) == 0 {
				return messages, append(sent, fmt.Sprintf("sent %#x %q", shut, ""))
			}
			if len(payload) == 1 {
				return fail(1002)
			}
			code := binary.BigEndian.Uint16(payload)
			if !legalCodes.MatchString(fmt.Sprint(code)) {
				return fail(1002)
			}
			if !utf8.Valid(payload[2:]) {
				return fail(1007)
			}
			return fail(code)
		case 9:
			sent = append(sent, fmt.Sprintf("sent %#x %q", pong, payload))
		}
	}
	return messages, sent
}

// inflateAtOnce inflates a message, without a limit.
func inflateAtOnce(payload []byte) ([]byte, bool) {
	const tail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"
	r := strings.NewReader(string(payload) + tail)
	out := []byte{}
	for r.Len() > len(tail) {
		p, err := io.ReadAll(flate.NewReader(r))
		out = append(out, p...)
		if err != nil || 0 < r.Len() && r.Len() < len(tail) {
			return out, false
		}
	}
	return out, true
}

// FuzzInflate compares a message that is inflated in pieces with one that is
// inflated at once, and lets nothing out that is not in the slow inflater too.
func FuzzInflate(f *testing.F) {
	for _, p := range []string{"", "\x00", helloFixed, storedBlock(1, "a") + storedBlock(0, "b") + "\x00", "\x06", deflated(f, strings.Repeat("abc", 1000), 9)} {
		f.Add([]byte(p), byte(0))
	}
	f.Fuzz(func(t *testing.T, payload []byte, piece byte) {
		if len(payload) > 2000 {
			return
		}
		conn := ws.NewDeflateConn(&script{in: frame(bin|rsv1, string(payload)), piece: 5000}, false, ws.Compression{}, ws.Agreement{})
		_, r, err := conn.NextReader()
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		for p := make([]byte, int(piece)+1); err == nil; {
			var n int
			n, err = r.Read(p)
			got = append(got, p[:n]...)
		}
		want, ok := inflateAtOnce(payload)
		if ok && len(want) <= 1<<20 && (err != io.EOF || !bytes.Equal(got, want)) {
			t.Errorf("got %d bytes and %v, want %d", len(got), err, len(want))
		}
		if !ok && err == io.EOF {
			t.Errorf("got %q of what is corrupt", got)
		}
		if slow, _, slowErr := slowInflate(append(bytes.Clone(payload), "\x00\x00\xff\xff"...), nil); slowErr == nil && err == io.EOF && !bytes.Equal(got, slow) {
			t.Errorf("got %q, the slow way %q", got, slow)
		}
	})
}

// FuzzDeflate writes arbitrary messages, whole and in fragments, and reads them.
func FuzzDeflate(f *testing.F) {
	f.Add([]byte("hello"), byte(3), byte(1))
	f.Add([]byte(strings.Repeat("abc", 10_000)), byte(200), byte(15))
	f.Fuzz(func(t *testing.T, data []byte, piece, how byte) {
		client := how&1 != 0
		a := ws.Agreement{ServerTakeover: how&2 != 0, ClientTakeover: how&4 != 0}
		if how&8 != 0 {
			a.ServerBits, a.ClientBits = 9, 10
		}
		var there, back script
		z := ws.Compression{Threshold: -1}
		conn := ws.NewDeflateConn(&there, client, z, a)
		for range 2 {
			if err := conn.WriteMessage(ws.BinaryMessage, data); err != nil {
				t.Fatal(err)
			}
			w, err := conn.NextWriter(ws.BinaryMessage)
			if err != nil {
				t.Fatal(err)
			}
			for rest := data; len(rest) > 0; {
				n := min(len(rest), 64*int(piece)+1)
				if _, err := w.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		back.in, back.piece = there.out.Bytes(), 1000
		peer := ws.NewDeflateConn(&back, !client, z, a)
		peer.SetReadLimit(-1)
		for i := range 4 {
			if _, p, err := peer.ReadInPlace(); err != nil || !bytes.Equal(p, data) {
				t.Fatalf("message %d: %d bytes, %v", i, len(p), err)
			}
		}
	})
}

// FuzzExtensions offers and answers arbitrary extensions: what is agreed on is in
// range, and the answer is one that our client takes.
func FuzzExtensions(f *testing.F) {
	f.Add("permessage-deflate; server_no_context_takeover; client_max_window_bits", byte(0))
	f.Add(`x, permessage-deflate; server_max_window_bits="10", permessage-deflate`, byte(9))
	f.Fuzz(func(t *testing.T, value string, how byte) {
		z := &ws.Compression{ServerContextTakeover: how&1 != 0, ClientContextTakeover: how&2 != 0}
		if how&4 != 0 {
			z.ServerMaxWindowBits, z.ClientMaxWindowBits = 9, 10
		}
		if answer := ws.AcceptExtensions(z, value); answer != "" {
			if !extensionsForm.MatchString(value) || !strings.Contains(value, "permessage-deflate") {
				t.Errorf("%q was answered with %q", value, answer)
			}
			if again := ws.AcceptExtensions(z, answer); again == "" {
				t.Errorf("%q was answered with %q, which is no offer", value, answer)
			}
		}
		if ws.AgreeExtensions(nil, value) == nil && strings.Trim(value, " \t,") != "" {
			t.Errorf("%q was agreed on without an offer", value)
		}
		if ws.AgreeExtensions(z, value) == nil && !extensionsForm.MatchString(value) {
			t.Errorf("%q was agreed on", value)
		}
		// Both ends agree on the server's answer to the client's offer.
		if err := ws.AgreeExtensions(z, ws.AcceptExtensions(z, ws.OfferExtensions(z))); err != nil {
			t.Error(err)
		}
	})
}

var extensionsForm = func() *regexp.Regexp {
	const token, blank = "[!#$%&'*+.^_`|~0-9A-Za-z-]+", `[ \t]*`
	value := "(" + token + `|"(` + token[:len(token)-1] + `|\\` + token[:len(token)-1] + `)+")`
	param := blank + ";" + blank + token + blank + "(=" + blank + value + blank + ")?"
	return regexp.MustCompile("^[ \t,]*(" + token + blank + "(" + param + ")*(,[ \t,]*|$))*$")
}()

// FuzzAnswer lets the client judge arbitrary answers: it never takes one that
// lacks what RFC 6455 asks for, and never waits.
func FuzzAnswer(f *testing.F) {
	good := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\r\n"
	f.Add(good)
	f.Add(good + "\x81\x00")
	f.Add("HTTP/1.1 103 Early Hints\r\n\r\n" + good)
	f.Add("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
	f.Fuzz(func(t *testing.T, answer string) {
		conn, res, err := ws.Dial(t.Context(), "ws://example.com", &ws.DialOptions{
			Proxy: noProxy,
			NetDial: func(context.Context, string, string) (net.Conn, error) {
				return &answerer{answer: answer}, nil
			},
		})
		switch {
		case err != nil && conn != nil, err == nil && (conn == nil || res == nil):
			t.Errorf("%v, %v, %v", conn, res, err)
		case err == nil && !goodAnswerForm.MatchString(answer):
			t.Errorf("took %q", answer)
		}
		if err == nil {
			conn.CloseNow()
		}
	})
}

var goodAnswerForm = regexp.MustCompile(`(?is)^.*HTTP/1\.[1-9]\d*\s+101.*\nupgrade:[ \t]*websocket.*`)

// An answerer answers a request, whose key it puts in the place of KEY.
type answerer struct {
	script
	answer string
}

func (a *answerer) Read(p []byte) (int, error) {
	if a.in == nil {
		r, err := http.ReadRequest(bufio.NewReader(&a.out))
		if err != nil {
			return 0, err
		}
		a.in, a.piece = []byte(strings.ReplaceAll(a.answer, "KEY", ws.AcceptKey(r.Header.Get("Sec-WebSocket-Key")))), 1000
	}
	return a.script.Read(p)
}

func (a *answerer) SetDeadline(time.Time) error { return nil }

var legalCodes = regexp.MustCompile(`^(100[01237-9]|101[0-4]|[34]\d\d\d)$`)

// canBecomeText reports whether something can follow that makes it UTF-8.
func canBecomeText(p []byte) bool {
	for _, next := range []string{"", "\x80", "\x90", "\xa0"} {
		for _, last := range []string{"", "\x80", "\x80\x80"} {
			if utf8.Valid(append(bytes.Clone(p), next+last...)) {
				return true
			}
		}
	}
	return false
}

// FuzzHandshake checks arbitrary requests, and compares the verdict with one
// that is put together from regular expressions.
func FuzzHandshake(f *testing.F) {
	for _, test := range refusals {
		f.Add([]byte(test.request))
	}
	f.Add([]byte(handshake("Origin: https://example.com:443", "Connection: a, uPgrade", "Sec-WebSocket-Protocol: a,b , c")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return
		}
		u := &ws.Upgrader{Subprotocols: []string{"b"}}
		err = u.Check(r)
		e, _ := errors.AsType[*ws.HandshakeError](err)
		if err != nil && (e == nil || e.Status < 400 || e.Reason == "") {
			t.Fatalf("refused with %#v", err)
		}
		r.Header.Del("Origin")
		if e != nil && e.Status == http.StatusForbidden {
			err = nil
		}
		if want := isHandshake(r); want != (err == nil) {
			t.Errorf("%v, want it accepted: %v", err, want)
		}
		if err != nil {
			return
		}
		conn := &goneConn{}
		if _, err := u.Upgrade(goneWriter{nil, conn}, r, nil); err == nil || !conn.closed {
			t.Errorf("upgraded on a connection that is gone")
		}
	})
}

var (
	upgradeToken    = regexp.MustCompile(`(^|,)[ \t]*[wW][eE][bB][sS][oO][cC][kK][eE][tT][ \t]*(,|$)`)
	connectionToken = regexp.MustCompile(`(^|,)[ \t]*[uU][pP][gG][rR][aA][dD][eE][ \t]*(,|$)`)
)

func isHandshake(r *http.Request) bool {
	key := r.Header.Values("Sec-WebSocket-Key")
	if len(key) != 1 || strings.ContainsAny(key[0], "\r\n") {
		return false
	}
	nonce, err := base64.StdEncoding.DecodeString(key[0])
	return err == nil && len(nonce) == 16 && r.Method == "GET" && r.Proto == "HTTP/1.1" && r.ContentLength == 0 &&
		upgradeToken.MatchString(strings.Join(r.Header.Values("Upgrade"), ",")) &&
		connectionToken.MatchString(strings.Join(r.Header.Values("Connection"), ",")) &&
		strings.Join(r.Header.Values("Sec-WebSocket-Version"), ",") == "13"
}
