package ws

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ErrBadHandshake is what [Dial] returns if the server's answer is not that of a
// WebSocket server. It is wrapped in an error that says why.
var ErrBadHandshake = errors.New("bad handshake")

const (
	maxAnswer      = 1 << 20     // bytes of an answer, its header above all
	refusalBody    = 1 << 10     // how much is kept of the body of a refusal
	refusalTimeout = time.Second // and how long it is waited for
)

// DialOptions configure [Dial]. The zero value is ready, and a zero field means
// its default.
type DialOptions struct {
	// Header is sent with the request: Authorization, Cookie, Origin, and Host,
	// which takes the place of the URL's. The fields of the handshake itself are
	// an error, as are names and values that no field can have.
	Header http.Header
	// Subprotocols are offered to the server, best first.
	Subprotocols []string
	// Compression, if it is not nil, offers permessage-deflate, RFC 7692.
	Compression *Compression
	// TLSConfig is for wss and https URLs. If nil, it is the default one. The
	// server's name and HTTP/1.1 are filled in.
	TLSConfig *tls.Config
	// Proxy returns the proxy for a request, whose URL has the scheme http or
	// https here, or nil for none. If Proxy is nil, it is
	// [http.ProxyFromEnvironment]. Proxies are http or https URLs, with user and
	// password if need be.
	Proxy func(*http.Request) (*url.URL, error)
	// NetDial makes the network connection to the server, or to the proxy. If
	// nil, it is that of a [net.Dialer].
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)
	// ReadLimit, ReadBufferSize, WriteBufferSize, PingInterval, PongTimeout and
	// CloseTimeout are as in [Upgrader].
	ReadLimit                       int64
	ReadBufferSize, WriteBufferSize int
	PingInterval, PongTimeout       time.Duration
	CloseTimeout                    time.Duration
}

// settings returns what concerns connections.
func (o *DialOptions) settings() settings {
	return settings{
		client:       true,
		readLimit:    o.ReadLimit,
		closeTimeout: o.CloseTimeout,
		readBuffer:   o.ReadBufferSize,
		writeBuffer:  o.WriteBufferSize,
		pingInterval: o.PingInterval,
		pongTimeout:  o.PongTimeout,
		compression:  o.Compression,
	}.resolve()
}

// Dial connects to a WebSocket server, as RFC 6455 section 4.1 has it. The URL
// is ws, wss, http or https, and has neither a fragment nor user information:
// that belongs into an Authorization header field. The options may be nil. The
// context limits the handshake, not the connection.
//
// The response is returned as soon as there is one. If it is not that of a
// WebSocket server, the error is [ErrBadHandshake], and up to 1 KiB of the body
// can be read, which needs no closing. Redirects are not followed: they are a
// matter of trust, and the response says where to.
//
// Sec-WebSocket-Protocol and Sec-WebSocket-Extensions that were not asked for
// are bad handshakes too, as are parameters of permessage-deflate that the offer
// does not allow; the server is told so with close code 1010.
func Dial(ctx context.Context, url string, options *DialOptions) (*Conn, *http.Response, error) {
	if options == nil {
		options = new(DialOptions)
	}
	d, err := newDialer(url, options)
	if err != nil {
		return nil, nil, fmt.Errorf("websocket: dial: %w", err)
	}
	conn, res, err := d.dial(ctx)
	if err != nil {
		return nil, res, fmt.Errorf("websocket: dial %s: %w", url, err)
	}
	return conn, res, nil
}

// A dialler is one call of Dial.
type dialler struct {
	options *DialOptions
	request *http.Request // with an http or https URL
	key     string        // Sec-WebSocket-Key
	offer   *deflateOffer // nil if there is none
}

