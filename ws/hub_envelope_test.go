package ws

import (
	"reflect"
	"strings"
	"testing"
)

// envelopes are examples with the bytes that they are sent as, after the
// version, kind and node.
var envelopes = []struct {
	e    envelope
	body string
}{
	{envelope{kind: kindRoom, messageType: TextMessage, room: "röm", data: []byte("hi")}, "\x01\x04r\xc3\xb6m\x00hi"},
	{envelope{kind: kindRoom, messageType: BinaryMessage, room: "r", except: []string{"a", "bc"}, data: []byte{}}, "\x02\x01r\x02\x01a\x02bc"},
	{envelope{kind: kindAll, messageType: BinaryMessage, data: []byte("\xff")}, "\x02\x00\xff"},
	{envelope{kind: kindAlive, seq: 300}, "\xac\x02"},
	{envelope{kind: kindChanges, seq: 5, changes: []change{
		{true, "a", "info", "x"},
		{false, "a", "", "y"},
		{true, "a", "info", "z"},
		{false, "b", "", "x"},
		{true, "b", "new", "x"},
	}}, "\x05c\x01a\x04infoj\x01xl\x01yj\x01zc\x01b\x00l\x01xc\x01b\x03newj\x01x"},
	{envelope{kind: kindSnapshot, seq: 1, index: 2, last: true}, "\x01\x02\x01"},
	{envelope{kind: kindAsk, target: 258}, "\x00\x00\x00\x00\x00\x00\x01\x02"},
	{envelope{kind: kindBye}, ""},
}

func TestEnvelope(t *testing.T) {
	for _, test := range envelopes {
		test.e.node = 1<<56 + 2
		b, rest := test.e.append(nil, 1000)
		want := "\x01" + string(test.e.kind) + "\x01\x00\x00\x00\x00\x00\x00\x02" + test.body
		if string(b) != want || rest != nil {
			t.Errorf("%+v: got %q, want %q; %d changes are left", test.e, b, want, len(rest))
		}
		if got, ok := parseEnvelope(b); !ok || !reflect.DeepEqual(got, test.e) {
			t.Errorf("%q: got %+v, %v, want %+v", b, got, ok, test.e)
		}
	}
}

// As many changes as fit are sent, and at least one fits if all names are as
// long as they may be.
func TestEnvelopeLimit(t *testing.T) {
	long := change{true, strings.Repeat("c", maxClientID), strings.Repeat("i", maxClientInfo), strings.Repeat("r", mostRoomName)}
	e := envelope{kind: kindSnapshot, seq: 1<<64 - 1, index: 1<<64 - 1, changes: []change{long, long}}
	b, rest := e.append(nil, leastBrokerLimit+mostRoomName)
	if len(rest) != 1 {
		t.Errorf("%d of 2 changes are left", len(rest))
	}
	if got, ok := parseEnvelope(b); !ok || got.last || !reflect.DeepEqual(got.changes, e.changes[:1]) {
		t.Errorf("got %v, %+v", ok, got)
	}
	short := change{true, "c", "", "r"}
	e = envelope{kind: kindChanges, seq: 1, changes: []change{short, short, short, short}}
	for limit := 18; limit <= 27; limit++ { // 11, 4 for the client, 3 for each
		b, rest := e.append(nil, limit)
		if want := (limit - 15) / 3; len(b) > limit || 4-len(rest) != want {
			t.Errorf("limit %d: %d bytes with %d changes, want %d", limit, len(b), 4-len(rest), want)
		}
	}
}

// What is parsed is within its limits, and the same once it was sent again.
func FuzzEnvelope(f *testing.F) {
	for _, test := range envelopes {
		b, _ := test.e.append(nil, 1000)
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		e, ok := parseEnvelope(in)
		if !ok {
			return
		}
		for _, id := range e.except {
			if id != "" && !isName(id, maxClientID) {
				t.Errorf("exception %q", id)
			}
		}
		for _, c := range e.changes {
			if !isName(c.id, maxClientID) || c.info != "" && !isName(c.info, maxClientInfo) || !isName(c.room, mostRoomName) {
				t.Errorf("change %+v", c)
			}
		}
		if e.kind == kindRoom && !isName(e.room, mostRoomName) {
			t.Errorf("room %q", e.room)
		}
		b, rest := e.append(nil, 1<<30)
		again, ok := parseEnvelope(b)
		if e.kind == kindSnapshot {
			again.last = e.last // which is set by append
		}
		if !ok || len(rest) > 0 || !reflect.DeepEqual(again, e) {
			t.Errorf("%q is %+v, and then %+v, %v", in, e, again, ok)
		}
	})
}

// What comes to a hub's broker after Close goes nowhere.
func TestClusterAfterClose(t *testing.T) {
	h := NewHub(HubOptions{Broker: NewMemoryBroker()})
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.cluster.publish("room", []byte("late"))
	h.cluster.check("room")
	h.cluster.changed(change{true, "late", "", "room"}, true)
	h.cluster.hello()
	h.cluster.receive([]byte("\x01\x03\x00\x00\x00\x00\x00\x00\x00\x07\x01"))
	h.beat()
	if n := h.others.n.Load(); n != 0 {
		t.Errorf("%d goroutines run", n)
	}
	if got := h.Stats(); got != (HubStats{}) {
		t.Errorf("got %+v", got)
	}
}
