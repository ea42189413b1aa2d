package ws

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

var (
	// ErrHubClosed is returned for what is asked of a hub after [Hub.Close].
	ErrHubClosed = errors.New("websocket: hub is closed")
	// ErrClientGone is returned for what is asked of a client that is no longer
	// in its hub.
	ErrClientGone = errors.New("websocket: client is no longer in the hub")
	// ErrClientID is returned by [Hub.Add] if a client of the hub has that ID.
	ErrClientID = errors.New("websocket: client ID is in use")
	// ErrQueueFull is returned for a message that finds no room in the queue of
	// its client, where that means that it is not sent.
	ErrQueueFull = errors.New("websocket: queue of the client is full")
	// ErrTooManyRooms is returned by [Client.Join] at the limit of rooms.
	ErrTooManyRooms = errors.New("websocket: client is in too many rooms")
)

// A SlowPolicy says what is done for a client whose queue is full, because it
// takes messages more slowly than they come.
type SlowPolicy int

const (
	// Disconnect drops the queue and closes the connection as
	// HubOptions.SlowClose says. It is the default: what a client gets is then
	// always without gaps.
	Disconnect SlowPolicy = 1 + iota
	// DropOldest drops the messages that have waited longest.
	DropOldest
	// DropNewest drops the new message.
	DropNewest
)

// What a zero field of [HubOptions] stands for.
const (
	defaultQueueMessages = 256
	defaultQueueBytes    = 1 << 20
	defaultWriteTimeout  = 10 * time.Second
	defaultMaxRooms      = 1000
	defaultMaxRoomName   = 255
	defaultHeartbeat     = 10 * time.Second
	defaultBrokerLimit   = 1 << 20
	defaultBrokerTimeout = 5 * time.Second
	defaultBrokerPrefix  = "ws"
)

// The most bytes of what a client is known by.
const (
	maxClientID   = 255
	maxClientInfo = 1 << 10
)

// HubOptions configure a [Hub]. A zero field means its default. A limit of
// messages, bytes or rooms that is negative is no limit.
type HubOptions struct {
	// QueueMessages and QueueBytes limit what waits to be sent to one client,
	// beside what is being sent. The defaults are 256 messages and 1 MiB. A
	// message longer than QueueBytes waits alone.
	QueueMessages int
	QueueBytes    int
	// Slow is what is done when there is more. The default is Disconnect.
	Slow SlowPolicy
	// SlowClose is the close frame for a client that is disconnected because it is
	// slow. The default is code 1013 with the text "too slow".
	SlowClose CloseError
	// WriteTimeout limits the time for one write, which is a message, or several
	// short ones at once. A client that is slower is removed, and its connection
	// closed. The default is 10 seconds; negative means no limit.
	WriteTimeout time.Duration
	// MaxRooms limits the rooms that one client may be in. The default is 1,000.
	MaxRooms int
	// MaxRoomName limits the bytes of a room's name. The default is 255, the
	// most 4,096.
	MaxRoomName int

	// OnJoin and OnLeave are called when a client has joined or left a room,
	// also one that is connected to another hub. Calls are made one at a time,
	// in the order of events, in a goroutine of their own: they may use the hub,
	// but not wait for its Close or Flush, and events wait in memory until they
	// return.
	OnJoin, OnLeave func(room string, m Member)

	// Broker connects the hub with those of other machines, or other ones of this
	// process. If nil, the hub is alone.
	Broker Broker
	// BrokerPrefix begins the names of channels. Hubs are connected if they have
	// the same; a letter and up to 23 letters, digits and _, all lower case. The
	// default is "ws".
	BrokerPrefix string
	// BrokerLimit limits the bytes that are given to the Broker at a time; a
	// message that would need more is an error. The default is 1 MiB, the least
	// is 2,048 and MaxRoomName.
	BrokerLimit int
	// BrokerTimeout limits each call of the Broker. The default is 5 seconds.
	BrokerTimeout time.Duration
	// Heartbeat is how often a hub tells others that it is there, and looks for
	// connections that were closed behind its back. A hub that is not heard of
	// for three times as long is forgotten, with its clients; it should be the
	// same for all of them. The default is 10 seconds.
	Heartbeat time.Duration
	// LocalPresence keeps who is in which room from other hubs: Members, Rooms,
	// OnJoin and OnLeave are then about the hub's own clients.
	LocalPresence bool

	// Logger gets what goes wrong with the Broker. The default is slog.Default.
	Logger *slog.Logger
}

