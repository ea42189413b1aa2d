package middleware

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// User returns what the validator of [BearerAuth] or [QueryAuth] has returned for
// the request that ctx is from, or nil.
func User(ctx context.Context) any { return knownOf(ctx).user }

// UserAs returns the [User] if it is a T, and whether it is.
func UserAs[T any](ctx context.Context) (T, bool) {
	user, ok := knownOf(ctx).user.(T)
	return user, ok
}

// BearerAuth returns middleware that lets in requests with a token that validate
// accepts, in an Authorization field of the scheme Bearer (RFC 6750 section 2.1).
// What validate returns is the [User] for the handler. A session is asked once,
// before the upgrade.
//
//	no Authorization                             401 missing authorization
//	another scheme, two fields, a bad token      401 invalid authorization
//	validate returns an error                    401 invalid token
//	the error has HTTPStatus() or StatusCode()   that status, if it is 4xx or 5xx
//	from 400
//
// So a validator whose database is down can answer 503. The text of the error is
// not sent, nor is the token logged. It panics if validate is nil.
func BearerAuth(validate func(token string) (any, error)) Middleware {
	mustHave(validate != nil, "BearerAuth", "a nil validator")
	return bearerAuth(func(_ *http.Request, token string) (any, error) { return validate(token) })
}

// BearerAuthFunc is [BearerAuth] for a validator that needs the request.
func BearerAuthFunc(validate func(r *http.Request, token string) (any, error)) Middleware {
	mustHave(validate != nil, "BearerAuthFunc", "a nil validator")
	return bearerAuth(validate)
}

type validator = func(r *http.Request, token string) (any, error)

func bearerAuth(validate validator) Middleware {
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		values := r.Header["Authorization"]
		if len(values) == 0 {
			challenge(w, r, "Bearer", "missing authorization")
			return
		}
		token, ok := bearerToken(values)
		if !ok {
			challenge(w, r, `Bearer error="invalid_request"`, "invalid authorization")
			return
		}
		user, err := validate(r, token)
		if err != nil {
			refuseToken(w, r, err)
			return
		}
		rec.user = user
		next.ServeHTTP(w, r)
	})
}

// challenge answers 401, which has to say how to authenticate (RFC 9110 section
// 15.5.2).
func challenge(w http.ResponseWriter, r *http.Request, how, text string) {
	w.Header().Set("WWW-Authenticate", how)
	refuse(w, r, http.StatusUnauthorized, text)
}

// refuseToken answers for a validator that has returned an error.
func refuseToken(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	if status == http.StatusUnauthorized {
		challenge(w, r, `Bearer error="invalid_token"`, "invalid token")
		return
	}
	text := strings.ToLower(http.StatusText(status))
	if text == "" {
		text = "not authorized"
	}
	refuse(w, r, status, text)
}

// statusOf returns the status that the error asks for, or 401.
func statusOf(err error) int {
	status := 0
	if e, ok := errors.AsType[interface {
		error
		HTTPStatus() int
	}](err); ok {
		status = e.HTTPStatus()
	} else if e, ok := errors.AsType[interface {
		error
		StatusCode() int
	}](err); ok {
		status = e.StatusCode()
	}
	if status < 400 || status > 599 {
		return http.StatusUnauthorized
	}
	return status
}

// bearerToken returns the token of the one Authorization field.
//
//	Bearer  abc= => abc=
func bearerToken(values []string) (string, bool) {
	const scheme = "bearer"
	if len(values) != 1 || len(values[0]) <= len(scheme) || !equalFold(values[0][:len(scheme)], scheme) {
		return "", false
	}
	spaced := values[0][len(scheme):]
	token := strings.TrimLeft(spaced, " ")
	return token, len(token) < len(spaced) && isBearerToken(token)
}

