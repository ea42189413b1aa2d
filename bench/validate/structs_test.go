package validate_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/asaskevich/govalidator/v12"

	"github.com/gongular/gongular/validate"
)

// Struct types are made from chance, and values of them. What section 7 of the
// deviations speaks of is avoided here, and has rows of its own in
// TestDeviations: then both libraries have to say the same, to the letter.

const (
	structTypes   = 320 // for each setting of the switches
	valuesPerType = 8
)

type (
	grade int

	Base struct {
		ID      string `json:"id" valid:"uuid,length(36|36)"`
		Version int    `json:"version,omitempty" valid:"range(1|10)"`
	}
	Address struct {
		Street string `json:"street" valid:"required~where,length(2|20)"`
		City   string `valid:"alpha~%s has to be %s"`
		Zip    *int   `json:"-" valid:"numeric,!in(1|2)"`
		note   string
	}
	Person struct {
		Base
		Name    string   `json:"name" valid:"required,alpha,length(1|8)~too long"`
		Home    Address  `json:"home"`
		Work    *Address `valid:"optional"`
		Friends []Person `valid:"optional"`
		Since   time.Time
	}
	Bare struct {
		Text  string
		Count int
	}
	Loose struct {
		Nick string        `valid:"lowercase"`
		Wait time.Duration `valid:"length(2|6)"`
	}
)

// String spells a grade as g's.
func (g grade) String() string { return strings.Repeat("g", int(g)) }

// Structs whose zero value is valid, and those with required fields.
var structs = []reflect.Type{
	reflect.TypeFor[Base](), reflect.TypeFor[Loose](), reflect.TypeFor[Address](), reflect.TypeFor[Person](), reflect.TypeFor[Bare](), reflect.TypeFor[time.Time](),
}

var scalars = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[string](), reflect.TypeFor[string](), reflect.TypeFor[string](), reflect.TypeFor[word](), reflect.TypeFor[json.Number](),
	reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int64](), reflect.TypeFor[uint](), reflect.TypeFor[uint16](), reflect.TypeFor[float32](), reflect.TypeFor[float64](),
	reflect.TypeFor[grade](), reflect.TypeFor[time.Duration](),
}

// texts are what strings are set to. No deviation is about any of them.
var texts = append([]string{
	"", "", "a", "1", "abc", "ABC", "aBc", "12345", "-5", "1.5", "5", "a b", " ", "é", "日本", "100%", "%s", "a@b.c", "http://foo.com", "x;y", "<b>", "a\nb", "\xff", "\x00", "=", "~", "DE", "EUR",
}, sampleOfEach()...)

// sampleOfEach is one accepted example of each rule that no deviation of any
// rule is about.
func sampleOfEach() (list []string) {
	for i := range rules {
		if accepted := rules[i].accepted; len(accepted) > 0 && len(accepted[0]) < 100 {
			list = append(list, accepted[0])
		}
	}
	return list
}

// plainRules are the rules that the tags of structs are made from: those that
// have no deviation for any value here.
func plainRules() []*rule {
	var list []*rule
	for i := range rules {
		c := &rules[i]
		s := newSubject(reflect.TypeFor[string](), c.tag)
		deviates := func(value string) bool {
			o := theirs(s.set(value))
			want, _ := c.expected(value, o.ok)
			return value != "" && (want != o.ok || o.panics != "")
		}
		spelt := []string{"3ns", "1h0m0s", "ggg", "0001-01-01", "1e+06", "NaN", "+Inf"}
		if !slices.ContainsFunc(texts, deviates) && !slices.ContainsFunc(spelt, deviates) {
			list = append(list, c)
		}
	}
	return list
}

// A shaper makes struct types and values of them.
type shaper struct {
	r             *rand.Rand
	rules         []*rule
	requiredAll   bool // SetFieldsRequiredByDefault
	depth         int
	accepted, all int
}

func (s *shaper) oneIn(n int) bool { return s.r.IntN(n) == 0 }

