package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/middleware"
	"github.com/gongular/gongular/ws"
	"golang.org/x/net/websocket"
)

// A journal collects records of slog.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// logger returns a logger that writes to the journal, from a level.
func (j *journal) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(j, &slog.HandlerOptions{Level: level}))
}

// lines returns the records so far, without their time, and forgets them.
func (j *journal) lines() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var lines []string
	for line := range strings.Lines(j.text.String()) {
		lines = append(lines, "{"+line[strings.Index(line, `"level"`):len(line)-1])
	}
	j.text.Reset()
	return lines
}

// want compares the records so far.
func (j *journal) want(t testing.TB, want ...string) {
	t.Helper()
	got := j.lines()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("logged\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// record returns the only record so far.
func (j *journal) record(t testing.TB) map[string]any {
	t.Helper()
	lines := j.lines()
	if len(lines) != 1 {
		t.Fatalf("logged %d records: %q", len(lines), lines)
	}
	var record map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &record); err != nil {
		t.Fatal(err)
	}
	return record
}

// asDefault makes a logger slog's default until the test is over.
func asDefault(t testing.TB, logger *slog.Logger) {
	t.Helper()
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(logger)
}

// quietly calls the handler, and returns its panic.
func quietly(h http.Handler, w http.ResponseWriter, r *http.Request) (value any) {
	defer func() { value = recover() }()
	h.ServeHTTP(w, r)
	return nil
}

// answering returns a handler that answers with a status.
func answering(status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) })
}

// panicking returns a handler that panics.
func panicking(value any) http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(value) })
}

// gone returns the request with a context that its client has left.
func gone(r *http.Request) *http.Request {
	ctx, cancel := context.WithCancel(r.Context())
	cancel()
	return r.WithContext(ctx)
}

func TestObserversEverywhere(t *testing.T) {
	silent := slog.New(slog.DiscardHandler)
	hook := middleware.NewWebhook("http://127.0.0.1:1/", middleware.WithTransport(accepting))
	defer hook.Close(t.Context())
	for name, mw := range map[string]middleware.Middleware{
		"RequestID":         middleware.RequestID(),
		"Logger":            middleware.Logger(silent),
		"SlogAttrs":         middleware.SlogAttrs(silent),
		"Tracing":           middleware.Tracing(silent),
		"OTelTracing":       middleware.OTelTracing(middleware.LogTracer{Logger: silent}),
		"NoopTracer":        middleware.OTelTracing(middleware.NoopTracer{}),
		"Metrics":           middleware.NewMetrics().Middleware(),
		"PrometheusMetrics": middleware.NewPrometheusMetrics(middleware.WithRoutes()).Middleware(),
		"ConcurrencyStats":  middleware.NewConcurrencyStats().Middleware(),
		"Bandwidth":         middleware.Bandwidth(),
		"Compress":          middleware.Compress(middleware.NewGzipCompressor(), silent),
		"Compress deflate":  middleware.Compress(middleware.NewDeflateCompressor(), silent),
		"SessionData":       middleware.SessionData(),
		"Webhook":           middleware.Chain(middleware.Nothing(), hook.Middleware()),
	} {
		t.Run(name, func(t *testing.T) { everywhere(t, mw) })
	}
	t.Run("all", func(t *testing.T) {
		everywhere(t, middleware.Chain(
			middleware.RequestID(),
			middleware.Tracing(silent),
			middleware.OTelTracing(middleware.LogTracer{Logger: silent}),
			middleware.SlogAttrs(silent),
			middleware.Logger(silent),
			middleware.NewMetrics().Middleware(),
			middleware.NewPrometheusMetrics().Middleware(),
			middleware.NewConcurrencyStats().Middleware(),
			middleware.Bandwidth(),
			middleware.Compress(middleware.NewGzipCompressor(), silent),
			middleware.SessionData(),
			hook.Middleware(),
		))
	})
}

var newIDs = regexp.MustCompile(`^[0-9a-f]{32}$`)

