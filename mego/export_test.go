package mego

import "errors"

// For tests: what has no way in through a connection.

// Queued returns how many messages were sent to the session, or wait.
func Queued(s *Session) int {
	stats := s.peer.client.Stats()
	return stats.Queued + int(stats.Sent)
}

// Sent returns how many messages have been written to the session.
func Sent(s *Session) int { return int(s.peer.client.Stats().Sent) }

// FailRename lets files be renamed as between two file systems.
func FailRename() (restore func()) {
	old := rename
	rename = func(from, to string) error { return errors.New("another file system") }
	return func() { rename = old }
}

// FailAppend lets the next n writes to files fail.
func FailAppend(n int) (restore func()) {
	old := appendFile
	appendFile = func(path string, offset int64, p []byte) error {
		if n--; n >= 0 {
			old(path, offset, p[:len(p)/2])
			return errors.New("the disk is full")
		}
		return old(path, offset, p)
	}
	return func() { appendFile = old }
}

var CleanName = func(name string) (base, extension string) { return splitName(cleanName(name)) }

var (
	Coloured   = coloured
	IsTerminal = isTerminal
)

// NewParam returns a parameter of that value.
func NewParam(value any) *Param { return &Param{value: value, len: 1} }
