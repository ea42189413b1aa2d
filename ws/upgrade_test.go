package ws_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular/ws"
)

var upgradeFields = http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}}

func with(h http.Header, name, value string) http.Header {
	h = h.Clone()
	h[name] = []string{value}
	return h
}

var refusals = []struct {
	name    string
	request string
	status  int
	reason  string
	header  http.Header
}{
	{"POST", "POST" + handshake("Content-Length: 0")[3:], 405, "the method is not GET", http.Header{"Allow": {"GET"}}},
	{"HEAD", "HEAD" + handshake()[3:], 405, "", http.Header{"Allow": {"GET"}}},
	{"HTTP/1.0", strings.Replace(handshake(), "HTTP/1.1", "HTTP/1.0", 1), 426, "it needs HTTP/1.1, not HTTP/1.0", http.Header{"Upgrade": {"websocket"}}}, // and Connection: close
	{"plain GET", handshake("Upgrade: ", "Connection: "), 426, "there is no Upgrade header field", upgradeFields},
	{"other upgrade", handshake("Upgrade: h2c"), 400, `the Upgrade header field has no "websocket"`, nil},
	{"upgrade with more letters", handshake("Upgrade: websockets"), 400, `the Upgrade header field has no "websocket"`, nil},
	{"letters that fold outside ASCII", handshake("Upgrade: web\u017foc\u212aet"), 400, `the Upgrade header field has no "websocket"`, nil},
	{"no Connection", handshake("Connection: "), 400, `the Connection header field has no "Upgrade"`, nil},
	{"other Connection", handshake("Connection: keep-alive"), 400, `the Connection header field has no "Upgrade"`, nil},
	{"body", handshake("Content-Length: 1") + "x", 400, "the request has a body", nil},
	{"chunked body", handshake("Transfer-Encoding: chunked") + "0\r\n\r\n", 400, "the request has a body", nil},
	{"no version", handshake("Sec-WebSocket-Version: "), 426, "the Sec-WebSocket-Version is not 13", with(upgradeFields, "Sec-Websocket-Version", "13")},
	{"old version", handshake("Sec-WebSocket-Version: 8"), 426, "the Sec-WebSocket-Version is not 13", with(upgradeFields, "Sec-Websocket-Version", "13")},
	{"two versions", handshake("Sec-WebSocket-Version: 13", "X: y\r\nSec-WebSocket-Version: 8"), 426, "the Sec-WebSocket-Version is not 13", with(upgradeFields, "Sec-Websocket-Version", "13")},
	{"no key", handshake("Sec-WebSocket-Key: "), 400, "the Sec-WebSocket-Key is not 16 bytes in base64", nil},
	{"15 bytes of key", handshake("Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1"), 400, "the Sec-WebSocket-Key is not 16 bytes in base64", nil},
	{"17 bytes of key", handshake("Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Njc="), 400, "the Sec-WebSocket-Key is not 16 bytes in base64", nil},
	{"key that is not base64", handshake("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!=="), 400, "the Sec-WebSocket-Key is not 16 bytes in base64", nil},
	{"two keys", handshake("X: y\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 400, "the Sec-WebSocket-Key is not 16 bytes in base64", nil},
	{"other origin", handshake("Origin: http://example.org"), 403, "the Origin is not allowed", nil},
}

// What Check's documentation says is refused, with exactly these header fields.
func TestRefusals(t *testing.T) {
	s := serve(t, new(ws.Upgrader), echo)
	for _, test := range refusals {
		t.Run(test.name, func(t *testing.T) {
			c := connect(t, s)
			method, _, _ := strings.Cut(test.request, " ")
			c.send([]byte(test.request))
			res, err := http.ReadResponse(c.r, &http.Request{Method: method})
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != test.status {
				t.Errorf("status %d, want %d", res.StatusCode, test.status)
			}
			if want := "websocket handshake: " + test.reason + "\n"; string(body) != want && method != "HEAD" {
				t.Errorf("body %q, want %q", body, want)
			}
			for _, name := range []string{"Content-Type", "Content-Length", "X-Content-Type-Options", "Date"} {
				res.Header.Del(name)
			}
			if res.Header.Get("Connection") == "close" {
				res.Header.Del("Connection") // net/http's, where it is not kept
			}
			if !maps.EqualFunc(res.Header, test.header, func(a, b []string) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
				t.Errorf("header %v, want %v", res.Header, test.header)
			}
		})
	}
}

func TestAccepted(t *testing.T) {
	s := serve(t, new(ws.Upgrader), echo)
	for _, test := range []struct{ name, request string }{
		{"plain", handshake()},
		{"other case", handshake("Upgrade: WebSocket", "Connection: UPGRADE")},
		{"lists", handshake("Upgrade: h2c,\twebsocket ", "Connection: keep-alive, Upgrade")},
		{"several lines", handshake("Upgrade: h2c\r\nUpgrade: websocket", "Connection: keep-alive\r\nConnection: upgrade")},
		{"empty body", handshake("Content-Length: 0")},
		{"extensions", handshake("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := connect(t, s)
			header := c.upgrade(test.request)
			if len(header) != 3 {
				t.Errorf("header %v, want Upgrade, Connection and Sec-WebSocket-Accept", header)
			}
			c.send(frame(text, "hello"))
			c.want(text, "hello")
		})
	}
}

func TestOrigin(t *testing.T) {
	for _, test := range []struct {
		host   string
		origin []string
		want   bool
	}{
		{"example.com", nil, true},
		{"example.com", []string{"http://example.com"}, true},
		{"example.com", []string{"https://example.com"}, true},
		{"example.com", []string{"http://example.com/"}, true},
		{"Example.COM", []string{"http://exAMPLE.com"}, true},
		{"example.com", []string{"http://example.com:80"}, true},
		{"example.com", []string{"https://example.com:443"}, true},
		{"example.com:80", []string{"http://example.com"}, true},
		{"example.com:443", []string{"https://example.com"}, true},
		{"example.com:8080", []string{"http://example.com:8080"}, true},
		{"[::1]:8080", []string{"http://[::1]:8080"}, true},
		{"[::1]", []string{"http://[::1]:80"}, true},
		{"example.com", []string{"https://example.com:80"}, false},
		{"example.com:8080", []string{"http://example.com"}, false},
		{"example.com", []string{"http://example.com:8080"}, false},
		{"example.com", []string{"http://www.example.com"}, false},
		{"example.com", []string{"http://example.com.evil.org"}, false},
		{"example.com", []string{"http://example.com@evil.org"}, false},
		{"example.com", []string{"http://example.com", "http://evil.org"}, false},
		{"example.com", []string{"ftp://example.com"}, false},
		{"example.com", []string{"example.com"}, false},
		{"example.com", []string{"//example.com"}, false},
		{"example.com", []string{"http://exa mple.com"}, false},
		{"example.com", []string{"null"}, false},
		{"example.com", []string{""}, false},
		{"", []string{"http://"}, false},
		{"", []string{"http://:80"}, false},
	} {
		r := request(t, handshake())
		r.Host, r.Header["Origin"] = test.host, test.origin
		err := new(ws.Upgrader).Check(r)
		e, refused := errors.AsType[*ws.HandshakeError](err)
		if refused == test.want || refused && e.StatusCode() != http.StatusForbidden {
			t.Errorf("host %q, origin %q: %v", test.host, test.origin, err)
		}
	}
}

// request parses a request.
func request(t testing.TB, raw string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCheckOrigin(t *testing.T) {
	var got []string
	u := &ws.Upgrader{CheckOrigin: func(r *http.Request) bool {
		got = append(got, r.Header.Get("Origin"))
		return r.Header.Get("Origin") == "http://friend.example"
	}}
	if err := u.Check(request(t, handshake("Origin: http://friend.example"))); err != nil {
		t.Error(err)
	}
	if err := u.Check(request(t, handshake())); err == nil {
		t.Error("let in without an origin")
	}
	if fmt.Sprint(got) != "[http://friend.example ]" {
		t.Errorf("asked for %q", got)
	}
}

func TestSubprotocol(t *testing.T) {
	for _, test := range []struct {
		name    string
		speaks  []string
		header  http.Header
		offered string
		want    string
	}{
		{"server's preference", []string{"b", "a"}, nil, "a, b", "b"},
		{"several lines", []string{"c"}, nil, "a,b\r\nSec-WebSocket-Protocol: c", "c"},
		{"none in common", []string{"b"}, nil, "a", ""},
		{"case matters", []string{"A"}, nil, "a", ""},
		{"none offered", []string{"a"}, nil, "", ""},
		{"none spoken", nil, nil, "a", ""},
		{"caller's", nil, http.Header{"Sec-Websocket-Protocol": {"b"}}, "a, b", "b"},
		{"caller's, not offered", nil, http.Header{"Sec-Websocket-Protocol": {"b"}}, "a", ""},
		{"caller's, beside the upgrader's", []string{"a"}, http.Header{"Sec-Websocket-Protocol": {"b"}}, "a, b", "a"},
		{"caller's, no token", nil, http.Header{"Sec-Websocket-Protocol": {"a\r\nX: y"}}, "a", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := make(chan string, 1)
			s := start(t, func(w http.ResponseWriter, r *http.Request) {
				conn, err := (&ws.Upgrader{Subprotocols: test.speaks}).Upgrade(w, r, test.header)
				if err != nil {
					t.Error(err)
					return
				}
				got <- conn.Subprotocol()
				conn.CloseNow()
			})
			header := connect(t, s).upgrade(handshake("Sec-WebSocket-Protocol: " + test.offered))
			if sent := header.Get("Sec-WebSocket-Protocol"); sent != test.want {
				t.Errorf("sent %q, want %q", sent, test.want)
			}
			if got := wait(t, got); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// The caller's header fields are sent, without those that are the handshake's.
func TestUpgradeHeader(t *testing.T) {
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(ws.Upgrader).Upgrade(w, r, http.Header{
			"Set-Cookie":               {"a=1", "b=2"},
			"x-lower":                  {"tab\tand ü"},
			"Upgrade":                  {"h2c"},
			"connection":               {"close"},
			"Sec-Websocket-Accept":     {"x"},
			"sec-websocket-extensions": {"permessage-deflate"},
			"Content-Length":           {"5"},
			"Transfer-Encoding":        {"chunked"},
		})
		if err != nil {
			t.Error(err)
			return
		}
		conn.CloseNow()
	})
	header := connect(t, s).upgrade(handshake())
	want := http.Header{
		"Upgrade":              {"websocket"},
		"Connection":           {"Upgrade"},
		"Sec-Websocket-Accept": {"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
		"Set-Cookie":           {"a=1", "b=2"},
		"X-Lower":              {"tab\tand ü"},
	}
	if fmt.Sprint(header) != fmt.Sprint(want) {
		t.Errorf("header %v, want %v", header, want)
	}
}

// What middleware has set on the answer before is sent too, but for what is about
// a body.
func TestUpgradeHeaderSetBefore(t *testing.T) {
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			"X-Request-Id": "7", "Set-Cookie": "a=1", "Date": "today", "Content-Type": "text/plain",
			"Content-Security-Policy": "default-src 'none'", "Connection": "close", "Sec-WebSocket-Accept": "x",
		} {
			w.Header().Set(name, value)
		}
		conn, err := new(ws.Upgrader).Upgrade(w, r, http.Header{"Set-Cookie": {"b=2"}})
		if err != nil {
			t.Error(err)
			return
		}
		if got := w.Header()["Set-Cookie"]; len(got) != 1 {
			t.Errorf("the writer's own header became %q", got)
		}
		conn.CloseNow()
	})
	header := connect(t, s).upgrade(handshake())
	want := http.Header{
		"Upgrade":              {"websocket"},
		"Connection":           {"Upgrade"},
		"Sec-Websocket-Accept": {"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
		"Set-Cookie":           {"a=1", "b=2"},
		"X-Request-Id":         {"7"},
	}
	if fmt.Sprint(header) != fmt.Sprint(want) {
		t.Errorf("header %v, want %v", header, want)
	}
}

// Nothing that a program puts into a header field can become another, or a
// second answer.
func TestUpgradeHeaderSplitting(t *testing.T) {
	for _, test := range []struct {
		header http.Header
		want   string
	}{
		{http.Header{"X": {"a\r\nY: b"}}, "websocket handshake: header field X has a control character"},
		{http.Header{"X": {"a", "b\n"}}, "websocket handshake: header field X has a control character"},
		{http.Header{"X": {"a\x00"}}, "websocket handshake: header field X has a control character"},
		{http.Header{"X\r\nY": {"a"}}, `websocket handshake: "X\r\nY" is no name of a header field`},
		{http.Header{"X Y": {"a"}}, `websocket handshake: "X Y" is no name of a header field`},
		{http.Header{"": {"a"}}, `websocket handshake: "" is no name of a header field`},
	} {
		s := start(t, func(w http.ResponseWriter, r *http.Request) {
			_, err := new(ws.Upgrader).Upgrade(w, r, test.header)
			ws.Refuse(w, err)
		})
		res := connect(t, s).ask(handshake())
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != http.StatusInternalServerError || string(body) != test.want+"\n" {
			t.Errorf("%q: %d %q, want 500 %q", test.header, res.StatusCode, body, test.want)
		}
	}
}

// What a client sends without waiting for the answer is not lost, whether the
// server has read it or not.
func TestBytesBeforeAnswer(t *testing.T) {
	s := serve(t, new(ws.Upgrader), echo)
	for _, size := range []int{1, 125, 5000, 300_000} {
		payload := strings.Repeat("x", size)
		c := connect(t, s)
		go c.conn.Write([]byte(handshake() + string(frame(text, payload)) + string(frame(ping, "p"))))
		if res, err := http.ReadResponse(c.r, nil); err != nil || res.StatusCode != http.StatusSwitchingProtocols {
			t.Fatal(res, err)
		}
		c.want(text, payload)
		c.want(pong, "p")
	}
}

// A wrapper is a writer as middleware has it.
type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// An opaque writer hides what it wraps.
type opaque struct{ http.ResponseWriter }

func TestWrappedWriter(t *testing.T) {
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(ws.Upgrader).Upgrade(wrapper{wrapper{w}}, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		echo(conn)
	})
	c := dial(t, s)
	c.send(frame(text, "hello"))
	c.want(text, "hello")
}

// A refuser is a writer that could be hijacked, but says no.
type refuser struct{ wrapper }

func (refuser) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, fmt.Errorf("behind a proxy: %w", http.ErrNotSupported)
}

func TestOpaqueWriter(t *testing.T) {
	for _, test := range []struct {
		wrap func(http.ResponseWriter) http.ResponseWriter
		want string
	}{
		{func(w http.ResponseWriter) http.ResponseWriter { return wrapper{opaque{wrapper{w}}} }, "ws_test.opaque"},
		{func(w http.ResponseWriter) http.ResponseWriter { return wrapper{refuser{wrapper{w}}} }, "ws_test.refuser"},
	} {
		s := start(t, func(w http.ResponseWriter, r *http.Request) {
			_, err := new(ws.Upgrader).Upgrade(test.wrap(w), r, nil)
			ws.Refuse(w, err)
		})
		res := connect(t, s).ask(handshake())
		body, _ := io.ReadAll(res.Body)
		if want := "websocket handshake: " + test.want + " gives no access to the connection\n"; res.StatusCode != 501 || string(body) != want {
			t.Errorf("%d %q, want 501 %q", res.StatusCode, body, want)
		}
	}
}

func TestHTTP2(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := new(ws.Upgrader).Upgrade(w, r, nil)
		ws.Refuse(w, err)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	res, err := s.Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if want := "websocket handshake: it needs HTTP/1.1, not HTTP/2.0\n"; res.StatusCode != 501 || string(body) != want {
		t.Errorf("%d %q, want 501 %q", res.StatusCode, body, want)
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(ws.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			ws.Refuse(w, err)
			return
		}
		defer conn.Close()
		echo(conn)
	}))
	defer s.Close()
	conn, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, conn)
	c.upgrade(handshake())
	big := strings.Repeat("x", 200_000)
	c.send(frame(bin, big))
	c.want(bin, big)
	c.send(frame(0xf0, "")) // lingers over TLS too
	c.wantClose(ws.CloseProtocolError)
	c.wantEnd()
}

