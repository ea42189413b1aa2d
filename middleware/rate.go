package middleware

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash/maphash"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// A Rate says how a token bucket fills: PerSecond tokens come in a second, until
// there are Burst.
type Rate struct {
	PerSecond float64
	Burst     int
}

// check panics unless the rate is valid.
func (rate Rate) check(name string) {
	mustHave(rate.PerSecond > 0 && !math.IsInf(rate.PerSecond, 1), name, "a rate that is not above 0 and finite")
	mustHave(rate.Burst >= 1, name, "a burst below 1")
}

// seconds returns how long it takes until that many tokens have come.
func (rate Rate) seconds(tokens float64) float64 { return tokens / rate.PerSecond }

// A RateStore keeps the token buckets of [RequestRate], so that several machines
// can share them. Its methods are called from many goroutines at once.
//
// A store in a database that runs scripts, such as Redis, keeps two numbers for
// each key, the tokens and when they were counted, and lets them expire after the
// time that the bucket takes to fill, Burst/PerSecond seconds: a bucket that is
// full says no more than none. The clock is best the database's own.
type RateStore interface {
	// Take takes n tokens from the bucket of the key, or none if there are fewer
	// than n, and reports whether it took them. left is how many there are
	// afterwards, fractions included. A key that is not known has a full bucket.
	//
	// The same key always comes with the same rate, until a program with another
	// one is started: a bucket never has more than rate.Burst tokens.
	//
	// The context ends with the request, or after a second.
	Take(ctx context.Context, key string, n int, rate Rate) (left float64, ok bool, err error)
}

// storeTimeout is how long a store of rates may take.
const storeTimeout = time.Second

// maxInteger is the largest number that the fields name. Structured fields allow
// for 15 digits (RFC 9651 section 3.3.1); clients may not.
const maxInteger = math.MaxInt32

// The fields of draft-ietf-httpapi-ratelimit-headers-11, in their canonical form.
const (
	fieldPolicy = "Ratelimit-Policy"
	fieldLimit  = "Ratelimit"
)

// RequestRate returns middleware that lets each client make perSecond requests in
// a second, and up to burst at once: a token bucket, of which each request, and
// each upgrade, takes a token. When there is none, the answer is 429 "too many
// requests" with Retry-After, the seconds until there is one, rounded up.
//
// All answers, also those of the handler, have the fields RateLimit-Policy and
// RateLimit of draft-ietf-httpapi-ratelimit-headers-11:
//
//	RateLimit-Policy: "default";q=20;w=10    20 requests in 10 seconds
//	RateLimit: "default";r=12;t=6            12 more, if they last for 6 seconds
//
// q and w are burst and the time it takes to earn it; if that is less than a
// second, w is 1 and q what comes in a second. r is how many tokens there are, and
// t how long it takes to earn as many, so that a client that keeps to r and t
// never asks too often; in a refusal it is Retry-After. Fields that are there
// already stay: several limits, with names of their own, make a list.
//
// The client is its [ClientIP]. See [KeyOption] and [RateOption] for other keys,
// for how many are remembered, and for buckets that machines share.
//
// It panics if perSecond is not above 0 and finite, or burst is below 1.
func RequestRate(perSecond float64, burst int, opts ...RateOption) Middleware {
	const name = "RequestRate"
	c := rateConfig{rate: Rate{perSecond, burst}, keyConfig: defaultKeys, policy: "default", fields: true}
	c.rate.check(name)
	for _, opt := range opts {
		mustHave(opt != nil, name, "a nil option")
		opt.setRate(&c)
	}
	c.keyConfig.check(name)
	mustHave(isPolicyName(c.policy), name, "a policy name that is empty or has other than printable ASCII without quotes and backslashes")
	mustHave(c.maxKeys >= 0, name, "WithMaxKeys below 1")
	mustHave(c.maxKeys == 0 || c.store == nil, name, "WithMaxKeys for a store of one's own")
	if c.store == nil {
		if c.maxKeys == 0 {
			c.maxKeys = defaultMaxKeys
		}
		c.store = newRateTable(c.maxKeys)
	}
	return newRequestRate(c).middleware
}

// A RateOption is an option of [RequestRate]. All options of type [KeyOption] are.
type RateOption interface{ setRate(*rateConfig) }

type rateConfig struct {
	keyConfig
	rate       Rate
	policy     string
	fields     bool
	maxKeys    int // 0: the default, or none for a store
	store      RateStore
	failClosed bool
	cost       func(*http.Request) int
	logger     *slog.Logger
}

