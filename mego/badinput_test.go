package mego_test

import (
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gongular/gongular/mego"
	"github.com/gongular/gongular/mego/msgpack"
	"github.com/gongular/gongular/ws"
)

// Rows 11 to 15 of section 19: messages that end their session.
func TestMalformedMessages(t *testing.T) {
	s := serve(t, mego.New())
	raw := func(s string) msgpack.RawMessage { return msgpack.RawMessage(s) }
	for _, test := range []struct {
		name    string
		message string
		reason  string // after "mego: malformed message: "
	}{
		{"empty", "", "msgpack: the message ends where a value should begin (byte 0)"},
		{"0xc1", "\xc1", "msgpack: 0xc1 is never used (byte 0)"},
		{"truncated", "\x81\xa1m\xa5ab", "msgpack: fixstr of 5 bytes, but 2 are left (byte 3)"},
		{"trailing", "\x80\x80", "msgpack: 1 byte after the value (byte 1)"},
		{"array", "\x90", "not a map"},
		{"nil", "\xc0", "not a map"},
		{"number a string", string(encode(t, m{"m": "x", "i": "5"})), "the number is not an integer"},
		{"number a fraction", string(encode(t, m{"i": 1.5})), "the number is not an integer"},
		{"number NaN", string(encode(t, m{"i": math.NaN()})), "the number is not an integer"},
		{"number 2^63", string(encode(t, m{"i": uint64(1 << 63)})), "the number is not an integer"},
		{"number 2^63 as a float", string(encode(t, m{"i": float64(1 << 63)})), "the number is not an integer"},
		{"number a list", string(encode(t, m{"i": []int{1}})), "the number is not an integer"},
		{"long array", "\x81\xa1p\xdd\xff\xff\xff\xff", ""},
		{"long map", "\x81\xa1p\xdf\xff\xff\xff\xff", ""},
		{"long string", "\x81\xa1p\xdb\xff\xff\xff\xff", ""},
		{"long binary", "\x81\xa1p\xc6\xff\xff\xff\xff", ""},
		{"long extension", "\x81\xa1p\xc9\xff\xff\xff\xff\x01", ""},
		{"deep", "\x81\xa1p" + strings.Repeat("\x91", 101) + "\xc0", ""},
		{"many values", "\x81\xa1p\xdd\x00\x10\x00\x00" + strings.Repeat("\xc0", 1<<20), ""},
		{"array as a key", string(encode(t, m{"p": raw("\x81\x90\x01")})), "msgpack: a key cannot be an array (byte 1)"},
		{"map as a key", string(encode(t, m{"p": raw("\x81\x80\x01")})), "msgpack: a key cannot be a map (byte 1)"},
		{"binary as a key", string(encode(t, m{"p": raw("\x81\xc4\x00\x01")})), "msgpack: a key cannot be a binary (byte 1)"},
		{"extension as a key", string(encode(t, m{"p": raw("\x91\x81\xd4\x05\x00\x01")})), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := s.dial(t, 0)
			c.sendRaw([]byte(test.message))
			_, _, err := c.conn.ReadMessage()
			e, ok := err.(*ws.CloseError)
			if !ok || e.Code != 1007 || !strings.HasPrefix(e.Text, "mego: malformed message: ") {
				t.Fatalf("got %v", err)
			}
			if got := strings.TrimPrefix(e.Text, "mego: malformed message: "); test.reason != "" && got != test.reason {
				t.Errorf("reason %q, want %q", got, test.reason)
			}
		})
	}
}

// Row 16: requests of the wrong types; the session goes on.
func TestInvalidRequests(t *testing.T) {
	e := mego.New()
	e.Register("x", func(*mego.Context) { t.Error("it ran") })
	c := serve(t, e).dial(t, 0)
	one := func(f any) m { return m{"m": "x", "f": m{"a": []any{f}}} }
	for _, test := range []struct {
		name    string
		request m
		reason  string
	}{
		{"m a number", m{"m": 5}, "the method is not a string in UTF-8"},
		{"m binary", m{"m": []byte("x")}, "the method is not a string in UTF-8"},
		{"m no UTF-8", m{"m": msgpack.RawMessage("\xa1\xff")}, "the method is not a string in UTF-8"},
		{"f a list", m{"m": "x", "f": []int{1}}, "f is not a map"},
		{"f with numbers", m{"m": "x", "f": map[int]any{1: []any{}}}, "a field's name is not a string in UTF-8"},
		{"field a map", m{"m": "x", "f": m{"a": m{}}}, "a field is not an array of files"},
		{"field nil", m{"m": "x", "f": m{"a": nil}}, "a field is not an array of files"},
		{"file a string", one("x"), "a file is not a map"},
		{"b a number", one(m{"b": 5}), "b of a file is not binary"},
		{"i a string", one(m{"b": "x", "i": "x"}), "i of a file is not an integer"},
		{"n a number", one(m{"b": "x", "n": 5}), "n of a file is not a string"},
		{"n binary", one(m{"b": "x", "n": []byte("x")}), "n of a file is not a string"},
		{"p a number", one(m{"b": "x", "p": 5}), "p of a file is not an array of integers"},
		{"p of strings", one(m{"b": "x", "p": []string{"1", "1"}}), "p of a file is not an array of integers"},
		{"p of nil", one(m{"b": "x", "p": []any{nil, 1}}), "p of a file is not an array of integers"},
		{"h short", one(m{"b": "x", "h": []byte("x")}), "h of a file is not 32 bytes"},
		{"h a number", one(m{"b": "x", "h": 5}), "h of a file is not 32 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.t = t
			c.send(test.request) // a notification gets nothing
			c.last++
			test.request["i"] = c.last
			c.send(test.request)
			c.read().wantErr(t, mego.StatusInvalid, "mego: malformed request: "+test.reason)
		})
	}
	c.t = t
	c.wantErr(mego.StatusInvalid, "mego: malformed request: more than 65536 files", "x", nil, m{"a": make([]m, 1<<16+1)})
	c.alive()
}

