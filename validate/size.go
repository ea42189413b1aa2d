package validate

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"
)

// min, max and len: of numbers the value, of texts and collections how long
// they are. Unlike other rules they are asked about empty values too.

// A size is one of these options for values of one type.
type size struct {
	*option
	bound   number
	measure measure
	atLeast bool // min and len
	atMost  bool // max and len
}

// A measure is what of a value a size is about.
type measure uint8

const (
	ofNumber measure = iota
	ofRunes
	ofBytes
	ofElements
)

var durationType = reflect.TypeFor[time.Duration]()

// newSize returns the option for values of type t, whose node is of the kind.
func newSize(o *option, t reflect.Type, kind nodeKind) (size, error) {
	s := size{option: o, atLeast: o.rule != "max", atMost: o.rule != "min"}
	switch k := t.Kind(); {
	case isNumericKind(k):
		s.measure = ofNumber
	case k == reflect.String:
		s.measure = ofRunes
	case kind == bytesNode || isBytes(t):
		s.measure = ofBytes
	case k == reflect.Slice || k == reflect.Array || k == reflect.Map:
		s.measure = ofElements
	default:
		return s, cannotApply(o, t)
	}
	text := o.params[0]
	if o.rule == "len" && strings.HasPrefix(text, "-") {
		return s, fmt.Errorf("%s: no length is negative", o.text)
	}
	if t == durationType && !isNumber(text) {
		d, err := time.ParseDuration(text)
		s.bound = intNumber(int64(d))
		return s, err
	}
	counted := t
	if s.measure != ofNumber {
		counted = reflect.TypeFor[uint64]()
	}
	var err error
	if isNumber(text) {
		s.bound, err = numberFor(text, counted)
	}
	switch {
	case isNumber(text) && err == nil:
		return s, nil
	case s.measure != ofNumber:
		return s, fmt.Errorf("%s: want a whole number that is not negative: %s(n)", o.text, o.rule)
	}
	return s, fmt.Errorf("%s: no %v is %s", o.text, t, text)
}

// contradiction reports two sizes that no value has.
func contradiction(sizes []size) error {
	for i := range sizes {
		for j := range sizes {
			lo, hi := &sizes[i], &sizes[j]
			if order, ok := lo.bound.compare(hi.bound); ok && order > 0 && lo.atLeast && hi.atMost {
				return fmt.Errorf("nothing is both %s and %s", lo.text, hi.text)
			}
		}
	}
	return nil
}

// accepts reports whether v is of the size. Of collections and texts that is
// their length, found without looking at each element.
func (s *size) accepts(v reflect.Value) bool {
	var n number
	switch s.measure {
	case ofNumber:
		n = numberOf(v)
	case ofRunes:
		n = uintNumber(uint64(utf8.RuneCountInString(v.String())))
	default:
		n = uintNumber(uint64(v.Len()))
	}
	order, ok := n.compare(s.bound)
	return ok && (order == 0 || order > 0 && !s.atMost || order < 0 && !s.atLeast)
}

// A span is what several sizes leave of the values of one kind: those from lo to
// hi, each in the fields for the kind. Of texts and lists it is their length.
type span struct {
	loInt, hiInt     int64
	loUint, hiUint   uint64
	loFloat, hiFloat float64
	orZero           bool // and the empty value
}

// everything is the span of no sizes.
var everything = spanOf(nil)

// spanOf returns what the sizes leave.
func spanOf(sizes []size) *span {
	sp := &span{
		loInt: math.MinInt64, hiInt: math.MaxInt64,
		hiUint:  math.MaxUint64,
		loFloat: math.Inf(-1), hiFloat: math.Inf(1),
	}
	for _, s := range sizes {
		b := s.bound
		if s.atLeast {
			switch b.kind {
			case reflect.Int64:
				sp.loInt = max(sp.loInt, b.i)
			case reflect.Uint64:
				sp.loUint = max(sp.loUint, b.u)
			default:
				sp.loFloat = max(sp.loFloat, b.f)
			}
		}
		if s.atMost {
			switch b.kind {
			case reflect.Int64:
				sp.hiInt = min(sp.hiInt, b.i)
			case reflect.Uint64:
				sp.hiUint = min(sp.hiUint, b.u)
			default:
				sp.hiFloat = min(sp.hiFloat, b.f)
			}
		}
	}
	return sp
}

// takesString reports whether a text of the length of s is in the span.
func (sp *span) takesString(s string) bool {
	n := uint64(len(s))
	if n > sp.hiUint || (n+utf8.UTFMax-1)/utf8.UTFMax < sp.loUint {
		return sp.takesLen(utf8.RuneCountInString(s))
	}
	return true // as any count of its characters is
}

// takesLen reports whether a text or list of the length is in the span.
func (sp *span) takesLen(n int) bool {
	return sp.loUint <= uint64(n) && uint64(n) <= sp.hiUint || sp.orZero && n == 0
}

// simplify finds the extras that are sizes alone.
func (c *compiler) simplify() {
	for _, n := range c.all {
		x := n.extra
		if x == nil || x.sizes == nil || x.plain.slow || x.present != nil || x.conditions != nil || x.comparisons != nil ||
			x.funcs != nil || x.wrongType != nil || x.unfit != nil || x.each != nil || x.method != nil {
			continue
		}
		switch x.plain.kind {
		case stringNode, intNode, uintNode, floatNode, listNode:
			x.span = spanOf(x.sizes)
			x.span.orZero = x.mayBeZero
		}
	}
}

// checkSizes asks the sizes of x about v, in order, up to the first that
// refuses. Of a collection it shows how many elements it has.
func (w *walker) checkSizes(x *extra, v reflect.Value, at place) bool {
	for i := range x.sizes {
		s := &x.sizes[i]
		switch {
		case s.accepts(v):
		case s.measure == ofElements:
			return w.failOption(s.option, fmt.Sprint(v.Len()), at)
		default:
			return w.failValue(s.option, v, at)
		}
	}
	return true
}
