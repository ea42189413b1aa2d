package middleware

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// A WebhookEvent tells that a session was established or is over. It is sent as
// JSON.
type WebhookEvent struct {
	Event      string `json:"event"`       // "connect" or "disconnect"
	SessionID  string `json:"session_id"`  // of RequestID; without that, 32 random hex digits
	RemoteAddr string `json:"remote_addr"` // of the client, see ClientIP; "" if there is none
	Path       string `json:"path"`
	Timestamp  int64  `json:"timestamp"` // when it happened, in milliseconds since 1970
}

const (
	webhookTimeout = 5 * time.Second        // of an attempt
	webhookRetries = 2                      // after the first attempt
	webhookBackoff = 500 * time.Millisecond // before the first retry; doubled for the next
	maxHookAnswer  = 64 << 10               // bytes of an answer that are read, so that the connection can be used again
	dropLogEvery   = time.Second            // dropped events are logged at most so often
)

// A WebhookOption changes what [NewWebhook] does.
type WebhookOption func(*WebhookSender)

// WithSecret signs the events: X-Webhook-Signature is "sha256=" and the HMAC-SHA256
// of the body with the key, in lower-case hex. It panics if the key is empty.
func WithSecret(key string) WebhookOption {
	mustHave(key != "", "WithSecret", "an empty key")
	return func(s *WebhookSender) { s.secret = []byte(key) }
}

// WithQueue sets how many events may wait, those that are being sent included. It
// is 1024 without this option. It panics if n is below 1.
func WithQueue(n int) WebhookOption {
	mustHave(n > 0, "WithQueue", "a queue of "+strconv.Itoa(n)+" events")
	return func(s *WebhookSender) { s.capacity = n }
}

// WithWorkers sets how many events may be sent at a time. It is 2 without this
// option. It panics if n is below 1.
func WithWorkers(n int) WebhookOption {
	mustHave(n > 0, "WithWorkers", strconv.Itoa(n)+" workers")
	return func(s *WebhookSender) { s.lanes = make([]lane, n) }
}

// WithTransport sets what sends the events, such as an http.Transport with a
// certificate of the client's. Without this option it is one like
// http.DefaultTransport. It panics if it is nil.
func WithTransport(transport http.RoundTripper) WebhookOption {
	mustHave(transport != nil, "WithTransport", "a nil transport")
	return func(s *WebhookSender) { s.client.Transport, s.shared = transport, true }
}

// WithLogger sets where it is logged, at level Warn, that events were given up or
// dropped. Nil is [slog.Default] as it is then.
func WithLogger(logger *slog.Logger) WebhookOption {
	return func(s *WebhookSender) { s.logger = logger }
}

// Webhook is NewWebhook(url, WithLogger(logger)).Middleware(), for programs that do
// not mind which events are still to be sent when they end.
func Webhook(url string, logger *slog.Logger) Middleware {
	return newWebhook("Webhook", url, WithLogger(logger)).Middleware()
}

// A WebhookSender tells an endpoint of sessions, see [NewWebhook].
type WebhookSender struct {
	request  *http.Request // without a body
	secret   []byte        // nil: not signed
	logger   *slog.Logger
	client   http.Client
	shared   bool // the transport is not ours
	capacity int

	ctx     context.Context // of all attempts
	cancel  context.CancelFunc
	workers sync.WaitGroup

	mu      sync.Mutex // guards what follows
	lanes   []lane
	next    int // the lane of the next session
	waiting int // events in all lanes, those being sent included
	dropped int64
	told    int64     // how many of those were logged
	toldAt  time.Time // when
	closed  bool
	aborted bool // events were lost by closing
}

// A lane is what one worker sends, in order. A session stays on its lane.
type lane struct {
	events  []WebhookEvent
	working bool // there is a goroutine, which ends when there are no events
}

// NewWebhook returns a WebhookSender for an endpoint, an http or https URL. Its
// Middleware has a [WebhookEvent] POSTed to it when a session is established, and
// when it is over. Requests do not wait for that.
//
// The events of a session are sent in order; one may be sent twice, if the answer to
// it was lost. An attempt takes at most 5 seconds. After a network error and the
// statuses 429 and 5xx there are two more, after 500 ms and a second; other statuses
// from 300 give the event up, and redirects are not followed. If 1024 events wait,
// see [WithQueue], further ones are dropped and counted.
//
// Goroutines send, 2 of them at most, see [WithWorkers], as long as there are
// events. Close waits for them when the program ends. NewWebhook panics if it cannot
// use the URL.
func NewWebhook(url string, opts ...WebhookOption) *WebhookSender {
	return newWebhook("NewWebhook", url, opts...)
}

func newWebhook(name, url string, opts ...WebhookOption) *WebhookSender {
	request, err := http.NewRequest(http.MethodPost, url, nil)
	mustHave(err == nil && (request.URL.Scheme == "http" || request.URL.Scheme == "https") && request.URL.Hostname() != "",
		name, "not a URL of http or https with a host")
	s := &WebhookSender{request: request, capacity: 1024, lanes: make([]lane, 2)}
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, opt := range opts {
		opt(s)
	}
	if !s.shared {
		s.client.Transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: len(s.lanes),
			IdleConnTimeout:     90 * time.Second,
		}
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Middleware returns what tells of sessions, wherever it is put.
func (s *WebhookSender) Middleware() Middleware {
	return func(next http.Handler) http.Handler {
		session := entry(s.session)(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if IsUpgrade(r) {
				session.ServeHTTP(w, r)
			} else {
				next.ServeHTTP(w, r)
			}
		})
	}
}

