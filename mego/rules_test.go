package mego_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/mego"
	"github.com/gongular/gongular/mego/msgpack"
	"github.com/gongular/gongular/middleware"
	"github.com/gongular/gongular/ws"
)

// Rules that have no better place: what several parts of the engine keep
// together.

// Rules 1.1, 1.3: an engine is a handler, for a path of ServeMux and of the
// framework's router, behind middleware of any kind.
func TestMount(t *testing.T) {
	e := mego.New()
	prepare(t, e)
	e.Register("who", func(c *mego.Context) {
		user, _ := middleware.UserAs[string](c.Request.Context())
		c.Respond([]any{user, middleware.GetRequestID(c.Request.Context()) != ""})
	})
	guard := middleware.Chain(middleware.RequestID(), middleware.BearerAuth(func(token string) (any, error) { return "user " + token, nil }))
	mux := http.NewServeMux()
	mux.Handle("/mego", guard(e))
	app := gongular.NewEngine()
	app.SetRouteCallback(gongular.NoOpRouteCallback)
	app.Use(middleware.RequestID())
	app.Group("/api").Handle("/{Version}/mego", e).Use(middleware.BearerAuth(func(token string) (any, error) { return "user " + token, nil }))
	for path, h := range map[string]http.Handler{"/mego": mux, "/api/v1/mego": app} {
		srv := httptest.NewServer(h)
		t.Cleanup(srv.Close)
		s := &server{Engine: e, url: "ws" + strings.TrimPrefix(srv.URL, "http") + path}
		if _, res, err := ws.Dial(t.Context(), s.url, nil); err == nil || res.StatusCode != 401 {
			t.Errorf("%s without a token: %v", path, err)
		}
		c := s.connect(t, "Authorization: Bearer x")
		c.shake(0)
		c.want([]any{"user x", true}, "who", nil)
		c.conn.CloseNow()
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

// raw opens a connection of which the test writes every byte, after the upgrade.
func (s *server) raw(t testing.TB) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "ws://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != 101 {
		t.Fatalf("%v, %v", res, err)
	}
	return conn, r
}

// bigFrame returns the header of a binary frame of that length, masked with zeros.
func bigFrame(length uint64) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{0x82, 0xff}, length), 0, 0, 0, 0)
}

