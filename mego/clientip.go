package mego

import (
	"net/netip"
	"slices"
	"strings"
)

// ClientIP returns the address of the client: that of the connection, or, if that
// is one of EngineOption.TrustedProxies, what X-Forwarded-For says, from the
// right, as far as it was written by trusted proxies; without one, X-Real-Ip. It
// is "" if the connection has no IP address.
func (c *Context) ClientIP() string {
	address, ok := parseAddress(c.Request.RemoteAddr)
	if !ok {
		return ""
	}
	if !c.trusts(address) {
		return address.String()
	}
	forwarded := c.Request.Header.Values("X-Forwarded-For")
	if len(forwarded) == 0 {
		if real, ok := parseAddress(c.Request.Header.Get("X-Real-Ip")); ok {
			return real.String()
		}
		return address.String()
	}
	for _, entry := range slices.Backward(strings.Split(strings.Join(forwarded, ","), ",")) {
		next, ok := parseAddress(strings.TrimSpace(entry))
		if !ok {
			break
		}
		address = next
		if !c.trusts(address) {
			break
		}
	}
	return address.String()
}

func (c *Context) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(c.peer.core.proxies, func(p netip.Prefix) bool { return p.Contains(address) })
}

// parseAddress parses an address, which may have a port, or brackets. Zones are
// left out, and IPv4 is IPv4 in whatever form.
func parseAddress(s string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(s); err == nil {
		return withPort.Addr().Unmap().WithZone(""), true
	}
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		s = s[1 : len(s)-1]
	}
	address, err := netip.ParseAddr(s)
	return address.Unmap().WithZone(""), err == nil
}
