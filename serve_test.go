package gongular_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/ws"
)

// Serve stops when its context ends: new connections are refused, the running
// request is answered, its cleanups and then the provided values' Stop run.
func TestServeStopsGracefully(t *testing.T) {
	e := quiet()
	var events []string
	svc := &service{events: &events}
	e.Provide(svc)
	e.ProvideFunc(func() (*session, func()) {
		return &session{}, func() { events = append(events, "cleanup") }
	})
	started, proceed := make(chan bool), make(chan bool)
	e.GET("/", &needsOnlySession{}, handler(func(c *gongular.Context) error {
		close(started)
		<-proceed
		if c.Context().Err() != nil {
			t.Error("the running request was cancelled")
		}
		c.SetBody("done")
		return nil
	}))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- e.ServeListener(ctx, ln) }()

	answers := make(chan string)
	go func() {
		res, err := http.Get("http://" + ln.Addr().String())
		if err != nil {
			answers <- err.Error()
			return
		}
		answers <- body(t, res)
	}()
	<-started
	stop()
	for { // until the listener is closed
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			break
		}
		conn.Close()
	}
	close(proceed)
	if got := <-answers; got != `"done"` {
		t.Errorf("the running request got %s", got)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve returned %v", err)
	}
	if want := []string{"start", "cleanup", "stop"}; !slices.Equal(events, want) {
		t.Errorf("got %q, want %q", events, want)
	}
}

type service struct {
	events *[]string
	fail   error
}

func (s *service) Start(context.Context) error { *s.events = append(*s.events, "start"); return s.fail }
func (s *service) Stop(context.Context) error  { *s.events = append(*s.events, "stop"); return nil }

type needsOnlySession struct{ Session *session }

func (*needsOnlySession) Handle(*gongular.Context) error { return nil }

// A request that does not end is cut after the limit, and Serve says so.
func TestServeCutsWhatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := quiet(gongular.Options{ShutdownTimeout: time.Second, Logger: silent})
		started := make(chan bool)
		e.GET("/", handler(func(c *gongular.Context) error {
			close(started)
			<-c.Context().Done() // the connection is closed under it
			return nil
		}))
		l := newPipe()
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error)
		go func() { served <- e.ServeListener(ctx, l) }()
		transport := &http.Transport{DialContext: l.dial}
		failed := make(chan error)
		go func() {
			_, err := (&http.Client{Transport: transport}).Get("http://pipe/")
			failed <- err
		}()
		<-started
		began := time.Now()
		stop()
		err := <-served
		if took := time.Since(began); took < time.Second || took > 2*time.Second {
			t.Errorf("it took %v", took)
		}
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "gongular: requests were still running 1s after") {
			t.Errorf("Serve returned %v", err)
		}
		if <-failed == nil {
			t.Error("the request was answered")
		}
	})
}

