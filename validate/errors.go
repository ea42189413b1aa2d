package validate

import (
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
	//
	// It is "" where there is no field, as in [Value].
	Path string

	// Pointer leads there in the names that encoding/json has, those of
	// embedded structs left out: the tokens of a JSON Pointer (RFC 6901), not
	// escaped. Of nested collections it has the innermost index only.
	Pointer []string

	// Name is the json name of the field, or its Go name if it has none.
	Name string

	// Rule is the option that refused, without parameters but with its "!":
	// length, !alpha, required. It is "depth" for a value that is nested too
	// deeply, and "" where no option of the tag is to blame.
	Rule string

	// Params are the parameters of the rule: 3 and 64 of length(3|64).
	Params []string

	// Value is what was checked, in the text form that the rule has seen. It
	// is "" for an empty value. Of a collection it is the refused element.
	Value string

	// Message says what is wrong, without naming the field.
	Message string

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

// Errors are all fields of a value that were refused, in the order of the
// fields; what lies inside a field comes before the field itself.
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
	count := make(map[string]int, len(e))
	for _, f := range e {
		count[f.Name]++
	}
	m := make(map[string]string, len(e))
	for _, f := range e {
		key := f.Name
		if count[key] > 1 {
			key = f.Path
		}
		m[key] = f.Message
	}
	return m
}
