package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/gongular/gongular/mego/internal/wire"
	"github.com/gongular/gongular/mego/msgpack"
)

// The events that a client makes itself.
const (
	eventOpen    = "Open"
	eventClose   = "Close"
	eventReopen  = "Reopen"
	eventMessage = "Message"
	eventError   = "Error"
)

// builtIn are their names. What a server calls so is no event.
var builtIn = map[string]bool{"": true, eventOpen: true, eventClose: true, eventReopen: true, eventMessage: true, eventError: true}

// An Event is what a handler of [Client.On] is told of.
type Event struct {
	// Name is the event's name.
	Name string
	// Data is what it carries, encoded. It must not be changed.
	Data []byte
}

// Bind decodes Data into what dest points to, as msgpack.Unmarshal does.
func (e *Event) Bind(dest any) error { return decode("the data of the event", e.Data, dest) }

// On sets the handler of an event, in place of the one there was. No handler, nil,
// is Off. Besides what the server emits there are these events:
//
//	Open      Connect has connected
//	Reopen    Reconnect has, and has made the subscriptions again; their events may
//	          come before it
//	Close     the connection is over; Data has code and reason, those of the close
//	          frame, or 1006 and what happened
//	Message   a message has come, of any kind; Data is all of it, see [Response]
//	Error     something went wrong that no call returns; Data is a text
//
// A server's event of such a name is only seen as Message, before the handlers of
// other events.
//
// Handlers run one after another, in the order of the events, and not in the
// goroutine that reads: they may call methods, reconnect and close. What comes
// meanwhile waits, up to 1,024 events that have 16 MB together; then the oldest is
// dropped, and Error tells how many were. A handler that panics is reported by
// Error, unless it is that of Error.
func (c *Client) On(event string, handler func(*Event)) *Client {
	c.events.set(event, handler)
	return c
}

// Off takes the handler of an event away. The server goes on sending it, until
// Unsubscribe.
func (c *Client) Off(event string) *Client { return c.On(event, nil) }

const (
	maxBacklog      = 1024     // events that wait
	maxBacklogBytes = 16 << 20 // of all of them, unless it is one
)

// An item is what handlers are to be told of: a message, if that is not nil, and
// an event, if that is not "".
type item struct {
	message []byte
	event   string
	data    []byte
	kept    bool // it is not dropped: there is one for each connection
}

func (it item) size() int { return max(len(it.message), len(it.data)) }

// A backlog is what waits for handlers, within limits. The oldest have to go.
type backlog struct {
	items   []item
	bytes   int
	kept    int // items that are not dropped
	dropped int // since somebody was told
}

func (b *backlog) push(it item) {
	b.items = append(b.items, it)
	b.bytes += it.size()
	if it.kept {
		b.kept++
	}
	for len(b.items)-b.kept > maxBacklog || b.bytes > maxBacklogBytes {
		oldest := slices.IndexFunc(b.items, func(it item) bool { return !it.kept })
		if oldest < 0 || oldest == len(b.items)-1 {
			return
		}
		b.take(oldest)
		b.dropped++
	}
}

// take takes an item out.
func (b *backlog) take(i int) item {
	it := b.items[i]
	copy(b.items[1:i+1], b.items[:i])
	b.items[0] = item{}
	b.items = b.items[1:]
	b.bytes -= it.size()
	if it.kept {
		b.kept--
	}
	return it
}

// pop returns what is next, if there is something: that events were dropped comes
// before those that were not.
func (b *backlog) pop() (it item, ok bool) {
	if n := b.dropped; n > 0 && !(len(b.items) > 0 && b.items[0].kept) {
		b.dropped = 0
		return newItem(eventError, fmt.Sprintf("mego: %d events were dropped, as they come faster than they are handled", n)), true
	}
	if len(b.items) == 0 {
		b.items = nil
		return item{}, false
	}
	return b.take(0), true
}

// newItem returns an event of the client's own. What it carries can be encoded.
func newItem(event string, v any) item {
	data, err := msgpack.Marshal(v)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return item{event: event, data: data}
}

// events runs the handlers of a client, in a goroutine that there is while
// something waits for them.
type events struct {
	mu       sync.Mutex // guards what follows
	handlers map[string]func(*Event)
	waiting  backlog
	running  bool
}

func (e *events) set(event string, handler func(*Event)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if handler == nil {
		delete(e.handlers, event)
		return
	}
	if e.handlers == nil {
		e.handlers = make(map[string]func(*Event))
	}
	e.handlers[event] = handler
}

func (e *events) handler(event string) func(*Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.handlers[event]
}

// wants reports whether there is a handler for something.
func (e *events) wants(it item) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.handles(it)
}

// handles is wants for who holds mu.
func (e *events) handles(it item) bool {
	return e.handlers[it.event] != nil || it.message != nil && e.handlers[eventMessage] != nil
}

