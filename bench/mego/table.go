package mego

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Markdown returns the results as tables.
func (r Results) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, %d CPUs, the servers on one of them", r.Go, r.System, r.CPUs)
	for _, path := range slices.Sorted(maps.Keys(r.Versions)) {
		fmt.Fprintf(&b, "; %s %s", path, r.Versions[path])
	}
	b.WriteString(".\n\n| connections × callers | who | calls/s | p50 | p99 | server's CPU for a call | mego's calls/s, ratio | mego's p99, ratio | mego's CPU, ratio |\n")
	b.WriteString("|---|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, c := range r.Cells {
		for _, name := range names {
			f := c.Figures[name]
			fmt.Fprintf(&b, "| %d × %d | %s | %.0f | %s µs | %s µs | %s µs |", c.Connections, c.Callers, name,
				f.PerSecond.Median, figure(f.P50.Median), figure(f.P99.Median), figure(f.CPU.Median))
			if ratio, ok := c.Ratios[name]; ok {
				fmt.Fprintf(&b, " %v | %v | %v |\n", ratio.PerSecond, ratio.P99, ratio.CPU)
			} else {
				b.WriteString(" | | |\n")
			}
		}
	}
	b.WriteString("\n| broadcast of package mego | until all have it | server's CPU for a subscriber |\n|---|---:|---:|\n")
	c := r.Casts
	fmt.Fprintf(&b, "| %d bytes to %d subscribers | %s ms (%s–%s) | %s µs |\n", c.Size, c.Subscribers,
		figure(c.All.Median), figure(c.All.Low), figure(c.All.High), figure(c.CPU.Median))
	return b.String()
}

// String returns the median and the quartiles.
func (s Spread) String() string { return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Low, s.High) }

// figure has three digits that count, or all before the point.
func figure(f float64) string {
	switch {
	case f >= 100:
		return fmt.Sprintf("%.0f", f)
	case f >= 10:
		return fmt.Sprintf("%.1f", f)
	default:
		return fmt.Sprintf("%.2f", f)
	}
}
