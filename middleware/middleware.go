// Package middleware has middleware for net/http: ordinary functions of
// [http.Handler] that go around any handler in any server, and that treat
// WebSocket sessions as they treat requests.
//
//	handler := middleware.Chain(
//		middleware.TrustedProxies("10.0.0.0/8"),
//		middleware.CORS(middleware.CORSConfig{AllowedOrigins: []string{"https://app.example.com"}}),
//		middleware.BearerAuth(validate),
//	)(mux)
//
// What a constructor is given is checked at once: what makes no sense, or would
// let everybody in, panics with a text that names the constructor. A Middleware
// may go around any number of handlers; what it counts, it counts for all of
// them together.
//
// # Order
//
// The first of a [Chain] is the outermost. What belongs where, and why:
//
//	 1  TrustedProxies                       all below ask for the client's address
//	 2  RequestID                            all below log it
//	 3  Tracing or OTelTracing, SlogAttrs    span and logger cover the rest
//	 4  Logger, Metrics, PrometheusMetrics,  see what was answered in the end, also by
//	    ConcurrencyStats, Bandwidth          those that refuse and after panics
//	 5  Recover                              inside of Logger: a panic is logged as 500
//	 6  IPBlacklist, IPWhitelist,            refuse cheaply
//	    BlockUserAgent, RequireUserAgent
//	 7  SecurityHeaders, CORS, CSRF          before authentication: a preflight carries
//	                                         no credentials, and is no abuse
//	 8  RequestRate, RateLimit, BodyLimit    before what costs something
//	 9  BearerAuth, QueryAuth, RequireKey
//	10  MaxSessions, MaxInFlight,            only who is let in may take up what all
//	    RouteRateLimit, PerPathRateLimit,    share
//	    CircuitBreaker
//	11  Timeout, or
//	    SessionTimeoutWithWarning and IdleTimeout
//	12  NoCache, Compress, ETag              see the body before it is counted
//	13  SessionData, ExtractHeaders,         tell the handler
//	    TokenBucket, DepthGuard, Webhook
//
// RedirectSlashes and StripSlashes belong around the router, after 6. What goes
// around everything runs before what goes around a group, and that before what
// goes around a route.
//
// # Sessions
//
// A session is a request that asks for a WebSocket, see [IsUpgrade]. It is one
// call of ServeHTTP, which lasts as long as the connection: what is said of a
// request under way holds for a session as long as it is open. Until its
// connection is taken over it is answered like any request, and so it is refused
// like any; a browser only learns that it failed.
//
// Middleware cannot write WebSocket frames. To end an open session it ends the
// request's context with a [*SessionError] as the cause, and closes the
// connection if that is still open five seconds later. See [AttachSession] for
// WebSocket libraries that do not watch the context.
//
// A header field that is set on the ResponseWriter before the upgrade, such as
// X-Request-ID, is part of the answer 101 if the WebSocket library puts it there:
// package ws does; others lose it.
//
// # Refusals
//
// What refuses a request answers it before the next handler is called, with the
// body {"error":"…"} and a fixed text, in which nothing comes from the client.
// [OnRefuse] changes the form.
//
// # What is known of a request
//
// What one finds out travels in the request's context, and is read by functions
// such as [User] and [ClientIP]. They may be called from any goroutine and give a
// zero value where nothing is known. There are no keys that a client, or a
// library, could collide with.
//
// # The response writer
//
// The handler's http.ResponseWriter is wrapped once, however many there are
// around it. It is an http.Flusher if the server's is, an http.Hijacker and an
// io.ReaderFrom that keeps the way for sendfile open, and it has Unwrap for
// [http.ResponseController]. Over HTTP/2 Hijack returns an error that is
// [http.ErrNotSupported].
package middleware

import (
	"context"
	"net/http"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"
)

// A Middleware wraps a handler in another, as is usual with net/http.
type Middleware = func(http.Handler) http.Handler

// Chain returns the middleware as one; the first is the outermost. Nil ones are
// left out, and without any the handler stays as it is.
func Chain(mw ...Middleware) Middleware {
	mw = slices.DeleteFunc(slices.Clone(mw), func(m Middleware) bool { return m == nil })
	return func(h http.Handler) http.Handler {
		for _, m := range slices.Backward(mw) {
			h = m(h)
		}
		return h
	}
}

// If returns mw for the requests that cond is true of; the others pass it by.
// cond is asked once for each request. It panics if one of them is nil.
func If(cond func(*http.Request) bool, mw Middleware) Middleware {
	return when("If", cond, true, mw)
}

// Unless returns mw for the requests that cond is false of, as [If] does.
func Unless(cond func(*http.Request) bool, mw Middleware) Middleware {
	return when("Unless", cond, false, mw)
}

