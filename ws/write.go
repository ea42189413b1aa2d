package ws

import (
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

// buffers has frames to be, as *[]byte of at most oneWrite and a header.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// WriteMessage sends a message in one frame, before the deadline of
// [Conn.SetWriteDeadline]. Data is not kept. A TextMessage should be UTF-8,
// which is not checked. For the other types it is [Conn.WriteControl].
func (c *Conn) WriteMessage(messageType int, data []byte) error {
	c.mu.Lock()
	deadline := c.writeDeadline
	c.mu.Unlock()
	if messageType != TextMessage && messageType != BinaryMessage {
		return c.WriteControl(messageType, data, deadline)
	}
	return c.writeFrame(messageType, data, deadline)
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
// deadline, if that is not zero. It waits for a message that is being written,
// but not for those that wait for their turn. Data may have 125 bytes; that of a
// CloseMessage is checked to be of the form that [FormatCloseMessage] gives it,
// and whatever is written after it returns [ErrCloseSent].
func (c *Conn) WriteControl(messageType int, data []byte, deadline time.Time) error {
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
	return c.writeFrame(messageType, data, deadline)
}

// writeFrame writes one frame when it is its turn.
func (c *Conn) writeFrame(opcode int, data []byte, deadline time.Time) error {
	return c.writeTurn(opcode, deadline, func() (int64, error) { return c.send(opcode, data) })
}

// writeTurn calls send, which writes one frame, when it is its turn.
func (c *Conn) writeTurn(opcode int, deadline time.Time, send func() (int64, error)) error {
	if err := c.writing.take(deadline, c.closed); err != nil {
		return fmt.Errorf("websocket: write: %w", err)
	}
	defer c.writing.give()
	if c.writeErr != nil {
		return c.writeErr
	}
	if deadline != c.deadline {
		c.conn.SetWriteDeadline(deadline) // on a closed connection, writing fails too
		c.deadline = deadline
	}
	n, err := send()
	if err != nil {
		err = fmt.Errorf("websocket: write: %w", err)
	}
	switch {
	case err == nil && opcode == CloseMessage:
		c.writeErr = ErrCloseSent
	case err != nil && (n > 0 || !isTimeout(err)):
		c.writeErr = err // after a part of a frame, another would be taken for the rest
	}
	return err
}

// send writes header and payload, in one call if they are short.
func (c *Conn) send(opcode int, data []byte) (int64, error) {
	if len(data) > oneWrite {
		parts := net.Buffers{appendHeader(nil, opcode, len(data)), data}
		return parts.WriteTo(c.conn)
	}
	b := buffers.Get().(*[]byte)
	defer buffers.Put(b)
	*b = append(appendHeader((*b)[:0], opcode, len(data)), data...)
	n, err := c.conn.Write(*b)
	return int64(n), err
}

// isTimeout reports whether err tells of a missed deadline.
func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}
