package results

import (
	"encoding/xml"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gongular/gongular/bench/websocket"
)

func TestSpreadOf(t *testing.T) {
	for _, test := range []struct {
		in   []float64
		want Spread
	}{
		{[]float64{3}, Spread{3, 3, 3}},
		{[]float64{5, 1, 3}, Spread{2, 3, 4}},
		{[]float64{4, 3, 2, 1}, Spread{1.75, 2.5, 3.25}},
		{[]float64{10, 30, 20, 50, 40}, Spread{20, 30, 40}},
	} {
		if got := SpreadOf(test.in); got != test.want {
			t.Errorf("SpreadOf(%v) = %v, want %v", test.in, got, test.want)
		}
	}
	if got := Least([]float64{11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}); got != 2 {
		t.Errorf("Least = %v, want 2", got)
	}
	if got := Median([]float64{1, 9, 2}); got != 2 {
		t.Errorf("Median = %v, want 2", got)
	}
}

// cell is one with a ratio whose quartiles are a tenth off.
func cell(name string, ratio, allocs float64) Cell {
	return Cell{Name: name, Ratio: Spread{ratio * 0.9, ratio, ratio * 1.1}, Least: ratio, CPU: 1000 * ratio, Allocs: allocs, Bytes: 100 * allocs}
}

func example() *Run {
	return &Run{
		Date: "2026-08-01", Go: "go1.26", System: "linux/amd64", CPU: "a <fast> one", CPUs: 2,
		Versions: map[string]string{"github.com/gin-gonic/gin": "v1.12.0"},
		Scenarios: []Scenario{
			{Name: "static", What: "constant", Mean: true, Rounds: 10, Calls: 100, Cells: []Cell{
				cell(Baseline, 1, 2), cell(Again, 1.01, 2), cell(Ours, 0.5, 1), cell("gin", 3, 4)}},
			{Name: "full", What: "all", Mean: true, Rounds: 10, Calls: 100, Cells: []Cell{
				cell(Baseline, 1, 20), cell(Again, 0.99, 20), cell(Ours, 0.72, 9), cell("gin", 2, 40)}},
			{Name: "upload", What: "a file", Rounds: 10, Calls: 10, Cells: []Cell{
				cell(Baseline, 1, 200), cell(Again, 1, 200), cell(Ours, 1, 200), cell("gin", 1, 200)}},
		},
		Load: []Load{{Name: "full", Connections: 16, Rounds: 5, Cells: []LoadCell{
			{Name: Baseline, Ratio: Spread{1, 1, 1}, Rate: Spread{1, 1, 1}, PerSec: 50_000, CPU: 20_000, P50: 300, P99: 900, Allocs: 40, RSS: 25},
			{Name: Ours, Ratio: Spread{0.8, 0.9, 1}, Rate: Spread{1, 1.1, 1.2}, PerSec: 55_000, CPU: 18_000, P50: 280, P99: 800, Allocs: 30, RSS: 25},
		}}},
		More: []Benchmark{{"validate", "Ratio/typical", map[string]float64{"ours/byhand": 3.7, "allocs": 0}}},
		WebSocket: &websocket.Results{
			Cells: []websocket.Cell{{Kind: "idle", Connections: 2000, Unit: "KiB", Figures: map[string]websocket.Spread{"ours": {Low: 4, Median: 4.4, High: 5}}}},
		},
	}
}

func TestGeoMean(t *testing.T) {
	r := example()
	if got := r.GeoMean(Ours); math.Abs(got-0.6) > 1e-9 {
		t.Errorf("got %v, want 0.6, the root of 0.5 × 0.72", got)
	}
	if got := r.GeoMean("nobody"); got != 0 {
		t.Errorf("got %v for nobody", got)
	}
	if got := new(Run).GeoMean(Ours); got != 0 {
		t.Errorf("got %v of nothing", got)
	}
}

// What is rounded and written can be read, with four digits.
func TestWriteRead(t *testing.T) {
	r := example()
	r.Scenarios[0].Cells[2].CPU = 1234.5678
	r.Load[0].Cells[1].PerSec = 54_321.9
	file := filepath.Join(t.TempDir(), "report.json")
	if err := r.Rounded().Write(file); err != nil {
		t.Fatal(err)
	}
	got, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if cpu := got.Scenarios[0].Cells[2].CPU; cpu != 1235 {
		t.Errorf("CPU %v, want 1235", cpu)
	}
	if rate := got.Load[0].Cells[1].PerSec; rate != 54320 {
		t.Errorf("rate %v, want 54320", rate)
	}
	if r.Scenarios[0].Cells[2].CPU != 1234.5678 {
		t.Error("Rounded has changed the run")
	}
	if !reflect.DeepEqual(got.Scenarios[1].Cells[3], Cell{"gin", Spread{1.8, 2, 2.2}, 2, 2000, 40, 4000}) {
		t.Errorf("got %+v", got.Scenarios[1].Cells[3])
	}
}

