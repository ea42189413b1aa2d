package gongular

import (
	"context"
	"net/http"
	"sync"

	"github.com/gongular/gongular/ws"
)

// WebSocket sessions and their end. net/http forgets a connection that was taken
// over, so that the engine has to know for itself what it has open.

// sessions are the WebSocket sessions of an engine.
type sessions struct {
	mu       sync.Mutex
	all      map[*openSession]bool
	stopping map[*http.Server]bool // servers that take no more; nil stands for all
	changed  chan struct{}         // closed when a session has ended; nil unless someone waits
}

// An openSession is one that is about to be opened, or that Handle has.
type openSession struct {
	of     *sessions
	server *http.Server // nil if there is none, or if it is unknown
	conn   *ws.Conn     // nil until the connection is upgraded; guarded by of.mu
}

// open notes a session for the request. It is nil if the server is stopping.
func (s *sessions) open(r *http.Request) *openSession {
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	o := &openSession{of: s, server: server}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isStopping(server) {
		return nil
	}
	if s.all == nil {
		s.all = map[*openSession]bool{}
	}
	s.all[o] = true
	return o
}

func (s *sessions) isStopping(server *http.Server) bool {
	return s.stopping[server] || s.stopping[nil]
}

// connected notes the connection of the session. If the server has been stopped
// since, the peer is told so.
func (o *openSession) connected(conn *ws.Conn) {
	o.of.mu.Lock()
	defer o.of.mu.Unlock()
	o.conn = conn
	if o.of.isStopping(o.server) {
		go goAway(conn)
	}
}

// ended notes that Handle has returned, or that there was no upgrade, and that
// the request has been cleaned up after.
func (o *openSession) ended() {
	o.of.mu.Lock()
	defer o.of.mu.Unlock()
	delete(o.of.all, o)
	if o.of.changed != nil {
		close(o.of.changed)
		o.of.changed = nil
	}
}

// goAway tells the peer that the server goes down, and closes the connection
// once it has answered, or when its time for that is over.
func goAway(conn *ws.Conn) {
	conn.WriteClose(ws.CloseGoingAway, "")
	conn.Close()
}

// start lets servers take sessions again after all were stopped.
func (s *sessions) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.stopping, nil)
}

// stop ends the sessions of the server, or those of all if it is nil. There will
// be no more of them until forget is called.
func (s *sessions) stop(server *http.Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping == nil {
		s.stopping = map[*http.Server]bool{}
	}
	s.stopping[server] = true
	for o := range s.all {
		if o.conn != nil && (server == nil || o.server == server) {
			go goAway(o.conn)
		}
	}
}

// forget ends what stop has begun.
func (s *sessions) forget(server *http.Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.stopping, server)
}

// wait waits until the sessions have ended. When ctx ends, it closes the
// connections that are left, and returns how many there were.
func (s *sessions) wait(ctx context.Context, server *http.Server) (left int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		var conns []*ws.Conn
		left = 0
		for o := range s.all {
			if server == nil || o.server == server {
				left++
				if o.conn != nil {
					conns = append(conns, o.conn)
				}
			}
		}
		if left == 0 {
			return 0
		}
		if ctx.Err() != nil {
			for _, conn := range conns {
				conn.CloseNow()
			}
			return left
		}
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		s.mu.Lock()
	}
}
