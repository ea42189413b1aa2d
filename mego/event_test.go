package mego_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gongular/gongular/mego"
	"github.com/gongular/gongular/mego/msgpack"
	"github.com/gongular/gongular/ws"
)

// Rules 9.1 to 9.4: who is subscribed gets what is emitted.
func TestEvents(t *testing.T) {
	e := mego.New()
	s := serve(t, e)
	a, b, none := s.dial(t, 0), s.dial(t, 1), s.dial(t, 2)
	if err := e.Emit("news", "", 1); err != mego.ErrEventNotFound {
		t.Errorf("no event: %v", err)
	}
	a.want(nil, "MegoSubscribe", []string{"news", "x"})
	a.want(nil, "megosubscribe", []string{"news", "x"}) // twice is once
	a.want(nil, "MegoSubscribe", []string{"news"})
	b.want(nil, "MegoSubscribe", []string{"news", "y"})
	emit := func(channel string, payload any) {
		t.Helper()
		if err := e.Emit("news", channel, payload); err != nil {
			t.Error(err)
		}
	}
	emit("x", 1)
	emit("y", 2)
	emit("", 3) // each session once
	if err := e.Emit("news", "z", 1); err != mego.ErrChannelNotFound {
		t.Errorf("no channel: %v", err)
	}
	if err := e.Emit("news", "x", make(chan int)); err == nil || err.Error() != "mego: the event cannot be encoded: msgpack: cannot encode chan int" {
		t.Errorf("no encoding: %v", err)
	}
	a.wantEvent("news", 1)
	a.wantEvent("news", 3)
	b.wantEvent("news", 2)
	b.wantEvent("news", 3)
	a.want(nil, "MegoUnsubscribe", []string{"news", "x"})
	a.want(nil, "MegoUnsubscribe", []string{"news", "x"})       // row 29
	a.want(nil, "MegoUnsubscribe", []string{"nothing", "what"}) // row 29
	if err := e.Emit("news", "x", 1); err != mego.ErrChannelNotFound {
		t.Errorf("channel without subscriptions: %v", err)
	}
	emit("", 4)
	a.wantEvent("news", 4)
	a.want(nil, "MegoUnsubscribe", []string{"news"})
	emit("", 5)
	a.alive()
	b.wantEvent("news", 4)
	b.wantEvent("news", 5)
	b.conn.Close()
	eventually(t, "the session ends", func() bool { return e.Len() == 2 })
	if err := e.Emit("news", "", 1); err != mego.ErrEventNotFound { // 9.3
		t.Errorf("event without subscriptions: %v", err)
	}
	none.alive()
}

// Rules 9.3, 14: events that stay, and how they, and subscriptions, are ended.
func TestEventsOfTheServer(t *testing.T) {
	e := mego.New()
	e.Event("news")
	first := e.Events["news"]
	e.Event("news")
	if e.Events["news"] != first || first.Name != "news" || first.Channels == nil {
		t.Errorf("event %+v", first)
	}
	var handle func(*mego.Context)
	e.Register("do", func(c *mego.Context) { handle(c); c.Respond(nil) })
	s := serve(t, e)
	a, b := s.dial(t, 0), s.dial(t, 1)
	if err := e.Emit("news", "", 1); err != nil {
		t.Errorf("an event without subscriptions: %v", err)
	}
	do := func(c *client, f func(*mego.Context)) {
		handle = f
		c.want(nil, "do", nil)
	}
	do(a, func(c *mego.Context) {
		if c.Subscribe("news", "x").Subscribe("news", "y").Unsubscribe("news", "y").Subscribe("", "x").Subscribe("\xff", "x") != c {
			t.Error("another context")
		}
	})
	do(b, func(c *mego.Context) { c.Subscribe("news", "x").Subscribe("own", "z") })
	ch := first.Channels["x"]
	if len(ch.Sessions) != 2 || ch.Event != first || ch.Name != "x" || len(first.Channels) != 1 || len(e.Events) != 2 {
		t.Errorf("channel %+v of %v in %v", ch, first.Channels, e.Events)
	}
	ch.Kick("nobody")
	ch.Kick(id(0))
	e.Emit("news", "x", 1)
	b.wantEvent("news", 1)
	a.alive()
	own := e.Events["own"]
	own.Channels["z"].Destroy()
	if e.Events["own"] != nil {
		t.Error("the event did not end with its channel")
	}
	own.Destroy() // once more
	first.Destroy()
	if err := e.Emit("news", "", 1); err != mego.ErrEventNotFound {
		t.Errorf("a destroyed event: %v", err)
	}
	b.alive()
	do(b, func(c *mego.Context) { c.Subscribe("news", "x") })
	e.Emit("news", "", 2)
	b.wantEvent("news", 2)
	first.Destroy() // not this one
	if e.Events["news"] == nil {
		t.Error("another event of that name was destroyed")
	}
}

