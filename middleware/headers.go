package middleware

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A CORSConfig says which pages of other origins may read answers (Fetch
// standard, section 3.3). One of the first three fields is needed; Origins is the
// one that can be shared with [CSRF] and WebSockets, the others make one.
type CORSConfig struct {
	// Origins are the origins that are allowed. If nil, they are made of the two
	// fields below, which must be empty otherwise.
	Origins *Origins
	// AllowedOrigins are the patterns of [NewOrigins].
	AllowedOrigins []string
	// AllowOriginFunc allows further origins.
	AllowOriginFunc func(r *http.Request, origin string) bool
	// AllowedMethods are the methods that a page may use, in capitals. If empty,
	// they are GET, HEAD and POST.
	AllowedMethods []string
	// AllowedHeaders are the header fields that a page may send, in addition to
	// those that any may; "*" are all.
	AllowedHeaders []string
	// ExposedHeaders are the header fields of the answer that a page may read,
	// in addition to those that any may.
	ExposedHeaders []string
	// AllowCredentials lets a page send cookies and the like. It cannot be
	// combined with the origin "*".
	AllowCredentials bool
	// MaxAge is how long a browser may keep the answer to a preflight, in whole
	// seconds. If zero, the browser decides.
	MaxAge time.Duration
	// AllowPrivateNetwork lets pages from the internet use a server in a private
	// network.
	AllowPrivateNetwork bool
}

// CORS returns middleware that tells browsers which pages may read the answers,
// and answers their preflight requests, with 204. A page of another origin is
// served all the same, but for sessions, where no browser looks at the answer:
// they are answered 403 "origin not allowed".
//
// It panics if the configuration allows no origin, if a pattern, method or header
// field is none, and if it combines "*" with credentials.
func CORS(config CORSConfig) Middleware {
	c := newCORS(config)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c.passes(w, r) {
				next.ServeHTTP(w, r)
			}
		})
	}
}

// cors is a CORSConfig in the form of the fields to be sent.
type cors struct {
	origins     *Origins
	methods     []string
	headers     []string // in lower case
	anyHeader   bool
	credentials bool
	private     bool

	allowMethods, allowHeaders, expose, maxAge string
}

func newCORS(config CORSConfig) *cors {
	c := &cors{
		origins:     corsOrigins(config),
		methods:     config.AllowedMethods,
		credentials: config.AllowCredentials,
		private:     config.AllowPrivateNetwork,
		expose:      strings.Join(config.ExposedHeaders, ", "),
	}
	mustHave(!c.origins.all || !c.credentials, "CORS", `the origin "*" with credentials: every site could act for the user`)
	if len(c.methods) == 0 {
		c.methods = []string{http.MethodGet, http.MethodHead, http.MethodPost}
	}
	for _, method := range c.methods {
		ok := isToken(method) && method != "*" && method == strings.ToUpper(method)
		mustHave(ok, "CORS", quoted(method)+" is no method in capitals")
	}
	c.allowMethods = strings.Join(c.methods, ", ")
	for _, header := range config.AllowedHeaders {
		mustHave(isToken(header), "CORS", quoted(header)+" is no name of a header field")
		c.anyHeader = c.anyHeader || header == "*"
		c.headers = append(c.headers, strings.ToLower(header))
	}
	c.allowHeaders = strings.Join(config.AllowedHeaders, ", ")
	for _, header := range config.ExposedHeaders {
		mustHave(isToken(header), "CORS", quoted(header)+" is no name of a header field")
	}
	mustHave(config.MaxAge >= 0, "CORS", "a negative MaxAge")
	if config.MaxAge > 0 {
		c.maxAge = seconds(config.MaxAge)
	}
	return c
}

func corsOrigins(config CORSConfig) *Origins {
	origins := config.Origins
	if origins != nil {
		alone := len(config.AllowedOrigins) == 0 && config.AllowOriginFunc == nil
		mustHave(alone, "CORS", "Origins together with AllowedOrigins or AllowOriginFunc")
	} else {
		var err error
		origins, err = parseOrigins(config.AllowedOrigins)
		must(err, "CORS")
		if config.AllowOriginFunc != nil {
			origins = origins.OrFunc(config.AllowOriginFunc)
		}
	}
	some := origins.all || origins.null || len(origins.exact)+len(origins.wildcards) > 0 || origins.fn != nil
	mustHave(some, "CORS", "no origins")
	return origins
}

