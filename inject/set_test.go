package inject_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gongular/gongular/inject"
)

// What cannot be provided is refused with the reason, and changes nothing.
func TestProvideRefused(t *testing.T) {
	var (
		stringType = reflect.TypeFor[string]()
		storeType  = reflect.TypeFor[store]()
		nilFunc    func() *db
		shape      = "; want func(needs…) (T [, cleanup] [, error])," +
			" where a cleanup is a func(error) error, func(error), func() error or func()"
	)
	for _, test := range []struct {
		name    string
		provide func(s *set) error
		want    string
	}{
		{"Value nil", func(s *set) error { return s.Value("", nil) }, "cannot provide nil: it has no type"},
		{"Value comma", func(s *set) error { return s.Value("a,b", 1) }, `cannot provide under the name "a,b": no tag can ask for it`},
		{"Value dash", func(s *set) error { return s.Value("-", 1) }, `cannot provide under the name "-": no tag can ask for it`},
		{"ValueAs nil", func(s *set) error { return s.ValueAs(storeType, "", nil) }, "cannot provide nil: it has no type"},
		{"ValueAs no type", func(s *set) error { return s.ValueAs(nil, "", 1) }, "cannot provide for a nil type"},
		{"ValueAs interface", func(s *set) error { return s.ValueAs(storeType, "", "x") },
			"cannot provide string as inject_test.store: it does not implement it"},
		{"ValueAs other", func(s *set) error { return s.ValueAs(stringType, "", 1) },
			"cannot provide int as string: it is not assignable"},
		{"Unsafe nil", func(s *set) error { return s.Unsafe("db", nil) }, "cannot provide nil: it has no type"},
		{"Unsafe twice", func(s *set) error { s.Unsafe("db", 1); return s.Unsafe("db", "x") },
			`key "db" already has an unsafe value, of type int`},
		{"Custom no type", func(s *set) error {
			return s.Custom(nil, "", func(*scope) (any, error) { return nil, nil })
		}, "cannot provide for a nil type"},
		{"Custom nil func", func(s *set) error { return s.Custom(stringType, "", nil) }, "cannot provide string by a nil function"},
		{"Func no func", func(s *set) error { return s.Func(7, "", 0) }, "cannot provide by int: it is not a function" + shape},
		{"Func untyped nil", func(s *set) error { return s.Func(nil, "", 0) }, "cannot provide by <nil>: it is not a function" + shape},
		{"Func nil", func(s *set) error { return s.Func(nilFunc, "", 0) }, "cannot provide by func() *inject_test.db: it is nil" + shape},
		{"Func variadic", func(s *set) error { return s.Func(func(...int) int { return 0 }, "", 0) },
			"cannot provide by func(...int) int: it is variadic" + shape},
		{"Func nothing", func(s *set) error { return s.Func(func() {}, "", 0) }, "cannot provide by func(): it returns nothing" + shape},
		{"Func only error", func(s *set) error { return s.Func(func() error { return nil }, "", 0) },
			"cannot provide by func() error: its first result is an error, not a value" + shape},
		{"Func no cleanup", func(s *set) error { return s.Func(func() (int, string) { return 0, "" }, "", 0) },
			"cannot provide by func() (int, string): its result string is neither a cleanup nor an error" + shape},
		{"Func error before cleanup", func(s *set) error {
			return s.Func(func() (int, error, func()) { return 0, nil, nil }, "", 0)
		}, "cannot provide by func() (int, error, func()): it returns too much" + shape},
		{"Func too much", func(s *set) error {
			return s.Func(func() (a int, f, g func(), err error) { return }, "", 0)
		}, "cannot provide by func() (int, func(), func(), error): it returns too much" + shape},
		{"Func singleton with scope", func(s *set) error { return s.Func(func(*scope) int { return 0 }, "", inject.Singleton) },
			"cannot provide by func(*inject_test.scope) int: a singleton cannot take a *inject_test.scope, which it would outlive"},
		{"Func scope", func(s *set) error { return s.Func(func() int { return 0 }, "", 9) }, "unknown scope 9"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s set
			checkErr(t, test.provide(&s), test.want)
			if v := s.Version(); v > 1 {
				t.Errorf("version %d: a refused value was stored", v)
			}
		})
	}
}

// The last value for a type and name wins, for whoever binds after it; each
// change is a new version.
func TestProvideAgain(t *testing.T) {
	type handler struct{ N int }
	var s set
	if v := s.Version(); v != 0 {
		t.Errorf("empty set has version %d", v)
	}
	must(t, s.Value("", 1))
	before := bind(t, &s, handler{})
	must(t, s.Value("default", 2)) // the same name
	after := bind(t, &s, handler{})

	if before.Version() != 1 || after.Version() != 2 || s.Version() != 2 {
		t.Errorf("versions %d, %d, set %d; want 1, 2, 2", before.Version(), after.Version(), s.Version())
	}
	var sess session
	h, err := fill[handler](before, nil, &sess)
	must(t, err)
	if h.N != 1 {
		t.Errorf("bound before: %d, want 1", h.N)
	}
	if h, err = fill[handler](after, nil, &sess); err != nil || h.N != 2 {
		t.Errorf("bound after: %d, %v, want 2", h.N, err)
	}

	// One store: a function takes the place of a value, and the reverse.
	must(t, s.Func(func() int { return 3 }, "", inject.PerUse))
	if h, _ = serve(t, &s, handler{}); h.N != 3 {
		t.Errorf("function after value: %d, want 3", h.N)
	}
	must(t, s.Value("", 4))
	if h, _ = serve(t, &s, handler{}); h.N != 4 {
		t.Errorf("value after function: %d, want 4", h.N)
	}
}

