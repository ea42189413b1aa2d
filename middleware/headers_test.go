package middleware_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular/middleware"
)

func TestHeaderPanics(t *testing.T) {
	security := func(config middleware.SecurityConfig) func() {
		return func() { middleware.SecurityHeaders(config) }
	}
	for _, test := range []struct {
		make func()
		want string
	}{
		{security(middleware.SecurityConfig{HSTS: -1, HSTSSubdomains: true}), "SecurityHeaders: HSTS is off, but has subdomains or preload"},
		{security(middleware.SecurityConfig{HSTS: -1, HSTSPreload: true}), "SecurityHeaders: HSTS is off, but has subdomains or preload"},
		{security(middleware.SecurityConfig{HSTSPreload: true}), "SecurityHeaders: HSTSPreload needs HSTSSubdomains and a year"},
		{security(middleware.SecurityConfig{HSTS: time.Hour, HSTSSubdomains: true, HSTSPreload: true}), "SecurityHeaders: HSTSPreload needs HSTSSubdomains and a year"},
		{security(middleware.SecurityConfig{Frame: "ALLOWALL"}), `SecurityHeaders: "ALLOWALL" is neither DENY nor SAMEORIGIN`},
		{security(middleware.SecurityConfig{Referrer: "none"}), `SecurityHeaders: "none" is no referrer policy`},
		{security(middleware.SecurityConfig{Permissions: "camera=()\r\nX: y"}), "SecurityHeaders: a control character in Permissions-Policy"},
		{security(middleware.SecurityConfig{CSP: "default-src\n'none'"}), "SecurityHeaders: a control character in Content-Security-Policy"},
		{security(middleware.SecurityConfig{CSP: "script-src 'nonce-{nonce}'\x00"}), "SecurityHeaders: a control character in Content-Security-Policy"},
		{security(middleware.SecurityConfig{CSPReportOnly: true}), "SecurityHeaders: CSPReportOnly without a CSP"},
		{func() { middleware.BodyLimit(0) }, "BodyLimit: a limit of 0 bytes"},
		{func() { middleware.BodyLimit(-1) }, "BodyLimit: a limit of -1 bytes"},
		{func() { middleware.ExtractHeader("", "k") }, "ExtractHeader: an empty name of a header field"},
		{func() { middleware.ExtractHeader("X A", "k") }, `ExtractHeader: "X A" is no name of a header field`},
		{func() { middleware.ExtractHeader("X-A", "") }, "ExtractHeader: an empty key for X-A"},
		{func() { middleware.ExtractHeaders(nil) }, "ExtractHeaders: no header fields"},
		{func() { middleware.ExtractHeaders(map[string]string{"X-A": "k", "X-B": "k"}) }, `ExtractHeaders: two header fields for the key "k"`},
		{func() { middleware.BlockUserAgent() }, "BlockUserAgent: no texts"},
		{func() { middleware.BlockUserAgent("bot", "") }, "BlockUserAgent: an empty text: everybody would be blocked"},
		{func() { middleware.ETag(0) }, "ETag: a limit of 0 bytes"},
	} {
		if got := mustPanic(t, test.make); got != "middleware."+test.want {
			t.Errorf("the panic is %q, want %q", got, test.want)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	for _, test := range []struct {
		name   string
		config middleware.SecurityConfig
		tls    bool
		want   http.Header
	}{
		{"defaults", middleware.SecurityConfig{}, false, http.Header{
			"X-Content-Type-Options": {"nosniff"}, "X-Frame-Options": {"DENY"}, "Referrer-Policy": {"strict-origin-when-cross-origin"},
		}},
		{"defaults over TLS", middleware.SecurityConfig{}, true, http.Header{
			"X-Content-Type-Options": {"nosniff"}, "X-Frame-Options": {"DENY"}, "Referrer-Policy": {"strict-origin-when-cross-origin"},
			"Strict-Transport-Security": {"max-age=31536000"},
		}},
		{"all", middleware.SecurityConfig{
			HSTS: 2 * 365 * 24 * time.Hour, HSTSSubdomains: true, HSTSPreload: true, Frame: "sameorigin", Referrer: "no-referrer, same-origin",
			Permissions: "camera=(), microphone=()", CSP: "default-src 'self'",
		}, true, http.Header{
			"X-Content-Type-Options": {"nosniff"}, "X-Frame-Options": {"SAMEORIGIN"}, "Referrer-Policy": {"no-referrer, same-origin"},
			"Strict-Transport-Security": {"max-age=63072000; includeSubDomains; preload"},
			"Permissions-Policy":        {"camera=(), microphone=()"}, "Content-Security-Policy": {"default-src 'self'"},
		}},
		{"none", middleware.SecurityConfig{HSTS: -1, Frame: "-", Referrer: "-", CSP: "default-src 'self'", CSPReportOnly: true}, true, http.Header{
			"X-Content-Type-Options": {"nosniff"}, "Content-Security-Policy-Report-Only": {"default-src 'self'"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := request("GET", "/")
			if test.tls {
				r.TLS = new(tls.ConnectionState)
			}
			h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
			if got := do(middleware.SecurityHeaders(test.config)(h), r).Header(); fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("the header is\n%v, want\n%v", got, test.want)
			}
		})
	}
}

// A proxy that is trusted may say that the client came over https; a stranger not.
func TestSecurityHeadersBehindProxy(t *testing.T) {
	mw := middleware.Chain(middleware.TrustedProxies("10.0.0.1"), middleware.SecurityHeaders(middleware.SecurityConfig{}))
	for remote, want := range map[string]string{"10.0.0.1:5": "max-age=31536000", "10.0.0.2:5": ""} {
		w := do(mw(fine), cameFrom(remote, "X-Forwarded-Proto: https"))
		if got := w.Header().Get("Strict-Transport-Security"); got != want {
			t.Errorf("for %s it is %q", remote, got)
		}
	}
}

// Each request has a nonce of its own, the same in the header and for the handler.
func TestNonce(t *testing.T) {
	h := middleware.SecurityHeaders(middleware.SecurityConfig{CSP: "script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'"})(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, middleware.Nonce(r.Context())) }))
	seen := map[string]bool{}
	for range 100 {
		w := do(h, request("GET", "/"))
		nonce := w.Body.String()
		want := "script-src 'nonce-" + nonce + "'; style-src 'nonce-" + nonce + "'"
		if got := w.Header().Get("Content-Security-Policy"); got != want || !regexp.MustCompile(`^[A-Z2-7]{26}$`).MatchString(nonce) || seen[nonce] {
			t.Fatalf("nonce %q in %q", nonce, got)
		}
		seen[nonce] = true
	}
}

