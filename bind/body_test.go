package bind_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/gongular/gongular/bind"
)

// even refuses odd numbers by UnmarshalJSON, word long texts by UnmarshalText.
type even int

func (e *even) UnmarshalJSON(data []byte) error {
	var n int
	if err := json.Unmarshal(data, &n); err != nil {
		return errors.New("is no whole number")
	}
	if n%2 != 0 {
		return errors.New("is odd")
	}
	*e = even(n)
	return nil
}

type word string

func (w *word) UnmarshalText(text []byte) error {
	if len(text) > 3 {
		return errors.New("is longer than 3 letters")
	}
	*w = word(text)
	return nil
}

type item struct {
	Price float64 `json:"price"`
	Count int8    `json:"count"`
	Tags  []string
}

type Base struct {
	ID   int    `json:"id"`
	Kind string `json:"kind"`
}

type order struct {
	Base
	Kind   uint8  // another name than Base's
	Name   string `json:"name"`
	Items  []item
	ByName map[string]*item
	Num    map[int8]bool
	When   time.Time
	Addr   netip.Addr
	Even   even
	Word   word
	Words  map[word]int
	Raw    []byte
	Any    any
	P      **int
	Exact  json.Number
	Text   json.RawMessage
	Quoted int8  `json:"quoted,string"`
	QBool  *bool `json:",string"`
	Array  [2]bool
	Big    *big.Int
	F32    float32
	Dash   int `json:"-"`
	Minus  int `json:"-,"`
}

