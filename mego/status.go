package mego

import (
	"errors"
	"io"
	"os"
)

// Sizes, in bytes.
const (
	// B is a byte.
	B = 1
	// KB is 1024 bytes.
	KB = 1024 * B
	// MB is 1024 KB.
	MB = 1024 * KB
	// GB is 1024 MB.
	GB = 1024 * MB
	// TB is 1024 GB.
	TB = 1024 * GB
)

// The codes of errors that a client is sent. Those of 1 and more are free for the
// application; 0 is success.
const (
	// StatusError means that the server failed.
	StatusError = -1000
	// StatusFull means that there is no room: in a chat room, a list of friends.
	StatusFull = -1001
	// StatusExists means that there is one already: a user of that name.
	StatusExists = -1002
	// StatusInvalid means that the request is malformed.
	StatusInvalid = -1003
	// StatusNotFound means that what was asked for does not exist.
	StatusNotFound = -1004
	// StatusNotAuthorized means that the user must log in first.
	StatusNotAuthorized = -1005
	// StatusNoPermission means that the user is known, and may not.
	StatusNoPermission = -1006
	// StatusUnimplemented means that there is no such method, or not yet.
	StatusUnimplemented = -1007
	// StatusTooManyRequests means that there were too many of late.
	StatusTooManyRequests = -1008
	// StatusResourceExhausted means that the user's quota is used up.
	StatusResourceExhausted = -1009
	// StatusBusy means that the server has too much to do.
	StatusBusy = -1010
	// StatusFileRetry means that a chunk went wrong. The error's data is
	// [total, n]: go on with chunk n.
	StatusFileRetry = -1011
	// StatusFileEmpty means that a file or chunk has no bytes.
	StatusFileEmpty = -1012
	// StatusFileTooLarge means that a file or chunk has too many.
	StatusFileTooLarge = -1013
	// StatusTimeout means that the answer took too long. Clients report it.
	StatusTimeout = -1014
)

// statusText are the messages of errors that are given none.
var statusText = map[int]string{
	StatusError:             "internal error",
	StatusFull:              "it is full",
	StatusExists:            "it exists already",
	StatusInvalid:           "the request is invalid",
	StatusNotFound:          "it was not found",
	StatusNotAuthorized:     "a login is needed",
	StatusNoPermission:      "permission denied",
	StatusUnimplemented:     "the method is not implemented",
	StatusTooManyRequests:   "too many requests",
	StatusResourceExhausted: "the quota is used up",
	StatusBusy:              "the server is busy",
	StatusFileRetry:         "send the chunk again",
	StatusFileEmpty:         "the file is empty",
	StatusFileTooLarge:      "the file is too large",
	StatusTimeout:           "the request took too long",
}

// defaultText returns the message of an error that is given none.
func defaultText(code int) string {
	if text, ok := statusText[code]; ok {
		return "mego: " + text
	}
	return "mego: request failed"
}

var (
	// ErrEventNotFound is returned for an event that was not set up by
	// [Engine.Event], and to which nobody is subscribed.
	ErrEventNotFound = errors.New("mego: the event doesn't exist")
	// ErrChannelNotFound is returned for a channel of an event to which nobody is
	// subscribed.
	ErrChannelNotFound = errors.New("mego: the channel doesn't exist")
	// ErrFileNotFound is returned, or panicked with, where a request has no such
	// file.
	ErrFileNotFound = errors.New("mego: the file was not found")
	// ErrKeyNotFound is what [Context.MustGet] panics with.
	ErrKeyNotFound = errors.New("mego: the key was not found")
	// ErrPanicRecovered is what a client is told by [Recovery].
	ErrPanicRecovered = errors.New("mego: panic recovered")
)

// What is used where nothing is said. They are to be set before engines are
// made, if at all.
var (
	// DefaultPort is where [Engine.Run] listens.
	DefaultPort = ":5000"
	// DefaultWriter is where [Logger] writes.
	DefaultWriter io.Writer = os.Stdout
	// DefaultErrorWriter is where [Recovery] writes, and what goes wrong inside an
	// engine is reported.
	DefaultErrorWriter io.Writer = os.Stderr
)

// H is a map for results and data.
type H map[string]any
