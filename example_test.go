package gongular_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"testing/fstest"
	"time"

	"golang.org/x/net/websocket"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/middleware"
	"github.com/gongular/gongular/validate"
	"github.com/gongular/gongular/ws"
)

// show serves a request and prints the answer.
func show(h http.Handler, method, target string, body ...string) {
	w := request(h, method, target, body...)
	fmt.Println(strings.TrimSpace(fmt.Sprint(w.Code, " ", w.Body)))
}

// request serves a request without a connection. A body that begins with a
// brace is JSON, any other a form.
func request(h http.Handler, method, target string, body ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(strings.Join(body, "")))
	r.RemoteAddr = "192.0.2.7:1234"
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if strings.HasPrefix(body[0], "{") {
			r.Header.Set("Content-Type", "application/json")
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

type WelcomeMessage struct{}

func (w *WelcomeMessage) Handle(c *gongular.Context) error {
	c.SetBody(c.Request().RemoteAddr)
	return nil
}

// The smallest program: it answers with the client's address.
func Example() {
	g := gongular.NewEngine()
	g.GET("/", &WelcomeMessage{})
	// log.Fatal(g.ListenAndServe(":8000"))

	show(g, "GET", "/")
	// Output: 200 "192.0.2.7:1234"
}

type PathParamHandler struct {
	Param struct {
		Username string
	}
}

func (p *PathParamHandler) Handle(c *gongular.Context) error {
	c.SetBody(p.Param.Username)
	return nil
}

// The fields of Param are filled from the wildcards of the path, in either spelling.
func Example_pathParameters() {
	e := gongular.NewEngine()
	e.GET("/users/:Username", &PathParamHandler{})
	e.GET("/members/{Username}", &PathParamHandler{})

	show(e, "GET", "/users/ada")
	show(e, "GET", "/members/ada%2Fb")
	// Output:
	// 200 "ada"
	// 200 "ada/b"
}

type Version struct {
	Param struct{ Major, Minor int }
}

func (h *Version) Handle(c *gongular.Context) error {
	c.SetBody(h.Param)
	return nil
}

// Wildcards in braces may have a constraint, or a fixed part around them. What
// does not fit is not found.
func Example_constraints() {
	e := gongular.NewEngine()
	e.GET("/v{Major:int}/minor_:Minor", &Version{})
	e.GET("/posts/{Slug:[a-z-]+}.html", gongular.HandlerFunc(func(c *gongular.Context) error {
		c.SetBody(c.Params().ByName("Slug"))
		return nil
	}))

	show(e, "GET", "/v1/minor_2")
	show(e, "GET", "/vone/minor_2")
	show(e, "GET", "/posts/hello-world.html")
	// Output:
	// 200 {"Major":1,"Minor":2}
	// 404 404 page not found
	// 200 "hello-world"
}

type QueryParamHandler struct {
	Query struct {
		Username string `q:"username"`
		Age      int
		Tags     []string  `q:"tag"`
		Limit    int       `q:"limit" default:"10"`
		Since    time.Time `q:"since" layout:"2006-01-02"`
	}
}

func (h *QueryParamHandler) Handle(c *gongular.Context) error {
	q := h.Query
	c.SetBody(fmt.Sprint(q.Username, q.Age, q.Tags, q.Limit, q.Since.Year()))
	return nil
}

// The fields of Query are filled from the query string.
func Example_queryParameters() {
	e := gongular.NewEngine()
	e.GET("/search", &QueryParamHandler{})

	show(e, "GET", "/search?username=ada&Age=36&tag=a&tag=b&since=1843-07-01")
	show(e, "GET", "/search?Age=old")
	// Output:
	// 200 "ada36 [a b] 10 1843"
	// 400 {"ParseError":{"Place":"Query Parameter","FieldName":"Age","Reason":"\"old\" is not an integer"}}
}

type HeaderHandler struct {
	Header struct {
		Agent string `header:"User-Agent"`
		Match string `header:"If-Match"`
	}
	Cookie struct {
		Theme string `cookie:"theme" default:"light" valid:"in(light|dark)"`
	}
}

func (h *HeaderHandler) Handle(c *gongular.Context) error {
	c.SetBody(h.Header.Match + " " + h.Cookie.Theme)
	return nil
}

// Header and Cookie work like Query.
func Example_headersAndCookies() {
	e := gongular.NewEngine()
	e.GET("/", &HeaderHandler{})

	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("If-Match", "v1")
	r.AddCookie(&http.Cookie{Name: "theme", Value: "dark"})
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	fmt.Println(w.Body)
	// Output: "v1 dark"
}

type BodyParamHandler struct {
	Body struct {
		Username    string
		Age         int
		Preferences []string
		Comments    []struct {
			OwnerID int
			Message string
		}
	}
}

func (h *BodyParamHandler) Handle(c *gongular.Context) error {
	c.SetBody(fmt.Sprint(h.Body.Username, h.Body.Preferences, len(h.Body.Comments)))
	return nil
}

// Body is filled from JSON, and may have any shape.
func Example_body() {
	e := gongular.NewEngine()
	e.POST("/users", &BodyParamHandler{})

	show(e, "POST", "/users", `{"Username":"ada","Preferences":["tea"],"Comments":[{"OwnerID":1},{"OwnerID":2}]}`)
	show(e, "POST", "/users", `{"Comments":[{"OwnerID":1},{"OwnerID":"x"}]}`)
	// Output:
	// 200 "ada[tea] 2"
	// 400 {"ParseError":{"Place":"Body","FieldName":"Comments.1.OwnerID","Reason":"expected integer, got string"}}
}

type formHandler struct {
	Form struct {
		Age      int
		Name     string
		Favorite string
		Fraction float64
	}
}

func (q *formHandler) Handle(c *gongular.Context) error {
	c.SetBody(fmt.Sprintf("%d:%s:%s:%.2f",
		q.Form.Age, q.Form.Name, q.Form.Favorite, q.Form.Fraction))
	return nil
}

// Form is filled from a submitted form of either type.
func Example_form() {
	e := gongular.NewEngine()
	e.GetRouter().POST("/submit", &formHandler{})

	show(e, "POST", "/submit", "Age=5&Name=Hello+World&Favorite=blue&Fraction=1.5")
	// Output: 200 "5:Hello World:blue:1.50"
}

type formUploadTest struct {
	Form struct {
		SomeFile     *gongular.UploadedFile `file:"max=1MB,types=text/plain"`
		RegularValue int
	}
}

func (f *formUploadTest) Handle(c *gongular.Context) error {
	s := sha256.New()
	if _, err := io.Copy(s, f.Form.SomeFile.File); err != nil {
		return err
	}
	c.SetBody(fmt.Sprintf("%x:%d", s.Sum(nil)[:4], f.Form.RegularValue))
	return nil
}

// Uploaded files are fields of Form. They are gone when the request is over.
func Example_upload() {
	e := gongular.NewEngine()
	e.GetRouter().POST("/upload", &formUploadTest{})

	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, _ := w.CreateFormFile("SomeFile", "hello.txt")
	io.WriteString(part, "hello")
	w.WriteField("RegularValue", "5")
	w.Close()
	r := httptest.NewRequest("POST", "/upload", &b)
	r.Header.Set("Content-Type", w.FormDataContentType())
	rec := httptest.NewRecorder()
	e.ServeHTTP(rec, r)
	fmt.Println(rec.Code, rec.Body)
	// Output: 200 "2cf24dba:5"
}

type simpleHandler struct{}

func (s *simpleHandler) Handle(c *gongular.Context) error {
	c.SetBody("hi")
	return nil
}

// The guard that refuses a user id of 5.
type middlewareFailIfUserId5 struct {
	Param struct {
		UserID int
	}
}

func (m *middlewareFailIfUserId5) Handle(c *gongular.Context) error {
	if m.Param.UserID == 5 {
		c.Status(http.StatusTeapot)
		c.SetBody("Sorry")
		c.StopChain()
	}
	return nil
}

// The handlers of a group run before those of its routes.
func Example_groups() {
	e := gongular.NewEngine()
	r := e.GetRouter()
	g := r.Group("/api/user/:UserID", &middlewareFailIfUserId5{})
	g.GET("/name", &simpleHandler{})
	g.GET("/wow", &simpleHandler{})

	show(e, "GET", "/api/user/5/name")
	show(e, "GET", "/api/user/4/name")
	show(e, "GET", "/api/user/1/wow")
	// Output:
	// 418 "Sorry"
	// 200 "hi"
	// 200 "hi"
}

type Registration struct {
	Body struct {
		Name  string `json:"name" valid:"required,alphanum,length(2|32)"`
		Email string `json:"email" valid:"email~that is no email address"`
	}
}

func (r *Registration) Handle(c *gongular.Context) error {
	c.Status(http.StatusCreated)
	return nil
}

// The valid tags of a section are checked before Handle is called, and all that
// fail are reported.
func Example_validation() {
	e := gongular.NewEngine()
	e.POST("/users", &Registration{})

	show(e, "POST", "/users", `{"name":"ada","email":"ada@example.com"}`)
	show(e, "POST", "/users", `{"name":"a","email":"ada"}`)
	// Output:
	// 201
	// 400 {"ValidationError":{"Fields":{"email":"that is no email address","name":"a does not validate as length(2|32)"},"Place":"Body"}}
}

type Trip struct {
	Body struct {
		From     string    `json:"from" valid:"required"`
		To       string    `json:"to" valid:"required,nefield(From)"`
		Leave    time.Time `json:"leave" valid:"required"`
		Return   time.Time `json:"return" valid:"gtfield(Leave)"`
		Seats    int       `json:"seats" valid:"min(1),max(9)"`
		Names    []string  `json:"names" valid:"max(9),each(required,length(2|64))"`
		Note     *string   `json:"note" valid:"present"`
		Kind     string    `json:"kind" valid:"oneof(tourist|business)"`
		Company  string    `json:"company" valid:"required_if(Kind|business)"`
		Passport string    `json:"passport" valid:"secret,alphanum"`
	}
}

func (t *Trip) Handle(c *gongular.Context) error {
	c.Status(http.StatusCreated)
	return nil
}

// Beyond the tags of govalidator there are rules about other fields, about sizes
// and elements, and about what was sent at all.
func Example_crossField() {
	e := gongular.NewEngine()
	e.POST("/trips", &Trip{})

	show(e, "POST", "/trips", `{"from":"Oslo","to":"Rome","leave":"2030-05-01T08:00:00Z","return":"2030-05-09T08:00:00Z",
		"seats":2,"names":["Ada","Kurt"],"note":null,"kind":"tourist","passport":"C01X00T47"}`)
	show(e, "POST", "/trips", `{"from":"Oslo","to":"Oslo","leave":"2030-05-01T08:00:00Z","return":"2030-04-01T08:00:00Z",
		"names":["Ada",""],"kind":"business","passport":"C01 X00"}`)
	// Output:
	// 201
	// 400 {"ValidationError":{"Fields":{"company":"non zero value required","names":"non zero value required","note":"must be sent","passport":"the value does not validate as alphanum","return":"2030-04-01 08:00:00 +0000 UTC does not validate as gtfield(Leave)","seats":"0 does not validate as min(1)","to":"Oslo does not validate as nefield(From)"},"Place":"Body"}}
}

type Signup struct {
	Body struct {
		Name string `json:"name" valid:"required,free~somebody has that name"`
	}
}

func (s *Signup) Handle(c *gongular.Context) error {
	c.Status(http.StatusCreated)
	return nil
}

// A rule of one's own has the request's context, for look-ups. That it failed to
// tell is a 500, and not the client's fault.
func ExampleEngine_Validator() {
	taken := func(ctx context.Context, name string) (bool, error) { return name == "ada", nil }

	e := gongular.NewEngine()
	e.Validator().Register("free", func(ctx context.Context, f validate.Field) (bool, error) {
		found, err := taken(ctx, f.Value().(string))
		return !found, err
	})
	e.POST("/users", &Signup{})

	show(e, "POST", "/users", `{"name":"kurt"}`)
	show(e, "POST", "/users", `{"name":"ada"}`)
	// Output:
	// 201
	// 400 {"ValidationError":{"Fields":{"name":"somebody has that name"},"Place":"Body"}}
}

// A Database stands for what a program has open all the time.
type Database struct{ Name string }

type myHandler struct {
	Param struct {
		UserID uint
	}
	Database *Database
}

func (i *myHandler) Handle(c *gongular.Context) error {
	c.SetBody(fmt.Sprintf("%s:%d", i.Database.Name, i.Param.UserID))
	return nil
}

// What is provided fills the fields of its type.
func Example_injection() {
	e := gongular.NewEngine()
	e.Provide(&Database{"main"})
	e.GetRouter().GET("/my/db/interaction/:UserID", &myHandler{})

	show(e, "GET", "/my/db/interaction/7")
	// Output: 200 "main:7"
}

type injectKey struct {
	Val1 int `inject:"val1"`
	Val2 int `inject:"val2"`
}

func (i *injectKey) Handle(c *gongular.Context) error {
	c.SetBody(i.Val1 * i.Val2)
	return nil
}

// Keys tell several values of one type apart.
func Example_keyedInjection() {
	e := gongular.NewEngine()
	e.ProvideWithKey("val1", 71)
	e.ProvideWithKey("val2", 97)
	e.GetRouter().GET("/", &injectKey{})

	show(e, "GET", "/")
	// Output: 200 6887
}

type injectCustom struct {
	DB *Database
}

func (i *injectCustom) Handle(c *gongular.Context) error {
	c.SetBody(i.DB.Name)
	return nil
}

// A custom provider makes a value for each request that needs one.
func Example_customInjection() {
	e := gongular.NewEngine()
	e.CustomProvide(&Database{}, func(c *gongular.Context) (any, error) {
		return &Database{"of " + c.Request().URL.Path}, nil
	})
	e.GetRouter().GET("/", &injectCustom{})

	show(e, "GET", "/")
	// Output: 200 "of /"
}

// A Greeter is what a handler asks for without knowing who it is.
type Greeter interface{ Greet() string }

func (d *Database) Greet() string { return "hello from " + d.Name }

type injectInterface struct {
	DB Greeter `inject:"db"`
}

func (i *injectInterface) Handle(c *gongular.Context) error {
	c.SetBody(i.DB.Greet())
	return nil
}

// ProvideUnsafe fills fields by their key alone, interfaces among them.
func Example_unsafeInjection() {
	e := gongular.NewEngine()
	e.ProvideUnsafe("db", &Database{"main"})
	e.GetRouter().GET("/", &injectInterface{})

	show(e, "GET", "/")
	// Output: 200 "hello from main"
}

type greets struct{ Greeter Greeter }

func (g *greets) Handle(c *gongular.Context) error {
	c.SetBody(g.Greeter.Greet())
	return nil
}

// ProvideAs binds a value to an interface, and the compiler checks that it fits.
func ExampleProvideAs() {
	e := gongular.NewEngine()
	gongular.ProvideAs[Greeter](e, &Database{"main"})
	e.GET("/", &greets{})

	show(e, "GET", "/")
	// Output: 200 "hello from main"
}

// A Tx stands for a transaction.
type Tx struct{ db *Database }

type transfers struct{ Tx *Tx }

func (t *transfers) Handle(c *gongular.Context) error {
	if c.Request().URL.Query().Has("fail") {
		return errors.New("not enough money")
	}
	c.SetBody("done in " + t.Tx.db.Name)
	return nil
}

// A provider may need other dependencies, and clean up once it knows how the
// request ended.
func ExampleEngine_ProvideFunc() {
	e := gongular.NewEngine(gongular.Options{Logger: slog.New(slog.DiscardHandler)})
	e.Provide(&Database{"main"})
	e.ProvideFunc(func(db *Database) (*Tx, func(error) error, error) {
		return &Tx{db}, func(failed error) error {
			if failed != nil {
				fmt.Println("roll back:", failed)
				return nil
			}
			fmt.Println("commit")
			return nil
		}, nil
	})
	e.POST("/", &transfers{})

	show(e, "POST", "/")
	show(e, "POST", "/?fail")
	// Output:
	// commit
	// 200 "done in main"
	// roll back: not enough money
	// 500 "not enough money"
}

// Check lists what is missing, for a test or the start of a program.
func ExampleEngine_Check() {
	e := gongular.NewEngine()
	e.Provide(Database{"main"})
	e.GET("/", &injectCustom{})

	text := e.Check().Error()
	fmt.Println(text[strings.Index(text, "GET"):])
	// Output: GET "/": *gongular_test.injectCustom: DB: could not inject *gongular_test.Database with key "default": no such dependency exists; gongular_test.Database is provided, not *gongular_test.Database
}

var userKey = gongular.NewKey[string]("user")

type authenticate struct {
	Header struct {
		Authorization string `valid:"required"`
	}
}

func (a *authenticate) Handle(c *gongular.Context) error {
	gongular.Set(c, userKey, strings.TrimPrefix(a.Header.Authorization, "Bearer "))
	return nil
}

// The context takes the answer, and carries values from handler to handler.
func ExampleContext() {
	e := gongular.NewEngine()
	e.GET("/me", &authenticate{}, gongular.HandlerFunc(func(c *gongular.Context) error {
		user, _ := gongular.Get(c, userKey)
		c.Status(http.StatusAccepted)
		c.Header("X-User", user)
		c.Headers().Add("Vary", "Authorization")
		c.SetBody(map[string]string{"user": user})
		c.Logger().Println("greeted", user)
		return nil
	}))

	r := httptest.NewRequest("GET", "/me", nil)
	r.Header.Set("Authorization", "Bearer ada")
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("X-User"), w.Body)
	// Output: 202 ada {"user":"ada"}
}

