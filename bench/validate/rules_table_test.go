package validate_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/asaskevich/govalidator/v12"
)

// A rule is one tag, with parameters where it needs them, and what to try it on.
type rule struct {
	tag               string
	accepted, refused []string // non-empty; by govalidator
	grammar           grammar  // of values that are mostly accepted; nil: the examples
	alphabet          string   // for mutations, beside the oddities
	deviations        []deviation
	letters           int // all words of so many capital letters are tried as well

	// Of the generated values govalidator has to accept, and to refuse, at
	// least 5 % each. A rule that accepts or refuses everything says so.
	acceptsNothing, refusesNothing bool
}

// A deviation says for which values ours may not agree with govalidator, and
// what it says about them instead.
type deviation struct {
	id    string
	when  func(s string) bool
	takes func(s string) bool // what ours accepts of these; nil: nothing
}

// expected returns what ours has to say about s, if govalidator says theirs,
// and the deviation by which it may differ.
func (c *rule) expected(s string, theirs bool) (accepts bool, id string) {
	for _, d := range c.deviations {
		if d.when(s) {
			return d.takes != nil && d.takes(s), d.id
		}
	}
	return theirs, ""
}

// name is the tag without parameters.
func (c *rule) name() string {
	name, _, _ := strings.Cut(c.tag, "(")
	return name
}

var rep = strings.Repeat

func decimal(i int) string { return strconv.Itoa(i) }

// allExamples are the examples of all rules, save the long ones.
var allExamples = sync.OnceValue(func() (all []string) {
	for i := range rules {
		for _, s := range append(append([]string(nil), rules[i].accepted...), rules[i].refused...) {
			if len(s) <= 100 {
				all = append(all, s)
			}
		}
	}
	return all
})

var (
	ld       = lower + upper + digits
	ascii    = anyRune(0, 0x7F)
	uuids    = seq(of(hex[:16], 8, 8), lit("-"), of(hex[:16], 4, 4), lit("-"), of("345", 1, 1), of(hex[:16], 3, 3), lit("-"), of("89ab89ab89abc0", 1, 1), of(hex[:16], 3, 3), lit("-"), of(hex[:16], 12, 12))
	ipv4s    = seq(number(1, 255), lit("."), number(0, 255), lit("."), number(0, 255), lit("."), number(0, 255))
	hextet   = of(hex, 1, 4)
	colon    = lit(":")
	ipv6s    = either(seq(many(seq(hextet, colon), 7, 7), hextet), seq(many(seq(hextet, colon), 0, 4), colon, many(seq(colon, hextet), 1, 3)), anyOf("::", "::1", "fe80::1"), seq(many(seq(hextet, colon), 6, 6), ipv4s), seq(anyOf("::ffff:", "::", "64:ff9b::", "1:2::", "::ffff:0:"), ipv4s))
	label    = either(of(lower+digits, 1, 8), seq(of(ld+"_", 1, 4), of(ld+"_-", 0, 5), of(ld, 1, 1)), of(ld, 60, 64))
	names    = seq(label, many(seq(lit("."), label), 0, 4))
	ports    = either(number(1, 65535), number(0, 70000), words("80 080 +80 -1 00 65535 65536 http 99999999999999999999"))
	schemes  = words("http http https https ftp tcp udp ws wss HTTP git javascript JavaScript vbscript data file mailto http+x x")
	paths    = either(seq(lit("/"), of(lower+"/-._~%", 0, 12)), seq(anyOf("/", "?", "#"), of(ld+"/?#&=+%:@.<>é", 0, 16)), lit("/a%20b?x=1#y"), lit(""))
	integers = either(lit("0"), seq(of("123456789", 1, 1), of(digits, 0, 6)), of("9", 20, 40))
	dates    = seq(anyOf("2024", "2023", "1900", "2000", "0000", "9999"), lit("-"), anyOf("01", "02", "06", "11", "12", "13", "00"), lit("-"), anyOf("01", "28", "29", "30", "31", "32", "00"))
	clock    = seq(anyOf("00", "23", "24", "12", "5", "05"), lit(":"), anyOf("00", "59", "60", "30"), lit(":"), anyOf("00", "59", "60", "7", "07"))
	fraction = maybe(seq(anyOf(".", ","), of(digits, 1, 12)))
	zones    = either(lit("Z"), lit("Z"), lit("z"), lit(""), seq(anyOf("+", "-"), anyOf("00", "07", "14", "23", "24", "25"), lit(":"), anyOf("00", "30", "59", "60", "61")), anyOf("+0700", "+07", "GMT"))
	jsons    = either(anyOf("{}", "[]", "null", "true", "0", "-1.5e+3", `""`, `"a"`, `"\u00e9\n"`, `{"a":1}`, `{"a":[1,2,{"b":null}]}`, ` { "a" : [ ] } `, "\"\xff\"", `{"a":1,"a":2}`, "{a:1}", "[1,]", "01"), list(`"é"`, `-0`, `1e5`, `{}`, `[[]]`, `"\ud800"`, `false`))
	latin    = anyRune(0xA1, 0x24F)
)

// anyRune is one character from lo to hi.
func anyRune(lo, hi rune) grammar {
	return func(r *rand.Rand) string { return string(lo + r.Int32N(hi-lo+1)) }
}

