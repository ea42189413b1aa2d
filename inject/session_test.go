package inject_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gongular/gongular/inject"
)

func TestCustom(t *testing.T) {
	type pointer struct{ DB *db }
	type number struct{ N int }
	type iface struct{ Store store }
	var (
		dbType    = reflect.TypeFor[*db]()
		intType   = reflect.TypeFor[int]()
		storeType = reflect.TypeFor[store]()
		main      = &db{"main"}
	)
	for _, test := range []struct {
		name    string
		typ     reflect.Type
		result  any
		err     error
		handler any
		want    any
		wantErr string
	}{
		{"value", dbType, main, nil, pointer{}, pointer{main}, ""},
		{"interface", storeType, main, nil, iface{}, iface{main}, ""},
		{"typed nil", dbType, (*db)(nil), nil, pointer{}, pointer{}, ""},
		// injection/custom-nil
		{"nil pointer", dbType, nil, nil, pointer{main}, pointer{}, ""},
		{"nil interface", storeType, nil, nil, iface{main}, iface{}, ""},
		{"nil int", intType, nil, nil, number{}, number{},
			`could not inject int with key "default": the provider returned nil, which int cannot be`},
		// injection/custom-wrong-type
		{"wrong type", dbType, "text", nil, pointer{}, pointer{},
			`could not inject *inject_test.db with key "default": the provider returned string, which is not assignable to *inject_test.db`},
		{"not the interface", storeType, 7, nil, iface{}, iface{},
			`could not inject inject_test.store with key "default": the provider returned int, which is not assignable to inject_test.store`},
		{"error", dbType, main, errors.New("no line"), pointer{}, pointer{},
			`could not inject *inject_test.db with key "default": no line`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s set
			must(t, s.Custom(test.typ, "", func(*scope) (any, error) { return test.result, test.err }))
			p, err := inject.Compile[*scope](reflect.TypeOf(test.handler), nil)
			must(t, err)
			b := p.Bind(&s, reflect.ValueOf(test.handler))
			if !b.Dynamic() {
				t.Error("not dynamic")
			}
			v := reflect.New(b.Proto().Type()).Elem()
			v.Set(b.Proto())
			err = b.Inject(&scope{}, new(session), v)
			checkErr(t, err, test.wantErr)
			if err == nil && v.Interface() != test.want {
				t.Errorf("got %+v, want %+v", v, test.want)
			}
			if _, ok := err.(inject.Error); err != nil && !ok {
				t.Errorf("a %T, not an Error as a value", err)
			}
			if test.err != nil && !errors.Is(err, test.err) {
				t.Error("the provider's error is not in it")
			}
		})
	}
}

// injection/custom-panic: the panic is the caller's to recover; the session
// stays usable, and what was begun before is cleaned up.
func TestProviderPanic(t *testing.T) {
	type handler struct {
		DB *db
		N  int
	}
	var s set
	cleaned, broken := false, true
	must(t,
		s.Func(func() (*db, func()) { return &db{}, func() { cleaned = true } }, "", inject.PerRequest),
		s.Custom(reflect.TypeFor[int](), "", func(*scope) (any, error) {
			if broken {
				panic("boom")
			}
			return 5, nil
		}))
	b := bind(t, &s, handler{})
	var sess session
	func() {
		defer func() {
			if v := recover(); v != "boom" {
				t.Errorf("recovered %v", v)
			}
		}()
		fill[handler](b, &scope{}, &sess)
	}()
	broken = false
	if h, err := fill[handler](b, &scope{}, &sess); err != nil || h.N != 5 {
		t.Errorf("after the panic: %+v, %v", h, err)
	}
	must(t, sess.Close(errors.New("boom")))
	if !cleaned {
		t.Error("the first provider was not cleaned up")
	}
}

