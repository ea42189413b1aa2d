package middleware_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gongular/gongular/middleware"
)

// hello's ETag: the first 16 bytes of its SHA-256 in base64url.
const helloTag = `"LPJNul-wow4m6Dsqxbning"`

func TestETag(t *testing.T) {
	hello := func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }
	with := func(field, value string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(field, value)
			hello(w, r)
		}
	}
	for _, test := range []struct {
		name   string
		h      http.HandlerFunc
		method string
		fields []string
		status int
		body   string
		tag    string
	}{
		{"small", hello, "GET", nil, 200, "hello", helloTag},
		{"in pieces", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			io.WriteString(w, "he")
			w.Write(nil)
			io.Copy(w, struct{ io.Reader }{strings.NewReader("llo")})
		}, "GET", nil, 200, "hello", helloTag},
		{"as long as may be", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat("x", 64)) }, "GET", nil, 200, strings.Repeat("x", 64), `"fOEAlx9k5wAej-WlGXPs3w"`},
		{"empty", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200) }, "GET", nil, 200, "", `"47DEQpj8HBSa-_TImW-5JA"`},
		{"HEAD that is written", hello, "HEAD", nil, 200, "", helloTag},
		{"known", hello, "GET", []string{"If-None-Match: " + helloTag}, 304, "", helloTag},
		{"known weakly", hello, "GET", []string{"If-None-Match: W/" + helloTag}, 304, "", helloTag},
		{"known, in a list", hello, "GET", []string{`If-None-Match: "a",W/"b", ` + helloTag}, 304, "", helloTag},
		{"known, in another field", hello, "GET", []string{`If-None-Match: "a"`, "If-None-Match: " + helloTag}, 304, "", helloTag},
		{"anything known", hello, "GET", []string{"If-None-Match: *"}, 304, "", helloTag},
		{"known to HEAD", hello, "HEAD", []string{"If-None-Match: " + helloTag}, 304, "", helloTag},
		{"not known", hello, "GET", []string{`If-None-Match: "a"`}, 200, "hello", helloTag},
		{"known without quotes", hello, "GET", []string{"If-None-Match: " + strings.Trim(helloTag, `"`)}, 200, "hello", helloTag},
		{"a star in a list", hello, "GET", []string{`If-None-Match: *, "a"`}, 200, "hello", helloTag},
		{"64 KiB of tags", hello, "GET", []string{"If-None-Match: " + strings.Repeat(`"a",`, 1<<14)}, 200, "hello", helloTag},
		{"announced", with("Content-Length", "5"), "GET", nil, 200, "hello", helloTag},

		{"POST", hello, "POST", []string{"If-None-Match: *"}, 200, "hello", ""},
		{"Range", hello, "GET", []string{"Range: bytes=0-1", "If-None-Match: *"}, 200, "hello", ""},
		{"upgrade", hello, "GET", []string{"Connection: upgrade", "Upgrade: websocket"}, 200, "hello", ""},
		{"longer", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, strings.Repeat("x", 64))
			io.WriteString(w, "y")
			io.WriteString(w, "z")
		}, "GET", []string{"If-None-Match: *"}, 200, strings.Repeat("x", 64) + "yz", ""},
		{"announced as longer", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "65")
			io.Copy(w, struct{ io.Reader }{strings.NewReader(strings.Repeat("x", 65))})
		}, "GET", nil, 200, strings.Repeat("x", 65), ""},
		{"flushed", func(w http.ResponseWriter, r *http.Request) {
			hello(w, r)
			w.(http.Flusher).Flush()
			hello(w, r)
		}, "GET", []string{"If-None-Match: *"}, 200, "hellohello", ""},
		{"flushed before", func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			hello(w, r)
		}, "GET", nil, 200, "hello", ""},
		{"another status", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(201); hello(w, r) }, "GET", []string{"If-None-Match: *"}, 201, "hello", ""},
		{"an error", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 404) }, "GET", nil, 404, "no\n", ""},
		{"its own", with("ETag", `"own"`), "GET", []string{"If-None-Match: " + helloTag}, 200, "hello", `"own"`},
		{"a cookie", with("Set-Cookie", "a=1"), "GET", nil, 200, "hello", ""},
		{"not to be kept", with("Cache-Control", "private, No-Store"), "GET", nil, 200, "hello", ""},
		{"to be asked for again", with("Cache-Control", "no-cache"), "GET", nil, 200, "hello", helloTag},
		{"a part", with("Content-Range", "bytes 0-4/9"), "GET", nil, 200, "hello", ""},
		{"a trailer", with("Trailer", "X-Sum"), "GET", nil, 200, "hello", ""},
		{"events", with("Content-Type", "text/event-stream; charset=utf-8"), "GET", nil, 200, "hello", ""},
		{"HEAD that is not written", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200) }, "HEAD", nil, 200, "", ""},
		{"HEAD that is announced", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.WriteHeader(200)
		}, "HEAD", nil, 200, "", ""},
		{"nothing", func(w http.ResponseWriter, r *http.Request) {}, "GET", []string{"If-None-Match: *"}, 200, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, s := range map[string]*httptest.Server{"HTTP/1.1": start(t, middleware.ETag(64)(test.h)), "HTTP/2": startHTTP2(t, middleware.ETag(64)(test.h))} {
				if name == "HTTP/2" && test.name == "upgrade" {
					continue // which it has not
				}
				r, _ := http.NewRequest(test.method, s.URL, nil)
				addFields(r.Header, test.fields)
				res, err := s.Client().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(res.Body)
				res.Body.Close()
				if res.StatusCode != test.status || string(b) != test.body || err != nil {
					t.Errorf("%s: answered %d %q, %v, want %d %q", name, res.StatusCode, b, err, test.status, test.body)
				}
				if got := res.Header.Get("ETag"); got != test.tag {
					t.Errorf("%s: ETag %s, want %s", name, got, test.tag)
				}
			}
		})
	}
}

