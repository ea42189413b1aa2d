package mego

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/gongular/gongular/mego/internal/wire"
	"github.com/gongular/gongular/mego/msgpack"
	"github.com/gongular/gongular/ws"
)

// maxName limits the name of an event or channel that can be subscribed to, in
// bytes; maxRoomName what becomes of both.
const (
	maxName     = 255
	maxRoomName = 2*maxName + 16
)

// An Event is what sessions subscribe to, in channels. It exists if
// [Engine.Event] was called for it, or as long as there are subscriptions.
type Event struct {
	// Name is the name of the event.
	Name string
	// Channels are the channels that sessions are subscribed to, by name. They
	// change while the engine serves.
	Channels map[string]*Channel

	engine    *Engine
	permanent bool
	members   map[*peer]int // in how many channels a session is
}

// A Channel is a part of an event. It exists as long as there are subscriptions.
type Channel struct {
	// Name is the name of the channel, which may be empty.
	Name string
	// Sessions are the subscribed sessions, in no order. They change while the
	// engine serves.
	Sessions []*Session
	// Event is the event that the channel is a part of.
	Event *Event

	seats map[*peer]int // where in Sessions a session is
}

// A subscription names a channel of an event.
type subscription struct{ event, channel string }

// Each event is a room of the hub, for what is emitted to all its channels, and
// so is each channel that has a name. Rooms are named so that no two are the same,
// whatever is in the names.
//
//	news        => "e4:news"
//	news/sport  => "c4:newssport"

func eventRoom(event string) string { return "e" + strconv.Itoa(len(event)) + ":" + event }

func channelRoom(event, channel string) string {
	return "c" + strconv.Itoa(len(event)) + ":" + event + channel
}

// encodeEvent returns an event as it is sent.
func encodeEvent(event string, payload any) ([]byte, error) {
	b, err := msgpack.Append(wire.AppendHead(nil, event), payload)
	if err != nil {
		return nil, fmt.Errorf("mego: the event cannot be encoded: %w", err)
	}
	return wire.AppendTail(b, wire.Response{}), nil
}

// checkNames returns what is wrong with names that are to be subscribed to.
func checkNames(event, channel string) error {
	switch {
	case event == "":
		return errors.New("mego: the event has no name")
	case len(event) > maxName || !utf8.ValidString(event):
		return fmt.Errorf("mego: the event's name is not UTF-8 of up to %d bytes", maxName)
	case len(channel) > maxName || !utf8.ValidString(channel):
		return fmt.Errorf("mego: the channel's name is not UTF-8 of up to %d bytes", maxName)
	}
	return nil
}

// Event makes an event exist, whether or not there are subscriptions.
func (e *Engine) Event(name string) {
	e.events.Lock()
	defer e.events.Unlock()
	e.event(name).permanent = true
}

// event returns the event, which is made if need be, for who holds e.events.
func (e *Engine) event(name string) *Event {
	ev := e.Events[name]
	if ev == nil {
		ev = &Event{Name: name, Channels: make(map[string]*Channel), engine: e, members: make(map[*peer]int)}
		e.Events[name] = ev
	}
	return ev
}

// errTooMany is for a session that has all the subscriptions that it may have.
var errTooMany = errors.New("mego: there are too many subscriptions")

// subscribe subscribes the session to a channel. To do so twice is to do it
// once. For a session that has ended it does nothing.
func (e *Engine) subscribe(p *peer, event, channel string) error {
	e.events.Lock()
	defer e.events.Unlock()
	key := subscription{event, channel}
	if _, ok := p.subscribed[key]; ok || p.unlisted {
		return nil
	}
	if exceeds(len(p.subscribed)+1, p.core.MaxSubscriptions) {
		return errTooMany
	}
	if p.subscribed == nil {
		p.subscribed = make(map[subscription]struct{})
	}
	p.subscribed[key] = struct{}{}
	ev := e.event(event)
	ch := ev.Channels[channel]
	if ch == nil {
		ch = &Channel{Name: channel, Event: ev, seats: make(map[*peer]int)}
		ev.Channels[channel] = ch
	}
	ch.seats[p] = len(ch.Sessions)
	ch.Sessions = append(ch.Sessions, p.session)
	ev.members[p]++
	// That the client has left the hub is all that can go wrong; the session ends.
	if ev.members[p] == 1 {
		p.client.Join(eventRoom(event))
	}
	if channel != "" {
		p.client.Join(channelRoom(event, channel))
	}
	return nil
}

// unsubscribe ends a subscription, if there is one.
func (e *Engine) unsubscribe(p *peer, event, channel string) {
	e.events.Lock()
	defer e.events.Unlock()
	if _, ok := p.subscribed[subscription{event, channel}]; ok {
		e.Events[event].Channels[channel].remove(p)
	}
}

// unsubscribeAll ends all subscriptions of a session, and takes no further ones.
func (e *Engine) unsubscribeAll(p *peer) {
	e.events.Lock()
	defer e.events.Unlock()
	p.unlisted = true
	for s := range p.subscribed {
		e.Events[s.event].Channels[s.channel].remove(p)
	}
}

// remove ends a subscription that there is, for who holds engine.events. The
// channel and the event end with their last one.
func (ch *Channel) remove(p *peer) {
	ev := ch.Event
	delete(p.subscribed, subscription{ev.Name, ch.Name})
	seat, last := ch.seats[p], len(ch.Sessions)-1
	moved := ch.Sessions[last]
	ch.Sessions[seat] = moved
	ch.seats[moved.peer] = seat
	ch.Sessions[last] = nil
	ch.Sessions = ch.Sessions[:last]
	delete(ch.seats, p)
	if last == 0 {
		delete(ev.Channels, ch.Name)
	}
	if ch.Name != "" {
		p.client.Leave(channelRoom(ev.Name, ch.Name))
	}
	if ev.members[p]--; ev.members[p] > 0 {
		return
	}
	delete(ev.members, p)
	p.client.Leave(eventRoom(ev.Name))
	if len(ev.Channels) == 0 && !ev.permanent {
		delete(ev.engine.Events, ev.Name)
	}
}

