package gongular_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular"
)

// ctxAnswer serves one request with the function as its handler, and returns the
// answer, what the request logged and what the engine logged.
func ctxAnswer(t testing.TB, f func(c *gongular.Context) error, options ...gongular.Options) (w *httptest.ResponseRecorder, logs, log string) {
	t.Helper()
	var o gongular.Options
	if len(options) > 0 {
		o = options[0]
	}
	var buf *bytes.Buffer
	o.Logger, buf = logged()
	e := gongular.NewEngine(o)
	e.SetRouteCallback(func(stat gongular.RouteStat) { logs = stat.Logs.String() })
	e.GET("/", gongular.HandlerFunc(f))
	w = httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w, logs, buf.String()
}

func TestStatus(t *testing.T) {
	for _, test := range []struct {
		name string
		set  func(c *gongular.Context)
		want string
		log  string // part of the request's log; "" for an empty one
	}{
		{"none", func(c *gongular.Context) { c.SetBody("x") }, `200 "x"`, ""},
		{"the first wins", func(c *gongular.Context) { c.Status(201); c.Status(202) }, "201", "status 202 was not set: it is 201 already"},
		{"MustStatus replaces", func(c *gongular.Context) { c.Status(201); c.MustStatus(202) }, "202", ""},
		{"MustStatus replaces itself", func(c *gongular.Context) { c.MustStatus(201); c.MustStatus(202) }, "202", ""},
		{"Status after MustStatus", func(c *gongular.Context) { c.MustStatus(201); c.Status(202) }, "201", "status 202 was not set"},
		{"Fail replaces", func(c *gongular.Context) { c.Status(201); c.SetBody("ok"); c.Fail(403, "no entry") }, `403 "no entry"`, ""},
		{"Fail without a body", func(c *gongular.Context) { c.SetBody("ok"); c.Fail(403, nil) }, "403", ""},
		{"999", func(c *gongular.Context) { c.Status(999); c.SetBody("x") }, `999 "x"`, ""},
	} {
		w, logs, log := ctxAnswer(t, func(c *gongular.Context) error { test.set(c); return nil })
		if got := strings.TrimSpace(fmt.Sprintf("%d %s", w.Code, w.Body)); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
		if !strings.Contains(logs, test.log) || test.log == "" && logs != "" || log != "" {
			t.Errorf("%s: the logs are %q and %q, want %q", test.name, logs, log, test.log)
		}
	}
}

// A status that HTTP does not have is a 500, by way of the error handler.
func TestStatusInvalid(t *testing.T) {
	for _, status := range []int{1, 42, 100, 199, 1000, -1} {
		w, _, log := ctxAnswer(t, func(c *gongular.Context) error {
			c.Status(status)
			c.SetBody("secret")
			return nil
		})
		if w.Code != 500 || w.Body.String() != `"Internal Server Error"` || !strings.Contains(log, fmt.Sprintf("%d is not a status of an answer", status)) {
			t.Errorf("%d: got %d %s, log %q", status, w.Code, w.Body, log)
		}
	}
}

// Fail and StopChain keep the later handlers from running; what is set stays.
func TestStop(t *testing.T) {
	for name, stop := range map[string]func(c *gongular.Context) error{
		`403 "no"`:   func(c *gongular.Context) error { c.Fail(403, "no"); return nil },
		`202 "wait"`: func(c *gongular.Context) error { c.Status(202); c.SetBody("wait"); c.StopChain(); return nil },
		`409 "err"`:  func(c *gongular.Context) error { c.SetBody("x"); return gongular.Error(409, "err") },
	} {
		e := gongular.NewEngine()
		e.GET("/", gongular.HandlerFunc(stop), gongular.HandlerFunc(func(*gongular.Context) error {
			t.Error("a handler ran after the end of the chain")
			return nil
		}))
		if got := muxAsk(e, "GET /"); got != name {
			t.Errorf("got %q, want %q", got, name)
		}
	}
}

func TestHeader(t *testing.T) {
	w, _, log := ctxAnswer(t, func(c *gongular.Context) error {
		c.Header("x-one", "1")
		c.Header("X-ONE", "2")
		c.Header("X-Empty", "")
		c.Headers().Add("Set-Cookie", "a=1")
		c.Headers().Add("Set-Cookie", "b=2")
		c.Headers().Add("Vary", "A")
		c.Headers().Add("Vary", "B")
		return nil
	})
	want := http.Header{"X-One": {"2"}, "X-Empty": {""}, "Set-Cookie": {"a=1", "b=2"}, "Vary": {"A", "B"}}
	if !reflect.DeepEqual(w.Header(), want) || log != "" {
		t.Errorf("got %v, want %v; log %q", w.Header(), want, log)
	}
}

