package gongular

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/gongular/gongular/bind"
	"github.com/gongular/gongular/inject"
)

// What a program gives an engine beside routes: dependencies, and ways to read
// types and bodies that it does not know.

// Convert makes fields of type T bindable: by convert, from the text of a path,
// query, header, cookie or form. Its error is shown to the client. It must be
// called before the handlers that have such fields are registered, and panics
// if T has a converter already.
func Convert[T any](e *Engine, convert func(string) (T, error)) {
	t := reflect.TypeFor[T]()
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.convert[t]; ok || convert == nil {
		reason := "has a converter already"
		if convert == nil {
			reason = "a nil converter"
		}
		panic(&setupError{callerLocation(), fmt.Sprintf("Convert of %v", t), errors.New(reason)})
	}
	converters := bind.Converters{t: func(s string) (any, error) { return convert(s) }}
	for t, c := range e.convert {
		converters[t] = c
	}
	e.convert = converters
}

func (e *Engine) converters() bind.Converters {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.convert
}

// Decode makes bodies of a media type decodable into a handler's Body, as in
// Decode("application/xml", xml.Unmarshal), beside JSON. The function's errors
// are shown to the client; it must not keep the bytes it is given. Decode panics
// if the type is malformed or has a decoder already.
func (e *Engine) Decode(mediaType string, decode func(data []byte, v any) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	kind, sub, ok := strings.Cut(mediaType, "/")
	_, twice := e.decoders[mediaType]
	var err error
	switch {
	case !ok || !validToken(kind) || !validToken(sub) || mediaType != strings.ToLower(mediaType):
		err = errors.New("not a media type in lower case, as in application/xml")
	case twice:
		err = errors.New("has a decoder already")
	case decode == nil:
		err = errors.New("a nil decoder")
	}
	if err != nil {
		panic(&setupError{callerLocation(), fmt.Sprintf("Decode of %q", mediaType), err})
	}
	decoders := map[string]bind.Decoder{mediaType: decode}
	for t, d := range e.decoders {
		decoders[t] = d
	}
	e.decoders = decoders
	e.generation.Add(1)
}

// Provide provides a value for all fields of its type that have no inject tag.
// Providing another of the type replaces it.
func (e *Engine) Provide(value any) {
	e.provided("Provide", e.set.Value(inject.DefaultName, value))
}

// ProvideWithKey provides a value for the fields of its type that are tagged
// inject:"key".
func (e *Engine) ProvideWithKey(key string, value any) {
	e.provided("ProvideWithKey", e.set.Value(key, value))
}

// ProvideUnsafe provides a value for all fields that are tagged inject:"key"
// and that it can be assigned to, interfaces among them. It panics if the key
// has a value already. [ProvideAs] does the same with the compiler's help.
func (e *Engine) ProvideUnsafe(key string, value any) {
	e.provided("ProvideUnsafe", e.set.Unsafe(key, value))
}

// CustomProvide provides what fn returns for the fields of value's type without
// an inject tag. It is called for a request when the first handler needs it, and
// once.
func (e *Engine) CustomProvide(value any, fn CustomProvideFunction) {
	e.CustomProvideWithKey(inject.DefaultName, value, fn)
}

// CustomProvideWithKey does the same for the fields that are tagged inject:"key".
func (e *Engine) CustomProvideWithKey(key string, value any, fn CustomProvideFunction) {
	if value == nil {
		e.provided("CustomProvide", errors.New("a nil value has no type; give one of the type that is provided"))
	}
	e.provided("CustomProvide", e.set.Custom(reflect.TypeOf(value), key, fn))
}

// A CustomProvideFunction makes a value for a request. An error of it that has a
// StatusCode decides the answer's status, any other is a 500.
type CustomProvideFunction func(c *Context) (any, error)

// ProvideAs provides a value for fields of type T, which may be an interface
// that the value implements; the name, of which at most one may be given, is
// that of the fields' inject tag.
func ProvideAs[T any](e *Engine, value T, name ...string) {
	e.provided("ProvideAs", e.set.ValueAs(reflect.TypeFor[T](), oneName(name), value))
}

func oneName(name []string) string {
	if len(name) == 0 {
		return inject.DefaultName
	}
	return name[0]
}

// Provider says how a function given to [Engine.ProvideFunc] is called.
type Provider struct {
	// Key is that of the fields' inject tag; the default is that of fields without one.
	Key string
	// Scope says how often it is called: PerRequest (the default), PerUse or Singleton.
	Scope Scope
}

// A Scope says how long what a provider returns is used.
type Scope = inject.Scope

// The scopes of a [Provider].
const (
	// PerRequest asks once for a request, when it is first needed.
	PerRequest = inject.PerRequest
	// PerUse asks for every field.
	PerUse = inject.PerUse
	// Singleton asks once for the life of the engine.
	Singleton = inject.Singleton
)

// ProvideFunc provides what fn returns. Its parameters are dependencies in
// their turn, or a *Context or context.Context of the request; its results are
// the value, and optionally a cleanup and an error, in this order:
//
//	func(c *gongular.Context, db *sql.DB) (*sql.Tx, func(error) error, error)
//
// The cleanup runs after the answer was written, the last one first, with the
// error that ended the chain, or nil: to commit or roll back. Its own error is
// logged. ProvideFunc panics if fn is of another shape; dependencies that are
// missing or go in a circle are found by Check.
func (e *Engine) ProvideFunc(fn any, how ...Provider) {
	var p Provider
	var err error
	if len(how) == 1 {
		p = how[0]
	} else if len(how) > 1 {
		err = errors.New("more than one Provider")
	}
	if p.Key == "" {
		p.Key = inject.DefaultName
	}
	if err == nil {
		err = e.set.Func(fn, p.Key, p.Scope)
	}
	e.provided("ProvideFunc", err)
}

func (e *Engine) provided(how string, err error) {
	if err != nil {
		panic(&setupError{callerLocation(), how, err})
	}
}

// Check reports all that is missing for the registered routes and calls, joined in
// one error: dependencies that nobody provides, and providers that lack one, go in
// a circle or cannot have the scope they have. Run it in a test, or rely on
// ListenAndServe and Serve, which call it.
func (e *Engine) Check() error {
	e.mu.Lock()
	routes := slices.Concat(e.routes, e.calls)
	e.mu.Unlock()
	var errs []error
	seen := map[*plan]bool{}
	for _, rt := range routes {
		for _, p := range rt.plans {
			if p.shared != nil || seen[p] {
				continue
			}
			seen[p] = true
			for _, err := range p.resolve().Missing() {
				errs = append(errs, &setupError{rt.location, rt.subject(), fmt.Errorf("%s: %w", p.name, err)})
			}
		}
	}
	for _, p := range []*plan{e.notFound.Load(), e.notAllowed.Load()} {
		if p == nil || p.shared != nil {
			continue
		}
		for _, err := range p.resolve().Missing() {
			errs = append(errs, fmt.Errorf("gongular: the handler of what is not found: %s: %w", p.name, err))
		}
	}
	if err := e.set.Check(); err != nil {
		errs = append(errs, prefixed("gongular: ", err))
	}
	return errors.Join(errs...)
}
