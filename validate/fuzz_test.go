package validate_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gongular/gongular/validate"
)

// FuzzTag compiles any tag, for several kinds of fields, and checks values by
// what compiles.
func FuzzTag(f *testing.F) {
	for _, test := range ruleTests {
		f.Add(test.tag)
	}
	for _, tag := range []string{"", "-", ",", " ", "!", "~", "!!a~~", "alpha~a,b", "matches(((),alpha", "in(a))~(,", "length(1,2", "x(", ")(,)("} {
		f.Add(tag)
	}
	n := 7
	values := []any{"a", "1", 7, 2.5, true, []string{"a", ""}, map[string]int{"a": 1}, &n, []byte("x"), inner{}, []any{1, "a", nil, false}, func() {}}
	f.Fuzz(func(t *testing.T, tag string) {
		var v validate.Validator
		for _, value := range values {
			p, err := v.Compile(field(reflect.TypeOf(value), tag))
			if (err == nil) != (p != nil) {
				t.Fatalf("plan %v with error %v", p, err)
			}
			if err != nil {
				for line := range strings.SplitSeq(err.Error(), "\n") {
					if line == "" {
						t.Errorf("empty line in %q", err)
					}
				}
				continue
			}
			x := reflect.New(field(reflect.TypeOf(value), tag)).Elem()
			x.Field(0).Set(reflect.ValueOf(value))
			first := p.Validate(x)
			if second := p.Validate(x); !reflect.DeepEqual(first, second) {
				t.Errorf("%v, then %v", first, second)
			}
			v.Struct(struct{ A any }{value})
		}
	})
}

