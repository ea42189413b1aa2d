package gongular

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// What happens to requests that no route takes: paths that are not clean, or
// differ in their last slash, are redirected; the others are 404, 405, or for
// OPTIONS the list of what is allowed.

// A verdict is an answer that is not a route's.
type verdict struct {
	status   int
	location string // of a redirect
	allow    string // of a 405, or an OPTIONS request
}

// inspect decides on requests before ServeMux sees them: nil lets them pass. It
// may replace the request by one that ServeMux understands.
func (e *Engine) inspect(r **http.Request) *verdict {
	u := (*r).URL
	if u.RawPath == "" && u.Path != "" && u.Path[0] == '/' && strings.IndexByte(u.Path, 0) < 0 && (*r).Method != http.MethodConnect && e.hosts.Load() == nil {
		return nil // what is not clean, ServeMux sees, and missed then
	}
	return e.inspectClosely(r)
}

func (e *Engine) inspectClosely(r **http.Request) *verdict {
	req := *r
	if req.RequestURI == "*" {
		return nil // of OPTIONS, which ServeMux refuses
	}
	if path := req.URL.Path; !strings.HasPrefix(path, "/") && (path != "" || req.Method != http.MethodConnect) {
		req = withPath(req, "/"+path, "/"+req.URL.EscapedPath()) // http.StripPrefix leaves such
		*r = req
	}
	if v := unclean(req); v != nil {
		return v
	}
	if hosts := e.hosts.Load(); hosts != nil {
		host, port := req.Host, ""
		if h, p, err := net.SplitHostPort(host); err == nil {
			host, port = h, ":"+p
		}
		lower := strings.ToLower(strings.TrimSuffix(host, "."))
		known := slices.Contains(*hosts, lower)
		if e.options.HostsOnly && !known {
			return &verdict{status: http.StatusMisdirectedRequest}
		}
		if known && lower != host { // ServeMux compares hosts as they are
			r2 := *(*r)
			r2.Host = lower + port
			*r = &r2
		}
	}
	return nil
}

// unclean is the verdict on a path that is not clean, however its dots are
// written; nil for one that is.
func unclean(r *http.Request) *verdict {
	if !suspicious(r.URL.Path) {
		return nil
	}
	escaped := r.URL.EscapedPath()
	clean, ok := cleanPath(escaped)
	switch {
	case !ok || r.Method == http.MethodConnect && clean != escaped:
		return &verdict{status: http.StatusBadRequest}
	case clean != escaped:
		return redirect(r, clean)
	}
	return nil
}

// suspicious reports whether a decoded path needs a closer look: it has a NUL,
// an empty segment, or one that begins with a dot.
func suspicious(path string) bool {
	for i := range len(path) {
		switch path[i] {
		case 0:
			return true
		case '/':
			if i+1 < len(path) && (path[i+1] == '/' || path[i+1] == '.') {
				return true
			}
		}
	}
	return false
}

// cleanPath takes empty and dot segments out of an escaped path, however the
// dots are written. It is not ok for a path that cannot be cleaned so: with a
// NUL, or with dots between escaped slashes, which are part of a value.
func cleanPath(escaped string) (clean string, ok bool) {
	segments := strings.Split(strings.TrimPrefix(escaped, "/"), "/")
	var kept []string
	for i, s := range segments {
		decoded, err := url.PathUnescape(s)
		if err != nil || strings.IndexByte(decoded, 0) >= 0 {
			return "", false
		}
		last := i == len(segments)-1
		switch decoded {
		case "", ".":
			if !last {
				continue
			}
			s = "" // keeps the slash at the end
		case "..":
			if kept = kept[:max(len(kept)-1, 0)]; !last {
				continue
			}
			s = ""
		default:
			for part := range strings.SplitSeq(decoded, "/") {
				if part == "." || part == ".." {
					return "", false
				}
			}
		}
		kept = append(kept, s)
	}
	return "/" + strings.Join(kept, "/"), true
}

// withPath returns a copy of r for another path.
func withPath(r *http.Request, path, raw string) *http.Request {
	r2 := *r
	u := *r.URL
	u.Path, u.RawPath = path, raw
	r2.URL = &u
	return &r2
}

// outerPrefix returns what a server around the engine has taken off the escaped
// path of the request, as http.StripPrefix does; "" if nothing, or more than
// can be told.
func outerPrefix(r *http.Request) string {
	asked, err := url.ParseRequestURI(r.RequestURI) // also the absolute form of a request to a proxy
	if err != nil {
		return ""
	}
	// A slash more or less may be Options.TrailingSlash's doing.
	outer, ok := strings.CutSuffix(strings.TrimSuffix(asked.EscapedPath(), "/"), strings.TrimSuffix(r.URL.EscapedPath(), "/"))
	if !ok || strings.HasPrefix(outer, "//") {
		return ""
	}
	return outer
}

