package client

import (
	"bytes"
	"errors"
	"testing"

	"github.com/gongular/gongular/mego/internal/wire"
	"github.com/gongular/gongular/mego/msgpack"
)

// What a server sends never panics; answers one call at most, the one that it
// names; is passed to handlers only if it is an event; and ends the connection if
// and only if it is malformed.
func FuzzMessage(f *testing.F) {
	for _, r := range []wire.Response{
		{ID: 1, Result: []byte{7}},
		{ID: 2, Code: -1003, Message: "no", Data: []byte{0x92, 4, 1}},
		{ID: 1, Event: wire.ChunkNext},
		{ID: 1, Event: wire.ChunkAbort},
		{ID: 1, Code: StatusFileRetry, Data: []byte{0x92, 4, 1}},
		{Event: "said", Result: []byte{0xa2, 'h', 'i'}},
		{Event: "Open"},
		{ID: 99},
	} {
		f.Add(wire.AppendResponse(nil, r))
	}
	f.Add([]byte{0x82, 0xa1, 'i', 1, 0xa1, 'v', 5})
	f.Add([]byte{0x82, 0xa1, 'i', 0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xa1, 'e', 0xc0})
	f.Add([]byte{0x81, 0xa1, 'r', 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0xc1})
	f.Fuzz(func(t *testing.T, message []byte) {
		l := &link{client: New("fuzz"), waiting: make(map[int64]*waiter)}
		l.client.On("Error", func(e *Event) {
			if err := e.Bind(new(string)); err != nil {
				t.Error(err)
			}
		})
		waiters := map[int64]*waiter{}
		for id := range int64(2) {
			waiters[id+1], _ = l.expect(id + 1)
		}
		sent := bytes.Clone(message)
		it, err := l.receive(message)
		if !bytes.Equal(message, sent) {
			t.Fatal("the message was changed")
		}
		if wellFormed := msgpack.Unmarshal(message, new(msgpack.RawMessage)) == nil; err == nil && !wellFormed {
			t.Errorf("%x is not well-formed, and no error", message)
		}
		if err != nil && !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("error %v", err)
		}
		answers := 0
		for id, w := range waiters {
			a, came := l.forget(id, w)
			if !came {
				continue
			}
			answers++
			if a.ID != id || err != nil {
				t.Errorf("answer %+v to %d, with error %v", a, id, err)
			}
			data, err := result(a.Response, a.err)
			if err == nil && (a.Code != 0 || a.Event != "") {
				t.Errorf("%+v is a result", a)
			}
			if err == nil {
				var v any
				decode("the result", data, &v)
			}
			if e, ok := errors.AsType[Error](err); ok {
				e.Bind(new(any))
				u := upload{total: 4, next: 3}
				if u.retry(e.Data) && (u.next < 1 || u.next > 3) {
					t.Errorf("the server makes it go on with chunk %d", u.next)
				}
			}
		}
		if answers > 1 || answers == 1 && it.event != "" || err != nil && it.event != "" || builtIn[it.event] && it.event != "" {
			t.Errorf("%d answers, event %q, error %v", answers, it.event, err)
		}
		if len(l.waiting) != 0 {
			t.Errorf("%d are waiting", len(l.waiting))
		}
		var r Response
		if e := r.UnmarshalMsgpack(message); e == nil && it.event != "" && (r.Event != it.event || !bytes.Equal(r.Result, it.data)) {
			t.Errorf("event %q %x, as a response %+v", it.event, it.data, r)
		}
	})
}

var big = make([]byte, 5<<20)

// What a server makes a client keep for its handlers is limited, whatever the
// order of events is, and nothing that marks a connection is lost.
func FuzzBacklog(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 255, 254, 0})
	f.Fuzz(func(t *testing.T, steps []byte) {
		var b backlog
		pushed, popped, kept, keptOut := 0, 0, 0, 0
		for _, step := range steps {
			for range 100 {
				switch {
				case step%8 == 0:
					it, ok := b.pop()
					switch {
					case ok && it.kept:
						keptOut++
						popped++
					case ok && it.event == eventError:
					case ok:
						popped++
					}
				case step%8 == 1 && kept < 100:
					b.push(item{event: eventOpen, kept: true})
					kept++
					pushed++
				case step%8 == 2:
					b.push(item{message: big})
					pushed++
				default:
					b.push(item{event: "x", data: big[:int(step)<<4]})
					pushed++
				}
			}
			size, marks := 0, 0
			for _, it := range b.items {
				size += it.size()
				if it.kept {
					marks++
				}
			}
			if size != b.bytes || marks != b.kept || marks != kept-keptOut {
				t.Fatalf("%d bytes, %d marks, counted %d, %d", size, marks, b.bytes, b.kept)
			}
			if len(b.items)-b.kept > maxBacklog || b.bytes > maxBacklogBytes {
				t.Fatalf("%d items, %d bytes", len(b.items), b.bytes)
			}
		}
		if lost := pushed - popped - len(b.items); lost < 0 {
			t.Fatalf("%d lost", lost)
		}
	})
}
