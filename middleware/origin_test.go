package middleware_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular/middleware"
	"github.com/gongular/gongular/ws"
)

func TestOriginPanics(t *testing.T) {
	for _, test := range []struct {
		pattern string
		want    string
	}{
		{"", `"" is no origin, as https://example.com is`},
		{"example.com", `"example.com" is no origin, as https://example.com is`},
		{"https://", `"https://" is no origin, as https://example.com is`},
		{"https://example.com/", `"https://example.com/" has more than scheme, host and port`},
		{"https://example.com/path", `"https://example.com/path" has more than scheme, host and port`},
		{"https://example.com?q", `"https://example.com?q" is no origin, as https://example.com is`},
		{"https://user@example.com", `"https://user@example.com" is no origin, as https://example.com is`},
		{"https://example.com:", `"https://example.com:" is no origin, as https://example.com is`},
		{"https://example.com:0", `"https://example.com:0" is no origin, as https://example.com is`},
		{"https://example.com:080", `"https://example.com:080" is no origin, as https://example.com is`},
		{"https://example.com:65536", `"https://example.com:65536" is no origin, as https://example.com is`},
		{"https://bücher.example", `"https://bücher.example" is no origin, as https://example.com is`},
		{"https://[::1", `"https://[::1" is no origin, as https://example.com is`},
		{"https://[1.2.3.4]", `"https://[1.2.3.4]" is no origin, as https://example.com is`},
		{"https://[fe80::1%eth0]", `"https://[fe80::1%eth0]" is no origin, as https://example.com is`},
		{"1http://example.com", `"1http://example.com" is no origin, as https://example.com is`},
		{"ht tp://example.com", `"ht tp://example.com" is no origin, as https://example.com is`},
		{"://example.com", `"://example.com" is no origin, as https://example.com is`},
		{"Null", `"Null" is no origin, as https://example.com is`},
		{"wss://example.com", `"wss://example.com" is never the origin of a page: those have http or https`},
		{"https://*", `"https://*": a star stands in the host, before a dot`},
		{"https://*example.com", `"https://*example.com": a star stands in the host, before a dot`},
		{"https://example.*", `"https://example.*": a star stands in the host, before a dot`},
		{"*://example.com", `"*://example.com": a star stands in the host, before a dot`},
		{"https://*.*.example.com", `"https://*.*.example.com" is no origin, as https://example.com is`},
		{"https://a.example.com:*", `"https://a.example.com:*" is no origin, as https://example.com is`},
		{"https://*.com", `"https://*.com" would allow a whole top-level domain`},
		{"https://app-*.com", `"https://app-*.com" would allow a whole top-level domain`},
		{"*.example.com", `"*.example.com" is no origin, as https://example.com is`},
		{"ws://*.example.com", `"ws://*.example.com" is never the origin of a page: those have http or https`},
	} {
		if got := mustPanic(t, func() { middleware.NewOrigins("https://ok.example", test.pattern) }); got != "middleware.NewOrigins: "+test.want {
			t.Errorf("%q: the panic is %q, want %q", test.pattern, got, test.want)
		}
		if got := mustPanic(t, func() { middleware.CORS(middleware.CORSConfig{AllowedOrigins: []string{test.pattern}}) }); got != "middleware.CORS: "+test.want {
			t.Errorf("%q: the panic of CORS is %q, want %q", test.pattern, got, test.want)
		}
	}
	if got := mustPanic(t, func() { middleware.NewOrigins().OrFunc(nil) }); got != "middleware.Origins.OrFunc: a nil function" {
		t.Errorf("the panic is %q", got)
	}
	if got := mustPanic(t, func() { middleware.CSRF(middleware.NewOrigins("*")) }); got != `middleware.CSRF: the origins have "*": every site would be let in` {
		t.Errorf("the panic is %q", got)
	}
}

