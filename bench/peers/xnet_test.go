package peers_test

import (
	"net/http"
	"net/url"
	"testing"

	"golang.org/x/net/websocket"
)

// x/net/websocket knows neither fragments, nor compression, nor codes of close
// frames but 1000; it does not tell of pongs, and its client takes what it has
// offered for the subprotocol.
var xnetPeer = peer{
	name: "xnet",
	dial: func(t *testing.T, url string, o options) *end {
		config, err := websocket.NewConfig(url, "http"+url[len("ws"):])
		must(t, err)
		config.Protocol = o.offered
		conn, err := websocket.DialConfig(config)
		must(t, err)
		return xnetEnd(t, conn)
	},
	serve: func(t *testing.T, o options) (string, func() *end) {
		ends := make(chan *end, 1)
		over := make(chan struct{})
		address, _ := serveGo(t, func(w http.ResponseWriter, r *http.Request) *end {
			websocket.Server{
				Handshake: func(config *websocket.Config, r *http.Request) error {
					config.Protocol = o.spoken
					config.Origin = new(url.URL)
					return nil
				},
				Handler: func(conn *websocket.Conn) {
					ends <- xnetEnd(t, conn)
					<-over // it closes the connection after this
				},
			}.ServeHTTP(w, r)
			return nil
		})
		t.Cleanup(func() { close(over) })
		return address, func() *end { return await(t, ends) }
	},
	lacks: []string{
		"fragments of ours", "fragments of theirs", "ping of theirs",
		"close of theirs", "close of theirs, longest reason",
		"compression of ours", "compression of theirs",
		"context takeover of ours", "context takeover of theirs",
		"compressed fragments of ours", "compressed fragments of theirs",
		"compressed crossing", "compressed crossing, takeover",
		"bad text of ours",
	},
	clientLacks: []string{"no common subprotocol"},
	blind:       true,
	answer:      1000,
}

// typed is a message as the codec sees it.
type typed struct {
	messageType int
	data        []byte
}

var xnetCodec = websocket.Codec{
	Marshal: func(v any) ([]byte, byte, error) {
		m := v.(typed)
		return m.data, byte(m.messageType), nil
	},
	Unmarshal: func(data []byte, payloadType byte, v any) error {
		*v.(*typed) = typed{int(payloadType), data}
		return nil
	},
}

func xnetEnd(t *testing.T, conn *websocket.Conn) *end {
	e := newEnd()
	conn.MaxPayloadBytes = 4 << 20
	if protocols := conn.Config().Protocol; len(protocols) > 0 {
		e.subprotocol = protocols[0]
	}
	e.send = func(messageType int, data []byte) error {
		return xnetCodec.Send(conn, typed{messageType, data})
	}
	e.close = func(int, string) error { return conn.Close() }
	run(t, func() { conn.Close() }, func() {
		for {
			var m typed
			if err := xnetCodec.Receive(conn, &m); err != nil {
				e.events <- event{what: "closed"}
				conn.Close()
				return
			}
			e.tell(m.messageType, string(m.data))
		}
	})
	return e
}
