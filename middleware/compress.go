package middleware

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Compressor compresses messages. Its methods may be called from any goroutine.
//
// One that has the method
//
//	NewWriter(w io.Writer) io.WriteCloser
//
// too, as those of this package, also compresses answers for [Compress], with what
// NewWriter returns. That may have Flush() error. It is closed once, and its Close
// does not close w.
type Compressor interface {
	// Compress returns the data compressed.
	Compress(data []byte) ([]byte, error)
	// Decompress returns what Compress was given.
	Decompress(data []byte) ([]byte, error)
	// Name is the name of the content coding (RFC 9110 section 8.4.1).
	Name() string
}

// A streamer is a Compressor for answers.
type streamer interface {
	NewWriter(w io.Writer) io.WriteCloser
}

// A compression is what Compress does, for all requests.
type compression struct {
	compressor Compressor
	streamer   streamer // nil: messages only
	coding     string
	logger     *slog.Logger
}

// minCompressed is how long a body has to be to be compressed, in bytes.
const minCompressed = 1024

// Compress returns middleware that compresses the bodies of answers on the way out
// for clients whose Accept-Encoding has the compressor's name (RFC 9110 section
// 12.5.3), and that gives handlers the compressor for messages of sessions, see
// [GetCompressor]: these are not compressed by themselves.
//
// A body is compressed from 1024 bytes, or when it is flushed, if its type is text,
// JSON, XML, JavaScript, WebAssembly or a font that is not compressed already. If
// there is no Content-Type, it is found out as net/http does. Flush sends what was
// written so far, and a file that is not compressed is still sent by the kernel.
// What remains as it is: partial content, answers with Content-Encoding,
// Content-Range, Cache-Control: no-transform or a digest of the content, and
// those that are not followed by a body.
//
// A compressed answer has Content-Encoding, no Content-Length and Accept-Ranges,
// and its ETag is weak; so is that of an answer 304 to who has the compressed one.
// All answers have Vary: Accept-Encoding.
//
// An answer that has both a secret and what the client sent should not be
// compressed over TLS: its length tells of the secret (BREACH). Put Compress around
// what is safe, or have such answers say Cache-Control: no-transform.
//
// A compressor that fails is logged, and the answer breaks off; a nil logger is
// [slog.Default] as it is then. It panics if the compressor is nil, or one for
// answers whose name is no name of a coding.
func Compress(c Compressor, logger *slog.Logger) Middleware {
	mustHave(c != nil, "Compress", "a nil compressor")
	z := &compression{compressor: c, coding: c.Name(), logger: logger}
	z.streamer, _ = c.(streamer)
	mustHave(z.streamer == nil || isCoding(z.coding), "Compress", "a compressor with the name "+strconv.Quote(z.coding))
	return entry(z.serve)
}

// isCoding reports whether the name is one that Content-Encoding may have: a token
// (RFC 9110 section 5.6.2) that has no meaning of its own.
func isCoding(name string) bool {
	for i := range len(name) {
		c := name[i]
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alnum && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return name != "" && name != "*" && !equalFold(name, "identity")
}

// GetCompressor returns the compressor of the [Compress] around the request that
// ctx is from, or nil.
func GetCompressor(ctx context.Context) Compressor {
	if z := knownOf(ctx).observed.compress; z != nil {
		return z.compressor
	}
	return nil
}

func (z *compression) serve(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
	rec.observed.compress = z
	if z.streamer == nil {
		next.ServeHTTP(w, r)
		return
	}
	out, w := rec.writerFor(w)
	below := out.top
	defer func() {
		out.top = below
		if !rec.started() {
			varyOn(out.Header(), "Accept-Encoding")
		}
	}()
	if !accepts(r.Header["Accept-Encoding"], z.coding) {
		l := &rec.observed.vary
		if l.layer != nil { // of another Compress further out
			l = new(varyLayer)
		}
		l.layer, l.out, l.vary[0] = below, out, "Accept-Encoding"
		out.top = l
		next.ServeHTTP(w, r)
		return
	}
	l := &compressLayer{layer: below, out: out, compression: z, request: r, announced: -1}
	out.top = l
	defer l.release()
	next.ServeHTTP(w, r)
	l.finish()
}

// accepts reports whether the client takes the coding, and does not like it less
// than the body as it is. Without Accept-Encoding it takes none.
func accepts(values []string, coding string) bool {
	own, others, identity := -1, -1, -1 // weights in thousandths; -1: not listed
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			switch name, weight := parseCoding(item); {
			case own < 0 && strings.EqualFold(name, coding):
				own = weight
			case others < 0 && name == "*":
				others = weight
			case identity < 0 && strings.EqualFold(name, "identity"):
				identity = weight
			}
		}
	}
	if own < 0 {
		own = others
	}
	return own > 0 && own >= identity
}

