package validate

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// A FieldError is one field that was refused.
//
// It concerns the client's own input and may be sent back. As it quotes that
// input, whole and unescaped, it does not belong in a log as it stands.
type FieldError struct {
	// Path leads to the field: Go names of the fields that were passed
	// through, indices and map keys of their elements, and last the Name.
	//
	//	Street of struct{ Address struct{ Street string `json:"street"` } } => Address.street
	//	City of the second element of Homes                                 => Homes.1.City
	//	the second of Tags, refused by an option in each                    => Tags.1
	//
	// It is "" where there is no field, as in [Value].
	Path string

	// Pointer leads there in the names that encoding/json has, those of
	// embedded structs left out: the tokens of a JSON Pointer (RFC 6901), not
	// escaped. Of nested collections, other than by each, it has the innermost
	// index only. It is shared, and not to be changed.
	Pointer []string

	// Name is the json name of the field, or its Go name if it has none.
	Name string

	// Rule is the option that refused, without parameters but with its "!":
	// length, !alpha, required. It is "Validate" for the method of that name,
	// "depth" for a value that is nested too deeply, and "" where no option of
	// the tag is to blame.
	Rule string

	// Params are the parameters of the rule: 3 and 64 of length(3|64). They are
	// shared, and not to be changed.
	Params []string

	// Value is what was checked, in the text form that the rule has seen. It
	// is "" for an empty text and for what is secret. Of a collection it is the
	// refused element or, for min, max and len, how many there are. Structs,
	// maps and lists are not shown.
	Value string

	// Message says what is wrong, without naming the field.
	Message string

	// Secret reports that the field, or one that it is compared with, is secret:
	// Value and Message do not tell what was there.
	Secret bool

	// Custom reports whether Message is the text of the tag (alpha~text).
	Custom bool
}

// Error returns "path: message", or the message alone if the tag worded it or
// if there is no path.
func (e FieldError) Error() string {
	if e.Custom || e.Path == "" {
		return e.Message
	}
	return e.Path + ": " + e.Message
}

// hide takes out of e whatever may tell of the value.
func (e *FieldError) hide() {
	e.Value, e.Custom, e.Secret = "", false, true
	e.Message = "the value does not validate as " + cmp.Or(e.Rule, "Validate")
}

// Errors are all fields of a value that were refused, in the order of the
// fields; what lies inside a field comes before the field itself. There are at
// most 1,000, of which 100 are of elements of one each.
type Errors []FieldError

// Error returns the texts of all errors, sorted and joined by ";".
func (e Errors) Error() string {
	texts := make([]string, len(e))
	for i, f := range e {
		texts[i] = f.Error()
	}
	slices.Sort(texts)
	return strings.Join(texts, ";")
}

// Unwrap lets [errors.As] find a [FieldError].
func (e Errors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, f := range e {
		errs[i] = f
	}
	return errs
}

// ByField returns the messages by field. A field is named by its Name; where
// several of the errors have one Name, each of these is named by its Path.
//
//	City                     => City
//	Home.City and Work.City  => Home.City, Work.City
//
// Of errors that share even the path (two fields with one json name) the last
// is kept.
func (e Errors) ByField() map[string]string {
	m := make(map[string]string, len(e))
	for i := range e {
		m[e[i].Name] = e[i].Message
	}
	if len(m) == len(e) {
		return m // each under its own name
	}
	clear(m)
	count := make(map[string]int, len(e))
	for i := range e {
		count[e[i].Name]++
	}
	for i := range e {
		key := e[i].Name
		if count[key] > 1 {
			key = e[i].Path
		}
		m[key] = e[i].Message
	}
	return m
}

// ErrorsByField returns [Errors.ByField] of the Errors in err, which may be
// wrapped. If there are none, as in nil, the map is empty.
func ErrorsByField(err error) map[string]string {
	if errs, ok := errors.AsType[Errors](err); ok {
		return errs.ByField()
	}
	if e, ok := errors.AsType[FieldError](err); ok {
		return Errors{e}.ByField()
	}
	return map[string]string{}
}

// ErrorByField returns the message of one field of [ErrorsByField], or "".
func ErrorByField(err error, name string) string { return ErrorsByField(err)[name] }
