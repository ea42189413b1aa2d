package middleware_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/middleware"
)

func TestSessionData(t *testing.T) {
	var got *middleware.SessionInfo
	h := middleware.SessionData()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = middleware.GetSessionData(r.Context())
	}))
	for _, test := range []struct {
		name string
		r    *http.Request
		want string
	}{
		{"nothing", request("GET", "/"), `{UserAgent: Origin: Query:map[] ForwardedFor:[]}`},
		{"all", request("GET", "/?a=1&a=2&user=x%20y", "User-Agent: test", "Origin: https://a.example", "X-Forwarded-For: 1.1.1.1,  2.2.2.2", "X-Forwarded-For: garbage"),
			`{UserAgent:test Origin:https://a.example Query:map[a:[1 2] user:[x y]] ForwardedFor:[1.1.1.1 2.2.2.2 garbage]}`},
		{"a session", upgrade("/?a=1", "Origin: null"), `{UserAgent: Origin:null Query:map[a:[1]] ForwardedFor:[]}`},
		{"malformed", request("GET", "/?a=%zz&b=1;c", "X-Forwarded-For: ,, ,"), `{UserAgent: Origin: Query:map[] ForwardedFor:[]}`},
		{"two of what there should be one", request("GET", "/", "User-Agent: a", "User-Agent: b", "Origin: a", "Origin: b"),
			`{UserAgent:a Origin:a Query:map[] ForwardedFor:[]}`},
	} {
		do(h, test.r)
		if text := fmt.Sprintf("%+v", *got); text != test.want {
			t.Errorf("%s: got %s, want %s", test.name, text, test.want)
		}
	}
}

// The data of a session are there as long as it is.
func TestSessionDataInSessions(t *testing.T) {
	h := middleware.SessionData()(echoing(nil))
	inBubble(t, middleware.SessionData()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
		if got := middleware.GetSessionData(r.Context()).Query.Get("room"); got != "7" {
			t.Errorf("the room is %q", got)
		}
	})), func(t *testing.T, l *pipeListener, _ *http.Client) {
		c, _ := shake(t, l.mustDial(t), "/?room=7", nil, "Host: example.com")
		time.Sleep(time.Hour)
		c.send(frame(0x81, "end"))
		c.untilClose()
		c.conn.Close()
		synctest.Wait()
	})
}
