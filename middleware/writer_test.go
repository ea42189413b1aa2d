package middleware_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/net/websocket"

	"github.com/gongular/gongular/middleware"
	"github.com/gongular/gongular/ws"
)

// What an entry sees of an answer, whoever writes it and how.
func TestSeen(t *testing.T) {
	for _, test := range []struct {
		name   string
		method string
		h      http.HandlerFunc
		want   middleware.Seen
	}{
		{"nothing written", "GET", func(w http.ResponseWriter, r *http.Request) {}, middleware.Seen{}},
		{"Write", "GET", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("abc")) },
			middleware.Seen{Status: 200, Started: true, Written: 3}},
		{"WriteString", "GET", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "abc") },
			middleware.Seen{Status: 200, Started: true, Written: 3}},
		{"ReadFrom", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.(io.ReaderFrom).ReadFrom(struct{ io.Reader }{strings.NewReader("abc")})
		}, middleware.Seen{Status: 200, Started: true, Written: 3}},
		{"ReadFrom fails at once", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.(io.ReaderFrom).ReadFrom(iotest.ErrReader(errors.New("no")))
		}, middleware.Seen{}},
		{"empty Write", "GET", func(w http.ResponseWriter, r *http.Request) { w.Write(nil) },
			middleware.Seen{Status: 200, Started: true}},
		{"WriteHeader", "GET", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) },
			middleware.Seen{Status: 404, Started: true}},
		{"early hints", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(201)
		}, middleware.Seen{Status: 201, Started: true}},
		{"only early hints", "GET", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(103) }, middleware.Seen{}},
		{"a second status", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(201)
			w.WriteHeader(500)
		}, middleware.Seen{Status: 201, Started: true}},
		{"no status", "GET", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(0) }, middleware.Seen{}},
		{"Flush", "GET", func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush() },
			middleware.Seen{Status: 200, Started: true}},
		{"HEAD", "HEAD", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "abc") },
			middleware.Seen{Status: 200, Started: true}},
		{"switched without hijacking", "GET", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(101) },
			middleware.Seen{Status: 101, Started: true}},
		{"hijacked", "GET", func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			conn.Close()
		}, middleware.Seen{Status: 101, Started: true, Hijacked: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			seen := make(chan middleware.Seen, 1)
			s := start(t, middleware.Watching(func(s middleware.Seen) { seen <- s })(test.h))
			r, _ := http.NewRequest(test.method, s.URL, nil)
			if res, err := s.Client().Do(r); err == nil {
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
			if got := wait(t, seen); got != test.want {
				t.Errorf("seen %+v, want %+v", got, test.want)
			}
		})
	}
}

// A panic passes through, with what was answered so far.
func TestSeenAfterPanic(t *testing.T) {
	var seen middleware.Seen
	h := middleware.Chain(
		middleware.Watching(func(s middleware.Seen) { seen = s }),
		middleware.Layered(),
	)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(202)
		panic("as it is")
	}))
	if got := mustPanic(t, func() { do(h, request("GET", "/")) }); got != "as it is" {
		t.Errorf("the panic became %q", got)
	}
	if want := (middleware.Seen{Status: 202, Started: true}); seen != want {
		t.Errorf("seen %+v, want %+v", seen, want)
	}
}

// A second status and a status that is none are for the server to report.
func TestServerReports(t *testing.T) {
	var log bytes.Buffer
	w := &recordingWriter{header: http.Header{}, log: &log}
	middleware.Nothing()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(201)
		w.WriteHeader(500)
	})).ServeHTTP(w, request("GET", "/"))
	if got := log.String(); got != "WriteHeader 201\nWriteHeader 500\n" {
		t.Errorf("the server was told %q", got)
	}
}

// A recordingWriter can only what every http.ResponseWriter can.
type recordingWriter struct {
	header http.Header
	log    *bytes.Buffer
}

func (w *recordingWriter) Header() http.Header    { return w.header }
func (w *recordingWriter) WriteHeader(status int) { fmt.Fprintf(w.log, "WriteHeader %d\n", status) }
func (w *recordingWriter) Write(p []byte) (int, error) {
	fmt.Fprintf(w.log, "Write %s\n", p)
	return len(p), nil
}

// The kinds of writers that a server, or another library, could have.
type (
	flushing   struct{ *recordingWriter }
	flushError struct{ *recordingWriter }
	wrapping   struct{ http.ResponseWriter }
	opaque     struct{ http.ResponseWriter }
)

