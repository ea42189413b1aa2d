package validate_test

import (
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gongular/gongular/validate"
)

// field returns the type of a struct with one field, F.
func field(t reflect.Type, tag string) reflect.Type {
	return reflect.StructOf([]reflect.StructField{{
		Name: "F", Type: t, Tag: reflect.StructTag(fmt.Sprintf("valid:%q", tag)),
	}})
}

func TestTagMistakes(t *testing.T) {
	for _, test := range []struct{ id, tag, want string }{
		{"T5", "nosuch", `F: unknown validator "nosuch"`},
		{"T5", "alhpa", `F: unknown validator "alhpa"; did you mean "alpha"?`},
		{"T5 case", "Alpha", `F: unknown validator "Alpha"; did you mean "alpha"?`},
		{"T5 all", "alpa,requird,alpha", "F: unknown validator \"alpa\"; did you mean \"alpha\"?\nF: unknown validator \"requird\"; did you mean \"required\"?"},
		{"T5 parameters", "lenght(1|2)", `F: unknown validator "lenght"; did you mean "length"?`},
		{"T6", "length", `F: length has parameters: length(min|max)`},
		{"T6", "length()", `F: length(): want two whole numbers without signs or spaces: length(min|max)`},
		{"T6", "length(1)", `F: length(1): want two whole numbers without signs or spaces: length(min|max)`},
		{"T6", "length(1|x)", `F: length(1|x): want two whole numbers without signs or spaces: length(min|max)`},
		{"T6", "length(1|2|3)", `F: length(1|2|3): want two whole numbers without signs or spaces: length(min|max)`},
		{"T6", "range(-1|5)", `F: range(-1|5): want two whole numbers without signs or spaces: range(min|max)`},
		{"T6", "runelength(1 | 5)", `F: runelength(1 | 5): want two whole numbers without signs or spaces: runelength(min|max)`},
		{"T6", "length(1,2)", `F: length(1,2): want two whole numbers without signs or spaces: length(min|max)`},
		{"T6", "length(1|2", `F: length(1|2: no closing parenthesis: length(min|max)`},
		{"T6", "length(1|2)x", `F: length(1|2)x: "x" follows the closing parenthesis: length(min|max)`},
		{"T6", "alpha()", `F: alpha(): alpha has no parameters`},
		{"T6", "matches()", `F: matches(): want a pattern: matches(regexp)`},
		{"T6", "in", `F: in has parameters: in(a|b|…)`},
		{"T6", "in(a,b)", `F: in(a,b): want "|" between the choices: in(a|b|…)`},
		{"T7", "alpha,-", `F: "-" has to be the whole tag`},
		{"N3", "!required", `F: "required" cannot be negated`},
		{"N3", "!optional", `F: "optional" cannot be negated`},
		{"N3", "!!alpha", `F: unknown validator "!alpha"; did you mean "alpha"?`},
		{"N3", "! alpha", `F: unknown validator " alpha"; did you mean "alpha"?`},
		{"N3", "!", `F: unknown validator ""`},
		{"N4 D10", "matches([)", "F: matches([): error parsing regexp: missing closing ]: `[`: matches(regexp)"},
		{"N4 D10", "!matches([)", "F: matches([): error parsing regexp: missing closing ]: `[`: matches(regexp)"},
		{"M5", "alpha~no, never", `F: unknown validator "never"`},
		{"M7", "alpha ~text", `F: unknown validator "alpha "; did you mean "alpha"?`},
		{"T4 D10", "matches(^[a-z;]+$)", `F: "matches(^[a-z;]+$)": ';' cannot be part of an option`},
		{"T4 D10", "in(`)", "F: \"in(`)\": '`' cannot be part of an option"},
		{"T4 D10", "in(€)", `F: "in(€)": '€' cannot be part of an option`},
		{"T4 D10", "in(½)", `F: "in(½)": '½' cannot be part of an option`},
		{"T4 D10", "in(a\tb)", `F: "in(a\tb)": '\t' cannot be part of an option`},
		{"T4", "in(é|日本)", ""},
		{"T4", "~text", `F: no validator before the message "text"`},
		{"T4 message", "alpha~€ ; `", ""},
		{"D19 range", "range(0|1" + strings.Repeat("0", 400) + ")", "F: range(0|1" + strings.Repeat("0", 400) + "): number too large: range(min|max)"},
		{"D19", "length(0|18446744073709551615)", ""},
		{"D19", "length(0|18446744073709551616)", `F: length(0|18446744073709551616): number too large: length(min|max)`},
	} {
		t.Run(test.id+" "+test.tag, func(t *testing.T) {
			_, err := new(validate.Validator).Compile(field(reflect.TypeFor[string](), test.tag))
			checkErr(t, err, test.want)
		})
	}
}

