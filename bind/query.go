package bind

import (
	"fmt"
	"strings"
)

// pairs walks a query string or urlencoded form once and gives each field its
// values. It agrees with url.ParseQuery, but makes no map, copies only what is
// escaped, and takes no malformed pair in silence.
func (b *binding) pairs(raw string) error {
	next := 0 // the field that is probably meant: clients keep to an order
	for n, i := 0, 0; i < len(raw); i++ {
		// One pass over the pair finds its end, the first =, and the first byte that
		// is to be unescaped.
		start, equals, escape := i, -1, -1
	pair:
		for ; i < len(raw); i++ {
			c := raw[i]
			if c > '=' {
				continue
			}
			switch c {
			case '&':
				break pair
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
		if i == start {
			continue
		}
		if n++; b.limits.Keys > 0 && n > b.limits.Keys {
			return Error{Place: b.plan.place, Reason: fmt.Sprintf("more than %d keys", b.limits.Keys)}
		}
		if equals < 0 {
			equals = i
		}
		key, value := raw[start:equals], raw[min(equals+1, i):i]
		if escape >= 0 && escape < equals {
			var err error
			if key, err = unescape(key, escape-start); err != nil {
				return Error{Place: b.plan.place, Reason: err.Error(), Err: err}
			}
		}
		at := next
		if next >= len(b.plan.fields) || b.plan.fields[next].key != key {
			at = b.plan.find(key)
		}
		if escape >= 0 {
			var err error
			if value, err = unescape(value, max(escape-equals-1, 0)); err != nil {
				e := Error{Place: b.plan.place, Key: key, Reason: err.Error(), Err: err}
				if at >= 0 {
					e.FieldName = b.plan.fields[at].name
				}
				return e
			}
		}
		if at < 0 {
			if err := b.other(key, value, b.limits.Strict); err != nil {
				return err
			}
			continue
		}
		next = at + 1
		if err := b.pair(at, value); err != nil {
			return err
		}
	}
	return nil
}

// pair gives field i a value that was sent under its key.
func (b *binding) pair(i int, value string) error {
	switch b.plan.fields[i].shape {
	case single:
	case file, files:
		if value == "" {
			return nil // noFiles says whether one had to be sent
		}
		return b.plan.fieldError(&b.plan.fields[i], errText)
	case mapping:
		return b.notMember(i)
	}
	return b.set(i, value)
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
