package ws

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// ErrReadLimit is what reading ends with if a message is longer than the limit.
// It is wrapped in an error that says what the limit is.
var ErrReadLimit = errors.New("websocket: read limit exceeded")

// firstPiece is of a payload: the most that is allocated for what has not
// arrived, unless a message of that size came before.
const firstPiece = 16 << 10

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
// BinaryMessage, and its bytes, which are the caller's. Text is UTF-8, unless
// [Upgrader.AnyText] is set.
//
// Control frames that come before the message ends are dealt with on the way.
// The error is a [*CloseError] if the peer sent a close frame, or went away
// without (code [CloseAbnormalClosure]); one that is [ErrReadLimit], for
// errors.Is, if the message is too long; [ErrPongTimeout] if the peer is dead;
// [net.ErrClosed] after Close; another for what the network or the peer did
// wrong. The peer has then been told why, with a close frame, if it is to blame.
// All later calls return the same error.
func (c *Conn) ReadMessage() (messageType int, p []byte, err error) {
	return c.read(context.Background(), true)
}

// ReadInPlace is ReadMessage without a slice for each message: the bytes are the
// connection's own. They may be changed, but are only valid until the next read,
// by whatever method, and must not be kept. Close does not touch them.
//
// It is for one goroutine that reads. In the long run it allocates nothing for
// messages of up to 16 MiB.
func (c *Conn) ReadInPlace() (messageType int, p []byte, err error) {
	return c.read(context.Background(), false)
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

// read waits for a message until the context ends. Its bytes are the caller's,
// or else the connection's own.
func (c *Conn) read(ctx context.Context, owned bool) (int, []byte, error) {
	if err := c.startReading(ctx); err != nil {
		return 0, nil, err
	}
	defer c.stopReading()
	return c.readMessage(owned)
}

// startReading takes the turn to read until the context ends.
func (c *Conn) startReading(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		err = c.reading.take(ctx, time.Time{}, c.Done)
	}
	if err != nil {
		return readError(err)
	}
	if ctx.Done() != nil {
		c.readCtx = ctx
	}
	return nil
}

func (c *Conn) stopReading() {
	if c.stopCtx != nil {
		c.stopCtx()
	}
	c.readCtx, c.stopCtx = nil, nil
	c.reading.give()
}

// beforeRead is called before the connection is read from, which may wait.
func (c *Conn) beforeRead() {
	if c.readCtx != nil && c.stopCtx == nil {
		c.stopCtx = c.gate(&c.readGate).watch(c.readCtx)
	}
	c.uncork()
	c.alive.waits()
}

// afterRead is called when n bytes have been read from the connection.
func (c *Conn) afterRead(n int) { c.alive.read(n) }

// errGivenUp is an error that does not end reading: the context has ended.
var errGivenUp = errors.New("given up")

// whyNot returns what the error of reading from the connection means.
func (c *Conn) whyNot(err error) error {
	switch {
	case c.readCtx != nil && isTimeout(err) && c.readGate.Load().wasCut():
		return errGivenUp
	case c.alive.isDead():
		return c.alive.err()
	default:
		return err
	}
}

// readMessage is read for who has the turn.
func (c *Conn) readMessage(owned bool) (int, []byte, error) {
	opcode, p, err := c.message(owned)
	if err != nil {
		return 0, nil, c.readFailed(err)
	}
	c.counted.read(1, len(p))
	_, _, pipelined := c.in.message()
	c.setPipelined(pipelined)
	if !owned && !pipelined {
		c.showed(p)
	}
	return opcode, p, nil
}

// readFailed returns the error that the caller gets. All but a context's end
// reading.
func (c *Conn) readFailed(err error) error {
	if err == errGivenUp {
		return readError(c.readCtx.Err())
	}
	if c.readErr == nil {
		c.readErr = c.endReading(err)
		c.msg.reset()
	}
	return c.readErr
}

// endReading tells the peer if it was at fault, and returns the error that the
// caller gets.
func (c *Conn) endReading(err error) error {
	if f, ok := errors.AsType[*failure](err); ok {
		c.writeFrame(CloseMessage, FormatCloseMessage(f.code, c.set.reasonPrefix+f.reason), time.Now().Add(answerTimeout))
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &CloseError{Code: CloseAbnormalClosure, Text: io.ErrUnexpectedEOF.Error()}
	}
	return err
}

// An incoming message is one that is being read, and how far. It stays as it is
// when a Read is given up, and the next one goes on.
type incoming struct {
	opcode     uint8 // continuation before its first frame
	text       bool  // has to be UTF-8
	compressed bool  // the payload of its frames is
	fin        bool  // the last frame has begun
	looked     bool  // someone may look at shown, or at the input's buffer; left of messages before, as shown and usual
	utf8       textCheck
	key        uint32         // for the frame that has begun
	left       int64          // of the payload of that frame
	size       int64          // of the payloads of all frames that have begun
	data       []byte         // the payload so far, not yet inflated
	lent       *buffer        // that data is in, or nil
	reader     *messageReader // who reads it in pieces, or nil
	inflater   *inflater      // of a payload that is complete, or nil
	shown      *buffer        // whose bytes ReadInPlace has returned, or nil
	usual      int            // size of the last message: the next may be as long
}

