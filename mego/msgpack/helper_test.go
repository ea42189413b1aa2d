package msgpack_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/gongular/gongular/mego/msgpack"
)

// hx returns the bytes of hexadecimal digits with spaces between.
func hx(digits string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// cat joins bytes and texts.
func cat(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		}
	}
	return b
}

func mustMarshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := msgpack.Marshal(v)
	if err != nil {
		t.Fatalf("Marshal(%T): %v", v, err)
	}
	return b
}

func mustUnmarshal(t testing.TB, data []byte, v any) {
	t.Helper()
	if err := msgpack.Unmarshal(data, v); err != nil {
		t.Fatalf("Unmarshal(%s, %T): %v", short(data), v, err)
	}
}

// short spells bytes for a message.
func short(b []byte) string {
	if len(b) > 40 {
		return fmt.Sprintf("%x… of %d bytes", b[:40], len(b))
	}
	return fmt.Sprintf("%x", b)
}

// wantErr fails unless err has exactly that text; "" is no error.
func wantErr(t testing.TB, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("got error  %s\nwant error %s", got, want)
	}
}

// wantBytes compares encodings.
func wantBytes(t testing.TB, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("got %s, want %s", short(got), short(want))
	}
}

func wantEqual(t testing.TB, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, want %#v", got, want)
	}
}

// decodeError returns err as the type it has to be.
func decodeError(t testing.TB, err error) *msgpack.DecodeError {
	t.Helper()
	e, ok := errors.AsType[*msgpack.DecodeError](err)
	if !ok {
		t.Fatalf("got %v, which is no DecodeError", err)
	}
	return e
}
