package store

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// A Book is one book of the store.
type Book struct {
	// ID is given by Create, from 1 upwards, and never given again.
	ID     int    `json:"id"`
	Title  string `json:"title"`
	Author string `json:"author"`

	// ISBN is unique among the books that have one. Hyphens and spaces make
	// no difference.
	ISBN  string   `json:"isbn"`
	Year  int      `json:"year"`
	Price int      `json:"price"` // in cents
	Tags  []string `json:"tags"`  // empty, not nil, if there are none

	// Cover reports whether there is a picture; see [Store.PutCover].
	Cover bool `json:"cover"`

	// Created and Updated are set by the store. Updated grows with every
	// change of the book, even where the clock does not, so it can serve as
	// the version of a book.
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

// Errors about what was asked for. Each has a method StatusCode() int with the
// HTTP status that fits.
var (
	ErrNotFound error = &refusal{404, "no such book"}
	ErrNoCover  error = &refusal{404, "the book has no cover"}
	ErrExists   error = &refusal{409, "another book has this ISBN"}
	ErrSort     error = &refusal{400, "books can not be sorted by that"}
	ErrTooLarge error = &refusal{413, "the book is too large"}
	ErrClosed   error = &refusal{503, "the store is closed"}
)

// A refusal is an error that a client may read.
type refusal struct {
	status int
	text   string
}

func (e *refusal) Error() string   { return e.text }
func (e *refusal) StatusCode() int { return e.status }

// clean returns b as it will be read back from the log: in valid UTF-8, with
// tags that belong to nobody else.
func (b Book) clean() Book {
	valid := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
	b.Title, b.Author, b.ISBN = valid(b.Title), valid(b.Author), valid(b.ISBN)
	b.Tags = append(make([]string, 0, len(b.Tags)), b.Tags...)
	for i, tag := range b.Tags {
		b.Tags[i] = valid(tag)
	}
	return b
}

// copy returns b with tags that the caller may change.
func (b Book) copy() Book {
	b.Tags = slices.Clone(b.Tags)
	return b
}

// stamp returns the time for a change of a book last changed at prev: now, but
// later than prev in any case.
func stamp(prev time.Time) time.Time {
	now := time.Now().UTC().Truncate(time.Microsecond)
	if !now.After(prev) {
		return prev.Add(time.Microsecond)
	}
	return now
}

// isbnKey returns what two spellings of one ISBN have in common.
//
//	978-0-14-143958-7 => 9780141439587
//	0 8044 2957 x     => 080442957X
func isbnKey(isbn string) string {
	return strings.ToUpper(isbnFill.Replace(isbn))
}

var isbnFill = strings.NewReplacer("-", "", " ", "")

// An entry is all that is known about a book. It is only read once index has
// been called, and so is shared by tables and readers.
type entry struct {
	Book  Book   `json:"book"`
	Cover *cover `json:"cover,omitempty"`

	// Folded, to sort and to search by.
	title, author, tags string
}

// index sets what follows from the book.
func (e *entry) index() {
	e.title = fold(e.Book.Title)
	e.author = fold(e.Book.Author)
	e.tags = fold(strings.Join(e.Book.Tags, "\n"))
}

// fold returns s in lower case, by way of upper case since that brings more
// letters together.
//
//	Σίσυφος => σίσυφοσ
//	IŞIK, ışık => işik
func fold(s string) string { return strings.ToLower(strings.ToUpper(s)) }

// A table is the state that the changes of a log add up to.
type table struct {
	books map[int]*entry
	isbns map[string]int // isbnKey to id; "" is not in it
	last  int            // highest id ever given
}

func newTable() *table {
	return &table{books: make(map[int]*entry), isbns: make(map[string]int)}
}

func (t *table) clone() *table {
	return &table{books: maps.Clone(t.books), isbns: maps.Clone(t.isbns), last: t.last}
}

// A change is one step from a table to the next. One field is set.
//
//	{"put":{"book":{"id":7,...}}}   book 7 is this, whatever it was before
//	{"delete":7}                    there is no book 7
//	{"last":12}                     ids up to 12 have been given
type change struct {
	Put    *entry `json:"put,omitempty"`
	Delete int    `json:"delete,omitempty"`
	Last   int    `json:"last,omitempty"`
}

// apply makes the change c. It does not ask whether c is allowed: that is
// decided once, before c is written.
func (t *table) apply(c change) {
	switch {
	case c.Put != nil:
		id := c.Put.Book.ID
		t.remove(id)
		t.books[id] = c.Put
		if key := isbnKey(c.Put.Book.ISBN); key != "" {
			t.isbns[key] = id
		}
		t.last = max(t.last, id)
	case c.Delete != 0:
		t.remove(c.Delete)
	default:
		t.last = max(t.last, c.Last)
	}
}

func (t *table) remove(id int) {
	if e, ok := t.books[id]; ok {
		delete(t.isbns, isbnKey(e.Book.ISBN))
		delete(t.books, id)
	}
}

// taken reports whether a book other than id has the ISBN.
func (t *table) taken(isbn string, id int) bool {
	owner, ok := t.isbns[isbnKey(isbn)]
	return ok && owner != id
}
