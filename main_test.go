package gongular_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular"
)

// The tests run without the default callback's lines on standard output, and
// fail if a goroutine is left behind.
func TestMain(m *testing.M) {
	gongular.DefaultRouteCallback = nil
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if left := leftover(time.Minute); left != "" && code == 0 {
		fmt.Fprintf(os.Stderr, "goroutines are left behind:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leftover returns the stacks of goroutines that serve or ask, once none of
// them ends any more.
func leftover(wait time.Duration) string {
	for end := time.Now().Add(wait); ; runtime.Gosched() {
		buf := make([]byte, 1<<20)
		var left []string
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(stack, "net/http.") && !strings.Contains(stack, "TestMain") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 {
			return ""
		}
		if time.Now().After(end) {
			return strings.Join(left, "\n\n")
		}
	}
}

// do serves one request without a connection.
func do(h http.Handler, method, target, contentType, body string) *httptest.ResponseRecorder {
	var r *http.Request
	if body == "" {
		r = httptest.NewRequest(method, target, nil)
	} else {
		r = httptest.NewRequest(method, target, strings.NewReader(body))
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// get serves a GET request without a connection.
func get(h http.Handler, target string) *httptest.ResponseRecorder {
	return do(h, "GET", target, "", "")
}

// start serves h over loopback until the test is over.
func start(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// body reads the answer to its end.
func body(t testing.TB, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// silent is a logger for what is meant to go wrong.
var silent = slog.New(slog.DiscardHandler)

// logged returns a logger and what it has logged.
func logged() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, nil)), &b
}

// mustPanic returns the text of f's panic.
func mustPanic(t testing.TB, f func()) (text string) {
	t.Helper()
	defer func() {
		value := recover()
		if value == nil {
			t.Helper()
			t.Fatal("it did not panic")
		}
		text = fmt.Sprint(value)
	}()
	f()
	return ""
}

// A pipeListener is a listener without a network, for servers in a synctest bubble.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipe() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (l *pipeListener) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// inBubble runs f in a synctest bubble with a client of the handler, served as
// the engine's own server does.
func inBubble(t *testing.T, e *gongular.Engine, f func(t *testing.T, l *pipeListener, client *http.Client)) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipe()
		server := e.Server("")
		ended := make(chan error)
		go func() { ended <- server.Serve(l) }()
		transport := &http.Transport{DialContext: l.dial}
		f(t, l, &http.Client{Transport: transport})
		transport.CloseIdleConnections()
		server.Close()
		<-ended
	})
}
