package ws

import (
	"encoding/binary"
	"net"
)

// The read buffer of a connection has these sizes: what it is when little
// arrives at a time, and the most it grows to.
const (
	leastBuffer       = 4 << 10
	waitingBuffer     = 1 << 10 // for connections that cannot wait without one
	defaultReadBuffer = 64 << 10
)

// shrinkAfter is how many small reads in a row make the buffer smaller. One says
// little: it may be the end of a message that did not fit.
const shrinkAfter = 8

// An input reads from a connection by way of a buffer that it borrows. While it
// waits, and nothing is unread, it has none if the connection is a plain socket,
// and a small one if not. The buffer grows while reads fill it, and shrinks
// again.
type input struct {
	owner      *Conn
	wait       *waiter // nil unless conn is a plain socket
	held       *buffer // nil if there is none
	start, end int     // of what is unread in the buffer
	size       int     // of the next buffer
	small      uint8   // reads in a row for which a smaller one would do
}

// init prepares for reading from the owner's connection what comes after the
// early bytes, which are copied.
func (in *input) init(owner *Conn, early []byte) {
	in.owner = owner
	in.wait = newWaiter(in)
	in.size = in.least()
	if len(early) > 0 {
		in.held = borrow(max(len(early), in.size))
		in.end = copy(in.held.b, early)
	}
}

// least returns the smallest size of a buffer.
func (in *input) least() int {
	if in.wait == nil {
		return waitingBuffer
	}
	return leastBuffer
}

// buffered returns the number of bytes that can be had without waiting.
func (in *input) buffered() int { return in.end - in.start }

// peek returns the next n bytes, of which there must be no more than a control
// frame has. They are valid until the next call.
func (in *input) peek(n int) ([]byte, error) {
	for in.buffered() < n {
		if err := in.fill(); err != nil {
			return nil, err
		}
	}
	return in.held.b[in.start : in.start+n], nil
}

// next returns the next n bytes, which must be buffered, and skips them. They
// are valid until more is read.
func (in *input) next(n int) []byte {
	in.start += n
	return in.held.b[in.start-n : in.start : in.start]
}

// last returns the last n bytes that were skipped, and all that is in front of
// them in the buffer and has been skipped too.
func (in *input) last(n int) (all []byte, start int) {
	return in.held.b[:in.start:in.start], in.start - n
}

// Read reads what is buffered, or else from the connection: without a detour if
// p is large, and as much as the buffer takes if it is not.
func (in *input) Read(p []byte) (int, error) {
	for in.buffered() == 0 {
		if len(p) >= in.size {
			in.release()
			in.owner.beforeRead()
			n, err := in.owner.conn.Read(p)
			if n, err = in.arrived(n, err); n > 0 || err != nil {
				return n, err
			}
		} else if err := in.fill(); err != nil {
			return 0, err
		}
	}
	n := min(len(p), in.buffered())
	return copy(p, in.next(n)), nil
}

// fill reads what has arrived, if it fits. The unread bytes are fewer than a
// control frame has.
func (in *input) fill() error {
	switch {
	case in.buffered() > 0:
		in.end = copy(in.held.b, in.held.b[in.start:in.end])
		in.start = 0
	case in.held != nil && in.held.isFor(in.size):
		in.start, in.end = 0, 0
	default:
		in.release()
	}
	in.owner.beforeRead()
	var n int
	var err error
	if in.wait != nil {
		n, err = in.wait.read()
	} else {
		in.lend()
		n, err = in.owner.conn.Read(in.held.b[in.end:])
	}
	n, err = in.arrived(n, err)
	switch {
	case n == 0:
		if in.buffered() == 0 {
			in.release()
		}
	case in.end+n == len(in.held.b):
		in.size, in.small = min(4*len(in.held.b), max(in.owner.set.readBuffer, in.least())), 0
	case in.end+n >= len(in.held.b)/8:
		in.small = 0
	default:
		if in.small++; in.small == shrinkAfter {
			in.size, in.small = max(len(in.held.b)/4, in.least()), 0
		}
	}
	in.end += n
	return err
}

// arrived says what became of reading n bytes. A lasting error comes again.
func (in *input) arrived(n int, err error) (int, error) {
	in.owner.afterRead(n)
	if n > 0 || err == nil {
		return n, nil
	}
	return 0, in.owner.whyNot(err)
}

// lend makes sure that there is a buffer.
func (in *input) lend() {
	if in.held == nil {
		in.held = borrow(in.size)
	}
}

// release gives the buffer, which has nothing unread, back.
func (in *input) release() {
	in.held.giveBack()
	in.held, in.start, in.end = nil, 0, 0
}

// detach leaves the buffer to those who look at what was in it.
func (in *input) detach() {
	old := in.held
	if old == nil {
		return
	}
	unread := old.b[in.start:in.end]
	in.held = borrow(max(len(unread), in.size))
	in.start, in.end = 0, copy(in.held.b, unread)
}

// message returns the sizes of the header and the payload of a message in one frame,
// and whether that comes next and is buffered as a whole, so that reading it will
// not wait.
func (in *input) message() (size, length int, ok bool) {
	if in.buffered() < 2 {
		return 0, 0, false
	}
	b := in.held.b[in.start:in.end]
	if opcode := b[0] & 0x0f; b[0]&finBit == 0 || opcode != TextMessage && opcode != BinaryMessage {
		return 0, 0, false
	}
	size = 2
	n := uint64(b[1] & 0x7f)
	switch {
	case n == 126 && len(b) >= 4:
		n, size = uint64(binary.BigEndian.Uint16(b[2:])), 4
	case n == 127 && len(b) >= 10:
		n, size = binary.BigEndian.Uint64(b[2:]), 10
	case n > 125:
		return 0, 0, false
	}
	if b[1]&maskBit != 0 {
		size += 4
	}
	return size, int(n), size <= len(b) && n <= uint64(len(b)-size)
}

// isPlain reports whether conn is a socket and nothing around it, so that its
// file descriptor is as good as the connection. What only embeds one may do
// something else in Read.
func isPlain(conn net.Conn) bool {
	switch conn.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}
