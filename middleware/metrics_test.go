package middleware_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/middleware"
	"github.com/gongular/gongular/ws"
)

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) WriteHeader(int)             {}
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) Flush()                      {}

func (d discard) WriteString(s string) (int, error) { return len(s), nil }

func newDiscard() discard { return discard{make(http.Header)} }

func TestMetrics(t *testing.T) {
	m, outer := middleware.NewMetrics(), middleware.NewMetrics()
	during := make([]middleware.MetricsSnapshot, 0, 3)
	h := middleware.Chain(outer.Middleware(), m.Middleware())(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		during = append(during, m.Snapshot())
		middleware.CountMessage(r.Context())
		if r.URL.Path == "/panic" {
			panic("x")
		}
	}))
	do(h, request("GET", "/"))
	quietly(h, newDiscard(), request("GET", "/panic"))
	quietly(h, newDiscard(), upgrade("/panic"))
	for i, want := range []middleware.MetricsSnapshot{
		{ActiveRequests: 1},
		{ActiveRequests: 1, TotalRequests: 1, TotalMessages: 1},
		{ActiveRequests: 1, TotalRequests: 2, TotalMessages: 2},
	} {
		if during[i] != want {
			t.Errorf("during request %d: %+v, want %+v", i, during[i], want)
		}
	}
	want := middleware.MetricsSnapshot{TotalRequests: 3, TotalMessages: 3}
	if m.Snapshot() != want || outer.Snapshot() != want {
		t.Errorf("afterwards: %+v and %+v, want %+v", m.Snapshot(), outer.Snapshot(), want)
	}
}

// A session is no request any more, from when it is established until its end, be
// it by a panic.
func TestMetricsSessions(t *testing.T) {
	for _, last := range []string{"end", "panic"} {
		t.Run(last, func(t *testing.T) {
			m := middleware.NewMetrics()
			h := middleware.Chain(middleware.RequestID(), m.Middleware())(echoing(middleware.CountMessage))
			inBubble(t, h, func(t *testing.T, l *pipeListener, _ *http.Client) {
				conns := make([]*client, 3)
				for i, id := range []string{"a", "b", "b"} {
					conns[i], _ = shake(t, l.mustDial(t), "/", nil, "Host: example.com", "X-Request-ID: "+id)
					synctest.Wait()
					time.Sleep(time.Second)
				}
				conns[0].send(frame(0x81, "hello"))
				conns[0].want(0x81, "hello")
				if got, want := m.Snapshot(), (middleware.MetricsSnapshot{ActiveSessions: 3, TotalSessions: 3, TotalMessages: 1}); got != want {
					t.Errorf("during the sessions: %+v, want %+v", got, want)
				}
				wantDurations := func(when string, a, b time.Duration) {
					t.Helper()
					if m.SessionDuration("a") != a || m.SessionDuration("b") != b || m.SessionDuration("c") != 0 {
						t.Errorf("%s: the sessions are open for %v and %v, want %v and %v", when, m.SessionDuration("a"), m.SessionDuration("b"), a, b)
					}
				}
				end := func(c *client) {
					c.send(frame(0x81, last))
					c.untilClose()
					c.conn.Close()
					synctest.Wait()
				}
				wantDurations("at first", 3*time.Second, time.Second)
				end(conns[1]) // the other with the same id is still known
				wantDurations("without the first b", 3*time.Second, time.Second)
				end(conns[0])
				wantDurations("without a", 0, time.Second)
				end(conns[2])
				wantDurations("in the end", 0, 0)
				if got, want := m.Snapshot(), (middleware.MetricsSnapshot{TotalSessions: 3, TotalMessages: 1}); got != want || m.Open() != 0 {
					t.Errorf("afterwards: %+v, want %+v; %d are kept", got, want, m.Open())
				}
			})
		})
	}
}

// A session without an id counts, but its duration cannot be asked for.
func TestMetricsSessionWithoutID(t *testing.T) {
	m := middleware.NewMetrics()
	inBubble(t, m.Middleware()(echoing(nil)), func(t *testing.T, l *pipeListener, _ *http.Client) {
		c, _ := shake(t, l.mustDial(t), "/", nil, "Host: example.com")
		time.Sleep(time.Second)
		if m.ActiveSessions.Load() != 1 || m.SessionDuration("") != 0 || m.Open() != 0 {
			t.Errorf("counted %+v, %v", m.Snapshot(), m.SessionDuration(""))
		}
		c.conn.Close()
	})
}

