package gongtest_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/gongtest"
)

// answer is a handler that answers always the same. The header is one line.
func answer(status int, header, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if key, value, ok := strings.Cut(header, ": "); ok {
			w.Header().Set(key, value)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

const (
	isJSON    = "Content-Type: application/json; charset=utf-8"
	isProblem = "Content-Type: application/problem+json"
	parseBody = `{"ParseError":{"Place":"Query Parameter","FieldName":"N","Reason":"is no number"}}`
	validBody = `{"ValidationError":{"Place":"Body","Fields":{"a":"is bad","b":"is worse"}}}`
)

func TestExpectations(t *testing.T) {
	type point struct{ X, Y int }
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		expect func(r *gongtest.Response)
		want   string // the failure after the request; "" for none
	}{
		{"status", answer(201, "", ""), func(r *gongtest.Response) { r.Expect(201) }, ""},
		{"other status", answer(404, "Content-Type: text/plain", "no"), func(r *gongtest.Response) { r.Expect(200) },
			"status 404 Not Found, want 200 OK; its body, text/plain:\nno"},
		{"unknown status", answer(299, "", ""), func(r *gongtest.Response) { r.Expect(200) }, "status 299 (no such status), want 200 OK; it has no body"},
		{"no type", func(w http.ResponseWriter, r *http.Request) { w.Header()["Content-Type"] = nil; w.Write([]byte{'a'}) },
			func(r *gongtest.Response) { r.Expect(500) }, "its body, without a Content-Type:\na"},
		{"bytes", answer(200, "Content-Type: x/y", "\xff\x00"), func(r *gongtest.Response) { r.Expect(500) }, `its body, x/y, is 2 bytes: "\xff\x00"`},
		{"much", answer(200, "Content-Type: x/y", strings.Repeat("é", 5000)), func(r *gongtest.Response) { r.Expect(500) }, "é\n(10000 bytes in all)"},

		{"redirect", answer(303, "Location: /a", ""), func(r *gongtest.Response) { r.Redirect("/a") }, ""},
		{"other redirect", answer(303, "Location: /a", ""), func(r *gongtest.Response) { r.Redirect("/b") }, `a redirect to "/a", want to "/b"`},
		{"no redirect", answer(201, "Location: /a", ""), func(r *gongtest.Response) { r.Redirect("/a") }, `status 201 Created, want a redirect to "/a"`},
		{"not modified", answer(304, "Location: /a", ""), func(r *gongtest.Response) { r.Redirect("/a") }, `status 304 Not Modified, want a redirect to "/a"`},

		{"cookie", answer(200, "Set-Cookie: a=1; Path=/x", ""), func(r *gongtest.Response) {
			if c := r.Cookie("a"); c.Value != "1" || c.Path != "/x" {
				panic(c)
			}
		}, ""},
		{"other cookie", answer(200, "Set-Cookie: a=1", ""), func(r *gongtest.Response) { r.Cookie("b") }, `sets no cookie "b", only ["a"]`},

		{"json", answer(200, isJSON, `{"x":1}`), func(r *gongtest.Response) {
			if got := gongtest.Decode[point](r); got != (point{X: 1}) {
				panic(got)
			}
		}, ""},
		{"no json", answer(200, "", `{"x":1}`), func(r *gongtest.Response) { r.JSON(&point{}) }, "the answer is not JSON; its body, text/plain; charset=utf-8:\n{\"x\":1}"},
		{"broken json", answer(200, isJSON, `{"x":`), func(r *gongtest.Response) { gongtest.Decode[point](r) }, "decode the answer: unexpected end of JSON input"},
		{"other json", answer(200, isJSON, `{"x":"1"}`), func(r *gongtest.Response) { gongtest.Decode[point](r) }, "decode the answer: json: cannot unmarshal string"},

		{"parse error", answer(413, isJSON, parseBody), func(r *gongtest.Response) {
			want := gongular.ParseError{Place: "Query Parameter", FieldName: "N", Reason: "is no number", Status: 413}
			if got := r.ParseError(gongular.PlaceQuery, "N"); got != want {
				panic(got)
			}
		}, ""},
		{"other field", answer(400, isJSON, parseBody), func(r *gongtest.Response) { r.ParseError(gongular.PlaceQuery, "M") },
			`a ParseError of "Query Parameter": N, want of "Query Parameter": M; its body`},
		{"other place", answer(400, isJSON, parseBody), func(r *gongtest.Response) { r.ParseError(gongular.PlaceBody, "") },
			`a ParseError of "Query Parameter": N, want of "Body"; its body`},
		{"no parse error", answer(400, isJSON, validBody), func(r *gongtest.Response) { r.ParseError(gongular.PlaceBody, "a") },
			`status 400 Bad Request, want a ParseError of "Body": a; its body`},
		{"parse error as success", answer(200, isJSON, parseBody), func(r *gongtest.Response) { r.ParseError(gongular.PlaceQuery, "N") },
			`status 200 OK, want a ParseError of "Query Parameter": N`},
		{"parse error as text", answer(400, "", "no"), func(r *gongtest.Response) { r.ParseError(gongular.PlaceQuery, "N") },
			`status 400 Bad Request, want a ParseError of "Query Parameter": N`},

		{"validation error", answer(422, isJSON, validBody), func(r *gongtest.Response) {
			if got := r.ValidationError(gongular.PlaceBody, "b", "a"); got.Fields["b"] != "is worse" {
				panic(got)
			}
			r.ValidationError(gongular.PlaceBody)
		}, ""},
		{"fewer fields", answer(400, isJSON, validBody), func(r *gongtest.Response) { r.ValidationError(gongular.PlaceBody, "a") },
			`a ValidationError of "Body": a, b, want of "Body": a`},
		{"other part", answer(400, isJSON, validBody), func(r *gongtest.Response) { r.ValidationError(gongular.PlaceForm) },
			`a ValidationError of "Body": a, b, want of "Form Value"`},
		{"no validation error", answer(400, isJSON, parseBody), func(r *gongtest.Response) { r.ValidationError(gongular.PlaceBody, "a") },
			`status 400 Bad Request, want a ValidationError of "Body": a`},

		{"no problem", answer(404, isJSON, `{"status":404}`), func(r *gongtest.Response) { r.Problem() }, "status 404 Not Found, want a problem"},
		{"broken problem", answer(404, isProblem, `{`), func(r *gongtest.Response) { r.Problem() }, "decode the answer: unexpected end"},
		{"other problem", answer(404, isProblem, `{"status":400}`), func(r *gongtest.Response) { r.Problem() }, "status 404 Not Found, but its problem says 400"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := failures(func(t testing.TB) { test.expect(gongtest.New(t, test.answer).GET("/a").Do()) })
			switch {
			case test.want == "" && len(got) > 0:
				t.Errorf("failed with %q", got)
			case test.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], "GET /a: ") || !strings.Contains(got[0], test.want)):
				t.Errorf("failed with\n%q, want\n%q", got, test.want)
			}
		})
	}
}

