//go:build race

package msgpack_test

// The race detector has pools forget what they are given, now and then.
const poolsForget = true
