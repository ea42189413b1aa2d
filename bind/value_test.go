package bind_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular/bind"
)

type (
	count  int16
	name   string
	flag   bool
	blob   []byte
	level  uint8
	weight float32
)

// shout has a text method on its pointer, hush on its value.
type shout struct{ text string }

func (s *shout) UnmarshalText(text []byte) error {
	if len(text) > 5 {
		return errors.New("too loud")
	}
	s.text = strings.ToUpper(string(text))
	return nil
}

type hush map[string]bool

func (h hush) UnmarshalText(text []byte) error { return errors.New("ssh " + string(text)) }

// grade is a small number with a text of its own.
type grade uint8

func (g *grade) UnmarshalText(text []byte) error {
	i := strings.Index("abcdef", string(text))
	if i < 0 || len(text) != 1 {
		return errors.New("is no grade")
	}
	*g = grade(i + 1)
	return nil
}

// point is bound by a converter only.
type point struct{ X, Y int }

var converters = bind.Converters{
	reflect.TypeFor[point](): func(s string) (any, error) {
		var p point
		if _, err := fmt.Sscanf(s, "%d/%d", &p.X, &p.Y); err != nil {
			return nil, errors.New("is not a point like 1/2")
		}
		return p, nil
	},
	reflect.TypeFor[error](): func(s string) (any, error) {
		if s == "fine" {
			return nil, nil
		}
		return errors.New(s), nil
	},
	reflect.TypeFor[*big.Rat](): func(s string) (any, error) {
		r, ok := new(big.Rat).SetString(s)
		if !ok {
			return nil, errors.New("is not a fraction")
		}
		return r, nil
	},
}

const (
	notInteger  = "%s is not an integer"
	notNumber   = "%s is not a number"
	notBool     = "%s is not a boolean"
	notDuration = `%s is not a duration like "1m30s"`
)

var day = time.Date(2024, 2, 29, 12, 30, 0, 0, time.UTC)

