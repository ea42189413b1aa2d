package megoclient_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/gongular/gongular/mego"
)

// A server has an engine whose methods do what the scenarios need, and addresses
// by which they change what is the matter with it.
//
//	GET  /mego.js  the client
//	     /mego     the engine; /forgetful is one that keeps no upload for later
//	POST /cut      breaks all connections off, without a word
//	POST /restart  closes the engine, and has another one in its place
//	GET  /count    how many sessions there are
type server struct {
	t   testing.TB
	url string

	mu      sync.Mutex
	engine  *mego.Engine
	conns   []net.Conn
	running sync.WaitGroup
}

func serve(t testing.TB) *server {
	t.Helper()
	s := &server{t: t, engine: newEngine(t, time.Minute)}
	forgetful := newEngine(t, 0)
	mux := http.NewServeMux()
	mux.Handle("/mego.js", mego.ScriptHandler())
	mux.HandleFunc("/mego", func(w http.ResponseWriter, r *http.Request) {
		s.running.Add(1)
		defer s.running.Done()
		s.mu.Lock()
		e := s.engine
		s.mu.Unlock()
		e.ServeHTTP(&tapped{w, s}, r)
	})
	mux.HandleFunc("/forgetful", func(w http.ResponseWriter, r *http.Request) {
		s.running.Add(1)
		defer s.running.Done()
		forgetful.ServeHTTP(&tapped{w, s}, r)
	})
	mux.HandleFunc("POST /cut", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, conn := range s.conns {
			conn.Close()
		}
		s.conns = nil
	})
	mux.HandleFunc("POST /restart", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		old := s.engine
		s.engine = newEngine(t, time.Minute)
		s.mu.Unlock()
		if err := old.Close(); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("GET /count", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprint(w, s.engine.Len()+forgetful.Len())
	})
	hs := httptest.NewServer(mux)
	s.url = hs.URL
	t.Cleanup(func() {
		for _, e := range []*mego.Engine{s.engine, forgetful} {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
		hs.Close()
		s.running.Wait()
	})
	return s
}

// A tapped writer notes the connection that is taken over.
type tapped struct {
	http.ResponseWriter
	s *server
}

func (w *tapped) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.s.mu.Lock()
		w.s.conns = append(w.s.conns, conn)
		w.s.mu.Unlock()
	}
	return conn, rw, err
}

// newEngine returns an engine whose files must all be gone in the end.
func newEngine(t testing.TB, resume time.Duration) *mego.Engine {
	dir, err := os.MkdirTemp("", "megoclient-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	e := mego.New()
	e.Option = &mego.EngineOption{
		TempDir: dir, ResumeTimeout: resume, MaxChunkSize: 2 * mego.MB, MaxFileSize: 8 * mego.MB,
		CheckOrigin: func(*http.Request) bool { return true }, // Node's WebSocket has one in some versions
	}
	e.Use(mego.RecoveryWithWriter(nil))
	e.HandleConnect(func(s *mego.Session, _ *http.Request) error {
		if s.GetString("Password") == "wrong" {
			return errors.New("that is not the password")
		}
		return nil
	})
	e.HandleSubscribe(func(event, _ string, c *mego.Context) bool {
		return event != "secret" || c.Param(2).GetString() == "please"
	})
	e.Register("Echo", func(c *mego.Context) {
		var v any
		c.MustBind(&v)
		c.Respond(v)
	})
	e.Register("First", func(c *mego.Context) { c.Respond(c.Param().Get()) })
	e.Register("Nothing", func(*mego.Context) {})
	e.Register("Sum", func(c *mego.Context) { c.Respond(c.Param(0).GetInt() + c.Param(1).GetInt()) })
	e.Register("Fail", func(c *mego.Context) {
		c.RespondWithError(c.Param(0).GetInt(), c.Param(2).Get(), errors.New(c.Param(1).GetString()))
	})
	e.Register("Panic", func(*mego.Context) { panic("on purpose") })
	e.Register("Silent", func(c *mego.Context) { c.Copy() }) // someone else is to answer, and never does
	e.Register("Key", func(c *mego.Context) {
		v, _ := c.Session.Get(c.Param().GetString())
		c.Respond(v)
	})
	e.Register("Kick", func(c *mego.Context) { c.Session.Disconnect() })
	e.Register("Emit", func(c *mego.Context) {
		if err := e.Emit(c.Param(0).GetString(), c.Param(1).GetString(), c.Param(2).Get()); err != nil {
			c.RespondWithError(mego.StatusNotFound, nil, err)
		}
	})
	e.Register("EmitToMe", func(c *mego.Context) { c.Emit(c.Param(0).GetString(), c.Param(1).Get()) })
	e.Register("EmitThen", func(c *mego.Context) { // the answer is first
		c.Respond(nil)
		c.Emit("after", nil)
	})
	var noted sync.Map
	e.Register("Note", func(c *mego.Context) { noted.Store(c.Param(0).GetString(), c.ID) })
	e.Register("Noted", func(c *mego.Context) {
		v, ok := noted.Load(c.Param(0).GetString())
		c.Respond([]any{v, ok})
	})
	e.Register("Files", files)
	e.Register("Share", files)
	e.Register("Early", files).ChunkHandler = func(_ *mego.Context, raw *mego.RawFile, _ *mego.File) mego.ChunkStatus {
		if raw.Parts[1] == 2 {
			return mego.ChunkDone
		}
		return mego.ChunkNext
	}
	e.Register("Abort", files).ChunkHandler = func(_ *mego.Context, raw *mego.RawFile, _ *mego.File) mego.ChunkStatus {
		if raw.Parts[1] == 2 {
			return mego.ChunkAbort
		}
		return mego.ChunkNext
	}
	e.Register("More", files).ChunkHandler = func(*mego.Context, *mego.RawFile, *mego.File) mego.ChunkStatus {
		return mego.ChunkNext
	}
	e.Register("Small", files).Option = &mego.MethodOption{MaxFileSize: 10}
	return e
}

// files answers with what has been sent: [field, name, size, SHA-256] of each
// file, and the parameters.
func files(c *mego.Context) {
	list := [][]any{}
	for i := 0; ; i++ {
		field := "File" + fmt.Sprint(i)
		if i == 0 {
			field = "Photos"
		}
		found, err := c.GetFiles(field)
		if err != nil && i > 3 {
			break
		}
		for _, f := range found {
			sum := ""
			if f.Path != "" {
				data, err := os.ReadFile(f.Path)
				if err != nil {
					c.RespondWithError(mego.StatusError, nil, err)
					return
				}
				digest := sha256.Sum256(data)
				sum = hex.EncodeToString(digest[:])
			}
			list = append(list, []any{field, f.FullName(), f.Size, sum})
		}
	}
	var params any
	c.Bind(&params)
	c.Respond(mego.H{"files": list, "params": params})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// patience is how long a program may take.
const patience = time.Minute

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}
