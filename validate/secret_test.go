package validate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gongular/gongular/validate"
)

type secretText string

func (s secretText) Validate() error { return fmt.Errorf("%s is too weak", string(s)) }

type secretPair struct {
	A string `valid:"alpha"`
	B string
}

func (p secretPair) Validate() error {
	return validate.Errors{{Path: "B", Name: "B", Rule: "strength", Value: p.B, Message: p.B + " is weak", Custom: true}}
}

// Nothing that is in a secret field comes out, whatever refuses it.
func TestSecret(t *testing.T) {
	type leaf struct {
		Pin string `json:"pin" valid:"numeric"`
	}
	type all struct {
		A string            `valid:"secret,numeric"`
		B string            `valid:"numeric~bad: %s (%s),secret"`
		C []string          `valid:"secret,each(numeric,!hush~no %s)"`
		D leaf              `valid:"secret"`
		E *leaf             `valid:"secret,deny"`
		F map[string]leaf   `valid:"secret"`
		G any               `valid:"secret,numeric"`
		H []byte            `valid:"secret,max(1)"`
		I string            `valid:"secret,deny,type(string)"`
		J string            `valid:"secret,nefield(A)"`
		K string            `valid:"nefield(A)"`
		L secretText        `valid:"secret"`
		M secretPair        `valid:"secret"`
		N any               `valid:"secret,type(int)"`
		O map[string]string `valid:"secret,each(numeric)"`
		P bool              `valid:"secret,eqfield(Q)"`
		Q bool
		R any                `valid:"secret,alpha"`
		S any                `valid:"secret,present"`
		T int                `valid:"secret,required"`
		U struct{ V []leaf } `valid:"secret"`
		V string             `valid:"numeric"`
	}
	v := &validate.Validator{}
	v.Register("deny", func(context.Context, validate.Field) (bool, error) { return false, nil })
	v.RegisterText("hush", func(string) bool { return true })
	const x = "hunter2"
	value := all{
		A: x, B: x, C: []string{x, "1"}, D: leaf{x}, E: &leaf{x}, F: map[string]leaf{x: {x}}, G: x, H: []byte(x), I: x, J: x, K: x,
		L: x, M: secretPair{"a", x}, N: x, O: map[string]string{x: x}, P: true, R: true, U: struct{ V []leaf }{[]leaf{{x}}}, V: "shown",
	}
	err := v.Struct(value)
	checkErr(t, err, strings.Join([]string{
		"A: the value does not validate as numeric",
		"C.0: the value does not validate as numeric",
		"D.pin: the value does not validate as numeric",
		"E.pin: the value does not validate as numeric",
		"E: the value does not validate as deny",
		"F.***.pin: the value does not validate as numeric",
		"G: the value does not validate as numeric",
		"H: the value does not validate as max(1)",
		"I: the value does not validate as deny",
		"J: the value does not validate as nefield(A)",
		"K: the value does not validate as nefield(A)",
		"L: the value does not validate as Validate",
		"M.B: the value does not validate as strength",
		"N: the value does not validate as type(int)",
		"O.***: the value does not validate as numeric",
		"P: the value does not validate as eqfield(Q)",
		`R: Validator alpha doesn't support kind bool`,
		"S: must be sent",
		"T: non zero value required",
		"U.V.0.pin: the value does not validate as numeric",
		"V: shown does not validate as numeric",
		"bad: *** (numeric)",
		"no ***",
	}, ";"))
	errs, _ := errors.AsType[validate.Errors](err)
	for _, e := range errs {
		if e.Secret != (e.Path != "V") || e.Secret && e.Value != "" {
			t.Errorf("%s is secret: %v, with value %q", e.Path, e.Secret, e.Value)
		}
		if strings.Contains(fmt.Sprintf("%+v", e), x) {
			t.Errorf("%+v", e)
		}
	}
	checkErr(t, validate.Value(x, "secret,numeric"), "the value does not validate as numeric")
}