// Deadlines that the server has set for the request do not end the connection.
func TestDeadlinesCleared(t *testing.T) {
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		past := time.Now().Add(-time.Hour)
		rc := http.NewResponseController(w)
		if err := errors.Join(rc.SetReadDeadline(past), rc.SetWriteDeadline(past)); err != nil {
			t.Error(err)
		}
		conn, err := new(ws.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		echo(conn)
	})
	c := dial(t, s)
	c.send(frame(text, "hello"))
	c.want(text, "hello")
}

// A connection that has forgotten its request goes on when the handler has
// returned.
func TestForgetRequest(t *testing.T) {
	served := make(chan bool)
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		u := ws.Upgrader{ForgetRequest: true, Subprotocols: []string{"chat"}}
		conn, err := u.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		go func() {
			defer close(served)
			defer conn.Close()
			<-r.Context().Done()
			if conn.Request() != nil || conn.Subprotocol() != "chat" {
				t.Errorf("request %v, subprotocol %q", conn.Request(), conn.Subprotocol())
			}
			echo(conn)
		}()
	})
	c := dial(t, s, "Sec-WebSocket-Protocol: chat")
	c.send(frame(text, "hello"))
	c.want(text, "hello")
	c.send(frame(shut, ""))
	wait(t, served)
}

