package middleware

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// ETag returns middleware that gives small answers a strong ETag (RFC 9110
// section 8.8.3), made of their bytes, and answers 304 without a body if the
// request's If-None-Match has it. To know the bytes, it holds back up to so many
// of the body until the handler returns.
//
// It lets through as they are: answers to other methods than GET and HEAD, to
// requests for a Range and for an upgrade; those with another status than 200;
// those with ETag, Set-Cookie, Content-Range, Trailer, Cache-Control: no-store or
// Content-Type: text/event-stream; and those that are longer, or flushed.
//
// Small ones cost the server all the same, but not the network. It panics if the
// limit is below 1.
func ETag(limit int) Middleware {
	mustHave(limit > 0, "ETag", fmt.Sprintf("a limit of %d bytes", limit))
	return func(next http.Handler) http.Handler {
		tagged := entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
			out, w := rec.writerFor(w)
			l := &etagLayer{layer: out.top, limit: limit}
			out.top = l
			defer func() { out.top = l.layer }()
			next.ServeHTTP(w, r)
			l.finish(r)
		})(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			reads := r.Method == http.MethodGet || r.Method == http.MethodHead
			if reads && r.Header["Range"] == nil && r.Header["Upgrade"] == nil {
				tagged.ServeHTTP(w, r)
			} else {
				next.ServeHTTP(w, r)
			}
		})
	}
}

// An etagLayer holds an answer back until all of it is there, or too much.
type etagLayer struct {
	layer
	limit  int
	held   []byte
	header http.Header // as it was when the handler sent it; nil: not yet, or passing
	passes bool        // nothing is held back any more
}

func (l *etagLayer) WriteHeader(status int) {
	if l.header == nil && !l.passes && isFinal(status) {
		h := l.Header()
		if status == http.StatusOK && l.takes(h) {
			l.header = maps.Clone(h)
			return
		}
		l.passes = true
	}
	if isFinal(status) {
		l.release() // a second status is for the server to complain about
	}
	l.layer.WriteHeader(status)
}

// takes reports whether an answer with this header may get an ETag.
func (l *etagLayer) takes(h http.Header) bool {
	for _, field := range [...]string{"Etag", "Set-Cookie", "Content-Range", "Trailer"} {
		if h[field] != nil {
			return false
		}
	}
	if length := h.Get("Content-Length"); length != "" {
		if n, err := strconv.Atoi(length); err != nil || n > l.limit {
			return false
		}
	}
	return !hasToken(h["Cache-Control"], "no-store") && !strings.HasPrefix(h.Get("Content-Type"), "text/event-stream")
}

func (l *etagLayer) Write(p []byte) (int, error) {
	l.begin()
	if !l.passes && len(l.held)+len(p) > l.limit {
		l.release()
	}
	if l.passes {
		return l.layer.Write(p)
	}
	l.held = append(l.held, p...)
	return len(p), nil
}

// begin sends the header, unless the handler has.
func (l *etagLayer) begin() {
	if l.header == nil && !l.passes {
		l.WriteHeader(http.StatusOK)
	}
}

// ReadFrom leaves the way open for sendfile if nothing is held back.
func (l *etagLayer) ReadFrom(r io.Reader) (int64, error) {
	if l.begin(); l.passes {
		return l.layer.ReadFrom(r)
	}
	return copyTo(l, r)
}

func (l *etagLayer) FlushError() error {
	l.begin()
	l.release()
	return l.layer.FlushError()
}

// release sends what was held back; what follows passes.
func (l *etagLayer) release() {
	l.passes = true
	if l.header == nil {
		return
	}
	l.restore()
	l.layer.WriteHeader(http.StatusOK)
	if len(l.held) > 0 {
		l.layer.Write(l.held)
		l.held = nil
	}
}

// restore undoes what the handler did to the header after it was sent.
func (l *etagLayer) restore() {
	h := l.Header()
	clear(h)
	maps.Copy(h, l.header)
	l.header = nil
}

// finish answers what is still held back.
func (l *etagLayer) finish(r *http.Request) {
	if l.header == nil {
		return
	}
	length := strconv.Itoa(len(l.held))
	announced := l.header.Get("Content-Length")
	// An answer to HEAD need not have been written, and one that breaks off
	// is shorter than announced.
	if announced != "" && announced != length || announced == "" && len(l.held) == 0 && r.Method == http.MethodHead {
		l.release()
		return
	}
	tag := etagOf(l.held)
	if !matches(r.Header["If-None-Match"], tag) {
		l.header["Etag"] = []string{tag}
		l.header["Content-Length"] = []string{length}
		l.release()
		return
	}
	l.restore()
	h := l.Header()
	for _, field := range [...]string{"Content-Type", "Content-Length", "Content-Encoding", "Last-Modified"} {
		h.Del(field)
	}
	h["Etag"] = []string{tag}
	l.passes = true
	l.layer.WriteHeader(http.StatusNotModified)
}

// etagOf returns the strong ETag of a body.
func etagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// matches reports whether one of the If-None-Match fields has the tag, strong or
// weak, or is a star (RFC 9110 section 13.1.2).
func matches(values []string, tag string) bool {
	if len(values) == 1 && values[0] == "*" {
		return true
	}
	for _, value := range values {
		// A tag may have commas in it, but ours has none, and no quotes.
		for item := range strings.SplitSeq(value, ",") {
			if strings.TrimPrefix(strings.Trim(item, " \t"), "W/") == tag {
				return true
			}
		}
	}
	return false
}
