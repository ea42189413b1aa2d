package validate_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/asaskevich/govalidator/v12"

	"github.com/gongular/gongular/validate"
)

type (
	city struct {
		City string `json:"city" valid:"alpha"`
	}
	hidden struct {
		Note string `valid:"alpha"`
	}
	key  string
	self *self
	ring struct {
		Name string `valid:"alpha"`
		Next *ring
	}
)

// What differs on purpose, side by side: the deviations by their number, rules by
// their letter where ours goes further than the deviations say.
func TestDeviations(t *testing.T) {
	bad := &city{"1"}
	for _, test := range []struct {
		id           string
		value        any
		theirs, ours string
	}{
		{"D1 datauri", struct {
			A string `valid:"datauri"`
			B string `valid:"!datauri"`
		}{"data:image/png;base64", "data:image/png;base64"},
			"panics",
			"refused: A: data:image/png;base64 does not validate as datauri"},
		{"D1 message", struct {
			A string `valid:"alpha~%s %s %s"`
		}{"1"}, "panics", "refused: 1 alpha %s"},
		{"D1 key type", struct{ M map[key]city }{map[key]city{"k": {"1"}}},
			"panics",
			"refused: M.k.city: 1 does not validate as alpha"},

		{"D2 slice", struct {
			L []string `valid:"alpha"`
		}{[]string{"a", "<b>"}}, "accepted", "refused: L: <b> does not validate as alpha"},
		{"D2 first is empty", struct {
			L []string `valid:"alpha"`
		}{[]string{"", "<b>"}}, "accepted", "refused: L: <b> does not validate as alpha"},
		{"D2 array", struct {
			L [2]string `valid:"alpha"`
		}{[2]string{"a", "<b>"}}, "accepted", "refused: L: <b> does not validate as alpha"},
		{"D2 map", struct {
			M map[string]string `valid:"alpha"`
		}{map[string]string{"a": "a", "b": "<b>"}}, "accepted", "refused: M: <b> does not validate as alpha"},
		{"D2 slices in a slice", struct {
			L [][]string `valid:"alpha"`
		}{[][]string{{"a"}, {"<b>"}}}, "accepted", "refused: L: <b> does not validate as alpha"},

		{"D3 slice of pointers", struct{ L []*city }{[]*city{bad}}, "accepted", "refused: L.0.city: 1 does not validate as alpha"},
		{"D3 map of pointers", struct{ M map[string]*city }{map[string]*city{"k": bad}}, "accepted", "refused: M.k.city: 1 does not validate as alpha"},
		{"D3 pointer to pointer", struct{ P **city }{&bad}, "accepted", "refused: P.city: 1 does not validate as alpha"},
		{"D3 array", struct{ A [1]city }{[1]city{*bad}}, "accepted", "refused: A.0.city: 1 does not validate as alpha"},
		{"D3 pointer to slice", struct{ P *[]city }{&[]city{*bad}}, "accepted", "refused: P.0.city: 1 does not validate as alpha"},

		{"D4", struct {
			A any
			B error `valid:"optional"`
			C any   `valid:"alpha"`
			D any   `valid:"-"`
		}{}, "refused without error", "accepted"},
		{"D4 required", struct {
			A any `valid:"required"`
		}{}, "refused without error", "refused: A: non zero value required"},

		{"D5 tagged", struct {
			L []any `valid:"alpha"`
		}{[]any{"a"}}, "refused: function only accepts structs; got string", "accepted"},
		{"D5 tagged map", struct {
			M map[string]any `valid:"alpha"`
		}{map[string]any{"k": 1}}, "refused: function only accepts structs; got int", "refused: M: 1 does not validate as alpha"},
		{"D5 untagged", struct{ L []any }{[]any{*bad}}, "accepted", "refused: L.0.city: 1 does not validate as alpha"},
		{"D5 pointer", struct{ P *any }{func() *any { var a any = bad; return &a }()}, "accepted", "refused: P.city: 1 does not validate as alpha"},

		{"D6 json", struct {
			A json.RawMessage `valid:"json"`
		}{json.RawMessage("{broken")}, "accepted", "refused: A: {broken does not validate as json"},
		{"D6 alpha", struct {
			A []byte `valid:"alpha"`
		}{[]byte("abc")}, "refused: A: 97 does not validate as alpha", "accepted"},
		{"D6 required", struct {
			A []byte `valid:"required"`
		}{[]byte{0}}, "refused: A: non zero value required", "accepted"},

		{"D7 untagged", struct{ M map[int]string }{map[int]string{1: "a"}}, "refused: validator: unsupported type: map[int]string", "accepted"},
		{"D7 untagged structs", struct{ M map[int]city }{map[int]city{7: *bad}}, "refused: validator: unsupported type: map[int]validate_test.city", "refused: M.7.city: 1 does not validate as alpha"},
		{"D7 in a slice", struct{ L []map[int]string }{[]map[int]string{{1: "a"}}}, "refused: validator: unsupported type: map[int]string", "accepted"},
		{"D7 tagged map", struct {
			M map[int]string `valid:"alpha"`
		}{map[int]string{1: "a"}}, "refused: validator: unsupported type: map[int]string", `mistake: M: map[int]string cannot be checked, only left out with "-"`},
		{"D7 tagged func", struct {
			F func() `valid:"optional"`
		}{func() {}}, "refused: validator: unsupported type: func()", `mistake: F: func() cannot be checked, only left out with "-"`},
		{"D7 tagged complex", struct {
			C any `valid:"required"`
		}{1i}, "refused: validator: unsupported type: complex128", "refused: C: validator: unsupported type: complex128"},

		{"D8", struct {
			L []city `json:"list"`
		}{[]city{*bad}}, "refused: L.0.list: 1 does not validate as alpha", "refused: L.0.city: 1 does not validate as alpha"},

		{"D9", struct{ hidden }{hidden{"1"}}, "accepted", "refused: hidden.Note: 1 does not validate as alpha"},
		{"D9 pointer", struct{ *hidden }{&hidden{"1"}}, "accepted", "refused: hidden.Note: 1 does not validate as alpha"},

		{"D10 semicolon", struct {
			A string `valid:"matches(^[a-z;]+$)"`
		}{"<b>"}, "accepted", `mistake: A: "matches(^[a-z;]+$)": ';' cannot be part of an option`},
		{"D10 beyond letters", struct {
			A string `valid:"in(€|$)"`
		}{"<b>"}, "accepted", `mistake: A: "in(€|$)": '€' cannot be part of an option`},
		{"D10 unknown, T5", struct {
			A string `valid:"alhpa"`
		}{"a"}, `refused: A: The following validator is invalid or can't be applied to the field: "alhpa"`, `mistake: A: unknown validator "alhpa"; did you mean "alpha"?`},
		{"D10 unknown, on nothing", struct {
			A string `valid:"alhpa"`
		}{""}, "accepted", `mistake: A: unknown validator "alhpa"; did you mean "alpha"?`},
		{"D10 parameters, T6", struct {
			A string `valid:"length(1|x)"`
		}{"a"}, `refused: A: The following validator is invalid or can't be applied to the field: "length(1|x)"`, "mistake: A: length(1|x): want two whole numbers without signs or spaces: length(min|max)"},
		{"D10 pattern, N4", struct {
			A string `valid:"!matches([)"`
		}{"<b>"}, "accepted", "mistake: A: matches([): error parsing regexp: missing closing ]: `[`: matches(regexp)"},
		{"D10 kind, K4", struct {
			A bool `valid:"alpha"`
		}{true}, "refused: A: Validator alpha doesn't support kind bool for value true", "mistake: A: alpha cannot be applied to bool"},
		{"D10 kind, K5", struct {
			A city `valid:"alpha"`
		}{city{"a"}}, `refused: A: The following validator is invalid or can't be applied to the field: "alpha"`, "mistake: A: alpha cannot be applied to validate_test.city"},
		{"D10 kind, L6", struct {
			L []city `valid:"alpha"`
		}{[]city{{"a"}}}, `refused: L: The following validator is invalid or can't be applied to the field: "alpha"`, "mistake: L: alpha cannot be applied to validate_test.city"},
		{"D10 negated word, N3", struct {
			A string `valid:"!required"`
		}{"a"}, `refused: A: The following validator is invalid or can't be applied to the field: "!required"`, `mistake: A: "required" cannot be negated`},
		{"D10 hyphen, T7", struct {
			A string `valid:"alpha,-"`
		}{"a"}, `refused: A: The following validator is invalid or can't be applied to the field: "-"`, `mistake: A: "-" has to be the whole tag`},

		{"D11", struct {
			A string `valid:"alpha~100%"`
			B string `valid:"alpha~%d"`
			C string `valid:"required~%s"`
		}{A: "1", B: "1"}, "refused: %!d(MISSING);%!s(MISSING);100%!(NOVERB)", "refused: %d;%s;100%"},

		{"D12", struct {
			A string `valid:"range(0|10)"`
		}{"<script>"}, "accepted", "refused: A: <script> does not validate as range(0|10)"},
		{"D13", struct {
			A string `valid:"url"`
		}{"javascript:1/alert(1)"}, "accepted", "refused: A: javascript:1/alert(1) does not validate as url"},
		{"D14", struct {
			A string `valid:"email"`
		}{"\r\n \"@x.com"}, "accepted", "refused: A: \r\n \"@x.com does not validate as email"},
		{"D15", struct {
			A string `valid:"ipv4"`
		}{"::ffff:1.2.3.4"}, "accepted", "refused: A: ::ffff:1.2.3.4 does not validate as ipv4"},
		{"D16", struct {
			A string `valid:"jwt"`
		}{"e30.e30.\n"}, "accepted", "refused: A: e30.e30.\n does not validate as jwt"},
		{"D17", struct {
			A string `valid:"datauri"`
		}{"data:a/b;base64,Zm9v,<script>"}, "accepted", "refused: A: data:a/b;base64,Zm9v,<script> does not validate as datauri"},

		{"D19", struct {
			A string `valid:"length(1|010)"`
			B string `valid:"minstringlength(03)"`
		}{"a", "a"}, "refused: A: a does not validate as length(1|010)", "refused: B: a does not validate as minstringlength(03)"},
		{"D19 too large", struct {
			A string `valid:"length(0|99999999999999999999)"`
		}{"a"}, "refused: A: a does not validate as length(0|99999999999999999999)", "mistake: A: length(0|99999999999999999999): number too large: length(min|max)"},

		{"T3", struct {
			A string `valid:"matches(^[a-z]{1,3}$)"`
		}{"abc"}, `refused: A: The following validator is invalid or can't be applied to the field: "matches(^[a-z]{1"`, "accepted"},
	} {
		t.Run(test.id, func(t *testing.T) {
			got := theirs(test.value).String()
			if test.theirs == "panics" {
				got, _, _ = strings.Cut(got, ":") // the words are those of the runtime
			}
			if got != test.theirs {
				t.Errorf("govalidator: %q\nwant         %q", got, test.theirs)
			}
			o, err := ours(&standard, test.value)
			if got = o.String(); err != nil {
				got = "mistake: " + err.Error()
			}
			if got != test.ours {
				t.Errorf("ours: %q\nwant  %q", got, test.ours)
			}
		})
	}
}

