package ws_test

import (
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
