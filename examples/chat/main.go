// Chat is a chat with rooms: a web page, a WebSocket for each person in a room,
// and a little API beside it.
//
//	go run ./examples/chat
//
// prints the address to open, in two tabs best. Ctrl-C stops it; pages notice,
// and come back by themselves when it runs again. The flag is
//
//	-addr  where to listen; 127.0.0.1:8082, and any free port for 127.0.0.1:0
//
// What it shows of gongular:
//
//	api.go       the routes; files from an embed.FS, with a strict Content-Security-Policy
//	rooms.go     who is where, as plain handlers beside the WebSocket
//	talk.go      the WebSocket: bound and checked, refused or upgraded, read in a loop
//	presence.go  the hub, and what it tells the people in a room about each other
//	protocol.go  what travels on a connection
//	limit.go     how fast it may
//	page         one HTML, one CSS and one JavaScript file, with nothing from elsewhere
//
// Nothing is kept: who enters a room sees what is said from then on.
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
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. It prints to stdout how it can be reached.
func run(ctx context.Context, args []string, stdout io.Writer) (err error) {
	flags := flag.NewFlagSet("chat", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:8082", "`address` to listen on; port 0 is any free one")
	flags.Parse(args)
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}

	hub := newHub()
	defer func() {
		// The engine has ended the connections by then, and nothing waits.
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(err, hub.Close(ending))
	}()
	engine := newEngine(hub)

	// Listening first makes the printed address the true one, whatever the port.
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		return fmt.Errorf("%w\nIf another program has this address, choose one with -addr; 127.0.0.1:0 is any free port", err)
	}
	fmt.Fprintf(stdout, "chat: %s is the address to open, in two tabs best. Ctrl-C stops it.\n", baseURL(ln.Addr()))
	if err := engine.ServeListener(ctx, ln); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "\nchat: stopped")
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