// An exposition is what a scraper reads: families with their series.
type exposition map[string]*family

type family struct {
	typ, help string
	order     []string           // of the samples
	samples   map[string]float64 // by name and labels as written
	labels    map[string]map[string]string
}

var (
	metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	labelName  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*`)
)

// parseExposition reads the text format strictly: one HELP and one TYPE before the
// samples of a family, which stand together; no series twice; label values quoted,
// with the three escapes; numbers; and a newline at the end.
func parseExposition(text string) (exposition, error) {
	if text != "" && !strings.HasSuffix(text, "\n") {
		return nil, fmt.Errorf("no newline at the end")
	}
	families := make(exposition)
	current := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if comment, ok := strings.CutPrefix(line, "# "); ok {
			words := strings.SplitN(comment, " ", 3)
			if len(words) != 3 || !metricName.MatchString(words[1]) {
				return nil, fmt.Errorf("comment %q", line)
			}
			switch f := families[words[1]]; {
			case words[0] == "HELP" && f == nil:
				current = words[1]
				families[current] = &family{help: words[2], samples: make(map[string]float64), labels: make(map[string]map[string]string)}
			case words[0] == "TYPE" && f != nil && current == words[1] && f.typ == "" && len(f.samples) == 0:
				f.typ = words[2]
			default:
				return nil, fmt.Errorf("out of place: %q", line)
			}
			continue
		}
		name, labels, value, err := parseSample(line)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		f := families[current]
		if f == nil || f.typ == "" {
			return nil, fmt.Errorf("a sample without a type: %q", line)
		}
		suffix, ok := strings.CutPrefix(name, current)
		if !ok || suffix != "" && !(f.typ == "histogram" && slices.Contains([]string{"_bucket", "_sum", "_count"}, suffix)) ||
			suffix == "" && f.typ == "histogram" {
			return nil, fmt.Errorf("a sample of another family: %q", line)
		}
		series, _, _ := strings.Cut(line, "} ")
		if _, ok := f.samples[name+fmt.Sprint(labels)]; ok {
			return nil, fmt.Errorf("twice: %q", series)
		}
		key := name + fmt.Sprint(labels)
		f.order, f.samples[key], f.labels[key] = append(f.order, key), value, labels
	}
	return families, nil
}

func parseSample(line string) (name string, labels map[string]string, value float64, err error) {
	labels = make(map[string]string)
	i := strings.IndexAny(line, "{ ")
	if i < 0 || !metricName.MatchString(line[:i]) {
		return "", nil, 0, fmt.Errorf("no name")
	}
	name, line = line[:i], line[i:]
	if line[0] == '{' {
		for line = line[1:]; ; line = line[1:] {
			label := labelName.FindString(line)
			if line = line[len(label):]; label == "" || !strings.HasPrefix(line, `="`) {
				return "", nil, 0, fmt.Errorf("no label at %q", line)
			}
			var v strings.Builder
			for line = line[2:]; line != "" && line[0] != '"'; line = line[1:] {
				if line[0] == '\\' {
					if line = line[1:]; line == "" {
						break
					}
					switch line[0] {
					case '\\', '"':
						v.WriteByte(line[0])
					case 'n':
						v.WriteByte('\n')
					default:
						return "", nil, 0, fmt.Errorf("escape %q", line[0])
					}
					continue
				}
				v.WriteByte(line[0])
			}
			if _, ok := labels[label]; ok || len(line) < 2 {
				return "", nil, 0, fmt.Errorf("label %q twice, or not ended", label)
			}
			labels[label] = v.String()
			if line = line[1:]; line[0] == '}' {
				break
			} else if line[0] != ',' {
				return "", nil, 0, fmt.Errorf("no comma at %q", line)
			}
		}
		line = line[1:]
	}
	text, ok := strings.CutPrefix(line, " ")
	if value, err = strconv.ParseFloat(text, 64); !ok || err != nil {
		return "", nil, 0, fmt.Errorf("no value at %q", line)
	}
	return name, labels, value, nil
}

