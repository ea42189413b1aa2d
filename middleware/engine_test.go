package middleware_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/middleware"
	"github.com/gongular/gongular/ws"
)

// greet is a handler of the engine that knows what the middleware has found out.
type greet struct{ Param struct{ Name string } }

func (g *greet) Handle(c *gongular.Context) error {
	user, _ := middleware.UserAs[string](c.Context())
	c.SetBody(map[string]string{"hello": g.Param.Name, "user": user, "tenant": middleware.Extracted(c.Context(), "tenant"), "client": middleware.ClientIP(c.Request()).String()})
	return nil
}

// chat is a WebSocket handler of the engine.
type chat struct{ user string }

func (h *chat) Before(c *gongular.Context) (http.Header, error) {
	h.user, _ = middleware.UserAs[string](c.Context())
	c.Header("X-Context", "1")
	return http.Header{"X-Before": {"1"}}, nil
}

func (h *chat) Handle(conn *ws.Conn) {
	conn.WriteMessage(ws.TextMessage, []byte("hello, "+h.user))
	conn.ReadMessage()
}

// The engine works behind and around middleware, and its WebSockets do.
func TestEngine(t *testing.T) {
	e := gongular.NewEngine(gongular.Options{Logger: slog.New(slog.DiscardHandler)})
	e.SetRouteCallback(func(gongular.RouteStat) {})
	var route string
	e.GET("/hello/{Name}", &greet{}).Use(
		middleware.Watching(func(s middleware.Seen) { route = s.Route }),
		middleware.ExtractHeader("X-Tenant", "tenant"),
		middleware.ETag(1<<10),
	)
	e.GetWSRouter().Handle("/chat", &chat{}).Use(middleware.NoCache())
	outside := make(chan middleware.Seen, 1)
	h := middleware.Chain(
		middleware.TrustedProxies("127.0.0.1", "::1"),
		middleware.Watching(func(s middleware.Seen) { outside <- s }),
		middleware.SecurityHeaders(middleware.SecurityConfig{}),
		middleware.BearerAuth(func(token string) (any, error) { return "user of " + token, nil }),
		middleware.Counting(nil),
	)(e)
	s := start(t, h)
	see := func(want middleware.Seen) {
		t.Helper()
		if got := wait(t, outside); got != want {
			t.Errorf("seen %+v, want %+v", got, want)
		}
	}

	r, _ := http.NewRequest("GET", s.URL+"/hello/ada", nil)
	addFields(r.Header, []string{"Authorization: Bearer x", "X-Tenant: acme", "X-Forwarded-For: 6.6.6.6"})
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got := make([]byte, 200)
	n, _ := res.Body.Read(got)
	want := `{"client":"6.6.6.6","hello":"ada","tenant":"acme","user":"user of x"}`
	if string(got[:n]) != want || res.Header.Get("ETag") == "" || res.Header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("answered %s %q, %v", res.Status, got[:n], res.Header)
	}
	see(middleware.Seen{Status: 200, Started: true, Written: int64(len(want)), Route: "GET /hello/{Name}"})
	if route != "GET /hello/{Name}" {
		t.Errorf("the route is %q", route)
	}

	c, res := dial(t, s, "/chat", "Authorization: Bearer y")
	header := fmt.Sprint(res.StatusCode, res.Header["X-Frame-Options"], res.Header["Cache-Control"], res.Header["X-Context"], res.Header["X-Before"])
	if header != "101 [DENY] [no-store] [1] [1]" {
		t.Errorf("the handshake was answered %s", header)
	}
	c.want(0x81, "hello, user of y")
	c.send(frame(0x88, "\x03\xe8"))
	c.wantClose(1000, "")
	see(middleware.Seen{Status: 101, Started: true, Hijacked: true, Route: "GET /chat"})
	if _, res := dial(t, s, "/chat"); res.StatusCode != 401 {
		t.Errorf("without a token: %s", res.Status)
	}
	see(middleware.Seen{Status: 401, Started: true, Written: 34, Refusal: "missing authorization"})
}