// tag is a tag of up to four options, of which only the words required and optional are
// not rules. For bool and structs, where there are no rules, it has the words alone.
func (s *shaper) tag(withRules bool) string {
	if s.oneIn(7) {
		return pick(s.r, []string{"", "-", " ", " , "})
	}
	var options []string
	if s.oneIn(3) {
		options = append(options, "required"+pick(s.r, []string{"", "", "", "~say something"}))
	}
	if s.oneIn(3) || s.requiredAll && s.oneIn(2) {
		options = append(options, "optional")
	}
	if withRules {
		for range 1 + s.r.IntN(3) {
			option := pick(s.r, s.rules).tag
			if s.oneIn(4) {
				option = "!" + option
			}
			if s.oneIn(4) {
				option += pick(s.r, []string{"~no", "~%s?", "~%s is not %s", "~a~b", "~", "~ with spaces "})
			}
			options = append(options, option)
		}
	}
	s.r.Shuffle(len(options), func(i, j int) { options[i], options[j] = options[j], options[i] })
	return strings.Join(options, pick(s.r, []string{",", ", ", " ,", ",,"}))
}

// structType is a struct type with up to seven fields.
func (s *shaper) structType() reflect.Type {
	s.depth++
	defer func() { s.depth-- }()
	var fields []reflect.StructField
	if s.oneIn(5) {
		fields = append(fields, reflect.StructField{Name: "Base", Type: reflect.TypeFor[Base](), Anonymous: true, Tag: s.structTag(s.words(), true)})
	}
	if s.oneIn(5) {
		fields = append(fields, reflect.StructField{Name: "Address", Type: reflect.TypeFor[*Address](), Anonymous: true, Tag: s.structTag(s.words(), true)})
	}
	for i := range 1 + s.r.IntN(4) {
		f := s.field()
		f.Name = "F" + decimal(i)
		fields = append(fields, f)
	}
	if s.oneIn(5) {
		fields = append(fields, reflect.StructField{Name: "hidden", PkgPath: "x", Type: reflect.TypeFor[string](), Tag: `valid:"required"`})
	}
	return reflect.StructOf(fields)
}

// words is a tag that asks for no rule.
func (s *shaper) words() string { return s.tag(false) }

// structTag puts the tag into a field's, with a json name or without.
func (s *shaper) structTag(tag string, mayHaveName bool) reflect.StructTag {
	var parts []string
	if mayHaveName && s.oneIn(2) {
		name := pick(s.r, []string{"a", "b", "c", "d", "name", "the name"}) + decimal(s.r.IntN(10))
		parts = append(parts, "json:"+strconv.Quote(pick(s.r, []string{name, name, name + ",omitempty", "-", "-,", ",omitempty", "twice"})))
	}
	if tag != "" || s.oneIn(2) {
		parts = append(parts, "valid:"+strconv.Quote(tag))
	}
	if s.oneIn(5) {
		parts = append(parts, `form:"other" query:"other"`)
	}
	return reflect.StructTag(strings.Join(parts, " "))
}

