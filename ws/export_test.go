package ws

import "net"

// For tests: what has no way in through a handshake.
var (
	Mask      = mask
	AcceptKey = acceptKey
)

// NewConn returns a server's connection with default settings.
func NewConn(conn net.Conn, early []byte) *Conn {
	return newConn(conn, early, settings{}.resolve())
}

// NewClientConn returns a client's connection with default settings.
func NewClientConn(conn net.Conn, early []byte) *Conn {
	return newConn(conn, early, settings{client: true}.resolve())
}

const FirstPiece = firstPiece

// IsClient reports whether the connection is a client's.
func IsClient(c *Conn) bool { return c.client }

// Held returns how many bytes are held back.
func Held(c *Conn) int {
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	if c.out == nil {
		return 0
	}
	return len(*c.out)
}