// session serves a request for an upgrade.
func (s *WebhookSender) session(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
	event := WebhookEvent{SessionID: rec.requestID, RemoteAddr: textOf(ClientIP(r)), Path: r.URL.Path}
	if event.SessionID == "" {
		event.SessionID = newID()
	}
	on := -1
	rec.whenOpen(func() { on = s.enqueue(-1, "connect", event) })
	defer func() {
		if on >= 0 {
			s.enqueue(on, "disconnect", event)
		}
	}()
	next.ServeHTTP(w, r)
}

// enqueue has the event sent on a lane, or if that is -1, on the next one, which it
// returns. If there is no room, the event is dropped.
func (s *WebhookSender) enqueue(on int, what string, event WebhookEvent) int {
	event.Event, event.Timestamp = what, time.Now().UnixMilli()
	s.mu.Lock()
	if on < 0 {
		on, s.next = s.next, (s.next+1)%len(s.lanes)
	}
	var untold int64
	if s.closed || s.waiting == s.capacity {
		untold = s.drop(1)
	} else {
		s.waiting++
		s.append(&s.lanes[on], event)
	}
	s.mu.Unlock()
	s.tell(untold)
	return on
}

// append adds an event to the lane. s.mu is locked.
func (s *WebhookSender) append(l *lane, event WebhookEvent) {
	l.events = append(l.events, event)
	if !l.working {
		l.working = true
		s.workers.Go(func() { s.work(l) })
	}
}

// drop counts events that are not sent. It returns how many are to be logged, which
// are none if there were some a moment ago. s.mu is locked.
func (s *WebhookSender) drop(n int) (untold int64) {
	s.dropped += int64(n)
	if n == 0 || s.told > 0 && time.Since(s.toldAt) < dropLogEvery {
		return 0
	}
	untold = s.dropped - s.told
	s.told, s.toldAt = s.dropped, time.Now()
	return untold
}

func (s *WebhookSender) tell(untold int64) {
	if untold > 0 {
		orDefault(s.logger).Warn("webhook events are dropped", "number", untold)
	}
}

// work sends the events of a lane until there are none.
func (s *WebhookSender) work(l *lane) {
	for {
		s.mu.Lock()
		if len(l.events) == 0 {
			l.events, l.working = nil, false
			s.mu.Unlock()
			return
		}
		event := l.events[0]
		l.events = l.events[1:]
		s.mu.Unlock()

		err := s.deliver(event)
		if err != nil {
			orDefault(s.logger).Warn("a webhook event was given up", "event", event.Event, "session_id", event.SessionID, "error", err)
		}

		s.mu.Lock()
		s.waiting--
		if err != nil && s.ctx.Err() != nil {
			s.dropped++
			s.told++
		}
		s.mu.Unlock()
	}
}

// deliver sends the event, more than once if need be.
func (s *WebhookSender) deliver(event WebhookEvent) error {
	body, _ := json.Marshal(event) // of text and a number, which cannot fail
	for i := 0; ; i++ {
		again, err := s.attempt(body)
		if !again || i == webhookRetries || !s.pause(webhookBackoff<<i) {
			return err
		}
	}
}

// pause waits, and reports whether that was not broken off.
func (s *WebhookSender) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// attempt sends the body once, and says whether it makes sense to do it again. The
// errors do not name the URL, which may have a secret.
func (s *WebhookSender) attempt(body []byte) (again bool, err error) {
	ctx, cancel := context.WithTimeout(s.ctx, webhookTimeout)
	defer cancel()
	r := s.request.Clone(ctx)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Type", "application/json")
	if s.secret != nil {
		mac := hmac.New(sha256.New, s.secret)
		mac.Write(body)
		r.Header.Set("X-Webhook-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	}
	res, err := s.client.Do(r)
	if err != nil {
		return true, errors.Unwrap(err)
	}
	defer res.Body.Close()
	io.CopyN(io.Discard, res.Body, maxHookAnswer)
	if res.StatusCode/100 == 2 {
		return false, nil
	}
	return res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500, fmt.Errorf("answered %s", res.Status)
}

// Dropped returns how many events were not sent because too many were waiting, or
// the sender was closed.
func (s *WebhookSender) Dropped() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// Close waits until all events are sent or given up. If ctx ends before, what is
// left is dropped, and the error is that of ctx. Sessions that begin or end later
// are not told of, so it is called after the server was shut down.
func (s *WebhookSender) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		s.abort()
	})
	s.workers.Wait()
	if !stop() {
		<-done
	}
	s.cancel()
	if !s.shared {
		s.client.CloseIdleConnections()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aborted {
		return ctx.Err()
	}
	return nil
}

// abort breaks off what is being sent, and drops what waits.
func (s *WebhookSender) abort() {
	s.mu.Lock()
	s.aborted = s.aborted || s.waiting > 0
	left := 0
	for i := range s.lanes {
		left += len(s.lanes[i].events)
		s.lanes[i].events = nil
	}
	s.waiting -= left
	untold := s.drop(left)
	s.mu.Unlock()
	s.cancel()
	s.tell(untold)
}