// smallFrame returns a binary frame, masked with zeros.
func smallFrame(t testing.TB, v any) []byte {
	payload := encode(t, v)
	return append([]byte{0x82, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
}

// Rules 3.6, 18.8, row 13: memory grows with the bytes that arrive, not with the
// length that is announced. A hundred announcements would be 1.6 GB.
func TestAnnouncedLengths(t *testing.T) {
	e := mego.New()
	s := serve(t, e)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for n := range 100 {
		conn, r := s.raw(t)
		conn.Write(smallFrame(t, m{"p": m{"MegoID": id(n)}, "i": 1}))
		if _, err := r.ReadByte(); err != nil { // the answer
			t.Fatal(err)
		}
		conn.Write(append(bigFrame(16*mego.MB), "\x81\xa1p\xdd\xff\xff\xff\xff"...))
		conn.Close()
	}
	eventually(t, "all sessions end", func() bool { return e.Len() == 0 })
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 100*mego.MB {
		t.Errorf("%d bytes were allocated", n)
	}
}

// Rules 3.8, 12.3: who sends more than is allowed, and goes on sending, sees why
// the connection is closed, and no reset.
func TestCloseFrameIsSeen(t *testing.T) {
	s := serve(t, mego.New())
	conn, r := s.raw(t)
	conn.Write(bigFrame(mego.MB))
	conn.Write(make([]byte, mego.MB))
	const reason = "mego: message of more than 65536 bytes"
	want := string([]byte{0x88, byte(2 + len(reason)), 0x03, 0xf1}) + reason
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
	conn.Write([]byte{0x88, 0x82, 0, 0, 0, 0, 0x03, 0xf1})
	if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
		t.Errorf("then came %q, %v", rest, err)
	}
}

// Rule 4.4: v and i tell replies, chunk progress and events from each other.
func TestKindsOfMessages(t *testing.T) {
	e := mego.New()
	e.Register("MegoChunkNext", func(c *mego.Context) { // a strange name, and an event of it
		c.Emit("MegoChunkNext", "event")
		c.Respond("reply")
	})
	e.Register("aborts").ChunkHandler = func(*mego.Context, *mego.RawFile, *mego.File) mego.ChunkStatus { return mego.ChunkAbort }
	c := serve(t, e).dial(t, 0)
	type kind struct {
		v string
		i int64
		r any
	}
	var got []kind
	c.send(m{"m": "MegoChunkNext", "i": 7})
	c.send(m{"m": "MegoChunkNext", "i": 8, "f": piece(1, 2, 1, "x")})
	c.send(m{"m": "aborts", "i": 9, "f": piece(2, 2, 1, "x")})
	counts := map[kind]int{}
	for range 4 {
		a := c.read()
		got = append(got, kind{a.V, a.I, a.R})
		counts[got[len(got)-1]]++
	}
	want := map[kind]int{{"", 7, "reply"}: 1, {"MegoChunkNext", 0, "event"}: 1, {"MegoChunkNext", 8, nil}: 1, {"MegoChunkAbort", 9, nil}: 1}
	if !reflect.DeepEqual(counts, want) {
		t.Errorf("got %v", got)
	}
}

// Rules 4.1, 4.3: the ways to say the same of a file.
func TestFileForms(t *testing.T) {
	e := mego.New()
	e.Register("describe", describe)
	c := serve(t, e).dial(t, 0)
	for name, file := range map[string]m{
		"bytes as a string":   {"b": "abc", "n": "x.y"},
		"no parts":            {"b": []byte("abc"), "n": "x.y", "p": []int{}},
		"nil parts":           {"b": []byte("abc"), "n": "x.y", "p": nil, "i": nil},
		"integral floats":     {"b": []byte("abc"), "n": "x.y", "p": []any{1.0, float32(1)}, "i": 7.0},
		"keys of the future":  {"b": []byte("abc"), "n": "x.y", "z": m{"a": []int{1}}},
		"numbers, wide":       {"b": []byte("abc"), "n": "x.y", "i": msgpack.RawMessage("\xd3\x00\x00\x00\x00\x00\x00\x00\x01")},
		"a negative number":   {"b": []byte("abc"), "n": "x.y", "i": -9, "p": []int{1, 1}},
		"of the exported one": {"b": []byte("abc"), "i": 5, "n": "x.y", "p": []int(nil)},
	} {
		t.Run(name, func(t *testing.T) {
			c.t = t
			c.want([]any{[]any{"x", "y", int64(3), "abc"}}, "describe", nil, m{"F": []m{file}})
		})
	}
	c.t = t
	c.send(mego.Request{Method: "describe", ID: 99, Files: map[string][]*mego.RawFile{"F": {{Binary: []byte("abc"), ID: 3, Name: "x.y"}}}})
	if a := c.read(); a.I != 99 || fmt.Sprint(a.R) != "[[x y 3 abc]]" {
		t.Errorf("got %+v", a)
	}
}

// Rule 5.3: what has begun and does not end is no handshake either.
func TestHandshakeInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := inMemory(t, mego.New()).connect(t)
		start := time.Now()
		go func() {
			for i := range 5 {
				w, err := c.conn.NextWriter(ws.BinaryMessage)
				if i > 0 || err != nil {
					return
				}
				w.Write(make([]byte, 10_000)) // more than is held back
			}
		}()
		c.wantClose(1008, "mego: no handshake in time")
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("after %v", took)
		}
	})
}

// Rules 5.9, 6.8: nobody is dropped for a pong that is not read because requests
// are under way.
func TestPausedClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := mego.New()
		e.Option.Concurrency, e.Option.CheckInterval = 1, 5
		release := make(chan bool)
		e.Register("hold", func(c *mego.Context) { <-release })
		c := inMemory(t, e).dial(t, 0)
		c.conn.SetPingHandler(func(string) error { return nil }) // the server would not read an answer
		number := c.ask("hold", nil)
		answers := make(chan answer)
		go func() { answers <- c.read() }()
		time.Sleep(10 * time.Minute)
		if e.Len() != 1 {
			t.Error("it was dropped")
		}
		close(release)
		if a := <-answers; a.I != number || a.E.C != 0 {
			t.Errorf("got %+v", a)
		}
		c.want(nil, "hold", nil)
	})
}