// twins are the scanners as regexps and library calls, slow and plain. Where the
// library is what defines a rule (url.ParseRequestURI, time.Parse, …) there is
// nothing to compare. None is asked about "".
var twins = map[string]func(string) bool{
	// Letters and digits.
	"alpha":        matches(`^[a-zA-Z]+$`),
	"alphanum":     matches(`^[a-zA-Z0-9]+$`),
	"float":        matches(`^([-+]?[0-9]+)?(\.[0-9]*)?([eE][-+]?[0-9]+)?$`),
	"hexadecimal":  matches(`^[0-9a-fA-F]+$`),
	"int":          matches(`^[-+]?(0|[1-9][0-9]*)$`),
	"lowercase":    func(s string) bool { return strings.ToLower(s) == s },
	"numeric":      matches(`^[0-9]+$`),
	"uppercase":    func(s string) bool { return strings.ToUpper(s) == s },
	"utfdigit":     matches(`^(-?\+?\p{Nd}+|-\+)$`),
	"utfletter":    matches(`^\pL+$`),
	"utfletternum": matches(`^[\pL\pN]+$`),
	"utfnumeric":   matches(`^(-?\+?\pN+|-\+)$`),

	// Character sets.
	"ascii":          matches(`^[\x00-\x7F]+$`),
	"fullwidth":      matches(`[^` + halfWidth + `]`),
	"halfwidth":      matches(`[` + halfWidth + `]`),
	"multibyte":      matches(`[^\x00-\x7F]`),
	"printableascii": matches(`^[\x20-\x7E]+$`),
	"variablewidth":  matches(`(?s)[` + halfWidth + `].*[^` + halfWidth + `]|[^` + halfWidth + `].*[` + halfWidth + `]`),

	// Lengths.
	"length(2|5)":        func(s string) bool { return 2 <= len(s) && len(s) <= 5 },
	"maxstringlength(3)": matches(`^(?s:.{0,3})$`),
	"minstringlength(3)": matches(`^(?s:.{3})`),
	"runelength(2|5)":    matches(`^(?s:.{2,5})$`),
	"stringlength(2|5)":  matches(`^(?s:.{2,5})$`),

	// Network. The twin of url is the grammar as one pattern, save for IPv6.
	"dialstring": slowDialString,
	"dns":        slowDNS,
	"email":      slowEmail,
	"host":       func(s string) bool { return net.ParseIP(s) != nil || slowDNS(s) },
	"ip":         func(s string) bool { return net.ParseIP(s) != nil },
	"ipv4":       func(s string) bool { return net.ParseIP(s) != nil && !strings.Contains(s, ":") },
	"ipv6":       func(s string) bool { return net.ParseIP(s) != nil && strings.Contains(s, ":") },
	"port":       slowPort,
	"url":        slowURL,

	// Identifiers.
	"creditcard":    slowCreditCard,
	"hexcolor":      matches(`^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$`),
	"IMEI":          matches(`^([0-9a-f]{14}|\d{15}|\d{18})$`),
	"isbn10":        slowISBN10,
	"isbn13":        slowISBN13,
	"ISO3166Alpha2": isOneOf(validate.Countries2),
	"ISO3166Alpha3": isOneOf(validate.Countries3),
	"ISO4217":       isOneOf(validate.Currencies),
	"rgbcolor":      matches(`^rgb\(` + rgbNumber + `,` + rgbNumber + `,` + rgbNumber + `\)$`),
	"semver":        matches(`^v?` + semverNumber + `\.` + semverNumber + `\.` + semverNumber + `(-` + semverPre + `(\.` + semverPre + `)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`),
	"ssn":           matches(`^\d{3}[- ]\d{2}[- ]\d{4}$`),
	"ulid":          matches(`^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$`),
	"uuid":          matches(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`),
	"uuidv3":        matches(`^[0-9a-f]{8}-[0-9a-f]{4}-3[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$`),
	"uuidv4":        matches(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`),
	"uuidv5":        matches(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`),

	// Data, time and place.
	"base64":       slowBase64,
	"datauri":      slowDataURI,
	"jwt":          slowJWT,
	"latitude":     matches(`^[-+]?(90(\.0+)?|([0-9]|[1-8][0-9])(\.[0-9]+)?)$`),
	"longitude":    matches(`^[-+]?(180(\.0+)?|([0-9]|[1-9][0-9]|1[0-7][0-9])(\.[0-9]+)?)$`),
	"rsapub(1024)": slowRSA,
}

const (
	halfWidth    = `\x20-\x7E\x{FF61}-\x{FF9F}\x{FFA0}-\x{FFDC}\x{FFE8}-\x{FFEE}`
	rgbNumber    = `\s*(0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])\s*`
	semverNumber = `(0|[1-9][0-9]*)`
	semverPre    = `(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)`
)

func matches(pattern string) func(string) bool { return regexp.MustCompile(pattern).MatchString }

func isOneOf(codes string) func(string) bool {
	list := strings.Fields(codes)
	return func(s string) bool { return slices.Contains(list, s) }
}

var dnsPattern = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,62}(\.[a-zA-Z0-9_][a-zA-Z0-9_-]{0,62})*[._]?$`)

func slowDNS(s string) bool {
	return dnsPattern.MatchString(s) && len(strings.ReplaceAll(s, ".", "")) <= 255 && net.ParseIP(s) == nil
}

func slowPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && 0 < n && n < 65536
}

var bracketed = regexp.MustCompile(`^(?:\[([^\[\]]+)\]|([^\[\]:]+)):([^\[\]:]+)$`)

func slowDialString(s string) bool {
	m := bracketed.FindStringSubmatch(s)
	if m == nil {
		return false
	}
	host := m[1] + m[2]
	return (net.ParseIP(host) != nil || slowDNS(host)) && slowPort(m[3])
}

var (
	spacers = regexp.MustCompile(`[\s-]+`)
	cards   = matches(`^(4\d{12}(\d{3})?|5[1-5]\d{14}|(222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}|30[0-5]\d{11}|3[68]\d{12}` +
		`|6011\d{12}|6[257]\d{14}|(2131|1800)\d{11}|35\d{14})$`)
	isbn10s = matches(`^\d{9}[\dX]$`)
	isbn13s = matches(`^\d{13}$`)
)

func slowCreditCard(s string) bool {
	s = spacers.ReplaceAllString(s, "")
	if !cards(s) {
		return false
	}
	doubled := ""
	for i := range len(s) {
		if (len(s)-i)%2 == 0 {
			doubled += strconv.Itoa(2 * int(s[i]-'0')) // 16 counts as 1 + 6
		} else {
			doubled += s[i : i+1]
		}
	}
	sum := 0
	for _, c := range doubled {
		sum += int(c - '0')
	}
	return sum%10 == 0
}

