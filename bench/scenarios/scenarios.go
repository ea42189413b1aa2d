// Package scenarios says what is measured: the requests, what has to be
// answered to them and to bad ones, and what all contenders share: the answers'
// types, the store, and the record of a request.
package scenarios

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Contender does the work of the scenarios in the manner of one framework.
type Contender interface {
	// Name is the contender's, as in reports.
	Name() string
	// Modules are the paths of the modules whose versions a report states.
	Modules() []string
	// Handler returns what serves the routes of a scenario and no others, or nil
	// if the contender does not stand on net/http.
	Handler(scenario string) http.Handler
}

// A Request is one request.
type Request struct {
	Method, Target string
	ContentType    string // "" for none
	Body           string
}

// A Case is a request and its right answer.
type Case struct {
	Name string
	Request
	Status int
	JSON   string // "" where the body is each framework's own
	// Except names contenders that answer otherwise, with how and why. What is
	// checked for these is that it is still so.
	Except map[string]Other
}

// An Other is an answer that differs.
type Other struct {
	Status int // 0: it depends on when the client looks
	Why    string
}

// A Scenario is one kind of work.
type Scenario struct {
	Name     string
	What     string    // in a few words
	Requests []Request // that are measured, in turn
	Cases    []Case    // that have to be answered right, those that are measured among them
	Mean     bool      // it is one of those whose geometric mean is taken
	Heavy    bool      // one request takes about a millisecond

	cases func() []Case // makes Cases, where that takes megabytes
}

// whole is s with its cases and requests.
func (s Scenario) whole() Scenario {
	if s.cases != nil {
		s.Cases = s.cases()
	}
	switch s.Name {
	case "routes", "wildcards":
		for _, c := range s.Cases {
			s.Requests = append(s.Requests, c.Request)
		}
	case "panic": // is checked and not measured
	default:
		s.Requests = []Request{s.Cases[0].Request}
	}
	return s
}

// An Answer is what most scenarios answer.
type Answer struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

// A Problem is what is answered to bad requests. Fields has a word for each
// field that broke a rule: length, range or oneof.
type Problem struct {
	Error  string            `json:"error"`
	Fields map[string]string `json:"fields,omitempty"`
}

// The limits that every contender keeps, in bytes.
const (
	MaxBody   = 1 << 20 // of a JSON body or an urlencoded form
	MaxUpload = 8 << 20 // of a multipart form
	MaxMemory = 2 << 20 // of its files in memory, the rest goes to disk
)

// Closed is the shop that guards refuse.
const Closed = 13

// A Store is what handlers have injected.
type Store interface {
	Save(shop, id int, notify bool, lang, title string) Answer
}

// NewStore returns a store that counts.
func NewStore() Store { return new(store) }

type store struct{ saved atomic.Int64 }

func (s *store) Save(shop, id int, notify bool, lang, title string) Answer {
	s.saved.Add(1)
	id += 1000 * shop
	if notify {
		id += 100_000
	}
	return Answer{id, lang + ":" + title}
}

// A Record is what the scenario "stats" collects of a request.
type Record struct {
	Method, Pattern string
	Status, Size    int
	Duration        time.Duration
}

// A Sink adds up records. Nothing in them can be left out by a compiler.
type Sink struct {
	mu       sync.Mutex
	requests int
	sum      Record
}

// Stats is where the contenders of "stats" leave their records.
var Stats Sink

// Add takes a record.
func (s *Sink) Add(r Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	s.sum.Method, s.sum.Pattern = r.Method, r.Pattern
	s.sum.Status += r.Status
	s.sum.Size += r.Size
	s.sum.Duration += r.Duration
}

// Take returns how many records there were, and their sum, and forgets them.
func (s *Sink) Take() (requests int, sum Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests, sum = s.requests, s.sum
	s.requests, s.sum = 0, Record{}
	return requests, sum
}

// Unpanicked is what a recovered panic is answered.
var Unpanicked = Problem{Error: "internal server error"}

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

func get(target string) Request { return Request{Method: "GET", Target: target} }

