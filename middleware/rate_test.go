package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/middleware"
)

func TestRequestRate(t *testing.T) {
	type step struct {
		after time.Duration
		limit string // of the field RateLimit
		retry string // "" if it is let through
	}
	for _, test := range []struct {
		name   string
		rate   float64
		burst  int
		policy string
		steps  []step
	}{
		{"slow", 0.1, 3, `"default";q=3;w=30`, []step{
			{0, `"default";r=2;t=20`, ""},
			{0, `"default";r=1;t=10`, ""},
			{0, `"default";r=0;t=10`, ""},
			{0, `"default";r=0;t=10`, "10"},
			{time.Second, `"default";r=0;t=9`, "9"},
			{8500 * time.Millisecond, `"default";r=0;t=1`, "1"},
			{500 * time.Millisecond, `"default";r=0;t=10`, ""},
			{time.Hour, `"default";r=2;t=20`, ""}, // never more than the burst
		}},
		{"fast", 100, 2, `"default";q=100;w=1`, []step{
			{0, `"default";r=1;t=1`, ""},
			{0, `"default";r=0;t=1`, ""},
			{0, `"default";r=0;t=1`, "1"},
			{5 * time.Millisecond, `"default";r=0;t=1`, "1"},
			{5 * time.Millisecond, `"default";r=0;t=1`, ""},
		}},
		{"thirds", 1.0 / 3, 1, `"default";q=1;w=3`, []step{
			{0, `"default";r=0;t=3`, ""},
			{2999 * time.Millisecond, `"default";r=0;t=1`, "1"},
			{time.Millisecond, `"default";r=0;t=3`, ""},
			{3 * time.Second, `"default";r=0;t=3`, ""},
			{3 * time.Second, `"default";r=0;t=3`, ""},
		}},
		{"burst that does not divide", 3, 20, `"default";q=20;w=7`, []step{{0, `"default";r=19;t=7`, ""}}},
		{"hardly ever", 1e-300, 1, `"default";q=1;w=2147483647`, []step{
			{0, `"default";r=0;t=2147483647`, ""},
			{1000 * time.Hour, `"default";r=0;t=2147483647`, "2147483647"},
		}},
		{"without end", 1e300, math.MaxInt, `"default";q=2147483647;w=1`, []step{
			{0, `"default";r=2147483647;t=1`, ""},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := middleware.RequestRate(test.rate, test.burst)(fine)
				for i, s := range test.steps {
					time.Sleep(s.after)
					w := do(h, plainRequest())
					if s.retry != "" {
						wantRefusal(t, w, 429, "too many requests")
					} else if w.Code != 200 {
						t.Errorf("request %d was answered %d", i, w.Code)
					}
					wantHeader(t, w, "Retry-After", s.retry)
					wantHeader(t, w, "RateLimit-Policy", test.policy)
					wantHeader(t, w, "RateLimit", s.limit)
				}
			})
		})
	}
}

// A client that waits for Retry-After is let in, and not a second before it.
func TestRetryAfterIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 200 {
			rate, burst := math.Exp(rand.Float64()*12-8), 1+rand.IntN(5)
			h := middleware.RequestRate(rate, burst)(fine)
			for range burst + rand.IntN(3) {
				do(h, plainRequest())
				time.Sleep(time.Duration(rand.Int64N(int64(time.Second))))
			}
			w := do(h, plainRequest())
			if w.Code == 200 {
				continue
			}
			var seconds int
			fmt.Sscan(w.Header().Get("Retry-After"), &seconds)
			if seconds > 1 {
				time.Sleep(time.Duration(seconds-1) * time.Second)
				if do(h, plainRequest()).Code == 200 {
					t.Errorf("rate %v, burst %d: Retry-After %d is more than need be", rate, burst, seconds)
				}
				time.Sleep(time.Second)
			} else {
				time.Sleep(time.Duration(seconds) * time.Second)
			}
			if do(h, plainRequest()).Code != 200 {
				t.Errorf("rate %v, burst %d: Retry-After %d is not enough", rate, burst, seconds)
			}
		}
	})
}

