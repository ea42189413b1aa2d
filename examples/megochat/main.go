// Megochat is a chat with rooms and files: a web page that speaks with a Mego
// engine by the browser client that package mego brings.
//
//	go run ./examples/megochat
//
// prints the address to open, in two tabs best. Ctrl-C stops it; pages notice,
// and come back by themselves when it runs again. The flag is
//
//	-addr  where to listen; 127.0.0.1:8083, and any free port for 127.0.0.1:0
//
// What it shows of gongular and mego:
//
//	site.go   the routes: the engine beside files, with a strict Content-Security-Policy
//	talk.go   the methods, as struct handlers that are bound, checked and injected
//	lobby.go  who is where, told by events
//	shelf.go  files that were uploaded in chunks, for others to download
//	page      one HTML, one CSS and one JavaScript file, with nothing from elsewhere
//
// Nothing is kept: who enters a room hears what is said from then on, and a
// room's files are gone with the last one in it.
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
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "megochat:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. It prints to stdout how it can be reached.
func run(ctx context.Context, args []string, stdout io.Writer) (err error) {
	flags := flag.NewFlagSet("megochat", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:8083", "`address` to listen on; port 0 is any free one")
	flags.Parse(args)
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}

	// Listening first makes the printed address the true one, whatever the port.
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		return fmt.Errorf("%w\nIf another program has this address, choose one with -addr; 127.0.0.1:0 is any free port", err)
	}
	s, err := newSite()
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	// The server does not know of the sessions: they are to end when it does.
	ending := context.AfterFunc(ctx, func() { s.mego.Close() })
	defer func() {
		ending()
		err = errors.Join(err, s.close())
	}()
	fmt.Fprintf(stdout, "megochat: %s is the address to open, in two tabs best. Ctrl-C stops it.\n", baseURL(ln.Addr()))
	if err := s.ServeListener(ctx, ln); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "\nmegochat: stopped")
	return nil
}

// baseURL is the URL of what listens on addr, without a slash at its end.
func baseURL(addr net.Addr) string {
	u := url.URL{Scheme: "http", Host: addr.String()}
	if ap, err := netip.ParseAddrPort(u.Host); err == nil && ap.Addr().IsUnspecified() {
		u.Host = net.JoinHostPort("localhost", u.Port()) // all addresses: this one is among them
	}
	return u.String()
}
