package mego

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/gongular/gongular/mego/internal/wire"
)

// A File is a file that a client has uploaded. It is deleted when its session
// ends, unless it was moved before.
type File struct {
	// Name is the file's name as the client has it, without folders and
	// extension. It is what the client says, and may be empty.
	Name string
	// Size is the number of bytes.
	Size int
	// Extension is what follows the last dot of the client's name.
	Extension string
	// Path is where the file is stored. No part of it comes from the client.
	Path string
	// Keys are for the application. It is not nil.
	Keys map[string]any

	temp *tempFile // nil if the engine did not store it
}

// newFile returns a file with the client's name.
func newFile(name string) *File {
	f := &File{Keys: make(map[string]any)}
	f.Name, f.Extension = splitName(cleanName(name))
	return f
}

// FullName returns name and extension, with a dot between.
func (f *File) FullName() string {
	if f.Extension == "" {
		return f.Name
	}
	return f.Name + "." + f.Extension
}

// Move moves the file to another path, where it may replace one. It is the
// application's from then on. If that fails, the file stays where it is.
func (f *File) Move(dest string) error {
	if err := move(f.Path, dest); err != nil {
		return fmt.Errorf("mego: %w", err)
	}
	f.Path = dest
	f.temp.release()
	return nil
}

// Remove deletes the file. That there is none is no error.
func (f *File) Remove() error {
	if f.Path == "" {
		return nil
	}
	if err := os.Remove(f.Path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("mego: %w", err)
	}
	f.temp.release()
	return nil
}

// rename is os.Rename, which tests let fail as between two file systems.
var rename = os.Rename

// move renames a file, or copies it where it cannot be renamed.
func move(from, to string) error {
	cannot := rename(from, to)
	if cannot == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return cannot
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(to), "mego-*")
	if err != nil {
		return cannot
	}
	_, err = io.Copy(out, in)
	if closing := out.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(out.Name(), to)
	}
	if err != nil {
		os.Remove(out.Name())
		return err
	}
	return os.Remove(from)
}

// longestName is how much of a client's name is kept, in bytes.
const longestName = 255

// cleanName returns a name without folders, control characters and what is not
// UTF-8.
func cleanName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.ToValidUTF8(name, "\uFFFD")
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, name)
	if name == "." || name == ".." {
		return ""
	}
	if len(name) > longestName {
		base, extension := splitName(name)
		if extension != "" && len(extension) < longestName/2 {
			return cut(base, longestName-1-len(extension)) + "." + extension
		}
		return cut(name, longestName)
	}
	return name
}

// cut returns the beginning of s, of at most n bytes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// splitName splits off what follows the last dot, if there is something before
// and after it.
func splitName(name string) (base, extension string) {
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 || dot == len(name)-1 {
		return name, ""
	}
	return name[:dot], name[dot+1:]
}

// defaultField is the field of a file that is given none.
const defaultField = "File1"

// GetFiles returns the files of a field, in the order in which they were sent.
// Without a name it is the field File1, or else the first one. The error is
// [ErrFileNotFound].
func (c *Context) GetFiles(name ...string) ([]*File, error) {
	wanted := defaultField
	if len(name) > 0 {
		wanted = name[0]
	}
	files := c.field(wanted)
	if files == nil && len(name) == 0 {
		for _, f := range c.files {
			if len(f.files) > 0 {
				files = f.files
				break
			}
		}
	}
	if files == nil {
		return nil, ErrFileNotFound
	}
	return files, nil
}

// field returns the files of a field of that name, or of one that differs in
// case only.
func (c *Context) field(name string) []*File {
	for _, f := range c.files {
		if f.name == name && len(f.files) > 0 {
			return f.files
		}
	}
	for _, f := range c.files {
		if strings.EqualFold(f.name, name) && len(f.files) > 0 {
			return f.files
		}
	}
	return nil
}

// GetFile returns the first file of a field. See GetFiles.
func (c *Context) GetFile(name ...string) (*File, error) {
	files, err := c.GetFiles(name...)
	if err != nil {
		return nil, err
	}
	return files[0], nil
}

// MustGetFiles is GetFiles that panics with [ErrFileNotFound]. [Recovery] makes
// [StatusInvalid] of it.
func (c *Context) MustGetFiles(name ...string) []*File {
	files, err := c.GetFiles(name...)
	if err != nil {
		panic(err)
	}
	return files
}

// MustGetFile is GetFile that panics as MustGetFiles does.
func (c *Context) MustGetFile(name ...string) *File {
	return c.MustGetFiles(name...)[0]
}

// A fileProblem is why files are refused.
type fileProblem struct {
	status int
	reason string
}

func (e *fileProblem) Error() string { return "mego: " + e.reason }

// refuse answers a request whose file is refused.
func (c *Context) refuse(err *fileProblem, field string, name string) {
	c.RespondWithError(err.status, H{"field": field, "name": strings.ToValidUTF8(name, "\uFFFD")}, err)
}

// storeFiles stores the whole files of a request. If it does not, the request
// has been answered, and nothing is stored.
func (p *peer) storeFiles(c *Context, fields []wire.Field, limits MethodOption) bool {
	count := 0
	for _, field := range fields {
		count += len(field.Files)
	}
	if exceeds(count, p.core.MaxFiles) {
		c.RespondWithError(StatusInvalid, nil, fmt.Errorf("mego: %d files in a request, there may be %d", count, p.core.MaxFiles))
		return false
	}
	for _, field := range fields {
		for _, f := range field.Files {
			if problem := checkFile(f, limits); problem != nil {
				c.refuse(problem, field.Name, f.Name)
				return false
			}
		}
	}
	for _, sent := range fields {
		stored := field{name: sent.Name}
		for _, f := range sent.Files {
			file, problem := p.store(f)
			if problem != nil {
				c.files = append(c.files, stored)
				c.discardFiles()
				c.refuse(problem, sent.Name, f.Name)
				return false
			}
			stored.files = append(stored.files, file)
		}
		c.files = append(c.files, stored)
	}
	return true
}

func (c *Context) discardFiles() {
	for _, field := range c.files {
		for _, f := range field.files {
			f.temp.discard()
		}
	}
	c.files = nil
}

func checkFile(f wire.File, limits MethodOption) *fileProblem {
	switch {
	case len(f.Binary) == 0:
		return &fileProblem{StatusFileEmpty, "the file is empty"}
	case exceeds(len(f.Binary), limits.MaxFileSize):
		return &fileProblem{StatusFileTooLarge, fmt.Sprintf("the file has %d bytes, it may have %d", len(f.Binary), limits.MaxFileSize)}
	case len(f.Sum) > 0 && !sumFits(f.Sum, f.Binary):
		return errWrongSum
	}
	return nil
}

// store stores a whole file.
func (p *peer) store(f wire.File) (*File, *fileProblem) {
	temp, problem := p.newTemp()
	if problem != nil {
		return nil, problem
	}
	if problem := temp.append(f.Binary); problem != nil {
		temp.discard()
		if problem == errRetry { // there is no chunk to send again
			problem = errDisk
		}
		return nil, problem
	}
	file := newFile(f.Name)
	file.Size, file.Path, file.temp = len(f.Binary), temp.path, temp
	return file, nil
}
