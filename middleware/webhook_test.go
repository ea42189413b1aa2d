package middleware_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/middleware"
)

// A transport is a RoundTripper that calls itself.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) {
	defer r.Body.Close()
	return f(r)
}

func answer(status int) *http.Response {
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status, " ", http.StatusText(status)), Body: io.NopCloser(strings.NewReader(""))}
}

// accepting is a transport of an endpoint that takes everything.
var accepting = transport(func(r *http.Request) (*http.Response, error) { return answer(204), nil })

// An endpoint writes down what comes, and answers as it is told.
type endpoint struct {
	mu      sync.Mutex
	start   time.Time
	got     []string // "2s connect a"
	answers func(n int, e middleware.WebhookEvent) (*http.Response, error)
}

func newEndpoint(answers func(n int, e middleware.WebhookEvent) (*http.Response, error)) *endpoint {
	return &endpoint{start: time.Now(), answers: answers}
}

func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	defer r.Body.Close()
	var event middleware.WebhookEvent
	if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.got = append(e.got, fmt.Sprintf("%v %s %s", time.Since(e.start), event.Event, event.SessionID))
	n := len(e.got)
	e.mu.Unlock()
	if e.answers == nil {
		return answer(204), nil
	}
	return e.answers(n, event)
}

// hang waits as an endpoint would that does not answer.
func hang(ctx context.Context) (*http.Response, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (e *endpoint) want(t testing.TB, want ...string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if got := strings.Join(e.got, ", "); got != strings.Join(want, ", ") {
		t.Errorf("the endpoint was told %s, want %s", got, strings.Join(want, ", "))
	}
	e.got = nil
}

// taking is a handler that takes the connection over, and does as the path says.
var taking = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if _, _, err := w.(http.Hijacker).Hijack(); err != nil {
		panic(err)
	}
	if d, err := time.ParseDuration(strings.TrimPrefix(r.URL.Path, "/")); err == nil {
		time.Sleep(d)
	}
	if r.URL.Path == "/panic" {
		panic("x")
	}
})

// takeable is a response whose connection can be taken over.
type takeable struct{ discard }

func (h *takeable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, peer := net.Pipe()
	peer.Close()
	return conn, bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn)), nil
}

// session serves one upgrade without a connection.
func session(h http.Handler, target, id string) {
	w := &takeable{discard: newDiscard()}
	quietly(h, w, upgrade(target, "X-Request-ID: "+id))
}

func hooked(s *middleware.WebhookSender, h http.Handler) http.Handler {
	return middleware.Chain(middleware.RequestID(), s.Middleware())(h)
}

// Over real connections: what is sent, how, and in which order.
func TestWebhook(t *testing.T) {
	type delivery struct {
		event  middleware.WebhookEvent
		header http.Header
		method string
		addr   string
		body   []byte
	}
	deliveries := make(chan delivery, 10)
	hook := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := delivery{header: r.Header, method: r.Method + " " + r.RequestURI, addr: r.RemoteAddr}
		d.body, _ = io.ReadAll(r.Body)
		if err := json.Unmarshal(d.body, &d.event); err != nil {
			t.Error(err)
		}
		io.WriteString(w, "thank you") // which has to be read for the connection to be used again
		deliveries <- d
	}))
	sender := middleware.NewWebhook(hook.URL+"/hook?token=secret", middleware.WithSecret("key"), middleware.WithWorkers(1))
	s := start(t, hooked(sender, echoing(nil)))
	before := time.Now().UnixMilli()
	for _, last := range []string{"end", "panic"} {
		c, _ := dial(t, s, "/rooms/7?secret=x", "X-Request-ID: a")
		connect := wait(t, deliveries)
		c.send(frame(0x81, last))
		c.untilClose()
		c.conn.Close()
		disconnect := wait(t, deliveries)
		for i, d := range []delivery{connect, disconnect} {
			at := d.event.Timestamp
			d.event.Timestamp = 0
			if want := (middleware.WebhookEvent{Event: []string{"connect", "disconnect"}[i], SessionID: "a", RemoteAddr: "127.0.0.1", Path: "/rooms/7"}); d.event != want {
				t.Errorf("the event is %+v, want %+v", d.event, want)
			}
			if at < before || at > time.Now().UnixMilli() {
				t.Errorf("the timestamp is %d", at)
			}
			mac := hmac.New(sha256.New, []byte("key"))
			mac.Write(d.body)
			if got := d.header.Get("X-Webhook-Signature"); got != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
				t.Errorf("the signature is %q", got)
			}
			if d.method != "POST /hook?token=secret" || d.header.Get("Content-Type") != "application/json" {
				t.Errorf("it was sent as %s, %v", d.method, d.header)
			}
		}
		if connect.addr != disconnect.addr {
			t.Error("the connection was not used again")
		}
	}
	for _, test := range []struct {
		path string
		h    http.Handler
		r    *http.Request
	}{{"a request", fine, request("GET", "/")}, {"a refused upgrade", answering(403), upgrade("/")}} {
		do(hooked(sender, test.h), test.r)
	}
	if err := sender.Close(t.Context()); err != nil || sender.Dropped() != 0 || !sender.Idle() {
		t.Errorf("Close: %v; %d dropped", err, sender.Dropped())
	}
	if len(deliveries) != 0 {
		t.Errorf("there is an event too many: %+v", <-deliveries)
	}
}

