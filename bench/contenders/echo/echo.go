// Package echo does the work with echo v5, bound by its binders and validated by
// validator/v10 as its Validator.
package echo

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/gongular/gongular/bench/contenders/playground"
	"github.com/gongular/gongular/bench/scenarios"
)

// Contender is echo.
type Contender struct{}

// Name is "echo".
func (Contender) Name() string { return "echo" }

// Modules are those of echo and of the validator.
func (Contender) Modules() []string {
	return []string{"github.com/labstack/echo/v5", "github.com/go-playground/validator/v10"}
}

// Handler returns what serves the scenario.
func (Contender) Handler(scenario string) http.Handler {
	e := echo.New()
	e.Logger = slog.New(slog.DiscardHandler)
	e.Validator = structs{playground.New()}
	e.HTTPErrorHandler = answerError
	if scenario == "stats" {
		e.Use(record)
	}
	e.Use(middleware.Recover())
	limit := middleware.BodyLimit(scenarios.MaxBody)
	s := &server{store: scenarios.NewStore()}
	switch scenario {
	case "static":
		e.GET("/books", static)
	case "param":
		e.GET("/books/:ID", param)
	case "query":
		e.GET("/books", query)
	case "body", "errors":
		e.POST("/books", body, limit)
	case "form":
		e.POST("/books", form, limit)
	case "upload":
		e.POST("/files", upload, middleware.BodyLimit(scenarios.MaxUpload))
	case "routes", "wildcards":
		for _, r := range scenarios.Routes() {
			e.Add(r.Method, r.Colon(), static)
		}
	case "middleware":
		e.Use(pass, pass, pass, pass, pass)
		e.GET("/books", static)
	case "full", "stats":
		e.Group("/shops/:Shop", guard).PUT("/books/:ID", s.full, limit)
	case "panic":
		e.GET("/panic", func(*echo.Context) error { panic("at the disco") })
	}
	return e
}

// A server is what the handlers share.
type server struct{ store scenarios.Store }

// structs is validator/v10 as echo asks for it.
type structs struct{ v *validator.Validate }

func (s structs) Validate(v any) error { return s.v.Struct(v) }

func pass(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error { return next(c) }
}

func static(c *echo.Context) error {
	return c.JSON(http.StatusOK, scenarios.Answer{ID: 1, Name: "book"})
}

func param(c *echo.Context) error {
	var p struct {
		ID int `param:"ID"`
	}
	if err := echo.BindPathValues(c, &p); err != nil {
		return malformed{"path", err}
	}
	return c.JSON(http.StatusOK, scenarios.Answer{ID: p.ID, Name: "book"})
}

type search struct {
	Q     string `query:"q" validate:"min=1,max=64"`
	Page  int    `query:"page" validate:"min=1,max=1000"`
	Limit int    `query:"limit" validate:"min=1,max=100"`
	Sort  string `query:"sort" validate:"oneof=title author year"`
}

func query(c *echo.Context) error {
	q := search{Page: 1, Limit: 20, Sort: "title"}
	if err := echo.BindQueryParams(c, &q); err != nil {
		return malformed{"query", err}
	}
	if err := c.Validate(&q); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, scenarios.Answer{ID: q.Page, Name: q.Q})
}

type book struct {
	Title string  `json:"title" form:"title" validate:"min=1,max=100"`
	Pages int     `json:"pages" form:"pages" validate:"min=1,max=10000"`
	Price float64 `json:"price" form:"price" validate:"min=0,max=1000000"`
	Kind  string  `json:"kind" form:"kind" validate:"oneof=novel essay poem"`
}

func body(c *echo.Context) error {
	var b book
	if err := echo.BindBody(c, &b); err != nil {
		return malformed{"body", err}
	}
	if err := c.Validate(&b); err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, scenarios.Answer{ID: b.Pages, Name: b.Title})
}

func guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		shop, err := echo.PathParam[int](c, "Shop")
		if err != nil {
			return malformed{"path", err}
		}
		if shop == scenarios.Closed {
			return c.JSON(http.StatusForbidden, scenarios.Problem{Error: "closed"})
		}
		return next(c)
	}
}

