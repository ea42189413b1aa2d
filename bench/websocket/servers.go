package websocket

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"

	coder "github.com/coder/websocket"
	gobwas "github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	gorilla "github.com/gorilla/websocket"
	"github.com/lxzan/gws"

	"github.com/gongular/gongular/ws"
)

// readLimit is that of all servers.
const readLimit = 16 << 20

// A mode is what a server is started for.
type mode string

const (
	plain      mode = "plain"
	compressed mode = "compressed" // each message is on its own
	broadcasts mode = "broadcasts"
)

// A server is an echo server as the users of a library write it.
type server interface {
	// serve serves the listener, and does not return.
	serve(l net.Listener, m mode)
	// connections returns how many there have been.
	connections() int
	// broadcast sends data to all of them, as a text message.
	broadcast(data []byte)
}

// What is not a library of others.
const (
	ours      = "ours"       // with ReadInPlace
	oursOwned = "ours-owned" // with ReadMessage
	floor     = "floor"

	// As ours, for idle connections: these keep the request, and are served in the
	// handler, as those of an Engine are.
	oursRequest = "ours-request"
	oursHandler = "ours-handler"
)

// servers are all contenders.
var servers = map[string]func() server{
	ours:        func() server { return &ourServer{echo: echoInPlace} },
	oursOwned:   func() server { return &ourServer{echo: echoOwned} },
	oursRequest: func() server { return &ourServer{echo: echoInPlace, keepsRequest: true} },
	oursHandler: func() server { return &ourServer{echo: echoInPlace, keepsRequest: true, inHandler: true} },
	"gorilla":   func() server { return new(gorillaServer) },
	"coder":     func() server { return new(coderServer) },
	"gws":       func() server { return new(gwsServer) },
	"gobwas":    func() server { return new(gobwasServer) },
	floor:       func() server { return new(floorServer) },
}

// serveHTTP serves connections that begin as requests.
func serveHTTP(l net.Listener, h http.HandlerFunc) {
	log.Fatal(http.Serve(l, h))
}

// A crowd has all connections since the beginning, to broadcast to.
type crowd[C any] struct {
	mu    sync.Mutex
	conns []C
}

func (c *crowd[C]) add(conn C) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = append(c.conns, conn)
}

func (c *crowd[C]) connections() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.conns)
}

// each calls f for all connections, one after the other.
func (c *crowd[C]) each(f func(C) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		if err := f(conn); err != nil {
			log.Fatal("broadcast: ", err)
		}
	}
}

type ourServer struct {
	crowd[*ws.Conn]
	hub  *ws.Hub
	echo func(*ws.Conn)

	keepsRequest bool
	inHandler    bool // a connection is served in the handler that upgraded it
}

func (s *ourServer) serve(l net.Listener, m mode) {
	upgrader := ws.Upgrader{ReadLimit: readLimit, ForgetRequest: !s.keepsRequest}
	switch m {
	case compressed:
		upgrader.Compression = &ws.Compression{Threshold: -1}
	case broadcasts:
		s.hub = ws.NewHub(ws.HubOptions{})
	}
	serveHTTP(l, func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			ws.Refuse(w, err)
			return
		}
		if s.inHandler {
			s.attend(conn)
			return
		}
		go s.attend(conn) // so that net/http can let go of what it has
	})
}

func (s *ourServer) attend(conn *ws.Conn) {
	defer conn.Close()
	if s.hub != nil {
		s.attendClient(conn)
		return
	}
	s.add(conn)
	s.echo(conn)
}

func (s *ourServer) attendClient(conn *ws.Conn) {
	client, err := s.hub.Add(conn, ws.ClientOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Remove()
	s.add(conn)
	s.echo(conn)
}

func (s *ourServer) broadcast(data []byte) {
	if _, err := s.hub.BroadcastAll(ws.TextMessage, data); err != nil {
		log.Fatal(err)
	}
}

// echoInPlace looks at messages where they are.
func echoInPlace(conn *ws.Conn) {
	for {
		messageType, p, err := conn.ReadInPlace()
		if err != nil || conn.WriteMessage(messageType, p) != nil {
			return
		}
	}
}

// echoOwned has each message as a slice of its own.
func echoOwned(conn *ws.Conn) {
	for {
		messageType, p, err := conn.ReadMessage()
		if err != nil || conn.WriteMessage(messageType, p) != nil {
			return
		}
	}
}

type gorillaServer struct{ crowd[*gorilla.Conn] }

func (s *gorillaServer) serve(l net.Listener, m mode) {
	upgrader := gorilla.Upgrader{EnableCompression: m == compressed}
	serveHTTP(l, func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		conn.SetReadLimit(readLimit)
		s.add(conn)
		for {
			messageType, p, err := conn.ReadMessage()
			if err != nil || conn.WriteMessage(messageType, p) != nil {
				return
			}
		}
	})
}

func (s *gorillaServer) broadcast(data []byte) {
	pm, err := gorilla.NewPreparedMessage(gorilla.TextMessage, data)
	if err != nil {
		log.Fatal(err)
	}
	s.each(func(conn *gorilla.Conn) error { return conn.WritePreparedMessage(pm) })
}

type coderServer struct{ crowd[*coder.Conn] }

func (s *coderServer) serve(l net.Listener, m mode) {
	options := coder.AcceptOptions{}
	if m == compressed {
		options.CompressionMode, options.CompressionThreshold = coder.CompressionNoContextTakeover, 1
	}
	serveHTTP(l, func(w http.ResponseWriter, r *http.Request) {
		conn, err := coder.Accept(w, r, &options)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		conn.SetReadLimit(readLimit)
		s.add(conn)
		ctx := context.Background()
		for {
			messageType, p, err := conn.Read(ctx)
			if err != nil || conn.Write(ctx, messageType, p) != nil {
				return
			}
		}
	})
}

