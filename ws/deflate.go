package ws

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math"
	"sync"
	"sync/atomic"
)

// What a zero field of a [Compression] stands for.
const (
	defaultLevel     = flate.BestSpeed
	defaultThreshold = 1 << 10
)

// maxBits is the size of the window that compress/flate looks back into, as the
// logarithm that RFC 7692 speaks of.
const maxBits = 15

// A Compression configures permessage-deflate, RFC 7692. Its zero value is
// ready: fast, for messages of 1 KiB and more, each of them on its own.
type Compression struct {
	// Level is that of compress/flate, 1 (fast) to 9 (small), or
	// [flate.DefaultCompression] or [flate.HuffmanOnly]. If zero, it is 1.
	Level int
	// Threshold is the size in bytes from which a message is compressed. If
	// zero, it is 1024; negative means that all are.
	Threshold int
	// ServerContextTakeover lets the server's messages refer to earlier ones,
	// and ClientContextTakeover the client's: small messages that repeat
	// themselves get much smaller. It costs up to 1.2 MiB for each connection
	// at the end that writes, and 32 KiB at the end that reads. The peer may
	// refuse it.
	ServerContextTakeover bool
	ClientContextTakeover bool
	// ServerMaxWindowBits limits how far the server's messages refer back, to
	// two to the power of it bytes, and ClientMaxWindowBits the client's: 8 to
	// 15. Zero means 15. Less saves memory at the end that reads; the end that
	// writes, if it is this package, does not refer back at all then. A server
	// can limit only clients that offer it, and a client offers it if
	// ClientMaxWindowBits is set.
	ServerMaxWindowBits, ClientMaxWindowBits int
}

// Err returns what is wrong with the configuration, or nil.
func (z *Compression) Err() error {
	if z == nil {
		return nil
	}
	if z.Level < flate.HuffmanOnly || z.Level > flate.BestCompression {
		return fmt.Errorf("compression level %d", z.Level)
	}
	for _, bits := range []int{z.ServerMaxWindowBits, z.ClientMaxWindowBits} {
		if bits != 0 && (bits < 8 || bits > maxBits) {
			return fmt.Errorf("compression window of %d bits", bits)
		}
	}
	return nil
}

// deflated returns the most that the payload of a message may have of which the
// limit is meant for what it inflates to. What cannot be compressed gets longer.
func deflated(limit int64) int64 {
	if limit > math.MaxInt64/2 {
		return limit
	}
	return limit + limit/64 + 1<<10
}

// A deflate is what a connection has that compresses.
type deflate struct {
	threshold int
	narrow    bool // the window is too small for compress/flate
	takeover  bool // our messages may refer to earlier ones
	off       atomic.Bool
	level     atomic.Int32

	own *deflater // guarded by the turn to write: that of all messages, with takeover

	window window // guarded by the turn to read: of the peer's messages
}

func newDeflate(z *Compression, a agreement, client bool) *deflate {
	ours, theirs := a.server, a.client
	if client {
		ours, theirs = theirs, ours
	}
	d := &deflate{threshold: z.Threshold, takeover: ours.takeover, narrow: ours.bits < maxBits}
	if z.Threshold == 0 {
		d.threshold = defaultThreshold
	}
	level := z.Level
	if level == 0 {
		level = defaultLevel
	}
	d.level.Store(int32(level))
	if theirs.takeover {
		d.window.most = 1 << theirs.bits
	}
	return d
}

// EnableWriteCompression sets whether messages that are written from now on are
// compressed, as they are at first if compression was agreed on. Without that it
// does nothing.
func (c *Conn) EnableWriteCompression(enable bool) {
	if c.deflate != nil {
		c.deflate.off.Store(!enable)
	}
}

// SetCompressionLevel sets the level for messages that are written from now on;
// the levels are those of [Compression]. Others are an error.
func (c *Conn) SetCompressionLevel(level int) error {
	if level < flate.HuffmanOnly || level > flate.BestCompression || level == flate.NoCompression {
		return fmt.Errorf("websocket: compression level %d", level)
	}
	if c.deflate != nil {
		c.deflate.level.Store(int32(level))
	}
	return nil
}

// wants reports whether a message of the size is to be compressed.
func (d *deflate) wants(size int) bool {
	return d != nil && !d.off.Load() && size >= d.threshold
}