// parseCoding reads an item of Accept-Encoding, such as "gzip;q=0.5". What is
// malformed is not acceptable, with weight 0.
func parseCoding(item string) (name string, weight int) {
	name, params, found := strings.Cut(item, ";")
	name = strings.Trim(name, " \t")
	if !found {
		return name, 1000
	}
	params = strings.Trim(params, " \t")
	if len(params) < 2 || !equalFold(params[:2], "q=") {
		return name, 0
	}
	return name, parseWeight(params[2:])
}

// parseWeight reads a weight of 0 to 1 with at most three decimals, in thousandths
// (RFC 9110 section 12.4.2); what is none is 0.
func parseWeight(s string) int {
	whole, decimals, _ := strings.Cut(s, ".")
	if whole != "0" && whole != "1" || len(decimals) > 3 {
		return 0
	}
	n, err := strconv.ParseUint(whole+(decimals + "000")[:3], 10, 16)
	if err != nil || n > 1000 {
		return 0
	}
	return int(n)
}

// A varyLayer adds Vary to what is not compressed, when the header is sent. Then it
// steps aside.
type varyLayer struct {
	layer
	out  *writer
	vary [1]string // the value, which then is part of the record
}

// begin is called before the header is sent.
func (l *varyLayer) begin() {
	if h := l.Header(); len(h["Vary"]) == 0 {
		h["Vary"] = l.vary[:]
	} else {
		varyOn(h, "Accept-Encoding")
	}
	stepAside(l.out, l, l.layer)
}

// stepAside takes a layer that has nothing left to do off, if it is the top.
func stepAside(out *writer, l, below layer) {
	if out.top == l {
		out.top = below
	}
}

func (l *varyLayer) WriteHeader(status int) {
	if isFinal(status) {
		l.begin()
	}
	l.layer.WriteHeader(status)
}

func (l *varyLayer) Write(p []byte) (int, error) {
	l.begin()
	return l.layer.Write(p)
}

// WriteString is called as long as this is the top.
func (l *varyLayer) WriteString(s string) (int, error) {
	l.begin()
	return l.out.WriteString(s)
}

func (l *varyLayer) ReadFrom(r io.Reader) (int64, error) {
	l.begin()
	return l.layer.ReadFrom(r)
}

func (l *varyLayer) FlushError() error {
	l.begin()
	return l.layer.FlushError()
}

// A compressLayer compresses an answer, unless something speaks against it. It
// holds the header and up to minCompressed bytes back until that is known.
type compressLayer struct {
	layer
	*compression
	out     *writer
	request *http.Request
	state   compressState

	status    int         // of the header that is held back; 0: the handler has sent none
	header    http.Header // as it was then
	held      []byte      // of the body
	announced int64       // Content-Length; -1: none
	taken     int64       // bytes of the body so far, when compressing

	encoder io.WriteCloser // nil: nothing to compress so far
	target  target         // that the encoder writes to
	failed  error          // of the encoder itself
}

// A compressState is how far an answer is.
type compressState uint8

const (
	undecided   compressState = iota // nothing was sent
	passing                          // the answer goes out as it is
	compressing                      // its header has gone out
)

// WriteHeader decides if the header is enough for that, or holds it back.
func (l *compressLayer) WriteHeader(status int) {
	if l.state != undecided || !isFinal(status) || status > 999 {
		l.layer.WriteHeader(status)
		return
	}
	if l.status != 0 {
		l.decide(nil, true)
		l.layer.WriteHeader(status) // for the server to complain about
		return
	}
	l.status = status
	h := l.Header()
	switch {
	case !l.may(h), l.announced >= 0 && l.announced < minCompressed:
		l.pass()
	case l.announced >= minCompressed && h["Content-Type"] != nil:
		l.compress()
	default:
		l.header = maps.Clone(h)
	}
}

