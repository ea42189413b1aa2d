package bind

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/gongular/gongular/internal/hint"
)

// A jsonNode is what encoding/json makes of one type: the names it knows and
// where they lead. It serves checks at registration, strict names, and finding
// the path of a value that does not fit; decoding is encoding/json's.
type jsonNode struct {
	typ    reflect.Type
	names  []string    // of fields, in order; for suggestions
	fields []jsonField // of a struct
	elem   *jsonNode   // of a slice, array or map
	to     *jsonNode   // what a pointer points to
	leaf   bool        // nothing inside is ours to know
}

type jsonField struct {
	name   string
	index  []int
	node   *jsonNode
	quoted bool   // the option string
	secret bool   // errors do not show the value
	set    setter // of the default; nil without
	deflt  string
}

var (
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
	numberType      = reflect.TypeFor[json.Number]()
	// harmless are types whose decoding does not keep the bytes it is given.
	harmless = []reflect.Type{
		timeType, numberType, reflect.TypeFor[json.RawMessage](), reflect.TypeFor[big.Int](), reflect.TypeFor[big.Float](),
		reflect.TypeFor[big.Rat](), reflect.TypeFor[netip.Addr](), reflect.TypeFor[netip.Prefix](), reflect.TypeFor[netip.AddrPort](),
	}
)

type jsonCompiler struct {
	conv    Converters
	nodes   map[reflect.Type]*jsonNode
	errs    []error
	foreign bool
	secret  bool // some field is
}

func (c *jsonCompiler) fail(path, format string, args ...any) *jsonNode {
	err := fmt.Errorf(format, args...)
	if path != "" {
		err = fmt.Errorf("%s: %w", path, err)
	}
	c.errs = append(c.errs, err)
	return &jsonNode{leaf: true}
}

func (c *jsonCompiler) compile(t reflect.Type, path string) *jsonNode {
	if n, ok := c.nodes[t]; ok {
		return n
	}
	n := &jsonNode{typ: t}
	c.nodes[t] = n
	if p := reflect.PointerTo(t); p.Implements(unmarshalerType) || p.Implements(textType) {
		n.leaf = true
		c.foreign = c.foreign || !slices.Contains(harmless, t)
		return n
	}
	switch t.Kind() {
	case reflect.Pointer:
		if t.Elem() == t {
			return c.fail(path, "cannot bind type %v", t)
		}
		n.to = c.compile(t.Elem(), path)
	case reflect.Struct:
		c.compileStruct(n, t, path)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			n.leaf = true
			break
		}
		n.elem = c.compile(t.Elem(), path)
	case reflect.Array:
		n.elem = c.compile(t.Elem(), path)
	case reflect.Map:
		if k := t.Key(); !mapKey(k) {
			return c.fail(path, "cannot bind type %v: JSON names are no %v", t, k)
		} else if reflect.PointerTo(k).Implements(textType) && !slices.Contains(harmless, k) {
			c.foreign = true
		}
		n.elem = c.compile(t.Elem(), path)
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return c.fail(path, "cannot bind type %v: JSON does not say which type implements it", t)
		}
		n.leaf = true
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return c.fail(path, "cannot bind type %v", t)
	default:
		n.leaf = true
	}
	return n
}