func TestRequestID(t *testing.T) {
	long := strings.Repeat("a", 128)
	for _, test := range []struct {
		name   string
		opts   []middleware.RequestIDOption
		fields []string
		want   string // "": a new one
	}{
		{"none", nil, nil, ""},
		{"one character", nil, []string{"X-Request-ID: a"}, "a"},
		{"all kinds of characters", nil, []string{"X-Request-ID: AZaz09._~+/=-"}, "AZaz09._~+/=-"},
		{"128 characters", nil, []string{"X-Request-ID: " + long}, long},
		{"129 characters", nil, []string{"X-Request-ID: " + long + "a"}, ""},
		{"empty", nil, []string{"X-Request-ID: "}, ""},
		{"newline", nil, []string{"X-Request-ID: a\nb"}, ""},
		{"space", nil, []string{"X-Request-ID: a b"}, ""},
		{"UTF-8", nil, []string{"X-Request-ID: é"}, ""},
		{"two fields", nil, []string{"X-Request-ID: a", "X-Request-ID: a"}, ""},
		{"not taken", []middleware.RequestIDOption{middleware.WithIncoming(false)}, []string{"X-Request-ID: a"}, ""},
		{"taken", []middleware.RequestIDOption{middleware.WithIncoming(true)}, []string{"X-Request-ID: a"}, "a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got string
			h := middleware.RequestID(test.opts...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got = w.Header().Get("X-Request-ID"); got != middleware.GetRequestID(r.Context()) {
					t.Errorf("the handler has the id %q, and the answer %q", middleware.GetRequestID(r.Context()), got)
				}
			}))
			w := do(h, request("GET", "/", test.fields...))
			first := got
			if ok := first == test.want || test.want == "" && newIDs.MatchString(first); !ok {
				t.Errorf("the id is %q, want %q", first, test.want)
			}
			if sent := w.Header()["X-Request-Id"]; len(sent) != 1 || sent[0] != first {
				t.Errorf("answered with X-Request-ID %q, want %q", sent, first)
			}
			if do(h, request("GET", "/")); got == first {
				t.Errorf("two requests have the id %q", first)
			}
		})
	}
}

// A second RequestID further in does not change the id.
func TestRequestIDKeepsTheOuter(t *testing.T) {
	never := middleware.RequestID(middleware.WithIncoming(false))
	w := do(middleware.Chain(middleware.RequestID(), never)(fine), request("GET", "/", "X-Request-ID: abc"))
	if got := w.Header()["X-Request-Id"]; len(got) != 1 || got[0] != "abc" {
		t.Errorf("the id is %q", got)
	}
}

func TestRequestIDIsInTheAnswerToAnUpgrade(t *testing.T) {
	s := start(t, middleware.RequestID()(ws.XNet(func(*websocket.Conn) {})))
	_, res := dial(t, s, "/", "X-Request-ID: abc")
	if res.StatusCode != 101 || res.Header.Get("X-Request-ID") != "abc" {
		t.Errorf("answered %s, %v", res.Status, res.Header)
	}
}

// Where nothing is installed the accessors do not panic.
func TestAccessorsWithoutEntries(t *testing.T) {
	before := slog.Default()
	for name, ctx := range map[string]context.Context{"none": t.Context(), "a record": contextOf(middleware.Nothing())} {
		span := middleware.GetTraceSpan(ctx)
		span.SetAttribute("a", 1)
		span.SetStatus(nil)
		span.End()
		middleware.CountMessage(ctx)
		tracker := middleware.GetBandwidthTracker(ctx)
		tracker.RecordSent(1)
		tracker.RecordReceived(1)
		sent, received := tracker.Stats()
		h := make(http.Header)
		middleware.Propagate(ctx, h)
		switch data := middleware.GetSessionData(ctx); {
		case middleware.GetRequestID(ctx) != "", middleware.GetTraceID(ctx) != "", middleware.TraceIDFromContext(ctx) != "":
			t.Errorf("%s: there is an id", name)
		case middleware.GetLogger(ctx) != before:
			t.Errorf("%s: the logger is not slog's default", name)
		case middleware.GetTraceContext(ctx) != ctx:
			t.Errorf("%s: the trace's context is another one", name)
		case middleware.GetCompressor(ctx) != nil, tracker != nil, sent != 0, received != 0, len(h) != 0:
			t.Errorf("%s: something is not nothing", name)
		case data.UserAgent != "" || data.Origin != "" || data.Query.Get("a") != "" || len(data.ForwardedFor) != 0:
			t.Errorf("%s: the data are %+v", name, data)
		}
	}
}

// contextOf returns the context that a handler has behind the middleware.
func contextOf(mw middleware.Middleware, fields ...string) (ctx context.Context) {
	do(mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { ctx = r.Context() })), request("GET", "/", fields...))
	return ctx
}

