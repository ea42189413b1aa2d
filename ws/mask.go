package ws

import (
	"encoding/binary"
	"math/bits"
)

// mask applies the masking key, read as a little-endian number, to p, and
// returns the key for the bytes that follow. To mask is also to unmask (RFC 6455
// section 5.3). It equals
//
//	for i := range p {
//		p[i] ^= byte(key)
//		key = bits.RotateLeft32(key, -8)
//	}
//
// and takes eight bytes at a time, as they come in the key's order however p is aligned.
func mask(p []byte, key uint32) uint32 {
	wide := uint64(key)<<32 | uint64(key)
	for len(p) >= 32 {
		xor(p[0:8], wide)
		xor(p[8:16], wide)
		xor(p[16:24], wide)
		xor(p[24:32], wide)
		p = p[32:]
	}
	for len(p) >= 8 {
		xor(p[:8], wide)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= byte(key)
		key = bits.RotateLeft32(key, -8)
	}
	return key
}

func xor(p []byte, wide uint64) {
	binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^wide)
}
