package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/examples/bookstore/store"
)

// newEngine returns the API of the books. Requests that write have to carry the
// token.
func newEngine(books *store.Store, token string) *gongular.Engine {
	e := gongular.NewEngine(gongular.Options{
		ProblemErrors: true,     // errors are application/problem+json
		MaxBody:       64 << 10, // bytes; a book is not larger
	})
	counters := newCounters()
	e.SetRouteCallback(counters.count)
	e.Provide(counters)
	e.Provide(books) // closed by the engine, when it has stopped serving

	e.GET("/", gongular.HandlerFunc(start))
	e.GET("/stats", &showStats{}).Name("stats")

	reading := e.Group("/books")
	reading.GET("/", &listBooks{}).Name("books")
	reading.GET("/search", &searchBooks{}).Name("search")
	reading.GET("/{ID:uint}", &showBook{}).Name("book")
	reading.GET("/{ID:uint}/cover", &showCover{}).Name("cover")

	writing := e.Group("/books", &requireToken{sum: sha256.Sum256([]byte(token))})
	writing.POST("/", &createBook{})
	writing.PUT("/{ID:uint}", &replaceBook{})
	writing.DELETE("/{ID:uint}", &deleteBook{})
	writing.PUT("/{ID:uint}/cover", &uploadCover{}).With(gongular.Options{MaxForm: 3 << 20})
	return e
}

// start sends those who come without a path to the books.
func start(c *gongular.Context) error {
	target, err := c.URL("books")
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, target)
}

// A requireToken lets requests pass that carry the token. As the first handler
// of a group it runs before anything of the body is read.
type requireToken struct {
	Header struct{ Authorization string }

	sum [sha256.Size]byte // of the token; each request's copy has it
}

func (h *requireToken) Handle(c *gongular.Context) error {
	scheme, token, _ := strings.Cut(h.Header.Authorization, " ")
	// Comparing sums, the time tells not even the length of the token.
	sum := sha256.Sum256([]byte(token))
	if strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(sum[:], h.sum[:]) == 1 {
		return nil
	}
	return gongular.Error(http.StatusUnauthorized, "this needs the header Authorization: Bearer and the token").
		Header("WWW-Authenticate", `Bearer realm="bookstore"`)
}
