package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gongular/gongular/middleware"
)

type userOf struct{ name string }

// A status is an error that says how to answer.
type status int

func (s status) Error() string   { return "the database is down, password=hunter2" }
func (s status) HTTPStatus() int { return int(s) }

// A code does so in the manner of this module's other packages.
type code int

func (c code) Error() string   { return "no" }
func (c code) StatusCode() int { return int(c) }

// validate lets in the token x, and answers some others in their own ways.
func validate(token string) (any, error) {
	switch token {
	case "x", "x==", "-._~+/":
		return userOf{token}, nil
	case "nobody":
		return nil, nil
	case "503":
		return nil, fmt.Errorf("wrapped: %w", status(503))
	case "403":
		return nil, code(403)
	case "499":
		return nil, code(499)
	case "200":
		return nil, status(200)
	case "panic":
		panic("in the validator")
	}
	return nil, errors.New("secret details")
}

// whoami answers with the user.
var whoami = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	user, ok := middleware.UserAs[userOf](r.Context())
	fmt.Fprint(w, user.name, " ", ok, " ", middleware.User(r.Context()) == nil)
})

func TestBearerAuth(t *testing.T) {
	for _, test := range []struct {
		name      string
		fields    []string
		status    int
		text      string // of the refusal, or the body
		challenge string
	}{
		{"no header", nil, 401, "missing authorization", "Bearer"},
		{"another scheme", []string{"Authorization: Basic x"}, 401, "invalid authorization", `Bearer error="invalid_request"`},
		{"no token", []string{"Authorization: Bearer"}, 401, "invalid authorization", `Bearer error="invalid_request"`},
		{"an empty token", []string{"Authorization: Bearer "}, 401, "invalid authorization", `Bearer error="invalid_request"`},
		{"only padding", []string{"Authorization: Bearer =="}, 401, "invalid authorization", `Bearer error="invalid_request"`},
		{"empty", []string{"Authorization: "}, 401, "invalid authorization", `Bearer error="invalid_request"`},
		{"two headers", []string{"Authorization: Bearer x", "Authorization: Bearer x"}, 401, "invalid authorization", `Bearer error="invalid_request"`},
		{"a control character", []string{"Authorization: Bearer x\x01"}, 401, "invalid authorization", `Bearer error="invalid_request"`},
		{"two tokens", []string{"Authorization: Bearer x x"}, 401, "invalid authorization", `Bearer error="invalid_request"`},
		{"a tab", []string{"Authorization: Bearer\tx"}, 401, "invalid authorization", `Bearer error="invalid_request"`},
		{"no space", []string{"Authorization: Bearerx"}, 401, "invalid authorization", `Bearer error="invalid_request"`},
		{"padding inside", []string{"Authorization: Bearer x=x"}, 401, "invalid authorization", `Bearer error="invalid_request"`},
		{"not ASCII", []string{"Authorization: Bearer ü"}, 401, "invalid authorization", `Bearer error="invalid_request"`},
		{"a scheme that only folds", []string{"Authorization: Bea\u0155er x"}, 401, "invalid authorization", `Bearer error="invalid_request"`},
		{"64 KiB", []string{"Authorization: Bearer " + strings.Repeat("y", 1<<16)}, 401, "invalid token", `Bearer error="invalid_token"`},
		{"a bad token", []string{"Authorization: Bearer y"}, 401, "invalid token", `Bearer error="invalid_token"`},
		{"a database that is down", []string{"Authorization: Bearer 503"}, 503, "service unavailable", ""},
		{"not allowed", []string{"Authorization: Bearer 403"}, 403, "forbidden", ""},
		{"a status without a text", []string{"Authorization: Bearer 499"}, 499, "not authorized", ""},
		{"an error with a success", []string{"Authorization: Bearer 200"}, 401, "invalid token", `Bearer error="invalid_token"`},
		{"usual", []string{"Authorization: Bearer x"}, 200, "x true false", ""},
		{"any case", []string{"Authorization: bearer x"}, 200, "x true false", ""},
		{"several spaces", []string{"Authorization: BEARER  x"}, 200, "x true false", ""},
		{"padding", []string{"Authorization: Bearer x=="}, 200, "x== true false", ""},
		{"other characters", []string{"Authorization: Bearer -._~+/"}, 200, "-._~+/ true false", ""},
		{"a nil user", []string{"Authorization: Bearer nobody"}, 200, " false true", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			byRequest := middleware.BearerAuthFunc(func(r *http.Request, token string) (any, error) {
				if r.URL.Path != "/" {
					t.Errorf("the validator's request is for %s", r.URL)
				}
				return validate(token)
			})
			for _, mw := range []middleware.Middleware{middleware.BearerAuth(validate), byRequest} {
				for _, r := range []*http.Request{request("GET", "/", test.fields...), upgrade("/", test.fields...)} {
					w := do(mw(whoami), r)
					if test.status == 200 {
						if w.Code != 200 || w.Body.String() != test.text {
							t.Errorf("answered %d %q, want %q", w.Code, w.Body, test.text)
						}
					} else {
						wantRefusal(t, w, test.status, test.text)
					}
					if got := w.Header().Get("WWW-Authenticate"); got != test.challenge {
						t.Errorf("WWW-Authenticate is %q, want %q", got, test.challenge)
					}
				}
			}
		})
	}
}

