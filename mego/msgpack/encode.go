package msgpack

import (
	"fmt"
	"math"
	"reflect"
	"sync"
	"time"
	"unicode/utf8"
)

// An encoder knows how deep we are, and holds what is needed on the way. Its
// methods append to the buffer they are given and return it.
type encoder struct {
	depth   int // arrays and maps we are in
	hops    int // pointers and interfaces we came through
	keys    []string
	places  []place
	entries []entry
	order   []int
	moved   []byte
	scratch []byte // what Marshal encodes into
}

// Encoders are used again, for what they hold. None of it gets into the hands
// of callers.
var encoders = sync.Pool{New: func() any { return new(encoder) }}

// Scratch beyond this is not kept, in bytes and in keys.
const (
	maxPooled     = 256 << 10
	maxPooledKeys = 4 << 10
)

func newEncoder() *encoder { return encoders.Get().(*encoder) }

// release gives the encoder back, with scratch if that is not in other hands.
// It is not called if a method of a value panicked: the encoder is then left to
// the garbage collector.
func (e *encoder) release(scratch []byte) {
	e.depth, e.hops = 0, 0
	clear(e.keys) // what an error has left
	clear(e.entries)
	e.keys, e.places, e.entries = e.keys[:0], e.places[:0], e.entries[:0]
	if e.scratch = scratch[:0]; cap(scratch) > maxPooled {
		e.scratch = nil
	}
	if cap(e.moved) > maxPooled {
		e.moved = nil
	}
	if cap(e.keys) > maxPooledKeys {
		e.keys, e.places = nil, nil
	}
	if cap(e.entries) > maxPooledKeys {
		e.entries, e.order = nil, nil
	}
	encoders.Put(e)
}

// any appends what reflection need not look at by itself.
func (e *encoder) any(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, codeNil), nil
	case bool:
		return appendBool(b, v), nil
	case int:
		return appendInt(b, int64(v)), nil
	case int64:
		return appendInt(b, v), nil
	case uint64:
		return appendUint(b, v), nil
	case float64:
		return appendFloat64(b, v), nil
	case string:
		return e.str(b, v)
	case []byte:
		return e.bytes(b, v)
	case []any:
		return encodeListOf(e, b, v, (*encoder).any)
	case map[string]any:
		return encodeMapOf(e, b, v, (*encoder).any)
	case time.Time:
		return e.time(b, v)
	}
	r := reflect.ValueOf(v)
	return planOf(r.Type()).encode(e, b, r)
}

func (e *encoder) int(b []byte, i int) ([]byte, error) { return appendInt(b, int64(i)), nil }

func (e *encoder) int64(b []byte, i int64) ([]byte, error) { return appendInt(b, i), nil }

func (e *encoder) float64(b []byte, f float64) ([]byte, error) { return appendFloat64(b, f), nil }

func (e *encoder) str(b []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		s = validText(s)
	}
	if tooLong(len(s)) {
		return b, lengthError("string", len(s))
	}
	return append(appendStrHead(b, len(s)), s...), nil
}

// validText is s with U+FFFD for each byte that is no UTF-8.
func validText(s string) string { return string([]rune(s)) }

func (e *encoder) bytes(b, data []byte) ([]byte, error) {
	if data == nil {
		return append(b, codeNil), nil
	}
	if tooLong(len(data)) {
		return b, lengthError("binary", len(data))
	}
	return append(appendBinHead(b, len(data)), data...), nil
}

func (e *encoder) ext(b []byte, x Ext) ([]byte, error) {
	if tooLong(len(x.Data)) {
		return b, lengthError("extension", len(x.Data))
	}
	if x.Type == timestampExt {
		if _, why := readTimestamp(x.Data); why != "" {
			return b, unfit(reflect.TypeFor[Ext](), why)
		}
	}
	return append(appendExtHead(b, len(x.Data), x.Type), x.Data...), nil
}

// raw appends a value that is encoded already, after a look at it.
func (e *encoder) raw(b []byte, m RawMessage) ([]byte, error) {
	if len(m) == 0 {
		return append(b, codeNil), nil
	}
	return e.value(b, m, reflect.TypeFor[RawMessage]())
}

// value appends data, which has to be one value, and came from a t.
func (e *encoder) value(b, data []byte, t reflect.Type) ([]byte, error) {
	d := newDecoder(data)
	d.depth, d.budget = e.depth, math.MaxInt // of values as many as one likes can be encoded
	err := d.skip()
	if err == nil {
		err = d.end()
	}
	if err != nil {
		return b, failed(t, err)
	}
	return append(b, data...), nil
}

// enter begins an array or map of n entries; depth is to be lowered after them.
func (e *encoder) enter(n int, t reflect.Type) error {
	if tooLong(n) {
		return lengthError(t.String(), n)
	}
	if e.depth == maxDepth {
		return unfit(t, fmt.Sprintf("nested deeper than %d", maxDepth))
	}
	e.depth++
	return nil
}

func tooLong(n int) bool { return uint64(n) > maxLength }

func lengthError(what string, n int) error {
	return &encodeError{reason: fmt.Sprintf("cannot encode %s of length %d: the greatest is %d", what, n, uint64(maxLength))}
}

// encodeListOf encodes a slice whose elements write takes as they are.
func encodeListOf[T any](e *encoder, b []byte, list []T, write func(*encoder, []byte, T) ([]byte, error)) ([]byte, error) {
	if list == nil {
		return append(b, codeNil), nil
	}
	if err := e.enter(len(list), reflect.TypeFor[[]T]()); err != nil {
		return b, err
	}
	b = appendArrayHead(b, len(list))
	var err error
	for i := range list {
		if b, err = write(e, b, list[i]); err != nil {
			return b, underIndex(err, i)
		}
	}
	e.depth--
	return b, nil
}
