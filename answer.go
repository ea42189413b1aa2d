package gongular

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
)

// How what a Context has taken becomes an answer: once, as bytes, a stream or JSON.

// Finalize writes the answer: status, header and body. It returns the number of
// bytes of the body. The engine calls it when all handlers have run; a second
// call writes nothing and returns the same.
//
// A body that cannot be encoded, and a status that HTTP does not have, become
// an error for the error handler, of status 500.
func (c *Context) Finalize() int {
	m := c.more()
	c.finalize()
	return m.size
}

func (c *Context) finalize() {
	switch {
	case c.final:
		return
	case c.started:
		if c.body != nil {
			c.misused("the answer was written by way of Writer; the body that was set is ignored")
			closeBody(c.body)
		}
	default:
		if err := c.write(); err != nil {
			c.rescue(Error(http.StatusInternalServerError, "").Wrap(err))
		}
	}
	c.final = true
}

// misused logs a mistake of a handler that changes nothing for the client, and
// tells the writer of it, if that wants to know: those of tests do.
func (c *Context) misused(what string, args ...any) {
	c.Slog().Warn(what, args...)
	for w := c.bind.W; w != nil; {
		switch x := w.(type) {
		case interface{ Misused(what string) }:
			x.Misused(fmt.Sprintln(append([]any{what}, args...)...))
			return
		case interface{ Unwrap() http.ResponseWriter }:
			w = x.Unwrap()
		default:
			return
		}
	}
}

// rescue answers for an answer that could not be written: by the error handler,
// and if that does not help either, with the bare status.
func (c *Context) rescue(err error) {
	if c.started {
		c.brokenOff(err)
		return
	}
	c.clearBody()
	c.writer().Header().Del("Content-Type")
	c.handleError(err)
	if err := c.write(); err != nil {
		c.Slog().Error("the error handler's answer could not be written", "error", err)
		if c.started {
			c.more().aborting = true
			return
		}
		c.clearBody()
		c.status = http.StatusInternalServerError
		c.write()
	}
}

// brokenOff notes that an answer ended in its middle. Closing the connection is
// the only way left to tell the client.
func (c *Context) brokenOff(err error) {
	c.more().aborting = true
	if c.Context().Err() != nil {
		return // it is the client who went away
	}
	c.Slog().Error("an answer broke off", "error", detailed(err))
}

// write writes what is set. An error before the first byte leaves everything to
// be done over.
func (c *Context) write() error {
	status := c.finalStatus()
	if status < 200 || status > 999 {
		return fmt.Errorf("%d is not a status of an answer", status)
	}
	if c.body == nil || bodyless(status) {
		closeBody(c.body)
		c.writer().WriteHeader(status)
		return nil
	}
	switch body := c.body.(type) {
	case []byte:
		return c.writeBytes(status, body)
	case io.Reader:
		c.body = nil // it can be read, and closed, once
		return c.writeReader(status, body)
	default:
		return c.writeJSON(body)
	}
}

// finalStatus is the status of the answer: 200 if none was set.
func (c *Context) finalStatus() int {
	if c.status == 0 {
		return http.StatusOK
	}
	return int(c.status)
}

// bodyless reports whether an answer of the status has no body (RFC 9110,
// sections 15.3.5, 15.3.6 and 15.4.5).
func bodyless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusResetContent || status == http.StatusNotModified
}

// isHead reports whether the header is all that is sent. (What handlers write by
// themselves is net/http's to leave away.)
func (c *Context) isHead() bool {
	return c.bind.R != nil && c.bind.R.Method == http.MethodHead
}

func (c *Context) writeBytes(status int, body []byte) error {
	c.sniff(body)
	return c.writeSized(status, body)
}

func (c *Context) writeSized(status int, body []byte) error {
	head := c.isHead()
	if len(body) > unsized || head {
		c.sized(len(body))
	}
	w := c.bind.W
	if w == nil || c.started {
		c.writer().WriteHeader(status)
	} else {
		c.started, c.sent = true, int16(status)
		w.WriteHeader(status)
	}
	if head || w == nil {
		return nil
	}
	n, err := w.Write(body)
	c.count(n)
	return err
}

// unsized is the most bytes for which net/http sets the Content-Length by itself.
const unsized = 2000

// sniff sets the Content-Type that net/http tells from the first bytes: it does
// so too late for HEAD, and for recorders of answers.
func (c *Context) sniff(first []byte) {
	h := c.writer().Header()
	if _, ok := h["Content-Type"]; !ok && len(first) > 0 && h.Get("Content-Encoding") == "" {
		h.Set("Content-Type", http.DetectContentType(first))
	}
}

func (c *Context) sized(n int) {
	c.writer().Header()["Content-Length"] = []string{strconv.Itoa(n)}
}

func (c *Context) writeJSON(body any) error {
	options := c.options()
	if options.EmptySlices {
		body = emptyNotNull(body)
	}
	enc := json.NewEncoder((*jsonWriter)(c))
	if options.Indent != "" {
		enc.SetIndent("", options.Indent)
	}
	err := enc.Encode(body)
	if err != nil && !c.started {
		return fmt.Errorf("encode the body, a %T: %w", body, err)
	}
	return err
}

// A jsonWriter is a Context as a json.Encoder writes to it: a whole value at
// once, once it is sure that it can be encoded.
type jsonWriter Context

func (w *jsonWriter) Write(p []byte) (int, error) {
	c := (*Context)(w)
	data := p
	if last := len(p) - 1; last >= 0 && p[last] == '\n' {
		data = p[:last]
	}
	if c.started {
		_, err := c.writer().Write(data)
		return len(p), err
	}
	h := c.writer().Header()
	typed := false
	if len(h) > 0 { // it seldom has
		_, typed = h["Content-Type"]
	}
	if !typed {
		h["Content-Type"] = jsonType
	}
	return len(p), c.writeSized(c.finalStatus(), data)
}

// jsonType is the Content-Type of all JSON answers, one for all to save each an
// allocation. It has no room to append to, and Set and Add make a slice of their
// own; nothing may write to its element.
var jsonType = []string{"application/json"}

// emptyNotNull returns an empty slice or map for a nil one, and else v.
func emptyNotNull(v any) any {
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.Slice:
		if rv.IsNil() {
			return reflect.MakeSlice(rv.Type(), 0, 0).Interface()
		}
	case reflect.Map:
		if rv.IsNil() {
			return reflect.MakeMap(rv.Type()).Interface()
		}
	}
	return v
}

// writeReader sends the header once the first bytes are there, so that a reader
// which fails at once can still become an error.
func (c *Context) writeReader(status int, r io.Reader) error {
	defer closeBody(r)
	var first [512]byte
	n, err := io.ReadFull(r, first[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return fmt.Errorf("read the body, a %T: %w", r, err)
	}
	whole := err != nil
	if whole && c.isHead() {
		c.sized(n)
	}
	c.sniff(first[:n])
	c.writer().WriteHeader(status)
	if c.isHead() {
		return nil
	}
	if _, err := c.writer().Write(first[:n]); err != nil || whole {
		return err
	}
	_, err = io.Copy(c.writer(), r)
	return err
}
