package middleware_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gongular/gongular/middleware"
)

// mark is a middleware that writes its name on the way in and back.
func mark(name string) middleware.Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, name+"(")
			next.ServeHTTP(w, r)
			io.WriteString(w, ")")
		})
	}
}

func TestChain(t *testing.T) {
	for _, test := range []struct {
		name string
		mw   []middleware.Middleware
		want string
	}{
		{"none", nil, "fine"},
		{"only nil", []middleware.Middleware{nil, nil}, "fine"},
		{"the first is outermost", []middleware.Middleware{mark("a"), nil, mark("b"), mark("c")}, "a(b(c(fine)))"},
	} {
		t.Run(test.name, func(t *testing.T) {
			chain := middleware.Chain(test.mw...)
			clear(test.mw) // the chain has its own
			if got := do(chain(fine), request("GET", "/")).Body.String(); got != test.want {
				t.Errorf("answered %q, want %q", got, test.want)
			}
		})
	}
}

// A chain is built when it is put around a handler, not for each request.
func TestChainIsBuiltOnce(t *testing.T) {
	built := 0
	count := func(next http.Handler) http.Handler { built++; return next }
	h := middleware.Chain(count, count)(fine)
	for range 3 {
		do(h, request("GET", "/"))
	}
	if built != 2 {
		t.Errorf("two middlewares were put around a handler %d times", built)
	}
}

func TestIfAndUnless(t *testing.T) {
	asked := 0
	isPost := func(r *http.Request) bool { asked++; return r.Method == "POST" }
	for _, test := range []struct {
		name         string
		mw           middleware.Middleware
		method, want string
	}{
		{"If, true", middleware.If(isPost, mark("m")), "POST", "m(fine)"},
		{"If, false", middleware.If(isPost, mark("m")), "GET", "fine"},
		{"Unless, true", middleware.Unless(isPost, mark("m")), "POST", "fine"},
		{"Unless, false", middleware.Unless(isPost, mark("m")), "GET", "m(fine)"},
	} {
		asked = 0
		if got := do(test.mw(fine), request(test.method, "/")).Body.String(); got != test.want || asked != 1 {
			t.Errorf("%s: answered %q, want %q; asked %d times", test.name, got, test.want, asked)
		}
	}
}

// What makes no sense panics where it is written, and says what and where.
func TestConstructorPanics(t *testing.T) {
	yes := func(*http.Request) bool { return true }
	for _, test := range []struct {
		name string
		make func()
		want string
	}{
		{"If without condition", func() { middleware.If(nil, mark("")) }, "middleware.If: a nil condition"},
		{"If without middleware", func() { middleware.If(yes, nil) }, "middleware.If: a nil middleware"},
		{"Unless without condition", func() { middleware.Unless(nil, mark("")) }, "middleware.Unless: a nil condition"},
		{"Unless without middleware", func() { middleware.Unless(yes, nil) }, "middleware.Unless: a nil middleware"},
		{"OnRefuse without function", func() { middleware.OnRefuse(nil) }, "middleware.OnRefuse: a nil function"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := mustPanic(t, test.make); got != test.want {
				t.Errorf("the panic is %q, want %q", got, test.want)
			}
		})
	}
}

func TestIsUpgrade(t *testing.T) {
	for _, test := range []struct {
		name   string
		method string
		fields []string
		want   bool
	}{
		{"usual", "GET", []string{"Connection: Upgrade", "Upgrade: websocket"}, true},
		{"any case, in lists", "GET", []string{"Connection: keep-alive, UPGRADE", "Upgrade: h2c , WebSocket"}, true},
		{"several fields", "GET", []string{"Connection: keep-alive", "Connection: upgrade", "Upgrade: h2c", "Upgrade: websocket"}, true},
		{"POST", "POST", []string{"Connection: Upgrade", "Upgrade: websocket"}, false},
		{"nothing", "GET", nil, false},
		{"no Connection", "GET", []string{"Upgrade: websocket"}, false},
		{"no Upgrade", "GET", []string{"Connection: Upgrade"}, false},
		{"another protocol", "GET", []string{"Connection: Upgrade", "Upgrade: h2c"}, false},
		{"part of a token", "GET", []string{"Connection: no-upgrade", "Upgrade: websocket2"}, false},
		{"letters that only fold to ASCII", "GET", []string{"Connection: Upgrade", "Upgrade: web\u017focket"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := middleware.IsUpgrade(request(test.method, "/", test.fields...)); got != test.want {
				t.Errorf("IsUpgrade is %t", got)
			}
		})
	}
}

