package validate_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/asaskevich/govalidator/v12"
)

// valuesPerRule is how many strings each rule is tried on.
const valuesPerRule = 10_000

// The table has all tags that govalidator has.
func TestTableIsComplete(t *testing.T) {
	want := slices.Collect(maps.Keys(govalidator.TagMap))
	want = slices.AppendSeq(want, maps.Keys(govalidator.ParamTagMap))
	want = slices.AppendSeq(want, maps.Keys(govalidator.InterfaceParamTagMap))
	slices.Sort(want)
	got := []string{"type"} // which TestType is about
	for i := range rules {
		got = append(got, rules[i].name())
	}
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("the table has %q,\ngovalidator has %q", got, want)
	}
	if len(want) != 67 {
		t.Errorf("govalidator has %d tags, want 67", len(want))
	}
}

// A tally counts what was said about the values of one rule.
type tally struct {
	rule              *rule
	accepted, refused int // by govalidator
	deviated          map[string]int
	failed            int
}

func newTally(c *rule) *tally { return &tally{rule: c, deviated: map[string]int{}} }

// compare asks both libraries about x, which the rule sees as the text seen;
// of strings every eighth takes the long way through govalidator.
// Where they should agree, the errors have to as well.
func (n *tally) compare(t *testing.T, s subject, x any, seen string) {
	t.Helper()
	in := s.set(x)
	us := mustOurs(t, &standard, in)
	var them outcome
	if text, ok := x.(string); ok && govalidator.TagMap[s.tag] != nil && (n.accepted+n.refused)%8 != 0 {
		them = directly(s.tag, text)
	} else {
		them = theirs(in)
	}
	if them.ok {
		n.accepted++
	} else {
		n.refused++
	}
	want, id := n.rule.expected(seen, them.ok != strings.HasPrefix(s.tag, "!"))
	if strings.HasPrefix(s.tag, "!") {
		want = !want
	}
	switch {
	case us.ok != want:
		n.fail(t, "seed %d: %s on %s\ngovalidator: %v\nours:        %v\nwanted of ours by %q: %v", seed, s.tag, literal(x), them, us, id, want)
	case us.ok != them.ok || them.panics != "":
		n.deviated[id]++
	case !us.same(them):
		n.fail(t, "seed %d: %s on %s\ngovalidator: %v\nours:        %v", seed, s.tag, literal(x), them, us)
	}
}

// fail reports the first few failures.
func (n *tally) fail(t *testing.T, format string, args ...any) {
	t.Helper()
	if n.failed++; n.failed <= 5 {
		t.Errorf(format, args...)
	}
}

// done checks what the values were like: both kinds have to be among them, and
// all deviations.
func (n *tally) done(t *testing.T) {
	t.Helper()
	if n.failed > 5 {
		t.Errorf("and %d more", n.failed-5)
	}
	total := n.accepted + n.refused
	switch c := n.rule; {
	case c.acceptsNothing:
		if n.accepted != 0 {
			t.Errorf("%d of %d accepted, want none", n.accepted, total)
		}
	case n.accepted*20 < total:
		t.Errorf("%d of %d accepted, want 5 %%", n.accepted, total)
	}
	switch c := n.rule; {
	case c.refusesNothing:
		if n.refused != 0 {
			t.Errorf("%d of %d refused, want none", n.refused, total)
		}
	case n.refused*20 < total:
		t.Errorf("%d of %d refused, want 5 %%", n.refused, total)
	}
	for _, d := range n.rule.deviations {
		if n.deviated[d.id] == 0 {
			t.Errorf("%s did not occur in %d values", d.id, total)
		}
	}
}

// Every rule accepts and refuses what govalidator does, in the same words.
func TestRules(t *testing.T) {
	for i := range rules {
		c := &rules[i]
		t.Run(c.tag, func(t *testing.T) {
			t.Parallel()
			s, n := newSubject(reflect.TypeFor[string](), c.tag), newTally(c)
			c.values(chance(c.tag), valuesPerRule, func(value string) { n.compare(t, s, value, value) })
			n.done(t)
		})
	}
}

// The examples are right about govalidator.
func TestExamples(t *testing.T) {
	for i := range rules {
		c := &rules[i]
		s := newSubject(reflect.TypeFor[string](), c.tag)
		for _, value := range c.accepted {
			if o := theirs(s.set(value)); !o.ok {
				t.Errorf("%s: %s is %v, want accepted", c.tag, literal(value), o)
			}
		}
		for _, value := range c.refused {
			if o := theirs(s.set(value)); o.ok {
				t.Errorf("%s: %s is accepted, want refused", c.tag, literal(value))
			}
		}
	}
}