// valueTests are texts for a field of the type of want, whatever the source.
var valueTests = []struct {
	in     string
	want   any    // the zero value where the text is refused
	reason string // "" for success; %s is the quoted text
	tag    string // beside the key
}{
	{"", 0, "", ""},
	{"0", 0, "", ""},
	{"-0", 0, "", ""},
	{"+7", 7, "", ""},
	{"007", 7, "", ""},
	{"9223372036854775807", math.MaxInt, "", ""},
	{"-9223372036854775808", math.MinInt, "", ""},
	{"9223372036854775808", 0, "%s is not in the range -9223372036854775808 to 9223372036854775807", ""},
	{"-9223372036854775809", 0, "%s is not in the range -9223372036854775808 to 9223372036854775807", ""},
	{"4294967296", 4294967296, "", ""},
	{"x", 0, notInteger, ""},
	{"1.5", 0, notInteger, ""},
	{"1e3", 0, notInteger, ""},
	{"0x10", 0, notInteger, ""},
	{"1_000", 0, notInteger, ""},
	{" 1", 0, notInteger, ""},
	{"١", 0, notInteger, ""},
	{"1\x00", 0, notInteger, ""},
	{strings.Repeat("9", 70), 0, `"` + strings.Repeat("9", 64) + `"… is not in the range -9223372036854775808 to 9223372036854775807`, ""},
	{strings.Repeat("x", 63) + "€x", 0, `"` + strings.Repeat("x", 63) + `"… is not an integer`, ""},

	{"127", int8(127), "", ""},
	{"-128", int8(-128), "", ""},
	{"128", int8(0), "%s is not in the range -128 to 127", ""},
	{"-129", int8(0), "%s is not in the range -128 to 127", ""},
	{"32767", int16(32767), "", ""},
	{"-32768", int16(-32768), "", ""},
	{"32768", int16(0), "%s is not in the range -32768 to 32767", ""},
	{"2147483647", int32(math.MaxInt32), "", ""},
	{"-2147483648", int32(math.MinInt32), "", ""},
	{"2147483648", int32(0), "%s is not in the range -2147483648 to 2147483647", ""},
	{"9223372036854775807", int64(math.MaxInt64), "", ""},
	{"9223372036854775808", int64(0), "%s is not in the range -9223372036854775808 to 9223372036854775807", ""},

	{"18446744073709551615", uint(math.MaxUint), "", ""},
	{"18446744073709551616", uint(0), "%s is not in the range 0 to 18446744073709551615", ""},
	{"-1", uint(0), "%s is not in the range 0 to 18446744073709551615", ""},
	{"-99999999999999999999", uint(0), "%s is not in the range 0 to 18446744073709551615", ""},
	{"+1", uint(0), notInteger, ""},
	{"-", uint(0), notInteger, ""},
	{"-x", uint(0), notInteger, ""},
	{"255", uint8(255), "", ""},
	{"256", uint8(0), "%s is not in the range 0 to 255", ""},
	{"65535", uint16(65535), "", ""},
	{"65536", uint16(0), "%s is not in the range 0 to 65535", ""},
	{"4294967295", uint32(math.MaxUint32), "", ""},
	{"4294967296", uint32(0), "%s is not in the range 0 to 4294967295", ""},
	{"18446744073709551615", uint64(math.MaxUint64), "", ""},
	{"18446744073709551616", uint64(0), "%s is not in the range 0 to 18446744073709551615", ""},
	{"", uint64(0), "", ""},

	{"1.5", 1.5, "", ""},
	{"-1e-3", -0.001, "", ""},
	{".5", 0.5, "", ""},
	{"1e400", 0.0, "%s is too large for a number of 64 bits", ""},
	{"1e39", float32(0), "%s is too large for a number of 32 bits", ""},
	{"0.1", float32(0.1), "", ""},
	{"1,5", 0.0, notNumber, ""},
	{"", 0.0, "", ""},

	{"true", true, "", ""},
	{"TRUE", true, "", ""},
	{"1", true, "", ""},
	{"yes", true, "", ""},
	{"Yes", true, "", ""},
	{"on", true, "", ""},
	{"oN", true, "", ""},
	{"false", false, "", ""},
	{"False", false, "", ""},
	{"0", false, "", ""},
	{"NO", false, "", ""},
	{"off", false, "", ""},
	{"", false, "", ""},
	{"t", false, notBool, ""},
	{"2", false, notBool, ""},
	{"true ", false, notBool, ""},

	{"", "", "", ""},
	{" a b ", " a b ", "", ""},
	{"a+b&c=d;%41", "a+b&c=d;%41", "", ""},
	{"été\x00\n", "été\x00\n", "", ""},
	{"abc", []byte("abc"), "", ""},
	{"", []byte{}, "", ""},

	{"2024-02-29T12:30:00Z", day, "", ""},
	{"2024-02-29T12:30:00.5Z", day.Add(time.Second / 2), "", ""},
	{"2023-02-29T12:30:00Z", time.Time{}, `%s is not a time like "2006-01-02T15:04:05Z"`, ""},
	{"2024-02-29", time.Time{}, `%s is not a time like "2006-01-02T15:04:05Z"`, ""},
	{"2024-02-29", time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), "", `layout:"2006-01-02"`},
	{"2024-02-30", time.Time{}, `%s is not a time like "2006-01-02"`, `layout:"2006-01-02"`},
	{"29.2.24", ptr(time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)), "", `layout:"2.1.06"`},
	{"", time.Time{}, "", ""},
	{"1h30m", 90 * time.Minute, "", ""},
	{"-1ns", -time.Nanosecond, "", ""},
	{"0", time.Duration(0), "", ""},
	{"1000", time.Duration(0), notDuration, ""},
	{"1 s", time.Duration(0), notDuration, ""},
	{"", time.Duration(0), "", ""},

	{"10.0.0.1", netip.MustParseAddr("10.0.0.1"), "", ""},
	{"10.0.0.0/8", netip.MustParsePrefix("10.0.0.0/8"), "", ""},
	{"10.0.0.256", netip.Addr{}, `ParseAddr("10.0.0.256"): IPv4 field has value >255`, ""},
	{"", netip.Addr{}, "", ""},
	{"hey", shout{"HEY"}, "", ""},
	{"heyheyhey", shout{}, "too loud", ""},
	{"hey", &shout{"HEY"}, "", ""},
	{"x", hush(nil), "ssh x", ""},
	{"b", grade(2), "", ""},
	{"12345678901234567890123", *bigInt("12345678901234567890123"), "", ""},

	{"7", count(7), "", ""},
	{"32768", count(0), "%s is not in the range -32768 to 32767", ""},
	{"bo", name("bo"), "", ""},
	{"ON", flag(true), "", ""},
	{"xyz", blob("xyz"), "", ""},
	{"200", level(200), "", ""},
	{"0.25", weight(0.25), "", ""},

	{"7", ptr(7), "", ""},
	{"0", ptr(0), "", ""},
	{"", (*int)(nil), "", ""},
	{"x", (*int)(nil), notInteger, ""},
	{"7", ptr(ptr(7)), "", ""},
	{"7", ptr(ptr(ptr(int8(7)))), "", ""},
	{"300", (**int8)(nil), "%s is not in the range -128 to 127", ""},
	{"", ptr(""), "", ""},
	{"", ptr([]byte{}), "", ""},
	{"no", ptr(false), "", ""},
	{"2024-02-29T12:30:00Z", &day, "", ""},
	{"::1", ptr(netip.MustParseAddr("::1")), "", ""},

	{"3/4", point{3, 4}, "", ""},
	{"3-4", point{}, "is not a point like 1/2", ""},
	{"", point{}, "", ""},
	{"3/4", &point{3, 4}, "", ""},
	{"1/3", big.NewRat(1, 3), "", ""},
	{"1/0", (*big.Rat)(nil), "is not a fraction", ""},
	{"", (*big.Rat)(nil), "", ""},

	{"a/b.txt", bind.SafePath("a/b.txt"), "", ""},
	{"/a/b.txt", bind.SafePath("a/b.txt"), "", ""},
	{"", bind.SafePath(""), "", ""},
	{"/", bind.SafePath(""), `"" is not a plain relative path`, ""},
	{".", bind.SafePath(""), `%s is not a plain relative path`, ""},
	{"..", bind.SafePath(""), `%s is not a plain relative path`, ""},
	{"a/../b", bind.SafePath(""), `%s is not a plain relative path`, ""},
	{"a/./b", bind.SafePath(""), `%s is not a plain relative path`, ""},
	{"a//b", bind.SafePath(""), `%s is not a plain relative path`, ""},
	{"a/", bind.SafePath(""), `%s is not a plain relative path`, ""},
	{"//a", bind.SafePath(""), `"/a" is not a plain relative path`, ""},
	{`a\b`, bind.SafePath(""), `%s is not a plain relative path`, ""},
	{"a\x00", bind.SafePath(""), `%s is not a plain relative path`, ""},
	{"a\xff", bind.SafePath(""), `%s is not a plain relative path`, ""},
	{"...", bind.SafePath("..."), "", ""},
}

