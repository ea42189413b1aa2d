package websocket

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// patience is how long anything may take before it is taken for hanging.
const patience = 60 * time.Second

// A load is what a client sends over and over, and what it expects.
type load struct {
	size     int    // of a message
	inFlight int    // messages that are sent at once
	message  []byte // what an answer has to say
	frames   []byte // the messages, masked
	answer   int    // bytes of the answers; 0 if they are compressed
}

// maskingKey is that of all frames. It has no zero byte.
var maskingKey = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// newLoad returns a load of binary messages.
func newLoad(size, inFlight int) load {
	l := load{size: size, inFlight: inFlight, message: make([]byte, size)}
	for i := range l.message {
		l.message[i] = byte(i * 7)
	}
	l.frames = bytes.Repeat(appendMasked(nil, 0x82, l.message), inFlight)
	l.answer = len(l.frames) - 4*inFlight
	return l
}

// newCompressedLoad returns a load of a text of the size, compressed.
func newCompressedLoad(size int) (load, error) {
	var text []byte
	for i := 0; len(text) < size; i++ {
		text = fmt.Appendf(text, `{"id":%d,"name":"user %d","email":"u%d@example.com","tags":["a","b%d"],"score":%d.5},`, 1000+i*37, i*i, i*13, i%7, i*i*i%997)
	}
	text = text[:size]
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		return load{}, err
	}
	if _, err := w.Write(text); err != nil {
		return load{}, err
	}
	if err := w.Flush(); err != nil {
		return load{}, err
	}
	payload := bytes.TrimSuffix(b.Bytes(), []byte("\x00\x00\xff\xff"))
	return load{size: size, inFlight: 1, message: text, frames: appendMasked(nil, 0xc1, payload)}, nil
}

// appendMasked appends a client's frame.
func appendMasked(b []byte, first byte, payload []byte) []byte {
	start := len(b)
	b = appendHeader(b, first, len(payload))
	b[start+1] |= 0x80
	b = append(b, maskingKey[:]...)
	for i, c := range payload {
		b = append(b, c^maskingKey[i%4])
	}
	return b
}

// A client is a connection to a server, without a library.
type client struct {
	conn net.Conn
	r    *bufio.Reader // small, as there are many
}

const handshake = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + handshakeKey + "\r\n"

const handshakeKey = "dGhlIHNhbXBsZSBub25jZQ=="

const deflateOffer = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"

// acceptKey returns the Sec-WebSocket-Accept to a Sec-WebSocket-Key.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// dial connects and shakes hands.
func dial(address string, m mode) (*client, error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	c := &client{conn, bufio.NewReaderSize(conn, 512)}
	if err := c.shakeHands(m); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) shakeHands(m mode) error {
	c.conn.SetDeadline(time.Now().Add(patience))
	request := handshake
	if m == compressed {
		request += deflateOffer
	}
	if _, err := io.WriteString(c.conn, request+"\r\n"); err != nil {
		return err
	}
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return err
	}
	agreed := res.Header.Get("Sec-WebSocket-Extensions") != ""
	if res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("Sec-WebSocket-Accept") != acceptKey(handshakeKey) || agreed != (m == compressed) {
		return fmt.Errorf("answer %s with %v", res.Status, res.Header)
	}
	return c.conn.SetDeadline(time.Time{})
}

// frame reads a frame of a server.
func (c *client) frame() (first byte, payload []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(c.r, head[:2]); err != nil {
		return 0, nil, err
	}
	first, length := head[0], uint64(head[1])
	switch length {
	case 126:
		_, err = io.ReadFull(c.r, head[:2])
		length = uint64(binary.BigEndian.Uint16(head[:2]))
	case 127:
		_, err = io.ReadFull(c.r, head[:8])
		length = binary.BigEndian.Uint64(head[:8])
	}
	if err != nil || length > readLimit {
		return 0, nil, fmt.Errorf("frame of %d bytes: %w", length, cmpErr(err))
	}
	payload = make([]byte, length)
	_, err = io.ReadFull(c.r, payload)
	return first, payload, err
}

func cmpErr(err error) error {
	if err == nil {
		return errors.New("too long")
	}
	return err
}

// check sends the load and sees that the answers are right, to the last byte.
func (c *client) check(l load) error {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := c.conn.Write(l.frames); err != nil {
		return err
	}
	for range l.inFlight {
		first, payload, err := c.frame()
		if err != nil {
			return err
		}
		want := byte(0x82)
		if l.answer == 0 {
			want = 0xc1
			r := flate.NewReader(io.MultiReader(bytes.NewReader(payload), bytes.NewReader([]byte("\x00\x00\xff\xff\x01\x00\x00\xff\xff"))))
			if payload, err = io.ReadAll(r); err != nil {
				return err
			}
		}
		if first != want || !bytes.Equal(payload, l.message) {
			return fmt.Errorf("answer of %d bytes with %#x, want %d with %#x", len(payload), first, len(l.message), want)
		}
	}
	return c.conn.SetDeadline(time.Time{})
}

// exchange sends the load, and reads the answers. Of what they say, it looks at
// the first byte.
func (c *client) exchange(l load, buf []byte) error {
	if _, err := c.conn.Write(l.frames); err != nil {
		return err
	}
	if l.answer == 0 {
		return c.skipFrame(buf)
	}
	for left := l.answer; left > 0; {
		n, err := c.conn.Read(buf[:min(left, len(buf))])
		if err != nil {
			return err
		}
		if left == l.answer && buf[0] != 0x82 {
			return fmt.Errorf("answer begins with %#x", buf[0])
		}
		left -= n
	}
	return nil
}

// skipFrame reads a frame that is no longer than the buffer.
func (c *client) skipFrame(buf []byte) error {
	have := 0
	for {
		n, err := c.conn.Read(buf[have:])
		if err != nil {
			return err
		}
		have += n
		if have < 4 {
			continue
		}
		want := 2 + int(buf[1])
		if buf[1] == 126 {
			want = 4 + int(binary.BigEndian.Uint16(buf[2:]))
		}
		switch {
		case buf[0] != 0xc1 || have > want:
			return fmt.Errorf("answer begins with %#x, and has %d bytes more than it should", buf[0], have-want)
		case have == want:
			return nil
		}
	}
}

// clients are connections to one server.
type clients []*client

// dialAll opens connections, and sees that the load is answered on each.
func dialAll(address string, m mode, n int, l load) (clients, error) {
	var all clients
	for range n {
		c, err := dial(address, m)
		if err == nil {
			all = append(all, c)
			err = c.check(l)
		}
		if err != nil {
			all.close()
			return nil, err
		}
	}
	return all, nil
}

func (all clients) close() {
	for _, c := range all {
		c.conn.Close()
	}
}

// run has each connection exchange the load so many times, at most so many of
// them at once.
func (all clients) run(l load, times, atOnce int) error {
	errs := make(chan error, len(all))
	var wg sync.WaitGroup
	next := make(chan *client, len(all))
	for _, c := range all {
		c.conn.SetDeadline(time.Now().Add(patience))
		next <- c
	}
	close(next)
	for range min(atOnce, len(all)) {
		wg.Go(func() {
			buf := buffers.Get().(*[]byte)
			defer buffers.Put(buf)
			for c := range next {
				for range times {
					if err := c.exchange(l, *buf); err != nil {
						errs <- err
						return
					}
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

var buffers = sync.Pool{New: func() any {
	b := make([]byte, 64<<10)
	return &b
}}