// withDefaults returns the options as they are meant, or what is wrong.
func (o HubOptions) withDefaults() (HubOptions, error) {
	orDefault(&o.QueueMessages, defaultQueueMessages)
	orDefault(&o.QueueBytes, defaultQueueBytes)
	orDefault(&o.Slow, Disconnect)
	orDefault(&o.SlowClose, CloseError{CloseTryAgainLater, "too slow"})
	orDefault(&o.WriteTimeout, defaultWriteTimeout)
	orDefault(&o.MaxRooms, defaultMaxRooms)
	orDefault(&o.MaxRoomName, defaultMaxRoomName)
	orDefault(&o.BrokerPrefix, defaultBrokerPrefix)
	orDefault(&o.BrokerLimit, defaultBrokerLimit)
	orDefault(&o.BrokerTimeout, defaultBrokerTimeout)
	orDefault(&o.Heartbeat, defaultHeartbeat)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	switch {
	case !o.Slow.known():
		return o, fmt.Errorf("there is no SlowPolicy %d", o.Slow)
	case !mayBeSent(o.SlowClose.Code):
		return o, fmt.Errorf("a SlowClose with code %d, which cannot be sent", o.SlowClose.Code)
	case o.MaxRoomName < 0 || o.MaxRoomName > mostRoomName:
		return o, fmt.Errorf("a MaxRoomName of %d, the most is %d", o.MaxRoomName, mostRoomName)
	case !isPrefix(o.BrokerPrefix):
		return o, fmt.Errorf("%q is no BrokerPrefix", o.BrokerPrefix)
	case o.BrokerLimit < leastBrokerLimit+o.MaxRoomName:
		return o, fmt.Errorf("a BrokerLimit of %d, the least is %d", o.BrokerLimit, leastBrokerLimit+o.MaxRoomName)
	case o.BrokerTimeout < 0:
		return o, fmt.Errorf("a BrokerTimeout of %v", o.BrokerTimeout)
	case o.Heartbeat < 0:
		return o, fmt.Errorf("a Heartbeat of %v", o.Heartbeat)
	}
	return o, nil
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (p SlowPolicy) known() bool { return Disconnect <= p && p <= DropNewest }

// A Hub is a set of clients, each in any number of named rooms, and sends
// messages to all of them, or to those of a room:
//
//	hub := ws.NewHub(ws.HubOptions{})
//
//	func chat(conn *ws.Conn) {
//		client, err := hub.Add(conn, ws.ClientOptions{})
//		if err != nil {
//			return
//		}
//		defer client.Remove()
//		client.Join("lobby")
//		for {
//			messageType, p, err := conn.ReadMessage()
//			if err != nil {
//				return
//			}
//			hub.Broadcast("lobby", messageType, p)
//		}
//	}
//
// Its methods, and those of [Client], may be called from any goroutine. None
// waits for the network, but Close, Flush and Remove.
//
// # Queues
//
// Each client has a queue. A message is encoded once, put in the queue of each
// receiver, and written by goroutines that run while there is something to
// write; messages that wait for the same client are written at once. Clients do
// not wait for each other, and nobody waits for a client: one that is slow is
// disconnected, or loses messages, as its [SlowPolicy] says, and
// [Hub.Stats] counts it.
//
// All clients of a hub get the messages that are broadcast to a room in the same
// order, and those that are broadcast to all. Between two rooms there is no
// order, save that of one goroutine that sends to both. A message is for those
// who are in the room when it is sent.
//
// # Several machines
//
// Hubs that have a [Broker] form one: a message reaches the clients of all of
// them, and rooms have the members of all. What a hub sends reaches its own
// clients at once, and others as soon as the broker delivers it; if the broker
// fails, that is logged and counted, and nothing waits for it. A room is
// subscribed to while the hub has a client in it.
type Hub struct {
	opts   HubOptions
	shards [numShards]shard // rooms, by name

	everyone struct {
		mu sync.Mutex
		crowd
	}

	mu      sync.Mutex // guards what follows
	clients table[string, *Client]
	ending  table[*Client, struct{}] // left, and still writing
	closed  bool
	timer   *time.Timer // for the next beat, or nil

	closing atomic.Bool // as closed, to be read without mu
	ready   readyClients
	writers tracker // clients that are written to
	others  tracker // all other goroutines
	events  hubEvents
	cluster *cluster // nil without a Broker
	counts  hubCounters
}

// hubCounters are the sums of [HubStats].
type hubCounters struct {
	sent, dropped, disconnected           atomic.Int64
	published, received, lost, bad, fails atomic.Int64
}

// NewHub returns a hub without clients. It panics if the options are not
// possible. A hub that has a Broker, or clients, has to be closed.
func NewHub(opts HubOptions) *Hub {
	opts, err := opts.withDefaults()
	if err != nil {
		panic("websocket: NewHub: " + err.Error())
	}
	h := &Hub{opts: opts}
	h.events.hub = h
	if opts.Broker != nil {
		h.cluster = newCluster(h)
		h.cluster.start()
		h.mu.Lock()
		h.startTimer()
		h.mu.Unlock()
	}
	return h
}

// ClientOptions describe one client to [Hub.Add]. A zero field means its
// default.
type ClientOptions struct {
	// ID tells the client from all others, also those of other machines: up to
	// 255 bytes of UTF-8. The default is random.
	ID string
	// Info is what others may know of the client, as its name: what [Hub.Members]
	// says of it, on all machines. Up to 1,024 bytes of UTF-8.
	Info string
	// Data is for the program's own use, and stays on this machine.
	Data any
	// QueueMessages, QueueBytes and Slow are as in [HubOptions], where they also
	// have their defaults.
	QueueMessages int
	QueueBytes    int
	Slow          SlowPolicy
}

// Add makes the connection a client of the hub, in no room. From then on the
// hub writes to it, and whoever added it goes on reading, and removes it in the
// end; messages that are written to the connection itself overtake those of the
// queue.
//
// The error is [ErrHubClosed], [ErrClientID], or says which option is not
// possible. The connection is then as it was.
func (h *Hub) Add(conn *Conn, opts ClientOptions) (*Client, error) {
	orDefault(&opts.QueueMessages, h.opts.QueueMessages)
	orDefault(&opts.QueueBytes, h.opts.QueueBytes)
	orDefault(&opts.Slow, h.opts.Slow)
	if opts.ID == "" {
		opts.ID = rand.Text()
	}
	switch {
	case !isName(opts.ID, maxClientID):
		return nil, fmt.Errorf("websocket: client ID of %d bytes, it may be UTF-8 of 1 to %d", len(opts.ID), maxClientID)
	case opts.Info != "" && !isName(opts.Info, maxClientInfo):
		return nil, fmt.Errorf("websocket: client info of %d bytes, it may be UTF-8 of up to %d", len(opts.Info), maxClientInfo)
	case !opts.Slow.known():
		return nil, fmt.Errorf("websocket: there is no SlowPolicy %d", opts.Slow)
	}
	c := &Client{hub: h, conn: conn, opts: opts, done: make(chan struct{})}

	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrHubClosed
	}
	if _, ok := h.clients.m[opts.ID]; ok {
		return nil, fmt.Errorf("%w: %q", ErrClientID, opts.ID)
	}
	h.clients.put(opts.ID, c)
	h.everyone.mu.Lock()
	c.seat = h.everyone.add(c)
	h.everyone.mu.Unlock()
	h.startTimer()
	return c, nil
}