func bigInt(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic(s)
	}
	return n
}

// Every type means the same in all sources.
func TestValue(t *testing.T) {
	for _, test := range valueTests {
		for _, d := range deliveries {
			for _, key := range []string{"V", "the-key"} {
				req := d.make(key, test.in)
				if req == nil {
					continue
				}
				t.Run(fmt.Sprintf("%T/%.20q/%s/%s", test.want, test.in, d.name, key), func(t *testing.T) {
					tag := test.tag
					if key != "V" {
						tag += fmt.Sprintf(" %s:%q", tagOf[d.src], key)
					}
					got := reflect.New(structOf(reflect.TypeOf(test.want), tag)).Elem()
					p, err := bind.Compile(got.Type(), d.src, converters)
					if err != nil {
						t.Fatal(err)
					}
					var want *bind.Error
					if test.reason != "" {
						wantKey := key
						if d.src == bind.Header && key != "V" {
							wantKey = "The-Key"
						}
						reason := strings.Replace(test.reason, "%s", fmt.Sprintf("%q", test.in), 1)
						want = &bind.Error{Place: d.src.Place(), FieldName: "V", Key: wantKey, Reason: reason}
					}
					checkError(t, bound(p, got, closeAfter(t, req)), want)
					if !reflect.DeepEqual(got.Field(0).Interface(), test.want) {
						t.Errorf("got %#v, want %#v", got.Field(0), test.want)
					}
				})
			}
		}
	}
}

