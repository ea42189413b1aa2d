package bind

import (
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"
)

// The places an [Error] names.
const (
	PlaceParam  = "URL Path Parameter"
	PlaceQuery  = "Query Parameter"
	PlaceBody   = "Body"
	PlaceForm   = "Form Value"
	PlaceHeader = "Header"
	PlaceCookie = "Cookie"
)

// An Error reports a part of the request that does not fit. Its text concerns
// the client's own input, and may be sent back. It is used as a value.
type Error struct {
	// Place is the part of the request, one of the Place constants.
	Place string
	// FieldName is the Go name of the field; in a body the path of names and
	// indices ("Items.2.Price"). It is empty where a whole part is unreadable.
	FieldName string `json:",omitempty"`
	// Reason says what is wrong, without the place and field.
	Reason string

	// Key is the field's name in the request, where that is known.
	Key string `json:"-"`
	// Status is the HTTP status the error deserves; 0 stands for 400.
	Status int `json:"-"`
	// Err is the cause, for errors.Is and errors.As; it may be nil.
	Err error `json:"-"`
}

// Error returns place, field and reason in one line.
func (e Error) Error() string {
	return strings.TrimSpace(e.Place+" "+e.FieldName) + ": " + e.Reason
}

// Unwrap returns the cause.
func (e Error) Unwrap() error { return e.Err }

// StatusCode returns the HTTP status the error deserves: 400 Bad Request, 408
// for a body that came too slowly, 413 for one over a limit of bytes, 415 for
// a type that is not accepted.
func (e Error) StatusCode() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

// tooLarge is the error for more than limit bytes.
func tooLarge(place string, limit int64) Error {
	return Error{
		Place:  place,
		Reason: fmt.Sprintf("larger than the limit of %d bytes", limit),
		Status: http.StatusRequestEntityTooLarge,
	}
}

// quote quotes a piece of the client's input, shortened to what a message can bear.
func quote(s string) string {
	const most = 64
	if len(s) > most {
		n := most
		for n > most-utf8.UTFMax && !utf8.RuneStart(s[n]) {
			n-- // not in the middle of a letter
		}
		return fmt.Sprintf("%q…", s[:n])
	}
	return fmt.Sprintf("%q", s)
}
