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
	conn  net.Conn
	raw   syscall.RawConn
	tryIn func(fd uintptr) bool // try, made once

	in  *input // of the read that goes on
	n   int    // what became of it
	err error
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
	w.tryIn = w.try
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

// write writes as much as the socket takes at once, which may be nothing.
func (w *waiter) write(p []byte) (int, error) {
	var n int
	var failed error
	err := w.raw.Write(func(fd uintptr) bool {
		n, failed = again(func() (int, error) { return syscall.Write(int(fd), p) })
		return true
	})
	switch {
	case err != nil:
		return 0, err
	case failed == nil:
		return n, nil
	case errors.Is(failed, syscall.EAGAIN):
		return 0, nil
	default:
		return 0, w.failed("write", failed)
	}
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
