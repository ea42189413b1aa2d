package bind

import (
	"errors"
	"reflect"
	"strings"
)

// A field whose valid tag says secret is not quoted in what is said about it, nor
// in the errors that are wrapped.

// hiding returns err, which is about value s of field f, without s if f is secret.
func (f *field) hiding(err error, s string) error {
	if !f.secret || s == "" {
		return err
	}
	reason := strings.ReplaceAll(err.Error(), quote(s), "the value")
	if strings.Contains(reason, s) {
		reason = "the value cannot be read"
	}
	return errors.New(reason)
}

// errHidden stands for an error about a body with secret fields that does not say
// which field it is about.
var errHidden = errors.New("a value does not fit its field")

// A secretError is what is said of a value in a body that is not of type t.
type secretError struct{ t reflect.Type }

func (e secretError) Error() string { return "expected " + kindName(e.t) }
