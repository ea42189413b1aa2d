//go:build purego

package direct

import (
	"fmt"
	"reflect"
)

// Field returns a pointer to the field of v at the offset, which is found by reflect.
// It panics where the caller has not seen what its twin asks for.
func Field[T any](v reflect.Value, offset uintptr) *T {
	if !v.CanAddr() {
		panic("direct: a struct that has no address")
	}
	want := reflect.TypeFor[*T]()
	for v.Kind() == reflect.Struct {
		i := v.NumField() - 1
		for i >= 0 && v.Type().Field(i).Offset > offset {
			i--
		}
		if i < 0 {
			break
		}
		offset -= v.Type().Field(i).Offset
		v = v.Field(i)
	}
	if p := v.Addr(); offset == 0 && p.CanConvert(want) {
		return p.Convert(want).Interface().(*T)
	}
	panic(fmt.Sprintf("direct: no %v at the offset", want.Elem()))
}
