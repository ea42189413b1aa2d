package results

import "fmt"

// Tolerance is how much a ratio may get worse before it is named.
const Tolerance = 0.15

// Compare says which scenarios of ours got worse from old to now, by more than
// the tolerance, and which are missing: for a person to judge. A ratio got
// worse if its median did; where the quartiles still overlap, it says so.
func Compare(old, now *Run) []string {
	var worse []string
	say := func(name string, before, after Spread) {
		if after.Median <= before.Median*(1+Tolerance) {
			return
		}
		text := fmt.Sprintf("%s: %.2f × %s, was %.2f (%+.0f %%)", name, after.Median, Baseline, before.Median, 100*(after.Median/before.Median-1))
		if after.Q1 <= before.Q3 {
			text += fmt.Sprintf(", but the quartiles overlap: %.2f–%.2f, were %.2f–%.2f", after.Q1, after.Q3, before.Q1, before.Q3)
		}
		worse = append(worse, text)
	}
	for _, s := range old.Scenarios {
		before, ok := s.Cell(Ours)
		if !ok {
			continue
		}
		var after Cell
		if other := now.Scenario(s.Name); other != nil {
			after, ok = other.Cell(Ours)
		} else {
			ok = false
		}
		if !ok {
			worse = append(worse, s.Name+": was not measured")
			continue
		}
		say(s.Name, before.Ratio, after.Ratio)
		if after.Allocs > before.Allocs+0.5 {
			worse = append(worse, fmt.Sprintf("%s: %.0f allocations, were %.0f", s.Name, after.Allocs, before.Allocs))
		}
	}
	for _, l := range old.Load {
		for _, other := range now.Load {
			if other.Name != l.Name {
				continue
			}
			for _, before := range l.Cells {
				for _, after := range other.Cells {
					if before.Name == Ours && after.Name == Ours {
						say("load of "+l.Name, before.Ratio, after.Ratio)
					}
				}
			}
		}
	}
	return worse
}
