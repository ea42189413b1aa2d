package ws

import (
	"encoding/binary"
	"math"
)

// The types of messages, as in RFC 6455 section 5.2. [Conn.ReadMessage] returns
// the first two only.
const (
	// TextMessage is a message of UTF-8 text.
	TextMessage = 1
	// BinaryMessage is a message of bytes.
	BinaryMessage = 2
	// CloseMessage is the control frame that announces the end; see
	// [FormatCloseMessage] for what it carries.
	CloseMessage = 8
	// PingMessage is the control frame that asks for a pong.
	PingMessage = 9
	// PongMessage is the control frame that answers a ping.
	PongMessage = 10
)

const (
	continuation = 0 // the opcode of all frames of a message but the first

	finBit  = 0x80 // in the first byte: the message ends with this frame
	rsv1Bit = 0x40 // in the first byte: the message is compressed, RFC 7692 section 6
	maskBit = 0x80 // in the second byte: the payload is masked

	maxHeaderSize     = 14  // of a frame: 2, up to 8 of length, 4 of mask
	maxControlPayload = 125 // RFC 6455 section 5.5
)

// A header is what precedes the payload of a frame.
//
//	81 83 k1 k2 k3 k4     => header{fin: true, opcode: TextMessage, length: 3, key: …}
//	02 fe 01 00 k1 … k4   => header{opcode: BinaryMessage, length: 256, key: …}
//	c1 03                 => header{fin: true, compressed: true, opcode: TextMessage, length: 3}
type header struct {
	fin        bool // the message ends with this frame
	compressed bool // the message is, of which this is the first frame
	opcode     int
	length     int64
	key        uint32 // for mask; zero from a server
}

func (h header) isControl() bool { return h.opcode >= CloseMessage }

// A peer is what a header depends on: who sends it, and what was agreed on.
type peer struct {
	masks      bool // it is a client
	compresses bool // it may send compressed messages
}

// headerSize returns the size of the peer's header that starts with b[:2], or
// what makes it an offence whatever follows.
func (p peer) headerSize(b []byte) (int, error) {
	reserved, opcode, length, masked := b[0]&0x70, b[0]&0x0f, b[1]&0x7f, b[1]&maskBit != 0
	if p.compresses && (opcode == TextMessage || opcode == BinaryMessage) {
		reserved &^= rsv1Bit
	}
	switch {
	case reserved != 0:
		return 0, protocolError("reserved bits are set")
	case opcode > PongMessage || BinaryMessage < opcode && opcode < CloseMessage:
		return 0, protocolError("reserved opcode")
	case opcode >= CloseMessage && b[0]&finBit == 0:
		return 0, protocolError("fragmented control frame")
	case opcode >= CloseMessage && length > maxControlPayload:
		return 0, protocolError("control frame of more than 125 bytes")
	case p.masks && !masked:
		return 0, protocolError("frame is not masked")
	case !p.masks && masked:
		return 0, protocolError("frame is masked")
	}
	size := 2
	switch length {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if masked {
		size += 4
	}
	return size, nil
}

// parseHeader parses a header that is b, of the size that headerSize said.
func parseHeader(b []byte) (header, error) {
	h := header{fin: b[0]&finBit != 0, compressed: b[0]&rsv1Bit != 0, opcode: int(b[0] & 0x0f)}
	if b[1]&maskBit != 0 {
		h.key = binary.LittleEndian.Uint32(b[len(b)-4:])
	}
	var least uint64 // that needs a length field of this size
	length := uint64(b[1] & 0x7f)
	switch length {
	case 126:
		length, least = uint64(binary.BigEndian.Uint16(b[2:])), 126
	case 127:
		length, least = binary.BigEndian.Uint64(b[2:]), math.MaxUint16+1
	}
	switch {
	case length < least:
		return header{}, protocolError("length is not in its shortest form")
	case length > math.MaxInt64:
		return header{}, protocolError("length has its highest bit set")
	}
	h.length = int64(length)
	return h, nil
}

// appendHeader appends the header of a frame that is not masked. Its first byte
// has the opcode and the bits before it.
func appendHeader(b []byte, first byte, length int) []byte {
	b = append(b, first)
	switch {
	case length <= 125:
		return append(b, byte(length))
	case length <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, 126), uint16(length))
	default:
		return binary.BigEndian.AppendUint64(append(b, 127), uint64(length))
	}
}

// appendMaskedHeader appends the header of a frame that is masked with the key,
// which is as mask takes it.
func appendMaskedHeader(b []byte, first byte, length int, key uint32) []byte {
	start := len(b)
	b = appendHeader(b, first, length)
	b[start+1] |= maskBit
	return binary.LittleEndian.AppendUint32(b, key)
}
