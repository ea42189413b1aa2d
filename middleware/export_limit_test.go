package middleware

import (
	"io"
	"log/slog"
	"net/http"
	"time"
)

// Counted is a middleware whose counters can be looked at.
type Counted struct {
	Middleware
	Count func() int
}

// CountedRoutes is RouteRateLimit.
func CountedRoutes(max int) Counted {
	s := newSlots(hashText)
	return Counted{limitRoutes(s, max), s.keys}
}

// CountedPaths is PerPathRateLimit.
func CountedPaths(max int) Counted {
	s := newSlots(hashText)
	return Counted{limitPaths(s, max), s.keys}
}

// CountedClients is RateLimit.
func CountedClients(max int) Counted {
	s := newSlots(limitKey.hash)
	return Counted{limitClients(s, max, defaultKeys), s.keys}
}

// CountedSessions is MaxSessions.
func CountedSessions(max int, logger *slog.Logger) Counted {
	c := new(counter)
	return Counted{limitSessions(c, max, logger), c.count}
}

// CountedRequests is MaxInFlight.
func CountedRequests(max int) Counted {
	c := new(counter)
	return Counted{limitAll(c, max), c.count}
}

// keys returns how many keys have slots taken.
func (s *slots[K]) keys() int {
	n := 0
	for i := range s.shards {
		shard := &s.shards[i]
		shard.mu.Lock()
		n += len(shard.taken)
		shard.mu.Unlock()
	}
	return n
}

func (c *counter) count() int { return int(c.n.Load()) }

// A RateTable is the store of RequestRate.
type RateTable struct{ *rateTable }

// NewRateTable returns a table with room for that many keys.
func NewRateTable(maxKeys int) RateTable { return RateTable{newRateTable(maxKeys)} }

// Keys returns how many keys it has.
func (t RateTable) Keys() int { return t.keys() }

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

// TakeAt is Take at a time.
func (t RateTable) TakeAt(key string, n int, at time.Duration, rate Rate) (left float64, ok bool) {
	return t.takeAt(key, n, at, rate)
}

// A Bucket is a bucket of a rate.
type Bucket struct {
	bucket
	rate Rate
}

// NewBucket returns a full bucket.
func NewBucket(rate Rate) *Bucket { return &Bucket{bucket{tokens: float64(rate.Burst)}, rate} }

// TakeAt takes n tokens at a time.
func (b *Bucket) TakeAt(n int, at time.Duration) bool { return b.take(n, at, b.rate) }

// Tokens returns how many there are.
func (b *Bucket) Tokens() float64 { return b.tokens }

// Failures returns how many failures in a row a closed circuit breaker has seen.
func (c *CircuitBreaker) Failures() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failures
}

// Holding is an entry that holds the response back until its handler returns.
func Holding() Middleware {
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		out, w := rec.writerFor(w)
		l := &holder{layer: out.top}
		out.top = l
		defer func() { out.top = l.layer }()
		next.ServeHTTP(w, r)
		if l.status != 0 {
			l.layer.WriteHeader(l.status)
		}
		l.layer.Write(l.body)
	})
}

type holder struct {
	layer
	status int
	body   []byte
}

func (h *holder) WriteHeader(status int)              { h.status = status }
func (h *holder) Write(p []byte) (int, error)         { h.body = append(h.body, p...); return len(p), nil }
func (h *holder) ReadFrom(r io.Reader) (int64, error) { return copyTo(h, r) }
