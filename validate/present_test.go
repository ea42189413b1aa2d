package validate_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/gongular/gongular/validate"
)

type patch struct {
	Name  string  `json:"name" valid:"present"`
	Age   int     `valid:"present,required"`
	Note  *string `json:"note" valid:"present~send a note"`
	Homes []struct {
		City string `json:"city" valid:"present,alpha"`
	} `json:"homes"`
	ByName map[string]*patchLeaf `json:"by"`
	Any    any                   `json:"any" valid:"present"`
	hiddenPatch
	*More
}

type (
	patchLeaf struct {
		X int `valid:"present"`
	}
	hiddenPatch struct {
		Flag bool `json:"flag" valid:"present"`
	}
	More struct {
		Extra  string    `json:"extra" valid:"present"`
		Inside patchLeaf `json:"inside"`
	}
)

func TestPresent(t *testing.T) {
	const all = `"name":"","Age":1,"note":null,"any":null,"flag":false`
	for _, test := range []struct{ name, in, want string }{
		{"all, empty", `{` + all + `}`, ""},
		{"nothing", `{}`, "Age: must be sent;any: must be sent;hiddenPatch.flag: must be sent;name: must be sent;send a note"},
		{"case", `{"NAME":"","age":1,"Note":"","ANY":0,"fLAG":true}`, ""},
		{"case, several", `{"NAME":"","nAME":"x","age":1,"Note":"","ANY":0,"fLAG":true}`, ""},
		{"and required", `{` + all + `,"Age":0}`, "Age: non zero value required"},
		{"list", `{` + all + `,"homes":[{"city":"a"},{},{"city":"1"}]}`, "Homes.1.city: must be sent"},
		{"list, the rest follows", `{` + all + `,"homes":[{"city":"a"},{"city":"1"}]}`, "Homes.1.city: 1 does not validate as alpha"},
		{"null in a list", `{` + all + `,"homes":[null]}`, "Homes.0.city: must be sent"},
		{"map", `{` + all + `,"by":{"k":{"X":0},"l":{"Y":0},"m":null}}`, "ByName.l.X: must be sent"},
		{"embedded pointer", `{` + all + `,"extra":"","inside":{"x":0}}`, ""},
		{"embedded pointer, one only", `{` + all + `,"inside":{}}`, "More.Inside.X: must be sent;More.extra: must be sent"},
		{"null for a struct", `{` + all + `,"extra":"","inside":null}`, "More.Inside.X: must be sent"},
		{"no struct at all", `{` + all + `,"extra":""}`, "More.Inside.X: must be sent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var x patch
			var sent any
			if err := errors.Join(json.Unmarshal([]byte(test.in), &x), json.Unmarshal([]byte(test.in), &sent)); err != nil {
				t.Fatal(err)
			}
			checkErr(t, checkSent(t, x, sent), test.want)
		})
	}
}

func checkSent(t *testing.T, x, sent any) error {
	t.Helper()
	p, err := new(validate.Validator).Compile(reflect.TypeOf(x))
	if err != nil {
		t.Fatal(err)
	}
	return p.Check(context.Background(), reflect.ValueOf(x), sent)
}

// ownJSON reads itself from a text.
type ownJSON struct {
	A, B int `valid:"present"`
}

func TestPresentElsewhere(t *testing.T) {
	type m = map[string]any
	type holder struct {
		Own   ownJSON
		Arr   [2]ownJSON
		Dict  map[level]ownJSON
		Iface any
	}
	full := m{"A": 1, "B": 2}
	x := holder{Dict: map[level]ownJSON{1: {}}, Iface: &ownJSON{}}
	for _, test := range []struct {
		sent any
		want string
	}{
		{nil, ""},
		{m{"Own": "1/2", "Arr": m{}, "Dict": []any{}, "Iface": 5}, ""}, // of another shape: unknown
		{m{"Own": full, "Arr": []any{full, full}, "Dict": m{"x": full}, "Iface": full}, ""},
		{m{"Own": full, "Arr": []any{full, full}, "Dict": m{"1": full}, "Iface": full}, ""}, // the key is written otherwise
		{m{"Own": full, "Arr": []any{full}, "Dict": m{"x": m{"a": 1}}, "Iface": m{"b": nil}}, "Arr.1.A: must be sent;Arr.1.B: must be sent;Dict.x.B: must be sent;Iface.A: must be sent"},
	} {
		checkErr(t, checkSent(t, x, test.sent), test.want)
	}
	checkErr(t, checkSent(t, []ownJSON{{}, {}}, []any{full, m{"B": 0}}), "1.A: must be sent")
	type each struct {
		L []ownJSON          `valid:"each(optional)"`
		M map[string]ownJSON `valid:"each(optional)"`
	}
	checkErr(t, checkSent(t, each{[]ownJSON{{}, {}}, map[string]ownJSON{"k": {}}}, m{"L": []any{m{"A": 0, "B": 0}, m{"B": 0}}, "M": m{"k": m{"A": 0}}}), "L.1.A: must be sent;M.k.B: must be sent")
}

// Where it is unknown what was sent, what is nil was not.
func TestPresentUnknown(t *testing.T) {
	type all struct {
		A string         `valid:"present"`
		B *int           `valid:"present"`
		C []int          `valid:"present"`
		D map[string]int `valid:"present"`
		E any            `valid:"present"`
		F bool           `valid:"present"`
		G func()         `valid:"present"`
	}
	checkErr(t, validate.Struct(all{}), "B: must be sent;C: must be sent;D: must be sent;E: must be sent;G: must be sent")
	checkErr(t, validate.Struct(all{B: new(int), C: []int{}, D: map[string]int{}, E: 0, G: func() {}}), "")
	checkErr(t, validate.Value((*int)(nil), "present"), "must be sent")
	checkErr(t, (&validate.Validator{FieldsRequiredByDefault: true}).Struct(struct {
		A string `valid:"present"`
		B []int  `valid:"present"`
	}{B: []int{0}}), "")
	errs, _ := validate.Value(nil, "present").(validate.Errors)
	if len(errs) != 1 || errs[0].Rule != "present" {
		t.Errorf("got %+v", errs)
	}
}

func TestNeedsSent(t *testing.T) {
	for _, test := range []struct {
		typ  reflect.Type
		want bool
	}{
		{reflect.TypeFor[patch](), true},
		{reflect.TypeFor[[]map[string]*patchLeaf](), true},
		{reflect.TypeFor[struct{ A any }](), false},
		{reflect.TypeFor[tree](), false},
		{reflect.TypeFor[struct {
			L []patchLeaf `valid:"each(required)"`
		}](), true},
	} {
		p, err := new(validate.Validator).Compile(test.typ)
		if err != nil || p.NeedsSent() != test.want {
			t.Errorf("%v: got %v, %v", test.typ, !test.want, err)
		}
	}
}
