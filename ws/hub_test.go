package ws_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/ws"
)

// newHub returns a hub that is closed when the test is over.
func newHub(t testing.TB, opts ws.HubOptions) *ws.Hub {
	hub := ws.NewHub(opts)
	t.Cleanup(func() { closeHub(t, hub) })
	return hub
}

// closeHub closes the hub, and checks that nothing had to be cut off.
func closeHub(t testing.TB, hub *ws.Hub) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := hub.Close(ctx); err != nil {
		t.Error(err)
	}
}

// add returns a client of the hub, and its peer, who has to read what is
// written. They are cut off when the test is over, before the hub is closed.
func add(t testing.TB, hub *ws.Hub, opts ws.ClientOptions) (*ws.Client, *client) {
	t.Helper()
	conn, peer := net.Pipe()
	c, err := hub.Add(ws.NewConn(conn, nil), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Conn().CloseNow() })
	p := newClient(t, peer)
	peer.SetDeadline(time.Time{})
	return c, p
}

// joinRooms joins rooms, which must succeed.
func joinRooms(t testing.TB, c *ws.Client, rooms ...string) {
	t.Helper()
	for _, room := range rooms {
		if err := c.Join(room); err != nil {
			t.Fatal(err)
		}
	}
}

// cast broadcasts text, and compares the number of receivers.
func cast(t testing.TB, hub *ws.Hub, room, message string, want int, except ...string) {
	t.Helper()
	n, err := hub.Broadcast(room, ws.TextMessage, []byte(message), except...)
	if n != want || err != nil {
		t.Fatalf("broadcast to %s: %d, %v, want %d", room, n, err, want)
	}
}

// serveHub adds every connection to the hub, with the ID in the header field
// X-Id, and lets it say what to do: "+room", "-room", "room message", or "!" to
// return. Each is confirmed by the last word that it had.
func serveHub(t testing.TB, hub *ws.Hub) (dialAs func(id string) *client) {
	s := serve(t, new(ws.Upgrader), func(conn *ws.Conn) {
		c, err := hub.Add(conn, ws.ClientOptions{ID: conn.Request().Header.Get("X-Id")})
		if err != nil {
			conn.WriteClose(ws.CloseTryAgainLater, err.Error())
			return
		}
		defer c.Remove()
		for {
			_, p, err := conn.ReadMessage()
			if err != nil {
				return
			}
			do, rest := string(p[:1]), string(p[1:])
			switch do {
			case "+":
				c.Join(rest)
			case "-":
				c.Leave(rest)
			case "!":
				return
			default:
				room, message, _ := strings.Cut(string(p), " ")
				hub.Broadcast(room, ws.TextMessage, []byte(message), c.ID())
			}
			c.Send(ws.TextMessage, []byte(rest[strings.LastIndex(rest, " ")+1:]))
		}
	})
	return func(id string) *client { return dial(t, s, "X-Id: "+id) }
}

// say sends text and awaits its confirmation.
func (c *client) say(message string) {
	c.t.Helper()
	c.send(frame(text, message))
	c.want(text, message[strings.LastIndexAny(message, " +-")+1:])
}

