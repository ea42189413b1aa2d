package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/gongular/gongular/bench/contenders"
	"github.com/gongular/gongular/bench/scenarios"
)

// A measurement is what a process found that serves one scenario by one
// contender, for all its requests together.
type measurement struct {
	Calls  int     `json:"calls"`
	CPU    int64   `json:"cpu_ns"`
	Allocs float64 `json:"allocs"` // without those of the harness
	Bytes  float64 `json:"bytes"`
}

// A writer is a ResponseWriter that keeps nothing of the body. It has the
// methods of a server's, those for deadlines among them, but they do nothing.
type writer struct {
	header http.Header
	code   int
}

func (w *writer) Header() http.Header               { return w.header }
func (w *writer) Write(p []byte) (int, error)       { w.WriteHeader(200); return len(p), nil }
func (w *writer) WriteString(s string) (int, error) { w.WriteHeader(200); return len(s), nil }
func (w *writer) Flush()                            {}
func (w *writer) SetReadDeadline(time.Time) error   { return nil }
func (w *writer) SetWriteDeadline(time.Time) error  { return nil }

// WriteHeader keeps the first status that is final.
func (w *writer) WriteHeader(code int) {
	if w.code == 0 && code >= 200 {
		w.code = code
	}
}

// A body is a request's body as a server's is: read once, closed without effect.
type body struct{ strings.Reader }

func (*body) Close() error { return nil }

// A call is a request of the scenario that can be sent again and again.
type call struct {
	pristine http.Request
	text     string
	status   int
}

// A harness sends the requests of a scenario to a handler, and costs little
// itself. A handler gets a Request with nothing of it parsed, a body at its
// beginning, and a writer with an empty header, as from a server, but in the
// memory of the last ones. What a handler only reads (URL, header, context) is
// shared by all.
type harness struct {
	calls []call
	next  int
	close context.CancelFunc // ends the context that the requests share
	req   http.Request
	body  body
	w     writer
}

func newHarness(s scenarios.Scenario) *harness {
	ctx := context.WithValue(context.Background(), http.ServerContextKey, &http.Server{})
	ctx, cancel := context.WithCancel(ctx)
	h := &harness{w: writer{header: http.Header{}}, close: cancel}
	for _, r := range s.Requests {
		req := httptest.NewRequest(r.Method, r.Target, strings.NewReader(r.Body)).WithContext(ctx)
		if r.ContentType != "" {
			req.Header.Set("Content-Type", r.ContentType)
		}
		req.Header.Set("User-Agent", "bench/1")
		req.Header.Set("Accept", "*/*")
		if req.Body = &h.body; r.Body == "" {
			req.Body = http.NoBody
		}
		c := call{pristine: *req, text: r.Body}
		for _, known := range s.Cases {
			if known.Request == r {
				c.status = known.Status
			}
		}
		h.calls = append(h.calls, c)
	}
	return h
}

// run sends the next n requests.
func (h *harness) run(handler http.Handler, n int) error {
	for range n {
		c := &h.calls[h.next]
		if h.next++; h.next == len(h.calls) {
			h.next = 0
		}
		req := &h.req
		*req = c.pristine
		h.body.Reset(c.text)
		clear(h.w.header)
		h.w.code = 0
		handler.ServeHTTP(&h.w, req)
		if req.MultipartForm != nil {
			req.MultipartForm.RemoveAll() // as a server does
		}
		if h.w.code != c.status && !(h.w.code == 0 && c.status == 200) {
			return fmt.Errorf("%s %s: status %d, want %d", req.Method, req.URL, h.w.code, c.status)
		}
	}
	return nil
}

// A worker measures one contender in one scenario.
type worker struct {
	*harness
	handler http.Handler
	own     measurement // of the harness
}

// newWorker sees that the contender answers all the scenario's requests right.
func newWorker(contender, scenario string) (*worker, error) {
	c, err := contenders.Find(contender)
	if err != nil {
		return nil, err
	}
	s, err := scenarios.Find(scenario)
	if err != nil {
		return nil, err
	}
	if len(s.Requests) == 0 {
		return nil, fmt.Errorf("%s is not measured", scenario)
	}
	k := &worker{harness: newHarness(s), handler: c.Handler(scenario)}
	if k.handler == nil {
		return nil, fmt.Errorf("%s does not stand on net/http", contender)
	}
	status := k.calls[0].status
	for _, c := range k.calls {
		if c.status != status {
			return nil, fmt.Errorf("the requests of %s have different answers", scenario)
		}
	}
	idle := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) })
	if k.own, err = k.spend(idle, 1000); err != nil {
		return nil, err
	}
	k.next = 0
	if err := k.run(k.handler, len(k.calls)); err != nil {
		return nil, fmt.Errorf("%s: %w", contender, err)
	}
	return k, nil
}

// measure sends n requests.
func (k *worker) measure(n int) (measurement, error) {
	m, err := k.spend(k.handler, n)
	m.Allocs = max(m.Allocs-k.own.Allocs, 0)
	m.Bytes = max(m.Bytes-k.own.Bytes, 0)
	return m, err
}

// work measures as many requests as each line of in says, and writes a line of
// what it found, until there are no more.
func (k *worker) work(in io.Reader, out io.Writer) error {
	runtime.GC()
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		m, err := k.measure(n)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(out).Encode(m); err != nil {
			return err
		}
	}
	return lines.Err()
}

// spend measures what n requests cost, allocations per request. The work of the
// garbage collector is among it.
func (h *harness) spend(handler http.Handler, n int) (measurement, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := cpuTime()
	err := h.run(handler, n)
	spent := cpuTime() - began
	runtime.ReadMemStats(&after)
	return measurement{
		Calls: n, CPU: int64(spent),
		Allocs: float64(after.Mallocs-before.Mallocs) / float64(n),
		Bytes:  float64(after.TotalAlloc-before.TotalAlloc) / float64(n),
	}, err
}