func TestBody(t *testing.T) {
	for _, test := range []struct {
		in   string
		want any
	}{
		{`{}`, order{}},
		{" \t\r\n{} \t\r\n", order{}},
		{`null`, order{}},
		{`{"id":7,"kind":"k","Kind":3,"name":"n"}`, order{Base: Base{7, "k"}, Kind: 3, Name: "n"}},
		{`{"NAME":"folded"}`, order{Name: "folded"}},
		{`{"name":"a","name":"b","unknown":[{}]}`, order{Name: "b"}},
		{`{"Items":[{"price":1},{"Tags":["a"]},null]}`, order{Items: []item{{Price: 1}, {Tags: []string{"a"}}, {}}}},
		{`{"ByName":{"x":{"count":-128},"y":null}}`, order{ByName: map[string]*item{"x": {Count: -128}, "y": nil}}},
		{`{"Num":{"127":true,"-1":false}}`, order{Num: map[int8]bool{127: true, -1: false}}},
		{`{"When":"2024-02-29T12:30:00Z","Addr":"::1"}`, order{When: day, Addr: netip.IPv6Loopback()}},
		{`{"Even":2,"Word":"abc","Words":{"a":1}}`, order{Even: 2, Word: "abc", Words: map[word]int{"a": 1}}},
		{`{"Raw":"YWJj"}`, order{Raw: []byte("abc")}},
		{`{"Raw":[97]}`, order{Raw: []byte("a")}},
		{`{"Any":{"a":[1,"x",null,true]}}`, order{Any: map[string]any{"a": []any{1.0, "x", nil, true}}}},
		{`{"P":5}`, order{P: ptr(ptr(5))}},
		{`{"Exact":12345678901234567890.123,"Text": {"a" : 1} }`, order{Exact: "12345678901234567890.123", Text: json.RawMessage(`{"a" : 1}`)}},
		{`{"quoted":"-128","QBool":"true"}`, order{Quoted: -128, QBool: ptr(true)}},
		{`{"quoted":null}`, order{}},
		{`{"Array":[true,false,"ignored"]}`, order{Array: [2]bool{true, false}}},
		{`{"Big":123456789012345678901234567890}`, order{Big: bigInt("123456789012345678901234567890")}},
		{`{"Dash":1,"-":2}`, order{Minus: 2}},
		{`{"name":"\u00e9\ud83d\ude00\"\\"}`, order{Name: "é😀\"\\"}},
		{`{"name":"\ud800"}`, order{Name: "\ufffd"}},

		{`[1,2]`, []int{1, 2}},
		{`[]`, []int{}},
		{`null`, []int(nil)},
		{`[{"price":2}]`, []item{{Price: 2}}},
		{`{"a":1}`, map[string]int{"a": 1}},
		{`{"1":"x"}`, map[uint8]string{1: "x"}},
		{`"text"`, "text"},
		{`-5`, -5},
		{`1e2`, 100.0},
		{`true`, true},
		{` {"a": 1} `, json.RawMessage(`{"a": 1}`)},
		{`null`, json.RawMessage("null")},
		{`9007199254740993`, json.Number("9007199254740993")},
		{`{"name":"n"}`, &order{Name: "n"}},
		{`3`, ptr(ptr(3))},
		{``, (*order)(nil)},
		{``, (**order)(nil)},
		{`{"name":"a","kids":[{"next":{"name":"b"}}],"Map":{"m":{"name":"c"}}}`,
			recursive{Name: "a", Kids: []recursive{{Next: &recursive{Name: "b"}}}, Map: map[string]recursive{"m": {Name: "c"}}}},
		{`{"ID":1}`, ambiguous{ID: 1}},
		{`"2024-02-29T12:30:00Z"`, day},
		{`{"x":5}`, EmbedsItself{X: 5}},
	} {
		t.Run(fmt.Sprintf("%T/%s", test.want, test.in), func(t *testing.T) {
			got := reflect.New(reflect.TypeOf(test.want)).Elem()
			p, err := bind.CompileBody(got.Type(), nil)
			if err != nil {
				t.Fatal(err)
			}
			checkError(t, bound(p, got, closeAfter(t, jsonBody(test.in))), nil)
			if !reflect.DeepEqual(got.Interface(), test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}

	var v any
	checkError(t, bound(mustCompileBody[any](t), reflect.ValueOf(&v).Elem(), jsonBody(`[1]`)), nil)
	if !reflect.DeepEqual(v, []any{1.0}) {
		t.Errorf("any: got %v", v)
	}
}

const isEmpty = "is empty; JSON is expected"

func TestBodyErrors(t *testing.T) {
	type deep struct{ L []map[string][]order }
	for _, test := range []struct {
		in            string
		into          any
		field, reason string
	}{
		{``, order{}, "", isEmpty},
		{` `, order{}, "", isEmpty},
		{"\r\n\t ", &order{}, "", isEmpty},
		{``, []int{}, "", isEmpty},
		{``, "", "", isEmpty},
		{`null`, &order{}, "", "expected object, got null"},
		{` null `, &[]int{}, "", "expected array, got null"},
		{`null`, ptr(3), "", "expected integer, got null"},
		{`null`, &netip.Addr{}, "", "expected string, got null"},
		{`null`, ptr(ptr("")), "", "expected string, got null"},

		{`{`, order{}, "", "malformed JSON: ends in the middle, after 1 bytes"},
		{`{"name":"a`, order{}, "", "malformed JSON: ends in the middle, after 10 bytes"},
		{`[1,`, []int{}, "", "malformed JSON: ends in the middle, after 3 bytes"},
		{`tru`, true, "", "malformed JSON: ends in the middle, after 3 bytes"},
		{`-`, 1, "", "malformed JSON: ends in the middle, after 1 bytes"},
		{`{"name":x}`, order{}, "", "malformed JSON at byte 8: invalid character 'x' looking for beginning of value"},
		{`{name:1}`, order{}, "", "malformed JSON at byte 1: invalid character 'n' looking for beginning of object key string"},
		{`{"a":1,}`, order{}, "", "malformed JSON at byte 7: invalid character '}' looking for beginning of object key string"},
		{`[1 2]`, []int{}, "", "malformed JSON at byte 3: invalid character '2' after array element"},
		{`01`, 1, "", "data after the JSON value, at byte 1"},
		{`'a'`, "", "", "malformed JSON at byte 0: invalid character '\\'' looking for beginning of value"},
		{"\"a\nb\"", "", "", "malformed JSON at byte 2: invalid character '\\n' in string literal"},
		{"\x00", 1, "", "malformed JSON at byte 0: invalid character '\\x00' looking for beginning of value"},
		{`NaN`, 1.0, "", "malformed JSON at byte 0: invalid character 'N' looking for beginning of value"},
		{`// no`, 1, "", "malformed JSON at byte 0: invalid character '/' looking for beginning of value"},
		{`{"a":1} x`, order{}, "", "data after the JSON value, at byte 7"},
		{`{"a":1}{"a":2}`, order{}, "", "data after the JSON value, at byte 7"},
		{`1 2`, 1, "", "data after the JSON value, at byte 1"},
		{"\ufeff{}", order{}, "", "begins with a byte order mark, which JSON has not"},
		{"{\"name\":\"\xff\"}", order{}, "", "invalid UTF-8 at byte 9"},
		{"\"\xed\xa0\x80\"", "", "", "invalid UTF-8 at byte 1"},
		{"{}\xc3", order{}, "", "invalid UTF-8 at byte 2"},

		{`[]`, order{}, "", "expected object, got array"},
		{`"x"`, order{}, "", "expected object, got string"},
		{`1`, order{}, "", "expected object, got number"},
		{`true`, order{}, "", "expected object, got boolean"},
		{`{}`, []int{}, "", "expected array, got object"},
		{`{}`, map[string]int{}["x"], "", "expected integer, got object"},
		{`[]`, map[string]int{}, "", "expected object, got array"},
		{`1`, "", "", "expected string, got number"},
		{`"1"`, 1, "", "expected integer, got string"},
		{`1.5`, 1, "", `"1.5" is not an integer`},
		{`1e2`, 1, "", `"1e2" is not an integer`},
		{`256`, uint8(0), "", `"256" is not in the range 0 to 255`},
		{`-1`, uint(0), "", `"-1" is not in the range 0 to 18446744073709551615`},
		{`1e400`, 1.0, "", `"1e400" is too large for a number of 64 bits`},
		{`1e400`, any(nil), "", `"1e400" is too large for a number of 64 bits`},
		{`"x"`, json.Number(""), "", "is not a number"},
		{`true`, json.Number(""), "", "expected number, got boolean"},

		{`{"name":1}`, order{}, "name", "expected string, got number"},
		{`{"Name":1}`, order{}, "Name", "expected string, got number"},
		{`{"id":"x"}`, order{}, "id", "expected integer, got string"},
		{`{"Kind":-1}`, order{}, "Kind", `"-1" is not in the range 0 to 255`},
		{`{"Kind":1.5}`, order{}, "Kind", `"1.5" is not an integer`},
		{`{"unknown":{"name":1},"name":1}`, order{}, "name", "expected string, got number"},
		{`{"Array":1}`, order{}, "Array", "expected array, got number"},
		{`{"Items":{}}`, order{}, "Items", "expected array, got object"},
		{`{"Items":[{},{"price":1},{"price":"x"}]}`, order{}, "Items.2.price", "expected number, got string"},
		{`{"Items":[1]}`, order{}, "Items.0", "expected object, got number"},
		{`{"Items":[{"Tags":["a",null,3]}]}`, order{}, "Items.0.Tags.2", "expected string, got number"},
		{`{"Items":[{"count":128}]}`, order{}, "Items.0.count", `"128" is not in the range -128 to 127`},
		{`{"Items":[{"count":1.5}]}`, order{}, "Items.0.count", `"1.5" is not an integer`},
		{`{"ByName":{"a b":{"count":[]}}}`, order{}, "ByName.a b.count", "expected integer, got array"},
		{`{"ByName":{"\u0041":1}}`, order{}, "ByName.A", "expected object, got number"},
		{`{"Num":{"128":true}}`, order{}, "Num", `"128" is not in the range -128 to 127`},
		{`{"Num":{"x":true}}`, order{}, "Num", `"x" is not an integer`},
		{`{"Num":{"1":1}}`, order{}, "Num.1", "expected boolean, got number"},
		{`{"When":"yesterday"}`, order{}, "When", `is not a time like "2006-01-02T15:04:05Z"`},
		{`{"When":5}`, order{}, "When", `is not a time like "2006-01-02T15:04:05Z"`},
		{`{"Addr":"x"}`, order{}, "Addr", `ParseAddr("x"): unable to parse IP`},
		{`{"Addr":1}`, order{}, "Addr", "expected string, got number"},
		{`{"Even":3}`, order{}, "Even", "is odd"},
		{`{"Even":"x"}`, order{}, "Even", "is no whole number"},
		{`{"Word":"abcd"}`, order{}, "Word", "is longer than 3 letters"},
		{`{"Word":{}}`, order{}, "Word", "expected string, got object"},
		{`{"Words":{"abcd":1}}`, order{}, "Words", "is longer than 3 letters"},
		{`{"Raw":"*"}`, order{}, "Raw", "is not base64"},
		{`{"Raw":5}`, order{}, "Raw", "expected base64 string, got number"},
		{`{"Any":[1e999]}`, order{}, "Any", `"1e999" is too large for a number of 64 bits`},
		{`{"P":"x"}`, order{}, "P", "expected integer, got string"},
		{`{"Exact":"x"}`, order{}, "Exact", "is not a number"},
		{`{"quoted":5}`, order{}, "quoted", "expected integer in a string"},
		{`{"quoted":"x"}`, order{}, "quoted", "expected integer in a string"},
		{`{"quoted":""}`, order{}, "quoted", "expected integer in a string"},
		{`{"quoted":"128"}`, order{}, "quoted", `"128" is not in the range -128 to 127`},
		{`{"QBool":true}`, order{}, "QBool", "expected boolean in a string"},
		{`{"Array":[true,1]}`, order{}, "Array.1", "expected boolean, got number"},
		{`{"F32":1e39}`, order{}, "F32", `"1e39" is too large for a number of 32 bits`},
		{`{"name":1,"id":"x"}`, order{}, "name", "expected string, got number"},
		{`[1,"x"]`, []int{}, "1", "expected integer, got string"},
		{`{"a":1,"b":"x"}`, map[string]int{}, "b", "expected integer, got string"},
		{`{"name":"a","kids":[{"next":{"name":1}}]}`, recursive{}, "kids.0.next.name", "expected string, got number"},
		{`{"L":[{"a":[{"Items":[{"price":{}}]}]}]}`, deep{}, "L.0.a.0.Items.0.price", "expected number, got object"},
		{`{"\u006eame":1}`, order{}, "name", "expected string, got number"},
	} {
		typ := reflect.TypeFor[any]()
		if test.into != nil {
			typ = reflect.TypeOf(test.into)
		}
		t.Run(fmt.Sprintf("%v/%s", typ, test.in), func(t *testing.T) {
			got := reflect.New(typ).Elem()
			p, err := bind.CompileBody(typ, nil)
			if err != nil {
				t.Fatal(err)
			}
			err = bound(p, got, closeAfter(t, jsonBody(test.in)))
			checkError(t, err, &bind.Error{Place: bind.PlaceBody, FieldName: test.field, Key: test.field, Reason: test.reason})
		})
	}
}

// A body too long for the search still tells the field, by encoding/json.
func TestLongBodyError(t *testing.T) {
	long := strings.Repeat(" ", 1<<17)
	_, err := bindBody[order](t, jsonBody(`{"Items":[`+long+`{"price":"x"}]}`))
	checkError(t, err, &bind.Error{Place: bind.PlaceBody, FieldName: "Items.price", Key: "Items.price", Reason: "expected number, got string"})
	_, err = bindBody[order](t, jsonBody(long+`{]`))
	checkError(t, err, &bind.Error{Place: bind.PlaceBody, Reason: "malformed JSON at byte 131073: invalid character ']' looking for beginning of object key string"})
}

func TestBodyErrorCause(t *testing.T) {
	_, err := bindBody[order](t, jsonBody(`{"id":"x"}`))
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok {
		t.Errorf("%v has no json.UnmarshalTypeError", err)
	}
	_, err = bindBody[order](t, jsonBody(`{`))
	if _, ok := errors.AsType[*json.SyntaxError](err); !ok {
		t.Errorf("%v has no json.SyntaxError", err)
	}
}

func TestDepth(t *testing.T) {
	nest := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	tooDeep := &bind.Error{Place: bind.PlaceBody, Reason: "nested deeper than 5"}
	for _, test := range []struct {
		in      string
		depth   int
		wantErr *bind.Error
	}{
		{nest(5), 5, nil},
		{nest(6), 5, tooDeep},
		{`{"a":{"b":[[{"c":1}]]}}`, 5, nil},
		{`{"a":{"b":[[{"c":[]}]]}}`, 5, tooDeep},
		{`[[],[],[],[],[],[],{},{}]`, 5, nil},
		{`["[[[[[[[[{{{{{{"]`, 5, nil},
		{`["\"[[[[[[[["]`, 5, nil},
		{`["\\",[[[[[[[[]]]]]]]]]`, 5, tooDeep},
		{`{"[[[[[[[":"]]]]"}`, 5, nil},
		{strings.Repeat("[", 1<<20), 5, tooDeep},
		{nest(100), 100, nil},
		{nest(9999), 0, nil},
		{nest(10001), 0, &bind.Error{Place: bind.PlaceBody, Reason: "malformed JSON at byte 10000: invalid character '[' exceeded max depth"}},
	} {
		for _, mode := range []bool{false, true} {
			_, err := bindBody[any](t, closeAfter(t, limited(jsonBody(test.in), func(l *bind.Limits) {
				l.Depth, l.Strict = test.depth, mode
			})))
			checkError(t, err, test.wantErr)
		}
	}
	_, err := bindBody[any](t, jsonBody(nest(101)))
	checkError(t, err, &bind.Error{Place: bind.PlaceBody, Reason: "nested deeper than 100"})
}

func TestStrictNames(t *testing.T) {
	for _, test := range []struct {
		in            string
		into          any
		field, reason string // "" for none
	}{
		{`{"name":"a","id":1,"Kind":2,"kind":"k","-":1,"Items":[{"price":1}]}`, order{}, "", ""},
		{`{"nmae":"a"}`, order{}, "nmae", `is an unknown name; did you mean "name"?`},
		{`{"NAME":"a"}`, order{}, "NAME", `is an unknown name; did you mean "name"?`},
		{`{"zzzzzz":1}`, order{}, "zzzzzz", `is an unknown name`},
		{`{"Dash":1}`, order{}, "Dash", `is an unknown name`},
		{`{"Base":{"id":1}}`, order{}, "Base", `is an unknown name`},
		{`{"":1}`, order{}, "", `is an unknown name; did you mean "P"?`},
		{`{"name":"a","name":"a"}`, order{}, "name", `is given twice`},
		{`{"name":"a","n\u0061me":"b"}`, order{}, "name", `is given twice`},
		{`{"name":"a","Name":"b"}`, order{}, "Name", `is an unknown name; did you mean "name"?`},
		{`{"Items":[{},{"pirce":1}]}`, order{}, "Items.1.pirce", `is an unknown name; did you mean "price"?`},
		{`{"Items":[{"price":1,"price":2}]}`, order{}, "Items.0.price", `is given twice`},
		{`{"ByName":{"a":{},"a":{}}}`, order{}, "ByName.a", `is given twice`},
		{`{"ByName":{"a":{"x":1}}}`, order{}, "ByName.a.x", `is an unknown name`},
		{`{"Num":{"1":true,"1":false}}`, order{}, "Num.1", `is given twice`},
		{`{"Any":{"a":[{"b":1,"b":2}]}}`, order{}, "Any.a.0.b", `is given twice`},
		{`{"Any":{"whatever":1}}`, order{}, "", ""},
		{`{"Text":{"a":1,"a":2}}`, order{}, "", ""}, // as it is, for somebody else to read
		{`[{"a":1},{"a":1,"a":1}]`, any(nil), "1.a", `is given twice`},
		{`[[{"x":1}]]`, [][]struct{}{}, "0.0.x", `is an unknown name`},
		{`{"x":1}`, &struct{}{}, "x", `is an unknown name`},
		{`{"a":1,"a":2}`, map[string]int{}, "a", `is given twice`},
		{`{"kids":[{"next":{"Map":{"m":{"oops":1}}}}]}`, recursive{}, "kids.0.next.Map.m.oops", `is an unknown name`},
		{`[1,2]`, []int{}, "", ""},
		{` "{}" `, "", "", ""},
	} {
		typ := reflect.TypeFor[any]()
		if test.into != nil {
			typ = reflect.TypeOf(test.into)
		}
		t.Run(fmt.Sprintf("%v/%s", typ, test.in), func(t *testing.T) {
			p, err := bind.CompileBody(typ, nil)
			if err != nil {
				t.Fatal(err)
			}
			var want *bind.Error
			if test.reason != "" {
				want = &bind.Error{Place: bind.PlaceBody, FieldName: test.field, Key: test.field, Reason: test.reason}
			}
			checkError(t, bound(p, reflect.New(typ).Elem(), closeAfter(t, strict(jsonBody(test.in)))), want)
			checkError(t, bound(p, reflect.New(typ).Elem(), closeAfter(t, jsonBody(test.in))), nil)
		})
	}
}

func TestBodyDefaults(t *testing.T) {
	type body struct {
		Page int `json:"page" default:"1"`
		In   struct {
			T time.Duration `default:"1m"`
			D time.Time     `default:"29.2.2024" layout:"2.1.2006"`
		} `json:"in"`
		Pair pair
		*Base
	}
	for _, test := range []struct {
		in   string
		page int
		t    time.Duration
		pair pair
	}{
		{`{}`, 1, time.Minute, pair{1, 0}},
		{`{"page":0,"in":{"T":0}}`, 0, 0, pair{1, 0}},
		{`{"page":null,"Pair":{"B":1}}`, 1, time.Minute, pair{1, 1}},
		{`{"Pair":{"A":7}}`, 1, time.Minute, pair{7, 0}},
		{`{"id":3}`, 1, time.Minute, pair{1, 0}},
	} {
		got, err := bindBody[body](t, jsonBody(test.in))
		checkError(t, err, nil)
		if got.Page != test.page || got.In.T != test.t || got.Pair != test.pair || got.In.D.Day() != 29 {
			t.Errorf("%s: got %+v", test.in, got)
		}
	}

	preset := body{Page: 9}
	mustCompileBody[body](t).SetDefaults(reflect.ValueOf(&preset).Elem())
	if preset.Page != 9 || preset.Pair.A != 1 {
		t.Errorf("got %+v", preset)
	}
}

// The body is read once, for whoever wants it.
func TestBodyIsReadOnce(t *testing.T) {
	src := &counter{r: strings.NewReader(`{"name":"a","id":2}`)}
	r := httptest.NewRequest("POST", "/", src)
	req := closeAfter(t, requestOf(r))
	type guard struct {
		ID int `json:"id"`
	}
	first, err := bindBody[guard](t, req)
	checkError(t, err, nil)
	second, err := bindBody[order](t, req)
	checkError(t, err, nil)
	if first.ID != 2 || second.Name != "a" || src.n != 19 {
		t.Errorf("got %+v, %+v after %d bytes", first, second, src.n)
	}

	// An error is remembered too.
	req = requestOf(httptest.NewRequest("POST", "/", failing("{", errBroken)))
	want := &bind.Error{Place: bind.PlaceBody, Reason: "could not be read"}
	for range 2 {
		_, err = bindBody[guard](t, req)
		checkError(t, err, want)
	}
	if !errors.Is(err, errBroken) {
		t.Errorf("%v does not wrap its cause", err)
	}
}

// What was decoded stays as it is when the buffer serves another request.
func TestBodyIsNotShared(t *testing.T) {
	type body struct {
		S string
		R json.RawMessage
		N json.Number
		A any
		M map[string]string
		K keeper
	}
	var all []body
	for i := range 20 {
		req := jsonBody(strings.ReplaceAll(`{"S":"x#","R":[#],"N":#,"A":["#"],"M":{"k#":"v#"},"K":"k#"}`, "#", fmt.Sprint(i)))
		got, err := bindBody[body](t, req)
		checkError(t, err, nil)
		checkError(t, req.Close(), nil)
		all = append(all, got)
	}
	for i, got := range all {
		n := fmt.Sprint(i)
		want := body{"x" + n, json.RawMessage("[" + n + "]"), json.Number(n), []any{n}, map[string]string{"k" + n: "v" + n}, keeper{[]byte(`"k` + n + `"`)}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("request %d has become %+v", i, got)
		}
	}
}

// keeper does what an UnmarshalJSON must not: it keeps the bytes.
type keeper struct{ data []byte }

func (k *keeper) UnmarshalJSON(data []byte) error { k.data = data; return nil }

func TestBodyContentType(t *testing.T) {
	decoders := map[string]bind.Decoder{
		"application/xml":        xml.Unmarshal,
		"application/x-up+json":  func(data []byte, v any) error { return json.Unmarshal([]byte(strings.ToUpper(string(data))), v) },
		"text/refuse":            func([]byte, any) error { return errBroken },
		"application/x-www-form": nil,
	}
	delete(decoders, "application/x-www-form")
	refused := func(ct string) *bind.Error {
		return &bind.Error{Place: bind.PlaceBody, Status: 415, Reason: fmt.Sprintf("Content-Type %q is not accepted, only application/json", ct)}
	}
	const body = `{"name":"a"}`
	for _, test := range []struct {
		ct, body string
		decoders bool
		want     string
		wantErr  *bind.Error
	}{
		{"", body, false, "a", nil},
		{"application/json", body, false, "a", nil},
		{"APPLICATION/JSON", body, false, "a", nil},
		{"application/json; charset=utf-8", body, false, "a", nil},
		{`application/json;charset="UTF-8"`, body, false, "a", nil},
		{"application/json; charset=us-ascii; v=1", body, false, "a", nil},
		{" application/json ", body, false, "a", nil},
		{"application/problem+json", body, false, "a", nil},
		{"application/vnd.x.v1+JSON; charset=utf-8", body, false, "a", nil},

		{"application/json; charset=utf-16", body, false, "", refused("application/json; charset=utf-16")},
		{"application/json; charset", body, false, "", refused("application/json; charset")},
		{"application/jsonx", body, false, "", refused("application/jsonx")},
		{"application/json+xml", body, false, "", refused("application/json+xml")},
		{"text/json", body, false, "", refused("text/json")},
		{"text/x+json", body, false, "", refused("text/x+json")},
		{"text/plain", body, false, "", refused("text/plain")},
		{"application/x-www-form-urlencoded", "name=a", false, "", refused("application/x-www-form-urlencoded")},
		{"multipart/form-data; boundary=x", body, false, "", refused("multipart/form-data; boundary=x")},
		{"application/xml", "<order/>", false, "", refused("application/xml")},
		{"json", body, false, "", refused("json")},
		{"/", body, false, "", refused("/")},
		{";;;", body, false, "", refused(";;;")},
		{"\x00\xff", body, false, "", refused("\x00\xff")},
		{strings.Repeat("a", 100), body, false, "", &bind.Error{Place: bind.PlaceBody, Status: 415,
			Reason: `Content-Type "` + strings.Repeat("a", 64) + `"… is not accepted, only application/json`}},

		{"application/xml", "<order><Name>a</Name></order>", true, "a", nil},
		{"application/xml; charset=utf-8", "<order><Name>a</Name></order>", true, "a", nil},
		{"application/xml", "<order>", true, "", &bind.Error{Place: bind.PlaceBody, Reason: "XML syntax error on line 1: unexpected EOF"}},
		{"application/xml", "", true, "", &bind.Error{Place: bind.PlaceBody, Reason: "is empty"}},
		{"application/x-up+json", body, true, "A", nil},
		{"application/x-up+json; charset=utf-8", body, true, "A", nil},
		{"text/refuse", "x", true, "", &bind.Error{Place: bind.PlaceBody, Reason: "the wire is broken"}},
		{"text/plain", "x", true, "", &bind.Error{Place: bind.PlaceBody, Status: 415,
			Reason: `Content-Type "text/plain" is not accepted, only application/json, application/x-up+json, application/xml, text/refuse`}},
	} {
		t.Run(test.ct, func(t *testing.T) {
			req := closeAfter(t, post(test.ct, test.body))
			if test.body == "" { // of a length that is not known
				req.R.Body, req.R.ContentLength = io.NopCloser(strings.NewReader("")), -1
			}
			if test.decoders {
				limited(req, func(l *bind.Limits) { l.Decoders = decoders })
			}
			got, err := bindBody[struct {
				Name string `json:"name"`
			}](t, req)
			checkError(t, err, test.wantErr)
			if got.Name != test.want {
				t.Errorf("got %q, want %q", got.Name, test.want)
			}
		})
	}
}

// A decoder for JSON itself takes the place of the one there is, also where no
// type is given.
func TestOwnJSONDecoder(t *testing.T) {
	for _, ct := range []string{"", "application/json", "application/json; charset=utf-8"} {
		req := limited(post(ct, `{}`), func(l *bind.Limits) {
			l.Decoders = map[string]bind.Decoder{"application/json": func(data []byte, v any) error {
				*v.(*string) = "mine"
				return nil
			}}
		})
		got, err := bindBody[string](t, req)
		if err != nil || got != "mine" {
			t.Errorf("%q: got %q, %v", ct, got, err)
		}
		if types := bind.AcceptedBodies(req.limits); types != "application/json" {
			t.Errorf("accepted are %s", types)
		}
	}
}

// No body at all is not a matter of its type.
func TestNoBody(t *testing.T) {
	for _, ct := range []string{"", "application/json", "text/plain", "garbage;;"} {
		for _, body := range []io.ReadCloser{nil, http.NoBody, io.NopCloser(strings.NewReader(""))} {
			r := httptest.NewRequest("POST", "/", nil)
			r.Body = body
			r.Header.Set("Content-Type", ct)
			_, err := bindBody[order](t, requestOf(r))
			checkError(t, err, &bind.Error{Place: bind.PlaceBody, Reason: isEmpty})
			got, err := bindBody[*order](t, requestOf(r))
			checkError(t, err, nil)
			if got != nil {
				t.Errorf("got %+v", got)
			}
		}
	}
}

func TestBodyLimit(t *testing.T) {
	text := func(n int) string { return `"` + strings.Repeat("a", n-2) + `"` }
	tooLarge := &bind.Error{Place: bind.PlaceBody, Status: 413, Reason: "larger than the limit of 100 bytes"}
	for _, test := range []struct {
		name    string
		size    int
		length  int64 // as announced; -1 unknown
		limit   int64
		wantErr *bind.Error
		most    int // bytes read
	}{
		{"under", 50, 50, 100, nil, 50},
		{"exactly", 100, 100, 100, nil, 100},
		{"announced over", 101, 101, 100, tooLarge, 0},
		{"exactly, unknown", 100, -1, 100, nil, 100},
		{"over, unknown", 101, -1, 100, tooLarge, 101},
		{"much over, unknown", 1 << 20, -1, 100, tooLarge, 101},
		{"much over, said to be small", 1 << 20, 10, 100, tooLarge, 101},
		{"small, said to be over", 10, 1000, 100, tooLarge, 0},
		{"small, said to be larger", 10, 90, 100, nil, 10},
		{"no limit", 1 << 20, -1, 0, nil, 1 << 20},
		{"usual limit", 4<<20 + 1, -1, 4 << 20, &bind.Error{Place: bind.PlaceBody, Status: 413, Reason: "larger than the limit of 4194304 bytes"}, 4<<20 + 1},
		{"at the usual limit", 4 << 20, -1, 4 << 20, nil, 4 << 20},
	} {
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"":             func(r io.Reader) io.Reader { return r },
			"one by one":   iotest.OneByteReader,
			"half":         iotest.HalfReader,
			"data and EOF": iotest.DataErrReader,
		} {
			if test.name == "much over, said to be small" && name == "one by one" {
				continue // who announces ten bytes and sends them has sent the body
			}
			if test.size > 1<<20 && name == "one by one" {
				continue
			}
			t.Run(test.name+"/"+name, func(t *testing.T) {
				src := &counter{r: wrap(strings.NewReader(text(test.size)))}
				r := httptest.NewRequest("POST", "/", nil)
				r.Body, r.ContentLength = src, test.length
				req := closeAfter(t, limited(requestOf(r), func(l *bind.Limits) { l.Body = test.limit }))
				got, err := bindBody[string](t, req)
				checkError(t, err, test.wantErr)
				if err == nil && len(got) != test.size-2 {
					t.Errorf("got %d letters, want %d", len(got), test.size-2)
				}
				if src.n > test.most {
					t.Errorf("%d bytes read, want %d at most", src.n, test.most)
				}
			})
		}
	}
}

func TestBodyReadErrors(t *testing.T) {
	mine := httptest.NewRecorder()
	for _, test := range []struct {
		name string
		body io.Reader
		want bind.Error
	}{
		{"broken", failing(`{"na`, errBroken), bind.Error{Reason: "could not be read"}},
		{"broken at once", failing(``, errBroken), bind.Error{Reason: "could not be read"}},
		{"broken after the value", failing(`{}`, errBroken), bind.Error{Reason: "could not be read"}},
		{"cut", failing(`{"na`, io.ErrUnexpectedEOF), bind.Error{Reason: "ends after 4 bytes, before its Content-Length"}},
		{"too slow", failing(`{"na`, os.ErrDeadlineExceeded), bind.Error{Reason: "did not arrive in time", Status: 408}},
		{"too slow, wrapped", failing(``, fmt.Errorf("read tcp: %w", os.ErrDeadlineExceeded)), bind.Error{Reason: "did not arrive in time", Status: 408}},
		{"limit of another", http.MaxBytesReader(mine, io.NopCloser(strings.NewReader(`"aaaaaaaa"`)), 5), bind.Error{Reason: "larger than the limit of 5 bytes", Status: 413}},
	} {
		for _, place := range []string{bind.PlaceBody, bind.PlaceForm} {
			t.Run(test.name+"/"+place, func(t *testing.T) {
				body := test.body
				if place == bind.PlaceForm {
					switch test.name {
					case "limit of another":
						body = http.MaxBytesReader(mine, io.NopCloser(strings.NewReader(`V=aaaaaaaa`)), 5)
					case "cut":
						body = failing(`V=11`, io.ErrUnexpectedEOF)
					case "broken":
						body = failing(`V=11`, errBroken)
					case "broken at once":
						body = failing(``, errBroken)
					case "broken after the value":
						body = failing(`V=1`, errBroken)
					case "too slow":
						body = failing(`V=1`, os.ErrDeadlineExceeded)
					default:
						body = failing(`V=1`, fmt.Errorf("read: %w", os.ErrDeadlineExceeded))
					}
				}
				r := httptest.NewRequest("POST", "/", nil)
				r.Body, r.ContentLength = io.NopCloser(body), -1
				var err error
				if place == bind.PlaceForm {
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					_, err = bindNew[struct{ V string }](t, bind.Form, closeAfter(t, requestOf(r)))
				} else {
					_, err = bindBody[order](t, closeAfter(t, requestOf(r)))
				}
				want := test.want
				want.Place = place
				checkError(t, err, &want)
			})
		}
	}
}

// deadlines is a ResponseWriter that notes the deadlines for reading.
type deadlines struct {
	http.ResponseWriter
	set []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return nil
}

// wrapper is a ResponseWriter around another.
type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestReadDeadline(t *testing.T) {
	type values struct{ V string }
	bindJSON := func(t *testing.T, req *request) error { _, err := bindBody[any](t, req); return err }
	bindForm := func(t *testing.T, req *request) error { _, err := bindNew[values](t, bind.Form, req); return err }
	chunked := func(req *request) *request {
		req.R.Body, req.R.ContentLength = io.NopCloser(req.R.Body), -1
		return req
	}
	for _, test := range []struct {
		name string
		req  *request
		bind func(*testing.T, *request) error
		sets bool
		want time.Duration
	}{
		{"json", jsonBody(`{}`), bindJSON, true, 10 * time.Second},
		{"malformed json", jsonBody(`{`), bindJSON, true, 10 * time.Second},
		{"form", form("V=1"), bindForm, true, time.Minute},
		{"multipart", multipartForm(part{"V", "", "1"}), bindForm, true, time.Minute},
		{"empty of unknown length", chunked(post("", "")), bindForm, true, time.Minute},
		{"no body", requestOf(httptest.NewRequest("GET", "/", nil)), bindForm, false, 0},
		{"no timeout", limited(jsonBody(`{}`), func(l *bind.Limits) { l.BodyTimeout = 0 }), bindJSON, false, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &deadlines{ResponseWriter: httptest.NewRecorder()}
			test.req.W = wrapper{wrapper{w}}
			before := time.Now()
			test.bind(t, test.req)
			closeAfter(t, test.req)
			if !test.sets {
				if len(w.set) != 0 {
					t.Errorf("deadlines %v, want none", w.set)
				}
				return
			}
			if len(w.set) != 2 || w.set[0].Sub(before).Round(time.Second) != test.want || !w.set[1].IsZero() {
				t.Errorf("deadlines %v, want one in %v and then none", w.set, test.want)
			}
		})
	}

	req := jsonBody(`{}`) // a writer without deadlines is left alone
	req.W = wrapper{httptest.NewRecorder()}
	_, err := bindBody[any](t, req)
	checkError(t, err, nil)
}

func TestRequestClose(t *testing.T) {
	req := jsonBody(`{"name":"a"}`)
	if _, err := bindBody[order](t, req); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		checkError(t, req.Close(), nil)
	}
	checkError(t, (&bind.Request{R: httptest.NewRequest("GET", "/", nil)}).Close(), nil)
}
