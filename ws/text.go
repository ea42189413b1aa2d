package ws

import "unicode/utf8"

// A textCheck checks UTF-8 that comes in pieces, as early as can be: no byte
// passes with which it cannot be valid any more, whatever follows.
type textCheck struct {
	rest [utf8.UTFMax]byte // of a character that has begun
	n    uint8             // its bytes so far
}

// add reports whether p can follow what was added before.
func (c *textCheck) add(p []byte) bool {
	for c.n > 0 && len(p) > 0 {
		c.rest[c.n] = p[0]
		c.n++
		p = p[1:]
		if utf8.FullRune(c.rest[:c.n]) {
			if !utf8.Valid(c.rest[:c.n]) {
				return false
			}
			c.n = 0
		}
	}
	end := len(p) - unfinished(p)
	if !utf8.Valid(p[:end]) {
		return false
	}
	c.n += uint8(copy(c.rest[c.n:], p[end:]))
	return true
}

// ended reports whether the text may end here.
func (c *textCheck) ended() bool { return c.n == 0 }

// unfinished returns the size of the character at the end of p that lacks
// bytes, or 0 if there is none.
func unfinished(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		last := p[len(p)-n:]
		if utf8.RuneStart(last[0]) {
			if utf8.FullRune(last) {
				return 0
			}
			return n
		}
	}
	return 0
}
