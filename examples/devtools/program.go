package devtools

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// A Program is an example as a newcomer runs it: a process of its own, which
// prints its address first.
type Program struct {
	T    testing.TB
	Addr string // host and port

	path   string
	cmd    *exec.Cmd // nil if it does not run
	out    *bufio.Reader
	stderr bytes.Buffer
}

// Build builds the program of the folder above, and returns its path, whose last
// part is the name. It ends the test if that fails.
func Build(t testing.TB, name string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Dir = ".." // another module
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// Serve runs a program until the test ends, which it ends if the program does not
// begin by printing its name and address.
func Serve(t testing.TB, path string) *Program {
	p := &Program{T: t, path: path, Addr: "127.0.0.1:0"}
	p.Start()
	t.Cleanup(func() {
		if p.cmd != nil {
			p.Stop()
		}
	})
	return p
}

var printed = regexp.MustCompile(`^(\w+): http://(127\.0\.0\.1:[0-9]+) `)

// Start starts the program; the second time, where it was before.
func (p *Program) Start() {
	p.T.Helper()
	p.cmd = exec.Command(p.path, "-addr", p.Addr)
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		p.T.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.T.Fatal(err)
	}
	p.out = bufio.NewReader(stdout)
	line, _ := p.out.ReadString('\n')
	m := printed.FindStringSubmatch(line)
	if m == nil || m[1] != p.name() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
		p.cmd = nil
		p.T.Fatalf("the program printed %q, and %q to stderr", line, &p.stderr)
	}
	p.Addr = m[2]
}

// Stop presses Ctrl-C, and waits for the end, which the program has to announce.
func (p *Program) Stop() {
	p.T.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.T.Error(err)
	}
	rest, _ := io.ReadAll(p.out) // before Wait, which closes the pipe
	if err := p.cmd.Wait(); err != nil || string(rest) != "\n"+p.name()+": stopped\n" || p.stderr.Len() > 0 {
		p.T.Errorf("the program ended with %v, and printed %q, and %q to stderr", err, rest, &p.stderr)
	}
	p.cmd = nil
}

func (p *Program) name() string { return filepath.Base(p.path) }