// field is a field of any type, with a tag that is right for it.
func (s *shaper) field() reflect.StructField {
	scalar := pick(s.r, scalars)
	typ, tag, named := scalar, s.tag(true), true
	switch s.r.IntN(20) {
	case 0:
		typ = reflect.PointerTo(scalar)
	case 1:
		typ = reflect.PointerTo(reflect.PointerTo(scalar))
	case 2:
		typ = reflect.SliceOf(scalar)
	case 3:
		typ = reflect.ArrayOf(1+s.r.IntN(3), scalar)
	case 4:
		typ = reflect.MapOf(pick(s.r, []reflect.Type{reflect.TypeFor[string](), reflect.TypeFor[word]()}), scalar)
	case 5:
		typ = reflect.SliceOf(reflect.PointerTo(scalar))
	case 6:
		typ = reflect.SliceOf(reflect.SliceOf(scalar))
	case 7:
		typ = reflect.TypeFor[bool]()
		tag = s.words()
	case 8:
		typ = reflect.TypeFor[any]()
	case 9, 10, 11:
		typ, tag = s.someStruct(), s.words()
	case 12, 13:
		typ, tag = reflect.PointerTo(s.someStruct()), s.words()
	case 14: // X4, D8: its json name would take the place of others
		typ, tag, named = reflect.SliceOf(s.someStruct()), s.words(), false
	case 15:
		typ, tag, named = reflect.MapOf(reflect.TypeFor[string](), s.someStruct()), s.words(), false
	case 16:
		typ, tag, named = pick(s.r, []reflect.Type{reflect.TypeFor[[][]Loose](), reflect.TypeFor[map[string][]Address](), reflect.TypeFor[[]map[string]Base]()}), s.words(), false
	case 17: // D6: the bytes are no numbers to us
		typ, tag = reflect.TypeFor[[]byte](), pick(s.r, []string{"-", "optional", "required", "required,optional"})
	case 18: // D7
		typ, tag = pick(s.r, []reflect.Type{reflect.TypeFor[map[int]string](), reflect.TypeFor[func()](), reflect.TypeFor[complex128](), reflect.TypeFor[chan int]()}), "-"
	}
	return reflect.StructField{Type: typ, Tag: s.structTag(tag, named)}
}

func (s *shaper) someStruct() reflect.Type {
	if s.depth < 2 && s.oneIn(2) {
		return s.structType()
	}
	return pick(s.r, structs)
}

// fill sets v, and what it holds, by chance. Empty values are rarer than others.
func (s *shaper) fill(v reflect.Value) {
	if v.Kind() != reflect.Struct && v.Kind() != reflect.Array && v.Kind() != reflect.Interface && s.oneIn(8) {
		return
	}
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		if s.oneIn(2) {
			v.Set(reflect.ValueOf(time.Unix(s.r.Int64N(1e9), 0)))
		}
		return
	case reflect.TypeFor[time.Duration]():
		v.SetInt(pick(s.r, []int64{0, 3, 3600e9}))
		return
	case reflect.TypeFor[grade]():
		v.SetInt(int64(s.r.IntN(4)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(pick(s.r, texts))
	case reflect.Bool:
		v.SetBool(s.oneIn(2))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		s.fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			// Of 2^n, or of recursive, structs a few will do.
			if s.depth++; s.depth < 6 || v.Field(i).Kind() == reflect.String {
				s.fill(v.Field(i))
				s.please(v.Field(i), v.Type().Field(i).Tag.Get("valid"))
			}
			s.depth--
		}
	case reflect.Interface:
		x := pick(s.r, []any{"a", "1", "", 7, -5, true, false, 1.5, Loose{"a", 3}, Loose{"A", 0}, &Base{"x", 1}, &Base{}, (*Base)(nil), Bare{"x", 1}, uintptr(3), []string{"1"}, word("abc"), grade(2)})
		v.Set(reflect.ValueOf(x))
	case reflect.Slice, reflect.Array:
		if v.Type() == reflect.TypeFor[[]byte]() {
			v.SetBytes([]byte(pick(s.r, []string{"", "a", "a\xffb"})))
			return
		}
		if v.Kind() == reflect.Slice {
			n := s.r.IntN(4)
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range v.Len() {
			s.element(v.Index(i), i, v.Len(), v.Index(0))
		}
	case reflect.Map:
		if v.Type().Key().Kind() != reflect.String {
			v.Set(reflect.MakeMap(v.Type()))
			v.SetMapIndex(reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem())
			return
		}
		v.Set(reflect.MakeMap(v.Type()))
		var first reflect.Value
		n := s.r.IntN(4)
		for i := range n {
			e := reflect.New(v.Type().Elem()).Elem()
			if i == 0 {
				first = e
			}
			s.element(e, i, n, first)
			v.SetMapIndex(reflect.ValueOf("k"+decimal(i)).Convert(v.Type().Key()), e)
		}
	case reflect.Func, reflect.Chan, reflect.Complex128:
	default:
		v.Set(someNumber(s.r, v.Type()))
	}
}

// please sets a string to what one of the rules in its tag accepts, mostly.
func (s *shaper) please(v reflect.Value, tag string) {
	if v.Kind() != reflect.String || s.oneIn(4) {
		return
	}
	for option := range strings.SplitSeq(tag, ",") {
		option, _, _ = strings.Cut(strings.TrimSpace(option), "~")
		i := slices.IndexFunc(s.rules, func(c *rule) bool { return c.tag == option && len(c.accepted) > 0 })
		if i >= 0 {
			v.SetString(s.rules[i].accepted[0])
		}
	}
}

// element fills the i-th of n elements of a collection. If there are no structs in
// it, it is like the first, but that the last may be empty: govalidator has
// used up the options after the first, and after one that is empty (D2). Where
// fields are required, optional is used up too, so none is empty (S4).
func (s *shaper) element(v reflect.Value, i, n int, first reflect.Value) {
	switch {
	case v.Kind() == reflect.Struct:
		s.fill(v)
	case i == 0 || holdsStructs(v.Type()):
		for s.fill(v); s.requiredAll && hollow(v); s.fill(v) {
			v.SetZero()
		}
	case i < n-1 || s.requiredAll || !s.oneIn(3):
		v.Set(first)
	}
}

// hollow reports whether v is empty, or a pointer to what is, or has elements
// that are.
func hollow(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer:
		return v.IsNil() || hollow(v.Elem())
	case reflect.Map:
		return v.Len() == 0
	case reflect.Slice:
		return v.Len() == 0 || v.Index(0).Kind() != reflect.Struct && hollow(v.Index(0))
	}
	return v.IsZero()
}

