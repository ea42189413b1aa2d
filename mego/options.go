package mego

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/gongular/gongular/ws"
)

// An EngineOption configures an [Engine]. A zero field means its default. A
// negative size or count is no limit, a negative time is off.
type EngineOption struct {
	// MaxSize limits a message, in bytes. The default is 16 MB.
	MaxSize int
	// MaxChunkSize limits a chunk of a file, in bytes. The default is 4 MB.
	MaxChunkSize int
	// MaxFileSize limits a file, sent whole or in chunks, in bytes. The default
	// is 256 MB.
	MaxFileSize int
	// MaxSessions limits the connections at a time, those before their handshake
	// included; a further one is answered with 503. By default there is no limit.
	MaxSessions int
	// CheckInterval is after how many seconds of silence a session is pinged. One
	// that stays silent for as long again is dropped. The default is 30.
	CheckInterval int

	// HandshakeTimeout limits the time from the upgrade to the handshake. The
	// default is 10 seconds.
	HandshakeTimeout time.Duration
	// WriteTimeout limits the time for one write to a client, and for an answer
	// to find room in its queue. A client that is slower is disconnected. The
	// default is 10 seconds.
	WriteTimeout time.Duration
	// UploadTimeout is how long an upload in chunks may pause before it is
	// dropped. The default is 60 seconds.
	UploadTimeout time.Duration
	// ResumeTimeout keeps unfinished uploads in chunks for that long after their
	// session has ended, for a session of the same MegoID to go on with. As
	// anybody can claim a MegoID, it is off by default: an upload ends with its
	// session.
	ResumeTimeout time.Duration
	// CloseTimeout limits how long [Engine.Close] waits for requests under way.
	// The default is 5 seconds; if negative, it does not wait.
	CloseTimeout time.Duration

	// Concurrency limits the requests under way of one session; while there are
	// as many, nothing more is read from it. With 1, requests run one after
	// another. The default is 16.
	Concurrency int
	// SendQueue and SendQueueSize limit the messages, and their bytes, that wait
	// to be sent to one client. One message may always wait. The defaults are 256
	// and 16 MB.
	SendQueue     int
	SendQueueSize int
	// Slow is what is done with an event for a client whose queue is full:
	// [ws.Disconnect], the default, disconnects it with code 1013,
	// [ws.DropNewest] drops the event. An answer waits for room, up to
	// WriteTimeout.
	Slow ws.SlowPolicy
	// MaxUploads limits the unfinished uploads in chunks of one session. The
	// default is 8.
	MaxUploads int
	// MaxFiles limits the files in one request. The default is 32.
	MaxFiles int
	// MaxTempSize limits the bytes that the files of one session have on disk.
	// The default is 1 GB.
	MaxTempSize int
	// MaxSubscriptions limits the channels that one session is subscribed to. The
	// default is 1024.
	MaxSubscriptions int
	// TempDir is where files are stored while their session lasts. The default is
	// os.TempDir(). What a process that was killed left there is removed by the
	// next engine that begins, where the system has locks that end with their
	// process, as Unix has.
	TempDir string

	// TrustedProxies are the addresses, or prefixes as 10.0.0.0/8, of proxies
	// whose X-Forwarded-For [Context.ClientIP] believes. By default there are
	// none.
	TrustedProxies []string
	// CheckOrigin decides whether a page may connect. By default it must be of
	// the same host; who sends no Origin is no browser and may.
	CheckOrigin func(*http.Request) bool

	// Broker connects the events of engines on several machines, see
	// [ws.HubOptions]. As subscribers may be anywhere then, Emit does not report
	// that an event or channel does not exist.
	Broker ws.Broker
	// BrokerPrefix tells the engines of one application from those of others on
	// the same broker. The default is "mego".
	BrokerPrefix string
}

// A MethodOption has limits of one method. A zero field means that of the
// engine; see [EngineOption] for their meaning.
type MethodOption struct {
	// MaxSize limits a message, in bytes.
	MaxSize int
	// MaxChunkSize limits a chunk of a file, in bytes.
	MaxChunkSize int
	// MaxFileSize limits a file, in bytes.
	MaxFileSize int
}

