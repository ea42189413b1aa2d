package gongtest

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gongular/gongular"
)

// A Response is the answer to a request. Its methods that expect something fail
// the test and end it, as t.Fatal does, so that they belong in the test's own
// goroutine.
type Response struct {
	Status int
	Header http.Header
	Body   []byte

	// Aborted reports that the handler broke the answer off with
	// http.ErrAbortHandler. The rest is what it had written until then, of which
	// a client may see less; Status is 0 if that is nothing.
	Aborted bool

	t    testing.TB
	name string // of the request
}

// Expect fails the test if the status is another, or the answer was broken off.
// It returns r.
func (r *Response) Expect(status int) *Response {
	r.t.Helper()
	if r.Aborted {
		r.fatalf("the handler broke the answer off, want status %s", statusText(status))
	}
	if r.Status != status {
		r.fatalf("status %s, want %s", statusText(r.Status), statusText(status))
	}
	return r
}

// Redirect fails the test if the answer is not a redirect to the location. It
// returns r.
func (r *Response) Redirect(location string) *Response {
	r.t.Helper()
	switch got := r.Header.Get("Location"); {
	case r.Aborted || r.Status < 300 || r.Status > 399 || r.Status == http.StatusNotModified:
		r.fatalf("status %s, want a redirect to %q", statusText(r.Status), location)
	case got != location:
		r.fatalf("a redirect to %q, want to %q", got, location)
	}
	return r
}

// Cookie returns the cookie that the answer sets, and fails the test if it does
// not set it. Of several with the name it is the last, as it is for browsers.
func (r *Response) Cookie(name string) *http.Cookie {
	r.t.Helper()
	var names []string
	for _, c := range slices.Backward((&http.Response{Header: r.Header}).Cookies()) {
		if c.Name == name {
			return c
		}
		names = append(names, c.Name)
	}
	r.fatalf("sets no cookie %q, only %q", name, names)
	return nil
}

// Text returns the body.
func (r *Response) Text() string { return string(r.Body) }

// JSON decodes the body into v, and fails the test if it is not JSON, by its
// Content-Type or its text, or does not fit. It returns r.
func (r *Response) JSON(v any) *Response {
	r.t.Helper()
	mt, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if mt != "application/json" && !strings.HasSuffix(mt, "+json") {
		r.fatalf("the answer is not JSON")
	}
	if err := json.Unmarshal(r.Body, v); err != nil {
		r.fatalf("decode the answer: %v", err)
	}
	return r
}

// Decode returns the body as a T, on the conditions of [Response.JSON].
func Decode[T any](r *Response) T {
	r.t.Helper()
	var v T
	r.JSON(&v)
	return v
}

// ParseError fails the test if the answer is not a [gongular.ParseError] of the
// place and field, as the default error handler writes it. The field is its Go
// name, and "" where a whole part is unreadable. The error is returned, for its
// Reason, with the answer's status.
func (r *Response) ParseError(place, field string) gongular.ParseError {
	r.t.Helper()
	want := fmt.Sprintf("a ParseError of %s", placeText(place, field))
	var body struct{ ParseError *gongular.ParseError }
	r.clientError(want, &body)
	e := body.ParseError
	switch {
	case e == nil:
		r.fatalf("status %s, want %s", statusText(r.Status), want)
	case e.Place != place || e.FieldName != field:
		r.fatalf("a ParseError of %s, want of %s", placeText(e.Place, e.FieldName), placeText(place, field))
	}
	e.Status = r.Status
	return *e
}

// ValidationError fails the test if the answer is not a
// [gongular.ValidationError] of the place and exactly the fields, as the default
// error handler writes it. Without fields, any will do. The error is returned,
// for its messages.
func (r *Response) ValidationError(place string, fields ...string) gongular.ValidationError {
	r.t.Helper()
	fields = slices.Sorted(slices.Values(fields))
	want := "a ValidationError of " + placeText(place, fields...)
	var body struct{ ValidationError *gongular.ValidationError }
	r.clientError(want, &body)
	e := body.ValidationError
	if e == nil {
		r.fatalf("status %s, want %s", statusText(r.Status), want)
	}
	got := make([]string, 0, len(e.Fields))
	for name := range e.Fields {
		got = append(got, name)
	}
	slices.Sort(got)
	if e.Place != place || len(fields) > 0 && !slices.Equal(got, fields) {
		r.fatalf("a ValidationError of %s, want of %s", placeText(e.Place, got...), placeText(place, fields...))
	}
	return *e
}

// clientError decodes the body of an answer that must be a client's error.
func (r *Response) clientError(want string, body any) {
	r.t.Helper()
	if r.Aborted || r.Status < 400 || r.Status > 499 || json.Unmarshal(r.Body, body) != nil {
		r.fatalf("status %s, want %s", statusText(r.Status), want)
	}
}

func placeText(place string, fields ...string) string {
	if names := strings.Join(fields, ", "); names != "" {
		return fmt.Sprintf("%q: %s", place, names)
	}
	return fmt.Sprintf("%q", place)
}

// A Problem is an error as RFC 9457 has it, as engines with
// Options.ProblemErrors write it.
type Problem struct {
	Type     string         `json:"type"`
	Title    string         `json:"title"`
	Status   int            `json:"status"`
	Detail   string         `json:"detail"`
	Instance string         `json:"instance"`
	Errors   []ProblemError `json:"errors"`
}

// A ProblemError is what is wrong with one field. One of the first four says
// which; Rule is empty for a value that could not be parsed.
type ProblemError struct {
	Pointer   string `json:"pointer"` // into the body, as in #/items/2/price
	Parameter string `json:"parameter"`
	Header    string `json:"header"`
	Cookie    string `json:"cookie"`
	Place     string `json:"place"`
	Rule      string `json:"rule"`
	Detail    string `json:"detail"`
}

// Problem returns the problem that the answer is, and fails the test if it is
// none: by its type, its text, or a status in it that is not the answer's.
func (r *Response) Problem() Problem {
	r.t.Helper()
	if mt, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); r.Aborted || mt != "application/problem+json" {
		r.fatalf("status %s, want a problem", statusText(r.Status))
	}
	p := Decode[Problem](r)
	if p.Status != r.Status {
		r.fatalf("status %s, but its problem says %d", statusText(r.Status), p.Status)
	}
	return p
}

// fatalf fails the test with the request before the message and the answer
// behind it.
func (r *Response) fatalf(format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf("%s: %s; %s", r.name, fmt.Sprintf(format, args...), r.shown())
}

// shown is the answer for a message: its type and body, shortened to what one
// can read.
func (r *Response) shown() string {
	const most = 4 << 10
	if len(r.Body) == 0 {
		return "it has no body"
	}
	kind := r.Header.Get("Content-Type")
	if kind == "" {
		kind = "without a Content-Type"
	}
	if !utf8.Valid(r.Body) {
		return fmt.Sprintf("its body, %s, is %d bytes: %.200q", kind, len(r.Body), r.Body)
	}
	if len(r.Body) > most {
		return fmt.Sprintf("its body, %s, begins:\n%s\n(%d bytes in all)", kind, strings.ToValidUTF8(string(r.Body[:most]), ""), len(r.Body))
	}
	return fmt.Sprintf("its body, %s:\n%s", kind, r.Body)
}
