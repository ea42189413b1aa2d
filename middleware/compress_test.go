package middleware_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/gongular/gongular/middleware"
	"github.com/gongular/gongular/ws"
)

// text returns a handler that answers with so many bytes of text.
func text(n int) http.Handler {
	body := strings.Repeat("0123456789", n/10+1)[:n]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, body)
	})
}

// unpack returns a body as it was before its Content-Encoding.
func unpack(t testing.TB, coding string, body io.Reader) string {
	t.Helper()
	var err error
	switch coding {
	case "gzip":
		body, err = gzip.NewReader(body)
	case "deflate":
		body, err = zlib.NewReader(body)
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// compressing puts a Compress with gzip around the handler.
func compressing(h http.Handler) http.Handler {
	return middleware.Compress(middleware.NewGzipCompressor(), nil)(h)
}

// What is compressed, and what the header then says.
func TestCompress(t *testing.T) {
	long, short := strings.Repeat("0123456789", 200), "0123456789"
	for _, test := range []struct {
		name   string
		header string // of the handler, "Name: value\n"
		status int    // 0: not sent explicitly
		writes []string
		fields string // of the request, instead of Accept-Encoding: gzip
		want   bool
	}{
		{"long text", "Content-Type: text/plain", 0, []string{long}, "", true},
		{"long text in pieces", "Content-Type: text/plain", 0, strings.SplitAfter(long, "9"), "", true},
		{"1024 bytes", "Content-Type: text/plain", 0, []string{long[:1024]}, "", true},
		{"1023 bytes", "Content-Type: text/plain", 0, []string{long[:1023]}, "", false},
		{"1000 and 24", "Content-Type: text/plain", 0, []string{long[:1000], long[:24]}, "", true},
		{"with a status", "Content-Type: text/plain", 201, []string{long}, "", true},
		{"an error", "Content-Type: text/plain", 404, []string{long}, "", true},
		{"with its length", "Content-Type: text/plain\nContent-Length: 2000", 200, []string{long}, "", true},
		{"with its length, no status", "Content-Type: text/plain\nContent-Length: 2000", 0, []string{long}, "", true},
		{"a short length", "Content-Type: text/plain\nContent-Length: 10", 200, []string{short}, "", false},
		{"short", "Content-Type: text/plain", 200, []string{short}, "", false},
		{"nothing", "Content-Type: text/plain", 200, nil, "", false},
		{"no type, text", "", 0, []string{long}, "", true},
		{"no type, with length", "Content-Length: 2000", 200, []string{short, long[10:]}, "", true},
		{"no type, image", "", 0, []string{"\x89PNG\r\n\x1a\n", long}, "", false},
		{"type suppressed", "Content-Type", 0, []string{long}, "", false},
		{"encoded already", "Content-Type: text/plain\nContent-Encoding: br", 0, []string{long}, "", false},
		{"no-transform", "Content-Type: text/plain\nCache-Control: public, no-transform", 0, []string{long}, "", false},
		{"partial content", "Content-Type: text/plain\nContent-Range: bytes 0-1999/5000", 206, []string{long}, "", false},
		{"partial content without its range", "Content-Type: multipart/byteranges; boundary=x", 206, []string{long}, "", false},
		{"a range that cannot be", "Content-Type: text/plain\nContent-Range: bytes */10", 416, []string{long}, "", false},
		{"a digest", "Content-Type: text/plain\nContent-Digest: sha-256=:x:", 0, []string{long}, "", false},
		{"accepted by a star", "Content-Type: text/plain", 0, []string{long}, "Accept-Encoding: *", true},
		{"not accepted", "Content-Type: text/plain", 0, []string{long}, "Accept-Encoding: br", false},
		{"refused", "Content-Type: text/plain", 0, []string{long}, "Accept-Encoding: gzip;q=0", false},
		{"nothing said", "Content-Type: text/plain", 0, []string{long}, "X: y", false},
		{"in a second field", "Content-Type: text/plain", 0, []string{long}, "Accept-Encoding: br\nAccept-Encoding: gzip", true},
	} {
		for _, method := range []string{"GET", "POST"} {
			t.Run(test.name+"/"+method, func(t *testing.T) {
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for field := range strings.SplitSeq(test.header, "\n") {
						if name, value, ok := strings.Cut(field, ": "); ok {
							w.Header().Set(name, value)
						} else if name != "" {
							w.Header()[name] = nil
						}
					}
					w.Header().Set("ETag", `"abc"`)
					w.Header().Set("Accept-Ranges", "bytes")
					if test.status != 0 {
						w.WriteHeader(test.status)
					}
					for _, p := range test.writes {
						if n, err := io.WriteString(w, p); n != len(p) || err != nil {
							t.Errorf("wrote %d bytes, %v", n, err)
						}
					}
				})
				fields := test.fields
				if fields == "" {
					fields = "Accept-Encoding: gzip"
				}
				plain := do(h, request(method, "/"))
				w := do(compressing(h), request(method, "/", strings.Split(fields, "\n")...))
				res := w.Result()
				compressed := res.Header.Get("Content-Encoding") == "gzip"
				if compressed != test.want {
					t.Fatalf("it is compressed: %t", compressed)
				}
				if got := res.Header["Vary"]; len(got) != 1 || got[0] != "Accept-Encoding" {
					t.Errorf("Vary is %q", got)
				}
				if got := unpack(t, map[bool]string{true: "gzip"}[compressed], res.Body); got != plain.Body.String() || w.Code != plain.Code {
					t.Errorf("answered %d, %d bytes, want %d, %d bytes", w.Code, len(got), plain.Code, plain.Body.Len())
				}
				want := plain.Result().Header
				if compressed {
					want.Del("Content-Length")
					want.Del("Accept-Ranges")
					want.Set("ETag", `W/"abc"`)
					want.Set("Content-Encoding", "gzip")
				}
				want.Set("Vary", "Accept-Encoding")
				if !strings.Contains(test.header, "Content-Type") { // a Recorder may not find it out
					want.Del("Content-Type")
					res.Header.Del("Content-Type")
				}
				if got := fmt.Sprint(res.Header); got != fmt.Sprint(want) {
					t.Errorf("the header is %v, want %v", got, want)
				}
			})
		}
	}
}

