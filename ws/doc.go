// Package ws is the server's side of WebSocket, RFC 6455, on net/http.
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
// Names and meanings are those of github.com/gorilla/websocket where its users
// know them. What differs: pages of other hosts, long messages and text that is
// not UTF-8 are refused unless told otherwise, any number of goroutines may
// write, and Close shakes hands.
//
// # Reading
//
// Someone has to read: pings are answered, and the peer's close frame is seen,
// in [Conn.ReadMessage]. It joins fragments, and holds no more memory than
// bytes have arrived, give or take a factor of two. A peer that breaks the
// protocol, sends text that is not UTF-8 or more than the read limit is told so
// by a close frame with code 1002, 1007 or 1009, before the rest of what it
// sends is read. The first error ends reading; it is returned ever after.
//
// # Closing
//
// [Conn.Close] tells the peer that the connection is over, waits for it to say
// the same and closes the connection, within [Upgrader.CloseTimeout]. A Conn is
// not closed by anything else: defer Close where the Conn is made. The server's
// own Shutdown and Close know nothing of connections that were taken over.
//
// # Handlers for golang.org/x/net/websocket
//
// [XNet] serves them as they are, behind the same checks of the handshake.
package ws