func TestLogger(t *testing.T) {
	const from = `"duration":2000000000,"remote":"192.0.2.1","user_agent":`
	for _, test := range []struct {
		name string
		h    http.Handler
		r    *http.Request
		want string
	}{
		{"answer", fine, request("GET", "/a?secret=b", "User-Agent: test"),
			`{"level":"INFO","msg":"request","id":"x1","method":"GET","path":"/a","status":200,"bytes":4,` + from + `"test"}`},
		{"nothing written", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), request("HEAD", "/"),
			`{"level":"INFO","msg":"request","id":"x1","method":"HEAD","path":"/","status":200,"bytes":0,` + from + `""}`},
		{"redirect", answering(302), request("GET", "/"),
			`{"level":"INFO","msg":"request","id":"x1","method":"GET","path":"/","status":302,"bytes":0,` + from + `""}`},
		{"client's error", answering(404), request("GET", "/"),
			`{"level":"WARN","msg":"request","id":"x1","method":"GET","path":"/","status":404,"bytes":0,` + from + `""}`},
		{"server's error", answering(500), request("GET", "/"),
			`{"level":"ERROR","msg":"request","id":"x1","method":"GET","path":"/","status":500,"bytes":0,` + from + `""}`},
		{"refusal", middleware.Refusing(429, "too many requests")(fine), request("GET", "/"),
			`{"level":"WARN","msg":"request","id":"x1","method":"GET","path":"/","status":429,"bytes":30,` + from + `"","refused":"too many requests"}`},
		{"refused upgrade", middleware.Refusing(403, "ip blocked")(fine), upgrade("/"),
			`{"level":"WARN","msg":"request","id":"x1","method":"GET","path":"/","status":403,"bytes":23,` + from + `"","refused":"ip blocked"}`},
		{"panic", panicking("x"), request("GET", "/"),
			`{"level":"ERROR","msg":"request","id":"x1","method":"GET","path":"/","status":500,"bytes":0,` + from + `""}`},
		{"panic of an upgrade", panicking("x"), upgrade("/"),
			`{"level":"ERROR","msg":"request","id":"x1","method":"GET","path":"/","status":500,"bytes":0,` + from + `""}`},
		{"client gone, nothing written", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), gone(request("GET", "/")),
			`{"level":"WARN","msg":"request","id":"x1","method":"GET","path":"/","status":499,"bytes":0,` + from + `""}`},
		{"client gone, error", answering(503), gone(request("GET", "/")),
			`{"level":"WARN","msg":"request","id":"x1","method":"GET","path":"/","status":499,"bytes":0,` + from + `""}`},
		{"client gone, panic", panicking(http.ErrAbortHandler), gone(request("GET", "/")),
			`{"level":"WARN","msg":"request","id":"x1","method":"GET","path":"/","status":499,"bytes":0,` + from + `""}`},
		{"client gone after a stream", fine, gone(request("GET", "/")),
			`{"level":"INFO","msg":"request","id":"x1","method":"GET","path":"/","status":200,"bytes":4,` + from + `""}`},
		{"what a line of text would not survive", fine, request("GET", "/%0A%22%1B", "User-Agent: a\"b"),
			`{"level":"INFO","msg":"request","id":"x1","method":"GET","path":"/\n\"\u001b","status":200,"bytes":4,` + from + `"a\"b"}`},
		{"256 bytes of a User-Agent", fine, request("GET", "/", "User-Agent: "+strings.Repeat("a", 255)+"é"),
			`{"level":"INFO","msg":"request","id":"x1","method":"GET","path":"/","status":200,"bytes":4,` + from + `"` + strings.Repeat("a", 255) + `"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var j journal
				slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					time.Sleep(2 * time.Second)
					test.h.ServeHTTP(w, r)
				})
				test.r.Header.Set("X-Request-ID", "x1")
				value := quietly(middleware.Chain(middleware.RequestID(), middleware.Logger(j.logger(slog.LevelInfo)))(slow), httptest.NewRecorder(), test.r)
				if strings.Contains(test.name, "panic") != (value != nil) {
					t.Errorf("the panic is %v", value)
				}
				j.want(t, test.want)
			})
		})
	}
}

// A client that breaks the connection before there is an answer is logged as 499.
func TestLoggerClientGoesAway(t *testing.T) {
	var j journal
	waiting, over := make(chan struct{}), make(chan struct{})
	h := middleware.Logger(j.logger(slog.LevelInfo))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(waiting)
		<-r.Context().Done()
		http.Error(w, r.Context().Err().Error(), http.StatusInternalServerError)
	}))
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(over)
		h.ServeHTTP(w, r)
	}))
	ctx, cancel := context.WithCancel(t.Context())
	r, _ := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
	go func() {
		<-waiting
		cancel()
	}()
	if _, err := s.Client().Do(r); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	wait(t, over)
	if record := j.record(t); record["status"] != 499.0 || record["level"] != "WARN" {
		t.Errorf("logged %v", record)
	}
}

func TestLoggerSkips(t *testing.T) {
	var j journal
	asked := 0
	skip := middleware.WithSkip(func(r *http.Request) bool { asked++; return r.URL.Path == "/health" })
	h := middleware.Logger(j.logger(slog.LevelInfo), skip)(fine)
	for _, path := range []string{"/health", "/other", "/health"} {
		do(h, request("GET", path))
	}
	if record := j.record(t); record["path"] != "/other" || asked != 3 {
		t.Errorf("logged %v, asked %d times", record, asked)
	}
	if text := mustPanic(t, func() { middleware.WithSkip(nil) }); text != "middleware.WithSkip: a nil function" {
		t.Errorf("panics with %q", text)
	}
}

// The default logger is what it is when something is logged.
func TestNilLoggers(t *testing.T) {
	var j journal
	h := middleware.Chain(
		middleware.DefaultLogger(),
		middleware.Logger(nil),
		middleware.Tracing(nil),
		middleware.SlogAttrs(),
		middleware.OTelTracing(middleware.LogTracer{}),
	)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { middleware.GetLogger(r.Context()).Info("inside") }))
	asDefault(t, j.logger(slog.LevelDebug))
	do(h, request("GET", "/"))
	var messages []string
	for _, line := range j.lines() {
		messages = append(messages, regexp.MustCompile(`"msg":"([^"]*)"`).FindStringSubmatch(line)[1])
	}
	if got := strings.Join(messages, ", "); got != "trace start, inside, span, trace end, request, request" {
		t.Errorf("logged %s", got)
	}
}

