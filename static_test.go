package gongular_test

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gongular/gongular"
)

// staticDir makes a folder of files, with folders and links as their names say:
// a name that ends with a slash is a folder, and content after "-> " is a link.
func staticDir(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(strings.ReplaceAll(target, "ROOT", root), path)
		} else if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(path, 0o755)
		} else {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

var staticFiles = map[string]string{
	"a.txt": "text a", "page.html": "<html>page", "index.html": "<html>home", "sub/index.html": "<html>sub", "bare/b.txt": "text b", "bare/.secret": "s", "bare/deep/c.txt": "text c",
	".env": "secret", ".git/config": "secret", "a b.txt": "spaced", "ä.txt": "umlaut", "100%.txt": "percent", "empty/.keep": "", "noext": "no extension",
}

// staticFS are the same files without a disk.
func staticFS() fstest.MapFS {
	m := fstest.MapFS{}
	for name, content := range staticFiles {
		m[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o644, ModTime: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)}
	}
	return m
}

func TestServeFiles(t *testing.T) {
	dir := staticDir(t, staticFiles)
	for name, root := range map[string]http.FileSystem{"a folder": http.Dir(dir), "an fs.FS": http.FS(staticFS()), "an fs.FS of a folder": http.FS(os.DirFS(dir))} {
		for _, prefix := range []string{"/static", "/static/", "/", ""} {
			e := gongular.NewEngine()
			e.ServeFiles(prefix, root)
			at := strings.TrimRight(prefix, "/")
			for _, test := range []struct{ request, want string }{
				{"GET /a.txt", "200 text a"},
				{"HEAD /a.txt", "200"},
				{"GET /a%20b.txt", "200 spaced"},
				{"GET /%C3%A4.txt", "200 umlaut"},
				{"GET /100%25.txt", "200 percent"},
				{"GET /page.html", "200 <html>page"},
				{"GET /", "200 <html>home"},
				{"HEAD /", "200"},
				{"GET /sub/", "200 <html>sub"},
				{"GET /sub", "301 -> sub/"},
				{"GET /sub?q=1", "301 -> sub/?q=1"},
				{"GET /index.html", "301 -> ./"},
				{"GET /sub/index.html", "301 -> ./"},
				{"GET /a.txt/", "301 -> ../a.txt"},
				{"GET /bare/b.txt", "200 text b"},
				{"GET /bare/", muxMissing},
				{"GET /bare", muxMissing},
				{"GET /bare/deep/", muxMissing},
				{"GET /empty/", muxMissing},
				{"GET /.env", muxMissing},
				{"GET /.git/config", muxMissing},
				{"GET /.git/", muxMissing},
				{"GET /bare/.secret", muxMissing},
				{"GET /%2eenv", muxMissing},
				{"GET /missing", muxMissing},
				{"GET /A.txt", muxMissing},
				{"GET /a.txt/x", muxMissing},
				{"GET /bare%2Fb.txt", muxMissing},
				{"GET /bare%2fb.txt", muxMissing},
				{"GET /bare%5Cb.txt", muxMissing},
				{"GET /..%5Ca.txt", muxMissing},
				{`GET /..\a.txt`, muxMissing},
				{"GET /bare/%2e%2e%2fa.txt", "400 Bad Request"},
				{"GET /bare/..%2f..%2fa.txt", "400 Bad Request"},
				{"GET /a.txt%00", "400 Bad Request"},
				{"GET /%00", "400 Bad Request"},
				{"GET /bare/../a.txt", "301 -> " + at + "/a.txt"},
				{"GET /bare/%2e%2e/a.txt", "301 -> " + at + "/a.txt"},
				{"POST /a.txt", "405 Method Not Allowed"},
			} {
				method, path, _ := strings.Cut(test.request, " ")
				if got := muxAsk(e, method+" "+at+path); got != test.want {
					t.Errorf("%s at %q: %s: got %q, want %q", name, prefix, test.request, got, test.want)
				}
			}
			if at != "" {
				if got := muxAsk(e, "GET "+at); got != "301 -> "+at+"/" {
					t.Errorf("%s: GET %s: got %q", name, at, got)
				}
			} else if got := muxAsk(e, "GET /../../etc/passwd"); got != "301 -> /etc/passwd" {
				t.Errorf("%s: out of the root: got %q", name, got)
			}
			if err := e.Check(); err != nil {
				t.Errorf("Check: %v", err)
			}
		}
	}
}