// The parser of the tests takes what is right, and nothing else.
func TestParseExposition(t *testing.T) {
	const head = "# HELP a Help.\n# TYPE a gauge\n"
	for text, ok := range map[string]bool{
		"":                              true,
		head:                            true,
		head + "a 1\n":                  true,
		head + "a{b=\"c\"} 1\n":         true,
		head + `a{b="\\\"\n"} 1` + "\n": true,
		head + "a{b=\"c\",d=\"e\"} 1e3\na{b=\"f\"} NaN\n": true,
		"a 1\n":                               false,
		"# HELP a Help.\na 1\n":               false,
		head + head:                           false,
		head + "a 1":                          false,
		head + "a\n":                          false,
		head + "a 1\na 1\n":                   false,
		head + "a{b=\"c\"} 1\na{b=\"c\"} 2\n": false,
		head + "a{b=\"c\",b=\"d\"} 1\n":       false,
		head + "a{b=\"c} 1\n":                 false,
		head + "a{b=\"c\\":                    false,
		head + "a{b=\"c\\\n":                  false,
		head + "a{b=\"\\t\"} 1\n":             false,
		head + "a{b=c} 1\n":                   false,
		head + "a{b=\"c\"d=\"e\"} 1\n":        false,
		head + "a one\n":                      false,
		head + "b 1\n":                        false,
		head + "a_sum 1\n":                    false,
		head + "\n":                           false,
		"# TYPE a gauge\n":                    false,
		"# HELP a\n":                          false,
	} {
		if _, err := parseExposition(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// scrape reads all series.
func scrape(t testing.TB, p *middleware.PrometheusMetrics) exposition {
	t.Helper()
	w := do(p.Handler(), request("GET", "/metrics"))
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" || w.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
		t.Fatalf("answered %d, %v", w.Code, w.Header())
	}
	families, err := parseExposition(w.Body.String())
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range families {
		if f.typ == "histogram" {
			checkHistogram(t, name, f)
		}
	}
	return families
}

// checkHistogram checks that buckets include those below them, and that the last is
// the same as the count.
func checkHistogram(t testing.TB, name string, f *family) {
	t.Helper()
	last, lastLE := 0.0, math.Inf(-1)
	for _, key := range f.order {
		labels, value := f.labels[key], f.samples[key]
		switch {
		case strings.HasPrefix(key, name+"_bucket"):
			le, err := strconv.ParseFloat(labels["le"], 64)
			if err != nil || le <= lastLE || value < last {
				t.Errorf("%s: bucket %s with %v after %v with %v", name, labels["le"], value, lastLE, last)
			}
			last, lastLE = value, le
		case strings.HasPrefix(key, name+"_count"):
			if value != last || !math.IsInf(lastLE, 1) {
				t.Errorf("%s: the count is %v, the last bucket %v has %v", name, value, lastLE, last)
			}
			last, lastLE = 0, math.Inf(-1)
		}
	}
}

// value returns the sample of a family whose labels are those given; it has to be
// there.
func (e exposition) value(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	want := make(map[string]string)
	for i := 0; i < len(labels); i += 2 {
		want[labels[i]] = labels[i+1]
	}
	for typ, suffixes := 0, []string{"", "_bucket", "_sum", "_count"}; typ < len(suffixes); typ++ {
		if f := e[strings.TrimSuffix(name, suffixes[typ])]; f != nil && strings.HasSuffix(name, suffixes[typ]) {
			value, ok := f.samples[name+fmt.Sprint(want)]
			if !ok {
				t.Fatalf("there is no %s%v among %q", name, want, f.order)
			}
			return value
		}
	}
	t.Fatalf("there is no family of %s", name)
	return 0
}

func (e exposition) want(t testing.TB, want float64, name string, labels ...string) {
	t.Helper()
	if got := e.value(t, name, labels...); math.Abs(got-want) > 1e-9 {
		t.Errorf("%s%q is %v, want %v", name, labels, got, want)
	}
}

func (e exposition) series() (n int) {
	for _, f := range e {
		n += len(f.samples)
	}
	return n
}

func TestPrometheusMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := middleware.NewPrometheusMetrics()
		for name, typ := range map[string]string{
			"http_requests_total":                "counter",
			"http_requests_in_flight":            "gauge",
			"http_request_duration_seconds":      "histogram",
			"websocket_sessions_active":          "gauge",
			"websocket_sessions_total":           "counter",
			"websocket_session_duration_seconds": "histogram",
		} {
			if f := scrape(t, p)[name]; f == nil || f.typ != typ || f.help == "" {
				t.Errorf("%s is %+v, want a %s", name, f, typ)
			}
		}
		h := p.Middleware()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			scrape(t, p).want(t, 1, "http_requests_in_flight")
			d, _ := time.ParseDuration(r.URL.Query().Get("sleep"))
			time.Sleep(d)
			switch r.URL.Path {
			case "/panic":
				panic("x")
			case "/404":
				w.WriteHeader(404)
			}
		}))
		for _, r := range []*http.Request{
			request("GET", "/?sleep=5ms"), // as long as the first bucket
			request("GET", "/?sleep=5001us"),
			request("FOO", "/404?sleep=10s"), // as long as the last
			request("get", "/404?sleep=11s"),
			request("PATCH", "/panic"),
			gone(request("HEAD", "/panic")),
			upgrade("/404"),
		} {
			quietly(h, newDiscard(), r)
		}
		got := scrape(t, p)
		got.want(t, 0, "http_requests_in_flight")
		got.want(t, 2, "http_requests_total", "method", "GET", "code", "200")
		got.want(t, 1, "http_requests_total", "method", "GET", "code", "404")
		got.want(t, 2, "http_requests_total", "method", "OTHER", "code", "404")
		got.want(t, 1, "http_requests_total", "method", "PATCH", "code", "500")
		got.want(t, 1, "http_requests_total", "method", "HEAD", "code", "499")
		for le, want := range map[string]float64{
			"0.005": 4, "0.01": 5, "0.025": 5, "0.05": 5, "0.1": 5, "0.25": 5, "0.5": 5, "1": 5, "2.5": 5, "5": 5, "10": 6, "+Inf": 7,
		} {
			got.want(t, want, "http_request_duration_seconds_bucket", "le", le)
		}
		got.want(t, 7, "http_request_duration_seconds_count")
		got.want(t, 21.010001, "http_request_duration_seconds_sum")
		got.want(t, 0, "websocket_sessions_total")
	})
}