// Negated, every rule says the opposite. Of the deviations it is the opposite
// of ours that counts.
func TestNegated(t *testing.T) {
	for i := range rules {
		c := &rules[i]
		t.Run(c.tag, func(t *testing.T) {
			t.Parallel()
			s, n := newSubject(reflect.TypeFor[string](), "!"+c.tag), newTally(c)
			c.values(chance("!"+c.tag), valuesPerRule/10, func(value string) { n.compare(t, s, value, value) })
			if n.failed > 5 {
				t.Errorf("and %d more", n.failed-5)
			}
		})
	}
}

type (
	word   string
	amount float64
	level  int8
)

// numericTypes are all kinds of numbers, and named types of some.
var numericTypes = []reflect.Type{
	reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
	reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
	reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[amount](), reflect.TypeFor[level](),
}

// interesting are numbers that some rule may take for something: small ones,
// limits of the kinds, and what looks like a date, a card, a book, a port.
var interesting = []float64{
	0, 1, -1, 2, 3, 5, -5, 9, 10, 11, 12, 42, 80, 90, 91, 99, 100, 111, 123, 180, 181, 200, 255, 256, 300, 999, 1000, 12345, 65535, 65536, 100000, 123456, 999999, 1e6, 1e7,
	16777216, 16777217, 20240229, 2147483600, 4294967295, 306406152, 4111111111111111, 9780306406157, 490154203237518, 378282246310005, 1 << 53, 1e15, 1e19, 1e20, 1e21,
	0.5, 1.5, -0.5, 0.1, 0.3, 1.0 / 3, 89.9, 90.1, -180, 9.5, 0.001, 0.0001, 0.00001, 1e-7, 10.000001, 9.999999999, 1e300, -1e300, math.MaxFloat32, math.SmallestNonzeroFloat32, math.SmallestNonzeroFloat64, math.MaxFloat64,
	math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1),
}

// someNumber is a number of type typ: an interesting one, a limit, or any.
func someNumber(r *rand.Rand, typ reflect.Type) reflect.Value {
	v := reflect.New(typ).Elem()
	f := pick(r, interesting)
	bits := r.Uint64() >> r.IntN(64)
	limit := r.IntN(8) == 0
	random := r.IntN(2) == 0
	switch {
	case v.CanFloat():
		if random {
			if f = math.Float64frombits(r.Uint64()); typ.Bits() == 32 {
				f = float64(math.Float32frombits(r.Uint32()))
			}
			if r.IntN(2) == 0 {
				f = float64(r.IntN(4000)-1000) / float64(1+r.IntN(9))
			}
		}
		v.SetFloat(f)
	case v.CanInt():
		i := int64(f)
		if random {
			i = int64(bits)
		}
		if limit {
			i = pick(r, []int64{-1 << (typ.Bits() - 1), 1<<(typ.Bits()-1) - 1})
		}
		v.SetInt(i << (64 - typ.Bits()) >> (64 - typ.Bits()))
	default:
		u := uint64(math.Abs(f))
		if random {
			u = bits
		}
		if limit {
			u = 1<<typ.Bits() - 1
		}
		v.SetUint(u << (64 - typ.Bits()) >> (64 - typ.Bits()))
	}
	return v
}

// nearly is f as a number of type typ, or one of its neighbours.
func nearly(r *rand.Rand, f float64, typ reflect.Type) reflect.Value {
	v := reflect.New(typ).Elem()
	switch near := r.IntN(3) - 1; {
	case v.CanFloat() && near == 0:
		v.SetFloat(f)
	case v.CanFloat() && typ.Bits() == 32:
		v.SetFloat(float64(math.Nextafter32(float32(f), float32(near)*math.MaxFloat32)))
	case v.CanFloat():
		v.SetFloat(math.Nextafter(f, float64(near)*math.MaxFloat64))
	case v.CanInt():
		v.SetInt((int64(min(f, 1<<62)) + int64(near)) << (64 - typ.Bits()) >> (64 - typ.Bits()))
	default:
		v.SetUint((uint64(min(f, 1<<62)) + uint64(near)) << (64 - typ.Bits()) >> (64 - typ.Bits()))
	}
	return v
}

// Numbers are checked by how they are written (K1, K2).
func TestNumbers(t *testing.T) {
	for i := range rules {
		c := &rules[i]
		t.Run(c.tag, func(t *testing.T) {
			t.Parallel()
			r, n := chance("number "+c.tag), newTally(c)
			for _, typ := range numericTypes {
				for _, tag := range []string{c.tag, "!" + c.tag} {
					s := newSubject(typ, tag)
					for range 40 {
						v := someNumber(r, typ)
						if v.IsZero() {
							compareEmpty(t, s, v.Interface())
							continue
						}
						n.compare(t, s, v.Interface(), fmt.Sprint(v))
					}
				}
			}
			if n.failed > 5 {
				t.Errorf("and %d more", n.failed-5)
			}
		})
	}
}

