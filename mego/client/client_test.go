package client_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/mego"
	"github.com/gongular/gongular/mego/client"
	"github.com/gongular/gongular/mego/internal/wire"
	"github.com/gongular/gongular/mego/msgpack"
	"github.com/gongular/gongular/ws"
)

// What the model exports is here, with the same types. A name that is missing
// does not compile.
var (
	_ func(string) *client.Client = client.New
	_ func(string) *client.Client = client.NewClient
	_                             = []*time.Duration{&client.Timeout, &client.UploadTimeout}
	_                             = &client.ChunkSize
	_ map[string]any              = client.H(nil)
	_                             = client.Option{ChunkSize: 1, Timeout: 1, UploadTimeout: 1}
	_                             = client.RequestOption{ChunkSize: 1, Timeout: 1, UploadTimeout: 1}
	_                             = client.File{Binary: []byte{}, ID: 1, Parts: []int{}, Name: ""}
	_                             = client.Response{Event: "", Result: msgpack.RawMessage{}, Error: client.Error{}, ID: 1}
	_                             = client.Event{Name: "", Data: []byte{}}
	_                             = client.Error{Code: 1, Message: "", Data: []byte{}}

	_ interface {
		Set(data map[string]any) *client.Client
		Connect() error
		Reconnect() error
		Close() error
		Call(method string) *client.Request
		Subscribe(event, channel string, extra ...any) error
		Unsubscribe(event, channel string) error
		On(event string, handler func(*client.Event)) *client.Client
		Off(event string) *client.Client
	} = (*client.Client)(nil)
	_ interface {
		Send(data any) *client.Request
		SendFile(file any, fieldName ...string) *client.Request
		SendFiles(files []any, fieldName ...string) *client.Request
		SendFileChunks(file any, fieldName ...string) *client.Request
		End() error
		EndStruct(dest any) error
		Notify() error
	} = (*client.Request)(nil)
)

// The constants are those of the server, and the variables what they are said to
// be.
func TestValues(t *testing.T) {
	ours := []int{client.StatusError, client.StatusFull, client.StatusExists, client.StatusInvalid, client.StatusNotFound, client.StatusNotAuthorized,
		client.StatusNoPermission, client.StatusUnimplemented, client.StatusTooManyRequests, client.StatusResourceExhausted, client.StatusBusy,
		client.StatusFileRetry, client.StatusFileEmpty, client.StatusFileTooLarge, client.StatusTimeout}
	theirs := []int{mego.StatusError, mego.StatusFull, mego.StatusExists, mego.StatusInvalid, mego.StatusNotFound, mego.StatusNotAuthorized,
		mego.StatusNoPermission, mego.StatusUnimplemented, mego.StatusTooManyRequests, mego.StatusResourceExhausted, mego.StatusBusy,
		mego.StatusFileRetry, mego.StatusFileEmpty, mego.StatusFileTooLarge, mego.StatusTimeout}
	if !reflect.DeepEqual(ours, theirs) {
		t.Errorf("statuses %v, the server has %v", ours, theirs)
	}
	if client.ChunkSize != 1<<20 || client.Timeout != 15*time.Second || client.UploadTimeout != 30*time.Second {
		t.Error("defaults", client.ChunkSize, client.Timeout, client.UploadTimeout)
	}
	if got, want := *client.NewClient("x").Option, (client.Option{ChunkSize: 1 << 20, Timeout: 15 * time.Second, UploadTimeout: 30 * time.Second}); got != want {
		t.Errorf("option %+v, want %+v", got, want)
	}
	r := client.New("x").Call("Name")
	if r.Method != "Name" || r.ID != 0 || *r.Option != client.RequestOption(*client.New("x").Option) {
		t.Errorf("request %+v", r)
	}
	for err, text := range map[error]string{
		client.ErrClosed: "mego: the connection is closed", client.ErrTimeout: "mego: no answer in time", client.ErrSent: "mego: the request was sent before",
		client.ErrEmptyRequest: "mego: the request is nil", client.ErrSubscriptionRefused: "mego: the event subscription was refused",
		client.ErrAborted: "mego: the server aborted the upload", client.ErrChunkWithFiles: "mego: a file in chunks is the only one of its request",
	} {
		if err.Error() != text {
			t.Errorf("%q, want %q", err, text)
		}
	}
	if got := (client.Error{Code: 5}).Error(); got != "mego: the request failed with code 5" {
		t.Errorf("%q", got)
	}
}