// redirect is the verdict that sends the client to another escaped path of the
// same site: 301 for GET and HEAD, 307 for what must keep its method and body.
func redirect(r *http.Request, escaped string) *verdict {
	location := "/" + strings.TrimLeft(outerPrefix(r)+escaped, `/\`)
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		location += "?" + r.URL.RawQuery
	}
	status := http.StatusTemporaryRedirect
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		status = http.StatusMovedPermanently
	}
	return &verdict{status: status, location: location}
}

// otherSlash returns the request's path, as it is and escaped, with a slash
// more or less at its end; ok is false for the root.
func otherSlash(r *http.Request) (path, escaped string, ok bool) {
	path, escaped = r.URL.Path, r.URL.EscapedPath()
	if strings.HasSuffix(escaped, "/") {
		return strings.TrimSuffix(path, "/"), strings.TrimSuffix(escaped, "/"), len(escaped) > 1
	}
	return path + "/", escaped + "/", true
}

// missed serves a request that ServeMux, or a constraint, found no route for.
func (e *Engine) missed(c *Context, w http.ResponseWriter, r *http.Request) {
	if v := unclean(r); v != nil {
		c.sent, r.Pattern = 0, ""
		e.serveUnfound(c, w, r, v)
		return
	}
	if e.options.TrailingSlash != StrictSlash {
		if path, escaped, ok := otherSlash(r); ok {
			other := withPath(r, path, escaped)
			probe := &Context{rare: &rareContext{dry: true}}
			e.mux.ServeHTTP((*dispatch)(probe), other)
			if probe.route() != nil && e.options.TrailingSlash == RedirectSlash {
				c.sent = 0
				e.serveUnfound(c, w, r, redirect(r, escaped))
				return
			}
			if probe.route() != nil {
				c.rare, c.sent = nil, 0
				e.mux.ServeHTTP((*dispatch)(c), other)
				return
			}
		}
	}
	v := &verdict{status: http.StatusNotFound}
	code := int(c.sent)
	c.sent = 0
	switch {
	case code == http.StatusBadRequest: // "OPTIONS *", which servers answer themselves
		v.status = code
	case code == http.StatusMethodNotAllowed:
		v = allowing(r, strings.Split(c.rare.header.Get("Allow"), ", "))
	}
	r.Pattern = ""
	e.serveUnfound(c, w, r, v)
}

// allowing is the verdict on a request whose method is none of the allowed.
func allowing(r *http.Request, allowed []string) *verdict {
	allowed = append(allowed, http.MethodOptions)
	slices.Sort(allowed)
	v := &verdict{status: http.StatusMethodNotAllowed, allow: strings.Join(slices.Compact(allowed), ", ")}
	if r.Method == http.MethodOptions {
		v.status = http.StatusOK
	}
	return v
}

// notAllowed answers for a route for all methods that takes only some of them:
// as if it had been registered for those.
func (c *Context) notAllowed(takes ...string) error {
	for _, method := range knownMethods {
		r := *c.bind.R
		r.Method = method
		probe := &Context{rare: &rareContext{dry: true}}
		c.engine().mux.ServeHTTP((*dispatch)(probe), &r)
		if probe.route() != nil && probe.route().Route != c.route().Route {
			takes = append(takes, method)
		}
	}
	c.more().verdict = allowing(c.bind.R, takes)
	return unfound{}.Handle(c)
}

// serveUnfound answers by the verdict, on the way that every route takes.
func (e *Engine) serveUnfound(c *Context, w http.ResponseWriter, r *http.Request, v *verdict) {
	c.more().verdict = v
	e.unfound.ready().run(c, w, r)
}

// unfound is the handler for what no route takes.
type unfound struct{}

func (unfound) Handle(c *Context) error {
	v, e := c.rare.verdict, c.engine()
	if v.allow != "" {
		c.Header("Allow", v.allow)
	}
	switch {
	case v.location != "":
		return c.RedirectExternal(v.status, v.location)
	case v.status == http.StatusOK:
		c.Status(http.StatusOK)
		return nil
	case v.status == http.StatusNotFound && e.notFound.Load() != nil:
		return c.serveRecorded(e.notFound.Load())
	case v.status == http.StatusMethodNotAllowed && e.notAllowed.Load() != nil:
		return c.serveRecorded(e.notAllowed.Load())
	}
	return c.plainError(v.status)
}

// serveRecorded serves by a handler of the user's, which is recorded as any other.
func (c *Context) serveRecorded(p *plan) error {
	err := p.serve(c)
	c.recorder().Handler(p.name, err, c.stopped)
	return err
}

// plainError answers with the status alone: as net/http does, or with a problem.
// It does not ask the error handler, which may take every error that it does
// not know for a 500.
func (c *Context) plainError(status int) error {
	c.MustStatus(status)
	if c.options().ProblemErrors {
		c.setProblem(nil)
		return nil
	}
	text := http.StatusText(status)
	if status == http.StatusNotFound {
		text = "404 page not found"
	}
	c.Header("Content-Type", "text/plain; charset=utf-8")
	c.Header("X-Content-Type-Options", "nosniff")
	c.SetBody([]byte(text + "\n"))
	return nil
}
