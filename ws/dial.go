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

// refusalBody is how much of the body of a refusal can be read.
const refusalBody = 1 << 10

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
		return nil, res, fmt.Errorf("websocket: dial %s: %w", d.request.URL.Redacted(), err)
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
		Host:       withoutZone(u),
	}
	if err := addFields(r, options.Header); err != nil {
		return nil, err
	}
	d := &dialler{options: options, request: r, key: newHandshakeKey()}
	r.Header["Upgrade"] = []string{"websocket"}
	r.Header["Connection"] = []string{"Upgrade"}
	r.Header["Sec-Websocket-Version"] = []string{"13"}
	r.Header["Sec-Websocket-Key"] = []string{d.key}
	for i, protocol := range options.Subprotocols {
		if !isToken(protocol) || slices.Contains(options.Subprotocols[:i], protocol) {
			return nil, fmt.Errorf("subprotocol %q is no name, or there twice", protocol)
		}
	}
	if len(options.Subprotocols) > 0 {
		r.Header["Sec-Websocket-Protocol"] = []string{strings.Join(options.Subprotocols, ", ")}
	}
	if err := options.Compression.Err(); err != nil {
		return nil, err
	}
	if options.Compression != nil {
		offer := options.Compression.offer()
		d.offer = &offer
		r.Header["Sec-Websocket-Extensions"] = []string{offer.String()}
	}
	return d, nil
}

// parseURL parses a WebSocket URL, RFC 6455 section 3, into an http or https one.
func parseURL(rawURL string) (*url.URL, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, err // it quotes the URL
	}
	switch u.Scheme {
	case "ws", "http":
		u.Scheme = "http"
	case "wss", "https":
		u.Scheme = "https"
	default:
		return nil, fmt.Errorf("URL %q: the scheme is not ws, wss, http or https", u.Redacted())
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
	return u, nil
}

// withoutZone returns the URL's host, without the zone of an IPv6 address, which
// means something on this machine only.
func withoutZone(u *url.URL) string {
	host, zone, ok := strings.Cut(u.Host, "%")
	if _, port, isIP := strings.Cut(zone, "]"); ok && isIP {
		return host + "]" + port
	}
	return u.Host
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
	var res *http.Response
	var r *bufio.Reader
	err = within(ctx, conn, func() error {
		r = bufio.NewReaderSize(conn, leastBuffer)
		if err := d.request.Write(conn); err != nil {
			return err
		}
		var err error
		if res, err = readResponse(r, d.request); err != nil {
			return err
		}
		if res.StatusCode != http.StatusSwitchingProtocols {
			keepBody(res)
			return bad("the answer is %s", res.Status)
		}
		return nil
	})
	if err != nil {
		conn.Close()
		return nil, res, err
	}
	res.Body = http.NoBody
	config := d.options.settings()
	if config.agreed, err = d.judge(res); err != nil {
		if e, ok := errors.AsType[*extensionError](err); ok {
			refuseExtension(conn, e)
		}
		conn.Close()
		return nil, res, err
	}
	early, err := r.Peek(r.Buffered()) // what the server sent at once
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		conn.Close()
		return nil, res, err
	}
	c := newConn(conn, early, config)
	c.subprotocol = res.Header.Get("Sec-WebSocket-Protocol")
	return c, res, nil
}

// within runs f, which uses conn, until the context ends.
func within(ctx context.Context, conn net.Conn, f func() error) error {
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(cutOff) })
	err := f()
	if !stop() || err != nil && isTimeout(err) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// maxResponse limits the size of the answer's header.
const maxResponse = 1 << 20

// readResponse reads an answer, of which the header must not go on for ever.
func readResponse(r *bufio.Reader, request *http.Request) (*http.Response, error) {
	for {
		limited := &headReader{r: r, left: maxResponse}
		res, err := http.ReadResponse(bufio.NewReaderSize(limited, 1), request)
		_ = res
		return res, err
	}
}

// bad returns an ErrBadHandshake.
func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBadHandshake, fmt.Sprintf(format, args...))
}

// keepBody reads what can be had of the body of a refusal.
func keepBody(res *http.Response) {
	b, _ := io.ReadAll(io.LimitReader(res.Body, refusalBody))
	res.Body = io.NopCloser(bytes.NewReader(b))
}
