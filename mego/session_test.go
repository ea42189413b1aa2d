package mego_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/mego"
	"github.com/gongular/gongular/mego/msgpack"
	"github.com/gongular/gongular/ws"
)

// Rule 3.2, rows 1, 2, 3, 50: what is not upgraded.
func TestRefusals(t *testing.T) {
	e := mego.New()
	e.Option.MaxSessions = 1
	s := serve(t, e)
	s.dial(t, 0)
	good := "Connection: keep-alive, Upgrade|Upgrade: WebSocket|Sec-WebSocket-Version: 13|Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
	for _, test := range []struct {
		name, method, header string
		status               int
		field, value         string
	}{
		{"POST", "POST", good, 405, "Allow", "GET"},
		{"plain GET", "GET", "", 426, "Upgrade", "websocket"},
		{"no Connection", "GET", strings.Replace(good, "keep-alive, Upgrade", "keep-alive", 1), 426, "Connection", "Upgrade"},
		{"another upgrade", "GET", strings.Replace(good, "WebSocket", "h2c", 1), 426, "Upgrade", "websocket"},
		{"no key", "GET", strings.Replace(good, "Key: ", "X: ", 1), 400, "", ""},
		{"bad key", "GET", strings.Replace(good, "Key: ", "Key: x", 1), 400, "", ""},
		{"version 8", "GET", strings.Replace(good, "Version: 13", "Version: 8", 1), 426, "Sec-WebSocket-Version", "13"},
		{"null origin", "GET", good + "|Origin: null", 403, "", ""},
		{"foreign origin", "GET", good + "|Origin: https://evil.example", 403, "", ""},
		{"unparsable origin", "GET", good + "|Origin: http://a b", 403, "", ""},
		{"full", "GET", good, 503, "Retry-After", "1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, "/", nil)
			for field := range strings.SplitSeq(test.header, "|") {
				name, value, _ := strings.Cut(field, ": ")
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			e.ServeHTTP(w, r)
			if w.Code != test.status || w.Header().Get(test.field) != test.value {
				t.Errorf("%d, %v, want %d and %s: %s", w.Code, w.Header(), test.status, test.field, test.value)
			}
			if body := w.Body.String(); strings.Count(body, "\n") != 1 || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("body %q, %v", body, w.Header())
			}
		})
	}
}

// Row 50: a writer that hides its connection. Rule 3.2: an engine that is closed.
// Rule 5.10: a refused connection takes no place.
func TestRefusedLate(t *testing.T) {
	e := mego.New()
	e.Option.MaxSessions = 1
	shake := func() *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		return w
	}
	for range 3 {
		if w := shake(); w.Code != 501 {
			t.Fatalf("status %d, want 501", w.Code)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.ProtoMajor, r.Proto = 2, "HTTP/2.0"
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	if w.Code != 501 {
		t.Errorf("HTTP/2: %d, want 501", w.Code)
	}
	e.Close()
	if w := shake(); w.Code != 503 || w.Header().Get("Connection") != "close" || w.Body.String() != "mego: the server is closing\n" {
		t.Errorf("closed: %d %v %q", w.Code, w.Header(), w.Body)
	}
}

// Rule 3.1: no subprotocol and no extension; fields of middleware are sent. Rule
// 3.3: the same host in another case; CheckOrigin.
func TestUpgrade(t *testing.T) {
	e := mego.New()
	s := serve(t, e, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Request-Id", "7")
			w.Header().Set("Sec-WebSocket-Protocol", "mego")
			next.ServeHTTP(w, r)
		})
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "ws://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: EXAMPLE.com\r\nOrigin: http://example.com\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mego\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != 101 {
		t.Fatalf("%v, %v", res, err)
	}
	if res.Header.Get("X-Request-Id") != "7" || len(res.Header.Values("Sec-Websocket-Protocol")) > 0 || len(res.Header.Values("Sec-Websocket-Extensions")) > 0 {
		t.Errorf("header %v", res.Header)
	}
	e2 := mego.New()
	e2.Option.CheckOrigin = func(r *http.Request) bool { return r.Header.Get("Origin") == "null" }
	serve(t, e2).connect(t, "Origin: null")
}

