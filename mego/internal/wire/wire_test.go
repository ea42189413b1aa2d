package wire

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/gongular/gongular/mego/msgpack"
)

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := msgpack.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What is appended is parsed to the same again.
func TestRequests(t *testing.T) {
	sum := bytes.Repeat([]byte{7}, 32)
	for _, r := range []Request{
		{},
		{Method: "x", ID: -5},
		{Method: "x", Params: encode(t, []any{1, "a"}), ID: math.MaxInt64},
		{Method: "x", Fields: []Field{
			{"a", []File{{Binary: []byte("1"), ID: 1, Name: "n"}, {Binary: []byte("2"), ID: 2, Sum: sum}}},
			{"b", []File{{Binary: []byte{}, Parts: []int{3, 1}}}},
		}},
	} {
		got, err := ParseRequest(AppendRequest(nil, r))
		if r.Params != nil {
			r.Value = []any{int64(1), "a"}
		}
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("got %+v, %v, want %+v", got, err, r)
		}
	}
}

// The same for responses; what is left out is nothing.
func TestResponses(t *testing.T) {
	for _, r := range []Response{
		{},
		{Event: "e", Result: encode(t, 5)},
		{Code: -1000, Message: "m", Data: encode(t, []int{1}), ID: 9},
	} {
		got, err := ParseResponse(AppendResponse(nil, r))
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("got %+v, %v, want %+v", got, err, r)
		}
	}
	for _, v := range []any{map[string]any{}, map[string]any{"e": nil, "v": nil, "r": nil, "i": nil, "x": 5}} {
		if got, err := ParseResponse(encode(t, v)); err != nil || !reflect.DeepEqual(got, Response{}) {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	for want, v := range map[string]any{
		"malformed message: not a map":                 5,
		"the event is not a string in UTF-8":           map[string]any{"v": 5},
		"the error is not a map":                       map[string]any{"e": 5},
		"the error's code is not an integer":           map[string]any{"e": map[string]any{"c": "x"}},
		"the error's message is not a string in UTF-8": map[string]any{"e": map[string]any{"m": 5}},
	} {
		if _, err := ParseResponse(encode(t, v)); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// A field that occurs twice counts as it is the second time.
func TestFieldTwice(t *testing.T) {
	data := "\x81\xa1f\x83\xa1a\x91\x81\xa1b\xa11\xa1b\x90\xa1a\x91\x81\xa1b\xa12"
	r, err := ParseRequest([]byte(data))
	want := []Field{{"a", []File{{Binary: []byte("2")}}}, {"b", nil}}
	if err != nil || !reflect.DeepEqual(r.Fields, want) {
		t.Errorf("got %+v, %v", r.Fields, err)
	}
}

// A request may have so many fields and files.
func TestMostFiles(t *testing.T) {
	fields := map[int]any{}
	for i := range maxFiles + 1 {
		fields[i] = nil
	}
	file := map[string]any{}
	half := make([]any, maxFiles/2+1)
	for i := range half {
		half[i] = file
	}
	for want, f := range map[string]any{
		"more than 65536 fields": fields,
		"more than 65536 files":  map[string]any{"a": half, "b": half},
	} {
		_, err := ParseRequest(encode(t, map[string]any{"f": f}))
		var files *FilesError
		if !errors.As(err, &files) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// Walking finds the values that decoding finds, in every format.
func TestWalk(t *testing.T) {
	values := []any{nil, true, false, 5, -5, 127, 128, 200, 70000, 1 << 40, uint64(math.MaxUint64), -128, -200, -70000, math.MinInt64,
		float32(1.5), 2.5, "", "abc", strings.Repeat("x", 40), strings.Repeat("x", 300), strings.Repeat("x", 70000),
		[]byte("a"), make([]byte, 300), make([]byte, 70000), []any{}, []any{1, []any{2}}, make([]int, 20), make([]int, 70000),
		map[string]any{"a": map[string]any{}}, map[int]int{1: 1, 2: 2}, manyPairs(20), manyPairs(70000)}
	for _, n := range []int{0, 1, 2, 3, 4, 5, 8, 16, 17, 300, 70000} {
		values = append(values, msgpack.Ext{Type: 5, Data: make([]byte, n)})
	}
	list := encode(t, values)
	i := 0
	eachElement(list, func(element []byte) {
		if want := encode(t, values[i]); !bytes.Equal(element, want) {
			t.Errorf("%T: %.20x, want %.20x", values[i], element, want)
		}
		i++
	})
	if i != len(values) {
		t.Errorf("%d of %d values", i, len(values))
	}
}

func manyPairs(n int) map[int]int {
	pairs := make(map[int]int, n)
	for i := range n {
		pairs[i] = i
	}
	return pairs
}

// Integers in any format.
func TestInteger(t *testing.T) {
	for _, test := range []struct {
		data string
		want int64
		ok   bool
	}{
		{"", 0, true}, {"\xc0", 0, true}, {"\x05", 5, true}, {"\xff", -1, true}, {"\xcc\xff", 255, true}, {"\xd0\xff", -1, true}, {"\xd0\x01", 1, true},
		{"\xd1\xff\x00", -256, true}, {"\xd2\xff\xff\xff\xff", -1, true}, {"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", math.MinInt64, true},
		{"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", math.MaxInt64, true}, {"\xcf\x80\x00\x00\x00\x00\x00\x00\x00", 0, false},
		{"\xca\x40\x00\x00\x00", 2, true}, {"\xca\x3f\xc0\x00\x00", 0, false}, {"\xcb\xc3\xe0\x00\x00\x00\x00\x00\x00", math.MinInt64, true},
		{"\xcb\x43\xe0\x00\x00\x00\x00\x00\x00", 0, false}, {"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", 0, false}, {"\xa1x", 0, false}, {"\xc3", 0, false},
	} {
		got, ok := integer([]byte(test.data))
		if ok != test.ok || ok && got != test.want {
			t.Errorf("%x: %d, %v, want %d, %v", test.data, got, ok, test.want, test.ok)
		}
	}
}

// An impossible value is a mistake of this package.
func TestAppendValueBug(t *testing.T) {
	defer func() {
		if got := recover(); got != "BUG: msgpack: cannot encode func()" {
			t.Errorf("panic with %v", got)
		}
	}()
	appendValue(nil, func() {})
}

// Whatever is parsed can be appended, and is parsed to the same.
func FuzzParseRequest(f *testing.F) {
	f.Add(AppendRequest(nil, Request{Method: "x", Params: []byte{0x91, 1}, ID: 5, Fields: []Field{{"a", []File{{Binary: []byte("b"), Parts: []int{2, 1}, Name: "n"}}}}}))
	f.Add([]byte("\x84\xa1m\xd9\x04Echo\xa1i\xcb\x40\x00\x00\x00\x00\x00\x00\x00\xa1p\x80\x01\x02"))
	f.Add([]byte("\x81\xa1f\x81\xa1a\x91\x82\xa1b\xc4\x01x\xa1p\x92\x03\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseRequest(data)
		if err != nil {
			return
		}
		again, err := ParseRequest(AppendRequest(nil, r))
		if err != nil || again.Method != r.Method || again.ID != r.ID || !bytes.Equal(again.Params, r.Params) {
			t.Fatalf("%+v, %v, want %+v", again, err, r)
		}
	})
}