// clear ends all subscriptions of the channel, for who holds engine.events.
func (ch *Channel) clear() {
	for len(ch.Sessions) > 0 {
		ch.remove(ch.Sessions[0].peer)
	}
}

// Destroy ends the event, with all its subscriptions.
func (ev *Event) Destroy() {
	ev.engine.events.Lock()
	defer ev.engine.events.Unlock()
	for _, ch := range ev.Channels {
		ch.clear()
	}
	if ev.engine.Events[ev.Name] == ev {
		delete(ev.engine.Events, ev.Name)
	}
}

// Destroy ends the channel, with all its subscriptions.
func (ch *Channel) Destroy() {
	ch.Event.engine.events.Lock()
	defer ch.Event.engine.events.Unlock()
	ch.clear()
}

// Kick ends the subscription of the session that has the ID, if there is one.
func (ch *Channel) Kick(id string) {
	ch.Event.engine.events.Lock()
	defer ch.Event.engine.events.Unlock()
	i := slices.IndexFunc(ch.Sessions, func(s *Session) bool { return s.ID == id })
	if i >= 0 {
		ch.remove(ch.Sessions[i].peer)
	}
}

// Emit sends an event to the sessions that are subscribed to the channel, or, if
// that is "", to any channel of the event. It is encoded once. Nobody waits for a
// client: see EngineOption.Slow.
//
// The error is [ErrEventNotFound], [ErrChannelNotFound], or says that the result
// cannot be encoded. That an event has no subscriptions is none if it was set up
// by [Engine.Event]. With a Broker, whose other machines may have subscriptions,
// the first two are not returned.
func (e *Engine) Emit(event string, channel string, result any) error {
	return e.emit(event, channel, result, nil)
}

// EmitMultiple is Emit for those sessions that are among the given ones, by their
// IDs. It is for sessions of this engine.
func (e *Engine) EmitMultiple(event string, channel string, result any, sessions []*Session) error {
	ids := make(map[string]bool, len(sessions))
	for _, s := range sessions {
		if s != nil {
			ids[s.ID] = true
		}
	}
	return e.emit(event, channel, result, func(s *Session) bool { return ids[s.ID] })
}

// EmitFilter is Emit for those sessions for which filter returns true. It is
// called once for each, and may use the engine. It is for sessions of this
// engine; without a filter, it is Emit.
func (e *Engine) EmitFilter(event string, channel string, payload any, filter func(*Session) bool) error {
	return e.emit(event, channel, payload, filter)
}

func (e *Engine) emit(event, channel string, result any, keep func(*Session) bool) error {
	c := e.begin()
	if err := e.exists(event, channel); err != nil && (c.Broker == nil || keep != nil) {
		return err
	}
	data, err := encodeEvent(event, result)
	if err != nil {
		return err
	}
	room := eventRoom(event)
	if channel != "" {
		room = channelRoom(event, channel)
	}
	if keep == nil {
		_, err = c.hub.Broadcast(room, ws.BinaryMessage, data)
	} else {
		_, err = c.hub.BroadcastFilter(room, ws.BinaryMessage, data, func(client *ws.Client) bool {
			return keep(client.Data().(*peer).session)
		})
	}
	if err != nil {
		return fmt.Errorf("mego: %w", err)
	}
	return nil
}

// exists returns ErrEventNotFound, ErrChannelNotFound or nil.
func (e *Engine) exists(event, channel string) error {
	e.events.Lock()
	defer e.events.Unlock()
	ev := e.Events[event]
	switch {
	case ev == nil:
		return ErrEventNotFound
	case channel != "" && ev.Channels[channel] == nil:
		return ErrChannelNotFound
	}
	return nil
}

// handleSubscribe is the end of the chain of MegoSubscribe.
func (e *Engine) handleSubscribe(c *Context) {
	event, channel, err := subscribedNames(c)
	if err != nil {
		c.RespondWithError(StatusInvalid, nil, err)
		return
	}
	e.mu.RLock()
	onSubscribe := e.onSubscribe
	e.mu.RUnlock()
	if onSubscribe != nil && !onSubscribe(event, channel, c) {
		c.RespondWithError(StatusNoPermission, nil, errRefused)
		return
	}
	if err := e.subscribe(c.peer, event, channel); err != nil {
		c.RespondWithError(StatusFull, nil, err)
	}
}

var errRefused = errors.New("mego: the event subscription was refused")

// handleUnsubscribe is the end of the chain of MegoUnsubscribe.
func (e *Engine) handleUnsubscribe(c *Context) {
	event, channel, err := subscribedNames(c)
	if err != nil {
		c.RespondWithError(StatusInvalid, nil, err)
		return
	}
	e.unsubscribe(c.peer, event, channel)
}

// subscribedNames returns the names that the parameters begin with.
func subscribedNames(c *Context) (event, channel string, err error) {
	list, ok := c.value.([]any)
	if !ok || len(list) == 0 {
		return "", "", errors.New("mego: the parameters are not [event, channel]")
	}
	if event, ok = list[0].(string); !ok {
		return "", "", errors.New("mego: the event is not a string")
	}
	if len(list) > 1 {
		if channel, ok = list[1].(string); !ok {
			return "", "", errors.New("mego: the channel is not a string")
		}
	}
	return event, channel, checkNames(event, channel)
}