// echoing returns a handler that echoes messages until one is "panic" or "end", or
// the connection ends.
func echoing(each func(ctx context.Context)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watchedSession(w, r, func(conn *ws.Conn) {
			for {
				typ, p, err := conn.ReadMessage()
				if err != nil || string(p) == "end" {
					return
				}
				if string(p) == "panic" {
					panic("as asked for")
				}
				if each != nil {
					each(r.Context())
				}
				conn.WriteMessage(typ, p)
			}
		})
	})
}

// A session has a record when it is established, and one when it is over, also
// after a panic.
func TestLoggerSessions(t *testing.T) {
	const opened = `{"level":"INFO","msg":"session opened","id":"x1","remote":"","path":"/s"}`
	for _, test := range []struct {
		name    string
		message string
		end     func(ctx context.Context) // called by the handler for a message
		want    string
	}{
		{"end", "end", nil,
			`{"level":"INFO","msg":"session closed","id":"x1","remote":"","path":"/s","duration":3000000000,"received":9,"sent":-,"cause":"handler returned"}`},
		{"panic", "panic", nil,
			`{"level":"ERROR","msg":"session closed","id":"x1","remote":"","path":"/s","duration":3000000000,"received":11,"sent":-,"cause":"panic"}`},
		{"ended with 408", "a", func(ctx context.Context) { middleware.End(ctx, 408, "idle timeout") },
			`{"level":"WARN","msg":"session closed","id":"x1","remote":"","path":"/s","duration":3000000000,"received":7,"sent":-,"cause":"idle timeout"}`},
		{"ended with 500", "a", func(ctx context.Context) { middleware.End(ctx, 500, "internal server error") },
			`{"level":"ERROR","msg":"session closed","id":"x1","remote":"","path":"/s","duration":3000000000,"received":7,"sent":-,"cause":"internal server error"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var j journal
			h := middleware.Chain(middleware.RequestID(), middleware.Logger(j.logger(slog.LevelInfo)))(echoing(test.end))
			inBubble(t, h, func(t *testing.T, l *pipeListener, c *http.Client) {
				conn := &countingConn{Conn: l.mustDial(t)}
				defer conn.Close()
				client, res := shake(t, conn, "/s?token=secret", nil, "Host: example.com", "X-Request-ID: x1")
				if res.StatusCode != 101 {
					t.Fatal(res.Status)
				}
				synctest.Wait()
				j.want(t, opened)
				time.Sleep(3 * time.Second)
				client.send(frame(0x81, test.message))
				client.untilClose()
				conn.Close()
				synctest.Wait()
				j.want(t, strings.Replace(test.want, `"sent":-`, fmt.Sprintf(`"sent":%d`, conn.read), 1))
			})
		})
	}
}

// A countingConn counts what is read.
type countingConn struct {
	net.Conn
	read int
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read += n
	return n, err
}

// mustDial returns the client's end of a new connection.
func (l *pipeListener) mustDial(t testing.TB) net.Conn {
	t.Helper()
	conn, err := l.dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// untilClose reads frames until one that closes.
func (c *client) untilClose() {
	c.t.Helper()
	for first := byte(0); first != 0x88; {
		first, _ = c.read()
	}
}

func TestSlogAttrs(t *testing.T) {
	var j journal
	logs := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		logger := middleware.GetLogger(r.Context())
		logger.Info("hello", "more", 1)
		if logger != middleware.GetLogger(r.Context()) {
			t.Error("the logger is made anew")
		}
	})
	before := slog.Default()
	do(middleware.Chain(middleware.RequestID(), middleware.SlogAttrs(j.logger(slog.LevelInfo)))(logs), request("PUT", "/a?b=c", "X-Request-ID: x1"))
	do(middleware.SlogAttrs(j.logger(slog.LevelInfo))(logs), request("GET", "/"))
	j.want(t,
		`{"level":"INFO","msg":"hello","request_id":"x1","remote_addr":"192.0.2.1","method":"PUT","path":"/a","more":1}`,
		`{"level":"INFO","msg":"hello","remote_addr":"192.0.2.1","method":"GET","path":"/","more":1}`,
	)
	if slog.Default() != before {
		t.Error("slog's default was changed")
	}
	if text := mustPanic(t, func() { middleware.SlogAttrs(nil, nil) }); text != "middleware.SlogAttrs: more than one logger" {
		t.Errorf("panics with %q", text)
	}
}

const (
	someTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	someParent = "00f067aa0ba902b7"
)

var traceparents = []struct {
	in   string
	want string // trace id, parent id and flags; "": not valid
}{
	{"00-" + someTrace + "-" + someParent + "-01", someTrace + " " + someParent + " 01"},
	{"00-" + someTrace + "-" + someParent + "-00", someTrace + " " + someParent + " 00"},
	{"00-" + someTrace + "-" + someParent + "-03", someTrace + " " + someParent + " 03"},
	{"00-" + someTrace + "-" + someParent + "-ff", someTrace + " " + someParent + " 03"},
	{"01-" + someTrace + "-" + someParent + "-ff", someTrace + " " + someParent + " 01"},
	{"cc-" + someTrace + "-" + someParent + "-01-what the future brings", someTrace + " " + someParent + " 01"},
	{"cc-" + someTrace + "-" + someParent + "-01.what", ""},
	{"00-" + someTrace + "-" + someParent + "-01-more", ""},
	{"ff-" + someTrace + "-" + someParent + "-01", ""},
	{"00-" + strings.ToUpper(someTrace) + "-" + someParent + "-01", ""},
	{"00-" + someTrace + "-" + strings.ToUpper(someParent) + "-01", ""},
	{"00-" + strings.Repeat("0", 32) + "-" + someParent + "-01", ""},
	{"00-" + someTrace + "-" + strings.Repeat("0", 16) + "-01", ""},
	{"00-" + someTrace + "-" + someParent + "-0", ""},
	{"00-" + someTrace + "-" + someParent + "-0g", ""},
	{"0g-" + someTrace + "-" + someParent + "-01", ""},
	{"00-" + someTrace + "-" + someParent, ""},
	{"00_" + someTrace + "-" + someParent + "-01", ""},
	{"00-" + someTrace + "_" + someParent + "-01", ""},
	{"00-" + someTrace + "-" + someParent + "_01", ""},
	{" 00-" + someTrace + "-" + someParent + "-01", ""},
	{"", ""},
}

func TestTraceparent(t *testing.T) {
	for _, test := range traceparents {
		got := ""
		if traceID, parentID, flags, ok := middleware.ParseTraceparent(test.in); ok {
			got = fmt.Sprintf("%s %s %02x", traceID, parentID, flags)
		}
		if got != test.want {
			t.Errorf("%q is read as %q, want %q", test.in, got, test.want)
		}
	}
}

// What is taken for valid is what the recommendation's grammar says.
func FuzzTraceparent(f *testing.F) {
	for _, test := range traceparents {
		f.Add(test.in)
	}
	valid := regexp.MustCompile(`^(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}|[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-(?s:.*))?)$`)
	zero := regexp.MustCompile(`^..-(0{32}|[^-]*-0{16}-)`)
	f.Fuzz(func(t *testing.T, s string) {
		want := valid.MatchString(s) && !zero.MatchString(s) && !strings.HasPrefix(s, "ff") && !(strings.HasPrefix(s, "00") && len(s) > 55)
		if _, _, _, ok := middleware.ParseTraceparent(s); ok != want {
			t.Errorf("%q is valid: %t, want %t", s, ok, want)
		}
	})
}

var outgoing = regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$`)

func TestTracing(t *testing.T) {
	const valid = "traceparent: 00-" + someTrace + "-" + someParent + "-00"
	for _, test := range []struct {
		name    string
		fields  []string
		traceID string // "": a new one
		flags   string
		state   string
	}{
		{"new", nil, "", "01", ""},
		{"continued", []string{valid, "tracestate: a=1,b=2", "tracestate: c=3"}, someTrace, "00", "a=1,b=2,c=3"},
		{"a long state", []string{valid, "tracestate: a=" + strings.Repeat("b", 511)}, someTrace, "00", ""},
		{"not valid", []string{"traceparent: 00-" + strings.ToUpper(someTrace) + "-" + someParent + "-00", "tracestate: a=1"}, "", "01", ""},
		{"two", []string{valid, valid, "tracestate: a=1"}, "", "01", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx := contextOf(middleware.Tracing(slog.New(slog.DiscardHandler)), test.fields...)
			h := make(http.Header)
			middleware.Propagate(ctx, h)
			m := outgoing.FindStringSubmatch(h.Get("traceparent"))
			if m == nil {
				t.Fatalf("traceparent goes out as %q", h.Get("traceparent"))
			}
			if (test.traceID != "" && m[1] != test.traceID) || m[1] == strings.Repeat("0", 32) || m[1] == strings.ToUpper(someTrace) {
				t.Errorf("the trace goes on as %s, want %s", m[1], test.traceID)
			}
			if m[2] == someParent || m[2] == strings.Repeat("0", 16) || m[3] != test.flags {
				t.Errorf("the span is %s, the flags are %s", m[2], m[3])
			}
			if got := h.Get("tracestate"); got != test.state {
				t.Errorf("tracestate goes out as %q, want %q", got, test.state)
			}
			if middleware.GetTraceID(ctx) != m[1] || middleware.TraceIDFromContext(ctx) != m[1] {
				t.Errorf("the trace id is %s", middleware.GetTraceID(ctx))
			}
			other := contextOf(middleware.Tracing(nil))
			if middleware.GetTraceID(other) == m[1] {
				t.Error("two requests have the same trace")
			}
		})
	}
}

func TestTracingLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		var ids string
		h := middleware.Tracing(j.logger(slog.LevelDebug))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			out := make(http.Header)
			middleware.Propagate(r.Context(), out)
			m := outgoing.FindStringSubmatch(out.Get("traceparent"))
			ids = `"trace_id":"` + m[1] + `","span_id":"` + m[2] + `","parent_id":"` + someParent + `","path":"/a"`
			time.Sleep(1500 * time.Microsecond)
			panic("x")
		}))
		if value := quietly(h, httptest.NewRecorder(), request("GET", "/a?b", "traceparent: 00-"+someTrace+"-"+someParent+"-01")); value != "x" {
			t.Errorf("the panic is %v", value)
		}
		j.want(t,
			`{"level":"DEBUG","msg":"trace start",`+ids+`}`,
			`{"level":"DEBUG","msg":"trace end",`+ids+`,"duration_ms":1.5}`,
		)
	})
}

// A trace goes over HTTP from one server to the next, which sees the span of the
// first as its parent.
func TestTracePropagates(t *testing.T) {
	var j journal
	second := start(t, middleware.Chain(middleware.RequestID(), middleware.Tracing(j.logger(slog.LevelDebug)))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, middleware.GetTraceID(r.Context()), " ", middleware.GetRequestID(r.Context()), " ", r.Header.Get("tracestate"))
	})))
	var span string
	first := start(t, middleware.Chain(middleware.RequestID(), middleware.Tracing(nil))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, _ := http.NewRequestWithContext(r.Context(), "GET", second.URL, nil)
		middleware.Propagate(r.Context(), out.Header)
		span = outgoing.FindStringSubmatch(out.Header.Get("traceparent"))[2]
		res, err := second.Client().Do(out)
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		io.Copy(w, res.Body)
	})))
	r, _ := http.NewRequest("GET", first.URL, nil)
	addFields(r.Header, []string{"traceparent: 00-" + someTrace + "-" + someParent + "-01", "tracestate: a=1", "X-Request-ID: x1"})
	res, err := first.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); string(b) != someTrace+" x1 a=1" || err != nil {
		t.Errorf("the second server knows %q, %v", b, err)
	}
	if lines := j.lines(); !strings.Contains(lines[0], `"parent_id":"`+span+`"`) {
		t.Errorf("the parent is not %s: %s", span, lines[0])
	}
}

