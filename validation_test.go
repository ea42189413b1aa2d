package gongular_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/validate"
)

// What the validator has to know of the request: what was sent, its context, the
// engine's own rules, and what must not be shown.

type patchBody struct {
	Body struct {
		Name  string `json:"name" valid:"present"`
		Stock int    `json:"stock" valid:"present,secret"`
		Home  struct {
			City string `valid:"present"`
		} `json:"home"`
		Items []struct {
			Count int `json:"count" valid:"present"`
		} `json:"items"`
	}
}

func (h *patchBody) Handle(c *gongular.Context) error { return nil }

type patchQuery struct {
	Query struct {
		Page  int               `q:"p" json:"page" valid:"present"`
		Names []string          `q:"n" valid:"present"`
		Tags  map[string]string `q:"t" valid:"present"`
		Pin   int               `q:"pin" valid:"secret"`
	}
}

func (h *patchQuery) Handle(c *gongular.Context) error { return nil }

type patchForm struct {
	Form struct {
		Age  int                    `form:"age" valid:"present"`
		File *gongular.UploadedFile `form:"file" valid:"optional,present"`
	}
}

func (h *patchForm) Handle(c *gongular.Context) error { return nil }

type patchHeader struct {
	Header struct {
		Token string `header:"X-Token" valid:"present"`
	}
	Cookie struct {
		Theme string `cookie:"theme" valid:"present"`
	}
}

func (h *patchHeader) Handle(c *gongular.Context) error { return nil }

func TestPresent(t *testing.T) {
	e := gongular.NewEngine(gongular.Options{ProblemErrors: true})
	e.POST("/body", &patchBody{})
	e.GET("/query", &patchQuery{})
	e.POST("/form", &patchForm{})
	e.GET("/header", &patchHeader{})
	const whole = `{"name":"","stock":0,"home":{"City":""},"items":[]}`
	for _, test := range []struct {
		method, target, contentType, body string
		header                            string // "Name: value"
		refused                           string // the fields that are missing, "" for none
	}{
		{"POST", "/body", "application/json", whole, "", ""},
		{"POST", "/body", "application/json", `{"NAME":null,"stock":0,"home":{"city":""},"x":1e999}`, "", ""},
		{"POST", "/body", "application/json", `{"stock":0,"home":{"City":""},"x":1e999}`, "", "name"},
		{"POST", "/body", "application/json", `{"name":"","home":{"City":""}}`, "", "stock"},
		{"POST", "/body", "application/json", `{"name":"","stock":1,"home":{}}`, "", "City"},
		{"POST", "/body", "application/json", `{"name":"","stock":1}`, "", "City"},
		{"POST", "/body", "application/json", `{"name":"","stock":1,"home":{"City":""},"items":[{"count":0},{}]}`, "", "count"},
		{"GET", "/query?p=&n=&t[a]=&p=1", "", "", "", ""},
		{"GET", "/query?p&n=x&t%5Ba%5D=1", "", "", "", ""},
		{"GET", "/query?page=1&n=&t[a]=", "", "", "", "page"},
		{"GET", "/query?p=0&t[a]=", "", "", "", "\"n\""},
		{"GET", "/query?p=0&n=&tt[a]=", "", "", "", "\"t\""},
		{"POST", "/form", "application/x-www-form-urlencoded", "age=", "", "file"},
		{"POST", "/form", "application/x-www-form-urlencoded", "", "", "age,file"},
		{"GET", "/header", "", "", "X-Token: ", "theme"},
		{"GET", "/header", "", "", "Cookie: theme=", "Token"},
		{"GET", "/header", "", "", "Cookie: a=b", "Token"},
	} {
		r := httptest.NewRequest(test.method, test.target, strings.NewReader(test.body))
		if test.contentType != "" {
			r.Header.Set("Content-Type", test.contentType)
		}
		if name, value, ok := strings.Cut(test.header, ": "); ok {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		want := http.StatusOK
		if test.refused != "" {
			want = http.StatusBadRequest
		}
		if w.Code != want {
			t.Errorf("%s %s %s: %d %s", test.method, test.target, test.body, w.Code, w.Body)
		}
		for name := range strings.SplitSeq(test.refused, ",") {
			if name != "" && (!strings.Contains(w.Body.String(), name) || !strings.Contains(w.Body.String(), "must be sent")) {
				t.Errorf("%s %s %s: the answer does not name %s: %s", test.method, test.target, test.body, name, w.Body)
			}
		}
	}
}

// A file that was chosen counts as sent, and so does one that was not, as
// browsers send it.
func TestPresentMultipart(t *testing.T) {
	e := gongular.NewEngine()
	e.POST("/form", &patchForm{})
	for file, want := range map[string]int{"a.txt": 200, "": 200, "-": 400} {
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		w.WriteField("age", "")
		if file != "-" {
			part, err := w.CreateFormFile("file", file)
			if err != nil {
				t.Fatal(err)
			}
			if file != "" {
				io.WriteString(part, "text")
			}
		}
		w.Close()
		r := httptest.NewRequest("POST", "/form", &body)
		r.Header.Set("Content-Type", w.FormDataContentType())
		rec := httptest.NewRecorder()
		if e.ServeHTTP(rec, r); rec.Code != want {
			t.Errorf("file %q: %d %s", file, rec.Code, rec.Body)
		}
	}
}

// The value of a field that is secret is in no message, whatever is wrong with it.
func TestSecret(t *testing.T) {
	e := gongular.NewEngine(gongular.Options{ProblemErrors: true})
	e.POST("/body", &secretBody{})
	e.GET("/query", &secretQuery{})
	for _, test := range []struct{ target, body, want string }{
		{"/body", `{"pin":99887766554433221100}`, "expected integer"},
		{"/body", `{"pin":"99887766"}`, "expected integer"},
		{"/body", `{"pin":99887766}`, "the value does not validate as range(1|9999)"},
		{"/body", `{"inner":{"code":"99887766"}}`, "expected integer"},
		{"/body", `{"pin":99887766554433221100,"pad":"` + strings.Repeat("x", 70_000) + `"}`, "expected integer"},
		{"/query?pin=99887766x", "", "the value is not an integer"},
		{"/query?pin=99887766554433221100", "", "the value is not in the range"},
		{"/query?pin=99887766", "", "the value does not validate as range(1|9999)"},
		{"/query?day=99887766", "", `"day"`},
		{"/query?pins[a]=99887766x", "", "the value is not an integer"},
	} {
		w := request(e, "GET", test.target)
		if test.body != "" {
			w = request(e, "POST", test.target, test.body)
		}
		if w.Code != http.StatusBadRequest || strings.Contains(w.Body.String(), "99887766") || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%s %.60s: %d %s", test.target, test.body, w.Code, w.Body)
		}
	}
}