// The fields of an event have the names that endpoints know.
func TestWebhookEventJSON(t *testing.T) {
	b, err := json.Marshal(middleware.WebhookEvent{Event: "connect", SessionID: "a", RemoteAddr: "b", Path: "c", Timestamp: 1})
	if want := `{"event":"connect","session_id":"a","remote_addr":"b","path":"c","timestamp":1}`; string(b) != want || err != nil {
		t.Errorf("got %s, %v", b, err)
	}
}

// Without RequestID a session has an id all the same, the same for both events.
func TestWebhookWithoutRequestID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEndpoint(nil)
		s := middleware.NewWebhook("http://hook.example/", middleware.WithTransport(e))
		session(s.Middleware()(taking), "/", "a")
		s.Close(t.Context())
		ids := make(map[string]int)
		for _, got := range e.got {
			id := got[strings.LastIndex(got, " ")+1:]
			if ids[id]++; !newIDs.MatchString(id) {
				t.Errorf("the id is %q", id)
			}
		}
		if len(ids) != 1 || len(e.got) != 2 {
			t.Errorf("the endpoint was told %q", e.got)
		}
	})
}

// What the endpoint answers decides whether it is tried again, and when.
func TestWebhookRetries(t *testing.T) {
	status := func(statuses ...int) func(int, middleware.WebhookEvent) (*http.Response, error) {
		return func(n int, e middleware.WebhookEvent) (*http.Response, error) {
			if e.Event == "disconnect" {
				return answer(204), nil
			}
			res := answer(statuses[n-1])
			res.Header = http.Header{"Location": {"http://elsewhere.example/"}}
			return res, nil
		}
	}
	for _, test := range []struct {
		name    string
		answers func(int, middleware.WebhookEvent) (*http.Response, error)
		want    string
		logged  string // "": it was delivered
	}{
		{"200", status(200), "0s connect a, 0s disconnect a", ""},
		{"299", status(299), "0s connect a, 0s disconnect a", ""},
		{"500", status(500, 204), "0s connect a, 500ms connect a, 500ms disconnect a", ""},
		{"429 and 503", status(429, 503, 200), "0s connect a, 500ms connect a, 1.5s connect a, 1.5s disconnect a", ""},
		{"503 for ever", status(503, 503, 503), "0s connect a, 500ms connect a, 1.5s connect a, 1.5s disconnect a", "answered 503 Service Unavailable"},
		{"400", status(400), "0s connect a, 0s disconnect a", "answered 400 Bad Request"},
		{"redirect", status(307), "0s connect a, 0s disconnect a", "answered 307 Temporary Redirect"},
		{"303", status(303), "0s connect a, 0s disconnect a", "answered 303 See Other"},
		{"network", func(n int, e middleware.WebhookEvent) (*http.Response, error) {
			if n <= 3 {
				return nil, errors.New("no network")
			}
			return answer(204), nil
		}, "0s connect a, 500ms connect a, 1.5s connect a, 1.5s disconnect a", "no network"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var j journal
				e := newEndpoint(test.answers)
				s := middleware.NewWebhook("http://hook.example/secret", middleware.WithTransport(e), middleware.WithLogger(j.logger(slog.LevelInfo)))
				session(hooked(s, taking), "/", "a")
				if err := s.Close(t.Context()); err != nil || s.Dropped() != 0 {
					t.Errorf("Close: %v; %d dropped", err, s.Dropped())
				}
				e.want(t, test.want)
				if test.logged == "" {
					j.want(t)
				} else {
					j.want(t, `{"level":"WARN","msg":"a webhook event was given up","event":"connect","session_id":"a","error":"`+test.logged+`"}`)
				}
			})
		})
	}
}

