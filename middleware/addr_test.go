package middleware_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gongular/gongular/middleware"
	"github.com/gongular/gongular/ws"
)

// cameFrom makes a request from the address, with header fields.
func cameFrom(remote string, fields ...string) *http.Request {
	r := request("GET", "/", fields...)
	r.RemoteAddr = remote
	return r
}

// clientIP returns what ClientIP says behind the middleware.
func clientIP(mw middleware.Middleware, r *http.Request) (ip netip.Addr) {
	do(mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { ip = middleware.ClientIP(r) })), r)
	return ip
}

// Without trusted proxies the peer is the client, whatever the header says.
func TestClientIP(t *testing.T) {
	forged := []string{"X-Forwarded-For: 6.6.6.6", "X-Real-IP: 6.6.6.6", "Forwarded: for=6.6.6.6"}
	for remote, want := range map[string]string{
		"1.2.3.4:5678":          "1.2.3.4",
		"1.2.3.4":               "1.2.3.4",
		"[::ffff:1.2.3.4]:80":   "1.2.3.4",
		"[fe80::1%eth0]:80":     "fe80::1",
		"[::1]:80":              "::1",
		"::1":                   "::1",
		"@":                     "invalid IP",
		"":                      "invalid IP",
		"example.com:80":        "invalid IP",
		"1.2.3.4:99999":         "invalid IP",
		"[::1":                  "invalid IP",
		"1.2.3.4, 5.6.7.8":      "invalid IP",
		"/run/app/client.sock":  "invalid IP",
		"1.2.3.4:5678 ":         "invalid IP",
		"[1.2.3.4]":             "1.2.3.4",
		"[::1]x":                "invalid IP",
		"[::1]:":                "invalid IP",
		"1.2.3.4:":              "invalid IP",
		"1.2.3.4:x":             "invalid IP",
		"[2001:db8::1%en0]:443": "2001:db8::1",
	} {
		for name, mw := range map[string]middleware.Middleware{"no entry": middleware.Chain(), "entry": middleware.Nothing(), "nobody trusted": middleware.TrustedProxies()} {
			if got := clientIP(mw, cameFrom(remote, forged...)).String(); got != want {
				t.Errorf("%q, %s: the client is %s, want %s", remote, name, got, want)
			}
		}
	}
}