func TestCompressTypes(t *testing.T) {
	for typ, want := range map[string]bool{
		"text/html": true, "text/html; charset=utf-8": true, "TEXT/CSS ; a=b": true, "text/event-stream": true,
		"application/json": true, "application/problem+json": true, "application/x-ndjson": true,
		"application/xml": true, "application/atom+xml": true, "image/svg+xml": true,
		"application/javascript": true, "text/javascript": true, "application/wasm": true,
		"font/ttf": true, "font/otf": true, "font/woff": true, "font/woff2": false,
		"application/octet-stream": false, "application/zip": false, "application/pdf": false,
		"image/png": false, "video/mp4": false, "audio/ogg": false, "application/jsonx": false, "": false, "/": false, "json": false,
	} {
		h := compressing(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", typ)
			w.Write(make([]byte, 2000))
		}))
		if got := do(h, request("GET", "/", "Accept-Encoding: gzip")).Header().Get("Content-Encoding") != ""; got != want {
			t.Errorf("%q is compressed: %t", typ, got)
		}
	}
}

func TestAcceptEncoding(t *testing.T) {
	for accept, want := range map[string]bool{
		"gzip": true, "GZIP": true, "gzip, br": true, "br,gzip": true, " gzip ": true, "x, , gzip": true,
		"gzip;q=1": true, "gzip;q=0.001": true, "gzip ; Q=0.5": true, "gzip;q=1.000": true, "gzip;q=1.": true,
		"*": true, "*;q=0.1": true, "br, *;q=0.1": true, "gzip;q=0.5, *;q=0": true,
		"gzip;q=1, identity;q=0.5": true, "gzip;q=0.5, identity;q=0.5": true, "identity;q=0, gzip;q=0.1": true,
		"": false, "br": false, "identity": false, "gzipp": false, "x-gzip": false,
		"gzip;q=0": false, "gzip;q=0.0": false, "gzip;q=0.000": false, "*;q=0": false, "gzip;q=0, *": false, "*, gzip;q=0": false,
		"gzip;q=0, gzip": false, "gzip;q=0.5, identity": false, "*;q=0.5, identity;q=0.8": false,
		"gzip;q=1.1": false, "gzip;q=2": false, "gzip;q=-1": false, "gzip;q=0.0001": false, "gzip;q=": false, "gzip;q=.5": false,
		"gzip;q=x": false, "gzip;q=0.+1": false, "gzip;": false, "gzip;p=1": false, "gzip;q=1;p=1": false, "gzip;q": false,
	} {
		if got := middleware.Accepts([]string{accept}, "gzip"); got != want {
			t.Errorf("%q accepts gzip: %t, want %t", accept, got, want)
		}
	}
	if middleware.Accepts(nil, "gzip") {
		t.Error("no Accept-Encoding accepts gzip")
	}
	if !middleware.Accepts([]string{"br", "gzip"}, "gzip") || middleware.Accepts([]string{"gzip;q=0.5", "identity"}, "gzip") {
		t.Error("two fields are not read as one list")
	}
}

// Nothing that a client sends is taken for more than a list, and what is refused
// with q=0 is never accepted.
func FuzzAcceptEncoding(f *testing.F) {
	for _, seed := range []string{"gzip", "gzip;q=0.5, *;q=0", "identity, br;q=1.0", ",;q=,", "*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if middleware.Accepts([]string{"gzip;q=0", s}, "gzip") {
			t.Errorf("gzip is accepted though it is refused first, by %q", s)
		}
		if !middleware.Accepts([]string{"gzip", s}, "gzip") {
			t.Errorf("gzip is not accepted though it is first, because of %q", s)
		}
		if got := middleware.Accepts([]string{s}, "gzip"); got && !strings.Contains(strings.ToLower(s), "gzip") && !strings.Contains(s, "*") {
			t.Errorf("%q accepts gzip", s)
		}
	})
}

