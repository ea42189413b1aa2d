package ws

import (
	"sync/atomic"
	"time"
)

// Stats are what a connection has done so far. Each number is right by itself;
// together they are of almost the same moment.
type Stats struct {
	// MessagesRead and MessagesWritten count messages that are complete, without
	// control frames.
	MessagesRead, MessagesWritten int64
	// BytesRead and BytesWritten count their payload, as it is before it is
	// compressed or after it is inflated.
	BytesRead, BytesWritten int64
	// Duration is the time since the handshake, or until the end.
	Duration time.Duration
	// CloseCode is the code of the first close frame of both ends, 0 if there was
	// none yet. CloseNoStatusReceived stands for one without a code,
	// CloseAbnormalClosure for the end of a connection without any.
	CloseCode int
	// ClosedByPeer reports whether that close frame was the peer's.
	ClosedByPeer bool
}

// Stats returns what the connection has done so far. It may be called at any
// time, also after the end.
func (c *Conn) Stats() Stats {
	k := &c.counted
	s := Stats{
		MessagesRead:    k.messagesRead.Load(),
		MessagesWritten: k.messagesWritten.Load(),
		BytesRead:       k.bytesRead.Load(),
		BytesWritten:    k.bytesWritten.Load(),
		Duration:        time.Duration(k.lasted.Load()),
	}
	if s.Duration == 0 {
		s.Duration = sinceEpoch() - k.start
	}
	code := k.closeCode.Load()
	s.CloseCode, s.ClosedByPeer = int(code&^byPeer), code&byPeer != 0
	return s
}

// counters are what Stats is made of.
type counters struct {
	start                         time.Duration // sinceEpoch
	messagesWritten, bytesWritten atomic.Int64
	messagesRead, bytesRead       atomic.Int64
	lasted                        atomic.Int64 // duration until the end, or 0
	closeCode                     atomic.Int32 // with byPeer
	also                          func(n int)  // counts messages for middleware; may be nil
}

// epoch is when the program began.
var epoch = time.Now()

// sinceEpoch is a moment in less space than a time.Time takes.
func sinceEpoch() time.Duration { return time.Since(epoch) }

const byPeer = 1 << 16 // no close code has this bit

func (k *counters) read(messages, bytes int) {
	k.messagesRead.Add(int64(messages))
	k.bytesRead.Add(int64(bytes))
	k.tell(messages)
}

func (k *counters) written(messages, bytes int) {
	k.messagesWritten.Add(int64(messages))
	k.bytesWritten.Add(int64(bytes))
	k.tell(messages)
}

func (k *counters) tell(messages int) {
	if k.also != nil && messages > 0 {
		k.also(messages)
	}
}

// closes notes a close frame, if it is the first, and reports that.
func (k *counters) closes(code int, peer bool) bool {
	if peer {
		code |= byPeer
	}
	return k.closeCode.CompareAndSwap(0, int32(code))
}

// notClosed takes back a close frame that was noted, but could not be sent.
func (k *counters) notClosed() {
	k.closeCode.Store(0)
	if k.lasted.Load() != 0 { // the end has come meanwhile, and was not noted
		k.closes(CloseAbnormalClosure, false)
	}
}

// ended notes the end of the connection.
func (k *counters) ended() {
	k.lasted.Store(max(1, int64(sinceEpoch()-k.start)))
	k.closes(CloseAbnormalClosure, false)
}