func slowISBN10(s string) bool {
	s = spacers.ReplaceAllString(s, "")
	if !isbn10s(s) {
		return false
	}
	sum := 0
	for i, c := range s {
		sum += (i + 1) * strings.IndexRune("0123456789X", c)
	}
	return sum%11 == 0
}

func slowISBN13(s string) bool {
	s = spacers.ReplaceAllString(s, "")
	if !isbn13s(s) {
		return false
	}
	odd, even := 0, 0
	for i, c := range s {
		if i%2 == 0 {
			odd += int(c - '0')
		} else {
			even += int(c - '0')
		}
	}
	return (odd+3*even)%10 == 0
}

func slowBase64(s string) bool {
	_, err := base64.StdEncoding.DecodeString(s)
	return err == nil && s != "" && !strings.ContainsAny(s, "\r\n")
}

var dataHead = regexp.MustCompile(`^data:.+/.+;base64$`)

func slowDataURI(s string) bool {
	parts := strings.Split(s, ",")
	return len(parts) == 2 && dataHead.MatchString(parts[0]) && slowBase64(parts[1])
}

func slowJWT(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || strings.ContainsAny(s, "\r\n") || parts[2] == "" {
		return false
	}
	for i, part := range parts {
		data, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil || i < 2 && !json.Valid(data) {
			return false
		}
	}
	return true
}

// slowRSA parses whatever it is, and counts the bits after that.
func slowRSA(s string) bool {
	block, _ := pem.Decode([]byte(s))
	if block == nil {
		der, err := base64.StdEncoding.DecodeString(s)
		block = &pem.Block{Type: "PUBLIC KEY", Bytes: der}
		if err != nil {
			return false
		}
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	rsaKey, ok := key.(*rsa.PublicKey)
	return err == nil && ok && block.Type == "PUBLIC KEY" && len(rsaKey.N.Bytes()) == 128
}

const (
	ucs   = `\x{00A0}-\x{D7FF}\x{F900}-\x{FDCF}\x{FDF0}-\x{FFEF}`
	atext = "[a-zA-Z0-9!#$%&'*+\\-/=?^_`{|}~" + ucs + `]`
	ld    = `a-zA-Z0-9` + ucs
	la    = `a-zA-Z` + ucs
)

var emailPattern = regexp.MustCompile(`^` + atext + `+(\.` + atext + `+)*@` +
	`(([` + ld + `]|[` + ld + `][` + ld + `\-._~]*[` + ld + `])\.)+` +
	`([` + la + `]|[` + la + `][` + ld + `\-_~]*[` + la + `])\.?$`)

func slowEmail(s string) bool {
	return emailPattern.MatchString(s) && !(strings.Contains(s, "=?") && strings.Contains(s, "?="))
}

// The pattern is put together from the grammar in another way than in the
// package: as a whole, with scheme, user and all.
var urlPattern = func() *regexp.Regexp {
	x := `[a-zA-Z0-9\x{A1}-\x{FFFF}]`
	xh := `[a-zA-Z0-9\x{A1}-\x{FFFF}_-]`
	ipv4 := `([1-9]\d?|1\d\d|2[01]\d|22[0-3]|24\d|25[0-5])(\.(\d{1,2}|1\d\d|2[0-4]\d|25[0-5])){3}`
	part := fmt.Sprintf(`(%s(%s+)?%s([-.]%s+)*)`, x, xh, x, x)
	sub := fmt.Sprintf(`(www\.|%s+([-_.]?%s)*%s\.%s+)`, x, x, x, x)
	host := fmt.Sprintf(`(%s|(%s|%s)?(%s+-?-?)*%s+(\.[a-zA-Z\x{A1}-\x{FFFF}]+)?|\[([^\[\]]*)\])`, ipv4, part, sub, x, x)
	return regexp.MustCompile(`^((ftp|tcp|udp|wss?|https?)://)?([^\t\n\f\r ]+(:[^\t\n\f\r ]*)?@)?` + host + `\.?(:\d{1,5})?([/?#][^\t\n\f\r ]*)?$`)
}()

func slowURL(s string) bool {
	if len(s) < 4 || utf8.RuneCountInString(s) >= 2083 || s[0] == '.' || !urlPattern.MatchString(s) {
		return false
	}
	lower := strings.ToLower(s)
	for _, scheme := range []string{"http", "https", "ftp", "tcp", "udp", "ws", "wss"} {
		if strings.HasPrefix(lower, scheme+"//") {
			return false
		}
	}
	if u, err := url.Parse(s); err == nil && slices.Contains([]string{"javascript", "vbscript", "data", "file"}, u.Scheme) {
		return false
	}
	if strings.Contains(s, ":") && !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	return err == nil && !strings.HasPrefix(u.Host, ".") && (u.Host != "" || u.Path == "" || strings.Contains(u.Path, "."))
}

// hasTwin reports whether the twin of a rule has a say about s.
func hasTwin(tag, s string) bool {
	return s != "" && (tag != "url" || !strings.Contains(s, "[")) // it takes anything in brackets
}

// fuzzTwins compares rules with their twins, beginning with all values of
// ruleTests.
func fuzzTwins(f *testing.F, tags ...string) {
	for _, test := range ruleTests {
		for _, s := range slices.Concat(test.accepts, test.refuses) {
			if len(s) < 500 {
				f.Add(s)
			}
		}
	}
	for _, s := range []string{"data:80", "a:b@c.de", "http://a@b@c.de:1/x y", "a@[::1]", "x@y:1", "a_b.c", "a_b-c.d.e", "http://-a.b", "1.2.3.4.", "ſ@K.com", "http://www.a", "foo:80?a/b@c"} {
		f.Add(s)
	}
	rules := make([]func(string) bool, len(tags))
	for i, tag := range tags {
		rules[i] = validate.Rule(tag)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for i, tag := range tags {
			if !hasTwin(tag, s) {
				continue
			}
			if got, want := rules[i](s), twins[tag](s); got != want {
				t.Errorf("%s of %q: got %v, want %v", tag, s, got, want)
			}
		}
	})
}