// Vary is there whatever happens, and what the handler has said of it stays.
func TestCompressVary(t *testing.T) {
	for _, test := range []struct {
		name string
		h    http.HandlerFunc
		want string
	}{
		{"nothing written", func(w http.ResponseWriter, r *http.Request) {}, "[Accept-Encoding]"},
		{"set by the handler", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Vary", "Origin")
			io.WriteString(w, "a")
		}, "[Origin Accept-Encoding]"},
		{"there already", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Vary", "Origin, accept-encoding")
			io.WriteString(w, "a")
		}, "[Origin, accept-encoding]"},
		{"a star", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Vary", "*")
			io.WriteString(w, "a")
		}, "[*]"},
		{"not modified", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(304) }, "[Accept-Encoding]"},
		{"no content", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, "[Accept-Encoding]"},
		{"copied", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, strings.NewReader("a")) }, "[Accept-Encoding]"},
		{"flushed", func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush() }, "[Accept-Encoding]"},
		{"hints before", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(103)
			io.WriteString(w, "a")
		}, "[Accept-Encoding]"},
	} {
		for _, accept := range []string{"gzip", "br"} {
			w := newDiscard()
			compressing(test.h).ServeHTTP(w, request("GET", "/", "Accept-Encoding: "+accept))
			if got := fmt.Sprint(w.header["Vary"]); got != test.want {
				t.Errorf("%s, for %s: Vary is %s, want %s", test.name, accept, got, test.want)
			}
		}
	}
	// An answer that Recover gives in the place of the handler's has it too.
	recovering := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if quietly(next, w, r) != nil {
				w.WriteHeader(500)
			}
		})
	}
	h := middleware.Chain(middleware.Nothing(), recovering, compressing)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "lost")
		panic("x")
	}))
	if w := do(h, request("GET", "/", "Accept-Encoding: gzip")); w.Code != 500 || w.Body.Len() != 0 || fmt.Sprint(w.Header()["Vary"]) != "[Accept-Encoding]" {
		t.Errorf("after a panic: %d %q, %v", w.Code, w.Body, w.Header())
	}
}

// Over a connection, in both versions of HTTP: GET and HEAD have the same header,
// and a body is the same after it was unpacked.
func TestCompressOverTheWire(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file.txt")
	if err := os.WriteFile(file, []byte(strings.Repeat("0123456789", 10_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/long", text(100_000))
	mux.Handle("/kilobyte", text(1024))
	mux.Handle("/short", text(100))
	mux.HandleFunc("/untyped", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "<!DOCTYPE html>"+strings.Repeat("a", 2000))
	})
	mux.HandleFunc("/image", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "\x89PNG\r\n\x1a\n"+strings.Repeat("a", 2000))
	})
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(file)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		w.Header().Set("ETag", `"abc"`)
		http.ServeContent(w, r, "file.txt", time.Unix(1e9, 0), f)
	})
	const plain = "text/plain; charset=utf-8"
	types := map[string]string{"/long": plain, "/kilobyte": plain, "/short": plain, "/file": plain, "/untyped": "text/html; charset=utf-8", "/image": "image/png"}
	for _, c := range []middleware.Compressor{middleware.NewGzipCompressor(), middleware.NewDeflateCompressor(middleware.WithLevel(flate.BestSpeed))} {
		h := middleware.Compress(c, nil)(mux)
		for version, s := range map[string]*httptest.Server{"HTTP/1.1": start(t, h), "HTTP/2": startHTTP2(t, h)} {
			t.Run(c.Name()+" "+version, func(t *testing.T) {
				get := func(method, path string, fields ...string) (*http.Response, string) {
					t.Helper()
					r, _ := http.NewRequest(method, s.URL+path, nil)
					addFields(r.Header, append(fields, "Accept-Encoding: "+c.Name()))
					res, err := s.Client().Do(r)
					if err != nil {
						t.Fatal(err)
					}
					defer res.Body.Close()
					b, err := io.ReadAll(res.Body)
					if err != nil {
						t.Fatal(err)
					}
					return res, string(b)
				}
				for path, want := range map[string]struct {
					size       int
					compressed bool
				}{"/long": {100_000, true}, "/kilobyte": {1024, true}, "/short": {100, false}, "/file": {100_000, true}, "/untyped": {2015, true}, "/image": {2008, false}} {
					res, body := get("GET", path)
					coding := res.Header.Get("Content-Encoding")
					if got := unpack(t, coding, strings.NewReader(body)); len(got) != want.size || (coding != "") != want.compressed {
						t.Errorf("%s has %d bytes, coding %q", path, len(got), coding)
					}
					if typ := res.Header.Get("Content-Type"); typ != types[path] {
						t.Errorf("%s has the type %q", path, typ)
					}
					head, nothing := get("HEAD", path)
					for _, res := range []*http.Response{res, head} {
						res.Header.Del("Date")
					}
					if path == "/file" { // whose handler writes nothing for HEAD
						res.Header.Del("Content-Length")
					}
					if nothing != "" || fmt.Sprint(head.Header) != fmt.Sprint(res.Header) {
						t.Errorf("%s: HEAD has %v, GET %v", path, head.Header, res.Header)
					}
				}
				res, body := get("GET", "/file", "Range: bytes=10-19")
				if res.StatusCode != 206 || body != "0123456789" || res.Header.Get("Content-Encoding") != "" || res.Header.Get("ETag") != `"abc"` || res.Header.Get("Accept-Ranges") != "bytes" {
					t.Errorf("a range is answered %s %q, %v", res.Status, body, res.Header)
				}
				for match, tag := range map[string]string{`W/"abc"`: `W/"abc"`, `"x", W/"abc"`: `W/"abc"`, `"abc"`: `"abc"`, `*`: `"abc"`} {
					res, body := get("GET", "/file", "If-None-Match: "+match)
					if res.StatusCode != 304 || body != "" || res.Header.Get("ETag") != tag || res.Header.Get("Content-Encoding") != "" || res.Header.Get("Vary") != "Accept-Encoding" {
						t.Errorf("If-None-Match %s is answered %s, %v", match, res.Status, res.Header)
					}
				}
				// A compressed part cannot be continued by a range.
				if res, body := get("GET", "/file", "Range: bytes=10-19", `If-Range: W/"abc"`); res.StatusCode != 200 || len(unpack(t, c.Name(), strings.NewReader(body))) != 100_000 {
					t.Errorf("If-Range with a weak ETag is answered %s", res.Status)
				}
			})
		}
	}
}

