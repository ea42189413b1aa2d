package validate_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/asaskevich/govalidator/v12"

	"github.com/gongular/gongular/validate"
)

// An outcome is what a library says about a struct.
type outcome struct {
	ok     bool
	fields map[string]string // messages by the name of the field; of equal names the last
	text   string            // those of all errors, sorted and joined by ";"
	panics string            // what it panicked with
}

func (o outcome) String() string {
	switch {
	case o.panics != "":
		return "panics: " + o.panics
	case o.ok && o.text == "":
		return "accepted"
	case o.ok:
		return "accepted, with error: " + o.text
	case o.text == "":
		return "refused without error"
	}
	return "refused: " + o.text
}

// theirs asks govalidator.
func theirs(x any) (o outcome) {
	defer func() {
		if p := recover(); p != nil {
			o = outcome{panics: fmt.Sprint(p)}
		}
	}()
	ok, err := govalidator.ValidateStruct(x)
	o = outcome{ok: ok, fields: govalidator.ErrorsByField(err)}
	o.text = strings.Join(slices.Sorted(slices.Values(leaves(err))), ";")
	return o
}

// directly asks the function behind a plain tag about a string that is not
// empty. That is all that govalidator does about it, but for looking at tags and
// types; it takes a third of the time.
func directly(tag, s string) (o outcome) {
	defer func() {
		if p := recover(); p != nil {
			o = outcome{panics: fmt.Sprint(p)}
		}
	}()
	if govalidator.TagMap[tag](s) {
		return outcome{ok: true}
	}
	message := s + " does not validate as " + tag
	return outcome{fields: map[string]string{"V": message}, text: "V: " + message}
}

// leaves are the texts of an error of govalidator's. Its lists have lists in
// them, one for each struct, which its own text does not sort anew (X6).
func leaves(err error) []string {
	if err == nil {
		return nil
	}
	list, ok := err.(govalidator.Errors)
	if !ok {
		return []string{err.Error()}
	}
	var all []string
	for _, e := range list {
		all = append(all, leaves(e)...)
	}
	return all
}

// ours asks our package. The error is one of the tags.
func ours(v *validate.Validator, x any) (outcome, error) {
	err := v.Struct(x)
	if err == nil {
		return outcome{ok: true, fields: map[string]string{}}, nil
	}
	errs, ok := errors.AsType[validate.Errors](err)
	if !ok {
		return outcome{}, err
	}
	o := outcome{fields: map[string]string{}, text: errs.Error()}
	for _, e := range errs {
		o.fields[e.Name] = e.Message
	}
	return o, nil
}

// mustOurs is ours where the tags have no mistakes.
func mustOurs(t *testing.T, v *validate.Validator, x any) outcome {
	t.Helper()
	o, err := ours(v, x)
	if err != nil {
		t.Fatalf("%T: %v", x, err)
	}
	return o
}

// same reports whether both say the same, to the letter.
func (o outcome) same(p outcome) bool {
	return o.ok == p.ok && o.text == p.text && o.panics == p.panics && maps.Equal(o.fields, p.fields)
}

// literal is x as it may be put into a test.
func literal(x any) string {
	if s, ok := x.(string); ok {
		if len(s) > 400 {
			return fmt.Sprintf("%+q… (%d bytes)", s[:400], len(s))
		}
		return fmt.Sprintf("%+q", s)
	}
	return fmt.Sprintf("%T(%#v)", x, x)
}

// A subject is a struct with one field V of some type under a tag.
type subject struct {
	tag   string
	value reflect.Value // of the struct; V is settable
}

func newSubject(typ reflect.Type, tag string) subject {
	return subject{tag, reflect.New(reflect.StructOf([]reflect.StructField{
		{Name: "V", Type: typ, Tag: reflect.StructTag("valid:" + strconv.Quote(tag))},
	})).Elem()}
}

// set has V hold x.
func (s subject) set(x any) any {
	s.value.Field(0).Set(reflect.ValueOf(x))
	return s.value.Addr().Interface()
}

// standard has the options of govalidator as it is at first.
var standard validate.Validator
