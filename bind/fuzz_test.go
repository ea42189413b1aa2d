package bind_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gongular/gongular/bind"
)

// fuzzed has a field of each kind that a query can fill.
type fuzzed struct {
	I int8           `q:"i" form:"i"`
	U uint16         `q:"u" form:"u"`
	F float64        `q:"f" form:"f"`
	B bool           `q:"b" form:"b"`
	S string         `q:"s" form:"s"`
	P *int           `q:"p" form:"p"`
	L []int          `q:"l" form:"l"`
	C []string       `q:"c,csv" form:"c,csv"`
	M map[string]int `q:"m" form:"m"`
	D time.Duration  `q:"d" form:"d"`
}

// slowQuery is what a plan does, done slowly: all pairs into a map, and a look
// at every tag.
func slowQuery(raw string, v reflect.Value) error {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return err
	}
	for i := range v.NumField() {
		key, option, _ := strings.Cut(v.Type().Field(i).Tag.Get("q"), ",")
		fv := v.Field(i)
		if fv.Kind() == reflect.Map {
			if values.Has(key) {
				return errors.New("a map without a name")
			}
			for k, list := range values {
				if !strings.HasPrefix(k, key+"[") || !strings.HasSuffix(k, "]") {
					continue
				}
				if fv.IsNil() {
					fv.Set(reflect.MakeMap(fv.Type()))
				}
				for _, s := range list {
					if s == "" {
						continue
					}
					x, err := slowValue(fv.Type().Elem(), s)
					if err != nil {
						return err
					}
					fv.SetMapIndex(reflect.ValueOf(k[len(key)+1:len(k)-1]), x)
					break
				}
			}
			continue
		}
		list := values[key]
		if option == "csv" {
			list = nil
			for _, s := range values[key] {
				for _, item := range strings.Split(s, ",") {
					list = append(list, strings.TrimSpace(item))
				}
			}
		}
		for _, s := range list {
			elem := fv.Type()
			if elem.Kind() == reflect.Slice {
				elem = elem.Elem()
			}
			if s == "" && elem.Kind() != reflect.String {
				continue
			}
			x, err := slowValue(elem, s)
			if err != nil {
				return err
			}
			if fv.Kind() != reflect.Slice {
				fv.Set(x)
				break
			}
			fv.Set(reflect.Append(fv, x))
		}
	}
	return nil
}

func slowValue(t reflect.Type, s string) (reflect.Value, error) {
	v := reflect.New(t).Elem()
	var err error
	switch {
	case t == reflect.TypeFor[time.Duration]():
		var d time.Duration
		d, err = time.ParseDuration(s)
		v.SetInt(int64(d))
	case t.Kind() == reflect.Pointer:
		x, err := slowValue(t.Elem(), s)
		if err != nil {
			return v, err
		}
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(x)
	case t.Kind() == reflect.String:
		v.SetString(s)
	case t.Kind() == reflect.Bool:
		switch {
		case slices.ContainsFunc([]string{"true", "1", "yes", "on"}, func(w string) bool { return w == strings.ToLower(s) }):
			v.SetBool(true)
		case !slices.ContainsFunc([]string{"false", "0", "no", "off"}, func(w string) bool { return w == strings.ToLower(s) }):
			err = errors.New("no boolean")
		}
	case v.CanInt():
		var n int64
		n, err = strconv.ParseInt(s, 10, 64)
		if v.OverflowInt(n) {
			err = strconv.ErrRange
		}
		v.SetInt(n)
	case v.CanUint():
		var n uint64
		n, err = strconv.ParseUint(s, 10, 64)
		if v.OverflowUint(n) {
			err = strconv.ErrRange
		}
		v.SetUint(n)
	default:
		var n float64
		n, err = strconv.ParseFloat(s, 64)
		if math.IsNaN(n) || math.IsInf(n, 0) {
			err = strconv.ErrSyntax
		}
		v.SetFloat(n)
	}
	return v, err
}

// same is reflect.DeepEqual, but for NaN, which differs from itself.
func same(a, b fuzzed) bool {
	if a.F != a.F && b.F != b.F {
		a.F, b.F = 0, 0
	}
	return reflect.DeepEqual(a, b)
}

