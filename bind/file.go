package bind

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A File is an uploaded file of a multipart form, open for reading from its
// beginning. It is closed, and what of it is on disk removed, when the request
// is over.
//
// A Form has a field of type *File for one file, which must be sent unless the
// field is tagged `valid:"optional"` or `form:"name,optional"`, or []*File for
// all files of the key. The tag file:"max=5MB,types=image/png|application/pdf"
// limits each file's size (B, KB, MB or GB, powers of 1024) and its type, which
// is told from its first 512 bytes: what the client says of it is not believed.
type File struct {
	File   multipart.File
	Header *multipart.FileHeader
}

// ContentType returns the type that the file's first 512 bytes tell, by
// [http.DetectContentType]; the reading position stays as it was.
func (f *File) ContentType() (string, error) {
	var head [512]byte
	n, err := f.File.ReadAt(head[:], 0)
	if err != nil && err != io.EOF {
		return "", err
	}
	return http.DetectContentType(head[:n]), nil
}

// SaveIn copies the whole file into root under a new random name, which it
// returns. The name has the usual extension of the file's type, if it has one,
// and nothing of the name that the client gave. A file that could not be
// written whole is removed.
func (f *File) SaveIn(root *os.Root) (name string, err error) {
	ct, err := f.ContentType()
	if err != nil {
		return "", err
	}
	name = rand.Text() + extension(ct)
	if _, err := f.File.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, f.File)
	if err = errors.Join(err, out.Close()); err != nil {
		return "", errors.Join(err, root.Remove(name))
	}
	return name, nil
}

// extension is the same on every machine, unlike mime.ExtensionsByType's first.
func extension(contentType string) string {
	mt, _, _ := mime.ParseMediaType(contentType)
	switch mt {
	case "image/jpeg":
		return ".jpg"
	case "text/plain":
		return ".txt"
	case "text/html":
		return ".html"
	case "image/png", "image/gif", "image/webp", "image/bmp", "application/pdf", "application/zip", "audio/mpeg", "video/mp4", "video/webm":
		_, sub, _ := strings.Cut(mt, "/")
		return "." + sub
	}
	return ""
}

var (
	fileType      = reflect.TypeFor[*File]()
	fileSliceType = reflect.TypeFor[[]*File]()
)

// A fileRule is what the tag file demands of each file.
type fileRule struct {
	optional bool
	max      int64 // 0: no limit
	types    []string
}

func (c *fieldCompiler) compileFile(f *field, sf reflect.StructField, optional bool) bool {
	if c.src != Form {
		c.fail(f.name, "a file can be bound in Form only")
		return false
	}
	f.shape = file
	if f.typ == fileSliceType {
		f.shape = files
		// Here required is as good as the opposite of optional: an empty list is none.
		optional = !hasOption(sf.Tag.Get("valid"), "required")
	}
	if f.csv {
		c.fail(f.name, "the option csv is for slices of values, not for files")
		return false
	}
	f.file.optional = optional
	for part := range strings.SplitSeq(sf.Tag.Get("file"), ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		var err error
		switch key {
		case "":
		case "max":
			f.file.max, err = parseSize(value)
		case "types":
			f.file.types, err = parseTypes(value)
		default:
			err = fmt.Errorf("unknown rule %q; there are max, types", key)
		}
		if err != nil {
			c.fail(f.name, "the tag file:%q: %w", sf.Tag.Get("file"), err)
			return false
		}
	}
	return true
}

func parseSize(s string) (int64, error) {
	digits := strings.TrimRight(s, "BKMGT")
	shift, ok := map[string]int{"": 0, "B": 0, "KB": 10, "MB": 20, "GB": 30}[s[len(digits):]]
	n, err := strconv.ParseInt(digits, 10, 32)
	if !ok || err != nil || n <= 0 {
		return 0, fmt.Errorf("%q is not a size like 512KB or 5MB", s)
	}
	return n << shift, nil
}

func parseTypes(s string) ([]string, error) {
	types := strings.Split(s, "|")
	for _, t := range types {
		if kind, sub, ok := strings.Cut(t, "/"); !ok || kind == "" || sub == "" || strings.ContainsAny(t, " ;") {
			return nil, fmt.Errorf("%q is not a type like image/png or image/*", t)
		}
	}
	return types, nil
}

// check returns the reason and status if the file breaks the rule.
func (r *fileRule) check(f *File) (reason string, status int, err error) {
	if r.max > 0 && f.Header.Size > r.max {
		return fmt.Sprintf("larger than the limit of %d bytes for this file", r.max), http.StatusRequestEntityTooLarge, nil
	}
	if r.types == nil {
		return "", 0, nil
	}
	ct, err := f.ContentType()
	if err != nil {
		return "", 0, err
	}
	mt, _, _ := strings.Cut(ct, ";")
	kind, _, _ := strings.Cut(mt, "/")
	if slices.Contains(r.types, mt) || slices.Contains(r.types, kind+"/*") {
		return "", 0, nil
	}
	return fmt.Sprintf("is %s; accepted is %s", mt, strings.Join(r.types, ", ")), http.StatusUnsupportedMediaType, nil
}
