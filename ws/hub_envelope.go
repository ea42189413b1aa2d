package ws

import (
	"encoding/binary"
	"unicode/utf8"
)

// envelopeVersion is the first byte of all that hubs tell each other.
const envelopeVersion = 1

// leastBrokerLimit and the longest name of a room are enough for any envelope
// with one change.
const leastBrokerLimit = 2 << 10

// An envelope is what hubs tell each other through a [Broker].
//
//	01 kind node[8] body…
//
// The node is the hub that speaks, by a random number. Numbers in the body are
// uvarints of encoding/binary, or 8 bytes if they name a node; text is its
// length, as a number, and its bytes.
//
//	kindRoom      type[1] room exceptions… data   a message for a room
//	kindAll       type[1] exceptions… data        a message for everyone
//	kindAlive     seq                             a hub is there, and has made seq changes
//	kindChanges   seq changes…                    the changes from number seq on
//	kindSnapshot  seq index last[1] changes…      a part of what all seq changes come to
//	kindAsk       node[8]                         a snapshot is wanted, of all hubs if it is 0
//	kindBye                                       a hub ends
//
// Exceptions are preceded by their number. Changes are records, up to the end;
// 'j' and 'l' are about the client of the last 'c':
//
//	c id info   j room   l room
type envelope struct {
	kind        byte
	node        uint64
	messageType int
	room        string
	except      []string
	data        []byte // a part of what was parsed
	seq         uint64
	index       uint64
	last        bool
	target      uint64
	changes     []change
}

const (
	kindRoom = 1 + iota
	kindAll
	kindAlive
	kindChanges
	kindSnapshot
	kindAsk
	kindBye
)

// A change is that a client joined or left a room.
type change struct {
	joined   bool
	id, info string // info is empty for who left
	room     string
}

// append appends the envelope, but for the changes that do not fit in limit
// bytes; those are returned.
func (e envelope) append(b []byte, limit int) ([]byte, []change) {
	b = append(b, envelopeVersion, e.kind)
	b = binary.BigEndian.AppendUint64(b, e.node)
	switch e.kind {
	case kindRoom, kindAll:
		b = append(b, byte(e.messageType))
		if e.kind == kindRoom {
			b = appendText(b, e.room)
		}
		b = binary.AppendUvarint(b, uint64(len(e.except)))
		for _, id := range e.except {
			b = appendText(b, id)
		}
		b = append(b, e.data...)
	case kindAlive:
		b = binary.AppendUvarint(b, e.seq)
	case kindChanges:
		b = binary.AppendUvarint(b, e.seq)
		return appendChanges(b, e.changes, limit)
	case kindSnapshot:
		b = binary.AppendUvarint(b, e.seq)
		b = binary.AppendUvarint(b, e.index)
		last := len(b)
		b = append(b, 0)
		b, rest := appendChanges(b, e.changes, limit)
		if len(rest) == 0 {
			b[last] = 1
		}
		return b, rest
	case kindAsk:
		b = binary.BigEndian.AppendUint64(b, e.target)
	}
	return b, nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendChanges appends changes until b would have more than limit bytes, and
// returns the rest.
func appendChanges(b []byte, changes []change, limit int) ([]byte, []change) {
	var client change // of the last 'c'
	for i, c := range changes {
		start := len(b)
		if i == 0 || c.id != client.id || c.joined && c.info != client.info {
			b = appendText(appendText(append(b, 'c'), c.id), c.info)
			client = c
		}
		if c.joined {
			b = append(b, 'j')
		} else {
			b = append(b, 'l')
		}
		b = appendText(b, c.room)
		if len(b) > limit {
			return b[:start], changes[i:]
		}
	}
	return b, nil
}

// parseEnvelope parses what a broker delivered, and reports whether it is an
// envelope. Names and text are UTF-8 then, and within their limits.
func parseEnvelope(b []byte) (envelope, bool) {
	r := &envelopeReader{b: b}
	version := r.byte()
	e := envelope{kind: r.byte(), node: r.node()}
	switch e.kind {
	case kindRoom, kindAll:
		e.messageType = int(r.byte())
		if e.kind == kindRoom {
			e.room = r.text(1, mostRoomName)
		}
		for range r.count() {
			e.except = append(e.except, r.text(0, maxClientID))
		}
		e.data = r.rest()
		isText := e.messageType == TextMessage
		if !isText && e.messageType != BinaryMessage || isText && !utf8.Valid(e.data) {
			r.bad = true
		}
	case kindAlive:
		e.seq = r.number()
	case kindChanges:
		e.seq = r.number()
		e.changes = r.changes()
		if e.seq == 0 || e.seq+uint64(len(e.changes)) < e.seq {
			r.bad = true
		}
	case kindSnapshot:
		e.seq = r.number()
		e.index = r.number()
		last := r.byte()
		e.last = last == 1
		e.changes = r.changes()
		if last > 1 {
			r.bad = true
		}
	case kindAsk:
		e.target = r.node()
	case kindBye:
	default:
		r.bad = true
	}
	return e, version == envelopeVersion && !r.bad && len(r.b) == 0
}

// An envelopeReader takes an envelope apart. After something bad it gives zeros.
type envelopeReader struct {
	b   []byte // what is left
	bad bool
}

// take returns the next n bytes, or nil.
func (r *envelopeReader) take(n int) []byte {
	if r.bad || n > len(r.b) {
		r.bad = true
		return nil
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *envelopeReader) rest() []byte { return r.take(len(r.b)) }

func (r *envelopeReader) byte() byte {
	if p := r.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (r *envelopeReader) node() uint64 {
	if p := r.take(8); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

func (r *envelopeReader) number() uint64 {
	v, n := binary.Uvarint(r.b)
	if r.take(max(n, 0)); n <= 0 {
		r.bad = true
		return 0
	}
	return v
}

// count returns a number of things that take at least a byte each.
func (r *envelopeReader) count() int {
	v := r.number()
	if v > uint64(len(r.b)) {
		r.bad = true
		return 0
	}
	return int(v)
}

func (r *envelopeReader) text(least, most int) string {
	p := r.take(r.count())
	if len(p) < least || len(p) > most || !utf8.Valid(p) {
		r.bad = true
		return ""
	}
	return string(p)
}

// changes returns all that is left, as changes.
func (r *envelopeReader) changes() []change {
	var changes []change
	var client change
	for !r.bad && len(r.b) > 0 {
		kind := r.byte()
		switch {
		case kind == 'c':
			client.id = r.text(1, maxClientID)
			client.info = r.text(0, maxClientInfo)
		case client.id != "" && kind == 'j':
			changes = append(changes, change{true, client.id, client.info, r.text(1, mostRoomName)})
		case client.id != "" && kind == 'l':
			changes = append(changes, change{false, client.id, "", r.text(1, mostRoomName)})
		default:
			r.bad = true
		}
	}
	return changes
}
