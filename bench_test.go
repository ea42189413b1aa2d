package gongular_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gongular/gongular"
)

// Each scenario is served by us and by a twin: a handler written by hand for
// net/http that reads, checks and answers the same, as one writes it every day.
// Figures mean something as a ratio within one run:
//
//	go test -run '^$' -bench Ratio .
//
// prints, as the metric "ratio", the CPU time of ours over that of the twin, the
// median of interleaved rounds.

// A scenario is one request and who serves it.
type scenario struct {
	name                              string
	ours, twin                        http.Handler
	method, target, contentType, body string
	want                              int
}

func scenarios() []scenario {
	return []scenario{
		paramScenario(), queryScenario(), bodyScenario(), fullScenario(), formScenario(), middlewareScenario(),
	}
}

// BenchmarkServe measures each side of each scenario by itself.
func BenchmarkServe(b *testing.B) {
	for _, s := range scenarios() {
		b.Run(s.name, func(b *testing.B) {
			for who, h := range map[string]http.Handler{"gongular": s.ours, "twin": s.twin} {
				b.Run(who, func(b *testing.B) {
					serve := s.server(b, h)
					b.ReportAllocs()
					for b.Loop() {
						serve()
					}
				})
			}
		})
	}
}

// BenchmarkRatio measures both sides in turn and reports the median of the
// ratios of their CPU times, that of the garbage collector among it.
func BenchmarkRatio(b *testing.B) {
	const requests = 20_000
	for _, s := range scenarios() {
		b.Run(s.name, func(b *testing.B) {
			ours, twin := s.server(b, s.ours), s.server(b, s.twin)
			spent := func(serve func()) float64 {
				began := cpuTime()
				for range requests {
					serve()
				}
				return float64(cpuTime() - began)
			}
			spent(ours) // warm
			spent(twin)
			var ratios []float64
			for b.Loop() {
				ratios = append(ratios, spent(ours)/spent(twin))
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "ratio")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// A discard is a ResponseWriter that keeps nothing.
type discard struct {
	header http.Header
	code   int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(code int)        { d.code = code }

// server returns a function that has h serve the scenario's request once, after
// seeing that it is served right. The request is a fresh copy each time, as a
// server hands out each request once, with nothing of it parsed.
func (s *scenario) server(b *testing.B, h http.Handler) func() {
	b.Helper()
	reader := strings.NewReader(s.body)
	r := httptest.NewRequest(s.method, s.target, reader)
	if s.contentType != "" {
		r.Header.Set("Content-Type", s.contentType)
	}
	if s.body == "" {
		r.Body = http.NoBody
	} else {
		r.Body = io.NopCloser(reader)
	}
	pristine := *r
	w := &discard{header: http.Header{}}
	serve := func() {
		reader.Reset(s.body)
		req := pristine
		clear(w.header)
		h.ServeHTTP(w, &req)
	}
	if serve(); w.code != s.want {
		b.Fatalf("status %d, want %d", w.code, s.want)
	}
	return serve
}

func quiet(options ...gongular.Options) *gongular.Engine {
	e := gongular.NewEngine(options...)
	e.SetRouteCallback(gongular.NoOpRouteCallback)
	return e
}

// writeJSON encodes before it says a status, so that an answer which cannot be
// encoded is a 500, as it is with us.
func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "internal server error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(b)
}

func badRequest(w http.ResponseWriter, field, reason string) {
	writeJSON(w, http.StatusBadRequest, map[string]string{"field": field, "reason": reason})
}

type answer struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

type benchParam struct {
	Param struct{ ID int }
}

func (h *benchParam) Handle(c *gongular.Context) error {
	c.SetBody(answer{h.Param.ID, "book"})
	return nil
}

func paramScenario() scenario {
	e := quiet()
	e.GET("/books/:ID", &benchParam{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /books/{ID}", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.Atoi(r.PathValue("ID"))
		if err != nil {
			badRequest(w, "ID", "not an integer")
			return
		}
		writeJSON(w, 200, answer{id, "book"})
	})
	return scenario{"param", e, mux, "GET", "/books/42", "", "", 200}
}

type benchQuery struct {
	Query struct {
		Q     string `q:"q" valid:"required,length(1|64)"`
		Page  int    `q:"page" valid:"range(1|1000)"`
		Limit int    `q:"limit" valid:"range(1|100)"`
		Sort  string `q:"sort" valid:"in(title|author|year)"`
	}
}

func (h *benchQuery) Handle(c *gongular.Context) error {
	c.SetBody(answer{h.Query.Page, h.Query.Q})
	return nil
}

func queryScenario() scenario {
	e := quiet()
	e.GET("/books", &benchQuery{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /books", func(w http.ResponseWriter, r *http.Request) {
		values := r.URL.Query()
		q := values.Get("q")
		if len(q) < 1 || len(q) > 64 {
			badRequest(w, "q", "length")
			return
		}
		page, err := strconv.Atoi(values.Get("page"))
		if err != nil || page < 1 || page > 1000 {
			badRequest(w, "page", "not within 1 to 1000")
			return
		}
		limit, err := strconv.Atoi(values.Get("limit"))
		if err != nil || limit < 1 || limit > 100 {
			badRequest(w, "limit", "not within 1 to 100")
			return
		}
		switch values.Get("sort") {
		case "", "title", "author", "year":
		default:
			badRequest(w, "sort", "unknown")
			return
		}
		writeJSON(w, 200, answer{page, q})
	})
	const target = "/books?q=go&page=2&limit=20&sort=title"
	return scenario{"query", e, mux, "GET", target, "", "", 200}
}

type person struct {
	Name  string   `json:"name" valid:"required,length(2|64)"`
	Email string   `json:"email" valid:"required,email"`
	Age   int      `json:"age" valid:"range(0|150)"`
	Tags  []string `json:"tags"`
}

// check is what the tags of person say, by hand.
func (p *person) check() (field, reason string) {
	if len(p.Name) < 2 || len(p.Name) > 64 {
		return "name", "length"
	}
	if _, err := mail.ParseAddress(p.Email); err != nil {
		return "email", "not an email"
	}
	if p.Age < 0 || p.Age > 150 {
		return "age", "not within 0 to 150"
	}
	return "", ""
}

// readPerson reads and checks a body as the twins do.
func readPerson(w http.ResponseWriter, r *http.Request) (p person, ok bool) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<20)
	if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			writeJSON(w, http.StatusRequestEntityTooLarge, map[string]string{"reason": "too large"})
			return p, false
		}
		badRequest(w, "", err.Error())
		return p, false
	}
	if field, reason := p.check(); field != "" {
		badRequest(w, field, reason)
		return p, false
	}
	return p, true
}