func TestNoCache(t *testing.T) {
	if got := do(middleware.NoCache()(fine), request("GET", "/")).Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
	own := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Cache-Control", "max-age=60") })
	if got := do(middleware.NoCache()(own), request("GET", "/")).Header().Get("Cache-Control"); got != "max-age=60" {
		t.Errorf("the handler's Cache-Control became %q", got)
	}
}

func TestBodyLimit(t *testing.T) {
	var readErr error
	h := middleware.Chain(middleware.Nothing(), middleware.BodyLimit(10))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if readErr = err; err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		w.Write(b)
	}))
	for name, s := range map[string]*httptest.Server{"HTTP/1.1": start(t, h), "HTTP/2": startHTTP2(t, h)} {
		for _, test := range []struct {
			name   string
			body   io.Reader
			status int
			want   string
			closes bool
		}{
			{"none", nil, 200, "", false},
			{"fits", strings.NewReader("0123456789"), 200, "0123456789", false},
			{"announced", strings.NewReader("0123456789+"), 413, `{"error":"request body too large"}` + "\n", false},
			{"unannounced, fits", io.MultiReader(strings.NewReader("0123456789")), 200, "0123456789", false},
			{"unannounced", io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<16))), 413, "", true},
		} {
			t.Run(name+" "+test.name, func(t *testing.T) {
				readErr = nil
				res, err := s.Client().Post(s.URL, "text/plain", test.body)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				b, _ := io.ReadAll(res.Body)
				if res.StatusCode != test.status || string(b) != test.want {
					t.Errorf("answered %d %q, want %d %q", res.StatusCode, b, test.status, test.want)
				}
				if res.Close != (test.closes && name == "HTTP/1.1") {
					t.Errorf("the connection is closed: %t", res.Close)
				}
				if _, ok := errors.AsType[*http.MaxBytesError](readErr); ok != test.closes {
					t.Errorf("the handler's error is %v", readErr)
				}
			})
		}
	}
	// Without an entry that makes a record it works as well.
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("0123456789+")))
	r.ContentLength = -1
	middleware.BodyLimit(10)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b, err := io.ReadAll(r.Body); string(b) != "0123456789" || err == nil {
			t.Errorf("read %q, %v", b, err)
		}
	})).ServeHTTP(w, r)
}

