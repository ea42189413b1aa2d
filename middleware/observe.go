package middleware

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// observeState is what logs, traces and metrics keep of a request.
type observeState struct {
	trace     *trace            // Tracing
	span      *openSpan         // OTelTracing
	logger    *requestLogger    // SlogAttrs
	metrics   *counted          // Metrics
	bandwidth *BandwidthTracker // Bandwidth
	compress  *compression      // Compress
	data      *SessionInfo      // SessionData

	vary varyLayer // of Compress, for who does not accept the coding
}

// outcome returns the status to tell of, when the handler has returned, or else
// has panicked: 200 if it has written nothing, and 500 for a panic. It is 499 if
// the client went away before an answer was begun, or if all it would have got is
// an error of the server's.
func (rec *record) outcome(ctx context.Context, returned bool) int {
	status := rec.status()
	unanswered := status == 0
	switch {
	case !returned:
		status = http.StatusInternalServerError
	case unanswered:
		status = http.StatusOK
	}
	if (unanswered || status >= 500) && clientGone(ctx) {
		return statusClientGone
	}
	return status
}

// statusClientGone is the status of a request whose client did not wait for the
// answer, which is not sent.
const statusClientGone = 499

// textOf returns the address as text, "" if there is none.
func textOf(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}

// orDefault returns the logger, or slog's own as it is now.
func orDefault(logger *slog.Logger) *slog.Logger {
	if logger == nil {
		return slog.Default()
	}
	return logger
}

// A RequestIDOption changes what [RequestID] does.
type RequestIDOption func(*requestIDs)

// WithIncoming says whether ids that clients send are taken over, as they are
// without this option. Without a proxy in front that sets or removes X-Request-ID,
// a client may send one that was used before.
func WithIncoming(take bool) RequestIDOption {
	return func(ids *requestIDs) { ids.incoming = take }
}

type requestIDs struct{ incoming bool }

// RequestID returns middleware that gives each request an id: that of the
// client's X-Request-ID if it is one field of 1 to 128 letters, digits and
// characters of ._~+/=-, or else 32 random hex digits. The answer has it as its
// X-Request-ID, that to an upgrade included, and [GetRequestID] returns it. A
// request that has an id from a RequestID further out keeps it.
func RequestID(opts ...RequestIDOption) Middleware {
	ids := requestIDs{incoming: true}
	for _, opt := range opts {
		opt(&ids)
	}
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		if rec.requestID == "" {
			rec.requestID = ids.of(r)
			w.Header()["X-Request-Id"] = []string{rec.requestID}
		}
		next.ServeHTTP(w, r)
	})
}

func (ids requestIDs) of(r *http.Request) string {
	if sent := r.Header["X-Request-Id"]; ids.incoming && len(sent) == 1 && isRequestID(sent[0]) {
		return sent[0]
	}
	return newID()
}

func isRequestID(s string) bool {
	for i := range len(s) {
		c := s[i]
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alnum && strings.IndexByte("._~+/=-", c) < 0 {
			return false
		}
	}
	return 1 <= len(s) && len(s) <= 128
}

// newID returns 32 random hex digits.
func newID() string {
	var id [16]byte
	var text [32]byte
	rand.Read(id[:])
	hex.Encode(text[:], id[:])
	return string(text[:])
}

// GetRequestID returns the id that [RequestID] gave the request that ctx is from,
// or "".
func GetRequestID(ctx context.Context) string {
	if c := carriedBy(ctx); c.requestID != "" {
		return c.requestID
	}
	return knownOf(ctx).requestID
}

// Propagate puts the request id of [RequestID] and the trace of [Tracing] that ctx
// has on the header of an outgoing request, as X-Request-ID, traceparent and
// tracestate. What ctx does not have stays as it is there.
func Propagate(ctx context.Context, h http.Header) {
	if id := GetRequestID(ctx); id != "" {
		h.Set("X-Request-Id", id)
	}
	if t := traceOf(ctx); t != nil {
		h.Set("Traceparent", t.parent())
		if t.state != "" {
			h.Set("Tracestate", t.state)
		}
	}
}

// A LoggerOption changes what [Logger] does.
type LoggerOption func(*requestLog)

// WithSkip has the requests that skip is true of not logged, such as those of
// health checks. It is asked once for each request, before the handler is called.
func WithSkip(skip func(r *http.Request) bool) LoggerOption {
	mustHave(skip != nil, "WithSkip", "a nil function")
	return func(l *requestLog) { l.skip = skip }
}

