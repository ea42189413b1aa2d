package ws

import (
	"context"
	"slices"
	"sync"
)

// A Broker carries messages between hubs, so that those of several machines
// form one: see [HubOptions.Broker]. It is little enough that Redis, NATS or
// PostgreSQL do it as they are.
//
// A channel is named by 1 to 63 of the characters a to z, 0 to 9 and _, the
// first a letter. A payload is bytes, not text, and at most
// [HubOptions.BrokerLimit] long; where a system takes text only (NOTIFY does, and
// less than 8,000 bytes), an adapter encodes it.
//
// Each message is delivered once or not at all, to everybody who subscribes to
// the channel, the publisher included or not, and what one publisher says in a
// channel arrives in that order. To connect again after a failure, and to
// subscribe anew, is the Broker's task.
//
// The methods may be called from any goroutine. They may wait, for as long as
// their context lasts; a hub does not wait for them.
type Broker interface {
	// Publish hands a payload to the subscribers of a channel. It does not keep
	// the payload.
	Publish(ctx context.Context, channel string, payload []byte) error
	// Subscribe has the receiver called for what is published in a channel from
	// now on, until unsubscribe is called. A few messages may still come after
	// that. The context is for the call only.
	Subscribe(ctx context.Context, channel string, to Receiver) (unsubscribe func() error, err error)
}

// A Receiver is who subscribes to a channel of a [Broker]. Both functions may be
// called from any goroutine, also from several at a time; they do not wait.
type Receiver struct {
	// Message is called for each message. The payload is not changed, nor kept
	// when Message returns.
	Message func(payload []byte)
	// Restored is called when the subscription had been interrupted and has been
	// made again: messages may be missing. A Broker that never loses its
	// connection need not call it.
	Restored func()
}

// A MemoryBroker is a [Broker] for hubs of one process. Publish returns when all
// subscribers have been called.
type MemoryBroker struct {
	mu       sync.RWMutex
	channels map[string][]*Receiver // each list is replaced, not changed
}

var _ Broker = (*MemoryBroker)(nil)

// NewMemoryBroker returns a broker without subscribers.
func NewMemoryBroker() *MemoryBroker {
	return &MemoryBroker{channels: make(map[string][]*Receiver)}
}

// Publish calls the subscribers of the channel one after another. The error is
// that of the context, if it has ended before.
func (b *MemoryBroker) Publish(ctx context.Context, channel string, payload []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.RLock()
	receivers := b.channels[channel]
	b.mu.RUnlock()
	for _, r := range receivers {
		r.Message(payload)
	}
	return nil
}

// Subscribe implements [Broker]. The error is that of the context, if it has
// ended before; unsubscribe returns none, and may be called again.
func (b *MemoryBroker) Subscribe(ctx context.Context, channel string, to Receiver) (unsubscribe func() error, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &to
	b.channels[channel] = append(slices.Clip(b.channels[channel]), r)
	return func() error {
		b.remove(channel, r)
		return nil
	}, nil
}

func (b *MemoryBroker) remove(channel string, r *Receiver) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.channels[channel]
	left := make([]*Receiver, 0, len(old))
	for _, other := range old {
		if other != r {
			left = append(left, other)
		}
	}
	if len(left) == 0 {
		delete(b.channels, channel)
		return
	}
	b.channels[channel] = left
}
