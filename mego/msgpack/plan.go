package msgpack

import (
	"encoding"
	"errors"
	"reflect"
	"sync"
	"time"
)

// A plan is what is to be done with the values of one type. It is only read
// once made, and so is safe for concurrent use.
type plan struct {
	encode encodeFunc
	decode decodeFunc
}

// An encodeFunc appends v, which need not be addressable, to b. What it returns
// begins with b, on an error too.
type encodeFunc func(e *encoder, b []byte, v reflect.Value) ([]byte, error)

// A decodeFunc decodes the next value into v, which is addressable.
type decodeFunc func(d *decoder, v reflect.Value) error

// plans holds a *plan for each reflect.Type that was met. It grows with the
// types of the program and not with messages.
var plans sync.Map

// planOf returns the plan of t.
func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	c := compiler{}
	p := c.plan(t)
	for t, made := range c {
		plans.LoadOrStore(t, made)
	}
	return p
}

// A compiler holds the plans that are being made. Types that contain themselves
// find their own plan there, which is complete when all are.
type compiler map[reflect.Type]*plan

func (c compiler) plan(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	if p, ok := c[t]; ok {
		return p
	}
	p := new(plan)
	c[t] = p
	c.fill(p, t)
	return p
}

var (
	marshalerType       = reflect.TypeFor[Marshaler]()
	unmarshalerType     = reflect.TypeFor[Unmarshaler]()
	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
	errorType           = reflect.TypeFor[error]()
)

// known are the plans of types that mean something of their own here, or that
// reflection need not walk.
var known map[reflect.Type]plan

func init() {
	known = map[reflect.Type]plan{ // set here, since these functions find plans for what is inside
		reflect.TypeFor[time.Time]():         {typed((*encoder).time), into((*decoder).time)},
		reflect.TypeFor[time.Duration]():     {encodeInt, decodeDuration},
		reflect.TypeFor[RawMessage]():        {typed((*encoder).raw), into((*decoder).raw)},
		reflect.TypeFor[Ext]():               {typed((*encoder).ext), into((*decoder).ext)},
		reflect.TypeFor[[]any]():             {typedList((*encoder).any), intoList((*decoder).any)},
		reflect.TypeFor[[]string]():          {typedList((*encoder).str), intoList((*decoder).str)},
		reflect.TypeFor[[]int]():             {typedList((*encoder).int), intoList((*decoder).int)},
		reflect.TypeFor[[]int64]():           {typedList((*encoder).int64), intoList((*decoder).int64)},
		reflect.TypeFor[[]float64]():         {typedList((*encoder).float64), intoList((*decoder).float64)},
		reflect.TypeFor[map[string]any]():    {typedMap((*encoder).any), intoMap((*decoder).any)},
		reflect.TypeFor[map[string]string](): {typedMap((*encoder).str), intoMap((*decoder).str)},
	}
}

// fill makes the plan of t.
func (c compiler) fill(p *plan, t reflect.Type) {
	if k, ok := known[t]; ok {
		*p = k
		return
	}
	c.fillKind(p, t)
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return // nil is nil, and the plan of what it holds sees to the methods
	}
	pointer := reflect.PointerTo(t)
	switch {
	case pointer.Implements(marshalerType):
		p.encode = orNil(encodeMarshaler)
	case pointer.Implements(textMarshalerType):
		p.encode = orNil(encodeText)
	case pointer.Implements(errorType):
		p.encode = orNil(encodeErrorText)
	}
	switch {
	case pointer.Implements(unmarshalerType):
		p.decode = decodeUnmarshaler
	case pointer.Implements(textUnmarshalerType):
		p.decode = decodeText
	}
}

