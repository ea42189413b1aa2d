package validate_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gongular/gongular/validate"
)

// ruleTests has a row for each rule, and for each way to write parameters.
var ruleTests = []struct {
	tag     string
	accepts []string
	refuses []string
}{
	{"alpha", []string{"abc", "aBcD", "AZaz"}, []string{"a1", "a b", "é", "a\n", "[", "`", "@", "{", "\x00"}},
	{"utfletter", []string{"é", "日本語", "ª", "ǅ"}, []string{"e\u0301", "हिन्दी", "Ⅷ", "a b", "\xff"}},
	{"alphanum", []string{"a1", "000", "zZ9"}, []string{"a-1", "a_1", "é", "٣", "1\n"}},
	{"numeric", []string{"0", "00123", strings.Repeat("9", 500)}, []string{"-1", "+1", "1.0", "1e3", "٣", "/", ":"}},
	{"int", []string{"0", "-0", "+1", "-10", strings.Repeat("9", 500)}, []string{"01", "-01", "1.0", "1e3", "0x1", "1_0", "+", "-", "1-"}},
	{"float", []string{"1.5", ".5", ".", "1.", "e5", ".e5", "1E+5", "01.5", "-1.5e-3"}, []string{"-.5", "+.5", "-", "1e", "NaN", "Inf", "1,5", "0x1p4", "1.5.", "-e5"}},
	{"hexadecimal", []string{"deadBEEF", "0", "abc"}, []string{"0x1f", "g", "#fff", "-1", "G"}},
	{"lowercase", []string{"abc", "123", "a b!", "ß", "日本", "\uFFFD"}, []string{"aBc", "É", "ǅ", "İ", "\xff"}},
	{"uppercase", []string{"ABC", "123", "ß", "ﬁ", "日本", "\uFFFD"}, []string{"aBC", "é", "ı", "ǅ", "\xff"}},
	{"null", []string{""}, []string{"a", " ", "null", "0"}},
	{"notnull", []string{"", "a", " "}, nil},
	{"!notnull", []string{""}, []string{"a", " "}},
	{"ascii", []string{"abc", "\x00", "\n", "\x7f"}, []string{"é", "\u0080", "\xff"}},
	{"email",
		[]string{"a@b.c", "user.name+tag@example.com", "A@B.COM", "é@例子.广告", "a@b.com.", "test@test..test.com",
			strings.Repeat("a", 300) + "@example.com", "a@1.b", "a@b-c.de", "a@b.c-d", "=?@b.c"},
		[]string{"a@b", "a@localhost", "a..b@c.com", ".a@b.com", "a.@b.com", "a@[1.2.3.4]", "a@b.c1", "a@b.1c", `"ab"@x.com`, `""@x.com`,
			"😀@b.com", " a@b.com", "a@b.com\n", "=?utf-8?q?a?=@x.com", "?=x=?@x.com", "@b.c", "a@", "a@.b", "a@b..", "a@b@c.d", "a@-b.c", "a@b-.c", "a@b.-c", "\xff@b.c", "a@\xff.c", "plain",
			// Deviation D14: quotes and control characters.
			`"a"@x.com`, `"@x.com`, "\r\n \"@x.com", "\r\n@x.com", "a\x00@x.com"}},
	{"url",
		[]string{"http://foo.com", "https://u:p@foo.com:80/a?b#c", "ab.c", "foo.com:80", "foo:80", "localhost:80", "http://localhost",
			"http://[::1]", "http://[::1]:80/x", "mailto:a@b.com", "http://foo.com/<script>", "http://foo.com:99999", "http://999.999.999.999",
			"http://foo.com/" + strings.Repeat("a", 2067), "http://1.2.3.4", "http://é.com", "http://www.a.b", "http://a-b.c", "http://foo.com.", "http://[fe80::1%25eth0]/",
			"http://[::ffff:1.2.3.4]", "ws://ab.cd.com?x", "http://foo.com/%20", "http://foo.com/é", "http://foo.com/a@b"},
		[]string{"foo", "localhost", "a.b", "HTTP://foo.com", "git://foo.com", "//foo.com", "http//foo.com", "http://0.0.0.0", "http://256.1.1.1",
			"http://foo.com/a b", " http://foo.com", "http://foo.com\n", "http://😀.com", "http://foo.com/" + strings.Repeat("a", 2068),
			"http://", "http://.foo.com", "http://foo.com:123456", "http://foo.com:", "http://foo.com:x", "http://[::1", "http://[1.2.3.4]", "http://foo.com/%zz", "http://1.2.3", "http://[::ffff:1.2.3.4%25a]", "http://[1:2:3:4:5::1.2.3.4]",
			// Deviation D13: what a browser would run or read.
			"javascript:1/alert(1)", "JavaScript:1/alert(1)", "javascript://x@y.com/%0aalert(1)", "vbscript:1/x", "data:1/x", "file://a@b.com/etc/passwd"}},
	{"ip", []string{"1.2.3.4", "::1", "::ffff:1.2.3.4", "ABCD::"}, []string{"1.2.3", "01.2.3.4", "256.0.0.0", "1.2.3.4/24", "fe80::1%eth0", "[::1]", " 1.2.3.4"}},
	{"uuid", []string{"a987fbc9-4bed-3078-cf07-9141ba07c9f3", "00000000-0000-0000-0000-000000000000"},
		[]string{"A987FBC9-4BED-3078-CF07-9141BA07C9F3", "{a987fbc9-4bed-3078-cf07-9141ba07c9f3}", "a987fbc94bed3078cf079141ba07c9f3",
			"urn:uuid:a987fbc9-4bed-3078-cf07-9141ba07c9f3", "a987fbc9-4bed-3078-cf07-9141ba07c9f", "a987fbc9-4bed-3078-cf07-9141ba07c9fg", "a987fbc9-4bed-3078-cf0709141ba07c9f3"}},
	{"length(2|5)", []string{"ab", "abcde", "é", "😀"}, []string{"a", "abcdef", "日本", "ééé"}},
	{"length(5|2)", []string{""}, []string{"a", "abc"}},
	{"length(1|010)", []string{"a", "abcdefghij"}, []string{"abcdefghijk"}}, // deviation D19
	{"runelength(2|5)", []string{"ab", "日本", "e\u0301", "\xff\xff"}, []string{"a", "é", "😀", "abcdef"}},
	{"range(1|10)", []string{"1", "5.5", "+5", "1e1", "0x1p3", "1_0", "05"}, []string{"0", "0.9", "11", "abc", "5a", " 5", "NaN", "Inf", "1e400"}},
	{"range(0|10)", []string{"0", "10"}, []string{"-1", "11", "NaN", "Inf", "abc", " 5", "<script>", "1e400"}}, // deviation D12
	{"range(10|1)", []string{"1", "10"}, []string{"0", "11"}},
	{"range(01|010)", []string{"1", "10"}, []string{"0.5", "11"}},
	{"matches(^[a-z]+$)", []string{"abc"}, []string{"ABC", "abc1", "abc\n"}},
	{"matches(abc)", []string{"abc", "xxabcxx"}, []string{"ab", "ABC"}},
	{"matches(^[a-z]{1,3}$)", []string{"a", "abc"}, []string{"abcd", "1"}},
	{"in(a|b|c)", []string{"a", "c"}, []string{"d", "A", "ab", " a", "a|b"}},
	{"in(a | b)", []string{"a ", " b"}, []string{"a", "b"}},
	{"in()", []string{""}, []string{"a"}},
	{"in(a|b)tail", []string{"a", "b"}, []string{"tail"}},
	{"in(a)b)", []string{"a)b"}, []string{"a", "b"}},
	{"required", []string{"a", " "}, []string{""}},
	{"optional", []string{"a", ""}, nil},
}