func compareEmpty(t *testing.T, s subject, x any) {
	t.Helper()
	in := s.set(x)
	if them, us := theirs(in), mustOurs(t, &standard, in); !them.ok || !us.ok {
		t.Errorf("%s on %s\ngovalidator: %v\nours:        %v", s.tag, literal(x), them, us)
	}
}

// The empty value passes every rule, negated or not (Z1, N2).
func TestEmpty(t *testing.T) {
	for i := range rules {
		for _, tag := range []string{rules[i].tag, "!" + rules[i].tag} {
			for _, x := range []any{"", word(""), 0, uint8(0), 0.0, math.Copysign(0, -1), (*string)(nil), []string(nil), []string{}, map[string]int{}} {
				compareEmpty(t, newSubject(reflect.TypeOf(x), tag), x)
			}
		}
	}
}

// On bool and uintptr no rule can be applied (K4): of a field that is
// a mistake in the tag; of what an interface holds, an error in govalidator's words.
func TestNoRuleForBool(t *testing.T) {
	for i := range rules {
		c := &rules[i]
		for _, tag := range []string{c.tag, "!" + c.tag} {
			for _, x := range []any{true, uintptr(7), false, uintptr(0)} {
				in := newSubject(reflect.TypeFor[any](), tag).set(x)
				if them, us := theirs(in), mustOurs(t, &standard, in); !us.same(them) {
					t.Errorf("%s on %s in an interface\ngovalidator: %v\nours:        %v", tag, literal(x), them, us)
				}
				in = newSubject(reflect.TypeOf(x), tag).set(x)
				if _, err := ours(&standard, in); err == nil || !strings.Contains(err.Error(), " cannot be applied to ") {
					t.Errorf("%s on %T: error %v, want that it cannot be applied", tag, x, err)
				}
			}
		}
	}
}

// Parameterised rules agree for all parameters.
func TestParameters(t *testing.T) {
	small := number(0, 12)
	bound := either(small, small, number(0, 300), anyOf("0", "2147483600", "2147483648", "4294967296", "9007199254740993", "18446744073709551615"))
	padded := seq(anyOf("0", "00"), number(1, 12))
	twoBounds := seq(mostly(bound, padded), lit("|"), mostly(bound, padded))
	choice := of("abcAZ01 .-_=<>()[]{}*?é日", 0, 4)
	for name, g := range map[string]grammar{
		"length": twoBounds, "runelength": twoBounds, "stringlength": twoBounds, "range": twoBounds,
		"minstringlength": mostly(bound, padded), "maxstringlength": mostly(bound, padded),
		"in":      seq(choice, many(seq(lit("|"), choice), 0, 5)),
		"matches": anyOf(patterns...),
		"rsapub":  anyOf("1024", "1024", "1024", "1024", "512", "1016", "1032", "2048", "0", "01024", "1017", "1023"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := chance("parameters of " + name)
			c := ruleNamed(name)
			n := newTally(c)
			for range 120 {
				params := g(r)
				with := *c
				with.tag = name + "(" + params + ")"
				with.deviations = parameterDeviations(name, params)
				n.rule = &with
				s := newSubject(reflect.TypeFor[string](), with.tag)
				for range 40 {
					if value := parameterValue(r, c, params); value != "" {
						n.compare(t, s, value, value)
					}
				}
				typ := pick(r, numericTypes)
				s = newSubject(typ, with.tag)
				for range 10 {
					v := someNumber(r, typ)
					if f, err := strconv.ParseFloat(pick(r, strings.Split(params, "|")), 64); err == nil && r.IntN(2) == 0 {
						v = nearly(r, f, typ)
					}
					if !v.IsZero() {
						n.compare(t, s, v.Interface(), fmt.Sprint(v))
					}
				}
			}
			n.rule = &rule{}
			n.done(t)
			if id := map[bool]string{true: "D12", false: "D19"}[name == "range"]; len(c.deviations) > 0 && n.deviated[id] == 0 {
				t.Errorf("%s did not occur", id)
			}
		})
	}
}

// patterns are patterns of RE2 that may stand in a tag of govalidator's.
var patterns = []string{
	"^[a-z]+$", "a", "^a", "a$", "abc|xyz", "^(a|b)*$", `^\d+$`, `\w`, `^\S+@\S+$`, "(?i)^abc$", "^.$", "(?s)^.$", `^\pL+$`, `[^a-z]`, "^a{2}$", "a{2}", "^[0-9A-F]*$", `\.`, `^\s`, "(a)(b)?",
	"^$", "()", "x*", "[[:alpha:]]", `\x61`, "é", "日", `\Aab\z`, "(?m)^b$", `\bab\b`, "^[(]a[)]$", `\(\)`, "[|]", "!", "%s", "100%", `\Q.*\E`,
}

