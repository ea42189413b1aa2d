package msgpack

import (
	"errors"
	"fmt"
	"reflect"
)

// Limits that hold for every message.
const (
	maxDepth  = 100     // arrays and maps inside one another
	maxValues = 1 << 20 // in a message that is decoded
	maxHops   = 1000    // pointers and interfaces on the way to a value that is encoded
)

// RawMessage is one encoded value, which is copied as it is. To encode it, it
// has to be a single value, or empty for nil. Decoded, it is a copy, and never
// refers to the message.
type RawMessage []byte

// Ext is an extension: bytes of a type that applications agree on. Types below
// 0 belong to MessagePack itself, which defines -1, a point in time: that is a
// [time.Time] in Go, and as an Ext has to be of the form that the specification
// asks for.
type Ext struct {
	Type int8
	Data []byte
}

// A Marshaler encodes itself. MarshalMsgpack returns one encoded value; anything
// else is an error of the call that encodes.
type Marshaler interface {
	MarshalMsgpack() ([]byte, error)
}

// An Unmarshaler decodes itself from one encoded value, which is complete and
// within the limits. It must copy what it wants to keep of data, and not write
// to it.
type Unmarshaler interface {
	UnmarshalMsgpack(data []byte) error
}

// Marshal returns v encoded. The error names the path to the value that cannot
// be encoded, and its type.
func Marshal(v any) ([]byte, error) {
	e := newEncoder()
	b, err := e.any(e.scratch, v)
	if err != nil {
		e.release(b)
		return nil, err
	}
	if cap(b) > maxPooled {
		e.release(nil)
		return b, nil // a copy would cost more than the room that is too much
	}
	data := clone(b)
	e.release(b)
	return data, nil
}

// Append appends v encoded to dst and returns the extended buffer. It allocates
// nothing where dst has room, unless a method of the value does. On an error it
// returns dst.
func Append(dst []byte, v any) ([]byte, error) {
	e := newEncoder()
	b, err := e.any(dst, v)
	e.release(e.scratch)
	if err != nil {
		return dst, err
	}
	return b, nil
}

// Unmarshal decodes data, which has to be exactly one value, into what v points
// to. If the value does not fit, the error is a [*DecodeError], and what v
// points to may have been filled in part.
func Unmarshal(data []byte, v any) error {
	if v, ok := v.(*any); ok && v != nil {
		return unmarshalAny(data, v)
	}
	p := reflect.ValueOf(v)
	if err := checkDestination(p); err != nil {
		return err
	}
	d := newDecoder(data)
	p = p.Elem()
	if err := planOf(p.Type()).decode(&d, p); err != nil {
		return err
	}
	return d.end()
}

func unmarshalAny(data []byte, v *any) error {
	d := newDecoder(data)
	x, err := d.any()
	if err != nil {
		return err
	}
	if err := d.end(); err != nil {
		return err
	}
	*v = x
	return nil
}

// checkDestination refuses what cannot be decoded into.
func checkDestination(p reflect.Value) error {
	switch {
	case !p.IsValid():
		return errors.New("msgpack: cannot decode into nil; a pointer is needed")
	case p.Kind() != reflect.Pointer:
		return fmt.Errorf("msgpack: cannot decode into %v; a pointer is needed", p.Type())
	case p.IsNil():
		return fmt.Errorf("msgpack: cannot decode into a nil %v", p.Type())
	}
	return nil
}
