package validate

import (
	"reflect"
	"slices"
)

// checkExtra checks what x asks of v, in this order:
//
//   - present, and the conditions under which v is required;
//   - rules of one's own, type, comparisons with other fields, sizes;
//   - all that the node without its extra asks, and that is inside v;
//   - each;
//   - the Validate method, if there was no error.
//
// Of structs, and pointers to them, what is inside comes before the second.
// Each step is taken only if those before it had no error.
func (w *walker) checkExtra(x *extra, kind nodeKind, v reflect.Value, at place) bool {
	secret := w.secret
	w.secret = secret || x.secret
	ok := w.checkSent(x, v, at) && w.checkTag(x, kind, v, at)
	if x.method != nil && ok && (kind == structNode || !isEmpty(v)) && !(w.spared && at == place{}) {
		ok = w.checkMethod(x.method, v, at)
	}
	w.secret = secret
	return ok
}

// checkSent checks that a value is there.
func (w *walker) checkSent(x *extra, v reflect.Value, at place) bool {
	if x.present != nil && !wasSent(v, w.sent) {
		return w.failEmpty(x.present, "must be sent", at)
	}
	if len(x.conditions) == 0 || !isEmptyThrough(v) {
		return true
	}
	if w.validator.NilPtrAllowedByRequired && v.Kind() == reflect.Pointer && v.IsNil() {
		return true
	}
	for i := range x.conditions {
		if c := &x.conditions[i]; c.holds(w.parent) {
			return w.failEmpty(c.option, "non zero value required", at)
		}
	}
	return true
}

// checkTag checks what the tag asks of v, and of what is inside it.
func (w *walker) checkTag(x *extra, kind nodeKind, v reflect.Value, at place) bool {
	switch empty := isEmpty(v); {
	case empty && kind == structNode:
		return w.check(x.plain, v, at) && w.checkComparisons(x, v, at)
	case empty:
		return w.check(x.plain, v, at) && w.checkComparisons(x, v, at) && (x.mayBeZero || w.checkSizes(x, v, at))
	case x.insideFirst:
		ok := w.check(x.plain, v, at)
		return !w.stopped && w.checkWhole(x, v, at) && ok
	}
	return w.checkWhole(x, v, at) && w.checkSizes(x, v, at) && w.check(x.plain, v, at) && (x.each == nil || w.checkEach(x.each, v, at))
}

// checkWhole checks what the tag asks of v as it is, which is not empty.
func (w *walker) checkWhole(x *extra, v reflect.Value, at place) bool {
	switch {
	case !w.checkFuncs(x, v, at):
		return false
	case x.wrongType != nil:
		return w.failValue(x.wrongType, v, at)
	case x.unfit != nil:
		return w.failUnfit(x.unfit, v, at)
	}
	return w.checkComparisons(x, v, at)
}

// checkComparisons compares v with other fields, up to the first comparison that
// refuses.
func (w *walker) checkComparisons(x *extra, v reflect.Value, at place) bool {
	for i := range x.comparisons {
		c := &x.comparisons[i]
		if !c.refuses(v, w.parent) {
			continue
		}
		secret := w.secret
		w.secret = secret || c.secret
		w.failValue(c.option, v, at)
		w.secret = secret
		return false
	}
	return true
}

// failEmpty refuses a value that is not there.
func (w *walker) failEmpty(o *option, message string, at place) bool {
	e := FieldError{Rule: o.rule, Params: slices.Clip(o.params), Message: message}
	if o.message != "" {
		e.Message, e.Custom = o.message, true
	}
	return w.fail(at, e)
}
