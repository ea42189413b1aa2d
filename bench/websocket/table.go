package websocket

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
	b.WriteString(".\n\n| medians | unit |")
	for _, name := range contenders {
		fmt.Fprintf(&b, " %s |", name)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---:|", len(contenders)) + "\n")
	for _, c := range r.Cells {
		fmt.Fprintf(&b, "| %s | %s |", c.name(), c.Unit)
		for _, name := range contenders {
			if s, ok := c.Figures[name]; ok {
				fmt.Fprintf(&b, " %s |", figure(s.Median))
			} else {
				b.WriteString(" – |")
			}
		}
		b.WriteByte('\n')
	}
	for _, c := range r.Cells {
		if c.Kind == "idle" {
			fmt.Fprintf(&b, "\nAn idle connection of ours that keeps the request of its handshake takes %s KiB, and %s KiB if its handler does not return.\n",
				figure(c.Figures[oursRequest].Median), figure(c.Figures[oursHandler].Median))
		}
	}
	b.WriteString("\n| ratio of ours to another's | with | quartiles | median | bar | met |\n|---|---|---|---:|---:|---|\n")
	for _, bar := range r.Bars {
		met := "yes"
		if !bar.Met {
			met = "**no**"
		}
		fmt.Fprintf(&b, "| %s | %s / %s | %.3f–%.3f | %.3f | %.2f | %s |\n",
			bar.Name, bar.Ours, bar.Other, bar.Ratio.Low, bar.Ratio.High, bar.Ratio.Median, bar.Limit, met)
	}
	return b.String()
}

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