// Rooms over real connections: who is in gets what is said, others do not.
func TestHubRooms(t *testing.T) {
	hub := newHub(t, ws.HubOptions{})
	dialAs := serveHub(t, hub)
	ada, bo, cy := dialAs("ada"), dialAs("bo"), dialAs("cy")
	ada.say("+red")
	ada.say("+blue")
	bo.say("+red")
	cy.say("+blue")

	ada.say("red hi bo")
	bo.want(text, "hi bo")
	ada.say("blue hi cy")
	cy.want(text, "hi cy")
	bo.say("red hi ada")
	ada.want(text, "hi ada")
	if got, want := fmt.Sprint(hub.Rooms()), "map[blue:2 red:2]"; got != want {
		t.Errorf("got rooms %s, want %s", got, want)
	}
	wantMembers(t, hub, "red", "ada bo")
	wantMembers(t, hub, "blue", "ada cy")
	wantMembers(t, hub, "green", "")
	if hub.Client("ada") == nil || hub.Client("eve") != nil || len(hub.Clients()) != 3 {
		t.Error("clients are not found by their ID")
	}

	ada.say("-red")
	bo.say("red anybody")
	cast(t, hub, "red", "1", 1)
	cast(t, hub, "green", "2", 0)
	cast(t, hub, "blue", "3", 1, "ada", "bo")
	if n, err := hub.BroadcastAll(ws.BinaryMessage, []byte("4"), "cy"); n != 2 || err != nil {
		t.Errorf("to all: %d, %v", n, err)
	}
	n, err := hub.BroadcastFilter("", ws.TextMessage, []byte("5"), func(c *ws.Client) bool { return c.ID() > "b" })
	if n != 2 || err != nil {
		t.Errorf("to some: %d, %v", n, err)
	}
	n, err = hub.BroadcastFilter("blue", ws.TextMessage, []byte("6"), func(c *ws.Client) bool { return c.ID() < "b" })
	if n != 1 || err != nil {
		t.Errorf("to some of a room: %d, %v", n, err)
	}
	ada.want(bin, "4")
	ada.want(text, "6")
	bo.want(text, "1")
	bo.want(bin, "4")
	bo.want(text, "5")
	cy.want(text, "3")
	cy.want(text, "5")

	for _, c := range []*client{ada, bo, cy} {
		c.send(frame(text, "!"))
		c.wantClose(ws.CloseNormalClosure)
	}
	for len(hub.Clients()) > 0 {
		runtime.Gosched()
	}
	if got, want := fmt.Sprint(hub.Rooms()), "map[]"; got != want {
		t.Errorf("got rooms %s, want %s", got, want)
	}
	if got, want := hub.Stats(), (ws.HubStats{Sent: 12 + 7}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// wantMembers compares the IDs of a room's members.
func wantMembers(t testing.TB, hub *ws.Hub, room, want string) {
	t.Helper()
	if got := memberIDs(hub, room); got != want {
		t.Errorf("in %s there are %q, want %q", room, got, want)
	}
}

func memberIDs(hub *ws.Hub, room string) string {
	var ids []string
	for _, m := range hub.Members(room) {
		ids = append(ids, m.ID)
	}
	return strings.Join(ids, " ")
}

func TestClientValues(t *testing.T) {
	hub := newHub(t, ws.HubOptions{})
	c, _ := add(t, hub, ws.ClientOptions{ID: "7", Info: "ada", Data: 42})
	if c.ID() != "7" || c.Info() != "ada" || c.Data() != 42 || hub.Client("7") != c {
		t.Errorf("got %q, %q, %v", c.ID(), c.Info(), c.Data())
	}
	joinRooms(t, c, "b", "a", "b")
	if got := c.Rooms(); !slices.Equal(got, []string{"a", "b"}) || !c.In("a") || c.In("c") {
		t.Errorf("got rooms %q", got)
	}
	if got, want := hub.Members("a"), []ws.Member{{ID: "7", Info: "ada", Client: c}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	c.Leave("c")
	c.Leave("a")
	c.Leave("b")
	if got := c.Rooms(); len(got) != 0 {
		t.Errorf("got rooms %q", got)
	}
	d, _ := add(t, hub, ws.ClientOptions{})
	e, _ := add(t, hub, ws.ClientOptions{})
	if len(d.ID()) < 20 || d.ID() == e.ID() {
		t.Errorf("got IDs %q, %q", d.ID(), e.ID())
	}
}

// What cannot be done says why.
func TestHubErrors(t *testing.T) {
	hub := newHub(t, ws.HubOptions{MaxRooms: 2})
	long := strings.Repeat("x", 2000)
	for _, test := range []struct {
		opts ws.ClientOptions
		want string
	}{
		{ws.ClientOptions{ID: long[:256]}, "websocket: client ID of 256 bytes, it may be UTF-8 of 1 to 255"},
		{ws.ClientOptions{ID: "\xff"}, "websocket: client ID of 1 bytes, it may be UTF-8 of 1 to 255"},
		{ws.ClientOptions{Info: long[:1025]}, "websocket: client info of 1025 bytes, it may be UTF-8 of up to 1024"},
		{ws.ClientOptions{Info: "\xff"}, "websocket: client info of 1 bytes, it may be UTF-8 of up to 1024"},
		{ws.ClientOptions{Slow: -1}, "websocket: there is no SlowPolicy -1"},
		{ws.ClientOptions{Slow: 4}, "websocket: there is no SlowPolicy 4"},
	} {
		if _, err := hub.Add(ws.NewConn(&script{}, nil), test.opts); textOf(err) != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
	c, _ := add(t, hub, ws.ClientOptions{ID: "c"})
	_, err := hub.Add(ws.NewConn(&script{}, nil), ws.ClientOptions{ID: "c"})
	if !errors.Is(err, ws.ErrClientID) || err.Error() != `websocket: client ID is in use: "c"` {
		t.Errorf("the same ID: %v", err)
	}
	send := func(room string, messageType int) error {
		_, err := hub.Broadcast(room, messageType, nil)
		return err
	}
	_, allErr := hub.BroadcastAll(ws.PingMessage, nil)
	_, filterErr := hub.BroadcastFilter("\xff", ws.TextMessage, nil, nil)
	_, typeErr := hub.BroadcastFilter("", 0, nil, nil)
	joinRooms(t, c, "1", "2", "1")
	for _, test := range []struct {
		err  error
		want string
	}{
		{c.Join(""), "websocket: room name is empty"},
		{c.Join(long[:256]), "websocket: room name of 256 bytes, the most is 255"},
		{c.Join("\xff"), "websocket: room name is not UTF-8"},
		{c.Join("3"), "websocket: client is in too many rooms: the most is 2"},
		{c.Send(ws.CloseMessage, nil), "websocket: cannot prepare messages of type 8"},
		{c.Close(ws.CloseAbnormalClosure, ""), "websocket: cannot send close code 1006"},
		{send("", ws.TextMessage), "websocket: room name is empty"},
		{send("1", 0), "websocket: cannot prepare messages of type 0"},
		{allErr, "websocket: cannot prepare messages of type 9"},
		{filterErr, "websocket: room name is not UTF-8"},
		{typeErr, "websocket: cannot prepare messages of type 0"},
	} {
		if textOf(test.err) != test.want {
			t.Errorf("got %v, want %s", test.err, test.want)
		}
	}
	if err := c.Join("3"); !errors.Is(err, ws.ErrTooManyRooms) {
		t.Errorf("%v is not ErrTooManyRooms", err)
	}
	c.Leave("1")
	joinRooms(t, c, "3")
	if err := hub.Client("c").Close(ws.CloseNoStatusReceived, ""); err != nil {
		t.Error(err)
	}
	for _, err := range []error{c.Join("1"), c.Send(ws.TextMessage, nil)} {
		if !errors.Is(err, ws.ErrClientGone) {
			t.Errorf("after Close: %v", err)
		}
	}
}

func TestHubOptions(t *testing.T) {
	for _, test := range []struct {
		opts ws.HubOptions
		want string
	}{
		{ws.HubOptions{Slow: 4}, "there is no SlowPolicy 4"},
		{ws.HubOptions{MaxRoomName: 4097}, "a MaxRoomName of 4097, the most is 4096"},
		{ws.HubOptions{MaxRoomName: -1}, "a MaxRoomName of -1, the most is 4096"},
		{ws.HubOptions{BrokerPrefix: "Ws"}, `"Ws" is no BrokerPrefix`},
		{ws.HubOptions{BrokerPrefix: "w.s"}, `"w.s" is no BrokerPrefix`},
		{ws.HubOptions{BrokerPrefix: strings.Repeat("w", 25)}, `"wwwwwwwwwwwwwwwwwwwwwwwww" is no BrokerPrefix`},
		{ws.HubOptions{BrokerLimit: 2302}, "a BrokerLimit of 2302, the least is 2303"},
		{ws.HubOptions{BrokerLimit: -1}, "a BrokerLimit of -1, the least is 2303"},
		{ws.HubOptions{BrokerTimeout: -1}, "a BrokerTimeout of -1ns"},
		{ws.HubOptions{Heartbeat: -1}, "a Heartbeat of -1ns"},
	} {
		func() {
			defer func() {
				if got := recover(); got != "websocket: NewHub: "+test.want {
					t.Errorf("got %v, want %s", got, test.want)
				}
			}()
			ws.NewHub(test.opts)
		}()
	}
}

// Negative limits are none.
func TestHubNoLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newHub(t, ws.HubOptions{QueueMessages: -1, QueueBytes: -1, WriteTimeout: -1, MaxRooms: -1})
		c, peer := add(t, hub, ws.ClientOptions{})
		for i := range 1001 {
			joinRooms(t, c, fmt.Sprint(i))
			cast(t, hub, "0", strings.Repeat("x", 2000), 1)
		}
		time.Sleep(time.Hour)
		removed := make(chan bool)
		go func() {
			c.Remove()
			close(removed)
		}()
		for range 1001 {
			peer.want(text, strings.Repeat("x", 2000))
		}
		<-removed
		if got, want := hub.Stats(), (ws.HubStats{Sent: 1001}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// A peer that does not read has what is in flight, and a full queue; the rest
// is as the policy says.
func TestSlowPolicies(t *testing.T) {
	for _, test := range []struct {
		name     string
		policy   ws.SlowPolicy
		messages int
		bytes    int
		want     string // what arrives
		stats    ws.HubStats
	}{
		{"oldest", ws.DropOldest, 3, 0, "0 7 8 9", ws.HubStats{Clients: 1, Rooms: 1, Sent: 4, Dropped: 6}},
		{"oldest by bytes", ws.DropOldest, -1, 2, "0 8 9", ws.HubStats{Clients: 1, Rooms: 1, Sent: 3, Dropped: 7}},
		{"newest", ws.DropNewest, 3, 0, "0 1 2 3", ws.HubStats{Clients: 1, Rooms: 1, Sent: 4, Dropped: 6}},
		{"newest by bytes", ws.DropNewest, -1, 2, "0 1 2", ws.HubStats{Clients: 1, Rooms: 1, Sent: 3, Dropped: 7}},
		{"disconnect", ws.Disconnect, 3, 0, "0 1013", ws.HubStats{Sent: 1, Dropped: 4, Disconnected: 1}},
		{"default", 0, 3, 0, "0 1013", ws.HubStats{Sent: 1, Dropped: 4, Disconnected: 1}},
	} {
		for _, own := range []bool{false, true} { // options of the client
			t.Run(fmt.Sprint(test.name, own), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					hubOpts := ws.HubOptions{QueueMessages: test.messages, QueueBytes: test.bytes, Slow: test.policy}
					var opts ws.ClientOptions
					if own {
						opts = ws.ClientOptions{QueueMessages: test.messages, QueueBytes: test.bytes, Slow: test.policy}
						hubOpts = ws.HubOptions{}
					}
					hub := newHub(t, hubOpts)
					slow, peer := add(t, hub, opts)
					fast, other := add(t, hub, ws.ClientOptions{})
					joinRooms(t, slow, "room")
					var dropped, sent int
					for i := range 10 {
						n, err := hub.Broadcast("room", ws.TextMessage, fmt.Append(nil, i))
						if err != nil {
							t.Fatal(err)
						}
						sent += n
						dropped += 1 - n
						synctest.Wait() // the first is in flight
					}
					if got := fast.Send(ws.BinaryMessage, nil); got != nil {
						t.Error(got)
					}
					other.want(bin, "") // nobody waits for the slow one
					stats := slow.Stats()
					if test.stats.Clients == 1 {
						want := ws.ClientStats{Queued: int(test.stats.Sent) - 1, QueuedBytes: int(test.stats.Sent) - 1, Dropped: test.stats.Dropped}
						if stats != want {
							t.Errorf("got %+v, want %+v", stats, want)
						}
					} else if hub.Client(slow.ID()) != nil || slow.Join("room") != ws.ErrClientGone {
						t.Error("a client that was too slow is still in the hub")
					}
					var got []string
					for range strings.Fields(test.want) {
						first, payload := peer.read()
						if first == shut {
							payload = fmt.Sprint(int(payload[0])<<8 | int(payload[1]))
							peer.send(frame(shut, closePayload(1013, "")))
						}
						got = append(got, payload)
					}
					if s := strings.Join(got, " "); s != test.want {
						t.Errorf("got %s, want %s", s, test.want)
					}
					synctest.Wait()
					want := test.stats
					want.Clients++
					want.Sent++
					if got := hub.Stats(); got != want {
						t.Errorf("got %+v, want %+v", got, want)
					}
				})
			})
		}
	}
}

// What is said to the sender of a message that was dropped.
func TestQueueFull(t *testing.T) {
	for policy, want := range map[ws.SlowPolicy]error{
		ws.DropOldest: nil,
		ws.DropNewest: ws.ErrQueueFull,
		ws.Disconnect: ws.ErrQueueFull,
	} {
		synctest.Test(t, func(t *testing.T) {
			hub := newHub(t, ws.HubOptions{QueueMessages: 1, Slow: policy})
			c, _ := add(t, hub, ws.ClientOptions{})
			c.Send(ws.TextMessage, nil)
			synctest.Wait()
			if err := c.Send(ws.TextMessage, nil); err != nil {
				t.Error(err)
			}
			if err := c.Send(ws.TextMessage, nil); err != want {
				t.Errorf("policy %d: got %v, want %v", policy, err, want)
			}
			if gone := hub.Client(c.ID()) == nil; gone != (policy == ws.Disconnect) {
				t.Errorf("policy %d: gone is %v", policy, gone)
			}
		})
	}
}

// A message that is longer than a queue may be waits alone.
func TestQueueLongMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newHub(t, ws.HubOptions{QueueBytes: 10, Slow: ws.DropNewest})
		c, peer := add(t, hub, ws.ClientOptions{})
		c.Send(ws.TextMessage, []byte("first"))
		synctest.Wait()
		long := strings.Repeat("x", 100_000)
		if err := c.Send(ws.TextMessage, []byte(long)); err != nil {
			t.Error(err)
		}
		if err := c.Send(ws.TextMessage, []byte("x")); err != ws.ErrQueueFull {
			t.Error(err)
		}
		peer.want(text, "first")
		peer.want(text, long)
	})
}

