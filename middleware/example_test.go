package middleware_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/gongular/gongular/middleware"
	"github.com/gongular/gongular/ws"
)

// An account is what this server knows of who asks.
type account struct{ Name string }

// accountOf is a validator for tokens.
func accountOf(token string) (any, error) {
	if token != "let-me-in" {
		return nil, errors.New("no such token")
	}
	return &account{Name: "ada"}, nil
}

// get asks the handler for a path, with header fields in the form "Name: value".
func get(h http.Handler, path string, fields ...string) *httptest.ResponseRecorder {
	return do(h, request("GET", path, fields...))
}

// The recommended entries in the order of the package's documentation, outermost
// first.
func ExampleChain() {
	logger := slog.New(slog.DiscardHandler)
	metrics := middleware.NewPrometheusMetrics(middleware.WithRoutes())
	origins := middleware.NewOrigins("https://app.example.com")
	around := middleware.Chain(
		middleware.TrustedProxies("10.0.0.0/8"),
		middleware.RequestID(),
		middleware.Tracing(logger),
		middleware.SlogAttrs(logger),
		middleware.Logger(logger),
		metrics.Middleware(),
		middleware.Recover(logger),
		middleware.NewIPBlacklist("192.0.2.66").Middleware(),
		middleware.BlockUserAgent("badbot"),
		middleware.SecurityHeaders(middleware.SecurityConfig{}),
		middleware.CORS(middleware.CORSConfig{Origins: origins, AllowCredentials: true}),
		middleware.CSRF(origins),
		middleware.RequestRate(10, 20),
		middleware.BodyLimit(1<<20),
		middleware.BearerAuth(accountOf),
		middleware.MaxSessions(1000, logger),
		middleware.MaxInFlight(2000),
		middleware.NewCircuitBreaker(10, time.Second).Middleware(),
		middleware.Unless(middleware.IsUpgrade, middleware.Timeout(10*time.Second)),
		middleware.IdleTimeout(time.Minute),
		middleware.Compress(middleware.NewGzipCompressor(), logger),
		middleware.ETag(64<<10),
		middleware.SessionData(),
		middleware.ExtractHeader("X-Tenant", "tenant"),
	)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello, %s of %s", middleware.ClientIP(r), middleware.Extracted(r.Context(), "tenant"))
	})
	mux.HandleFunc("GET /broken", func(w http.ResponseWriter, r *http.Request) { panic("a mistake") })
	handler := around(mux)

	w := get(handler, "/hello", "Authorization: Bearer let-me-in", "X-Tenant: acme")
	fmt.Println(w.Code, w.Body)
	w = get(handler, "/hello")
	fmt.Print(w.Code, " ", w.Body)
	w = get(handler, "/broken", "Authorization: Bearer let-me-in")
	fmt.Print(w.Code, " ", w.Body)

	w = get(metrics.Handler(), "/metrics")
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "http_requests_total") {
			fmt.Print(line)
		}
	}
	// Output:
	// 200 hello, 192.0.2.1 of acme
	// 401 {"error":"missing authorization"}
	// 500 {"error":"internal server error"}
	// http_requests_total{method="GET",code="500",route="GET /broken"} 1
	// http_requests_total{method="GET",code="200",route="GET /hello"} 1
	// http_requests_total{method="GET",code="401",route="other"} 1
}

// What the validator returns is at hand with its type.
func ExampleBearerAuth() {
	handler := middleware.BearerAuth(accountOf)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a, ok := middleware.UserAs[*account](r.Context()); ok {
			fmt.Fprint(w, "hello, ", a.Name)
		}
	}))

	fmt.Println(get(handler, "/", "Authorization: Bearer let-me-in").Body)
	w := get(handler, "/", "Authorization: Bearer guessed")
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output:
	// hello, ada
	// 401 Bearer error="invalid_token"
}

