package middleware_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/gongular/gongular/middleware"
	"github.com/gongular/gongular/ws"
)

// The handler's log has the id that the log of requests has, and that the client
// gets.
func ExampleLogger() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "duration" {
				return slog.Attr{}
			}
			return a
		},
	}))
	handler := middleware.Chain(
		middleware.RequestID(),
		middleware.SlogAttrs(logger),
		middleware.Logger(logger),
	)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		middleware.GetLogger(r.Context()).Info("looking", "for", "ada")
		http.Error(w, "nobody", http.StatusNotFound)
	}))

	r := httptest.NewRequest("GET", "/users/ada?token=secret", nil)
	r.Header.Set("X-Request-ID", "7f3a")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Header().Get("X-Request-ID"))
	// Output:
	// level=INFO msg=looking request_id=7f3a remote_addr=192.0.2.1 method=GET path=/users/ada for=ada
	// level=WARN msg=request id=7f3a method=GET path=/users/ada status=404 bytes=7 remote=192.0.2.1 user_agent=""
	// 7f3a
}

// The metrics are served where Prometheus looks for them.
func ExamplePrometheusMetrics() {
	metrics := middleware.NewPrometheusMetrics(middleware.WithRoutes())
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ada") })
	mux.Handle("GET /metrics", metrics.Handler())
	handler := metrics.Middleware()(mux)

	for _, path := range []string{"/users/1", "/users/2", "/nothing"} {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "http_requests_total") {
			fmt.Print(line)
		}
	}
	// Output:
	// http_requests_total{method="GET",code="200",route="GET /users/{id}"} 2
	// http_requests_total{method="GET",code="404",route="other"} 1
}

// What is long enough is compressed for clients that accept it.
func ExampleCompress() {
	handler := middleware.Compress(middleware.NewGzipCompressor(), nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, strings.Repeat("na ", 1000))
	}))

	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)

	fmt.Println(w.Header().Get("Content-Encoding"), w.Header().Get("Vary"), w.Body.Len() < 100)
	unpacked, err := gzip.NewReader(w.Body)
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := io.ReadAll(unpacked)
	fmt.Println(len(text), err)
	// Output:
	// gzip Accept-Encoding true
	// 3000 <nil>
}

// An endpoint is told of the sessions that begin and end.
func ExampleNewWebhook() {
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		event, _, _ := strings.Cut(string(body), `,"timestamp"`)
		fmt.Println(event, strings.HasPrefix(r.Header.Get("X-Webhook-Signature"), "sha256="))
	}))
	defer endpoint.Close()

	hook := middleware.NewWebhook(endpoint.URL, middleware.WithSecret("shared with the endpoint"))
	server := httptest.NewServer(middleware.Chain(middleware.RequestID(), hook.Middleware())(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(ws.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			ws.Refuse(w, err)
			return
		}
		conn.CloseNow()
	})))

	connect(server.URL+"/rooms/7", "7f3a") // a WebSocket client

	server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := hook.Close(ctx); err != nil {
		fmt.Println(err, hook.Dropped())
	}
	// Output:
	// {"event":"connect","session_id":"7f3a","remote_addr":"127.0.0.1","path":"/rooms/7" true
	// {"event":"disconnect","session_id":"7f3a","remote_addr":"127.0.0.1","path":"/rooms/7" true
}

// connect opens a WebSocket and waits until the server ends it.
func connect(url, id string) {
	r, _ := http.NewRequest("GET", url, nil)
	addFields(r.Header, upgradeFields)
	r.Header.Set("X-Request-ID", id)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
}
