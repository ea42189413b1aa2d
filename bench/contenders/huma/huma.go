// Package huma does the work with huma v2 on ServeMux, bound and validated by
// what it makes of struct tags. Schema links, which would change the answers,
// are off; recovery of panics, which it has not, is that of the hand-written code.
package huma

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/gongular/gongular/bench/contenders/handwritten"
	"github.com/gongular/gongular/bench/scenarios"
)

// Contender is huma.
type Contender struct{}

// Name is "huma".
func (Contender) Name() string { return "huma" }

// Modules is that of huma.
func (Contender) Modules() []string { return []string{"github.com/danielgtaylor/huma/v2"} }

// Its messages become the words of a scenarios.Problem, and its errors those of
// the others. Both are variables of the package.
func init() {
	validation.MsgExpectedMinLength = "length"
	validation.MsgExpectedMaxLength = "length"
	validation.MsgExpectedMinimumNumber = "range"
	validation.MsgExpectedMaximumNumber = "range"
	validation.MsgExpectedOneOf = "oneof"
	// Only texts without a verb are left to say so; the formatter drops what they
	// would have been given.
	huma.ErrorFormatter = func(format string, a ...any) string {
		if !strings.Contains(format, "%") {
			return format
		}
		return fmt.Sprintf(format, a...)
	}
	huma.NewError = newError
	huma.NewErrorWithContext = func(_ huma.Context, status int, message string, errs ...error) huma.StatusError {
		return newError(status, message, errs...)
	}
	humago.MultipartMaxMemory = scenarios.MaxMemory
}

// A problem is a scenarios.Problem as huma asks for it.
type problem struct {
	scenarios.Problem
	status int
}

func (p *problem) Error() string  { return p.Problem.Error }
func (p *problem) GetStatus() int { return p.status }

func newError(status int, message string, errs ...error) huma.StatusError {
	p := &problem{scenarios.Problem{Error: message}, status}
	switch status {
	case http.StatusRequestEntityTooLarge:
		p.Problem.Error = "too large"
		return p
	case http.StatusUnsupportedMediaType:
		p.Problem.Error = "unsupported media type"
		return p
	case http.StatusBadRequest:
		p.status, p.Problem.Error = malformed("body")
		return p
	}
	for _, err := range errs {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			p.status, p.Problem.Error = http.StatusRequestEntityTooLarge, "too large"
			return p
		}
		detail, ok := err.(huma.ErrorDetailer)
		if !ok {
			continue
		}
		d := detail.ErrorDetail()
		place, field, _ := strings.Cut(d.Location, ".")
		switch d.Message {
		case "length", "range", "oneof":
			if p.Problem.Fields == nil {
				p.Problem.Fields = map[string]string{}
			}
			p.Problem.Fields[field] = d.Message
		default:
			if strings.HasPrefix(d.Message, "required ") || strings.HasPrefix(d.Message, "expected required ") {
				if p.Problem.Fields == nil {
					p.Problem.Fields = map[string]string{}
				}
				p.Problem.Fields[field] = "required"
				continue
			}
			if strings.Contains(d.Message, "too large") {
				p.status, p.Problem.Error = http.StatusRequestEntityTooLarge, "too large"
				return p
			}
			if place != "path" && place != "query" && place != "body" {
				place = "form" // of whose fields there is the name alone
			}
			p.status, p.Problem.Error = malformed(place)
			p.Problem.Fields = nil
			return p
		}
	}
	return p
}

func malformed(place string) (status int, text string) {
	return http.StatusBadRequest, "malformed " + place
}

// Handler returns what serves the scenario.
func (Contender) Handler(scenario string) http.Handler {
	mux := http.NewServeMux()
	config := huma.DefaultConfig("Books", "1.0.0")
	config.CreateHooks = nil // no $schema in answers
	api := humago.New(mux, config)
	s := &server{store: scenarios.NewStore()}
	switch scenario {
	case "static":
		huma.Get(api, "/books", static)
	case "param":
		huma.Get(api, "/books/{ID}", param)
	case "query":
		huma.Get(api, "/books", query)
	case "body", "errors":
		huma.Register(api, huma.Operation{Method: "POST", Path: "/books", DefaultStatus: http.StatusCreated}, body)
	case "form":
		registry := api.OpenAPI().Components.Schemas
		f := former{registry, registry.Schema(reflect.TypeFor[book](), false, "")}
		huma.Post(api, "/books", f.form)
		return handwritten.Recovered(limited(mux, "application/x-www-form-urlencoded", scenarios.MaxBody))
	case "upload":
		huma.Register(api, huma.Operation{Method: "POST", Path: "/files", DefaultStatus: http.StatusCreated}, upload)
		return handwritten.Recovered(limited(mux, "multipart/form-data", scenarios.MaxUpload))
	case "routes", "wildcards":
		for i, r := range scenarios.Routes() {
			huma.Register(api, huma.Operation{Method: r.Method, Path: r.Path, OperationID: strconv.Itoa(i)}, static)
		}
	case "middleware":
		api.UseMiddleware(pass, pass, pass, pass, pass)
		huma.Get(api, "/books", static)
	case "full", "stats":
		huma.Register(api, huma.Operation{
			Method: "PUT", Path: "/shops/{Shop}/books/{ID}", Middlewares: huma.Middlewares{guard(api)},
		}, s.full)
		if scenario == "stats" {
			return handwritten.Recorded(handwritten.Recovered(mux))
		}
	case "panic":
		huma.Get(api, "/panic", func(context.Context, *struct{}) (*struct{}, error) { panic("at the disco") })
	}
	return handwritten.Recovered(mux)
}

