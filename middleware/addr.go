package middleware

import (
	"net/http"
	"net/netip"
)

// ClientIP returns the address of the client: the peer's, or what
// [TrustedProxies] has made of it and of the header. It is the zero Addr if there
// is none, as for Unix sockets. An IPv4 address is never in its IPv6 form, and
// there are no zones.
func ClientIP(r *http.Request) netip.Addr {
	if k := knownOf(r.Context()); k.resolved {
		return k.client
	}
	return peer(r)
}

// peer returns the address that the connection comes from.
func peer(r *http.Request) netip.Addr {
	if at, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return plain(at.Addr())
	}
	addr, err := netip.ParseAddr(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return plain(addr)
}

// plain returns the address in its only form.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