// What is flushed arrives at once, be it short.
func TestCompressStreams(t *testing.T) {
	next := make(chan string)
	h := compressing(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush() // the header alone
		for line := range next {
			io.WriteString(w, line)
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
		}
	}))
	for version, s := range map[string]*httptest.Server{"HTTP/1.1": start(t, h), "HTTP/2": startHTTP2(t, h)} {
		next = make(chan string)
		r, _ := http.NewRequest("GET", s.URL, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		res, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if res.Header.Get("Content-Encoding") != "gzip" || res.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%s: the header is %v", version, res.Header)
		}
		var lines *bufio.Reader
		for _, line := range []string{"data: one\n", "data: two\n"} {
			next <- line
			if lines == nil {
				z, err := gzip.NewReader(res.Body)
				if err != nil {
					t.Fatal(err)
				}
				lines = bufio.NewReader(z)
			}
			if got, err := lines.ReadString('\n'); got != line || err != nil {
				t.Fatalf("%s: got %q, %v", version, got, err)
			}
		}
		close(next)
		if rest, err := io.ReadAll(lines); len(rest) != 0 || err != nil {
			t.Errorf("%s: the stream ends with %q, %v", version, rest, err)
		}
		res.Body.Close()
	}
}

// A stream of nothing is a valid compressed one, but HEAD has none of it.
func TestCompressFlushedOnly(t *testing.T) {
	h := compressing(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.(http.Flusher).Flush()
	}))
	w := do(h, request("GET", "/", "Accept-Encoding: gzip"))
	if got := unpack(t, w.Header().Get("Content-Encoding"), w.Body); got != "" || w.Header().Get("Content-Encoding") != "gzip" || !w.Flushed {
		t.Errorf("answered %q, %v", got, w.Header())
	}
	if w := do(h, request("HEAD", "/", "Accept-Encoding: gzip")); w.Body.Len() != 0 {
		t.Errorf("HEAD is answered with %d bytes", w.Body.Len())
	}
	// Of an unknown type nothing is known when it is flushed before it begins.
	h = compressing(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		io.WriteString(w, strings.Repeat("a", 2000))
	}))
	if w := do(h, request("GET", "/", "Accept-Encoding: gzip")); w.Header().Get("Content-Encoding") != "" || w.Body.Len() != 2000 {
		t.Errorf("answered %d bytes, %v", w.Body.Len(), w.Header())
	}
}

// A file that is not compressed is still sent by the kernel, whatever is known of
// it before.
func TestCompressKeepsSendfile(t *testing.T) {
	k := newKinds(t)
	names := map[string]string{"image.png": "\x89PNG\r\n\x1a\n", "text.txt": "text"}
	for name, content := range names {
		names[name] = filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(names[name], []byte(content+strings.Repeat("0123456789", 1000)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, k.probe(compressing(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(names[r.URL.Path[1:]])
		if err != nil {
			panic(err)
		}
		defer f.Close()
		info, _ := f.Stat()
		w.Header().Set("Content-Length", strconv.FormatInt(info.Size(), 10))
		if typ := r.URL.Query().Get("type"); typ != "" {
			w.Header().Set("Content-Type", typ)
		}
		if n, err := w.(io.ReaderFrom).ReadFrom(f); n != info.Size() || err != nil {
			t.Errorf("copied %d bytes, %v", n, err)
		}
	}))))
	for _, test := range []struct {
		target, accept string
		way            string
	}{
		{"/image.png?type=image/png", "gzip", "*os.File"},
		{"/image.png", "gzip", "*os.File"},
		{"/text.txt", "br", "*os.File"},
		{"/text.txt", "gzip", ""},
		{"/text.txt?type=text/plain", "gzip", ""},
	} {
		r, _ := http.NewRequest("GET", s.URL+test.target, nil)
		r.Header.Set("Accept-Encoding", test.accept)
		k.seen()
		res, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		path := names[r.URL.Path[1:]]
		want, _ := os.ReadFile(path)
		if got := unpack(t, res.Header.Get("Content-Encoding"), res.Body); got != string(want) {
			t.Errorf("%s: got %d bytes, want %d", test.target, len(got), len(want))
		}
		res.Body.Close()
		if way := k.seen(); way != test.way {
			t.Errorf("%s for %s: the server's ReadFrom was given %q, want %q", test.target, test.accept, way, test.way)
		}
	}
}