func TestRules(t *testing.T) {
	for _, test := range ruleTests {
		t.Run(test.tag, func(t *testing.T) {
			for _, s := range test.accepts {
				if err := validate.Value(s, test.tag); err != nil {
					t.Errorf("%q is refused: %v", s, err)
				}
			}
			for _, s := range test.refuses {
				want := s + " does not validate as " + test.tag
				switch {
				case test.tag == "required":
					want = "non zero value required"
				case test.tag[0] == '!':
					want = s + " does validate as " + test.tag[1:]
				}
				if err := validate.Value(s, test.tag); err == nil || err.Error() != want {
					t.Errorf("%q: got %v, want %s", s, err, want)
				}
			}
			if test.tag[0] == '!' || test.tag == "required" || test.tag == "optional" {
				return
			}
			// Negated, the same but for the empty value, which always passes.
			for _, s := range test.accepts {
				if err := validate.Value(s, "!"+test.tag); (err == nil) != (s == "") {
					t.Errorf("!%s of %q: got %v", test.tag, s, err)
				}
			}
			for _, s := range test.refuses {
				if err := validate.Value(s, "!"+test.tag); err != nil {
					t.Errorf("!%s of %q: got %v", test.tag, s, err)
				}
			}
		})
	}
}

func TestRulesAreAllTested(t *testing.T) {
	tested := map[string]bool{}
	for _, test := range ruleTests {
		name, _, _ := strings.Cut(test.tag, "(")
		tested[name] = true
	}
	for _, word := range validate.Words() {
		if !tested[word] {
			t.Errorf("no row in ruleTests for %s", word)
		}
	}
}

