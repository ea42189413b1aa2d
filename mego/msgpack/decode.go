package msgpack

import (
	"math"
	"reflect"
	"strconv"
)

// A decoder reads a message from its beginning.
type decoder struct {
	data  []byte
	off   int
	depth int // arrays and maps we are in
	// budget is how many values arrays and maps may still announce: in a whole
	// message no more than it has bytes, since each value has one at least. What
	// is allocated by announcements is so bounded by the message's length.
	budget int
	names  *[nameSlots]string // keys of maps in arrays, see name
}

func newDecoder(data []byte) decoder {
	return decoder{data: data, budget: min(len(data), maxValues) - 1}
}

// end refuses what comes after the value.
func (d *decoder) end() error {
	if d.off < len(d.data) {
		return malformed(d.off, "%s after the value", count(uint64(len(d.data)-d.off), "byte"))
	}
	return nil
}

// next reads a head. What it announces is there, as far as can be known: all
// bytes of strings, binaries and extensions, and a byte for each value in
// arrays and maps.
func (d *decoder) next() (head, error) {
	h, size := readHead(d.data[d.off:])
	if size == 0 {
		return h, truncated(d.off, "%s", cutOff(d.data[d.off:]))
	}
	if h.kind >= kindStr || h.kind == kindUnused {
		if err := d.admit(h, size); err != nil {
			return h, err
		}
	}
	d.off += size
	return h, nil
}

// admit refuses heads that announce more than there can be.
func (d *decoder) admit(h head, size int) error {
	left := uint64(len(d.data) - d.off - size)
	switch h.kind {
	case kindStr, kindBin, kindExt:
		if h.bits > left {
			return truncated(d.off, "%s of %s, but %s left", d.format(), count(h.bits, "byte"), are(left))
		}
		return nil
	case kindArray:
		if h.bits > left {
			return truncated(d.off, "%s of %s, but %s left", d.format(), count(h.bits, "element"), countAre(left))
		}
		if h.bits <= uint64(d.budget) {
			d.budget -= int(h.bits)
			return nil
		}
	case kindMap:
		if h.bits > left/2 {
			return truncated(d.off, "%s of %s, but %s left", d.format(), count(h.bits, "pair"), countAre(left))
		}
		if 2*h.bits <= uint64(d.budget) {
			d.budget -= 2 * int(h.bits)
			return nil
		}
	default:
		return malformed(d.off, "0xc1 is never used")
	}
	if len(d.data) <= maxValues {
		return truncated(d.off, "the arrays and maps announce more values than the message has bytes")
	}
	return malformed(d.off, "more than %d values", maxValues)
}

// peek returns the next head, which next may refuse.
func (d *decoder) peek() (head, error) {
	h, size := readHead(d.data[d.off:])
	if size == 0 {
		return d.next()
	}
	return h, nil
}

// isNil reports whether the next value is nil.
func (d *decoder) isNil() bool { return d.off < len(d.data) && d.data[d.off] == codeNil }

// take returns the bytes that h announced. They belong to the message.
func (d *decoder) take(h head) []byte {
	start := d.off
	d.off += int(h.bits)
	return d.data[start:d.off:d.off]
}

// enter begins the array or map whose head is at start.
func (d *decoder) enter(start int) error {
	if d.depth == maxDepth {
		return malformed(start, "nested deeper than %d", maxDepth)
	}
	d.depth++
	return nil
}

// skip passes over the next value. It checks all of it.
func (d *decoder) skip() error {
	start := d.off
	h, err := d.next()
	if err != nil {
		return err
	}
	return d.skipRest(h, start)
}

// skipRest passes over what follows the head h, which was at start.
func (d *decoder) skipRest(h head, start int) error {
	n := int(h.bits)
	switch h.kind {
	case kindStr, kindBin, kindExt:
		d.off += n
		return nil
	case kindArray:
	case kindMap:
		n *= 2
	default:
		return nil
	}
	if err := d.enter(start); err != nil {
		return err
	}
	for range n {
		if err := d.skip(); err != nil {
			return err
		}
	}
	d.depth--
	return nil
}

// format names the format of the next value, which announces something.
func (d *decoder) format() string {
	switch c := d.data[d.off]; {
	case c < fixArray:
		return "fixmap"
	case c < fixStr:
		return "fixarray"
	case c < codeNil:
		return "fixstr"
	default:
		return formats[c-codeNil].name
	}
}

