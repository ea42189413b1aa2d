package ws

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// defaultHandshakeTimeout is what a zero HandshakeTimeout stands for.
const defaultHandshakeTimeout = 10 * time.Second

// An Upgrader answers opening handshakes, RFC 6455 section 4.2. The zero value
// is ready, a zero field means its default, and it may be used by any number of
// goroutines as long as nobody changes it.
type Upgrader struct {
	// CheckOrigin reports whether the page that the request comes from may
	// connect; if not, the answer is 403. It is called for every handshake, with
	// or without an Origin.
	//
	// If nil, a request without Origin is let in, as it does not come from a
	// page; and any other if one of Origins says so, or if the host and port of
	// its Origin are those of its Host. A missing port is the default one of the
	// Origin's scheme; http and https are otherwise the same, as a server behind a
	// proxy cannot tell.
	CheckOrigin func(r *http.Request) bool
	// Origins are pages, besides the server's own, that may connect:
	//
	//	https://example.com       scheme, host and port, which is 443 here
	//	https://example.com:8443
	//	https://*.example.com     all hosts below example.com, but not itself
	//	*.example.com             the same, http or https
	//	*                         all pages; only if there are no cookies to abuse
	//	null                      pages without an origin, as local files and sandboxes
	//
	// Anything else is a mistake that Err reports; so are Origins next to
	// CheckOrigin, which would not ask for them.
	Origins []string
	// Subprotocols are the subprotocols the server speaks, best first. The
	// first one that the client offers too is agreed on; if there is none, there
	// is no subprotocol, and the client decides whether to go on.
	Subprotocols []string
	// Compression lets clients that offer it agree on permessage-deflate, RFC
	// 7692. If nil, there is none.
	Compression *Compression
	// ReadLimit limits the bytes of one message, as they are after inflating; a
	// longer one closes the connection with code 1009. If zero, it is 1 MiB;
	// negative means no limit.
	ReadLimit int64
	// ReadBufferSize limits the buffer that reading borrows while there is
	// something to read, in bytes. It is 4 KiB (1 KiB over TLS), and grows where
	// much arrives at a time. If zero or negative, the limit is 64 KiB; others
	// are rounded up to a power of two.
	ReadBufferSize int
	// WriteBufferSize is the size in bytes of the fragments that
	// [Conn.NextWriter] sends; other messages need none. The buffer is borrowed
	// until the writer is closed. If zero or negative, it is 16 KiB.
	WriteBufferSize int
	// PingInterval is how long the peer may be silent before it is sent a ping.
	// If zero or negative, there are no pings. 30 seconds do well: proxies cut
	// connections that are silent for a minute.
	PingInterval time.Duration
	// PongTimeout is how long the peer may stay silent after a ping. It is dead
	// then: the connection is closed, and reading ends with [ErrPongTimeout].
	// Any byte from the peer is a sign of life. It should be longer than the
	// longest message takes to be sent, as the ping has to wait for that. If zero
	// or negative, it is 10 seconds.
	//
	// It counts only while someone reads, as nobody else could see the answer.
	PongTimeout time.Duration
	// HandshakeTimeout limits the time for writing the answer. If zero, it is
	// 10 seconds; negative means no limit. (The time for reading the request is
	// the http.Server's.)
	HandshakeTimeout time.Duration
	// CloseTimeout limits how long [Conn.Close] may take. If zero or negative,
	// it is 5 seconds.
	CloseTimeout time.Duration
	// AnyText accepts text messages that are not UTF-8, which RFC 6455 section
	// 8.1 forbids: for clients that send bytes in messages of the wrong type.
	AnyText bool
	// ReasonPrefix begins the reasons of the close frames that tell a peer what
	// it did wrong, or that it does not answer pings: up to 50 bytes of UTF-8.
	ReasonPrefix string
	// ForgetRequest has connections not keep the request: [Conn.Request] returns
	// nil. It is for many connections that mostly wait, of which each then needs a
	// KiB and a half less.
	ForgetRequest bool
}

// maxReasonPrefix is how long ReasonPrefix may be: a reason still fits after it.
const maxReasonPrefix = 50

// Err returns what is wrong with the fields, or nil. It is for those who want to
// know before the first handshake, which is otherwise answered with 500.
func (u *Upgrader) Err() error {
	if err := u.err(); err != nil {
		return fmt.Errorf("websocket: %w", err)
	}
	return nil
}

