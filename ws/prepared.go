package ws

import "fmt"

// A PreparedMessage is a message that is encoded once and sent to any number of
// connections by [Conn.WritePreparedMessage]. It may be used by any number of
// goroutines.
type PreparedMessage struct {
	messageType int
	data        []byte // the payload, as the end of plain
	plain       []byte // a server's frame
}

// NewPreparedMessage prepares a TextMessage or BinaryMessage; other types are an
// error. Data is copied.
func NewPreparedMessage(messageType int, data []byte) (*PreparedMessage, error) {
	if messageType != TextMessage && messageType != BinaryMessage {
		return nil, fmt.Errorf("websocket: cannot prepare messages of type %d", messageType)
	}
	plain := appendHeader(make([]byte, 0, maxHeaderSize+len(data)), messageType, len(data))
	plain = append(plain, data...)
	return &PreparedMessage{
		messageType: messageType,
		data:        plain[len(plain)-len(data):],
		plain:       plain,
	}, nil
}

// WritePreparedMessage sends a prepared message. It is as
// [Conn.WriteMessage] with the same type and data, and costs no copy.
func (c *Conn) WritePreparedMessage(pm *PreparedMessage) error {
	c.mu.Lock()
	deadline := c.writeDeadline
	c.mu.Unlock()
	return c.writeTurn(pm.messageType, deadline, func() (int64, error) {
		n, err := c.conn.Write(pm.plain)
		return int64(n), err
	})
}
