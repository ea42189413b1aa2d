package inject

// Fields to be filled: found once per type, resolved once per state of a Set,
// filled once per request.

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/gongular/gongular/internal/hint"
)

// Tag is the struct tag that says what a field asks for:
//
//	`inject:"db"`           what is provided under that name
//	`inject:"db,optional"`  the same, or nothing
//	`inject:",optional"`    what is provided without a name, or nothing
//	`inject:"-"`            nothing: the field is not a dependency
const Tag = "inject"

// A Field is one dependency of a struct.
type Field struct {
	Name     string       // its path, for messages: "DB", or "Shared.DB" in an embedded struct
	Index    []int        // for [reflect.Value.FieldByIndex]
	Type     reflect.Type // what is asked for
	Key      string       // the name it is asked for by; [DefaultName] if none is given
	Optional bool         // whether it may stay zero
}

// A Plan knows the dependencies of one struct type. It is only read once made,
// and so is safe for concurrent use.
type Plan[C any] struct {
	typ    reflect.Type
	fields []field
}

// A field is a Field, or an embedded struct that may turn out to be one.
//
//	DB *sql.DB  => field{Field: {Name: "DB"}}
//	Shared      => field{Field: {Name: "Shared"}, embedded: true, parts: {{Name: "Shared.DB"}, …}}
type field struct {
	Field
	embedded bool
	parts    []field // what to fill if the embedded struct is not provided as a whole
}

// Compile finds the dependencies of struct type t: its exported fields, and
// those of embedded structs. skip reports which fields of t itself are none,
// because somebody else fills them; nil means that there are no such fields.
//
// The error joins all mistakes in tags, each led in by the path of its field.
func Compile[C any](t reflect.Type, skip func(reflect.StructField) bool) (*Plan[C], error) {
	if t == nil || t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("cannot inject into %v: it is not a struct", t)
	}
	var co compiler
	fields := co.fields(t, "", nil, skip)
	if err := errors.Join(co.mistakes...); err != nil {
		return nil, err
	}
	return &Plan[C]{typ: t, fields: fields}, nil
}

// Fields returns the dependencies in the order of the struct. In place of an
// untagged embedded struct, which may be provided as a whole, stand its parts.
func (p *Plan[C]) Fields() []Field {
	return appendFields(nil, p.fields)
}

func appendFields(list []Field, fields []field) []Field {
	for _, f := range fields {
		if f.embedded {
			list = appendFields(list, f.parts)
		} else {
			list = append(list, f.Field)
		}
	}
	return list
}

// A compiler collects the mistakes of one type.
type compiler struct{ mistakes []error }

func (co *compiler) mistake(path string, err error) {
	co.mistakes = append(co.mistakes, fmt.Errorf("%s: %w", path, err))
}

// fields returns the dependencies among the fields of t, which is found at the
// given path and index.
func (co *compiler) fields(t reflect.Type, path string, index []int, skip func(reflect.StructField) bool) []field {
	var fields []field
	for sf := range t.Fields() {
		name := path + sf.Name
		at := append(index[:len(index):len(index)], sf.Index...)

		text, tagged := sf.Tag.Lookup(Tag)
		tag, err := parseTag(text)
		switch {
		case err != nil:
			co.mistake(name, fmt.Errorf("tag inject:%q: %w", text, err))
			continue
		case tag.none:
			continue
		case tagged && !sf.IsExported():
			co.mistake(name, fmt.Errorf("tag inject:%q: an unexported field cannot be set", text))
			continue
		case sf.IsExported() && skip != nil && skip(sf):
			if tagged {
				co.mistake(name, fmt.Errorf("tag inject:%q: the field is not injected, but filled otherwise", text))
			}
			continue
		}

		f := field{Field: Field{Name: name, Index: at, Type: sf.Type, Key: tag.key, Optional: tag.optional}}
		if sf.Anonymous && sf.Type.Kind() == reflect.Struct && !tagged {
			f.embedded = true
			f.parts = co.fields(sf.Type, name+".", at, skip)
		}
		switch {
		case sf.IsExported():
			fields = append(fields, f)
		case f.embedded: // cannot be set as a whole, but its exported fields can
			fields = append(fields, f.parts...)
		}
	}
	return fields
}

// A tag is what the text of an inject tag says.
type tag struct {
	key      string
	optional bool
	none     bool // the field is not a dependency
}

