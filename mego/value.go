package mego

import (
	"math"
	"reflect"
	"time"
)

// Values from clients and from Set, as the types that the getters are named
// after. What cannot be converted is the zero value; strings are never parsed as
// numbers or bools.

func toBool(v any) bool {
	b, _ := v.(bool)
	return b
}

// toInt returns an integer that fits, or a float without its fraction.
func toInt(v any) int {
	n, ok := toInt64(v)
	if !ok || int64(int(n)) != n {
		return 0
	}
	return int(n)
}

func toInt64(v any) (n int64, ok bool) {
	switch x := reflect.ValueOf(v); {
	case x.CanInt():
		return x.Int(), true
	case x.CanUint():
		return int64(x.Uint()), x.Uint() <= math.MaxInt64
	case x.CanFloat():
		f := math.Trunc(x.Float())
		return int64(f), -1<<63 <= f && f < 1<<63
	}
	return 0, false
}

func toFloat64(v any) float64 {
	switch x := reflect.ValueOf(v); {
	case x.CanInt():
		return float64(x.Int())
	case x.CanUint():
		return float64(x.Uint())
	case x.CanFloat():
		return x.Float()
	}
	return 0
}

func toString(v any) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	if x := reflect.ValueOf(v); x.Kind() == reflect.String {
		return x.String()
	}
	return ""
}

// toStringMap returns a map whose keys are strings, or nil.
func toStringMap(v any) map[string]any {
	switch m := v.(type) {
	case map[string]any:
		return m
	case H:
		return m
	}
	x := reflect.ValueOf(v)
	if x.Kind() != reflect.Map || x.Type().Key().Kind() != reflect.String || x.IsNil() {
		return nil
	}
	m := make(map[string]any, x.Len())
	for key, value := range x.Seq2() {
		m[key.String()] = value.Interface()
	}
	return m
}

// toMapString returns a map whose keys and values are strings, or nil.
func toMapString(v any) map[string]string {
	if m, ok := v.(map[string]string); ok {
		return m
	}
	values := toStringMap(v)
	if values == nil {
		return nil
	}
	m := make(map[string]string, len(values))
	for key, value := range values {
		s, ok := value.(string)
		if !ok {
			return nil
		}
		m[key] = s
	}
	return m
}

// toStringSlice returns a list of strings, or nil.
func toStringSlice(v any) []string {
	if list, ok := v.([]string); ok {
		return list
	}
	values, ok := v.([]any)
	if !ok {
		return nil
	}
	list := make([]string, len(values))
	for i, value := range values {
		if list[i], ok = value.(string); !ok {
			return nil
		}
	}
	return list
}

// toTime returns a time; text is RFC 3339, numbers are Unix seconds.
func toTime(v any) time.Time {
	switch x := v.(type) {
	case time.Time:
		return x
	case string:
		t, _ := time.Parse(time.RFC3339, x)
		return t
	}
	x := reflect.ValueOf(v)
	if x.CanFloat() {
		whole, fraction := math.Modf(x.Float())
		if seconds, ok := toInt64(whole); ok && !math.IsNaN(fraction) {
			return time.Unix(seconds, int64(math.Round(fraction*1e9))).UTC()
		}
		return time.Time{}
	}
	if seconds, ok := toInt64(v); ok {
		return time.Unix(seconds, 0).UTC()
	}
	return time.Time{}
}

// toDuration returns a duration; numbers are nanoseconds, text is as
// time.ParseDuration has it.
func toDuration(v any) time.Duration {
	if s, ok := v.(string); ok {
		d, _ := time.ParseDuration(s)
		return d
	}
	n, ok := toInt64(v)
	if !ok {
		return 0
	}
	return time.Duration(n)
}
