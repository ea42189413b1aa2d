// Package chi does the work with chi's router and middleware, encoding/json and
// validator/v10: chi binds nothing by itself.
package chi

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-playground/validator/v10"

	"github.com/gongular/gongular/bench/contenders/handwritten"
	"github.com/gongular/gongular/bench/contenders/playground"
	"github.com/gongular/gongular/bench/scenarios"
)

// Contender is chi.
type Contender struct{}

// Name is "chi".
func (Contender) Name() string { return "chi" }

// Modules are those of chi and of the validator.
func (Contender) Modules() []string {
	return []string{"github.com/go-chi/chi/v5", "github.com/go-playground/validator/v10"}
}

// Handler returns what serves the scenario.
func (Contender) Handler(scenario string) http.Handler {
	r := chi.NewRouter()
	if scenario == "stats" {
		r.Use(record)
	}
	r.Use(middleware.Recoverer)
	s := &server{store: scenarios.NewStore(), validate: playground.New()}
	switch scenario {
	case "static":
		r.Get("/books", static)
	case "param":
		r.Get("/books/{ID}", param)
	case "query":
		r.Get("/books", s.query)
	case "body", "errors":
		r.Post("/books", s.body)
	case "form":
		r.With(middleware.RequestSize(scenarios.MaxBody)).Post("/books", s.form)
	case "upload":
		r.With(middleware.RequestSize(scenarios.MaxUpload)).Post("/files", s.upload)
	case "routes", "wildcards":
		for _, route := range scenarios.Routes() {
			r.MethodFunc(route.Method, route.Path, static)
		}
	case "middleware":
		r.Use(pass, pass, pass, pass, pass)
		r.Get("/books", static)
	case "full", "stats":
		r.Route("/shops/{Shop}", func(r chi.Router) {
			r.Use(guard)
			r.Put("/books/{ID}", s.full)
		})
	case "panic":
		r.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("at the disco") })
	}
	return r
}

// A server is what the handlers share.
type server struct {
	store    scenarios.Store
	validate *validator.Validate
}

func pass(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
}

func static(w http.ResponseWriter, r *http.Request) {
	handwritten.WriteJSON(w, http.StatusOK, scenarios.Answer{ID: 1, Name: "book"})
}

func param(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(chi.URLParam(r, "ID"))
	if err != nil {
		handwritten.Malformed(w, "path")
		return
	}
	handwritten.WriteJSON(w, http.StatusOK, scenarios.Answer{ID: id, Name: "book"})
}

type search struct {
	Q     string `json:"q" validate:"min=1,max=64"`
	Page  int    `json:"page" validate:"min=1,max=1000"`
	Limit int    `json:"limit" validate:"min=1,max=100"`
	Sort  string `json:"sort" validate:"oneof=title author year"`
}

func (s *server) query(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	q := search{Q: values.Get("q"), Page: 1, Limit: 20, Sort: "title"}
	var err error
	if v := values.Get("page"); v != "" {
		if q.Page, err = strconv.Atoi(v); err != nil {
			handwritten.Malformed(w, "query")
			return
		}
	}
	if v := values.Get("limit"); v != "" {
		if q.Limit, err = strconv.Atoi(v); err != nil {
			handwritten.Malformed(w, "query")
			return
		}
	}
	if v := values.Get("sort"); v != "" {
		q.Sort = v
	}
	if !s.valid(w, &q) {
		return
	}
	handwritten.WriteJSON(w, http.StatusOK, scenarios.Answer{ID: q.Page, Name: q.Q})
}

type book struct {
	Title string  `json:"title" validate:"min=1,max=100"`
	Pages int     `json:"pages" validate:"min=1,max=10000"`
	Price float64 `json:"price" validate:"min=0,max=1000000"`
	Kind  string  `json:"kind" validate:"oneof=novel essay poem"`
}

func (s *server) body(w http.ResponseWriter, r *http.Request) {
	var b book
	if !handwritten.ReadJSON(w, r, &b) || !s.valid(w, &b) {
		return
	}
	handwritten.WriteJSON(w, http.StatusCreated, scenarios.Answer{ID: b.Pages, Name: b.Title})
}