// parseTag reads the text of an inject tag; "" is that of a field without one.
//
//	""            => tag{key: "default"}
//	"db,optional" => tag{key: "db", optional: true}
//	"-"           => tag{none: true}
func parseTag(text string) (tag, error) {
	if text == "-" {
		return tag{none: true}, nil
	}
	name, options, more := strings.Cut(text, ",")
	name, err := checkName(name)
	if err != nil { // "-,optional"
		return tag{}, errors.New(`a field with "-" has no options`)
	}
	t := tag{key: name}
	for more {
		var option string
		option, options, more = strings.Cut(options, ",")
		switch {
		case option == "optional" && t.optional:
			return tag{}, errors.New(`option "optional" is given twice`)
		case option == "optional":
			t.optional = true
		case option == "":
			return tag{}, errors.New("an option is empty")
		case hint.Nearest(option, []string{"optional"}) != "":
			return tag{}, fmt.Errorf(`unknown option %q; did you mean "optional"?`, option)
		default:
			return tag{}, fmt.Errorf(`unknown option %q; the only one is "optional"`, option)
		}
	}
	return t, nil
}

// A Bound is a Plan with what a Set provided for it at one version. It is only
// read once made, and so is safe for concurrent use.
type Bound[C any] struct {
	set     *Set[C]
	state   *state[C]
	proto   reflect.Value
	steps   []step[C]
	missing []missing
	fault   error // the first of missing, as an Error; nil if there is none
}

// A step fills one field by asking for its value.
type step[C any] struct {
	field Field
	from  *node[C]
}

// A missing is a field that will not be filled, and why.
type missing struct {
	field Field
	err   error
}

// Bind resolves the fields against what s provides now. proto is the struct
// that every request starts from; it is copied, with all that it contains, and
// the constants are set in the copy. Bind again when the Set has another
// [Set.Version].
func (p *Plan[C]) Bind(s *Set[C], proto reflect.Value) *Bound[C] {
	b := &Bound[C]{set: s, state: s.state(), proto: reflect.New(p.typ).Elem()}
	b.proto.Set(proto)
	b.bind(p.fields)
	if len(b.missing) > 0 {
		m := b.missing[0]
		b.fault = Error{m.field.Type, m.field.Key, m.err}
	}
	return b
}

func (b *Bound[C]) bind(fields []field) {
	for _, f := range fields {
		slot := b.proto.FieldByIndex(f.Index)
		from, err := b.state.find(f.Type, f.Key)
		switch {
		case err == nil && from.call == nil:
			slot.Set(from.value)
		case err == nil:
			b.steps = append(b.steps, step[C]{f.Field, b.state.graph().nodes[from]})
		case f.embedded:
			b.bind(f.parts)
		case err == ErrNoSuchDependency && (f.Optional || !slot.IsZero()):
			// It stays as it was preset, or zero.
		default:
			b.missing = append(b.missing, missing{f.Field, err})
		}
	}
}

// Proto returns the prototype: the registered struct with all constants set. A
// request works on a copy of it; it must not be written to.
func (b *Bound[C]) Proto() reflect.Value { return b.proto }

// Version returns the version of the Set that b was made from.
func (b *Bound[C]) Version() uint64 { return b.state.version }

// Dynamic reports whether [Bound.Inject] has anything to do. If not, a copy of
// the prototype is all that a request needs.
func (b *Bound[C]) Dynamic() bool { return len(b.steps) > 0 || b.fault != nil }

// Inject fills the fields of v that are not constant. v is a fresh, addressable
// copy of the prototype.
//
// It returns an [Error] for the first field that cannot be filled. If that is
// known beforehand, because nothing is provided for it, no provider is asked.
// A panic of a provider is not recovered.
func (b *Bound[C]) Inject(c C, sess *Session[C], v reflect.Value) error {
	if b.fault != nil {
		return b.fault
	}
	for i := range b.steps {
		st := &b.steps[i]
		value, err := st.from.ask(b.set, c, sess)
		if err != nil {
			return Error{st.field.Type, st.field.Key, err}
		}
		v.FieldByIndex(st.field.Index).Set(value)
	}
	return nil
}

// Missing returns an error for every field that cannot be filled because
// nothing is provided for it, with what comes near. Each wraps an [Error].
//
//	DB: could not inject *sql.DB with key "db": no such dependency exists; *sql.DB is provided with key "main"
func (b *Bound[C]) Missing() []error {
	var list []error
	for _, m := range b.missing {
		hint := ""
		if m.err == ErrNoSuchDependency {
			hint = b.state.hint(m.field.Type, m.field.Key)
		}
		list = append(list, fmt.Errorf("%s: %w%s", m.field.Name, Error{m.field.Type, m.field.Key, m.err}, hint))
	}
	return list
}
