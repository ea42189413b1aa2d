package gongular

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"math"
	"mime"
	"net/http"
	"os"
	"path"
	"runtime/debug"
	"strings"

	"github.com/gongular/gongular/bind"
	"github.com/gongular/gongular/inject"
	"github.com/gongular/gongular/stats"
)

// A Context is one request on its way through the handlers of a route: it gives
// the request and takes the answer, which is written when all have run.
//
// A Context belongs to the goroutine of its request and is not used again for
// another one. The zero Context works, for tests of a handler by itself: it
// takes header, status, body and logs, and has no request; [NewContext] makes
// one that has.
type Context struct {
	rare *rareContext // see there
	bind bind.Request // with the request and the server's writer

	status int16 // that was set; 0: none
	sent   int16 // that was sent; before there is a route, what ServeMux would send

	started bool // the header is sent, or the connection taken over
	final   bool // the answer is closed
	stopped bool // no more handlers

	body any
}

// A rareContext is what few requests need of a Context, and the route. Until
// something is to be kept in it, all requests of a route share one, which makes a
// Context as large as a line of the processor's memory. See Context.more and enter.
type rareContext struct {
	route  *compiled // nil outside of an engine
	shared bool      // of the route: not to be written

	size    int                       // bytes of the body that were sent
	record  *stats.Recorder           // nil if nobody listens
	session *inject.Session[*Context] // nil until a provider is asked

	header  http.Header // of a zero Context, and of ServeMux's own answers
	err     error       // the first of the chain
	logger  *log.Logger
	logs    *logBuffer
	slog    *slog.Logger
	values  map[any]any
	limits  *bind.Limits // in place of the route's
	verdict *verdict     // what to answer where no route does
	passing any          // a panic that goes on when all is cleaned up

	hijacked bool // the connection is taken over
	aborting bool // the answer broke off
	dry      bool // only see whether there is a route

	socket       WebsocketHandler // of this connection, once Before has run
	socketHeader http.Header      // that Before returned
	open         *openSession     // the session of socket, or nil
}

// limits are those of the route; nil outside of one.
func (c *Context) limits() *bind.Limits {
	switch {
	case c.rare == nil:
		return nil
	case c.rare.limits != nil:
		return c.rare.limits
	case c.rare.route != nil:
		return c.rare.route.limits
	}
	return nil
}

// route returns the route that the request has come to, or nil.
func (c *Context) route() *compiled {
	if c.rare == nil {
		return nil
	}
	return c.rare.route
}

// enter notes the route that the request has come to.
func (c *Context) enter(rt *compiled) {
	if c.rare == nil || c.rare.shared {
		c.rare = &rt.rare
	} else {
		c.rare.route = rt
	}
}

// count notes bytes of the body that were sent, if anybody is going to ask.
func (c *Context) count(n int) {
	if c.rare != nil && !c.rare.shared {
		c.rare.size += n
	}
}

// outcome returns the first error of the chain, or nil.
func (c *Context) outcome() error {
	if c.rare == nil {
		return nil
	}
	return c.rare.err
}

// recorder returns the request's recorder, which is nil if nobody listens.
func (c *Context) recorder() *stats.Recorder {
	if c.rare == nil {
		return nil
	}
	return c.rare.record
}

// failed keeps the first error of the chain.
func (c *Context) failed(err error) {
	if m := c.more(); m.err == nil {
		m.err = err
	}
}

// more returns the rare part of c for writing.
func (c *Context) more() *rareContext {
	if c.rare == nil {
		c.rare = new(rareContext)
	} else if c.rare.shared {
		c.rare = &rareContext{route: c.rare.route}
	}
	return c.rare
}

// NewContext returns a Context for the test of a single handler: call Handle
// with it and then Finalize. It has no route, so that Params is empty (what
// r.SetPathValue sets can be bound all the same) and options have their defaults.
func NewContext(w http.ResponseWriter, r *http.Request) *Context {
	c := new(Context)
	c.bind.R, c.bind.W = r, w
	return c
}

// engine returns the engine that serves the request, or nil.
func (c *Context) engine() *Engine {
	if c.rare == nil || c.rare.route == nil {
		return nil
	}
	return c.rare.route.engine
}

// options are the engine's, or the defaults.
func (c *Context) options() *Options {
	if e := c.engine(); e != nil {
		return &e.options
	}
	return &defaults
}