// begin decides by the header if the handler has not sent it.
func (l *compressLayer) begin() {
	if l.state == undecided && l.status == 0 {
		l.WriteHeader(http.StatusOK)
	}
}

// may reports whether nothing in the header speaks against compressing the body.
func (l *compressLayer) may(h http.Header) bool {
	if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		l.announced = n
	}
	switch l.status {
	case http.StatusSwitchingProtocols, http.StatusNoContent, http.StatusNotModified, http.StatusPartialContent:
		return false
	}
	for _, field := range [...]string{"Content-Encoding", "Content-Range", "Content-Digest", "Repr-Digest", "Digest", "Content-Md5"} {
		if h[field] != nil {
			return false
		}
	}
	if contentType, ok := h["Content-Type"]; ok && !isCompressible(contentType) {
		return false
	}
	return !hasToken(h["Cache-Control"], "no-transform")
}

// isCompressible reports whether bodies of the type, as the header has it, get
// shorter by compressing.
func isCompressible(values []string) bool {
	if len(values) == 0 {
		return false // the handler wants no type to be found out
	}
	typ, _, _ := strings.Cut(values[0], ";")
	typ = strings.ToLower(strings.Trim(typ, " \t"))
	switch class, sub, _ := strings.Cut(typ, "/"); {
	case class == "text", strings.HasSuffix(sub, "+json"), strings.HasSuffix(sub, "+xml"):
		return true
	case class == "font":
		return sub != "woff2"
	case class == "application":
		return slices.Contains(compressibleApplications, sub)
	}
	return false
}

var compressibleApplications = []string{
	"json", "x-ndjson", "ndjson", "jsonl", "json-seq", "xml", "xml-dtd", "javascript", "x-javascript", "ecmascript", "wasm",
	"vnd.ms-fontobject", "x-font-ttf", "x-font-otf", "x-font-opentype",
}

// decide ends holding back, before the handler's next bytes. What is too short is
// not compressed, unless it is flushed.
func (l *compressLayer) decide(next []byte, flushed bool) {
	size := len(l.held) + len(next)
	if l.header["Content-Type"] == nil && size > 0 {
		start := append(slices.Clip(l.held), next[:min(len(next), sniffLen)]...)
		if typ := http.DetectContentType(start); isCompressible([]string{typ}) {
			l.header.Set("Content-Type", typ)
		}
	}
	if isCompressible(l.header["Content-Type"]) && (flushed || size >= minCompressed) {
		l.compress()
	} else {
		l.pass()
	}
}

// sniffLen is how many bytes http.DetectContentType considers.
const sniffLen = 512

// pass sends the header and what was held back; what follows goes out as it comes.
func (l *compressLayer) pass() {
	l.state = passing
	l.sendHeader(func(h http.Header) {
		if l.status == http.StatusNotModified && l.hasWeak(h.Get("Etag")) {
			h.Set("Etag", "W/"+h.Get("Etag"))
		}
	})
	if len(l.held) > 0 {
		l.layer.Write(l.held)
	}
	l.held = nil
	stepAside(l.out, l, l.layer)
}

// hasWeak reports whether the client has what was made of an answer with the
// strong tag by compressing it. A cache would not find that by the strong one (RFC
// 9111 section 4.3.4).
func (l *compressLayer) hasWeak(tag string) bool {
	return strings.HasPrefix(tag, `"`) && slices.ContainsFunc(l.request.Header["If-None-Match"], func(tags string) bool {
		return strings.Contains(tags, "W/"+tag)
	})
}

// compress sends the header of a compressed answer, and compresses what was held
// back.
func (l *compressLayer) compress() {
	l.state = compressing
	l.sendHeader(func(h http.Header) {
		h.Set("Content-Encoding", l.coding)
		h.Del("Content-Length")
		h.Del("Accept-Ranges")
		if tag := h.Get("Etag"); strings.HasPrefix(tag, `"`) {
			h.Set("Etag", "W/"+tag)
		}
	})
	if len(l.held) > 0 {
		l.Write(l.held)
	}
	l.held = nil
}