// Point 6, rule 18: 1,000 sessions with 100 calls each, and uploads, events and
// disconnects among them.
func TestLoad(t *testing.T) {
	e := mego.Default()
	e.Register("Sum", func(c *mego.Context) { c.Respond(c.Param(0).GetInt() + c.Param(1).GetInt()) })
	e.Register("describe", describe)
	e.Register("tell", func(c *mego.Context) { c.Session.Set("n", 1); e.Emit("all", "", c.Param(0).Get()) })
	s := serve(t, e)
	sessions, calls := 1000, 100
	if testing.Short() {
		sessions, calls = 50, 20
	}
	var clients []*client
	for n := range sessions {
		c := s.dial(t, n)
		c.conn.SetReadDeadline(time.Time{}) // there is much to do before
		clients = append(clients, c)
	}
	var running sync.WaitGroup
	for n, c := range clients {
		running.Go(func() {
			sums := map[int64]int64{}
			for i := range calls {
				sums[c.ask("Sum", []int{n, i})] = int64(n + i)
			}
			for range calls {
				if a := c.read(); a.R != sums[a.I] {
					t.Errorf("sum %v, want %d", a.R, sums[a.I])
				}
			}
			switch n % 20 {
			case 0:
				c.next("describe", nil, piece(1, 3, 1, "left behind"))
			case 1:
				c.want([]any{[]any{"a", "b", int64(1), "x"}}, "describe", nil, m{"F": []m{fileOf("a.b", "x")}})
			case 2:
				number := c.ask("MegoSubscribe", []string{"all", "x"})
				for c.read().I != number { // events of others come between
				}
				c.ask("tell", []int{n})
			}
			if n%2 == 0 {
				c.conn.Close()
			} else {
				c.conn.CloseNow()
			}
		})
	}
	running.Wait()
	eventually(t, "all sessions end", func() bool { return e.Len() == 0 })
}

// What a client sends never takes the engine down: whatever it is, the next
// session is served.
func FuzzFrames(f *testing.F) {
	for _, v := range []any{
		m{"m": "echo", "p": []any{1, "x"}, "i": 1},
		m{"m": "echo", "p": m{"a": 1}, "i": -1, "f": m{"F": []m{fileOf("x.y", "z")}}},
		m{"m": "echo", "i": 2, "f": piece(1, 2, 1, "abc")},
		m{"m": "echo", "i": 2, "f": piece(1, 2, 2, "abc")},
		m{"m": "MegoSubscribe", "p": []string{"a", "b"}, "i": 3},
		m{"m": "MegoUnsubscribe", "p": []string{"a", "b"}, "i": 3},
		m{"m": "", "p": m{"MegoID": id(0)}},
		m{"m": 5, "i": "x"},
		[]int{1},
	} {
		data, err := msgpack.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	e := mego.New()
	e.Register("echo", func(c *mego.Context) {
		var v any
		c.Bind(&v)
		c.Emit("echo", v)
		c.Respond([]any{c.Param(0).Get(), c.Param(0).GetString(), c.Param(0).GetInt(), c.Param(0).GetTime(), v})
	})
	s := serve(f, e)
	f.Fuzz(func(t *testing.T, data []byte) {
		c := s.dial(t, 0)
		c.sendRaw(data)
		c.sendRaw(encode(t, m{"m": "echo", "i": 424242}))
		for {
			_, p, err := c.conn.ReadMessage()
			if e, ok := err.(*ws.CloseError); ok && e.Code == 1007 {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			var a answer
			if err := msgpack.Unmarshal(p, &a); err != nil {
				t.Fatal(err)
			}
			if a.I == 424242 && a.E.C == 0 {
				break
			}
		}
		c.conn.Close()
	})
}
