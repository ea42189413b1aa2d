package client_test

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gongular/gongular/mego"
	"github.com/gongular/gongular/mego/client"
	"github.com/gongular/gongular/mego/internal/wire"
)

// 15.9: handlers, in order, and what is in an event.
func TestEvents(t *testing.T) {
	e := echo()
	s := serve(t, e)
	c := s.connect(t)
	seen := events(c, "said", "MegoNotice")
	must(t, c.Subscribe("said", "lobby"))
	for i := range 100 {
		must(t, e.Emit("said", "", i))
	}
	for i := range 100 {
		wantNext(t, seen, fmt.Sprint("said ", i))
	}
	// On replaces, Off ends.
	other := make(chan string, 10)
	c.On("said", func(e *client.Event) {
		var n int
		other <- fmt.Sprint(e.Bind(&n))
	})
	must(t, e.Emit("said", "", "text"))
	must(t, e.Emit("said", "", nil))
	wantNext(t, other, "mego: the data of the event: msgpack: cannot decode string into int (byte 0)", "<nil>")
	c.Off("said").On("marker", func(*client.Event) { other <- "marker" })
	must(t, c.Subscribe("marker", ""))
	must(t, e.Emit("said", "", "nobody hears"))
	must(t, e.Emit("marker", "", nil))
	wantNext(t, other, "marker")
	c.On("marker", nil)
	must(t, e.Emit("marker", "", nil))
	must(t, c.Unsubscribe("marker", ""))
	if len(other) != 0 || len(seen) != 0 {
		t.Errorf("%d, %d events more", len(other), len(seen))
	}
}

// 15.9: a handler may call methods, and the reader goes on meanwhile.
func TestCallInHandler(t *testing.T) {
	e := echo()
	c := serve(t, e).connect(t)
	got := make(chan string, 1)
	c.On("ask", func(*client.Event) {
		text, err := client.Call[[]string](t.Context(), c, "Echo", "from the handler")
		got <- fmt.Sprint(text, err)
	})
	must(t, c.Subscribe("ask", ""))
	must(t, e.Emit("ask", "", nil))
	wantNext(t, got, "[from the handler] <nil>")
	c.On("ask", func(*client.Event) { got <- fmt.Sprint(c.Close()) })
	must(t, e.Emit("ask", "", nil))
	wantNext(t, got, "<nil>")
}

// 15.9: Message sees everything, before the handlers of events.
func TestMessage(t *testing.T) {
	s := serveHandler(t, scripted(t, func(p *peer) {
		p.event("said", "hello")
		p.event("Open", "a lie")
		p.event("Message", "a lie")
		p.event("", "nothing")
		p.respond(wire.Response{Event: "said", ID: 99})
		for {
			r, ok := p.read()
			if !ok {
				return
			}
			p.reply(r, 7)
		}
	}))
	c := s.client(t)
	seen := events(c, "said", "Open")
	all := make(chan string, 100)
	c.On("Message", func(e *client.Event) {
		var r client.Response
		must(t, e.Bind(&r))
		all <- fmt.Sprintf("%s %q %x %d", e.Name, r.Event, []byte(r.Result), r.ID)
	})
	must(t, c.Connect())
	must(t, c.Call("x").End())
	wantNext(t, all, `Message ""  1`, `Message "said" a568656c6c6f 0`, `Message "Open" a561206c6965 0`, `Message "Message" a561206c6965 0`,
		`Message "" a76e6f7468696e67 0`, `Message "said"  99`, `Message "" 07 2`)
	must(t, c.Close())
	wantNext(t, seen, "Open <nil>", "said hello")
	if len(seen) != 0 {
		t.Errorf("also seen: %s", <-seen)
	}
}

// 15.9: what comes before the answer to the handshake comes after Open.
func TestEarlyEvents(t *testing.T) {
	s := serveHandler(t, unanswered(t, func(p *peer) {
		r, _ := p.read()
		for i := range 1030 {
			p.event("early", i)
		}
		p.reply(r, nil)
		p.read()
		p.event("late", nil)
		p.drain()
	}))
	c := s.client(t)
	seen := events(c, "Open", "Error", "early", "late")
	must(t, c.Connect())
	wantNext(t, seen, "Open <nil>")
	if first := wait(t, seen); first != "Error mego: 6 events were dropped, as they come faster than they are handled" {
		t.Errorf("then %q", first)
	}
	for i := 6; i < 1030; i++ {
		wantNext(t, seen, fmt.Sprint("early ", i))
	}
	must(t, c.Call("x").Notify())
	wantNext(t, seen, "late <nil>")
}