// What is copied is compressed like what is written, and an error of the source is
// the handler's.
func TestCompressCopies(t *testing.T) {
	failure := errors.New("failed")
	for _, test := range []struct {
		name       string
		size       int
		err        error
		compressed bool
	}{
		{"long", 10_000, nil, true},
		{"short", 100, nil, false},
		{"long and then an error", 10_000, failure, true},
		{"short and then an error", 100, failure, false},
	} {
		body := strings.Repeat("a", test.size)
		h := compressing(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var src io.Reader = strings.NewReader(body)
			if test.err != nil {
				src = io.MultiReader(src, failing{test.err})
			}
			if n, err := w.(io.ReaderFrom).ReadFrom(src); n != int64(test.size) || err != test.err {
				t.Errorf("%s: copied %d bytes, %v", test.name, n, err)
			}
		}))
		w := do(h, request("GET", "/", "Accept-Encoding: gzip"))
		coding := w.Header().Get("Content-Encoding")
		if got := unpack(t, coding, w.Body); got != body || (coding != "") != test.compressed {
			t.Errorf("%s: got %d bytes, coding %q", test.name, len(got), coding)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Trailers that are set after the header was sent are trailers, and other changes
// are too late, as they would be without Compress.
func TestCompressTrailers(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(200)
		w.Header().Set("X-Late", "yes")
		w.Header().Set("X-Sum", "1")
		io.WriteString(w, strings.Repeat("a", 2000))
		w.Header().Set("X-Sum", "2")
	})
	s := start(t, compressing(h))
	r, _ := http.NewRequest("GET", s.URL, nil)
	r.Header.Set("Accept-Encoding", "gzip")
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := unpack(t, res.Header.Get("Content-Encoding"), res.Body); len(got) != 2000 || res.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("got %d bytes, %v", len(got), res.Header)
	}
	if res.Header.Get("X-Late") != "" || res.Header.Get("X-Sum") != "" || res.Trailer.Get("X-Sum") != "2" {
		t.Errorf("the header is %v, the trailer %v", res.Header, res.Trailer)
	}
}

// An answer that is shorter than announced, or that the handler panics in, must not
// look complete.
func TestCompressBreaksOff(t *testing.T) {
	long := strings.Repeat("0123456789", 10_000)
	for name, h := range map[string]http.HandlerFunc{
		"too short": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", "200000")
			io.WriteString(w, long)
		},
		"panic": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, long)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
		"compressor": func(w http.ResponseWriter, r *http.Request) {
			middleware.Compress(&brittle{name: "gzip"}, slog.New(slog.DiscardHandler))(text(2000)).ServeHTTP(w, r)
		},
	} {
		mw := compressing
		if name == "compressor" {
			mw = func(h http.Handler) http.Handler { return h }
		}
		s := start(t, mw(h))
		r, _ := http.NewRequest("GET", s.URL, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		res, err := s.Client().Do(r)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			res.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: the answer looks complete", name)
		}
	}
}

// A handler that writes more than it announces is told so.
func TestCompressTooMuch(t *testing.T) {
	h := compressing(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "2000")
		for i, want := range []error{nil, http.ErrContentLength} {
			if _, err := w.Write(make([]byte, 2000)); err != want {
				t.Errorf("write %d: %v", i, err)
			}
		}
	}))
	w := do(h, request("GET", "/", "Accept-Encoding: gzip"))
	if got := unpack(t, "gzip", w.Body); len(got) != 2000 {
		t.Errorf("got %d bytes", len(got))
	}
}

// A brittle compressor fails when it is closed, or when it has to compress.
type brittle struct {
	name   string
	writes bool // it is Write that fails
	flush  bool // it is Flush
	closed int
}

var errBrittle = errors.New("brittle")

func (*brittle) Compress(data []byte) ([]byte, error)   { return nil, errBrittle }
func (*brittle) Decompress(data []byte) ([]byte, error) { return nil, errBrittle }
func (b *brittle) Name() string                         { return b.name }
func (b *brittle) NewWriter(w io.Writer) io.WriteCloser { return &brittleWriter{w, b} }

type brittleWriter struct {
	w io.Writer
	b *brittle
}

func (w *brittleWriter) Write(p []byte) (int, error) {
	if w.b.writes {
		return 0, errBrittle
	}
	return w.w.Write(p)
}

func (w *brittleWriter) Flush() error {
	if w.b.flush {
		return errBrittle
	}
	return nil
}

func (w *brittleWriter) Close() error {
	w.b.closed++
	if w.b.writes || w.b.flush {
		return nil
	}
	return errBrittle
}

// A compressor that fails is logged.
func TestCompressorFails(t *testing.T) {
	for name, b := range map[string]*brittle{"Close": {}, "Write": {writes: true}, "Flush": {flush: true}} {
		var j journal
		b.name = "br"
		h := middleware.Compress(b, j.logger(slog.LevelInfo))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, err := w.Write(make([]byte, 2000))
			if err == nil {
				err = http.NewResponseController(w).Flush()
			}
			if (err == errBrittle) != (name != "Close") {
				t.Errorf("%s: the handler has the error %v", name, err)
			}
		}))
		if value := quietly(h, httptest.NewRecorder(), request("GET", "/", "Accept-Encoding: br")); value != http.ErrAbortHandler {
			t.Errorf("%s: the panic is %v", name, value)
		}
		j.want(t, `{"level":"ERROR","msg":"the answer could not be compressed","coding":"br","error":"brittle"}`)
		if b.closed != 1 {
			t.Errorf("%s: it was closed %d times", name, b.closed)
		}
	}
}

// A connection that fails is no failure of the compressor, and no panic.
func TestCompressConnectionFails(t *testing.T) {
	var j journal
	h := middleware.Compress(middleware.NewGzipCompressor(), j.logger(slog.LevelDebug))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "4000") // of which the handler sends less, after the error
		w.Write(make([]byte, 2000))
		if err := http.NewResponseController(w).Flush(); err != errBrittle {
			t.Errorf("Flush returns %v", err)
		}
	}))
	if value := quietly(h, broken{newDiscard()}, request("GET", "/", "Accept-Encoding: gzip")); value != nil {
		t.Errorf("the panic is %v", value)
	}
	j.want(t)
}