type notice struct {
	Notify bool   `query:"notify"`
	Lang   string `query:"lang" validate:"oneof=en de fr"`
}

func (s *server) full(c *echo.Context) error {
	var p struct {
		Shop int `param:"Shop"`
		ID   int `param:"ID"`
	}
	if err := echo.BindPathValues(c, &p); err != nil {
		return malformed{"path", err}
	}
	q := notice{Lang: "en"}
	if err := echo.BindQueryParams(c, &q); err != nil {
		return malformed{"query", err}
	}
	if err := c.Validate(&q); err != nil {
		return err
	}
	var b book
	if err := echo.BindBody(c, &b); err != nil {
		return malformed{"body", err}
	}
	if err := c.Validate(&b); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.store.Save(p.Shop, p.ID, q.Notify, q.Lang, b.Title))
}

func form(c *echo.Context) error {
	if !strings.HasPrefix(c.Request().Header.Get(echo.HeaderContentType), echo.MIMEApplicationForm) {
		return echo.ErrUnsupportedMediaType
	}
	var b book
	if err := echo.BindBody(c, &b); err != nil {
		return malformed{"form", err}
	}
	if err := c.Validate(&b); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, scenarios.Answer{ID: b.Pages, Name: b.Title})
}

func upload(c *echo.Context) error {
	if !strings.HasPrefix(c.Request().Header.Get(echo.HeaderContentType), echo.MIMEMultipartForm) {
		return echo.ErrUnsupportedMediaType
	}
	if err := c.Request().ParseMultipartForm(scenarios.MaxMemory); err != nil {
		return malformed{"form", err}
	}
	var f struct {
		Title string `form:"title" validate:"min=1,max=100"`
	}
	header, err := c.FormFile("file")
	if err != nil {
		return malformed{"form", err}
	}
	if err := echo.BindBody(c, &f); err != nil {
		return malformed{"form", err}
	}
	if err := c.Validate(&f); err != nil {
		return err
	}
	file, err := header.Open()
	if err != nil {
		return malformed{"form", err}
	}
	defer file.Close()
	size, err := io.Copy(io.Discard, file)
	if err != nil {
		return malformed{"form", err}
	}
	return c.JSON(http.StatusCreated, scenarios.Answer{ID: int(size), Name: f.Title + " " + header.Filename})
}

// malformed is a part of the request that could not be bound.
type malformed struct {
	place string
	err   error
}

func (m malformed) Error() string { return "malformed " + m.place + ": " + m.err.Error() }
func (m malformed) Unwrap() error { return m.err }

// answerError answers as the others do.
func answerError(c *echo.Context, err error) {
	if response, unwrapped := echo.UnwrapResponse(c.Response()); unwrapped == nil && response.Committed {
		return
	}
	var invalid validator.ValidationErrors
	var wrong malformed
	var coder echo.HTTPStatusCoder
	switch {
	case errors.As(err, &invalid):
		c.JSON(http.StatusUnprocessableEntity, playground.Problem(invalid))
	case errors.Is(err, echo.ErrStatusRequestEntityTooLarge):
		c.JSON(http.StatusRequestEntityTooLarge, scenarios.Problem{Error: "too large"})
	case errors.As(err, &coder) && coder.StatusCode() == http.StatusUnsupportedMediaType:
		c.JSON(http.StatusUnsupportedMediaType, scenarios.Problem{Error: "unsupported media type"})
	case errors.As(err, &wrong):
		c.JSON(http.StatusBadRequest, scenarios.Problem{Error: "malformed " + wrong.place})
	case coder != nil:
		c.JSON(coder.StatusCode(), scenarios.Problem{Error: http.StatusText(coder.StatusCode())})
	default:
		c.JSON(http.StatusInternalServerError, scenarios.Unpanicked)
	}
}

func record(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		start := time.Now()
		err := next(c)
		if err != nil {
			answerError(c, err)
		}
		response, status := echo.ResolveResponseStatus(c.Response(), err)
		r := scenarios.Record{Method: c.Request().Method, Pattern: c.Path(), Status: status, Duration: time.Since(start)}
		if response != nil {
			r.Size = int(response.Size)
		}
		scenarios.Stats.Add(r)
		return nil
	}
}