func TestTagOnKind(t *testing.T) {
	for _, test := range []struct {
		typ  reflect.Type
		tag  string
		want string
	}{
		{reflect.TypeFor[bool](), "required,optional", ""},
		{reflect.TypeFor[bool](), "alpha", "F: alpha cannot be applied to bool"},
		{reflect.TypeFor[bool](), "!alpha,in(a)", "F: !alpha cannot be applied to bool\nF: in(a) cannot be applied to bool"},
		{reflect.TypeFor[uintptr](), "range(1|2)", "F: range(1|2) cannot be applied to uintptr"},
		{reflect.TypeFor[time.Time](), "required", ""},
		{reflect.TypeFor[time.Time](), "email", "F: email cannot be applied to time.Time"},
		{reflect.TypeFor[*netip.Addr](), "ip", "F: ip cannot be applied to netip.Addr"},
		{reflect.TypeFor[[]inner](), "alpha", "F: alpha cannot be applied to validate_test.inner"},
		{reflect.TypeFor[map[string][]bool](), "alpha", "F: alpha cannot be applied to bool"},
		{reflect.TypeFor[func()](), "required", `F: func() cannot be checked, only left out with "-"`},
		{reflect.TypeFor[func()](), "-", ""},
		{reflect.TypeFor[chan int](), "optional", `F: chan int cannot be checked, only left out with "-"`},
		{reflect.TypeFor[complex128](), " ", `F: complex128 cannot be checked, only left out with "-"`},
		{reflect.TypeFor[map[int]string](), "alpha", `F: map[int]string cannot be checked, only left out with "-"`},
		{reflect.TypeFor[map[int]string](), "-", ""},
		{reflect.TypeFor[map[key]string](), "alpha", ""},
		{reflect.TypeFor[any](), "alpha", ""},
		{reflect.TypeFor[any](), "alhpa", `F: unknown validator "alhpa"; did you mean "alpha"?`},
		{reflect.TypeFor[***string](), "alpha", ""},
		{reflect.TypeFor[[]byte](), "alpha", ""},
		{reflect.TypeFor[list](), "alpha", ""},
		{reflect.TypeFor[self](), "alpha", ""},
	} {
		t.Run(fmt.Sprint(test.typ, " ", test.tag), func(t *testing.T) {
			_, err := new(validate.Validator).Compile(field(test.typ, test.tag))
			checkErr(t, err, test.want)
		})
	}
}

func TestMistakesOfAllFields(t *testing.T) {
	type address struct {
		City string `json:"city" valid:"alhpa"`
	}
	type person struct {
		Name    string `valid:"alpha,nosuch"`
		Self    *person
		Address address
		Work    address `valid:"alpha"`
		M       map[string][]*struct {
			Active bool `valid:"alpha"`
		}
	}
	const want = `Name: unknown validator "nosuch"
Address.City: unknown validator "alhpa"; did you mean "alpha"?
Work: alpha cannot be applied to validate_test.address
M.Active: alpha cannot be applied to bool`
	var v validate.Validator
	for range 2 { // the second comes from the cache
		p, err := v.Compile(reflect.TypeFor[person]())
		checkErr(t, err, want)
		if p != nil {
			t.Error("a plan came with the error")
		}
	}
	checkErr(t, v.Struct(person{}), want)
	_, err := v.Compile(reflect.TypeFor[map[string]address]())
	checkErr(t, err, `City: unknown validator "alhpa"; did you mean "alpha"?`)
	_, err = v.Compile(nil)
	checkErr(t, err, "validate: nil has no type")
}

