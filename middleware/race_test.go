//go:build race

package middleware_test

// racing is whether the race detector is on, which makes all take ten times as long.
const racing = true
