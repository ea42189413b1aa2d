package gongtest_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/gongtest"
)

// An answer is what net/http would send, and what httptest's server does send.
func TestAnswersAreThoseOfAServer(t *testing.T) {
	long := strings.Repeat("<p>", 1000)
	type handler = func(w http.ResponseWriter, r *http.Request)
	for name, h := range map[string]handler{
		"nothing": func(w http.ResponseWriter, r *http.Request) {},
		"text":    func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") },
		"status":  func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(418); fmt.Fprint(w, "<html>") },
		"204": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(204)
		},
		"304": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "x/y")
			w.WriteHeader(304)
		},
		"304 with length": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "9")
			w.WriteHeader(304)
		},
		"205": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(205) },
		"own type": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "x/y")
			fmt.Fprint(w, "hello")
		},
		"no type": func(w http.ResponseWriter, r *http.Request) { w.Header()["Content-Type"] = nil; fmt.Fprint(w, "hello") },
		"encoded": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "x")
			fmt.Fprint(w, "hello")
		},
		"late header":        func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200); w.Header().Set("X-Late", "1") },
		"late header, flush": func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush(); w.Header().Set("X-Late", "1") },
		"header by write":    func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "a"); w.Header().Set("X-Late", "1") },
		"empty write":        func(w http.ResponseWriter, r *http.Request) { w.Write(nil); w.Header().Set("X-Late", "1") },
		"flushed": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "{")
			w.(http.Flusher).Flush()
			fmt.Fprint(w, long)
		},
		"flushed twice": func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			fmt.Fprint(w, "{")
			w.(http.Flusher).Flush()
		},
		"long": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, long) },
		"long, piece by piece": func(w http.ResponseWriter, r *http.Request) {
			for _, c := range long {
				fmt.Fprint(w, string(c))
			}
		},
		"full buffer": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, long[:2048]) },
		"one more":    func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, long[:2049]) },
		"declared": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "3000")
			io.WriteString(w, long)
		},
		"early hints": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(103); w.WriteHeader(201) },
		"wild header": func(w http.ResponseWriter, r *http.Request) { w.Header()["x-wild"] = []string{" a\r\nb ", "c"} },
		"cookies":     func(w http.ResponseWriter, r *http.Request) { w.Header()["Set-Cookie"] = []string{"a=1", "b=2"} },
		"trailers": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-T")
			fmt.Fprint(w, "a")
			w.Header().Set("X-T", "1")
		},
		"trailer, prefix": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "a"); w.Header().Set("Trailer:X-T", "1") },
		"identity": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Transfer-Encoding", "identity")
			fmt.Fprint(w, "a")
		},
		"error":     func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 500) },
		"not found": http.NotFound,
		"redirect":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/b", 303) },
		"content":   func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "doc.go") },
	} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			t.Run(method+" "+name, func(t *testing.T) {
				s := httptest.NewServer(http.HandlerFunc(h))
				defer s.Close()
				r, err := http.NewRequest(method, s.URL+"/", nil)
				if err != nil {
					t.Fatal(err)
				}
				want, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				wantBody, err := io.ReadAll(want.Body)
				want.Body.Close()
				if err != nil {
					t.Fatal(err)
				}
				want.Header.Del("Date")
				want.Header.Del("Connection")
				got := gongtest.New(t, http.HandlerFunc(h)).Request(method, "/").Do()
				if got.Status != want.StatusCode || got.Text() != string(wantBody) || !maps.EqualFunc(got.Header, want.Header, func(a, b []string) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
					t.Errorf("got  %d %v %.40q,\nwant %d %v %.40q", got.Status, got.Header, got.Body, want.StatusCode, want.Header, wantBody)
				}
			})
		}
	}
}

// line is what a message says of a place in this file.
const line = " at recorder_test.go:"