// isBearerToken reports whether s is a b64token of RFC 6750 section 2.1: at least
// one letter, digit or one of -._~+/, and then any number of =.
func isBearerToken(s string) bool {
	s = strings.TrimRight(s, "=")
	for i := range len(s) {
		c := s[i]
		if !isAlphanumeric(c) && strings.IndexByte("-._~+/", c) < 0 {
			return false
		}
	}
	return s != ""
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// QueryAuth is [BearerAuth] with the token in a parameter of the query, for pages
// that open a WebSocket, where they cannot set header fields. Where they can, use
// BearerAuth: URLs end up in the logs of proxies and in the history of browsers.
//
// A parameter that is missing, empty or there twice is answered 401 "missing auth
// token". The handler gets the request without the parameter, in URL and
// RequestURI. Its answer has Cache-Control: no-store and Referrer-Policy:
// no-referrer, unless it says otherwise. It panics if param is empty or validate
// nil.
func QueryAuth(param string, validate func(token string) (any, error)) Middleware {
	mustHave(param != "", "QueryAuth", "an empty parameter")
	mustHave(validate != nil, "QueryAuth", "a nil validator")
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		token, rest, ok := cutParam(r.URL.RawQuery, param)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		if !ok {
			challenge(w, r, "Bearer", "missing auth token")
			return
		}
		user, err := validate(token)
		if err != nil {
			refuseToken(w, r, err)
			return
		}
		rec.user = user
		next.ServeHTTP(w, withoutParam(rec, r, param, rest))
	})
}

// cutParam returns the only value of the parameter, if it is not empty, and the
// query without it, in which everything else stays as it is written.
//
//	a=1&token=x&b=%20, token => x, a=1&b=%20
func cutParam(query, param string) (value, rest string, ok bool) {
	var kept []string
	times := 0
	for pair := range strings.SplitSeq(query, "&") {
		name, text, _ := strings.Cut(pair, "=")
		if unescaped, err := url.QueryUnescape(name); err != nil || unescaped != param {
			kept = append(kept, pair)
			continue
		}
		unescaped, err := url.QueryUnescape(text)
		if times++; err == nil {
			value = unescaped
		}
	}
	return value, strings.Join(kept, "&"), times == 1 && value != ""
}

// withoutParam returns a copy of the request with the query rest.
func withoutParam(rec *record, r *http.Request, param, rest string) *http.Request {
	r = rec.copyOf(r)
	u := *r.URL
	u.RawQuery = rest
	r.URL = &u
	r.RequestURI, _, _ = strings.Cut(r.RequestURI, "?")
	if rest != "" {
		r.RequestURI += "?" + rest
	}
	r.Form = withoutKey(r.Form, param)
	return r
}

// withoutKey returns the values, which may have been parsed before, without those
// of the key.
func withoutKey(values url.Values, key string) url.Values {
	if !values.Has(key) {
		return values
	}
	kept := make(url.Values, len(values))
	for k, v := range values {
		if k != key {
			kept[k] = v
		}
	}
	return kept
}

// RequireKey returns middleware that lets in requests with one header field of
// that name whose value is one of the keys; there may be several, to change them
// one by one. Others are answered 401 "invalid API key". How long the comparison
// takes says nothing of the keys. It panics if the name is none of a header field,
// or if there are no keys, or an empty one, as from a variable that is not set.
func RequireKey(headerName string, keys ...string) Middleware {
	headerName = mustBeField(headerName, "RequireKey")
	mustHave(len(keys) > 0, "RequireKey", "no keys")
	sums := make([][sha256.Size]byte, len(keys))
	for i, key := range keys {
		mustHave(key != "", "RequireKey", "an empty key")
		sums[i] = sha256.Sum256([]byte(key))
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !hasKey(r.Header[headerName], sums) {
				challenge(w, r, "ApiKey", "invalid API key")
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// hasKey reports whether the one value has one of the sums. All are compared.
func hasKey(values []string, sums [][sha256.Size]byte) bool {
	if len(values) != 1 {
		return false
	}
	given := sha256.Sum256([]byte(values[0]))
	equal := 0
	for i := range sums {
		equal |= subtle.ConstantTimeCompare(given[:], sums[i][:])
	}
	return equal == 1
}

// mustBeField returns the canonical form of a header field's name. It panics for
// the constructor if it is none.
func mustBeField(field, name string) string {
	mustHave(field != "", name, "an empty name of a header field")
	mustHave(isToken(field), name, quoted(field)+" is no name of a header field")
	return http.CanonicalHeaderKey(field)
}
