package validate

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gongular/gongular/internal/hint"
)

// Options that look at other fields of the same struct: comparisons, and
// conditions under which a field is required.

// A parent is the struct that has a field, while its tag is compiled.
type parent struct {
	typ      reflect.Type
	field    reflect.StructField
	promotes bool // the field is an embedded struct without a json name
}

// find returns the field with the Go name: one of the struct, or one that is
// promoted to it.
func (p *parent) find(o *option, name string) (reflect.StructField, error) {
	if p == nil {
		return reflect.StructField{}, fmt.Errorf("%s is for fields of structs", o.text)
	}
	sf, ok := p.typ.FieldByName(name)
	switch {
	case ok && len(sf.Index) == 1 && sf.Index[0] == p.field.Index[0]:
		return sf, fmt.Errorf("%s: that is the field itself", o.text)
	case ok && sf.IsExported():
		return sf, nil
	}
	var names []string
	for _, sf := range reflect.VisibleFields(p.typ) {
		if !sf.IsExported() {
			continue
		}
		names = append(names, sf.Name)
		if json, _, _ := strings.Cut(sf.Tag.Get("json"), ","); json == name {
			return sf, fmt.Errorf("%s: unknown field %q; did you mean %q?", o.text, name, sf.Name)
		}
	}
	if near := hint.Nearest(name, names); near != "" {
		return sf, fmt.Errorf("%s: unknown field %q; did you mean %q?", o.text, name, near)
	}
	return sf, fmt.Errorf("%s: unknown field %q", o.text, name)
}

// A sibling leads from a struct to one of its fields.
type sibling struct {
	index []int
}

// in returns the field in the struct v. It is not valid if it lies in an
// embedded struct whose pointer is nil.
func (s sibling) in(v reflect.Value) reflect.Value {
	f, err := v.FieldByIndexErr(s.index)
	if err != nil {
		return reflect.Value{}
	}
	return f
}

// A comparison is eqfield and its like.
type comparison struct {
	*option
	other   sibling
	between likeness
	secret  bool // the other field is secret

	// The orders of the field's value to the other that are accepted.
	less, equal, greater bool
}

// A likeness is what values have to have in common to be compared.
type likeness uint8

const (
	unlike likeness = iota
	numbers
	strs
	bools
	times
)

var timeType = reflect.TypeFor[time.Time]()

// likenessOf returns what values of type t can be compared as. Pointers are
// followed.
func likenessOf(t reflect.Type) likeness {
	t = deref(t)
	switch k := t.Kind(); {
	case isNumericKind(k):
		return numbers
	case k == reflect.String:
		return strs
	case k == reflect.Bool:
		return bools
	case t == timeType:
		return times
	}
	return unlike
}

// deref returns the type behind the pointers of t. One that is a pointer to
// itself stays one.
func deref(t reflect.Type) reflect.Type {
	for range maxDepth {
		if t.Kind() != reflect.Pointer {
			break
		}
		t = t.Elem()
	}
	return t
}

// newComparison returns the option for a field of type t.
func newComparison(o *option, t reflect.Type, in *parent, v *Validator) (comparison, error) {
	c := comparison{option: o, between: likenessOf(t)}
	sf, err := in.find(o, o.params[0])
	if err != nil {
		return c, err
	}
	c.other.index = sf.Index
	c.secret = v.isSecret(in.typ, sf.Index)
	switch o.rule {
	case "eqfield":
		c.equal = true
	case "nefield":
		c.less, c.greater = true, true
	case "gtfield":
		c.greater = true
	case "gtefield":
		c.equal, c.greater = true, true
	case "ltfield":
		c.less = true
	case "ltefield":
		c.less, c.equal = true, true
	}
	switch other := likenessOf(sf.Type); {
	case c.between == unlike || c.between != other:
		return c, fmt.Errorf("%s: %v cannot be compared with %v", o.text, t, sf.Type)
	case c.between == bools && c.less != c.greater:
		return c, fmt.Errorf("%s: of two bools none is the greater", o.text)
	}
	return c, nil
}

// isSecret reports whether a field of t, or an embedded struct on the way to it,
// is secret.
func (v *Validator) isSecret(t reflect.Type, index []int) bool {
	for i := range index {
		text := t.FieldByIndex(index[:i+1]).Tag.Get("valid")
		if g, _ := v.parseTag(text); g.secret {
			return true
		}
	}
	return false
}

// refuses reports whether the comparison refuses v beside the other field of
// the struct. Values behind pointers are empty if they are nil only. Greater
// and less are not asked if either is empty.
func (c *comparison) refuses(v, in reflect.Value) bool {
	a, aEmpty := followPointers(v)
	b, bEmpty := followPointers(c.other.in(in))
	ordered := c.less != c.greater
	if ordered && (aEmpty || bEmpty) {
		return false
	}
	order, ok := c.compare(a, b)
	switch {
	case !ok:
		return true
	case order < 0:
		return !c.less
	case order > 0:
		return !c.greater
	}
	return !c.equal
}

