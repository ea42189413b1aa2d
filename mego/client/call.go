package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gongular/gongular/mego/internal/wire"
	"github.com/gongular/gongular/mego/msgpack"
)

// Call calls a method and decodes its result into a T:
//
//	sum, err := client.Call[int](ctx, c, "Sum", 3, 5)
//	user, err := client.Call[User](ctx, c, "GetUser", GetUser{ID: 5})
//
// The params are what the server's Context.Param returns, one by one. If there is
// only one, and it is a struct, a map or something else that is encoded as a map,
// it is what Bind and struct handlers decode.
//
// The call is given up when the context ends, with an error that is the
// context's; a late answer is ignored. Option.Timeout holds as well. Other errors
// are those of [Request.EndStruct]. With an error, the result is a zero T.
func Call[T any](ctx context.Context, c *Client, method string, params ...any) (T, error) {
	var dest, none T
	if err := call(ctx, c, method, params, &dest); err != nil {
		return none, err
	}
	return dest, nil
}

func call(ctx context.Context, c *Client, method string, params []any, dest any) error {
	p, err := encodeParams(params)
	if err != nil {
		return err
	}
	l := c.current()
	if l == nil {
		return ErrClosed
	}
	data, err := l.call(ctx, wire.Request{Method: method, Params: p}, c.option().Timeout)
	if err != nil {
		return err
	}
	return decode("the result", data, dest)
}

// encodeParams encodes a list, or the only one of it if that is a map.
func encodeParams(params []any) ([]byte, error) {
	switch len(params) {
	case 0:
		return nil, nil
	case 1:
		const arrayOfOne = 0x91
		b, err := msgpack.Append([]byte{arrayOfOne}, params[0])
		if err != nil {
			return nil, paramsError(err)
		}
		if isMap(b[1]) {
			return b[1:], nil
		}
		return b, nil
	}
	b, err := msgpack.Marshal(params)
	if err != nil {
		return nil, paramsError(err)
	}
	return b, nil
}

func paramsError(err error) error {
	return fmt.Errorf("mego: the parameters cannot be encoded: %w", err)
}

// isMap reports whether a value that begins so is a map.
func isMap(first byte) bool {
	return first&0xf0 == 0x80 || first == 0xde || first == 0xdf
}

// call sends a request, which is given a number, and returns its result, encoded.
func (l *link) call(ctx context.Context, r wire.Request, timeout time.Duration) ([]byte, error) {
	r.ID = l.client.lastID.Add(1)
	return result(l.ask(ctx, r.ID, encode(r), timeout))
}

// encode encodes a request, into memory that has no need to grow.
func encode(r wire.Request) []byte {
	size := 64 + len(r.Method) + len(r.Params)
	for _, field := range r.Fields {
		for _, f := range field.Files {
			size += 128 + len(field.Name) + len(f.Binary) + len(f.Name)
		}
	}
	return wire.AppendRequest(make([]byte, 0, size), r)
}

var errNoChunk = errors.New("mego: the server's answer is one to a chunk, and none was sent")

// result returns the result of an answer, encoded, or its error.
func result(r wire.Response, err error) ([]byte, error) {
	switch {
	case err != nil:
		return nil, err
	case r.Event == wire.ChunkAbort:
		return nil, ErrAborted
	case r.Event != "":
		return nil, errNoChunk
	case r.Code != 0:
		return nil, Error{Code: int(r.Code), Message: r.Message, Data: r.Data}
	}
	return r.Result, nil
}
