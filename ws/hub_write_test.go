package ws_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/ws"
)

// What is written at once arrives as it was sent, at both ends and however it is
// compressed; and it waits for a message that is written in fragments.
func TestHubWrites(t *testing.T) {
	for _, test := range []struct {
		name        string
		compression *ws.Compression
	}{
		{"plain", nil},
		{"compressed", new(ws.Compression)},
		{"all compressed", &ws.Compression{Threshold: -1}},
		{"takeover", &ws.Compression{Threshold: 100, ServerContextTakeover: true, ClientContextTakeover: true}},
	} {
		for _, end := range []string{"server", "client"} {
			t.Run(test.name+" "+end, func(t *testing.T) {
				hub := newHub(t, ws.HubOptions{})
				server := make(chan *ws.Conn)
				over := make(chan bool)
				defer close(over)
				s := serve(t, &ws.Upgrader{Compression: test.compression}, func(conn *ws.Conn) {
					server <- conn
					<-over
				})
				from := dialOurs(t, s, test.compression)
				to := <-server
				if end == "server" {
					from, to = to, from
				}
				c, err := hub.Add(from, ws.ClientOptions{})
				if err != nil {
					t.Fatal(err)
				}
				fragments, err := from.NextWriter(ws.TextMessage)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprint(fragments, "in fragments")
				var want []string
				for i, size := range []int{0, 1, 99, 101, 125, 126, 1023, 5000, 5000, 20_000, 70_000, 3, 0} {
					want = append(want, strings.Repeat(fmt.Sprint(i, " "), size)[:size])
				}
				for _, message := range want {
					if err := c.Send(ws.TextMessage, []byte(message)); err != nil {
						t.Fatal(err)
					}
				}
				fragments.Close()
				for _, message := range append([]string{"in fragments"}, want...) {
					messageType, got, err := to.ReadMessage()
					if messageType != ws.TextMessage || string(got) != message || err != nil {
						t.Fatalf("got %d, %s, %v, want %s", messageType, short(string(got)), err, short(message))
					}
				}
				c.Remove()
				if got := from.Stats(); got.MessagesWritten != int64(len(want))+1 || got.BytesWritten != 101_490 {
					t.Errorf("got %+v", got)
				}
				if got := hub.Stats().Sent; got != int64(len(want)) {
					t.Errorf("%d sent, want %d", got, len(want))
				}
			})
		}
	}
}

// dialOurs returns a connection of this package to the server.
func dialOurs(t testing.TB, s *httptest.Server, compression *ws.Compression) *ws.Conn {
	t.Helper()
	conn, _, err := ws.Dial(t.Context(), s.URL, &ws.DialOptions{Compression: compression})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return conn
}

// After a close frame of someone else nothing is written.
func TestHubWriteAfterClose(t *testing.T) {
	var out script
	conn := ws.NewConn(&out, nil)
	conn.WriteClose(4000, "")
	hub := newHub(t, ws.HubOptions{})
	c, err := hub.Add(conn, ws.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c.Send(ws.TextMessage, nil)
	}
	<-c.Done()
	if got := out.out.String(); got != "\x88\x02\x0f\xa0" {
		t.Errorf("sent %q", got)
	}
}

// The time for a write counts while another message is written in fragments.
func TestHubWriteWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newHub(t, ws.HubOptions{WriteTimeout: time.Minute})
		c, _ := add(t, hub, ws.ClientOptions{})
		fragments, err := c.Conn().NextWriter(ws.TextMessage)
		if err != nil {
			t.Fatal(err)
		}
		defer fragments.Close()
		start := time.Now()
		c.Send(ws.TextMessage, nil)
		<-c.Done()
		if got := time.Since(start); got != time.Minute {
			t.Errorf("it took %v", got)
		}
		if got, want := hub.Stats(), (ws.HubStats{Dropped: 1, Disconnected: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}
