package ws_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/ws"
)

// wsURL returns the ws or wss form of an http or https URL.
func wsURL(url string) string { return "ws" + strings.TrimPrefix(url, "http") }

// noProxy keeps the environment out.
func noProxy(*http.Request) (*url.URL, error) { return nil, nil }

// dialWS connects our client.
func dialWS(t testing.TB, url string, options *ws.DialOptions) *ws.Conn {
	t.Helper()
	if options == nil {
		options = new(ws.DialOptions)
	}
	if options.Proxy == nil {
		options.Proxy = noProxy
	}
	conn, res, err := ws.Dial(t.Context(), wsURL(url), options)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("the response is %s", res.Status)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// wantMessage reads a message and compares it.
func wantMessage(t testing.TB, conn *ws.Conn, messageType int, want string) {
	t.Helper()
	gotType, got, err := conn.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	if gotType != messageType || string(got) != want {
		t.Fatalf("got type %d %s, want %d %s", gotType, short(string(got)), messageType, short(want))
	}
}

// Client and server talk, with what the options ask for.
func TestDial(t *testing.T) {
	requests := make(chan *http.Request, 1)
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		requests <- r
		conn, err := (&ws.Upgrader{Subprotocols: []string{"b"}}).Upgrade(w, r, http.Header{"X-Answer": {"yes"}})
		if err != nil {
			ws.Refuse(w, err)
			return
		}
		defer conn.Close()
		echo(conn)
	})
	conn, res, err := ws.Dial(t.Context(), wsURL(s.URL)+"/a%20b?c=d", &ws.DialOptions{
		Header:       http.Header{"Host": {"example.com:81"}, "cookie": {"a=1"}, "Authorization": {"Bearer x"}},
		Subprotocols: []string{"a", "b"},
		Proxy:        noProxy,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if res.Header.Get("X-Answer") != "yes" || conn.Subprotocol() != "b" || conn.Request() != nil {
		t.Errorf("answer %v, subprotocol %q", res.Header, conn.Subprotocol())
	}
	r := wait(t, requests)
	if r.Host != "example.com:81" || r.RequestURI != "/a%20b?c=d" || r.Header.Get("Cookie") != "a=1" || r.Header.Get("Authorization") != "Bearer x" {
		t.Errorf("asked for %s%s with %v", r.Host, r.RequestURI, r.Header)
	}
	if r.Header.Get("Sec-WebSocket-Protocol") != "a, b" || r.Header["Sec-Websocket-Extensions"] != nil {
		t.Errorf("asked with %v", r.Header)
	}
	for _, size := range []int{0, 1, 125, 126, 65535, 65536, 200_000} {
		want := strings.Repeat("abcdefg", size/7+1)[:size]
		data := []byte(want)
		if err := conn.WriteMessage(ws.TextMessage, data); err != nil {
			t.Fatal(err)
		}
		if string(data) != want {
			t.Fatalf("the caller's %d bytes were changed", size)
		}
		wantMessage(t, conn, ws.TextMessage, want)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

func TestDialTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(ws.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			ws.Refuse(w, err)
			return
		}
		defer conn.Close()
		echo(conn)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of a handshake that fails
	s.StartTLS()
	defer s.Close()
	config := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.NextProtos = []string{"h2"}
	for _, url := range []string{wsURL(s.URL), s.URL} {
		conn, _, err := ws.Dial(t.Context(), url, &ws.DialOptions{TLSConfig: config, Proxy: noProxy})
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{5, 5000, 300_000} {
			want := strings.Repeat("x", size)
			if err := conn.WriteMessage(ws.BinaryMessage, []byte(want)); err != nil {
				t.Fatal(err)
			}
			wantMessage(t, conn, ws.BinaryMessage, want)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	_, _, err := ws.Dial(t.Context(), wsURL(s.URL), &ws.DialOptions{Proxy: noProxy, TLSConfig: &tls.Config{RootCAs: x509.NewCertPool()}})
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		t.Errorf("a certificate of nobody: %v", err)
	}
}

// What the caller says wrong is told without dialling.
func TestDialBadOptions(t *testing.T) {
	for _, test := range []struct {
		url     string
		options ws.DialOptions
		want    string
	}{
		{"ftp://a", ws.DialOptions{}, `URL "ftp://a": the scheme is not ws, wss, http or https`},
		{"a:80", ws.DialOptions{}, `URL "a:80" has no host`},
		{"ws://u:secret@a/", ws.DialOptions{}, `URL "ws://u:xxxxx@a/" has user information; that belongs into an Authorization header field`},
		{"ws://a/#f", ws.DialOptions{}, `URL "ws://a/#f" has a fragment`},
		{"ws://a/#", ws.DialOptions{}, `URL "ws://a/#" has a fragment`},
		{"ws:///", ws.DialOptions{}, `URL "ws:///" has no host`},
		{"ws:a", ws.DialOptions{}, `URL "ws:a" has no host`},
		{"ws://ü/", ws.DialOptions{}, `URL "ws://ü/": the host is not ASCII; its xn-- form is needed`},
		{"ws://a b/", ws.DialOptions{}, `the URL cannot be parsed: invalid character " " in host name`},
		{"ws://a/\r\nX: y", ws.DialOptions{}, `the URL cannot be parsed: net/url: invalid control character in URL`},
		{"ws://a", ws.DialOptions{Header: http.Header{"X": {"a\r\nY: b"}}}, "header field X has a control character"},
		{"ws://a", ws.DialOptions{Header: http.Header{"X\r\nY": {"a"}}}, `"X\r\nY" is no name of a header field`},
		{"ws://a", ws.DialOptions{Header: http.Header{"upgrade": {"h2c"}}}, "header field upgrade is the handshake's own"},
		{"ws://a", ws.DialOptions{Header: http.Header{"Sec-WebSocket-Key": {"x"}}}, "header field Sec-WebSocket-Key is the handshake's own"},
		{"ws://a", ws.DialOptions{Header: http.Header{"Host": {"a", "b"}}}, `header field Host is ["a" "b"]`},
		{"ws://a", ws.DialOptions{Header: http.Header{"Host": {"a/b"}}}, `header field Host is ["a/b"]`},
		{"ws://a", ws.DialOptions{Subprotocols: []string{"a b"}}, `subprotocol "a b" is no name, or there twice`},
		{"ws://a", ws.DialOptions{Subprotocols: []string{"a", "a"}}, `subprotocol "a" is no name, or there twice`},
		{"ws://a", ws.DialOptions{Compression: &ws.Compression{Level: 10}}, "compression level 10"},
		{"ws://a", ws.DialOptions{Compression: &ws.Compression{ClientMaxWindowBits: 7}}, "compression window of 7 bits"},
	} {
		test.options.NetDial = func(context.Context, string, string) (net.Conn, error) {
			t.Errorf("%s: dialled", test.url)
			return nil, io.EOF
		}
		_, res, err := ws.Dial(t.Context(), test.url, &test.options)
		if want := "websocket: dial: " + test.want; textOf(err) != want || res != nil {
			t.Errorf("%s: got %v\nwant %s", test.url, err, want)
		}
	}
}

// listen serves each connection with f, once it has sent a request, until the
// test is over.
func listen(t testing.TB, f func(conn net.Conn, r *http.Request)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(patience))
			if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				f(conn, r)
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String()
}

// goodAnswer is the answer to a request, with more header fields or other ones.
func goodAnswer(r *http.Request, fields ...string) string {
	header := []string{"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: " + ws.AcceptKey(r.Header.Get("Sec-WebSocket-Key"))}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		header = slices.DeleteFunc(header, func(old string) bool { return strings.HasPrefix(old, name+": ") })
		if value != "" {
			header = append(header, field)
		}
	}
	return "HTTP/1.1 101 Switching Protocols\r\n" + strings.Join(header, "\r\n") + "\r\n\r\n"
}

// The answer is checked to the letter.
func TestDialAnswers(t *testing.T) {
	var answer func(r *http.Request) string
	url := listen(t, func(conn net.Conn, r *http.Request) {
		io.WriteString(conn, answer(r))
		conn.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, conn)
	})
	fields := func(fields ...string) func(*http.Request) string {
		return func(r *http.Request) string { return goodAnswer(r, fields...) }
	}
	plain := func(s string) func(*http.Request) string { return func(*http.Request) string { return s } }
	const bad = "bad handshake: "
	for _, test := range []struct {
		name   string
		answer func(r *http.Request) string
		want   string // "" for success
		status int    // of the response, 0 for none
	}{
		{"good", fields(), "", 101},
		{"other case", fields("Upgrade: WebSocket", "Connection: keep-alive, UPGRADE"), "", 101},
		{"subprotocol", fields("Sec-WebSocket-Protocol: b"), "", 101},
		{"early hints", func(r *http.Request) string { return "HTTP/1.1 103 Early Hints\r\n\r\n" + goodAnswer(r) }, "", 101},
		{"403", plain("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"), bad + "the answer is 403 Forbidden", 403},
		{"200", plain("HTTP/1.1 200 OK\r\n\r\n"), bad + "the answer is 200 OK", 200},
		{"302", plain("HTTP/1.1 302 Found\r\nLocation: /other\r\n\r\n"), bad + "the answer is 302 Found", 302},
		{"HTTP/1.0", func(r *http.Request) string { return strings.Replace(goodAnswer(r), "HTTP/1.1", "HTTP/1.0", 1) }, bad + "the answer is HTTP/1.0", 101},
		{"no Upgrade", fields("Upgrade: "), bad + "the Upgrade header field is []", 101},
		{"other Upgrade", fields("Upgrade: websocket, h2c"), bad + `the Upgrade header field is ["websocket, h2c"]`, 101},
		{"letters that fold", fields("Upgrade: web\u017focket"), bad + "the Upgrade header field is [\"web\u017focket\"]", 101},
		{"no Connection", fields("Connection: "), bad + "the Connection header field is []", 101},
		{"other Connection", fields("Connection: keep-alive"), bad + `the Connection header field is ["keep-alive"]`, 101},
		{"no Accept", fields("Sec-WebSocket-Accept: "), bad + "the Sec-WebSocket-Accept is not that of the key", 101},
		{"other Accept", fields("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), bad + "the Sec-WebSocket-Accept is not that of the key", 101},
		{"unasked subprotocol", fields("Sec-WebSocket-Protocol: c"), bad + `the subprotocol is ["c"], which was not offered`, 101},
		{"two subprotocols", fields("Sec-WebSocket-Protocol: a", "X: y\r\nSec-WebSocket-Protocol: b"), bad + `the subprotocol is ["a" "b"], which was not offered`, 101},
		{"extension", fields("Sec-WebSocket-Extensions: x"), bad + "the server answers with extension x, which was not offered", 101},
		{"compression", fields("Sec-WebSocket-Extensions: permessage-deflate"), bad + "the server answers with extension permessage-deflate, which was not offered", 101},
		{"no HTTP", plain("hello\r\n\r\n"), `reading the answer: malformed HTTP response "hello"`, 0},
		{"nothing", plain(""), "reading the answer: unexpected EOF", 0},
		{"half", plain("HTTP/1.1 101 Switching Protocols\r\nUpgrade: "), "reading the answer: unexpected EOF", 0},
		{"endless header", plain("HTTP/1.1 101 Switching Protocols\r\nX: " + strings.Repeat("x", 1<<20)), "the answer has more than 1048576 bytes", 0},
		{"endless information", plain(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1<<16)), "the answer has more than 1048576 bytes", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer = test.answer
			conn, res, err := ws.Dial(t.Context(), wsURL(url), &ws.DialOptions{Proxy: noProxy, Subprotocols: []string{"a", "b"}})
			if err == nil {
				conn.CloseNow()
			}
			want := test.want
			if want != "" {
				want = "websocket: dial " + wsURL(url) + ": " + want
			}
			if textOf(err) != want {
				t.Errorf("got %v\nwant %s", err, want)
			}
			if got := errors.Is(err, ws.ErrBadHandshake); got != strings.HasPrefix(test.want, bad) {
				t.Errorf("%v is ErrBadHandshake: %v", err, got)
			}
			status := 0
			if res != nil {
				status = res.StatusCode
			}
			if status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
		})
	}
}