func TestEmpty(t *testing.T) {
	type plain struct {
		A string
		B *int
		C []map[string]time.Time
		D func()
		E string `valid:"-"`
		F string `valid:"optional"`
		G map[int]chan int
	}
	type loop struct {
		plain
		Next *loop
		Side []loop
	}
	type tagged struct {
		Loop *loop
		Deep struct{ A []inner }
	}
	for _, test := range []struct {
		typ  reflect.Type
		want bool
	}{
		{reflect.TypeFor[string](), true},
		{reflect.TypeFor[struct{}](), true},
		{reflect.TypeFor[plain](), true},
		{reflect.TypeFor[*plain](), true},
		{reflect.TypeFor[loop](), true},
		{reflect.TypeFor[list](), true},
		{reflect.TypeFor[self](), true},
		{reflect.TypeFor[func()](), true},
		{reflect.TypeFor[tagged](), false},
		{reflect.TypeFor[[]inner](), false},
		{reflect.TypeFor[tree](), false},
		{reflect.TypeFor[any](), false},
		{reflect.TypeFor[struct{ R io.Reader }](), false},
		{reflect.TypeFor[map[string]any](), false},
	} {
		p, err := new(validate.Validator).Compile(test.typ)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Empty(); got != test.want {
			t.Errorf("%v: got %v", test.typ, got)
		}
	}
	p, _ := (&validate.Validator{FieldsRequiredByDefault: true}).Compile(reflect.TypeFor[plain]())
	if p.Empty() {
		t.Error("fields are required by default, but the plan checks nothing")
	}
}

// A plan is for any type, not only structs, and for values that cannot be set.
func TestPlanOfAnyType(t *testing.T) {
	for _, test := range []struct {
		value any
		want  string
	}{
		{[]inner{{"a"}, {"1"}}, "1.city: 1 does not validate as alpha"},
		{map[string]*inner{"k": {"1"}}, "k.city: 1 does not validate as alpha"},
		{&inner{"1"}, "city: 1 does not validate as alpha"},
		{(*inner)(nil), ""},
		{[2]any{inner{"a"}, inner{"1"}}, "1.city: 1 does not validate as alpha"},
		{"1", ""},
	} {
		p, err := new(validate.Validator).Compile(reflect.TypeOf(test.value))
		if err != nil {
			t.Fatal(err)
		}
		checkErr(t, p.Validate(reflect.ValueOf(test.value)), test.want)
	}
}

func TestPlanOfAnotherType(t *testing.T) {
	defer func() {
		if got, want := fmt.Sprint(recover()), "validate: plan of validate_test.inner used for validate_test.Shown"; got != want {
			t.Errorf("got panic %s, want %s", got, want)
		}
	}()
	p, _ := new(validate.Validator).Compile(reflect.TypeFor[inner]())
	p.Validate(reflect.ValueOf(Shown{}))
}

func TestConcurrentUse(t *testing.T) {
	type holder struct {
		T tree
		A any   `valid:"alpha"`
		L []any `valid:"numeric"`
	}
	var v validate.Validator
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 100 {
				h := holder{T: *deepTree(3), A: inner{"a"}, L: []any{i, "1"}}
				if err := v.Struct(h); err == nil || err.Error() != `A: The following validator is invalid or can't be applied to the field: "alpha"` {
					t.Error(err)
				}
				if err := v.Value(i, "range(0|7)"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// The plans of tags that are made up at run time are not all kept.
func TestManyTags(t *testing.T) {
	var v validate.Validator
	for i := range 5000 {
		checkErr(t, v.Value(i+1, fmt.Sprintf("in(%d)", i+1)), "")
	}
}
