package bind_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/gongular/gongular/bind"
)

// checkError compares err with the error wanted, which has no cause; nil is none.
func checkError(t testing.TB, err error, want *bind.Error) {
	t.Helper()
	if want == nil {
		if err != nil {
			t.Errorf("got error %v, want none", err)
		}
		return
	}
	got, ok := err.(bind.Error)
	if !ok {
		t.Errorf("got %T %v, want %v", err, err, *want)
		return
	}
	got.Err = nil
	if got != *want {
		t.Errorf("\n got %+q\nwant %+q", fields(got), fields(*want))
	}
}

func fields(e bind.Error) []string {
	return []string{e.Place, e.FieldName, e.Reason, e.Key, fmt.Sprint(e.Status)}
}

// checkText compares the text of err, with "" for none.
func checkText(t testing.TB, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("\n got error %q\nwant error %q", got, want)
	}
}

func mustCompile[T any](t testing.TB, src bind.Source) *bind.Plan {
	t.Helper()
	p, err := bind.Compile(reflect.TypeFor[T](), src, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustCompileBody[T any](t testing.TB) *bind.BodyPlan {
	t.Helper()
	p, err := bind.CompileBody(reflect.TypeFor[T](), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A request is a Request with the limits that it is bound under.
type request struct {
	bind.Request
	limits *bind.Limits
}

func requestOf(r *http.Request) *request { return &request{Request: bind.Request{R: r}} }

// bound is p.Bind(v, req).
func bound(p interface {
	Bind(reflect.Value, *bind.Request, *bind.Limits) error
}, v reflect.Value, req *request) error {
	return p.Bind(v, &req.Request, req.limits)
}

// bindNew binds req into a new T, which has the plan's defaults.
func bindNew[T any](t testing.TB, src bind.Source, req *request) (T, error) {
	t.Helper()
	var v T
	p := mustCompile[T](t, src)
	p.SetDefaults(reflect.ValueOf(&v).Elem())
	err := bound(p, reflect.ValueOf(&v).Elem(), req)
	return v, err
}

func bindBody[T any](t testing.TB, req *request) (T, error) {
	t.Helper()
	var v T
	p := mustCompileBody[T](t)
	p.SetDefaults(reflect.ValueOf(&v).Elem())
	err := bound(p, reflect.ValueOf(&v).Elem(), req)
	return v, err
}

// closeAfter closes req when the test is over.
func closeAfter(t testing.TB, req *request) *request {
	t.Cleanup(func() {
		if err := req.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return req
}

func query(raw string) *request {
	r := httptest.NewRequest("GET", "/", nil)
	r.URL.RawQuery = raw
	return requestOf(r)
}

func post(contentType, body string) *request {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return requestOf(r)
}

func form(body string) *request {
	return post("application/x-www-form-urlencoded", body)
}

func jsonBody(body string) *request {
	return post("application/json", body)
}

// limited gives req limits of its own: the usual ones, changed by change.
func limited(req *request, change func(*bind.Limits)) *request {
	l := bind.DefaultLimits()
	change(&l)
	req.limits = &l
	return req
}

func strict(req *request) *request {
	return limited(req, func(l *bind.Limits) { l.Strict = true })
}

// A part is one part of a multipart form: a file if it has a file name.
type part struct {
	key, filename, content string
}

const boundary = "xXxBOUNDARYxXx"

func multipartText(parts ...part) string {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary(boundary); err != nil {
		panic(err)
	}
	for _, p := range parts {
		var out io.Writer
		var err error
		if p.filename != "" {
			out, err = w.CreateFormFile(p.key, p.filename)
		} else {
			out, err = w.CreateFormField(p.key)
		}
		if err == nil {
			_, err = io.WriteString(out, p.content)
		}
		if err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

func multipartForm(parts ...part) *request {
	return post("multipart/form-data; boundary="+boundary, multipartText(parts...))
}

// A delivery puts values under a key into a request.
type delivery struct {
	src  bind.Source
	name string
	make func(key string, values ...string) *request // nil where the values cannot be sent so
}

var deliveries = []delivery{
	{bind.Param, "param", func(key string, values ...string) *request {
		if len(values) > 1 {
			return nil
		}
		r := httptest.NewRequest("GET", "/", nil)
		for _, v := range values {
			r.SetPathValue(key, v)
		}
		return requestOf(r)
	}},
	{bind.Query, "query", func(key string, values ...string) *request {
		return query(url.Values{key: values}.Encode())
	}},
	{bind.Header, "header", func(key string, values ...string) *request {
		r := httptest.NewRequest("GET", "/", nil)
		for _, v := range values {
			r.Header.Add(key, v)
		}
		return requestOf(r)
	}},
	{bind.Cookie, "cookie", func(key string, values ...string) *request {
		r := httptest.NewRequest("GET", "/", nil)
		for _, v := range values {
			c := &http.Cookie{Name: key, Value: v}
			if c.Valid() != nil {
				return nil
			}
			r.AddCookie(c)
		}
		return requestOf(r)
	}},
	{bind.Form, "urlencoded", func(key string, values ...string) *request {
		return form(url.Values{key: values}.Encode())
	}},
	{bind.Form, "multipart", func(key string, values ...string) *request {
		var parts []part
		for _, v := range values {
			parts = append(parts, part{key: key, content: v})
		}
		return multipartForm(parts...)
	}},
}

var tagOf = map[bind.Source]string{
	bind.Param: "param", bind.Query: "q", bind.Header: "header", bind.Cookie: "cookie", bind.Form: "form",
}

// structOf is a struct with one field V of type t.
func structOf(t reflect.Type, tag string) reflect.Type {
	return reflect.StructOf([]reflect.StructField{{Name: "V", Type: t, Tag: reflect.StructTag(tag)}})
}

// tempDir makes a new directory the one for temporary files.
func tempDir(t testing.TB) string {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	return dir
}

func checkEmpty(t testing.TB, dir string) {
	t.Helper()
	if names := listDir(t, dir); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}

func listDir(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A counter counts the bytes read from r.
type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func (c *counter) Close() error { return nil }

var errBroken = errors.New("the wire is broken")

// failing yields text and then err.
func failing(text string, err error) io.Reader {
	return io.MultiReader(strings.NewReader(text), errReader{err})
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func ptr[T any](v T) *T { return &v }
