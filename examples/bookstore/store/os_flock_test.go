//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package store_test

import (
	"testing"

	"github.com/gongular/gongular/examples/bookstore/store"
)

// A folder is open once at a time.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	want := "store: cannot lock " + dir + ", another process may have it open: resource temporarily unavailable"
	for range 2 {
		if second, err := store.Open(dir); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
			if err == nil {
				second.Close()
			}
		}
	}
	create(t, s, shelf[0])
	s = reopen(t, s, dir)
	if n := len(all(t, s)); n != 1 {
		t.Errorf("%d books, want 1", n)
	}
}