// broken is the response of a connection that has failed.
type broken struct{ discard }

func (broken) Write([]byte) (int, error) { return 0, errBrittle }
func (broken) Flush()                    {}

// A second status is for the server to complain about, as without Compress.
func TestCompressSecondStatus(t *testing.T) {
	for name, first := range map[string]int{"held back": 0, "compressing": 2000} {
		rec := &statuses{discard: newDiscard()}
		h := compressing(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(201)
			w.Write(make([]byte, first))
			w.WriteHeader(202)
		}))
		h.ServeHTTP(rec, request("GET", "/", "Accept-Encoding: gzip"))
		if fmt.Sprint(rec.got) != "[201 202]" {
			t.Errorf("%s: the server is told %v", name, rec.got)
		}
	}
	// A status that does not exist panics where it is set.
	h := compressing(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		if text := mustPanic(t, func() { w.WriteHeader(1000) }); !strings.Contains(text, "1000") {
			t.Errorf("panics with %q", text)
		}
	}))
	do(h, request("GET", "/", "Accept-Encoding: gzip"))
}

type statuses struct {
	discard
	got []int
}

func (s *statuses) WriteHeader(status int) { s.got = append(s.got, status) }

// A handler that takes the connection over has it as it is.
func TestCompressHijack(t *testing.T) {
	for _, before := range []string{"", "before "} {
		s := start(t, compressing(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if before != "" {
				w.Header().Set("Content-Type", "text/plain")
				io.WriteString(w, before)
			}
			conn, buffered, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprint(buffered, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nown")
			buffered.Flush()
			if _, err := w.Write(make([]byte, 2000)); before == "" && !errors.Is(err, http.ErrHijacked) {
				t.Errorf("a write after Hijack returns %v", err)
			}
		})))
		r, _ := http.NewRequest("GET", s.URL, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		res, err := s.Client().Do(r)
		if before != "" {
			if err == nil {
				res.Body.Close()
			}
			continue // what the server makes of that is its own; it must not hang
		}
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(res.Body); string(b) != "own" || err != nil {
			t.Errorf("got %q, %v", b, err)
		}
		res.Body.Close()
	}
}

// Messages of a session are not compressed, but the handler has the compressor.
func TestCompressSessions(t *testing.T) {
	c := middleware.NewGzipCompressor()
	s := start(t, middleware.Compress(c, nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watchedSession(w, r, func(conn *ws.Conn) {
			if middleware.GetCompressor(r.Context()) != middleware.Compressor(c) {
				t.Error("the compressor is another one")
			}
			conn.WriteMessage(ws.TextMessage, []byte(strings.Repeat("a", 2000)))
		})
	})))
	client, res := dial(t, s, "/", "Accept-Encoding: gzip")
	if res.StatusCode != 101 || res.Header.Get("Content-Encoding") != "" {
		t.Errorf("answered %s, %v", res.Status, res.Header)
	}
	client.want(0x81, strings.Repeat("a", 2000))
	client.untilClose()
}

// An upgrade that is refused is an answer like any.
func TestCompressRefusedUpgrade(t *testing.T) {
	w := do(compressing(text(2000)), upgrade("/", "Accept-Encoding: gzip"))
	if w.Header().Get("Content-Encoding") != "gzip" || len(unpack(t, "gzip", w.Body)) != 2000 {
		t.Errorf("answered %d, %v", w.Code, w.Header())
	}
}

// A compressor for messages only changes no answer.
func TestCompressMessagesOnly(t *testing.T) {
	c := struct{ middleware.Compressor }{middleware.NewGzipCompressor()}
	h := middleware.Compress(c, nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if middleware.GetCompressor(r.Context()) != middleware.Compressor(c) {
			t.Error("the compressor is another one")
		}
		text(2000).ServeHTTP(w, r)
	}))
	if w := do(h, request("GET", "/", "Accept-Encoding: gzip")); w.Body.Len() != 2000 || w.Header()["Vary"] != nil {
		t.Errorf("answered %d bytes, %v", w.Body.Len(), w.Header())
	}
}

// Two of them around each other: the inner one compresses, the outer lets it pass.
func TestCompressTwice(t *testing.T) {
	h := middleware.Chain(
		middleware.Compress(middleware.NewGzipCompressor(), nil),
		middleware.Compress(middleware.NewDeflateCompressor(), nil),
	)(text(2000))
	for accept, want := range map[string]string{"gzip, deflate": "deflate", "gzip": "gzip", "deflate": "deflate", "br": ""} {
		w := do(h, request("GET", "/", "Accept-Encoding: "+accept))
		if got := w.Header().Get("Content-Encoding"); got != want || len(unpack(t, got, w.Body)) != 2000 || len(w.Header()["Vary"]) != 1 {
			t.Errorf("%s: %v", accept, w.Header())
		}
	}
}