// 15.1: a random UUID of version 4.
func TestUUID(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 100 {
		id := client.New("localhost").UUID
		if !form.MatchString(id) || seen[id] {
			t.Fatalf("UUID %s", id)
		}
		seen[id] = true
	}
	s := serve(t, mego.New())
	c := &client.Client{URL: s.url}
	must(t, c.Connect())
	defer c.Close()
	if !form.MatchString(c.UUID) {
		t.Errorf("a client that New did not make has UUID %q", c.UUID)
	}
}

// 15.1: schemes, and what is sent along.
func TestURL(t *testing.T) {
	e := engine(t, mego.New())
	e.Register("Headers", func(c *mego.Context) {
		c.Respond([]any{c.Request.Header["Origin"], c.Request.Header.Get("Authorization"), c.Request.URL.Path})
	})
	plain := serveHandler(t, e)
	secure := httptest.NewTLSServer(e)
	t.Cleanup(secure.Close)
	host := strings.TrimPrefix(plain.url, "ws://")
	for _, address := range []string{host, host + "/mego", "ws://" + host, "http://" + host + "/mego", "wss" + strings.TrimPrefix(secure.URL, "https"), secure.URL + "/mego"} {
		c := plain.client(t)
		c.URL = address
		c.Dial.TLSConfig = secure.Client().Transport.(*http.Transport).TLSClientConfig
		c.Dial.Header = http.Header{"Authorization": {"Bearer x"}}
		must(t, c.Connect())
		path := "/"
		if strings.HasSuffix(address, "/mego") {
			path = "/mego"
		}
		got, err := client.Call[[]any](t.Context(), c, "Headers")
		must(t, err)
		if want := []any{nil, "Bearer x", path}; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the server saw %v, want %v", address, got, want)
		}
		must(t, c.Close())
	}
	e.Close() // before the servers

	for address, text := range map[string]string{
		"ftp://localhost": `mego: websocket: dial: URL "ftp://localhost": the scheme is not ws, wss, http or https`,
		"":                `mego: websocket: dial: URL "ws://" has no host`,
	} {
		want(t, client.New(address).Connect(), nil, text)
	}
}

// 15.2: keys are for the next handshake.
func TestSet(t *testing.T) {
	e := mego.New()
	e.Register("Keys", func(c *mego.Context) { c.Respond(c.Session.Copy().Keys) })
	c := serve(t, e).client(t)
	keys := func(want map[string]any) {
		t.Helper()
		want["MegoID"] = c.UUID
		got, err := client.Call[map[string]any](t.Context(), c, "Keys")
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("keys %v, %v, want %v", got, err, want)
		}
	}
	given := map[string]any{"a": "1", "b": "2"}
	c.Set(given).Set(client.H{"b": "3", "MegoID": "somebody else"})
	given["a"] = "changed"
	must(t, c.Connect())
	keys(map[string]any{"a": "1", "b": "3"})
	c.Set(client.H{"c": int64(4)})
	keys(map[string]any{"a": "1", "b": "3"})
	must(t, c.Reconnect())
	keys(map[string]any{"a": "1", "b": "3", "c": int64(4)})

	c.Set(client.H{"d": func() {}})
	want(t, c.Reconnect(), nil, `mego: the keys cannot be encoded: msgpack: d: cannot encode func()`)
}

// 15.3: what Connect returns.
func TestConnect(t *testing.T) {
	e := mego.New()
	e.HandleConnect(func(s *mego.Session, r *http.Request) error {
		if s.GetString("name") == "eve" {
			return errors.New("not you")
		}
		return nil
	})
	s := serve(t, e)
	c := s.client(t)
	opened := events(c, "Open", "Reopen", "Close")
	wantError(t, c.Set(client.H{"name": "eve"}).Connect(), client.StatusNoPermission, "not you")
	want(t, c.Call("x").End(), client.ErrClosed, "mego: the connection is closed")
	must(t, c.Set(client.H{"name": "ada"}).Connect())
	wantNext(t, opened, "Open <nil>")
	want(t, c.Connect(), nil, "mego: the client is connected already")
	wantError(t, c.Call("x").End(), client.StatusUnimplemented, "mego: the method is not implemented")
	if e.Len() != 1 {
		t.Errorf("%d sessions", e.Len())
	}

	c = s.client(t)
	c.UUID = "no UUID"
	wantError(t, c.Connect(), client.StatusInvalid, "mego: no handshake: the MegoID is not a UUID")

	closed := s.client(t)
	e.Close()
	err := closed.Connect()
	if !errors.Is(err, ws.ErrBadHandshake) || !strings.HasSuffix(err.Error(), "bad handshake: the answer is 503 Service Unavailable") {
		t.Errorf("got error %v", err)
	}

	// The server closes the connection without an answer.
	s = serveHandler(t, unanswered(t, func(p *peer) { p.conn.WriteClose(4000, "go away") }))
	err = s.client(t).Connect()
	if frame, ok := errors.AsType[*ws.CloseError](err); !errors.Is(err, client.ErrClosed) || !ok || frame.Code != 4000 {
		t.Errorf("got error %v", err)
	}

	// The server sends nonsense.
	s = serveHandler(t, unanswered(t, func(p *peer) { p.send([]byte{0xc1}); p.drain() }))
	err = s.client(t).Connect()
	if !errors.Is(err, client.ErrClosed) || !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("got error %v", err)
	}
}

