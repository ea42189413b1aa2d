package ws

import (
	"math/bits"
	"sync"
)

// The sizes of buffers that are pooled: 1 KiB, 2 KiB, and so on to 16 MiB.
const (
	smallestBits = 10
	largestBits  = 24
)

var pools [largestBits - smallestBits + 1]sync.Pool

// A buffer is lent by a pool.
type buffer struct {
	b []byte // of a pooled size, or larger than all of them
}

// borrow returns a buffer of at least size bytes, and of less than twice as many
// if it is not small. What is in it is left over from others.
func borrow(size int) *buffer {
	class := max(bits.Len(uint(size-1)), smallestBits)
	if class > largestBits {
		return &buffer{make([]byte, size)}
	}
	if b, ok := pools[class-smallestBits].Get().(*buffer); ok {
		return b
	}
	return &buffer{make([]byte, 1<<class)}
}

// isFor reports whether borrow would return such a buffer for the size.
func (b *buffer) isFor(size int) bool {
	return len(b.b) == 1<<max(bits.Len(uint(size-1)), smallestBits)
}

// giveBack returns the buffer, which nobody may look at any more, to its pool.
// A nil buffer is none.
func (b *buffer) giveBack() {
	if b == nil || len(b.b) > 1<<largestBits {
		return
	}
	pools[bits.Len(uint(len(b.b)-1))-smallestBits].Put(b)
}
