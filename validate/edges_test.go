package validate_test

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gongular/gongular/validate"
)

// edges are values that pass, and whether they still do with something put to
// them: y for yes, in the order of edgeCases.
var edges = []struct{ tag, value, passes string }{
	{"email", "a@b.c", "----y--"},
	{"url", "ab.c", "----yy-"},
	{"dialstring", "localhost:80", "-------"},
	{"requrl", "http://a", "----yyy"},
	{"requri", "/", "-y--yyy"},
	{"alpha", "a", "-------"},
	{"utfletter", "a", "----y--"},
	{"alphanum", "a", "-------"},
	{"utfletternum", "a", "----y--"},
	{"numeric", "0", "-------"},
	{"utfnumeric", "0", "-------"},
	{"utfdigit", "0", "-------"},
	{"hexadecimal", "0", "-------"},
	{"hexcolor", "#fff", "-------"},
	{"rgbcolor", "rgb(0,0,0)", "-------"},
	{"lowercase", "abc", "yyyyy-y"},
	{"uppercase", "ABC", "yyyy--y"},
	{"int", "0", "-------"},
	{"float", "0", "-------"},
	{"notnull", "a", "yyyyyyy"},
	{"uuid", "a987fbc9-4bed-3078-cf07-9141ba07c9f3", "-------"},
	{"uuidv3", "a987fbc9-4bed-3078-cf07-9141ba07c9f3", "-------"},
	{"uuidv4", "57b73598-8764-4ad0-a76a-679bb6640eb1", "-------"},
	{"uuidv5", "987fbc97-4bed-5078-af07-9141ba07c9f3", "-------"},
	{"creditcard", "4111111111111111", "yyy----"},
	{"isbn10", "0306406152", "yyy----"},
	{"isbn13", "9780306406157", "yyy----"},
	{"json", "{}", "yyy----"},
	{"multibyte", "é", "yyyyyyy"},
	{"ascii", "abc", "yyyy---"},
	{"printableascii", "abc ~!", "yy-----"},
	{"fullwidth", "ａ", "yyyyyyy"},
	{"halfwidth", "a", "yyyyyyy"},
	{"variablewidth", "aａ", "yyyyyyy"},
	{"base64", "Zg==", "-------"},
	{"datauri", "data:image/png;base64,Zm9v", "-------"},
	{"ip", "1.2.3.4", "-------"},
	{"port", "1", "-------"},
	{"ipv4", "1.2.3.4", "-------"},
	{"ipv6", "::", "-------"},
	{"dns", "a", "-------"},
	{"host", "1.2.3.4", "-------"},
	{"mac", "01:23:45:67:89:ab", "-------"},
	{"latitude", "0", "-------"},
	{"longitude", "0", "-------"},
	{"ssn", "123-45-6789", "-------"},
	{"semver", "0.0.0", "-------"},
	{"rfc3339", "2006-01-02T15:04:05Z", "-------"},
	{"rfc3339WithoutZone", "2006-01-02T15:04:05", "-------"},
	{"ISO3166Alpha2", "DE", "-------"},
	{"ISO3166Alpha3", "DEU", "-------"},
	{"ISO4217", "EUR", "-------"},
	{"IMEI", "490154203237518", "-------"},
	{"ulid", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "-------"},
	{"yyyymmdd", "2024-02-29", "-------"},
	{"jwt", "e30.e30.aa", "-------"}, // deviation D16
	{"length(2|5)", "ab", "yyyyyy-"},
	{"runelength(2|5)", "ab", "yyyyyyy"},
	{"stringlength(2|5)", "ab", "yyyyyyy"},
	{"minstringlength(3)", "abc", "yyyyyyy"},
	{"maxstringlength(3)", "a", "yyyyyyy"},
	{"range(1|10)", "1", "-------"},
	{"matches(^[a-z]+$)", "abc", "-------"},
	{"in(a|b|c)", "a", "-------"},
	{"required", "a", "yyyyyyy"},
	{"optional", "a", "yyyyyyy"},
}