// The ids can go with work that outlives the request.
func TestWithTraceContext(t *testing.T) {
	both := middleware.Chain(middleware.RequestID(), middleware.Tracing(nil))
	src := contextOf(both, "traceparent: 00-"+someTrace+"-"+someParent+"-01", "X-Request-ID: x1")
	other := contextOf(both, "X-Request-ID: x2")
	for _, test := range []struct {
		name     string
		dst, src context.Context
		trace    string
		id       string
	}{
		{"into an empty one", t.Context(), src, someTrace, "x1"},
		{"into a request's", other, src, someTrace, "x1"},
		{"on", t.Context(), middleware.WithTraceContext(t.Context(), src), someTrace, "x1"},
		{"nothing", other, t.Context(), middleware.GetTraceID(other), "x2"},
	} {
		ctx := middleware.WithTraceContext(test.dst, test.src)
		h := make(http.Header)
		middleware.Propagate(ctx, h)
		if middleware.GetTraceID(ctx) != test.trace || middleware.GetRequestID(ctx) != test.id ||
			!strings.Contains(h.Get("traceparent"), test.trace) || h.Get("X-Request-ID") != test.id {
			t.Errorf("%s: the ids are %q and %q, and go out as %v", test.name, middleware.GetTraceID(ctx), middleware.GetRequestID(ctx), h)
		}
	}
}

