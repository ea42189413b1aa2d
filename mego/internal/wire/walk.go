package wire

import (
	"math"
	"unicode/utf8"
)

// Walking through values without decoding them. The values have been checked by
// msgpack: they are complete, of known formats, and not nested too deep.

// A kind is what a value is.
type kind int

const (
	kindNil kind = iota // also what is not there
	kindUint
	kindInt
	kindFloat
	kindStr
	kindBin
	kindArray
	kindMap
	kindOther // bool and extension
)

// A head is how a value begins.
type head struct {
	kind kind
	size int    // of the head, in bytes
	bits uint64 // the number, or how many bytes, elements or pairs follow
}

func kindOf(value []byte) kind {
	if len(value) == 0 {
		return kindNil
	}
	return headOf(value).kind
}

// isNil reports whether the value is nil, or not there.
func isNil(value []byte) bool { return kindOf(value) == kindNil }

// headOf returns the head of a value.
func headOf(b []byte) head {
	number := func(kind kind, size int) head {
		var bits uint64
		for _, c := range b[1 : 1+size] {
			bits = bits<<8 | uint64(c)
		}
		return head{kind, 1 + size, bits}
	}
	switch c := b[0]; {
	case c < 0x80:
		return head{kindUint, 1, uint64(c)}
	case c < 0x90:
		return head{kindMap, 1, uint64(c & 0x0f)}
	case c < 0xa0:
		return head{kindArray, 1, uint64(c & 0x0f)}
	case c < 0xc0:
		return head{kindStr, 1, uint64(c & 0x1f)}
	case c >= 0xe0:
		return head{kindInt, 1, uint64(int64(int8(c)))}
	case c == 0xc0:
		return head{kindNil, 1, 0}
	case c <= 0xc3: // bool
		return head{kindOther, 1, 0}
	case c <= 0xc6: // bin 8, 16, 32
		return number(kindBin, 1<<(c-0xc4))
	case c <= 0xc9: // ext 8, 16, 32: a type stands behind the length
		h := number(kindOther, 1<<(c-0xc7))
		h.size++
		return h
	case c == 0xca:
		h := number(kindFloat, 4)
		h.bits = math.Float64bits(float64(math.Float32frombits(uint32(h.bits))))
		return h
	case c == 0xcb:
		return number(kindFloat, 8)
	case c <= 0xcf: // uint 8 to 64
		return number(kindUint, 1<<(c-0xcc))
	case c <= 0xd3: // int 8 to 64
		h := number(kindInt, 1<<(c-0xd0))
		shift := 64 - 8*(h.size-1)
		h.bits = uint64(int64(h.bits) << shift >> shift)
		return h
	case c <= 0xd8: // fixext 1 to 16
		return head{kindOther, 2, 1 << (c - 0xd4)}
	case c <= 0xdb: // str 8, 16, 32
		return number(kindStr, 1<<(c-0xd9))
	case c <= 0xdd: // array 16, 32
		return number(kindArray, 2<<(c-0xdc))
	default: // map 16, 32
		return number(kindMap, 2<<(c-0xde))
	}
}

// sizeOf returns how many bytes the value has that b begins with.
func sizeOf(b []byte) int {
	h := headOf(b)
	n := int(h.bits)
	switch h.kind {
	case kindStr, kindBin, kindOther:
		return h.size + n
	case kindArray:
	case kindMap:
		n *= 2
	default:
		return h.size
	}
	at := h.size
	for range n {
		at += sizeOf(b[at:])
	}
	return at
}

// eachElement calls f with each element of an array.
func eachElement(b []byte, f func(element []byte)) {
	h := headOf(b)
	b = b[h.size:]
	for range h.bits {
		n := sizeOf(b)
		f(b[:n:n])
		b = b[n:]
	}
}

// eachPair calls f with each key of a map and what it holds.
func eachPair(b []byte, f func(key, value []byte)) {
	h := headOf(b)
	b = b[h.size:]
	for range h.bits {
		k := sizeOf(b)
		v := sizeOf(b[k:])
		f(b[:k:k], b[k:k+v:k+v])
		b = b[k+v:]
	}
}

// text returns a string in UTF-8; nil is "".
func text(value []byte) (s string, ok bool) {
	b, ok := raw(value)
	if !ok || kindOf(value) == kindBin || !utf8.Valid(b) {
		return "", false
	}
	return string(b), true
}

// raw returns the bytes of a string or binary; nil has none.
func raw(value []byte) (b []byte, ok bool) {
	if isNil(value) {
		return nil, true
	}
	h := headOf(value)
	return value[h.size:], h.kind == kindStr || h.kind == kindBin
}

// integer returns an integer, also one that is a float; nil is 0.
func integer(value []byte) (n int64, ok bool) {
	if isNil(value) {
		return 0, true
	}
	switch h := headOf(value); h.kind {
	case kindInt:
		return int64(h.bits), true
	case kindUint:
		return int64(h.bits), h.bits <= math.MaxInt64
	case kindFloat:
		f := math.Float64frombits(h.bits)
		return int64(f), f == math.Trunc(f) && -1<<63 <= f && f < 1<<63
	}
	return 0, false
}
