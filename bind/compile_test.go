package bind_test

import (
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gongular/gongular/bind"
)

type Inner struct{ ID int }

type outer struct{ ID int }

type embedsItself struct {
	*embedsItself
	X int
}

// EmbedsItself hides its own fields with themselves.
type EmbedsItself struct {
	*EmbedsItself
	X int `json:"x"`
}

type pair struct {
	A int `default:"1"`
	B int
}

func TestCompileErrors(t *testing.T) {
	for _, test := range []struct {
		src  bind.Source
		typ  reflect.Type
		want string
	}{
		{bind.Query, reflect.TypeFor[int](), "must be a struct, not int"},
		{bind.Query, reflect.TypeFor[*struct{}](), "must be a struct, not *struct {}"},
		{bind.Query, reflect.TypeFor[struct{}](), ""},

		{bind.Query, reflect.TypeFor[struct{ C chan int }](), "C: cannot bind type chan int"},
		{bind.Query, reflect.TypeFor[struct{ F func() }](), "F: cannot bind type func()"},
		{bind.Query, reflect.TypeFor[struct{ A any }](), "A: cannot bind type interface {}"},
		{bind.Query, reflect.TypeFor[struct{ T encoding.TextUnmarshaler }](), "T: cannot bind type encoding.TextUnmarshaler"},
		{bind.Query, reflect.TypeFor[struct{ C complex128 }](), "C: cannot bind type complex128"},
		{bind.Query, reflect.TypeFor[struct{ U uintptr }](), "U: cannot bind type uintptr"},
		{bind.Query, reflect.TypeFor[struct{ A [2]int }](), "A: cannot bind type [2]int"},
		{bind.Query, reflect.TypeFor[struct{ I Inner }](), "I: cannot bind type bind_test.Inner"},
		{bind.Query, reflect.TypeFor[struct{ I *Inner }](), "I: cannot bind type *bind_test.Inner"},
		{bind.Query, reflect.TypeFor[struct{ L [][]string }](), "L: cannot bind type [][]string"},
		{bind.Query, reflect.TypeFor[struct{ L *[]string }](), "L: cannot bind type *[]string"},
		{bind.Query, reflect.TypeFor[struct{ L []Inner }](), "L: cannot bind type []bind_test.Inner"},
		{bind.Query, reflect.TypeFor[struct{ M map[int]int }](), "M: cannot bind type map[int]int"},
		{bind.Query, reflect.TypeFor[struct{ M map[string][]int }](), "M: cannot bind type map[string][]int"},
		{bind.Query, reflect.TypeFor[struct{ P point }](), "P: cannot bind type bind_test.point"},

		{bind.Param, reflect.TypeFor[struct{ L []int }](), "L: cannot bind type []int"},
		{bind.Param, reflect.TypeFor[struct{ M map[string]int }](), "M: cannot bind type map[string]int"},
		{bind.Header, reflect.TypeFor[struct{ M map[string]int }](), "M: cannot bind type map[string]int"},
		{bind.Cookie, reflect.TypeFor[struct{ M map[string]int }](), "M: cannot bind type map[string]int"},

		{bind.Query, reflect.TypeFor[struct {
			A, B int `q:"a"`
		}](), `B: the key "a" is already that of A`},
		{bind.Header, reflect.TypeFor[struct {
			A int `header:"x-a"`
			B int `header:"X-A"`
		}](), `B: the key "X-A" is already that of A`},
		{bind.Query, reflect.TypeFor[struct {
			Inner
			ID int
		}](), `ID: the key "ID" is already that of Inner.ID`},
		{bind.Query, reflect.TypeFor[struct {
			outer
			Inner
		}](), `Inner.ID: the key "ID" is already that of outer.ID`},

		{bind.Query, reflect.TypeFor[struct {
			A int `q:"a b"`
		}](), `A: the key "a b" has a space or control character`},
		{bind.Query, reflect.TypeFor[struct {
			A int `q:"a\n"`
		}](), `A: the key "a\n" has a space or control character`},
		{bind.Query, reflect.TypeFor[struct {
			A int `q:"a,required"`
		}](), `A: unknown option "required" in the tag q:"a,required"; there are csv, optional`},
		{bind.Query, reflect.TypeFor[struct {
			A int `q:"a,csv"`
		}](), `A: the option csv is for slices, not for int`},
		{bind.Query, reflect.TypeFor[struct {
			A []byte `q:"a,csv"`
		}](), `A: the option csv is for slices, not for []uint8`},
		{bind.Query, reflect.TypeFor[struct {
			A int `layout:"2006"`
		}](), `A: the tag layout is for time.Time, not for int`},
		{bind.Query, reflect.TypeFor[struct {
			A *int `layout:"2006"`
		}](), `A: the tag layout is for time.Time, not for int`},
		{bind.Query, reflect.TypeFor[struct {
			A time.Time `layout:"YYYY-MM-DD"`
		}](), `A: the layout "YYYY-MM-DD" has no element of the reference time 2006-01-02T15:04:05Z07:00`},
		{bind.Query, reflect.TypeFor[struct {
			A time.Time `layout:""`
		}](), `A: the layout "" has no element of the reference time 2006-01-02T15:04:05Z07:00`},

		{bind.Query, reflect.TypeFor[struct {
			A int `default:"x"`
		}](), `A: default:"x": "x" is not an integer`},
		{bind.Query, reflect.TypeFor[struct {
			A int8 `default:"128"`
		}](), `A: default:"128": "128" is not in the range -128 to 127`},
		{bind.Query, reflect.TypeFor[struct {
			A *bool `default:"maybe"`
		}](), `A: default:"maybe": "maybe" is not a boolean`},
		{bind.Query, reflect.TypeFor[struct {
			A []int `default:"1, 2"`
		}](), `A: default:"1, 2": " 2" is not an integer`},
		{bind.Query, reflect.TypeFor[struct {
			A int `default:""`
		}](), `A: default:"": "" is not an integer`},
		{bind.Query, reflect.TypeFor[struct {
			M map[string]int `default:"1"`
		}](), `M: a map cannot have a default`},
		{bind.Param, reflect.TypeFor[struct {
			A int `default:"1"`
		}](), `A: a path parameter is never absent: default "1" has no use`},

		{bind.Query, reflect.TypeFor[struct {
			a int `q:"a"`
		}](), `a: an unexported field cannot be bound`},
		{bind.Query, reflect.TypeFor[struct {
			a int `valid:"required"`
		}](), `a: an unexported field cannot be bound`},
		{bind.Query, reflect.TypeFor[struct {
			a int `default:"1"`
		}](), `a: an unexported field cannot be bound`},
		{bind.Query, reflect.TypeFor[struct{ a chan int }](), ""},
		{bind.Query, reflect.TypeFor[struct{ *Inner }](), `Inner: cannot bind an embedded pointer; embed bind_test.Inner itself`},
		{bind.Query, reflect.TypeFor[struct{ *outer }](), `outer: cannot bind an embedded pointer; embed bind_test.outer itself`},
		{bind.Query, reflect.TypeFor[struct{ embedsItself }](), `embedsItself.embedsItself: cannot bind an embedded pointer; embed bind_test.embedsItself itself`},
		{bind.Query, reflect.TypeFor[struct {
			Inner `q:"i"`
		}](), `Inner: cannot bind type bind_test.Inner`},
		{bind.Query, reflect.TypeFor[struct {
			Inner `q:"-"`
		}](), ""},

		{bind.Query, reflect.TypeFor[struct {
			A int `file:"max=1KB"`
		}](), `A: the tag file is for uploaded files, not for int`},
		{bind.Query, reflect.TypeFor[struct{ F *bind.File }](), `F: a file can be bound in Form only`},
		{bind.Form, reflect.TypeFor[struct{ F bind.File }](), `F: an uploaded file is bound as a pointer, *bind.File`},
		{bind.Form, reflect.TypeFor[struct{ F []bind.File }](), `F: cannot bind type []bind.File`},
		{bind.Form, reflect.TypeFor[struct{ F map[string]*bind.File }](), `F: cannot bind type map[string]*bind.File`},
		{bind.Form, reflect.TypeFor[struct {
			F []*bind.File `form:",csv"`
		}](), `F: the option csv is for slices of values, not for files`},
		{bind.Form, reflect.TypeFor[struct {
			F *bind.File `file:"size=1KB"`
		}](), `F: the tag file:"size=1KB": unknown rule "size"; there are max, types`},
		{bind.Form, reflect.TypeFor[struct {
			F *bind.File `file:"max=1TB"`
		}](), `F: the tag file:"max=1TB": "1TB" is not a size like 512KB or 5MB`},
		{bind.Form, reflect.TypeFor[struct {
			F *bind.File `file:"max"`
		}](), `F: the tag file:"max": "" is not a size like 512KB or 5MB`},
		{bind.Form, reflect.TypeFor[struct {
			F *bind.File `file:"max=0"`
		}](), `F: the tag file:"max=0": "0" is not a size like 512KB or 5MB`},
		{bind.Form, reflect.TypeFor[struct {
			F *bind.File `file:"max=-1B"`
		}](), `F: the tag file:"max=-1B": "-1B" is not a size like 512KB or 5MB`},
		{bind.Form, reflect.TypeFor[struct {
			F *bind.File `file:"max=5 MB"`
		}](), `F: the tag file:"max=5 MB": "5 MB" is not a size like 512KB or 5MB`},
		{bind.Form, reflect.TypeFor[struct {
			F *bind.File `file:"types=png"`
		}](), `F: the tag file:"types=png": "png" is not a type like image/png or image/*`},
		{bind.Form, reflect.TypeFor[struct {
			F *bind.File `file:"types=image/png|"`
		}](), `F: the tag file:"types=image/png|": "" is not a type like image/png or image/*`},
		{bind.Form, reflect.TypeFor[struct {
			F *bind.File `file:"types=text/plain; charset=utf-8"`
		}](), `F: the tag file:"types=text/plain; charset=utf-8": "text/plain; charset=utf-8" is not a type like image/png or image/*`},
		{bind.Form, reflect.TypeFor[struct {
			F *bind.File `file:"max=2147483647GB,types=image/*"`
		}](), ""},

		// All mistakes come at once, in field order.
		{bind.Query, reflect.TypeFor[struct {
			A chan int
			B int `default:"x"`
			C int `q:"D"`
			D int
		}](), "A: cannot bind type chan int\nB: default:\"x\": \"x\" is not an integer\nD: the key \"D\" is already that of C"},
	} {
		_, err := bind.Compile(test.typ, test.src, nil)
		t.Run(fmt.Sprintf("%v", test.typ), func(t *testing.T) { checkText(t, err, test.want) })
	}
}