// A handler that streams writes to the Writer, piece by piece.
func ExampleContext_Writer() {
	e := gongular.NewEngine()
	e.GET("/numbers", gongular.HandlerFunc(func(c *gongular.Context) error {
		c.Header("Content-Type", "text/plain")
		w := c.Writer()
		for i := range 3 {
			fmt.Fprintln(w, i)
			if err := http.NewResponseController(w).Flush(); err != nil {
				return err
			}
		}
		return nil
	}))

	show(e, "GET", "/numbers")
	// Output:
	// 200 0
	// 1
	// 2
}

// A single handler can be tested by itself.
func ExampleNewContext() {
	h := &PathParamHandler{}
	h.Param.Username = "ada"

	w := httptest.NewRecorder()
	c := gongular.NewContext(w, httptest.NewRequest("GET", "/users/ada", nil))
	if err := h.Handle(c); err != nil {
		fmt.Println(err)
	}
	c.Finalize()
	fmt.Println(w.Code, w.Body)
	// Output: 200 "ada"
}

// The route callback is told of each request when it is over.
func ExampleEngine_SetRouteCallback() {
	e := gongular.NewEngine()
	e.SetRouteCallback(func(stat gongular.RouteStat) {
		fmt.Println(stat.Request.Method, stat.MatchedPath, stat.ResponseCode, stat.ResponseSize, "bytes")
		for _, h := range stat.Handlers {
			fmt.Println("-", h.FuncName, h.Error)
		}
	})
	e.GET("/users/:Username", &PathParamHandler{})

	request(e, "GET", "/users/ada")
	// Output:
	// GET /users/:Username 200 5 bytes
	// - *gongular_test.PathParamHandler <nil>
}