type rateOption func(*rateConfig)

func (o rateOption) setRate(c *rateConfig) { o(c) }

// defaultMaxKeys is how many keys RequestRate remembers.
const defaultMaxKeys = 65_536

// WithMaxKeys sets how many keys [RequestRate] remembers, 65,536 if it is not
// given. A bucket that is full again is forgotten. When there are too many all
// the same, the one that was used least recently makes room; the new one then
// starts with the tokens that were left in it, so that one who has more addresses
// than there is room for gains nothing by going through them.
func WithMaxKeys(n int) RateOption {
	return rateOption(func(c *rateConfig) {
		if c.maxKeys = n; n < 1 {
			c.maxKeys = -1
		}
	})
}

// WithStore has [RequestRate] keep its buckets in the store. Its keys begin with
// the name of the policy, see [WithPolicyName]:
//
//	default/ip/192.0.2.1
//	default/ip/2001:db8::/64
//	default/ip/unknown          all clients without an address
//	default/key/ada             from WithKey
//	default/sha256/9f86…0a08    from WithKey, for more than 128 bytes
//
// When the store returns an error, or does not answer within a second, requests
// are let through: a limit that cannot be looked up should not stop the service.
// [WithFailClosed] has them refused. Either way it is logged as an error, at most
// once a second.
func WithStore(store RateStore) RateOption {
	mustHave(store != nil, "WithStore", "a nil store")
	return rateOption(func(c *rateConfig) { c.store = store })
}

// WithFailClosed has [RequestRate] refuse requests with 503 "service unavailable"
// when the store of [WithStore] fails.
func WithFailClosed() RateOption { return rateOption(func(c *rateConfig) { c.failClosed = true }) }

// WithPolicyName sets the name of the policy in the fields RateLimit and
// RateLimit-Policy, and before the keys of a store; it is "default" if it is not
// given. Printable ASCII is allowed, but for quotes and backslashes.
func WithPolicyName(name string) RateOption {
	return rateOption(func(c *rateConfig) { c.policy = name })
}

// WithoutFields has [RequestRate] leave out the fields RateLimit and
// RateLimit-Policy. Retry-After stays.
func WithoutFields() RateOption { return rateOption(func(c *rateConfig) { c.fields = false }) }

// WithCost has a request take as many tokens as cost says: none if that is below
// 1. One that costs more than the burst is always refused.
func WithCost(cost func(r *http.Request) int) RateOption {
	mustHave(cost != nil, "WithCost", "a nil function")
	return rateOption(func(c *rateConfig) { c.cost = cost })
}

// WithRateLogger sets where [RequestRate] logs that the store fails. Without it,
// or if it is nil, that is slog's default.
func WithRateLogger(logger *slog.Logger) RateOption {
	return rateOption(func(c *rateConfig) { c.logger = logger })
}

// isPolicyName reports whether s can be put between quotes (RFC 9651 section 3.3.3).
func isPolicyName(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' {
			return false
		}
	}
	return s != ""
}

// A requestRate is RequestRate with everything worked out.
type requestRate struct {
	rateConfig
	policyField string
	log         sparing
}

func newRequestRate(c rateConfig) *requestRate {
	// The quota in whole seconds, so that q/w is the rate or less.
	q, w := float64(c.rate.Burst), c.rate.seconds(float64(c.rate.Burst))
	if w < 1 {
		q, w = math.Floor(c.rate.PerSecond), 1
	}
	return &requestRate{
		rateConfig:  c,
		policyField: `"` + c.policy + `";q=` + whole(q) + ";w=" + strconv.Itoa(wholeSeconds(w)),
	}
}

// whole writes a number that has no fraction, as far as the fields go.
func whole(x float64) string { return strconv.Itoa(int(min(x, maxInteger))) }

// wholeSeconds rounds up, to 1 at least.
func wholeSeconds(seconds float64) int {
	return int(min(max(math.Ceil(seconds-tolerance), 1), maxInteger))
}

func (rr *requestRate) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := 1
		if rr.cost != nil {
			n = rr.cost(r)
		}
		if n < 1 || rr.take(w, r, n) {
			next.ServeHTTP(w, r)
		}
	})
}

