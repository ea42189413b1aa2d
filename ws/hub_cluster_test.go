package ws_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/ws"
)

// A testBroker is a MemoryBroker between which and its hub things go wrong.
type testBroker struct {
	*ws.MemoryBroker

	mu         sync.Mutex // guards what follows
	publishErr error
	subErr     error
	unsubErr   error
	lose       bool                   // what is delivered
	stuck      chan bool              // Publish and Subscribe wait until it is closed, or their context ends
	said       []string               // kinds of what was published
	open       map[string]ws.Receiver // subscriptions, by channel
	attempts   int                    // of subscribing
}

func (b *testBroker) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

// kinds are the second bytes of envelopes.
var kinds = []string{"", "room", "all", "alive", "changes", "snapshot", "ask", "bye"}

func (b *testBroker) wait(ctx context.Context) error {
	b.mu.Lock()
	stuck := b.stuck
	b.mu.Unlock()
	if stuck == nil {
		return nil
	}
	select {
	case <-stuck:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *testBroker) Publish(ctx context.Context, channel string, payload []byte) error {
	if err := b.wait(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	err := b.publishErr
	if len(payload) > 1 && int(payload[1]) < len(kinds) {
		b.said = append(b.said, kinds[payload[1]])
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	return b.MemoryBroker.Publish(ctx, channel, payload)
}

func (b *testBroker) Subscribe(ctx context.Context, channel string, to ws.Receiver) (func() error, error) {
	if err := b.wait(ctx); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.attempts++
	if b.subErr != nil {
		return nil, b.subErr
	}
	message := to.Message
	to.Message = func(payload []byte) {
		b.mu.Lock()
		lose := b.lose
		b.mu.Unlock()
		if !lose {
			message(payload)
		}
	}
	unsubscribe, err := b.MemoryBroker.Subscribe(ctx, channel, to)
	if b.open == nil {
		b.open = make(map[string]ws.Receiver)
	}
	b.open[channel] = to
	return func() error {
		b.set(func() { delete(b.open, channel) })
		return errors.Join(unsubscribe(), b.unsubErr)
	}, err
}

// all returns who subscribes to what is for all hubs.
func (b *testBroker) all() ws.Receiver {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open["ws_all"]
}

// channels returns what the hub subscribes to.
func (b *testBroker) channels() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var names []string
	for name := range b.open {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// A machine is a hub with a broker of its own, that is connected to others.
type machine struct {
	*ws.Hub
	broker *testBroker
	mu     sync.Mutex
	log    []string // of OnJoin and OnLeave
}

// events returns what was logged since the last call.
func (m *machine) events() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := strings.Join(m.log, " ")
	m.log = nil
	return s
}

func newMachine(t testing.TB, shared *ws.MemoryBroker, opts ws.HubOptions) *machine {
	return newMachineOn(t, &testBroker{MemoryBroker: shared}, opts)
}

func newMachineOn(t testing.TB, broker *testBroker, opts ws.HubOptions) *machine {
	m := &machine{broker: broker}
	opts.Broker = m.broker
	note := func(sign string) func(string, ws.Member) {
		return func(room string, member ws.Member) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.log = append(m.log, sign+room+":"+member.ID)
		}
	}
	opts.OnJoin, opts.OnLeave = note("+"), note("-")
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	m.Hub = newHub(t, opts)
	return m
}

func machines(t testing.TB, n int, opts ws.HubOptions) []*machine {
	shared := ws.NewMemoryBroker()
	var all []*machine
	for range n {
		all = append(all, newMachine(t, shared, opts))
	}
	return all
}

// enter adds a client to the machine, and to rooms.
func (m *machine) enter(t testing.TB, id string, rooms ...string) (*ws.Client, *client) {
	t.Helper()
	c, peer := add(t, m.Hub, ws.ClientOptions{ID: id, Info: "info of " + id})
	joinRooms(t, c, rooms...)
	return c, peer
}

// Three hubs are one: messages reach the clients of all, once, in order, but
// for the exceptions; a filter is about the hub's own.
func TestHubsBroadcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := machines(t, 3, ws.HubOptions{})
		_, ada := m[0].enter(t, "ada", "room")
		_, bo := m[1].enter(t, "bo", "room", "other")
		_, cy := m[2].enter(t, "cy", "other")
		synctest.Wait()

		for i := range 30 {
			cast(t, m[0].Hub, "room", fmt.Sprint(i), 1)
		}
		synctest.Wait()
		cast(t, m[2].Hub, "room", "from cy", 0, "ada")
		synctest.Wait()
		n, err := m[2].BroadcastAll(ws.BinaryMessage, []byte("all"), "ada", "eve")
		if n != 1 || err != nil {
			t.Error(n, err)
		}
		synctest.Wait()
		if n, err := m[0].BroadcastFilter("", ws.TextMessage, []byte("mine"), func(*ws.Client) bool { return true }); n != 1 || err != nil {
			t.Error(n, err)
		}
		cast(t, m[0].Hub, "other", "end", 0)
		for i := range 30 {
			ada.want(text, fmt.Sprint(i))
			bo.want(text, fmt.Sprint(i))
		}
		ada.want(text, "mine")
		bo.want(text, "from cy")
		bo.want(bin, "all")
		bo.want(text, "end")
		cy.want(bin, "all")
		cy.want(text, "end")
		synctest.Wait()
		for i, want := range []ws.HubStats{
			{Clients: 1, Rooms: 1, Sent: 31, Hubs: 2, Published: 31, Received: 2},
			{Clients: 1, Rooms: 2, Sent: 33, Hubs: 2, Received: 33},
			{Clients: 1, Rooms: 1, Sent: 2, Hubs: 2, Published: 2, Received: 1},
		} {
			if got := m[i].Stats(); got != want {
				t.Errorf("hub %d: got %+v, want %+v", i, got, want)
			}
		}
	})
}

