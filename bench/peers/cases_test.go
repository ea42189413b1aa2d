package peers_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular/ws"
)

// A testCase is something that both ends of a connection have to be able to do.
type testCase struct {
	name    string
	options options
	run     func(t *testing.T, p *pair)
}

var cases = []testCase{
	{"text", options{}, func(t *testing.T, p *pair) { p.exchange(t, text, "Grüße, 世界 🌍\x00") }},
	{"binary", options{}, func(t *testing.T, p *pair) { p.exchange(t, binary, allBytes) }},
	{"empty", options{}, func(t *testing.T, p *pair) {
		p.exchange(t, text, "")
		p.exchange(t, binary, "")
	}},
	{"sizes", options{}, func(t *testing.T, p *pair) {
		for _, size := range []int{1, 125, 126, 127, 65535, 65536, 65537} {
			p.exchange(t, binary, randomBytes(size))
		}
	}},
	{"1 MiB", options{}, func(t *testing.T, p *pair) {
		p.exchange(t, binary, randomBytes(1<<20))
		p.exchange(t, text, strings.Repeat("€uro", 1<<20/6))
	}},
	{"crossing", options{}, testCrossing},
	{"fragments of ours", options{}, testOurFragments},
	{"fragments of theirs", options{}, testTheirFragments},
	{"ping of ours", options{}, testOurPing},
	{"ping of theirs", options{}, testTheirPing},
	{"close of ours", options{}, func(t *testing.T, p *pair) { testOurClose(t, p, 4321, "genug – ☂") }},
	{"close of ours, longest reason", options{}, func(t *testing.T, p *pair) { testOurClose(t, p, 3000, strings.Repeat("x", 123)) }},
	{"close of ours, 1000", options{}, testOurNormalClose},
	{"close of theirs", options{}, func(t *testing.T, p *pair) { testTheirClose(t, p, 4321, "genug – ☂") }},
	{"close of theirs, longest reason", options{}, func(t *testing.T, p *pair) { testTheirClose(t, p, 3000, strings.Repeat("x", 123)) }},
	{"close of theirs, 1000", options{}, func(t *testing.T, p *pair) { testTheirClose(t, p, 1000, "") }},
	{"subprotocol", options{offered: []string{"v1", "v2"}, spoken: []string{"v2"}}, func(t *testing.T, p *pair) { testSubprotocol(t, p, "v2") }},
	{"no common subprotocol", options{offered: []string{"v1"}}, func(t *testing.T, p *pair) { testSubprotocol(t, p, "") }},
	{"compression of ours", options{compression: alone}, func(t *testing.T, p *pair) { testOurCompression(t, p, 4*squeezed) }},
	{"compression of theirs", options{compression: alone}, func(t *testing.T, p *pair) { testTheirCompression(t, p, 4*squeezed) }},
	{"context takeover of ours", options{compression: takeover}, func(t *testing.T, p *pair) { testOurCompression(t, p, squeezed+3*referring) }},
	{"context takeover of theirs", options{compression: takeover}, func(t *testing.T, p *pair) { testTheirCompression(t, p, squeezed+3*referring) }},
	{"compressed fragments of ours", options{compression: takeover}, testOurFragments},
	{"compressed fragments of theirs", options{compression: takeover}, testTheirFragments},
	{"compressed crossing", options{compression: alone}, testCrossing},
	{"compressed crossing, takeover", options{compression: takeover}, testCrossing},
	{"bad text of ours", options{}, testOurBadText},
	{"bad text of theirs", options{}, testTheirBadText},
}

// allBytes has each value of a byte once.
var allBytes = func() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}()

// randomBytes returns bytes that are the same each time.
func randomBytes(size int) string {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{31: byte(size)}).Read(b)
	return string(b)
}

// whatOf is how events call a type of message.
func whatOf(messageType int) string {
	if messageType == binary {
		return "binary"
	}
	return "text"
}

// exchange sends a message from either end.
func (p *pair) exchange(t *testing.T, messageType int, data string) {
	t.Helper()
	must(t, p.ours.WriteMessage(messageType, []byte(data)))
	p.theirs.expect(t, event{what: whatOf(messageType), data: data})
	must(t, p.theirs.send(messageType, []byte(data)))
	p.expect(t, messageType, data)
}

// expect reads a message at our end.
func (p *pair) expect(t *testing.T, messageType int, data string) {
	t.Helper()
	gotType, got, err := p.ours.ReadMessage()
	if err != nil {
		t.Fatal("our end: ", err)
	}
	if gotType != messageType || string(got) != data {
		t.Fatalf("our end got %v\nwant %v", event{what: whatOf(gotType), data: string(got)}, event{what: whatOf(messageType), data: data})
	}
}

