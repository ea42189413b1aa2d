package gongular

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/gongular/gongular/internal/hint"
)

// tagKeys are the keys of struct tags that mean something here.
var tagKeys = []string{"param", TagQuery, "header", "cookie", "form", "json", "valid", "default", "layout", "file", TagInject}

// otherKeys are keys of others that look like a misspelt one of ours.
var otherKeys = []string{"format", "from"}

// checkTags reports keys of struct tags in t, and in what t is made of, that are
// probably misspelt: reflect would not find them, and nobody would be told.
func checkTags(t reflect.Type) error {
	return errors.Join(tagMistakes(t, "", map[reflect.Type]bool{})...)
}

func tagMistakes(t reflect.Type, path string, seen map[reflect.Type]bool) (errs []error) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return tagMistakes(t.Elem(), path, seen)
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return nil
	}
	seen[t] = true
	for i := range t.NumField() {
		sf := t.Field(i)
		at := strings.TrimPrefix(path+"."+sf.Name, ".")
		keys, ok := keysOf(sf.Tag)
		if !ok {
			errs = append(errs, fmt.Errorf("%s: the tag `%s` is malformed: it is not key:\"value\" with spaces between", at, sf.Tag))
		}
		for _, key := range keys {
			if slices.Contains(tagKeys, key) || slices.Contains(otherKeys, key) {
				continue
			}
			if near := hint.Nearest(key, tagKeys); near != "" {
				errs = append(errs, fmt.Errorf("%s: the tag key %q means nothing; did you mean %q?", at, key, near))
			}
		}
		if sf.IsExported() || sf.Anonymous {
			errs = append(errs, tagMistakes(sf.Type, at, seen)...)
		}
	}
	return errs
}

// keysOf returns the keys of a struct tag, as reflect.StructTag.Lookup reads it,
// and whether it could read all of it.
func keysOf(tag reflect.StructTag) (keys []string, ok bool) {
	s := strings.TrimLeft(string(tag), " ")
	for s != "" {
		key, rest, found := strings.Cut(s, ":")
		if !found || key == "" || strings.ContainsFunc(key, isNoKey) || !strings.HasPrefix(rest, `"`) {
			return keys, false
		}
		value, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return keys, false
		}
		keys = append(keys, key)
		s = strings.TrimLeft(rest[len(value):], " ")
	}
	return keys, true
}

// isNoKey reports whether a key of a struct tag cannot have the character.
func isNoKey(r rune) bool { return r <= ' ' || r == '"' || r == 0x7f }