// fillKind makes the plan of a type without regard to its methods.
func (c compiler) fillKind(p *plan, t reflect.Type) {
	switch t.Kind() {
	case reflect.Bool:
		*p = plan{encodeBool, decodeBool}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		*p = plan{encodeInt, decodeInt}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		*p = plan{encodeUint, decodeUint}
	case reflect.Float32:
		*p = plan{encodeFloat32, decodeFloat32}
	case reflect.Float64:
		*p = plan{encodeFloat64, decodeFloat64}
	case reflect.String:
		*p = plan{encodeString, decodeString}
	case reflect.Interface:
		*p = plan{encodeInterface, decodeUnsupported}
		if t.NumMethod() == 0 {
			p.decode = decodeAny
		}
	case reflect.Pointer:
		*p = plan{encodePointer(c.plan(t.Elem())), decodePointer(c.plan(t.Elem()))}
		if pointsToItself(t) {
			p.decode = decodeUnsupported
		}
	case reflect.Slice:
		if c.fillAlike(p, t) {
			return
		}
		if isByte(t.Elem()) {
			*p = plan{encodeBytes, decodeBytes}
			return
		}
		elem := c.plan(t.Elem())
		*p = plan{encodeSlice(elem), decodeSlice(elem, roomFor(t.Elem().Size()))}
	case reflect.Array:
		if isByte(t.Elem()) {
			*p = plan{encodeByteArray, decodeByteArray}
			return
		}
		elem := c.plan(t.Elem())
		*p = plan{encodeArray(elem), decodeArray(elem)}
	case reflect.Map:
		c.fillMap(p, t)
	case reflect.Struct:
		c.fillStruct(p, t)
	default:
		*p = plan{encodeUnsupported, decodeUnsupported}
	}
}

// fillAlike makes the plan of a slice or map that is a known one by another name.
func (c compiler) fillAlike(p *plan, t reflect.Type) bool {
	plain := reflect.SliceOf(t.Elem())
	if t.Kind() == reflect.Map {
		plain = reflect.MapOf(t.Key(), t.Elem())
	}
	k, ok := known[plain]
	if !ok {
		return false
	}
	pointer := reflect.PointerTo(plain)
	*p = plan{
		func(e *encoder, b []byte, v reflect.Value) ([]byte, error) {
			if v.CanAddr() {
				return k.encode(e, b, v.Addr().Convert(pointer).Elem())
			}
			return k.encode(e, b, v.Convert(plain))
		},
		func(d *decoder, v reflect.Value) error { return k.decode(d, v.Addr().Convert(pointer).Elem()) },
	}
	return true
}

func (c compiler) fillMap(p *plan, t reflect.Type) {
	if c.fillAlike(p, t) {
		return
	}
	key := t.Key()
	switch key.Kind() {
	case reflect.String, reflect.Interface,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
	default:
		*p = broken(errors.New("a key has to be a string or an integer"))
		return
	}
	var keys plan
	c.fillKind(&keys, key) // whatever methods it has
	elem := c.plan(t.Elem())
	room := roomFor(key.Size() + t.Elem().Size())
	*p = plan{encodeMap(elem), decodeMap(keys.decode, elem, room)}
}

// isByte reports whether a slice of t is bytes. It is not where the elements
// have a form of their own.
func isByte(t reflect.Type) bool {
	if t.Kind() != reflect.Uint8 {
		return false
	}
	for _, i := range []reflect.Type{marshalerType, textMarshalerType, errorType, unmarshalerType, textUnmarshalerType} {
		if reflect.PointerTo(t).Implements(i) {
			return false
		}
	}
	return true
}

// pointsToItself reports whether following t comes to nothing but pointers:
// type P *P.
func pointsToItself(t reflect.Type) bool {
	seen := map[reflect.Type]bool{}
	for ; t.Kind() == reflect.Pointer; t = t.Elem() {
		if seen[t] {
			return true
		}
		seen[t] = true
	}
	return false
}

// broken is the plan of a type that is no good, whatever its values are.
func broken(err error) plan {
	return plan{
		func(_ *encoder, b []byte, v reflect.Value) ([]byte, error) { return b, failed(v.Type(), err) },
		func(d *decoder, v reflect.Value) error { return refused(d.off, d.found(), v.Type(), err) },
	}
}
