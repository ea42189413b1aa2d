package gongular_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/ws"
)

// Handlers with one mistake each.
type (
	hParamMisspelt struct {
		Param struct{ UserId int }
	}
	hParamUnknown struct {
		Param struct{ Name string }
	}
	hParamKind struct {
		Param struct{ C chan int }
	}
	hParamSlice struct {
		Param struct{ IDs []int }
	}
	hParamUnexported struct {
		Param struct {
			id int `param:"ID"`
		}
	}
	hParamDefault struct {
		Param struct {
			ID int `default:"5"`
		}
	}
	hParamPointer struct {
		Param *struct{ ID int }
	}
	hQueryKind struct {
		Query struct{ F func() }
	}
	hQueryNested struct {
		Query struct{ Address struct{ City string } }
	}
	hQueryTwice struct {
		Query struct {
			A int `q:"x"`
			B int `q:"x"`
		}
	}
	hQueryOption struct {
		Query struct {
			IDs []int `q:"ids,cvs"`
		}
	}
	hQueryCSV struct {
		Query struct {
			ID int `q:"id,csv"`
		}
	}
	hQueryDefault struct {
		Query struct {
			Page int `default:"one"`
		}
	}
	hQueryLayout struct {
		Query struct {
			Day string `layout:"2006-01-02"`
		}
	}
	hQueryFile struct {
		Query struct{ F *gongular.UploadedFile }
	}
	hBodyAndForm struct {
		Body struct{ A int }
		Form struct{ A int }
	}
	hBody struct {
		Body struct{ A int }
	}
	hForm struct {
		Form struct{ A int }
	}
	hFormMap struct {
		Form map[string]string
	}
	hFormFile struct {
		Form struct{ F gongular.UploadedFile }
	}
	hFormFileTag struct {
		Form struct {
			F *gongular.UploadedFile `file:"max=lots"`
		}
	}
	hFormFileTypes struct {
		Form struct {
			F *gongular.UploadedFile `file:"tpyes=image/png"`
		}
	}
	hBodyKind struct {
		Body struct{ Ch chan int }
	}
	hBodyInterface struct {
		Body struct{ R io.Reader }
	}
	hBodyKey struct {
		Body map[[2]int]string
	}
	hBodyTwice struct {
		Body struct {
			A int
			B int `json:"A"`
		}
	}
	hBodyDefault struct {
		Body struct {
			List []struct {
				N int `default:"1"`
			}
		}
	}
	hBodyPreset struct {
		Body struct{ Tags []string }
	}
	hBodyPointer struct {
		Body *struct{ A int }
	}
	hRule struct {
		Query struct {
			Name string `valid:"alhpa"`
		}
	}
	hRuleParam struct {
		Query struct {
			Name string `valid:"length(5)"`
		}
	}
	hRuleRegexp struct {
		Query struct {
			Name string `valid:"matches([a-z)"`
		}
	}
	hRuleKind struct {
		Query struct {
			OK bool `valid:"alpha"`
		}
	}
	hRuleNested struct {
		Body struct {
			Items []struct {
				Name string `json:"name" valid:"emial"`
			} `json:"items"`
		}
	}
	hLock struct {
		mu sync.Mutex
	}
	hParams struct {
		Params struct{ ID int }
	}
	hInjectUnexported struct {
		db *sql.DB `inject:"db"`
	}
	hInjectOption struct {
		DB *sql.DB `inject:"db,optinal"`
	}
	hInjectSection struct {
		Query struct{ A int } `inject:"q"`
	}
	hNeedsDB struct {
		DB *sql.DB
	}
)

