package gongular

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
)

// FileOptions say what ServeFiles does beyond serving files.
type FileOptions struct {
	// Listing lists the files of folders that have no index.html. By default
	// they are 404.
	Listing bool
	// Dotfiles serves files and folders whose names begin with a dot. By default
	// they are 404.
	Dotfiles bool
	// Fallback is a file, "index.html" say, that answers GET requests for paths
	// that do not exist, have no extension and accept text/html: for
	// applications that route in the browser. The default is none.
	Fallback string
}

// ServeFiles serves the files of root under the path: with index.html for a
// folder, types, ETags, ranges and conditions. Nothing outside of root is
// served, also not by way of symbolic links if root is an [http.Dir]; for
// others that is the file system's matter. Use [http.FS] for an [fs.FS].
func (r *Router) ServeFiles(path string, root http.FileSystem, options ...FileOptions) {
	// For all methods, so that a handler mounted beside it is more specific; what
	// is neither GET nor HEAD is refused as if it were not there.
	rt := &Route{router: r}
	var err error
	files := &fileHandler{}
	switch {
	case root == nil:
		err = errors.New("a nil file system")
	case len(options) > 1:
		err = errors.New("more than one FileOptions")
	case len(options) == 1:
		files.options = options[0]
	}
	if dir, ok := root.(http.Dir); ok {
		root = rootedDir(dir)
	}
	files.root = visibleFiles{root, files.options}
	if files.options.Fallback != "" && !fs.ValidPath(files.options.Fallback) {
		err = fmt.Errorf("FileOptions.Fallback: %q is not the path of a file", files.options.Fallback)
	}
	r.mustRegister(rt, strings.TrimRight(path, "/")+"/{file...}", []RequestHandler{files}, err)
}

// ServeFile serves one file of the file system under the path. A file that does
// not exist, or is a folder, is 404.
func (r *Router) ServeFile(path, file string) {
	rt := &Route{router: r, method: http.MethodGet}
	r.mustRegister(rt, path, []RequestHandler{&oneFile{file}}, nil)
}

type oneFile struct{ name string }

func (h *oneFile) Handle(c *Context) error {
	err := c.File(h.name)
	if StatusCode(err) == http.StatusNotFound && err != nil {
		return c.notFound()
	}
	return err
}

// notFound answers as for a path that no route takes.
func (c *Context) notFound() error {
	c.more().verdict = &verdict{status: http.StatusNotFound}
	return unfound{}.Handle(c)
}

// A rootedDir is an [http.Dir] that cannot be left, symbolic links or not.
type rootedDir string

func (d rootedDir) Open(name string) (http.File, error) {
	dir := string(d)
	if dir == "" {
		dir = "."
	}
	rel := strings.TrimPrefix(path.Clean("/"+name), "/")
	if rel == "" {
		rel = "."
	}
	f, err := os.OpenInRoot(dir, rel)
	if err != nil {
		// A link that leads out is as good as none; what the reason was is no
		// matter of the client's.
		if !errors.Is(err, fs.ErrPermission) {
			err = fs.ErrNotExist
		}
		return nil, err
	}
	return f, nil
}

// visibleFiles are the files of a root that may be seen.
type visibleFiles struct {
	http.FileSystem
	FileOptions
}

func (v visibleFiles) Open(name string) (http.File, error) {
	if !v.Dotfiles && hasDotfile(name) {
		return nil, fs.ErrNotExist
	}
	f, err := v.FileSystem.Open(name)
	if err != nil || v.Dotfiles && v.Listing {
		return f, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if !info.IsDir() {
		return f, nil
	}
	if !v.Listing && !v.hasIndex(name) {
		f.Close()
		return nil, fs.ErrNotExist
	}
	return visibleDir{f, v.Dotfiles}, nil
}

func (v visibleFiles) hasIndex(name string) bool {
	f, err := v.FileSystem.Open(path.Join(name, "index.html"))
	if err != nil {
		return false
	}
	f.Close()
	return true
}

func hasDotfile(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") {
			return true
		}
	}
	return false
}

// A visibleDir lists no dotfiles.
type visibleDir struct {
	http.File
	dotfiles bool
}

