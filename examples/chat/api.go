package main

import (
	"embed"
	"io/fs"
	"net/http"
	"time"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/ws"
)

//go:embed page
var embedded embed.FS

// newEngine returns the chat. The people in its rooms are those of the hub.
func newEngine(hub *ws.Hub) *gongular.Engine {
	e := gongular.NewEngine(gongular.Options{
		ProblemErrors: true, // errors are application/problem+json
		Upgrader: &ws.Upgrader{
			ReadLimit: maxMessage,
			// Someone whose network is gone is noticed after half a minute at most,
			// and the name is free again. Only pages of this host may connect: that
			// is the default.
			PingInterval: 20 * time.Second,
			PongTimeout:  10 * time.Second,
		},
	})
	e.SetRouteCallback(gongular.NoOpRouteCallback)
	e.Use(secure)
	e.Provide(hub)

	e.GET("/rooms", &listRooms{})
	room := e.Group("/rooms/:Room")
	room.GET("/members", &listMembers{})
	room.GET("/check", &checkName{})
	room.WS("/talk", &talk{})

	page, err := fs.Sub(embedded, "page")
	if err != nil {
		panic(err) // the name is that of the folder above
	}
	e.ServeFiles("/", http.FS(page))
	return e
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
