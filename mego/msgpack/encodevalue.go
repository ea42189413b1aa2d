package msgpack

import (
	"encoding"
	"reflect"
	"strconv"
)

// typed makes an encodeFunc of a function that takes the type as it is.
func typed[T any](write func(*encoder, T) error) encodeFunc {
	return func(e *encoder, v reflect.Value) error { return write(e, as[T](v)) }
}

func typedList[T any](write func(*encoder, T) error) encodeFunc {
	return func(e *encoder, v reflect.Value) error { return encodeListOf(e, as[[]T](v), write) }
}

func typedMap[V any](write func(*encoder, V) error) encodeFunc {
	return func(e *encoder, v reflect.Value) error { return encodeMapOf(e, as[map[string]V](v), write) }
}

// as returns the T that v is, without a copy of it on the heap.
func as[T any](v reflect.Value) T {
	if v.CanAddr() {
		return *v.Addr().Interface().(*T)
	}
	return v.Interface().(T)
}

func encodeBool(e *encoder, v reflect.Value) error {
	e.buf = appendBool(e.buf, v.Bool())
	return nil
}

func encodeInt(e *encoder, v reflect.Value) error {
	e.buf = appendInt(e.buf, v.Int())
	return nil
}

func encodeUint(e *encoder, v reflect.Value) error {
	e.buf = appendUint(e.buf, v.Uint())
	return nil
}

func encodeFloat32(e *encoder, v reflect.Value) error {
	e.buf = appendFloat32(e.buf, float32(v.Float()))
	return nil
}

func encodeFloat64(e *encoder, v reflect.Value) error {
	e.buf = appendFloat64(e.buf, v.Float())
	return nil
}

func encodeString(e *encoder, v reflect.Value) error { return e.str(v.String()) }

func encodeBytes(e *encoder, v reflect.Value) error { return e.bytes(v.Bytes()) }

func encodeByteArray(e *encoder, v reflect.Value) error {
	return e.bytes(addressable(v).Bytes())
}

func encodeSlice(elem *plan) encodeFunc {
	array := encodeArray(elem)
	return func(e *encoder, v reflect.Value) error {
		if v.IsNil() {
			e.nil()
			return nil
		}
		return array(e, v)
	}
}

func encodeArray(elem *plan) encodeFunc {
	return func(e *encoder, v reflect.Value) error {
		n := v.Len()
		if err := e.array(n, v.Type()); err != nil {
			return err
		}
		for i := range n {
			if err := elem.encode(e, v.Index(i)); err != nil {
				return underIndex(err, i)
			}
		}
		e.depth--
		return nil
	}
}

func encodePointer(elem *plan) encodeFunc {
	return func(e *encoder, v reflect.Value) error {
		if v.IsNil() {
			e.nil()
			return nil
		}
		if err := e.hop(v.Type()); err != nil {
			return err
		}
		err := elem.encode(e, v.Elem())
		e.hops--
		return err
	}
}

func encodeInterface(e *encoder, v reflect.Value) error {
	if v.IsNil() {
		e.nil()
		return nil
	}
	if err := e.hop(v.Type()); err != nil {
		return err
	}
	err := e.any(v.Interface())
	e.hops--
	return err
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

func (s *structure) encode(e *encoder, v reflect.Value) error {
	if err := e.enter(v.Type()); err != nil {
		return err
	}
	if s.head != nil {
		e.buf = append(e.buf, s.head...)
		for i := range s.fields {
			f := &s.fields[i]
			fv := v.Field(f.first)
			for _, i := range f.index[1:] {
				fv = fv.Field(i)
			}
			e.buf = append(e.buf, f.head...)
			if err := f.plan.encode(e, fv); err != nil {
				return under(err, f.name)
			}
		}
		e.depth--
		return nil
	}
	n := 0
	for i := range s.fields {
		if _, ok := s.fields[i].present(v); ok {
			n++
		}
	}
	e.buf = appendMapHead(e.buf, n)
	for i := range s.fields {
		f := &s.fields[i]
		fv, ok := f.present(v)
		if !ok {
			continue
		}
		e.buf = append(e.buf, f.head...)
		if err := f.plan.encode(e, fv); err != nil {
			return under(err, f.name)
		}
	}
	e.depth--
	return nil
}

// present returns the field of v, and false if it is left out.
func (f *field) present(v reflect.Value) (reflect.Value, bool) {
	v, ok := f.value(v)
	return v, ok && !(f.omitEmpty && isEmpty(v))
}

func encodeMarshaler(e *encoder, v reflect.Value) error {
	b, err := method[Marshaler](v).MarshalMsgpack()
	if err != nil {
		return failed(v.Type(), err)
	}
	return e.value(b, v.Type())
}

func encodeText(e *encoder, v reflect.Value) error {
	text, err := method[encoding.TextMarshaler](v).MarshalText()
	if err != nil {
		return failed(v.Type(), err)
	}
	return e.str(string(text))
}

func encodeErrorText(e *encoder, v reflect.Value) error {
	return e.str(method[error](v).Error())
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

func encodeUnsupported(_ *encoder, v reflect.Value) error { return unfit(v.Type(), "") }

func underIndex(err error, i int) error { return under(err, strconv.Itoa(i)) }
