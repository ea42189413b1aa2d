package msgpack

import (
	"encoding"
	"reflect"
	"strconv"
)

// typed makes an encodeFunc of a function that takes the type as it is.
func typed[T any](write func(*encoder, []byte, T) ([]byte, error)) encodeFunc {
	return func(e *encoder, b []byte, v reflect.Value) ([]byte, error) { return write(e, b, as[T](v)) }
}

func typedList[T any](write func(*encoder, []byte, T) ([]byte, error)) encodeFunc {
	return func(e *encoder, b []byte, v reflect.Value) ([]byte, error) {
		return encodeListOf(e, b, as[[]T](v), write)
	}
}

func typedMap[V any](write func(*encoder, []byte, V) ([]byte, error)) encodeFunc {
	return func(e *encoder, b []byte, v reflect.Value) ([]byte, error) {
		return encodeMapOf(e, b, as[map[string]V](v), write)
	}
}

// as returns the T that v is, without a copy of it on the heap.
func as[T any](v reflect.Value) T {
	if v.CanAddr() {
		return *v.Addr().Interface().(*T)
	}
	return v.Interface().(T)
}

func encodeBool(_ *encoder, b []byte, v reflect.Value) ([]byte, error) {
	return appendBool(b, v.Bool()), nil
}

func encodeInt(_ *encoder, b []byte, v reflect.Value) ([]byte, error) {
	return appendInt(b, v.Int()), nil
}

func encodeUint(_ *encoder, b []byte, v reflect.Value) ([]byte, error) {
	return appendUint(b, v.Uint()), nil
}

func encodeFloat32(_ *encoder, b []byte, v reflect.Value) ([]byte, error) {
	return appendFloat32(b, float32(v.Float())), nil
}

func encodeFloat64(_ *encoder, b []byte, v reflect.Value) ([]byte, error) {
	return appendFloat64(b, v.Float()), nil
}

func encodeString(e *encoder, b []byte, v reflect.Value) ([]byte, error) {
	return e.str(b, v.String())
}

func encodeBytes(e *encoder, b []byte, v reflect.Value) ([]byte, error) {
	return e.bytes(b, v.Bytes())
}

func encodeByteArray(e *encoder, b []byte, v reflect.Value) ([]byte, error) {
	return e.bytes(b, addressable(v).Bytes())
}

func encodeSlice(elem *plan) encodeFunc {
	array := encodeArray(elem)
	return func(e *encoder, b []byte, v reflect.Value) ([]byte, error) {
		if v.IsNil() {
			return append(b, codeNil), nil
		}
		return array(e, b, v)
	}
}

func encodeArray(elem *plan) encodeFunc {
	return func(e *encoder, b []byte, v reflect.Value) ([]byte, error) {
		n := v.Len()
		err := e.enter(n, v.Type())
		if err != nil {
			return b, err
		}
		b = appendArrayHead(b, n)
		for i := range n {
			if b, err = elem.encode(e, b, v.Index(i)); err != nil {
				return b, underIndex(err, i)
			}
		}
		e.depth--
		return b, nil
	}
}

func encodePointer(elem *plan) encodeFunc {
	return func(e *encoder, b []byte, v reflect.Value) ([]byte, error) {
		if v.IsNil() {
			return append(b, codeNil), nil
		}
		if err := e.hop(v.Type()); err != nil {
			return b, err
		}
		b, err := elem.encode(e, b, v.Elem())
		e.hops--
		return b, err
	}
}

func encodeInterface(e *encoder, b []byte, v reflect.Value) ([]byte, error) {
	if v.IsNil() {
		return append(b, codeNil), nil
	}
	if err := e.hop(v.Type()); err != nil {
		return b, err
	}
	b, err := e.any(b, v.Interface())
	e.hops--
	return b, err
}

// hop goes through a pointer or interface. Without arrays and maps on the way
// nothing else would notice that they lead back to where they came from.
func (e *encoder) hop(t reflect.Type) error {
	if e.hops == maxHops {
		return unfit(t, "it stands behind "+strconv.Itoa(maxHops)+" pointers and interfaces, or contains itself")
	}
	e.hops++
	return nil
}

func (s *structure) encode(e *encoder, b []byte, v reflect.Value) ([]byte, error) {
	err := e.enter(len(s.fields), v.Type())
	if err != nil {
		return b, err
	}
	if s.head == nil {
		b, err = s.encodePresent(e, b, v)
		e.depth--
		return b, err
	}
	b = append(b, s.head...)
	for i := range s.fields {
		f := &s.fields[i]
		fv := v.Field(f.first)
		for _, i := range f.index[1:] {
			fv = fv.Field(i)
		}
		b = append(b, f.head...)
		if b, err = f.plan.encode(e, b, fv); err != nil {
			return b, under(err, pathKey(f.name))
		}
	}
	e.depth--
	return b, nil
}

// encodePresent encodes a struct that not all fields of are always there.
func (s *structure) encodePresent(e *encoder, b []byte, v reflect.Value) ([]byte, error) {
	n := 0
	for i := range s.fields {
		if _, ok := s.fields[i].present(v); ok {
			n++
		}
	}
	b = appendMapHead(b, n)
	for i := range s.fields {
		f := &s.fields[i]
		fv, ok := f.present(v)
		if !ok {
			continue
		}
		var err error
		b = append(b, f.head...)
		if b, err = f.plan.encode(e, b, fv); err != nil {
			return b, under(err, pathKey(f.name))
		}
	}
	return b, nil
}

// present returns the field of v, and false if it is left out.
func (f *field) present(v reflect.Value) (reflect.Value, bool) {
	v, ok := f.value(v)
	return v, ok && !(f.omitEmpty && isEmpty(v))
}

// orNil encodes nil slices and maps as nil, whatever methods they have.
func orNil(encode encodeFunc) encodeFunc {
	return func(e *encoder, b []byte, v reflect.Value) ([]byte, error) {
		if k := v.Kind(); (k == reflect.Slice || k == reflect.Map) && v.IsNil() {
			return append(b, codeNil), nil
		}
		return encode(e, b, v)
	}
}

func encodeMarshaler(e *encoder, b []byte, v reflect.Value) ([]byte, error) {
	data, err := method[Marshaler](v).MarshalMsgpack()
	if err != nil {
		return b, failed(v.Type(), err)
	}
	return e.value(b, data, v.Type())
}

func encodeText(e *encoder, b []byte, v reflect.Value) ([]byte, error) {
	text, err := method[encoding.TextMarshaler](v).MarshalText()
	if err != nil {
		return b, failed(v.Type(), err)
	}
	return e.str(b, string(text))
}

func encodeErrorText(e *encoder, b []byte, v reflect.Value) ([]byte, error) {
	return e.str(b, method[error](v).Error())
}

// method returns v as an M, which it is itself or by its address.
func method[M any](v reflect.Value) M {
	if !v.CanAddr() {
		if m, ok := v.Interface().(M); ok {
			return m
		}
	}
	return addressable(v).Addr().Interface().(M)
}

// addressable returns v, or a copy where it is not addressable.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

func encodeUnsupported(_ *encoder, b []byte, v reflect.Value) ([]byte, error) {
	return b, unfit(v.Type(), "")
}

func underIndex(err error, i int) error { return under(err, strconv.Itoa(i)) }