type order struct {
	Query struct{ Page int }
	Body  struct {
		Items []struct {
			Name string `json:"name" valid:"required"`
		} `json:"items"`
	}
}

func (o *order) Handle(c *gongular.Context) error {
	c.SetBody(o.Body.Items)
	return nil
}

// The assertions know the errors as engines write them.
func TestEngineErrors(t *testing.T) {
	type item map[string]string
	body := map[string][]item{"items": {{"name": "a"}, {}}}

	e := gongular.NewEngine()
	e.POST("/orders", &order{})
	c := gongtest.New(t, e)
	c.POST("/orders?Page=x").JSON(body).Do().ParseError(gongular.PlaceQuery, "Page")
	c.POST("/orders").Body("application/json", strings.NewReader("{")).Do().ParseError(gongular.PlaceBody, "")
	if err := c.POST("/orders").Body("text/plain", strings.NewReader("{")).Do().ParseError(gongular.PlaceBody, ""); err.StatusCode() != 415 {
		t.Errorf("status %d", err.StatusCode())
	}
	c.POST("/orders").JSON(body).Do().ValidationError(gongular.PlaceBody, "name")

	e = gongular.NewEngine(gongular.Options{ProblemErrors: true, ValidationStatus: 422})
	e.POST("/orders", &order{})
	c = gongtest.New(t, e)
	p := c.POST("/orders").JSON(body).Do().Expect(422).Problem()
	want := []gongtest.ProblemError{{Pointer: "#/items/1/name", Place: gongular.PlaceBody, Rule: "required", Detail: p.Errors[0].Detail}}
	if p.Title != "Unprocessable Entity" || p.Instance != "/orders" || !reflect.DeepEqual(p.Errors, want) {
		t.Errorf("got %+v, want the errors %+v", p, want)
	}
	if p := c.POST("/orders?Page=x").JSON(body).Do().Expect(400).Problem(); len(p.Errors) != 1 || p.Errors[0].Parameter != "Page" {
		t.Errorf("got %+v", p)
	}
	c.GET("/nowhere").Do().Expect(404).Problem()
}
