package gongular

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gongular/gongular/bind"
	"github.com/gongular/gongular/inject"
	"github.com/gongular/gongular/internal/hint"
	"github.com/gongular/gongular/stats"
	"github.com/gongular/gongular/validate"
)

// An Engine is an [http.Handler] made of routes, and what their handlers need.
// Its own methods for registering routes are those of its [Router].
//
// Nothing is shared between engines. An Engine is safe for concurrent use.
type Engine struct {
	*Router // the root: routes without a prefix

	options   Options
	mux       *http.ServeMux
	set       inject.Set[*Context]
	validator validate.Validator
	types     typeCache
	handler   atomic.Pointer[http.Handler] // the root's middleware around dispatch; nil without
	unfound   *Route                       // serves what no route takes
	hosts     atomic.Pointer[[]string]     // that Router.Host names; nil without
	callback  atomic.Pointer[RouteCallback]
	static    atomic.Pointer[map[string][]*Route] // see findStatic; nil when routes were added

	notFound, notAllowed atomic.Pointer[plan] // the user's; nil for the default

	servers sync.Map // *http.Server, those that run

	wrapping   sync.Mutex    // held by wrapAll
	generation atomic.Uint64 // counts changes that routes have to look at again

	mu       sync.Mutex // guards what follows, and all registration
	slots    map[string]*slot
	routes   []*Route
	names    map[string]*Route
	convert  bind.Converters
	decoders map[string]bind.Decoder
}

var _ http.Handler = (*Engine)(nil)

// NewEngine returns an engine with the options, of which at most one may be
// given. It panics if they make no sense.
func NewEngine(options ...Options) *Engine {
	var o Options
	var err error
	switch len(options) {
	case 0:
	case 1:
		o = options[0]
		err = o.check()
	default:
		err = errors.New("more than one Options")
	}
	if err != nil {
		panic(&setupError{callerLocation(), "NewEngine", err})
	}
	e := &Engine{
		options: o.over(defaults),
		mux:     http.NewServeMux(),
		slots:   map[string]*slot{},
		names:   map[string]*Route{},
	}
	e.validator.Opaque = isOpaque
	e.set.Context = (*Context).Context
	e.Router = &Router{engine: e}
	e.unfound = &Route{router: e.Router, pattern: &pattern{}, plans: []*plan{{shared: unfound{}}}}
	e.SetRouteCallback(DefaultRouteCallback)
	return e
}

// isOpaque reports whether values of type t are none of the validator's business.
func isOpaque(t reflect.Type) bool {
	return t == reflect.TypeFor[UploadedFile]()
}

// GetRouter returns the router without a prefix, whose methods the engine has too.
func (e *Engine) GetRouter() *Router { return e.Router }

// GetWSRouter returns the router for WebSocket handlers.
func (e *Engine) GetWSRouter() *WSRouter { return &WSRouter{e.Router} }

// GetHandler returns the engine as an [http.Handler].
func (e *Engine) GetHandler() http.Handler { return e }

// SetRouteCallback sets the function that is told of each request when it is
// over, the requests that no route takes among them: they have no MatchedPath.
// What a middleware answers by itself is not the engine's to tell of. It runs in
// the request's goroutine, so that a slow one delays clients. For nil
// and [NoOpRouteCallback] nothing is measured.
func (e *Engine) SetRouteCallback(fn RouteCallback) {
	if fn == nil || reflect.ValueOf(fn).Pointer() == reflect.ValueOf(NoOpRouteCallback).Pointer() {
		e.callback.Store(nil)
		return
	}
	e.callback.Store(&fn)
}

// NotFound sets the handler for paths that no route takes. The default answers
// 404 as net/http does, or with a problem if Options.ProblemErrors says so.
func (e *Engine) NotFound(h RequestHandler) {
	e.notFound.Store(e.setUnfound("NotFound", h))
}

// MethodNotAllowed sets the handler for paths that no route takes with the
// request's method. The header Allow is set already. The default answers 405 as
// net/http does, or with a problem. OPTIONS requests do not get here.
func (e *Engine) MethodNotAllowed(h RequestHandler) {
	e.notAllowed.Store(e.setUnfound("MethodNotAllowed", h))
}

func (e *Engine) setUnfound(what string, h RequestHandler) *plan {
	p, err := e.newPlans(nil, []RequestHandler{h})
	if err == nil {
		err = prefixed(p[0].name+": ", p[0].checkRoute(http.MethodGet, &pattern{}))
	}
	if err != nil {
		panic(&setupError{callerLocation(), what, err})
	}
	return p[0]
}

// Convert makes fields of type T bindable: by convert, from the text of a path,
// query, header, cookie or form. Its error is shown to the client. It must be
// called before the handlers that have such fields are registered, and panics
// if T has a converter already.
func Convert[T any](e *Engine, convert func(string) (T, error)) {
	t := reflect.TypeFor[T]()
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.convert[t]; ok || convert == nil {
		reason := "has a converter already"
		if convert == nil {
			reason = "a nil converter"
		}
		panic(&setupError{callerLocation(), fmt.Sprintf("Convert of %v", t), errors.New(reason)})
	}
	converters := bind.Converters{t: func(s string) (any, error) { return convert(s) }}
	for t, c := range e.convert {
		converters[t] = c
	}
	e.convert = converters
}

