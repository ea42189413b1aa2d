package ws

import (
	"context"
	"errors"
	"io"
)

// errStale is the error of a reader whose message nobody can read any more.
var errStale = errors.New("websocket: read: the next message has been asked for")

// A messageReader reads one message in pieces.
type messageReader struct {
	conn  *Conn
	given int  // of what was there before it; guarded by the turn to read
	ended bool // likewise
}

// nobody reads a message of which the rest is not wanted.
var nobody = new(messageReader)

// NextReader waits for the next message and returns its type, TextMessage or
// BinaryMessage, and a reader of its bytes, which ends with io.EOF. What was not
// read of the message before is skipped. If a Read was given up in the middle of
// a message, that is the message, from its beginning.
//
// The reader waits for bytes and passes them on as they arrive; text is checked
// as far as it was read. A compressed message is waited for as a whole, and
// inflated piece by piece. Errors are those of [Conn.ReadMessage]. Asking for
// another message, by whatever method, ends the reader.
func (c *Conn) NextReader() (messageType int, r io.Reader, err error) {
	if err := c.startReading(context.Background()); err != nil {
		return 0, nil, err
	}
	defer c.stopReading()
	c.setPipelined(false)
	m := &c.msg
	err = c.forgetLast()
	if err == nil && m.opcode == continuation {
		err = c.nextFrame()
	}
	if err != nil {
		return 0, nil, c.readFailed(err)
	}
	m.reader = &messageReader{conn: c}
	return int(m.opcode), m.reader, nil
}

// forgetLast ends what was left of the last message: bytes to look at, and a
// reader.
func (c *Conn) forgetLast() error {
	c.answer.forget()
	c.msg.unlook()
	switch {
	case c.readErr != nil:
		return c.readErr
	case c.msg.reader != nil:
		return c.discard()
	default:
		return nil
	}
}

// Read reads some of the message.
func (r *messageReader) Read(p []byte) (int, error) {
	c := r.conn
	if err := c.startReading(context.Background()); err != nil {
		return 0, err
	}
	defer c.stopReading()
	switch {
	case r.ended:
		return 0, io.EOF
	case c.readErr != nil:
		return 0, c.readErr
	case c.msg.reader != r:
		return 0, errStale
	case len(p) == 0:
		return 0, nil
	}
	n, err := c.some(p)
	c.counted.read(0, n)
	if err == errMessageEnds {
		r.ended = true
		c.counted.read(1, 0)
		c.msg.reset()
		return n, io.EOF
	}
	if err != nil {
		return 0, c.readFailed(err)
	}
	return n, nil
}

// discard skips the rest of the message that is read in pieces.
func (c *Conn) discard() error {
	c.msg.reader = nobody
	if !c.msg.compressed {
		c.msg.data = nil
	}
	b := borrow(leastBuffer)
	defer b.giveBack()
	for {
		_, err := c.some(b.b)
		if err == errMessageEnds {
			c.msg.reset()
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// errMessageEnds is the end of a message, as io.EOF is that of the stream.
var errMessageEnds = errors.New("end of the message")

// some reads at least one byte of the message into p, or errMessageEnds.
func (c *Conn) some(p []byte) (int, error) {
	m := &c.msg
	if m.compressed {
		if m.inflater == nil {
			payload, err := c.collect(false)
			if err != nil {
				return 0, err
			}
			m.inflater = c.deflate.inflate(payload)
		}
		return c.inflateSome(p)
	}
	if r := m.reader; r.given < len(m.data) {
		n := copy(p, m.data[r.given:])
		r.given += n
		return n, nil
	}
	for m.left == 0 {
		if m.fin {
			if err := m.ends(); err != nil {
				return 0, err
			}
			return 0, errMessageEnds
		}
		if err := c.nextFrame(); err != nil {
			return 0, err
		}
	}
	n, err := c.payload(p)
	if err != nil {
		return 0, err
	}
	return n, nil
}
