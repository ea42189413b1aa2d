package megoclient_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Each rule of the browser client has a file of scenarios, named after it.
func TestRules(t *testing.T) {
	scenarios, err := filepath.Glob("testdata/rule*.js")
	must(t, err)
	if len(scenarios) != 9 {
		t.Errorf("there are scenarios for %d rules, want 9", len(scenarios))
	}
	s := serve(t)
	for _, file := range scenarios {
		name, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(file), "rule"), ".js")
		t.Run(name, func(t *testing.T) { run(t, file, "MEGO_URL="+s.url) })
	}
}

// README's snippet does what it says.
func TestREADME(t *testing.T) {
	readme, err := filepath.Abs("../../README.md")
	must(t, err)
	run(t, "testdata/readme.js", "MEGO_URL="+serve(t).url, "README="+readme)
}

// The codec and npm's @msgpack/msgpack agree on values made by chance.
func TestAgreeWithNPM(t *testing.T) { run(t, "testdata/agree.js") }

// What is no MessagePack is refused with an error that says where, at once.
func TestMalformed(t *testing.T) { run(t, "testdata/malformed.js") }

// The SHA-256 is that of Node.
func TestSum(t *testing.T) { run(t, "testdata/sum.js", "MEGO_URL="+serve(t).url) }

// run runs a file of node:test. The client is the one of this clone.
func run(t *testing.T, file string, env ...string) {
	t.Helper()
	modules, err := install()
	if err != nil {
		t.Fatal(err)
	}
	client, err := filepath.Abs("../../mego/megoclient.js")
	must(t, err)
	// Node 20 has a WebSocket if it is asked for it; later ones have it anyway. It
	// keeps some connections that were closed, and would not end by itself.
	cmd := exec.CommandContext(within(t), "node", "--no-warnings", "--experimental-websocket", "--test-force-exit", file)
	cmd.Env = append(append(os.Environ(), "NODE_PATH="+modules, "MEGO_CLIENT="+client), env...)
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", file, err, out)
	}
}

// modules is the folder of what package-lock.json says.
var modules struct {
	once      sync.Once
	dir, path string
	err       error
}

// install installs it, once.
func install() (string, error) {
	modules.once.Do(func() {
		dir, err := os.MkdirTemp("", "megoclient-npm-")
		if err != nil {
			modules.err = err
			return
		}
		modules.dir, modules.path = dir, filepath.Join(dir, "node_modules")
		for _, name := range []string{"package.json", "package-lock.json"} {
			text, err := os.ReadFile(filepath.Join("testdata", "npm", name))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
			}
			if err != nil {
				modules.err = err
				return
			}
		}
		cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			modules.err = &installError{err, out}
		}
	})
	return modules.path, modules.err
}

type installError struct {
	err error
	out []byte
}

func (e *installError) Error() string {
	return "npm ci: " + e.err.Error() + " (.ci/peers installs Node and npm)\n" + string(e.out)
}

func TestMain(m *testing.M) {
	code := m.Run()
	if modules.dir != "" {
		os.RemoveAll(modules.dir)
	}
	os.Exit(code)
}