func TestPrometheusSessions(t *testing.T) {
	for _, last := range []string{"end", "panic"} {
		p := middleware.NewPrometheusMetrics(middleware.WithRoutes())
		mux := http.NewServeMux()
		mux.Handle("GET /rooms/{id}", echoing(nil))
		inBubble(t, p.Middleware()(mux), func(t *testing.T, l *pipeListener, _ *http.Client) {
			c, _ := shake(t, l.mustDial(t), "/rooms/7", nil, "Host: example.com")
			synctest.Wait()
			route := []string{"route", "GET /rooms/{id}"}
			during := scrape(t, p)
			during.want(t, 0, "http_requests_in_flight")
			during.want(t, 1, "websocket_sessions_active")
			during.want(t, 1, "websocket_sessions_total", route...)
			during.want(t, 0, "websocket_session_duration_seconds_count", route...)
			time.Sleep(time.Hour)
			c.send(frame(0x81, last))
			c.untilClose()
			c.conn.Close()
			synctest.Wait()
			after := scrape(t, p)
			after.want(t, 0, "websocket_sessions_active")
			after.want(t, 1, "websocket_sessions_total", route...)
			after.want(t, 0, "websocket_session_duration_seconds_bucket", append(route, "le", "1800")...)
			after.want(t, 1, "websocket_session_duration_seconds_bucket", append(route, "le", "3600")...)
			after.want(t, 1, "websocket_session_duration_seconds_count", route...)
			after.want(t, 3600, "websocket_session_duration_seconds_sum", route...)
			after.want(t, 0, "http_request_duration_seconds_count", route...)
			if n := len(after["http_requests_total"].samples); n != 0 {
				t.Errorf("the session is counted as a request, in %d series", n)
			}
		})
	}
}

// The route is the pattern, whoever finds it: ServeMux or gongular's engine, inside
// or around the middleware.
func TestPrometheusRoutes(t *testing.T) {
	p := middleware.NewPrometheusMetrics(middleware.WithRoutes())
	mux := http.NewServeMux()
	mux.Handle("GET /users/{id}", fine)
	mux.Handle("/around/", p.Middleware()(fine))
	engine := gongular.NewEngine()
	engine.SetRouteCallback(nil)
	engine.GET("/orders/:ID", &order{})
	for _, h := range []http.Handler{
		p.Middleware()(mux),
		middleware.Chain(p.Middleware(), middleware.RequestID(), middleware.OTelTracing(new(collector)), middleware.Bandwidth())(mux),
		p.Middleware()(engine),
	} {
		for _, path := range []string{"/users/1", "/users/2", "/orders/3", "/nothing"} {
			do(h, request("GET", path))
		}
	}
	do(mux, request("GET", "/around/a"))
	got := scrape(t, p)
	ok := func(route string) []string { return []string{"method", "GET", "code", "200", "route", route} }
	got.want(t, 4, "http_requests_total", ok("GET /users/{id}")...)
	got.want(t, 1, "http_requests_total", ok("GET /orders/{ID}")...)
	got.want(t, 1, "http_requests_total", ok("/around/")...)
	got.want(t, 7, "http_requests_total", "method", "GET", "code", "404", "route", "other")
	got.want(t, 4, "http_request_duration_seconds_count", "route", "GET /users/{id}")
}

