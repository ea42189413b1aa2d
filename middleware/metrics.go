package middleware

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Metrics counts requests and sessions, see [NewMetrics]. A request for an upgrade
// is one of the requests until its session is established, and then one of the
// sessions. The fields are to be read, by any goroutine; [Metrics.Snapshot] reads
// all of them.
type Metrics struct {
	ActiveSessions atomic.Int64 // sessions that are open
	TotalSessions  atomic.Int64 // sessions that were established
	ActiveRequests atomic.Int64 // requests under way
	TotalRequests  atomic.Int64 // requests that are over
	TotalMessages  atomic.Int64 // messages of sessions, see CountMessage

	counted counted // by this alone

	mu   sync.Mutex // guards what follows
	open map[string]*time.Time
}

// A MetricsSnapshot is what [Metrics] has counted.
type MetricsSnapshot struct {
	ActiveSessions int64
	TotalSessions  int64
	ActiveRequests int64
	TotalRequests  int64
	TotalMessages  int64
}

// NewMetrics returns a Metrics that has counted nothing.
func NewMetrics() *Metrics {
	m := &Metrics{open: make(map[string]*time.Time)}
	m.counted.by = m
	return m
}

// A counted is a list of what counts a request, from the inside out.
type counted struct {
	by    *Metrics
	outer *counted
}

// Middleware returns what counts, wherever it is put.
func (m *Metrics) Middleware() Middleware {
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		if outer := rec.observed.metrics; outer == nil {
			rec.observed.metrics = &m.counted
		} else {
			rec.observed.metrics = &counted{m, outer}
		}
		if IsUpgrade(r) {
			m.session(next, rec, w, r)
			return
		}
		m.ActiveRequests.Add(1)
		defer m.endRequest()
		next.ServeHTTP(w, r)
	})
}

func (m *Metrics) endRequest() {
	m.ActiveRequests.Add(-1)
	m.TotalRequests.Add(1)
}

// session serves a request for an upgrade.
func (m *Metrics) session(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
	var opened *time.Time
	m.ActiveRequests.Add(1)
	rec.whenOpen(func() {
		now := time.Now()
		opened = &now
		m.ActiveRequests.Add(-1)
		m.ActiveSessions.Add(1)
		m.TotalSessions.Add(1)
		if rec.requestID != "" {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.open[rec.requestID] = opened
		}
	})
	defer func() {
		if opened == nil {
			m.endRequest()
			return
		}
		m.ActiveSessions.Add(-1)
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.open[rec.requestID] == opened { // and not another with the same id
			delete(m.open, rec.requestID)
		}
	}()
	next.ServeHTTP(w, r)
}

// Snapshot returns what was counted so far.
func (m *Metrics) Snapshot() MetricsSnapshot {
	return MetricsSnapshot{
		ActiveSessions: m.ActiveSessions.Load(),
		TotalSessions:  m.TotalSessions.Load(),
		ActiveRequests: m.ActiveRequests.Load(),
		TotalRequests:  m.TotalRequests.Load(),
		TotalMessages:  m.TotalMessages.Load(),
	}
}

// SessionDuration returns for how long the session with a request id, see
// [RequestID], is open already; 0 if there is none. Of several with the same id,
// which clients may choose, it is the one that was established last.
func (m *Metrics) SessionDuration(id string) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if opened := m.open[id]; opened != nil {
		return time.Since(*opened)
	}
	return 0
}

// CountMessage counts a message of the session that ctx is from, for every
// [Metrics] around it. A WebSocket library, or who uses one, calls it for each
// message that comes or goes.
func CountMessage(ctx context.Context) {
	for c := knownOf(ctx).observed.metrics; c != nil; c = c.outer {
		c.by.TotalMessages.Add(1)
	}
}

// Limits of the buckets of histograms, in which a value that is equal counts.
var (
	requestBuckets = []time.Duration{
		5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
		500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
	}
	sessionBuckets = []time.Duration{
		time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
		5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
	}
)

const (
	// maxRoutes limits the values of the label route.
	maxRoutes = 500
	// otherRoute stands for the routes beyond, and for requests without one.
	otherRoute = "other"
)

