package validate_test

import (
	"math"
	"testing"
	"time"

	"github.com/gongular/gongular/validate"
)

type login struct {
	Password string `valid:"secret,min(3)"`
	Confirm  string `valid:"eqfield(Password)"`
}

func TestComparisons(t *testing.T) {
	ptr := func(i int) *int { return &i }
	noon := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	type base struct{ Low int8 }
	type hiddenBase struct{ High time.Duration }
	type times struct {
		From, To time.Time
		At       *time.Time `valid:"gtefield(From),ltfield(To)"`
	}
	for _, test := range []struct {
		name  string
		value any
		want  string
	}{
		{"equal", struct {
			A string
			B string `valid:"eqfield(A)"`
		}{"x", "x"}, ""},
		{"not equal", struct {
			A string
			B string `valid:"eqfield(A)"`
		}{"x", "y"}, "B: y does not validate as eqfield(A)"},
		{"empty confirmation", struct {
			A string
			B string `valid:"eqfield(A)"`
			C string `valid:"optional,eqfield(A)"`
		}{"x", "", ""}, "B: an empty value does not validate as eqfield(A);C: an empty value does not validate as eqfield(A)"},
		{"both empty", struct {
			A string
			B string `valid:"eqfield(A)"`
			C string `valid:"nefield(A)"`
		}{}, "C: an empty value does not validate as nefield(A)"},
		{"required first", struct {
			A string
			B string `valid:"eqfield(A),required"`
		}{"x", ""}, "B: non zero value required"},
		{"before the rules", struct {
			A string
			B string `valid:"alpha,eqfield(A),min(3)"`
		}{"x", "1"}, "B: 1 does not validate as eqfield(A)"},
		{"bytes, not letters", struct {
			A string
			B string `valid:"gtfield(A)"`
			C string `valid:"ltfield(A)"`
		}{"\xff", "é", "é"}, "B: é does not validate as gtfield(A)"},
		{"bools", struct {
			A bool
			B bool `valid:"eqfield(A)"`
			C bool `valid:"nefield(A)"`
		}{true, false, true}, "B: false does not validate as eqfield(A);C: true does not validate as nefield(A)"},
		{"integers without rounding", struct {
			A uint64
			B int64   `valid:"ltfield(A)"`
			C float64 `valid:"eqfield(A)"`
			D int64   `valid:"eqfield(A)"`
		}{1<<53 + 1, 1<<53 + 1, 1 << 53, 1<<53 + 1}, "B: 9007199254740993 does not validate as ltfield(A);C: 9.007199254740992e+15 does not validate as eqfield(A)"},
		{"NaN", struct {
			A, N float64
			B    float64 `valid:"eqfield(N)"`
			C    float64 `valid:"nefield(N)"`
			D    float64 `valid:"gtefield(A)"`
			E    float64 `valid:"ltefield(A)"`
			F    float64 `valid:"gtfield(A)"`
		}{1, math.NaN(), math.NaN(), 1, math.NaN(), math.NaN(), math.Inf(1)},
			"B: NaN does not validate as eqfield(N);C: 1 does not validate as nefield(N);D: NaN does not validate as gtefield(A);E: NaN does not validate as ltefield(A)"},
		{"either side empty", struct {
			A, B int
			C    int `valid:"gtfield(A)"`
			D    int `valid:"ltfield(B)"`
			E    int `valid:"ltfield(B),required"`
		}{B: -5, C: -1}, "E: non zero value required"},
		{"zero behind pointers", struct {
			A *int
			B *int `valid:"gtfield(A)"`
			C *int `valid:"gtfield(A)"`
			D int  `valid:"eqfield(A)"`
			E *int `valid:"nefield(A)"`
		}{ptr(0), ptr(0), ptr(1), 0, nil}, "B: 0 does not validate as gtfield(A);E: an empty value does not validate as nefield(A)"},
		{"times are instants", times{noon, noon.Add(time.Hour), func() *time.Time { at := noon.In(time.FixedZone("x", 3600)); return &at }()}, ""},
		{"times", times{noon, noon, &noon}, "At: 2024-02-29 12:00:00 +0000 UTC does not validate as ltfield(To)"},
		{"nil time", times{noon, noon, nil}, ""},
		{"promoted", struct {
			base
			*hiddenBase
			A int           `valid:"gtfield(Low)"`
			B time.Duration `valid:"ltefield(High)"`
		}{base{5}, &hiddenBase{time.Second}, 5, 2 * time.Second}, "A: 5 does not validate as gtfield(Low);B: 2s does not validate as ltefield(High)"},
		{"promoted from nil", struct {
			*hiddenBase
			A time.Duration `valid:"ltfield(High)"`
			B time.Duration `valid:"eqfield(High)"`
		}{nil, 1, 1}, "B: 1ns does not validate as eqfield(High)"},
		{"message", struct {
			A string
			B string `valid:"eqfield(A)~%s: see %s"`
		}{"x", "y"}, "y: see eqfield(A)"},
		{"secret", login{"hunter2", "hunter3"}, "Confirm: the value does not validate as eqfield(Password)"},
		{"secret around", struct {
			login `valid:"secret"`
			A     string `valid:"nefield(Confirm)~%s is it"`
		}{login{"abc", "abc"}, "abc"}, "*** is it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkErr(t, validate.Struct(test.value), test.want)
		})
	}
}

