package validate

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A Plan is the compiled form of one type: what is to be checked in its
// values. It is only read once made, and so is safe for concurrent use.
type Plan struct {
	validator *Validator
	typ       reflect.Type
	root      *node // nil if nothing is to be checked
}

// Empty reports whether the plan checks nothing at all: no field that can be
// reached has a rule, nor is there any interface, which might hold a value
// with rules. Validate need not be called then.
func (p *Plan) Empty() bool { return p.root == nil }

// A node is what is to be checked in one value: that of a field, or what lies
// behind its pointers, or an element. Nodes of recursive types form cycles.
//
//	[]*Home `valid:"required"` => list{tag} → pointer{tag} → structure{tag, fields}
type node struct {
	kind   nodeKind
	bits   int // of a float
	tag    *tag
	absent bool // the value is refused, as its field needs a tag and has none

	// spell says that some option asks for the text of a number.
	spell bool

	// mayBeEmpty says that a string or number needs no look if it is empty.
	mayBeEmpty bool

	elem   *node // of pointer, list, dict: nil if nothing is to be checked there
	fields *structure

	// unfit, if not nil, is an option that cannot be applied to this kind. That
	// is found at compile time but for the contents of interfaces.
	unfit *option
}

type nodeKind uint8

const (
	otherNode   nodeKind = iota // emptiness is all that can be asked: bool, opaque, …
	stringNode                  // kind string
	intNode                     // signed integers
	uintNode                    // unsigned integers, but uintptr
	floatNode                   // floats
	bytesNode                   // []byte
	spellNode                   // strings, numbers and bytes that spell themselves: String, Error, Format
	structNode                  // structs
	pointerNode                 // pointers
	listNode                    // slices and arrays
	dictNode                    // maps
	dynamicNode                 // interfaces
	unfitNode                   // func, chan, complex, maps without string keys: refused when tagged
)

// A structure is a struct type with those of its fields that have something to
// be checked.
type structure struct {
	fields []field
}

// A field is one field of a struct, with what reflection could tell about it.
//
//	City string `json:"city" valid:"alpha"` => field{index: 0, goName: "City", name: "city", node: …}
type field struct {
	index  int
	goName string
	name   string // json name, or goName
	node   *node

	promoted bool // an embedded struct, whose fields encoding/json has as those of the struct around it

	mistakes []error // in the tag; a plan with mistakes is never used
}

// A compiler makes one plan. It keeps what it made, so that a type that
// contains itself comes to an end.
type compiler struct {
	validator  *Validator
	nodes      map[nodeKey]*node
	structures map[reflect.Type]*structure
}

type nodeKey struct {
	typ  reflect.Type
	tag  *tag
	elem bool
}

// compile returns the plan of type t under tag g, which is nil if there is
// none. If found, t is the type of a value in an interface: options that do
// not fit then refuse the value, instead of the type.
func (v *Validator) compile(t reflect.Type, g *tag, found bool) (*Plan, error) {
	c := &compiler{v, map[nodeKey]*node{}, map[reflect.Type]*structure{}}
	var errs []error
	mistakes := &errs
	if found {
		mistakes = nil
	}
	root := c.node(t, g, false, mistakes)
	errs = append(errs, fieldMistakes(root, "", map[any]bool{})...)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	c.prune()
	if !root.live(map[*node]bool{}) {
		root = nil
	}
	return &Plan{v, t, root}, nil
}

// node returns the node for values of type t under tag g. Elements of
// collections differ from fields if they are structs: they are gone into, but
// the tag does not concern them. Options that do not fit the type are appended
// to mistakes, unless it is nil.
func (c *compiler) node(t reflect.Type, g *tag, elem bool, mistakes *[]error) *node {
	key := nodeKey{t, g, elem}
	if n := c.nodes[key]; n != nil {
		return n
	}
	n := &node{tag: g}
	c.nodes[key] = n

	// A missing tag is that of the value which has none: of a collection with
	// elements, these; of an interface, what it holds.
	rest := g
	if g != nil && g.absent {
		n.tag, n.absent, rest = nil, true, nil
	} else if g != nil && !c.asks(g) {
		n.tag = nil
	}

	if opaque := c.validator.Opaque; opaque != nil && opaque(t) {
		n.absent = false
		n.cannotApply(t, mistakes)
		return n
	}
	switch k := t.Kind(); k {
	case reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		n.kind = scalarKind(t)
		if k == reflect.Float32 || k == reflect.Float64 {
			n.bits = t.Bits()
		}
		n.spell = n.tag != nil && n.tag.needsText()
		n.mayBeEmpty = n.tag == nil || n.tag.required == nil && (n.tag.optional || !c.validator.FieldsRequiredByDefault)
	case reflect.Struct:
		n.kind = structNode
		if elem {
			n.absent = false
		}
		n.fields = c.structure(t)
		n.cannotApply(t, mistakes)
		if elem && n.unfit == nil {
			n.tag = nil
		}
	case reflect.Pointer:
		n.kind = pointerNode
		n.elem = c.node(t.Elem(), rest, false, mistakes)
	case reflect.Interface:
		n.kind, n.tag, n.absent = dynamicNode, g, false
	case reflect.Slice, reflect.Array:
		switch {
		case isBytes(t):
			n.kind = bytesNode
			if spellsItself(t) {
				n.kind = spellNode
			}
		case isByteArray(t):
			n.kind = spellNode
		default:
			n.kind = listNode
			if k == reflect.Slice && n.absent {
				n.absent, n.tag, rest = false, g, g
			}
			n.elem = c.node(t.Elem(), rest, true, mistakes)
		}
	case reflect.Map:
		n.kind = dictNode
		switch {
		case n.absent:
			n.absent, n.tag, rest = false, g, g
		case t.Key().Kind() != reflect.String && rest != nil:
			n.unsupported(t, mistakes)
			return n
		}
		n.elem = c.node(t.Elem(), rest, true, mistakes)
	case reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		if rest != nil {
			n.unsupported(t, mistakes)
		}
	default: // bool, uintptr
		n.cannotApply(t, mistakes)
	}
	return n
}

