package gongular_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/stats"
)

type statsAuth struct{}

func (*statsAuth) Handle(c *gongular.Context) error {
	time.Sleep(time.Second)
	c.Logger().SetFlags(0)
	c.Logger().Print("auth")
	return nil
}

type statsShow struct {
	Param struct{ ID int }
	Slow  statsSlow
}

type statsSlow struct{ n int }

func (h *statsShow) Handle(c *gongular.Context) error {
	time.Sleep(20 * time.Second)
	switch h.Param.ID {
	case 2:
		return gongular.Error(409, "taken")
	case 3:
		c.Fail(403, "no")
	case 4:
		panic("four")
	default:
		c.Status(201)
		c.SetBody("shown")
	}
	return nil
}

type statsLast struct{}

func (*statsLast) Handle(c *gongular.Context) error {
	time.Sleep(300 * time.Second)
	return nil
}

// statsEngine returns an engine and the record of its last request.
func statsEngine(options ...gongular.Options) (*gongular.Engine, *gongular.RouteStat) {
	var o gongular.Options
	if len(options) > 0 {
		o = options[0]
	}
	o.Logger, _ = logged()
	e := gongular.NewEngine(o)
	stat := new(gongular.RouteStat)
	e.SetRouteCallback(func(s gongular.RouteStat) { *stat = s })
	return e, stat
}

// Each handler has its own time: with its binding and its dependencies, without
// the handlers before it, also when it stops the chain. Time is faked.
func TestHandlerStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, stat := statsEngine()
		e.ProvideFunc(func(c *gongular.Context) (statsSlow, func(error) error, error) {
			time.Sleep(4000 * time.Second)
			return statsSlow{1}, func(error) error { time.Sleep(50000 * time.Second); return nil }, nil
		})
		e.Group("/g", &statsAuth{}).GET("/:ID", &statsShow{}, &statsLast{})
		const first, second, third, cleanup = time.Second, 4020 * time.Second, 300 * time.Second, 50000 * time.Second
		type handler struct {
			name     string
			duration time.Duration
			err      string
			stop     bool
		}
		auth := handler{"*gongular_test.statsAuth", first, "", false}
		for _, test := range []struct {
			target string
			code   int
			size   int
			total  time.Duration
			want   []handler
		}{
			{"/g/1?x=y", 201, 7, first + second + third + cleanup, []handler{auth, {"*gongular_test.statsShow", second, "", false}, {"*gongular_test.statsLast", third, "", false}}},
			{"/g/2", 409, 7, first + second + cleanup, []handler{auth, {"*gongular_test.statsShow", second, "taken", true}}},
			{"/g/3", 403, 4, first + second + cleanup, []handler{auth, {"*gongular_test.statsShow", second, "", true}}},
			{"/g/4", 500, 23, first + second + cleanup, []handler{auth, {"*gongular_test.statsShow", second, "internal server error", true}}},
			{"/g/x", 400, -1, first, []handler{auth, {"*gongular_test.statsShow", 0, "URL Path Parameter ID: ", true}}},
		} {
			*stat = gongular.RouteStat{}
			w := get(e, test.target)
			if test.size < 0 {
				test.size = w.Body.Len()
			}
			if w.Code != test.code || stat.ResponseCode != test.code || stat.ResponseSize != test.size || w.Body.Len() != test.size || stat.TotalDuration != test.total || stat.MatchedPath != "/g/:ID" {
				t.Errorf("%s: %d with %d bytes, %+v", test.target, w.Code, w.Body.Len(), stat)
			}
			if stat.Request == nil || stat.Request.RequestURI != test.target || !strings.HasPrefix(stat.Logs.String(), "auth\n") {
				t.Errorf("%s: request %v, logs %q", test.target, stat.Request, stat.Logs)
			}
			if len(stat.Handlers) != len(test.want) {
				t.Fatalf("%s: handlers %+v", test.target, stat.Handlers)
			}
			for i, want := range test.want {
				got := stat.Handlers[i]
				text := ""
				if got.Error != nil {
					text = got.Error.Error()
				}
				if got.FuncName != want.name || got.Duration != want.duration || got.StopChain != want.stop || !strings.HasPrefix(text, want.err) || want.err == "" && text != "" {
					t.Errorf("%s: handler %d: got %+v, want %+v", test.target, i, got, want)
				}
			}
		}
	})
}

