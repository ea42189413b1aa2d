package msgpack_test

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gongular/gongular/mego/msgpack"
)

// A peer is a Node process that answers messages by what @msgpack/msgpack makes
// of them, see testdata/npm/answer.mjs.
type peer struct {
	in  io.Writer
	out *json.Decoder
}

// An answer is what became of one message.
type answer struct {
	Value string // described
	Code  string // encoded again, in hexadecimal
	Error string
}

// newPeer installs the package, in the version that package-lock.json has, in a
// temporary folder, and starts the process.
func newPeer(t *testing.T) *peer {
	t.Helper()
	for _, name := range []string{"node", "npm"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("this test compares with npm's @msgpack/msgpack, and needs Node.js 18 or later with npm: %v", err)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "answer.mjs"} {
		text, err := os.ReadFile(filepath.Join("testdata", "npm", name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}

	cmd := exec.Command("node", filepath.Join(dir, "answer.mjs"), dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		must(t, errors.Join(in.Close(), cmd.Wait()))
	})
	return &peer{in, json.NewDecoder(bufio.NewReader(out))}
}

// askAll sends all messages and calls f with each answer.
func (p *peer) askAll(t *testing.T, messages [][]byte, f func(i int, a answer)) {
	t.Helper()
	var wg sync.WaitGroup
	wg.Go(func() {
		w := bufio.NewWriter(p.in)
		for _, m := range messages {
			_, _ = w.WriteString(hex.EncodeToString(m) + "\n")
		}
		if err := w.Flush(); err != nil {
			t.Error(err)
		}
	})
	defer wg.Wait()
	for i := range messages {
		var a answer
		if err := p.out.Decode(&a); err != nil {
			t.Errorf("no answer to message %d: %v", i, err)
			return
		}
		f(i, a)
	}
}

func TestAgreeWithNPM(t *testing.T) {
	p := newPeer(t)

	// What we encode it decodes to the same value, and what it encodes we do.
	t.Run("any", func(t *testing.T) {
		var messages [][]byte
		var want []string
		for seed := range uint64(1000) {
			g := newGenerator(seed)
			g.keys = false // its maps are objects
			v := g.any(0)
			data, err := msgpack.Marshal(v)
			must(t, err)
			messages, want = append(messages, data), append(want, describe(v))
		}
		p.askAll(t, messages, func(i int, a answer) {
			if a.Error != "" || a.Value != want[i] {
				t.Errorf("message %d: it decodes\nto   %s%s\nfrom %s", i, a.Error, brief(a.Value), brief(want[i]))
				return
			}
			code, err := hex.DecodeString(a.Code)
			must(t, err)
			var back any
			if err := msgpack.Unmarshal(code, &back); err != nil {
				t.Errorf("message %d: we cannot decode %s: %v", i, brief(a.Code), err)
			} else if d := describe(back); d != want[i] {
				t.Errorf("message %d: we decode\nto   %s\nfrom %s", i, brief(d), brief(want[i]))
			}
		})
	})

	t.Run("structs", func(t *testing.T) {
		var messages [][]byte
		var want []Account
		for seed := range uint64(300) {
			v := newGenerator(seed).account()
			data, err := msgpack.Marshal(v)
			must(t, err)
			messages, want = append(messages, data), append(want, v)
		}
		p.askAll(t, messages, func(i int, a answer) {
			code, err := hex.DecodeString(a.Code)
			must(t, err)
			var got Account
			if err := msgpack.Unmarshal(code, &got); err != nil {
				t.Errorf("message %d: %v", i, err)
				return
			}
			again, err := msgpack.Marshal(got)
			must(t, err)
			if string(again) != string(messages[i]) {
				t.Errorf("message %d: got %.500v, want %.500v", i, got, want[i])
			}
		})
	})

	// What is cut off, and what has more after it, both refuse.
	t.Run("malformed", func(t *testing.T) {
		var messages [][]byte
		for seed := range uint64(100) {
			g := newGenerator(seed)
			data, err := msgpack.Marshal([]any{g.integer(), g.text(), g.float(), time.Unix(1, 1), []byte{1}, map[string]any{"a": 1}})
			must(t, err)
			if len(data) > 200 {
				continue
			}
			for n := range data {
				messages = append(messages, data[:n:n])
			}
			messages = append(messages, append(data, 0xc0))
		}
		p.askAll(t, messages, func(i int, a answer) {
			if err := msgpack.Unmarshal(messages[i], new(any)); err == nil || a.Error == "" {
				t.Errorf("%x: we say %v, it says %q", messages[i], err, a.Error)
			}
		})
	})
}
