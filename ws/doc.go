// Package ws is WebSocket, RFC 6455, on net/http: both ends, with compression
// (RFC 7692).
//
// An [Upgrader] turns a request into a [Conn], which reads and writes whole
// messages until it is closed:
//
//	var upgrader ws.Upgrader
//
//	func echo(w http.ResponseWriter, r *http.Request) {
//		conn, err := upgrader.Upgrade(w, r, nil)
//		if err != nil {
//			ws.Refuse(w, err)
//			return
//		}
//		defer conn.Close()
//		for {
//			messageType, p, err := conn.ReadMessage()
//			if err != nil {
//				return
//			}
//			if err := conn.WriteMessage(messageType, p); err != nil {
//				return
//			}
//		}
//	}
//
// [Dial] is the other end:
//
//	conn, _, err := ws.Dial(ctx, "wss://example.com/echo", nil)
//
// Names and meanings are those of github.com/gorilla/websocket where its users
// know them. What differs: pages of other hosts, long messages and text that is
// not UTF-8 are refused unless told otherwise, any number of goroutines may
// write, and Close shakes hands.
//
// # Reading
//
// Someone has to read: pings are answered, and the peer's close frame is seen,
// by whoever reads. There are these ways, which may be mixed:
//
//	ReadMessage  a message as a slice of one's own
//	Read         the same until a context ends, after which nothing is lost
//	ReadInPlace  a message as bytes that are valid until the next read
//	Messages     those in a loop, until a context ends
//	NextReader   a message as a stream
//
// A message holds no more memory than a small multiple of the bytes of it that
// have arrived, or than the last one did. A peer that breaks the protocol,
// sends text that is not UTF-8 or more than the read limit is told so by a close
// frame with code 1002, 1007 or 1009, before the rest of what it sends is read.
// The first error ends reading; it is returned ever after.
//
// # Connections that wait
//
// A connection that waits has no buffer, if it is a plain socket: one is
// borrowed when something arrives, and given back when all of it is read. Its
// goroutine waits, reads and writes within the 2 KiB of stack that goroutines
// begin with, as long as what is done with the messages does not need more.
//
// But net/http keeps a larger stack, a write buffer of 4 KiB and more until the
// handler returns. Where tens of thousands of connections mostly wait, a handler of
// net/http may do that at once:
//
//	upgrader := ws.Upgrader{ForgetRequest: true}
//	http.HandleFunc("/feed", func(w http.ResponseWriter, r *http.Request) {
//		conn, err := upgrader.Upgrade(w, r, nil)
//		if err != nil {
//			ws.Refuse(w, err)
//			return
//		}
//		go serve(conn) // which closes it
//	})
//
// A connection then takes 4.4 KiB of resident memory, and 6 KiB if it keeps its
// request; in a handler that stays, it takes 11.4 KiB. (Measured with 2,000 of them
// on linux/amd64.) When the handler returns, the context of the request ends, and
// so does what middleware does around it, as to count sessions or to recover from
// panics; the connection goes on. The sessions of a gongular router stay in their
// handlers, with all that is around them.
//
// # Writing
//
// Any number of goroutines may write; frames go one at a time. [Conn.WriteMessage]
// sends a message in one frame, [Conn.NextWriter] in fragments, between which
// control frames may go but no other messages. [Conn.Write] gives up when its
// context ends. A [PreparedMessage] is encoded once for many connections.
//
// A message is sent before the method returns, with one exception: while more
// messages have already arrived, the answers are held back, to be sent in one
// write before reading waits again. That is for at most a millisecond, and up to
// 16 KiB, and only on plain sockets.
//
// # Compression
//
// permessage-deflate is off unless [Upgrader.Compression] or
// [DialOptions.Compression] is set, and used if the other end wants it too. The
// read limit is that of what a message inflates to, and is watched while it is
// inflated. Secrets next to what others may choose should not be compressed:
// the size tells about them.
//
// # Closing
//
// [Conn.Close] tells the peer that the connection is over, waits for it to say
// the same and closes the connection, within [Upgrader.CloseTimeout]. A Conn is
// not closed by anything else than a PongTimeout: defer Close where the Conn is
// made. The server's own Shutdown and Close know nothing of connections that
// were taken over.
//
// A peer that is gone without a word is noticed if [Upgrader.PingInterval] is
// set, which it is not by default.
//
// # Handlers for golang.org/x/net/websocket
//
// [XNet] serves them as they are, behind the same checks of the handshake.
package ws
