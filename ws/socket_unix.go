//go:build unix

package ws

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// A waiter reads from a socket into a buffer that is borrowed only when
// something has arrived, and writes to it what it takes at once.
type waiter struct {
	in    *input
	raw   syscall.RawConn
	tryIn func(fd uintptr) bool // try, made once

	n   int // what became of the read that goes on
	err error
}

// newWaiter returns the waiter of an input from a plain socket, or nil.
func newWaiter(in *input) *waiter {
	conn := in.owner.conn
	if !isPlain(conn) {
		return nil
	}
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil
	}
	w := &waiter{in: in, raw: raw}
	w.tryIn = w.try
	return w
}

// read waits until something has arrived and reads it behind what the input has.
func (w *waiter) read() (int, error) {
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
	w.n, w.err = again(syscall.Read, fd, w.in.held.b[w.in.end:])
	if w.err != syscall.EAGAIN {
		return true
	}
	if w.in.buffered() == 0 {
		w.in.release()
	}
	return false
}

// A rawWrite is a write to a socket that does not wait.
type rawWrite struct {
	p     []byte
	tryIt func(fd uintptr) bool // try, made once

	n   int // what became of it
	err error
}

var rawWrites = sync.Pool{New: func() any { return newRawWrite() }}

func newRawWrite() *rawWrite {
	o := new(rawWrite)
	o.tryIt = o.try
	return o
}

// try writes what the socket takes, and does not wait for more.
func (o *rawWrite) try(fd uintptr) bool {
	o.n, o.err = again(syscall.Write, fd, o.p)
	return true
}

// write writes as much as the socket takes at once, which may be nothing.
func (w *waiter) write(p []byte) (int, error) {
	o := rawWrites.Get().(*rawWrite)
	defer rawWrites.Put(o)
	return w.writeBy(o, p)
}

// writeBy is write for who has a rawWrite.
func (w *waiter) writeBy(o *rawWrite, p []byte) (int, error) {
	o.p = p
	err := w.raw.Write(o.tryIt)
	o.p = nil
	switch {
	case err != nil:
		return 0, err
	case o.err == nil:
		return o.n, nil
	case o.err == syscall.EAGAIN:
		return 0, nil
	default:
		return 0, w.failed("write", o.err)
	}
}

// again does a system call until no signal interrupts it.
func again(call func(int, []byte) (int, error), fd uintptr, p []byte) (int, error) {
	for {
		n, err := call(int(fd), p)
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

// failed is what net says about a system call that failed.
func (w *waiter) failed(call string, err error) error {
	conn := w.in.owner.conn
	return &net.OpError{
		Op:     call,
		Net:    conn.LocalAddr().Network(),
		Source: conn.LocalAddr(),
		Addr:   conn.RemoteAddr(),
		Err:    os.NewSyscallError(call, err),
	}
}
