package inject

// Asking providers, on behalf of one request or for all of them.

import (
	"context"
	"errors"
	"reflect"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// A Session is what one request was given: the results that its handlers
// share, and the cleanups that are due when it is over. The zero value is ready
// for use. It must not be copied, nor used by two goroutines at once.
type Session[C any] struct {
	results  []result[C]
	cleanups []func(outcome error) error
	few      [2]result[C] // where results begins, for the usual request
}

// A result is what a provider gave to the request. There are few of them, so
// that walking them is faster than a map.
type result[C any] struct {
	from  *provider[C] // nil if its call panicked
	value reflect.Value
	err   error
}

// errCalling is the result of a provider that is being called: only one that
// gets hold of its own Session can see it.
var errCalling = errors.New("circle of dependencies: its provider asks for it")

// Close runs the cleanups that the request's providers returned, last first,
// and returns their errors, joined.
//
// Each learns the outcome: nil if all went well. What a cleanup fails with is
// part of the outcome for those that run after it, so that a transaction is not
// committed when one begun later could not be. Every cleanup runs, whatever
// happened to the others; a panic becomes a [PanicError].
//
// The Session is then as good as new: a second Close does nothing.
func (sess *Session[C]) Close(outcome error) error {
	cleanups := sess.cleanups
	*sess = Session[C]{}
	return runCleanups(cleanups, outcome)
}

func runCleanups(cleanups []func(error) error, outcome error) error {
	var failed []error
	for i := len(cleanups) - 1; i >= 0; i-- {
		if err := guard(func() error { return cleanups[i](outcome) }); err != nil {
			failed = append(failed, err)
			outcome = errors.Join(outcome, err)
		}
	}
	return errors.Join(failed...)
}

// guard calls f and turns its panic into an error.
func guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

// ask returns the value that n provides, as often as its scope says.
func (n *node[C]) ask(s *Set[C], c C, sess *Session[C]) (reflect.Value, error) {
	if n.err != nil {
		return reflect.Value{}, n.err
	}
	switch n.scope {
	case Singleton:
		return n.askOnce(s)
	case PerUse:
		m, err := n.obtain(s, c, sess)
		return m.value, err
	default:
		return sess.ask(n, s, c)
	}
}

// ask returns what the provider of n gave to the request before, or gives now.
func (sess *Session[C]) ask(n *node[C], s *Set[C], c C) (reflect.Value, error) {
	for i := range sess.results {
		if r := &sess.results[i]; r.from == n.provider {
			return r.value, r.err
		}
	}
	if sess.results == nil {
		sess.results = sess.few[:0]
	}
	at := len(sess.results)
	sess.results = append(sess.results, result[C]{from: n.provider, err: errCalling})

	returned := false
	defer func() {
		if !returned {
			sess.results[at].from = nil // it panicked: there is nothing to share
		}
	}()
	m, err := n.obtain(s, c, sess)
	returned = true
	sess.results[at].value, sess.results[at].err = m.value, err
	return m.value, err
}

// obtain calls the provider, after those that it needs itself, and notes its
// cleanup.
func (n *node[C]) obtain(s *Set[C], c C, sess *Session[C]) (made, error) {
	args, err := n.arguments(s, c, sess)
	if err != nil {
		return made{}, err
	}
	m, err := n.call(c, args)
	if m.cleanup != nil {
		sess.cleanups = append(sess.cleanups, m.cleanup)
	}
	return m, err
}

// arguments returns what the provider is to be called with.
func (n *node[C]) arguments(s *Set[C], c C, sess *Session[C]) ([]reflect.Value, error) {
	if len(n.params) == 0 {
		return nil, nil
	}
	args := make([]reflect.Value, len(n.params))
	for i, p := range n.params {
		var err error
		switch from := n.args[i]; {
		case p.kind == scopeParam:
			args[i] = valueOr(c, p.typ)
		case p.kind == contextParam && (n.scope == Singleton || s.Context == nil):
			args[i] = reflect.ValueOf(context.Background())
		case p.kind == contextParam:
			args[i] = valueOr(s.Context(c), p.typ)
		case from.node == nil:
			args[i] = from.value
		default:
			args[i], err = from.node.ask(s, c, sess)
			if err != nil {
				return nil, Error{from.node.key.typ, from.node.key.name, err}
			}
		}
	}
	return args, nil
}

// valueOr returns v for a call; a nil interface is a value of type t.
func valueOr(v any, t reflect.Type) reflect.Value {
	if v == nil {
		return reflect.Zero(t)
	}
	return reflect.ValueOf(v)
}

// A singleton is what a provider of that scope has made, if anything.
type singleton struct {
	mu   sync.Mutex // held while it is made
	made atomic.Pointer[made]
}

// askOnce returns the singleton of n, and makes it if nobody did.
//
// What it needs is asked for before the lock is taken: no lock is held while
// waiting for another, so singletons cannot wait for each other.
func (n *node[C]) askOnce(s *Set[C]) (reflect.Value, error) {
	if m := n.single.made.Load(); m != nil {
		return m.value, nil
	}
	var none C // by construction nobody down from here takes a C, or needs a Session
	args, err := n.arguments(s, none, nil)
	if err != nil {
		return reflect.Value{}, err
	}
	n.single.mu.Lock()
	defer n.single.mu.Unlock()
	if m := n.single.made.Load(); m != nil {
		return m.value, nil
	}
	m, err := n.call(none, args)
	if err != nil {
		return reflect.Value{}, err
	}
	s.life.keep(n.provider)
	n.single.made.Store(&m)
	return m.value, nil
}
