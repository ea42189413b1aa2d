package validate_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/gongular/gongular/validate"
)

// Numbers of any kinds are compared as math/big does.
func TestNumbersAreComparedExactly(t *testing.T) {
	values := []any{
		int64(math.MinInt64), int64(math.MinInt64 + 1), int64(-1), int64(0), int64(1), int64(1<<53 + 1), int64(math.MaxInt64 - 1), int64(math.MaxInt64),
		uint64(0), uint64(1), uint64(1<<53 + 1), uint64(1 << 63), uint64(math.MaxUint64 - 1), uint64(math.MaxUint64),
		0.0, math.Copysign(0, -1), -0.5, 0.5, 1.5, -1.5, float64(1 << 53), float64(1<<53 + 2), float64(1 << 63), -float64(1 << 63), float64(math.MaxUint64), 1e300, -1e300,
		math.Inf(1), math.Inf(-1), math.SmallestNonzeroFloat64,
	}
	for _, a := range values {
		for _, b := range values {
			got, ok := validate.CompareNumbers(a, b)
			if want := slow(a).Cmp(slow(b)); got != want || !ok {
				t.Errorf("%T %v with %T %v: got %d, %v, want %d", a, a, b, b, got, ok, want)
			}
		}
		for _, pair := range [][2]any{{a, math.NaN()}, {math.NaN(), a}} {
			if _, ok := validate.CompareNumbers(pair[0], pair[1]); ok {
				t.Errorf("%v compares with %v", pair[0], pair[1])
			}
		}
	}
}

func slow(v any) *big.Float {
	switch v := v.(type) {
	case int64:
		return new(big.Float).SetInt64(v)
	case uint64:
		return new(big.Float).SetUint64(v)
	}
	return big.NewFloat(v.(float64))
}
