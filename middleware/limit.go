package middleware

import (
	"context"
	"hash/maphash"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// limitState is what limits and times keep of a request.
type limitState struct {
	limiter *Limiter        // TokenBucket
	depth   *depth          // DepthGuard
	warning <-chan struct{} // SessionTimeoutWithWarning
}

// RateLimit returns middleware that lets each client have at most maxPerIP
// requests under way, open sessions among them. What is more is answered 429 "too
// many connections", with Retry-After and, after
// draft-ietf-httpapi-ratelimit-headers-11,
//
//	RateLimit-Policy: "connections";q=20;qu="concurrent-requests"
//	RateLimit: "connections";r=0
//
// The client is its [ClientIP]; see [KeyOption] for more. It panics if maxPerIP
// is below 1.
func RateLimit(maxPerIP int, opts ...KeyOption) Middleware {
	mustHave(maxPerIP >= 1, "RateLimit", "a limit below 1")
	return limitClients(newSlots(limitKey.hash), maxPerIP, newKeyConfig("RateLimit", opts))
}

func limitClients(s *slots[limitKey], max int, keys keyConfig) Middleware {
	policy := `"connections";q=` + strconv.Itoa(min(max, maxInteger)) + `;qu="concurrent-requests"`
	return s.middleware(max, keys.keyOf, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add(fieldPolicy, policy)
		w.Header().Add(fieldLimit, `"connections";r=0`)
		refuseFor(w, r, http.StatusTooManyRequests, "too many connections", 1)
	})
}

// RouteRateLimit returns middleware that lets each route have at most
// maxConcurrent requests under way, open sessions among them. What is more is
// answered 503 "route at capacity" with Retry-After.
//
// The route is r.Pattern, so that the middleware belongs around the handlers of
// routes, inside of the router. Where a router sets no pattern, all requests
// count together. It panics if maxConcurrent is below 1.
func RouteRateLimit(maxConcurrent int) Middleware {
	mustHave(maxConcurrent >= 1, "RouteRateLimit", "a limit below 1")
	return limitRoutes(newSlots(hashText), maxConcurrent)
}

func limitRoutes(s *slots[string], max int) Middleware {
	return s.middleware(max, func(r *http.Request) string { return r.Pattern }, func(w http.ResponseWriter, r *http.Request) {
		refuseFor(w, r, http.StatusServiceUnavailable, "route at capacity", 1)
	})
}

// PerPathRateLimit returns middleware that lets each path have at most maxPerPath
// requests under way, as [RouteRateLimit] does for routes. Paths are compared as
// [path.Clean] leaves them. What is more is answered 503 "path at capacity" with
// Retry-After.
func PerPathRateLimit(maxPerPath int) Middleware {
	mustHave(maxPerPath >= 1, "PerPathRateLimit", "a limit below 1")
	return limitPaths(newSlots(hashText), maxPerPath)
}

func limitPaths(s *slots[string], max int) Middleware {
	return s.middleware(max, func(r *http.Request) string { return path.Clean(r.URL.Path) }, func(w http.ResponseWriter, r *http.Request) {
		refuseFor(w, r, http.StatusServiceUnavailable, "path at capacity", 1)
	})
}

// MaxSessions returns middleware that lets at most max sessions be open, counted
// from the request for the upgrade until the handler returns. What is more is
// answered 503 "server at capacity" with Retry-After. Other requests pass.
//
// Refusals are logged as warnings, at most one a second, with the number of those
// that were not ("suppressed"). A nil logger is slog's default. It panics if max
// is below 1.
func MaxSessions(max int, logger *slog.Logger) Middleware {
	mustHave(max >= 1, "MaxSessions", "a limit below 1")
	return limitSessions(new(counter), max, logger)
}

func limitSessions(open *counter, max int, logger *slog.Logger) Middleware {
	log := new(sparing)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !IsUpgrade(r) {
				next.ServeHTTP(w, r)
				return
			}
			if !open.take(max) {
				if suppressed, ok := log.turn(); ok {
					orDefault(logger).LogAttrs(r.Context(), slog.LevelWarn, "sessions refused: server at capacity",
						slog.Int("limit", max), slog.Int64("suppressed", suppressed))
				}
				refuseFor(w, r, http.StatusServiceUnavailable, "server at capacity", 1)
				return
			}
			defer open.give()
			next.ServeHTTP(w, r)
		})
	}
}

// MaxInFlight returns middleware that lets at most max requests be under way,
// open sessions among them. What is more is answered 503 "server at capacity"
// with Retry-After. It panics if max is below 1.
func MaxInFlight(max int) Middleware {
	mustHave(max >= 1, "MaxInFlight", "a limit below 1")
	return limitAll(new(counter), max)
}

