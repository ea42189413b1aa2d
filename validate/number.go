package validate

import (
	"cmp"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Numbers of all kinds, compared without rounding.

// A number is a value of one of the numeric kinds, as it is.
type number struct {
	kind reflect.Kind // Int64, Uint64 or Float64
	i    int64
	u    uint64
	f    float64
}

func intNumber(i int64) number     { return number{kind: reflect.Int64, i: i} }
func uintNumber(u uint64) number   { return number{kind: reflect.Uint64, u: u} }
func floatNumber(f float64) number { return number{kind: reflect.Float64, f: f} }

// numberOf returns the number that v is. Its kind is one of those of isNumeric.
func numberOf(v reflect.Value) number {
	switch {
	case v.CanInt():
		return intNumber(v.Int())
	case v.CanUint():
		return uintNumber(v.Uint())
	}
	return floatNumber(v.Float())
}

// isNumericKind reports whether k is a number; uintptr is none.
func isNumericKind(k reflect.Kind) bool {
	return reflect.Int <= k && k <= reflect.Uint64 || k == reflect.Float32 || k == reflect.Float64
}

// compare compares a with b. If one of them is NaN there is no answer.
func (a number) compare(b number) (order int, ok bool) {
	switch {
	case a.kind == b.kind && a.kind == reflect.Int64:
		return cmp.Compare(a.i, b.i), true
	case a.kind == b.kind && a.kind == reflect.Uint64:
		return cmp.Compare(a.u, b.u), true
	case math.IsNaN(a.f) || math.IsNaN(b.f):
		return 0, false
	case a.kind == b.kind:
		return cmp.Compare(a.f, b.f), true
	case a.kind == reflect.Float64:
		order, _ = b.compare(a)
		return -order, true
	case b.kind == reflect.Float64:
		return compareFloat(a, b.f), true
	case a.kind == reflect.Uint64:
		order, _ = b.compare(a)
		return -order, true
	case a.i < 0: // b is unsigned
		return -1, true
	}
	return cmp.Compare(uint64(a.i), b.u), true
}

// compareFloat compares the whole number a with f, which is not NaN.
func compareFloat(a number, f float64) int {
	switch {
	case f >= 1<<64:
		return -1
	case f < -1<<63:
		return 1
	}
	// What is below the point counts only if the rest is equal.
	floor := math.Floor(f)
	whole := intNumber(int64(floor))
	if floor >= 0 {
		whole = uintNumber(uint64(floor))
	}
	if order, _ := a.compare(whole); order != 0 {
		return order
	}
	return cmp.Compare(floor, f)
}

// isNumber reports whether s is a decimal number: digits, perhaps with a minus
// before them, perhaps with a point and more digits.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, fraction, hasPoint := strings.Cut(s, ".")
	return whole != "" && isNumeric(whole) && (!hasPoint || fraction != "" && isNumeric(fraction))
}

func isDuration(s string) bool {
	_, err := time.ParseDuration(s)
	return err == nil
}

// numberFor reads s, which isNumber accepts, as a number of the type t. It
// fails if no value of that type is s, fractions of floats aside.
func numberFor(s string, t reflect.Type) (number, error) {
	switch k := t.Kind(); {
	case k == reflect.Float32 || k == reflect.Float64:
		f, err := strconv.ParseFloat(s, t.Bits())
		return floatNumber(f), err
	case k >= reflect.Uint:
		u, err := strconv.ParseUint(s, 10, t.Bits())
		return uintNumber(u), err
	}
	i, err := strconv.ParseInt(s, 10, t.Bits())
	return intNumber(i), err
}
