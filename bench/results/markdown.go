package results

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Markdown is the run as tables.
func (r *Run) Markdown() string {
	var b strings.Builder
	kind := ""
	if r.Quick {
		kind = ", a quick run"
	}
	fmt.Fprintf(&b, "%s, %s, %s, %d CPUs, %s%s.\n", r.Date, r.CPU, r.System, r.CPUs, r.Go, kind)
	if len(r.Versions) > 0 {
		var versions []string
		for _, module := range slices.Sorted(maps.Keys(r.Versions)) {
			versions = append(versions, strings.TrimPrefix(module, "github.com/")+" "+r.Versions[module])
		}
		fmt.Fprintf(&b, "Measured with %s.\n", strings.Join(versions, ", "))
	}
	r.ratios(&b)
	r.costs(&b)
	for _, l := range r.Load {
		l.markdown(&b)
	}
	if r.WebSocket != nil {
		b.WriteString("\n### WebSockets\n\n" + r.WebSocket.Markdown())
	}
	r.more(&b)
	return b.String()
}

// contenders are the names in the order of the first scenario, without the
// baseline itself, which is 1 everywhere.
func (r *Run) contenders() []string {
	var names []string
	if len(r.Scenarios) > 0 {
		for _, c := range r.Scenarios[0].Cells {
			if c.Name != Baseline {
				names = append(names, c.Name)
			}
		}
	}
	return names
}

func (r *Run) ratios(b *strings.Builder) {
	names := r.contenders()
	fmt.Fprintf(b, "\n### CPU time, × %s\n\nIn process, the median of interleaved rounds and, in brackets, its quartiles. Less is better. The last column has, instead of medians, the fastest rounds of both, which a busy machine disturbs least.\n\n", Baseline)
	row(b, append(append([]string{"scenario", "what"}, names...), Ours+", fastest"))
	rule(b, 2, len(names)+1)
	for _, s := range r.Scenarios {
		cells := []string{s.Name, s.What}
		for _, name := range names {
			c, _ := s.Cell(name)
			text := fmt.Sprintf("%.2f (%.2f–%.2f)", c.Ratio.Median, c.Ratio.Q1, c.Ratio.Q3)
			if name == Ours {
				text = fmt.Sprintf("**%.2f** (%.2f–%.2f)", c.Ratio.Median, c.Ratio.Q1, c.Ratio.Q3)
			}
			cells = append(cells, text)
		}
		ours, _ := s.Cell(Ours)
		row(b, append(cells, fmt.Sprintf("%.2f", ours.Least)))
	}
	mean := []string{"geometric mean", "of " + strings.Join(r.meant(), ", ")}
	for _, name := range names {
		text := fmt.Sprintf("%.2f", r.GeoMean(name))
		if name == Ours {
			text = "**" + text + "**"
		}
		mean = append(mean, text)
	}
	row(b, append(mean, fmt.Sprintf("%.2f", r.geoMean(Ours, func(c Cell) float64 { return c.Least }))))
}

func (r *Run) meant() []string {
	var names []string
	for _, s := range r.Scenarios {
		if s.Mean {
			names = append(names, s.Name)
		}
	}
	return names
}

func (r *Run) costs(b *strings.Builder) {
	names := append([]string{Baseline}, r.contenders()...)
	names = slices.DeleteFunc(names, func(name string) bool { return name == Again })
	fmt.Fprint(b, "\n### Allocations and bytes of a request\n\nWithout those of the harness.\n\n")
	row(b, append([]string{"scenario"}, names...))
	rule(b, 1, len(names))
	for _, s := range r.Scenarios {
		cells := []string{s.Name}
		for _, name := range names {
			c, _ := s.Cell(name)
			cells = append(cells, fmt.Sprintf("%.0f, %s", c.Allocs, size(c.Bytes)))
		}
		row(b, cells)
	}
}

func size(bytes float64) string {
	if bytes >= 10_000 {
		return fmt.Sprintf("%.0f KiB", bytes/1024)
	}
	return fmt.Sprintf("%.0f B", bytes)
}

func (l *Load) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n### Under load: %s\n\nOver loopback, %d connections, client and server on the same CPUs. The ratios are to %s; medians of %d rounds.\n\n", l.Name, l.Connections, Baseline, l.Rounds)
	row(b, []string{"contender", "CPU time ×", "requests/s ×", "requests/s", "CPU of a request", "p50", "p99", "allocations", "RSS"})
	rule(b, 1, 8)
	for _, c := range l.Cells {
		row(b, []string{
			c.Name,
			fmt.Sprintf("%.2f (%.2f–%.2f)", c.Ratio.Median, c.Ratio.Q1, c.Ratio.Q3),
			fmt.Sprintf("%.2f (%.2f–%.2f)", c.Rate.Median, c.Rate.Q1, c.Rate.Q3),
			fmt.Sprintf("%.0f", c.PerSec),
			fmt.Sprintf("%.1f µs", c.CPU/1000),
			fmt.Sprintf("%.0f µs", c.P50),
			fmt.Sprintf("%.0f µs", c.P99),
			fmt.Sprintf("%.0f", c.Allocs),
			fmt.Sprintf("%.0f MiB", c.RSS),
		})
	}
}

func (r *Run) more(b *strings.Builder) {
	for i, m := range r.More {
		if i == 0 || m.Package != r.More[i-1].Package {
			fmt.Fprintf(b, "\n### bench/%s\n\n", m.Package)
			row(b, []string{"benchmark", "figures"})
			rule(b, 2, 0)
		}
		var figures []string
		for _, unit := range slices.Sorted(maps.Keys(m.Metrics)) {
			figures = append(figures, fmt.Sprintf("%s %.4g", unit, m.Metrics[unit]))
		}
		row(b, []string{m.Name, strings.Join(figures, ", ")})
	}
}

func row(b *strings.Builder, cells []string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// rule is the line under a table's head: texts on the left, figures on the right.
func rule(b *strings.Builder, texts, figures int) {
	b.WriteString("|" + strings.Repeat("---|", texts) + strings.Repeat("---:|", figures) + "\n")
}

// The marks between which PERFORMANCE.md has the tables.
const (
	tablesBegin = "<!-- tables: go run ./cmd/report -->\n"
	tablesEnd   = "<!-- end of tables -->\n"
)

// Insert returns text with the tables of the run between the marks.
func Insert(text string, r *Run) (string, error) {
	before, rest, ok := strings.Cut(text, tablesBegin)
	if !ok {
		return "", fmt.Errorf("no line %q", strings.TrimSpace(tablesBegin))
	}
	_, after, ok := strings.Cut(rest, tablesEnd)
	if !ok {
		return "", fmt.Errorf("no line %q", strings.TrimSpace(tablesEnd))
	}
	return before + tablesBegin + r.Markdown() + tablesEnd + after, nil
}