func (e *Engine) converters() bind.Converters {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.convert
}

// Decode makes bodies of a media type decodable into a handler's Body, as in
// Decode("application/xml", xml.Unmarshal), beside JSON. The function's errors
// are shown to the client; it must not keep the bytes it is given. Decode panics
// if the type is malformed or has a decoder already.
func (e *Engine) Decode(mediaType string, decode func(data []byte, v any) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	kind, sub, ok := strings.Cut(mediaType, "/")
	_, twice := e.decoders[mediaType]
	var err error
	switch {
	case !ok || !validToken(kind) || !validToken(sub) || mediaType != strings.ToLower(mediaType):
		err = errors.New("not a media type in lower case, as in application/xml")
	case twice:
		err = errors.New("has a decoder already")
	case decode == nil:
		err = errors.New("a nil decoder")
	}
	if err != nil {
		panic(&setupError{callerLocation(), fmt.Sprintf("Decode of %q", mediaType), err})
	}
	decoders := map[string]bind.Decoder{mediaType: decode}
	for t, d := range e.decoders {
		decoders[t] = d
	}
	e.decoders = decoders
	e.generation.Add(1)
}

// Provide provides a value for all fields of its type that have no inject tag.
// Providing another of the type replaces it.
func (e *Engine) Provide(value any) {
	e.provided("Provide", e.set.Value(inject.DefaultName, value))
}

// ProvideWithKey provides a value for the fields of its type that are tagged
// inject:"key".
func (e *Engine) ProvideWithKey(key string, value any) {
	e.provided("ProvideWithKey", e.set.Value(key, value))
}

// ProvideUnsafe provides a value for all fields that are tagged inject:"key"
// and that it can be assigned to, interfaces among them. It panics if the key
// has a value already. [ProvideAs] does the same with the compiler's help.
func (e *Engine) ProvideUnsafe(key string, value any) {
	e.provided("ProvideUnsafe", e.set.Unsafe(key, value))
}

// CustomProvide provides what fn returns for the fields of value's type without
// an inject tag. It is called for a request when the first handler needs it, and
// once.
func (e *Engine) CustomProvide(value any, fn CustomProvideFunction) {
	e.CustomProvideWithKey(inject.DefaultName, value, fn)
}

// CustomProvideWithKey does the same for the fields that are tagged inject:"key".
func (e *Engine) CustomProvideWithKey(key string, value any, fn CustomProvideFunction) {
	if value == nil {
		e.provided("CustomProvide", errors.New("a nil value has no type; give one of the type that is provided"))
	}
	e.provided("CustomProvide", e.set.Custom(reflect.TypeOf(value), key, fn))
}

// A CustomProvideFunction makes a value for a request. An error of it that has a
// StatusCode decides the answer's status, any other is a 500.
type CustomProvideFunction func(c *Context) (any, error)

// ProvideAs provides a value for fields of type T, which may be an interface
// that the value implements; the name, of which at most one may be given, is
// that of the fields' inject tag.
func ProvideAs[T any](e *Engine, value T, name ...string) {
	e.provided("ProvideAs", e.set.ValueAs(reflect.TypeFor[T](), oneName(name), value))
}

func oneName(name []string) string {
	if len(name) == 0 {
		return inject.DefaultName
	}
	return name[0]
}

// Provider says how a function given to [Engine.ProvideFunc] is called.
type Provider struct {
	// Key is that of the fields' inject tag; the default is that of fields without one.
	Key string
	// Scope says how often it is called: PerRequest (the default), PerUse or Singleton.
	Scope Scope
}

// A Scope says how long what a provider returns is used.
type Scope = inject.Scope

// The scopes of a [Provider].
const (
	// PerRequest asks once for a request, when it is first needed.
	PerRequest = inject.PerRequest
	// PerUse asks for every field.
	PerUse = inject.PerUse
	// Singleton asks once for the life of the engine.
	Singleton = inject.Singleton
)

// ProvideFunc provides what fn returns. Its parameters are dependencies in
// their turn, or a *Context or context.Context of the request; its results are
// the value, and optionally a cleanup and an error, in this order:
//
//	func(c *gongular.Context, db *sql.DB) (*sql.Tx, func(error) error, error)
//
// The cleanup runs after the answer was written, the last one first, with the
// error that ended the chain, or nil: to commit or roll back. Its own error is
// logged. ProvideFunc panics if fn is of another shape; dependencies that are
// missing or go in a circle are found by Check.
func (e *Engine) ProvideFunc(fn any, how ...Provider) {
	var p Provider
	var err error
	if len(how) == 1 {
		p = how[0]
	} else if len(how) > 1 {
		err = errors.New("more than one Provider")
	}
	if p.Key == "" {
		p.Key = inject.DefaultName
	}
	if err == nil {
		err = e.set.Func(fn, p.Key, p.Scope)
	}
	e.provided("ProvideFunc", err)
}