// Request returns the request, with the pattern and path values of the route.
// It is nil for a zero Context.
func (c *Context) Request() *http.Request { return c.bind.R }

// Context returns the request's context, which ends when the client goes away,
// when the time that Options.Timeout gives is over, and when the answer is
// written.
func (c *Context) Context() context.Context {
	if c.bind.R == nil {
		return context.Background()
	}
	return c.bind.R.Context()
}

// A Param is one wildcard of the path with its value.
type Param struct{ Key, Value string }

// Params are the wildcards of the path, in order.
type Params []Param

// ByName returns the value of the wildcard, or "" if there is none of that name.
func (p Params) ByName(name string) string {
	for _, param := range p {
		if param.Key == name {
			return param.Value
		}
	}
	return ""
}

// Params returns the path's wildcards. The value of a *rest wildcard begins
// with a slash, that of a {rest...} does not.
func (c *Context) Params() Params {
	rt := c.route()
	if rt == nil {
		return nil
	}
	var params Params
	rest := rt.pattern.rest()
	for _, name := range rt.pattern.names() {
		value := c.bind.R.PathValue(name)
		if name == rest {
			value = "/" + value
		}
		params = append(params, Param{name, value})
	}
	return params
}

// Status sets the status of the answer, if none was set before; otherwise the
// log has a warning. The default is 200.
func (c *Context) Status(status int) {
	if c.status != 0 {
		c.Logger().Printf("status %d was not set: it is %d already", status, c.status)
		return
	}
	c.MustStatus(status)
}

// MustStatus sets the status of the answer, whatever it was before. A status
// outside of 200 to 999 makes the answer a 500, and the log says so.
func (c *Context) MustStatus(status int) {
	if c.closed("status") {
		return
	}
	c.status = int16(max(min(status, math.MaxInt16), -1)) // as invalid as it was
}

// closed reports whether the answer is written already, and logs that what was
// to be changed comes too late.
func (c *Context) closed(what string) bool {
	if c.final {
		c.misused("the answer is written; a later change of it is ignored", "change", what)
	}
	return c.final
}

// Header sets a header of the answer, replacing what it was. A value with a
// line break or NUL is not set, and logged.
func (c *Context) Header(key, value string) {
	if c.validHeader(key, value) {
		c.writer().Header().Set(key, value)
	}
}

func (c *Context) addHeader(key, value string) {
	if c.validHeader(key, value) {
		c.writer().Header().Add(key, value)
	}
}

func (c *Context) validHeader(key, value string) bool {
	if c.closed("header " + key) {
		return false
	}
	if strings.ContainsAny(value, "\r\n\x00") || !validToken(key) {
		c.Slog().Error("an invalid header was not set", "key", key, "value", value)
		return false
	}
	return true
}

// Headers returns the header of the answer, where Add keeps several values of
// one key.
func (c *Context) Headers() http.Header { return c.writer().Header() }

// SetCookie adds a cookie to the answer. What it does not say is set to what is
// safe: HttpOnly is true, SameSite is Lax, and Secure is true if the request
// came over TLS. (For a cookie that scripts must read, use http.SetCookie with
// Headers.) An invalid cookie is not set, and returned as an error.
func (c *Context) SetCookie(cookie *http.Cookie) error {
	copied := *cookie
	copied.HttpOnly = true
	if copied.SameSite == 0 {
		copied.SameSite = http.SameSiteLaxMode
	}
	copied.Secure = copied.Secure || c.bind.R != nil && c.bind.R.TLS != nil
	if err := copied.Valid(); err != nil {
		return fmt.Errorf("cookie %q: %w", cookie.Name, err)
	}
	c.addHeader("Set-Cookie", copied.String())
	return nil
}

// SetBody sets the body of the answer, replacing what it was. A []byte is
// written as it is, and so is what an io.Reader gives, which is closed in the
// end if it is an io.Closer; nil is no body; everything else is written as JSON.
//
// A Content-Type that has been set is kept; otherwise it is application/json
// for JSON and what net/http tells from the first bytes for the rest.
func (c *Context) SetBody(v any) {
	if c.closed("body") {
		closeBody(v)
		return
	}
	if c.body != nil {
		closeBody(c.body)
	}
	c.body = v
}

