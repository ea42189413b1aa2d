package msgpack_test

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular/mego/msgpack"
)

func repeat(b byte, n int) []byte { return bytes.Repeat([]byte{b}, n) }

func nils(n int) []any { return make([]any, n) }

// dict returns a map of n keys of five digits, and its encoding without a head.
func dict(n int) (map[string]any, []byte) {
	m := map[string]any{}
	var b []byte
	for i := range n {
		key := fmt.Sprintf("%05d", i)
		m[key] = nil
		b = append(b, 0xa5)
		b = append(b, key...)
		b = append(b, 0xc0)
	}
	return m, b
}

// A sample is a value as any has it, and its smallest encoding.
type sample struct {
	name  string
	value any
	code  []byte
}

// samples have each format at both ends of what it is used for.
func samples() []sample {
	d15, b15 := dict(15)
	d16, b16 := dict(16)
	d65535, b65535 := dict(65535)
	d65536, b65536 := dict(65536)
	utc := func(s, n int64) time.Time { return time.Unix(s, n).UTC() }
	return []sample{
		{"nil", nil, hx("c0")},
		{"false", false, hx("c2")},
		{"true", true, hx("c3")},

		{"positive fixint 0", int64(0), hx("00")},
		{"positive fixint 127", int64(127), hx("7f")},
		{"uint 8 of 128", int64(128), hx("cc 80")},
		{"uint 8 of 255", int64(255), hx("cc ff")},
		{"uint 16 of 256", int64(256), hx("cd 0100")},
		{"uint 16 of 65535", int64(65535), hx("cd ffff")},
		{"uint 32 of 65536", int64(65536), hx("ce 00010000")},
		{"uint 32 of 2^32-1", int64(1<<32 - 1), hx("ce ffffffff")},
		{"uint 64 of 2^32", int64(1 << 32), hx("cf 0000000100000000")},
		{"uint 64 of 2^63-1", int64(math.MaxInt64), hx("cf 7fffffffffffffff")},
		{"uint 64 of 2^63", uint64(1 << 63), hx("cf 8000000000000000")},
		{"uint 64 of 2^64-1", uint64(math.MaxUint64), hx("cf ffffffffffffffff")},
		{"negative fixint -1", int64(-1), hx("ff")},
		{"negative fixint -32", int64(-32), hx("e0")},
		{"int 8 of -33", int64(-33), hx("d0 df")},
		{"int 8 of -128", int64(-128), hx("d0 80")},
		{"int 16 of -129", int64(-129), hx("d1 ff7f")},
		{"int 16 of -32768", int64(-32768), hx("d1 8000")},
		{"int 32 of -32769", int64(-32769), hx("d2 ffff7fff")},
		{"int 32 of -2^31", int64(math.MinInt32), hx("d2 80000000")},
		{"int 64 of -2^31-1", int64(math.MinInt32 - 1), hx("d3 ffffffff7fffffff")},
		{"int 64 of -2^63", int64(math.MinInt64), hx("d3 8000000000000000")},

		{"float 64 of 0", 0.0, hx("cb 0000000000000000")},
		{"float 64 of -0", math.Copysign(0, -1), hx("cb 8000000000000000")},
		{"float 64 of 1.5", 1.5, hx("cb 3ff8000000000000")},
		{"float 64 of the greatest", math.MaxFloat64, hx("cb 7fefffffffffffff")},
		{"float 64 of +Inf", math.Inf(1), hx("cb 7ff0000000000000")},
		{"float 64 of -Inf", math.Inf(-1), hx("cb fff0000000000000")},

		{"fixstr of 0", "", hx("a0")},
		{"fixstr of 1", "a", hx("a1 61")},
		{"fixstr of 31", strings.Repeat("x", 31), cat(hx("bf"), repeat('x', 31))},
		{"str 8 of 32", strings.Repeat("x", 32), cat(hx("d9 20"), repeat('x', 32))},
		{"str 8 of 255", strings.Repeat("x", 255), cat(hx("d9 ff"), repeat('x', 255))},
		{"str 16 of 256", strings.Repeat("x", 256), cat(hx("da 0100"), repeat('x', 256))},
		{"str 16 of 65535", strings.Repeat("x", 65535), cat(hx("da ffff"), repeat('x', 65535))},
		{"str 32 of 65536", strings.Repeat("x", 65536), cat(hx("db 00010000"), repeat('x', 65536))},

		{"bin 8 of 0", []byte{}, hx("c4 00")},
		{"bin 8 of 255", repeat(7, 255), cat(hx("c4 ff"), repeat(7, 255))},
		{"bin 16 of 256", repeat(7, 256), cat(hx("c5 0100"), repeat(7, 256))},
		{"bin 16 of 65535", repeat(7, 65535), cat(hx("c5 ffff"), repeat(7, 65535))},
		{"bin 32 of 65536", repeat(7, 65536), cat(hx("c6 00010000"), repeat(7, 65536))},

		{"fixarray of 0", []any{}, hx("90")},
		{"fixarray of 15", nils(15), cat(hx("9f"), repeat(0xc0, 15))},
		{"array 16 of 16", nils(16), cat(hx("dc 0010"), repeat(0xc0, 16))},
		{"array 16 of 65535", nils(65535), cat(hx("dc ffff"), repeat(0xc0, 65535))},
		{"array 32 of 65536", nils(65536), cat(hx("dd 00010000"), repeat(0xc0, 65536))},

		{"fixmap of 0", map[string]any{}, hx("80")},
		{"fixmap of 15", d15, cat(hx("8f"), b15)},
		{"map 16 of 16", d16, cat(hx("de 0010"), b16)},
		{"map 16 of 65535", d65535, cat(hx("de ffff"), b65535)},
		{"map 32 of 65536", d65536, cat(hx("df 00010000"), b65536)},

		{"fixext 1", msgpack.Ext{Type: 5, Data: repeat(1, 1)}, cat(hx("d4 05"), repeat(1, 1))},
		{"fixext 2", msgpack.Ext{Type: 5, Data: repeat(1, 2)}, cat(hx("d5 05"), repeat(1, 2))},
		{"fixext 4", msgpack.Ext{Type: 127, Data: repeat(1, 4)}, cat(hx("d6 7f"), repeat(1, 4))},
		{"fixext 8", msgpack.Ext{Type: -2, Data: repeat(1, 8)}, cat(hx("d7 fe"), repeat(1, 8))},
		{"fixext 16", msgpack.Ext{Type: -128, Data: repeat(1, 16)}, cat(hx("d8 80"), repeat(1, 16))},
		{"ext 8 of 0", msgpack.Ext{Type: 0, Data: []byte{}}, hx("c7 00 00")},
		{"ext 8 of 3", msgpack.Ext{Type: 5, Data: repeat(1, 3)}, cat(hx("c7 03 05"), repeat(1, 3))},
		{"ext 8 of 5", msgpack.Ext{Type: 5, Data: repeat(1, 5)}, cat(hx("c7 05 05"), repeat(1, 5))},
		{"ext 8 of 15", msgpack.Ext{Type: 5, Data: repeat(1, 15)}, cat(hx("c7 0f 05"), repeat(1, 15))},
		{"ext 8 of 17", msgpack.Ext{Type: 5, Data: repeat(1, 17)}, cat(hx("c7 11 05"), repeat(1, 17))},
		{"ext 8 of 255", msgpack.Ext{Type: 5, Data: repeat(1, 255)}, cat(hx("c7 ff 05"), repeat(1, 255))},
		{"ext 16 of 256", msgpack.Ext{Type: 5, Data: repeat(1, 256)}, cat(hx("c8 0100 05"), repeat(1, 256))},
		{"ext 16 of 65535", msgpack.Ext{Type: 5, Data: repeat(1, 65535)}, cat(hx("c8 ffff 05"), repeat(1, 65535))},
		{"ext 32 of 65536", msgpack.Ext{Type: 5, Data: repeat(1, 65536)}, cat(hx("c9 00010000 05"), repeat(1, 65536))},

		{"timestamp 32 of 0", utc(0, 0), hx("d6 ff 00000000")},
		{"timestamp 32 of 2^32-1", utc(1<<32-1, 0), hx("d6 ff ffffffff")},
		{"timestamp 64 of 2^32", utc(1<<32, 0), hx("d7 ff 0000000100000000")},
		{"timestamp 64 of 1 ns", utc(0, 1), hx("d7 ff 0000000400000000")},
		{"timestamp 64 of 2^34-1 and the most ns", utc(1<<34-1, 999_999_999), hx("d7 ff ee6b27ffffffffff")},
		{"timestamp 96 of 2^34", utc(1<<34, 0), hx("c7 0c ff 00000000 0000000400000000")},
		{"timestamp 96 of -1", utc(-1, 0), hx("c7 0c ff 00000000 ffffffffffffffff")},
		{"timestamp 96 of -1 s and 5 ns", utc(-1, 5), hx("c7 0c ff 00000005 ffffffffffffffff")},
		{"timestamp 96 of year 1", time.Time{}.UTC(), hx("c7 0c ff 00000000 fffffff1886e0900")},
	}
}