func when(name string, cond func(*http.Request) bool, want bool, mw Middleware) Middleware {
	mustHave(cond != nil, name, "a nil condition")
	mustHave(mw != nil, name, "a nil middleware")
	return func(next http.Handler) http.Handler {
		with := mw(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if cond(r) == want {
				with.ServeHTTP(w, r)
			} else {
				next.ServeHTTP(w, r)
			}
		})
	}
}

// mustHave panics unless ok: the constructor name was given what it cannot use.
func mustHave(ok bool, name, what string) {
	if !ok {
		panic("middleware." + name + ": " + what)
	}
}

// must panics if err says why the constructor cannot use what it was given.
func must(err error, name string) {
	if err != nil {
		panic("middleware." + name + ": " + err.Error())
	}
}

// IsUpgrade reports whether the request asks for a WebSocket (RFC 6455 section
// 4.1): it is a GET, its Connection has the token upgrade and its Upgrade the
// token websocket, in any case.
func IsUpgrade(r *http.Request) bool {
	return len(r.Header["Upgrade"]) > 0 && r.Method == http.MethodGet &&
		hasToken(r.Header["Upgrade"], "websocket") && hasToken(r.Header["Connection"], "upgrade")
}

// hasToken reports whether one of the values, which are lists separated by
// commas, has the token in any case.
func hasToken(values []string, token string) bool {
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			if equalFold(textproto.TrimString(item), token) {
				return true
			}
		}
	}
	return false
}

// equalFold reports whether s is t, but for the case of ASCII letters.
// strings.EqualFold would also take "web\u017focket" for "websocket".
func equalFold(s, t string) bool {
	if len(s) != len(t) {
		return false
	}
	for i := range len(s) {
		if lower(s[i]) != lower(t[i]) {
			return false
		}
	}
	return true
}

// lower returns the byte, in lower case if it is an ASCII letter.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// A record is what is known of one request. The outermost entry makes it, the
// others find it in the request's context, which it is itself.
//
// One allocation holds it, the copy of the request that has it for a context,
// and the response writer. It is written by the goroutine that serves the
// request, before the next handler is called or after it has returned.
type record struct {
	context.Context // what the record stands on; that of a session can be ended

	known

	request http.Request  // with the record as its context
	latest  *http.Request // the last copy that was made of it
	writer  flushWriter

	session *session // nil unless the request asks for an upgrade, or was hijacked
	traffic *traffic // nil unless someone wants to know
	opening []func() // to be called once the session is established
}

// known is what entries have found out. It is copied as a whole by fork.
type known struct {
	user      any                 // BearerAuth, QueryAuth
	client    netip.Addr          // TrustedProxies; see resolved
	requestID string              // RequestID
	nonce     string              // SecurityHeaders
	extracted []extracted         // ExtractHeader
	refusal   string              // the text of a refusal; "" if nobody has refused
	onRefuse  func(refusalWriter) // OnRefuse
	pattern   string              // of the route, when a router has found one
	resolved  bool                // client is what TrustedProxies says
	scheme    scheme              // TrustedProxies

	limits   limitState   // of limits and times
	observed observeState // of logs, traces and metrics
}

// An extracted value is one that ExtractHeader has kept.
type extracted struct{ key, value string }

// A scheme is how the client reached the first proxy, as far as is known.
type scheme uint8

const (
	schemeUnknown scheme = iota
	schemeHTTP
	schemeHTTPS
)

type recordKey struct{}

// Value finds the record itself, and else what the context below has.
func (rec *record) Value(key any) any {
	if key == (recordKey{}) {
		return rec
	}
	return rec.Context.Value(key)
}

// String keeps what is known from being printed with the context.
func (rec *record) String() string { return "middleware.record" }

// recordOf returns the record of a request from its context, or nil.
func recordOf(ctx context.Context) *record {
	if rec, ok := ctx.(*record); ok {
		return rec
	}
	rec, _ := ctx.Value(recordKey{}).(*record)
	return rec
}

// knownOf returns what is known of the request that ctx is from.
func knownOf(ctx context.Context) *known {
	if rec := recordOf(ctx); rec != nil {
		return &rec.known
	}
	return &unknown
}

// unknown is what is known without a record. It is never written.
var unknown known

// newRecord returns a record for a request that has none.
func newRecord(w http.ResponseWriter, r *http.Request) *record {
	rec := &record{Context: r.Context()}
	if r.Header["Upgrade"] != nil || r.Method == http.MethodConnect {
		rec.session = new(session)
		rec.Context, rec.session.cancel = context.WithCancelCause(rec.Context)
	}
	rec.request = *r.WithContext(rec)
	rec.latest = &rec.request
	rec.writer.rec = rec
	rec.writer.under = w
	rec.writer.top = (*sink)(&rec.writer.writer)
	rec.writer.flushes = canFlush(w)
	return rec
}

