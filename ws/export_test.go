package ws

import "net"

// For tests: what has no way in through a handshake.
var Mask = mask

// NewConn returns a server's connection with default settings.
func NewConn(conn net.Conn, early []byte) *Conn {
	return newConn(conn, early, settings{}.resolve())
}

const FirstPiece = firstPiece
