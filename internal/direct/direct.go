//go:build !purego

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
