package msgpack

import "fmt"

// maxRoom is for how many entries room is made when they are announced. More is
// made as they arrive.
const maxRoom = 1024

// smallInts are the integers from -128 to -1 as interfaces; the runtime has
// those from 0 to 255.
var smallInts = func() (ints [128]any) {
	for i := range ints {
		ints[i] = int64(i - len(ints))
	}
	return ints
}()

// any decodes the next value into what suits it best.
func (d *decoder) any() (any, error) {
	start := d.off
	h, err := d.next()
	if err != nil {
		return nil, err
	}
	switch h.kind {
	case kindBool:
		return h.bits == 1, nil
	case kindUint:
		if h.bits > 1<<63-1 {
			return h.bits, nil
		}
		return int64(h.bits), nil
	case kindInt:
		i := int64(h.bits)
		if i >= -int64(len(smallInts)) {
			return smallInts[i+int64(len(smallInts))], nil
		}
		return i, nil
	case kindFloat:
		return h.float(), nil
	case kindStr:
		return string(d.take(h)), nil
	case kindBin:
		return clone(d.take(h)), nil
	case kindArray:
		return d.anyArray(int(h.bits), start)
	case kindMap:
		return d.anyMap(int(h.bits), start)
	case kindExt:
		if h.ext == timestampExt {
			return d.timestamp(h, start)
		}
		return Ext{h.ext, clone(d.take(h))}, nil
	}
	return nil, nil
}

// clone copies b; the copy is never nil, and has no room to spare.
func clone(b []byte) []byte {
	c := make([]byte, len(b))
	copy(c, b)
	return c
}

func (d *decoder) anyArray(n, start int) (any, error) {
	if err := d.enter(start); err != nil {
		return nil, err
	}
	list := make([]any, 0, min(n, maxRoom))
	if n > 2 && d.names == nil && d.data[d.off]&0xf0 == fixMap { // there are n bytes at least
		d.names = new([nameSlots]string)
	}
	for i := range n {
		x, err := d.any()
		if err != nil {
			return nil, inIndex(err, i)
		}
		list = append(list, x)
	}
	d.depth--
	return list, nil
}

// Maps in an array mostly have the same keys. The decoder remembers a few.
const (
	nameSlots   = 32
	longestName = 32 // in bytes
)

// name returns the key that b spells, as one string where it comes again.
func (d *decoder) name(b []byte) string {
	if d.names == nil || len(b) == 0 || len(b) > longestName {
		return string(b)
	}
	slot := &d.names[(len(b)+int(b[0])*5+int(b[len(b)-1])*3)%nameSlots]
	if *slot != string(b) {
		*slot = string(b)
	}
	return *slot
}

// anyMap decodes a map with keys that are strings, as long as they are.
func (d *decoder) anyMap(n, start int) (any, error) {
	if err := d.enter(start); err != nil {
		return nil, err
	}
	m := make(map[string]any, min(n, maxRoom))
	for i := range n {
		at, budget := d.off, d.budget
		h, err := d.next()
		if err != nil {
			return nil, err
		}
		if h.kind != kindStr {
			d.off, d.budget = at, budget
			mixed := make(map[any]any, min(n, maxRoom))
			for key, x := range m {
				mixed[key] = x
			}
			if err := d.mixedMap(mixed, n-i); err != nil {
				return nil, err
			}
			d.depth--
			return mixed, nil
		}
		key := d.name(d.take(h))
		x, err := d.any()
		if err != nil {
			return nil, inKey(err, key)
		}
		m[key] = x
	}
	d.depth--
	return m, nil
}

// mixedMap decodes n pairs into m.
func (d *decoder) mixedMap(m map[any]any, n int) error {
	for range n {
		key, err := d.anyKey()
		if err != nil {
			return err
		}
		x, err := d.any()
		if err != nil {
			return inKey(err, fmt.Sprint(key))
		}
		m[key] = x
	}
	return nil
}

// anyKey decodes a key of a map, which has to be one that Go can compare and
// find again.
func (d *decoder) anyKey() (any, error) {
	start := d.off
	h, err := d.peek()
	if err != nil {
		return nil, err
	}
	switch {
	case h.kind >= kindBin:
		if err := d.skip(); err != nil { // it is wrong for another reason
			return nil, err
		}
		return nil, malformed(start, "a key cannot be %s", article(h.kind))
	case h.kind == kindFloat && h.float() != h.float():
		return nil, malformed(start, "a key cannot be NaN")
	}
	return d.any()
}

func article(k kind) string {
	if k == kindArray || k == kindExt {
		return "an " + k.String()
	}
	return "a " + k.String()
}
