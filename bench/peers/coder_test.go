package peers_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/coder/websocket"
)

// coder/websocket does not check text. It says itself what is in its pings, and
// looks for that in the pongs.
var coderPeer = peer{
	name: "coder",
	dial: func(t *testing.T, url string, o options) *end {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{
			Subprotocols:         o.offered,
			CompressionMode:      coderCompression(o),
			CompressionThreshold: 1,
		})
		must(t, err)
		return coderEnd(t, conn)
	},
	serve: func(t *testing.T, o options) (string, func() *end) {
		return serveGo(t, func(w http.ResponseWriter, r *http.Request) *end {
			conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
				Subprotocols:         o.spoken,
				CompressionMode:      coderCompression(o),
				CompressionThreshold: 1,
			})
			if err != nil {
				t.Error(err)
				return nil
			}
			return coderEnd(t, conn)
		})
	},
	lacks: []string{"bad text of ours"},
}

func coderCompression(o options) websocket.CompressionMode {
	switch o.compression {
	case takeover:
		return websocket.CompressionContextTakeover
	case alone:
		return websocket.CompressionNoContextTakeover
	default:
		return websocket.CompressionDisabled
	}
}

func coderEnd(t *testing.T, conn *websocket.Conn) *end {
	e := newEnd()
	ctx, cancel := context.WithCancel(context.Background())
	conn.SetReadLimit(4 << 20)
	e.subprotocol = conn.Subprotocol()
	e.send = func(messageType int, data []byte) error {
		return conn.Write(ctx, websocket.MessageType(messageType), data)
	}
	e.fragments = func(messageType int, parts [][]byte) error {
		w, err := conn.Writer(ctx, websocket.MessageType(messageType))
		if err != nil {
			return err
		}
		for _, part := range parts {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return w.Close()
	}
	e.ping = func(data []byte) error {
		run(t, cancel, func() {
			if err := conn.Ping(ctx); err != nil {
				t.Error(err)
				return
			}
			e.events <- event{what: "pong", data: string(data)}
		})
		return nil
	}
	e.close = func(code int, reason string) error {
		run(t, cancel, func() {
			if err := conn.Close(websocket.StatusCode(code), reason); err != nil {
				t.Error(err)
			}
		})
		return nil
	}
	run(t, func() {
		cancel()
		conn.CloseNow()
	}, func() {
		for {
			messageType, p, err := conn.Read(ctx)
			if err != nil {
				closed := event{what: "closed"}
				if c, ok := errors.AsType[websocket.CloseError](err); ok {
					closed.code, closed.data = int(c.Code), c.Reason
				}
				e.events <- closed
				return
			}
			e.tell(int(messageType), string(p))
		}
	})
	return e
}
