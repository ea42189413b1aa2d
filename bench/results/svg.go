package results

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// The measures of the chart, in pixels.
const (
	chartWidth = 860
	leftEdge   = 118 // of the bars; the scenarios' names stand before it
	rightEdge  = 800 // of the bars; figures stand behind it
	barHeight  = 8
	barGap     = 2
	groupGap   = 14
	headHeight = 96
	footHeight = 34
)

// shown is how many times the baseline a whole bar is; longer ones are cut.
const shown = 2.5

// Colours of the contenders in light and dark. They differ in lightness too.
var colours = map[string][2]string{
	Ours:   {"#0b6e4f", "#3ddc97"},
	"chi":  {"#5b7fb4", "#86a8dc"},
	"echo": {"#c98b2b", "#e6b35c"},
	"gin":  {"#8a5aa8", "#bb8fd6"},
	"huma": {"#b5494d", "#e5868a"},
}

// SVG is a chart of the CPU times in process: for each scenario a bar for each
// contender, and a line where the baseline is. It can be read on light and on
// dark ground.
func (r *Run) SVG() string {
	names := slices.DeleteFunc(r.contenders(), func(name string) bool { return name == Again })
	group := len(names)*(barHeight+barGap) + groupGap
	rows := len(r.Scenarios) + 1
	height := headHeight + rows*group + footHeight
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-labelledby="title">`+"\n", chartWidth, height, chartWidth, height)
	b.WriteString("<title id=\"title\">CPU time of a request, times that of hand-written code</title>\n<style>\n")
	b.WriteString("text { font: 12px system-ui, -apple-system, \"Segoe UI\", \"DejaVu Sans\", sans-serif; fill: #1f2933 }\n")
	b.WriteString(".ground { fill: #ffffff; stroke: #d5dbe1 }\n.title { font-size: 16px; font-weight: 600 }\n.soft { fill: #5d6b79 }\n.figure { font-size: 9px; fill: #5d6b79; stroke: #ffffff; stroke-width: 3px; paint-order: stroke }\n.ours { font-weight: 700; fill: #0b6e4f }\n")
	b.WriteString(".grid { stroke: #e4e8ec }\n.one { stroke: #1f2933; stroke-dasharray: 4 3 }\n")
	for i, name := range names {
		fmt.Fprintf(&b, ".c%d { fill: %s }\n", i, colour(name, 0))
	}
	b.WriteString("@media (prefers-color-scheme: dark) {\ntext { fill: #e3e8ee }\n.ground { fill: #14181d; stroke: #303840 }\n.soft, .figure { fill: #9aa7b4 }\n.figure { stroke: #14181d }\n.ours { fill: #3ddc97 }\n.grid { stroke: #262d35 }\n.one { stroke: #e3e8ee }\n")
	for i, name := range names {
		fmt.Fprintf(&b, ".c%d { fill: %s }\n", i, colour(name, 1))
	}
	b.WriteString("}\n</style>\n")
	fmt.Fprintf(&b, `<rect class="ground" x="0.5" y="0.5" width="%d" height="%d" rx="8"/>`+"\n", chartWidth-1, height-1)
	text(&b, 20, 30, "title", "CPU time of a request, × hand-written code (less is better)")
	text(&b, 20, 50, "soft", fmt.Sprintf("%s, %s, %s. Medians of interleaved rounds, a process for each.", r.CPU, r.Go, r.Date))
	x := 20
	for i, name := range names {
		fmt.Fprintf(&b, `<rect class="c%d" x="%d" y="64" width="12" height="12" rx="2"/>`+"\n", i, x)
		text(&b, x+18, 74, class(name, ""), name)
		x += 40 + 8*len(name)
	}
	top, bottom := headHeight-6, height-footHeight
	for tick := 0.0; tick <= shown; tick += 0.5 {
		line := "grid"
		if tick == 1 {
			line = "one"
		}
		fmt.Fprintf(&b, `<line class="%s" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`+"\n", line, place(tick), place(tick), top, bottom)
		fmt.Fprintf(&b, `<text class="soft" x="%.1f" y="%d" text-anchor="middle">%g</text>`+"\n", place(tick), bottom+18, tick)
	}
	y := headHeight
	draw := func(name string, ratio func(string) float64) {
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", leftEdge-8, y+(group-groupGap)/2+4, html.EscapeString(name))
		for i, who := range names {
			bar(&b, i, y+i*(barHeight+barGap), class(who, "figure"), ratio(who))
		}
		y += group
	}
	for _, s := range r.Scenarios {
		draw(s.Name, func(who string) float64 { c, _ := s.Cell(who); return c.Ratio.Median })
	}
	draw("mean of seven", r.GeoMean)
	b.WriteString("</svg>\n")
	return b.String()
}

func class(name, otherwise string) string {
	if name == Ours {
		return strings.TrimSpace(otherwise + " ours")
	}
	return otherwise
}

func colour(name string, theme int) string {
	if c, ok := colours[name]; ok {
		return c[theme]
	}
	return "#888888"
}

func place(ratio float64) float64 {
	return leftEdge + math.Min(ratio, shown)/shown*(rightEdge-leftEdge)
}

// bar draws one bar with its figure; one that is cut ends in an arrow.
func bar(b *strings.Builder, i, y int, class string, ratio float64) {
	if ratio <= 0 {
		return
	}
	end := place(ratio)
	fmt.Fprintf(b, `<rect class="c%d" x="%d" y="%d" width="%.1f" height="%d" rx="1.5"/>`+"\n", i, leftEdge, y, end-leftEdge, barHeight)
	figure := fmt.Sprintf("%.2f", ratio)
	if ratio > shown {
		figure += " →"
	}
	fmt.Fprintf(b, `<text class="%s" x="%.1f" y="%d">%s</text>`+"\n", class, end+4, y+barHeight, figure)
}

func text(b *strings.Builder, x, y int, class, s string) {
	fmt.Fprintf(b, `<text class="%s" x="%d" y="%d">%s</text>`+"\n", class, x, y, html.EscapeString(s))
}
