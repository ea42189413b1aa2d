package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/examples/bookstore/store"
)

// A bookBody is what a client says of a book. The rest is the store's.
type bookBody struct {
	Title  string   `json:"title" valid:"required,runelength(1|200)"`
	Author string   `json:"author" valid:"required,runelength(1|200)"`
	ISBN   string   `json:"isbn" valid:"matches(^[0-9][0-9 -]{8,15}[0-9X]$)~not an ISBN"`
	Year   int      `json:"year" valid:"range(1000|2100)"`
	Price  int      `json:"price" valid:"range(0|1000000)"` // in cents
	Tags   []string `json:"tags" valid:"runelength(1|30),lowercase"`
}

func (b *bookBody) book() store.Book {
	// The rules let empty tags pass, as all that is empty and not required.
	tags := slices.DeleteFunc(b.Tags, func(tag string) bool { return tag == "" })
	return store.Book{Title: b.Title, Author: b.Author, ISBN: b.ISBN, Year: b.Year, Price: b.Price, Tags: tags}
}

// listBooks answers with one page of the books, and with links to the pages
// around it (RFC 8288).
type listBooks struct {
	Query struct {
		// A zero would pass range alone, since it counts as empty.
		Page int    `q:"page" default:"1" valid:"required,range(1|1000000)"`
		Size int    `q:"size" default:"20" valid:"required,range(1|100)"`
		Sort string `q:"sort" default:"id" valid:"in(id|-id|title|-title|author|-author|year|-year|price|-price|created|-created|updated|-updated)"`
	}
	Store *store.Store
}

type bookPage struct {
	Books []store.Book `json:"books"`
	Total int          `json:"total"` // of all pages
	Page  int          `json:"page"`
	Size  int          `json:"size"`
}

func (h *listBooks) Handle(c *gongular.Context) error {
	page, size := h.Query.Page, h.Query.Size
	books, total, err := h.Store.List(c.Context(), store.ListOptions{Offset: (page - 1) * size, Limit: size, Sort: h.Query.Sort})
	if err != nil {
		return err
	}
	last := max(1, (total+size-1)/size)
	if page > 1 {
		err = h.link(c, "prev", min(page-1, last))
	}
	if page < last && err == nil {
		err = h.link(c, "next", page+1)
	}
	c.SetBody(bookPage{books, total, page, size})
	return err
}

// link adds a link to another page of the same list.
func (h *listBooks) link(c *gongular.Context, rel string, page int) error {
	path, err := c.URL("books")
	if err != nil {
		return err
	}
	query := url.Values{"page": {strconv.Itoa(page)}, "size": {strconv.Itoa(h.Query.Size)}, "sort": {h.Query.Sort}}
	c.Headers().Add("Link", fmt.Sprintf("<%s?%s>; rel=%q", path, query.Encode(), rel))
	return nil
}

// searchBooks answers with the books that have all words of q in their title,
// author or tags.
type searchBooks struct {
	Query struct {
		Q     string `q:"q" valid:"required,runelength(1|100)"`
		Limit int    `q:"limit" default:"20" valid:"required,range(1|100)"`
	}
	Store *store.Store
}

func (h *searchBooks) Handle(c *gongular.Context) error {
	c.SetBody(map[string]any{"books": h.Store.Search(c.Context(), h.Query.Q, h.Query.Limit)})
	return nil
}

// showBook answers with a book. The store's error for a book that is not there
// brings its status, 404, with it.
type showBook struct {
	Param struct{ ID int }
	Store *store.Store
}

func (h *showBook) Handle(c *gongular.Context) error {
	book, err := h.Store.Get(c.Context(), h.Param.ID)
	if err != nil {
		return err
	}
	c.SetBody(book)
	return nil
}

// createBook adds a book and says where it is.
type createBook struct {
	Body  bookBody
	Store *store.Store
}

func (h *createBook) Handle(c *gongular.Context) error {
	book, err := h.Store.Create(c.Context(), h.Body.book())
	if err != nil {
		return err
	}
	location, err := c.URL("book", book.ID)
	if err != nil {
		return err
	}
	c.Header("Location", location)
	c.Status(http.StatusCreated)
	c.SetBody(book)
	return nil
}

// replaceBook sets all that a client may say of a book; what the body leaves
// out becomes empty. The book keeps its cover.
type replaceBook struct {
	Param struct{ ID int }
	Body  bookBody
	Store *store.Store
}

func (h *replaceBook) Handle(c *gongular.Context) error {
	book, err := h.Store.Update(c.Context(), h.Param.ID, func(b *store.Book) error {
		*b = h.Body.book()
		return nil
	})
	if err != nil {
		return err
	}
	c.SetBody(book)
	return nil
}

// deleteBook removes a book and its cover.
type deleteBook struct {
	Param struct{ ID int }
	Store *store.Store
}

func (h *deleteBook) Handle(c *gongular.Context) error {
	if err := h.Store.Delete(c.Context(), h.Param.ID); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
