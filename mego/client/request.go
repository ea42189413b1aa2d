package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/gongular/gongular/mego/internal/wire"
	"github.com/gongular/gongular/mego/msgpack"
)

// A Request is a call of a method that is being made. It begins with
// [Client.Call], and is sent once, by End, EndStruct, EndContext or Notify. What
// goes wrong before is the error of that. It is for one goroutine.
type Request struct {
	// Method is the name of the method.
	Method string
	// Params are a list of parameters, a struct or map of data, or nil. Send sets
	// them.
	Params any
	// Files are what SendFile adds, by field.
	Files map[string][]*File
	// ID is the number of the request, once it is sent.
	ID int
	// Option is what the request is like. If nil, it is that of the client.
	Option *RequestOption

	client   *Client
	err      error // the first one
	unnamed  int   // files that were given no field
	upload   *upload
	progress func(sent, total int64)
	state    atomic.Int32
}

// The states of a request.
const (
	fresh  = iota
	busy   // being sent, or waited for
	over   // answered, or failed
	broken // an upload that can be gone on with
)

// Call begins a call of a method.
func (c *Client) Call(method string) *Request {
	r := &Request{Method: method, client: c}
	if c != nil {
		option := RequestOption(*c.option())
		r.Option = &option
	}
	return r
}

// Send sets the parameters: a slice is a list, which the server's Context.Param
// has one by one; a struct or map is what Bind and struct handlers decode. A
// string is JSON, an array or an object, whose numbers are integers if they can
// be. A []byte is sent as it is.
func (r *Request) Send(data any) *Request {
	if r == nil {
		return nil
	}
	if text, ok := data.(string); ok {
		var err error
		if data, err = parseJSON(text); err != nil {
			return r.fail(fmt.Errorf("mego: the parameters are not JSON: %w", err))
		}
	}
	r.Params = data
	return r
}

// fail notes the first thing that went wrong.
func (r *Request) fail(err error) *Request {
	if r.err == nil {
		r.err = err
	}
	return r
}

// parseJSON returns the value of a text.
func parseJSON(text string) (any, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the value")
	}
	return withNumbers(v)
}