func TestRefusal(t *testing.T) {
	refusing := middleware.Refusing(403, "not you")
	wantRefusal(t, do(refusing(never(t)), request("GET", "/")), 403, "not you")
	wantRefusal(t, do(middleware.Chain(middleware.Nothing(), refusing)(never(t)), upgrade("/")), 403, "not you")
	if w := do(refusing(never(t)), request("HEAD", "/")); w.Code != 403 || w.Body.Len() != 0 {
		t.Errorf("HEAD was refused with %d %q", w.Code, w.Body)
	}
}

// OnRefuse is for the entries inside of it, and the innermost one counts. What is
// refused is marked for those outside.
func TestOnRefuse(t *testing.T) {
	custom := func(name string) middleware.Middleware {
		return middleware.OnRefuse(func(w http.ResponseWriter, r *http.Request, status int, text string) {
			w.WriteHeader(status + 1)
			fmt.Fprintf(w, "%s: %s %s", name, r.Method, text)
		})
	}
	silent := middleware.OnRefuse(func(http.ResponseWriter, *http.Request, int, string) {})
	refusing := middleware.Refusing(403, "not you")
	after := func(next http.Handler) http.Handler { // refuses on the way back, if nobody else has answered
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			func() {
				defer func() { recover() }()
				next.ServeHTTP(w, r)
			}()
			refusing(next).ServeHTTP(w, r)
		})
	}
	panics := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") })
	for _, test := range []struct {
		name   string
		mw     []middleware.Middleware
		h      http.Handler
		status int
		want   string
	}{
		{"inside", []middleware.Middleware{custom("a"), refusing}, never(t), 404, "a: GET not you"},
		{"the inner one", []middleware.Middleware{custom("a"), custom("b"), refusing}, never(t), 404, "b: GET not you"},
		{"outside", []middleware.Middleware{after, custom("a")}, panics, 403, `{"error":"not you"}` + "\n"},
		{"between", []middleware.Middleware{custom("a"), after, custom("b")}, panics, 404, "a: GET not you"},
		{"silent", []middleware.Middleware{silent, refusing}, never(t), 403, `{"error":"not you"}` + "\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var seen middleware.Seen
			watching := middleware.Watching(func(s middleware.Seen) { seen = s })
			w := do(middleware.Chain(append([]middleware.Middleware{watching}, test.mw...)...)(test.h), request("GET", "/"))
			if w.Code != test.status || w.Body.String() != test.want {
				t.Errorf("answered %d %q, want %d %q", w.Code, w.Body, test.status, test.want)
			}
			if seen.Refusal != "not you" || seen.Status != test.status {
				t.Errorf("seen from outside: %+v", seen)
			}
		})
	}
}

// What wraps the writer in between is given to the function, and trusted to answer.
func TestOnRefuseForeignWriter(t *testing.T) {
	hides := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
		})
	}
	silent := middleware.OnRefuse(func(http.ResponseWriter, *http.Request, int, string) {})
	if w := do(middleware.Chain(silent, hides, middleware.Refusing(403, "x"))(never(t)), request("GET", "/")); w.Body.Len() != 0 {
		t.Errorf("answered %d %q", w.Code, w.Body)
	}
}

// The request is copied and the writer wrapped once, by the outermost entry.
func TestOneRecord(t *testing.T) {
	var writers []http.ResponseWriter
	var requests []*http.Request
	note := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			writers, requests = append(writers, w), append(requests, r)
			next.ServeHTTP(w, r)
		})
	}
	nothing := middleware.Nothing()
	do(middleware.Chain(note, nothing, note, nothing, note, nothing, note)(fine), request("GET", "/"))
	if writers[0] == writers[1] || writers[1] != writers[2] || writers[1] != writers[3] {
		t.Error("the writer is not wrapped once")
	}
	if requests[0] == requests[1] || requests[1] != requests[2] || requests[1] != requests[3] {
		t.Error("the request is not copied once")
	}
}