func mapKey(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return true
	}
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func (c *jsonCompiler) compileStruct(n *jsonNode, t reflect.Type, path string) {
	n.fields = []jsonField{} // a struct, even without fields
	type level struct {
		t       reflect.Type
		index   []int
		path    string
		pointer bool // behind an embedded pointer
	}
	taken := map[string]bool{}
	visited := map[reflect.Type]bool{}
	for queue := []level{{t, nil, path, false}}; len(queue) > 0; {
		var next []level
		here := map[string]string{} // names of this depth
		for _, l := range queue {
			for i := range l.t.NumField() {
				sf := l.t.Field(i)
				at := append(l.index[:len(l.index):len(l.index)], i)
				name, option, _ := strings.Cut(sf.Tag.Get("json"), ",")
				fpath := strings.TrimPrefix(l.path+"."+sf.Name, ".")
				if name == "-" && option == "" && !strings.HasSuffix(sf.Tag.Get("json"), ",") {
					continue
				}
				if sf.Anonymous && name == "" {
					et := sf.Type
					if et.Kind() == reflect.Pointer {
						et = et.Elem()
					}
					if et.Kind() == reflect.Struct {
						if sf.Type.Kind() == reflect.Pointer && !sf.IsExported() {
							c.fail(fpath, "encoding/json cannot set an embedded pointer to an unexported struct")
							continue
						}
						next = append(next, level{et, at, fpath, l.pointer || et != sf.Type})
						continue
					}
				}
				if !sf.IsExported() {
					if _, tagged := sf.Tag.Lookup("json"); tagged || sf.Tag.Get("valid") != "" || sf.Tag.Get("default") != "" {
						c.fail(fpath, "an unexported field cannot be bound")
					}
					continue
				}
				if name == "" {
					name = sf.Name
				}
				if taken[name] {
					continue // hidden by a field further out
				}
				if first, twice := here[name]; twice {
					c.fail(fpath, "the JSON name %q is already that of %s", name, first)
					continue
				}
				here[name] = fpath
				f := jsonField{name: name, index: at, node: c.compile(sf.Type, fpath), quoted: hasOption(option, "string"), secret: hasOption(sf.Tag.Get("valid"), "secret")}
				c.secret = c.secret || f.secret
				c.compileDefault(&f, sf, fpath, l.pointer)
				n.names = append(n.names, name)
				n.fields = append(n.fields, f)
			}
		}
		for name := range here {
			taken[name] = true
		}
		for _, l := range queue {
			visited[l.t] = true
		}
		// A struct that embeds itself by a pointer hides all that is inside it.
		queue = slices.DeleteFunc(next, func(l level) bool { return visited[l.t] })
	}
}

// compileDefault checks a default of a body's field. It goes into the handler's
// prototype, so that it must not hold references.
func (c *jsonCompiler) compileDefault(f *jsonField, sf reflect.StructField, path string, pointer bool) {
	text, ok := sf.Tag.Lookup("default")
	if !ok {
		return
	}
	set, err := setterFor(sf.Type, sf.Tag.Get("layout"), c.conv)
	if err == nil && pointer {
		err = errors.New("has no use behind an embedded pointer")
	}
	if err == nil && !plain(sf.Type) {
		err = fmt.Errorf("a field of a body with a default must be a plain value, not %v", sf.Type)
	}
	if err == nil {
		err = set(reflect.New(sf.Type).Elem(), text)
	}
	if err != nil {
		c.fail(path, "default:%q: %w", text, err)
		return
	}
	f.set, f.deflt = set, text
}

// checkDefaults refuses defaults that setDefaults cannot reach: those of values
// that do not exist before the body is decoded.
func (c *jsonCompiler) checkDefaults(n *jsonNode, path string, exists bool, seen map[jsonPlace]bool) {
	if seen[jsonPlace{n, exists}] {
		return
	}
	seen[jsonPlace{n, exists}] = true
	for i := range n.fields {
		f := &n.fields[i]
		fpath := strings.TrimPrefix(path+"."+f.name, ".")
		if f.set != nil && !exists {
			c.fail(fpath, "default:%q has no use here: the value is made by decoding", f.deflt)
		}
		c.checkDefaults(f.node, fpath, exists, seen)
	}
	for _, inner := range []*jsonNode{n.elem, n.to} {
		if inner != nil {
			c.checkDefaults(inner, path, false, seen)
		}
	}
}

// A jsonPlace is a type in one of the two places that matter to its defaults.
type jsonPlace struct {
	node   *jsonNode
	exists bool // before the body is decoded
}

