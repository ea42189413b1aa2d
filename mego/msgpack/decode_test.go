package msgpack_test

import (
	"encoding"
	"errors"
	"io"
	"math"
	"math/big"
	"net"
	"net/netip"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular/mego/msgpack"
)

type (
	person struct {
		Name string `msgpack:"name"`
		Age  int8   `json:"age"`
		Home struct{ Zip int }
		Tags []string
	}
	keyed interface{ Key() }
)

// 17.5: what MessagePack becomes in Go's types. Each is decoded into a value
// that holds something already.
func TestDecode(t *testing.T) {
	five := 5
	zone := time.FixedZone("", 3600)
	for _, test := range []struct {
		name string
		code string
		into any // a pointer
		want any // what it points to
	}{
		{"bool", "c3", new(bool), true}, {"nil leaves bool", "c0", ptr(true), true},
		{"int", "05", new(int), 5}, {"int8", "d080", new(int8), int8(-128)}, {"int8 from uint", "7f", new(int8), int8(127)}, {"int16", "d18000", new(int16), int16(-32768)},
		{"int32", "d280000000", new(int32), int32(math.MinInt32)}, {"int64", "d38000000000000000", new(int64), int64(math.MinInt64)}, {"int64 from uint 64", "cf7fffffffffffffff", new(int64), int64(math.MaxInt64)},
		{"uint", "cd0100", new(uint), uint(256)}, {"uint8", "ccff", new(uint8), uint8(255)}, {"uint16", "cdffff", new(uint16), uint16(65535)}, {"uint32", "ceffffffff", new(uint32), uint32(math.MaxUint32)},
		{"uint64", "cfffffffffffffffff", new(uint64), uint64(math.MaxUint64)}, {"uint from a signed format", "d005", new(uint), uint(5)}, {"uintptr", "05", new(uintptr), uintptr(5)},
		{"int from float 32", "ca40a00000", new(int), 5}, {"int from float 64", "cbc014000000000000", new(int), -5}, {"int64 from -2^63", "cbc3e0000000000000", new(int64), int64(math.MinInt64)},
		{"uint64 from 2^63", "cb43e0000000000000", new(uint64), uint64(1 << 63)}, {"int from -0", "cb8000000000000000", new(int), 0}, {"nil leaves int", "c0", ptr(7), 7}, {"nil leaves uint", "c0", ptr(uint8(7)), uint8(7)},
		{"float64", "cb3ff8000000000000", new(float64), 1.5}, {"float64 from float 32", "ca3fc00000", new(float64), 1.5}, {"float64 from int", "ff", new(float64), -1.0}, {"float64 from uint", "cfffffffffffffffff", new(float64), float64(math.MaxUint64)},
		{"float32", "ca3fc00000", new(float32), float32(1.5)}, {"float32 from float 64", "cb3ff8000000000000", new(float32), float32(1.5)}, {"float32 from Inf", "cb7ff0000000000000", new(float32), float32(math.Inf(1))},
		{"float32 rounds", "cb3ff0000000000001", new(float32), float32(1)}, {"nil leaves float", "c0", ptr(1.5), 1.5}, {"nil leaves float32", "c0", ptr(float32(1.5)), float32(1.5)},
		{"string", "a161", new(string), "a"}, {"string from bin", "c40161", new(string), "a"}, {"string that is not UTF-8", "a2fffe", new(string), "\xff\xfe"}, {"named string", "a161", new(named), named("a")}, {"nil leaves string", "c0", ptr("s"), "s"},
		{"bytes", "c40161", new([]byte), []byte("a")}, {"bytes from str", "a161", new([]byte), []byte("a")}, {"no bytes", "c400", new([]byte), []byte{}}, {"named bytes", "c40161", new(blob), blob("a")}, {"nil bytes", "c0", &[]byte{1}, []byte(nil)},
		{"slice of named bytes", "c40161", new([]bits), []bits{'a'}}, {"byte array", "c40401020304", new(hash), hash{1, 2, 3, 4}}, {"byte array from str", "a461626364", new(hash), hash{'a', 'b', 'c', 'd'}}, {"nil leaves array", "c0", &hash{1}, hash{1}},
		{"slice", "920102", &[]int{7, 8, 9}, []int{1, 2}}, {"empty slice", "90", &[]int{7}, []int{}}, {"nil slice", "c0", &[]int{7}, []int(nil)}, {"slice of int8", "9201ff", &[]int8{7}, []int8{1, -1}}, {"empty slice of int8", "90", &[]int8{7}, []int8{}}, {"nil slice of int8", "c0", &[]int8{7}, []int8(nil)},
		{"nil among ints", "9201c0", new([]int), []int{1, 0}}, {"nil among int8s", "9201c0", &[]int8{7, 7}, []int8{1, 0}}, {"nil among strings", "92a161c0", new([]string), []string{"a", ""}}, {"int64s", "91ff", new([]int64), []int64{-1}}, {"float64s", "9201cb3ff8000000000000", new([]float64), []float64{1, 1.5}},
		{"named slice", "91a161", new(words), words{"a"}}, {"list of any", "9201a161", new([]any), []any{int64(1), "a"}}, {"array", "920102", new([2]int8), [2]int8{1, 2}}, {"empty array", "90", new([0]int), [0]int{}}, {"nil leaves array of ints", "c0", &[1]int{7}, [1]int{7}},
		{"map", "81a16101", new(map[string]int), map[string]int{"a": 1}}, {"map is added to", "81a16101", &map[string]int{"b": 2}, map[string]int{"a": 1, "b": 2}}, {"nil map", "c0", &map[string]int{"b": 2}, map[string]int(nil)}, {"empty map", "80", new(map[string]int), map[string]int{}},
		{"map of any", "81a161c3", &map[string]any{"b": 2}, map[string]any{"a": true, "b": 2}}, {"nil map of any", "c0", &map[string]any{"b": 2}, map[string]any(nil)}, {"key from bin", "81c4016101", new(map[string]any), map[string]any{"a": int64(1)}},
		{"map of strings", "82a161a162a163c0", new(map[string]string), map[string]string{"a": "b", "c": ""}}, {"named map", "81a16101", new(dictionary), dictionary{"a": int64(1)}}, {"duplicate keys", "82a16101a16102", new(map[string]any), map[string]any{"a": int64(2)}},
		{"duplicate keys do not mix", "82a16181a14101a16181a14202", new(map[string]pair), map[string]pair{"a": {B: 2}}}, {"named keys", "81a16101", new(map[named]int), map[named]int{"a": 1}},
		{"map of ints", "82ffa161cb4000000000000000a162", new(map[int8]string), map[int8]string{-1: "a", 2: "b"}}, {"map of uints", "81ccff01", new(map[uint8]int), map[uint8]int{255: 1}},
		{"map of any keys", "85c001c302fe03a16104cb3ff800000000000005", new(map[any]int), map[any]int{nil: 1, true: 2, int64(-2): 3, "a": 4, 1.5: 5}}, {"nil key of an interface", "81c001", new(map[keyed]int), map[keyed]int{nil: 1}}, {"keys with methods of their own", "810301", new(map[level]int), map[level]int{3: 1}},
		{"struct", "84a46e616d65a161a3616765fea4486f6d6581a35a697005a45461677391a162", new(person), person{"a", -2, struct{ Zip int }{5}, []string{"b"}}},
		{"missing keys leave fields", "81a3616765fe", &person{Name: "b", Tags: words{"c"}}, person{Name: "b", Age: -2, Tags: words{"c"}}}, {"nil leaves struct", "c0", &person{Name: "b"}, person{Name: "b"}}, {"nil leaves fields", "82a46e616d65c0a454616773c0", &person{Name: "b", Tags: words{"c"}}, person{Name: "b"}},
		{"other case", "81a44e414d45a161", new(person), person{Name: "a"}}, {"exact before other case", "82a46e616d65a161a44e616d65a162", new(struct {
			Name  string `msgpack:"Name"`
			Other string `msgpack:"name"`
		}), struct {
			Name  string `msgpack:"Name"`
			Other string `msgpack:"name"`
		}{"b", "a"}}, {"key as bin", "81c4046e616d65a161", new(person), person{Name: "a"}},
		{"unknown keys", "85a178920192c0c4010105818001a46e616d65a162c0c0929001c0", new(person), person{Name: "b"}}, {"duplicate fields", "82a46e616d65a161a46e616d65a162", new(person), person{Name: "b"}}, {"long unknown key", "81d9ff" + strings.Repeat("61", 255) + "01", new(person), person{}},
		{"fields in another order", "82a14202a14101", new(pair), pair{1, 2}},
		{"pointer", "05", new(*int), &five}, {"pointer is followed", "05", ptr(ptr(9)), &five}, {"nil pointer", "c0", ptr(&five), (*int)(nil)}, {"pointers", "05", new(**int), ptr(&five)},
		{"any", "05", ptr(any("x")), any(int64(5))}, {"nil any", "c0", ptr(any(1)), nil}, {"any in a struct", "81a14105", new(struct{ A any }), struct{ A any }{int64(5)}}, {"nil any in a struct", "81a141c0", &struct{ A any }{1}, struct{ A any }{}}, {"named any", "81a14105", new(struct{ A any2 }), struct{ A any2 }{int64(5)}},
		{"nil interface", "81a145c0", &struct{ E error }{io.EOF}, struct{ E error }{}}, {"nil leaves channel", "c0", new(chan int), (chan int)(nil)}, {"pointer to itself", "c0", ptr(loop(new(loop))), loop(nil)},
		{"tree", "81a44c65667481a55269676874c0", new(tree), tree{Left: &tree{}}}, {"nest", "9290" + "9190", new(nest), nest{{}, {{}}}},
		{"time", "d6ff00000001", new(time.Time), time.Unix(1, 0).UTC()}, {"time of text", "b4323032302d30312d30325430333a30343a30355a", new(time.Time), time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)},
		{"time of seconds", "ce5e0d5f25", new(time.Time), time.Date(2020, 1, 2, 3, 10, 29, 0, time.UTC)}, {"time before 1970", "ff", new(time.Time), time.Unix(-1, 0).UTC()}, {"nil leaves time", "c0", ptr(time.Unix(1, 0).In(zone)), time.Unix(1, 0).In(zone)},
		{"duration", "cd07d0", new(time.Duration), 2 * time.Microsecond}, {"duration of text", "a5316d333073", new(time.Duration), 90 * time.Second}, {"duration of an integral float", "cb4000000000000000", new(time.Duration), 2 * time.Nanosecond}, {"nil leaves duration", "c0", ptr(time.Second), time.Second},
		{"raw", "de0001d9016192c005", new(msgpack.RawMessage), msgpack.RawMessage(hx("de0001d9016192c005"))}, {"raw nil", "c0", new(msgpack.RawMessage), msgpack.RawMessage{0xc0}}, {"raws", "9201c0", new([]msgpack.RawMessage), []msgpack.RawMessage{{1}, {0xc0}}},
		{"ext", "d40501", new(msgpack.Ext), msgpack.Ext{Type: 5, Data: []byte{1}}}, {"ext of time", "d6ff00000001", new(msgpack.Ext), msgpack.Ext{Type: -1, Data: hx("00000001")}}, {"nil leaves ext", "c0", &msgpack.Ext{Type: 3}, msgpack.Ext{Type: 3}},
		{"Unmarshaler", "920102", new(point), point{1, 2}}, {"pointer to an Unmarshaler", "920102", new(*point), &point{1, 2}}, {"nil pointer to an Unmarshaler", "c0", ptr(&point{}), (*point)(nil)}, {"Unmarshalers", "9192c002", new([]point), []point{{0, 2}}},
		{"TextUnmarshaler", "a33a3a31", new(netip.Addr), netip.MustParseAddr("::1")}, {"TextUnmarshaler of another kind", "a24c33", new(level), level(3)}, {"bytes with a form of their own", "92a131a132", new([]octet), []octet{1, 2}}, {"TextUnmarshaler by pointer", "a137", new(*big.Int), big.NewInt(7)}, {"nil slice with methods", "c0", ptr(net.IP{1}), net.IP(nil)}, {"nil leaves TextUnmarshaler", "c0", ptr(level(3)), level(3)},
	} {
		t.Run(test.name, func(t *testing.T) {
			mustUnmarshal(t, hx(test.code), test.into)
			wantEqual(t, reflect.ValueOf(test.into).Elem().Interface(), test.want)
		})
	}
}