// The validator's panic is the program's to handle.
func TestBearerAuthPanic(t *testing.T) {
	h := middleware.BearerAuth(validate)(never(t))
	if got := mustPanic(t, func() { do(h, request("GET", "/", "Authorization: Bearer panic")) }); got != "in the validator" {
		t.Errorf("the panic became %q", got)
	}
}

// A user is only of the type that it is of.
func TestUserAs(t *testing.T) {
	h := middleware.BearerAuth(func(string) (any, error) { return 7, nil })(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithoutCancel(r.Context()) // for work that goes on
		number, isInt := middleware.UserAs[int](ctx)
		_, isString := middleware.UserAs[string](ctx)
		_, isStringer := middleware.UserAs[fmt.Stringer](ctx)
		fmt.Fprint(w, number, isInt, isString, isStringer)
	}))
	if got := do(h, request("GET", "/", "Authorization: Bearer x")).Body.String(); got != "7 true false false" {
		t.Errorf("answered %q", got)
	}
}

func TestQueryAuth(t *testing.T) {
	for _, test := range []struct {
		name   string
		target string
		status int
		text   string // of the refusal, or the URL that the handler gets
	}{
		{"absent", "/a", 401, "missing auth token"},
		{"no value", "/a?token", 401, "missing auth token"},
		{"empty", "/a?token=", 401, "missing auth token"},
		{"twice", "/a?token=x&token=x", 401, "missing auth token"},
		{"twice, once escaped", "/a?token=x&t%6Fken=y", 401, "missing auth token"},
		{"twice, once empty", "/a?token=&token=x", 401, "missing auth token"},
		{"another case", "/a?Token=x", 401, "missing auth token"},
		{"badly escaped", "/a?token=%zz", 401, "missing auth token"},
		{"another's value", "/a?a=token=x", 401, "missing auth token"},
		{"a bad token", "/a?token=y", 401, "invalid token"},
		{"64 KiB", "/a?token=" + strings.Repeat("y", 1<<16), 401, "invalid token"},
		{"down", "/a?token=503", 503, "service unavailable"},
		{"alone", "/a?token=x", 200, "/a /a"},
		{"first", "/a?token=x&b=%20&&c", 200, "/a?b=%20&&c /a?b=%20&&c"},
		{"last", "/a?b=1;2&%zz&token=x", 200, "/a?b=1;2&%zz /a?b=1;2&%zz"},
		{"escaped name and value", "/a?b=+&t%6Fken=%78", 200, "/a?b=+ /a?b=+"},
		{"question mark in another", "/a?b=?&token=x", 200, "/a?b=? /a?b=?"},
		{"absolute", "http://example.com/a?token=x&b=1", 200, "http://example.com/a?b=1 http://example.com/a?b=1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			seen := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.FormValue("token") != "" || middleware.User(r.Context()) != (userOf{"x"}) {
					t.Errorf("the handler finds %q, and the user is %v", r.Form, middleware.User(r.Context()))
				}
				fmt.Fprint(w, r.URL, " ", r.RequestURI)
			})
			r := request("GET", test.target)
			before := r.URL.String()
			w := do(middleware.QueryAuth("token", validate)(seen), r)
			if test.status == 200 && (w.Code != 200 || w.Body.String() != test.text || w.Header().Get("Cache-Control") != "no-store") {
				t.Errorf("answered %d %q, want %q", w.Code, w.Body, test.text)
			} else if test.status != 200 {
				wantRefusal(t, w, test.status, test.text)
			}
			if w.Header().Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("the header is %v", w.Header())
			}
			challenge := map[string]string{"missing auth token": "Bearer", "invalid token": `Bearer error="invalid_token"`}[test.text]
			if got := w.Header().Get("WWW-Authenticate"); got != challenge {
				t.Errorf("WWW-Authenticate is %q, want %q", got, challenge)
			}
			if r.URL.String() != before {
				t.Errorf("the request outside became %s", r.URL)
			}
		})
	}
}