// Rules 5.1 to 5.4, rows 5 to 8: handshakes that are none.
func TestBadHandshakes(t *testing.T) {
	e := mego.New()
	ran := false
	e.Register("method", func(*mego.Context) { ran = true })
	s := serve(t, e)
	good := m{"MegoID": id(0)}
	for _, test := range []struct {
		name    string
		message any
		status  int // 0: no answer
		code    int
		reason  string
	}{
		{"no params", m{"i": 1}, mego.StatusInvalid, 1008, "mego: no handshake: the parameters are not a map with strings as keys"},
		{"list", m{"i": 1, "p": []int{1}}, mego.StatusInvalid, 1008, "mego: no handshake: the parameters are not a map with strings as keys"},
		{"other keys", m{"i": 1, "p": map[any]any{"MegoID": id(0), 1: 2}}, mego.StatusInvalid, 1008, "mego: no handshake: the parameters are not a map with strings as keys"},
		{"no id", m{"i": 1, "p": m{"x": 1}}, mego.StatusInvalid, 1008, "mego: no handshake: there is no MegoID"},
		{"id a number", m{"i": 1, "p": m{"MegoID": 5}}, mego.StatusInvalid, 1008, "mego: no handshake: there is no MegoID"},
		{"no UUID", m{"i": 1, "p": m{"MegoID": "x"}}, mego.StatusInvalid, 1008, "mego: no handshake: the MegoID is not a UUID"},
		{"no UUID either", m{"i": 1, "p": m{"MegoID": "0000000g-0000-4000-8000-000000000001"}}, mego.StatusInvalid, 1008, "mego: no handshake: the MegoID is not a UUID"},
		{"hyphens elsewhere", m{"i": 1, "p": m{"MegoID": "000000000-000-4000-8000-000000000001"}}, mego.StatusInvalid, 1008, "mego: no handshake: the MegoID is not a UUID"},
		{"zeros", m{"i": 1, "p": m{"MegoID": "00000000-0000-0000-0000-000000000000"}}, mego.StatusInvalid, 1008, "mego: no handshake: the MegoID is not a UUID"},
		{"without a number", m{"p": m{"MegoID": "x"}}, 0, 1008, "mego: no handshake: the MegoID is not a UUID"},
		{"a method", m{"i": 1, "m": "method", "p": good}, mego.StatusInvalid, 1008, "mego: no handshake: a method is called"},
		{"a method of no type", m{"i": 1, "m": 5, "p": good}, mego.StatusInvalid, 1008, "mego: no handshake: the method is not a string in UTF-8"},
		{"no map", []int{1}, 0, 1007, "mego: malformed message: not a map"},
		{"no number", m{"i": "x", "p": good}, 0, 1007, "mego: malformed message: the number is not an integer"},
		{"trailing bytes", msgpack.RawMessage(nil), 0, 1007, "mego: malformed message: msgpack: 1 byte after the value (byte 1)"},
		{"too long", m{"p": m{"MegoID": id(0), "x": strings.Repeat("x", 64*mego.KB)}}, 0, 1009, "mego: message of more than 65536 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := s.connect(t)
			if test.name == "trailing bytes" {
				c.sendRaw([]byte{0x80, 0x80})
			} else {
				c.send(test.message)
			}
			if test.status != 0 {
				c.read().wantErr(t, test.status, test.reason)
			}
			c.wantClose(test.code, test.reason)
		})
	}
	if e.Len() != 0 || ran {
		t.Errorf("%d sessions, method ran: %v", e.Len(), ran)
	}
}

// Rules 5.2, 5.4, 5.8: good handshakes, with and without an answer.
func TestHandshakes(t *testing.T) {
	e := mego.New()
	e.Register("keys", func(c *mego.Context) { c.Respond([]any{c.Session.ID, c.Session.Keys["MegoID"], c.Session.GetInt("n")}) })
	s := serve(t, e)
	const want = "0123abcd-0123-4567-89ab-0123456789ab"
	for _, spelling := range []string{want, strings.ToUpper(want), "{" + want + "}", "urn:uuid:" + want, "URN:UUID:" + want, strings.ReplaceAll(want, "-", "")} {
		c := s.connect(t)
		if e.Len() != 0 {
			t.Errorf("%d sessions before the handshake", e.Len())
		}
		c.send(m{"p": m{"MegoID": spelling, "n": 5}, "f": 5}) // f is not looked at
		c.want([]any{want, want, int64(5)}, "keys", nil)
		session, ok := e.Session(want)
		if !ok || session.ID != want || e.Len() != 1 {
			t.Errorf("session %v, %v", session, ok)
		}
		mego.Read(e, func() {
			if e.Sessions[want] != session {
				t.Errorf("Sessions are %v", e.Sessions)
			}
		})
		c.conn.Close()
		eventually(t, "the session ends", func() bool { return e.Len() == 0 })
	}
}