// 17.5, 17.8: what does not fit, and what is said.
func TestDecodeErrors(t *testing.T) {
	type address struct{ Zip int }
	type user struct {
		Address address
		Homes   []address `msgpack:"homes"`
		By      map[string]address
		Odd     int `msgpack:"a b"`
	}
	type text = encoding.TextUnmarshaler
	for _, test := range []struct {
		name string
		code string
		into any
		want string
	}{
		{"string into int", "a161", new(int), "cannot decode string into int (byte 0)"},
		{"nil leaves nothing wrong", "c0", new(int), ""},
		{"bool into int", "c3", new(int), "cannot decode bool into int (byte 0)"},
		{"bin into int", "c40161", new(int), "cannot decode binary into int (byte 0)"},
		{"array into int", "9101", new(int), "cannot decode array into int (byte 0)"},
		{"map into int", "80", new(int), "cannot decode map into int (byte 0)"},
		{"ext into int", "d40501", new(int), "cannot decode extension 5 into int (byte 0)"},
		{"time into int", "d6ff00000001", new(int), "cannot decode extension -1 into int (byte 0)"},
		{"too great for int8", "cc80", new(int8), "cannot decode integer 128 into int8: out of range (byte 0)"},
		{"too small for int8", "d1ff7f", new(int8), "cannot decode integer -129 into int8: out of range (byte 0)"},
		{"too great for int16", "cd8000", new(int16), "cannot decode integer 32768 into int16: out of range (byte 0)"},
		{"too great for int32", "ce80000000", new(int32), "cannot decode integer 2147483648 into int32: out of range (byte 0)"},
		{"too great for int64", "cf8000000000000000", new(int64), "cannot decode integer 9223372036854775808 into int64: out of range (byte 0)"},
		{"too great for uint8", "cd0100", new(uint8), "cannot decode integer 256 into uint8: out of range (byte 0)"},
		{"too great for uint16", "ce00010000", new(uint16), "cannot decode integer 65536 into uint16: out of range (byte 0)"},
		{"too great for uint32", "cf0000000100000000", new(uint32), "cannot decode integer 4294967296 into uint32: out of range (byte 0)"},
		{"negative into uint64", "ff", new(uint64), "cannot decode integer -1 into uint64: out of range (byte 0)"},
		{"string into uint", "a161", new(uint), "cannot decode string into uint (byte 0)"},
		{"fraction into int", "cb3ff8000000000000", new(int), "cannot decode float 1.5 into int: it is no integer (byte 0)"},
		{"NaN into int", "cb7ff8000000000001", new(int), "cannot decode float NaN into int: it is no integer (byte 0)"},
		{"Inf into int", "ca7f800000", new(int), "cannot decode float +Inf into int: it is no integer (byte 0)"},
		{"2^63 into int64", "cb43e0000000000000", new(int64), "cannot decode integer 9223372036854775808 into int64: out of range (byte 0)"},
		{"2^64 into uint64", "cb43f0000000000000", new(uint64), "cannot decode float 1.8446744073709552e+19 into uint64: out of range (byte 0)"},
		{"below -2^63", "cbc3e0000000000001", new(int64), "cannot decode float -9.223372036854778e+18 into int64: out of range (byte 0)"},
		{"-1.0 into uint", "cbbff0000000000000", new(uint), "cannot decode integer -1 into uint: out of range (byte 0)"},
		{"300.0 into int8", "ca43960000", new(int8), "cannot decode integer 300 into int8: out of range (byte 0)"},
		{"string into float", "a161", new(float64), "cannot decode string into float64 (byte 0)"},
		{"bool into float32", "c2", new(float32), "cannot decode bool into float32 (byte 0)"},
		{"too great for float32", "cb7fefffffffffffff", new(float32), "cannot decode float 1.7976931348623157e+308 into float32: out of range (byte 0)"},
		{"int into bool", "01", new(bool), "cannot decode integer 1 into bool (byte 0)"},
		{"string into bool", "a474727565", new(bool), "cannot decode string into bool (byte 0)"},
		{"int into string", "05", new(string), "cannot decode integer 5 into string (byte 0)"},
		{"array into string", "90", new(named), "cannot decode array into msgpack_test.named (byte 0)"},
		{"int into bytes", "05", new([]byte), "cannot decode integer 5 into []uint8 (byte 0)"},
		{"array into bytes", "9101", new([]byte), "cannot decode array into []uint8 (byte 0)"},
		{"bytes of another length", "c403010203", new(hash), "cannot decode 3 bytes into msgpack_test.hash (byte 0)"},
		{"one byte", "c40103", new(hash), "cannot decode 1 byte into msgpack_test.hash (byte 0)"},
		{"array into byte array", "9401020304", new(hash), "cannot decode array into msgpack_test.hash (byte 0)"},
		{"map into slice", "80", new([]int), "cannot decode map into []int (byte 0)"},
		{"string into slice of int8", "a161", new([]int8), "cannot decode string into []int8 (byte 0)"},
		{"elements", "9201a161", new([]int), "1: cannot decode string into int (byte 2)"},
		{"elements of another slice", "9201a161", new([]int8), "1: cannot decode string into int8 (byte 2)"},
		{"array too long", "920102", new([1]int), "cannot decode array of 2 elements into [1]int (byte 0)"},
		{"array too short", "9101", new([2]int), "cannot decode array of 1 element into [2]int (byte 0)"},
		{"map into array", "80", new([2]int), "cannot decode map into [2]int (byte 0)"},
		{"elements of an array", "9201c3", new([2]int), "1: cannot decode bool into int (byte 2)"},
		{"array into map", "90", new(map[string]int), "cannot decode array into map[string]int (byte 0)"},
		{"array into map of any", "90", new(map[string]any), "cannot decode array into map[string]interface {} (byte 0)"},
		{"int key", "810102", new(map[string]any), "cannot decode integer 1 into string (byte 1)"},
		{"nil key", "81c002", new(map[string]any), "cannot decode nil into string: it is a key (byte 1)"},
		{"nil key of another map", "81c002", new(map[named]int), "cannot decode nil into msgpack_test.named: it is a key (byte 1)"},
		{"int key of another map", "810102", new(map[named]int), "cannot decode integer 1 into msgpack_test.named (byte 1)"},
		{"string key", "81a13102", new(map[int]int), "cannot decode string into int (byte 1)"},
		{"key out of range", "81ccff02", new(map[int8]int), "cannot decode integer 255 into int8: out of range (byte 1)"},
		{"key of an interface", "81ccff02", new(map[keyed]int), "cannot decode integer 255 into msgpack_test.keyed (byte 1)"},
		{"array as a key", "819001", new(map[any]int), "a key cannot be an array (byte 1)"},
		{"values of a map", "82a16101a162c3", new(map[string]int), "b: cannot decode bool into int (byte 6)"},
		{"values of a map of strings", "81a16101", new(map[string]string), "a: cannot decode integer 1 into string (byte 3)"},
		{"values of a map of ints", "8101a161", new(map[int]int), "1: cannot decode string into int (byte 2)"},
		{"unsupported keys", "80", new(map[bool]int), "cannot decode map into map[bool]int: a key has to be a string or an integer (byte 0)"},
		{"unsupported keys, nil", "c0", new(map[bool]int), "cannot decode nil into map[bool]int: a key has to be a string or an integer (byte 0)"},
		{"unsupported keys, nothing", "", new(map[bool]int), "cannot decode nothing into map[bool]int: a key has to be a string or an integer (byte 0)"},
		{"array into struct", "9101", new(pair), "cannot decode array into msgpack_test.pair (byte 0)"},
		{"string into struct", "a161", new(pair), "cannot decode string into msgpack_test.pair (byte 0)"},
		{"field", "81a74164647265737381a35a6970a161", new(user), "Address.Zip: cannot decode string into int (byte 14)"},
		{"field of an element", "81a5686f6d65739180", new(user), ""},
		{"field of an element, wrong", "81a5686f6d65739281a35a697001c3", new(user), "homes.1: cannot decode bool into msgpack_test.address (byte 14)"},
		{"field under a key", "81a2427981a5782e79207a81a35a6970c3", new(user), `By."x.y z".Zip: cannot decode bool into int (byte 16)`},
		{"field of an odd name", "81a3612062c3", new(user), `"a b": cannot decode bool into int (byte 5)`},
		{"into channel", "05", new(chan int), "cannot decode integer 5 into chan int (byte 0)"},
		{"into function", "81a14605", new(struct{ F func() }), "F: cannot decode integer 5 into func() (byte 3)"},
		{"into complex", "05", new(complex128), "cannot decode integer 5 into complex128 (byte 0)"},
		{"into interface", "a161", new(error), "cannot decode string into error (byte 0)"},
		{"into interface that holds something", "a161", ptr(text(new(level))), "cannot decode string into encoding.TextUnmarshaler (byte 0)"},
		{"into pointer to itself", "05", new(loop), "cannot decode integer 5 into msgpack_test.loop (byte 0)"},
		{"bool into time", "c3", new(time.Time), "cannot decode bool into time.Time (byte 0)"},
		{"float into time", "cb3ff0000000000000", new(time.Time), "cannot decode float 1 into time.Time (byte 0)"},
		{"ext into time", "d60500000001", new(time.Time), "cannot decode extension 5 into time.Time (byte 0)"},
		{"text into time", "a161", new(time.Time), "cannot decode string into time.Time: it is no date and time of RFC 3339 (byte 0)"},
		{"integer into time", "cfffffffffffffffff", new(time.Time), "cannot decode integer 18446744073709551615 into time.Time: out of range (byte 0)"},
		{"text into duration", "a161", new(time.Duration), "cannot decode string into time.Duration: it is no duration such as 1m30s (byte 0)"},
		{"bool into duration", "c3", new(time.Duration), "cannot decode bool into time.Duration (byte 0)"},
		{"integer into ext", "05", new(msgpack.Ext), "cannot decode integer 5 into msgpack.Ext (byte 0)"},
		{"Unmarshaler fails", "91a161", new([]point), "0: cannot decode string into msgpack_test.point: cannot decode string into [2]int (byte 0) (byte 1)"},
		{"own error", "05", new(faulty), "cannot decode integer 5 into msgpack_test.faulty: it is out of order (byte 0)"},
		{"TextUnmarshaler fails", "a2787a", new(level), "cannot decode string into msgpack_test.level: strconv.Atoi: parsing \"xz\": invalid syntax (byte 0)"},
		{"integer into TextUnmarshaler", "05", new(level), "cannot decode integer 5 into msgpack_test.level (byte 0)"},
		{"bin into TextUnmarshaler", "c40161", new(netip.Addr), "cannot decode binary into netip.Addr (byte 0)"},
		{"bad tag", "80", new(struct {
			A int `msgpack:",string"`
		}), `cannot decode map into struct { A int "msgpack:\",string\"" }: A: the msgpack tag has the option "string"; the only one is omitempty (byte 0)`},
		{"a name twice", "80", new(struct {
			A int `msgpack:"x"`
			B int `json:"x"`
		}), `cannot decode map into struct { A int "msgpack:\"x\""; B int "json:\"x\"" }: A and B are both named "x" (byte 0)`},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := msgpack.Unmarshal(hx(test.code), test.into)
			if test.want == "" {
				wantErr(t, err, "")
				return
			}
			wantErr(t, err, "msgpack: "+test.want)
			if e := decodeError(t, err); e.Malformed != strings.HasPrefix(test.want, "a key cannot be") {
				t.Errorf("Malformed is %v", e.Malformed)
			}
		})
	}
}

