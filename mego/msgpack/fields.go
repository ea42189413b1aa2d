package msgpack

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A structure is the compiled form of a struct.
type structure struct {
	fields []field // in the order they are declared
	exact  map[string]*field
	folded map[string]*field // the first field of each name without regard to case
	// longest is the length of the longest name in folded, in bytes.
	longest int
	// head is the head of the map if all fields are always written, else nil.
	head []byte
}

// A field is one field of a struct, or of one that is embedded in it.
//
//	Age  int                            => field{name: "Age", index: []int{0}}
//	Name string `msgpack:"n,omitempty"` => field{name: "n", index: []int{1}, omitEmpty: true}
type field struct {
	name      string
	head      []byte // the name, encoded
	first     int    // index[0]
	index     []int
	omitEmpty bool
	pointers  bool // some struct on the way is embedded by a pointer
	next      int  // the position after this one in structure.fields
	typ       reflect.Type
	plan      *plan
}

// A candidate is a field that its name is not yet certain for.
type candidate struct {
	field
	tagged bool
}

func (c compiler) fillStruct(p *plan, t reflect.Type) {
	found, err := fieldsOf(t)
	if err != nil {
		*p = broken(err)
		return
	}
	s := &structure{fields: make([]field, len(found)), exact: map[string]*field{}, folded: map[string]*field{}}
	whole := true
	for i := range found {
		f := &s.fields[i]
		*f = found[i].field
		f.head = append(appendStrHead(nil, len(f.name)), f.name...)
		f.first = f.index[0]
		f.next = i + 1
		f.plan = c.plan(f.typ)
		whole = whole && !f.omitEmpty && !f.pointers
		s.exact[f.name] = f
		fold := string(appendFold(nil, []byte(f.name)))
		if s.folded[fold] == nil {
			s.folded[fold] = f
		}
		s.longest = max(s.longest, len(fold))
	}
	if whole {
		s.head = appendMapHead(nil, len(s.fields))
	}
	*p = plan{s.encode, s.decode}
}

// fieldsOf finds the fields of t, those of embedded structs among them, as
// encoding/json does: of several with one name the least embedded counts; if
// there are several of these, the one with a tag; if not one, none.
func fieldsOf(t reflect.Type) ([]candidate, error) {
	type level struct {
		typ      reflect.Type
		index    []int
		pointers bool
		twice    bool // embedded several times at this depth: its fields hide each other
	}
	var all []candidate
	taken := map[string]bool{}         // names of lesser depths
	visited := map[reflect.Type]bool{} // structs of lesser depths
	for queue := []level{{typ: t}}; len(queue) > 0; {
		var next []level
		var here []candidate
		for _, l := range queue {
			visited[l.typ] = true
		}
		for _, l := range queue {
			own := map[string]string{} // Go names of the names of this struct
			for i := range l.typ.NumField() {
				sf := l.typ.Field(i)
				tag, err := parseTag(sf)
				if err != nil {
					return nil, err
				}
				if tag.skip {
					continue
				}
				index := append(slices.Clone(l.index), i)
				if inner, ok := embedded(sf); ok && tag.name == "" {
					if visited[inner] {
						continue
					}
					if at := slices.IndexFunc(next, func(n level) bool { return n.typ == inner }); at >= 0 {
						next[at].twice = true
						continue
					}
					next = append(next, level{inner, index, l.pointers || sf.Type != inner, false})
					continue
				}
				if !sf.IsExported() {
					continue
				}
				name := tag.name
				if name == "" {
					name = sf.Name
				}
				if other, ok := own[name]; ok {
					return nil, fmt.Errorf("%s and %s are both named %q", other, sf.Name, name)
				}
				own[name] = sf.Name
				f := candidate{
					field:  field{name: name, index: index, omitEmpty: tag.omitEmpty, pointers: l.pointers, typ: sf.Type},
					tagged: tag.name != "",
				}
				here = append(here, f)
				if l.twice {
					here = append(here, f)
				}
			}
		}
		for _, f := range here {
			if !taken[f.name] && wins(f, here) {
				all = append(all, f)
			}
		}
		for _, f := range here {
			taken[f.name] = true
		}
		queue = next
	}
	slices.SortFunc(all, func(a, b candidate) int { return slices.Compare(a.index, b.index) })
	return all, nil
}

// wins reports whether f has its name for itself among fields of the same depth.
func wins(f candidate, all []candidate) bool {
	same, tagged := 0, 0
	for _, other := range all {
		if other.name == f.name {
			same++
			if other.tagged {
				tagged++
			}
		}
	}
	return same == 1 || f.tagged && tagged == 1
}

// embedded returns the struct that a field embeds, itself or by a pointer.
func embedded(sf reflect.StructField) (reflect.Type, bool) {
	if !sf.Anonymous {
		return nil, false
	}
	t := sf.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t, t.Kind() == reflect.Struct
}

// A tag is what the tags of a field say.
type tag struct {
	name      string
	omitEmpty bool
	skip      bool
}

func parseTag(sf reflect.StructField) (tag, error) {
	jsonTag := sf.Tag.Get("json")
	jsonName, jsonOptions, _ := strings.Cut(jsonTag, ",")
	text, ok := sf.Tag.Lookup("msgpack")
	if !ok {
		options := strings.Split(jsonOptions, ",")
		return tag{jsonName, slices.Contains(options, "omitempty"), jsonTag == "-"}, nil
	}
	if text == "-" {
		return tag{skip: true}, nil
	}
	name, options, _ := strings.Cut(text, ",")
	g := tag{name: name}
	if name == "" && jsonTag != "-" {
		g.name = jsonName
	}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "":
		case "omitempty":
			g.omitEmpty = true
		default:
			return tag{}, fmt.Errorf("%s: the msgpack tag has the option %q; the only one is omitempty", sf.Name, option)
		}
	}
	return g, nil
}

// lookup returns the field that a key belongs to, or nil.
func (s *structure) lookup(key []byte) *field {
	if f := s.exact[string(key)]; f != nil {
		return f
	}
	if len(key) > utf8.UTFMax*s.longest {
		return nil // no name is so long in any spelling
	}
	var room [64]byte
	return s.folded[string(appendFold(room[:0], key))]
}

// appendFold appends the name, spelled so that names that differ in case only
// are the same: with the least of the characters that strings.EqualFold takes
// for one.
func appendFold(b, name []byte) []byte {
	for len(name) > 0 {
		if c := name[0]; c < utf8.RuneSelf {
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			b, name = append(b, c), name[1:]
			continue
		}
		r, size := utf8.DecodeRune(name)
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		b, name = utf8.AppendRune(b, least), name[size:]
	}
	return b
}

// value returns the field of v, and false if it is inside an embedded pointer
// that is nil.
func (f *field) value(v reflect.Value) (reflect.Value, bool) {
	v = v.Field(f.first)
	for _, i := range f.index[1:] {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// isEmpty reports whether omitempty leaves v out.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}