// Rule 5.3, row 4: no handshake in time, whatever else is sent.
func TestHandshakeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, mego.New())
		c := s.connect(t)
		start := time.Now()
		go func() {
			for range 3 {
				time.Sleep(3 * time.Second)
				c.conn.WriteControl(ws.PingMessage, nil, time.Time{})
			}
		}()
		c.wantClose(1008, "mego: no handshake in time")
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("after %v", took)
		}
	})
}

// Rule 5.9, row 45: who is silent is pinged, and dropped.
func TestLiveness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := mego.New()
		e.Option.CheckInterval = 5
		ended := make(chan time.Time, 1)
		e.HandleDisconnect(func(*mego.Session) { ended <- time.Now() })
		s := inMemory(t, e)
		c := s.dial(t, 0)
		var silent atomic.Bool
		c.conn.SetPingHandler(func(data string) error {
			if silent.Load() {
				return nil
			}
			return c.conn.WriteControl(ws.PongMessage, []byte(data), time.Time{})
		})
		read := make(chan bool)
		go func() {
			defer close(read)
			c.conn.Read(t.Context())
		}()
		start := time.Now()
		time.Sleep(time.Minute) // it answers pings
		if e.Len() != 1 {
			t.Fatal("dropped though it answers")
		}
		silent.Store(true)
		<-ended
		if took := time.Since(start); took < time.Minute+5*time.Second || took > time.Minute+10*time.Second {
			t.Errorf("dropped after %v", took)
		}
		<-read
	})
}

// Rules 5.7, 3.7, row 9: a newer connection takes over.
func TestTakeover(t *testing.T) {
	e := mego.New()
	e.Event("news")
	e.Register("hold", func(c *mego.Context) {
		c.Respond(nil)
		<-c.Request.Context().Done()
		c.Session.Set("late", true)
		c.EmitOthers("others", "from the old one")
	})
	gone := make(chan *mego.Session, 2)
	e.HandleDisconnect(func(s *mego.Session) { gone <- s })
	s := serve(t, e)
	old := s.dial(t, 0, m{"n": 1})
	old.want(nil, "MegoSubscribe", []string{"news", "a"})
	old.want(nil, "hold", nil)
	first, _ := e.Session(id(0))
	newer := s.connect(t)
	newer.send(m{"p": m{"MegoID": id(0), "n": 2}, "i": 1})
	old.wantClose(4409, "mego: replaced by a newer connection")
	a, b := newer.read(), newer.read() // the answer, and what the old request sent
	if a.V+b.V != "others" || a.I+b.I != 1 {
		t.Errorf("got %+v, %+v", a, b)
	}
	if got := wait(t, gone); got != first || got.GetInt("n") != 1 {
		t.Errorf("disconnected: %v", got)
	}
	if now, _ := e.Session(id(0)); now == first || now.GetInt("n") != 2 || e.Len() != 1 {
		t.Errorf("session %v of %d", now.Keys, e.Len())
	}
	if err := e.Emit("news", "a", 1); err != mego.ErrChannelNotFound { // nothing is inherited
		t.Errorf("Emit: %v", err)
	}
	newer.alive()
}