func (c *Context) clearBody() {
	closeBody(c.body)
	c.body = nil
}

func closeBody(v any) {
	if r, ok := v.(io.Reader); ok {
		if closer, ok := r.(io.Closer); ok {
			closer.Close()
		}
	}
}

// Fail sets status and body and stops the chain. The status replaces one that
// was set before.
func (c *Context) Fail(status int, msg any) {
	c.MustStatus(status)
	c.SetBody(msg)
	c.StopChain()
}

// StopChain keeps the handlers after this one from running. The answer is
// written as it stands.
func (c *Context) StopChain() { c.stopped = true }

// Redirect makes the answer a redirect to a path of this site, with a status
// such as 303 See Other. The target begins with a single slash; anything that
// might be another site is an error. See RedirectExternal, and URL for the path
// of a named route.
func (c *Context) Redirect(status int, target string) error {
	if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") || strings.HasPrefix(target, `/\`) {
		return fmt.Errorf("redirect to %q: not a path of this site", target)
	}
	return c.RedirectExternal(status, target)
}

// RedirectExternal makes the answer a redirect to any URL. What comes from the
// request must not get here unchecked.
func (c *Context) RedirectExternal(status int, target string) error {
	if status < 300 || status > 399 || status == http.StatusNotModified {
		return fmt.Errorf("redirect to %q: %d is no status of a redirect", target, status)
	}
	if strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return fmt.Errorf("redirect to %q: it has a space or control character", target)
	}
	c.MustStatus(status)
	c.Header("Location", target)
	c.clearBody()
	return nil
}

// URL returns the path of a named route, as [Engine.URL] does, with the prefix
// under which a server around the engine has it, as by [http.StripPrefix].
func (c *Context) URL(name string, params ...any) (string, error) {
	e := c.engine()
	if e == nil {
		return "", fmt.Errorf("no route is named %q: the context has no engine", name)
	}
	path, err := e.URL(name, params...)
	if err != nil {
		return "", err
	}
	return outerPrefix(c.bind.R) + path, nil
}

// Writer returns the answer for writing it piece by piece, for streams and for
// what is written for net/http. The first byte, flush or WriteHeader sends the
// header, with the status that was set if WriteHeader does not name one; from
// then on Finalize writes nothing, and an error can only be logged and the
// connection closed. It supports http.ResponseController, http.Flusher and
// http.Hijacker as far as the server does.
func (c *Context) Writer() http.ResponseWriter {
	c.more() // which counts what is written, for Finalize
	return c.writer()
}

func (c *Context) writer() *responseWriter {
	return (*responseWriter)(c)
}

// File answers with a file of the file system, with its type, modification
// time, ranges and conditions as [http.ServeContent] has them. A file that does
// not exist or is a directory is an error of status 404. The name must not come
// from the request; for that use FileFS with the FS of an os.Root.
func (c *Context) File(name string) error {
	f, err := os.Open(name)
	return c.serveFile(f, err)
}

// FileFS answers with a file of fsys, as File does. The file must be an
// io.Seeker, as those of os and embed are.
func (c *Context) FileFS(fsys fs.FS, name string) error {
	f, err := fsys.Open(name)
	return c.serveFile(f, err)
}

func (c *Context) serveFile(f fs.File, err error) error {
	if err != nil {
		return notFoundFile(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return notFoundFile(err)
	}
	content, ok := f.(io.ReadSeeker)
	if info.IsDir() {
		return notFoundFile(fs.ErrNotExist)
	}
	if !ok {
		return fmt.Errorf("file %s: %T cannot seek", info.Name(), f)
	}
	r := c.bind.R
	if r == nil {
		r = new(http.Request) // a zero Context: the whole file
	}
	serveContent(c.Writer(), r, info, content)
	return nil
}

func notFoundFile(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return Error(http.StatusNotFound, "").Wrap(err)
	}
	return err
}

// Attachment says that the answer is to be saved under the name (RFC 6266),
// whose directories are left away.
func (c *Context) Attachment(name string) {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '_'
		}
		return r
	}, name)
	c.Header("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
}

// Logger returns the request's logger, made on first use. What it takes is
// RouteStat.Logs, up to 64 KiB, and is lost if there is no route callback.
func (c *Context) Logger() *log.Logger {
	m := c.more()
	if m.logger == nil {
		m.logs = new(logBuffer)
		m.logger = log.New(m.logs, "", log.LstdFlags)
	}
	return m.logger
}