// take takes the tokens for the request, or refuses it.
func (rr *requestRate) take(w http.ResponseWriter, r *http.Request, n int) bool {
	left, ok, err := rr.ask(r, n)
	if err != nil {
		return rr.failed(w, r, err)
	}
	left = min(max(left, 0), float64(rr.rate.Burst))
	remaining := math.Floor(left + tolerance)
	var seconds int
	switch {
	case !ok:
		seconds = wholeSeconds(rr.rate.seconds(float64(n) - left))
	case remaining < 1:
		seconds = wholeSeconds(rr.rate.seconds(1 - left))
	default:
		seconds = wholeSeconds(rr.rate.seconds(remaining))
	}
	if rr.fields {
		h := w.Header()
		h[fieldPolicy] = append(h[fieldPolicy], rr.policyField)
		h[fieldLimit] = append(h[fieldLimit], `"`+rr.policy+`";r=`+whole(remaining)+";t="+strconv.Itoa(seconds))
	}
	if !ok {
		refuseFor(w, r, http.StatusTooManyRequests, "too many requests", seconds)
	}
	return ok
}

// ask asks the store. One of our own does not wait for anything.
func (rr *requestRate) ask(r *http.Request, n int) (left float64, ok bool, err error) {
	key := rr.keyOf(r).text(rr.policy)
	if table, own := rr.store.(*rateTable); own {
		left, ok = table.take(key, n, rr.rate)
		return left, ok, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	left, ok, err = rr.store.Take(ctx, key, n, rr.rate)
	if err == nil && math.IsNaN(left) {
		left = 0
	}
	return left, ok, err
}

// failed does what there is to do when the store fails, and reports whether the
// request is let through.
func (rr *requestRate) failed(w http.ResponseWriter, r *http.Request, err error) bool {
	if r.Context().Err() == nil { // it was not the client who went away
		if suppressed, ok := rr.log.turn(); ok {
			orDefault(rr.logger).LogAttrs(r.Context(), slog.LevelError, "rate limit: the store fails",
				slog.String("policy", rr.policy), slog.Any("error", err),
				slog.Bool("refused", rr.failClosed), slog.Int64("suppressed", suppressed))
		}
	}
	if rr.failClosed {
		refuseFor(w, r, http.StatusServiceUnavailable, "service unavailable", 1)
	}
	return !rr.failClosed
}

// A KeyOption says by what [RateLimit] and [RequestRate] tell clients apart.
type KeyOption func(*keyConfig)

func (o KeyOption) setRate(c *rateConfig) {
	mustHave(o != nil, "RequestRate", "a nil option")
	o(&c.keyConfig)
}

// keyConfig says how the key of a request is made.
type keyConfig struct {
	key  func(*http.Request) string // nil: by address
	bits int                        // of an IPv6 address
}

var defaultKeys = keyConfig{bits: 64}

func newKeyConfig(name string, opts []KeyOption) keyConfig {
	c := defaultKeys
	for _, opt := range opts {
		mustHave(opt != nil, name, "a nil option")
		opt(&c)
	}
	c.check(name)
	return c
}

func (c keyConfig) check(name string) {
	mustHave(c.bits >= 1 && c.bits <= 128, name, "WithIPv6Prefix outside of 1 to 128")
}

// WithKey has clients told apart by what key returns, such as the name of the
// user, instead of by their address. An empty key stands for the address. It is
// called before the request is let through, from many goroutines at once.
func WithKey(key func(r *http.Request) string) KeyOption {
	mustHave(key != nil, "WithKey", "a nil function")
	return func(c *keyConfig) { c.key = key }
}

// WithIPv6Prefix sets how many bits of an IPv6 address tell clients apart, 1 to
// 128. Without it they are 64, since one client has all the addresses of a /64.
func WithIPv6Prefix(bits int) KeyOption { return func(c *keyConfig) { c.bits = bits } }

// A limitKey is what a limit counts by: a text, or a prefix of an address. The
// zero key is that of all clients without an address.
type limitKey struct {
	named  string
	prefix netip.Prefix
}

// maxKeyLength is how many bytes of a key are kept as they are.
const maxKeyLength = 128

func (c keyConfig) keyOf(r *http.Request) limitKey {
	if c.key != nil {
		if named := c.key(r); named != "" {
			return limitKey{named: named}
		}
	}
	addr := ClientIP(r)
	bits := addr.BitLen()
	if bits == 128 {
		bits = c.bits
	}
	prefix, _ := addr.Prefix(bits) // zero for no address
	return limitKey{prefix: prefix}
}

func (k limitKey) hash() uint64 {
	if k.named != "" {
		return hashText(k.named)
	}
	addr := k.prefix.Addr().As16()
	return maphash.Bytes(hashSeed, addr[:])
}

// text returns the key for a store, in memory of its own.
//
//	named "ada"   => default/key/ada
//	192.0.2.1/32  => default/ip/192.0.2.1
//	2001:db8::/64 => default/ip/2001:db8::/64
//	zero          => default/ip/unknown
func (k limitKey) text(policy string) string {
	buf := append(make([]byte, 0, 2*maxKeyLength), policy...)
	switch {
	case len(k.named) > maxKeyLength:
		sum := sha256.Sum256([]byte(k.named))
		buf = hex.AppendEncode(append(buf, "/sha256/"...), sum[:])
	case k.named != "":
		buf = append(append(buf, "/key/"...), k.named...)
	case !k.prefix.IsValid():
		buf = append(buf, "/ip/unknown"...)
	case k.prefix.IsSingleIP():
		buf = k.prefix.Addr().AppendTo(append(buf, "/ip/"...))
	default:
		buf = k.prefix.AppendTo(append(buf, "/ip/"...))
	}
	return string(buf)
}

// tolerance is what sums of fractions may be wrong by.
const tolerance = 1e-9

// A bucket has tokens, as many as there were at a time. The time is counted from
// some start by the monotonic clock, so that setting the clock changes nothing.
type bucket struct {
	tokens float64
	at     time.Duration
}

// fill adds the tokens that have come until now. A now before the last one adds none.
func (b *bucket) fill(now time.Duration, rate Rate) {
	if now > b.at {
		b.tokens = min(b.tokens+(now-b.at).Seconds()*rate.PerSecond, float64(rate.Burst))
		b.at = now
	}
}

// take takes n tokens if there are as many, and reports whether it did.
func (b *bucket) take(n int, now time.Duration, rate Rate) bool {
	b.fill(now, rate)
	if b.tokens < float64(n)-tolerance {
		return false
	}
	b.tokens = max(b.tokens-float64(n), 0)
	return true
}

// full reports whether the bucket says no more than none.
func (b *bucket) full(rate Rate) bool { return b.tokens >= float64(rate.Burst)-tolerance }

// TokenBucket returns middleware that gives each session a [Limiter], with which
// its handler can limit messages: rate of them a second, and up to burst at once.
// It limits nothing by itself, and other requests have none.
//
//	if !middleware.GetRateLimiter(r.Context()).Allow() {
//		conn.WriteClose(ws.ClosePolicyViolation, "too many messages")
//	}
//
// It panics if rate is not above 0 and finite, or burst is below 1.
func TokenBucket(rate float64, burst int) Middleware {
	Rate{rate, burst}.check("TokenBucket")
	limit := entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		rec.limits.limiter = newLimiter(Rate{rate, burst})
		next.ServeHTTP(w, r)
	})
	return If(IsUpgrade, limit)
}

