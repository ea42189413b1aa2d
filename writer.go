package gongular

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// A responseWriter is what Context.Writer returns: the server's writer, with an
// eye on what goes through it. The engine's own answers go through it too, so
// that status and size are known in one place.
type responseWriter struct {
	c        *Context
	w        http.ResponseWriter // nil for a zero Context
	header   http.Header         // for a zero Context
	jsonType [1]string           // a value for the header, without an allocation of its own
	status   int
	size     int
	started  bool // the header is sent, or the connection taken over
	hijacked bool
}

func (w *responseWriter) Header() http.Header {
	if w.w != nil {
		return w.w.Header()
	}
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

// WriteHeader sends the header. A second call is logged and does nothing.
func (w *responseWriter) WriteHeader(status int) {
	if w.started {
		w.c.Slog().Warn("a second status is ignored: the header is sent", "status", status, "sent", w.status)
		return
	}
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.started, w.status = true, status
	}
	if w.w != nil {
		w.w.WriteHeader(status)
	}
}

// start sends the header with the context's status, unless one was sent.
func (w *responseWriter) start() {
	if w.started {
		return
	}
	status := w.c.status
	if status < 200 || status > 999 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
}

// head reports whether the body is not to be sent.
func (w *responseWriter) head() bool {
	return w.c.req != nil && w.c.req.Method == http.MethodHead
}

func (w *responseWriter) Write(p []byte) (int, error) {
	w.start()
	if w.head() || w.w == nil {
		return len(p), nil
	}
	n, err := w.w.Write(p)
	w.size += n
	return n, err
}

// ReadFrom keeps the way open for sendfile.
func (w *responseWriter) ReadFrom(r io.Reader) (int64, error) {
	w.start()
	if w.head() || w.w == nil {
		return io.Copy(io.Discard, r)
	}
	n, err := io.Copy(w.w, r)
	w.size += int(n)
	return n, err
}

func (w *responseWriter) Flush() { w.FlushError() }

// FlushError is what http.ResponseController calls.
func (w *responseWriter) FlushError() error {
	if w.w == nil {
		return http.ErrNotSupported
	}
	w.start()
	return http.NewResponseController(w.w).Flush()
}

func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.w == nil {
		return nil, nil, http.ErrNotSupported
	}
	conn, rw, err := http.NewResponseController(w.w).Hijack()
	if err == nil {
		w.started, w.hijacked = true, true
	}
	return conn, rw, err
}

// Unwrap lets http.ResponseController through to the server's writer.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.w }
