// Package wire is what goes over a Mego connection, for the server and for the
// client.
//
// A WebSocket message is one MessagePack map. Its keys are single letters:
//
//	Request, client to server                Response, server to client
//	m  method; "" in the handshake           v  event; "" in a reply
//	f  files: field => array of files        r  result, or what the event carries
//	p  parameters: array or map              e  error: c code, m message, d data
//	i  number; 0 if no reply is wanted       i  number of the request; 0 in an event
//
//	File
//	b  bytes of the file, or of a chunk
//	i  number, the same for all chunks of a file
//	p  [total, current], from 1; empty for a whole file
//	n  name
//	h  SHA-256 of the whole file; it may be left out
//
// Keys that are not known are skipped, with what they hold; of a key that occurs
// twice the last counts; nil is the same as nothing.
package wire

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/gongular/gongular/mego/msgpack"
)

// Names that mean something to both sides.
const (
	Subscribe   = "MegoSubscribe"   // method: p is [event, channel, …]
	Unsubscribe = "MegoUnsubscribe" // method: p is [event, channel]
	ChunkNext   = "MegoChunkNext"   // event, with a number: send the next chunk
	ChunkAbort  = "MegoChunkAbort"  // event, with a number: send no more
	Notice      = "MegoNotice"      // event: a text of the server's operator
	SessionID   = "MegoID"          // key of the handshake: a UUID
)

// A Request is what a client sends. Params, and the Binary of files, are parts
// of the message it was parsed from.
type Request struct {
	Method string
	Fields []Field
	Params []byte // one encoded value; nil for none
	Value  any    // the Params of a request that was parsed, decoded
	ID     int64
}

// A Field is a name and its files, in the order of the message.
type Field struct {
	Name  string
	Files []File
}

// A File is a file, or a chunk of one.
type File struct {
	Binary []byte
	ID     int64
	Parts  []int // [total, current], or empty
	Name   string
	Sum    []byte // SHA-256 of the whole, or nil
}

// A Response is what the server sends. Result and Data are encoded values, and
// parts of the message if it was parsed; nil is nil.
type Response struct {
	Event   string
	Result  []byte
	Code    int64
	Message string
	Data    []byte
	ID      int64
}

// ErrMalformed is what is wrong with a message that is not one well-formed map,
// or whose number is no integer: there is nothing to be made of it. It is wrapped
// in an error that says what is wrong.
var ErrMalformed = errors.New("malformed message")

// errType is what is wrong with a message in which something is of another type
// than it should be. Its number is known.
func errType(what, want string) error { return fmt.Errorf("%s is not %s", what, want) }

func malformed(reason any) error { return fmt.Errorf("%w: %v", ErrMalformed, reason) }

// ParseRequest parses a message. With an error that is not ErrMalformed, the
// request has the number to answer to. The Params are well-formed, and can be
// decoded into an any.
func ParseRequest(data []byte) (Request, error) {
	var r Request
	var method, files []byte
	err := parse(data, &r.ID, func(key string, value []byte) {
		switch key {
		case "m":
			method = value
		case "f":
			files = value
		case "p":
			r.Params = value
		}
	})
	if err != nil {
		return r, err
	}
	if isNil(r.Params) {
		r.Params = nil
	}
	// What cannot be a key is found by decoding only.
	if r.Params != nil {
		if err := msgpack.Unmarshal(r.Params, &r.Value); err != nil {
			return r, malformed(err)
		}
	}
	ok := true
	if r.Method, ok = text(method); !ok {
		return r, errType("the method", "a string in UTF-8")
	}
	if r.Fields, err = parseFields(files); err != nil {
		return r, &FilesError{err}
	}
	return r, nil
}

// A FilesError is what is wrong with the files of a request, of which all else
// is known.
type FilesError struct{ error }

