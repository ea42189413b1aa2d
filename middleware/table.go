package middleware

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// A rateTable is a RateStore in memory, for one rate. It has room for a number of
// keys, and is swept as it is used: each call looks at the keys that were used
// least recently, and forgets those whose buckets are full again.
type rateTable struct {
	start  time.Time
	shards []rateShard
	hand   atomic.Uint32 // the shard that is swept next, beside those in use
}

// A rateShard is the part of a table that one lock guards. Its buckets are in a
// ring, in the order in which they were used:
//
//	ring ⇄ used last ⇄ … ⇄ used least recently ⇄ ring
type rateShard struct {
	mu      sync.Mutex
	room    int
	takes   uint32
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
	sweptPerTake  = 2    // buckets that each call looks at, so that shards shrink while keys come
	takesPerTurn  = 32   // calls, after which another shard is swept as well
	sweptPerTurn  = 128
)

var _ RateStore = (*rateTable)(nil)

// newRateTable returns a table with room for that many keys, at least one.
func newRateTable(maxKeys int) *rateTable {
	n := min(max(maxKeys/minShardRoom, 1), maxRateShards)
	t := &rateTable{start: time.Now(), shards: make([]rateShard, n)}
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
	return t.takeAt(key, n, time.Since(t.start), rate)
}

func (t *rateTable) takeAt(key string, n int, now time.Duration, rate Rate) (left float64, ok bool) {
	s := &t.shards[hashText(key)%uint64(len(t.shards))]
	left, ok, turn := s.take(key, n, now, rate)
	if turn {
		t.shards[t.hand.Add(1)%uint32(len(t.shards))].turn(now, rate)
	}
	return left, ok
}

// take also reports whether it is time to sweep another shard.
func (s *rateShard) take(key string, n int, now time.Duration, rate Rate) (left float64, ok, turn bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.find(key, now, rate)
	ok = b.take(n, now, rate)
	s.sweep(sweptPerTake, now, rate)
	s.takes++
	return b.tokens, ok, s.takes%takesPerTurn == 0
}

// turn sweeps a shard that may not be in use.
func (s *rateShard) turn(now time.Duration, rate Rate) {
	if s.mu.TryLock() {
		defer s.mu.Unlock()
		s.sweep(sweptPerTurn, now, rate)
	}
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

// sweep forgets buckets at the end of the ring that are full again, at most so many.
func (s *rateShard) sweep(most int, now time.Duration, rate Rate) {
	for range most {
		b := s.ring.prev
		if b == &s.ring {
			return
		}
		if b.fill(now, rate); !b.full(rate) {
			return
		}
		b.unlink()
		delete(s.buckets, b.key)
	}
}
