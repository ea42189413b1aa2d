package bind

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// pairs walks a query string or urlencoded form once and gives each field its
// values. It agrees with url.ParseQuery, but makes no map, copies only what is
// escaped, and takes no malformed pair in silence.
func (b *binding) pairs(raw string) error {
	limits := b.req.limits()
	for n := 0; raw != ""; {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		if n++; limits.Keys > 0 && n > limits.Keys {
			return Error{Place: b.plan.place, Reason: fmt.Sprintf("more than %d keys", limits.Keys)}
		}
		key, value, _ := strings.Cut(pair, "=")
		if err := b.pair(key, value, limits.Strict); err != nil {
			return err
		}
	}
	return nil
}

func (b *binding) pair(rawKey, rawValue string, strict bool) error {
	key, err := unescape(rawKey)
	if err != nil {
		return Error{Place: b.plan.place, Reason: err.Error(), Err: err}
	}
	i := b.plan.find(key)
	value, err := unescape(rawValue)
	if err != nil {
		e := Error{Place: b.plan.place, Key: key, Reason: err.Error(), Err: err}
		if i >= 0 {
			e.FieldName = b.plan.fields[i].name
		}
		return e
	}
	if i >= 0 {
		if shape := b.plan.fields[i].shape; shape == file || shape == files {
			if value == "" {
				return nil // noFiles says whether one had to be sent
			}
			return b.fieldError(&b.plan.fields[i], errText)
		} else if shape == mapping {
			return b.notMember(i)
		}
		return b.set(i, value)
	}
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

// unescape is url.QueryUnescape, which it calls only for what needs it, and
// refuses a semicolon as url.ParseQuery does.
func unescape(s string) (string, error) {
	plain := true
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '%', '+':
			plain = false
		case ';':
			return "", fmt.Errorf("a semicolon in %s separates nothing; write %%3B", quote(s))
		}
	}
	if plain {
		return s, nil
	}
	t, err := url.QueryUnescape(s)
	if err != nil {
		return "", fmt.Errorf("malformed percent-encoding in %s", quote(s))
	}
	return t, nil
}

// A mediaType is what a Content-Type says about a body, as far as it matters here.
type mediaType uint8

const (
	noType mediaType = iota
	jsonType
	urlencodedType
	multipartType
	otherType
)

// accepted is the value of Accept-Post for the types that a Form takes.
const acceptedForms = "application/x-www-form-urlencoded, multipart/form-data"

// unsupported is the error for a Content-Type that is not accepted.
func unsupported(place, contentType, accepted string) Error {
	reason := fmt.Sprintf("Content-Type %s is not accepted, only %s", quote(contentType), accepted)
	if contentType == "" {
		reason = "a body needs a Content-Type, one of " + accepted
	}
	return Error{Place: place, Reason: reason, Status: http.StatusUnsupportedMediaType}
}
