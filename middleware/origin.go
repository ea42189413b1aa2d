package middleware

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Origins is a policy: which pages, other than the server's own, may use it from
// a browser. One value decides for [CORS], for [CSRF] and for WebSockets, whose
// origin check is [Origins.CheckOrigin], so that they cannot contradict each
// other. It is not changed once made, and may be used by any goroutine.
type Origins struct {
	exact     map[string]bool // in the form of origin.String
	wildcards []wildcard
	all       bool // "*"
	null      bool
	fn        func(r *http.Request, origin string) bool
}

// A wildcard is a pattern with a star in its host.
//
//	https://*.example.com:8443 => {"https", "", ".example.com", "8443"}
type wildcard struct{ scheme, prefix, suffix, port string }

// An origin is one in its only form (RFC 6454 section 6.2): in lower case, and
// without a default port.
type origin struct{ scheme, host, port string }

// NewOrigins returns the policy that allows the patterns:
//
//	https://example.com:8443   this origin; a default port may be left out
//	https://*.example.com      its subdomains of any depth, but not example.com
//	null                       pages that have no origin, as from files
//	*                          all, but not with credentials
//
// Scheme and host are compared in lower case, and http is not https. One star may
// be in the host, before a dot and a domain of at least two labels (or localhost,
// internal, local, test). Without patterns only the server's own pages are allowed.
//
// Where * allows a page, browsers see to it that no credentials are used, but for
// WebSockets, where they look at nothing: what * does not allow there is a request
// with a Cookie, or an Authorization other than Bearer, which no browser adds by
// itself.
//
// It panics if a pattern cannot be the origin of a page.
func NewOrigins(patterns ...string) *Origins {
	o, err := parseOrigins(patterns)
	must(err, "NewOrigins")
	return o
}

func parseOrigins(patterns []string) (*Origins, error) {
	o := &Origins{exact: map[string]bool{}}
	for _, pattern := range patterns {
		switch {
		case pattern == "*":
			o.all = true
		case pattern == "null":
			o.null = true
		case strings.Contains(pattern, "*"):
			w, err := parseWildcard(pattern)
			if err != nil {
				return nil, err
			}
			o.wildcards = append(o.wildcards, w)
		default:
			parsed, ok := parseOrigin(pattern)
			if err := checkPattern(pattern, parsed, ok); err != nil {
				return nil, err
			}
			o.exact[parsed.String()] = true
		}
	}
	return o, nil
}

// checkPattern returns an error that says what is wrong with a pattern.
func checkPattern(pattern string, parsed origin, ok bool) error {
	switch {
	case !ok && strings.Contains(pattern, "://") && strings.Count(pattern, "/") > 2:
		return fmt.Errorf("%q has more than scheme, host and port", pattern)
	case !ok:
		return fmt.Errorf("%q is no origin, as https://example.com is", pattern)
	case parsed.scheme == "ws" || parsed.scheme == "wss":
		return fmt.Errorf("%q is never the origin of a page: those have http or https", pattern)
	}
	return nil
}

// privateDomains are single labels that nobody can register below.
var privateDomains = []string{".localhost", ".internal", ".local", ".test"}

func parseWildcard(pattern string) (wildcard, error) {
	const stand = "star" // in its place while parsing
	parsed, ok := parseOrigin(strings.Replace(pattern, "*", stand, 1))
	if err := checkPattern(pattern, parsed, ok); err != nil {
		return wildcard{}, err
	}
	_, afterScheme, _ := strings.Cut(strings.ToLower(pattern), "://")
	prefix, _, _ := strings.Cut(afterScheme, "*")
	suffix, ok := strings.CutPrefix(parsed.host, prefix+stand)
	switch {
	case !ok || !strings.HasPrefix(suffix, "."):
		return wildcard{}, fmt.Errorf("%q: a star stands in the host, before a dot", pattern)
	case strings.Count(suffix, ".") < 2 && !slices.Contains(privateDomains, suffix):
		return wildcard{}, fmt.Errorf("%q would allow a whole top-level domain", pattern)
	}
	return wildcard{parsed.scheme, prefix, suffix, parsed.port}, nil
}

// OrFunc returns a policy that allows what o allows, and each other origin that
// fn returns true for. The origin is as the browser has sent it, and may be
// "null". It panics if fn is nil.
func (o *Origins) OrFunc(fn func(r *http.Request, origin string) bool) *Origins {
	mustHave(fn != nil, "Origins.OrFunc", "a nil function")
	changed := *o
	changed.fn = fn
	if before := o.fn; before != nil {
		changed.fn = func(r *http.Request, origin string) bool { return before(r, origin) || fn(r, origin) }
	}
	return &changed
}

// CheckOrigin reports whether the request may be served as far as its Origin
// goes: it has none, and so is not from a page, or that of the server itself, or
// one that is allowed. It is what the field CheckOrigin of ws.Upgrader takes.
//
// The server's own origin has the request's Host, and its scheme, as far as that
// is known: without TLS, and without [TrustedProxies] that tell, a proxy may have
// come from either.
func (o *Origins) CheckOrigin(r *http.Request) bool {
	values := r.Header["Origin"]
	switch len(values) {
	case 0:
		return true
	case 1:
		return isSameOrigin(r, values[0]) || o.names(r, values[0]) || o.all && !hasCredentials(r)
	}
	return false
}