// isName reports whether s is UTF-8 of 1 to most bytes.
func isName(s string, most int) bool {
	return s != "" && len(s) <= most && utf8.ValidString(s)
}

// forget removes a client that has left its rooms.
func (h *Hub) forget(c *Client) {
	h.everyone.mu.Lock()
	h.everyone.remove(c.seat)
	h.everyone.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clients.delete(c.opts.ID)
	select {
	case <-c.done:
	default:
		h.ending.put(c, struct{}{})
	}
}

// Client returns the client of this hub that has the ID, or nil.
func (h *Hub) Client(id string) *Client {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.clients.m[id]
}

// Clients returns the clients of this hub, in no order.
func (h *Hub) Clients() []*Client {
	h.everyone.mu.Lock()
	defer h.everyone.mu.Unlock()
	return h.everyone.clients()
}

// Broadcast sends a TextMessage or BinaryMessage to all clients in the room, on
// all machines, but those whose IDs are given. A room that does not exist has
// no clients. Data is not kept.
//
// It returns in how many queues of this hub the message is. The error is
// [ErrHubClosed], or says what is wrong with the message or the name; the
// message has then been sent to nobody.
func (h *Hub) Broadcast(room string, messageType int, data []byte, except ...string) (int, error) {
	if err := h.checkRoom(room); err != nil {
		return 0, err
	}
	pm, err := h.prepare(messageType, data)
	if err != nil {
		return 0, err
	}
	e := envelope{kind: kindRoom, messageType: messageType, room: room, except: except, data: data}
	payload, err := h.cluster.wrap(e)
	if err != nil {
		return 0, err
	}
	n := h.deliver(room, pm, except)
	h.cluster.publish(room, payload)
	return n, nil
}

