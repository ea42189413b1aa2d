package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/gongular/gongular/mego"
	"github.com/gongular/gongular/mego/client"
)

// start serves an engine, and returns a client that is connected to it.
func start(e *mego.Engine) (c *client.Client, stop func()) {
	s := httptest.NewServer(e)
	c = client.New(s.URL)
	if err := c.Connect(); err != nil {
		fmt.Println(err)
	}
	return c, func() {
		c.Close()
		e.Close()
		s.Close()
	}
}

// A typed call: the parameters one by one, or by name.
func ExampleCall() {
	e := mego.New()
	e.Register("Sum", func(c *mego.Context) {
		c.Respond(c.Param(0).GetInt() + c.Param(1).GetInt())
	})
	type User struct {
		ID   int
		Name string
	}
	e.Register("GetUser", func(c *mego.Context) {
		var p struct{ ID int }
		if err := c.Bind(&p); err != nil || p.ID != 5 {
			c.RespondWithError(mego.StatusNotFound, nil, errors.New("no such user"))
			return
		}
		c.Respond(User{ID: p.ID, Name: "ada"})
	})
	c, stop := start(e)
	defer stop()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	sum, err := client.Call[int](ctx, c, "Sum", 3, 5)
	fmt.Println(sum, err)
	user, err := client.Call[User](ctx, c, "GetUser", client.H{"ID": 5})
	fmt.Println(user.Name, err)
	_, err = client.Call[User](ctx, c, "GetUser", client.H{"ID": 6})
	if e, ok := errors.AsType[client.Error](err); ok {
		fmt.Println(e.Code == client.StatusNotFound, e)
	}
	// Output:
	// 8 <nil>
	// ada <nil>
	// true no such user
}

// A request is made step by step.
func ExampleClient_Call() {
	e := mego.New()
	e.Register("Greet", func(c *mego.Context) {
		c.Respond("hello " + c.Param(0).GetString())
	})
	c, stop := start(e)
	defer stop()

	var greeting string
	err := c.Call("Greet").Send(`["bo"]`).EndStruct(&greeting)
	fmt.Println(greeting, err)
	fmt.Println(c.Call("Part").End())
	fmt.Println(c.Call("Greet").Send([]string{"nobody"}).Notify())
	// Output:
	// hello bo <nil>
	// mego: the method is not implemented
	// <nil>
}

// Events go to who has subscribed to them.
func ExampleClient_On() {
	e := mego.New()
	c, stop := start(e)
	defer stop()

	heard := make(chan string)
	c.On("said", func(e *client.Event) {
		var text string
		if err := e.Bind(&text); err == nil {
			heard <- text
		}
	})
	if err := c.Subscribe("said", "lobby"); err != nil {
		fmt.Println(err)
	}
	e.Emit("said", "lobby", "hello")
	fmt.Println(<-heard)
	// Output: hello
}

// A subscription may need something, and may be refused.
func ExampleClient_Subscribe() {
	e := mego.New()
	e.HandleSubscribe(func(event, channel string, c *mego.Context) bool {
		return channel != "staff" || c.Param(2).GetString() == "sesame"
	})
	c, stop := start(e)
	defer stop()

	fmt.Println(c.Subscribe("said", "staff"))
	fmt.Println(c.Subscribe("said", "staff", "sesame"))
	// Output:
	// mego: the event subscription was refused
	// <nil>
}

// stored is an engine that says what has been uploaded.
func stored() *mego.Engine {
	e := mego.New()
	e.Register("Store", func(c *mego.Context) {
		f := c.MustGetFile()
		b, _ := os.ReadFile(f.Path)
		c.Respond(fmt.Sprintf("%d bytes for %s: %s", f.Size, c.Param(0).GetString(), b))
	})
	return e
}

// A file in one message.
func ExampleRequest_SendFile() {
	c, stop := start(stored())
	defer stop()

	var answer string
	err := c.Call("Store").Send([]string{"ada"}).SendFile(strings.NewReader("all of it")).EndStruct(&answer)
	fmt.Println(answer, err)
	// Output: 9 bytes for ada: all of it <nil>
}

// A file in chunks, with its checksum.
func ExampleRequest_SendFileChunks() {
	c, stop := start(stored())
	defer stop()

	r := c.Call("Store").Send([]string{"ada"}).SendFileChunks([]byte("piece by piece"))
	r.Option.ChunkSize = 6
	r.Option.Checksum = true
	r.Progress(func(sent, total int64) { fmt.Println(sent, "of", total) })
	var answer string
	err := r.EndStruct(&answer)
	fmt.Println(answer, err)
	// Output:
	// 6 of 14
	// 12 of 14
	// 14 of 14
	// 14 bytes for ada: piece by piece <nil>
}

// An upload whose connection is lost is gone on with.
func ExampleRequest_Resume() {
	e := stored()
	e.Option.ResumeTimeout = time.Minute
	c, stop := start(e)
	defer stop()

	lost := false
	r := c.Call("Store").Send([]string{"ada"}).SendFileChunks([]byte("piece by piece"))
	r.Option.ChunkSize = 6
	r.Progress(func(sent, total int64) {
		fmt.Println(sent, "of", total)
		if !lost {
			lost = true
			c.Close()
		}
	})
	var answer string
	err := r.EndStruct(&answer)
	for errors.Is(err, client.ErrClosed) {
		fmt.Println("lost")
		if err = c.Reconnect(); err == nil {
			err = r.Resume(context.Background(), &answer)
		}
	}
	fmt.Println(answer, err)
	// Output:
	// 6 of 14
	// lost
	// 12 of 14
	// 14 of 14
	// 14 bytes for ada: piece by piece <nil>
}

// Who has lost the connection makes it again.
func ExampleClient_Reconnect() {
	e := mego.New()
	e.Register("Leave", func(c *mego.Context) { c.Session.Disconnect() })
	c, stop := start(e)
	defer stop()

	back := make(chan error)
	c.On("Close", func(e *client.Event) {
		var why struct {
			Code   int
			Reason string
		}
		e.Bind(&why)
		fmt.Println(why.Code, why.Reason)
		c.Off("Close")
		back <- c.Reconnect()
	})
	c.Call("Leave").Notify()
	fmt.Println(<-back)
	// Output:
	// 1000 mego: disconnected by the server
	// <nil>
}
