package middleware

import (
	"context"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// A SessionInfo is what the client has sent with a request, as it was sent: none of
// it is to be trusted.
type SessionInfo struct {
	// UserAgent and Origin are the first values of these header fields.
	UserAgent, Origin string
	// Query has the parameters of the URL, but for those that QueryAuth further
	// out has taken away. What is malformed is left out.
	Query url.Values
	// ForwardedFor has the elements of X-Forwarded-For in order. Anyone may have
	// written them; see ClientIP for the client's address.
	ForwardedFor []string
}

// SessionData returns middleware that keeps what the client has sent with each
// request for the handler, and above all for what runs as long as a session, see
// [GetSessionData].
func SessionData() Middleware {
	return entry(func(next http.Handler, rec *record, w http.ResponseWriter, r *http.Request) {
		info := &SessionInfo{UserAgent: r.UserAgent(), Origin: r.Header.Get("Origin"), Query: r.URL.Query()}
		for _, value := range r.Header["X-Forwarded-For"] {
			for item := range strings.SplitSeq(value, ",") {
				if item = textproto.TrimString(item); item != "" {
					info.ForwardedFor = append(info.ForwardedFor, item)
				}
			}
		}
		rec.observed.data = info
		next.ServeHTTP(w, r)
	})
}

// GetSessionData returns what [SessionData] has kept of the request that ctx is
// from. It is never nil, but has nothing if that is not installed.
func GetSessionData(ctx context.Context) *SessionInfo {
	if info := knownOf(ctx).observed.data; info != nil {
		return info
	}
	return new(SessionInfo)
}
