// Package fiber does the work with fiber v3, which stands on fasthttp and not on
// net/http, and so is in the load test alone.
package fiber

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/gofiber/fiber/v3"
	recoverer "github.com/gofiber/fiber/v3/middleware/recover"

	"github.com/gongular/gongular/bench/contenders/playground"
	"github.com/gongular/gongular/bench/scenarios"
)

// Contender is fiber.
type Contender struct{}

// Name is "fiber".
func (Contender) Name() string { return "fiber" }

// Modules are those of fiber and of what it stands on.
func (Contender) Modules() []string {
	return []string{"github.com/gofiber/fiber/v3", "github.com/valyala/fasthttp", "github.com/go-playground/validator/v10"}
}

// Handler returns nil.
func (Contender) Handler(string) http.Handler { return nil }

// Serve serves the scenario on l until l is closed.
func (Contender) Serve(scenario string, l net.Listener) error {
	return app(scenario).Listener(l, fiber.ListenConfig{DisableStartupMessage: true})
}

// structs is validator/v10 as fiber asks for it.
type structs struct{ v *validator.Validate }

func (s structs) Validate(v any) error { return s.v.Struct(v) }

func app(scenario string) *fiber.App {
	limit := scenarios.MaxBody
	if scenario == "upload" {
		limit = scenarios.MaxUpload
	}
	a := fiber.New(fiber.Config{StructValidator: structs{playground.New()}, ErrorHandler: answerError, BodyLimit: limit})
	if scenario == "stats" {
		a.Use(record)
	}
	a.Use(recoverer.New())
	s := &server{store: scenarios.NewStore()}
	switch scenario {
	case "static":
		a.Get("/books", static)
	case "param":
		a.Get("/books/:ID", param)
	case "query":
		a.Get("/books", query)
	case "body", "errors":
		a.Post("/books", body)
	case "form":
		a.Post("/books", form)
	case "upload":
		a.Post("/files", upload)
	case "routes", "wildcards":
		for _, r := range scenarios.Routes() {
			a.Add([]string{r.Method}, r.Colon(), static)
		}
	case "middleware":
		for range 5 {
			a.Use(func(c fiber.Ctx) error { return c.Next() })
		}
		a.Get("/books", static)
	case "full", "stats":
		a.Group("/shops/:Shop", guard).Put("/books/:ID", s.full)
	case "panic":
		a.Get("/panic", func(fiber.Ctx) error { panic("at the disco") })
	}
	return a
}

// A server is what the handlers share.
type server struct{ store scenarios.Store }

func static(c fiber.Ctx) error {
	return c.JSON(scenarios.Answer{ID: 1, Name: "book"})
}

func param(c fiber.Ctx) error {
	var p struct {
		ID int `uri:"ID"`
	}
	if err := c.Bind().URI(&p); err != nil {
		return refused{"path", err}
	}
	return c.JSON(scenarios.Answer{ID: p.ID, Name: "book"})
}

type search struct {
	Q     string `query:"q" validate:"min=1,max=64"`
	Page  int    `query:"page" validate:"min=1,max=1000"`
	Limit int    `query:"limit" validate:"min=1,max=100"`
	Sort  string `query:"sort" validate:"oneof=title author year"`
}

func query(c fiber.Ctx) error {
	q := search{Page: 1, Limit: 20, Sort: "title"}
	if err := c.Bind().Query(&q); err != nil {
		return refused{"query", err}
	}
	return c.JSON(scenarios.Answer{ID: q.Page, Name: q.Q})
}

type book struct {
	Title string  `json:"title" form:"title" validate:"min=1,max=100"`
	Pages int     `json:"pages" form:"pages" validate:"min=1,max=10000"`
	Price float64 `json:"price" form:"price" validate:"min=0,max=1000000"`
	Kind  string  `json:"kind" form:"kind" validate:"oneof=novel essay poem"`
}

func body(c fiber.Ctx) error {
	var b book
	if !c.Is("json") {
		return fiber.ErrUnsupportedMediaType
	}
	if err := c.Bind().JSON(&b); err != nil {
		return refused{"body", err}
	}
	return c.Status(http.StatusCreated).JSON(scenarios.Answer{ID: b.Pages, Name: b.Title})
}