// seconds returns the time in whole seconds, rounded up.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// passes sets the header of the answer. It reports whether the next handler is to
// be called; if not, it has answered.
func (c *cors) passes(w http.ResponseWriter, r *http.Request) bool {
	h := w.Header()
	varyOn(h, "Origin")
	values := r.Header["Origin"]
	if len(values) == 0 {
		return true
	}
	if IsUpgrade(r) {
		allowed := c.origins.CheckOrigin(r)
		if !allowed {
			refuse(w, r, http.StatusForbidden, "origin not allowed")
		}
		return allowed
	}
	origin, one := values[0], len(values) == 1
	if one && isSameOrigin(r, origin) {
		return true
	}
	named := one && c.origins.names(r, origin)
	allowed := named || one && c.origins.all
	if allowed && !named {
		origin = "*"
	}
	if r.Method == http.MethodOptions && len(r.Header["Access-Control-Request-Method"]) > 0 {
		c.preflight(h, r, origin, allowed)
		w.WriteHeader(http.StatusNoContent)
		return false
	}
	if allowed {
		c.allow(h, origin)
		if c.expose != "" {
			h.Set("Access-Control-Expose-Headers", c.expose)
		}
	}
	return true
}

// allow sets what says that the page may read the answer.
func (c *cors) allow(h http.Header, origin string) {
	h.Set("Access-Control-Allow-Origin", origin)
	if c.credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
}

// preflight sets the header of the answer to a preflight request. If it is not
// allowed, that says nothing of CORS.
func (c *cors) preflight(h http.Header, r *http.Request, origin string, allowed bool) {
	varyOn(h, "Access-Control-Request-Method")
	varyOn(h, "Access-Control-Request-Headers")
	if c.private {
		varyOn(h, "Access-Control-Request-Private-Network")
	}
	methods := r.Header["Access-Control-Request-Method"]
	asked, ok := c.askedHeaders(r)
	if !allowed || !ok || len(methods) != 1 || !slices.Contains(c.methods, methods[0]) {
		return
	}
	c.allow(h, origin)
	h.Set("Access-Control-Allow-Methods", c.allowMethods)
	if asked != "" {
		h.Set("Access-Control-Allow-Headers", asked)
	}
	if c.maxAge != "" {
		h.Set("Access-Control-Max-Age", c.maxAge)
	}
	if c.private && r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
}

// askedHeaders reports whether all header fields that a preflight request asks
// for are allowed, and returns what to answer, which is "" if it asks for none.
// A browser takes a star by its word for requests with credentials, so that what
// was asked for is answered instead.
func (c *cors) askedHeaders(r *http.Request) (answer string, ok bool) {
	var asked []string
	for _, value := range r.Header["Access-Control-Request-Headers"] {
		for item := range strings.SplitSeq(value, ",") {
			name := strings.ToLower(strings.Trim(item, " \t"))
			if name == "" {
				continue
			}
			if !isToken(name) || !c.anyHeader && !slices.Contains(c.headers, name) {
				return "", false
			}
			asked = append(asked, name)
		}
	}
	if c.anyHeader || len(asked) == 0 {
		return strings.Join(asked, ", "), true
	}
	return c.allowHeaders, true
}

// varyOn adds the name of a request's field to the Vary of the answer, unless it
// is there.
func varyOn(h http.Header, field string) {
	values := h["Vary"]
	if !hasToken(values, field) && !hasToken(values, "*") {
		h["Vary"] = append(values, field)
	}
}

// isToken reports whether s is a token of RFC 9110 section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && strings.IndexByte("!#$%&'*+-.^_`|~", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// quoted is foreign text in a message.
func quoted(s string) string { return strconv.Quote(s) }