// 17.1, 17.3: each format at its boundaries, both ways, and by the typed way
// round too.
func TestFormats(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			wantBytes(t, mustMarshal(t, s.value), s.code)
			var got any
			mustUnmarshal(t, s.code, &got)
			if !reflect.DeepEqual(got, s.value) {
				t.Errorf("decoded %T %.100v, want %T %.100v", got, got, s.value, s.value)
			}
			if s.value == nil {
				return
			}
			typed := reflect.New(reflect.TypeOf(s.value))
			mustUnmarshal(t, s.code, typed.Interface())
			if got := typed.Elem().Interface(); !reflect.DeepEqual(got, s.value) {
				t.Errorf("decoded into its own type: %.100v, want %.100v", got, s.value)
			}
			wantBytes(t, mustMarshal(t, typed.Interface()), s.code)
			if size, err := msgpack.Skip(s.code); err != nil || size != len(s.code) {
				t.Errorf("skip: %d, %v; want %d", size, err, len(s.code))
			}
			for _, step := range []int{1, 1000} {
				if size, err := msgpack.Scan(s.code[:min(len(s.code), 5000)], step); err != nil || size != len(s.code) && len(s.code) <= 5000 {
					t.Errorf("scan by %d: %d, %v; want %d", step, size, err, len(s.code))
				}
			}
		})
	}
}