// newDialer checks what the caller has said.
func newDialer(rawURL string, options *DialOptions) (*dialler, error) {
	u, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	r := &http.Request{
		Method:     http.MethodGet,
		URL:        u,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     make(http.Header),
	}
	if err := addFields(r, options.Header); err != nil {
		return nil, err
	}
	d := &dialler{options: options, request: r, key: newHandshakeKey()}
	// The names of RFC 6455, where servers are particular about letters.
	r.Header["Upgrade"] = []string{"websocket"}
	r.Header["Connection"] = []string{"Upgrade"}
	r.Header["Sec-WebSocket-Version"] = []string{"13"}
	r.Header["Sec-WebSocket-Key"] = []string{d.key}
	for i, protocol := range options.Subprotocols {
		if !isToken(protocol) || slices.Contains(options.Subprotocols[:i], protocol) {
			return nil, fmt.Errorf("subprotocol %q is no name, or there twice", protocol)
		}
	}
	if len(options.Subprotocols) > 0 {
		r.Header["Sec-WebSocket-Protocol"] = []string{strings.Join(options.Subprotocols, ", ")}
	}
	if err := options.Compression.Err(); err != nil {
		return nil, err
	}
	if options.Compression != nil {
		offer := options.Compression.offer()
		d.offer = &offer
		r.Header["Sec-WebSocket-Extensions"] = []string{offer.String()}
	}
	return d, nil
}

// parseURL parses a WebSocket URL, RFC 6455 section 3, into an http or https one.
func parseURL(rawURL string) (*url.URL, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the URL, in which there may be a password
		}
		return nil, fmt.Errorf("the URL cannot be parsed: %w", err)
	}
	switch {
	case u.User != nil:
		return nil, fmt.Errorf("URL %q has user information; that belongs into an Authorization header field", u.Redacted())
	case u.Fragment != "" || strings.HasSuffix(rawURL, "#"):
		return nil, fmt.Errorf("URL %q has a fragment", rawURL)
	case u.Hostname() == "" || u.Opaque != "":
		return nil, fmt.Errorf("URL %q has no host", rawURL)
	case strings.ContainsFunc(u.Host, func(r rune) bool { return r > '~' }):
		return nil, fmt.Errorf("URL %q: the host is not ASCII; its xn-- form is needed", rawURL)
	}
	switch u.Scheme {
	case "ws", "http":
		u.Scheme = "http"
	case "wss", "https":
		u.Scheme = "https"
	default:
		return nil, fmt.Errorf("URL %q: the scheme is not ws, wss, http or https", rawURL)
	}
	return u, nil
}

// addFields adds the caller's header fields to the request.
func addFields(r *http.Request, header http.Header) error {
	for name, values := range header {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !isToken(name):
			return fmt.Errorf("%q is no name of a header field", name)
		case slices.ContainsFunc(values, func(v string) bool { return strings.ContainsFunc(v, isControl) }):
			return fmt.Errorf("header field %s has a control character", name)
		case canonical == "Host":
			if len(values) != 1 || !isHost(values[0]) {
				return fmt.Errorf("header field Host is %q", values)
			}
			r.Host = values[0]
		case isOwnField(canonical):
			return fmt.Errorf("header field %s is the handshake's own", name)
		default:
			r.Header[canonical] = append(r.Header[canonical], values...)
		}
	}
	return nil
}

// isHost reports whether s can be a host and port.
func isHost(s string) bool {
	u, err := url.Parse("//" + s)
	return err == nil && u.Host == s && s != ""
}

// newHandshakeKey returns 16 random bytes in base64.
func newHandshakeKey() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return base64.StdEncoding.EncodeToString(b[:])
}

// dial connects, asks, and judges the answer.
func (d *dialler) dial(ctx context.Context) (*Conn, *http.Response, error) {
	conn, err := d.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	a := newAnswer(conn)
	var res *http.Response
	err = within(ctx, conn, func() error {
		if err := d.request.Write(conn); err != nil {
			return err
		}
		var err error
		res, err = a.read(d.request)
		return err
	})
	config := d.options.settings()
	if err == nil {
		config.agreed, err = d.judge(res)
	}
	if e, ok := errors.AsType[*extensionError](err); ok {
		e.tell(conn)
	}
	var early []byte
	if err == nil {
		early, err = a.r.Peek(a.r.Buffered()) // what the server sent at once
	}
	if err != nil {
		conn.Close()
		return nil, res, err
	}
	config.subprotocol = res.Header.Get("Sec-WebSocket-Protocol")
	c := newConn(conn, early, config)
	return c, res, nil
}

