package validate_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular/validate"
)

type (
	byValue struct {
		Code string `json:"code" valid:"alpha"`
	}
	byPointer struct{ N int }
	code      string
	codes     []string
	span      struct{ From, To int }
	calls     struct{ n *int }

	// selfCalling asks the package about its own receiver.
	selfCalling struct {
		A string `valid:"alpha"`
	}
	// endless does so in a way that has no end.
	endless struct{ A string }
	// ring reaches itself where plans do not look.
	ring struct {
		Next *ring `valid:"-"`
	}

	weak  interface{ Validate() error }
	quiet string

	embedsValue   struct{ *byValue }
	embedsPointer struct{ byPointer }
	embedsIface   struct{ weak }
	embedsShown   struct{ Weak }
	embedsQuiet   struct{ quiet }
	overrides     struct{ *byValue }
	Weak          interface{ Validate() error }
)

func (b byValue) Validate() error {
	if b.Code == "bad" {
		return errors.New("is bad")
	}
	return nil
}

func (b *byPointer) Validate() error {
	if b.N > 3 {
		return errors.New("is large")
	}
	return nil
}

func (c code) Validate() error {
	if c == "bad" {
		return fmt.Errorf("%s is bad", string(c))
	}
	return nil
}

func (c codes) Validate() error { return fmt.Errorf("%d codes", len(c)) }

func (s span) Validate() error {
	var errs validate.Errors
	if s.From > s.To {
		errs = append(errs, validate.FieldError{Path: "To", Pointer: []string{"To"}, Name: "To", Rule: "order", Message: "ends early"})
	}
	if s.From < 0 {
		errs = append(errs, validate.FieldError{Rule: "sign", Message: "begins early"})
	}
	return errs // not nil, even if there are none
}

func (c calls) Validate() error { *c.n++; return nil }

func (s selfCalling) Validate() error {
	if err := validate.Struct(s); err != nil {
		return err
	}
	if s.A == "bad" {
		return errors.New("is bad")
	}
	return nil
}

func (e endless) Validate() error { return validate.Value([]endless{e}, "") }
func (r *ring) Validate() error   { return validate.Value(r.Next, "") }
func (q quiet) Validate() error   { return code(q).Validate() }

func (o overrides) Validate() error { return errors.New("own") }

func TestValidateMethod(t *testing.T) {
	n := 0
	type held struct {
		A any
		B Weak
	}
	for _, test := range []struct {
		name  string
		value any
		want  string
	}{
		{"value", struct{ A byValue }{byValue{"bad"}}, "A: is bad"},
		{"after its tags", struct{ A byValue }{byValue{"1"}}, "A.code: 1 does not validate as alpha"},
		{"after the tags of the field", struct {
			A byValue `valid:"required"`
			B code    `valid:"max(2)"`
			C code    `valid:"max(3)"`
		}{byValue{}, "bad", "bad"}, "A: non zero value required;B: bad does not validate as max(2);C: bad is bad"},
		{"pointer receiver", struct {
			A byPointer
			B *byPointer
			C []byPointer
			D [1]byPointer
			E map[string]byPointer
			F *byPointer
		}{byPointer{4}, &byPointer{4}, []byPointer{{1}, {4}}, [1]byPointer{{4}}, map[string]byPointer{"k": {4}}, nil}, "A: is large;B: is large;C.1: is large;D.0: is large;E.k: is large"},
		{"no struct", struct {
			A code   `json:"a"`
			B []code `json:"b"`
			C map[string]code
			D code
			E codes
			F codes
			G codes `valid:"-"`
		}{"bad", []code{"", "good", "bad", "bad"}, map[string]code{"k": "bad"}, "", codes{}, codes{"x"}, codes{"x"}}, "C.k: bad is bad;F: 1 codes;a: bad is bad;b.2: bad is bad"},
		{"interfaces", held{byValue{"bad"}, code("bad")}, "A: is bad;B: bad is bad"},
		{"interfaces, pointers", held{&byPointer{4}, (*byPointer)(nil)}, "A: is large"},
		{"interfaces, values that cannot be addressed", held{byPointer{4}, nil}, "A: is large"},
		{"elements in interfaces", struct{ L []any }{[]any{1, code("good"), byPointer{4}}}, "L.2: is large"},
		{"each", struct {
			L []code `valid:"each(min(1))"`
		}{[]code{"bad", "", "good", "bad"}}, "L.0: bad is bad;L.1: an empty value does not validate as min(1);L.3: bad is bad"},
		{"Errors are merged", struct {
			S span `json:"s"`
			L []*span
		}{span{2, 1}, []*span{{1, 2}, {-1, -2}}}, "L.1.To: ends early;L.1: begins early;S.To: ends early"},
		{"asks itself with Struct", struct{ A, B, C selfCalling }{selfCalling{"1"}, selfCalling{"bad"}, selfCalling{"a"}}, "A.A: 1 does not validate as alpha;B: is bad"},
		{"asks itself without end", struct{ A endless }{endless{"x"}}, "*Validate calls itself without end"},
		{"ring", struct{ R *ring }{func() *ring { r := &ring{}; r.Next = r; return r }()}, "*Validate calls itself without end"},
		{"zero structs too", struct{ C calls }{calls{&n}}, ""},
		{"embedded, nil", embedsValue{}, ""},
		{"embedded", embedsValue{&byValue{"bad"}}, "byValue: is bad"},
		{"embedded, pointer receiver", embedsPointer{byPointer{4}}, "byPointer: is large"},
		{"embedded in a field", struct{ A embedsPointer }{embedsPointer{byPointer{4}}}, "A.byPointer: is large"},
		{"embedded interface", struct{ A embedsIface }{embedsIface{code("bad")}}, "A: bad is bad"},
		{"embedded interface, nil", struct{ A embedsIface }{}, ""},
		{"embedded exported interface", struct{ A embedsShown }{embedsShown{code("bad")}}, "A.Weak: bad is bad"},
		{"embedded exported interface, nil", struct{ A embedsShown }{}, ""},
		{"embedded string", struct{ A embedsQuiet }{embedsQuiet{"bad"}}, "A: bad is bad"},
		{"overridden", struct{ A overrides }{}, "A: own"},
		{"a type without it", struct{ A time.Time }{}, ""},
	} {
		for _, kind := range []string{"value", "pointer"} {
			t.Run(test.name+" "+kind, func(t *testing.T) {
				value := reflect.New(reflect.TypeOf(test.value))
				value.Elem().Set(reflect.ValueOf(test.value))
				if kind == "value" {
					value = value.Elem()
				}
				err := validate.Struct(value.Interface())
				if end, ok := strings.CutPrefix(test.want, "*"); ok {
					if err == nil || !strings.HasSuffix(err.Error(), end) {
						t.Errorf("got %v", err)
					}
					return
				}
				checkErr(t, err, test.want)
			})
		}
	}
	if n != 2 {
		t.Errorf("asked %d times", n)
	}
}

