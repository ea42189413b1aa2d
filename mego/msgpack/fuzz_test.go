package msgpack_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/gongular/gongular/mego/msgpack"
)

// A slow reads MessagePack as the specification tells it, value by value, with
// no thought of speed. It panics with errSlow at what is wrong.
type slow struct {
	*bytes.Reader
	values int
}

var errSlow = errors.New("wrong")

// slowAny decodes data as any, all of it, by 17.2 and 17.6.
func slowAny(data []byte) (v any, err error) {
	defer func() {
		if r := recover(); r == errSlow {
			err = errSlow
		} else if r != nil {
			panic(r)
		}
	}()
	s := &slow{Reader: bytes.NewReader(data)}
	v = s.value(0)
	s.must(s.Len() == 0)
	return v, nil
}

func (s *slow) must(ok bool) {
	if !ok {
		panic(errSlow)
	}
}

// number reads a number of size bytes.
func (s *slow) number(size int) uint64 {
	b := s.bytes(uint64(size))
	return binary.BigEndian.Uint64(append(make([]byte, 8-size), b...))
}

func (s *slow) bytes(n uint64) []byte {
	s.must(n <= uint64(s.Len()))
	b := make([]byte, n)
	_, _ = s.Read(b)
	return b
}

func (s *slow) value(depth int) any {
	s.values++
	s.must(s.values <= msgpack.MaxValues)
	c := int(s.number(1))
	integer := func(u uint64) any {
		if u > math.MaxInt64 {
			return u
		}
		return int64(u)
	}
	switch {
	case c <= 0x7f:
		return int64(c)
	case c <= 0x8f:
		return s.table(uint64(c-0x80), depth)
	case c <= 0x9f:
		return s.list(uint64(c-0x90), depth)
	case c <= 0xbf:
		return string(s.bytes(uint64(c - 0xa0)))
	case c >= 0xe0:
		return int64(c) - 256
	case c == 0xc0:
		return nil
	case c == 0xc2:
		return false
	case c == 0xc3:
		return true
	case c >= 0xc4 && c <= 0xc6:
		return s.bytes(s.number(1 << (c - 0xc4)))
	case c >= 0xc7 && c <= 0xc9:
		return s.extension(s.number(1 << (c - 0xc7)))
	case c == 0xca:
		return float64(math.Float32frombits(uint32(s.number(4))))
	case c == 0xcb:
		return math.Float64frombits(s.number(8))
	case c >= 0xcc && c <= 0xcf:
		return integer(s.number(1 << (c - 0xcc)))
	case c == 0xd0:
		return int64(int8(s.number(1)))
	case c == 0xd1:
		return int64(int16(s.number(2)))
	case c == 0xd2:
		return int64(int32(s.number(4)))
	case c == 0xd3:
		return int64(s.number(8))
	case c >= 0xd4 && c <= 0xd8:
		return s.extension(1 << (c - 0xd4))
	case c >= 0xd9 && c <= 0xdb:
		return string(s.bytes(s.number(1 << (c - 0xd9))))
	case c >= 0xdc && c <= 0xdd:
		return s.list(s.number(2<<(c-0xdc)), depth)
	case c >= 0xde && c <= 0xdf:
		return s.table(s.number(2<<(c-0xde)), depth)
	}
	panic(errSlow)
}

func (s *slow) extension(n uint64) any {
	typ := int8(s.number(1))
	b := s.bytes(n)
	if typ != -1 {
		return msgpack.Ext{Type: typ, Data: b}
	}
	var sec int64
	var nsec uint64
	switch n {
	case 4:
		sec = int64(binary.BigEndian.Uint32(b))
	case 8:
		both := binary.BigEndian.Uint64(b)
		nsec, sec = both>>34, int64(both%(1<<34))
	case 12:
		nsec, sec = uint64(binary.BigEndian.Uint32(b)), int64(binary.BigEndian.Uint64(b[4:]))
	default:
		panic(errSlow)
	}
	s.must(nsec < 1e9)
	return time.Unix(sec, int64(nsec)).UTC()
}

func (s *slow) list(n uint64, depth int) any {
	s.must(depth < msgpack.MaxDepth)
	list := []any{}
	for range n {
		list = append(list, s.value(depth+1))
	}
	return list
}

func (s *slow) table(n uint64, depth int) any {
	s.must(depth < msgpack.MaxDepth)
	table, texts := map[any]any{}, map[string]any{}
	for range n {
		key := s.value(depth + 1)
		switch k := key.(type) {
		case nil, bool, int64, uint64:
		case string:
			texts[k] = nil
		case float64:
			s.must(k == k)
		default:
			panic(errSlow)
		}
		table[key] = s.value(depth + 1)
	}
	if len(texts) < len(table) {
		return table
	}
	for key := range texts {
		texts[key] = table[key]
	}
	return texts
}

