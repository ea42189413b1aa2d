package validate

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/gongular/gongular/internal/direct"
)

// maxDepth is how deep structs may be nested in one another, and pointers,
// interfaces and collections between one struct and the next. JSON cannot
// make a value that contains itself, but a program can.
const maxDepth = 32

// maxErrors is how many refused fields of a value are reported.
const maxErrors = 1000

// A walker takes one value along a plan. It stays on the stack: nothing that
// it is handed to is called through a function value.
type walker struct {
	validator *Validator
	ctx       context.Context
	errs      Errors
	limit     int  // of errs
	stopped   bool // too deep: what comes would be the same again, perhaps 2^32 times; or failed

	failed     error  // a rule of one's own could not tell
	failedPath string // the way there, from the struct that the walker is in

	parent reflect.Value // the struct that holds what is being checked
	sent   any           // what the input held for it; nil if unknown
	secret bool          // nothing of the value may be shown
	trail  []step        // the elements of each that the walker is in

	spared     bool // the Validate method of the value at the top is not asked
	stackKnown bool // the stack is not too deep for Validate methods
}

// full reports whether there is no room for errors of further fields.
func (w *walker) full() bool { return w.stopped || len(w.errs) >= w.limit }

// A place is where a walker is: at a field, or somewhere behind its pointers,
// interfaces and collections.
type place struct {
	field   *field // nil outside of structs
	key     string // innermost map key
	index   int    // innermost index, see in
	in      uint8  // what of key and index holds
	each    uint8  // how many elements of each we are in: so many of the trail's end
	structs uint8  // how many structs we are in
	steps   uint8  // how far we are from the last of them
}

const (
	inNothing uint8 = iota
	inList
	inDict
)

// prefix is what the path of a field begins with if its struct is at the place.
func (w *walker) prefix(at place) string {
	s := ""
	if at.field != nil {
		s = at.field.goName + "."
	}
	for _, step := range w.steps(at) {
		s += step.String() + "."
	}
	switch at.in {
	case inList:
		s += strconv.Itoa(at.index) + "."
	case inDict:
		s += w.shownKey(at.key) + "."
	}
	return s
}

// path is the path of what is at the place: of the field and, if it is inside
// of its elements, where there.
func (w *walker) path(at place) string {
	s := w.prefix(at)
	if at.field != nil {
		s = at.field.name + s[len(at.field.goName):]
	}
	return strings.TrimSuffix(s, ".")
}

// pointer is prefix in the names that encoding/json has.
func (w *walker) pointer(at place) []string {
	var p []string
	if at.field != nil && !at.field.promoted {
		p = append(p, at.field.name)
	}
	for _, step := range w.steps(at) {
		p = append(p, step.String())
	}
	switch at.in {
	case inList:
		p = append(p, strconv.Itoa(at.index))
	case inDict:
		p = append(p, w.shownKey(at.key))
	}
	return p
}

// steps are the elements of each that lie between the field and the place.
func (w *walker) steps(at place) []step { return w.trail[len(w.trail)-int(at.each):] }

// shownKey is the key of a map as it is shown: a part of its value.
func (w *walker) shownKey(key string) string {
	if w.secret {
		return hidden
	}
	return key
}

// name is the name of the field at the place.
func (at place) name() string {
	if at.field == nil {
		return ""
	}
	return at.field.name
}

// Validate is Check without a context, and without knowing what was sent.
func (p *Plan) Validate(v reflect.Value) error {
	return p.Check(context.Background(), v, nil)
}

// Check checks v, which has the type of the plan and need not be addressable.
// It returns nil, or [Errors] with all fields that were refused (but see there),
// or, if a rule of one's own could not tell, the error of that rule, wrapped
// with the path of the field. The context is for such rules. The value is not
// changed.
//
// What was sent is for tags with present: what the input held for v, as
// encoding/json would unmarshal it into an any. It is nil if that is unknown.
// See [Plan.NeedsSent].
//
// Valid structs of strings and numbers are checked without any allocation,
// save by rules that need one: url other than in its plain form, requri, requrl,
// mac, rsapub, rfc3339 with an offset, matches on a number; and matches, json and
// jwt when the memory that they keep is not enough. Values of types with a String,
// Error or Format method, maps, interfaces and each do allocate.
//
// Check panics if v is of another type.
func (p *Plan) Check(ctx context.Context, v reflect.Value, sent any) error {
	return p.check(ctx, v, sent, false)
}