func TestTrustedProxies(t *testing.T) {
	for _, test := range []struct {
		name    string
		trusted string // separated by spaces
		remote  string
		fields  []string
		want    string
	}{
		{"forged by a stranger", "10.0.0.0/8", "1.2.3.4:5", []string{"X-Forwarded-For: 6.6.6.6", "X-Real-IP: 7.7.7.7"}, "1.2.3.4"},
		{"forged through a proxy", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Forwarded-For: 1.1.1.1, 6.6.6.6"}, "6.6.6.6"},
		{"forged in another field", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 6.6.6.6"}, "6.6.6.6"},
		{"two proxies", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Forwarded-For: 1.1.1.1, 6.6.6.6, 10.9.9.9"}, "6.6.6.6"},
		{"two proxies, two fields", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Forwarded-For: 1.1.1.1, 6.6.6.6", "X-Forwarded-For: 10.9.9.9"}, "6.6.6.6"},
		{"all trusted", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Forwarded-For: 10.1.1.1, 10.2.2.2"}, "10.1.1.1"},
		{"garbage", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Forwarded-For: garbage"}, "10.0.0.1"},
		{"garbage after one", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Forwarded-For: 6.6.6.6, garbage, 10.2.2.2"}, "10.2.2.2"},
		{"unknown, as of RFC 7239", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Forwarded-For: unknown"}, "10.0.0.1"},
		{"empty field", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Forwarded-For: ", "X-Real-IP: 6.6.6.6"}, "10.0.0.1"},
		{"empty element", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Forwarded-For: 6.6.6.6,, 10.2.2.2"}, "10.2.2.2"},
		{"port", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Forwarded-For: 6.6.6.6:1234"}, "6.6.6.6"},
		{"IPv6 in brackets", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Forwarded-For: [2001:db8::1]"}, "2001:db8::1"},
		{"IPv6 with port", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Forwarded-For:\t[::1]:80 "}, "10.0.0.1"}, // "X-Forwarded-For:\t…" is another name
		{"tab around", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Forwarded-For: \t[::1]:80\t"}, "::1"},
		{"zone and mapped", "::1 10.0.0.1", "[::ffff:10.0.0.1]:5", []string{"X-Forwarded-For: fe80::1%eth0, ::ffff:10.0.0.1"}, "fe80::1"},
		{"mapped network", "::ffff:10.0.0.0/104", "10.9.9.9:5", []string{"X-Forwarded-For: 6.6.6.6"}, "6.6.6.6"},
		{"X-Real-IP", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Real-IP: 6.6.6.6"}, "6.6.6.6"},
		{"X-Real-IP beside", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Real-IP: 7.7.7.7", "X-Forwarded-For: 6.6.6.6"}, "6.6.6.6"},
		{"X-Real-IP garbage", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Real-IP: x"}, "10.0.0.1"},
		{"X-Real-IP twice", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Real-IP: 6.6.6.6", "X-Real-IP: 7.7.7.7"}, "10.0.0.1"},
		{"Forwarded is not read", "10.0.0.0/8", "10.0.0.1:5", []string{"Forwarded: for=6.6.6.6"}, "10.0.0.1"},
		{"Unix socket", "unix", "@", []string{"X-Forwarded-For: 6.6.6.6"}, "6.6.6.6"},
		{"Unix socket, no header", "unix", "@", nil, "invalid IP"},
		{"Unix socket, garbage", "unix", "@", []string{"X-Forwarded-For: x"}, "invalid IP"},
		{"Unix socket, not trusted", "10.0.0.0/8", "@", []string{"X-Forwarded-For: 6.6.6.6"}, "invalid IP"},
		{"long", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Forwarded-For: 6.6.6.6" + strings.Repeat(",10.0.0.1", 7000)}, "6.6.6.6"},
		{"long garbage", "10.0.0.0/8", "10.0.0.1:5", []string{"X-Forwarded-For: " + strings.Repeat(",", 1<<16)}, "10.0.0.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := cameFrom(test.remote, test.fields...)
			if got := clientIP(middleware.TrustedProxies(strings.Fields(test.trusted)...), r).String(); got != test.want {
				t.Errorf("the client is %s, want %s", got, test.want)
			}
			if r.RemoteAddr != test.remote {
				t.Errorf("RemoteAddr became %q", r.RemoteAddr)
			}
		})
	}
}

// The answer is found once, and does not change with the header afterwards.
func TestClientIPIsFoundOnce(t *testing.T) {
	changes := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("X-Forwarded-For", "7.7.7.7")
			next.ServeHTTP(w, r)
		})
	}
	mw := middleware.Chain(middleware.TrustedProxies("10.0.0.1"), changes)
	if got := clientIP(mw, cameFrom("10.0.0.1:5", "X-Forwarded-For: 6.6.6.6")).String(); got != "6.6.6.6" {
		t.Errorf("the client is %s", got)
	}
}

// Whatever the header, the client is an address in its plain form or none, and a
// stranger's header counts for nothing.
func FuzzTrustedProxies(f *testing.F) {
	f.Add("10.0.0.1:5", "1.1.1.1, 6.6.6.6", "x")
	f.Add("@", "[::ffff:1.2.3.4%eth0]:80,,", "::1%x")
	f.Add("1.2.3.4:5", "\t,", "")
	mw := middleware.TrustedProxies("10.0.0.0/8", "unix")
	f.Fuzz(func(t *testing.T, remote, forwarded, real string) {
		r := cameFrom(remote)
		r.Header["X-Forwarded-For"] = []string{forwarded}
		r.Header["X-Real-Ip"] = []string{real}
		peer := middleware.ClientIP(r)
		got := clientIP(mw, r)
		if got.Is4In6() || got.Zone() != "" {
			t.Errorf("the client is %v", got)
		}
		if peer.IsValid() && !netip.MustParsePrefix("10.0.0.0/8").Contains(peer) && got != peer {
			t.Errorf("the stranger %v claims to be %v", peer, got)
		}
	})
}

func TestAddressPanics(t *testing.T) {
	for _, test := range []struct {
		make func()
		want string
	}{
		{func() { middleware.TrustedProxies("10.0.0.0/33") }, `middleware.TrustedProxies: "10.0.0.0/33" is neither an address nor a network in CIDR form`},
		{func() { middleware.TrustedProxies("10.0.0.1", "") }, `middleware.TrustedProxies: "" is neither an address nor a network in CIDR form`},
		{func() { middleware.TrustedProxies("10.0.0.1,10.0.0.2") }, `middleware.TrustedProxies: "10.0.0.1,10.0.0.2" is neither an address nor a network in CIDR form`},
		{func() { middleware.TrustedProxies("1.2.3.4/0") }, "middleware.TrustedProxies: 0.0.0.0/0 trusts everybody"},
		{func() { middleware.TrustedProxies("::/0") }, "middleware.TrustedProxies: ::/0 trusts everybody"},
		{func() { middleware.IPWhitelist() }, "middleware.IPWhitelist: no addresses: nobody would be let in"},
		{func() { middleware.IPWhitelist("10.0.0.0/8", "localhost") }, `middleware.IPWhitelist: "localhost" is neither an address nor a network in CIDR form`},
		{func() { middleware.NewIPBlacklist("300.1.1.1") }, `middleware.NewIPBlacklist: "300.1.1.1" is neither an address nor a network in CIDR form`},
	} {
		if got := mustPanic(t, test.make); got != test.want {
			t.Errorf("the panic is %q, want %q", got, test.want)
		}
	}
}

func TestIPWhitelist(t *testing.T) {
	h := middleware.IPWhitelist("10.0.0.0/8", "2001:db8::/32", "1.2.3.4", "::ffff:5.6.7.8")(fine)
	for remote, ok := range map[string]bool{
		"10.1.2.3:1": true, "1.2.3.4:1": true, "5.6.7.8:1": true, "[2001:db8::7]:1": true, "[::ffff:10.1.1.1]:1": true, "[2001:db8::7%eth0]:1": true,
		"11.1.2.3:1": false, "1.2.3.5:1": false, "[2001:db9::7]:1": false, "@": false, "": false, "garbage": false,
	} {
		w := do(h, cameFrom(remote))
		if ok && w.Code != 200 {
			t.Errorf("%q was answered %d", remote, w.Code)
		} else if !ok {
			wantRefusal(t, w, 403, "ip not allowed")
		}
	}
	// It goes by the client's address, as everything does.
	behind := middleware.TrustedProxies("10.0.0.1")(h)
	if w := do(behind, cameFrom("10.0.0.1:5", "X-Forwarded-For: 1.2.3.4")); w.Code != 200 {
		t.Errorf("a client behind a proxy was answered %d", w.Code)
	}
	wantRefusal(t, do(behind, cameFrom("10.0.0.1:5", "X-Forwarded-For: 6.6.6.6")), 403, "ip not allowed")
}

func TestIPBlacklist(t *testing.T) {
	l := middleware.NewIPBlacklist("1.2.3.4/32", "10.1.2.3/8", "2001:DB8::1", "::ffff:7.7.7.0/120")
	if err := l.Add("1.2.3.4"); err != nil || l.Len() != 4 {
		t.Errorf("the same again: %v, %d entries", err, l.Len())
	}
	want := []string{"1.2.3.4", "7.7.7.0/24", "10.0.0.0/8", "2001:db8::1"}
	if got := l.Entries(); !slices.Equal(got, want) {
		t.Errorf("entries %q, want %q", got, want)
	}
	if err := l.Add("300.1.1.1"); err == nil || err.Error() != `middleware.IPBlacklist: "300.1.1.1" is neither an address nor a network in CIDR form` || l.Len() != 4 {
		t.Errorf("adding what is no address: %v, %d entries", err, l.Len())
	}
	h := l.Middleware()(fine)
	for remote, blocked := range map[string]bool{
		"1.2.3.4:1": true, "[::ffff:1.2.3.4]:1": true, "10.9.9.9:1": true, "[2001:db8::1%eth0]:1": true, "7.7.7.9:1": true, "@": true, "": true,
		"1.2.3.5:1": false, "11.9.9.9:1": false, "[2001:db8::2]:1": false,
	} {
		w := do(h, cameFrom(remote))
		if blocked {
			wantRefusal(t, w, 403, "ip blocked")
		} else if w.Code != 200 {
			t.Errorf("%q was answered %d", remote, w.Code)
		}
	}
	for ip, blocked := range map[string]bool{"1.2.3.4": true, "1.2.3.5": false, "2001:db8::1": true, "": true} {
		if got := l.IsBlocked(net.ParseIP(ip)); got != blocked {
			t.Errorf("IsBlocked(%q) is %t", ip, got)
		}
	}
	if !l.Blocked(netip.MustParseAddr("::ffff:1.2.3.4")) || !l.Blocked(netip.Addr{}) || l.Blocked(netip.MustParseAddr("1.2.3.5")) {
		t.Error("Blocked says otherwise")
	}

	for _, test := range []struct {
		spelling string
		removed  bool
	}{
		{"10.200.2.3/8", true}, {"10.0.0.0/8", false}, {"2001:0DB8:0::1", true}, {"::ffff:1.2.3.4", true},
		{"7.7.7.7", false}, {"garbage", false}, {"7.7.7.7/24", true},
	} {
		if got := l.Remove(test.spelling); got != test.removed {
			t.Errorf("Remove(%q) is %t", test.spelling, got)
		}
	}
	if l.Len() != 0 || len(l.Entries()) != 0 {
		t.Errorf("left are %q", l.Entries())
	}
	if w := do(h, cameFrom("10.9.9.9:1")); w.Code != 200 {
		t.Errorf("after Remove: %d", w.Code)
	}
}

// A set of networks answers as a walk over all of them does.
func TestIPBlacklistAgainstWalk(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	l := middleware.NewIPBlacklist()
	all := map[netip.Prefix]bool{}
	addr := func() netip.Addr {
		if random.IntN(2) == 0 {
			return netip.AddrFrom4([4]byte{byte(random.IntN(3)), byte(random.IntN(3)), byte(random.IntN(256)), byte(random.IntN(4))})
		}
		return netip.AddrFrom16([16]byte{0x20, 1, byte(random.IntN(2)), byte(random.IntN(3)), 15: byte(random.IntN(3))})
	}
	for range 3000 {
		a := addr()
		p, _ := a.Prefix(a.BitLen() - random.IntN(18))
		if random.IntN(2) == 0 {
			l.Add(p.String())
			all[p] = true
		} else if l.Remove(p.String()) != all[p] {
			t.Fatalf("Remove(%v) is %t", p, !all[p])
		} else {
			delete(all, p)
		}
		a = addr()
		want := false
		for p := range all {
			want = want || p.Contains(a)
		}
		if got := l.Blocked(a); got != want {
			t.Fatalf("Blocked(%v) is %t, want %t, of %q", a, got, want, l.Entries())
		}
		if l.Len() != len(all) {
			t.Fatalf("%d entries, want %d", l.Len(), len(all))
		}
	}
}

// Open sessions end when their client is blocked, if the list says so. The close
// frame tells why.
func TestIPBlacklistCloseSessions(t *testing.T) {
	l := middleware.NewIPBlacklist()
	s := start(t, middleware.TrustedProxies("127.0.0.1", "::1")(l.Middleware()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watchedSession(w, r, func(conn *ws.Conn) {
			conn.WriteMessage(ws.TextMessage, []byte("hello"))
			conn.ReadMessage()
		})
	}))))
	bad, _ := dial(t, s, "/", "X-Forwarded-For: 6.6.6.6")
	good, _ := dial(t, s, "/", "X-Forwarded-For: 7.7.7.7")
	bad.want(0x81, "hello")
	good.want(0x81, "hello")
	l.Add("6.6.6.0/24")
	bad.send(frame(0x89, "alive"))
	bad.want(0x8a, "alive")
	l.CloseSessions(true)
	l.Add("6.6.6.6")
	bad.wantClose(4403, "ip blocked")
	good.send(frame(0x89, "alive"))
	good.want(0x8a, "alive")
	if _, res := dial(t, s, "/", "X-Forwarded-For: 6.6.6.6"); res.StatusCode != 403 {
		t.Errorf("a blocked client's upgrade was answered %s", res.Status)
	}
	l.CloseSessions(false)
	l.Add("7.7.7.7")
	good.send(frame(0x89, "alive"))
	good.want(0x8a, "alive")
	good.send(frame(0x88, "\x03\xe8"))
	good.wantClose(1000, "")
}

// A client that is blocked between being asked for and being registered is refused.
func TestIPBlacklistRace(t *testing.T) {
	l := middleware.NewIPBlacklist()
	adds := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(addsLate{r.Context(), l}))
		})
	}
	r := upgrade("/")
	r.RemoteAddr = "6.6.6.6:1"
	wantRefusal(t, do(middleware.Chain(adds, l.Middleware())(never(t)), r), 403, "ip blocked")
}

// addsLate blocks the client once it has been asked whether it is an upgrade.
type addsLate struct {
	context.Context
	l *middleware.IPBlacklist
}

func (c addsLate) Done() <-chan struct{} { // by the context that can end the session
	c.l.Add("6.6.6.6")
	return c.Context.Done()
}

// The list may be changed while it is asked.
func TestIPBlacklistConcurrently(t *testing.T) {
	l := middleware.NewIPBlacklist()
	h := l.Middleware()(fine)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 200 {
				s := fmt.Sprintf("10.%d.%d.0/%d", i, j%7, 20+j%12)
				l.Add(s)
				do(h, cameFrom("10.1.1.1:1"))
				l.CloseSessions(j%2 == 0)
				l.Entries()
				l.Remove(s)
			}
		})
	}
	all.Wait()
	if l.Len() != 0 {
		t.Errorf("left are %q", l.Entries())
	}
}

// All kinds of handlers work behind the entries of this file.
func TestAddressEverywhere(t *testing.T) {
	everywhere(t, middleware.Chain(
		middleware.TrustedProxies("127.0.0.1", "::1"),
		middleware.IPWhitelist("6.6.6.0/24"),
		middleware.NewIPBlacklist("7.7.7.7").Middleware(),
	), "X-Forwarded-For: 6.6.6.6")
}
