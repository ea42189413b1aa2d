// Package playground is validator/v10 as the contenders that have no validator
// of their own, or this one, use it: fields by the names that clients know, and
// its errors as a scenarios.Problem.
package playground

import (
	"reflect"

	"github.com/go-playground/validator/v10"

	"github.com/gongular/gongular/bench/scenarios"
)

// New returns a validator that reads the struct tag "validate".
func New() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	Name(v)
	return v
}

// Name has v name fields by the tag of where they are read from.
func Name(v *validator.Validate) {
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		for _, tag := range []string{"json", "form", "query"} {
			if name := f.Tag.Get(tag); name != "" {
				for i := range name {
					if name[i] == ',' {
						return name[:i]
					}
				}
				return name
			}
		}
		return f.Name
	})
}

// Problem says what is wrong with which field.
func Problem(errs validator.ValidationErrors) scenarios.Problem {
	fields := make(map[string]string, len(errs))
	for _, e := range errs {
		fields[e.Field()] = word(e)
	}
	return scenarios.Problem{Error: "validation failed", Fields: fields}
}

func word(e validator.FieldError) string {
	switch e.Tag() {
	case "min", "max":
		if e.Kind() == reflect.String {
			return "length"
		}
		return "range"
	}
	return e.Tag()
}
