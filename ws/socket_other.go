//go:build !unix

package ws

import "net"

// A waiter would read from a socket without a buffer; here, nothing can.
type waiter struct{}

func newWaiter(net.Conn) *waiter { return nil }

func (*waiter) read(*input) (int, error)  { panic("BUG: there is no waiter") }
func (*waiter) write([]byte) (int, error) { panic("BUG: there is no waiter") }