// expectClose reads at our end until the peer closes with the code and reason.
func (p *pair) expectClose(t *testing.T, code int, reason string) {
	t.Helper()
	_, data, err := p.ours.ReadMessage()
	if err == nil {
		t.Fatalf("our end got a message of %d bytes, want close code %d", len(data), code)
	}
	e, ok := errors.AsType[*ws.CloseError](err)
	if !ok || e.Code != code || e.Text != reason {
		t.Fatalf("our end ends with: %v\nwant close code %d, reason %q", err, code, reason)
	}
}

// Both ends send many messages of all sizes at the same time.
func testCrossing(t *testing.T, p *pair) {
	const messages = 200
	message := func(i int) (int, string) {
		size := 1 << (i % 14)
		messageType := text + i%2
		s := fmt.Sprintf("%d %s", i, strings.Repeat("ab", size/2))
		return messageType, s
	}
	sent := make(chan error, 2)
	go func() {
		for i := range messages {
			messageType, s := message(i)
			if err := p.ours.WriteMessage(messageType, []byte(s)); err != nil {
				sent <- fmt.Errorf("our end: %w", err)
				return
			}
		}
		sent <- nil
	}()
	go func() {
		for i := range messages {
			messageType, s := message(i)
			if err := p.theirs.send(messageType, []byte(s)); err != nil {
				sent <- fmt.Errorf("their end: %w", err)
				return
			}
		}
		sent <- nil
	}()
	for i := range messages {
		messageType, s := message(i)
		p.expect(t, messageType, s)
		p.theirs.expect(t, event{what: whatOf(messageType), data: s})
	}
	must(t, await(t, sent))
	must(t, await(t, sent))
}

// A message of ours in fragments that end within characters, with pings between.
func testOurFragments(t *testing.T, p *pair) {
	message := strings.Repeat("ß€", 20_000)
	w, err := p.ours.NextWriter(ws.TextMessage)
	must(t, err)
	for part := range slices.Chunk([]byte(message), 30_001) {
		_, err := w.Write(part)
		must(t, err)
		must(t, p.ours.WriteControl(ws.PingMessage, []byte("between"), time.Now().Add(patience)))
	}
	must(t, w.Close())
	p.theirs.expect(t, event{what: "text", data: message})
	p.exchange(t, binary, "after")
}

// A message of the peer's in fragments, and an ordinary one after it.
func testTheirFragments(t *testing.T, p *pair) {
	for _, messageType := range []int{text, binary} {
		parts := [][]byte{[]byte(strings.Repeat("erster ", 1000)), []byte(strings.Repeat("zweiter ", 30_000)), []byte("letzter")}
		must(t, p.theirs.fragments(messageType, parts))
		p.expect(t, messageType, string(parts[0])+string(parts[1])+string(parts[2]))
	}
	p.exchange(t, text, "after")
}

// Our pings are answered with what they say.
func testOurPing(t *testing.T, p *pair) {
	var pongs []string
	p.ours.SetPongHandler(func(data string) error {
		pongs = append(pongs, data)
		return nil
	})
	pings := []string{"", "are you there?", allBytes[:125]}
	for _, data := range pings {
		must(t, p.ours.WriteControl(ws.PingMessage, []byte(data), time.Now().Add(patience)))
		p.exchange(t, text, "pinged")
	}
	if fmt.Sprintf("%q", pongs) != fmt.Sprintf("%q", pings) {
		t.Errorf("pongs %q, want %q", pongs, pings)
	}
}

// Pings of the peer's are answered with what they say, while we read.
func testTheirPing(t *testing.T, p *pair) {
	for _, data := range []string{"a", "are you there?", allBytes[:125]} {
		read := make(chan string, 1)
		go func() {
			_, got, err := p.ours.ReadMessage()
			read <- fmt.Sprint(string(got), err)
		}()
		must(t, p.theirs.ping([]byte(data)))
		p.theirs.expect(t, event{what: "pong", data: data})
		must(t, p.theirs.send(text, []byte("pinged")))
		if got := await(t, read); got != "pinged<nil>" {
			t.Fatal("our end: ", got)
		}
	}
}

// The peer learns the code and reason of our close frame, and answers it.
func testOurClose(t *testing.T, p *pair, code int, reason string) {
	must(t, p.ours.WriteClose(code, reason))
	want := event{what: "closed", data: reason, code: code}
	if p.peer.blind {
		want = event{what: "closed"}
	}
	p.expectAnswer(t, code)
	must(t, p.ours.Close())
	p.theirs.expect(t, want)
}

