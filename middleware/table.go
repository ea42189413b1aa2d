package middleware

import (
	"context"
	"hash/maphash"
	"sync"
	"time"
)

// A rateTable is a RateStore in memory, for one rate. It has room for a number of
// keys, and is swept as it is used: each call looks at the keys that were used
// least recently, and forgets those whose buckets are full again.
type rateTable struct {
	seed   maphash.Seed
	start  time.Time
	shards []rateShard
}

// A rateShard is the part of a table that one lock guards. Its buckets are in a
// ring, in the order in which they were used:
//
//	ring ⇄ used last ⇄ … ⇄ used least recently ⇄ ring
type rateShard struct {
	mu      sync.Mutex
	room    int
	buckets map[string]*rateBucket
	ring    rateBucket
}

type rateBucket struct {
	bucket
	key        string
	prev, next *rateBucket
}

const (
	maxRateShards = 64
	minShardRoom  = 1024 // keys, below which a shard is not worth while
	sweptPerTake  = 2    // buckets that each call looks at, so that tables shrink while keys come
)

var _ RateStore = (*rateTable)(nil)

// newRateTable returns a table with room for that many keys, at least one.
func newRateTable(maxKeys int) *rateTable {
	n := min(max(maxKeys/minShardRoom, 1), maxRateShards)
	t := &rateTable{seed: maphash.MakeSeed(), start: time.Now(), shards: make([]rateShard, n)}
	for i := range t.shards {
		s := &t.shards[i]
		s.room = maxKeys / n
		s.buckets = make(map[string]*rateBucket)
		s.ring.prev, s.ring.next = &s.ring, &s.ring
	}
	return t
}

// Take is as RateStore says. It keeps the key.
func (t *rateTable) Take(_ context.Context, key string, n int, rate Rate) (left float64, ok bool, err error) {
	left, ok = t.take(key, n, rate)
	return left, ok, nil
}

func (t *rateTable) take(key string, n int, rate Rate) (left float64, ok bool) {
	s := &t.shards[maphash.String(t.seed, key)%uint64(len(t.shards))]
	now := time.Since(t.start)
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.find(key, now, rate)
	ok = b.take(n, now, rate)
	s.sweep(now, rate)
	return b.tokens, ok
}

// find returns the bucket of the key, which is the one used last from now on.
func (s *rateShard) find(key string, now time.Duration, rate Rate) *rateBucket {
	b, known := s.buckets[key]
	switch {
	case known:
		b.unlink()
	case len(s.buckets) < s.room:
		b = &rateBucket{key: key, bucket: bucket{float64(rate.Burst), now}}
		s.buckets[key] = b
	default: // a key moves in with what the one used least recently has left
		b = s.ring.prev
		b.unlink()
		delete(s.buckets, b.key)
		b.key = key
		s.buckets[key] = b
	}
	b.prev, b.next = &s.ring, s.ring.next
	b.prev.next, b.next.prev = b, b
	return b
}

func (b *rateBucket) unlink() { b.prev.next, b.next.prev = b.next, b.prev }

// sweep forgets buckets at the end of the ring that are full again. The first one
// has just been used, and stays.
func (s *rateShard) sweep(now time.Duration, rate Rate) {
	for range sweptPerTake {
		b := s.ring.prev
		if b == s.ring.next {
			return
		}
		if b.fill(now, rate); !b.full(rate) {
			return
		}
		b.unlink()
		delete(s.buckets, b.key)
	}
}

// keys returns how many keys are remembered.
func (t *rateTable) keys() int {
	n := 0
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += len(s.buckets)
		s.mu.Unlock()
	}
	return n
}
