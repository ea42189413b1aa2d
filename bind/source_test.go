package bind_test

import (
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/gongular/gongular/bind"
)

func TestQueryText(t *testing.T) {
	type values struct {
		A string
		B int
		L []string `q:"l[]"`
		U string   `q:"ü"`
	}
	bad := func(key, field, reason string) *bind.Error {
		return &bind.Error{Place: bind.PlaceQuery, FieldName: field, Key: key, Reason: reason}
	}
	for _, test := range []struct {
		in      string
		want    values
		wantErr *bind.Error
	}{
		{"", values{}, nil},
		{"&&", values{}, nil},
		{"=", values{}, nil},
		{"A", values{}, nil},
		{"A=1=2", values{A: "1=2"}, nil},
		{"A=a+b%20c", values{A: "a b c"}, nil},
		{"A=%26%3d%3B%00", values{A: "&=;\x00"}, nil},
		{"%41=x", values{A: "x"}, nil},
		{"a=x", values{}, nil},
		{"l[]=1&l%5B%5D=2", values{L: []string{"1", "2"}}, nil},
		{"ü=1", values{U: "1"}, nil},
		{"%C3%BC=1", values{U: "1"}, nil},
		{"B=1&A=x&B=2&A=y", values{A: "x", B: 1}, nil},
		{"B=%2B1", values{B: 1}, nil},
		{"B=+1", values{}, bad("B", "B", `" 1" is not an integer`)},

		{"A=%zz", values{}, bad("A", "A", `malformed percent-encoding in "%zz"`)},
		{"A=%", values{}, bad("A", "A", `malformed percent-encoding in "%"`)},
		{"A=1&x=%4", values{A: "1"}, bad("x", "", `malformed percent-encoding in "%4"`)},
		{"%GG=1", values{}, bad("", "", `malformed percent-encoding in "%GG"`)},
		{"A=1;B=2", values{}, bad("A", "A", `a semicolon in "1;B=2" separates nothing; write %3B`)},
		{"A;B=2", values{}, bad("", "", `a semicolon in "A;B" separates nothing; write %3B`)},
	} {
		for _, src := range []bind.Source{bind.Query, bind.Form} {
			t.Run(src.Place()+"/"+test.in, func(t *testing.T) {
				req, want := query(test.in), test.wantErr
				if src == bind.Form {
					req = form(test.in)
					if want != nil {
						e := *want
						e.Place = bind.PlaceForm
						want = &e
					}
				}
				var got any
				var err error
				if src == bind.Query {
					got, err = bindNew[values](t, src, req)
				} else {
					type formValues struct {
						A string
						B int
						L []string `form:"l[]"`
						U string   `form:"ü"`
					}
					var v formValues
					v, err = bindNew[formValues](t, src, req)
					got = values(v)
				}
				checkError(t, err, want)
				if !reflect.DeepEqual(got, test.want) {
					t.Errorf("got %+v, want %+v", got, test.want)
				}
			})
		}
	}
}

func TestErrorText(t *testing.T) {
	_, err := bindNew[struct{ N int }](t, bind.Query, query("N=x"))
	checkText(t, err, `Query Parameter N: "x" is not an integer`)
	_, err = bindNew[struct{ N int }](t, bind.Query, query("%=x"))
	checkText(t, err, `Query Parameter: malformed percent-encoding in "%"`)
	if got := err.(bind.Error).StatusCode(); got != 400 {
		t.Errorf("status %d, want 400", got)
	}
	if (bind.Error{}).Unwrap() != nil {
		t.Error("an error without a cause has one")
	}
}

