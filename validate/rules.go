package validate

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A rule is a validator as the catalogue knows it. Either it has a check, or
// it has parameters, from which with makes the check.
type rule struct {
	check func(text) bool

	usage string // the parameters, as shown when they are wrong: length(min|max)
	with  func(params string) (checker, error)
	tail  bool // whether text after the last ")" is ignored
}

// A checker is a rule with its parameters, ready to be asked.
type checker struct {
	accepts func(text) bool

	// acceptsNumber, if there is one, answers in its place for the kinds of
	// numbers, and answers the same as for the number's spelling.
	acceptsNumber func(float64) bool

	params []string // for FieldError.Params
}

// rules is the catalogue. A new rule is an entry here, a row in TestRules and
// a line in doc.go. No rule is asked about an empty value.
var rules = map[string]rule{
	"alpha":       {check: func(t text) bool { return isAlpha(t.str()) }},
	"alphanum":    {check: func(t text) bool { return isAlphanum(t.str()) }},
	"ascii":       {check: func(t text) bool { return isASCII(t.str()) }},
	"email":       {check: func(t text) bool { return isEmail(t.str()) }},
	"float":       {check: func(t text) bool { return isFloat(t.str()) }},
	"hexadecimal": {check: func(t text) bool { return isHexadecimal(t.str()) }},
	"int":         {check: func(t text) bool { return isInt(t.str()) }},
	"ip":          {check: func(t text) bool { return isIP(t.str()) }},
	"lowercase":   {check: func(t text) bool { return isLowercase(t.str()) }},
	"notnull":     {check: func(text) bool { return true }},
	"null":        {check: func(t text) bool { return t.str() == "" }},
	"numeric":     {check: func(t text) bool { return isNumeric(t.str()) }},
	"uppercase":   {check: func(t text) bool { return isUppercase(t.str()) }},
	"url":         {check: func(t text) bool { return isURL(t.str()) }},
	"utfletter":   {check: func(t text) bool { return isUTFLetter(t.str()) }},
	"uuid":        {check: func(t text) bool { return isUUID(t.str()) }},

	"in":         {usage: "in(a|b|…)", with: withIn, tail: true},
	"length":     {usage: "length(min|max)", with: withLength},
	"matches":    {usage: "matches(regexp)", with: withMatches},
	"range":      {usage: "range(min|max)", with: withRange},
	"runelength": {usage: "runelength(min|max)", with: withRuneLength},
}

// words returns all words a tag may hold, sorted.
func words() []string {
	return slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(rules)), "required", "optional")))
}

func withLength(params string) (checker, error) {
	lo, hi, err := bounds(params)
	return checker{accepts: func(t text) bool {
		n := uint64(len(t.str()))
		return lo <= n && n <= hi
	}}, err
}

func withRuneLength(params string) (checker, error) {
	lo, hi, err := bounds(params)
	return checker{accepts: func(t text) bool {
		n := uint64(utf8.RuneCountInString(t.str()))
		return lo <= n && n <= hi
	}}, err
}

// bounds reads min|max. The two are not put in order: 5|2 holds nothing.
func bounds(params string) (lo, hi uint64, err error) {
	a, b, err := twoNumbers(params)
	if err != nil {
		return 0, 0, err
	}
	lo, err1 := strconv.ParseUint(a, 10, 64)
	hi, err2 := strconv.ParseUint(b, 10, 64)
	if err1 != nil || err2 != nil {
		return 0, 0, errTooLarge
	}
	return lo, hi, nil
}

var (
	errTwoNumbers = errors.New("want two whole numbers without signs or spaces")
	errTooLarge   = errors.New("number too large")
)

func twoNumbers(params string) (a, b string, err error) {
	a, b, _ = strings.Cut(params, "|")
	if a == "" || b == "" || !isNumeric(a) || !isNumeric(b) {
		return "", "", errTwoNumbers
	}
	return a, b, nil
}

// withRange compares as float64, so that integers beyond 2^53 are rounded. The
// bounds are put in order. What is no number is refused.
func withRange(params string) (checker, error) {
	a, b, err := twoNumbers(params)
	if err != nil {
		return checker{}, err
	}
	lo, err1 := strconv.ParseFloat(a, 64)
	hi, err2 := strconv.ParseFloat(b, 64)
	if err1 != nil || err2 != nil {
		return checker{}, errTooLarge
	}
	lo, hi = min(lo, hi), max(lo, hi)
	return checker{
		accepts: func(t text) bool {
			f, err := strconv.ParseFloat(t.str(), 64)
			return err == nil && lo <= f && f <= hi
		},
		acceptsNumber: func(f float64) bool { return lo <= f && f <= hi },
	}, nil
}

// withMatches takes any RE2 pattern but the empty one. It matches anywhere
// unless it says ^ and $.
func withMatches(params string) (checker, error) {
	if params == "" {
		return checker{}, errors.New("want a pattern")
	}
	re, err := regexp.Compile(params)
	if err != nil {
		return checker{}, err
	}
	return checker{
		accepts: func(t text) bool { return re.MatchString(t.str()) },
		params:  []string{params},
	}, nil
}

func withIn(params string) (checker, error) {
	choices := strings.Split(params, "|")
	if len(choices) == 1 && strings.Contains(params, ",") {
		return checker{}, errors.New(`want "|" between the choices`)
	}
	return checker{accepts: func(t text) bool {
		s := t.str()
		for _, choice := range choices {
			if s == choice {
				return true
			}
		}
		return false
	}}, nil
}