type order struct{ Param struct{ ID int } }

func (*order) Handle(c *gongular.Context) error { return nil }

// What clients choose makes no series: after a million random URLs and methods
// there are as many as after a few. The race detector sees as much in a tenth.
func TestPrometheusSeriesAreBounded(t *testing.T) {
	without, with := middleware.NewPrometheusMetrics(), middleware.NewPrometheusMetrics(middleware.WithRoutes())
	mux := http.NewServeMux()
	mux.Handle("/users/{id}", fine)
	h := with.Middleware()(mux)
	random := rand.New(rand.NewPCG(1, 2))
	w, r := newDiscard(), request("GET", "/")
	ask := func(times int) {
		for range times {
			clear(w.header)
			r.Method = "X" + strconv.FormatUint(random.Uint64(), 16)
			r.URL.Path = "/users/" + strconv.FormatUint(random.Uint64(), 16)
			if random.IntN(2) == 0 {
				r.URL.Path += "/" + strconv.FormatUint(random.Uint64(), 16)
			}
			h.ServeHTTP(w, r)
		}
	}
	ask(100)
	few := scrape(t, with).series()
	times := 1_000_000
	if racing {
		times /= 10
	}
	ask(times)
	if many := scrape(t, with).series(); many != few {
		t.Errorf("there are %d series after %d URLs, and %d after a hundred", many, times, few)
	}
	h = without.Middleware()(mux)
	ask(1000)
	if n := len(scrape(t, without)["http_requests_total"].samples); n != 2 {
		t.Errorf("without routes there are %d series of requests", n)
	}
	got := scrape(t, with)
	known := got.value(t, "http_requests_total", "method", "OTHER", "code", "200", "route", "/users/{id}")
	other := got.value(t, "http_requests_total", "method", "OTHER", "code", "404", "route", "other")
	if known+other != float64(100+times) || known < 0.4*float64(times) || other < 0.4*float64(times) {
		t.Errorf("%v requests are counted for the route, and %v for no route", known, other)
	}
}

// Patterns beyond the first 500 are counted together.
func TestPrometheusRouteLimit(t *testing.T) {
	p := middleware.NewPrometheusMetrics(middleware.WithRoutes())
	h := p.Middleware()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { r.Pattern = r.URL.Path }))
	var asking sync.WaitGroup
	for range 4 { // at the same time, so that they compete for the last places
		asking.Go(func() {
			for i := range 700 {
				do(h, request("GET", fmt.Sprintf("/%d", i)))
			}
		})
	}
	asking.Wait()
	got := scrape(t, p)
	routes := make(map[string]bool)
	for _, labels := range got["http_requests_total"].labels {
		routes[labels["route"]] = true
	}
	if len(routes) != 501 || !routes["/0"] || !routes["other"] {
		t.Errorf("there are %d routes", len(routes))
	}
	total := 0.0
	for _, value := range got["http_requests_total"].samples {
		total += value
	}
	if total != 4*700 {
		t.Errorf("%v requests were counted", total)
	}
	got.want(t, 4*200, "http_requests_total", "method", "GET", "code", "200", "route", "other")
}

// Labels survive quotes, backslashes and newlines, and are UTF-8.
func TestPrometheusEscapes(t *testing.T) {
	p := middleware.NewPrometheusMetrics(middleware.WithRoutes())
	const pattern = "/\"quoted\"\\n\nnew\\"
	h := p.Middleware()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Pattern = pattern; r.URL.Path == "/invalid" {
			r.Pattern = "/\xff"
		}
	}))
	do(h, request("GET", "/"))
	do(h, request("GET", "/invalid"))
	got := scrape(t, p)
	got.want(t, 1, "http_requests_total", "method", "GET", "code", "200", "route", pattern)
	got.want(t, 1, "http_requests_total", "method", "GET", "code", "200", "route", "/\ufffd")
}