// sendHeader sends the header as it was when the handler sent it, changed. What the
// handler has set since then is for trailers.
func (l *compressLayer) sendHeader(change func(http.Header)) {
	h := l.Header()
	var later http.Header
	if l.header != nil {
		later = maps.Clone(h)
		maps.DeleteFunc(later, func(name string, values []string) bool { return slices.Equal(values, l.header[name]) })
		clear(h)
		maps.Copy(h, l.header)
		l.header = nil
	}
	change(h)
	varyOn(h, "Accept-Encoding")
	l.layer.WriteHeader(l.status)
	maps.Copy(h, later)
}

// Write holds back, compresses or lets through. A handler that writes more than it
// has announced is told so as the server would.
func (l *compressLayer) Write(p []byte) (int, error) {
	l.begin()
	if l.state == undecided {
		if len(l.held)+len(p) < minCompressed {
			l.held = append(l.held, p...)
			return len(p), nil
		}
		l.decide(p, false)
	}
	if l.state == passing {
		return l.layer.Write(p)
	}
	if l.announced >= 0 && l.taken+int64(len(p)) > l.announced {
		return 0, http.ErrContentLength
	}
	l.taken += int64(len(p))
	n, err := l.encode().Write(p)
	return n, l.noted(err)
}

// encode returns the encoder, which is made for the first bytes.
func (l *compressLayer) encode() io.WriteCloser {
	if l.encoder == nil {
		l.target.to = l.layer
		l.encoder = l.streamer.NewWriter(&l.target)
	}
	return l.encoder
}

// noted keeps the first error that is the compressor's own.
func (l *compressLayer) noted(err error) error {
	if err != nil && l.target.err == nil && l.failed == nil {
		l.failed = err
	}
	return err
}

// ReadFrom leaves the way open for sendfile if the body is not compressed.
func (l *compressLayer) ReadFrom(r io.Reader) (int64, error) {
	l.begin()
	start := int64(0)
	if l.state == undecided {
		var err error
		start, err = io.CopyN(writerOnly{l}, r, int64(minCompressed-len(l.held)))
		if err == io.EOF {
			return start, nil
		}
		if err != nil {
			return start, err
		}
	}
	var n int64
	var err error
	if l.state == passing {
		n, err = l.layer.ReadFrom(r)
	} else {
		n, err = copyTo(l, r)
	}
	return start + n, err
}

func (l *compressLayer) FlushError() error {
	l.begin()
	if l.state == undecided {
		l.decide(nil, true)
	}
	if flusher, ok := l.encoder.(interface{ Flush() error }); ok {
		if err := l.noted(flusher.Flush()); err != nil {
			return err
		}
	}
	return l.layer.FlushError()
}

func (l *compressLayer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if l.state == undecided && l.status != 0 {
		l.decide(nil, true) // as the server sends what was written before
	}
	conn, buffered, err := l.layer.Hijack()
	if err == nil && l.state == undecided {
		l.state = passing
		stepAside(l.out, l, l.layer)
	}
	return conn, buffered, err
}

// finish sends the rest, when the handler has returned. An answer that is not all
// that was announced, or that could not be compressed, breaks off, so that the
// client does not take it for complete.
func (l *compressLayer) finish() {
	if l.state == undecided && l.status != 0 {
		l.decide(nil, false)
	}
	head := l.request.Method == http.MethodHead
	if l.state != compressing || head && l.encoder == nil {
		return
	}
	if l.target.err != nil {
		return // nobody is there
	}
	if !head && l.taken < l.announced {
		panic(http.ErrAbortHandler)
	}
	encoder := l.encode() // if nothing was written: nothing has a compressed form too
	l.encoder = nil
	l.noted(encoder.Close())
	if l.failed != nil {
		orDefault(l.logger).LogAttrs(l.request.Context(), slog.LevelError, "the answer could not be compressed",
			slog.String("coding", l.coding), slog.Any("error", l.failed))
		panic(http.ErrAbortHandler)
	}
}

// release gives the encoder back if the handler has panicked. What that writes at
// its end would make the answer look complete.
func (l *compressLayer) release() {
	if l.encoder != nil {
		l.target.muted = true
		l.encoder.Close()
		l.encoder = nil
	}
}

// A target is where an encoder writes to.
type target struct {
	to    io.Writer
	err   error // the first of to
	muted bool
}

func (t *target) Write(p []byte) (int, error) {
	if t.muted {
		return len(p), nil
	}
	n, err := t.to.Write(p)
	if err != nil && t.err == nil {
		t.err = err
	}
	return n, err
}