// Who takes longer for a write than it may is disconnected.
func TestHubWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newHub(t, ws.HubOptions{WriteTimeout: time.Minute})
		c, _ := add(t, hub, ws.ClientOptions{})
		for range 3 {
			c.Send(ws.TextMessage, []byte("hi"))
			synctest.Wait()
		}
		time.Sleep(time.Minute - 1)
		synctest.Wait()
		if len(hub.Clients()) != 1 {
			t.Error("disconnected too soon")
		}
		time.Sleep(1)
		synctest.Wait()
		if got, want := hub.Stats(), (ws.HubStats{Dropped: 3, Disconnected: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		<-c.Done()
		if _, _, err := c.Conn().ReadMessage(); !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the connection: %v", err)
		}
	})
}

// A countingConn counts writes, each of which waits for leave.
type countingConn struct {
	script
	leave  chan bool
	writes []int
}

func (c *countingConn) Write(p []byte) (int, error) {
	<-c.leave
	c.writes = append(c.writes, len(p))
	return c.script.Write(p)
}

// Messages that wait are written at once, up to 64 KiB.
func TestHubBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := ws.NewHub(ws.HubOptions{})
		conn := &countingConn{leave: make(chan bool)}
		c, err := hub.Add(ws.NewConn(conn, nil), ws.ClientOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var want strings.Builder
		send := func(n, size int) {
			for range n {
				data := strings.Repeat(string(rune('a'+want.Len()%26)), size)
				if err := c.Send(ws.BinaryMessage, []byte(data)); err != nil {
					t.Fatal(err)
				}
				want.Write(append(serverHead(size), data...))
			}
		}
		send(1, 10)
		synctest.Wait()
		send(20, 128)
		send(1, 70_000)
		send(3, 30_000)
		go c.Remove()
		close(conn.leave)
		<-c.Done()
		if got := conn.out.String(); got != want.String() {
			t.Errorf("got %d bytes, want %d, or other ones", len(got), want.Len())
		}
		if want := []int{12, 20 * 132, 70_010, 2 * 30_004, 30_004}; !slices.Equal(conn.writes, want) {
			t.Errorf("got writes of %d, want %d", conn.writes, want)
		}
		closeHub(t, hub)
	})
}