// BroadcastAll sends a TextMessage or BinaryMessage to all clients, on all
// machines, but those whose IDs are given. See [Hub.Broadcast].
func (h *Hub) BroadcastAll(messageType int, data []byte, except ...string) (int, error) {
	pm, err := h.prepare(messageType, data)
	if err != nil {
		return 0, err
	}
	e := envelope{kind: kindAll, messageType: messageType, except: except, data: data}
	payload, err := h.cluster.wrap(e)
	if err != nil {
		return 0, err
	}
	n := h.deliverAll(pm, except)
	h.cluster.publish("", payload)
	return n, nil
}

// BroadcastFilter sends a TextMessage or BinaryMessage to those clients of this
// hub for which keep returns true, of one room, or of all if the name is empty.
// Other machines have no part in it, as a function does not travel: to leave
// out some clients, [Hub.Broadcast] them with exceptions, or have them in a room
// of their own.
//
// Keep is called once for each client, without a lock: clients may get such a
// message and another one in different orders. See [Hub.Broadcast] for the
// results.
func (h *Hub) BroadcastFilter(room string, messageType int, data []byte, keep func(*Client) bool) (int, error) {
	candidates := h.Clients
	if room != "" {
		if err := h.checkRoom(room); err != nil {
			return 0, err
		}
		candidates = func() []*Client { return h.occupants(room) }
	}
	pm, err := h.prepare(messageType, data)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, c := range candidates() {
		if keep(c) && c.SendPrepared(pm) == nil {
			n++
		}
	}
	return n, nil
}

// prepare is what all ways to send begin with.
func (h *Hub) prepare(messageType int, data []byte) (*PreparedMessage, error) {
	if h.closing.Load() {
		return nil, ErrHubClosed
	}
	return NewPreparedMessage(messageType, data)
}

// deliver sends the message to the hub's own clients in a room.
func (h *Hub) deliver(room string, pm *PreparedMessage, except []string) int {
	s := h.shardOf(room)
	s.mu.Lock()
	r := s.rooms.m[room]
	if r == nil {
		s.mu.Unlock()
		return 0
	}
	n, slow := r.send(pm, except)
	s.mu.Unlock()
	disconnect(slow)
	return n
}

// deliverAll sends the message to all the hub's own clients.
func (h *Hub) deliverAll(pm *PreparedMessage, except []string) int {
	h.everyone.mu.Lock()
	n, slow := h.everyone.send(pm, except)
	h.everyone.mu.Unlock()
	disconnect(slow)
	return n
}

// disconnect takes clients that were too slow out of the hub. They are closed
// already.
func disconnect(slow []*Client) {
	for _, c := range slow {
		c.leaveAll()
	}
}