// Other entries and other people's wrappers may be between.
func TestCompressAmongOthers(t *testing.T) {
	wrapped := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
		})
	}
	for name, mw := range map[string]middleware.Middleware{
		"a layer inside":          middleware.Chain(compressing, middleware.Layered()),
		"a layer outside":         middleware.Chain(middleware.Nothing(), compressing),
		"a wrapper between":       middleware.Chain(middleware.Nothing(), wrapped, compressing),
		"in another goroutine":    middleware.Chain(middleware.Forking(), compressing, middleware.Forking()),
		"twice, with a goroutine": middleware.Chain(compressing, middleware.Forking(), compressing),
		"held back outside":       middleware.Chain(holding, compressing, middleware.Forking()),
	} {
		for accept, want := range map[string]string{"gzip": "gzip", "br": ""} {
			w := do(mw(text(2000)), request("GET", "/", "Accept-Encoding: "+accept))
			if got := w.Header().Get("Content-Encoding"); got != want || len(unpack(t, got, w.Body)) != 2000 || fmt.Sprint(w.Header()["Vary"]) != "[Accept-Encoding]" {
				t.Errorf("%s, for %s: %v", name, accept, w.Header())
			}
		}
	}
}

// holding sends an answer only when the handler has returned.
func holding(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		held := httptest.NewRecorder()
		next.ServeHTTP(struct{ http.ResponseWriter }{held}, r)
		maps.Copy(w.Header(), held.Header())
		w.Write(held.Body.Bytes())
	})
}

func TestCompressConstructor(t *testing.T) {
	for text, f := range map[string]func(){
		"middleware.Compress: a nil compressor":                      func() { middleware.Compress(nil, nil) },
		`middleware.Compress: a compressor with the name ""`:         func() { middleware.Compress(&brittle{}, nil) },
		`middleware.Compress: a compressor with the name "a b"`:      func() { middleware.Compress(&brittle{name: "a b"}, nil) },
		`middleware.Compress: a compressor with the name "*"`:        func() { middleware.Compress(&brittle{name: "*"}, nil) },
		`middleware.Compress: a compressor with the name "Identity"`: func() { middleware.Compress(&brittle{name: "Identity"}, nil) },
		`middleware.Compress: a compressor with the name "a\r\nb"`:   func() { middleware.Compress(&brittle{name: "a\r\nb"}, nil) },
		"middleware.WithLevel: there is no level 10":                 func() { middleware.WithLevel(10) },
		"middleware.WithLevel: there is no level -3":                 func() { middleware.WithLevel(-3) },
		"middleware.WithMaxDecompressed: a limit of 0 bytes":         func() { middleware.WithMaxDecompressed(0) },
	} {
		if got := mustPanic(t, f); got != text {
			t.Errorf("panics with %q, want %q", got, text)
		}
	}
}

// Encoders in the pool keep no reference to the response that they have written to.
func TestCompressKeepsNoReference(t *testing.T) {
	c := middleware.NewGzipCompressor()
	for _, name := range []string{"done", "panic"} {
		response := func() weak.Pointer[httptest.ResponseRecorder] {
			w := httptest.NewRecorder()
			h := middleware.Compress(c, nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if text(2000).ServeHTTP(w, r); name == "panic" {
					panic("x")
				}
			}))
			quietly(h, w, request("GET", "/", "Accept-Encoding: gzip"))
			return weak.Make(w)
		}()
		kept := c.Encoder() // so that it is no matter whether the pool is emptied
		runtime.GC()
		if response.Value() != nil {
			t.Errorf("%s: the response is still there", name)
		}
		runtime.KeepAlive(kept)
	}
}

// The encoder of an answer is no longer of use when it is closed.
func TestNewWriterClosed(t *testing.T) {
	for _, c := range []interface {
		NewWriter(io.Writer) io.WriteCloser
	}{middleware.NewGzipCompressor(), middleware.NewDeflateCompressor()} {
		var b bytes.Buffer
		w := c.NewWriter(&b)
		io.WriteString(w, "a")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		n := b.Len()
		_, errWrite := w.Write([]byte("b"))
		errFlush := w.(interface{ Flush() error }).Flush()
		if err := w.Close(); errWrite == nil || errFlush == nil || err != nil || b.Len() != n {
			t.Errorf("after Close: %v, %v, %v, %d bytes more", errWrite, errFlush, err, b.Len()-n)
		}
	}
}

func compressors() []middleware.Compressor {
	return []middleware.Compressor{
		middleware.NewGzipCompressor(), middleware.NewDeflateCompressor(),
		middleware.NewGzipCompressor(middleware.WithLevel(gzip.HuffmanOnly)), middleware.NewDeflateCompressor(middleware.WithLevel(gzip.NoCompression)),
	}
}

func TestCompressors(t *testing.T) {
	noise := make([]byte, 200_000)
	rand.Read(noise)
	for _, c := range compressors() {
		for name, data := range map[string][]byte{"nothing": {}, "a byte": {1}, "text": bytes.Repeat([]byte("hello "), 100_000), "noise": noise} {
			packed, err := c.Compress(data)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.Decompress(packed); err != nil || !bytes.Equal(got, data) || got == nil {
				t.Errorf("%s, %s: got %d bytes, %v, want %d", c.Name(), name, len(got), err, len(data))
			}
		}
	}
	// The forms are those that others read.
	packed, _ := middleware.NewGzipCompressor().Compress([]byte("hello"))
	if got := unpack(t, "gzip", bytes.NewReader(packed)); got != "hello" {
		t.Errorf("gzip: %q", got)
	}
	packed, _ = middleware.NewDeflateCompressor().Compress([]byte("hello"))
	if got, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed))); string(got) != "hello" || err != nil {
		t.Errorf("raw DEFLATE: %q, %v", got, err)
	}
}

