package validate

import "strings"

// Rules about names that were given out, most of them numbers. Whether one was
// in truth given to anybody is not checked.

// isUUID takes 8-4-4-4-12 hexadecimal digits in lower case: the form of RFC 9562,
// section 4, of any version and variant. Upper case is refused, though that section
// allows it.
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

// isUUIDv3 takes version 3. Unlike in the two below, the variant is not looked at.
func isUUIDv3(s string) bool { return isUUID(s) && s[14] == '3' }

// isUUIDv4 takes version 4 in the variant of RFC 9562.
func isUUIDv4(s string) bool { return isUUID(s) && s[14] == '4' && isUUIDVariant(s[19]) }

// isUUIDv5 takes version 5 in the variant of RFC 9562.
func isUUIDv5(s string) bool { return isUUID(s) && s[14] == '5' && isUUIDVariant(s[19]) }

// isUUIDVariant reports whether the digit has the bits 10 in front.
func isUUIDVariant(c byte) bool { return c == '8' || c == '9' || c == 'a' || c == 'b' }

// isULID takes the 26 characters of a ULID, Crockford's base32 in either case:
// digits and letters without I, L, O and U. The first is 7 at most, since there
// are but 128 bits.
func isULID(s string) bool {
	if len(s) != 26 || s[0] > '7' {
		return false
	}
	for i := range len(s) {
		if isDigit(s[i]) {
			continue
		}
		switch c := s[i] | 0x20; {
		case !isLetter(s[i]), c == 'i', c == 'l', c == 'o', c == 'u':
			return false
		}
	}
	return true
}

// isCreditCard takes card numbers (ISO/IEC 7812) of the issuers in
// [isCardPrefix], if the check digit is right. White space and hyphens may stand
// anywhere.
func isCreditCard(s string) bool {
	var buf [16]byte
	digits := unspaced(s, buf[:])
	if len(digits) < 4 || !allDigits(digits) {
		return false
	}
	prefix := 0
	for _, c := range digits[:4] {
		prefix = 10*prefix + int(c-'0')
	}
	return isCardPrefix(prefix, len(digits)) && isLuhn(digits)
}

// isCardPrefix reports whether an issuer has card numbers of size digits that
// begin with the four digits of prefix: Visa, Mastercard, UnionPay, JCB, Discover
// and Maestro; American Express; Diners Club.
func isCardPrefix(prefix, size int) bool {
	three, two, one := prefix/10, prefix/100, prefix/1000
	switch size {
	case 16:
		return one == 4 || 51 <= two && two <= 55 || 2221 <= prefix && prefix <= 2720 ||
			two == 62 || two == 35 || prefix == 6011 || two == 65 || two == 67
	case 15:
		return two == 34 || two == 37 || prefix == 2131 || prefix == 1800
	case 14:
		return 300 <= three && three <= 305 || two == 36 || two == 38
	case 13:
		return one == 4
	}
	return false
}

// isLuhn reports whether the sum of the digits is divisible by 10 if every
// second, from the end, is doubled, and 9 taken off what then has two digits
// (ISO/IEC 7812-1, annex B).
func isLuhn(digits []byte) bool {
	sum := 0
	for i, c := range digits {
		d := int(c - '0')
		if (len(digits)-i)%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// isISBN10 takes ten characters whose sum, weighted by 10 to 1, is divisible by
// 11 (ISO 2108:1992). The last may be X, for ten. White space and hyphens may
// stand anywhere; the groups are not checked.
func isISBN10(s string) bool {
	var buf [10]byte
	digits := unspaced(s, buf[:])
	if len(digits) != 10 {
		return false
	}
	sum := 0
	for i, c := range digits {
		switch {
		case isDigit(c):
			sum += (10 - i) * int(c-'0')
		case c == 'X' && i == 9:
			sum += 10
		default:
			return false
		}
	}
	return sum%11 == 0
}

// isISBN13 takes 13 digits whose sum, weighted by 1 and 3 in turn, is divisible
// by 10 (ISO 2108:2017). White space and hyphens may stand anywhere. The prefix is
// not checked: every EAN-13 passes.
func isISBN13(s string) bool {
	var buf [13]byte
	digits := unspaced(s, buf[:])
	if len(digits) != 13 || !allDigits(digits) {
		return false
	}
	sum := 0
	for i, c := range digits {
		sum += (1 + i%2*2) * int(c-'0')
	}
	return sum%10 == 0
}

// unspaced copies s to buf, without white space and hyphens. If that does not
// fit, it returns nil.
func unspaced(s string, buf []byte) []byte {
	n := 0
	for i := range len(s) {
		switch {
		case isSpace(s[i]) || s[i] == '-':
			continue
		case n == len(buf):
			return nil
		}
		buf[n] = s[i]
		n++
	}
	return buf[:n]
}

func allDigits(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// isSSN takes the form of a social security number of the United States: 3, 2 and
// 4 digits, with a hyphen or space between. Numbers that are never issued, such
// as 000-00-0000, pass.
func isSSN(s string) bool {
	if len(s) != len("123-45-6789") {
		return false
	}
	for i := range len(s) {
		switch i {
		case 3, 6:
			if s[i] != '-' && s[i] != ' ' {
				return false
			}
		default:
			if !isDigit(s[i]) {
				return false
			}
		}
	}
	return true
}

// isIMEI takes the form of what identifies a mobile device: 15 or 18 digits (an
// IMEI of 3GPP TS 23.003, section 6.2, or one with three digits more), or 14
// hexadecimal digits in lower case (a MEID). The check digit is not checked, and
// the 16 digits of an IMEISV are refused.
func isIMEI(s string) bool {
	switch len(s) {
	case 14:
		for i := range len(s) {
			if !isLowerHex(s[i]) {
				return false
			}
		}
		return true
	case 15, 18:
		return isNumeric(s)
	}
	return false
}

// isSemver takes versions as of Semantic Versioning 2.0.0, with or without a
// small v in front. Numbers may have any size.
//
//	1.2.3   v1.0.0-rc.1+build.5
func isSemver(s string) bool {
	s = strings.TrimPrefix(s, "v")
	i := 0
	for part := range 3 {
		if part > 0 {
			if i == len(s) || s[i] != '.' {
				return false
			}
			i++
		}
		begin := i
		if i = skipInteger(s, i); i == begin {
			return false
		}
	}
	if i < len(s) && s[i] == '-' {
		if i = skipSemverWords(s, i+1, true); i < 0 {
			return false
		}
	}
	if i < len(s) && s[i] == '+' {
		if i = skipSemverWords(s, i+1, false); i < 0 {
			return false
		}
	}
	return i == len(s)
}

// skipSemverWords skips one word and more, by dots, of letters, digits and
// hyphens. If strict, one of digits alone does not begin with 0, unless it is 0.
// If there is no such list, it returns -1.
func skipSemverWords(s string, i int, strict bool) int {
	for {
		begin, numeric := i, true
		for i < len(s) && (isLetter(s[i]) || isDigit(s[i]) || s[i] == '-') {
			numeric = numeric && isDigit(s[i])
			i++
		}
		if i == begin || strict && numeric && s[begin] == '0' && i > begin+1 {
			return -1
		}
		if i == len(s) || s[i] != '.' {
			return i
		}
		i++
	}
}