func (*hParamMisspelt) Handle(*gongular.Context) error    { return nil }
func (*hParamUnknown) Handle(*gongular.Context) error     { return nil }
func (*hParamKind) Handle(*gongular.Context) error        { return nil }
func (*hParamSlice) Handle(*gongular.Context) error       { return nil }
func (*hParamUnexported) Handle(*gongular.Context) error  { return nil }
func (*hParamDefault) Handle(*gongular.Context) error     { return nil }
func (*hParamPointer) Handle(*gongular.Context) error     { return nil }
func (*hQueryKind) Handle(*gongular.Context) error        { return nil }
func (*hQueryNested) Handle(*gongular.Context) error      { return nil }
func (*hQueryTwice) Handle(*gongular.Context) error       { return nil }
func (*hQueryOption) Handle(*gongular.Context) error      { return nil }
func (*hQueryCSV) Handle(*gongular.Context) error         { return nil }
func (*hQueryDefault) Handle(*gongular.Context) error     { return nil }
func (*hQueryLayout) Handle(*gongular.Context) error      { return nil }
func (*hQueryFile) Handle(*gongular.Context) error        { return nil }
func (*hBodyAndForm) Handle(*gongular.Context) error      { return nil }
func (*hBody) Handle(*gongular.Context) error             { return nil }
func (*hForm) Handle(*gongular.Context) error             { return nil }
func (*hFormMap) Handle(*gongular.Context) error          { return nil }
func (*hFormFile) Handle(*gongular.Context) error         { return nil }
func (*hFormFileTag) Handle(*gongular.Context) error      { return nil }
func (*hFormFileTypes) Handle(*gongular.Context) error    { return nil }
func (*hBodyKind) Handle(*gongular.Context) error         { return nil }
func (*hBodyInterface) Handle(*gongular.Context) error    { return nil }
func (*hBodyKey) Handle(*gongular.Context) error          { return nil }
func (*hBodyTwice) Handle(*gongular.Context) error        { return nil }
func (*hBodyDefault) Handle(*gongular.Context) error      { return nil }
func (*hBodyPreset) Handle(*gongular.Context) error       { return nil }
func (*hBodyPointer) Handle(*gongular.Context) error      { return nil }
func (*hRule) Handle(*gongular.Context) error             { return nil }
func (*hRuleParam) Handle(*gongular.Context) error        { return nil }
func (*hRuleRegexp) Handle(*gongular.Context) error       { return nil }
func (*hRuleKind) Handle(*gongular.Context) error         { return nil }
func (*hRuleNested) Handle(*gongular.Context) error       { return nil }
func (*hLock) Handle(*gongular.Context) error             { return nil }
func (*hParams) Handle(*gongular.Context) error           { return nil }
func (*hInjectUnexported) Handle(*gongular.Context) error { return nil }
func (*hInjectOption) Handle(*gongular.Context) error     { return nil }
func (*hInjectSection) Handle(*gongular.Context) error    { return nil }
func (*hNeedsDB) Handle(*gongular.Context) error          { return nil }

var lineNumber = regexp.MustCompile(`setup_test\.go:\d+`)

