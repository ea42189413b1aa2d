package inject_test

import (
	"reflect"
	"testing"

	"github.com/gongular/gongular/inject"
)

// What one request costs: a new handler with all its fields, beside the same
// written by hand.
func BenchmarkInject(b *testing.B) {
	type handler struct {
		DB    *db
		Store store
		Limit int `inject:"limit"`
		User  *scope
	}
	var (
		main    = &db{"main"}
		c       = &scope{user: "ada"}
		typ     = reflect.TypeFor[handler]()
		sink    *handler
		byScope = func(c *scope) (any, error) { return c, nil }
	)
	newSet := func(b *testing.B) *set {
		var s set
		must(b, s.Value("", main), s.ValueAs(reflect.TypeFor[store](), "", main), s.Value("limit", 10))
		return &s
	}
	run := func(b *testing.B, s *set) {
		bound := bind(b, s, handler{})
		proto := bound.Proto()
		sess := new(session) // part of what a request has anyway
		b.ReportAllocs()
		for b.Loop() {
			v := reflect.New(typ)
			v.Elem().Set(proto)
			if bound.Dynamic() {
				if err := bound.Inject(c, sess, v.Elem()); err != nil {
					b.Fatal(err)
				}
				sess.Close(nil)
			}
			sink = v.Interface().(*handler)
		}
	}

	b.Run("constants", func(b *testing.B) {
		s := newSet(b)
		must(b, s.Value("", c))
		run(b, s)
	})
	b.Run("constants/by hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sink = &handler{DB: main, Store: main, Limit: 10, User: c}
		}
	})
	b.Run("one custom", func(b *testing.B) {
		s := newSet(b)
		must(b, s.Custom(reflect.TypeFor[*scope](), "", byScope))
		run(b, s)
	})
	b.Run("one custom/by hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h := &handler{DB: main, Store: main, Limit: 10}
			user, err := byScope(c)
			if err != nil {
				b.Fatal(err)
			}
			h.User = user.(*scope)
			sink = h
		}
	})
	b.Run("one function", func(b *testing.B) {
		s := newSet(b)
		must(b, s.Func(func(c *scope, _ *db) (*scope, error) { return c, nil }, "", inject.PerRequest))
		run(b, s)
	})
	_ = sink
}
