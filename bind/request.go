package bind

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"time"
)

// Limits bound what a request may make the server read and hold. They are read
// as they stand: the zero value has no limits, and DefaultLimits the usual ones.
type Limits struct {
	Body        int64         // bytes of a JSON body; 0: no limit
	Form        int64         // bytes of a form; 0: no limit
	FormMemory  int64         // bytes of a multipart form's files in memory, the rest goes to disk
	Keys        int           // keys of a query or form; 0: no limit
	Files       int           // files of a form; 0: no limit
	Depth       int           // nesting of a JSON body; 0: what encoding/json allows, 10,000
	BodyTimeout time.Duration // for a whole JSON body to arrive; 0: no limit
	FormTimeout time.Duration // for a whole form to arrive; 0: no limit

	// Strict refuses unknown and, in JSON, duplicate keys, and JSON names that
	// differ in case only.
	Strict bool

	// Rest is the name of the path's wildcard whose value begins with a slash;
	// "" for none. (No limit, but what else a route has to say.)
	Rest string

	// Decoders decode bodies of further media types into a Body; nil for none.
	Decoders map[string]Decoder
}

// A Decoder makes a value of a body, as [encoding/json.Unmarshal] and
// [encoding/xml.Unmarshal] do. Its errors are shown to clients. It must not
// keep data.
type Decoder = func(data []byte, v any) error

// defaultLimits are the limits where none are given.
var defaultLimits = Limits{
	Body: 4 << 20, Form: 32 << 20, FormMemory: 1 << 20,
	Keys: 1000, Files: 100, Depth: 100,
	BodyTimeout: 10 * time.Second, FormTimeout: time.Minute,
}

// DefaultLimits returns the usual limits: 4 MiB of JSON nested 100 deep within
// 10 s, 32 MiB of form (1 MiB of files in memory) within a minute, 1,000 keys
// and 100 files.
func DefaultLimits() Limits { return defaultLimits }

// A Request is one HTTP request as plans read it. It remembers what can be read
// only once, so that several plans can bind the same body. It belongs to one
// goroutine; [Request.Close] must be called when the request is over.
type Request struct {
	R *http.Request
	// W, if it is not nil, is where a deadline for reading the body is set.
	W http.ResponseWriter

	*bodyState // nil until something is read
}

// reading prepares for reading the body.
func (q *Request) reading() {
	if q.bodyState == nil {
		q.bodyState = getState()
	}
}

// HasRead reports whether something of the body was read, so that there is
// something to close.
func (q *Request) HasRead() bool { return q.bodyState != nil }

// Close closes and removes the uploaded files of the request, and gives back
// its buffer. The error tells of files that could not be closed or removed.
func (q *Request) Close() error {
	s := q.bodyState
	if s == nil {
		return nil
	}
	q.bodyState = nil
	var err error
	if s.form.multi != nil {
		err = s.form.close()
	}
	s.put()
	return err
}

// hasBody reports whether the request may have a body.
func (q *Request) hasBody() bool {
	return q.R.Body != nil && q.R.Body != http.NoBody
}

// A limitedBody counts what is read of a body and remembers what stopped it,
// since the readers above it change errors.
type limitedBody struct {
	r     io.Reader
	limit int64 // 0: none
	n     int64 // bytes that have been read
	err   error // of r, but io.EOF
}

func (l *limitedBody) Read(p []byte) (int, error) {
	if l.limit > 0 && int64(len(p)) > l.limit-l.n+1 {
		p = p[:l.limit-l.n+1] // one more tells the end from too much
	}
	n, err := l.r.Read(p)
	l.n += int64(n)
	if l.limit > 0 && l.n > l.limit { // what decompresses a body seldom knows its length
		err = &http.MaxBytesError{Limit: l.limit}
	}
	if err != nil && err != io.EOF {
		l.err = err
	}
	return n, err
}

// limitBody returns the request's body cut at limit, or the error for a body
// that says it is larger.
func (q *Request) limitBody(place string, limit int64, timeout time.Duration) (*limitedBody, error) {
	if limit > 0 && q.R.ContentLength > limit {
		q.hurry()
		return nil, tooLarge(place, limit)
	}
	if timeout > 0 {
		setReadDeadline(q.W, timeout)
	}
	q.limited = limitedBody{r: q.R.Body, limit: max(limit, 0)}
	if limit > 0 && q.R.ContentLength <= 0 {
		q.limited.r = http.MaxBytesReader(q.W, q.R.Body, limit)
	}
	return &q.limited, nil
}

// hurry keeps the server from waiting long for the rest of a body that nobody
// will read: it drains some of it for the sake of clients that send all before
// they listen.
func (q *Request) hurry() {
	setReadDeadline(q.W, drainTime)
}

const drainTime = 500 * time.Millisecond

// endDeadline lifts the deadline once the body is there: the connection's next
// reader is the server itself, which waits for the client to go away.
func (q *Request) endDeadline(timeout time.Duration) {
	if timeout > 0 {
		setReadDeadline(q.W, 0)
	}
}

// readError turns what stopped the reading of a body into the client's error.
func (q *Request) readError(place string, err error) error {
	var max *http.MaxBytesError
	l := &q.limited
	switch {
	case errors.As(l.err, &max):
		q.hurry()
		return tooLarge(place, max.Limit)
	case errors.Is(l.err, os.ErrDeadlineExceeded):
		q.hurry()
		return Error{Place: place, Reason: "did not arrive in time", Status: http.StatusRequestTimeout, Err: l.err}
	case errors.Is(l.err, io.ErrUnexpectedEOF):
		return Error{Place: place, Reason: fmt.Sprintf("ends after %d bytes, before its Content-Length", l.n), Err: l.err}
	case l.err != nil:
		return Error{Place: place, Reason: "could not be read", Err: l.err}
	}
	return Error{Place: place, Reason: err.Error(), Err: err}
}

// setReadDeadline sets the deadline for reading from the connection under w, as
// http.ResponseController does, to the time after now; 0 is none. A writer
// without deadlines is left alone.
func setReadDeadline(w http.ResponseWriter, after time.Duration) {
	for w != nil {
		switch rw := w.(type) {
		case interface{ SetReadDeadline(time.Time) error }:
			var t time.Time
			if after > 0 {
				t = clock.Add(time.Since(clock) + after)
			}
			rw.SetReadDeadline(t)
			return
		case interface{ Unwrap() http.ResponseWriter }:
			w = rw.Unwrap()
		default:
			return
		}
	}
}

// clock is a time from which the present one is told by the monotonic clock alone,
// which takes half of what time.Now does; deadlines need no more.
var clock = time.Now()

// formValues is a form that has been read: urlencoded text that is walked anew
// by each plan, or the parts of a multipart body.
type formValues struct {
	text  string
	multi *multipart.Form
	open  []multipart.File
}

func (f *formValues) close() error {
	var errs []error
	for _, file := range f.open {
		// A handler may have closed it.
		if err := file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	}
	errs = append(errs, f.multi.RemoveAll())
	f.open, f.multi = nil, nil
	return errors.Join(errs...)
}
