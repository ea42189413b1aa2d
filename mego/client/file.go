package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// A File is a file of a [Request], all of it.
type File struct {
	// Binary are the bytes.
	Binary []byte
	// ID is the number of the file. If 0, it is the client's next one.
	ID int
	// Parts are the number of chunks and which one this is. For a whole file, as
	// all of SendFile, it is empty.
	Parts []int
	// Name is the file's name, without folders.
	Name string
	// Sum is the SHA-256 of the file. If nil, Option.Checksum decides.
	Sum []byte
}

// SendFile adds a file: a path (string), whose last element is the name; an
// *os.File, from where it stands; a []byte, which has no name and must not be
// changed; or an io.Reader, which has none either. It is read at once, and is all
// in memory.
//
// Without a field, fields are File1, File2 and so on.
func (r *Request) SendFile(file any, fieldName ...string) *Request {
	if r == nil {
		return nil
	}
	if r.upload != nil {
		return r.fail(ErrChunkWithFiles)
	}
	f, err := readFile(file)
	if err != nil {
		return r.fail(err)
	}
	field := r.field(fieldName)
	if r.Files == nil {
		r.Files = make(map[string][]*File)
	}
	r.Files[field] = append(r.Files[field], f)
	return r
}

// SendFiles adds several files, as SendFile does: all to the field, if one is
// given.
func (r *Request) SendFiles(files []any, fieldName ...string) *Request {
	for _, file := range files {
		r.SendFile(file, fieldName...)
	}
	return r
}

// field returns the field of a file.
func (r *Request) field(fieldName []string) string {
	if len(fieldName) > 0 && fieldName[0] != "" {
		return fieldName[0]
	}
	r.unnamed++
	return "File" + strconv.Itoa(r.unnamed)
}

// readFile reads a file that is to be sent whole.
func readFile(file any) (f *File, err error) {
	f = new(File)
	switch x := file.(type) {
	case string:
		f.Name = filepath.Base(x)
		f.Binary, err = os.ReadFile(x)
	case []byte:
		f.Binary = x
	case *os.File:
		if x != nil {
			f.Name = filepath.Base(x.Name())
		}
		f.Binary, err = io.ReadAll(x)
	case io.Reader:
		f.Binary, err = io.ReadAll(x)
	default:
		err = noFile(file)
	}
	if err != nil {
		return nil, readError(err)
	}
	return f, nil
}

func noFile(v any) error {
	return fmt.Errorf("a %T is no path, *os.File, []byte or io.Reader", v)
}

func readError(err error) error { return fmt.Errorf("mego: the file cannot be read: %w", err) }

// A source has the bytes of a file of which the size is known.
type source interface {
	// read fills p with what is at the offset.
	read(p []byte, offset int64) error
}

// openSource returns what has the bytes, how many there are, and the name. A file
// that it has opened is returned too.
func openSource(file any) (s source, size int64, name string, opened *os.File, err error) {
	switch x := file.(type) {
	case string:
		if opened, err = os.Open(x); err != nil {
			return nil, 0, "", nil, err
		}
		if size, err = regularSize(opened); err != nil {
			opened.Close()
			return nil, 0, "", nil, err
		}
		return &seekable{r: opened}, size, filepath.Base(x), opened, nil
	case []byte:
		return &seekable{r: bytes.NewReader(x)}, int64(len(x)), "", nil, nil
	case *os.File:
		if _, err := regularSize(x); err != nil {
			return nil, 0, "", nil, err
		}
		s, size, err = newSeekable(x)
		return s, size, filepath.Base(x.Name()), nil, err
	case io.ReadSeeker:
		s, size, err = newSeekable(x)
		return s, size, "", nil, err
	case interface {
		io.Reader
		Len() int
	}:
		return &forward{r: x}, int64(x.Len()), "", nil, nil
	case io.Reader:
		return nil, 0, "", nil, fmt.Errorf("the length of a %T is not known, as chunks need it", file)
	}
	return nil, 0, "", nil, noFile(file)
}

var errNotRegular = errors.New("it is no regular file")

func regularSize(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, errNotRegular
	}
	return info.Size(), nil
}

// A seekable source can be read again.
type seekable struct {
	r         io.ReadSeeker
	start, at int64
}

// newSeekable returns a source that begins where r stands.
func newSeekable(r io.ReadSeeker) (s *seekable, size int64, err error) {
	start, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, 0, err
	}
	end, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, 0, err
	}
	if _, err := r.Seek(start, io.SeekStart); err != nil {
		return nil, 0, err
	}
	return &seekable{r: r, start: start, at: start}, end - start, nil
}

func (s *seekable) read(p []byte, offset int64) error {
	if s.at != s.start+offset {
		if _, err := s.r.Seek(s.start+offset, io.SeekStart); err != nil {
			return err
		}
	}
	n, err := io.ReadFull(s.r, p)
	s.at = s.start + offset + int64(n)
	return err
}

// A forward source can only be read once, and has the last piece of it.
type forward struct {
	r      io.Reader
	at     int64 // of what is next
	last   []byte
	lastAt int64
}

var errOnce = errors.New("it can be read only once, and the server asks for its beginning")

func (s *forward) read(p []byte, offset int64) error {
	switch {
	case offset == s.at:
		n, err := io.ReadFull(s.r, p)
		s.last, s.lastAt = append(s.last[:0], p[:n]...), s.at
		s.at += int64(n)
		return err
	case offset == s.lastAt && len(p) == len(s.last):
		copy(p, s.last)
		return nil
	}
	return errOnce
}