// asks reports whether there is any value that tag g refuses.
func (c *compiler) asks(g *tag) bool {
	return g.required != nil || len(g.options) > 0 || c.validator.FieldsRequiredByDefault && !g.optional
}

func scalarKind(t reflect.Type) nodeKind {
	if spellsItself(t) {
		return spellNode
	}
	switch t.Kind() {
	case reflect.String:
		return stringNode
	case reflect.Float32, reflect.Float64:
		return floatNode
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return uintNode
	}
	return intNode
}

// needsText reports whether an option has no answer for numbers as such.
func (g *tag) needsText() bool {
	for i := range g.options {
		if g.options[i].acceptsNumber == nil {
			return true
		}
	}
	return false
}

// cannotApply notes that no option but required and optional is for type t.
func (n *node) cannotApply(t reflect.Type, mistakes *[]error) {
	if n.tag == nil || len(n.tag.options) == 0 {
		return
	}
	if mistakes == nil {
		n.unfit = &n.tag.options[0]
		return
	}
	for _, o := range n.tag.options {
		*mistakes = append(*mistakes, fmt.Errorf("%s cannot be applied to %v", o.key(), t))
	}
}

// unsupported notes that no tag at all but "-" is for type t.
func (n *node) unsupported(t reflect.Type, mistakes *[]error) {
	n.kind = unfitNode
	if mistakes != nil {
		*mistakes = append(*mistakes, fmt.Errorf("%v cannot be checked, only left out with \"-\"", t))
	}
}

// structure returns the structure of type t, with all of its fields. If it is
// asked for while being made, the fields are still to come.
func (c *compiler) structure(t reflect.Type) *structure {
	if s := c.structures[t]; s != nil {
		return s
	}
	s := &structure{}
	c.structures[t] = s
	for i := range t.NumField() {
		sf := t.Field(i)
		if !sf.IsExported() && !embedsStruct(sf) {
			continue
		}
		text := sf.Tag.Get("valid")
		if text == "-" {
			continue
		}
		f := field{index: i, goName: sf.Name, name: sf.Name}
		if name, _, _ := strings.Cut(sf.Tag.Get("json"), ","); name != "" && name != "-" {
			f.name = name
		} else {
			f.promoted = embedsStruct(sf)
		}
		var g *tag
		switch {
		case text != "":
			g, f.mistakes = parseTag(text)
		case c.validator.FieldsRequiredByDefault && sf.IsExported():
			g = &tag{absent: true}
		}
		f.node = c.node(sf.Type, g, false, &f.mistakes)
		s.fields = append(s.fields, f)
	}
	return s
}

// embedsStruct reports whether sf embeds a struct, or a pointer to one. Its
// exported fields are exported even if its type is not.
func embedsStruct(sf reflect.StructField) bool {
	t := sf.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return sf.Anonymous && t.Kind() == reflect.Struct
}

// fieldMistakes returns the mistakes of all fields that can be reached from n,
// each with the path to the field. A type that is reached twice is reported at
// the first place.
func fieldMistakes(n *node, path string, seen map[any]bool) (errs []error) {
	if n == nil || seen[n] {
		return nil
	}
	seen[n] = true
	errs = fieldMistakes(n.elem, path, seen)
	if n.fields == nil || seen[n.fields] {
		return errs
	}
	seen[n.fields] = true
	for _, f := range n.fields.fields {
		here := path + f.goName
		for _, err := range f.mistakes {
			errs = append(errs, fmt.Errorf("%s: %w", here, err))
		}
		errs = append(errs, fieldMistakes(f.node, here+".", seen)...)
	}
	return errs
}

// prune takes out all nodes that check nothing, and that lead to none that do.
func (c *compiler) prune() {
	for _, s := range c.structures {
		s.fields = slices.DeleteFunc(s.fields, func(f field) bool { return !f.node.live(map[*node]bool{}) })
	}
	for _, n := range c.nodes {
		if !n.elem.live(map[*node]bool{}) {
			n.elem = nil
		}
	}
}

// live reports whether n, or a node that can be reached from it, checks
// anything. A node that is seen again adds nothing to the answer.
func (n *node) live(seen map[*node]bool) bool {
	if n == nil || seen[n] {
		return false
	}
	seen[n] = true
	if n.kind == dynamicNode || n.kind == unfitNode || n.absent || n.tag != nil {
		return true
	}
	if n.fields != nil {
		for _, f := range n.fields.fields {
			if f.node.live(seen) {
				return true
			}
		}
	}
	return n.elem.live(seen)
}
