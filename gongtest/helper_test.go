package gongtest_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gongular/gongular"
)

func TestMain(m *testing.M) {
	gongular.DefaultRouteCallback = nil
	os.Exit(m.Run())
}

// A fakeT is a test whose failures are only noted.
type fakeT struct {
	testing.TB // for what is not asked for

	mu       sync.Mutex
	failures []string
	cleanups []func()
}

func (f *fakeT) Helper() {}

func (f *fakeT) Cleanup(fn func()) { f.cleanups = append(f.cleanups, fn) }

func (f *fakeT) Error(args ...any) { f.Errorf("%s", fmt.Sprint(args...)) }

func (f *fakeT) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}

func (f *fakeT) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}

// failures runs a test to its end, cleanups and all, and returns its failures.
func failures(test func(t testing.TB)) []string {
	f := new(fakeT)
	step := func(fn func()) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			fn()
		}()
		<-done
	}
	step(func() { test(f) })
	for _, fn := range slices.Backward(f.cleanups) {
		step(fn)
	}
	return f.failures
}

// mustFail checks that the test fails with one message for each of the texts,
// which has to be a part of it.
func mustFail(t *testing.T, want []string, test func(t testing.TB)) {
	t.Helper()
	got := failures(test)
	ok := len(got) == len(want)
	for i := 0; ok && i < len(want); i++ {
		ok = strings.Contains(got[i], want[i])
	}
	if !ok {
		t.Errorf("failed with\n%q, want\n%q", got, want)
	}
}
