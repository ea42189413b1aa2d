package msgpack_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/gongular/gongular/mego/msgpack"
)

type (
	named      string
	namedInt   int16
	bits       byte
	blob       []byte
	hash       [4]byte
	dictionary map[string]any
	words      []string
	any2       any
	loop       *loop
	nest       []nest
	mapNest    map[int]mapNest
	tree       struct{ Left, Right *tree }
	pair       struct{ A, B int }
)

// A point encodes itself, by its value.
type point struct{ X, Y int }

func (p point) MarshalMsgpack() ([]byte, error) { return msgpack.Marshal([]int{p.X, p.Y}) }

func (p *point) UnmarshalMsgpack(data []byte) error {
	var xy [2]int
	err := msgpack.Unmarshal(data, &xy)
	p.X, p.Y = xy[0], xy[1]
	return err
}

// A level encodes itself as text, by its address.
type level int

func (l *level) MarshalText() ([]byte, error) { return []byte("L" + strconv.Itoa(int(*l))), nil }

func (l *level) UnmarshalText(b []byte) error {
	n, err := strconv.Atoi(strings.TrimPrefix(string(b), "L"))
	*l = level(n)
	return err
}

// An octet is a byte with a form of its own.
type octet byte

func (o octet) MarshalText() ([]byte, error) { return []byte{'0' + byte(o)}, nil }

func (o *octet) UnmarshalText(b []byte) error {
	*o = octet(b[0] - '0')
	return nil
}

// A raw encodes itself as whatever it is.
type raw string

func (r raw) MarshalMsgpack() ([]byte, error) { return []byte(r), nil }

// A faulty cannot be encoded or decoded.
type faulty struct{}

var errFaulty = errors.New("it is out of order")

func (faulty) MarshalMsgpack() ([]byte, error)  { return nil, errFaulty }
func (*faulty) UnmarshalMsgpack(b []byte) error { return errFaulty }

type faultyText struct{}

func (faultyText) MarshalText() ([]byte, error)  { return nil, errFaulty }
func (*faultyText) UnmarshalText(b []byte) error { return errFaulty }

// A both has two forms; that of MessagePack counts.
type both struct{}

func (both) MarshalMsgpack() ([]byte, error) { return hx("07"), nil }
func (both) MarshalText() ([]byte, error)    { return []byte("text"), nil }
func (both) Error() string                   { return "error" }

// A problem is an error, and has a text besides.
type problem struct{ text string }

func (p *problem) Error() string { return p.text }

type textProblem struct{}

func (textProblem) MarshalText() ([]byte, error) { return []byte("text"), nil }
func (textProblem) Error() string                { return "error" }

func ptr[T any](v T) *T { return &v }

