package middleware

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// A writer is the response as a handler has it. There is one for each request,
// which all entries share:
//
//	handler → writer → layers of Compress, ETag, Timeout → sink → the server's writer
//
// It comes in two forms, with Flush and without, as the server's does.
type writer struct {
	rec     *record
	under   http.ResponseWriter
	top     layer // where the handler's calls go first
	asked   int32 // the status that the handler set; 0: none
	sent    int32 // the status that went out; 0: none
	flushes bool
	size    atomic.Int64 // bytes of the body that went out; may be read by any goroutine

	hijacked bool
}

// A layer changes what a handler writes. It embeds the layer below, and calls
// that for what it lets through. Its methods see the handler's calls unchanged;
// those that see a body implement ReadFrom by copyTo.
//
// An entry puts a layer on top with
//
//	out, w := rec.writerFor(w)
//	l := &someLayer{layer: out.top}
//	out.top = l
//	defer func() { out.top = l.layer }()
//
// so that it is off again when the handler returns or panics.
type layer interface {
	http.ResponseWriter
	http.Hijacker
	io.ReaderFrom
	FlushError() error
}

// A sink is a writer as the lowest layer, which writes to the server.
type sink writer

// A flushWriter is a writer over one that can flush.
type flushWriter struct{ writer }

var (
	_ http.Hijacker   = (*writer)(nil)
	_ io.ReaderFrom   = (*writer)(nil)
	_ io.StringWriter = (*writer)(nil)
	_ http.Flusher    = (*flushWriter)(nil)
	_ layer           = (*sink)(nil)
)

// canFlush reports whether http.ResponseController could flush w.
func canFlush(w http.ResponseWriter) bool {
	for {
		switch x := w.(type) {
		case http.Flusher, interface{ FlushError() error }:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = x.Unwrap()
		default:
			return false
		}
	}
}

// face returns the writer in the form that handlers get.
func (w *flushWriter) face() http.ResponseWriter {
	if w.flushes {
		return w
	}
	return &w.writer
}

// ownWriter returns w as a writer of ours, and whether it is one.
func ownWriter(w http.ResponseWriter) (*writer, bool) {
	switch w := w.(type) {
	case *flushWriter:
		return &w.writer, true
	case *writer:
		return w, true
	}
	return nil, false
}

// writerFor returns the writer to put a layer on, and what the next handler is
// given: w itself, unless someone else has wrapped it in between.
func (rec *record) writerFor(w http.ResponseWriter) (*writer, http.ResponseWriter) {
	if own, ok := ownWriter(w); ok {
		return own, w
	}
	other := &flushWriter{writer{rec: rec, under: w, flushes: canFlush(w)}}
	other.top = (*sink)(&other.writer)
	return &other.writer, other.face()
}

// isFinal reports whether the status is that of the answer itself; others of
// the class 1xx come before it.
func isFinal(status int) bool { return status >= 200 || status == http.StatusSwitchingProtocols }

// Header returns the header of the answer.
func (w *writer) Header() http.Header { return w.top.Header() }

// WriteHeader sends the header. That there can be only one is for the server to say.
func (w *writer) WriteHeader(status int) {
	w.top.WriteHeader(status)
	if w.asked == 0 && isFinal(status) {
		w.asked = int32(status)
	}
}

func (w *writer) ask() {
	if w.asked == 0 {
		w.asked = http.StatusOK
	}
}

func (w *writer) Write(p []byte) (int, error) {
	w.ask()
	return w.top.Write(p)
}

// WriteString does not copy the string if the server's writer does not, and no
// layer has to see it.
func (w *writer) WriteString(s string) (int, error) {
	w.ask()
	switch top := w.top.(type) {
	case *sink:
		n, err := io.WriteString(w.under, s)
		top.wrote(int64(n))
		return n, err
	case io.StringWriter:
		return top.WriteString(s)
	}
	return w.top.Write([]byte(s))
}

// ReadFrom keeps the way open for sendfile, if no layer has to see the body.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	n, err := w.top.ReadFrom(r)
	if n > 0 || err == nil {
		w.ask()
	}
	return n, err
}

// Hijack takes the connection over. If the server cannot give it, the error is
// http.ErrNotSupported.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.top.Hijack() }

// Unwrap lets http.ResponseController through to the server's writer.
func (w *writer) Unwrap() http.ResponseWriter { return w.under }

// AttachSession is [AttachSession] for WebSocket layers that have the response
// writer at hand and do not know this package.
func (w *writer) AttachSession(s interface {
	SendText(msg string) error
	Close(code int, reason string) error
}) {
	w.rec.attach(s)
}

