package mego

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/mego/internal/wire"
	"github.com/gongular/gongular/ws"
)

// An Engine serves Mego sessions: WebSocket connections whose clients call
// methods, subscribe to events and upload files. It is made by [New] or
// [Default], and is an http.Handler, for any path of any server or router.
//
// Its methods may be called at any time, from any goroutine. The exported maps
// are changed by the engine while it serves: they are to be read before, and
// after Close.
type Engine struct {
	// Sessions are the sessions, by ID.
	Sessions map[string]*Session
	// Events are the events that exist, by name.
	Events map[string]*Event
	// Methods are the methods, by the name that they were registered with.
	Methods map[string]*Method
	// Option is what the engine is to be like. It is read once, at the first
	// request, at Run, or when an event is emitted; it may be nil.
	Option *EngineOption

	begin func() *core // reads Option, once

	mu           sync.RWMutex       // guards Sessions, Methods and what follows
	methods      map[string]*Method // by name in upper case
	middleware   []HandlerFunc      // is replaced, not changed
	noMethod     []HandlerFunc      // the same
	onSubscribe  SubscribeHandler
	onChunk      ChunkHandler
	onConnect    func(*Session, *http.Request) error
	onDisconnect func(*Session)
	registered   int // how often methods were
	peers        map[*peer]struct{}
	servers      []*http.Server
	began, done  bool             // begin was called; Close was
	closed       chan struct{}    // closed when Close is through
	app          *gongular.Engine // what fills struct handlers; nil before there is need

	events sync.Mutex // guards Events and what is in them
	parked parking
}

// A HandlerFunc handles a request, or a part of it: see [Context.Next].
type HandlerFunc func(*Context)

// A SubscribeHandler decides whether the context's session may subscribe to a
// channel of an event.
type SubscribeHandler func(evt string, ch string, ctx *Context) bool

// A Method is what clients call.
type Method struct {
	// Name is the name that it was registered with.
	Name string
	// Handlers are the functions that were registered, without middleware of the
	// engine.
	Handlers []HandlerFunc
	// Option has limits of the method; nil means those of the engine. It is to be
	// set before the engine serves.
	Option *MethodOption
	// ChunkHandler gets the chunks of files; nil means that of the engine. It is
	// to be set before the engine serves.
	ChunkHandler ChunkHandler
}

// New returns an engine without middleware.
func New() *Engine {
	e := &Engine{
		Sessions: make(map[string]*Session),
		Events:   make(map[string]*Event),
		Methods:  make(map[string]*Method),
		Option:   new(EngineOption),
		methods:  make(map[string]*Method),
		peers:    make(map[*peer]struct{}),
		closed:   make(chan struct{}),
	}
	e.begin = sync.OnceValue(func() *core {
		c := newCore(e.Option)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.began = true
		if e.done { // there is nobody left to close it
			c.hub.Close(context.Background())
		}
		return c
	})
	return e
}

// Default returns an engine with [Logger] and [Recovery].
func Default() *Engine { return New().Use(Logger(), Recovery()) }

// Use appends middleware: functions that every request goes through before its
// method's own, requests for unknown methods and subscriptions included. It is
// for all methods, whenever they are registered.
func (e *Engine) Use(handlers ...HandlerFunc) *Engine {
	mustBeFuncs("Use", handlers)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.middleware = append(slices.Clip(e.middleware), handlers...)
	return e
}

func mustBeFuncs(what string, handlers []HandlerFunc) {
	for _, h := range handlers {
		if h == nil {
			panic("mego: " + what + ": a nil handler")
		}
	}
}

// Register registers a method, in place of one of the same name. Names differ in
// more than case. Handlers run one after another, see [Context.Next]. It panics
// if the name is empty, or one of the engine's own: MegoSubscribe and
// MegoUnsubscribe.
func (e *Engine) Register(method string, handler ...HandlerFunc) *Method {
	key := strings.ToUpper(method)
	switch key {
	case "", strings.ToUpper(wire.Subscribe), strings.ToUpper(wire.Unsubscribe):
		panic(fmt.Sprintf("mego: Register: %q is no name for a method", method))
	}
	mustBeFuncs("Register", handler)
	m := &Method{Name: method, Handlers: handler}
	e.mu.Lock()
	defer e.mu.Unlock()
	if old := e.methods[key]; old != nil {
		delete(e.Methods, old.Name)
	}
	e.methods[key] = m
	e.Methods[method] = m
	e.registered++
	return m
}