// 17.3, 17.4: what Go's types become.
func TestEncode(t *testing.T) {
	self := any2(nil)
	deep := &self
	for _, test := range []struct {
		name string
		v    any
		want string
	}{
		{"int", 5, "05"}, {"int8", int8(-128), "d080"}, {"int16", int16(200), "ccc8"}, {"int32", int32(-1), "ff"}, {"int64", int64(70000), "ce00011170"},
		{"uint", uint(5), "05"}, {"uint8", uint8(200), "ccc8"}, {"uint16", uint16(256), "cd0100"}, {"uint32", uint32(1), "01"}, {"uint64", uint64(1 << 63), "cf8000000000000000"},
		{"uintptr", uintptr(9), "09"}, {"rune", 'a', "61"},
		{"bool", true, "c3"}, {"false", false, "c2"},
		{"float32", float32(1.5), "ca3fc00000"}, {"float64 is never narrowed", 1.5, "cb3ff8000000000000"},
		{"float32 NaN", float32(math.NaN()), "ca7fc00000"}, {"float32 Inf", float32(math.Inf(-1)), "caff800000"},
		{"NaN as it is", math.Float64frombits(0x7ff8000000000abc), "cb7ff8000000000abc"},
		{"named string", named("a"), "a161"}, {"named int", namedInt(-1), "ff"}, {"named bool", struct{ B bits }{3}, "81a14203"},
		{"invalid UTF-8", "a\xffb\xc3\x28", "a961efbfbd62efbfbd28"}, {"surrogate", "\xed\xa0\x80", "a9efbfbdefbfbdefbfbd"}, {"NUL", "\x00", "a100"},
		{"bytes", []byte("ab"), "c4026162"}, {"no bytes", []byte{}, "c400"}, {"named bytes", blob("ab"), "c4026162"}, {"bytes that are not UTF-8", []byte{0xff}, "c401ff"},
		{"slice of named bytes", []bits{1, 2}, "c4020102"}, {"byte array", hash{1, 2, 3, 4}, "c40401020304"}, {"pointer to byte array", &hash{1, 2, 3, 4}, "c40401020304"},
		{"array in a map", map[string][2]byte{"a": {1, 2}}, "81a161c4020102"},
		{"nil", nil, "c0"}, {"nil pointer", (*int)(nil), "c0"}, {"nil bytes", []byte(nil), "c0"}, {"nil slice", []string(nil), "c0"}, {"nil other slice", []int8(nil), "c0"},
		{"nil map", map[string]any(nil), "c0"}, {"nil typed map", map[string]string(nil), "c0"}, {"nil other map", map[int]int(nil), "c0"}, {"nil named map", dictionary(nil), "c0"},
		{"nil in a struct", struct{ A any }{}, "81a141c0"}, {"nil error", struct{ E error }{}, "81a145c0"}, {"nil list of any", []any(nil), "c0"},
		{"nil pointer to a Marshaler", (*point)(nil), "c0"}, {"nil pointer to a TextMarshaler", (*level)(nil), "c0"},
		{"slice", []int{1, 2}, "920102"}, {"int64s", []int64{-1}, "91ff"}, {"float64s", []float64{0}, "91cb0000000000000000"}, {"int8s", []int8{1, -1}, "9201ff"}, {"array", [2]string{"a", "b"}, "92a161a162"},
		{"named slice", words{"a"}, "91a161"}, {"pointer to named slice", &words{"a"}, "91a161"}, {"list of any", []any{1, "a", nil}, "9301a161c0"}, {"no elements", []pair{}, "90"}, {"empty array", [0]int{}, "90"},
		{"map", map[string]any{"b": 1, "a": 2, "": 3}, "83a003a16102a16201"}, {"named map", dictionary{"b": 1, "a": 2}, "82a16102a16201"}, {"pointer to named map", &dictionary{"b": 1}, "81a16201"},
		{"map of strings", map[string]string{"b": "c", "a": "d"}, "82a161a164a162a163"},
		{"map of ints", map[int]string{-1: "a", 10: "b", 9: "c", -200: "d"}, "84d1ff38a164ffa16109a1630aa162"}, {"map of uints", map[uint8]bool{200: true, 3: false}, "8203c2ccc8c3"},
		{"map of named strings", map[named]int{"longer": 1, "a": 2, "longest of them": 3, "longest of these": 4},
			"84a16102a66c6f6e67657201af6c6f6e67657374206f66207468656d03b06c6f6e67657374206f6620746865736504"},
		{"map of any", map[any]any{"b": 1, int8(-1): 2, nil: 3, true: 4, uint64(7): 5, 2.5: 6, float32(-1): 7, "a": 8, false: 9, -0.5: 10, namedInt(-5): 11},
			"8bc003c209c304fb0bff020705cabf80000007cbbfe00000000000000acb400400000000000006a16108a16201"},
		{"keys are sorted by bytes", map[string]any{"é": 1, "z": 2, "Z": 3, "aa": 4, "a": 5}, "85a15a03a16105a2616104a17a02a2c3a901"},
		{"struct", pair{1, 2}, "82a14101a14202"}, {"pointer to struct", &pair{1, 2}, "82a14101a14202"}, {"empty struct", struct{}{}, "80"}, {"unexported", struct{ a, B int }{1, 2}, "81a14202"},
		{"pointers", ptr(ptr(ptr(5))), "05"}, {"interfaces", deep, "c0"}, {"tree", tree{Left: &tree{}}, "82a44c65667482a44c656674c0a55269676874c0a55269676874c0"},
		{"time", time.Unix(1, 0), "d6ff00000001"}, {"time in a zone", time.Unix(1, 5).In(time.FixedZone("", 3600)), "d7ff0000001400000001"}, {"time in a struct", struct{ T time.Time }{time.Unix(1, 0)}, "81a154d6ff00000001"},
		{"pointer to time", ptr(time.Unix(1, 0)), "d6ff00000001"}, {"duration", 2 * time.Microsecond, "cd07d0"}, {"durations", []time.Duration{-1}, "91ff"},
		{"raw", msgpack.RawMessage(hx("920102")), "920102"}, {"raw in a struct", struct{ R msgpack.RawMessage }{hx("c0")}, "81a152c0"}, {"empty raw", msgpack.RawMessage{}, "c0"}, {"nil raw", msgpack.RawMessage(nil), "c0"},
		{"raw as it is", msgpack.RawMessage(hx("de0001d90161d30000000000000005")), "de0001d90161d30000000000000005"},
		{"ext", msgpack.Ext{Type: 5, Data: []byte{1}}, "d40501"}, {"pointer to ext", &msgpack.Ext{Type: 5}, "c70005"}, {"ext that is a time", msgpack.Ext{Type: -1, Data: make([]byte, 4)}, "d6ff00000000"},
		{"Marshaler", point{1, 2}, "920102"}, {"pointer to a Marshaler", &point{1, 2}, "920102"}, {"Marshalers", []point{{1, 2}}, "91920102"}, {"Marshaler as a value of a map", map[string]point{"a": {1, 2}}, "81a161920102"},
		{"Marshaler in any", []any{point{1, 2}}, "91920102"}, {"Marshaler of a named string", raw("\x05"), "05"}, {"Marshaler before others", both{}, "07"},
		{"TextMarshaler", netip.MustParseAddr("::1"), "a33a3a31"}, {"pointer receiver", big.NewInt(7), "a137"}, {"pointer receiver, value", *big.NewInt(7), "a137"}, {"pointer receiver, int", level(3), "a24c33"},
		{"pointer receiver in a struct", struct{ L level }{3}, "81a14ca24c33"}, {"pointer receiver in a map", map[string]level{"a": 3}, "81a161a24c33"}, {"before error", textProblem{}, "a474657874"},
		{"error", errors.New("bad"), "a3626164"}, {"error in an interface", struct{ E error }{errors.New("bad")}, "81a145a3626164"}, {"wrapped error", fmt.Errorf("x: %w", errors.New("y")), "a4783a2079"}, {"own error", &problem{"p"}, "a170"}, {"own error by value", problem{"p"}, "a170"},
		{"a key that has a text of its own", map[level]int{3: 1}, "810301"},
		{"nil slice with methods", net.IP(nil), "c0"}, {"slice with methods", net.IPv4(1, 2, 3, 4), "a7312e322e332e34"},
		{"bytes with a form of their own", []octet{1, 2}, "92a131a132"}, {"array of such", [1]octet{1}, "91a131"},
		{"interface type", []fmt.Stringer{netip.MustParseAddr("::1")}, "91a33a3a31"},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := hx(test.want)
			wantBytes(t, mustMarshal(t, test.v), want)
			if test.v != nil { // and in an addressable place
				p := reflect.New(reflect.TypeOf(test.v))
				p.Elem().Set(reflect.ValueOf(test.v))
				wantBytes(t, mustMarshal(t, p.Interface()), want)
			}
			got, err := msgpack.Append([]byte("before"), test.v)
			wantErr(t, err, "")
			wantBytes(t, got, cat("before", want))
		})
	}
}