// 17.8: path, offset, reason and cause, each by itself.
func TestDecodeError(t *testing.T) {
	err := msgpack.Unmarshal(hx("81a161 92 01 80"), new(map[string][]faulty))
	e := decodeError(t, err)
	wantEqual(t, *e, msgpack.DecodeError{Path: "a.0", Offset: 4, Reason: "cannot decode integer 1 into msgpack_test.faulty: it is out of order", Err: errFaulty})
	if !errors.Is(err, errFaulty) {
		t.Error("the cause is lost")
	}
	err = msgpack.Unmarshal(hx("92 01"), new([]int))
	e = decodeError(t, err)
	wantEqual(t, *e, msgpack.DecodeError{Offset: 0, Reason: "fixarray of 2 elements, but 1 byte is left", Malformed: true, Err: io.ErrUnexpectedEOF})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
}

// 17.2: what is cut off is so for every type.
func TestNothing(t *testing.T) {
	for _, into := range []any{new(bool), new(int), new(uint8), new(float64), new(float32), new(string), new([]byte), new(hash), new([]int), new([]int8), new([1]int), new(map[int]int), new(map[string]any),
		new(pair), new(chan int), new(error), new(*int), new(time.Time), new(time.Duration), new(msgpack.RawMessage), new(msgpack.Ext), new(point), new(level), new(loop), new(dictionary)} {
		wantErr(t, msgpack.Unmarshal(nil, into), "msgpack: the message ends where a value should begin (byte 0)")
		wantErr(t, msgpack.Unmarshal(hx("cd 01"), into), "msgpack: uint 16 of 3 bytes is cut off after 2 (byte 0)")
		wantErr(t, msgpack.Unmarshal(hx("c1"), into), "msgpack: 0xc1 is never used (byte 0)")
		wantErr(t, msgpack.Unmarshal(hx("a2 61"), into), "msgpack: fixstr of 2 bytes, but 1 is left (byte 0)")
	}
}

