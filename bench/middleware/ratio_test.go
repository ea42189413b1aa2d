package middleware_test

import (
	"crypto/subtle"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/labstack/echo/v5"
	echomiddleware "github.com/labstack/echo/v5/middleware"

	"github.com/gongular/gongular/middleware"
)

// Ten entries that most APIs have, by three packages: the client's address, an
// id, a log that goes nowhere, recovery, security fields, a limit of bodies, a
// credential, a limit of requests under way (which echo has not), compression (for
// a client that accepts none) and slashes at the end.
//
//	go test -run '^$' -bench Ratio ./middleware
//
// prints the medians of the ratios of CPU time in interleaved rounds, and CPU time
// and allocations of ours for one request.

const answerText = `{"hello":"ada"}`

func hello(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, answerText)
}

// A contender is a handler, and the header that it lets through.
type contender struct {
	name    string
	handler http.Handler
	field   string // Authorization
}

func contenders() []contender {
	same := func(key string) bool { return subtle.ConstantTimeCompare([]byte(key), []byte("let-me-in")) == 1 }
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", hello)

	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	ours := middleware.Chain(
		middleware.TrustedProxies("192.0.2.0/24"),
		middleware.RequestID(),
		middleware.Logger(logger),
		middleware.Recover(logger),
		middleware.SecurityHeaders(middleware.SecurityConfig{}),
		middleware.BodyLimit(1<<20),
		middleware.BearerAuth(func(token string) (any, error) {
			if !same(token) {
				return nil, io.ErrUnexpectedEOF
			}
			return nil, nil
		}),
		middleware.MaxInFlight(1000),
		middleware.Compress(middleware.NewGzipCompressor(), logger),
		middleware.StripSlashes(),
	)(mux)

	chis := chi.Chain(
		chimiddleware.ClientIPFromXFF("192.0.2.0/24"),
		chimiddleware.RequestID,
		chimiddleware.RequestLogger(&chimiddleware.DefaultLogFormatter{Logger: log.New(io.Discard, "", log.LstdFlags), NoColor: true}),
		chimiddleware.Recoverer,
		chimiddleware.SetHeader("X-Content-Type-Options", "nosniff"),
		chimiddleware.SetHeader("X-Frame-Options", "DENY"),
		chimiddleware.SetHeader("Referrer-Policy", "strict-origin-when-cross-origin"),
		chimiddleware.RequestSize(1<<20),
		chimiddleware.BasicAuth("api", map[string]string{"ada": "let-me-in"}),
		chimiddleware.Throttle(1000),
		chimiddleware.Compress(5),
		chimiddleware.StripSlashes,
	).Handler(mux)

	e := echo.New()
	e.Logger = logger
	_, trusted, err := net.ParseCIDR("192.0.2.0/24")
	if err != nil {
		panic(err)
	}
	e.IPExtractor = echo.ExtractIPFromXFFHeader(echo.TrustIPRange(trusted))
	e.Pre(echomiddleware.RemoveTrailingSlash())
	e.Use(
		echomiddleware.RequestID(),
		echomiddleware.RequestLogger(),
		echomiddleware.Recover(),
		echomiddleware.Secure(),
		echomiddleware.BodyLimit(1<<20),
		echomiddleware.KeyAuth(func(_ *echo.Context, key string, _ echomiddleware.ExtractorSource) (bool, error) {
			return same(key), nil
		}),
		echomiddleware.Gzip(),
	)
	e.GET("/hello", func(c *echo.Context) error {
		return c.Blob(http.StatusOK, "application/json", []byte(answerText))
	})
	return []contender{
		{"ours", ours, "Bearer let-me-in"},
		{"chi", chis, "Basic YWRhOmxldC1tZS1pbg=="},
		{"echo", e, "Bearer let-me-in"},
	}
}

func (c contender) request() *http.Request {
	r := httptest.NewRequest("GET", "/hello", nil)
	r.Header.Set("Authorization", c.field)
	r.Header.Set("X-Forwarded-For", "203.0.113.7")
	r.Header.Set("User-Agent", "Mozilla/5.0")
	return r
}

// A sink is a response that is thrown away.
type sink struct{ header http.Header }

func (s sink) Header() http.Header                  { return s.header }
func (s sink) Write(p []byte) (int, error)          { return len(p), nil }
func (s sink) WriteString(text string) (int, error) { return len(text), nil }
func (s sink) WriteHeader(int)                      {}
func (s sink) Flush()                               {}

// serve serves the request so many times.
func (c contender) serve(times int) {
	w, r := sink{http.Header{}}, c.request()
	for range times {
		clear(w.header)
		c.handler.ServeHTTP(w, r)
	}
}

// All let the request through, and refuse it without its credential.
func TestContenders(t *testing.T) {
	for _, c := range contenders() {
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, c.request())
		if w.Code != 200 || w.Body.String() != answerText || w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("X-Frame-Options") == "" {
			t.Errorf("%s: answered %d %s, %v", c.name, w.Code, w.Body, w.Header())
		}
		r := c.request()
		r.Header.Set("Authorization", "Bearer guessed")
		w = httptest.NewRecorder()
		c.handler.ServeHTTP(w, r)
		if w.Code != 401 {
			t.Errorf("%s: a wrong credential is answered %d", c.name, w.Code)
		}
	}
}

// BenchmarkRatio has all contenders serve in turn. ours/chi and ours/echo are how
// much more ours takes than the others.
func BenchmarkRatio(b *testing.B) {
	const requests = 20_000
	all := contenders()
	spent := make([]float64, len(all))
	round := func() {
		for i, c := range all {
			began := cpuTime()
			c.serve(requests)
			spent[i] = float64(cpuTime()-began) / requests
		}
	}
	round() // warm
	var took, chis, echos []float64
	for b.Loop() {
		round()
		took, chis, echos = append(took, spent[0]), append(chis, spent[0]/spent[1]), append(echos, spent[0]/spent[2])
	}
	b.ReportMetric(median(took), "cpu-ns/request")
	b.ReportMetric(median(chis), "ours/chi")
	b.ReportMetric(median(echos), "ours/echo")
	b.ReportMetric(testing.AllocsPerRun(1, func() { all[0].serve(requests) })/requests, "allocs")
	b.ReportMetric(0, "ns/op")
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}