// The error handler decides what becomes of an error.
func ExampleEngine_SetErrorHandler() {
	e := gongular.NewEngine(gongular.Options{Logger: slog.New(slog.DiscardHandler)})
	e.SetErrorHandler(func(err error, c *gongular.Context) {
		switch err := err.(type) {
		case gongular.ParseError:
			c.MustStatus(http.StatusBadRequest)
			c.SetBody("look at " + err.FieldName)
		default:
			c.MustStatus(http.StatusInternalServerError)
			c.SetBody("something went wrong")
		}
	})
	e.GET("/search", &QueryParamHandler{})
	e.GET("/broken", gongular.HandlerFunc(func(*gongular.Context) error { return errors.New("the disk is full") }))

	show(e, "GET", "/search?Age=old")
	show(e, "GET", "/broken")
	// Output:
	// 400 "look at Age"
	// 500 "something went wrong"
}

// An error may have a status, a text for the client and a cause for the log.
func ExampleError() {
	e := gongular.NewEngine(gongular.Options{ProblemErrors: true})
	e.GET("/books/:ID", gongular.HandlerFunc(func(c *gongular.Context) error {
		return gongular.Error(http.StatusNotFound, "no such book").Wrap(os.ErrNotExist)
	}))

	show(e, "GET", "/books/5")
	// Output: 404 {"type":"about:blank","title":"Not Found","status":404,"detail":"no such book","instance":"/books/5"}
}

