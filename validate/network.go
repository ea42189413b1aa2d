package validate

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// Rules about addresses of hosts. None asks the network: what passes need not
// exist.

// maxIPBytes is the longest form of an address: six groups of IPv6 in full,
// and IPv4 at the end.
const maxIPBytes = len("0000:0000:0000:0000:0000:ffff:255.255.255.255")

// isIP takes what net.ParseIP takes: IPv4 (RFC 6943, section 3.1.1, in the
// strict form) or IPv6 (RFC 4291, section 2.2), without a zone.
func isIP(s string) bool { return isIPv4(s) || isIPv6(s) }

// isIPv4 takes four numbers from 0 to 255 without leading zeros, by dots.
// IPv6 with such an end is not IPv4.
func isIPv4(s string) bool {
	i := 0
	for part := range 4 {
		if part > 0 {
			if i == len(s) || s[i] != '.' {
				return false
			}
			i++
		}
		if i = skipByte(s, i); i < 0 {
			return false
		}
	}
	return i == len(s)
}

// skipByte skips a number from 0 to 255 without leading zeros. If there is
// none, it returns -1.
func skipByte(s string, i int) int {
	j := skipInteger(s, i)
	if j == i || j > i+3 || j == i+3 && s[i:j] > "255" {
		return -1
	}
	return j
}

// isIPv6 takes IPv6 addresses without a zone, those with IPv4 at the end too.
func isIPv6(s string) bool {
	if len(s) > maxIPBytes || strings.IndexByte(s, ':') < 0 {
		return false
	}
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == ""
}

// isPort takes 1 to 65535 in decimal, as strconv.Atoi reads it: with a plus
// sign and leading zeros, if they are there.
func isPort(s string) bool {
	n := 0
	for _, c := range []byte(strings.TrimPrefix(s, "+")) {
		if !isDigit(c) {
			return false
		}
		n = min(10*n+int(c-'0'), 1<<16)
	}
	return 1 <= n && n < 1<<16
}

const (
	maxDNSLabel = 63
	maxDNSName  = 255
)

// isDNS takes
//
//	dns   = label *("." label) ["." / "_"]
//	label = (ALPHA / DIGIT / "_") *62(ALPHA / DIGIT / "_" / "-")
//
// of 255 bytes at most, dots not counted, unless it is an IPv4 address. That is
// laxer than the host names of RFC 1123: labels may end in a hyphen and hold
// underscores, as those of SRV records do (RFC 2782). Of names beyond ASCII only
// the form of RFC 5890 (xn--…) passes, and what it holds is not checked.
func isDNS(s string) bool {
	label, name := 0, 0
	for i := range len(s) {
		c := s[i]
		if c == '.' && label > 0 {
			label = 0
			continue
		}
		if !isLetter(c) && !isDigit(c) && c != '_' && !(c == '-' && label > 0) {
			return false
		}
		label++
		name++
		if name > maxDNSName || label > maxDNSLabel && !(label == maxDNSLabel+1 && s[i:] == "_") {
			return false
		}
	}
	return name > 0 && !isIPv4(s)
}

// isHost takes addresses without brackets, and names. An address of IPv4 that
// has a mistake, such as 256.1.1.1, is a name.
func isHost(s string) bool { return isDNS(s) || isIP(s) }

// isDialString takes host:port as net.SplitHostPort divides it, where a host
// may stand in brackets, and one of IPv6 has to.
func isDialString(s string) bool {
	host, port, err := net.SplitHostPort(s)
	return err == nil && isHost(host) && isPort(port)
}

// isMAC takes what net.ParseMAC takes: EUI-48, EUI-64 and the 20 bytes of
// InfiniBand, in pairs by ":" or "-", in fours by ".", or all in one.
func isMAC(s string) bool {
	_, err := net.ParseMAC(s)
	return err == nil
}

// isRequestURI takes what may stand in the first line of a request (RFC 9112,
// section 3.2), as url.ParseRequestURI reads it: a path or a URI of any scheme. A
// path may begin with two slashes, which a browser takes for another host.
func isRequestURI(s string) bool {
	_, err := url.ParseRequestURI(s)
	return err == nil
}

// isRequestURL is isRequestURI with a scheme. It may be any, javascript too, and
// a host is not needed.
func isRequestURL(s string) bool {
	u, err := url.ParseRequestURI(s)
	return err == nil && u.Scheme != ""
}
