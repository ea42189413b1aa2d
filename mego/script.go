package mego

import (
	"crypto/sha256"
	_ "embed"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The browser client is one file, which is served as it is.
//
//go:embed megoclient.js
var script string

// ScriptHandler returns what serves the browser client: one file of JavaScript
// that needs no other. A page that loads it has the class MegoClient, which the
// file documents:
//
//	mux.Handle("/mego", e)
//	mux.Handle("/mego.js", mego.ScriptHandler())
//
//	<script src="/mego.js"></script>
//
// It may be kept for an hour, and has an ETag. It is for GET and HEAD; other
// methods are answered 405.
func ScriptHandler() http.Handler {
	etag := fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(script)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "mego: this is a file", http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("Cache-Control", "public, max-age=3600")
		h.Set("ETag", etag)
		h.Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(script))
	})
}