// reset forgets the message; the next one begins.
func (m *incoming) reset() {
	m.lent.giveBack()
	m.inflater.giveBack()
	*m = incoming{shown: m.shown, looked: m.looked, usual: m.usual}
}

// unlook takes back what ReadInPlace has returned.
func (m *incoming) unlook() {
	m.shown.giveBack()
	m.shown, m.looked = nil, false
}

// A shownMessage is a message of a client's that ReadInPlace has returned out of
// the read buffer. In front of it was its header, which was no shorter than that
// of an answer: so the answer, which often is the same bytes, is written from
// there. It is set and forgotten by who reads; who writes these bytes has them by
// leave of who reads.
type shownMessage struct {
	first atomic.Pointer[byte] // of the message; nil if there is none
	read  []byte               // the buffer, to the end of the message
	start int                  // of the message in it
}

// showed notes that ReadInPlace returns p.
func (c *Conn) showed(p []byte) {
	if c.client || len(p) == 0 || c.msg.shown != nil {
		return
	}
	s := &c.answer
	s.read, s.start = c.in.last(len(p))
	s.first.Store(&p[0])
}

// frame returns a frame made where the payload is, or nil if that is not the
// message or the beginning of it.
func (s *shownMessage) frame(first byte, payload []byte) []byte {
	if len(payload) == 0 || s.first.Load() != &payload[0] {
		return nil
	}
	var h [maxHeaderSize]byte
	header := appendHeader(h[:0], first, len(payload))
	b := s.read[s.start-len(header) : s.start+len(payload)]
	copy(b, header)
	return b
}

// forget is called before the bytes of the message are used for something else.
func (s *shownMessage) forget() {
	if s.first.Load() != nil {
		s.first.Store(nil)
	}
}

// leave lets those who look at what ReadInPlace has returned keep it.
func (c *Conn) leave() {
	if c.msg.looked {
		c.answer.forget()
		c.in.detach()
		c.msg.shown, c.msg.looked = nil, false
	}
}

// message reads on until a message is complete.
func (c *Conn) message(owned bool) (int, []byte, error) {
	if err := c.forgetLast(); err != nil {
		return 0, nil, err
	}
	m := &c.msg
	if m.opcode == continuation {
		if c.in.buffered() == 0 {
			// As a rule it waits here and not deeper down, which is to say that the
			// stack of a connection that waits is small.
			if err := c.in.fill(); err != nil {
				return 0, nil, err
			}
		}
		if opcode, p, ok := c.whole(); ok {
			m.usual, m.looked = len(p), m.looked || !owned
			if owned {
				p = clone(p)
				if c.in.buffered() == 0 {
					c.in.release()
				}
			}
			return opcode, p, nil
		}
	}
	p, err := c.collect(owned)
	if err != nil {
		return 0, nil, err
	}
	opcode, usual := int(m.opcode), len(p)
	if m.compressed {
		if p, err = c.inflateAll(p); err != nil {
			return 0, nil, err
		}
	}
	switch {
	case !owned:
		m.shown, m.lent, m.looked = m.lent, nil, true
	case m.lent != nil:
		p = clone(p)
	}
	m.reset()
	m.usual = usual
	if owned && c.in.buffered() == 0 {
		c.in.release()
	}
	return opcode, p, nil
}

// whole returns the next message if it is as most are: not compressed, in one frame,
// and buffered with all of it. It passes no judgement: what is otherwise, or wrong, is
// left as it was to those who look closer.
func (c *Conn) whole() (opcode int, p []byte, ok bool) {
	size, length, ok := c.in.message()
	if !ok {
		return 0, nil, false
	}
	b := c.in.held.b[c.in.start : c.in.start+size+length]
	form := b[1] & 0x7f
	overlong := form == 126 && length <= 125 || form == 127 && length <= math.MaxUint16
	if b[0]&0x70 != 0 || (b[1]&maskBit != 0) != c.peer.masks || overlong || int64(length) > c.readLimit.Load() {
		return 0, nil, false
	}
	opcode, p = int(b[0]&0x0f), b[size:len(b):len(b)]
	var key uint32
	if c.peer.masks {
		key = binary.LittleEndian.Uint32(b[size-4:])
		mask(p, key)
	}
	if opcode == TextMessage && !c.set.anyText && !utf8.Valid(p) {
		mask(p, key) // as it was
		return 0, nil, false
	}
	c.in.next(size + length)
	return opcode, p, true
}

