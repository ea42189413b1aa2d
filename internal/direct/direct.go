// Package direct reaches a struct's fields by their offsets. It is the module's only
// use of unsafe: what reflect needs for a field of a type known beforehand, four
// calls and some sixty instructions, is all that binding and checking a few values
// otherwise consist of. The query of four values that package bench measures takes
// 8 % less CPU time with it, the form of four 6 %.
//
// Who uses it has compiled the struct's type by reflect, and has a way by reflect
// that does the same; their tests compare the two.
package direct

import (
	"reflect"
	"unsafe"
)

// Field returns a pointer to the field of v at the offset. The caller must have seen
// that v is an addressable struct, and that its type has, at the offset, a field of
// type T or of a type whose underlying type T is.
func Field[T any](v reflect.Value, offset uintptr) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(v.UnsafeAddr()), offset))
}
