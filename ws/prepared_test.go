package ws_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/gongular/gongular/ws"
)

// A prepared message is sent as any other, by many goroutines to many peers.
func TestPreparedMessage(t *testing.T) {
	big := strings.Repeat("x", 70_000)
	for _, test := range []struct {
		messageType int
		data, want  string
	}{
		{ws.TextMessage, "hi", "\x81\x02hi"},
		{ws.BinaryMessage, "", "\x82\x00"},
		{ws.BinaryMessage, big, "\x82\x7f\x00\x00\x00\x00\x00\x01\x11\x70" + big},
	} {
		data := []byte(test.data)
		pm, err := ws.NewPreparedMessage(test.messageType, data)
		if err != nil {
			t.Fatal(err)
		}
		clear(data) // it was copied
		var sent sync.WaitGroup
		for range 8 {
			sent.Go(func() {
				var out script
				conn := ws.NewConn(&out, nil)
				for range 3 {
					if err := conn.WritePreparedMessage(pm); err != nil {
						t.Error(err)
					}
				}
				if got, want := out.out.String(), strings.Repeat(test.want, 3); got != want {
					t.Errorf("sent %s, want %s", short(got), short(want))
				}
			})
		}
		sent.Wait()
	}
}

func TestPreparedMessageErrors(t *testing.T) {
	for messageType, want := range map[int]string{
		0:              "websocket: cannot prepare messages of type 0",
		ws.PingMessage: "websocket: cannot prepare messages of type 9",
	} {
		if _, err := ws.NewPreparedMessage(messageType, nil); textOf(err) != want {
			t.Errorf("type %d: got %v, want %s", messageType, err, want)
		}
	}
	pm, err := ws.NewPreparedMessage(ws.TextMessage, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn := ws.NewConn(&script{}, nil)
	conn.WriteClose(ws.CloseNormalClosure, "")
	if err := conn.WritePreparedMessage(pm); !errors.Is(err, ws.ErrCloseSent) {
		t.Errorf("after the close frame: %v", err)
	}
}