var edgeCases = []func(string) string{
	func(s string) string { return " " + s },
	func(s string) string { return s + " " },
	func(s string) string { return s + "\n" },
	func(s string) string { return s + "\x00" },
	func(s string) string { return s + "é" },
	func(s string) string { return s + "\xff" },
	func(s string) string { return s + "😀" },
}

func TestEdges(t *testing.T) {
	for _, test := range edges {
		if err := validate.Value(test.value, test.tag); err != nil {
			t.Errorf("%s of %q: %v", test.tag, test.value, err)
		}
		if err := validate.Value("", test.tag); (err == nil) != (test.tag != "required") {
			t.Errorf("%s of nothing: %v", test.tag, err)
		}
		for i, edge := range edgeCases {
			s := edge(test.value)
			if err := validate.Value(s, test.tag); (err == nil) != (test.passes[i] == 'y') {
				t.Errorf("%s of %q: %v", test.tag, s, err)
			}
		}
	}
}

// Rules see numbers as fmt.Sprint writes them, with an exponent from a million
// on and below 0.0001 if they are floats.
func TestRulesOfNumbers(t *testing.T) {
	for _, test := range []struct {
		tag     string
		accepts []any
		refuses []any
	}{
		{"alpha", nil, []any{1, 2.5}},
		{"alphanum", []any{1, uint8(200), 3.0}, []any{-1, 0.5, 1e6}},
		{"base64", []any{1234, uint16(6553)}, []any{1, 12345}},
		{"creditcard", []any{int64(4111111111111111), uint64(378282246310005), int64(36000000000008)}, []any{int64(-4111111111111112), 4111111111111111.0}},
		{"dns", []any{80, 1.5, uint8(1)}, []any{-80}},
		{"float", []any{-5, 1.5, 1e20, float32(0.1), uint64(1 << 63)}, nil},
		{"hexadecimal", []any{10, uint(7)}, []any{-10, 0.5}},
		{"hexcolor", []any{123, uint32(123456)}, []any{12, -123, 1.5}},
		{"IMEI", []any{int64(490154203237518), uint64(490154203237518000), int64(49015420323751)}, []any{int64(4901542032375181), 490154203237518.0}},
		{"int", []any{-5, 3.0, 1e5, int8(-128)}, []any{0.5, 1e6}},
		{"ip", nil, []any{1, 1.5}},
		{"isbn10", []any{int64(9971502100), int64(-9971502100)}, []any{int64(9971502101), 997150210}},
		{"isbn13", []any{int64(9780306406157), uint64(1234567890128)}, []any{int64(9780306406158), 9780306406157.0}},
		{"json", []any{-5, 1.5, 1e20, 1e-7}, nil},
		{"latitude", []any{-90, 89.9, float32(45.5), 90.0, int8(45), 0.0001}, []any{91, -90.1, 0.00001, uint16(180)}},
		{"longitude", []any{-180, 179.9, 180.0, uint8(180)}, []any{181, 180.5, 0.00001}},
		{"length(2|3)", []any{-5, uint8(200), 0.1}, []any{5, 0.25}},
		{"maxstringlength(3)", []any{-55, 0.5, 123}, []any{-555, 0.25, 1e6}},
		{"minstringlength(3)", []any{-55, 0.5, 123}, []any{-5, 12}},
		{"multibyte", nil, []any{1, -1.5}},
		{"numeric", []any{5, 3.0, uint64(1<<64 - 1)}, []any{-5, 0.5, 1e6}},
		{"port", []any{80, uint16(65535), int64(1), 8080.0, float32(1)}, []any{65536, -1, 0.5, 1e6, uint64(1<<64 - 1)}},
		{"printableascii", []any{1, -1.5, 1e20}, nil},
		{"rfc3339", nil, []any{2006}},
		{"runelength(2|3)", []any{-5, uint8(200), 0.1}, []any{5, 0.25}},
		{"semver", nil, []any{1, 1.2}},
		{"ssn", nil, []any{123456789}},
		{"stringlength(2|3)", []any{-5, uint8(200), 0.1}, []any{5, 0.25}},
		{"utfdigit", []any{-5, 7, 3.0, int64(-1 << 63)}, []any{0.5, 1e6}},
		{"utfletternum", []any{7, 3.0}, []any{-7, 1.5}},
		{"utfnumeric", []any{-5, uint(7), 1e5}, []any{0.5, 1e-7}},
		{"halfwidth", []any{1, -1.5}, nil},
		{"fullwidth", nil, []any{1, -1.5}},
		{"yyyymmdd", nil, []any{20240229}},
		{"!port", []any{-1, 70000}, []any{80}},
		{"!latitude", []any{91, 0.00001}, []any{45.5}},
	} {
		for _, v := range test.accepts {
			if err := validate.Value(v, test.tag); err != nil {
				t.Errorf("%s of %T %v: %v", test.tag, v, v, err)
			}
		}
		for _, v := range test.refuses {
			want := fmt.Sprint(v) + " does not validate as " + test.tag
			if test.tag[0] == '!' {
				want = fmt.Sprint(v) + " does validate as " + test.tag[1:]
			}
			checkErr(t, validate.Value(v, test.tag), want)
		}
	}
}