// resolve follows pointers.
func (n *jsonNode) resolve() *jsonNode {
	for n.to != nil {
		n = n.to
	}
	return n
}

func (n *jsonNode) kindName() string { return kindName(n.typ) }

func (n *jsonNode) setDefaults(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range n.fields {
		f := &n.fields[i]
		fv, err := v.FieldByIndexErr(f.index)
		if err != nil {
			continue // in an embedded pointer
		}
		if f.set == nil {
			f.node.setDefaults(fv)
		} else if fv.IsZero() {
			if err := f.set(fv, f.deflt); err != nil {
				panic(fmt.Sprintf("BUG: the default %q of %s was accepted once: %v", f.deflt, f.name, err))
			}
		}
	}
}

// field returns the field with the name, or nil. encoding/json prefers the exact
// name and else ignores case.
func (n *jsonNode) field(name string, exact bool) *jsonField {
	for i := range n.fields {
		if n.fields[i].name == name {
			return &n.fields[i]
		}
	}
	if !exact {
		for i := range n.fields {
			if strings.EqualFold(n.fields[i].name, name) {
				return &n.fields[i]
			}
		}
	}
	return nil
}

// locate finds the value in data, which is valid JSON, that cannot be decoded:
// its path, its type and the error. It decodes leaves only, so that the work is
// linear.
func (n *jsonNode) locate(data []byte) (path string, t reflect.Type, err error) {
	n = n.resolve()
	s := scanner{data: data}
	s.space()
	kind := s.peek()
	switch {
	case !n.leaf && n.fields != nil && kind == '{', !n.leaf && n.elem != nil && n.typ.Kind() == reflect.Map && kind == '{':
		for name := range s.members() {
			raw := s.raw()
			node, quoted, secret := n.elem, false, false
			if n.fields != nil {
				f := n.field(name, false)
				if f == nil {
					continue
				}
				node, quoted, secret = f.node, f.quoted, f.secret
			}
			var path string
			var t reflect.Type
			var err error
			if quoted {
				t, err = node.typ, node.quotedError(raw)
			} else {
				path, t, err = node.locate(raw)
			}
			if err != nil && secret {
				err = secretError{t}
			}
			if err != nil {
				return joinPath(name, path), t, err
			}
		}
		if n.fields != nil {
			return "", nil, nil
		}
	case !n.leaf && n.elem != nil && kind == '[':
		i := 0
		for range s.elements() {
			if path, t, err := n.elem.locate(s.raw()); err != nil {
				return joinPath(fmt.Sprint(i), path), t, err
			}
			i++
		}
		return "", nil, nil
	}
	return "", n.typ, json.Unmarshal(data, reflect.New(n.typ).Interface())
}

// quotedError is the error of decoding data for a field with the option string.
func (n *jsonNode) quotedError(data []byte) error {
	holder := reflect.StructOf([]reflect.StructField{{Name: "V", Type: n.typ, Tag: `json:",string"`}})
	err := json.Unmarshal(slices.Concat([]byte(`{"V":`), data, []byte("}")), reflect.New(holder).Interface())
	var wrong *json.UnmarshalTypeError
	if err == nil || errors.As(err, &wrong) {
		return err
	}
	return fmt.Errorf("expected %s in a string", n.kindName()) // its own text names Go types
}

func joinPath(name, rest string) string {
	if rest == "" {
		return name
	}
	return name + "." + rest
}

// checkNames refuses unknown and duplicate names in data, which is valid JSON.
func (n *jsonNode) checkNames(data []byte) error {
	s := scanner{data: data}
	s.space()
	path, reason := n.badName(&s)
	if reason == "" {
		return nil
	}
	return Error{Place: PlaceBody, FieldName: path, Key: path, Reason: reason}
}

