package msgpack

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
)

// encodeMapOf encodes a map whose values write takes as they are.
func encodeMapOf[V any](e *encoder, m map[string]V, write func(*encoder, V) error) error {
	if m == nil {
		e.nil()
		return nil
	}
	if tooLong(len(m)) {
		return lengthError("map", len(m))
	}
	if err := e.enter(reflect.TypeFor[map[string]V]()); err != nil {
		return err
	}
	e.buf = appendMapHead(e.buf, len(m))
	first := len(e.keys)
	for key := range m {
		e.keys = append(e.keys, key)
	}
	last := len(e.keys)
	slices.Sort(e.keys[first:])
	for i := first; i < last; i++ {
		key := e.keys[i] // the maps inside use e.keys as well
		if err := e.str(key); err != nil {
			return err
		}
		if err := write(e, m[key]); err != nil {
			return under(err, pathKey(key))
		}
	}
	clear(e.keys[first:last])
	e.keys = e.keys[:first]
	e.depth--
	return nil
}

// An entry is a key and its value, encoded as buf[start:end]. Keys are ordered
// by rank, then number, then text. No two that are encoded alike compare as
// different.
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
	rankText
)

func (a entry) compare(b entry) int {
	if a.rank != b.rank {
		return cmp.Compare(a.rank, b.rank)
	}
	if a.rank == rankText {
		return cmp.Compare(a.text, b.text)
	}
	return cmp.Compare(a.number, b.number)
}

// encodeMap encodes a map that only reflection can walk: in the order it comes
// in, which is then put right in buf.
func encodeMap(elem *plan) encodeFunc {
	return func(e *encoder, v reflect.Value) error {
		if v.IsNil() {
			e.nil()
			return nil
		}
		if tooLong(v.Len()) {
			return lengthError("map", v.Len())
		}
		t := v.Type()
		if err := e.enter(t); err != nil {
			return err
		}
		e.buf = appendMapHead(e.buf, v.Len())
		first := len(e.entries)
		key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		for iter := v.MapRange(); iter.Next(); {
			key.SetIterKey(iter)
			value.SetIterValue(iter)
			n := entry{start: len(e.buf)}
			if err := e.key(&n, key, t); err != nil {
				return err
			}
			if err := elem.encode(e, value); err != nil {
				return under(err, pathKey(fmt.Sprint(key.Interface())))
			}
			n.end = len(e.buf)
			e.entries = append(e.entries, n)
		}
		err := e.sortEntries(first, t)
		clear(e.entries[first:])
		e.entries = e.entries[:first]
		e.depth--
		return err
	}
}

// key encodes a key of a map of type t, and notes in n how it is ordered.
func (e *encoder) key(n *entry, key reflect.Value, t reflect.Type) error {
	if key.Kind() == reflect.Interface {
		key = key.Elem()
	}
	switch key.Kind() {
	case reflect.Invalid:
		n.rank = rankNil
		e.nil()
		return nil
	case reflect.Bool:
		n.rank = rankBool
		if key.Bool() {
			n.number = 1
		}
		return encodeBool(e, key)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n.rank, n.number = rankNatural, uint64(key.Int())
		if key.Int() < 0 {
			n.rank = rankNegative
		}
		return encodeInt(e, key)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		n.rank, n.number = rankNatural, key.Uint()
		return encodeUint(e, key)
	case reflect.Float32, reflect.Float64:
		if key.Float() != key.Float() {
			return unfit(t, "NaN cannot be a key")
		}
		n.rank, n.number = rankFloat, orderedFloat(key.Float())
		if key.Kind() == reflect.Float32 {
			return encodeFloat32(e, key)
		}
		return encodeFloat64(e, key)
	case reflect.String:
		n.rank, n.text = rankText, validText(key.String())
		return e.str(n.text)
	}
	return unfit(t, fmt.Sprintf("%v cannot be a key", key.Type()))
}

// orderedFloat returns numbers in the order of the floats.
func orderedFloat(f float64) uint64 {
	bits := math.Float64bits(f + 0) // no -0
	if bits>>63 == 1 {
		return ^bits
	}
	return bits | 1<<63
}

// sortEntries brings the entries from first on into order, and their bytes,
// which are the last in buf. Two keys of a map[any]any may be one in
// MessagePack: int(1) and uint8(1).
func (e *encoder) sortEntries(first int, t reflect.Type) error {
	entries := e.entries[first:]
	if len(entries) < 2 {
		return nil
	}
	start := entries[0].start
	if !slices.IsSortedFunc(entries, entry.compare) {
		slices.SortFunc(entries, entry.compare)
		e.moved = append(e.moved[:0], e.buf[start:]...)
		e.buf = e.buf[:start]
		for _, n := range entries {
			e.buf = append(e.buf, e.moved[n.start-start:n.end-start]...)
		}
	}
	for i := range entries[1:] {
		if a, b := &entries[i], &entries[i+1]; a.compare(*b) == 0 {
			return unfit(t, "two of its keys are one in MessagePack")
		}
	}
	return nil
}