// found describes the next value.
func (d *decoder) found() string {
	h, err := d.peek()
	if err != nil {
		return "nothing"
	}
	return h.describe()
}

func count(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.FormatUint(n, 10) + " " + noun + "s"
}

func are(n uint64) string {
	if n == 1 {
		return "1 is"
	}
	return strconv.FormatUint(n, 10) + " are"
}

func countAre(n uint64) string {
	if n == 1 {
		return "1 byte is"
	}
	return strconv.FormatUint(n, 10) + " bytes are"
}

// open reads the head of an array or map for a t, and goes into it. It reports
// nil instead.
func (d *decoder) open(want kind, t reflect.Type) (n int, isNil bool, err error) {
	start := d.off
	h, err := d.next()
	switch {
	case err != nil:
		return 0, false, err
	case h.kind == want:
		return int(h.bits), false, d.enter(start)
	case h.kind == kindNil:
		return 0, true, nil
	}
	return 0, false, mismatch(start, h.describe(), t, "")
}

// integer returns the head of the next value as one of an integer, or of nil.
// A float without a fraction is an integer.
func (d *decoder) integer(t reflect.Type) (head, error) {
	start := d.off
	h, err := d.next()
	switch {
	case err != nil || h.kind <= kindInt && h.kind != kindBool:
		return h, err
	case h.kind == kindFloat:
		f := h.float()
		if f != math.Trunc(f) || math.IsInf(f, 0) { // NaN is not even NaN
			return h, mismatch(start, h.describe(), t, "it is no integer")
		}
		switch {
		case 0 <= f && f < 1<<64:
			return head{kind: kindUint, bits: uint64(f)}, nil
		case -1<<63 <= f && f < 0:
			return head{kind: kindInt, bits: uint64(int64(f))}, nil
		}
		return h, mismatch(start, h.describe(), t, "out of range")
	}
	return h, mismatch(start, h.describe(), t, "")
}

// signed decodes an integer of so many bits into a t.
func (d *decoder) signed(bits int, t reflect.Type) (i int64, isNil bool, err error) {
	start := d.off
	h, err := d.integer(t)
	if err != nil || h.kind == kindNil {
		return 0, true, err
	}
	i = int64(h.bits)
	if h.kind == kindUint && i < 0 || i<<(64-bits)>>(64-bits) != i {
		return 0, false, mismatch(start, h.describe(), t, "out of range")
	}
	return i, false, nil
}

// unsigned is signed for integers that are not negative.
func (d *decoder) unsigned(bits int, t reflect.Type) (u uint64, isNil bool, err error) {
	start := d.off
	h, err := d.integer(t)
	if err != nil || h.kind == kindNil {
		return 0, true, err
	}
	if h.kind == kindInt || h.bits<<(64-bits)>>(64-bits) != h.bits {
		return 0, false, mismatch(start, h.describe(), t, "out of range")
	}
	return h.bits, false, nil
}

// number decodes any number into a t, which is a float.
func (d *decoder) number(t reflect.Type) (f float64, isNil bool, err error) {
	start := d.off
	h, err := d.next()
	if err != nil {
		return 0, false, err
	}
	switch h.kind {
	case kindFloat:
		return h.float(), false, nil
	case kindUint:
		return float64(h.bits), false, nil
	case kindInt:
		return float64(int64(h.bits)), false, nil
	case kindNil:
		return 0, true, nil
	}
	return 0, false, mismatch(start, h.describe(), t, "")
}

// The following decode elements of lists and values of maps: nil leaves them zero.

func (d *decoder) str() (string, error) {
	b, _, err := d.text(reflect.TypeFor[string]())
	return string(b), err
}

func (d *decoder) int() (int, error) {
	i, _, err := d.signed(strconv.IntSize, reflect.TypeFor[int]())
	return int(i), err
}

func (d *decoder) int64() (int64, error) {
	i, _, err := d.signed(64, reflect.TypeFor[int64]())
	return i, err
}

func (d *decoder) float64() (float64, error) {
	f, _, err := d.number(reflect.TypeFor[float64]())
	return f, err
}

// text returns the bytes of the next value, str or bin, or of nil.
func (d *decoder) text(t reflect.Type) (b []byte, isNil bool, err error) {
	start := d.off
	h, err := d.next()
	switch {
	case err != nil:
		return nil, false, err
	case h.kind == kindStr || h.kind == kindBin:
		return d.take(h), false, nil
	case h.kind == kindNil:
		return nil, true, nil
	}
	return nil, false, mismatch(start, h.describe(), t, "")
}