// collect reads on until the payload of a message is complete, and returns it.
// It is m.lent's, if that is not nil; or else the input's, valid until more is
// read; or else owned as was wished, if it is not compressed.
func (c *Conn) collect(owned bool) ([]byte, error) {
	m := &c.msg
	for {
		if m.left == 0 && !m.fin {
			if err := c.nextFrame(); err != nil {
				return nil, err
			}
		}
		owned := owned && !m.compressed
		if m.fin && len(m.data) == 0 && m.left <= int64(c.in.buffered()) {
			p := c.in.next(int(m.left))
			mask(p, m.key)
			m.left = 0
			if m.isText() && !utf8.Valid(p) {
				return nil, notUTF8("text")
			}
			if owned {
				p = clone(p)
			}
			return p, nil
		}
		for m.left > 0 {
			m.grow(owned)
			n, err := c.payload(m.data[len(m.data):cap(m.data)])
			m.data = m.data[:len(m.data)+n]
			if err != nil {
				return nil, err
			}
		}
		if m.fin {
			return m.data, m.ends()
		}
	}
}

// clone returns a copy of p, of the same capacity and never nil.
func clone(p []byte) []byte {
	q := make([]byte, len(p))
	copy(q, p)
	return q
}

// isText reports whether the payload is text as it comes.
func (m *incoming) isText() bool { return m.text && !m.compressed }

// ends returns what is wrong with a message that ends here.
func (m *incoming) ends() error {
	if !m.utf8.ended() {
		return notUTF8("text")
	}
	return nil
}

// payload reads some of the frame that has begun into p.
func (c *Conn) payload(p []byte) (int, error) {
	m := &c.msg
	n, err := c.in.Read(p[:min(int64(len(p)), m.left)])
	m.key = mask(p[:n], m.key)
	m.left -= int64(n)
	if m.isText() && !m.utf8.add(p[:n]) {
		return n, notUTF8("text")
	}
	return n, err
}

// grow gives the data room for at least one byte more. It doubles: no peer makes
// it hold much more than twice what has arrived (or four times, as the sizes of
// pooled buffers are powers of two), nor, with many small frames, copy each byte
// more than twice. With the last frame it stops where the message will end. What
// the last message needed is there at once: it was paid for.
func (m *incoming) grow(owned bool) {
	size := len(m.data)
	if size < cap(m.data) {
		return
	}
	proven := max(size, firstPiece, m.usual-size)
	more := int(min(m.left, int64(proven)))
	if !m.fin {
		more = max(size, int(min(m.left, firstPiece)))
	}
	if owned && m.lent == nil {
		m.data = append(make([]byte, 0, size+more), m.data...)
		return
	}
	b := borrow(size + more)
	m.data = b.b[:copy(b.b, m.data)]
	m.lent.giveBack()
	m.lent = b
}

// nextFrame reads on until a data frame has begun.
func (c *Conn) nextFrame() error {
	m := &c.msg
	for {
		h, size, err := c.header()
		if err != nil {
			return err
		}
		if h.isControl() {
			if err := c.control(&h, size); err != nil {
				return err
			}
			continue
		}
		if h.opcode == continuation && m.opcode == continuation {
			return protocolError("continuation without a message")
		}
		if h.opcode != continuation && m.opcode != continuation {
			return protocolError("new message before the end of the last")
		}
		if h.opcode != continuation {
			m.opcode, m.compressed = uint8(h.opcode), h.compressed
			m.text = h.opcode == TextMessage && !c.set.anyText
		}
		limit := c.readLimit.Load()
		most := limit
		if m.compressed {
			most = deflated(most)
		}
		if h.length > most-m.size {
			return tooLong(limit)
		}
		c.in.next(size)
		m.fin, m.left, m.key = h.fin, h.length, h.key
		m.size += h.length
		return nil
	}
}

// header returns the next header and its size, without skipping it, and refuses
// a bad one as soon as it shows.
func (c *Conn) header() (header, int, error) {
	b, err := c.in.peek(2)
	if err != nil {
		return header{}, 0, err
	}
	size, err := c.peer.headerSize(b)
	if err != nil {
		return header{}, 0, err
	}
	b, err = c.in.peek(size)
	if err != nil {
		return header{}, 0, err
	}
	h, err := parseHeader(b)
	return h, size, err
}

// control does what a control frame asks for, whose header of the size comes next.
func (c *Conn) control(h *header, size int) error {
	// It is not skipped until all of it is there: reading may be given up.
	if _, err := c.in.peek(size + int(h.length)); err != nil {
		return err
	}
	p := c.in.next(size + int(h.length))[size:]
	mask(p, h.key)
	switch h.opcode {
	case PingMessage:
		return c.ping(p)
	case PongMessage:
		if h := c.handlers; h != nil && h.pong != nil {
			return h.pong(string(p))
		}
		return nil
	default:
		return c.peerClosed(p)
	}
}

// ping answers a ping, unless someone else does. That it cannot be answered is
// for those to know who write.
func (c *Conn) ping(p []byte) error {
	if h := c.handlers; h != nil && h.ping != nil {
		return h.ping(string(p))
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
	c.counted.closes(e.Code, true)
	if h := c.handlers; h != nil && h.close != nil {
		if err := h.close(e.Code, e.Text); err != nil {
			return err
		}
		return e
	}
	c.writeFrame(CloseMessage, FormatCloseMessage(e.Code, ""), time.Now().Add(answerTimeout))
	return e
}
