package main

import (
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/mego"
)

// How much may be shared. When there is more, the oldest file has to go.
const (
	maxChunk = mego.MB
	maxFile  = 32 * mego.MB
	maxFiles = 200
	maxBytes = 256 * mego.MB // of all files
)

// A shelf has the files that were shared, in a folder of its own.
type shelf struct {
	dir string

	mu    sync.Mutex
	files []stored // the oldest first
	bytes int
}

// A stored file is one on the shelf, under its ID.
type stored struct {
	id, room, name string
	size           int
}

func newShelf() (*shelf, error) {
	dir, err := os.MkdirTemp("", "megochat-")
	return &shelf{dir: dir}, err
}

// put moves a file that was uploaded to the shelf, and returns its ID, which
// nobody can guess.
func (s *shelf) put(room string, f *mego.File) (id string, err error) {
	id = strings.ToLower(rand.Text())
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := f.Move(s.path(id)); err != nil {
		return "", err
	}
	s.files = append(s.files, stored{id, room, fileName(f), f.Size})
	s.bytes += f.Size
	for len(s.files) > maxFiles || s.bytes > maxBytes {
		s.remove(s.files[0])
		s.files = s.files[1:]
	}
	return id, nil
}

// fileName is the name to download the file under.
func fileName(f *mego.File) string {
	if name := f.FullName(); name != "" {
		return name
	}
	return "file"
}

func (s *shelf) path(id string) string { return filepath.Join(s.dir, "shared-"+id) }

// remove deletes a file, for who holds s.mu. A download that has begun goes on.
func (s *shelf) remove(f stored) {
	s.bytes -= f.size
	os.Remove(s.path(f.id)) // what is left is removed with the folder
}

// clear deletes the files of a room.
func (s *shelf) clear(room string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = slices.DeleteFunc(s.files, func(f stored) bool {
		if f.room == room {
			s.remove(f)
		}
		return f.room == room
	})
}

// find returns the file of the ID.
func (s *shelf) find(id string) (f stored, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.files, func(f stored) bool { return f.id == id })
	if i < 0 {
		return stored{}, false
	}
	return s.files[i], true
}

// close deletes everything.
func (s *shelf) close() error { return os.RemoveAll(s.dir) }

// download sends a file, to be saved and never shown: it may be anything.
type download struct {
	Param struct{ ID string }
	Shelf *shelf
}

func (h *download) Handle(c *gongular.Context) error {
	f, ok := h.Shelf.find(h.Param.ID)
	if !ok {
		return gongular.Error(http.StatusNotFound, "the file is gone")
	}
	c.Header("Content-Type", "application/octet-stream")
	c.Header("Cache-Control", "private, no-store")
	c.Attachment(f.name)
	return c.File(h.Shelf.path(f.id))
}