func TestReadErrors(t *testing.T) {
	if _, err := Read(filepath.Join(t.TempDir(), "none.json")); !os.IsNotExist(err) {
		t.Errorf("got %v", err)
	}
	file := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(file, []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(file); err == nil || !strings.HasPrefix(err.Error(), file+": ") {
		t.Errorf("got %v", err)
	}
}

func TestCompare(t *testing.T) {
	set := func(r *Run, i int, c Cell) *Run { r.Scenarios[i].Cells[2] = c; return r }
	without := example()
	without.Scenarios = without.Scenarios[:2]
	load := example()
	load.Load[0].Cells[1].Ratio = Spread{1.1, 1.2, 1.3}
	for _, test := range []struct {
		name string
		now  *Run
		want []string
	}{
		{"the same", example(), nil},
		{"better", set(example(), 0, cell(Ours, 0.3, 1)), nil},
		{"a little worse", set(example(), 0, cell(Ours, 0.57, 1)), nil},
		{"worse", set(example(), 0, cell(Ours, 0.75, 1)), []string{"static: 0.75 × handwritten, was 0.50 (+50 %)"}},
		{"worse, perhaps", set(example(), 0, cell(Ours, 0.6, 1)),
			[]string{"static: 0.60 × handwritten, was 0.50 (+20 %), but the quartiles overlap: 0.54–0.66, were 0.45–0.55"}},
		{"an allocation", set(example(), 1, cell(Ours, 0.72, 10)), []string{"full: 10 allocations, were 9"}},
		{"missing", without, []string{"upload: was not measured"}},
		{"load", load, []string{"load of full: 1.20 × handwritten, was 0.90 (+33 %)"}},
	} {
		if got := Compare(example(), test.now); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestMarkdown(t *testing.T) {
	got := example().Markdown()
	for _, want := range []string{
		"2026-08-01, a <fast> one, linux/amd64, 2 CPUs, go1.26.\nMeasured with gin-gonic/gin v1.12.0.\n",
		"| scenario | what | handwritten again | gongular | gin | gongular, fastest |\n|---|---|---:|---:|---:|---:|\n",
		"| static | constant | 1.01 (0.91–1.11) | **0.50** (0.45–0.55) | 3.00 (2.70–3.30) | 0.50 |\n",
		"| geometric mean | of static, full | 1.00 | **0.60** | 2.45 | 0.60 |\n",
		"| upload | 200, 20 KiB | 200, 20 KiB | 200, 20 KiB |\n",
		"| gongular | 0.90 (0.80–1.00) | 1.10 (1.00–1.20) | 55000 | 18.0 µs | 280 µs | 800 µs | 30 | 25 MiB |\n",
		"\n### WebSockets\n\n",
		"\n| idle, 2000 connections | KiB | 4.40 | – |",
		"### bench/validate\n\n| benchmark | figures |\n|---|---|\n| Ratio/typical | allocs 0, ours/byhand 3.7 |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	quick := example()
	quick.Quick = true
	if !strings.Contains(quick.Markdown(), "go1.26, a quick run.\n") {
		t.Error("a quick run does not say so")
	}
}

func TestInsert(t *testing.T) {
	text := "before\n" + tablesBegin + "old\n" + tablesEnd + "after\n"
	got, err := Insert(text, example())
	if err != nil || got != "before\n"+tablesBegin+example().Markdown()+tablesEnd+"after\n" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, text := range []string{"", tablesBegin, tablesEnd + tablesBegin} {
		if _, err := Insert(text, example()); err == nil {
			t.Errorf("no error for %q", text)
		}
	}
}

// The chart is well-formed, has a bar and a figure for each contender but the
// baseline in each scenario and for the mean, and cuts what is too long.
func TestSVG(t *testing.T) {
	got := example().SVG()
	dec := xml.NewDecoder(strings.NewReader(got))
	bars := 0
	for {
		token, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			bars++
		}
	}
	if want := 1 + 2 + 2*(3+1); bars != want { // the ground, the legend, the bars
		t.Errorf("%d rectangles, want %d", bars, want)
	}
	for _, want := range []string{">0.50</text>", ">3.00 →</text>", "a &lt;fast&gt; one", "prefers-color-scheme: dark", ">upload</text>"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// The figures that are committed, the tables of PERFORMANCE.md and the chart are
// those of one run.
func TestCommitted(t *testing.T) {
	run, err := Read("report.json")
	if err != nil {
		t.Fatal(err)
	}
	if run.Quick || run.Scenario("full") == nil || len(run.Load) == 0 {
		t.Error("report.json is not of a whole run")
	}
	for file, want := range map[string]string{"report.md": run.Markdown(), "chart.svg": run.SVG()} {
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is of another run than report.json; go run ./cmd/report -redraw", file)
		}
	}
	text, err := os.ReadFile("../../PERFORMANCE.md")
	if err != nil {
		t.Fatal(err)
	}
	if whole, err := Insert(string(text), run); err != nil || whole != string(text) {
		t.Errorf("the tables of PERFORMANCE.md are of another run than report.json (%v); go run ./cmd/report -redraw", err)
	}
}
