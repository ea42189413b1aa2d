package validate

import (
	"reflect"
	"strings"
)

// present: was the field sent? The walker takes what the input held along with
// the value that was made of it, in the shape of encoding/json's any.

// A mark stands in for what the input held where that cannot be looked into.
type mark uint8

const (
	notSent mark = iota // there was nothing of the kind
	sentNull
)

// sentOf returns what the input held for field f, if it held sent for the struct
// that has it. Nil is: unknown.
func sentOf(sent any, f *field) any {
	if f.promoted || sent == nil {
		return sent
	}
	return sentUnder(sent, f.name)
}

// sentUnder returns what the input held under the key: exactly that one, or the
// first in their order that differs in case, as encoding/json has it.
func sentUnder(sent any, key string) any {
	m, ok := sent.(map[string]any)
	if !ok {
		return sentBelow(sent)
	}
	if value, ok := m[key]; ok {
		return orNull(value)
	}
	found := ""
	for k := range m {
		if strings.EqualFold(k, key) && (found == "" || k < found) {
			found = k
		}
	}
	if found == "" {
		return notSent
	}
	return orNull(m[found])
}

// sentKey is sentUnder for the keys of a map, which are what was sent. One that
// is written otherwise is unknown.
func sentKey(sent any, key string) any {
	m, ok := sent.(map[string]any)
	if !ok {
		return sentBelow(sent)
	}
	if value, ok := m[key]; ok {
		return orNull(value)
	}
	return nil
}

func orNull(value any) any {
	if value == nil {
		return sentNull
	}
	return value
}

// sentAt is sentUnder for the elements of a list.
func sentAt(sent any, i int) any {
	list, ok := sent.([]any)
	switch {
	case !ok:
		return sentBelow(sent)
	case i >= len(list):
		return notSent
	}
	return orNull(list[i])
}

// sentBelow is what is known of the inside of a value whose input is no map or
// list: that there was none, or, if its type has read the input itself, nothing.
func sentBelow(sent any) any {
	if _, ok := sent.(mark); ok {
		return notSent
	}
	return nil
}

// wasSent reports whether v, for which the input held sent, was there. If that
// is unknown, only what is nil was not.
func wasSent(v reflect.Value, sent any) bool {
	if sent != nil {
		return sent != any(notSent)
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Func, reflect.Chan:
		return !v.IsNil()
	}
	return true
}
