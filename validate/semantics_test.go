package validate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular/validate"
)

type (
	inner struct {
		City string `json:"city" valid:"alpha"`
	}
	Shown struct {
		R string `json:"r" valid:"alpha"`
	}
	hidden struct {
		H string `valid:"alpha"`
	}
	tree struct {
		Name        string `valid:"alpha"`
		Left, Right *tree
		Others      []*tree
	}
	key   string
	level int
	uid   [2]byte
	addr  []byte
	enum  uint8
	list  []list
	self  *self
	dict  map[string]dict

	hollow struct{ A string }
)

func (l level) String() string { return strings.Repeat("x", int(l)) }
func (u uid) String() string   { return fmt.Sprintf("%x", u[:]) }
func (a addr) String() string  { return "addr" }

// failure is an error whose method makes its text.
type failure string

func (f failure) Error() string { return "failure" }

func TestSemantics(t *testing.T) {
	ptr := func(s string) *string { return &s }
	var nilString *string
	pp := new(*inner)
	*pp = &inner{"1"}
	type M = map[string]any

	for _, test := range []struct {
		id    string // rule of govalidator, or deviation D from it
		value any
		want  string // "" for valid
	}{
		{"E1", nil, ""},
		{"E2 struct", inner{"1"}, "city: 1 does not validate as alpha"},
		{"E2 pointer", &inner{"1"}, "city: 1 does not validate as alpha"},
		{"E3", 5, "function only accepts structs; got int"},
		{"E3 slice", []inner{}, "function only accepts structs; got slice"},
		{"E4", (*inner)(nil), "function only accepts structs; got invalid"},
		{"E5", pp, "function only accepts structs; got ptr"},
		{"E6", struct{}{}, ""},

		{"F1", struct {
			a string `valid:"required"`
		}{}, ""},
		{"F2 D9 embedded unexported struct", struct{ hidden }{hidden{"1"}}, "hidden.H: 1 does not validate as alpha"},
		{"F2 D9 pointer", struct{ *hidden }{&hidden{"1"}}, "hidden.H: 1 does not validate as alpha"},
		{"F2 D9 nil pointer", struct{ *hidden }{}, ""},
		{"F3", struct{ Shown }{Shown{"1"}}, "Shown.r: 1 does not validate as alpha"},
		{"F3 nil", struct{ *Shown }{}, ""},
		{"F4", struct {
			A inner
			B *inner `valid:"optional"`
		}{inner{"1"}, &inner{"2"}}, "A.city: 1 does not validate as alpha;B.city: 2 does not validate as alpha"},
		{"F5", struct {
			A inner `valid:"-"`
		}{inner{"1"}}, ""},
		{"F6", struct{ A any }{inner{"1"}}, "A.city: 1 does not validate as alpha"},
		{"F6 pointer", struct{ A any }{&inner{"1"}}, "A.city: 1 does not validate as alpha"},
		{"F6 nil pointer", struct {
			A any `valid:"required"`
		}{(*inner)(nil)}, "A: non zero value required"},
		{"F7 D4", struct {
			A any
			B error `valid:"optional"`
			C any   `valid:"alpha"`
			D any   `valid:"required"`
			E any   `valid:"-"`
		}{}, "D: non zero value required"},
		{"F8 D3", struct{ A **inner }{pp}, "A.city: 1 does not validate as alpha"},
		{"F9 slice", struct{ L []inner }{[]inner{{"a"}, {"1"}, {"2"}}}, "L.1.city: 1 does not validate as alpha"},
		{"F9 map", struct{ M map[string]inner }{map[string]inner{"b": {"1"}, "a": {"2"}}}, "M.a.city: 2 does not validate as alpha"},
		{"F9 innermost index", struct{ L [][]inner }{[][]inner{{}, {{"a"}}, {{"a"}, {"b"}, {"1"}}}}, "L.2.city: 1 does not validate as alpha"},
		{"F9 map of slices", struct{ M map[string][]inner }{map[string][]inner{"k": {{"1"}}}}, "M.0.city: 1 does not validate as alpha"},
		{"F10 D3 slice", struct{ L []*inner }{[]*inner{nil, {"1"}}}, "L.1.city: 1 does not validate as alpha"},
		{"F10 D3 map", struct{ M map[string]*inner }{map[string]*inner{"k": {"1"}}}, "M.k.city: 1 does not validate as alpha"},
		{"F10 required nil", struct {
			L []*inner `valid:"required"`
		}{[]*inner{{"a"}, nil}}, "L: non zero value required"},
		{"F10 required zero", struct {
			L []*inner `valid:"required"`
		}{[]*inner{{}}}, "L: non zero value required"},
		{"F11 D3 array", struct{ L [2]inner }{[2]inner{{}, {"1"}}}, "L.1.city: 1 does not validate as alpha"},
		{"F11 D3 pointer to slice", struct{ L *[]inner }{&[]inner{{"1"}}}, "L.0.city: 1 does not validate as alpha"},
		{"F12 D5 structs", struct{ L []any }{[]any{1, "x", inner{"1"}}}, "L.2.city: 1 does not validate as alpha"},
		{"F12 D5 values", struct {
			L []any `valid:"alpha"`
		}{[]any{"a", nil, 1}}, "L: 1 does not validate as alpha"},
		{"F12 D5 map", struct {
			L map[string]any `valid:"alpha"`
		}{M{"a": "x", "b": []any{"y", "2"}}}, "L: 2 does not validate as alpha"},
		{"F12 D5 pointer", struct{ P *any }{func() *any { var a any = inner{"1"}; return &a }()}, "P.city: 1 does not validate as alpha"},
		{"F13 D7", struct{ M map[int]string }{map[int]string{1: "a"}}, ""},
		{"F13 D7 structs", struct{ M map[int]inner }{map[int]inner{7: {"1"}}}, "M.7.city: 1 does not validate as alpha"},
		{"F13 D7 in a slice", struct{ M []map[int]string }{[]map[int]string{{1: "a"}}}, ""},
		{"F13 D7 left out", struct {
			M map[int]inner `valid:"-"`
		}{map[int]inner{7: {"1"}}}, ""},
		{"F14 D1", struct{ M map[key]inner }{map[key]inner{"k": {"1"}}}, "M.k.city: 1 does not validate as alpha"},

		{"L1 D2", struct {
			L []string `json:"list" valid:"alpha"`
		}{[]string{"abc", "1", "2"}}, "list: 1 does not validate as alpha"},
		{"L1 D2 map", struct {
			M map[string]string `valid:"alpha"`
		}{map[string]string{"a": "x", "c": "2", "b": "1"}}, "M: 1 does not validate as alpha"},
		{"L2 D2", struct {
			L []string `valid:"alpha"`
		}{[]string{"", "1"}}, "L: 1 does not validate as alpha"},
		{"L3", struct {
			L []string          `valid:"required"`
			A [2]int            `valid:"required"`
			M map[string]string `valid:"required"`
		}{[]string{"a", ""}, [2]int{1, 0}, map[string]string{"a": ""}}, "A: non zero value required;L: non zero value required;M: non zero value required"},
		{"L3 structs", struct {
			L []inner `valid:"required"`
		}{[]inner{{}}}, ""},
		{"L4", struct {
			L []string          `valid:"required"`
			M map[string]string `valid:"required"`
			A [0]int            `valid:"required"`
			N []string          `valid:"alpha"`
		}{L: []string{}, M: map[string]string{}}, "A: non zero value required;L: non zero value required;M: non zero value required"},
		{"L5 D6", struct {
			A []byte          `valid:"alpha"`
			B json.RawMessage `valid:"matches(^{)"`
			C []byte          `valid:"required"`
			D []enum          `valid:"range(1|2)"`
		}{[]byte("abc"), json.RawMessage("[1]"), []byte{0}, []enum{1, 3}}, "B: [1] does not validate as matches(^{);D: 3 does not validate as range(1|2)"},

		{"Z1", struct {
			A string   `valid:"email"`
			B int      `valid:"range(1|10)"`
			C string   `valid:"notnull"`
			D *string  `valid:"alpha"`
			E []string `valid:"alpha"`
		}{}, ""},
		{"Z2", struct {
			A string     `valid:"required"`
			B int        `valid:"required"`
			C float64    `valid:"required"`
			D bool       `valid:"required"`
			E *int       `valid:"required"`
			F inner      `valid:"required"`
			G time.Time  `valid:"required"`
			H float64    `valid:"required"`
			I uintptr    `valid:"required"`
			J uint8      `valid:"required"`
			K complexity `valid:"required"`
		}{C: math.Copysign(0, -1), H: math.NaN()}, "A: non zero value required;B: non zero value required;C: non zero value required;D: non zero value required;" +
			"E: non zero value required;F: non zero value required;G: non zero value required;I: non zero value required;J: non zero value required;K: non zero value required"},
		{"Z3", struct {
			A string `valid:"required"`
		}{" "}, ""},
		{"Z4", struct {
			A *string `valid:"required"`
			B *inner  `valid:"required"`
		}{ptr(""), &inner{}}, "A: non zero value required;B: non zero value required"},
		{"Z5", struct {
			A string `valid:"optional,required"`
		}{}, "A: non zero value required"},
		{"Z6", struct {
			A time.Time `valid:"required"`
		}{time.Time{}.In(time.FixedZone("x", 1))}, ""},

		{"T1", struct {
			A string `valid:""`
			B string `json:"b"`
		}{"1", "2"}, ""},
		{"T2", struct {
			A string `valid:" alpha , ,  length(1|2),"`
		}{"abc"}, "A: abc does not validate as length(1|2)"},
		{"T3 comma in parentheses", struct {
			A string `valid:"matches(^[a-z]{1,3}$),length(2|9)"`
			B string `valid:"in(a,b|c)"`
		}{"abcd", "a,b"}, "A: abcd does not validate as matches(^[a-z]{1,3}$)"},
		{"T3 comma between options", struct {
			A string `valid:"matches(\\(),alpha"`
		}{"("}, "A: ( does not validate as alpha"},
		{"T8", struct {
			A string `valid:"alpha~first,numeric,alpha~second"`
			B string `valid:"alpha~first,alpha~second"`
			C string `valid:"length(1|3),length(1|4)"`
		}{"_", "_", "abcd"}, "A: _ does not validate as numeric;C: abcd does not validate as length(1|3);second"},
		{"T9", struct {
			A string `valid:"in(a|b)tail"`
		}{"c"}, "A: c does not validate as in(a|b)tail"},
		{"T10", struct {
			A string `valid:" , "`
		}{"1"}, ""},

		{"N1", struct {
			A string `valid:"!alpha"`
			B string `valid:"!in(a|b)"`
		}{"a", "b"}, "A: a does validate as alpha;B: b does validate as in(a|b)"},
		{"N2", struct {
			A string `valid:"!null"`
		}{}, ""},

		{"M1", struct {
			A string `valid:"alpha~letters only"`
			B inner  `valid:"required~say where"`
		}{A: "1"}, "letters only;say where"},
		{"M2", struct {
			A string `valid:"!in(a|b)~%s is one of %s"`
		}{"a"}, "a is one of in(a|b)"},
		{"M2 percent in the value", struct {
			A string `valid:"alpha~%s fails %s"`
		}{"%s"}, "%s fails alpha"},
		{"M3 D1", struct {
			A string `valid:"alpha~%s %s %s"`
		}{"1"}, "1 alpha %s"},
		{"M4 D11", struct {
			A string `valid:"alpha~100% of %d"`
			B string `valid:"required~%s"`
		}{A: "1"}, "%s;100% of %d"},
		{"M5", struct {
			A string `valid:"alpha~a,length(2|3)"`
		}{"x"}, "A: x does not validate as length(2|3)"},
		{"M5 parentheses", struct {
			A string `valid:"matches(^a{1,2}$)~not (a,alpha"`
		}{"b"}, "not (a"},
		{"M6", struct {
			A string `valid:"alpha~a~b"`
			B string `valid:"alpha~"`
		}{"1", "2"}, "A: 1 does not validate as alpha;B: 2 does not validate as alpha"},
		{"M7", struct {
			A string `valid:"alpha~ text "`
		}{"1"}, " text"},
		{"M8", struct {
			A, B any `valid:"alpha~text"`
		}{true, inner{"a"}}, `A: Validator alpha doesn't support kind bool for value true;B: The following validator is invalid or can't be applied to the field: "alpha"`},
		{"M9", struct{ A struct{ B []inner2 } }{struct{ B []inner2 }{[]inner2{{"1"}}}}, "letters"},

		{"O1", struct {
			A string `valid:"numeric,alpha"`
			B string `valid:"alpha,required"`
		}{"_", ""}, "A: _ does not validate as numeric;B: non zero value required"},

		{"O2", struct {
			A any `valid:"alpha,type(int)"`
		}{"1"}, "A: 1 does not validate as type(int)"},
		{"O3", struct {
			A, B inner
			C    string `valid:"alpha"`
		}{inner{"1"}, inner{"2"}, "3"}, "A.city: 1 does not validate as alpha;B.city: 2 does not validate as alpha;C: 3 does not validate as alpha"},

		{"K1", struct {
			A int     `valid:"numeric"`
			B uint8   `valid:"length(1|2)"`
			C float64 `valid:"int"`
			D float32 `valid:"in(0.1)"`
		}{-5, 200, 3, 0.1}, "A: -5 does not validate as numeric;B: 200 does not validate as length(1|2)"},
		{"K2", struct {
			A, B float64 `valid:"int"`
			C, D float64 `valid:"float"`
			E    float64 `valid:"float"`
		}{1e6, 1e5, 1e20, math.NaN(), math.Inf(-1)}, "A: 1e+06 does not validate as int;D: NaN does not validate as float;E: -Inf does not validate as float"},
		{"K3", struct {
			A time.Duration `valid:"int"`
			B time.Duration `valid:"range(1|10)"`
			C level         `valid:"length(3|3)"`
			D level         `valid:"required"`
			E failure       `valid:"in(failure)"`
			F uid           `valid:"in(0102)"`
			G uid           `valid:"required"`
			H addr          `valid:"!in(addr)"`
		}{3, 3, 3, 0, "x", uid{1, 2}, uid{1}, addr{1}}, "A: 3ns does not validate as int;B: 3ns does not validate as range(1|10);D: non zero value required;H: addr does validate as in(addr)"},
		{"K4", struct {
			A, B, C any `valid:"alpha"`
			D       any `valid:"!length(1|2)"`
			E       any `valid:"required"`
		}{true, false, uintptr(7), true, true}, "A: Validator alpha doesn't support kind bool for value true;C: Validator alpha doesn't support kind uintptr for value 7;D: Validator length(1|2) doesn't support kind bool"},
		{"K5", struct {
			A, B any `valid:"!alpha"`
		}{inner{"a"}, inner{}}, `A: The following validator is invalid or can't be applied to the field: "!alpha"`},
		{"K6 D7", struct {
			A func()
			B any `valid:"alpha"`
			C any `valid:"optional"`
			D any `valid:"-"`
			E any `valid:"required"`
		}{func() {}, func() {}, 1i, 1i, map[int]int{1: 1}}, "B: validator: unsupported type: func();C: validator: unsupported type: complex128;E: validator: unsupported type: map[int]int"},
		{"K7", struct {
			A **string `valid:"alpha"`
			B **string `valid:"required"`
		}{func() **string { p := ptr("1"); return &p }(), &nilString}, "A: 1 does not validate as alpha;B: non zero value required"},
		{"K8", struct {
			A *string     `valid:"type(*string)"`
			B any         `valid:"type([]string)"`
			C any         `valid:"type(string)"`
			D interface{} `valid:"!type( map[string] interface{} )"`
		}{ptr("x"), []string{"a"}, []string{"a"}, M{"a": 1}}, "C: the value does not validate as type(string);D: the value does validate as type( map[string] interface{} )"},
		{"K9", struct{ A error }{structError{"1"}}, "A.City: 1 does not validate as alpha"},
		{"K10", struct {
			A json.Number `valid:"range(1|10)"`
		}{"11"}, "A: 11 does not validate as range(1|10)"},
		{"K11", struct {
			A int64 `valid:"range(0|9007199254740992)"`
			B int64 `valid:"range(0|9007199254740992)"`
		}{1<<53 + 1, 1<<53 + 2}, "B: 9007199254740994 does not validate as range(0|9007199254740992)"},
		{"K1 K11 float32", struct {
			A float32 `valid:"range(1|2147483600)"`
			B float32 `valid:"range(2147483648|4294967295)"`
			C float32 `valid:"range(16777216|16777216)"`
			D float32 `valid:"!range(0|1)"`
		}{1 << 31, 1 << 31, 1 << 24, float32(math.Inf(1))}, "B: 2.1474836e+09 does not validate as range(2147483648|4294967295)"},

		{"X1", struct {
			A string `json:"a,omitempty" valid:"alpha"`
			B string `json:",omitempty" valid:"alpha"`
			C string `json:"-" valid:"alpha"`
			D string `json:"-," valid:"alpha"`
			E string `form:"e" query:"e" valid:"alpha"`
		}{"1", "1", "1", "1", "1"}, "B: 1 does not validate as alpha;C: 1 does not validate as alpha;D: 1 does not validate as alpha;E: 1 does not validate as alpha;a: 1 does not validate as alpha"},
		{"X2", struct {
			A struct{ B inner } `json:"a"`
		}{struct{ B inner }{inner{"1"}}}, "A.B.city: 1 does not validate as alpha"},
		{"X4 D8", struct {
			L []inner `json:"list"`
		}{[]inner{{"1"}}}, "L.0.city: 1 does not validate as alpha"},
		{"X5", struct {
			A struct {
				B string `valid:"required"`
			} `valid:"required"`
		}{}, "A.B: non zero value required;A: non zero value required"},
		{"X6", struct {
			B string `valid:"alpha"`
			A string `valid:"alpha"`
		}{"1", "2"}, "A: 2 does not validate as alpha;B: 1 does not validate as alpha"},
		{"X7", struct {
			A string `valid:"alpha"`
		}{"<\n>"}, "A: <\n> does not validate as alpha"},

		{"D10 found in an interface", struct{ A any }{struct {
			B string `valid:"alhpa"`
		}{"x"}}, `A: cannot be checked: struct { B string "valid:\"alhpa\"" }: B: unknown validator "alhpa"; did you mean "alpha"?`},
		{"D18 cycle of structs", func() any { n := &tree{}; n.Left, n.Right = n, n; return n }(), strings.Repeat("Left.", 31) + "Left: nested more than 32 deep"},
		{"D18 cycle of a slice", struct {
			L list `valid:"optional"`
		}{func() list { l := make(list, 1); l[0] = l; return l }()}, ""},
		{"D18 cycle of a slice, tagged", struct {
			L list `valid:"required"`
		}{func() list { l := make(list, 1); l[0] = l; return l }()}, "L: nested more than 32 deep"},
		{"D18 cycle of a map", struct {
			M dict `valid:"required"`
		}{func() dict { m := dict{}; m["a"] = m; return m }()}, "M: nested more than 32 deep"},
		{"nothing below to check", struct {
			L []struct{}        `valid:"required"`
			M map[string]hollow `valid:"required"`
		}{[]struct{}{{}}, map[string]hollow{"a": {}}}, ""},
		{"D18 cycle of interfaces", struct{ L any }{func() any { l := make([]any, 2); l[0], l[1] = l, l; return l }()}, "L: nested more than 32 deep"},
		{"D18 cycle of pointers", struct {
			P self `valid:"required"`
		}{func() self { var p self; p = &p; return p }()}, "P: nested more than 32 deep"},
		{"deep but fine", deepTree(32), ""},
		{"too deep", deepTree(33), strings.Repeat("Others.0.", 31) + "Others: nested more than 32 deep"},
	} {
		t.Run(test.id, func(t *testing.T) {
			checkErr(t, validate.Struct(test.value), test.want)
		})
	}
}