// 17.2, 17.4: what cannot be encoded, and what is said.
func TestEncodeErrors(t *testing.T) {
	var p loop
	p = &p
	var i any
	i = &i
	list := []any{nil}
	list[0] = list
	table := map[string]any{}
	table["a"] = table
	ints := mapNest{}
	ints[1] = ints
	ring := &tree{}
	ring.Left = ring
	nested := nest{}
	nested = append(nested, nested)
	nested[0] = nested
	deepRaw := cat(repeat(0x91, 100), hx("c0"))
	for _, test := range []struct {
		name string
		v    any
		want string
	}{
		{"channel", make(chan int), "msgpack: cannot encode chan int"},
		{"nil channel", struct{ C chan int }{}, "msgpack: C: cannot encode chan int"},
		{"function", struct {
			A []any `msgpack:"list"`
		}{[]any{1, func() {}}}, "msgpack: list.1: cannot encode func()"},
		{"complex64", complex64(1), "msgpack: cannot encode complex64"},
		{"complex128", map[string]complex128{"a": 1}, "msgpack: a: cannot encode complex128"},
		{"unsafe pointer", unsafe.Pointer(nil), "msgpack: cannot encode unsafe.Pointer"},
		{"bool keys", map[bool]int{true: 1}, "msgpack: cannot encode map[bool]int: a key has to be a string or an integer"},
		{"float keys, nil map", map[float64]int(nil), "msgpack: cannot encode map[float64]int: a key has to be a string or an integer"},
		{"struct keys", map[any]int{pair{}: 1}, "msgpack: cannot encode map[interface {}]int: msgpack_test.pair cannot be a key"},
		{"NaN key", map[any]any{math.NaN(): 1}, "msgpack: cannot encode map[interface {}]interface {}: NaN cannot be a key"},
		{"keys that are one", map[any]any{1: 1, uint8(1): 1}, "msgpack: cannot encode map[interface {}]interface {}: two of its keys are one in MessagePack"},
		{"float keys that are one", map[any]any{1.5: 1, float32(1.5): 1}, "msgpack: cannot encode map[interface {}]interface {}: two of its keys are one in MessagePack"},
		{"string keys that are one", map[any]any{"a": 1, named("a"): 1}, "msgpack: cannot encode map[interface {}]interface {}: two of its keys are one in MessagePack"},
		{"pointer to itself", p, "msgpack: cannot encode msgpack_test.loop: it stands behind 1000 pointers and interfaces, or contains itself"},
		{"interface in itself", i, "msgpack: cannot encode *interface {}: it stands behind 1000 pointers and interfaces, or contains itself"},
		{"interface in itself, in a struct", struct{ A any }{i}, "msgpack: A: cannot encode interface {}: it stands behind 1000 pointers and interfaces, or contains itself"},
		{"map of ints in itself", ints, "msgpack: " + strings.Repeat("1.", 99) + "1: cannot encode msgpack_test.mapNest: nested deeper than 100"},
		{"list in itself", list, "msgpack: " + strings.Repeat("0.", 99) + "0: cannot encode []interface {}: nested deeper than 100"},
		{"map in itself", table, "msgpack: " + strings.Repeat("a.", 99) + "a: cannot encode map[string]interface {}: nested deeper than 100"},
		{"struct in itself", ring, "msgpack: " + strings.Repeat("Left.", 99) + "Left: cannot encode msgpack_test.tree: nested deeper than 100"},
		{"slice in itself", nested, "msgpack: " + strings.Repeat("0.", 99) + "0: cannot encode msgpack_test.nest: nested deeper than 100"},
		{"raw of two values", msgpack.RawMessage(hx("0102")), "msgpack: cannot encode msgpack.RawMessage: 1 byte after the value (byte 1)"},
		{"raw cut off", struct{ R msgpack.RawMessage }{hx("9201")}, "msgpack: R: cannot encode msgpack.RawMessage: fixarray of 2 elements, but 1 byte is left (byte 0)"},
		{"raw of 0xc1", []msgpack.RawMessage{hx("c1")}, "msgpack: 0: cannot encode msgpack.RawMessage: 0xc1 is never used (byte 0)"},
		{"raw too deep", []msgpack.RawMessage{deepRaw}, "msgpack: 0: cannot encode msgpack.RawMessage: nested deeper than 100 (byte 99)"},
		{"Marshaler that returns nothing", raw(""), "msgpack: cannot encode msgpack_test.raw: the message ends where a value should begin (byte 0)"},
		{"Marshaler that returns two", raw("\x01\x02"), "msgpack: cannot encode msgpack_test.raw: 1 byte after the value (byte 1)"},
		{"Marshaler that fails", map[named]any{"a b": faulty{}}, `msgpack: "a b": cannot encode msgpack_test.faulty: it is out of order`},
		{"TextMarshaler that fails", map[int]any{7: &faultyText{}}, "msgpack: 7: cannot encode msgpack_test.faultyText: it is out of order"},
		{"timestamp of 5 bytes", msgpack.Ext{Type: -1, Data: make([]byte, 5)}, "msgpack: cannot encode msgpack.Ext: a timestamp has 4, 8 or 12 bytes, not 5"},
		{"timestamp without data", msgpack.Ext{Type: -1}, "msgpack: cannot encode msgpack.Ext: a timestamp has 4, 8 or 12 bytes, not 0"},
		{"timestamp with too many nanoseconds", msgpack.Ext{Type: -1, Data: repeat(0xff, 8)}, "msgpack: cannot encode msgpack.Ext: a timestamp with 1073741823 nanoseconds"},
		{"bad option", struct {
			A int `msgpack:"a,omitempy"`
		}{}, `msgpack: cannot encode struct { A int "msgpack:\"a,omitempy\"" }: A: the msgpack tag has the option "omitempy"; the only one is omitempty`},
		{"in an array", [1]any{complex(1, 1)}, "msgpack: 0: cannot encode complex128"},
		{"in omitempty", struct {
			A any `msgpack:"a,omitempty"`
		}{complex(1, 1)}, "msgpack: a: cannot encode complex128"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := msgpack.Marshal(test.v)
			wantErr(t, err, test.want)
			if got != nil {
				t.Errorf("an error, and %s", short(got))
			}
			appended, err := msgpack.Append([]byte("before"), test.v)
			wantErr(t, err, test.want)
			wantBytes(t, appended, []byte("before"))
			var written strings.Builder
			wantErr(t, msgpack.NewEncoder(&written).Encode(test.v), test.want)
			if written.Len() > 0 {
				t.Errorf("an error, and %d bytes were written", written.Len())
			}
		})
	}
}