// A collector is a Tracer that writes down what happens to its spans.
type collector struct {
	mu     sync.Mutex
	events []string
	start  func(ctx context.Context) (context.Context, middleware.TraceSpan) // nil: as usual
}

type spanKey struct{}

func (c *collector) StartSpan(ctx context.Context, operation string) (context.Context, middleware.TraceSpan) {
	c.add("start " + operation)
	if c.start != nil {
		return c.start(ctx)
	}
	return context.WithValue(ctx, spanKey{}, operation), (*collected)(c)
}

func (c *collector) add(event string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, event)
}

func (c *collector) want(t *testing.T, want ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if got := strings.Join(c.events, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("the tracer was told\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	c.events = nil
}

type collected collector

func (s *collected) SetAttribute(key string, value any) {
	(*collector)(s).add(fmt.Sprintf("%s = %#v", key, value))
}
func (s *collected) SetStatus(err error) { (*collector)(s).add(fmt.Sprint("status ", err)) }
func (s *collected) End()                { (*collector)(s).add("end") }

func TestOTelTracing(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		if got := r.Context().Value(spanKey{}); got != "POST" {
			t.Errorf("the span's context is not the handler's: %v", got)
		}
		middleware.GetTraceSpan(r.Context()).SetAttribute("own", 1.5)
		if got := middleware.GetTraceContext(r.Context()).Value(spanKey{}); got != "POST" {
			t.Errorf("GetTraceContext has %v", got)
		}
		w.WriteHeader(201)
	})
	failure := errors.New("failed")
	var route middleware.Middleware = func(next http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("example.com/known/", next)
		return mux
	}
	attributes := func(method, path, session string, more ...string) []string {
		return append([]string{
			"http.request.method = \"" + method + "\"", "url.path = \"" + path + "\"", `client.address = "192.0.2.1"`, "session = " + session,
		}, more...)
	}
	for _, test := range []struct {
		name  string
		outer middleware.Middleware
		h     http.Handler
		r     *http.Request
		want  []string
		panic any
	}{
		{"pattern known in the end", middleware.RequestID(), mux, request("POST", "/users/7?secret=x", "X-Request-ID: x1"),
			append(append([]string{"start POST"}, attributes("POST", "/users/7", "false", `request_id = "x1"`)...),
				"own = 1.5", "http.response.status_code = 201", `http.route = "/users/{id}"`, "status <nil>", "end"), nil},
		{"pattern known before", route, fine, request("GET", "/known/a"),
			append(append([]string{"start GET example.com/known/"}, attributes("GET", "/known/a", "false")...),
				"http.response.status_code = 200", `http.route = "example.com/known/"`, "status <nil>", "end"), nil},
		{"a method of the client's", nil, answering(501), request("BREW", "/pot"),
			append(append([]string{"start OTHER"}, attributes("BREW", "/pot", "false")...),
				"http.response.status_code = 501", "status 501 Not Implemented", "end"), nil},
		{"client's error", nil, answering(404), request("GET", "/"),
			append(append([]string{"start GET"}, attributes("GET", "/", "false")...),
				"http.response.status_code = 404", "status <nil>", "end"), nil},
		{"client gone", nil, answering(503), gone(request("GET", "/")),
			append(append([]string{"start GET"}, attributes("GET", "/", "false")...),
				"http.response.status_code = 499", "status <nil>", "end"), nil},
		{"panic", nil, panicking("x"), request("GET", "/"),
			append(append([]string{"start GET"}, attributes("GET", "/", "false")...),
				"http.response.status_code = 500", "status panic: x", "end"), "x"},
		{"panic with an error", nil, panicking(failure), request("GET", "/"),
			append(append([]string{"start GET"}, attributes("GET", "/", "false")...),
				"http.response.status_code = 500", "status panic: failed", "end"), failure},
		{"refused upgrade", nil, answering(403), upgrade("/s"),
			append(append([]string{"start GET"}, attributes("GET", "/s", "true")...),
				"http.response.status_code = 403", "status <nil>", "end"), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c collector
			h := middleware.Chain(test.outer, middleware.OTelTracing(&c))(test.h)
			if value := quietly(h, httptest.NewRecorder(), test.r); value != test.panic {
				t.Errorf("the panic is %v, want %v", value, test.panic)
			}
			c.want(t, test.want...)
		})
	}
	if text := mustPanic(t, func() { middleware.OTelTracing(nil) }); text != "middleware.OTelTracing: a nil tracer" {
		t.Errorf("panics with %q", text)
	}
}