func limitAll(underWay *counter, max int) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !underWay.take(max) {
				refuseFor(w, r, http.StatusServiceUnavailable, "server at capacity", 1)
				return
			}
			defer underWay.give()
			next.ServeHTTP(w, r)
		})
	}
}

// DepthGuard returns middleware that lets the handler of a session, or of another
// request, have at most maxConcurrent things under way, such as messages that are
// worked on. It refuses nothing by itself: the handler asks [AcquireDepth]. It
// panics if maxConcurrent is below 1.
func DepthGuard(maxConcurrent int) Middleware {
	mustHave(maxConcurrent >= 1, "DepthGuard", "a limit below 1")
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		rec.limits.depth = &depth{max: maxConcurrent}
		next.ServeHTTP(w, r)
	})
}

// A depth counts what the handler of one request has under way.
type depth struct {
	counter
	max int
}

// AcquireDepth takes one of the places of [DepthGuard], and reports whether there
// was one. release gives it back, once, however often it is called; it is never
// nil. Without DepthGuard there is always a place.
func AcquireDepth(ctx context.Context) (release func(), ok bool) {
	d := knownOf(ctx).limits.depth
	if d == nil {
		return func() {}, true
	}
	if !d.take(d.max) {
		return func() {}, false
	}
	return sync.OnceFunc(d.give), true
}

// CheckDepth is [AcquireDepth] for handlers that give the place back by
// [ReleaseDepth].
func CheckDepth(ctx context.Context) bool {
	d := knownOf(ctx).limits.depth
	return d == nil || d.take(d.max)
}

// ReleaseDepth gives back a place that [CheckDepth] has taken. If none is taken,
// it does nothing.
func ReleaseDepth(ctx context.Context) {
	if d := knownOf(ctx).limits.depth; d != nil {
		d.give()
	}
}

// A counter counts what is under way. Its zero value is ready.
type counter struct{ n atomic.Int64 }

// take counts one more, unless there are max already, and reports whether it did.
func (c *counter) take(max int) bool {
	for {
		n := c.n.Load()
		if n >= int64(max) {
			return false
		}
		if c.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// give counts one less, but never below zero.
func (c *counter) give() {
	for {
		n := c.n.Load()
		if n <= 0 || c.n.CompareAndSwap(n, n-1) {
			return
		}
	}
}

// slotShards is how many parts slots have, each with a lock of its own.
const slotShards = 16

// Slots count what is under way by key. A key without anything under way takes
// no memory, so that there are as many as there are requests, at most.
type slots[K comparable] struct {
	hash   func(K) uint64
	shards [slotShards]slotShard[K]
}

type slotShard[K comparable] struct {
	mu    sync.Mutex
	taken map[K]int
}

func newSlots[K comparable](hash func(K) uint64) *slots[K] {
	s := &slots[K]{hash: hash}
	for i := range s.shards {
		s.shards[i].taken = make(map[K]int)
	}
	return s
}

// hashSeed is for all slots and tables: it only has to be unknown to clients.
var hashSeed = maphash.MakeSeed()

func hashText(s string) uint64 { return maphash.String(hashSeed, s) }

func (s *slots[K]) shardOf(key K) *slotShard[K] { return &s.shards[s.hash(key)%slotShards] }

// take takes a slot of the key, unless max are taken, and reports whether it did.
func (shard *slotShard[K]) take(key K, max int) bool {
	shard.mu.Lock()
	defer shard.mu.Unlock()
	n := shard.taken[key]
	if n >= max {
		return false
	}
	shard.taken[key] = n + 1
	return true
}

// give returns a slot that was taken.
func (shard *slotShard[K]) give(key K) {
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if n := shard.taken[key]; n > 1 {
		shard.taken[key] = n - 1
	} else {
		delete(shard.taken, key)
	}
}

// middleware gives each key at most max requests under way; full answers the others.
func (s *slots[K]) middleware(max int, keyOf func(*http.Request) K, full http.HandlerFunc) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			key := keyOf(r)
			shard := s.shardOf(key)
			if !shard.take(key, max) {
				full(w, r)
				return
			}
			defer shard.give(key)
			next.ServeHTTP(w, r)
		})
	}
}

// refuseFor refuses a request that may be asked again after some seconds (RFC 9110
// section 10.2.3).
func refuseFor(w http.ResponseWriter, r *http.Request, status int, text string, seconds int) {
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	refuse(w, r, status, text)
}

// A sparing log speaks at most once a second. Its zero value is ready.
type sparing struct {
	mu         sync.Mutex
	next       time.Time // when it may speak again
	suppressed int64
}

// turn reports whether it may speak now, and how often it might not since it did.
func (s *sparing) turn() (suppressed int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Before(s.next) {
		s.suppressed++
		return 0, false
	}
	suppressed = s.suppressed
	s.next, s.suppressed = now.Add(time.Second), 0
	return suppressed, true
}