var querySeeds = []string{
	"", "&&", "=", "i", "i=1", "i=128", "i=-128&i=x", "i=&i=7", "u=65535", "u=-1", "f=1.5&f=x", "f=1e400", "f=NaN", "f=0x1p-2",
	"b=on", "b=YES&b=2", "s=a+b%20c", "s=%zz", "s=%", "s=1;b=2", "s=%3B", "p=0", "p=", "l=1&l=&l=3", "l=x", "c=a,b&c=,", "c=",
	"m[a]=1&m[b]=2&m[a]=3", "m[a]=", "m=1", "m", "m[]=1", "m[a=1", "m[a][b]=1", "m]=1", "m%5Ba%5D=1", "%69=1", "d=1h", "d=1", "unknown=%41",
	"x y=1", "i=+1", "s=é&s=\xff", "i=1&i=2&s=3&s=4", "%=1", "a=%4", ";", "&;&",
}

// tooManyPairs reports whether url.ParseQuery would refuse raw for its length alone.
func tooManyPairs(raw string) bool { return strings.Count(raw, "&") > 5000 }

// A plan takes and refuses what the slow way does, and makes the same of it.
func FuzzQuery(f *testing.F) {
	for _, s := range querySeeds {
		f.Add(s)
	}
	p := mustCompile[fuzzed](f, bind.Query)
	f.Fuzz(func(t *testing.T, raw string) {
		if tooManyPairs(raw) {
			return
		}
		var fast, slow fuzzed
		req := limited(query(raw), func(l *bind.Limits) { l.Keys = 0 })
		err, slowErr := bound(p, reflect.ValueOf(&fast).Elem(), req), slowQuery(raw, reflect.ValueOf(&slow).Elem())
		if (err == nil) != (slowErr == nil) {
			t.Fatalf("the plan says %v, the slow way %v", err, slowErr)
		}
		if err == nil && !same(fast, slow) {
			t.Fatalf("the plan has\n%#v, the slow way\n%#v", fast, slow)
		}
		checkClientError(t, err)
	})
}

// checkClientError requires that err, if there is one, blames the client in words.
func checkClientError(t testing.TB, err error) {
	t.Helper()
	if err == nil {
		return
	}
	e, ok := err.(bind.Error)
	if !ok || e.Place == "" || e.Reason == "" || e.StatusCode() < 400 || e.StatusCode() > 499 {
		t.Fatalf("got %T %+v", err, err)
	}
}

// An urlencoded form is a query with another place; no type of a body panics.
func FuzzForm(f *testing.F) {
	for _, s := range querySeeds {
		f.Add("application/x-www-form-urlencoded", s, false)
	}
	for _, ct := range []string{"", "text/plain", "application/x-www-form-urlencoded; charset=utf-8", "multipart/form-data; boundary=x", "multipart/form-data", ";", "multipart/form-data; boundary=\"\"; x"} {
		f.Add(ct, "i=1", true)
	}
	queryPlan, formPlan := mustCompile[fuzzed](f, bind.Query), mustCompile[fuzzed](f, bind.Form)
	f.Fuzz(func(t *testing.T, ct, body string, strictly bool) {
		var text, values fuzzed
		rules := func(l *bind.Limits) { l.Strict, l.Keys = strictly, 5 }
		req := limited(post("", body), rules)
		req.R.Header.Set("Content-Type", ct)
		err := bound(formPlan, reflect.ValueOf(&values).Elem(), req)
		if closeErr := req.Close(); closeErr != nil {
			t.Fatal(closeErr)
		}
		checkClientError(t, err)
		if ct != "application/x-www-form-urlencoded" {
			return
		}
		queryErr := bound(queryPlan, reflect.ValueOf(&text).Elem(), limited(query(body), rules))
		if queryErr != nil {
			e := queryErr.(bind.Error)
			e.Place, e.Err = bind.PlaceForm, nil
			checkError(t, err, &e)
		} else if err != nil || !same(text, values) {
			t.Fatalf("a query is\n%#v, a form\n%#v, %v", text, values, err)
		}
	})
}