// Any net/http middleware goes around the engine, a group or a route.
func ExampleRouter_Use() {
	named := func(name string) gongular.Middleware {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fmt.Print(name, " ")
				next.ServeHTTP(w, r)
			})
		}
	}
	e := gongular.NewEngine()
	e.Use(named("engine"))
	g := e.Group("/api")
	g.Use(named("group"))
	g.GET("/", &simpleHandler{}).Use(named("route"))

	show(e, "GET", "/api")
	show(e, "GET", "/nowhere")
	// Output:
	// engine group route 200 "hi"
	// engine 404 404 page not found
}

// Package middleware goes around an engine, a group or a route, in an order that
// its documentation explains.
func ExampleRouter_Use_middleware() {
	logger := slog.New(slog.DiscardHandler)
	metrics := middleware.NewPrometheusMetrics(middleware.WithRoutes())
	origins := middleware.NewOrigins("https://app.example.com")
	userOf := func(token string) (any, error) {
		if token != "let-me-in" {
			return nil, errors.New("no such token")
		}
		return "grace", nil
	}
	userKey := func(r *http.Request) string { return fmt.Sprint(middleware.User(r.Context())) }
	e := gongular.NewEngine(gongular.Options{PassPanics: true})

	e.Use(
		middleware.TrustedProxies("10.0.0.0/8"),
		middleware.RequestID(),
		middleware.Tracing(logger),
		middleware.SlogAttrs(logger),
		middleware.Logger(logger),
		metrics.Middleware(),
		middleware.Recover(logger),
		middleware.BlockUserAgent("badbot"),
		middleware.SecurityHeaders(middleware.SecurityConfig{}),
		middleware.CORS(middleware.CORSConfig{Origins: origins, AllowCredentials: true}),
		middleware.CSRF(origins),
		middleware.RequestRate(100, 200),
		middleware.BodyLimit(100),
	)
	e.Handle("GET /metrics", metrics.Handler())

	api := e.Group("/api")
	api.Use(
		middleware.BearerAuth(userOf),
		middleware.MaxSessions(100, logger),
		middleware.MaxInFlight(200),
		middleware.NewCircuitBreaker(5, 10*time.Second).Middleware(),
		middleware.Unless(middleware.IsUpgrade, middleware.Timeout(time.Second)),
		middleware.IdleTimeout(time.Minute),
		middleware.Compress(middleware.NewGzipCompressor(), logger),
		middleware.ETag(64<<10),
	)
	api.GET("/users/:Username", &PathParamHandler{})
	api.POST("/reports", &simpleHandler{}).Use(middleware.RequestRate(0.1, 1, middleware.WithKey(userKey)))

	show(e, "GET", "/api/users/ada")
	for range 2 {
		r := httptest.NewRequest("POST", "/api/reports", nil)
		r.Header.Set("Authorization", "Bearer let-me-in")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// 401 {"error":"missing authorization"}
	// 200 "hi"
	// 429 {"error":"too many requests"}
}

// Any http.Handler can be mounted, and sees paths without the prefix.
func ExampleRouter_Mount() {
	old := http.NewServeMux()
	old.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "fine, ", r.URL.Path)
	})
	e := gongular.NewEngine()
	e.Mount("/old", old)
	e.HandleFunc("GET /plain", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "plain") })

	show(e, "GET", "/old/status")
	show(e, "GET", "/plain")
	// Output:
	// 200 fine, /status
	// 200 plain
}