// list is a JSON array of some of the items.
func list(items ...string) grammar {
	return func(r *rand.Rand) string {
		picked := make([]string, r.IntN(4))
		for i := range picked {
			picked[i] = pick(r, items)
		}
		return "[" + strings.Join(picked, ",") + "]"
	}
}

// class is 1 to 10 characters, most of them of the given grammars.
func class(gs ...grammar) grammar { return many(either(gs...), 1, 10) }

// codes are the words of n capital letters that govalidator takes as tag; all
// others of that length are tried as well, see values.
func codes(tag string, n int) grammar {
	accepted := sync.OnceValue(func() (list []string) {
		for _, s := range capitals(n) {
			if govalidator.TagMap[tag](s) {
				list = append(list, s)
			}
		}
		return list
	})
	return mostly(func(r *rand.Rand) string { return pick(r, accepted()) }, of(upper, n, n))
}

// capitals are all words of n capital letters.
func capitals(n int) []string {
	list := []string{""}
	for range n {
		var longer []string
		for _, s := range list {
			for i := range len(upper) {
				longer = append(longer, s+upper[i:i+1])
			}
		}
		list = longer
	}
	return list
}

// luhn appends the check digit to what g makes: the right one mostly.
func luhn(g grammar) grammar {
	return func(r *rand.Rand) string {
		s := g(r)
		sum := 0
		for i := range len(s) {
			d := int(s[len(s)-1-i] - '0')
			if i%2 == 0 {
				if d *= 2; d > 9 {
					d -= 9
				}
			}
			sum += d
		}
		return s + decimal((10-sum%10+r.IntN(6)/5)%10)
	}
}

// grouped puts spaces and hyphens into what g makes, now and then.
func grouped(g grammar) grammar {
	return func(r *rand.Rand) string {
		s := g(r)
		for range r.IntN(2) * r.IntN(5) {
			i := r.IntN(len(s) + 1)
			s = s[:i] + pick(r, []string{"-", " ", "-", " ", "\t", "\n", "\u00a0", "_"}) + s[i:]
		}
		return s
	}
}

func isbn10(r *rand.Rand) string {
	s := of(digits, 9, 9)(r)
	sum := 0
	for i := range len(s) {
		sum += (10 - i) * int(s[i]-'0')
	}
	check := (11 - sum%11 + r.IntN(6)/5) % 11
	if check == 10 {
		return s + pick(r, []string{"X", "X", "X", "x"})
	}
	return s + decimal(check)
}

func isbn13(r *rand.Rand) string {
	s := anyOf("978", "979", "978", "123")(r) + of(digits, 9, 9)(r)
	sum := 0
	for i := range len(s) {
		sum += int(s[i]-'0') * (1 + i%2*2)
	}
	return s + decimal((10-sum%10+r.IntN(6)/5)%10)
}

// encoded is what g makes in the given base64.
func encoded(e *base64.Encoding, g grammar) grammar {
	return func(r *rand.Rand) string { return e.EncodeToString([]byte(g(r))) }
}

var noise = many(anyRune(0, 0xFF), 0, 20)

// publicKeys are public keys of some sizes around 1024 bits, and others, in all
// the ways to write them. The modulus is any odd number: nobody factors it.
var publicKeys = sync.OnceValue(func() (keys []string) {
	r := chance("keys")
	for _, bits := range []int{512, 1016, 1017, 1020, 1023, 1024, 1024, 1024, 1025, 2048} {
		n := new(big.Int).SetBit(new(big.Int), bits-1, 1)
		for i := range bits - 1 {
			n.SetBit(n, i, uint(r.IntN(2)))
		}
		key := &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: 65537}
		pkix, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			panic(err)
		}
		keys = append(keys, written(pkix)...)
		keys = append(keys, written(x509.MarshalPKCS1PublicKey(key))[:2]...)
		keys = append(keys, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkix})))
	}
	curve := elliptic.P256().Params()
	pkix, err := x509.MarshalPKIXPublicKey(&ecdsa.PublicKey{Curve: elliptic.P256(), X: curve.Gx, Y: curve.Gy})
	if err != nil {
		panic(err)
	}
	return append(keys, written(pkix)...)
})

func written(der []byte) []string {
	armoured := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	b64 := base64.StdEncoding.EncodeToString(der)
	return []string{
		armoured, b64, "text before\n" + armoured + "text after\n", strings.ReplaceAll(armoured, "\n", "\r\n"),
		string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Headers: map[string]string{"A": "b"}, Bytes: der})),
		b64[:40] + "\n" + b64[40:] + "\r\n", base64.RawStdEncoding.EncodeToString(der), base64.URLEncoding.EncodeToString(der),
		base64.StdEncoding.EncodeToString(append(der, 0)), string(der),
	}
}

func contains(any string) func(string) bool {
	return func(s string) bool { return strings.ContainsAny(s, any) }
}

// The deviations of section 7 that are about values of single rules.
var (
	d1NoComma       = deviation{id: "D1", when: func(s string) bool { return !strings.Contains(s, ",") }}
	d12NoNumber     = deviation{id: "D12", when: func(s string) bool { _, err := strconv.ParseFloat(s, 64); return err != nil }}
	d13RunByBrowser = deviation{id: "D13", when: func(s string) bool {
		u, err := url.Parse(s)
		return err == nil && (u.Scheme == "javascript" || u.Scheme == "vbscript" || u.Scheme == "data" || u.Scheme == "file")
	}}
	d14QuotesAndControls = deviation{id: "D14", when: func(s string) bool {
		return strings.Contains(s, `"`) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7F })
	}}
	d15MappedIPv4   = deviation{id: "D15", when: contains(":")}
	d16LineBreaks   = deviation{id: "D16", when: contains("\r\n")}
	d17SecondComma  = deviation{id: "D17", when: func(s string) bool { return strings.Count(s, ",") > 1 }}
	d19LeadingZeros = func(takes func(string) bool) []deviation {
		return []deviation{{id: "D19", when: func(string) bool { return true }, takes: takes}}
	}
)