// While requests are counted, what is read is consistent.
func TestPrometheusScrapeUnderLoad(t *testing.T) {
	p := middleware.NewPrometheusMetrics(middleware.WithRoutes())
	h := p.Middleware()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { r.Pattern = r.URL.Path }))
	var asking sync.WaitGroup
	for i := range 4 {
		asking.Go(func() {
			for n := range 500 {
				do(h, request("GET", fmt.Sprintf("/%d/%d", i, n%5)))
			}
		})
	}
	done := make(chan struct{})
	go func() {
		asking.Wait()
		close(done)
	}()
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
			scrape(t, p) // which checks the histograms
		}
	}
	scrape(t, p).want(t, 0, "http_requests_in_flight")
}

func TestPrometheusHandler(t *testing.T) {
	h := middleware.NewPrometheusMetrics().Handler()
	s := start(t, h)
	res, err := s.Client().Head(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if full := do(h, request("GET", "/")).Body.Len(); res.StatusCode != 200 || res.ContentLength != int64(full) {
		t.Errorf("HEAD is answered %s with a length of %d, want %d", res.Status, res.ContentLength, full)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if w := do(h, request(method, "/")); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s is answered %d, %v", method, w.Code, w.Header())
		}
	}
}

func TestConcurrencyStats(t *testing.T) {
	s := middleware.NewConcurrencyStats()
	var inside func(depth int)
	h := s.Middleware()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		depth, _ := strconv.Atoi(r.URL.Query().Get("depth"))
		inside(depth)
	}))
	inside = func(depth int) {
		if depth == 0 {
			if got, want := s.Snapshot(), (middleware.ConcurrencySnapshot{ActiveSessions: 5, PeakSessions: 5}); got != want {
				t.Errorf("inside of five: %+v, want %+v", got, want)
			}
			return
		}
		do(h, request("GET", fmt.Sprintf("/?depth=%d", depth-1)))
	}
	do(h, request("GET", "/?depth=4"))
	refused := middleware.Chain(s.Middleware(), middleware.Refusing(503, "server at capacity"))(fine)
	do(refused, request("GET", "/"))
	do(refused, upgrade("/"))
	do(s.Middleware()(answering(503)), request("GET", "/")) // the handler's own
	do(s.Middleware()(answering(404)), upgrade("/"))
	quietly(s.Middleware()(panicking("x")), newDiscard(), request("GET", "/"))
	if got, want := s.Snapshot(), (middleware.ConcurrencySnapshot{PeakSessions: 5, TotalAccepted: 8, TotalRejected: 2}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// A session is accepted when it is established, and active until its end.
func TestConcurrencyStatsSessions(t *testing.T) {
	for _, last := range []string{"end", "panic"} {
		s := middleware.NewConcurrencyStats()
		inBubble(t, s.Middleware()(echoing(nil)), func(t *testing.T, l *pipeListener, _ *http.Client) {
			c, _ := shake(t, l.mustDial(t), "/", nil, "Host: example.com")
			synctest.Wait()
			if got, want := s.Snapshot(), (middleware.ConcurrencySnapshot{ActiveSessions: 1, PeakSessions: 1, TotalAccepted: 1}); got != want {
				t.Errorf("during the session: %+v, want %+v", got, want)
			}
			c.send(frame(0x81, last))
			c.untilClose()
			c.conn.Close()
			synctest.Wait()
			if got, want := s.Snapshot(), (middleware.ConcurrencySnapshot{PeakSessions: 1, TotalAccepted: 1}); got != want {
				t.Errorf("after %s: %+v, want %+v", last, got, want)
			}
		})
	}
}

// The peak is never below what is active, and all that came is counted.
func TestConcurrencyStatsPeak(t *testing.T) {
	s := middleware.NewConcurrencyStats()
	h := s.Middleware()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if got := s.Snapshot(); got.PeakSessions < got.ActiveSessions || got.ActiveSessions < 1 {
			t.Errorf("counted %+v", got)
		}
	}))
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			w, r := newDiscard(), request("GET", "/")
			for range 2000 {
				h.ServeHTTP(w, r)
			}
		})
	}
	asking.Wait()
	got := s.Snapshot()
	if got.ActiveSessions != 0 || got.TotalAccepted != 8*2000 || got.PeakSessions < 1 || got.PeakSessions > 8 {
		t.Errorf("counted %+v", got)
	}
}

