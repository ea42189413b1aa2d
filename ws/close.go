package ws

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The codes of close frames, RFC 6455 section 11.7 and the registry it founded.
// 3000 to 3999 are for libraries, 4000 to 4999 for applications.
const (
	// CloseNormalClosure means that the connection has done what it was for.
	CloseNormalClosure = 1000
	// CloseGoingAway means that a server goes down, or a page was left.
	CloseGoingAway = 1001
	// CloseProtocolError means that the peer broke the protocol.
	CloseProtocolError = 1002
	// CloseUnsupportedData means that a type of message is not accepted.
	CloseUnsupportedData = 1003
	// CloseNoStatusReceived stands for a close frame without a code; it is never sent.
	CloseNoStatusReceived = 1005
	// CloseAbnormalClosure stands for an end without a close frame; it is never sent.
	CloseAbnormalClosure = 1006
	// CloseInvalidFramePayloadData means that text was not UTF-8.
	CloseInvalidFramePayloadData = 1007
	// ClosePolicyViolation is for what no other code says.
	ClosePolicyViolation = 1008
	// CloseMessageTooBig means that a message is over the limit.
	CloseMessageTooBig = 1009
	// CloseMandatoryExtension means that a client misses an extension.
	CloseMandatoryExtension = 1010
	// CloseInternalServerErr means that the server failed.
	CloseInternalServerErr = 1011
	// CloseServiceRestart means that the server restarts.
	CloseServiceRestart = 1012
	// CloseTryAgainLater means that the server has too much to do.
	CloseTryAgainLater = 1013
	// CloseTLSHandshake stands for a failed TLS handshake; it is never sent.
	CloseTLSHandshake = 1015
)

const closeBadGateway = 1014 // registered, without a name in the field

var codeText = map[int]string{
	CloseNormalClosure:           "normal closure",
	CloseGoingAway:               "going away",
	CloseProtocolError:           "protocol error",
	CloseUnsupportedData:         "unsupported data",
	CloseNoStatusReceived:        "no status",
	CloseAbnormalClosure:         "abnormal closure",
	CloseInvalidFramePayloadData: "invalid payload data",
	ClosePolicyViolation:         "policy violation",
	CloseMessageTooBig:           "message too big",
	CloseMandatoryExtension:      "mandatory extension missing",
	CloseInternalServerErr:       "internal server error",
	CloseServiceRestart:          "service restart",
	CloseTryAgainLater:           "try again later",
	closeBadGateway:              "bad gateway",
	CloseTLSHandshake:            "TLS handshake error",
}

// mayBeSent reports whether a close frame may have the code.
func mayBeSent(code int) bool {
	switch code {
	case CloseNoStatusReceived, CloseAbnormalClosure, CloseTLSHandshake:
		return false
	}
	return codeText[code] != "" || 3000 <= code && code <= 4999
}

// A CloseError is what reading ends with after the peer's close frame.
type CloseError struct {
	// Code is the code of the frame, one of the Close constants or another.
	// CloseNoStatusReceived stands for none, CloseAbnormalClosure for no frame.
	Code int
	// Text is the peer's reason, which may be empty.
	Text string
}

// Error returns the code, what it means and the text.
func (e *CloseError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "websocket: close %d", e.Code)
	if meaning := codeText[e.Code]; meaning != "" {
		fmt.Fprintf(&b, " (%s)", meaning)
	}
	if e.Text != "" {
		b.WriteString(": " + e.Text)
	}
	return b.String()
}

// IsCloseError reports whether err is a [*CloseError] with one of the codes.
func IsCloseError(err error, codes ...int) bool {
	e, ok := errors.AsType[*CloseError](err)
	return ok && slices.Contains(codes, e.Code)
}

// IsUnexpectedCloseError reports whether err is a [*CloseError] with none of the
// codes.
func IsUnexpectedCloseError(err error, expectedCodes ...int) bool {
	e, ok := errors.AsType[*CloseError](err)
	return ok && !slices.Contains(expectedCodes, e.Code)
}

// FormatCloseMessage returns the data of a close frame: the code in two bytes
// and the text. For CloseNoStatusReceived it is empty. The text may have 123
// bytes; it is not checked here, but when it is sent.
func FormatCloseMessage(closeCode int, text string) []byte {
	if closeCode == CloseNoStatusReceived {
		return []byte{}
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(closeCode)), text...)
}

