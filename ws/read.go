package ws

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
	"unicode/utf8"
)

// ErrReadLimit is what reading ends with if a message is longer than the limit.
// It is wrapped in an error that says what the limit is.
var ErrReadLimit = errors.New("websocket: read limit exceeded")

const (
	readBuffer = 4 << 10  // for headers and short frames
	firstPiece = 16 << 10 // of a payload: the most that is allocated for what has not arrived
)

// A failure is something the peer did wrong, and the close frame that tells it so.
type failure struct {
	code   int
	reason string
	err    error // the cause, or nil
}

func (e *failure) Error() string {
	return fmt.Sprintf("websocket: failed with close code %d (%s): %s", e.code, codeText[e.code], e.reason)
}

func (e *failure) Unwrap() error { return e.err }

func protocolError(reason string) *failure {
	return &failure{code: CloseProtocolError, reason: reason}
}

func notUTF8(what string) *failure {
	return &failure{code: CloseInvalidFramePayloadData, reason: what + " is not UTF-8"}
}

func tooLong(limit int64) *failure {
	return &failure{
		code:   CloseMessageTooBig,
		reason: fmt.Sprintf("message of more than %d bytes", limit),
		err:    ErrReadLimit,
	}
}

// ReadMessage waits for the next message and returns its type, TextMessage or
// BinaryMessage, and its bytes, which are the caller's. Text is UTF-8.
//
// Control frames that come before the message ends are dealt with on the way.
// The error is a [*CloseError] if the peer sent a close frame, or went away
// without (code [CloseAbnormalClosure]); one that is [ErrReadLimit], for
// errors.Is, if the message is too long; [net.ErrClosed] after Close; another
// for what the network or the peer did wrong. The peer has then been told why,
// with a close frame, if it is to blame. All later calls return the same error.
func (c *Conn) ReadMessage() (messageType int, p []byte, err error) {
	if err := c.reading.take(time.Time{}, c.closed); err != nil {
		return 0, nil, fmt.Errorf("websocket: read: %w", err)
	}
	defer c.reading.give()
	return c.readMessage()
}

// ReadJSON waits for the next message and decodes it, whatever its type, into v.
// A message that is not JSON, or does not fit v, is an error after which the
// next one can be read.
func (c *Conn) ReadJSON(v any) error {
	_, p, err := c.ReadMessage()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(p, v); err != nil {
		return fmt.Errorf("websocket: %w", err)
	}
	return nil
}

// readMessage is ReadMessage for who has the turn.
func (c *Conn) readMessage() (int, []byte, error) {
	if c.readErr != nil {
		return 0, nil, c.readErr
	}
	m, err := c.nextMessage()
	if err != nil {
		c.readErr = c.endReading(err)
		return 0, nil, c.readErr
	}
	return m.opcode, m.data, nil
}

// endReading tells the peer if it was at fault, and returns the error that the
// caller gets.
func (c *Conn) endReading(err error) error {
	if f, ok := errors.AsType[*failure](err); ok {
		c.writeFrame(CloseMessage, FormatCloseMessage(f.code, f.reason), time.Now().Add(answerTimeout))
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &CloseError{Code: CloseAbnormalClosure, Text: io.ErrUnexpectedEOF.Error()}
	}
	return err
}

// A message is one that is being put together.
type message struct {
	opcode int // continuation before its first frame
	data   []byte
	valid  int // how much of a text's data is UTF-8 for certain
}

// nextMessage reads frames until a message is complete.
func (c *Conn) nextMessage() (message, error) {
	var m message
	for {
		h, err := c.in.header()
		switch {
		case err != nil:
		case h.isControl():
			err = c.control(h)
		case h.opcode == continuation && m.opcode == continuation:
			err = protocolError("continuation without a message")
		case h.opcode != continuation && m.opcode != continuation:
			err = protocolError("new message before the end of the last")
		default:
			if h.opcode != continuation {
				m.opcode = h.opcode
			}
			err = c.payload(&m, h)
			if err == nil && h.fin {
				return m, nil
			}
		}
		if err != nil {
			return message{}, err
		}
	}
}

// payload reads the payload of a data frame behind the message's data.
func (c *Conn) payload(m *message, h header) error {
	if h.length > c.readLimit-int64(len(m.data)) {
		return tooLong(c.readLimit)
	}
	if m.data == nil {
		m.data = []byte{} // an empty message is not nil
	}
	left, key := int(h.length), h.key
	for left > 0 {
		m.data = grow(m.data, left, h.fin)
		start := len(m.data)
		n, err := c.in.Read(m.data[start:min(cap(m.data), start+left)])
		m.data = m.data[:start+n]
		key = mask(m.data[start:], key)
		left -= n
		if m.opcode == TextMessage && !m.checkText() {
			return notUTF8("text")
		}
		if err != nil {
			return err
		}
	}
	if m.opcode == TextMessage && h.fin && m.valid < len(m.data) {
		return notUTF8("text")
	}
	return nil
}