// Logger returns middleware that logs requests when they are over, one record
// "request" for each:
//
//	id          of RequestID
//	method
//	path        without the query
//	status      200 if the handler wrote nothing; 500 if it panicked; 499 if the client
//	            went away before an answer was begun, or would have got one from 500
//	bytes       of the body, as sent
//	duration
//	remote      the client's address, see ClientIP
//	user_agent  up to 256 bytes of it
//	refused     the text of the refusal, if middleware inside refused the request
//
// Its level is Info, Warn for a status from 400, Error from 500. A panic is passed
// on.
//
// A session has a record "session opened" when it is established, with id, remote
// and path, and one "session closed" when the handler returns or panics. That has
// duration, the bytes received and sent on the connection, and cause besides:
// "handler returned", "panic", or the text of the [SessionError] that the session
// was ended with, whose status gives the level.
//
// A nil logger is [slog.Default] as it is then.
func Logger(logger *slog.Logger, opts ...LoggerOption) Middleware {
	l := &requestLog{logger: logger}
	for _, opt := range opts {
		opt(l)
	}
	return entry(l.serve)
}

// DefaultLogger returns a [Logger] that logs to [slog.Default].
func DefaultLogger() Middleware { return Logger(nil) }

type requestLog struct {
	logger *slog.Logger
	skip   func(*http.Request) bool
}

func (l *requestLog) serve(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
	switch {
	case l.skip != nil && l.skip(r):
		next.ServeHTTP(w, r)
	case IsUpgrade(r):
		l.session(next, rec, w, r)
	default:
		start, returned := time.Now(), false
		defer func() { l.request(rec, r, start, returned) }()
		next.ServeHTTP(w, r)
		returned = true
	}
}

// maxUserAgent limits what is logged of a User-Agent, in bytes.
const maxUserAgent = 256

func (l *requestLog) request(rec *record, r *http.Request, start time.Time, returned bool) {
	status := rec.outcome(r.Context(), returned)
	logger, level := orDefault(l.logger), levelOf(status)
	if !logger.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("id", rec.requestID),
		slog.String("method", r.Method),
		slog.String("path", r.URL.Path),
		slog.Int("status", status),
		slog.Int64("bytes", rec.written()),
		slog.Duration("duration", time.Since(start)),
		slog.String("remote", textOf(ClientIP(r))),
		slog.String("user_agent", cut(r.UserAgent(), maxUserAgent)),
	}
	if rec.refusal != "" {
		attrs = append(attrs, slog.String("refused", rec.refusal))
	}
	logger.LogAttrs(r.Context(), level, "request", attrs...)
}

func levelOf(status int) slog.Level {
	switch {
	case status >= 500:
		return slog.LevelError
	case status >= 400:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// cut returns at most n bytes of s, and no half character at the end.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// session serves a request for an upgrade.
func (l *requestLog) session(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	established, returned := false, false
	traffic := rec.watchTraffic()
	who := []slog.Attr{slog.String("id", rec.requestID), slog.String("remote", textOf(ClientIP(r))), slog.String("path", r.URL.Path)}
	rec.whenOpen(func() {
		start, established = time.Now(), true
		orDefault(l.logger).LogAttrs(r.Context(), slog.LevelInfo, "session opened", who...)
	})
	defer func() {
		if !established {
			l.request(rec, r, start, returned)
			return
		}
		status, cause := http.StatusSwitchingProtocols, "handler returned"
		if end := rec.ended(); !returned {
			status, cause = http.StatusInternalServerError, "panic"
		} else if end != nil {
			status, cause = end.Status, end.Text
		}
		orDefault(l.logger).LogAttrs(r.Context(), levelOf(status), "session closed", append(who,
			slog.Duration("duration", time.Since(start)),
			slog.Int64("received", traffic.received.Load()),
			slog.Int64("sent", traffic.sent.Load()),
			slog.String("cause", cause),
		)...)
	}()
	next.ServeHTTP(w, r)
	returned = true
}

// SlogAttrs returns middleware that gives each request a logger whose records have
// request_id, if [RequestID] is further out, remote_addr, method and path; see
// [GetLogger]. It is made of the given logger, or of [slog.Default] as it is when
// the request asks for it first. Slog's default stays what it is. More than one
// logger panics.
func SlogAttrs(logger ...*slog.Logger) Middleware {
	mustHave(len(logger) <= 1, "SlogAttrs", "more than one logger")
	var base *slog.Logger
	if len(logger) == 1 {
		base = logger[0]
	}
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		rec.observed.logger = &requestLogger{base: base, id: rec.requestID, client: ClientIP(r), method: r.Method, path: r.URL.Path}
		next.ServeHTTP(w, r)
	})
}

