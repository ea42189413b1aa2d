package bind

import "iter"

// Members and Elements show the scanner of JSON to tests: with consume by
// passing over each value, without by leaving that to the scanner.
func Members(data []byte, consume bool) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		s := scanner{data: data}
		s.space()
		for name := range s.members() {
			if !yield(name, s.next(consume)) {
				return
			}
		}
	}
}

func Elements(data []byte, consume bool) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		s := scanner{data: data}
		s.space()
		for range s.elements() {
			if !yield(s.next(consume)) {
				return
			}
		}
	}
}

func (s *scanner) next(consume bool) []byte {
	ahead := *s
	raw := ahead.raw()
	if consume {
		*s = ahead
	}
	return raw
}

// TooDeep shows the count of nesting to tests.
func TooDeep(data []byte, limit int) bool { return tooDeep(data, limit) }