// ErrTooLarge is returned by Decompress for data that would be longer than
// [WithMaxDecompressed] says.
var ErrTooLarge = errors.New("middleware: the decompressed data is too large")

// errTrailing is returned for bytes behind the compressed data.
var errTrailing = errors.New("middleware: bytes after the compressed data")

// A CompressorOption changes what the compressors of this package do.
type CompressorOption func(*compressorConfig)

type compressorConfig struct {
	level int
	limit int
}

// WithLevel sets how hard to try, from gzip.HuffmanOnly over gzip.BestSpeed to
// gzip.BestCompression. It is gzip.DefaultCompression without this option. It
// panics if there is no such level.
func WithLevel(level int) CompressorOption {
	mustHave(flate.HuffmanOnly <= level && level <= flate.BestCompression, "WithLevel", "there is no level "+strconv.Itoa(level))
	return func(c *compressorConfig) { c.level = level }
}

// WithMaxDecompressed limits what Decompress returns to n bytes. It is 10 MB (10
// times 1024 times 1024) without this option. It panics if n is below 1.
func WithMaxDecompressed(n int) CompressorOption {
	mustHave(n > 0, "WithMaxDecompressed", "a limit of "+strconv.Itoa(n)+" bytes")
	return func(c *compressorConfig) { c.limit = n }
}

func configOf(opts []CompressorOption) compressorConfig {
	config := compressorConfig{level: flate.DefaultCompression, limit: 10 << 20}
	for _, opt := range opts {
		opt(&config)
	}
	return config
}

// A GzipCompressor compresses with gzip (RFC 1952). It is safe for concurrent use.
type GzipCompressor struct {
	encoders encoderPool
	decoders decoderPool
}

// NewGzipCompressor returns a GzipCompressor.
func NewGzipCompressor(opts ...CompressorOption) *GzipCompressor {
	config := configOf(opts)
	c := new(GzipCompressor)
	c.encoders.make = func() encoder {
		w, _ := gzip.NewWriterLevel(io.Discard, config.level) // there is such a level
		return w
	}
	c.decoders.limit = config.limit
	c.decoders.make = func() *decoder {
		r := new(gzip.Reader)
		return &decoder{from: r, reset: func(src *bytes.Reader) error { return r.Reset(src) }}
	}
	return c
}

// Name returns "gzip".
func (c *GzipCompressor) Name() string { return "gzip" }

// Compress returns the data as one gzip member.
func (c *GzipCompressor) Compress(data []byte) ([]byte, error) { return c.encoders.compress(data) }

// Decompress returns what gzip data holds, of which there may be several members.
// It fails with [ErrTooLarge] for more than [WithMaxDecompressed] allows, having
// allocated no more than that, and for what is damaged or not complete.
func (c *GzipCompressor) Decompress(data []byte) ([]byte, error) { return c.decoders.decompress(data) }

// NewWriter returns a writer that writes to w compressed. It has Flush() error. It
// has to be closed, and can then no more be used.
func (c *GzipCompressor) NewWriter(w io.Writer) io.WriteCloser { return c.encoders.writer(w) }

// A DeflateCompressor compresses messages with DEFLATE (RFC 1951), and answers in
// the zlib format (RFC 1950), which is what the content coding deflate means. It is
// safe for concurrent use.
type DeflateCompressor struct {
	raw      encoderPool
	zlib     encoderPool
	decoders decoderPool
}

// NewDeflateCompressor returns a DeflateCompressor.
func NewDeflateCompressor(opts ...CompressorOption) *DeflateCompressor {
	config := configOf(opts)
	c := new(DeflateCompressor)
	c.raw.make = func() encoder {
		w, _ := flate.NewWriter(io.Discard, config.level) // there is such a level
		return w
	}
	c.zlib.make = func() encoder {
		w, _ := zlib.NewWriterLevel(io.Discard, config.level)
		return w
	}
	c.decoders.limit = config.limit
	c.decoders.make = func() *decoder {
		r := flate.NewReader(new(bytes.Reader))
		return &decoder{from: r, reset: func(src *bytes.Reader) error { return r.(flate.Resetter).Reset(src, nil) }}
	}
	return c
}

// Name returns "deflate".
func (c *DeflateCompressor) Name() string { return "deflate" }

