package validate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gongular/gongular/internal/hint"
)

// A tag is the content of one valid tag, parsed. It is only read once made.
//
//	required,length(2|5)~too long,min(2) => tag{required: …, options: [length…], sizes: [min…]}
type tag struct {
	text string
	part part

	// What concerns a value, and the elements of a collection as well.
	required *option
	optional bool
	options  []option // rules about text, in order

	// What concerns the value as it is: not what a pointer points at.
	funcs []option // rules of one's own
	types []option

	// What concerns what a pointer points at, but not elements.
	sizes []option
	each  *tag // of all elements; nil if there is none

	// What concerns the field.
	present     *option
	secret      bool
	conditions  []option // required_if and the like
	comparisons []option // with other fields

	// absent marks the tag of a field that has none but has to, see
	// Validator.FieldsRequiredByDefault. Nothing else is set.
	absent bool

	behindPointer, ofElement *tag // see target and element; nil if the same

	lenient bool // of a part: the whole tag says that its value may be empty
}

// A part says what of a tag is left for something inside the field.
type part uint8

const (
	whole   part = iota
	target       // what a pointer points at
	element      // elements of a collection
	surface      // elements whose inside belongs to each
)

// An option is one entry of a tag.
//
//	!in(a|b)~no => option{text: "in(a|b)", rule: "!in", negated: true, message: "no"}
type option struct {
	text    string // as written, without "!" and message
	rule    string // as FieldError.Rule
	negated bool
	message string // "": the usual one
	role    role
	checker
	fn   Func // of a rule of one's own
	each *tag
}

// A role is what an option is about.
type role uint8

const (
	aboutText role = iota
	isRequired
	isOptional
	isFunc
	isType
	isSize
	isEach
	isPresent
	isSecret
	isCondition
	isComparison
)

// A clause is a word that is no rule about text.
type clause struct {
	role      role
	usage     string // "" if it has no parameters
	negatable bool
}

// clauses are all of these words.
var clauses = map[string]clause{
	"required": {role: isRequired},
	"optional": {role: isOptional},
	"present":  {role: isPresent},
	"secret":   {role: isSecret},

	"type": {role: isType, usage: "type(T)", negatable: true},
	"each": {role: isEach, usage: "each(option,…)"},

	"min": {role: isSize, usage: "min(n)"},
	"max": {role: isSize, usage: "max(n)"},
	"len": {role: isSize, usage: "len(n)"},

	"eqfield":  {role: isComparison, usage: "eqfield(Field)"},
	"nefield":  {role: isComparison, usage: "nefield(Field)"},
	"gtfield":  {role: isComparison, usage: "gtfield(Field)"},
	"gtefield": {role: isComparison, usage: "gtefield(Field)"},
	"ltfield":  {role: isComparison, usage: "ltfield(Field)"},
	"ltefield": {role: isComparison, usage: "ltefield(Field)"},

	"required_if":      {role: isCondition, usage: "required_if(Field|value|…)"},
	"required_unless":  {role: isCondition, usage: "required_unless(Field|value|…)"},
	"required_with":    {role: isCondition, usage: "required_with(Field|…)"},
	"required_without": {role: isCondition, usage: "required_without(Field|…)"},
}

// aliases are rules under another name, which their texts show.
var aliases = map[string]rule{
	"oneof": {usage: "oneof(a|b|…)", with: withIn},
}

// key is what makes two options the same.
func (o option) key() string {
	if o.negated {
		return "!" + o.text
	}
	return o.text
}

// parseTag parses a tag that is neither empty nor "-". It returns all mistakes
// in it, each naming the option.
func (v *Validator) parseTag(s string) (*tag, []error) { return v.parseTagIn(s, 0) }

// parseTagIn is parseTag inside of some number of each.
func (v *Validator) parseTagIn(s string, depth int) (*tag, []error) {
	t := &tag{text: s}
	var mistakes []error
	for part := range v.splitTag(s, depth) {
		o, errs := v.parseOption(part, depth)
		if len(errs) > 0 {
			mistakes = append(mistakes, errs...)
			continue
		}
		t.add(o)
	}
	t.derive()
	return t, mistakes
}

// add adds an option. Of the same option twice, the last one counts.
func (g *tag) add(o option) {
	var list *[]option
	switch o.role {
	case isRequired:
		g.required = &o
		return
	case isOptional:
		g.optional = true
		return
	case isPresent:
		g.present = &o
		return
	case isSecret:
		g.secret = true
		return
	case isEach:
		g.each = o.each
		return
	case isFunc:
		list = &g.funcs
	case isType:
		list = &g.types
	case isSize:
		list = &g.sizes
	case isCondition:
		list = &g.conditions
	case isComparison:
		list = &g.comparisons
	default:
		list = &g.options
	}
	*list = slices.DeleteFunc(*list, func(p option) bool { return p.key() == o.key() })
	*list = append(*list, o)
}

// ofField reports whether anything in the tag concerns a field, and so cannot
// be said of an element.
func (g *tag) ofField() bool {
	return g.present != nil || g.secret || len(g.conditions) > 0 || len(g.comparisons) > 0
}