// An engine is an http.Handler, and mounts in any server.
func ExampleEngine_ServeHTTP() {
	e := gongular.NewEngine()
	e.GET("/users/:Username", &PathParamHandler{})

	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	mux.Handle("/api/", http.StripPrefix("/api", e))

	show(mux, "GET", "/healthz")
	show(mux, "GET", "/api/users/ada")
	// Output:
	// 200 ok
	// 200 "ada"
}

// Routes with names can be linked to.
func ExampleEngine_URL() {
	e := gongular.NewEngine()
	e.GET("/users/:Username", &PathParamHandler{}).Name("user.show")

	fmt.Println(e.URL("user.show", "ada/b c"))
	fmt.Println(e.URL("user.show"))
	fmt.Println(e.URL("user.shaw", "ada"))
	// Output:
	// /users/ada%2Fb%20c <nil>
	//  route "user.show": missing parameter "Username"
	//  no route is named "user.shaw"; did you mean "user.show"?
}

// Routes can be listed.
func ExampleEngine_Routes() {
	e := gongular.NewEngine()
	e.GET("/users/:Username", &PathParamHandler{}).Name("user.show")
	e.POST("/users", &Registration{})

	for r := range e.Routes() {
		fmt.Print(r.Method, " ", r.Pattern, " ", r.Name)
		for _, h := range r.Handlers {
			for _, s := range h.Sections {
				fmt.Print(" ", h.Type, ".", s.Field)
			}
		}
		fmt.Println()
	}
	// Output:
	// GET /users/:Username user.show gongular_test.PathParamHandler.Param
	// POST /users  gongular_test.Registration.Body
}

