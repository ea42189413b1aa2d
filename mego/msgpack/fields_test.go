package msgpack_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gongular/gongular/mego/msgpack"
)

// Embedded structs of all kinds. Deep, Wide and the like occur at several depths.
type (
	Deep struct {
		X, Deepest int
	}
	Left struct {
		Deep
		L, Both int
	}
	Right struct {
		R, Both int
		X       int
	}
	Middle struct {
		Deep
		M int
	}
	Lower  struct{ Middle }
	hidden struct {
		Shown  int
		secret int
	}
	Untagged struct{ Name int }
	Tagged   struct {
		N int `json:"Name"`
	}
	Self struct {
		*Self
		Own int
	}
	Number int
)

// 17.5: which fields a struct has, and what they are called, is what
// encoding/json says.
func TestEmbeddedAsInJSON(t *testing.T) {
	for _, v := range []any{
		struct{ Left }{}, struct {
			Left
			Right
		}{}, struct {
			*Left
			Right
		}{Left: &Left{}}, struct {
			Left
			Middle
		}{}, struct {
			Lower
			Left
		}{}, struct {
			*Left
			*Middle
			X int
		}{}, struct{ *Left }{}, struct{ hidden }{}, struct{ Number }{}, struct {
			Left `json:"left"`
			L    int
		}{}, struct {
			Untagged
			Tagged
		}{}, struct {
			Untagged
			Name string
		}{}, struct {
			A struct{ Left }
			B *Right `json:"b,omitempty"`
		}{}, Self{Self: &Self{}}, struct {
			Left  `json:"-"`
			Right `json:",omitempty"`
		}{}, struct {
			A int `json:"-,"`
			B int `json:"-"`
			C int `json:""`
			D int `json:",omitempty"`
			e int
		}{}, struct {
			L1 struct{ Deep }
			Deep
			Right
		}{}, struct {
			*hidden
			A int
		}{}, struct {
			X    int `json:"x"`
			Deep `json:"X"`
		}{},
	} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var want, got map[string]any
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		mustUnmarshal(t, mustMarshal(t, v), &got)
		if names, wantNames := namesOf(got), namesOf(want); !reflect.DeepEqual(names, wantNames) {
			t.Errorf("%T:\ngot  %v\nwant %v", v, names, wantNames)
		}
	}
}

// namesOf keeps the names of m, and those inside.
func namesOf(m map[string]any) map[string]any {
	names := map[string]any{}
	for key, x := range m {
		names[key] = nil
		if inner, ok := x.(map[string]any); ok {
			names[key] = namesOf(inner)
		}
	}
	return names
}

// 17.3: fields stand in the order they are declared, embedded ones where their
// struct is.
func TestFieldOrder(t *testing.T) {
	v := struct {
		Z int
		Left
		A int
		hidden
	}{}
	var got []string
	rest := mustMarshal(t, v)[1:]
	for len(rest) > 0 {
		n := int(rest[0] & 0x1f)
		got = append(got, string(rest[1:1+n]))
		rest = rest[n+2:]
	}
	wantEqual(t, strings.Join(got, " "), "Z X Deepest L Both A Shown")
}

// 17.5: names and options of the two tags.
func TestTags(t *testing.T) {
	v := struct {
		A int `msgpack:"a" json:"b"`
		B int `json:"bee"`
		C int
		D int    `msgpack:",omitempty" json:"dee"`
		E int    `msgpack:",omitempty" json:"-"`
		F int    `msgpack:"-" json:"f"`
		G int    `msgpack:"g" json:"-"`
		H int    `json:"h,omitempty,string"`
		I int    `json:",string"`
		J int    `msgpack:"-,"`
		K int    `msgpack:"" json:"kay"`
		L int    `codec:"ell"`
		M []int  `msgpack:"m,omitempty"`
		N *int   `json:"-"`
		O [0]int `msgpack:"o,omitempty"`
	}{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, []int{1}, nil, [0]int{}}
	want := map[string]any{"a": int64(1), "bee": int64(2), "C": int64(3), "dee": int64(4), "E": int64(5), "g": int64(7), "h": int64(8), "I": int64(9), "-": int64(10), "kay": int64(11), "L": int64(12), "m": []any{int64(1)}}
	var got map[string]any
	mustUnmarshal(t, mustMarshal(t, v), &got)
	wantEqual(t, got, want)
}

