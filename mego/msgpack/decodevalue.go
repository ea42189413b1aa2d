package msgpack

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
)

// maxRoomBytes is how much room is made at once for what is announced.
const maxRoomBytes = 64 << 10

// roomFor returns for how many entries of the size room is made at once.
func roomFor(size uintptr) int {
	return int(max(1, min(maxRoom, maxRoomBytes/max(1, size))))
}

// into makes a decodeFunc of a function that takes a pointer to the type.
func into[T any](read func(*decoder, *T) error) decodeFunc {
	return func(d *decoder, v reflect.Value) error { return read(d, v.Addr().Interface().(*T)) }
}

func intoList[T any](read func(*decoder) (T, error)) decodeFunc {
	return into(func(d *decoder, list *[]T) error { return decodeListOf(d, list, read) })
}

func intoMap[V any](read func(*decoder) (V, error)) decodeFunc {
	return into(func(d *decoder, m *map[string]V) error { return decodeMapOf(d, m, read) })
}

func decodeListOf[T any](d *decoder, list *[]T, read func(*decoder) (T, error)) error {
	n, isNil, err := d.open(kindArray, reflect.TypeFor[[]T]())
	if err != nil {
		return err
	}
	if isNil {
		*list = nil
		return nil
	}
	made := make([]T, 0, min(n, maxRoom))
	for i := range n {
		x, err := read(d)
		if err != nil {
			return inIndex(err, i)
		}
		made = append(made, x)
	}
	*list = made
	d.depth--
	return nil
}

func decodeMapOf[V any](d *decoder, m *map[string]V, read func(*decoder) (V, error)) error {
	n, isNil, err := d.open(kindMap, reflect.TypeFor[map[string]V]())
	if err != nil {
		return err
	}
	if isNil {
		*m = nil
		return nil
	}
	if *m == nil {
		*m = make(map[string]V, min(n, maxRoom))
	}
	for range n {
		start := d.off
		key, isNil, err := d.text(reflect.TypeFor[string]())
		if err == nil && isNil {
			err = mismatch(start, "nil", reflect.TypeFor[string](), "it is a key")
		}
		if err != nil {
			return err
		}
		name := string(key)
		x, err := read(d)
		if err != nil {
			return inKey(err, name)
		}
		(*m)[name] = x
	}
	d.depth--
	return nil
}

func decodeBool(d *decoder, v reflect.Value) error {
	start := d.off
	h, err := d.next()
	switch {
	case err != nil:
		return err
	case h.kind == kindBool:
		v.SetBool(h.bits == 1)
	case h.kind != kindNil:
		return mismatch(start, h.describe(), v.Type(), "")
	}
	return nil
}

func decodeInt(d *decoder, v reflect.Value) error {
	t := v.Type()
	i, isNil, err := d.signed(t.Bits(), t)
	if err == nil && !isNil {
		v.SetInt(i)
	}
	return err
}

func decodeUint(d *decoder, v reflect.Value) error {
	t := v.Type()
	u, isNil, err := d.unsigned(t.Bits(), t)
	if err == nil && !isNil {
		v.SetUint(u)
	}
	return err
}

func decodeFloat64(d *decoder, v reflect.Value) error {
	f, isNil, err := d.number(v.Type())
	if err == nil && !isNil {
		v.SetFloat(f)
	}
	return err
}

func decodeFloat32(d *decoder, v reflect.Value) error {
	start := d.off
	f, isNil, err := d.number(v.Type())
	if err != nil || isNil {
		return err
	}
	if math.IsInf(float64(float32(f)), 0) && !math.IsInf(f, 0) {
		d.off = start
		return mismatch(start, d.found(), v.Type(), "out of range")
	}
	v.SetFloat(f)
	return nil
}

func decodeString(d *decoder, v reflect.Value) error {
	b, isNil, err := d.text(v.Type())
	if err == nil && !isNil {
		v.SetString(string(b))
	}
	return err
}

func decodeBytes(d *decoder, v reflect.Value) error {
	b, isNil, err := d.text(v.Type())
	switch {
	case err != nil:
		return err
	case isNil:
		v.SetZero()
	default:
		v.SetBytes(clone(b))
	}
	return nil
}

func decodeByteArray(d *decoder, v reflect.Value) error {
	start := d.off
	b, isNil, err := d.text(v.Type())
	if err != nil || isNil {
		return err
	}
	if len(b) != v.Len() {
		return mismatch(start, count(uint64(len(b)), "byte"), v.Type(), "")
	}
	copy(v.Bytes(), b)
	return nil
}

func decodeSlice(elem *plan, room int) decodeFunc {
	return func(d *decoder, v reflect.Value) error {
		n, isNil, err := d.open(kindArray, v.Type())
		if err != nil {
			return err
		}
		v.SetZero() // what was there belongs to others as well, perhaps
		if isNil {
			return nil
		}
		if n == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		for i := range n {
			if i == v.Cap() {
				v.Grow(min(max(i, room), n-i))
			}
			v.SetLen(i + 1)
			if err := elem.decode(d, v.Index(i)); err != nil {
				return inIndex(err, i)
			}
		}
		d.depth--
		return nil
	}
}

func decodeArray(elem *plan) decodeFunc {
	return func(d *decoder, v reflect.Value) error {
		start := d.off
		n, isNil, err := d.open(kindArray, v.Type())
		if err != nil || isNil {
			return err
		}
		if n != v.Len() {
			return mismatch(start, "array of "+count(uint64(n), "element"), v.Type(), "")
		}
		for i := range n {
			if err := elem.decode(d, v.Index(i)); err != nil {
				return inIndex(err, i)
			}
		}
		d.depth--
		return nil
	}
}

