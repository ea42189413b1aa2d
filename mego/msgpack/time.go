package msgpack

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"time"
)

// timestampExt is the extension that a point in time is.
const timestampExt = -1

// time appends t in 32 bits of seconds, in 30 bits of nanoseconds and 34 of
// seconds, or in 32 of nanoseconds and 64 of seconds.
func (e *encoder) time(b []byte, t time.Time) ([]byte, error) {
	seconds, nanos := t.Unix(), uint32(t.Nanosecond())
	switch {
	case nanos == 0 && 0 <= seconds && seconds <= math.MaxUint32:
		b = appendExtHead(b, 4, timestampExt)
		return binary.BigEndian.AppendUint32(b, uint32(seconds)), nil
	case 0 <= seconds && seconds < 1<<34:
		b = appendExtHead(b, 8, timestampExt)
		return binary.BigEndian.AppendUint64(b, uint64(nanos)<<34|uint64(seconds)), nil
	}
	b = appendExtHead(b, 12, timestampExt)
	b = binary.BigEndian.AppendUint32(b, nanos)
	return binary.BigEndian.AppendUint64(b, uint64(seconds)), nil
}

// readTimestamp reads the data of the extension, or says what is wrong with it.
func readTimestamp(b []byte) (t time.Time, why string) {
	var seconds int64
	var nanos uint32
	switch len(b) {
	case 4:
		seconds = int64(binary.BigEndian.Uint32(b))
	case 8:
		bits := binary.BigEndian.Uint64(b)
		seconds, nanos = int64(bits&(1<<34-1)), uint32(bits>>34)
	case 12:
		nanos, seconds = binary.BigEndian.Uint32(b), int64(binary.BigEndian.Uint64(b[4:]))
	default:
		return time.Time{}, fmt.Sprintf("a timestamp has 4, 8 or 12 bytes, not %d", len(b))
	}
	if nanos > 999_999_999 {
		return time.Time{}, fmt.Sprintf("a timestamp with %d nanoseconds", nanos)
	}
	return time.Unix(seconds, int64(nanos)).UTC(), ""
}

// timestamp reads the data of the extension that h, at start, is the head of.
func (d *decoder) timestamp(h head, start int) (time.Time, error) {
	t, why := readTimestamp(d.take(h))
	if why != "" {
		return t, malformed(start, "%s", why)
	}
	return t, nil
}

// time decodes the extension, text by RFC 3339, or Unix seconds.
func (d *decoder) time(t *time.Time) error {
	start := d.off
	h, err := d.next()
	if err != nil {
		return err
	}
	typ := reflect.TypeFor[time.Time]()
	switch h.kind {
	case kindNil:
		return nil
	case kindExt:
		if h.ext == timestampExt {
			*t, err = d.timestamp(h, start)
			return err
		}
	case kindStr:
		var parsed time.Time
		if parsed.UnmarshalText(d.take(h)) != nil {
			return mismatch(start, "string", typ, "it is no date and time of RFC 3339")
		}
		*t = parsed
		return nil
	case kindUint:
		if h.bits > math.MaxInt64 {
			return mismatch(start, h.describe(), typ, "out of range")
		}
		fallthrough
	case kindInt:
		*t = time.Unix(int64(h.bits), 0).UTC()
		return nil
	}
	return mismatch(start, h.describe(), typ, "")
}

// decodeDuration decodes nanoseconds, or text by time.ParseDuration.
func decodeDuration(d *decoder, v reflect.Value) error {
	start := d.off
	h, err := d.peek()
	if err != nil || h.kind != kindStr {
		return decodeInt(d, v) // which finds the error again
	}
	if h, err = d.next(); err != nil {
		return err
	}
	duration, err := time.ParseDuration(string(d.take(h)))
	if err != nil {
		return mismatch(start, "string", v.Type(), "it is no duration such as 1m30s")
	}
	v.SetInt(int64(duration))
	return nil
}
