package inject_test

// What the tests share: a scope, some things to inject, and short ways to do it.

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"github.com/gongular/gongular/inject"
)

// A scope is what providers are called with in these tests.
type scope struct {
	user string
	ctx  context.Context
}

type (
	set     = inject.Set[*scope]
	session = inject.Session[*scope]
)

type (
	db    struct{ name string }
	cache struct{ db *db }
	tx    struct{ db *db }
)

type store interface{ Load() string }

func (d *db) Load() string { return d.name }

// must fails the test at once if any error is not nil.
func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// checkErr compares the text of err; "" stands for no error.
func checkErr(t testing.TB, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("error\n got %s\nwant %s", got, want)
	}
}

// compile returns the plan of H, of which no field is skipped.
func compile[H any](t testing.TB) *inject.Plan[*scope] {
	t.Helper()
	p, err := inject.Compile[*scope](reflect.TypeFor[H](), nil)
	must(t, err)
	return p
}

func bind[H any](t testing.TB, s *set, proto H) *inject.Bound[*scope] {
	t.Helper()
	return compile[H](t).Bind(s, reflect.ValueOf(proto))
}

// fill does what a request does: it copies the prototype and injects.
func fill[H any](b *inject.Bound[*scope], c *scope, sess *session) (H, error) {
	v := reflect.New(reflect.TypeFor[H]()).Elem()
	v.Set(b.Proto())
	err := b.Inject(c, sess, v)
	return v.Interface().(H), err
}

// serve fills an H in a session of its own, which it closes.
func serve[H any](t testing.TB, s *set, proto H) (H, error) {
	t.Helper()
	var sess session
	h, err := fill[H](bind(t, s, proto), &scope{user: "ada"}, &sess)
	must(t, sess.Close(err))
	return h, err
}

// A teapot is an error with a status.
type teapot struct{ code int }

func (e teapot) Error() string   { return fmt.Sprint("teapot ", e.code) }
func (e teapot) StatusCode() int { return e.code }
