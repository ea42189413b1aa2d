package gongular

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/gongular/gongular/bind"
)

// A Call is a handler that something else than a route runs: a message of a
// session, say. It is filled by the same plan as the handler of a route. It may be
// used by any number of goroutines.
type Call struct{ route *Route }

// NewCall compiles a handler for other ways in than a route, under a name for
// messages. Its Body is filled from what [Call.Run] is given; its Query, Header and
// Cookie, and its Param by [http.Request.PathValue], from the request. It panics as
// the methods of [Router] do, and if the handler has a Form. What is not provided
// is reported by [Engine.Check].
func (e *Engine) NewCall(name string, handler RequestHandler) *Call {
	rt := &Route{router: e.Router, location: callerLocation(), pattern: &pattern{text: name}}
	plans, err := e.newPlans(nil, []RequestHandler{handler})
	for _, p := range plans {
		if p.has(FieldForm) {
			err = errors.Join(err, fmt.Errorf("%s: %s: a call has no form", p.name, FieldForm))
		}
	}
	if err != nil {
		panic(&setupError{rt.location, fmt.Sprintf("%q", name), err})
	}
	rt.plans = plans
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls = append(e.calls, rt)
	return &Call{rt}
}

// Run fills a handler and calls its Handle. The body is that of the request, and
// decoded by decode; it is not limited. Run returns what the handler has set as
// status, or 200, and body, or what went wrong, which no error handler is asked
// about: [StatusCode] tells its status. Header fields have no meaning. A panic is
// the caller's, after cleanups. Middleware is not run.
func (call *Call) Run(r *http.Request, decode func(data []byte, v any) error) (status int, body any, err error) {
	settings := call.route.ready()
	if timeout := settings.options.Timeout; timeout > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		r = r.WithContext(ctx)
	}
	limits := *settings.limits
	limits.Body, limits.BodyTimeout = 0, 0
	limits.Decoders = map[string]bind.Decoder{"application/json": decode}
	r = r.Clone(r.Context())
	r.Header.Del("Content-Type")
	c := NewContext(&noWriter{header: make(http.Header)}, r)
	c.enter(settings)
	c.more().limits = &limits
	err = errAborted // until Handle has returned
	defer func() {
		if err != nil {
			c.failed(err)
		}
		c.final = true // nothing of what cleanups do is for anybody
		c.end(nil)
	}()
	err = c.timedOut(call.route.plans[0].serve(c))
	return c.finalStatus(), c.body, err
}

// A noWriter is the http.ResponseWriter where there is no response.
type noWriter struct{ header http.Header }

var errNoResponse = errors.New("gongular: a call has no HTTP response")

func (w *noWriter) Header() http.Header { return w.header }

func (w *noWriter) Write([]byte) (int, error) { return 0, errNoResponse }

func (w *noWriter) WriteHeader(int) {}