// extends reports whether the tag has anything that govalidator does not, or
// only for whole values.
func (g *tag) extends() bool {
	return g.ofField() || len(g.funcs) > 0 || len(g.types) > 0 || len(g.sizes) > 0 || g.each != nil
}

// isBare reports whether all that the tag says is what extends asks about.
func (g *tag) isBare() bool {
	return g.required == nil && !g.optional && len(g.options) == 0 && g.extends()
}

// mayBeEmpty reports whether the tag lets empty values pass, even if those of
// fields are required by default.
func (g *tag) mayBeEmpty() bool {
	return g.required == nil && (g.optional || g.lenient || g.present != nil || len(g.conditions) > 0)
}

// target returns what of the tag concerns the value that a pointer points at.
func (g *tag) target() *tag {
	if g.behindPointer == nil {
		return g
	}
	return g.behindPointer
}

// element returns what of the tag concerns the elements of a collection.
func (g *tag) element() *tag {
	if g.ofElement == nil {
		return g
	}
	return g.ofElement
}

// derive makes the parts of a tag that has been parsed.
func (g *tag) derive() {
	if !g.extends() {
		return
	}
	g.ofElement = &tag{text: g.text, part: element, required: g.required, optional: g.optional, options: g.options, lenient: g.mayBeEmpty()}
	if g.each != nil {
		g.ofElement.part = surface
	}
	behind := *g.ofElement
	behind.part, behind.ofElement, behind.sizes, behind.each = target, g.ofElement, g.sizes, g.each
	g.behindPointer = &behind
}

// splitTag yields the options of a tag: what stands between commas, without
// the white space around it, unless that leaves nothing.
//
// A comma inside parentheses divides too if what is before it is an option of
// its own, as in matches(\(),alpha. Else the option goes on to the comma at
// which all parentheses are closed: matches(^[a-z]{1,3}$) is one.
func (v *Validator) splitTag(s string, depth int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for s != "" {
			part, rest, _ := strings.Cut(s, ",")
			if end := closingComma(s); end > len(part) {
				if _, errs := v.parseOption(strings.TrimSpace(part), depth); len(errs) > 0 {
					part, rest = s[:end], s[min(end+1, len(s)):]
				}
			}
			if part = strings.TrimSpace(part); part != "" && !yield(part) {
				return
			}
			s = rest
		}
	}
}

// closingComma returns the index of the first comma of s, or its end, before
// which there are as many ")" as "(". If there is none, it returns -1. What
// follows a "~" outside parentheses is a message: there each comma will do.
func closingComma(s string) int {
	depth, message := 0, false
	for i := range len(s) {
		switch c := s[i]; {
		case c == ',' && (depth == 0 || message):
			return i
		case c == '~' && depth == 0:
			message = true
		case c == '(' && !message:
			depth++
		case c == ')' && !message:
			depth--
		}
	}
	if depth == 0 {
		return len(s)
	}
	return -1
}

// parseOption parses one entry of a tag, which stands inside of some number
// of each.
func (v *Validator) parseOption(s string, depth int) (option, []error) {
	if inner, ok := strings.CutPrefix(s, "each("); ok {
		return v.parseEach(s, inner, depth)
	}
	o, err := v.parsePlainOption(s)
	switch {
	case err != nil:
		return o, []error{err}
	case depth > 0 && o.role >= isPresent:
		return o, []error{fmt.Errorf("%s concerns a field, not the elements in it", o.text)}
	}
	return o, nil
}

// parseEach parses each(inner, which stands inside of depth others. Commas,
// messages and "!" in the parentheses belong to the options there.
func (v *Validator) parseEach(s, inner string, depth int) (option, []error) {
	o := option{text: s, rule: "each", role: isEach}
	usage := clauses["each"].usage
	end := strings.LastIndexByte(inner, ')')
	switch {
	case end < 0:
		return o, []error{fmt.Errorf("%s: no closing parenthesis: %s", s, usage)}
	case end < len(inner)-1 && inner[end+1] == '~':
		return o, []error{fmt.Errorf("%s: each has no message; those of its options stand in the parentheses", s)}
	case end < len(inner)-1:
		return o, []error{fmt.Errorf("%s: %q follows the closing parenthesis: %s", s, inner[end+1:], usage)}
	case depth == maxDepth:
		return o, []error{fmt.Errorf("each is nested more than %d deep", maxDepth)}
	case strings.Trim(inner[:end], ", ") == "":
		return o, []error{fmt.Errorf("%s: want an option: %s", s, usage)}
	}
	var errs []error
	o.each, errs = v.parseTagIn(inner[:end], depth+1)
	for i, err := range errs {
		errs[i] = fmt.Errorf("each: %w", err)
	}
	return o, errs
}