func TestStrictKeys(t *testing.T) {
	type values struct {
		Name string         `q:"name" form:"name"`
		M    map[string]int `q:"max" form:"max"`
	}
	for _, test := range []struct {
		key    string
		reason string
	}{
		{"name", ""},
		{"max[a]", ""},
		{"Name", `unknown key "Name"; did you mean "name"?`},
		{"nmae", `unknown key "nmae"; did you mean "name"?`},
		{"limit", `unknown key "limit"`},
		{"max[a", `unknown key "max[a"`},
		{"name[a]", `unknown key "name[a]"`},
	} {
		for _, d := range deliveries {
			if d.src != bind.Query && d.src != bind.Form {
				continue
			}
			t.Run(test.key+"/"+d.name, func(t *testing.T) {
				var want *bind.Error
				if test.reason != "" {
					want = &bind.Error{Place: d.src.Place(), Key: test.key, Reason: test.reason}
				}
				_, err := bindNew[values](t, d.src, closeAfter(t, strict(d.make(test.key, "1"))))
				checkError(t, err, want)
				if _, err := bindNew[values](t, d.src, closeAfter(t, d.make(test.key, "1"))); err != nil {
					t.Errorf("lenient: %v", err)
				}
			})
		}
	}
}

func TestKeyLimit(t *testing.T) {
	type values struct{ L []int }
	three := func(l *bind.Limits) { l.Keys = 3 }
	for _, d := range deliveries {
		if d.src != bind.Query && d.src != bind.Form {
			continue
		}
		for _, test := range []struct {
			values []string
			reason string
		}{
			{[]string{"1", "2", "3"}, ""},
			{[]string{"1", "2", "3", "4"}, "more than 3 keys"},
		} {
			var want *bind.Error
			if test.reason != "" {
				want = &bind.Error{Place: d.src.Place(), Reason: test.reason}
			}
			_, err := bindNew[values](t, d.src, closeAfter(t, limited(d.make("L", test.values...), three)))
			checkError(t, err, want)
			_, err = bindNew[values](t, d.src, closeAfter(t, limited(d.make("other", test.values...), three)))
			checkError(t, err, want)
		}
	}

	// Values of one key count as well, or a list could be as long as the URL.
	type csv struct {
		L []int `q:",csv" header:",csv"`
	}
	_, err := bindNew[csv](t, bind.Query, limited(query("L=1,2&L=3"), three))
	checkError(t, err, nil)
	_, err = bindNew[csv](t, bind.Query, limited(query("L=1,2,3,,,"), three))
	checkError(t, err, nil)
	_, err = bindNew[csv](t, bind.Query, limited(query("L=1,2&L=3,4"), three))
	checkError(t, err, &bind.Error{Place: bind.PlaceQuery, FieldName: "L", Key: "L", Reason: "more than 3 values"})

	// The usual limit is a thousand, and none is none.
	many := strings.Repeat("L=1&", 1000)
	_, err = bindNew[values](t, bind.Query, query(many))
	checkError(t, err, nil)
	_, err = bindNew[values](t, bind.Query, query(many+"x=1"))
	checkError(t, err, &bind.Error{Place: bind.PlaceQuery, Reason: "more than 1000 keys"})
	got, err := bindNew[values](t, bind.Query, limited(query(many+many), func(l *bind.Limits) { l.Keys = 0 }))
	checkError(t, err, nil)
	if len(got.L) != 2000 {
		t.Errorf("got %d values, want 2000", len(got.L))
	}
}

func TestParamRest(t *testing.T) {
	type values struct {
		Name string        `param:"name"`
		Path bind.SafePath `param:"path"`
	}
	for _, test := range []struct {
		rest, path string
		want       bind.SafePath
		reason     string
	}{
		{"", "a/b", "a/b", ""},
		{"path", "a/b", "a/b", ""},
		{"", "", "", ""},
		{"", "a/../b", "", `"a/../b" is not a plain relative path`},
		{"path", "../b", "", `"../b" is not a plain relative path`},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetPathValue("name", "n")
		r.SetPathValue("path", test.path)
		var want *bind.Error
		if test.reason != "" {
			want = &bind.Error{Place: bind.PlaceParam, FieldName: "Path", Key: "path", Reason: test.reason}
		}
		got, err := bindNew[values](t, bind.Param, limited(requestOf(r), func(l *bind.Limits) { l.Rest = test.rest }))
		checkError(t, err, want)
		if got.Path != test.want || got.Name != "n" {
			t.Errorf("%+v: got %+v", test, got)
		}
	}

	r := httptest.NewRequest("GET", "/", nil)
	r.SetPathValue("path", "a//b")
	got, err := bindNew[struct {
		Path string `param:"path"`
	}](t, bind.Param, limited(requestOf(r), func(l *bind.Limits) { l.Rest = "path" }))
	checkError(t, err, nil)
	if got.Path != "/a//b" {
		t.Errorf("got %q", got.Path)
	}
}