// Flush sends what was written so far.
func (w *flushWriter) Flush() { w.FlushError() }

// FlushError is what http.ResponseController calls.
func (w *flushWriter) FlushError() error {
	w.ask()
	return w.top.FlushError()
}

func (s *sink) Header() http.Header { return s.under.Header() }

func (s *sink) WriteHeader(status int) {
	s.under.WriteHeader(status) // which panics if there is no such status
	if s.sent != 0 || !isFinal(status) {
		return
	}
	s.sent = int32(status)
	if status == http.StatusSwitchingProtocols {
		s.rec.established()
	}
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.under.Write(p)
	s.wrote(int64(n))
	return n, err
}

func (s *sink) ReadFrom(r io.Reader) (n int64, err error) {
	if under, ok := s.under.(io.ReaderFrom); ok {
		n, err = under.ReadFrom(r)
	} else {
		n, err = io.Copy(writerOnly{s.under}, r)
	}
	if n > 0 || err == nil {
		s.wrote(n)
	}
	return n, err
}

// wrote notes that n bytes of the body, and the header before them, are sent.
func (s *sink) wrote(n int64) {
	if s.sent == 0 {
		s.sent = http.StatusOK
	}
	if s.rec.request.Method != http.MethodHead { // what net/http takes for HEAD, it does not send
		s.size.Add(n)
	}
}

func (s *sink) FlushError() error {
	err := http.NewResponseController(s.under).Flush()
	if err == nil {
		s.wrote(0)
	}
	return err
}

func (s *sink) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(s.under).Hijack()
	if err != nil {
		return nil, nil, err
	}
	s.hijacked = true
	if s.sent == 0 {
		s.sent = http.StatusSwitchingProtocols
	}
	if t := s.rec.traffic; t != nil {
		conn, buffered = t.watch(conn, buffered)
	}
	if s.rec.session == nil {
		s.rec.session = new(session)
	}
	s.rec.session.taken(conn)
	s.rec.established()
	return conn, buffered, nil
}

// copyTo is ReadFrom for a layer that has to see the body.
func copyTo(l layer, r io.Reader) (int64, error) { return io.Copy(writerOnly{l}, r) }

// writerOnly hides ReadFrom from io.Copy.
type writerOnly struct{ io.Writer }

// A traffic counts what goes over a connection that was taken over.
type traffic struct {
	received atomic.Int64
	sent     atomic.Int64
	start    time.Time
	arrived  atomic.Int64 // when the last byte came, as time since start
}

// watchTraffic returns the counters of the connection, should the next handler
// take it over. It has to be called before that.
func (rec *record) watchTraffic() *traffic {
	if rec.traffic == nil {
		rec.traffic = &traffic{start: time.Now()}
	}
	return rec.traffic
}

// idle returns for how long no byte has come from the client.
func (t *traffic) idle() time.Duration {
	return time.Since(t.start) - time.Duration(t.arrived.Load())
}

func (t *traffic) read(n int) {
	if n > 0 {
		t.received.Add(int64(n))
		t.arrived.Store(int64(time.Since(t.start)))
	}
}

// watch returns the connection with an eye on it, and the buffers with what they
// hold, bound to it.
func (t *traffic) watch(conn net.Conn, buffered *bufio.ReadWriter) (net.Conn, *bufio.ReadWriter) {
	watched := &watchedConn{conn, t}
	early, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	early = append([]byte(nil), early...) // Reset reuses the buffer
	t.read(len(early))
	buffered.Reader.Reset(&resumed{early, watched})
	buffered.Reader.Peek(len(early)) // Buffered tells of them again
	buffered.Writer.Flush()
	buffered.Writer.Reset(watched)
	return watched, buffered
}

// A resumed reader gives what was read ahead before it goes on reading.
type resumed struct {
	early []byte
	conn  net.Conn
}

func (r *resumed) Read(p []byte) (int, error) {
	if len(r.early) == 0 {
		return r.conn.Read(p)
	}
	n := copy(p, r.early)
	if r.early = r.early[n:]; len(r.early) == 0 {
		r.early = nil
	}
	return n, nil
}

// A watchedConn counts what goes over the connection.
type watchedConn struct {
	net.Conn
	traffic *traffic
}

func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.traffic.read(n)
	return n, err
}

func (c *watchedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.traffic.sent.Add(int64(n))
	return n, err
}

// ReadFrom keeps the way open for sendfile and splice.
func (c *watchedConn) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(c.Conn, r)
	c.traffic.sent.Add(n)
	return n, err
}

// NetConn returns the connection that is watched.
func (c *watchedConn) NetConn() net.Conn { return c.Conn }
