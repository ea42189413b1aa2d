// Package handwritten does the work with net/http and encoding/json alone, in
// the straight-line code that one writes every day: what the others are measured
// by.
//
// It leaves nothing out and puts nothing in. Problems are collected in a map
// that is made when the first is found, the first unreadable value ends a
// request, bodies are decoded from the connection, answers encoded onto it.
package handwritten

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gongular/gongular/bench/scenarios"
)

// Contender is the baseline.
type Contender struct{}

// Name is "handwritten".
func (Contender) Name() string { return "handwritten" }

// Modules are none but the standard library.
func (Contender) Modules() []string { return nil }

// Handler returns what serves the scenario.
func (Contender) Handler(scenario string) http.Handler {
	mux := http.NewServeMux()
	s := &server{store: scenarios.NewStore()}
	switch scenario {
	case "static":
		mux.HandleFunc("GET /books", s.static)
	case "param":
		mux.HandleFunc("GET /books/{ID}", s.param)
	case "query":
		mux.HandleFunc("GET /books", s.query)
	case "body", "errors":
		mux.HandleFunc("POST /books", s.body)
	case "full":
		mux.HandleFunc("PUT /shops/{Shop}/books/{ID}", guarded(s.full))
	case "form":
		mux.HandleFunc("POST /books", s.form)
	case "upload":
		mux.HandleFunc("POST /files", s.upload)
	case "routes", "wildcards":
		for _, r := range scenarios.Routes() {
			mux.HandleFunc(r.Method+" "+r.Path, s.static)
		}
	case "middleware":
		mux.HandleFunc("GET /books", s.static)
		var h http.Handler = mux
		for range 5 {
			h = pass(h)
		}
		return Recovered(h)
	case "stats":
		mux.HandleFunc("PUT /shops/{Shop}/books/{ID}", guarded(s.full))
		return Recorded(Recovered(mux))
	case "panic":
		mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("at the disco") })
	}
	return Recovered(mux)
}

// A server is what the handlers share.
type server struct{ store scenarios.Store }

func (s *server) static(w http.ResponseWriter, r *http.Request) {
	WriteJSON(w, http.StatusOK, scenarios.Answer{ID: 1, Name: "book"})
}

func (s *server) param(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.PathValue("ID"))
	if err != nil {
		Malformed(w, "path")
		return
	}
	WriteJSON(w, http.StatusOK, scenarios.Answer{ID: id, Name: "book"})
}

func (s *server) query(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	q := values.Get("q")
	page, err := intOr(values, "page", 1)
	if err != nil {
		Malformed(w, "query")
		return
	}
	limit, err := intOr(values, "limit", 20)
	if err != nil {
		Malformed(w, "query")
		return
	}
	sort := values.Get("sort")
	if sort == "" {
		sort = "title"
	}
	var wrong problems
	if n := utf8.RuneCountInString(q); n < 1 || n > 64 {
		wrong.add("q", "length")
	}
	if page < 1 || page > 1000 {
		wrong.add("page", "range")
	}
	if limit < 1 || limit > 100 {
		wrong.add("limit", "range")
	}
	if sort != "title" && sort != "author" && sort != "year" {
		wrong.add("sort", "oneof")
	}
	if wrong != nil {
		invalid(w, wrong)
		return
	}
	WriteJSON(w, http.StatusOK, scenarios.Answer{ID: page, Name: q})
}

// A book is what bodies and forms hold.
type book struct {
	Title string  `json:"title"`
	Pages int     `json:"pages"`
	Price float64 `json:"price"`
	Kind  string  `json:"kind"`
}

func (b *book) check() problems {
	var wrong problems
	if n := utf8.RuneCountInString(b.Title); n < 1 || n > 100 {
		wrong.add("title", "length")
	}
	if b.Pages < 1 || b.Pages > 10000 {
		wrong.add("pages", "range")
	}
	if b.Price < 0 || b.Price > 1e6 {
		wrong.add("price", "range")
	}
	if b.Kind != "novel" && b.Kind != "essay" && b.Kind != "poem" {
		wrong.add("kind", "oneof")
	}
	return wrong
}

func (s *server) body(w http.ResponseWriter, r *http.Request) {
	var b book
	if !ReadJSON(w, r, &b) {
		return
	}
	if wrong := b.check(); wrong != nil {
		invalid(w, wrong)
		return
	}
	WriteJSON(w, http.StatusCreated, scenarios.Answer{ID: b.Pages, Name: b.Title})
}

// guarded keeps requests out of the shop that is closed.
func guarded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		shop, err := strconv.Atoi(r.PathValue("Shop"))
		if err != nil {
			Malformed(w, "path")
			return
		}
		if shop == scenarios.Closed {
			WriteJSON(w, http.StatusForbidden, scenarios.Problem{Error: "closed"})
			return
		}
		next(w, r)
	}
}

