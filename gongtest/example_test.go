package gongtest_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/gongtest"
)

// T stands for the *testing.T of a test. It prints what a test would fail with.
type T struct{ testing.TB }

func (T) Helper()                           {}
func (T) Cleanup(func())                    {}
func (T) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (T) Fatalf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

var t T

// Greet is the handler of the examples.
type Greet struct {
	Param struct{ Name string }
	Query struct {
		Times int `q:"times" default:"1" valid:"range(1|3)"`
	}
}

func (g *Greet) Handle(c *gongular.Context) error {
	if g.Param.Name == "nobody" {
		return errors.New("there is nobody")
	}
	c.SetBody(map[string]string{"greeting": strings.Repeat("hello, ", g.Query.Times) + g.Param.Name})
	return nil
}

func newEngine() *gongular.Engine {
	e := gongular.NewEngine()
	e.SetRouteCallback(nil)
	e.GET("/greet/{Name}", &Greet{})
	return e
}

func ExampleNew() {
	c := gongtest.New(t, newEngine())

	res := c.GET("/greet/ada").Query("times", "2").Do().Expect(200)
	fmt.Println(res.Text())
	// Output: {"greeting":"hello, hello, ada"}
}

// A failure names the request and shows the answer.
func ExampleResponse_Expect() {
	c := gongtest.New(t, newEngine())

	c.GET("/greet/ada").Query("times", "7").Do().Expect(200)
	// Output:
	// GET /greet/ada?times=7: status 400 Bad Request, want 200 OK; its body, application/json:
	// {"ValidationError":{"Fields":{"Times":"7 does not validate as range(1|3)"},"Place":"Query Parameter"}}
}

func ExampleDecode() {
	c := gongtest.New(t, newEngine())

	answer := gongtest.Decode[map[string]string](c.GET("/greet/ada").Do())
	fmt.Println(answer["greeting"])
	// Output: hello, ada
}

func ExampleResponse_ParseError() {
	c := gongtest.New(t, newEngine())

	err := c.GET("/greet/ada?times=many").Do().ParseError(gongular.PlaceQuery, "Times")
	fmt.Println(err.StatusCode())
	// Output: 400
}

func ExampleResponse_ValidationError() {
	c := gongtest.New(t, newEngine())

	err := c.GET("/greet/ada?times=7").Do().ValidationError(gongular.PlaceQuery, "Times")
	fmt.Println(err.Fields["Times"])
	// Output: 7 does not validate as range(1|3)
}

func ExampleResponse_Problem() {
	e := gongular.NewEngine(gongular.Options{ProblemErrors: true})
	e.SetRouteCallback(nil)
	e.GET("/greet/{Name}", &Greet{})
	c := gongtest.New(t, e)

	p := c.GET("/greet/ada?times=7").Do().Expect(400).Problem()
	fmt.Println(p.Title, p.Errors[0].Parameter, p.Errors[0].Rule)
	// Output: Bad Request times range
}

func ExampleRequest() {
	c := gongtest.New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintln(w, r.Host, r.Form["title"], r.MultipartForm.File["photo"][0].Filename)
	}))

	res := c.POST("https://photos.example/add").
		Header("Accept-Language", "tr").
		Cookie("session", "s3cret").
		Form(url.Values{"title": {"A cat"}}).
		File("photo", "cat.png", []byte("\x89PNG…")).
		Do()
	fmt.Print(res.Text())
	// Output: photos.example [A cat] cat.png
}

// What handlers do wrong with an answer that looks right fails the test too.
func ExampleRequest_Do() {
	c := gongtest.New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "7")
		fmt.Fprint(w, "hello")
	}))

	fmt.Println(c.GET("/").Do().Text())
	// Output:
	// GET /: wrote 5 bytes of body, less than the Content-Length of 7
	// hello
}

func ExampleBind() {
	r := httptest.NewRequest("GET", "/greet/ada?times=2", nil)
	r.SetPathValue("Name", "ada")
	g, err := gongtest.Bind[Greet](r)
	fmt.Println(g.Param.Name, g.Query.Times, err)

	_, err = gongtest.Bind[Greet](httptest.NewRequest("GET", "/greet/ada?times=x", nil))
	bad, ok := errors.AsType[gongular.ParseError](err)
	fmt.Println(ok, bad.Place, bad.FieldName)
	// Output:
	// ada 2 <nil>
	// true Query Parameter Times
}

// A handler is a struct: it can be filled by hand and called without an engine.
func Example_handler() {
	var g Greet
	g.Param.Name = "ada"
	g.Query.Times = 1
	w := httptest.NewRecorder()
	c := gongular.NewContext(w, httptest.NewRequest("GET", "/", nil))

	fmt.Println(g.Handle(c))
	c.Finalize()
	fmt.Println(w.Code, w.Body)

	g.Param.Name = "nobody"
	fmt.Println(g.Handle(c))
	// Output:
	// <nil>
	// 200 {"greeting":"hello, ada"}
	// there is nobody
}