// Rules 5.6, 5.12: who is asked and told.
func TestConnectHandlers(t *testing.T) {
	e := mego.New()
	told := make(chan string, 3)
	e.HandleConnect(func(s *mego.Session, r *http.Request) error {
		switch s.GetString("do") {
		case "refuse":
			return errors.New("mego_test: not you")
		case "panic":
			panic("oh")
		case "disconnect":
			s.Disconnect()
		}
		delete(s.Keys, "secret")
		s.Set("path", r.URL.Path)
		return nil
	})
	e.HandleDisconnect(func(s *mego.Session) {
		told <- s.ID
		panic("this too")
	})
	e.Register("keys", func(c *mego.Context) {
		_, secret := c.Session.Get("secret")
		c.Respond([]any{secret, c.Session.GetString("path")})
	})
	s := serve(t, e)
	begin := func(do string) *client {
		c := s.connect(t)
		c.send(m{"p": m{"MegoID": id(0), "secret": 1, "do": do}, "i": 1})
		return c
	}
	c := begin("refuse")
	c.read().wantErr(t, mego.StatusNoPermission, "mego_test: not you")
	c.wantClose(1008, "mego: mego_test: not you")
	errorLog.take()
	begin("panic").wantClose(1011, "mego: internal error")
	if got := errorLog.take(); !strings.HasPrefix(got, "[MEGO] panic in HandleConnect: oh\n") {
		t.Errorf("report %q", got)
	}
	begin("disconnect").wantClose(1000, "mego: disconnected by the server")
	if e.Len() != 0 {
		t.Errorf("%d sessions", e.Len())
	}
	c = begin("")
	c.read()
	c.want([]any{false, "/"}, "keys", nil)
	c.conn.Close()
	if got := wait(t, told); got != id(0) {
		t.Errorf("told of %s", got)
	}
	select {
	case got := <-told:
		t.Errorf("told of %s too", got)
	default:
	}
}

// Rule 5.11: Disconnect writes what is queued, closes, and may be called again.
func TestDisconnect(t *testing.T) {
	e := mego.New()
	e.Register("bye", func(c *mego.Context) {
		c.Respond("bye")
		for range 2 {
			if err := c.Session.Copy().Disconnect(); err != nil {
				t.Error(err)
			}
		}
		c.Emit("late", 1)
		c.Subscribe("late", "x")
	})
	c := serve(t, e).dial(t, 0)
	c.want("bye", "bye", nil)
	c.wantClose(1000, "mego: disconnected by the server")
	mego.Read(e, func() {
		if _, ok := e.Events["late"]; ok {
			t.Error("an event of nobody")
		}
	})
}

// Rule 5.13: copies of sessions.
func TestSessionCopy(t *testing.T) {
	s := &mego.Session{ID: "x"}
	s.Set("a", 1)
	copied := s.Copy()
	copied.Set("b", 2)
	s.Set("a", 3)
	if _, ok := s.Get("b"); ok || copied.GetInt("a") != 1 || copied.ID != "x" {
		t.Errorf("%v and %v", s.Keys, copied.Keys)
	}
	if (&mego.Session{}).Copy().Keys == nil {
		t.Error("a copy without Keys")
	}
}

// A sessionError ends a session as package middleware does.
type sessionError struct{}

func (sessionError) Error() string             { return "over" }
func (sessionError) CloseFrame() (int, string) { return 4408, "too long" }

// Rule 3.9: HTTP middleware that ends sessions, and sends texts to them.
func TestMiddlewareEndsSession(t *testing.T) {
	for _, test := range []struct {
		name   string
		cause  error
		code   int
		reason string
	}{
		{"cancelled", nil, 1001, "mego: the request was cancelled"},
		{"with a close frame", sessionError{}, 4408, "mego: too long"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := mego.New()
			cancels := make(chan context.CancelCauseFunc, 2)
			s := serve(t, e, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					ctx, cancel := context.WithCancelCause(r.Context())
					cancels <- cancel
					next.ServeHTTP(w, r.WithContext(ctx))
				})
			})
			before := s.connect(t)
			wait(t, cancels)(test.cause)
			before.wantClose(test.code, test.reason)
			c := s.dial(t, 0)
			wait(t, cancels)(test.cause)
			c.wantClose(test.code, test.reason)
		})
	}
}

// An attacher is a writer of middleware that wants to know of sessions.
type attacher struct {
	http.ResponseWriter
	got chan<- attached
}

type attached = interface {
	SendText(msg string) error
	Close(code int, reason string) error
}

func (a attacher) AttachSession(s attached) { a.got <- s }

func (a attacher) Unwrap() http.ResponseWriter { return a.ResponseWriter }

type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Rule 3.9: sessions are announced.
func TestAttachSession(t *testing.T) {
	got := make(chan attached, 1)
	e := mego.New()
	s := serve(t, e, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(wrapped{attacher{w, got}}, r)
		})
	})
	c := s.connect(t)
	session := wait(t, got)
	if err := session.SendText("early"); err != ws.ErrClientGone {
		t.Errorf("before the handshake: %v", err)
	}
	c.shake(0)
	if err := session.SendText("soon"); err != nil {
		t.Error(err)
	}
	c.wantEvent("MegoNotice", "soon")
	session.Close(4408, "too long")
	c.wantClose(4408, "mego: too long")
	c = s.dial(t, 0)
	wait(t, got).Close(1006, "no code")
	c.wantClose(1001, "mego: no code")
	c = s.connect(t)
	wait(t, got).Close(4408, "early")
	c.wantClose(4408, "mego: early")
}