// parse walks the pairs of a message, and parses its number.
func parse(data []byte, id *int64, pair func(key string, value []byte)) error {
	if err := msgpack.Unmarshal(data, new(whole)); err != nil {
		return malformed(err)
	}
	if kindOf(data) != kindMap {
		return malformed("not a map")
	}
	var number []byte
	eachPair(data, func(key, value []byte) {
		name, ok := text(key)
		if ok && name == "i" {
			number = value
		} else if ok {
			pair(name, value)
		}
	})
	n, ok := integer(number)
	if !ok {
		return malformed("the number is not an integer")
	}
	*id = n
	return nil
}

// whole is decoded from anything: from a message it is decoded from, what is
// wrong shows.
type whole struct{}

// UnmarshalMsgpack accepts what the decoder has checked.
func (*whole) UnmarshalMsgpack([]byte) error { return nil }

// maxFiles is the most fields, and files, of one request.
const maxFiles = 1 << 16

func parseFields(files []byte) ([]Field, error) {
	if isNil(files) {
		return nil, nil
	}
	if kindOf(files) != kindMap {
		return nil, errType("f", "a map")
	}
	if headOf(files).bits > maxFiles {
		return nil, fmt.Errorf("more than %d fields", maxFiles)
	}
	var fields []Field
	var err error
	at := map[string]int{} // where a field is
	count := 0
	eachPair(files, func(key, value []byte) {
		if err != nil {
			return
		}
		name, ok := text(key)
		if !ok || isNil(key) {
			err = errType("a field's name", "a string in UTF-8")
			return
		}
		field := Field{Name: name}
		field.Files, err = parseFiles(value)
		if count += len(field.Files); count > maxFiles {
			err = fmt.Errorf("more than %d files", maxFiles)
		}
		if i, twice := at[name]; twice {
			fields[i] = field
			return
		}
		at[name] = len(fields)
		fields = append(fields, field)
	})
	return fields, err
}

func parseFiles(value []byte) ([]File, error) {
	if kindOf(value) != kindArray {
		return nil, errType("a field", "an array of files")
	}
	if headOf(value).bits > maxFiles {
		return nil, fmt.Errorf("more than %d files", maxFiles)
	}
	var files []File
	var err error
	eachElement(value, func(element []byte) {
		if err == nil {
			var f File
			f, err = parseFile(element)
			files = append(files, f)
		}
	})
	return files, err
}

func parseFile(value []byte) (File, error) {
	var f File
	if kindOf(value) != kindMap {
		return f, errType("a file", "a map")
	}
	var b, i, p, n, h []byte
	eachPair(value, func(key, value []byte) {
		name, _ := text(key)
		switch name {
		case "b":
			b = value
		case "i":
			i = value
		case "p":
			p = value
		case "n":
			n = value
		case "h":
			h = value
		}
	})
	var ok bool
	if f.Binary, ok = raw(b); !ok {
		return f, errType("b of a file", "binary")
	}
	if f.ID, ok = integer(i); !ok {
		return f, errType("i of a file", "an integer")
	}
	name, ok := raw(n)
	if f.Name = string(name); !ok || kindOf(n) == kindBin {
		return f, errType("n of a file", "a string")
	}
	if f.Sum, ok = raw(h); !ok || len(f.Sum) != 0 && len(f.Sum) != sha256.Size {
		return f, errType("h of a file", "32 bytes")
	}
	if f.Parts, ok = parseParts(p); !ok {
		return f, errType("p of a file", "an array of integers")
	}
	return f, nil
}

// parseParts returns the integers of an array. Of more than three, only three
// are returned: there should be two.
func parseParts(p []byte) (parts []int, ok bool) {
	if isNil(p) {
		return nil, true
	}
	if kindOf(p) != kindArray {
		return nil, false
	}
	ok = true
	eachElement(p, func(element []byte) {
		n, isInt := integer(element)
		if !isInt || isNil(element) || int64(int(n)) != n {
			ok = false
		}
		if len(parts) < 3 {
			parts = append(parts, int(n))
		}
	})
	return parts, ok
}