func (s *server) full(w http.ResponseWriter, r *http.Request) {
	shop, err := strconv.Atoi(r.PathValue("Shop"))
	if err != nil {
		Malformed(w, "path")
		return
	}
	id, err := strconv.Atoi(r.PathValue("ID"))
	if err != nil {
		Malformed(w, "path")
		return
	}
	values := r.URL.Query()
	notify := false
	if v := values.Get("notify"); v != "" {
		if notify, err = strconv.ParseBool(v); err != nil {
			Malformed(w, "query")
			return
		}
	}
	lang := values.Get("lang")
	if lang == "" {
		lang = "en"
	}
	if lang != "en" && lang != "de" && lang != "fr" {
		var wrong problems
		wrong.add("lang", "oneof")
		invalid(w, wrong)
		return
	}
	var b book
	if !ReadJSON(w, r, &b) {
		return
	}
	if wrong := b.check(); wrong != nil {
		invalid(w, wrong)
		return
	}
	WriteJSON(w, http.StatusOK, s.store.Save(shop, id, notify, lang, b.Title))
}

func (s *server) form(w http.ResponseWriter, r *http.Request) {
	if !IsType(w, r, "application/x-www-form-urlencoded") {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, scenarios.MaxBody)
	if err := r.ParseForm(); err != nil {
		Unread(w, err, "form")
		return
	}
	b := book{Title: r.PostForm.Get("title"), Kind: r.PostForm.Get("kind")}
	var err error
	if b.Pages, err = strconv.Atoi(r.PostForm.Get("pages")); err != nil {
		Malformed(w, "form")
		return
	}
	if b.Price, err = strconv.ParseFloat(r.PostForm.Get("price"), 64); err != nil {
		Malformed(w, "form")
		return
	}
	if wrong := b.check(); wrong != nil {
		invalid(w, wrong)
		return
	}
	WriteJSON(w, http.StatusOK, scenarios.Answer{ID: b.Pages, Name: b.Title})
}

func (s *server) upload(w http.ResponseWriter, r *http.Request) {
	if !IsType(w, r, "multipart/form-data") {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, scenarios.MaxUpload)
	if err := r.ParseMultipartForm(scenarios.MaxMemory); err != nil {
		Unread(w, err, "form")
		return
	}
	title := r.PostFormValue("title")
	file, header, err := r.FormFile("file")
	if err != nil {
		Malformed(w, "form")
		return
	}
	defer file.Close()
	if n := utf8.RuneCountInString(title); n < 1 || n > 100 {
		var wrong problems
		wrong.add("title", "length")
		invalid(w, wrong)
		return
	}
	size, err := io.Copy(io.Discard, file)
	if err != nil {
		Malformed(w, "form")
		return
	}
	WriteJSON(w, http.StatusCreated, scenarios.Answer{ID: int(size), Name: title + " " + header.Filename})
}

// problems say what is wrong with which field.
type problems map[string]string

func (p *problems) add(field, what string) {
	if *p == nil {
		*p = problems{}
	}
	(*p)[field] = what
}

func intOr(values url.Values, key string, otherwise int) (int, error) {
	s := values.Get(key)
	if s == "" {
		return otherwise, nil
	}
	return strconv.Atoi(s)
}

// IsType reports whether the request's body is of the media type, or answers
// that it is not.
func IsType(w http.ResponseWriter, r *http.Request, want string) bool {
	mediaType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if strings.EqualFold(strings.TrimSpace(mediaType), want) {
		return true
	}
	WriteJSON(w, http.StatusUnsupportedMediaType, scenarios.Problem{Error: "unsupported media type"})
	return false
}

// ReadJSON decodes the request's body, or answers why it cannot.
func ReadJSON(w http.ResponseWriter, r *http.Request, v any) bool {
	if !IsType(w, r, "application/json") {
		return false
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, scenarios.MaxBody))
	if err := dec.Decode(v); err != nil {
		Unread(w, err, "body")
		return false
	}
	if _, err := dec.Token(); err != io.EOF {
		Malformed(w, "body")
		return false
	}
	return true
}

// WriteJSON answers v.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		log.Print(err) // the client has gone away
	}
}

// Malformed answers to what cannot be read.
func Malformed(w http.ResponseWriter, place string) {
	WriteJSON(w, http.StatusBadRequest, scenarios.Problem{Error: "malformed " + place})
}

// Unread answers to a body that could not be read or decoded.
func Unread(w http.ResponseWriter, err error, place string) {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		WriteJSON(w, http.StatusRequestEntityTooLarge, scenarios.Problem{Error: "too large"})
		return
	}
	Malformed(w, place)
}

func invalid(w http.ResponseWriter, wrong problems) {
	WriteJSON(w, http.StatusUnprocessableEntity, scenarios.Problem{Error: "validation failed", Fields: wrong})
}

// Recovered answers 500 where next panics.
func Recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if value := recover(); value != nil {
				if value == http.ErrAbortHandler {
					panic(value)
				}
				log.Printf("%s %s: panic: %v", r.Method, r.URL.Path, value)
				WriteJSON(w, http.StatusInternalServerError, scenarios.Unpanicked)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func pass(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
}

// Recorded keeps a record of each request.
func Recorded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		next.ServeHTTP(rec, r)
		scenarios.Stats.Add(scenarios.Record{Method: r.Method, Pattern: r.Pattern, Status: rec.status, Size: rec.size, Duration: time.Since(start)})
	})
}

// A recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status, size int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.size += n
	return n, err
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
