package validate

import "strings"

// isHexColor takes 3 or 6 hexadecimal digits in either case, with or without #
// in front: the forms of CSS Color 4, section 5.2, that have no alpha channel.
func isHexColor(s string) bool {
	s = strings.TrimPrefix(s, "#")
	return (len(s) == 3 || len(s) == 6) && isHexadecimal(s)
}

// isRGBColor takes rgb(r,g,b) with numbers from 0 to 255 without leading zeros,
// and white space around these: the old syntax of CSS Color 4, in small letters,
// without percentages and alpha channel.
func isRGBColor(s string) bool {
	const begin = "rgb("
	if !strings.HasPrefix(s, begin) {
		return false
	}
	i := len(begin)
	for part := range 3 {
		if i = skipByte(s, skipSpaces(s, i)); i < 0 {
			return false
		}
		i = skipSpaces(s, i)
		if i == len(s) || s[i] != ",,)"[part] {
			return false
		}
		i++
	}
	return i == len(s)
}
