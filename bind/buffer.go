package bind

import (
	"io"
	"sync"
)

// A bodyState is what has been read of a body, with the memory for it. States
// are pooled: what decoding leaves behind has been copied out of them, see keep.
type bodyState struct {
	bytes   []byte // of a JSON body, or a form while it is read
	limited limitedBody
	keep    bool // somebody may hold on to the bytes

	bodyRead bool
	bodyErr  error

	formRead bool
	formErr  error
	form     formValues
}

// maxPooled is the size above which memory is not kept.
const maxPooled = 64 << 10

var states = sync.Pool{New: func() any { return &bodyState{bytes: make([]byte, 0, 1<<10)} }}

func getState() *bodyState { return states.Get().(*bodyState) }

func (s *bodyState) put() {
	if s.keep || cap(s.bytes) > maxPooled {
		return
	}
	*s = bodyState{bytes: s.bytes[:0]}
	states.Put(s)
}

// readAll reads r to its end, into s.bytes. The expected size is what the client
// says: no more than maxPooled is believed at once.
func (s *bodyState) readAll(r io.Reader, expected int64) error {
	b := s.bytes[:0]
	if want := int(min(expected, maxPooled)) + 1; want > cap(b) {
		b = make([]byte, 0, want)
	}
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		s.bytes = b
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if expected > 0 && int64(len(b)) == expected {
			return nil // net/http's reader ends here too
		}
	}
}