// A PrometheusOption changes what [PrometheusMetrics] counts.
type PrometheusOption func(*PrometheusMetrics)

// WithRoutes counts each route by itself: all series but the gauges get a label
// route, which is the pattern of the route as http.Request.Pattern has it. It is
// "other" for requests without one, and for the routes beyond the first 500.
//
// The pattern is known if what is between this middleware and the router hands the
// request on as it is, or is from this package.
func WithRoutes() PrometheusOption {
	return func(p *PrometheusMetrics) { p.byRoute = true }
}

// PrometheusMetrics counts requests and sessions for Prometheus, which reads them
// from [PrometheusMetrics.Handler]:
//
//	http_requests_in_flight             gauge
//	http_requests_total                 counter by method and code
//	http_request_duration_seconds       histogram, .005 to 10
//	websocket_sessions_active           gauge
//	websocket_sessions_total            counter
//	websocket_session_duration_seconds  histogram, 1 to 3600
//
// A request for an upgrade is one of the requests until its session is
// established, and then one of the sessions. A request is counted by code and
// duration when it is over; the code is what [Logger] calls status. Methods that
// are not of RFC 9110 or PATCH are "OTHER". Nothing that a client chooses makes a
// series: neither paths nor methods.
type PrometheusMetrics struct {
	byRoute bool

	inFlight, sessions atomic.Int64

	mu     sync.RWMutex
	routes map[string]*routeMetrics // with the key otherRoute from the beginning
}

// routeMetrics are the series of a route, or of all of them.
type routeMetrics struct {
	established atomic.Uint64
	requests    histogram
	sessions    histogram

	mu    sync.RWMutex
	codes map[answerKind]*atomic.Uint64
}

// An answerKind is what requests are counted by.
type answerKind struct {
	method string // one of the known ones, or OTHER
	code   int
}

func newRouteMetrics() *routeMetrics {
	return &routeMetrics{
		requests: newHistogram(requestBuckets),
		sessions: newHistogram(sessionBuckets),
		codes:    make(map[answerKind]*atomic.Uint64),
	}
}

// NewPrometheusMetrics returns a PrometheusMetrics that has counted nothing.
func NewPrometheusMetrics(opts ...PrometheusOption) *PrometheusMetrics {
	p := &PrometheusMetrics{routes: map[string]*routeMetrics{otherRoute: newRouteMetrics()}}
	for _, opt := range opts {
		opt(p)
	}
	return p
}

// Middleware returns what counts, wherever it is put.
func (p *PrometheusMetrics) Middleware() Middleware {
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		if IsUpgrade(r) {
			p.session(next, rec, w, r)
			return
		}
		start, returned := time.Now(), false
		p.inFlight.Add(1)
		defer func() { p.endRequest(rec, r, start, returned) }()
		next.ServeHTTP(w, r)
		returned = true
	})
}

func (p *PrometheusMetrics) endRequest(rec *record, r *http.Request, start time.Time, returned bool) {
	p.inFlight.Add(-1)
	route := p.route(rec.route())
	route.answered(answerKind{knownMethod(r.Method), rec.outcome(r.Context(), returned)})
	route.requests.observe(time.Since(start))
}

// session serves a request for an upgrade.
func (p *PrometheusMetrics) session(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
	start, returned := time.Now(), false
	var route *routeMetrics // of the session; nil: not established
	p.inFlight.Add(1)
	rec.whenOpen(func() {
		start, route = time.Now(), p.route(rec.route())
		p.inFlight.Add(-1)
		p.sessions.Add(1)
		route.established.Add(1)
	})
	defer func() {
		if route == nil {
			p.endRequest(rec, r, start, returned)
			return
		}
		p.sessions.Add(-1)
		route.sessions.observe(time.Since(start))
	}()
	next.ServeHTTP(w, r)
	returned = true
}

// route returns the series of a pattern.
func (p *PrometheusMetrics) route(pattern string) *routeMetrics {
	if !p.byRoute || pattern == "" {
		pattern = otherRoute
	}
	p.mu.RLock()
	route, full := p.routes[pattern], len(p.routes) > maxRoutes
	if route == nil && full {
		route = p.routes[otherRoute]
	}
	p.mu.RUnlock()
	if route != nil {
		return route
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.routes[pattern] != nil: // by another goroutine
	case len(p.routes) > maxRoutes:
		pattern = otherRoute
	default:
		p.routes[pattern] = newRouteMetrics()
	}
	return p.routes[pattern]
}

