package ws_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gongular/gongular/ws"
)

const fuzzLimit = 1000

// FuzzRead reads arbitrary bytes in pieces, and compares what comes out, and what
// the peer is told, with a decoder that sees all of it at once.
func FuzzRead(f *testing.F) {
	for _, test := range badFrames {
		f.Add(test.in, byte(0))
		f.Add(test.in, byte(100))
	}
	f.Add(join(frame(ws.TextMessage, "é"), frame(ping, "p"), frame(more, "x"), frame(bin, strings.Repeat("\xff", 200)), frame(shut, "\x03\xe8bye")), byte(2))
	f.Fuzz(func(t *testing.T, in []byte, piece byte) {
		s := &script{in: in, piece: int(piece) + 1}
		conn := ws.NewConn(s, nil)
		conn.SetReadLimit(fuzzLimit)
		var got []string
		var err error
		for err == nil {
			var messageType int
			var p []byte
			if messageType, p, err = conn.ReadMessage(); err == nil {
				got = append(got, fmt.Sprintf("message %#x %q", messageType, p))
				if cap(p) > 2*fuzzLimit {
					t.Errorf("%d bytes held for %d", cap(p), len(p))
				}
			}
		}
		for s.out.Len() > 0 {
			first, payload, err := readFrame(&s.out)
			if err != nil {
				t.Fatalf("sent what is no frame: %v", err)
			}
			if first == shut && len(payload) > 2 {
				payload = payload[:2] // the reason is for people
			}
			got = append(got, fmt.Sprintf("sent %#x %q", first, payload))
		}
		messages, sent := decode(in)
		if want := append(messages, sent...); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got  %s\nwant %s\nerror %v", got, want, err)
		}
		if _, ok := errors.AsType[*ws.CloseError](err); !ok && len(sent) == 0 {
			t.Errorf("%v, and the peer was not told", err)
		}
	})
}

// decode is the plain way through a stream: the messages it has, and the frames
// that answer it.
func decode(in []byte) (messages, sent []string) {
	fail := func(code uint16) ([]string, []string) {
		return messages, append(sent, fmt.Sprintf("sent %#x %q", shut, string(binary.BigEndian.AppendUint16(nil, code))))
	}
	var opcode byte
	var data []byte
	for len(in) >= 2 {
		final, op, masked, length := in[0]&0x80 != 0, in[0]&0x0f, in[1]&0x80 != 0, uint64(in[1]&0x7f)
		isControl := op >= 8
		if in[0]&0x70 != 0 || op > 10 || op > 2 && op < 8 || !masked || isControl && (!final || length > 125) {
			return fail(1002)
		}
		rest := in[2:]
		switch {
		case length == 126 && len(rest) >= 2+4:
			if length = uint64(rest[0])<<8 | uint64(rest[1]); length < 126 {
				return fail(1002)
			}
			rest = rest[2:]
		case length == 127 && len(rest) >= 8+4:
			if length = binary.BigEndian.Uint64(rest); length < 1<<16 || length >= 1<<63 {
				return fail(1002)
			}
			rest = rest[8:]
		case length >= 126 || len(rest) < 4:
			return messages, sent
		}
		key, rest := rest[:4], rest[4:]
		if !isControl {
			if (op == 0) != (opcode != 0) {
				return fail(1002)
			}
			if length+uint64(len(data)) > fuzzLimit {
				return fail(1009)
			}
		}
		complete := uint64(len(rest)) >= length
		payload := bytes.Clone(rest[:min(length, uint64(len(rest)))])
		for i := range payload {
			payload[i] ^= key[i%4]
		}
		if !isControl {
			if op != 0 {
				opcode = op
			}
			data = append(data, payload...)
			ends := complete && final
			if opcode == 1 && (ends && !utf8.Valid(data) || !ends && !canBecomeText(data)) {
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
