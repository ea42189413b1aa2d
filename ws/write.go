package ws

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// ErrCloseSent is returned for what is written after a close frame.
var ErrCloseSent = errors.New("websocket: close frame sent")

// oneWrite is the longest payload that is copied behind its header, to be
// written at once.
const oneWrite = 64 << 10

// frames has frames to be, as *[]byte of at most a few times oneWrite.
var frames = sync.Pool{New: func() any { return new([]byte) }}

// giveFrames returns b to its pool. A nil b is none.
func giveFrames(b *[]byte) {
	if b != nil && cap(*b) <= 4*oneWrite {
		frames.Put(b)
	}
}

// WriteMessage sends a message in one frame, before the deadline of
// [Conn.SetWriteDeadline]. Data is not kept. A TextMessage should be UTF-8,
// which is not checked. For the other types it is [Conn.WriteControl].
//
// The message is sent when WriteMessage returns; unless the peer has sent more
// messages which can be read without waiting. It is held back then for a
// millisecond at most, to go with the answers to those in one write, and an error
// in sending it is that of the next write.
func (c *Conn) WriteMessage(messageType int, data []byte) error {
	return c.write(context.Background(), messageType, data)
}

// WriteJSON sends v as JSON in a text message.
func (c *Conn) WriteJSON(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("websocket: %w", err)
	}
	return c.WriteMessage(TextMessage, data)
}

// WriteControl sends a CloseMessage, PingMessage or PongMessage before the
// deadline, if that is not zero. It waits for a frame that is being written, but
// not for those that wait for their turn, nor for the end of a message that is
// written in fragments. Data may have 125 bytes; that of a CloseMessage is
// checked to be of the form that [FormatCloseMessage] gives it, and whatever is
// written after it returns [ErrCloseSent].
func (c *Conn) WriteControl(messageType int, data []byte, deadline time.Time) error {
	if err := checkControl(messageType, data); err != nil {
		return err
	}
	return c.writeFrame(messageType, data, deadline)
}

func checkControl(messageType int, data []byte) error {
	switch messageType {
	case CloseMessage:
		if _, err := parseClose(data); err != nil {
			return fmt.Errorf("websocket: cannot send this close frame: %s", err.reason)
		}
	case PingMessage, PongMessage:
	default:
		return fmt.Errorf("websocket: cannot write messages of type %d", messageType)
	}
	if len(data) > maxControlPayload {
		return fmt.Errorf("websocket: control frame of %d bytes, the most is %d", len(data), maxControlPayload)
	}
	return nil
}

// writeFrame sends a control frame that has been checked.
func (c *Conn) writeFrame(messageType int, data []byte, deadline time.Time) error {
	f := outgoing{ctx: context.Background(), deadline: deadline, first: finBit | byte(messageType), payload: data}
	return c.writeTurn(&f)
}

// write sends a message until the context ends.
func (c *Conn) write(ctx context.Context, messageType int, data []byte) error {
	var f outgoing // filled bit by bit, which takes half the stack
	f.ctx, f.deadline = ctx, c.messageDeadline()
	f.first, f.payload = finBit|byte(messageType), data
	f.message, f.size = true, len(data)
	if messageType != TextMessage && messageType != BinaryMessage {
		if err := checkControl(messageType, data); err != nil {
			return err
		}
		f.message = false
	} else if c.deflate.wants(len(data)) {
		return c.writeDeflated(&f)
	}
	if err := c.takeWriting(&f); err != nil { // as writeTurn
		return writeError(err)
	}
	defer c.giveWriting()
	return c.writeNow(&f)
}

// writeDeflated sends a message that is to be compressed: at once if it can do
// without those before it, and in its turn if not.
func (c *Conn) writeDeflated(f *outgoing) error {
	if c.deflate.takeover {
		f.deflate = true
	} else {
		b := compress(f.payload, c.deflate.currentLevel())
		defer giveFrames(b)
		if len(*b) < len(f.payload) {
			f.first, f.payload = f.first|rsv1Bit, *b
		}
	}
	return c.writeTurn(f)
}