func (e *Engine) provided(how string, err error) {
	if err != nil {
		panic(&setupError{callerLocation(), how, err})
	}
}

// Check reports all that is missing for the registered routes, joined in one
// error: dependencies that nobody provides, and providers that lack one, go in
// a circle or cannot have the scope they have. Run it in a test, or rely on
// ListenAndServe and Serve, which call it.
func (e *Engine) Check() error {
	e.mu.Lock()
	routes := slices.Clone(e.routes)
	e.mu.Unlock()
	var errs []error
	seen := map[*plan]bool{}
	for _, rt := range routes {
		for _, p := range rt.plans {
			if p.shared != nil || seen[p] {
				continue
			}
			seen[p] = true
			for _, err := range p.resolve().Missing() {
				errs = append(errs, &setupError{rt.location, rt.subject(), fmt.Errorf("%s: %w", p.name, err)})
			}
		}
	}
	for _, p := range []*plan{e.notFound.Load(), e.notAllowed.Load()} {
		if p == nil || p.shared != nil {
			continue
		}
		for _, err := range p.resolve().Missing() {
			errs = append(errs, fmt.Errorf("gongular: the handler of what is not found: %s: %w", p.name, err))
		}
	}
	if err := e.set.Check(); err != nil {
		errs = append(errs, prefixed("gongular: ", err))
	}
	return errors.Join(errs...)
}

// ServeHTTP serves a request.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := e.handler.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	e.dispatch(w, r)
}

// A dispatch is a Context that takes the place of the ResponseWriter while
// ServeMux looks for a route, so that what it would answer by itself (404, 405,
// redirects) becomes a matter of the engine.
type dispatch Context

func (d *dispatch) Header() http.Header {
	m := (*Context)(d).more()
	if m.header == nil {
		m.header = http.Header{}
	}
	return m.header
}

func (d *dispatch) Write(p []byte) (int, error) { return len(p), nil }
func (d *dispatch) WriteHeader(code int)        { d.sent = int32(code) }

// dispatch serves a request by the route that ServeMux finds for it.
func (e *Engine) dispatch(w http.ResponseWriter, r *http.Request) {
	if rt := e.findStatic(r); rt != nil {
		c := new(Context)
		c.bind.W = w
		r.Pattern = rt.muxPattern
		rt.serve(c, r)
		return
	}
	if v := e.inspect(&r); v != nil {
		e.serveUnfound(new(Context), w, r, v)
		return
	}
	c := new(Context)
	c.bind.W = w
	e.mux.ServeHTTP((*dispatch)(c), r)
	if !c.found {
		e.missed(c, w, r)
	}
}

// findStatic returns the route that ServeMux would find for a path that is a
// pattern by itself: no other can be more specific. It is nil for all others,
// and where hosts have to be looked at.
func (e *Engine) findStatic(r *http.Request) *Route {
	static := e.static.Load()
	if static == nil {
		static = e.listStatic()
	}
	if len(*static) == 0 || r.URL.RawPath != "" || e.hosts.Load() != nil {
		return nil
	}
	for _, rt := range (*static)[r.URL.Path] {
		if rt.method == r.Method {
			return rt
		}
	}
	return nil
}

// listStatic lists the routes for findStatic, after routes were registered.
func (e *Engine) listStatic() *map[string][]*Route {
	e.mu.Lock()
	defer e.mu.Unlock()
	static := map[string][]*Route{}
	for _, rt := range e.routes {
		path := strings.TrimSuffix(rt.pattern.muxPath(), "{$}")
		if rt.method != "" && rt.method != http.MethodConnect && rt.router.host == "" && !strings.ContainsAny(path, "{%") {
			static[path] = append(static[path], rt)
		}
	}
	e.static.Store(&static)
	return &static
}

// A slot is one pattern of the ServeMux: the routes of one method and shape,
// from the most to the least constrained.
type slot struct {
	names  []string // of the wildcards in the ServeMux's pattern
	routes atomic.Pointer[[]*Route]
}

func (s *slot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d := w.(*dispatch)
	routes := *s.routes.Load()
	for _, rt := range routes {
		if rt.direct || rt.pattern.match(r, s.names) {
			if !rt.direct {
				r.Pattern = rt.muxPattern
			}
			d.found, d.route = true, rt
			if !d.dry {
				rt.serve((*Context)(d), r)
			}
			return
		}
	}
	d.sent = http.StatusNotFound
}

// A Route is what a pattern leads to. Its methods add to it and return it.
type Route struct {
	router     *Router
	method     string // "" for all
	pattern    *pattern
	location   string
	name       string
	muxPattern string // as ServeMux has it
	direct     bool   // ServeMux alone decides on it, and under its own names
	plans      []*plan
	last       http.Handler         // after the plans, for plain handlers; nil otherwise
	lastName   string               // of the type of last
	upgrade    func(*Context) error // after the plans, for WebSockets; nil otherwise

	middleware []Middleware
	options    Options

	compiled atomic.Pointer[compiled]
}

