package peers_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Peers that are not written in Go are programs in testdata that do what they
// are told on standard input, and tell what happens on standard output, a JSON
// object in a line each. A program is started when it is first needed, and ends
// with its input.

// A command is what a program is told. The ID is that of the connection.
type command struct {
	ID          int
	Do          string   // dial, serve, send, fragments, ping, close or drop
	URL         string   // to dial
	Protocols   []string // to dial or serve with
	Compression string   // to dial or serve with
	Type        string   // of a message: text or binary
	Data        [][]byte // a message, its fragments, or what is in a ping
	Code        int      // to close with
	Reason      string
}

// A report is what a program tells.
type report struct {
	ID    int
	Event string // open, listening, text, binary, pong, closed or failed
	Data  []byte // of a message or a pong, the reason for closing, the subprotocol, the URL, or what failed
	Code  int    // for closing; 0 if it is not known
}

// A program is a peer in a process of its own.
type program struct {
	name    string
	command func() (*exec.Cmd, error)

	start   sync.Once
	err     error // of starting
	cmd     *exec.Cmd
	in      io.WriteCloser
	stderr  bytes.Buffer
	over    chan struct{} // closed when its output has ended
	mu      sync.Mutex    // guards what follows, and in
	lastID  int
	reports map[int]chan report // by connection
}

// programs are those that were started.
var programs struct {
	mu   sync.Mutex
	list []*program
	undo []func()
}

// stopProcesses ends the programs, and waits for them.
func stopProcesses() {
	programs.mu.Lock()
	defer programs.mu.Unlock()
	for _, p := range programs.list {
		p.in.Close()
		<-p.over
		if err := p.cmd.Wait(); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n%s\n", p.name, err, &p.stderr)
		}
	}
	for _, undo := range programs.undo {
		undo()
	}
}

// run starts the program, unless it runs.
func (p *program) run(t *testing.T) {
	t.Helper()
	p.start.Do(func() { p.err = p.begin() })
	if p.err != nil {
		t.Fatalf("%s: %v", p.name, p.err)
	}
}

func (p *program) begin() error {
	var err error
	if p.cmd, err = p.command(); err != nil {
		return err
	}
	p.cmd.WaitDelay = time.Second
	p.cmd.Stderr = &p.stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.over = make(chan struct{})
	p.reports = make(map[int]chan report)
	go p.dispatch(out)
	programs.mu.Lock()
	defer programs.mu.Unlock()
	programs.list = append(programs.list, p)
	return nil
}

// dispatch gives the reports to those whom they concern.
func (p *program) dispatch(out io.Reader) {
	defer close(p.over)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r report
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			r = report{Event: "failed", Data: fmt.Appendf(nil, "%v: %.200s", err, lines.Bytes())}
		}
		p.mu.Lock()
		if c := p.reports[r.ID]; c != nil {
			c <- r
		} else if r.ID == 0 {
			for _, c := range p.reports {
				c <- r
			}
		}
		p.mu.Unlock()
	}
}

// tell gives the program a command.
func (p *program) tell(c command) error {
	line, err := json.Marshal(c)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err = p.in.Write(append(line, '\n'))
	return err
}

// connection returns the ID of a new one, and its reports.
func (p *program) connection(t *testing.T) (int, chan report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastID++
	id, c := p.lastID, make(chan report, 1<<10)
	p.reports[id] = c
	t.Cleanup(func() {
		p.tell(command{ID: id, Do: "drop"})
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.reports, id)
		close(c)
	})
	return id, c
}

// first waits for the report that the connection begins with.
func (p *program) first(t *testing.T, reports <-chan report, want string) string {
	t.Helper()
	select {
	case r := <-reports:
		if r.Event != want {
			t.Fatalf("%s: %s %s, want %s", p.name, r.Event, r.Data, want)
		}
		return string(r.Data)
	case <-p.over:
		t.Fatalf("%s has ended: %s", p.name, &p.stderr)
	case <-time.After(patience):
		t.Fatalf("%s is silent: %s", p.name, &p.stderr)
	}
	return ""
}