// holdsStructs reports whether the elements of t are structs, or t is one.
func holdsStructs(t reflect.Type) bool {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct
}

// difference is what only one of them says.
func difference(them, us outcome) string {
	left, right := strings.Split(them.text, ";"), strings.Split(us.text, ";")
	only := func(these, not []string) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(these), func(s string) bool { return slices.Contains(not, s) }), "\n\t")
	}
	return fmt.Sprintf("only govalidator (%v%s):\n\t%s\nonly ours (%v):\n\t%s", them.ok, them.panics, only(left, right), us.ok, only(right, left))
}

// Both say the same of structs, under each setting of govalidator's switches.
// These are package-wide, and what is parallel has not begun or has ended.
func TestStructs(t *testing.T) {
	list := plainRules()
	if len(list) < 50 {
		t.Errorf("%d rules without deviations, want 50", len(list))
	}
	for _, v := range []*validate.Validator{
		{}, {FieldsRequiredByDefault: true}, {NilPtrAllowedByRequired: true}, {FieldsRequiredByDefault: true, NilPtrAllowedByRequired: true},
	} {
		name := fmt.Sprintf("required=%v,nil=%v", v.FieldsRequiredByDefault, v.NilPtrAllowedByRequired)
		t.Run(name, func(t *testing.T) {
			govalidator.SetFieldsRequiredByDefault(v.FieldsRequiredByDefault)
			govalidator.SetNilPtrAllowedByRequired(v.NilPtrAllowedByRequired)
			defer govalidator.SetFieldsRequiredByDefault(false)
			defer govalidator.SetNilPtrAllowedByRequired(false)

			s := &shaper{r: chance("structs " + name), rules: list, requiredAll: v.FieldsRequiredByDefault}
			failed, accepted, refused := 0, 0, 0
			for range structTypes {
				typ := s.structType()
				for range valuesPerType {
					x := reflect.New(typ)
					s.fill(x.Elem())
					them, us := theirs(x.Interface()), mustOurs(t, v, x.Interface())
					if them.ok {
						accepted++
					} else {
						refused++
					}
					if !us.same(them) {
						if failed++; failed <= 5 {
							t.Errorf("seed %d: %#v\n%s", seed, x.Elem(), difference(them, us))
						}
					}
				}
			}
			if failed > 5 {
				t.Errorf("and %d more", failed-5)
			}
			if total := accepted + refused; accepted*20 < total || refused*20 < total || total < 2500 {
				t.Errorf("%d accepted and %d refused", accepted, refused)
			}
		})
	}
}