// A slice of more elements than an array can have costs nothing if they have no size.
func TestEncodeTooLong(t *testing.T) {
	if strconv.IntSize < 64 {
		return // no such slice
	}
	n := 1
	n <<= 32
	_, err := msgpack.Marshal(make([]struct{}, n))
	wantErr(t, err, "msgpack: cannot encode []struct {} of length 4294967296: the greatest is 4294967295")
}

// The causes of errors can be found.
func TestEncodeErrorCause(t *testing.T) {
	_, err := msgpack.Marshal([]any{faulty{}})
	if !errors.Is(err, errFaulty) {
		t.Errorf("%v is not the error of the Marshaler", err)
	}
	_, err = msgpack.Marshal(raw("\xc1"))
	if e := decodeError(t, err); e.Offset != 0 || !e.Malformed {
		t.Errorf("%#v", e)
	}
}

// 17.2: exactly 100 arrays and maps inside one another can be encoded, and
// what they hold be decoded.
func TestDepthOfEncoding(t *testing.T) {
	build := func(depth int) any {
		var v any = 5
		for i := range depth {
			switch i % 4 {
			case 0:
				v = []any{v}
			case 1:
				v = map[string]any{"a": v}
			case 2:
				v = struct{ A any }{v}
			case 3:
				v = map[int]any{1: v}
			}
		}
		return v
	}
	data := mustMarshal(t, build(msgpack.MaxDepth))
	var got any
	mustUnmarshal(t, data, &got)
	wantBytes(t, mustMarshal(t, got), data)
	_, err := msgpack.Marshal(build(msgpack.MaxDepth + 1))
	if err == nil || !strings.HasSuffix(err.Error(), "nested deeper than 100") {
		t.Errorf("got %v", err)
	}
	if _, err := msgpack.Marshal(msgpack.RawMessage(cat(repeat(0x91, 100), hx("c0")))); err != nil {
		t.Error(err)
	}
}