// A second request that is served with the context of a first one has the same record.
func TestRecordIsFoundThroughContexts(t *testing.T) {
	type key struct{}
	h := middleware.Chain(
		middleware.ExtractHeader("X-A", "a"),
		func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel := context.WithCancel(context.WithValue(r.Context(), key{}, "below"))
				defer cancel()
				next.ServeHTTP(w, r.WithContext(ctx))
			})
		},
		middleware.ExtractHeader("X-B", "b"),
	)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		fmt.Fprint(w, middleware.Extracted(ctx, "a"), middleware.Extracted(ctx, "b"), ctx.Value(key{}))
	}))
	if got := do(h, request("GET", "/", "X-A: 1", "X-B: 2")).Body.String(); got != "12below" {
		t.Errorf("answered %q", got)
	}
}

// What is known of a request is not printed with its context.
func TestRecordIsNotPrinted(t *testing.T) {
	h := middleware.ExtractHeader("X-A", "a")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		fmt.Fprintf(w, "%v %v", r.Context(), ctx)
	}))
	want := "middleware.record middleware.record.WithCancel"
	if got := do(h, request("GET", "/", "X-A: secret")).Body.String(); got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

// Accessors give zero values where nothing is known.
func TestAccessorsWithoutEntry(t *testing.T) {
	for name, ctx := range map[string]context.Context{
		"no request": context.Background(),
		"no entry":   request("GET", "/").Context(),
	} {
		user, ok := middleware.UserAs[string](ctx)
		if middleware.User(ctx) != nil || user != "" || ok || middleware.Extracted(ctx, "x") != "" || middleware.Nonce(ctx) != "" {
			t.Errorf("%s: something is known", name)
		}
		middleware.AttachSession(ctx, nil)
	}
}

// The route that a router inside has found is known outside, and inside.
func TestRoute(t *testing.T) {
	var outside, inside middleware.Seen
	mux := http.NewServeMux()
	mux.Handle("GET /users/{id}", middleware.Watching(func(s middleware.Seen) { inside = s })(fine))
	copies := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(r.Context()))
		})
	}
	for name, mw := range map[string][]middleware.Middleware{
		"plain":          nil,
		"copied by ours": {middleware.StripSlashes()},
		"copied":         {copies},
		"forked":         {middleware.Forking()},
	} {
		outside, inside = middleware.Seen{}, middleware.Seen{}
		watching := middleware.Watching(func(s middleware.Seen) { outside = s })
		h := middleware.Chain(append([]middleware.Middleware{watching}, mw...)...)(mux)
		w := do(h, request("GET", "/users/7/"))
		if name != "copied by ours" {
			w = do(h, request("GET", "/users/7"))
		}
		if w.Code != 200 || outside.Route != "GET /users/{id}" || inside.Route != "GET /users/{id}" {
			t.Errorf("%s: answered %d, the route is %q outside, %q inside", name, w.Code, outside.Route, inside.Route)
		}
	}
}

// A handler of another goroutine has a record of its own, whose findings are
// handed back.
func TestFork(t *testing.T) {
	var user any
	after := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			user = middleware.User(r.Context())
		})
	}
	h := middleware.Chain(
		middleware.ExtractHeader("X-A", "a"),
		after,
		middleware.Forking(),
		middleware.BearerAuth(func(token string) (any, error) { return "user " + token, nil }),
	)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, middleware.Extracted(r.Context(), "a"), middleware.User(r.Context()))
	}))
	w := do(h, request("GET", "/", "X-A: 1", "Authorization: Bearer x"))
	if w.Body.String() != "1user x" || user != "user x" {
		t.Errorf("answered %q, and the user outside is %v", w.Body, user)
	}
}