// AppendRequest appends the request, encoded. Method, Params and ID are always
// there; the Params are not checked.
func AppendRequest(b []byte, r Request) []byte {
	n := 3
	if len(r.Fields) > 0 {
		n++
	}
	b = append(b, fixMap|byte(n))
	b = appendValue(appendKey(b, 'm'), r.Method)
	if len(r.Fields) > 0 {
		files := make(map[string][]fileOut, len(r.Fields))
		for _, field := range r.Fields {
			for _, f := range field.Files {
				files[field.Name] = append(files[field.Name], fileOut(f))
			}
		}
		b = appendValue(appendKey(b, 'f'), files)
	}
	b = appendRaw(appendKey(b, 'p'), r.Params)
	return appendValue(appendKey(b, 'i'), r.ID)
}

// A fileOut is a file as it is encoded.
type fileOut struct {
	Binary []byte `msgpack:"b"`
	ID     int64  `msgpack:"i"`
	Parts  []int  `msgpack:"p,omitempty"`
	Name   string `msgpack:"n"`
	Sum    []byte `msgpack:"h,omitempty"`
}

// ParseResponse parses a message. Result and Data are nil if they are left out
// or nil.
func ParseResponse(data []byte) (Response, error) {
	var r Response
	var event, failure []byte
	err := parse(data, &r.ID, func(key string, value []byte) {
		switch key {
		case "v":
			event = value
		case "r":
			r.Result = value
		case "e":
			failure = value
		}
	})
	if err != nil {
		return r, err
	}
	if isNil(r.Result) {
		r.Result = nil
	}
	var ok bool
	if r.Event, ok = text(event); !ok {
		return r, errType("the event", "a string in UTF-8")
	}
	if isNil(failure) {
		return r, nil
	}
	if kindOf(failure) != kindMap {
		return r, errType("the error", "a map")
	}
	parts := map[string][]byte{}
	eachPair(failure, func(key, value []byte) {
		if name, ok := text(key); ok {
			parts[name] = value
		}
	})
	if r.Code, ok = integer(parts["c"]); !ok {
		return r, errType("the error's code", "an integer")
	}
	if r.Message, ok = text(parts["m"]); !ok {
		return r, errType("the error's message", "a string in UTF-8")
	}
	if r.Data = parts["d"]; isNil(r.Data) {
		r.Data = nil
	}
	return r, nil
}

// AppendResponse appends the response, encoded: four keys, always in the same
// order. Result and Data are not checked.
func AppendResponse(b []byte, r Response) []byte {
	b = AppendHead(b, r.Event)
	b = appendRaw(b, r.Result)
	return AppendTail(b, r)
}

// AppendHead appends what stands before the result of a response: the result is
// to be appended next, and then the tail.
func AppendHead(b []byte, event string) []byte {
	b = appendValue(appendKey(append(b, fixMap|4), 'v'), event)
	return appendKey(b, 'r')
}

// AppendTail appends what stands after the result of a response, which has no
// part in it, nor the event.
func AppendTail(b []byte, r Response) []byte {
	b = append(appendKey(b, 'e'), fixMap|3)
	b = appendValue(appendKey(b, 'c'), r.Code)
	b = appendValue(appendKey(b, 'm'), r.Message)
	b = appendRaw(appendKey(b, 'd'), r.Data)
	return appendValue(appendKey(b, 'i'), r.ID)
}

const (
	fixMap  = 0x80
	fixStr  = 0xa0
	nilByte = 0xc0
)

func appendKey(b []byte, key byte) []byte { return append(b, fixStr|1, key) }

func appendRaw(b, value []byte) []byte {
	if len(value) == 0 {
		return append(b, nilByte)
	}
	return append(b, value...)
}

// appendValue appends a value of a type that can always be encoded.
func appendValue(b []byte, v any) []byte {
	b, err := msgpack.Append(b, v)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return b
}
