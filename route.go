package gongular

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/gongular/gongular/bind"
	"github.com/gongular/gongular/stats"
)

// A Route is what a pattern leads to. Its methods add to it and return it.
type Route struct {
	compiled   atomic.Pointer[compiled]
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
}

// A compiled route is a route with what its own and its groups' settings amount
// to. It is only read once made.
type compiled struct {
	// What each request reads comes first and together, as a server has more routes
	// than the processor's nearest memory holds.
	engine     *Engine
	generation uint64
	plain      bool    // neither middleware nor a timeout
	bare       bool    // nothing after the plans
	plans      []*plan // of the Route
	limits     *bind.Limits
	rare       rareContext // of those requests that need none of their own
	*Route
	around       []Middleware
	chain        http.Handler // around, applied; nil without
	options      Options
	errorHandler ErrorHandler
}

// A Middleware wraps a handler in another, as is usual with net/http.
type Middleware = func(http.Handler) http.Handler

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

// ready returns the route with its settings as they are now.
func (rt *Route) ready() *compiled {
	if c := rt.compiled.Load(); c != nil && c.generation == c.engine.generation.Load() {
		return c
	}
	return rt.compile()
}

func (rt *Route) compile() *compiled {
	c, old := rt.collect(), rt.compiled.Load()
	switch {
	case old != nil && len(c.around) == len(old.around):
		c.chain = old.chain // middleware is only ever added; what it remembers stays
	case len(c.around) > 0:
		c.chain = wrap(c.around, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rt.ready().run(new(Context), w, r)
		}))
	}
	c.plain = c.chain == nil && c.options.Timeout == 0
	rt.compiled.Store(c)
	return c
}

// collect gathers the settings of the route and its groups.
func (rt *Route) collect() *compiled {
	e := rt.router.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	c := &compiled{
		Route: rt, engine: e, generation: e.generation.Load(), plans: rt.plans, bare: rt.last == nil && rt.upgrade == nil,
		around: slices.Clone(rt.middleware), options: rt.options,
	}
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
	c.rare = rareContext{route: c, shared: true}
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

// serve serves a request that the route has matched. The writer is in c already.
func (rt *compiled) serve(c *Context, r *http.Request) {
	switch {
	case rt.plain:
		c.bind.R = r
		c.enter(rt)
		rt.walk(c)
	case rt.chain != nil:
		rt.chain.ServeHTTP(c.bind.W, r)
	default:
		rt.run(c, c.bind.W, r)
	}
}

// run is the way of a request through a route: the handlers, the answer, the
// cleanups, and who is told.
func (rt *compiled) run(c *Context, w http.ResponseWriter, r *http.Request) {
	if rt.options.Timeout > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), rt.options.Timeout)
		defer cancel()
		r = r.WithContext(ctx)
	}
	c.bind.R, c.bind.W = r, w
	c.enter(rt)
	rt.walk(c)
}

// walk is run without a limit of time. What could panic is recovered by chain
// and guard, so that end always comes.
func (rt *compiled) walk(c *Context) {
	callback := rt.engine.callback.Load()
	if callback != nil {
		c.more().record = stats.Begin(c.bind.R, rt.matchedPath(), len(rt.plans))
	}
	if rt.walkPlans(c, callback); !c.final {
		c.guard(callback)
	}
	if !c.rare.shared || c.bind.HasRead() {
		c.end(callback)
	}
}

// walkPlans runs the handlers until one stops the chain.
func (rt *compiled) walkPlans(c *Context, callback *RouteCallback) {
	step := 0
	defer func() {
		if value := recover(); value != nil {
			c.panicked(value)
			if step < len(rt.plans) {
				c.recorder().Handler(rt.plans[step].name, c.outcome(), true)
			} else if step == len(rt.plans) && rt.last != nil {
				c.recorder().Handler(rt.lastName, c.outcome(), true)
			}
			c.pass(callback)
		}
	}()
	for ; step < len(rt.plans); step++ {
		p := rt.plans[step]
		err := p.serve(c)
		if err != nil {
			c.handleError(c.timedOut(err))
		}
		if callback != nil && p.name != "" { // the engine's own has none
			c.recorder().Handler(p.name, err, c.stopped)
		}
		if c.stopped {
			step = len(rt.plans) + 1
			c.finalize()
			return
		}
	}
	if !rt.bare {
		if rt.last != nil {
			rt.last.ServeHTTP(c.writer(), c.bind.R)
			step++
			c.recorder().Handler(rt.lastName, nil, c.stopped)
		}
		if rt.upgrade != nil {
			if err := rt.upgrade(c); err != nil {
				c.handleError(err)
			}
		}
	}
	c.finalize()
}

// timedOut turns the error of a context whose Options.Timeout is over into a 503.
func (c *Context) timedOut(err error) error {
	timeout := c.rare.route.options.Timeout
	if timeout > 0 && errors.Is(err, context.DeadlineExceeded) && c.Context().Err() == context.DeadlineExceeded {
		return Error(http.StatusServiceUnavailable, "").Wrap(err)
	}
	return err
}

// guard writes the answer after a panic. If that panics too, in a body's
// MarshalJSON say, the error handler is asked once more, and then the bare
// status has to do.
func (c *Context) guard(callback *RouteCallback) {
	for range 2 {
		if c.try(callback); c.final {
			return
		}
	}
	c.body, c.status = nil, http.StatusInternalServerError
	if c.try(callback); !c.final {
		c.final, c.more().aborting = true, true
	}
}

// try writes the answer; a panic becomes an error.
func (c *Context) try(callback *RouteCallback) {
	defer func() {
		if value := recover(); value != nil {
			c.panicked(value)
			c.pass(callback)
		}
	}()
	c.finalize()
}

// pass ends the request with the panic that goes on, if there is one. It is called
// by the function that recovered it, before that returns, so that the stack which a
// middleware or net/http then logs still has where it began.
func (c *Context) pass(callback *RouteCallback) {
	if c.rare != nil && c.rare.passing != nil {
		c.end(callback)
	}
}

// panicked decides what a panic becomes. It must be called by the function that
// recovered it, and does not panic itself: where not even logging works, the
// connection is closed.
func (c *Context) panicked(value any) {
	defer func() {
		if recover() != nil {
			c.final, c.more().aborting = true, true
		}
	}()
	if value == http.ErrAbortHandler || c.options().PassPanics {
		c.more().passing = value
		c.StopChain()
		c.more().err = errAborted
		c.final = true
		closeBody(c.body) // nobody else will
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
	if c.rare != nil && c.rare.open != nil {
		defer c.rare.open.ended() // what follows is for those to wait for who stop the server
	}
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
			(*callback)(c.recorder().End(int(c.sent), c.rare.size, logs))
		}()
	}
	if c.rare != nil && c.rare.passing != nil {
		panic(c.rare.passing)
	}
	if c.rare != nil && c.rare.aborting {
		panic(http.ErrAbortHandler)
	}
}