// A client that spreads r requests over t, as it is told to, is never refused.
func TestRateLimitFieldKeepsItsPromise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 50 {
			rate, burst := math.Exp(rand.Float64()*6-3), 1+rand.IntN(20)
			h := middleware.RequestRate(rate, burst)(fine)
			for range 100 {
				w := do(h, plainRequest())
				if w.Code != 200 {
					t.Fatalf("rate %v, burst %d: refused", rate, burst)
				}
				var remaining, seconds int
				if _, err := fmt.Sscanf(w.Header().Get("RateLimit"), `"default";r=%d;t=%d`, &remaining, &seconds); err != nil {
					t.Fatal(err)
				}
				if float64(remaining) > rate*float64(seconds)+1e-6 || remaining >= burst {
					t.Fatalf("rate %v, burst %d: r=%d t=%d", rate, burst, remaining, seconds)
				}
				time.Sleep(time.Duration(seconds) * time.Second / time.Duration(max(remaining, 1)))
			}
		}
	})
}

// Several limits make a list, each with a name of its own.
func TestRequestRateLists(t *testing.T) {
	h := middleware.Chain(
		middleware.RequestRate(0.1, 6, middleware.WithPolicyName("minute")),
		middleware.RequestRate(0.001, 2, middleware.WithPolicyName("hour")),
	)(fine)
	do(h, plainRequest())
	do(h, plainRequest())
	w := do(h, plainRequest())
	wantRefusal(t, w, 429, "too many requests")
	wantHeader(t, w, "RateLimit-Policy", `"minute";q=6;w=60 | "hour";q=2;w=2000`)
	wantHeader(t, w, "RateLimit", `"minute";r=3;t=30 | "hour";r=0;t=1000`)
	wantHeader(t, w, "Retry-After", "1000")
}

func TestRequestRateOptions(t *testing.T) {
	t.Run("WithoutFields", func(t *testing.T) {
		h := middleware.RequestRate(1, 1, middleware.WithoutFields())(fine)
		do(h, plainRequest())
		w := do(h, plainRequest())
		wantRefusal(t, w, 429, "too many requests")
		wantHeader(t, w, "Retry-After", "1")
		wantHeader(t, w, "RateLimit", "")
		wantHeader(t, w, "RateLimit-Policy", "")
	})
	t.Run("WithCost", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := middleware.RequestRate(0.5, 10, middleware.WithCost(func(r *http.Request) int { return int(r.ContentLength) }))(fine)
			ask := func(cost int64) *httptest.ResponseRecorder {
				r := plainRequest()
				r.ContentLength = cost
				return do(h, r)
			}
			wantHeader(t, ask(0), "RateLimit", "")
			wantHeader(t, ask(-1), "RateLimit", "")
			wantHeader(t, ask(4), "RateLimit", `"default";r=6;t=12`)
			w := ask(7) // r would be 6 and t 12, which is later than Retry-After
			wantRefusal(t, w, 429, "too many requests")
			wantHeader(t, w, "RateLimit", `"default";r=6;t=2`)
			wantHeader(t, w, "Retry-After", "2")
			time.Sleep(2 * time.Second)
			wantHeader(t, ask(7), "RateLimit", `"default";r=0;t=2`)
			time.Sleep(time.Hour)
			wantRefusal(t, ask(11), 429, "too many requests")
		})
	})
	t.Run("upgrades count", func(t *testing.T) {
		h := middleware.RequestRate(1, 1)(fine)
		do(h, upgrade("/"))
		wantRefusal(t, do(h, upgrade("/")), 429, "too many requests")
	})
}

// A storeFunc is a store that does as the test says.
type storeFunc func(ctx context.Context, key string, n int, rate middleware.Rate) (float64, bool, error)

func (f storeFunc) Take(ctx context.Context, key string, n int, rate middleware.Rate) (float64, bool, error) {
	return f(ctx, key, n, rate)
}

func TestRateStore(t *testing.T) {
	long := strings.Repeat("x", 129)
	byUser := middleware.WithKey(func(r *http.Request) string { return r.Header.Get("User") })
	for _, test := range []struct {
		r    *http.Request
		want string
	}{
		{from("192.0.2.1:80"), "api/ip/192.0.2.1"},
		{from("[2001:db8::1]:80"), "api/ip/2001:db8::/64"},
		{from("@"), "api/ip/unknown"},
		{from("@", "User: ada"), "api/key/ada"},
		{from("@", "User: "+long[:128]), "api/key/" + long[:128]},
		{from("@", "User: "+long), "api/sha256/0ec9eb33e74510bcdd1f2ea55206e82f21649c5c2becbf2b433eb475b34c01bd"},
	} {
		var got string
		store := storeFunc(func(ctx context.Context, key string, n int, rate middleware.Rate) (float64, bool, error) {
			got = fmt.Sprint(key, " ", n, " ", rate)
			if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > time.Second {
				t.Error("the store has no deadline")
			}
			return 2.5, true, nil
		})
		h := middleware.RequestRate(0.5, 3, middleware.WithStore(store), middleware.WithPolicyName("api"), byUser)(fine)
		w := do(h, test.r)
		if want := test.want + " 1 {0.5 3}"; got != want {
			t.Errorf("the store was asked for %s, want %s", got, want)
		}
		wantHeader(t, w, "RateLimit", `"api";r=2;t=4`)
	}
}

