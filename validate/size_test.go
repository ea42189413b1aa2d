package validate_test

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular/validate"
)

func TestSizes(t *testing.T) {
	zero := 0
	for _, test := range []struct {
		name  string
		value any
		tag   string
		want  string
	}{
		{"int", 3, "min(3),max(3),len(3)", ""},
		{"int", 2, "min(3)", "2 does not validate as min(3)"},
		{"int", 4, "max(3)", "4 does not validate as max(3)"},
		{"int", 4, "len(3)", "4 does not validate as len(3)"},
		{"negative", int8(-128), "min(-127)", "-128 does not validate as min(-127)"},
		{"exact", int64(math.MaxInt64), "max(9223372036854775806)", "9223372036854775807 does not validate as max(9223372036854775806)"},
		{"exact, unsigned", uint64(math.MaxUint64), "min(18446744073709551615)", ""},
		{"float", 1.5, "min(1.5),max(1.50)", ""},
		{"float", -0.25, "min(-0.2)", "-0.25 does not validate as min(-0.2)"},
		{"float32", float32(0.1), "min(0.1),max(0.1)", ""},
		{"NaN", math.NaN(), "min(0)", "NaN does not validate as min(0)"},
		{"NaN", math.NaN(), "max(0)", "NaN does not validate as max(0)"},
		{"infinity", math.Inf(1), "max(1)", "+Inf does not validate as max(1)"},
		{"infinity", math.Inf(1), "min(1)", ""},
		{"duration", 89 * time.Second, "min(1m30s)", "1m29s does not validate as min(1m30s)"},
		{"duration in nanoseconds", 89 * time.Second, "max(5)", "1m29s does not validate as max(5)"},
		{"duration", 90 * time.Second, "len(1m30s),max(1.5h),min(-1s)", ""},
		{"spells itself", level(3), "max(2)", "xxx does not validate as max(2)"},
		{"characters", "日本", "len(2)", ""},
		{"invalid UTF-8", "\xff\xfe", "len(2)", ""},
		{"characters", "日本", "min(3)", "日本 does not validate as min(3)"},
		{"bytes", []byte("日本"), "len(6)", ""},
		{"bytes", []byte("abc"), "max(2)", "abc does not validate as max(2)"},
		{"bytes that spell themselves", addr{1, 2}, "max(1)", "addr does not validate as max(1)"},
		{"list", []int{7, 8, 9}, "max(2)", "3 does not validate as max(2)"},
		{"list", []string{"abcdef"}, "max(2)", ""},
		{"array", [2]int{1}, "len(2)", ""},
		{"array that spells itself", uid{1, 2}, "len(3)", "2 does not validate as len(3)"},
		{"map", map[string]int{"a": 1}, "min(2)~%s of %s", "1 of min(2)"},
		{"map without string keys", map[int]int{1: 1}, "min(2)", "1 does not validate as min(2)"},
		{"any", any(5), "max(3)", "5 does not validate as max(3)"},
		{"empty int", 0, "min(1)", "0 does not validate as min(1)"},
		{"empty string", "", "min(1)", "an empty value does not validate as min(1)"},
		{"empty bytes", []byte{}, "min(1)", "an empty value does not validate as min(1)"},
		{"empty list", []int{}, "min(1)", "0 does not validate as min(1)"},
		{"nil list", []int(nil), "min(1)", "0 does not validate as min(1)"},
		{"nil map", map[string]int(nil), "len(1)", "0 does not validate as len(1)"},
		{"optional", 0, "min(1),optional", ""},
		{"optional", "", "optional,min(1)", ""},
		{"required", "", "min(1),required", "non zero value required"},
		{"nil pointer", (*int)(nil), "min(1)", ""},
		{"pointer to zero", &zero, "min(1)", "0 does not validate as min(1)"},
		{"pointer to zero, optional", &zero, "min(1),optional", ""},
		{"nil", nil, "min(1)", ""},
		{"present is not optional", &zero, "present,min(1)", "0 does not validate as min(1)"},
		{"before the rules", "1", "alpha,min(2)", "1 does not validate as min(2)"},
		{"in the order of the tag", "1", "min(3),min(2)", "1 does not validate as min(3)"},
		{"in an interface that does not fit", []any{true}, "each(min(1))", "0: Validator min(1) doesn't support kind bool"},
		{"oneof", "c", "oneof(a|b)", "c does not validate as oneof(a|b)"},
		{"oneof", 2, "!oneof(1|2)", "2 does validate as oneof(1|2)"},
	} {
		t.Run(test.name+" "+test.tag, func(t *testing.T) {
			checkErr(t, validate.Value(test.value, test.tag), test.want)
		})
	}

	type held struct {
		A any `valid:"min(1.5)"`
		B any `valid:"min(1)"`
		C any `valid:"len(2)"`
	}
	checkErr(t, validate.Struct(held{2, true, time.Time{}}), `A: The following validator is invalid or can't be applied to the field: "min(1.5)";B: Validator min(1) doesn't support kind bool`)
	checkErr(t, validate.Struct(held{nil, int8(5), []any{nil}}), `C: 1 does not validate as len(2)`)
	errs, _ := validate.Value(strings.Split("a b c", " "), "max(2)").(validate.Errors)
	if len(errs) != 1 || errs[0].Rule != "max" || errs[0].Value != "3" || errs[0].Params[0] != "2" {
		t.Errorf("got %+v", errs)
	}
	checkErr(t, (&validate.Validator{FieldsRequiredByDefault: true}).Struct(struct {
		A int `valid:"min(1)"`
	}{}), "A: Missing required field")
}

