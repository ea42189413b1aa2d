package validate_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/gongular/gongular/validate"
)

// All fields that are refused are reported, each under its own name.
func ExampleStruct() {
	type Address struct {
		City string `json:"city" valid:"required,alpha"`
	}
	type User struct {
		Name  string    `json:"name" valid:"required,alphanum,length(2|32)"`
		Age   int       `valid:"range(18|150)"`
		Homes []Address `json:"homes"`
	}

	err := validate.Struct(User{Name: "a-b", Age: 36, Homes: []Address{{"Paris"}, {""}}})
	if errs, ok := errors.AsType[validate.Errors](err); ok {
		for _, e := range errs {
			fmt.Println(e)
		}
		fmt.Println(errs.ByField())
	}
	// Output:
	// name: a-b does not validate as alphanum
	// Homes.1.city: non zero value required
	// map[city:non zero value required name:a-b does not validate as alphanum]
}

func ExampleValue() {
	fmt.Println(validate.Value("a@b.c", "email,length(3|64)"))
	fmt.Println(validate.Value(7, "range(1|5)"))
	fmt.Println(validate.Value([]string{"a", "b", "9"}, "alpha"))
	// Output:
	// <nil>
	// 7 does not validate as range(1|5)
	// 9 does not validate as alpha
}

// The text behind "~" is the message. Its first %s is the value, its second
// the option.
func ExampleStruct_messages() {
	type User struct {
		Name string `valid:"required~tell us your name"`
		Size string `valid:"in(S|M|L)~there is no size %s in %s"`
	}

	err := validate.Struct(User{Size: "XL"})
	errs, _ := errors.AsType[validate.Errors](err)
	fmt.Println(errs.ByField()["Name"])
	fmt.Println(errs.ByField()["Size"])
	// Output:
	// tell us your name
	// there is no size XL in in(S|M|L)
}

// Where a name alone would hide an error, the path is the key.
func ExampleErrors_ByField() {
	type Address struct {
		City string `valid:"alpha"`
	}
	type Trip struct {
		From, To Address
		Seats    int `valid:"range(1|9)"`
	}

	err := validate.Struct(Trip{Address{"1"}, Address{"2"}, 10})
	errs, _ := errors.AsType[validate.Errors](err)
	for _, key := range []string{"From.City", "To.City", "Seats"} {
		fmt.Printf("%s: %s\n", key, errs.ByField()[key])
	}
	// Output:
	// From.City: 1 does not validate as alpha
	// To.City: 2 does not validate as alpha
	// Seats: 10 does not validate as range(1|9)
}

// Mistakes in tags are found when a type is compiled, all at once.
func ExampleValidator_Compile() {
	type Address struct {
		City string `valid:"alhpa"`
	}
	type User struct {
		Address Address
		Active  bool   `valid:"numeric"`
		Code    string `valid:"length(3)"`
	}

	var v validate.Validator
	_, err := v.Compile(reflect.TypeFor[User]())
	fmt.Println(err)
	// Output:
	// Address.City: unknown validator "alhpa"; did you mean "alpha"?
	// Active: numeric cannot be applied to bool
	// Code: length(3): want two whole numbers without signs or spaces: length(min|max)
}

// A plan is made once, and walked for each value.
func ExamplePlan() {
	type User struct {
		Name string `valid:"required,alpha"`
	}

	var v validate.Validator
	plan, err := v.Compile(reflect.TypeFor[User]())
	if err != nil {
		panic(err) // at start-up
	}
	for _, name := range []string{"ada", ""} {
		fmt.Println(plan.Validate(reflect.ValueOf(User{name})))
	}
	// Output:
	// <nil>
	// Name: non zero value required
}

// A rule of one's own may look things up. If that fails, nothing is said of the
// value.
func ExampleValidator_Register() {
	type Account struct {
		Name string `json:"name" valid:"alphanum,free~%s is taken"`
	}

	var v validate.Validator
	v.Register("free", func(ctx context.Context, f validate.Field) (bool, error) {
		if err := ctx.Err(); err != nil { // as a query would have it
			return false, err
		}
		return f.Value() != "ada", nil
	})

	ctx, cancel := context.WithCancel(context.Background())
	fmt.Println(v.StructContext(ctx, Account{"ada"}))
	fmt.Println(v.StructContext(ctx, Account{"bob"}))
	cancel()
	err := v.StructContext(ctx, Account{"ada"})
	fmt.Println(err, errors.Is(err, context.Canceled))
	// Output:
	// ada is taken
	// <nil>
	// name: free could not be asked: context canceled true
}

