package middleware

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// ClientIP returns the address of the client: the peer's, or what
// [TrustedProxies] has made of it and of the header. It is the zero Addr if there
// is none, as for Unix sockets. An IPv4 address is never in its IPv6 form, and
// there are no zones. All that limits, lists or logs clients goes by it.
func ClientIP(r *http.Request) netip.Addr {
	if k := knownOf(r.Context()); k.resolved {
		return k.client
	}
	return peer(r)
}

// peer returns the address that the connection comes from.
func peer(r *http.Request) netip.Addr {
	addr, _ := parseHop(r.RemoteAddr)
	return addr
}

// parseHop parses an address with or without a port, brackets and zone.
//
//	1.2.3.4  1.2.3.4:80  ::1  [::1]  [::1]:80  ::ffff:1.2.3.4  fe80::1%eth0
func parseHop(s string) (netip.Addr, bool) {
	host, port, ported := s, "", false
	if inner, ok := strings.CutPrefix(s, "["); ok {
		host, port, ok = strings.Cut(inner, "]")
		if port, ported = strings.CutPrefix(port, ":"); !ok || !ported && port != "" {
			return netip.Addr{}, false
		}
	} else if strings.Count(s, ":") == 1 {
		host, port, ported = strings.Cut(s, ":")
	}
	if ported {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return netip.Addr{}, false
		}
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}, false
	}
	return plain(addr), true
}

// plain returns the address in its only form.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// parsePrefix parses an address, which is a network of one, or a network in CIDR
// form, in its only form: without the bits that the mask takes away.
func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		addr = plain(addr)
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a network in CIDR form", s)
	}
	if addr := p.Addr(); addr.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(addr.Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// A prefixSet is a set of networks. Looking an address up takes one step for each
// length of a prefix that there is, however many networks are that long.
//
//	10.0.0.0/8, 1.2.3.4, 1.2.3.5 => lengths {{8, 32}, {}}
type prefixSet struct {
	members map[netip.Prefix]struct{}
	counts  map[prefixLength]int
	lengths [2][]int // of IPv4 and IPv6; those in counts
}

// A prefixLength is a length of networks of one family.
type prefixLength struct{ family, bits int }

func lengthOf(p netip.Prefix) prefixLength { return prefixLength{familyOf(p.Addr()), p.Bits()} }

// familyOf returns 0 for IPv4, 1 for IPv6.
func familyOf(addr netip.Addr) int {
	if addr.Is4() {
		return 0
	}
	return 1
}

// newPrefixSet returns a set for the constructor name, which panics if an entry
// cannot be parsed.
func newPrefixSet(name string, entries []string) *prefixSet {
	set := &prefixSet{members: map[netip.Prefix]struct{}{}, counts: map[prefixLength]int{}}
	for _, entry := range entries {
		p, err := parsePrefix(entry)
		must(err, name)
		set.add(p)
	}
	return set
}

func (set *prefixSet) add(p netip.Prefix) {
	if _, ok := set.members[p]; ok {
		return
	}
	set.members[p] = struct{}{}
	length := lengthOf(p)
	if set.counts[length]++; set.counts[length] == 1 {
		lengths := &set.lengths[length.family]
		*lengths = append(*lengths, length.bits)
	}
}

func (set *prefixSet) remove(p netip.Prefix) bool {
	if _, ok := set.members[p]; !ok {
		return false
	}
	delete(set.members, p)
	length := lengthOf(p)
	if set.counts[length]--; set.counts[length] == 0 {
		delete(set.counts, length)
		lengths := &set.lengths[length.family]
		*lengths = slices.DeleteFunc(*lengths, func(bits int) bool { return bits == length.bits })
	}
	return true
}

// has reports whether the address, in its plain form, is in one of the networks.
func (set *prefixSet) has(addr netip.Addr) bool {
	if !addr.IsValid() {
		return false
	}
	for _, bits := range set.lengths[familyOf(addr)] {
		p, _ := addr.Prefix(bits)
		if _, ok := set.members[p]; ok {
			return true
		}
	}
	return false
}

// TrustedProxies returns middleware that finds the client's address behind
// proxies, for [ClientIP] and all that goes by it. The prefixes are addresses and
// networks in CIDR form whose word is taken, and "unix" for peers that have no IP
// address.
//
// If the peer is trusted, the addresses of all X-Forwarded-For fields are walked
// from the right: trusted ones are passed by, the first other one is the client.
// One that cannot be parsed ends the walk, and the one before it counts. Without
// that field X-Real-IP counts, if there is one that can be parsed. A trusted peer
// also says by X-Forwarded-Proto whether the client came over https. What others
// send in these fields is ignored, and RemoteAddr stays as it is.
//
// List the proxies, not the networks that clients are in: an address in a trusted
// network can be claimed by anybody who can reach a proxy. It panics if a prefix
// cannot be parsed or, with /0, trusts everybody. Without any, nobody is trusted.
func TrustedProxies(prefixes ...string) Middleware {
	p := &proxies{}
	var networks []string
	for _, prefix := range prefixes {
		if prefix == "unix" {
			p.unix = true
		} else {
			networks = append(networks, prefix)
		}
	}
	p.trusted = newPrefixSet("TrustedProxies", networks)
	for network := range p.trusted.members {
		mustHave(network.Bits() > 0, "TrustedProxies", network.String()+" trusts everybody")
	}
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		rec.client, rec.scheme = p.client(r)
		rec.resolved = true
		next.ServeHTTP(w, r)
	})
}

