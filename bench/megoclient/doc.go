// Package megoclient tests the browser client of package mego under Node: the
// scenarios of its rules against a running engine, odd platforms and servers that
// are made up, and its codec beside npm's @msgpack/msgpack. There is nothing in it
// but tests. What is not Go, .ci/peers installs.
package megoclient
