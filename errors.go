package gongular

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gongular/gongular/bind"
	"github.com/gongular/gongular/inject"
	"github.com/gongular/gongular/validate"
	"github.com/gongular/gongular/ws"
)

// The places that a [ParseError] or [ValidationError] names.
const (
	// PlaceParameter says that the error is in the path.
	PlaceParameter = bind.PlaceParam
	// PlaceQuery says that the error is in the query string.
	PlaceQuery = bind.PlaceQuery
	// PlaceBody says that the error is in the body.
	PlaceBody = bind.PlaceBody
	// PlaceForm says that the error is in the submitted form.
	PlaceForm = bind.PlaceForm
	// PlaceHeader says that the error is in the header.
	PlaceHeader = bind.PlaceHeader
	// PlaceCookie says that the error is in a cookie.
	PlaceCookie = bind.PlaceCookie
)

// A ParseError reports a part of the request that could not be read or does not
// fit its field: its Place, FieldName and Reason. Its StatusCode is 400, or 408,
// 413 or 415 where that says more. It is used as a value.
type ParseError = bind.Error

// An InjectionError reports a dependency that a handler could not be given: its
// type Tip, its Key ("default" without one) and the UnderlyingError, which is
// [ErrNoSuchDependency] or what the provider returned. Its StatusCode is that of
// the provider's error, if that has one, else 500. It is used as a value.
type InjectionError = inject.Error

// ErrNoSuchDependency is the UnderlyingError where nothing was provided.
var ErrNoSuchDependency = inject.ErrNoSuchDependency

// A ValidationError reports all fields of one section of the request that break
// a rule of their valid tags. It is used as a value.
type ValidationError struct {
	// Fields has a message for each failing field, by its name: that of its json
	// tag, else its Go name; where two are equal, by the path to it.
	Fields map[string]string
	// Place is the section, one of the Place constants.
	Place string
	// Errors are the same in field order, with paths and rules.
	Errors validate.Errors `json:"-"`

	keys []bind.Key // of the section, for the names that the client knows
}

// Error lists the fields, sorted by name.
func (v ValidationError) Error() string {
	var b strings.Builder
	b.WriteString(v.Place + ": validation failed")
	for i, name := range sortedKeys(v.Fields) {
		if i > 0 {
			b.WriteString(";")
		} else {
			b.WriteString(":")
		}
		b.WriteString(" " + name + ": " + v.Fields[name])
	}
	return b.String()
}

// Unwrap returns Errors.
func (v ValidationError) Unwrap() error {
	if len(v.Errors) == 0 {
		return nil
	}
	return v.Errors
}

// StatusCode returns 400. (Options.ValidationStatus is a matter of the default
// error handler.)
func (v ValidationError) StatusCode() int { return http.StatusBadRequest }

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// An HTTPError is an error with the status and text of its answer. Make one
// with [Error].
type HTTPError struct {
	status  int
	message string
	cause   error
	header  http.Header
}

// Error returns an error that is answered with the status and, by the default
// error handler, with the message as its body. A status outside of 400 to 599
// counts as 500. An empty message stands for the status's text.
func Error(status int, message string) *HTTPError {
	if message == "" {
		message = http.StatusText(status)
	}
	return &HTTPError{status: status, message: message}
}

// Wrap sets the cause, which is logged and found by errors.Is and errors.As,
// but not sent. It returns e.
func (e *HTTPError) Wrap(cause error) *HTTPError {
	e.cause = cause
	return e
}

// Header adds a header to the answer, as in
// Error(503, "").Header("Retry-After", "30"). It returns e.
func (e *HTTPError) Header(key, value string) *HTTPError {
	if e.header == nil {
		e.header = http.Header{}
	}
	e.header.Add(key, value)
	return e
}

// Error returns the message.
func (e *HTTPError) Error() string { return e.message }

// Unwrap returns the cause.
func (e *HTTPError) Unwrap() error { return e.cause }

// StatusCode returns the status.
func (e *HTTPError) StatusCode() int { return e.status }

