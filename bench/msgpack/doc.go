// Package msgpack compares gongular's package mego/msgpack with others: with
// vmihailenco/msgpack in what values become, in both directions, and in what
// that costs, and with npm's @msgpack/msgpack in what values become. There is
// nothing in it but tests.
package msgpack