func TestWholeNumbers(t *testing.T) {
	for _, name := range []string{"minstringlength(min)", "maxstringlength(max)", "rsapub(bits)"} {
		word, _, _ := strings.Cut(name, "(")
		for _, params := range []string{"", "x", "-1", "+1", " 1", "1 ", "1|2", "1.0", "0x1", "٣"} {
			tag := word + "(" + params + ")"
			_, err := new(validate.Validator).Compile(field(reflect.TypeFor[string](), tag))
			checkErr(t, err, "F: "+tag+": want a whole number without sign or spaces: "+name)
		}
		tag := word + "(18446744073709551616)"
		_, err := new(validate.Validator).Compile(field(reflect.TypeFor[string](), tag))
		checkErr(t, err, "F: "+tag+": number too large: "+name)
		if _, err := new(validate.Validator).Compile(field(reflect.TypeFor[string](), word+"(00018446744073709551615)")); err != nil {
			t.Error(err)
		}
	}
	_, err := new(validate.Validator).Compile(field(reflect.TypeFor[string](), "stringlength(1)"))
	checkErr(t, err, "F: stringlength(1): want two whole numbers without signs or spaces: stringlength(min|max)")
}

func TestCodes(t *testing.T) {
	for tag, test := range map[string]struct {
		codes       string
		size, count int
	}{
		"ISO3166Alpha2": {validate.Countries2, 2, 249},
		"ISO3166Alpha3": {validate.Countries3, 3, 249},
		"ISO4217":       {validate.Currencies, 3, 181},
	} {
		list := strings.Split(test.codes, " ")
		if len(list) != test.count || !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != test.count {
			t.Errorf("%s: %d codes, or not sorted", tag, len(list))
		}
		// Of all words in capitals the codes pass, and nothing else.
		passed := 0
		rule := validate.Rule(tag)
		for i := range 26 * 26 * 26 {
			word := string([]byte{byte('A' + i/26/26), byte('A' + i/26%26), byte('A' + i%26)})[:test.size]
			if test.size == 2 && i%26 > 0 {
				continue
			}
			if rule(word) {
				passed++
				if !slices.Contains(list, word) {
					t.Errorf("%s takes %s", tag, word)
				}
			}
		}
		if passed != test.count {
			t.Errorf("%s takes %d codes", tag, passed)
		}
	}
}

