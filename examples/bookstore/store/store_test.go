package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gongular/gongular/examples/bookstore/store"
)

// shelf is what most tests start with. The ids are 1 to 4.
var shelf = []store.Book{
	{Title: "Emma", Author: "Jane Austen", ISBN: "978-0-14-143958-7", Year: 1815, Price: 900, Tags: []string{"Classic", "Comedy"}},
	{Title: "dubliners", Author: "James Joyce", ISBN: "978-0-14-118647-4", Year: 1914, Price: 800, Tags: []string{"short stories"}},
	{Title: "Çalıkuşu", Author: "Reşat Nuri Güntekin", Year: 1922, Price: 1200, Tags: []string{"classic"}},
	{Title: "Ulysses", Author: "James Joyce", Year: 1922, Price: 1500},
}

func open(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func reopen(t testing.TB, s *store.Store, dir string) *store.Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, dir)
}

func create(t testing.TB, s *store.Store, b store.Book) store.Book {
	t.Helper()
	b, err := s.Create(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func filled(t testing.TB) *store.Store {
	t.Helper()
	s := open(t, t.TempDir())
	for _, b := range shelf {
		create(t, s, b)
	}
	return s
}

func all(t testing.TB, s *store.Store) []store.Book {
	t.Helper()
	books, total, err := s.List(t.Context(), store.ListOptions{})
	if err != nil || total != len(books) {
		t.Fatalf("List: %d books of %d, %v", len(books), total, err)
	}
	return books
}

func ids(books []store.Book) []int {
	list := []int{}
	for _, b := range books {
		list = append(list, b.ID)
	}
	return list
}

func putCover(t testing.TB, s *store.Store, id int, content string) {
	t.Helper()
	if err := s.PutCover(t.Context(), id, strings.NewReader(content), "image/"+content); err != nil {
		t.Fatal(err)
	}
}

// checkCover checks for a cover that putCover has put; "" is none.
func checkCover(t testing.TB, s *store.Store, id int, want string) {
	t.Helper()
	f, contentType, err := s.OpenCover(t.Context(), id)
	if want == "" {
		if !errors.Is(err, store.ErrNoCover) {
			t.Errorf("cover of book %d: %v, want %v", id, err, store.ErrNoCover)
		}
		return
	}
	if err != nil {
		t.Errorf("cover of book %d: %v", id, err)
		return
	}
	defer f.Close()
	got, err := io.ReadAll(f)
	if err != nil || string(got) != want || contentType != "image/"+want {
		t.Errorf("cover of book %d: %q, %q, %v, want %q", id, got, contentType, err, want)
	}
}

func covers(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "covers"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestBookLife(t *testing.T) {
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "a", "b") // neither is there yet
	s := open(t, dir)

	in := store.Book{ID: 77, Title: "Emma", Author: "Jane Austen", Cover: true, Tags: []string{"a\xff"}}
	b := create(t, s, in)
	if b.ID != 1 || b.Cover || b.Created.IsZero() || b.Updated != b.Created || b.Tags[0] != "a\uFFFD" {
		t.Errorf("Create: %+v", b)
	}
	if in.Tags[0] != "a\xff" {
		t.Error("Create changed the tags of its argument")
	}

	updated, err := s.Update(ctx, 1, func(b *store.Book) error {
		b.ID, b.Cover, b.Created, b.Updated = 9, true, b.Created.AddDate(1, 0, 0), b.Created.AddDate(1, 0, 0)
		b.Title, b.Tags = "Emma 2", nil
		return nil
	})
	want := b
	want.Title, want.Tags, want.Updated = "Emma 2", []string{}, updated.Updated
	if err != nil || !reflect.DeepEqual(updated, want) || !updated.Updated.After(b.Updated) {
		t.Errorf("Update: %+v, %v, want %+v", updated, err, want)
	}

	oops := errors.New("oops")
	if _, err := s.Update(ctx, 1, func(b *store.Book) error { b.Title = "lost"; return oops }); err != oops {
		t.Errorf("Update: %v, want %v", err, oops)
	}
	for _, state := range []string{"open", "opened again"} {
		if got, err := s.Get(ctx, 1); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: Get: %+v, %v, want %+v", state, got, err, want)
		}
		s = reopen(t, s, dir)
	}

	if err := s.Delete(ctx, 1); err != nil {
		t.Error(err)
	}
	for _, state := range []string{"open", "opened again"} {
		if _, err := s.Get(ctx, 1); err != store.ErrNotFound {
			t.Errorf("%s: Get: %v, want %v", state, err, store.ErrNotFound)
		}
		s = reopen(t, s, dir)
	}
	if b := create(t, s, in); b.ID != 2 {
		t.Errorf("id %d was given twice", b.ID)
	}
}

func TestUpdatedGrows(t *testing.T) {
	s := filled(t)
	last := all(t, s)[0]
	for range 50 {
		b, err := s.Update(t.Context(), 1, func(*store.Book) error { return nil })
		if err != nil || !b.Updated.After(last.Updated) || !b.Created.Equal(last.Created) {
			t.Fatalf("%+v after %+v, %v", b, last, err)
		}
		last = b
	}
}

// Also where the clock has gone back since the last change.
func TestUpdatedGrowsAgainstClock(t *testing.T) {
	const text = `[{"put":{"book":{"id":1,"tags":[],"updated":"2999-12-31T23:59:59Z"}}}]`
	s := open(t, folder(t, store.AppendRecord([]byte(store.Magic), text), nil))
	b, err := s.Update(t.Context(), 1, func(*store.Book) error { return nil })
	if got, want := b.Updated.String(), "2999-12-31 23:59:59.000001 +0000 UTC"; err != nil || got != want {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

func TestErrors(t *testing.T) {
	s := filled(t)
	ctx := t.Context()
	done, cancel := context.WithCancel(ctx)
	cancel()
	keep := func(*store.Book) error { return nil }
	before := all(t, s)
	for _, test := range []struct {
		name string
		do   func() error
		want error
	}{
		{"get", func() error { _, err := s.Get(ctx, 5); return err }, store.ErrNotFound},
		{"update", func() error { _, err := s.Update(ctx, 0, keep); return err }, store.ErrNotFound},
		{"delete", func() error { return s.Delete(ctx, -1) }, store.ErrNotFound},
		{"cover of no book", func() error { return s.PutCover(ctx, 5, strings.NewReader("x"), "") }, store.ErrNotFound},
		{"open cover of no book", func() error { _, _, err := s.OpenCover(ctx, 5); return err }, store.ErrNotFound},
		{"open no cover", func() error { _, _, err := s.OpenCover(ctx, 1); return err }, store.ErrNoCover},
		{"taken", func() error { _, err := s.Create(ctx, store.Book{ISBN: "9780141439587"}); return err }, store.ErrExists},
		{"taken, in an update", func() error {
			_, err := s.Update(ctx, 4, func(b *store.Book) error { b.ISBN = "978 0141 439587"; return nil })
			return err
		}, store.ErrExists},
		{"sort", func() error { _, _, err := s.List(ctx, store.ListOptions{Sort: "isbn"}); return err }, store.ErrSort},
		{"sort, minus alone", func() error { _, _, err := s.List(ctx, store.ListOptions{Sort: "-"}); return err }, store.ErrSort},
		{"create, done", func() error { _, err := s.Create(done, store.Book{}); return err }, context.Canceled},
		{"get, done", func() error { _, err := s.Get(done, 1); return err }, context.Canceled},
		{"list, done", func() error { _, _, err := s.List(done, store.ListOptions{}); return err }, context.Canceled},
		{"update, done", func() error { _, err := s.Update(done, 1, keep); return err }, context.Canceled},
		{"delete, done", func() error { return s.Delete(done, 1) }, context.Canceled},
		{"put cover, done", func() error { return s.PutCover(done, 1, strings.NewReader("x"), "") }, context.Canceled},
		{"open cover, done", func() error { _, _, err := s.OpenCover(done, 1); return err }, context.Canceled},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := test.do(); err != test.want {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	if after := all(t, s); !reflect.DeepEqual(after, before) {
		t.Errorf("errors left %+v, want %+v", after, before)
	}
	if found := s.Search(done, "emma", 0); len(found) > 0 {
		t.Errorf("Search, done: %v", ids(found))
	}
}

func TestStatusCode(t *testing.T) {
	for err, want := range map[error]int{
		store.ErrNotFound: 404,
		store.ErrNoCover:  404,
		store.ErrExists:   409,
		store.ErrSort:     400,
		store.ErrTooLarge: 413,
		store.ErrClosed:   503,
	} {
		if got := err.(interface{ StatusCode() int }).StatusCode(); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}

// An ISBN is free again once no book has it.
func TestISBN(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	setISBN := func(id int, isbn string) error {
		_, err := s.Update(t.Context(), id, func(b *store.Book) error { b.ISBN = isbn; return nil })
		return err
	}
	create(t, s, store.Book{ISBN: "1-x"})
	create(t, s, store.Book{})
	for _, step := range []struct {
		do   func() error
		want error
	}{
		{func() error { return setISBN(2, "1X") }, store.ErrExists},
		{func() error { return setISBN(1, "1 x") }, nil}, // it is its own
		{func() error { return setISBN(1, "") }, nil},
		{func() error { return setISBN(2, "1X") }, nil},
		{func() error { return setISBN(1, "1-X") }, store.ErrExists},
		{func() error { return s.Delete(t.Context(), 2) }, nil},
		{func() error { return setISBN(1, "1-X") }, nil},
	} {
		if err := step.do(); err != step.want {
			t.Errorf("got %v, want %v", err, step.want)
		}
		s = reopen(t, s, dir)
	}
}

func TestList(t *testing.T) {
	s := filled(t)
	for _, test := range []struct {
		o    store.ListOptions
		want []int
	}{
		{store.ListOptions{}, []int{1, 2, 3, 4}},
		{store.ListOptions{Sort: "-id"}, []int{4, 3, 2, 1}},
		{store.ListOptions{Sort: "title"}, []int{2, 1, 4, 3}},
		{store.ListOptions{Sort: "author"}, []int{2, 4, 1, 3}},
		{store.ListOptions{Sort: "-author"}, []int{3, 1, 2, 4}},
		{store.ListOptions{Sort: "year"}, []int{1, 2, 3, 4}},
		{store.ListOptions{Sort: "-year"}, []int{3, 4, 2, 1}},
		{store.ListOptions{Sort: "price"}, []int{2, 1, 3, 4}},
		{store.ListOptions{Sort: "created"}, []int{1, 2, 3, 4}},
		{store.ListOptions{Limit: 2}, []int{1, 2}},
		{store.ListOptions{Offset: 1, Limit: 2}, []int{2, 3}},
		{store.ListOptions{Offset: 3, Limit: 2}, []int{4}},
		{store.ListOptions{Offset: 4, Limit: 2}, []int{}},
		{store.ListOptions{Offset: 400}, []int{}},
		{store.ListOptions{Offset: -1, Limit: -1}, []int{1, 2, 3, 4}},
	} {
		books, total, err := s.List(t.Context(), test.o)
		if err != nil || total != 4 || books == nil || !slices.Equal(ids(books), test.want) {
			t.Errorf("%+v: %v of %d, %v, want %v of 4", test.o, ids(books), total, err, test.want)
		}
	}
	if _, err := s.Update(t.Context(), 2, func(*store.Book) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if books, _, _ := s.List(t.Context(), store.ListOptions{Sort: "-updated", Limit: 1}); books[0].ID != 2 {
		t.Errorf("updated last: book %d, want 2", books[0].ID)
	}
}

func TestSearch(t *testing.T) {
	s := filled(t)
	for _, test := range []struct {
		text  string
		limit int
		want  []int
	}{
		{"emma", 0, []int{1}},
		{"DUBLIN", 0, []int{2}},
		{"james joyce", 0, []int{2, 4}},
		{" joyce\tjames ", 0, []int{2, 4}},
		{"joyce ulysses", 0, []int{4}},
		{"james", 1, []int{2}},
		{"CLASSIC", 0, []int{1, 3}},
		{"classic emma austen", 0, []int{1}},
		{"stories short", 0, []int{2}},
		{"ÇALI", 0, []int{3}},
		{"REŞAT KUŞU", 0, []int{3}},
		{"emma joyce", 0, []int{}},
		{"classiccomedy", 0, []int{}},
		{"1922", 0, []int{}},
		{" ", 0, []int{}},
		{"", 0, []int{}},
	} {
		got := s.Search(t.Context(), test.text, test.limit)
		if got == nil || !slices.Equal(ids(got), test.want) {
			t.Errorf("%q: %v, want %v", test.text, ids(got), test.want)
		}
	}
}

// What callers do to a book they were given stays with them.
func TestNoSharing(t *testing.T) {
	s := filled(t)
	ctx := t.Context()
	spoil := func(b store.Book, err error) {
		if err != nil {
			t.Error(err)
		}
		b.Tags[0] = "spoilt"
	}
	spoil(s.Get(ctx, 1))
	spoil(s.Update(ctx, 1, func(*store.Book) error { return nil }))
	spoil(s.Create(ctx, store.Book{Title: "x", Tags: []string{"x"}}))
	spoil(s.Search(ctx, "emma", 0)[0], nil)
	spoil(all(t, s)[0], nil)
	s.Update(ctx, 1, func(b *store.Book) error { spoil(*b, nil); return errors.New("no") })
	var kept *store.Book
	s.Update(ctx, 1, func(b *store.Book) error { kept = b; return nil })
	spoil(*kept, nil)
	for _, b := range all(t, s) {
		if slices.Contains(b.Tags, "spoilt") {
			t.Errorf("book %d is spoilt", b.ID)
		}
	}
}

func TestCover(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	create(t, s, shelf[0])
	b := create(t, s, shelf[1])
	putCover(t, s, 2, "first")
	first, _, err := s.OpenCover(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	putCover(t, s, 2, "second")

	got, err := io.ReadAll(first)
	if err != nil || string(got) != "first" {
		t.Errorf("a cover that is replaced while it is read: %q, %v", got, err)
	}
	for range 2 {
		checkCover(t, s, 1, "")
		checkCover(t, s, 2, "second")
		if got, err := s.Get(t.Context(), 2); err != nil || !got.Cover || !got.Updated.After(b.Updated) {
			t.Errorf("%+v, %v", got, err)
		}
		if names := covers(t, dir); len(names) != 1 {
			t.Errorf("covers: %v, want one", names)
		}
		s = reopen(t, s, dir)
	}
	if b, err := s.Update(t.Context(), 2, func(b *store.Book) error { b.Cover = false; return nil }); err != nil || !b.Cover {
		t.Errorf("Update: %+v, %v", b, err)
	}
	checkCover(t, s, 2, "second")
	if err := s.Delete(t.Context(), 2); err != nil {
		t.Error(err)
	}
	if names := covers(t, dir); len(names) != 0 {
		t.Errorf("covers of no book: %v", names)
	}
}

// A failing reader leaves the old cover and no file.
func TestCoverReadError(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	create(t, s, shelf[0])
	putCover(t, s, 1, "old")
	r := io.MultiReader(strings.NewReader("half"), errReader{io.ErrUnexpectedEOF})
	err := s.PutCover(t.Context(), 1, r, "image/png")
	if !errors.Is(err, io.ErrUnexpectedEOF) || err.Error() != "store: cover of book 1: unexpected EOF" {
		t.Errorf("got %v", err)
	}
	checkCover(t, s, 1, "old")
	if names := covers(t, dir); len(names) != 1 {
		t.Errorf("covers: %v, want one", names)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// A book can go while its cover comes.
func TestCoverOfDeleted(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	create(t, s, shelf[0])
	r := readerFunc(func([]byte) (int, error) { return 0, errors.Join(s.Delete(t.Context(), 1), io.EOF) })
	if err := s.PutCover(t.Context(), 1, onlyEOF{r}, ""); err != store.ErrNotFound {
		t.Errorf("got %v, want %v", err, store.ErrNotFound)
	}
	if names := covers(t, dir); len(names) != 0 {
		t.Errorf("covers: %v", names)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// onlyEOF unwraps io.EOF, which readers return as it is.
type onlyEOF struct{ r io.Reader }

func (o onlyEOF) Read(p []byte) (int, error) {
	n, err := o.r.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.EOF
	}
	return n, err
}

func TestClose(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	create(t, s, shelf[0])
	putCover(t, s, 1, "x")
	ctx := t.Context()
	if err := s.Start(ctx); err != nil {
		t.Errorf("Start: %v", err)
	}
	if err := s.Stop(ctx); err != nil {
		t.Errorf("Stop: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close after Stop: %v", err)
	}
	_, createErr := s.Create(ctx, store.Book{})
	_, updateErr := s.Update(ctx, 1, func(*store.Book) error { return nil })
	_, _, openErr := s.OpenCover(ctx, 1)
	for name, err := range map[string]error{
		"Start":     s.Start(ctx),
		"Create":    createErr,
		"Update":    updateErr,
		"Delete":    s.Delete(ctx, 1),
		"PutCover":  s.PutCover(ctx, 1, strings.NewReader(""), ""),
		"OpenCover": openErr,
	} {
		if err != store.ErrClosed {
			t.Errorf("%s: %v, want %v", name, err, store.ErrClosed)
		}
	}
	if b, err := s.Get(ctx, 1); err != nil || b.Title != "Emma" {
		t.Errorf("Get: %+v, %v", b, err)
	}
}

// Many writers and readers at once: no ISBN is given twice, no update is lost,
// and what was acknowledged is there when the store is opened again.
func TestConcurrent(t *testing.T) {
	const writers, rounds = 8, 15
	dir := t.TempDir()
	s := open(t, dir)
	ctx := t.Context()
	create(t, s, store.Book{Title: "counter"})

	var wg sync.WaitGroup
	var mu sync.Mutex
	created := make(map[int]string)
	for w := range writers {
		wg.Go(func() {
			for i := range rounds {
				title := fmt.Sprintf("%d of %d", i, w)
				b, err := s.Create(ctx, store.Book{Title: title, ISBN: fmt.Sprint("isbn ", i)})
				switch {
				case err == nil:
					mu.Lock()
					created[b.ID] = title
					mu.Unlock()
					if got, err := s.Get(ctx, b.ID); err != nil || got.Title != title {
						t.Errorf("read after write: %+v, %v", got, err)
					}
				case err != store.ErrExists:
					t.Error(err)
				}
				if _, err := s.Update(ctx, 1, func(b *store.Book) error { b.Price++; return nil }); err != nil {
					t.Error(err)
				}
				if err := s.PutCover(ctx, 1, strings.NewReader(title), "image/"+title); err != nil {
					t.Error(err)
				}
				if f, _, err := s.OpenCover(ctx, 1); err != nil {
					t.Error(err)
				} else {
					f.Close()
				}
				s.List(ctx, store.ListOptions{Sort: "-updated", Limit: 3})
				s.Search(ctx, "of", 3)
			}
		})
	}
	wg.Wait()

	if len(created) != rounds {
		t.Errorf("%d books with %d ISBNs", len(created), rounds)
	}
	before := all(t, s)
	s = reopen(t, s, dir)
	if after := all(t, s); !reflect.DeepEqual(after, before) {
		t.Errorf("after: %+v\nbefore: %+v", after, before)
	}
	if b, _ := s.Get(ctx, 1); b.Price != writers*rounds {
		t.Errorf("%d updates, want %d", b.Price, writers*rounds)
	}
	for id, title := range created {
		if b, err := s.Get(ctx, id); err != nil || b.Title != title {
			t.Errorf("book %d: %+v, %v, want %q", id, b, err, title)
		}
	}
	if names := covers(t, dir); len(names) != 1 {
		t.Errorf("covers: %v, want one", names)
	}
}

// Writers who come while a sync runs share the next one; and nobody sees a
// book before it is on disk.
func TestGroupCommit(t *testing.T) {
	const writers = 20
	s := open(t, t.TempDir())
	syncing, goOn := make(chan struct{}), make(chan struct{})
	s.SetLog(func(f store.LogFile) store.LogFile {
		return &hookedLog{LogFile: f, sync: func() error {
			syncing <- struct{}{}
			<-goOn
			return f.Sync()
		}}
	})
	var wg sync.WaitGroup
	add := func() {
		if _, err := s.Create(t.Context(), store.Book{}); err != nil {
			t.Error(err)
		}
	}
	wg.Go(add)
	<-syncing
	for range writers {
		wg.Go(add)
	}
	for s.Waiting() < writers {
		runtime.Gosched()
	}
	if books := all(t, s); len(books) > 0 {
		t.Errorf("books %v are seen before they are synced", ids(books))
	}
	goOn <- struct{}{}
	<-syncing
	if books := all(t, s); len(books) != 1 {
		t.Errorf("books %v are seen, want 1", ids(books))
	}
	goOn <- struct{}{}
	wg.Wait() // a third sync would never end
	if n := len(all(t, s)); n != 1+writers {
		t.Errorf("%d books, want %d", n, 1+writers)
	}
	s.SetLog(func(f store.LogFile) store.LogFile { return f.(*hookedLog).LogFile })
}

// Close writes what has joined a batch, rather than dropping it.
func TestCloseWhileWriting(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	wait, err := s.Join(t.Context(), shelf[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := wait(); err != nil {
		t.Errorf("the writer was told: %v", err)
	}
	if n := len(all(t, open(t, dir))); n != 1 {
		t.Errorf("%d books, want 1", n)
	}
}

// A function that panics leaves a store that works.
func TestUpdatePanics(t *testing.T) {
	s := filled(t)
	func() {
		defer func() { recover() }()
		s.Update(t.Context(), 1, func(b *store.Book) error { b.Title = "lost"; panic("oops") })
	}()
	b, err := s.Update(t.Context(), 1, func(b *store.Book) error { b.Year++; return nil })
	if err != nil || b.Title != "Emma" || b.Year != 1816 {
		t.Errorf("%+v, %v", b, err)
	}
}

// hookedLog is a log with other methods where they are set.
type hookedLog struct {
	store.LogFile
	write func([]byte) (int, error)
	sync  func() error
}

func (f *hookedLog) Write(p []byte) (int, error) {
	if f.write != nil {
		return f.write(p)
	}
	return f.LogFile.Write(p)
}

func (f *hookedLog) Sync() error {
	if f.sync != nil {
		return f.sync()
	}
	return f.LogFile.Sync()
}

// Random changes, against a map that keeps what the store should.
func TestModel(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			dir := t.TempDir()
			s := open(t, dir)
			model, pictures, last := make(map[int]store.Book), make(map[int]string), 0
			taken := func(isbn string, id int) bool {
				for _, b := range model {
					if isbn != "" && b.ISBN == isbn && b.ID != id {
						return true
					}
				}
				return false
			}
			for i := range 120 {
				id := 1 + r.IntN(last+1)
				_, there := model[id]
				isbn := []string{"", "1", "2", "3", "4"}[r.IntN(5)]
				var b store.Book
				var err, want error
				switch r.IntN(5) {
				case 0, 1:
					id = last + 1
					if taken(isbn, id) {
						want = store.ErrExists
					}
					if b, err = s.Create(t.Context(), store.Book{Title: fmt.Sprint(i), ISBN: isbn}); err == nil {
						last, model[id] = id, b
					}
				case 2:
					if !there {
						want = store.ErrNotFound
					} else if taken(isbn, id) {
						want = store.ErrExists
					}
					b, err = s.Update(t.Context(), id, func(b *store.Book) error { b.ISBN = isbn; return nil })
					if err == nil {
						model[id] = b
					}
				case 3:
					if !there {
						want = store.ErrNotFound
					}
					err = s.Delete(t.Context(), id)
					delete(model, id)
					delete(pictures, id)
				case 4:
					if !there {
						want = store.ErrNotFound
					}
					picture := fmt.Sprint(i)
					if err = s.PutCover(t.Context(), id, strings.NewReader(picture), "image/"+picture); err == nil {
						pictures[id] = picture
						b, _ := s.Get(t.Context(), id)
						if !b.Cover {
							t.Errorf("%+v has no cover", b)
						}
						old := model[id]
						old.Cover, old.Updated = true, b.Updated
						model[id] = old
					}
				}
				if err != want {
					t.Fatalf("step %d: %v, want %v", i, err, want)
				}
				if r.IntN(10) == 0 {
					s = reopen(t, s, dir)
				}
			}
			s = reopen(t, s, dir)
			wantBooks := []store.Book{}
			for _, id := range slices.Sorted(maps.Keys(model)) {
				wantBooks = append(wantBooks, model[id])
				checkCover(t, s, id, pictures[id])
			}
			if got := all(t, s); !reflect.DeepEqual(got, wantBooks) {
				t.Errorf("got %+v\nwant %+v", got, wantBooks)
			}
			if names := covers(t, dir); len(names) != len(pictures) {
				t.Errorf("%d covers in the folder, want %d", len(names), len(pictures))
			}
		})
	}
}

func BenchmarkCreate(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprint("writers=", writers), func(b *testing.B) {
			s := open(b, b.TempDir())
			b.ReportAllocs()
			b.SetParallelism(writers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := s.Create(b.Context(), store.Book{Title: "Emma", Author: "Jane Austen"}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