// check is Check. If the value is spared, the Validate method of v itself is
// not asked.
func (p *Plan) check(ctx context.Context, v reflect.Value, sent any, spared bool) error {
	if v.Type() != p.typ {
		panic(fmt.Sprintf("validate: plan of %v used for %v", p.typ, v.Type()))
	}
	if p.root == nil {
		return nil
	}
	if p.root.passes(v, 0) {
		return nil
	}
	w := walker{validator: p.validator, ctx: ctx, sent: sent, spared: spared, limit: maxErrors}
	w.check(p.root, v, place{})
	switch {
	case w.failed != nil && w.failedPath != "":
		return fmt.Errorf("%s: %w", w.failedPath, w.failed)
	case w.failed != nil:
		return w.failed
	case len(w.errs) > 0:
		return w.errs
	}
	return nil
}

// check reports whether v is valid, as n and all below it ask.
func (w *walker) check(n *node, v reflect.Value, at place) bool {
	if n.slow {
		if n.extra != nil {
			return w.checkExtra(n.extra, n.kind, v, at)
		}
		return w.checkAbsent(n, v, at)
	}
	switch n.kind {
	case stringNode:
		s := v.String()
		if s == "" {
			return w.checkEmpty(n.tag, at, false)
		}
		return w.checkText(n.tag, text{s: s}, at)
	case intNode:
		i := v.Int()
		if i == 0 {
			return w.checkEmpty(n.tag, at, false)
		}
		var t text
		if n.spell {
			t = spellInt(i)
		}
		return w.checkNumber(n.tag, float64(i), t, v, at)
	case uintNode:
		u := v.Uint()
		if u == 0 {
			return w.checkEmpty(n.tag, at, false)
		}
		var t text
		if n.spell {
			t = spellUint(u)
		}
		return w.checkNumber(n.tag, float64(u), t, v, at)
	case floatNode:
		f := n.float(v.Float())
		if f == 0 {
			return w.checkEmpty(n.tag, at, false)
		}
		var t text
		if n.spell {
			t = spellFloat(f, n.bits)
		}
		return w.checkNumber(n.tag, f, t, v, at)
	case structNode:
		return w.checkStruct(n, v, at)
	case pointerNode:
		return w.checkPointer(n, v, at)
	case listNode:
		return w.checkList(n, v, at)
	case dictNode:
		return w.checkDict(n, v, at)
	case dynamicNode:
		return w.checkDynamic(n, v, at)
	}

	if isEmpty(v) {
		return w.checkEmpty(n.tag, at, false)
	}
	switch n.kind {
	case bytesNode, spellNode:
		switch {
		case n.tag == nil || len(n.tag.options) == 0:
			return true
		case n.kind == bytesNode:
			return w.checkText(n.tag, text{s: string(v.Bytes())}, at)
		}
		return w.checkText(n.tag, text{s: fmt.Sprint(v.Interface())}, at)
	case unfitNode:
		return w.fail(at, FieldError{Message: fmt.Sprintf("validator: unsupported type: %v", v.Type())})
	}
	return n.unfit == nil || w.failUnfit(n.unfit, v, at)
}

// isEmpty reports whether v is the zero value, or an empty slice or map.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}

// checkEmpty reports whether a value may be empty. A nil pointer is an empty
// value that may have a licence of its own.
func (w *walker) checkEmpty(g *tag, at place, nilPointer bool) bool {
	switch {
	case g == nil || nilPointer && w.validator.NilPtrAllowedByRequired:
		return true
	case g.required != nil:
		e := FieldError{Rule: "required", Message: "non zero value required"}
		if g.required.message != "" {
			e.Message, e.Custom = g.required.message, true
		}
		return w.fail(at, e)
	case w.validator.FieldsRequiredByDefault && !g.mayBeEmpty():
		return w.fail(at, FieldError{Rule: "required", Message: "Missing required field"})
	}
	return true
}

func (w *walker) checkText(g *tag, t text, at place) bool {
	if g == nil {
		return true
	}
	for i := range g.options {
		o := &g.options[i]
		if o.accepts(t) == o.negated {
			return w.failOption(o, t.str(), at)
		}
	}
	return true
}

// checkNumber checks number f, which is v and spelt t. If no option needs the
// spelling, t is empty.
func (w *walker) checkNumber(g *tag, f float64, t text, v reflect.Value, at place) bool {
	if g == nil {
		return true
	}
	for i := range g.options {
		o := &g.options[i]
		var ok bool
		if o.acceptsNumber != nil {
			ok = o.acceptsNumber(f)
		} else {
			ok = o.accepts(t)
		}
		if ok == o.negated {
			return w.failOption(o, fmt.Sprint(v.Interface()), at)
		}
	}
	return true
}