func TestBandwidth(t *testing.T) {
	m := middleware.NewBandwidth()
	type counts struct{ sent, received int64 }
	check := func(t *testing.T, when string, tracker *middleware.BandwidthTracker, want counts) {
		t.Helper()
		if sent, received := tracker.Stats(); (counts{sent, received}) != want {
			t.Errorf("%s: %d sent, %d received, want %+v", when, sent, received, want)
		}
	}
	totals := func(t *testing.T, when string, want counts) {
		t.Helper()
		if sent, received := m.BandwidthTotals(); (counts{sent, received}) != want {
			t.Errorf("%s: the totals are %d and %d, want %+v", when, sent, received, want)
		}
	}
	var tracker *middleware.BandwidthTracker
	h := m.Middleware()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tracker = middleware.GetBandwidthTracker(r.Context())
		check(t, "at first", tracker, counts{})
		io.ReadAll(r.Body)
		check(t, "when the body is read", tracker, counts{0, 5})
		io.WriteString(w, "four")
		check(t, "when something is written", tracker, counts{4, 5})
		tracker.RecordSent(100)
		tracker.RecordReceived(1000)
		tracker.RecordSent(-7)
		tracker.RecordReceived(-7)
		totals(t, "during the request", counts{104, 1005})
		if r.URL.Path == "/panic" {
			panic("x")
		}
	}))
	do(h, httptest.NewRequest("POST", "/", strings.NewReader("hello")))
	check(t, "afterwards", tracker, counts{104, 1005})
	totals(t, "afterwards", counts{104, 1005})
	if tracker.BytesSent.Load() != 104 || tracker.BytesReceived.Load() != 1005 {
		t.Errorf("the fields are %d and %d", tracker.BytesSent.Load(), tracker.BytesReceived.Load())
	}
	m = middleware.NewBandwidth()
	h = m.Middleware()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "four")
		panic("x")
	}))
	quietly(h, newDiscard(), request("GET", "/"))
	totals(t, "after a panic", counts{4, 0})
	if m.Live() != 0 {
		t.Errorf("%d requests are kept", m.Live())
	}
}

// Of two around each other both count everything, also what is recorded by hand.
func TestBandwidthTwice(t *testing.T) {
	outer, inner := middleware.NewBandwidth(), middleware.NewBandwidth()
	h := middleware.Chain(outer.Middleware(), inner.Middleware())(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
		middleware.GetBandwidthTracker(r.Context()).RecordSent(10)
		middleware.GetBandwidthTracker(r.Context()).RecordReceived(20)
	}))
	do(h, httptest.NewRequest("POST", "/", strings.NewReader("hello")))
	for name, m := range map[string]*middleware.BandwidthMeter{"outer": outer, "inner": inner} {
		if sent, received := m.BandwidthTotals(); sent != 15 || received != 25 {
			t.Errorf("the %s has %d and %d, want 15 and 25", name, sent, received)
		}
	}
}

// What is compressed counts as it goes out.
func TestBandwidthCountsWhatGoesOut(t *testing.T) {
	m := middleware.NewBandwidth()
	h := middleware.Chain(m.Middleware(), middleware.Compress(middleware.NewGzipCompressor(), nil))(text(100_000))
	w := do(h, request("GET", "/", "Accept-Encoding: gzip"))
	if sent, _ := m.BandwidthTotals(); sent != int64(w.Body.Len()) || sent > 10_000 {
		t.Errorf("%d bytes are counted, and %d were sent", sent, w.Body.Len())
	}
}

// Of a session all bytes on the connection count, at any time.
func TestBandwidthSessions(t *testing.T) {
	m := middleware.NewBandwidth()
	var tracker *middleware.BandwidthTracker
	h := m.Middleware()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tracker = middleware.GetBandwidthTracker(r.Context())
		watchedSession(w, r, func(conn *ws.Conn) {
			for {
				typ, p, err := conn.ReadMessage()
				if err != nil {
					return
				}
				tracker.RecordSent(1_000_000)
				conn.WriteMessage(typ, p)
			}
		})
	}))
	inBubble(t, h, func(t *testing.T, l *pipeListener, _ *http.Client) {
		conn := &countingConn{Conn: l.mustDial(t)}
		c, _ := shake(t, conn, "/", frame(0x81, "early"), "Host: example.com")
		c.want(0x81, "early")
		hello := frame(0x81, strings.Repeat("hello", 1000))
		c.send(hello)
		c.want(0x81, strings.Repeat("hello", 1000))
		synctest.Wait()
		check := func(when string, wantReceived int) {
			t.Helper()
			sent, received := tracker.Stats()
			totalSent, totalReceived := m.BandwidthTotals()
			if want := int64(conn.read) + 2_000_000; sent != want || received != int64(wantReceived) || totalSent != sent || totalReceived != received {
				t.Errorf("%s: %d sent, %d received, totals %d and %d; want %d and %d", when, sent, received, totalSent, totalReceived, want, wantReceived)
			}
		}
		n := len(frame(0x81, "early")) + len(hello)
		check("during the session", n)
		conn.Close()
		synctest.Wait()
		check("afterwards", n)
	})
}

