//go:build !race

package msgpack_test

const poolsForget = false