// A PanicError is what a panic in a handler or provider becomes. Its text says
// nothing of the panic, so that it may be sent to the client.
type PanicError struct {
	// Value is what panic was called with.
	Value any
	// Stack is the stack of the goroutine at the panic, as by runtime/debug.Stack.
	Stack []byte
}

// Error returns "internal server error".
func (e *PanicError) Error() string { return "internal server error" }

// Unwrap returns the panic's value if that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// StatusCode returns 500.
func (e *PanicError) StatusCode() int { return http.StatusInternalServerError }

// StatusCode returns the status that err is answered with by the default error
// handler: that of the first error in its tree with a method StatusCode() int,
// if it is within 400 to 599, else 500.
func StatusCode(err error) int {
	var coder interface{ StatusCode() int }
	if errors.As(err, &coder) {
		if code := coder.StatusCode(); 400 <= code && code <= 599 {
			return code
		}
	}
	return http.StatusInternalServerError
}

// An ErrorHandler decides what an error becomes: it sets status and body of the
// answer. The chain has been stopped when it is called. See
// [Engine.SetErrorHandler].
type ErrorHandler func(err error, c *Context)

// defaultErrorHandler answers as the original's: a ParseError or
// ValidationError as an object under its name, an InjectionError without a
// body, everything else as its text.
func defaultErrorHandler(err error, c *Context) {
	c.Logger().Println("the request failed:", err)
	status := StatusCode(err)
	c.MustStatus(status)
	if c.options().ProblemErrors {
		c.MustStatus(c.problemStatus(err, status))
		c.setProblem(err)
		return
	}
	if e, ok := errors.AsType[InjectionError](err); ok && status >= 500 {
		c.Logger().Println("could not inject a field:", e)
		c.clearBody()
	} else if ok {
		c.SetBody(e.UnderlyingError.Error())
	} else if e, ok := asValue[ValidationError](err); ok {
		c.MustStatus(c.options().ValidationStatus)
		c.SetBody(map[string]any{"ValidationError": e})
	} else if e, ok := asValue[ParseError](err); ok {
		c.SetBody(map[string]any{"ParseError": e})
	} else {
		c.SetBody(err.Error())
	}
}

// asValue finds an error of the value type E, or a pointer to one, in err's tree.
func asValue[E error](err error) (E, bool) {
	if e, ok := errors.AsType[E](err); ok {
		return e, true
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if p, ok := any(err).(*E); ok && p != nil {
			return *p, true
		}
	}
	var zero E
	return zero, false
}

// A problem is the body of an error as RFC 9457 has it.
type problem struct {
	Type     string         `json:"type"`
	Title    string         `json:"title"`
	Status   int            `json:"status"`
	Detail   string         `json:"detail,omitempty"`
	Instance string         `json:"instance,omitempty"`
	Errors   []problemField `json:"errors,omitempty"`
}

// A problemField is what is wrong with one field. One of the first four says
// which: a JSON Pointer into the body (as a URI fragment), or a name.
type problemField struct {
	Pointer   string `json:"pointer,omitempty"`
	Parameter string `json:"parameter,omitempty"` // of path, query or form
	Header    string `json:"header,omitempty"`
	Cookie    string `json:"cookie,omitempty"`
	Place     string `json:"place"`
	Rule      string `json:"rule,omitempty"`
	Detail    string `json:"detail"`
}

func (c *Context) problemStatus(err error, status int) int {
	if _, ok := asValue[ValidationError](err); ok {
		return c.options().ValidationStatus
	}
	return status
}

// setProblem makes err, or without one the status alone, the body.
func (c *Context) setProblem(err error) {
	p := problem{Type: "about:blank", Title: http.StatusText(int(c.status)), Status: int(c.status)}
	if r := c.Request(); r != nil {
		p.Instance = r.URL.EscapedPath()
	}
	if err != nil && c.status < 500 {
		if e, ok := asValue[ValidationError](err); ok {
			p.Detail = e.Place + ": validation failed"
			p.Errors = e.problems()
		} else if e, ok := asValue[ParseError](err); ok {
			p.Detail = e.Error()
			p.Errors = []problemField{placeField(e.Place, e.Key, strings.Split(e.Key, "."), "", e.Reason)}
		} else if e, ok := errors.AsType[InjectionError](err); ok {
			p.Detail = e.UnderlyingError.Error()
		} else {
			p.Detail = err.Error()
		}
	}
	c.Header("Content-Type", "application/problem+json")
	c.SetBody(p)
}

