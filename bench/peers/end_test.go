package peers_test

import (
	"fmt"
	"testing"
	"time"
)

// patience is how long anything may take before it is taken for hanging.
const patience = 30 * time.Second

// Types of messages, as all libraries number them.
const (
	text   = 1
	binary = 2
)

// A peer is a library other than ours.
type peer struct {
	name string
	// dial connects its client; nil if it has none.
	dial func(t *testing.T, url string, o options) *end
	// serve starts its server for one connection; nil if it has none.
	serve func(t *testing.T, o options) (url string, accepted func() *end)
	// lacks are names of cases that the library has no means for, or does
	// otherwise than RFC 6455 has it.
	lacks []string
	// clientLacks are those that only its client lacks.
	clientLacks []string
	// answer is the code of its answer to a close frame, if that is not the code
	// that it answers.
	answer int
	// blind says that it does not report codes of close frames.
	blind bool
}

// options are what a connection is made with.
type options struct {
	offered     []string // subprotocols of the client
	spoken      []string // subprotocols of the server
	compression string   // none, alone or takeover, the same for both ends
}

const (
	none     = ""
	alone    = "alone"    // each message is compressed on its own
	takeover = "takeover" // messages refer to earlier ones
)

// An end is the peer's end of a connection. It is always reading. Its functions
// do not wait for the other end to answer; nil stands for what the library
// cannot do.
type end struct {
	subprotocol string
	send        func(messageType int, data []byte) error
	fragments   func(messageType int, parts [][]byte) error
	ping        func(data []byte) error
	close       func(code int, reason string) error
	events      chan event
}

func newEnd() *end { return &end{events: make(chan event, 1<<10)} }

// An event is something that the peer's end tells.
type event struct {
	what string // text, binary, pong or closed
	data string // of the message or the pong; the reason for closing
	code int    // for closing; 0 if the library does not tell
}

func (e event) String() string {
	data := e.data
	if len(data) > 100 {
		data = data[:100] + "…"
	}
	return fmt.Sprintf("%s of %d bytes %q, code %d", e.what, len(e.data), data, e.code)
}

// tell adds a message of the type to the events.
func (e *end) tell(messageType int, data string) {
	what := "text"
	if messageType == binary {
		what = "binary"
	}
	e.events <- event{what: what, data: data}
}

// next waits for the next event.
func (e *end) next(t *testing.T) event {
	t.Helper()
	select {
	case ev := <-e.events:
		return ev
	case <-time.After(patience):
		t.Fatal("nothing comes from the peer's end")
		return event{}
	}
}

// expect waits for the next event, which has to be the one given.
func (e *end) expect(t *testing.T, want event) {
	t.Helper()
	if got := e.next(t); got != want {
		t.Fatalf("the peer says: %v\nwant %v", got, want)
	}
}

// await receives from the channel.
func await[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("no %T comes", *new(T))
		return *new(T)
	}
}

// must ends the test if there is an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
