package bind

import (
	"bytes"
	"encoding/json"
	"io"
	"sync"
)

// A bodyState is what has been read of a body, with the memory for it. States
// are pooled: what decoding leaves behind has been copied out of them, see keep.
type bodyState struct {
	bytes   []byte // of a JSON body, or a form while it is read
	limited limitedBody
	keep    bool // somebody may hold on to the bytes
	foreign bool // they are not JSON, or not for encoding/json

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

// A decoder is a json.Decoder that is used again, for small bodies: it keeps the
// state that json.Unmarshal makes anew for each.
type decoder struct {
	r   bytes.Reader
	dec *json.Decoder
	fed int64 // bytes of all bodies so far
}

// maxDecoder is the size above which copying a body to a decoder costs more
// than it saves.
const maxDecoder = 4 << 10

var decoders = sync.Pool{New: func() any {
	d := new(decoder)
	d.dec = json.NewDecoder(&d.r)
	return d
}}

// unmarshal is json.Unmarshal(data, v).
func (p *BodyPlan) unmarshal(data []byte, v any) error {
	// Foreign code may keep what it decodes; numbers and words end only where
	// the input does, which a decoder does not forget.
	if first := data[0]; p.keep || len(data) > maxDecoder || first != '{' && first != '[' {
		return json.Unmarshal(data, v)
	}
	d := decoders.Get().(*decoder)
	d.r.Reset(data)
	if err := d.dec.Decode(v); err != nil {
		return json.Unmarshal(data, v) // for its error; this decoder is spoilt
	}
	rest := data[d.dec.InputOffset()-d.fed:]
	for _, c := range rest {
		if !isSpace(c) {
			return json.Unmarshal(data, v)
		}
	}
	if d.r.Len() == 0 { // else it does not know of the space at the end
		d.fed += int64(len(data))
		d.r.Reset(nil)
		decoders.Put(d)
	}
	return nil
}