// dial has the program connect.
func (p *program) dial(t *testing.T, url string, o options) *end {
	p.run(t)
	id, reports := p.connection(t)
	must(t, p.tell(command{ID: id, Do: "dial", URL: url, Protocols: o.offered, Compression: o.compression}))
	return p.end(t, id, reports)
}

// serve has the program listen, for one connection.
func (p *program) serve(t *testing.T, o options) (string, func() *end) {
	p.run(t)
	id, reports := p.connection(t)
	must(t, p.tell(command{ID: id, Do: "serve", Protocols: o.spoken, Compression: o.compression}))
	url := p.first(t, reports, "listening")
	return url, func() *end { return p.end(t, id, reports) }
}

// end returns the program's end of the connection once it is open.
func (p *program) end(t *testing.T, id int, reports chan report) *end {
	t.Helper()
	e := newEnd()
	e.subprotocol = p.first(t, reports, "open")
	e.send = func(messageType int, data []byte) error {
		return p.tell(command{ID: id, Do: "send", Type: whatOf(messageType), Data: [][]byte{data}})
	}
	e.fragments = func(messageType int, parts [][]byte) error {
		return p.tell(command{ID: id, Do: "fragments", Type: whatOf(messageType), Data: parts})
	}
	e.ping = func(data []byte) error { return p.tell(command{ID: id, Do: "ping", Data: [][]byte{data}}) }
	e.close = func(code int, reason string) error {
		return p.tell(command{ID: id, Do: "close", Code: code, Reason: reason})
	}
	go func() { // until the test is over
		for r := range reports {
			e.events <- event{r.Event, string(r.Data), r.Code}
		}
	}()
	return e
}

// npmPeer is the package ws of npm, as package-lock.json has it. Its client does
// not go on without a subprotocol that it has asked for.
var npmPeer = func() peer {
	p := &program{name: "npm's ws", command: func() (*exec.Cmd, error) {
		modules, err := npmModules()
		if err != nil {
			return nil, err
		}
		cmd := exec.Command("node", "testdata/node/ws.js")
		cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
		return cmd, nil
	}}
	return peer{name: "npm-ws", dial: p.dial, serve: p.serve, clientLacks: []string{"no common subprotocol"}}
}()

// npmModules installs what package-lock.json says into a folder of its own.
func npmModules() (string, error) {
	dir, err := os.MkdirTemp("", "peers-npm-")
	if err != nil {
		return "", err
	}
	programs.mu.Lock()
	programs.undo = append(programs.undo, func() { os.RemoveAll(dir) })
	programs.mu.Unlock()
	for _, name := range []string{"package.json", "package-lock.json"} {
		b, err := os.ReadFile(filepath.Join("testdata/node", name))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return "", err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w (.ci/peers installs npm)\n%s", err, out)
	}
	return filepath.Join(dir, "node_modules"), nil
}

// nodePeer is the WebSocket that Node has itself, which is that of browsers: it
// has no pings, cannot send fragments or bad text, and does not go on without a
// subprotocol that it has asked for. Node 20 does not compress what it sends, and
// refuses bad text without a code.
var nodePeer = func() peer {
	p := &program{name: "Node's WebSocket", command: func() (*exec.Cmd, error) {
		return exec.Command("node", "--no-warnings", "--experimental-websocket", "testdata/node/builtin.js"), nil
	}}
	return peer{name: "node", dial: p.dial, lacks: []string{
		"fragments of theirs", "compressed fragments of theirs", "ping of theirs", "bad text of theirs",
		"no common subprotocol", "compression of theirs", "context takeover of theirs", "bad text of ours",
	}}
}()

// pythonPeer is the package websockets of Python, as Debian has it.
var pythonPeer = func() peer {
	p := &program{name: "Python's websockets", command: func() (*exec.Cmd, error) {
		// Debian's packages are for Debian's Python, which need not be the first one.
		for _, python := range []string{"/usr/bin/python3", "python3"} {
			if exec.Command(python, "-c", "import websockets").Run() == nil {
				return exec.Command(python, "testdata/python/peer.py"), nil
			}
		}
		return nil, errors.New("it is not installed; .ci/peers does that (on Debian: apt-get install python3-websockets)")
	}}
	return peer{name: "python", dial: p.dial, serve: p.serve}
}()