// Compress returns the data in raw DEFLATE.
func (c *DeflateCompressor) Compress(data []byte) ([]byte, error) { return c.raw.compress(data) }

// Decompress returns what raw DEFLATE data holds. It fails with [ErrTooLarge] for
// more than [WithMaxDecompressed] allows, having allocated no more than that, and for
// what is damaged, not complete, or followed by something else.
func (c *DeflateCompressor) Decompress(data []byte) ([]byte, error) {
	return c.decoders.decompress(data)
}

// NewWriter returns a writer that writes to w in the zlib format. It has Flush()
// error. It has to be closed, and can then no more be used.
func (c *DeflateCompressor) NewWriter(w io.Writer) io.WriteCloser { return c.zlib.writer(w) }

// An encoder is a writer of package compress.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// An encoderPool keeps encoders, which are large. Those that it has have no
// reference to what they have written to.
type encoderPool struct {
	pool sync.Pool
	make func() encoder
}

// get returns an encoder that writes to w.
func (p *encoderPool) get(w io.Writer) encoder {
	e, ok := p.pool.Get().(encoder)
	if !ok {
		e = p.make()
	}
	e.Reset(w)
	return e
}

func (p *encoderPool) put(e encoder) {
	e.Reset(io.Discard)
	p.pool.Put(e)
}

func (p *encoderPool) compress(data []byte) ([]byte, error) {
	var b bytes.Buffer
	e := p.get(&b)
	defer p.put(e)
	e.Write(data) // a Buffer takes everything
	err := e.Close()
	return b.Bytes(), err
}

// writer returns an encoder that gives itself back when it is closed.
func (p *encoderPool) writer(w io.Writer) io.WriteCloser { return &pooledWriter{p.get(w), p} }

type pooledWriter struct {
	encoder encoder // nil: closed
	pool    *encoderPool
}

var errClosed = errors.New("middleware: the compressor is closed")

func (w *pooledWriter) Write(p []byte) (int, error) {
	if w.encoder == nil {
		return 0, errClosed
	}
	return w.encoder.Write(p)
}

func (w *pooledWriter) Flush() error {
	if w.encoder == nil {
		return errClosed
	}
	return w.encoder.Flush()
}

// Close writes the end. A second call does nothing.
func (w *pooledWriter) Close() error {
	if w.encoder == nil {
		return nil
	}
	e := w.encoder
	w.encoder = nil
	defer w.pool.put(e)
	return e.Close()
}

// A decoder is a reader of package compress, and what it reads from.
type decoder struct {
	data  bytes.Reader
	from  io.Reader
	reset func(*bytes.Reader) error
}

// A decoderPool keeps decoders. Those that it has have no reference to the data.
type decoderPool struct {
	pool  sync.Pool
	make  func() *decoder
	limit int
}

func (p *decoderPool) decompress(data []byte) ([]byte, error) {
	d, ok := p.pool.Get().(*decoder)
	if !ok {
		d = p.make()
	}
	defer p.pool.Put(d)
	defer d.data.Reset(nil)
	d.data.Reset(data)
	if err := d.reset(&d.data); err == io.EOF {
		return nil, io.ErrUnexpectedEOF
	} else if err != nil {
		return nil, err
	}
	return d.readAll(len(data), p.limit)
}

// readAll reads in pieces, which taken together are never longer than the limit.
func (d *decoder) readAll(compressed, limit int) ([]byte, error) {
	var pieces [][]byte
	var err error
	size := 0
	for next := max(512, min(4*compressed, 1<<20)); err == nil && size < limit; next *= 2 {
		piece := make([]byte, min(next, limit-size))
		var n int
		n, err = fill(d.from, piece)
		size += n
		pieces = append(pieces, piece[:n])
	}
	if err == nil { // the limit is reached
		var more [1]byte
		var n int
		if n, err = fill(d.from, more[:]); n > 0 {
			return nil, ErrTooLarge
		}
	}
	switch {
	case err != io.EOF:
		return nil, err
	case d.data.Len() > 0:
		return nil, errTrailing
	case len(pieces) == 1:
		return pieces[0], nil
	}
	return slices.Concat(pieces...), nil
}

// fill reads until p is full or there is an error, which unlike with io.ReadFull is
// the reader's own.
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}
