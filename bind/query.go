package bind

import (
	"fmt"
	"strings"
)

// pairs walks a query string or urlencoded form once and gives each field its
// values. It agrees with url.ParseQuery, but makes no map, copies only what is
// escaped, and takes no malformed pair in silence.
func (b *binding) pairs(raw string) error {
	fields, most := b.plan.fields, b.limits.Keys
	next := 0 // the field that is probably meant: clients keep to an order
	for n := 0; raw != ""; {
		end, equals, escape := firstPair(raw)
		pair := raw[:end]
		if raw = raw[end:]; raw != "" {
			raw = raw[1:]
		}
		if pair == "" {
			continue
		}
		if n++; most > 0 && n > most {
			return Error{Place: b.plan.place, Reason: fmt.Sprintf("more than %d keys", most)}
		}
		key, value := pair, ""
		if equals < len(pair) {
			key, value = pair[:equals], pair[equals+1:]
		}
		if escape < len(key) {
			var err error
			if key, err = unescape(key, escape); err != nil {
				return Error{Place: b.plan.place, Reason: err.Error(), Err: err}
			}
		}
		at := next
		if next >= len(fields) || fields[next].key != key {
			at = b.plan.find(key)
		}
		if escape < len(pair) {
			var err error
			if value, err = unescape(value, max(escape-equals-1, 0)); err != nil {
				e := Error{Place: b.plan.place, Key: key, Reason: err.Error(), Err: err}
				if at >= 0 {
					e.FieldName = fields[at].name
				}
				return e
			}
		}
		var err error
		if at < 0 {
			err = b.other(key, value, b.limits.Strict)
		} else {
			next = at + 1
			err = b.pair(at, &fields[at], value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// firstPair finds, in one pass over the first pair of raw, its end, the first = in
// it, and the first byte that is to be unescaped. What is not there is at the end.
func firstPair(raw string) (end, equals, escape int) {
	equals, escape = -1, -1
	i := 0
scan:
	for ; i < len(raw); i++ {
		c := raw[i]
		if c > '=' {
			continue
		}
		switch c {
		case '&':
			break scan
		case '=':
			if equals < 0 {
				equals = i
			}
		case '%', '+', ';':
			if escape < 0 {
				escape = i
			}
		}
	}
	if equals < 0 {
		equals = i
	}
	if escape < 0 {
		escape = i
	}
	return i, equals, escape
}

// pair gives f, field i, a value that was sent under its key.
func (b *binding) pair(i int, f *field, value string) error {
	switch f.shape {
	case file, files:
		if value == "" {
			return nil // noFiles says whether one had to be sent
		}
		return b.plan.fieldError(f, errText)
	case mapping:
		return b.notMember(i)
	}
	return b.set(i, f, value)
}

// other takes a pair whose key is no field's: a member of a map, or unknown.
func (b *binding) other(key, value string, strict bool) error {
	if b.plan.maps && strings.HasSuffix(key, "]") {
		base, name, ok := strings.Cut(key[:len(key)-1], "[")
		if i := b.plan.find(base); ok && i >= 0 && b.plan.fields[i].shape == mapping {
			return b.setMember(i, name, value)
		}
	}
	if strict {
		return b.unknown(key)
	}
	return nil
}

// unescape is url.QueryUnescape with one allocation at the most, and refuses a
// semicolon as url.ParseQuery does. There is nothing to unescape before i.
func unescape(s string, i int) (string, error) {
	for ; i < len(s) && s[i] != '%' && s[i] != '+' && s[i] != ';'; i++ {
	}
	if i == len(s) {
		return s, nil
	}
	var room [128]byte
	b := append(room[:0], s[:i]...)
	for ; i < len(s); i++ {
		switch c := s[i]; c {
		case ';':
			return "", fmt.Errorf("a semicolon in %s separates nothing; write %%3B", quote(s))
		case '+':
			b = append(b, ' ')
		case '%':
			if i+2 >= len(s) || unhex[s[i+1]] < 0 || unhex[s[i+2]] < 0 {
				return "", fmt.Errorf("malformed percent-encoding in %s", quote(s))
			}
			b = append(b, byte(unhex[s[i+1]]<<4|unhex[s[i+2]]))
			i += 2
		default:
			b = append(b, c)
		}
	}
	return string(b), nil
}

// unhex has the values of hexadecimal digits, and -1 for all else.
var unhex = func() (t [256]int16) {
	for i := range t {
		t[i] = -1
	}
	for i, c := range "0123456789abcdef" {
		t[c] = int16(i)
	}
	for i, c := range "ABCDEF" {
		t[c] = int16(10 + i)
	}
	return t
}()