// Redirects of files are followed to the file, by a client, with a mux around.
func TestServeFilesRedirects(t *testing.T) {
	e := gongular.NewEngine()
	e.ServeFiles("/s", http.FS(staticFS()))
	outer := http.NewServeMux()
	outer.Handle("/in/", http.StripPrefix("/in", e))
	s := start(t, outer)
	for target, want := range map[string]string{
		"/in/s": "<html>home", "/in/s/sub": "<html>sub", "/in/s/sub/index.html": "<html>sub", "/in/s/a.txt/": "text a", "/in/s//sub/../a.txt": "text a",
	} {
		if got := body(t, muxGet(t, s, target)); got != want {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
}

func TestServeFilesOptions(t *testing.T) {
	dir := staticDir(t, staticFiles)
	for name, root := range map[string]http.FileSystem{"a folder": http.Dir(dir), "an fs.FS": http.FS(staticFS())} {
		ask := func(o gongular.FileOptions, target string) string {
			e := gongular.NewEngine()
			e.ServeFiles("/", root, o)
			w := get(e, target)
			return fmt.Sprintf("%d %s", w.Code, w.Body)
		}
		listing, dots := gongular.FileOptions{Listing: true}, gongular.FileOptions{Dotfiles: true}
		both := gongular.FileOptions{Listing: true, Dotfiles: true}
		for _, test := range []struct {
			options gongular.FileOptions
			target  string
			has     []string
			hasNot  []string
		}{
			{listing, "/bare/", []string{"200 ", `"b.txt"`, `"deep/"`}, []string{".secret"}},
			{listing, "/bare/deep/", []string{"200 ", `"c.txt"`}, nil},
			{listing, "/", []string{"200 <html>home"}, nil},
			{listing, "/empty/", []string{"200 "}, []string{".keep"}},
			{listing, "/.git/", []string{"404 "}, []string{"config"}},
			{listing, "/.env", []string{"404 "}, []string{"secret"}},
			{dots, "/.env", []string{"200 secret"}, nil},
			{dots, "/.git/config", []string{"200 secret"}, nil},
			{dots, "/.git/", []string{"404 "}, []string{"config"}},
			{dots, "/bare/", []string{"404 "}, nil},
			{both, "/bare/", []string{"200 ", `"b.txt"`, `".secret"`}, nil},
			{both, "/.git/", []string{"200 ", `"config"`}, nil},
		} {
			got := ask(test.options, test.target)
			for _, part := range test.has {
				if !strings.Contains(got, part) {
					t.Errorf("%s with %+v: %s: got %q, want %q", name, test.options, test.target, got, part)
				}
			}
			for _, part := range test.hasNot {
				if strings.Contains(got, part) {
					t.Errorf("%s with %+v: %s: got %q with %q", name, test.options, test.target, got, part)
				}
			}
		}
	}
}

// A link leads out of the root of an http.Dir nowhere; one that stays inside works.
func TestServeFilesLinks(t *testing.T) {
	outside := staticDir(t, map[string]string{"passwd": "secret", "sub/index.html": "secret"})
	rel := func(root, name string) string {
		r, err := filepath.Rel(root, filepath.Join(outside, name))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	dir := staticDir(t, map[string]string{"real/a.txt": "text a", "real/index.html": "index"})
	for name, target := range map[string]string{
		"abs": filepath.Join(outside, "passwd"), "rel": rel(dir, "passwd"), "absdir": outside, "reldir": rel(dir, ""), "sub": filepath.Join(outside, "sub"),
		"inside": "real/a.txt", "insidedir": "real", "real/index2.html": rel(filepath.Join(dir, "real"), "passwd"), "dangling": "nothing", "loop": "loop", "dotted": "./real/../real/a.txt",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range []gongular.FileOptions{{}, {Listing: true, Dotfiles: true}, {Fallback: "rel"}} {
		e := gongular.NewEngine()
		e.ServeFiles("/s", http.Dir(dir), o)
		for target, want := range map[string]string{
			"/s/abs": "404", "/s/rel": "404", "/s/absdir/passwd": "404", "/s/reldir/passwd": "404", "/s/absdir/": "404", "/s/sub/": "404", "/s/reldir": "404",
			"/s/real/index2.html": "404", "/s/dangling": "404", "/s/loop": "404",
			"/s/inside": "200 text a", "/s/insidedir/a.txt": "200 text a", "/s/insidedir/": "200 index", "/s/dotted": "200 text a",
		} {
			if got := muxAsk(e, "GET "+target); !strings.HasPrefix(got, want) || strings.Contains(got, "secret") {
				t.Errorf("%+v: %s: got %q, want %q", o, target, got, want)
			}
		}
	}
}

// Types, ETags, ranges and conditions, over a connection.
func TestServeFilesConditions(t *testing.T) {
	e := gongular.NewEngine()
	e.ServeFiles("/s", http.Dir(staticDir(t, staticFiles)))
	e.ServeFiles("/f", http.FS(staticFS()))
	s := start(t, e)
	for _, target := range []string{"/s/a.txt", "/f/a.txt", "/s/page.html", "/s/", "/f/sub/"} {
		first := muxGet(t, s, target)
		text := body(t, first)
		etag, modified := first.Header.Get("Etag"), first.Header.Get("Last-Modified")
		if len(etag) < 3 || etag[0] != '"' || modified == "" || first.Header.Get("Accept-Ranges") != "bytes" || first.ContentLength != int64(len(text)) {
			t.Errorf("%s: header %v", target, first.Header)
		}
		if want := map[bool]string{true: "text/plain; charset=utf-8", false: "text/html; charset=utf-8"}[strings.HasSuffix(target, ".txt")]; first.Header.Get("Content-Type") != want {
			t.Errorf("%s: type %q, want %q", target, first.Header.Get("Content-Type"), want)
		}
		for _, test := range []struct {
			method, key, value string
			code               int
			want               string
		}{
			{"GET", "If-None-Match", etag, 304, ""},
			{"HEAD", "If-None-Match", etag, 304, ""},
			{"GET", "If-None-Match", `"other", ` + etag, 304, ""},
			{"GET", "If-None-Match", `"other"`, 200, text},
			{"GET", "If-Modified-Since", modified, 304, ""},
			{"GET", "If-Modified-Since", "Mon, 02 Jan 2006 15:04:05 GMT", 200, text},
			{"GET", "If-Unmodified-Since", "Mon, 02 Jan 2006 15:04:05 GMT", 412, ""},
			{"GET", "If-Match", `"other"`, 412, ""},
			{"GET", "Range", "bytes=1-3", 206, text[1:4]},
			{"GET", "Range", "bytes=-2", 206, text[len(text)-2:]},
			{"HEAD", "Range", "bytes=0-0", 206, ""},
			{"GET", "Range", "bytes=1000-", 416, "invalid range: failed to overlap\n"},
			{"HEAD", "X", "y", 200, ""},
		} {
			req, err := http.NewRequest(test.method, s.URL+target, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set(test.key, test.value)
			res, err := s.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if got := body(t, res); res.StatusCode != test.code || got != test.want {
				t.Errorf("%s %s with %s: %s: got %d %q, want %d %q", test.method, target, test.key, test.value, res.StatusCode, got, test.code, test.want)
			}
			if test.code < 400 && res.Header.Get("Etag") != etag {
				t.Errorf("%s %s with %s: ETag %q", test.method, target, test.key, res.Header.Get("Etag"))
			}
		}
	}
}

//go:embed doc.go
var staticEmbedded embed.FS

func TestServeFilesEmbedded(t *testing.T) {
	e := gongular.NewEngine()
	e.ServeFiles("/src", http.FS(staticEmbedded))
	if w := get(e, "/src/doc.go"); w.Code != 200 || !strings.HasPrefix(w.Body.String(), "// Package gongular") {
		t.Errorf("%d %.40q", w.Code, w.Body)
	}
	if got := muxAsk(e, "GET /src/"); got != muxMissing {
		t.Errorf("the folder: %q", got)
	}
}

func TestServeFilesFallback(t *testing.T) {
	e := gongular.NewEngine()
	e.NotFound(muxTell("own 404"))
	e.GET("/api/x", muxTell("x"))
	e.ServeFiles("/", http.FS(staticFS()), gongular.FileOptions{Fallback: "sub/index.html"})
	e.ServeFiles("/no", http.FS(staticFS()), gongular.FileOptions{Fallback: "nowhere.html"})
	e.ServeFiles("/dir", http.FS(staticFS()), gongular.FileOptions{Fallback: "sub"})
	const html, fallback, missing = "text/html", "200 <html>sub", "200 own 404"
	for _, test := range []struct{ target, accept, want string }{
		{"/deep/link", html, fallback},
		{"/deep/link/", html, fallback},
		{"/deep", "application/xhtml+xml, text/html;q=0.9, */*;q=0.1", fallback},
		{"/deep", "TEXT/HTML; charset=utf-8", fallback},
		{"/bare/", html, fallback},
		{"/deep", "", missing},
		{"/deep", "*/*", missing},
		{"/deep", "application/json", missing},
		{"/deep", "text/html;q=0", missing},
		{"/deep", "text/html; q=0.000, application/json", missing},
		{"/deep.js", html, missing},
		{"/deep/x.png", html, missing},
		{"/.env", html, missing},
		{"/.well-known/x", html, missing},
		{"/a%2Fb", html, missing},
		{"/a.txt", html, "200 text a"},
		{"/api/x", html, "200 x"},
		{"/api/y", html, fallback},
		{"/no/deep", html, missing},
		{"/dir/deep", html, missing},
	} {
		r := httptest.NewRequest("GET", test.target, nil)
		if test.accept != "" {
			r.Header.Set("Accept", test.accept)
		}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		got := fmt.Sprintf("%d %s", w.Code, w.Body)
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%s for %q: got %q, want %q", test.target, test.accept, got, test.want)
		}
		if test.want == fallback && w.Header().Get("Vary") != "Accept" {
			t.Errorf("%s: header %v", test.target, w.Header())
		}
	}
	r := httptest.NewRequest("POST", "/deep", nil)
	r.Header.Set("Accept", html)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	if w.Code != 405 {
		t.Errorf("POST: %d", w.Code)
	}
}

// A staticBroken fails as its error says for all names but the root.
type staticBroken struct{ err error }

func (b staticBroken) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: b.err}
}

func TestServeFilesErrors(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{fs.ErrNotExist, muxMissing},
		{fs.ErrInvalid, muxMissing},
		{fs.ErrPermission, `403 "Forbidden"`},
		{fs.ErrClosed, `500 "Internal Server Error"`},
	} {
		logger, _ := logged()
		e := gongular.NewEngine(gongular.Options{Logger: logger})
		e.ServeFiles("/s", http.FS(staticBroken{test.err}))
		if got := muxAsk(e, "GET /s/x"); got != test.want {
			t.Errorf("%v: got %q, want %q", test.err, got, test.want)
		}
	}
}

// An escaped separator is none, even where a file's name has it.
func TestServeFilesSeparators(t *testing.T) {
	e := gongular.NewEngine()
	e.ServeFiles("/s", http.FS(fstest.MapFS{`a\b`: {Data: []byte("x")}, "a/b": {Data: []byte("x")}}))
	for _, target := range []string{"/s/a%5Cb", "/s/a%5cb", "/s/a%2Fb", "/s/a%2fb"} {
		if got := muxAsk(e, "GET "+target); got != muxMissing {
			t.Errorf("%s: got %q", target, got)
		}
	}
}

func TestServeFilesMisused(t *testing.T) {
	e := gongular.NewEngine()
	for want, f := range map[string]func(){
		`"/s/{file...}": a nil file system`:                       func() { e.ServeFiles("/s", nil) },
		`FileOptions.Fallback: "../x" is not the path of a file`:  func() { e.ServeFiles("/s", http.Dir("."), gongular.FileOptions{Fallback: "../x"}) },
		`FileOptions.Fallback: "/x" is not the path of a file`:    func() { e.ServeFiles("/s", http.Dir("."), gongular.FileOptions{Fallback: "/x"}) },
		`more than one FileOptions`:                               func() { e.ServeFiles("/s", http.Dir("."), gongular.FileOptions{}, gongular.FileOptions{}) },
		`the catch-all "*X" stands at the end only`:               func() { e.ServeFiles("/*X", http.Dir(".")) },
		`the wildcard in ":" has no name`:                         func() { e.ServeFile("/:", "x") },
		`conflicts with "/twice/{file...}", registered at static`: func() { e.ServeFiles("/twice", http.Dir(".")); e.ServeFiles("/twice/", http.Dir(".")) },
	} {
		if text := mustPanic(t, f); !strings.Contains(text, want) || !strings.HasPrefix(text, "gongular: static_test.go:") {
			t.Errorf("got %q, want %q", text, want)
		}
	}
}

// The handlers of a group guard its files.
func TestServeFilesGuarded(t *testing.T) {
	e := gongular.NewEngine()
	g := e.Group("/g/:Org", gongular.HandlerFunc(func(c *gongular.Context) error {
		if c.Params().ByName("Org") != "7" {
			return gongular.Error(403, "no")
		}
		return nil
	}))
	g.ServeFiles("/s", http.FS(staticFS()))
	g.ServeFile("/one", "static_test.go")
	for target, want := range map[string]string{"/g/7/s/a.txt": "200 text a", "/g/8/s/a.txt": `403 "no"`, "/g/8/s/": `403 "no"`, "/g/8/one": `403 "no"`, "/g/7/one": "200 package"} {
		if got := muxAsk(e, "GET "+target); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %.60q, want %q", target, got, want)
		}
	}
}

