package ws_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gongular/gongular/ws"
)

// addSocket adds a connection over loopback to the hub, and returns its client and
// its other end. If that is slow, the network takes little.
func addSocket(t *testing.T, hub *ws.Hub, opts ws.ClientOptions) (*ws.Client, *client) {
	t.Helper()
	a, b := socketPair(t)
	if opts.ID == "slow" {
		a.SetReadBuffer(32 << 10)
		b.SetWriteBuffer(32 << 10)
	}
	conn := ws.NewConn(b, nil)
	t.Cleanup(func() { conn.CloseNow() })
	c, err := hub.Add(conn, opts)
	if err != nil {
		t.Fatal(err)
	}
	return c, newClient(t, a)
}

// A client that reads only when the network is full gets all the same, whole and
// in order, and others do not wait for it.
func TestHubFullNetwork(t *testing.T) {
	hub := newHub(t, ws.HubOptions{QueueMessages: -1, QueueBytes: -1, WriteTimeout: -1})
	slow, slowPeer := addSocket(t, hub, ws.ClientOptions{ID: "slow"})
	_, quickPeer := addSocket(t, hub, ws.ClientOptions{ID: "quick"})
	const messages, size = 32, 32 << 10
	message := func(i int) string { return strings.Repeat(fmt.Sprint(i%10), size) }
	for i := range messages {
		if n, err := hub.BroadcastAll(ws.BinaryMessage, []byte(message(i))); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		hub.BroadcastAll(ws.TextMessage, []byte("short"))
		quickPeer.want(bin, message(i))
		quickPeer.want(text, "short")
	}
	if slow.Stats().Queued == 0 {
		t.Error("the network takes more than was thought")
	}
	for i := range messages {
		slowPeer.want(bin, message(i))
		slowPeer.want(text, "short")
	}
	slow.Remove()
	if got, want := slow.Stats(), (ws.ClientStats{Sent: 2 * messages}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := slow.Conn().Stats(); got.MessagesWritten != 2*messages || got.BytesWritten != messages*(size+5) {
		t.Errorf("got %+v", got)
	}
}

// A client that does not read at all is removed after the time for a write.
func TestHubFullNetworkTimeout(t *testing.T) {
	hub := newHub(t, ws.HubOptions{QueueMessages: -1, QueueBytes: -1, WriteTimeout: 100 * time.Millisecond})
	c, _ := addSocket(t, hub, ws.ClientOptions{ID: "slow"})
	const messages = 64
	for range messages {
		if c.Send(ws.BinaryMessage, make([]byte, 16<<10)) != nil {
			break // it is gone already
		}
	}
	wait(t, c.Done())
	got := hub.Stats()
	if got.Disconnected != 1 || got.Clients != 0 || got.Dropped == 0 {
		t.Errorf("got %+v", got)
	}
	wait(t, c.Conn().Done())
}

// What is written to a connection that is gone is lost, and the client leaves.
func TestHubGoneSocket(t *testing.T) {
	hub := newHub(t, ws.HubOptions{})
	c, _ := addSocket(t, hub, ws.ClientOptions{})
	c.Conn().CloseNow()
	c.Send(ws.TextMessage, []byte("lost"))
	wait(t, c.Done())
	if got, want := hub.Stats(), (ws.HubStats{Dropped: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// The hub writes while others do: answers that are held back, messages in
// fragments and control frames.
func TestHubAmongOthers(t *testing.T) {
	hub := newHub(t, ws.HubOptions{QueueMessages: -1})
	added := make(chan *ws.Client, 1)
	peer := dial(t, serve(t, new(ws.Upgrader), func(conn *ws.Conn) {
		c, err := hub.Add(conn, ws.ClientOptions{})
		if err != nil {
			t.Error(err)
			return
		}
		added <- c
		for i := 0; ; i++ {
			messageType, p, err := conn.ReadInPlace()
			if err != nil {
				return
			}
			if i%10 > 0 {
				err = conn.WriteMessage(messageType, p)
			} else if w, e := conn.NextWriter(messageType); e == nil {
				w.Write(p)
				err = w.Close()
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	}))
	c := wait(t, added)
	const each = 500
	var senders sync.WaitGroup
	senders.Go(func() {
		for i := range each {
			if err := c.Send(ws.TextMessage, fmt.Append(nil, i)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	senders.Go(func() {
		for i := range each / 10 {
			var burst []byte
			for j := range 10 {
				burst = append(burst, frame(bin, fmt.Sprint(10*i+j))...)
			}
			peer.send(burst)
		}
	})
	next := map[byte]int{text: 0, bin: 0}
	for range 2 * each {
		first, payload := peer.read()
		if payload != fmt.Sprint(next[first]) {
			t.Fatalf("got %#x %q, want %d", first, payload, next[first])
		}
		next[first]++
	}
	senders.Wait()
	c.Remove()
}

// What is queued while a message is written in fragments goes behind it, and what
// is queued for a connection that does not write any more is lost.
func TestHubBehindFragments(t *testing.T) {
	hub := newHub(t, ws.HubOptions{})
	c, peer := addSocket(t, hub, ws.ClientOptions{})
	w, err := c.Conn().NextWriter(ws.BinaryMessage)
	if err != nil {
		t.Fatal(err)
	}
	c.Send(ws.TextMessage, []byte("queued"))
	w.Write([]byte("fragments"))
	w.Close()
	peer.want(bin, "fragments")
	peer.want(text, "queued")
	c.Conn().WriteClose(ws.CloseNormalClosure, "")
	c.Send(ws.TextMessage, []byte("lost"))
	wait(t, c.Done())
	if got, want := c.Stats(), (ws.ClientStats{Sent: 1, Dropped: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Who has much to be written is written to in turns with others, and gets it in
// order.
func TestHubTurns(t *testing.T) {
	hub := newHub(t, ws.HubOptions{QueueMessages: -1, QueueBytes: -1})
	c, peer := addSocket(t, hub, ws.ClientOptions{})
	const messages, size = 100, 40_000
	for i := range messages {
		if err := c.Send(ws.BinaryMessage, bytes.Repeat([]byte{byte(i)}, size)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range messages {
		peer.want(bin, strings.Repeat(string([]byte{byte(i)}), size))
	}
	c.Remove()
	if got := c.Stats(); got.Sent != messages {
		t.Errorf("got %+v", got)
	}
}

// Clients are written to in the order in which they had something to write. Room
// for them is used again, and given up when there were very many.
func TestReadyClients(t *testing.T) {
	r := ws.NewReady()
	var added []*ws.Client
	taken := 0
	for round := range 20 {
		for range 400 {
			c := new(ws.Client)
			added = append(added, c)
			r.Add(c)
		}
		for range 300 + 10*round {
			if got := r.Take(); got != added[taken] {
				t.Fatalf("number %d is out of order", taken)
			}
			taken++
		}
	}
	if room := r.Room(); room > 4000 {
		t.Errorf("room for %d, when there were %d at most", room, len(added)-taken)
	}
	for range 5000 {
		r.Add(new(ws.Client))
	}
	for r.Take() != nil {
	}
	if room := r.Room(); room != 0 {
		t.Errorf("room for %d is kept", room)
	}
}