func (d visibleDir) Readdir(count int) ([]fs.FileInfo, error) {
	infos, err := d.File.Readdir(count)
	if d.dotfiles {
		return infos, err
	}
	kept := infos[:0]
	for _, info := range infos {
		if !strings.HasPrefix(info.Name(), ".") {
			kept = append(kept, info)
		}
	}
	return kept, err
}

// A fileHandler serves files. Files are its own matter, so that they have ETags
// and errors are the engine's; redirects and listings are http.FileServer's.
type fileHandler struct {
	options FileOptions
	root    visibleFiles
}

func (h *fileHandler) Handle(c *Context) error {
	if c.bind.R.Method != http.MethodGet && c.bind.R.Method != http.MethodHead {
		return c.notAllowed(http.MethodGet, http.MethodHead)
	}
	name := "/" + c.bind.R.PathValue("file")
	escaped := strings.ToLower(c.bind.R.URL.EscapedPath())
	if strings.Contains(escaped, "%2f") || strings.Contains(escaped, "%5c") {
		return c.notFound() // an escaped separator is no separator, and no file has it
	}
	f, err := h.root.Open(path.Clean(name))
	if err != nil {
		return h.missing(c, name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return h.missing(c, name, err)
	}
	if info.IsDir() && strings.HasSuffix(c.bind.R.URL.Path, "/") {
		if index, err := h.root.Open(path.Join(path.Clean(name), "index.html")); err == nil {
			defer index.Close()
			if info, err := index.Stat(); err == nil && !info.IsDir() {
				serveContent(c.Writer(), c.bind.R, info, index)
				return nil
			}
		}
	}
	if info.IsDir() || strings.HasSuffix(name, "/index.html") || strings.HasSuffix(name, "/") {
		http.FileServer(h.root).ServeHTTP(c.Writer(), withPath(c.bind.R, name, ""))
		return nil
	}
	serveContent(c.Writer(), c.bind.R, info, f)
	return nil
}

// missing answers for a file that cannot be opened.
func (h *fileHandler) missing(c *Context, name string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return Error(http.StatusForbidden, "").Wrap(err)
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
		return Error(http.StatusInternalServerError, "").Wrap(err)
	}
	if h.options.Fallback == "" || path.Ext(name) != "" || hasDotfile(name) || !acceptsHTML(c.bind.R) {
		return c.notFound()
	}
	f, err := h.root.Open("/" + h.options.Fallback)
	if err != nil {
		return c.notFound()
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return c.notFound()
	}
	c.Headers().Add("Vary", "Accept")
	serveContent(c.Writer(), c.bind.R, info, f)
	return nil
}

func acceptsHTML(r *http.Request) bool {
	for _, line := range r.Header["Accept"] {
		for t := range strings.SplitSeq(line, ",") {
			mt, params, err := mime.ParseMediaType(t)
			if err != nil || mt != "text/html" {
				continue
			}
			if q, err := strconv.ParseFloat(params["q"], 64); err != nil || q > 0 {
				return true
			}
		}
	}
	return false
}

// serveContent is http.ServeContent with an ETag, unless there is one: made of
// time and size, or of the content where a small file has no time, as those of
// package embed.
func serveContent(w http.ResponseWriter, r *http.Request, info fs.FileInfo, content io.ReadSeeker) {
	if w.Header().Get("Etag") == "" {
		if tag := etag(info, content); tag != "" {
			w.Header().Set("Etag", `"`+tag+`"`)
		}
	}
	http.ServeContent(w, r, info.Name(), info.ModTime(), content)
}

// maxHashed is the size up to which the content of a file is its ETag.
const maxHashed = 1 << 20

func etag(info fs.FileInfo, content io.ReadSeeker) string {
	if modified := info.ModTime(); !modified.IsZero() {
		return strconv.FormatInt(modified.UnixNano(), 36) + "-" + strconv.FormatInt(info.Size(), 36)
	}
	if info.Size() > maxHashed {
		return ""
	}
	sum := sha256.New()
	_, err := io.Copy(sum, content)
	if _, seek := content.Seek(0, io.SeekStart); err != nil || seek != nil {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}
