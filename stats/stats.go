// Package stats holds records of what routes did: plain values, made only for
// those who listen.
//
// A [Recorder] collects one [Route] while a request is served. A nil Recorder
// collects nothing and asks for no time, so that the code which serves a
// request needs no ifs.
package stats

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// A Route is the record of one request.
type Route struct {
	// Request is the request as the route got it.
	Request *http.Request
	// Handlers are the handlers that ran, in order.
	Handlers []Handler
	// MatchedPath is the pattern of the route as it was registered, with the
	// prefixes of its groups. It is empty where no route matched.
	MatchedPath string
	// TotalDuration is the time from the choice of the route until its answer
	// was written and the cleanups of its dependencies had run.
	TotalDuration time.Duration
	// ResponseSize is the number of bytes of the answer's body, those of a
	// streamed one included.
	ResponseSize int
	// ResponseCode is the status of the answer.
	ResponseCode int
	// Session is what a WebSocket connection did; nil for a request that was not
	// one.
	Session *Session
	// Logs is what was written to the request's logger; never nil.
	Logs *bytes.Buffer
}

// A Handler is the record of one handler of a request.
type Handler struct {
	// FuncName is the name of the handler's type, as in "*app.Show".
	FuncName string
	// Duration is the handler's own time, with binding, validation and
	// injection, without the handlers before it.
	Duration time.Duration
	// Error is what the handler returned, or what kept it from running.
	Error error
	// StopChain reports whether the chain was stopped when the handler returned.
	StopChain bool
}

// A Session is what a WebSocket connection did until it was closed.
type Session struct {
	// MessagesRead and MessagesWritten count messages that were complete,
	// without control frames.
	MessagesRead, MessagesWritten int64
	// BytesRead and BytesWritten count their payload, uncompressed.
	BytesRead, BytesWritten int64
	// Duration is the time from the upgrade to the end of the connection.
	Duration time.Duration
	// CloseCode is the code of the first close frame, of either end; 1005 for
	// one without a code, 1006 if there was none.
	CloseCode int
	// ClosedByPeer reports whether that close frame was the peer's.
	ClosedByPeer bool
}

// A Callback is told of each request when it is over. It runs in the request's
// goroutine, after the answer was written and before the server sends the last
// of it, so that a slow callback delays clients. What it is given is its own.
type Callback func(Route)

// Print writes the record to standard output: a line for the route and one for
// each handler, and one for a WebSocket session.
func Print(r Route) {
	Fprint(os.Stdout, r)
}

// Fprint writes the record to w: a line for the route and one for each handler.
func Fprint(w io.Writer, r Route) {
	var b bytes.Buffer
	fmt.Fprintln(&b, r.Request.Method, r.Request.RemoteAddr, r.MatchedPath, r.Request.RequestURI, r.TotalDuration, r.ResponseSize, r.ResponseCode)
	for i, h := range r.Handlers {
		fmt.Fprintln(&b, "\t", i, " ", h.FuncName, " ", h.Duration)
	}
	if s := r.Session; s != nil {
		fmt.Fprintf(&b, "\t websocket  read %d messages, %d bytes; written %d messages, %d bytes; %v; closed %d\n",
			s.MessagesRead, s.BytesRead, s.MessagesWritten, s.BytesWritten, s.Duration, s.CloseCode)
	}
	fmt.Fprintln(&b)
	w.Write(b.Bytes())
}

// A Recorder collects the record of one request. Its methods do nothing on a
// nil Recorder. It belongs to one goroutine.
type Recorder struct {
	route Route
	start time.Time // of the route
	last  time.Time // of the handler that runs
}

// Begin starts a record, for at most the given number of handlers.
func Begin(r *http.Request, matchedPath string, handlers int) *Recorder {
	now := time.Now()
	return &Recorder{
		route: Route{Request: r, MatchedPath: matchedPath, Handlers: make([]Handler, 0, handlers)},
		start: now,
		last:  now,
	}
}

// Handler records that a handler is done.
func (rec *Recorder) Handler(name string, err error, stopped bool) {
	if rec == nil {
		return
	}
	now := time.Now()
	rec.route.Handlers = append(rec.route.Handlers, Handler{name, now.Sub(rec.last), err, stopped})
	rec.last = now
}

// Session records what the request's WebSocket connection did.
func (rec *Recorder) Session(s Session) {
	if rec != nil {
		rec.route.Session = &s
	}
}

// End completes the record and returns it. Logs may be nil.
func (rec *Recorder) End(code, size int, logs *bytes.Buffer) Route {
	if rec == nil {
		return Route{}
	}
	if logs == nil {
		logs = new(bytes.Buffer)
	}
	rec.route.TotalDuration = time.Since(rec.start)
	rec.route.ResponseCode, rec.route.ResponseSize, rec.route.Logs = code, size, logs
	return rec.route
}