func TestConverterOfInterface(t *testing.T) {
	type q struct{ A, B error }
	p, err := bind.Compile(reflect.TypeFor[q](), bind.Query, converters)
	if err != nil {
		t.Fatal(err)
	}
	got := q{A: errBroken}
	checkError(t, bound(p, reflect.ValueOf(&got).Elem(), query("A=fine&B=bad")), nil)
	if got.A != nil || got.B == nil || got.B.Error() != "bad" {
		t.Errorf("got %+v", got)
	}
}

// severalTests are values for a field of the type of want in the sources where
// a key may come more than once.
var severalTests = []struct {
	in     []string
	want   any
	reason string
	option string
}{
	{nil, []string(nil), "", ""},
	{[]string{""}, []string{""}, "", ""},
	{[]string{"a"}, []string{"a"}, "", ""},
	{[]string{"b", "a", "b"}, []string{"b", "a", "b"}, "", ""},
	{[]string{"a,b"}, []string{"a,b"}, "", ""},
	{[]string{"1", "", "3"}, []int{1, 3}, "", ""},
	{[]string{""}, []int(nil), "", ""},
	{[]string{"1", "x"}, nil, `"x" is not an integer`, ""},
	{[]string{"1", "2"}, []*int{ptr(1), ptr(2)}, "", ""},
	{[]string{"a", "bc"}, [][]byte{[]byte("a"), []byte("bc")}, "", ""},
	{[]string{"a", "c"}, []grade{1, 3}, "", ""},
	{[]string{"4", "5"}, []level{4, 5}, "", ""},
	{[]string{"on", "off"}, []bool{true, false}, "", ""},
	{[]string{"1s", "2m"}, []time.Duration{time.Second, 2 * time.Minute}, "", ""},
	{[]string{"1/2", "3/4"}, []point{{1, 2}, {3, 4}}, "", ""},
	{[]string{"10.0.0.1"}, []netip.Addr{netip.MustParseAddr("10.0.0.1")}, "", ""},

	{[]string{"1,2, 3 "}, []int{1, 2, 3}, "", "csv"},
	{[]string{"1,2", "3"}, []int{1, 2, 3}, "", "csv"},
	{[]string{"1,,2,"}, []int{1, 2}, "", "csv"},
	{[]string{"1,x"}, nil, `"x" is not an integer`, "csv"},
	{[]string{"a,,b"}, []string{"a", "", "b"}, "", "csv"},
	{[]string{"a", "b,c"}, []name{"a", "b", "c"}, "", "csv,optional"},

	// The first of several values counts.
	{[]string{"1", "2"}, 1, "", ""},
	{[]string{"1", "x"}, 1, "", ""},
	{[]string{"", "2"}, 2, "", ""},
	{[]string{"", "b"}, "", "", ""},
	{[]string{"a", "b"}, ptr("a"), "", ""},
}

func TestSeveralValues(t *testing.T) {
	for _, test := range severalTests {
		for _, d := range deliveries {
			req := d.make("k", test.in...)
			if d.src == bind.Param || req == nil {
				continue
			}
			typ := reflect.TypeFor[[]int]()
			if test.want != nil {
				typ = reflect.TypeOf(test.want)
			}
			t.Run(fmt.Sprintf("%v/%q/%s", typ, test.in, d.name), func(t *testing.T) {
				key := "k"
				if d.src == bind.Header {
					key = "K"
				}
				got := reflect.New(structOf(typ, fmt.Sprintf(`%s:"k,%s"`, tagOf[d.src], test.option))).Elem()
				p, err := bind.Compile(got.Type(), d.src, converters)
				if err != nil {
					t.Fatal(err)
				}
				var want *bind.Error
				if test.reason != "" {
					want = &bind.Error{Place: d.src.Place(), FieldName: "V", Key: key, Reason: test.reason}
				}
				checkError(t, bound(p, got, closeAfter(t, req)), want)
				if test.want != nil && !reflect.DeepEqual(got.Field(0).Interface(), test.want) {
					t.Errorf("got %#v, want %#v", got.Field(0), test.want)
				}
			})
		}
	}
}

