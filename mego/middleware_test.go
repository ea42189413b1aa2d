package mego_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/mego"
)

// Rules 13.1, D25, row 47: the log, which nobody can forge.
func TestLogger(t *testing.T) {
	var log logBuffer
	e := mego.New().Use(mego.LoggerWithWriter(&log), mego.RecoveryWithWriter(nil))
	e.Register("ok", func(c *mego.Context) { c.Respond(1) })
	e.Register("bad", func(c *mego.Context) {
		c.Error(fmt.Errorf("one\n[MEGO] two\x1b[2J"))
		c.RespondWithError(7, nil, nil)
	})
	e.Register("panic", func(c *mego.Context) { panic("oh") })
	c := serve(t, e).dial(t, 0)
	const stamp = `\[MEGO\] \d{4}/\d\d/\d\d - \d\d:\d\d:\d\d \| `
	const rest = ` \| [^|]+s \| 127\.0\.0\.1 \| `
	for _, test := range []struct{ method, want string }{
		{"ok", "0" + rest + "ok\n"},
		{"bad", "7" + rest + `bad\n\[MEGO\] error #01: one\\n\[MEGO\] two\\x1b\[2J` + "\n"},
		{"panic", "-1000" + rest + "panic\n"},
		{"no\n\x1b[31m\"such\"", "0" + rest + `no\\n\\x1b\[31m"such"` + "\n"},
	} {
		c.call(test.method, nil)
		eventually(t, "the line is written", func() bool { return strings.Contains(log.String(), "\n") })
		if got := log.take(); !regexp.MustCompile("^" + stamp + test.want + "$").MatchString(got) {
			t.Errorf("%s: %q", test.method, got)
		}
	}
}

// Rule 13.1: colour is for terminals; /dev/null passes for one.
func TestLoggerColour(t *testing.T) {
	for code, want := range map[int64]string{0: "\x1b[32m0\x1b[0m", 7: "\x1b[31m7\x1b[0m"} {
		if got := mego.Coloured(code, true); got != want {
			t.Errorf("%d: %q", code, got)
		}
	}
	f, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	device, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	if mego.IsTerminal(f) || mego.IsTerminal(new(bytes.Buffer)) || !mego.IsTerminal(device) {
		t.Error("what is a terminal?")
	}
}

// Rules 13.2, 13.3, rows 24, 25: panics are answered and written.
func TestRecovery(t *testing.T) {
	var log logBuffer
	e := mego.New().Use(mego.RecoveryWithWriter(&log))
	e.Use(func(c *mego.Context) {
		defer func() {
			if c.IsAborted() {
				t.Error("aborted below Recovery")
			}
		}()
		c.Next()
	})
	e.Register("panic", func(c *mego.Context) { panic("oh\nno") })
	e.Register("late", func(c *mego.Context) { c.Respond(1); panic("late") })
	e.Register("bind", func(c *mego.Context) { c.MustBind(new(struct{ N int })) })
	e.Register("bound", func(c *mego.Context) { c.Respond(c.MustBind(new(struct{ N int }))) })
	e.Register("file", func(c *mego.Context) { c.MustGetFile("x") })
	e.Register("error", func(c *mego.Context) { panic(fmt.Errorf("other")) })
	s := serve(t, e)
	c := s.connect(t, "Authorization: secret1", "Cookie: secret2", "Proxy-Authorization: secret3", "X-Mine: plain")
	c.shake(0)
	c.wantErr(mego.StatusError, "mego: panic recovered", "panic", nil)
	got := log.take()
	for _, want := range []string{"[MEGO] panic in panic: oh\\nno\n", "GET / HTTP/1.1\n", "\nAuthorization: *\n", "\nCookie: *\n", "\nProxy-Authorization: *\n", "\nSec-Websocket-Key: *\n", "\nX-Mine: plain\n", "middleware_test.go"} {
		if !strings.Contains(got, want) {
			t.Errorf("log lacks %q: %s", want, got)
		}
	}
	if strings.Contains(got, "secret") {
		t.Errorf("log %q", got)
	}
	c.want(int64(1), "late", nil)
	c.wantErr(mego.StatusError, "mego: panic recovered", "error", nil)
	eventually(t, "it is written", func() bool { return strings.Count(log.String(), "[MEGO] panic") == 2 })
	log.take()
	c.wantErr(mego.StatusInvalid, "mego: bind: N: cannot decode string into int", "bind", m{"N": "x"})
	c.want(nil, "bound", m{"N": 5})
	c.wantErr(mego.StatusInvalid, "mego: the file was not found", "file", nil)
	if got := log.take(); strings.Contains(got, ".go:") || !strings.Contains(got, "[MEGO] panic in file: mego: the file was not found\n") {
		t.Errorf("log %q", got)
	}
}

