package inject

// Providers that are functions of any shape: what they take, what they return.

import (
	"context"
	"errors"
	"fmt"
	"reflect"
)

// A Scope says how often a provider is asked.
type Scope uint8

const (
	// PerRequest asks the provider on first need and shares the result with
	// all who need it in the same request. An error is shared as well.
	PerRequest Scope = iota
	// PerUse asks the provider for every field and parameter.
	PerUse
	// Singleton asks the provider on first need and shares the result with all
	// requests until [Set.Stop]. An error is not remembered: who needs the
	// value next asks again.
	Singleton
)

// String returns the scope in words, for messages.
func (s Scope) String() string {
	switch s {
	case PerRequest:
		return "per request"
	case PerUse:
		return "per use"
	case Singleton:
		return "as a singleton"
	}
	return fmt.Sprintf("Scope(%d)", uint8(s))
}

// A param is one parameter of a provider.
//
//	func(c *Context, ctx context.Context, db *sql.DB) => {scopeParam}, {contextParam}, {dependencyParam, *sql.DB}
type param struct {
	kind paramKind
	typ  reflect.Type
}

type paramKind uint8

const (
	dependencyParam paramKind = iota
	scopeParam
	contextParam
)

// made is what a call of a provider gave.
type made struct {
	value   reflect.Value
	cleanup func(outcome error) error // nil if there is nothing to clean up
}

var (
	errorType   = reflect.TypeFor[error]()
	contextType = reflect.TypeFor[context.Context]()
)

// funcProvider returns the provider, as yet without a name, that calls fn.
func funcProvider[C any](fn any, scope Scope) (*provider[C], error) {
	f := reflect.ValueOf(fn)
	if f.Kind() != reflect.Func {
		return nil, errShape("it is not a function")
	}
	t := f.Type()
	if f.IsNil() {
		return nil, errShape("it is nil")
	}
	params, err := funcParams[C](t, scope)
	if err != nil {
		return nil, err
	}
	cleanup, fails, err := funcResults(t)
	if err != nil {
		return nil, err
	}
	call := func(_ C, args []reflect.Value) (made, error) {
		out := f.Call(args)
		if fails {
			if err, _ := out[len(out)-1].Interface().(error); err != nil {
				return made{}, err
			}
		}
		m := made{value: out[0]}
		if cleanup != nil && !out[1].IsNil() {
			m.cleanup = cleanup(out[1])
		}
		return m, nil
	}
	return &provider[C]{key: key{typ: t.Out(0)}, scope: scope, params: params, call: call}, nil
}

// funcParams returns what a function of type t takes.
func funcParams[C any](t reflect.Type, scope Scope) ([]param, error) {
	if t.IsVariadic() {
		return nil, errShape("it is variadic")
	}
	params := make([]param, t.NumIn())
	for i := range params {
		params[i].typ = t.In(i)
		switch t.In(i) {
		case reflect.TypeFor[C]():
			if scope == Singleton {
				return nil, fmt.Errorf("a singleton cannot take a %v, which it would outlive", t.In(i))
			}
			params[i].kind = scopeParam
		case contextType:
			params[i].kind = contextParam
		}
	}
	return params, nil
}

// funcResults returns what a function of type t returns beside its value: how
// its second result becomes a cleanup, nil if it is none, and whether its last
// is an error.
func funcResults(t reflect.Type) (cleanup cleanupMaker, fails bool, err error) {
	n := t.NumOut()
	switch {
	case n == 0:
		return nil, false, errShape("it returns nothing")
	case t.Out(0) == errorType:
		return nil, false, errShape("its first result is an error, not a value")
	}
	rest := n - 1
	if rest > 0 && t.Out(n-1) == errorType {
		fails = true
		rest--
	}
	switch rest {
	case 0:
		return nil, fails, nil
	case 1:
		if cleanup = cleanupMakerFor(t.Out(1)); cleanup != nil {
			return cleanup, fails, nil
		}
		return nil, false, errShape(fmt.Sprintf("its result %v is neither a cleanup nor an error", t.Out(1)))
	}
	return nil, false, errShape("it returns too much")
}

// A cleanupMaker gives a function its general form.
type cleanupMaker func(fn reflect.Value) func(error) error

// cleanupMakerFor returns the maker for functions of type t, which may be a
// named one such as context.CancelFunc, or nil if they cannot be cleanups.
func cleanupMakerFor(t reflect.Type) cleanupMaker {
	switch {
	case t.ConvertibleTo(reflect.TypeFor[func(error) error]()):
		return func(fn reflect.Value) func(error) error {
			return convert[func(error) error](fn)
		}
	case t.ConvertibleTo(reflect.TypeFor[func(error)]()):
		return func(fn reflect.Value) func(error) error {
			f := convert[func(error)](fn)
			return func(outcome error) error { f(outcome); return nil }
		}
	case t.ConvertibleTo(reflect.TypeFor[func() error]()):
		return func(fn reflect.Value) func(error) error {
			f := convert[func() error](fn)
			return func(error) error { return f() }
		}
	case t.ConvertibleTo(reflect.TypeFor[func()]()):
		return func(fn reflect.Value) func(error) error {
			f := convert[func()](fn)
			return func(error) error { f(); return nil }
		}
	}
	return nil
}

func convert[F any](v reflect.Value) F {
	return v.Convert(reflect.TypeFor[F]()).Interface().(F)
}

// errShape returns an error that says what is wrong with a function, and what
// is wanted.
func errShape(what string) error {
	return errors.New(what + "; want func(needs…) (T [, cleanup] [, error])," +
		" where a cleanup is a func(error) error, func(error), func() error or func()")
}