// GetRateLimiter returns the limiter of the session that ctx is from, or nil,
// which allows everything.
func GetRateLimiter(ctx context.Context) *Limiter { return knownOf(ctx).limits.limiter }

// A Limiter is a token bucket, which is full at first. Its methods may be called
// from any goroutine; a nil Limiter allows everything. [TokenBucket] makes them.
type Limiter struct {
	rate  Rate
	start time.Time

	mu     sync.Mutex
	bucket bucket
}

func newLimiter(rate Rate) *Limiter {
	return &Limiter{rate: rate, start: time.Now(), bucket: bucket{tokens: float64(rate.Burst)}}
}

// Allow takes a token, and reports whether there was one.
func (l *Limiter) Allow() bool { return l.AllowN(1) }

// AllowN takes n tokens, or none if there are fewer, and reports whether it took
// them. More than the burst there never are. Less than one is always allowed.
func (l *Limiter) AllowN(n int) bool {
	if l == nil || n < 1 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bucket.take(n, time.Since(l.start), l.rate)
}

// RetryAfter returns how long it takes until there is a token; 0 if there is one.
func (l *Limiter) RetryAfter() time.Duration {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bucket.fill(time.Since(l.start), l.rate)
	if l.bucket.tokens >= 1-tolerance {
		return 0
	}
	wait := math.Ceil(l.rate.seconds(1-tolerance-l.bucket.tokens) * float64(time.Second))
	if !(wait < math.MaxInt64) {
		return math.MaxInt64
	}
	return time.Duration(wait)
}