func (u *Upgrader) err() error {
	if u.CheckOrigin != nil && len(u.Origins) > 0 {
		return errors.New("CheckOrigin and Origins are both set")
	}
	for _, pattern := range u.Origins {
		if _, err := parseOriginPattern(pattern); err != nil {
			return fmt.Errorf("Origins: %w", err)
		}
	}
	for _, protocol := range u.Subprotocols {
		if !isToken(protocol) {
			return fmt.Errorf("Subprotocols: %q is no name of a subprotocol", protocol)
		}
	}
	if len(u.ReasonPrefix) > maxReasonPrefix || !utf8.ValidString(u.ReasonPrefix) {
		return fmt.Errorf("ReasonPrefix: %q is not UTF-8 of up to %d bytes", u.ReasonPrefix, maxReasonPrefix)
	}
	if err := u.Compression.Err(); err != nil {
		return fmt.Errorf("Compression: %w", err)
	}
	return nil
}

// settings returns what concerns connections.
func (u *Upgrader) settings() settings {
	return settings{
		anyText:      u.AnyText,
		reasonPrefix: u.ReasonPrefix,
		readLimit:    u.ReadLimit,
		closeTimeout: u.CloseTimeout,
		readBuffer:   u.ReadBufferSize,
		writeBuffer:  u.WriteBufferSize,
		pingInterval: u.PingInterval,
		pongTimeout:  u.PongTimeout,
		compression:  u.Compression,
	}.resolve()
}

// handshakeDeadline returns when the answer must have been written.
func (u *Upgrader) handshakeDeadline() time.Time {
	switch {
	case u.HandshakeTimeout == 0:
		return time.Now().Add(defaultHandshakeTimeout)
	case u.HandshakeTimeout < 0:
		return time.Time{}
	default:
		return time.Now().Add(u.HandshakeTimeout)
	}
}

// A HandshakeError says why a request was not upgraded. Nothing has been
// written then: the request is still to be answered, which [Refuse] does. Its
// text concerns the request or the server's set-up, and may be sent.
type HandshakeError struct {
	// Status is the HTTP status of the answer: 400, 403, 405, 426, 500 or 501.
	Status int
	// Reason says what is wrong.
	Reason string
	// Header are the fields that the answer should have, as Allow for 405;
	// it may be nil.
	Header http.Header
}

// Error returns the reason, with a prefix.
func (e *HandshakeError) Error() string { return "websocket handshake: " + e.Reason }

// StatusCode returns Status.
func (e *HandshakeError) StatusCode() int { return e.Status }

// Refuse answers the request with status, header fields and text of err, which
// is from [Upgrader.Check] or [Upgrader.Upgrade]. It does nothing if err is not a
// [*HandshakeError], as there is nobody left to answer then.
func Refuse(w http.ResponseWriter, err error) {
	e, ok := errors.AsType[*HandshakeError](err)
	if !ok {
		return
	}
	for name, values := range e.Header {
		w.Header()[name] = slices.Clone(values)
	}
	http.Error(w, e.Error(), e.Status)
}

// Check returns what is wrong with an opening handshake, as a
// [*HandshakeError], or nil. It needs no connection and changes nothing.
//
//	method is not GET                               405  Allow: GET
//	HTTP/2 and later                                501
//	HTTP/1.0, or no Upgrade field: an ordinary GET  426  Upgrade: websocket
//	Upgrade lacks websocket, Connection upgrade     400
//	a body                                          400
//	Sec-WebSocket-Version is not 13                 426  Sec-WebSocket-Version: 13
//	Sec-WebSocket-Key is not 16 bytes in base64     400
//	the Origin is not allowed                       403
//	Err is not nil                                  500
func (u *Upgrader) Check(r *http.Request) error {
	if err := u.err(); err != nil {
		return refuse(http.StatusInternalServerError, "the server is set up wrong: "+err.Error())
	}
	switch {
	case r.Method != http.MethodGet:
		return refuse(http.StatusMethodNotAllowed, "the method is not GET", "Allow", http.MethodGet)
	case r.ProtoMajor > 1:
		return refuse(http.StatusNotImplemented, "it needs HTTP/1.1, not "+r.Proto)
	case !r.ProtoAtLeast(1, 1):
		return upgradeRequired("it needs HTTP/1.1, not " + r.Proto)
	case len(r.Header["Upgrade"]) == 0:
		return upgradeRequired("there is no Upgrade header field")
	case !hasToken(r.Header["Upgrade"], "websocket"):
		return refuse(http.StatusBadRequest, `the Upgrade header field has no "websocket"`)
	case !hasToken(r.Header["Connection"], "upgrade"):
		return refuse(http.StatusBadRequest, `the Connection header field has no "Upgrade"`)
	case r.ContentLength != 0:
		// It would be read as frames, and by a proxy as a body.
		return refuse(http.StatusBadRequest, "the request has a body")
	case !isOne(r.Header["Sec-Websocket-Version"], "13"):
		e := upgradeRequired("the Sec-WebSocket-Version is not 13")
		e.Header.Set("Sec-WebSocket-Version", "13")
		return e
	case !isKey(r.Header["Sec-Websocket-Key"]):
		return refuse(http.StatusBadRequest, "the Sec-WebSocket-Key is not 16 bytes in base64")
	}
	if !u.allowsOrigin(r) {
		return refuse(http.StatusForbidden, "the Origin is not allowed")
	}
	return nil
}