// The error of a handler that panicked is a PanicError with the panic's value.
func TestStatsOfPanic(t *testing.T) {
	e, stat := statsEngine()
	cause := errors.New("cause")
	e.GET("/", gongular.HandlerFunc(func(*gongular.Context) error { panic(cause) }))
	get(e, "/")
	if len(stat.Handlers) != 1 {
		t.Fatalf("%+v", stat)
	}
	err, ok := errors.AsType[*gongular.PanicError](stat.Handlers[0].Error)
	if !ok || err.Value != cause || !errors.Is(stat.Handlers[0].Error, cause) || stat.ResponseCode != 500 {
		t.Errorf("%+v", stat)
	}
}

// What was answered, however it was, and on which route; each request is told of
// once.
func TestRouteStats(t *testing.T) {
	long := strings.Repeat("x", 5000)
	e, _ := statsEngine()
	calls := make(chan gongular.RouteStat, 10)
	e.SetRouteCallback(func(s gongular.RouteStat) { calls <- s })
	f := func(path string, f gongular.HandlerFunc) { e.GET(path, f) }
	f("/none", func(c *gongular.Context) error { return nil })
	f("/json", func(c *gongular.Context) error { c.SetBody("four"); return nil })
	f("/status", func(c *gongular.Context) error { c.Status(204); c.SetBody("four"); return nil })
	f("/reader", func(c *gongular.Context) error { c.SetBody(strings.NewReader(long)); return nil })
	f("/stream", func(c *gongular.Context) error {
		c.Status(202)
		for range 3 {
			io.WriteString(c.Writer(), "12345")
			http.NewResponseController(c.Writer()).Flush()
		}
		io.Copy(c.Writer(), strings.NewReader(long))
		return nil
	})
	f("/redirect", func(c *gongular.Context) error { return c.Redirect(303, "/json") })
	f("/bad", func(c *gongular.Context) error { c.Status(201); c.SetBody(func() {}); return nil })
	f("/twice", func(c *gongular.Context) error { c.SetBody("x"); c.Finalize(); return nil })
	f("/abort", func(c *gongular.Context) error { panic(http.ErrAbortHandler) })
	f("/hijack", func(c *gongular.Context) error {
		conn, _, err := http.NewResponseController(c.Writer()).Hijack()
		if err == nil {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nraw")
			conn.Close()
		}
		return err
	})
	e.Handle("/plain", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(203)
		io.WriteString(w, "plain")
	}))
	e.ServeFiles("/files", http.FS(staticFS()))
	e.POST("/post", gongular.HandlerFunc(func(*gongular.Context) error { return nil }))
	s := start(t, e)
	client := muxClient(s)
	client.Transport.(*http.Transport).DisableKeepAlives = true // or it asks again after /abort
	for _, test := range []struct {
		request string
		path    string
		code    int
		size    int
	}{
		{"GET /none", "/none", 200, 0},
		{"GET /json", "/json", 200, 6},
		{"GET /status", "/status", 204, 0},
		{"GET /reader", "/reader", 200, 5000},
		{"GET /stream", "/stream", 202, 5015},
		{"GET /redirect", "/redirect", 303, 0},
		{"GET /bad", "/bad", 500, 0},
		{"GET /twice", "/twice", 200, 3},
		{"GET /abort", "/abort", 0, 0},
		{"GET /hijack", "/hijack", 0, 0},
		{"GET /plain", "/plain", 203, 5},
		{"GET /files/a.txt", "/files/{file...}", 200, 6},
		{"GET /files/nothing", "/files/{file...}", 404, 19},
		{"GET /nowhere", "", 404, 19},
		{"POST /json", "", 405, 19},
		{"OPTIONS /json", "", 200, 0},
		{"GET /json/", "", 301, 0},
		{"GET //json", "", 301, 0},
		{"GET /%00", "", 400, 12},
	} {
		method, target, _ := strings.Cut(test.request, " ")
		req, err := http.NewRequest(method, s.URL+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		length := 0
		if res, err := client.Do(req); err == nil {
			length = len(body(t, res))
		} else if target != "/abort" {
			t.Errorf("%s: %v", test.request, err)
		}
		stat := <-calls
		if target == "/bad" {
			test.size = length
		}
		if stat.MatchedPath != test.path || stat.ResponseCode != test.code || stat.ResponseSize != test.size || stat.Request.Method != method || stat.Logs == nil {
			t.Errorf("%s: got %q %d %d, want %q %d %d", test.request, stat.MatchedPath, stat.ResponseCode, stat.ResponseSize, test.path, test.code, test.size)
		}
		if target != "/hijack" && length != test.size {
			t.Errorf("%s: the client got %d bytes, want %d", test.request, length, test.size)
		}
		select {
		case stat := <-calls:
			t.Errorf("%s: told of twice: %+v", test.request, stat)
		default:
		}
	}
}

