package msgpack

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// encodeMapOf encodes a map whose values write takes as they are.
func encodeMapOf[V any](e *encoder, b []byte, m map[string]V, write func(*encoder, []byte, V) ([]byte, error)) ([]byte, error) {
	if m == nil {
		return append(b, codeNil), nil
	}
	err := e.enter(len(m), reflect.TypeFor[map[string]V]())
	if err != nil {
		return b, err
	}
	b = appendMapHead(b, len(m))
	first := len(e.keys)
	for key := range m {
		e.keys = append(e.keys, key)
	}
	firstPlace := len(e.places)
	e.sortKeys(e.keys[first:])
	for i := range len(m) { // by index, as maps inside this one use the same scratch
		key := e.keys[first+e.places[firstPlace+i].index]
		if b, err = e.str(b, key); err != nil {
			return b, err
		}
		if b, err = write(e, b, m[key]); err != nil {
			return b, under(err, pathKey(key))
		}
	}
	clear(e.keys[first:])
	e.keys, e.places = e.keys[:first], e.places[:firstPlace]
	e.depth--
	return b, nil
}

// A place says where a key is. Places are sorted instead of keys, since most
// often the number is all that has to be compared.
type place struct {
	number uint64
	index  int
}

// fewKeys is up to how many keys it is quicker to sort the keys themselves.
const fewKeys = 12

// sortKeys appends the places of the keys to e.places in the order of the keys.
func (e *encoder) sortKeys(keys []string) {
	if len(keys) <= fewKeys {
		slices.Sort(keys)
		for i := range keys {
			e.places = append(e.places, place{index: i})
		}
		return
	}
	common := commonPrefix(keys)
	first := len(e.places)
	for i, key := range keys {
		e.places = append(e.places, place{orderedText(key[common:]), i})
	}
	slices.SortFunc(e.places[first:], func(a, b place) int {
		if a.number != b.number {
			return cmp.Compare(a.number, b.number)
		}
		return strings.Compare(keys[a.index], keys[b.index])
	})
}

// commonPrefix returns how many bytes all keys have in common at their beginning.
func commonPrefix(keys []string) int {
	common := keys[0]
	for _, key := range keys[1:] {
		n := min(len(common), len(key))
		i := 0
		for i < n && common[i] == key[i] {
			i++
		}
		common = common[:i]
	}
	return len(common)
}

// An entry is a key and its value, encoded as [start:end] of the map. Keys are
// ordered by rank, then number, then text.
type entry struct {
	rank       rank
	number     uint64
	text       string
	start, end int
}

type rank uint8

const (
	rankNil rank = iota
	rankBool
	rankNegative // number is the int64
	rankNatural
	rankFloat // number is that of orderedFloat
	rankText  // number is that of orderedText
)

func (a *entry) compare(b *entry) int {
	switch {
	case a.rank != b.rank:
		return cmp.Compare(a.rank, b.rank)
	case a.number != b.number:
		return cmp.Compare(a.number, b.number)
	}
	return strings.Compare(a.text, b.text)
}

// encodeMap encodes a map that only reflection can walk: in the order it comes
// in, which is then put right in b.
func encodeMap(elem *plan) encodeFunc {
	return func(e *encoder, b []byte, v reflect.Value) ([]byte, error) {
		if v.IsNil() {
			return append(b, codeNil), nil
		}
		t := v.Type()
		err := e.enter(v.Len(), t)
		if err != nil {
			return b, err
		}
		b = appendMapHead(b, v.Len())
		first, start := len(e.entries), len(b)
		key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		for iter := v.MapRange(); iter.Next(); {
			key.SetIterKey(iter)
			value.SetIterValue(iter)
			n := entry{start: len(b) - start}
			if b, err = e.key(b, &n, key, t); err != nil {
				return b, err
			}
			if b, err = elem.encode(e, b, value); err != nil {
				return b, under(err, pathKey(fmt.Sprint(key.Interface())))
			}
			n.end = len(b) - start
			e.entries = append(e.entries, n)
		}
		err = e.sort(e.entries[first:], b[start:], t)
		clear(e.entries[first:])
		e.entries = e.entries[:first]
		e.depth--
		return b, err
	}
}

// key appends a key of a map of type t, and notes in n how it is ordered.
func (e *encoder) key(b []byte, n *entry, key reflect.Value, t reflect.Type) ([]byte, error) {
	if key.Kind() == reflect.Interface {
		key = key.Elem()
	}
	switch key.Kind() {
	case reflect.Invalid:
		n.rank = rankNil
		return append(b, codeNil), nil
	case reflect.Bool:
		n.rank = rankBool
		if key.Bool() {
			n.number = 1
		}
		return appendBool(b, key.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n.rank, n.number = rankNatural, uint64(key.Int())
		if key.Int() < 0 {
			n.rank = rankNegative
		}
		return appendInt(b, key.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		n.rank, n.number = rankNatural, key.Uint()
		return appendUint(b, key.Uint()), nil
	case reflect.Float32, reflect.Float64:
		f := key.Float()
		if f != f {
			return b, unfit(t, "NaN cannot be a key")
		}
		n.rank, n.number = rankFloat, orderedFloat(f)
		if key.Kind() == reflect.Float32 {
			return appendFloat32(b, float32(f)), nil
		}
		return appendFloat64(b, f), nil
	case reflect.String:
		n.rank, n.text = rankText, key.String()
		n.number = orderedText(n.text)
		return e.str(b, n.text)
	}
	return b, unfit(t, fmt.Sprintf("%v cannot be a key", key.Type()))
}

// orderedFloat returns numbers in the order of the floats.
func orderedFloat(f float64) uint64 {
	bits := math.Float64bits(f + 0) // no -0
	if bits>>63 == 1 {
		return ^bits
	}
	return bits | 1<<63
}

// orderedText returns numbers in the order of the texts, as far as their first
// eight bytes tell.
func orderedText(s string) uint64 {
	var first [8]byte
	copy(first[:], s)
	return binary.BigEndian.Uint64(first[:])
}

// sort brings the entries of a map into order, and their bytes, which are all
// of b. Keys that are two in Go and one in MessagePack are an error: int(1) and
// uint8(1) in a map[any]any.
func (e *encoder) sort(entries []entry, b []byte, t reflect.Type) error {
	if len(entries) < 2 {
		return nil
	}
	order := e.order[:0]
	for i := range entries {
		order = append(order, i)
	}
	e.order = order
	slices.SortFunc(order, func(i, j int) int { return entries[i].compare(&entries[j]) })
	e.moved = append(e.moved[:0], b...)
	b = b[:0]
	for at, i := range order {
		n := &entries[i]
		if at > 0 && n.compare(&entries[order[at-1]]) == 0 {
			return unfit(t, "two of its keys are one in MessagePack")
		}
		b = append(b, e.moved[n.start:n.end]...)
	}
	return nil
}