// A hub subscribes to rooms while it has somebody in them, under names that any
// broker takes.
func TestHubSubscriptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := machines(t, 1, ws.HubOptions{BrokerPrefix: "chat"})[0]
		subscribed := func(want int) []string {
			t.Helper()
			synctest.Wait()
			names := m.broker.channels()
			if len(names) != want || names[0] != "chat_all" {
				t.Fatalf("got %q, want %d channels", names, want)
			}
			return names
		}
		subscribed(1)
		c, _ := m.enter(t, "c", "room", "Größe * >.\n")
		d, _ := m.enter(t, "d", "room")
		for _, name := range subscribed(3) {
			if !regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`).MatchString(name) {
				t.Errorf("channel %q", name)
			}
		}
		c.Leave("room")
		subscribed(3)
		d.Leave("room")
		subscribed(2)
		for range 100 {
			joinRooms(t, d, "room")
			d.Leave("room")
		}
		subscribed(2)
		joinRooms(t, d, "room")
		subscribed(3)
		c.Remove()
		d.Remove()
		subscribed(1)
		closeHub(t, m.Hub)
		if got := m.broker.channels(); len(got) != 0 {
			t.Errorf("after Close: %q", got)
		}
	})
}

// Everybody knows who is where, and forgets who leaves, with its hub or alone.
func TestHubsPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := ws.NewMemoryBroker()
		a, b := newMachine(t, shared, ws.HubOptions{}), newMachine(t, shared, ws.HubOptions{})
		ada, _ := a.enter(t, "ada", "x", "y")
		bo, _ := b.enter(t, "bo", "x")
		synctest.Wait()
		c := newMachine(t, shared, ws.HubOptions{}) // it comes late
		c.enter(t, "cy", "z")
		synctest.Wait()
		for i, m := range []*machine{a, b, c} {
			wantMembers(t, m.Hub, "x", "ada bo")
			wantMembers(t, m.Hub, "y", "ada")
			wantMembers(t, m.Hub, "z", "cy")
			if got, want := fmt.Sprint(m.Rooms()), "map[x:2 y:1 z:1]"; got != want {
				t.Errorf("hub %d: got rooms %s, want %s", i, got, want)
			}
			events := strings.Fields(m.events())
			slices.Sort(events)
			if got, want := strings.Join(events, " "), "+x:ada +x:bo +y:ada +z:cy"; got != want {
				t.Errorf("hub %d: got events %s, want %s", i, got, want)
			}
		}
		want := []ws.Member{{ID: "ada", Info: "info of ada"}, {ID: "bo", Info: "info of bo", Client: bo}}
		if got := b.Members("x"); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}

		ada.Leave("x")
		bo.Remove()
		synctest.Wait()
		for i, m := range []*machine{a, b, c} {
			wantMembers(t, m.Hub, "x", "")
			events := strings.Fields(m.events())
			slices.Sort(events)
			if got, want := strings.Join(events, " "), "-x:ada -x:bo"; got != want {
				t.Errorf("hub %d: got events %s, want %s", i, got, want)
			}
		}
		ada.Conn().CloseNow()
		closeHub(t, a.Hub)
		synctest.Wait()
		wantMembers(t, b.Hub, "y", "")
		if got := b.events() + c.events(); got != "-y:ada-y:ada" {
			t.Errorf("got events %s", got)
		}
		if got := c.Stats().Hubs; got != 1 {
			t.Errorf("%d other hubs, want 1", got)
		}
	})
}

// A hub that is not heard of for three heartbeats is forgotten, and known again
// when it speaks again.
func TestDeadHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := machines(t, 3, ws.HubOptions{Heartbeat: time.Minute})
		a, b, c := m[0], m[1], m[2]
		b.enter(t, "bo", "x", "y")
		c.enter(t, "cy", "x")
		synctest.Wait()
		wantMembers(t, a.Hub, "x", "bo cy")
		a.events()

		b.broker.set(func() { b.broker.publishErr = errors.New("cut off") })
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		wantMembers(t, a.Hub, "x", "bo cy")
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		wantMembers(t, a.Hub, "x", "cy")
		wantMembers(t, a.Hub, "y", "")
		if got, want := a.events(), "-x:bo -y:bo"; got != want {
			t.Errorf("got events %s, want %s", got, want)
		}
		if got := a.Stats().Hubs; got != 1 {
			t.Errorf("%d other hubs, want 1", got)
		}
		wantMembers(t, b.Hub, "x", "bo cy") // who hears the others

		b.broker.set(func() { b.broker.publishErr = nil })
		time.Sleep(time.Minute)
		synctest.Wait()
		wantMembers(t, a.Hub, "x", "bo cy")
		if got, want := a.events(), "+x:bo +y:bo"; got != want {
			t.Errorf("got events %s, want %s", got, want)
		}
	})
}

// What was lost on the way is noticed with the next heartbeat.
func TestLostChanges(t *testing.T) {
	for _, lost := range []struct {
		name     string
		on       func(a, b *machine, lost bool)
		restored bool // the subscription tells
	}{
		{"by the sender", func(_, b *machine, lost bool) {
			b.broker.set(func() {
				b.broker.publishErr = nil
				if lost {
					b.broker.publishErr = errors.New("lost")
				}
			})
		}, false},
		{"by the receiver", func(a, _ *machine, lost bool) {
			a.broker.set(func() { a.broker.lose = lost })
		}, false},
		{"restored", func(a, _ *machine, lost bool) {
			a.broker.set(func() { a.broker.lose = lost })
		}, true},
	} {
		t.Run(lost.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := machines(t, 2, ws.HubOptions{Heartbeat: time.Minute})
				a, b := m[0], m[1]
				bo, _ := b.enter(t, "bo", "x", "y")
				synctest.Wait()
				a.events()
				lost.on(a, b, true)
				bo.Leave("x")
				joinRooms(t, bo, "z")
				b.enter(t, "cy", "z")
				synctest.Wait()
				lost.on(a, b, false)
				wantMembers(t, a.Hub, "x", "bo")
				if lost.restored {
					a.broker.all().Restored()
				} else {
					b.enter(t, "dee", "z") // is known at once, and shows that others are not
				}
				synctest.Wait()
				wantMembers(t, a.Hub, "x", "")
				wantMembers(t, a.Hub, "y", "bo")
				wantMembers(t, a.Hub, "z", memberIDs(b.Hub, "z"))

				lost.on(a, b, true)
				bo.Leave("y")
				synctest.Wait()
				lost.on(a, b, false)
				time.Sleep(time.Minute)
				synctest.Wait()
				wantMembers(t, a.Hub, "y", "")
				b.broker.set(func() { b.broker.said = nil })
				time.Sleep(time.Minute)
				synctest.Wait()
				if got := strings.Join(b.broker.said, " "); got != "alive" {
					t.Errorf("when all is known, hub b says %q", got)
				}
			})
		})
	}
}

// A hub that was asked for its snapshot before it could hear is asked again when
// it can, and not a heartbeat later.
func TestAskedBeforeItHears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts, shared := ws.HubOptions{Heartbeat: time.Minute}, ws.NewMemoryBroker()
		a := newMachine(t, shared, opts)
		b := newMachineOn(t, &testBroker{MemoryBroker: shared, subErr: errors.New("not yet"), publishErr: errors.New("nor this")}, opts)
		bo, _ := b.enter(t, "bo", "x")
		synctest.Wait()
		b.broker.set(func() { b.broker.publishErr = nil })
		joinRooms(t, bo, "y") // its number shows that something was missed
		synctest.Wait()
		wantMembers(t, a.Hub, "x", "")
		wantMembers(t, a.Hub, "y", "bo")
		b.broker.set(func() { b.broker.subErr = nil })
		time.Sleep(2 * time.Second) // it tries again after one
		synctest.Wait()
		wantMembers(t, a.Hub, "x", "bo")
	})
}

// What does not fit in one payload comes in parts, changes and snapshots.
func TestLongAnnouncements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := ws.HubOptions{BrokerLimit: 2 << 10, MaxRoomName: 2, MaxRooms: -1}
		opts.BrokerLimit += opts.MaxRoomName
		shared := ws.NewMemoryBroker()
		a, b := newMachine(t, shared, opts), newMachine(t, shared, opts)
		for i := range 300 {
			c, _ := add(t, b.Hub, ws.ClientOptions{ID: fmt.Sprintf("%0255d", i), Info: strings.Repeat("i", 1024)})
			joinRooms(t, c, "x", string(rune('a'+i%26)))
		}
		synctest.Wait()
		c := newMachine(t, shared, opts)
		synctest.Wait()
		want := fmt.Sprint(b.Rooms())
		for _, m := range []*machine{a, c} {
			if got := fmt.Sprint(m.Rooms()); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if got := m.Members("x")[7]; got.ID != fmt.Sprintf("%0255d", 7) || got.Info != strings.Repeat("i", 1024) {
				t.Errorf("got %v", got)
			}
		}

		// A part of a snapshot is lost: it takes another one.
		var snapshots atomic.Int64
		d := &testBroker{MemoryBroker: shared}
		dOpts := opts
		dOpts.Broker = brokerFunc{d, func(payload []byte) bool {
			if kinds[payload[1]] == "snapshot" && len(payload) > 1000 {
				snapshots.Add(1)
			}
			return snapshots.Load() != 3
		}}
		late := newHub(t, dOpts)
		synctest.Wait()
		if got := len(late.Rooms()); got != 0 {
			t.Errorf("%d rooms of an incomplete snapshot", got)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if got := fmt.Sprint(late.Rooms()); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// A brokerFunc delivers what it is told to.
type brokerFunc struct {
	ws.Broker
	deliver func(payload []byte) bool
}

func (b brokerFunc) Subscribe(ctx context.Context, channel string, to ws.Receiver) (func() error, error) {
	message := to.Message
	to.Message = func(payload []byte) {
		if b.deliver(payload) {
			message(payload)
		}
	}
	return b.Broker.Subscribe(ctx, channel, to)
}

// While the broker does not take them, changes are not collected without end.
func TestManyChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := machines(t, 2, ws.HubOptions{BrokerTimeout: time.Hour})
		a, b := m[0], m[1]
		synctest.Wait()
		stuck := make(chan bool)
		b.broker.set(func() { b.broker.stuck = stuck })
		bo, _ := b.enter(t, "bo", "x", "y")
		synctest.Wait()
		for range 5000 {
			bo.Leave("x")
			joinRooms(t, bo, "x")
		}
		bo.Leave("y")
		b.broker.set(func() { b.broker.stuck, b.broker.said = nil, nil })
		close(stuck)
		synctest.Wait()
		wantMembers(t, a.Hub, "x", "bo")
		wantMembers(t, a.Hub, "y", "")
		if got, want := strings.Join(b.broker.said, " "), "changes snapshot"; got != want {
			t.Errorf("hub b said %q, want %q", got, want)
		}
	})
}

// With LocalPresence nothing is announced, and messages travel.
func TestLocalPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := machines(t, 2, ws.HubOptions{LocalPresence: true})
		_, ada := m[0].enter(t, "ada", "x")
		_, bo := m[1].enter(t, "bo", "x")
		synctest.Wait()
		wantMembers(t, m[0].Hub, "x", "ada")
		cast(t, m[0].Hub, "x", "hi", 1)
		ada.want(text, "hi")
		bo.want(text, "hi")
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := strings.Join(m[0].broker.said, " "); got != "room" {
			t.Errorf("hub 0 said %q", got)
		}
		if got := m[0].events(); got != "+x:ada" {
			t.Errorf("got events %s", got)
		}
	})
}

// The failures of a broker are logged and counted, and subscribing is tried
// again; local delivery is as always.
func TestBrokerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		shared := ws.NewMemoryBroker()
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		a := newMachine(t, shared, ws.HubOptions{Logger: logger, LocalPresence: true})
		b := newMachine(t, shared, ws.HubOptions{LocalPresence: true})
		synctest.Wait()
		a.broker.set(func() {
			a.broker.publishErr = errors.New("no publishing")
			a.broker.subErr = errors.New("no subscribing")
			a.broker.unsubErr = errors.New("no unsubscribing")
			a.broker.attempts = 0
		})
		_, ada := a.enter(t, "ada", "x")
		_, bo := b.enter(t, "bo", "x")
		cast(t, a.Hub, "x", "mine", 1)
		ada.want(text, "mine")
		synctest.Wait()
		time.Sleep(100 * time.Second) // 1, 3, 7, 15, 31, 61 and 91 seconds after the first
		synctest.Wait()
		if got := a.broker.attempts; got != 8 {
			t.Errorf("subscribed %d times, want 8", got)
		}
		a.broker.set(func() { a.broker.publishErr, a.broker.subErr = nil, nil })
		time.Sleep(21 * time.Second)
		synctest.Wait()
		cast(t, b.Hub, "x", "hi ada", 1)
		bo.want(text, "hi ada")
		ada.want(text, "hi ada")
		cast(t, a.Hub, "x", "hi bo", 1)
		ada.want(text, "hi bo")
		bo.want(text, "hi bo")
		synctest.Wait()
		want := ws.HubStats{Clients: 1, Rooms: 1, Sent: 3, Published: 1, Received: 1, Unpublished: 1, BrokerErrors: 9}
		if got := a.Stats(); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		a.Client("ada").Leave("x")
		synctest.Wait()
		var lines []string
		for line := range strings.Lines(log.String()) {
			lines = append(lines, strings.TrimSpace(line))
		}
		slices.Sort(lines)
		wantLines := []string{
			`level=ERROR msg="websocket hub: broker failed" call=publish room=x error="no publishing"`,
			`level=ERROR msg="websocket hub: broker failed" call=subscribe room=x error="no subscribing"`,
			`level=ERROR msg="websocket hub: broker failed" call=unsubscribe room=x error="no unsubscribing"`,
		}
		if got := slices.Compact(lines); !slices.Equal(got, wantLines) {
			t.Errorf("got %q, want %q", got, wantLines)
		}
	})
}

// A broker that does not answer delays nobody; what waits for it is limited.
func TestBrokerStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m := newMachine(t, ws.NewMemoryBroker(), ws.HubOptions{
			LocalPresence: true,
			Logger:        slog.New(slog.NewTextHandler(&log, nil)),
			BrokerTimeout: time.Hour,
			QueueMessages: -1,
			QueueBytes:    -1,
		})
		synctest.Wait()
		stuck := make(chan bool)
		m.broker.set(func() { m.broker.stuck = stuck })
		_, ada := m.enter(t, "ada", "x")
		for i := range 1100 {
			cast(t, m.Hub, "x", fmt.Sprint(i), 1)
			if i == 0 {
				synctest.Wait()
			}
		}
		for i := range 1100 {
			ada.want(text, fmt.Sprint(i))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := m.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("flush: %v", err)
		}
		if got := m.Stats(); got.Unpublished != 1100-1-1024 || got.BrokerErrors != 0 {
			t.Errorf("got %+v", got)
		}
		m.broker.set(func() { m.broker.stuck = nil })
		close(stuck)
		if err := m.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if got := m.Stats(); got.Unpublished != 75 || got.Published != 1025 {
			t.Errorf("got %+v", got)
		}
		if got := strings.Count(log.String(), "broker is too slow"); got != 1 {
			t.Errorf("logged %d times", got)
		}

		// By bytes. A lane's first message is never too long.
		stuck = make(chan bool)
		m.broker.set(func() { m.broker.stuck = stuck })
		for range 7 {
			m.Broadcast("x", ws.BinaryMessage, make([]byte, 1_000_000))
			go ada.read()
			synctest.Wait()
		}
		if got := m.Stats().Unpublished; got != 75+2 {
			t.Errorf("%d unpublished, want 77", got)
		}
		close(stuck)
	})
}

// Close does not wait for a broker longer than it may.
func TestHubCloseBrokerStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, ws.NewMemoryBroker(), ws.HubOptions{BrokerTimeout: time.Hour})
		synctest.Wait()
		m.broker.set(func() { m.broker.stuck = make(chan bool) })
		c, _ := m.enter(t, "ada", "x")
		c.Conn().CloseNow()
		m.Broadcast("x", ws.TextMessage, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := m.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if err := m.Close(t.Context()); err != nil { // calls were ended
			t.Error(err)
		}
		if got := m.broker.channels(); len(got) != 0 {
			t.Errorf("subscribed to %q", got)
		}
	})
}

// A hub that fails to subscribe when it is closed does not try again.
func TestHubCloseWhileRetrying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &testBroker{MemoryBroker: ws.NewMemoryBroker(), subErr: errors.New("no")}
		hub := ws.NewHub(ws.HubOptions{Broker: b, Logger: slog.New(slog.DiscardHandler)})
		synctest.Wait()
		closeHub(t, hub)
		time.Sleep(time.Hour)
		if b.attempts != 1 {
			t.Errorf("subscribed %d times", b.attempts)
		}
	})
}

// A message that the broker cannot carry is sent to nobody.
func TestBrokerLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, ws.NewMemoryBroker(), ws.HubOptions{BrokerLimit: 8000, LocalPresence: true})
		m.enter(t, "ada", "x")
		n, err := m.Broadcast("x", ws.TextMessage, make([]byte, 8000))
		if n != 0 || textOf(err) != "websocket: message needs 8014 bytes in the broker, BrokerLimit is 8000" {
			t.Errorf("got %d, %v", n, err)
		}
		n, err = m.BroadcastAll(ws.TextMessage, make([]byte, 7988), "ada")
		if n != 0 || textOf(err) != "websocket: message needs 8004 bytes in the broker, BrokerLimit is 8000" {
			t.Errorf("got %d, %v", n, err)
		}
		cast(t, m.Hub, "x", strings.Repeat("x", 7986), 1)
	})
}

// What is no envelope is counted, and nothing else.
func TestInvalidEnvelopes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, ws.NewMemoryBroker(), ws.HubOptions{})
		synctest.Wait()
		_, ada := m.enter(t, "ada", "x")
		const node = "\x00\x00\x00\x00\x00\x00\x00\x07"
		bad := []string{
			"",
			"\x01",
			"\x02\x07" + node, // version
			"\x01\x00" + node,
			"\x01\x08" + node, // kind
			"\x01\x07" + node[:7],
			"\x01\x07" + node + "x",             // something behind
			"\x01\x01" + node + "\x03\x01x\x00", // type
			"\x01\x01" + node + "\x01\x00\x00hi",
			"\x01\x01" + node + "\x01\x01\xff\x00hi",
			"\x01\x01" + node + "\x01\x01x\x00\xff", // no text
			"\x01\x01" + node + "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
			"\x01\x02" + node + "\x01\x05\x01a",
			"\x01\x02" + node + "\x01\xff\xff\xff\xff\x0f",
			"\x01\x03" + node,
			"\x01\x03" + node + "\x80",
			"\x01\x04" + node + "\x00c\x01a\x00j\x01x",
			"\x01\x04" + node + "\x01j\x01x",
			"\x01\x04" + node + "\x01c\x00\x00j\x01x",
			"\x01\x04" + node + "\x01c\x01a\x00j\x00",
			"\x01\x04" + node + "\x01c\x01a\x00l",
			"\x01\x04" + node + "\x01c\x01a\x00?\x01x",
			"\x01\x04" + node + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01c\x01a\x00j\x01x",
			"\x01\x05" + node + "\x01\x00\x02",
			"\x01\x05" + node + "\x01\x00\x01c\x01\xff\x00",
			"\x01\x06" + node + node[:3],
		}
		for _, payload := range bad {
			m.broker.all().Message([]byte(payload))
		}
		if got := m.Stats(); got.Invalid != int64(len(bad)) || got.Received != 0 || got.Hubs != 0 {
			t.Errorf("%d payloads: %+v", len(bad), got)
		}
		good := []string{
			"\x01\x01" + node + "\x01\x01x\x01\x02bohi",
			"\x01\x02" + node + "\x02\x00\xff",
			"\x01\x01" + node + "\x01\x07nowhere\x00hi",
			"\x01\x04" + node + "\x01c\x03eve\x00j\x01xc\x03joe\x00j\x01x",
			"\x01\x04" + node + "\x01c\x03eve\x00j\x01xc\x03joe\x00l\x01x",                       // known
			"\x01\x04" + node + "\x03c\x03joe\x00l\x01xl\x01xc\x03eve\x00l\x01yc\x01?\x00l\x01x", // of which some mean nothing
			"\x01\x05" + node + "\x01\x00\x01",                                                   // older
			"\x01\x05" + node + "\x09\x01\x01",                                                   // without its beginning
			"\x01\x07\x00\x00\x00\x00\x00\x00\x00\x08",
		}
		for _, payload := range good {
			m.broker.all().Message([]byte(payload))
		}
		ada.want(text, "hi")
		ada.want(bin, "\xff")
		wantMembers(t, m.Hub, "x", "ada eve")
		if got := m.Stats(); got.Invalid != int64(len(bad)) || got.Received != 3 || got.Hubs != 1 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestMemoryBroker(t *testing.T) {
	b := ws.NewMemoryBroker()
	var got []string
	subscribe := func(name, channel string) func() error {
		unsubscribe, err := b.Subscribe(t.Context(), channel, ws.Receiver{Message: func(p []byte) {
			got = append(got, name+string(p))
		}})
		if err != nil {
			t.Fatal(err)
		}
		return unsubscribe
	}
	publish := func(channel, payload, want string) {
		t.Helper()
		got = nil
		if err := b.Publish(t.Context(), channel, []byte(payload)); err != nil {
			t.Error(err)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("got %q, want %q", s, want)
		}
	}
	publish("x", "0", "")
	a := subscribe("a", "x")
	subscribe("b", "x")
	subscribe("c", "y")
	publish("x", "1", "a1 b1")
	publish("y", "2", "c2")
	for range 2 {
		if err := a(); err != nil {
			t.Error(err)
		}
	}
	publish("x", "3", "b3")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Publish(ended, "x", nil); err != context.Canceled {
		t.Error(err)
	}
	if _, err := b.Subscribe(ended, "x", ws.Receiver{}); err != context.Canceled {
		t.Error(err)
	}
}
