package client

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gongular/gongular/mego/internal/wire"
	"github.com/gongular/gongular/mego/msgpack"
	"github.com/gongular/gongular/ws"
)

// What [New] fills an Option with. They are to be set before clients are made, if
// at all.
var (
	// ChunkSize is how many bytes of a file go into one message of
	// [Request.SendFileChunks].
	ChunkSize = 1 << 20
	// Timeout limits the time from a request to its answer.
	Timeout = 15 * time.Second
	// UploadTimeout does so for a message with a file, or a chunk of one.
	UploadTimeout = 30 * time.Second
)

const (
	readLimit    = 16 << 20         // bytes of a message from the server
	pingInterval = 30 * time.Second // of silence
	closeTimeout = time.Second
)

// H is a map for parameters and keys.
type H map[string]any

// An Option is what the requests of a [Client] are like.
type Option struct {
	// ChunkSize is how many bytes of a file go into one message of
	// [Request.SendFileChunks]. If 0 or less, it is that of the package. A server
	// refuses more than its MaxChunkSize, which is 4 MB by default.
	ChunkSize int
	// Timeout limits the time from a request to its answer, and that of
	// connecting. If 0 or less, there is no limit.
	Timeout time.Duration
	// UploadTimeout limits the time from a message with a file, or a chunk of one,
	// to its answer, instead of Timeout. If 0 or less, there is no limit.
	UploadTimeout time.Duration
	// Checksum sends the SHA-256 of files, for the server to refuse what has
	// become something else on its way. A server that does not know it ignores it.
	Checksum bool
}

// A RequestOption is an Option for one request. It begins as that of the client.
type RequestOption Option

// A Client is the client of a server: a session, and its connection while there
// is one. It is made by [New], and its methods may be called from any goroutine.
// The fields are to be set before Connect.
type Client struct {
	// URL is the server's: ws, wss, http or https. Without a scheme it is ws.
	URL string
	// UUID names the session. It is random if New made it, and is the same for all
	// connections of the client.
	UUID string
	// Option is what requests are like. If nil, it is what New makes.
	Option *Option
	// Dial is how the connection is made: header fields as Authorization, TLS
	// configuration, proxy. If nil, it is all defaults. Those are the ones of
	// package ws, but for ReadLimit, which is 16 MB, PingInterval, 30 seconds, and
	// CloseTimeout, 1 second; a negative PingInterval is none.
	Dial *ws.DialOptions

	events events

	lastID, lastFile atomic.Int64

	mu         sync.Mutex // guards what follows
	keys       map[string]any
	subscribed map[subscription][]byte
	link       *link                   // nil if there is none
	latest     *link                   // the last there was; it may be about to end
	dialing    context.CancelCauseFunc // gives up connecting; nil if nobody does
}

// New returns a client that is not connected. It makes a random UUID.
func New(url string) *Client {
	return &Client{URL: url, UUID: newUUID(), Option: defaultOption()}
}

// NewClient is [New].
func NewClient(url string) *Client { return New(url) }

func defaultOption() *Option {
	return &Option{ChunkSize: ChunkSize, Timeout: Timeout, UploadTimeout: UploadTimeout}
}

// option returns what requests are like.
func (c *Client) option() *Option {
	if c.Option == nil {
		return defaultOption()
	}
	return c.Option
}

// newUUID returns a random UUID, of version 4.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Set adds keys to those that the session has at the server, from the next time
// on that it connects. The key MegoID is the UUID, and not to be set.
func (c *Client) Set(data map[string]any) *Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil {
		c.keys = make(map[string]any)
	}
	maps.Copy(c.keys, data)
	return c
}

// Connect connects, and begins the session, within Option.Timeout. The error is
// an [Error] if the server refuses the session, [ErrClosed] if it closes the
// connection, [ErrTimeout], or that of [ws.Dial] if it does not come to a
// WebSocket connection. If the client is connected already, it is an error, and
// the connection stays as it is.
func (c *Client) Connect() error { return c.ConnectContext(context.Background()) }

// ConnectContext is Connect that is given up when the context ends, with the
// context's error. The context has no part in the connection.
func (c *Client) ConnectContext(ctx context.Context) error {
	l, err := c.connect(ctx)
	if err != nil {
		return err
	}
	err = l.open(eventOpen)
	l.start()
	return err
}

