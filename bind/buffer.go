package bind

import (
	"io"
	"sync"
)

// A buffer holds a body while it is read and decoded. Buffers are pooled: what
// decoding leaves behind has been copied out of them, see Request.keepBody.
type buffer struct{ b []byte }

// maxPooled is the size above which a buffer is not kept.
const maxPooled = 64 << 10

var buffers = sync.Pool{New: func() any { return &buffer{b: make([]byte, 0, 1<<10)} }}

func getBuffer() *buffer {
	return buffers.Get().(*buffer)
}

func (b *buffer) put() {
	if cap(b.b) > maxPooled {
		return
	}
	b.b = b.b[:0]
	buffers.Put(b)
}

// readAll reads r to its end. The expected size is what the client says: no
// more than maxPooled is believed at once.
func (b *buffer) readAll(r io.Reader, expected int64) error {
	if want := int(min(expected, maxPooled)) + 1; want > cap(b.b) {
		b.b = make([]byte, 0, want)
	}
	for {
		if len(b.b) == cap(b.b) {
			b.b = append(b.b, 0)[:len(b.b)]
		}
		n, err := r.Read(b.b[len(b.b):cap(b.b)])
		b.b = b.b[:len(b.b)+n]
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if expected > 0 && int64(len(b.b)) == expected {
			return nil // net/http's reader ends here too
		}
	}
}
