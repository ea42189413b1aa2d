package direct_test

import (
	"reflect"
	"testing"

	"github.com/gongular/gongular/internal/direct"
)

type inner struct {
	B bool
	S string
}

type outer struct {
	A     int8
	Inner inner
	F     float64
}

// The pointer is that of the field: what reflect has for it, and the compiler.
func TestField(t *testing.T) {
	var x outer
	v := reflect.ValueOf(&x).Elem()
	at := func(i int) uintptr { return v.Type().Field(i).Offset }
	if p := direct.Field[int8](v, at(0)); p != &x.A {
		t.Errorf("A: %p, want %p", p, &x.A)
	}
	if p := direct.Field[float64](v, at(2)); p != &x.F || p != v.Field(2).Addr().Interface() {
		t.Errorf("F: %p, want %p", p, &x.F)
	}
	nested := at(1) + v.Field(1).Type().Field(1).Offset
	*direct.Field[string](v, nested) = "set"
	if x.Inner.S != "set" || x.A != 0 || x.Inner.B || x.F != 0 {
		t.Errorf("%+v", x)
	}
}

// A struct that cannot be reached by its address is the caller's mistake.
func TestNotAddressable(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	direct.Field[int8](reflect.ValueOf(outer{}), 0)
}

type (
	word string
	base struct {
		N int
		W word
	}
)

// Named types, and fields of embedded structs that are not exported, are reached
// by their underlying type.
func TestFieldOfNamedType(t *testing.T) {
	var x struct {
		_ struct{}
		A uint16
		base
	}
	v := reflect.ValueOf(&x).Elem()
	at := v.Type().Field(2).Offset
	*direct.Field[int](v, at) = 7
	*direct.Field[string](v, at+v.Field(2).Type().Field(1).Offset) = "set"
	if x.N != 7 || x.W != "set" || x.A != 0 {
		t.Errorf("%+v", x)
	}
}