// parseClose parses the data of a close frame, RFC 6455 section 5.5.1.
func parseClose(p []byte) (*CloseError, *failure) {
	if len(p) == 0 {
		return &CloseError{Code: CloseNoStatusReceived}, nil
	}
	if len(p) == 1 {
		return nil, protocolError("half a close code")
	}
	code, text := int(binary.BigEndian.Uint16(p)), p[2:]
	switch {
	case !mayBeSent(code):
		return nil, protocolError(fmt.Sprintf("close code %d", code))
	case !utf8.Valid(text):
		return nil, notUTF8("close reason")
	}
	return &CloseError{Code: code, Text: string(text)}, nil
}

// WriteClose sends a close frame, within CloseTimeout. The connection stays
// open: who reads gets what the peer still has to say and then its close frame,
// and Close waits for that. What is not UTF-8 in the reason is replaced, and
// what exceeds the 123 bytes of a close frame is cut off.
// CloseNoStatusReceived sends a frame without code and reason.
func (c *Conn) WriteClose(code int, reason string) error {
	const most = maxControlPayload - 2
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	if len(reason) > most {
		reason = reason[:most-unfinished([]byte(reason[:most]))]
	}
	if code < 0 || code > 0xffff {
		return fmt.Errorf("websocket: cannot send this close frame: close code %d", code)
	}
	return c.WriteControl(CloseMessage, FormatCloseMessage(code, reason), time.Now().Add(c.set.closeTimeout))
}

// Close ends the connection as RFC 6455 section 7 has it: it sends a close frame
// (code 1000) if none was sent, waits for the peer's, and closes the connection.
// Messages that arrive meanwhile are dropped, unless someone is reading them.
// It takes no longer than CloseTimeout, and it makes whoever reads or writes
// return.
//
// The error says why the peer's close frame was not seen. All calls but the
// first wait for it, and return nil.
func (c *Conn) Close() error {
	if c.closing.Swap(true) {
		<-c.Done()
		return nil
	}
	defer c.shut()
	timer := time.AfterFunc(c.set.closeTimeout, func() { c.shut() })
	err := c.shakeHands()
	if late := !timer.Stop(); err != nil && late {
		return fmt.Errorf("websocket: no close frame from the peer within %v: %w", c.set.closeTimeout, os.ErrDeadlineExceeded)
	}
	return err
}

// shakeHands sends and awaits close frames, until the connection is closed.
func (c *Conn) shakeHands() error {
	err := c.writeFrame(CloseMessage, FormatCloseMessage(CloseNormalClosure, ""), time.Now().Add(c.set.closeTimeout))
	if err != nil && !errors.Is(err, ErrCloseSent) {
		return err
	}
	c.setDeadline(&c.readGate, time.Time{})
	if err := c.reading.take(context.Background(), time.Time{}, c.Done); err != nil {
		return err
	}
	defer c.reading.give()
	c.leave()
	for c.readErr == nil {
		if _, _, err := c.message(false); err != nil {
			c.readFailed(err)
		}
	}
	if c.gotClose {
		return nil
	}
	c.linger()
	return c.readErr
}

// linger lets the peer finish what it is sending. If it had not been read, the
// network would throw our close frame away together with it.
func (c *Conn) linger() {
	half, ok := c.conn.(interface{ CloseWrite() error })
	if ok && half.CloseWrite() == nil {
		io.Copy(io.Discard, c.conn)
	}
}

// CloseNow closes the connection without a close frame. Whoever reads, writes
// or closes returns. What was held back of earlier messages is sent as far as the
// network takes it at once. It may be called at any time; all calls return what
// the first did.
func (c *Conn) CloseNow() error {
	c.closing.Store(true)
	c.uncork()
	if c.cork.holding.Load() {
		// Somebody is writing it, or something before it: that is a matter of
		// moments, or hopeless.
		if c.writing.take(context.Background(), time.Now().Add(10*corkDelay), c.Done) == nil {
			c.flushSome()
			c.writing.give()
		}
	}
	return c.shut()
}