// limited keeps forms from being too large or of another type, which huma does
// not do where it gives the body as it is.
func limited(next http.Handler, mediaType string, limit int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !handwritten.IsType(w, r, mediaType) {
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		next.ServeHTTP(w, r)
	})
}

// A server is what the handlers share.
type server struct{ store scenarios.Store }

type answer struct{ Body scenarios.Answer }

func pass(c huma.Context, next func(huma.Context)) { next(c) }

func static(context.Context, *struct{}) (*answer, error) {
	return &answer{scenarios.Answer{ID: 1, Name: "book"}}, nil
}

func param(_ context.Context, in *struct {
	ID int `path:"ID"`
}) (*answer, error) {
	return &answer{scenarios.Answer{ID: in.ID, Name: "book"}}, nil
}

func query(_ context.Context, in *struct {
	Q     string `query:"q" required:"true" minLength:"1" maxLength:"64"`
	Page  int    `query:"page" default:"1" minimum:"1" maximum:"1000"`
	Limit int    `query:"limit" default:"20" minimum:"1" maximum:"100"`
	Sort  string `query:"sort" default:"title" enum:"title,author,year"`
}) (*answer, error) {
	return &answer{scenarios.Answer{ID: in.Page, Name: in.Q}}, nil
}

type book struct {
	Title string  `json:"title" minLength:"1" maxLength:"100"`
	Pages int     `json:"pages" minimum:"1" maximum:"10000"`
	Price float64 `json:"price" minimum:"0" maximum:"1000000"`
	Kind  string  `json:"kind" enum:"novel,essay,poem"`
}

func body(_ context.Context, in *struct{ Body book }) (*answer, error) {
	return &answer{scenarios.Answer{ID: in.Body.Pages, Name: in.Body.Title}}, nil
}

func guard(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		shop, err := strconv.Atoi(c.Param("Shop"))
		if err != nil {
			huma.WriteErr(api, c, http.StatusUnprocessableEntity, "validation failed", &huma.ErrorDetail{Location: "path.Shop", Message: "invalid integer"})
			return
		}
		if shop == scenarios.Closed {
			huma.WriteErr(api, c, http.StatusForbidden, "closed")
			return
		}
		next(c)
	}
}

func (s *server) full(_ context.Context, in *struct {
	Shop   int    `path:"Shop"`
	ID     int    `path:"ID"`
	Notify bool   `query:"notify"`
	Lang   string `query:"lang" default:"en" enum:"en,de,fr"`
	Body   book
}) (*answer, error) {
	return &answer{s.store.Save(in.Shop, in.ID, in.Notify, in.Lang, in.Body.Title)}, nil
}

// A former reads urlencoded forms, which huma gives as bytes, and has huma
// validate them.
type former struct {
	registry huma.Registry
	schema   *huma.Schema
}

func (f former) form(_ context.Context, in *struct {
	RawBody []byte `contentType:"application/x-www-form-urlencoded"`
}) (*answer, error) {
	values, err := url.ParseQuery(string(in.RawBody))
	if err != nil {
		return nil, wrongForm("")
	}
	pages, err := strconv.Atoi(values.Get("pages"))
	if err != nil {
		return nil, wrongForm("pages")
	}
	price, err := strconv.ParseFloat(values.Get("price"), 64)
	if err != nil {
		return nil, wrongForm("price")
	}
	var result huma.ValidateResult
	huma.Validate(f.registry, f.schema, huma.NewPathBuffer([]byte("form"), 0), huma.ModeWriteToServer, map[string]any{
		"title": values.Get("title"), "pages": pages, "price": price, "kind": values.Get("kind"),
	}, &result)
	if len(result.Errors) > 0 {
		return nil, newError(http.StatusUnprocessableEntity, "validation failed", result.Errors...)
	}
	return &answer{scenarios.Answer{ID: pages, Name: values.Get("title")}}, nil
}

func wrongForm(field string) error {
	return newError(http.StatusUnprocessableEntity, "validation failed", &huma.ErrorDetail{Location: "form." + field, Message: "malformed"})
}

func upload(_ context.Context, in *struct {
	RawBody huma.MultipartFormFiles[struct {
		Title string        `form:"title" minLength:"1" maxLength:"100"`
		File  huma.FormFile `form:"file" contentType:"application/octet-stream" required:"true"`
	}]
}) (*answer, error) {
	data := in.RawBody.Data()
	size, err := io.Copy(io.Discard, data.File)
	if err != nil {
		return nil, err
	}
	return &answer{scenarios.Answer{ID: int(size), Name: data.Title + " " + data.File.Filename}}, nil
}