// same reports whether two values are the same, NaN and NaN among them.
func same(a, b any) bool {
	return reflect.DeepEqual(a, b) || fmt.Sprintf("%#v", a) == fmt.Sprintf("%#v", b)
}

func seed(f *testing.F) {
	for _, s := range samples() {
		if len(s.code) < 1000 {
			f.Add(s.code)
			f.Add(cat(hx("93 01"), s.code, hx("82 a141"), s.code, hx("05"), s.code))
		}
	}
	for _, code := range []string{
		"", "c1", "dbffffffff61", "ddffffffffc0", "dfffffffffc0", "938200", "81a16101a161", "82050106020503", "81cb7ff800000000000101",
		"83a142c403010203a14d82a16101a16202a15493d6ff00000001a4323032300005", "82a16182a162c0a163c3a16182a162c0a163c3",
	} {
		f.Add(hx(code))
	}
	f.Add(repeat(0x91, 101))
	f.Add(repeat(0x81, 101))
	f.Add(repeat(0x91, 100_000))
}

// FuzzDecodeAny compares decoding with the slow twin, with skipping and with
// scanning, and encodes again what was decoded.
func FuzzDecodeAny(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		want, wantErr := slowAny(data)
		var got any
		err := msgpack.Unmarshal(data, &got)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("got error %v, want %v", err, wantErr)
		}
		size, skipErr := msgpack.Skip(data)
		if err == nil && (skipErr != nil || size != len(data)) {
			t.Fatalf("skip: %d, %v; want %d", size, skipErr, len(data))
		}
		for _, step := range []int{1, 7, len(data) + 1} {
			scanned, scanErr := msgpack.Scan(data, step)
			switch {
			case skipErr == nil && (scanErr != nil || scanned != size):
				t.Fatalf("scan by %d: %d, %v; skip says %d", step, scanned, scanErr, size)
			case scanErr == nil && scanned > 0 && skipErr != nil:
				t.Fatalf("scan by %d: %d; skip says %v", step, scanned, skipErr)
			}
		}
		if err != nil {
			if e := decodeError(t, err); !e.Malformed || e.Offset < 0 || e.Offset > len(data) {
				t.Fatalf("%#v", e)
			}
			return
		}
		if !same(got, want) {
			t.Fatalf("got %#v, want %#v", got, want)
		}
		again := mustMarshal(t, got)
		if bytes.Contains(again, []byte("\ufffd")) {
			return // a string was mended, perhaps, and keys with it
		}
		if len(again) > len(data)+4*bytes.Count(data, []byte{0xca}) { // but for floats, which become longer
			t.Errorf("%x became longer: %x", data, again)
		}
		var back any
		mustUnmarshal(t, again, &back)
		if !same(back, got) {
			t.Fatalf("%.500v became %.500v", got, back)
		}
		wantBytes(t, mustMarshal(t, back), again)
	})
}

// Everything has a field of each type that decoding knows.
type everything struct {
	A   any
	B   bool
	I   int
	I8  int8
	U   uint
	U16 uint16
	F   float64
	F32 float32
	S   string
	X   []byte
	H   [3]byte
	L   []int
	LS  []string
	LA  []any
	LP  []pair
	P   *everything
	M   map[string]any
	MS  map[string]string
	MI  map[int]*pair
	MA  map[any]int8
	T   time.Time
	D   time.Duration
	R   msgpack.RawMessage
	E   msgpack.Ext
	N   netip.Addr
	V   point
	C   [2]uint8
	G   [2]level
	W   words
	Y   dictionary
	Left
	*Beside
}

// A Beside is embedded by a pointer.
type Beside struct{ Far int }

// FuzzDecodeStruct decodes into all kinds of types, and encodes again what was
// decoded.
func FuzzDecodeStruct(f *testing.F) {
	seed(f)
	for i := range uint64(20) {
		g := generator{rand.New(rand.NewPCG(i, 0))}
		data, err := msgpack.Marshal(g.everything(0))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, into := range []any{new(everything), new([]everything), new(map[string]everything), new([]any), new(map[any]any), new(time.Time), new(map[int][]pair)} {
			err := msgpack.Unmarshal(data, into)
			if err != nil {
				if e := decodeError(t, err); e.Offset < 0 || e.Offset > len(data) || e.Reason == "" {
					t.Fatalf("%#v", e)
				}
				continue
			}
			if _, err := msgpack.Skip(data); err != nil {
				t.Fatalf("%T was decoded; skip says %v", into, err)
			}
			again, err := msgpack.Marshal(into)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(again, []byte("\ufffd")) {
				continue
			}
			back := reflect.New(reflect.TypeOf(into).Elem())
			mustUnmarshal(t, again, back.Interface())
			wantBytes(t, mustMarshal(t, back.Interface()), again)
		}
	})
}

// A generator makes values by chance.
type generator struct{ *rand.Rand }

