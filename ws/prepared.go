package ws

import (
	"context"
	"fmt"
	"sync"
)

// A PreparedMessage is a message that is encoded once and sent to any number of
// connections by [Conn.WritePreparedMessage]. It may be used by any number of
// goroutines.
type PreparedMessage struct {
	messageType int
	data        []byte // the payload, as the end of plain
	plain       []byte // a server's frame

	mu         sync.Mutex     // guards what follows
	compressed map[int][]byte // a server's frame, by level
}

// NewPreparedMessage prepares a TextMessage or BinaryMessage; other types are an
// error. Data is copied.
func NewPreparedMessage(messageType int, data []byte) (*PreparedMessage, error) {
	if messageType != TextMessage && messageType != BinaryMessage {
		return nil, fmt.Errorf("websocket: cannot prepare messages of type %d", messageType)
	}
	plain := appendHeader(make([]byte, 0, maxHeaderSize+len(data)), finBit|byte(messageType), len(data))
	plain = append(plain, data...)
	return &PreparedMessage{
		messageType: messageType,
		data:        plain[len(plain)-len(data):],
		plain:       plain,
	}, nil
}

// WritePreparedMessage sends a prepared message. It is as [Conn.WriteMessage]
// with the same type and data, but neither the header nor the compressed form is
// made anew: except by clients, which mask each frame with a key of its own, and
// on connections whose messages refer to earlier ones.
func (c *Conn) WritePreparedMessage(pm *PreparedMessage) error {
	deflates := c.deflate.wants(len(pm.data))
	if c.client || deflates && c.deflate.takeover {
		return c.WriteMessage(pm.messageType, pm.data)
	}
	f := outgoing{
		ctx: context.Background(), deadline: c.messageDeadline(),
		whole: true, payload: pm.plain, message: true, size: len(pm.data),
	}
	if deflates {
		f.payload = pm.deflated(c.deflate.currentLevel())
	}
	return c.writeTurn(&f)
}

// deflated returns the frame of the message as it is compressed at the level, or
// the plain one if that is not longer.
func (pm *PreparedMessage) deflated(level int) []byte {
	pm.mu.Lock()
	defer pm.mu.Unlock()
	if frame, ok := pm.compressed[level]; ok {
		return frame
	}
	frame := pm.plain
	b := compress(pm.data, level)
	defer giveFrames(b)
	if len(*b) < len(pm.data) {
		frame = appendHeader(make([]byte, 0, maxHeaderSize+len(*b)), pm.plain[0]|rsv1Bit, len(*b))
		frame = append(frame, *b...)
	}
	if pm.compressed == nil {
		pm.compressed = make(map[int][]byte)
	}
	pm.compressed[level] = frame
	return frame
}
