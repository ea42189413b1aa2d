package validate

import "strings"

// isEmail takes
//
//	email = local "@" 1*(label ".") tld ["."]
//	local = 1*atext *("." 1*atext)
//	label = ld / ld *(ld / "-" / "." / "_" / "~") ld
//	tld   = la / la *(ld / "-" / "_" / "~") la
//	ld    = ALPHA / DIGIT / UCS
//	la    = ALPHA / UCS
//
// and refuses what has both =? and ?= (an encoded word of MIME). Since a label
// may have dots inside, all labels together are but one: what stands before
// the last dot. Quotes and control characters are never taken: an address
// with a line break is a header injection in whatever mails it.
func isEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || strings.Contains(s, "=?") && strings.Contains(s, "?=") {
		return false
	}
	domain = strings.TrimSuffix(domain, ".")
	dot := strings.LastIndexByte(domain, '.')
	return dot >= 0 && isEmailLocal(local) &&
		isEmailPart(domain[:dot], true) && isEmailPart(domain[dot+1:], false)
}

func isEmailLocal(s string) bool {
	dot := true // at the beginning as good as after a dot: no dot may follow
	for _, r := range s {
		switch {
		case r == '.':
			if dot {
				return false
			}
			dot = true
			continue
		case !isAtext(r):
			return false
		}
		dot = false
	}
	return !dot
}

func isAtext(r rune) bool {
	if r < 0x80 {
		return isLetter(byte(r)) || isDigit(byte(r)) || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", byte(r)) >= 0
	}
	return isUCS(r)
}

// isEmailPart reports whether s is a label or, if not label, a tld.
func isEmailPart(s string, label bool) bool {
	last := false // whether the last character may stand at an end
	for i, r := range s {
		letter := r < 0x80 && isLetter(byte(r)) || isUCS(r)
		digit := r < 0x80 && isDigit(byte(r))
		last = letter || digit && label
		switch {
		case last || digit && i > 0:
		case i > 0 && (r == '-' || r == '_' || r == '~' || r == '.' && label):
		default:
			return false
		}
	}
	return last
}

// isUCS reports whether r is one of the characters beyond ASCII that the
// grammars allow. U+FFFD, which stands for invalid UTF-8, is none of them.
func isUCS(r rune) bool {
	return 0xA0 <= r && r <= 0xD7FF || 0xF900 <= r && r <= 0xFDCF || 0xFDF0 <= r && r <= 0xFFEF
}
