package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A cover says where the picture of a book is. A file under its final name is
// never written to: a new picture has a new name, and counts from the moment
// the log names it.
type cover struct {
	File string `json:"file"` // in the folder of covers
	Type string `json:"type"` // media type
}

// PutCover stores what r holds as the cover of a book, in place of the one it
// may have. An error of r is returned wrapped, and changes nothing; how much
// r may hold is for the caller to limit.
func (s *Store) PutCover(ctx context.Context, id int, r io.Reader, contentType string) error {
	if _, err := s.find(ctx, id); err != nil {
		return err // before reading what nobody wants
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	c := &cover{File: fmt.Sprintf("%d-%s", id, rand.Text()), Type: strings.ToValidUTF8(contentType, "\uFFFD")}
	if err := writeFile(s.root, path.Join(coversDir, c.File), r); err != nil {
		return fmt.Errorf("store: cover of book %d: %w", id, err)
	}
	var old *cover
	recorded := false
	err := s.commit(ctx, func(t *table) (change, error) {
		e, ok := t.books[id]
		if !ok {
			return change{}, ErrNotFound
		}
		old = e.Cover
		b := e.Book
		b.Cover, b.Updated = true, stamp(b.Updated)
		recorded = true
		return put(t, &entry{Book: b, Cover: c})
	})
	if err == nil {
		s.removeCover(old)
	} else if !recorded { // otherwise the log may name it all the same
		s.removeCover(c)
	}
	return err
}

// OpenCover opens the cover of a book for reading, and returns its media type.
// The file stays readable while the cover is replaced or deleted. The caller
// closes it.
func (s *Store) OpenCover(ctx context.Context, id int) (*os.File, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	// A file is removed after the table has ceased to name it, so it is there
	// as long as the table is locked.
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, ok := s.live.books[id]
	switch {
	case !ok:
		return nil, "", ErrNotFound
	case e.Cover == nil:
		return nil, "", ErrNoCover
	}
	f, err := s.root.Open(path.Join(coversDir, e.Cover.File))
	switch {
	case errors.Is(err, fs.ErrClosed):
		return nil, "", ErrClosed
	case err != nil:
		return nil, "", fmt.Errorf("store: cover of book %d: %w", id, err)
	}
	return f, e.Cover.Type, nil
}

// removeCover removes the file of c, if there is one. That can fail, for
// instance where a file in use can not be removed; then Open does it.
func (s *Store) removeCover(c *cover) {
	if c != nil {
		s.root.Remove(path.Join(coversDir, c.File))
	}
}

// checkCovers removes the files that no book names, and makes sure that those
// of the books are all there.
func (s *Store) checkCovers(files []fs.DirEntry) error {
	want := make(map[string]int) // file to id
	for id, e := range s.live.books {
		if e.Cover != nil {
			want[e.Cover.File] = id
		}
	}
	for _, file := range files {
		if _, ok := want[file.Name()]; ok {
			delete(want, file.Name())
			continue
		}
		if file.IsDir() {
			continue // not ours
		}
		if err := s.root.Remove(path.Join(coversDir, file.Name())); err != nil {
			return err
		}
	}
	if len(want) > 0 {
		file := slices.Min(slices.Collect(maps.Keys(want)))
		return fmt.Errorf("%s is missing, the cover of book %d", filepath.Join(s.root.Name(), coversDir, file), want[file])
	}
	return nil
}
