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
	needsSent bool
}

// Empty reports whether the plan checks nothing at all: no field that can be
// reached has a rule, nor is there any interface, which might hold a value
// with rules. Validate need not be called then.
func (p *Plan) Empty() bool { return p.root == nil }

// NeedsSent reports whether any field that can be reached, but through an
// interface, has to be present: whether [Plan.Check] makes use of what was sent.
func (p *Plan) NeedsSent() bool { return p.needsSent }

// A node is what is to be checked in one value: that of a field, or what lies
// behind its pointers, or an element. Nodes of recursive types form cycles.
//
//	[]*Home `valid:"required"` => list{tag} → pointer{tag} → structure{tag, fields}
type node struct {
	kind   nodeKind
	bits   int // of a float
	tag    *tag
	absent bool // the value is refused, as its field needs a tag and has none
	extra  *extra
	slow   bool // absent, or with an extra: not as simple as passes takes it

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

// An extra is what is to be checked in a value beside emptiness, the rules
// about its text, and what is inside it.
type extra struct {
	plain *node // the node without its extra

	// insideFirst says that the errors from inside the value, a struct or a
	// pointer to one, come before those of the value itself.
	insideFirst bool

	// Of the field, if the node is a field's.
	secret      bool
	present     *option
	conditions  []condition
	comparisons []comparison

	funcs     []option // rules of one's own
	wrongType *option  // a type option that the type of the node breaks
	unfit     *option  // as in node, of what is not about text
	sizes     []size
	mayBeZero bool  // sizes are not asked about empty values
	span      *span // what sizes leave, if they are all there is, of a string, number or list
	each      *node
	method    *method // Validate of the type; nil if there is none
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
	offset uintptr
	basic  bool // a string, int or float64, for passesBasic
	goName string
	name   string // json name, or goName
	node   *node

	pointer []string // the name alone, as FieldError has it

	// exposed says that the embedded struct, which is not exported, has to be
	// handed to code that is not ours.
	exposed bool

	promoted bool // an embedded struct, whose fields encoding/json has as those of the struct around it

	mistakes []error // in the tag; a plan with mistakes is never used
}

// A compiler makes one plan. It keeps what it made, so that a type that
// contains itself comes to an end.
type compiler struct {
	validator  *Validator
	nodes      map[nodeKey]*node
	structures map[reflect.Type]*structure
	all        []*node
	needsSent  bool
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
	v.sealed.Store(true)
	c := &compiler{validator: v, nodes: map[nodeKey]*node{}, structures: map[reflect.Type]*structure{}}
	var errs []error
	mistakes := &errs
	if found {
		mistakes = nil
	}
	root := c.node(t, g, false, mistakes)
	if g != nil && !found {
		root = c.concernField(root, t, g, nil, mistakes)
	}
	errs = append(errs, fieldMistakes(root, "", map[any]bool{})...)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	c.prune()
	c.simplify()
	if !root.live(map[*node]bool{}) {
		root = nil
	}
	c.expose()
	return &Plan{v, t, root, c.needsSent}, nil
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
	c.all = append(c.all, n)
	c.build(n, t, g, elem, mistakes)
	c.extend(n, t, g, mistakes)
	n.slow = n.absent || n.extra != nil
	return n
}

// build makes n what it is without its extra.
func (c *compiler) build(n *node, t reflect.Type, g *tag, elem bool, mistakes *[]error) {
	// A missing tag is that of the value which has none: of a collection with
	// elements, these; of an interface, what it holds.
	if g != nil && g.absent {
		n.tag, n.absent = nil, true
	} else if g != nil && !c.asks(g) {
		n.tag = nil
	}

	if c.isOpaque(t) {
		n.absent = false
		n.cannotApply(t, mistakes)
		return
	}
	switch k := t.Kind(); k {
	case reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		n.kind = scalarKind(t)
		if k == reflect.Float32 || k == reflect.Float64 {
			n.bits = t.Bits()
		}
		n.spell = n.tag != nil && n.tag.needsText()
		n.mayBeEmpty = n.tag == nil || n.tag.required == nil && (n.tag.mayBeEmpty() || !c.validator.FieldsRequiredByDefault)
	case reflect.Struct:
		n.kind = structNode
		if elem {
			n.absent = false
		}
		n.fields = &structure{}
		if g == nil || g.part != surface {
			n.fields = c.structure(t)
		}
		n.cannotApply(t, mistakes)
		if elem && n.unfit == nil {
			n.tag = nil
		}
	case reflect.Pointer:
		n.kind = pointerNode
		n.elem = c.node(t.Elem(), c.rest(g, (*tag).target), false, mistakes)
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
			rest := c.rest(g, (*tag).element)
			if k == reflect.Slice && n.absent {
				n.absent, n.tag, rest = false, g, g
			}
			n.elem = c.elements(t.Elem(), rest, mistakes)
		}
	case reflect.Map:
		n.kind = dictNode
		rest := c.rest(g, (*tag).element)
		switch {
		case n.absent:
			n.absent, n.tag, rest = false, g, g
		case t.Key().Kind() != reflect.String && g != nil && !g.isBare():
			n.unsupported(t, mistakes)
			return
		}
		n.elem = c.elements(t.Elem(), rest, mistakes)
	case reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		if g != nil && !g.absent && (!g.isBare() || len(g.funcs) > 0) {
			n.unsupported(t, mistakes)
		}
	default: // bool, uintptr
		n.cannotApply(t, mistakes)
	}
}