// Rule 13.2: what Default has.
func TestDefault(t *testing.T) {
	e := mego.Default()
	e.Register("panic", func(c *mego.Context) { panic("oh") })
	errorLog.take()
	serve(t, e).dial(t, 0).wantErr(mego.StatusError, "mego: panic recovered", "panic", nil)
	if got := errorLog.take(); !strings.Contains(got, "panic in panic: oh") {
		t.Errorf("report %q", got)
	}
}

// Rule 13.4, row 43: so many requests in a window.
func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := mego.New().Use(mego.RateLimit(mego.RateLimitConfig{Period: 10, Limit: 2}))
		e.Option.CheckInterval = -1
		e.Register("a")
		e.Register("b")
		s := inMemory(t, e)
		c := s.dial(t, 0)
		c.want(nil, "a", nil)
		time.Sleep(3500 * time.Millisecond)
		c.want(nil, "A", nil)
		tooMany := func(c *client, method string, after int) {
			t.Helper()
			a := c.wantErr(mego.StatusTooManyRequests, "mego: too many requests", method, nil)
			if fmt.Sprint(a.E.D) != fmt.Sprintf("map[retryAfter:%d]", after) {
				t.Errorf("data %v", a.E.D)
			}
		}
		tooMany(c, "a", 7)
		c.want(nil, "b", nil)
		s.dial(t, 1).want(nil, "a", nil)
		c.conn.Close()
		synctest.Wait()
		c = s.dial(t, 0) // the same session to the limiter
		tooMany(c, "a", 7)
		for _, method := range []string{"x", "y"} { // methods that do not exist are one
			c.wantErr(mego.StatusUnimplemented, "mego: the method is not implemented", method, nil)
		}
		tooMany(c, "z", 10)
		time.Sleep(6500 * time.Millisecond)
		c.want(nil, "a", nil)
	})
	for _, conf := range []mego.RateLimitConfig{{Limit: 1}, {Period: 1}} {
		mustPanic(t, "mego: RateLimit: Period and Limit have to be 1 at least", func() { mego.RateLimit(conf) })
	}
}

// Rule 13.5, row 43: so many requests at a time, also after a panic.
func TestRequestLimit(t *testing.T) {
	e := mego.New().Use(mego.RecoveryWithWriter(nil), mego.RequestLimit(mego.RequestLimitConfig{Limit: 2}))
	started, release := make(chan bool), make(chan bool)
	e.Register("hold", func(c *mego.Context) { started <- true; <-release })
	e.Register("panic", func(c *mego.Context) { panic("oh") })
	s := serve(t, e)
	c, other := s.dial(t, 0), s.dial(t, 1)
	c.ask("hold", nil)
	other.ask("hold", nil)
	wait(t, started)
	wait(t, started)
	third := s.dial(t, 2)
	third.wantErr(mego.StatusBusy, "mego: the method is busy", "hold", nil)
	for range 3 {
		third.wantErr(mego.StatusError, "mego: panic recovered", "panic", nil)
	}
	close(release)
	c.read()
	other.read()
	go func() { <-started }()
	third.want(nil, "hold", nil)
	mustPanic(t, "mego: RequestLimit: Limit has to be 1 at least", func() { mego.RequestLimit(mego.RequestLimitConfig{}) })
}