const goodBook = `{"title":"Notes on the Analytical Engine","pages":312,"price":24.5,"kind":"essay"}`
const wrongBook = `{"title":"","pages":20000,"price":24.5,"kind":"song"}`
const goodForm = "title=Notes+on+the+Analytical+Engine&pages=312&price=24.5&kind=essay"

const notes = `{"id":312,"name":"Notes on the Analytical Engine"}`

// All returns the scenarios, in the order of reports.
func All() []Scenario {
	all := outlines()
	for i, s := range all {
		all[i] = s.whole()
	}
	return all
}

// outlines are the scenarios before they are whole.
func outlines() []Scenario {
	bodyCases := func(post func(ct, body string) Request, good int, answer string) []Case {
		return []Case{
			{Name: "good", Request: post(jsonType, goodBook), Status: good, JSON: answer},
			{Name: "charset", Request: post("application/json; charset=utf-8", goodBook), Status: good, JSON: answer},
			{Name: "unknown name", Request: post(jsonType, strings.Replace(goodBook, "{", `{"x":1,`, 1)), Status: good, JSON: answer,
				Except: map[string]Other{"huma": {400, "refuses names that no field has, unless told otherwise"}}},
			{Name: "three wrong", Request: post(jsonType, wrongBook), Status: 422,
				JSON: `{"error":"validation failed","fields":{"kind":"oneof","pages":"range","title":"length"}}`},
			{Name: "one wrong", Request: post(jsonType, strings.Replace(goodBook, "24.5", "-1", 1)), Status: 422,
				JSON: `{"error":"validation failed","fields":{"price":"range"}}`},
			{Name: "100 characters of two bytes", Request: post(jsonType, strings.Replace(goodBook, "Notes", strings.Repeat("é", 75), 1)), Status: good},
			{Name: "101 characters", Request: post(jsonType, strings.Replace(goodBook, "Notes", strings.Repeat("é", 76), 1)), Status: 422,
				JSON: `{"error":"validation failed","fields":{"title":"length"}}`},
			{Name: "title absent", Request: post(jsonType, `{"pages":312,"price":24.5,"kind":"essay"}`), Status: 422,
				JSON: `{"error":"validation failed","fields":{"title":"length"}}`, Except: required(422)},
			{Name: "wrong type", Request: post(jsonType, strings.Replace(goodBook, "312", `"x"`, 1)), Status: 400, JSON: `{"error":"malformed body"}`},
			{Name: "malformed", Request: post(jsonType, goodBook[:40]), Status: 400, JSON: `{"error":"malformed body"}`},
			{Name: "empty", Request: post(jsonType, ""), Status: 400, JSON: `{"error":"malformed body"}`,
				Except: map[string]Other{"echo": {422, "takes no body for an empty object, and then validates it"}}},
			{Name: "data after the value", Request: post(jsonType, goodBook+"{}"), Status: 400, JSON: `{"error":"malformed body"}`,
				Except: map[string]Other{"gin": {good, "decodes the first value and leaves the rest"}}},
			{Name: "too large", Request: post(jsonType, `{"title":"`+strings.Repeat("x", MaxBody)+`"}`), Status: 413, JSON: `{"error":"too large"}`, Except: closes},
			{Name: "another type", Request: post("text/plain", goodBook), Status: 415, JSON: `{"error":"unsupported media type"}`},
		}
	}
	postBook := func(ct, body string) Request { return Request{"POST", "/books", ct, body} }
	const fullTarget = "/shops/7/books/42?notify=true&lang=en"
	putBook := func(ct, body string) Request { return Request{"PUT", fullTarget, ct, body} }
	putTo := func(target string) Request { return Request{"PUT", target, jsonType, goodBook} }
	postForm := func(body string) Request { return Request{"POST", "/books", formType, body} }
	const saved = `{"id":107042,"name":"en:Notes on the Analytical Engine"}`
	fullCases := func() []Case {
		return append(bodyCases(putBook, 200, saved),
			Case{Name: "defaults", Request: putTo("/shops/7/books/42"), Status: 200, JSON: strings.Replace(saved, "107042", "7042", 1)},
			Case{Name: "German", Request: putTo("/shops/7/books/42?lang=de&notify=false"), Status: 200, JSON: `{"id":7042,"name":"de:Notes on the Analytical Engine"}`},
			Case{Name: "closed", Request: putTo("/shops/13/books/42"), Status: 403, JSON: `{"error":"closed"}`},
			Case{Name: "no shop", Request: putTo("/shops/x/books/42"), Status: 400, JSON: `{"error":"malformed path"}`},
			Case{Name: "no id", Request: putTo("/shops/7/books/x"), Status: 400, JSON: `{"error":"malformed path"}`},
			Case{Name: "notify", Request: putTo("/shops/7/books/42?notify=perhaps"), Status: 400, JSON: `{"error":"malformed query"}`},
			Case{Name: "lang", Request: putTo("/shops/7/books/42?lang=english"), Status: 422, JSON: `{"error":"validation failed","fields":{"lang":"oneof"}}`},
		)
	}
	const static = `{"id":1,"name":"book"}`
	staticCases := []Case{{Name: "good", Request: get("/books"), Status: 200, JSON: static}, missing("/book"), notAllowed("/books")}
	return []Scenario{
		{Name: "static", What: "GET, constant JSON", Mean: true, Cases: staticCases},
		{Name: "param", What: "one int of the path", Mean: true, Cases: []Case{
			{Name: "good", Request: get("/books/42"), Status: 200, JSON: `{"id":42,"name":"book"}`},
			{Name: "negative", Request: get("/books/-7"), Status: 200, JSON: `{"id":-7,"name":"book"}`},
			{Name: "no number", Request: get("/books/x"), Status: 400, JSON: `{"error":"malformed path"}`},
			{Name: "too large", Request: get("/books/99999999999999999999"), Status: 400, JSON: `{"error":"malformed path"}`},
			{Name: "longer path", Request: get("/books/42/x"), Status: 404,
				Except: map[string]Other{"echo": {400, "gives the rest of the path to a wildcard at its end"}}},
			notAllowed("/books/42"),
		}},
		{Name: "query", What: "four typed, validated", Mean: true, Cases: []Case{
			{Name: "good", Request: get("/books?q=analytical+engine&page=2&limit=50&sort=year"), Status: 200, JSON: `{"id":2,"name":"analytical engine"}`},
			{Name: "defaults", Request: get("/books?q=go"), Status: 200, JSON: `{"id":1,"name":"go"}`},
			{Name: "three wrong", Request: get("/books?q=" + strings.Repeat("x", 65) + "&page=2000&limit=50&sort=size"), Status: 422,
				JSON: `{"error":"validation failed","fields":{"page":"range","q":"length","sort":"oneof"}}`},
			{Name: "q absent", Request: get("/books?page=2"), Status: 422, JSON: `{"error":"validation failed","fields":{"q":"length"}}`, Except: required(422)},
			{Name: "limit", Request: get("/books?q=x&limit=101"), Status: 422, JSON: `{"error":"validation failed","fields":{"limit":"range"}}`},
			{Name: "zero", Request: get("/books?q=x&page=0"), Status: 422, JSON: `{"error":"validation failed","fields":{"page":"range"}}`},
			{Name: "too long", Request: get("/books?q=" + strings.Repeat("x", 65)), Status: 422, JSON: `{"error":"validation failed","fields":{"q":"length"}}`},
			{Name: "no number", Request: get("/books?q=x&page=two"), Status: 400, JSON: `{"error":"malformed query"}`},
		}},
		{Name: "body", What: "JSON of four fields, validated, 201", Mean: true, cases: func() []Case { return bodyCases(postBook, 201, notes) }},
		{Name: "full", What: "guard, 2 path, 2 query, JSON body, store", Mean: true, cases: fullCases},
		{Name: "form", What: "urlencoded, four fields, validated", Mean: true, Cases: []Case{
			{Name: "good", Request: postForm(goodForm), Status: 200, JSON: notes},
			{Name: "three wrong", Request: postForm("title=&pages=20000&price=24.5&kind=song"), Status: 422,
				JSON: `{"error":"validation failed","fields":{"kind":"oneof","pages":"range","title":"length"}}`},
			{Name: "title absent", Request: postForm("pages=312&price=24.5&kind=essay"), Status: 422,
				JSON: `{"error":"validation failed","fields":{"title":"length"}}`},
			{Name: "no number", Request: postForm("title=x&pages=x&price=24.5&kind=essay"), Status: 400, JSON: `{"error":"malformed form"}`},
			{Name: "too large", Request: postForm("title=" + strings.Repeat("x", MaxBody)), Status: 413, JSON: `{"error":"too large"}`, Except: closes},
			{Name: "another type", Request: Request{"POST", "/books", "text/plain", goodForm}, Status: 415, JSON: `{"error":"unsupported media type"}`},
		}},
		{Name: "upload", What: "multipart, a file of 1 MiB", Heavy: true, cases: uploadCases},
		{Name: "routes", What: "200 routes of a real API in turn, constant JSON", Cases: routeCases(Routes())},
		{Name: "wildcards", What: "those of them with wildcards", Cases: routeCases(slices.DeleteFunc(Routes(), func(r Route) bool { return !strings.Contains(r.Path, "{") }))},
		{Name: "middleware", What: "five that pass on, then static", Mean: true, Cases: staticCases},
		{Name: "errors", What: "three fields fail validation", Cases: []Case{
			{Name: "three wrong", Request: postBook(jsonType, wrongBook), Status: 422,
				JSON: `{"error":"validation failed","fields":{"kind":"oneof","pages":"range","title":"length"}}`},
		}},
		{Name: "stats", What: "full, with a record of each request", cases: fullCases},
		{Name: "panic", Cases: []Case{{Name: "panic", Request: get("/panic"), Status: 500}}},
	}
}