// A SecurityConfig says what [SecurityHeaders] tells browsers. The zero value
// tells them what is safe for any site.
type SecurityConfig struct {
	// HSTS is how long a browser uses https only (RFC 6797). It is sent over
	// https only, see [TrustedProxies]. If zero, it is one year; negative means
	// not to send it.
	HSTS time.Duration
	// HSTSSubdomains includes all subdomains, HSTSPreload asks browsers to know
	// beforehand, which needs HSTSSubdomains and at least a year.
	HSTSSubdomains, HSTSPreload bool
	// Frame is DENY or SAMEORIGIN: which pages may show this one in a frame. If
	// empty, it is DENY; "-" does not send it.
	Frame string
	// Referrer is the Referrer-Policy. If empty, it is
	// strict-origin-when-cross-origin; "-" does not send it.
	Referrer string
	// Permissions is the Permissions-Policy, such as "camera=(), microphone=()".
	// If empty, it is not sent.
	Permissions string
	// CSP is the Content-Security-Policy. Each {nonce} in it stands for a nonce
	// of the request's own, which the handler gets from [Nonce]:
	//
	//	script-src 'nonce-{nonce}' 'strict-dynamic'; object-src 'none'; base-uri 'none'
	//
	// If empty, it is not sent.
	CSP string
	// CSPReportOnly has browsers report what the CSP forbids, and do it.
	CSPReportOnly bool
}

const (
	year      = 365 * 24 * time.Hour
	nonceMark = "{nonce}"
)

var referrerPolicies = []string{
	"no-referrer", "no-referrer-when-downgrade", "origin", "origin-when-cross-origin",
	"same-origin", "strict-origin", "strict-origin-when-cross-origin", "unsafe-url",
}

// SecurityHeaders returns middleware that sets the header fields of the
// configuration and X-Content-Type-Options: nosniff. A handler may set others in
// their place. It panics if a value is none that browsers know, or could not be
// sent.
func SecurityHeaders(config SecurityConfig) Middleware {
	const name = "SecurityHeaders"
	fixed := [][2]string{{"X-Content-Type-Options", "nosniff"}}
	add := func(field, value, otherwise string) {
		if value == "" {
			value = otherwise
		}
		mustHave(!strings.ContainsFunc(value, isControl), name, "a control character in "+field)
		if value != "" && value != "-" {
			fixed = append(fixed, [2]string{field, value})
		}
	}
	frame, referrer := strings.ToUpper(config.Frame), config.Referrer
	mustHave(slices.Contains([]string{"", "-", "DENY", "SAMEORIGIN"}, frame), name, quoted(frame)+" is neither DENY nor SAMEORIGIN")
	add("X-Frame-Options", frame, "DENY")
	for policy := range strings.SplitSeq(referrer, ",") {
		known := policy == "" || policy == "-" || slices.Contains(referrerPolicies, strings.Trim(policy, " "))
		mustHave(known, name, quoted(policy)+" is no referrer policy")
	}
	add("Referrer-Policy", referrer, "strict-origin-when-cross-origin")
	add("Permissions-Policy", config.Permissions, "")
	csp := http.CanonicalHeaderKey("Content-Security-Policy")
	if config.CSPReportOnly {
		mustHave(config.CSP != "", name, "CSPReportOnly without a CSP")
		csp += "-Report-Only"
	}
	parts := strings.Split(config.CSP, nonceMark)
	if len(parts) == 1 {
		add(csp, config.CSP, "")
	}
	mustHave(!strings.ContainsFunc(config.CSP, isControl), name, "a control character in "+csp)
	hsts := hstsOf(config)

	set := func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		values := make([]string, len(fixed)) // of all fields, in one allocation
		for i, field := range fixed {
			values[i] = field[1]
			h[field[0]] = values[i : i+1 : i+1]
		}
		if hsts != "" && schemeOf(r) == schemeHTTPS {
			h.Set("Strict-Transport-Security", hsts)
		}
	}
	if len(parts) > 1 {
		return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
			set(w, r)
			rec.nonce = rand.Text()
			w.Header().Set(csp, strings.Join(parts, rec.nonce))
			next.ServeHTTP(w, r)
		})
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			set(w, r)
			next.ServeHTTP(w, r)
		})
	}
}