// Keys in paths are quoted if they are not plain words, and cut if they are long.
func TestPaths(t *testing.T) {
	for key, want := range map[string]string{
		"a": "a", "é1_-": "é1_-", "": `""`, "a.b": `"a.b"`, "a b": `"a b"`, "a\n": `"a\n"`, "\xff": `"\xff"`, "\x00": `"\x00"`, `a"b`: `"a\"b"`, `a\b`: `"a\\b"`, "\u202e": `"\u202e"`,
		strings.Repeat("k", 64): strings.Repeat("k", 64), strings.Repeat("k", 65): strings.Repeat("k", 64) + "…",
		strings.Repeat("k", 63) + "é": strings.Repeat("k", 63) + "…", strings.Repeat(".", 70): `"` + strings.Repeat(".", 64) + `"…`,
		strings.Repeat("\x80", 70): `"` + strings.Repeat(`\x80`, 60) + `"…`,
	} {
		err := msgpack.Unmarshal(cat(hx("81 d9"), []byte{byte(len(key))}, key, hx("a178")), new(map[string]int))
		if got := decodeError(t, err).Path; got != want {
			t.Errorf("%q: got %s, want %s", key, got, want)
		}
	}
}

// A keeper takes any value.
type keeper []byte

func (k *keeper) UnmarshalMsgpack(data []byte) error {
	*k = append(*k, data...)
	return nil
}