// One policy says which pages may read answers, send forms and open WebSockets.
func ExampleOrigins() {
	origins := middleware.NewOrigins("https://app.example.com", "https://*.preview.example.com")
	upgrader := ws.Upgrader{CheckOrigin: origins.CheckOrigin}

	mux := http.NewServeMux()
	mux.HandleFunc("/answer", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, 42) })
	mux.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			ws.Refuse(w, err)
			return
		}
		conn.Close()
	})
	handler := middleware.Chain(
		middleware.CORS(middleware.CORSConfig{Origins: origins, AllowCredentials: true}),
		middleware.CSRF(origins),
	)(mux)

	w := get(handler, "/answer", "Origin: https://app.example.com")
	fmt.Printf("%s %q\n", w.Body, w.Header().Get("Access-Control-Allow-Origin"))
	w = get(handler, "/answer", "Origin: https://evil.example") // served, but the browser hides it
	fmt.Printf("%s %q\n", w.Body, w.Header().Get("Access-Control-Allow-Origin"))
	w = do(handler, upgrade("/socket", "Origin: https://evil.example"))
	fmt.Print(w.Code, " ", w.Body)
	// Output:
	// 42 "https://app.example.com"
	// 42 ""
	// 403 {"error":"origin not allowed"}
}

// The client is the first address from the right that is no proxy of ours. What
// is written further left, the client may have made up.
func ExampleTrustedProxies() {
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, middleware.ClientIP(r)) })
	handler := middleware.TrustedProxies("10.0.0.0/8", "unix")(show)

	ask := func(h http.Handler, peer string) {
		r := request("GET", "/", "X-Forwarded-For: 1.1.1.1, 203.0.113.7, 10.2.3.4")
		r.RemoteAddr = peer
		fmt.Println(do(h, r).Body)
	}
	ask(handler, "10.0.0.1:41234")
	ask(handler, "198.51.100.9:41234") // not a proxy of ours
	ask(show, "10.0.0.1:41234")        // nobody is trusted
	// Output:
	// 203.0.113.7
	// 198.51.100.9
	// 10.0.0.1
}

// Browsers that cannot set header fields for a WebSocket send the token in the
// query, and nobody after QueryAuth sees it.
func ExampleQueryAuth() {
	handler := middleware.QueryAuth("token", accountOf)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.URL)
	}))
	fmt.Println(get(handler, "/socket?room=7&token=let-me-in").Body)
	// Output: /socket?room=7
}

// Refusals in another form.
func ExampleOnRefuse() {
	plain := middleware.OnRefuse(func(w http.ResponseWriter, r *http.Request, status int, text string) {
		http.Error(w, "Sorry: "+text+".", status)
	})
	handler := middleware.Chain(plain, middleware.RequireKey("X-API-Key", "s3cret"))(fine)
	w := get(handler, "/")
	fmt.Print(w.Code, " ", w.Body)
	// Output: 401 Sorry: invalid API key.
}

// A policy for scripts with a nonce of each answer's own.
func ExampleNonce() {
	handler := middleware.SecurityHeaders(middleware.SecurityConfig{CSP: "script-src 'nonce-{nonce}'"})(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `<script nonce="%s">start()</script>`, middleware.Nonce(r.Context()))
		}))
	w := get(handler, "/")
	nonce := w.Header().Get("Content-Security-Policy")[len("script-src 'nonce-") : len("script-src 'nonce-")+26]
	fmt.Println(w.Body.String() == `<script nonce="`+nonce+`">start()</script>`)
	// Output: true
}

// An address that is blocked while the server runs.
func ExampleIPBlacklist() {
	list := middleware.NewIPBlacklist("198.51.100.0/24")
	list.CloseSessions(true)
	handler := list.Middleware()(fine)

	fmt.Println(get(handler, "/").Code)
	list.Add("192.0.2.1") // where the requests of this example come from
	fmt.Print(get(handler, "/").Code, " ", get(handler, "/").Body)
	fmt.Println(list.Entries())
	// Output:
	// 200
	// 403 {"error":"ip blocked"}
	// [192.0.2.1 198.51.100.0/24]
}
