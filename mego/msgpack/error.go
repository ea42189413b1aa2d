package msgpack

import (
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A DecodeError says what is wrong with a message, and where.
//
//	msgpack: Address.Zip: cannot decode string into int (byte 14)
//	msgpack: str 8 of 200 bytes, but 5 are left (byte 0)
//
// Err of a message that ends too early is [io.ErrUnexpectedEOF].
type DecodeError struct {
	// Path leads to the value by the names of fields, keys and indices. It is
	// empty if the value is the message.
	Path string
	// Offset is where the value begins in the message, in bytes.
	Offset int
	// Reason is the text without path and offset.
	Reason string
	// Malformed reports whether the message is broken, over a limit, or holds a
	// map that Go cannot: nothing that depends on what it is decoded into.
	// Otherwise it does not fit the type.
	Malformed bool
	// Err is the cause: the error of an Unmarshaler, for example. It may be nil.
	Err error
}

// Error returns path, reason and offset.
func (e *DecodeError) Error() string {
	return "msgpack: " + joinReason(e.Path, e.Reason) + " (byte " + strconv.Itoa(e.Offset) + ")"
}

// Unwrap returns the cause.
func (e *DecodeError) Unwrap() error { return e.Err }

func joinReason(path, reason string) string {
	if path == "" {
		return reason
	}
	return path + ": " + reason
}

// malformed is the error of a message that is broken at the offset.
func malformed(offset int, format string, args ...any) error {
	return &DecodeError{Offset: offset, Reason: fmt.Sprintf(format, args...), Malformed: true}
}

// truncated is the error of a message that ends too early.
func truncated(offset int, format string, args ...any) error {
	return &DecodeError{Offset: offset, Reason: fmt.Sprintf(format, args...), Malformed: true, Err: io.ErrUnexpectedEOF}
}

// mismatch is the error of a value that does not fit the type: found names it,
// and why says more if the kinds do not.
func mismatch(offset int, found string, t reflect.Type, why string) error {
	e := &DecodeError{Offset: offset, Reason: fmt.Sprintf("cannot decode %s into %v", found, t)}
	if why != "" {
		e.Reason += ": " + why
	}
	return e
}

// refused is the mismatch that the type itself found.
func refused(offset int, found string, t reflect.Type, err error) error {
	e := mismatch(offset, found, t, strings.TrimPrefix(err.Error(), "msgpack: ")).(*DecodeError)
	e.Err = err
	return e
}

// inField, inIndex and inKey put where the value was before the path of its error.

func inField(err error, name string) error {
	e := err.(*DecodeError)
	e.Path = joinPath(name, e.Path)
	return e
}

func inIndex(err error, i int) error { return inField(err, strconv.Itoa(i)) }

func inKey(err error, key string) error { return inField(err, pathKey(key)) }

func joinPath(name, rest string) string {
	if rest == "" {
		return name
	}
	return name + "." + rest
}

// longestKey is how much of a key a path shows, in bytes.
const longestKey = 64

// pathKey is the key as a path shows it: as it is if it is a plain word.
func pathKey(key string) string {
	more := ""
	if len(key) > longestKey {
		end := longestKey
		for end > longestKey-utf8.UTFMax && !utf8.RuneStart(key[end]) {
			end--
		}
		key, more = key[:end], "…"
	}
	if key == "" || strings.ContainsFunc(key, isUnplain) {
		return strconv.Quote(key) + more
	}
	return key + more
}

func isUnplain(r rune) bool {
	return r == '.' || r == '"' || r == '\\' || r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r)
}

// An encodeError is the error of a value that cannot be encoded.
type encodeError struct {
	path   string
	reason string
	err    error
}

func (e *encodeError) Error() string { return "msgpack: " + joinReason(e.path, e.reason) }

func (e *encodeError) Unwrap() error { return e.err }

// unfit is the error of a value that cannot be encoded; why may be empty.
func unfit(t reflect.Type, why string) error {
	e := &encodeError{reason: fmt.Sprintf("cannot encode %v", t)}
	if why != "" {
		e.reason += ": " + why
	}
	return e
}

// failed is unfit for the error that a method of the type returned.
func failed(t reflect.Type, err error) error {
	e := unfit(t, strings.TrimPrefix(err.Error(), "msgpack: ")).(*encodeError)
	e.err = err
	return e
}

// under puts where the value was before the path of its error.
func under(err error, name string) error {
	e := err.(*encodeError)
	e.path = joinPath(name, e.path)
	return e
}
