package validate

import (
	"cmp"
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
	"alpha":              {check: func(t text) bool { return isAlpha(t.str()) }},
	"alphanum":           {check: func(t text) bool { return isAlphanum(t.str()) }},
	"ascii":              {check: func(t text) bool { return isASCII(t.str()) }},
	"base64":             {check: func(t text) bool { return isBase64(t.str()) }},
	"creditcard":         {check: func(t text) bool { return isCreditCard(t.str()) }},
	"datauri":            {check: func(t text) bool { return isDataURI(t.str()) }},
	"dialstring":         {check: func(t text) bool { return isDialString(t.str()) }},
	"dns":                {check: func(t text) bool { return isDNS(t.str()) }},
	"email":              {check: func(t text) bool { return isEmail(t.str()) }},
	"float":              {check: func(t text) bool { return isFloat(t.str()) }},
	"fullwidth":          {check: func(t text) bool { return hasFullWidth(t.str()) }},
	"halfwidth":          {check: func(t text) bool { return hasHalfWidth(t.str()) }},
	"hexadecimal":        {check: func(t text) bool { return isHexadecimal(t.str()) }},
	"hexcolor":           {check: func(t text) bool { return isHexColor(t.str()) }},
	"host":               {check: func(t text) bool { return isHost(t.str()) }},
	"IMEI":               {check: func(t text) bool { return isIMEI(t.str()) }},
	"int":                {check: func(t text) bool { return isInt(t.str()) }},
	"ip":                 {check: func(t text) bool { return isIP(t.str()) }},
	"ipv4":               {check: func(t text) bool { return isIPv4(t.str()) }},
	"ipv6":               {check: func(t text) bool { return isIPv6(t.str()) }},
	"isbn10":             {check: func(t text) bool { return isISBN10(t.str()) }},
	"isbn13":             {check: func(t text) bool { return isISBN13(t.str()) }},
	"ISO3166Alpha2":      {check: func(t text) bool { return isISO3166Alpha2(t.str()) }},
	"ISO3166Alpha3":      {check: func(t text) bool { return isISO3166Alpha3(t.str()) }},
	"ISO4217":            {check: func(t text) bool { return isISO4217(t.str()) }},
	"json":               {check: func(t text) bool { return isJSON(t.str()) }},
	"jwt":                {check: func(t text) bool { return isJWT(t.str()) }},
	"latitude":           {check: func(t text) bool { return isLatitude(t.str()) }},
	"longitude":          {check: func(t text) bool { return isLongitude(t.str()) }},
	"lowercase":          {check: func(t text) bool { return isLowercase(t.str()) }},
	"mac":                {check: func(t text) bool { return isMAC(t.str()) }},
	"multibyte":          {check: func(t text) bool { return hasMultibyte(t.str()) }},
	"notnull":            {check: func(text) bool { return true }},
	"null":               {check: func(t text) bool { return t.str() == "" }},
	"numeric":            {check: func(t text) bool { return isNumeric(t.str()) }},
	"port":               {check: func(t text) bool { return isPort(t.str()) }},
	"printableascii":     {check: func(t text) bool { return isPrintableASCII(t.str()) }},
	"requri":             {check: func(t text) bool { return isRequestURI(t.str()) }},
	"requrl":             {check: func(t text) bool { return isRequestURL(t.str()) }},
	"rfc3339":            {check: func(t text) bool { return isRFC3339(t.str()) }},
	"rfc3339WithoutZone": {check: func(t text) bool { return isRFC3339WithoutZone(t.str()) }},
	"rgbcolor":           {check: func(t text) bool { return isRGBColor(t.str()) }},
	"semver":             {check: func(t text) bool { return isSemver(t.str()) }},
	"ssn":                {check: func(t text) bool { return isSSN(t.str()) }},
	"ulid":               {check: func(t text) bool { return isULID(t.str()) }},
	"uppercase":          {check: func(t text) bool { return isUppercase(t.str()) }},
	"url":                {check: func(t text) bool { return isURL(t.str()) }},
	"utfdigit":           {check: func(t text) bool { return isUTFDigit(t.str()) }},
	"utfletter":          {check: func(t text) bool { return isUTFLetter(t.str()) }},
	"utfletternum":       {check: func(t text) bool { return isUTFLetterNum(t.str()) }},
	"utfnumeric":         {check: func(t text) bool { return isUTFNumeric(t.str()) }},
	"uuid":               {check: func(t text) bool { return isUUID(t.str()) }},
	"uuidv3":             {check: func(t text) bool { return isUUIDv3(t.str()) }},
	"uuidv4":             {check: func(t text) bool { return isUUIDv4(t.str()) }},
	"uuidv5":             {check: func(t text) bool { return isUUIDv5(t.str()) }},
	"variablewidth":      {check: func(t text) bool { return hasBothWidths(t.str()) }},
	"yyyymmdd":           {check: func(t text) bool { return isDate(t.str()) }},

	"in":              {usage: "in(a|b|…)", with: withIn, tail: true},
	"length":          {usage: "length(min|max)", with: withLength},
	"matches":         {usage: "matches(regexp)", with: withMatches},
	"maxstringlength": {usage: "maxstringlength(max)", with: withMaxRunes},
	"minstringlength": {usage: "minstringlength(min)", with: withMinRunes},
	"range":           {usage: "range(min|max)", with: withRange},
	"rsapub":          {usage: "rsapub(bits)", with: withRSAPub},
	"runelength":      {usage: "runelength(min|max)", with: withRuneLength},
	"stringlength":    {usage: "stringlength(min|max)", with: withRuneLength},
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

// withRuneLength counts characters as utf8 does: those of Unicode, of which a
// letter with its accents may have several, and each invalid byte.
func withRuneLength(params string) (checker, error) {
	lo, hi, err := bounds(params)
	return checker{accepts: func(t text) bool {
		n := uint64(utf8.RuneCountInString(t.str()))
		return lo <= n && n <= hi
	}}, err
}

func withMinRunes(params string) (checker, error) {
	lo, err := bound(params)
	return checker{accepts: func(t text) bool { return uint64(utf8.RuneCountInString(t.str())) >= lo }}, err
}

func withMaxRunes(params string) (checker, error) {
	hi, err := bound(params)
	return checker{accepts: func(t text) bool { return uint64(utf8.RuneCountInString(t.str())) <= hi }}, err
}

func withRSAPub(params string) (checker, error) {
	bits, err := bound(params)
	return checker{accepts: func(t text) bool { return isRSAPublicKey(t.str(), bits) }}, err
}

// bounds reads min|max. The two are not put in order: 5|2 holds nothing.
func bounds(params string) (lo, hi uint64, err error) {
	a, b, err := twoNumbers(params)
	if err != nil {
		return 0, 0, err
	}
	lo, err1 := bound(a)
	hi, err2 := bound(b)
	return lo, hi, cmp.Or(err1, err2)
}

// bound reads a number in decimal, with leading zeros if it has any.
func bound(param string) (uint64, error) {
	if param == "" || !isNumeric(param) {
		return 0, errNumber
	}
	n, err := strconv.ParseUint(param, 10, 64)
	if err != nil {
		return 0, errTooLarge
	}
	return n, nil
}

var (
	errNumber     = errors.New("want a whole number without sign or spaces")
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
