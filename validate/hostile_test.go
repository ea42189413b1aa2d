package validate_test

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular/validate"
)

// Values as large, deep and circular as a program can make them come to an end,
// with a bounded number of errors.
func TestHostileValues(t *testing.T) {
	long := make([]string, 100_000)
	for i := range long {
		long[i] = "a"
	}
	bad := make([]string, 100_000)
	for i := range bad {
		bad[i] = "\xff1"
	}
	type loop struct {
		Name string  `valid:"min(1)"`
		Next *loop   `valid:"present"`
		Any  any     `valid:"secret"`
		L    []*loop `valid:"required,each(required)"`
		M    map[string]*loop
	}
	ring := &loop{Name: "a"}
	ring.Next, ring.Any, ring.L, ring.M = ring, ring, []*loop{ring, ring}, map[string]*loop{"a": ring, "b": ring}
	var nested any
	for range 100 {
		nested = []any{nested, nested}
	}
	var p self
	p = &p

	for _, test := range []struct {
		name  string
		value any
		want  string // "*" for any number of errors up to 1,000
	}{
		{"long", struct {
			L []string `valid:"max(100000),each(alpha,max(1))"`
		}{long}, ""},
		{"too long", struct {
			L []string `valid:"max(99999),each(numeric)"`
		}{long}, "L: 100000 does not validate as max(99999)"},
		{"all bad", struct {
			L []string `valid:"each(alpha)"`
			M []string `valid:"alpha"`
		}{bad, bad}, "*101"},
		{"ring", ring, "*32"},
		{"deep interfaces", struct {
			A any `valid:"each(each(required))"`
			B any `valid:"min(1)"`
		}{nested, nested}, "*1"},
		{"pointer to itself", struct {
			P self `valid:"secret,present,type(validate_test.self)"`
			Q self `valid:"required_with(P)"`
			R self `valid:"required"`
		}{p, p, p}, "*1"},
		{"method in a cycle", func() any {
			type node struct {
				selfCalling
				Next any
			}
			n := &node{}
			n.Next = n
			return n
		}(), "*1"},
		{"numbers that are none", struct {
			A float64 `valid:"min(1)"`
			B float32 `valid:"max(1)"`
			C float64 `valid:"gtfield(A)"`
			D float64 `valid:"min(1),max(2)"`
		}{math.NaN(), float32(math.NaN()), 1, math.Inf(-1)}, "A: NaN does not validate as min(1);B: NaN does not validate as max(1);C: 1 does not validate as gtfield(A);D: -Inf does not validate as min(1)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := validate.Struct(test.value)
			errs, _ := err.(validate.Errors)
			if want, ok := strings.CutPrefix(test.want, "*"); !ok {
				checkErr(t, err, test.want)
			} else if got := fmt.Sprint(len(errs)); got != want && want != "32" || len(errs) > 1000 {
				t.Errorf("%s errors, want %s: %.300v", got, want, errs)
			}
			for _, e := range errs {
				if len(e.Message) > 1000 {
					t.Errorf("a message of %d bytes", len(e.Message))
				}
			}
		})
	}
}

// Twice the elements are twice the work, counted in what rules are asked.
func TestWorkIsLinear(t *testing.T) {
	type leaf struct {
		A []string `valid:"alpha,required,each(tick)"`
	}
	type holder struct {
		L []leaf `valid:"required,each(required)"`
	}
	count := func(n int) (asked int) {
		v := &validate.Validator{}
		v.RegisterText("tick", func(string) bool { asked++; return true })
		if err := v.Struct(holder{repeat(leaf{[]string{"a", "b"}}, n)}); err != nil {
			t.Fatal(err)
		}
		return asked
	}
	if a, b := count(50), count(100); a != 100 || b != 200 {
		t.Errorf("asked %d and %d times", a, b)
	}

	// A chain of lists, where each and the rest both concern the elements.
	asked := 0
	v := &validate.Validator{}
	v.RegisterText("tick", func(string) bool { asked++; return true })
	c := &chain{Name: "z"}
	for range 30 {
		c = &chain{Name: "a", Kids: []*chain{c}}
	}
	checkErr(t, v.Struct(c), strings.Repeat("Kids.0.", 30)+"Kids: non zero value required")
	if asked > 2*31 {
		t.Errorf("asked %d times", asked)
	}
}

type chain struct {
	Name string   `valid:"tick"`
	Kids []*chain `valid:"required,each(required)"`
}