func TestHeaderInvalid(t *testing.T) {
	for _, bad := range [][2]string{
		{"X-Bad", "a\r\nSet-Cookie: x=1"}, {"X-Bad", "a\nb"}, {"X-Bad", "a\rb"}, {"X-Bad", "a\x00b"}, {"X Bad", "a"}, {"X-Bad\r\nSet-Cookie", "a"}, {"", "a"}, {"X-Bäd", "a"}, {"X:Bad", "a"},
	} {
		w, _, log := ctxAnswer(t, func(c *gongular.Context) error {
			c.Header("X-Bad", "good")
			c.Header(bad[0], bad[1])
			return nil
		})
		if !reflect.DeepEqual(w.Header(), http.Header{"X-Bad": {"good"}}) || !strings.Contains(log, "an invalid header was not set") {
			t.Errorf("%q: header %v, log %q", bad, w.Header(), log)
		}
	}
}

func TestSetCookie(t *testing.T) {
	e := gongular.NewEngine()
	e.GET("/", gongular.HandlerFunc(func(c *gongular.Context) error {
		given := &http.Cookie{Name: "a", Value: "1"}
		if err := c.SetCookie(given); err != nil || given.HttpOnly {
			t.Errorf("%v, %v", err, given)
		}
		if err := c.SetCookie(&http.Cookie{Name: "b", Value: "2", Path: "/", SameSite: http.SameSiteStrictMode, Secure: true, MaxAge: 5}); err != nil {
			t.Error(err)
		}
		for _, bad := range []*http.Cookie{{Name: "a b", Value: "1"}, {Name: "", Value: "1"}, {Name: "c", Value: "1;2"}, {Name: "c", Value: "1\r\n"}, {Name: "c", Path: "/;x"}, {Name: "c", Domain: "-"}} {
			if err := c.SetCookie(bad); err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("cookie %q: ", bad.Name)) {
				t.Errorf("%v: %v", bad, err)
			}
		}
		return nil
	}))
	plain := start(t, e)
	secure := httptest.NewTLSServer(e)
	defer secure.Close()
	for s, want := range map[*httptest.Server][]string{
		plain:  {"a=1; HttpOnly; SameSite=Lax", "b=2; Path=/; Max-Age=5; HttpOnly; Secure; SameSite=Strict"},
		secure: {"a=1; HttpOnly; Secure; SameSite=Lax", "b=2; Path=/; Max-Age=5; HttpOnly; Secure; SameSite=Strict"},
	} {
		res := muxGet(t, s, "/")
		body(t, res)
		if got := res.Header["Set-Cookie"]; !reflect.DeepEqual(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A ctxReader gives text and then an error, and tells whether it was closed.
type ctxReader struct {
	io.Reader
	closed int
}

func (r *ctxReader) Close() error {
	r.closed++
	return nil
}

type ctxMarshaler struct{}

func (ctxMarshaler) MarshalJSON() ([]byte, error) { return nil, errors.New("it does not want to") }

func TestSetBody(t *testing.T) {
	type item struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}
	const sniffed, jsonType = "text/plain; charset=utf-8", "application/json"
	long := strings.Repeat("x", 5000)
	for _, test := range []struct {
		name     string
		body     any
		options  gongular.Options
		want     string
		wantType string
	}{
		{"nil", nil, gongular.Options{}, "", ""},
		{"string", "x", gongular.Options{}, `"x"`, jsonType},
		{"empty string", "", gongular.Options{}, `""`, jsonType},
		{"HTML in a string", "<a&b>", gongular.Options{}, `"\u003ca\u0026b\u003e"`, jsonType},
		{"number", 5, gongular.Options{}, "5", jsonType},
		{"false", false, gongular.Options{}, "false", jsonType},
		{"bytes", []byte("hello"), gongular.Options{}, "hello", sniffed},
		{"bytes of HTML", []byte("<html>"), gongular.Options{}, "<html>", "text/html; charset=utf-8"},
		{"bytes of an image", []byte("\x89PNG\r\n\x1a\n"), gongular.Options{}, "\x89PNG\r\n\x1a\n", "image/png"},
		{"reader", strings.NewReader("hello"), gongular.Options{}, "hello", sniffed},
		{"long reader", strings.NewReader(long), gongular.Options{}, long, sniffed},
		{"reader of one block", strings.NewReader(long[:512]), gongular.Options{}, long[:512], sniffed},
		{"reader byte by byte", iotest.OneByteReader(strings.NewReader(long)), gongular.Options{}, long, sniffed},
		{"empty reader", strings.NewReader(""), gongular.Options{}, "", ""},
		{"RawMessage", json.RawMessage(`{"a": 1}`), gongular.Options{}, `{"a":1}`, jsonType},
		{"struct", item{"n", nil}, gongular.Options{}, `{"name":"n","tags":null}`, jsonType},
		{"pointer", &item{"n", []string{"t"}}, gongular.Options{}, `{"name":"n","tags":["t"]}`, jsonType},
		{"nil pointer", (*item)(nil), gongular.Options{}, "null", jsonType},
		{"nil slice", []int(nil), gongular.Options{}, "null", jsonType},
		{"nil map", map[string]int(nil), gongular.Options{}, "null", jsonType},
		{"nil slice as empty", []int(nil), gongular.Options{EmptySlices: true}, "[]", jsonType},
		{"nil map as empty", map[string]int(nil), gongular.Options{EmptySlices: true}, "{}", jsonType},
		{"slice that is not nil", []int{1}, gongular.Options{EmptySlices: true}, "[1]", jsonType},
		{"nil pointer stays", (*item)(nil), gongular.Options{EmptySlices: true}, "null", jsonType},
		{"nil inside stays", item{}, gongular.Options{EmptySlices: true}, `{"name":"","tags":null}`, jsonType},
		{"indented", map[string]any{"a": []int{1}}, gongular.Options{Indent: "  "}, "{\n  \"a\": [\n    1\n  ]\n}", jsonType},
		{"error", errors.New("x"), gongular.Options{}, "{}", jsonType},
	} {
		e := gongular.NewEngine(test.options)
		e.GET("/", gongular.HandlerFunc(func(c *gongular.Context) error { c.SetBody(test.body); return nil }))
		res := muxGet(t, start(t, e), "/")
		if got := body(t, res); res.StatusCode != 200 || got != test.want || res.Header.Get("Content-Type") != test.wantType {
			t.Errorf("%s: got %d %.80q of %q, want %.80q of %q", test.name, res.StatusCode, got, res.Header.Get("Content-Type"), test.want, test.wantType)
		}
	}
}

// One answer's JSON is not what another's buffer held before.
func TestBodiesOneAfterAnother(t *testing.T) {
	logger, _ := logged()
	e := gongular.NewEngine(gongular.Options{Logger: logger})
	e.GET("/:N", gongular.HandlerFunc(func(c *gongular.Context) error {
		n := len(c.Params().ByName("N"))
		if n%2 == 0 {
			c.SetBody(func() {})
		} else {
			c.SetBody(strings.Repeat("x", n*10000))
		}
		return nil
	}))
	for _, n := range []int{7, 2, 1, 4, 3} {
		w := get(e, "/"+strings.Repeat("n", n))
		if want := `"` + strings.Repeat("x", n*10000) + `"`; n%2 == 1 && w.Body.String() != want {
			t.Errorf("%d: got %d bytes", n, w.Body.Len())
		} else if n%2 == 0 && w.Code != 500 {
			t.Errorf("%d: got %d", n, w.Code)
		}
	}
}

func TestOwnContentType(t *testing.T) {
	for _, v := range []any{map[string]string{"title": "x"}, []byte("x"), strings.NewReader("x")} {
		w, _, _ := ctxAnswer(t, func(c *gongular.Context) error {
			c.Header("content-type", "application/vnd.own+json")
			c.SetBody(v)
			return nil
		})
		if got := w.Header()["Content-Type"]; !reflect.DeepEqual(got, []string{"application/vnd.own+json"}) {
			t.Errorf("%T: %q", v, got)
		}
	}
}

// A reader that can be closed is, once, whatever becomes of the answer.
func TestBodyIsClosed(t *testing.T) {
	for name, f := range map[string]func(c *gongular.Context, r *ctxReader){
		"sent":             func(c *gongular.Context, r *ctxReader) { c.SetBody(r) },
		"replaced":         func(c *gongular.Context, r *ctxReader) { c.SetBody(r); c.SetBody("x") },
		"removed":          func(c *gongular.Context, r *ctxReader) { c.SetBody(r); c.SetBody(nil) },
		"of a 204":         func(c *gongular.Context, r *ctxReader) { c.Status(204); c.SetBody(r) },
		"redirect":         func(c *gongular.Context, r *ctxReader) { c.SetBody(r); c.Redirect(303, "/x") },
		"too late":         func(c *gongular.Context, r *ctxReader) { c.Finalize(); c.SetBody(r) },
		"after Writer":     func(c *gongular.Context, r *ctxReader) { io.WriteString(c.Writer(), "x"); c.SetBody(r) },
		"bad status":       func(c *gongular.Context, r *ctxReader) { c.Status(42); c.SetBody(r) },
		"a panic":          func(c *gongular.Context, r *ctxReader) { c.SetBody(r); panic("x") },
		"failing reader":   func(c *gongular.Context, r *ctxReader) { r.Reader = iotest.ErrReader(io.ErrClosedPipe); c.SetBody(r) },
		"a Fail behind it": func(c *gongular.Context, r *ctxReader) { c.SetBody(r); c.Fail(400, "x") },
	} {
		r := &ctxReader{Reader: strings.NewReader("text")}
		ctxAnswer(t, func(c *gongular.Context) error { f(c, r); return nil })
		if r.closed != 1 {
			t.Errorf("%s: closed %d times", name, r.closed)
		}
	}
}

func TestBodylessStatus(t *testing.T) {
	logger, log := logged()
	e := gongular.NewEngine(gongular.Options{Logger: logger})
	for _, status := range []int{204, 205, 304} {
		for kind, v := range map[string]any{"json": "x", "bytes": []byte("x"), "reader": strings.NewReader("x")} {
			e.GET(fmt.Sprintf("/%d/%s", status, kind), gongular.HandlerFunc(func(c *gongular.Context) error {
				c.Status(status)
				c.SetBody(v)
				return nil
			}))
		}
	}
	s := start(t, e)
	for rt := range e.Routes() {
		res := muxGet(t, s, rt.Pattern)
		text := body(t, res)
		if !strings.HasPrefix(rt.Pattern, fmt.Sprint("/", res.StatusCode, "/")) || text != "" || res.Header.Get("Content-Type") != "" {
			t.Errorf("%s: %d %q %v", rt.Pattern, res.StatusCode, text, res.Header)
		}
	}
	if log.Len() > 0 {
		t.Errorf("log: %s", log)
	}
}

// A body that cannot be encoded is a 500 by the error handler, whatever status
// was set, and nothing of it is sent.
func TestBodyThatCannotBeEncoded(t *testing.T) {
	loop := map[string]any{}
	loop["self"] = loop
	for _, v := range []any{make(chan int), func() {}, math.NaN(), ctxMarshaler{}, loop, []any{1, 2, math.Inf(1)}} {
		logger, log := logged()
		e := gongular.NewEngine(gongular.Options{Logger: logger})
		var seen error
		e.SetErrorHandler(func(err error, c *gongular.Context) {
			seen = err
			c.Fail(gongular.StatusCode(err), "sorry")
		})
		e.GET("/", gongular.HandlerFunc(func(c *gongular.Context) error {
			c.Status(201)
			c.SetBody(v)
			return nil
		}))
		w := get(e, "/")
		if w.Code != 500 || w.Body.String() != `"sorry"` || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%T: %d %q %v", v, w.Code, w.Body, w.Header())
		}
		if cause := errors.Unwrap(seen); cause == nil || !strings.HasPrefix(cause.Error(), fmt.Sprintf("encode the body, a %T: ", v)) || !strings.Contains(log.String(), "encode the body") {
			t.Errorf("%T: error %v, log %q", v, seen, log)
		}
	}
}