// Limits and other options are the engine's, a group's or a route's.
func ExampleOptions() {
	e := gongular.NewEngine(gongular.Options{MaxBody: 1 << 10, Indent: "  "})
	e.POST("/small", &BodyParamHandler{}).With(gongular.Options{MaxBody: 20, Strict: true})
	e.GET("/", gongular.HandlerFunc(func(c *gongular.Context) error {
		c.SetBody(map[string]int{"n": 1})
		return nil
	}))

	show(e, "POST", "/small", `{"Username":"somebody"}`)
	show(e, "POST", "/small", `{"Usrname":"x"}`)
	show(e, "GET", "/")
	// Output:
	// 413 {
	//   "ParseError": {
	//     "Place": "Body",
	//     "Reason": "larger than the limit of 20 bytes"
	//   }
	// }
	// 400 {
	//   "ParseError": {
	//     "Place": "Body",
	//     "FieldName": "Usrname",
	//     "Reason": "is an unknown name; did you mean \"Username\"?"
	//   }
	// }
	// 200 {
	//   "n": 1
	// }
}

// Files are served from any file system: no listings, no dotfiles, no way out.
func ExampleRouter_ServeFiles() {
	files := fstest.MapFS{
		"index.html":   {Data: []byte("<h1>hello</h1>")},
		"css/site.css": {Data: []byte("body{}")},
		".env":         {Data: []byte("SECRET=1")},
	}
	e := gongular.NewEngine()
	e.ServeFiles("/static", http.FS(files))

	show(e, "GET", "/static/")
	show(e, "GET", "/static/css/site.css")
	show(e, "GET", "/static/css/")
	show(e, "GET", "/static/.env")
	// Output:
	// 200 <h1>hello</h1>
	// 200 body{}
	// 404 404 page not found
	// 404 404 page not found
}