// Each mistake in the program is found when it is made, and told in full.
func TestWrongSetup(t *testing.T) {
	hello := &helloHandler{}
	handle := func(path string, h gongular.RequestHandler) func(*gongular.Engine) {
		return func(e *gongular.Engine) { e.POST(path, h) }
	}
	path := func(path string) func(*gongular.Engine) {
		return func(e *gongular.Engine) { e.GET(path, hello) }
	}
	for _, test := range []struct {
		name string
		do   func(e *gongular.Engine)
		want string // after "gongular: FILE:LINE: "
	}{
		{"param misspelt", handle("/u/:UserID", &hParamMisspelt{}),
			`POST "/u/:UserID": *gongular_test.hParamMisspelt: Param.UserId: the pattern has no wildcard "UserId"; did you mean "UserID"?`},
		{"param without wildcard", handle("/u/:ID", &hParamUnknown{}),
			`POST "/u/:ID": *gongular_test.hParamUnknown: Param.Name: the pattern has no wildcard "Name", only ID`},
		{"param without any wildcard", handle("/u", &hParamUnknown{}),
			`POST "/u": *gongular_test.hParamUnknown: Param.Name: the pattern has no wildcard "Name"`},
		{"param of a bad kind", handle("/u/:C", &hParamKind{}),
			`POST "/u/:C": *gongular_test.hParamKind: Param.C: cannot bind type chan int`},
		{"param of many values", handle("/u/:IDs", &hParamSlice{}),
			`POST "/u/:IDs": *gongular_test.hParamSlice: Param.IDs: cannot bind type []int`},
		{"param unexported", handle("/u/:ID", &hParamUnexported{}),
			`POST "/u/:ID": *gongular_test.hParamUnexported: Param.id: an unexported field cannot be bound`},
		{"param with a default", handle("/u/:ID", &hParamDefault{}),
			`POST "/u/:ID": *gongular_test.hParamDefault: Param.ID: a path parameter is never absent: default "5" has no use`},
		{"param behind a pointer", handle("/u/:ID", &hParamPointer{}),
			`POST "/u/:ID": *gongular_test.hParamPointer: Param: must be a struct, not *struct { ID int }`},
		{"query of a bad kind", handle("/", &hQueryKind{}),
			`POST "/": *gongular_test.hQueryKind: Query.F: cannot bind type func()`},
		{"query nested", handle("/", &hQueryNested{}),
			`POST "/": *gongular_test.hQueryNested: Query.Address: cannot bind type struct { City string }`},
		{"query key twice", handle("/", &hQueryTwice{}),
			`POST "/": *gongular_test.hQueryTwice: Query.B: the key "x" is already that of A`},
		{"query tag option", handle("/", &hQueryOption{}),
			`POST "/": *gongular_test.hQueryOption: Query.IDs: unknown option "cvs" in the tag q:"ids,cvs"; there are csv, optional`},
		{"csv of one value", handle("/", &hQueryCSV{}),
			`POST "/": *gongular_test.hQueryCSV: Query.ID: the option csv is for slices, not for int`},
		{"default that does not parse", handle("/", &hQueryDefault{}),
			`POST "/": *gongular_test.hQueryDefault: Query.Page: default:"one": "one" is not an integer`},
		{"layout of a string", handle("/", &hQueryLayout{}),
			`POST "/": *gongular_test.hQueryLayout: Query.Day: the tag layout is for time.Time, not for string`},
		{"file in a query", handle("/", &hQueryFile{}),
			`POST "/": *gongular_test.hQueryFile: Query.F: a file can be bound in Form only`},
		{"body and form", handle("/", &hBodyAndForm{}),
			`POST "/": *gongular_test.hBodyAndForm: has both Body and Form, but a request has one body`},
		{"body and form in a chain", func(e *gongular.Engine) { e.Group("/g", &hForm{}).POST("/x", &hBody{}) },
			`POST "/g/x": *gongular_test.hBody has a Body and *gongular_test.hForm a Form, but a request has one body`},
		{"body on GET", func(e *gongular.Engine) { e.GET("/", &hBody{}) },
			`GET "/": *gongular_test.hBody: Body: a GET request has no body`},
		{"form on HEAD", func(e *gongular.Engine) { e.HEAD("/", &hForm{}) },
			`HEAD "/": *gongular_test.hForm: Form: a HEAD request has no body`},
		{"body in a guard of GET", func(e *gongular.Engine) { e.Group("/g", &hBody{}).GET("/x", hello) },
			`GET "/g/x": *gongular_test.hBody: Body: a GET request has no body`},
		{"form that is a map", handle("/", &hFormMap{}),
			`POST "/": *gongular_test.hFormMap: Form: must be a struct, not map[string]string`},
		{"file that is no pointer", handle("/", &hFormFile{}),
			`POST "/": *gongular_test.hFormFile: Form.F: an uploaded file is bound as a pointer, *bind.File`},
		{"file size", handle("/", &hFormFileTag{}),
			`POST "/": *gongular_test.hFormFileTag: Form.F: the tag file:"max=lots": "lots" is not a size like 512KB or 5MB`},
		{"file rule", handle("/", &hFormFileTypes{}),
			`POST "/": *gongular_test.hFormFileTypes: Form.F: the tag file:"tpyes=image/png": unknown rule "tpyes"; there are max, types`},
		{"body of a bad kind", handle("/", &hBodyKind{}),
			`POST "/": *gongular_test.hBodyKind: Body.Ch: cannot bind type chan int`},
		{"body of an interface", handle("/", &hBodyInterface{}),
			`POST "/": *gongular_test.hBodyInterface: Body.R: cannot bind type io.Reader: JSON does not say which type implements it`},
		{"body map key", handle("/", &hBodyKey{}),
			`POST "/": *gongular_test.hBodyKey: Body: cannot bind type map[[2]int]string: JSON names are no [2]int`},
		{"body name twice", handle("/", &hBodyTwice{}),
			`POST "/": *gongular_test.hBodyTwice: Body.B: the JSON name "A" is already that of A`},
		{"body default out of reach", handle("/", &hBodyDefault{}),
			`POST "/": *gongular_test.hBodyDefault: Body.List.N: default:"1" has no use here: the value is made by decoding`},
		{"body preset", func(e *gongular.Engine) {
			h := &hBodyPreset{}
			h.Body.Tags = []string{"x"}
			e.POST("/", h)
		},
			`POST "/": *gongular_test.hBodyPreset: Body.Tags: what is set here would be shared by all requests; use a default tag`},
		{"body preset whole", func(e *gongular.Engine) { e.POST("/", &hBodyPointer{Body: &struct{ A int }{}}) },
			`POST "/": *gongular_test.hBodyPointer: Body: what is set here would be shared by all requests; use a default tag`},
		{"rule unknown", handle("/", &hRule{}),
			`POST "/": *gongular_test.hRule: Query.Name: unknown validator "alhpa"; did you mean "alpha"?`},
		{"rule parameter", handle("/", &hRuleParam{}),
			`POST "/": *gongular_test.hRuleParam: Query.Name: length(5): want two whole numbers without signs or spaces: length(min|max)`},
		{"rule regexp", handle("/", &hRuleRegexp{}),
			"POST \"/\": *gongular_test.hRuleRegexp: Query.Name: matches([a-z): error parsing regexp: missing closing ]: `[a-z`: matches(regexp)"},
		{"rule for another kind", handle("/", &hRuleKind{}),
			`POST "/": *gongular_test.hRuleKind: Query.OK: alpha cannot be applied to bool`},
		{"rule in an element", handle("/", &hRuleNested{}),
			`POST "/": *gongular_test.hRuleNested: Body.Items.Name: unknown validator "emial"; did you mean "email"?`},
		{"lock by value", handle("/", &hLock{}),
			`POST "/": *gongular_test.hLock: mu: a sync.Mutex cannot be copied for each request; hold a pointer to it`},
		{"section misspelt", handle("/:ID", &hParams{}),
			`POST "/:ID": *gongular_test.hParams: Params: an unnamed struct is no dependency; did you mean "Param"?`},
		{"inject unexported", handle("/", &hInjectUnexported{}),
			`POST "/": *gongular_test.hInjectUnexported: db: tag inject:"db": an unexported field cannot be set`},
		{"inject option", handle("/", &hInjectOption{}),
			`POST "/": *gongular_test.hInjectOption: DB: tag inject:"db,optinal": unknown option "optinal"; did you mean "optional"?`},
		{"inject of a section", handle("/", &hInjectSection{}),
			`POST "/": *gongular_test.hInjectSection: Query: tag inject:"q": the field is not injected, but filled otherwise`},

		{"no handlers", func(e *gongular.Engine) { e.GET("/") },
			`GET "/": no handlers`},
		{"nil handler", func(e *gongular.Engine) { e.GET("/", hello, nil) },
			`GET "/": handler 2 is nil`},
		{"nil pointer", func(e *gongular.Engine) { e.GET("/", (*hBody)(nil)) },
			`GET "/": *gongular_test.hBody: a nil pointer; register a value, as in &Handler{}`},
		{"nil function", func(e *gongular.Engine) { e.GET("/", gongular.HandlerFunc(nil)) },
			`GET "/": gongular.HandlerFunc: a nil function`},
		{"nil http.Handler", func(e *gongular.Engine) { e.Handle("/", nil) },
			`"/": a nil handler`},
		{"nil HandlerFunc", func(e *gongular.Engine) { e.HandleFunc("/", nil) },
			`"/": a nil handler`},
		{"nil Mount", func(e *gongular.Engine) { e.Mount("/x", nil) },
			`"/x": a nil handler`},
		{"nil middleware", func(e *gongular.Engine) { e.Use(nil) },
			`Use: a nil middleware`},
		{"nil route middleware", func(e *gongular.Engine) { e.GET("/", hello).Use(nil) },
			`GET "/": a nil middleware`},
		{"nil error handler", func(e *gongular.Engine) { e.SetErrorHandler(nil) },
			`SetErrorHandler: a nil handler`},
		{"nil files", func(e *gongular.Engine) { e.ServeFiles("/", nil) },
			`"/{file...}": a nil file system`},
		{"fallback", func(e *gongular.Engine) {
			e.ServeFiles("/", http.Dir("."), gongular.FileOptions{Fallback: "../x"})
		},
			`"/{file...}": FileOptions.Fallback: "../x" is not the path of a file`},
		{"method", func(e *gongular.Engine) { e.Method("G T", "/", hello) },
			`G T "/": "G T" is not a method`},
		{"method empty", func(e *gongular.Engine) { e.Method("", "/", hello) },
			`"/": "" is not a method`},
		{"method in lower case", func(e *gongular.Engine) { e.Method("get", "/", hello) },
			`get "/": methods are case-sensitive: "get" is not "GET"`},
		{"wildcard without a name", path("/a/:"),
			`GET "/a/:": the wildcard in ":" has no name`},
		{"wildcard twice", path("/:A/:A"),
			`GET "/:A/:A": the wildcard "A" stands twice`},
		{"catch-all in the middle", path("/*A/b"),
			`GET "/*A/b": the catch-all "*A" stands at the end only`},
		{"catch-all behind text", path("/a*B"),
			`GET "/a*B": the catch-all in "a*B" does not follow a slash`},
		{"two wildcards in a segment", path("/{A}{B}"),
			`GET "/{A}{B}": "{A}{B}" has more than one wildcard`},
		{"open brace", path("/{A"),
			`GET "/{A": an opening brace without a closing one`},
		{"close brace", path("/A}"),
			`GET "/A}": a closing brace without an opening one`},
		{"end in the middle", path("/{$}/a"),
			`GET "/{$}/a": {$} stands at the end only`},
		{"unknown constraint", path("/{ID:itn}"),
			`GET "/{ID:itn}": {ID:itn}: unknown constraint "itn"; did you mean "int"?`},
		{"bad regexp", path("/{ID:[a}"),
			"GET \"/{ID:[a}\": {ID:[a}: bad regular expression: error parsing regexp: missing closing ]: `[a`"},
		{"constrained catch-all", path("/{A...:int}"),
			`GET "/{A...:int}": the catch-all in "{A...:int}" takes whole segments, without a constraint`},
		{"dot segment", path("/a/../b"),
			`GET "/a/../b": the segment ".." never matches: paths are cleaned`},
		{"bad escape", path("/a%zz"),
			`GET "/a%zz": malformed percent-encoding in "a%zz"`},
		{"query in a pattern", path("/a?b"),
			`GET "/a?b": "a?b" has a '?'; a pattern is a path without query and fragment`},
		{"same route twice", func(e *gongular.Engine) { e.GET("/u/:ID", hello); e.GET("/u/{Name}", hello) },
			`GET "/u/{Name}": conflicts with GET "/u/:ID", registered at FILE:LINE: both take the same paths`},
		{"conflict", func(e *gongular.Engine) { e.GET("/:A/x", hello); e.GET("/y/:B", hello) },
			`GET "/y/:B": conflicts with GET "/:A/x", registered at FILE:LINE: GET /y/{B} and GET /{A}/x both match some paths, like "/y/x". But neither is more specific than the other. GET /y/{B} matches "/y/B", but GET /{A}/x doesn't. GET /{A}/x matches "/A/x", but GET /y/{B} doesn't.`},
		{"name taken", func(e *gongular.Engine) { e.GET("/a", hello).Name("n"); e.GET("/b", hello).Name("n") },
			`GET "/b": the name "n" is already that of GET "/a", registered at FILE:LINE`},
		{"name empty", func(e *gongular.Engine) { e.GET("/a", hello).Name("") },
			`GET "/a": an empty name`},
		{"upgrader of the engine", func(*gongular.Engine) {
			gongular.NewEngine(gongular.Options{Upgrader: &ws.Upgrader{Origins: []string{"example.com/x"}}})
		}, `NewEngine: Options.Upgrader: websocket: Origins: "example.com/x" is not of the form scheme://host:port, host or *.host`},
		{"upgrader of a route", func(e *gongular.Engine) {
			e.WS("/a", &echoSocket{}).With(gongular.Options{Upgrader: &ws.Upgrader{Subprotocols: []string{"a b"}}})
		}, `GET "/a": Options.Upgrader: websocket: Subprotocols: "a b" is no name of a subprotocol`},
		{"engine's option on a route", func(e *gongular.Engine) { e.GET("/a", hello).With(gongular.Options{Indent: " "}) },
			`GET "/a": Options.Indent is the engine's alone; a group or route may have MaxBody, MaxForm, MaxFormMemory, MaxKeys, MaxFiles, MaxDepth, BodyTimeout, FormTimeout, Timeout, Strict, Upgrader`},
		{"engine's option on a group", func(e *gongular.Engine) { e.With(gongular.Options{HostsOnly: true}) },
			`With: Options.HostsOnly is the engine's alone; a group or route may have MaxBody, MaxForm, MaxFormMemory, MaxKeys, MaxFiles, MaxDepth, BodyTimeout, FormTimeout, Timeout, Strict, Upgrader`},
		{"host with a port", func(e *gongular.Engine) { e.Host("example.com:80") },
			`Host "example.com:80": not a host name in lower case without a port`},
		{"bad option", func(*gongular.Engine) { gongular.NewEngine(gongular.Options{ValidationStatus: 404}) },
			`NewEngine: Options.ValidationStatus: 404 is neither 400 nor 422`},
		{"two options", func(*gongular.Engine) { gongular.NewEngine(gongular.Options{}, gongular.Options{}) },
			`NewEngine: more than one Options`},
		{"group", func(e *gongular.Engine) { e.Group("/:", hello) },
			`Group "/:": the wildcard in ":" has no name`},
		{"converter twice", func(e *gongular.Engine) {
			gongular.Convert(e, func(string) (level, error) { return 0, nil })
			gongular.Convert(e, func(string) (level, error) { return 0, nil })
		},
			`Convert of gongular_test.level: has a converter already`},
		{"decoder", func(e *gongular.Engine) { e.Decode("xml", nil) },
			`Decode of "xml": not a media type in lower case, as in application/xml`},

		{"provide nil", func(e *gongular.Engine) { e.Provide(nil) },
			`Provide: cannot provide nil: it has no type`},
		{"unsafe twice", func(e *gongular.Engine) { e.ProvideUnsafe("k", 1); e.ProvideUnsafe("k", 2) },
			`ProvideUnsafe: key "k" already has an unsafe value, of type int`},
		{"unsafe nil", func(e *gongular.Engine) { e.ProvideUnsafe("k", nil) },
			`ProvideUnsafe: cannot provide nil: it has no type`},
		{"custom nil func", func(e *gongular.Engine) { e.CustomProvide(&sql.DB{}, nil) },
			`CustomProvide: cannot provide *sql.DB by a nil function`},
		{"custom nil value", func(e *gongular.Engine) {
			e.CustomProvide(nil, func(*gongular.Context) (any, error) { return 1, nil })
		},
			`CustomProvide: a nil value has no type; give one of the type that is provided`},
		{"provider of another shape", func(e *gongular.Engine) { e.ProvideFunc(func() error { return nil }) },
			`ProvideFunc: cannot provide by func() error: its first result is an error, not a value; want func(needs…) (T [, cleanup] [, error]), where a cleanup is a func(error) error, func(error), func() error or func()`},
		{"singleton of a request", func(e *gongular.Engine) {
			e.ProvideFunc(func(*gongular.Context) *sql.DB { return nil }, gongular.Provider{Scope: gongular.Singleton})
		},
			`ProvideFunc: cannot provide by func(*gongular.Context) *sql.DB: a singleton cannot take a *gongular.Context, which it would outlive`},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := mustPanic(t, func() { test.do(gongular.NewEngine()) })
			got := lineNumber.ReplaceAllString(text, "FILE:LINE")
			if want := "gongular: FILE:LINE: " + test.want; got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		})
	}
}