func (w flushing) Flush() { w.log.WriteString("Flush\n") }
func (w flushError) FlushError() error {
	w.log.WriteString("FlushError\n")
	return errors.New("broken")
}
func (w wrapping) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// The writer claims to flush if the one below does, and not otherwise: code for
// server-sent events looks for it.
func TestFlusherIsNotClaimedFalsely(t *testing.T) {
	var log bytes.Buffer
	base := &recordingWriter{http.Header{}, &log}
	for _, test := range []struct {
		name    string
		w       http.ResponseWriter
		flushes bool
		err     string
		log     string
	}{
		{"plain", base, false, "feature not supported", ""},
		{"Flusher", flushing{base}, true, "<nil>", "Flush\nFlush\n"},
		{"FlushError", flushError{base}, true, "broken", "FlushError\nFlushError\n"},
		{"wrapped Flusher", wrapping{flushing{base}}, true, "<nil>", "Flush\nFlush\n"},
		{"wrapped plain", wrapping{base}, false, "feature not supported", ""},
		{"hidden Flusher", opaque{flushing{base}}, false, "feature not supported", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			log.Reset()
			middleware.Nothing()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				flusher, ok := w.(http.Flusher)
				if ok != test.flushes {
					t.Errorf("it is a Flusher: %t", ok)
				}
				if ok {
					flusher.Flush()
				}
				if err := http.NewResponseController(w).Flush(); fmt.Sprint(err) != test.err {
					t.Errorf("flushing says %v, want %s", err, test.err)
				}
				if _, _, err := w.(http.Hijacker).Hijack(); !errors.Is(err, http.ErrNotSupported) {
					t.Errorf("hijacking says %v", err)
				}
			})).ServeHTTP(test.w, request("GET", "/"))
			if log.String() != test.log {
				t.Errorf("the server was told %q, want %q", log.String(), test.log)
			}
		})
	}
}

// ReadFrom and WriteString work over a writer that has neither.
func TestPlainWriterBelow(t *testing.T) {
	var log bytes.Buffer
	middleware.Nothing()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, struct{ io.Reader }{strings.NewReader("copied")})
		io.WriteString(w, "string")
	})).ServeHTTP(&recordingWriter{http.Header{}, &log}, request("GET", "/"))
	if got := log.String(); got != "Write copied\nWrite string\n" {
		t.Errorf("the server was told %q", got)
	}
}

// A layer works over a writer that cannot flush.
func TestLayerWithoutFlush(t *testing.T) {
	var log bytes.Buffer
	h := middleware.Chain(middleware.Nothing(), middleware.Layered())(fine)
	h.ServeHTTP(&recordingWriter{http.Header{}, &log}, request("GET", "/"))
	if got := log.String(); got != "Write FINE\n" {
		t.Errorf("the server was told %q", got)
	}
}

// A layer sees the body, however it is written, and is off again afterwards; one
// behind a foreign wrapper stands on that.
func TestLayer(t *testing.T) {
	adds := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer io.WriteString(w, " outside")
			next.ServeHTTP(w, r)
		})
	}
	foreign := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(brackets{w}, r) })
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("a"))
		io.WriteString(w, "b")
		io.Copy(w, struct{ io.Reader }{strings.NewReader("c")})
		http.NewResponseController(w).Flush()
	})
	for _, test := range []struct {
		name string
		mw   []middleware.Middleware
		want string
	}{
		{"one", []middleware.Middleware{adds, middleware.Layered()}, "ABC outside"},
		{"outermost", []middleware.Middleware{middleware.Layered(), adds}, "ABC OUTSIDE"},
		{"two", []middleware.Middleware{middleware.Layered(), middleware.Layered()}, "ABC"},
		{"over a foreign wrapper", []middleware.Middleware{middleware.Nothing(), foreign, middleware.Layered()}, "[A][B][C]"},
		{"under a foreign wrapper", []middleware.Middleware{middleware.Layered(), foreign}, "[A][B][C]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var seen middleware.Seen
			watching := middleware.Watching(func(s middleware.Seen) { seen = s })
			w := do(middleware.Chain(append([]middleware.Middleware{watching}, test.mw...)...)(handler), request("GET", "/"))
			if w.Body.String() != test.want || seen.Written != int64(len(test.want)) {
				t.Errorf("answered %q, want %q; %d bytes seen", w.Body, test.want, seen.Written)
			}
		})
	}
	t.Run("everywhere", func(t *testing.T) { // changes nothing where all is upper case
		trial{seesBody: true}.run(t, middleware.Chain(middleware.Nothing(), middleware.Seeing()))
	})
}

// brackets is a foreign wrapper.
type brackets struct{ http.ResponseWriter }

func (b brackets) Write(p []byte) (int, error) {
	_, err := fmt.Fprintf(b.ResponseWriter, "[%s]", p)
	return len(p), err
}

