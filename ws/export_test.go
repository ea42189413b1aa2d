package ws

import (
	"cmp"
	"context"
	"math"
	"net"
	"time"
)

// For tests: what has no way in through a handshake.
var (
	Mask      = mask
	AcceptKey = acceptKey
)

// NewConn returns a server's connection with default settings.
func NewConn(conn net.Conn, early []byte) *Conn {
	return newConn(conn, early, settings{}.resolve())
}

// NewClientConn returns a client's connection with default settings.
func NewClientConn(conn net.Conn, early []byte) *Conn {
	return newConn(conn, early, settings{client: true}.resolve())
}

const FirstPiece = firstPiece

// IsClient reports whether the connection is a client's.
func IsClient(c *Conn) bool { return c.client }

// Held returns how many bytes are held back.
func Held(c *Conn) int {
	c.writing.take(context.Background(), time.Time{}, c.Done)
	defer c.writing.give()
	if c.out == nil {
		return 0
	}
	return len(*c.out)
}

// An Agreement on compression; bits of 0 are 15.
type Agreement struct {
	ServerTakeover, ClientTakeover bool
	ServerBits, ClientBits         int
}

// NewDeflateConn returns a connection that has agreed on compression.
func NewDeflateConn(conn net.Conn, client bool, z Compression, a Agreement) *Conn {
	return newConn(conn, nil, settings{client: client, compression: &z, agreed: &agreement{
		server: side{a.ServerTakeover, cmp.Or(a.ServerBits, maxBits)},
		client: side{a.ClientTakeover, cmp.Or(a.ClientBits, maxBits)},
	}}.resolve())
}

// NewAliveConn returns a server's connection that is kept alive.
func NewAliveConn(conn net.Conn, interval, timeout time.Duration) *Conn {
	return newConn(conn, nil, settings{pingInterval: interval, pongTimeout: timeout}.resolve())
}

// AcceptExtensions returns what a server answers to an offer, or "".
func AcceptExtensions(z *Compression, offer string) string {
	_, answer := z.accept([]string{offer})
	return answer
}

// OfferExtensions returns what a client offers.
func OfferExtensions(z *Compression) string { return z.offer().String() }

// AgreeExtensions returns what is wrong with an answer to what a client offers,
// which is nothing if z is nil.
func AgreeExtensions(z *Compression, answer string) error {
	var offer *deflateOffer
	if z != nil {
		o := z.offer()
		offer = &o
	}
	_, err := offer.agree([]string{answer})
	return err
}

// BufferSize returns the size of the next read buffer, HoldsBuffer reports
// whether there is one, IsPlain whether the connection is a plain socket. They
// are for who reads.
func BufferSize(c *Conn) int   { return c.in.size }
func HoldsBuffer(c *Conn) bool { return c.in.held != nil }
func IsPlain(c *Conn) bool     { return c.in.wait != nil }

// A Turn is a turn.
type Turn struct{ turn }

func NewTurn() *Turn { return new(Turn) }

func (t *Turn) Take(ctx context.Context, deadline time.Time, done <-chan struct{}) error {
	return t.take(ctx, deadline, func() <-chan struct{} { return done })
}
func (t *Turn) TryTake() bool { return t.tryTake() }
func (t *Turn) Give()         { t.give() }

// Ready are clients that nobody writes to.
type Ready struct{ readyClients }

func NewReady() *Ready { return &Ready{readyClients{running: math.MaxInt}} }

func (r *Ready) Add(c *Client) { r.add(c) }
func (r *Ready) Take() *Client { return r.take() }
func (r *Ready) Room() int     { return cap(r.clients) }