// An error handler whose own answer cannot be written still leaves a 500.
func TestErrorHandlerThatFails(t *testing.T) {
	for name, f := range map[string]gongular.ErrorHandler{
		"encode": func(err error, c *gongular.Context) { c.SetBody(func() {}) },
		"status": func(err error, c *gongular.Context) { c.MustStatus(42) },
		"panic":  func(err error, c *gongular.Context) { c.SetBody("half"); panic("again") },
	} {
		logger, log := logged()
		e := gongular.NewEngine(gongular.Options{Logger: logger})
		e.SetErrorHandler(f)
		for path, handler := range map[string]gongular.HandlerFunc{
			"/error": func(*gongular.Context) error { return errors.New("x") },
			"/body":  func(c *gongular.Context) error { c.SetBody(math.NaN()); return nil },
			"/panic": func(*gongular.Context) error { panic("first") },
		} {
			e.GET(path, handler)
			if w := get(e, path); w.Code != 500 || w.Body.Len() != 0 {
				t.Errorf("%s %s: %d %q", name, path, w.Code, w.Body)
			}
		}
		if log.Len() == 0 {
			t.Errorf("%s: nothing is logged", name)
		}
	}
}

// A reader that fails before its first bytes is a 500; one that fails later
// breaks the connection off, so that the client knows.
func TestReaderThatFails(t *testing.T) {
	logger, log := logged()
	e := gongular.NewEngine(gongular.Options{Logger: logger})
	broken := errors.New("the disk is gone")
	e.GET("/once", gongular.HandlerFunc(func(c *gongular.Context) error {
		c.Status(201)
		c.Header("Content-Type", "text/csv")
		c.SetBody(io.MultiReader(strings.NewReader("few"), iotest.ErrReader(broken)))
		return nil
	}))
	e.GET("/later", gongular.HandlerFunc(func(c *gongular.Context) error {
		c.SetBody(io.MultiReader(strings.NewReader(strings.Repeat("x", 100000)), iotest.ErrReader(broken)))
		return nil
	}))
	s := start(t, e)
	res := muxGet(t, s, "/once")
	if text := body(t, res); res.StatusCode != 500 || text != `"Internal Server Error"` || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("once: %d %q %v", res.StatusCode, text, res.Header)
	}
	res = muxGet(t, s, "/later")
	text, err := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode != 200 || err == nil || strings.Contains(string(text), "gone") {
		t.Errorf("later: %d, %d bytes, %v", res.StatusCode, len(text), err)
	}
	s.Close()
	if !strings.Contains(log.String(), "an answer broke off") || strings.Count(log.String(), "the disk is gone") != 2 {
		t.Errorf("log: %s", log)
	}
}