func TestMisuse(t *testing.T) {
	for _, test := range []struct {
		name string
		h    http.HandlerFunc
		want []string
	}{
		{"two statuses", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(201)
			http.Error(w, "no", 500)
		}, []string{"GET /x: wrote the status 500" + line}},
		{"status after body", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "ok")
			w.WriteHeader(500)
		}, []string{"but 200 was written" + line}},
		{"body for 204", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(204)
			if _, err := fmt.Fprint(w, "ok"); !errors.Is(err, http.ErrBodyNotAllowed) {
				panic(err)
			}
		}, []string{"wrote 2 bytes of body" + line}},
		{"body for 304", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(304)
			fmt.Fprint(w, "ok")
		}, []string{"for the status 304 Not Modified, which has none"}},
		{"body for 205", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(205)
			fmt.Fprint(w, "ok")
			fmt.Fprint(w, "ok")
		}, []string{"for the status 205 Reset Content, which has none (RFC 9110, section 15.3.6)"}},
		{"too long", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1")
			if _, err := fmt.Fprint(w, "ok"); !errors.Is(err, http.ErrContentLength) {
				panic(err)
			}
			fmt.Fprint(w, "")
		}, []string{"more than the Content-Length of 1"}},
		{"too short", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "3")
			fmt.Fprint(w, "ok")
		}, []string{"wrote 2 bytes of body, less than the Content-Length of 3"}},
		{"no length", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "two")
			fmt.Fprint(w, "ok")
		}, []string{`wrote the Content-Length "two"` + line}},
		{"panic", func(w http.ResponseWriter, r *http.Request) { panic("oh") }, []string{"GET /x: the handler panicked: oh\ngoroutine"}},
		{"impossible status", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(42) }, []string{"the handler panicked: invalid WriteHeader code 42"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			mustFail(t, test.want, func(t testing.TB) { gongtest.New(t, test.h).GET("/x").Do() })
		})
	}
}

// A middleware that answers and goes on all the same is found with an engine,
// whose own second status is named by the middleware's line.
func TestMiddlewareAnswersTwice(t *testing.T) {
	e := gongular.NewEngine()
	e.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(401)
			next.ServeHTTP(w, r)
		})
	})
	e.GET("/", gongular.HandlerFunc(func(c *gongular.Context) error { return nil }))
	mustFail(t, []string{"GET /: wrote the status 200" + line}, func(t testing.TB) { gongtest.New(t, e).GET("/").Do() })
}

// So is what an engine holds back of a handler's second answer.
func TestHandlerAnswersTwice(t *testing.T) {
	e := gongular.NewEngine(gongular.Options{Logger: slog.New(slog.DiscardHandler)})
	e.SetRouteCallback(gongular.NoOpRouteCallback)
	e.GET("/writer", gongular.HandlerFunc(func(c *gongular.Context) error {
		c.Writer().WriteHeader(201)
		c.Writer().WriteHeader(500)
		c.SetBody("lost")
		return nil
	}))
	e.GET("/finalize", gongular.HandlerFunc(func(c *gongular.Context) error {
		c.Finalize()
		c.SetBody("lost")
		return nil
	}))
	mustFail(t, []string{"a second status is ignored", "the body that was set is ignored"}, func(t testing.TB) { gongtest.New(t, e).GET("/writer").Do() })
	mustFail(t, []string{"the answer is written; a later change of it is ignored"}, func(t testing.TB) { gongtest.New(t, e).GET("/finalize").Do() })
}

func TestWriteAfterReturn(t *testing.T) {
	mustFail(t, []string{
		"GET /late: wrote the status 500" + line,
		"GET /late: wrote 2 bytes" + line,
		"GET /late: flushed" + line,
	}, func(t testing.TB) {
		var kept http.ResponseWriter
		gongtest.New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { kept = w })).GET("/late").Do()
		kept.WriteHeader(500)
		fmt.Fprint(kept, "hi")
		kept.(http.Flusher).Flush()
	})
}

func TestAborted(t *testing.T) {
	c := gongtest.New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			fmt.Fprint(w, "some")
		}
		panic(http.ErrAbortHandler)
	}))
	if res := c.GET("/").Do(); !res.Aborted || res.Status != 0 || res.Body != nil {
		t.Errorf("at once: %+v", res)
	}
	if res := c.GET("/late").Do(); !res.Aborted || res.Status != 200 || res.Text() != "some" {
		t.Errorf("in the middle: %+v", res)
	}
	mustFail(t, []string{"GET /late: the handler broke the answer off, want status 200 OK"}, func(t testing.TB) {
		gongtest.New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "some")
			panic(http.ErrAbortHandler)
		})).GET("/late").Do().Expect(200)
	})
}

func TestNoHijack(t *testing.T) {
	c := gongtest.New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Hijack: %v", err)
		}
	}))
	c.GET("/").Do().Expect(200)
}
