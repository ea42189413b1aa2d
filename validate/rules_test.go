package validate_test

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	"math/big"
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
	// Letters and digits.
	{"alpha", []string{"abc", "aBcD", "AZaz"}, []string{"a1", "a b", "é", "a\n", "[", "`", "@", "{", "\x00"}},
	{"utfletter", []string{"é", "日本語", "ª", "ǅ"}, []string{"e\u0301", "हिन्दी", "Ⅷ", "a b", "\xff", "\uFFFD"}},
	{"alphanum", []string{"a1", "000", "zZ9"}, []string{"a-1", "a_1", "é", "٣", "1\n"}},
	{"utfletternum", []string{"é½", "Ⅷ", "٣", "²"}, []string{"a_b", "a b", "1.5", "हिन्दी", "e\u0301", "\xff", "1\n"}},
	{"numeric", []string{"0", "00123", rep("9", 500)}, []string{"-1", "+1", "1.0", "1e3", "٣", "/", ":"}},
	{"utfnumeric", []string{"-1", "+½", "Ⅸ", "〩", "-+1", "-+"}, []string{"-", "+", "+-1", "--1", "1-", "1.0", "一", "−1", "++", "--", "-+-", "1\xff"}},
	{"utfdigit", []string{"-1", "٣", "１", "𝟗", "-+1", "-+"}, []string{"½", "Ⅸ", "²", "+-1", "1.0", "+", "-", "1-", "\xff"}},
	{"int", []string{"0", "-0", "+1", "-10", rep("9", 500)}, []string{"01", "-01", "1.0", "1e3", "0x1", "1_0", "+", "-", "1-", "00"}},
	{"float", []string{"1.5", ".5", ".", "1.", "e5", ".e5", "1E+5", "01.5", "-1.5e-3"}, []string{"-.5", "+.5", "-", "1e", "NaN", "Inf", "1,5", "0x1p4", "1.5.", "-e5"}},
	{"hexadecimal", []string{"deadBEEF", "0", "abc"}, []string{"0x1f", "g", "#fff", "-1", "G"}},
	{"lowercase", []string{"abc", "123", "a b!", "ß", "日本", "\uFFFD"}, []string{"aBc", "É", "ǅ", "İ", "\xff"}},
	{"uppercase", []string{"ABC", "123", "ß", "ﬁ", "日本", "\uFFFD"}, []string{"aBC", "é", "ı", "ǅ", "\xff"}},
	{"null", []string{""}, []string{"a", " ", "null", "0"}},
	{"notnull", []string{"", "a", " "}, nil},
	{"!notnull", []string{""}, []string{"a", " "}},

	// Character sets.
	{"ascii", []string{"abc", "\x00", "\n", "\x7f"}, []string{"é", "\u0080", "\xff"}},
	{"printableascii", []string{"abc ~!", " "}, []string{"a\n", "\t", "\x7f", "é", "\x1f", "\xff"}},
	{"multibyte", []string{"é", "aé", "😀", "\xff", "\u0080"}, []string{"abc", "\n", "\x7f"}},
	{"fullwidth", []string{"ａ", "日本", "aａ", "é", "\n", "\x00", "😀", "\xff", "\x7f", "\uff60", "\uffdd", "\uffe7", "\uffef"},
		[]string{"abc 123", "ｱ", "\uffa0", "\uff61", "\uffdc", "\uffe8", "\uffee"}},
	{"halfwidth", []string{"a", "ｱ", "aａ", "\uffe8", "\uff61", "\uffdc", "\uffee", " ", "~"},
		[]string{"ａ", "日本", "é", "\n", "\uffef", "\uff60", "\uffdd", "\uffe7", "\x1f", "\x7f", "\xff"}},
	{"variablewidth", []string{"aａ", "a\n", "aé", "ｱ日"}, []string{"abc", "ａ", "日本"}},

	// Network.
	{"email",
		[]string{"a@b.c", "user.name+tag@example.com", "A@B.COM", "é@例子.广告", "a@b.com.", "test@test..test.com",
			rep("a", 300) + "@example.com", "a@1.b", "a@b-c.de", "a@b.c-d", "=?@b.c"},
		[]string{"a@b", "a@localhost", "a..b@c.com", ".a@b.com", "a.@b.com", "a@[1.2.3.4]", "a@b.c1", "a@b.1c", `"ab"@x.com`, `""@x.com`,
			"😀@b.com", " a@b.com", "a@b.com\n", "=?utf-8?q?a?=@x.com", "?=x=?@x.com", "@b.c", "a@", "a@.b", "a@b..", "a@b@c.d", "a@-b.c", "a@b-.c", "a@b.-c", "\xff@b.c", "a@\xff.c", "plain",
			// Deviation D14: quotes and control characters.
			`"a"@x.com`, `"@x.com`, "\r\n \"@x.com", "\r\n@x.com", "a\x00@x.com"}},
	{"url",
		[]string{"http://foo.com", "https://u:p@foo.com:80/a?b#c", "ab.c", "foo.com:80", "foo:80", "localhost:80", "http://localhost",
			"http://[::1]", "http://[::1]:80/x", "mailto:a@b.com", "http://foo.com/<script>", "http://foo.com:99999", "http://999.999.999.999",
			"http://foo.com/" + rep("a", 2067), "http://1.2.3.4", "http://é.com", "http://www.a.b", "http://a-b.c", "http://foo.com.", "http://[fe80::1%25eth0]/",
			"http://[::ffff:1.2.3.4]", "ws://ab.cd.com?x", "http://foo.com/%20", "http://foo.com/é", "http://foo.com/a@b", "java\u017fcript:80"},
		[]string{"foo", "localhost", "a.b", "HTTP://foo.com", "git://foo.com", "//foo.com", "http//foo.com", "http://0.0.0.0", "http://256.1.1.1",
			"http://foo.com/a b", " http://foo.com", "http://foo.com\n", "http://😀.com", "http://foo.com/" + rep("a", 2068),
			"http://", "http://.foo.com", "http://foo.com:123456", "http://foo.com:", "http://foo.com:x", "http://[::1", "http://[1.2.3.4]", "http://foo.com/%zz", "http://1.2.3", "http://[::ffff:1.2.3.4%25a]", "http://[1:2:3:4:5::1.2.3.4]",
			// Deviation D13: what a browser would run or read.
			"javascript:1/alert(1)", "JavaScript:1/alert(1)", "javascript://x@y.com/%0aalert(1)", "vbscript:1/x", "data:1/x", "file://a@b.com/etc/passwd"}},
	{"requrl", []string{"http://a", "http://", "http:", "http://a/ b", "javascript:alert(1)", "data:text/html,x", "mailto:a@b"},
		[]string{"/a", "a", "//a.com", "http://a#b", "http://a b", "http://a/%zz", "http://a\n", "*", "1http://a", "http://a:b"}},
	{"requri", []string{"/", "/a?b#c", "//a.com", "*", "/a b", "/../a", "http://a", "javascript:alert(1)"},
		[]string{"a", "../a", "?a", "/%zz", "/\n", " /a", "http://a b", "\x7f"}},
	{"dialstring", []string{"localhost:80", "1.2.3.4:80", "[::1]:80", "[a]:80", "a:080", "a:+80", "[1.2.3.4]:80", "a.:1"},
		[]string{"localhost", ":80", "a:0", "a:65536", "a:http", "::1:80", "[::1%lo]:80", "é:1", "[]:80", "a:", "[::1]", "[::1]x:80", "a:-0", "a:80 "}},
	{"ip", []string{"1.2.3.4", "::1", "::ffff:1.2.3.4", "ABCD::", "0000:0000:0000:0000:0000:ffff:255.255.255.255"},
		[]string{"1.2.3", "01.2.3.4", "256.0.0.0", "1.2.3.4/24", "fe80::1%eth0", "[::1]", " 1.2.3.4", "1.2.3.4.", "1.2.3.4.5", "0000:0000:0000:0000:0000:0ffff:255.255.255.255"}},
	{"ipv4", []string{"1.2.3.4", "0.0.0.0", "255.255.255.255", "10.199.249.9"},
		[]string{"::1", "01.2.3.4", "1.2.3", "1.2.3.", "1..2.3", "1.2.3.256", "1.2.3.260", "1.2.3.300", "1.2.3.1000", "1.2.3.4.5", "1.2.3.4\n", "00.0.0.0", "1,2,3,4", ".",
			// Deviation D15: what IPv6 writes like IPv4.
			"::ffff:1.2.3.4", "64:ff9b::1.2.3.4"}},
	{"ipv6", []string{"::1", "2001:db8::1", "::ffff:1.2.3.4", "::", "1:2:3:4:5:6:7:8"}, []string{"1.2.3.4", "fe80::1%eth0", "[::1]", ":", ":::", "1:2:3:4:5:6:7", "::1/64", "12345::", "::ffff:1.2.3.04"}},
	{"port", []string{"1", "65535", "080", "+80", rep("0", 100) + "80"},
		[]string{"0", "65536", "-1", "80 ", "0x50", "http", "+", "++1", "+-1", "-0", "1_0", "18446744073709551617", "８０", rep("9", 100)}},
	{"dns",
		[]string{"localhost", "a.b.c", "_sip._tcp.x", "a-", "a.", "a._", "123", "256.256.256.256", rep("a", 63), "_", "a-.b", "1.2.3.4.", "01.2.3.4",
			rep("a", 63) + "_", rep("a.", 255), rep(rep("a", 51)+".", 5)},
		[]string{"-a", "a..b", ".a", "1.2.3.4", "é.com", "*.a.com", rep("a", 64), ".", "a..", "a.-", "a b", "a\n", rep("a", 64) + "_", rep("a", 63) + "_.b", rep("a", 63) + "-",
			rep("a.", 256), rep(rep("a", 51)+".", 5) + "a"}},
	{"host", []string{"1.2.3.4", "::1", "a.b", "256.1.1.1", "01.02.03.04"}, []string{"[::1]", "a:80", "fe80::1%eth0", "a b", "-"}},
	{"mac",
		[]string{"01:23:45:67:89:ab", "01-23-45-67-89-AB", "0123.4567.89ab", "01:23:45:67:89:ab:cd:ef", "0123456789ab", "01:23:45:67:89:ab:cd:ef:00:00:01:00:01:23:45:67:89:ab:cd:ef"},
		[]string{"01:23-45:67:89:ab", "1:2:3:4:5:6", "01:23:45:67:89", "01:23:45:67:89:ag", "01:23:45:67:89:ab:cd", "0123.4567.89a"}},

	// Identifiers and codes.
	{"uuid", []string{"a987fbc9-4bed-3078-cf07-9141ba07c9f3", "00000000-0000-0000-0000-000000000000"},
		[]string{"A987FBC9-4BED-3078-CF07-9141BA07C9F3", "{a987fbc9-4bed-3078-cf07-9141ba07c9f3}", "a987fbc94bed3078cf079141ba07c9f3",
			"urn:uuid:a987fbc9-4bed-3078-cf07-9141ba07c9f3", "a987fbc9-4bed-3078-cf07-9141ba07c9f", "a987fbc9-4bed-3078-cf07-9141ba07c9fg", "a987fbc9-4bed-3078-cf0709141ba07c9f3"}},
	{"uuidv3", []string{"a987fbc9-4bed-3078-cf07-9141ba07c9f3", "a987fbc9-4bed-3078-0f07-9141ba07c9f3"},
		[]string{"a987fbc9-4bed-4078-8f07-9141ba07c9f3", "A987FBC9-4BED-3078-CF07-9141BA07C9F3", "3"}},
	{"uuidv4", []string{"57b73598-8764-4ad0-a76a-679bb6640eb1", "57b73598-8764-4ad0-876a-679bb6640eb1", "57b73598-8764-4ad0-976a-679bb6640eb1", "57b73598-8764-4ad0-b76a-679bb6640eb1"},
		[]string{"57b73598-8764-4ad0-c76a-679bb6640eb1", "57B73598-8764-4AD0-A76A-679BB6640EB1", "57b73598-8764-5ad0-a76a-679bb6640eb1", "57b73598-8764-4ad0-776a-679bb6640eb1", "4"}},
	{"uuidv5", []string{"987fbc97-4bed-5078-af07-9141ba07c9f3"},
		[]string{"987fbc97-4bed-5078-0f07-9141ba07c9f3", "987fbc97-4bed-4078-af07-9141ba07c9f3", "987fbc97-4bed-5078-cf07-9141ba07c9f3", "5"}},
	{"ulid", []string{"01ARZ3NDEKTSV4RRFFQ69G5FAV", "01arz3ndektsv4rrffq69g5fav", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "01aRZ3NDEKTSV4RRFFQ69G5FAz"},
		[]string{"81ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAI", "01ARZ3NDEKTSV4RRFFQ69G5FAL", "01ARZ3NDEKTSV4RRFFQ69G5FAo", "01ARZ3NDEKTSV4RRFFQ69G5FAU", "01ARZ3NDEKTSV4RRFFQ69G5FA",
			"01ARZ3NDEKTSV4RRFFQ69G5FAV0", "A1ARZ3NDEKTSV4RRFFQ69G5FAV", "/1ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FA-", "01ARZ3NDEKTSV4RRFFQ69G5FA[", "01ARZ3NDEKTSV4RRFFQ69G5FA@", "01ARZ3NDE\u212aTSV4RRFFQ69G5F"}},
	{"creditcard",
		[]string{"4111111111111111", "4111 1111-1111 1111", " -4111111111111111\n", "4222222222222", "378282246310005", "2223000048400011", "6200000000000005",
			"5105105105105100", "5555555555554444", "2221000000000009", "2720990000000007", "340000000000009", "30000000000004", "30500000000003", "36000000000008", "38000000000006",
			"6011000000000004", "6500000000000002", "6700000000000000", "3528000700000000", "213100000000001", "180000000000002"},
		[]string{"4111111111111112", "0000000000000000", "4000000000000000006", "4111.1111.1111.1111", "４111111111111111", "4", "42222222222226", "422222222222", "2220990000000002", "2721000000000004",
			"5000000000000009", "5600000000000003", "30600000000001", "39000000000005", "6012000000000003", "6600000000000001", "400000000000006", "2131000000000008", "4111111111111111\v"}},
	{"isbn10", []string{"0-306-40615-2", "080442957X", "0000000000", "----0000000000", "08044\t2957\f-X\r"},
		[]string{"0306406153", "080442957x", "9780306406157", "X000000000", "00000000X0", "030640615", "030640615a", "\v0306406152", "---"}},
	{"isbn13", []string{"978-0-306-40615-7", "1234567890128", "0000000000000"},
		[]string{"9780306406158", "0306406152", "978.0306406157", "978030640615X", "97803064061570", "---"}},
	{"ssn", []string{"123-45-6789", "123 45-6789", "000-00-0000", "123-45 6789"},
		[]string{"123456789", "12345-67890", "123.45.6789", "123-45-6789\n", "12-345-6789", "123--45-678", "a23-45-6789", "123-45-678"}},
	{"IMEI", []string{"490154203237518", "490154203237519", "abcdefabcdef01", "490154203237518000", "49015420323751"},
		[]string{"4901542032375181", "49-015420-323751-8", "ABCDEFABCDEF01", "abcdefabcdef012", "abcdefabcdef0g", "49015420323751800", "4901542032375180000"}},
	{"ISO3166Alpha2", []string{"DE", "GB", "SS", "BQ", "AD", "ZW"}, []string{"de", "UK", "EU", "XK", "ZZ", "AA", "D", "DEU", "D ", " A", "AD AE"}},
	{"ISO3166Alpha3", []string{"DEU", "ROU", "SSD", "ABW", "ZWE"}, []string{"deu", "XKX", "ANT", "276", "AAA", "ZZZ", "DE", "DEUT", "BW "}},
	{"ISO4217", []string{"EUR", "XXX", "VES", "HRK", "SLL", "ZWL", "AED"}, []string{"eur", "MRU", "SLE", "VED", "ZWG", "XCG", "BTC", "978", "AAA", "ZZZ", "EU", "EURO"}},
	{"semver",
		[]string{"1.2.3", "v1.2.3", "1.0.0-alpha.1+b", "1.0.0-0a", "1.0.0--", "99999999999999999999.0.0", "1.2.3+01", "1.2.3-0", "1.2.3-0.0", "1.2.3+a-b.-", "1.2.3-a-b.00-"},
		[]string{"1.2", "V1.2.3", "01.2.3", "1.2.3-01", "1.2.3-", "1.2.3-a..b", "1.2.3\n", "vv1.2.3", "v", "1.2.", "1..3", "1.2.03", "1.2.3.4", "1.2.3+", "1.2.3-a+", "1.2.3+a+b", "1.2.3-a_b", "1.2.3-a.01", "1.2.3-+a", "1,2,3"}},
	{"hexcolor", []string{"#fff", "ABCDEF", "000", "#0aF9bC"}, []string{"#ffff", "#ffffffff", "##fff", "red", "#", "#ggg", "fffff", "#fffff", "fff#"}},
	{"rgbcolor", []string{"rgb(0,0,0)", "rgb( 1 , 2 , 3 )", "rgb(0,\n0,\t0)", "rgb(255,255,255)", "rgb(\f1\r,2,3)"},
		[]string{"rgb(256,0,0)", "rgb(01,0,0)", "RGB(0,0,0)", "rgba(0,0,0,1)", "rgb(100%,0,0)", " rgb(0,0,0)",
			"rgb(0,0)", "rgb(0,0,0,0)", "rgb(0,0,0", "rgb(0,0,0) ", "rgb (0,0,0)", "rgb(0,,0)", "rgb(0 0,0)", "rgb(\v0,0,0)", "rgb(-0,0,0)", "rgb(1000,0,0)", "rgb(300,0,0)", "rgb", "rgb("}},

	// Data.
	{"json", []string{"{}", "1", "null", " {} ", `{"a":1,"a":2}`, "\"\xff\"", rep("[", 10000) + rep("]", 10000)},
		[]string{"{a:1}", "[1,]", "01", "NaN", "{}{}", "\ufeff{}", rep("[", 10001) + rep("]", 10001), " ", "{", "'a'"}},
	{"base64", []string{"Zg==", "Zm8=", "Zm9v", "+/+/", "Zh==", "AZaz09+/"},
		[]string{"Zg", "Zg=", "====", "Zm_-", "Zm9v\n", "Zm9v\r\nYmFy", "A===", "=", "Zg==Zg==", "ZgA=A", "Zm9", "Zm 9"}},
	{"datauri", []string{"data:image/png;base64,Zm9v", "data:text/plain;charset=utf-8;base64,Zm8=", "data:<>/<>;base64,Zm9v", "data:a//;base64,Zm9v", "data:///;base64,Zm9v", "data:\xff/\r;base64,Zm9v", "data:a/;base64;base64,Zm9v"},
		[]string{"data:image/png,Zm9v", "data:;base64,Zm9v", "data:image/png;base64,", "DATA:image/png;base64,Zm9v", "data:,",
			"data:/a;base64,Zm9v", "data:a/;base64,Zm9v", "data://;base64,Zm9v", "data:/;base64,Zm9v", "data:ab;base64,Zm9v", "data:a\n/b;base64,Zm9v", "data:a/b;base64,Zm9v\n", "image/png;base64,Zm9v",
			// Deviations D1 and D17: no comma, and two.
			"data:image/png;base64", "data:", "data:a/b;base64,Zm9v,<script>", "data:a/b;base64,Zm9v,"}},
	{"jwt", []string{"e30.e30.aa", "MQ.MQ.MQ", "e30.e30.ab", "eyJhbGciOiJub25lIn0.e30.aa", "e31.e30.a_-A"},
		[]string{"e30.e30", "e30.e30.", "..", "e30=.e30.aa", "e30.bm8.aa", "bm8.e30.aa", "e30.e30.a+/A", "Bearer e30.e30.aa", "e30.e30.aa.", "e30.e30.aa.aa", "e30.e30.a", "e30.e30.aa==", ".e30.aa", "e30..aa", "e30", "e+30.e30.aa",
			// Deviation D16: line breaks.
			"e\n30.e30.aa", "e30.e\r30.aa", "e30.e30.\n", "e30.e30.aa\n", "e30.e30.a\r\na"}},

	// Time and place.
	{"rfc3339", []string{"2006-01-02T15:04:05Z", "2006-01-02T15:04:05.123456789+07:00", "2006-01-02T15:04:05,5Z", "2006-01-02T5:04:05Z", "2006-01-02T15:04:05+24:60"},
		[]string{"2006-01-02", "2006-01-02T15:04:05", "2006-01-02t15:04:05z", "2006-01-02 15:04:05Z", "2006-02-29T15:04:05Z", "2006-01-02T23:59:60Z", "2006-01-02T15:04:05+0700", "2006-01-02T24:00:00Z", "2006-01-02T15:04:05.Z"}},
	{"rfc3339WithoutZone", []string{"2006-01-02T15:04:05", "2006-01-02T15:04:05.5", "2006-01-02T5:04:05"}, []string{"2006-01-02T15:04:05Z", "2006-01-02", "2006-02-30T15:04:05"}},
	{"yyyymmdd", []string{"2024-02-29", "0000-01-01", "2000-02-29"}, []string{"20240229", "2023-02-29", "2024-2-9", "2024/02/29", "1900-02-29", "2024-00-01", "10000-01-01"}},
	{"latitude", []string{"0", "-90", "+90.000", "89.9", "-0", "9.00", "10"},
		[]string{"90.1", "00", "09.5", "90.", ".5", "1e1", "1,5", "-", "+", "91", "99.9", "100", "1000", "--1", "90.0a", "1.2.3", "90.0000001"}},
	{"longitude", []string{"0", "-180", "179.9", "+180.000", "99", "100.5"}, []string{"180.1", "01", "180.", ".5", "1e1", "181", "099", "200", "1000", "180.0001"}},

	// With parameters.
	{"length(2|5)", []string{"ab", "abcde", "é", "😀"}, []string{"a", "abcdef", "日本", "ééé"}},
	{"length(5|2)", []string{""}, []string{"a", "abc"}},
	{"length(1|010)", []string{"a", "abcdefghij"}, []string{"abcdefghijk"}}, // deviation D19
	{"runelength(2|5)", []string{"ab", "日本", "e\u0301", "\xff\xff"}, []string{"a", "é", "😀", "abcdef"}},
	{"stringlength(2|5)", []string{"ab", "日本", "😀😀😀😀😀"}, []string{"a", "é", "abcdef"}},
	{"stringlength(02|005)", []string{"ab", "abcde"}, []string{"a", "abcdef"}}, // deviation D19
	{"minstringlength(3)", []string{"abc", "日本語", "   ", "\xff\xff\xff"}, []string{"ab", "日本"}},
	{"minstringlength(03)", []string{"abc"}, []string{"a", "ab"}}, // deviation D19
	{"minstringlength(18446744073709551615)", []string{""}, []string{"a"}},
	{"maxstringlength(3)", []string{"a", "日本語"}, []string{"abcd", "日本語語"}},
	{"maxstringlength(03)", []string{"abc"}, []string{"abcd"}}, // deviation D19
	{"maxstringlength(0)", []string{""}, []string{"a"}},
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
	{"rsapub(1024)",
		[]string{rsaPEM(1024), rsaPEM(1017), rsaBase64(1024), "text\n" + rsaPEM(1024) + "text", strings.ReplaceAll(rsaPEM(1024), "\n", "\r\n"), rsaPEM(1024) + rsaPEM(2048),
			rsaBase64(1024)[:64] + "\r\n" + rsaBase64(1024)[64:] + "\n"},
		[]string{"abc", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", rsaPEM(1016), rsaPEM(1025), rsaPEM(2048), rsaPEM(2048) + rsaPEM(1024), " " + rsaBase64(1024),
			rsaBase64(1024)[1:], strings.ReplaceAll(rsaPEM(1024), "PUBLIC", "RSA PUBLIC"), strings.ReplaceAll(rsaPEM(1024), "PUBLIC KEY", "CERTIFICATE"),
			pemOf("PUBLIC KEY", x509.MarshalPKCS1PublicKey(rsaKey(1024))), pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(rsaKey(1024))), otherPEM(), "===="}},
	{"rsapub(01024)", []string{rsaPEM(1024)}, []string{rsaPEM(1016)}}, // deviation D19
	{"rsapub(1020)", []string{""}, []string{rsaPEM(1020), rsaPEM(1024)}},
	{"rsapub(18446744073709551615)", []string{""}, []string{rsaPEM(1024)}},

	{"required", []string{"a", " "}, []string{""}},
	{"optional", []string{"a", ""}, nil},
}

var rep = strings.Repeat

// rsaKey returns what has the form of a key of so many bits.
func rsaKey(bits int) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: 65537}
}

func rsaDER(bits int) []byte {
	der, err := x509.MarshalPKIXPublicKey(rsaKey(bits))
	if err != nil {
		panic(err)
	}
	return der
}

func rsaPEM(bits int) string    { return pemOf("PUBLIC KEY", rsaDER(bits)) }
func rsaBase64(bits int) string { return base64.StdEncoding.EncodeToString(rsaDER(bits)) }

func pemOf(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

// otherPEM is a public key that is not RSA's.
func otherPEM() string {
	der, err := x509.MarshalPKIXPublicKey(make(ed25519.PublicKey, ed25519.PublicKeySize))
	if err != nil {
		panic(err)
	}
	return pemOf("PUBLIC KEY", der)
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