// The body of a refusal can be read, up to 1 KiB, even if its end does not come.
func TestDialRefusalBody(t *testing.T) {
	for _, body := range []string{"who are you?", strings.Repeat("x", 5000)} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			_, res, err := ws.Dial(t.Context(), "ws://example.com", &ws.DialOptions{
				Proxy: noProxy,
				NetDial: func(context.Context, string, string) (net.Conn, error) {
					client, server := net.Pipe()
					go func() {
						defer server.Close()
						http.ReadRequest(bufio.NewReader(server))
						io.WriteString(server, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 5000\r\nWWW-Authenticate: Basic\r\n\r\n"+body)
						io.Copy(io.Discard, server) // until the client has had enough
					}()
					return client, nil
				},
			})
			if !errors.Is(err, ws.ErrBadHandshake) || time.Since(start) > time.Second {
				t.Fatalf("%v after %v", err, time.Since(start))
			}
			got, err := io.ReadAll(res.Body)
			if want := body[:min(len(body), 1024)]; string(got) != want || err != nil || res.Header.Get("WWW-Authenticate") != "Basic" {
				t.Errorf("got %s, %v", short(string(got)), err)
			}
		})
	}
}

// An extension that was not offered is answered with close code 1010.
func TestDialBadExtensions(t *testing.T) {
	var extensions string
	closes := make(chan string, 1)
	url := listen(t, func(conn net.Conn, r *http.Request) {
		io.WriteString(conn, goodAnswer(r, "Sec-WebSocket-Extensions: "+extensions))
		_, payload, err := readAnyFrame(conn, true)
		if err != nil {
			t.Error(err)
		}
		closes <- payload
	})
	for _, test := range []struct {
		offer  *ws.Compression
		answer string
		want   string
	}{
		{nil, "permessage-deflate", "extension permessage-deflate, which was not offered"},
		{&ws.Compression{}, "x, permessage-deflate", "extension x, which was not offered"},
		{&ws.Compression{}, "permessage-deflate;", `malformed Sec-WebSocket-Extensions "permessage-deflate;"`},
		{&ws.Compression{}, "permessage-deflate; server_no_context_takeover, permessage-deflate; server_no_context_takeover", "more than one extension"},
		{&ws.Compression{}, "permessage-deflate", "permessage-deflate without server_no_context_takeover, which was asked for"},
		{&ws.Compression{ServerContextTakeover: true}, "permessage-deflate; x", "permessage-deflate with the unknown parameter x"},
		{&ws.Compression{ServerContextTakeover: true}, "permessage-deflate; client_no_context_takeover; client_no_context_takeover", "permessage-deflate with client_no_context_takeover twice"},
		{&ws.Compression{ServerContextTakeover: true}, "permessage-deflate; server_no_context_takeover=1", "permessage-deflate with server_no_context_takeover with a value"},
		{&ws.Compression{ServerContextTakeover: true}, "permessage-deflate; server_max_window_bits=16", `permessage-deflate with server_max_window_bits="16"`},
		{&ws.Compression{ServerContextTakeover: true}, "permessage-deflate; server_max_window_bits", `permessage-deflate with server_max_window_bits=""`},
		{&ws.Compression{ServerContextTakeover: true, ServerMaxWindowBits: 10}, "permessage-deflate; server_max_window_bits=11", "permessage-deflate with server_max_window_bits above 10, which was asked for"},
		{&ws.Compression{ServerContextTakeover: true, ServerMaxWindowBits: 10}, "permessage-deflate", "permessage-deflate with server_max_window_bits above 10, which was asked for"},
		{&ws.Compression{ServerContextTakeover: true}, "permessage-deflate; client_max_window_bits=10", "permessage-deflate with client_max_window_bits, which was not offered"},
		{&ws.Compression{ServerContextTakeover: true, ClientMaxWindowBits: 10}, "permessage-deflate; client_max_window_bits=11", "permessage-deflate with client_max_window_bits above 10, which was offered"},
		{&ws.Compression{ServerContextTakeover: true, ClientMaxWindowBits: 10}, "permessage-deflate; client_max_window_bits", "permessage-deflate with client_max_window_bits without a value"},
	} {
		extensions = test.answer
		_, _, err := ws.Dial(t.Context(), wsURL(url), &ws.DialOptions{Proxy: noProxy, Compression: test.offer})
		want := "websocket: dial " + wsURL(url) + ": bad handshake: the server answers with " + test.want
		if textOf(err) != want || !errors.Is(err, ws.ErrBadHandshake) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		if got := wait(t, closes); got != closePayload(1010, test.want)[:min(125, 2+len(test.want))] {
			t.Errorf("told the server %q", got)
		}
	}
}