// grow returns b with room for at least one byte, of left that the frame still
// says to have. It doubles: no peer makes it hold much more than twice what has
// arrived, nor, with many small frames, copy each byte more than twice. With the
// last frame it stops where the message will end.
func grow(b []byte, left int, last bool) []byte {
	if len(b) < cap(b) {
		return b
	}
	var more int
	if last {
		more = min(left, max(len(b), firstPiece))
	} else {
		more = max(len(b), min(left, firstPiece))
	}
	return append(make([]byte, 0, len(b)+more), b...)
}

// checkText reports whether the data can be the beginning of UTF-8, and moves
// valid to the end of the last complete character.
func (m *message) checkText() bool {
	end := len(m.data) - unfinished(m.data[m.valid:])
	if !utf8.Valid(m.data[m.valid:end]) {
		return false
	}
	m.valid = end
	return true
}

// unfinished returns the size of the character at the end of p that lacks
// bytes, or 0 if there is none.
func unfinished(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		last := p[len(p)-n:]
		if utf8.RuneStart(last[0]) {
			if utf8.FullRune(last) {
				return 0
			}
			return n
		}
	}
	return 0
}

// control reads the payload of a control frame and does what it asks for.
func (c *Conn) control(h header) error {
	p, err := c.in.peek(int(h.length))
	if err != nil {
		return err
	}
	mask(p, h.key)
	c.in.discard(len(p))
	switch h.opcode {
	case PingMessage:
		return c.ping(p)
	case PongMessage:
		if c.onPong != nil {
			return c.onPong(string(p))
		}
		return nil
	default:
		return c.peerClosed(p)
	}
}

// ping answers a ping, unless someone else does. That it cannot be answered is
// for those to know who write.
func (c *Conn) ping(p []byte) error {
	if c.onPing != nil {
		return c.onPing(string(p))
	}
	c.writeFrame(PongMessage, p, time.Now().Add(answerTimeout))
	return nil
}

// peerClosed answers a close frame, unless someone else does, and returns the
// error that ends reading.
func (c *Conn) peerClosed(p []byte) error {
	e, f := parseClose(p)
	if f != nil {
		return f
	}
	c.gotClose = true
	if c.onClose != nil {
		if err := c.onClose(e.Code, e.Text); err != nil {
			return err
		}
		return e
	}
	c.writeFrame(CloseMessage, FormatCloseMessage(e.Code, ""), time.Now().Add(answerTimeout))
	return e
}

// An input reads from a connection by way of a buffer, which has at least room
// for a control frame.
type input struct {
	conn       net.Conn
	buf        []byte
	start, end int // of what is unread in buf
}

func newInput(conn net.Conn, early []byte) input {
	in := input{conn: conn, buf: make([]byte, max(readBuffer, len(early)))}
	in.end = copy(in.buf, early)
	return in
}

// header reads a header, and refuses a bad one as soon as it shows.
func (in *input) header() (header, error) {
	b, err := in.peek(2)
	if err != nil {
		return header{}, err
	}
	size, err := headerSize(b)
	if err != nil {
		return header{}, err
	}
	b, err = in.peek(size)
	if err != nil {
		return header{}, err
	}
	in.discard(size)
	return parseHeader(b)
}

// peek returns the next n bytes, which are valid until the next call.
func (in *input) peek(n int) ([]byte, error) {
	for in.end-in.start < n {
		if err := in.fill(); err != nil {
			return nil, err
		}
	}
	return in.buf[in.start : in.start+n], nil
}

// discard skips n bytes that have been peeked.
func (in *input) discard(n int) { in.start += n }

// fill reads what has arrived, if it fits. The unread bytes are fewer than a
// control frame has.
func (in *input) fill() error {
	in.end = copy(in.buf, in.buf[in.start:in.end])
	in.start = 0
	n, err := in.conn.Read(in.buf[in.end:])
	in.end += n
	if n > 0 {
		return nil // a lasting error comes again
	}
	return err
}

// Read reads what is buffered, or else from the connection: without a detour if
// p is large, and as much as the buffer takes if it is not.
func (in *input) Read(p []byte) (int, error) {
	if in.start == in.end {
		if len(p) >= len(in.buf) {
			return in.conn.Read(p)
		}
		if err := in.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, in.buf[in.start:in.end])
	in.discard(n)
	return n, nil
}