// Where fields are required, optional holds for all elements (S4, D2), and an
// embedded unexported struct needs no tag (D9).
func TestDeviationsRequired(t *testing.T) {
	govalidator.SetFieldsRequiredByDefault(true)
	defer govalidator.SetFieldsRequiredByDefault(false)
	v := &validate.Validator{FieldsRequiredByDefault: true}
	for _, test := range []struct {
		id           string
		value        any
		theirs, ours string
	}{
		{"S4", struct {
			L []string `valid:"optional"`
		}{[]string{"", ""}}, "refused: L: Missing required field", "accepted"},
		{"S1 D9", struct{ hidden }{hidden{"1"}}, "accepted", "refused: hidden.Note: 1 does not validate as alpha"},
		{"S1 D4", struct{ A any }{}, "refused without error", "refused: A: All fields are required to at least have one validation defined"},
	} {
		if got := theirs(test.value).String(); got != test.theirs {
			t.Errorf("%s: govalidator: %q, want %q", test.id, got, test.theirs)
		}
		if got := mustOurs(t, v, test.value).String(); got != test.ours {
			t.Errorf("%s: ours: %q, want %q", test.id, got, test.ours)
		}
	}
}

// A value that reaches itself is refused (D18). Govalidator is not asked: its
// stack overflows, which ends the process.
func TestCycle(t *testing.T) {
	r := &ring{Name: "a"}
	r.Next = r
	var p self
	p = &p
	for _, x := range []any{r, &struct{ P self }{p}} {
		errs, ok := errors.AsType[validate.Errors](standard.Struct(x))
		if _, is := x.(*ring); is != ok {
			t.Errorf("%T: errors %v, want some for the ring, and none where no rule is", x, errs)
		}
		for _, e := range errs {
			if e.Rule != "depth" {
				t.Errorf("%T: %+v, want the depth", x, e)
			}
		}
	}
}