func TestConditions(t *testing.T) {
	ptr := func(s string) *string { return &s }
	type event struct {
		Kind  string
		Count int8
		On    bool
		Size  *float32
		Delay time.Duration
		Level level
		A     string    `json:"a" valid:"required_if(Kind|x|y)"`
		B     *string   `valid:"required_if(Count|-5)"`
		C     []string  `valid:"required_unless(On|false)"`
		D     any       `valid:"required_if(Size|1.50)~say how large"`
		E     time.Time `valid:"required_if(Delay|90s)"`
		F     bool      `valid:"required_if(Level|xxx)"`
	}
	size := float32(1.5)
	const required = "non zero value required"
	for _, test := range []struct {
		name  string
		value event
		want  string
	}{
		{"nothing", event{}, ""},
		{"string", event{Kind: "y"}, "a: " + required},
		{"another string", event{Kind: "z"}, ""},
		{"given", event{Kind: "x", A: "a"}, ""},
		{"int", event{Count: -5}, "B: " + required},
		{"pointer to nothing", event{Count: -5, B: ptr("")}, "B: " + required},
		{"pointer", event{Count: -5, B: ptr("b")}, ""},
		{"unless", event{On: true}, "C: " + required},
		{"unless, empty list", event{On: true, C: []string{}}, "C: " + required},
		{"unless, given", event{On: true, C: []string{""}}, ""},
		{"float", event{Size: &size}, "say how large"},
		{"float, zero in an interface", event{Size: &size, D: ptr("")}, "say how large"},
		{"float, given", event{Size: &size, D: 1}, ""},
		{"duration", event{Delay: 90 * time.Second}, "E: " + required},
		{"spells itself", event{Level: 3}, "F: " + required},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkErr(t, validate.Struct(test.value), test.want)
		})
	}
	type nilText struct {
		K *string
		A string `valid:"required_if(K|)"`
	}
	checkErr(t, validate.Struct(nilText{}), "A: "+required)
	checkErr(t, validate.Struct(nilText{K: ptr("k")}), "")
}

func TestWithAndWithout(t *testing.T) {
	type contact struct {
		Mail  string
		Phone *string
		Name  string `valid:"required_with(Mail|Phone),alpha"`
		Post  string `valid:"required_without(Mail|Phone)"`
	}
	number, none := "1", ""
	const required = "non zero value required"
	for _, test := range []struct {
		value contact
		want  string
	}{
		{contact{}, "Post: " + required},
		{contact{Mail: "m"}, "Name: " + required + ";Post: " + required},
		{contact{Phone: &none}, "Post: " + required},
		{contact{Mail: "m", Phone: &number, Name: "1"}, "Name: 1 does not validate as alpha"},
		{contact{Mail: "m", Phone: &number, Name: "a"}, ""},
		{contact{Phone: &number, Name: "a", Post: "b"}, ""},
	} {
		checkErr(t, validate.Struct(test.value), test.want)
	}

	// The tag says when the field may be empty, and nil pointers may have a licence.
	type strict struct {
		A string  `valid:"optional"`
		B string  `valid:"required_with(A)"`
		C *string `valid:"required_without(A)"`
	}
	checkErr(t, (&validate.Validator{FieldsRequiredByDefault: true}).Struct(strict{}), "C: "+required)
	checkErr(t, (&validate.Validator{NilPtrAllowedByRequired: true}).Struct(strict{}), "")
	errs, _ := validate.Struct(strict{}).(validate.Errors)
	if len(errs) != 1 || errs[0].Rule != "required_without" || len(errs[0].Params) != 1 || errs[0].Params[0] != "A" {
		t.Errorf("got %+v", errs)
	}
}