// 17.5: what omitempty leaves out.
func TestOmitEmpty(t *testing.T) {
	type options struct {
		A bool           `msgpack:",omitempty"`
		B int            `msgpack:",omitempty"`
		C uint           `msgpack:",omitempty"`
		D float64        `msgpack:",omitempty"`
		E string         `msgpack:",omitempty"`
		F []int          `msgpack:",omitempty"`
		G map[string]int `msgpack:",omitempty"`
		H *int           `msgpack:",omitempty"`
		I any            `msgpack:",omitempty"`
		J [0]int         `msgpack:",omitempty"`
		K []byte         `msgpack:",omitempty"`
	}
	for _, test := range []struct {
		v    any
		want string
	}{
		{options{}, "80"}, {&options{F: []int{}, G: map[string]int{}, K: []byte{}}, "80"},
		{options{A: true, H: ptr(0), I: 0}, "83a141c3a14800a14900"},
		{struct {
			T time.Time `msgpack:",omitempty"`
			P pair      `msgpack:",omitempty"`
			L [1]int    `msgpack:",omitempty"`
			N int
		}{T: time.Unix(0, 0)}, "84a154d6ff00000000a15082a14100a14200a14c9100a14e00"},
	} {
		wantBytes(t, mustMarshal(t, test.v), hx(test.want))
	}
}

// 17.5: embedded pointers are left out where nil, and made where something is
// decoded into them; unexported ones cannot be made.
func TestEmbeddedPointers(t *testing.T) {
	type outer struct {
		*Left
		A int
	}
	wantBytes(t, mustMarshal(t, outer{}), hx("81a14100"))
	var got outer
	mustUnmarshal(t, hx("82a14101a15802"), &got)
	wantEqual(t, got, outer{&Left{Deep: Deep{X: 2}}, 1})
	mustUnmarshal(t, hx("81a14c03"), &got) // the same struct is used again
	wantEqual(t, got, outer{&Left{Deep: Deep{X: 2}, L: 3}, 1})
	got = outer{}
	mustUnmarshal(t, hx("81a14101"), &got)
	if got.Left != nil {
		t.Error("the embedded struct was made for nothing")
	}
	type shy struct {
		*hidden
		A int
	}
	err := msgpack.Unmarshal(hx("82a14101a553686f776e02"), new(shy))
	wantErr(t, err, "msgpack: Shown: cannot decode integer 2 into int: it is in an embedded *msgpack_test.hidden, which is nil and not exported (byte 10)")
	filled := shy{hidden: &hidden{}}
	mustUnmarshal(t, hx("82a14101a553686f776e02"), &filled)
	wantEqual(t, filled.Shown, 2)
}

// 17.5: keys that differ in case find their field as strings.EqualFold would.
func TestFold(t *testing.T) {
	names := []string{"", "a", "A", "k", "K", "\u212a", "s", "S", "ſ", "ß", "ẞ", "ss", "é", "É", "e", "σ", "ς", "Σ", "İ", "i", "ı", "I", "ab", "aB", "\xff", "\xfe", "\ufffd", "日本", "ǆ", "ǅ", "Ǆ", "_", "`", "@"}
	for _, a := range names {
		for _, b := range names {
			if got, want := msgpack.Fold(a) == msgpack.Fold(b), strings.EqualFold(a, b); got != want {
				t.Errorf("%q and %q: got %v, want %v", a, b, got, want)
			}
		}
	}
	var v struct {
		Key int `msgpack:"Straße_k"`
	}
	mustUnmarshal(t, cat(hx("81 ac"), "STRAẞE_\u212a"[:12], hx("07")), &v)
	if v.Key != 7 {
		t.Error("no field was found")
	}
}

// The first field of names that differ in case only is that of keys in a third case.
func TestFoldedTwice(t *testing.T) {
	var v struct {
		A int `msgpack:"key"`
		B int `msgpack:"KEY"`
	}
	mustUnmarshal(t, hx("82 a34b6579 01 a34b4559 02"), &v)
	if v.A != 1 || v.B != 2 {
		t.Errorf("%+v", v)
	}
}

// Types that contain themselves, met by many goroutines at once, and used at once.
func TestConcurrentUse(t *testing.T) {
	type node struct {
		Name     string
		Children []*node
		Attrs    map[string]node
		Other    *tree
	}
	in := node{"a", []*node{{Name: "b"}}, map[string]node{"c": {Name: "d"}}, &tree{}}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 50 {
				data, err := msgpack.Marshal(in)
				if err != nil {
					t.Error(err)
					return
				}
				var got node
				if err := msgpack.Unmarshal(data, &got); err != nil || !reflect.DeepEqual(got, in) {
					t.Errorf("%+v, %v", got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