// currentLevel returns the level for the next message. In a window that is
// smaller than compress/flate's, nothing may refer back.
func (d *deflate) currentLevel() int {
	if d.narrow {
		return flate.HuffmanOnly
	}
	return int(d.level.Load())
}

// ownDeflater returns what compresses the next message, with takeover, for who
// has the turn to write.
func (d *deflate) ownDeflater() *deflater {
	level := d.currentLevel()
	if d.own == nil || d.own.level != level {
		d.own.giveBack() // without a past, the new one refers to nothing
		d.own = newDeflater(level)
	}
	return d.own
}

// syncTail ends what Flush writes: an empty block, which no message has at its
// end (RFC 7692 section 7.2.1).
const syncTail = "\x00\x00\xff\xff"

// A deflater compresses messages, one after the other.
type deflater struct {
	flate *flate.Writer
	level int
	out   []byte // what came out
}

var deflaters [flate.BestCompression - flate.HuffmanOnly + 1]sync.Pool // by level

// newDeflater returns a deflater that knows no earlier messages.
func newDeflater(level int) *deflater {
	if d, ok := deflaters[level-flate.HuffmanOnly].Get().(*deflater); ok {
		d.flate.Reset(d)
		return d
	}
	d := &deflater{level: level}
	var err error
	if d.flate, err = flate.NewWriter(d, level); err != nil {
		panic("BUG: " + err.Error())
	}
	return d
}

// giveBack returns the deflater to its pool. A nil one is none.
func (d *deflater) giveBack() {
	if d != nil {
		d.out = nil
		deflaters[d.level-flate.HuffmanOnly].Put(d)
	}
}

// Write takes what comes out.
func (d *deflater) Write(p []byte) (int, error) {
	d.out = append(d.out, p...)
	return len(p), nil
}

// appendMessage appends the payload of a compressed message to b.
func (d *deflater) appendMessage(b, data []byte) []byte {
	d.out = b
	d.add(data)
	d.end()
	b, d.out = d.out, nil
	return b
}

// add compresses a part of a message.
func (d *deflater) add(p []byte) { d.must(d.flate.Write(p)) }

// end ends a message.
func (d *deflater) end() {
	d.must(0, d.flate.Flush())
	if !bytes.HasSuffix(d.out, []byte(syncTail)) {
		panic("BUG: a flush without its mark")
	}
	d.out = d.out[:len(d.out)-len(syncTail)]
}

func (d *deflater) must(_ int, err error) {
	if err != nil {
		panic("BUG: " + err.Error()) // Write has none
	}
}

// compress returns the payload of a compressed message that refers to no other,
// in a buffer of the pool of frames.
func compress(data []byte, level int) *[]byte {
	d := newDeflater(level)
	defer d.giveBack()
	b := frames.Get().(*[]byte)
	*b = d.appendMessage((*b)[:0], data)
	return b
}

// A window is the end of what the peer's messages have inflated to.
type window struct {
	most int // bytes to keep; none without takeover
	b    []byte
}

// add keeps the end of p.
func (w *window) add(p []byte) {
	if w.most == 0 {
		return
	}
	if w.b == nil {
		w.b = make([]byte, 0, w.most)
	}
	p = p[max(0, len(p)-w.most):]
	if over := len(w.b) + len(p) - w.most; over > 0 {
		w.b = w.b[:copy(w.b, w.b[over:])]
	}
	w.b = append(w.b, p...)
}

// inflateTail is what an inflater sees behind a payload: the syncTail that is
// left out of it, and a last block so that it knows where to stop.
const inflateTail = syncTail + "\x01\x00\x00\xff\xff"

// errCorrupt also stands for what ends early, as what is missing is then taken
// from inflateTail. RFC 7692 names no code for it: it is 1007, as for text that
// is not UTF-8, since the payload is not what it is said to be.
var errCorrupt = &failure{code: CloseInvalidFramePayloadData, reason: "compressed message is corrupt or cut off"}

// An inflater inflates a message. It reads, for its flate, the payload and then
// inflateTail.
type inflater struct {
	flate    io.Reader // and a flate.Resetter
	payload  []byte    // what is unread of it
	tail     string    // what is unread of inflateTail
	window   *window
	empty    bool  // the payload was
	inflated int64 // bytes that came out of it
}