// names reports whether another origin than the server's own is allowed by more
// than a *.
func (o *Origins) names(r *http.Request, value string) bool {
	return o.lists(value) || o.fn != nil && o.fn(r, value)
}

// hasCredentials reports whether the request carries what a browser adds by itself.
func hasCredentials(r *http.Request) bool {
	if len(r.Header["Cookie"]) > 0 {
		return true
	}
	for _, value := range r.Header["Authorization"] {
		if scheme, _, _ := strings.Cut(value, " "); !equalFold(scheme, "bearer") {
			return true
		}
	}
	return false
}

// lists reports whether a pattern other than * allows the origin.
func (o *Origins) lists(value string) bool {
	if value == "null" {
		return o.null
	}
	if o.exact[value] { // browsers send the only form
		return true
	}
	parsed, ok := parseOrigin(value)
	return ok && (o.exact[parsed.String()] || slices.ContainsFunc(o.wildcards, parsed.matches))
}

func (o origin) matches(w wildcard) bool {
	return o.scheme == w.scheme && o.port == w.port && len(o.host) > len(w.prefix)+len(w.suffix) &&
		strings.HasPrefix(o.host, w.prefix) && strings.HasSuffix(o.host, w.suffix) &&
		o.host[len(w.prefix)] != '.'
}

// String returns the origin as browsers send it.
func (o origin) String() string {
	if o.port == "" {
		return o.scheme + "://" + o.host
	}
	return o.scheme + "://" + o.host + ":" + o.port
}

// isSameOrigin reports whether the origin is that of the server itself.
func isSameOrigin(r *http.Request, value string) bool {
	parsed, ok := parseOrigin(value)
	if !ok {
		return false
	}
	switch known := schemeOf(r); {
	case parsed.scheme == "https" && known != schemeHTTP:
	case parsed.scheme == "http" && known != schemeHTTPS:
	default:
		return false
	}
	host, ok := parseOrigin(parsed.scheme + "://" + r.Host)
	return ok && host == parsed
}

// parseOrigin parses scheme://host or scheme://host:port, and nothing more.
func parseOrigin(s string) (origin, bool) {
	scheme, host, ok := strings.Cut(s, "://")
	if !ok || !isScheme(scheme) {
		return origin{}, false
	}
	o := origin{scheme: strings.ToLower(scheme)}
	if end := strings.LastIndexByte(host, ':'); end > strings.LastIndexByte(host, ']') {
		number, err := strconv.ParseUint(host[end+1:], 10, 16)
		if err != nil || number == 0 || host[end+1] == '0' {
			return origin{}, false
		}
		host, o.port = host[:end], host[end+1:]
	}
	if o.host, ok = parseHost(host); !ok {
		return origin{}, false
	}
	switch o.scheme + ":" + o.port {
	case "http:80", "https:443", "ws:80", "wss:443":
		o.port = ""
	}
	return o, true
}

// isScheme reports whether s is a scheme of RFC 3986 section 3.1.
func isScheme(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && (i == 0 || strings.IndexByte("+-.", s[i]) < 0) {
			return false
		}
	}
	return s != "" && !('0' <= s[0] && s[0] <= '9')
}

// parseHost returns the only form of a name of letters, digits, dots, hyphens and
// underscores, or of an IPv6 address in brackets.
func parseHost(s string) (string, bool) {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		return "[" + addr.String() + "]", ok && err == nil && addr.Is6() && addr.Zone() == ""
	}
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && strings.IndexByte("-._", s[i]) < 0 {
			return "", false
		}
	}
	return strings.ToLower(s), s != ""
}

// CSRF returns middleware that refuses what the pages of other sites could make a
// browser send with the user's credentials: requests of other methods than GET,
// HEAD and OPTIONS, as [http.CrossOriginProtection] detects them, and sessions,
// whose upgrade is a GET but which may do anything once open. They are answered
// 403 "cross-origin request", unless the origins allow the page.
//
// If origins is nil, only the server's own pages are allowed. It panics if the
// origins have "*", which would let everybody in.
func CSRF(origins *Origins) Middleware {
	if origins == nil {
		origins = NewOrigins()
	}
	mustHave(!origins.all, "CSRF", `the origins have "*": every site would be let in`)
	var protection http.CrossOriginProtection
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			values := r.Header["Origin"]
			allowed := true
			switch {
			case IsUpgrade(r):
				allowed = origins.CheckOrigin(r)
			case protection.Check(r) != nil:
				allowed = len(values) == 1 && origins.names(r, values[0])
			default:
				allowed = len(values) < 2 || isSafe(r.Method)
			}
			if !allowed {
				refuse(w, r, http.StatusForbidden, "cross-origin request")
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// isSafe reports whether the method is one of those that change nothing.
func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}
