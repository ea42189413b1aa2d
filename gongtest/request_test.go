package gongtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/gongtest"
)

// dump answers with what it sees of the request.
func dump(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s host=%s tls=%t type=%q length=%d body=%q err=%v", r.Method, r.RequestURI, r.Host, r.TLS != nil,
		r.Header.Get("Content-Type"), r.ContentLength, body, err)
	for _, key := range []string{"X-A", "Cookie"} {
		if v := r.Header[key]; v != nil {
			fmt.Fprintf(w, " %s=%q", key, v)
		}
	}
}

func TestRequests(t *testing.T) {
	c := gongtest.New(t, http.HandlerFunc(dump))
	for _, test := range []struct {
		name string
		req  *gongtest.Request
		want string
	}{
		{"plain", c.GET("/a"), `GET /a host=example.com tls=false type="" length=0 body="" err=<nil>`},
		{"method", c.Request("PURGE", "/a"), `PURGE /a host=example.com tls=false type="" length=0 body="" err=<nil>`},
		{"star", c.OPTIONS("*"), `OPTIONS * host=example.com tls=false type="" length=0 body="" err=<nil>`},
		{"url", c.DELETE("https://x.org:81/a%2Fb?c"), `DELETE https://x.org:81/a%2Fb?c host=x.org:81 tls=true type="" length=0 body="" err=<nil>`},
		{"query", c.GET("/").Query("a b", "&").Query("a b", ""), `GET /?a+b=%26&a+b= host=example.com tls=false type="" length=0 body="" err=<nil>`},
		{"more query", c.GET("/?x=1").Query("y", "é"), `GET /?x=1&y=%C3%A9 host=example.com tls=false type="" length=0 body="" err=<nil>`},
		{"header", c.PATCH("/").Header("x-a", "1").Header("X-A", "2").Header("host", "h"),
			`PATCH / host=h tls=false type="" length=0 body="" err=<nil> X-A=["1" "2"]`},
		{"cookies", c.GET("/").Cookie("a", "1").Cookie("b", "2"), `GET / host=example.com tls=false type="" length=0 body="" err=<nil> Cookie=["a=1; b=2"]`},
		{"json", c.POST("/").JSON(map[string]int{"n": 1}), `POST / host=example.com tls=false type="application/json" length=7 body="{\"n\":1}" err=<nil>`},
		{"own type", c.PUT("/").Header("Content-Type", "application/vnd.x+json").JSON(1),
			`PUT / host=example.com tls=false type="application/vnd.x+json" length=1 body="1" err=<nil>`},
		{"form", c.POST("/").Form(url.Values{"a": {"1 2"}}).Form(url.Values{"a": {"3"}}),
			`POST / host=example.com tls=false type="application/x-www-form-urlencoded" length=9 body="a=1+2&a=3" err=<nil>`},
		{"text", c.QUERY("/").Body("text/plain", strings.NewReader("hey")), `QUERY / host=example.com tls=false type="text/plain" length=3 body="hey" err=<nil>`},
		{"chunked", c.POST("/").Body("", io.LimitReader(strings.NewReader("hey"), 2)), `POST / host=example.com tls=false type="" length=-1 body="he" err=<nil>`},
		{"no body", c.POST("/").Body("", http.NoBody), `POST / host=example.com tls=false type="" length=0 body="" err=<nil>`},
		{"empty", c.POST("/").Body("text/plain", strings.NewReader("")), `POST / host=example.com tls=false type="text/plain" length=0 body="" err=<nil>`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.req.Do().Expect(200).Text(); got != test.want {
				t.Errorf("got\n%s, want\n%s", got, test.want)
			}
		})
	}
}

// A body that can be closed is closed, as a server does it.
func TestBodyIsClosed(t *testing.T) {
	body := &closer{Reader: strings.NewReader("hey")}
	gongtest.New(t, http.NotFoundHandler()).HEAD("/").Body("", body).Do().Expect(404)
	if !body.closed {
		t.Error("the body is open after the request")
	}
}

type closer struct {
	io.Reader
	closed bool
}

func (c *closer) Close() error {
	c.closed = true
	return nil
}

