package inject

// The one store: what is provided, by type and name.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// DefaultName is the name of what is provided, or asked for, without one. An
// empty name means the same.
const DefaultName = "default"

// A Set holds what can be injected. C is the scope that providers are called
// with, such as a request.
//
// The zero value is an empty Set, ready for use. A Set is safe for concurrent
// use; whoever reads it never waits for whoever provides to it. It must not be
// copied.
type Set[C any] struct {
	// Context returns the context.Context that a provider given to [Set.Func]
	// receives, if it takes one. If nil, it is context.Background(). It must
	// not be changed once the Set is in use.
	Context func(C) context.Context

	mu      sync.Mutex // held by who provides
	current atomic.Pointer[state[C]]

	life life[C]
}

// A key is what a dependency is asked for by.
//
//	DB  *sql.DB               => key{*sql.DB, "default"}
//	DB  *sql.DB `inject:"db"` => key{*sql.DB, "db"}
//	Unsafe("db", …)           => key{nil, "db"}
type key struct {
	typ  reflect.Type // nil for the value of Unsafe, which goes by its name only
	name string
}

// A provider gives what is asked for under one key: a constant, or what a call
// returns.
type provider[C any] struct {
	key   key
	value reflect.Value // the constant; of key.typ, if there is one

	// The rest is for a call only; call is nil for a constant.
	scope  Scope
	params []param
	call   func(c C, args []reflect.Value) (made, error)
	single singleton
}

// A state is all that a Set holds at one version. It is only read once the Set
// points to it, and so needs no lock.
type state[C any] struct {
	version   uint64
	providers map[key]*provider[C]
	order     []*provider[C] // as provided; who replaces another comes last

	linkOnce sync.Once
	linked   *graph[C]
}

// Version returns a number that grows with every change of what is provided.
// A [Bound] of an older version should be made anew.
func (s *Set[C]) Version() uint64 {
	if st := s.current.Load(); st != nil {
		return st.version
	}
	return 0
}

// Value provides v for fields of exactly its dynamic type. Of two values for
// one type and name the last one counts. A nil without a type is refused; a nil
// pointer is a value like any other.
func (s *Set[C]) Value(name string, v any) error {
	if v == nil {
		return errNil
	}
	return s.put(name, &provider[C]{key: key{typ: reflect.TypeOf(v)}, value: reflect.ValueOf(v)})
}

// ValueAs provides v for fields of exactly type t, which v must be assignable
// to: an interface that v implements, usually. It is otherwise like [Set.Value].
func (s *Set[C]) ValueAs(t reflect.Type, name string, v any) error {
	switch {
	case t == nil:
		return errNoType
	case v == nil:
		return errNil
	}
	from := reflect.ValueOf(v)
	if !from.Type().AssignableTo(t) {
		if t.Kind() == reflect.Interface {
			return fmt.Errorf("cannot provide %v as %v: it does not implement it", from.Type(), t)
		}
		return fmt.Errorf("cannot provide %v as %v: it is not assignable", from.Type(), t)
	}
	value := reflect.New(t).Elem()
	value.Set(from)
	return s.put(name, &provider[C]{key: key{typ: t}, value: value})
}

// Unsafe provides v by its name alone, for fields of any type that it is
// assignable to. That it is assignable cannot be known here: [Bound.Missing]
// tells. A second value for one name is refused, and so is nil.
//
// Under [DefaultName], v is there for untagged fields, and those that it does
// not fit are filled as if it were not there.
func (s *Set[C]) Unsafe(name string, v any) error {
	if v == nil {
		return errNil
	}
	return s.put(name, &provider[C]{value: reflect.ValueOf(v)})
}

// Custom provides for fields of exactly type t what fn returns, asking it at
// most once per request ([PerRequest]).
//
// A nil result is the zero value of t if t can be nil. Another result that is
// not assignable to t, and any error, fails the request with an [Error]. A
// panic of fn is left to the caller of [Bound.Inject].
func (s *Set[C]) Custom(t reflect.Type, name string, fn func(C) (any, error)) error {
	switch {
	case t == nil:
		return errNoType
	case fn == nil:
		return fmt.Errorf("cannot provide %v by a nil function", t)
	}
	zero := reflect.Zero(t)
	call := func(c C, _ []reflect.Value) (made, error) {
		result, err := fn(c)
		if err != nil {
			return made{}, err
		}
		v := reflect.ValueOf(result)
		switch {
		case !v.IsValid() && canBeNil(t):
			v = zero
		case !v.IsValid():
			return made{}, fmt.Errorf("the provider returned nil, which %v cannot be", t)
		case v.Type() != t && !v.Type().AssignableTo(t):
			return made{}, fmt.Errorf("the provider returned %v, which is not assignable to %v", v.Type(), t)
		}
		return made{value: v}, nil
	}
	return s.put(name, &provider[C]{key: key{typ: t}, scope: PerRequest, call: call})
}

