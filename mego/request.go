package mego

import (
	"errors"
	"strings"

	"github.com/gongular/gongular/mego/internal/wire"
	"github.com/gongular/gongular/ws"
)

// message does what a message asks for: in a goroutine of its own if it calls a
// method, at once if it is a subscription or a chunk of a file. It reports
// whether the session goes on.
func (p *peer) message(data []byte) bool {
	req, err := wire.ParseRequest(data)
	if errors.Is(err, wire.ErrMalformed) {
		p.end(ws.CloseInvalidFramePayloadData, "mego: "+err.Error())
		return false
	}
	c := p.newContext(req)
	if err != nil {
		c.RespondWithError(StatusInvalid, nil, errors.New("mego: malformed request: "+err.Error()))
		return true
	}
	m, middleware := p.engine.lookup(req.Method)
	c.middleware = middleware
	switch strings.ToUpper(req.Method) {
	case strings.ToUpper(wire.Subscribe):
		return p.subscription(c, wire.Subscribe, p.engine.handleSubscribe, len(data))
	case strings.ToUpper(wire.Unsubscribe):
		return p.subscription(c, wire.Unsubscribe, p.engine.handleUnsubscribe, len(data))
	}
	if m == nil {
		p.engine.mu.RLock()
		noMethod := p.engine.noMethod
		p.engine.mu.RUnlock()
		c.Method = &Method{Name: req.Method}
		c.handlers, c.unknown = noMethod, true
		p.spawn(c, len(data))
		return true
	}
	c.Method, c.handlers = m, m.Handlers
	limits := p.core.methodLimits(m)
	if exceeds(len(data), limits.MaxSize) {
		status := StatusInvalid
		if len(req.Fields) > 0 {
			status = StatusFileTooLarge
		}
		c.RespondWithError(status, nil, errTooLong)
		return true
	}
	if isChunk(req.Fields) {
		return p.inPlace(len(data), func() {
			if p.chunk(c, req.Fields, limits) {
				p.spawn(c, len(data))
			}
		})
	}
	if len(req.Fields) > 0 && !p.storeFiles(c, req.Fields, limits) {
		return true
	}
	p.spawn(c, len(data))
	return true
}

var errTooLong = errors.New("mego: the message is longer than its method accepts")

func (p *peer) newContext(req wire.Request) *Context {
	return &Context{
		Keys:    make(map[string]any),
		Session: p.session,
		ID:      int(req.ID),
		Request: p.request,
		Method:  &Method{Name: req.Method},
		peer:    p,
		reply:   &reply{id: req.ID},
		params:  req.Params,
		value:   req.Value,
		current: -1,
	}
}

// subscription runs the middleware and then the end of the chain.
func (p *peer) subscription(c *Context, name string, end HandlerFunc, size int) bool {
	c.Method = &Method{Name: name}
	if exceeds(size, p.core.MaxSize) {
		c.RespondWithError(StatusInvalid, nil, errTooLong)
		return true
	}
	c.handlers = []HandlerFunc{end}
	return p.inPlace(size, c.run)
}

// inPlace does something of the application's before more is read, and reports
// whether the session goes on.
func (p *peer) inPlace(size int, f func()) bool {
	p.start(size)
	defer p.finish(size)
	if !p.guard("a request in the reading goroutine", f) {
		p.end(ws.CloseInternalServerErr, reasonPanic)
		return false
	}
	return true
}

// spawn runs the request in a goroutine of its own.
func (p *peer) spawn(c *Context, size int) {
	p.start(size)
	go func() {
		defer p.finish(size)
		if !p.guard("method "+printable(c.Method.Name), c.run) {
			p.end(ws.CloseInternalServerErr, reasonPanic)
		}
	}()
}

// run runs the chain, and answers if nobody else has or is going to.
func (c *Context) run() {
	c.Next()
	if c.reply.copied.Load() {
		return
	}
	if c.unknown {
		c.RespondWithError(StatusUnimplemented, nil, nil)
		return
	}
	if c.aborted || c.entered < c.chainLen() {
		c.RespondWithError(StatusError, nil, errAborted)
		return
	}
	c.Respond(nil)
}

var errAborted = errors.New("mego: request aborted")