// What v has to be.
func TestDestination(t *testing.T) {
	var none *int
	var nobody *any
	for _, test := range []struct {
		v    any
		want string
	}{
		{nil, "msgpack: cannot decode into nil; a pointer is needed"},
		{5, "msgpack: cannot decode into int; a pointer is needed"},
		{map[string]any{}, "msgpack: cannot decode into map[string]interface {}; a pointer is needed"},
		{pair{}, "msgpack: cannot decode into msgpack_test.pair; a pointer is needed"},
		{none, "msgpack: cannot decode into a nil *int"},
		{nobody, "msgpack: cannot decode into a nil *interface {}"},
	} {
		wantErr(t, msgpack.Unmarshal(hx("05"), test.v), test.want)
		wantErr(t, msgpack.NewDecoder(strings.NewReader("\x05")).Decode(test.v), test.want)
	}
}

// 17.6: what any becomes. The formats are in TestFormats.
func TestDecodeAny(t *testing.T) {
	for _, test := range []struct {
		name, code string
		want       any
	}{
		{"mixed keys", "87c001c302fe03a16104cb3ff800000000000005cf8000000000000000060507",
			map[any]any{nil: int64(1), true: int64(2), int64(-2): int64(3), "a": int64(4), 1.5: int64(5), uint64(1 << 63): int64(6), int64(5): int64(7)}},
		{"first strings, then others", "83a16101a162020103", map[any]any{"a": int64(1), "b": int64(2), int64(1): int64(3)}},
		{"duplicate keys", "82a16101a16102", map[string]any{"a": int64(2)}},
		{"duplicate mixed keys", "83050106020503", map[any]any{int64(5): int64(3), int64(6): int64(2)}},
		{"one integer in two formats", "820501cc0502", map[any]any{int64(5): int64(2)}},
		{"inner maps", "81a16181050681", nil},
		{"maps in an array", "9382a16101a1620282a16103a1620481a16181a16105",
			[]any{map[string]any{"a": int64(1), "b": int64(2)}, map[string]any{"a": int64(3), "b": int64(4)}, map[string]any{"a": map[string]any{"a": int64(5)}}}},
		{"empty and long keys in an array", "9381a00181a00281" + "d921" + strings.Repeat("61", 33) + "03",
			[]any{map[string]any{"": int64(1)}, map[string]any{"": int64(2)}, map[string]any{strings.Repeat("a", 33): int64(3)}}},
		{"invalid UTF-8", "a2fffe", "\xff\xfe"},
		{"ext of an unknown type", "c70320010203", msgpack.Ext{Type: 32, Data: []byte{1, 2, 3}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got any
			err := msgpack.Unmarshal(hx(test.code), &got)
			if test.want == nil {
				if err == nil || got != nil {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			wantErr(t, err, "")
			wantEqual(t, got, test.want)
		})
	}
}

// 17.1, 17.2, 17.6: what is wrong whatever it is decoded into.
func TestMalformed(t *testing.T) {
	many := cat(hx("dd 00100000"), repeat(0xc0, 1<<20)) // an array too many
	for _, test := range []struct {
		name string
		code []byte
		want string // of any; the others may differ where one is wrong and the other cut off
	}{
		{"nothing", nil, "the message ends where a value should begin (byte 0)"},
		{"0xc1", hx("c1"), "0xc1 is never used (byte 0)"},
		{"0xc1 in an array", hx("92 01 c1"), "1: 0xc1 is never used (byte 2)"},
		{"0xc1 in a map", hx("81 a161 c1"), "a: 0xc1 is never used (byte 3)"},
		{"0xc1 as a key", hx("81 c1 01"), "0xc1 is never used (byte 1)"},
		{"0xc1 as a later key", hx("82 01 01 c1 01"), "0xc1 is never used (byte 3)"},
		{"cut off in a map", hx("82 a161 01 a1"), "fixstr of 1 byte, but 0 are left (byte 4)"},
		{"cut off in a later key", hx("82 01 a162 cd"), "uint 16 of 3 bytes is cut off after 1 (byte 4)"},
		{"cut off after a key", hx("82 a161 92 01 02 a162"), "b: the message ends where a value should begin (byte 8)"},
		{"after the value", hx("05 05 06"), "2 bytes after the value (byte 1)"},
		{"0xc1 after the value", hx("c0 c1"), "1 byte after the value (byte 1)"},
		{"two values", hx("80 80"), "1 byte after the value (byte 1)"},
		{"str 32 of 2^32-1", hx("db ffffffff 61"), "str 32 of 4294967295 bytes, but 1 is left (byte 0)"},
		{"bin 32 of 2^32-1", hx("c6 ffffffff"), "bin 32 of 4294967295 bytes, but 0 are left (byte 0)"},
		{"ext 32 of 2^32-1", hx("c9 ffffffff 05 0102"), "ext 32 of 4294967295 bytes, but 2 are left (byte 0)"},
		{"array 32 of 2^32-1", hx("dd ffffffff c0c0c0c0c0"), "array 32 of 4294967295 elements, but 5 bytes are left (byte 0)"},
		{"map 32 of 2^32-1", hx("df ffffffff c0c0c0c0c0"), "map 32 of 4294967295 pairs, but 5 bytes are left (byte 0)"},
		{"map 32 of 2^31", hx("df 80000000 c0c0c0c0c0"), "map 32 of 2147483648 pairs, but 5 bytes are left (byte 0)"},
		{"map of more pairs than half the bytes", hx("82 c0c0c0"), "fixmap of 2 pairs, but 3 bytes are left (byte 0)"},
		{"array of more elements than bytes", hx("92 c0"), "fixarray of 2 elements, but 1 byte is left (byte 0)"},
		{"together more than there are bytes", hx("93 93 00 00 00"), "0: the arrays and maps announce more values than the message has bytes (byte 1)"},
		{"together more than there are bytes, map", hx("93 82 00 00 00 00"), "0: the arrays and maps announce more values than the message has bytes (byte 1)"},
		{"101 arrays", cat(repeat(0x91, 101), hx("c0")), strings.Repeat("0.", 99) + "0: nested deeper than 100 (byte 100)"},
		{"101 arrays, the innermost empty", cat(repeat(0x91, 100), hx("90")), strings.Repeat("0.", 99) + "0: nested deeper than 100 (byte 100)"},
		{"101 maps", cat(strings.Repeat("\x81\xa1a", 100), hx("80")), strings.Repeat("a.", 99) + "a: nested deeper than 100 (byte 300)"},
		{"100,000 arrays", repeat(0x91, 100_000), strings.Repeat("0.", 99) + "0: nested deeper than 100 (byte 100)"},
		{"100,000 maps", cat(strings.Repeat("\x81\x01", 100_000)), strings.Repeat("1.", 99) + "1: nested deeper than 100 (byte 200)"},
		{"100,000 maps as keys", repeat(0x81, 100_000), "nested deeper than 100 (byte 100)"},
		{"1,048,577 values", many, "more than 1048576 values (byte 0)"},
		{"1,048,577 values in a map", cat(hx("df 00080000"), repeat(0xc0, 1<<20)), "more than 1048576 values (byte 0)"},
		{"array as a key", hx("81 9101 c0"), "a key cannot be an array (byte 1)"},
		{"map as a key", hx("82 a161 01 80 c0"), "a key cannot be a map (byte 4)"},
		{"bin as a key", hx("81 c40161 c0"), "a key cannot be a binary (byte 1)"},
		{"ext as a key", hx("81 d40501 c0"), "a key cannot be an extension (byte 1)"},
		{"time as a key", hx("81 d6ff00000000 c0"), "a key cannot be an extension (byte 1)"},
		{"NaN as a key", hx("82 01 02 cb7ff8000000000001 c0"), "a key cannot be NaN (byte 3)"},
		{"float 32 NaN as a key", hx("81 caffc00000 c0"), "a key cannot be NaN (byte 1)"},
		{"timestamp of 0 bytes", hx("c7 00 ff"), "a timestamp has 4, 8 or 12 bytes, not 0 (byte 0)"},
		{"timestamp of 1 byte", hx("91 d4 ff 00"), "0: a timestamp has 4, 8 or 12 bytes, not 1 (byte 1)"},
		{"timestamp of 16 bytes", cat(hx("d8 ff"), repeat(0, 16)), "a timestamp has 4, 8 or 12 bytes, not 16 (byte 0)"},
		{"timestamp 64 of 10^9 ns", hx("d7 ff ee6b280000000000"), "a timestamp with 1000000000 nanoseconds (byte 0)"},
		{"timestamp 96 of 10^9 ns", hx("c7 0c ff 3b9aca00 0000000000000000"), "a timestamp with 1000000000 nanoseconds (byte 0)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := any("untouched")
			err := msgpack.Unmarshal(test.code, &got)
			wantErr(t, err, "msgpack: "+test.want)
			if e := decodeError(t, err); !e.Malformed {
				t.Error("it is not called malformed")
			}
			if got != "untouched" {
				t.Errorf("an error, and %v", got)
			}
			if strings.HasPrefix(test.want, "a key") || strings.Contains(test.want, "timestamp") {
				mustUnmarshal(t, test.code, new(msgpack.RawMessage)) // well-formed, only not for Go's maps
				return
			}
			unknown := cat(hx("81 a1 78"), test.code)
			for name, err := range map[string]error{
				"raw":           msgpack.Unmarshal(test.code, new(msgpack.RawMessage)),
				"unknown field": msgpack.Unmarshal(unknown, new(struct{})),
				"Unmarshaler":   msgpack.Unmarshal(test.code, new(keeper)),
			} {
				if e := decodeError(t, err); !e.Malformed {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	for _, into := range []any{new(time.Time), new(msgpack.Ext)} {
		wantErr(t, msgpack.Unmarshal(hx("d7 ff ee6b280000000000"), into), "msgpack: a timestamp with 1000000000 nanoseconds (byte 0)")
	}
}

// 17.2: exactly 1,048,576 values are one message, keys among them.
func TestMostValues(t *testing.T) {
	data := cat(hx("dd 000fffff"), repeat(0xc0, 1<<20-1))
	for _, into := range []any{new(any), new([]any), new([]int), new([]int8), new(msgpack.RawMessage)} {
		mustUnmarshal(t, data, into)
	}
	data = cat(hx("92 df 0007fffe"), repeat(0xc0, 1<<20-4), hx("c3"))
	mustUnmarshal(t, data, new([]msgpack.RawMessage))
	data = cat(hx("92 df 0007ffff"), repeat(0xc0, 1<<20-2), hx("c3"))
	err := msgpack.Unmarshal(data, new(any))
	wantErr(t, err, "msgpack: 0: more than 1048576 values (byte 1)")
}

// 17.2: lengths that the input does not bear out allocate nothing to speak of,
// and arrays in arrays no more than the input could hold.
func TestAnnouncedLengths(t *testing.T) {
	type wide [4096]int
	nested := cat(strings.Repeat("\xdc\x03\xe8", 99), repeat(0xc0, 1000))
	for _, test := range []struct {
		name string
		code []byte
		into func() any
		most uint64
	}{
		{"str", hx("db ffffffff 00"), func() any { return new(any) }, 4 << 10},
		{"bin", hx("c6 ffffffff 00"), func() any { return new([]byte) }, 4 << 10},
		{"array", hx("dd ffffffff 00"), func() any { return new(any) }, 4 << 10},
		{"typed array", hx("dd ffffffff 00"), func() any { return new([]int8) }, 4 << 10},
		{"map", hx("df ffffffff 00"), func() any { return new(any) }, 4 << 10},
		{"typed map", hx("df ffffffff 00"), func() any { return new(map[int]int) }, 4 << 10},
		{"nested arrays", nested, func() any { return new(any) }, 64 << 10},
		{"wide elements", cat(hx("dd 00010000 c3"), repeat(0xc0, 1<<16)), func() any { return new([]wide) }, 256 << 10},
		{"1,048,575 announced, wrong at once", cat(hx("dd 000fffff c1"), repeat(0xc0, 1<<20)), func() any { return new(any) }, 64 << 10},
		{"1,048,575 announced, wrong at once, typed", cat(hx("dd 000fffff c1"), repeat(0xc0, 1<<20)), func() any { return new([]pair) }, 128 << 10},
		{"524,287 pairs announced, wrong at once", cat(hx("df 0007ffff c1"), repeat(0xc0, 1<<20)), func() any { return new(map[int]pair) }, 256 << 10},
	} {
		_ = msgpack.Unmarshal(nil, test.into()) // compiled
		least := uint64(math.MaxUint64)         // what the process allocates besides is not always there
		for range 5 {
			var before, after runtime.MemStats
			into := test.into()
			runtime.ReadMemStats(&before)
			err := msgpack.Unmarshal(test.code, into)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Errorf("%s: no error", test.name)
			}
			least = min(least, after.TotalAlloc-before.TotalAlloc)
		}
		if least > test.most {
			t.Errorf("%s: %d bytes were allocated for %d of input", test.name, least, len(test.code))
		}
	}
}

// 17.7: what was decoded stays as it is when the input changes.
func TestNoReferenceToInput(t *testing.T) {
	type all struct {
		S  string
		B  []byte
		A  any
		BA any
		R  msgpack.RawMessage
		E  msgpack.Ext
		EA any
		M  map[string]any
		K  map[any]string
		N  netip.Addr
		L  []string
	}
	in := all{"s", []byte("b"), "a", []byte("ba"), hx("a172"), msgpack.Ext{Type: 1, Data: []byte("e")}, msgpack.Ext{Type: 1, Data: []byte("ea")},
		map[string]any{"k": "v"}, map[any]string{"k": "v"}, netip.MustParseAddr("::1"), []string{"l"}}
	data := mustMarshal(t, in)
	var got all
	mustUnmarshal(t, data, &got)
	for i := range data {
		data[i] = 0xc1
	}
	wantEqual(t, got, in)
}

// A new slice is made each time, whoever has the old one.
func TestSlicesAreReplaced(t *testing.T) {
	for _, into := range []any{&[]int{1, 2, 3}, &[]int8{1, 2, 3}, &[]byte{1, 2, 3}, &[]any{1, 2, 3}, &msgpack.RawMessage{1, 2, 3}} {
		v := reflect.ValueOf(into).Elem()
		old := v.Slice(0, v.Len())
		kept := reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, 3), old).Interface()
		code := "93070809"
		if v.Type().Elem().Kind() == reflect.Uint8 {
			code = "c403070809"
		}
		mustUnmarshal(t, hx(code), into)
		wantEqual(t, old.Interface(), kept)
	}
}

// A string costs one allocation, beside the decoder.
func TestDecodeAllocations(t *testing.T) {
	for _, test := range []struct {
		name string
		v    any
		into func() any
		most float64
	}{
		{"string", "0123456789", func() any { return new(string) }, 1},
		{"strings", []string{"0123456789", "9876543210"}, func() any { return new([]string) }, 3},
		{"struct", pair{1, 2}, func() any { return new(pair) }, 0},
		{"small ints in any", []any{-1, -128, 0, 255}, func() any { return new(any) }, 2},
		{"ints", make([]int, 1000), func() any { return new([]int) }, 1},
		{"structs", make([]pair, 1000), func() any { return new([]pair) }, 1},
		{"unknown fields", map[string]any{"x": map[string]any{"y": []any{1, "z"}}}, func() any { return new(pair) }, 0},
		{"keys of maps in an array", []any{map[string]any{"key": 1}, map[string]any{"key": 1}, map[string]any{"key": 1}, map[string]any{"key": 1}}, func() any { return new(any) }, 1 + 1 + 4*2 + 2},
	} {
		data := mustMarshal(t, test.v)
		into := test.into()
		got := testing.AllocsPerRun(100, func() { mustUnmarshal(t, data, into) })
		if got > test.most+1 {
			t.Errorf("%s: %v allocations, want %v and one", test.name, got, test.most)
		}
	}
}