func TestMap(t *testing.T) {
	type values struct {
		Filter map[string]int  `q:"f" form:"f"`
		Text   map[name]string `q:"t" form:"t"`
		F      int
	}
	bad := func(place, field, key, reason string) *bind.Error {
		return &bind.Error{Place: place, FieldName: field, Key: key, Reason: reason}
	}
	for _, test := range []struct {
		name    string
		in      []part
		want    values
		wantErr *bind.Error
	}{
		{"absent", nil, values{}, nil},
		{"members", []part{{"f[a]", "", "1"}, {"f[b]", "", "2"}, {"t[x]", "", "y"}}, values{Filter: map[string]int{"a": 1, "b": 2}, Text: map[name]string{"x": "y"}}, nil},
		{"first wins", []part{{"f[a]", "", "1"}, {"f[a]", "", "2"}}, values{Filter: map[string]int{"a": 1}}, nil},
		{"an empty number is none", []part{{"f[a]", "", ""}, {"f[a]", "", "2"}}, values{Filter: map[string]int{"a": 2}}, nil},
		{"an empty text counts", []part{{"t[a]", "", ""}}, values{Text: map[name]string{"a": ""}}, nil},
		{"an empty name", []part{{"t[]", "", "x"}}, values{Text: map[name]string{"": "x"}}, nil},
		{"wrong value", []part{{"f[a]", "", "x"}}, values{Filter: map[string]int{}}, bad("", "Filter.a", "f[a]", `"x" is not an integer`)},
		{"without a name", []part{{"f", "", "1"}}, values{}, bad("", "Filter", "f", "is given as f[name]=value")},
		{"unfinished", []part{{"f[a", "", "1"}}, values{}, nil},
		{"not a map", []part{{"F[a]", "", "1"}, {"g[a]", "", "1"}}, values{}, nil},
	} {
		for _, d := range deliveries {
			if d.src != bind.Query && d.src != bind.Form {
				continue
			}
			t.Run(test.name+"/"+d.name, func(t *testing.T) {
				var req *request
				if d.name == "multipart" {
					req = multipartForm(test.in...)
				} else {
					var pairs []string
					for _, p := range test.in {
						pairs = append(pairs, p.key+"="+p.content)
					}
					if req = query(strings.Join(pairs, "&")); d.src == bind.Form {
						req = form(strings.Join(pairs, "&"))
					}
				}
				want := test.wantErr
				if want != nil {
					want.Place = d.src.Place()
				}
				got, err := bindNew[values](t, d.src, closeAfter(t, req))
				checkError(t, err, want)
				if !reflect.DeepEqual(got, test.want) {
					t.Errorf("got %+v, want %+v", got, test.want)
				}
			})
		}
	}
}

type paging struct {
	Page, Size int
	hidden     string
}

type Sorting struct {
	By   string `q:"sort"`
	Desc bool   `q:"-"`
	paging
}

func TestEmbedded(t *testing.T) {
	type list struct {
		Sorting
		netip.Addr // a value of its own
		Q          string
		secret     int
		Ignored    chan int `q:"-"`
	}
	got, err := bindNew[list](t, bind.Query, query("Page=2&Size=5&sort=name&Desc=1&Q=x&Addr=::1&hidden=a&secret=7&Ignored=1"))
	checkError(t, err, nil)
	want := list{Sorting: Sorting{By: "name", paging: paging{Page: 2, Size: 5}}, Addr: netip.IPv6Loopback(), Q: "x"}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	_, err = bindNew[list](t, bind.Query, query("Page=x"))
	checkError(t, err, &bind.Error{Place: bind.PlaceQuery, FieldName: "Sorting.paging.Page", Key: "Page", Reason: `"x" is not an integer`})

	var keys []string
	for _, k := range mustCompile[list](t, bind.Query).Keys() {
		keys = append(keys, fmt.Sprint(k.Field, " ", k.Name, " ", k.Type))
	}
	wantKeys := []string{"Sorting.By sort string", "Sorting.paging.Page Page int", "Sorting.paging.Size Size int", "Addr Addr netip.Addr", "Q Q string"}
	if !reflect.DeepEqual(keys, wantKeys) {
		t.Errorf("got keys %q, want %q", keys, wantKeys)
	}
}

