package msgpack_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gongular/gongular/mego/msgpack"
)

// Values written one after another are read one after another, however the
// bytes arrive.
func TestStream(t *testing.T) {
	var data bytes.Buffer
	enc := msgpack.NewEncoder(&data)
	values := []any{int64(1), "two", []any{3.5, nil}, map[string]any{"four": strings.Repeat("4", 300_000)}, nil, []any{}, map[string]any{}, []byte{}, true}
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	for name, r := range map[string]io.Reader{
		"whole":        bytes.NewReader(data.Bytes()),
		"bytes":        iotest.OneByteReader(bytes.NewReader(data.Bytes())),
		"halves":       iotest.HalfReader(bytes.NewReader(data.Bytes())),
		"with the end": iotest.DataErrReader(bytes.NewReader(data.Bytes())),
	} {
		dec := msgpack.NewDecoder(r)
		for i, want := range values {
			got := any("nothing")
			if err := dec.Decode(&got); err != nil {
				t.Fatalf("%s, value %d: %v", name, i, err)
			}
			wantEqual(t, got, want)
		}
		for range 2 {
			if err := dec.Decode(new(any)); err != io.EOF {
				t.Errorf("%s: at the end: %v", name, err)
			}
		}
	}
}

// Each value is one Write.
func TestEncoderWritesOnce(t *testing.T) {
	var w counter
	enc := msgpack.NewEncoder(&w)
	for range 3 {
		if err := enc.Encode(map[string]any{"a": []any{1, 2, 3}}); err != nil {
			t.Fatal(err)
		}
	}
	if w != 3 {
		t.Errorf("%d writes", w)
	}
	wantErr(t, msgpack.NewEncoder(broken{}).Encode(1), "io: read/write on closed pipe")
}

type counter int

func (c *counter) Write(p []byte) (int, error) { *c++; return len(p), nil }

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (broken) Read([]byte) (int, error)  { return 0, io.ErrClosedPipe }

// A value that does not fit is passed over; one that is broken ends the stream.
func TestStreamErrors(t *testing.T) {
	dec := msgpack.NewDecoder(strings.NewReader("\x05\xa1x\x06\xc1\x07"))
	var i int
	for _, want := range []string{
		"", "msgpack: cannot decode string into int (byte 0)", "",
		"msgpack: 0xc1 is never used (byte 0)", "msgpack: 0xc1 is never used (byte 0)",
	} {
		wantErr(t, dec.Decode(&i), want)
	}
	if i != 6 {
		t.Errorf("got %d", i)
	}
	for _, test := range []struct {
		name string
		r    io.Reader
		max  int
		want string
	}{
		{"nothing", strings.NewReader(""), 0, "EOF"},
		{"cut off", strings.NewReader("\x92\x01"), 0, "msgpack: the data ends after 2 bytes of a value (byte 2)"},
		{"cut off in a head", strings.NewReader("\xcd\x01"), 0, "msgpack: the data ends after 2 bytes of a value (byte 0)"},
		{"cut off in a string", strings.NewReader("\xd9"), 0, "msgpack: the data ends after 1 byte of a value (byte 0)"},
		{"the reader fails", io.MultiReader(strings.NewReader("\x92\x01"), broken{}), 0, "io: read/write on closed pipe"},
		{"the reader fails at once", broken{}, 0, "io: read/write on closed pipe"},
		{"the reader returns nothing", idle{}, 0, "multiple Read calls return no data or error"},
		{"too deep", bytes.NewReader(repeat(0x91, 100_000)), 0, "msgpack: nested deeper than 100 (byte 100)"},
		{"too many values", strings.NewReader("\xdd\x00\x10\x00\x00"), 0, "msgpack: more than 1048576 values (byte 0)"},
		{"too many pairs", strings.NewReader("\x91\xdf\x00\x08\x00\x00"), 0, "msgpack: more than 1048576 values (byte 1)"},
		{"longer than the limit", strings.NewReader("\xdb\x00\x40\x00\x00"), 0, "msgpack: longer than 4194304 bytes (byte 0)"},
		{"longer than a small limit", strings.NewReader("\xa5hello"), 5, "msgpack: longer than 5 bytes (byte 0)"},
		{"as long as the limit", strings.NewReader("\xa5hello"), 6, ""},
		{"longer than the limit in all", strings.NewReader("\x93\x01\x02\x03"), 3, "msgpack: longer than 3 bytes (byte 3)"},
		{"a head at the limit", iotest.OneByteReader(strings.NewReader("\x92\x01\xcd\x01\x02")), 4, "msgpack: longer than 4 bytes (byte 2)"},
		{"no limit, and not enough", strings.NewReader("\xdb\x7f\xff\xff\x00"), -1, "msgpack: the data ends after 5 bytes of a value (byte 0)"},
		{"malformed for Go's maps only", strings.NewReader("\x81\x90\x01"), 0, "msgpack: a key cannot be an array (byte 1)"},
	} {
		dec := msgpack.NewDecoder(test.r)
		dec.MaxSize = test.max
		err := dec.Decode(new(any))
		wantErr(t, err, test.want)
		if again := dec.Decode(new(any)); test.want != "" && again != err {
			t.Errorf("%s: then %v", test.name, again)
		}
	}
	wantErr(t, msgpack.NewDecoder(strings.NewReader("")).Decode(5), "msgpack: cannot decode into int; a pointer is needed")
	if err := msgpack.NewDecoder(strings.NewReader("\x92\x01")).Decode(new(any)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v is not io.ErrUnexpectedEOF", err)
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// 17.2: the buffer grows with what arrives, and not with what is announced.
func TestStreamBuffer(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	dec := msgpack.NewDecoder(strings.NewReader("\xdb\xff\xff\xff\xff and little more"))
	dec.MaxSize = -1
	err := dec.Decode(new(any))
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; err == nil || n > 64<<10 {
		t.Errorf("%v after %d bytes were allocated", err, n)
	}

	// Many values need no more than the largest does.
	data := bytes.Repeat(mustMarshal(t, strings.Repeat("x", 1000)), 1000)
	dec = msgpack.NewDecoder(bytes.NewReader(data))
	var s string
	runtime.ReadMemStats(&before)
	for range 1000 {
		if err := dec.Decode(&s); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 3<<20 {
		t.Errorf("%d bytes were allocated for 1 MB", n)
	}
}

// What was decoded is not changed by what comes next.
func TestStreamKeepsNothing(t *testing.T) {
	dec := msgpack.NewDecoder(strings.NewReader("\xc4\x01a\xc4\x01b"))
	var a, b msgpack.RawMessage
	if err := errors.Join(dec.Decode(&a), dec.Decode(&b)); err != nil {
		t.Fatal(err)
	}
	wantBytes(t, a, hx("c40161"))
	wantBytes(t, b, hx("c40162"))
}