// The parameters of a rule are read when a type is compiled.
func ExampleValidator_RegisterParams() {
	var v validate.Validator
	v.RegisterParams("multiple", "multiple(n)", func(params []string) (validate.Func, error) {
		n, err := strconv.Atoi(params[0])
		if err != nil || n == 0 {
			return nil, errors.New("want a whole number")
		}
		return func(_ context.Context, f validate.Field) (bool, error) {
			return f.Value().(int)%n == 0, nil
		}, nil
	})

	fmt.Println(v.Value(10, "multiple(5)"))
	fmt.Println(v.Value(12, "multiple(5)"))
	fmt.Println(v.Value(12, "multiple(five)"))
	// Output:
	// <nil>
	// 12 does not validate as multiple(5)
	// multiple(five): want a whole number: multiple(n)
}

func ExampleValidator_RegisterText() {
	var v validate.Validator
	v.RegisterText("even", func(s string) bool { return len(s)%2 == 0 })

	fmt.Println(v.Value([]string{"ab", "abc"}, "even"))
	fmt.Println(v.Value(1234, "!even"))
	// Output:
	// abc does not validate as even
	// 1234 does validate as even
}

// Of a secret field no error shows the value.
func ExampleStruct_eqfield() {
	type Signup struct {
		Password string `json:"password" valid:"secret,required,min(8)"`
		Repeated string `json:"repeated" valid:"eqfield(Password)~the passwords differ"`
	}

	fmt.Println(validate.Struct(Signup{"12345678", "12345678"}))
	fmt.Println(validate.Struct(Signup{"12345678", ""}))
	fmt.Println(validate.Struct(Signup{"1234", "1234"}))
	// Output:
	// <nil>
	// the passwords differ
	// password: the value does not validate as min(8)
}

func ExampleStruct_required_if() {
	type Order struct {
		Delivery string `valid:"required,oneof(post|shop)"`
		Street   string `valid:"required_if(Delivery|post)"`
	}

	fmt.Println(validate.Struct(Order{Delivery: "shop"}))
	fmt.Println(validate.Struct(Order{Delivery: "post"}))
	// Output:
	// <nil>
	// Street: non zero value required
}

// The options in each are about the elements, those beside it about the list.
func ExampleStruct_each() {
	type Post struct {
		Tags []string `json:"tags" valid:"max(3),each(lowercase,min(2)~%s is too short)"`
	}

	err := validate.Struct(Post{[]string{"go", "x", "HTTP"}})
	errs, _ := errors.AsType[validate.Errors](err)
	for _, e := range errs {
		fmt.Printf("%s: %s\n", e.Path, e.Message)
	}
	// Output:
	// tags.1: x is too short
	// tags.2: HTTP does not validate as lowercase
}

// What no tag can say, a method can.
func ExampleStruct_validate() {
	type Booking struct{ Stay Stay }

	fmt.Println(validate.Struct(Booking{Stay{Nights: 2, Guests: 3}}))
	fmt.Println(validate.Struct(Booking{Stay{Nights: 2, Guests: 1}}))
	// Output:
	// Stay: 3 guests stay 3 nights or more
	// <nil>
}

type Stay struct {
	Nights int `valid:"range(1|30)"`
	Guests int `valid:"range(1|4)"`
}

func (s Stay) Validate() error {
	if s.Guests > 2 && s.Nights < 3 {
		return fmt.Errorf("%d guests stay 3 nights or more", s.Guests)
	}
	return nil
}

func ExampleErrorsByField() {
	type User struct {
		Name string `json:"name" valid:"required"`
		Age  int    `json:"age" valid:"min(18)"`
	}

	err := validate.Struct(User{Age: 17})
	fmt.Println(validate.ErrorsByField(err))
	fmt.Println(validate.ErrorByField(err, "age"))
	fmt.Println(validate.ErrorsByField(nil))
	// Output:
	// map[age:17 does not validate as min(18) name:non zero value required]
	// 17 does not validate as min(18)
	// map[]
}

// A plan is told what was sent, and so knows zero from missing.
func ExamplePlan_Check() {
	type Patch struct {
		Done  bool `json:"done" valid:"present"`
		Count int  `json:"count"`
	}

	var v validate.Validator
	plan, err := v.Compile(reflect.TypeFor[Patch]())
	if err != nil {
		panic(err) // at start-up
	}
	for _, sent := range []any{
		map[string]any{"done": false},
		map[string]any{"count": 1.0},
	} {
		fmt.Println(plan.Check(context.Background(), reflect.ValueOf(Patch{}), sent))
	}
	// Output:
	// <nil>
	// done: must be sent
}
