package validate

import (
	"fmt"
	"reflect"
	"strconv"
)

// A text is what a rule sees: a string, or a number spelt as fmt.Sprint does.
//
// It is passed by value, digits and all. A rule is called through a function
// value, where a string made from digits would always be allocated; made by
// str inside the rule, it stays on the stack if the rule does not keep it.
type text struct {
	s   string
	num [24]byte // -1.7976931348623157e+308 has 24 bytes, and no number has more
	n   uint8    // bytes of num in use; 0: the text is s
}

// str returns the text. It is small enough to be inlined, and has to be.
func (t *text) str() string {
	if t.n == 0 {
		return t.s
	}
	return string(t.num[:t.n])
}

func spellInt(i int64) (t text) {
	t.n = uint8(len(strconv.AppendInt(t.num[:0], i, 10)))
	return t
}

func spellUint(u uint64) (t text) {
	t.n = uint8(len(strconv.AppendUint(t.num[:0], u, 10)))
	return t
}

func spellFloat(f float64, bits int) (t text) {
	t.n = uint8(len(strconv.AppendFloat(t.num[:0], f, 'g', -1, bits)))
	return t
}

var (
	formatterType = reflect.TypeFor[fmt.Formatter]()
	errorType     = reflect.TypeFor[error]()
	stringerType  = reflect.TypeFor[fmt.Stringer]()
	byteType      = reflect.TypeFor[byte]()
)

// spellsItself reports whether fmt lets values of type t write themselves.
func spellsItself(t reflect.Type) bool {
	return t.Implements(stringerType) || t.Implements(errorType) || t.Implements(formatterType)
}

// isBytes reports whether t is a []byte. Slices of other types that happen to
// have the kind uint8, such as a list of some enumeration, are lists.
func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem() == byteType
}

// isByteArray reports whether t is an array of bytes that spells itself, as
// the types for UUIDs and hashes do.
func isByteArray(t reflect.Type) bool {
	return t.Kind() == reflect.Array && t.Elem() == byteType && spellsItself(t)
}
