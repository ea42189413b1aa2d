package bind

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"time"
)

// A field is one struct field with all that reflection could tell about it.
//
//	Age  int               => field{name: "Age", key: "Age", index: [0], set: setInt(64)}
//	Tags []string `q:"t"`  => field{name: "Tags", key: "t", index: [1], form: list, set: setString}
type field struct {
	name  string // Go name, after those of the embedded structs it is in; for messages
	key   string // name in the request
	index []int  // position in the struct
	at    int    // the same, if it is direct
	typ   reflect.Type
	shape shape
	set   setter // of one value
	empty bool   // an empty value counts

	basic  basic   // how take sets it
	offset uintptr // in the struct, for take

	direct bool   // the field of the struct itself, not of an embedded one
	csv    bool   // a list in one value
	secret bool   // errors do not show the value
	fresh  setter // sets a default that must not be shared between requests; nil if none
	deflt  string
	file   fileRule

	sentAs []string // names under which Sent has it
}

// A shape says how many values a field takes.
type shape uint8

const (
	single  shape = iota
	list          // []T: all values of the key
	mapping       // map[string]T: key[name]=value
	file          // *File
	files         // []*File
)

// compileFields lists the bindable fields of struct type t. The error joins all
// that is wrong with them, each beginning with the field's name.
func compileFields(t reflect.Type, src Source, conv Converters) ([]field, error) {
	c := fieldCompiler{src: src, conv: conv, seen: map[string]string{}}
	c.walk(t, nil, "")
	return c.fields, errors.Join(c.errs...)
}

type fieldCompiler struct {
	src    Source
	conv   Converters
	fields []field
	seen   map[string]string // key to field
	errs   []error
}

func (c *fieldCompiler) fail(name, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s: %w", name, fmt.Errorf(format, args...)))
}

func (c *fieldCompiler) walk(t reflect.Type, index []int, prefix string) {
	for i := range t.NumField() {
		sf := t.Field(i)
		name := prefix + sf.Name
		at := append(index[:len(index):len(index)], i)
		tag, tagged := sf.Tag.Lookup(c.src.tag())
		if tag == "-" {
			continue
		}
		if sf.Anonymous && !tagged && sf.Type.Kind() == reflect.Struct && !c.bindable(sf.Type) {
			c.walk(sf.Type, at, name+".")
			continue
		}
		embedded := sf.Anonymous && !tagged && sf.Type.Kind() == reflect.Pointer && sf.Type.Elem().Kind() == reflect.Struct
		if !sf.IsExported() && !embedded {
			if _, validated := sf.Tag.Lookup("valid"); tagged || validated || sf.Tag.Get("default") != "" {
				c.fail(name, "an unexported field cannot be bound")
			}
			continue
		}
		if embedded {
			c.fail(name, "cannot bind an embedded pointer; embed %v itself", sf.Type.Elem())
			continue
		}
		f := field{name: name, index: at, typ: sf.Type}
		if !c.compile(&f, sf, tag) {
			continue
		}
		if first, twice := c.seen[f.key]; twice {
			c.fail(name, "the key %q is already that of %s", f.key, first)
			continue
		}
		c.seen[f.key] = name
		c.fields = append(c.fields, f)
	}
}

// bindable reports whether type t is bound as one value.
func (c *fieldCompiler) bindable(t reflect.Type) bool {
	_, err := setterFor(t, "", c.conv)
	return err == nil
}