// 17.1: what a first byte means, for all 256.
func TestFirstBytes(t *testing.T) {
	m := func(n int) map[string]any { d, _ := dict(n); return d }
	for c := range 256 {
		var tail []byte
		var want any
		wantErrText := ""
		switch {
		case c <= 0x7f:
			want = int64(c)
		case c <= 0x8f:
			_, tail = dict(c - 0x80)
			want = m(c - 0x80)
		case c <= 0x9f:
			tail, want = repeat(0xc0, c-0x90), nils(c-0x90)
		case c <= 0xbf:
			tail, want = repeat('s', c-0xa0), strings.Repeat("s", c-0xa0)
		case c >= 0xe0:
			want = int64(c) - 256
		default:
			tail = map[int][]byte{
				0xc0: nil, 0xc1: nil, 0xc2: nil, 0xc3: nil,
				0xc4: hx("01 09"), 0xc5: hx("0001 09"), 0xc6: hx("00000001 09"),
				0xc7: hx("01 05 09"), 0xc8: hx("0001 05 09"), 0xc9: hx("00000001 05 09"),
				0xca: hx("bfc00000"), 0xcb: hx("bff8000000000000"),
				0xcc: hx("fe"), 0xcd: hx("fffe"), 0xce: hx("fffffffe"), 0xcf: hx("fffffffffffffffe"),
				0xd0: hx("fe"), 0xd1: hx("fffe"), 0xd2: hx("fffffffe"), 0xd3: hx("fffffffffffffffe"),
				0xd4: hx("05 09"), 0xd5: hx("05 0909"), 0xd6: hx("05 09090909"), 0xd7: cat(hx("05"), repeat(9, 8)), 0xd8: cat(hx("05"), repeat(9, 16)),
				0xd9: hx("01 73"), 0xda: hx("0001 73"), 0xdb: hx("00000001 73"),
				0xdc: hx("0001 c3"), 0xdd: hx("00000001 c3"),
				0xde: hx("0001 a173 c3"), 0xdf: hx("00000001 a173 c3"),
			}[c]
			ext := func(n int) any { return msgpack.Ext{Type: 5, Data: repeat(9, n)} }
			one, list, table := []byte{9}, []any{true}, map[string]any{"s": true}
			want = map[int]any{
				0xc2: false, 0xc3: true,
				0xc4: one, 0xc5: one, 0xc6: one,
				0xc7: ext(1), 0xc8: ext(1), 0xc9: ext(1),
				0xca: -1.5, 0xcb: -1.5,
				0xcc: int64(254), 0xcd: int64(65534), 0xce: int64(1<<32 - 2), 0xcf: uint64(math.MaxUint64 - 1),
				0xd0: int64(-2), 0xd1: int64(-2), 0xd2: int64(-2), 0xd3: int64(-2),
				0xd4: ext(1), 0xd5: ext(2), 0xd6: ext(4), 0xd7: ext(8), 0xd8: ext(16),
				0xd9: "s", 0xda: "s", 0xdb: "s",
				0xdc: list, 0xdd: list, 0xde: table, 0xdf: table,
			}[c]
			if c == 0xc1 {
				wantErrText = "msgpack: 0xc1 is never used (byte 0)"
			}
		}
		data := cat([]byte{byte(c)}, tail)
		var got any
		wantErr(t, msgpack.Unmarshal(data, &got), wantErrText)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%x: got %#v, want %#v", data, got, want)
		}
	}
}

