package validate_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/gongular/gongular/validate"
)

func TestEach(t *testing.T) {
	ptr := func(s string) *string { return &s }
	type deep struct {
		Tags []string `json:"tags" valid:"each(alpha)"`
	}
	for _, test := range []struct {
		name  string
		value any
		want  string
	}{
		{"all are reported", struct {
			L []string `json:"list" valid:"each(alpha,length(1|2))"`
		}{[]string{"1", "a", "abc", ""}}, "list.0: 1 does not validate as alpha;list.2: abc does not validate as length(1|2)"},
		{"required", struct {
			L []string `valid:"each(required)"`
			M []string `valid:"each(required)"`
		}{[]string{"a", ""}, nil}, "L.1: non zero value required"},
		{"messages", struct {
			L []string `valid:"each(alpha~letters (only) € %s,min(2)~short),min(3)~few"`
		}{[]string{"11", "a", "abc"}}, "letters (only) € 11;short"},
		{"message of the collection", struct {
			L []string `valid:"each(alpha),min(3)~few"`
		}{[]string{"1"}}, "few"},
		{"negation", struct {
			L []string `valid:"each(!in(a|b),!alpha)"`
		}{[]string{"a", "c", "1"}}, "L.0: a does validate as in(a|b);L.1: c does validate as alpha"},
		{"commas and parentheses", struct {
			L []string `valid:"each(matches(^[a-z]{1,3}$),in(ab|cd))"`
		}{[]string{"ab", "ef", "abcd"}}, "L.1: ef does not validate as in(ab|cd);L.2: abcd does not validate as matches(^[a-z]{1,3}$)"},
		{"map, array, pointers", struct {
			M map[string]int  `valid:"each(max(2))"`
			A [2]*string      `valid:"each(required,alpha)"`
			P *[]string       `valid:"each(alpha)"`
			N map[int]string  `valid:"each(alpha)"`
			I any             `valid:"each(alpha)"`
			Q *map[string]any `valid:"each(required)"`
		}{map[string]int{"b": 3, "a": 4, "c": 1}, [2]*string{ptr("1")}, &[]string{"2"}, map[int]string{7: "3"}, []any{"a", "4"}, &map[string]any{"x": nil}},
			"A.0: 1 does not validate as alpha;A.1: non zero value required;I.1: 4 does not validate as alpha;M.a: 4 does not validate as max(2);M.b: 3 does not validate as max(2);" +
				"N.7: 3 does not validate as alpha;P.0: 2 does not validate as alpha;Q.x: non zero value required"},
		{"nested", struct {
			L [][]string          `valid:"each(max(2),each(alpha))"`
			M map[string][]string `valid:"each(each(each(required)))~"`
		}{L: [][]string{{"a"}, {"b", "1", "2"}, {"3", "4"}}}, `M: each(each(each(required)))~: each has no message; those of its options stand in the parentheses`},
		{"nested twice", struct {
			L [][]string          `valid:"each(max(2),each(alpha))"`
			M map[string][]string `json:"m" valid:"each(each(alpha))"`
		}{[][]string{{"a"}, {"b", "1", "2"}, {"3", "4"}}, map[string][]string{"k": {"a", "1"}}},
			"L.1: 3 does not validate as max(2);L.2.0: 3 does not validate as alpha;L.2.1: 4 does not validate as alpha;m.k.1: 1 does not validate as alpha"},
		{"the rest keeps its meaning", struct {
			L []string   `valid:"alpha,each(min(2))"`
			M [][]string `valid:"each(alpha)"`
			N []string   `valid:"required,each(min(2))"`
			O []string   `valid:"required,each(min(2))"`
			P []string   `valid:"alpha,each(min(2))"`
		}{[]string{"a", "1", "2"}, [][]string{{"a", "1", "2"}, {"3"}}, nil, []string{"a", ""}, []string{"a"}},
			"L: 1 does not validate as alpha;M.0: 1 does not validate as alpha;M.1: 3 does not validate as alpha;N: non zero value required;O: non zero value required;P.0: a does not validate as min(2)"},
		{"structs", struct {
			L []inner          `valid:"each(required)"`
			M []*inner         `json:"m" valid:"each(required)"`
			N map[string]inner `valid:"min(1),each(optional)"`
		}{[]inner{{"a"}, {}, {"1"}, {"2"}}, []*inner{nil, {"1"}, {}}, map[string]inner{"k": {"1"}, "l": {"2"}}},
			"L.1: non zero value required;L.2.city: 1 does not validate as alpha;L.3.city: 2 does not validate as alpha;" +
				"M.1.city: 1 does not validate as alpha;N.k.city: 1 does not validate as alpha;N.l.city: 2 does not validate as alpha;m.0: non zero value required;m.2: non zero value required"},
		{"structs with each", struct {
			L []deep `valid:"each(required)"`
		}{[]deep{{[]string{"a"}}, {[]string{"1", "2"}}}}, "L.1.tags.0: 1 does not validate as alpha;L.1.tags.1: 2 does not validate as alpha"},
		{"structs in lists", struct{ L []deep }{[]deep{{[]string{"a"}}, {[]string{"1", "2"}}}}, "L.1.tags.0: 1 does not validate as alpha;L.1.tags.1: 2 does not validate as alpha"},
		{"lists of structs in elements", struct {
			L [][]inner `valid:"each(max(3))"`
		}{[][]inner{{{"a"}, {"1"}}, {{"2"}}}}, "L.0.1.city: 1 does not validate as alpha;L.1.0.city: 2 does not validate as alpha"},
		{"pointers to structs, checked once", struct {
			L []*inner `valid:"required,each(type(*validate_test.inner))"`
		}{[]*inner{{"1"}, {"a"}}}, "L.0.city: 1 does not validate as alpha"},
		{"in interfaces that are no collection", struct {
			A any `valid:"each(alpha)"`
			B any `valid:"each(alpha)"`
		}{"x", inner{"a"}}, `A: The following validator is invalid or can't be applied to the field: "each";B: The following validator is invalid or can't be applied to the field: "each"`},
		{"elements in interfaces, with a rest", struct {
			A []any `valid:"required,each(max(2))"`
		}{[]any{inner{"1"}, []inner{{"2"}}, 3}}, `A.0.city: 1 does not validate as alpha;A.0: The following validator is invalid or can't be applied to the field: "max(2)";A.1.0.city: 2 does not validate as alpha;A.2: 3 does not validate as max(2)`},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkErr(t, validate.Struct(test.value), test.want)
		})
	}
}