// An answer to HEAD has no body, and so no size.
func TestStatsOfHead(t *testing.T) {
	e, _ := statsEngine()
	calls := make(chan gongular.RouteStat, 1)
	e.SetRouteCallback(func(s gongular.RouteStat) { calls <- s })
	e.GET("/", gongular.HandlerFunc(func(c *gongular.Context) error { c.SetBody("four"); return nil }))
	s := start(t, e)
	res, err := s.Client().Head(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	body(t, res)
	if stat := <-calls; stat.ResponseSize != 0 || stat.ResponseCode != 200 || stat.Request.Method != "HEAD" {
		t.Errorf("%d bytes, %d", stat.ResponseSize, stat.ResponseCode)
	}
}

// Nothing is measured for those who do not listen.
func TestNobodyListens(t *testing.T) {
	for name, callback := range map[string]gongular.RouteCallback{"nil": nil, "NoOp": gongular.NoOpRouteCallback} {
		e := gongular.NewEngine()
		e.GET("/", gongular.HandlerFunc(func(c *gongular.Context) error { return nil }))
		r := httptest.NewRequest("GET", "/", nil)
		w := &discard{header: http.Header{}}
		cost := func() float64 { return testing.AllocsPerRun(100, func() { e.ServeHTTP(w, r) }) }
		calls := 0
		e.SetRouteCallback(func(gongular.RouteStat) { calls++ })
		listened := cost()
		e.SetRouteCallback(callback)
		calls = 0
		if quiet := cost(); quiet >= listened || calls > 0 {
			t.Errorf("%s: %v allocations, %v with a callback; %d calls", name, quiet, listened, calls)
		}
	}
}

// A panic of the callback is logged; the client has its answer.
func TestCallbackPanics(t *testing.T) {
	logger, log := logged()
	e := gongular.NewEngine(gongular.Options{Logger: logger})
	e.SetRouteCallback(func(gongular.RouteStat) { panic("in the callback") })
	e.GET("/", gongular.HandlerFunc(func(c *gongular.Context) error { c.SetBody("answer"); return nil }))
	s := start(t, e)
	for range 2 {
		if res := muxGet(t, s, "/"); res.StatusCode != 200 || body(t, res) != `"answer"` {
			t.Errorf("status %d", res.StatusCode)
		}
	}
	s.Close()
	if strings.Count(log.String(), `msg="the route callback panicked" method=GET path=/ route=/ panic="in the callback"`) != 2 {
		t.Errorf("log: %s", log)
	}
}

// The record is the callback's own: it does not change with later requests.
func TestStatsAreOnesOwn(t *testing.T) {
	e, _ := statsEngine()
	var all []gongular.RouteStat
	e.SetRouteCallback(func(s gongular.RouteStat) { all = append(all, s) })
	e.GET("/:N", gongular.HandlerFunc(func(c *gongular.Context) error {
		c.Logger().SetFlags(0)
		c.Logger().Print(c.Params().ByName("N"))
		return nil
	}))
	for i := range 3 {
		get(e, fmt.Sprint("/", i))
	}
	for i, s := range all {
		if s.Logs.String() != fmt.Sprintln(i) || s.Request.URL.Path != fmt.Sprint("/", i) || len(s.Handlers) != 1 || s.Handlers[0].FuncName != "gongular.HandlerFunc" {
			t.Errorf("%d: %q %s %+v", i, s.Logs, s.Request.URL, s.Handlers)
		}
	}
}

// What no route takes has a handler all the same: the user's, by its name.
func TestStatsOfNotFound(t *testing.T) {
	e, stat := statsEngine()
	e.NotFound(&statsNotFound{})
	get(e, "/nowhere")
	if stat.MatchedPath != "" || stat.ResponseCode != 410 || stat.Logs.String() != "nothing\n" {
		t.Errorf("%+v, logs %q", stat, stat.Logs)
	}
}

type statsNotFound struct{}

func (*statsNotFound) Handle(c *gongular.Context) error {
	c.Logger().SetFlags(0)
	c.Logger().Print("nothing")
	c.Fail(410, nil)
	return nil
}

func TestStatTypes(t *testing.T) {
	if reflect.TypeFor[gongular.RouteStat]() != reflect.TypeFor[stats.Route]() || reflect.TypeFor[gongular.HandlerStat]() != reflect.TypeFor[stats.Handler]() {
		t.Error("they are not the types of package stats")
	}
}

// Plain handlers and handlers for what is not found are recorded under their
// types; the engine's own answers have no handler.
func TestRecordedNames(t *testing.T) {
	e := gongular.NewEngine(gongular.Options{Logger: silent})
	var stat gongular.RouteStat
	e.SetRouteCallback(func(s gongular.RouteStat) { stat = s })
	e.HandleFunc("/plain", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "plain") })
	e.HandleFunc("/panics", func(http.ResponseWriter, *http.Request) { panic("x") })
	for _, test := range []struct {
		method, target string
		names          string
		size           int
	}{
		{"GET", "/plain", "[http.HandlerFunc]", 5},
		{"HEAD", "/plain", "[http.HandlerFunc]", 0},
		{"GET", "/panics", "[http.HandlerFunc]", 23},
		{"GET", "/nowhere", "[]", 19},
	} {
		do(e, test.method, test.target, "", "")
		names := []string{}
		for _, h := range stat.Handlers {
			names = append(names, h.FuncName)
		}
		if fmt.Sprint(names) != test.names || stat.ResponseSize != test.size {
			t.Errorf("%s %s: %v, %d bytes; want %s, %d", test.method, test.target, names, stat.ResponseSize, test.names, test.size)
		}
	}
	e.NotFound(&helloHandler{})
	get(e, "/nowhere")
	if len(stat.Handlers) != 1 || stat.Handlers[0].FuncName != "*gongular_test.helloHandler" {
		t.Errorf("not found: %+v", stat.Handlers)
	}
}