// Which origins a policy allows, for requests to https://api.example.com.
func TestOrigins(t *testing.T) {
	for _, test := range []struct {
		patterns string // separated by spaces
		allowed  string
		refused  string
	}{
		{"", "https://api.example.com HTTPS://API.example.com:443",
			"https://example.com http://api.example.com https://api.example.com:8443 https://api.example.com.evil.example null"},
		{"https://example.com", "https://example.com https://EXAMPLE.com https://example.com:443 https://api.example.com",
			"http://example.com https://example.com:80 https://example.com:8443 https://www.example.com https://example.com.evil.example https://evil-example.com https://example.com. wss://example.com"},
		{"HTTP://Example.com:8080 http://a.example:80", "http://example.com:8080 http://a.example", "http://example.com http://example.com:80801 https://example.com:8080"},
		{"https://*.example.com", "https://a.example.com https://a.b.example.com https://A.Example.com:443",
			"https://example.com https://evil-example.com http://a.example.com https://.example.com https://a.example.com:8443 https://a.example.com.evil.example https://evil.example?.example.com https://evil.example/.example.com https://evil.example#.example.com https://evil@a.example.com https://evil.example\\.example.com"},
		{"https://pr-*.preview.example.com:8443", "https://pr-7.preview.example.com:8443 https://pr-a.b.preview.example.com:8443",
			"https://pr-.preview.example.com:8443 https://pr-7.preview.example.com https://7.preview.example.com:8443 https://pr-preview.example.com:8443"},
		{"http://*.localhost http://*.test", "http://app.localhost http://app.test", "http://localhost http://applocalhost"},
		{"http://[::1]:3000 http://[0:0::2]", "http://[::1]:3000 http://[0::1]:3000 http://[::2]", "http://[::1] http://[::3]:3000"},
		{"null", "null", "Null https://null"},
		{"chrome-extension://abcdef", "chrome-extension://abcdef", "chrome-extension://abcdeg https://abcdef"},
		{"*", "https://anything.example null http://x:81", ""},
	} {
		o := middleware.NewOrigins(strings.Fields(test.patterns)...)
		check := func(origins string, want bool) {
			for _, value := range strings.Fields(origins) {
				r := request("GET", "https://api.example.com/", "Origin: "+value)
				if got := o.CheckOrigin(r); got != want {
					t.Errorf("%q: %q is allowed: %t", test.patterns, value, got)
				}
			}
		}
		check(test.allowed, true)
		check(test.refused, false)
	}
}

func TestCheckOrigin(t *testing.T) {
	none := middleware.NewOrigins()
	for _, test := range []struct {
		name    string
		origins *middleware.Origins
		fields  []string
		want    bool
	}{
		{"no Origin", none, nil, true},
		{"an empty one", none, []string{"Origin: "}, false},
		{"two", middleware.NewOrigins("*"), []string{"Origin: https://example.com", "Origin: https://example.com"}, false},
		{"64 KiB", none, []string{"Origin: https://" + strings.Repeat("a", 1<<16)}, false},
		{"all, with a cookie", middleware.NewOrigins("*"), []string{"Origin: https://evil.example", "Cookie: session=1"}, false},
		{"all, with a password", middleware.NewOrigins("*"), []string{"Origin: https://evil.example", "Authorization: Basic eA=="}, false},
		{"all, with a token", middleware.NewOrigins("*"), []string{"Origin: https://evil.example", "Authorization: Bearer x"}, true},
		{"all, the own page with a cookie", middleware.NewOrigins("*"), []string{"Origin: http://example.com", "Cookie: session=1"}, true},
		{"all, a listed one with a cookie", middleware.NewOrigins("*", "https://a.example"), []string{"Origin: https://a.example", "Cookie: session=1"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.origins.CheckOrigin(request("GET", "http://example.com/", test.fields...)); got != test.want {
				t.Errorf("CheckOrigin is %t", got)
			}
		})
	}
}