// badName looks for such a name in the value that begins at s. It passes over
// the value, or leaves all of it to the caller: no byte is scanned again for
// each level that it is inside of.
func (n *jsonNode) badName(s *scanner) (path, reason string) {
	n = n.resolve()
	if n.leaf && n.typ.Kind() != reflect.Interface {
		return "", ""
	}
	switch s.peek() {
	case '{':
		seen := map[string]bool{}
		for name := range s.members() {
			if seen[name] {
				return name, "is given twice"
			}
			seen[name] = true
			node := n.elem
			switch {
			case n.leaf:
				node = anyNode
			case n.fields != nil:
				f := n.field(name, true)
				if f == nil {
					return name, unknownName(name, n.names)
				}
				node = f.node
			case node == nil:
				continue
			}
			if path, reason := node.badName(s); reason != "" {
				return joinPath(name, path), reason
			}
		}
	case '[':
		node := n.elem
		if n.leaf {
			node = anyNode
		}
		if node == nil {
			return "", ""
		}
		i := 0
		for range s.elements() {
			if path, reason := node.badName(s); reason != "" {
				return joinPath(fmt.Sprint(i), path), reason
			}
			i++
		}
	}
	return "", ""
}

// anyNode stands for what is inside an interface: any names, but none twice.
var anyNode = &jsonNode{typ: reflect.TypeFor[any](), leaf: true}

func unknownName(name string, known []string) string {
	if near := hint.Nearest(name, known); near != "" {
		return fmt.Sprintf("is an unknown name; did you mean %q?", near)
	}
	return "is an unknown name"
}

// A scanner walks valid JSON.
type scanner struct {
	data []byte
	i    int
}

func (s *scanner) space() {
	for s.i < len(s.data) && isSpace(s.data[s.i]) {
		s.i++
	}
}

func (s *scanner) peek() byte {
	if s.i < len(s.data) {
		return s.data[s.i]
	}
	return 0
}

// members yields the names of the object that begins here, and the position
// before each value. It passes over the value, if it has not been passed, and
// over the object.
func (s *scanner) members() func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for more := true; more; more = s.more() {
			s.i++ // past the brace or comma
			s.space()
			if s.peek() != '"' {
				s.i++ // an empty object's end
				return
			}
			name := unquote(s.raw())
			s.space()
			s.i++ // the colon
			s.space()
			start := s.i
			if !yield(name) {
				return
			}
			if s.i == start {
				s.value()
			}
		}
	}
}

// elements yields the position before each value of the array that begins here,
// and passes over it as members does.
func (s *scanner) elements() func(yield func() bool) {
	return func(yield func() bool) {
		for more := true; more; more = s.more() {
			s.i++
			s.space()
			if c := s.peek(); c == ']' || c == 0 {
				s.i++
				return
			}
			start := s.i
			if !yield() {
				return
			}
			if s.i == start {
				s.value()
			}
		}
	}
}

// more reports whether a comma follows, and passes over what ends the list else.
func (s *scanner) more() bool {
	s.space()
	if s.peek() == ',' {
		return true
	}
	s.i++
	return false
}

// raw passes over the value that begins here and returns its text.
func (s *scanner) raw() []byte {
	start := min(s.i, len(s.data))
	s.value()
	return s.data[start:min(s.i, len(s.data))] // within, whatever it is
}

// value passes over the value that begins here.
func (s *scanner) value() {
	depth := 0
	for s.i < len(s.data) {
		switch c := s.data[s.i]; c {
		case '"':
			s.text()
			if depth == 0 {
				return
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return // the end of what holds a number or word
			}
			if depth--; depth == 0 {
				s.i++
				return
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return
			}
		}
		s.i++
	}
}

// text passes over the string that begins here.
func (s *scanner) text() {
	for s.i++; s.i < len(s.data); s.i++ {
		switch s.data[s.i] {
		case '\\':
			s.i++
		case '"':
			s.i++
			return
		}
	}
}

func unquote(quoted []byte) string {
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return string(quoted)
	}
	return s
}
