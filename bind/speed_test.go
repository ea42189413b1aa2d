package bind_test

import (
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/gongular/gongular/bind"
)

// allocations binds one request again and again into one value.
func allocations(t *testing.T, p *bind.Plan, v reflect.Value, req *request) float64 {
	t.Helper()
	return testing.AllocsPerRun(100, func() {
		if err := bound(p, v, req); err != nil {
			t.Fatal(err)
		}
	})
}

// Plain values without escapes are parsed where they stand.
func TestAllocations(t *testing.T) {
	type scalars struct {
		N int           `q:"n" param:"n" header:"N"`
		S string        `q:"s" param:"s" header:"S"`
		B bool          `q:"b" param:"b" header:"B"`
		D time.Duration `q:"d" param:"d" header:"D"`
	}
	r := httptest.NewRequest("GET", "/?n=-17&s=text&b=true&d=1m30s&unknown=1", nil)
	for _, key := range []string{"n", "s", "b", "d"} {
		value := r.URL.Query().Get(key)
		r.SetPathValue(key, value)
		r.Header.Set(key, value)
	}
	type escaped struct {
		S string `q:"s"`
	}
	type pointer struct {
		N *int `q:"n"`
	}
	type list struct {
		L []int `q:"n"`
	}
	for _, test := range []struct {
		name string
		src  bind.Source
		into any
		raw  string
		want float64
	}{
		{"param", bind.Param, &scalars{}, "", 0},
		{"query", bind.Query, &scalars{}, r.URL.RawQuery, 0},
		{"header", bind.Header, &scalars{}, "", 0},
		{"no cookie", bind.Cookie, &scalars{}, "", 0},
		{"empty query", bind.Query, &scalars{}, "", 0},
		{"escaped", bind.Query, &escaped{}, "s=a%20b", 1},
		{"pointer", bind.Query, &pointer{}, "n=1", 1},
		{"list", bind.Query, &list{}, "n=1", 1},
	} {
		v := reflect.ValueOf(test.into).Elem()
		p, err := bind.Compile(v.Type(), test.src, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.RawQuery = test.raw
		if got := allocations(t, p, v, requestOf(r)); got > test.want {
			t.Errorf("%s: %v allocations, want %v", test.name, got, test.want)
		}
	}
}

func BenchmarkQuery(b *testing.B) {
	type values struct {
		Page  int    `q:"page"`
		Size  int    `q:"size"`
		Sort  string `q:"sort"`
		Exact bool   `q:"exact"`
	}
	p := mustCompile[values](b, bind.Query)
	req := query("page=3&size=20&sort=name&exact=true")
	var v values
	rv := reflect.ValueOf(&v).Elem()
	b.ReportAllocs()
	for b.Loop() {
		if err := bound(p, rv, req); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBody(b *testing.B) {
	text := `{"id":7,"name":"n","Items":[{"price":1,"Tags":["a","b"]},{"price":2}]}`
	for name, mode := range map[string]bool{"lenient": false, "strict": true} {
		b.Run(name, func(b *testing.B) {
			p := mustCompileBody[order](b)
			b.ReportAllocs()
			for b.Loop() {
				req := jsonBody(text)
				if mode {
					strict(req)
				}
				var v order
				if err := bound(p, reflect.ValueOf(&v).Elem(), req); err != nil {
					b.Fatal(err)
				}
				if err := req.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
