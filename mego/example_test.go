package mego_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/mego"
	"github.com/gongular/gongular/mego/msgpack"
	"github.com/gongular/gongular/ws"
)

// talk serves the engine, begins a session, sends the requests one after another
// and prints what comes back.
func talk(e *mego.Engine, requests ...mego.Request) {
	s := httptest.NewServer(e)
	defer s.Close()
	defer e.Close()
	conn, _, err := ws.Dial(context.Background(), s.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	handshake := mego.Request{Params: mego.H{"MegoID": "6ba7b810-9dad-41d1-80b4-00c04fd430c8", "name": "ada"}}
	for _, request := range append([]mego.Request{handshake}, requests...) {
		data, err := msgpack.Marshal(request)
		if err != nil {
			fmt.Println(err)
			return
		}
		conn.WriteMessage(ws.BinaryMessage, data)
		for answered := request.ID == 0; !answered; {
			_, data, err := conn.ReadMessage()
			if err != nil {
				fmt.Println(err)
				return
			}
			var response mego.Response
			msgpack.Unmarshal(data, &response)
			switch {
			case response.ID == 0:
				fmt.Println("event", response.Event, response.Result)
				continue
			case response.Event != "":
				fmt.Println(response.Event)
			case response.Error.Code != 0:
				fmt.Println("error", response.Error.Code, response.Error.Message)
			default:
				fmt.Println("result", response.Result)
			}
			answered = true
		}
	}
}

// A method gets parameters and responds.
func ExampleEngine_Register() {
	e := mego.New()
	e.Register("Sum", func(c *mego.Context) {
		c.Respond(c.Param(0).GetInt() + c.Param(1).GetInt())
	})
	talk(e,
		mego.Request{Method: "Sum", Params: []int{3, 5}, ID: 1},
		mego.Request{Method: "Product", Params: []int{3, 5}, ID: 2},
	)
	// Output:
	// result 8
	// error -1007 mego: the method is not implemented
}

// Parameters with names are decoded into a struct.
func ExampleContext_MustBind() {
	e := mego.New().Use(mego.RecoveryWithWriter(nil))
	e.Register("Greet", func(c *mego.Context) {
		var p struct {
			Name  string
			Times int
		}
		c.MustBind(&p)
		c.Respond(fmt.Sprintf("hello %s, %d times", p.Name, p.Times))
	})
	talk(e,
		mego.Request{Method: "Greet", Params: mego.H{"Name": "bo", "Times": 2}, ID: 1},
		mego.Request{Method: "Greet", Params: mego.H{"Name": "bo", "Times": "two"}, ID: 2},
	)
	// Output:
	// result hello bo, 2 times
	// error -1003 mego: bind: Times: cannot decode string into int
}

// Who is subscribed to a channel gets what is emitted to it.
func ExampleEngine_Emit() {
	e := mego.New()
	e.HandleSubscribe(func(event, channel string, c *mego.Context) bool {
		return channel != "staff"
	})
	e.Register("Say", func(c *mego.Context) {
		if err := e.Emit("said", "lobby", c.Session.GetString("name")+": "+c.Param().GetString()); err != nil {
			c.RespondWithError(mego.StatusNotFound, nil, err)
		}
	})
	talk(e,
		mego.Request{Method: "Say", Params: []string{"anybody here?"}, ID: 1},
		mego.Request{Method: "MegoSubscribe", Params: []string{"said", "staff"}, ID: 2},
		mego.Request{Method: "MegoSubscribe", Params: []string{"said", "lobby"}, ID: 3},
		mego.Request{Method: "Say", Params: []string{"hello"}, ID: 4},
	)
	// Output:
	// error -1004 mego: the event doesn't exist
	// error -1006 mego: the event subscription was refused
	// result <nil>
	// event said ada: hello
	// result <nil>
}

// Files are on disk when a method is called; one that arrives in chunks, when the
// last one is there.
func ExampleContext_GetFile() {
	e := mego.New()
	e.Register("Upload", func(c *mego.Context) {
		f, err := c.GetFile()
		if err != nil {
			c.RespondWithError(mego.StatusInvalid, nil, err)
			return
		}
		content, _ := os.ReadFile(f.Path)
		c.Respond(fmt.Sprintf("%s, %d bytes: %s", f.FullName(), f.Size, content))
	})
	send := func(id int, binary string, parts ...int) mego.Request {
		file := &mego.RawFile{Binary: []byte(binary), ID: 7, Parts: parts, Name: "notes.txt"}
		return mego.Request{Method: "Upload", Files: map[string][]*mego.RawFile{"File1": {file}}, ID: id}
	}
	talk(e,
		send(1, "all of it"),
		send(2, "first ", 2, 1),
		send(3, "second", 2, 2),
		mego.Request{Method: "Upload", ID: 4},
	)
	// Output:
	// result notes.txt, 9 bytes: all of it
	// MegoChunkNext
	// result notes.txt, 12 bytes: first second
	// error -1003 mego: the file was not found
}

// Middleware decides whether the next handler runs.
func ExampleEngine_Use() {
	e := mego.New()
	e.Use(func(c *mego.Context) {
		if c.Method.Name == "Secret" && c.Session.GetString("name") != "bo" {
			c.AbortWithError(mego.StatusNoPermission, nil, errors.New("only for bo"))
			return
		}
		c.Set("who", c.Session.GetString("name"))
		c.Next()
	})
	e.Register("Who", func(c *mego.Context) { c.Respond(c.GetString("who")) })
	e.Register("Secret", func(c *mego.Context) { c.Respond("42") })
	talk(e,
		mego.Request{Method: "Who", ID: 1},
		mego.Request{Method: "Secret", ID: 2},
	)
	// Output:
	// result ada
	// error -1006 only for bo
}

type Account struct {
	Body struct {
		Name string `json:"name" valid:"required,alphanum"`
	}
	Names *Names
	Call  *mego.Context
}

type Names struct{ taken map[string]bool }

func (h *Account) Handle(c *gongular.Context) error {
	if h.Names.taken[h.Body.Name] {
		return gongular.Error(409, "the name is taken")
	}
	c.SetBody(h.Body.Name + ", created by " + h.Call.Session.GetString("name"))
	return nil
}

// A method may be a struct that says what it needs.
func ExampleEngine_Method() {
	app := gongular.NewEngine()
	app.Provide(&Names{taken: map[string]bool{"eve": true}})

	e := mego.New().App(app)
	e.Method("CreateAccount", &Account{})
	talk(e,
		mego.Request{Method: "CreateAccount", Params: mego.H{"name": "bo"}, ID: 1},
		mego.Request{Method: "CreateAccount", Params: mego.H{"name": "eve"}, ID: 2},
		mego.Request{Method: "CreateAccount", Params: mego.H{"name": "b o"}, ID: 3},
	)
	// Output:
	// result bo, created by ada
	// error -1002 the name is taken
	// error -1003 Body: validation failed: name: b o does not validate as alphanum
}