// A compiled route is what its own and its groups' settings amount to.
type compiled struct {
	generation   uint64
	around       []Middleware
	chain        http.Handler // around, applied; nil without
	options      Options
	limits       *bind.Limits
	errorHandler ErrorHandler
}

// A Middleware wraps a handler in another, as is usual with net/http.
type Middleware = func(http.Handler) http.Handler

// ready returns the route's settings as they are now.
func (rt *Route) ready() *compiled {
	old := rt.compiled.Load()
	if old != nil && old.generation == rt.router.engine.generation.Load() {
		return old
	}
	c := rt.collect()
	switch {
	case old != nil && len(c.around) == len(old.around):
		c.chain = old.chain // middleware is only ever added; what it remembers stays
	case len(c.around) > 0:
		c.chain = wrap(c.around, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rt.run(new(Context), w, r, rt.ready())
		}))
	}
	rt.compiled.Store(c)
	return c
}

// collect gathers the settings of the route and its groups.
func (rt *Route) collect() *compiled {
	e := rt.router.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	c := &compiled{generation: e.generation.Load(), options: rt.options, around: slices.Clone(rt.middleware)}
	for r := rt.router; r != nil; r = r.parent {
		c.options = c.options.over(r.options)
		if c.errorHandler == nil {
			c.errorHandler = r.errorHandler
		}
		if r.parent != nil { // the root's is around the engine
			c.around = append(slices.Clone(r.middleware), c.around...)
		}
	}
	c.options = c.options.over(e.options)
	c.limits = c.options.limits(e.decoders)
	c.limits.Rest = rt.pattern.rest()
	if c.errorHandler == nil {
		c.errorHandler = defaultErrorHandler
	}
	return c
}

// wrap puts the middleware around h, the first outermost.
func wrap(around []Middleware, h http.Handler) http.Handler {
	for _, m := range slices.Backward(around) {
		h = m(h)
	}
	return h
}

// serve serves a request that the route has matched.
func (rt *Route) serve(c *Context, r *http.Request) {
	settings := rt.ready()
	if settings.chain != nil {
		settings.chain.ServeHTTP(c.bind.W, r)
		return
	}
	rt.run(c, c.bind.W, r, settings)
}

// run is the way of a request through a route: the handlers, the answer, the
// cleanups, and who is told.
func (rt *Route) run(c *Context, w http.ResponseWriter, r *http.Request, settings *compiled) {
	if settings.options.Timeout > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), settings.options.Timeout)
		defer cancel()
		r = r.WithContext(ctx)
	}
	c.route = rt
	c.bind.R, c.bind.W, c.bind.Limits = r, w, settings.limits
	callback := rt.router.engine.callback.Load()
	if callback != nil {
		c.more().record = stats.Begin(r, rt.matchedPath(), len(rt.plans))
	}
	defer c.end(callback)
	if rt.chain(c); c.final {
		return
	}
	c.guard()
}

// chain runs the handlers until one stops it.
func (rt *Route) chain(c *Context) {
	step := 0
	defer func() {
		if value := recover(); value != nil {
			c.panicked(value)
			if step < len(rt.plans) {
				c.recorder().Handler(rt.plans[step].name, c.outcome(), true)
			} else if step == len(rt.plans) && rt.last != nil {
				c.recorder().Handler(rt.lastName, c.outcome(), true)
			}
		}
	}()
	for ; step < len(rt.plans); step++ {
		p := rt.plans[step]
		err := p.serve(c)
		if err != nil {
			c.handleError(c.timedOut(err))
		}
		if p.name != "" { // the engine's own has none
			c.recorder().Handler(p.name, err, c.stopped)
		}
		if c.stopped {
			step = len(rt.plans) + 1
			c.Finalize()
			return
		}
	}
	if rt.last != nil {
		rt.last.ServeHTTP(c.Writer(), c.bind.R)
		step++
		c.recorder().Handler(rt.lastName, nil, c.stopped)
	}
	if rt.upgrade != nil {
		if err := rt.upgrade(c); err != nil {
			c.handleError(err)
		}
	}
	c.Finalize()
}

// timedOut turns the error of a context whose Options.Timeout is over into a 503.
func (c *Context) timedOut(err error) error {
	timeout := c.route.ready().options.Timeout
	if timeout > 0 && errors.Is(err, context.DeadlineExceeded) && c.Context().Err() == context.DeadlineExceeded {
		return Error(http.StatusServiceUnavailable, "").Wrap(err)
	}
	return err
}

// guard writes the answer after a panic, and makes what panics in that an error
// once more.
func (c *Context) guard() {
	defer func() {
		if value := recover(); value != nil {
			c.panicked(value)
			if !c.final {
				c.Finalize()
			}
		}
	}()
	c.Finalize()
}