// The size of an answer is known to who asks for it: to Finalize also where nobody
// listens, whatever way the bytes took.
func TestSizeWithoutCallback(t *testing.T) {
	handlers := map[string]func(c *gongular.Context){
		"body":   func(c *gongular.Context) { c.SetBody([]byte("12345")) },
		"json":   func(c *gongular.Context) { c.SetBody(12345) },
		"reader": func(c *gongular.Context) { c.SetBody(strings.NewReader("12345")) },
		"writer": func(c *gongular.Context) { io.WriteString(c.Writer(), "12345") },
		"file": func(c *gongular.Context) {
			if err := c.FileFS(fstest.MapFS{"f": {Data: []byte("12345")}}, "f"); err != nil {
				t.Error(err)
			}
		},
	}
	for name, handle := range handlers {
		t.Run(name, func(t *testing.T) {
			var first, second int
			e := gongular.NewEngine()
			e.SetRouteCallback(gongular.NoOpRouteCallback)
			e.GET("/", gongular.HandlerFunc(func(c *gongular.Context) error {
				handle(c)
				first, second = c.Finalize(), c.Finalize()
				return nil
			}))
			w := httptest.NewRecorder()
			e.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			if first != 5 || second != 5 || w.Body.String() != "12345" {
				t.Errorf("%d, then %d, for %q", first, second, w.Body)
			}
		})
	}
}
