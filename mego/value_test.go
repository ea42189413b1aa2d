package mego_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/gongular/gongular/mego"
)

// Rule 8.2, D17: the getters, which are the same for parameters, requests and
// sessions.
func TestGetters(t *testing.T) {
	type name string
	when := time.Date(2024, 5, 6, 7, 8, 9, 500_000_000, time.UTC)
	nothing := time.Time{}
	for _, test := range []struct {
		value    any
		integer  int
		float    float64
		truth    bool
		text     string
		aMap     map[string]any
		strings  map[string]string
		list     []string
		time     time.Time
		duration time.Duration
	}{
		{value: nil},
		{value: true, truth: true},
		{value: int64(-5), integer: -5, float: -5, time: time.Unix(-5, 0).UTC(), duration: -5},
		{value: int8(5), integer: 5, float: 5, time: time.Unix(5, 0).UTC(), duration: 5},
		{value: uint16(200), integer: 200, float: 200, time: time.Unix(200, 0).UTC(), duration: 200},
		{value: uint64(math.MaxUint64), float: math.MaxUint64},
		{value: 2.75, integer: 2, float: 2.75, time: time.Unix(2, 750_000_000).UTC(), duration: 2},
		{value: -2.75, integer: -2, float: -2.75, time: time.Unix(-3, 250_000_000).UTC(), duration: -2},
		{value: float32(0.5), float: 0.5, time: time.Unix(0, 500_000_000).UTC()},
		{value: 1e300, float: 1e300},
		{value: math.Inf(1), float: math.Inf(1)},
		{value: "5", text: "5"},
		{value: []byte("ab"), text: "ab"},
		{value: name("n"), text: "n"},
		{value: "1m30s", text: "1m30s", duration: 90 * time.Second},
		{value: "2024-05-06T07:08:09.5Z", text: "2024-05-06T07:08:09.5Z", time: when},
		{value: when, time: when},
		{value: time.Minute, integer: 60e9, float: 60e9, time: time.Unix(60e9, 0).UTC(), duration: time.Minute},
		{value: map[string]any{"a": "x"}, aMap: map[string]any{"a": "x"}, strings: map[string]string{"a": "x"}},
		{value: mego.H{"a": 1}, aMap: map[string]any{"a": 1}},
		{value: map[string]string{"a": "x"}, aMap: map[string]any{"a": "x"}, strings: map[string]string{"a": "x"}},
		{value: map[string]int{"a": 1}, aMap: map[string]any{"a": 1}},
		{value: map[any]any{1: 2}},
		{value: map[string]int(nil)},
		{value: []any{"a", "b"}, list: []string{"a", "b"}},
		{value: []any{"a", 1}},
		{value: []string{"a"}, list: []string{"a"}},
		{value: []int{1}},
	} {
		if test.time == nothing && test.value == nil {
			test.time = nothing
		}
		want := []any{test.integer, test.float, test.truth, test.text, test.aMap, test.strings, test.list, test.time, test.duration}
		p := mego.NewParam(test.value)
		s := &mego.Session{}
		s.Set("k", test.value)
		c := &mego.Context{}
		c.Set("k", test.value)
		for what, got := range map[string][]any{
			"Param":   {p.GetInt(), p.GetFloat64(), p.GetBool(), p.GetString(), p.GetStringMap(), p.GetMapString(), p.GetStringSlice(), p.GetTime(), p.GetDuration()},
			"Session": {s.GetInt("k"), s.GetFloat64("k"), s.GetBool("k"), s.GetString("k"), s.GetStringMap("k"), s.GetMapString("k"), s.GetStringSlice("k"), s.GetTime("k"), s.GetDuration("k")},
			"Context": {c.GetInt("k"), c.GetFloat64("k"), c.GetBool("k"), c.GetString("k"), c.GetStringMap("k"), c.GetMapString("k"), c.GetStringSlice("k"), c.GetTime("k"), c.GetDuration("k")},
		} {
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s of %T %v: %v, want %v", what, test.value, test.value, got, want)
			}
		}
	}
	if got := mego.NewParam(math.NaN()); got.GetInt() != 0 || !math.IsNaN(got.GetFloat64()) || got.GetTime() != nothing || got.GetDuration() != 0 {
		t.Error("NaN is a number")
	}
}

// Rule 7.7 and section 14: errors, and lists of them.
func TestErrors(t *testing.T) {
	cause := errors.New("oh")
	type detail struct{ A int }
	for _, test := range []struct {
		meta any
		want string
	}{
		{nil, `{"error":"oh"}`},
		{detail{1}, `{"A":1}`},
		{&detail{1}, `{"A":1}`},
		{map[string]any{"a": 1}, `{"a":1,"error":"oh"}`},
		{mego.H{"error": "mine"}, `{"error":"mine"}`},
		{map[int]int{1: 2}, `{"error":"oh","meta":{"1":2}}`},
		{"text", `{"error":"oh","meta":"text"}`},
	} {
		e := (&mego.Error{Err: cause}).SetMeta(test.meta)
		if got, err := json.Marshal(e); string(got) != test.want || err != nil {
			t.Errorf("%v: %s, %v, want %s", test.meta, got, err, test.want)
		}
	}
	e := &mego.Error{Err: cause, Type: mego.ErrorTypePublic}
	if !errors.Is(e, cause) || !e.IsType(mego.ErrorTypePublic) || e.IsType(mego.ErrorTypePrivate) || !e.IsType(mego.ErrorTypeAny) {
		t.Errorf("error %+v", e)
	}
	c := new(mego.Context)
	none := c.Errors
	if none.Last() != nil || none.Errors() != nil || none.JSON() != nil || none.String() != "" || none.ByType(mego.ErrorTypeAny) != nil {
		t.Errorf("no errors: %v", none)
	}
	c.Error(cause)
	if got, _ := json.Marshal(c.Errors); string(got) != `{"error":"oh"}` {
		t.Errorf("one: %s", got)
	}
	c.Error(errors.New("no"))
	c.Errors.Last().SetMeta(7).Type = mego.ErrorTypeBind
	if got, _ := json.Marshal(c.Errors); string(got) != `[{"error":"oh"},{"error":"no","meta":7}]` {
		t.Errorf("two: %s", got)
	}
	if got := c.Errors.String(); got != "Error #01: oh\nError #02: no\n     Meta: 7\n" {
		t.Errorf("text %q", got)
	}
	if got := fmt.Sprint(c.Errors.Errors(), len(c.Errors.ByType(mego.ErrorTypeBind)), len(c.Errors.ByType(mego.ErrorTypeAny)), c.Errors.ByType(mego.ErrorTypePublic) == nil); got != "[oh no] 1 2 true" {
		t.Errorf("got %s", got)
	}
}
