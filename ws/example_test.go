package ws_test

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// answer serves one WebSocket handler on plain net/http.
func answer(upgrader *ws.Upgrader, handle func(*ws.Conn)) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			ws.Refuse(w, err)
			return
		}
		defer conn.Close()
		handle(conn)
	}))
}

// A client asks, reads the answer and closes.
func ExampleDial() {
	server := answer(new(ws.Upgrader), func(conn *ws.Conn) {
		_, name, err := conn.ReadMessage()
		if err == nil {
			conn.WriteMessage(ws.TextMessage, append([]byte("hello, "), name...))
		}
	})
	defer server.Close()

	ctx := context.Background()
	conn, _, err := ws.Dial(ctx, "ws"+strings.TrimPrefix(server.URL, "http"), &ws.DialOptions{
		Header: http.Header{"Authorization": {"Bearer secret"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Write(ctx, ws.TextMessage, []byte("ada")); err != nil {
		log.Fatal(err)
	}
	_, p, err := conn.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", p)
	// Output: hello, ada
}

// A server that refuses says why.
func ExampleDial_refused() {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()

	_, res, err := ws.Dial(context.Background(), server.URL, nil)
	body, _ := io.ReadAll(res.Body)
	fmt.Println(errors.Is(err, ws.ErrBadHandshake), res.StatusCode, strings.TrimSpace(string(body)))
	// Output: true 404 404 page not found
}

// A loop over messages ends when the peer closes. Their bytes are valid within
// the body of the loop only.
func ExampleConn_Messages() {
	total := make(chan int)
	server := answer(new(ws.Upgrader), func(conn *ws.Conn) {
		sum := 0
		for m, err := range conn.Messages(context.Background()) {
			if err != nil {
				log.Print(err)
				break
			}
			sum += len(m.Data)
		}
		total <- sum
	})
	defer server.Close()

	conn, _, err := ws.Dial(context.Background(), server.URL, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range []string{"one", "two", "three"} {
		conn.WriteMessage(ws.TextMessage, []byte(p))
	}
	conn.Close()
	fmt.Println(<-total)
	// Output: 11
}

// A message whose size is not known is written as it comes, and read as a
// stream.
func ExampleConn_NextWriter() {
	server := answer(new(ws.Upgrader), func(conn *ws.Conn) {
		w, err := conn.NextWriter(ws.TextMessage)
		if err != nil {
			return
		}
		defer w.Close() // sends the end
		for i := range 3 {
			fmt.Fprintln(w, "line", i)
		}
	})
	defer server.Close()

	conn, _, err := ws.Dial(context.Background(), server.URL, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	_, r, err := conn.NextReader()
	if err != nil {
		log.Fatal(err)
	}
	text, err := io.ReadAll(r)
	fmt.Print(string(text), err)
	// Output:
	// line 0
	// line 1
	// line 2
	// <nil>
}

// Messages of 1 KiB and more are compressed where both ends want it.
func ExampleCompression() {
	compression := &ws.Compression{Level: 6}
	server := answer(&ws.Upgrader{Compression: compression}, func(conn *ws.Conn) {
		conn.WriteMessage(ws.TextMessage, []byte(strings.Repeat("all work and no play ", 500)))
	})
	defer server.Close()

	conn, res, err := ws.Dial(context.Background(), server.URL, &ws.DialOptions{Compression: compression})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	_, p, err := conn.ReadMessage()
	fmt.Println(res.Header.Get("Sec-WebSocket-Extensions"))
	fmt.Println(len(p), err)
	// Output:
	// permessage-deflate; server_no_context_takeover; client_no_context_takeover
	// 10500 <nil>
}

// A message for many connections is encoded once.
func ExamplePreparedMessage() {
	news, err := ws.NewPreparedMessage(ws.TextMessage, []byte("news"))
	if err != nil {
		log.Fatal(err)
	}
	server := answer(new(ws.Upgrader), func(conn *ws.Conn) { conn.WritePreparedMessage(news) })
	defer server.Close()

	for range 2 {
		conn, _, err := ws.Dial(context.Background(), server.URL, nil)
		if err != nil {
			log.Fatal(err)
		}
		_, p, _ := conn.ReadMessage()
		fmt.Printf("%s\n", p)
		conn.Close()
	}
	// Output:
	// news
	// news
}
