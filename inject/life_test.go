package inject_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/gongular/gongular/inject"
)

// A service notes when it is started and stopped.
type service struct {
	name      string
	log       *[]string
	startFail any // an error to return, or what to panic with
	stopFail  any
}

func (s *service) Start(context.Context) error { return s.note("start ", s.startFail) }
func (s *service) Stop(context.Context) error  { return s.note("stop ", s.stopFail) }

func (s *service) note(what string, fail any) error {
	*s.log = append(*s.log, what+s.name)
	if err, ok := fail.(error); ok || fail == nil {
		return err
	}
	panic(fail)
}

// A closer can only be stopped.
type closer struct {
	name string
	log  *[]string
}

func (c closer) Stop(context.Context) error {
	*c.log = append(*c.log, "stop "+c.name)
	return nil
}

// An uncomparable value can be started like any other.
type uncomparable struct {
	names []string
	log   *[]string
}

func (u uncomparable) Start(context.Context) error {
	*u.log = append(*u.log, "start "+u.names[0])
	return nil
}

func TestStartStop(t *testing.T) {
	fail := errors.New("no port")
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s *set, log *[]string)
		want string
	}{
		{"in the order provided, each once", func(t *testing.T, s *set, log *[]string) {
			a, b := &service{name: "a", log: log}, &service{name: "b", log: log}
			must(t,
				s.Value("", a), s.Value("x", a), s.ValueAs(reflect.TypeFor[any](), "", a), s.Value("", 7),
				s.Unsafe("b", b), s.Value("", closer{"c", log}), s.Value("", uncomparable{[]string{"u"}, log}))
			must(t, s.Start(t.Context()), s.Stop(t.Context()))
		}, "start a, start b, start u, stop c, stop b, stop a"},

		{"again", func(t *testing.T, s *set, log *[]string) {
			must(t, s.Value("", &service{name: "a", log: log}), s.Value("", closer{"c", log}), s.Value("", uncomparable{[]string{"u"}, log}))
			for range 2 {
				must(t, s.Start(t.Context()), s.Start(t.Context()))
				must(t, s.Stop(t.Context()), s.Stop(t.Context()))
			}
		}, "start a, start u, stop c, stop a, start a, start u, stop c, stop a"},

		{"provided after Start", func(t *testing.T, s *set, log *[]string) {
			must(t, s.Value("", &service{name: "a", log: log}), s.Start(t.Context()))
			must(t, s.Value("", closer{"c", log}), s.Value("b", &service{name: "b", log: log}))
			must(t, s.Start(t.Context()), s.Stop(t.Context()))
		}, "start a, start b, stop b, stop c, stop a"},

		{"replaced before Start", func(t *testing.T, s *set, log *[]string) {
			must(t, s.Value("", &service{name: "a", log: log}), s.Value("", &service{name: "b", log: log}))
			must(t, s.Start(t.Context()), s.Stop(t.Context()))
		}, "start b, stop b"},

		{"replaced after Start", func(t *testing.T, s *set, log *[]string) {
			must(t, s.Value("", &service{name: "a", log: log}), s.Start(t.Context()))
			must(t, s.Value("", &service{name: "b", log: log}), s.Stop(t.Context()))
		}, "start a, stop a"},

		{"never started", func(t *testing.T, s *set, log *[]string) {
			must(t, s.Value("", &service{name: "a", log: log}), s.Value("", closer{"c", log}), s.Stop(t.Context()))
		}, "stop c"},

		{"a failure stops those started", func(t *testing.T, s *set, log *[]string) {
			must(t,
				s.Value("a", &service{name: "a", log: log, stopFail: errors.New("no stop")}),
				s.Value("b", &service{name: "b", log: log}),
				s.Value("c", &service{name: "c", log: log, startFail: fail}),
				s.Value("d", &service{name: "d", log: log}))
			err := s.Start(t.Context())
			checkErr(t, err, "no port\nno stop")
			if !errors.Is(err, fail) {
				t.Error("the error is not in it")
			}
			must(t, s.Stop(t.Context()))
		}, "start a, start b, start c, stop b, stop a"},

		{"a panic stops those started", func(t *testing.T, s *set, log *[]string) {
			must(t, s.Value("a", &service{name: "a", log: log}), s.Value("b", &service{name: "b", log: log, startFail: "boom"}))
			checkErr(t, s.Start(t.Context()), "panic: boom")
		}, "start a, start b, stop a"},

		{"a failed one that is replaced", func(t *testing.T, s *set, log *[]string) {
			must(t, s.Value("", &service{name: "a", log: log, startFail: fail}))
			checkErr(t, s.Start(t.Context()), "no port")
			must(t, s.Value("", &service{name: "b", log: log}), s.Start(t.Context()), s.Stop(t.Context()))
		}, "start a, start b, stop b"},

		{"all are stopped", func(t *testing.T, s *set, log *[]string) {
			must(t,
				s.Value("a", &service{name: "a", log: log, stopFail: "boom"}),
				s.Value("b", &service{name: "b", log: log, stopFail: fail}),
				s.Value("c", &service{name: "c", log: log}),
				s.Start(t.Context()))
			checkErr(t, s.Stop(t.Context()), "no port\npanic: boom")
		}, "start a, start b, start c, stop c, stop b, stop a"},

		{"singletons go first, last first", func(t *testing.T, s *set, log *[]string) {
			must(t,
				s.Value("", closer{"c", log}),
				s.Func(func(closer) (*db, func(error)) {
					return &db{}, func(err error) { *log = append(*log, fmt.Sprint("clean db ", err)) }
				}, "", inject.Singleton),
				s.Func(func(d *db) (*cache, func() error) {
					return &cache{d}, func() error { *log = append(*log, "clean cache"); return fail }
				}, "", inject.Singleton),
				s.Func(func() int { return 1 }, "", inject.Singleton))
			type handler struct {
				N     int
				Cache *cache
				DB    *db
			}
			before, err := serve(t, s, handler{})
			must(t, err)
			checkErr(t, s.Stop(t.Context()), "no port")
			*log = append(*log, "again")
			after, err := serve(t, s, handler{})
			must(t, err)
			if before.DB == after.DB {
				t.Error("a singleton outlived Stop")
			}
			checkErr(t, s.Stop(t.Context()), "no port")
		}, "clean cache, clean db no port, stop c, again, clean cache, clean db no port"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s set
			var log []string
			test.run(t, &s, &log)
			if got := strings.Join(log, ", "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}
