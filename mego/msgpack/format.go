package msgpack

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
)

// First bytes of the formats. Those with fix in their name hold a number in
// their low bits.
const (
	fixMap   = 0x80
	fixArray = 0x90
	fixStr   = 0xa0
	fixNeg   = 0xe0

	codeNil     = 0xc0
	codeUnused  = 0xc1
	codeFalse   = 0xc2
	codeTrue    = 0xc3
	codeBin8    = 0xc4
	codeBin16   = 0xc5
	codeBin32   = 0xc6
	codeExt8    = 0xc7
	codeExt16   = 0xc8
	codeExt32   = 0xc9
	codeFloat32 = 0xca
	codeFloat64 = 0xcb
	codeUint8   = 0xcc
	codeUint16  = 0xcd
	codeUint32  = 0xce
	codeUint64  = 0xcf
	codeInt8    = 0xd0
	codeInt16   = 0xd1
	codeInt32   = 0xd2
	codeInt64   = 0xd3
	codeFixExt1 = 0xd4 // 2, 4, 8 and 16 follow
	codeStr8    = 0xd9
	codeStr16   = 0xda
	codeStr32   = 0xdb
	codeArray16 = 0xdc
	codeArray32 = 0xdd
	codeMap16   = 0xde
	codeMap32   = 0xdf
)

// A kind is what a value is, whatever format it came in.
type kind uint8

const (
	kindUnused kind = iota // 0xc1
	kindNil
	kindBool
	kindUint // an integer that is not negative
	kindInt  // a negative integer
	kindFloat
	kindStr
	kindBin
	kindArray
	kindMap
	kindExt
)

var kindNames = [...]string{"0xc1", "nil", "bool", "integer", "integer", "float", "string", "binary", "array", "map", "extension"}

func (k kind) String() string { return kindNames[k] }

// A head is how a value begins. Of nil, bools and numbers it is all there is.
//
//	c3           => head{kind: kindBool, bits: 1}
//	d0 ff        => head{kind: kindInt, bits: 1<<64 - 1}
//	d0 01        => head{kind: kindUint, bits: 1}
//	ca 3fc00000  => head{kind: kindFloat, bits: math.Float64bits(1.5)}
//	d9 05 ...    => head{kind: kindStr, bits: 5}
//	c7 03 09 ... => head{kind: kindExt, ext: 9, bits: 3}
type head struct {
	kind kind
	ext  int8
	bits uint64 // the value, or how many bytes, elements or pairs follow
}

// describe names the value for an error: "integer 300", "array".
func (h head) describe() string {
	switch h.kind {
	case kindUint:
		return "integer " + strconv.FormatUint(h.bits, 10)
	case kindInt:
		return "integer " + strconv.FormatInt(int64(h.bits), 10)
	case kindFloat:
		return "float " + strconv.FormatFloat(h.float(), 'g', -1, 64)
	case kindExt:
		return "extension " + strconv.Itoa(int(h.ext))
	}
	return h.kind.String()
}

func (h head) float() float64 { return math.Float64frombits(h.bits) }

// readHead reads the head that b begins with, and returns how many bytes it
// has: 0 if b is too short for it.
func readHead(b []byte) (h head, size int) {
	if len(b) == 0 {
		return head{}, 0
	}
	switch c := b[0]; {
	case c < fixMap:
		return head{kind: kindUint, bits: uint64(c)}, 1
	case c < fixArray:
		return head{kind: kindMap, bits: uint64(c & 0x0f)}, 1
	case c < fixStr:
		return head{kind: kindArray, bits: uint64(c & 0x0f)}, 1
	case c < codeNil:
		return head{kind: kindStr, bits: uint64(c & 0x1f)}, 1
	case c >= fixNeg:
		return signed(int64(int8(c))), 1
	}
	return readLongHead(b)
}

// readLongHead is readHead for the formats from 0xc0 to 0xdf.
func readLongHead(b []byte) (h head, size int) {
	f := &formats[b[0]-codeNil]
	if len(b) < int(f.size) {
		return head{}, 0
	}
	h = head{kind: f.kind}
	switch f.number {
	case 0:
		h.bits = uint64(f.fixed)
	case 1:
		h.bits = uint64(b[1])
	case 2:
		h.bits = uint64(binary.BigEndian.Uint16(b[1:]))
	case 4:
		h.bits = uint64(binary.BigEndian.Uint32(b[1:]))
	case 8:
		h.bits = binary.BigEndian.Uint64(b[1:])
	}
	switch f.kind {
	case kindInt:
		shift := 64 - 8*f.number
		h = signed(int64(h.bits) << shift >> shift)
	case kindFloat:
		if f.number == 4 {
			h.bits = math.Float64bits(float64(math.Float32frombits(uint32(h.bits))))
		}
	case kindExt:
		h.ext = int8(b[f.size-1])
	}
	return h, int(f.size)
}

func signed(i int64) head {
	if i < 0 {
		return head{kind: kindInt, bits: uint64(i)}
	}
	return head{kind: kindUint, bits: uint64(i)}
}

// A format is how the head of one first byte is read.
type format struct {
	name   string
	kind   kind
	size   uint8 // of the whole head, in bytes
	number uint8 // of these, those that hold the value or length
	fixed  uint8 // the value or length if there are none
}