// An error after the first bytes is never appended to them.
func TestErrorAfterFirstBytes(t *testing.T) {
	logger, log := logged()
	e := gongular.NewEngine(gongular.Options{Logger: logger})
	for path, f := range map[string]gongular.HandlerFunc{
		"/error": func(*gongular.Context) error { return errors.New("too late") },
		"/panic": func(*gongular.Context) error { panic("too late") },
	} {
		e.GET(path, gongular.HandlerFunc(func(c *gongular.Context) error {
			io.WriteString(c.Writer(), "first")
			http.NewResponseController(c.Writer()).Flush()
			return nil
		}), f)
	}
	s := start(t, e)
	for _, path := range []string{"/error", "/panic"} {
		res := muxGet(t, s, path)
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if string(text) != "first" || err == nil {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	s.Close()
	if strings.Count(log.String(), "an answer broke off") != 2 {
		t.Errorf("log: %s", log)
	}
}

func TestFinalize(t *testing.T) {
	var first, second int
	w, _, log := ctxAnswer(t, func(c *gongular.Context) error {
		c.Status(201)
		c.SetBody("first")
		first = c.Finalize()
		c.SetBody("second")
		c.Header("X-Late", "1")
		c.MustStatus(202)
		c.Fail(500, "x")
		second = c.Finalize()
		return nil
	})
	if w.Code != 201 || w.Body.String() != `"first"` || w.Header().Get("X-Late") != "" || first != 7 || second != 7 {
		t.Errorf("%d %q %v, sizes %d and %d", w.Code, w.Body, w.Header(), first, second)
	}
	if n := strings.Count(log, "the answer is written; a later change of it is ignored"); n != 5 {
		t.Errorf("%d lines: %s", n, log)
	}
}

func TestWriter(t *testing.T) {
	for _, test := range []struct {
		name string
		f    func(c *gongular.Context)
		want string
		log  string
	}{
		{"with the status that was set", func(c *gongular.Context) { c.Status(202); io.WriteString(c.Writer(), "x") }, "202 x", ""},
		{"with 200", func(c *gongular.Context) { io.WriteString(c.Writer(), "x"); io.WriteString(c.Writer(), "y") }, "200 xy", ""},
		{"WriteHeader wins", func(c *gongular.Context) { c.Status(202); c.Writer().WriteHeader(203); io.WriteString(c.Writer(), "x") }, "203 x", ""},
		{"a second WriteHeader", func(c *gongular.Context) { c.Writer().WriteHeader(203); c.Writer().WriteHeader(204) }, "203", "a second status is ignored"},
		{"WriteHeader alone", func(c *gongular.Context) { c.Writer().WriteHeader(404) }, "404", ""},
		{"SetBody afterwards", func(c *gongular.Context) { io.WriteString(c.Writer(), "x"); c.SetBody("y") }, "200 x", "the body that was set is ignored"},
		{"SetBody before", func(c *gongular.Context) { c.SetBody("y"); io.WriteString(c.Writer(), "x") }, "200 x", "the body that was set is ignored"},
		{"ReadFrom", func(c *gongular.Context) { c.Status(202); io.Copy(c.Writer(), strings.NewReader("copied")) }, "202 copied", ""},
		{"Flush alone", func(c *gongular.Context) { c.Status(202); c.Writer().(http.Flusher).Flush() }, "202", ""},
	} {
		w, _, log := ctxAnswer(t, func(c *gongular.Context) error { test.f(c); return nil })
		if got := strings.TrimSpace(fmt.Sprintf("%d %s", w.Code, w.Body)); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
		if !strings.Contains(log, test.log) || test.log == "" && log != "" {
			t.Errorf("%s: log %q, want %q", test.name, log, test.log)
		}
	}
}

// An early hint is not the answer yet.
func TestWriterEarlyHint(t *testing.T) {
	e := gongular.NewEngine()
	e.GET("/", gongular.HandlerFunc(func(c *gongular.Context) error {
		c.Header("Link", "</x.css>; rel=preload")
		c.Writer().WriteHeader(103)
		c.Status(201)
		c.SetBody("x")
		return nil
	}))
	_, r := muxRaw(t, start(t, e), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if res, _ := muxRead(t, r, "GET"); res.StatusCode != 103 || res.Header.Get("Link") == "" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	if res, text := muxRead(t, r, "GET"); res.StatusCode != 201 || text != `"x"` {
		t.Errorf("%d %q", res.StatusCode, text)
	}
}

// Flush sends what there is, over a connection, and the header with it.
func TestWriterFlush(t *testing.T) {
	e := gongular.NewEngine()
	gate := make(chan struct{})
	e.GET("/", gongular.HandlerFunc(func(c *gongular.Context) error {
		c.Status(202)
		c.Header("X-Early", "1")
		c.Writer().(http.Flusher).Flush()
		<-gate
		io.WriteString(c.Writer(), "late")
		return nil
	}))
	res := muxGet(t, start(t, e), "/")
	if res.StatusCode != 202 || res.Header.Get("X-Early") != "1" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	close(gate)
	if got := body(t, res); got != "late" {
		t.Errorf("got %q", got)
	}
}

// Once the connection is taken over, the engine writes nothing to it.
func TestWriterHijack(t *testing.T) {
	logger, log := logged()
	e := gongular.NewEngine(gongular.Options{Logger: logger})
	for path, after := range map[string]func(c *gongular.Context) error{
		"/nothing": func(c *gongular.Context) error { return nil },
		"/body":    func(c *gongular.Context) error { c.SetBody("body"); return nil },
		"/error":   func(c *gongular.Context) error { return errors.New("after all") },
		"/panic":   func(c *gongular.Context) error { panic("after all") },
	} {
		e.GET(path, gongular.HandlerFunc(func(c *gongular.Context) error {
			conn, _, err := c.Writer().(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return err
			}
			io.WriteString(conn, "raw")
			return after(c)
		}))
	}
	e.SetRouteCallback(func(stat gongular.RouteStat) {
		if stat.ResponseSize != 0 {
			t.Errorf("size %d", stat.ResponseSize)
		}
	})
	for rt := range e.Routes() {
		func() {
			conns, done := make(chan net.Conn, 1), make(chan struct{})
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(done)
				e.ServeHTTP(ctxHijacked{w, conns}, r)
				(<-conns).Close()
			}))
			defer s.Close()
			_, r := muxRaw(t, s, "GET "+rt.Pattern+" HTTP/1.1\r\nHost: x\r\n\r\n")
			if got, _ := io.ReadAll(r); string(got) != "raw" {
				t.Errorf("%s: got %q", rt.Pattern, got)
			}
			<-done
		}()
	}
	if !strings.Contains(log.String(), "a request failed after its connection was taken over") {
		t.Errorf("log: %s", log)
	}
}

