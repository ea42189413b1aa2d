package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gongular/gongular"
)

// newAPI returns the engine. Nobody calls ListenAndServe, which would check it;
// so it is checked here, before the server starts.
func newAPI(notes *notes, log *slog.Logger) (*gongular.Engine, error) {
	e := gongular.NewEngine(gongular.Options{Logger: log})
	e.SetRouteCallback(gongular.NoOpRouteCallback) // the server has a log already
	e.Provide(notes)

	lists := e.Group("/lists")
	lists.Use(accessLog(log.With("log", "lists"))) // the same middleware, around these routes only
	lists.GET("/{List}", &showList{}).Name("list")
	lists.POST("/{List}", &addNote{})
	lists.GET("/{List}/latest", &redirectToLatest{})
	lists.GET("/{List}/{Number:uint}", &showNote{}).Name("note")
	lists.GET("/{List}/stream", &streamList{})
	return e, e.Check()
}

// addNote adds a note to a list, with all that a handler can ask for.
type addNote struct {
	Param struct {
		List string `valid:"alphanum"`
	}
	Query struct {
		Shout bool `q:"shout"`
	}
	Body struct {
		Text string `json:"text" valid:"required,runelength(1|280)"`
	}
	Notes *notes
}

func (h *addNote) Handle(c *gongular.Context) error {
	text := h.Body.Text
	if h.Query.Shout {
		text = strings.ToUpper(text)
	}
	number := h.Notes.add(h.Param.List, text)
	location, err := c.URL("note", h.Param.List, number)
	if err != nil {
		return err
	}
	c.Header("Location", location)
	c.Status(http.StatusCreated)
	c.SetBody(note{number, text})
	return nil
}

type note struct {
	Number int    `json:"number"`
	Text   string `json:"text"`
}

type showList struct {
	Param struct{ List string }
	Notes *notes
}

func (h *showList) Handle(c *gongular.Context) error {
	texts, _ := h.Notes.since(h.Param.List, 0)
	list := make([]note, len(texts))
	for i, text := range texts {
		list[i] = note{i + 1, text}
	}
	c.SetBody(list)
	return nil
}

type showNote struct {
	Param struct {
		List   string
		Number int
	}
	Notes *notes
}

func (h *showNote) Handle(c *gongular.Context) error {
	texts, _ := h.Notes.since(h.Param.List, 0)
	if h.Param.Number < 1 || h.Param.Number > len(texts) {
		return gongular.Error(http.StatusNotFound, "no such note")
	}
	c.SetBody(note{h.Param.Number, texts[h.Param.Number-1]})
	return nil
}

// redirectToLatest leads to the last note of a list.
type redirectToLatest struct {
	Param struct{ List string }
	Notes *notes
}

func (h *redirectToLatest) Handle(c *gongular.Context) error {
	texts, _ := h.Notes.since(h.Param.List, 0)
	if len(texts) == 0 {
		return gongular.Error(http.StatusNotFound, "the list is empty")
	}
	target, err := c.URL("note", h.Param.List, len(texts))
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, target)
}

// streamList writes the notes of a list as they come, one to a line, until the
// client goes away or the server stops.
type streamList struct {
	Param struct{ List string }
	Notes *notes
}

func (h *streamList) Handle(c *gongular.Context) error {
	c.Header("Content-Type", "text/plain; charset=utf-8")
	c.Header("X-Content-Type-Options", "nosniff")
	// The controller reaches the server's writer through the engine's and those
	// of both access logs.
	out := http.NewResponseController(c.Writer())
	for seen := 0; ; {
		texts, changed := h.Notes.since(h.Param.List, seen)
		seen += len(texts)
		for _, text := range texts {
			if _, err := fmt.Fprintln(c.Writer(), oneLine.Replace(text)); err != nil {
				return err
			}
		}
		if err := out.Flush(); err != nil || changed == nil {
			return err
		}
		select {
		case <-changed:
		case <-c.Context().Done():
			return nil
		}
	}
}

var oneLine = strings.NewReplacer("\n", " ", "\r", " ")
