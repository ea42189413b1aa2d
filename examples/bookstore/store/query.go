package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// Get returns the book with that id.
func (s *Store) Get(ctx context.Context, id int) (Book, error) {
	e, err := s.find(ctx, id)
	if err != nil {
		return Book{}, err
	}
	return e.Book.copy(), nil
}

func (s *Store) find(ctx context.Context, id int) (*entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, ok := s.live.books[id]
	if !ok {
		return nil, ErrNotFound
	}
	return e, nil
}

// ListOptions say which books to list. The zero value is all of them, by id.
type ListOptions struct {
	Offset int // how many books to leave out first
	Limit  int // how many to return at most; all if not positive

	// Sort is id, title, author, year, price, created or updated, with a minus
	// in front for the opposite order. Books that are equal in that come by
	// id. If empty, it is id.
	Sort string
}

// orders has a comparison for each way to sort.
var orders = map[string]func(a, b *entry) int{
	"id":      byID,
	"title":   func(a, b *entry) int { return cmp.Compare(a.title, b.title) },
	"author":  func(a, b *entry) int { return cmp.Compare(a.author, b.author) },
	"year":    func(a, b *entry) int { return cmp.Compare(a.Book.Year, b.Book.Year) },
	"price":   func(a, b *entry) int { return cmp.Compare(a.Book.Price, b.Book.Price) },
	"created": func(a, b *entry) int { return a.Book.Created.Compare(b.Book.Created) },
	"updated": func(a, b *entry) int { return a.Book.Updated.Compare(b.Book.Updated) },
}

func byID(a, b *entry) int { return cmp.Compare(a.Book.ID, b.Book.ID) }

// List returns the books that o asks for, and how many there are in all.
func (s *Store) List(ctx context.Context, o ListOptions) (books []Book, total int, err error) {
	name, reverse := strings.CutPrefix(cmp.Or(o.Sort, "id"), "-")
	order, ok := orders[name]
	if !ok {
		return nil, 0, ErrSort
	}
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	found := s.collect(func(*entry) bool { return true })
	slices.SortFunc(found, func(a, b *entry) int {
		c := order(a, b)
		if reverse {
			c = -c
		}
		return cmp.Or(c, byID(a, b))
	})
	skip := min(max(o.Offset, 0), len(found))
	return copyBooks(found[skip:], o.Limit), len(found), nil
}

// Search returns the books, by id, that have every word of text in their
// title, author or tags, in part or in whole and in any case. It returns no
// more than limit of them, or all if limit is not positive; and none if text
// has no words or ctx is done.
func (s *Store) Search(ctx context.Context, text string, limit int) []Book {
	words := strings.Fields(fold(text))
	if len(words) == 0 || ctx.Err() != nil {
		return []Book{}
	}
	found := s.collect(func(e *entry) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return !e.has(word) })
	})
	slices.SortFunc(found, byID)
	return copyBooks(found, limit)
}

// has reports whether word, folded and without spaces, is in the entry.
func (e *entry) has(word string) bool {
	return strings.Contains(e.title, word) || strings.Contains(e.author, word) || strings.Contains(e.tags, word)
}

// collect returns the entries that match, in no order.
func (s *Store) collect(match func(*entry) bool) []*entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := make([]*entry, 0, len(s.live.books))
	for _, e := range s.live.books {
		if match(e) {
			found = append(found, e)
		}
	}
	return found
}

// copyBooks returns the first books of entries, limit of them if that is
// positive. The result is never nil.
func copyBooks(entries []*entry, limit int) []Book {
	if limit > 0 && limit < len(entries) {
		entries = entries[:limit]
	}
	books := make([]Book, len(entries))
	for i, e := range entries {
		books[i] = e.Book.copy()
	}
	return books
}