func ruleNamed(name string) *rule {
	return &rules[slices.IndexFunc(rules, func(c rule) bool { return c.name() == name })]
}

// parameterValue is a value that name(params) may accept, or refuse.
func parameterValue(r *rand.Rand, c *rule, params string) string {
	switch c.name() {
	case "range":
		if r.IntN(2) == 0 {
			return pick(r, strings.Split(params, "|"))
		}
		return c.grammar(r)
	case "rsapub":
		return pick(r, publicKeys())
	case "in":
		s := pick(r, strings.Split(params, "|"))
		if r.IntN(2) == 0 {
			s = mutated(r, s, "abc|)")
		}
		return s
	case "matches":
		return mutated(r, mutated(r, of("abcxyz019AF. é@()|!%s", 0, 4)(r), "ab"), "")
	default:
		s := many(either(of(lower, 1, 1), of("é日😀\u0301", 1, 1)), 1, 14)(r)
		if r.IntN(20) == 0 {
			s = mutated(r, rep(s, r.IntN(30)), "")
		}
		return s
	}
}

// parameterDeviations are the deviations of name(params).
func parameterDeviations(name, params string) []deviation {
	switch name {
	case "range":
		return []deviation{d12NoNumber}
	case "in", "matches":
		return nil
	}
	plain := regexp.MustCompile("[0-9]+").ReplaceAllStringFunc(params, func(s string) string {
		i, err := strconv.ParseInt(s, 10, 64) // the largest there is, if s is larger
		if err != nil && i != math.MaxInt64 {
			panic(err)
		}
		return strconv.FormatInt(i, 10)
	})
	if plain == params {
		return nil
	}
	return d19LeadingZeros(func(s string) bool {
		return theirs(newSubject(reflect.TypeFor[string](), name+"("+plain+")").set(s)).ok
	})
}

// type(…) is about the type as reflect writes it, of any kind (K8). In a field of
// another type than any it refuses all or none, and what refuses all is a
// mistake in the tag.
func TestType(t *testing.T) {
	type named struct{ A int }
	text, number := "a", 7
	values := []any{
		"a", "1", word("a"), 1, int8(1), uint64(1), uintptr(1), 1.5, float32(1), amount(1), level(1), true, &text, &number, []string{"a"}, []int{1}, []byte("a"), [2]int{1, 2},
		map[string]int{"a": 1}, map[string]any{"a": named{1}}, named{1}, &named{1},
	}
	names := []string{
		"string", "int", "int8", "uint64", "uintptr", "float64", "float32", "bool", "*string", "*int", "[]string", "[]int", "[]uint8", "[]byte", "[2]int", "map[string]int",
		"map[string]interface{}", "map[string]interface {}", " string ", "s t r i n g", "validate_test.word", "validate_test.amount", "validate_test.named", "*validate_test.named", "String", "any", "x",
	}
	accepted, mistakes := 0, 0
	for _, x := range values {
		for _, name := range names {
			for _, tag := range []string{"type(" + name + ")", "!type(" + name + ")", "required,type(" + name + ")", "type(" + name + ")~no %s"} {
				in := newSubject(reflect.TypeFor[any](), tag).set(x)
				them, us := theirs(in), mustOurs(t, &standard, in)
				if spelt := isSpelt(reflect.TypeOf(x)); us.ok != them.ok || spelt && !us.same(them) {
					t.Errorf("%s on %s in an interface\ngovalidator: %v\nours:        %v", tag, literal(x), them, us)
				}
				in = newSubject(reflect.TypeOf(x), tag).set(x)
				them = theirs(in)
				us, err := ours(&standard, in)
				switch {
				case them.ok && (err != nil || !us.ok):
					t.Errorf("%s on %s: %v, %v, want accepted", tag, literal(x), us, err)
				case !them.ok && (err == nil || !strings.Contains(err.Error(), " refuses every ")):
					t.Errorf("%s on %s: %v, %v, want a mistake in the tag", tag, literal(x), us, err)
				case them.ok:
					accepted++
				default:
					mistakes++
				}
			}
		}
		if reflect.TypeOf(x).Kind() != reflect.Array { // which is not empty
			compareEmpty(t, newSubject(reflect.TypeFor[any](), "type(x)"), reflect.Zero(reflect.TypeOf(x)).Interface())
		}
	}
	if accepted == 0 || mistakes == 0 {
		t.Errorf("%d accepted, %d mistakes", accepted, mistakes)
	}
}

// isSpelt reports whether values of type t stand in the text of errors of ours:
// other than in govalidator's, whole structs and collections do not.
func isSpelt(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Struct, reflect.Slice, reflect.Array, reflect.Map, reflect.Uintptr:
		return false
	}
	return true
}
