// Package peers has package ws speak with others: with the clients and servers
// of gorilla/websocket, coder/websocket, gws, golang.org/x/net/websocket, npm's
// ws and Python's websockets, and with Node's own client. There is nothing in it
// but tests.
//
// The peers that are not written in Go need node, npm and Debian's package
// python3-websockets; .ci/peers installs what is missing.
package peers