// Rule 14, Close: requests finish and are answered; all connections are told.
func TestClose(t *testing.T) {
	e := mego.New()
	started, release := make(chan bool), make(chan bool)
	e.Register("slow", func(c *mego.Context) {
		started <- true
		<-release
		c.Respond(c.Request.Context().Err() == nil)
	})
	s := serve(t, e)
	pending := s.connect(t)
	c, idle := s.dial(t, 0), s.dial(t, 1)
	number := c.ask("slow", nil)
	wait(t, started)
	closed := make(chan error, 2)
	go func() { closed <- e.Close() }()
	pending.wantClose(1001, "mego: the server is closing")
	release <- true
	if a := c.read(); a.I != number || a.R != true {
		t.Errorf("got %+v", a)
	}
	c.wantClose(1001, "mego: the server is closing")
	idle.wantClose(1001, "mego: the server is closing")
	go func() { closed <- e.Close() }()
	for range 2 {
		if err := wait(t, closed); err != nil {
			t.Error(err)
		}
	}
	if _, res, err := ws.Dial(t.Context(), s.url, nil); err == nil || res.StatusCode != 503 {
		t.Errorf("after Close: %v", err)
	}
	if err := e.Emit("x", "", 1); err != mego.ErrEventNotFound {
		t.Errorf("Emit: %v", err)
	}
}

// Close does not wait for ever; and may be called from a handler.
func TestCloseTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := mego.New()
		done := make(chan time.Duration)
		e.Register("close", func(c *mego.Context) {
			start := time.Now()
			e.Close()
			done <- time.Since(start)
		})
		c := inMemory(t, e).dial(t, 0)
		c.ask("close", nil)
		c.wantClose(1001, "mego: the server is closing")
		if took := <-done; took != 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// Close in HandleConnect: there is no session then.
func TestCloseWhileConnecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := mego.New()
		e.HandleConnect(func(*mego.Session, *http.Request) error { return e.Close() })
		c := inMemory(t, e).connect(t)
		c.send(m{"p": m{"MegoID": id(0)}})
		c.wantClose(1001, "mego: the server is closing")
	})
}

// Times and limits that are off.
func TestNoLimits(t *testing.T) {
	e := mego.New()
	*e.Option = mego.EngineOption{
		MaxSize: -1, MaxChunkSize: -1, MaxFileSize: -1, MaxSessions: -1, CheckInterval: -1, HandshakeTimeout: -1, WriteTimeout: -1,
		UploadTimeout: -1, CloseTimeout: -1, Concurrency: -1, SendQueue: -1, SendQueueSize: -1, MaxUploads: -1, MaxFiles: -1,
		MaxTempSize: -1, MaxSubscriptions: -1,
	}
	e.Register("describe", describe)
	s := serve(t, e)
	c := s.connect(t)
	c.send(m{"p": 1, "i": 1})
	c.read().wantErr(t, mego.StatusInvalid, "mego: no handshake: the parameters are not a map with strings as keys")
	c = s.dial(t, 0)
	c.next("describe", nil, piece(1, 2, 1, strings.Repeat("x", 5<<20)))
	c.want([]any{[]any{"big", "bin", int64(5<<20 + 1), fmt.Sprint(5<<20 + 1)}}, "describe", nil, piece(1, 2, 2, "x"))
}

// An engine that is closed before it begins leaves nothing to its broker.
func TestCloseBeforeBeginning(t *testing.T) {
	e := mego.New()
	e.Option.Broker = ws.NewMemoryBroker()
	e.Close()
	if err := e.Emit("x", "", 1); !errors.Is(err, ws.ErrHubClosed) {
		t.Errorf("Emit: %v", err)
	}
}