// panicked decides what a panic becomes. It must be called by the function that
// recovered it.
func (c *Context) panicked(value any) {
	if value == http.ErrAbortHandler || c.options().PassPanics {
		c.more().passing = value
		c.StopChain()
		c.more().err = errAborted
		c.final = true
		return
	}
	err := c.recovered(value)
	c.failed(err)
	func() {
		defer func() {
			if again := recover(); again != nil { // the error handler itself
				c.recovered(again)
				c.clearBody()
				c.status = http.StatusInternalServerError
			}
		}()
		c.handleError(err)
	}()
}

var errAborted = errors.New("the handler was aborted")

// end cleans up after a request, whatever became of it, and tells the callback.
func (c *Context) end(callback *RouteCallback) {
	if c.rare != nil && c.rare.session != nil {
		if err := c.rare.session.Close(c.outcome()); err != nil {
			c.Slog().Error("a cleanup failed", "error", err)
		}
	}
	if err := c.bind.Close(); err != nil {
		c.Slog().Error("uploaded files were not removed", "error", err)
	}
	if callback != nil {
		func() {
			defer func() {
				if value := recover(); value != nil {
					c.Slog().Error("the route callback panicked", "panic", fmt.Sprint(value))
				}
			}()
			var logs *bytes.Buffer
			if c.rare != nil {
				logs = c.rare.logs.taken()
			}
			(*callback)(c.recorder().End(int(c.sent), c.size, logs))
		}()
	}
	if c.rare != nil && c.rare.passing != nil {
		panic(c.rare.passing)
	}
	if c.aborting {
		panic(http.ErrAbortHandler)
	}
}

// A Router registers routes under a prefix. Those methods panic, as those of
// [http.ServeMux] do, if something is wrong with the pattern or a handler, or
// if the pattern conflicts with another.
//
// A pattern has the original's wildcards :Name and *Rest, or those of ServeMux,
// {Name} and {Rest...}. A wildcard in braces may have a constraint, {ID:int} or
// a regular expression {Slug:[a-z-]+}, and a fixed part before or behind it.
// The named constraints are alpha, alphanum, bool, date, float, hex, int, ip,
// uint and uuid.
type Router struct {
	engine       *Engine
	parent       *Router // nil for the root
	prefix       string
	host         string
	handlers     []*plan // of the groups, the parents' among them
	middleware   []Middleware
	options      Options
	errorHandler ErrorHandler
}

// GET registers the handlers for GET requests of the path, and HEAD requests
// that have no route of their own.
func (r *Router) GET(path string, handlers ...RequestHandler) *Route {
	return r.method(http.MethodGet, path, handlers)
}

// HEAD registers the handlers for HEAD requests of the path.
func (r *Router) HEAD(path string, handlers ...RequestHandler) *Route {
	return r.method(http.MethodHead, path, handlers)
}

// POST registers the handlers for POST requests of the path.
func (r *Router) POST(path string, handlers ...RequestHandler) *Route {
	return r.method(http.MethodPost, path, handlers)
}

// PUT registers the handlers for PUT requests of the path.
func (r *Router) PUT(path string, handlers ...RequestHandler) *Route {
	return r.method(http.MethodPut, path, handlers)
}

// PATCH registers the handlers for PATCH requests of the path.
func (r *Router) PATCH(path string, handlers ...RequestHandler) *Route {
	return r.method(http.MethodPatch, path, handlers)
}

// DELETE registers the handlers for DELETE requests of the path.
func (r *Router) DELETE(path string, handlers ...RequestHandler) *Route {
	return r.method(http.MethodDelete, path, handlers)
}

// OPTIONS registers the handlers for OPTIONS requests of the path, which
// otherwise are answered 200 with the header Allow.
func (r *Router) OPTIONS(path string, handlers ...RequestHandler) *Route {
	return r.method(http.MethodOptions, path, handlers)
}

// CONNECT registers the handlers for CONNECT requests of the path.
func (r *Router) CONNECT(path string, handlers ...RequestHandler) *Route {
	return r.method(http.MethodConnect, path, handlers)
}

// TRACE registers the handlers for TRACE requests of the path.
func (r *Router) TRACE(path string, handlers ...RequestHandler) *Route {
	return r.method(http.MethodTrace, path, handlers)
}

// QUERY registers the handlers for QUERY requests of the path: safe and
// idempotent like GET, with a body like POST (RFC 10008).
func (r *Router) QUERY(path string, handlers ...RequestHandler) *Route {
	return r.method("QUERY", path, handlers)
}

// Method registers the handlers for requests of any method, a token in capital
// letters where HTTP knows it so.
func (r *Router) Method(method, path string, handlers ...RequestHandler) *Route {
	return r.method(method, path, handlers)
}

func (r *Router) method(method, path string, handlers []RequestHandler) *Route {
	rt := &Route{router: r, method: method}
	err := checkMethod(method)
	if err == nil && len(handlers) == 0 {
		err = errors.New("no handlers")
	}
	return r.mustRegister(rt, path, handlers, err)
}