// proxies are those whose word is taken.
type proxies struct {
	trusted *prefixSet
	unix    bool
}

func (p *proxies) trusts(addr netip.Addr) bool {
	return p.trusted.has(addr) || p.unix && !addr.IsValid()
}

// client returns the client's address, and the scheme it used as far as that is known.
func (p *proxies) client(r *http.Request) (netip.Addr, scheme) {
	client := peer(r)
	if !p.trusts(client) {
		return client, schemeUnknown
	}
	forwarded := r.Header["X-Forwarded-For"]
	if real := r.Header["X-Real-Ip"]; len(forwarded) == 0 && len(real) == 1 {
		if addr, ok := parseHop(strings.Trim(real[0], " \t")); ok {
			client = addr
		}
	}
	return p.walk(client, forwarded), forwardedScheme(r)
}

// walk goes from the peer to the first address that is not trusted.
func (p *proxies) walk(client netip.Addr, forwarded []string) netip.Addr {
	for _, list := range slices.Backward(forwarded) {
		for more := true; more; {
			hop := list
			comma := strings.LastIndexByte(list, ',')
			if more = comma >= 0; more {
				list, hop = list[:comma], list[comma+1:]
			}
			addr, ok := parseHop(strings.Trim(hop, " \t"))
			if !ok {
				return client
			}
			if client = addr; !p.trusts(client) {
				return client
			}
		}
	}
	return client
}

// forwardedScheme returns what a trusted peer says. Proxies in a row that
// disagree, or append to each other's field, say nothing.
func forwardedScheme(r *http.Request) scheme {
	values := r.Header["X-Forwarded-Proto"]
	switch {
	case len(values) != 1:
		return schemeUnknown
	case equalFold(values[0], "https"):
		return schemeHTTPS
	case equalFold(values[0], "http"):
		return schemeHTTP
	}
	return schemeUnknown
}

// schemeOf returns how the client reached the server or its first proxy.
func schemeOf(r *http.Request) scheme {
	if s := knownOf(r.Context()).scheme; s != schemeUnknown || r.TLS == nil {
		return s
	}
	return schemeHTTPS
}