// What is absent stays as it was; what is present replaces it and never adds to it.
func TestPrototype(t *testing.T) {
	type values struct {
		N int
		S string
		P *int
		L []string
		M map[string]int
	}
	shared := values{1, "a", ptr(2), []string{"x", "y"}, map[string]int{"k": 1}}
	for _, test := range []struct {
		in   string
		want values
	}{
		{"", shared},
		{"N=&P=", shared},
		{"N=0&S=&P=0", values{0, "", ptr(0), shared.L, shared.M}},
		{"L=z&M[q]=2", values{1, "a", shared.P, []string{"z"}, map[string]int{"q": 2}}},
		{"L=z&L=z&L=z", values{1, "a", shared.P, []string{"z", "z", "z"}, shared.M}},
	} {
		got := shared
		checkError(t, bound(mustCompile[values](t, bind.Query), reflect.ValueOf(&got).Elem(), query(test.in)), nil)
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %+v, want %+v", test.in, got, test.want)
		}
		if *shared.P != 2 || shared.L[0] != "x" || shared.M["k"] != 1 || len(shared.M) != 1 {
			t.Fatalf("%s: the prototype was written: %+v", test.in, shared)
		}
	}
}

type defaults struct {
	N    int            `default:"20"`
	S    string         `default:"a,b"`
	B    bool           `default:"yes"`
	F    float64        `default:"1.5"`
	D    time.Duration  `default:"1m"`
	T    time.Time      `default:"2024-02-29" layout:"2006-01-02"`
	A    netip.Addr     `default:"::1"`
	P    *int           `default:"3"`
	L    []int          `default:"1,2"`
	Csv  []string       `default:"x,y" q:",csv" form:",csv" header:",csv" cookie:",csv"`
	Raw  []byte         `default:"raw"`
	Path bind.SafePath  `default:"a/b"`
	Big  big.Int        `default:"99"`
	PP   **string       `default:""`
	DP   *time.Duration `default:"1s"`
}

func TestDefaults(t *testing.T) {
	all := defaults{
		N: 20, S: "a,b", B: true, F: 1.5, D: time.Minute, T: time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
		A: netip.IPv6Loopback(), P: ptr(3), L: []int{1, 2}, Csv: []string{"x", "y"}, Raw: []byte("raw"), Path: "a/b",
		Big: *big.NewInt(99), PP: ptr(ptr("")), DP: ptr(time.Second),
	}
	for _, d := range deliveries {
		if d.src == bind.Param {
			continue
		}
		t.Run(d.name, func(t *testing.T) {
			got, err := bindNew[defaults](t, d.src, closeAfter(t, d.make("other", "1")))
			checkError(t, err, nil)
			if !reflect.DeepEqual(got, all) {
				t.Errorf("got %+v, want %+v", got, all)
			}
		})
	}

	for _, test := range []struct {
		in     string
		change func(*defaults)
	}{
		{"N=0", func(d *defaults) { d.N = 0 }},
		{"N=", func(d *defaults) {}},
		{"S=", func(d *defaults) { d.S = "" }},
		{"B=0", func(d *defaults) { d.B = false }},
		{"D=0s", func(d *defaults) { d.D = 0 }},
		{"P=0", func(d *defaults) { d.P = ptr(0) }},
		{"P=", func(d *defaults) {}},
		{"L=0", func(d *defaults) { d.L = []int{0} }},
		{"L=", func(d *defaults) {}},
		{"Csv=", func(d *defaults) { d.Csv = []string{""} }},
		{"Raw=", func(d *defaults) { d.Raw = []byte{} }},
		{"Big=0", func(d *defaults) { d.Big = big.Int{} }},
	} {
		got, err := bindNew[defaults](t, bind.Query, query(test.in))
		checkError(t, err, nil)
		want := all
		test.change(&want)
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", test.in, got, want)
		}
	}
}

func TestDefaultsAreNotShared(t *testing.T) {
	p := mustCompile[defaults](t, bind.Query)
	var proto defaults
	p.SetDefaults(reflect.ValueOf(&proto).Elem())
	one, two := proto, proto
	for _, v := range []*defaults{&one, &two} {
		checkError(t, bound(p, reflect.ValueOf(v).Elem(), query("")), nil)
	}
	*one.P, one.L[0], one.Csv[0], one.Raw[0], *one.DP = 7, 7, "7", '7', 7
	one.Big.SetInt64(7)
	var three defaults
	checkError(t, bound(p, reflect.ValueOf(&three).Elem(), query("")), nil)
	for _, v := range []defaults{two, three} {
		if *v.P != 3 || v.L[0] != 1 || v.Csv[0] != "x" || v.Raw[0] != 'r' || *v.DP != time.Second || v.Big.Int64() != 99 {
			t.Errorf("a value of another request has changed: %+v", v)
		}
	}
	if proto.P != nil || proto.L != nil || proto.Raw != nil {
		t.Errorf("the prototype holds references: %+v", proto)
	}
}

