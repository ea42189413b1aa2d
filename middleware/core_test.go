package middleware_test

import (
	"testing"
	"time"

	"github.com/gongular/gongular/middleware"
)

func TestEverywhere(t *testing.T) {
	everywhere(t, middleware.Nothing())
}

func TestEverywhereStacked(t *testing.T) {
	everywhere(t, middleware.Chain(
		middleware.Nothing(),
		middleware.Counting(func(int64, int64, time.Duration) {}),
		middleware.Forking(),
		middleware.Watching(func(middleware.Seen) {}),
	))
}
