// Embed is a server that somebody already has: net/http with a mux of its own,
// a page, a health check, and a logging middleware from elsewhere. An API made
// of gongular's struct handlers moves in under /api/, and changes nothing of
// the rest.
//
//	go run ./examples/embed
//
// prints where it listens (-addr chooses), and three curl lines to try: the
// first goes on printing what the second writes, in another terminal. Ctrl-C
// stops it.
//
//	main.go       the server as it was, and the line that mounts the engine
//	accesslog.go  the middleware, as it could be from any library
//	api.go        the engine: its routes know nothing of the prefix they are under
//	notes.go      what the API is about; it knows nothing of HTTP
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8081", "`address` to listen on; port 0 is any free one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, *addr, os.Stdout, slog.Default()); err != nil {
		fmt.Fprintln(os.Stderr, "embed:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. It prints to stdout how it can be reached.
func run(ctx context.Context, addr string, stdout io.Writer, log *slog.Logger) error {
	notes := newNotes()
	handler, err := newHandler(notes, log)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	server.RegisterOnShutdown(notes.close) // or the streams would keep it from ending
	base := "http://" + ln.Addr().String()
	fmt.Fprintf(stdout, `embed: %[1]s. Ctrl-C stops it. Try:

curl -N '%[1]s/api/lists/shopping/stream'
curl -w '\n' -H 'Content-Type: application/json' -d '{"text":"Bread"}' '%[1]s/api/lists/shopping'
curl -L -w '\n' '%[1]s/api/lists/shopping/latest'
`, base)

	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	// ctx has ended, but what it carries is the shutdown's too.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}

// newHandler returns all that the server serves: the engine is one handler of
// its mux.
func newHandler(notes *notes, log *slog.Logger) (http.Handler, error) {
	api, err := newAPI(notes, log)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", showPage)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok\n") })
	mux.Handle("/api/", http.StripPrefix("/api", api))
	return accessLog(log.With("log", "site"))(mux), nil
}

func showPage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, `<!doctype html><title>Notes</title><p>The <a href="/api/lists/shopping">shopping list</a>.`+"\n")
}