// push has handlers told of something, if there are any.
func (e *events) push(it item) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.handles(it) {
		return
	}
	e.waiting.push(it)
	if !e.running {
		e.running = true
		go e.run()
	}
}

// fire has the handler of an event of the client's own told.
func (e *events) fire(event string, v any) { e.push(newItem(event, v)) }

// mark is fire for an event that there is once for each connection.
func (e *events) mark(event string, v any) {
	it := newItem(event, v)
	it.kept = true
	e.push(it)
}

// begin pushes what came before a session began.
func (e *events) begin(early backlog) {
	e.mu.Lock()
	e.waiting.dropped += early.dropped
	e.mu.Unlock()
	for _, it := range early.items {
		e.push(it)
	}
}

// clear drops what waits, but for what there is once for each connection.
func (e *events) clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	var left backlog
	for _, it := range e.waiting.items {
		if it.kept {
			left.push(it)
		}
	}
	e.waiting = left
}

// run runs handlers until nothing waits for them any more.
func (e *events) run() {
	ended := false
	defer func() {
		if !ended { // a handler has ended the goroutine
			go e.run()
		}
	}()
	for {
		e.mu.Lock()
		it, ok := e.waiting.pop()
		if !ok {
			e.running, ended = false, true
			e.mu.Unlock()
			return
		}
		e.mu.Unlock()
		if it.message != nil {
			e.call(eventMessage, it.message)
		}
		if it.event != "" {
			e.call(it.event, it.data)
		}
	}
}

// call calls the handler of an event, if there is one.
func (e *events) call(event string, data []byte) {
	handler := e.handler(event)
	if handler == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil && event != eventError {
			e.fire(eventError, fmt.Sprintf("mego: the handler of %s panicked: %v", event, v))
		}
	}()
	handler(&Event{Name: event, Data: data})
}

// A subscription names a channel of an event.
type subscription struct{ event, channel string }

// Subscribe subscribes to a channel of an event, and waits for the server to say
// so. What is extra is for the server's HandleSubscribe, as parameters from 2 on.
// The error is [ErrSubscriptionRefused], or any of [Request.End].
func (c *Client) Subscribe(event, channel string, extra ...any) error {
	p, err := msgpack.Marshal(append([]any{event, channel}, extra...))
	if err != nil {
		return fmt.Errorf("mego: the parameters cannot be encoded: %w", err)
	}
	l := c.current()
	if l == nil {
		return ErrClosed
	}
	if err := l.subscribe(context.Background(), p); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != l {
		return ErrClosed // so was the subscription
	}
	if c.subscribed == nil {
		c.subscribed = make(map[subscription][]byte)
	}
	c.subscribed[subscription{event, channel}] = p
	return nil
}

// Unsubscribe ends a subscription, and waits for the server to say so. That there
// is none is no error. Whatever the error is, Reconnect does not subscribe to it
// again.
func (c *Client) Unsubscribe(event, channel string) error {
	c.mu.Lock()
	delete(c.subscribed, subscription{event, channel})
	l := c.link
	c.mu.Unlock()
	if l == nil {
		return ErrClosed
	}
	p, err := msgpack.Marshal([]string{event, channel})
	if err != nil {
		panic("BUG: " + err.Error())
	}
	_, err = l.call(context.Background(), wire.Request{Method: wire.Unsubscribe, Params: p}, c.option().Timeout)
	return err
}

// subscribe subscribes, with encoded parameters.
func (l *link) subscribe(ctx context.Context, p []byte) error {
	_, err := l.call(ctx, wire.Request{Method: wire.Subscribe, Params: p}, l.client.option().Timeout)
	if e, ok := errors.AsType[Error](err); ok && e.Code == StatusNoPermission {
		return ErrSubscriptionRefused
	}
	return err
}

// atOnce is how many subscriptions are made again at a time.
const atOnce = 16

// resubscribe subscribes to everything again. A subscription that the server does
// not want is given up.
func (c *Client) resubscribe(ctx context.Context, l *link) error {
	c.mu.Lock()
	params := maps.Clone(c.subscribed)
	c.mu.Unlock()
	wanted := slices.SortedFunc(maps.Keys(params), func(a, b subscription) int {
		return cmp.Or(cmp.Compare(a.event, b.event), cmp.Compare(a.channel, b.channel))
	})
	errs := make([]error, len(wanted))
	turns := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, s := range wanted {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			errs[i] = l.subscribe(ctx, params[s])
		})
	}
	all.Wait()
	for i, err := range errs {
		if err == nil {
			continue
		}
		s := wanted[i]
		if _, refused := errors.AsType[Error](err); refused || err == ErrSubscriptionRefused {
			c.mu.Lock()
			delete(c.subscribed, s)
			c.mu.Unlock()
		}
		errs[i] = fmt.Errorf("mego: subscribing to %q, channel %q, again: %w", s.event, s.channel, err)
	}
	return errors.Join(errs...)
}
