package main

import (
	"errors"
	"net/http"
	"slices"
	"sync"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/middleware"
	"github.com/gongular/gongular/ws"
)

// A user is who has the right token.
type user struct{ Name string }

// userOf is the validator of tokens. A real one asks a database, or checks a
// signature.
func userOf(token string) (any, error) {
	if token != "let-me-in" {
		return nil, errors.New("no such token")
	}
	return &user{"grace"}, nil
}

// userKey is what limits count by behind BearerAuth.
func userKey(r *http.Request) string {
	u, _ := middleware.UserAs[*user](r.Context())
	return u.Name
}

// hello greets, and says who asks.
type hello struct {
	Param struct {
		Name string `valid:"alpha"`
	}
}

func (h *hello) Handle(c *gongular.Context) error {
	u, _ := middleware.UserAs[*user](c.Context())
	middleware.GetLogger(c.Context()).Info("greeting", "name", h.Param.Name) // has the request's id
	c.SetBody(map[string]string{"hello": h.Param.Name, "from": u.Name})
	return nil
}

// Notes are kept in memory. They are safe for concurrent use.
type notes struct {
	mu   sync.Mutex
	list []string
}

// addNote keeps a note.
type addNote struct {
	Body struct {
		Text string `json:"text" valid:"required"`
	}
	Notes *notes
}

func (h *addNote) Handle(c *gongular.Context) error {
	h.Notes.mu.Lock()
	defer h.Notes.mu.Unlock()
	h.Notes.list = append(h.Notes.list, h.Body.Text)
	c.Status(http.StatusCreated)
	c.SetBody(map[string]int{"notes": len(h.Notes.list)})
	return nil
}

// listNotes answers with all notes. They are compressed, and have an ETag.
type listNotes struct{ Notes *notes }

func (h *listNotes) Handle(c *gongular.Context) error {
	h.Notes.mu.Lock()
	defer h.Notes.mu.Unlock()
	c.SetBody(slices.Clone(h.Notes.list))
	return nil
}

// mistake has one.
type mistake struct{}

func (h *mistake) Handle(c *gongular.Context) error {
	panic("this is in the log, and not in the answer")
}

// slow takes longer than anybody waits.
type slow struct{}

func (h *slow) Handle(c *gongular.Context) error {
	<-c.Context().Done() // as a query to a database would see it
	return c.Context().Err()
}

// makeReport costs so much that each user may have one in ten seconds.
type makeReport struct{}

func (h *makeReport) Handle(c *gongular.Context) error {
	c.SetBody("a report")
	return nil
}

// echo is a WebSocket behind the same list.
type echo struct{}

func (h *echo) Before(c *gongular.Context) (http.Header, error) { return nil, nil }

func (h *echo) Handle(conn *ws.Conn) {
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if err := conn.WriteMessage(kind, message); err != nil {
			return
		}
	}
}