func (m *routeMetrics) answered(kind answerKind) {
	m.mu.RLock()
	count := m.codes[kind]
	m.mu.RUnlock()
	if count == nil {
		m.mu.Lock()
		if count = m.codes[kind]; count == nil {
			count = new(atomic.Uint64)
			m.codes[kind] = count
		}
		m.mu.Unlock()
	}
	count.Add(1)
}

// A histogram counts durations by size.
type histogram struct {
	limits []time.Duration
	counts []atomic.Uint64 // by the limit that is not exceeded; the last without one
	sum    atomic.Uint64   // bits of a float64, in seconds
}

func newHistogram(limits []time.Duration) histogram {
	return histogram{limits: limits, counts: make([]atomic.Uint64, len(limits)+1)}
}

func (h *histogram) observe(d time.Duration) {
	i := 0
	for i < len(h.limits) && d > h.limits[i] {
		i++
	}
	h.counts[i].Add(1)
	for {
		old := h.sum.Load()
		if h.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+d.Seconds())) {
			return
		}
	}
}

// Handler returns a handler that answers GET and HEAD with all series in
// Prometheus' text format, version 0.0.4. Who may read them is for middleware
// around it to say.
func (p *PrometheusMetrics) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		text := p.text()
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		if r.Method == http.MethodGet {
			w.Write(text)
		}
	})
}

// text returns all series, always in the same order.
func (p *PrometheusMetrics) text() []byte {
	p.mu.RLock()
	routes := maps.Clone(p.routes)
	p.mu.RUnlock()
	patterns := slices.Sorted(maps.Keys(routes))

	var b bytes.Buffer
	// each writes a line, or a histogram, for each route.
	each := func(write func(route *routeMetrics, labels string)) {
		for _, pattern := range patterns {
			labels := ""
			if p.byRoute {
				labels = `route="` + escapeLabel(pattern) + `"`
			}
			write(routes[pattern], labels)
		}
	}
	family(&b, "http_requests_in_flight", "gauge", "Requests under way, sessions not among them.")
	fmt.Fprintf(&b, "http_requests_in_flight %d\n", p.inFlight.Load())
	family(&b, "http_requests_total", "counter", "Requests that are over, by method and status.")
	each(func(route *routeMetrics, labels string) { route.writeCodes(&b, labels) })
	family(&b, "http_request_duration_seconds", "histogram", "How long requests took.")
	each(func(route *routeMetrics, labels string) {
		route.requests.write(&b, "http_request_duration_seconds", labels)
	})
	family(&b, "websocket_sessions_active", "gauge", "Sessions that are open.")
	fmt.Fprintf(&b, "websocket_sessions_active %d\n", p.sessions.Load())
	family(&b, "websocket_sessions_total", "counter", "Sessions that were established.")
	each(func(route *routeMetrics, labels string) {
		fmt.Fprintf(&b, "websocket_sessions_total%s %d\n", braces(labels), route.established.Load())
	})
	family(&b, "websocket_session_duration_seconds", "histogram", "How long sessions that are over were open.")
	each(func(route *routeMetrics, labels string) {
		route.sessions.write(&b, "websocket_session_duration_seconds", labels)
	})
	return b.Bytes()
}

func family(b *bytes.Buffer, name, typ, help string) {
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, typ)
}

func (m *routeMetrics) writeCodes(b *bytes.Buffer, labels string) {
	m.mu.RLock()
	codes := maps.Clone(m.codes)
	m.mu.RUnlock()
	kinds := slices.SortedFunc(maps.Keys(codes), func(x, y answerKind) int {
		if c := strings.Compare(x.method, y.method); c != 0 {
			return c
		}
		return x.code - y.code
	})
	for _, kind := range kinds {
		own := fmt.Sprintf(`method="%s",code="%d"`, kind.method, kind.code)
		fmt.Fprintf(b, "http_requests_total%s %d\n", braces(own, labels), codes[kind].Load())
	}
}