// Rules 5.8, 5.10, row 3: a connection takes a place from its upgrade on, and the
// place is free when it has ended.
func TestPlaces(t *testing.T) {
	e := mego.New()
	e.Option.MaxSessions = 1
	s := serve(t, e)
	full := func() bool {
		conn, res, err := ws.Dial(t.Context(), s.url, nil)
		if err == nil {
			conn.CloseNow()
			return false
		}
		if res == nil || res.StatusCode != 503 || res.Header.Get("Retry-After") != "1" {
			t.Fatalf("%v, %v", res, err)
		}
		return true
	}
	pending := s.connect(t)
	if !full() || e.Len() != 0 {
		t.Error("a handshake that is not over takes no place, or one of a session")
	}
	pending.shake(0)
	if !full() {
		t.Error("a session takes no place")
	}
	pending.conn.Close()
	eventually(t, "there is a place", func() bool { return !full() })
}

// Rule 6.1: of several mistakes in a message, the first check tells.
func TestOrderOfChecks(t *testing.T) {
	e := mego.New()
	e.Option.MaxSize = 300
	ran := false
	e.Use(func(c *mego.Context) { ran = true; c.Next() })
	e.Register("large").Option = &mego.MethodOption{MaxSize: 5000}
	c := serve(t, e).dial(t, 0)
	long := strings.Repeat("x", 400)
	noFile := m{"F": []m{{"b": []byte{}, "n": long}}}
	for _, test := range []struct {
		name    string
		request m
		code    int
		message string
	}{
		{"types before the subscription", m{"m": "MegoSubscribe", "f": 5}, mego.StatusInvalid, "mego: malformed request: f is not a map"},
		{"types before the method", m{"m": "unknown", "f": 5}, mego.StatusInvalid, "mego: malformed request: f is not a map"},
		{"the length of a subscription before its names", m{"m": "MegoSubscribe", "p": []string{"", long}}, mego.StatusInvalid, "mego: the message is longer than its method accepts"},
		{"the length before the files", m{"m": "usual", "f": noFile}, mego.StatusFileTooLarge, "mego: the message is longer than its method accepts"},
		{"the files before the chain", m{"m": "large", "f": noFile}, mego.StatusFileEmpty, "mego: the file is empty"},
	} {
		if test.request["m"] == "usual" {
			e.Register("usual")
		}
		c.last++
		test.request["i"] = c.last
		ran = false
		c.send(test.request)
		if a := c.read(); a.I != c.last || a.E.C != test.code || a.E.M != test.message || ran {
			t.Errorf("%s: got %+v, the chain ran: %v", test.name, a, ran)
		}
	}
	c.wantErr(mego.StatusUnimplemented, "mego: the method is not implemented", "unknown", nil, noFile) // before its length and files
	c.sendRaw(append(encode(t, m{"m": 5, "i": 1}), 0xc0))                                              // well-formed before typed
	c.wantClose(1007, "mego: malformed message: msgpack: 1 byte after the value (byte 7)")
}

// Rules 6.5, D18: an error has a text, whatever its code.
func TestErrorTexts(t *testing.T) {
	e := mego.New()
	e.Register("fail", func(c *mego.Context) { c.RespondWithError(c.Param(0).GetInt(), nil, nil) })
	c := serve(t, e).dial(t, 0)
	seen := map[string]int{}
	for code := mego.StatusTimeout; code <= mego.StatusError; code++ {
		a := c.call("fail", []int{code})
		if a.E.C != code || !strings.HasPrefix(a.E.M, "mego: ") || seen[a.E.M] != 0 {
			t.Errorf("code %d: %+v, as %d", code, a.E, seen[a.E.M])
		}
		seen[a.E.M] = code
	}
	for _, code := range []int{1, 7, -5, 1 << 40} {
		if a := c.call("fail", []int{code}); a.E.C != code || a.E.M != "mego: request failed" {
			t.Errorf("code %d: %+v", code, a.E)
		}
	}
	c.wantErr(mego.StatusError, "mego: internal error", "fail", []int{0})
}

