// Bookstore is a small API for the books of a shop, with all that a real one
// has: a list with paging, a search, books that are created, read, replaced and
// deleted, pictures that are uploaded and downloaded, and statistics.
//
//	go run ./examples/bookstore
//
// prints where it listens, and three curl lines to try: they work as they are
// printed. Ctrl-C stops it, after the requests that are running. The flags are
//
//	-addr   where to listen; 127.0.0.1:8080, and any free port for 127.0.0.1:0
//	-data   the folder of the books; bookstore-data, made if there is none
//	-token  what requests that write have to know; secret
//
// What it shows of gongular:
//
//	api.go     routes with names, a group behind a guard, options, what is provided
//	books.go   handlers: fields for path, query and body, with defaults and rules
//	covers.go  an uploaded file with its limits; a download with ranges
//	stats.go   a route callback that counts
//
// The books are kept in the folder by package store, which loses nothing that
// was acknowledged, also if the process or the machine dies. There is nothing
// to install.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"github.com/gongular/gongular/examples/bookstore/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bookstore:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. It prints to stdout how it can be reached.
func run(ctx context.Context, args []string, stdout io.Writer) (err error) {
	flags := flag.NewFlagSet("bookstore", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:8080", "`address` to listen on; port 0 is any free one")
	data := flags.String("data", "bookstore-data", "`folder` of the books; made if there is none")
	token := flags.String("token", "secret", "what requests that write have to know; choose one of your own if others can reach the address")
	flags.Parse(args)
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case !tokenSyntax.MatchString(*token):
		return errors.New("-token: want letters, digits and any of -._~+/")
	}

	books, err := store.Open(*data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, books.Close()) }() // again, after a graceful stop: that is no error
	engine := newEngine(books, *token)

	// Listening first makes the printed address the true one, whatever the port.
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		return fmt.Errorf("%w\nIf another program has this address, choose one with -addr; 127.0.0.1:0 is any free port", err)
	}
	fmt.Fprintf(stdout, "bookstore: %s, books in %s. Ctrl-C stops it. Try:\n\n", baseURL(ln.Addr()), *data)
	for _, line := range curlLines(baseURL(ln.Addr()), *token) {
		fmt.Fprintln(stdout, line)
	}
	if err := engine.ServeListener(ctx, ln); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "\nbookstore: stopped")
	return nil
}

// tokenSyntax is that of a bearer token (RFC 6750), which needs no escapes in a
// header, and none between the quotes of a shell.
var tokenSyntax = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// baseURL is the URL of what listens on addr, without a slash at its end.
func baseURL(addr net.Addr) string {
	u := url.URL{Scheme: "http", Host: addr.String()}
	if ap, err := netip.ParseAddrPort(u.Host); err == nil && ap.Addr().IsUnspecified() {
		u.Host = net.JoinHostPort("localhost", u.Port()) // all addresses: this one is among them
	}
	return u.String()
}

// curlLines are for a POSIX shell, and for a bookstore that may have books
// already. The answers do not end in a newline; -w adds one.
func curlLines(base, token string) []string {
	return []string{
		`curl -w '\n' -H 'Authorization: Bearer ` + token + `' -H 'Content-Type: application/json' -d '{"title":"Emma","author":"Jane Austen","year":1815,"price":900,"tags":["novel"]}' '` + base + `/books'`,
		`curl -w '\n' '` + base + `/books?page=1&size=5&sort=-created'`,
		`curl -w '\n' '` + base + `/books/search?q=austen'`,
	}
}