// An error that is no HandshakeError leaves nobody to answer.
func TestUpgradeTwice(t *testing.T) {
	errs := make(chan error, 1)
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(ws.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		if conn.Request() != r || conn.LocalAddr() == nil || conn.RemoteAddr().String() != r.RemoteAddr {
			t.Errorf("%v, %v, %v", conn.Request(), conn.LocalAddr(), conn.RemoteAddr())
		}
		_, err = new(ws.Upgrader).Upgrade(w, r, nil)
		ws.Refuse(w, err)
		errs <- err
	})
	dial(t, s)
	err := wait(t, errs)
	if _, ok := errors.AsType[*ws.HandshakeError](err); ok || !errors.Is(err, http.ErrHijacked) {
		t.Errorf("got %v", err)
	}
}

// A client that is gone before the answer is an ordinary error.
func TestUpgradeGone(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Second, -1} {
		conn := &goneConn{}
		u := &ws.Upgrader{HandshakeTimeout: timeout}
		_, err := u.Upgrade(goneWriter{httptest.NewRecorder(), conn}, request(t, handshake()), nil)
		if _, ok := errors.AsType[*ws.HandshakeError](err); ok || !errors.Is(err, io.ErrClosedPipe) || !conn.closed {
			t.Errorf("got %v, closed %v", err, conn.closed)
		}
	}
}

