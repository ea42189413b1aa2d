package msgpack

import (
	"fmt"
	"reflect"
	"sync"
	"time"
	"unicode/utf8"
)

// An encoder appends values to buf. The rest is what it needs on the way.
type encoder struct {
	buf     []byte
	depth   int // arrays and maps we are in
	hops    int // pointers and interfaces we came through
	keys    []string
	entries []entry
	moved   []byte
}

// Encoders are used again, for their buffers: what callers get is a copy, or
// is taken from the encoder for good.
var encoders = sync.Pool{New: func() any { return new(encoder) }}

// Scratch beyond this is not kept, in bytes and in keys.
const (
	maxPooled     = 64 << 10
	maxPooledKeys = 1 << 10
)

func newEncoder() *encoder { return encoders.Get().(*encoder) }

// release gives the encoder back. It is not called if a method of a value
// panicked, and the encoder is left to the garbage collector.
func (e *encoder) release() {
	if cap(e.buf) > maxPooled {
		e.buf = nil
	}
	if cap(e.moved) > maxPooled {
		e.moved = nil
	}
	if cap(e.keys) > maxPooledKeys || cap(e.entries) > maxPooledKeys {
		e.keys, e.entries = nil, nil
	}
	*e = encoder{buf: e.buf[:0], keys: e.keys[:0], entries: e.entries[:0], moved: e.moved[:0]}
	encoders.Put(e)
}

// detach returns what was encoded, and releases the encoder.
func (e *encoder) detach() []byte {
	b := e.buf
	if cap(b) > maxPooled {
		e.buf = nil // a copy would cost more than the room that is too much
	} else {
		b = append(make([]byte, 0, len(b)), b...)
	}
	e.release()
	return b
}

func (e *encoder) encode(v any) error {
	e.depth, e.hops = 0, 0
	return e.any(v)
}

// any encodes what reflection need not look at by itself.
func (e *encoder) any(v any) error {
	switch v := v.(type) {
	case nil:
		e.nil()
	case bool:
		e.buf = appendBool(e.buf, v)
	case int:
		e.buf = appendInt(e.buf, int64(v))
	case int64:
		e.buf = appendInt(e.buf, v)
	case uint64:
		e.buf = appendUint(e.buf, v)
	case float64:
		e.buf = appendFloat64(e.buf, v)
	case string:
		return e.str(v)
	case []byte:
		return e.bytes(v)
	case []any:
		return encodeListOf(e, v, (*encoder).any)
	case map[string]any:
		return encodeMapOf(e, v, (*encoder).any)
	case time.Time:
		return e.time(v)
	default:
		r := reflect.ValueOf(v)
		return planOf(r.Type()).encode(e, r)
	}
	return nil
}

func (e *encoder) nil() { e.buf = append(e.buf, codeNil) }

func (e *encoder) int(i int) error {
	e.buf = appendInt(e.buf, int64(i))
	return nil
}

func (e *encoder) int64(i int64) error {
	e.buf = appendInt(e.buf, i)
	return nil
}

func (e *encoder) float64(f float64) error {
	e.buf = appendFloat64(e.buf, f)
	return nil
}

func (e *encoder) str(s string) error {
	s = validText(s)
	if tooLong(len(s)) {
		return lengthError("string", len(s))
	}
	e.buf = append(appendStrHead(e.buf, len(s)), s...)
	return nil
}

// validText is s with U+FFFD for each byte that is no UTF-8.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

func (e *encoder) bytes(b []byte) error {
	if b == nil {
		e.nil()
		return nil
	}
	if tooLong(len(b)) {
		return lengthError("binary", len(b))
	}
	e.buf = append(appendBinHead(e.buf, len(b)), b...)
	return nil
}

func (e *encoder) ext(x Ext) error {
	if tooLong(len(x.Data)) {
		return lengthError("extension", len(x.Data))
	}
	if x.Type == timestampExt {
		if _, why := readTimestamp(x.Data); why != "" {
			return unfit(reflect.TypeFor[Ext](), why)
		}
	}
	e.buf = append(appendExtHead(e.buf, len(x.Data), x.Type), x.Data...)
	return nil
}

// raw copies a value that is encoded already, after a look at it.
func (e *encoder) raw(m RawMessage) error {
	if len(m) == 0 {
		e.nil()
		return nil
	}
	return e.value(m, reflect.TypeFor[RawMessage]())
}

// value appends b, which has to be one value, and came from a t.
func (e *encoder) value(b []byte, t reflect.Type) error {
	d := newDecoder(b)
	d.depth, d.budget = e.depth, len(b)
	err := d.skip()
	if err == nil {
		err = d.end()
	}
	if err != nil {
		return failed(t, err)
	}
	e.buf = append(e.buf, b...)
	return nil
}

// enter begins an array or map.
func (e *encoder) enter(t reflect.Type) error {
	if e.depth == maxDepth {
		return unfit(t, fmt.Sprintf("nested deeper than %d", maxDepth))
	}
	e.depth++
	return nil
}

// array begins an array of n elements; depth is to be lowered after them.
func (e *encoder) array(n int, t reflect.Type) error {
	if tooLong(n) {
		return lengthError("array", n)
	}
	if err := e.enter(t); err != nil {
		return err
	}
	e.buf = appendArrayHead(e.buf, n)
	return nil
}

// maxLen is maxLength where an int can be so large.
func tooLong(n int) bool { return uint64(n) > maxLength }

func lengthError(what string, n int) error {
	return &encodeError{reason: fmt.Sprintf("cannot encode %s of length %d: the greatest is %d", what, n, uint64(maxLength))}
}

// encodeListOf encodes a slice of a type that write takes as it is.
func encodeListOf[T any](e *encoder, list []T, write func(*encoder, T) error) error {
	if list == nil {
		e.nil()
		return nil
	}
	if err := e.array(len(list), reflect.TypeFor[[]T]()); err != nil {
		return err
	}
	for i := range list {
		if err := write(e, list[i]); err != nil {
			return underIndex(err, i)
		}
	}
	e.depth--
	return nil
}