// A form that was parsed before does not keep the token.
func TestQueryAuthAfterParsing(t *testing.T) {
	r := request("GET", "/?token=x&a=1")
	r.ParseForm()
	do(middleware.QueryAuth("token", validate)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := fmt.Sprint(r.Form); got != "map[a:[1]]" {
			t.Errorf("the handler's form is %s", got)
		}
	})), r)
	if got := fmt.Sprint(r.Form); got != "map[a:[1] token:[x]]" {
		t.Errorf("the form outside became %s", got)
	}
}

// Whatever the query, the handler does not find the token in what is left of it.
func FuzzQueryAuth(f *testing.F) {
	f.Add("token=x&a=1", "token")
	f.Add("t%6Fken=x&&token", "token")
	f.Add("a=b;token=x&+=1", " ")
	f.Fuzz(func(t *testing.T, query, param string) {
		if param == "" {
			return
		}
		var validated string
		mw := middleware.QueryAuth(param, func(token string) (any, error) { validated = token; return nil, nil })
		r := request("GET", "/")
		r.URL.RawQuery, r.RequestURI = query, "/?"+query
		do(mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if validated == "" || r.URL.Query().Has(param) {
				t.Errorf("%q passes with token %q, and becomes %q", query, validated, r.URL.RawQuery)
			}
		})), r)
	})
}

func TestRequireKey(t *testing.T) {
	h := middleware.RequireKey("x-api-key", "first-key", "second-key")(fine)
	for _, test := range []struct {
		name   string
		fields []string
		ok     bool
	}{
		{"first", []string{"X-API-Key: first-key"}, true},
		{"second", []string{"X-API-Key: second-key"}, true},
		{"absent", nil, false},
		{"empty", []string{"X-API-Key: "}, false},
		{"prefix", []string{"X-API-Key: first-ke"}, false},
		{"suffix", []string{"X-API-Key: first-key1"}, false},
		{"another case", []string{"X-API-Key: First-key"}, false},
		{"two", []string{"X-API-Key: first-key", "X-API-Key: first-key"}, false},
		{"list", []string{"X-API-Key: first-key, second-key"}, false},
		{"64 KiB", []string{"X-API-Key: " + strings.Repeat("k", 1<<16)}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := do(h, request("GET", "/", test.fields...))
			if test.ok && w.Code != 200 {
				t.Errorf("answered %d", w.Code)
			} else if !test.ok {
				wantRefusal(t, w, 401, "invalid API key")
				if got := w.Header().Get("WWW-Authenticate"); got != "ApiKey" {
					t.Errorf("WWW-Authenticate is %q", got)
				}
			}
		})
	}
}

func TestAuthPanics(t *testing.T) {
	for _, test := range []struct {
		make func()
		want string
	}{
		{func() { middleware.BearerAuth(nil) }, "middleware.BearerAuth: a nil validator"},
		{func() { middleware.BearerAuthFunc(nil) }, "middleware.BearerAuthFunc: a nil validator"},
		{func() { middleware.QueryAuth("", validate) }, "middleware.QueryAuth: an empty parameter"},
		{func() { middleware.QueryAuth("token", nil) }, "middleware.QueryAuth: a nil validator"},
		{func() { middleware.RequireKey("X-Key") }, "middleware.RequireKey: no keys"},
		{func() { middleware.RequireKey("X-Key", "a", "") }, "middleware.RequireKey: an empty key"},
		{func() { middleware.RequireKey("", "a") }, "middleware.RequireKey: an empty name of a header field"},
		{func() { middleware.RequireKey("X Key", "a") }, `middleware.RequireKey: "X Key" is no name of a header field`},
	} {
		if got := mustPanic(t, test.make); got != test.want {
			t.Errorf("the panic is %q, want %q", got, test.want)
		}
	}
}

// A session is let in or refused before the upgrade, and then works.
func TestAuthEverywhere(t *testing.T) {
	trial{query: "token=x", fields: []string{"Authorization: Bearer x", "X-API-Key: k"}}.run(t, middleware.Chain(
		middleware.BearerAuth(validate),
		middleware.QueryAuth("token", validate),
		middleware.RequireKey("X-API-Key", "k"),
	))
}