// serverHead returns the header of a server's binary frame.
func serverHead(size int) []byte {
	b := head(bin, int64(size))
	b = b[:len(b)-len(testKey)]
	b[1] &= 0x7f
	return b
}

// All clients get the messages to a room in one order, and each sender's in its
// own.
func TestHubOrder(t *testing.T) {
	const senders, messages, receivers = 4, 200, 3
	hub := newHub(t, ws.HubOptions{QueueMessages: -1})
	dialAs := serveHub(t, hub)
	var clients []*client
	for i := range receivers {
		c := dialAs(fmt.Sprint(i))
		c.say("+room")
		clients = append(clients, c)
	}
	var sending sync.WaitGroup
	for sender := range senders {
		sending.Go(func() {
			for i := range messages {
				cast(t, hub, "room", fmt.Sprint(sender, " ", i), receivers)
			}
		})
	}
	var first []string
	for i, c := range clients {
		var next [senders]int
		var all []string
		for range senders * messages {
			_, got := c.read()
			var sender, n int
			fmt.Sscan(got, &sender, &n)
			if n != next[sender] {
				t.Fatalf("client %d got %q, want number %d", i, got, next[sender])
			}
			next[sender]++
			all = append(all, got)
		}
		if i == 0 {
			first = all
		} else if !slices.Equal(all, first) {
			t.Errorf("client %d got another order than client 0", i)
		}
	}
	sending.Wait()
}