// Frames that come with the answer are not lost.
func TestDialEarlyFrames(t *testing.T) {
	url := listen(t, func(conn net.Conn, r *http.Request) {
		big := strings.Repeat("x", 5000)
		io.WriteString(conn, goodAnswer(r)+"\x81\x05hello\x82\x7e\x13\x88"+big)
		io.Copy(io.Discard, conn)
	})
	conn, _, err := ws.Dial(t.Context(), wsURL(url), &ws.DialOptions{Proxy: noProxy})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	wantMessage(t, conn, ws.TextMessage, "hello")
	wantMessage(t, conn, ws.BinaryMessage, strings.Repeat("x", 5000))
}

// The context ends the handshake wherever it is, but not the connection.
func TestDialContext(t *testing.T) {
	asked := make(chan bool, 1)
	silent := listen(t, func(conn net.Conn, r *http.Request) {
		asked <- true
		io.Copy(io.Discard, conn)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, res, err := ws.Dial(ctx, wsURL(silent), &ws.DialOptions{Proxy: noProxy}); !errors.Is(err, context.Canceled) || res != nil {
		t.Errorf("a silent server: %v, %v", res, err)
	}
	if _, _, err := ws.Dial(ctx, wsURL(silent), &ws.DialOptions{Proxy: noProxy}); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
	s := serve(t, new(ws.Upgrader), echo)
	ctx, cancel = context.WithCancel(t.Context())
	conn, _, err := ws.Dial(ctx, wsURL(s.URL), &ws.DialOptions{Proxy: noProxy})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cancel()
	if err := conn.WriteMessage(ws.TextMessage, []byte("still here")); err != nil {
		t.Fatal(err)
	}
	wantMessage(t, conn, ws.TextMessage, "still here")
}

func TestDialNetwork(t *testing.T) {
	stop := errors.New("no network")
	var addresses []string
	for _, url := range []string{"ws://a", "wss://a", "http://a:1", "https://[::1]/"} {
		_, _, err := ws.Dial(t.Context(), url, &ws.DialOptions{
			Proxy: noProxy,
			NetDial: func(_ context.Context, network, address string) (net.Conn, error) {
				addresses = append(addresses, network+" "+address)
				return nil, stop
			},
		})
		if !errors.Is(err, stop) {
			t.Error(err)
		}
	}
	if got, want := fmt.Sprint(addresses), "[tcp a:80 tcp a:443 tcp a:1 tcp [::1]:443]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A proxy serves CONNECT and notes who asks for what.
func proxyHandler(t *testing.T, asked chan<- string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		asked <- strings.TrimSpace(r.Method + " " + r.Host + " " + r.Header.Get("Proxy-Authorization"))
		if r.Header.Get("Proxy-Authorization") == "Basic "+base64.StdEncoding.EncodeToString([]byte("ada:wrong")) {
			http.Error(w, "who?", http.StatusProxyAuthRequired)
			return
		}
		out, err := net.Dial("tcp", r.Host)
		if err != nil {
			t.Error(err)
			return
		}
		in, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(in, "HTTP/1.1 200 Connection established\r\n\r\n")
		done := make(chan bool)
		go func() { io.Copy(out, buffered); out.(*net.TCPConn).CloseWrite(); done <- true }()
		io.Copy(in, out)
		in.Close()
		<-done
		out.Close()
	}
}

// Connections go by way of http and https proxies, to ws and wss servers.
func TestDialProxy(t *testing.T) {
	asked := make(chan string, 1)
	proxy := start(t, proxyHandler(t, asked))
	secureProxy := httptest.NewTLSServer(proxyHandler(t, asked))
	defer secureProxy.Close()
	h := func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(ws.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			ws.Refuse(w, err)
			return
		}
		defer conn.Close()
		echo(conn)
	}
	server, secureServer := start(t, h), httptest.NewTLSServer(http.HandlerFunc(h))
	defer secureServer.Close()
	roots := x509.NewCertPool()
	roots.AddCert(secureProxy.Certificate())
	roots.AddCert(secureServer.Certificate())
	for _, p := range []string{proxy.URL, secureProxy.URL, strings.Replace(proxy.URL, "://", "://ada:secret@", 1)} {
		for _, s := range []string{server.URL, secureServer.URL} {
			proxyURL, err := url.Parse(p)
			if err != nil {
				t.Fatal(err)
			}
			var schemes []string
			conn, _, err := ws.Dial(t.Context(), wsURL(s), &ws.DialOptions{
				TLSConfig: &tls.Config{RootCAs: roots},
				Proxy: func(r *http.Request) (*url.URL, error) {
					schemes = append(schemes, r.URL.Scheme)
					return proxyURL, nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.WriteMessage(ws.TextMessage, []byte("hello")); err != nil {
				t.Fatal(err)
			}
			wantMessage(t, conn, ws.TextMessage, "hello")
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
			u, _ := url.Parse(s)
			want := "CONNECT " + u.Host
			if proxyURL.User != nil {
				want += " Basic " + base64.StdEncoding.EncodeToString([]byte("ada:secret"))
			}
			if got := wait(t, asked); got != want || fmt.Sprint(schemes) != "["+u.Scheme+"]" {
				t.Errorf("asked for %q, want %q; schemes %q", got, want, schemes)
			}
		}
	}
}

func TestDialProxyErrors(t *testing.T) {
	var answer string
	bad := listen(t, func(conn net.Conn, r *http.Request) { io.WriteString(conn, answer) })
	host := strings.TrimPrefix(bad, "http://")
	stop := errors.New("no such variable")
	for _, test := range []struct {
		proxy  string
		answer string
		want   string
	}{
		{"socks5://ada:secret@p:1", "", "proxy socks5://ada:xxxxx@p:1: the scheme is not http or https; NetDial can do what it needs"},
		{"http://ada:wrong@" + host, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "proxy http://ada:xxxxx@" + host + ": the answer to CONNECT is 407 Proxy Authentication Required"},
		{bad, "HTTP/1.1 200 OK\r\n\r\nmore", "proxy " + bad + ": the proxy sends more than its answer"},
		{bad, "", "proxy " + bad + ": reading the answer: unexpected EOF"},
		{"", "", "proxy: no such variable"},
	} {
		answer = test.answer
		_, _, err := ws.Dial(t.Context(), "ws://example.com", &ws.DialOptions{Proxy: func(*http.Request) (*url.URL, error) {
			if test.proxy == "" {
				return nil, stop
			}
			return url.Parse(test.proxy)
		}})
		if want := "websocket: dial ws://example.com: " + test.want; textOf(err) != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
	if _, _, err := ws.Dial(t.Context(), "ws://example.com", &ws.DialOptions{
		Proxy:   func(*http.Request) (*url.URL, error) { return url.Parse("https://p") },
		NetDial: func(context.Context, string, string) (net.Conn, error) { return nil, stop },
	}); !errors.Is(err, stop) {
		t.Error(err)
	}
	for _, proxy := range []*url.URL{nil, {Scheme: "http", Host: "p"}} {
		if _, _, err := ws.Dial(t.Context(), "ws://example.com", &ws.DialOptions{
			Proxy:   func(*http.Request) (*url.URL, error) { return proxy, nil },
			NetDial: func(context.Context, string, string) (net.Conn, error) { return &goneConn{}, nil },
		}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("nobody listens: %v", err)
		}
	}
	// A proxy that does not speak TLS.
	if _, _, err := ws.Dial(t.Context(), "ws://example.com", &ws.DialOptions{
		Proxy: func(*http.Request) (*url.URL, error) { return url.Parse("https://" + host) },
	}); err == nil {
		t.Error("TLS with a proxy that has none")
	}
}

// The request is a good handshake, with a key of its own each time.
func TestDialRequest(t *testing.T) {
	var raw bytes.Buffer
	keys := make(map[string]bool)
	for range 2 {
		raw.Reset()
		ws.Dial(t.Context(), "ws://example.com/chat", &ws.DialOptions{
			Proxy:       noProxy,
			Compression: &ws.Compression{ServerMaxWindowBits: 9, ClientMaxWindowBits: 15},
			NetDial: func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				go func() {
					defer server.Close()
					r := bufio.NewReader(io.TeeReader(server, &raw))
					http.ReadRequest(r)
				}()
				return client, nil
			},
		})
		r := request(t, raw.String())
		if err := new(ws.Upgrader).Check(r); err != nil {
			t.Error(err)
		}
		keys[r.Header.Get("Sec-WebSocket-Key")] = true
		if !strings.Contains(raw.String(), "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=15\r\n") {
			t.Errorf("asked with %s", raw.String())
		}
	}
	if len(keys) != 2 {
		t.Errorf("keys %v", slices.Collect(maps.Keys(keys)))
	}
}
