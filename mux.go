package gongular

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gongular/gongular/bind"
	"github.com/gongular/gongular/inject"
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
	sessions  sessions
	types     typeCache
	handler   atomic.Pointer[http.Handler] // the root's middleware around dispatch; nil without
	unfound   *Route                       // serves what no route takes
	hosts     atomic.Pointer[[]string]     // that Router.Host names; nil without
	callback  atomic.Pointer[RouteCallback]
	static    atomic.Pointer[staticRoutes] // see findStatic; nil when routes were added

	notFound, notAllowed atomic.Pointer[plan] // the user's; nil for the default

	servers sync.Map // *http.Server, those that run

	generation atomic.Uint64 // counts changes that routes have to look at again

	mu       sync.Mutex // guards what follows, and all registration
	slots    map[string]*slot
	routes   []*Route
	calls    []*Route // of NewCall: without a pattern
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

// Validator returns the validator that checks what handlers ask for, to register
// rules of one's own and set its options, before the first handler is registered.
func (e *Engine) Validator() *validate.Validator { return &e.validator }

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
func (d *dispatch) WriteHeader(code int)        { d.sent = int16(code) }

// dispatch serves a request by the route that ServeMux finds for it.
func (e *Engine) dispatch(w http.ResponseWriter, r *http.Request) {
	if rt := e.findStatic(r); rt != nil {
		c := new(Context)
		c.bind.W = w
		r.Pattern = rt.muxPattern
		rt.ready().serve(c, r)
		return
	}
	if v := e.inspect(&r); v != nil {
		e.serveUnfound(new(Context), w, r, v)
		return
	}
	c := new(Context)
	c.bind.W = w
	e.mux.ServeHTTP((*dispatch)(c), r)
	if c.route() == nil {
		e.missed(c, w, r)
	}
}

// staticRoutes are the routes whose patterns are paths, by these.
type staticRoutes struct {
	routes  map[string][]*Route
	lengths uint64 // bit n%64 is set if a path of length n is there
}

// findStatic returns the route that ServeMux would find for a path that is a
// pattern by itself: no other can be more specific. It is nil for all others,
// and where hosts have to be looked at.
func (e *Engine) findStatic(r *http.Request) *Route {
	static := e.static.Load()
	if static == nil {
		static = e.listStatic()
	}
	if static.lengths&(1<<(len(r.URL.Path)%64)) == 0 || r.URL.RawPath != "" || e.hosts.Load() != nil {
		return nil
	}
	for _, rt := range static.routes[r.URL.Path] {
		if rt.method == r.Method {
			return rt
		}
	}
	return nil
}

// listStatic lists the routes for findStatic, after routes were registered.
func (e *Engine) listStatic() *staticRoutes {
	e.mu.Lock()
	defer e.mu.Unlock()
	static := &staticRoutes{routes: map[string][]*Route{}}
	for _, rt := range e.routes {
		path := strings.TrimSuffix(rt.pattern.muxPath(), "{$}")
		if rt.method != "" && rt.method != http.MethodConnect && rt.router.host == "" && !strings.ContainsAny(path, "{%") {
			static.routes[path] = append(static.routes[path], rt)
			static.lengths |= 1 << (len(path) % 64)
		}
	}
	e.static.Store(static)
	return static
}

// A slot is one pattern of the ServeMux: the routes of one method and shape,
// from the most to the least constrained.
type slot struct {
	only   atomic.Pointer[Route] // the one route, if it takes all paths; or nil
	names  []string              // of the wildcards in the ServeMux's pattern
	routes atomic.Pointer[[]*Route]
}

func (s *slot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d := w.(*dispatch)
	rt := s.only.Load()
	if rt == nil {
		if rt = s.match(r); rt == nil {
			d.sent = http.StatusNotFound
			return
		}
	}
	found := rt.ready()
	(*Context)(d).enter(found)
	if !d.rare.dry {
		found.serve((*Context)(d), r)
	}
}

// match returns the first route that takes the request, or nil.
func (s *slot) match(r *http.Request) *Route {
	for _, rt := range *s.routes.Load() {
		if rt.direct || rt.pattern.match(r, s.names) {
			if !rt.direct {
				r.Pattern = rt.muxPattern
			}
			return rt
		}
	}
	return nil
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
		raw := cut(r.URL.EscapedPath())
		path, err := url.PathUnescape(raw) // a segment that goes may hold an escaped slash
		if err != nil {
			path = cut(r.URL.Path)
		}
		h.ServeHTTP(w, withPath(r, path, raw))
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
	if s.only.Store(nil); len(routes) == 1 && rt.direct {
		s.only.Store(rt)
	}
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
		if !isOurs(frame.Function) || strings.HasSuffix(frame.File, "_test.go") {
			return fmt.Sprintf("%s:%d", filepath.Base(frame.File), frame.Line)
		}
		if !more {
			return "unknown location"
		}
	}
}

// isOurs reports whether a function is of this package, or of one that registers
// for its own callers.
func isOurs(function string) bool {
	rest, ok := strings.CutPrefix(function, "github.com/gongular/gongular")
	return ok && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "/mego."))
}