// Text that is not UTF-8 is taken where that is wanted, and close frames tell
// who speaks.
func TestAnyText(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		u := &ws.Upgrader{AnyText: true, ReasonPrefix: "echo: ", ReadLimit: 100}
		var o ws.DialOptions
		if compressed {
			u.Compression, o.Compression = &ws.Compression{Threshold: -1}, &ws.Compression{Threshold: -1}
		}
		s := serve(t, u, echo)
		conn, _, err := ws.Dial(t.Context(), s.URL, &o)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		w, err := conn.NextWriter(ws.TextMessage)
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte("\xff"))
		w.Close()
		// The client takes it for what it is.
		if _, _, err := conn.ReadMessage(); err == nil || !strings.Contains(err.Error(), "text is not UTF-8") {
			t.Errorf("got %v", err)
		}
	}
	c := dial(t, serve(t, &ws.Upgrader{ReasonPrefix: "echo: "}, echo))
	c.send(frame(text, "\xff"))
	if reason := c.wantClose(ws.CloseInvalidFramePayloadData); reason != "echo: text is not UTF-8" {
		t.Errorf("reason %q", reason)
	}
	for _, prefix := range []string{"\xff", strings.Repeat("x", 51)} {
		if err := (&ws.Upgrader{ReasonPrefix: prefix}).Err(); err == nil || !strings.HasPrefix(err.Error(), "websocket: ReasonPrefix: ") {
			t.Errorf("%q: %v", prefix, err)
		}
	}
}
