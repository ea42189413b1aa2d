package peers_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gongular/gongular/ws"
)

// peers are all that are tried. What they lack is their own affair; everything
// else has to work.
var peers = []peer{
	gorillaPeer,
	coderPeer,
	gwsPeer,
	xnetPeer,
	npmPeer,
	nodePeer,
	pythonPeer,
}

// Clients of others speak with our server.
func TestServer(t *testing.T) {
	for _, p := range peers {
		if p.dial != nil {
			t.Run(p.name, func(t *testing.T) { tryAll(t, p, serveOurs, slices.Concat(p.lacks, p.clientLacks)) })
		}
	}
}

// Our client speaks with the servers of others.
func TestDial(t *testing.T) {
	for _, p := range peers {
		if p.serve != nil {
			t.Run(p.name, func(t *testing.T) { tryAll(t, p, dialOurs, p.lacks) })
		}
	}
}

// tryAll tries the cases that the peer has means for, each on a connection of
// its own.
func tryAll(t *testing.T, p peer, connect func(*testing.T, peer, options) *pair, lacks []string) {
	for _, name := range lacks {
		if !slices.ContainsFunc(cases, func(c testCase) bool { return c.name == name }) {
			t.Errorf("%s lacks %q, which is no case", p.name, name)
		}
	}
	for _, c := range cases {
		if !slices.Contains(lacks, c.name) {
			t.Run(c.name, func(t *testing.T) { c.run(t, connect(t, p, c.options)) })
		}
	}
}

// A pair is a connection with its two ends.
type pair struct {
	peer   peer
	ours   *ws.Conn
	theirs *end
	wire   *wire
}

// compressionOfOurs is ours for the options. All messages are compressed.
func (o options) compressionOfOurs() *ws.Compression {
	if o.compression == none {
		return nil
	}
	both := o.compression == takeover
	return &ws.Compression{Threshold: -1, ServerContextTakeover: both, ClientContextTakeover: both}
}

// serveOurs has the peer's client connect to our server.
func serveOurs(t *testing.T, p peer, o options) *pair {
	upgrader := ws.Upgrader{
		ReadLimit:       4 << 20,
		WriteBufferSize: 1 << 10,
		Subprotocols:    o.spoken,
		Compression:     o.compressionOfOurs(),
	}
	conns := make(chan *ws.Conn, 1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			ws.Refuse(w, err)
			return
		}
		conns <- conn
		<-conn.Done()
	}))
	wire := new(wire)
	if o.compression != none {
		s.Listener = countedListener{s.Listener, wire}
	}
	s.Start()
	t.Cleanup(s.Close)
	theirs := p.dial(t, "ws"+strings.TrimPrefix(s.URL, "http"), o)
	return newPair(t, p, await(t, conns), theirs, wire)
}

// dialOurs has our client connect to the peer's server.
func dialOurs(t *testing.T, p peer, o options) *pair {
	url, accepted := p.serve(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	wire := new(wire)
	opts := ws.DialOptions{
		ReadLimit:       4 << 20,
		WriteBufferSize: 1 << 10,
		Subprotocols:    o.offered,
		Compression:     o.compressionOfOurs(),
	}
	if o.compression != none {
		opts.NetDial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			return counted{conn, wire}, err
		}
	}
	conn, _, err := ws.Dial(ctx, url, &opts)
	must(t, err)
	return newPair(t, p, conn, accepted(), wire)
}

func newPair(t *testing.T, p peer, ours *ws.Conn, theirs *end, wire *wire) *pair {
	t.Cleanup(func() { ours.CloseNow() })
	must(t, ours.SetReadDeadline(time.Now().Add(patience)))
	must(t, ours.SetWriteDeadline(time.Now().Add(patience)))
	wire.reset()
	return &pair{p, ours, theirs, wire}
}

// A wire counts the bytes that our end reads and writes.
type wire struct{ read, written atomic.Int64 }

func (w *wire) reset() {
	w.read.Store(0)
	w.written.Store(0)
}

type counted struct {
	net.Conn
	wire *wire
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.wire.read.Add(int64(n))
	return n, err
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.wire.written.Add(int64(n))
	return n, err
}

type countedListener struct {
	net.Listener
	wire *wire
}

func (l countedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return counted{conn, l.wire}, nil
}

// No process and no goroutine is left behind.
func TestMain(m *testing.M) {
	code := m.Run()
	stopProcesses()
	http.DefaultClient.CloseIdleConnections()
	if left := leftover(5 * time.Second); left != "" && code == 0 {
		fmt.Fprintf(os.Stderr, "goroutines are left behind:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leftover returns the stacks of all other goroutines but those of the Go
// runtime and of testing, once none of them ends any more.
func leftover(wait time.Duration) string {
	for end := time.Now().Add(wait); ; runtime.Gosched() {
		buf := make([]byte, 1<<20)
		stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
		left := slices.DeleteFunc(stacks, func(stack string) bool {
			return strings.Contains(stack, "TestMain") || strings.Contains(stack, "os/signal.")
		})
		if len(left) == 0 {
			return ""
		}
		if time.Now().After(end) {
			return strings.Join(left, "\n\n")
		}
	}
}
