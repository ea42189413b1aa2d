package client_test

import (
	"testing"

	"github.com/gongular/gongular/mego"
	"github.com/gongular/gongular/mego/client"
)

// A call and its answer, over loopback, client and server together.
func BenchmarkCall(b *testing.B) {
	e := mego.New()
	e.Register("Echo", func(c *mego.Context) { c.Respond(c.Param(0).GetString()) })
	c := serve(b, e).connect(b)
	call := func(b *testing.B) {
		if got, err := client.Call[string](b.Context(), c, "Echo", "hello"); err != nil || got != "hello" {
			b.Errorf("got %q, %v", got, err)
		}
	}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			call(b)
		}
	})
	b.Run("many", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				call(b)
			}
		})
	})
}
