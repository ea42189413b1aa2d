package validate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/gongular/gongular/validate"
)

// withRules returns a validator with rules of its own. Each Func writes what it
// was asked into the log.
func withRules(log *[]string) *validate.Validator {
	v := &validate.Validator{}
	note := func(f validate.Field) {
		if log != nil {
			*log = append(*log, fmt.Sprintf("%s=%v", f.Name(), f.Value()))
		}
	}
	v.Register("yes", func(_ context.Context, f validate.Field) (bool, error) { note(f); return true, nil })
	v.Register("no", func(_ context.Context, f validate.Field) (bool, error) { note(f); return false, nil })
	v.Register("never", func(_ context.Context, f validate.Field) (bool, error) { note(f); return false, nil })
	v.Register("broken", func(_ context.Context, f validate.Field) (bool, error) { return true, io.ErrUnexpectedEOF })
	v.Register("panics", func(context.Context, validate.Field) (bool, error) { panic("own rule") })
	v.RegisterParams("multiple", "multiple(n)", func(params []string) (validate.Func, error) {
		n, err := strconv.Atoi(params[0])
		return func(_ context.Context, f validate.Field) (bool, error) {
			return f.Value().(int)%n == 0, nil
		}, err
	})
	v.RegisterParams("nothing", "", func([]string) (validate.Func, error) { return nil, nil })
	v.RegisterText("short", func(s string) bool { return len(s) <= 3 })
	return v
}

func TestOwnRules(t *testing.T) {
	ptr := func(s string) *string { return &s }
	for _, test := range []struct {
		id    string // of govalidator's rule, or what is new
		value any
		want  string
		asked string // what Funcs were asked, divided by blanks
	}{
		{"C1 all kinds", struct {
			A string  `valid:"no"`
			B int     `valid:"no"`
			C bool    `valid:"no"`
			D []byte  `valid:"no"`
			E inner   `valid:"no"`
			F []int   `valid:"no"`
			G *string `valid:"no"`
		}{"a", 1, true, []byte("b"), inner{"c"}, []int{2}, ptr("d")},
			"A: a does not validate as no;B: 1 does not validate as no;C: true does not validate as no;D: b does not validate as no;" +
				"E: the value does not validate as no;F: the value does not validate as no;G: d does not validate as no", "*"},
		{"C2 empty values", struct {
			A string   `valid:"no"`
			B []int    `valid:"no"`
			C *string  `valid:"no"`
			D inner    `valid:"no"`
			E any      `valid:"no"`
			F [2]int   `valid:"no"`
			G any      `valid:"no"`
			H []string `valid:"no"`
			I string   `valid:"no,required"`
		}{G: "", H: []string{}}, "I: non zero value required", ""},
		{"C3 first", struct {
			A string `valid:"alpha,type(string),no,min(9)"`
		}{"1"}, "A: 1 does not validate as no", "A=1"},
		{"C4 all are asked", struct {
			A string `valid:"no,yes,never~%s is never %s"`
		}{"a"}, "A: a does not validate as no;a is never never", "A=a A=a A=a"},
		{"C4 the same twice", struct {
			A string `valid:"no~x,no~y"`
		}{"a"}, "y", "A=a"},
		{"C5 the others follow", struct {
			A string `valid:"yes,numeric"`
		}{"a"}, "A: a does not validate as numeric", "A=a"},
		{"C7 whole", struct {
			A []string       `valid:"yes,alpha"`
			B map[string]int `valid:"no"`
			C any            `valid:"no"`
			D any            `valid:"yes"`
		}{[]string{"a", "1"}, map[string]int{"k": 1}, 5, []int{1}}, "A: 1 does not validate as alpha;B: the value does not validate as no;C: 5 does not validate as no", "A=[a 1] B=map[k:1] C=5 D=[1]"},
		{"C9 a struct", struct {
			A inner `valid:"yes"`
			B any   `valid:"yes"`
		}{inner{"1"}, inner{"a"}}, "A.city: 1 does not validate as alpha", "A={1} B={a}"},
		{"C9 no func", struct {
			A any `valid:"yes"`
			B any `valid:"yes"`
			C any `valid:"yes"`
		}{func() {}, 1i, make(chan int)}, "A: validator: unsupported type: func();B: validator: unsupported type: complex128;C: validator: unsupported type: chan int", "*"},
		{"O4 what is inside comes first", struct {
			A inner  `valid:"no"`
			B *inner `valid:"no"`
		}{inner{"1"}, &inner{"2"}}, "A.city: 1 does not validate as alpha;A: the value does not validate as no;B.city: 2 does not validate as alpha;B: the value does not validate as no", "*"},
		{"parameters", struct {
			A int `json:"a" valid:"multiple(3)"`
			B int `valid:"multiple(3)~%s: %s"`
		}{4, 5}, "5: multiple(3);a: 4 does not validate as multiple(3)", ""},
		{"text", struct {
			A string   `valid:"short"`
			B int      `valid:"short"`
			C []string `valid:"!short"`
			D []byte   `valid:"alpha,short"`
			E string   `valid:"short"`
		}{"abcd", 1234, []string{"abcd", "a"}, []byte("abcd"), ""}, "A: abcd does not validate as short;B: 1234 does not validate as short;C: a does validate as short;D: abcd does not validate as short", ""},
		{"elements", struct {
			A []string `valid:"each(no)"`
		}{[]string{"a", "", "b"}}, "A.0: a does not validate as no;A.2: b does not validate as no", "A=a A=b"},
		{"maps without string keys", struct {
			A map[int]string `valid:"yes"`
		}{map[int]string{1: "a"}}, "", "A=map[1:a]"},
	} {
		t.Run(test.id, func(t *testing.T) {
			var log []string
			checkErr(t, withRules(&log).Struct(test.value), test.want)
			if got := strings.Join(log, " "); got != test.asked && test.asked != "*" {
				t.Errorf("asked %q, want %q", got, test.asked)
			}
		})
	}
}