func TestExtractHeaders(t *testing.T) {
	h := middleware.Chain(
		middleware.ExtractHeaders(map[string]string{"x-tenant": "tenant", "Host": "host", "X-Empty": "empty", "X-Anything": "user"}),
		middleware.BearerAuth(func(string) (any, error) { return "ada", nil }),
		middleware.ExtractHeader("X-Tenant-Override", "tenant"),
	)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, key := range []string{"tenant", "host", "empty", "user", "X-Tenant", ""} {
			fmt.Fprintf(w, "%s=%s ", key, short(middleware.Extracted(r.Context(), key)))
		}
		fmt.Fprint(w, middleware.User(r.Context()))
	}))
	for _, test := range []struct {
		name   string
		fields []string
		want   string
	}{
		{"none", nil, `tenant="" host="example.com" empty="" user="" X-Tenant="" ="" ada`},
		{"the first of two", []string{"X-Tenant: a", "X-Tenant: b", "X-Empty: "}, `tenant="a" host="example.com" empty="" user="" X-Tenant="" ="" ada`},
		{"the inner one", []string{"X-Tenant: a", "X-Tenant-Override: c"}, `tenant="c" host="example.com" empty="" user="" X-Tenant="" ="" ada`},
		{"no way to be another user", []string{"X-Anything: root"}, `tenant="" host="example.com" empty="" user="root" X-Tenant="" ="" ada`},
		{"64 KiB", []string{"X-Tenant: " + strings.Repeat("a", 1<<16)}, `tenant="` + strings.Repeat("a", 100) + `"… (65536 bytes) host="example.com" empty="" user="" X-Tenant="" ="" ada`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := request("GET", "/", append(test.fields, "Authorization: Bearer x")...)
			if got := do(h, r).Body.String(); got != test.want {
				t.Errorf("answered %s, want %s", got, test.want)
			}
		})
	}
}

func TestBlockUserAgent(t *testing.T) {
	h := middleware.BlockUserAgent("BadBot", "curl/")(fine)
	for agent, ok := range map[string]bool{
		"Mozilla/5.0": true, "": true, "curl": true,
		"BadBot": false, "a badbot/1.0 b": false, "BADBOT": false, "Curl/8": false, strings.Repeat("x", 1<<16) + "badbot": false,
	} {
		w := do(h, request("GET", "/", "User-Agent: "+agent))
		if ok && w.Code != 200 {
			t.Errorf("%s was answered %d", short(agent), w.Code)
		} else if !ok {
			wantRefusal(t, w, 403, "user agent blocked")
		}
	}
	wantRefusal(t, do(h, request("GET", "/", "User-Agent: Mozilla", "User-Agent: badbot")), 403, "user agent blocked")
	wantRefusal(t, do(h, upgrade("/", "User-Agent: badbot")), 403, "user agent blocked")
	if w := do(h, request("GET", "/")); w.Code != 200 {
		t.Errorf("without a User-Agent: %d", w.Code)
	}
}

func TestRequireUserAgent(t *testing.T) {
	h := middleware.RequireUserAgent()(fine)
	wantRefusal(t, do(h, request("GET", "/")), 400, "user agent required")
	wantRefusal(t, do(h, upgrade("/", "User-Agent: \t ")), 400, "user agent required")
	if w := do(h, request("GET", "/", "User-Agent: x")); w.Code != 200 {
		t.Errorf("answered %d", w.Code)
	}
}

// target is a request whose target is as it is written, as from the network.
func target(method, uri string, fields ...string) *http.Request {
	r := request(method, "/", fields...)
	u, err := url.ParseRequestURI(uri)
	if err != nil {
		panic(err)
	}
	r.URL, r.RequestURI = u, uri
	return r
}