func (s *coderServer) broadcast(data []byte) {
	s.each(func(conn *coder.Conn) error { return conn.Write(context.Background(), coder.MessageText, data) })
}

type gwsServer struct {
	gws.BuiltinEventHandler
	crowd[*gws.Conn]
}

func (s *gwsServer) serve(l net.Listener, m mode) {
	upgrader := gws.NewUpgrader(s, &gws.ServerOption{
		ReadMaxPayloadSize: readLimit,
		PermessageDeflate:  gws.PermessageDeflate{Enabled: m == compressed, Threshold: 1},
	})
	serveHTTP(l, func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r)
		if err != nil {
			return
		}
		s.add(conn)
		go conn.ReadLoop() // in a goroutine of its own, as its documentation advises
	})
}

// OnMessage echoes.
func (s *gwsServer) OnMessage(conn *gws.Conn, m *gws.Message) {
	defer m.Close()
	conn.WriteMessage(m.Opcode, m.Bytes())
}

func (s *gwsServer) broadcast(data []byte) {
	b := gws.NewBroadcaster(gws.OpcodeText, data)
	defer b.Close()
	s.each(b.Broadcast)
}

// gobwas/ws is used without net/http, where it needs least.
type gobwasServer struct{ crowd[net.Conn] }

func (s *gobwasServer) serve(l net.Listener, _ mode) {
	for {
		conn, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			defer conn.Close()
			if _, err := gobwas.Upgrade(conn); err != nil {
				return
			}
			s.add(conn)
			for {
				p, opcode, err := wsutil.ReadClientData(conn)
				if err != nil || wsutil.WriteServerMessage(conn, opcode, p) != nil {
					return
				}
			}
		}()
	}
}

func (s *gobwasServer) broadcast(data []byte) {
	frame, err := gobwas.CompileFrame(gobwas.NewTextFrame(data))
	if err != nil {
		log.Fatal(err)
	}
	s.each(func(conn net.Conn) error {
		_, err := conn.Write(frame)
		return err
	})
}

// The floor does as little as an echo can do: it reads until a frame is there,
// unmasks it eight bytes at a time, and writes it. It knows one frame to a
// message, and trusts the client.
type floorServer struct{ crowd[net.Conn] }

func (s *floorServer) serve(l net.Listener, _ mode) {
	serveHTTP(l, func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			log.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			acceptKey(r.Header.Get("Sec-WebSocket-Key")))
		s.add(conn)
		echoFrames(conn)
	})
}

func (s *floorServer) broadcast(data []byte) {
	frame := appendHeader(nil, 0x81, len(data))
	frame = append(frame, data...)
	s.each(func(conn net.Conn) error {
		_, err := conn.Write(frame)
		return err
	})
}

// echoFrames is the floor. Its buffer has room for the largest frame so far.
func echoFrames(conn net.Conn) {
	buf, start, end := make([]byte, 4<<10), 0, 0
	for {
		head, length, ok := parseMasked(buf[start:end])
		if size := head + length; ok && size <= end-start {
			frame := buf[start : start+size]
			key := binary.LittleEndian.Uint32(frame[head-4:])
			payload := frame[head:]
			unmask(payload, key)
			answer := frame[4:] // its header is shorter, by the key
			appendHeader(answer[:0], frame[0], length)
			if _, err := conn.Write(answer); err != nil {
				return
			}
			if start += size; start == end {
				start, end = 0, 0
			}
			continue
		} else if ok && start+size > len(buf) {
			grown := buf
			if size > len(buf) {
				grown = make([]byte, size)
			}
			end = copy(grown, buf[start:end])
			buf, start = grown, 0
		} else if end == len(buf) {
			end = copy(buf, buf[start:end])
			start = 0
		}
		n, err := conn.Read(buf[end:])
		if err != nil {
			return
		}
		end += n
	}
}

// parseMasked returns the sizes of the header and of the payload of a masked
// frame, and whether the header is there.
func parseMasked(b []byte) (head, length int, ok bool) {
	if len(b) < 2 {
		return 0, 0, false
	}
	switch short := int(b[1] & 0x7f); {
	case short < 126:
		return 6, short, len(b) >= 6
	case short == 126 && len(b) >= 8:
		return 8, int(binary.BigEndian.Uint16(b[2:])), true
	case short == 127 && len(b) >= 14:
		return 14, int(binary.BigEndian.Uint64(b[2:])), true
	}
	return 0, 0, false
}

// appendHeader appends the header of a frame that is not masked.
func appendHeader(b []byte, first byte, length int) []byte {
	b = append(b, first)
	switch {
	case length < 126:
		return append(b, byte(length))
	case length < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 126), uint16(length))
	default:
		return binary.BigEndian.AppendUint64(append(b, 127), uint64(length))
	}
}

func unmask(p []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for len(p) >= 32 {
		a, b, c, d := p[0:8:8], p[8:16:16], p[16:24:24], p[24:32:32]
		binary.LittleEndian.PutUint64(a, binary.LittleEndian.Uint64(a)^wide)
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		binary.LittleEndian.PutUint64(c, binary.LittleEndian.Uint64(c)^wide)
		binary.LittleEndian.PutUint64(d, binary.LittleEndian.Uint64(d)^wide)
		p = p[32:]
	}
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^wide)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= byte(key >> (8 * (i % 4)))
	}
}