// Rule 12.1: what zero stands for; and options are read once.
func TestDefaultOptions(t *testing.T) {
	got := mego.Defaults()
	want := mego.EngineOption{
		MaxSize: 16 << 20, MaxChunkSize: 4 << 20, MaxFileSize: 256 << 20, MaxSessions: -1, CheckInterval: 30,
		HandshakeTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, UploadTimeout: time.Minute, CloseTimeout: 5 * time.Second,
		Concurrency: 16, SendQueue: 256, SendQueueSize: 16 << 20, Slow: ws.Disconnect, MaxUploads: 8, MaxFiles: 32,
		MaxTempSize: 1 << 30, MaxSubscriptions: 1024, TempDir: os.TempDir(), BrokerPrefix: "mego",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	e := mego.New()
	e.Register("x")
	s := serve(t, e)
	c := s.dial(t, 0)
	e.Option.MaxSize, e.Option.MaxSessions = 1, 1
	e.Option = nil
	c.want(nil, "x", nil)
	s.dial(t, 1).want(nil, "x", nil)
}

// Rules 13.4 to 13.6: limits hold for many at once, and what is over is not held.
func TestLimitersConcurrently(t *testing.T) {
	const sessions, calls = 20, 30
	var running, most, served atomic.Int64
	e := mego.New().Use(mego.RateLimit(mego.RateLimitConfig{Period: 3600, Limit: 5}), mego.RequestLimit(mego.RequestLimitConfig{Limit: 3}))
	e.Register("work", func(c *mego.Context) {
		n := running.Add(1)
		defer running.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		served.Add(1)
		runtime.Gosched()
	})
	s := serve(t, e)
	var all sync.WaitGroup
	for n := range sessions {
		c := s.dial(t, n)
		all.Go(func() {
			for range calls {
				c.ask("work", nil)
			}
			answered := map[int]int{}
			for range calls {
				answered[c.read().E.C]++
			}
			if within := answered[0] + answered[mego.StatusBusy]; within != 5 || answered[mego.StatusTooManyRequests] != calls-5 {
				t.Errorf("session %d: %v", n, answered)
			}
		})
	}
	all.Wait()
	if most.Load() > 3 || served.Load() == 0 {
		t.Errorf("%d at a time, %d served", most.Load(), served.Load())
	}
	synctest.Test(t, func(t *testing.T) {
		take, held := mego.RateWindows(10 * time.Second)
		for i := range 1000 {
			take(fmt.Sprint(i))
			time.Sleep(10 * time.Millisecond)
		}
		if held() != 1000 || take("0") != 0 || take("999") == 0 { // the first is over by now
			t.Errorf("%d windows", held())
		}
		time.Sleep(time.Hour)
		if take("late"); held() != 1 {
			t.Errorf("%d windows are held", held())
		}
	})
}

// A calling value calls the engine while it is encoded.
type calling struct{ engine *mego.Engine }

func (v calling) MarshalMsgpack() ([]byte, error) {
	callAll(v.engine, false)
	return []byte{1}, nil
}

// callAll calls what may be called from anywhere.
func callAll(e *mego.Engine, emit bool) {
	e.Register("new", echo)
	e.NoMethod()
	e.HandleChunk(nil)
	e.HandleDisconnect(func(*mego.Session) { e.Len() })
	e.Event("permanent")
	e.Len()
	e.Session(id(0))
	if emit {
		e.Emit("news", "", calling{e})
		e.EmitFilter("news", "", 2, func(*mego.Session) bool { callAll(e, false); return true })
		if s, ok := e.Session(id(0)); ok {
			s.Set("k", 1)
			e.EmitMultiple("news", "x", 3, []*mego.Session{s})
		}
	}
}

// Rules 18.1 to 18.3: everything may be called from everywhere, while others do
// the same, and no lock is held meanwhile.
func TestCallsFromEverywhere(t *testing.T) {
	e := mego.New()
	e.Register("call", func(c *mego.Context) {
		callAll(e, true)
		c.EmitOthers("other", 1)
		c.Subscribe("own", "x").Unsubscribe("own", "x")
	})
	e.HandleSubscribe(func(string, string, *mego.Context) bool { callAll(e, true); return true })
	e.HandleConnect(func(*mego.Session, *http.Request) error { callAll(e, true); return nil })
	e.Register("upload", describe).ChunkHandler = func(*mego.Context, *mego.RawFile, *mego.File) mego.ChunkStatus {
		callAll(e, true)
		return mego.ChunkAbort
	}
	s := serve(t, e)
	var clients []*client
	for n := range 8 {
		clients = append(clients, s.dial(t, n))
	}
	var all sync.WaitGroup
	for _, c := range clients {
		all.Go(func() {
			ask := func(method string, params any, files ...m) {
				number := c.ask(method, params, files...)
				for {
					if a := c.read(); a.I == number {
						if a.E.C != 0 {
							t.Errorf("%s: %+v", method, a.E)
						}
						return
					}
				}
			}
			ask("MegoSubscribe", []string{"news", "x"})
			for range 5 {
				ask("call", nil)
				ask("upload", nil, piece(1, 2, 1, "x"))
			}
			c.conn.Close()
		})
	}
	all.Wait()
	eventually(t, "all sessions end", func() bool { return e.Len() == 0 })
}

// Rule 18.4: requests do not share the end of a chain.
func TestChainIsCopied(t *testing.T) {
	e := mego.New()
	pass := func(c *mego.Context) { c.Next() }
	e.Use(pass).Use(pass).Use(pass) // room is left behind the third
	for i := range 10 {
		e.Register(fmt.Sprint("m", i), func(c *mego.Context) { c.Next() }, func(c *mego.Context) { c.Respond(i) })
	}
	c := serve(t, e).dial(t, 0)
	want := map[int64]int64{}
	for i := range 500 {
		want[c.ask(fmt.Sprint("M", i%10), nil)] = int64(i % 10)
	}
	for range 500 {
		if a := c.read(); a.R != want[a.I] {
			t.Fatalf("got %+v, want %d", a, want[a.I])
		}
	}
}

// Rule 18.5: a session that waits has the goroutine of its request, and one more
// at most; ten times as many requests as there are sessions leave none.
func TestGoroutines(t *testing.T) {
	const sessions = 100
	e := mego.New()
	e.Register("Echo", echo)
	s := serve(t, e)
	base := runtime.NumGoroutine()
	var clients []*client
	for n := range sessions {
		clients = append(clients, s.dial(t, n))
	}
	for range 10 {
		for _, c := range clients {
			c.want("x", "Echo", []string{"x"})
		}
	}
	eventually(t, "sessions have two goroutines at most", func() bool { return runtime.NumGoroutine() <= base+2*sessions })
	for _, c := range clients {
		c.conn.CloseNow()
	}
	eventually(t, "the goroutines end", func() bool { return runtime.NumGoroutine() <= base })
}

// Rules 18.6, 18.8: what waits for one client is limited in bytes too.
func TestQueueBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := mego.New()
		e.Option.SendQueueSize = 1000
		s := inMemory(t, e)
		slow := s.dial(t, 0)
		slow.want(nil, "MegoSubscribe", []string{"news"})
		for range 3 { // one is being written, one waits, and there is no room for one more
			if err := e.Emit("news", "", strings.Repeat("x", 600)); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		slow.wantEvent("news", strings.Repeat("x", 600))
		slow.wantClose(1008, "mego: too slow")
		slow.conn.Close()
		synctest.Wait()
		if err := e.Emit("news", "", 1); err != mego.ErrEventNotFound {
			t.Errorf("it is still subscribed: %v", err)
		}
	})
}

// Rule 14, D1: what can be asked of an engine that never served.
func TestUnusedEngine(t *testing.T) {
	e := mego.New()
	if _, ok := e.Session(id(0)); ok || e.Len() != 0 {
		t.Error("a session of nobody")
	}
	if err := e.Emit("x", "", 1); !errors.Is(err, mego.ErrEventNotFound) {
		t.Error(err)
	}
	if err := errors.Join(e.Close(), e.Close()); err != nil {
		t.Error(err)
	}
}