func (w *walker) checkStruct(n *node, v reflect.Value, at place) bool {
	ok := len(n.fields.fields) == 0 || w.checkFields(n.fields, v, at)
	switch {
	case n.tag == nil:
		return ok
	case v.IsZero():
		return w.checkEmpty(n.tag, at, false) && ok
	case n.unfit != nil:
		return w.failUnfit(n.unfit, v, at)
	}
	return ok
}

// checkFields checks the fields of the struct v. Their errors get the way to
// the struct put before their path.
func (w *walker) checkFields(s *structure, v reflect.Value, at place) bool {
	if at.structs == maxDepth {
		return w.failDepth(at)
	}
	mark, ok := len(w.errs), true
	parent, sent := w.parent, w.sent
	w.parent = v
	for i := range s.fields {
		f := &s.fields[i]
		fv := v.Field(f.index)
		if f.node.passes(fv, int(at.structs)+1) {
			continue
		}
		if f.exposed {
			fv = expose(v, f.index)
		}
		if sent != nil {
			w.sent = sentOf(sent, f)
		}
		if !w.check(f.node, fv, place{field: f, structs: at.structs + 1}) {
			if ok = false; w.full() {
				break
			}
		}
	}
	w.parent, w.sent = parent, sent
	if ok {
		return true
	}
	if prefix := w.prefix(at); prefix != "" {
		for i := range w.errs[mark:] {
			e := &w.errs[mark+i]
			e.Path = prefix + e.Path
			e.Pointer = append(w.pointer(at), e.Pointer...)
		}
		if w.failed != nil {
			w.failedPath = prefix + w.failedPath
		}
	}
	return false
}

// passes reports whether v is text or a number, or is made of these by structs,
// pointers and lists, that check would accept. It is check for the usual value,
// which needs to know no place because there is nothing to say about it; false
// means that check has to look. The depth is at least the number of structs that
// v is in.
func (n *node) passes(v reflect.Value, depth int) bool {
	switch {
	case depth > maxDepth:
		return false
	case n.kind == stringNode:
		return n.passesString(v.String())
	case n.kind == intNode:
		return n.passesInt(v.Int())
	case n.kind == uintNode:
		return n.passesUint(v.Uint())
	case n.kind == floatNode:
		return n.passesFloat(v.Float())
	case n.slow && n.kind != listNode:
		return false
	}
	switch n.kind {
	case structNode:
		if n.tag != nil || n.fields == nil || depth == maxDepth {
			return false
		}
		reachable := v.CanAddr()
		for i := range n.fields.fields {
			f := &n.fields.fields[i]
			if reachable && f.basic {
				if !f.passesBasic(v) {
					return false
				}
			} else if !f.node.passes(v.Field(f.index), depth+1) {
				return false
			}
		}
		return true
	case pointerNode:
		if v.IsNil() {
			return n.tag == nil
		}
		return n.elem == nil || n.elem.passes(v.Elem(), depth+1)
	case listNode:
		size := v.Len()
		sp, n := n.sizes()
		if sp == nil || !sp.takesLen(size) {
			return false
		}
		if size == 0 {
			return n.tag == nil
		}
		if n.elem == nil {
			return true
		}
		for i := range size {
			if !n.elem.passes(v.Index(i), depth+1) {
				return false
			}
		}
		return true
	}
	return false
}

// passesBasic is passes for a field of v that need not be made a reflect.Value.
func (f *field) passesBasic(v reflect.Value) bool {
	switch f.node.kind {
	case stringNode:
		return f.node.passesString(*direct.Field[string](v, f.offset))
	case intNode:
		return f.node.passesInt(int64(*direct.Field[int](v, f.offset)))
	default:
		return f.node.passesFloat(*direct.Field[float64](v, f.offset))
	}
}

// sizes returns what the sizes that n asks for leave, which is everything if there
// are none, and the node without them; nil if check has to look.
func (n *node) sizes() (*span, *node) {
	switch {
	case !n.slow:
		return everything, n
	case n.extra == nil:
		return nil, nil
	}
	return n.extra.span, n.extra.plain
}

func (n *node) passesString(s string) bool {
	sp, n := n.sizes()
	if sp == nil || !sp.takesString(s) {
		return false
	}
	if s == "" {
		return n.mayBeEmpty
	}
	if n.tag == nil {
		return true
	}
	for i := range n.tag.options {
		if o := &n.tag.options[i]; o.accepts(text{s: s}) == o.negated {
			return false
		}
	}
	return true
}