// formats are those from 0xc0 to 0xdf.
var formats = [...]format{
	{"nil", kindNil, 1, 0, 0},
	{"0xc1", kindUnused, 1, 0, 0},
	{"false", kindBool, 1, 0, 0},
	{"true", kindBool, 1, 0, 1},
	{"bin 8", kindBin, 2, 1, 0},
	{"bin 16", kindBin, 3, 2, 0},
	{"bin 32", kindBin, 5, 4, 0},
	{"ext 8", kindExt, 3, 1, 0},
	{"ext 16", kindExt, 4, 2, 0},
	{"ext 32", kindExt, 6, 4, 0},
	{"float 32", kindFloat, 5, 4, 0},
	{"float 64", kindFloat, 9, 8, 0},
	{"uint 8", kindUint, 2, 1, 0},
	{"uint 16", kindUint, 3, 2, 0},
	{"uint 32", kindUint, 5, 4, 0},
	{"uint 64", kindUint, 9, 8, 0},
	{"int 8", kindInt, 2, 1, 0},
	{"int 16", kindInt, 3, 2, 0},
	{"int 32", kindInt, 5, 4, 0},
	{"int 64", kindInt, 9, 8, 0},
	{"fixext 1", kindExt, 2, 0, 1},
	{"fixext 2", kindExt, 2, 0, 2},
	{"fixext 4", kindExt, 2, 0, 4},
	{"fixext 8", kindExt, 2, 0, 8},
	{"fixext 16", kindExt, 2, 0, 16},
	{"str 8", kindStr, 2, 1, 0},
	{"str 16", kindStr, 3, 2, 0},
	{"str 32", kindStr, 5, 4, 0},
	{"array 16", kindArray, 3, 2, 0},
	{"array 32", kindArray, 5, 4, 0},
	{"map 16", kindMap, 3, 2, 0},
	{"map 32", kindMap, 5, 4, 0},
}

// cutOff says what b is that is too short for a head.
func cutOff(b []byte) string {
	if len(b) == 0 {
		return "the message ends where a value should begin"
	}
	f := formats[b[0]-codeNil]
	return fmt.Sprintf("%s of %d bytes is cut off after %d", f.name, f.size, len(b))
}

func appendInt(b []byte, i int64) []byte {
	switch {
	case i >= 0:
		return appendUint(b, uint64(i))
	case i >= -32:
		return append(b, byte(i))
	case i >= math.MinInt8:
		return append(b, codeInt8, byte(i))
	case i >= math.MinInt16:
		return append(b, codeInt16, byte(i>>8), byte(i))
	case i >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(b, codeInt32), uint32(i))
	}
	return binary.BigEndian.AppendUint64(append(b, codeInt64), uint64(i))
}

func appendUint(b []byte, u uint64) []byte {
	switch {
	case u < fixMap:
		return append(b, byte(u))
	case u <= math.MaxUint8:
		return append(b, codeUint8, byte(u))
	case u <= math.MaxUint16:
		return append(b, codeUint16, byte(u>>8), byte(u))
	case u <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, codeUint32), uint32(u))
	}
	return binary.BigEndian.AppendUint64(append(b, codeUint64), u)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, codeTrue)
	}
	return append(b, codeFalse)
}

func appendFloat32(b []byte, f float32) []byte {
	return binary.BigEndian.AppendUint32(append(b, codeFloat32), math.Float32bits(f))
}

func appendFloat64(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, codeFloat64), math.Float64bits(f))
}

// The heads of what has a length. Lengths are at most maxLength.

const maxLength = math.MaxUint32

func appendStrHead(b []byte, n int) []byte {
	switch {
	case n < 32:
		return append(b, fixStr|byte(n))
	case n <= math.MaxUint8:
		return append(b, codeStr8, byte(n))
	}
	return appendLength(b, n, codeStr16)
}

func appendBinHead(b []byte, n int) []byte {
	if n <= math.MaxUint8 {
		return append(b, codeBin8, byte(n))
	}
	return appendLength(b, n, codeBin16)
}

func appendArrayHead(b []byte, n int) []byte {
	if n < 16 {
		return append(b, fixArray|byte(n))
	}
	return appendLength(b, n, codeArray16)
}

func appendMapHead(b []byte, n int) []byte {
	if n < 16 {
		return append(b, fixMap|byte(n))
	}
	return appendLength(b, n, codeMap16)
}

func appendExtHead(b []byte, n int, ext int8) []byte {
	switch n {
	case 1:
		b = append(b, codeFixExt1)
	case 2:
		b = append(b, codeFixExt1+1)
	case 4:
		b = append(b, codeFixExt1+2)
	case 8:
		b = append(b, codeFixExt1+3)
	case 16:
		b = append(b, codeFixExt1+4)
	default:
		if n <= math.MaxUint8 {
			b = append(b, codeExt8, byte(n))
		} else {
			b = appendLength(b, n, codeExt16)
		}
	}
	return append(b, byte(ext))
}

// appendLength appends the head with a length in 16 bits, which is that of 32
// bits less one.
func appendLength(b []byte, n int, code16 byte) []byte {
	if n <= math.MaxUint16 {
		return append(b, code16, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint32(append(b, code16+1), uint32(n))
}