func hstsOf(config SecurityConfig) string {
	age := config.HSTS
	if age == 0 {
		age = year
	}
	mustHave(age > 0 || !config.HSTSSubdomains && !config.HSTSPreload, "SecurityHeaders", "HSTS is off, but has subdomains or preload")
	if age < 0 {
		return ""
	}
	value := "max-age=" + seconds(age)
	if config.HSTSSubdomains {
		value += "; includeSubDomains"
	}
	if config.HSTSPreload {
		mustHave(config.HSTSSubdomains && age >= year, "SecurityHeaders", "HSTSPreload needs HSTSSubdomains and a year")
		value += "; preload"
	}
	return value
}

// isControl reports whether a header field's value must not have the character.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// Nonce returns the nonce of the request that ctx is from, for the attribute nonce
// of its scripts and styles, or "" if [SecurityHeaders] has set none.
func Nonce(ctx context.Context) string { return knownOf(ctx).nonce }

// NoCache returns middleware that sets Cache-Control: no-store, so that nobody
// keeps the answers (RFC 9111 section 5.2.2.5), unless a handler says otherwise.
func NoCache() Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			next.ServeHTTP(w, r)
		})
	}
}

// BodyLimit returns middleware that limits the bodies of requests to so many
// bytes. A request that announces more is answered 413 "request body too large".
// If more comes unannounced, reading it fails with an [*http.MaxBytesError], and
// the connection is closed after the answer, which is the handler's. It panics if
// the limit is below 1.
func BodyLimit(bytes int64) Middleware {
	mustHave(bytes > 0, "BodyLimit", fmt.Sprintf("a limit of %d bytes", bytes))
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.ContentLength > bytes:
				refuse(w, r, http.StatusRequestEntityTooLarge, "request body too large")
				return
			case r.Body != nil && r.Body != http.NoBody:
				r = copyOf(r)
				// Only the server's own writer can be told to close the connection.
				r.Body = http.MaxBytesReader(innermost(w), r.Body, bytes)
			}
			next.ServeHTTP(w, r)
		})
	}
}

// copyOf returns a shallow copy of the request, whose fields may be set.
func copyOf(r *http.Request) *http.Request {
	if rec := recordOf(r.Context()); rec != nil {
		return rec.copyOf(r)
	}
	return r.WithContext(r.Context())
}

// innermost returns the writer that all others are around.
func innermost(w http.ResponseWriter) http.ResponseWriter {
	for {
		outer, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = outer.Unwrap()
	}
}

// Extracted returns the value that [ExtractHeader] has kept under the key for the
// request that ctx is from, or "".
func Extracted(ctx context.Context, key string) string {
	for _, kept := range slices.Backward(knownOf(ctx).extracted) {
		if kept.key == key {
			return kept.value
		}
	}
	return ""
}

// ExtractHeader returns middleware that keeps the first value of the header field
// under the key, for [Extracted]. The keys are only for that: nothing else that is
// known of a request can be changed by them. It panics as [ExtractHeaders] does.
func ExtractHeader(headerName, key string) Middleware {
	return extractHeaders("ExtractHeader", map[string]string{headerName: key})
}

// ExtractHeaders is ExtractHeader for several header fields, by their names. It
// panics if a name is none of a header field, if a key is empty, and if two
// fields have one key.
func ExtractHeaders(keys map[string]string) Middleware {
	return extractHeaders("ExtractHeaders", keys)
}

func extractHeaders(name string, keys map[string]string) Middleware {
	mustHave(len(keys) > 0, name, "no header fields")
	var pairs []extracted // field and key
	for field, key := range keys {
		field = mustBeField(field, name)
		mustHave(key != "", name, "an empty key for "+field)
		taken := slices.ContainsFunc(pairs, func(p extracted) bool { return p.value == key })
		mustHave(!taken, name, "two header fields for the key "+quoted(key))
		pairs = append(pairs, extracted{field, key})
	}
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		for _, p := range pairs {
			value := r.Header.Get(p.key)
			if p.key == "Host" { // which net/http keeps elsewhere
				value = r.Host
			}
			if value != "" {
				rec.extracted = append(rec.extracted, extracted{p.value, value})
			}
		}
		next.ServeHTTP(w, r)
	})
}