func guard(c fiber.Ctx) error {
	var p struct {
		Shop int `uri:"Shop"`
	}
	if err := c.Bind().URI(&p); err != nil {
		return refused{"path", err}
	}
	if p.Shop == scenarios.Closed {
		return c.Status(http.StatusForbidden).JSON(scenarios.Problem{Error: "closed"})
	}
	return c.Next()
}

type notice struct {
	Notify bool   `query:"notify"`
	Lang   string `query:"lang" validate:"oneof=en de fr"`
}

func (s *server) full(c fiber.Ctx) error {
	var p struct {
		Shop int `uri:"Shop"`
		ID   int `uri:"ID"`
	}
	if err := c.Bind().URI(&p); err != nil {
		return refused{"path", err}
	}
	q := notice{Lang: "en"}
	if err := c.Bind().Query(&q); err != nil {
		return refused{"query", err}
	}
	var b book
	if !c.Is("json") {
		return fiber.ErrUnsupportedMediaType
	}
	if err := c.Bind().JSON(&b); err != nil {
		return refused{"body", err}
	}
	return c.JSON(s.store.Save(p.Shop, p.ID, q.Notify, q.Lang, b.Title))
}

func form(c fiber.Ctx) error {
	var b book
	if !strings.HasPrefix(c.Get(fiber.HeaderContentType), fiber.MIMEApplicationForm) {
		return fiber.ErrUnsupportedMediaType
	}
	if err := c.Bind().Form(&b); err != nil {
		return refused{"form", err}
	}
	return c.JSON(scenarios.Answer{ID: b.Pages, Name: b.Title})
}

func upload(c fiber.Ctx) error {
	if !strings.HasPrefix(c.Get(fiber.HeaderContentType), fiber.MIMEMultipartForm) {
		return fiber.ErrUnsupportedMediaType
	}
	header, err := c.FormFile("file")
	if err != nil {
		return refused{"form", err}
	}
	var f struct {
		Title string `form:"title" validate:"min=1,max=100"`
	}
	if err := c.Bind().Form(&f); err != nil {
		return refused{"form", err}
	}
	file, err := header.Open()
	if err != nil {
		return refused{"form", err}
	}
	defer file.Close()
	size, err := io.Copy(io.Discard, file)
	if err != nil {
		return refused{"form", err}
	}
	return c.Status(http.StatusCreated).JSON(scenarios.Answer{ID: int(size), Name: f.Title + " " + header.Filename})
}

// refused is a part of the request that could not be bound, or is not valid.
type refused struct {
	place string
	err   error
}

func (r refused) Error() string { return r.place + ": " + r.err.Error() }
func (r refused) Unwrap() error { return r.err }

// answerError answers as the others do.
func answerError(c fiber.Ctx, err error) error {
	var invalid validator.ValidationErrors
	var wrong refused
	var coder *fiber.Error
	switch {
	case errors.As(err, &invalid):
		return c.Status(http.StatusUnprocessableEntity).JSON(playground.Problem(invalid))
	case errors.Is(err, fiber.ErrRequestEntityTooLarge):
		return c.Status(http.StatusRequestEntityTooLarge).JSON(scenarios.Problem{Error: "too large"})
	case errors.Is(err, fiber.ErrUnsupportedMediaType):
		return c.Status(http.StatusUnsupportedMediaType).JSON(scenarios.Problem{Error: "unsupported media type"})
	case errors.As(err, &wrong):
		return c.Status(http.StatusBadRequest).JSON(scenarios.Problem{Error: "malformed " + wrong.place})
	case errors.As(err, &coder):
		return c.Status(coder.Code).JSON(scenarios.Problem{Error: coder.Message})
	}
	return c.Status(http.StatusInternalServerError).JSON(scenarios.Unpanicked)
}

func record(c fiber.Ctx) error {
	start := time.Now()
	method := c.Method()
	if err := c.Next(); err != nil {
		if err := c.App().ErrorHandler(c, err); err != nil {
			return err
		}
	}
	scenarios.Stats.Add(scenarios.Record{
		Method: method, Pattern: c.Route().Path,
		Status: c.Response().StatusCode(), Size: len(c.Response().Body()), Duration: time.Since(start),
	})
	return nil
}