// expectAnswer reads the answer to our close frame, whatever reason it repeats.
func (p *pair) expectAnswer(t *testing.T, code int) {
	t.Helper()
	if p.peer.answer != 0 {
		code = p.peer.answer
	}
	_, _, err := p.ours.ReadMessage()
	if !ws.IsCloseError(err, code) {
		t.Fatalf("our end ends with: %v\nwant the answer %d", err, code)
	}
}

// Close says 1000, and that the peer has answered.
func testOurNormalClose(t *testing.T, p *pair) {
	must(t, p.ours.Close())
	want := event{what: "closed", code: ws.CloseNormalClosure}
	if p.peer.blind {
		want.code = 0
	}
	p.theirs.expect(t, want)
}

// Our end learns the code and reason of the peer's close frame, and answers it
// to the peer's satisfaction.
func testTheirClose(t *testing.T, p *pair, code int, reason string) {
	must(t, p.theirs.close(code, reason))
	p.expectClose(t, code, reason)
	must(t, p.ours.Close())
	got := p.theirs.next(t)
	if got.what != "closed" || got.code != code && got.code != 0 {
		t.Errorf("the peer says: %v\nwant it closed, code %d", got, code)
	}
}

func testSubprotocol(t *testing.T, p *pair, want string) {
	if got := p.ours.Subprotocol(); got != want {
		t.Errorf("our end speaks %q, want %q", got, want)
	}
	if got := p.theirs.subprotocol; got != want {
		t.Errorf("the peer speaks %q, want %q", got, want)
	}
	p.exchange(t, text, "agreed")
}

// What compression is tried with: hexadecimal digits at random, twice over, of
// which three quarters can be saved, sent four times. Only a message that refers
// to the one before is much shorter than that.
const (
	squeezed       = 1800 // the most that it takes
	referring      = 500  // the most that it takes again, referring to the one before
	incompressible = 750  // bits that it cannot do without, in bytes
)

var noisy = strings.Repeat(hex.EncodeToString([]byte(randomBytes(incompressible))), 2)

// Our messages are compressed to at most so many bytes in all.
func testOurCompression(t *testing.T, p *pair, most int64) {
	for range 4 {
		must(t, p.ours.WriteMessage(text, []byte(noisy)))
		p.theirs.expect(t, event{what: "text", data: noisy})
	}
	checkWire(t, "our end wrote", p.wire.written.Load(), most)
	p.exchange(t, text, "")
	p.exchange(t, binary, allBytes)
	p.exchange(t, text, strings.Repeat("long ", 200_000))
}

// The peer's messages are compressed to at most so many bytes in all.
func testTheirCompression(t *testing.T, p *pair, most int64) {
	for range 4 {
		must(t, p.theirs.send(text, []byte(noisy)))
		p.expect(t, text, noisy)
	}
	checkWire(t, "our end read", p.wire.read.Load(), most)
	p.exchange(t, text, "")
	p.exchange(t, binary, allBytes)
	p.exchange(t, text, strings.Repeat("long ", 200_000))
}

// checkWire sees that the bytes are no more than they may be, nor so few that
// they cannot be what they should.
func checkWire(t *testing.T, what string, n, most int64) {
	t.Helper()
	least := int64(incompressible)
	if most == 4*squeezed {
		least *= 4
	}
	if n > most || n < least {
		t.Errorf("%s %d bytes, want %d to %d", what, n, least, most)
	}
}

// badText is not UTF-8 from its second byte on.
const badText = "a\xff\xfe"

// A peer that checks text refuses ours, as we do not.
func testOurBadText(t *testing.T, p *pair) {
	must(t, p.ours.WriteMessage(text, []byte(badText)))
	_, _, err := p.ours.ReadMessage()
	if !ws.IsCloseError(err, ws.CloseInvalidFramePayloadData) {
		t.Errorf("our end ends with: %v\nwant close code 1007", err)
	}
}

// Our end refuses text that is not UTF-8, with code 1007.
func testTheirBadText(t *testing.T, p *pair) {
	must(t, p.theirs.send(text, []byte(badText)))
	if _, _, err := p.ours.ReadMessage(); err == nil || !strings.Contains(err.Error(), "not UTF-8") {
		t.Errorf("our end: %v, want that it is not UTF-8", err)
	}
	p.ours.Close() // which waits for the peer to notice, and tells again what was read
	want := event{what: "closed", code: ws.CloseInvalidFramePayloadData, data: "text is not UTF-8"}
	if p.peer.blind {
		want = event{what: "closed"}
	}
	p.theirs.expect(t, want)
}