// The answer 304 has what the 200 would have, without what is about the body, and
// the length of others is announced, also to HEAD.
func TestETagHeader(t *testing.T) {
	h := middleware.ETag(1 << 10)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/css")
		w.Header().Set("Cache-Control", "max-age=5")
		w.Header().Set("Vary", "Accept")
		w.Header().Set("Last-Modified", "yesterday")
		w.Header().Set("Content-Encoding", "identity")
		io.WriteString(w, "hello")
	}))
	const common = "map[Cache-Control:[max-age=5] Etag:[" + helloTag + "] Vary:[Accept]]"
	w := do(h, request("GET", "/", "If-None-Match: "+helloTag))
	if got := fmt.Sprint(w.Header()); w.Code != 304 || got != common {
		t.Errorf("answered %d %s", w.Code, got)
	}
	for _, method := range []string{"GET", "HEAD"} {
		w = do(h, request(method, "/"))
		want := "map[Cache-Control:[max-age=5] Content-Encoding:[identity] Content-Length:[5] Content-Type:[text/css] Etag:[" + helloTag + "] Last-Modified:[yesterday] Vary:[Accept]]"
		if got := fmt.Sprint(w.Header()); w.Code != 200 || got != want {
			t.Errorf("%s was answered %d %s", method, w.Code, got)
		}
	}
}

// What a handler does to the header after it was sent has no effect, as anywhere.
func TestETagLateHeader(t *testing.T) {
	for _, h := range []http.HandlerFunc{
		func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Early", "1")
			io.WriteString(w, "hello")
			w.Header().Set("X-Late", "1")
			w.Header().Set("X-Early", "2")
		},
		func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Early", "1")
			io.WriteString(w, "hello")
			w.Header().Del("X-Early")
			w.Header().Set("X-Late", "1")
			io.WriteString(w, strings.Repeat("x", 100))
		},
		func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Early", "1")
			w.WriteHeader(200)
			w.Header().Set("X-Late", "1")
			w.WriteHeader(500)
		},
	} {
		res := do(middleware.ETag(64)(h), request("GET", "/")).Result()
		if res.StatusCode != 200 || res.Header.Get("X-Early") != "1" || res.Header.Get("X-Late") != "" {
			t.Errorf("answered %s, %v", res.Status, res.Header)
		}
	}
}

// A handler that panics while its answer is held back has not begun to answer.
func TestETagPanic(t *testing.T) {
	var seen middleware.Seen
	h := middleware.Chain(
		middleware.Watching(func(s middleware.Seen) { seen = s }),
		middleware.ETag(64),
	)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "half")
		panic("x")
	}))
	w := httptest.NewRecorder()
	mustPanic(t, func() { h.ServeHTTP(w, request("GET", "/")) })
	if w.Body.Len() != 0 || seen.Started || seen.Status != 200 {
		t.Errorf("sent %q, seen %+v", w.Body, seen)
	}
}

// An answer that breaks off is not taken for a whole one.
func TestETagShort(t *testing.T) {
	s := start(t, middleware.ETag(64)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "9")
		io.WriteString(w, "hello")
	})))
	res, err := s.Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != io.ErrUnexpectedEOF || res.Header.Get("ETag") != "" {
		t.Errorf("read %q, %v, %v", b, err, res.Header)
	}
}

// Outside of what encodes, the tag is that of the encoded bytes.
func TestETagOfEncoded(t *testing.T) {
	zips := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			defer z.Close()
			io.WriteString(z, "hello")
		})
	}
	w := do(middleware.Chain(middleware.ETag(64), zips)(fine), request("GET", "/"))
	tag := w.Header().Get("ETag")
	again := do(middleware.Chain(middleware.ETag(64), zips)(fine), request("GET", "/", "If-None-Match: "+tag))
	if tag == "" || tag == helloTag || again.Code != 304 || again.Header().Get("Content-Encoding") != "" || !bytes.HasPrefix(w.Body.Bytes(), []byte{0x1f, 0x8b}) {
		t.Errorf("tag %s, then %d %v", tag, again.Code, again.Header())
	}
}

// Large files go the way of sendfile.
func TestETagEverywhere(t *testing.T) {
	everywhere(t, middleware.ETag(1<<10))
}
