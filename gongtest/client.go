package gongtest

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// A Client sends requests to a handler on behalf of a test. It is safe for
// concurrent use, as far as the test's own methods are.
type Client struct {
	t       testing.TB
	handler http.Handler
	id      string // tells its goroutines from those of other clients

	mu      sync.Mutex
	used    bool     // a request was sent
	allowed []string // functions whose goroutines may stay
	late    []string // what was done to answers after their requests
	uploads []upload // that left files behind so far
}

var lastClient atomic.Int64

// New returns a client for an engine or any other handler. What its requests
// leave behind fails the test when that is over; see the package comment.
func New(t testing.TB, h http.Handler) *Client {
	t.Helper()
	if h == nil {
		t.Fatalf("gongtest.New: a nil handler")
	}
	c := &Client{t: t, handler: h, id: strconv.FormatInt(lastClient.Add(1), 10)}
	t.Cleanup(c.checkLeftovers)
	return c
}

// AllowGoroutines lets goroutines outlive the test that have one of the
// functions on their stack, named as in a stack trace or by a part of that:
// workers that the first request starts for all that follow, or
// "net/http.(*persistConn)" for the idle connections of an http.Client. It
// returns c.
func (c *Client) AllowGoroutines(functions ...string) *Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.allowed = append(c.allowed, functions...)
	return c
}

// Request begins a request. The target is an escaped path with or without a
// query, or a whole URL: its host becomes the request's, and https makes it one
// over TLS. The host is example.com otherwise.
func (c *Client) Request(method, target string) *Request {
	return &Request{client: c, method: method, target: target, ctx: context.Background()}
}

// GET begins a GET request.
func (c *Client) GET(target string) *Request { return c.Request(http.MethodGet, target) }

// HEAD begins a HEAD request.
func (c *Client) HEAD(target string) *Request { return c.Request(http.MethodHead, target) }

// POST begins a POST request.
func (c *Client) POST(target string) *Request { return c.Request(http.MethodPost, target) }

// PUT begins a PUT request.
func (c *Client) PUT(target string) *Request { return c.Request(http.MethodPut, target) }

// PATCH begins a PATCH request.
func (c *Client) PATCH(target string) *Request { return c.Request(http.MethodPatch, target) }

// DELETE begins a DELETE request.
func (c *Client) DELETE(target string) *Request { return c.Request(http.MethodDelete, target) }

// OPTIONS begins an OPTIONS request.
func (c *Client) OPTIONS(target string) *Request { return c.Request(http.MethodOptions, target) }

// QUERY begins a QUERY request.
func (c *Client) QUERY(target string) *Request { return c.Request("QUERY", target) }

// serve lets the handler serve a request, with what net/http does around it. It
// returns what the handler panicked with, and the stack.
func (c *Client) serve(w *recorder, r *http.Request, name string) (panicked any, stack []byte) {
	c.mu.Lock()
	c.used = true
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel() // as at the end of every request
	defer w.close()
	labels := pprof.Labels(clientLabel, c.id, requestLabel, name)
	pprof.Do(ctx, labels, func(ctx context.Context) {
		defer func() {
			if panicked = recover(); panicked != nil {
				stack = debug.Stack()
			}
		}()
		r = r.WithContext(ctx)
		c.handle(w, r)
		w.finish()
		r.Body.Close()
		if r.MultipartForm != nil {
			r.MultipartForm.RemoveAll()
		}
	})
	return panicked, stack
}

// handle is where a stack enters the handler; see callerLocation.
func (c *Client) handle(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// tooLate takes note of what is done to the answer of a request that is over.
// It is not told to the test at once, since that may be over too.
func (c *Client) tooLate(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late = append(c.late, fmt.Sprintf(format, args...))
}