// A Celsius is a type that forms and queries do not know by themselves.
type Celsius float64

type weather struct {
	Query struct{ Above Celsius }
}

func (w *weather) Handle(c *gongular.Context) error {
	c.SetBody(w.Query.Above)
	return nil
}

// Convert makes a type bindable.
func ExampleConvert() {
	e := gongular.NewEngine()
	gongular.Convert(e, func(s string) (Celsius, error) {
		n, err := strconv.ParseFloat(strings.TrimSuffix(s, "C"), 64)
		if err != nil {
			return 0, fmt.Errorf("%q is not a temperature like 21C", s)
		}
		return Celsius(n), nil
	})
	e.GET("/weather", &weather{})

	show(e, "GET", "/weather?Above=21.5C")
	show(e, "GET", "/weather?Above=warm")
	// Output:
	// 200 21.5
	// 400 {"ParseError":{"Place":"Query Parameter","FieldName":"Above","Reason":"\"warm\" is not a temperature like 21C"}}
}

// Decode makes bodies of another media type acceptable.
func ExampleEngine_Decode() {
	e := gongular.NewEngine()
	e.Decode("application/xml", xml.Unmarshal)
	e.POST("/users", &BodyParamHandler{})

	r := httptest.NewRequest("POST", "/users", strings.NewReader(`<user><Username>ada</Username></user>`))
	r.Header.Set("Content-Type", "application/xml")
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 200 "ada[] 0"
}

type ShowUser struct {
	Param struct{ ID int }
}

func (h *ShowUser) Handle(c *gongular.Context) (map[string]int, error) {
	if h.Param.ID == 0 {
		return nil, gongular.Error(http.StatusNotFound, "no such user")
	}
	return map[string]int{"id": h.Param.ID}, nil
}

// Reply takes handlers that return what they answer.
func ExampleReply() {
	e := gongular.NewEngine()
	e.GET("/users/:ID", gongular.Reply(&ShowUser{}))

	show(e, "GET", "/users/7")
	show(e, "GET", "/users/0")
	// Output:
	// 200 {"id":7}
	// 404 "no such user"
}

type download struct {
	Param struct{ Name gongular.SafePath }
}

func (d *download) Handle(c *gongular.Context) error {
	c.Attachment(string(d.Param.Name))
	return c.FileFS(fstest.MapFS{"notes/a.txt": {Data: []byte("some notes")}}, string(d.Param.Name))
}

// A file of a file system is an answer like any other.
func ExampleContext_FileFS() {
	e := gongular.NewEngine()
	e.GET("/files/*Name", &download{})

	show(e, "GET", "/files/notes/a.txt")
	show(e, "GET", "/files/notes/b.txt")
	// Output:
	// 200 some notes
	// 404 "Not Found"
}

// Redirects stay on this site unless RedirectExternal is asked.
func ExampleContext_Redirect() {
	e := gongular.NewEngine(gongular.Options{Logger: slog.New(slog.DiscardHandler)})
	e.GET("/users/:Username", &PathParamHandler{}).Name("user.show")
	e.POST("/users", gongular.HandlerFunc(func(c *gongular.Context) error {
		path, err := c.URL("user.show", "ada")
		if err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, path)
	}))

	w := request(e, "POST", "/users")
	fmt.Println(w.Code, w.Header().Get("Location"))
	// Output: 303 /users/ada
}

// Requests for one host can have routes of their own.
func ExampleRouter_Host() {
	e := gongular.NewEngine()
	e.Host("api.example.com").GET("/", gongular.HandlerFunc(func(c *gongular.Context) error { c.SetBody("the API"); return nil }))
	e.GET("/", gongular.HandlerFunc(func(c *gongular.Context) error { c.SetBody("the site"); return nil }))

	show(e, "GET", "http://api.example.com/")
	show(e, "GET", "http://www.example.com/")
	// Output:
	// 200 "the API"
	// 200 "the site"
}