var inflaters = sync.Pool{New: func() any {
	z := new(inflater)
	z.flate = flate.NewReader(source{z})
	return z
}}

// inflate returns an inflater of the payload, which it keeps until giveBack.
func (d *deflate) inflate(payload []byte) *inflater {
	z := inflaters.Get().(*inflater)
	z.payload, z.tail, z.window, z.empty, z.inflated = payload, inflateTail, &d.window, len(payload) == 0, 0
	z.restart()
	return z
}

// giveBack returns the inflater to its pool. A nil one is none.
func (z *inflater) giveBack() {
	if z != nil {
		z.payload, z.window = nil, nil
		inflaters.Put(z)
	}
}

// restart begins a stream that may refer to what is in the window.
func (z *inflater) restart() {
	z.flate.(flate.Resetter).Reset(source{z}, z.window.b) // which has no error
}

// Read inflates some of the message. The error is io.EOF at its end, or a
// *failure.
//
// A block that is marked as the last one ends a stream; what follows it in the
// message is another, which does not look back (RFC 7692 section 7.2.3.4).
func (z *inflater) Read(p []byte) (int, error) {
	if z.empty {
		return 0, io.EOF // no deflater does it, but what it means is plain
	}
	for {
		n, err := z.flate.Read(p)
		z.window.add(p[:n])
		switch {
		case err == io.EOF && len(z.payload) > 0:
			z.window.b = z.window.b[:0]
			z.restart()
			err = nil
		case err == io.EOF && len(z.tail) == len(inflateTail):
			z.window.b = z.window.b[:0]
		case err == io.EOF && len(z.tail) > 0, err != nil && err != io.EOF:
			err = errCorrupt
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// A source gives an inflater's flate what it inflates, byte by byte, so that
// nothing is taken that belongs to another stream.
type source struct{ z *inflater }

// ReadByte returns the next byte of payload and tail.
func (s source) ReadByte() (byte, error) {
	switch z := s.z; {
	case len(z.payload) > 0:
		b := z.payload[0]
		z.payload = z.payload[1:]
		return b, nil
	case z.tail != "":
		b := z.tail[0]
		z.tail = z.tail[1:]
		return b, nil
	default:
		return 0, io.EOF
	}
}

// Read reads what stands in a block as it is.
func (s source) Read(p []byte) (int, error) {
	z := s.z
	n := copy(p, z.payload)
	z.payload = z.payload[n:]
	if n == 0 {
		n = copy(p, z.tail)
		z.tail = z.tail[n:]
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// inflateAll inflates the message, whose payload is complete, into m.lent.
func (c *Conn) inflateAll(payload []byte) ([]byte, error) {
	m := &c.msg
	m.inflater = c.deflate.inflate(payload)
	out, size := borrow(int(min(int64(max(4*len(payload), 1)), c.mostInflated()))), 0
	for {
		most := c.mostInflated()
		n, err := c.inflateSome(out.b[size:min(int64(len(out.b)), most)])
		size += n
		switch {
		case err == errMessageEnds:
			m.lent.giveBack()
			m.lent = out
			return out.b[:size], nil
		case err != nil:
			out.giveBack()
			return nil, err
		case size == len(out.b):
			larger := borrow(2 * size)
			copy(larger.b, out.b)
			out.giveBack()
			out = larger
		}
	}
}

// mostInflated is one byte more than the limit, to see that it is exceeded.
func (c *Conn) mostInflated() int64 {
	limit := c.readLimit.Load()
	if limit < math.MaxInt {
		limit++
	}
	return limit
}

// inflateSome inflates some of the message, whose payload is complete, into p,
// which has room. At the end it returns errMessageEnds.
func (c *Conn) inflateSome(p []byte) (int, error) {
	m := &c.msg
	n, err := m.inflater.Read(p)
	m.inflater.inflated += int64(n)
	limit := c.readLimit.Load()
	switch {
	case m.inflater.inflated > limit:
		return 0, tooLong(limit)
	case m.text && !m.utf8.add(p[:n]):
		return 0, notUTF8("text")
	case err != io.EOF:
		return n, err
	case !m.utf8.ended():
		return 0, notUTF8("text")
	default:
		return n, errMessageEnds
	}
}