// Rule 9.2, D5, D6, rows 26, 27, 28: what is asked before a subscription.
func TestSubscribeRules(t *testing.T) {
	e := mego.New()
	e.Option.MaxSubscriptions = 2
	e.HandleSubscribe(func(evt, ch string, c *mego.Context) bool {
		if evt == "panic" {
			panic("oh")
		}
		return evt != "closed" || c.Param(2).GetString() == "sesame"
	})
	e.Use(func(c *mego.Context) {
		if c.Param(0).GetString() == "guarded" {
			c.AbortWithError(mego.StatusNotAuthorized, nil, errors.New(c.Method.Name))
		}
		c.Next()
	})
	s := serve(t, e)
	c := s.dial(t, 0)
	const refused = "mego: the event subscription was refused"
	c.wantErr(mego.StatusNoPermission, refused, "MegoSubscribe", []string{"closed", "x"})
	c.wantErr(mego.StatusNoPermission, refused, "MegoSubscribe", []string{"closed", "x", "wrong"})
	c.want(nil, "MegoSubscribe", []string{"closed", "x", "sesame"})
	c.wantErr(mego.StatusNotAuthorized, "MegoSubscribe", "MEGOSUBSCRIBE", []string{"guarded"})
	c.wantErr(mego.StatusNotAuthorized, "MegoUnsubscribe", "MEGOUNSUBSCRIBE", []string{"guarded"})
	long := strings.Repeat("x", 256)
	for _, test := range []struct {
		params any
		want   string
	}{
		{nil, "mego: the parameters are not [event, channel]"},
		{m{"a": 1}, "mego: the parameters are not [event, channel]"},
		{[]any{}, "mego: the parameters are not [event, channel]"},
		{[]any{5}, "mego: the event is not a string"},
		{[]any{nil}, "mego: the event is not a string"},
		{[]any{"a", 5}, "mego: the channel is not a string"},
		{[]any{""}, "mego: the event has no name"},
		{[]any{long}, "mego: the event's name is not UTF-8 of up to 255 bytes"},
		{[]any{"a", long}, "mego: the channel's name is not UTF-8 of up to 255 bytes"},
		{[]any{msgpack.RawMessage("\xa1\xff")}, "mego: the event's name is not UTF-8 of up to 255 bytes"},
		{[]any{"a", msgpack.RawMessage("\xa1\xff")}, "mego: the channel's name is not UTF-8 of up to 255 bytes"},
	} {
		c.wantErr(mego.StatusInvalid, test.want, "MegoSubscribe", test.params)
		c.wantErr(mego.StatusInvalid, test.want, "MegoUnsubscribe", test.params)
	}
	c.want(nil, "MegoSubscribe", []string{long[1:], long[1:]})
	if err := e.Emit(long[1:], long[1:], 1); err != nil {
		t.Error(err)
	}
	c.wantEvent(long[1:], 1)
	c.wantErr(mego.StatusFull, "mego: there are too many subscriptions", "MegoSubscribe", []string{"third"})
	c.want(nil, "MegoUnsubscribe", []string{"closed", "x"})
	c.want(nil, "MegoSubscribe", []string{"third"})
	c.send(m{"m": "MegoSubscribe", "p": []string{"fourth"}})
	c.alive()
	c.ask("MegoSubscribe", []string{"panic"})
	c.wantClose(1011, "mego: internal error")
}

