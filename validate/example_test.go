package validate_test

import (
	"errors"
	"fmt"
	"reflect"

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