// NoMethod sets what handles requests for methods that do not exist, after the
// middleware. Without a response of theirs, the client gets
// [StatusUnimplemented].
func (e *Engine) NoMethod(handler ...HandlerFunc) *Engine {
	mustBeFuncs("NoMethod", handler)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.noMethod = slices.Clone(handler)
	return e
}

// HandleSubscribe sets who is asked whether a client may subscribe. Without, or
// with nil, all may.
func (e *Engine) HandleSubscribe(handler SubscribeHandler) *Engine {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.onSubscribe = handler
	return e
}

// HandleChunk sets what gets the chunks of files, unless their method has a
// ChunkHandler. Without, or with nil, they are put together on disk.
func (e *Engine) HandleChunk(handler ChunkHandler) *Engine {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.onChunk = handler
	return e
}

// HandleConnect sets what is asked before a session begins: it may change the
// session's Keys, and an error refuses it, and is sent to the client. All that a
// session has then is what its client claims, ID and Keys: it is not known to be
// true.
func (e *Engine) HandleConnect(handler func(s *Session, r *http.Request) error) *Engine {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.onConnect = handler
	return e
}

// HandleDisconnect sets what is told when a session has ended, once for each.
// Handlers of its requests may still be running.
func (e *Engine) HandleDisconnect(handler func(s *Session)) *Engine {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.onDisconnect = handler
	return e
}

// Len returns the number of sessions.
func (e *Engine) Len() int {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return len(e.Sessions)
}

// Session returns the session that has the ID, and reports whether there is one.
func (e *Engine) Session(id string) (*Session, bool) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	s, ok := e.Sessions[id]
	return s, ok
}

// lookup returns the method of that name, or nil, and the middleware before it.
func (e *Engine) lookup(name string) (m *Method, middleware []HandlerFunc) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.methods[strings.ToUpper(name)], e.middleware
}

// readLimit returns the most bytes of any message: the largest MaxSize of the
// engine and its methods. It is known to be right until the number of
// registrations changes.
func (e *Engine) readLimit(c *core) (limit int64, registered int) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	largest := c.MaxSize
	for _, m := range e.methods {
		if size := c.methodLimits(m).MaxSize; largest >= 0 && (size < 0 || size > largest) {
			largest = size
		}
	}
	return int64(largest), e.registered
}

// Run listens on a TCP address, as ":5000", "5000" or "127.0.0.1:5000", and
// serves until Close is through, which it returns nil for. The default is
// [DefaultPort]. It is an http.Server with the engine for all paths; an engine
// that is mounted in another server does not need it.
func (e *Engine) Run(port ...string) error {
	address := DefaultPort
	if len(port) > 0 {
		address = port[0]
	}
	if !strings.Contains(address, ":") {
		address = ":" + address
	}
	if err := e.Check(); err != nil {
		return err
	}
	e.begin()
	srv := &http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second}
	e.mu.Lock()
	if e.done {
		e.mu.Unlock()
		return errors.New("mego: the engine is closed")
	}
	e.servers = append(e.servers, srv)
	e.mu.Unlock()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("mego: %w", err)
	}
	if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("mego: %w", err)
	}
	<-e.closed
	return nil
}

// ServeHTTP upgrades the request to a WebSocket connection, and serves its
// session until that ends. What cannot be upgraded is answered with 400, 403,
// 405, 426, 501, or with 503 if there are MaxSessions or the engine is closed.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := e.begin()
	if r.Method == http.MethodGet && r.ProtoMajor == 1 && !asksForUpgrade(r) {
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		http.Error(w, "mego: this is a WebSocket address", http.StatusUpgradeRequired)
		return
	}
	if err := c.upgrader.Check(r); err != nil {
		ws.Refuse(w, err)
		return
	}
	p, why := e.admit(c, r)
	if p == nil {
		if why == errFull {
			w.Header().Set("Retry-After", "1")
		} else {
			w.Header().Set("Connection", "close")
		}
		http.Error(w, why.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Del("Sec-WebSocket-Protocol")
	conn, err := c.upgrader.Upgrade(unattached{w}, r, nil)
	if err != nil {
		p.abandon()
		ws.Refuse(w, err)
		return
	}
	p.conn = conn
	attach(w, p)
	p.serve()
}

// asksForUpgrade reports whether the header asks for WebSocket.
func asksForUpgrade(r *http.Request) bool {
	return hasToken(r.Header["Upgrade"], "websocket") && hasToken(r.Header["Connection"], "upgrade")
}

func hasToken(values []string, token string) bool {
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(item), token) {
				return true
			}
		}
	}
	return false
}

