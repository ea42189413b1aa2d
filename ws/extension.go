package ws

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// permessageDeflate is the name of the only extension there is.
const permessageDeflate = "permessage-deflate"

// An extension is one of the list in Sec-WebSocket-Extensions, RFC 6455 section
// 9.1.
//
//	a; b; c=1; d="2"  => extension{"a", []param{{"b", "", false}, {"c", "1", true}, {"d", "2", true}}}
type extension struct {
	name   string
	params []param
}

type param struct {
	name, value string
	hasValue    bool
}

// parseExtensions parses the values of Sec-WebSocket-Extensions, and reports
// whether they have its form. Elements of the list may be empty, as in all lists
// of HTTP.
func parseExtensions(values []string) ([]extension, bool) {
	var list []extension
	s := trimLeft(strings.Join(values, ","))
	for s != "" {
		if s[0] == ',' {
			s = trimLeft(s[1:])
			continue
		}
		var e extension
		var ok bool
		if e, s, ok = parseExtension(s); !ok || s != "" && s[0] != ',' {
			return nil, false
		}
		list = append(list, e)
	}
	return list, true
}

// parseExtension parses an extension and returns what follows it.
func parseExtension(s string) (e extension, rest string, ok bool) {
	e.name, s = cutToken(s)
	if e.name == "" {
		return e, "", false
	}
	for strings.HasPrefix(s, ";") {
		var p param
		p.name, s = cutToken(trimLeft(s[1:]))
		if p.name == "" {
			return e, "", false
		}
		if strings.HasPrefix(s, "=") {
			p.hasValue = true
			p.value, s = cutValue(trimLeft(s[1:]))
			if p.value == "" {
				return e, "", false
			}
		}
		e.params = append(e.params, p)
	}
	return e, s, true
}

// cutToken cuts a token, which is empty if there is none, and blanks behind it
// off s.
func cutToken(s string) (token, rest string) {
	n := 0
	for n < len(s) && isToken(s[n:n+1]) {
		n++
	}
	return s[:n], trimLeft(s[n:])
}

// cutValue is cutToken for a token that may be quoted.
func cutValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		return cutToken(s)
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			if !isToken(b.String()) {
				return "", ""
			}
			return b.String(), trimLeft(s[i+1:])
		case '\\':
			if i++; i == len(s) {
				return "", ""
			}
		}
		b.WriteByte(s[i])
	}
	return "", "" // the quotation does not end
}

func trimLeft(s string) string { return strings.TrimLeft(s, " \t") }

// A side is what was agreed on for the messages of one end.
type side struct {
	takeover bool // they may refer to earlier ones
	bits     int  // the logarithm of how far back
}

// An agreement is what handshake and answer say about permessage-deflate.
type agreement struct{ server, client side }

// A deflateOffer has the parameters of permessage-deflate in an offer or answer.
type deflateOffer struct {
	serverNoTakeover, clientNoTakeover bool
	serverBits, clientBits             int  // 0: absent
	clientBitsBare                     bool // without a value
}

// parseDeflate parses the parameters of permessage-deflate. What is unknown,
// doubled or out of range is an error, RFC 7692 section 7.1.
func parseDeflate(params []param) (o deflateOffer, err error) {
	seen := make(map[string]bool, len(params))
	for _, p := range params {
		if seen[p.name] {
			return o, fmt.Errorf("%s twice", p.name)
		}
		seen[p.name] = true
		switch p.name {
		case "server_no_context_takeover", "client_no_context_takeover":
			if p.hasValue {
				return o, fmt.Errorf("%s with a value", p.name)
			}
			if p.name[0] == 's' {
				o.serverNoTakeover = true
			} else {
				o.clientNoTakeover = true
			}
		case "server_max_window_bits":
			if o.serverBits, err = windowBits(p); err != nil {
				return o, err
			}
		case "client_max_window_bits":
			if !p.hasValue {
				o.clientBitsBare = true
			} else if o.clientBits, err = windowBits(p); err != nil {
				return o, err
			}
		default:
			return o, fmt.Errorf("the unknown parameter %s", p.name)
		}
	}
	return o, nil
}

// windowBits parses a number of 8 to 15 without zeros before it.
func windowBits(p param) (int, error) {
	bits, err := strconv.Atoi(p.value)
	if err != nil || bits < 8 || bits > maxBits || strconv.Itoa(bits) != p.value {
		return 0, fmt.Errorf("%s=%q", p.name, p.value)
	}
	return bits, nil
}

