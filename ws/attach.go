package ws

import "net/http"

// attach makes the connection known to middleware around the handler, and to those
// there who count messages. The types have no names, so that neither package has to
// import the other.
func attach(w http.ResponseWriter, c *Conn) {
	if counts, ok := find[interface{ MessageCounter() func(n int) }](w); ok {
		c.counted.also = counts.MessageCounter()
	}
	if attaches, ok := find[interface {
		AttachSession(interface {
			SendText(msg string) error
			Close(code int, reason string) error
		})
	}](w); ok {
		attaches.AttachSession(attached{c})
	}
}

// find returns the writer, or the first of those that it wraps, which is a T.
func find[T any](w http.ResponseWriter) (found T, ok bool) {
	for {
		if found, ok = w.(T); ok {
			return found, true
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return found, false
		}
		w = wrapper.Unwrap()
	}
}

// An attached connection is one as middleware has it.
type attached struct{ conn *Conn }

// SendText sends a text message.
func (a attached) SendText(msg string) error { return a.conn.WriteMessage(TextMessage, []byte(msg)) }

// Close says why in the close frame. That is the first one, or there is no need.
func (a attached) Close(code int, reason string) error {
	a.conn.WriteClose(code, reason)
	return a.conn.Close()
}
