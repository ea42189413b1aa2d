package ws

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// allowsOrigin reports whether the page that the request comes from may connect.
func (u *Upgrader) allowsOrigin(r *http.Request) bool {
	if u.CheckOrigin != nil {
		return u.CheckOrigin(r)
	}
	if sameHost(r) {
		return true
	}
	origins := r.Header["Origin"]
	if len(origins) != 1 {
		return false
	}
	for _, pattern := range u.Origins {
		if p, err := parseOriginPattern(pattern); err == nil && p.matches(origins[0]) {
			return true
		}
	}
	return false
}

// sameHost is the default of CheckOrigin.
func sameHost(r *http.Request) bool {
	origins := r.Header["Origin"]
	if len(origins) == 0 {
		return true
	}
	origin, err := url.Parse(origins[0])
	if err != nil || len(origins) > 1 || origin.Hostname() == "" {
		return false
	}
	var port string // the default one
	switch origin.Scheme {
	case "http", "ws":
		port = "80"
	case "https", "wss":
		port = "443"
	default:
		return false
	}
	host := &url.URL{Host: r.Host}
	return equalFold(origin.Hostname(), host.Hostname()) && portOr(origin, port) == portOr(host, port)
}

func portOr(u *url.URL, port string) string {
	if p := u.Port(); p != "" {
		return p
	}
	return port
}

// An originPattern is an element of [Upgrader.Origins].
//
//	https://*.example.com:8443 => originPattern{scheme: "https", below: true, host: "example.com", port: "8443"}
//	example.com                => originPattern{host: "example.com"}
//	*                          => originPattern{any: true}
//	null                       => originPattern{null: true}
type originPattern struct {
	any, null bool
	scheme    string // "" for http and https
	below     bool   // hosts below host, with a dot between
	host      string
	port      string // "" for the scheme's own
}

// parseOriginPattern parses a pattern; the error quotes it.
func parseOriginPattern(s string) (originPattern, error) {
	switch s {
	case "*":
		return originPattern{any: true}, nil
	case "null":
		return originPattern{null: true}, nil
	}
	var p originPattern
	host := s
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		if scheme = strings.ToLower(scheme); scheme != "http" && scheme != "https" {
			return p, fmt.Errorf("%q: the scheme of a page is http or https", s)
		}
		p.scheme, host = scheme, rest
	}
	host, p.below = strings.CutPrefix(host, "*.")
	u, err := url.Parse("//" + host)
	if err != nil || u.Host != host || u.Hostname() == "" || strings.ContainsAny(host, "*") || strings.HasSuffix(host, ":") {
		return p, fmt.Errorf("%q is not of the form scheme://host:port, host or *.host", s)
	}
	p.host, p.port = u.Hostname(), u.Port()
	return p, nil
}

// matches reports whether the pattern allows the value of Origin.
func (p originPattern) matches(origin string) bool {
	if p.any {
		return true
	}
	if p.null {
		return origin == "null"
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || p.scheme != "" && u.Scheme != p.scheme {
		return false
	}
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	host := u.Hostname()
	if p.below {
		cut := len(host) - len(p.host) - 1
		if cut <= 0 || host[cut] != '.' {
			return false
		}
		host = host[cut+1:]
	}
	return equalFold(host, p.host) && portOr(u, port) == cmp.Or(p.port, port)
}
