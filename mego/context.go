package mego

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gongular/gongular/mego/internal/wire"
	"github.com/gongular/gongular/mego/msgpack"
	"github.com/gongular/gongular/ws"
)

// A Context is a request on its way through the handlers. It belongs to the
// goroutine that runs them; another one may have a Copy.
type Context struct {
	// Keys are what Set has stored, for this request. It is never nil.
	Keys map[string]any
	// Errors are what Error has noted.
	Errors errorMsgs
	// Session is who sent the request.
	Session *Session
	// ID is the number of the request; 0 means that no response is wanted, and
	// none is sent.
	ID int
	// Request is the HTTP request that began the connection. Its context has the
	// values that HTTP middleware has put there, and ends with the session.
	Request *http.Request
	// Method is the method that was called. For one that does not exist, it has
	// the name that was sent.
	Method *Method

	peer   *peer
	reply  *reply
	params []byte // encoded
	value  any    // the same, decoded
	files  []field

	// The chain: middleware of the engine, then handlers of the method.
	middleware, handlers []HandlerFunc
	entered              int // how many of them were called
	current              int // the one that runs, or -1
	aborted              bool
	unknown              bool // there is no such method
}

// A reply is the response to a request, which all copies of its context share.
type reply struct {
	id     int64
	sent   atomic.Bool
	code   atomic.Int64 // of the response that was sent
	copied atomic.Bool  // someone else may answer, later
}

// A field is a name and the files that were sent under it.
type field struct {
	name  string
	files []*File
}

// Next runs the next handler, and returns when that has returned; a handler that
// does not call it is the last one. It does nothing if the request was aborted,
// or if it was called before.
func (c *Context) Next() {
	if c.aborted || c.entered != c.current+1 || c.entered == c.chainLen() {
		return
	}
	defer func(current int) { c.current = current }(c.current)
	c.current = c.entered
	c.entered++
	if n := len(c.middleware); c.current >= n {
		c.handlers[c.current-n](c)
	} else {
		c.middleware[c.current](c)
	}
}

// limitedAs returns what limits count the request as: the method's name. As a
// client can think of any number of methods that do not exist, they are one.
func (c *Context) limitedAs() string {
	if c.unknown {
		return ""
	}
	return c.Method.Name
}

func (c *Context) chainLen() int { return len(c.middleware) + len(c.handlers) }

// Abort keeps handlers that were not yet called from being called.
func (c *Context) Abort() { c.aborted = true }

// IsAborted reports whether Abort was called.
func (c *Context) IsAborted() bool { return c.aborted }

// AbortWithRespond is Abort and Respond.
func (c *Context) AbortWithRespond(result any) {
	c.Abort()
	c.Respond(result)
}

// AbortWithError is Abort and RespondWithError.
func (c *Context) AbortWithError(code int, data any, err error) {
	c.Abort()
	c.RespondWithError(code, data, err)
}

// Respond sends the result. The first response to a request counts, others are
// dropped; so are all to a notification. A result that cannot be encoded is an
// error that the client is told of, and reported to [DefaultErrorWriter]. Respond
// waits while too much is waiting for the client, see EngineOption.WriteTimeout.
func (c *Context) Respond(result any) {
	c.respond(func() ([]byte, error) {
		b, err := msgpack.Append(wire.AppendHead(nil, ""), result)
		if err != nil {
			return nil, err
		}
		return wire.AppendTail(b, wire.Response{ID: c.reply.id}), nil
	}, 0)
}

// RespondWithError sends an error. A code of 0, which means success, is sent as
// [StatusError]; if err is nil, the message is that of the code. See Respond.
func (c *Context) RespondWithError(code int, data any, err error) {
	if code == 0 {
		code = StatusError
	}
	message := ""
	if err != nil {
		message = err.Error()
	}
	if message == "" {
		message = defaultText(code)
	}
	c.respond(func() ([]byte, error) {
		encoded, err := msgpack.Append(nil, data)
		return wire.AppendResponse(nil, wire.Response{
			Code: int64(code), Message: message, Data: encoded, ID: c.reply.id,
		}), err
	}, code)
}

// respond sends what encode returns, or the error that it cannot be encoded.
func (c *Context) respond(encode func() ([]byte, error), code int) {
	r := c.reply
	if r.id == 0 || r.sent.Load() {
		return
	}
	data, err := encode()
	if err != nil {
		report("%s: the result cannot be encoded: %s", printable(c.Method.Name), printable(err.Error()))
		code = StatusError
		data = wire.AppendResponse(nil, wire.Response{
			Code: StatusError, Message: "mego: result cannot be encoded", ID: r.id,
		})
	}
	if r.sent.Swap(true) {
		return
	}
	r.code.Store(int64(code))
	c.peer.send(data)
}

// Param returns a parameter, by default the first. It is never nil: where there
// is none, or the parameters are no list, it has no value.
func (c *Context) Param(indexes ...int) *Param {
	list, _ := c.value.([]any)
	i := 0
	if len(indexes) > 0 {
		i = indexes[0]
	}
	if i < 0 || i >= len(list) {
		return &Param{len: len(list)}
	}
	return &Param{value: list[i], len: len(list)}
}

// Bind decodes the parameters, a map or whatever was sent, into what dest points
// to, as package msgpack does. The error names the place of what does not fit;
// dest may be filled in part then. A request without parameters is an error.
func (c *Context) Bind(dest any) error {
	if c.params == nil {
		return errors.New("mego: bind: the request has no parameters")
	}
	err := msgpack.Unmarshal(c.params, dest)
	if e, ok := errors.AsType[*msgpack.DecodeError](err); ok {
		if e.Path == "" {
			return &bindError{e.Reason, e}
		}
		return &bindError{e.Path + ": " + e.Reason, e}
	}
	if err != nil {
		return fmt.Errorf("mego: bind: %w", err)
	}
	return nil
}