func FuzzLetters(f *testing.F) {
	fuzzTwins(f, "alpha", "alphanum", "hexadecimal", "lowercase", "uppercase", "utfletter", "utfletternum", "ascii", "printableascii", "multibyte")
}

func FuzzWidths(f *testing.F) {
	fuzzTwins(f, "fullwidth", "halfwidth", "variablewidth", "length(2|5)", "maxstringlength(3)", "minstringlength(3)", "runelength(2|5)", "stringlength(2|5)")
}

func FuzzNumbers(f *testing.F) {
	fuzzTwins(f, "float", "int", "numeric", "utfdigit", "utfnumeric", "latitude", "longitude", "hexcolor", "rgbcolor", "semver", "port")
}

func FuzzHosts(f *testing.F) {
	fuzzTwins(f, "dialstring", "dns", "host", "ip", "ipv4", "ipv6")
}

func FuzzEmail(f *testing.F) { fuzzTwins(f, "email") }
func FuzzURL(f *testing.F)   { fuzzTwins(f, "url") }

func FuzzIdentifiers(f *testing.F) {
	fuzzTwins(f, "creditcard", "IMEI", "isbn10", "isbn13", "ISO3166Alpha2", "ISO3166Alpha3", "ISO4217", "ssn", "ulid", "uuid", "uuidv3", "uuidv4", "uuidv5")
}

func FuzzData(f *testing.F) { fuzzTwins(f, "base64", "datauri", "jwt", "rsapub(1024)") }

// FuzzPlainURL holds the fast form of url against the slow one.
func FuzzPlainURL(f *testing.F) {
	for _, test := range ruleTests {
		if test.tag == "url" {
			for _, s := range slices.Concat(test.accepts, test.refuses) {
				f.Add(s)
			}
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		if validate.IsPlainURL(s) && !validate.IsAnyURL(s) {
			t.Errorf("%q is a plain url, but none at all", s)
		}
	})
}