// The handler sees its own body, and sendfile keeps its way; see also everywhere.
func TestBandwidthWithoutABody(t *testing.T) {
	for _, body := range []io.ReadCloser{nil, http.NoBody} {
		r := request("GET", "/")
		r.Body = body
		do(middleware.Bandwidth()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Body != body {
				t.Errorf("the body is %v, was %v", r.Body, body)
			}
		})), r)
	}
}

// After requests of all kinds, at a time, with panics and clients that go away,
// nothing is left that counts as under way.
func TestMetricsReturnToZero(t *testing.T) {
	m, p := middleware.NewMetrics(), middleware.NewPrometheusMetrics(middleware.WithRoutes())
	stats, bandwidth := middleware.NewConcurrencyStats(), middleware.NewBandwidth()
	mux := http.NewServeMux()
	mux.Handle("/fine", fine)
	mux.Handle("/panic", panicking(http.ErrAbortHandler))
	mux.Handle("/echo", echoing(func(ctx context.Context) { middleware.CountMessage(ctx) }))
	const each = 250
	var waiting [each]chan struct{}
	mux.HandleFunc("/gone", func(w http.ResponseWriter, r *http.Request) {
		i, _ := strconv.Atoi(r.URL.RawQuery)
		close(waiting[i])
		<-r.Context().Done()
	})
	var serving sync.WaitGroup
	inner := middleware.Chain(middleware.RequestID(), m.Middleware(), p.Middleware(), stats.Middleware(), bandwidth.Middleware(),
		middleware.Compress(middleware.NewGzipCompressor(), nil))(mux)
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serving.Add(1)
		defer serving.Done()
		inner.ServeHTTP(w, r)
	}))
	get := func(path string) {
		if res, err := s.Client().Get(s.URL + path); err == nil {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	}
	var asking sync.WaitGroup
	places := make(chan struct{}, 50)
	for i := range each {
		waiting[i] = make(chan struct{})
		for _, ask := range []func(){
			func() { get("/fine") },
			func() { get("/panic") },
			func() {
				ctx, cancel := context.WithCancel(context.Background())
				r, _ := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("%s/gone?%d", s.URL, i), nil)
				go func() {
					<-waiting[i]
					cancel()
				}()
				if res, err := s.Client().Do(r); err == nil {
					res.Body.Close()
				}
			},
			func() {
				c, _ := dial(t, s, "/echo")
				c.send(frame(0x81, "hello"))
				c.want(0x81, "hello")
				c.send(frame(0x81, []string{"end", "panic"}[rand.IntN(2)]))
				c.untilClose()
				c.conn.Close()
			},
		} {
			places <- struct{}{}
			asking.Go(func() {
				defer func() { <-places }()
				ask()
			})
		}
	}
	asking.Wait()
	serving.Wait()
	if got := m.Snapshot(); got.ActiveRequests != 0 || got.ActiveSessions != 0 || got.TotalSessions != each || got.TotalMessages != each || m.Open() != 0 {
		t.Errorf("Metrics: %+v", got)
	}
	if got := stats.Snapshot(); got.ActiveSessions != 0 || got.TotalRejected != 0 || got.TotalAccepted < 4*each || got.PeakSessions < 1 {
		t.Errorf("ConcurrencyStats: %+v", got)
	}
	got := scrape(t, p)
	got.want(t, 0, "http_requests_in_flight")
	got.want(t, 0, "websocket_sessions_active")
	got.want(t, each, "websocket_sessions_total", "route", "/echo")
	got.want(t, each, "websocket_session_duration_seconds_count", "route", "/echo")
	got.want(t, each, "http_requests_total", "method", "GET", "code", "200", "route", "/fine")
	got.want(t, each, "http_requests_total", "method", "GET", "code", "499", "route", "/gone")
	if bandwidth.Live() != 0 {
		t.Errorf("%d requests are kept", bandwidth.Live())
	}
}
