// Gateway is a small API with the middleware of package middleware around it:
// requests get ids, logs, metrics and limits, clients have to show a token, and
// what goes wrong is answered in one form.
//
//	go run ./examples/gateway
//
// prints where it listens, and curl lines to try: each but the first and the last
// is refused by another entry. Ctrl-C stops it. The flag -addr chooses where to
// listen; port 0 is any free one.
//
//	main.go  the list of middleware, and the server
//	api.go   the handlers; they know nothing of what is around them
//
// The metrics are at /metrics, in the text format of Prometheus.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/middleware"
	"github.com/gongular/gongular/ws"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8084", "`address` to listen on; port 0 is any free one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, *addr, os.Stdout, slog.Default()); err != nil {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

// newEngine returns the API with all that is around it.
func newEngine(logger *slog.Logger) *gongular.Engine {
	metrics := middleware.NewPrometheusMetrics(middleware.WithRoutes())
	origins := middleware.NewOrigins("https://app.example.com")
	e := gongular.NewEngine(gongular.Options{
		PassPanics:  true, // to Recover
		EmptySlices: true, // as [], not null
		Logger:      logger,
		Upgrader:    &ws.Upgrader{CheckOrigin: origins.CheckOrigin},
	})
	e.SetRouteCallback(gongular.NoOpRouteCallback) // Logger tells of requests
	e.Provide(&notes{})

	e.Use(
		middleware.TrustedProxies("10.0.0.0/8"),
		middleware.RequestID(),
		middleware.Tracing(logger),
		middleware.SlogAttrs(logger),
		middleware.Logger(logger),
		metrics.Middleware(),
		middleware.Recover(logger),
		middleware.BlockUserAgent("badbot"),
		middleware.SecurityHeaders(middleware.SecurityConfig{}),
		middleware.CORS(middleware.CORSConfig{Origins: origins, AllowCredentials: true}),
		middleware.CSRF(origins),
		middleware.RequestRate(100, 200),
		middleware.RateLimit(50),
		middleware.BodyLimit(100),
	)
	e.Handle("GET /metrics", metrics.Handler())

	api := e.Group("/api")
	api.Use(
		middleware.BearerAuth(userOf),
		middleware.MaxSessions(100, logger),
		middleware.MaxInFlight(200),
		middleware.NewCircuitBreaker(5, 10*time.Second).Middleware(),
		middleware.Unless(middleware.IsUpgrade, middleware.Timeout(time.Second)),
		middleware.SessionTimeoutWithWarning(time.Hour, time.Minute, logger),
		middleware.IdleTimeout(time.Minute),
		middleware.Compress(middleware.NewGzipCompressor(), logger),
		middleware.ETag(64<<10),
		middleware.TokenBucket(10, 20),
	)
	api.GET("/hello/{Name}", &hello{})
	api.POST("/notes", &addNote{})
	api.GET("/notes", &listNotes{})
	api.GET("/mistake", &mistake{})
	api.GET("/slow", &slow{})
	api.POST("/reports", &makeReport{}).Use(middleware.RequestRate(0.1, 1, middleware.WithKey(userKey)))
	api.WS("/echo", &echo{})
	return e
}

// run serves until ctx ends. It prints to stdout how it can be reached.
func run(ctx context.Context, addr string, stdout io.Writer, logger *slog.Logger) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return errors.Join(err, errors.New("choose another address with -addr; 127.0.0.1:0 is any free port"))
	}
	base := "http://" + ln.Addr().String()
	fmt.Fprintf(stdout, "gateway: %s. Ctrl-C stops it. Try:\n\n", base)
	for _, line := range curlLines(base) {
		fmt.Fprintln(stdout, line)
	}
	fmt.Fprintln(stdout)
	return newEngine(logger).ServeListener(ctx, ln)
}

// curlLines are for a POSIX shell. -w adds a newline or the status to what is
// answered. Of two reports at once the second is one too many.
func curlLines(base string) []string {
	const token = ` -H 'Authorization: Bearer let-me-in'`
	return []string{
		`curl -w '\n'` + token + ` '` + base + `/api/hello/ada'`,
		`curl -w '%{http_code}\n' '` + base + `/api/hello/ada'`,
		`curl -w '%{http_code}\n' -A 'badbot/1.0'` + token + ` '` + base + `/api/hello/ada'`,
		`curl -w '%{http_code}\n' -H 'Origin: https://evil.example'` + token + ` -d '{"text":"buy milk"}' '` + base + `/api/notes'`,
		`curl -w '%{http_code}\n'` + token + ` -H 'Content-Type: application/json' -d '{"text":"a note of more than a hundred bytes, which is what BodyLimit lets pass here: this one is too long"}' '` + base + `/api/notes'`,
		`curl -w '\n'` + token + ` -d '' '` + base + `/api/reports'`,
		`curl -w '%{http_code}\n'` + token + ` -d '' '` + base + `/api/reports'`,
		`curl -w '%{http_code}\n'` + token + ` '` + base + `/api/mistake'`,
		`curl -w '%{http_code}\n'` + token + ` '` + base + `/api/slow'`,
		`curl '` + base + `/metrics'`,
	}
}
