package gongular_test

import (
	"bytes"
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular"
)

// What the original exports, with the types it has there, as far as a compiler
// can say it. (http.Handler for the websocket package's types: see websocket_test.)
var (
	_ string = gongular.PlaceParameter
	_ string = gongular.PlaceQuery
	_ string = gongular.PlaceBody
	_ string = gongular.PlaceForm
	_ string = gongular.FieldParameter
	_ string = gongular.FieldBody
	_ string = gongular.FieldForm
	_ string = gongular.FieldQuery
	_ string = gongular.TagInject
	_ string = gongular.TagQuery

	_ error                    = gongular.ErrNoSuchDependency
	_ func(gongular.RouteStat) = gongular.NoOpRouteCallback
	_ gongular.RouteCallback   = gongular.DefaultRouteCallback

	_ interface {
		Fail(status int, msg any)
		Finalize() int
		Header(key, value string)
		Logger() *log.Logger
		MustStatus(status int)
		Params() gongular.Params
		Request() *http.Request
		SetBody(v any)
		Status(status int)
		StopChain()
	} = (*gongular.Context)(nil)

	_ interface {
		CustomProvide(value any, fn gongular.CustomProvideFunction)
		CustomProvideWithKey(key string, value any, fn gongular.CustomProvideFunction)
		GetHandler() http.Handler
		GetRouter() *gongular.Router
		GetWSRouter() *gongular.WSRouter
		ListenAndServe(addr string) error
		ListenAndServeTLS(addr, certFile, keyFile string) error
		Provide(value any)
		ProvideUnsafe(key string, value any)
		ProvideWithKey(key string, value any)
		ServeHTTP(w http.ResponseWriter, req *http.Request)
		SetErrorHandler(fn gongular.ErrorHandler)
		SetRouteCallback(fn gongular.RouteCallback)
	} = (*gongular.Engine)(nil)

	_ gongular.CustomProvideFunction = func(c *gongular.Context) (any, error) { return nil, nil }
	_ gongular.ErrorHandler          = func(err error, c *gongular.Context) {}
	_ gongular.RouteCallback         = func(stat gongular.RouteStat) {}

	_ = gongular.HandlerStat{FuncName: "", Duration: time.Second, Error: error(nil), StopChain: true}
	_ = gongular.RouteStat{Request: (*http.Request)(nil), Handlers: []gongular.HandlerStat(nil), MatchedPath: "",
		TotalDuration: time.Second, ResponseSize: 0, ResponseCode: 0, Logs: (*bytes.Buffer)(nil)}
	_ error = gongular.InjectionError{Tip: reflect.Type(nil), Key: "", UnderlyingError: error(nil)}
	_ error = gongular.ParseError{Place: "", FieldName: "", Reason: ""}
	_ error = gongular.ValidationError{Fields: map[string]string(nil), Place: ""}
)

// Each method for registering can be used as a statement, as the original's.
func TestRegisteringMethods(t *testing.T) {
	e := gongular.NewEngine()
	h := &helloHandler{}
	r := e.GetRouter().Group("/group")
	r.CONNECT("/x", h)
	r.DELETE("/x", h)
	r.GET("/x", h)
	r.HEAD("/x", h)
	r.Method("PROPFIND", "/x", h)
	r.OPTIONS("/x", h)
	r.PATCH("/x", h)
	r.POST("/x", h)
	r.PUT("/x", h)
	r.TRACE("/x", h)
	e.ServeFile("/file", "main_test.go")
	e.ServeFiles("/files", http.Dir("."))
	for _, method := range []string{"CONNECT", "DELETE", "GET", "HEAD", "PROPFIND", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"} {
		want := `"hello"`
		if method == "HEAD" {
			want = ""
		}
		if w := do(e, method, "/group/x", "", ""); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %q", method, w.Code, w.Body)
		}
	}
}

type helloHandler struct{}

func (h *helloHandler) Handle(c *gongular.Context) error {
	c.SetBody("hello")
	return nil
}

