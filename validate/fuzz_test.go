package validate_test

import (
	"fmt"
	"net"
	"net/url"
	"reflect"
	"regexp"
	"slices"
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

// twins are the scanners as regexps and library calls. For url this is the
// grammar as one pattern, save for IPv6.
var twins = map[string]func(string) bool{
	"alpha":       regexp.MustCompile(`^[a-zA-Z]*$`).MatchString,
	"alphanum":    regexp.MustCompile(`^[a-zA-Z0-9]*$`).MatchString,
	"numeric":     regexp.MustCompile(`^[0-9]*$`).MatchString,
	"hexadecimal": regexp.MustCompile(`^[0-9a-fA-F]*$`).MatchString,
	"ascii":       regexp.MustCompile(`^[\x00-\x7F]*$`).MatchString,
	"int":         regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$`).MatchString,
	"float":       regexp.MustCompile(`^([-+]?[0-9]+)?(\.[0-9]*)?([eE][-+]?[0-9]+)?$`).MatchString,
	"uuid":        regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`).MatchString,
	"utfletter":   func(s string) bool { return utf8.ValidString(s) && regexp.MustCompile(`^\pL*$`).MatchString(s) },
	"lowercase":   func(s string) bool { return strings.ToLower(s) == s },
	"uppercase":   func(s string) bool { return strings.ToUpper(s) == s },
	"ip":          func(s string) bool { return net.ParseIP(s) != nil },
	"length(2|5)": regexp.MustCompile(`^(?s:.{2,5})$`).MatchString,
	"email":       slowEmail,
	"url":         slowURL,
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

// FuzzScanners compares each rule with its slow twin.
func FuzzScanners(f *testing.F) {
	for _, test := range ruleTests {
		for _, s := range slices.Concat(test.accepts, test.refuses) {
			if len(s) < 100 {
				f.Add(s)
			}
		}
	}
	for _, s := range []string{"data:80", "a:b@c.de", "http://a@b@c.de:1/x y", "a@[::1]", "x@y:1", "a_b.c", "a_b-c.d.e", "http://-a.b", "1.2.3.4.", "ſ@K.com", "http://www.a", "foo:80?a/b@c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" {
			return
		}
		for tag, twin := range twins {
			if tag == "length(2|5)" && !isOneByteEach(s) {
				continue
			}
			if tag == "url" && strings.Contains(s, "[") {
				continue // the twin takes anything in brackets
			}
			if got, want := validate.Value(s, tag) == nil, twin(s); got != want {
				t.Errorf("%s of %q: got %v, want %v", tag, s, got, want)
			}
		}
		if validate.IsPlainURL(s) && !validate.IsAnyURL(s) {
			t.Errorf("%q is a plain url, but none at all", s)
		}
	})
}

func isOneByteEach(s string) bool { return len(s) == utf8.RuneCountInString(s) }