// A ctxHijacked hands out the connection that was taken over.
type ctxHijacked struct {
	http.ResponseWriter
	conns chan net.Conn
}

func (w ctxHijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := w.ResponseWriter.(http.Hijacker).Hijack()
	if err == nil {
		w.conns <- conn
	}
	return conn, rw, err
}

func TestWriterUnwrap(t *testing.T) {
	w := httptest.NewRecorder()
	c := gongular.NewContext(w, httptest.NewRequest("GET", "/", nil))
	if got := c.Writer().(interface{ Unwrap() http.ResponseWriter }).Unwrap(); got != w {
		t.Errorf("got %T", got)
	}
	if _, _, err := http.NewResponseController(c.Writer()).Hijack(); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("Hijack of a recorder: %v", err)
	}
}

// All of the zero Context works, or is an error; nothing panics.
func TestZeroContext(t *testing.T) {
	c := new(gongular.Context)
	c.Status(201)
	c.Status(202)
	c.Header("X-A", "1")
	c.Header("X-B", "a\nb")
	c.Headers().Add("X-A", "2")
	c.SetBody(map[string]int{"a": 1})
	c.Logger().Println("logged")
	c.Slog().Debug("logged")
	c.StopChain()
	c.Attachment("a.txt")
	if err := c.SetCookie(&http.Cookie{Name: "a", Value: "b"}); err != nil {
		t.Error(err)
	}
	if got := c.Headers()["X-A"]; !reflect.DeepEqual(got, []string{"1", "2"}) {
		t.Errorf("header %q", got)
	}
	if c.Request() != nil || c.Params() != nil || c.Params().ByName("x") != "" {
		t.Errorf("request %v, params %v", c.Request(), c.Params())
	}
	if c.Context() == nil || c.Context().Err() != nil {
		t.Errorf("context %v", c.Context())
	}
	if _, err := c.URL("x"); err == nil || err.Error() != `no route is named "x": the context has no engine` {
		t.Errorf("URL: %v", err)
	}
	key := gongular.NewKey[int]("n")
	if _, ok := gongular.Get(c, key); ok {
		t.Error("there is a value")
	}
	gongular.Set(c, key, 5)
	if v, ok := gongular.Get(c, key); v != 5 || !ok {
		t.Errorf("value %d, %v", v, ok)
	}
	rc := http.NewResponseController(c.Writer())
	if err := rc.Flush(); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("Flush: %v", err)
	}
	if err := rc.SetReadDeadline(time.Time{}); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("SetReadDeadline: %v", err)
	}
	if _, _, err := rc.Hijack(); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("Hijack: %v", err)
	}
	c.Fail(403, "no")
	c.Finalize()
	c.Finalize()

	for name, f := range map[string]func(c *gongular.Context){
		"File":   func(c *gongular.Context) { c.File("context_test.go") },
		"FileFS": func(c *gongular.Context) { c.FileFS(fstest.MapFS{"x": {Data: []byte("x")}}, "x") },
		"Writer": func(c *gongular.Context) {
			io.WriteString(c.Writer(), "x")
			io.Copy(c.Writer(), strings.NewReader("y"))
		},
		"Redirect":  func(c *gongular.Context) { c.Redirect(303, "/") },
		"bad body":  func(c *gongular.Context) { c.SetBody(func() {}) },
		"reader":    func(c *gongular.Context) { c.SetBody(strings.NewReader(strings.Repeat("x", 5000))) },
		"status":    func(c *gongular.Context) { c.Status(42) },
		"MustState": func(c *gongular.Context) { c.MustStatus(204); c.SetBody([]byte("x")) },
	} {
		c := new(gongular.Context)
		f(c)
		if size := c.Finalize(); size < 0 {
			t.Errorf("%s: size %d", name, size)
		}
	}
}

