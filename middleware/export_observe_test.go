package middleware

import "io"

// MinCompressed is how long a body has to be to be compressed.
const MinCompressed = minCompressed

// Accepts reports whether a client with that Accept-Encoding takes the coding.
func Accepts(values []string, coding string) bool { return accepts(values, coding) }

// ParseTraceparent returns what a traceparent says.
func ParseTraceparent(s string) (traceID, parentID string, flags byte, ok bool) {
	t, ok := parseTraceparent(s)
	return t.traceID, t.parentID, t.flags, ok
}

// Idle reports whether no goroutine of the sender is left.
func (s *WebhookSender) Idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lanes {
		if l.working || l.events != nil {
			return false
		}
	}
	return s.waiting == 0
}

// Waiting returns how many events there are.
func (s *WebhookSender) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

// Live returns how many requests the meter holds.
func (m *BandwidthMeter) Live() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.live)
}

// Open returns how many sessions the metrics hold.
func (m *Metrics) Open() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.open)
}

// Encoder returns an encoder of the compressor's pool, as it lies there.
func (c *GzipCompressor) Encoder() io.Writer { return c.encoders.get(io.Discard) }
