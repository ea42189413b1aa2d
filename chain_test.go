package gongular_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gongular/gongular"
)

// handler is a shorthand for a function as a handler.
func handler(f func(c *gongular.Context) error) gongular.RequestHandler {
	return gongular.HandlerFunc(f)
}

// A panic is a 500 through the error handler, with nothing of it in the body; the
// rest of the chain does not run, the callback is told, and the next request on
// the same connection is served.
func TestPanic(t *testing.T) {
	logger, log := logged()
	e := gongular.NewEngine(gongular.Options{Logger: logger})
	stats := make(chan gongular.RouteStat, 1)
	e.SetRouteCallback(func(s gongular.RouteStat) { stats <- s })
	var after atomic.Bool
	var nilMap map[string]int
	for name, f := range map[string]func(){
		"string":  func() { panic("the secret") },
		"error":   func() { panic(errors.New("the secret")) },
		"runtime": func() { nilMap["the secret"] = 1 },
		"index":   func() { _ = []string{"the secret"}[len(name0)] },
	} {
		e.GET("/"+name, handler(func(*gongular.Context) error { f(); return nil }),
			handler(func(*gongular.Context) error { after.Store(true); return nil }))
	}
	e.GET("/hello", &helloHandler{})
	s := start(t, e)
	conn, r := raw(t, s.Listener.Addr().String())
	for _, name := range []string{"string", "error", "runtime", "index"} {
		log.Reset()
		fmt.Fprintf(conn, "GET /%s HTTP/1.1\r\nHost: x\r\n\r\n", name)
		res, text := answerOf(t, r, "GET")
		stat := <-stats
		if res.StatusCode != 500 || text != `"internal server error"` {
			t.Errorf("%s: %d %s", name, res.StatusCode, text)
		}
		if !strings.Contains(log.String(), "chain_test.go") || !strings.Contains(log.String(), "route=/"+name) {
			t.Errorf("%s: the log has no stack: %s", name, log)
		}
		var panicked *gongular.PanicError
		if len(stat.Handlers) != 1 || !errors.As(stat.Handlers[0].Error, &panicked) || !stat.Handlers[0].StopChain || stat.ResponseCode != 500 {
			t.Errorf("%s: the callback was told %+v", name, stat)
		}
	}
	if after.Load() {
		t.Error("a handler after the panic ran")
	}
	fmt.Fprint(conn, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
	if res, text := answerOf(t, r, "GET"); res.StatusCode != 200 || text != `"hello"` {
		t.Errorf("afterwards: %d %s", res.StatusCode, text)
	}
	<-stats
}

const name0 = "x"

// http.ErrAbortHandler, and every panic if the options say so, goes on to net/http,
// which sees where it began.
func TestPanicPasses(t *testing.T) {
	cleaned := 0
	for _, test := range []struct {
		options gongular.Options
		value   any
	}{
		{gongular.Options{Logger: silent}, http.ErrAbortHandler},
		{gongular.Options{PassPanics: true, Logger: silent}, "anything"},
	} {
		e := quiet(test.options)
		e.ProvideFunc(func() (*sql.DB, func(error)) { return nil, func(err error) { cleaned++ } })
		e.GET("/", &panicsWithDB{value: test.value})
		func() {
			defer func() {
				if got := recover(); got != test.value {
					t.Errorf("got %v, want %v", got, test.value)
				}
				if stack := string(debug.Stack()); !strings.Contains(stack, "(*panicsWithDB).Handle") {
					t.Errorf("the stack is %s", stack)
				}
			}()
			get(e, "/")
		}()
	}
	if cleaned != 2 {
		t.Errorf("%d cleanups ran, want 2", cleaned)
	}
}

// What an aborted handler has set as its body is closed all the same.
func TestAbortClosesBody(t *testing.T) {
	e := quiet()
	body := &closes{Reader: strings.NewReader("x")}
	e.GET("/", handler(func(c *gongular.Context) error { c.SetBody(body); panic(http.ErrAbortHandler) }))
	mustPanic(t, func() { get(e, "/") })
	if body.n != 1 {
		t.Errorf("the body was closed %d times", body.n)
	}
}

type closes struct {
	io.Reader
	n int
}

func (c *closes) Close() error { c.n++; return nil }

type panicsWithDB struct {
	DB    *sql.DB
	value any
}

func (h *panicsWithDB) Handle(*gongular.Context) error { panic(h.value) }

// A panic after bytes were sent can only cut the answer off.
func TestPanicInStream(t *testing.T) {
	e := quiet(gongular.Options{Logger: silent})
	e.GET("/", handler(func(c *gongular.Context) error {
		w := c.Writer()
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic("x")
	}))
	s := start(t, e)
	res, err := s.Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err == nil || string(b) != "half" {
		t.Errorf("read %q, %v: want an error, so that the client knows", b, err)
	}
}

// A panic in the error handler, or in the callback, still is an answer.
func TestPanicOutsideOfHandlers(t *testing.T) {
	logger, log := logged()
	e := gongular.NewEngine(gongular.Options{Logger: logger})
	e.SetErrorHandler(func(error, *gongular.Context) { panic("handling") })
	e.SetRouteCallback(func(gongular.RouteStat) { panic("calling back") })
	e.GET("/error", handler(func(*gongular.Context) error { return errors.New("x") }))
	e.GET("/hello", &helloHandler{})
	s := start(t, e)
	for path, want := range map[string]int{"/error": 500, "/hello": 200} {
		res, err := s.Client().Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		if body(t, res); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
	}
	for _, want := range []string{"handling", "calling back"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in the log", want)
		}
	}
}