// Types that go vet would not have in the source.
func structWith(fields ...reflect.StructField) reflect.Type { return reflect.StructOf(fields) }

func exported(name, tag string) reflect.StructField {
	return reflect.StructField{Name: name, Type: reflect.TypeFor[int](), Tag: reflect.StructTag(tag)}
}

func unexported(name, tag string) reflect.StructField {
	f := exported(name, tag)
	f.PkgPath = "github.com/gongular/gongular/bind_test"
	return f
}

type ambiguous struct {
	Inner
	outer
	ID int // hides both
}

type recursive struct {
	Name string      `json:"name"`
	Kids []recursive `json:"kids"`
	Next *recursive  `json:"next"`
	Map  map[string]recursive
}

func TestCompileBodyErrors(t *testing.T) {
	for _, test := range []struct {
		typ  reflect.Type
		want string
	}{
		{reflect.TypeFor[struct{}](), ""},
		{reflect.TypeFor[any](), ""},
		{reflect.TypeFor[recursive](), ""},
		{reflect.TypeFor[[]recursive](), ""},
		{reflect.TypeFor[ambiguous](), ""},
		{reflect.TypeFor[EmbedsItself](), ""},
		{reflect.TypeFor[map[time.Time]int](), ""},
		{reflect.TypeFor[map[int8][]json.RawMessage](), ""},
		{reflect.TypeFor[struct{ a chan int }](), ""},
		{reflect.TypeFor[struct {
			A chan int `json:"-"`
		}](), ""},
		{reflect.TypeFor[sync.Mutex](), ""},

		{reflect.TypeFor[chan int](), "cannot bind type chan int"},
		{reflect.TypeFor[io.Reader](), "cannot bind type io.Reader: JSON does not say which type implements it"},
		{reflect.TypeFor[struct{ R io.Reader }](), "R: cannot bind type io.Reader: JSON does not say which type implements it"},
		{reflect.TypeFor[struct{ F func() }](), "F: cannot bind type func()"},
		{reflect.TypeFor[struct{ C complex64 }](), "C: cannot bind type complex64"},
		{reflect.TypeFor[struct {
			A chan int `json:"-,"`
		}](), "A: cannot bind type chan int"},
		{reflect.TypeFor[struct{ L []chan int }](), "L: cannot bind type chan int"},
		{reflect.TypeFor[struct{ M map[float64]int }](), "M: cannot bind type map[float64]int: JSON names are no float64"},
		{reflect.TypeFor[struct{ P **func() }](), "P: cannot bind type func()"},

		{structWith(exported("A", `json:"a"`), exported("B", `json:"a"`)), `B: the JSON name "a" is already that of A`},
		{reflect.TypeFor[struct {
			Inner
			outer
		}](), `outer.ID: the JSON name "ID" is already that of Inner.ID`},
		{reflect.TypeFor[struct{ *outer }](), "outer: encoding/json cannot set an embedded pointer to an unexported struct"},
		{structWith(unexported("a", `json:"a"`)), "a: an unexported field cannot be bound"},
		{reflect.TypeFor[struct {
			a int `valid:"required"`
		}](), "a: an unexported field cannot be bound"},
		{reflect.TypeFor[struct {
			a int `default:"1"`
		}](), "a: an unexported field cannot be bound"},

		{reflect.TypeFor[struct {
			A int `default:"x"`
		}](), `A: default:"x": "x" is not an integer`},
		{reflect.TypeFor[struct {
			A []int `default:"1"`
		}](), `A: default:"1": cannot bind type []int`},
		{reflect.TypeFor[struct {
			A *int `default:"1"`
		}](), `A: default:"1": a field of a body with a default must be a plain value, not *int`},
		{reflect.TypeFor[struct {
			A []byte `default:"1"`
		}](), `A: default:"1": a field of a body with a default must be a plain value, not []uint8`},
		{reflect.TypeFor[struct {
			L []struct {
				A int `json:"a" default:"1"`
			} `json:"l"`
		}](), `l.a: default:"1" has no use here: the value is made by decoding`},
		{reflect.TypeFor[struct{ P *pair }](), `P.A: default:"1" has no use here: the value is made by decoding`},
		{reflect.TypeFor[*pair](), `A: default:"1" has no use here: the value is made by decoding`},
		{reflect.TypeFor[map[string]pair](), `A: default:"1" has no use here: the value is made by decoding`},
		{reflect.TypeFor[struct {
			First pair
			Rest  []pair
		}](), `Rest.A: default:"1" has no use here: the value is made by decoding`},
		{reflect.TypeFor[struct {
			Rest  []pair
			First pair
		}](), `Rest.A: default:"1" has no use here: the value is made by decoding`},
		{reflect.TypeFor[struct{ *Defaulted }](), `Defaulted.A: default:"1": has no use behind an embedded pointer`},

		{reflect.TypeFor[struct {
			A chan int
			B int `default:"x"`
		}](), "A: cannot bind type chan int\nB: default:\"x\": \"x\" is not an integer"},
	} {
		_, err := bind.CompileBody(test.typ, nil)
		t.Run(fmt.Sprintf("%v", test.typ), func(t *testing.T) { checkText(t, err, test.want) })
	}
}

