package validate_test

import (
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"unicode/utf8"
)

// Values are generated from small grammars, and by mutating what comes out of
// them. All of it is repeatable: a source of chance is made from the seed and a
// name, and so does not depend on what else runs.

const seed = 20

// chance returns the source of chance for the test of that name.
func chance(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// A grammar makes a text.
type grammar func(r *rand.Rand) string

// lit is the text itself.
func lit(s string) grammar { return func(*rand.Rand) string { return s } }

// words is one of the space-separated words of s.
func words(s string) grammar { return anyOf(strings.Fields(s)...) }

// anyOf is one of the texts.
func anyOf(texts ...string) grammar {
	return func(r *rand.Rand) string { return pick(r, texts) }
}

// either is one of the alternatives.
func either(gs ...grammar) grammar {
	return func(r *rand.Rand) string { return pick(r, gs)(r) }
}

// seq is all of them, one after the other.
func seq(gs ...grammar) grammar {
	return func(r *rand.Rand) string {
		var b strings.Builder
		for _, g := range gs {
			b.WriteString(g(r))
		}
		return b.String()
	}
}

// maybe is g in half of the cases, and nothing in the others.
func maybe(g grammar) grammar {
	return func(r *rand.Rand) string {
		if r.IntN(2) == 0 {
			return ""
		}
		return g(r)
	}
}

// many is g, lo to hi times.
func many(g grammar, lo, hi int) grammar {
	return func(r *rand.Rand) string {
		var b strings.Builder
		for range lo + r.IntN(hi-lo+1) {
			b.WriteString(g(r))
		}
		return b.String()
	}
}

// of is lo to hi of the characters of alphabet.
func of(alphabet string, lo, hi int) grammar {
	return many(anyOf(strings.Split(alphabet, "")...), lo, hi)
}

// number is a decimal number from lo to hi.
func number(lo, hi int) grammar {
	return func(r *rand.Rand) string { return decimal(lo + r.IntN(hi-lo+1)) }
}

// mostly is g nine times out of ten, and h otherwise.
func mostly(g, h grammar) grammar {
	return func(r *rand.Rand) string {
		if r.IntN(10) == 0 {
			return h(r)
		}
		return g(r)
	}
}

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
	hex    = "0123456789abcdefABCDEF"
)

// oddities are pieces that some rule might take for something else: controls,
// white space, punctuation, letters and digits of other scripts and widths,
// characters that change in length with their case, invalid UTF-8.
var oddities = append(strings.Split("aZ09 \t\n\r\v\f\x00\x01\x1f\x7f.,:;-_+/\\@#%&=?!~()[]{}<>|\"'`$^*éßıİǅﬁ½Ⅷ²٣１ａＡｱ日😀𝟗\u0301\u0085\u00a0\u00ad\u200d\u2028\u3000\ufeff\ufffd\uffee\uffff", ""),
	"\xff", "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80", "\r\n", "..", "--", "://", "%zz", "%41", "+-")

// mutated is s with something inserted, deleted, replaced, swapped, doubled,
// cut off or appended. What is put in comes from alphabet or the oddities.
func mutated(r *rand.Rand, s, alphabet string) string {
	piece := pick(r, oddities)
	if alphabet != "" && r.IntN(2) == 0 {
		i := r.IntN(len(alphabet))
		for !utf8.RuneStart(alphabet[i]) {
			i--
		}
		_, n := utf8.DecodeRuneInString(alphabet[i:])
		piece = alphabet[i : i+n]
	}
	if s == "" {
		return piece
	}
	i := r.IntN(len(s))
	for r.IntN(8) > 0 && i > 0 && !utf8.RuneStart(s[i]) { // now and then within a character
		i--
	}
	_, n := utf8.DecodeRuneInString(s[i:])
	switch r.IntN(9) {
	case 0, 1:
		return s[:i] + piece + s[i:]
	case 2:
		return s[:i] + s[i+n:]
	case 3, 4:
		return s[:i] + piece + s[i+n:]
	case 5: // swap with the next
		_, m := utf8.DecodeRuneInString(s[i+n:])
		return s[:i] + s[i+n:i+n+m] + s[i:i+n] + s[i+n+m:]
	case 6:
		j := i + r.IntN(len(s)-i) + 1
		return s[:j] + s[i:j] + s[j:]
	case 7:
		return s[:i]
	default:
		return s + piece
	}
}

// values calls yield for values of a rule: all its examples and, up to n, what its
// grammar makes, as it is and mutated, mutated examples, examples of other
// rules, and plain noise. None is empty.
func (c *rule) values(r *rand.Rand, n int, yield func(string)) {
	var examples []string
	for _, s := range append(append([]string(nil), c.accepted...), c.refused...) {
		yield(s)
		n--
		if len(s) <= 400 { // the longer ones are about their length
			examples = append(examples, s)
		}
	}
	if c.letters > 0 {
		for _, s := range capitals(c.letters) {
			yield(s)
		}
	}
	made := c.grammar
	if made == nil {
		made = anyOf(examples...)
	}
	for n > 0 {
		var s string
		mutations := 0
		switch x := r.IntN(100); {
		case x < 25:
			s = made(r)
		case x < 50:
			s, mutations = made(r), 1
		case x < 60:
			s, mutations = made(r), 2+r.IntN(2)
		case x < 85:
			s, mutations = pick(r, examples), 1+r.IntN(3)
		case x < 95:
			s, mutations = pick(r, allExamples()), r.IntN(2)
		default:
			s, mutations = "", 1+r.IntN(12)
		}
		for range mutations {
			s = mutated(r, s, c.alphabet)
		}
		if s != "" {
			yield(s)
			n--
		}
	}
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }
