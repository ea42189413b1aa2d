package mego_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular/mego"
	"github.com/gongular/gongular/mego/msgpack"
	"github.com/gongular/gongular/ws"
)

func echo(c *mego.Context) { c.Respond(c.Param(0).Get()) }

// Rules 4.1, 4.2: what the server writes, byte by byte, is what the exported
// types encode to.
func TestResponseOnTheWire(t *testing.T) {
	e := mego.New()
	e.Register("ok", func(c *mego.Context) { c.Respond(7) })
	e.Register("bad", func(c *mego.Context) { c.RespondWithError(5, []int{1}, errors.New("no")) })
	e.Register("event", func(c *mego.Context) { c.Emit("news", "x"); c.Respond(nil) })
	s := serve(t, e)
	c := s.dial(t, 0)
	for _, test := range []struct {
		method string
		want   mego.Response
	}{
		{"ok", mego.Response{Result: 7, ID: -3}},
		{"bad", mego.Response{Error: mego.ResponseError{Code: 5, Message: "no", Data: []int{1}}, ID: -3}},
		{"event", mego.Response{Event: "news", Result: "x"}},
	} {
		c.send(mego.Request{Method: test.method, ID: -3})
		_, got, err := c.conn.ReadMessage()
		if want := encode(t, test.want); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %x, %v, want %x", test.method, got, err, want)
		}
	}
}

// Rules 4.3 and 6.7: what a request may look like.
func TestRequestForms(t *testing.T) {
	e := mego.New()
	e.Register("Echo", echo)
	c := serve(t, e).dial(t, 0)
	for _, test := range []struct {
		name    string
		request any
		id      int64
		result  any
	}{
		{"stray keys", m{"m": "Echo", "p": []int{1}, "i": 2, "Option": m{"a": []int{1}}}, 2, int64(1)},
		{"keys of no type", map[any]any{"m": "Echo", "p": []int{1}, "i": 2, 7: "x", nil: 1}, 2, int64(1)},
		{"other letters", m{"m": "Echo", "p": []int{1}, "i": 2, "M": 5, "P": "x", "I": "y", "F": 9}, 2, int64(1)},
		{"nil files", m{"m": "Echo", "f": nil, "p": nil, "i": 2}, 2, nil},
		{"integral float", m{"m": "Echo", "p": []int{1}, "i": 2.0}, 2, int64(1)},
		{"negative number", m{"m": "Echo", "p": []int{1}, "i": -2}, -2, int64(1)},
		{"largest number", m{"m": "Echo", "p": []int{1}, "i": math.MaxInt64}, math.MaxInt64, int64(1)},
		{"smallest number", m{"m": "Echo", "p": []int{1}, "i": -math.MaxInt64 - 1}, math.MinInt64, int64(1)},
		{"other case", m{"m": "eCHO", "p": []int{1}, "i": 2}, 2, int64(1)},
		{"wide formats", msgpack.RawMessage("\xde\x00\x03\xa1m\xd9\x04Echo\xa1p\xdd\x00\x00\x00\x01\xd3\x00\x00\x00\x00\x00\x00\x00\x01\xa1i\xcd\x00\x02"), 2, int64(1)},
		{"twice", msgpack.RawMessage("\x84\xa1m\xa4Echo\xa1i\x09\xa1p\x91\x01\xa1i\x02"), 2, int64(1)},
		{"row 17: a scalar", m{"m": "Echo", "p": 5, "i": 2}, 2, nil},
		{"row 18: no UTF-8", m{"m": "Echo", "p": msgpack.RawMessage("\x91\xa2\xffx"), "i": 2}, 2, "\uFFFDx"},
		{"row 19: an extension", m{"m": "Echo", "p": []any{msgpack.Ext{Type: 9, Data: []byte("x")}}, "i": 2}, 2, msgpack.Ext{Type: 9, Data: []byte("x")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.t = t
			c.send(test.request)
			if a := c.read(); a.I != test.id || a.E.C != 0 || fmt.Sprint(a.R) != fmt.Sprint(test.result) {
				t.Errorf("got %+v, want %v", a, test.result)
			}
		})
	}
}

