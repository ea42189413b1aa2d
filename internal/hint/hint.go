// Package hint finds what somebody probably meant.
package hint

import (
	"strings"
	"unicode/utf8"
)

// Nearest returns the known name that is most like name, or "" where none is
// like it: at most a third of its letters may differ. The first of several wins.
func Nearest(name string, known []string) string {
	best, most := "", max(1, utf8.RuneCountInString(name)/3)+1
	for _, k := range known {
		if strings.EqualFold(k, name) {
			return k
		}
		if d := distance(name, k, most); d < most {
			best, most = k, d
		}
	}
	return best
}

// distance is the number of edits between a and b (Levenshtein), or most if
// there are as many or more.
func distance(a, b string, most int) int {
	if len(a) > 64 || len(b) > 64 {
		return most
	}
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			cost := diagonal
			if x[i] != y[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return min(row[len(y)], most)
}