type inner2 struct {
	City string `valid:"alpha~letters"`
}

type structError struct {
	City string `valid:"alpha"`
}

func (structError) Error() string { return "" }

// complexity is a comparable struct without strings.
type complexity struct {
	A float64
	B [2]int
}

func deepTree(n int) *tree {
	var t *tree
	for range n {
		next := &tree{Name: "a"}
		if t != nil {
			next.Others = []*tree{t}
		}
		t = next
	}
	return t
}

func TestSwitches(t *testing.T) {
	both := &validate.Validator{FieldsRequiredByDefault: true, NilPtrAllowedByRequired: true}
	required := &validate.Validator{FieldsRequiredByDefault: true}
	nilPtr := &validate.Validator{NilPtrAllowedByRequired: true}
	const absent = "All fields are required to at least have one validation defined"
	empty := ""

	for _, test := range []struct {
		id    string
		v     *validate.Validator
		value any
		want  string
	}{
		{"S1", required, struct {
			A string
			B *string
			C any
			D bool
			E string `valid:"-"`
			F string `valid:" "`
			g string
		}{A: "x", F: "x"}, "A: " + absent + ";B: " + absent + ";C: " + absent + ";D: " + absent},
		{"S1 nested", required, struct{ A inner }{inner{"1"}}, "A.city: 1 does not validate as alpha;A: " + absent},
		{"S1 pointer", required, struct{ A *inner }{&inner{"1"}}, "A.city: 1 does not validate as alpha;A: " + absent},
		{"S1 interface", required, struct{ A any }{inner{"1"}}, "A.city: 1 does not validate as alpha;A: " + absent},
		{"S1 collections", required, struct {
			A []string
			B []inner
			C map[string]string
			D []string
			E []byte
			F []byte
			G map[string]inner
		}{B: []inner{{"a"}}, C: map[string]string{"a": "b"}, D: []string{"x"}, F: []byte("x")}, "A: Missing required field;C: " + absent + ";D: " + absent + ";E: Missing required field;F: " + absent + ";G: Missing required field"},
		{"S1 embedded unexported", required, struct{ hidden }{hidden{"a"}}, ""},
		{"S1 off", &validate.Validator{}, struct{ A string }{}, ""},
		{"S2", required, struct {
			A string   `valid:"alpha"`
			B string   `valid:"alpha,optional"`
			C string   `valid:"-"`
			D string   `valid:"alpha,required"`
			E []string `valid:"alpha"`
			F string   `valid:","`
		}{E: []string{"a", ""}}, "A: Missing required field;D: non zero value required;E: Missing required field;F: Missing required field"},
		{"S3", required, struct {
			A string `valid:"alpha~text"`
		}{}, "A: Missing required field"},
		{"S4 D2", required, struct {
			A []string `valid:"optional"`
		}{[]string{"", ""}}, ""},
		{"S5", nilPtr, struct {
			A *string           `valid:"required"`
			B *inner            `valid:"required"`
			C []*inner          `valid:"required"`
			D *string           `valid:"required"`
			E []string          `valid:"required"`
			F map[string]string `valid:"required"`
			G any               `valid:"required"`
			H any               `valid:"required"`
		}{C: []*inner{nil}, D: &empty, H: (*inner)(nil)}, "D: non zero value required;E: non zero value required;F: non zero value required;G: non zero value required"},
		{"S6", both, struct {
			A *string `valid:"alpha"`
			B *string
		}{}, "B: " + absent},
	} {
		t.Run(test.id, func(t *testing.T) {
			checkErr(t, test.v.Struct(test.value), test.want)
		})
	}
}