// rules are all tags but type, which is not about values and has TestType. The
// parameters are those of the examples; TestParameters has others.
var rules = []rule{
	// Letters and digits.
	{tag: "alpha", accepted: []string{"abc", "aBcD"}, refused: []string{"a1", "a b", "é", "a\n"}, grammar: of(lower+upper, 1, 12)},
	{tag: "utfletter", accepted: []string{"é", "日本語", "ª", "ǅ"}, refused: []string{"e\u0301", "हिन्दी", "Ⅷ", "a b", "\xff"}, grammar: class(latin, anyRune(0x370, 0x3FF), anyRune(0x4E00, 0x4EFF), of(lower, 1, 1), anyRune(0x5D0, 0x5EA))},
	{tag: "alphanum", accepted: []string{"a1", "000"}, refused: []string{"a-1", "a_1", "é", "٣"}, grammar: of(ld, 1, 12)},
	{tag: "utfletternum", accepted: []string{"é½", "Ⅷ", "٣", "²"}, refused: []string{"a_b", "a b", "1.5", "हिन्दी"}, grammar: class(latin, of(digits, 1, 1), anyRune(0x660, 0x669), anyRune(0x2150, 0x2188), anyRune(0x2460, 0x249B))},
	{tag: "numeric", accepted: []string{"0", "00123", rep("9", 500)}, refused: []string{"-1", "+1", "1.0", "1e3", "٣"}, grammar: of(digits, 1, 12), alphabet: digits + "+-.e"},
	{tag: "utfnumeric", accepted: []string{"-1", "+½", "Ⅸ", "〩", "-+1", "-+"}, refused: []string{"-", "+", "+-1", "--1", "1-", "1.0", "一", "−1"},
		grammar: seq(anyOf("", "+", "-", "-+", "+-"), class(of(digits+"½Ⅸ〩²①𝟗", 1, 1), anyRune(0x660, 0x669), anyRune(0x2150, 0x2188))), alphabet: digits + "+-½Ⅸ"},
	{tag: "utfdigit", accepted: []string{"-1", "٣", "１", "𝟗", "-+1", "-+"}, refused: []string{"½", "Ⅸ", "²", "+-1", "1.0", "+"},
		grammar: seq(anyOf("", "+", "-", "-+", "+-"), class(of(digits+"１𝟗", 1, 1), anyRune(0x660, 0x669), anyRune(0x966, 0x96F))), alphabet: digits + "+-½Ⅸ"},
	{tag: "int", accepted: []string{"0", "-0", "+1", rep("9", 500)}, refused: []string{"01", "1.0", "1e3", "0x1", "1_0", "+"}, grammar: seq(anyOf("", "+", "-"), integers), alphabet: digits + "+-.e_x"},
	{tag: "float", accepted: []string{"1.5", ".5", ".", "1.", "e5", ".e5", "1E+5", "01.5"}, refused: []string{"-.5", "+.5", "-", "1e", "NaN", "Inf", "1,5", "0x1p4"},
		grammar: seq(maybe(seq(anyOf("", "+", "-"), of(digits, 0, 4))), maybe(seq(lit("."), of(digits, 0, 4))), maybe(seq(anyOf("e", "E"), anyOf("", "+", "-"), of(digits, 0, 3)))), alphabet: digits + "+-.eExp_"},
	{tag: "hexadecimal", accepted: []string{"deadBEEF", "0"}, refused: []string{"0x1f", "g", "#fff", "-1"}, grammar: of(hex, 1, 12), alphabet: hex + "xgG#"},
	{tag: "lowercase", accepted: []string{"abc", "123", "a b!", "ß", "日本"}, refused: []string{"aBc", "É", "ǅ", "İ", "\xff"}, grammar: class(of(lower, 1, 1), latin, anyRune(0x3B1, 0x3FF), of("1 !ß日ı", 1, 1))},
	{tag: "uppercase", accepted: []string{"ABC", "123", "ß", "ﬁ", "日本"}, refused: []string{"aBC", "é", "ı", "ǅ", "\xff"}, grammar: class(of(upper, 1, 1), of(upper, 1, 1), latin, anyRune(0x391, 0x3A9), of("1 !ß日İﬁ", 1, 1))},
	{tag: "null", refused: []string{"a", " ", "null", "0"}, acceptsNothing: true},
	{tag: "notnull", accepted: []string{"a", " "}, refusesNothing: true},

	// Character sets.
	{tag: "ascii", accepted: []string{"abc", "\x00", "\n", "\x7f"}, refused: []string{"é", "\u0080", "\xff"}, grammar: many(ascii, 1, 12)},
	{tag: "printableascii", accepted: []string{"abc ~!", " "}, refused: []string{"a\n", "\t", "\x7f", "é"}, grammar: many(anyRune(' ', '~'), 1, 12)},
	{tag: "multibyte", accepted: []string{"é", "aé", "😀", "\xff"}, refused: []string{"abc", "\n"}, grammar: many(mostly(ascii, latin), 1, 12)},
	{tag: "fullwidth", accepted: []string{"ａ", "日本", "aａ", "é", "\n", "\x00", "😀", "\xff"}, refused: []string{"abc 123", "ｱ", "\uffa0"}, grammar: many(either(anyRune(' ', '~'), anyRune(0xFF61, 0xFFEE), anyRune(0xFFA0, 0xFFDC)), 1, 6)},
	{tag: "halfwidth", accepted: []string{"a", "ｱ", "aａ", "\uffe8"}, refused: []string{"ａ", "日本", "é", "\n", "\uffef"}, grammar: many(either(anyRune(0xFF00, 0xFFFF), anyRune(0xFF9A, 0xFFA3), anyRune(0xFFD8, 0xFFEF), ascii), 1, 3)},
	{tag: "variablewidth", accepted: []string{"aａ", "a\n", "aé", "ｱ日"}, refused: []string{"abc", "ａ", "日本"}, grammar: many(either(anyRune(0xFF50, 0xFF70), ascii, anyRune(0xFFD8, 0xFFF0), latin), 1, 4)},

	// Network.
	{tag: "email", accepted: []string{"a@b.c", "user.name+tag@example.com", "A@B.COM", "é@例子.广告", "a@b.com.", "test@test..test.com", rep("a", 300) + "@example.com", `"a"@x.com`, `"@x.com`, "\r\n \"@x.com"},
		refused: []string{"a@b", "a@localhost", "a..b@c.com", "a@[1.2.3.4]", "a@b.c1", `"ab"@x.com`, `""@x.com`, "😀@b.com", " a@b.com", "a@b.com\n", "=?utf-8?q?a?=@x.com"},
		grammar: seq(mostly(seq(of(ld+"!#$%&'*+-/=?^_`{|}~é", 1, 8), many(seq(lit("."), of(ld+"+-_", 1, 5)), 0, 2)), either(seq(many(anyOf("\"", "\"a", "\" ", "\"\r\n x", "\"(\x01"), 0, 3), anyOf("", "\r\n ", "\t"), lit(`"`)), anyOf("=?", "?=", "=?a?="))),
			lit("@"), many(seq(of(ld+"é", 1, 5), of("-._~", 0, 1), of(ld+"日", 1, 3), lit(".")), 1, 3), either(of(lower+"é", 1, 6), seq(of(lower, 1, 2), of(ld+"-_~", 0, 3), of(lower, 1, 1))), maybe(maybe(lit(".")))),
		alphabet: ld + "@.-_~\"=?+é", deviations: []deviation{d14QuotesAndControls}},
	{tag: "url", accepted: []string{"http://foo.com", "https://u:p@foo.com:80/a?b#c", "ab.c", "foo.com:80", "foo:80", "localhost:80", "http://localhost", "http://[::1]", "mailto:a@b.com", "javascript:1/alert(1)", "http://foo.com/<script>", "http://foo.com:99999", "http://999.999.999.999", "http://foo.com/" + rep("a", 2067),
		"javascript://x@y.com/%0aalert(1)", "vbscript:1/x", "data:1/x", "file://a@b.com/etc/passwd", "tcp://a@p:/x@[fe80::%25]", "javaſcript:80", "tcp://a@p:/x@[fe80:%2256]"},
		refused: []string{"foo", "localhost", "a.b", "HTTP://foo.com", "git://foo.com", "//foo.com", "http//foo.com", "http://0.0.0.0", "http://256.1.1.1", "http://foo.com/a b", " http://foo.com", "http://foo.com\n", "http://😀.com", "http://foo.com/" + rep("a", 2068), "1.2.3", "999.999.1"},
		grammar: seq(mostly(maybe(seq(schemes, mostly(lit("://"), anyOf(":", "//", ":/")))), anyOf("javascript:", "data:", "file://a@", "vbscript:1/")),
			maybe(maybe(seq(of(ld+"-._", 1, 6), maybe(seq(colon, of(ld+"!$", 0, 6))), lit("@")))),
			either(names, names, seq(of(lower, 1, 9), lit("."), of(lower, 2, 3)), seq(lit("www."), names), ipv4s, seq(lit("["), ipv6s, maybe(maybe(seq(lit("%25"), of(ld+"-", 0, 4)))), lit("]")), many(either(of(ld+"-.", 1, 3), latin), 1, 5), anyOf("localhost", "例子.广告", "münchen.de", "a_b.com", "1.2.3", "999.999.999.999", "01.2.3.4", "224.0.0.1", "a--b.com", "a---b.com", "0.0.0.0")),
			maybe(maybe(lit("."))), maybe(maybe(seq(colon, either(ports, of(digits, 0, 6))))), maybe(paths)),
		alphabet: ld + "://.@-_?#[]%é", deviations: []deviation{d13RunByBrowser}},
	{tag: "requrl", accepted: []string{"http://a", "http://", "http:", "http://a/ b", "javascript:alert(1)", "data:text/html,x", "mailto:a@b"}, refused: []string{"/a", "a", "//a.com", "http://a#b", "http://a b", "http://a/%zz", "http://a\n"},
		grammar: seq(schemes, anyOf("://", ":", ":/", ""), either(names, ipv4s, seq(lit("["), ipv6s, lit("]"))), maybe(seq(colon, ports)), paths), alphabet: ld + "://.@?#[]%"},
	{tag: "requri", accepted: []string{"/", "/a?b#c", "//a.com", "*", "/a b", "/../a", "http://a", "javascript:alert(1)"}, refused: []string{"a", "../a", "?a", "/%zz", "/\n", " /a"},
		grammar: seq(maybe(seq(schemes, anyOf("://", ":", ":/"), names)), paths, paths), alphabet: ld + "://.@?#[]%"},
	{tag: "dialstring", accepted: []string{"localhost:80", "1.2.3.4:80", "[::1]:80", "[a]:80", "a:080", "a:+80"}, refused: []string{"localhost", ":80", "a:0", "a:65536", "a:http", "::1:80", "[::1%lo]:80", "é:1"},
		grammar: seq(either(names, ipv4s, seq(lit("["), ipv6s, lit("]")), ipv6s, seq(lit("["), names, lit("]"))), colon, ports), alphabet: ld + ":[].-_+%"},
	{tag: "ip", accepted: []string{"1.2.3.4", "::1", "::ffff:1.2.3.4", "ABCD::"}, refused: []string{"1.2.3", "01.2.3.4", "256.0.0.0", "1.2.3.4/24", "fe80::1%eth0", "[::1]", " 1.2.3.4"}, grammar: either(ipv4s, ipv6s), alphabet: hex + ":.%"},
	{tag: "ipv4", accepted: []string{"1.2.3.4", "::ffff:1.2.3.4", "64:ff9b::1.2.3.4"}, refused: []string{"::1", "01.2.3.4", "1.2.3"}, grammar: either(ipv4s, ipv6s), alphabet: hex + ":.%", deviations: []deviation{d15MappedIPv4}},
	{tag: "ipv6", accepted: []string{"::1", "2001:db8::1", "::ffff:1.2.3.4"}, refused: []string{"1.2.3.4", "fe80::1%eth0", "[::1]"}, grammar: either(ipv4s, ipv6s, ipv6s), alphabet: hex + ":.%"},
	{tag: "port", accepted: []string{"1", "65535", "080", "+80"}, refused: []string{"0", "65536", "-1", "80 ", "0x50", "http"}, grammar: ports, alphabet: digits + "+-_x"},
	{tag: "dns", accepted: []string{"localhost", "a.b.c", "_sip._tcp.x", "a-", "a.", "a._", "123", "256.256.256.256", rep("a", 63), rep(rep("a", 51)+".", 5), rep("a.", 254) + "a", "01.02.03.04", "a_"}, refused: []string{"-a", "a..b", ".a", "1.2.3.4", "é.com", "*.a.com", rep("a", 64), rep(rep("a", 51)+".", 5) + "b", rep("a.", 255) + "a"},
		grammar: seq(many(seq(label, lit(".")), 0, 5), label, maybe(maybe(anyOf(".", "_", "._", "-")))), alphabet: ld + "-_."},
	{tag: "host", accepted: []string{"1.2.3.4", "::1", "a.b", "256.1.1.1", "01.02.03.04"}, refused: []string{"[::1]", "a:80", "fe80::1%eth0", "a b"}, grammar: either(names, ipv4s, ipv6s), alphabet: ld + "-_.:"},
	{tag: "mac", accepted: []string{"01:23:45:67:89:ab", "01-23-45-67-89-AB", "0123.4567.89ab", "01:23:45:67:89:ab:cd:ef", "0123456789ab"}, refused: []string{"01:23-45:67:89:ab", "1:2:3:4:5:6", "01:23:45:67:89", "01:23:45:67:89:ag"},
		grammar:  either(seq(of(hex, 2, 2), many(seq(colon, of(hex, 2, 2)), 5, 5)), seq(of(hex, 2, 2), many(seq(lit("-"), of(hex, 2, 2)), 7, 7)), seq(of(hex, 4, 4), many(seq(lit("."), of(hex, 4, 4)), 2, 2)), seq(of(hex, 2, 2), many(seq(colon, of(hex, 2, 2)), 4, 19)), seq(of(hex, 4, 4), many(seq(lit("."), of(hex, 4, 4)), 1, 9)), many(of(hex, 2, 2), 5, 20)),
		alphabet: hex + ":-."},

	// Identifiers and codes.
	{tag: "uuid", accepted: []string{"a987fbc9-4bed-3078-cf07-9141ba07c9f3", "00000000-0000-0000-0000-000000000000"}, refused: []string{"A987FBC9-4BED-3078-CF07-9141BA07C9F3", "{a987fbc9-4bed-3078-cf07-9141ba07c9f3}", "a987fbc94bed3078cf079141ba07c9f3", "urn:uuid:a987fbc9-4bed-3078-cf07-9141ba07c9f3"}, grammar: uuids, alphabet: hex + "-"},
	{tag: "uuidv3", accepted: []string{"a987fbc9-4bed-3078-cf07-9141ba07c9f3", "a987fbc9-4bed-3078-0f07-9141ba07c9f3"}, refused: []string{"a987fbc9-4bed-4078-8f07-9141ba07c9f3", "A987FBC9-4BED-3078-CF07-9141BA07C9F3"}, grammar: uuids, alphabet: hex + "-"},
	{tag: "uuidv4", accepted: []string{"57b73598-8764-4ad0-a76a-679bb6640eb1"}, refused: []string{"57b73598-8764-4ad0-c76a-679bb6640eb1", "57B73598-8764-4AD0-A76A-679BB6640EB1", "57b73598-8764-5ad0-a76a-679bb6640eb1"}, grammar: uuids, alphabet: hex + "-"},
	{tag: "uuidv5", accepted: []string{"987fbc97-4bed-5078-af07-9141ba07c9f3"}, refused: []string{"987fbc97-4bed-5078-0f07-9141ba07c9f3", "987fbc97-4bed-4078-af07-9141ba07c9f3"}, grammar: uuids, alphabet: hex + "-"},
	{tag: "ulid", accepted: []string{"01ARZ3NDEKTSV4RRFFQ69G5FAV", "01arz3ndektsv4rrffq69g5fav", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"}, refused: []string{"81ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAI", "01ARZ3NDEKTSV4RRFFQ69G5FAU", "01ARZ3NDEKTSV4RRFFQ69G5FA"},
		grammar: seq(of("01234567", 1, 1), of("0123456789ABCDEFGHJKMNPQRSTVWXYZabcdefghjkmnpqrstvwxyz", 25, 25)), alphabet: "ILOUiloukK89"},
	{tag: "creditcard", accepted: []string{"4111111111111111", "4111 1111-1111 1111", " -4111111111111111\n", "4222222222222", "378282246310005", "2223000048400011", "6200000000000005"}, refused: []string{"4111111111111112", "0000000000000000", "4000000000000000006", "4111.1111.1111.1111", "４111111111111111"},
		grammar: grouped(luhn(either(
			seq(lit("4"), either(of(digits, 14, 14), of(digits, 11, 11), of(digits, 10, 17))), seq(number(51, 55), of(digits, 13, 13)), seq(number(2215, 2725), of(digits, 11, 11)),
			seq(anyOf("34", "37"), of(digits, 12, 12)), seq(either(number(300, 306), lit("309")), of(digits, 10, 10)), seq(anyOf("36", "38", "39"), of(digits, 11, 11)),
			seq(lit("6011"), of(digits, 11, 11)), seq(anyOf("65", "62", "67", "60", "64", "63", "81"), of(digits, 13, 13)), seq(anyOf("2131", "1800", "2130"), of(digits, 10, 10)), seq(lit("35"), of(digits, 13, 13)), of(digits, 12, 18)))),
		alphabet: digits + " -"},
	{tag: "isbn10", accepted: []string{"0-306-40615-2", "080442957X", "0000000000", "----0000000000", "0306406152"}, refused: []string{"0306406153", "080442957x", "9780306406157"}, grammar: grouped(isbn10), alphabet: digits + " -Xx"},
	{tag: "isbn13", accepted: []string{"978-0-306-40615-7", "1234567890128", "0000000000000", "9780306406157"}, refused: []string{"9780306406158", "0306406152", "978.0306406157"}, grammar: grouped(isbn13), alphabet: digits + " -X"},
	{tag: "ssn", accepted: []string{"123-45-6789", "123 45-6789", "000-00-0000"}, refused: []string{"123456789", "12345-67890", "123.45.6789", "123-45-6789\n"}, grammar: seq(of(digits, 3, 3), anyOf("-", " ", "-"), of(digits, 2, 2), anyOf("-", " ", "-", "", "\t"), of(digits, 4, 4)), alphabet: digits + " -"},
	{tag: "IMEI", accepted: []string{"490154203237518", "490154203237519", "abcdefabcdef01", "490154203237518000"}, refused: []string{"4901542032375181", "49-015420-323751-8", "ABCDEFABCDEF01"}, grammar: either(of(hex[:16], 14, 14), luhn(of(digits, 14, 14)), of(digits, 13, 19), of(digits, 18, 18), of(hex, 13, 15)), alphabet: hex},
	{tag: "ISO3166Alpha2", accepted: []string{"DE", "GB", "SS", "BQ"}, refused: []string{"de", "UK", "EU", "XK", "ZZ"}, grammar: codes("ISO3166Alpha2", 2), letters: 2, alphabet: lower + upper},
	{tag: "ISO3166Alpha3", accepted: []string{"DEU", "ROU", "SSD"}, refused: []string{"deu", "XKX", "ANT", "276"}, grammar: codes("ISO3166Alpha3", 3), letters: 3, alphabet: lower + upper},
	{tag: "ISO4217", accepted: []string{"EUR", "XXX", "VES", "HRK", "SLL", "ZWL"}, refused: []string{"eur", "MRU", "SLE", "VED", "ZWG", "BTC", "978"}, grammar: codes("ISO4217", 3), letters: 3, alphabet: lower + upper},
	{tag: "semver", accepted: []string{"1.2.3", "v1.2.3", "1.0.0-alpha.1+b", "1.0.0-0a", "1.0.0--", "99999999999999999999.0.0"}, refused: []string{"1.2", "V1.2.3", "01.2.3", "1.2.3-01", "1.2.3-", "1.2.3-a..b", "1.2.3\n"},
		grammar: seq(maybe(lit("v")), integers, lit("."), integers, lit("."), integers, maybe(seq(lit("-"), of(ld+"-", 1, 3), many(seq(lit("."), either(of(ld+"-", 1, 4), of(digits, 1, 3))), 0, 3))), maybe(seq(lit("+"), of(ld+"-", 1, 3), many(seq(lit("."), of(ld+"-", 1, 4)), 0, 3)))), alphabet: digits + "v.-+a"},
	{tag: "hexcolor", accepted: []string{"#fff", "ABCDEF", "000"}, refused: []string{"#ffff", "#ffffffff", "##fff", "red"}, grammar: seq(maybe(lit("#")), of(hex, 3, 3), maybe(of(hex, 3, 3))), alphabet: hex + "#"},
	{tag: "rgbcolor", accepted: []string{"rgb(0,0,0)", "rgb( 1 , 2 , 3 )", "rgb(0,\n0,\t0)"}, refused: []string{"rgb(256,0,0)", "rgb(01,0,0)", "RGB(0,0,0)", "rgba(0,0,0,1)", "rgb(100%,0,0)", " rgb(0,0,0)"},
		grammar: seq(lit("rgb("), many(seq(of(" \t\n\v\f\r", 0, 1), mostly(number(0, 259), lit("0")), of(" \t", 0, 1), lit(",")), 2, 2), of(" ", 0, 2), number(0, 255), of(" ", 0, 1), lit(")")), alphabet: digits + "(), rgb%"},

	// Data.
	{tag: "json", accepted: []string{"{}", "1", "null", " {} ", `{"a":1,"a":2}`, "\"\xff\"", rep("[", 10000) + rep("]", 10000)}, refused: []string{"{a:1}", "[1,]", "01", "NaN", "{}{}", "\ufeff{}", rep("[", 10001) + rep("]", 10001)}, grammar: jsons, alphabet: `{}[]",:0123456789eE.+-\utrn` + " "},
	{tag: "base64", accepted: []string{"Zg==", "Zm8=", "Zm9v", "+/+/", "Zh=="}, refused: []string{"Zg", "Zg=", "====", "Zm_-", "Zm9v\n", "Zm9v\r\nYmFy"}, grammar: encoded(base64.StdEncoding, noise), alphabet: ld + "+/="},
	{tag: "datauri", accepted: []string{"data:image/png;base64,Zm9v", "data:text/plain;charset=utf-8;base64,Zm8=", "data:<>/<>;base64,Zm9v", "data:a/b;base64,Zm9v,<script>"}, refused: []string{"data:image/png,Zm9v", "data:;base64,Zm9v", "data:image/png;base64,", "DATA:image/png;base64,Zm9v", "data:,"},
		grammar:  seq(lit("data:"), of(lower+"<>é ", 1, 6), lit("/"), of(lower+"+-./", 1, 6), maybe(seq(lit(";charset="), of(lower+digits+"-", 1, 5))), lit(";base64"), mostly(lit(","), anyOf("", ",,")), encoded(base64.StdEncoding, noise), maybe(maybe(maybe(seq(lit(","), noise))))),
		alphabet: ld + ",;/:=", deviations: []deviation{d1NoComma, d17SecondComma}},
	{tag: "jwt", accepted: []string{"e30.e30.aa", "MQ.MQ.MQ", "e30.e30.ab", "e\n30.e30.aa", "e30.e30.\n", "eyJhbGciOiJub25lIn0.e30.aa"}, refused: []string{"e30.e30", "e30.e30.", "..", "e30=.e30.aa", "e30.bm8.aa", "e30.e30.a+/A", "Bearer e30.e30.aa"},
		grammar:  seq(encoded(base64.RawURLEncoding, jsons), lit("."), encoded(base64.RawURLEncoding, jsons), lit("."), encoded(base64.RawURLEncoding, noise), maybe(maybe(maybe(anyOf("\n", "\r"))))),
		alphabet: ld + "-_.=\n\r", deviations: []deviation{d16LineBreaks}},

	// Time and place.
	{tag: "rfc3339", accepted: []string{"2006-01-02T15:04:05Z", "2006-01-02T15:04:05.123456789+07:00", "2006-01-02T15:04:05,5Z", "2006-01-02T5:04:05Z", "2006-01-02T15:04:05+24:60"}, refused: []string{"2006-01-02", "2006-01-02T15:04:05", "2006-01-02t15:04:05z", "2006-01-02 15:04:05Z", "2006-02-29T15:04:05Z", "2006-01-02T23:59:60Z", "2006-01-02T15:04:05+0700"},
		grammar: either(seq(dates, lit("T"), clock, fraction, zones), seq(lit("2024-02-29T"), clock, fraction, zones), seq(lit("2024-02-29T12:30:59"), fraction, zones)), alphabet: digits + "-:TZ.,+"},
	{tag: "rfc3339WithoutZone", accepted: []string{"2006-01-02T15:04:05", "2006-01-02T15:04:05.5", "2006-01-02T5:04:05"}, refused: []string{"2006-01-02T15:04:05Z", "2006-01-02", "2006-02-30T15:04:05"},
		grammar: either(seq(dates, lit("T"), clock, fraction), seq(lit("2024-02-29T"), clock, fraction), seq(lit("2024-02-29T12:30:59"), fraction, zones)), alphabet: digits + "-:TZ.,+"},
	{tag: "yyyymmdd", accepted: []string{"2024-02-29", "0000-01-01"}, refused: []string{"20240229", "2023-02-29", "2024-2-9", "2024/02/29"}, grammar: dates, alphabet: digits + "-/"},
	{tag: "latitude", accepted: []string{"0", "-90", "+90.000", "89.9"}, refused: []string{"90.1", "00", "09.5", "90.", ".5", "1e1", "1,5"}, grammar: seq(anyOf("", "+", "-"), either(number(0, 100), lit("90")), maybe(seq(lit("."), either(of(digits, 1, 6), of("0", 0, 3))))), alphabet: digits + "+-."},
	{tag: "longitude", accepted: []string{"0", "-180", "179.9", "+180.000"}, refused: []string{"180.1", "01", "180.", ".5", "1e1"}, grammar: seq(anyOf("", "+", "-"), either(number(0, 190), lit("180")), maybe(seq(lit("."), either(of(digits, 1, 6), of("0", 0, 3))))), alphabet: digits + "+-."},

	// With parameters.
	{tag: "length(2|5)", accepted: []string{"ab", "abcde", "é", "😀"}, refused: []string{"a", "abcdef", "日本", "ééé"}, grammar: class(of(lower, 1, 1), latin)},
	{tag: "length(5|2)", refused: []string{"a", "abc"}, acceptsNothing: true},
	{tag: "length(1|010)", refused: []string{"a", "abc"}, grammar: of(lower, 8, 12), acceptsNothing: true, deviations: d19LeadingZeros(func(s string) bool { return len(s) <= 10 })},
	{tag: "runelength(2|5)", accepted: []string{"ab", "日本", "e\u0301", "\xff\xff"}, refused: []string{"a", "é", "😀", "abcdef"}, grammar: class(of(lower, 1, 1), latin, anyOf("日", "😀"))},
	{tag: "stringlength(2|5)", accepted: []string{"ab", "日本"}, refused: []string{"a", "abcdef"}, grammar: class(of(lower, 1, 1), latin, anyOf("日", "😀"))},
	{tag: "minstringlength(3)", accepted: []string{"abc", "日本語", "   "}, refused: []string{"ab", "日本"}, grammar: many(either(of(lower, 1, 1), latin), 1, 5)},
	{tag: "minstringlength(03)", accepted: []string{"a"}, grammar: many(either(of(lower, 1, 1), latin), 1, 5), refusesNothing: true, deviations: d19LeadingZeros(func(s string) bool { return utf8.RuneCountInString(s) >= 3 })},
	{tag: "maxstringlength(3)", accepted: []string{"a", "日本語"}, refused: []string{"abcd"}, grammar: many(either(of(lower, 1, 1), latin), 1, 5)},
	{tag: "maxstringlength(03)", refused: []string{"a"}, grammar: many(either(of(lower, 1, 1), latin), 1, 5), acceptsNothing: true, deviations: d19LeadingZeros(func(s string) bool { return utf8.RuneCountInString(s) <= 3 })},
	{tag: "range(1|10)", accepted: []string{"1", "5.5", "+5", "1e1", "0x1p3", "1_0", "05"}, refused: []string{"0", "0.9", "11", "abc", "5a", " 5", "NaN", "Inf", "1e400"}, grammar: numbers, alphabet: digits + "+-.e_xp"},
	{tag: "range(0|10)", accepted: []string{"0", "10", "abc", " 5", "<script>", "1e400"}, refused: []string{"-1", "11", "NaN", "Inf"}, grammar: numbers, alphabet: digits + "+-.e_xp", deviations: []deviation{d12NoNumber}},
	{tag: "range(10|1)", accepted: []string{"1", "10"}, refused: []string{"0", "11"}, grammar: numbers, alphabet: digits + "+-.e_xp"},
	{tag: "matches(^[a-z]+$)", accepted: []string{"abc"}, refused: []string{"ABC", "abc1", "abc\n"}, grammar: of(lower, 1, 8)},
	{tag: "matches(abc)", accepted: []string{"abc", "xxabcxx"}, refused: []string{"ab", "ABC"}, grammar: seq(of(ld, 0, 3), lit("abc"), of(ld, 0, 3)), alphabet: "abc"},
	{tag: "in(a|b|c)", accepted: []string{"a", "c"}, refused: []string{"d", "A", "ab", " a", "a|b"}, grammar: words("a b c a|b b| |"), alphabet: "abc|"},
	{tag: "in()", refused: []string{"a"}, acceptsNothing: true},
	{tag: "in(a|b)tail", accepted: []string{"a", "b"}, refused: []string{"tail"}, grammar: words("a b tail a|b"), alphabet: "abtil|)("},
	{tag: "rsapub(1024)", refused: []string{"abc", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"}, grammar: func(r *rand.Rand) string { return pick(r, publicKeys()) }, alphabet: ld + "+/=\n-"},
	{tag: "rsapub(01024)", refused: []string{"abc"}, grammar: func(r *rand.Rand) string { return pick(r, publicKeys()) }, alphabet: ld + "+/=\n-", acceptsNothing: true, deviations: d19LeadingZeros(func(s string) bool { return govalidator.ParamTagMap["rsapub"](s, "1024") })},
}

// numbers are numbers around 0 to 10, as ParseFloat reads them, and others.
var numbers = either(number(-3, 13), seq(anyOf("", "+", "-"), number(0, 11), maybe(seq(lit("."), of(digits, 0, 3))), maybe(maybe(seq(anyOf("e", "E"), number(-2, 2))))),
	words("NaN Inf +Inf -inf infinity nan 1e400 -1e400 1e-400 0x1p3 0xAp0 0x1p-2 1_0 0_5 0b1 0o7 1e1 .5 5. 00010 9.999999999999999999 10.0000000000000001"))
