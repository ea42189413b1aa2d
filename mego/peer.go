package mego

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gongular/gongular/mego/internal/wire"
	"github.com/gongular/gongular/ws"
)

// handshakeLimit limits the first message, in bytes.
const handshakeLimit = 64 * KB

// closeReplaced is the close code for a connection whose MegoID another one has
// taken.
const closeReplaced = 4409

// A peer is a connection, and all that belongs to it.
//
// The goroutine of its HTTP request reads; each request of the session runs in a
// goroutine of its own; and the hub writes, once the handshake is over.
type peer struct {
	engine  *Engine
	core    *core
	conn    *ws.Conn
	request *http.Request   // with ctx
	from    context.Context // of the HTTP request, as it came
	ctx     context.Context // until the session ends
	cancel  context.CancelFunc

	reading     context.Context // until nothing more is to be read
	stopReading context.CancelFunc
	registered  int   // what readLimit was worked out for
	limit       int64 // of bytes in a message

	mu      sync.Mutex // guards what follows
	session *Session   // nil before the handshake; not changed any more then
	client  *ws.Client // the same
	over    bool
	last    refusal       // why, once it is over
	running int           // requests under way
	bytes   int           // of their messages
	change  chan struct{} // closed when running gets less; nil if nobody waits
	uploads map[int64]*upload
	files   map[*tempFile]struct{}
	temp    int64 // bytes of files, and of uploads

	subscribed map[subscription]struct{} // guarded by engine.events
	unlisted   bool                      // the same: it takes no subscriptions

	gone chan struct{} // closed when the connection is
}

func newPeer(e *Engine, c *core, r *http.Request) *peer {
	p := &peer{engine: e, core: c, from: r.Context(), registered: -1, gone: make(chan struct{})}
	p.ctx, p.cancel = context.WithCancel(p.from)
	p.reading, p.stopReading = context.WithCancel(p.ctx)
	p.request = r.WithContext(p.ctx)
	return p
}

// serve serves the connection until it is closed and its handlers have returned.
func (p *peer) serve() {
	p.open()
	if p.session == nil {
		p.abandon()
		return
	}
	for p.read() {
	}
	p.end(ws.CloseNormalClosure, "")
	<-p.client.Done()
	p.engine.dismiss(p)
	close(p.gone)
	p.tellDisconnect()
	p.quiet(context.Background())
}

// abandon ends a connection that is closed and has no session.
func (p *peer) abandon() {
	p.end(ws.CloseNormalClosure, "")
	p.engine.dismiss(p)
	close(p.gone)
}

// open makes the handshake. If it fails, the connection is closed and there is
// no session.
func (p *peer) open() {
	req, s, err := p.readHandshake()
	if err == nil {
		err = p.welcome(s)
	}
	if err == nil {
		if req.ID != 0 {
			p.send(wire.AppendResponse(nil, wire.Response{ID: req.ID}))
		}
		return
	}
	refused, ok := errors.AsType[*refusal](err)
	if !ok {
		p.conn.Close() // the network has failed, or the peer has been told
		return
	}
	if refused.status != 0 && req.ID != 0 {
		answer := wire.Response{Code: int64(refused.status), Message: refused.reason, ID: req.ID}
		p.conn.SetWriteDeadline(deadline(p.core.WriteTimeout))
		p.conn.WriteMessage(ws.BinaryMessage, wire.AppendResponse(nil, answer))
	}
	p.conn.WriteClose(refused.code, refused.reason)
	p.conn.Close()
}

func deadline(timeout time.Duration) time.Time {
	if timeout <= 0 {
		return time.Time{}
	}
	return time.Now().Add(timeout)
}

// A refusal is why there is no session: a close code, and a status for the
// answer, if that is not 0.
type refusal struct {
	code, status int
	reason       string
}

func (r *refusal) Error() string { return r.reason }

// readHandshake reads the first message. The request is worth something with an
// error too, if that is a refusal.
func (p *peer) readHandshake() (wire.Request, *Session, error) {
	ctx, cancel := p.reading, context.CancelFunc(func() {})
	if p.core.HandshakeTimeout > 0 {
		ctx, cancel = context.WithTimeout(p.reading, p.core.HandshakeTimeout)
	}
	defer cancel()
	_, data, err := p.conn.Read(ctx)
	switch {
	case err == nil:
	case p.reading.Err() != nil:
		code, reason := p.farewell()
		return wire.Request{}, nil, &refusal{code: code, reason: reason}
	case ctx.Err() != nil:
		return wire.Request{}, nil, &refusal{code: ws.ClosePolicyViolation, reason: "mego: no handshake in time"}
	default:
		return wire.Request{}, nil, err
	}
	req, err := wire.ParseRequest(data)
	if errors.Is(err, wire.ErrMalformed) {
		return req, nil, &refusal{code: ws.CloseInvalidFramePayloadData, reason: "mego: " + err.Error()}
	}
	invalid := func(reason string) (wire.Request, *Session, error) {
		return req, nil, &refusal{ws.ClosePolicyViolation, StatusInvalid, "mego: no handshake: " + reason}
	}
	if _, ok := errors.AsType[*wire.FilesError](err); err != nil && !ok {
		return invalid(err.Error())
	}
	if req.Method != "" {
		return invalid("a method is called")
	}
	keys, ok := req.Value.(map[string]any)
	if !ok {
		return invalid("the parameters are not a map with strings as keys")
	}
	claimed, ok := keys[wire.SessionID].(string)
	if !ok {
		return invalid("there is no MegoID")
	}
	id, ok := parseUUID(claimed)
	if !ok {
		return invalid("the MegoID is not a UUID")
	}
	keys[wire.SessionID] = id
	return req, &Session{Keys: keys, ID: id, peer: p}, nil
}