// Handle registers a plain [http.Handler], after the handlers of the group. The
// pattern is a path, for all methods, or has a method before it, as in "POST /x".
func (r *Router) Handle(pattern string, handler http.Handler) *Route {
	rt := &Route{router: r, last: handler, lastName: fmt.Sprintf("%T", handler)}
	path := pattern
	var err error
	if i := strings.IndexAny(pattern, " \t"); i >= 0 && pattern[0] != '/' {
		rt.method, path = pattern[:i], strings.TrimLeft(pattern[i:], " \t")
		err = checkMethod(rt.method)
	}
	if handler == nil {
		err = errors.Join(err, errors.New("a nil handler"))
	}
	return r.mustRegister(rt, path, nil, err)
}

// HandleFunc registers a function as Handle does.
func (r *Router) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) *Route {
	if handler == nil {
		return r.Handle(pattern, nil)
	}
	return r.Handle(pattern, http.HandlerFunc(handler))
}

// Mount registers an [http.Handler], which may be another engine, for all
// methods and paths under the prefix. It sees paths without the prefix.
func (r *Router) Mount(prefix string, handler http.Handler) *Route {
	rt := &Route{router: r}
	if handler == nil {
		return r.mustRegister(rt, prefix, nil, errors.New("a nil handler"))
	}
	full, err := parsePattern(joinPatterns(r.prefix, prefix))
	if err == nil {
		rt.last, rt.lastName = stripSegments(len(full.segments), handler), fmt.Sprintf("%T", handler)
	}
	return r.mustRegister(rt, strings.TrimRight(prefix, "/")+"/{mounted...}", nil, err)
}

// stripSegments takes the first n segments off the path.
func stripSegments(n int, h http.Handler) http.Handler {
	cut := func(path string) string {
		for range n {
			if i := strings.IndexByte(path[min(1, len(path)):], '/'); i >= 0 {
				path = path[i+1:]
			}
		}
		return path
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r2 := new(http.Request)
		*r2 = *r
		u := *r.URL
		raw := cut(u.EscapedPath())
		u.Path, u.RawPath = cut(u.Path), raw
		if n, err := unescapePath(raw); err == nil {
			u.Path = n // a segment may hold an escaped slash
		}
		r2.URL = &u
		h.ServeHTTP(w, r2)
	})
}

// Group returns a router whose paths have the prefix before them and whose
// routes run the handlers first. Groups nest, and do not see what is added to
// their parents' handlers later.
func (r *Router) Group(prefix string, handlers ...RequestHandler) *Router {
	plans, err := r.engine.newPlans(r.handlers, handlers)
	full := joinPatterns(r.prefix, prefix)
	if err == nil {
		_, err = parsePattern(full)
	}
	if err != nil {
		panic(&setupError{callerLocation(), fmt.Sprintf("Group %q", full), err})
	}
	return &Router{engine: r.engine, parent: r, prefix: strings.TrimRight(full, "/"), host: r.host, handlers: plans}
}

// Host returns a router for requests to the host, a name in lower case without
// a port. Its routes go before those without a host, which serve what it has
// no route for.
func (r *Router) Host(host string) *Router {
	if host == "" || strings.ContainsAny(host, "/:{} ") || host != strings.ToLower(host) {
		panic(&setupError{callerLocation(), fmt.Sprintf("Host %q", host), errors.New("not a host name in lower case without a port")})
	}
	e := r.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	hosts := []string{host}
	if known := e.hosts.Load(); known != nil {
		hosts = append(hosts, *known...)
	}
	e.hosts.Store(&hosts)
	return &Router{engine: e, parent: r, prefix: r.prefix, host: host, handlers: r.handlers}
}

// With returns a router of the same prefix and handlers whose routes have the
// options, those that are not the engine's alone. It panics for others.
func (r *Router) With(options Options) *Router {
	if err := options.checkRoute(); err != nil {
		panic(&setupError{callerLocation(), "With", err})
	}
	return &Router{engine: r.engine, parent: r, prefix: r.prefix, host: r.host, handlers: r.handlers, options: options}
}

// Use puts middleware around all routes of the router and its groups, those
// registered before it too; the first is the outermost, and a group's is inside
// of its parent's. That of the engine, or its root router, is around everything,
// paths that are not found among it. It runs before the struct handlers.
func (r *Router) Use(middleware ...Middleware) {
	if slices.ContainsFunc(middleware, func(m Middleware) bool { return m == nil }) {
		panic(&setupError{callerLocation(), "Use", errors.New("a nil middleware")})
	}
	e := r.engine
	e.mu.Lock()
	r.middleware = append(r.middleware, middleware...)
	around := slices.Clone(r.middleware)
	e.generation.Add(1)
	e.mu.Unlock()
	if r.parent != nil || len(around) == 0 {
		return
	}
	h := wrap(around, http.HandlerFunc(e.dispatch)) // without the lock: it may ask the engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(around) == len(r.middleware) { // else a later Use has the whole
		e.handler.Store(&h)
	}
}

// SetErrorHandler sets what decides on the answer for an error in the routes of
// the router and its groups. It panics for nil.
func (r *Router) SetErrorHandler(fn ErrorHandler) {
	if fn == nil {
		panic(&setupError{callerLocation(), "SetErrorHandler", errors.New("a nil handler")})
	}
	r.engine.mu.Lock()
	defer r.engine.mu.Unlock()
	r.errorHandler = fn
	r.engine.generation.Add(1)
}

