// Package client is the client of a Mego server: it calls methods, subscribes to
// events and uploads files, over one WebSocket connection, in MessagePack.
//
//	c := client.New("ws://localhost:5000")
//	if err := c.Connect(); err != nil {
//		log.Fatal(err)
//	}
//	defer c.Close()
//	sum, err := client.Call[int](ctx, c, "Sum", 3, 5)
//
// Names and meanings are those of the Mego project; the server is package mego,
// which is not a part of programs that import this one.
//
// # Calls
//
// [Call] is for a result of a known type. [Client.Call] makes a [Request], which
// may have files and a timeout of its own:
//
//	var user User
//	err := c.Call("GetUser").Send(client.H{"id": 5}).EndStruct(&user)
//
// Any number of goroutines may call at once, and none waits for another's
// answer. A call ends when its answer is there, when its time is over, when its
// context ends, or at once when the connection is lost. Then it is given up: what
// the server still answers is ignored, and the connection goes on.
//
// # Events
//
//	c.On("said", func(e *client.Event) {
//		var text string
//		if err := e.Bind(&text); err == nil {
//			fmt.Println(text)
//		}
//	})
//	err := c.Subscribe("said", "lobby")
//
// Handlers run one after another, in a goroutine that is not the one which
// reads: they may call methods. See [Client.On] for the events that the client
// itself makes, and for what is done if they come faster than they are handled.
//
// # Files
//
// [Request.SendFile] sends a file in one message, [Request.SendFileChunks] in
// pieces, of which no more than one is in memory. [Request.Progress] says how far
// it is, and [Request.Resume] goes on after the connection was lost.
//
// # Connections
//
// A lost connection is not made again by itself: the event Close tells of it, and
// [Client.Reconnect] connects again, as the same session, with the same
// subscriptions. A server that falls silent is noticed by pings.
//
// # Limits
//
//	a message from the server    16 MB; Dial.ReadLimit
//	events that wait             1,024, of 16 MB together; then the oldest are dropped
//	a call                       Option.Timeout, 15 seconds
//	a message with a file        Option.UploadTimeout, 30 seconds
//	silence of the server        30 seconds, then 10 for the answer to a ping; Dial.PingInterval, PongTimeout
//	Close                        1 second; Dial.CloseTimeout
//
// # Differences from the model
//
//	model                              here
//	text frames that hold MessagePack  binary frames
//	chunks are [current, total]        [total, current], as the server reads them
//	the handshake is not answered      it is: Connect fails if the session is refused
//	subscriptions are not answered     they are: ErrSubscriptionRefused
//	Reconnect does nothing             the same session, with its subscriptions
//	Event.Bind does nothing            it decodes
package client