// parseUUID returns a UUID in the form in which sessions have it: 32 hexadecimal
// digits in groups of 8-4-4-4-12, in lower case. It may be in braces, or begin
// with urn:uuid:, or have no hyphens. One of zeros is none.
func parseUUID(s string) (string, bool) {
	switch {
	case len(s) == 38 && s[0] == '{' && s[37] == '}':
		s = s[1:37]
	case len(s) == 45 && strings.EqualFold(s[:9], "urn:uuid:"):
		s = s[9:]
	case len(s) == 32:
		s = s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
	}
	if len(s) != 36 {
		return "", false
	}
	zero := true
	for i, c := range []byte(s) {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return "", false
			}
		case '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F':
			zero = zero && c == '0'
		default:
			return "", false
		}
	}
	return strings.ToLower(s), !zero
}

// welcome begins the session, or returns a refusal.
func (p *peer) welcome(s *Session) error {
	p.engine.mu.RLock()
	onConnect := p.engine.onConnect
	p.engine.mu.RUnlock()
	if onConnect != nil {
		var err error
		if !p.guard("HandleConnect", func() { err = onConnect(s, p.request) }) {
			return &refusal{code: ws.CloseInternalServerErr, reason: reasonPanic}
		}
		if err != nil {
			return &refusal{ws.ClosePolicyViolation, StatusNoPermission, err.Error()}
		}
	}
	if err := p.begin(s); err != nil {
		return err
	}
	if err := p.engine.enter(s); err != nil {
		p.end(ws.CloseGoingAway, err.Error())
	}
	return nil
}

// begin has the hub write to the connection from now on.
func (p *peer) begin(s *Session) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return &p.last
	}
	client, err := p.core.hub.Add(p.conn, ws.ClientOptions{Data: p})
	if err != nil {
		return &refusal{code: ws.CloseGoingAway, reason: errClosed.Error()}
	}
	p.client, p.session = client, s
	return nil
}

const reasonPanic = "mego: internal error"

// guard calls a function of the application, and reports whether it returned:
// if it panicked, that is reported.
func (p *peer) guard(what string, f func()) (ok bool) {
	defer func() {
		if v := recover(); v != nil {
			reportPanic(what, v)
		}
	}()
	f()
	return true
}

// read reads a message and sees that something is done about it. It reports
// whether there can be more.
func (p *peer) read() bool {
	if !p.waitForRoom() {
		p.endReading()
		return false
	}
	p.conn.SetReadLimit(p.readLimit())
	_, data, err := p.conn.Read(p.reading)
	if err != nil {
		p.endReading()
		return false
	}
	return p.message(data)
}

// endReading ends a session from which nothing more is read. The peer has been
// told why, if it is at fault.
func (p *peer) endReading() {
	if p.reading.Err() == nil {
		p.end(ws.CloseNormalClosure, "")
		return
	}
	if p.from.Err() == nil {
		<-p.ctx.Done() // the session has ended, or Engine.Close is about to end it
	}
	code, reason := p.farewell()
	p.end(code, reason)
}

// farewell returns the close frame for a session that was ended from outside:
// by end, by who cancelled the HTTP request's context, or by Engine.Close.
func (p *peer) farewell() (code int, reason string) {
	p.mu.Lock()
	over, last := p.over, p.last
	p.mu.Unlock()
	if over {
		return last.code, last.reason
	}
	why := context.Cause(p.from)
	if framed, ok := why.(interface{ CloseFrame() (int, string) }); ok {
		code, reason = framed.CloseFrame()
		return code, "mego: " + reason
	}
	if why != nil {
		return ws.CloseGoingAway, "mego: the request was cancelled"
	}
	return ws.CloseGoingAway, errClosed.Error()
}

// readLimit returns the limit for the next message.
func (p *peer) readLimit() int64 {
	p.engine.mu.RLock()
	registered := p.engine.registered
	p.engine.mu.RUnlock()
	if registered != p.registered {
		p.limit, p.registered = p.engine.readLimit(p.core)
	}
	return p.limit
}