// An outgoing frame.
type outgoing struct {
	ctx      context.Context // until when it is to be sent,
	deadline time.Time       // if that is not zero
	first    byte            // as in a header
	message  bool            // a message that waits for others to end
	deflate  bool            // compress the payload when it is its turn
	whole    bool            // payload is the frame as a server sends it
	payload  []byte
	size     int // of the message, before it is compressed
}

// writeTurn sends the frame when it is its turn.
func (c *Conn) writeTurn(f *outgoing) error {
	if err := c.takeWriting(f); err != nil {
		return writeError(err)
	}
	defer c.giveWriting()
	return c.writeNow(f)
}

// takeWriting takes the turn to write; for messages, when no other message is
// being written in fragments. It does not begin if the context has ended.
func (c *Conn) takeWriting(f *outgoing) error {
	if err := f.ctx.Err(); err != nil {
		return err
	}
	for {
		if err := c.writing.take(f.ctx, f.deadline, c.Done); err != nil {
			return err
		}
		if !f.message || c.open == nil || c.writeErr != nil {
			return nil
		}
		open := c.open
		if open.abandoned.Load() {
			c.giveUpMessage()
			return nil
		}
		c.giveWriting()
		if err := open.wait(f.ctx, f.deadline, c.Done()); err != nil {
			return err
		}
	}
}

// giveWriting ends the turn to write.
func (c *Conn) giveWriting() {
	c.writing.give()
	c.checkCork()
}

// writeNow sends the frame for who has the turn.
func (c *Conn) writeNow(f *outgoing) error {
	if c.writeErr != nil {
		return c.writeErr
	}
	c.setDeadline(&c.writeGate, f.deadline) // on a closed connection, writing fails too
	if f.deflate {
		defer giveFrames(c.deflateNow(f))
	}
	hold := f.message && c.mayHold(f.ctx, f.deadline)
	if f.ctx.Done() != nil {
		defer c.gate(&c.writeGate).watch(f.ctx)()
	}
	noted := c.noteClose(f) // before the peer can have answered it
	var n int64
	var err error
	if b, held, ok := c.pack(f, hold); !ok {
		n, err = c.sendLong(f)
	} else if b != nil {
		n, err = c.sendPacked(b, held)
	}
	if err == nil {
		c.sent(f)
		return nil
	}
	if noted {
		c.counted.notClosed()
	}
	return c.writeFailed(f, n, err)
}

// deflateNow compresses the payload, for who has the turn, into a buffer that is
// to be given back.
func (c *Conn) deflateNow(f *outgoing) *[]byte {
	b := frames.Get().(*[]byte)
	*b = c.deflate.ownDeflater().appendMessage((*b)[:0], f.payload)
	f.first, f.payload = f.first|rsv1Bit, *b
	return b
}

// writeFailed returns the error for who wrote the frame, of which n bytes have
// been sent, and ends writing if nothing can follow.
func (c *Conn) writeFailed(f *outgoing, n int64, err error) error {
	gone := n > 0 || !isTimeout(err) || f.deflate // the peer would lack what later messages refer to
	if f.ctx.Err() != nil && isTimeout(err) && c.writeGate.Load().wasCut() {
		err = f.ctx.Err()
		if gone {
			err = fmt.Errorf("given up in the middle of a frame: %w", err)
		}
	}
	err = writeError(err)
	if gone {
		c.endWriting(err) // after a part of a frame, another would be taken for the rest
	}
	return err
}

// sent notes that a frame has been sent.
func (c *Conn) sent(f *outgoing) {
	switch {
	case f.message:
		c.counted.written(1, f.size)
	case f.first == finBit|CloseMessage:
		c.endWriting(ErrCloseSent)
	}
}

// noteClose notes that the frame is sent, if it is a close frame, and reports
// whether it is the first.
func (c *Conn) noteClose(f *outgoing) bool {
	if f.first != finBit|CloseMessage {
		return false
	}
	e, _ := parseClose(f.payload)
	return c.counted.closes(e.Code, false)
}

// endWriting ends writing with an error, for who waits to write too.
func (c *Conn) endWriting(err error) {
	c.writeErr = err
	c.open.end()
	c.open = nil
	c.dropHeld()
}

