package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strconv"
)

// magic is the first line of a log. A log is born by a rename, with this line
// in it, so that no crash can leave a log without.
const magic = "bookstore log 1\n"

// A record is a line: the length of its JSON and the CRC-32C of it, both in
// eight hexadecimal digits, and the JSON, which is a list of changes.
//
// Invariant: the JSON has neither newlines nor zero bytes, since encoding/json
// escapes them. Thus a newline ends a record and does nothing else, and a zero
// byte is one that was never written.
const (
	lengthLen = 8
	headLen   = len("00000000 00000000 ")

	// maxRecord limits the JSON of a record. It fits in eight digits, and in
	// an int everywhere.
	maxRecord = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendHead appends what stands before the JSON text in a record.
func appendHead(b, text []byte) []byte {
	return fmt.Appendf(b, "%08x %08x ", len(text), crc32.Checksum(text, castagnoli))
}

func appendRecord(b, text []byte) []byte {
	b = appendHead(b, text)
	b = append(b, text...)
	return append(b, '\n')
}

// recordLen returns how long the record at the start of data says it is.
func recordLen(data []byte) (n int, ok bool) {
	if len(data) < headLen {
		return 0, false
	}
	u, err := strconv.ParseUint(string(data[:lengthLen]), 16, 32)
	if err != nil || u > maxRecord {
		return 0, false
	}
	return headLen + int(u) + len("\n"), true
}

// cutRecord returns the JSON of the record at the start of data, and what is
// behind the record. It reports whether there is a record without a fault.
func cutRecord(data []byte) (text, rest []byte, ok bool) {
	n, ok := recordLen(data)
	if !ok || n > len(data) || data[n-1] != '\n' {
		return nil, nil, false
	}
	text = data[headLen : n-1]
	var head [headLen]byte
	if !bytes.Equal(data[:headLen], appendHead(head[:0], text)) {
		return nil, nil, false
	}
	return text, data[n:], true
}

// torn reports whether data, which does not start with a good record, can be
// what a crash made of the last one. That was not synced, and so not
// acknowledged. All records before it were, so it stands alone.
//
//	0000004d 9a62           the file ends too early
//	0000\0\0\0\0\0\0\0\0    the file has grown, but its data has not arrived
func torn(data []byte) bool {
	if bytes.IndexByte(data, 0) < 0 {
		n, ok := recordLen(data)
		short := len(data) < headLen || ok && n > len(data)
		return short && bytes.IndexByte(data, '\n') < 0
	}
	for i := range data {
		if _, _, ok := cutRecord(data[i:]); ok {
			return false
		}
	}
	return true
}

// replay applies the log in data to t. It returns how much of data is good,
// which is all but a torn last record. Other damage is an error.
func replay(data []byte, t *table) (good int, err error) {
	rest, ok := bytes.CutPrefix(data, []byte(magic))
	if !ok {
		return 0, damaged(0, "this is not the start of a bookstore log")
	}
	for len(rest) > 0 {
		good = len(data) - len(rest)
		text, after, ok := cutRecord(rest)
		if !ok && torn(rest) {
			return good, nil
		}
		if !ok {
			return 0, damaged(good, "length, checksum and content do not agree")
		}
		var changes []change
		if err := json.Unmarshal(text, &changes); err != nil {
			return 0, damaged(good, err.Error())
		}
		for _, c := range changes {
			if !c.known() {
				return 0, damaged(good, "unknown change")
			}
			if c.Put != nil {
				c.Put.index()
			}
			t.apply(c)
		}
		rest = after
	}
	return len(data), nil
}

func damaged(offset int, reason string) error {
	return fmt.Errorf("damaged at offset %d: %s", offset, reason)
}

// known reports whether apply knows what to do.
func (c change) known() bool {
	if c.Put != nil {
		return c.Put.Book.ID > 0 && c.Put.Book.Cover == (c.Put.Cover != nil)
	}
	return c.Delete > 0 || c.Last > 0
}

// appendLog appends the shortest log that adds up to t.
func (t *table) appendLog(b []byte) []byte {
	b = append(b, magic...)
	for _, id := range slices.Sorted(maps.Keys(t.books)) {
		b = appendChange(b, change{Put: t.books[id]})
	}
	if t.books[t.last] == nil && t.last > 0 {
		b = appendChange(b, change{Last: t.last})
	}
	return b
}

func appendChange(b []byte, c change) []byte {
	text, err := json.Marshal([]change{c})
	if err != nil {
		panic(fmt.Sprintf("BUG: %v in a change that was read or written before", err))
	}
	return appendRecord(b, text)
}