// within runs f, which uses conn, until the context ends.
func within(ctx context.Context, conn net.Conn, f func() error) error {
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(cutOff) })
	err := f()
	if !stop() {
		return ctx.Err()
	}
	return err
}

// An answer is what comes back on a connection.
type answer struct {
	conn  net.Conn
	limit *io.LimitedReader
	r     *bufio.Reader
}

func newAnswer(conn net.Conn) *answer {
	limit := &io.LimitedReader{R: conn, N: maxAnswer}
	return &answer{conn, limit, bufio.NewReader(limit)}
}

// read reads the answer, after those that only inform (RFC 9110 section 15.2).
// If it refuses, its body is what can be had of it.
func (a *answer) read(request *http.Request) (*http.Response, error) {
	for {
		res, err := http.ReadResponse(a.r, request)
		switch {
		case err != nil && a.limit.N <= 0:
			return nil, fmt.Errorf("the answer has more than %d bytes", maxAnswer)
		case err != nil:
			return nil, fmt.Errorf("reading the answer: %w", err)
		case res.StatusCode < 200 && res.StatusCode != http.StatusSwitchingProtocols:
			continue
		}
		var body []byte
		if res.StatusCode >= 200 && request.Method != http.MethodConnect {
			a.conn.SetReadDeadline(time.Now().Add(refusalTimeout))
			body, _ = io.ReadAll(io.LimitReader(res.Body, refusalBody))
		}
		res.Body = io.NopCloser(bytes.NewReader(body))
		return res, nil
	}
}

// judge returns what is agreed on about compression, or what is wrong with the
// answer, RFC 6455 section 4.1.
func (d *dialler) judge(res *http.Response) (*agreement, error) {
	h := res.Header
	switch {
	case res.StatusCode != http.StatusSwitchingProtocols:
		return nil, badHandshake("the answer is %s", res.Status)
	case !res.ProtoAtLeast(1, 1):
		return nil, badHandshake("the answer is %s", res.Proto)
	case len(h["Upgrade"]) != 1 || !equalFold(h["Upgrade"][0], "websocket"):
		return nil, badHandshake("the Upgrade header field is %q", h["Upgrade"])
	case !hasToken(h["Connection"], "upgrade"):
		return nil, badHandshake("the Connection header field is %q", h["Connection"])
	case !isOne(h["Sec-Websocket-Accept"], acceptKey(d.key)):
		return nil, badHandshake("the Sec-WebSocket-Accept is not that of the key")
	}
	if chosen := h["Sec-Websocket-Protocol"]; len(chosen) > 1 || len(chosen) == 1 && !slices.Contains(d.options.Subprotocols, chosen[0]) {
		return nil, badHandshake("the subprotocol is %q, which was not offered", chosen)
	}
	agreed, err := d.offer.agree(h["Sec-Websocket-Extensions"])
	if err != nil {
		return nil, badHandshake("%w", &extensionError{err.Error()})
	}
	return agreed, nil
}

// badHandshake returns an ErrBadHandshake.
func badHandshake(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrBadHandshake}, args...)...)
}

// An extensionError is an answer that agrees on what was not offered.
type extensionError struct{ reason string }

func (e *extensionError) Error() string { return "the server answers with " + e.reason }

// tell lets the server know, which takes the connection for a good one.
func (e *extensionError) tell(conn net.Conn) {
	c := newConn(conn, nil, settings{client: true, closeTimeout: time.Second}.resolve())
	c.WriteClose(CloseMandatoryExtension, e.reason)
	conn.SetReadDeadline(time.Now().Add(time.Second))
	c.linger()
}