// Rules 4.1 and D24: text messages are as good as binary ones. Rule 3.4 and row
// 48: so are fragments, with pings between them.
func TestFrames(t *testing.T) {
	e := mego.New()
	e.Register("Echo", echo)
	c := serve(t, e).dial(t, 0)
	data := encode(t, m{"m": "Echo", "p": []any{[]byte{0xff, 0xfe}}, "i": 9})
	if err := c.conn.WriteMessage(ws.TextMessage, data); err != nil {
		t.Fatal(err)
	}
	if a := c.read(); a.I != 9 || fmt.Sprint(a.R) != "[255 254]" {
		t.Errorf("text: got %+v", a)
	}
	pong := make(chan string, 1)
	c.conn.SetPongHandler(func(s string) error { pong <- s; return nil })
	w, err := c.conn.NextWriter(ws.BinaryMessage)
	if err != nil {
		t.Fatal(err)
	}
	big := encode(t, m{"m": "Echo", "p": []any{strings.Repeat("x", 100_000)}, "i": 10})
	w.Write(big[:50_000])
	c.conn.WriteControl(ws.PingMessage, []byte("now"), time.Time{})
	w.Write(big[50_000:])
	w.Close()
	if a := c.read(); a.I != 10 || len(a.R.(string)) != 100_000 {
		t.Errorf("fragments: got %d", a.I)
	}
	if got := wait(t, pong); got != "now" {
		t.Errorf("pong %q", got)
	}
}

// Rule 4.5: names that are not free.
func TestRegisterRefuses(t *testing.T) {
	e := mego.New()
	for _, name := range []string{"", "MegoSubscribe", "megounsubscribe"} {
		mustPanic(t, fmt.Sprintf("mego: Register: %q is no name for a method", name), func() { e.Register(name) })
	}
	mustPanic(t, "mego: Register: a nil handler", func() { e.Register("x", nil) })
	mustPanic(t, "mego: Use: a nil handler", func() { e.Use(nil) })
	mustPanic(t, "mego: NoMethod: a nil handler", func() { e.NoMethod(nil) })
	e.Register("MegoOther")
}

// Rule 6.2 and D23: methods by name; a name that is registered again. Rule 6.3:
// middleware that comes later.
func TestMethods(t *testing.T) {
	e := mego.New()
	first := e.Register("Upload", func(c *mego.Context) { c.Respond(1) })
	if e.Methods["Upload"] != first || first.Name != "Upload" {
		t.Errorf("Methods are %v", e.Methods)
	}
	e.Register("UPLOAD", func(c *mego.Context) {
		v, _ := c.Get("middleware")
		c.Respond([]any{c.Method.Name, v})
	})
	if len(e.Methods) != 1 || e.Methods["UPLOAD"] == nil {
		t.Errorf("Methods are %v", e.Methods)
	}
	s := serve(t, e)
	c := s.dial(t, 0)
	c.want([]any{"UPLOAD", nil}, "upload", nil)
	e.Use(func(c *mego.Context) { c.Set("middleware", "yes"); c.Next() })
	c.want([]any{"UPLOAD", "yes"}, "upload", nil)
}

// Rules 6.4 and D7, rows 10, 22, 23: methods that do not exist.
func TestUnknownMethod(t *testing.T) {
	e := mego.New()
	s := serve(t, e)
	c := s.dial(t, 0, m{"name": "ada"})
	const text = "mego: the method is not implemented"
	c.wantErr(mego.StatusUnimplemented, text, "nothing", nil)
	c.wantErr(mego.StatusUnimplemented, text, "nothing", nil, m{"File1": []m{{"b": []byte("x"), "n": "x"}}})
	wantFiles(t, e.Option.TempDir, 0)
	c.wantErr(mego.StatusUnimplemented, text, "", m{"MegoID": id(5), "name": "bo"}) // 5.5: the keys stay
	session, _ := e.Session(id(0))
	if name := session.GetString("name"); name != "ada" {
		t.Errorf("the name is %q", name)
	}
	c.send(m{"m": "nothing"}) // a notification
	c.alive()
	e.NoMethod(func(c *mego.Context) {
		if c.Method.Name == "answered" {
			c.Respond("here")
		}
		c.Next()
	}, func(c *mego.Context) {})
	c.wantErr(mego.StatusUnimplemented, text, "other", nil)
	c.want("here", "answered", nil)
}

// Rules 6.5, 6.6, D9, D10: one response and no more, whatever handlers do.
func TestResponses(t *testing.T) {
	e := mego.New()
	next := func(c *mego.Context) { c.Next() }
	stop := func(c *mego.Context) {}
	copied := make(chan *mego.Context, 1)
	e.Register("twice", func(c *mego.Context) { c.Respond(1); c.Respond(2); c.RespondWithError(3, nil, nil) })
	e.Register("silent", next, stop)
	e.Register("stopped", stop, next)
	e.Register("aborted", func(c *mego.Context) { c.Abort(); c.Next() }, next)
	e.Register("aborts last", func(c *mego.Context) { c.Abort() })
	e.Register("none")
	e.Register("zero", func(c *mego.Context) { c.RespondWithError(0, nil, nil) })
	e.Register("own", func(c *mego.Context) { c.AbortWithError(7, H{"a": 1}, nil) })
	e.Register("full", func(c *mego.Context) { c.RespondWithError(mego.StatusFull, nil, nil) })
	e.Register("respond", func(c *mego.Context) { c.AbortWithRespond("r") })
	e.Register("cannot", func(c *mego.Context) { c.Respond(make(chan int)) })
	e.Register("cannot data", func(c *mego.Context) { c.RespondWithError(1, func() {}, errors.New("x")) })
	e.Register("copy", func(c *mego.Context) {
		c.Set("k", 1)
		copied <- c.Copy()
	})
	c := serve(t, e).dial(t, 0)
	c.want(int64(1), "twice", nil)
	c.want(nil, "silent", nil)
	c.wantErr(mego.StatusError, "mego: request aborted", "stopped", nil)
	c.wantErr(mego.StatusError, "mego: request aborted", "aborted", nil)
	c.wantErr(mego.StatusError, "mego: request aborted", "aborts last", nil)
	c.want(nil, "none", nil)
	c.wantErr(mego.StatusError, "mego: internal error", "zero", nil)
	if a := c.wantErr(7, "mego: request failed", "own", nil); fmt.Sprint(a.E.D) != "map[a:1]" {
		t.Errorf("data %v", a.E.D)
	}
	c.wantErr(mego.StatusFull, "mego: it is full", "full", nil)
	c.want("r", "respond", nil)
	errorLog.take()
	c.wantErr(mego.StatusError, "mego: result cannot be encoded", "cannot", nil)
	c.wantErr(mego.StatusError, "mego: result cannot be encoded", "cannot data", nil)
	if got, want := errorLog.take(), "[MEGO] cannot: the result cannot be encoded: msgpack: cannot encode chan int\n"+
		"[MEGO] cannot data: the result cannot be encoded: msgpack: cannot encode func()\n"; got != want {
		t.Errorf("report %q, want %q", got, want)
	}

	// 7.6: a copy answers later, and has what the request had.
	number := c.ask("copy", []any{"p"})
	later := wait(t, copied)
	c.alive() // nothing was sent before
	later.Next()
	later.Set("k2", 2)
	later.Abort()
	later.Respond([]any{later.GetInt("k"), later.Param(0).GetString(), later.Method.Name, later.ID, later.Session.ID, later.IsAborted()})
	if a := c.read(); a.I != number || fmt.Sprint(a.R) != fmt.Sprintf("[1 p copy %d %s true]", number, id(0)) {
		t.Errorf("got %+v", a)
	}
	for _, method := range []string{"twice", "zero", "cannot", "stopped", "none"} {
		c.send(m{"m": method}) // no answers to notifications
	}
	c.alive()
}

type H = mego.H

