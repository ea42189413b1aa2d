package gongular_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular"
)

type called struct {
	Param struct{ ID int }
	Query struct{ Q string }
	Body  struct {
		Name string `json:"name" valid:"required"`
	}
}

func (h *called) Handle(c *gongular.Context) error {
	switch h.Body.Name {
	case "error":
		return errors.New("no")
	case "panic":
		panic("oh")
	case "fail":
		c.Fail(http.StatusConflict, "taken")
		return nil
	}
	c.SetBody([]any{h.Param.ID, h.Query.Q, h.Body.Name})
	return nil
}

// A call fills a handler as a route does, from a body of any kind.
func TestCall(t *testing.T) {
	e := gongular.NewEngine(gongular.Options{MaxBody: 10})
	call := e.NewCall("greet", &called{})
	run := func(body string) (int, any, error) {
		r := httptest.NewRequest("GET", "/?Q=q", io.NopCloser(strings.NewReader(body)))
		r.Header.Set("Content-Type", "text/plain")
		r.SetPathValue("ID", "7")
		return call.Run(r, json.Unmarshal)
	}
	long := strings.Repeat("x", 100) // longer than MaxBody
	if status, body, err := run(`{"name":"` + long + `"}`); status != 200 || err != nil || body.([]any)[0] != 7 || body.([]any)[1] != "q" || body.([]any)[2] != long {
		t.Errorf("%d, %v, %v", status, body, err)
	}
	if _, _, err := run(`{"name":""}`); err == nil || err.Error() != "Body: validation failed: name: non zero value required" {
		t.Errorf("invalid: %v", err)
	}
	if _, _, err := run(`{"name":5}`); !strings.HasPrefix(err.Error(), "Body: json: cannot unmarshal") {
		t.Errorf("another type: %v", err)
	}
	if _, _, err := run(`{"name":"error"}`); err == nil || err.Error() != "no" {
		t.Errorf("error: %v", err)
	}
	if status, body, err := run(`{"name":"fail"}`); status != 409 || body != "taken" || err != nil {
		t.Errorf("fail: %d, %v, %v", status, body, err)
	}
	func() {
		defer func() {
			if got := recover(); got != "oh" {
				t.Errorf("panic with %v", got)
			}
		}()
		run(`{"name":"panic"}`)
	}()
}

type calledTx struct{ Tx *callTx }
type callTx struct{}

func (h *calledTx) Handle(c *gongular.Context) error {
	if c.Request().URL.Path == "/panic" {
		panic("oh")
	}
	c.Status(http.StatusAccepted)
	if _, err := c.Writer().Write(nil); err == nil || err.Error() != "gongular: a call has no HTTP response" {
		return errors.New("there is a response")
	}
	<-c.Context().Done()
	return c.Context().Err()
}

// Cleanups see how a call ends; Options.Timeout ends it.
func TestCallOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := gongular.NewEngine(gongular.Options{Timeout: time.Second})
		var outcome error
		e.ProvideFunc(func() (*callTx, func(error) error) {
			return new(callTx), func(err error) error { outcome = err; return nil }
		})
		call := e.NewCall("tx", &calledTx{})
		_, _, err := call.Run(httptest.NewRequest("GET", "/", nil), nil)
		if !errors.Is(err, context.DeadlineExceeded) || gongular.StatusCode(err) != 503 || !errors.Is(outcome, context.DeadlineExceeded) {
			t.Errorf("%v, outcome %v", err, outcome)
		}
		func() {
			defer func() { recover() }()
			call.Run(httptest.NewRequest("GET", "/panic", nil), nil)
		}()
		if outcome == nil || outcome.Error() != "the handler was aborted" {
			t.Errorf("outcome of a panic: %v", outcome)
		}
	})
}

// Mistakes are found when a call is made, and by Check.
func TestCallMistakes(t *testing.T) {
	e := gongular.NewEngine()
	for want, h := range map[string]gongular.RequestHandler{
		`"x": *gongular_test.callForm: Form: a call has no form`: &callForm{},
		`"x": handler 1 is nil`:                                  nil,
	} {
		func() {
			defer func() {
				err, _ := recover().(error)
				if err == nil || !strings.HasPrefix(err.Error(), "gongular: call_test.go:") || !strings.HasSuffix(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
			}()
			e.NewCall("x", h)
		}()
	}
	e.NewCall("tx", &calledTx{})
	if err := e.Check(); err == nil || !strings.Contains(err.Error(), `"tx": *gongular_test.calledTx: Tx`) {
		t.Errorf("Check: %v", err)
	}
	for rt := range e.Routes() {
		t.Errorf("a route %v", rt)
	}
}

type callForm struct{ Form struct{ A int } }

func (h *callForm) Handle(c *gongular.Context) error { return nil }