// An endpoint that hangs is given five seconds each time. The session does not wait
// for it, and its own events wait for each other.
func TestWebhookHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		e := newEndpoint(nil)
		slow := transport(func(r *http.Request) (*http.Response, error) {
			res, err := e.RoundTrip(r)
			if len(e.got) <= 2 {
				return hang(r.Context())
			}
			return res, err
		})
		s := middleware.NewWebhook("http://hook.example/", middleware.WithTransport(slow), middleware.WithLogger(j.logger(slog.LevelInfo)))
		session(hooked(s, taking), "/", "a")
		if time.Since(e.start) != 0 {
			t.Errorf("the session has waited for %v", time.Since(e.start))
		}
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
		e.want(t, "0s connect a, 5.5s connect a, 11.5s connect a, 11.5s disconnect a")
		j.want(t)
	})
}

// An answer that does not end is left after five seconds, and counts as what its
// status says; of one that is too long no more is read.
func TestWebhookEndlessAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read, closed := 0, 0
		var at []time.Duration
		begin := time.Now()
		s := middleware.NewWebhook("http://hook.example/", middleware.WithTransport(transport(func(r *http.Request) (*http.Response, error) {
			at = append(at, time.Since(begin))
			res := answer(200)
			res.Body = &endless{ctx: r.Context(), stuck: len(at) == 1, read: &read, closed: &closed}
			return res, nil
		})))
		session(hooked(s, taking), "/", "a")
		s.Close(t.Context())
		if fmt.Sprint(at) != "[0s 5s]" || read != 64<<10 || closed != 2 {
			t.Errorf("asked at %v; %d bytes were read; %d bodies closed", at, read, closed)
		}
	})
}

// An endless body never ends, and never comes if it is stuck.
type endless struct {
	ctx          context.Context
	stuck        bool
	read, closed *int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.stuck {
		<-e.ctx.Done()
		return 0, e.ctx.Err()
	}
	*e.read += len(p)
	return len(p), nil
}

func (e *endless) Close() error {
	*e.closed++
	return nil
}

// Events of one session are in order, and those of others do not wait for it.
func TestWebhookOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEndpoint(func(n int, e middleware.WebhookEvent) (*http.Response, error) {
			if e.SessionID == "a" {
				time.Sleep(2500 * time.Millisecond)
			}
			return answer(204), nil
		})
		s := middleware.NewWebhook("http://hook.example/", middleware.WithTransport(e))
		for _, id := range []string{"a", "b", "c", "d"} { // a and c are sent by one worker
			session(hooked(s, taking), "/1s", id)
		}
		s.Close(t.Context())
		e.want(t, "0s connect a, 1s connect b, 2s disconnect b, 2.5s disconnect a, 3s connect d, 4s disconnect d, 5s connect c, 5s disconnect c")
	})
}

// When the queue is full, events are dropped and counted, and nobody waits.
func TestWebhookQueueFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		var mu sync.Mutex
		sent := 0
		s := middleware.NewWebhook("http://hook.example/", middleware.WithQueue(3), middleware.WithWorkers(1), middleware.WithLogger(j.logger(slog.LevelInfo)),
			middleware.WithTransport(transport(func(r *http.Request) (*http.Response, error) {
				time.Sleep(4 * time.Second)
				mu.Lock()
				defer mu.Unlock()
				sent++
				return answer(204), nil
			})))
		h := hooked(s, taking)
		begin := time.Now()
		for range 10 {
			session(h, "/", "a") // two events each
		}
		if time.Since(begin) != 0 || s.Dropped() != 17 || s.Waiting() != 3 {
			t.Errorf("after %v %d are dropped, %d wait", time.Since(begin), s.Dropped(), s.Waiting())
		}
		j.want(t, `{"level":"WARN","msg":"webhook events are dropped","number":1}`)
		time.Sleep(time.Second)
		session(h, "/", "a")
		j.want(t, `{"level":"WARN","msg":"webhook events are dropped","number":17}`)
		time.Sleep(time.Minute) // and then there is room again
		session(h, "/", "a")
		if err := s.Close(t.Context()); err != nil || s.Dropped() != 19 || sent != 5 || !s.Idle() {
			t.Errorf("Close: %v; %d dropped, %d sent", err, s.Dropped(), sent)
		}
	})
}

