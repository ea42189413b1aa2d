package gongular

import (
	"errors"
	"net/http"
	"reflect"

	"github.com/gongular/gongular/stats"
	"github.com/gongular/gongular/ws"
)

// A WebsocketHandler handles a WebSocket connection, as a struct that says what
// it needs: Param, Query, Header and Cookie, and dependencies. It is registered
// as a pointer to its struct, and each connection gets a copy of its own.
type WebsocketHandler interface {
	// Before runs when the handler is filled and before the connection is
	// upgraded. An error goes to the error handler, and there is no upgrade; nor
	// is there one after Context.Fail or StopChain, which answer as they do
	// anywhere. The header it returns, which may be nil, is sent with the
	// upgrade, as are those that Context.Header sets.
	Before(c *Context) (http.Header, error)
	// Handle has the connection until it returns, which closes it.
	Handle(conn *ws.Conn)
}

// WSRouter registers WebSocket handlers.
type WSRouter struct{ router *Router }

// Handle registers the handler for WebSocket connections to the path. It panics
// as the methods of [Router] do, and if the handler has a Body or Form, which a
// handshake has not. A request that is no handshake, or comes from a page of
// another host, is answered by an error with the status that [ws.Upgrader] says.
func (r *WSRouter) Handle(path string, handler WebsocketHandler) *Route {
	rt := &Route{router: r.router, method: http.MethodGet}
	var err error
	var h RequestHandler
	if handler == nil {
		err = errors.New("a nil handler")
	} else {
		h = websocketBefore{handler}
	}
	if err == nil {
		rt.upgrade = upgrade
		return r.router.mustRegister(rt, path, []RequestHandler{h}, nil)
	}
	return r.router.mustRegister(rt, path, nil, err)
}

// WS registers the handler for WebSocket connections to the path; see
// [WSRouter.Handle]. Groups and middleware go around it as around any handler.
func (r *Router) WS(path string, handler WebsocketHandler) *Route {
	return (&WSRouter{r}).Handle(path, handler)
}

// websocketBefore is the part of a WebsocketHandler that runs as any handler:
// all that can refuse the handshake.
type websocketBefore struct{ handler WebsocketHandler }

// Handle is what adapted calls for a filled handler; here the registered one.
func (w websocketBefore) Handle(c *Context) error { return before(w.handler, c) }

func (w websocketBefore) adapted() (any, func(reflect.Value, *Context) error) {
	return w.handler, func(v reflect.Value, c *Context) error {
		return before(v.Interface().(WebsocketHandler), c)
	}
}

func before(h WebsocketHandler, c *Context) error {
	if err := c.upgrader().Check(c.bind.R); err != nil {
		return err
	}
	header, err := h.Before(c)
	m := c.more()
	m.socket, m.socketHeader = h, header
	return err
}

// upgrader is that of the route.
func (c *Context) upgrader() *ws.Upgrader {
	rt := c.route()
	if rt == nil {
		return defaults.Upgrader
	}
	return rt.options.Upgrader
}

// upgrade takes the connection over and runs the handler on it.
func upgrade(c *Context) error {
	if c.final || c.started {
		return nil // answered by Before
	}
	open := c.engine().sessions.open(c.bind.R)
	if open == nil {
		return Error(http.StatusServiceUnavailable, "the server is going down")
	}
	c.more().open = open // to be ended with the request
	conn, err := c.upgrader().Upgrade(c.bind.W, c.bind.R, c.rare.socketHeader)
	if err != nil {
		if _, ok := errors.AsType[*ws.HandshakeError](err); !ok {
			c.started, c.more().hijacked = true, true // there is no connection left to answer on
		}
		return err
	}
	c.started, c.more().hijacked, c.sent = true, true, http.StatusSwitchingProtocols
	open.connected(conn)
	defer func() { c.recorder().Session(session(conn.Stats())) }()
	c.runSocket(conn)
	return nil
}

func session(s ws.Stats) stats.Session {
	return stats.Session{
		MessagesRead: s.MessagesRead, MessagesWritten: s.MessagesWritten,
		BytesRead: s.BytesRead, BytesWritten: s.BytesWritten, Duration: s.Duration,
		CloseCode: s.CloseCode, ClosedByPeer: s.ClosedByPeer,
	}
}

// runSocket runs Handle, after which the connection is closed: 1011 after a panic,
// which goes on if the options say so.
func (c *Context) runSocket(conn *ws.Conn) {
	defer conn.Close()
	defer func() {
		if value := recover(); value != nil {
			passes := c.options().PassPanics
			if !passes {
				c.failed(c.recovered(value))
			}
			conn.WriteClose(ws.CloseInternalServerErr, "")
			if passes {
				panic(value)
			}
		}
	}()
	c.rare.socket.Handle(conn)
}