// rest returns the part of the tag g, which may be nil, that is for what lies
// inside a value. It is nil if that is nothing, and the tag has been divided.
func (c *compiler) rest(g *tag, part func(*tag) *tag) *tag {
	if g == nil || g.absent {
		return nil
	}
	rest := part(g)
	if rest != g && !c.asks(rest) && !rest.extends() && rest.part != surface {
		return nil
	}
	return rest
}

// elements returns the node for the elements, of type t, of a collection with
// a tag of which rest is for them. It is nil if what is inside of them is left
// to each, and nothing is asked of themselves.
func (c *compiler) elements(t reflect.Type, rest *tag, mistakes *[]error) *node {
	if rest != nil && rest.part == surface && !c.asks(rest) {
		return nil
	}
	return c.node(t, rest, true, mistakes)
}

func (c *compiler) isOpaque(t reflect.Type) bool {
	return c.validator.Opaque != nil && c.validator.Opaque(t)
}

// extend gives n its extra, if it has one.
func (c *compiler) extend(n *node, t reflect.Type, g *tag, mistakes *[]error) {
	var x extra
	if g != nil && n.kind != dynamicNode {
		x.funcs = g.funcs
		x.wrongType = checkTypes(t, g.types, mistakes)
		if n.kind != pointerNode {
			c.extendTarget(n, &x, t, g, mistakes)
		}
	}
	if (g == nil || g.part != surface) && !c.isOpaque(t) {
		x.method = methodOf(t)
	}
	if x.funcs != nil || x.wrongType != nil || x.unfit != nil || x.sizes != nil || x.each != nil || x.method != nil {
		c.attach(n, t, &x)
	}
}

// extendTarget adds to the extra of n what is not for pointers.
func (c *compiler) extendTarget(n *node, x *extra, t reflect.Type, g *tag, mistakes *[]error) {
	x.mayBeZero = g.optional
	for i := range g.sizes {
		o := &g.sizes[i]
		s, err := newSize(o, t, n.kind)
		switch {
		case err == nil && !c.isOpaque(t):
			x.sizes = append(x.sizes, s)
		case mistakes == nil:
			x.blame(o)
		case err == nil:
			*mistakes = append(*mistakes, cannotApply(o, t))
		default:
			*mistakes = append(*mistakes, err)
		}
	}
	if err := contradiction(x.sizes); err != nil && mistakes != nil {
		*mistakes = append(*mistakes, err)
	}
	switch {
	case g.each == nil:
	case n.kind == listNode || n.kind == dictNode:
		x.each = c.node(t.Elem(), g.each, false, mistakes)
	case mistakes == nil:
		x.blame(eachOption())
	default:
		*mistakes = append(*mistakes, cannotApply(eachOption(), t))
	}
}

// blame notes that the option o does not fit the value, unless another does not.
func (x *extra) blame(o *option) {
	if x.unfit == nil {
		x.unfit = o
	}
}