type ctxGreet struct{ Name string }

func (h *ctxGreet) Handle(c *gongular.Context) error {
	c.Status(201)
	c.SetBody("hello, " + h.Name + c.Request().URL.Query().Get("x"))
	return nil
}

// NewContext is for the test of one handler.
func TestNewContext(t *testing.T) {
	w := httptest.NewRecorder()
	c := gongular.NewContext(w, httptest.NewRequest("GET", "/?x=!", nil))
	if err := (&ctxGreet{"ada"}).Handle(c); err != nil {
		t.Fatal(err)
	}
	if size := c.Finalize(); size != 13 || w.Code != 201 || w.Body.String() != `"hello, ada!"` {
		t.Errorf("%d: %d %q", size, w.Code, w.Body)
	}
	if c.Params() != nil {
		t.Errorf("params %v", c.Params())
	}
}

func TestRedirect(t *testing.T) {
	for _, test := range []struct {
		status   int
		target   string
		external bool
		want     string
	}{
		{303, "/x", false, ""},
		{301, "/x/y?z=//a#b", false, ""},
		{302, "/", false, ""},
		{308, "/%2F%2Fevil", false, ""},
		{303, "//evil.example", false, `redirect to "//evil.example": not a path of this site`},
		{303, `/\evil.example`, false, `redirect to "/\\evil.example": not a path of this site`},
		{303, "https://evil.example", false, `redirect to "https://evil.example": not a path of this site`},
		{303, "x", false, `redirect to "x": not a path of this site`},
		{303, "", false, `redirect to "": not a path of this site`},
		{303, "/\tx", false, `redirect to "/\tx": it has a space or control character`},
		{303, "/\t/evil.example", false, `redirect to "/\t/evil.example": it has a space or control character`},
		{303, "/x\r\nSet-Cookie: a=b", false, `redirect to "/x\r\nSet-Cookie: a=b": it has a space or control character`},
		{303, "https://other.example/x", true, ""},
		{303, "//other.example/x", true, ""},
		{303, "https://other.example/\x00", true, `redirect to "https://other.example/\x00": it has a space or control character`},
		{200, "/x", false, `redirect to "/x": 200 is no status of a redirect`},
		{304, "/x", false, `redirect to "/x": 304 is no status of a redirect`},
		{400, "/x", true, `redirect to "/x": 400 is no status of a redirect`},
	} {
		w, _, _ := ctxAnswer(t, func(c *gongular.Context) error {
			c.Status(201)
			c.SetBody("body")
			f := c.Redirect
			if test.external {
				f = c.RedirectExternal
			}
			got := ""
			if err := f(test.status, test.target); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("%d %q: got %q, want %q", test.status, test.target, got, test.want)
			}
			return nil
		})
		if test.want == "" && (w.Code != test.status || w.Header().Get("Location") != test.target || w.Body.Len() > 0) {
			t.Errorf("%q: %d %q %q", test.target, w.Code, w.Header().Get("Location"), w.Body)
		}
		if test.want != "" && (w.Code != 201 || w.Header().Get("Location") != "") {
			t.Errorf("%q: %d %q", test.target, w.Code, w.Header().Get("Location"))
		}
	}
}