// Close of a client sends what is queued, then the code, and then closes; the
// handler that reads is told.
func TestClientClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newHub(t, ws.HubOptions{})
		c, peer := add(t, hub, ws.ClientOptions{})
		joinRooms(t, c, "room")
		read := make(chan error)
		go func() {
			_, _, err := c.Conn().ReadMessage()
			c.Remove()
			read <- err
		}()
		for i := range 3 {
			c.Send(ws.TextMessage, fmt.Append(nil, i))
			synctest.Wait()
		}
		c.Close(4000, "why")
		c.Close(4001, "again")
		cast(t, hub, "room", "late", 0)
		select {
		case <-c.Done():
			t.Error("done before anything was read")
		default:
		}
		for i := range 3 {
			peer.want(text, fmt.Sprint(i))
		}
		if reason := peer.wantClose(4000); reason != "why" {
			t.Errorf("got reason %q", reason)
		}
		peer.send(frame(shut, closePayload(4000, "")))
		peer.wantEnd()
		if err := <-read; !ws.IsCloseError(err, 4000) {
			t.Errorf("the handler got %v", err)
		}
		<-c.Done()
		if got, want := hub.Stats(), (ws.HubStats{Sent: 3}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// A peer that does not take the close frame is cut off.
func TestClientCloseStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newHub(t, ws.HubOptions{})
		c, _ := add(t, hub, ws.ClientOptions{})
		start := time.Now()
		c.Close(4000, "")
		<-c.Done()
		if got := time.Since(start); got != 5*time.Second {
			t.Errorf("it took %v", got)
		}
	})
}