// C8: the struct that directly holds the field, by value.
func TestOwnRuleSeesItsField(t *testing.T) {
	type pair struct {
		Min int
		Max int `json:"max" valid:"over(Min|x)"`
	}
	type embedded struct {
		Min int
		Max int `valid:"over()"`
	}
	type outer struct {
		Any  any
		Ps   []pair `json:"ps"`
		Each []int  `valid:"each(over(a))"`
		embedded
		*hiddenPair
	}
	var got []string
	v := &validate.Validator{}
	v.RegisterParams("over", "over(field)", func(params []string) (validate.Func, error) {
		return func(ctx context.Context, f validate.Field) (bool, error) {
			parent := f.Parent()
			if o, ok := parent.(outer); ok {
				parent = fmt.Sprintf("outer of %v", o.Each)
			}
			got = append(got, fmt.Sprintf("%s %v in %v by %q, %v", f.Name(), f.Value(), parent, f.Params(), ctx.Value(ctxKey{})))
			return true, nil
		}, nil
	})
	ctx := context.WithValue(context.Background(), ctxKey{}, "ctx")
	value := outer{pair{1, 2}, []pair{{3, 4}}, []int{5}, embedded{6, 7}, &hiddenPair{8, 9}}
	want := []string{
		`max 2 in {1 2} by ["Min" "x"], ctx`,
		`max 4 in {3 4} by ["Min" "x"], ctx`,
		`Each 5 in outer of [5] by ["a"], ctx`,
		`Max 7 in {6 7} by [""], ctx`,
		`Max 9 in {8 9} by [""], ctx`,
	}
	for _, x := range []any{value, &value} { // one cannot be addressed
		got = nil
		checkErr(t, v.StructContext(ctx, x), "")
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	got = nil
	checkErr(t, v.ValueContext(ctx, 5, "over(z)"), "")
	if want := []string{` 5 in <nil> by ["z"], ctx`}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

type (
	ctxKey     struct{}
	hiddenPair struct {
		Min int
		Max int `valid:"over()"`
	}
)

// A rule that cannot tell ends all, and nothing is said of the value.
func TestLookupFails(t *testing.T) {
	type home struct {
		Street string `json:"street" valid:"broken"`
	}
	for _, test := range []struct {
		value any
		want  string
	}{
		{struct {
			A string `valid:"alpha"`
			B string `json:"b" valid:"broken,no"`
			C string `valid:"no"`
		}{"1", "x", "y"}, "b: broken could not be asked: unexpected EOF"},
		{struct{ Homes []home }{[]home{{}, {"x"}}}, "Homes.1.street: broken could not be asked: unexpected EOF"},
		{struct{ M map[string]*home }{map[string]*home{"k": {"x"}}}, "M.k.street: broken could not be asked: unexpected EOF"},
		{struct {
			L []string `json:"l" valid:"each(broken)"`
		}{[]string{"x", "y"}}, "l.0: broken could not be asked: unexpected EOF"},
		{struct {
			A inner `valid:"broken"`
		}{inner{"1"}}, "A: broken could not be asked: unexpected EOF"},
		{struct {
			A *home `valid:"no"`
			B any   `valid:"no"`
		}{&home{"x"}, 1}, "A.street: broken could not be asked: unexpected EOF"},
	} {
		err := withRules(nil).Struct(test.value)
		checkErr(t, err, test.want)
		if _, ok := errors.AsType[validate.Errors](err); ok || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %T", err)
		}
	}
	checkErr(t, withRules(nil).Value("x", "broken"), "broken could not be asked: unexpected EOF")
}

func TestPanicOfOwnRulePasses(t *testing.T) {
	defer func() {
		if got := recover(); got != "own rule" {
			t.Errorf("recovered %v", got)
		}
	}()
	withRules(nil).Value("x", "panics")
}

func TestRegisterPanics(t *testing.T) {
	f := func(context.Context, validate.Field) (bool, error) { return true, nil }
	for _, test := range []struct {
		name string
		f    validate.Func
		want string
	}{
		{"", f, `validate: "" cannot be the name of a rule`},
		{"-", f, `validate: "-" cannot be the name of a rule`},
		{"a b", f, `validate: rule "a b": a name has letters, digits and _-. only`},
		{"a;b", f, `validate: rule "a;b": a name has letters, digits and _-. only`},
		{"a(", f, `validate: rule "a(": a name has letters, digits and _-. only`},
		{"!a", f, `validate: rule "!a": a name has letters, digits and _-. only`},
		{"a~b", f, `validate: rule "a~b": a name has letters, digits and _-. only`},
		{"a|b", f, `validate: rule "a|b": a name has letters, digits and _-. only`},
		{"€", f, `validate: rule "€": a name has letters, digits and _-. only`},
		{"alpha", f, `validate: rule "alpha" is there already, as one of the package's`},
		{"oneof", f, `validate: rule "oneof" is there already, as one of the package's`},
		{"required", f, `validate: rule "required" is there already, as one of the package's`},
		{"each", f, `validate: rule "each" is there already, as one of the package's`},
		{"secret", f, `validate: rule "secret" is there already, as one of the package's`},
		{"yes", f, `validate: rule "yes" is registered twice`},
		{"short", f, `validate: rule "short" is registered twice`},
		{"multiple", f, `validate: rule "multiple" is registered twice`},
		{"x", nil, `validate: rule "x" is nil`},
		{"é-1_x.y", f, ""},
	} {
		checkPanic(t, test.want, func() { withRules(nil).Register(test.name, test.f) })
	}
	checkPanic(t, `validate: rule "x" is nil`, func() { withRules(nil).RegisterParams("x", "x(a)", nil) })
	checkPanic(t, `validate: rule "x" is nil`, func() { withRules(nil).RegisterText("x", nil) })
	for _, use := range []func(v *validate.Validator){
		func(v *validate.Validator) { v.Struct(struct{}{}) },
		func(v *validate.Validator) { v.Value("", "alhpa") },
	} {
		v := withRules(nil)
		use(v)
		checkPanic(t, `validate: rule "x" is registered after the validator was used`, func() { v.Register("x", f) })
	}
}

func checkPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		got := ""
		if p := recover(); p != nil {
			got = fmt.Sprint(p)
		}
		if got != want {
			t.Errorf("got panic %q, want %q", got, want)
		}
	}()
	f()
}