// Rules 9.5, 9.6, D11, D19: some of the sessions, one's own, all others.
func TestEmitSome(t *testing.T) {
	e := mego.New()
	e.Register("self", func(c *mego.Context) { c.Emit("e", 1); c.Emit("bad", make(chan int)); c.EmitOthers("bad", func() {}) })
	e.Register("others", func(c *mego.Context) { c.EmitOthers("e", 2) })
	s := serve(t, e)
	var clients []*client
	for i := range 3 {
		clients = append(clients, s.dial(t, i))
		clients[i].want(nil, "MegoSubscribe", []string{"news", fmt.Sprint(i)})
	}
	stranger := s.dial(t, 3)
	one, _ := e.Session(id(1))
	out, _ := e.Session(id(3))
	for _, err := range []error{
		e.EmitMultiple("news", "", "few", []*mego.Session{one.Copy(), nil, one, out}),
		e.EmitMultiple("news", "0", "few", []*mego.Session{one}),
		e.EmitMultiple("news", "", "few", nil),
		e.EmitFilter("news", "", "two", func(s *mego.Session) bool {
			e.Len() // no lock is held
			e.Event("x")
			return s.ID != id(2)
		}),
		e.EmitFilter("news", "2", "all", nil),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if err := e.EmitMultiple("nothing", "", 1, nil); err != mego.ErrEventNotFound {
		t.Error(err)
	}
	if err := e.EmitFilter("news", "nothing", 1, func(*mego.Session) bool { return true }); err != mego.ErrChannelNotFound {
		t.Error(err)
	}
	clients[0].wantEvent("news", "two")
	clients[1].wantEvent("news", "few")
	clients[1].wantEvent("news", "two")
	clients[2].wantEvent("news", "all")
	errorLog.take()
	stranger.ask("self", nil)
	stranger.wantEvent("e", 1)
	stranger.read()
	if got, want := errorLog.take(), "[MEGO] event bad: mego: the event cannot be encoded: msgpack: cannot encode chan int\n"+
		"[MEGO] event bad: mego: the event cannot be encoded: msgpack: cannot encode func()\n"; got != want {
		t.Errorf("report %q", got)
	}
	stranger.want(nil, "others", nil)
	for _, c := range clients {
		c.wantEvent("e", 2)
	}
	stranger.alive()
}

// A counted value counts how often it is encoded.
type counted struct{ n *atomic.Int64 }

func (v counted) MarshalMsgpack() ([]byte, error) {
	v.n.Add(1)
	return []byte{7}, nil
}

// Rules 9.7, 18.9: one encoding, however many receive it; and the order stays.
func TestEmitOnce(t *testing.T) {
	e := mego.New()
	s := serve(t, e)
	var clients []*client
	for i := range 10 {
		clients = append(clients, s.dial(t, i))
		clients[i].want(nil, "MegoSubscribe", []string{"n"})
	}
	var n atomic.Int64
	e.Emit("n", "", counted{&n})
	e.EmitFilter("n", "", counted{&n}, func(*mego.Session) bool { return true })
	if n.Load() != 2 {
		t.Errorf("encoded %d times", n.Load())
	}
	for i := range 100 {
		e.Emit("n", "", i)
	}
	for _, c := range clients {
		c.wantEvent("n", 7)
		c.wantEvent("n", 7)
		for i := range 100 {
			c.wantEvent("n", i)
		}
	}
}

// Point 3: with a broker, the events of one engine are those of all.
func TestEventsOfSeveralMachines(t *testing.T) {
	broker := ws.NewMemoryBroker()
	var engines []*mego.Engine
	var clients []*client
	for i := range 2 {
		e := mego.New()
		e.Option.Broker = broker
		e.Register("others", func(c *mego.Context) { c.EmitOthers("o", 1) })
		e.Register("too much", func(c *mego.Context) { c.EmitOthers("o", make([]byte, 2<<20)) })
		s := serve(t, e)
		engines = append(engines, e)
		clients = append(clients, s.dial(t, i))
	}
	clients[1].want(nil, "MegoSubscribe", []string{"news", "x"})
	for _, e := range engines {
		mego.Flush(t.Context(), e)
	}
	if err := engines[0].Emit("news", "x", "far"); err != nil {
		t.Error(err)
	}
	clients[1].wantEvent("news", "far")
	if err := engines[0].EmitMultiple("news", "x", 1, nil); err != mego.ErrEventNotFound { // of this engine
		t.Error(err)
	}
	if err := engines[0].Emit("news", strings.Repeat("x", 600), 1); err == nil || !strings.HasPrefix(err.Error(), "mego: websocket: room name of") {
		t.Error(err)
	}
	errorLog.take()
	clients[0].want(nil, "too much", nil)
	if got := errorLog.take(); !strings.HasPrefix(got, "[MEGO] event o: websocket: message needs ") {
		t.Errorf("report %q", got)
	}
	clients[0].want(nil, "others", nil)
	clients[1].wantEvent("o", 1)
}

// Rule 18.7: what a handler sends arrives in that order.
func TestOrder(t *testing.T) {
	e := mego.New()
	e.Register("both", func(c *mego.Context) {
		c.Emit("before", 1)
		c.Respond(2)
		c.Emit("after", 3)
	})
	c := serve(t, e).dial(t, 0)
	c.ask("both", nil)
	var got []string
	for range 3 {
		a := c.read()
		got = append(got, fmt.Sprint(a.V, a.R))
	}
	if !slices.Equal(got, []string{"before1", "2", "after3"}) {
		t.Errorf("got %q", got)
	}
}
