// Package gin does the work with gin, bound by its ShouldBind methods and
// validated by validator/v10 through its binding tags.
package gin

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gin-gonic/gin/binding"
	"github.com/go-playground/validator/v10"

	"github.com/gongular/gongular/bench/contenders/playground"
	"github.com/gongular/gongular/bench/scenarios"
)

// Contender is gin.
type Contender struct{}

// Name is "gin".
func (Contender) Name() string { return "gin" }

// Modules are those of gin and its validator.
func (Contender) Modules() []string {
	return []string{"github.com/gin-gonic/gin", "github.com/go-playground/validator/v10"}
}

func init() {
	gin.SetMode(gin.ReleaseMode)
	playground.Name(binding.Validator.Engine().(*validator.Validate))
}

// Handler returns what serves the scenario.
func (Contender) Handler(scenario string) http.Handler {
	e := gin.New()
	e.HandleMethodNotAllowed = true
	e.MaxMultipartMemory = scenarios.MaxMemory
	if scenario == "stats" {
		e.Use(record)
	}
	e.Use(gin.CustomRecoveryWithWriter(io.Discard, func(c *gin.Context, _ any) {
		c.AbortWithStatusJSON(http.StatusInternalServerError, scenarios.Unpanicked)
	}))
	s := &server{store: scenarios.NewStore()}
	switch scenario {
	case "static":
		e.GET("/books", static)
	case "param":
		e.GET("/books/:ID", param)
	case "query":
		e.GET("/books", query)
	case "body", "errors":
		e.POST("/books", body)
	case "form":
		e.POST("/books", form)
	case "upload":
		e.POST("/files", upload)
	case "routes", "wildcards":
		for _, r := range scenarios.Routes() {
			e.Handle(r.Method, r.Colon(), static)
		}
	case "middleware":
		e.Use(pass, pass, pass, pass, pass)
		e.GET("/books", static)
	case "full", "stats":
		e.Group("/shops/:Shop", guard).PUT("/books/:ID", s.full)
	case "panic":
		e.GET("/panic", func(*gin.Context) { panic("at the disco") })
	}
	return e
}

// A server is what the handlers share.
type server struct{ store scenarios.Store }

func pass(c *gin.Context) { c.Next() }

func static(c *gin.Context) {
	c.JSON(http.StatusOK, scenarios.Answer{ID: 1, Name: "book"})
}

func param(c *gin.Context) {
	var uri struct {
		ID int `uri:"ID"`
	}
	if err := c.ShouldBindUri(&uri); err != nil {
		refuse(c, "path", err)
		return
	}
	c.JSON(http.StatusOK, scenarios.Answer{ID: uri.ID, Name: "book"})
}

func query(c *gin.Context) {
	var q struct {
		Q     string `form:"q" binding:"min=1,max=64"`
		Page  int    `form:"page,default=1" binding:"min=1,max=1000"`
		Limit int    `form:"limit,default=20" binding:"min=1,max=100"`
		Sort  string `form:"sort,default=title" binding:"oneof=title author year"`
	}
	if err := c.ShouldBindQuery(&q); err != nil {
		refuse(c, "query", err)
		return
	}
	c.JSON(http.StatusOK, scenarios.Answer{ID: q.Page, Name: q.Q})
}

type book struct {
	Title string  `json:"title" form:"title" binding:"min=1,max=100"`
	Pages int     `json:"pages" form:"pages" binding:"min=1,max=10000"`
	Price float64 `json:"price" form:"price" binding:"min=0,max=1000000"`
	Kind  string  `json:"kind" form:"kind" binding:"oneof=novel essay poem"`
}

// bindJSON is ShouldBindJSON with a limit and a look at the type.
func bindJSON(c *gin.Context, v any) bool {
	if c.ContentType() != gin.MIMEJSON {
		unsupported(c)
		return false
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, scenarios.MaxBody)
	if err := c.ShouldBindJSON(v); err != nil {
		refuse(c, "body", err)
		return false
	}
	return true
}

func body(c *gin.Context) {
	var b book
	if !bindJSON(c, &b) {
		return
	}
	c.JSON(http.StatusCreated, scenarios.Answer{ID: b.Pages, Name: b.Title})
}

func guard(c *gin.Context) {
	var uri struct {
		Shop int `uri:"Shop"`
	}
	if err := c.ShouldBindUri(&uri); err != nil {
		refuse(c, "path", err)
		return
	}
	if uri.Shop == scenarios.Closed {
		c.AbortWithStatusJSON(http.StatusForbidden, scenarios.Problem{Error: "closed"})
	}
}

func (s *server) full(c *gin.Context) {
	var uri struct {
		Shop int `uri:"Shop"`
		ID   int `uri:"ID"`
	}
	if err := c.ShouldBindUri(&uri); err != nil {
		refuse(c, "path", err)
		return
	}
	var q struct {
		Notify bool   `form:"notify"`
		Lang   string `form:"lang,default=en" binding:"oneof=en de fr"`
	}
	if err := c.ShouldBindQuery(&q); err != nil {
		refuse(c, "query", err)
		return
	}
	var b book
	if !bindJSON(c, &b) {
		return
	}
	c.JSON(http.StatusOK, s.store.Save(uri.Shop, uri.ID, q.Notify, q.Lang, b.Title))
}

func form(c *gin.Context) {
	if c.ContentType() != gin.MIMEPOSTForm {
		unsupported(c)
		return
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, scenarios.MaxBody)
	var b book
	if err := c.ShouldBind(&b); err != nil {
		refuse(c, "form", err)
		return
	}
	c.JSON(http.StatusOK, scenarios.Answer{ID: b.Pages, Name: b.Title})
}

func upload(c *gin.Context) {
	if c.ContentType() != gin.MIMEMultipartPOSTForm {
		unsupported(c)
		return
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, scenarios.MaxUpload)
	header, err := c.FormFile("file")
	if err != nil {
		refuse(c, "form", err)
		return
	}
	var f struct {
		Title string `form:"title" binding:"min=1,max=100"`
	}
	if err := c.ShouldBind(&f); err != nil {
		refuse(c, "form", err)
		return
	}
	file, err := header.Open()
	if err != nil {
		refuse(c, "form", err)
		return
	}
	defer file.Close()
	size, err := io.Copy(io.Discard, file)
	if err != nil {
		refuse(c, "form", err)
		return
	}
	c.JSON(http.StatusCreated, scenarios.Answer{ID: int(size), Name: f.Title + " " + header.Filename})
}

// refuse answers to what could not be bound.
func refuse(c *gin.Context, place string, err error) {
	var invalid validator.ValidationErrors
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &invalid):
		c.AbortWithStatusJSON(http.StatusUnprocessableEntity, playground.Problem(invalid))
	case errors.As(err, &tooLarge):
		c.AbortWithStatusJSON(http.StatusRequestEntityTooLarge, scenarios.Problem{Error: "too large"})
	default:
		c.AbortWithStatusJSON(http.StatusBadRequest, scenarios.Problem{Error: "malformed " + place})
	}
}

func unsupported(c *gin.Context) {
	c.AbortWithStatusJSON(http.StatusUnsupportedMediaType, scenarios.Problem{Error: "unsupported media type"})
}

func record(c *gin.Context) {
	start := time.Now()
	c.Next()
	scenarios.Stats.Add(scenarios.Record{
		Method: c.Request.Method, Pattern: c.FullPath(),
		Status: c.Writer.Status(), Size: c.Writer.Size(), Duration: time.Since(start),
	})
}