// Run serves until Close; both work in any order.
func TestRun(t *testing.T) {
	e := mego.New()
	prepare(t, e)
	if err := e.Run("127.0.0.1:no"); err == nil || !strings.HasPrefix(err.Error(), "mego: listen tcp") {
		t.Errorf("a bad address: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	ran := make(chan error, 1)
	go func() { ran <- e.Run(address) }()
	var c *client
	eventually(t, "it listens", func() bool {
		conn, _, err := ws.Dial(t.Context(), "ws://"+address, nil)
		if err == nil {
			c = &client{t: t, conn: conn}
		}
		return err == nil
	})
	c.shake(0)
	closed := make(chan error, 1)
	go func() { closed <- e.Close() }()
	c.wantClose(1001, "mego: the server is closing")
	c.conn.Close()
	if err := wait(t, closed); err != nil {
		t.Error(err)
	}
	if err := wait(t, ran); err != nil {
		t.Error(err)
	}
	if err := e.Run("0"); err == nil || err.Error() != "mego: the engine is closed" {
		t.Errorf("Run after Close: %v", err)
	}
	before := mego.New()
	if err := before.Close(); err != nil {
		t.Error(err)
	}
	if err := before.Run("0"); err == nil {
		t.Error("Run after Close before Run")
	}
}

// An engine that is provided ends with the server of the engine that it was given
// to: requests under way finish, sessions are told, and what was provided earlier
// is stopped after that.
func TestProvidedEngineEndsWithServer(t *testing.T) {
	var events []string
	e := mego.New()
	prepare(t, e)
	started, release := make(chan bool), make(chan bool)
	e.Register("slow", func(c *mego.Context) {
		started <- true
		<-release
		c.Respond("done")
	})
	e.HandleDisconnect(func(*mego.Session) { events = append(events, "disconnect") })
	app := gongular.NewEngine()
	app.SetRouteCallback(gongular.NoOpRouteCallback)
	app.Provide(stopper(func() { events = append(events, "stop") }))
	app.Provide(e)
	app.Handle("/mego", e)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- app.ServeListener(ctx, ln) }()
	s := &server{Engine: e, url: "ws://" + ln.Addr().String() + "/mego"}
	c := s.dial(t, 0)
	number := c.ask("slow", nil)
	wait(t, started)
	stop()
	close(release)
	if a := c.read(); a.I != number || a.R != "done" {
		t.Errorf("got %+v", a)
	}
	c.wantClose(1001, "mego: the server is closing")
	c.conn.Close()
	if err := wait(t, served); err != nil {
		t.Error(err)
	}
	if want := []string{"disconnect", "stop"}; !slices.Equal(events, want) {
		t.Errorf("got %q, want %q", events, want)
	}
}

type stopper func()

func (s stopper) Stop(context.Context) error { s(); return nil }

// Stop waits no longer than its context lasts, for a handler that does not end.
func TestStopInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := mego.New()
		release := make(chan bool)
		e.Register("slow", func(c *mego.Context) { <-release })
		c := inMemory(t, e).dial(t, 0)
		c.ask("slow", nil)
		synctest.Wait()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		stopped := make(chan error, 2)
		go func() { stopped <- e.Stop(ctx) }()
		synctest.Wait()
		already, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := e.Stop(already); err == nil || err.Error() != "mego: the engine was not closed in time: context deadline exceeded" {
			t.Errorf("who comes second gets %v", err)
		}
		if err := <-stopped; err == nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who comes first gets %v", err)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("it took %v", took)
		}
		close(release)
	})
}

// Rule 1.2: engines share nothing.
func TestTwoEngines(t *testing.T) {
	a, b := mego.New(), mego.New()
	a.Event("x")
	a.Register("x")
	sa, sb := serve(t, a), serve(t, b)
	sa.dial(t, 0).want(nil, "x", nil)
	sb.dial(t, 0).alive()
	if a.Len() != 1 || b.Len() != 1 || b.Emit("x", "", 1) != mego.ErrEventNotFound {
		t.Error("they share something")
	}
}