// Every rule answers as its twin does, for all values of ruleTests, changed a
// little at every place.
func TestTwins(t *testing.T) {
	t.Parallel()
	rules := map[string]func(string) bool{}
	for tag := range twins {
		rules[tag] = validate.Rule(tag)
	}
	compare := func(tag, s string) {
		if hasTwin(tag, s) && rules[tag](s) != twins[tag](s) {
			t.Errorf("%s of %q: got %v", tag, s, rules[tag](s))
		}
	}
	compared := map[string]bool{}
	for _, test := range ruleTests {
		for _, s := range slices.Concat(test.accepts, test.refuses) {
			if len(s) > 300 {
				continue
			}
			if !compared[s] {
				compared[s] = true
				for tag := range twins {
					compare(tag, s)
				}
			}
			if twins[test.tag] == nil || len(s) > 100 {
				continue
			}
			for i := range len(s) + 1 {
				for _, c := range []string{"", " ", "-", "+", ".", "0", "9", "a", "F", "X", ":", "=", ",", "/", "\n", "\v", "\x7f", "\xff", "é", "ａ", "😀"} {
					compare(test.tag, s[:i]+c+s[i:])
					if i < len(s) {
						compare(test.tag, s[:i]+c+s[i+1:])
					}
				}
			}
		}
	}
}

// What is not compared with a twin is defined by the standard library, or by
// its entry in the catalogue.
func TestTwinsAreComplete(t *testing.T) {
	without := []string{"in", "json", "mac", "matches", "notnull", "null", "optional", "range", "required", "requri", "requrl", "rfc3339", "rfc3339WithoutZone", "yyyymmdd"}
	var found []string
	for tag := range twins {
		name, _, _ := strings.Cut(tag, "(")
		found = append(found, name)
	}
	for _, word := range validate.Words() {
		if slices.Contains(found, word) == slices.Contains(without, word) {
			t.Errorf("%s: a twin, or a reason to have none", word)
		}
	}
}

// hostile are values of a quarter of a megabyte. A rule that goes back as often as
// there are bytes would have 7*10^10 steps to do, at each of which the test would
// hang.
func hostile() []string {
	const size = 1 << 18
	fill := func(before, s, after string) string { return before + rep(s, size/len(s)) + after }
	return []string{
		fill("", "a", ""), fill("", "1", "x"), fill("", "0", "1"), fill("", " ", "1"), fill("4", "- ", ""), fill("", "é", "\n"), fill("", "ａ", ""), fill("", "\xff", ""), fill("", "\x00", ""),
		fill("", "a.", ""), fill("", "a-", "_"), fill("", "..", ""), fill("", ":", ""), fill("", "1:", "1"), fill("1.2.3.", "4", ""), fill("fe80::1%", "a", ""),
		fill("", "@", ""), fill("a@", "b.", "c"), fill("", "a@b.c", ""), fill("", "=?", "?=@a.b"), fill("a", ".a", "@b.c."), fill("a@b", "~", "."),
		fill("http://", "a@", "b.c"), fill("http://", "a-", "b.c"), fill("http://[", ":", "]"), fill("http://", "%41", ""), fill("http://a/", "%4", ""), fill("/", "/..", ""), fill("", "/", ""), fill("a:", "//", ""), fill("data:", "80", ""),
		fill("[", ":", "]:80"), fill("a:", "0", "80"), fill("+", "0", "80"),
		fill("rgb(", " ", "1,2,3)"), fill("rgb(0", "0", ",0,0)"), fill("1.2.3-", "a.", "b"), fill("1.2.3-", "0.", "-"), fill("v1.2.3+", "0-", ""), fill("#", "f", ""),
		fill("", "[", ""), fill("", "[1,", ""), fill("", `{"a":`, ""), fill(`"`, `\u0000`, `"`), fill("", "-", "1"),
		fill("data:a/b;base64,", "Zm9v", "="), fill("data:", "/", ";base64,Zm9v"), fill("", "data:a/b;base64,", ""), fill("data:a/b", ";base64", ",Zm9v"),
		fill("", "e30.", ""), fill("e30.", "IDEg", ".aa"), fill("", "W1tb", ".e30.aa"),
		fill("", "-----BEGIN PUBLIC KEY-----\n", ""), fill("", "\n-----END PUBLIC KEY-----", ""), fill("", "-----BEGIN A-----\n-----END B-----\n", ""), fill("", "\n-----END -----BEGIN A-----", ""),
		fill("-----BEGIN PUBLIC KEY-----\n", "a:b\n", "\n-----END PUBLIC KEY-----\n"), fill("-----BEGIN PUBLIC KEY-----\n", "AAAA\n", "-----END PUBLIC KEY-----\n"), fill("", "MIGf", ""), fill("", "\r\n", "MIGf"),
		base64.StdEncoding.EncodeToString(rsaDER(8 << 20)),
		fill("2006-01-02T15:04:05.", "9", "Z"), fill("2006-01-02T15:04:05", "+", ""), fill("90.", "0", "1"), fill("-", "9", ".0"), fill(".", "9", "e"), fill("1e", "9", ""), fill("-+", "٣", "x"),
	}
}