func (g generator) text() string {
	b := make([]rune, g.length())
	for i := range b {
		b[i] = []rune{'a', 'B', '0', ' ', 'é', '日', 0x1f600, 0, '.'}[g.IntN(9)]
	}
	return string(b)
}

// length is mostly small, and at times at a boundary of the formats.
func (g generator) length() int {
	switch g.IntN(40) {
	case 0:
		return 15 + g.IntN(3)
	case 1:
		return 31 + g.IntN(3)
	case 2:
		return 255 + g.IntN(3)
	}
	return g.IntN(5)
}

func (g generator) integer() int64 { return int64(g.Uint64()) >> g.IntN(64) }

func (g generator) bytes() []byte {
	b := make([]byte, g.length())
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return b
}

func (g generator) float() float64 {
	switch g.IntN(4) {
	case 0:
		return math.Inf(g.IntN(2)*2 - 1)
	case 1:
		return float64(g.integer())
	}
	return g.NormFloat64()
}

func (g generator) time() time.Time {
	return time.Unix(g.integer()>>g.IntN(30), g.Int64N(2)*g.Int64N(1e9)).UTC()
}

// any makes a value as decoding into any does.
func (g generator) any(depth int) any {
	n := 10
	if depth < 4 {
		n = 13
	}
	switch g.IntN(n) {
	case 0:
		return nil
	case 1:
		return g.IntN(2) == 1
	case 2, 3:
		return g.integer()
	case 4:
		return g.Uint64() | 1<<63
	case 5:
		return g.float()
	case 6, 7:
		return g.text()
	case 8:
		return g.bytes()
	case 9:
		if g.IntN(2) == 0 {
			return g.time()
		}
		return msgpack.Ext{Type: int8(g.IntN(128)), Data: g.bytes()}
	case 10:
		list := make([]any, g.length())
		for i := range list {
			list[i] = g.any(depth + 3)
		}
		return list
	case 11:
		m := map[string]any{}
		for range g.length() {
			m[g.text()] = g.any(depth + 2)
		}
		return m
	}
	m := map[any]any{int64(0): nil} // one that is no string
	for range g.IntN(4) {
		m[[]any{nil, true, g.integer(), g.float(), g.text()}[g.IntN(5)]] = g.any(depth + 2)
	}
	return m
}

func (g generator) everything(depth int) *everything {
	v := &everything{
		A: g.any(depth), B: g.IntN(2) == 0, I: int(int32(g.integer())), I8: int8(g.integer()), U: uint(uint32(g.Uint64())), U16: uint16(g.Uint64()),
		F: g.float(), F32: float32(g.float()), S: g.text(), X: g.bytes(), L: []int{int(int32(g.integer())), 0}, LS: []string{g.text(), g.text()},
		LA: []any{g.any(3), g.any(3), g.any(3)}, LP: []pair{{1, int(int32(g.integer()))}}, M: map[string]any{g.text(): g.any(3), g.text(): g.any(3)},
		MS: map[string]string{g.text(): g.text()}, MI: map[int]*pair{int(int32(g.integer())): {}, 1: nil}, MA: map[any]int8{g.text(): 1, g.integer(): 2},
		T: g.time(), D: time.Duration(g.integer()), E: msgpack.Ext{Type: 7, Data: g.bytes()}, N: netip.AddrFrom4([4]byte{1, 2, 3, byte(g.Uint32())}),
		V: point{int(int8(g.integer())), 2}, G: [2]level{3, 4}, W: words{g.text()}, Y: dictionary{g.text(): g.any(4)}, Beside: &Beside{4},
	}
	v.H[1], v.Deepest = byte(g.Uint32()), 7
	v.R, _ = msgpack.Marshal(g.any(2))
	if depth < 3 && g.IntN(2) == 0 {
		v.P = g.everything(depth + 1)
	}
	return v
}

// FuzzRoundTrip encodes and decodes generated values of known types.
func FuzzRoundTrip(f *testing.F) {
	for i := range uint64(200) {
		f.Add(i, i*i)
	}
	f.Fuzz(func(t *testing.T, a, b uint64) {
		g := generator{rand.New(rand.NewPCG(a, b))}
		in := g.any(0)
		var got any
		data := mustMarshal(t, in)
		mustUnmarshal(t, data, &got)
		if !same(got, in) {
			t.Fatalf("%.500v became %.500v", in, got)
		}
		slowly, err := slowAny(data)
		if err != nil || !same(slowly, in) {
			t.Fatalf("%.500v became %.500v to the slow twin, %v", in, slowly, err)
		}
		v := g.everything(0)
		var back everything
		data = mustMarshal(t, v)
		mustUnmarshal(t, data, &back)
		if !reflect.DeepEqual(&back, v) {
			t.Fatalf("%.500v became %.500v", *v, back)
		}
		wantBytes(t, mustMarshal(t, *v), data)
	})
}