func TestHeaderNames(t *testing.T) {
	type values struct {
		Host   string
		ID     int      `header:"x-request-id"`
		Accept []string `header:"ACCEPT"`
		Tags   []string `header:"x-tags,csv"`
		Lower  string   `header:"x_odd"`
	}
	r := httptest.NewRequest("GET", "http://example.com:80/", nil)
	r.Header.Set("X-Request-Id", "7")
	r.Header["Accept"] = []string{"a", "b"}
	r.Header.Set("X-Tags", "x, y")
	r.Header.Set("x_odd", "o")
	r.Header["lower-case"] = []string{"not canonical, not seen"}
	got, err := bindNew[values](t, bind.Header, requestOf(r))
	checkError(t, err, nil)
	want := values{"example.com:80", 7, []string{"a", "b"}, []string{"x", "y"}, "o"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}

	r.Header.Set("X-Request-Id", "x")
	_, err = bindNew[values](t, bind.Header, requestOf(r))
	checkError(t, err, &bind.Error{Place: bind.PlaceHeader, FieldName: "ID", Key: "X-Request-Id", Reason: `"x" is not an integer`})

	r.Host = "no port"
	_, err = bindNew[struct {
		Port int `header:"host"`
	}](t, bind.Header, requestOf(r))
	checkError(t, err, &bind.Error{Place: bind.PlaceHeader, FieldName: "Port", Key: "Host", Reason: `"no port" is not an integer`})
}

func TestCookies(t *testing.T) {
	type values struct {
		Session string `cookie:"sid"`
		N       int    `cookie:"n"`
		All     []string
	}
	for _, test := range []struct {
		header []string
		want   values
		reason string
	}{
		{nil, values{}, ""},
		{[]string{""}, values{}, ""},
		{[]string{"sid=a; n=1"}, values{Session: "a", N: 1}, ""},
		{[]string{"sid=a; sid=b", "sid=c; All=1; All=2"}, values{Session: "a", All: []string{"1", "2"}}, ""},
		{[]string{`sid="quoted"`}, values{Session: "quoted"}, ""},
		{[]string{"SID=a; sid"}, values{}, ""},
		{[]string{"n=x"}, values{}, `"x" is not an integer`},
		{[]string{"n="}, values{}, ""},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Cookie"] = test.header
		var want *bind.Error
		if test.reason != "" {
			want = &bind.Error{Place: bind.PlaceCookie, FieldName: "N", Key: "n", Reason: test.reason}
		}
		got, err := bindNew[values](t, bind.Cookie, requestOf(r))
		checkError(t, err, want)
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q: got %+v, want %+v", test.header, got, test.want)
		}
	}
}

// A value comes from its own source and from no other.
func TestSourcesDoNotMix(t *testing.T) {
	type values struct{ V string }
	r := httptest.NewRequest("POST", "/?V=query", strings.NewReader("V=form"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("V", "header")
	r.Header.Set("Cookie", "V=cookie")
	r.SetPathValue("V", "param")
	req := requestOf(r)
	for src, want := range map[bind.Source]string{bind.Param: "param", bind.Query: "query", bind.Header: "header", bind.Cookie: "cookie", bind.Form: "form"} {
		got, err := bindNew[values](t, src, req)
		if err != nil || got.V != want {
			t.Errorf("got %q, %v; want %q", got.V, err, want)
		}
	}
}
