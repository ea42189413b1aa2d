package msgpack_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gongular/gongular/mego/msgpack"
)

type User struct {
	Name  string    `msgpack:"name"`
	Photo []byte    `msgpack:"photo,omitempty"`
	Since time.Time `json:"since"`
	token string
}

// A value is encoded and decoded by the names of its fields.
func Example() {
	data, err := msgpack.Marshal(User{Name: "Ada", Since: time.Unix(0, 0), token: "secret"})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d bytes: %q\n", len(data), data)

	var user User
	err = msgpack.Unmarshal(data, &user)
	fmt.Println(user.Name, user.Since, err)
	// Output:
	// 22 bytes: "\x82\xa4name\xa3Ada\xa5since\xd6\xff\x00\x00\x00\x00"
	// Ada 1970-01-01 00:00:00 +0000 UTC <nil>
}

// Without a type of one's own, any takes what there is.
func ExampleUnmarshal_any() {
	data, _ := msgpack.Marshal(map[string]any{"id": 7, "tags": []string{"a", "b"}, "raw": []byte{1, 2}, "ratio": 0.5})

	var v any
	err := msgpack.Unmarshal(data, &v)
	fmt.Println(v, err)
	for _, key := range []string{"id", "tags", "raw", "ratio"} {
		fmt.Printf("%s is %T\n", key, v.(map[string]any)[key])
	}
	// Output:
	// map[id:7 ratio:0.5 raw:[1 2] tags:[a b]] <nil>
	// id is int64
	// tags is []interface {}
	// raw is []uint8
	// ratio is float64
}

// Errors say where, what was found, and what was wanted.
func ExampleUnmarshal_errors() {
	var order struct {
		Address struct{ Zip int }
		Count   int8
	}
	data, _ := msgpack.Marshal(map[string]any{"Address": map[string]any{"Zip": "N7"}})
	fmt.Println(msgpack.Unmarshal(data, &order))

	data, _ = msgpack.Marshal(map[string]any{"Count": 300})
	fmt.Println(msgpack.Unmarshal(data, &order))

	err := msgpack.Unmarshal(data[:4], &order)
	fmt.Println(err, errors.Is(err, io.ErrUnexpectedEOF))
	// Output:
	// msgpack: Address.Zip: cannot decode string into int (byte 14)
	// msgpack: Count: cannot decode integer 300 into int8: out of range (byte 7)
	// msgpack: fixstr of 5 bytes, but 2 are left (byte 1) true
}

// Malformed tells a broken message from one that does not fit.
func ExampleDecodeError() {
	for _, data := range []string{"\xa1x", "\xdb\xff\xff\xff\xff"} {
		var n int
		err := msgpack.Unmarshal([]byte(data), &n)
		if e, ok := errors.AsType[*msgpack.DecodeError](err); ok {
			fmt.Println(e.Malformed, e.Reason)
		}
	}
	// Output:
	// false cannot decode string into int
	// true str 32 of 4294967295 bytes, but 0 are left
}

// Append encodes into a buffer that is used again.
func ExampleAppend() {
	buf := make([]byte, 0, 64)
	for _, v := range []any{1, "two", []int{3}} {
		b, err := msgpack.Append(buf, v)
		fmt.Printf("%x %v\n", b, err)
	}
	// Output:
	// 01 <nil>
	// a374776f <nil>
	// 9103 <nil>
}

// A part of a message is kept as it is, until it is known what it holds.
func ExampleRawMessage() {
	type request struct {
		Method string             `msgpack:"m"`
		Params msgpack.RawMessage `msgpack:"p"`
	}
	data, _ := msgpack.Marshal(map[string]any{"m": "Sum", "p": []int{1, 2}})

	var r request
	if err := msgpack.Unmarshal(data, &r); err != nil {
		panic(err)
	}
	var numbers [2]int
	err := msgpack.Unmarshal(r.Params, &numbers)
	fmt.Println(r.Method, numbers, err)
	// Output: Sum [1 2] <nil>
}

// Celsius is sent as a text of its own.
type Celsius float64

func (c Celsius) MarshalMsgpack() ([]byte, error) {
	return msgpack.Marshal(fmt.Sprintf("%.1f°C", float64(c)))
}

func (c *Celsius) UnmarshalMsgpack(data []byte) error {
	var text string
	if err := msgpack.Unmarshal(data, &text); err != nil {
		return err
	}
	_, err := fmt.Sscanf(text, "%f°C", (*float64)(c))
	return err
}

// Types can encode and decode themselves.
func ExampleMarshaler() {
	data, err := msgpack.Marshal([]Celsius{36.6})
	fmt.Printf("%q %v\n", data, err)

	var list []Celsius
	err = msgpack.Unmarshal(data, &list)
	fmt.Println(float64(list[0]), err)
	// Output:
	// "\x91\xa736.6°C" <nil>
	// 36.6 <nil>
}

// Extensions are bytes that have a type.
func ExampleExt() {
	data, err := msgpack.Marshal(msgpack.Ext{Type: 42, Data: []byte("ab")})
	fmt.Printf("%x %v\n", data, err)

	var v any
	err = msgpack.Unmarshal(data, &v)
	fmt.Println(v, err)
	// Output:
	// d52a6162 <nil>
	// {42 [97 98]} <nil>
}

// Values are written one after another, and read so.
func ExampleEncoder() {
	var file bytes.Buffer
	enc := msgpack.NewEncoder(&file)
	for _, v := range []any{1, "two", nil} {
		if err := enc.Encode(v); err != nil {
			panic(err)
		}
	}
	fmt.Printf("%x\n", file.Bytes())
	// Output: 01a374776fc0
}

// Decode returns io.EOF after the last value.
func ExampleDecoder() {
	dec := msgpack.NewDecoder(strings.NewReader("\x01\xa3two\xc0"))
	for {
		var v any
		if err := dec.Decode(&v); err != nil {
			fmt.Println(err)
			break
		}
		fmt.Printf("%#v\n", v)
	}
	// Output:
	// 1
	// "two"
	// <nil>
	// EOF
}