// What a store returns that makes no sense does not reach the client.
func TestRateStoreNonsense(t *testing.T) {
	for _, test := range []struct {
		left float64
		want string
	}{
		{math.NaN(), `"default";r=0;t=2`},
		{math.Inf(1), `"default";r=3;t=6`},
		{math.Inf(-1), `"default";r=0;t=2`},
		{-7, `"default";r=0;t=2`},
		{4, `"default";r=3;t=6`},
	} {
		store := storeFunc(func(context.Context, string, int, middleware.Rate) (float64, bool, error) {
			return test.left, true, nil
		})
		wantHeader(t, do(middleware.RequestRate(0.5, 3, middleware.WithStore(store))(fine), plainRequest()), "RateLimit", test.want)
	}
}

func TestRateStoreFails(t *testing.T) {
	broken := storeFunc(func(context.Context, string, int, middleware.Rate) (float64, bool, error) {
		return 0, false, errors.New("connection refused")
	})
	for _, test := range []struct {
		name string
		opts []middleware.RateOption
		want int
		log  string
	}{
		{"open", nil, 200, "ERROR rate limit: the store fails policy=default error=connection refused refused=false"},
		{"closed", []middleware.RateOption{middleware.WithFailClosed()}, 503, "ERROR rate limit: the store fails policy=default error=connection refused refused=true"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				opts := append(test.opts, middleware.WithStore(broken), middleware.WithRateLogger(slog.New(slog.NewJSONHandler(&log, nil))))
				h := middleware.RequestRate(1, 1, opts...)(fine)
				for range 3 {
					w := do(h, plainRequest())
					if test.want == 503 {
						wantRefusal(t, w, 503, "service unavailable")
						wantHeader(t, w, "Retry-After", "1")
					} else if w.Code != 200 {
						t.Errorf("answered %d", w.Code)
					}
					wantHeader(t, w, "RateLimit", "")
				}
				time.Sleep(time.Second)
				gone, cancel := context.WithCancel(t.Context())
				cancel()
				do(h, plainRequest().WithContext(gone)) // is not logged
				do(h, plainRequest())
				want := []string{test.log + " suppressed=0", test.log + " suppressed=2"}
				if got := lines(t, &log, "policy", "error", "refused", "suppressed"); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("logged %q, want %q", got, want)
				}
			})
		})
	}
}

// A store that does not answer holds nobody up for more than a second.
func TestRateStoreHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storeFunc(func(ctx context.Context, _ string, _ int, _ middleware.Rate) (float64, bool, error) {
			<-ctx.Done()
			return 0, false, ctx.Err()
		})
		h := middleware.RequestRate(1, 1, middleware.WithStore(store), middleware.WithRateLogger(slog.New(slog.DiscardHandler)))(fine)
		begin := time.Now()
		if w := do(h, plainRequest()); w.Code != 200 || time.Since(begin) != time.Second {
			t.Errorf("answered %d after %v", w.Code, time.Since(begin))
		}
	})
}

// Two machines that share a store share the limit.
func TestRateStoreIsShared(t *testing.T) {
	shared := middleware.WithStore(storeFunc(middleware.NewRateTable(10).Take))
	one, two := middleware.RequestRate(1e-9, 2, shared)(fine), middleware.RequestRate(1e-9, 2, shared)(fine)
	if a, b, c := do(one, plainRequest()).Code, do(two, plainRequest()).Code, do(one, plainRequest()).Code; a != 200 || b != 200 || c != 429 {
		t.Errorf("answered %d %d %d", a, b, c)
	}
}