// refuse returns an error with at most one header field.
func refuse(status int, reason string, field ...string) *HandshakeError {
	e := &HandshakeError{Status: status, Reason: reason}
	if len(field) > 0 {
		e.Header = http.Header{field[0]: field[1:]}
	}
	return e
}

// upgradeRequired returns an error for an answer 426, which has to say what to
// upgrade to (RFC 9110 section 15.5.22).
func upgradeRequired(reason string) *HandshakeError {
	e := refuse(http.StatusUpgradeRequired, reason, "Upgrade", "websocket")
	e.Header.Set("Connection", "Upgrade")
	return e
}

// hasToken reports whether one of the values, which are lists separated by
// commas, has the token in any case.
func hasToken(values []string, token string) bool {
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			if equalFold(textproto.TrimString(item), token) {
				return true
			}
		}
	}
	return false
}

// equalFold reports whether a and b differ at most in the case of ASCII letters.
// strings.EqualFold would also take "web\u017focket" for "websocket".
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

func isOne(values []string, want string) bool {
	return len(values) == 1 && values[0] == want
}

func isKey(values []string) bool {
	if len(values) != 1 || len(values[0]) != base64.StdEncoding.EncodedLen(16) {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(values[0])
	return err == nil && len(key) == 16
}

// Upgrade answers the opening handshake and takes the connection over. It does
// what [Upgrader.Check] does first; that need not be called before.
//
// The header, which may be nil, is sent with the answer, after what w.Header has,
// as middleware may have set it, other than Date and Content-*. Its fields Upgrade,
// Connection, Content-Length, Transfer-Encoding, Trailer and Sec-WebSocket-* are
// left out, as they are the handshake's own; but Sec-WebSocket-Protocol is the
// subprotocol if Subprotocols is empty and the client has offered it. Names and
// values that no header field can have are a refusal, 500.
//
// If w, or a writer that it wraps, has a method AttachSession, as the writers of
// package middleware have, it is given the connection: middleware then ends it with
// a close frame, or sends it a message that it is about to. If it has a method
// MessageCounter, messages that come and go are counted by what that returns.
//
// The connection is found by [http.ResponseController], so that w may be
// wrapped in types with an Unwrap method; without one, the refusal is 501 and
// names the type. The answer must not have been begun.
//
// The error is a [*HandshakeError] if the request is still to be answered. Any
// other means that the connection is gone.
func (u *Upgrader) Upgrade(w http.ResponseWriter, r *http.Request, header http.Header) (*Conn, error) {
	if err := u.Check(r); err != nil {
		return nil, err
	}
	header = joined(w.Header(), header)
	own, err := ownFields(header)
	if err != nil {
		return nil, err
	}
	protocol := u.subprotocol(r, header)
	config := u.settings()
	var extension string
	config.agreed, extension = u.Compression.accept(r.Header["Sec-Websocket-Extensions"])
	answer := appendAnswer(nil, r.Header.Get("Sec-WebSocket-Key"), protocol, extension, own)

	netConn, buffered, err := hijack(w)
	if err != nil {
		return nil, err
	}
	early, err := buffered.Reader.Peek(buffered.Reader.Buffered()) // what the client sent ahead
	if err == nil {
		netConn.SetWriteDeadline(u.handshakeDeadline())
		_, err = netConn.Write(answer)
	}
	if err == nil {
		err = netConn.SetWriteDeadline(time.Time{})
	}
	if err != nil {
		netConn.Close()
		return nil, fmt.Errorf("websocket handshake: %w", err)
	}
	config.subprotocol = protocol
	c := newConn(netConn, early, config)
	if !u.ForgetRequest {
		c.request = r
	}
	// The server keeps its reader until the handler returns; not so the buffer in it.
	*buffered.Reader = bufio.Reader{}
	attach(w, c)
	return c, nil
}

// joined returns the fields that were set on the answer as for any, without those
// that are about a body or its time, and then those of the header.
func joined(set, header http.Header) http.Header {
	all := make(http.Header, len(set)+len(header))
	for name, values := range set {
		if name != "Date" && !strings.HasPrefix(name, "Content-") {
			all[name] = slices.Clone(values)
		}
	}
	for name, values := range header {
		all[name] = append(all[name], values...)
	}
	return all
}

// ownFields returns the fields of the header that are sent as they are, or an
// error for what would not stay a field.
func ownFields(header http.Header) (http.Header, error) {
	own := make(http.Header, len(header))
	for name, values := range header {
		if !isToken(name) {
			return nil, refuse(http.StatusInternalServerError, fmt.Sprintf("%q is no name of a header field", name))
		}
		canonical := http.CanonicalHeaderKey(name)
		if isOwnField(canonical) {
			continue
		}
		for _, value := range values {
			if strings.ContainsFunc(value, isControl) {
				return nil, refuse(http.StatusInternalServerError, fmt.Sprintf("header field %s has a control character", name))
			}
		}
		own[canonical] = append(own[canonical], values...)
	}
	return own, nil
}

// isOwnField reports whether a header field, in its canonical form, is the
// handshake's own.
func isOwnField(name string) bool {
	switch name {
	case "Upgrade", "Connection", "Content-Length", "Transfer-Encoding", "Trailer":
		return true
	}
	return strings.HasPrefix(name, "Sec-Websocket-")
}

// isToken reports whether s is a token of RFC 9110 section 5.6.2.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// isControl reports whether a header field's value must not have the character.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// subprotocol returns the subprotocol that both sides speak, or "".
func (u *Upgrader) subprotocol(r *http.Request, header http.Header) string {
	spoken := u.Subprotocols
	if len(spoken) == 0 {
		spoken = header.Values("Sec-WebSocket-Protocol")
	}
	if len(spoken) == 0 {
		return ""
	}
	var offered []string
	for _, value := range r.Header["Sec-Websocket-Protocol"] {
		for item := range strings.SplitSeq(value, ",") {
			offered = append(offered, textproto.TrimString(item))
		}
	}
	for _, protocol := range spoken {
		if isToken(protocol) && slices.Contains(offered, protocol) {
			return protocol
		}
	}
	return ""
}

// appendAnswer appends the answer to a good handshake, RFC 6455 section 4.2.2.
func appendAnswer(b []byte, key, protocol, extension string, own http.Header) []byte {
	b = append(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	b = append(b, acceptKey(key)...)
	b = append(b, "\r\n"...)
	if protocol != "" {
		b = append(b, "Sec-WebSocket-Protocol: "+protocol+"\r\n"...)
	}
	if extension != "" {
		b = append(b, "Sec-WebSocket-Extensions: "+extension+"\r\n"...)
	}
	buf := bytes.NewBuffer(b)
	own.Write(buf)
	return append(buf.Bytes(), "\r\n"...)
}

// acceptKey returns the Sec-WebSocket-Accept for a Sec-WebSocket-Key.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// hijack takes the connection over from the server, without the deadlines that
// the server has set on it. A *HandshakeError means that it is still the server's.
func hijack(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if errors.Is(err, http.ErrNotSupported) {
		return nil, nil, refuse(http.StatusNotImplemented, fmt.Sprintf("%T gives no access to the connection", innermost(w)))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("websocket handshake: %w", err)
	}
	conn.SetDeadline(time.Time{})
	return conn, buffered, nil
}

// innermost returns the writer that http.ResponseController asked in vain.
func innermost(w http.ResponseWriter) http.ResponseWriter {
	for {
		if _, ok := w.(http.Hijacker); ok {
			return w
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = wrapper.Unwrap()
	}
}
