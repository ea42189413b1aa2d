package inject_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/gongular/gongular/inject"
)

// A Request is the scope of the examples.
type Request struct{ User string }

// Filled returns a copy of proto as one request would see it.
func Filled[H any](s *inject.Set[*Request], c *Request, outcome error, proto H) (H, error) {
	plan, err := inject.Compile[*Request](reflect.TypeFor[H](), nil)
	if err != nil {
		return proto, err
	}
	bound := plan.Bind(s, reflect.ValueOf(proto))
	v := reflect.New(reflect.TypeFor[H]()).Elem()
	v.Set(bound.Proto())
	var sess inject.Session[*Request]
	err = bound.Inject(c, &sess, v)
	return v.Interface().(H), errors.Join(err, sess.Close(errors.Join(outcome, err)))
}

// Values go to fields of their type. A field that nothing is provided for keeps
// what it was preset to.
func ExampleSet_Value() {
	type Show struct {
		Title string
		Width int `inject:"width"`
		Limit uint
	}
	var set inject.Set[*Request]
	set.Value("", "gallery")
	set.Value("width", 640)

	show, err := Filled(&set, nil, nil, Show{Limit: 10})
	fmt.Printf("%+v %v\n", show, err)
	// Output: {Title:gallery Width:640 Limit:10} <nil>
}

// English greets in English.
type English struct{}

func (English) Greet(name string) string { return "hello, " + name }

// An interface is filled with what is provided as that interface.
func ExampleSet_ValueAs() {
	type Greeter interface{ Greet(string) string }
	type Welcome struct{ Greeter Greeter }

	var set inject.Set[*Request]
	set.ValueAs(reflect.TypeFor[Greeter](), "", English{})

	w, err := Filled(&set, nil, nil, Welcome{})
	fmt.Println(w.Greeter.Greet("ada"), err)
	// Output: hello, ada <nil>
}

// A value that goes by its name fills any field that it is assignable to.
func ExampleSet_Unsafe() {
	type Welcome struct {
		Greeter interface{ Greet(string) string } `inject:"greeter"`
	}
	var set inject.Set[*Request]
	set.Unsafe("greeter", English{})
	w, err := Filled(&set, nil, nil, Welcome{})
	fmt.Println(w.Greeter.Greet("ada"), err)
	fmt.Println(set.Unsafe("greeter", English{}))
	// Output:
	// hello, ada <nil>
	// key "greeter" already has an unsafe value, of type inject_test.English
}

// A provider that sees the request is asked once for each.
func ExampleSet_Custom() {
	type User struct{ Name string }
	type Show struct{ User *User }

	var set inject.Set[*Request]
	set.Custom(reflect.TypeFor[*User](), "", func(c *Request) (any, error) {
		if c.User == "" {
			return nil, errors.New("nobody is logged in")
		}
		return &User{c.User}, nil
	})

	show, err := Filled(&set, &Request{"ada"}, nil, Show{})
	fmt.Println(show.User.Name, err)
	_, err = Filled(&set, &Request{}, nil, Show{})
	fmt.Println(err)
	// Output:
	// ada <nil>
	// could not inject *inject_test.User with key "default": nobody is logged in
}

// A provider may need others, and clean up according to how the request ended.
func ExampleSet_Func() {
	type DB struct{ Name string }
	type Tx struct{ DB *DB }
	type Save struct{ Tx *Tx }

	var set inject.Set[*Request]
	set.Func(func() *DB { return &DB{"main"} }, "", inject.Singleton)
	set.Func(func(ctx context.Context, db *DB) (*Tx, func(error), error) {
		fmt.Println("begin on", db.Name)
		return &Tx{db}, func(outcome error) {
			if outcome != nil {
				fmt.Println("roll back:", outcome)
				return
			}
			fmt.Println("commit")
		}, ctx.Err()
	}, "", inject.PerRequest)

	Filled(&set, &Request{}, nil, Save{})
	Filled(&set, &Request{}, errors.New("disk full"), Save{})
	// Output:
	// begin on main
	// commit
	// begin on main
	// roll back: disk full
}

// What is wrong with the providers is found before the first request.
func ExampleSet_Check() {
	type DB struct{}
	type Users struct{}
	type Mails struct{}

	var set inject.Set[*Request]
	set.Value("main", &DB{})
	set.Func(func(*DB, *Mails) *Users { return nil }, "", inject.Singleton)
	set.Func(func(*Users) *Mails { return nil }, "", inject.Singleton)
	fmt.Println(set.Check())
	// Output:
	// circle of dependencies: *inject_test.Mails -> *inject_test.Users -> *inject_test.Mails
	// provider of *inject_test.Users: parameter 1, *inject_test.DB: no such dependency exists; *inject_test.DB is provided with key "main"
}

// What is missing for a struct is found before the first request.
func ExampleBound_Missing() {
	type DB struct{}
	type Show struct {
		DB    *DB
		Cache *DB `inject:"cache,optional"`
		Limit int
	}
	var set inject.Set[*Request]
	set.Value("", DB{})
	plan, _ := inject.Compile[*Request](reflect.TypeFor[Show](), nil)
	for _, err := range plan.Bind(&set, reflect.ValueOf(Show{Limit: 10})).Missing() {
		fmt.Println(err)
	}
	// Output:
	// DB: could not inject *inject_test.DB with key "default": no such dependency exists; inject_test.DB is provided, not *inject_test.DB
}

// Mistakes in tags are found when the type is compiled.
func ExampleCompile() {
	type Show struct {
		A int `inject:"a,optionl"`
		b int `inject:"b"`
	}
	_, err := inject.Compile[*Request](reflect.TypeFor[Show](), nil)
	fmt.Println(err)
	// Output:
	// A: tag inject:"a,optionl": unknown option "optionl"; did you mean "optional"?
	// b: tag inject:"b": an unexported field cannot be set
}