// However often things go wrong while answering, there is an answer, and the
// cleanups run.
func TestPanicWhileAnswering(t *testing.T) {
	e := quiet(gongular.Options{Logger: silent})
	cleaned := 0
	e.ProvideFunc(func() (*sql.DB, func()) { return nil, func() { cleaned++ } })
	g := e.Group("/always", &hNeedsDB{})
	g.GET("/", handler(func(c *gongular.Context) error { c.SetBody(panicsAsJSON{}); return nil }))
	e.GET("/once", &hNeedsDB{}, handler(func(c *gongular.Context) error { c.SetBody(panicsAsJSON{}); return nil }))
	g.SetErrorHandler(func(err error, c *gongular.Context) { c.Fail(500, panicsAsJSON{}) })
	if w := get(e, "/once"); w.Code != 500 || w.Body.String() != `"internal server error"` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get(e, "/always"); w.Code != 500 || w.Body.Len() > 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if cleaned != 2 {
		t.Errorf("%d cleanups ran, want 2", cleaned)
	}
}

// Where not even the log works, the connection is closed, and the cleanups run.
func TestPanicInLog(t *testing.T) {
	e := quiet(gongular.Options{Logger: slog.New(panickingLog{})})
	cleaned := false
	e.ProvideFunc(func() (*sql.DB, func()) { return nil, func() { cleaned = true } })
	e.GET("/", &hNeedsDB{}, handler(func(*gongular.Context) error { panic("x") }))
	if text := mustPanic(t, func() { get(e, "/") }); text != http.ErrAbortHandler.Error() {
		t.Errorf("it panicked with %s", text)
	}
	if !cleaned {
		t.Error("the cleanup did not run")
	}
}

type panickingLog struct{ slog.Handler }

func (panickingLog) Enabled(context.Context, slog.Level) bool { panic("the log") }
func (l panickingLog) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l panickingLog) WithGroup(string) slog.Handler          { return l }

type panicsAsJSON struct{}

func (panicsAsJSON) MarshalJSON() ([]byte, error) { panic("x") }