// accept answers the first offer of permessage-deflate that can be accepted, and
// returns what is agreed on and the value of Sec-WebSocket-Extensions; or nil
// and "".
func (z *Compression) accept(values []string) (*agreement, string) {
	if z == nil {
		return nil, ""
	}
	offers, _ := parseExtensions(values) // none of a list that is malformed
	for _, offer := range offers {
		if offer.name != permessageDeflate {
			continue
		}
		o, err := parseDeflate(offer.params)
		if err != nil {
			continue
		}
		a := agreement{
			server: side{
				takeover: z.ServerContextTakeover && !o.serverNoTakeover,
				bits:     min(cmp.Or(o.serverBits, maxBits), cmp.Or(z.ServerMaxWindowBits, maxBits)),
			},
			// A client that says it will do without is told to: gorilla's asks for that.
			client: side{takeover: z.ClientContextTakeover && !o.clientNoTakeover, bits: maxBits},
		}
		mayLimit := o.clientBits > 0 || o.clientBitsBare
		if mayLimit {
			a.client.bits = min(cmp.Or(o.clientBits, maxBits), cmp.Or(z.ClientMaxWindowBits, maxBits))
		}
		answer := deflateOffer{
			serverNoTakeover: !a.server.takeover,
			clientNoTakeover: !a.client.takeover,
		}
		if o.serverBits > 0 || a.server.bits < maxBits {
			answer.serverBits = a.server.bits
		}
		if mayLimit && (o.clientBits > 0 || a.client.bits < maxBits) {
			answer.clientBits = a.client.bits
		}
		return &a, answer.String()
	}
	return nil, ""
}

// offer returns what a client asks for.
func (z *Compression) offer() deflateOffer {
	o := deflateOffer{serverNoTakeover: !z.ServerContextTakeover, clientNoTakeover: !z.ClientContextTakeover}
	if z.ServerMaxWindowBits < maxBits {
		o.serverBits = z.ServerMaxWindowBits
	}
	o.clientBits = z.ClientMaxWindowBits
	return o
}

// agree returns what an answer to the offer agrees on, nil for nothing, or what
// is wrong with it. Without an offer, o is nil.
func (o *deflateOffer) agree(values []string) (*agreement, error) {
	list, ok := parseExtensions(values)
	switch {
	case !ok:
		return nil, fmt.Errorf("malformed Sec-WebSocket-Extensions %q", strings.Join(values, ", "))
	case len(list) == 0:
		return nil, nil
	case o == nil || list[0].name != permessageDeflate:
		return nil, fmt.Errorf("extension %s, which was not offered", list[0].name)
	case len(list) > 1:
		return nil, fmt.Errorf("more than one extension")
	}
	answer, err := parseDeflate(list[0].params)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s with %w", permessageDeflate, err)
	case o.serverNoTakeover && !answer.serverNoTakeover:
		return nil, fmt.Errorf("%s without server_no_context_takeover, which was asked for", permessageDeflate)
	case o.serverBits > 0 && (answer.serverBits == 0 || answer.serverBits > o.serverBits):
		return nil, fmt.Errorf("%s with server_max_window_bits above %d, which was asked for", permessageDeflate, o.serverBits)
	case answer.clientBitsBare:
		return nil, fmt.Errorf("%s with client_max_window_bits without a value", permessageDeflate)
	case answer.clientBits > 0 && o.clientBits == 0:
		return nil, fmt.Errorf("%s with client_max_window_bits, which was not offered", permessageDeflate)
	case answer.clientBits > o.clientBits:
		return nil, fmt.Errorf("%s with client_max_window_bits above %d, which was offered", permessageDeflate, o.clientBits)
	}
	return &agreement{
		server: side{takeover: !answer.serverNoTakeover, bits: cmp.Or(answer.serverBits, maxBits)},
		client: side{
			takeover: !answer.clientNoTakeover && !o.clientNoTakeover,
			bits:     cmp.Or(answer.clientBits, cmp.Or(o.clientBits, maxBits)),
		},
	}, nil
}

// String returns the extension as it stands in the header field.
func (o deflateOffer) String() string {
	s := permessageDeflate
	if o.serverNoTakeover {
		s += "; server_no_context_takeover"
	}
	if o.clientNoTakeover {
		s += "; client_no_context_takeover"
	}
	if o.serverBits > 0 {
		s += "; server_max_window_bits=" + strconv.Itoa(o.serverBits)
	}
	if o.clientBits > 0 {
		s += "; client_max_window_bits=" + strconv.Itoa(o.clientBits)
	}
	return s
}
