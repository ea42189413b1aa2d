package mego_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/mego"
)

type store struct{ names []string }

type createUser struct {
	Param struct{ Room string }
	Query struct {
		Lang string `q:"lang"`
	}
	Body struct {
		Name string `json:"name" valid:"required,alphanum"`
		Age  int    `msgpack:"age" json:"other"`
		Role string `json:"role" default:"guest"`
	}
	Store *store
	Call  *mego.Context
	Tx    *transaction
}

type transaction struct{ open bool }

func (h *createUser) Handle(c *gongular.Context) error {
	switch h.Body.Name {
	case "taken":
		return gongular.Error(http.StatusConflict, "there is one").Wrap(errors.New("secret"))
	case "broken":
		return errors.New("secret")
	case "status":
		c.Fail(http.StatusForbidden, map[string]string{"why": "status"})
		return nil
	case "panic":
		panic("oh")
	case "itself":
		h.Call.Respond("by itself")
	case "reader":
		c.SetBody(strings.NewReader("read"))
		return nil
	case "late":
		return context.DeadlineExceeded
	}
	if !h.Tx.open || h.Call.Session.ID != id(0) || mego.FromContext(c.Context()) != h.Call {
		return errors.New("something is missing")
	}
	h.Store.names = append(h.Store.names, h.Body.Name)
	c.SetBody([]any{h.Body.Name, h.Body.Age, h.Body.Role, h.Param.Room, h.Query.Lang})
	return nil
}

// Point 1: a method is a struct handler, filled and checked by the plan of HTTP
// handlers; the engine is mounted on a router, behind middleware.
func TestStructHandlers(t *testing.T) {
	app := gongular.NewEngine()
	users := new(store)
	app.Provide(users)
	var outcomes []error
	app.ProvideFunc(func() (*transaction, func(error) error) {
		return &transaction{open: true}, func(outcome error) error {
			outcomes = append(outcomes, outcome)
			return nil
		}
	})
	e := mego.New().Use(mego.RecoveryWithWriter(nil)).App(app)
	e.Method("CreateUser", &createUser{})
	if err := e.Check(); err != nil {
		t.Fatal(err)
	}
	prepare(t, e)
	app.Handle("GET /rooms/{Room}/mego", e)
	srv := httptest.NewServer(app)
	t.Cleanup(srv.Close)
	t.Cleanup(func() { e.Close() })
	s := &server{Engine: e, url: "ws" + strings.TrimPrefix(srv.URL, "http") + "/rooms/red/mego?lang=en"}
	c := s.dial(t, 0)

	c.want([]any{"ada", int64(36), "guest", "red", "en"}, "CreateUser", m{"name": "ada", "age": 36})
	if len(users.names) != 1 || len(outcomes) != 1 || outcomes[0] != nil {
		t.Errorf("%v, outcomes %v", users.names, outcomes)
	}
	a := c.call("createuser", m{"name": "not one!"})
	if fields, _ := a.E.D.(map[string]any)["fields"].(map[string]any); a.E.C != mego.StatusInvalid || fields["name"] == "" || !strings.HasPrefix(a.E.M, "Body: validation failed: name: ") {
		t.Errorf("got %+v", a)
	}
	for _, test := range []struct {
		params any
		code   int
		want   string
	}{
		{m{"name": "x", "age": "old"}, mego.StatusInvalid, "Body: age: cannot decode string into int"},
		{[]int{1}, mego.StatusInvalid, "Body: cannot decode array into a struct"},
		{nil, mego.StatusInvalid, "Body: is empty"},
		{m{"name": "taken"}, mego.StatusExists, "there is one"},
		{m{"name": "broken"}, mego.StatusError, "mego: internal error"},
		{m{"name": "late"}, mego.StatusError, "mego: internal error"},
		{m{"name": "status"}, mego.StatusNoPermission, "mego: permission denied"},
		{m{"name": "panic"}, mego.StatusError, "mego: panic recovered"},
	} {
		errorLog.take()
		a := c.call("CreateUser", test.params)
		if a.E.C != test.code || a.E.M != test.want {
			t.Errorf("%v: got %+v, want %d %s", test.params, a, test.code, test.want)
		}
		if test.want == "mego: internal error" && !strings.HasPrefix(errorLog.take(), "[MEGO] method CreateUser: ") {
			t.Error("it is not reported")
		}
	}
	c.want("by itself", "CreateUser", m{"name": "itself"})
	c.want([]byte("read"), "CreateUser", m{"name": "reader"})
	if last := outcomes[len(outcomes)-3]; last == nil {
		t.Error("the panic was committed")
	}
}

