package validate

import "time"

// Rules about moments and positions.

// isRFC3339 takes what time.Parse takes in the layout time.RFC3339. Next to
// RFC 3339, section 5.6, that is laxer (a comma before the fraction, one digit of the
// hour, offsets up to 24:60) and stricter (no small t and z, no leap second).
func isRFC3339(s string) bool { return isTime(time.RFC3339, s) }

// isRFC3339WithoutZone is isRFC3339 without Z or offset at the end.
func isRFC3339WithoutZone(s string) bool { return isTime("2006-01-02T15:04:05", s) }

// isDate takes the full-date of RFC 3339, section 5.6: a day that exists, in the
// Gregorian calendar for all years from 0000.
func isDate(s string) bool { return isTime(time.DateOnly, s) }

func isTime(layout, s string) bool {
	_, err := time.Parse(layout, s)
	return err == nil
}

// isLatitude takes degrees from -90 to 90, isLongitude from -180 to 180, in
// decimal: an optional sign, digits without leading zeros, and optionally a
// point with digits. There are no minutes, and no letters for north and east.
func isLatitude(s string) bool  { return isDegrees(s, 90) }
func isLongitude(s string) bool { return isDegrees(s, 180) }

func isDegrees(s string, most int) bool {
	i := skipSign(s, 0)
	end := skipInteger(s, i)
	if end == i || end > i+3 {
		return false
	}
	degrees := 0
	for ; i < end; i++ {
		degrees = 10*degrees + int(s[i]-'0')
	}
	if i == len(s) {
		return degrees <= most
	}
	if s[i] != '.' || i+1 == len(s) {
		return false
	}
	for _, c := range []byte(s[i+1:]) {
		if !isDigit(c) || degrees == most && c != '0' {
			return false
		}
	}
	return degrees <= most
}
