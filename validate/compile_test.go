package validate_test

import (
	"context"
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
		{reflect.TypeFor[[]inner](), "alpha", "F: alpha cannot be applied to validate_test.inner"}, // L6
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

type form struct {
	Name    string
	Mail    string `json:"mail"`
	Count   uint8
	Ratio   float32
	On      bool
	Since   time.Time
	Wait    time.Duration
	List    []string
	private string
	hiddenForm
}

type hiddenForm struct{ Deep int64 }

// Mistakes in what is not about text. The field F stands beside those of form.
func TestFeatureMistakes(t *testing.T) {
	typeOf := func(v any) reflect.Type { return reflect.TypeOf(v) }
	text, number, list := typeOf(""), typeOf(0), typeOf([]string{})
	for _, test := range []struct {
		typ       reflect.Type
		tag, want string
	}{
		{text, "requierd", `F: unknown validator "requierd"; did you mean "required"?`},
		{text, "esch(alpha)", `F: unknown validator "esch"; did you mean "each"?`},
		{text, "required_iff(Name|a)", `F: unknown validator "required_iff"; did you mean "required_if"?`},
		{text, "eqfeild(Name)", `F: unknown validator "eqfeild"; did you mean "eqfield"?`},
		{text, "multipel(2)", `F: unknown validator "multipel"; did you mean "multiple"?`},
		{text, "onof(a)", `F: unknown validator "onof"; did you mean "oneof"?`},
		{text, "oneof(a)b", `F: oneof(a)b: "b" follows the closing parenthesis: oneof(a|b|…)`},
		{text, "required(x)", `F: required(x): required has no parameters`},

		{text, "!yes", `F: "yes" cannot be negated`}, // C6
		{text, "!multiple(2)", `F: "multiple" cannot be negated`},
		{text, "yes(1)", `F: yes(1): yes has no parameters`},
		{text, "multiple", `F: multiple has parameters: multiple(n)`},
		{text, "multiple(x)", `F: multiple(x): strconv.Atoi: parsing "x": invalid syntax: multiple(n)`},
		{text, "multiple(2", `F: multiple(2: no closing parenthesis: multiple(n)`},
		{text, "nothing(2)", `F: nothing(2): no rule was made of it: nothing(…)`},
		{typeOf(func() {}), "yes", `F: func() cannot be checked, only left out with "-"`}, // C9
		{typeOf(1i), "type(complex128),yes", `F: complex128 cannot be checked, only left out with "-"`},
		{typeOf(true), "short", `F: short cannot be applied to bool`},

		{text, "type(int)", `F: type(int) refuses every string`}, // K8
		{text, "!type(string)", `F: !type(string) refuses every string`},
		{typeOf([]int{}), "type( [] string )", `F: type( [] string ) refuses every []int`},
		{text, "type()", `F: type(): want the type as Go writes it: type(T)`},
		{text, "type", `F: type has parameters: type(T)`},
		{list, "each(type(int))", `F: type(int) refuses every string`},
		{reflect.TypeFor[any](), "type(int)", ""},

		{text, "min", `F: min has parameters: min(n)`},
		{text, "min()", `F: min(): want a number: min(n)`},
		{text, "min(x)", `F: min(x): want a number: min(n)`},
		{text, "min(1|2)", `F: min(1|2): want a number: min(n)`},
		{text, "min(+1)", `F: min(+1): want a number: min(n)`},
		{text, "min(1.)", `F: min(1.): want a number: min(n)`},
		{text, "min(-)", `F: min(-): want a number: min(n)`},
		{text, "min(-1)", `F: min(-1): want a whole number that is not negative: min(n)`},
		{list, "max(1.5)", `F: max(1.5): want a whole number that is not negative: max(n)`},
		{list, "max(1m)", `F: max(1m): want a whole number that is not negative: max(n)`},
		{text, "len(-1)", `F: len(-1): no length is negative`},
		{number, "len(-1)", `F: len(-1): no length is negative`},
		{number, "max(1.5)", `F: max(1.5): no int is 1.5`},
		{number, "max(1m)", `F: max(1m): no int is 1m`},
		{typeOf(int8(0)), "max(-129)", `F: max(-129): no int8 is -129`},
		{typeOf(uint8(0)), "min(256)", `F: min(256): no uint8 is 256`},
		{typeOf(uint8(0)), "min(-1)", `F: min(-1): no uint8 is -1`},
		{typeOf(0.5), "min(-1.5),max(" + strings.Repeat("9", 310) + ")", "F: max(" + strings.Repeat("9", 310) + "): no float64 is " + strings.Repeat("9", 310)},
		{typeOf(time.Second), "min(1m),max(2h)", ""},
		{typeOf(time.Second), "min(1.5)", `F: min(1.5): no time.Duration is 1.5`},
		{typeOf(time.Second), "min(1m),max(59s)", `F: nothing is both min(1m) and max(59s)`},
		{text, "min(3),alpha,max(2)", `F: nothing is both min(3) and max(2)`},
		{number, "max(-3),min(-2)", `F: nothing is both min(-2) and max(-3)`},
		{typeOf(0.5), "max(0.25),min(0.5)", `F: nothing is both min(0.5) and max(0.25)`},
		{text, "len(2),min(3)", `F: nothing is both min(3) and len(2)`},
		{text, "len(2),len(2),len(3)", `F: nothing is both len(3) and len(2)`},
		{typeOf(&[]*int{nil}), "each(min(2),max(1))", `F: nothing is both min(2) and max(1)`},
		{text, "!min(1)", `F: "min" cannot be negated`},
		{typeOf(true), "min(1),max(2)", "F: min(1) cannot be applied to bool\nF: max(2) cannot be applied to bool"},
		{typeOf(time.Time{}), "len(1)", "F: len(1) cannot be applied to time.Time"},
		{typeOf(uintptr(0)), "len(1)", "F: len(1) cannot be applied to uintptr"},

		{text, "each(alpha)", `F: each cannot be applied to string`},
		{typeOf([]byte{}), "each(max(3))", `F: each cannot be applied to []uint8`},
		{typeOf(inner{}), "each(alpha)", `F: each cannot be applied to validate_test.inner`},
		{list, "each", `F: each has parameters: each(option,…)`},
		{list, "each()", `F: each(): want an option: each(option,…)`},
		{list, "each( , )", `F: each( , ): want an option: each(option,…)`},
		{list, "each(alpha", `F: each(alpha: no closing parenthesis: each(option,…)`},
		{list, "each(alpha)x", `F: each(alpha)x: "x" follows the closing parenthesis: each(option,…)`},
		{list, "each(alpha)~x", `F: each(alpha)~x: each has no message; those of its options stand in the parentheses`},
		{list, "!each(alpha,numeric)", `F: "each" cannot be negated`},
		{list, "each(alhpa,reqired)", "F: each: unknown validator \"alhpa\"; did you mean \"alpha\"?\nF: each: unknown validator \"reqired\"; did you mean \"required\"?"},
		{list, "each(each(alpha))", `F: each cannot be applied to string`},
		{list, "each(-)", `F: each: "-" has to be the whole tag`},
		{list, "each(present)", `F: each: present concerns a field, not the elements in it`},
		{list, "each(secret)", `F: each: secret concerns a field, not the elements in it`},
		{list, "each(eqfield(Name))", `F: each: eqfield(Name) concerns a field, not the elements in it`},
		{list, "each(required_with(Name))", `F: each: required_with(Name) concerns a field, not the elements in it`},
		{typeOf([]bool{}), "each(alpha)", `F: alpha cannot be applied to bool`},
		{list, strings.Repeat("each(", 40) + "alpha" + strings.Repeat(")", 40), "F: " + strings.Repeat("each: ", 32) + "each is nested more than 32 deep"},

		{text, "eqfield", `F: eqfield has parameters: eqfield(Field)`},
		{text, "eqfield()", `F: eqfield(): want the name of a field: eqfield(Field)`},
		{text, "eqfield(Name|Mail)", `F: eqfield(Name|Mail): want the name of a field: eqfield(Field)`},
		{text, "eqfield(Nmae)", `F: eqfield(Nmae): unknown field "Nmae"; did you mean "Name"?`},
		{text, "eqfield(mail)", `F: eqfield(mail): unknown field "mail"; did you mean "Mail"?`},
		{text, "eqfield(private)", `F: eqfield(private): unknown field "private"`},
		{text, "eqfield(Nowhere)", `F: eqfield(Nowhere): unknown field "Nowhere"`},
		{text, "eqfield(F)", `F: eqfield(F): that is the field itself`},
		{text, "eqfield(Count)", `F: eqfield(Count): string cannot be compared with uint8`},
		{number, "gtfield(Since)", `F: gtfield(Since): int cannot be compared with time.Time`},
		{number, "gtfield(Deep),ltfield(Wait),eqfield(Ratio)", ""},
		{list, "eqfield(List)", `F: eqfield(List): []string cannot be compared with []string`},
		{reflect.TypeFor[any](), "eqfield(Name)", `F: eqfield(Name): interface {} cannot be compared with string`},
		{typeOf(true), "gtefield(On)", `F: gtefield(On): of two bools none is the greater`},
		{typeOf(true), "nefield(On)", ""},
		{text, "!eqfield(Name)", `F: "eqfield" cannot be negated`},

		{text, "required_if(Name)", `F: required_if(Name): want a value: required_if(Field|value|…)`},
		{text, "required_if(|a)", `F: required_if(|a): want the name of a field: required_if(Field|value|…)`},
		{text, "required_if", `F: required_if has parameters: required_if(Field|value|…)`},
		{text, "!required_if(Name|a)", `F: "required_if" cannot be negated`},
		{text, "required_if(Nane|a)", `F: required_if(Nane|a): unknown field "Nane"; did you mean "Name"?`},
		{text, "required_if(Count|1|x)", `F: required_if(Count|1|x): no uint8 is "x"`},
		{text, "required_if(Count|256)", `F: required_if(Count|256): no uint8 is "256"`},
		{text, "required_unless(Ratio|x)", `F: required_unless(Ratio|x): no float32 is "x"`},
		{text, "required_if(On|yes)", `F: required_if(On|yes): no bool is "yes"`},
		{text, "required_if(Wait|5)", `F: required_if(Wait|5): no time.Duration is "5"`},
		{text, "required_if(Since|2024)", `F: required_if(Since|2024): time.Time has no text to compare with`},
		{text, "required_if(List|a)", `F: required_if(List|a): []string has no text to compare with`},
		{text, "required_with(List|Nmae)", `F: required_with(List|Nmae): unknown field "Nmae"; did you mean "Name"?`},
		{text, "required_without()", `F: required_without(): want the name of a field: required_without(Field|…)`},

		{text, "secret(1)", `F: secret(1): secret has no parameters`},
		{text, "secret~x", `F: secret has no message`},
		{text, "!secret", `F: "secret" cannot be negated`},
		{text, "!present", `F: "present" cannot be negated`},
		{text, "present(1)", `F: present(1): present has no parameters`},
	} {
		t.Run(fmt.Sprint(test.typ, " ", test.tag), func(t *testing.T) {
			fields := reflect.VisibleFields(reflect.TypeFor[form]())
			var all []reflect.StructField
			for _, sf := range fields {
				if len(sf.Index) == 1 && !sf.Anonymous || sf.Name == "Deep" {
					sf.Index, sf.Offset = nil, 0
					all = append(all, sf)
				}
			}
			typ := reflect.StructOf(append(all, field(test.typ, test.tag).Field(0)))
			_, err := withRules(nil).Compile(typ)
			checkErr(t, err, test.want)
		})
	}

	v := new(validate.Validator)
	for _, test := range []struct {
		typ  reflect.Type
		want string
	}{
		{reflect.TypeFor[struct {
			hiddenForm `valid:"present"`
		}](), "hiddenForm: present cannot be said of an embedded struct, whose fields are sent as those of the struct around it"},
		{reflect.TypeFor[struct {
			Named hiddenForm `valid:"present"`
			L     []struct {
				A int `valid:"eqfield(Named)"`
			} `valid:"each(required)"`
		}](), `L.A: eqfield(Named): unknown field "Named"`},
		{reflect.TypeFor[struct {
			hiddenForm
			A int `valid:"gtfield(Depp)"`
		}](), `A: gtfield(Depp): unknown field "Depp"; did you mean "Deep"?`},
	} {
		_, err := v.Compile(test.typ)
		checkErr(t, err, test.want)
	}
	checkErr(t, v.Value(1, "eqfield(A),required_with(B)"), "required_with(B) is for fields of structs\neqfield(A) is for fields of structs")
	opaque := &validate.Validator{Opaque: func(t reflect.Type) bool { return t == reflect.TypeFor[byValue]() || t == reflect.TypeFor[codes]() }}
	opaque.Register("yes", func(context.Context, validate.Field) (bool, error) { return true, nil })
	checkErr(t, opaque.Struct(struct {
		A byValue `valid:"yes,present,secret"`
		B codes   `valid:"min(1)"`
		C codes   `valid:"each(alpha)"`
	}{}), "B: min(1) cannot be applied to validate_test.codes\nC: each cannot be applied to validate_test.codes")
	checkErr(t, opaque.Struct(struct {
		A byValue `valid:"yes"`
		B any     `valid:"min(1)"`
		C codes
	}{byValue{"bad"}, codes{"x"}, codes{"x"}}), `B: The following validator is invalid or can't be applied to the field: "min(1)"`)
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
