package main

import "time"

// How fast one person may send: so many messages a second in the long run, and
// so many at once.
const (
	messagesPerSecond = 5
	messagesAtOnce    = 20
)

// A limiter counts the messages of one connection. It fills like a bucket, and
// runs out by itself; the zero value is empty.
type limiter struct {
	level float64   // messages, as of last
	last  time.Time // a message was counted
}

// allow counts a message, and reports whether it may be sent. One that may not
// counts all the same: who goes on regardless is not heard again.
func (l *limiter) allow(now time.Time) bool {
	ranOut := now.Sub(l.last).Seconds() * messagesPerSecond
	l.level = max(0, l.level-ranOut) + 1
	l.last = now
	return l.level <= messagesAtOnce
}

// hopeless reports whether as much as that again was sent without being allowed.
func (l *limiter) hopeless() bool { return l.level > 2*messagesAtOnce }