// 15.9: 1024 events wait; then the oldest are dropped.
func TestDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, size := range []int{0, 1 << 20} {
			// Of long events, 16 MB wait.
			count, most := 3000, 1024
			if size > 0 {
				count, most = 40, 15
			}
			begin := make(chan struct{})
			s := inMemory(t, scripted(t, func(p *peer) {
				p.event("n", "first")
				<-begin
				for i := range count {
					p.event("n", fmt.Sprint(i, " ", strings.Repeat("x", size)))
				}
				p.drain()
			}))
			c := s.client(t)
			block := make(chan struct{})
			seen := make(chan string, 1<<13)
			c.On("Error", func(e *client.Event) {
				var text string
				must(t, e.Bind(&text))
				seen <- text
			})
			c.On("n", func(e *client.Event) {
				<-block
				var text string
				must(t, e.Bind(&text))
				seen <- strings.Fields(text)[0]
			})
			must(t, c.Connect())
			synctest.Wait()
			close(begin)
			synctest.Wait()
			close(block)
			wantNext(t, seen, "first", fmt.Sprintf("mego: %d events were dropped, as they come faster than they are handled", count-most))
			for i := count - most; i < count; i++ {
				wantNext(t, seen, fmt.Sprint(i))
			}
			must(t, c.Close())
		}
	})
}

// 15.11: events that wait are dropped by Close.
func TestCloseDropsEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, scripted(t, func(p *peer) {
			for i := range 10 {
				p.event("n", i)
			}
			p.drain()
		}))
		c := s.client(t)
		block := make(chan struct{})
		seen := events(c, "Close")
		var handled []int
		c.On("n", func(e *client.Event) {
			<-block
			var n int
			must(t, e.Bind(&n))
			handled = append(handled, n)
		})
		must(t, c.Connect())
		synctest.Wait()
		must(t, c.Close())
		close(block)
		wantNext(t, seen, "Close map[code:1000 reason:]")
		if !reflect.DeepEqual(handled, []int{0}) {
			t.Errorf("handled %v", handled)
		}
	})
}

// 15.9: a handler that panics, or ends its goroutine, does not end the others.
func TestHandlerPanics(t *testing.T) {
	e := mego.New()
	c := serve(t, e).connect(t)
	seen := events(c, "Error", "good")
	c.On("bad", func(*client.Event) { panic("oh no") })
	c.On("exit", func(*client.Event) { runtime.Goexit() })
	for _, name := range []string{"bad", "exit", "good"} {
		must(t, c.Subscribe(name, ""))
	}
	must(t, e.Emit("bad", "", nil))
	wantNext(t, seen, "Error mego: the handler of bad panicked: oh no")
	must(t, e.Emit("exit", "", nil))
	must(t, e.Emit("good", "", 1))
	wantNext(t, seen, "good 1")
	// That of Error is not told of itself.
	c.On("Error", func(*client.Event) { panic("again") })
	must(t, e.Emit("bad", "", nil))
	must(t, e.Emit("good", "", 2))
	wantNext(t, seen, "good 2")
}

// 15.10: subscriptions are answered.
func TestSubscribe(t *testing.T) {
	e := mego.New()
	e.Option.MaxSubscriptions = 2
	e.HandleSubscribe(func(event, channel string, c *mego.Context) bool {
		return event != "staff" || c.Param(2).GetString() == "sesame" && c.Param(3).GetInt() == 5
	})
	s := serve(t, e)
	c := s.connect(t)
	seen := events(c, "staff", "said")
	want(t, c.Subscribe("staff", ""), client.ErrSubscriptionRefused, "mego: the event subscription was refused")
	must(t, c.Subscribe("staff", "", "sesame", 5))
	must(t, c.Subscribe("said", "a"))
	must(t, c.Subscribe("said", "a"))
	wantError(t, c.Subscribe("said", "b"), client.StatusFull, "mego: there are too many subscriptions")
	wantError(t, c.Subscribe("", ""), client.StatusInvalid, "mego: the event has no name")
	want(t, c.Subscribe("said", "c", func() {}), nil, "mego: the parameters cannot be encoded: msgpack: 2: cannot encode func()")
	must(t, e.Emit("staff", "", "hello"))
	wantNext(t, seen, "staff hello")
	must(t, c.Unsubscribe("staff", ""))
	must(t, c.Unsubscribe("staff", "never was"))
	wantError(t, c.Unsubscribe("", ""), client.StatusInvalid, "mego: the event has no name")
	want(t, e.Emit("staff", "", "hello"), mego.ErrEventNotFound, "")
	must(t, e.Emit("said", "a", "there"))
	wantNext(t, seen, "said there")
}

// A subscription of a connection that has been replaced meanwhile is none.
func TestSubscribeWhileReconnecting(t *testing.T) {
	e := mego.New()
	asked, answer := make(chan struct{}), make(chan struct{})
	e.HandleSubscribe(func(event, channel string, c *mego.Context) bool {
		asked <- struct{}{}
		<-answer
		return true
	})
	s := serve(t, e)
	c := s.connect(t)
	errs := make(chan error)
	go func() { errs <- c.Subscribe("said", "") }()
	<-asked
	e.HandleSubscribe(nil)
	done := make(chan error)
	go func() { done <- c.Reconnect() }()
	want(t, wait(t, errs), client.ErrClosed, "")
	close(answer)
	must(t, wait(t, done))
	if err := e.Emit("said", "", nil); !errors.Is(err, mego.ErrEventNotFound) {
		t.Errorf("got error %v", err)
	}
}