// Measured returns the scenarios that are measured.
func Measured() []Scenario {
	return slices.DeleteFunc(All(), func(s Scenario) bool { return len(s.Requests) == 0 })
}

// Find returns the scenario of the name.
func Find(name string) (Scenario, error) {
	for _, s := range outlines() {
		if s.Name == name {
			return s.whole(), nil
		}
	}
	return Scenario{}, fmt.Errorf("no scenario %q", name)
}

// required is how huma differs where a value is absent or empty.
func required(status int) map[string]Other {
	return map[string]Other{"huma": {status, "says required, and not length"}}
}

// closes is how fiber differs where a body is too large.
var closes = map[string]Other{"fiber": {0, "closes the connection before it has read the body, so that a client may not see the answer"}}

func missing(path string) Case {
	return Case{Name: "no such path", Request: get(path), Status: 404}
}

func notAllowed(path string) Case {
	return Case{Name: "not that method", Request: Request{Method: "DELETE", Target: path}, Status: 405}
}

func uploadCases() []Case {
	post := func(title, field string, size int) Request {
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		m.SetBoundary("a-boundary-that-is-the-same-each-time")
		m.WriteField("title", title)
		file, err := m.CreateFormFile(field, "engine.bin")
		if err != nil {
			panic(err) // a buffer takes all
		}
		file.Write(bytes.Repeat([]byte("0123456789abcdef"), size/16))
		m.Close()
		return Request{"POST", "/files", m.FormDataContentType(), b.String()}
	}
	return []Case{
		{Name: "good", Request: post("Engine", "file", 1<<20), Status: 201, JSON: `{"id":1048576,"name":"Engine engine.bin"}`},
		{Name: "on disk", Request: post("Engine", "file", 3<<20), Status: 201, JSON: `{"id":3145728,"name":"Engine engine.bin"}`},
		{Name: "no title", Request: post("", "file", 16), Status: 422, JSON: `{"error":"validation failed","fields":{"title":"length"}}`, Except: required(422)},
		{Name: "no file", Request: post("Engine", "other", 16), Status: 400, JSON: `{"error":"malformed form"}`},
		{Name: "too large", Request: post("Engine", "file", MaxUpload), Status: 413, JSON: `{"error":"too large"}`, Except: closes},
		{Name: "another type", Request: Request{"POST", "/files", "text/plain", "x"}, Status: 415, JSON: `{"error":"unsupported media type"}`},
	}
}

func routeCases(routes []Route) []Case {
	var cases []Case
	for _, r := range routes {
		cases = append(cases, Case{Name: r.Method + " " + r.Path, Request: Request{Method: r.Method, Target: r.Example()}, Status: 200, JSON: `{"id":1,"name":"book"}`})
	}
	return cases
}