func TestEachFieldError(t *testing.T) {
	type row struct {
		Cells [][]string `json:"cells" valid:"each(each(alpha))"`
	}
	err := validate.Struct(struct {
		Rows map[string]row `json:"rows"`
	}{map[string]row{"a/b": {[][]string{{}, {"a", "1"}}}}})
	got, _ := errors.AsType[validate.Errors](err)
	want := validate.Errors{{Path: "Rows.a/b.cells.1.1", Pointer: []string{"rows", "a/b", "cells", "1", "1"}, Name: "cells", Rule: "alpha", Value: "1", Message: "1 does not validate as alpha"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := validate.ErrorByField(err, "cells"); got != "1 does not validate as alpha" {
		t.Errorf("got %q", got)
	}

	err = validate.Value([][]int{{1}, {3, 2}}, "each(each(in(1)))")
	checkErr(t, err, "1.0: 3 does not validate as in(1);1.1: 2 does not validate as in(1)")
	if got := fmt.Sprint(validate.ErrorsByField(err)); got != "map[1.0:3 does not validate as in(1) 1.1:2 does not validate as in(1)]" {
		t.Errorf("got %s", got)
	}
}

// Each is checked to the end, but not all of a flood is reported.
func TestErrorsAreBounded(t *testing.T) {
	type many struct {
		A []int   `valid:"each(max(1))"`
		B [][]int `valid:"each(each(max(1)))"`
		C string  `valid:"alpha"`
	}
	twos := slicesOf(2, 5000)
	errs, _ := validate.Struct(many{twos, [][]int{twos, twos}, "1"}).(validate.Errors)
	if len(errs) != 201 || errs[99].Path != "A.99" || errs[100].Path != "B.0.0" || errs[199].Path != "B.0.99" || errs[200].Path != "C" {
		t.Errorf("%d errors, of which the last is of %v", len(errs), errs[len(errs)-1].Path)
	}

	type holder struct {
		L []many `valid:"each(optional)"`
	}
	one := many{A: twos[:60], C: "1"}
	errs, _ = validate.Struct(holder{[]many{one, one, one}}).(validate.Errors)
	if len(errs) != 100 || errs[99].Path != "L.1.A.38" {
		t.Errorf("%d errors", len(errs))
	}

	type wide struct{ A, B, C, D, E, F, G, H, I, J, K, L many }
	var w wide
	for i, v := 0, reflect.ValueOf(&w).Elem(); i < v.NumField(); i++ {
		v.Field(i).Set(reflect.ValueOf(many{twos, [][]int{twos}, "1"}))
	}
	errs, _ = validate.Struct(w).(validate.Errors)
	if len(errs) != 1000 || !strings.HasPrefix(errs[999].Path, "E.B.0.") {
		t.Errorf("%d errors", len(errs))
	}
}

func slicesOf(n, count int) []int {
	s := make([]int, count)
	for i := range s {
		s[i] = n
	}
	return s
}