func TestHostileInput(t *testing.T) {
	t.Parallel()
	tags := []string{"length(1|5)", "runelength(1|5)", "stringlength(1|5)", "minstringlength(5)", "maxstringlength(5)", "range(1|5)", "matches(^(a|b|ab)+$)", "in(a|b)", "rsapub(1024)"}
	for _, word := range validate.Words() {
		if validate.TakesNoParameters(word) {
			tags = append(tags, word)
		}
	}
	if len(tags) != 57+9 {
		t.Errorf("%d rules are tried", len(tags))
	}
	passed := map[string]int{}
	values := hostile()
	for _, tag := range tags {
		rule := validate.Rule(tag)
		for _, s := range values {
			if rule(s) {
				passed[tag]++
			}
		}
	}
	for tag, want := range map[string]int{"notnull": len(values), "null": 0, "url": 0, "uuid": 0, "minstringlength(5)": len(values), "length(1|5)": 0} {
		if passed[tag] != want {
			t.Errorf("%s takes %d of %d", tag, passed[tag], len(values))
		}
	}
}

// Values of a megabyte pass where there is no limit.
func TestGreatValuesPass(t *testing.T) {
	const size = 1 << 20
	for tag, s := range map[string]string{
		"alpha": rep("a", size), "ascii": rep("\n", size), "base64": rep("Zm9v", size/4), "creditcard": rep("- ", size/2) + "4111111111111111", "datauri": "data:a/b;base64," + rep("Zm9v", size/4),
		"email": rep("a.", size/4) + "a@" + rep("b.", size/4) + "c", "float": rep("9", size) + "e-9", "int": rep("9", size), "isbn13": "9780306406157" + rep("\n", size),
		"json": "[" + rep(`{"a":[1,"b"]},`, size/14) + "1]", "jwt": "e30.IiAg" + rep("ICAg", size/4) + "ICAi.aa", "latitude": "90." + rep("0", size), "lowercase": rep("é", size/2), "port": rep("0", size) + "80",
		"rfc3339": "2006-01-02T15:04:05." + rep("9", size) + "Z", "requri": "/" + rep("a", size), "requrl": "a:/" + rep("a", size), "rgbcolor": "rgb(1," + rep(" ", size) + "2,3)",
		"rsapub(1024)": rep("text\n", size/5) + rsaPEM(1024), "rsapub(8388608)": base64.StdEncoding.EncodeToString(rsaDER(8 << 20)), "semver": "1.2.3-" + rep("a.", size/2) + "b", "utfnumeric": rep("٣", size/2), "variablewidth": rep("a", size) + "é",
		"minstringlength(1048576)": rep("\xff", size),
	} {
		if !validate.Rule(tag)(s) {
			t.Errorf("%s refuses %d bytes", tag, len(s))
		}
	}
}