func TestType(t *testing.T) {
	ptr := func(s string) *string { return &s }
	checkErrOf := func(value any, want string) {
		t.Helper()
		checkErr(t, validate.Struct(value), want)
	}
	checkErrOf(struct {
		A string                 `valid:"type(string)"`
		B *string                `valid:"type( *string ),alpha"`
		C []string               `valid:"type([]string),alpha"`
		D map[string]interface{} `valid:"type(map[string]interface{})"`
		E bool                   `valid:"type(bool)"`
		F inner                  `valid:"type(validate_test.inner)"`
		G func(int) bool         `valid:"type(func(int) bool)"`
		H chan int               `valid:"!type(int)"`
		I map[int]string         `valid:"type(map[int]string)"`
		J complex128             `valid:"type(complex128)"`
	}{"1", ptr("2"), []string{"3"}, map[string]any{"a": 1}, true, inner{"4"}, func(int) bool { return true }, make(chan int), map[int]string{1: "a"}, 1i},
		"B: 2 does not validate as alpha;C: 3 does not validate as alpha;F.city: 4 does not validate as alpha")
	checkErrOf(struct {
		A any `valid:"alpha,type(string)"`
		B any `valid:"!type(string)"`
		C any `valid:"type(int)~a %s is no %s"`
		D any `valid:"type(int)"`
		E any `valid:"type(int)"`
		F any `valid:"type(*string)"`
		G any `valid:"type(func())"`
		H any `valid:"type(int)"`
		I any `valid:"required,type(float64),max(3)"`
	}{1, "x", true, nil, "", ptr("1"), func() {}, inner{"a"}, 4.0},
		"A: 1 does not validate as type(string);B: x does validate as type(string);H: the value does not validate as type(int);I: 4 does not validate as max(3);a true is no type(int)")
}
