package gongtest

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A recorder is the ResponseWriter of one request. It does with an answer what
// net/http does before it sends one, and takes down what a server would refuse
// or only log.
type recorder struct {
	client *Client
	name   string // of the request
	method string
	header http.Header // the handler's

	mu       sync.Mutex
	status   int         // 0 until the header is written
	where    string      // it was written; "" where nobody but the framework did
	sent     http.Header // the header as it was then
	length   int64       // the declared Content-Length, or -1
	written  int64       // bytes that the handler wrote, refused ones among them
	body     []byte
	flushed  bool // what is written so far has left the buffer
	deadline time.Time
	closed   bool
	mistakes []string
}

// bufferSize is that of net/http: a larger answer leaves before the handler
// returns, and so without a Content-Length of the server's.
const bufferSize = 2048

func newRecorder(c *Client, method, name string) *recorder {
	return &recorder{client: c, name: name, method: method, header: http.Header{}, length: -1}
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(status)
}

func (w *recorder) writeHeader(status int) {
	at := callerLocation()
	if w.closed {
		w.client.tooLate("%s: wrote the status %d%s after the handler had returned", w.name, status, at)
		return
	}
	if w.status != 0 {
		w.mistake("wrote the status %d%s, but %d was written%s before", status, at, w.status, w.where)
		return
	}
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", status)) // as net/http does
	}
	if status < 200 && status != http.StatusSwitchingProtocols {
		return
	}
	w.status, w.where = status, at
	w.sent = http.Header{}
	for key, values := range w.header {
		if strings.HasPrefix(key, http.TrailerPrefix) {
			continue
		}
		key = http.CanonicalHeaderKey(key)
		w.sent[key] = nil // present, even if it is to be left out
		for _, v := range values {
			v = textproto.TrimString(strings.NewReplacer("\n", " ", "\r", " ").Replace(v))
			w.sent[key] = append(w.sent[key], v)
		}
	}
	if cl := w.header.Get("Content-Length"); cl != "" {
		n, err := strconv.ParseInt(cl, 10, 64)
		if err != nil || n < 0 {
			w.mistake("wrote the Content-Length %q%s, which is no number of bytes", cl, at)
			w.sent.Del("Content-Length")
			return
		}
		w.length = n
	}
}

func (w *recorder) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		w.client.tooLate("%s: wrote %d bytes%s after the handler had returned", w.name, len(p), callerLocation())
		return 0, errors.New("the request is over")
	}
	if w.status == 0 {
		w.writeHeader(http.StatusOK)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if !bodyAllowed(w.status) {
		w.mistake("wrote %d bytes of body%s for the status %s, which has none", len(p), callerLocation(), statusText(w.status))
		return 0, http.ErrBodyNotAllowed
	}
	if w.status == http.StatusResetContent && w.written == 0 { // net/http sends it all the same
		w.mistake("wrote %d bytes of body%s for the status %s, which has none (RFC 9110, section 15.3.6)", len(p), callerLocation(), statusText(w.status))
	}
	w.written += int64(len(p))
	if w.length >= 0 && w.written > w.length {
		w.mistake("wrote %d bytes of body%s, more than the Content-Length of %d", w.written, callerLocation(), w.length)
		return 0, http.ErrContentLength
	}
	w.body = append(w.body, p...)
	if len(w.body) > bufferSize {
		w.flush()
	}
	return len(p), nil
}

// bodyAllowed reports whether net/http takes a body for the status.
func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

func (w *recorder) Flush() { w.FlushError() }

// FlushError is what http.ResponseController calls.
func (w *recorder) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		w.client.tooLate("%s: flushed%s after the handler had returned", w.name, callerLocation())
		return errors.New("the request is over")
	}
	if w.status == 0 {
		w.writeHeader(http.StatusOK)
	}
	w.flush()
	return nil
}

// flush completes the header as the server does when it sends it.
func (w *recorder) flush() {
	if w.flushed {
		return
	}
	w.flushed = true
	coded := w.sent.Get("Transfer-Encoding") != ""
	switch _, typed := w.sent["Content-Type"]; {
	case !bodyAllowed(w.status):
		w.sent.Del("Content-Length")
		if w.status == http.StatusNotModified {
			w.sent.Del("Content-Type")
		}
	case !typed && !coded && w.sent.Get("Content-Encoding") == "" && len(w.body) > 0:
		w.sent.Set("Content-Type", http.DetectContentType(w.body))
	}
	w.sent.Del("Transfer-Encoding")
	if w.method != http.MethodHead && bodyAllowed(w.status) && w.length < 0 {
		w.sent.Del("Trailer") // it stands before the body, and a client keeps it apart
	}
	for key, values := range w.sent {
		if len(values) == 0 {
			delete(w.sent, key)
		}
	}
}

// finish completes the answer when the handler has returned.
func (w *recorder) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.status == 0 {
		w.writeHeader(http.StatusOK)
	}
	if w.length >= 0 && w.written < w.length && bodyAllowed(w.status) && w.method != http.MethodHead {
		w.mistake("wrote %d bytes of body, less than the Content-Length of %d", w.written, w.length)
	}
	_, declared := w.sent["Content-Length"]
	trailers := len(w.sent["Trailer"]) > 0 || w.sent.Get("Transfer-Encoding") != ""
	if !w.flushed && !declared && !trailers && bodyAllowed(w.status) && (w.method != http.MethodHead || len(w.body) > 0) {
		w.sent.Set("Content-Length", strconv.Itoa(len(w.body)))
	}
	w.flush()
	if w.method == http.MethodHead {
		w.body = nil
	}
}

// close ends the request, whatever became of it.
func (w *recorder) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
}

func (w *recorder) over() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

func (w *recorder) mistake(format string, args ...any) {
	w.mistakes = append(w.mistakes, fmt.Sprintf(format, args...))
}

// Misused is what an engine calls for what it holds back of a second answer.
func (w *recorder) Misused(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mistake("%s", strings.TrimSpace(what))
}

// SetReadDeadline is what http.ResponseController calls. A deadline that is over
// fails the next Read of the body, but does not interrupt one.
func (w *recorder) SetReadDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deadline = t
	return nil
}

func (w *recorder) readDeadline() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.deadline
}

// SetWriteDeadline does nothing: nothing is slow to take an answer here.
func (w *recorder) SetWriteDeadline(time.Time) error { return nil }

// EnableFullDuplex does nothing: body and answer never wait for each other here.
func (w *recorder) EnableFullDuplex() error { return nil }

// callerLocation returns " at file:line" of the call into the standard library
// or the framework that led here, or "" if the request itself is that.
func callerLocation() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		frame, more := frames.Next()
		if strings.HasSuffix(frame.Function, "gongtest.(*Client).handle") || !more {
			return ""
		}
		if !passesOn(frame.Function) {
			return fmt.Sprintf(" at %s:%d", filepath.Base(frame.File), frame.Line)
		}
	}
}

// passesOn reports whether the function only hands on what another writes.
func passesOn(function string) bool {
	for _, prefix := range []string{
		"bufio.", "bytes.", "compress/", "encoding/", "fmt.", "html/template.", "io.", "log.", "net/http.",
		"runtime.", "strings.", "sync.", "text/template.",
		"github.com/gongular/gongular.", "github.com/gongular/gongular/gongtest.",
	} {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return false
}