// A bindError is a DecodeError without offset, as a client can do nothing about
// that.
type bindError struct {
	text string
	err  error
}

func (e *bindError) Error() string { return "mego: bind: " + e.text }

func (e *bindError) Unwrap() error { return e.err }

// MustBind is Bind that panics with an [*Error] of the type ErrorTypeBind.
// [Recovery] makes [StatusInvalid] of it. It returns nil.
func (c *Context) MustBind(dest any) error {
	if err := c.Bind(dest); err != nil {
		panic(&Error{Err: err, Type: ErrorTypeBind})
	}
	return nil
}

// Set stores a value for this request.
func (c *Context) Set(key string, value any) {
	if c.Keys == nil {
		c.Keys = make(map[string]any)
	}
	c.Keys[key] = value
}

// Get returns what is stored under the key, and reports whether there is
// something.
func (c *Context) Get(key string) (v any, ok bool) {
	v, ok = c.Keys[key]
	return v, ok
}

func (c *Context) stored(key string) any { return c.Keys[key] }

// MustGet is Get that panics with [ErrKeyNotFound].
func (c *Context) MustGet(key string) any {
	v, ok := c.Keys[key]
	if !ok {
		panic(ErrKeyNotFound)
	}
	return v
}

// Error notes an error, for middleware such as [Logger]; it is not sent. A nil
// error is none.
func (c *Context) Error(err error) *Context {
	if err != nil {
		c.Errors = append(c.Errors, &Error{Err: err, Type: ErrorTypePrivate})
	}
	return c
}

// Copy returns a context for another goroutine, which may respond after the
// handlers have returned; the request is not answered before. It has Keys and
// Errors of its own, and no handlers.
func (c *Context) Copy() *Context {
	c.reply.copied.Store(true)
	copied := *c
	copied.Keys = maps.Clone(c.Keys)
	copied.Errors = slices.Clone(c.Errors)
	copied.middleware, copied.handlers, copied.entered = nil, nil, 0
	return &copied
}

// Subscribe subscribes the session to a channel of an event, without asking
// anybody. It does nothing if the session has ended, has too many subscriptions,
// or a client could not ask for it: the event needs a name, and both are UTF-8 of
// up to 255 bytes.
func (c *Context) Subscribe(event string, channel string) *Context {
	if checkNames(event, channel) == nil {
		c.peer.engine.subscribe(c.peer, event, channel)
	}
	return c
}

// Unsubscribe ends a subscription of the session, if there is one.
func (c *Context) Unsubscribe(event string, channel string) *Context {
	c.peer.engine.unsubscribe(c.peer, event, channel)
	return c
}

// Emit sends an event to the session of the request, subscribed or not. A result
// that cannot be encoded is reported to [DefaultErrorWriter].
func (c *Context) Emit(event string, result any) {
	if data, ok := c.encodeEvent(event, result); ok {
		c.peer.client.Send(ws.BinaryMessage, data)
	}
}

// EmitOthers sends an event to all sessions but that of the request, subscribed
// or not; with a Broker, to those of all machines. See Emit.
func (c *Context) EmitOthers(event string, result any) {
	data, ok := c.encodeEvent(event, result)
	if !ok {
		return
	}
	if _, err := c.peer.core.hub.BroadcastAll(ws.BinaryMessage, data, c.peer.client.ID()); err != nil && !errors.Is(err, ws.ErrHubClosed) {
		report("event %s: %s", printable(event), printable(err.Error()))
	}
}

func (c *Context) encodeEvent(event string, result any) (data []byte, ok bool) {
	data, err := encodeEvent(event, result)
	if err != nil {
		report("event %s: %s", printable(event), printable(err.Error()))
	}
	return data, err == nil
}

// GetBool returns what was stored in the request under the key as a bool.
func (c *Context) GetBool(key string) (v bool) { return toBool(c.stored(key)) }

// GetDuration returns what was stored in the request under the key as a duration: a number of nanoseconds, or text as "1m30s".
func (c *Context) GetDuration(key string) (v time.Duration) { return toDuration(c.stored(key)) }

// GetFloat64 returns what was stored in the request under the key as a float; any number is one.
func (c *Context) GetFloat64(key string) (v float64) { return toFloat64(c.stored(key)) }

// GetInt returns what was stored in the request under the key as an integer; a float loses its fraction, and what does not fit is 0.
func (c *Context) GetInt(key string) (v int) { return toInt(c.stored(key)) }

// GetMapString returns what was stored in the request under the key as a map of strings, or nil.
func (c *Context) GetMapString(key string) (v map[string]string) { return toMapString(c.stored(key)) }

// GetString returns what was stored in the request under the key as text; bytes are text too.
func (c *Context) GetString(key string) (v string) { return toString(c.stored(key)) }

// GetStringMap returns what was stored in the request under the key as a map whose keys are strings, or nil.
func (c *Context) GetStringMap(key string) (v map[string]any) { return toStringMap(c.stored(key)) }

// GetStringSlice returns what was stored in the request under the key as a list of strings, or nil.
func (c *Context) GetStringSlice(key string) (v []string) { return toStringSlice(c.stored(key)) }

// GetTime returns what was stored in the request under the key as a time: a timestamp, text by RFC 3339, or Unix seconds.
func (c *Context) GetTime(key string) (v time.Time) { return toTime(c.stored(key)) }