// parsePlainOption parses an entry that has no others in it.
func (v *Validator) parsePlainOption(s string) (option, error) {
	parts := strings.Split(s, "~")
	o := option{text: parts[0], rule: parts[0]}
	if len(parts) == 2 { // with two "~" there is no message
		o.message = parts[1]
	}
	if o.text == "" {
		return o, fmt.Errorf("no validator before the message %q", o.message)
	}
	if i := strings.IndexFunc(o.text, isForbidden); i >= 0 {
		r, _ := utf8.DecodeRuneInString(o.text[i:])
		return o, fmt.Errorf("%q: %q cannot be part of an option", o.text, r)
	}
	if o.text == "-" {
		return o, errors.New(`"-" has to be the whole tag`)
	}

	o.text, o.negated = strings.CutPrefix(o.text, "!")
	name, params, hasParams := strings.Cut(o.text, "(")
	o.rule = name
	if o.negated {
		o.rule = "!" + name
	}
	w, ok := v.word(name)
	o.role = w.role
	switch {
	case !ok:
		return o, v.unknown(name)
	case o.negated && !w.negatable:
		return o, fmt.Errorf("%q cannot be negated", name)
	case w.role == isSecret && o.message != "":
		return o, fmt.Errorf("%s has no message", name)
	case w.usage == "" && hasParams:
		return o, fmt.Errorf("%s: %s has no parameters", o.text, name)
	case w.usage == "":
		o.fn, o.accepts = w.fn, w.check
		return o, nil
	case !hasParams:
		return o, fmt.Errorf("%s has parameters: %s", name, w.usage)
	}

	end := strings.LastIndexByte(params, ')')
	switch {
	case end < 0:
		return o, fmt.Errorf("%s: no closing parenthesis: %s", o.text, w.usage)
	case end < len(params)-1 && !w.tail:
		return o, fmt.Errorf("%s: %q follows the closing parenthesis: %s", o.text, params[end+1:], w.usage)
	}
	params = params[:end]
	var err error
	switch {
	case w.with != nil:
		o.checker, err = w.with(params)
	case w.fnWith != nil:
		o.fn, err = w.fnWith(strings.Split(params, "|"))
	default:
		o.params, err = readParams(o.role, name, params)
	}
	if err != nil {
		return o, fmt.Errorf("%s: %w: %s", o.text, err, w.usage)
	}
	if o.params == nil {
		o.params = strings.Split(params, "|")
	}
	return o, nil
}

// A word is what a name at the beginning of an option stands for.
type word struct {
	rule // about text
	clause
	usage  string
	fn     Func                                // of one's own, without parameters
	fnWith func(params []string) (Func, error) // with parameters
}

// word finds a name: a rule, a clause, or a rule of the validator's own.
func (v *Validator) word(name string) (word, bool) {
	if c, ok := clauses[name]; ok {
		return word{clause: c, usage: c.usage}, true
	}
	r, ok := rules[name]
	if !ok {
		r, ok = aliases[name]
	}
	if ok {
		return word{rule: r, clause: clause{negatable: true}, usage: r.usage}, true
	}
	w, ok := v.own[name]
	return w, ok
}

// readParams reads the parameters of a clause, as far as they do not depend on
// the type of the field.
func readParams(r role, name, params string) ([]string, error) {
	list := strings.Split(params, "|")
	switch r {
	case isType:
		if params = withoutSpaces(params); params == "" {
			return nil, errors.New("want the type as Go writes it")
		}
		return []string{params}, nil
	case isSize:
		if len(list) != 1 || !isNumber(params) && !isDuration(params) {
			return nil, errors.New("want a number")
		}
	case isComparison:
		if len(list) != 1 || params == "" {
			return nil, errors.New("want the name of a field")
		}
	case isCondition:
		hasValues := name == "required_if" || name == "required_unless"
		switch {
		case list[0] == "":
			return nil, errors.New("want the name of a field")
		case hasValues && len(list) == 1:
			return nil, errors.New("want a value")
		}
	}
	return list, nil
}

// isForbidden reports whether r is neither printable ASCII nor a letter or
// digit of some script. Of ASCII, ";" and the back quote are forbidden as
// well: where they stand, govalidator drops the option without a word.
func isForbidden(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r > '~' || r == ';' || r == '`'
	}
	return !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

func (v *Validator) unknown(name string) error {
	if s := hint.Nearest(name, v.words()); s != "" {
		return fmt.Errorf("unknown validator %q; did you mean %q?", name, s)
	}
	return fmt.Errorf("unknown validator %q", name)
}

// words returns all words that a tag of the validator may hold, sorted.
func (v *Validator) words() []string {
	all := words()
	all = slices.AppendSeq(all, maps.Keys(clauses))
	all = slices.AppendSeq(all, maps.Keys(aliases))
	all = slices.AppendSeq(all, maps.Keys(v.own))
	slices.Sort(all)
	return slices.Compact(all)
}

// wording returns the message for a value that the option refused. In a
// message of the tag's own the first %s is the value, the second the option;
// any other % is left as it is.
func (o *option) wording(value string) string {
	switch {
	case o.message != "":
		before, after, ok := strings.Cut(o.message, "%s")
		if !ok {
			return o.message
		}
		return before + value + strings.Replace(after, "%s", o.text, 1)
	case o.negated:
		return value + " does validate as " + o.text
	}
	return value + " does not validate as " + o.text
}