// originalAPI is every exported identifier of the original, methods by their type.
const originalAPI = `
PlaceParameter PlaceQuery PlaceBody PlaceForm
FieldParameter FieldBody FieldForm FieldQuery
TagInject TagQuery
ErrNoSuchDependency NoOpRouteCallback DefaultRouteCallback
Context Context.Fail Context.Finalize Context.Header Context.Logger Context.MustStatus Context.Params
Context.Request Context.SetBody Context.Status Context.StopChain
CustomProvideFunction
Engine NewEngine Engine.CustomProvide Engine.CustomProvideWithKey Engine.GetHandler Engine.GetRouter Engine.GetWSRouter
Engine.ListenAndServe Engine.ListenAndServeTLS Engine.Provide Engine.ProvideUnsafe Engine.ProvideWithKey
Engine.ServeFile Engine.ServeFiles Engine.ServeHTTP Engine.SetErrorHandler Engine.SetRouteCallback
ErrorHandler HandlerStat InjectionError InjectionError.Error ParseError ParseError.Error RequestHandler
RouteCallback RouteStat
Router Router.CONNECT Router.DELETE Router.GET Router.Group Router.HEAD Router.Method Router.OPTIONS Router.PATCH
Router.POST Router.PUT Router.TRACE
UploadedFile ValidationError ValidationError.Error WSRouter WSRouter.Handle WebsocketHandler`

func TestOriginalAPI(t *testing.T) {
	have := exported(t)
	for _, name := range strings.Fields(originalAPI) {
		owner, method, isMethod := strings.Cut(name, ".")
		switch {
		case isMethod && owner == "Engine":
			// Those of the embedded Router are the engine's too.
			if _, ok := reflect.TypeFor[*gongular.Engine]().MethodByName(method); !ok {
				t.Errorf("%s is missing", name)
			}
		case isMethod && (owner == "InjectionError" || owner == "ParseError"):
			if method != "Error" { // aliases; that they are errors is checked above
				t.Errorf("%s is missing", name)
			}
		default:
			if !slices.Contains(have, name) {
				t.Errorf("%s is missing", name)
			}
		}
	}
}

// exported lists the exported identifiers of the package, methods as T.M.
func exported(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, file := range sources(t, ".") {
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				name := d.Name.Name
				if d.Recv != nil {
					recv := d.Recv.List[0].Type
					if star, ok := recv.(*ast.StarExpr); ok {
						recv = star.X
					}
					if id, ok := recv.(*ast.Ident); ok {
						name = id.Name + "." + name
					}
				}
				names = append(names, name)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						names = append(names, s.Name.Name)
					case *ast.ValueSpec:
						for _, id := range s.Names {
							names = append(names, id.Name)
						}
					}
				}
			}
		}
	}
	return names
}

// sources parses the non-test files of a folder.
func sources(t *testing.T, dir string) []*ast.File {
	t.Helper()
	paths := goFiles(t, dir)
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// A ported error handler switches on the three types as values.
func TestErrorTypesAreValues(t *testing.T) {
	e := gongular.NewEngine()
	var got []string
	e.SetErrorHandler(func(err error, c *gongular.Context) {
		switch err := err.(type) {
		case gongular.InjectionError:
			got = append(got, "injection "+err.Key)
		case gongular.ValidationError:
			got = append(got, "validation "+err.Place)
		case gongular.ParseError:
			got = append(got, "parse "+err.FieldName)
		default:
			got = append(got, "other "+err.Error())
		}
	})
	e.GET("/a", &errorTypes{})
	e.GET("/b", &missingDependency{})
	e.GET("/c", gongular.HandlerFunc(func(c *gongular.Context) error { return errors.New("x") }))
	get(e, "/a?Age=x")
	get(e, "/a?Name=1")
	get(e, "/b")
	get(e, "/c")
	want := []string{"parse Age", "validation Query Parameter", "injection k", "other x"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

type errorTypes struct {
	Query struct {
		Age  int
		Name string `valid:"alpha"`
	}
}

func (*errorTypes) Handle(*gongular.Context) error { return nil }

type missingDependency struct {
	Needed context.Context `inject:"k"`
}

func (*missingDependency) Handle(*gongular.Context) error { return nil }