// Defaulted is embedded by pointer.
type Defaulted struct {
	A int `default:"1"`
}

// Whatever can be compiled can be bound: no source panics at its first request.
func TestCompiledTypesBind(t *testing.T) {
	type all struct {
		I  int
		P  *time.Time
		L  []string
		FP *bind.File   `form:",optional"`
		FL []*bind.File `form:"files"`
	}
	for _, req := range []*request{
		form(""), form("I=1&L=a&FP=&files="), multipartForm(part{"L", "", "a"}, part{"FP", "a.txt", "x"}),
	} {
		if _, err := bindNew[all](t, bind.Form, closeAfter(t, req)); err != nil {
			t.Error(err)
		}
	}
}

// One plan serves many requests at once.
func TestPlanIsConcurrent(t *testing.T) {
	type values struct {
		N int
		L []int `default:"1,2"`
		M map[string]int
	}
	p, body := mustCompile[values](t, bind.Query), mustCompileBody[recursive](t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 50 {
				var v values
				if err := bound(p, reflect.ValueOf(&v).Elem(), query(fmt.Sprintf("N=%d&M[a]=%d", i, i))); err != nil || v.N != i || v.M["a"] != i || len(v.L) != 2 {
					t.Errorf("got %+v, %v", v, err)
				}
				v.L[0] = i
				var r recursive
				req := strict(jsonBody(fmt.Sprintf(`{"name":%q,"kids":[{"name":"a"}]}`, strings.Repeat("x", i))))
				if err := bound(body, reflect.ValueOf(&r).Elem(), req); err != nil || len(r.Name) != i || len(r.Kids) != 1 {
					t.Errorf("got %+v, %v", r, err)
				}
				if err := req.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
