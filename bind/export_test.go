package bind

import (
	"fmt"
	"iter"
	"reflect"
)

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

// TakesAsItSets gives field i of two new structs the text, one directly and one by
// its setter, and reports whether the first was taken, and fails if they differ.
func (p *Plan) TakesAsItSets(i int, s string, t reflect.Type) (taken bool, err error) {
	f := &p.fields[i]
	direct, set := reflect.New(t).Elem(), reflect.New(t).Elem()
	taken = f.take(direct, s)
	switch err := f.set(f.in(set), s); {
	case taken && err != nil:
		return taken, fmt.Errorf("%s takes %q, which its setter refuses: %w", f.name, s, err)
	case !taken && !direct.IsZero():
		return taken, fmt.Errorf("%s does not take %q, but is changed: %+v", f.name, s, direct)
	case taken && direct.Interface() != set.Interface():
		return taken, fmt.Errorf("%s of %q: %+v directly, %+v by its setter", f.name, s, direct, set)
	}
	return taken, nil
}