// 17.1: formats that are larger than needed are understood.
func TestNotMinimal(t *testing.T) {
	for _, test := range []struct {
		code string
		want any
	}{
		{"cc 05", int64(5)}, {"cd 0005", int64(5)}, {"ce 00000005", int64(5)}, {"cf 0000000000000005", int64(5)},
		{"d0 05", int64(5)}, {"d1 0005", int64(5)}, {"d2 00000005", int64(5)}, {"d3 0000000000000005", int64(5)},
		{"d0 ff", int64(-1)}, {"d3 7fffffffffffffff", int64(math.MaxInt64)},
		{"d9 01 61", "a"}, {"da 0001 61", "a"}, {"db 00000001 61", "a"}, {"d9 00", ""},
		{"c5 0001 61", []byte("a")}, {"c6 00000000", []byte{}},
		{"dc 0001 05", []any{int64(5)}}, {"dd 00000000", []any{}},
		{"de 0001 a161 05", map[string]any{"a": int64(5)}}, {"df 00000000", map[string]any{}},
		{"c7 01 05 07", msgpack.Ext{Type: 5, Data: []byte{7}}}, {"c9 00000000 05", msgpack.Ext{Type: 5, Data: []byte{}}},
		{"c7 04 ff 00000001", time.Unix(1, 0).UTC()}, {"c8 0008 ff 0000000000000001", time.Unix(1, 0).UTC()},
		{"c9 0000000c ff 00000000 0000000000000001", time.Unix(1, 0).UTC()},
		{"ca 3fc00000", 1.5},
	} {
		var got any
		mustUnmarshal(t, hx(test.code), &got)
		wantEqual(t, got, test.want)
	}
}

// 17.1, 17.2: every format, cut off at every byte, is an error that says where,
// whatever it is decoded into, and however.
func TestTruncated(t *testing.T) {
	type object struct{ A, B any }
	for _, s := range samples() {
		if len(s.code) > 1000 {
			continue
		}
		whole := cat(hx("82 a141"), s.code, hx("a142"), s.code) // as fields
		for n := range whole {
			for name, err := range map[string]error{
				"any":    msgpack.Unmarshal(whole[:n], new(any)),
				"struct": msgpack.Unmarshal(whole[:n], new(object)),
				"raw":    msgpack.Unmarshal(whole[:n], new(msgpack.RawMessage)),
				"other":  msgpack.Unmarshal(whole[:n], new(struct{})),
				"stream": msgpack.NewDecoder(bytes.NewReader(whole[:n])).Decode(new(any)),
			} {
				if n == 0 && name == "stream" {
					continue
				}
				e := decodeError(t, err)
				if !e.Malformed || e.Err == nil || e.Err.Error() != "unexpected EOF" || e.Offset > n {
					t.Fatalf("%s, %s, %d of %d bytes: %v", s.name, name, n, len(whole), err)
				}
			}
			if size, err := msgpack.Scan(whole[:n], 1); size != 0 || err != nil {
				t.Fatalf("%s: scan of %d bytes: %d, %v", s.name, n, size, err)
			}
		}
	}
}
