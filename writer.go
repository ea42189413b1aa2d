package gongular

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// A responseWriter is a Context as Context.Writer returns it: the server's
// writer, with an eye on what goes through it. The engine's own answers go
// through it too, so that status and size are known in one place.
type responseWriter Context

func (w *responseWriter) Header() http.Header {
	if w.bind.W != nil {
		return w.bind.W.Header()
	}
	m := (*Context)(w).more()
	if m.header == nil {
		m.header = http.Header{}
	}
	return m.header
}

// WriteHeader sends the header. A second call is logged and does nothing.
func (w *responseWriter) WriteHeader(status int) {
	if w.started {
		(*Context)(w).misused("a second status is ignored: the header is sent", "status", status, "sent", w.sent)
		return
	}
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.started, w.sent = true, int16(status)
	}
	if w.bind.W != nil {
		w.bind.W.WriteHeader(status)
	}
}

// start sends the header with the context's status, unless one was sent.
func (w *responseWriter) start() {
	if w.started {
		return
	}
	status := int(w.status)
	if status < 200 || status > 999 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
}

func (w *responseWriter) Write(p []byte) (int, error) {
	w.start()
	if w.bind.W == nil {
		return len(p), nil
	}
	n, err := w.bind.W.Write(p)
	if !(*Context)(w).isHead() { // what net/http takes for HEAD, it does not send
		(*Context)(w).count(n)
	}
	return n, err
}

// ReadFrom keeps the way open for sendfile.
func (w *responseWriter) ReadFrom(r io.Reader) (int64, error) {
	if w.bind.W == nil {
		return io.Copy(struct{ io.Writer }{w}, r)
	}
	w.start()
	n, err := io.Copy(w.bind.W, r)
	if !(*Context)(w).isHead() {
		(*Context)(w).count(int(n))
	}
	return n, err
}

func (w *responseWriter) Flush() { w.FlushError() }

// FlushError is what http.ResponseController calls.
func (w *responseWriter) FlushError() error {
	if w.bind.W == nil {
		return http.ErrNotSupported
	}
	w.start()
	return http.NewResponseController(w.bind.W).Flush()
}

func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.bind.W == nil {
		return nil, nil, http.ErrNotSupported
	}
	conn, rw, err := http.NewResponseController(w.bind.W).Hijack()
	if err == nil {
		w.started, (*Context)(w).more().hijacked = true, true
	}
	return conn, rw, err
}

// Unwrap lets http.ResponseController through to the server's writer.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.bind.W }
