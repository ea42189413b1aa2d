package bind

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/gongular/gongular/internal/direct"
)

// A setter parses text into a field of the type it was made for. Its error is
// a reason for the client, without the field's name.
type setter func(v reflect.Value, s string) error

// Converters holds, by type, the functions that make a value of that type from
// the text of a request. Their errors are shown to clients.
type Converters map[reflect.Type]func(string) (any, error)

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	bytesType    = reflect.TypeFor[[]byte]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// setterFor returns the setter for a single value of type t. All that can be
// bound is listed here; what is not is an error, never a field silently left
// zero. The layout is that of a time.Time, "" for RFC 3339.
func setterFor(t reflect.Type, layout string, conv Converters) (setter, error) {
	if convert, ok := conv[t]; ok {
		return setConverted(convert), nil
	}
	if t.Kind() == reflect.Pointer && t.Elem() != t {
		set, err := setterFor(t.Elem(), layout, conv)
		if err != nil {
			return nil, fmt.Errorf("cannot bind type %v", t)
		}
		return setPointer(set), nil
	}
	switch t {
	case timeType:
		return setTime(layout), nil
	case durationType:
		return setDuration, nil
	}
	if reflect.PointerTo(t).Implements(textType) {
		return setText, nil
	}
	switch t.Kind() {
	case reflect.String:
		return setString, nil
	case reflect.Bool:
		return setBool, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return setInt(t.Bits()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return setUint(t.Bits()), nil
	case reflect.Float32, reflect.Float64:
		return setFloat(t.Bits()), nil
	case reflect.Slice:
		if t.Elem() == bytesType.Elem() { // not a type of its own, which may have its own text
			return setBytes, nil
		}
	}
	return nil, fmt.Errorf("cannot bind type %v", t)
}

// A basic is a type of values that take sets.
type basic uint8

const (
	noBasic basic = iota // only by the setter
	basicString
	basicInt
	basicInt64
	basicFloat64
	basicBool
)

// basicOf returns the basic type of t, which has no converter.
func basicOf(t reflect.Type) basic {
	if t == durationType || reflect.PointerTo(t).Implements(textType) {
		return noBasic
	}
	switch t.Kind() {
	case reflect.String:
		return basicString
	case reflect.Int:
		return basicInt
	case reflect.Int64:
		return basicInt64
	case reflect.Float64:
		return basicFloat64
	case reflect.Bool:
		return basicBool
	}
	return noBasic
}

// take sets the field in the struct v as f.set does, where the field's type is a
// basic one and the value a usual one. For all else it does nothing and reports false.
func (f *field) take(v reflect.Value, s string) bool {
	switch f.basic {
	case basicString:
		*direct.Field[string](v, f.offset) = s
		return true
	case basicInt:
		n, err := strconv.Atoi(s)
		if err == nil {
			*direct.Field[int](v, f.offset) = n
		}
		return err == nil
	case basicInt64:
		n, err := strconv.ParseInt(s, 10, 64)
		if err == nil {
			*direct.Field[int64](v, f.offset) = n
		}
		return err == nil
	case basicFloat64:
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return false
		}
		*direct.Field[float64](v, f.offset) = n
		return true
	case basicBool:
		if s != "true" && s != "false" {
			return false
		}
		*direct.Field[bool](v, f.offset) = s == "true"
		return true
	}
	return false
}

// takesEmpty reports whether an empty value is a value of type t, rather than
// an absent one.
func takesEmpty(t reflect.Type, conv Converters) bool {
	for t.Kind() == reflect.Pointer && conv[t] == nil {
		t = t.Elem()
	}
	if _, ok := conv[t]; ok || reflect.PointerTo(t).Implements(textType) {
		return false
	}
	return t.Kind() == reflect.String || t.ConvertibleTo(bytesType)
}

func setString(v reflect.Value, s string) error {
	v.SetString(s)
	return nil
}

func setBytes(v reflect.Value, s string) error {
	v.SetBytes([]byte(s))
	return nil
}