func repeat[T any](x T, n int) []T {
	s := make([]T, n)
	for i := range s {
		s[i] = x
	}
	return s
}

// FuzzFeatureTags compiles any tag for fields of several kinds, beside others
// that it may name, and checks values by what compiles.
func FuzzFeatureTags(f *testing.F) {
	for _, tag := range []string{
		"each(required,min(2)~short)", "each(each(alpha,in(a|b)))", "min(1),max(5),len(3)", "min(-1.5)", "max(1m30s),secret", "eqfield(Text)", "gtfield(Number),optional",
		"required_if(Text|a|b)", "required_unless(Flag|true)~%s", "required_with(Text|List)", "required_without(Number)", "present,secret,required", "type(string),yes",
		"type( map[string]interface {} )", "multiple(2),no~%s %s", "!short,each(!short)", "oneof(a|b)", "each(", "each()", "each(a),b)", "!each(a)", "each(matches(\\()),alpha)",
		"min(", "len(99999999999999999999)", "eqfield(F)", "required_if(Number|x)", "secret~x", "each(present)", "each(min(1)~a(b),max(2))",
	} {
		f.Add(tag)
	}
	n, s := 4, "text"
	values := []any{"a", "", 4, int8(0), uint64(math.MaxUint64), 2.5, float32(math.NaN()), true, []string{"a", ""}, [][]string{{"a"}, nil}, [2]int{1}, map[string]int{"a": 1},
		map[int]string{1: "a"}, &n, &s, []byte("x\xff"), inner{"1"}, &inner{}, []inner{{"1"}}, time.Minute, time.Unix(0, 0), []any{1, "a", nil, []any{true}}, func() {}, 1i, level(2), code("bad"), ring{}}
	type others struct {
		Text   string
		Number int64
		Flag   bool
		List   []string
		Any    any
	}
	f.Fuzz(func(t *testing.T, tag string) {
		v := &validate.Validator{}
		v.Register("yes", func(context.Context, validate.Field) (bool, error) { return true, nil })
		v.Register("no", func(_ context.Context, f validate.Field) (bool, error) { return f.Parent() == nil, nil })
		v.RegisterParams("multiple", "multiple(n)", func(params []string) (validate.Func, error) {
			n, err := strconv.Atoi(params[0])
			return func(_ context.Context, f validate.Field) (bool, error) {
				i, ok := f.Value().(int)
				return ok && i == n, nil
			}, err
		})
		v.RegisterText("short", func(s string) bool { return len(s) <= 3 })
		for _, value := range values {
			// Types are made only for tags that mean something: they stay for good.
			err := v.Value(value, tag)
			if _, ok := err.(validate.Errors); !ok && err != nil && !strings.Contains(err.Error(), "is for fields of structs") {
				continue
			}
			var fields []reflect.StructField
			for _, sf := range reflect.VisibleFields(reflect.TypeFor[others]()) {
				sf.Index, sf.Offset = nil, 0
				if sf.Name == "Any" {
					sf.Tag = field(sf.Type, tag).Field(0).Tag
				}
				fields = append(fields, sf)
			}
			typ := reflect.StructOf(append(fields, field(reflect.TypeOf(value), tag).Field(0)))
			p, err := v.Compile(typ)
			if (err == nil) != (p != nil) {
				t.Fatalf("plan %v with error %v", p, err)
			}
			if err != nil {
				for line := range strings.SplitSeq(err.Error(), "\n") {
					if line == "" {
						t.Errorf("empty line in %q", err)
					}
				}
				continue
			}
			x := reflect.New(typ).Elem()
			x.FieldByName("F").Set(reflect.ValueOf(value))
			x.FieldByName("Any").Set(reflect.ValueOf(value))
			first, second := p.Validate(x), p.Validate(x.Addr().Elem())
			if fmt.Sprint(first) != fmt.Sprint(second) {
				t.Errorf("%v, then %v", first, second)
			}
			if errs, ok := first.(validate.Errors); ok && (len(errs) == 0 || len(errs) > 1000) {
				t.Errorf("%d errors", len(errs))
			}
			for _, sent := range []any{map[string]any{"f": nil, "Text": 1}, map[string]any{}, []any{}, "x"} {
				if errs, ok := p.Check(t.Context(), x, sent).(validate.Errors); ok && len(errs) == 0 {
					t.Error("no errors, but not nil")
				}
			}
		}
	})
}