// 15.3: Connect gives up after Timeout, with its context, and by Close.
func TestConnectGivenUp(t *testing.T) {
	silent := func(t *testing.T) *client.Client {
		return inMemory(t, unanswered(t, func(p *peer) { p.drain() })).client(t)
	}
	synctest.Test(t, func(t *testing.T) {
		c := silent(t)
		start := time.Now()
		want(t, c.Connect(), client.ErrTimeout, "mego: no answer in time")
		if took := time.Since(start); took != 15*time.Second {
			t.Errorf("it took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		want(t, c.ConnectContext(ctx), context.DeadlineExceeded, "mego: context deadline exceeded")
		want(t, c.ReconnectContext(ctx), context.DeadlineExceeded, "mego: context deadline exceeded")

		c.Option = &client.Option{} // no timeout
		failed := make(chan error)
		go func() { failed <- c.Connect() }()
		synctest.Wait()
		want(t, c.Connect(), nil, "mego: the client is connecting already")
		c.Close()
		want(t, <-failed, client.ErrClosed, "mego: the connection is closed")
	})
}

// 15.3: Reconnect is the same session, with its subscriptions.
func TestReconnect(t *testing.T) {
	e := mego.New()
	var refused sync.Map
	passwords := make(chan string, 10)
	e.HandleSubscribe(func(event, channel string, c *mego.Context) bool {
		passwords <- c.Param(2).GetString()
		_, no := refused.Load(channel)
		return !no
	})
	s := serve(t, e)
	c := s.client(t)
	c.Option = nil
	seen := events(c, "Open", "Reopen", "Close", "said")
	must(t, c.Reconnect()) // as the first connection, too
	wantNext(t, seen, "Reopen <nil>")
	id := c.UUID
	for _, channel := range []string{"a", "b", "c"} {
		must(t, c.Subscribe("said", channel, "password "+channel))
	}
	must(t, c.Unsubscribe("said", "b"))
	must(t, c.Reconnect())
	wantNext(t, seen, "Close map[code:1000 reason:]", "Reopen <nil>")
	if _, ok := e.Session(id); !ok || c.UUID != id || e.Len() != 1 {
		t.Errorf("it is another session: %s, %s", id, c.UUID)
	}
	if got := []string{<-passwords, <-passwords, <-passwords, <-passwords, <-passwords}; !reflect.DeepEqual(got[:3], []string{"password a", "password b", "password c"}) || got[3] == got[4] || len(passwords) != 0 {
		t.Errorf("passwords %q", got)
	}
	must(t, e.Emit("said", "a", "hello"))
	want(t, e.Emit("said", "b", "hello"), mego.ErrChannelNotFound, "")
	wantNext(t, seen, "said hello")

	// What is refused now is given up.
	refused.Store("a", true)
	err := c.Reconnect()
	want(t, err, client.ErrSubscriptionRefused, `mego: subscribing to "said", channel "a", again: mego: the event subscription was refused`)
	wantNext(t, seen, "Close map[code:1000 reason:]", "Reopen <nil>")
	must(t, e.Emit("said", "c", "still there"))
	wantNext(t, seen, "said still there")
	must(t, c.Reconnect())
	wantNext(t, seen, "Close map[code:1000 reason:]", "Reopen <nil>")

	// Two at once: one of them connects.
	errs := make(chan error)
	for range 2 {
		go func() { errs <- c.Reconnect() }()
	}
	for range 2 {
		if err := <-errs; err != nil && err.Error() != "mego: the client is connected already" && err.Error() != "mego: the client is connecting already" && !errors.Is(err, client.ErrClosed) {
			t.Error(err)
		}
	}
}

// 15.3: a connection that is lost before it has its subscriptions is none.
func TestReconnectLost(t *testing.T) {
	connections := 0
	s := serveHandler(t, scripted(t, func(p *peer) {
		connections++
		for {
			r, ok := p.read()
			if !ok {
				return
			}
			if connections == 2 {
				p.conn.WriteClose(4001, "not now")
				p.drain()
				return
			}
			p.reply(r, nil)
		}
	}))
	c := s.client(t)
	seen := events(c, "Open", "Reopen", "Close")
	must(t, c.Connect())
	must(t, c.Subscribe("said", ""))
	err := c.Reconnect()
	if frame, ok := errors.AsType[*ws.CloseError](err); !errors.Is(err, client.ErrClosed) || !ok || frame.Code != 4001 {
		t.Errorf("got error %v", err)
	}
	must(t, c.Reconnect())
	wantNext(t, seen, "Open <nil>", "Close map[code:1000 reason:]", "Reopen <nil>")
	if len(seen) != 0 {
		t.Errorf("also seen: %s", <-seen)
	}
}

// 15.3: Reconnect from the handler that learns that the connection is lost.
func TestReconnectInHandler(t *testing.T) {
	e := mego.New()
	s := serve(t, e)
	c := s.client(t)
	back := make(chan error, 1)
	c.On("Close", func(event *client.Event) {
		var why struct {
			Code   int
			Reason string
		}
		if err := event.Bind(&why); err != nil || why.Code != 1000 || why.Reason != "mego: disconnected by the server" {
			t.Errorf("closed with %+v, %v", why, err)
		}
		c.Off("Close")
		back <- c.Reconnect()
	})
	must(t, c.Connect())
	session, _ := e.Session(c.UUID)
	session.Disconnect()
	must(t, wait(t, back))
	wantError(t, c.Call("x").End(), client.StatusUnimplemented, "mego: the method is not implemented")
}

// 5.7: a newer connection takes the session over, and the older learns why.
func TestTakeover(t *testing.T) {
	s := serve(t, mego.New())
	older, newer := s.connect(t), s.client(t)
	seen := events(older, "Close")
	newer.UUID = older.UUID
	must(t, newer.Connect())
	wantNext(t, seen, "Close map[code:4409 reason:mego: replaced by a newer connection]")
	want(t, older.Call("x").End(), client.ErrClosed, "")
}

// 15.11: Close ends in order, and is not the last word.
func TestClose(t *testing.T) {
	e := mego.New()
	ended := make(chan struct{}, 10)
	block := make(chan struct{})
	e.HandleDisconnect(func(*mego.Session) { ended <- struct{}{} })
	e.Register("Block", func(c *mego.Context) { <-block })
	s := serve(t, e)
	defer close(block)
	c := s.client(t)
	must(t, c.Close())
	seen := events(c, "Close")
	must(t, c.Connect())
	waiting := make(chan error)
	for range 3 {
		go func() { waiting <- c.Call("Block").End() }()
	}
	eventually(t, "three calls wait", func() bool { return c.Waiting() == 3 })
	must(t, c.Close())
	for range 3 {
		want(t, wait(t, waiting), client.ErrClosed, "mego: the connection is closed")
	}
	must(t, c.Close())
	wantNext(t, seen, "Close map[code:1000 reason:]")
	want(t, c.Call("Block").End(), client.ErrClosed, "")
	want(t, c.Call("Block").Notify(), client.ErrClosed, "")
	want(t, c.Subscribe("a", "b"), client.ErrClosed, "")
	want(t, c.Unsubscribe("a", "b"), client.ErrClosed, "")
	must(t, c.Reconnect())
	wantError(t, c.Call("x").End(), client.StatusUnimplemented, "mego: the method is not implemented")
	must(t, c.Close())
}

// 15.11: Close waits a second for a server that says nothing, and leaves nothing
// behind.
func TestCloseSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		s := inMemory(t, scripted(t, func(p *peer) { <-over }))
		defer close(over)
		c := s.connect(t)
		start := time.Now()
		want(t, c.Close(), nil, "mego: websocket: no close frame from the peer within 1s: i/o timeout")
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %v", took)
		}
		synctest.Wait()
		if left := goroutines("/mego/client.(*link)"); left != "" {
			t.Errorf("still running:\n%s", left)
		}
	})
}

