package peers_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/lxzan/gws"
)

// gws checks the text that it sends as well, and neither end of it goes on
// without a subprotocol that it has asked for.
var gwsPeer = peer{
	name: "gws",
	dial: func(t *testing.T, url string, o options) *end {
		e := newEnd()
		header := http.Header{}
		if len(o.offered) > 0 {
			header.Set("Sec-WebSocket-Protocol", strings.Join(o.offered, ", "))
		}
		conn, _, err := gws.NewClient(gwsEvents{e}, &gws.ClientOption{
			Addr:              url,
			RequestHeader:     header,
			PermessageDeflate: gwsCompression(o),
			CheckUtf8Enabled:  true,
			HandshakeTimeout:  patience,
		})
		must(t, err)
		return gwsEnd(t, e, conn)
	},
	serve: func(t *testing.T, o options) (string, func() *end) {
		return serveGo(t, func(w http.ResponseWriter, r *http.Request) *end {
			e := newEnd()
			u := gws.NewUpgrader(gwsEvents{e}, &gws.ServerOption{
				SubProtocols:      o.spoken,
				PermessageDeflate: gwsCompression(o),
				CheckUtf8Enabled:  true,
			})
			conn, err := u.Upgrade(w, r)
			if err != nil {
				t.Error(err)
				return nil
			}
			return gwsEnd(t, e, conn)
		})
	},
	lacks:       []string{"bad text of theirs"},
	clientLacks: []string{"no common subprotocol"},
}

func gwsCompression(o options) gws.PermessageDeflate {
	return gws.PermessageDeflate{
		Enabled:               o.compression != none,
		Threshold:             1,
		PoolSize:              1,
		ServerContextTakeover: o.compression == takeover,
		ClientContextTakeover: o.compression == takeover,
		// It would else be 12, also for clients that have not offered to limit it,
		// which RFC 7692 section 7.1.2.2 forbids.
		ClientMaxWindowBits: 15,
	}
}

func gwsEnd(t *testing.T, e *end, conn *gws.Conn) *end {
	e.subprotocol = conn.SubProtocol()
	e.send = func(messageType int, data []byte) error {
		return conn.WriteMessage(gws.Opcode(messageType), data)
	}
	e.fragments = func(messageType int, parts [][]byte) error {
		return conn.WriteFile(gws.Opcode(messageType), bytes.NewReader(bytes.Join(parts, nil)))
	}
	e.ping = conn.WritePing
	e.close = func(code int, reason string) error {
		return conn.WriteClose(uint16(code), []byte(reason))
	}
	run(t, func() { conn.NetConn().Close() }, conn.ReadLoop)
	return e
}

// gwsEvents passes on what happens.
type gwsEvents struct{ end *end }

func (g gwsEvents) OnOpen(*gws.Conn) {}

func (g gwsEvents) OnClose(_ *gws.Conn, err error) {
	closed := event{what: "closed"}
	if c, ok := errors.AsType[*gws.CloseError](err); ok {
		closed.code, closed.data = int(c.Code), string(c.Reason)
	}
	g.end.events <- closed
}

func (g gwsEvents) OnPing(conn *gws.Conn, payload []byte) { conn.WritePong(payload) }

func (g gwsEvents) OnPong(_ *gws.Conn, payload []byte) {
	g.end.events <- event{what: "pong", data: string(payload)}
}

func (g gwsEvents) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	g.end.tell(int(m.Opcode), string(m.Bytes()))
}