type level int

// The location is that of the call in the program, also through Engine's own methods.
func TestSetupLocation(t *testing.T) {
	for _, register := range []func(e *gongular.Engine){
		func(e *gongular.Engine) { e.GET("/") },
		func(e *gongular.Engine) { e.GetRouter().Group("/x").Method("POST", "/") },
		func(e *gongular.Engine) { e.HandleFunc("/", nil) },
	} {
		pc := runtime.FuncForPC(reflect.ValueOf(register).Pointer())
		_, line := pc.FileLine(pc.Entry())
		text := mustPanic(t, func() { register(gongular.NewEngine()) })
		if want := fmt.Sprintf("gongular: setup_test.go:%d: ", line); !strings.HasPrefix(text, want) {
			t.Errorf("got %s, want it to begin with %s", text, want)
		}
	}
}

// All mistakes of a handler are told at once.
func TestAllMistakesAtOnce(t *testing.T) {
	text := mustPanic(t, func() { gongular.NewEngine().GET("/:ID", &hManyMistakes{}, &hParamUnknown{}) })
	want := `gongular: FILE:LINE: GET "/:ID": *gongular_test.hManyMistakes: Param.C: cannot bind type chan int
*gongular_test.hManyMistakes: Query.B: cannot bind type func()
*gongular_test.hManyMistakes: Query.A: unknown validator "emial"; did you mean "email"?
*gongular_test.hParamUnknown: Param.Name: the pattern has no wildcard "Name", only ID`
	if got := lineNumber.ReplaceAllString(text, "FILE:LINE"); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// A misspelt key of a tag is found too, wherever it stands; those of others are
// none of our business.
func TestTagKeys(t *testing.T) {
	text := mustPanic(t, func() { gongular.NewEngine().POST("/:Nmae", &hTagKeys{}) })
	want := "gongular: FILE:LINE: POST \"/:Nmae\": *gongular_test.hTagKeys: Query.Page: the tag key \"defualt\" means nothing; did you mean \"default\"?\n" +
		"*gongular_test.hTagKeys: Body.Items.Name: the tag key \"vaild\" means nothing; did you mean \"valid\"?\n" +
		"*gongular_test.hTagKeys: Param.Name: the pattern has no wildcard \"Name\"; did you mean \"Nmae\"?"
	if got := lineNumber.ReplaceAllString(text, "FILE:LINE"); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

type hTagKeys struct {
	Param struct{ Name string }
	Query struct {
		Page int `q:"page" defualt:"1" yaml:"page" format:"int32"`
	}
	Body struct {
		Items []*struct {
			Name string `json:"name" vaild:"alpha"`
		}
	}
}

func (*hTagKeys) Handle(*gongular.Context) error { return nil }

type hManyMistakes struct {
	Param struct{ C chan int }
	Query struct {
		A string `valid:"emial"`
		B func()
	}
}

func (*hManyMistakes) Handle(*gongular.Context) error { return nil }

// What is missing for the routes is listed whole by Check, with the routes.
func TestCheck(t *testing.T) {
	e := quiet()
	e.GET("/a", &hNeedsDB{})
	e.GET("/b", &needsMuch{})
	e.ProvideFunc(func(*sql.DB) *sql.Tx { return nil })
	e.ProvideFunc(func(b circleB) circleA { return circleA{} })
	e.ProvideFunc(func(a circleA) circleB { return circleB{} })
	e.ProvideWithKey("main", 5)
	err := e.Check()
	if err == nil {
		t.Fatal("nothing is missing")
	}
	want := `gongular: FILE:LINE: GET "/a": *gongular_test.hNeedsDB: DB: could not inject *sql.DB with key "default": no such dependency exists
gongular: FILE:LINE: GET "/b": *gongular_test.needsMuch: Ctx: could not inject context.Context with key "default": no such dependency exists
gongular: FILE:LINE: GET "/b": *gongular_test.needsMuch: N: could not inject int with key "mian": no such dependency exists; int is provided with key "main"
gongular: circle of dependencies: gongular_test.circleA -> gongular_test.circleB -> gongular_test.circleA
gongular: provider of *sql.Tx: parameter 1, *sql.DB: no such dependency exists`
	if got := lineNumber.ReplaceAllString(err.Error(), "FILE:LINE"); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if !errors.Is(err, gongular.ErrNoSuchDependency) {
		t.Error("errors.Is does not find ErrNoSuchDependency")
	}
	// The server does not start, and a request is told so.
	if got := e.ListenAndServe("127.0.0.1:0"); got == nil || got.Error() != err.Error() {
		t.Errorf("ListenAndServe: %v", got)
	}
	if got := e.Serve(t.Context(), "127.0.0.1:0"); got == nil || got.Error() != err.Error() {
		t.Errorf("Serve: %v", got)
	}
	var failed error
	e.SetErrorHandler(func(err error, c *gongular.Context) { failed = err; c.MustStatus(500) })
	if w := get(e, "/a"); w.Code != 500 {
		t.Errorf("status %d", w.Code)
	}
	if injection, ok := failed.(gongular.InjectionError); !ok || injection.Key != "default" || injection.UnderlyingError != gongular.ErrNoSuchDependency {
		t.Errorf("the request failed with %#v", failed)
	}
	// Providing afterwards mends it, request and all.
	e.Provide(&sql.DB{})
	if w := get(e, "/a"); w.Code != 200 {
		t.Errorf("status %d after the dependency was provided", w.Code)
	}
}

type (
	circleA struct{ n int }
	circleB struct{ n int }
)

type needsMuch struct {
	Ctx   context.Context
	N     int       `inject:"mian"`
	Maybe *sql.Conn `inject:"c,optional"`
}

func (*needsMuch) Handle(*gongular.Context) error { return nil }