// What cannot start does not serve.
func TestServeFails(t *testing.T) {
	var events []string
	e := quiet()
	e.Provide(&service{events: &events, fail: errors.New("no disk")})
	if err := e.Serve(t.Context(), "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "no disk") {
		t.Errorf("Serve returned %v", err)
	}
	if err := e.ListenAndServe("127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "no disk") {
		t.Errorf("ListenAndServe returned %v", err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	e = quiet()
	for name, err := range map[string]error{
		"Serve":             e.Serve(t.Context(), taken.Addr().String()),
		"ListenAndServe":    e.ListenAndServe(taken.Addr().String()),
		"ListenAndServeTLS": e.ListenAndServeTLS(taken.Addr().String(), "", ""),
	} {
		var op *net.OpError
		if !errors.As(err, &op) {
			t.Errorf("%s returned %v", name, err)
		}
	}
	if err := e.ServeTLS(t.Context(), "127.0.0.1:0", "no.crt", "no.key"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("ServeTLS returned %v", err)
	}
}

// certificate makes a certificate for 127.0.0.1 and returns its files and who
// trusts it.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	certFile, keyFile = filepath.Join(t.TempDir(), "crt"), filepath.Join(t.TempDir(), "key")
	if err := errors.Join(os.WriteFile(certFile, certPEM, 0o600), os.WriteFile(keyFile, keyPEM, 0o600)); err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return certFile, keyFile, pool
}

// freeAddr returns an address that was free a moment ago.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// ask tries until the server listens.
func ask(t *testing.T, client *http.Client, url string) *http.Response {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; {
		res, err := client.Get(url)
		if err == nil {
			return res
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// HTTP/2 works over TLS without further ado, streams and errors with it.
func TestHTTP2(t *testing.T) {
	certFile, keyFile, pool := certificate(t)
	e := quiet(gongular.Options{Logger: silent})
	e.POST("/body", &badBody{}).With(gongular.Options{MaxBody: 100})
	e.GET("/proto", handler(func(c *gongular.Context) error { c.SetBody(c.Request().Proto); return nil }))
	e.GET("/panic", handler(func(c *gongular.Context) error { panic("x") }))
	e.GET("/hijack", handler(func(c *gongular.Context) error {
		_, _, err := http.NewResponseController(c.Writer()).Hijack()
		if !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Hijack returned %v", err)
		}
		c.SetBody("refused")
		return nil
	}))
	e.GET("/stream", handler(func(c *gongular.Context) error {
		for range 3 {
			io.WriteString(c.Writer(), "x")
			if err := http.NewResponseController(c.Writer()).Flush(); err != nil {
				t.Error(err)
			}
		}
		return nil
	}))
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error)
	addr := freeAddr(t)
	go func() { served <- e.ServeTLS(ctx, addr, certFile, keyFile) }()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	client := &http.Client{Transport: transport}
	if got := body(t, ask(t, client, "https://"+addr+"/proto")); got != `"HTTP/2.0"` {
		t.Errorf("the protocol was %s", got)
	}
	for path, want := range map[string]string{"/stream": "xxx", "/panic": `"internal server error"`, "/hijack": `"refused"`} {
		if got := body(t, ask(t, client, "https://"+addr+path)); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
	res, err := client.Post("https://"+addr+"/body", jsonType, strings.NewReader(strings.Repeat(" ", 1000)))
	if err != nil {
		t.Fatal(err)
	}
	if body(t, res); res.StatusCode != 413 {
		t.Errorf("status %d for a large body", res.StatusCode)
	}
	transport.CloseIdleConnections()
	stop()
	if err := <-served; err != nil {
		t.Errorf("ServeTLS returned %v", err)
	}
}

// Unencrypted HTTP/2 is an option.
func TestUnencryptedHTTP2(t *testing.T) {
	for _, on := range []bool{false, true} {
		e := quiet(gongular.Options{UnencryptedHTTP2: on})
		e.GET("/proto", handler(func(c *gongular.Context) error { c.SetBody(c.Request().Proto); return nil }))
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error)
		go func() { served <- e.ServeListener(ctx, ln) }()
		transport := &http.Transport{Protocols: new(http.Protocols)}
		transport.Protocols.SetUnencryptedHTTP2(true)
		client := &http.Client{Transport: transport}
		res, err := client.Get("http://" + ln.Addr().String() + "/proto")
		switch {
		case !on && err == nil:
			t.Error("HTTP/2 was served without the option")
		case on && err != nil:
			t.Error(err)
		case on:
			if got := body(t, res); got != `"HTTP/2.0"` {
				t.Errorf("the protocol was %s", got)
			}
		}
		if err == nil && !on {
			res.Body.Close()
		}
		res, err = http.Get("http://" + ln.Addr().String() + "/proto")
		if err != nil {
			t.Fatal(err)
		}
		if got := body(t, res); got != `"HTTP/1.1"` {
			t.Errorf("the protocol was %s", got)
		}
		transport.CloseIdleConnections()
		http.DefaultClient.CloseIdleConnections()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}

// A server that nobody configured does not wait for ever: not for a header, nor
// for a body that nobody limits, nor for the next request.
func TestSafeTimeouts(t *testing.T) {
	e := quiet()
	e.GET("/", &helloHandler{})
	e.POST("/read", handler(func(c *gongular.Context) error {
		_, err := io.ReadAll(c.Request().Body)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("reading ended with %v", err)
		}
		return nil
	}))
	for _, test := range []struct {
		name, sent string
		answers    int // to be read before the connection is closed
		want       time.Duration
	}{
		{"half a header", "GET / HTTP/1.1\r\nHost:", 0, 5 * time.Second},
		{"idle", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1, 2 * time.Minute},
		{"half a body", "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx", 1, 5 * time.Minute},
	} {
		inBubble(t, e, func(t *testing.T, l *pipeListener, _ *http.Client) {
			conn, err := l.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			began := time.Now()
			io.WriteString(conn, test.sent)
			if _, err := io.ReadAll(conn); err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			if took := time.Since(began).Round(time.Second); took != test.want {
				t.Errorf("%s: the connection was closed after %v, want %v", test.name, took, test.want)
			}
		})
	}
	s := quiet(gongular.Options{ReadHeaderTimeout: -1, ReadTimeout: -1, IdleTimeout: -1, MaxHeaderBytes: 100}).Server(":1")
	if s.ReadHeaderTimeout != 0 || s.ReadTimeout != 0 || s.IdleTimeout != 0 || s.MaxHeaderBytes != 100 || s.Addr != ":1" {
		t.Errorf("negative limits became %+v", s)
	}
}

// ListenAndServe and ListenAndServeTLS serve until Shutdown, as does Serve.
func TestListenAndServe(t *testing.T) {
	certFile, keyFile, pool := certificate(t)
	e := quiet()
	e.GET("/", &helloHandler{})
	addr, tlsAddr, ctxAddr := freeAddr(t), freeAddr(t), freeAddr(t)
	served := make(chan error)
	go func() { served <- e.ListenAndServe(addr) }()
	go func() { served <- e.ListenAndServeTLS(tlsAddr, certFile, keyFile) }()
	go func() {
		if err := e.Serve(t.Context(), ctxAddr); err != nil {
			t.Errorf("Serve returned %v", err)
		}
		served <- http.ErrServerClosed
	}()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	client := &http.Client{Transport: transport}
	for _, url := range []string{"http://" + addr, "https://" + tlsAddr, "http://" + ctxAddr} {
		if got := body(t, ask(t, client, url)); got != `"hello"` {
			t.Errorf("%s: %s", url, got)
		}
	}
	transport.CloseIdleConnections()
	if err := e.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown returned %v", err)
	}
	for range 3 {
		if err := <-served; err != http.ErrServerClosed {
			t.Errorf("a server returned %v", err)
		}
	}
}

// A hub that is provided ends with the server: after the sessions of routes, and
// before what was provided earlier. It tells the peers of connections that no
// handler has any more, and waits for them.
func TestProvidedHubEndsWithServer(t *testing.T) {
	var events []string
	hub := ws.NewHub(ws.HubOptions{OnLeave: func(string, ws.Member) { events = append(events, "left") }})
	e := quiet()
	e.Provide(&service{events: &events})
	e.Provide(hub)
	e.ProvideWithKey("again", hub)
	e.Handle("GET /feed", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(ws.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		client, err := hub.Add(conn, ws.ClientOptions{})
		if err != nil {
			t.Error(err)
			return
		}
		client.Join("news")
		hub.Broadcast("news", ws.TextMessage, []byte("the last one"))
	}))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- e.ServeListener(ctx, ln) }()
	conn, _, err := ws.Dial(t.Context(), "ws://"+ln.Addr().String()+"/feed", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	if _, p, err := conn.ReadMessage(); string(p) != "the last one" || err != nil {
		t.Errorf("read %q, %v", p, err)
	}
	stop()
	_, _, err = conn.ReadMessage()
	if closed, ok := errors.AsType[*ws.CloseError](err); !ok || closed.Code != ws.CloseGoingAway {
		t.Errorf("the peer is told %v", err)
	}
	conn.Close()
	if err := <-served; err != nil {
		t.Errorf("Serve returned %v", err)
	}
	if want := []string{"start", "left", "stop"}; !slices.Equal(events, want) {
		t.Errorf("got %q, want %q", events, want)
	}
	if _, err := hub.BroadcastAll(ws.TextMessage, nil); err != ws.ErrHubClosed {
		t.Errorf("the hub is still open: %v", err)
	}
}