// Row 48: a message in fragments, with pings between them.
func TestFragments(t *testing.T) {
	e := mego.New()
	e.Register("echo", func(c *mego.Context) { c.Respond(c.Param(0).GetString()) })
	s := serve(t, e)
	conn, _, err := ws.Dial(t.Context(), s.url, &ws.DialOptions{WriteBufferSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	c := &client{t: t, conn: conn}
	c.shake(0)
	pongs := 0
	c.conn.SetPongHandler(func(string) error { pongs++; return nil })
	message := encode(t, m{"m": "echo", "p": []string{strings.Repeat("long ", 1000)}, "i": 7})
	w, err := c.conn.NextWriter(ws.BinaryMessage)
	if err != nil {
		t.Fatal(err)
	}
	for part := range slices.Chunk(message, 1000) {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := c.conn.WriteControl(ws.PingMessage, []byte("between"), time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if a := c.read(); a.I != 7 || a.R != strings.Repeat("long ", 1000) {
		t.Errorf("answered %+v", a)
	}
	if pongs != 6 {
		t.Errorf("%d pongs, want 6", pongs)
	}
}

// Rule 3.5, row 49: frames that break the protocol.
func TestProtocolErrors(t *testing.T) {
	s := serve(t, mego.New())
	masked := func(first byte, payload ...byte) []byte {
		return append([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
	}
	for name, frame := range map[string][]byte{
		"unmasked":             {0x82, 0x01, 0x80},
		"reserved bit":         masked(0xc2, 0x80),
		"unknown opcode":       masked(0x83, 0x80),
		"long control frame":   {0x89, 0xfe, 0, 126, 0, 0, 0, 0},
		"fragmented ping":      masked(0x09),
		"continuation":         masked(0x80, 0x80),
		"message in a message": append(masked(0x02, 0x80), masked(0x82, 0x80)...),
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "ws://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
			r := bufio.NewReader(conn)
			if _, err := http.ReadResponse(r, nil); err != nil {
				t.Fatal(err)
			}
			conn.Write(frame)
			conn.Write(masked(0x88, 0x03, 0xe8))
			got, err := io.ReadAll(r)
			if err != nil || len(got) < 4 || got[0] != 0x88 || int(got[2])<<8|int(got[3]) != 1002 || !strings.HasPrefix(string(got[4:]), "mego: ") {
				t.Errorf("got %q, %v, want close 1002", got, err)
			}
		})
	}
}

// Rule 3.5: the client's close frame is answered with its code.
func TestClientCloses(t *testing.T) {
	c := serve(t, mego.New()).dial(t, 0)
	c.conn.WriteClose(4001, "done")
	c.wantClose(4001, "")
}

// Rule 18.6, row 44: a client that does not read is disconnected by the policy;
// others are not kept waiting.
func TestSlowConsumer(t *testing.T) {
	for _, policy := range []ws.SlowPolicy{ws.Disconnect, ws.DropNewest} {
		synctest.Test(t, func(t *testing.T) {
			e := mego.New()
			e.Option.Slow, e.Option.SendQueue = policy, 3
			s := inMemory(t, e)
			slow, other := s.dial(t, 0), s.dial(t, 1)
			slow.want(nil, "MegoSubscribe", []string{"news", ""})
			other.want(nil, "MegoSubscribe", []string{"news", "x"})
			for i := range 6 { // one is being written, three wait
				if err := e.Emit("news", "", i); err != nil {
					t.Error(err)
				}
				other.wantEvent("news", i)
				synctest.Wait()
			}
			slow.wantEvent("news", 0)
			if policy == ws.Disconnect {
				slow.wantClose(1008, "mego: too slow")
				return
			}
			slow.wantEvent("news", 1)
			slow.wantEvent("news", 2)
			slow.wantEvent("news", 3)
			slow.alive()
		})
	}
}

// Rule 18.6: an answer waits for room, for so long and no longer.
func TestSlowAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := mego.New()
		e.Option.SendQueue, e.Option.WriteTimeout, e.Option.CheckInterval = 1, -1, -1
		e.Register("Echo", echo)
		c := inMemory(t, e).dial(t, 0)
		for i := range 10 {
			c.ask("Echo", []int{i})
		}
		time.Sleep(time.Hour)
		seen := map[any]bool{}
		for range 10 {
			seen[c.read().R] = true
		}
		if len(seen) != 10 {
			t.Errorf("%d answers", len(seen))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		e := mego.New()
		e.Option.SendQueue = 1
		e.Register("Echo", echo)
		ended := make(chan time.Time, 1)
		e.HandleDisconnect(func(*mego.Session) { ended <- time.Now() })
		c := inMemory(t, e).dial(t, 0)
		start := time.Now()
		for i := range 5 {
			c.ask("Echo", []int{i})
		}
		if took := (<-ended).Sub(start); took < 10*time.Second || took > 12*time.Second {
			t.Errorf("ended after %v", took)
		}
	})
}
