package msgpack

import (
	"io"
	"math"
	"reflect"
)

// An Encoder writes values, one after another. It may be used by several
// goroutines at once if what it writes to may.
type Encoder struct {
	w io.Writer
}

// NewEncoder returns an encoder that writes to w.
func NewEncoder(w io.Writer) *Encoder { return &Encoder{w} }

// Encode writes v encoded, by a single Write. Nothing is written if v cannot be
// encoded.
func (enc *Encoder) Encode(v any) error {
	e := newEncoder()
	b, err := e.any(e.scratch, v)
	if err == nil {
		_, err = enc.w.Write(b)
	}
	e.release(b)
	return err
}

// DefaultMaxSize is the limit of a [Decoder] that is given none: 4 MiB.
const DefaultMaxSize = 4 << 20

// A Decoder reads values that stand one after another. It is for one goroutine
// at a time. It reads ahead, and holds no more than one value and what it has
// read ahead.
type Decoder struct {
	// MaxSize limits each value in bytes; a longer one is an error. If zero, it
	// is DefaultMaxSize; negative means no limit.
	MaxSize int

	r      io.Reader
	buf    []byte // read, and not decoded
	off    int    // where that begins
	err    error  // of the reader
	failed error  // what each later Decode returns
}

// NewDecoder returns a decoder that reads from r.
func NewDecoder(r io.Reader) *Decoder { return &Decoder{r: r} }

// Decode reads the next value into what v points to, as [Unmarshal] does. It
// returns [io.EOF] if there is none. A value that does not fit is passed over;
// after any other error the same error comes again.
func (dec *Decoder) Decode(v any) error {
	if err := checkDestination(reflect.ValueOf(v)); err != nil {
		return err
	}
	if dec.failed != nil {
		return dec.failed
	}
	n, err := dec.message()
	if err != nil {
		dec.failed = err
		return err
	}
	data := dec.buf[dec.off : dec.off+n]
	dec.off += n
	err = Unmarshal(data, v)
	if e, ok := err.(*DecodeError); ok && e.Malformed {
		dec.failed = err
	}
	return err
}

// message reads until the buffer begins with a whole value, and returns its size.
func (dec *Decoder) message() (int, error) {
	limit := uint64(dec.MaxSize)
	if dec.MaxSize == 0 {
		limit = DefaultMaxSize
	} else if dec.MaxSize < 0 {
		limit = math.MaxInt
	}
	s := scan{budget: maxValues - 1, open: []uint64{1}}
	for {
		done, err := s.advance(dec.buf[dec.off:], limit)
		if done || err != nil {
			return s.off, err
		}
		if err := dec.read(); err != nil {
			if rest := len(dec.buf) - dec.off; err == io.EOF && rest > 0 {
				return 0, truncated(s.off, "the data ends after %s of a value", count(uint64(rest), "byte"))
			}
			return 0, err
		}
	}
}

// minRead is how much room there is at least for reading.
const minRead = 512

// read reads more, into room that grows with what has been read.
func (dec *Decoder) read() error {
	if dec.err != nil {
		return dec.err
	}
	if cap(dec.buf)-len(dec.buf) < minRead {
		rest := dec.buf[dec.off:]
		if dec.off > cap(dec.buf)/2 {
			dec.buf = append(dec.buf[:0], rest...)
		} else {
			dec.buf = append(make([]byte, 0, 2*len(rest)+minRead), rest...)
		}
		dec.off = 0
	}
	for range 100 {
		n, err := dec.r.Read(dec.buf[len(dec.buf):cap(dec.buf)])
		dec.buf = dec.buf[:len(dec.buf)+n]
		dec.err = err
		switch {
		case n > 0:
			return nil
		case err != nil:
			return err
		}
	}
	dec.err = io.ErrNoProgress
	return dec.err
}

// A scan finds the end of a value, of which more and more arrives.
type scan struct {
	off    int // of what was seen
	budget uint64
	// open are the arrays and maps we are in, with how many values each still
	// lacks; the first is the value itself.
	open []uint64
}

// advance looks at data, which begins where it always did, and reports whether
// the value ends in it. A value of more than limit bytes is an error.
func (s *scan) advance(data []byte, limit uint64) (done bool, err error) {
	for {
		h, size := readHead(data[s.off:])
		if size > 0 && h.kind == kindUnused {
			return false, malformed(s.off, "0xc1 is never used")
		}
		end, values := uint64(s.off+size), uint64(0)
		switch h.kind {
		case kindStr, kindBin, kindExt:
			end += h.bits
		case kindArray:
			values = h.bits
		case kindMap:
			values = 2 * h.bits
		}
		cut := size == 0 || end > uint64(len(data))
		switch {
		case end > limit || cut && uint64(len(data)) >= limit:
			return false, malformed(s.off, "longer than %s", count(limit, "byte"))
		case cut:
			return false, nil
		case values > s.budget:
			return false, malformed(s.off, "more than %d values", maxValues)
		case (h.kind == kindArray || h.kind == kindMap) && len(s.open) > maxDepth:
			return false, malformed(s.off, "nested deeper than %d", maxDepth)
		}
		s.off = int(end)
		s.budget -= values
		s.open[len(s.open)-1]--
		if values > 0 {
			s.open = append(s.open, values)
		}
		for s.open[len(s.open)-1] == 0 {
			if s.open = s.open[:len(s.open)-1]; len(s.open) == 0 {
				return true, nil
			}
		}
	}
}