// A requestLogger is the logger of a request, which is made when it is needed.
type requestLogger struct {
	base         *slog.Logger
	id           string
	client       netip.Addr
	method, path string

	once sync.Once
	made *slog.Logger
}

func (l *requestLogger) get() *slog.Logger {
	l.once.Do(func() {
		attrs := []any{slog.String("remote_addr", textOf(l.client)), slog.String("method", l.method), slog.String("path", l.path)}
		if l.id != "" {
			attrs = slices.Insert(attrs, 0, any(slog.String("request_id", l.id)))
		}
		l.made = orDefault(l.base).With(attrs...)
	})
	return l.made
}

// GetLogger returns the logger that [SlogAttrs] gave the request that ctx is from,
// or [slog.Default]. It is never nil.
func GetLogger(ctx context.Context) *slog.Logger {
	if l := knownOf(ctx).observed.logger; l != nil {
		return l.get()
	}
	return slog.Default()
}

// A trace says where a request stands in a distributed trace (W3C Trace Context).
type trace struct {
	traceID  string // 32 lower-case hex digits
	spanID   string // 16, of this request
	parentID string // 16, of who sent it; "" if the trace begins here
	flags    byte
	state    string // tracestate as it came; "" if there is none
}

// Flags of a traceparent: those that are defined, by version 00.
const (
	flagSampled = 0x01
	flagRandom  = 0x02
)

// parent returns the traceparent for requests that this one leads to.
func (t *trace) parent() string {
	return fmt.Sprintf("00-%s-%s-%02x", t.traceID, t.spanID, t.flags)
}

// Tracing returns middleware that makes each request a part of a trace (W3C Trace
// Context): that of the client's traceparent if it has a valid one, with its flags,
// and else a new one with random ids, marked as sampled. The request has a span id
// of its own. See [GetTraceID], and [Propagate] for requests that it leads to.
//
// It logs "trace start" and "trace end" with level Debug, both with trace_id,
// span_id, parent_id and path, the second with duration_ms, also after a panic. A
// nil logger is [slog.Default] as it is then.
func Tracing(logger *slog.Logger) Middleware {
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		t := traceFrom(r.Header)
		rec.observed.trace = t
		log, ctx := orDefault(logger), r.Context()
		if !log.Enabled(ctx, slog.LevelDebug) {
			next.ServeHTTP(w, r)
			return
		}
		start := time.Now()
		attrs := []slog.Attr{
			slog.String("trace_id", t.traceID),
			slog.String("span_id", t.spanID),
			slog.String("parent_id", t.parentID),
			slog.String("path", r.URL.Path),
		}
		log.LogAttrs(ctx, slog.LevelDebug, "trace start", attrs...)
		defer func() {
			elapsed := float64(time.Since(start)) / float64(time.Millisecond)
			log.LogAttrs(ctx, slog.LevelDebug, "trace end", append(attrs, slog.Float64("duration_ms", elapsed))...)
		}()
		next.ServeHTTP(w, r)
	})
}

// traceFrom continues the trace of the header, or begins one.
func traceFrom(h http.Header) *trace {
	if sent := h["Traceparent"]; len(sent) == 1 {
		if t, ok := parseTraceparent(sent[0]); ok {
			t.spanID = newID()[:16]
			t.state = stateFrom(h["Tracestate"])
			return &t
		}
	}
	ids := newID() + newID()[:16]
	return &trace{traceID: ids[:32], spanID: ids[32:], flags: flagSampled}
}

// parseTraceparent reads version, trace id, parent id and flags:
//
//	00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//
// A higher version than 00 may have more behind another "-", and only its flag for
// sampling is known.
func parseTraceparent(s string) (t trace, ok bool) {
	if len(s) < 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return trace{}, false
	}
	version, traceID, parentID, digits := s[:2], s[3:35], s[36:52], s[53:55]
	if !isLowerHex(version) || !isLowerHex(traceID) || !isLowerHex(parentID) || !isLowerHex(digits) ||
		version == "ff" || strings.Trim(traceID, "0") == "" || strings.Trim(parentID, "0") == "" {
		return trace{}, false
	}
	var flags [1]byte
	hex.Decode(flags[:], []byte(digits))
	switch {
	case version == "00" && len(s) == 55:
		flags[0] &= flagSampled | flagRandom
	case version != "00" && (len(s) == 55 || s[55] == '-'):
		flags[0] &= flagSampled
	default:
		return trace{}, false
	}
	return trace{traceID: traceID, parentID: parentID, flags: flags[0]}, true
}

func isLowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || '9' < c) && (c < 'a' || 'f' < c) {
			return false
		}
	}
	return true
}

// stateFrom returns a tracestate as it came, unless it is longer than what has to
// be passed on, 512 bytes.
func stateFrom(values []string) string {
	if state := strings.Join(values, ","); len(state) <= 512 {
		return state
	}
	return ""
}

// GetTraceID returns the id of the trace that [Tracing] made the request that ctx is
// from a part of, 32 hex digits, or "".
func GetTraceID(ctx context.Context) string {
	if t := traceOf(ctx); t != nil {
		return t.traceID
	}
	return ""
}

// TraceIDFromContext is [GetTraceID].
func TraceIDFromContext(ctx context.Context) string { return GetTraceID(ctx) }

// WithTraceContext returns dst with the ids that src has of [Tracing] and
// [RequestID], for work that goes on when the request is over.
func WithTraceContext(dst, src context.Context) context.Context {
	return context.WithValue(dst, carriedKey{}, carried{traceOf(src), GetRequestID(src)})
}

type carriedKey struct{}

// A carried is what WithTraceContext puts in a context.
type carried struct {
	trace     *trace
	requestID string
}

func carriedBy(ctx context.Context) carried {
	c, _ := ctx.Value(carriedKey{}).(carried)
	return c
}

func traceOf(ctx context.Context) *trace {
	if c := carriedBy(ctx); c.trace != nil {
		return c.trace
	}
	return knownOf(ctx).observed.trace
}

// A Tracer starts spans, of OpenTelemetry or something like it.
type Tracer interface {
	// StartSpan starts a span with the name of an operation. The context, which
	// has to come from ctx, carries it.
	StartSpan(ctx context.Context, operation string) (context.Context, TraceSpan)
}

// A TraceSpan is an operation under way. The handler may use it from any goroutine.
type TraceSpan interface {
	// SetAttribute says something of the operation. The value is a string, an int
	// or a bool if it comes from this package.
	SetAttribute(key string, value any)
	// SetStatus says that the operation failed with err, or if that is nil, that
	// it did not.
	SetStatus(err error)
	// End ends the span. It is called once.
	End()
}

// OTelTracing returns middleware that makes each request a span of the tracer; a
// session is one for all of its life. The span is named for the method and, if it
// is known by then, the route's pattern, never for the path. The context that the
// tracer returns becomes the request's; one that does not come from the request's
// is not used.
//
// The attributes are http.request.method, url.path, client.address, session (a
// bool) and request_id, if there is one, at the start, and at the end http.response.status_code,
// 101 for a session and else what [Logger] calls status, and http.route if it is
// known. The span's status is the panic, an error for a status from 500 and for a session that
// was ended with such a one, or nil. A panic is passed on.
//
// It panics if the tracer is nil. A tracer may return a nil span.
func OTelTracing(tracer Tracer) Middleware {
	mustHave(tracer != nil, "OTelTracing", "a nil tracer")
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		ctx, span := tracer.StartSpan(r.Context(), spanName(r.Method, rec.route()))
		if span == nil {
			span = noopSpan{}
		}
		if ctx != nil && ctx != r.Context() && recordOf(ctx) == rec {
			r = rec.withContext(r, ctx)
		}
		rec.observed.span = &openSpan{span, r.Context()}
		defer span.End()
		if span == (noopSpan{}) {
			next.ServeHTTP(w, r)
			return
		}
		span.SetAttribute("http.request.method", r.Method)
		span.SetAttribute("url.path", r.URL.Path)
		span.SetAttribute("client.address", textOf(ClientIP(r)))
		span.SetAttribute("session", IsUpgrade(r))
		if rec.requestID != "" {
			span.SetAttribute("request_id", rec.requestID)
		}
		returned := false
		defer func() {
			var value any
			if !returned {
				value = recover()
			}
			status := rec.outcome(r.Context(), returned)
			if rec.status() == http.StatusSwitchingProtocols {
				span.SetAttribute("http.response.status_code", http.StatusSwitchingProtocols)
			} else {
				span.SetAttribute("http.response.status_code", status)
			}
			if _, route := splitPattern(rec.route()); route != "" {
				span.SetAttribute("http.route", route)
			}
			span.SetStatus(rec.failure(status, returned, value))
			if value != nil {
				panic(value)
			}
		}()
		next.ServeHTTP(w, r)
		returned = true
	})
}