// A logBuffer holds what a request logs, up to a limit.
type logBuffer struct {
	buf     bytes.Buffer
	dropped int
}

const maxLogs = 64 << 10

func (l *logBuffer) Write(p []byte) (int, error) {
	if l.buf.Len()+len(p) > maxLogs {
		l.dropped += len(p)
		return len(p), nil
	}
	return l.buf.Write(p)
}

// taken returns the logs, with a last line that says what was left away.
func (l *logBuffer) taken() *bytes.Buffer {
	if l == nil {
		return nil
	}
	if l.dropped > 0 {
		fmt.Fprintf(&l.buf, "(%d bytes over the limit of %d were dropped)\n", l.dropped, maxLogs)
		l.dropped = 0
	}
	return &l.buf
}

// Slog returns the engine's logger with the method, path and route of the request.
func (c *Context) Slog() *slog.Logger {
	m := c.more()
	if m.slog == nil {
		m.slog = slog.Default()
		if l := c.options().Logger; l != nil {
			m.slog = l
		}
		if r := c.bind.R; r != nil {
			m.slog = m.slog.With("method", r.Method, "path", r.URL.Path)
		}
		if rt := c.route(); rt != nil {
			m.slog = m.slog.With("route", rt.matchedPath())
		}
	}
	return m.slog
}

// A Key names a value of type T that handlers of one chain hand on; see [Set].
// Keys are compared by address, so that two of one name differ.
type Key[T any] struct{ name string }

// NewKey returns a new key. The name is for printing only.
func NewKey[T any](name string) *Key[T] { return &Key[T]{name} }

// String returns the name.
func (k *Key[T]) String() string { return k.name }

// Set keeps v under the key for the rest of the request.
func Set[T any](c *Context, key *Key[T], v T) {
	m := c.more()
	if m.values == nil {
		m.values = map[any]any{}
	}
	m.values[key] = v
}

// Get returns what [Set] kept under the key, and whether it did.
func Get[T any](c *Context, key *Key[T]) (T, bool) {
	if c.rare == nil {
		var none T
		return none, false
	}
	kept, ok := c.rare.values[key]
	v, _ := kept.(T) // not if it is a nil interface
	return v, ok
}

// handleError stops the chain and lets the error handler decide on the answer.
func (c *Context) handleError(err error) {
	c.StopChain()
	c.failed(err)
	if c.rare != nil && c.rare.hijacked {
		c.Slog().Error("a request failed after its connection was taken over", "error", err)
		return
	}
	if c.started || c.final {
		c.brokenOff(err)
		return
	}
	_, invalid := err.(ValidationError) // a 400, with nothing in its tree but the fields
	if !invalid && errors.Is(err, context.Canceled) && errors.Is(c.Context().Err(), context.Canceled) {
		c.Slog().Info("the client went away", "error", err)
		c.clearBody()
		c.MustStatus(clientGone)
		return
	}
	if !invalid {
		if status := StatusCode(err); status >= 500 {
			if _, panicked := errors.AsType[*PanicError](err); !panicked { // logged with its stack
				c.Slog().Error("a request failed", "status", status, "error", detailed(err))
			}
		}
		c.setErrorHeaders(err)
	}
	handler := ErrorHandler(defaultErrorHandler)
	if rt := c.route(); rt != nil {
		handler = rt.errorHandler
	}
	handler(err, c)
}

// clientGone is what is recorded as the status of a request whose client did not
// wait for an answer, as nginx does. Nobody receives it.
const clientGone = 499

// detailed is the text of err for the operator: with the cause that an
// HTTPError does not send.
func detailed(err error) string {
	if e, ok := errors.AsType[*HTTPError](err); ok && e.cause != nil {
		return err.Error() + ": " + e.cause.Error()
	}
	return err.Error()
}

// recovered turns a panic into an error and logs it. It must be called by the
// deferred function itself, so that the stack is that of the panic.
func (c *Context) recovered(value any) *PanicError {
	err := &PanicError{Value: value, Stack: debug.Stack()}
	c.Slog().Error("a handler panicked", "panic", fmt.Sprint(value), "stack", string(err.Stack))
	return err
}
