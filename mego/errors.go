package mego

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// An ErrorType tells errors of a [Context] apart. Types are bits.
type ErrorType uint64

const (
	// ErrorTypeBind is for parameters that do not fit.
	ErrorTypeBind ErrorType = 1 << 63
	// ErrorTypePrivate is for the server's own use; it is what [Context.Error]
	// sets.
	ErrorTypePrivate ErrorType = 1 << 0
	// ErrorTypePublic is for what may be shown.
	ErrorTypePublic ErrorType = 1 << 1
	// ErrorTypeAny is all types.
	ErrorTypeAny ErrorType = 1<<64 - 1
)

// An Error is an error that a handler noted by [Context.Error], with what it knew
// of it. It is not sent to anybody.
type Error struct {
	// Err is the error itself.
	Err error
	// Meta is whatever the handler wants to add.
	Meta any
	// Type says for whom it is.
	Type ErrorType
}

// Error returns the text of Err.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// IsType reports whether the error has one of the types.
func (e *Error) IsType(flags ErrorType) bool { return e.Type&flags != 0 }

// SetMeta sets Meta and returns the error.
func (e *Error) SetMeta(data any) *Error {
	e.Meta = data
	return e
}

// JSON returns what the error is as JSON: Meta itself if it is a struct, else an
// object with the entries of Meta if its keys are strings, or with meta, and with
// the text as error, unless there is such an entry.
func (e *Error) JSON() any {
	object := H{}
	if e.Meta != nil {
		v := reflect.ValueOf(e.Meta)
		for v.Kind() == reflect.Pointer && !v.IsNil() && v.Elem().Kind() == reflect.Struct {
			v = v.Elem()
		}
		switch {
		case v.Kind() == reflect.Struct:
			return e.Meta
		case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
			for key, value := range v.Seq2() {
				object[key.String()] = value.Interface()
			}
		default:
			object["meta"] = e.Meta
		}
	}
	if _, ok := object["error"]; !ok {
		object["error"] = e.Error()
	}
	return object
}

// MarshalJSON encodes what JSON returns.
func (e *Error) MarshalJSON() ([]byte, error) { return json.Marshal(e.JSON()) }

// errorMsgs are the errors of a request, in the order in which they were noted.
type errorMsgs []*Error

// ByType returns the errors that have one of the types, or nil.
func (m errorMsgs) ByType(flags ErrorType) errorMsgs {
	if len(m) == 0 || flags == ErrorTypeAny {
		return m
	}
	var found errorMsgs
	for _, e := range m {
		if e.IsType(flags) {
			found = append(found, e)
		}
	}
	return found
}

// Last returns the last error, or nil.
func (m errorMsgs) Last() *Error {
	if len(m) == 0 {
		return nil
	}
	return m[len(m)-1]
}

// Errors returns the texts, or nil.
func (m errorMsgs) Errors() []string {
	if len(m) == 0 {
		return nil
	}
	texts := make([]string, len(m))
	for i, e := range m {
		texts[i] = e.Error()
	}
	return texts
}

// JSON returns nil, what the only error is as JSON, or an array.
func (m errorMsgs) JSON() any {
	switch len(m) {
	case 0:
		return nil
	case 1:
		return m[0].JSON()
	}
	list := make([]any, len(m))
	for i, e := range m {
		list[i] = e.JSON()
	}
	return list
}

// MarshalJSON encodes what JSON returns.
func (m errorMsgs) MarshalJSON() ([]byte, error) { return json.Marshal(m.JSON()) }

// String returns a line for each error, and one for its Meta if it has some.
func (m errorMsgs) String() string {
	var b strings.Builder
	for i, e := range m {
		fmt.Fprintf(&b, "Error #%02d: %s\n", i+1, e.Error())
		if e.Meta != nil {
			fmt.Fprintf(&b, "     Meta: %v\n", e.Meta)
		}
	}
	return b.String()
}
