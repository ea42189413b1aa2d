//go:build unix

package ws

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// A waiter reads from a socket into a buffer that is borrowed only when
// something has arrived, and writes to it what it takes at once.
type waiter struct {
	conn   net.Conn
	raw    syscall.RawConn
	tryIn  func(fd uintptr) bool // try, made once
	tryOut func(fd uintptr) bool // tryWrite, made once

	in  *input // of the read that goes on
	n   int    // what became of it
	err error

	out     []byte // of the write that goes on
	written int    // what became of it
	outErr  error
}

// newWaiter returns the waiter of a plain socket, or nil.
func newWaiter(conn net.Conn) *waiter {
	if !isPlain(conn) {
		return nil
	}
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil
	}
	w := &waiter{conn: conn, raw: raw}
	w.tryIn, w.tryOut = w.try, w.tryWrite
	return w
}

// read waits until something has arrived and reads it behind what the input has.
func (w *waiter) read(in *input) (int, error) {
	w.in = in
	err := w.raw.Read(w.tryIn)
	switch {
	case err != nil:
		return 0, err
	case w.err != nil:
		return 0, w.failed("read", w.err)
	case w.n == 0:
		return 0, io.EOF
	default:
		return w.n, nil
	}
}

// try reads what has arrived, and reports whether anything has.
func (w *waiter) try(fd uintptr) bool {
	w.in.lend()
	w.n, w.err = again(func() (int, error) { return syscall.Read(int(fd), w.in.held.b[w.in.end:]) })
	if !errors.Is(w.err, syscall.EAGAIN) {
		return true
	}
	if w.in.buffered() == 0 {
		w.in.release()
	}
	return false
}

// write writes as much as the socket takes at once, which may be nothing. It is
// for who has the turn to write.
func (w *waiter) write(p []byte) (int, error) {
	w.out = p
	err := w.raw.Write(w.tryOut)
	w.out = nil
	switch {
	case err != nil:
		return 0, err
	case w.outErr == nil:
		return w.written, nil
	case errors.Is(w.outErr, syscall.EAGAIN):
		return 0, nil
	default:
		return 0, w.failed("write", w.outErr)
	}
}

// tryWrite writes what the socket takes, and does not wait for more.
func (w *waiter) tryWrite(fd uintptr) bool {
	w.written, w.outErr = again(func() (int, error) { return syscall.Write(int(fd), w.out) })
	return true
}

// again does a system call until no signal interrupts it.
func again(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

// failed is what net says about a system call that failed.
func (w *waiter) failed(call string, err error) error {
	return &net.OpError{
		Op:     call,
		Net:    w.conn.LocalAddr().Network(),
		Source: w.conn.LocalAddr(),
		Addr:   w.conn.RemoteAddr(),
		Err:    os.NewSyscallError(call, err),
	}
}
