// Package gongular does the work with gongular: struct handlers, with recovery
// of panics, limits and whole errors as they are by default, and without a
// route callback but in "stats".
package gongular

import (
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/gongular/gongular"

	"github.com/gongular/gongular/bench/scenarios"
)

// Contender is ours.
type Contender struct{}

// Name is "gongular".
func (Contender) Name() string { return "gongular" }

// Modules is that of gongular.
func (Contender) Modules() []string { return []string{"github.com/gongular/gongular"} }

// Handler returns what serves the scenario.
func (Contender) Handler(scenario string) http.Handler {
	e := gongular.NewEngine(gongular.Options{
		MaxBody: scenarios.MaxBody, MaxForm: scenarios.MaxBody, MaxFormMemory: scenarios.MaxMemory,
		Logger: slog.New(slog.DiscardHandler),
	})
	e.SetRouteCallback(gongular.NoOpRouteCallback)
	e.SetErrorHandler(answerError)
	switch scenario {
	case "static":
		e.GET("/books", &static{})
	case "param":
		e.GET("/books/:ID", &param{})
	case "query":
		e.GET("/books", &query{})
	case "body", "errors":
		e.POST("/books", &body{})
	case "form":
		e.POST("/books", &form{})
	case "upload":
		e.POST("/files", &upload{}).With(gongular.Options{MaxForm: scenarios.MaxUpload})
	case "routes", "wildcards":
		for _, r := range scenarios.Routes() {
			e.Method(r.Method, r.Path, &static{})
		}
	case "middleware":
		e.Use(pass, pass, pass, pass, pass)
		e.GET("/books", &static{})
	case "full", "stats":
		e.Provide(&shelf{scenarios.NewStore()})
		e.Group("/shops/:Shop", &guard{}).PUT("/books/:ID", &full{})
		if scenario == "stats" {
			e.SetRouteCallback(record)
		}
	case "panic":
		e.GET("/panic", gongular.HandlerFunc(func(*gongular.Context) error { panic("at the disco") }))
	}
	if err := e.Check(); err != nil {
		panic(err) // the contender itself is wrong
	}
	return e
}

// answerError answers as the others do.
func answerError(err error, c *gongular.Context) {
	if e, ok := errors.AsType[gongular.ValidationError](err); ok {
		c.MustStatus(http.StatusUnprocessableEntity)
		c.SetBody(scenarios.Problem{Error: "validation failed", Fields: e.Fields})
		return
	}
	c.MustStatus(gongular.StatusCode(err))
	e, ok := errors.AsType[gongular.ParseError](err)
	switch {
	case !ok:
		c.SetBody(scenarios.Unpanicked)
	case e.StatusCode() == http.StatusRequestEntityTooLarge:
		c.SetBody(scenarios.Problem{Error: "too large"})
	case e.StatusCode() == http.StatusUnsupportedMediaType:
		c.SetBody(scenarios.Problem{Error: "unsupported media type"})
	default:
		c.SetBody(scenarios.Problem{Error: "malformed " + places[e.Place]})
	}
}

var places = map[string]string{
	gongular.PlaceParameter: "path",
	gongular.PlaceQuery:     "query",
	gongular.PlaceBody:      "body",
	gongular.PlaceForm:      "form",
}

func pass(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
}

type static struct{}

func (*static) Handle(c *gongular.Context) error {
	c.SetBody(scenarios.Answer{ID: 1, Name: "book"})
	return nil
}

type param struct {
	Param struct{ ID int }
}

func (h *param) Handle(c *gongular.Context) error {
	c.SetBody(scenarios.Answer{ID: h.Param.ID, Name: "book"})
	return nil
}

type query struct {
	Query struct {
		Q     string `q:"q" json:"q" valid:"min(1)~length,max(64)~length"`
		Page  int    `q:"page" json:"page" default:"1" valid:"min(1)~range,max(1000)~range"`
		Limit int    `q:"limit" json:"limit" default:"20" valid:"min(1)~range,max(100)~range"`
		Sort  string `q:"sort" json:"sort" default:"title" valid:"in(title|author|year)~oneof"`
	}
}

func (h *query) Handle(c *gongular.Context) error {
	c.SetBody(scenarios.Answer{ID: h.Query.Page, Name: h.Query.Q})
	return nil
}

type book struct {
	Title string  `json:"title" form:"title" valid:"min(1)~length,max(100)~length"`
	Pages int     `json:"pages" form:"pages" valid:"min(1)~range,max(10000)~range"`
	Price float64 `json:"price" form:"price" valid:"min(0)~range,max(1000000)~range"`
	Kind  string  `json:"kind" form:"kind" valid:"required~oneof,in(novel|essay|poem)~oneof"`
}

type body struct {
	Body book
}

func (h *body) Handle(c *gongular.Context) error {
	c.Status(http.StatusCreated)
	c.SetBody(scenarios.Answer{ID: h.Body.Pages, Name: h.Body.Title})
	return nil
}

type form struct {
	Form book
}

func (h *form) Handle(c *gongular.Context) error {
	c.SetBody(scenarios.Answer{ID: h.Form.Pages, Name: h.Form.Title})
	return nil
}

type guard struct {
	Param struct{ Shop int }
}

func (h *guard) Handle(c *gongular.Context) error {
	if h.Param.Shop == scenarios.Closed {
		c.Fail(http.StatusForbidden, scenarios.Problem{Error: "closed"})
	}
	return nil
}

// A shelf is the store as it is provided.
type shelf struct{ scenarios.Store }

type full struct {
	Param struct{ Shop, ID int }
	Query struct {
		Notify bool   `q:"notify" json:"notify"`
		Lang   string `q:"lang" json:"lang" default:"en" valid:"in(en|de|fr)~oneof"`
	}
	Body  book
	Store *shelf
}

func (h *full) Handle(c *gongular.Context) error {
	c.SetBody(h.Store.Save(h.Param.Shop, h.Param.ID, h.Query.Notify, h.Query.Lang, h.Body.Title))
	return nil
}

type upload struct {
	Form struct {
		Title string                 `form:"title" json:"title" valid:"min(1)~length,max(100)~length"`
		File  *gongular.UploadedFile `form:"file"`
	}
}

func (h *upload) Handle(c *gongular.Context) error {
	size, err := io.Copy(io.Discard, h.Form.File.File)
	if err != nil {
		return err
	}
	c.Status(http.StatusCreated)
	c.SetBody(scenarios.Answer{ID: int(size), Name: h.Form.Title + " " + h.Form.File.Header.Filename})
	return nil
}

// record reads all that the callback is told.
func record(stat gongular.RouteStat) {
	r := scenarios.Record{
		Method: stat.Request.Method, Pattern: stat.MatchedPath,
		Status: stat.ResponseCode, Size: stat.ResponseSize, Duration: stat.TotalDuration,
	}
	for _, h := range stat.Handlers {
		if h.Duration < 0 || h.FuncName == "" || h.Error != nil && h.Error.Error() == "" || h.StopChain && stat.ResponseCode == 0 {
			r.Size = 0 // never so; but it has been read
		}
	}
	r.Size += stat.Logs.Len()
	scenarios.Stats.Add(r)
}