func TestServeFile(t *testing.T) {
	dir := staticDir(t, staticFiles)
	e := gongular.NewEngine()
	e.ServeFile("/one", filepath.Join(dir, "a.txt"))
	e.ServeFile("/missing", filepath.Join(dir, "nothing"))
	e.ServeFile("/folder", dir)
	e.ServeFile("/index", filepath.Join(dir, "index.html"))
	for request, want := range map[string]string{
		"GET /one": "200 text a", "HEAD /one": "200", "GET /missing": muxMissing, "GET /folder": muxMissing, "GET /index": "200 <html>home", "GET /ONE": muxMissing, "GET /one/": "301 -> /one",
	} {
		if got := muxAsk(e, request); got != want {
			t.Errorf("%s: got %q, want %q", request, got, want)
		}
	}
	if w := get(e, "/one"); w.Header().Get("Etag") == "" || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("header %v", w.Header())
	}
}

func TestContextFile(t *testing.T) {
	dir := staticDir(t, staticFiles)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, test := range []struct {
		name   string
		answer func(c *gongular.Context) error
		want   string
	}{
		{"a file", func(c *gongular.Context) error { return c.File(filepath.Join(dir, "a.txt")) }, "200 text a"},
		{"no file", func(c *gongular.Context) error { return c.File(filepath.Join(dir, "nothing")) }, `404 "Not Found"`},
		{"a folder", func(c *gongular.Context) error { return c.File(dir) }, `404 "Not Found"`},
		{"of an fs.FS", func(c *gongular.Context) error { return c.FileFS(staticFS(), "bare/b.txt") }, "200 text b"},
		{"none of an fs.FS", func(c *gongular.Context) error { return c.FileFS(staticFS(), "nothing") }, `404 "Not Found"`},
		{"a folder of an fs.FS", func(c *gongular.Context) error { return c.FileFS(staticFS(), "bare") }, `404 "Not Found"`},
		{"an invalid name", func(c *gongular.Context) error { return c.FileFS(staticFS(), "../x") }, `404 "Not Found"`},
		{"of a root", func(c *gongular.Context) error { return c.FileFS(root.FS(), "a.txt") }, "200 text a"},
		{"out of a root", func(c *gongular.Context) error { return c.FileFS(root.FS(), "../a.txt") }, `404 "Not Found"`},
		{"no permission", func(c *gongular.Context) error { return c.FileFS(staticBroken{fs.ErrPermission}, "x") }, `500 "open x: permission denied"`},
		{"one that cannot seek", func(c *gongular.Context) error { return c.FileFS(staticPipe{}, "x") }, `500 "file x: gongular_test.staticPipeFile cannot seek"`},
	} {
		logger, _ := logged()
		e := gongular.NewEngine(gongular.Options{Logger: logger})
		e.GET("/", gongular.HandlerFunc(test.answer))
		if got := muxAsk(e, "GET /"); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// A staticPipe has files that can only be read from their beginning.
type staticPipe struct{}

func (staticPipe) Open(name string) (fs.File, error) {
	f, err := fstest.MapFS{name: &fstest.MapFile{Data: []byte("x")}}.Open(name)
	return staticPipeFile{f}, err
}

type staticPipeFile struct{ fs.File }

// A file that a handler sends may have a status' worth of headers of its own.
func TestContextFileHeaders(t *testing.T) {
	e := gongular.NewEngine()
	e.GET("/", gongular.HandlerFunc(func(c *gongular.Context) error {
		c.Header("Etag", `"mine"`)
		c.Header("Content-Type", "text/x-own")
		c.Attachment("report.txt")
		return c.FileFS(staticFS(), "a.txt")
	}))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Range", "bytes=5-")
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	h := w.Header()
	if w.Code != 206 || w.Body.String() != "a" || h.Get("Etag") != `"mine"` || h.Get("Content-Type") != "text/x-own" || h.Get("Content-Disposition") != `attachment; filename=report.txt` {
		t.Errorf("%d %q %v", w.Code, w.Body, h)
	}
}

func TestAttachment(t *testing.T) {
	for name, want := range map[string]string{
		"report.pdf":        `attachment; filename=report.pdf`,
		"my report.pdf":     `attachment; filename="my report.pdf"`,
		`a"b.pdf`:           `attachment; filename="a\"b.pdf"`,
		"größe €.pdf":       `attachment; filename*=utf-8''gr%C3%B6%C3%9Fe%20%E2%82%AC.pdf`,
		"../../etc/passwd":  `attachment; filename=passwd`,
		`C:\temp\x.txt`:     `attachment; filename=x.txt`,
		"a\r\nSet-Cookie:b": `attachment; filename="a__Set-Cookie:b"`,
		"a\x00\x7fb":        `attachment; filename=a__b`,
		"a;b.txt":           `attachment; filename="a;b.txt"`,
	} {
		c := new(gongular.Context)
		c.Attachment(name)
		if got := c.Headers().Get("Content-Disposition"); got != want {
			t.Errorf("%q: got %s, want %s", name, got, want)
		}
	}
}

// Files at the root stand beside mounted handlers and routes, and leave them
// every method but their own.
func TestFilesBesideOthers(t *testing.T) {
	e := quiet()
	e.ServeFiles("/", http.FS(fstest.MapFS{"index.html": {Data: []byte("page")}, "a.txt": {Data: []byte("a")}}))
	e.Mount("/api", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "api "+r.URL.Path) }))
	e.POST("/a.txt", handler(func(c *gongular.Context) error { c.SetBody("posted"); return nil }))
	for _, test := range []struct {
		method, target string
		want           string
		allow          string
	}{
		{"GET", "/", "200 page", ""},
		{"GET", "/a.txt", "200 a", ""},
		{"GET", "/api/x", "200 api /x", ""},
		{"DELETE", "/api/x", "200 api /x", ""},
		{"POST", "/a.txt", `200 "posted"`, ""},
		{"PUT", "/a.txt", "405 Method Not Allowed", "GET, HEAD, OPTIONS, POST"},
		{"PUT", "/b.txt", "405 Method Not Allowed", "GET, HEAD, OPTIONS"},
		{"OPTIONS", "/a.txt", "200", "GET, HEAD, OPTIONS, POST"},
		{"GET", "/b.txt", "404 404 page not found", ""},
	} {
		w := do(e, test.method, test.target, "", "")
		if got := strings.TrimSpace(fmt.Sprint(w.Code, " ", w.Body)); got != test.want || w.Header().Get("Allow") != test.allow {
			t.Errorf("%s %s: %s, Allow %q; want %s, Allow %q", test.method, test.target, got, w.Header().Get("Allow"), test.want, test.allow)
		}
	}
}

// Files without a time, as those of package embed, have an ETag of their content.
func TestETagWithoutTime(t *testing.T) {
	e := quiet()
	e.ServeFiles("/", http.FS(fstest.MapFS{"a": {Data: []byte("one")}, "b": {Data: []byte("two")}, "c": {Data: []byte("one")}}))
	a, b, c := get(e, "/a").Header().Get("Etag"), get(e, "/b").Header().Get("Etag"), get(e, "/c").Header().Get("Etag")
	if a == "" || a == b || a != c {
		t.Errorf("the tags are %s, %s, %s", a, b, c)
	}
	r := httptest.NewRequest("GET", "/a", nil)
	r.Header.Set("If-None-Match", a)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	if w.Code != 304 {
		t.Errorf("status %d", w.Code)
	}
}
