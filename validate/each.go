package validate

import (
	"reflect"
	"strconv"
)

// each: options about the elements of a collection, one by one.

// maxOfEach is how many refused elements of one field are reported.
const maxOfEach = 100

// A step leads from a collection to one of its elements.
type step struct {
	key   string
	index int
	in    uint8 // inList or inDict
}

func (s step) String() string {
	if s.in == inList {
		return strconv.Itoa(s.index)
	}
	return s.key
}

// eachOption is each as an option, for messages.
func eachOption() *option { return &option{text: "each", rule: "each"} }

// checkEach checks all elements of v, a list or map that is not empty. Unlike
// those of a tag's other options, errors have the path of the element.
func (w *walker) checkEach(n *node, v reflect.Value, at place) bool {
	if at.steps == maxDepth {
		return w.failDepth(at)
	}
	sent, limit, ok := w.sent, w.limit, true
	if at.each == 0 {
		w.limit = min(limit, len(w.errs)+maxOfEach)
	}
	at.steps++
	at.each++
	w.trail = append(w.trail, step{})
	last := len(w.trail) - 1
	if v.Kind() == reflect.Map {
		for _, e := range entries(v) {
			w.trail[last] = step{key: w.shownKey(e.key), in: inDict}
			w.sent = sentKey(sent, e.key)
			if !n.passes(e.value, int(at.structs)+1) && !w.check(n, e.value, at) {
				if ok = false; w.full() {
					break
				}
			}
		}
	} else {
		for i := range v.Len() {
			w.trail[last] = step{index: i, in: inList}
			w.sent = sentAt(sent, i)
			if e := v.Index(i); !n.passes(e, int(at.structs)+1) && !w.check(n, e, at) {
				if ok = false; w.full() {
					break
				}
			}
		}
	}
	w.trail, w.sent, w.limit = w.trail[:last], sent, limit
	return ok
}