// slashes are paths with what they become without slashes at the end. A redirect
// goes to the first, StripSlashes hands on the second: Path, and RawPath if it differs.
var slashes = []struct{ uri, location, stripped string }{
	{"/", "", "/"},
	{"/a", "", "/a"},
	{"/a/", "/a", "/a"},
	{"/a///", "/a", "/a"},
	{"/a//b/", "/a//b", "/a//b"},
	{"/a/?q=1&r=%2F", "/a?q=1&r=%2F", "/a"},
	{"/a/?", "/a?", "/a"},
	{"//", "/", "/"},
	{"///", "/", "/"},
	{"//evil.example/", "/evil.example", "//evil.example"},
	{"///evil.example//", "/evil.example", "///evil.example"},
	{`/\evil.example/`, "/evil.example", `/\evil.example`},
	{`/\/\\evil.example/`, "/evil.example", `/\/\\evil.example`},
	{"/%5Cevil.example/", "/evil.example", `/\evil.example`},
	{"/%5c%5C/%5cevil.example/", "/evil.example", `/\\/\evil.example /%5c%5C/%5cevil.example`},
	{"/%5C/", "/", `/\`},
	{"/a%2F", "", "/a/ /a%2F"},
	{"/a%2F/", "/a%2F", "/a/ /a%2F"},
	{"/%2Fevil.example/", "/%2Fevil.example", "//evil.example /%2Fevil.example"},
	{"/a%0D%0AX:%20y/", "/a%0D%0AX:%20y", "/a\r\nX: y"},
	{"/%C3%BC/", "/%C3%BC", "/ü"},
	{"/a%20b/", "/a%20b", "/a b"},
	{"*", "", "*"},
}

func TestRedirectSlashes(t *testing.T) {
	h := middleware.RedirectSlashes()
	for _, test := range slashes {
		for method, status := range map[string]int{"GET": 301, "HEAD": 301, "POST": 308, "OPTIONS": 308} {
			if test.location == "" {
				if w := do(h(fine), target(method, test.uri)); w.Code != 200 {
					t.Errorf("%s %q was answered %d", method, test.uri, w.Code)
				}
				continue
			}
			w := do(h(never(t)), target(method, test.uri))
			if got := w.Header().Get("Location"); w.Code != status || got != test.location {
				t.Errorf("%s %q was answered %d to %q, want %d to %q", method, test.uri, w.Code, got, status, test.location)
			}
		}
		wantStripped(t, h, test.uri, test.stripped, upgradeFields...)
	}
}

func TestStripSlashes(t *testing.T) {
	for _, test := range slashes {
		wantStripped(t, middleware.StripSlashes(), test.uri, test.stripped)
		wantStripped(t, middleware.Chain(middleware.Nothing(), middleware.StripSlashes()), test.uri, test.stripped)
	}
}

// wantStripped checks what path the next handler gets, and that the request
// outside stays as it was.
func wantStripped(t *testing.T, mw middleware.Middleware, uri, want string, fields ...string) {
	t.Helper()
	r := target("GET", uri, fields...)
	before := *r.URL
	do(mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := r.URL.Path
		if r.URL.EscapedPath() != (&url.URL{Path: r.URL.Path}).EscapedPath() {
			got += " " + r.URL.EscapedPath()
		}
		if got != want || r.RequestURI != uri || r.URL.RawQuery != before.RawQuery {
			t.Errorf("%q became %q, want %q; RequestURI %q", uri, got, want, r.RequestURI)
		}
	})), r)
	if *r.URL != before {
		t.Errorf("%q: the request outside became %v", uri, r.URL)
	}
}

// A redirect stays on this host, whatever the path.
func FuzzRedirectSlashes(f *testing.F) {
	for _, test := range slashes {
		f.Add(test.uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		u, err := url.ParseRequestURI(uri)
		if err != nil || !strings.HasPrefix(uri, "/") {
			return
		}
		r := request("GET", "/")
		r.URL, r.RequestURI = u, uri
		w := do(middleware.RedirectSlashes()(fine), r)
		location := w.Header().Get("Location")
		if w.Code == 200 {
			return
		}
		if !strings.HasPrefix(location, "/") || strings.HasPrefix(location, "//") || strings.HasPrefix(location, `/\`) || strings.HasPrefix(strings.ToLower(location), "/%5c") {
			t.Errorf("%q is redirected to %q", uri, location)
		}
		path, _, _ := strings.Cut(location, "?")
		if path != "/" && strings.HasSuffix(path, "/") {
			t.Errorf("%q is redirected to %q, which is redirected again", uri, location)
		}
		base := &url.URL{Scheme: "https", Host: "here.example"}
		if to, err := base.Parse(location); err != nil || to.Host != "here.example" {
			t.Errorf("%q is redirected to %q: %v", uri, location, err)
		}
	})
}

func TestHeadersEverywhere(t *testing.T) {
	everywhere(t, middleware.Chain(
		middleware.BlockUserAgent("badbot"),
		middleware.RequireUserAgent(),
		middleware.RedirectSlashes(),
		middleware.StripSlashes(),
		middleware.SecurityHeaders(middleware.SecurityConfig{CSP: "script-src 'nonce-{nonce}'"}),
		middleware.BodyLimit(1<<20),
		middleware.NoCache(),
		middleware.ExtractHeader("User-Agent", "agent"),
	), "User-Agent: test")
}