func TestCheck(t *testing.T) {
	type (
		a struct{}
		b struct{}
		c struct{}
	)
	for _, test := range []struct {
		name    string
		provide []any // functions per request, "singleton", "per use" before one; other values as they are
		want    []string
	}{
		{"nothing provided", nil, nil},
		{"all there", []any{&db{}, func(*db) *cache { return nil }, func(context.Context, *scope, *cache) *tx { return nil }}, nil},
		{"missing", []any{func(*db) *cache { return nil }}, []string{
			"provider of *inject_test.cache: parameter 1, *inject_test.db: no such dependency exists",
		}},
		{"missing with hints", []any{db{}, func(s string, d *db, st store) *cache { return nil }, &tx{}, func() *db { return nil }}, []string{
			"provider of *inject_test.cache: parameter 1, string: no such dependency exists",
			"provider of *inject_test.cache: parameter 3, inject_test.store: no such dependency exists;" +
				" *inject_test.db implements it: provide it as inject_test.store (ProvideAs)",
		}},
		{"pointer", []any{db{}, func(d *db) *cache { return nil }}, []string{
			"provider of *inject_test.cache: parameter 1, *inject_test.db: no such dependency exists; inject_test.db is provided, not *inject_test.db",
		}},
		{"itself", []any{func(a) a { return a{} }}, []string{"circle of dependencies: inject_test.a -> inject_test.a"}},
		{"circle entered from outside", []any{
			func(c) *tx { return nil },
			func(a) c { return c{} }, func(b) a { return a{} }, func(c) b { return b{} },
		}, []string{"circle of dependencies: inject_test.a -> inject_test.b -> inject_test.c -> inject_test.a"}},
		{"two circles", []any{
			func(b, *db) a { return a{} }, func(a) b { return b{} }, func(*cache) *db { return nil }, func(*db) *cache { return nil },
		}, []string{
			"circle of dependencies: *inject_test.cache -> *inject_test.db -> *inject_test.cache",
			"circle of dependencies: inject_test.a -> inject_test.b -> inject_test.a",
		}},
		{"singleton needs per request", []any{func() *db { return nil }, "singleton", func(*db) *cache { return nil }}, []string{
			"provider of *inject_test.cache: parameter 1, *inject_test.db: a singleton cannot need what is provided per request",
		}},
		{"singleton needs per use, further down", []any{
			"per use", func() *db { return nil }, "singleton", func(*db) *cache { return nil }, "singleton", func(*cache) *tx { return nil },
		}, []string{
			"provider of *inject_test.cache: parameter 1, *inject_test.db: a singleton cannot need what is provided per use",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s set
			kind := inject.PerRequest
			for _, v := range test.provide {
				switch {
				case v == "singleton":
					kind = inject.Singleton
				case v == "per use":
					kind = inject.PerUse
				case reflect.TypeOf(v).Kind() == reflect.Func:
					must(t, s.Func(v, "", kind))
					kind = inject.PerRequest
				default:
					must(t, s.Value("", v))
				}
			}
			checkErr(t, s.Check(), strings.Join(test.want, "\n"))
		})
	}
}

// Check can be asked for its reasons, not only read.
func TestCheckIs(t *testing.T) {
	var s set
	must(t, s.Func(func(*db) *cache { return nil }, "", inject.PerRequest))
	if err := s.Check(); !errors.Is(err, inject.ErrNoSuchDependency) {
		t.Errorf("%v is not ErrNoSuchDependency", err)
	}
}

// A parameter is looked up like an untagged field: an Unsafe value without a
// name will do if it fits.
func TestParameterUnsafe(t *testing.T) {
	type handler struct{ Name string }
	var s set
	must(t,
		s.Unsafe("", &db{"main"}),
		s.Func(func(st store) string { return st.Load() }, "", inject.PerRequest),
		s.Check())
	if h, err := serve(t, &s, handler{}); err != nil || h.Name != "main" {
		t.Errorf("got %q, %v", h.Name, err)
	}
}

// Providing, binding, injecting and checking go on at once. What a Bound fills
// in belongs together: it is never of two versions.
func TestConcurrentProviding(t *testing.T) {
	type handler struct {
		N     int
		S     string `inject:"s"`
		Cache *cache
		User  string
	}
	var s set
	var made atomic.Int32
	must(t,
		s.Value("", 0), s.Value("s", "0"), s.Value("", &db{}),
		s.Func(func(d *db) *cache { made.Add(1); return &cache{d} }, "", inject.Singleton),
		s.Custom(reflect.TypeFor[string](), "", func(c *scope) (any, error) { return c.user, nil }))
	plan := compile[handler](t)

	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 200 {
				if worker == 0 {
					if err := errors.Join(s.Value("", i), s.Value("s", fmt.Sprint(i))); err != nil {
						t.Error(err)
					}
					continue
				}
				b := plan.Bind(&s, reflect.ValueOf(handler{}))
				var sess session
				h, err := fill[handler](b, &scope{user: "ada"}, &sess)
				if err = errors.Join(err, sess.Close(err), s.Check()); err != nil {
					t.Error(err)
					return
				}
				// N is provided just before S: S is as new as N or one behind.
				if n, str := h.N, h.S; str != fmt.Sprint(n) && str != fmt.Sprint(n-1) {
					t.Errorf("N %d with S %s", n, str)
				}
				if h.Cache == nil || h.User != "ada" {
					t.Errorf("got %+v", h)
				}
			}
		})
	}
	wg.Wait()
	if n := made.Load(); n != 1 {
		t.Errorf("the singleton was made %d times", n)
	}
}