type secretBody struct {
	Body struct {
		Pin   int    `json:"pin" valid:"secret,range(1|9999)"`
		Pad   string `json:"pad"`
		Inner struct {
			Code int `json:"code"`
		} `json:"inner" valid:"secret"`
	}
}

func (h *secretBody) Handle(c *gongular.Context) error { return nil }

type secretQuery struct {
	Query struct {
		Pin  int            `q:"pin" valid:"secret,range(1|9999)"`
		Day  netDay         `q:"day" valid:"secret"`
		Pins map[string]int `q:"pins" valid:"secret"`
	}
}

func (h *secretQuery) Handle(c *gongular.Context) error { return nil }

// A netDay quotes what it cannot read in a form of its own.
type netDay struct{}

func (*netDay) UnmarshalText(text []byte) error {
	return errors.New("'" + string(text) + "' is no day")
}

type takenName struct {
	Body struct {
		Name string `json:"name" valid:"required,free"`
	}
}

func (h *takenName) Handle(c *gongular.Context) error { return nil }

type requestKey struct{}

// A rule of the engine's own gets the request's context. That it could not look
// something up is the server's trouble, not the client's.
func TestOwnRule(t *testing.T) {
	logger, log := logged()
	e := gongular.NewEngine(gongular.Options{Logger: logger, ProblemErrors: true})
	down := errors.New("the database is down")
	e.Validator().Register("free", func(ctx context.Context, f validate.Field) (bool, error) {
		if ctx.Value(requestKey{}) != "here" {
			t.Error("the context is not the request's")
		}
		if f.Value() == "x" {
			return false, down
		}
		return f.Value() != "taken", nil
	})
	e.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, "here")))
		})
	})
	e.POST("/users", &takenName{})
	for body, want := range map[string]int{`{"name":"new"}`: 200, `{"name":"taken"}`: 400, `{"name":"x"}`: 500} {
		w := request(e, "POST", "/users", body)
		if w.Code != want {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
		if want == 500 && (strings.Contains(w.Body.String(), "database") || !strings.Contains(log.String(), "database")) {
			t.Errorf("the answer is %s, the log %s", w.Body, log)
		}
	}
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, `rule "late" is registered after`) {
			t.Errorf("panic %q", text)
		}
	}()
	e.Validator().RegisterText("late", func(string) bool { return true })
}