// Reconnect closes the connection, if there is one, connects again as the same
// session, and subscribes again to all that was subscribed to by [Client.Subscribe].
// If that fails, the error says so, and the connection stays; what the server
// refuses now, the next Reconnect does not ask for again. Other errors are those of
// Connect.
func (c *Client) Reconnect() error { return c.ReconnectContext(context.Background()) }

// ReconnectContext is Reconnect that is given up when the context ends.
func (c *Client) ReconnectContext(ctx context.Context) error {
	c.mu.Lock()
	old := c.link
	c.mu.Unlock()
	if old != nil {
		old.close() // whether the peer says good-bye does not matter any more
	}
	l, err := c.connect(ctx)
	if err != nil {
		return err
	}
	l.start()
	err = c.resubscribe(ctx, l)
	if lost := l.open(eventReopen); lost != nil {
		return lost
	}
	return err
}

var (
	errConnected  = errors.New("mego: the client is connected already")
	errConnecting = errors.New("mego: the client is connecting already")
)

// connect makes a connection that has a session, and is not read from yet.
func (c *Client) connect(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.mu.Lock()
	if c.link != nil || c.dialing != nil {
		defer c.mu.Unlock()
		if c.link != nil {
			return nil, errConnected
		}
		return nil, errConnecting
	}
	c.dialing = cancel
	latest := c.latest
	if c.UUID == "" {
		c.UUID = newUUID()
	}
	keys := make(map[string]any, len(c.keys)+1)
	maps.Copy(keys, c.keys)
	keys[wire.SessionID] = c.UUID
	c.mu.Unlock()

	within := ctx
	if timeout := c.option().Timeout; timeout > 0 {
		var stop context.CancelFunc
		within, stop = context.WithTimeoutCause(ctx, timeout, ErrTimeout)
		defer stop()
	}
	err := latest.await(within)
	var l *link
	if err == nil {
		l, err = c.dial(within, keys)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dialing = nil
	if err == nil && context.Cause(ctx) == ErrClosed {
		l.conn.CloseNow()
		err = ErrClosed
	}
	if err != nil {
		return nil, whyNot(within, err)
	}
	c.link, c.latest = l, l
	return l, nil
}

// whyNot returns the error of something that a context may have ended.
func whyNot(ctx context.Context, err error) error {
	switch cause := context.Cause(ctx); {
	case cause == nil:
		return err
	case cause == ErrClosed, cause == ErrTimeout:
		return cause
	default:
		return givenUp(ctx)
	}
}

// givenUp is the error of a call whose context has ended.
func givenUp(ctx context.Context) error { return fmt.Errorf("mego: %w", ctx.Err()) }

// dial connects and shakes hands.
func (c *Client) dial(ctx context.Context, keys map[string]any) (*link, error) {
	p, err := msgpack.Marshal(keys)
	if err != nil {
		return nil, fmt.Errorf("mego: the keys cannot be encoded: %w", err)
	}
	address := c.URL
	if !strings.Contains(address, "://") {
		address = "ws://" + address
	}
	var options ws.DialOptions
	if c.Dial != nil {
		options = *c.Dial
	}
	options.ReadLimit = cmp.Or(options.ReadLimit, readLimit)
	options.PingInterval = cmp.Or(options.PingInterval, pingInterval)
	options.CloseTimeout = cmp.Or(options.CloseTimeout, closeTimeout)
	conn, _, err := ws.Dial(ctx, address, &options)
	if err != nil {
		return nil, fmt.Errorf("mego: %w", err)
	}
	l := newLink(c, conn)
	if err := l.shakeHands(ctx, p); err != nil {
		if ctx.Err() != nil {
			conn.CloseNow()
		} else {
			conn.Close() // the server may be about to close it
		}
		return nil, err
	}
	return l, nil
}

// current returns the connection, or nil if there is none.
func (c *Client) current() *link {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.link
}

// Close closes the connection with code 1000, and waits for the server to do the
// same, for up to a second. Who waits for an answer gets [ErrClosed] at once, and
// events that wait are dropped. It gives up connecting, too. A client that is not
// connected is closed already. Reconnect is possible afterwards.
//
// The error says why the server's own good-bye was not seen. No goroutine of the
// client is left, but one in which a handler still runs.
func (c *Client) Close() error {
	c.mu.Lock()
	l, latest, giveUp := c.link, c.latest, c.dialing
	c.mu.Unlock()
	if giveUp != nil {
		giveUp(ErrClosed)
	}
	if l == nil {
		latest.await(context.Background())
		return nil
	}
	c.events.clear()       // before more of them are handled
	defer c.events.clear() // what came at the last moment
	return l.close()
}
