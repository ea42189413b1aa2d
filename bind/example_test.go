package bind_test

import (
	"fmt"
	"net/http/httptest"
	"reflect"
	"strings"

	"github.com/gongular/gongular/bind"
)

// A struct is compiled once; a request only walks the plan.
func ExampleCompile() {
	type search struct {
		Page int      `q:"page" default:"1"`
		Tags []string `q:"tag"`
		IDs  []int    `q:"ids,csv"`
		Near *float64 `q:"near"` // nil where it is absent
	}
	plan, err := bind.Compile(reflect.TypeFor[search](), bind.Query, nil)
	if err != nil {
		panic(err)
	}

	var s search
	v := reflect.ValueOf(&s).Elem()
	plan.SetDefaults(v)
	r := httptest.NewRequest("GET", "/?tag=a&tag=b&ids=1,2,3", nil)
	fmt.Println(plan.Bind(v, &bind.Request{R: r}, nil))
	fmt.Println(s.Page, s.Tags, s.IDs, s.Near)

	r = httptest.NewRequest("GET", "/?page=two", nil)
	fmt.Println(plan.Bind(v, &bind.Request{R: r}, nil))
	// Output:
	// <nil>
	// 1 [a b] [1 2 3] <nil>
	// Query Parameter Page: "two" is not an integer
}

// What cannot work is told before the first request.
func ExampleCompile_mistakes() {
	type search struct {
		Page int       `q:"page" default:"first"`
		Done chan bool `q:"done"`
	}
	_, err := bind.Compile(reflect.TypeFor[search](), bind.Query, nil)
	fmt.Println(err)
	// Output:
	// Page: default:"first": "first" is not an integer
	// Done: cannot bind type chan bool
}

// A wrong value in a body is named by the path to it.
func ExampleCompileBody() {
	type order struct {
		Items []struct {
			Price float64 `json:"price"`
		} `json:"items"`
	}
	plan, err := bind.CompileBody(reflect.TypeFor[order](), nil)
	if err != nil {
		panic(err)
	}
	body := `{"items":[{"price":1.5},{"price":"free"}]}`
	req := &bind.Request{R: httptest.NewRequest("POST", "/", strings.NewReader(body))}
	defer req.Close()
	var o order
	fmt.Println(plan.Bind(reflect.ValueOf(&o).Elem(), req, nil))
	// Output: Body items.1.price: expected number, got string
}
