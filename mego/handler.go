package mego

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/mego/msgpack"
)

// App sets the gongular engine by which the handlers of [Engine.Method] are
// filled and checked: it has their dependencies, rules and converters. It must be
// called before Method; without, there is an engine that has none.
//
// The engine also provides the [*Context] of a request from then on, for
// a handler that asks for one.
func (e *Engine) App(app *gongular.Engine) *Engine {
	app.CustomProvide(new(Context), func(c *gongular.Context) (any, error) {
		if mc := FromContext(c.Context()); mc != nil {
			return mc, nil
		}
		return nil, errNoMethod
	})
	e.mu.Lock()
	defer e.mu.Unlock()
	e.app = app
	return e
}

var errNoMethod = errors.New("mego: the handler was not called as a method")

type contextKey struct{}

// FromContext returns the [Context] of the request for which a handler of
// [Engine.Method] is called, or nil.
func FromContext(ctx context.Context) *Context {
	c, _ := ctx.Value(contextKey{}).(*Context)
	return c
}

// Method registers a method, as [Engine.Register] does, that is handled by a
// struct as an HTTP request is:
//
//	type CreateUser struct {
//		Body  struct{ Name string `json:"name" valid:"required,alphanum"` }
//		Users *UserStore    // from gongular.Engine.Provide
//		Call  *mego.Context // the request itself, if it is needed
//	}
//
//	func (h *CreateUser) Handle(c *gongular.Context) error {
//		c.SetBody(…)
//		return nil
//	}
//
//	e.App(app).Method("CreateUser", &CreateUser{})
//
// Body has the parameters, decoded by package msgpack; Param, Query, Header and
// Cookie are those of the HTTP request that began the connection. What is set as
// body is the result. An error becomes one for the client, by the status that
// [gongular.StatusCode] says:
//
//	400, 422 and others below 500      StatusInvalid
//	401 StatusNotAuthorized            403 StatusNoPermission
//	404 StatusNotFound                 409 StatusExists
//	408, 504 StatusTimeout             413 StatusFileTooLarge
//	429 StatusTooManyRequests          501 StatusUnimplemented
//	503 StatusBusy                     500 and others: StatusError
//
// The data of a [gongular.ValidationError] is {"fields": {name: message}}. The
// text of an error of status 500 and more is reported to [DefaultErrorWriter] and
// not sent, unless it is a [gongular.HTTPError].
//
// It panics as Register does, and for handlers that a route would not take, or
// that have a Form.
func (e *Engine) Method(name string, handler gongular.RequestHandler) *Method {
	e.mu.RLock()
	app := e.app
	e.mu.RUnlock()
	if app == nil {
		app = gongular.NewEngine()
		e.App(app)
	}
	call := app.NewCall(name, handler)
	return e.Register(name, func(c *Context) { c.call(call) })
}

// Check reports the dependencies of the handlers of Method that nobody provides.
// Run calls it; so should a program that mounts the engine, or its test.
func (e *Engine) Check() error {
	e.mu.RLock()
	app := e.app
	e.mu.RUnlock()
	if app == nil {
		return nil
	}
	return app.Check()
}

// call runs a struct handler and responds.
func (c *Context) call(call *gongular.Call) {
	r := c.Request.WithContext(context.WithValue(c.Request.Context(), contextKey{}, c))
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(c.params)), int64(len(c.params))
	status, body, err := call.Run(r, decodeBody)
	switch {
	case err != nil:
		c.respondWithCause(err)
	case status >= 400:
		c.RespondWithError(statusFor(status), result(body), nil)
	default:
		c.Respond(result(body))
	}
}

// decodeBody is msgpack.Unmarshal without what a client has no use for in an
// error.
func decodeBody(data []byte, v any) error {
	err := msgpack.Unmarshal(data, v)
	e, ok := errors.AsType[*msgpack.DecodeError](err)
	if !ok {
		return err
	}
	reason := e.Reason
	if found, _, ok := strings.Cut(reason, " into struct {"); ok { // its fields are nobody's business
		reason = found + " into a struct"
	}
	if e.Path != "" {
		reason = e.Path + ": " + reason
	}
	return errors.New(reason)
}

// result returns what a handler has set as body, as it can be encoded. A reader
// that fails cannot.
func result(body any) any {
	r, ok := body.(io.Reader)
	if !ok {
		return body
	}
	if closer, ok := r.(io.Closer); ok {
		defer closer.Close()
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return unreadable{err}
	}
	return data
}

// An unreadable result is one that cannot be encoded.
type unreadable struct{ err error }

// MarshalMsgpack returns why.
func (u unreadable) MarshalMsgpack() ([]byte, error) { return nil, u.err }

// respondWithCause tells the client of an error, or that there is one.
func (c *Context) respondWithCause(err error) {
	status := gongular.StatusCode(err)
	code := statusFor(status)
	if invalid, ok := errors.AsType[gongular.ValidationError](err); ok {
		c.RespondWithError(code, H{"fields": invalid.Fields}, err)
		return
	}
	if public, ok := errors.AsType[*gongular.HTTPError](err); ok {
		c.RespondWithError(code, nil, public)
		return
	}
	if status >= 500 {
		report("method %s: %s", printable(c.Method.Name), printable(err.Error()))
		c.RespondWithError(code, nil, nil)
		return
	}
	if failed, ok := errors.AsType[gongular.InjectionError](err); ok {
		err = failed.UnderlyingError
	}
	c.RespondWithError(code, nil, err)
}

// statusFor returns the code for an HTTP status of 400 and more.
func statusFor(status int) int {
	switch status {
	case http.StatusUnauthorized:
		return StatusNotAuthorized
	case http.StatusForbidden:
		return StatusNoPermission
	case http.StatusNotFound:
		return StatusNotFound
	case http.StatusConflict:
		return StatusExists
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return StatusTimeout
	case http.StatusRequestEntityTooLarge:
		return StatusFileTooLarge
	case http.StatusTooManyRequests:
		return StatusTooManyRequests
	case http.StatusNotImplemented:
		return StatusUnimplemented
	case http.StatusServiceUnavailable:
		return StatusBusy
	}
	if status < 500 {
		return StatusInvalid
	}
	return StatusError
}