// Pointers are no nesting: a list of 100 structs linked by pointers is fine.
func TestPointersAreNoNesting(t *testing.T) {
	var chain *tree
	for range msgpack.MaxDepth {
		chain = &tree{Left: chain}
	}
	data := mustMarshal(t, chain)
	var got *tree
	mustUnmarshal(t, data, &got)
	wantEqual(t, got, chain)
}

// 17.4: a panic of a user's method arrives, and harms nobody else.
func TestPanicPasses(t *testing.T) {
	func() {
		defer func() {
			if r := recover(); r != "on purpose" {
				t.Errorf("recovered %v", r)
			}
		}()
		_, _ = msgpack.Marshal([]any{1, panics{}})
	}()
	wantBytes(t, mustMarshal(t, 1), hx("01"))
}

type panics struct{}

func (panics) MarshalText() ([]byte, error) { panic("on purpose") }

// Encoding into a buffer with room allocates nothing, and Marshal the result.
func TestAppendTakesNoMemory(t *testing.T) {
	type inner struct {
		S string
		L []string
		N *int
	}
	v := struct {
		A int
		B string
		C []inner
		D map[string]any
		E map[string]string
		F []any
		G time.Time
		H [4]byte
		I any
		J words
		K dictionary
	}{
		1, "b", []inner{{"s", []string{"a"}, ptr(7)}}, map[string]any{"z": 1.5, "a": "text"}, map[string]string{"k": "v", "a": "b"},
		[]any{true, nil, []byte{1}}, time.Unix(1, 1), [4]byte{1}, "any", words{"w"}, dictionary{"k": nil},
	}
	buf := make([]byte, 0, 1<<10)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := msgpack.Append(buf, &v); err != nil {
			t.Fatal(err)
		}
	}); n > 0 && !poolsForget {
		t.Errorf("Append: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { mustMarshal(t, &v) }); n > 1 && !poolsForget {
		t.Errorf("Marshal: %v allocations", n)
	}
}