// No multipart body panics, leaves a file behind, or is accepted without its
// last boundary; what is accepted is what net/http reads.
func FuzzMultipart(f *testing.F) {
	whole := strings.ReplaceAll(multipartText(part{"i", "", "1"}, part{"F", "f.txt", "content"}, part{"l", "", "2"}, part{"all", "a", "x"}), boundary, "x")
	for n := 0; n <= len(whole); n += 7 {
		f.Add([]byte(whole[:n]), int64(n%3), false)
	}
	f.Add([]byte(whole), int64(0), true)
	f.Add([]byte(strings.ReplaceAll(whole, "\r\n", "\n")), int64(0), false)
	f.Add([]byte("--x\r\nContent-Disposition: form-data; name=F\r\n\r\ntext\r\n--x--"), int64(9), true)
	f.Add([]byte("--x\r\nContent-Disposition: form-data; name=m[a]\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=31\r\n--x--epilogue"), int64(9), true)
	type values struct {
		I   int `form:"i"`
		L   []string
		M   map[string]string `form:"m"`
		F   *bind.File        `form:",optional" file:"max=1KB,types=text/*"`
		All []*bind.File      `form:"all"`
	}
	p := mustCompile[values](f, bind.Form)
	dir := f.TempDir()
	f.Setenv("TMPDIR", dir)
	f.Fuzz(func(t *testing.T, body []byte, memory int64, strictly bool) {
		request := func() *request {
			r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
			r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
			return limited(requestOf(r), func(l *bind.Limits) { l.Strict, l.FormMemory = strictly, memory&0xff })
		}
		var v values
		req := request()
		err := bound(p, reflect.ValueOf(&v).Elem(), req)
		checkClientError(t, err)
		if err == nil {
			if !bytes.Contains(body, []byte("--x--")) {
				t.Errorf("accepted without a last boundary: %+v", v)
			}
			r := request().R
			if err := r.ParseMultipartForm(1 << 20); err != nil {
				t.Fatalf("accepted what net/http refuses: %v", err)
			}
			if !slices.Equal(v.L, r.MultipartForm.Value["L"]) || len(v.All) != len(r.MultipartForm.File["all"]) {
				t.Errorf("got %+v, net/http has %+v", v, r.MultipartForm)
			}
			for i, file := range v.All {
				got, err := io.ReadAll(file.File)
				if err != nil {
					t.Fatal(err)
				}
				other, err := r.MultipartForm.File["all"][i].Open()
				if err != nil {
					t.Fatal(err)
				}
				want, err := io.ReadAll(other)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("file %d is %q, want %q, %v", i, got, want, err)
				}
			}
		}
		if err := req.Close(); err != nil {
			t.Fatal(err)
		}
		checkEmpty(t, dir)
	})
}

// strictBody has all that names can be inside of.
type strictBody struct {
	Name string                `json:"name"`
	Kids []strictBody          `json:"kids"`
	Map  map[string]strictBody `json:"map"`
	Any  any                   `json:"any"`
	Raw  json.RawMessage
	Nums map[int8]bool
	Next *strictBody `json:"next"`
	Two  [2]any
	N    float32
	T    time.Time
}

// slowNames tells whether the next value of dec has a name that t does not know,
// or one twice.
func slowNames(dec *json.Decoder, t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[json.RawMessage]() || t == reflect.TypeFor[time.Time]() {
		var skip json.RawMessage
		return dec.Decode(&skip) != nil
	}
	token, err := dec.Token()
	if err != nil {
		panic(err)
	}
	elem := t // any inside of any
	if k := t.Kind(); k == reflect.Slice || k == reflect.Array || k == reflect.Map {
		elem = t.Elem()
	}
	bad := false
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for dec.More() {
			token, err := dec.Token()
			if err != nil {
				panic(err)
			}
			name := token.(string)
			inside := elem
			bad = bad || seen[name]
			seen[name] = true
			if t.Kind() == reflect.Struct {
				known := false
				for i := range t.NumField() {
					f := t.Field(i)
					if cmp.Or(f.Tag.Get("json"), f.Name) == name {
						known, inside = true, f.Type
					}
				}
				if !known {
					bad, inside = true, reflect.TypeFor[any]()
				}
			}
			bad = slowNames(dec, inside) || bad
		}
		dec.Token()
	case json.Delim('['):
		for dec.More() {
			bad = slowNames(dec, elem) || bad
		}
		dec.Token()
	}
	return bad
}