func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shop, err := strconv.Atoi(chi.URLParam(r, "Shop"))
		if err != nil {
			handwritten.Malformed(w, "path")
			return
		}
		if shop == scenarios.Closed {
			handwritten.WriteJSON(w, http.StatusForbidden, scenarios.Problem{Error: "closed"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

type notice struct {
	Notify bool   `json:"notify"`
	Lang   string `json:"lang" validate:"oneof=en de fr"`
}

func (s *server) full(w http.ResponseWriter, r *http.Request) {
	shop, err := strconv.Atoi(chi.URLParam(r, "Shop"))
	if err != nil {
		handwritten.Malformed(w, "path")
		return
	}
	id, err := strconv.Atoi(chi.URLParam(r, "ID"))
	if err != nil {
		handwritten.Malformed(w, "path")
		return
	}
	values := r.URL.Query()
	q := notice{Lang: "en"}
	if v := values.Get("notify"); v != "" {
		if q.Notify, err = strconv.ParseBool(v); err != nil {
			handwritten.Malformed(w, "query")
			return
		}
	}
	if v := values.Get("lang"); v != "" {
		q.Lang = v
	}
	var b book
	if !s.valid(w, &q) || !handwritten.ReadJSON(w, r, &b) || !s.valid(w, &b) {
		return
	}
	handwritten.WriteJSON(w, http.StatusOK, s.store.Save(shop, id, q.Notify, q.Lang, b.Title))
}

func (s *server) form(w http.ResponseWriter, r *http.Request) {
	if !handwritten.IsType(w, r, "application/x-www-form-urlencoded") {
		return
	}
	if err := r.ParseForm(); err != nil {
		handwritten.Unread(w, err, "form")
		return
	}
	b := book{Title: r.PostForm.Get("title"), Kind: r.PostForm.Get("kind")}
	var err error
	if b.Pages, err = strconv.Atoi(r.PostForm.Get("pages")); err != nil {
		handwritten.Malformed(w, "form")
		return
	}
	if b.Price, err = strconv.ParseFloat(r.PostForm.Get("price"), 64); err != nil {
		handwritten.Malformed(w, "form")
		return
	}
	if !s.valid(w, &b) {
		return
	}
	handwritten.WriteJSON(w, http.StatusOK, scenarios.Answer{ID: b.Pages, Name: b.Title})
}

func (s *server) upload(w http.ResponseWriter, r *http.Request) {
	if !handwritten.IsType(w, r, "multipart/form-data") {
		return
	}
	if err := r.ParseMultipartForm(scenarios.MaxMemory); err != nil {
		handwritten.Unread(w, err, "form")
		return
	}
	f := struct {
		Title string `json:"title" validate:"min=1,max=100"`
	}{r.PostFormValue("title")}
	file, header, err := r.FormFile("file")
	if err != nil {
		handwritten.Malformed(w, "form")
		return
	}
	defer file.Close()
	if !s.valid(w, &f) {
		return
	}
	size, err := io.Copy(io.Discard, file)
	if err != nil {
		handwritten.Malformed(w, "form")
		return
	}
	handwritten.WriteJSON(w, http.StatusCreated, scenarios.Answer{ID: int(size), Name: f.Title + " " + header.Filename})
}

// valid checks v, or answers what is wrong with it.
func (s *server) valid(w http.ResponseWriter, v any) bool {
	err := s.validate.Struct(v)
	if err == nil {
		return true
	}
	var invalid validator.ValidationErrors
	if !errors.As(err, &invalid) {
		panic(err) // v is no struct
	}
	handwritten.WriteJSON(w, http.StatusUnprocessableEntity, playground.Problem(invalid))
	return false
}

func record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		wrapped := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(wrapped, r)
		scenarios.Stats.Add(scenarios.Record{
			Method: r.Method, Pattern: chi.RouteContext(r.Context()).RoutePattern(),
			Status: wrapped.Status(), Size: wrapped.BytesWritten(), Duration: time.Since(start),
		})
	})
}