// pack returns what is to be written at once for the frame: the frame, behind the
// held bytes of those that are held back. That is nil if the frame is held back as
// well. It reports false if the frame is too long to be copied.
//
// Header and payload go in one call if they are short, or if the payload has room
// for a header in front of it.
func (c *Conn) pack(f *outgoing, hold bool) (b []byte, held int, ok bool) {
	if c.out == nil && !hold {
		if f.whole {
			return f.payload, 0, true
		}
		if b := c.answer.frame(f.first, f.payload); b != nil {
			return b, 0, true
		}
	}
	if len(f.payload) > oneWrite {
		return nil, 0, false
	}
	if c.out == nil {
		c.out = frames.Get().(*[]byte)
		*c.out = (*c.out)[:0]
	}
	held = len(*c.out)
	if f.whole {
		*c.out = append(*c.out, f.payload...)
	} else {
		*c.out = c.appendFrame(*c.out, f)
	}
	if hold && len(*c.out) <= corkSize {
		c.holdBack(held == 0)
		return nil, 0, true
	}
	return *c.out, held, true
}

// sendPacked sends what pack has returned, and returns how much.
func (c *Conn) sendPacked(b []byte, held int) (int64, error) {
	n, err := c.conn.Write(b)
	if err != nil && n == 0 && isTimeout(err) && held > 0 {
		*c.out = (*c.out)[:held] // for the next one
	} else {
		c.dropHeld()
	}
	return int64(n), err
}

// sendLong sends what is held back and a frame that is too long to be copied.
func (c *Conn) sendLong(f *outgoing) (int64, error) {
	switch {
	case f.whole:
		return c.sendParts(f.payload)
	case c.client:
		return c.sendMasked(f)
	default:
		return c.sendParts(appendHeader(nil, f.first, len(f.payload)), f.payload)
	}
}

// sendParts sends what is held back and parts that are too long to copy.
func (c *Conn) sendParts(parts ...[]byte) (int64, error) {
	if c.out != nil {
		parts = append([][]byte{*c.out}, parts...)
	}
	n, err := (*net.Buffers)(&parts).WriteTo(c.conn)
	if err == nil || n > 0 || !isTimeout(err) {
		c.dropHeld()
	}
	return n, err
}

// sendMasked sends what is held back and a long frame of a client's, piece by
// piece: the payload is the caller's, and must not be masked where it is.
func (c *Conn) sendMasked(f *outgoing) (int64, error) {
	b := frames.Get().(*[]byte)
	defer giveFrames(b)
	key := newKey()
	*b = (*b)[:0]
	if c.out != nil {
		*b = append(*b, *c.out...)
	}
	*b = appendMaskedHeader(*b, f.first, len(f.payload), key)
	var sent int64
	for payload := f.payload; len(payload) > 0; {
		piece := payload[:min(len(payload), oneWrite)]
		payload = payload[len(piece):]
		start := len(*b)
		*b = append(*b, piece...)
		key = mask((*b)[start:], key)
		n, err := c.conn.Write(*b)
		sent += int64(n)
		if err != nil {
			if sent > 0 || !isTimeout(err) {
				c.dropHeld()
			}
			return sent, err
		}
		*b = (*b)[:0]
	}
	c.dropHeld()
	return sent, nil
}

// appendFrame appends a frame, masked if this end is the client.
func (c *Conn) appendFrame(b []byte, f *outgoing) []byte {
	if !c.client {
		return append(appendHeader(b, f.first, len(f.payload)), f.payload...)
	}
	key := newKey()
	b = appendMaskedHeader(b, f.first, len(f.payload), key)
	b = append(b, f.payload...)
	mask(b[len(b)-len(f.payload):], key)
	return b
}

// newKey returns a key to mask a frame with. It must not be foreseen by who
// chooses the payload, or they could choose what proxies between see (RFC 6455
// section 10.3). It is therefore from crypto/rand, which costs a small part of
// what writing the frame costs.
func newKey() uint32 {
	var b [4]byte
	rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint32(b[:])
}
