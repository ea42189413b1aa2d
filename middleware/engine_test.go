package middleware_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

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
	if _, message, _ := conn.ReadMessage(); string(message) == "panic" {
		panic("a mistake")
	}
}

// mistaken is a handler of the engine with a mistake.
type mistaken struct{}

func (*mistaken) Handle(c *gongular.Context) error { panic("a mistake") }

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

// Panics of an engine that passes them on, in requests and sessions, are what Recover
// logs, with the stack of the handler, and what the others see.
func TestEnginePanics(t *testing.T) {
	var j journal
	log := j.logger(slog.LevelInfo)
	breaker := middleware.NewCircuitBreaker(1000, time.Hour)
	e := gongular.NewEngine(gongular.Options{Logger: log, PassPanics: true})
	e.SetRouteCallback(gongular.NoOpRouteCallback)
	e.Use(middleware.Logger(log), middleware.Recover(log), breaker.Middleware())
	e.GET("/broken", &mistaken{})
	e.GetWSRouter().Handle("/chat", &chat{})
	s := start(t, e)

	res, err := s.Client().Get(s.URL + "/broken")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode != 500 || string(body) != `{"error":"internal server error"}`+"\n" {
		t.Errorf("answered %s %s", res.Status, body)
	}
	c, _ := dial(t, s, "/chat")
	c.want(0x81, "hello, ")
	c.send(frame(0x81, "panic"))
	c.wantClose(1011, "")
	c.conn.Close()

	var lines []string
	for end := time.Now().Add(patience); !strings.Contains(strings.Join(lines, ""), "session closed") && time.Now().Before(end); runtime.Gosched() {
		lines = append(lines, j.lines()...)
	}
	if n := breaker.Failures(); n != 1 { // since the session was established, which is a success
		t.Errorf("%d failures in a row", n)
	}
	var logged []string
	for _, line := range lines {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		if stack, ok := record["stack"].(string); ok && !strings.Contains(stack, "middleware_test.(*mistaken).Handle") && !strings.Contains(stack, "middleware_test.(*chat).Handle") {
			t.Errorf("the stack is %s", stack)
		}
		logged = append(logged, fmt.Sprint(record["level"], " ", record["msg"], " ", record["path"], " ", record["cause"]))
	}
	want := []string{"ERROR panic /broken <nil>", "ERROR request /broken <nil>", "INFO session opened /chat <nil>", "ERROR panic /chat <nil>", "ERROR session closed /chat internal server error"}
	if !slices.Equal(logged, want) {
		t.Errorf("logged\n%s\nwant\n%s", strings.Join(logged, "\n"), strings.Join(want, "\n"))
	}
}