// end ends the session: it is forgotten, its requests' context ends, its files
// are deleted, and the connection is closed after what waits to be sent. It does
// not wait for that. The first call counts.
func (p *peer) end(code int, reason string) {
	p.mu.Lock()
	if p.over {
		p.mu.Unlock()
		return
	}
	p.over, p.last = true, refusal{code: code, reason: reason}
	session, client := p.session, p.client
	uploads, files := p.uploads, p.files
	p.uploads, p.files = nil, nil
	p.mu.Unlock()
	if session != nil {
		p.engine.leave(session)
		p.engine.unsubscribeAll(p)
		if client.Close(code, reason) != nil { // a code that is not to be sent
			client.Close(ws.CloseGoingAway, reason)
		}
	}
	p.cancel()
	for _, u := range uploads {
		if u.timer != nil {
			u.timer.Stop()
		}
		if p.park(u) {
			delete(files, u.temp)
		}
	}
	for f := range files {
		f.discard()
	}
}

// tellDisconnect tells the application that the session has ended.
func (p *peer) tellDisconnect() {
	p.engine.mu.RLock()
	onDisconnect := p.engine.onDisconnect
	p.engine.mu.RUnlock()
	if onDisconnect != nil {
		p.guard("HandleDisconnect", func() { onDisconnect(p.session) })
	}
}

// start notes a request whose message has so many bytes.
func (p *peer) start(size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running++
	p.bytes += size
}

// finish notes that it is over.
func (p *peer) finish(size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	p.bytes -= size
	if p.change != nil {
		close(p.change)
		p.change = nil
	}
}

// waitForRoom waits until a further request may be read. It reports false if
// there is to be none.
func (p *peer) waitForRoom() bool {
	return p.await(p.reading, p.conn.Done(), func() bool {
		return !exceeds(p.running+1, p.core.Concurrency) && !exceeds(p.bytes, p.core.MaxSize)
	})
}

// quiet waits until no request is under way, or the context ends.
func (p *peer) quiet(ctx context.Context) {
	p.await(ctx, nil, func() bool { return p.running == 0 })
}

// await waits until ready, which is called with p.mu, reports true. It reports
// false if the context ends or closed is closed before.
func (p *peer) await(ctx context.Context, closed <-chan struct{}, ready func() bool) bool {
	for {
		p.mu.Lock()
		if ready() {
			p.mu.Unlock()
			return ctx.Err() == nil
		}
		if p.change == nil {
			p.change = make(chan struct{})
		}
		change := p.change
		p.mu.Unlock()
		select {
		case <-change:
		case <-closed:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// gaveUp is a context for those who do not wait.
var gaveUp = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// send sends an answer. It waits for room in the queue; if there is none in
// time, the session ends. An answer to a session that has ended goes nowhere.
func (p *peer) send(data []byte) {
	if err := p.client.SendWait(gaveUp, ws.BinaryMessage, data); !errors.Is(err, context.Canceled) {
		return
	}
	ctx, cancel := p.ctx, context.CancelFunc(func() {})
	if p.core.WriteTimeout > 0 {
		ctx, cancel = context.WithTimeout(p.ctx, p.core.WriteTimeout)
	}
	defer cancel()
	if err := p.client.SendWait(ctx, ws.BinaryMessage, data); errors.Is(err, context.DeadlineExceeded) {
		p.end(ws.ClosePolicyViolation, "mego: slow consumer")
	}
}

// SendText sends a text of middleware around the engine, as an event.
func (p *peer) SendText(msg string) error {
	p.mu.Lock()
	client := p.client
	p.mu.Unlock()
	if client == nil {
		return ws.ErrClientGone
	}
	data, _ := encodeEvent(wire.Notice, msg) // a string can be encoded
	return client.Send(ws.BinaryMessage, data)
}

// Close ends the session for middleware around the engine.
func (p *peer) Close(code int, reason string) error {
	p.end(code, "mego: "+reason)
	return nil
}

// attach makes the session known to middleware around the engine that wants to
// know of sessions: to send them texts, and to close them. The types have no
// names, so that this package need not import that of the middleware.
func attach(w http.ResponseWriter, p *peer) {
	for {
		if a, ok := w.(interface {
			AttachSession(interface {
				SendText(msg string) error
				Close(code int, reason string) error
			})
		}); ok {
			a.AttachSession(p)
			return
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
		}
		w = wrapper.Unwrap()
	}
}

// An unattached writer keeps the connection from being made known as it is: the
// session is, see attach.
type unattached struct{ http.ResponseWriter }

// Hijack takes the connection over from the writer, or from one that it wraps.
func (w unattached) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// printable escapes what would not stay on its line of a log.
func printable(s string) string {
	quoted := fmt.Sprintf("%q", s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