// The logs of a request end at 64 KiB, and say what was left away.
func TestLoggerLimit(t *testing.T) {
	line := strings.Repeat("x", 1023) + "\n"
	_, logs, _ := ctxAnswer(t, func(c *gongular.Context) error {
		logger := c.Logger()
		logger.SetFlags(0)
		for range 70 {
			logger.Print(line)
		}
		return nil
	})
	want := strings.Repeat(line, 64) + "(6144 bytes over the limit of 65536 were dropped)\n"
	if logs != want {
		t.Errorf("got %d bytes that end with %q", len(logs), logs[max(0, len(logs)-100):])
	}
	_, logs, _ = ctxAnswer(t, func(c *gongular.Context) error {
		c.Logger().SetFlags(0)
		c.Logger().Print("one")
		c.Logger().Print("two")
		return nil
	})
	if logs != "one\ntwo\n" {
		t.Errorf("got %q", logs)
	}
}

func TestSlog(t *testing.T) {
	logger, buf := logged()
	e := gongular.NewEngine(gongular.Options{Logger: logger})
	e.Group("/g").POST("/:ID", gongular.HandlerFunc(func(c *gongular.Context) error {
		c.Slog().Info("hello", "n", 5)
		return nil
	}))
	do(e, "POST", "/g/7?secret=1", "", "")
	if got := buf.String(); !strings.HasSuffix(got, "level=INFO msg=hello method=POST path=/g/7 route=/g/:ID n=5\n") {
		t.Errorf("got %q", got)
	}
}