// Name gives the route a name for [Engine.URL]. It panics if the name is taken.
func (rt *Route) Name(name string) *Route {
	e := rt.router.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	var err error
	switch other, taken := e.names[name]; {
	case name == "":
		err = errors.New("an empty name")
	case taken:
		err = fmt.Errorf("the name %q is already that of %s, registered at %s", name, other.subject(), other.location)
	case rt.name != "":
		err = fmt.Errorf("the route is already named %q", rt.name)
	}
	if err != nil {
		panic(&setupError{callerLocation(), rt.subject(), err})
	}
	rt.name = name
	e.names[name] = rt
	return rt
}

// Use puts middleware around the route, inside of that of its groups.
func (rt *Route) Use(middleware ...Middleware) *Route {
	if slices.ContainsFunc(middleware, func(m Middleware) bool { return m == nil }) {
		panic(&setupError{callerLocation(), rt.subject(), errors.New("a nil middleware")})
	}
	e := rt.router.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	rt.middleware = append(rt.middleware, middleware...)
	e.generation.Add(1)
	return rt
}

// With sets options of the route, those that are not the engine's alone. It
// panics for others.
func (rt *Route) With(options Options) *Route {
	if err := options.checkRoute(); err != nil {
		panic(&setupError{callerLocation(), rt.subject(), err})
	}
	e := rt.router.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	rt.options = options.over(rt.options)
	e.generation.Add(1)
	return rt
}

// subject is the route as messages name it.
func (rt *Route) subject() string {
	method := rt.method
	if method != "" {
		method += " "
	}
	return fmt.Sprintf("%s%q", method, rt.router.host+rt.matchedPath())
}

func (rt *Route) matchedPath() string { return rt.pattern.text }

func (r *Router) mustRegister(rt *Route, path string, handlers []RequestHandler, err error) *Route {
	rt.location = callerLocation()
	rt.pattern = &pattern{text: joinPatterns(r.prefix, path)}
	if err == nil {
		err = r.register(rt, handlers)
	}
	if err != nil {
		panic(&setupError{rt.location, rt.subject(), err})
	}
	rt.ready()
	return rt
}

// register adds a route to the engine. The error joins all that is wrong with it.
func (r *Router) register(rt *Route, handlers []RequestHandler) error {
	e := r.engine
	pat, err := parsePattern(rt.pattern.text)
	if err != nil {
		return err
	}
	rt.pattern = pat
	plans, err := e.newPlans(r.handlers, handlers)
	errs := []error{err}
	for _, p := range plans {
		errs = append(errs, prefixed(p.name+": ", p.checkRoute(rt.method, pat)))
	}
	errs = append(errs, oneBody(plans))
	if err := errors.Join(errs...); err != nil {
		return err
	}
	rt.plans = plans
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.addRoute(rt)
}

// oneBody reports handlers of one chain that want the body as JSON and as a form.
func oneBody(plans []*plan) error {
	var body, form *plan
	for _, p := range plans {
		if p.has(FieldBody) {
			body = p
		}
		if p.has(FieldForm) {
			form = p
		}
	}
	if body == nil || form == nil || body == form {
		return nil
	}
	return fmt.Errorf("%s has a Body and %s a Form, but a request has one body", body.name, form.name)
}

// newPlans returns the plans of the group, which are shared, and of the handlers.
func (e *Engine) newPlans(group []*plan, handlers []RequestHandler) ([]*plan, error) {
	plans := slices.Clone(group)
	var errs []error
	for i, h := range handlers {
		if h == nil {
			errs = append(errs, fmt.Errorf("handler %d is nil", i+1))
			continue
		}
		name := reflect.TypeOf(h).String()
		if a, ok := h.(adapter); ok {
			inner, _ := a.adapted()
			name = reflect.TypeOf(inner).String()
		}
		p, err := e.newPlan(h, name)
		if err != nil {
			errs = append(errs, prefixed(name+": ", err))
		}
		if p != nil {
			plans = append(plans, p)
		}
	}
	return plans, errors.Join(errs...)
}

// addRoute puts the route into its slot, and a new slot into the ServeMux. The
// engine's lock is held.
func (e *Engine) addRoute(rt *Route) error {
	rt.muxPattern = strings.TrimLeft(rt.method+" "+rt.router.host+rt.pattern.muxPath(), " ")
	key := rt.method + " " + rt.router.host + rt.pattern.shape()
	s, ok := e.slots[key]
	if !ok {
		s = &slot{names: rt.pattern.muxNames()}
		s.routes.Store(new([]*Route))
		if err := tryHandle(e.mux, rt.muxPattern, s); err != nil {
			return e.explainConflict(rt, err)
		}
		e.slots[key] = s
	}
	routes := slices.Clone(*s.routes.Load())
	for _, other := range routes {
		if other.pattern.same(rt.pattern) {
			return fmt.Errorf("conflicts with %s, registered at %s: both take the same paths", other.subject(), other.location)
		}
	}
	rt.direct = rt.pattern.plain() && slices.Equal(s.names, rt.pattern.names())
	routes = append(routes, rt)
	slices.SortStableFunc(routes, func(a, b *Route) int { return a.pattern.compare(b.pattern) })
	s.routes.Store(&routes)
	e.routes = append(e.routes, rt)
	e.static.Store(nil)
	return nil
}