// A panic that Timeout has carried over is in the span as it was, without a stack.
func TestOTelTracingAroundTimeout(t *testing.T) {
	var c collector
	h := middleware.Chain(middleware.OTelTracing(&c), middleware.Timeout(time.Hour))(panicking("x"))
	if err, ok := quietly(h, newDiscard(), request("GET", "/")).(error); !ok || !strings.Contains(err.Error(), "goroutine") {
		t.Errorf("the panic is %v, without its stack", err)
	}
	c.want(t, "start GET", `http.request.method = "GET"`, `url.path = "/"`, `client.address = "192.0.2.1"`, "session = false",
		"http.response.status_code = 500", "status panic: x", "end")
}

// A session is one span, from the upgrade to its end.
func TestOTelTracingSessions(t *testing.T) {
	for _, test := range []struct {
		name    string
		message string
		end     func(context.Context)
		status  string
	}{
		{"end", "end", nil, "status <nil>"},
		{"panic", "panic", nil, "status panic: as asked for"},
		{"ended with 408", "a", func(ctx context.Context) { middleware.End(ctx, 408, "idle timeout") }, "status <nil>"},
		{"ended with 500", "a", func(ctx context.Context) { middleware.End(ctx, 500, "internal server error") },
			"status session ended: internal server error (500)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c collector
			inBubble(t, middleware.OTelTracing(&c)(echoing(test.end)), func(t *testing.T, l *pipeListener, _ *http.Client) {
				conn := l.mustDial(t)
				client, _ := shake(t, conn, "/s", nil, "Host: example.com")
				synctest.Wait()
				c.want(t, "start GET", `http.request.method = "GET"`, `url.path = "/s"`, `client.address = ""`, "session = true")
				client.send(frame(0x81, test.message))
				client.untilClose()
				conn.Close()
				synctest.Wait()
				c.want(t, "http.response.status_code = 101", test.status, "end")
			})
		})
	}
}

// Whatever a tracer returns, the request is served, and its record found.
func TestOTelTracingStrangeTracers(t *testing.T) {
	for name, start := range map[string]func(context.Context) (context.Context, middleware.TraceSpan){
		"nil":             func(ctx context.Context) (context.Context, middleware.TraceSpan) { return nil, nil },
		"another context": func(ctx context.Context) (context.Context, middleware.TraceSpan) { return context.Background(), nil },
	} {
		t.Run(name, func(t *testing.T) {
			c := collector{start: start}
			h := middleware.Chain(middleware.RequestID(), middleware.OTelTracing(&c))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				middleware.GetTraceSpan(r.Context()).SetStatus(nil)
				io.WriteString(w, middleware.GetRequestID(r.Context()))
			}))
			if got := do(h, request("GET", "/", "X-Request-ID: x1")).Body.String(); got != "x1" {
				t.Errorf("answered %q", got)
			}
			c.want(t, "start GET")
		})
	}
}

// A handler that ends its goroutine has its span ended too.
func TestOTelTracingGoexit(t *testing.T) {
	var c collector
	done := make(chan struct{})
	go func() {
		defer close(done)
		do(middleware.OTelTracing(&c)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { runtime.Goexit() })), request("GET", "/"))
	}()
	wait(t, done)
	if got := strings.Join(c.events[len(c.events)-2:], ", "); got != "status the handler's goroutine has exited, end" {
		t.Errorf("the tracer was told %s", got)
	}
}

func TestLogTracer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		tracer := middleware.LogTracer{Logger: j.logger(slog.LevelInfo)}
		h := middleware.Chain(middleware.Tracing(nil), middleware.OTelTracing(tracer))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			ctx, span := tracer.StartSpan(r.Context(), "inner")
			if ctx != r.Context() {
				t.Error("the context is another one")
			}
			span.SetAttribute("n", 1)
			span.SetAttribute("m", "two")
			span.SetAttribute("n", 3)
			span.SetStatus(errors.New("failed"))
			span.End()
			span.End()
		}))
		do(h, request("GET", "/a", "traceparent: 00-"+someTrace+"-"+someParent+"-01"))
		_, span := tracer.StartSpan(t.Context(), "outside")
		span.End()
		j.want(t,
			`{"level":"ERROR","msg":"span","operation":"inner","duration":0,"trace_id":"`+someTrace+`","error":"failed","attributes":{"n":3,"m":"two"}}`,
			`{"level":"INFO","msg":"span","operation":"GET","duration":1000000000,"trace_id":"`+someTrace+`",`+
				`"attributes":{"http.request.method":"GET","url.path":"/a","client.address":"192.0.2.1","session":false,"http.response.status_code":200}}`,
			`{"level":"INFO","msg":"span","operation":"outside","duration":0}`,
		)
	})
}
