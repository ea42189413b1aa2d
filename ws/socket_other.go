//go:build !unix

package ws

// A waiter would read from a socket without a buffer; here, nothing can.
type waiter struct{}

func newWaiter(*input) *waiter { return nil }

type rawWrite struct{}

func newRawWrite() *rawWrite { return nil }

func (*waiter) read() (int, error)        { panic("BUG: there is no waiter") }
func (*waiter) write([]byte) (int, error) { panic("BUG: there is no waiter") }

func (*waiter) writeBy(*rawWrite, []byte) (int, error) { panic("BUG: there is no waiter") }
