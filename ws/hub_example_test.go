package ws_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/gongular/gongular/ws"
)

// A chat with rooms. A client says which room it joins, and what it says where.
func ExampleHub() {
	type line struct {
		Join string `json:"join,omitempty"`
		Room string `json:"room,omitempty"`
		Text string `json:"text,omitempty"`
		From string `json:"from,omitempty"`
	}
	hub := ws.NewHub(ws.HubOptions{
		Slow:   ws.DropOldest,
		Broker: nil, // or that of all machines
	})
	var upgrader ws.Upgrader
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			ws.Refuse(w, err)
			return
		}
		defer conn.Close()
		client, err := hub.Add(conn, ws.ClientOptions{ID: r.FormValue("name")})
		if err != nil {
			conn.WriteClose(ws.ClosePolicyViolation, err.Error())
			return
		}
		defer client.Remove()
		for {
			var said line
			if err := conn.ReadJSON(&said); err != nil {
				return
			}
			if said.Join != "" {
				if err := client.Join(said.Join); err != nil {
					client.Close(ws.ClosePolicyViolation, err.Error())
					continue
				}
				said = line{Room: said.Join, Text: "hello"}
			}
			if !client.In(said.Room) {
				continue
			}
			said.From = client.ID()
			data, _ := json.Marshal(said)
			hub.Broadcast(said.Room, ws.TextMessage, data)
		}
	}))
	defer server.Close()

	dial := func(name string) *ws.Conn {
		conn, _, err := ws.Dial(context.Background(), server.URL+"?name="+name, nil)
		if err != nil {
			log.Fatal(err)
		}
		return conn
	}
	hear := func(who string, conn *ws.Conn) {
		var heard line
		if err := conn.ReadJSON(&heard); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s in %s, to %s: %s\n", heard.From, heard.Room, who, heard.Text)
	}
	ada, bo := dial("ada"), dial("bo")
	ada.WriteJSON(line{Join: "tea"})
	hear("ada", ada)
	ada.WriteJSON(line{Join: "chess"})
	hear("ada", ada)
	bo.WriteJSON(line{Join: "chess"})
	hear("ada", ada)
	hear("bo", bo)
	ada.WriteJSON(line{Room: "tea", Text: "nobody here?"})
	ada.WriteJSON(line{Room: "chess", Text: "your move"})
	hear("ada", ada)
	hear("ada", ada)
	hear("bo", bo)
	fmt.Println(hub.Rooms())

	for _, conn := range []*ws.Conn{ada, bo} {
		go conn.ReadMessage() // which answers the close frame
	}
	if err := hub.Close(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(hub.Clients()), "clients are left")
	// Output:
	// ada in tea, to ada: hello
	// ada in chess, to ada: hello
	// bo in chess, to ada: hello
	// bo in chess, to bo: hello
	// ada in tea, to ada: nobody here?
	// ada in chess, to ada: your move
	// ada in chess, to bo: your move
	// map[chess:2 tea:1]
	// 0 clients are left
}
