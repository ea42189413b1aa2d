package mego

import (
	"errors"
	"sync"
	"time"
)

// A RateLimitConfig configures [RateLimit]. Both fields are at least 1.
type RateLimitConfig struct {
	// Period is the length of a window, in seconds.
	Period int
	// Limit is how many requests of one session to one method are served in a
	// window.
	Limit int
}

// RateLimit returns middleware that limits the requests of a session to each
// method. A window begins with the first request; those over the limit are
// answered with [StatusTooManyRequests], and get {"retryAfter": seconds} as data.
// A client that connects again with the same MegoID is counted on; one that
// changes its MegoID is not, so that a limiter for HTTP belongs in front of it.
// It panics if a field is less than 1.
func RateLimit(conf RateLimitConfig) HandlerFunc {
	if conf.Period < 1 || conf.Limit < 1 {
		panic("mego: RateLimit: Period and Limit have to be 1 at least")
	}
	period := time.Duration(conf.Period) * time.Second
	l := &rateLimiter{period: period, windows: make(map[rateKey]*rateWindow)}
	return func(c *Context) {
		left := l.take(rateKey{c.Session.ID, c.limitedAs()}, conf.Limit)
		if left > 0 {
			seconds := int((left + time.Second - 1) / time.Second)
			c.AbortWithError(StatusTooManyRequests, H{"retryAfter": seconds}, errTooFast)
			return
		}
		c.Next()
	}
}

var errTooFast = errors.New("mego: too many requests")

type rateKey struct{ session, method string }

// A rateWindow counts requests until it ends.
type rateWindow struct {
	key   rateKey
	end   time.Time
	count int
}

// A rateLimiter has the windows that are open, and those that are over and have
// not been swept away.
type rateLimiter struct {
	period time.Duration

	mu      sync.Mutex // guards what follows
	windows map[rateKey]*rateWindow
	order   []*rateWindow // the same, as they end
}

// take counts a request. If there are too many, it returns how long the window
// lasts.
func (l *rateLimiter) take(key rateKey, limit int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.sweep(now)
	w := l.windows[key]
	if w == nil {
		w = &rateWindow{key: key, end: now.Add(l.period)}
		l.windows[key] = w
		l.order = append(l.order, w)
	}
	if w.count == limit {
		return w.end.Sub(now)
	}
	w.count++
	return 0
}

// sweep removes the windows that are over.
func (l *rateLimiter) sweep(now time.Time) {
	n := 0
	for n < len(l.order) && !l.order[n].end.After(now) {
		delete(l.windows, l.order[n].key)
		l.order[n] = nil
		n++
	}
	l.order = l.order[n:]
	if len(l.order) == 0 {
		l.order = nil
	}
}

// A RequestLimitConfig configures [RequestLimit].
type RequestLimitConfig struct {
	// Limit is how many requests may be under way at a time; it is at least 1.
	Limit int
}

// RequestLimit returns middleware that limits the requests under way to each
// method, those of all sessions together. Those over the limit are answered with
// [StatusBusy]. It panics if Limit is less than 1.
func RequestLimit(conf RequestLimitConfig) HandlerFunc {
	if conf.Limit < 1 {
		panic("mego: RequestLimit: Limit has to be 1 at least")
	}
	var mu sync.Mutex
	running := make(map[string]int)
	return func(c *Context) {
		name := c.limitedAs()
		mu.Lock()
		full := running[name] == conf.Limit
		if !full {
			running[name]++
		}
		mu.Unlock()
		if full {
			c.AbortWithError(StatusBusy, nil, errBusy)
			return
		}
		defer func() {
			mu.Lock()
			defer mu.Unlock()
			if running[name]--; running[name] == 0 {
				delete(running, name)
			}
		}()
		c.Next()
	}
}

var errBusy = errors.New("mego: the method is busy")