// Rule 13.7, D16, row 46: whose word is taken for the address.
func TestClientIP(t *testing.T) {
	for _, test := range []struct {
		remote, forwarded, real, want string
	}{
		{"192.0.2.1:5", "", "", "192.0.2.1"},
		{"192.0.2.1:5", "198.51.100.7", "198.51.100.8", "192.0.2.1"},
		{"10.0.0.1:5", "", "", "10.0.0.1"},
		{"10.0.0.1:5", "", "198.51.100.8", "198.51.100.8"},
		{"10.0.0.1:5", "", "nobody", "10.0.0.1"},
		{"10.0.0.1:5", "198.51.100.7", "198.51.100.8", "198.51.100.7"},
		{"10.0.0.1:5", "1.1.1.1, 198.51.100.7, 10.0.0.2", "", "198.51.100.7"},
		{"10.0.0.1:5", "1.1.1.1, nobody, 10.0.0.2", "", "10.0.0.2"},
		{"10.0.0.1:5", "nobody", "", "10.0.0.1"},
		{"10.0.0.1:5", "10.0.0.3,10.0.0.2", "", "10.0.0.3"},
		{"10.0.0.1:5", "198.51.100.7:1234", "", "198.51.100.7"},
		{"10.0.0.1:5", "[2001:db8::1]:99", "", "2001:db8::1"},
		{"10.0.0.1:5", "[2001:db8::1]", "", "2001:db8::1"},
		{"[::ffff:10.0.0.1]:5", "::ffff:198.51.100.7", "", "198.51.100.7"},
		{"[2001:db8:1::9]:5", "198.51.100.7", "", "198.51.100.7"},
		{"[fe80::1%eth0]:5", "", "", "fe80::1"},
		{"@", "198.51.100.7", "", ""},
	} {
		e := mego.New()
		e.Option.TrustedProxies = []string{"10.0.0.0/8", "2001:db8:1::9"}
		e.Register("ip", func(c *mego.Context) { c.Respond(c.ClientIP()) })
		s := serve(t, e, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.RemoteAddr = test.remote
				next.ServeHTTP(w, r)
			})
		})
		c := s.connect(t)
		if test.forwarded != "" || test.real != "" {
			var fields []string
			for entry := range strings.SplitSeq(test.forwarded, ", ") {
				if entry != "" {
					fields = append(fields, "X-Forwarded-For: "+entry)
				}
			}
			if test.real != "" {
				fields = append(fields, "X-Real-Ip: "+test.real)
			}
			c = s.connect(t, fields...)
		}
		c.shake(0)
		c.want(test.want, "ip", nil)
		e.Close()
	}
}

// Rule 12.1: options that cannot be are found when the engine begins.
func TestBadOptions(t *testing.T) {
	for want, option := range map[string]mego.EngineOption{
		`mego: TrustedProxies: "10.0.0" is neither an address nor a prefix`:           {TrustedProxies: []string{"10.0.0"}},
		"mego: Slow: it is ws.Disconnect or ws.DropNewest; others would drop answers": {Slow: 2},
		`websocket: NewHub: "Mego!" is no BrokerPrefix`:                               {BrokerPrefix: "Mego!"},
	} {
		e := mego.New()
		e.Option = &option
		for range 2 { // it does not get better
			mustPanic(t, want, func() { e.Emit("x", "", 1) })
		}
	}
	e := mego.New()
	e.Option = nil
	if err := e.Emit("x", "", 1); err != mego.ErrEventNotFound {
		t.Error(err)
	}
	e.Close()
}

// Rules 12.2 to 12.4, rows 20, 21: limits of messages.
func TestMessageLimits(t *testing.T) {
	e := mego.New()
	e.Option.MaxSize = 1000
	e.Register("usual")
	e.Register("small").Option = &mego.MethodOption{MaxSize: 100}
	e.Register("large").Option = &mego.MethodOption{MaxSize: 5000}
	s := serve(t, e)
	c := s.dial(t, 0)
	text := func(n int) []string { return []string{strings.Repeat("x", n)} }
	const long = "mego: the message is longer than its method accepts"
	c.want(nil, "usual", text(900))
	c.wantErr(mego.StatusInvalid, long, "usual", text(1100))
	c.wantErr(mego.StatusInvalid, long, "small", text(200))
	c.want(nil, "large", text(4000))
	c.wantErr(mego.StatusFileTooLarge, long, "small", nil, m{"f": []m{fileOf("x", strings.Repeat("x", 200))}})
	c.wantErr(mego.StatusInvalid, long, "MegoSubscribe", []string{"e", strings.Repeat("x", 1100)})
	e.Register("larger").Option = &mego.MethodOption{MaxSize: 9000} // while it serves
	c.want(nil, "usual", nil)
	c.want(nil, "larger", text(8000))
	c.ask("larger", text(9500))
	c.wantClose(1009, "mego: message of more than 9000 bytes")
	e.Register("any").Option = &mego.MethodOption{MaxSize: -1}
	c = s.dial(t, 0)
	c.want(nil, "any", text(1_000_000))
}