// withDefaults returns the options without zeros that stand for a default.
func (o EngineOption) withDefaults() EngineOption {
	o.MaxSize = cmp.Or(o.MaxSize, 16*MB)
	o.MaxChunkSize = cmp.Or(o.MaxChunkSize, 4*MB)
	o.MaxFileSize = cmp.Or(o.MaxFileSize, 256*MB)
	o.MaxSessions = cmp.Or(o.MaxSessions, -1)
	o.CheckInterval = cmp.Or(o.CheckInterval, 30)
	o.HandshakeTimeout = cmp.Or(o.HandshakeTimeout, 10*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 10*time.Second)
	o.UploadTimeout = cmp.Or(o.UploadTimeout, time.Minute)
	o.CloseTimeout = cmp.Or(o.CloseTimeout, 5*time.Second)
	o.Concurrency = cmp.Or(o.Concurrency, 16)
	o.SendQueue = cmp.Or(o.SendQueue, 256)
	o.SendQueueSize = cmp.Or(o.SendQueueSize, 16*MB)
	o.Slow = cmp.Or(o.Slow, ws.Disconnect)
	o.MaxUploads = cmp.Or(o.MaxUploads, 8)
	o.MaxFiles = cmp.Or(o.MaxFiles, 32)
	o.MaxTempSize = cmp.Or(o.MaxTempSize, GB)
	o.MaxSubscriptions = cmp.Or(o.MaxSubscriptions, 1024)
	o.TempDir = cmp.Or(o.TempDir, os.TempDir())
	o.BrokerPrefix = cmp.Or(o.BrokerPrefix, "mego")
	return o
}

// exceeds reports whether n is over a limit. A negative limit is none.
func exceeds[T int | int64](n, limit T) bool { return limit >= 0 && n > limit }

// trusted parses TrustedProxies.
func (o EngineOption) trusted() ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, s := range o.TrustedProxies {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			address, err := netip.ParseAddr(s)
			if err != nil {
				return nil, fmt.Errorf("TrustedProxies: %q is neither an address nor a prefix", s)
			}
			prefix = netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen())
		}
		prefixes = append(prefixes, prefix.Masked())
	}
	return prefixes, nil
}

// A core is what an engine has once it has begun: its options do not change any
// more.
type core struct {
	EngineOption
	proxies  []netip.Prefix
	upgrader ws.Upgrader
	hub      *ws.Hub
	temp     *tempStore
}

// closeWait limits the time from our close frame to the end of the connection.
const closeWait = time.Second

// newCore panics if the options are not possible, at each call.
func newCore(option *EngineOption) *core {
	var c core
	if option != nil {
		c.EngineOption = *option
	}
	c.EngineOption = c.withDefaults()
	var err error
	if c.proxies, err = c.trusted(); err != nil {
		panic("mego: " + err.Error())
	}
	if c.Slow != ws.Disconnect && c.Slow != ws.DropNewest {
		panic("mego: Slow: it is ws.Disconnect or ws.DropNewest; others would drop answers")
	}
	c.upgrader = ws.Upgrader{
		CheckOrigin:  c.CheckOrigin,
		ReadLimit:    handshakeLimit,
		CloseTimeout: closeWait,
		AnyText:      true,
		ReasonPrefix: "mego: ",
	}
	if c.CheckInterval > 0 {
		c.upgrader.PingInterval = time.Duration(c.CheckInterval) * time.Second
		c.upgrader.PongTimeout = c.upgrader.PingInterval
	}
	c.hub = ws.NewHub(ws.HubOptions{
		QueueMessages: c.SendQueue,
		QueueBytes:    c.SendQueueSize,
		Slow:          c.Slow,
		WriteTimeout:  c.WriteTimeout,
		MaxRooms:      -1, // MaxSubscriptions is ours to count
		MaxRoomName:   maxRoomName,
		Broker:        c.Broker,
		BrokerPrefix:  c.BrokerPrefix,
		LocalPresence: true,
	})
	c.temp = newTempStore(c.TempDir)
	return &c
}

// methodLimits returns the limits of a method, which may be nil.
func (c *core) methodLimits(m *Method) MethodOption {
	limits := MethodOption{c.MaxSize, c.MaxChunkSize, c.MaxFileSize}
	if m != nil && m.Option != nil {
		limits.MaxSize = cmp.Or(m.Option.MaxSize, limits.MaxSize)
		limits.MaxChunkSize = cmp.Or(m.Option.MaxChunkSize, limits.MaxChunkSize)
		limits.MaxFileSize = cmp.Or(m.Option.MaxFileSize, limits.MaxFileSize)
	}
	return limits
}