func (n *node) passesInt(i int64) bool {
	sp, n := n.sizes()
	return sp != nil && (sp.loInt <= i && i <= sp.hiInt || sp.orZero && i == 0) && n.passesNumber(float64(i))
}

func (n *node) passesUint(u uint64) bool {
	sp, n := n.sizes()
	return sp != nil && (sp.loUint <= u && u <= sp.hiUint || sp.orZero && u == 0) && n.passesNumber(float64(u))
}

func (n *node) passesFloat(f float64) bool {
	sp, n := n.sizes()
	return sp != nil && (sp.loFloat <= f && f <= sp.hiFloat || sp.orZero && f == 0) && n.passesNumber(n.float(f))
}

func (n *node) passesNumber(f float64) bool {
	if f == 0 {
		return n.mayBeEmpty
	}
	if n.tag == nil {
		return true
	}
	if n.spell {
		return false
	}
	for i := range n.tag.options {
		if o := &n.tag.options[i]; o.acceptsNumber(f) == o.negated {
			return false
		}
	}
	return true
}

// float returns a float of n as the number that its text says. A float32 is
// written with no more digits than tell it from its neighbours: 2147483648 as
// 2.1474836e+09. Below 2^24 that is never on the other side of an integer.
func (n *node) float(f float64) float64 {
	if n.bits == 32 && math.Abs(f) >= 1<<24 {
		f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'g', -1, 32), 64)
	}
	return f
}

func (w *walker) checkPointer(n *node, v reflect.Value, at place) bool {
	switch {
	case v.IsNil():
		return w.checkEmpty(n.tag, at, true)
	case n.elem == nil:
		return true
	case at.steps == maxDepth:
		return w.failDepth(at)
	}
	at.steps++
	return w.check(n.elem, v.Elem(), at)
}

// checkList checks all elements, up to the first that is refused.
func (w *walker) checkList(n *node, v reflect.Value, at place) bool {
	size := v.Len()
	switch {
	case size == 0:
		return w.checkEmpty(n.tag, at, false)
	case n.elem == nil:
		return true
	case at.steps == maxDepth:
		return w.failDepth(at)
	}
	at.in, at.steps = inList, at.steps+1
	sent := w.sent
	for at.index = range size {
		if sent != nil {
			w.sent = sentAt(sent, at.index)
		}
		if !w.check(n.elem, v.Index(at.index), at) {
			w.sent = sent
			return false
		}
	}
	w.sent = sent
	return true
}

// checkDict is checkList for maps, in the order of the keys' texts.
func (w *walker) checkDict(n *node, v reflect.Value, at place) bool {
	switch {
	case v.Len() == 0:
		return w.checkEmpty(n.tag, at, false)
	case n.elem == nil:
		return true
	case at.steps == maxDepth:
		return w.failDepth(at)
	}
	at.in, at.steps = inDict, at.steps+1
	sent := w.sent
	for _, e := range entries(v) {
		at.key = e.key
		if sent != nil {
			w.sent = sentKey(sent, e.key)
		}
		if !w.check(n.elem, e.value, at) {
			w.sent = sent
			return false
		}
	}
	w.sent = sent
	return true
}

// An entry is one of a map, with the text of its key.
type entry struct {
	key   string
	value reflect.Value
}

