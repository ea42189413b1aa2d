package ws

import (
	"context"
	"iter"
)

// Read is [Conn.ReadMessage] until the context ends. It then returns the
// context's error, and nothing is lost: if a message had begun to arrive, the
// next read, by whatever method, goes on with it.
func (c *Conn) Read(ctx context.Context) (messageType int, p []byte, err error) {
	return c.read(ctx, true)
}

// Write is [Conn.WriteMessage] until the context ends. It then returns the
// context's error. If nothing of the message has been sent, the connection is as
// before. If a part of it has, there can be no more messages: later writes return
// the same error. (Over TLS, and with messages that refer to earlier ones, this
// is so from the moment when it is the message's turn.)
func (c *Conn) Write(ctx context.Context, messageType int, p []byte) error {
	return c.write(ctx, messageType, p)
}

// A Message is what [Conn.Messages] yields.
type Message struct {
	// Type is TextMessage or BinaryMessage.
	Type int
	// Data is the message. IT IS ONLY VALID UNTIL THE NEXT ONE IS ASKED FOR: the
	// connection uses the bytes again. Clone what is to be kept.
	Data []byte
}

// Messages returns the messages that arrive until the context or the connection
// ends. Their bytes are those of [Conn.ReadInPlace]: valid within the body of
// the loop only.
//
// The last pair has no message but an error, the context's or one of
// [Conn.ReadMessage]; there is none if the peer has closed in order, with code
// 1000, 1001 or without one. A loop that is left early, or whose context ends,
// can be followed by another.
func (c *Conn) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for {
			messageType, p, err := c.read(ctx, false)
			if IsCloseError(err, CloseNormalClosure, CloseGoingAway, CloseNoStatusReceived) {
				return
			}
			if !yield(Message{Type: messageType, Data: p}, err) || err != nil {
				return
			}
		}
	}
}
