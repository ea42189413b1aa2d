package validate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gongular/gongular/internal/hint"
)

// A tag is the content of one valid tag, parsed. It is only read once made.
//
//	required,length(2|5)~too long => tag{required: …, options: […]}
type tag struct {
	text     string
	required *option
	optional bool
	options  []option // all but required and optional, in order

	// absent marks the tag of a field that has none but has to, see
	// Validator.FieldsRequiredByDefault. Nothing else is set.
	absent bool
}

// An option is one entry of a tag.
//
//	!in(a|b)~no => option{text: "in(a|b)", rule: "!in", negated: true, message: "no"}
type option struct {
	text    string // as written, without "!" and message
	rule    string // as FieldError.Rule
	negated bool
	message string // "": the usual one
	checker
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
func parseTag(s string) (*tag, []error) {
	t := &tag{text: s}
	var errs []error
	for part := range splitTag(s) {
		o, err := parseOption(part)
		switch {
		case err != nil:
			errs = append(errs, err)
		case o.text == "required":
			t.required = &o
		case o.text == "optional":
			t.optional = true
		default:
			// Of the same option twice, the last one counts.
			t.options = slices.DeleteFunc(t.options, func(p option) bool { return p.key() == o.key() })
			t.options = append(t.options, o)
		}
	}
	return t, errs
}

// splitTag yields the options of a tag: what stands between commas, without
// the white space around it, unless that leaves nothing.
//
// A comma inside parentheses divides too if what is before it is an option of
// its own, as in matches(\(),alpha. Else the option goes on to the comma at
// which all parentheses are closed: matches(^[a-z]{1,3}$) is one.
func splitTag(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for s != "" {
			part, rest, _ := strings.Cut(s, ",")
			if end := closingComma(s); end > len(part) {
				if _, err := parseOption(strings.TrimSpace(part)); err != nil {
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

// parseOption parses one entry of a tag.
func parseOption(s string) (option, error) {
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
	if o.text == "required" || o.text == "optional" {
		if o.negated {
			return o, fmt.Errorf("%q cannot be negated", o.text)
		}
		return o, nil
	}

	name, params, hasParams := strings.Cut(o.text, "(")
	o.rule = name
	if o.negated {
		o.rule = "!" + name
	}
	r, ok := rules[name]
	switch {
	case !ok:
		return o, unknown(name)
	case r.with == nil && hasParams:
		return o, fmt.Errorf("%s: %s has no parameters", o.text, name)
	case r.with == nil:
		o.accepts = r.check
		return o, nil
	case !hasParams:
		return o, fmt.Errorf("%s has parameters: %s", name, r.usage)
	}

	end := strings.LastIndexByte(params, ')')
	switch {
	case end < 0:
		return o, fmt.Errorf("%s: no closing parenthesis: %s", o.text, r.usage)
	case end < len(params)-1 && !r.tail:
		return o, fmt.Errorf("%s: %q follows the closing parenthesis: %s", o.text, params[end+1:], r.usage)
	}
	params = params[:end]
	c, err := r.with(params)
	if err != nil {
		return o, fmt.Errorf("%s: %w: %s", o.text, err, r.usage)
	}
	if c.params == nil {
		c.params = strings.Split(params, "|")
	}
	o.checker = c
	return o, nil
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

func unknown(name string) error {
	if s := hint.Nearest(name, words()); s != "" {
		return fmt.Errorf("unknown validator %q; did you mean %q?", name, s)
	}
	return fmt.Errorf("unknown validator %q", name)
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