// attach makes x the extra of n.
func (c *compiler) attach(n *node, t reflect.Type, x *extra) {
	plain := *n
	plain.extra, plain.slow = nil, n.absent
	c.all = append(c.all, &plain)
	x.plain, x.insideFirst = &plain, deref(t).Kind() == reflect.Struct
	n.extra, n.slow = x, true
}

// concernField returns n with what its tag says of the field. The struct that
// has the field is nil if there is none. No other place shares the node.
func (c *compiler) concernField(n *node, t reflect.Type, g *tag, in *parent, mistakes *[]error) *node {
	if !g.ofField() {
		return n
	}
	x := &extra{}
	if n.extra == nil {
		c.attach(n, t, x)
	} else {
		x = n.extra
	}
	x.secret, x.present = g.secret, g.present
	c.needsSent = c.needsSent || g.present != nil
	if g.present != nil && in != nil && in.promotes {
		*mistakes = append(*mistakes, errors.New("present cannot be said of an embedded struct, whose fields are sent as those of the struct around it"))
	}
	for i := range g.conditions {
		cond, err := newCondition(&g.conditions[i], in)
		x.conditions = append(x.conditions, cond)
		if err != nil {
			*mistakes = append(*mistakes, err)
		}
	}
	for i := range g.comparisons {
		cmp, err := newComparison(&g.comparisons[i], t, in, c.validator)
		x.comparisons = append(x.comparisons, cmp)
		if err != nil {
			*mistakes = append(*mistakes, err)
		}
	}
	return n
}

// asks reports whether there is any value that tag g refuses.
func (c *compiler) asks(g *tag) bool {
	return g != nil && (g.required != nil || len(g.options) > 0 || c.validator.FieldsRequiredByDefault && !g.mayBeEmpty())
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
		*mistakes = append(*mistakes, cannotApply(&o, t))
	}
}

func cannotApply(o *option, t reflect.Type) error {
	return fmt.Errorf("%s cannot be applied to %v", o.key(), t)
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
		f := field{index: i, offset: sf.Offset, goName: sf.Name, name: sf.Name, exposed: !sf.IsExported()}
		if name, _, _ := strings.Cut(sf.Tag.Get("json"), ","); name != "" && name != "-" {
			f.name = name
		} else {
			f.promoted = embedsStruct(sf)
		}
		f.pointer = []string{f.name}
		var g *tag
		switch {
		case text != "":
			g, f.mistakes = c.validator.parseTag(text)
		case c.validator.FieldsRequiredByDefault && sf.IsExported():
			g = &tag{absent: true}
		}
		f.node = c.node(sf.Type, g, false, &f.mistakes)
		if g != nil {
			f.node = c.concernField(f.node, sf.Type, g, &parent{t, sf, f.promoted}, &f.mistakes)
		}
		switch sf.Type.Kind() {
		case reflect.String:
			f.basic = f.node.kind == stringNode
		case reflect.Int:
			f.basic = f.node.kind == intNode
		case reflect.Float64:
			f.basic = f.node.kind == floatNode
		}
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
	if n.extra != nil {
		errs = append(errs, fieldMistakes(n.extra.each, path, seen)...)
	}
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
	for _, n := range c.all {
		if !n.elem.live(map[*node]bool{}) {
			n.elem = nil
		}
		if n.extra != nil && !n.extra.each.live(map[*node]bool{}) {
			n.extra.each = nil
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
	if n.kind == dynamicNode || n.kind == unfitNode || n.slow || n.tag != nil || n.unfit != nil {
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

// expose finds the embedded structs, not exported, that have to be handed out.
func (c *compiler) expose() {
	for _, s := range c.structures {
		for i := range s.fields {
			f := &s.fields[i]
			f.exposed = f.exposed && f.node.handsOut(map[*node]bool{})
		}
	}
}

// handsOut reports whether what n checks, or the struct that has it, may be
// handed to code that is not ours.
func (n *node) handsOut(seen map[*node]bool) bool {
	if n == nil || seen[n] {
		return false
	}
	seen[n] = true
	if n.kind == dynamicNode && n.tag != nil {
		return true
	}
	if x := n.extra; x != nil && (len(x.funcs) > 0 || x.method != nil || x.each.handsOut(seen)) {
		return true
	}
	if n.fields != nil {
		for _, f := range n.fields.fields {
			if f.node.handsOut(seen) {
				return true
			}
		}
	}
	return n.elem.handsOut(seen)
}
