// Package hint finds what somebody probably meant.
package hint

import "strings"

// longest is the length in bytes of the longest name that is compared: names
// may come from clients.
const longest = 64

// Nearest returns the known name that was probably meant: the first of those
// with the fewest changed, missing, surplus or swapped bytes, case aside. It
// returns "" if that would be more than two, or a third of the name.
func Nearest(name string, known []string) string {
	if len(name) > longest {
		return ""
	}
	name = strings.ToLower(strings.TrimSpace(name))
	best, most := "", min(2, max(1, len(name)/3))
	for _, k := range known {
		if len(k) > longest {
			continue
		}
		if d := distance(name, strings.ToLower(k)); d <= most {
			best, most = k, d-1
		}
	}
	return best
}

// distance is the edit distance of a and b, with swapped neighbours as one edit.
func distance(a, b string) int {
	// Rows of the matrix: d[i%3][j] is the distance of a[:i] and b[:j].
	var d [3][]int
	for i := range d {
		d[i] = make([]int, len(b)+1)
	}
	for i := range len(a) + 1 {
		row, above, above2 := d[i%3], d[(i+2)%3], d[(i+1)%3]
		for j := range len(b) + 1 {
			if i == 0 || j == 0 {
				row[j] = i + j
				continue
			}
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], above2[j-2]+1)
			}
		}
	}
	return d[len(a)%3][len(b)]
}