// Close waits for what is to be sent, until its context ends. What comes later is
// dropped.
func TestWebhookClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		s := middleware.NewWebhook("http://hook.example/", middleware.WithWorkers(1), middleware.WithLogger(j.logger(slog.LevelInfo)),
			middleware.WithTransport(transport(func(r *http.Request) (*http.Response, error) { return hang(r.Context()) })))
		h := hooked(s, taking)
		session(h, "/", "a")
		session(h, "/", "b")
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		begin := time.Now()
		if err := s.Close(ctx); err != context.DeadlineExceeded || time.Since(begin) != 2*time.Second || s.Dropped() != 4 || !s.Idle() {
			t.Errorf("Close: %v after %v, %d dropped", err, time.Since(begin), s.Dropped())
		}
		lines := strings.Join(j.lines(), "\n")
		if !strings.Contains(lines, `"msg":"webhook events are dropped","number":3`) || !strings.Contains(lines, `"session_id":"a","error":"context canceled"`) {
			t.Errorf("logged %s", lines)
		}
		session(h, "/", "c")
		if err := s.Close(t.Context()); err != nil || s.Dropped() != 6 || !s.Idle() {
			t.Errorf("a second Close: %v, %d dropped", err, s.Dropped())
		}
	})
}

// Close breaks off waiting for the next attempt too.
func TestWebhookCloseBetweenAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEndpoint(func(int, middleware.WebhookEvent) (*http.Response, error) { return answer(503), nil })
		s := middleware.NewWebhook("http://hook.example/", middleware.WithTransport(e), middleware.WithLogger(slog.New(slog.DiscardHandler)))
		session(hooked(s, taking), "/", "a")
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := s.Close(ctx); err != context.DeadlineExceeded || s.Dropped() != 2 {
			t.Errorf("Close: %v, %d dropped", err, s.Dropped())
		}
		e.want(t, "0s connect a")
	})
}

// A panic in the handler is passed on, and told of.
func TestWebhookPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEndpoint(nil)
		s := middleware.NewWebhook("http://hook.example/", middleware.WithTransport(e))
		if value := quietly(s.Middleware()(taking), &takeable{discard: newDiscard()}, upgrade("/panic")); value != "x" {
			t.Errorf("the panic is %v", value)
		}
		s.Close(t.Context())
		if len(e.got) != 2 {
			t.Errorf("the endpoint was told %q", e.got)
		}
	})
}

// The endpoint of the short form, over a real connection that it then keeps no more
// than any client.
func TestWebhookShortForm(t *testing.T) {
	var j journal
	asked := make(chan string, 2)
	hook := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusTeapot)
		asked <- r.Header.Get("X-Webhook-Signature")
	}))
	session(middleware.Webhook(hook.URL, j.logger(slog.LevelInfo))(taking), "/", "a")
	for range 2 {
		if signature := wait(t, asked); signature != "" {
			t.Errorf("it is signed, %q", signature)
		}
	}
}

func TestWebhookConstructor(t *testing.T) {
	const unusable = "not a URL of http or https with a host"
	for _, url := range []string{"", "hook.example", "ftp://hook.example/", "http://", "http:///path", "https://:443/", "http://a b/", "http://hook.example/%zz", "://", "HTTP"} {
		if got := mustPanic(t, func() { middleware.NewWebhook(url) }); got != "middleware.NewWebhook: "+unusable {
			t.Errorf("%q panics with %q", url, got)
		}
		if got := mustPanic(t, func() { middleware.Webhook(url, nil) }); got != "middleware.Webhook: "+unusable {
			t.Errorf("%q panics with %q", url, got)
		}
	}
	for want, f := range map[string]func(){
		"middleware.WithSecret: an empty key":       func() { middleware.WithSecret("") },
		"middleware.WithQueue: a queue of 0 events": func() { middleware.WithQueue(0) },
		"middleware.WithWorkers: 0 workers":         func() { middleware.WithWorkers(0) },
		"middleware.WithTransport: a nil transport": func() { middleware.WithTransport(nil) },
	} {
		if got := mustPanic(t, f); got != want {
			t.Errorf("panics with %q, want %q", got, want)
		}
	}
	for _, url := range []string{"http://hook.example", "HTTPS://hook.example:8443/a?b=c", "http://[::1]:80/"} {
		if err := middleware.NewWebhook(url).Close(t.Context()); err != nil {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// What is logged does not have the URL, which may be a secret.
func TestWebhookKeepsTheURLSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		s := middleware.NewWebhook("http://user:password@hook.example/secret", middleware.WithLogger(j.logger(slog.LevelInfo)),
			middleware.WithTransport(transport(func(*http.Request) (*http.Response, error) { return nil, errors.New("no network") })))
		session(hooked(s, taking), "/", "a")
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		const line = `{"level":"WARN","msg":"a webhook event was given up","event":"%s","session_id":"a","error":"no network"}`
		j.want(t, fmt.Sprintf(line, "connect"), fmt.Sprintf(line, "disconnect"))
	})
}