// Func provides for fields of exactly type T what fn returns. fn is of the form
//
//	func(needs…) (T [, cleanup] [, error])
//
// Each parameter is of type C, or a context.Context (see the field Context of
// [Set]), or of the type of another dependency, which is looked up as for an
// untagged field. [Set.Check] tells whether all are there.
//
// The cleanup is a func(error) error, func(error), func() error or func(), and
// may be nil. It runs in [Session.Close] and is given the outcome of the
// request; for a [Singleton] in [Set.Stop]. When fn returns an error, its other
// results are ignored.
//
// A Singleton must not take a C, which it would outlive, and its context is
// context.Background().
func (s *Set[C]) Func(fn any, name string, scope Scope) error {
	if scope > Singleton {
		return fmt.Errorf("unknown scope %d", scope)
	}
	p, err := funcProvider[C](fn, scope)
	if err != nil {
		return fmt.Errorf("cannot provide by %T: %w", fn, err)
	}
	return s.put(name, p)
}

var (
	errNil    = errors.New("cannot provide nil: it has no type")
	errNoType = errors.New("cannot provide for a nil type")
)

// put adds p under the given name, in a new state with the next version.
func (s *Set[C]) put(name string, p *provider[C]) error {
	name, err := checkName(name)
	if err != nil {
		return err
	}
	p.key.name = name

	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.state()
	replaced := old.providers[p.key]
	if replaced != nil && p.key.typ == nil {
		return fmt.Errorf("key %q already has an unsafe value, of type %v", name, replaced.value.Type())
	}
	next := &state[C]{version: old.version + 1, providers: maps.Clone(old.providers)}
	if next.providers == nil {
		next.providers = make(map[key]*provider[C])
	}
	next.providers[p.key] = p
	next.order = make([]*provider[C], 0, len(old.order)+1)
	for _, o := range old.order {
		if o != replaced {
			next.order = append(next.order, o)
		}
	}
	next.order = append(next.order, p)
	s.current.Store(next)
	return nil
}

// state returns what is provided now.
func (s *Set[C]) state() *state[C] {
	if st := s.current.Load(); st != nil {
		return st
	}
	return new(state[C])
}

// find returns who provides for a field of type t and the given name. The error
// is ErrNoSuchDependency itself, or says why what there is does not fit.
func (st *state[C]) find(t reflect.Type, name string) (*provider[C], error) {
	if p := st.providers[key{t, name}]; p != nil {
		return p, nil
	}
	p := st.providers[key{nil, name}]
	switch {
	case p == nil:
		return nil, ErrNoSuchDependency
	case p.value.Type().AssignableTo(t):
		return p, nil
	case name == DefaultName: // meant for other untagged fields
		return nil, ErrNoSuchDependency
	}
	return nil, fmt.Errorf("the unsafe value is of type %v, which is not assignable to %v", p.value.Type(), t)
}

// checkName returns the name that is meant by the given one, or an error if no
// tag could ask for it.
func checkName(name string) (string, error) {
	switch {
	case name == "":
		return DefaultName, nil
	case name == "-" || strings.Contains(name, ","):
		return "", fmt.Errorf("cannot provide under the name %q: no tag can ask for it", name)
	}
	return name, nil
}

// canBeNil reports whether nil is a value of type t.
func canBeNil(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.Interface, reflect.Map,
		reflect.Pointer, reflect.Slice, reflect.UnsafePointer:
		return true
	}
	return false
}

// String returns the type, and the name unless it is the default, for messages.
func (k key) String() string {
	switch {
	case k.typ == nil:
		return fmt.Sprintf("unsafe %q", k.name)
	case k.name == DefaultName:
		return k.typ.String()
	}
	return fmt.Sprintf("%v with key %q", k.typ, k.name)
}

// compareKeys orders keys by their text.
func compareKeys(a, b key) int { return cmp.Compare(a.String(), b.String()) }

// sortedKeys returns the keys of all that is provided, in the order of their text.
func (st *state[C]) sortedKeys() []key {
	return slices.SortedFunc(maps.Keys(st.providers), compareKeys)
}
