// Package mego measures calls by package mego beside gRPC-Go (unary calls, of
// protobuf) and net/rpc (of gob), and how long a broadcast of package mego takes.
//
//	go run ./cmd/mego -quick
//
// prints it. [Measure] is what another program calls.
//
// The method returns the text that it is called with. Each contender has a server
// in a process of its own, on one CPU, and its own client, all of them in the
// measuring process; each client has one TCP connection over loopback. Callers
// call without a pause. The contenders are measured in turns, in an order that is
// random in each round, and compared within a round: a machine that does something
// else as well slows down all of them. Beside calls per second and what a call
// takes, it is the CPU time of the server's process that is compared, the garbage
// collector's and the kernel's for it included.
package mego