// If nobody wants to know of the traffic, the connection is the server's own.
func TestHijackUntouched(t *testing.T) {
	kind := make(chan string, 1)
	hijack := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		kind <- fmt.Sprintf("%T", conn)
	})
	for want, mw := range map[string]middleware.Middleware{
		"*net.TCPConn":            middleware.Nothing(),
		"*middleware.watchedConn": middleware.Counting(nil),
	} {
		s := start(t, mw(hijack))
		s.Client().Get(s.URL)
		if got := wait(t, kind); got != want {
			t.Errorf("the connection is a %s, want a %s", got, want)
		}
	}
}

// All bytes of a session are counted, those too that came with the request; none
// is lost, and the buffers stay as large as they were.
func TestTraffic(t *testing.T) {
	type counts struct {
		received, sent int64
		idle           time.Duration
	}
	const answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"
	counted := make(chan counts, 1)
	mw := middleware.Counting(func(received, sent int64, idle time.Duration) { counted <- counts{received, sent, idle} })
	inBubble(t, mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		if got := fmt.Sprint(buffered.Reader.Size(), buffered.Writer.Size(), buffered.Reader.Buffered()); got != "4096 4096 5" {
			t.Errorf("sizes and buffered bytes are %s", got)
		}
		fmt.Fprint(buffered, answer)
		buffered.Flush()
		line, err := buffered.ReadString('\n')
		if line != "early bytes\n" || err != nil {
			t.Errorf("read %q, %v", line, err)
		}
		fmt.Fprint(conn, line)
		if n, err := conn.(io.ReaderFrom).ReadFrom(strings.NewReader(line)); n != 12 || err != nil {
			t.Errorf("copied %d, %v", n, err)
		}
		if inner := conn.(interface{ NetConn() net.Conn }).NetConn(); inner == nil || inner == conn {
			t.Errorf("the connection within is %v", inner)
		}
		io.ReadAll(conn)
	})), func(t *testing.T, l *pipeListener, _ *http.Client) {
		conn, err := l.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.Write([]byte("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly"))
		r := bufio.NewReader(conn)
		if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 101 {
			t.Fatal(res, err)
		}
		conn.Write([]byte(" bytes\n"))
		for range 2 {
			if line, err := r.ReadString('\n'); line != "early bytes\n" {
				t.Errorf("read %q, %v", line, err)
			}
		}
		time.Sleep(3 * time.Second)
		conn.Close()
		if got, want := <-counted, (counts{12, int64(len(answer)) + 24, 3 * time.Second}); got != want {
			t.Errorf("counted %+v, want %+v", got, want)
		}
	})
}

// Bytes that a handler's library has not flushed yet when the connection is
// watched are not lost.
func TestTrafficUnflushed(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		w := bufio.NewWriter(server)
		w.WriteString("unflushed ")
		rw := bufio.NewReadWriter(bufio.NewReader(server), w)
		h := middleware.Counting(nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, rw, _ := w.(http.Hijacker).Hijack()
			rw.WriteString("flushed")
			rw.Flush()
			conn.Close()
		}))
		h.ServeHTTP(hijackable{httptest.NewRecorder(), server, rw}, upgrade("/"))
	}()
	if b, err := io.ReadAll(client); string(b) != "unflushed flushed" {
		t.Errorf("read %q, %v", b, err)
	}
}

// A hijackable writer gives what it has.
type hijackable struct {
	http.ResponseWriter
	conn net.Conn
	rw   *bufio.ReadWriter
}

func (w hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.conn, w.rw, nil }

// Handlers of golang.org/x/net/websocket, which asserts that the writer is a
// Hijacker and panics otherwise, work behind an entry; so do those of package ws.
func TestXNet(t *testing.T) {
	echo := func(conn *websocket.Conn) { io.Copy(conn, conn) }
	for name, h := range map[string]http.Handler{"its own handler": websocket.Handler(echo), "ws.XNet": ws.XNet(echo)} {
		s := start(t, middleware.Chain(middleware.Nothing(), middleware.Counting(nil))(h))
		conn, err := websocket.Dial("ws"+strings.TrimPrefix(s.URL, "http"), "", s.URL)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		websocket.Message.Send(conn, "hello")
		var got string
		if err := websocket.Message.Receive(conn, &got); got != "hello" {
			t.Errorf("%s: received %q, %v", name, got, err)
		}
		conn.Close()
	}
}

// Header fields that are set before the upgrade are part of the answer 101, as
// package ws has it.
func TestHeaderOfUpgrade(t *testing.T) {
	h := middleware.SecurityHeaders(middleware.SecurityConfig{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(ws.Upgrader).Upgrade(w, r, http.Header{"X-Own": {"yes"}})
		if err != nil {
			ws.Refuse(w, err)
			return
		}
		conn.Close()
	}))
	_, res := dial(t, start(t, h), "/")
	if res.StatusCode != 101 || res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("X-Own") != "yes" {
		t.Errorf("answered %s, %v", res.Status, res.Header)
	}
}