// setBool takes true, 1, yes and on, and false, 0, no and off, in any case.
// (A ticked box of an HTML form without a value sends "on".)
func setBool(v reflect.Value, s string) error {
	switch strings.ToLower(s) {
	case "true", "1", "yes", "on":
		v.SetBool(true)
	case "false", "0", "no", "off":
		v.SetBool(false)
	default:
		return fmt.Errorf("%s is not a boolean", quote(s))
	}
	return nil
}

func setInt(bits int) setter {
	return func(v reflect.Value, s string) error {
		if n, err := strconv.Atoi(s); err == nil && (bits == 64 || !v.OverflowInt(int64(n))) {
			v.SetInt(int64(n)) // the usual case, by the fastest means
			return nil
		}
		n, err := strconv.ParseInt(s, 10, bits)
		if err != nil {
			return intError(s, err, int64(-1)<<(bits-1), uint64(1)<<(bits-1)-1)
		}
		v.SetInt(n)
		return nil
	}
}

func setUint(bits int) setter {
	return func(v reflect.Value, s string) error {
		n, err := strconv.ParseUint(s, 10, bits)
		if err != nil {
			if _, signed := strconv.ParseInt(s, 10, 64); s[:min(1, len(s))] == "-" && !errors.Is(signed, strconv.ErrSyntax) {
				err = strconv.ErrRange // a negative number is a number
			}
			return intError(s, err, 0, ^uint64(0)>>(64-bits))
		}
		v.SetUint(n)
		return nil
	}
}

func intError(s string, err error, least int64, most uint64) error {
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%s is not in the range %d to %d", quote(s), least, most)
	}
	return fmt.Errorf("%s is not an integer", quote(s))
}

func setFloat(bits int) setter {
	return func(v reflect.Value, s string) error {
		n, err := strconv.ParseFloat(s, bits)
		switch {
		case errors.Is(err, strconv.ErrRange):
			return fmt.Errorf("%s is too large for a number of %d bits", quote(s), bits)
		case err != nil || math.IsNaN(n) || math.IsInf(n, 0): // "Inf" is text that JSON cannot answer with
			return fmt.Errorf("%s is not a number", quote(s))
		}
		v.SetFloat(n)
		return nil
	}
}

func setTime(layout string) setter {
	like := layout
	if layout == "" {
		layout, like = time.RFC3339, "2006-01-02T15:04:05Z"
	}
	return func(v reflect.Value, s string) error {
		t, err := time.Parse(layout, s)
		if err != nil {
			return fmt.Errorf("%s is not a time like %q", quote(s), like)
		}
		*v.Addr().Interface().(*time.Time) = t
		return nil
	}
}

func setDuration(v reflect.Value, s string) error {
	d, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%s is not a duration like %q", quote(s), "1m30s")
	}
	v.SetInt(int64(d))
	return nil
}

func setText(v reflect.Value, s string) error {
	return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
}

func setConverted(convert func(string) (any, error)) setter {
	return func(v reflect.Value, s string) error {
		x, err := convert(s)
		if err != nil {
			return err
		}
		if x == nil { // of an interface type
			v.SetZero()
			return nil
		}
		v.Set(reflect.ValueOf(x))
		return nil
	}
}

func setPointer(set setter) setter {
	return func(v reflect.Value, s string) error {
		p := reflect.New(v.Type().Elem())
		if err := set(p.Elem(), s); err != nil {
			return err
		}
		v.Set(p)
		return nil
	}
}

// SafePath is a relative path with slashes between its elements and no empty,
// "." or ".." element, as [io/fs.ValidPath] has it. A field of this type takes
// the rest of a path ("/files/{Name...}") or a query value, and anything else
// is an [Error]. One leading slash, which a *rest wildcard has, is taken off.
type SafePath string

// UnmarshalText implements [encoding.TextUnmarshaler].
func (p *SafePath) UnmarshalText(text []byte) error {
	s := strings.TrimPrefix(string(text), "/")
	if !validPath(s) {
		return fmt.Errorf("%s is not a plain relative path", quote(s))
	}
	*p = SafePath(s)
	return nil
}
