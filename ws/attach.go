package ws

import "net/http"

// attach makes the connection known to middleware around the handler. The types
// have no names, so that neither package has to import the other.
func attach(w http.ResponseWriter, c *Conn) {
	for {
		if a, ok := w.(interface {
			AttachSession(interface {
				SendText(msg string) error
				Close(code int, reason string) error
			})
		}); ok {
			a.AttachSession(attached{c})
			return
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
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