// 15.11: a connection that is being lost is waited for, by Close and by Connect.
func TestCloseWhileEnding(t *testing.T) {
	e := mego.New()
	s := serve(t, e)
	c := s.client(t)
	for range 20 {
		must(t, c.Connect())
		session, _ := e.Session(c.UUID)
		session.Disconnect()
		for c.Call("x").End() == nil || c.Waiting() > 0 {
		}
		must(t, c.Close())
		// Nothing is left but the last step of goroutines that end.
		for _, part := range []string{"ws.(*Conn)", "client.(*link).end", "client.(*events)"} {
			if left := goroutines(part); strings.Contains(left, "/mego/client.(*link).run") {
				t.Fatalf("still running:\n%s", left)
			}
		}
	}
}

// A server that falls silent is noticed, by pings.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		s := inMemory(t, scripted(t, func(p *peer) { <-over }))
		defer close(over)
		c := s.connect(t)
		c.Option = &client.Option{} // for ever
		start := time.Now()
		err := c.Call("x").End()
		if !errors.Is(err, client.ErrClosed) || !errors.Is(err, ws.ErrPongTimeout) {
			t.Errorf("got error %v", err)
		}
		if took := time.Since(start); took != 40*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// 15.12: all at once, from many goroutines.
func TestConcurrency(t *testing.T) {
	e := mego.New()
	e.Register("Double", func(c *mego.Context) { c.Respond(2 * c.Param(0).GetInt()) })
	e.Register("Length", func(c *mego.Context) {
		f, err := c.GetFile()
		if err != nil {
			c.RespondWithError(mego.StatusInvalid, nil, err)
			return
		}
		c.Respond(f.Size)
	})
	s := serve(t, e)
	c := s.client(t)
	got := make(chan struct{}, 1)
	c.On("tick", func(*client.Event) {
		select {
		case got <- struct{}{}:
		default:
		}
	})
	must(t, c.Connect())
	must(t, c.Subscribe("tick", ""))
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			for j := range 20 {
				n := 1000*i + j
				if twice, err := client.Call[int](t.Context(), c, "Double", n); err != nil || twice != 2*n {
					t.Errorf("Double(%d) = %d, %v", n, twice, err)
				}
				switch j % 5 {
				case 0:
					ctx, cancel := context.WithCancel(t.Context())
					go cancel()
					if _, err := client.Call[int](ctx, c, "Double", n); err != nil && !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					cancel()
				case 1:
					r := c.Call("Length").SendFileChunks(make([]byte, 1000+n))
					r.Option.ChunkSize = 700
					var size int
					if err := r.EndStruct(&size); err != nil {
						// There may be 8 uploads at a time.
						if e, ok := errors.AsType[client.Error](err); !ok || e.Code != client.StatusResourceExhausted {
							t.Error(err)
						}
					} else if size != 1000+n {
						t.Errorf("length %d, want %d", size, 1000+n)
					}
				case 2:
					if err := c.Subscribe("tick", fmt.Sprint(i)); err != nil {
						t.Error(err)
					}
				case 3:
					e.Emit("tick", "", n)
				case 4:
					if err := c.Call("Double").Notify(); err != nil {
						t.Error(err)
					}
					c.On("other", func(*client.Event) {}).Off("other").Set(client.H{"k": n})
				}
			}
		})
	}
	all.Wait()
	wait(t, got)
	if n := c.Waiting(); n != 0 {
		t.Errorf("%d answers are waited for", n)
	}
	must(t, c.Close())
}