// Whether a page is the server's own depends on how far its scheme is known.
func TestSameOrigin(t *testing.T) {
	proxies := middleware.TrustedProxies("192.0.2.1")
	for _, test := range []struct {
		name        string
		tls         bool
		proto       []string // X-Forwarded-Proto
		remote      string
		http, https bool // whether http://… and https://example.com are the server's own
	}{
		{"TLS", true, nil, "1.2.3.4:5", false, true},
		{"no TLS, perhaps a proxy", false, nil, "1.2.3.4:5", true, true},
		{"a trusted proxy says https", false, []string{"https"}, "192.0.2.1:5", false, true},
		{"a trusted proxy says HTTP", false, []string{"HTTP"}, "192.0.2.1:5", true, false},
		{"a trusted proxy over TLS says http", true, []string{"http"}, "192.0.2.1:5", true, false},
		{"a stranger says https", false, []string{"https"}, "1.2.3.4:5", true, true},
		{"a stranger says http", true, []string{"http"}, "1.2.3.4:5", false, true},
		{"two proxies say both", false, []string{"https", "http"}, "192.0.2.1:5", true, true},
		{"a proxy says nonsense", false, []string{"gopher"}, "192.0.2.1:5", true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			for origin, want := range map[string]bool{
				"http://example.com": test.http, "http://EXAMPLE.com:80": test.http,
				"https://example.com": test.https, "https://example.com:443": test.https,
				"http://example.com:8080": false, "ftp://example.com": false, "example.com": false,
			} {
				r := request("GET", "http://example.com/", "Origin: "+origin)
				r.RemoteAddr = test.remote
				r.Header["X-Forwarded-Proto"] = test.proto
				if test.tls {
					r.TLS = new(tls.ConnectionState)
				}
				var got bool
				do(proxies(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					got = middleware.NewOrigins().CheckOrigin(r)
				})), r)
				if got != want {
					t.Errorf("%s is the server's own: %t", origin, got)
				}
			}
		})
	}
	for _, host := range []string{"", "exa mple.com", "example.com:0"} {
		r := request("GET", "/", "Origin: http://"+host)
		r.Host = host
		if middleware.NewOrigins().CheckOrigin(r) {
			t.Errorf("Host %q has an origin", host)
		}
	}
}

// A function allows what no pattern does, and leaves the policy that it is added
// to as it was.
func TestOriginsOrFunc(t *testing.T) {
	var asked []string
	partner := func(r *http.Request, origin string) bool {
		asked = append(asked, r.URL.Path+" "+origin)
		return origin == "https://partner.example"
	}
	second := func(_ *http.Request, origin string) bool { return origin == "null" }
	base := middleware.NewOrigins("https://a.example")
	one := base.OrFunc(partner)
	two := one.OrFunc(second)
	for _, test := range []struct {
		origin         string
		base, one, two bool
	}{
		{"https://a.example", true, true, true},
		{"https://partner.example", false, true, true},
		{"null", false, false, true},
		{"https://evil.example", false, false, false},
	} {
		r := request("GET", "/p", "Origin: "+test.origin)
		if got := fmt.Sprint(base.CheckOrigin(r), one.CheckOrigin(r), two.CheckOrigin(r)); got != fmt.Sprint(test.base, test.one, test.two) {
			t.Errorf("%s: allowed %s", test.origin, got)
		}
	}
	if asked[0] != "/p https://partner.example" {
		t.Errorf("it was asked %q", asked)
	}
}

// Only the pages that a pattern names are allowed, whatever an Origin looks like.
func FuzzOrigins(f *testing.F) {
	for _, s := range []string{"https://a.example.com", "https://evil-example.com", "https://a.example.com.evil.example", "null", "https://x@a.example.com:443", "HTTPS://[::1]:1"} {
		f.Add(s)
	}
	o := middleware.NewOrigins("https://*.example.com", "https://*.example.com:8443")
	f.Fuzz(func(t *testing.T, value string) {
		r := request("GET", "https://host.example/")
		r.Header["Origin"] = []string{value}
		if !o.CheckOrigin(r) {
			return
		}
		host, ok := strings.CutPrefix(strings.ToLower(value), "https://")
		host = strings.TrimSuffix(strings.TrimSuffix(host, ":443"), ":8443")
		own := host == "host.example"
		if !ok || !own && (!strings.HasSuffix(host, ".example.com") || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-._") != "") {
			t.Errorf("%q is allowed", value)
		}
	})
}

