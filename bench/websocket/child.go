package websocket

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// childVariable tells a process that it is a server, and which.
const childVariable = "GONGULAR_BENCH_SERVER"

// mayMeasure is set by Child.
var mayMeasure bool

// Child is to be called first of all by a program that calls [Measure], and by
// its TestMain: the servers are the same program, started again. In these, Child
// does not return.
func Child() {
	mayMeasure = true
	which, ok := os.LookupEnv(childVariable)
	if !ok {
		return
	}
	name, m, _ := strings.Cut(which, " ")
	if err := serveAndObey(servers[name](), mode(m), os.Stdin, os.Stdout); err != nil {
		log.Fatalf("server %s: %v", which, err)
	}
	os.Exit(0)
}

// An order is what a server is told, a JSON object in a line.
type order struct {
	Do string // usage, memory, await or broadcast
	N  int    // connections to await, messages to broadcast
}

// A state is a server's answer to an order, and what it begins with.
type state struct {
	Address  string        `json:",omitempty"` // at first
	CPU      time.Duration `json:",omitempty"` // that the process has used
	Resident int64         `json:",omitempty"` // memory, in bytes
}

// serveAndObey serves until there are no more orders.
func serveAndObey(s server, m mode, in io.Reader, out io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go s.serve(l, m)
	orders, answers := json.NewDecoder(in), json.NewEncoder(out)
	if err := answers.Encode(state{Address: l.Addr().String()}); err != nil {
		return err
	}
	data := []byte(strings.Repeat("x", broadcastSize))
	for {
		var o order
		if err := orders.Decode(&o); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		var answer state
		switch o.Do {
		case "usage":
			answer.CPU = cpuTime()
		case "memory":
			if answer.Resident, err = resident(); err != nil {
				return err
			}
		case "await":
			for s.connections() < o.N {
				runtime.Gosched()
			}
		case "broadcast":
			for range o.N {
				s.broadcast(data)
			}
		default:
			return fmt.Errorf("unknown order %q", o.Do)
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
}

// resident returns the memory of the process that is really there, when nothing
// of it is garbage.
func resident() (int64, error) {
	runtime.GC()
	runtime.GC() // what the first one took out of pools
	debug.FreeOSMemory()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(statm), &size, &pages); err != nil {
		return 0, err
	}
	return pages * int64(os.Getpagesize()), nil
}

// A child is a server in a process of its own.
type child struct {
	name    string
	address string
	cmd     *exec.Cmd
	in      io.WriteCloser
	orders  *json.Encoder
	answers *json.Decoder
}

// start starts a server.
func start(name string, m mode) (*child, error) {
	if !mayMeasure {
		return nil, errors.New("the program has not called websocket.Child")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{name: name, cmd: exec.Command(self)}
	c.cmd.Env = append(os.Environ(), childVariable+"="+name+" "+string(m))
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := onOneCPU(c.cmd.Start); err != nil {
		return nil, err
	}
	c.orders, c.answers = json.NewEncoder(c.in), json.NewDecoder(bufio.NewReader(out))
	var first state
	if err := c.answers.Decode(&first); err != nil {
		c.stop()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c.address = first.Address
	return c, nil
}

// tell gives an order and waits for the answer.
func (c *child) tell(do string, n int) (state, error) {
	if err := c.orders.Encode(order{do, n}); err != nil {
		return state{}, fmt.Errorf("%s: %w", c.name, err)
	}
	var answer state
	if err := c.answers.Decode(&answer); err != nil {
		return state{}, fmt.Errorf("%s: %w", c.name, err)
	}
	return answer, nil
}

// usage returns the CPU time that the server has used.
func (c *child) usage() (time.Duration, error) {
	s, err := c.tell("usage", 0)
	return s.CPU, err
}

// stop ends the server and waits for it.
func (c *child) stop() {
	c.in.Close()
	c.cmd.Wait()
}

// startAll starts servers of the names.
func startAll(names []string, m mode) (children []*child, stop func(), err error) {
	stop = func() {
		for _, c := range children {
			c.stop()
		}
	}
	for _, name := range names {
		c, err := start(name, m)
		if err != nil {
			stop()
			return nil, nil, err
		}
		children = append(children, c)
	}
	return children, stop, nil
}