func decodeMap(key decodeFunc, elem *plan, room int) decodeFunc {
	return func(d *decoder, v reflect.Value) error {
		t := v.Type()
		n, isNil, err := d.open(kindMap, t)
		if err != nil {
			return err
		}
		if isNil {
			v.SetZero()
			return nil
		}
		if v.IsNil() {
			v.Set(reflect.MakeMapWithSize(t, min(n, room)))
		}
		k, x := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		for range n {
			if err := decodeKey(d, key, k); err != nil {
				return err
			}
			x.SetZero()
			if err := elem.decode(d, x); err != nil {
				return inKey(err, fmt.Sprint(k.Interface()))
			}
			v.SetMapIndex(k, x)
		}
		d.depth--
		return nil
	}
}

// decodeKey decodes the key of a map into k.
func decodeKey(d *decoder, key decodeFunc, k reflect.Value) error {
	k.SetZero()
	if k.Kind() != reflect.Interface {
		if d.isNil() {
			return mismatch(d.off, "nil", k.Type(), "it is a key")
		}
		return key(d, k)
	}
	start := d.off
	x, err := d.anyKey()
	switch {
	case err != nil:
		return err
	case x == nil:
	case k.NumMethod() > 0: // none of the keys there are has methods
		d.off = start
		return mismatch(start, d.found(), k.Type(), "")
	default:
		k.Set(reflect.ValueOf(x))
	}
	return nil
}

func decodePointer(elem *plan) decodeFunc {
	return func(d *decoder, v reflect.Value) error {
		if d.isNil() {
			d.off++
			v.SetZero()
			return nil
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return elem.decode(d, v.Elem())
	}
}

func decodeAny(d *decoder, v reflect.Value) error {
	x, err := d.any()
	switch {
	case err != nil:
		return err
	case x == nil:
		v.SetZero()
	default:
		v.Set(reflect.ValueOf(x))
	}
	return nil
}

func (s *structure) decode(d *decoder, v reflect.Value) error {
	n, isNil, err := d.open(kindMap, v.Type())
	if err != nil || isNil {
		return err
	}
	expected := 0 // the position of the field that probably comes next
	for range n {
		start := d.off
		h, err := d.next()
		if err != nil {
			return err
		}
		var f *field
		if h.kind == kindStr || h.kind == kindBin {
			key := d.take(h)
			if expected < len(s.fields) && string(key) == s.fields[expected].name {
				f = &s.fields[expected]
			} else {
				f = s.lookup(key)
			}
		} else if err := d.skipRest(h, start); err != nil {
			return err
		}
		if f == nil {
			if err := d.skip(); err != nil {
				return err
			}
			continue
		}
		expected = f.next
		if err := f.decode(d, v); err != nil {
			return inField(err, pathKey(f.name))
		}
	}
	d.depth--
	return nil
}

// decode decodes the next value into the field of v, and makes the embedded
// structs that it is in.
func (f *field) decode(d *decoder, v reflect.Value) error {
	v = v.Field(f.first)
	for _, i := range f.index[1:] {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !v.CanSet() {
					return mismatch(d.off, d.found(), f.typ, fmt.Sprintf("it is in an embedded %v, which is nil and not exported", v.Type()))
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return f.plan.decode(d, v)
}

func (d *decoder) raw(m *RawMessage) error {
	start := d.off
	if err := d.skip(); err != nil {
		return err
	}
	*m = clone(d.data[start:d.off])
	return nil
}

func (d *decoder) ext(x *Ext) error {
	start := d.off
	h, err := d.next()
	switch {
	case err != nil || h.kind == kindNil:
		return err
	case h.kind != kindExt:
		return mismatch(start, h.describe(), reflect.TypeFor[Ext](), "")
	}
	data := d.take(h)
	if h.ext == timestampExt {
		if _, why := readTimestamp(data); why != "" {
			return malformed(start, "%s", why)
		}
	}
	*x = Ext{h.ext, clone(data)}
	return nil
}

func decodeUnmarshaler(d *decoder, v reflect.Value) error {
	start := d.off
	if err := d.skip(); err != nil {
		return err
	}
	err := v.Addr().Interface().(Unmarshaler).UnmarshalMsgpack(d.data[start:d.off:d.off])
	if err != nil {
		d.off = start
		return refused(start, d.found(), v.Type(), err)
	}
	return nil
}

func decodeText(d *decoder, v reflect.Value) error {
	start := d.off
	h, err := d.next()
	switch {
	case err != nil:
		return err
	case h.kind == kindNil:
		if v.Kind() == reflect.Slice || v.Kind() == reflect.Map {
			v.SetZero()
		}
		return nil
	case h.kind != kindStr:
		return mismatch(start, h.describe(), v.Type(), "")
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(d.take(h)); err != nil {
		return refused(start, "string", v.Type(), err)
	}
	return nil
}

// decodeUnsupported decodes nothing but nil.
func decodeUnsupported(d *decoder, v reflect.Value) error {
	start := d.off
	h, err := d.next()
	switch {
	case err != nil:
		return err
	case h.kind != kindNil:
		return mismatch(start, h.describe(), v.Type(), "")
	}
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		v.SetZero()
	}
	return nil
}