func TestCSRF(t *testing.T) {
	for _, test := range []struct {
		name    string
		origins string // patterns; "nil" for none at all
		r       *http.Request
		ok      bool
	}{
		{"no browser", "nil", request("POST", "/"), true},
		{"own page", "nil", request("POST", "/", "Origin: http://example.com", "Sec-Fetch-Site: same-origin"), true},
		{"own page of an old browser", "nil", request("POST", "/", "Origin: http://example.com"), true},
		{"typed by the user", "nil", request("POST", "/", "Sec-Fetch-Site: none"), true},
		{"another site", "nil", request("POST", "/", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"), false},
		{"another site of an old browser", "nil", request("DELETE", "/", "Origin: https://evil.example"), false},
		{"a subdomain", "nil", request("PUT", "/", "Origin: https://a.example.com", "Sec-Fetch-Site: same-site"), false},
		{"no origin", "nil", request("POST", "/", "Origin: null"), false},
		{"two origins", "nil", request("POST", "/", "Origin: http://example.com", "Origin: https://evil.example"), false},
		{"two origins, one allowed", "https://a.example", request("POST", "/", "Origin: https://a.example", "Origin: https://evil.example"), false},
		{"allowed", "https://a.example", request("POST", "/", "Origin: https://a.example", "Sec-Fetch-Site: cross-site"), true},
		{"allowed in another way", "https://*.example.com", request("POST", "/", "Origin: https://a.example.com", "Sec-Fetch-Site: same-site"), true},
		{"another one", "https://a.example", request("POST", "/", "Origin: https://b.example", "Sec-Fetch-Site: cross-site"), false},
		{"null, listed", "null", request("POST", "/", "Origin: null", "Sec-Fetch-Site: cross-site"), true},
		{"reading", "nil", request("GET", "/", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"), true},
		{"reading, two origins", "nil", request("HEAD", "/", "Origin: https://evil.example", "Origin: x"), true},
		{"session of no browser", "nil", upgrade("/"), true},
		{"session of an own page", "nil", upgrade("/", "Origin: http://example.com", "Sec-Fetch-Site: same-origin"), true},
		{"session of another site", "nil", upgrade("/", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"), false},
		{"session of a subdomain", "nil", upgrade("/", "Origin: https://a.example.com", "Sec-Fetch-Site: same-site"), false},
		{"session, allowed", "https://a.example", upgrade("/", "Origin: https://a.example"), true},
		{"session, two origins", "https://a.example", upgrade("/", "Origin: https://a.example", "Origin: https://a.example"), false},
		{"session, null", "https://a.example", upgrade("/", "Origin: null"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var origins *middleware.Origins
			if test.origins != "nil" {
				origins = middleware.NewOrigins(test.origins)
			}
			w := do(middleware.CSRF(origins)(fine), test.r)
			if test.ok && w.Code != 200 {
				t.Errorf("answered %d", w.Code)
			} else if !test.ok {
				wantRefusal(t, w, 403, "cross-origin request")
			}
		})
	}
}

// CORS, CSRF and the check of package ws say the same of a session, if they have
// the same origins.
func TestOneOriginPolicy(t *testing.T) {
	origins := middleware.NewOrigins("https://app.example", "https://*.example.com")
	upgrader := ws.Upgrader{CheckOrigin: origins.CheckOrigin}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			ws.Refuse(w, err)
			return
		}
		conn.Close()
	})
	servers := map[string]http.Handler{
		"ws":   h,
		"CORS": middleware.CORS(middleware.CORSConfig{Origins: origins, AllowCredentials: true})(h),
		"CSRF": middleware.CSRF(origins)(h),
	}
	for name, h := range servers {
		s := start(t, h)
		for value, want := range map[string]int{
			"https://app.example": 101, "https://a.example.com": 101, origin(s): 101,
			"https://example.com": 403, "https://evil-example.com": 403, "http://app.example": 403, "null": 403, "garbage": 403,
		} {
			c, res := dial(t, s, "/", "Origin: "+value)
			if res.StatusCode != want {
				t.Errorf("%s: the page %s is answered %s", name, value, res.Status)
			}
			c.conn.Close()
		}
	}
}

func TestCORSPanics(t *testing.T) {
	yes := func(*http.Request, string) bool { return true }
	some := []string{"https://a.example"}
	for _, test := range []struct {
		config middleware.CORSConfig
		want   string
	}{
		{middleware.CORSConfig{}, "no origins"},
		{middleware.CORSConfig{Origins: middleware.NewOrigins()}, "no origins"},
		{middleware.CORSConfig{Origins: middleware.NewOrigins("*"), AllowCredentials: true}, `the origin "*" with credentials: every site could act for the user`},
		{middleware.CORSConfig{AllowedOrigins: []string{"https://a.example", "*"}, AllowCredentials: true}, `the origin "*" with credentials: every site could act for the user`},
		{middleware.CORSConfig{Origins: middleware.NewOrigins("*"), AllowedOrigins: some}, "Origins together with AllowedOrigins or AllowOriginFunc"},
		{middleware.CORSConfig{Origins: middleware.NewOrigins("*"), AllowOriginFunc: yes}, "Origins together with AllowedOrigins or AllowOriginFunc"},
		{middleware.CORSConfig{AllowedOrigins: some, AllowedMethods: []string{"GET", "put"}}, `"put" is no method in capitals`},
		{middleware.CORSConfig{AllowedOrigins: some, AllowedMethods: []string{"*"}}, `"*" is no method in capitals`},
		{middleware.CORSConfig{AllowedOrigins: some, AllowedMethods: []string{""}}, `"" is no method in capitals`},
		{middleware.CORSConfig{AllowedOrigins: some, AllowedHeaders: []string{"X A"}}, `"X A" is no name of a header field`},
		{middleware.CORSConfig{AllowedOrigins: some, ExposedHeaders: []string{"X-A, X-B"}}, `"X-A, X-B" is no name of a header field`},
		{middleware.CORSConfig{AllowedOrigins: some, MaxAge: -time.Second}, "a negative MaxAge"},
	} {
		if got := mustPanic(t, func() { middleware.CORS(test.config) }); got != "middleware.CORS: "+test.want {
			t.Errorf("the panic is %q, want %q", got, test.want)
		}
	}
}

// corsFields lists the fields of an answer that concern CORS, in order.
func corsFields(h http.Header) string {
	var b strings.Builder
	for _, name := range []string{
		"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers", "Access-Control-Allow-Methods",
		"Access-Control-Allow-Headers", "Access-Control-Max-Age", "Access-Control-Allow-Private-Network", "Vary",
	} {
		if values := h[name]; values != nil {
			fmt.Fprintf(&b, "%s: %s\n", strings.TrimPrefix(name, "Access-Control-"), strings.Join(values, " + "))
		}
	}
	return b.String()
}

func TestCORS(t *testing.T) {
	list := middleware.CORSConfig{
		AllowedOrigins:   []string{"https://app.example", "https://*.example.org"},
		AllowedMethods:   []string{"GET", "PUT"},
		AllowedHeaders:   []string{"X-Token", "Content-Type"},
		ExposedHeaders:   []string{"X-Request-ID", "ETag"},
		AllowCredentials: true,
		MaxAge:           90 * time.Second,
	}
	all := middleware.CORSConfig{AllowedOrigins: []string{"*"}, AllowedHeaders: []string{"*"}, MaxAge: time.Millisecond, AllowPrivateNetwork: true}
	preflight := func(fields ...string) *http.Request {
		return request("OPTIONS", "/", append([]string{"Origin: https://app.example"}, fields...)...)
	}
	const (
		foreign     = "Vary: Origin\n"
		preVary     = "Vary: Origin + Access-Control-Request-Method + Access-Control-Request-Headers\n"
		preVaryPriv = "Vary: Origin + Access-Control-Request-Method + Access-Control-Request-Headers + Access-Control-Request-Private-Network\n"
	)
	for _, test := range []struct {
		name   string
		config middleware.CORSConfig
		r      *http.Request
		status int // 200 comes from the handler
		want   string
	}{
		{"no Origin", list, request("GET", "/"), 200, foreign},
		{"own page", list, request("POST", "/", "Origin: http://example.com"), 200, foreign},
		{"allowed", list, request("GET", "/", "Origin: https://app.example"), 200,
			"Allow-Origin: https://app.example\nAllow-Credentials: true\nExpose-Headers: X-Request-ID, ETag\n" + foreign},
		{"allowed by a wildcard", list, request("DELETE", "/", "Origin: https://a.b.example.org"), 200,
			"Allow-Origin: https://a.b.example.org\nAllow-Credentials: true\nExpose-Headers: X-Request-ID, ETag\n" + foreign},
		{"foreign", list, request("GET", "/", "Origin: https://evil.example"), 200, foreign},
		{"foreign, alike", list, request("GET", "/", "Origin: https://evil-example.org"), 200, foreign},
		{"http", list, request("GET", "/", "Origin: http://app.example"), 200, foreign},
		{"null", list, request("GET", "/", "Origin: null"), 200, foreign},
		{"two origins", list, request("GET", "/", "Origin: https://app.example", "Origin: https://app.example"), 200, foreign},
		{"null, listed", middleware.CORSConfig{AllowedOrigins: []string{"null"}}, request("GET", "/", "Origin: null"), 200, "Allow-Origin: null\n" + foreign},
		{"by function", middleware.CORSConfig{AllowOriginFunc: func(_ *http.Request, o string) bool { return o == "https://f.example" }, AllowCredentials: true},
			request("GET", "/", "Origin: https://f.example"), 200, "Allow-Origin: https://f.example\nAllow-Credentials: true\n" + foreign},
		{"all", all, request("GET", "/", "Origin: https://any.example", "Authorization: Basic eA=="), 200, "Allow-Origin: *\n" + foreign},
		{"OPTIONS, no preflight", list, request("OPTIONS", "/", "Origin: https://app.example"), 200,
			"Allow-Origin: https://app.example\nAllow-Credentials: true\nExpose-Headers: X-Request-ID, ETag\n" + foreign},
		{"OPTIONS, no Origin", list, request("OPTIONS", "/", "Access-Control-Request-Method: GET"), 200, foreign},
		{"OPTIONS of an own page", list, request("OPTIONS", "/", "Origin: http://example.com", "Access-Control-Request-Method: GET"), 200, foreign},

		{"preflight", list, preflight("Access-Control-Request-Method: PUT"), 204,
			"Allow-Origin: https://app.example\nAllow-Credentials: true\nAllow-Methods: GET, PUT\nMax-Age: 90\n" + preVary},
		{"preflight with fields", list, preflight("Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: content-type, X-TOKEN"), 204,
			"Allow-Origin: https://app.example\nAllow-Credentials: true\nAllow-Methods: GET, PUT\nAllow-Headers: X-Token, Content-Type\nMax-Age: 90\n" + preVary},
		{"preflight, empty fields", list, preflight("Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: , "), 204,
			"Allow-Origin: https://app.example\nAllow-Credentials: true\nAllow-Methods: GET, PUT\nMax-Age: 90\n" + preVary},
		{"preflight, foreign", list, request("OPTIONS", "/", "Origin: https://evil.example", "Access-Control-Request-Method: GET"), 204, preVary},
		{"preflight, method", list, preflight("Access-Control-Request-Method: DELETE"), 204, preVary},
		{"preflight, method in another case", list, preflight("Access-Control-Request-Method: put"), 204, preVary},
		{"preflight, two methods", list, preflight("Access-Control-Request-Method: GET", "Access-Control-Request-Method: PUT"), 204, preVary},
		{"preflight, field", list, preflight("Access-Control-Request-Method: GET", "Access-Control-Request-Headers: x-token, x-other"), 204, preVary},
		{"preflight, private network", list, preflight("Access-Control-Request-Method: GET", "Access-Control-Request-Private-Network: true"), 204,
			"Allow-Origin: https://app.example\nAllow-Credentials: true\nAllow-Methods: GET, PUT\nMax-Age: 90\n" + preVary},
		{"preflight, all", all, preflight("Access-Control-Request-Method: POST", "Access-Control-Request-Headers: Authorization", "Access-Control-Request-Headers: x-a,x-b"), 204,
			"Allow-Origin: *\nAllow-Methods: GET, HEAD, POST\nAllow-Headers: authorization, x-a, x-b\nMax-Age: 1\n" + preVaryPriv},
		{"preflight, all, no field", all, preflight("Access-Control-Request-Method: POST", "Access-Control-Request-Headers: a b"), 204, preVaryPriv},
		{"preflight, into the private network", all, preflight("Access-Control-Request-Method: GET", "Access-Control-Request-Private-Network: true"), 204,
			"Allow-Origin: *\nAllow-Methods: GET, HEAD, POST\nMax-Age: 1\nAllow-Private-Network: true\n" + preVaryPriv},

		{"session, allowed", list, upgrade("/", "Origin: https://app.example"), 200, foreign},
		{"session, no Origin", list, upgrade("/"), 200, foreign},
		{"session, own page", list, upgrade("/", "Origin: http://example.com"), 200, foreign},
		{"session, foreign", list, upgrade("/", "Origin: https://evil.example"), 403, foreign},
		{"session, null", list, upgrade("/", "Origin: null"), 403, foreign},
		{"session, all", all, upgrade("/", "Origin: https://any.example"), 200, foreign},
		{"session, all, with a cookie", all, upgrade("/", "Origin: https://any.example", "Cookie: a=1"), 403, foreign},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := fine
			if test.status != 200 {
				h = never(t).(http.HandlerFunc)
			}
			w := do(middleware.CORS(test.config)(h), test.r)
			if w.Code != test.status || test.status == 204 && w.Body.Len() > 0 {
				t.Errorf("answered %d %q, want %d", w.Code, w.Body, test.status)
			}
			if test.status == 403 {
				wantRefusal(t, w, 403, "origin not allowed")
			}
			if got := corsFields(w.Header()); got != test.want {
				t.Errorf("the header has\n%swant\n%s", got, test.want)
			}
		})
	}
}

// A Vary that is there stays, and has no field twice.
func TestCORSVary(t *testing.T) {
	for before, want := range map[string]string{
		"Accept-Encoding": "Accept-Encoding + Origin",
		"accept, ORIGIN":  "accept, ORIGIN",
		"*":               "*",
	} {
		w := do(middleware.Chain(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Vary", before)
				next.ServeHTTP(w, r)
			})
		}, middleware.CORS(middleware.CORSConfig{AllowedOrigins: []string{"*"}}))(fine), request("GET", "/"))
		if got := strings.Join(w.Header()["Vary"], " + "); got != want {
			t.Errorf("Vary %q became %q", before, got)
		}
	}
}

func TestOriginEverywhere(t *testing.T) {
	origins := middleware.NewOrigins("https://app.example")
	everywhere(t, middleware.Chain(
		middleware.CORS(middleware.CORSConfig{Origins: origins, AllowCredentials: true}),
		middleware.CSRF(origins),
	), "Origin: https://app.example", "Sec-Fetch-Site: cross-site")
}