const personJSON = `{"name":"Ada Lovelace","email":"ada@example.com","age":36,"tags":["math","engines"]}`

type benchBody struct {
	Body person
}

func (h *benchBody) Handle(c *gongular.Context) error {
	c.Status(http.StatusCreated)
	c.SetBody(answer{h.Body.Age, h.Body.Name})
	return nil
}

func bodyScenario() scenario {
	e := quiet()
	e.POST("/people", &benchBody{})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /people", func(w http.ResponseWriter, r *http.Request) {
		p, ok := readPerson(w, r)
		if !ok {
			return
		}
		writeJSON(w, http.StatusCreated, answer{p.Age, p.Name})
	})
	return scenario{"body", e, mux, "POST", "/people", "application/json", personJSON, 201}
}

// A benchStore is what the full scenario has injected.
type benchStore struct{ n int }

func (s *benchStore) save(shop, id int, p person) answer {
	s.n++
	return answer{shop + id, p.Name}
}

type benchGuard struct {
	Param struct{ Shop int }
}

func (h *benchGuard) Handle(c *gongular.Context) error {
	if h.Param.Shop == 13 {
		c.Fail(http.StatusForbidden, "closed")
	}
	return nil
}

type benchFull struct {
	Param struct{ Shop, ID int }
	Query struct {
		Notify bool   `q:"notify"`
		Lang   string `q:"lang" valid:"alpha,length(2|2)"`
	}
	Body  person
	Store *benchStore
}