// Remove waits for the queue, but not for ever, and leaves the connection open.
func TestRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newHub(t, ws.HubOptions{WriteTimeout: time.Minute})
		c, peer := add(t, hub, ws.ClientOptions{})
		joinRooms(t, c, "room")
		c.Send(ws.TextMessage, []byte("last words"))
		removed := make(chan bool)
		go func() {
			c.Remove()
			removed <- true
		}()
		synctest.Wait()
		wantMembers(t, hub, "room", "")
		select {
		case <-removed:
			t.Error("did not wait")
		default:
		}
		peer.want(text, "last words")
		<-removed
		c.Remove()
		go c.Conn().WriteMessage(ws.TextMessage, []byte("open"))
		peer.want(text, "open")

		slow, _ := add(t, hub, ws.ClientOptions{})
		slow.Send(ws.TextMessage, []byte("in flight"))
		synctest.Wait()
		time.Sleep(time.Second)
		slow.Send(ws.TextMessage, []byte("queued"))
		slow.Remove() // the write times out before
		if got, want := hub.Stats(), (ws.HubStats{Sent: 1, Dropped: 2}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// Remove gives up after the time of one write, if there are several.
func TestRemoveGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newHub(t, ws.HubOptions{WriteTimeout: time.Minute})
		conn := &countingConn{leave: make(chan bool)}
		c, err := hub.Add(ws.NewConn(conn, nil), ws.ClientOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			c.Send(ws.BinaryMessage, make([]byte, 50_000))
		}
		go func() {
			time.Sleep(40 * time.Second)
			conn.leave <- true
		}()
		start := time.Now()
		c.Remove()
		if got := time.Since(start); got != time.Minute {
			t.Errorf("Remove took %v", got)
		}
		<-c.Done()
		if got, want := hub.Stats(), (ws.HubStats{Sent: 1, Dropped: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		close(conn.leave)
		synctest.Wait()
		if got, want := hub.Stats(), (ws.HubStats{Sent: 2, Dropped: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// A connection that was closed behind the hub's back is found by the next
// write, or from time to time.
func TestLostConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newHub(t, ws.HubOptions{Heartbeat: time.Minute})
		c, _ := add(t, hub, ws.ClientOptions{ID: "c"})
		d, _ := add(t, hub, ws.ClientOptions{ID: "d"})
		e, _ := add(t, hub, ws.ClientOptions{ID: "e"})
		joinRooms(t, c, "room")
		joinRooms(t, d, "room")
		c.Conn().CloseNow()
		c.Send(ws.TextMessage, nil)
		<-c.Done()
		wantMembers(t, hub, "room", "d")
		d.Conn().CloseNow()
		wantMembers(t, hub, "room", "d")
		time.Sleep(time.Minute)
		<-d.Done()
		wantMembers(t, hub, "room", "")
		if clients := hub.Clients(); len(clients) != 1 || clients[0] != e {
			t.Errorf("%d clients are left", len(clients))
		}
		e.Conn().CloseNow()
		time.Sleep(time.Minute)
		<-e.Done()
		if got, want := hub.Stats(), (ws.HubStats{Dropped: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// A failingConn fails all writes, each when it has leave.
type failingConn struct {
	script
	leave chan bool
}

func (c *failingConn) Write([]byte) (int, error) {
	<-c.leave
	return 0, io.ErrClosedPipe
}

// A connection may be found closed while it is written to.
func TestLostWhileWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newHub(t, ws.HubOptions{Heartbeat: time.Minute})
		conn := &failingConn{leave: make(chan bool)}
		c, err := hub.Add(ws.NewConn(conn, nil), ws.ClientOptions{})
		if err != nil {
			t.Fatal(err)
		}
		c.Send(ws.TextMessage, nil)
		synctest.Wait()
		c.Conn().CloseNow()
		time.Sleep(time.Minute)
		<-c.Done()
		if got, want := hub.Stats(), (ws.HubStats{}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		close(conn.leave)
		synctest.Wait()
		if got, want := hub.Stats(), (ws.HubStats{Dropped: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// Who closes its connection in order leaves it to those who shake hands.
func TestPeerLeaves(t *testing.T) {
	hub := newHub(t, ws.HubOptions{})
	dialAs := serveHub(t, hub)
	c := dialAs("c")
	c.say("+room")
	c.send(frame(shut, closePayload(ws.CloseGoingAway, "")))
	c.wantClose(ws.CloseGoingAway)
	c.wantEnd()
	for len(hub.Clients()) > 0 {
		runtime.Gosched()
	}
	wantMembers(t, hub, "room", "")
}

// Someone else's close frame ends a client, and not the connection.
func TestCloseFrameOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newHub(t, ws.HubOptions{})
		c, peer := add(t, hub, ws.ClientOptions{})
		go c.Conn().WriteClose(4000, "")
		peer.wantClose(4000)
		c.Send(ws.TextMessage, nil)
		<-c.Done()
		peer.conn.SetDeadline(time.Now().Add(time.Second))
		if _, err := peer.r.ReadByte(); !isTimeout(err) {
			t.Errorf("the connection: %v", err)
		}
	})
}

// Close sends what is queued, says 1001, closes, and refuses everything else.
func TestHubClose(t *testing.T) {
	hub := ws.NewHub(ws.HubOptions{})
	dialAs := serveHub(t, hub)
	var clients []*client
	for i := range 5 {
		c := dialAs(fmt.Sprint(i))
		c.say("+room")
		clients = append(clients, c)
	}
	one := hub.Client("1")
	for i := range 100 {
		cast(t, hub, "room", fmt.Sprint(i), 5)
	}
	closed := make(chan error)
	for range 2 {
		go func() { closed <- hub.Close(context.Background()) }()
	}
	for _, c := range clients {
		for i := range 100 {
			c.want(text, fmt.Sprint(i))
		}
		c.wantClose(ws.CloseGoingAway)
		c.send(frame(shut, closePayload(ws.CloseGoingAway, "")))
		c.wantEnd()
	}
	for range 2 {
		if err := wait(t, closed); err != nil {
			t.Error(err)
		}
	}
	<-one.Done()
	_, addErr := hub.Add(one.Conn(), ws.ClientOptions{})
	_, roomErr := hub.Broadcast("room", ws.TextMessage, nil)
	_, allErr := hub.BroadcastAll(ws.TextMessage, nil)
	_, filterErr := hub.BroadcastFilter("", ws.TextMessage, nil, nil)
	for _, err := range []error{addErr, roomErr, allErr, filterErr, one.Join("room"), one.Send(ws.TextMessage, nil)} {
		if err != ws.ErrHubClosed {
			t.Errorf("after Close: %v", err)
		}
	}
	one.Leave("room")
	one.Remove()
	if got, want := hub.Stats(), (ws.HubStats{Sent: 505}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	late := dialAs("late")
	if reason := late.wantClose(ws.CloseTryAgainLater); reason != "websocket: hub is closed" {
		t.Errorf("got reason %q", reason)
	}
}

// Connections that do not end are cut off with the context.
func TestHubCloseCutsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := ws.NewHub(ws.HubOptions{WriteTimeout: time.Hour})
		stuck, _ := add(t, hub, ws.ClientOptions{})
		stuck.Send(ws.TextMessage, nil)
		leaving, _ := add(t, hub, ws.ClientOptions{})
		leaving.Send(ws.TextMessage, nil)
		leaving.Close(4000, "")
		_, mute := add(t, hub, ws.ClientOptions{})
		go mute.wantClose(ws.CloseGoingAway) // and no answer
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start := time.Now()
		err := hub.Close(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "websocket: hub was not closed in time: context deadline exceeded" {
			t.Errorf("got %v", err)
		}
		if got := time.Since(start); got != time.Second {
			t.Errorf("it took %v", got)
		}
		<-stuck.Done()
		<-leaving.Done()
		closeHub(t, hub)
	})
}

// OnJoin and OnLeave are told what happens, in order, and may use the hub.
func TestHubEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log []string
		var hub *ws.Hub
		hub = newHub(t, ws.HubOptions{
			QueueMessages: 1,
			OnJoin: func(room string, m ws.Member) {
				log = append(log, fmt.Sprintf("+%s %s %s", room, m.ID, m.Info))
				if room == "a" {
					m.Client.Join("after " + room)
				}
			},
			OnLeave: func(room string, m ws.Member) {
				log = append(log, fmt.Sprintf("-%s %s %s", room, m.ID, m.Info))
				hub.Broadcast(room, ws.TextMessage, []byte(m.ID))
			},
		})
		c, peer := add(t, hub, ws.ClientOptions{ID: "c", Info: "cy"})
		d, _ := add(t, hub, ws.ClientOptions{ID: "d"})
		joinRooms(t, c, "a", "a", "b")
		joinRooms(t, d, "b")
		d.Leave("b")
		d.Leave("b")
		peer.want(text, "d")
		joinRooms(t, d, "z", "b")
		for range 3 { // one in flight, one queued, one too many
			d.Send(ws.TextMessage, nil)
			synctest.Wait()
		}
		d.Conn().CloseNow()
		peer.want(text, "d")
		want := []string{"+a c cy", "+b c cy", "+b d ", "-b d ", "+after a c cy", "+z d ", "+b d ", "-b d ", "-z d "}
		slices.Sort(log)
		slices.Sort(want)
		if !slices.Equal(log, want) {
			t.Errorf("got %q, want %q", log, want)
		}
	})
}

// Nothing of a client stays when it has left.
func TestHubMemory(t *testing.T) {
	hub := newHub(t, ws.HubOptions{})
	rooms := 0
	cycle := func() {
		var clients []*ws.Client
		for i := range 10_000 {
			c, err := hub.Add(ws.NewConn(&script{}, nil), ws.ClientOptions{})
			if err != nil {
				t.Fatal(err)
			}
			rooms++
			joinRooms(t, c, "all", fmt.Sprint("own", rooms), fmt.Sprint("shared", i%100))
			clients = append(clients, c)
		}
		if n := len(hub.Rooms()); n != 10_101 {
			t.Fatalf("%d rooms", n)
		}
		cast(t, hub, "all", "hi", 10_000)
		for _, c := range clients {
			c.Remove()
		}
	}
	// The runtime keeps something of each goroutine: it should not be of ours.
	var waiting sync.WaitGroup
	together := make(chan bool)
	for range 10_100 {
		waiting.Go(func() { <-together })
	}
	close(together)
	waiting.Wait()
	cycle()
	before := heap()
	for range 2 {
		cycle()
	}
	if more := int64(heap()) - int64(before); more > 500<<10 {
		t.Errorf("%d bytes stay", more)
	}
	if got, want := hub.Stats(), (ws.HubStats{Sent: 30_000}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// heap returns the bytes in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A filter that panics leaves nothing locked.
func TestFilterPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newHub(t, ws.HubOptions{})
		c, peer := add(t, hub, ws.ClientOptions{})
		joinRooms(t, c, "room")
		for _, room := range []string{"", "room"} {
			func() {
				defer func() {
					if got := recover(); got != "filter" {
						t.Errorf("got %v", got)
					}
				}()
				hub.BroadcastFilter(room, ws.TextMessage, nil, func(*ws.Client) bool { panic("filter") })
			}()
		}
		cast(t, hub, "room", "hi", 1)
		peer.want(text, "hi")
		c.Leave("room")
	})
}

// Everything at the same time.
func TestHubConcurrently(t *testing.T) {
	const clients, steps = 16, 150
	var joins, leaves atomic.Int64
	hub := ws.NewHub(ws.HubOptions{
		Slow:    ws.DropOldest,
		Broker:  ws.NewMemoryBroker(),
		OnJoin:  func(string, ws.Member) { joins.Add(1) },
		OnLeave: func(string, ws.Member) { leaves.Add(1) },
	})
	dialAs := serveHub(t, hub)
	var running, reading sync.WaitGroup
	for i := range clients {
		c := dialAs(fmt.Sprint(i))
		say := func(b []byte) { c.conn.Write(b) } // it may have been closed
		reading.Go(func() {
			for {
				first, _, err := readFrame(c.r)
				if err != nil {
					return
				}
				if first == shut {
					say(frame(shut, closePayload(1000, "")))
				}
			}
		})
		running.Go(func() {
			for step := range steps {
				room := fmt.Sprint("room", rand.IntN(4))
				switch rand.IntN(6) {
				case 0, 1:
					say(frame(text, "+"+room))
				case 2:
					say(frame(text, "-"+room))
				case 3:
					say(frame(text, room+" hi all"))
				case 4:
					hub.BroadcastAll(ws.TextMessage, []byte("all"))
					hub.Members(room)
					hub.Rooms()
					hub.Stats()
				case 5:
					if other := hub.Client(fmt.Sprint(rand.IntN(clients))); other != nil && step > steps/2 {
						other.Join(room)
						other.Close(4000, "")
						other.Rooms()
					}
				}
				if hub.Client(fmt.Sprint(i)) == nil && step > 0 {
					return
				}
			}
		})
	}
	running.Wait()
	closeHub(t, hub)
	reading.Wait()
	if stats := hub.Stats(); stats.Clients != 0 || stats.Rooms != 0 {
		t.Errorf("left behind: %+v", stats)
	}
	if joins.Load() != leaves.Load() {
		t.Errorf("%d joined, %d left", joins.Load(), leaves.Load())
	}
}

// Close and Broadcast at the same time: each message is either for all, or for
// nobody any more.
func TestCloseWhileBroadcasting(t *testing.T) {
	hub := ws.NewHub(ws.HubOptions{QueueMessages: -1})
	var accepted int64
	for range 10 {
		c, err := hub.Add(ws.NewConn(&goneConn{}, nil), ws.ClientOptions{})
		if err != nil {
			t.Fatal(err)
		}
		joinRooms(t, c, "room")
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		for {
			n, err := hub.Broadcast("room", ws.TextMessage, []byte("hi"))
			accepted += int64(n)
			if err != nil {
				if err != ws.ErrHubClosed {
					t.Error(err)
				}
				return
			}
			runtime.Gosched()
		}
	}()
	closeHub(t, hub)
	<-done
	if stats := hub.Stats(); stats.Dropped != accepted || stats.Sent != 0 {
		t.Errorf("%d were accepted; %+v", accepted, stats)
	}
}

// An answer waits for room, in whatever policy, and for no longer than wanted.
func TestSendWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newHub(t, ws.HubOptions{QueueMessages: 1, WriteTimeout: -1})
		c, peer := add(t, hub, ws.ClientOptions{})
		send := func(ctx context.Context, message string) error {
			return c.SendWait(ctx, ws.TextMessage, []byte(message))
		}
		for _, message := range []string{"in flight", "queued"} {
			if err := send(t.Context(), message); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		late, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("too late"))
		defer cancel()
		if err := send(late, "never"); err == nil || err.Error() != "too late" {
			t.Errorf("got %v", err)
		}
		sent := make(chan error)
		for range 2 {
			go func() { sent <- send(t.Context(), "later") }()
		}
		synctest.Wait()
		for _, want := range []string{"in flight", "queued", "later"} {
			peer.want(text, want)
			synctest.Wait()
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
		if err := send(t.Context(), "x"); err != nil { // the other one is being written
			t.Error(err)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
		waiting := make(chan error, 1)
		go func() { waiting <- send(t.Context(), "gone") }()
		synctest.Wait()
		c.Conn().CloseNow()
		if err := <-waiting; err != ws.ErrClientGone {
			t.Errorf("got %v", err)
		}
		if err := c.SendWait(t.Context(), ws.PingMessage, nil); err == nil {
			t.Error("a ping was prepared")
		}
	})
}