// tryHandle registers a pattern with a ServeMux and returns its panic as an error.
func tryHandle(mux *http.ServeMux, pattern string, h http.Handler) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("%v", value)
		}
	}()
	mux.Handle(pattern, h)
	return nil
}

// explainConflict finds the route that ServeMux says the pattern conflicts with.
func (e *Engine) explainConflict(rt *Route, err error) error {
	for _, other := range e.routes {
		mux := http.NewServeMux()
		if tryHandle(mux, other.muxPattern, http.NotFoundHandler()) != nil {
			continue
		}
		if conflict := tryHandle(mux, rt.muxPattern, http.NotFoundHandler()); conflict != nil {
			_, why, ok := strings.Cut(conflict.Error(), "):\n")
			if !ok {
				return err // the pattern itself is what ServeMux refuses
			}
			return fmt.Errorf("conflicts with %s, registered at %s: %s", other.subject(), other.location, strings.Join(strings.Fields(why), " "))
		}
	}
	return err
}

var knownMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "QUERY"}

// checkMethod reports a method that is none.
func checkMethod(method string) error {
	if !validToken(method) {
		return fmt.Errorf("%q is not a method", method)
	}
	if upper := strings.ToUpper(method); upper != method && slices.Contains(knownMethods, upper) {
		return fmt.Errorf("methods are case-sensitive: %q is not %q", method, upper)
	}
	return nil
}

// validToken reports whether s is a token (RFC 9110, section 5.6.2).
func validToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// callerLocation is the file and line of the call into this package.
func callerLocation() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "github.com/gongular/gongular.") || strings.HasSuffix(frame.File, "_test.go") {
			return fmt.Sprintf("%s:%d", filepath.Base(frame.File), frame.Line)
		}
		if !more {
			return "unknown location"
		}
	}
}

// URL returns the path of the named route with the values, in order, for its
// wildcards; they are formatted by fmt.Sprint and escaped. It returns an error
// for an unknown name, a missing, surplus or empty value, one that breaks the
// wildcard's constraint, and one that would not survive the cleaning of paths.
func (e *Engine) URL(name string, params ...any) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	rt, ok := e.names[name]
	if !ok {
		names := make([]string, 0, len(e.names))
		for n := range e.names {
			names = append(names, n)
		}
		slices.Sort(names)
		if near := hint.Nearest(name, names); near != "" {
			return "", fmt.Errorf("no route is named %q; did you mean %q?", name, near)
		}
		return "", fmt.Errorf("no route is named %q", name)
	}
	path, err := rt.pattern.build(params)
	if err != nil {
		return "", fmt.Errorf("route %q: %w", name, err)
	}
	return path, nil
}

// A RouteInfo describes a registered route.
type RouteInfo struct {
	Method   string // "" for all methods
	Host     string // "" for all hosts
	Pattern  string // as registered, with the prefixes of its groups
	Name     string // "" if it has none
	Handlers []HandlerInfo
	Options  Options // as they apply to the route
	Location string  // file:line of the registration
}

// A HandlerInfo describes a handler of a route.
type HandlerInfo struct {
	Type     reflect.Type // the struct, or what else handles
	Sections []SectionInfo
	Needs    []inject.Field // the fields that are dependencies
}

// A SectionInfo describes a field that is filled from the request.
type SectionInfo struct {
	Field string // "Param", "Query", …
	Type  reflect.Type
}

// Routes lists the routes in the order of their registration. A plain
// [http.Handler] is the last of its route's handlers.
func (e *Engine) Routes() iter.Seq[RouteInfo] {
	return func(yield func(RouteInfo) bool) {
		e.mu.Lock()
		routes := slices.Clone(e.routes)
		e.mu.Unlock()
		for _, rt := range routes {
			if !yield(rt.info()) {
				return
			}
		}
	}
}

func (rt *Route) info() RouteInfo {
	settings := rt.ready()
	rt.router.engine.mu.Lock()
	name := rt.name
	rt.router.engine.mu.Unlock()
	info := RouteInfo{Method: rt.method, Host: rt.router.host, Pattern: rt.pattern.text, Name: name, Options: settings.options, Location: rt.location}
	for _, p := range rt.plans {
		h := HandlerInfo{Type: p.typ}
		for _, s := range p.sections {
			h.Sections = append(h.Sections, SectionInfo{s.field, s.typ})
		}
		if p.inject != nil {
			h.Needs = p.inject.Fields()
		}
		info.Handlers = append(info.Handlers, h)
	}
	if rt.last != nil {
		info.Handlers = append(info.Handlers, HandlerInfo{Type: reflect.TypeOf(rt.last)})
	}
	return info
}
