package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gongular/gongular/bench/results"
)

func written(t *testing.T, ratio, noise float64) string {
	t.Helper()
	r := &results.Run{Date: "2026-08-01", Scenarios: []results.Scenario{{Name: "full", Cells: []results.Cell{
		{Name: results.Again, Ratio: results.Spread{Q1: noise, Median: noise, Q3: noise}},
		{Name: results.Ours, Ratio: results.Spread{Q1: ratio, Median: ratio, Q3: ratio}},
	}}}}
	file := filepath.Join(t.TempDir(), "report.json")
	if err := r.Write(file); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestRun(t *testing.T) {
	old := written(t, 0.5, 1)
	for _, test := range []struct {
		name    string
		args    []string
		want    string
		wantErr string // part of it; "" for none
	}{
		{"as before", []string{old, old}, "no ratio got worse by more than 15 % since 2026-08-01\n", ""},
		{"worse", []string{old, written(t, 1, 1)}, "worse than on 2026-08-01; look whether it is so:\n  full: 1.00 × handwritten, was 0.50 (+100 %)\n", ""},
		{"worse, and noise", []string{old, written(t, 1, 1.3)},
			"worse than on 2026-08-01; look whether it is so:\n  full: 1.00 × handwritten, was 0.50 (+100 %)\n  (full: the baseline itself was at 1.30 of itself: the machine was busy)\n", ""},
		{"strict", []string{"-strict", old, written(t, 1, 1)}, "worse than on 2026-08-01; look whether it is so:\n  full: 1.00 × handwritten, was 0.50 (+100 %)\n", "something got worse"},
		{"one file", []string{old}, "", "give it two files"},
		{"no such file", []string{old, "none.json"}, "", "none.json"},
		{"no such file before", []string{"none.json", old}, "", "none.json"},
	} {
		var out strings.Builder
		err := run(test.args, &out)
		if out.String() != test.want {
			t.Errorf("%s: got %q, want %q", test.name, out.String(), test.want)
		}
		if test.wantErr == "" && err != nil || test.wantErr != "" && (err == nil || !strings.Contains(err.Error(), test.wantErr)) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.wantErr)
		}
	}
}
