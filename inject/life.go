package inject

// The life of what is provided: started before the first request, stopped after
// the last.

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
)

type (
	starter interface{ Start(context.Context) error }
	stopper interface{ Stop(context.Context) error }
)

// A life knows what has to be stopped one day.
type life[C any] struct {
	// mu is held by Start and Stop all along, so that they take turns.
	mu      sync.Mutex
	members []*member[C] // in the order provided

	keepMu     sync.Mutex
	singletons []*provider[C] // in the order made
}

// A member is a provided value that has a Start or a Stop method.
type member[C any] struct {
	from    *provider[C]
	value   any
	running bool // since Start; since it was provided if it has no Start
}

// Start calls the Start(context.Context) error method of all provided values
// that have one, in the order provided, and each value only once, under however
// many keys it is provided. What [Set.Custom] and [Set.Func] return is not
// concerned.
//
// If one fails or panics, Start stops those it has started, last first, and
// returns the error, joined with what went wrong in stopping. Called again, it
// starts what was provided in between, or was stopped.
//
// Start and Stop wait for each other, and so must not be called by the methods
// and cleanups that they run.
func (s *Set[C]) Start(ctx context.Context) error {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	s.enlist()
	var started []*member[C]
	for _, m := range s.life.members {
		if m.running {
			continue
		}
		if v, ok := m.value.(starter); ok {
			if err := guard(func() error { return v.Start(ctx) }); err != nil {
				return errors.Join(err, stopMembers(ctx, started))
			}
			started = append(started, m)
		}
		m.running = true
	}
	return nil
}

// Stop ends what [Set.Start] began, in reverse: it runs the cleanups of the
// singletons made meanwhile, last first, and then calls the
// Stop(context.Context) error method of all provided values that have one, last
// provided first. A value that has a Start method as well is stopped only if it
// was started.
//
// All are stopped, whatever happens to the others; the errors are joined, and a
// panic becomes a [PanicError]. Once stopped, a value is not stopped again until
// it is started again; a singleton that is needed later is made anew.
func (s *Set[C]) Stop(ctx context.Context) error {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	err := runCleanups(s.life.takeCleanups(), nil)
	s.enlist()
	return errors.Join(err, stopMembers(ctx, s.life.members))
}

// enlist makes members of what was provided since the last time, and forgets
// those that were replaced before they ran.
func (s *Set[C]) enlist() {
	var provided []*member[C]
	for _, p := range s.state().order {
		if p.call != nil {
			continue
		}
		v := p.value.Interface()
		_, starts := v.(starter)
		_, stops := v.(stopper)
		if starts || stops {
			provided = append(provided, &member[C]{from: p, value: v, running: !starts})
		}
	}
	s.life.members = slices.DeleteFunc(s.life.members, func(m *member[C]) bool {
		return !m.running && !slices.ContainsFunc(provided, m.same)
	})
	for _, m := range provided {
		if !slices.ContainsFunc(s.life.members, m.same) {
			s.life.members = append(s.life.members, m)
		}
	}
}

// stopMembers stops those that run, last first.
func stopMembers[C any](ctx context.Context, members []*member[C]) error {
	var failed []error
	for _, m := range slices.Backward(members) {
		if !m.running {
			continue
		}
		m.running = false
		if v, ok := m.value.(stopper); ok {
			if err := guard(func() error { return v.Stop(ctx) }); err != nil {
				failed = append(failed, err)
			}
		}
	}
	return errors.Join(failed...)
}

// same reports whether m and o are one value. What cannot be compared is the
// same only if it was provided by the same call.
func (m *member[C]) same(o *member[C]) bool {
	if m.from == o.from {
		return true
	}
	return reflect.TypeOf(m.value) == reflect.TypeOf(o.value) && reflect.ValueOf(m.value).Comparable() &&
		reflect.ValueOf(o.value).Comparable() && m.value == o.value
}

// keep notes that p has made its singleton.
func (l *life[C]) keep(p *provider[C]) {
	l.keepMu.Lock()
	defer l.keepMu.Unlock()
	l.singletons = append(l.singletons, p)
}

// takeCleanups forgets all singletons and returns their cleanups.
func (l *life[C]) takeCleanups() []func(error) error {
	l.keepMu.Lock()
	singletons := l.singletons
	l.singletons = nil
	l.keepMu.Unlock()

	var cleanups []func(error) error
	for _, p := range singletons {
		p.single.mu.Lock() // the one who keeps it may not have stored it yet
		if m := p.single.made.Swap(nil); m.cleanup != nil {
			cleanups = append(cleanups, m.cleanup)
		}
		p.single.mu.Unlock()
	}
	return cleanups
}