// followPointers returns what v points at, and whether that is empty: nil, or
// zero without any pointer. What is nil is not valid.
func followPointers(v reflect.Value) (target reflect.Value, empty bool) {
	if !v.IsValid() {
		return v, true
	}
	if v.Kind() != reflect.Pointer {
		return v, v.IsZero()
	}
	for range maxDepth {
		if v.Kind() != reflect.Pointer {
			return v, !v.IsValid()
		}
		v = v.Elem() // not valid if v is nil
	}
	return reflect.Value{}, true
}

// compare compares two values, of which those that are not valid count as zero.
// There is no answer for NaN.
func (c *comparison) compare(a, b reflect.Value) (order int, ok bool) {
	switch c.between {
	case numbers:
		return orZero(a, numberOf, intNumber(0)).compare(orZero(b, numberOf, intNumber(0)))
	case bools:
		if orZero(a, reflect.Value.Bool, false) == orZero(b, reflect.Value.Bool, false) {
			return 0, true
		}
		return 1, true
	case times:
		return orZero(a, timeOf, time.Time{}).Compare(orZero(b, timeOf, time.Time{})), true
	}
	return cmp.Compare(orZero(a, reflect.Value.String, ""), orZero(b, reflect.Value.String, "")), true
}

func timeOf(v reflect.Value) time.Time { return v.Interface().(time.Time) }

func orZero[T any](v reflect.Value, of func(reflect.Value) T, zero T) T {
	if !v.IsValid() {
		return zero
	}
	return of(v)
}

// A condition is required_if and its like: when it holds, the field must not be
// empty.
type condition struct {
	*option
	others []sibling
	texts  []string // of required_if and required_unless
}

// newCondition returns the option for a field of the struct.
func newCondition(o *option, in *parent) (condition, error) {
	c := condition{option: o}
	names, values := o.params, []string(nil)
	if o.rule == "required_if" || o.rule == "required_unless" {
		names, values = o.params[:1], o.params[1:]
	}
	for _, name := range names {
		sf, err := in.find(o, name)
		if err != nil {
			return c, err
		}
		c.others = append(c.others, sibling{sf.Index})
		for _, value := range values {
			text, err := textFor(value, sf.Type)
			if err != nil {
				return c, fmt.Errorf("%s: %w", o.text, err)
			}
			c.texts = append(c.texts, text)
		}
	}
	return c, nil
}

// textFor returns s as values of type t are spelt, or an error if none of them
// is s.
func textFor(s string, t reflect.Type) (string, error) {
	t = deref(t)
	spelt := s
	var err error
	switch k := t.Kind(); {
	case t == durationType:
		var d time.Duration
		d, err = time.ParseDuration(s)
		spelt = d.String()
	case k != reflect.String && k != reflect.Bool && !isNumericKind(k):
		return s, fmt.Errorf("%v has no text to compare with", t)
	case spellsItself(t):
	case k == reflect.Bool:
		if s != "true" && s != "false" {
			err = strconv.ErrSyntax
		}
	case k != reflect.String:
		var n number
		n, err = numberFor(s, t)
		digits := n.spell(t)
		spelt = digits.str()
	}
	if err != nil {
		return s, fmt.Errorf("no %v is %q", t, s)
	}
	return spelt, nil
}

// spell spells the number as a value of type t.
func (a number) spell(t reflect.Type) text {
	switch a.kind {
	case reflect.Int64:
		return spellInt(a.i)
	case reflect.Uint64:
		return spellUint(a.u)
	}
	return spellFloat(a.f, t.Bits())
}

// holds reports whether the condition makes a field of the struct required.
func (c *condition) holds(in reflect.Value) bool {
	switch c.rule {
	case "required_if":
		return slices.Contains(c.texts, c.text(in))
	case "required_unless":
		return !slices.Contains(c.texts, c.text(in))
	case "required_with":
		return slices.ContainsFunc(c.others, func(s sibling) bool { return !isEmptyThrough(s.in(in)) })
	}
	return slices.ContainsFunc(c.others, func(s sibling) bool { return isEmptyThrough(s.in(in)) })
}

// text returns the text of the other field, which is "" if it is nil.
func (c *condition) text(in reflect.Value) string {
	v, _ := followPointers(c.others[0].in(in))
	if !v.IsValid() {
		return ""
	}
	if v.Kind() == reflect.String && !spellsItself(v.Type()) {
		return v.String()
	}
	return fmt.Sprint(v.Interface())
}

// isEmptyThrough is isEmpty of what v points at, or holds.
func isEmptyThrough(v reflect.Value) bool {
	for range maxDepth {
		if !v.IsValid() || v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface {
			break
		}
		v = v.Elem()
	}
	return !v.IsValid() || isEmpty(v)
}