func TestDefaultYieldsToPreset(t *testing.T) {
	got := defaults{N: 5, P: ptr(6), L: []int{7}}
	p := mustCompile[defaults](t, bind.Query)
	p.SetDefaults(reflect.ValueOf(&got).Elem())
	checkError(t, bound(p, reflect.ValueOf(&got).Elem(), query("")), nil)
	if got.N != 5 || *got.P != 6 || got.L[0] != 7 {
		t.Errorf("got %+v", got)
	}
}

// More fields than a scan, a word, and two words of bits are good for.
func TestManyFields(t *testing.T) {
	for _, n := range []int{1, 8, 9, 64, 65, 128, 129, 300} {
		var list []reflect.StructField
		var pairs []string
		for i := range n {
			list = append(list, reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: reflect.TypeFor[int](), Tag: `default:"-1"`})
			pairs = append(pairs, fmt.Sprintf("F%d=%d&F%d=x", i, i, i), fmt.Sprintf("G%d=1", i))
		}
		got := reflect.New(reflect.StructOf(list)).Elem()
		p, err := bind.Compile(got.Type(), bind.Query, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkError(t, bound(p, got, query(strings.Join(pairs, "&"))), nil)
		for i := range n {
			if got.Field(i).Int() != int64(i) {
				t.Errorf("%d fields: field %d is %v", n, i, got.Field(i))
			}
		}
	}
}

// What is set without reflection is what the setters would have set, in the same
// place, embedded structs among it; what is not usual is left to them.
func TestDirectly(t *testing.T) {
	type Base struct {
		B bool
		N int
	}
	type all struct {
		Before uint8
		S      string
		Name   name
		I      int
		Long   int64
		F      float64
		Flag   flag
		Base
		Short int16
		After time.Duration
		Shout string
		P     *int
	}
	typ := reflect.TypeFor[all]()
	plan, err := bind.Compile(typ, bind.Query, nil)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{
		"", "a", "0", "-0", "7", "-12", "+5", "007", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1_000",
		"0x10", "1.5", "-1e3", "1e400", "NaN", "inf", "-Infinity", "0x1p-2", "true", "TRUE", "false", "on", "no", "1m", " 1", "1 ", "ü",
	}
	want := map[string]int{ // how many of the texts are taken; none where it is not named
		"S": len(texts), "Name": len(texts), "Shout": len(texts), "I": 7, "Long": 7, "N": 7, "F": 13, "Flag": 2, "B": 2,
	}
	for i, key := range plan.Keys() {
		n := 0
		for _, text := range texts {
			taken, err := plan.TakesAsItSets(i, text, typ)
			if err != nil {
				t.Error(err)
			}
			if taken {
				n++
			}
		}
		if n != want[key.Name] {
			t.Errorf("%s takes %d of the texts directly, want %d", key.Name, n, want[key.Name])
		}
	}
}

// A type with a text, a converter or a layout of its own is none of the basic ones.
func TestNotDirectly(t *testing.T) {
	type own struct {
		Grade grade
		Wait  time.Duration
		When  time.Time
		Name  name
		List  []string
	}
	typ := reflect.TypeFor[own]()
	plan, err := bind.Compile(typ, bind.Query, bind.Converters{reflect.TypeFor[name](): func(s string) (any, error) { return name("<" + s + ">"), nil }})
	if err != nil {
		t.Fatal(err)
	}
	for i, key := range plan.Keys()[:4] {
		for _, text := range []string{"a", "1s", "2026-01-02T15:04:05Z", "1"} {
			if taken, err := plan.TakesAsItSets(i, text, typ); taken || err != nil {
				t.Errorf("%s of %q: taken %v, %v", key.Name, text, taken, err)
			}
		}
	}
}
