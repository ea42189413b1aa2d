package mego

// The messages of a connection as Go values. They encode to what is sent, by
// package msgpack; internal/wire does the same without reflection.

// A Request is what a client sends.
type Request struct {
	// Method is the name of the method to call; "" in the handshake.
	Method string `codec:"m" msgpack:"m"`
	// Files are uploaded files, by field.
	Files map[string][]*RawFile `codec:"f" msgpack:"f"`
	// Params are a list of parameters, or a map of data.
	Params any `codec:"p" msgpack:"p"`
	// ID is the number that the response has. With 0 there is none.
	ID int `codec:"i" msgpack:"i"`
}

// A Response is what the server sends: the answer to a request, or an event.
type Response struct {
	// Event is the name of the event; "" in an answer.
	Event string `codec:"v" msgpack:"v"`
	// Result is what the method returned, or the event carries.
	Result any `codec:"r" msgpack:"r"`
	// Error is why there is no result.
	Error ResponseError `codec:"e" msgpack:"e"`
	// ID is the number of the request; 0 in an event.
	ID int `codec:"i" msgpack:"i"`
}

// A ResponseError says why a request failed.
type ResponseError struct {
	// Code is one of the Status constants or the application's; 0 is success.
	Code int `codec:"c" msgpack:"c"`
	// Message is for people.
	Message string `codec:"m" msgpack:"m"`
	// Data is for programs.
	Data any `codec:"d" msgpack:"d"`
}

// A RawFile is a file, or a chunk of one, as it is sent.
type RawFile struct {
	// Binary are the bytes.
	Binary []byte `codec:"b" msgpack:"b"`
	// ID is the client's number of the file, the same for all its chunks.
	ID int `codec:"i" msgpack:"i"`
	// Parts are the number of chunks and which one this is, from 1. Empty means
	// that it is a whole file.
	Parts []int `codec:"p" msgpack:"p"`
	// Name is the file's name, as the client has it.
	Name string `codec:"n" msgpack:"n"`
	// Sum is the SHA-256 of the whole file, if the client gave it.
	Sum []byte `codec:"h" msgpack:"h,omitempty"`
}

// Last reports whether the chunk is the last one.
func (f *RawFile) Last() bool { return len(f.Parts) == 2 && f.Parts[0] == f.Parts[1] }
