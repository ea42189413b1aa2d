package validate

import (
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

// isUTFLetter takes letters of any script (Unicode's category L). Combining
// marks are none: decomposed accents are refused, and most words of Indic
// scripts.
func isUTFLetter(s string) bool {
	for _, r := range s {
		if !unicode.IsLetter(r) {
			return false
		}
	}
	return true
}

// isUTFLetterNum takes letters and all kinds of numbers (Unicode's categories
// L and N), such as ½ and Ⅷ, but no combining marks.
func isUTFLetterNum(s string) bool {
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) {
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

// isPrintableASCII takes what has a glyph in ASCII, and the space.
func isPrintableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// hasMultibyte reports whether there is anything beyond ASCII. Invalid UTF-8 is.
func hasMultibyte(s string) bool { return !isASCII(s) }

// hasFullWidth reports whether some character is not of half width. Control
// characters are not, nor is é, nor invalid UTF-8: it is not what Unicode
// calls East Asian width (UAX #11).
func hasFullWidth(s string) bool {
	for _, r := range s {
		if !isHalfWidth(r) {
			return true
		}
	}
	return false
}

// hasHalfWidth reports whether some character is of half width.
func hasHalfWidth(s string) bool {
	for _, r := range s {
		if isHalfWidth(r) {
			return true
		}
	}
	return false
}

// hasBothWidths reports whether s has both.
func hasBothWidths(s string) bool { return hasHalfWidth(s) && hasFullWidth(s) }

// isHalfWidth reports whether r is printable ASCII, or one of the halfwidth
// forms of the block U+FF00 to U+FFEF.
func isHalfWidth(r rune) bool {
	return ' ' <= r && r <= '~' || 0xFF61 <= r && r <= 0xFFDC || 0xFFE8 <= r && r <= 0xFFEE
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

// isInt takes an optional sign, and 0 or digits that do not begin with 0. The
// number need not fit any type.
func isInt(s string) bool {
	i := skipSign(s, 0)
	j := skipInteger(s, i)
	return j > i && j == len(s)
}

// isUTFNumeric takes numbers of all kinds (Unicode's category N), such as ½, Ⅷ
// and ٣, after a prefix of isUTFNumber.
func isUTFNumeric(s string) bool { return isUTFNumber(s, unicode.IsNumber) }

// isUTFDigit is isUTFNumeric for decimal digits of any script (category Nd).
func isUTFDigit(s string) bool { return isUTFNumber(s, unicode.IsDigit) }

// isUTFNumber takes characters of a class, after "-", "+" or "-+". That last
// prefix, and no other, may stand alone.
func isUTFNumber(s string, class func(rune) bool) bool {
	if len(s) > 1 {
		s = strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+")
	}
	for _, r := range s {
		if !class(r) {
			return false
		}
	}
	return true
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

// skipInteger skips 0, or digits that do not begin with 0. Of 01 it skips the
// 0 alone.
func skipInteger(s string, i int) int {
	if i < len(s) && s[i] == '0' {
		return i + 1
	}
	return skipDigits(s, i)
}

// isSpace reports whether c is what a regexp calls \s: all of ASCII's white
// space but the vertical tab.
func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r'
}

func skipSpaces(s string, i int) int {
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	return i
}