// write writes the buckets, of which each includes those below it. Their counts
// are read once, so that _count is the same as the last of them.
func (h *histogram) write(b *bytes.Buffer, name, labels string) {
	sum := math.Float64frombits(h.sum.Load())
	count := uint64(0)
	for i := range h.counts {
		le := "+Inf"
		if i < len(h.limits) {
			le = formatFloat(h.limits[i].Seconds())
		}
		count += h.counts[i].Load()
		fmt.Fprintf(b, "%s_bucket%s %d\n", name, braces(labels, `le="`+le+`"`), count)
	}
	fmt.Fprintf(b, "%s_sum%s %s\n", name, braces(labels), formatFloat(sum))
	fmt.Fprintf(b, "%s_count%s %d\n", name, braces(labels), count)
}

func formatFloat(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// braces returns the labels as a series has them; "" if there are none.
func braces(labels ...string) string {
	labels = slices.DeleteFunc(labels, func(s string) bool { return s == "" })
	if len(labels) == 0 {
		return ""
	}
	return "{" + strings.Join(labels, ",") + "}"
}

var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// escapeLabel returns the value of a label as it is written, which has to be UTF-8.
func escapeLabel(value string) string {
	return labelEscapes.Replace(strings.ToValidUTF8(value, "\ufffd"))
}

// ConcurrencyStats counts requests and sessions alike, see [NewConcurrencyStats].
// The fields are to be read, by any goroutine.
type ConcurrencyStats struct {
	ActiveSessions atomic.Int64 // requests under way and sessions that are open
	PeakSessions   atomic.Int64 // the most that there were at a time
	TotalAccepted  atomic.Int64 // those that were answered by the handler, or established
	TotalRejected  atomic.Int64 // those that middleware of this package further in has refused
}

// A ConcurrencySnapshot is what [ConcurrencyStats] has counted.
type ConcurrencySnapshot struct {
	ActiveSessions int64
	PeakSessions   int64 // never below ActiveSessions
	TotalAccepted  int64
	TotalRejected  int64
}

// NewConcurrencyStats returns a ConcurrencyStats that has counted nothing.
func NewConcurrencyStats() *ConcurrencyStats { return new(ConcurrencyStats) }

// Middleware returns what counts, wherever it is put. A session is accepted when it
// is established, other requests when they are over.
func (s *ConcurrencyStats) Middleware() Middleware {
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		s.begin()
		if IsUpgrade(r) {
			s.session(next, rec, w, r)
			return
		}
		defer s.end(rec)
		next.ServeHTTP(w, r)
	})
}

// begin counts one more. The peak is raised before, so that who reads it after
// what is active never finds less.
func (s *ConcurrencyStats) begin() {
	for {
		active := s.ActiveSessions.Load()
		for peak := s.PeakSessions.Load(); peak <= active && !s.PeakSessions.CompareAndSwap(peak, active+1); {
			peak = s.PeakSessions.Load()
		}
		if s.ActiveSessions.CompareAndSwap(active, active+1) {
			return
		}
	}
}

func (s *ConcurrencyStats) end(rec *record) {
	s.ActiveSessions.Add(-1)
	if rec.refusal != "" {
		s.TotalRejected.Add(1)
	} else {
		s.TotalAccepted.Add(1)
	}
}

// session serves a request for an upgrade.
func (s *ConcurrencyStats) session(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
	established := false
	rec.whenOpen(func() {
		established = true
		s.TotalAccepted.Add(1)
	})
	defer func() {
		if established {
			s.ActiveSessions.Add(-1)
		} else {
			s.end(rec)
		}
	}()
	next.ServeHTTP(w, r)
}

// Snapshot returns what was counted so far.
func (s *ConcurrencyStats) Snapshot() ConcurrencySnapshot {
	active := s.ActiveSessions.Load() // before the peak
	return ConcurrencySnapshot{
		ActiveSessions: active,
		PeakSessions:   s.PeakSessions.Load(),
		TotalAccepted:  s.TotalAccepted.Load(),
		TotalRejected:  s.TotalRejected.Load(),
	}
}