// A million clients take no more memory than 65,536. The race detector is shown
// fewer.
func TestRequestRateMemory(t *testing.T) {
	measure := func(mw middleware.Middleware, clients int) int64 {
		h := mw(idle)
		w := newDiscard()
		r := plainRequest()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		addr := netip.MustParseAddr("2001:db8::1").As16()
		for i := range clients {
			addr[5], addr[6], addr[7] = byte(i>>16), byte(i>>8), byte(i) // each in a /64 of its own
			r.RemoteAddr = netip.AddrPortFrom(netip.AddrFrom16(addr), 80).String()
			h.ServeHTTP(w, r)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(h)
		return int64(after.HeapAlloc) - int64(before.HeapAlloc)
	}
	full := measure(middleware.RequestRate(1e-6, 10, middleware.WithoutFields()), 65_536)
	clients := 1_000_000
	if racing {
		clients /= 4
	}
	many := measure(middleware.RequestRate(1e-6, 10, middleware.WithoutFields()), clients)
	t.Logf("65,536 clients: %d bytes, %d: %d", full, clients, many)
	if many > full+full/4+1<<20 || many > 24<<20 {
		t.Errorf("%d clients take %d bytes, 65,536 take %d", clients, many, full)
	}
	if full < 65_536*32 {
		t.Errorf("65,536 clients take %d bytes: they are not remembered", full)
	}
}

// Long keys of a client's own choice do not take more memory than short ones.
func TestRequestRateLongKeys(t *testing.T) {
	key := func(r *http.Request) string { return r.URL.RawQuery }
	h := middleware.RequestRate(1e-6, 10, middleware.WithKey(key), middleware.WithMaxKeys(1000))(idle)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 1000 {
		r := plainRequest()
		r.URL.RawQuery = strings.Repeat("x", 10_000) + fmt.Sprint(i)
		h.ServeHTTP(newDiscard(), r)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(h)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 2<<20 {
		t.Errorf("1000 keys take %d bytes", grown)
	}
}

func TestRateTable(t *testing.T) {
	rate := middleware.Rate{PerSecond: 1, Burst: 2}
	empty := func(t *testing.T, table middleware.RateTable, at time.Duration, keys ...string) {
		t.Helper()
		for _, key := range keys {
			for range 2 {
				if _, ok := table.TakeAt(key, 1, at, rate); !ok {
					t.Fatalf("%s has no token", key)
				}
			}
			if left, ok := table.TakeAt(key, 1, at, rate); ok || left != 0 {
				t.Fatalf("%s still has tokens", key)
			}
		}
	}
	t.Run("the least recently used makes room", func(t *testing.T) {
		table := middleware.NewRateTable(3)
		empty(t, table, 0, "a", "b", "c")
		table.TakeAt("a", 1, time.Millisecond, rate) // b is the one now
		table.TakeAt("d", 1, time.Millisecond, rate)
		if n := table.Keys(); n != 3 {
			t.Fatalf("it has %d keys", n)
		}
		for _, key := range []string{"a", "c", "d"} { // they are known: nobody moves
			table.TakeAt(key, 1, 1500*time.Millisecond, rate)
		}
		for _, key := range []string{"a", "c", "d"} {
			if left, ok := table.TakeAt(key, 1, 1500*time.Millisecond, rate); ok || left != 0.5 {
				t.Errorf("%s has %v tokens", key, left)
			}
		}
	})
	t.Run("who comes instead gets what was left", func(t *testing.T) {
		table := middleware.NewRateTable(1)
		empty(t, table, 0, "a")
		if left, ok := table.TakeAt("b", 1, 500*time.Millisecond, rate); ok || left != 0.5 {
			t.Errorf("b has %v tokens", left)
		}
		if left, ok := table.TakeAt("c", 1, time.Second, rate); !ok || left != 0 {
			t.Errorf("c has %v tokens", left)
		}
	})
	t.Run("going through many keys gains nothing", func(t *testing.T) {
		table := middleware.NewRateTable(10)
		passed := 0
		for i := range 10_000 {
			if _, ok := table.TakeAt(fmt.Sprint(i), 1, time.Duration(i)*time.Millisecond, rate); ok {
				passed++
			}
		}
		if most := 10*rate.Burst + 10*10; passed > most { // ten buckets for ten seconds
			t.Errorf("%d passed, at most %d should", passed, most)
		}
	})
	t.Run("full buckets are forgotten", func(t *testing.T) {
		table := middleware.NewRateTable(100_000)
		for i := range 1000 {
			table.TakeAt(fmt.Sprint(i), 1, 0, rate)
		}
		if n := table.Keys(); n != 1000 {
			t.Fatalf("it has %d keys", n)
		}
		for i := range 10_000 {
			table.TakeAt(fmt.Sprint("key ", i%100), 1, time.Second+time.Duration(i)*time.Millisecond, rate)
		}
		if n := table.Keys(); n != 100 {
			t.Errorf("it has %d keys, 100 are in use", n)
		}
	})
	t.Run("a clock that goes back gives nothing", func(t *testing.T) {
		table := middleware.NewRateTable(2)
		empty(t, table, time.Hour, "a", "b")
		for _, key := range []string{"a", "b", "c"} {
			if left, ok := table.TakeAt(key, 1, 0, rate); ok || left != 0 {
				t.Errorf("%s has %v tokens", key, left)
			}
		}
	})
	t.Run("room", func(t *testing.T) {
		for _, room := range []int{1, 2, 1023, 1024, 3000, 100_000} {
			table := middleware.NewRateTable(room)
			for i := range 2 * room {
				table.TakeAt(fmt.Sprint(i), 2, 0, rate)
			}
			if n := table.Keys(); n > room || n < room*9/10 {
				t.Errorf("it has %d keys, room is for %d", n, room)
			}
		}
	})
}

// The table equals a map that forgets nothing, as long as there is room.
func TestRateTableReference(t *testing.T) {
	rate := middleware.Rate{PerSecond: 0.7, Burst: 5}
	table, buckets := middleware.NewRateTable(50), make(map[string]*middleware.Bucket)
	var now time.Duration
	for range 50_000 {
		now += time.Duration(rand.Int64N(int64(200 * time.Millisecond)))
		key, n := fmt.Sprint(rand.IntN(50)), 1+rand.IntN(3)
		b := buckets[key]
		if b == nil {
			b = middleware.NewBucket(rate)
			buckets[key] = b
		}
		left, ok := table.TakeAt(key, n, now, rate)
		if want := b.TakeAt(n, now); ok != want || math.Abs(left-b.Tokens()) > 1e-6 {
			t.Fatalf("%s at %v: %v, %t, want %v, %t", key, now, left, ok, b.Tokens(), want)
		}
	}
}

func TestRateTableConcurrently(t *testing.T) {
	table := middleware.NewRateTable(5000)
	rate := middleware.Rate{PerSecond: 1e-9, Burst: 100}
	var all sync.WaitGroup
	var mu sync.Mutex
	passed := make(map[string]int)
	for range 8 {
		all.Go(func() {
			for i := range 2000 {
				key := fmt.Sprint(i % 10)
				if _, ok, _ := table.Take(t.Context(), key, 1, rate); ok {
					mu.Lock()
					passed[key]++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	for key, n := range passed {
		if n != 100 {
			t.Errorf("%s has passed %d times", key, n)
		}
	}
}

func TestTokenBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := middleware.TokenBucket(2, 3)
		session := m(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			l := middleware.GetRateLimiter(r.Context())
			if l == nil {
				t.Fatal("a session has no limiter")
			}
			if l.RetryAfter() != 0 || l.AllowN(4) || !l.AllowN(0) || !l.AllowN(-1) || !l.AllowN(3) || l.Allow() {
				t.Error("it does not have three tokens")
			}
			if d := l.RetryAfter(); d != 500*time.Millisecond {
				t.Errorf("RetryAfter is %v", d)
			}
			time.Sleep(l.RetryAfter() - 1)
			if l.Allow() || l.RetryAfter() != 1 {
				t.Error("the token is there too early")
			}
			time.Sleep(1)
			if !l.Allow() || l.Allow() {
				t.Error("there is not one token")
			}
			time.Sleep(time.Hour)
			if l.AllowN(4) || !l.AllowN(3) || l.Allow() {
				t.Error("it does not have three tokens again")
			}
		}))
		do(session, upgrade("/"))
		do(session, upgrade("/")) // each has a limiter of its own
		do(m(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if l := middleware.GetRateLimiter(r.Context()); l != nil || !l.Allow() || !l.AllowN(1e9) || l.RetryAfter() != 0 {
				t.Error("a request that is no session is limited")
			}
		})), plainRequest())
		do(middleware.TokenBucket(1e-300, 1)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			l := middleware.GetRateLimiter(r.Context())
			if !l.Allow() || l.RetryAfter() != math.MaxInt64 {
				t.Errorf("RetryAfter is %v", l.RetryAfter())
			}
		})), upgrade("/"))
	})
}

func TestLimiterConcurrently(t *testing.T) {
	do(middleware.TokenBucket(1e-9, 500)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l := middleware.GetRateLimiter(r.Context())
		var all sync.WaitGroup
		var mu sync.Mutex
		allowed := 0
		for range 10 {
			all.Go(func() {
				for range 100 {
					if l.Allow() {
						mu.Lock()
						allowed++
						mu.Unlock()
					}
					l.RetryAfter()
				}
			})
		}
		all.Wait()
		if allowed != 500 {
			t.Errorf("%d of 500 were allowed", allowed)
		}
	})), upgrade("/"))
}
