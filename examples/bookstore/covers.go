package main

import (
	"net/http"
	"path/filepath"
	"strconv"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/examples/bookstore/store"
)

// uploadCover takes the picture of a book, as in
//
//	curl -X PUT -H 'Authorization: Bearer secret' -F cover=@emma.png http://127.0.0.1:8080/books/1/cover
//
// A larger file is answered 413, and what is neither PNG nor JPEG 415: by its
// bytes, not by what the client calls it.
type uploadCover struct {
	Param struct{ ID int }
	Form  struct {
		Cover *gongular.UploadedFile `form:"cover" file:"max=2MB,types=image/png|image/jpeg"`
	}
	Store *store.Store
}

func (h *uploadCover) Handle(c *gongular.Context) error {
	contentType, err := h.Form.Cover.ContentType()
	if err != nil {
		return err
	}
	if err := h.Store.PutCover(c.Context(), h.Param.ID, h.Form.Cover.File, contentType); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// showCover answers with the picture, or with the range of it that was asked
// for, or with 304 to a client that has it.
type showCover struct {
	Param struct{ ID int }
	Store *store.Store
}

func (h *showCover) Handle(c *gongular.Context) error {
	f, contentType, err := h.Store.OpenCover(c.Context(), h.Param.ID)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	c.Header("Content-Type", contentType)
	c.Header("X-Content-Type-Options", "nosniff")
	c.Header("Cache-Control", "no-cache") // to be kept, but asked about each time
	// A cover has a file of its own, never written again: the name is the version.
	c.Header("Etag", strconv.Quote(filepath.Base(f.Name())))
	// net/http knows ranges and conditions, and takes the answer's writer.
	http.ServeContent(c.Writer(), c.Request(), "", info.ModTime(), f)
	return nil
}
