package mego

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	Child()
	os.Exit(m.Run())
}

// A quick run: all answer rightly, or it fails, and there is a figure for all.
func TestMeasure(t *testing.T) {
	r, err := Measure(true)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Cells) != len(quick.loads) || r.Casts.Subscribers != quick.crowd || r.Casts.All.Low <= 0 {
		t.Errorf("results %+v", r)
	}
	for _, c := range r.Cells {
		for _, name := range names {
			f := c.Figures[name]
			if f.PerSecond.Low <= 0 || f.P50.Low <= 0 || f.P99.Low < f.P50.Low || f.PerSecond.High < f.PerSecond.Median || f.PerSecond.Median < f.PerSecond.Low {
				t.Errorf("%d × %d, %s: %+v", c.Connections, c.Callers, name, f)
			}
			if ratio, ok := c.Ratios[name]; ok == (name == ours) || ok && ratio.PerSecond.Median <= 0 {
				t.Errorf("%d × %d, %s: ratios %+v", c.Connections, c.Callers, name, ratio)
			}
		}
	}
	rows := strings.Count(r.Markdown(), "\n| ")
	if want := 2 + len(names)*len(quick.loads) + 1; rows != want {
		t.Errorf("%d rows, want %d:\n%s", rows, want, r.Markdown())
	}
	if b, err := json.Marshal(r); err != nil || !bytes.Contains(b, []byte(`"perSecond"`)) {
		t.Errorf("%s, %v", b, err)
	}
}

// What all of them answer.
func TestAnswers(t *testing.T) {
	children, stop, err := startAll(names)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for _, c := range children {
		all, err := dialAll(contenders[c.name].dial, c.address, 3)
		if err != nil {
			t.Fatal(c.name, err)
		}
		for _, caller := range all {
			for _, s := range []string{"", "hello", text(10000)} {
				if got, err := caller.call(s); err != nil || got != s {
					t.Errorf("%s: got %.20q, %v, want %.20q", c.name, got, err, s)
				}
			}
		}
		all.close()
		if _, err := c.tell("broadcast"); err == nil {
			t.Errorf("%s: a broadcast to nobody is no error", c.name)
		}
		if used, err := c.usage(); err != nil || used <= 0 {
			t.Errorf("%s: %v of CPU, %v", c.name, used, err)
		}
	}
}

// A spread is a median between quartiles.
func TestSpread(t *testing.T) {
	got := spread([]float64{5, 1, 4, 2, 3}, func(f float64) float64 { return 10 * f })
	if want := (Spread{20, 30, 40}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if text := got.String(); text != "30.00 (20.00–40.00)" {
		t.Errorf("%q", text)
	}
}