// HubStats are what a hub is doing, and sums of what it has done.
type HubStats struct {
	Clients int // of this hub
	Rooms   int // that a client of this hub is in

	Sent         int64 // messages written to clients
	Dropped      int64 // messages for clients that were not written: too slow, or gone
	Disconnected int64 // clients that were too slow: over the limits, or over the time for a write

	Hubs         int   // other hubs that are known, if presence is not local
	Published    int64 // messages given to the broker
	Received     int64 // messages of other hubs
	Unpublished  int64 // messages that the broker did not take, or not in time
	BrokerErrors int64 // calls of the broker that failed
	Invalid      int64 // payloads from the broker that were not understood
}

// Stats returns what the hub counts. The numbers are each right, but not taken
// at the same instant.
func (h *Hub) Stats() HubStats {
	h.mu.Lock()
	s := HubStats{Clients: len(h.clients.m)}
	h.mu.Unlock()
	for i := range h.shards {
		shard := &h.shards[i]
		shard.mu.Lock()
		s.Rooms += len(shard.rooms.m)
		shard.mu.Unlock()
	}
	s.Sent = h.counts.sent.Load()
	s.Dropped = h.counts.dropped.Load()
	s.Disconnected = h.counts.disconnected.Load()
	s.Hubs = h.cluster.size()
	s.Published = h.counts.published.Load()
	s.Received = h.counts.received.Load()
	s.Unpublished = h.counts.lost.Load()
	s.BrokerErrors = h.counts.fails.Load()
	s.Invalid = h.counts.bad.Load()
	return s
}

// startTimer sets the timer for the next beat, for who holds h.mu.
func (h *Hub) startTimer() {
	if h.timer == nil {
		h.timer = time.AfterFunc(h.opts.Heartbeat, h.beat)
	}
}

// beat is what is done from time to time, as long as there is a Broker or a
// client.
func (h *Hub) beat() {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	h.others.add()
	defer h.others.done()
	h.timer = nil
	var lost []*Client
	for _, c := range h.clients.m {
		if c.conn.isOver() {
			lost = append(lost, c)
		}
	}
	if h.cluster != nil || len(h.clients.m) > len(lost) {
		h.startTimer()
	}
	h.mu.Unlock()
	for _, c := range lost {
		c.fail(nil)
	}
	h.cluster.beat()
}

// Flush waits until the hub has nothing left for the broker, no messages and no
// rooms to subscribe to, and OnJoin and OnLeave have returned. It need not be
// called; tests do, so that a room is known on all machines. A call that the
// broker failed is over too. The error is that of the context.
func (h *Hub) Flush(ctx context.Context) error {
	if err := h.others.wait(ctx); err != nil {
		return fmt.Errorf("websocket: flush: %w", err)
	}
	return nil
}

// Close ends the hub: all rooms are left, what waits in the queues is written,
// and each client is told by a close frame with code 1001 that the server goes
// away, and its connection closed. When the context ends, connections that are
// not done are cut off.
//
// Close returns when no goroutine of the hub is left. Its error is that of the
// context, if something was cut off; calls after the first wait as well.
// Everything else then returns [ErrHubClosed].
func (h *Hub) Close(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	h.closing.Store(true)
	if h.timer != nil {
		h.timer.Stop()
	}
	var clients []*Client
	for _, c := range h.clients.m {
		clients = append(clients, c)
	}
	h.mu.Unlock()
	h.cluster.shut()
	for _, c := range clients {
		c.end(&farewell{CloseGoingAway, ""})
		c.leaveAll()
	}
	late := h.writers.wait(ctx)
	if late != nil {
		h.cutOff()
		h.writers.wait(context.Background()) // nothing holds them any more
	}
	if err := h.others.wait(ctx); err != nil {
		late = err
	}
	h.cluster.end()
	if late != nil {
		return fmt.Errorf("websocket: hub was not closed in time: %w", late)
	}
	return nil
}

// Stop is [Hub.Close], under the name that a gongular.Engine calls when its server
// has stopped: a hub that was given to Provide ends with the server, after the
// sessions of the engine's routes, and before what was provided earlier.
func (h *Hub) Stop(ctx context.Context) error { return h.Close(ctx) }

// cutOff closes the connections of clients that have left, without more words.
// To close one may take a while, if it is encrypted.
func (h *Hub) cutOff() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.ending.m {
		h.writers.add()
		go func() {
			defer h.writers.done()
			c.conn.CloseNow()
		}()
	}
}