// 15.12: calls while the connection comes and goes.
func TestConcurrentReconnects(t *testing.T) {
	e := mego.New()
	e.Register("Echo", func(c *mego.Context) { c.Respond(c.Param(0).Get()) })
	s := serve(t, e)
	c := s.connect(t)
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				got, err := client.Call[string](t.Context(), c, "Echo", "hello")
				if err != nil && !errors.Is(err, client.ErrClosed) || err == nil && got != "hello" {
					t.Errorf("got %q, %v", got, err)
				}
			}
		})
	}
	for i := range 20 {
		if i%3 == 0 {
			c.Close()
		}
		must(t, c.Reconnect())
	}
	close(stop)
	all.Wait()
}

// 15.12: frames are binary, and pings are answered.
func TestFrames(t *testing.T) {
	pong := make(chan string, 1)
	s := serveHandler(t, scripted(t, func(p *peer) {
		p.conn.SetPongHandler(func(data string) error {
			pong <- data
			return nil
		})
		p.conn.WriteControl(ws.PingMessage, []byte("there?"), time.Time{})
		for {
			messageType, message, err := p.conn.ReadMessage()
			if err != nil {
				return
			}
			if messageType != ws.BinaryMessage {
				t.Errorf("a message of type %d: %x", messageType, message)
			}
		}
	}))
	c := s.connect(t)
	if got := wait(t, pong); got != "there?" {
		t.Errorf("pong %q", got)
	}
	must(t, c.Call("a").Send(`["text"]`).Notify())
	must(t, c.Close())
}