// compile works out everything about field f and reports whether it can be bound.
func (c *fieldCompiler) compile(f *field, sf reflect.StructField, tag string) bool {
	key, options, _ := strings.Cut(tag, ",")
	f.key = key
	if key == "" {
		f.key = sf.Name
	}
	if strings.ContainsFunc(f.key, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		c.fail(f.name, "the key %q has a space or control character", f.key)
		return false
	}
	f.key = c.src.canonical(f.key)
	optional := hasOption(sf.Tag.Get("valid"), "optional")
	f.secret = hasOption(sf.Tag.Get("valid"), "secret")
	for option := range strings.SplitSeq(options, ",") {
		switch strings.TrimSpace(option) {
		case "":
		case "csv":
			f.csv = true
		case "optional":
			optional = true
		default:
			c.fail(f.name, "unknown option %q in the tag %s:%q; there are csv, optional", option, c.src.tag(), tag)
			return false
		}
	}
	if f.typ == fileType || f.typ == fileSliceType {
		return c.compileFile(f, sf, optional)
	}
	if f.typ.Kind() == reflect.Struct && f.typ == fileType.Elem() {
		c.fail(f.name, "an uploaded file is bound as a pointer, *%v", f.typ)
		return false
	}
	if _, ok := sf.Tag.Lookup("file"); ok {
		c.fail(f.name, "the tag file is for uploaded files, not for %v", f.typ)
		return false
	}
	layout, hasLayout := sf.Tag.Lookup("layout")
	elem, err := c.shape(f)
	if err == nil {
		f.set, err = setterFor(elem, layout, c.conv)
	}
	if err != nil {
		c.fail(f.name, "cannot bind type %v", f.typ)
		return false
	}
	f.empty = takesEmpty(elem, c.conv)
	if _, converted := c.conv[elem]; f.shape == single && !converted {
		f.basic = basicOf(elem)
	}
	if f.csv && f.shape != list {
		c.fail(f.name, "the option csv is for slices, not for %v", f.typ)
		return false
	}
	if hasLayout {
		if err := checkLayout(elem, layout); err != nil {
			c.fail(f.name, "%w", err)
			return false
		}
	}
	if text, ok := sf.Tag.Lookup("default"); ok {
		return c.compileDefault(f, text)
	}
	return true
}

// shape sets f.shape and returns the type of one value.
func (c *fieldCompiler) shape(f *field) (reflect.Type, error) {
	t := f.typ
	if c.bindable(t) {
		return t, nil
	}
	switch t.Kind() {
	case reflect.Slice:
		if c.src == Param {
			return nil, errors.New("a path has one value")
		}
		f.shape = list
		return t.Elem(), nil
	case reflect.Map:
		if t.Key().Kind() == reflect.String && (c.src == Query || c.src == Form) {
			f.shape = mapping
			return t.Elem(), nil
		}
	}
	return t, nil
}

func checkLayout(t reflect.Type, layout string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t != timeType {
		return fmt.Errorf("the tag layout is for time.Time, not for %v", t)
	}
	// A layout without any element of the reference time formats to itself.
	probe := time.Date(2011, 12, 13, 14, 15, 16, 17e6, time.UTC)
	if text := probe.Format(layout); text == layout {
		return fmt.Errorf("the layout %q has no element of the reference time 2006-01-02T15:04:05Z07:00", layout)
	}
	return nil
}

// compileDefault checks a default by setting it once. Plain values are put into
// the prototype of the handler (see Plan.SetDefaults); what would be shared
// between requests there is made anew for each request that needs it.
func (c *fieldCompiler) compileDefault(f *field, text string) bool {
	if c.src == Param {
		c.fail(f.name, "a path parameter is never absent: default %q has no use", text)
		return false
	}
	if f.shape == mapping {
		c.fail(f.name, "a map cannot have a default")
		return false
	}
	f.deflt = text
	set := f.set
	if f.shape == list {
		set = func(v reflect.Value, s string) error {
			for item := range strings.SplitSeq(s, ",") {
				if err := appendValue(v, f.set, item); err != nil {
					return err
				}
			}
			return nil
		}
	}
	if err := set(reflect.New(f.typ).Elem(), text); err != nil {
		c.fail(f.name, "default:%q: %w", text, err)
		return false
	}
	f.fresh = set
	return true
}

// plain reports whether values of type t hold no reference, so that a copy
// shares nothing with the original.
func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct:
		if t == timeType { // its *Location is never written
			return true
		}
		for i := range t.NumField() {
			if !plain(t.Field(i).Type) {
				return false
			}
		}
		return true
	case reflect.Array:
		return plain(t.Elem())
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return false
	}
	return true
}

// appendValue parses s and appends it to the slice v.
func appendValue(v reflect.Value, set setter, s string) error {
	n := v.Len()
	if n == v.Cap() {
		v.Grow(1)
	}
	v.SetLen(n + 1)
	v.Index(n).SetZero()
	return set(v.Index(n), s)
}

// hasOption reports whether the comma-separated list in a tag has the option.
func hasOption(tag, option string) bool {
	for o := range strings.SplitSeq(tag, ",") {
		if strings.TrimSpace(o) == option {
			return true
		}
	}
	return false
}

func validPath(s string) bool {
	return fs.ValidPath(s) && s != "." && strings.IndexByte(s, 0) < 0 && !strings.Contains(s, `\`)
}
