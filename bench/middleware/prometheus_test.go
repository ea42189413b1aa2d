// Package middleware_test reads what PrometheusMetrics writes with the parser that
// Prometheus' own tools use.
package middleware_test

import (
	"bufio"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/gongular/gongular/middleware"
)

// strange is the pattern of a route with all that a label has to escape.
const strange = "/\"quoted\"\\n\nnew\\"

// serve returns a server with traffic of all kinds behind it, and its metrics.
func serve(t *testing.T, opts ...middleware.PrometheusOption) *middleware.PrometheusMetrics {
	t.Helper()
	metrics := middleware.NewPrometheusMetrics(opts...)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ada") })
	mux.HandleFunc("/strange", func(w http.ResponseWriter, r *http.Request) { r.Pattern = strange })
	mux.HandleFunc("/session", func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		conn.Close()
	})
	over := make(chan struct{}, 1)
	h := metrics.Middleware()(mux)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
		over <- struct{}{}
	}))
	defer server.Close()
	for _, request := range []struct{ method, path string }{{"GET", "/users/1"}, {"GET", "/users/2"}, {"BREW", "/pot"}, {"GET", "/strange"}} {
		r, err := http.NewRequest(request.method, server.URL+request.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		<-over
	}
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET /session HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the upgrade is answered %v, %v", res, err)
	}
	<-over
	return metrics
}

// scrape reads the metrics as Prometheus does.
func scrape(t *testing.T, metrics *middleware.PrometheusMetrics) map[string]*dto.MetricFamily {
	t.Helper()
	w := httptest.NewRecorder()
	metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if format := expfmt.ResponseFormat(w.Header()); format.FormatType() != expfmt.TypeTextPlain {
		t.Fatalf("the format is %q", format)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// find returns the metric of a family whose labels are those given.
func find(t *testing.T, families map[string]*dto.MetricFamily, name string, labels map[string]string) *dto.Metric {
	t.Helper()
	for _, metric := range families[name].GetMetric() {
		same := len(metric.GetLabel()) == len(labels)
		for _, pair := range metric.GetLabel() {
			same = same && labels[pair.GetName()] == pair.GetValue()
		}
		if same {
			return metric
		}
	}
	t.Fatalf("there is no %s%v in %v", name, labels, families[name])
	return nil
}

func TestPrometheusReads(t *testing.T) {
	families := scrape(t, serve(t, middleware.WithRoutes()))
	for name, typ := range map[string]dto.MetricType{
		"http_requests_total":                dto.MetricType_COUNTER,
		"http_requests_in_flight":            dto.MetricType_GAUGE,
		"http_request_duration_seconds":      dto.MetricType_HISTOGRAM,
		"websocket_sessions_active":          dto.MetricType_GAUGE,
		"websocket_sessions_total":           dto.MetricType_COUNTER,
		"websocket_session_duration_seconds": dto.MetricType_HISTOGRAM,
	} {
		if f := families[name]; f.GetType() != typ || f.GetHelp() == "" {
			t.Errorf("%s is a %v, %q", name, f.GetType(), f.GetHelp())
		}
	}
	if len(families) != 6 {
		t.Errorf("there are %d families", len(families))
	}
	for _, want := range []struct {
		method, code, route string
		count               float64
	}{
		{"GET", "200", "GET /users/{id}", 2},
		{"OTHER", "404", "other", 1},
		{"GET", "200", strange, 1},
	} {
		labels := map[string]string{"method": want.method, "code": want.code, "route": want.route}
		if got := find(t, families, "http_requests_total", labels).GetCounter().GetValue(); got != want.count {
			t.Errorf("http_requests_total%v is %v, want %v", labels, got, want.count)
		}
	}
	if got := find(t, families, "websocket_sessions_total", map[string]string{"route": "/session"}).GetCounter().GetValue(); got != 1 {
		t.Errorf("%v sessions", got)
	}
	for _, name := range []string{"http_requests_in_flight", "websocket_sessions_active"} {
		if got := find(t, families, name, nil).GetGauge().GetValue(); got != 0 {
			t.Errorf("%s is %v", name, got)
		}
	}
}

// Buckets are cumulative, and the last has all that were counted.
func TestPrometheusReadsHistograms(t *testing.T) {
	for name, families := range map[string]map[string]*dto.MetricFamily{
		"without routes": scrape(t, serve(t)),
		"with routes":    scrape(t, serve(t, middleware.WithRoutes())),
	} {
		for family, wantCount := range map[string]uint64{"http_request_duration_seconds": 4, "websocket_session_duration_seconds": 1} {
			count := uint64(0)
			for _, metric := range families[family].GetMetric() {
				h := metric.GetHistogram()
				last := uint64(0)
				for _, bucket := range h.GetBucket() {
					if bucket.GetCumulativeCount() < last {
						t.Errorf("%s, %s: the bucket %v has less than the one below", name, family, bucket.GetUpperBound())
					}
					last = bucket.GetCumulativeCount()
				}
				if buckets := h.GetBucket(); !math.IsInf(buckets[len(buckets)-1].GetUpperBound(), 1) || last != h.GetSampleCount() {
					t.Errorf("%s, %s: the last bucket has %d of %d", name, family, last, h.GetSampleCount())
				}
				if sum := h.GetSampleSum(); math.IsNaN(sum) || sum < 0 || (sum == 0) != (last == 0) {
					t.Errorf("%s, %s: the sum is %v", name, family, sum)
				}
				count += h.GetSampleCount()
			}
			if count != wantCount {
				t.Errorf("%s, %s: %d are counted, want %d", name, family, count, wantCount)
			}
		}
	}
}

// The parser that reads all of this is not one that reads anything.
func TestPrometheusParserIsStrict(t *testing.T) {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	for _, text := range []string{"a{b=\"c} 1\n", "a{b=\"\n\"} 1\n", "a 1 2 3\n"} {
		if families, err := parser.TextToMetricFamilies(strings.NewReader(text)); err == nil {
			t.Errorf("%q is read as %v", text, families)
		}
	}
}
