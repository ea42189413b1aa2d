package mego

import (
	"maps"
	"sync"
	"time"
)

// A Session is a client's connection, from its handshake on.
//
// Its ID and the Keys of the handshake are what the client says of itself: any
// client can say anything, so that an ID names and does not prove. What has to
// be true is for [Engine.HandleConnect] to check, or for HTTP middleware around
// the engine.
type Session struct {
	// Keys are those of the handshake, and what Set has added. While the session
	// lasts, the methods are for reading and changing them; the map itself is
	// free to be used in HandleConnect, and that of a Copy.
	Keys map[string]any
	// ID is the MegoID of the handshake, a UUID in lower case.
	ID string

	mu   sync.RWMutex // guards Keys
	peer *peer
}

// Get returns what is stored under the name, and reports whether there is
// something.
func (s *Session) Get(name string) (v any, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, ok = s.Keys[name]
	return v, ok
}

func (s *Session) value(key string) any {
	v, _ := s.Get(key)
	return v
}

// Set stores a value, for as long as the session lasts.
func (s *Session) Set(key string, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Keys == nil {
		s.Keys = make(map[string]any)
	}
	s.Keys[key] = value
}

// Copy returns a session of the same client with Keys of its own.
func (s *Session) Copy() *Session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	keys := maps.Clone(s.Keys)
	if keys == nil {
		keys = make(map[string]any)
	}
	return &Session{Keys: keys, ID: s.ID, peer: s.peer}
}

// Disconnect ends the session, and closes the connection with code 1000 after
// what waits to be sent. It does not wait for that. It returns nil, also for a
// session that has ended.
func (s *Session) Disconnect() error {
	s.peer.end(1000, "mego: disconnected by the server")
	return nil
}

// GetBool returns what was stored in the session under the key as a bool.
func (s *Session) GetBool(key string) (v bool) { return toBool(s.value(key)) }

// GetDuration returns what was stored in the session under the key as a duration: a number of nanoseconds, or text as "1m30s".
func (s *Session) GetDuration(key string) (v time.Duration) { return toDuration(s.value(key)) }

// GetFloat64 returns what was stored in the session under the key as a float; any number is one.
func (s *Session) GetFloat64(key string) (v float64) { return toFloat64(s.value(key)) }

// GetInt returns what was stored in the session under the key as an integer; a float loses its fraction, and what does not fit is 0.
func (s *Session) GetInt(key string) (v int) { return toInt(s.value(key)) }

// GetMapString returns what was stored in the session under the key as a map of strings, or nil.
func (s *Session) GetMapString(key string) (v map[string]string) { return toMapString(s.value(key)) }

// GetString returns what was stored in the session under the key as text; bytes are text too.
func (s *Session) GetString(key string) (v string) { return toString(s.value(key)) }

// GetStringMap returns what was stored in the session under the key as a map whose keys are strings, or nil.
func (s *Session) GetStringMap(key string) (v map[string]any) { return toStringMap(s.value(key)) }

// GetStringSlice returns what was stored in the session under the key as a list of strings, or nil.
func (s *Session) GetStringSlice(key string) (v []string) { return toStringSlice(s.value(key)) }

// GetTime returns what was stored in the session under the key as a time: a timestamp, text by RFC 3339, or Unix seconds.
func (s *Session) GetTime(key string) (v time.Time) { return toTime(s.value(key)) }