// Second answers are logged and change nothing.
func TestWriteTwice(t *testing.T) {
	logger, log := logged()
	e := quiet(gongular.Options{Logger: logger})
	e.GET("/", handler(func(c *gongular.Context) error {
		c.Status(201)
		c.SetBody("first")
		if n := c.Finalize(); n != 7 {
			t.Errorf("Finalize returned %d", n)
		}
		c.SetBody("second")
		c.MustStatus(500)
		c.Header("X", "y")
		if n := c.Finalize(); n != 7 {
			t.Errorf("the second Finalize returned %d", n)
		}
		return nil
	}))
	e.GET("/writer", handler(func(c *gongular.Context) error {
		io.WriteString(c.Writer(), "streamed")
		c.Writer().WriteHeader(500)
		c.SetBody("set")
		return nil
	}))
	if w := get(e, "/"); w.Code != 201 || w.Body.String() != `"first"` || w.Header().Get("X") != "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 3 {
		t.Errorf("%d warnings, want 3: %s", n, log)
	}
	log.Reset()
	if w := get(e, "/writer"); w.Code != 200 || w.Body.String() != "streamed" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 2 {
		t.Errorf("%d warnings, want 2: %s", n, log)
	}
}

// A guard stops the chain; later handlers do not run; each is filled by itself.
func TestGuard(t *testing.T) {
	e := quiet()
	ran := false
	g := e.Group("/api/user/:UserID", &failIfFive{})
	g.GET("/name", handler(func(c *gongular.Context) error { ran = true; c.SetBody("hi"); return nil }))
	if w := get(e, "/api/user/5/name"); w.Code != 418 || w.Body.String() != `"Sorry"` || ran {
		t.Errorf("%d %s, ran %t", w.Code, w.Body, ran)
	}
	if w := get(e, "/api/user/4/name"); w.Code != 200 || w.Body.String() != `"hi"` || !ran {
		t.Errorf("%d %s, ran %t", w.Code, w.Body, ran)
	}
	if w := get(e, "/api/user/x/name"); w.Code != 400 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

type failIfFive struct {
	Param struct{ UserID int }
}

func (m *failIfFive) Handle(c *gongular.Context) error {
	if m.Param.UserID == 5 {
		c.Status(http.StatusTeapot)
		c.SetBody("Sorry")
		c.StopChain()
	}
	return nil
}

// A body is read once, and bound by every handler that has one.
func TestBodyBoundTwice(t *testing.T) {
	e := quiet()
	e.POST("/json", &bodyReader{}, &bodyReader{})
	e.POST("/form", &formReader{}, &formReader{})
	if w := do(e, "POST", "/json", jsonType, `{"N":3}`); w.Body.String() != "6" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := do(e, "POST", "/form", urlencoded, `N=3`); w.Body.String() != "6" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

var sum = gongular.NewKey[int]("sum")

func addUp(c *gongular.Context, n int) error {
	have, _ := gongular.Get(c, sum)
	gongular.Set(c, sum, have+n)
	c.SetBody(have + n)
	return nil
}

type bodyReader struct {
	Body struct{ N int }
}

func (h *bodyReader) Handle(c *gongular.Context) error { return addUp(c, h.Body.N) }

type formReader struct {
	Form struct{ N int }
}

func (h *formReader) Handle(c *gongular.Context) error { return addUp(c, h.Form.N) }

// Each request has a copy of the registered value, so that it finds what was set
// there and leaves it as it was.
func TestHandlerValueIsFresh(t *testing.T) {
	e := quiet()
	h := &counting{start: 10, Step: 2}
	e.GET("/", h)
	for range 3 {
		if w := get(e, "/"); w.Body.String() != "12" {
			t.Errorf("%s, want 12", w.Body)
		}
	}
	if h.start != 10 {
		t.Errorf("the registered value became %d", h.start)
	}
	e.Provide(5) // what is provided goes before what is preset
	if w := get(e, "/"); w.Body.String() != "15" {
		t.Errorf("%s, want 15", w.Body)
	}
}

type counting struct {
	start int
	Step  int
}

func (h *counting) Handle(c *gongular.Context) error {
	h.start += h.Step
	c.SetBody(h.start)
	return nil
}

// Providers are asked once for a request, fail it as their error says, and clean
// up after the answer, last first, knowing how the chain ended.
func TestProviders(t *testing.T) {
	logger, log := logged()
	e := quiet(gongular.Options{Logger: logger})
	var events []string
	e.Provide(&benchStore{})
	e.ProvideFunc(func(c *gongular.Context, s *benchStore) (*session, func(error) error, error) {
		if c.Request().Header.Get("Authorization") == "" {
			return nil, nil, gongular.Error(401, "who are you?").Header("WWW-Authenticate", "Bearer")
		}
		if c.Request().Header.Get("Authorization") == "down" {
			return nil, nil, errors.New("the database is down at 10.0.0.7")
		}
		events = append(events, "open session")
		return &session{}, func(err error) error {
			events = append(events, fmt.Sprintf("close session: %v", err))
			return errors.New("it would not close")
		}, nil
	})
	e.ProvideFunc(func(ctx context.Context, s *session) (*transaction, func(error)) {
		events = append(events, "begin")
		return &transaction{}, func(err error) { events = append(events, fmt.Sprintf("end: %v", err)) }
	})
	e.GET("/", &needsSession{}, &needsTransaction{})
	e.GET("/fail", &needsTransaction{}, handler(func(*gongular.Context) error { return errors.New("no") }))

	ask := func(path, authorization string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		w := httptest.NewRecorder()
		events = nil
		e.ServeHTTP(w, r)
		return w
	}
	if err := e.Check(); err != nil {
		t.Error(err)
	}
	if w := ask("/", "me"); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	want := []string{"open session", "begin", "end: <nil>", "close session: <nil>"}
	if !slices.Equal(events, want) {
		t.Errorf("got %q, want %q", events, want)
	}
	if !strings.Contains(log.String(), "it would not close") {
		t.Errorf("the failed cleanup is not in the log: %s", log)
	}
	ask("/fail", "me")
	if want := []string{"open session", "begin", "end: no", "close session: no"}; !slices.Equal(events, want) {
		t.Errorf("got %q, want %q", events, want)
	}
	if w := ask("/", ""); w.Code != 401 || w.Body.String() != `"who are you?"` || w.Header().Get("WWW-Authenticate") != "Bearer" || len(events) > 0 {
		t.Errorf("%d %s %q, events %q", w.Code, w.Body, w.Header(), events)
	}
	if w := ask("/", "down"); w.Code != 500 || w.Body.Len() > 0 {
		t.Errorf("%d %s: want a 500 without a body", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "10.0.0.7") {
		t.Errorf("the provider's error is not in the log: %s", log)
	}
}

type (
	session     struct{ _ int }
	transaction struct{ _ int }
)

type needsSession struct {
	Session *session
	Store   *benchStore
}

func (h *needsSession) Handle(c *gongular.Context) error { return nil }

type needsTransaction struct {
	Session *session
	Tx      *transaction
}

func (h *needsTransaction) Handle(c *gongular.Context) error { return nil }

// An injection error leaves no body of a handler that succeeded before it.
func TestInjectionErrorHasNoBody(t *testing.T) {
	e := quiet(gongular.Options{Logger: silent})
	e.GET("/", handler(func(c *gongular.Context) error { c.SetBody("account data"); return nil }), &hNeedsDB{})
	if w := get(e, "/"); w.Code != 500 || w.Body.Len() > 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// The default error handler finds errors that are wrapped, or pointers.
func TestDefaultErrorHandler(t *testing.T) {
	parse := gongular.ParseError{Place: "P", FieldName: "F", Reason: "R"}
	validation := gongular.ValidationError{Fields: map[string]string{"F": "x"}, Place: "P"}
	for _, test := range []struct {
		name   string
		err    error
		status int
		want   string
	}{
		{"parse", parse, 400, `{"ParseError":{"Place":"P","FieldName":"F","Reason":"R"}}`},
		{"parse wrapped", fmt.Errorf("outer: %w", parse), 400, `{"ParseError":{"Place":"P","FieldName":"F","Reason":"R"}}`},
		{"parse pointer", &parse, 400, `{"ParseError":{"Place":"P","FieldName":"F","Reason":"R"}}`},
		{"validation", validation, 400, `{"ValidationError":{"Fields":{"F":"x"},"Place":"P"}}`},
		{"validation wrapped", fmt.Errorf("outer: %w", &validation), 400, `{"ValidationError":{"Fields":{"F":"x"},"Place":"P"}}`},
		{"plain", errors.New("oh no"), 500, `"oh no"`},
		{"with a status", gongular.Error(409, "taken").Wrap(errors.New("secret")), 409, `"taken"`},
		{"with a status, wrapped", fmt.Errorf("outer: %w", gongular.Error(409, "taken")), 409, `"outer: taken"`},
		{"with a bad status", gongular.Error(200, "fine"), 500, `"fine"`},
		{"with a status alone", gongular.Error(404, ""), 404, `"Not Found"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := quiet(gongular.Options{Logger: silent})
			e.GET("/", handler(func(c *gongular.Context) error {
				c.Status(201)
				c.SetBody("a success")
				return test.err
			}))
			if w := get(e, "/"); w.Code != test.status || w.Body.String() != test.want {
				t.Errorf("%d %s, want %d %s", w.Code, w.Body, test.status, test.want)
			}
		})
	}
}

// With ProblemErrors every error is a problem (RFC 9457), with an entry for each
// field under the name that the client knows, and nothing of what went wrong inside.
func TestProblemErrors(t *testing.T) {
	logger, log := logged()
	e := quiet(gongular.Options{ProblemErrors: true, ValidationStatus: 422, Logger: logger})
	e.POST("/books/:ID", &problems{})
	e.GET("/error", handler(func(*gongular.Context) error { return errors.New("the secret") }))
	e.GET("/teapot", handler(func(*gongular.Context) error { return gongular.Error(418, "short and stout") }))
	e.GET("/panic", handler(func(*gongular.Context) error { panic("the secret") }))
	const ct = "application/problem+json"
	for _, test := range []struct {
		name, method, target, body string
		status                     int
		want                       string
	}{
		{"body rules", "POST", "/books/1", `{"title":"1","tags":["a","2"],"author":{"mail":"x"}}`, 422,
			`{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"Body: validation failed","instance":"/books/1","errors":[` +
				`{"pointer":"#/title","place":"Body","rule":"alpha","detail":"1 does not validate as alpha"},` +
				`{"pointer":"#/author/mail","place":"Body","rule":"email","detail":"x does not validate as email"},` +
				`{"pointer":"#/tags","place":"Body","rule":"alpha","detail":"2 does not validate as alpha"}]}`},
		{"body type", "POST", "/books/1", `{"author":{"mail":5}}`, 400,
			`{"type":"about:blank","title":"Bad Request","status":400,"detail":"Body author.mail: expected string, got number","instance":"/books/1","errors":[` +
				`{"pointer":"#/author/mail","place":"Body","detail":"expected string, got number"}]}`},
		{"body syntax", "POST", "/books/1", `{`, 400,
			`{"type":"about:blank","title":"Bad Request","status":400,"detail":"Body: malformed JSON: ends in the middle, after 1 bytes","instance":"/books/1","errors":[` +
				`{"place":"Body","detail":"malformed JSON: ends in the middle, after 1 bytes"}]}`},
		{"query", "POST", "/books/1?p=x", `{}`, 400,
			`{"type":"about:blank","title":"Bad Request","status":400,"detail":"Query Parameter Page: \"x\" is not an integer","instance":"/books/1","errors":[` +
				`{"parameter":"p","place":"Query Parameter","detail":"\"x\" is not an integer"}]}`},
		{"query rules", "POST", "/books/1?p=500", `{}`, 422,
			`{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"Query Parameter: validation failed","instance":"/books/1","errors":[` +
				`{"parameter":"p","place":"Query Parameter","rule":"range","detail":"500 does not validate as range(1|100)"}]}`},
		{"plain", "GET", "/error", "", 500, `{"type":"about:blank","title":"Internal Server Error","status":500,"instance":"/error"}`},
		{"with a status", "GET", "/teapot", "", 418, `{"type":"about:blank","title":"I'm a teapot","status":418,"detail":"short and stout","instance":"/teapot"}`},
		{"panic", "GET", "/panic", "", 500, `{"type":"about:blank","title":"Internal Server Error","status":500,"instance":"/panic"}`},
		{"not found", "GET", "/nowhere", "", 404, `{"type":"about:blank","title":"Not Found","status":404,"instance":"/nowhere"}`},
		{"not allowed", "DELETE", "/error", "", 405, `{"type":"about:blank","title":"Method Not Allowed","status":405,"instance":"/error"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := do(e, test.method, test.target, jsonType, test.body)
			if w.Code != test.status || w.Body.String() != test.want || w.Header().Get("Content-Type") != ct {
				t.Errorf("%d %s\n got %s\nwant %s", w.Code, w.Header().Get("Content-Type"), w.Body, test.want)
			}
			if !json.Valid(w.Body.Bytes()) {
				t.Error("not JSON")
			}
		})
	}
	if n := strings.Count(log.String(), "the secret"); n != 2 {
		t.Errorf("the log has the secret %d times, want 2: %s", n, log)
	}
}

type problems struct {
	Query struct {
		Page int `q:"p" valid:"range(1|100)"`
	}
	Body struct {
		Title  string `json:"title" valid:"alpha"`
		Author struct {
			Mail string `json:"mail" valid:"email"`
		} `json:"author"`
		Tags []string `json:"tags" valid:"alpha"`
	}
}

func (*problems) Handle(*gongular.Context) error { return nil }

// Errors of a group can have a handler of their own, which inner groups have too.
func TestErrorHandlerOfGroup(t *testing.T) {
	e := quiet(gongular.Options{Logger: silent})
	e.SetErrorHandler(func(err error, c *gongular.Context) { c.Fail(500, "engine") })
	fails := handler(func(*gongular.Context) error { return errors.New("x") })
	g := e.Group("/g")
	g.GET("/x", fails)
	g.Group("/h").GET("/x", fails)
	e.GET("/x", fails)
	g.SetErrorHandler(func(err error, c *gongular.Context) { c.Fail(500, "group") })
	for path, want := range map[string]string{"/x": `"engine"`, "/g/x": `"group"`, "/g/h/x": `"group"`} {
		if w := get(e, path); w.Body.String() != want {
			t.Errorf("%s: %s, want %s", path, w.Body, want)
		}
	}
}

// Reply takes handlers that return their answer.
func TestReply(t *testing.T) {
	e := quiet(gongular.Options{Logger: silent})
	e.Provide(&benchStore{n: 7})
	e.GET("/books/:ID", gongular.Reply(&replies{}))
	for target, want := range map[string]string{
		"/books/1": `200 {"id":1,"name":"7"}`,
		"/books/2": `204 `,
		"/books/3": `404 "no such book"`,
		"/books/x": `400 ` + parseErr("URL Path Parameter", "ID", `"x" is not an integer`),
		"/books/4": `202 `,
	} {
		w := get(e, target)
		if got := fmt.Sprint(w.Code, " ", w.Body); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	for info := range e.Routes() {
		if got := info.Handlers[0].Type.Name(); got != "replies" {
			t.Errorf("Routes names %s", got)
		}
	}
}

type replies struct {
	Param struct{ ID int }
	Store *benchStore
}

func (h *replies) Handle(c *gongular.Context) (*answer, error) {
	switch h.Param.ID {
	case 1:
		return &answer{1, fmt.Sprint(h.Store.n)}, nil
	case 3:
		return nil, gongular.Error(404, "no such book")
	case 4:
		c.Status(202)
	}
	return nil, nil
}

// Types with a converter are bound like any other.
func TestConvert(t *testing.T) {
	e := quiet()
	gongular.Convert(e, func(s string) (level, error) {
		if n := strings.Index("low mid high", s); n >= 0 {
			return level(n / 4), nil
		}
		return 0, fmt.Errorf("%q is none of low, mid, high", s)
	})
	e.GET("/:Level", &converted{})
	if w := get(e, "/mid?l=high&l=low&ip=127.0.0.1"); w.Body.String() != `{"level":1,"levels":[2,0],"ip":"127.0.0.1"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get(e, "/none"); w.Code != 400 || w.Body.String() != parseErr("URL Path Parameter", "Level", `"none" is none of low, mid, high`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

type converted struct {
	Param struct{ Level level }
	Query struct {
		Levels []level    `q:"l"`
		IP     netip.Addr `q:"ip"`
	}
}

func (h *converted) Handle(c *gongular.Context) error {
	c.SetBody(struct {
		Level  level      `json:"level"`
		Levels []level    `json:"levels"`
		IP     netip.Addr `json:"ip"`
	}{h.Param.Level, h.Query.Levels, h.Query.IP})
	return nil
}

// Sections compose by embedding, in a section and in a handler.
func TestEmbedding(t *testing.T) {
	e := quiet()
	e.Provide(&benchStore{n: 3})
	e.GET("/shops/:Shop", &embeds{})
	if w := get(e, "/shops/5?page=2&q=go"); w.Body.String() != `"5 2 go 3"` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get(e, "/shops/5?page=0x"); w.Code != 400 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if err := e.Check(); err != nil {
		t.Error(err)
	}
}

type paging struct {
	Page int `q:"page" default:"1"`
}

type inShop struct {
	Param struct{ Shop int }
	Store *benchStore
}

type embeds struct {
	inShop
	Query struct {
		paging
		Q string `q:"q"`
	}
}

func (h *embeds) Handle(c *gongular.Context) error {
	c.SetBody(fmt.Sprint(h.Param.Shop, h.Query.Page, " "+h.Query.Q+" ", h.Store.n))
	return nil
}

// Requests share nothing: not the handler's value, nor what defaults made.
func TestNoSharing(t *testing.T) {
	e := quiet()
	e.POST("/", &shares{})
	s := start(t, e)
	done := make(chan string)
	for i := range 8 {
		go func() {
			for range 50 {
				res, err := s.Client().Post(s.URL+fmt.Sprintf("?n=%d", i), jsonType, strings.NewReader(fmt.Sprintf(`{"list":[%d,%d]}`, i, i)))
				if err != nil {
					done <- err.Error()
					return
				}
				if got, want := body(t, res), fmt.Sprintf(`"%d [x y %d] [%d %d]"`, i, i, i, i); got != want {
					done <- fmt.Sprintf("got %s, want %s", got, want)
					return
				}
			}
			done <- ""
		}()
	}
	for range 8 {
		if text := <-done; text != "" {
			t.Error(text)
		}
	}
}

type shares struct {
	Query struct {
		N    int      `q:"n"`
		Tags []string `q:"tags" default:"x,y"`
	}
	Body struct {
		List []int `json:"list"`
	}
}

func (h *shares) Handle(c *gongular.Context) error {
	h.Query.Tags = append(h.Query.Tags, fmt.Sprint(h.Query.N))
	c.SetBody(fmt.Sprint(h.Query.N, " ", h.Query.Tags, " ", h.Body.List))
	return nil
}

// A request is cut short by Options.Timeout, and answered 503.
func TestTimeoutIs503(t *testing.T) {
	e := quiet(gongular.Options{Logger: silent})
	e.With(gongular.Options{Timeout: time.Second}).GET("/", handler(func(c *gongular.Context) error {
		<-c.Context().Done()
		return fmt.Errorf("asking: %w", c.Context().Err())
	}))
	inBubble(t, e, func(t *testing.T, _ *pipeListener, client *http.Client) {
		began := time.Now()
		res, err := client.Get("http://pipe/")
		if err != nil {
			t.Fatal(err)
		}
		if got := body(t, res); res.StatusCode != 503 || got != `"Service Unavailable"` || time.Since(began) != time.Second {
			t.Errorf("%d %s after %v", res.StatusCode, got, time.Since(began))
		}
	})
}