// entries returns the entries of the map v in the order of the keys' texts.
func entries(v reflect.Value) []entry {
	all := make([]entry, 0, v.Len())
	for iter := v.MapRange(); iter.Next(); {
		e := entry{value: iter.Value()}
		if k := iter.Key(); k.Kind() == reflect.String {
			e.key = k.String()
		} else {
			e.key = fmt.Sprint(k.Interface())
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return all
}

// checkDynamic checks what an interface holds, by a plan of its own. A nil
// interface is an empty value.
func (w *walker) checkDynamic(n *node, v reflect.Value, at place) bool {
	switch {
	case v.IsNil() && n.tag != nil && n.tag.absent:
		return w.failAbsent(at)
	case v.IsNil():
		return w.checkEmpty(n.tag, at, false)
	case at.steps == maxDepth:
		return w.failDepth(at)
	}
	held := v.Elem()
	p, err := w.validator.planFound(held.Type(), n.tag)
	switch {
	case err != nil:
		mistakes := strings.ReplaceAll(err.Error(), "\n", "; ")
		return w.fail(at, FieldError{Message: fmt.Sprintf("cannot be checked: %v: %s", held.Type(), mistakes)})
	case p.root == nil:
		return true
	}
	at.steps++
	return w.check(p.root, held, at)
}

// checkAbsent checks what a value holds whose field has no tag and is refused
// for that.
func (w *walker) checkAbsent(n *node, v reflect.Value, at place) bool {
	present := *n
	present.absent, present.slow = false, false
	w.check(&present, v, at)
	if v.Kind() == reflect.Slice && v.Len() == 0 {
		return w.checkEmpty(&tag{}, at, false) // as any list: there are no elements to lack a tag
	}
	return w.failAbsent(at)
}

// fail notes the error e of the field at the place, or of the element of each
// that it is in. Like all that begin with fail, it returns false.
func (w *walker) fail(at place, e FieldError) bool {
	if f := at.field; f != nil {
		e.Name, e.Path, e.Pointer = f.name, f.name, slices.Clip(f.pointer)
	}
	for _, step := range w.steps(at) {
		e.Path = strings.TrimPrefix(e.Path+"."+step.String(), ".")
		e.Pointer = append(e.Pointer, step.String())
	}
	w.add(e)
	return false
}

// add adds e to the errors, if there is room.
func (w *walker) add(e FieldError) {
	e.Secret = e.Secret || w.secret
	if !w.full() {
		if w.errs == nil {
			w.errs = make(Errors, 0, 4) // where one field is wrong, others often are
		}
		w.errs = append(w.errs, e)
	}
}

// hidden stands for what is secret.
const hidden = "***"

// failOption refuses value for the option.
func (w *walker) failOption(o *option, value string, at place) bool {
	named := value
	switch {
	case w.secret && o.message != "":
		value, named = "", hidden
	case w.secret:
		value, named = "", "the value"
	case value == "":
		named = "an empty value"
	}
	return w.failAs(o, value, named, at)
}

// failValue is failOption of a value of any kind. What is no text or number is
// not shown: it may hold a lot, and secrets.
func (w *walker) failValue(o *option, v reflect.Value, at place) bool {
	if value, ok := shown(v); ok || w.secret {
		return w.failOption(o, value, at)
	}
	return w.failAs(o, "", "the value", at)
}

// failAs refuses a value which is named so in the message.
func (w *walker) failAs(o *option, value, named string, at place) bool {
	return w.fail(at, FieldError{
		Rule:    o.rule,
		Params:  slices.Clip(o.params),
		Value:   value,
		Message: o.wording(named),
		Custom:  o.message != "",
	})
}

// shown returns the text of v, or of what it points at, if that is text, a
// number, a bool or a time.
func shown(v reflect.Value) (s string, ok bool) {
	for range maxDepth {
		if v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface {
			break
		}
		v = v.Elem()
	}
	switch k := v.Kind(); {
	case !v.IsValid():
		return "", true
	case v.Type() == reflect.TypeFor[string](): // as below, and quicker
		return v.String(), true
	case v.Type() == reflect.TypeFor[int]():
		return strconv.FormatInt(v.Int(), 10), true
	case isBytes(v.Type()) && !spellsItself(v.Type()):
		return string(v.Bytes()), true
	case k == reflect.String, k == reflect.Bool, isNumericKind(k), v.Type() == timeType, isBytes(v.Type()), isByteArray(v.Type()):
		return fmt.Sprint(v.Interface()), true
	}
	return "", false
}

// failLookup stops the walk: the option could not tell.
func (w *walker) failLookup(o *option, err error, at place) bool {
	w.stopped = true
	w.failed, w.failedPath = fmt.Errorf("%s could not be asked: %w", o.text, err), w.path(at)
	return false
}

// failUnfit refuses a value that an interface holds for an option that its
// type does not have. Messages of the tag's own do not replace these texts.
func (w *walker) failUnfit(o *option, v reflect.Value, at place) bool {
	e := FieldError{Rule: o.rule, Params: slices.Clip(o.params)}
	switch k := v.Kind(); {
	case k != reflect.Bool && k != reflect.Uintptr: // not with its value, which may be a struct full of secrets
		e.Message = fmt.Sprintf("The following validator is invalid or can't be applied to the field: %q", o.key())
	case o.params == nil && !w.secret:
		e.Message = fmt.Sprintf("Validator %s doesn't support kind %v for value %v", o.text, k, v)
	default:
		e.Message = fmt.Sprintf("Validator %s doesn't support kind %v", o.text, k)
	}
	return w.fail(at, e)
}

func (w *walker) failDepth(at place) bool {
	w.fail(at, FieldError{Rule: "depth", Message: fmt.Sprintf("nested more than %d deep", maxDepth)})
	w.stopped = true
	return false
}

func (w *walker) failAbsent(at place) bool {
	return w.fail(at, FieldError{Rule: "required", Message: "All fields are required to at least have one validation defined"})
}
