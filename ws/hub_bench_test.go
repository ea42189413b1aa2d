package ws_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/gongular/gongular/ws"
)

// Broadcasts of 128 bytes to 2,000 connections over loopback, until all have
// them.
func BenchmarkBroadcast(b *testing.B) {
	const size = 128
	for _, conns := range []int{2000} {
		for _, burst := range []int{1, 20} {
			b.Run(fmt.Sprintf("conns=%d/burst=%d", conns, burst), func(b *testing.B) {
				hub := ws.NewHub(ws.HubOptions{})
				var added sync.WaitGroup
				added.Add(conns)
				s := serve(b, new(ws.Upgrader), func(conn *ws.Conn) {
					client, err := hub.Add(conn, ws.ClientOptions{})
					if err != nil {
						b.Error(err)
						return
					}
					defer client.Remove()
					client.Join("room")
					added.Done()
					conn.ReadMessage()
				})
				var arrived sync.WaitGroup
				frames := int64(burst * (2 + 2 + size)) // with a 16-bit length
				round := make([]chan struct{}, conns)
				for i := range round {
					c := dial(b, s)
					c.conn.SetDeadline(time.Time{})
					round[i] = make(chan struct{}, 1)
					go func() {
						for range round[i] {
							if _, err := io.CopyN(io.Discard, c.r, frames); err != nil {
								b.Error(err)
							}
							arrived.Done()
						}
					}()
				}
				added.Wait()
				data := bytes.Repeat([]byte("x"), size)
				b.ReportAllocs()
				b.ResetTimer()
				for range b.N {
					arrived.Add(conns)
					for _, r := range round {
						r <- struct{}{}
					}
					for range burst {
						if n, err := hub.Broadcast("room", ws.TextMessage, data); n != conns || err != nil {
							b.Fatal(n, err)
						}
					}
					arrived.Wait()
				}
				b.StopTimer()
				for _, r := range round {
					close(r)
				}
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				hub.Close(ctx)
			})
		}
	}
}
