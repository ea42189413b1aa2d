package client

import (
	"errors"
	"fmt"

	"github.com/gongular/gongular/mego/internal/wire"
	"github.com/gongular/gongular/mego/msgpack"
)

// The codes of errors that a server sends. Those of 1 and more are the
// application's; 0 is success.
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
	// StatusFileRetry means that a chunk went wrong. [Request.SendFileChunks]
	// deals with it.
	StatusFileRetry = -1011
	// StatusFileEmpty means that a file or chunk has no bytes.
	StatusFileEmpty = -1012
	// StatusFileTooLarge means that a file or chunk has too many.
	StatusFileTooLarge = -1013
	// StatusTimeout means that the answer took too long, where a server says so
	// itself. What the client has waited too long for is [ErrTimeout].
	StatusTimeout = -1014
)

var (
	// ErrClosed is returned where there is no connection, or not any more. It may
	// be wrapped in an error that says why.
	ErrClosed = errors.New("mego: the connection is closed")
	// ErrTimeout is returned where the server has not answered in time.
	ErrTimeout = errors.New("mego: no answer in time")
	// ErrSent is returned for a request that was ended before.
	ErrSent = errors.New("mego: the request was sent before")
	// ErrEmptyRequest is returned for a request that is nil.
	ErrEmptyRequest = errors.New("mego: the request is nil")
	// ErrSubscriptionRefused is returned where the server does not allow a
	// subscription.
	ErrSubscriptionRefused = errors.New("mego: the event subscription was refused")
	// ErrAborted is returned for an upload that the server does not want to go on
	// with.
	ErrAborted = errors.New("mego: the server aborted the upload")
	// ErrChunkWithFiles is returned for a request with a file in chunks and
	// another file.
	ErrChunkWithFiles = errors.New("mego: a file in chunks is the only one of its request")
)

// An Error is what the server answers instead of a result. It is found by
// errors.AsType[client.Error](err).
type Error struct {
	// Code is one of the Status constants or the application's. It is not 0.
	Code int
	// Message is for people.
	Message string
	// Data is for programs, encoded; empty for none. It must not be changed.
	Data []byte
}

// Error returns the message.
func (e Error) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("mego: the request failed with code %d", e.Code)
	}
	return e.Message
}

// Bind decodes Data into what dest points to, as msgpack.Unmarshal does. Without
// data it leaves it as it is, or makes it nil.
func (e Error) Bind(dest any) error { return decode("the data of the error", e.Data, dest) }

// decode decodes a value; none is nil.
func decode(what string, data []byte, dest any) error {
	if len(data) == 0 {
		data = encodedNil
	}
	if err := msgpack.Unmarshal(data, dest); err != nil {
		return fmt.Errorf("mego: %s: %w", what, err)
	}
	return nil
}

var encodedNil = []byte{0xc0}

// A Response is a message of the server. It is what the Data of the event Message
// can be bound to.
type Response struct {
	// Event is the name of an event; "" in an answer.
	Event string
	// Result is what the method returned, or the event carries, encoded; empty for
	// nil.
	Result msgpack.RawMessage
	// Error is why there is no result; its Code is 0 if there is one.
	Error Error
	// ID is the number of the request; 0 in an event.
	ID int
}

// UnmarshalMsgpack decodes a message.
func (r *Response) UnmarshalMsgpack(data []byte) error {
	w, err := wire.ParseResponse(data)
	if err != nil {
		return fmt.Errorf("mego: %w", err)
	}
	*r = Response{
		Event:  w.Event,
		Result: append(msgpack.RawMessage(nil), w.Result...),
		Error:  Error{Code: int(w.Code), Message: w.Message, Data: append([]byte(nil), w.Data...)},
		ID:     int(w.ID),
	}
	return nil
}