// A BandwidthMeter counts bytes, see [NewBandwidth].
type BandwidthMeter struct {
	mu             sync.Mutex                     // guards what follows
	live           map[*BandwidthTracker]struct{} // of requests under way
	sent, received int64                          // of those that are over
}

// NewBandwidth returns a BandwidthMeter that has counted nothing.
func NewBandwidth() *BandwidthMeter {
	return &BandwidthMeter{live: make(map[*BandwidthTracker]struct{})}
}

// Bandwidth is NewBandwidth().Middleware(), for who needs no totals.
func Bandwidth() Middleware { return NewBandwidth().Middleware() }

// Middleware returns middleware that counts the bytes of each request: those of
// the bodies as they go over the connection, without header and framing, and for a
// session all of the connection once it was taken over. The handler reads them from
// its [BandwidthTracker].
func (m *BandwidthMeter) Middleware() Middleware {
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		t := &BandwidthTracker{outer: rec.observed.bandwidth, source: rec}
		rec.observed.bandwidth = t
		if rec.session != nil {
			rec.watchTraffic()
		}
		if r.Body != nil && r.Body != http.NoBody {
			r = rec.copyOf(r)
			r.Body = &countedBody{r.Body, t}
		}
		m.mu.Lock()
		m.live[t] = struct{}{}
		m.mu.Unlock()
		defer m.end(t)
		next.ServeHTTP(w, r)
	})
}

func (m *BandwidthMeter) end(t *BandwidthTracker) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t.settle()
	sent, received := t.Stats()
	m.sent += sent
	m.received += received
	delete(m.live, t)
}

// BandwidthTotals returns the bytes of all requests and sessions, those under way
// included.
func (m *BandwidthMeter) BandwidthTotals() (sent, received int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sent, received = m.sent, m.received
	for t := range m.live {
		s, r := t.Stats()
		sent += s
		received += r
	}
	return sent, received
}

// A countedBody counts what is read of a request's body.
type countedBody struct {
	io.ReadCloser
	tracker *BandwidthTracker
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.tracker.BytesReceived.Add(int64(n))
	return n, err
}

// A BandwidthTracker counts the bytes of a request or session. Its methods may be
// called from any goroutine; those of a nil tracker do nothing.
type BandwidthTracker struct {
	// BytesSent and BytesReceived are what was recorded by hand and read of the
	// request's body; what else was counted is added when the request is over.
	// Stats has all of it at any time.
	BytesSent, BytesReceived atomic.Int64

	outer *BandwidthTracker // of a Bandwidth further out

	mu     sync.Mutex // guards what follows
	source *record    // that counts; nil when the request is over
}

// GetBandwidthTracker returns the tracker that [Bandwidth] gave the request that
// ctx is from, or nil, which may be used all the same.
func GetBandwidthTracker(ctx context.Context) *BandwidthTracker {
	return knownOf(ctx).observed.bandwidth
}

// RecordSent adds n bytes that went to the client on another way. It does nothing
// if n is negative.
func (t *BandwidthTracker) RecordSent(n int64) {
	for ; t != nil; t = t.outer {
		t.BytesSent.Add(max(n, 0))
	}
}

// RecordReceived adds n bytes that came from the client on another way. It does
// nothing if n is negative.
func (t *BandwidthTracker) RecordReceived(n int64) {
	for ; t != nil; t = t.outer {
		t.BytesReceived.Add(max(n, 0))
	}
}

// Stats returns the bytes so far.
func (t *BandwidthTracker) Stats() (sent, received int64) {
	if t == nil {
		return 0, 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	sent, received = t.counted()
	return t.BytesSent.Load() + sent, t.BytesReceived.Load() + received
}

// counted returns what the record counts. t.mu is locked.
func (t *BandwidthTracker) counted() (sent, received int64) {
	if t.source == nil {
		return 0, 0
	}
	sent = t.source.written()
	if c := t.source.traffic; c != nil {
		sent += c.sent.Load()
		received = c.received.Load()
	}
	return sent, received
}

// settle keeps what the record has counted when the request is over.
func (t *BandwidthTracker) settle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	sent, received := t.counted()
	t.BytesSent.Add(sent)
	t.BytesReceived.Add(received)
	t.source = nil
}