// They may be used by many goroutines.
func TestCompressorsAtATime(t *testing.T) {
	for _, c := range compressors()[:2] {
		var working sync.WaitGroup
		for i := range 8 {
			working.Go(func() {
				for n := range 50 {
					data := bytes.Repeat([]byte{byte(i), byte(n)}, 1000+i*n)
					packed, err := c.Compress(data)
					got, err2 := c.Decompress(packed)
					if !bytes.Equal(got, data) || err != nil || err2 != nil {
						t.Errorf("%s: %v, %v", c.Name(), err, err2)
					}
				}
			})
		}
		working.Wait()
	}
}

func TestDecompressFaults(t *testing.T) {
	for _, c := range []middleware.Compressor{
		middleware.NewGzipCompressor(middleware.WithMaxDecompressed(5000)), middleware.NewDeflateCompressor(middleware.WithMaxDecompressed(5000)),
	} {
		pack := func(n int) []byte {
			packed, err := c.Compress(bytes.Repeat([]byte("ab"), n/2))
			if err != nil {
				t.Fatal(err)
			}
			return packed
		}
		whole := pack(4000)
		damaged := bytes.Clone(whole)
		damaged[len(damaged)-len(damaged)/3] ^= 0xff
		for _, test := range []struct {
			name string
			data []byte
			want error // nil: any
		}{
			{"too large", pack(5002), middleware.ErrTooLarge},
			{"much too large", pack(5_000_000), middleware.ErrTooLarge},
			{"nothing", nil, io.ErrUnexpectedEOF},
			{"cut", whole[:len(whole)-1], io.ErrUnexpectedEOF},
			{"cut in the middle", whole[:len(whole)/2], io.ErrUnexpectedEOF},
			{"damaged", damaged, nil},
			{"not compressed", bytes.Repeat([]byte("hello"), 10), nil},
			{"a byte behind", append(bytes.Clone(whole), 0), nil},
			{"many bytes behind", append(bytes.Clone(whole), "many bytes that are nothing"...), nil},
			{"too large, with bytes behind", append(pack(6000), 0), middleware.ErrTooLarge},
		} {
			got, err := c.Decompress(test.data)
			if err == nil || got != nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("%s, %s: got %d bytes, %v", c.Name(), test.name, len(got), err)
			}
		}
		// After errors it works as before, up to the limit.
		if got, err := c.Decompress(pack(5000)); len(got) != 5000 || err != nil {
			t.Errorf("%s: got %d bytes, %v", c.Name(), len(got), err)
		}
	}
	// The members of gzip data are one text, with one limit.
	c := middleware.NewGzipCompressor(middleware.WithMaxDecompressed(10))
	hello, _ := c.Compress([]byte("hello"))
	if got, err := c.Decompress(append(bytes.Clone(hello), hello...)); string(got) != "hellohello" || err != nil {
		t.Errorf("two members: %q, %v", got, err)
	}
	if _, err := c.Decompress(bytes.Repeat(hello, 3)); err != middleware.ErrTooLarge {
		t.Errorf("three members: %v", err)
	}
}

// A bomb costs no more memory than the limit.
func TestDecompressBomb(t *testing.T) {
	const limit = 1 << 20
	for _, c := range []middleware.Compressor{
		middleware.NewGzipCompressor(middleware.WithMaxDecompressed(limit)), middleware.NewDeflateCompressor(middleware.WithMaxDecompressed(limit)),
	} {
		bomb, err := c.Compress(make([]byte, 10*limit))
		if err != nil {
			t.Fatal(err)
		}
		c.Decompress(bomb) // the decoder itself is kept
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := c.Decompress(bomb); err != middleware.ErrTooLarge {
			t.Errorf("%s: %v", c.Name(), err)
		}
		runtime.ReadMemStats(&after)
		const decoder = 256 << 10 // should the pool be empty
		if got := after.TotalAlloc - before.TotalAlloc; got > limit+decoder {
			t.Errorf("%s: %d bytes of memory for a bomb of %d", c.Name(), got, len(bomb))
		}
	}
}

// Without an option the limit is 10 MB.
func TestDecompressDefaultLimit(t *testing.T) {
	c := middleware.NewGzipCompressor(middleware.WithLevel(gzip.NoCompression))
	for size, want := range map[int]error{10 << 20: nil, 10<<20 + 1: middleware.ErrTooLarge} {
		packed, _ := c.Compress(make([]byte, size))
		if got, err := c.Decompress(packed); err != want || err == nil && len(got) != size {
			t.Errorf("%d bytes: got %d, %v", size, len(got), err)
		}
	}
}

// Hostile data are an error or a text that is not too long, which can be packed
// again.
func FuzzDecompress(f *testing.F) {
	const limit = 3000
	all := []middleware.Compressor{middleware.NewGzipCompressor(middleware.WithMaxDecompressed(limit)), middleware.NewDeflateCompressor(middleware.WithMaxDecompressed(limit))}
	for _, c := range all {
		for _, n := range []int{0, 1, 1000, limit, limit + 1, 100_000} {
			packed, _ := c.Compress(bytes.Repeat([]byte("x"), n))
			f.Add(packed)
			f.Add(append(packed, packed...))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, c := range all {
			got, err := c.Decompress(data)
			if len(got) > limit || err != nil && got != nil {
				t.Fatalf("%s: %d bytes, %v", c.Name(), len(got), err)
			}
			if err != nil {
				continue
			}
			packed, err := c.Compress(got)
			if again, err2 := c.Decompress(packed); err != nil || err2 != nil || !bytes.Equal(again, got) {
				t.Fatalf("%s: packed again: %v, %v", c.Name(), err, err2)
			}
		}
	})
}
