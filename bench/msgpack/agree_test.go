package msgpack_test

import (
	"bytes"
	"reflect"
	"testing"

	theirs "github.com/vmihailenco/msgpack/v5"

	"github.com/gongular/gongular/mego/msgpack"
)

// theirMarshal encodes as ours does: integers by value, keys in order.
func theirMarshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := theirs.NewEncoder(&b)
	e.UseCompactInts(true)
	e.SetSortMapKeys(true)
	err := e.Encode(v)
	return b.Bytes(), err
}

// theirUnmarshal decodes maps of any keys.
func theirUnmarshal(data []byte, v any) error {
	d := theirs.NewDecoder(bytes.NewReader(data))
	d.SetMapDecoder(func(d *theirs.Decoder) (any, error) { return d.DecodeUntypedMap() })
	return d.Decode(v)
}

// What one encodes the other decodes to the same value, and what both encode is
// the same to the byte.
func TestAgreeOnAny(t *testing.T) {
	for seed := range uint64(1000) {
		g := newGenerator(seed)
		g.exts = false // they have to be registered with theirs
		g.keys = seed%2 == 0
		v := g.any(0)
		want := describe(v)

		ours, err := msgpack.Marshal(v)
		must(t, err)
		var got any
		if err := theirUnmarshal(ours, &got); err != nil {
			t.Fatalf("seed %d: theirs cannot decode ours: %v", seed, err)
		}
		if d := describe(got); d != want {
			t.Fatalf("seed %d: theirs decodes ours\nto   %s\nfrom %s", seed, brief(d), brief(want))
		}

		code, err := theirMarshal(v)
		must(t, err)
		var back any
		if err := msgpack.Unmarshal(code, &back); err != nil {
			t.Fatalf("seed %d: ours cannot decode theirs: %v", seed, err)
		}
		if d := describe(back); d != want {
			t.Fatalf("seed %d: ours decodes theirs\nto   %s\nfrom %s", seed, brief(d), brief(want))
		}
		if !g.keys && !bytes.Equal(ours, code) {
			t.Fatalf("seed %d: ours encodes %s\nto  %s\nnot %s", seed, brief(want), brief(describe(ours)), brief(describe(code)))
		}
	}
}

// The same for structs.
func TestAgreeOnStructs(t *testing.T) {
	for seed := range uint64(500) {
		v := newGenerator(seed).account()
		ours, err := msgpack.Marshal(v)
		must(t, err)
		code, err := theirMarshal(v)
		must(t, err)
		if !bytes.Equal(ours, code) {
			t.Fatalf("seed %d: ours is %s\ntheirs is %s", seed, brief(describe(ours)), brief(describe(code)))
		}
		var a, b Account
		must(t, msgpack.Unmarshal(code, &a))
		must(t, theirs.Unmarshal(ours, &b))
		b.Since = b.Since.UTC() // theirs is local
		if !reflect.DeepEqual(a, v) || !reflect.DeepEqual(b, v) {
			t.Fatalf("seed %d:\nours   %.500v\ntheirs %.500v\nwant   %.500v", seed, a, b, v)
		}
	}
}

// The values that benchmarks encode are the same to both.
func TestAgreeOnScenarios(t *testing.T) {
	for _, s := range scenarios() {
		ours, err := msgpack.Marshal(s.value)
		must(t, err)
		a, b := s.into(), s.into()
		must(t, msgpack.Unmarshal(ours, a))
		must(t, theirs.Unmarshal(ours, b))
		fromOurs, err := msgpack.Marshal(a)
		must(t, err)
		fromTheirs, err := msgpack.Marshal(b)
		must(t, err)
		if !bytes.Equal(fromOurs, fromTheirs) {
			t.Errorf("%s: decoded differently", s.name)
		}
	}
}

// What is cut off both refuse, at every byte.
func TestAgreeOnTruncated(t *testing.T) {
	for seed := range uint64(200) {
		g := newGenerator(seed)
		g.exts = false
		data, err := msgpack.Marshal(g.any(0))
		must(t, err)
		if len(data) > 500 {
			continue
		}
		for n := range data {
			a, b := msgpack.Unmarshal(data[:n], new(any)), theirUnmarshal(data[:n], new(any))
			if a == nil || b == nil {
				t.Fatalf("%x: ours says %v, theirs %v", data[:n], a, b)
			}
		}
	}
}