// slowDepth is how deep the JSON text nests.
func slowDepth(data []byte) (most int) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	for depth := 0; ; {
		token, err := dec.Token()
		if err != nil {
			return most
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
			most = max(most, depth)
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
}

var bodySeeds = []string{
	``, ` `, `{}`, `null`, `[]`, `{"name":"a"}`, `{"NAME":"a"}`, `{"name":"a","name":"b"}`, `{"n\u0061me":1}`, `{"kids":[{"name":"a"},{"x":1}]}`,
	`{"map":{"a":{},"a":{}}}`, `{"any":[{"a":1,"a":2}]}`, `{"any":{"a":{"b":[[]]}}}`, `{"Raw":{"a":1,"a":1}}`, `{"Nums":{"1":true,"x":false}}`,
	`{"next":{"next":{"next":null}}}`, `{"Two":[1,{"a":1},{"b":1,"b":1}]}`, `{"N":1e39}`, `{"N":1.5}`, `{"T":"2024-02-29T12:30:00Z"}`, `{"T":1}`,
	`{"name":"\ud800"}`, "{\"name\":\"\xff\"}", "\ufeff{}", `{"a":1} x`, `{"a"`, `[[[[[[[[[]]]]]]]]]`, `"[[[[[[[[["`, `{"\\":"\"}"}`, `-0.0e-1`, `tru`,
	" { \"name\" : \"a\" , \"kids\" : [ ] } ", `{"":""}`, `{"any":1e999}`, `[1 2]`, `{"kids":{}}`,
}

// Lenient, a body is what encoding/json makes of it, if it is text that does
// not nest too deep; strict, it is that if no name is unknown or twice.
func FuzzBody(f *testing.F) {
	for _, s := range bodySeeds {
		f.Add([]byte(s))
	}
	typed, untyped := mustCompileBody[strictBody](f), mustCompileBody[any](f)
	f.Fuzz(func(t *testing.T, data []byte) {
		const depth = 8
		for _, p := range []struct {
			plan *bind.BodyPlan
			typ  reflect.Type
		}{{typed, reflect.TypeFor[strictBody]()}, {untyped, reflect.TypeFor[any]()}} {
			for _, strictly := range []bool{false, true} {
				req := limited(jsonBody(string(data)), func(l *bind.Limits) { l.Strict, l.Depth = strictly, depth })
				got, want := reflect.New(p.typ), reflect.New(p.typ)
				err := bound(p.plan, got.Elem(), req)
				checkClientError(t, err)
				if closeErr := req.Close(); closeErr != nil {
					t.Fatal(closeErr)
				}
				slowErr := json.Unmarshal(data, want.Interface())
				if slowErr == nil && !utf8.Valid(data) {
					slowErr = errors.New("invalid UTF-8")
				}
				if slowErr == nil && slowDepth(data) > depth {
					slowErr = errors.New("too deep")
				}
				if slowErr == nil && strictly {
					dec := json.NewDecoder(bytes.NewReader(data))
					dec.UseNumber()
					if slowNames(dec, p.typ) {
						slowErr = errors.New("a bad name")
					}
				}
				if (err == nil) != (slowErr == nil) {
					t.Fatalf("%v, strict %v: the plan says %v, the slow way %v", p.typ, strictly, err, slowErr)
				}
				if err == nil && !reflect.DeepEqual(got.Interface(), want.Interface()) {
					t.Fatalf("%v: got %+v, want %+v", p.typ, got, want)
				}
			}
		}
	})
}

// The scanner sees the members and elements that encoding/json sees, and ends
// on anything else.
func FuzzScanner(f *testing.F) {
	for _, s := range bodySeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		consume := len(data)%2 == 0
		var names []string
		var values [][]byte
		for name, raw := range bind.Members(data, consume) {
			names, values = append(names, name), append(values, raw)
		}
		var elements [][]byte
		for raw := range bind.Elements(data, consume) {
			elements = append(elements, raw)
		}
		if !json.Valid(data) {
			return
		}
		for limit := range 4 {
			if got, want := bind.TooDeep(data, limit), limit > 0 && slowDepth(data) > limit; got != want {
				t.Errorf("deeper than %d: got %v, want %v", limit, got, want)
			}
		}
		dec := json.NewDecoder(bytes.NewReader(data))
		var wantNames []string
		var want []json.RawMessage
		token, _ := dec.Token()
		switch token {
		case json.Delim('{'):
			for dec.More() {
				name, err := dec.Token()
				if err != nil {
					t.Fatal(err)
				}
				var raw json.RawMessage
				if err := dec.Decode(&raw); err != nil {
					t.Fatal(err)
				}
				wantNames, want = append(wantNames, name.(string)), append(want, raw)
			}
			if !slices.Equal(names, wantNames) {
				t.Errorf("got names %q, want %q", names, wantNames)
			}
		case json.Delim('['):
			values = elements
			for dec.More() {
				var raw json.RawMessage
				if err := dec.Decode(&raw); err != nil {
					t.Fatal(err)
				}
				want = append(want, raw)
			}
		default:
			return
		}
		if !slices.EqualFunc(values, want, func(a []byte, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
			t.Errorf("got %q, want %q", values, want)
		}
	})
}
