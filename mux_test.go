package gongular_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gongular/gongular"
)

// muxTell answers with its label and the wildcards of the path, each as Params
// has it. What Request.PathValue says otherwise is added.
func muxTell(label string) gongular.RequestHandler {
	return gongular.HandlerFunc(func(c *gongular.Context) error {
		text := label
		for _, p := range c.Params() {
			text += " " + p.Key + "=" + p.Value
			if v := c.Request().PathValue(p.Key); v != p.Value && "/"+v != p.Value {
				text += " (PathValue: " + v + ")"
			}
		}
		c.SetBody([]byte(text))
		return nil
	})
}

// muxAsk serves a request, written as "GET /x", and returns "200 body" or, for a
// redirect, "301 -> /y".
func muxAsk(h http.Handler, request string) string {
	method, target, _ := strings.Cut(request, " ")
	w := do(h, method, target, "", "")
	if to, ok := w.Header()["Location"]; ok {
		return fmt.Sprintf("%d -> %s", w.Code, to[0])
	}
	if method == "HEAD" {
		return fmt.Sprint(w.Code) // a server drops the body, a recorder does not
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", w.Code, w.Body))
}

const muxMissing = "404 404 page not found"

// muxHere is the file and line of its caller, and so many lines from there.
func muxHere(lines int) string {
	_, file, line, _ := runtime.Caller(1)
	return fmt.Sprintf("%s:%d", filepath.Base(file), line+lines)
}

// muxRaw sends text over a connection of its own and returns the reader of what
// comes back.
func muxRaw(t testing.TB, s *httptest.Server, text string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// muxRead reads one answer to a request of the method.
func muxRead(t testing.TB, r *bufio.Reader, method string) (*http.Response, string) {
	t.Helper()
	res, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return res, body(t, res)
}

// muxClient is a client that follows no redirects.
func muxClient(s *httptest.Server) *http.Client {
	client := s.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// What a pattern matches. Each route answers with its pattern and its values.
func TestPatterns(t *testing.T) {
	const uuid = "123e4567-e89b-12d3-a456-426614174000"
	for _, test := range []struct {
		name   string
		routes string // for GET
		want   map[string]string
	}{
		{"the original's wildcard", "/u/:ID", map[string]string{
			"/u/5": "/u/:ID ID=5", "/u/": "404", "/u": "404", "/u/5/6": "404", "/": "404", "/U/5": "404"}},
		{"ServeMux's wildcard", "/u/{ID}", map[string]string{"/u/5": "/u/{ID} ID=5"}},
		{"both spellings", "/u/:A/{B}/x/*C", map[string]string{
			"/u/1/2/x/3/4": "/u/:A/{B}/x/*C A=1 B=2 C=/3/4", "/u/1/2/x/": "/u/:A/{B}/x/*C A=1 B=2 C=/"}},
		{"the original's catch-all", "/f/*Path", map[string]string{
			"/f/": "/f/*Path Path=/", "/f/a": "/f/*Path Path=/a", "/f/a/b/": "/f/*Path Path=/a/b/", "/f": "301 -> /f/"}},
		{"ServeMux's catch-all", "/f/{Path...}", map[string]string{
			"/f/": "/f/{Path...} Path=", "/f/a/b": "/f/{Path...} Path=a/b", "/f": "301 -> /f/"}},
		{"a catch-all after a wildcard", "/u/:N/*P", map[string]string{"/u/x": "301 -> /u/x/", "/u/x/y": "/u/:N/*P N=x P=/y"}},
		{"a catch-all of everything", "/*P", map[string]string{"/": "/*P P=/", "/a/b": "/*P P=/a/b"}},
		{"the root is just the root", "/", map[string]string{"/": "/", "/x": "404", "/x/": "404"}},
		{"no slash before", "x", map[string]string{"/x": "x"}},
		{"a slash at the end", "/x/", map[string]string{"/x/": "/x/", "/x/y": "404", "/x": "301 -> /x/"}},
		{"ServeMux's end", "/x/{$}", map[string]string{"/x/": "/x/{$}", "/x/y": "404", "/x": "301 -> /x/"}},
		{"slashes are one", "//x///:ID", map[string]string{"/x/1": "//x///:ID ID=1"}},
		{"a literal with an escape", "/a%20b/c", map[string]string{"/a%20b/c": "/a%20b/c"}},
		{"a literal that is not ASCII", "/größe", map[string]string{"/gr%C3%B6%C3%9Fe": "/größe"}},

		{"static beside a wildcard", "/u/:ID /u/new /u/new/x /u/:ID/y", map[string]string{
			"/u/5": "/u/:ID ID=5", "/u/new": "/u/new", "/u/newer": "/u/:ID ID=newer", "/u/new/x": "/u/new/x", "/u/new/y": "/u/:ID/y ID=new"}},
		{"static beside a catch-all", "/s/*P /s/info /*All", map[string]string{
			"/s/info": "/s/info", "/s/infos": "/s/*P P=/infos", "/s/": "/s/*P P=/", "/t": "/*All All=/t"}},
		{"names differ between routes", "/u/:A/x /u/:B/y /u/:C", map[string]string{
			"/u/1/x": "/u/:A/x A=1", "/u/1/y": "/u/:B/y B=1", "/u/1": "/u/:C C=1"}},
		{"names cross between routes", "/:A/x/:B /:B/y/:A", map[string]string{
			"/1/x/2": "/:A/x/:B A=1 B=2", "/1/y/2": "/:B/y/:A B=1 A=2"}},
		{"names that are no identifiers", "/:a-b/:type/{0}", map[string]string{"/1/2/3": "/:a-b/:type/{0} a-b=1 type=2 0=3"}},

		{"an escaped slash", "/u/:Name", map[string]string{"/u/a%2Fb": "/u/:Name Name=a/b", "/u/%2F": "404", "/u/a%2fb": "/u/:Name Name=a/b"}},
		{"escaped everything", "/u/:Name", map[string]string{"/u/%61%20%3F%25": "/u/:Name Name=a ?%", "/u/a+b": "/u/:Name Name=a+b"}},
		{"an escaped slash in a catch-all", "/f/*P", map[string]string{"/f/a%2Fb/c": "/f/*P P=/a/b/c"}},

		{"a fixed part before", "/user_:Name", map[string]string{"/user_bo": "/user_:Name Name=bo", "/user_": "404", "/bo": "404", "/User_bo": "404"}},
		{"a fixed part behind", "/{Name}.json", map[string]string{"/a.json": "/{Name}.json Name=a", "/a.b.json": "/{Name}.json Name=a.b", "/.json": "404", "/a.xml": "404"}},
		{"fixed parts around", "/v{N:int}-beta", map[string]string{"/v2-beta": "/v{N:int}-beta N=2", "/vx-beta": "404", "/v2": "404"}},
		{"fixed parts do not overlap", "/aa{X}aa", map[string]string{"/aaa": "404", "/aaaa": "404", "/aaxaa": "/aa{X}aa X=x"}},
		{"a fixed part with an escape", "/a%2Fb:X", map[string]string{"/a%2Fbc": "/a%2Fb:X X=c"}},
		{"from the longest fixed part to none", "/{A} /p{B} /pp{C} /{D}.js", map[string]string{
			"/x": "/{A} A=x", "/p": "/{A} A=p", "/px": "/p{B} B=x", "/ppx": "/pp{C} C=x", "/x.js": "/{D}.js D=x", "/p.js": "/{D}.js D=p"}},

		{"int", "/{V:int}", map[string]string{"/0": "/{V:int} V=0", "/-7": "/{V:int} V=-7", "/9223372036854775807": "/{V:int} V=9223372036854775807",
			"/9223372036854775808": "404", "/+7": "404", "/1.5": "404", "/x": "404", "/0x1": "404", "/1_0": "404"}},
		{"uint", "/{V:uint}", map[string]string{"/7": "/{V:uint} V=7", "/-7": "404", "/+7": "404", "/18446744073709551616": "404"}},
		{"float", "/{V:float}", map[string]string{"/1.5": "/{V:float} V=1.5", "/-1e3": "/{V:float} V=-1e3", "/x": "404", "/1e999": "404"}},
		{"bool", "/{V:bool}", map[string]string{"/true": "/{V:bool} V=true", "/false": "/{V:bool} V=false", "/1": "404", "/TRUE": "404"}},
		{"alpha", "/{V:alpha}", map[string]string{"/aZ": "/{V:alpha} V=aZ", "/a1": "404", "/%C3%A4": "404", "/a%5B": "404", "/a%60": "404", "/a%40": "404", "/a%7B": "404"}},
		{"alphanum", "/{V:alphanum}", map[string]string{"/a1Z9": "/{V:alphanum} V=a1Z9", "/a-1": "404", "/a%3A": "404"}},
		{"hex", "/{V:hex}", map[string]string{"/09afAF": "/{V:hex} V=09afAF", "/g": "404", "/0x1": "404"}},
		{"uuid", "/{V:uuid}", map[string]string{"/" + uuid: "/{V:uuid} V=" + uuid, "/" + strings.ToUpper(uuid): "/{V:uuid} V=" + strings.ToUpper(uuid),
			"/" + uuid + "0": "404", "/" + strings.ReplaceAll(uuid, "-", "0"): "404", "/" + uuid[:35] + "g": "404"}},
		{"date", "/{V:date}", map[string]string{"/2024-02-29": "/{V:date} V=2024-02-29", "/2023-02-29": "404", "/2024-2-9": "404"}},
		{"ip", "/{V:ip}", map[string]string{"/127.0.0.1": "/{V:ip} V=127.0.0.1", "/::1": "/{V:ip} V=::1", "/256.0.0.1": "404", "/x": "404"}},
		{"a regular expression", "/{V:[a-z-]+}", map[string]string{"/a-b": "/{V:[a-z-]+} V=a-b", "/A": "404", "/a1": "404"}},
		{"a whole match, not a part", "/{V:a|b}", map[string]string{"/a": "/{V:a|b} V=a", "/ab": "404", "/b": "/{V:a|b} V=b"}},
		{"no newline behind the end", "/{V:a+}", map[string]string{"/a%0A": "404"}},
		{"braces, commas and colons", "/{V:(?i:x{2,3}:y)}", map[string]string{"/xx:y": "/{V:(?i:x{2,3}:y)} V=xx:y", "/XXX:Y": "/{V:(?i:x{2,3}:y)} V=XXX:Y", "/x:y": "404"}},
		{"a slash in the expression", "/{V:a/?b}/x", map[string]string{"/a%2Fb/x": "/{V:a/?b}/x V=a/b", "/ab/x": "/{V:a/?b}/x V=ab", "/a/b/x": "404"}},
		{"an escaped brace", `/{V:\{+}/x`, map[string]string{"/%7B%7B/x": `/{V:\{+}/x V={{`, "/x/x": "404"}},
		{"from the most to the least constrained", "/{Name} /{ID:int}", map[string]string{"/5": "/{ID:int} ID=5", "/x": "/{Name} Name=x"}},
		{"the first of equals that fits", "/{A:int} /{B:uint} /{C:alpha}", map[string]string{"/5": "/{A:int} A=5", "/x": "/{C:alpha} C=x", "/-": "404"}},
		{"the first segment counts most", "/{A}/{B:int} /{C:int}/{D}", map[string]string{"/1/2": "/{C:int}/{D} C=1 D=2", "/x/2": "/{A}/{B:int} A=x B=2", "/x/y": "404"}},
		{"names of one shape", "/{A}/{B:int} /{B}/{A:alpha} /:X/:Y", map[string]string{
			"/1/2": "/{A}/{B:int} A=1 B=2", "/1/x": "/{B}/{A:alpha} B=1 A=x", "/1/-": "/:X/:Y X=1 Y=-"}},
		{"a fixed part of one shape", "/@:User /:Page", map[string]string{"/@bo": "/@:User User=bo", "/bo": "/:Page Page=bo", "/@": "/:Page Page=@"}},
		{"constraint with the slash at its end", "/{ID:int}/", map[string]string{"/5/": "/{ID:int}/ ID=5", "/5": "301 -> /5/", "/x/": "404", "/x": "404"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			routes := strings.Fields(test.routes)
			for range 2 { // in both orders
				e := gongular.NewEngine()
				for _, route := range routes {
					e.GET(route, muxTell(route))
				}
				for target, want := range test.want {
					switch {
					case want == "404":
						want = muxMissing
					case !strings.HasPrefix(want, "301 "):
						want = "200 " + want
					}
					if len(routes) > 1 && test.name == "the first of equals that fits" && target == "/5" {
						want = "200 " + map[bool]string{true: "/{A:int} A=5", false: "/{B:uint} B=5"}[routes[0] == "/{A:int}"]
					}
					// The text of a pattern has its slashes as the group joins them.
					if got := muxAsk(e, "GET "+target); got != want {
						t.Errorf("%v: GET %s: got %q, want %q", routes, target, got, want)
					}
				}
				slices.Reverse(routes)
			}
		})
	}
}

// A Param field, Params and Request.PathValue tell the same, and for the
// original's catch-all the slash is part of the value.
func TestCatchAllValues(t *testing.T) {
	e := gongular.NewEngine()
	e.GET("/old/*Path", &muxPath{})
	e.GET("/new/{Path...}", &muxPath{})
	for target, want := range map[string]string{
		"/old/a/b": `{"Field":"/a/b","Param":"/a/b"}`,
		"/old/":    `{"Field":"/","Param":"/"}`,
		"/new/a/b": `{"Field":"a/b","Param":"a/b"}`,
		"/new/":    `{"Field":"","Param":""}`,
	} {
		if got := get(e, target).Body.String(); got != want {
			t.Errorf("%s: got %s, want %s", target, got, want)
		}
	}
}

type muxPath struct{ Param struct{ Path string } }

func (h *muxPath) Handle(c *gongular.Context) error {
	c.SetBody(map[string]string{"Field": h.Param.Path, "Param": c.Params().ByName("Path")})
	return nil
}

func TestParams(t *testing.T) {
	e := gongular.NewEngine()
	e.GET("/:B/:A/x", gongular.HandlerFunc(func(c *gongular.Context) error {
		p := c.Params()
		c.SetBody([]string{p[0].Key, p[0].Value, p[1].Key, p[1].Value, p.ByName("A"), p.ByName("B"), p.ByName("a")})
		return nil
	}))
	if got, want := get(e, "/1/2/x").Body.String(), `["B","1","A","2","2","1",""]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Prefixes join as one reads them; a group's root is its prefix, and a slash at
// the end stays.
func TestGroups(t *testing.T) {
	for _, test := range []struct{ prefix, inner, path, want string }{
		{"/api", "", "/x", "/api/x"},
		{"/api/", "", "/x", "/api/x"},
		{"api", "", "x", "/api/x"},
		{"/api/", "", "//x", "/api/x"},
		{"/api", "", "/x/", "/api/x/"},
		{"/api", "", "/", "/api"},
		{"/api", "", "", "/api"},
		{"/api/", "", "/", "/api"},
		{"/", "", "/", "/"},
		{"", "", "", "/"},
		{"/", "", "/x", "/x"},
		{"/api", "/v1", "/x", "/api/v1/x"},
		{"/api", "/", "/x", "/api/x"},
		{"/", "/v1", "/", "/v1"},
		{"/api", "/v1/", "/x/", "/api/v1/x/"},
		{"/u/:A", "/{B:int}", "/*C", "/u/7/8/a/b"},
	} {
		e := gongular.NewEngine()
		r := e.Group(test.prefix)
		if test.inner != "" {
			r = r.Group(test.inner)
		}
		r.GET(test.path, muxTell("here"))
		if got := muxAsk(e, "GET "+test.want); !strings.HasPrefix(got, "200 here") {
			t.Errorf("%+v: got %q", test, got)
		}
		if strings.HasSuffix(test.want, "x") {
			if got, want := muxAsk(e, "GET "+test.want+"/"), "301 -> "+test.want; got != want {
				t.Errorf("%+v: got %q, want %q", test, got, want)
			}
		}
	}
}

type muxGuard struct {
	Param struct{ Org int }
	Query struct{ Key string }
	trail *[]string
}

func (g *muxGuard) Handle(c *gongular.Context) error {
	*g.trail = append(*g.trail, fmt.Sprintf("guard %d", g.Param.Org))
	if g.Query.Key == "bad" {
		c.Fail(403, "no")
	}
	return nil
}

// A group's handlers bind what is theirs, in the order of the groups; one that
// stops, or does not get what it needs, keeps the others from running.
func TestGroupHandlers(t *testing.T) {
	e := gongular.NewEngine()
	var trail []string
	note := func(name string) gongular.RequestHandler {
		return gongular.HandlerFunc(func(*gongular.Context) error {
			trail = append(trail, name)
			return nil
		})
	}
	org := e.Group("/orgs/:Org", &muxGuard{trail: &trail}, note("org"))
	books := org.Group("/books", note("books"))
	books.GET("/:ID", note("route 1"), note("route 2"))
	org.GET("/plain", note("plain"))
	for _, test := range []struct {
		target string
		code   int
		want   []string
	}{
		{"/orgs/7/books/1", 200, []string{"guard 7", "org", "books", "route 1", "route 2"}},
		{"/orgs/7/plain", 200, []string{"guard 7", "org", "plain"}},
		{"/orgs/7/books/1?Key=bad", 403, []string{"guard 7"}},
		{"/orgs/x/books/1", 400, nil},
	} {
		trail = nil
		if w := get(e, test.target); w.Code != test.code || !slices.Equal(trail, test.want) {
			t.Errorf("%s: got %d %q, want %d %q", test.target, w.Code, trail, test.code, test.want)
		}
	}
}

// Groups of one parent do not see each other's handlers.
func TestGroupsShareNothing(t *testing.T) {
	e := gongular.NewEngine()
	var trail []string
	note := func(name string) gongular.RequestHandler {
		return gongular.HandlerFunc(func(*gongular.Context) error {
			trail = append(trail, name)
			return nil
		})
	}
	parent := e.Group("/p", note("1"), note("2"), note("3"))
	a, b := parent.Group("/a", note("a")), parent.Group("/b", note("b"))
	a.GET("/", note("in a"))
	b.GET("/", note("in b"))
	parent.GET("/c", note("c"))
	for target, want := range map[string][]string{
		"/p/a": {"1", "2", "3", "a", "in a"}, "/p/b": {"1", "2", "3", "b", "in b"}, "/p/c": {"1", "2", "3", "c"},
	} {
		trail = nil
		get(e, target)
		if !slices.Equal(trail, want) {
			t.Errorf("%s: got %q, want %q", target, trail, want)
		}
	}
}

// Dirty paths are redirected to the clean one, or refused: a value never has a
// segment of dots, and a named wildcard is never empty.
func TestDirtyPaths(t *testing.T) {
	e := gongular.NewEngine()
	for _, pattern := range []string{"/", "/u/:Name", "/u/:Name/profile", "/src/*Path", "/a/b/"} {
		e.GET(pattern, muxTell(pattern))
		e.POST(pattern, muxTell(pattern))
	}
	for _, test := range []struct{ request, want string }{
		{"GET /u/..", "301 -> /"},
		{"GET /u/.", "301 -> /u/"},
		{"GET /u/%2e%2e", "301 -> /"},
		{"GET /u/%2E%2e", "301 -> /"},
		{"GET /u/.%2e/u/x", "301 -> /u/x"},
		{"GET /u/%2e", "301 -> /u/"},
		{"GET /u/...", "200 /u/:Name Name=..."},
		{"GET /u/.x", "200 /u/:Name Name=.x"},
		{"GET /u//profile", "301 -> /u/profile"},
		{"GET /u/x//profile", "301 -> /u/x/profile"},
		{"GET /src/../../etc/passwd", "301 -> /etc/passwd"},
		{"GET /src/%2e%2e/x", "301 -> /x"},
		{"GET /src//a//b", "301 -> /src/a/b"},
		{"GET /src/a/./b/../c/", "301 -> /src/a/c/"},
		{"GET /src/a/..", "301 -> /src/"},
		{"GET /../../..", "301 -> /"},
		{"GET //", "301 -> /"},
		{"GET ///", "301 -> /"},
		{"GET /./", "301 -> /"},
		{"GET /a/b//", "301 -> /a/b/"},
		{"GET /u//x?q=%2F..&r", "301 -> /u/x?q=%2F..&r"},
		{"GET /u//x?", "301 -> /u/x?"},
		{"GET /src/a%20b//%C3%A4", "301 -> /src/a%20b/%C3%A4"},
		{"POST /u//x?q=1", "307 -> /u/x?q=1"},
		{"HEAD /u//x", "301 -> /u/x"},
		{"DELETE /u//x", "307 -> /u/x"},
		{"GET /u/a%2F..", "400 Bad Request"},
		{"GET /u/..%2Fx", "400 Bad Request"},
		{"GET /u/%2e%2e%2fx", "400 Bad Request"},
		{"GET /u/a%2F.%2Fb", "400 Bad Request"},
		{"GET /src/a%2F..%2F..%2Fb", "400 Bad Request"},
		{"GET /u/a%2F%2Fb", "200 /u/:Name Name=a//b"},
		{"GET /u/%00", "400 Bad Request"},
		{"GET /u/a%00b", "400 Bad Request"},
		{"GET /%00", "400 Bad Request"},
		{"GET /u/%252e%252e", "200 /u/:Name Name=%2e%2e"},
	} {
		if got := muxAsk(e, test.request); got != test.want {
			t.Errorf("%s: got %q, want %q", test.request, got, test.want)
		}
	}
	long := strings.Repeat("a", 64<<10)
	if got := muxAsk(e, "GET /u/"+long); got != "200 /u/:Name Name="+long {
		t.Errorf("64 KiB of a segment: got %.60q", got)
	}
	if got := muxAsk(e, "GET /src"+strings.Repeat("/a", 32<<10)); got != "200 /src/*Path Path="+strings.Repeat("/a", 32<<10) {
		t.Errorf("32 Ki segments: got %.60q", got)
	}
	if got := muxAsk(e, "GET /src"+strings.Repeat("/..", 20<<10)); got != "301 -> /" {
		t.Errorf("20 Ki dot segments: got %.60q", got)
	}
}

// A redirect of the engine's own never leads to another host.
func TestNoOpenRedirect(t *testing.T) {
	for _, slash := range []gongular.TrailingSlash{gongular.RedirectSlash, gongular.IgnoreSlash, gongular.StrictSlash} {
		e := gongular.NewEngine(gongular.Options{TrailingSlash: slash})
		e.GET("/:Name/:Page", muxTell("two"))
		e.GET("/:Name/:Page/x/", muxTell("slash"))
		e.GET("/*All", muxTell("all"))
		e.GET("/:One", muxTell("one"))
		for _, target := range []string{
			"//evil.example", "//evil.example/", "//evil.example//", "///evil.example/", "//evil.example/x", "//evil.example/%2e%2e/", "//evil.example/..",
			`/\evil.example`, `/\evil.example/`, `/\/evil.example/`, `/\evil.example/x/`, "/%5Cevil.example/", "/%2Fevil.example/", "/%2F/evil.example/", "/.//evil.example/",
			"/..//evil.example/", "/x/..//evil.example/", "/./%5Cevil.example/", `/.\evil.example/`, "//evil.example/a/x", "/%2e/\\evil.example", "//evil.example/?x=//y",
			"http://evil.example//x/y/", "http://evil.example/x/y/",
		} {
			w := get(e, target)
			to := w.Header().Get("Location")
			if strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) || to != "" && to[0] != '/' {
				t.Errorf("%v: %s: Location %q", slash, target, to)
			}
			if w.Code >= 300 && w.Code < 400 && to == "" {
				t.Errorf("%v: %s: %d without a Location", slash, target, w.Code)
			}
		}
	}
}

// A request line with a whole URL, as one for a proxy has it, is redirected like
// one with the path alone.
func TestRedirectOfAbsoluteTarget(t *testing.T) {
	e := gongular.NewEngine()
	e.GET("/x/y", muxTell("x"))
	if got, want := muxAsk(e, "GET http://example.com/x/y/?q=1"), "301 -> /x/y?q=1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := muxAsk(e, "GET http://example.com/x//y"), "301 -> /x/y"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTrailingSlash(t *testing.T) {
	const redirect, ignore, strict = gongular.RedirectSlash, gongular.IgnoreSlash, gongular.StrictSlash
	for _, test := range []struct {
		mode    gongular.TrailingSlash
		request string
		want    string
	}{
		{redirect, "GET /x", "200 x"},
		{redirect, "GET /x/", "301 -> /x"},
		{redirect, "GET /x/?a=b&c", "301 -> /x?a=b&c"},
		{redirect, "HEAD /x/?a", "301 -> /x?a"},
		{redirect, "POST /x/?a", "307 -> /x?a"},
		{redirect, "GET /y", "301 -> /y/"},
		{redirect, "POST /y?a", "307 -> /y/?a"},
		{redirect, "GET /u/a%2Fb/", "301 -> /u/a%2Fb"},
		{redirect, "GET /n/x", muxMissing},
		{redirect, "GET /n/x/", muxMissing},
		{redirect, "GET /n/5/", "301 -> /n/5"},
		{redirect, "GET /", muxMissing},
		{redirect, "DELETE /x/", muxMissing},
		{ignore, "GET /x", "200 x"},
		{ignore, "GET /x/", "200 x"},
		{ignore, "HEAD /x/", "200"},
		{ignore, "POST /x/", "200 post x"},
		{ignore, "GET /y", "200 y"},
		{ignore, "GET /y/", "200 y"},
		{ignore, "GET /u/a%2Fb/", "200 u Name=a/b"},
		{ignore, "GET /u/", muxMissing},
		{ignore, "GET /n/5/", "200 n ID=5"},
		{ignore, "GET /n/x/", muxMissing},
		{ignore, "GET /f", "200 f P=/"},
		{strict, "GET /x", "200 x"},
		{strict, "GET /x/", muxMissing},
		{strict, "POST /x/", muxMissing},
		{strict, "GET /y", muxMissing},
		{strict, "GET /y/", "200 y"},
		{strict, "GET /f", muxMissing},
		{strict, "GET /f/", "200 f P=/"},
		{strict, "GET /x//", "301 -> /x/"}, // the clean path, which is another's matter
	} {
		e := gongular.NewEngine(gongular.Options{TrailingSlash: test.mode})
		e.GET("/x", muxTell("x"))
		e.POST("/x", muxTell("post x"))
		e.GET("/y/", muxTell("y"))
		e.POST("/y/", muxTell("post y"))
		e.GET("/u/:Name", muxTell("u"))
		e.GET("/n/{ID:int}", muxTell("n"))
		e.GET("/f/*P", muxTell("f"))
		if got := muxAsk(e, test.request); got != test.want {
			t.Errorf("mode %d: %s: got %q, want %q", test.mode, test.request, got, test.want)
		}
	}
}

// A prefix that a mux around the engine has taken off is part of the redirect,
// however it and the rest of the path are written.
func TestRedirectKeepsOuterPrefix(t *testing.T) {
	e := gongular.NewEngine()
	e.GET("/x", muxTell("x"))
	e.GET("/u/:Name/y", muxTell("y"))
	outer := http.NewServeMux()
	outer.Handle("/api/", http.StripPrefix("/api", e))
	s := start(t, outer)
	client := muxClient(s)
	for target, want := range map[string]string{
		"/api/x/":             "/api/x",
		"/api/x/?q=1":         "/api/x?q=1",
		"/api/u/a%2Fb/y/":     "/api/u/a%2Fb/y",
		"/api/u/%61/y/":       "/api/u/%61/y",
		"/api/u/a%20b/%2e/y":  "/api/u/a%20b/y",
		"/api/u/%3Cx%3E/y/":   "/api/u/%3Cx%3E/y",
		"/api/u/a/%2e%2e/x/y": "/api/u/x/y",
	} {
		res, err := client.Get(s.URL + target)
		if err != nil {
			t.Fatal(err)
		}
		body(t, res)
		if got := res.Header.Get("Location"); got != want || res.StatusCode != 301 {
			t.Errorf("%s: got %d %q, want %q", target, res.StatusCode, got, want)
		}
	}
	// A client that sends what it should have escaped.
	_, r := muxRaw(t, s, "GET /api/u/<x>/y/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if res, _ := muxRead(t, r, "GET"); res.Header.Get("Location") != "/api/u/%3Cx%3E/y" {
		t.Errorf("unescaped: got %d %q", res.StatusCode, res.Header.Get("Location"))
	}
	// A client that follows gets there.
	client.CheckRedirect = nil
	res, err := client.Get(s.URL + "/api/x/")
	if err != nil {
		t.Fatal(err)
	}
	if got := body(t, res); got != "x" {
		t.Errorf("followed: got %q", got)
	}
}

// StripPrefix with a slash too many leaves a path without one.
func TestPathWithoutSlash(t *testing.T) {
	e := gongular.NewEngine()
	e.GET("/x", muxTell("x"))
	e.GET("/", muxTell("root"))
	h := http.StripPrefix("/api/", e)
	for request, want := range map[string]string{"GET /api/x": "200 x", "GET /api/": "200 root", "GET /api/x/": "301 -> /api/x"} {
		if got := muxAsk(h, request); got != want {
			t.Errorf("%s: got %q, want %q", request, got, want)
		}
	}
}

func TestNotFoundAndMethodNotAllowed(t *testing.T) {
	e := gongular.NewEngine()
	e.GET("/x", muxTell("x"))
	e.POST("/x", muxTell("post"))
	e.DELETE("/x", muxTell("delete"))
	e.PUT("/n/{ID:int}", muxTell("n"))
	e.SetErrorHandler(func(err error, c *gongular.Context) { t.Errorf("the error handler was asked: %v", err) })
	for _, test := range []struct {
		request, allow, want string
	}{
		{"GET /nowhere", "", muxMissing},
		{"POST /nowhere", "", muxMissing},
		{"OPTIONS /nowhere", "", muxMissing},
		{"HEAD /nowhere", "", "404"},
		{"PATCH /x", "DELETE, GET, HEAD, OPTIONS, POST", "405 Method Not Allowed"},
		{"PROPFIND /x", "DELETE, GET, HEAD, OPTIONS, POST", "405 Method Not Allowed"},
		{"GET /n/5", "OPTIONS, PUT", "405 Method Not Allowed"},
		{"HEAD /n/5", "OPTIONS, PUT", "405"},
		{"PUT /n/x", "", muxMissing},
		{"OPTIONS /x", "DELETE, GET, HEAD, OPTIONS, POST", "200"},
		{"OPTIONS /n/5", "OPTIONS, PUT", "200"},
	} {
		method, target, _ := strings.Cut(test.request, " ")
		w := do(e, method, target, "", "")
		got := strings.TrimSpace(fmt.Sprintf("%d %s", w.Code, w.Body))
		if method == "HEAD" {
			got = fmt.Sprint(w.Code)
		}
		if got != test.want || w.Header().Get("Allow") != test.allow {
			t.Errorf("%s: got %q, Allow %q, want %q, %q", test.request, got, w.Header().Get("Allow"), test.want, test.allow)
		}
		if w.Body.Len() > 0 && (w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || w.Header().Get("X-Content-Type-Options") != "nosniff") {
			t.Errorf("%s: header %v", test.request, w.Header())
		}
	}
}

func TestOwnOptionsAndHead(t *testing.T) {
	e := gongular.NewEngine()
	for _, path := range []string{"/x", "/u/:ID"} {
		e.GET(path, muxTell("get"))
		e.OPTIONS(path, muxTell("options"))
		e.HEAD(path, gongular.HandlerFunc(func(c *gongular.Context) error {
			c.Header("X-Head", "own")
			return nil
		}))
	}
	for _, target := range []string{"/x", "/u/5"} {
		if w := do(e, "OPTIONS", target, "", ""); w.Code != 200 || !strings.HasPrefix(w.Body.String(), "options") {
			t.Errorf("OPTIONS %s: %d %q", target, w.Code, w.Body)
		}
		if w := do(e, "HEAD", target, "", ""); w.Code != 200 || w.Header().Get("X-Head") != "own" {
			t.Errorf("HEAD %s: %d %v", target, w.Code, w.Header())
		}
		if w := get(e, target); w.Header().Get("X-Head") != "" || !strings.HasPrefix(w.Body.String(), "get") {
			t.Errorf("GET %s: %v %q", target, w.Header(), w.Body)
		}
	}
}

// HEAD is answered as GET is, header by header, without the body; the next
// request on the connection works.
func TestHeadOfGet(t *testing.T) {
	e := gongular.NewEngine()
	long := strings.Repeat("<p>long</p>", 1000)
	set := func(path string, v func() any) {
		e.GET(path, gongular.HandlerFunc(func(c *gongular.Context) error {
			c.Header("X-Own", "1")
			c.SetBody(v())
			return nil
		}))
	}
	set("/none", func() any { return nil })
	set("/json", func() any { return []int{1, 2} })
	set("/json/long", func() any { return []string{long} })
	set("/bytes", func() any { return []byte("<html>short") })
	set("/bytes/empty", func() any { return []byte{} })
	set("/bytes/long", func() any { return []byte("<html>" + long) })
	set("/reader", func() any { return strings.NewReader("%PDF-1.7") })
	set("/reader/long", func() any { return strings.NewReader("%PDF-1.7" + long) })
	e.Handle("GET /plain", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>plain") }))
	e.Handle("GET /plain/long", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>"+long) }))
	e.Handle("GET /plain/typed", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/csv")
		w.WriteHeader(203)
		io.WriteString(w, "a,b")
	}))
	e.ServeFile("/file", "main_test.go")
	s := start(t, e)
	conn, r := muxRaw(t, s, "")
	ask := func(method, path string) (*http.Response, string) {
		fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\n\r\n", method, path)
		return muxRead(t, r, method)
	}
	for rt := range e.Routes() {
		want, _ := ask("GET", rt.Pattern)
		got, text := ask("HEAD", rt.Pattern)
		if got.StatusCode != want.StatusCode || text != "" {
			t.Errorf("%s: got %d with %d bytes, want %d", rt.Pattern, got.StatusCode, len(text), want.StatusCode)
		}
		want.Header.Del("Date")
		got.Header.Del("Date")
		if rt.Pattern == "/none" {
			want.Header.Del("Content-Length") // net/http says so of GET only
		}
		if !reflect.DeepEqual(got.Header, want.Header) {
			t.Errorf("%s: HEAD has\n%v, GET has\n%v", rt.Pattern, got.Header, want.Header)
		}
	}
}

type muxStore struct{ name string }

type muxNotFound struct {
	Query struct{ Lang string }
	Store *muxStore
}

func (h *muxNotFound) Handle(c *gongular.Context) error {
	c.Status(404)
	c.SetBody(h.Store.name + " has no " + c.Request().URL.Path + " in " + h.Query.Lang)
	return nil
}

type muxNotAllowed struct{ Store *muxStore }

func (h *muxNotAllowed) Handle(c *gongular.Context) error {
	return gongular.Error(405, h.Store.name+" takes "+c.Headers().Get("Allow"))
}

// NotFound and MethodNotAllowed are handlers like others: filled, with the
// middleware around them, and their errors are the error handler's.
func TestOwnNotFoundAndMethodNotAllowed(t *testing.T) {
	e := gongular.NewEngine()
	e.Provide(&muxStore{"shop"})
	e.NotFound(&muxNotFound{})
	e.MethodNotAllowed(&muxNotAllowed{})
	var seen []string
	e.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen = append(seen, r.Method+" "+r.URL.Path)
			next.ServeHTTP(w, r)
		})
	})
	e.GET("/x", muxTell("x"))
	e.GET("/n/{ID:int}", muxTell("n"))
	for request, want := range map[string]string{
		"GET /a?Lang=en": `404 "shop has no /a in en"`,
		"GET /n/x":       `404 "shop has no /n/x in "`,
		"POST /x":        `405 "shop takes GET, HEAD, OPTIONS"`,
		"OPTIONS /x":     "200",
	} {
		seen = nil
		if got := muxAsk(e, request); got != want {
			t.Errorf("%s: got %q, want %q", request, got, want)
		}
		if path, _, _ := strings.Cut(request, "?"); !slices.Equal(seen, []string{path}) {
			t.Errorf("%s: the middleware saw %q", request, seen)
		}
	}
}

// What a handler for what is not found lacks is found by Check as well.
func TestCheckOfNotFound(t *testing.T) {
	e := gongular.NewEngine()
	e.NotFound(&muxNotFound{})
	e.MethodNotAllowed(&muxNotAllowed{})
	err := e.Check()
	if err == nil || !strings.Contains(err.Error(), "*gongular_test.muxNotFound") || !strings.Contains(err.Error(), "*gongular_test.muxNotAllowed") {
		t.Errorf("got %v", err)
	}
	e.Provide(&muxStore{})
	if err := e.Check(); err != nil {
		t.Error(err)
	}
}

func TestNotFoundMisused(t *testing.T) {
	e := gongular.NewEngine()
	for want, f := range map[string]func(){
		"NotFound: handler 1 is nil":         func() { e.NotFound(nil) },
		"MethodNotAllowed: handler 1 is nil": func() { e.MethodNotAllowed(nil) },
		"the pattern has no wildcard":        func() { e.NotFound(&muxPath{}) },
	} {
		if text := mustPanic(t, f); !strings.Contains(text, want) || !strings.HasPrefix(text, "gongular: mux_test.go:") {
			t.Errorf("got %q, want %q", text, want)
		}
	}
}

func TestProblemsOfPaths(t *testing.T) {
	e := gongular.NewEngine(gongular.Options{ProblemErrors: true})
	e.GET("/x", muxTell("x"))
	for request, want := range map[string]string{
		"GET /no%20where?q": `404 {"type":"about:blank","title":"Not Found","status":404,"instance":"/no%20where"}`,
		"POST /x":           `405 {"type":"about:blank","title":"Method Not Allowed","status":405,"instance":"/x"}`,
		"GET /%00":          `400 {"type":"about:blank","title":"Bad Request","status":400,"instance":"/%00"}`,
	} {
		method, target, _ := strings.Cut(request, " ")
		w := do(e, method, target, "", "")
		if got := fmt.Sprintf("%d %s", w.Code, w.Body); got != want {
			t.Errorf("%s: got %s, want %s", request, got, want)
		}
		if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s: type %q", request, got)
		}
	}
	if got := do(e, "POST", "/x", "", "").Header().Get("Allow"); got != "GET, HEAD, OPTIONS" {
		t.Errorf("Allow: %q", got)
	}
}

// An engine without a route answers, and so does one for a zero-length path.
func TestEmptyEngine(t *testing.T) {
	e := gongular.NewEngine()
	for _, request := range []string{"GET /", "POST /x/y", "OPTIONS /"} {
		if got := muxAsk(e, request); got != muxMissing {
			t.Errorf("%s: got %q", request, got)
		}
	}
	e.GET("/", muxTell("root"))
	r := httptest.NewRequest("GET", "http://example.com", nil)
	r.URL.Path = ""
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	if w.Code != 200 || w.Body.String() != "root" {
		t.Errorf("no path: %d %q", w.Code, w.Body)
	}
}

func muxAskHost(h http.Handler, host, target string) string {
	r := httptest.NewRequest("GET", target, nil)
	r.Host = host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return strings.TrimSpace(fmt.Sprintf("%d %s", w.Code, w.Body))
}

func TestHosts(t *testing.T) {
	for _, only := range []bool{false, true} {
		e := gongular.NewEngine(gongular.Options{HostsOnly: only})
		e.GET("/x", muxTell("any"))
		e.GET("/any", muxTell("any"))
		api := e.Host("api.example.com")
		api.GET("/x", muxTell("api"))
		api.Group("/v1").GET("/{ID:int}", muxTell("v1"))
		e.Group("/shop").Host("shop.example.com").GET("/", muxTell("shop"))
		other := "200 any"
		if only {
			other = "421 Misdirected Request"
		}
		for _, test := range []struct{ host, target, want string }{
			{"api.example.com", "/x", "200 api"},
			{"api.example.com:8080", "/x", "200 api"},
			{"API.Example.COM", "/x", "200 api"},
			{"API.Example.COM:443", "/x", "200 api"},
			{"api.example.com.", "/x", "200 api"},
			{"api.example.com.:80", "/x", "200 api"},
			{"api.example.com", "/any", "200 any"},
			{"api.example.com", "/v1/5", "200 v1 ID=5"},
			{"api.example.com", "/v1/x", muxMissing},
			{"shop.example.com", "/shop", "200 shop"},
			{"shop.example.com", "/x", "200 any"},
			{"evil.example.com", "/x", other},
			{"xapi.example.com", "/x", other},
			{"api.example.com.evil.org", "/x", other},
			{"", "/x", other},
			{"[::1]:80", "/x", other},
		} {
			if got := muxAskHost(e, test.host, test.target); got != test.want {
				t.Errorf("HostsOnly %v: %q %s: got %q, want %q", only, test.host, test.target, got, test.want)
			}
		}
	}
}

// A handler sees the port that the client sent, and a host that no router names
// as it is.
func TestHostOfRequest(t *testing.T) {
	e := gongular.NewEngine()
	e.Host("api.example.com")
	e.GET("/", gongular.HandlerFunc(func(c *gongular.Context) error {
		c.SetBody([]byte(c.Request().Host))
		return nil
	}))
	for sent, want := range map[string]string{
		"api.example.com:8080": "api.example.com:8080", "API.example.com:8080": "api.example.com:8080", "api.example.com.": "api.example.com",
		"Other.example:8080": "Other.example:8080", "[FE80::1]:80": "[FE80::1]:80",
	} {
		if got := muxAskHost(e, sent, "/"); got != "200 "+want {
			t.Errorf("%s: got %q, want %q", sent, got, want)
		}
	}
}

func TestHostMisused(t *testing.T) {
	e := gongular.NewEngine()
	for _, host := range []string{"", "API.example.com", "a/b", "a:80", "{x}", "GET a"} {
		text := mustPanic(t, func() { e.Host(host) })
		if want := fmt.Sprintf("gongular: %s: Host %q: not a host name in lower case without a port", muxHere(-1), host); text != want {
			t.Errorf("got %q, want %q", text, want)
		}
	}
}

// muxSeen answers with what a plain handler gets to see.
var muxSeen = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, r.URL.EscapedPath())
})

func TestMount(t *testing.T) {
	e := gongular.NewEngine()
	var guarded []int
	e.Mount("/plain", muxSeen)
	e.Group("/t").Mount("/{Org:int}/in/", muxSeen)
	e.Mount("/name/:Name", muxSeen)
	e.GET("/plain/own", muxTell("own"))
	e.Group("/g/:Org", &muxMountGuard{&guarded, struct{ Org int }{}}).Mount("/", muxSeen)
	for _, test := range []struct{ request, want string }{
		{"GET /plain/", "200 GET / /"},
		{"GET /plain/a/b", "200 GET /a/b /a/b"},
		{"DELETE /plain/a/", "200 DELETE /a/ /a/"},
		{"OPTIONS /plain/a", "200 OPTIONS /a /a"},
		{"GET /plain/own", "200 own"},
		{"POST /plain/own", "200 POST /own /own"},
		{"GET /plain/a%2Fb/c", "200 GET /a/b/c /a%2Fb/c"},
		{"GET /plain/a%20b", "200 GET /a b /a%20b"},
		{"GET /plain", "301 -> /plain/"},
		{"GET /plainer", muxMissing},
		{"GET /t/5/in/a", "200 GET /a /a"},
		{"GET /t/x/in/a", muxMissing},
		{"GET /name/a%2Fb/c", "200 GET /c /c"},
		{"GET /name/a%2Fb/", "200 GET / /"},
		{"GET /g/7/a", "200 GET /a /a"},
		{"GET /g/x/a", `400 {"ParseError":{"Place":"URL Path Parameter","FieldName":"Org","Reason":`},
		{"GET /plain/../plain/a", "301 -> /plain/a"},
	} {
		if got := muxAsk(e, test.request); !strings.HasPrefix(got, test.want) || strings.HasPrefix(test.want, "200") && got != test.want {
			t.Errorf("%s: got %q, want %q", test.request, got, test.want)
		}
	}
	if !slices.Equal(guarded, []int{7}) {
		t.Errorf("guarded: %v", guarded)
	}
}

type muxMountGuard struct {
	seen  *[]int
	Param struct{ Org int }
}

func (g *muxMountGuard) Handle(*gongular.Context) error {
	*g.seen = append(*g.seen, g.Param.Org)
	return nil
}

// An engine mounts in an engine: each has its own errors, redirects and patterns.
func TestMountEngine(t *testing.T) {
	inner := gongular.NewEngine()
	inner.GET("/x", gongular.HandlerFunc(func(c *gongular.Context) error {
		c.SetBody([]byte("inner " + c.Request().Pattern))
		return nil
	}))
	inner.GET("/u/:ID", muxTell("inner"))
	inner.NotFound(gongular.HandlerFunc(func(c *gongular.Context) error {
		c.Fail(404, "the inner has it not")
		return nil
	}))
	e := gongular.NewEngine()
	outerPattern := ""
	e.Mount("/in/:Ten", inner).Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			outerPattern = r.Pattern + " " + r.PathValue("Ten")
		})
	})
	s := start(t, e)
	client := muxClient(s)
	for target, want := range map[string]string{
		"/in/a/x":         "200 inner GET /x ",
		"/in/a%2Fb/u/5":   "200 inner ID=5 ",
		"/in/a/u/c%2Fd":   "200 inner ID=c/d ",
		"/in/a/x/":        "301  /in/a/x",
		"/in/a%2Fb/x/?q":  "301  /in/a%2Fb/x?q",
		"/in/a/nowhere":   `404 "the inner has it not" `,
		"/nowhere":        "404 404 page not found\n ",
		"/in/a/u/b/%2e/c": "301  /in/a/u/b/c",
	} {
		res, err := client.Get(s.URL + target)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%d %s %s", res.StatusCode, body(t, res), res.Header.Get("Location")); got != want {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
	get(e, "/in/a/x")
	if want := "/in/{Ten}/{mounted...} a"; outerPattern != want {
		t.Errorf("the outer pattern is %q, want %q", outerPattern, want)
	}
}

// r.Pattern is the pattern as ServeMux has it.
func TestRequestPattern(t *testing.T) {
	e := gongular.NewEngine()
	tell := gongular.HandlerFunc(func(c *gongular.Context) error {
		c.SetBody([]byte(c.Request().Pattern))
		return nil
	})
	e.GET("/u/:ID", tell)
	e.POST("/f/*Path", tell)
	e.PUT("/x/", tell)
	for request, want := range map[string]string{
		"GET /u/5": "200 GET /u/{ID}", "HEAD /u/5": "200", "POST /f/a": "200 POST /f/{Path...}", "PUT /x/": "200 PUT /x/{$}",
	} {
		if got := muxAsk(e, request); got != want {
			t.Errorf("%s: got %q, want %q", request, got, want)
		}
	}
}

func TestPlainHandlers(t *testing.T) {
	e := gongular.NewEngine()
	var trail []string
	g := e.Group("/g", gongular.HandlerFunc(func(c *gongular.Context) error {
		trail = append(trail, "group")
		if c.Request().URL.Query().Has("stop") {
			c.Fail(403, "stopped")
		}
		c.Status(201)
		return nil
	}))
	g.Handle("/all", muxSeen)
	g.Handle("POST  /post", muxSeen)
	g.Handle("GET\t/tab", muxSeen)
	g.HandleFunc("PUT /put/{ID:int}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "id "+r.PathValue("ID")) })
	g.HandleFunc("/rx/{A:[a b]+}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "a "+r.PathValue("A")) })
	for _, test := range []struct {
		request, want string
		group         bool
	}{
		{"GET /g/all", "201 GET /g/all /g/all", true},
		{"PROPFIND /g/all", "201 PROPFIND /g/all /g/all", true},
		{"OPTIONS /g/all", "201 OPTIONS /g/all /g/all", true},
		{"GET /g/all?stop", `403 "stopped"`, true},
		{"POST /g/post", "201 POST /g/post /g/post", true},
		{"GET /g/post", "405 Method Not Allowed", false},
		{"GET /g/tab", "201 GET /g/tab /g/tab", true},
		{"PUT /g/put/5", "201 id 5", true},
		{"PUT /g/put/x", muxMissing, false},
		{"GET /g/rx/a%20b", "201 a a b", true},
	} {
		trail = nil
		if got := muxAsk(e, test.request); got != test.want || (len(trail) == 1) != test.group {
			t.Errorf("%s: got %q after %v, want %q", test.request, got, trail, test.want)
		}
	}
	for want, f := range map[string]func(){
		`GET "/n": a nil handler`:           func() { e.Handle("GET /n", nil) },
		`"/n": a nil handler`:               func() { e.HandleFunc("/n", nil) },
		`"/m": a nil handler`:               func() { e.Mount("/m", nil) },
		`"get" is not "GET"`:                func() { e.Handle("get /n", muxSeen) },
		`"G(T" is not a method`:             func() { e.Handle("G(T /n", muxSeen) },
		`an opening brace without`:          func() { e.Mount("/{x", muxSeen) },
		`the wildcard "mounted" stands twi`: func() { e.Mount("/{mounted}", muxSeen) },
	} {
		if text := mustPanic(t, f); !strings.Contains(text, want) {
			t.Errorf("got %q, want %q", text, want)
		}
	}
}

// Middleware of the engine is around everything, then come the groups' and the
// route's, the first outermost; it does not matter when it is added.
func TestMiddlewareOrder(t *testing.T) {
	var trail []string
	m := func(name string) gongular.Middleware {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				trail = append(trail, name)
				next.ServeHTTP(w, r)
				trail = append(trail, "/"+name)
			})
		}
	}
	handler := gongular.HandlerFunc(func(*gongular.Context) error {
		trail = append(trail, "handler")
		return nil
	})
	whole := "e1 e2 g1 g2 i1 r1 r2 handler /r2 /r1 /i1 /g2 /g1 /e2 /e1"
	check := func(t *testing.T, e *gongular.Engine, want map[string]string) {
		t.Helper()
		for request, want := range want {
			for range 2 {
				trail = nil
				muxAsk(e, request)
				if got := strings.Join(trail, " "); got != want {
					t.Errorf("%s: got %q, want %q", request, got, want)
				}
			}
		}
	}
	t.Run("before", func(t *testing.T) {
		e := gongular.NewEngine()
		e.Use(m("e1"), m("e2"))
		g := e.Group("/g")
		g.Use(m("g1"), m("g2"))
		inner := g.Group("/i")
		inner.Use(m("i1"))
		inner.GET("/x", handler).Use(m("r1"), m("r2"))
		g.GET("/plain", handler)
		e.GET("/x", handler)
		check(t, e, map[string]string{
			"GET /g/i/x":     whole,
			"GET /g/plain":   "e1 e2 g1 g2 handler /g2 /g1 /e2 /e1",
			"GET /x":         "e1 e2 handler /e2 /e1",
			"GET /nowhere":   "e1 e2 /e2 /e1",
			"GET /g/nowhere": "e1 e2 /e2 /e1",
			"POST /x":        "e1 e2 /e2 /e1",
			"GET /x/":        "e1 e2 /e2 /e1",
			"GET //x":        "e1 e2 /e2 /e1",
		})
	})
	t.Run("after, and between requests", func(t *testing.T) {
		e := gongular.NewEngine()
		g := e.Group("/g")
		inner := g.Group("/i")
		route := inner.GET("/x", handler)
		check(t, e, map[string]string{"GET /g/i/x": "handler"})
		route.Use(m("r1"))
		check(t, e, map[string]string{"GET /g/i/x": "r1 handler /r1"})
		inner.Use(m("i1"))
		g.Use(m("g1"))
		e.GetRouter().Use(m("e1"))
		g.Use(m("g2"))
		check(t, e, map[string]string{"GET /g/i/x": "e1 g1 g2 i1 r1 handler /r1 /i1 /g2 /g1 /e1"})
		route.Use(m("r2"))
		e.Use(m("e2"))
		check(t, e, map[string]string{"GET /g/i/x": whole})
	})
	t.Run("nil", func(t *testing.T) {
		e := gongular.NewEngine()
		for _, f := range []func(){
			func() { e.Use(nil) }, func() { e.Group("/g").Use(m("x"), nil) }, func() { e.GET("/x", handler).Use(nil) },
		} {
			if text := mustPanic(t, f); !strings.HasSuffix(text, ": a nil middleware") || !strings.Contains(text, "mux_test.go:") {
				t.Errorf("got %q", text)
			}
		}
	})
}

// A middleware that answers by itself keeps the handlers from running.
func TestMiddlewareAnswers(t *testing.T) {
	e := gongular.NewEngine()
	e.Group("/g").GET("/x", gongular.HandlerFunc(func(*gongular.Context) error {
		t.Error("the handler ran")
		return nil
	})).Use(func(http.Handler) http.Handler { return http.NotFoundHandler() })
	if got := muxAsk(e, "GET /g/x"); got != muxMissing {
		t.Errorf("got %q", got)
	}
}

// A muxWriter is what a middleware that counts or compresses puts around.
type muxWriter struct{ http.ResponseWriter }

func (w muxWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// http.ResponseController reaches the server through the middleware of engine,
// group and route and through the Context's own writer.
func TestResponseController(t *testing.T) {
	around := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(muxWriter{w}, r) })
	}
	e := gongular.NewEngine()
	e.Use(around)
	g := e.Group("/g")
	g.Use(around)
	gate := make(chan struct{})
	control := func(w http.ResponseWriter, r *http.Request) error {
		rc := http.NewResponseController(w)
		if r.URL.Query().Has("hijack") {
			conn, rw, err := rc.Hijack()
			if err != nil {
				return err
			}
			defer conn.Close()
			rw.WriteString("hello, raw")
			return rw.Flush()
		}
		if err := rc.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			return err
		}
		if err := rc.SetWriteDeadline(time.Time{}); err != nil {
			return err
		}
		if err := rc.EnableFullDuplex(); err != nil {
			return err
		}
		io.WriteString(w, "first\n")
		if err := rc.Flush(); err != nil {
			return err
		}
		<-gate
		io.WriteString(w, "second\n")
		return nil
	}
	g.GET("/struct", gongular.HandlerFunc(func(c *gongular.Context) error { return control(c.Writer(), c.Request()) })).Use(around)
	g.HandleFunc("GET /plain", func(w http.ResponseWriter, r *http.Request) {
		if err := control(w, r); err != nil {
			t.Error(err)
		}
	}).Use(around)
	s := start(t, e)
	for _, path := range []string{"/g/struct", "/g/plain"} {
		res, err := s.Client().Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(res.Body).ReadString('\n')
		if line != "first\n" || err != nil {
			t.Errorf("%s: before the end: %q, %v", path, line, err)
		}
		gate <- struct{}{}
		body(t, res)

		_, r := muxRaw(t, s, "GET "+path+"?hijack HTTP/1.1\r\nHost: x\r\n\r\n")
		if raw, err := io.ReadAll(r); string(raw) != "hello, raw" {
			t.Errorf("%s: hijacked: %q, %v", path, raw, err)
		}
	}
}

type muxText struct{ Body struct{ Text string } }

func (h *muxText) Handle(c *gongular.Context) error {
	c.SetBody(len(h.Body.Text))
	return nil
}

// The options of a route go before those of its groups and the engine.
func TestWith(t *testing.T) {
	e := gongular.NewEngine(gongular.Options{MaxBody: 30})
	e.POST("/engine", &muxText{})
	g := e.Group("/g").With(gongular.Options{MaxBody: 60})
	g.POST("/group", &muxText{})
	g.Group("/inner").POST("/x", &muxText{})
	g.POST("/route", &muxText{}).With(gongular.Options{MaxBody: 90})
	g.POST("/none", &muxText{}).With(gongular.Options{MaxBody: -1})
	g.POST("/strict", &muxText{}).With(gongular.Options{Strict: true})
	late := e.POST("/late", &muxText{})
	send := func(path string, size int) int {
		text := `{"Text":"` + strings.Repeat("x", size-len(`{"Text":""}`)) + `"}`
		return do(e, "POST", path, "application/json", text).Code
	}
	for path, limit := range map[string]int{"/engine": 30, "/g/group": 60, "/g/inner/x": 60, "/g/route": 90, "/g/strict": 60, "/late": 30} {
		if got := send(path, limit); got != 200 {
			t.Errorf("%s: %d bytes: %d", path, limit, got)
		}
		if got := send(path, limit+1); got != 413 {
			t.Errorf("%s: %d bytes: %d", path, limit+1, got)
		}
	}
	if got := send("/g/none", 1000); got != 200 {
		t.Errorf("no limit: %d", got)
	}
	late.With(gongular.Options{MaxBody: 100}).With(gongular.Options{Strict: true})
	if got := send("/late", 100); got != 200 {
		t.Errorf("/late, changed: %d", got)
	}
	for path, want := range map[string]int{"/g/strict": 400, "/late": 400, "/g/group": 200} {
		if w := do(e, "POST", path, "application/json", `{"Other":1}`); w.Code != want {
			t.Errorf("%s: an unknown key: %d, want %d", path, w.Code, want)
		}
	}
}

func TestWithMisused(t *testing.T) {
	e := gongular.NewEngine()
	for field, o := range map[string]gongular.Options{
		"Indent": {Indent: " "}, "TrailingSlash": {TrailingSlash: gongular.StrictSlash}, "PassPanics": {PassPanics: true}, "ShutdownTimeout": {ShutdownTimeout: 1},
	} {
		route := e.GET("/"+field, muxTell(""))
		want := "Options." + field + " is the engine's alone; a group or route may have MaxBody,"
		for _, f := range []func(){func() { e.With(o) }, func() { route.With(o) }} {
			if text := mustPanic(t, f); !strings.Contains(text, want) || !strings.HasPrefix(text, "gongular: mux_test.go:") {
				t.Errorf("got %q, want %q", text, want)
			}
		}
	}
}

func TestURL(t *testing.T) {
	e := gongular.NewEngine()
	for name, pattern := range map[string]string{
		"root": "/", "static": "/a/b", "slash": "/a/b/", "old": "/u/:ID", "two": "/u/{A}/x/:B", "rest": "/f/*Path", "new rest": "/n/{Path...}",
		"int": "/i/{ID:int}", "regexp": "/r/{X:[a/]+}", "fixed": "/v{N}-x", "prefix": "/@:User", "escape": "/a%2Fb/:X", "space": "/a b", "unicode": "/größe/:X", "comma": "/a,b;c=d",
	} {
		e.Group("/g").GET(pattern, muxTell(name)).Name(name)
	}
	for _, test := range []struct {
		name   string
		params []any
		want   string // or the text of the error, after "! "
	}{
		{"root", nil, "/g"},
		{"static", nil, "/g/a/b"},
		{"slash", nil, "/g/a/b/"},
		{"old", []any{5}, "/g/u/5"},
		{"old", []any{"a b"}, "/g/u/a%20b"},
		{"old", []any{"a/b?c#d%e"}, "/g/u/a%2Fb%3Fc%23d%25e"},
		{"old", []any{"ä"}, "/g/u/%C3%A4"},
		{"old", []any{"..."}, "/g/u/..."},
		{"old", []any{true}, "/g/u/true"},
		{"two", []any{1, "y"}, "/g/u/1/x/y"},
		{"rest", []any{"/a/b c"}, "/g/f/a/b%20c"},
		{"rest", []any{"a/b"}, "/g/f/a/b"},
		{"rest", []any{"/a/"}, "/g/f/a/"},
		{"rest", []any{"/"}, "/g/f/"},
		{"rest", []any{""}, "/g/f/"},
		{"new rest", []any{"a/b"}, "/g/n/a/b"},
		{"new rest", []any{""}, "/g/n/"},
		{"int", []any{-5}, "/g/i/-5"},
		{"regexp", []any{"a/a"}, "/g/r/a%2Fa"},
		{"fixed", []any{2}, "/g/v2-x"},
		{"prefix", []any{"bo"}, "/g/@bo"},
		{"escape", []any{"x"}, "/g/a%2Fb/x"},
		{"space", nil, "/g/a%20b"},
		{"unicode", []any{"x"}, "/g/gr%C3%B6%C3%9Fe/x"},
		{"comma", nil, "/g/a,b;c=d"},

		{"nobody", nil, `! no route is named "nobody"`},
		{"", nil, `! no route is named ""`},
		{"statik", nil, `! no route is named "statik"; did you mean "static"?`},
		{"old", nil, `! route "old": missing parameter "ID"`},
		{"two", []any{1}, `! route "two": missing parameter "B"`},
		{"old", []any{1, 2}, `! route "old": surplus parameter 2; /g/u/:ID has 1`},
		{"static", []any{"x"}, `! route "static": surplus parameter x; /g/a/b has 0`},
		{"old", []any{""}, `! route "old": parameter "ID": empty`},
		{"old", []any{"/"}, `! route "old": parameter "ID": "/" is not a segment of a clean path`},
		{"old", []any{".."}, `! route "old": parameter "ID": ".." is not a segment of a clean path`},
		{"old", []any{"."}, `! route "old": parameter "ID": "." is not a segment of a clean path`},
		{"old", []any{"a/../b"}, `! route "old": parameter "ID": "a/../b" is not a segment of a clean path`},
		{"old", []any{"../b"}, `! route "old": parameter "ID": "../b" is not a segment of a clean path`},
		{"old", []any{"a\x00"}, `! route "old": parameter "ID": "a\x00" is not a segment of a clean path`},
		{"int", []any{"x"}, `! route "int": parameter "ID": "x" does not fit {ID:int}`},
		{"rest", []any{"a/../b"}, `! route "rest": parameter "Path": "a/../b" is not a clean path`},
		{"rest", []any{"a//b"}, `! route "rest": parameter "Path": "a//b" is not a clean path`},
		{"rest", []any{"//a"}, `! route "rest": parameter "Path": "//a" is not a clean path`},
		{"rest", []any{"a/."}, `! route "rest": parameter "Path": "a/." is not a clean path`},
		{"rest", []any{"a\x00"}, `! route "rest": parameter "Path": "a\x00" is not a clean path`},
		{"new rest", []any{"/a"}, `! route "new rest": parameter "Path": "/a" is not a clean path`},
	} {
		got, err := e.URL(test.name, test.params...)
		if err != nil {
			got = "! " + err.Error()
		}
		if got != test.want {
			t.Errorf("URL(%q, %v): got %s, want %s", test.name, test.params, got, test.want)
		}
		if err == nil {
			if answer := muxAsk(e, "GET "+got); !strings.HasPrefix(answer, "200 "+test.name) {
				t.Errorf("GET %s: got %q, want the route %q", got, answer, test.name)
			}
		}
	}
}

func TestContextURL(t *testing.T) {
	e := gongular.NewEngine()
	e.GET("/u/:ID", gongular.HandlerFunc(func(c *gongular.Context) error {
		to, err := c.URL("user", 7)
		if err != nil {
			return err
		}
		return c.Redirect(303, to)
	})).Name("user")
	if got := muxAsk(e, "GET /u/5"); got != "303 -> /u/7" {
		t.Errorf("got %q", got)
	}
}

func TestNameMisused(t *testing.T) {
	e := gongular.NewEngine()
	e.GET("/a", muxTell("a")).Name("a")
	first := muxHere(-1)
	b := e.Group("/g").POST("/b", muxTell("b"))
	for _, test := range []struct {
		f    func()
		want string
	}{
		{func() { b.Name("a") }, `POST "/g/b": the name "a" is already that of GET "/a", registered at ` + first},
		{func() { b.Name("") }, `POST "/g/b": an empty name`},
		{func() { b.Name("b").Name("c") }, `POST "/g/b": the route is already named "b"`},
	} {
		if text := mustPanic(t, test.f); !strings.HasSuffix(text, test.want) || !strings.HasPrefix(text, "gongular: mux_test.go:") {
			t.Errorf("got %q, want %q", text, test.want)
		}
	}
}

func TestRoutes(t *testing.T) {
	e := gongular.NewEngine(gongular.Options{MaxKeys: 7})
	g := e.Group("/g", &muxGuard{})
	e.POST("/text", &muxText{}).Name("text").With(gongular.Options{MaxBody: 9})
	textAt := muxHere(-1)
	g.Host("a.example").GET("/:Org/x", &muxNotFound{}) // conflicts with nothing
	e.Handle("/all", muxSeen)
	e.ServeFile("/file", "x")
	var got []string
	infos := slices.Collect(e.Routes())
	for _, info := range infos {
		line := fmt.Sprintf("%q %q %s %q", info.Method, info.Host, info.Pattern, info.Name)
		for _, h := range info.Handlers {
			line += " " + h.Type.Name()
			for _, s := range h.Sections {
				line += " " + s.Field
			}
			for _, n := range h.Needs {
				line += fmt.Sprintf(" needs %v", n.Type)
			}
		}
		got = append(got, line)
	}
	want := []string{
		`"POST" "" /text "text" muxText Body`,
		`"GET" "a.example" /g/:Org/x "" muxGuard Param Query muxNotFound Query needs *gongular_test.muxStore`,
		`"" "" /all "" HandlerFunc`,
		`"GET" "" /file "" oneFile`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if infos[0].Location != textAt {
		t.Errorf("location %s, want %s", infos[0].Location, textAt)
	}
	if o := infos[0].Options; o.MaxBody != 9 || o.MaxKeys != 7 || o.MaxFiles != 100 {
		t.Errorf("options %+v", o)
	}
	if o := infos[1].Options; o.MaxBody != 4<<20 {
		t.Errorf("options %+v", o)
	}
	for range e.Routes() {
		break // an early end is no matter
	}
}

// A conflict names both routes, where each was registered, and a path that both take.
func TestConflicts(t *testing.T) {
	for _, test := range []struct {
		first, second string
		want          []string // parts of the message
	}{
		{"/u/:ID", "/u/{Name}", []string{`conflicts with GET "/u/:ID"`, "both take the same paths"}},
		{"/u/:ID", "/u/:ID", []string{"both take the same paths"}},
		{"/f/*Path", "/f/{rest...}", []string{"both take the same paths"}},
		{"/u/{ID:int}", "/u/{N:int}", []string{"both take the same paths"}},
		{"/v{A}", "/v:B", []string{"both take the same paths"}},
		{"/x/", "/x/{$}", []string{"both take the same paths"}},
		{"/u/x", "/u//x", []string{"both take the same paths"}},
		{"/u/x%2dy", "/u/x-y", []string{`conflicts with GET "/u/x%2dy"`, "same requests"}},
		{"/a/{x}/c", "/a/b/{y}", []string{`conflicts with GET "/a/{x}/c"`, `"/a/b/c"`}},
		{"/a/b/*Rest", "/a/:X/c", []string{`conflicts with GET "/a/b/*Rest"`, `"/a/b/c"`}},
	} {
		e := gongular.NewEngine()
		e.GET("/other/{x}", muxTell("other"))
		e.GET(test.first, muxTell("first"))
		first := muxHere(-1)
		text := mustPanic(t, func() { e.GET(test.second, muxTell("second")) })
		start := fmt.Sprintf("gongular: %s: GET %q: conflicts with GET %q, registered at %s: ", muxHere(-1), test.second, test.first, first)
		if !strings.HasPrefix(text, start) {
			t.Errorf("got\n%s, want it to begin with\n%s", text, start)
		}
		for _, part := range test.want {
			if !strings.Contains(text, part) {
				t.Errorf("%s and %s: got %q, want %q", test.first, test.second, text, part)
			}
		}
		// What was refused has changed nothing.
		if n := len(slices.Collect(e.Routes())); n != 2 {
			t.Errorf("%d routes", n)
		}
	}
}

func TestNoConflicts(t *testing.T) {
	e := gongular.NewEngine()
	for _, pattern := range []string{"/u/:ID", "/u/{ID:int}", "/u/x:ID", "/u/{ID}x", "/u/new", "/u/:ID/", "/u/*Rest", "/", "/*All"} {
		e.GET(pattern, muxTell(pattern))
		e.POST(pattern, muxTell(pattern))
		e.Host("a.example").GET(pattern, muxTell(pattern))
	}
	// As for ServeMux, neither is the more specific of these.
	text := mustPanic(t, func() { e.Handle("/u/:ID", muxSeen) })
	if !strings.Contains(text, `"/u/:ID": conflicts with GET "/u/*Rest", registered at mux_test.go:`) {
		t.Errorf("got %q", text)
	}
}

func TestRegisteringMisused(t *testing.T) {
	e := gongular.NewEngine()
	h := muxTell("")
	for _, test := range []struct {
		f    func()
		want string
	}{
		{func() { e.GET("/x") }, `GET "/x": no handlers`},
		{func() { e.GET("/x", nil) }, `GET "/x": handler 1 is nil`},
		{func() { e.Method("", "/x", h) }, `"/x": "" is not a method`},
		{func() { e.Method("G T", "/x", h) }, `"G T" is not a method`},
		{func() { e.Method("get,post", "/x", h) }, `"get,post" is not a method`},
		{func() { e.Method("post", "/x", h) }, `methods are case-sensitive: "post" is not "POST"`},
		{func() { e.GET("/:A/:A", h) }, `the wildcard "A" stands twice`},
		{func() { e.Group("/:A").GET("/{A}", h) }, `GET "/:A/{A}": the wildcard "A" stands twice`},
		{func() { e.Group("/{A") }, `Group "/{A": an opening brace without a closing one`},
		{func() { e.Group("/g", nil) }, `Group "/g": handler 1 is nil`},
		{func() { e.SetErrorHandler(nil) }, `SetErrorHandler: a nil handler`},
		{func() { gongular.NewEngine(gongular.Options{}, gongular.Options{}) }, `NewEngine: more than one Options`},
		{func() { gongular.NewEngine(gongular.Options{TrailingSlash: 3}) }, `Options.TrailingSlash: 3 is none of`},
	} {
		text := mustPanic(t, test.f)
		if !strings.Contains(text, test.want) || !strings.HasPrefix(text, "gongular: mux_test.go:") {
			t.Errorf("got %q, want %q", text, test.want)
		}
	}
	e.Method("M-SEARCH", "/x", h)
	e.Method("purge", "/x", h)
	if got := muxAsk(e, "purge /x"); got != "200" {
		t.Errorf("a method of one's own: %q", got)
	}
}

func TestAllMethods(t *testing.T) {
	e := gongular.NewEngine()
	type register = func(string, ...gongular.RequestHandler) *gongular.Route
	for method, f := range map[string]register{
		"GET": e.GET, "HEAD": e.HEAD, "POST": e.POST, "PUT": e.PUT, "PATCH": e.PATCH, "DELETE": e.DELETE,
		"OPTIONS": e.OPTIONS, "CONNECT": e.CONNECT, "TRACE": e.TRACE, "QUERY": e.QUERY,
	} {
		f("/x", gongular.HandlerFunc(func(c *gongular.Context) error {
			c.Header("X-Method", method)
			return nil
		}))
	}
	for rt := range e.Routes() {
		if got := do(e, rt.Method, "/x", "", "").Header().Get("X-Method"); got != rt.Method {
			t.Errorf("%s: got %q", rt.Method, got)
		}
	}
}

// A path of CONNECT is not cleaned by ServeMux, which panics on an empty
// segment where there are two wildcards. It is 400 here, and the server lives.
func TestConnect(t *testing.T) {
	e := gongular.NewEngine()
	tell := gongular.HandlerFunc(func(c *gongular.Context) error {
		p := c.Params()
		c.SetBody([]byte(p.ByName("A") + "," + p.ByName("B")))
		return nil
	})
	e.CONNECT("/c/{A}/p/{B}", tell)
	e.CONNECT("/d/{A}/", tell)
	e.GET("/x", muxTell("x"))
	s := start(t, e)
	for _, test := range []struct{ target, want string }{
		{"/c/1/p/2", "200 1,2"},
		{"/c/1/p/2/", "307 /c/1/p/2"},
		{"/d/1", "307 /d/1/"},
		{"/c//p/2", "400 Bad Request\n"},
		{"//p/2", "400 Bad Request\n"},
		{"/c/1/p/", "404 404 page not found\n"},
		{"/c/../p/2", "400 Bad Request\n"},
		{"/c/%2e%2e/p/2", "400 Bad Request\n"},
		{"/x", "405 Method Not Allowed\n"},
		{"example.com:443", "404 404 page not found\n"},
	} {
		conn, r := muxRaw(t, s, "CONNECT "+test.target+" HTTP/1.1\r\nHost: example.com\r\n\r\n")
		res, text := muxRead(t, r, "GET") // so that the body of a 200 is read by its length
		if got := fmt.Sprintf("%d %s", res.StatusCode, text+res.Header.Get("Location")); got != test.want {
			t.Errorf("%s: got %q, want %q", test.target, got, test.want)
		}
		conn.Close()
	}
	if got := body(t, muxGet(t, s, "/x")); got != "x" {
		t.Errorf("afterwards: %q", got)
	}
}

func muxGet(t testing.TB, s *httptest.Server, target string) *http.Response {
	t.Helper()
	res, err := s.Client().Get(s.URL + target)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// "OPTIONS *" is about the server, which answers it; without one it is a bad
// request as for ServeMux, not a path to redirect.
func TestOptionsOfServer(t *testing.T) {
	e := gongular.NewEngine()
	e.GET("/*Path", muxTell("all"))
	e.OPTIONS("/*Path", muxTell("options"))
	s := start(t, e)
	_, r := muxRaw(t, s, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if res, _ := muxRead(t, r, "OPTIONS"); res.StatusCode != 200 {
		t.Errorf("by a server: %d", res.StatusCode)
	}
	if got := muxAsk(e, "OPTIONS *"); got != "400 Bad Request" {
		t.Errorf("without one: %q", got)
	}
}

// Routes, middleware and values may be added while the engine serves.
func TestRegisteringWhileServing(t *testing.T) {
	e := gongular.NewEngine()
	e.Provide(&muxStore{"0"})
	e.GET("/first", &muxNotFound{})
	g := e.Group("/g")
	pass := func(next http.Handler) http.Handler { return next }
	const n = 40
	var wg sync.WaitGroup
	for _, add := range []func(i int){
		func(i int) { e.Provide(&muxStore{fmt.Sprint(i)}) },
		func(i int) { e.ProvideWithKey(fmt.Sprint("k", i), i) },
		func(i int) { e.GET(fmt.Sprintf("/r%d/:ID", i), muxTell("r")).Name(fmt.Sprint("n", i)).Use(pass) },
		func(i int) { g.GET(fmt.Sprintf("/{V:[%d]+}", i%10)+fmt.Sprint(i), muxTell("g")) },
		func(i int) { g.Use(pass); e.Use(pass) },
		func(i int) { e.Host(fmt.Sprintf("h%d.example", i)).GET("/", muxTell("h")) },
		func(i int) { e.SetErrorHandler(func(err error, c *gongular.Context) { c.Fail(500, nil) }) },
		func(i int) { e.SetRouteCallback(func(gongular.RouteStat) {}) },
		func(i int) { e.NotFound(muxTell("nothing")) },
		func(i int) { e.GET(fmt.Sprint("/w", i), muxTell("w")).With(gongular.Options{MaxKeys: i + 1}) },
	} {
		wg.Go(func() {
			for i := range n {
				add(i)
			}
		})
	}
	for range 4 {
		wg.Go(func() {
			for i := range n {
				if w := get(e, "/first"); w.Code != 404 || !strings.Contains(w.Body.String(), "has no /first") {
					t.Errorf("/first: %d %s", w.Code, w.Body)
				}
				get(e, fmt.Sprintf("/r%d/x", i))
				get(e, fmt.Sprintf("/g/%d", i))
				get(e, "/nowhere")
				e.URL(fmt.Sprint("n", i), 1)
				for range e.Routes() {
				}
				if err := e.Check(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i := range n {
		if got := muxAsk(e, fmt.Sprintf("GET /r%d/x", i)); got != "200 r ID=x" {
			t.Errorf("/r%d: %q", i, got)
		}
	}
}

// A middleware may ask the engine while it is put around a route.
func TestMiddlewareAsksEngine(t *testing.T) {
	e := gongular.NewEngine()
	e.GET("/home", muxTell("home")).Name("home")
	asks := func(next http.Handler) http.Handler {
		home, err := e.URL("home")
		if err != nil {
			t.Error(err)
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Home", home)
			next.ServeHTTP(w, r)
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.Use(asks)
		e.GET("/x", muxTell("x")).Use(asks)
		if w := get(e, "/x"); w.Header().Get("X-Home") != "/home" {
			t.Errorf("header %v", w.Header())
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for itself")
	}
}

type muxTen struct {
	Param struct{ ID int }
	Query struct {
		A string  `valid:"alpha"`
		B int     `valid:"range(1|5)"`
		C float64 `q:"c"`
		D bool
		E []string
		F time.Time
		G *int
		H time.Duration
		I uint8
	}
}

func (h *muxTen) Handle(c *gongular.Context) error {
	c.SetBody(h.Param.ID)
	return nil
}

func TestManyRoutes(t *testing.T) {
	e := gongular.NewEngine()
	for i := range 2000 {
		e.GET(fmt.Sprintf("/group%d/route%d/:ID", i%40, i), &muxTen{})
	}
	for _, i := range []int{0, 1, 999, 1999} {
		if got, want := muxAsk(e, fmt.Sprintf("GET /group%d/route%d/%d?A=x&B=3", i%40, i, i)), fmt.Sprintf("200 %d", i); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if n := len(slices.Collect(e.Routes())); n != 2000 {
		t.Errorf("%d routes", n)
	}
}

func BenchmarkRegister(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		e := quiet()
		for i := range 2000 {
			e.GET(fmt.Sprintf("/route%d/:ID", i), &muxTen{})
		}
	}
}

// A request that no route takes has no pattern, though ServeMux had found one.
func TestPatternOfNotFound(t *testing.T) {
	e := gongular.NewEngine()
	e.GET("/n/{ID:int}", muxTell("n"))
	e.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			if want := map[string]string{"/n/5": "GET /n/{ID}"}[r.URL.Path]; r.Pattern != want {
				t.Errorf("%s: got %q, want %q", r.URL.Path, r.Pattern, want)
			}
		})
	})
	get(e, "/n/5")
	get(e, "/n/x")
	get(e, "/nowhere")
}

// URL in a handler has the prefix that a mux around the engine has taken off.
func TestContextURLKeepsOuterPrefix(t *testing.T) {
	e := gongular.NewEngine(gongular.Options{TrailingSlash: gongular.IgnoreSlash})
	tell := gongular.HandlerFunc(func(c *gongular.Context) error {
		to, err := c.URL("user", "a/b")
		c.SetBody([]byte(to))
		return err
	})
	e.GET("/u/:ID", tell).Name("user")
	e.GET("/", tell)
	for prefix, h := range map[string]http.Handler{"": e, "/in/api": http.StripPrefix("/in/api", e)} {
		for _, path := range []string{"/u/5", "/u/5/", "/u/%3Cx%3E", "/u/<x>", "/"} {
			if got, want := muxAsk(h, "GET "+prefix+path), "200 "+prefix+"/u/a%2Fb"; got != want {
				t.Errorf("%s%s: got %q, want %q", prefix, path, got, want)
			}
		}
	}
	if got := muxAsk(http.StripPrefix("/in/api", e), "GET /in/api"); got != "200 /in/api/u/a%2Fb" {
		t.Errorf("the root: got %q", got)
	}
}

// The engine mounts where any http.Handler does, and several know nothing of
// each other.
func TestTwoEngines(t *testing.T) {
	a, b := gongular.NewEngine(), gongular.NewEngine(gongular.Options{ProblemErrors: true})
	a.GET("/x", muxTell("a")).Name("x")
	b.GET("/x", muxTell("b")).Name("x")
	b.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-B", "1")
			next.ServeHTTP(w, r)
		})
	})
	if w := get(a, "/x"); w.Body.String() != "a" || w.Header().Get("X-B") != "" {
		t.Errorf("a: %q %v", w.Body, w.Header())
	}
	if w := get(b.GetHandler(), "/x"); w.Body.String() != "b" || w.Header().Get("X-B") != "1" {
		t.Errorf("b: %q %v", w.Body, w.Header())
	}
	if got := muxAsk(a, "GET /nowhere"); got != muxMissing {
		t.Errorf("a: %q", got)
	}
}