// Keys are compared by address and have the type of their values.
func TestKeys(t *testing.T) {
	user, other := gongular.NewKey[string]("user"), gongular.NewKey[string]("user")
	failure, number := gongular.NewKey[error]("failure"), gongular.NewKey[int]("n")
	if user.String() != "user" {
		t.Errorf("name %q", user)
	}
	e := gongular.NewEngine()
	e.GET("/", gongular.HandlerFunc(func(c *gongular.Context) error {
		if _, ok := gongular.Get(c, user); ok {
			t.Error("a value of the request before")
		}
		gongular.Set(c, user, "ada")
		gongular.Set(c, user, "bo")
		gongular.Set(c, failure, nil)
		gongular.Set(c, number, 0)
		return nil
	}), gongular.HandlerFunc(func(c *gongular.Context) error {
		if v, ok := gongular.Get(c, user); v != "bo" || !ok {
			t.Errorf("user: %q, %v", v, ok)
		}
		if v, ok := gongular.Get(c, other); v != "" || ok {
			t.Errorf("other: %q, %v", v, ok)
		}
		if v, ok := gongular.Get(c, failure); v != nil || !ok {
			t.Errorf("failure: %v, %v", v, ok)
		}
		if v, ok := gongular.Get(c, number); v != 0 || !ok {
			t.Errorf("number: %v, %v", v, ok)
		}
		return nil
	}))
	get(e, "/")
	get(e, "/")
}

// The context of a request ends when its client goes away.
func TestContextEndsWithClient(t *testing.T) {
	e := gongular.NewEngine()
	running, ended := make(chan struct{}), make(chan error, 1)
	e.GET("/", gongular.HandlerFunc(func(c *gongular.Context) error {
		close(running)
		<-c.Context().Done()
		ended <- c.Context().Err()
		return nil
	}))
	s := start(t, e)
	conn, _ := muxRaw(t, s, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-running
	conn.Close()
	if err := <-ended; err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

// Options.Timeout ends the context; its error is a 503, that of another context
// is not.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, _ := logged()
		e := gongular.NewEngine(gongular.Options{Timeout: time.Minute, Logger: logger})
		wait := func(c *gongular.Context) error {
			<-c.Context().Done()
			return fmt.Errorf("query: %w", c.Context().Err())
		}
		e.GET("/engine", gongular.HandlerFunc(wait))
		e.GET("/route", gongular.HandlerFunc(wait)).With(gongular.Options{Timeout: time.Second})
		e.GET("/fast", gongular.HandlerFunc(func(c *gongular.Context) error { c.SetBody("done"); return nil }))
		e.GET("/other", gongular.HandlerFunc(func(c *gongular.Context) error {
			ctx, cancel := context.WithTimeout(c.Context(), time.Millisecond)
			defer cancel()
			<-ctx.Done()
			return ctx.Err()
		}))
		e.GET("/own", gongular.HandlerFunc(func(c *gongular.Context) error {
			<-c.Context().Done()
			c.SetBody("partial")
			return nil
		}))
		for _, test := range []struct {
			path, want string
			after      time.Duration
		}{
			{"/engine", `503 "Service Unavailable"`, time.Minute},
			{"/route", `503 "Service Unavailable"`, time.Second},
			{"/fast", `200 "done"`, 0},
			{"/other", `500 "context deadline exceeded"`, time.Millisecond},
			{"/own", `200 "partial"`, time.Minute},
		} {
			began := time.Now()
			if got := muxAsk(e, "GET "+test.path); got != test.want {
				t.Errorf("%s: got %q, want %q", test.path, got, test.want)
			}
			if got := time.Since(began); got != test.after {
				t.Errorf("%s: after %v, want %v", test.path, got, test.after)
			}
		}
	})
}

// A Context is made for each request: no larger than a line of the processor's memory.
func TestContextSize(t *testing.T) {
	if size := reflect.TypeFor[gongular.Context]().Size(); size > 64 {
		t.Errorf("%d bytes", size)
	}
}
