package validate

import (
	"reflect"
	"strings"
)

// The fast and the slow form of the url rule, for comparison.
var (
	IsPlainURL = isPlainURL
	IsAnyURL   = isAnyURL
)

// Scanners, for the twin of a plan that is written by hand.
var (
	IsEmail     = isEmail
	IsLowercase = isLowercase
)

// Words are all words a tag may hold.
var Words = words

// Spelled returns v, a string or number, as rules see it.
func Spelled(v any) string {
	var t text
	switch v := v.(type) {
	case int64:
		t = spellInt(v)
	case uint64:
		t = spellUint(v)
	case float32:
		t = spellFloat(float64(v), 32)
	case float64:
		t = spellFloat(v, 64)
	}
	return t.str()
}

// Rule returns the rule of an option without "!" as a function of text.
func Rule(option string) func(string) bool {
	name, params, _ := strings.Cut(option, "(")
	r := rules[name]
	accepts := r.check
	if r.with != nil {
		c, err := r.with(strings.TrimSuffix(params, ")"))
		if err != nil {
			panic(err)
		}
		accepts = c.accepts
	}
	return func(s string) bool { return accepts(text{s: s}) }
}

// TakesNoParameters reports whether word is a rule without parameters.
func TakesNoParameters(word string) bool { return rules[word].check != nil }

// The codes of the rules of these names.
var (
	Countries2 = countries2
	Countries3 = countries3
	Currencies = currencies
)

// CompareNumbers compares an int64, uint64 or float64 with another.
func CompareNumbers(a, b any) (order int, ok bool) {
	return numberOf(reflect.ValueOf(a)).compare(numberOf(reflect.ValueOf(b)))
}

// ThreeWays returns what the quick path says of v, what it says where it has the
// fields' addresses, and what the walk says.
func ThreeWays(p *Plan, v reflect.Value) (quick, direct, walked bool) {
	w := walker{validator: p.validator, limit: maxErrors}
	there := reflect.New(v.Type()).Elem()
	there.Set(v)
	return p.root.passes(v, 0), p.root.passes(there, 0), w.check(p.root, v, place{})
}
