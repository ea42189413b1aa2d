package websocket

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	Child()
	os.Exit(m.Run())
}

// All contenders answer what is measured with the same bytes, whatever its size.
func TestContenders(t *testing.T) {
	var loads []load
	for _, size := range []int{1, 32, 125, 126, 1 << 10, 16 << 10, 65535, 65536, 1 << 20} {
		loads = append(loads, newLoad(size, 1))
	}
	loads = append(loads, newLoad(32, 16), newLoad(1<<10, 16), newLoad(40_000, 3))
	for _, name := range contenders {
		t.Run(name, func(t *testing.T) {
			c, err := start(name, plain)
			if err != nil {
				t.Fatal(err)
			}
			defer c.stop()
			all, err := dialAll(c.address, plain, 2, loads[0])
			if err != nil {
				t.Fatal(err)
			}
			defer all.close()
			for _, l := range loads {
				for _, conn := range all {
					if err := conn.check(l); err != nil {
						t.Fatalf("%d of %d bytes: %v", l.inFlight, l.size, err)
					}
				}
				if err := all.run(l, 3, 1); err != nil {
					t.Fatalf("%d of %d bytes: %v", l.inFlight, l.size, err)
				}
			}
			before, err := c.usage()
			if err != nil || before <= 0 {
				t.Errorf("CPU time %v, %v", before, err)
			}
		})
	}
}

// The same for compressed messages.
func TestCompressors(t *testing.T) {
	l, err := newCompressedLoad(1 << 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.message) != 1<<10 || len(l.frames) > 700 {
		t.Errorf("%d bytes in frames of %d", len(l.message), len(l.frames))
	}
	for _, name := range compressors {
		t.Run(name, func(t *testing.T) {
			c, err := start(name, compressed)
			if err != nil {
				t.Fatal(err)
			}
			defer c.stop()
			all, err := dialAll(c.address, compressed, 2, l)
			if err != nil {
				t.Fatal(err)
			}
			defer all.close()
			if err := all.run(l, 3, 2); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A broadcast is one text message for each connection.
func TestCasters(t *testing.T) {
	for _, name := range casters {
		t.Run(name, func(t *testing.T) {
			c, err := start(name, broadcasts)
			if err != nil {
				t.Fatal(err)
			}
			defer c.stop()
			all, err := dialAll(c.address, plain, 3, newLoad(32, 1))
			if err != nil {
				t.Fatal(err)
			}
			defer all.close()
			if _, err := c.tell("await", 3); err != nil {
				t.Fatal(err)
			}
			if _, err := all.receive(c, 20); err != nil {
				t.Fatal(err)
			}
			if _, err := c.tell("broadcast", 2); err != nil {
				t.Fatal(err)
			}
			for _, conn := range all {
				conn.conn.SetDeadline(time.Now().Add(patience))
				for range 2 {
					first, payload, err := conn.frame()
					if first != 0x81 || string(payload) != strings.Repeat("x", broadcastSize) || err != nil {
						t.Errorf("got %#x %q, %v", first, payload, err)
					}
				}
			}
		})
	}
}

// A server that is asked for what it does not know ends, and says so.
func TestUnknownOrder(t *testing.T) {
	c, err := start(floor, plain)
	if err != nil {
		t.Fatal(err)
	}
	c.cmd.Stderr = nil
	defer c.stop()
	if _, err := c.tell("dance", 1); err == nil || err.Error() != "floor: EOF" {
		t.Errorf("got %v, want floor: EOF", err)
	}
}

// All kinds of cells are measured, and held against their bars.
func TestMeasure(t *testing.T) {
	p := plan{
		names: regexp.MustCompile(""), heats: 1, rounds: 2, sizes: []int{32}, connections: []int{1},
		work: time.Microsecond, crowd: 20, casts: 2, idle: 1,
	}
	r, err := p.measure()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range r.Cells {
		names = append(names, c.name())
		if c.Rounds == 0 || len(c.Figures) < len(compressors) {
			t.Errorf("%s: %+v", c.name(), c)
		}
		for name, list := range c.rounds {
			if len(list) != c.Rounds {
				t.Errorf("%s: %s was measured %d times, want %d", c.name(), name, len(list), c.Rounds)
			}
		}
		if c.Kind != "idle" && c.Figures[ours].Low <= 0 {
			t.Errorf("%s: ours is %+v", c.name(), c.Figures[ours])
		}
	}
	want := []string{
		"echo 32 B, 1 connection", "pipelined 32 B, 16 at once, 64 connections", "compressed 1 KiB, 64 connections",
		"idle, 20 connections", "broadcast 128 B, 20 connections", "burst 128 B, 20 at once, 20 connections",
	}
	if !slices.Equal(names, want) {
		t.Errorf("got %q\nwant %q", names, want)
	}
	if len(r.Bars) != 4+1+4+1+1+1 {
		t.Errorf("%d bars", len(r.Bars))
	}
	markdown := r.Markdown()
	for _, name := range names {
		if !strings.Contains(markdown, "\n| "+name+" | ") {
			t.Errorf("%s is not in the table:\n%s", name, markdown)
		}
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Results
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back.Bars, r.Bars) {
		t.Errorf("from JSON: %+v, %v", back.Bars, err)
	}
	if r, err := MeasureOnly(Quick, regexp.MustCompile("^nothing$")); err != nil || len(r.Cells) != 0 {
		t.Errorf("got %+v, %v", r, err)
	}
}

// A bar is about the median of ratios within rounds, to the best of the peers.
func TestBars(t *testing.T) {
	c := Cell{Kind: "echo", Size: 32, Connections: 64, rounds: map[string][]float64{
		ours:      {1, 2, 30},
		oursOwned: {2, 4, 60},
		floor:     {1, 2, 25},
		"gorilla": {2, 4, 50},
		"coder":   {4, 8, 100},
		"gws":     {1.25, 2, 40},
	}}
	c.summarise()
	if got := c.Figures[ours]; got != (Spread{2, 2, 30}) {
		t.Errorf("figures of ours: %+v", got)
	}
	want := []Bar{
		{"echo 32 B, 64 connections", ours, "gws", Spread{0.8, 0.8, 1}, 0.92, true},
		{"echo 32 B, 64 connections", ours, floor, Spread{1, 1, 1.2}, 1.05, true},
		{"echo 32 B, 64 connections", oursOwned, "gorilla", Spread{1, 1, 1.2}, 1, true},
		{"echo 32 B, 64 connections", oursOwned, "coder", Spread{0.5, 0.5, 0.6}, 1, true},
	}
	if got := c.bars(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	c.Kind, c.InFlight = "pipelined", 16
	if got := c.bars(); len(got) != 1 || got[0].Met || got[0].Limit != 0.2 || got[0].Name != "pipelined 32 B, 16 at once, 64 connections" {
		t.Errorf("got %+v", got)
	}
}

// Who does not call Child cannot measure.
func TestWithoutChild(t *testing.T) {
	mayMeasure = false
	defer func() { mayMeasure = true }()
	if _, err := Measure(Brief); err == nil || err.Error() != "websocket: the program has not called websocket.Child" {
		t.Errorf("got %v", err)
	}
}
