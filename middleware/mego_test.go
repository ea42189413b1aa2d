package middleware_test

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular/mego"
	"github.com/gongular/gongular/mego/msgpack"
	"github.com/gongular/gongular/ws"
)

// megoEngine returns an engine with something of everything: calls, errors, a
// panic, events, files. Its files are below dir.
func megoEngine(dir string) *mego.Engine {
	e := mego.New().Use(mego.RecoveryWithWriter(nil))
	e.Option.TempDir = dir
	e.Option.TrustedProxies = []string{"127.0.0.1", "::1"}
	e.Register("Sum", func(c *mego.Context) { c.Respond(c.Param(0).GetInt() + c.Param(1).GetInt()) })
	e.Register("Fail", func(c *mego.Context) { c.RespondWithError(7, "data", errors.New("no such luck")) })
	e.Register("Panic", func(c *mego.Context) { panic("a mistake") })
	e.Register("Upload", func(c *mego.Context) {
		var got []any
		for _, f := range c.MustGetFiles() {
			got = append(got, f.Name, f.Extension, f.Size)
		}
		c.Respond(got)
	})
	e.Register("Tell", func(c *mego.Context) {
		e.Emit("news", "sport", c.Param(0).Get())
		c.Respond("told")
	})
	e.Register("Client", func(c *mego.Context) { c.Respond(c.ClientIP()) })
	return e
}

// megoTalk has a session with the engine behind url, and returns all that the
// server says in it. The connection stays open.
func megoTalk(t testing.TB, url string, fields ...string) (*ws.Conn, http.Header, []string) {
	t.Helper()
	header := http.Header{}
	addFields(header, fields)
	conn, res, err := ws.Dial(t.Context(), url, &ws.DialOptions{Header: header})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	conn.SetReadDeadline(time.Now().Add(patience))
	type m = map[string]any
	chunk := func(number int, data string) m {
		return m{"big": []m{{"i": 9, "p": []int{2, number}, "n": "big.bin", "b": []byte(data)}}}
	}
	var said []string
	for i, ask := range []struct {
		request m
		answers int
	}{
		{m{"p": m{"MegoID": "00000000-0000-4000-8000-000000000001"}}, 1},
		{m{"m": "Sum", "p": []int{3, 4}}, 1},
		{m{"m": "Fail"}, 1},
		{m{"m": "Panic"}, 1},
		{m{"m": "Unknown"}, 1},
		{m{"m": "MegoSubscribe", "p": []string{"news", "sport"}}, 1},
		{m{"m": "Tell", "p": []any{m{"goals": 3}}}, 2}, // and the event
		{m{"m": "Upload", "f": m{"File1": []m{{"i": 1, "n": "a.txt", "b": []byte(strings.Repeat("x", 100_000))}}}}, 1},
		{m{"m": "Upload", "f": chunk(1, "first, ")}, 1},
		{m{"m": "Upload", "f": chunk(2, "second")}, 1},
		{m{"m": "Client"}, 1},
	} {
		ask.request["i"] = i + 1
		data, err := msgpack.Marshal(ask.request)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.WriteMessage(ws.BinaryMessage, data); err != nil {
			t.Fatal(err)
		}
		for range ask.answers {
			kind, data, err := conn.ReadMessage()
			if err != nil {
				t.Fatalf("request %d: %v", i+1, err)
			}
			said = append(said, fmt.Sprintf("%d %q", kind, data))
		}
	}
	return conn, res.Header, said
}

// A Mego engine says behind all entries, byte by byte, what it says without: in
// answers, errors, events and uploads whole and in pieces. Its sessions are
// counted, as are their messages, and closed by the entries that close sessions.
func TestWholeChainAroundMego(t *testing.T) {
	bare := megoEngine(t.TempDir())
	behind := megoEngine(t.TempDir())
	whole := newWhole(t, wholeLimits{})
	plain, chained := start(t, bare), start(t, whole.around(behind))
	t.Cleanup(func() {
		for _, e := range []*mego.Engine{bare, behind} {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	const from = "X-Forwarded-For: 203.0.113.5"
	conn, _, want := megoTalk(t, "ws"+strings.TrimPrefix(plain.URL, "http"), from)
	conn.Close()
	url := "ws" + strings.TrimPrefix(chained.URL, "http")
	conn, header, got := megoTalk(t, url, append(wholeFields[:len(wholeFields):len(wholeFields)], from)...)
	if len(got) != len(want) || !strings.Contains(want[len(want)-1], "203.0.113.5") {
		t.Fatalf("got %q\nwant %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("message %d is\n%s, without the chain it is\n%s", i, got[i], want[i])
		}
	}
	if id := header.Get("X-Request-ID"); len(id) != 32 || header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("the handshake has the fields %v", header)
	}
	const asked = 11
	for end := time.Now().Add(patience); whole.metrics.TotalMessages.Load() < int64(asked+len(want)) && time.Now().Before(end); {
		runtime.Gosched() // what is sent is counted a moment later
	}
	if got := whole.metrics.Snapshot(); got.ActiveSessions != 1 || behind.Len() != 1 || got.TotalMessages != int64(asked+len(want)) {
		t.Errorf("%d sessions and %d messages are counted, the engine has %d sessions", got.ActiveSessions, got.TotalMessages, behind.Len())
	}

	// Who may not come in does not get as far as the engine.
	_, res, err := ws.Dial(t.Context(), url, &ws.DialOptions{Header: http.Header{"User-Agent": {"Mozilla/5.0"}}})
	if err == nil || res.StatusCode != 401 {
		t.Errorf("without a token: %v", err)
	}

	// An entry that ends the session says why.
	if err := whole.blocked.Add("203.0.113.5"); err != nil {
		t.Fatal(err)
	}
	_, data, err := conn.ReadMessage()
	if closed, ok := errors.AsType[*ws.CloseError](err); !ok || closed.Code != 4403 || closed.Text != "mego: ip blocked" {
		t.Errorf("read %q, %v", data, err)
	}
	conn.Close()
	for end := time.Now().Add(patience); behind.Len() > 0 || !whole.isIdle(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("the session does not end")
		}
	}
	chained.Close()
	whole.wantNothingUnderWay(t)
}