// BlockUserAgent returns middleware that answers 403 "user agent blocked" if a
// User-Agent contains one of the texts, in any case of ASCII letters. It panics if there are none,
// or one is empty, which would block everybody.
func BlockUserAgent(blocked ...string) Middleware {
	mustHave(len(blocked) > 0, "BlockUserAgent", "no texts")
	lower := make([][]byte, len(blocked))
	for i, text := range blocked {
		mustHave(text != "", "BlockUserAgent", "an empty text: everybody would be blocked")
		lower[i] = appendLower(nil, text)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, agent := range r.Header["User-Agent"] {
				if containsAny(agent, lower) {
					refuse(w, r, http.StatusForbidden, "user agent blocked")
					return
				}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// containsAny reports whether s has one of the texts, which are in lower case, in
// any case.
func containsAny(s string, lower [][]byte) bool {
	var buf [512]byte // longer than what browsers send
	b := appendLower(buf[:0], s)
	for _, text := range lower {
		if bytes.Contains(b, text) {
			return true
		}
	}
	return false
}

// appendLower appends s with its ASCII letters in lower case.
func appendLower(b []byte, s string) []byte {
	for i := range len(s) {
		b = append(b, lower(s[i]))
	}
	return b
}

// RequireUserAgent returns middleware that answers 400 "user agent required" to
// requests whose User-Agent is missing or blank.
func RequireUserAgent() Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.TrimSpace(r.Header.Get("User-Agent")) == "" {
				refuse(w, r, http.StatusBadRequest, "user agent required")
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// RedirectSlashes returns middleware that redirects from a path with slashes at
// its end to the one without, with 301 for GET and HEAD and 308, which keeps
// method and body, for others. The target is always a path of this host. A session
// is not redirected, as browsers would not follow: the slashes are taken off, as
// by [StripSlashes]. It belongs around the router.
func RedirectSlashes() Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			escaped := r.URL.EscapedPath()
			switch {
			case slashesAtEnd(escaped) == 0:
			case IsUpgrade(r):
				r = stripped(r, escaped)
			default:
				redirectTo(w, r, onThisHost(strings.TrimRight(escaped, "/")))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// StripSlashes returns middleware that takes the slashes off the end of the path,
// but for the path / itself. The handler gets a copy of the request; RequestURI
// stays as it was. It belongs around the router.
func StripSlashes() Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if escaped := r.URL.EscapedPath(); slashesAtEnd(escaped) > 0 {
				r = stripped(r, escaped)
			}
			next.ServeHTTP(w, r)
		})
	}
}

// slashesAtEnd returns how many slashes are to be taken off. An escaped slash is
// part of a name.
//
//	/a/ => 1   /a%2F => 0   / => 0   // => 2
func slashesAtEnd(escaped string) int {
	if escaped == "/" {
		return 0
	}
	return len(escaped) - len(strings.TrimRight(escaped, "/"))
}

// stripped returns a copy of the request without the slashes at the end of its path.
func stripped(r *http.Request, escaped string) *http.Request {
	n := slashesAtEnd(escaped)
	r = copyOf(r)
	u := *r.URL
	if u.Path = u.Path[:len(u.Path)-n]; u.Path == "" {
		u.Path = "/"
	}
	if u.RawPath != "" {
		u.RawPath = escaped[:len(escaped)-n]
	}
	r.URL = &u
	return r
}

// onThisHost returns the path with one slash in front. Browsers take // and /\
// for the beginning of another host.
//
//	//evil.example => /evil.example   /%5Cevil.example => /evil.example
func onThisHost(escaped string) string {
	for {
		rest := strings.TrimLeft(escaped, `/\`)
		if len(rest) >= 3 && equalFold(rest[:3], "%5c") {
			rest = rest[3:]
		}
		if rest == escaped {
			return "/" + rest
		}
		escaped = rest
	}
}

// redirectTo redirects to another path, with the query as it is.
func redirectTo(w http.ResponseWriter, r *http.Request, target string) {
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		target += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", target)
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		w.WriteHeader(http.StatusMovedPermanently)
	} else {
		w.WriteHeader(http.StatusPermanentRedirect)
	}
}
