package gongular

import (
	"reflect"
	"slices"
	"testing"
)

func TestKeysOf(t *testing.T) {
	for _, test := range []struct {
		tag  reflect.StructTag
		want []string
		ok   bool
	}{
		{``, nil, true},
		{`json:"a"`, []string{"json"}, true},
		{`json:"a" valid:"length(1|2)~it's \"so\""  q:""`, []string{"json", "valid", "q"}, true},
		{`json:"a"valid:"b"`, []string{"json", "valid"}, true},
		{`json`, nil, false},
		{`json:a`, nil, false},
		{`json: "a"`, nil, false},
		{`json:"a`, nil, false},
		{"json:\"a\" vali\x03d:\"b\"", []string{"json"}, false},
		{`json:"a" valid`, []string{"json"}, false},
		{`:"a"`, nil, false},
	} {
		keys, ok := keysOf(test.tag)
		if !slices.Equal(keys, test.want) || ok != test.ok {
			t.Errorf("%s: %q, %t; want %q, %t", test.tag, keys, ok, test.want, test.ok)
		}
		for _, key := range keys {
			if _, found := test.tag.Lookup(key); !found {
				t.Errorf("%s: reflect does not find %s", test.tag, key)
			}
		}
	}
}

func FuzzKeysOf(f *testing.F) {
	for _, tag := range []string{`json:"a" valid:"b"`, `q:x`, `a:"\"" b`} {
		f.Add(tag)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		keys, _ := keysOf(reflect.StructTag(tag))
		for _, key := range keys {
			if _, found := reflect.StructTag(tag).Lookup(key); !found {
				t.Errorf("reflect does not find %q in %q", key, tag)
			}
		}
	})
}
