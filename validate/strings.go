package validate

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Scanners of the rules without parameters. Each takes the whole text; none
// trims. The classes are ASCII unless the name says utf.

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

func isLowerHex(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' }

func isAlpha(s string) bool {
	for i := range len(s) {
		if !isLetter(s[i]) {
			return false
		}
	}
	return true
}

func isUTFLetter(s string) bool {
	for _, r := range s {
		if !unicode.IsLetter(r) {
			return false
		}
	}
	return true
}

func isAlphanum(s string) bool {
	for i := range len(s) {
		if !isLetter(s[i]) && !isDigit(s[i]) {
			return false
		}
	}
	return true
}

func isNumeric(s string) bool {
	return skipDigits(s, 0) == len(s)
}

func isHexadecimal(s string) bool {
	for i := range len(s) {
		if !isLowerHex(s[i]) && !('A' <= s[i] && s[i] <= 'F') {
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isLowercase reports whether strings.ToLower leaves s alone, which it does
// not where it meets invalid UTF-8.
func isLowercase(s string) bool { return mapsToItself(s, unicode.ToLower) }

// isUppercase is isLowercase for strings.ToUpper.
func isUppercase(s string) bool { return mapsToItself(s, unicode.ToUpper) }

func mapsToItself(s string, mapping func(rune) rune) bool {
	for i, r := range s {
		if mapping(r) != r {
			return false
		}
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			return false
		}
	}
	return true
}

// isInt takes an optional sign, and 0 or digits that do not begin with 0.
func isInt(s string) bool {
	i := skipSign(s, 0)
	if i < len(s) && s[i] == '0' {
		return i+1 == len(s)
	}
	return i < len(s) && skipDigits(s, i) == len(s)
}

// isFloat takes digits with an optional sign, a point with optional digits,
// and an exponent, each of which may be missing:
//
//	1.5  .5  1.  .  e5  +1E-5    but not  -.5  1e  ""
func isFloat(s string) bool {
	if s == "" {
		return false
	}
	i := skipSign(s, 0)
	j := skipDigits(s, i)
	if i == j && i > 0 {
		return false // a sign needs a digit
	}
	i = j
	if i < len(s) && s[i] == '.' {
		i = skipDigits(s, i+1)
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		j = skipSign(s, i+1)
		i = skipDigits(s, j)
		if i == j {
			return false
		}
	}
	return i == len(s)
}

func skipSign(s string, i int) int {
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	return i
}

func skipDigits(s string, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

// isUUID takes 8-4-4-4-12 hexadecimal digits in lower case.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if !isLowerHex(s[i]) {
				return false
			}
		}
	}
	return true
}

// isIP takes what net.ParseIP takes: IPv4 or IPv6, without a zone.
func isIP(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == ""
}
