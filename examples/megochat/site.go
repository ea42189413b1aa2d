package main

import (
	"embed"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/mego"
)

//go:embed page
var embedded embed.FS

// A site is the chat: pages and downloads over HTTP, and all else over Mego.
type site struct {
	*gongular.Engine
	mego  *mego.Engine
	shelf *shelf
}

// newSite returns a chat in which nobody is. It has a folder for files until it
// is closed.
func newSite() (*site, error) {
	shelf, err := newShelf()
	if err != nil {
		return nil, err
	}
	m := mego.New().Use(
		mego.RecoveryWithWriter(io.Discard), // what a client is told is enough here
		mego.RateLimit(mego.RateLimitConfig{Period: 10, Limit: 50}),
	)
	m.Option = &mego.EngineOption{
		MaxSize:       maxChunk + 64*mego.KB,
		MaxChunkSize:  maxChunk,
		MaxFileSize:   maxFile,
		MaxTempSize:   2 * maxFile,
		MaxUploads:    2,
		MaxSessions:   1000,
		CheckInterval: 20,          // seconds, twice which a person may be gone unnoticed
		ResumeTimeout: time.Minute, // for files that were under way
		TempDir:       shelf.dir,
	}
	lobby := newLobby(m, shelf)
	m.HandleDisconnect(lobby.leave)
	m.HandleSubscribe(lobby.subscribe)

	e := gongular.NewEngine(gongular.Options{ProblemErrors: true})
	e.SetRouteCallback(gongular.NoOpRouteCallback)
	e.Use(secure)
	e.Provide(lobby)
	e.Provide(shelf)

	m.App(e)
	m.Method("Enter", &enter{})
	m.Method("Leave", &leave{})
	m.Method("Say", &say{})
	m.Method("Share", &share{})

	page, err := fs.Sub(embedded, "page")
	if err != nil {
		panic(err) // the name is that of the folder above
	}
	e.Handle("/mego", m)
	e.Handle("/mego.js", mego.ScriptHandler())
	e.GET("/files/:ID", &download{})
	e.ServeFiles("/", http.FS(page))
	return &site{e, m, shelf}, nil
}

// close ends the sessions, and deletes all files.
func (s *site) close() error {
	return errors.Join(s.mego.Close(), s.shelf.close())
}

// contentSecurity allows the page what it has, and nothing else: no script,
// style or picture of another host, none within the HTML, and no frame around
// it. The icon is a data URL.
const contentSecurity = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// secure is middleware that tells browsers to be strict.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurity)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache") // to be kept, but asked about each time
		next.ServeHTTP(w, r)
	})
}
