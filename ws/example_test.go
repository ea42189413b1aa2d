package ws_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gongular/gongular/ws"
	"golang.org/x/net/websocket"
)

// An echo server on plain net/http.
func Example() {
	var upgrader ws.Upgrader
	http.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			ws.Refuse(w, err)
			return
		}
		defer conn.Close()
		for {
			messageType, p, err := conn.ReadMessage()
			if err != nil {
				return
			}
			if err := conn.WriteMessage(messageType, p); err != nil {
				return
			}
		}
	})
	server := httptest.NewServer(nil)
	defer server.Close()

	client, err := websocket.Dial("ws"+strings.TrimPrefix(server.URL, "http")+"/echo", "", server.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Fprint(client, "hello")
	var answer string
	websocket.Message.Receive(client, &answer)
	fmt.Println(answer)
	// Output: hello
}

// Which requests are upgraded can be asked before anything is done.
func ExampleUpgrader_Check() {
	upgrader := ws.Upgrader{Subprotocols: []string{"chat"}}
	r := httptest.NewRequest("GET", "/chat", nil)
	fmt.Println(upgrader.Check(r))
	// Output: websocket handshake: there is no Upgrade header field
}

// A handler written for golang.org/x/net/websocket.
func ExampleXNet() {
	server := httptest.NewServer(ws.XNet(func(c *websocket.Conn) {
		websocket.JSON.Send(c, map[string]string{"hello": "world"})
	}))
	defer server.Close()

	client, err := websocket.Dial("ws"+strings.TrimPrefix(server.URL, "http"), "", server.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	var answer map[string]string
	websocket.JSON.Receive(client, &answer)
	fmt.Println(answer)
	// Output: map[hello:world]
}