func TestOpaque(t *testing.T) {
	v := &validate.Validator{
		FieldsRequiredByDefault: false,
		Opaque:                  func(t reflect.Type) bool { return t == reflect.TypeFor[inner]() },
	}
	checkErr(t, v.Struct(struct {
		A inner
		B *inner
		C []inner
		D any
		E *inner `valid:"required"`
		F inner  `valid:"required"`
	}{inner{"1"}, &inner{"1"}, []inner{{"1"}}, inner{"1"}, nil, inner{"1"}}), "E: non zero value required")
	checkErr(t, v.Struct(struct {
		A inner `valid:"alpha"`
	}{}), "A: alpha cannot be applied to validate_test.inner")
	checkErr(t, v.Struct(inner{"1"}), "")
}

func TestFieldError(t *testing.T) {
	type address struct {
		Street string `json:"street" valid:"length(3|64)"`
		Zip    string `valid:"!numeric~no %s"`
		Town   string `valid:"required"`
	}
	err := validate.Struct(struct{ Homes []address }{[]address{{"a", "1", ""}}})
	got, _ := errors.AsType[validate.Errors](err)
	want := validate.Errors{
		{Path: "Homes.0.street", Pointer: []string{"Homes", "0", "street"}, Name: "street", Rule: "length", Params: []string{"3", "64"}, Value: "a", Message: "a does not validate as length(3|64)"},
		{Path: "Homes.0.Zip", Pointer: []string{"Homes", "0", "Zip"}, Name: "Zip", Rule: "!numeric", Value: "1", Message: "no 1", Custom: true},
		{Path: "Homes.0.Town", Pointer: []string{"Homes", "0", "Town"}, Name: "Town", Rule: "required", Message: "non zero value required"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	type promoted struct{ address }
	err = validate.Struct(struct {
		Home promoted `json:"home"`
	}{promoted{address{Street: "a", Town: "b"}}})
	if got, _ := errors.AsType[validate.Errors](err); len(got) != 1 || strings.Join(got[0].Pointer, "/") != "home/street" {
		t.Errorf("got %+v, want the pointer home/street", got)
	}
	err = validate.Struct(struct{ Homes []address }{[]address{{"a", "1", ""}}})
	if first, ok := errors.AsType[validate.FieldError](fmt.Errorf("wrapped: %w", err)); !ok || first.Name != "street" {
		t.Errorf("got %+v, %v", first, ok)
	}
}

func TestByField(t *testing.T) {
	for _, test := range []struct {
		name  string
		value any
		want  map[string]string
	}{
		{"X3 leaf names", struct{ A inner }{inner{"1"}}, map[string]string{"city": "1 does not validate as alpha"}},
		{"same leaf name", struct {
			A, B inner
			C    Shown
		}{inner{"1"}, inner{"2"}, Shown{"3"}}, map[string]string{
			"A.city": "1 does not validate as alpha",
			"B.city": "2 does not validate as alpha",
			"r":      "3 does not validate as alpha",
		}},
		{"message", struct {
			A string `valid:"alpha~letters"`
		}{"1"}, map[string]string{"A": "letters"}},
		{"M9", struct{ A []inner2 }{[]inner2{{"1"}}}, map[string]string{"City": "letters"}},
		{"X5", struct {
			A struct {
				A string `valid:"required"`
			} `valid:"required"`
		}{}, map[string]string{"A": "non zero value required", "A.A": "non zero value required"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			errs, _ := errors.AsType[validate.Errors](validate.Struct(test.value))
			if got := errs.ByField(); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
	if got := (validate.Errors)(nil).ByField(); len(got) != 0 {
		t.Errorf("no errors: got %q", got)
	}
	twice := validate.Errors{{Path: "x", Name: "x", Message: "a"}, {Path: "x", Name: "x", Message: "b"}}
	if got := fmt.Sprint(twice.ByField()); got != "map[x:b]" {
		t.Errorf("two fields of one json name: got %s", got)
	}
}
