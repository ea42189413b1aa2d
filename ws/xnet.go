package ws

import (
	"bufio"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/net/websocket"
)

// XNet returns a handler that runs h, which is written for
// golang.org/x/net/websocket, for each connection. It is [Upgrader.XNet] with
// the defaults.
func XNet(h func(*websocket.Conn)) http.Handler { return new(Upgrader).XNet(h) }

// XNet returns a handler that runs h, which is written for
// golang.org/x/net/websocket, for each connection, and closes it when h returns.
//
// The handshake is ours: what [Upgrader.Check] refuses gets an ordinary answer,
// w may be wrapped, and w.Header is sent with the upgrade. The messages are
// theirs, with what that package makes of fragments, text and close codes; only
// ReadLimit goes with them, as the MaxPayloadBytes of the connection. A request
// without Origin has the empty URL for it.
func (u *Upgrader) XNet(h func(*websocket.Conn)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := u.serveXNet(w, r, h); err != nil {
			Refuse(w, err)
		}
	})
}

func (u *Upgrader) serveXNet(w http.ResponseWriter, r *http.Request, h func(*websocket.Conn)) error {
	if err := u.Check(r); err != nil {
		return err
	}
	own, err := ownFields(joined(w.Header(), nil))
	if err != nil {
		return err
	}
	protocol := u.subprotocol(r, w.Header())
	conn, buffered, err := hijack(w)
	if err != nil {
		return err
	}
	conn.SetWriteDeadline(u.handshakeDeadline())
	server := websocket.Server{
		Config: websocket.Config{Header: own},
		Handshake: func(config *websocket.Config, r *http.Request) error {
			config.Protocol = nil
			if protocol != "" {
				config.Protocol = []string{protocol}
			}
			config.Origin, _ = websocket.Origin(config, r)
			if config.Origin == nil {
				config.Origin = new(url.URL) // Conn.RemoteAddr is made of it
			}
			return nil
		},
		Handler: func(c *websocket.Conn) {
			conn.SetWriteDeadline(time.Time{})
			c.MaxPayloadBytes = int(limitOf(u.ReadLimit))
			h(c)
		},
	}
	server.ServeHTTP(hijacked{w, conn, buffered}, soleUpgrade(r))
	return nil
}

// soleUpgrade returns the request without what else it would upgrade to, which
// x/net does not expect.
func soleUpgrade(r *http.Request) *http.Request {
	r2 := r.WithContext(r.Context())
	r2.Header = r.Header.Clone()
	r2.Header.Set("Upgrade", "websocket")
	r2.Header.Set("Connection", "Upgrade")
	return r2
}

// A hijacked writer has been hijacked already.
type hijacked struct {
	http.ResponseWriter
	conn     net.Conn
	buffered *bufio.ReadWriter
}

// Hijack returns what hijacking the writer gave.
func (w hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.conn, w.buffered, nil
}
