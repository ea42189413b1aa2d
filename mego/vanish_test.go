package mego_test

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/gongular/gongular/mego"
)

// What a thousand clients held that connected, subscribed, sent half a file and
// vanished is all given back: memory, goroutines, descriptors and files.
func TestVanish(t *testing.T) {
	e := mego.New()
	e.Register("describe", describe)
	s := serve(t, e)
	vanish := func(t *testing.T, clients int) {
		var running sync.WaitGroup
		half := make([]*client, clients)
		for n := range clients {
			running.Go(func() {
				c := s.dial(t, n)
				number := c.ask("MegoSubscribe", []string{"news", fmt.Sprint("room ", n%10)})
				if a := c.read(); a.I != number || a.E.C != 0 {
					t.Errorf("subscribing is answered %+v", a)
				}
				c.next("describe", nil, piece(1, 2, 1, string(make([]byte, 10_000))))
				half[n] = c
			})
		}
		running.Wait()
		if n := e.Len(); n != clients {
			t.Errorf("%d sessions, want %d", n, clients)
		}
		wantFiles(t, e.Option.TempDir, clients)
		for _, c := range half {
			c.conn.CloseNow()
		}
		eventually(t, "all sessions end", func() bool { return e.Len() == 0 })
		eventually(t, "their files are gone", func() bool { return len(files(t, e.Option.TempDir)) == 0 })
	}
	// What is made once, as the runtime's own lists of goroutines, is there after the
	// first. A test of its own has nothing of its clients when it is over.
	t.Run("first", func(t *testing.T) { vanish(t, 1000) })
	goroutines, descriptors, memory := runtime.NumGoroutine(), openFiles(), heap()
	t.Run("second", func(t *testing.T) { vanish(t, 1000) })
	eventually(t, "the goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, "the descriptors are closed", func() bool { return openFiles() <= descriptors })
	if left := heap() - memory; left > 512_000 { // half a kB for a client
		t.Errorf("%d bytes are left", left)
	}
}

// openFiles returns how many descriptors the process has, where that can be read.
func openFiles() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

// heap returns how much memory is in use.
func heap() int64 {
	for range 3 { // what is pooled survives one collection
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