// A value itself is asked by all but Struct, which its method may call.
func TestValidateMethodOfTheTop(t *testing.T) {
	var v validate.Validator
	checkErr(t, v.Struct(byValue{"bad"}), "")
	checkErr(t, v.Struct(&byPointer{4}), "")
	checkErr(t, v.Value(byValue{"bad"}, ""), "is bad")
	checkErr(t, v.Value(&byPointer{4}, ""), "is large")
	checkErr(t, v.Value(code("bad"), "min(1)"), "bad is bad")
	checkErr(t, v.Value([]code{"bad"}, ""), "0: bad is bad")
	checkErr(t, v.Value(span{2, 1}, ""), "To: ends early")
	for _, x := range []any{byValue{"bad"}, &byValue{"bad"}, selfCalling{"bad"}} {
		p, err := v.Compile(reflect.TypeOf(x))
		if err != nil || p.Empty() {
			t.Fatal(err)
		}
		checkErr(t, p.Validate(reflect.ValueOf(x)), "is bad")
	}
}

type single struct{ A int }

func (s single) Validate() error {
	return fmt.Errorf("wrapped: %w", validate.FieldError{Path: "A", Pointer: []string{"a"}, Name: "a", Message: "no"})
}

type flood struct{ N int }

func (f flood) Validate() error {
	return make(validate.Errors, f.N)
}

func TestErrorsOfValidateMethods(t *testing.T) {
	err := validate.Struct(struct {
		S []single `json:"s"`
		C code     `json:"c"`
	}{[]single{{1}}, "bad"})
	got, _ := errors.AsType[validate.Errors](err)
	want := validate.Errors{
		{Path: "S.0.A", Pointer: []string{"s", "0", "a"}, Name: "a", Message: "no"},
		{Path: "c", Pointer: []string{"c"}, Name: "c", Rule: "Validate", Value: "bad", Message: "bad is bad"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	errs, _ := validate.Struct(struct{ A, B flood }{flood{1_000_000}, flood{1}}).(validate.Errors)
	if len(errs) != 1000 || errs[999].Path != "A" {
		t.Errorf("%d errors", len(errs))
	}
}

func TestErrorsByField(t *testing.T) {
	err := fmt.Errorf("wrapped: %w", validate.Struct(struct {
		A inner
		B int `valid:"max(1)"`
	}{inner{"1"}, 2}))
	for _, test := range []struct {
		err  error
		want map[string]string
	}{
		{nil, map[string]string{}},
		{errors.New("x"), map[string]string{}},
		{err, map[string]string{"city": "1 does not validate as alpha", "B": "2 does not validate as max(1)"}},
		{errors.Join(errors.New("x"), err), map[string]string{"city": "1 does not validate as alpha", "B": "2 does not validate as max(1)"}},
		{validate.FieldError{Name: "a", Message: "m"}, map[string]string{"a": "m"}},
	} {
		if got := validate.ErrorsByField(test.err); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%v: got %q", test.err, got)
		}
	}
	for _, test := range [][2]string{{"city", "1 does not validate as alpha"}, {"B", "2 does not validate as max(1)"}, {"x", ""}} {
		if got := validate.ErrorByField(err, test[0]); got != test[1] {
			t.Errorf("%s: got %q", test[0], got)
		}
	}
	if got := validate.ErrorByField(nil, "x"); got != "" {
		t.Errorf("got %q", got)
	}
}