// failure returns what went wrong with the request, or nil.
func (rec *record) failure(status int, returned bool, value any) error {
	if p, ok := value.(*carriedPanic); ok {
		value = p.value // the stack is for Recover
	}
	switch end := rec.ended(); {
	case value != nil:
		if err, ok := value.(error); ok {
			return fmt.Errorf("panic: %w", err)
		}
		return fmt.Errorf("panic: %v", value)
	case !returned:
		return errors.New("the handler's goroutine has exited")
	case end != nil && end.Status >= 500:
		return end
	case status >= 500:
		return fmt.Errorf("%d %s", status, http.StatusText(status))
	}
	return nil
}

// spanName returns "GET /users/{id}", or "GET" if the pattern is not known.
func spanName(method, pattern string) string {
	method = knownMethod(method)
	if _, route := splitPattern(pattern); route != "" {
		return method + " " + route
	}
	return method
}

// splitPattern splits the pattern of a route into its method, if it has one, and
// host and path.
func splitPattern(pattern string) (method, route string) {
	if i := strings.IndexAny(pattern, " \t"); i >= 0 {
		return pattern[:i], strings.TrimLeft(pattern[i:], " \t")
	}
	return "", pattern
}

// knownMethods are the methods of RFC 9110 and RFC 5789.
var knownMethods = [...]string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace,
}

// knownMethod returns the method, or "OTHER" for one that the client made up.
func knownMethod(method string) string {
	if i := slices.Index(knownMethods[:], method); i >= 0 {
		return knownMethods[i]
	}
	return "OTHER"
}

// An openSpan is the span of a request, and the context that carries it.
type openSpan struct {
	span TraceSpan
	ctx  context.Context
}

// GetTraceSpan returns the span that [OTelTracing] made of the request that ctx is
// from, or one that does nothing. It is never nil.
func GetTraceSpan(ctx context.Context) TraceSpan {
	if s := knownOf(ctx).observed.span; s != nil {
		return s.span
	}
	return noopSpan{}
}

// GetTraceContext returns the context that carries the span of [OTelTracing], for
// spans that are to stand beside what ctx leads to; ctx itself if there is none.
func GetTraceContext(ctx context.Context) context.Context {
	if s := knownOf(ctx).observed.span; s != nil {
		return s.ctx
	}
	return ctx
}

// NoopTracer is a [Tracer] whose spans do nothing.
type NoopTracer struct{}

// StartSpan returns ctx, and a span that does nothing.
func (NoopTracer) StartSpan(ctx context.Context, operation string) (context.Context, TraceSpan) {
	return ctx, noopSpan{}
}

type noopSpan struct{}

func (noopSpan) SetAttribute(string, any) {}
func (noopSpan) SetStatus(error)          {}
func (noopSpan) End()                     {}

// LogTracer is a [Tracer] whose spans are logged when they end, one record "span"
// for each: operation, duration, trace_id if [Tracing] is further out, error if it
// failed, and the attributes as a group of that name. Its level is Info, Error for
// what failed.
type LogTracer struct {
	// Logger is where to log; if nil, to slog.Default as it is then.
	Logger *slog.Logger
}

// StartSpan returns ctx, and a span that is logged when it ends.
func (t LogTracer) StartSpan(ctx context.Context, operation string) (context.Context, TraceSpan) {
	return ctx, &logSpan{logger: t.Logger, ctx: ctx, operation: operation, start: time.Now()}
}

type logSpan struct {
	logger    *slog.Logger
	ctx       context.Context
	operation string
	start     time.Time

	mu         sync.Mutex // guards what follows
	attributes []slog.Attr
	err        error
	ended      bool
}

func (s *logSpan) SetAttribute(key string, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	attr := slog.Any(key, value)
	if i := slices.IndexFunc(s.attributes, func(a slog.Attr) bool { return a.Key == key }); i >= 0 {
		s.attributes[i] = attr
		return
	}
	s.attributes = append(s.attributes, attr)
}

func (s *logSpan) SetStatus(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *logSpan) End() {
	s.mu.Lock()
	ended, attributes, err := s.ended, slices.Clone(s.attributes), s.err
	s.ended = true
	s.mu.Unlock()
	if ended {
		return
	}
	attrs := []slog.Attr{slog.String("operation", s.operation), slog.Duration("duration", time.Since(s.start))}
	if id := GetTraceID(s.ctx); id != "" {
		attrs = append(attrs, slog.String("trace_id", id))
	}
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	attrs = append(attrs, slog.GroupAttrs("attributes", attributes...))
	orDefault(s.logger).LogAttrs(s.ctx, level, "span", attrs...)
}