// The usual request, with a provider or two that return pointers, costs no
// allocation beyond those of the providers.
func TestInjectAllocates(t *testing.T) {
	type handler struct {
		DB   *db
		User *scope
		Tx   *tx
	}
	var s set
	one := &tx{}
	must(t,
		s.Value("", &db{}),
		s.Custom(reflect.TypeFor[*scope](), "", func(c *scope) (any, error) { return c, nil }),
		s.Custom(reflect.TypeFor[*tx](), "", func(*scope) (any, error) { return one, nil }))
	b := bind(t, &s, handler{})
	sess, c, v := new(session), &scope{}, reflect.New(reflect.TypeFor[handler]()).Elem()
	n := testing.AllocsPerRun(100, func() {
		must(t, b.Inject(c, sess, v), sess.Close(nil))
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What is missing is known before anyone is asked.
func TestMissingAsksNobody(t *testing.T) {
	type handler struct {
		N  int
		DB *db `inject:"db"`
	}
	var s set
	must(t, s.Custom(reflect.TypeFor[int](), "", func(*scope) (any, error) {
		t.Error("asked in vain")
		return 1, nil
	}))
	_, err := serve(t, &s, handler{})
	checkErr(t, err, `could not inject *inject_test.db with key "db": no such dependency exists`)
	if e, ok := err.(inject.Error); !ok || e.UnderlyingError != inject.ErrNoSuchDependency || e.Tip != reflect.TypeFor[*db]() || e.Key != "db" {
		t.Errorf("got %#v", err)
	}
}

// How often each scope is asked, over two handlers of one chain and two requests.
func TestScopes(t *testing.T) {
	type handler struct{ A, B *db }
	for _, test := range []struct {
		scope inject.Scope
		want  string // the number each field got: first and second handler, then the second request
	}{
		{inject.PerRequest, "1 1, 1 1; 2 2, 2 2"},
		{inject.PerUse, "1 2, 3 4; 5 6, 7 8"},
		{inject.Singleton, "1 1, 1 1; 1 1, 1 1"},
	} {
		t.Run(test.scope.String(), func(t *testing.T) {
			var s set
			asked := 0
			must(t, s.Func(func() *db { asked++; return &db{fmt.Sprint(asked)} }, "", test.scope))
			first, second := bind(t, &s, handler{}), bind(t, &s, handler{})
			var requests []string
			for range 2 {
				var sess session
				a, err := fill[handler](first, nil, &sess)
				must(t, err)
				b, err := fill[handler](second, nil, &sess)
				must(t, err)
				requests = append(requests, fmt.Sprintf("%s %s, %s %s", a.A.name, a.B.name, b.A.name, b.B.name))
				must(t, sess.Close(nil))
			}
			if got := strings.Join(requests, "; "); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	if got := inject.Scope(7).String(); got != "Scope(7)" {
		t.Errorf("got %s", got)
	}
}

// Many results in one request outgrow the room that a Session has for few.
func TestManyResults(t *testing.T) {
	type handler struct {
		A int `inject:"a"`
		B int `inject:"b"`
		C int `inject:"c"`
		D int `inject:"d"`
		E int `inject:"e"`
	}
	var s set
	n := 0
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		must(t, s.Func(func() int { n++; return n }, name, inject.PerRequest))
	}
	b := bind(t, &s, handler{})
	var sess session
	for range 2 {
		if h, err := fill[handler](b, nil, &sess); err != nil || h != (handler{1, 2, 3, 4, 5}) {
			t.Errorf("got %+v, %v", h, err)
		}
	}
}

// An error is shared within a request, and forgotten by a singleton.
func TestErrorsRemembered(t *testing.T) {
	type handler struct{ N int }
	for _, test := range []struct {
		scope inject.Scope
		want  string
	}{
		{inject.PerRequest, "try 1, try 1"},
		{inject.PerUse, "try 1, <nil>"},
		{inject.Singleton, "try 1, <nil>"},
	} {
		t.Run(test.scope.String(), func(t *testing.T) {
			var s set
			tries := 0
			must(t, s.Func(func() (int, error) {
				if tries++; tries == 1 {
					return 0, fmt.Errorf("try %d", tries)
				}
				return tries, nil
			}, "", test.scope))
			b := bind(t, &s, handler{})
			var sess session
			_, first := fill[handler](b, nil, &sess)
			_, second := fill[handler](b, nil, &sess)
			if got := fmt.Sprintf("%v, %v", errors.Unwrap(first), errors.Unwrap(second)); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

type contextKey struct{}

// Parameters: the scope, its context, constants, interfaces and other providers.
func TestFuncParameters(t *testing.T) {
	type handler struct{ Text string }
	s := set{Context: func(c *scope) context.Context { return c.ctx }}
	must(t,
		s.ValueAs(reflect.TypeFor[store](), "", &db{"main"}),
		s.Func(func(st store) *cache { return &cache{&db{st.Load()}} }, "", inject.Singleton),
		s.Func(func(c *cache, sc *scope) (*tx, error) { return &tx{&db{c.db.name + "/" + sc.user}}, nil }, "", inject.PerUse),
		s.Func(func(ctx context.Context, x *tx, st store) string {
			return fmt.Sprint(x.db.name, " ", st.Load(), " ", ctx.Value(contextKey{}))
		}, "", inject.PerRequest),
		s.Check())
	ctx := context.WithValue(t.Context(), contextKey{}, "here")
	h, err := fill[handler](bind(t, &s, handler{}), &scope{"ada", ctx}, new(session))
	if want := "main/ada main here"; err != nil || h.Text != want {
		t.Errorf("got %q, %v, want %q", h.Text, err, want)
	}
}

func TestFuncContext(t *testing.T) {
	type handler struct{ Ctx context.Context }
	none := func(*scope) context.Context { return nil }
	mine := func(*scope) context.Context { return context.WithValue(t.Context(), contextKey{}, 1) }
	for _, test := range []struct {
		name  string
		of    func(*scope) context.Context
		scope inject.Scope
		want  func(context.Context) bool
	}{
		{"unset", nil, inject.PerRequest, func(ctx context.Context) bool { return ctx == context.Background() }},
		{"nil", none, inject.PerRequest, func(ctx context.Context) bool { return ctx == nil }},
		{"set", mine, inject.PerRequest, func(ctx context.Context) bool { return ctx.Value(contextKey{}) == 1 }},
		{"singleton", mine, inject.Singleton, func(ctx context.Context) bool { return ctx == context.Background() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := set{Context: test.of}
			must(t, s.Func(func(ctx context.Context) context.Context { return ctx }, "", test.scope))
			if h, err := serve(t, &s, handler{}); err != nil || !test.want(h.Ctx) {
				t.Errorf("got %v, %v", h.Ctx, err)
			}
		})
	}
}

// A scope may be an interface, and nil.
func TestInterfaceScope(t *testing.T) {
	type handler struct{ Nil bool }
	var s inject.Set[fmt.Stringer]
	must(t, s.Func(func(c fmt.Stringer) bool { return c == nil }, "", inject.PerRequest))
	p, err := inject.Compile[fmt.Stringer](reflect.TypeFor[handler](), nil)
	must(t, err)
	v := reflect.New(reflect.TypeFor[handler]()).Elem()
	must(t, p.Bind(&s, v).Inject(nil, new(inject.Session[fmt.Stringer]), v))
	if !v.Field(0).Bool() {
		t.Error("the provider got something")
	}
}

// What cannot be had further down is an Error within an Error, whether it is
// known beforehand or not; a circle does not run.
func TestNestedErrors(t *testing.T) {
	type handler struct{ Tx *tx }
	for _, test := range []struct {
		name    string
		provide []any
		want    string
		asked   bool
	}{
		{"missing", nil, `could not inject *inject_test.db with key "default": no such dependency exists`, false},
		{"failing", []any{func() (*db, error) { return nil, teapot{418} }}, `could not inject *inject_test.db with key "default": teapot 418`, true},
		{"circle", []any{func(*tx) *db { return nil }},
			"circle of dependencies: *inject_test.cache -> *inject_test.db -> *inject_test.tx -> *inject_test.cache", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s set
			for _, fn := range test.provide {
				must(t, s.Func(fn, "", inject.PerRequest))
			}
			must(t,
				s.Func(func(*cache) *tx { t.Error("asked in vain"); return nil }, "", inject.PerRequest),
				s.Func(func(*db) *cache { t.Error("asked in vain"); return nil }, "", inject.PerRequest))
			_, err := serve(t, &s, handler{})
			want := `could not inject *inject_test.tx with key "default": `
			if test.name != "circle" {
				want += `could not inject *inject_test.cache with key "default": `
			}
			checkErr(t, err, want+test.want)
			if errors.Is(err, inject.ErrNoSuchDependency) != (test.name == "missing") {
				t.Errorf("errors.Is ErrNoSuchDependency is wrong for %v", err)
			}
			if e := err.(inject.Error); test.asked && e.StatusCode() != 418 {
				t.Errorf("status %d", e.StatusCode())
			}
		})
	}
}

// Whoever needs a circle fails as well, also if the circle can only be reached
// through it.
func TestNeedsCircle(t *testing.T) {
	type (
		a struct{}
		b struct{}
	)
	var s set
	must(t,
		s.Func(func(b) a { return a{} }, "", inject.PerUse),
		s.Func(func(a) b { return b{} }, "", inject.PerUse),
		s.Func(func(*cache) *tx { return nil }, "", inject.PerUse),
		s.Func(func(b) *cache { return nil }, "", inject.PerUse))
	_, err := serve(t, &s, struct{ Tx *tx }{})
	checkErr(t, err, `could not inject *inject_test.tx with key "default": could not inject *inject_test.cache with key "default": `+
		`could not inject inject_test.b with key "default": circle of dependencies: inject_test.a -> inject_test.b -> inject_test.a`)
}

// A provider that gets hold of its own session cannot ask for itself.
func TestAsksForItself(t *testing.T) {
	type handler struct{ N int }
	var (
		s    set
		b    *inject.Bound[*scope]
		sess session
	)
	must(t, s.Custom(reflect.TypeFor[int](), "", func(c *scope) (any, error) {
		h, err := fill[handler](b, c, &sess)
		return h.N, err
	}))
	b = bind(t, &s, handler{})
	_, err := fill[handler](b, nil, &sess)
	checkErr(t, err, `could not inject int with key "default": could not inject int with key "default": circle of dependencies: its provider asks for it`)
}

// All forms of a cleanup, run last first, each told the outcome.
func TestCleanup(t *testing.T) {
	type handler struct {
		A int `inject:"a"`
		B int `inject:"b"`
		C int `inject:"c"`
		D int `inject:"d"`
		E int `inject:"e"`
		F int `inject:"f"`
		G int `inject:"g"`
	}
	type named func(error) error
	var (
		s      set
		log    []string
		failed = errors.New("handler failed")
	)
	note := func(name string, outcome ...any) { log = append(log, name+fmt.Sprint(outcome...)) }
	must(t,
		s.Func(func() (int, func(error) error) {
			return 1, func(err error) error { note("a ", err); return nil }
		}, "a", inject.PerRequest),
		s.Func(func() (int, func(error)) { return 2, func(err error) { note("b ", err) } }, "b", inject.PerRequest),
		s.Func(func() (int, func() error, error) { return 3, func() error { note("c"); return nil }, nil }, "c", inject.PerUse),
		s.Func(func() (int, context.CancelFunc) { return 4, func() { note("d") } }, "d", inject.PerUse),
		s.Func(func() (int, func()) { return 5, nil }, "e", inject.PerRequest),
		s.Func(func() (int, named, error) {
			return 6, func(err error) error { note("f ", err); return nil }, nil
		}, "f", inject.PerRequest),
		s.Func(func() (int, func(), error) {
			return 7, func() { note("g: has failed, and is cleaned up all the same") }, failed
		}, "g", inject.PerRequest))

	var sess session
	h, err := fill[handler](bind(t, &s, handler{}), nil, &sess)
	if h != (handler{1, 2, 3, 4, 5, 6, 0}) || !errors.Is(err, failed) {
		t.Errorf("got %+v, %v", h, err)
	}
	must(t, sess.Close(failed))
	want := []string{"f handler failed", "d", "c", "b handler failed", "a handler failed"}
	if !slices.Equal(log, want) {
		t.Errorf("got %q, want %q", log, want)
	}
	must(t, sess.Close(nil))
	if len(log) != len(want) {
		t.Error("a second Close cleaned up again")
	}
}

// A cleanup that fails or panics keeps no other from running, and is part of
// what the later ones learn.
func TestCleanupFails(t *testing.T) {
	type handler struct {
		A int `inject:"a"`
		B int `inject:"b"`
		C int `inject:"c"`
		D int `inject:"d"`
	}
	var (
		s        set
		outcomes []string
	)
	provide := func(name string, cleanup func() error) {
		must(t, s.Func(func() (int, func(error) error) {
			return 0, func(outcome error) error {
				outcomes = append(outcomes, fmt.Sprintf("%s %q", name, fmt.Sprint(outcome)))
				return cleanup()
			}
		}, name, inject.PerRequest))
	}
	provide("a", func() error { return nil })
	provide("b", func() error { panic(http.ErrAbortHandler) })
	provide("c", func() error { return errors.New("no commit") })
	provide("d", func() error { return nil })

	var sess session
	_, err := fill[handler](bind(t, &s, handler{}), nil, &sess)
	must(t, err)
	err = sess.Close(nil)
	checkErr(t, err, "no commit\npanic: net/http: abort Handler")
	if got, want := strings.Join(outcomes, ", "),
		`d "<nil>", c "<nil>", b "no commit", a "no commit\npanic: net/http: abort Handler"`; got != want {
		t.Errorf("outcomes\n got %s\nwant %s", got, want)
	}
	if !errors.Is(err, http.ErrAbortHandler) {
		t.Error("the value of the panic is not in the error")
	}
	p, ok := errors.AsType[*inject.PanicError](err)
	if !ok || !strings.Contains(string(p.Stack), "TestCleanupFails") {
		t.Errorf("no stack of the panic in %v", err)
	}
	if (&inject.PanicError{Value: 7}).Unwrap() != nil {
		t.Error("a value that is no error was unwrapped")
	}
}

// Singletons that need each other are made once, whoever comes first.
func TestSingletonConcurrently(t *testing.T) {
	type first struct{ Cache *cache }
	type second struct{ Tx *tx }
	for range 50 {
		var s set
		var made [3]atomic.Int32
		must(t,
			s.Func(func() *db { made[0].Add(1); return &db{} }, "", inject.Singleton),
			s.Func(func(d *db) *cache { made[1].Add(1); return &cache{d} }, "", inject.Singleton),
			s.Func(func(d *db, c *cache) *tx { made[2].Add(1); return &tx{c.db} }, "", inject.Singleton))
		a, b := bind(t, &s, first{}), bind(t, &s, second{})
		var wg sync.WaitGroup
		var dbs [8]*db
		for i := range dbs {
			wg.Go(func() {
				var sess session
				if i%2 == 0 {
					h, err := fill[first](a, nil, &sess)
					if err != nil {
						t.Error(err)
						return
					}
					dbs[i] = h.Cache.db
				} else {
					h, err := fill[second](b, nil, &sess)
					if err != nil {
						t.Error(err)
						return
					}
					dbs[i] = h.Tx.db
				}
			})
		}
		wg.Wait()
		for i := range made {
			if n := made[i].Load(); n != 1 {
				t.Fatalf("singleton %d was made %d times", i, n)
			}
		}
		if slices.ContainsFunc(dbs[:], func(d *db) bool { return d != dbs[0] }) {
			t.Fatal("not all got the same")
		}
	}
}

// A singleton whose provider panics can be made by the next one.
func TestSingletonPanic(t *testing.T) {
	type handler struct{ N int }
	var s set
	calls := 0
	must(t, s.Func(func() int {
		if calls++; calls == 1 {
			panic("boom")
		}
		return calls
	}, "", inject.Singleton))
	func() {
		defer func() { recover() }()
		serve(t, &s, handler{})
	}()
	if h, err := serve(t, &s, handler{}); err != nil || h.N != 2 {
		t.Errorf("got %+v, %v", h, err)
	}
}

func TestErrorStatusCode(t *testing.T) {
	nested := func(err error) error {
		return inject.Error{Tip: reflect.TypeFor[int](), Key: "k", UnderlyingError: err}
	}
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, 500},
		{inject.ErrNoSuchDependency, 500},
		{teapot{401}, 401},
		{fmt.Errorf("wrapped: %w", teapot{503}), 503},
		{teapot{200}, 500},
		{teapot{600}, 500},
		{nested(teapot{404}), 404},
		{nested(errors.New("x")), 500},
	} {
		if got := (inject.Error{UnderlyingError: test.err}).StatusCode(); got != test.want {
			t.Errorf("%v: got %d, want %d", test.err, got, test.want)
		}
	}
}
