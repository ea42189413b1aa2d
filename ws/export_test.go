package ws

// For tests: what has no way in through a handshake.
var (
	NewConn = newConn
	Mask    = mask
)

const FirstPiece = firstPiece