// Large maps come out sorted as small ones do, and leave nothing behind.
func TestLargeMaps(t *testing.T) {
	numbers, texts := map[int]string{}, map[named]int{}
	for i := range 5000 {
		numbers[i*7-9000] = strings.Repeat("x", 100)
		texts[named(fmt.Sprintf("a common beginning %d", i))] = i
	}
	for _, m := range []any{numbers, texts} {
		data := mustMarshal(t, m)
		got := reflect.New(reflect.TypeOf(m))
		mustUnmarshal(t, data, got.Interface())
		wantEqual(t, got.Elem().Interface(), m)
		wantBytes(t, mustMarshal(t, m), data)
	}
	wantBytes(t, mustMarshal(t, map[int]int{2: 2, 1: 1}), hx("8201010202"))
}

// Maps of strings of all sizes and beginnings are sorted by bytes.
func TestSortedKeys(t *testing.T) {
	for n := range 40 {
		for _, prefix := range []string{"", "a", "common", "a common beginning ", "\x00"} {
			m := map[string]any{prefix: nil}
			for i := range n {
				m[fmt.Sprintf("%s%d", prefix, i*i*31)] = nil
				m[prefix+strings.Repeat("\x00", i%10)] = nil
			}
			var want []byte
			for _, key := range slices.Sorted(maps.Keys(m)) {
				want = append(append(want, mustMarshal(t, key)...), 0xc0)
			}
			data := mustMarshal(t, m)
			if !bytes.HasSuffix(data, want) || len(data) > len(want)+3 {
				t.Fatalf("%q and %d keys: got %x, want %x", prefix, n, data, want)
			}
		}
	}
}

// What Marshal returns is the caller's alone, large or small.
func TestMarshalReturnsItsOwn(t *testing.T) {
	for _, n := range []int{1, 1000, 1 << 20} {
		first := mustMarshal(t, repeat(1, n))
		second := mustMarshal(t, repeat(2, n))
		if first[len(first)-1] != 1 || second[len(second)-1] != 2 {
			t.Errorf("%d bytes: two messages share memory", n)
		}
	}
}