// IPWhitelist returns middleware that lets in only the clients with an address in
// one of the addresses and networks in CIDR form. Others, and those without a
// known address, are answered 403 "ip not allowed". It panics if there are none,
// or one cannot be parsed.
func IPWhitelist(allowed ...string) Middleware {
	mustHave(len(allowed) > 0, "IPWhitelist", "no addresses: nobody would be let in")
	set := newPrefixSet("IPWhitelist", allowed)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !set.has(ClientIP(r)) {
				refuse(w, r, http.StatusForbidden, "ip not allowed")
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// An IPBlacklist keeps clients out by their addresses. It may be changed at any
// time, by any goroutine, and acts on the next request.
type IPBlacklist struct {
	mu       sync.RWMutex // guards what follows
	set      *prefixSet
	closes   bool
	sessions map[*record]netip.Addr // that are open
}

// NewIPBlacklist returns a list of addresses and networks in CIDR form. It panics
// if one cannot be parsed.
func NewIPBlacklist(initial ...string) *IPBlacklist {
	return &IPBlacklist{set: newPrefixSet("NewIPBlacklist", initial), sessions: map[*record]netip.Addr{}}
}

// Add adds an address, or a network in CIDR form. What cannot be parsed is an
// error, and changes nothing.
func (l *IPBlacklist) Add(s string) error {
	p, err := parsePrefix(s)
	if err != nil {
		return fmt.Errorf("middleware.IPBlacklist: %w", err)
	}
	for _, rec := range l.add(p) {
		rec.end(http.StatusForbidden, ipBlocked)
	}
	return nil
}

const ipBlocked = "ip blocked"

// add adds the network, and returns the sessions to be ended.
func (l *IPBlacklist) add(p netip.Prefix) (blocked []*record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.set.add(p)
	if l.closes {
		for rec, addr := range l.sessions {
			if p.Contains(addr) {
				blocked = append(blocked, rec)
			}
		}
	}
	return blocked
}

// Remove removes an entry, in any spelling, and reports whether there was one.
// Addresses in a network that is an entry stay blocked.
func (l *IPBlacklist) Remove(s string) bool {
	p, err := parsePrefix(s)
	if err != nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.set.remove(p)
}

// IsBlocked is Blocked for a [net.IP].
func (l *IPBlacklist) IsBlocked(ip net.IP) bool {
	addr, _ := netip.AddrFromSlice(ip)
	return l.Blocked(addr)
}

// Blocked reports whether the address is kept out. The zero Addr is.
func (l *IPBlacklist) Blocked(addr netip.Addr) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return !addr.IsValid() || l.set.has(plain(addr))
}

// Len returns the number of entries.
func (l *IPBlacklist) Len() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.set.members)
}

// Entries returns the entries in the order of their addresses. An address is
// written as such, a network in CIDR form.
func (l *IPBlacklist) Entries() []string {
	l.mu.RLock()
	prefixes := make([]netip.Prefix, 0, len(l.set.members))
	for p := range l.set.members {
		prefixes = append(prefixes, p)
	}
	l.mu.RUnlock()
	slices.SortFunc(prefixes, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	entries := make([]string, len(prefixes))
	for i, p := range prefixes {
		if entries[i] = p.String(); p.IsSingleIP() {
			entries[i] = p.Addr().String()
		}
	}
	return entries
}

// CloseSessions says whether Add also ends the open sessions of those whom it
// blocks, with a [*SessionError] of status 403. At first it does not.
func (l *IPBlacklist) CloseSessions(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closes = on
}

// Middleware returns middleware that answers 403 "ip blocked" to clients on the
// list, and to those without a known address.
func (l *IPBlacklist) Middleware() Middleware {
	sessions := entry(l.session)
	return func(next http.Handler) http.Handler {
		session := sessions(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case l.Blocked(ClientIP(r)):
				refuse(w, r, http.StatusForbidden, ipBlocked)
			case IsUpgrade(r):
				session.ServeHTTP(w, r)
			default:
				next.ServeHTTP(w, r)
			}
		})
	}
}

// session serves a session, which Add may end.
func (l *IPBlacklist) session(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
	addr := ClientIP(r)
	l.mu.Lock()
	l.sessions[rec] = addr
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(l.sessions, rec)
		l.mu.Unlock()
	}()
	if l.Blocked(addr) { // since it was asked for the first time
		refuse(w, r, http.StatusForbidden, ipBlocked)
		return
	}
	next.ServeHTTP(w, r)
}