// Rules 7.1 to 7.4, D8: the order of the chain, and what Next does.
func TestChain(t *testing.T) {
	e := mego.New()
	var trace []string
	step := func(name string, nexts int) mego.HandlerFunc {
		return func(c *mego.Context) {
			trace = append(trace, name+"<")
			for range nexts {
				c.Next()
			}
			trace = append(trace, ">"+name)
		}
	}
	e.Use(step("a", 2), step("b", 1))
	e.Register("all", step("c", 1), step("d", 2))
	e.Register("short", step("c", 0), step("d", 1))
	e.Register("abort", func(c *mego.Context) {
		c.Abort()
		if !c.IsAborted() {
			t.Error("not aborted")
		}
		c.Next()
	}, step("d", 1))
	many := make([]mego.HandlerFunc, 300)
	count := 0
	for i := range many {
		many[i] = func(c *mego.Context) { count++; c.Next() }
	}
	e.Register("many", many...)
	c := serve(t, e).dial(t, 0)
	for method, want := range map[string]string{
		"all":   "a< b< c< d< >d >c >b >a",
		"short": "a< b< c< >c >b >a",
		"abort": "a< b< >b >a",
	} {
		trace = nil
		c.call(method, nil)
		if got := strings.Join(trace, " "); got != want {
			t.Errorf("%s: %s, want %s", method, got, want)
		}
	}
	if c.want(nil, "many", nil); count != 300 {
		t.Errorf("%d of 300 handlers", count)
	}
}

// Rule 7.5, 7.7: values and errors of a request.
func TestContextValues(t *testing.T) {
	e := mego.New()
	e.Register("values", func(c *mego.Context) {
		if c.Keys == nil {
			t.Error("no Keys")
		}
		if _, ok := c.Get("x"); ok {
			t.Error("a value of nobody")
		}
		c.Keys = nil
		c.Set("x", 1)
		if v, ok := c.Get("x"); v != 1 || !ok || c.MustGet("x") != 1 {
			t.Errorf("got %v", v)
		}
		mustPanic(t, "mego: the key was not found", func() { c.MustGet("y") })
		if c.Error(nil).Error(errors.New("one")).Error(errors.New("two")) != c || c.Errors.String() != "Error #01: one\nError #02: two\n" {
			t.Errorf("errors %q", c.Errors.String())
		}
		if e := c.Errors.Last(); e.Type != mego.ErrorTypePrivate {
			t.Errorf("type %v", e.Type)
		}
	})
	serve(t, e).dial(t, 0).want(nil, "values", nil)
}

// Rule 8.1: parameters by number. Rule 8.3: parameters as a whole.
func TestParams(t *testing.T) {
	type user struct {
		Name    string
		Address struct{ Zip int }
	}
	e := mego.New()
	e.Register("params", func(c *mego.Context) {
		c.Respond([]any{c.Param().Get(), c.Param(1).Get(), c.Param(2).Get(), c.Param(-1).Get(), c.Param(7).Len(), c.Param(0).Len()})
	})
	e.Register("bind", func(c *mego.Context) {
		var u user
		if err := c.Bind(&u); err != nil {
			c.RespondWithError(1, nil, err)
			return
		}
		c.Respond(u)
	})
	e.Register("any", func(c *mego.Context) {
		var v any
		c.Bind(&v)
		c.Respond(v)
	})
	e.Register("cause", func(c *mego.Context) {
		_, ok := errors.AsType[*msgpack.DecodeError](c.Bind(new(int)))
		c.Respond(ok)
	})
	e.Register("bind nothing", func(c *mego.Context) { c.RespondWithError(1, nil, c.Bind(nil)) })
	c := serve(t, e).dial(t, 0)
	c.want([]any{"a", int64(2), nil, nil, int64(2), int64(2)}, "params", []any{"a", 2})
	c.want([]any{nil, nil, nil, nil, int64(0), int64(0)}, "params", m{"a": 2})
	c.want([]any{nil, nil, nil, nil, int64(0), int64(0)}, "params", nil)
	c.want(map[string]any{"Name": "ada", "Address": map[string]any{"Zip": int64(9)}}, "bind", m{"Name": "ada", "Address": m{"Zip": 9}})
	c.want(int64(5), "any", 5)
	c.want(true, "cause", "x")
	c.wantErr(1, "mego: bind: Address.Zip: cannot decode string into int", "bind", m{"Address": m{"Zip": "x"}})
	c.wantErr(1, "mego: bind: cannot decode integer 5 into mego_test.user", "bind", 5)
	c.wantErr(1, "mego: bind: the request has no parameters", "bind", nil)
	c.wantErr(1, "mego: bind: msgpack: cannot decode into nil; a pointer is needed", "bind nothing", m{})
}