// withNumbers puts numbers in the place of their texts.
func withNumbers(v any) (any, error) {
	var err error
	switch x := v.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(string(x), 10, 64); err == nil {
			return n, nil
		}
		if n, err := strconv.ParseUint(string(x), 10, 64); err == nil {
			return n, nil
		}
		return x.Float64()
	case []any:
		for i, element := range x {
			if x[i], err = withNumbers(element); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for key, value := range x {
			if x[key], err = withNumbers(value); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// Progress sets what is told how far files are: how many bytes the server has
// taken, and how many there are. It is called in the goroutine that ends the
// request: after each chunk, and for whole files once, when the server has
// answered without an error. If the server asks for a chunk again, there is less
// at the next call than at the last.
func (r *Request) Progress(f func(sent, total int64)) *Request {
	if r != nil {
		r.progress = f
	}
	return r
}

func (r *Request) tell(sent, total int64) {
	if r.progress != nil {
		r.progress(sent, total)
	}
}

// End sends the request and waits for the answer, whose result does not matter.
// The errors are those of EndStruct.
func (r *Request) End() error { return r.EndStruct(nil) }

// EndStruct sends the request, waits for the answer, and decodes its result into
// what dest points to, as msgpack.Unmarshal does; if dest is nil, nowhere.
//
// The error is an [Error] if the server answers with one; [ErrTimeout] if it does
// not answer in time; [ErrClosed] if there is no connection, or not any more;
// [ErrAborted] if an upload is not wanted; [ErrSent] if the request was sent
// before; [ErrEmptyRequest] if it is nil; or one that says what cannot be encoded,
// read or decoded.
func (r *Request) EndStruct(dest any) error { return r.EndContext(context.Background(), dest) }

// EndContext is EndStruct that is given up when the context ends, with an error
// that is the context's. A late answer is ignored.
func (r *Request) EndContext(ctx context.Context, dest any) error {
	if r == nil {
		return ErrEmptyRequest
	}
	if !r.state.CompareAndSwap(fresh, busy) {
		return ErrSent
	}
	return r.end(ctx, dest)
}

var errNothingToResume = errors.New("mego: there is no upload to go on with")

// Resume goes on with an upload of [Request.SendFileChunks] that ended because
// the connection was lost, the time was over or the context had ended; after
// [Client.Reconnect], if need be. It sends what the server does not have: a server
// whose EngineOption.ResumeTimeout is set keeps what it has for that long, any
// other is sent the file from its beginning. Results and errors are those of
// EndContext, and it may be called again and again.
//
// If it was the answer to the last chunk that was lost, the server may have called
// the method already, and is sent the file once more.
func (r *Request) Resume(ctx context.Context, dest any) error {
	if r == nil {
		return ErrEmptyRequest
	}
	if !r.state.CompareAndSwap(broken, busy) {
		return errNothingToResume
	}
	return r.end(ctx, dest)
}

// end does it, and notes how it ended.
func (r *Request) end(ctx context.Context, dest any) error {
	err := r.run(ctx, dest)
	state := int32(over)
	if r.upload != nil && r.upload.begun && (errors.Is(err, ErrClosed) || err == ErrTimeout || err != nil && ctx.Err() != nil) {
		state = broken
	}
	r.state.Store(state)
	return err
}

func (r *Request) run(ctx context.Context, dest any) error {
	w, err := r.wire()
	if err != nil {
		return err
	}
	l := r.client.current()
	if l == nil {
		return ErrClosed
	}
	option := r.option()
	var data []byte
	switch {
	case r.upload != nil:
		data, err = r.sendChunks(ctx, l, w)
	case len(w.Fields) > 0:
		w.ID = r.number()
		if data, err = result(l.ask(ctx, w.ID, encode(w), option.UploadTimeout)); err == nil {
			size := sizeOf(w.Fields)
			r.tell(size, size)
		}
	default:
		w.ID = r.number()
		data, err = result(l.ask(ctx, w.ID, encode(w), option.Timeout))
	}
	if err != nil || dest == nil {
		return err
	}
	return decode("the result", data, dest)
}

// Notify sends the request as one that the server does not answer, and does not
// wait for anything but that. A file in chunks cannot be sent so.
func (r *Request) Notify() error {
	if r == nil {
		return ErrEmptyRequest
	}
	if !r.state.CompareAndSwap(fresh, over) {
		return ErrSent
	}
	w, err := r.wire()
	if err != nil {
		return err
	}
	if r.upload != nil {
		return errors.New("mego: a file in chunks needs answers")
	}
	l := r.client.current()
	if l == nil {
		return ErrClosed
	}
	timeout := r.option().Timeout
	if len(w.Fields) > 0 {
		timeout = r.option().UploadTimeout
	}
	return l.tell(encode(w), timeout)
}

// number gives the request a new number.
func (r *Request) number() int64 {
	id := r.client.lastID.Add(1)
	r.ID = int(id)
	return id
}

func (r *Request) option() RequestOption {
	if r.Option != nil {
		return *r.Option
	}
	return RequestOption(*r.client.option())
}

// wire returns the request without its number, and without an upload in chunks.
func (r *Request) wire() (wire.Request, error) {
	w := wire.Request{Method: r.Method}
	if r.err != nil {
		return w, r.err
	}
	if r.client == nil {
		return w, ErrClosed
	}
	if r.upload != nil && len(r.Files) > 0 {
		return w, ErrChunkWithFiles
	}
	if r.Params != nil {
		var err error
		if w.Params, err = msgpack.Marshal(r.Params); err != nil {
			return w, paramsError(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Files)) {
		field := wire.Field{Name: name}
		for _, f := range r.Files[name] {
			if f == nil {
				return w, fmt.Errorf("mego: a file of field %q is nil", name)
			}
			if f.ID == 0 {
				f.ID = int(r.client.lastFile.Add(1))
			}
			if f.Sum == nil && r.option().Checksum {
				sum := sha256.Sum256(f.Binary)
				f.Sum = sum[:]
			}
			field.Files = append(field.Files, wire.File{Binary: f.Binary, ID: int64(f.ID), Parts: f.Parts, Name: f.Name, Sum: f.Sum})
		}
		w.Fields = append(w.Fields, field)
	}
	return w, nil
}

func sizeOf(fields []wire.Field) (size int64) {
	for _, field := range fields {
		for _, f := range field.Files {
			size += int64(len(f.Binary))
		}
	}
	return size
}
