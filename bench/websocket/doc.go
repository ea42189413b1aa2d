// Package websocket measures package ws beside gorilla/websocket,
// coder/websocket, gws and gobwas/ws: what an echo costs, also of messages that
// are sent without waiting and of compressed ones, how long a broadcast takes,
// and what memory a connection needs that does nothing.
//
//	go run ./cmd/websocket -quick
//
// prints it. [Measure] is what another program calls.
//
// Each library has a server in a process of its own, on one CPU. One client
// loads them all: it knows nothing but frames that were made before, and is the
// same for all. The servers are measured in turns, in an order that is random in
// each round, and compared within a round: a machine that does something else as
// well slows down all of them. What is compared is the CPU time that the server
// has taken, the garbage collector's and the kernel's for it included. The floor
// is a server without a library, which reads a frame, unmasks it and writes it.
package websocket