// Rule 7.9: the HTTP request behind the session, with what middleware has put
// into its context, which ends with the session.
func TestContextRequest(t *testing.T) {
	type key struct{}
	e := mego.New()
	ended := make(chan error, 1)
	e.Register("who", func(c *mego.Context) { c.Respond(c.Request.Context().Value(key{})) })
	e.Register("stay", func(c *mego.Context) {
		c.Respond(nil)
		<-c.Request.Context().Done()
		ended <- c.Request.Context().Err()
	})
	s := serve(t, e, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Request-Id", "7")
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, "ada")))
		})
	})
	c := s.dial(t, 0)
	c.want("ada", "who", nil)
	c.want(nil, "stay", nil)
	c.conn.Close()
	if err := wait(t, ended); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

// Rule 6.8: requests run at the same time, so many and no more.
func TestConcurrency(t *testing.T) {
	e := mego.New()
	e.Option.Concurrency = 3
	started, release := make(chan int, 10), make(chan bool)
	e.Register("hold", func(c *mego.Context) {
		started <- c.Param(0).GetInt()
		<-release
		c.Respond(c.Param(0).Get())
	})
	c := serve(t, e).dial(t, 0)
	for i := range 4 {
		c.ask("hold", []int{i})
	}
	first := []int{wait(t, started), wait(t, started), wait(t, started)}
	slices.Sort(first)
	if !slices.Equal(first, []int{0, 1, 2}) {
		t.Errorf("started %v", first)
	}
	select {
	case i := <-started:
		t.Errorf("%d started too", i)
	default:
	}
	release <- true
	if got := wait(t, started); got != 3 {
		t.Errorf("started %d", got)
	}
	close(release)
	for range 4 {
		c.read()
	}
}

// Rule 6.8: with Concurrency 1, in order; and a subscription does not overtake.
func TestStrictOrder(t *testing.T) {
	e := mego.New()
	e.Option.Concurrency = 1
	e.Register("n", echo)
	c := serve(t, e).dial(t, 0)
	for i := range 50 {
		c.ask("n", []int{i})
		c.ask("MegoSubscribe", []string{"e"})
	}
	for i := range 100 {
		if a := c.read(); a.I != int64(i+2) {
			t.Fatalf("answer %d to %d", i, a.I)
		}
	}
}

// Rule 6.8: the bytes under way are limited too.
func TestBytesUnderWay(t *testing.T) {
	e := mego.New()
	e.Option.MaxSize = 1000
	started, release := make(chan bool, 10), make(chan bool)
	e.Register("hold", func(c *mego.Context) { started <- true; <-release })
	c := serve(t, e).dial(t, 0)
	for range 3 {
		c.ask("hold", []string{strings.Repeat("x", 600)})
	}
	wait(t, started)
	wait(t, started) // 1200 bytes and more
	select {
	case <-started:
		t.Error("three at a time")
	default:
	}
	close(release)
	for range 3 {
		c.read()
	}
}

// Rule 7.8, row 24: a panic that nobody recovers ends its session only.
func TestPanic(t *testing.T) {
	e := mego.New()
	e.Register("panic", func(c *mego.Context) { panic("oh\nno") })
	s := serve(t, e)
	other := s.dial(t, 1)
	c := s.dial(t, 0)
	errorLog.take()
	c.ask("panic", nil)
	c.wantClose(1011, "mego: internal error")
	if got := errorLog.take(); !strings.HasPrefix(got, "[MEGO] panic in method panic: oh\\nno\n") || !strings.Contains(got, "request_test.go") {
		t.Errorf("report %q", got)
	}
	other.alive()
}