// Echo answers what it is sent, to whom it was told of.
type Echo struct {
	Param struct{ Name string }
}

func (e *Echo) Before(c *gongular.Context) (http.Header, error) {
	if e.Param.Name == "nobody" {
		return nil, gongular.Error(http.StatusForbidden, "nobody may connect")
	}
	return nil, nil
}

func (e *Echo) Handle(conn *ws.Conn) {
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if err := conn.WriteMessage(kind, append([]byte(e.Param.Name+": "), message...)); err != nil {
			return
		}
	}
}

// A Room is one of the rooms of a hub, which is provided like anything else.
type Room struct {
	Param struct {
		Room string `valid:"alpha,length(1|32)"`
	}
	Query struct {
		Name string `q:"name" valid:"required,alphanum"`
	}
	Hub *ws.Hub
}

func (r *Room) Before(c *gongular.Context) (http.Header, error) { return nil, nil }

func (r *Room) Handle(conn *ws.Conn) {
	client, err := r.Hub.Add(conn, ws.ClientOptions{Info: r.Query.Name})
	if err != nil {
		return
	}
	defer client.Remove()
	client.Join(r.Param.Room)
	for message, err := range conn.Messages(context.Background()) {
		if err != nil {
			return
		}
		r.Hub.Broadcast(r.Param.Room, message.Type, append([]byte(r.Query.Name+": "), message.Data...))
	}
}

// A hub has rooms; what is sent to one reaches all that are in it. The upgrader
// says who may connect, and how.
func ExampleRouter_WS() {
	hub := ws.NewHub(ws.HubOptions{})
	defer hub.Close(context.Background())
	e := gongular.NewEngine(gongular.Options{Upgrader: &ws.Upgrader{
		Origins:      []string{"https://chat.example.com"},
		Compression:  &ws.Compression{},
		PingInterval: 30 * time.Second,
	}})
	e.Provide(hub)
	e.WS("/rooms/:Room", &Room{})
	server := httptest.NewServer(e)
	defer server.Close()

	ctx := context.Background()
	url := "ws://" + server.Listener.Addr().String() + "/rooms/"
	conn, _, err := ws.Dial(ctx, url+"lobby?name=ada", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	conn.WriteMessage(ws.TextMessage, []byte("hello"))
	_, answer, err := conn.ReadMessage()
	fmt.Println(string(answer), err)

	_, answered, _ := ws.Dial(ctx, url+"lobby?name=a-b", nil)
	fmt.Println(answered.Status)
	// Output:
	// ada: hello <nil>
	// 400 Bad Request
}

// A WebSocket handler is filled as any other. Before may refuse; Handle has the
// connection.
func ExampleEngine_GetWSRouter() {
	e := gongular.NewEngine()
	e.GetWSRouter().Handle("/echo/:Name", &Echo{})
	server := httptest.NewServer(e)
	defer server.Close()

	conn, err := websocket.Dial("ws://"+server.Listener.Addr().String()+"/echo/ada", "", server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	io.WriteString(conn, "hello")
	var answer string
	websocket.Message.Receive(conn, &answer)
	fmt.Println(answer)
	// Output: ada: hello
}

// Serve stops when its context ends, and lets running requests finish.
func ExampleEngine_Serve() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	e := gongular.NewEngine()
	e.GET("/", &WelcomeMessage{})

	stop() // as Ctrl-C does
	fmt.Println(e.Serve(ctx, "127.0.0.1:0"))
	// Output: <nil>
}

// NotFound takes a handler for paths that no route takes.
func ExampleEngine_NotFound() {
	e := gongular.NewEngine()
	e.NotFound(gongular.HandlerFunc(func(c *gongular.Context) error {
		c.Fail(http.StatusNotFound, "there is nothing at "+c.Request().URL.Path)
		return nil
	}))

	show(e, "GET", "/nowhere")
	// Output: 404 "there is nothing at /nowhere"
}

// A cookie is safe unless it is told otherwise.
func ExampleContext_SetCookie() {
	e := gongular.NewEngine()
	e.GET("/login", gongular.HandlerFunc(func(c *gongular.Context) error {
		return c.SetCookie(&http.Cookie{Name: "session", Value: "s3cr3t", MaxAge: 3600})
	}))

	fmt.Println(request(e, "GET", "/login").Header().Get("Set-Cookie"))
	// Output: session=s3cr3t; Max-Age=3600; HttpOnly; SameSite=Lax
}
