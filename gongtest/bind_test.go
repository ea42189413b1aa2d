package gongtest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/gongtest"
)

type paging struct {
	Query struct {
		Page int `q:"page" default:"1" valid:"range(1|99)"`
	}
}

// everything has all sections but Form, one of them promoted.
type everything struct {
	paging
	Param  struct{ ID int }
	Header struct {
		Lang string `header:"Accept-Language"`
	}
	Cookie struct {
		Theme string `cookie:"theme"`
	}
	Body struct {
		Name string `json:"name" valid:"required,alpha"`
	}
	Store fmt.Stringer // is not injected

	seen *everything // by Handle; not filled
}

func (h *everything) Handle(c *gongular.Context) error {
	copied := *h
	copied.Store, copied.seen = nil, nil
	*h.seen = copied
	return nil
}

func everythingRequest(id, page, name string) *http.Request {
	r := httptest.NewRequest("POST", "/x/"+id+"?page="+page, strings.NewReader(`{"name":"`+name+`"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept-Language", "tr")
	r.AddCookie(&http.Cookie{Name: "theme", Value: "dark"})
	r.SetPathValue("ID", id)
	return r
}

// Bind does as an engine does, which is asked beside it.
func TestBindAsAnEngine(t *testing.T) {
	for _, test := range []struct{ id, page, name, wantErr string }{
		{"7", "2", "ada", ""},
		{"7", "", "ada", ""},
		{"x", "2", "ada", "URL Path Parameter ID: "},
		{"7", "two", "ada", "Query Parameter Page: "},
		{"7", "100", "ada", "Query Parameter: validation failed: Page: "},
		{"7", "2", "", "Body: validation failed: name: "},
		{"7", "2", "a1", "Body: validation failed: name: "},
		{"7", "2", `"`, "Body: "},
	} {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			got, err := gongtest.Bind[everything](everythingRequest(test.id, test.page, test.name))
			switch {
			case test.wantErr == "" && err != nil, test.wantErr != "" && (err == nil || !strings.HasPrefix(err.Error(), test.wantErr)):
				t.Errorf("got the error %v, want %q", err, test.wantErr)
			}
			_, isParse := errors.AsType[gongular.ParseError](err)
			_, isValidation := errors.AsType[gongular.ValidationError](err)
			if err != nil && isParse == isValidation {
				t.Errorf("the error is a %T", err)
			}

			var want everything
			var wantErr error
			e := gongular.NewEngine()
			e.Provide(&want)
			gongular.ProvideAs[fmt.Stringer](e, &bytes.Buffer{})
			e.SetErrorHandler(func(err error, c *gongular.Context) { wantErr = err })
			e.POST("/x/{ID}", &everything{seen: &want})
			e.ServeHTTP(httptest.NewRecorder(), everythingRequest(test.id, test.page, test.name))
			if fmt.Sprint(err) != fmt.Sprint(wantErr) || reflect.TypeOf(err) != reflect.TypeOf(wantErr) {
				t.Errorf("got the error\n%T %v, an engine has\n%T %v", err, err, wantErr, wantErr)
			}
			if err == nil && !reflect.DeepEqual(got, want) {
				t.Errorf("got\n%+v, an engine has\n%+v", got, want)
			}
		})
	}
}

// A T needs no Handle; options limit as they do in an engine.
func TestBindOptions(t *testing.T) {
	type plain struct{ Query struct{ A []int } }
	long := "/?" + strings.Repeat("A=1&", 1500)
	if v, err := gongtest.Bind[plain](httptest.NewRequest("GET", "/?A=1&A=2", nil)); err != nil || len(v.Query.A) != 2 {
		t.Errorf("got %v, %v", v, err)
	}
	if _, err := gongtest.Bind[plain](httptest.NewRequest("GET", long, nil)); err == nil {
		t.Error("1500 keys are within the limit")
	}
	if v, err := gongtest.Bind[plain](httptest.NewRequest("GET", long, nil), gongular.Options{MaxKeys: -1}); err != nil || len(v.Query.A) != 1500 {
		t.Errorf("without a limit: %d, %v", len(v.Query.A), err)
	}
	if _, err := gongtest.Bind[plain](httptest.NewRequest("GET", "/?B=1", nil), gongular.Options{Strict: true}); err == nil {
		t.Error("strict took an unknown key")
	}
	type sized struct{ Body []int }
	_, err := gongtest.Bind[sized](httptest.NewRequest("POST", "/", strings.NewReader("[1,2,3]")), gongular.Options{MaxBody: 3})
	if gongular.StatusCode(err) != 413 {
		t.Errorf("a body over the limit: %v", err)
	}
}

func TestBindFiles(t *testing.T) {
	type form struct {
		Form struct {
			Name string
			File *gongular.UploadedFile
		}
	}
	content := strings.Repeat("0123456789", 1<<18) // more than an engine holds in memory
	var buf bytes.Buffer
	mw := multipart.NewWriter(&buf)
	mw.WriteField("Name", "ada")
	part, err := mw.CreateFormFile("File", "x.txt")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(part, content)
	mw.Close()
	r := httptest.NewRequest("POST", "/", &buf)
	r.Header.Set("Content-Type", mw.FormDataContentType())
	v, err := gongtest.Bind[form](r, gongular.Options{MaxFormMemory: 1})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(v.Form.File.File)
	if err != nil || string(got) != content || v.Form.Name != "ada" {
		t.Errorf("%q: %d bytes, %v", v.Form.Name, len(got), err)
	}
}

func TestBindMistakes(t *testing.T) {
	type bad struct {
		Query struct{ C chan int }
		Param struct {
			A string `valid:"alhpa"`
		}
	}
	type both struct {
		Body struct{ A int }
		Form struct{ A int }
	}
	r := httptest.NewRequest("GET", "/", nil)
	for want, f := range map[string]func(){
		"Query: ":                func() { gongtest.Bind[bad](r) },
		`"alpha"`:                func() { gongtest.Bind[bad](r) },
		"has both Body and Form": func() { gongtest.Bind[both](r) },
		"Bind[*gongtest_test.bad]: not a struct; leave the pointer away": func() { gongtest.Bind[*bad](r) },
		"more than one Options": func() { gongtest.Bind[paging](r, gongular.Options{}, gongular.Options{}) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.HasPrefix(got, "gongtest: Bind[") || !strings.Contains(got, want) {
					t.Errorf("panicked with %q, want %q", got, want)
				}
			}()
			f()
		}()
	}
}