func TestFiles(t *testing.T) {
	c := gongtest.New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1); err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		f, h, err := r.FormFile("f")
		if err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		defer f.Close()
		content, _ := io.ReadAll(f)
		fmt.Fprintf(w, "%s: %s %v", h.Filename, content, r.MultipartForm.Value)
	}))
	for name, req := range map[string]*gongtest.Request{
		"form first": c.POST("/").Form(url.Values{"a": {"1"}}).File("f", "x.txt", []byte("hello")),
		"file first": c.POST("/").File("f", "x.txt", []byte("hello")).Form(url.Values{"a": {"1"}}),
	} {
		for range 2 { // Do can be called again
			if got, want := req.Do().Expect(200).Text(), "x.txt: hello map[a:[1]]"; got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
		}
	}
}

func TestRequestContext(t *testing.T) {
	type key struct{}
	var kept context.Context
	c := gongtest.New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept = r.Context()
		fmt.Fprintf(w, "%v %v", r.Context().Value(key{}), r.Context().Err())
	}))
	res := c.GET("/").Context(context.WithValue(t.Context(), key{}, "v")).Do().Expect(200)
	if res.Text() != "v <nil>" {
		t.Errorf("the handler has seen %s", res.Text())
	}
	if kept.Err() == nil {
		t.Error("the context goes on after the request")
	}
}

func TestReadDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first, second error
		var kept io.Reader
		c := gongtest.New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			if err := errors.Join(rc.SetReadDeadline(time.Now().Add(time.Second)), rc.SetWriteDeadline(time.Time{}), rc.EnableFullDuplex()); err != nil {
				t.Error(err)
			}
			_, first = r.Body.Read(make([]byte, 1))
			_, second = r.Body.Read(make([]byte, 1))
			kept = r.Body
		}))
		c.POST("/").Body("", &slowReader{time.Second * 2 / 3}).Do().Expect(200)
		if first != nil || !errors.Is(second, os.ErrDeadlineExceeded) {
			t.Errorf("within the deadline %v, after it %v", first, second)
		}
		if _, err := kept.Read(make([]byte, 1)); err != http.ErrBodyReadAfterClose {
			t.Errorf("after the request: %v", err)
		}
	})
}

type slowReader struct{ pause time.Duration }

func (r *slowReader) Read(p []byte) (int, error) {
	time.Sleep(r.pause)
	return copy(p, "x"), nil
}

func TestImpossibleRequests(t *testing.T) {
	var none context.Context
	for want, build := range map[string]func(c *gongtest.Client) *gongtest.Request{
		`GET users: the target "users" does not begin with a slash`:    func(c *gongtest.Client) *gongtest.Request { return c.GET("users") },
		`GET /a b: the target "/a b" has a space or control character`: func(c *gongtest.Client) *gongtest.Request { return c.GET("/a b") },
		`GE T /: the method "GE T" has a space or control character`:   func(c *gongtest.Client) *gongtest.Request { return c.Request("GE T", "/") },
		`GET /%: parse "/%": invalid URL escape`:                       func(c *gongtest.Client) *gongtest.Request { return c.GET("/%") },
		`GET /: a nil context`:                                         func(c *gongtest.Client) *gongtest.Request { return c.GET("/").Context(none) },
		`POST /: JSON: json: unsupported type: chan int`:               func(c *gongtest.Client) *gongtest.Request { return c.POST("/").JSON(make(chan int)) },
		`POST /: Body: a nil reader`:                                   func(c *gongtest.Client) *gongtest.Request { return c.POST("/").Body("text/plain", nil) },
		`POST /: has two bodies, of JSON and Form`:                     func(c *gongtest.Client) *gongtest.Request { return c.POST("/").JSON(1).Form(url.Values{}) },
		`POST /: has two bodies, of File and JSON`:                     func(c *gongtest.Client) *gongtest.Request { return c.POST("/").File("f", "x", nil).JSON(1) },
		`POST /: has two bodies, of Body and Body`: func(c *gongtest.Client) *gongtest.Request {
			return c.POST("/").Body("", http.NoBody).Body("", http.NoBody)
		},
	} {
		mustFail(t, []string{want}, func(t testing.TB) {
			build(gongtest.New(t, http.HandlerFunc(dump))).Do()
		})
	}
	mustFail(t, []string{"gongtest.New: a nil handler"}, func(t testing.TB) { gongtest.New(t, nil) })
}
