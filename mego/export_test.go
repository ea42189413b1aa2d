package mego

import (
	"context"
	"errors"
)

// For tests: what has no way in through a connection.

// Flush waits until the broker knows of all subscriptions.
func Flush(ctx context.Context, e *Engine) error { return e.begin().hub.Flush(ctx) }

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
