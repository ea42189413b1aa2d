package validate

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

const (
	minURLBytes = 4
	maxURLRunes = 2082
)

var urlSchemes = []string{"http", "https", "ftp", "tcp", "udp", "ws", "wss"}

// isURL takes
//
//	url  = [scheme "://"] [user "@"] host ["."] [":" 1*5DIGIT] [("/" / "?" / "#") *nonspace]
//	user = 1*nonspace
//
// if url.Parse takes it too. It never takes what a browser may run or read
// from the disk: javascript, vbscript, data and file, which would otherwise
// pass as the name of a host with a port, or as a user.
func isURL(s string) bool {
	return isPlainURL(s) || isAnyURL(s)
}

// isPlainURL is a part of [isAnyURL] that needs neither url.Parse nor a
// regexp: a scheme, a host of letters and digits, a port, and ASCII without
// escapes behind it. It is sound since every such host is one of the grammar:
// of ab.cd.com, "ab.c" is part, "d" is body and "com" the end.
func isPlainURL(s string) bool {
	if len(s) > maxURLRunes {
		return false
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || !isURLScheme(scheme) {
		return false
	}
	// Labels: a letter or digit at the beginning, two at the end, in between
	// single hyphens; at least two labels, the last of letters alone.
	i, labels := 0, 0
	for {
		begin := i
		for i < len(rest) && (isLetter(rest[i]) || isDigit(rest[i]) || rest[i] == '-' && i > begin && rest[i-1] != '-') {
			i++
		}
		if i < begin+2 || rest[i-1] == '-' || rest[i-2] == '-' {
			return false
		}
		labels++
		if i == len(rest) || rest[i] != '.' {
			if labels < 2 || !isAlpha(rest[begin:i]) {
				return false
			}
			break
		}
		i++
	}
	rest = rest[i:]
	if strings.HasPrefix(rest, ":") {
		n := skipDigits(rest, 1)
		if n == 1 || n > 6 {
			return false
		}
		rest = rest[n:]
	}
	if rest == "" {
		return true
	}
	if rest[0] != '/' && rest[0] != '?' && rest[0] != '#' {
		return false
	}
	for i := range len(rest) {
		if c := rest[i]; c <= ' ' || c >= 0x7F || c == '%' {
			return false
		}
	}
	return true
}

func isURLScheme(s string) bool {
	for _, scheme := range urlSchemes {
		if s == scheme {
			return true
		}
	}
	return false
}

// isAnyURL is isURL, slowly.
func isAnyURL(s string) bool {
	if len(s) < minURLBytes || utf8.RuneCountInString(s) > maxURLRunes || s[0] == '.' {
		return false
	}
	if before, _, ok := strings.Cut(s, ":"); ok {
		switch strings.ToLower(before) {
		case "javascript", "vbscript", "data", "file":
			return false
		}
	}
	if before, _, ok := strings.Cut(s, "//"); ok && isURLScheme(strings.ToLower(before)) {
		return false // http//host
	}
	full := s
	if strings.Contains(s, ":") && !strings.Contains(s, "://") {
		full = "http://" + s
	}
	u, err := url.Parse(full)
	if err != nil || strings.HasPrefix(u.Host, ".") || u.Host == "" && u.Path != "" && !strings.Contains(u.Path, ".") {
		return false
	}
	if scheme, rest, ok := strings.Cut(s, "://"); ok && isURLScheme(scheme) && isURLAfterScheme(rest) {
		return true
	}
	return isURLAfterScheme(s)
}

// isURLAfterScheme reports whether s is [user "@"] followed by what
// [isURLAfterUser] takes. A user may hold anything, even an "@".
func isURLAfterScheme(s string) bool {
	if isURLAfterUser(s) {
		return true
	}
	for i := range len(s) {
		switch {
		case isSpace(s[i]):
			return false
		case s[i] == '@' && i > 0 && isURLAfterUser(s[i+1:]):
			return true
		}
	}
	return false
}

// isURLAfterUser reports whether s is host ["."] [port] [path].
func isURLAfterUser(s string) bool {
	end := strings.IndexAny(s, ":/?#")
	if strings.HasPrefix(s, "[") {
		end = strings.IndexByte(s, ']') + 1
		if end == 0 || !isURLIPv6(s[1:end-1]) {
			return false
		}
		s = strings.TrimPrefix(s[end:], ".")
	} else {
		if end < 0 {
			end = len(s)
		}
		if !urlHost().MatchString(strings.TrimSuffix(s[:end], ".")) {
			return false
		}
		s = s[end:]
	}
	if strings.HasPrefix(s, ":") {
		n := skipDigits(s, 1)
		if n == 1 || n > 6 {
			return false
		}
		s = s[n:]
	}
	return s == "" || strings.IndexByte("/?#", s[0]) >= 0 && !strings.ContainsAny(s, "\t\n\f\r ")
}

// urlHost is the grammar of a host that stands in no brackets:
//
//	host  = first "." octet "." octet "." octet
//	      / [part / sub] body ["." 1*(ALPHA / high)]
//	x     = ALPHA / DIGIT / high
//	high  = U+00A1-FFFF
var urlHost = sync.OnceValue(func() *regexp.Regexp {
	const (
		high  = `\x{00A1}-\x{FFFF}`
		x     = `[a-zA-Z0-9` + high + `]`
		first = `(?:[1-9][0-9]?|1[0-9][0-9]|2[01][0-9]|22[0-3]|24[0-9]|25[0-5])`
		octet = `(?:[0-9]{1,2}|1[0-9][0-9]|2[0-4][0-9]|25[0-5])`
		ipv4  = first + `(?:\.` + octet + `){3}`
		part  = x + `(?:[a-zA-Z0-9_` + high + `-]+)?` + x + `(?:[-.]` + x + `+)*`
		sub   = `www\.|` + x + `+(?:[-_.]?` + x + `)*` + x + `\.` + x + `+`
		body  = `(?:` + x + `+-?-?)*` + x + `+`
		name  = `(?:` + part + `|` + sub + `)?` + body + `(?:\.[a-zA-Z` + high + `]+)?`
	)
	return regexp.MustCompile(`^(?:` + ipv4 + `|` + name + `)$`)
})

// Of the IPv6 addresses with a dotted end, and of those with a zone, only
// these beginnings are taken.
var (
	urlBeforeDotted = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?:::(?:ffff:(?:0{1,4}:)?)?|(?:[0-9A-Fa-f]{1,4}:){1,4}:)$`)
	})
	urlBeforeZone = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^fe80:(?::[0-9A-Fa-f]{0,4}){0,4}$`)
	})
)

// isURLIPv6 reports whether s may stand in the brackets of a host. Of one with
// a zone only the form is looked at: url.Parse has seen to it that it is an
// address, unless what stands before it hid it from url.Parse.
func isURLIPv6(s string) bool {
	addr, zone, hasZone := strings.Cut(s, "%")
	if hasZone {
		return zone != "" && isAlphanum(zone) && urlBeforeZone().MatchString(addr)
	}
	a, err := netip.ParseAddr(addr)
	if err != nil || !a.Is6() {
		return false
	}
	if strings.Contains(addr, ".") {
		return urlBeforeDotted().MatchString(addr[:strings.LastIndexByte(addr, ':')+1])
	}
	return true
}