var (
	errFull   = errors.New("mego: there are as many sessions as there may be")
	errClosed = errors.New("mego: the server is closing")
)

// admit makes room for a connection, or says why there is none.
func (e *Engine) admit(c *core, r *http.Request) (*peer, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.done:
		return nil, errClosed
	case exceeds(len(e.peers)+1, c.MaxSessions):
		return nil, errFull
	}
	p := newPeer(e, c, r)
	e.peers[p] = struct{}{}
	return p, nil
}

// dismiss gives a connection's room back.
func (e *Engine) dismiss(p *peer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.peers, p)
}

// enter puts the session among those of the engine. One of the same ID has to
// go.
func (e *Engine) enter(s *Session) error {
	e.mu.Lock()
	if e.done {
		e.mu.Unlock()
		return errClosed
	}
	old := e.Sessions[s.ID]
	e.Sessions[s.ID] = s
	e.mu.Unlock()
	if old != nil {
		old.peer.end(closeReplaced, "mego: replaced by a newer connection")
	}
	return nil
}

// leave takes the session away, unless another one has its place.
func (e *Engine) leave(s *Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.Sessions[s.ID] == s {
		delete(e.Sessions, s.ID)
	}
}

// Close ends the engine. New connections are refused, and nothing more is read
// from those there are; requests under way have CloseTimeout to finish; then
// every session is closed with code 1001, and files are deleted. It may be
// called at any time; calls after the first wait for it. The error is that of a
// listener of Run, or says that a connection had to be cut off.
//
// An http.Server's Shutdown does not know of sessions: see
// http.Server.RegisterOnShutdown.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.done {
		e.mu.Unlock()
		<-e.closed
		return nil
	}
	e.done = true
	began := e.began
	servers := e.servers
	peers := e.connections()
	e.mu.Unlock()
	defer close(e.closed)
	var errs []error
	for _, srv := range servers {
		errs = append(errs, srv.Close())
	}
	if !began {
		return errors.Join(errs...)
	}
	c := e.begin()
	for _, p := range peers {
		p.stopReading()
	}
	ctx, cancel := context.WithTimeout(context.Background(), max(c.CloseTimeout, 0))
	for _, p := range peers {
		p.quiet(ctx)
	}
	cancel()
	for _, p := range peers {
		p.end(ws.CloseGoingAway, errClosed.Error())
	}
	e.parked.close()
	ctx, cancel = timeoutOr(context.Background(), c.WriteTimeout)
	defer cancel()
	errs = append(errs, c.hub.Close(ctx))
	ctx, cancel = context.WithTimeout(context.Background(), 2*closeWait)
	defer cancel()
	for _, p := range peers {
		select {
		case <-p.gone:
		case <-ctx.Done(): // a function of the application does not return
		}
	}
	return errors.Join(errs...)
}

// timeoutOr returns a context that ends after the timeout, if it is positive,
// and the time that a close handshake takes.
func timeoutOr(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout+closeWait)
}

// connections returns all connections, for who holds e.mu.
func (e *Engine) connections() []*peer {
	peers := make([]*peer, 0, len(e.peers))
	for p := range e.peers {
		peers = append(peers, p)
	}
	return peers
}

// A syncWriter writes for one goroutine at a time.
type syncWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (w *syncWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(p)
}

var reporting sync.Mutex

// report writes what went wrong inside an engine to DefaultErrorWriter.
func report(format string, args ...any) {
	reporting.Lock()
	defer reporting.Unlock()
	fmt.Fprintf(DefaultErrorWriter, "[MEGO] "+format+"\n", args...)
}

// reportPanic reports a panic that nobody recovered, with its stack.
func reportPanic(where string, v any) {
	report("panic in %s: %s\n%s", where, printable(fmt.Sprint(v)), debug.Stack())
}