type needsMore struct {
	Store *store
	Mine  *mego.Context
}

func (h *needsMore) Handle(c *gongular.Context) error { return nil }

type withForm struct{ Form struct{ A int } }

func (h *withForm) Handle(c *gongular.Context) error { return nil }

// What is missing is found before the first call: by Check, and so by Run. What
// cannot be a method panics.
func TestStructHandlerMistakes(t *testing.T) {
	e := mego.New()
	if err := e.Check(); err != nil {
		t.Error(err)
	}
	e.Method("x", &needsMore{})
	for _, err := range []error{e.Check(), e.Run("127.0.0.1:0")} {
		if err == nil || !strings.Contains(err.Error(), `"x": *mego_test.needsMore: Store`) {
			t.Errorf("got %v", err)
		}
	}
	for _, h := range []gongular.RequestHandler{&withForm{}, nil} {
		func() {
			defer func() {
				if err, _ := recover().(error); err == nil || !strings.HasPrefix(err.Error(), "gongular: handler_test.go:") {
					t.Errorf("%T: %v", h, err)
				}
			}()
			e.Method("y", h)
		}()
	}
	c := serve(t, e).dial(t, 0)
	errorLog.take()
	c.wantErr(mego.StatusError, "mego: internal error", "x", nil)
	if got := errorLog.take(); !strings.HasPrefix(got, "[MEGO] method x: ") {
		t.Errorf("report %q", got)
	}

	app := gongular.NewEngine()
	mego.New().App(app)
	app.GET("/", &needsMore{})
	app.Provide(new(store))
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 {
		t.Errorf("a *mego.Context without Mego: %d %s", w.Code, w.Body)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("torn") }
func (failing) Close() error             { return nil }

// What a handler returns, and what its client gets.
func TestStructHandlerAnswers(t *testing.T) {
	app := gongular.NewEngine()
	type guest struct{ n int }
	app.ProvideFunc(func() (*guest, error) { return nil, gongular.Error(http.StatusUnauthorized, "who are you?") })
	e := mego.New().App(app)
	var handle gongular.HandlerFunc
	e.Method("func", gongular.HandlerFunc(func(c *gongular.Context) error { return handle(c) }))
	e.Method("guest", gongular.Reply(replies[*guest]{}))
	s := serve(t, e)
	c := s.dial(t, 0)
	for status, want := range map[int]int{
		400: mego.StatusInvalid, 401: mego.StatusNotAuthorized, 403: mego.StatusNoPermission, 404: mego.StatusNotFound, 408: mego.StatusTimeout,
		409: mego.StatusExists, 413: mego.StatusFileTooLarge, 418: mego.StatusInvalid, 422: mego.StatusInvalid, 429: mego.StatusTooManyRequests,
		500: mego.StatusError, 501: mego.StatusUnimplemented, 502: mego.StatusError, 503: mego.StatusBusy, 504: mego.StatusTimeout,
	} {
		handle = func(*gongular.Context) error { return gongular.Error(status, "text") }
		c.wantErr(want, "text", "func", nil)
	}
	handle = func(*gongular.Context) error { return gongular.ParseError{Place: "Query", Reason: "odd"} }
	c.wantErr(mego.StatusInvalid, "Query: odd", "func", nil)
	handle = func(c *gongular.Context) error { c.SetBody(failing{}); return nil }
	c.wantErr(mego.StatusError, "mego: result cannot be encoded", "func", nil)
	handle = func(c *gongular.Context) error { _, err := c.Writer().Write([]byte("x")); return err }
	c.wantErr(mego.StatusError, "mego: internal error", "func", nil)
	handle = func(*gongular.Context) error { return nil }
	c.want(nil, "func", nil)
	c.wantErr(mego.StatusNotAuthorized, "who are you?", "guest", nil)
}

type replies[T any] struct{ Guest T }

func (h replies[T]) Handle(c *gongular.Context) (string, error) { return "hello", nil }