func TestSizesTakeNoMemory(t *testing.T) {
	type sized struct {
		A string        `valid:"min(1),max(5)"`
		B int           `valid:"min(1)"`
		C []string      `valid:"max(3),alpha"`
		D time.Duration `valid:"max(1h)"`
		E float64       `valid:"ltefield(F)"`
		F float64
	}
	x := &sized{"a", 1, []string{"b"}, time.Second, 1, 2}
	if err := validate.Struct(x); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { validate.Struct(x) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The quick path takes sizes for one span; the walk asks one after another.
func TestSizesQuickly(t *testing.T) {
	type values struct {
		Int      int8     `valid:"min(-3),max(4)"`
		Unsigned uint16   `valid:"max(7),min(2),max(5)"`
		Float    float32  `valid:"min(-0.5),max(1.5)"`
		Exact    int64    `valid:"len(9223372036854775807)"`
		Text     string   `valid:"min(2),max(3),lowercase"`
		List     []string `valid:"min(1),max(2)"`
		Optional string   `valid:"optional,min(3)"`
		Required float64  `valid:"required,max(2)"`
	}
	good := values{1, 3, 0.5, math.MaxInt64, "ab", []string{"a"}, "", 1}
	plan, err := new(validate.Validator).Compile(reflect.TypeFor[values]())
	if err != nil {
		t.Fatal(err)
	}
	check := func(v values, want bool) {
		t.Helper()
		quick, direct, walked := validate.ThreeWays(plan, reflect.ValueOf(v))
		if quick != want || direct != want || walked != want {
			t.Errorf("%+v: quickly %v, directly %v, walked %v, want %v", v, quick, direct, walked, want)
		}
	}
	with := func(change func(*values)) values {
		v := good
		change(&v)
		return v
	}
	check(good, true)
	for i := int8(-128); i < 127; i++ {
		check(with(func(v *values) { v.Int = i }), -3 <= i && i <= 4)
	}
	for u := range uint16(10) {
		check(with(func(v *values) { v.Unsigned = u }), 2 <= u && u <= 5)
	}
	nan := float32(math.NaN())
	for f, want := range map[float32]bool{-1: false, -0.5: true, 0: true, 1.5: true, math.Nextafter32(1.5, 2): false, float32(math.Inf(1)): false, nan: false} {
		check(with(func(v *values) { v.Float = f }), want)
	}
	check(with(func(v *values) { v.Exact-- }), false)
	for s, want := range map[string]bool{"": false, "a": false, "abc": true, "abcd": false, "日": false, "日本": true, "日本語": true, "日本語日": false, "\xff\xff\xff": false, "\U0001f600\U0001f600\U0001f600\U0001f600": false, "AB": false} {
		check(with(func(v *values) { v.Text = s }), want)
	}
	for n := range 4 {
		check(with(func(v *values) { v.List = make([]string, n) }), n == 1 || n == 2)
	}
	for s, want := range map[string]bool{"a": false, "abc": true, "日本": false} {
		check(with(func(v *values) { v.Optional = s }), want)
	}
	for f, want := range map[float64]bool{0: false, 2: true, 3: false, math.NaN(): false} {
		check(with(func(v *values) { v.Required = f }), want)
	}
}