func (h *benchFull) Handle(c *gongular.Context) error {
	c.SetBody(h.Store.save(h.Param.Shop, h.Param.ID, h.Body))
	return nil
}

func fullScenario() scenario {
	store := &benchStore{}
	e := quiet()
	e.Provide(store)
	g := e.GetRouter().Group("/shops/:Shop", &benchGuard{})
	g.PUT("/people/:ID", &benchFull{})

	mux := http.NewServeMux()
	guard := func(next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			shop, err := strconv.Atoi(r.PathValue("Shop"))
			if err != nil {
				badRequest(w, "Shop", "not an integer")
				return
			}
			if shop == 13 {
				writeJSON(w, http.StatusForbidden, "closed")
				return
			}
			next(w, r)
		}
	}
	mux.HandleFunc("PUT /shops/{Shop}/people/{ID}", guard(func(w http.ResponseWriter, r *http.Request) {
		shop, err := strconv.Atoi(r.PathValue("Shop"))
		if err != nil {
			badRequest(w, "Shop", "not an integer")
			return
		}
		id, err := strconv.Atoi(r.PathValue("ID"))
		if err != nil {
			badRequest(w, "ID", "not an integer")
			return
		}
		values := r.URL.Query()
		if s := values.Get("notify"); s != "" {
			if _, err := strconv.ParseBool(s); err != nil {
				badRequest(w, "notify", "not a boolean")
				return
			}
		}
		lang := values.Get("lang")
		if lang != "" && (len(lang) != 2 || !isAlpha(lang)) {
			badRequest(w, "lang", "not two letters")
			return
		}
		p, ok := readPerson(w, r)
		if !ok {
			return
		}
		writeJSON(w, 200, store.save(shop, id, p))
	}))
	const target = "/shops/7/people/42?notify=true&lang=en"
	return scenario{"full", e, mux, "PUT", target, "application/json", personJSON, 200}
}

func isAlpha(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

type benchForm struct {
	Form struct {
		Name  string  `form:"name" valid:"required,length(2|64)"`
		Email string  `form:"email" valid:"required,email"`
		Age   int     `form:"age" valid:"range(0|150)"`
		Score float64 `form:"score"`
	}
}

func (h *benchForm) Handle(c *gongular.Context) error {
	c.SetBody(answer{h.Form.Age, h.Form.Name})
	return nil
}

func formScenario() scenario {
	e := quiet()
	e.POST("/people", &benchForm{})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /people", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 32<<20)
		if err := r.ParseForm(); err != nil {
			badRequest(w, "", err.Error())
			return
		}
		p := person{Name: r.PostFormValue("name"), Email: r.PostFormValue("email")}
		var err error
		if p.Age, err = strconv.Atoi(r.PostFormValue("age")); err != nil {
			badRequest(w, "age", "not an integer")
			return
		}
		if _, err = strconv.ParseFloat(r.PostFormValue("score"), 64); err != nil {
			badRequest(w, "score", "not a number")
			return
		}
		if field, reason := p.check(); field != "" {
			badRequest(w, field, reason)
			return
		}
		writeJSON(w, 200, answer{p.Age, p.Name})
	})
	const form = "name=Ada+Lovelace&email=ada%40example.com&age=36&score=9.5"
	const ct = "application/x-www-form-urlencoded"
	return scenario{"form", e, mux, "POST", "/people", ct, form, 200}
}

type benchStatic struct{}

func (benchStatic) Handle(c *gongular.Context) error {
	c.SetBody(answer{1, "book"})
	return nil
}

func middlewareScenario() scenario {
	pass := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
	}
	e := quiet()
	e.Use(pass, pass, pass, pass, pass)
	e.GET("/books", &benchStatic{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /books", func(w http.ResponseWriter, r *http.Request) { writeJSON(w, 200, answer{1, "book"}) })
	var twin http.Handler = mux
	for range 5 {
		twin = pass(twin)
	}
	return scenario{"middleware", e, twin, "GET", "/books", "", "", 200}
}