// problems lists the fields of a ValidationError under the names that the
// client knows.
func (v ValidationError) problems() []problemField {
	list := make([]problemField, len(v.Errors))
	for i, e := range v.Errors {
		key := e.Name
		for _, k := range v.keys {
			if k.Field == e.Path {
				key = k.Name
			}
		}
		list[i] = placeField(v.Place, key, e.Pointer, e.Rule, e.Message)
	}
	return list
}

func placeField(place, key string, pointer []string, rule, detail string) problemField {
	f := problemField{Place: place, Rule: rule, Detail: detail}
	switch place {
	case PlaceBody:
		if len(pointer) > 0 && pointer[0] != "" {
			escape := strings.NewReplacer("~", "~0", "/", "~1")
			f.Pointer = "#"
			for _, name := range pointer {
				f.Pointer += "/" + escape.Replace(name)
			}
		}
	case PlaceHeader:
		f.Header = key
	case PlaceCookie:
		f.Cookie = key
	default:
		f.Parameter = key
	}
	return f
}

// setErrorHeaders sets what belongs to the error whatever the error handler
// says of it.
func (c *Context) setErrorHeaders(err error) {
	if e, ok := errors.AsType[*HTTPError](err); ok {
		for key, values := range e.header {
			for _, value := range values {
				c.addHeader(key, value)
			}
		}
	}
	if e, ok := errors.AsType[*ws.HandshakeError](err); ok {
		for key, values := range e.Header {
			for _, value := range values {
				c.addHeader(key, value)
			}
		}
	}
	e, ok := asValue[ParseError](err)
	if !ok {
		return
	}
	switch e.Status {
	case http.StatusUnsupportedMediaType:
		if e.Place == PlaceForm && e.FieldName == "" {
			c.Header("Accept-Post", bind.AcceptedForms())
		} else if limits := c.limits(); e.Place == PlaceBody && limits != nil {
			c.Header("Accept-Post", bind.AcceptedBodies(limits))
		}
	case http.StatusRequestEntityTooLarge, http.StatusRequestTimeout:
		if c.bind.R != nil && c.bind.R.ProtoMajor < 2 { // where others do not share the connection
			c.Header("Connection", "close") // the rest of the body is not worth reading
		}
	}
}

// A setupError is one mistake in the program, found at registration.
type setupError struct {
	location string // file:line of the call
	subject  string // what was being registered, as in `GET "/users/:ID"`
	err      error
}

func (e *setupError) Error() string {
	s := "gongular: " + e.location + ": "
	if e.subject != "" {
		s += e.subject + ": "
	}
	return s + e.err.Error()
}

func (e *setupError) Unwrap() error { return e.err }

// prefixed puts a prefix before each of the errors that err joins.
func prefixed(prefix string, err error) error {
	return eachError(err, func(err error) error { return fmt.Errorf("%s%w", prefix, err) })
}

// inField is prefixed for errors about a field or about what is in it: those
// begin with a path, which the field's name is put before with a dot.
func inField(name string, err error) error {
	return eachError(err, func(err error) error {
		if path, _, ok := strings.Cut(err.Error(), ": "); ok && !strings.Contains(path, " ") {
			return fmt.Errorf("%s.%w", name, err)
		}
		return fmt.Errorf("%s: %w", name, err)
	})
}

// eachError applies f to each of the errors that err joins.
func eachError(err error, f func(error) error) error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return f(err)
	}
	var errs []error
	for _, e := range joined.Unwrap() {
		errs = append(errs, eachError(e, f))
	}
	return errors.Join(errs...)
}