// fork returns a record of its own for a handler that runs in another goroutine
// and may outlive the request, so that the two do not share what they write. It
// knows what rec knows; its writer, without layers as yet, stands on w. That
// goroutine calls finish at its end. If it ends in time, join hands back what it
// found out.
func (rec *record) fork(w http.ResponseWriter, r *http.Request) *record {
	forked := newRecord(w, r)
	forked.known = rec.known
	return forked
}

// join takes over what the handler of a forked record has found out. The
// handler must have returned.
func (rec *record) join(forked *record) {
	if route := forked.route(); route != "" {
		forked.pattern = route
	}
	rec.known = forked.known
}

// finish ends what the record holds, when the outermost entry returns or panics.
func (rec *record) finish() {
	if rec.session != nil {
		rec.session.finish()
	}
	// The server knows the request that it made, not the copy that the handler
	// has parsed.
	for _, r := range [...]*http.Request{rec.latest, &rec.request} {
		if form := r.MultipartForm; form != nil {
			form.RemoveAll()
		}
	}
}

// withContext returns a copy of the request with another context, which has to
// come from the request's own.
func (rec *record) withContext(r *http.Request, ctx context.Context) *http.Request {
	r = r.WithContext(ctx)
	rec.latest = r
	return r
}

// copyOf returns a shallow copy of the request, whose fields may be set.
func (rec *record) copyOf(r *http.Request) *http.Request {
	return rec.withContext(r, r.Context())
}

// route returns the pattern of the route, as far as a router has told.
func (rec *record) route() string {
	if rec.latest.Pattern != "" {
		return rec.latest.Pattern
	}
	return rec.pattern
}

// status returns the status that was sent, or else that the handler set for what
// is still held back; 0 if nobody has answered. It is 101 for a connection that
// was taken over.
func (rec *record) status() int {
	if rec.writer.sent != 0 {
		return int(rec.writer.sent)
	}
	return int(rec.writer.asked)
}

// started reports whether the header is sent or the connection taken over.
func (rec *record) started() bool { return rec.writer.sent != 0 }

// written returns how many bytes of the body were sent.
func (rec *record) written() int64 { return rec.writer.size.Load() }

// hijacked reports whether the connection was taken over.
func (rec *record) hijacked() bool { return rec.writer.hijacked }

// A step is an entry around a handler.
type step struct {
	next  http.Handler
	serve serveFunc
}

// A serveFunc is what an entry does: it calls next, or refuses.
type serveFunc func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request)

// entry returns a middleware that has the request's record.
func entry(serve serveFunc) Middleware {
	return func(next http.Handler) http.Handler { return &step{next, serve} }
}

func (s *step) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rec := recordOf(r.Context()); rec != nil {
		if r.Pattern != "" {
			rec.pattern = r.Pattern
		}
		s.serve(s.next, rec, w, r)
		return
	}
	rec := newRecord(w, r)
	defer rec.finish()
	s.serve(s.next, rec, rec.writer.face(), &rec.request)
}

// A refusalWriter is what a function of OnRefuse is called with.
type refusalWriter struct {
	w      http.ResponseWriter
	r      *http.Request
	status int
	text   string
}

// OnRefuse returns middleware inside of which fn answers the requests that are
// refused, with the status and the fixed text of what refuses. Header fields such
// as Retry-After and WWW-Authenticate are set already. If fn writes nothing, the
// answer is the usual one. It panics if fn is nil.
func OnRefuse(fn func(w http.ResponseWriter, r *http.Request, status int, text string)) Middleware {
	mustHave(fn != nil, "OnRefuse", "a nil function")
	call := func(c refusalWriter) { fn(c.w, c.r, c.status, c.text) }
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		outer := rec.onRefuse
		rec.onRefuse = call
		defer func() { rec.onRefuse = outer }()
		next.ServeHTTP(w, r)
	})
}

// refuse answers the request for an entry that does not let it through. The text
// is the entry's own, without anything from the client. Header fields that the
// answer should have are set before.
func refuse(w http.ResponseWriter, r *http.Request, status int, text string) {
	if rec := recordOf(r.Context()); rec != nil {
		rec.refusal = text
		if rec.onRefuse != nil {
			rec.onRefuse(refusalWriter{w, r, status, text})
			if own, ok := ownWriter(w); !ok || own.asked != 0 || own.sent != 0 {
				return
			}
		}
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write([]byte(`{"error":"` + text + "\"}\n"))
	}
}