// The files of a form that a handler has parsed are removed, although the server
// knows another request.
func TestUploadsAreRemoved(t *testing.T) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, _ := form.CreateFormFile("f", "f.bin")
	part.Write(make([]byte, 100_000))
	form.Close()
	for name, mw := range map[string]middleware.Middleware{
		"the first copy": middleware.Nothing(),
		"a later copy":   middleware.Chain(middleware.Nothing(), middleware.BodyLimit(1<<20)),
		"forked":         middleware.Forking(),
	} {
		t.Setenv("TMPDIR", t.TempDir())
		var stored []string
		s := start(t, mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseMultipartForm(1000); err != nil {
				t.Error(err)
			}
			stored = uploads(t)
		})))
		res, err := s.Client().Post(s.URL, form.FormDataContentType(), bytes.NewReader(body.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		s.Close()
		if left := uploads(t); len(stored) != 1 || len(left) != 0 {
			t.Errorf("%s: of %q there are left %q", name, stored, left)
		}
	}
}

// uploads lists the files that package multipart has made.
func uploads(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Error(err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "multipart-") {
			names = append(names, entry.Name())
		}
	}
	slices.Sort(names)
	return names
}

// Requests, sessions, panics and clients that go away, all at a time: afterwards
// nothing is left of them.
func TestCrowd(t *testing.T) {
	list := middleware.NewIPBlacklist("7.7.7.7")
	list.CloseSessions(true)
	var came, under, seen atomic.Int64 // a client asks again if the connection breaks early
	counts := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			came.Add(1)
			under.Add(1)
			defer under.Add(-1)
			next.ServeHTTP(w, r)
		})
	}
	k := newKinds(t)
	s := start(t, middleware.Chain(
		counts,
		middleware.TrustedProxies("127.0.0.1", "::1"),
		middleware.Watching(func(middleware.Seen) { seen.Add(1) }),
		list.Middleware(),
		middleware.CSRF(nil),
		middleware.SecurityHeaders(middleware.SecurityConfig{CSP: "script-src 'nonce-{nonce}'"}),
		middleware.BearerAuth(validate),
		middleware.ETag(1<<10),
		middleware.Counting(nil),
	)(k.mux))
	const crowd = 300
	var all sync.WaitGroup
	for i := range crowd {
		address := fmt.Sprintf("X-Forwarded-For: 6.6.%d.%d", i%3, i%250)
		ask := func(path string) {
			r, _ := http.NewRequest("GET", s.URL+path, nil)
			addFields(r.Header, []string{"Authorization: Bearer x", address})
			if res, err := s.Client().Do(r); err == nil {
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
		}
		all.Go(func() {
			switch i % 5 {
			case 0:
				ask("/json")
			case 1:
				ask("/file")
			case 2:
				ask("/panic")
			case 3:
				c, res := dial(t, s, "/echo", "Authorization: Bearer x", address)
				if res.StatusCode == 101 {
					c.conn.Write(frame(0x81, "hello"))
				}
				c.conn.Close()
			default:
				list.Add(fmt.Sprintf("6.6.0.%d", i%250))
				ask("/json")
			}
		})
	}
	all.Wait()
	s.Client().CloseIdleConnections()
	for end := time.Now().Add(patience); under.Load() > 0 && time.Now().Before(end); {
		runtime.Gosched()
	}
	if under.Load() != 0 || came.Load() < crowd || seen.Load() != came.Load() || middleware.OpenSessions(list) != 0 {
		t.Errorf("%d are under way, %d of %d were seen, %d sessions are open", under.Load(), seen.Load(), came.Load(), middleware.OpenSessions(list))
	}
}

// All kinds of handlers work behind an entry that does nothing, and behind many.
func TestEverywhere(t *testing.T) {
	t.Run("one", func(t *testing.T) { everywhere(t, middleware.Nothing()) })
	t.Run("many", func(t *testing.T) {
		everywhere(t, middleware.Chain(
			middleware.Nothing(),
			middleware.Counting(nil),
			middleware.OnRefuse(func(http.ResponseWriter, *http.Request, int, string) {}),
			middleware.Watching(func(middleware.Seen) {}),
		))
	})
	t.Run("forked", func(t *testing.T) { everywhere(t, middleware.Forking()) })
}