func TestPlainURLIsURL(t *testing.T) {
	plain := 0
	check := func(s string) {
		if validate.IsPlainURL(s) {
			plain++
			if !validate.IsAnyURL(s) {
				t.Errorf("%q is a plain url, but none at all", s)
			}
		}
	}
	for _, test := range ruleTests {
		for _, s := range slices.Concat(test.accepts, test.refuses) {
			check(s)
		}
	}
	for _, label := range []string{"a", "ab", "a-b", "ab-cd", "-ab", "ab-", "a--bc", "12", "com"} {
		for _, middle := range []string{"", "a.", "ab.", "a-bc.", "ab-c.", "1-23.", "www.", "ab.cd."} {
			for _, end := range []string{"com", "c", "co", "c0", "c-om"} {
				for _, rest := range []string{"", ":1", ":12345", ":123456", ":", "/", "?", "#", "/a@b:c/[d]", "/ ", "/%41", "/\x7f", "."} {
					check("http://" + label + "." + middle + end + rest)
				}
			}
		}
	}
	if plain < 300 {
		t.Errorf("only %d plain urls were tried", plain)
	}
}

func TestNumbersAreSpelledAsFmtDoes(t *testing.T) {
	for _, v := range []any{
		int64(0), int64(-5), int64(math.MinInt64), int64(math.MaxInt64), uint64(0), uint64(200), uint64(math.MaxUint64),
		0.1, 3.0, 1e5, 1e6, 1e20, 1e21, 123456789.0, 0.0001, 0.00001, math.NaN(), math.Inf(1), math.Inf(-1),
		math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, -2.2250738585072014e-308, float32(0.1), float32(16777216),
	} {
		if got, want := validate.Spelled(v), fmt.Sprint(v); got != want {
			t.Errorf("%T: got %s, want %s", v, got, want)
		}
	}
}

func TestValue(t *testing.T) {
	for _, test := range []struct {
		value any
		tag   string
		want  string // "" for valid
	}{
		{"a@b.c", "email,length(3|64)", ""},
		{"a@b.c", "email,length(6|64)", "a@b.c does not validate as length(6|64)"},
		{"x", "", ""},
		{"x", "-", ""},
		{nil, "", ""},
		{nil, "alpha", ""},
		{nil, "required", "non zero value required"},
		{[]string{"a", "1"}, "alpha", "1 does not validate as alpha"},
		{map[string]int{"a": 1, "b": 20}, "range(1|10)", "20 does not validate as range(1|10)"},
		{struct {
			A string `valid:"alpha"`
		}{"1"}, "", "A: 1 does not validate as alpha"},
	} {
		checkErr(t, validate.Value(test.value, test.tag), test.want)
	}
	for _, test := range []struct {
		value     any
		tag, want string
	}{
		{"x", "alhpa", `unknown validator "alhpa"; did you mean "alpha"?`},
		{true, "alpha", `alpha cannot be applied to bool`},
	} {
		err := validate.Value(test.value, test.tag)
		checkErr(t, err, test.want)
		if _, ok := errors.AsType[validate.Errors](err); ok {
			t.Errorf("%q: a mistake in the tag is taken for the value's", test.tag)
		}
	}
}

func checkErr(t testing.TB, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
