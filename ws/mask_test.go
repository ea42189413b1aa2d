package ws_test

import (
	"bytes"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/gongular/gongular/ws"
)

// slowMask is what mask equals.
func slowMask(p []byte, key uint32) uint32 {
	for i := range p {
		p[i] ^= byte(key)
		key = bits.RotateLeft32(key, -8)
	}
	return key
}

func TestMask(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for length := range 150 {
		for offset := range 9 {
			b := make([]byte, offset+length)
			for i := range b {
				b[i] = byte(random.Uint32())
			}
			want, got, key := bytes.Clone(b), bytes.Clone(b), random.Uint32()
			wantKey, gotKey := slowMask(want[offset:], key), ws.Mask(got[offset:], key)
			if !bytes.Equal(got, want) || gotKey != wantKey {
				t.Fatalf("%d bytes at %d: %x, key %x, want %x, key %x", length, offset, got, gotKey, want, wantKey)
			}
		}
	}
}

func BenchmarkMask(b *testing.B) {
	for _, size := range []int{32, 1 << 10, 16 << 10} {
		p := make([]byte, size)
		for name, f := range map[string]func([]byte, uint32) uint32{"fast": ws.Mask, "slow": slowMask} {
			b.Run(fmt.Sprint(name, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				key := uint32(0x12345678)
				for b.Loop() {
					key = f(p, key)
				}
			})
		}
	}
}
