package inject

// What goes wrong: an Error for the field that could not be filled, a
// PanicError for user code that panicked where nobody could recover it.

import (
	"errors"
	"fmt"
	"reflect"
)

// ErrNoSuchDependency is the reason for which a field is not filled that
// nothing is provided for. Match it with [errors.Is].
var ErrNoSuchDependency = errors.New("no such dependency exists")

// An Error says which dependency could not be had, and why. It is returned as
// a value, never as a pointer. When a provider fails because of what it needs
// itself, its UnderlyingError is an Error again.
type Error struct {
	Tip             reflect.Type // the type asked for
	Key             string       // the name asked for; [DefaultName] if none was
	UnderlyingError error        // [ErrNoSuchDependency], or what the provider said
}

// Error names type, key and reason. It may quote what a provider said, and so
// is for the log, not for a client.
func (e Error) Error() string {
	return fmt.Sprintf("could not inject %v with key %q: %v", e.Tip, e.Key, e.UnderlyingError)
}

// Unwrap returns the UnderlyingError.
func (e Error) Unwrap() error { return e.UnderlyingError }

// StatusCode returns the HTTP status that the underlying error asks for with a
// StatusCode method of its own, if that is one of an error (400 to 599), and
// 500 otherwise. A provider that finds nobody logged in can so answer 401.
func (e Error) StatusCode() int {
	type coder interface {
		error
		StatusCode() int
	}
	if err, ok := errors.AsType[coder](e.UnderlyingError); ok {
		if code := err.StatusCode(); 400 <= code && code <= 599 {
			return code
		}
	}
	return 500
}

// A PanicError is a panic turned into an error, by [Session.Close], [Set.Start]
// and [Set.Stop], which go on with the others when one of many panics. A panic
// of a provider is not turned into one.
type PanicError struct {
	Value any    // what was passed to panic
	Stack []byte // of the goroutine, at the panic
}

// Error gives the value that was passed to panic, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value passed to panic if that was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
