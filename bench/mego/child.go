package mego

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
	"time"
)

// childVariable tells a process that it is a server, and which.
const childVariable = "GONGULAR_BENCH_MEGO_SERVER"

// mayMeasure is set by Child.
var mayMeasure bool

// Child is to be called first of all by a program that calls [Measure], and by
// its TestMain: the servers are the same program, started again. In these, Child
// does not return.
func Child() {
	mayMeasure = true
	name, ok := os.LookupEnv(childVariable)
	if !ok {
		return
	}
	c, ok := contenders[name]
	if !ok {
		log.Fatalf("there is no server %q", name)
	}
	if err := serveAndObey(c.serve, os.Stdin, os.Stdout); err != nil {
		log.Fatalf("server %s: %v", name, err)
	}
	os.Exit(0)
}

// An order is what a server is told, a JSON object in a line.
type order struct{ Do string } // usage or broadcast

// A state is a server's answer to an order, and what it begins with.
type state struct {
	Address string        `json:",omitempty"` // at first
	CPU     time.Duration `json:",omitempty"` // that the process has used
	Error   string        `json:",omitempty"`
}

// serveAndObey serves until there are no more orders.
func serveAndObey(serve func(net.Listener) (broadcast func() error), in io.Reader, out io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	broadcast := serve(l)
	orders, answers := json.NewDecoder(in), json.NewEncoder(out)
	if err := answers.Encode(state{Address: l.Addr().String()}); err != nil {
		return err
	}
	for {
		var o order
		if err := orders.Decode(&o); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		var answer state
		switch {
		case o.Do == "usage":
			answer.CPU = cpuTime()
		case o.Do == "broadcast" && broadcast != nil:
			if err := broadcast(); err != nil {
				answer.Error = err.Error()
			}
		default:
			answer.Error = fmt.Sprintf("cannot do %q", o.Do)
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
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
func start(name string) (*child, error) {
	if !mayMeasure {
		return nil, errors.New("the program has not called mego.Child")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{name: name, cmd: exec.Command(self)}
	c.cmd.Env = append(os.Environ(), childVariable+"="+name)
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
func (c *child) tell(do string) (state, error) {
	var answer state
	err := c.orders.Encode(order{do})
	if err == nil {
		err = c.answers.Decode(&answer)
	}
	if err == nil && answer.Error != "" {
		err = errors.New(answer.Error)
	}
	if err != nil {
		return state{}, fmt.Errorf("%s: %w", c.name, err)
	}
	return answer, nil
}

// usage returns the CPU time that the server has used.
func (c *child) usage() (time.Duration, error) {
	s, err := c.tell("usage")
	return s.CPU, err
}

// stop ends the server and waits for it.
func (c *child) stop() {
	c.in.Close()
	c.cmd.Wait()
}

// startAll starts servers of the names.
func startAll(names []string) (children []*child, stop func(), err error) {
	stop = func() {
		for _, c := range children {
			c.stop()
		}
	}
	for _, name := range names {
		c, err := start(name)
		if err != nil {
			stop()
			return nil, nil, err
		}
		children = append(children, c)
	}
	return children, stop, nil
}
