package validate

import (
	"context"
	"fmt"
	"reflect"
	"strings"
)

// A Func is a rule of one's own: it reports whether it accepts the value of a
// field. An error says that it cannot tell, because a look-up failed; checking
// stops then, and its caller gets the error.
//
// It is asked before all other options of the field, about values that are not
// empty. A slice, a map and a pointer it gets as they are, an interface as
// what it holds. It is called by all goroutines that check values.
type Func func(ctx context.Context, f Field) (ok bool, err error)

// A Field is what a [Func] is asked about. It is not to be kept.
type Field struct {
	value, parent reflect.Value
	name          string
	params        []string
}

// Value returns the value. It may share memory with what is checked, and is not
// to be changed.
func (f Field) Value() any { return f.value.Interface() }

// Parent returns the struct that directly holds the field, by value, or nil if
// there is none, as in [Validator.Value].
func (f Field) Parent() any {
	if !f.parent.IsValid() {
		return nil
	}
	return f.parent.Interface()
}

// Name returns the json name of the field, its Go name if it has none, or ""
// outside of structs.
func (f Field) Name() string { return f.name }

// Params returns what the tag has between parentheses, divided at "|". It is
// not to be changed.
func (f Field) Params() []string { return f.params }

// Register adds a rule without parameters. It cannot be negated.
//
// It panics, as do RegisterParams and RegisterText, if the name is taken, or has
// a character that no name may have, or if the validator has been used.
func (v *Validator) Register(name string, f Func) {
	if f == nil {
		panic(fmt.Sprintf("validate: rule %q is nil", name))
	}
	v.register(name, word{clause: clause{role: isFunc}, fn: f})
}

// RegisterParams adds a rule with parameters, as in name(a|b). For each tag with
// the rule, with makes it from what stands between the "|"; an error of it is
// a mistake in the tag, and is shown with the usage: "name(a|b)".
//
//	v.RegisterParams("multiple", "multiple(n)", func(params []string) (validate.Func, error) {
//		n, err := strconv.Atoi(params[0])
//		return func(_ context.Context, f validate.Field) (bool, error) { … }, err
//	})
func (v *Validator) RegisterParams(name, usage string, with func(params []string) (Func, error)) {
	switch {
	case with == nil:
		panic(fmt.Sprintf("validate: rule %q is nil", name))
	case usage == "":
		usage = name + "(…)"
	}
	v.register(name, word{clause: clause{role: isFunc}, usage: usage, fnWith: func(params []string) (Func, error) {
		f, err := with(params)
		if f == nil && err == nil {
			err = fmt.Errorf("no rule was made of it")
		}
		return f, err
	}})
}

// RegisterText adds a rule about text that behaves as those of the package do:
// it is asked about elements, numbers as they are spelt and []byte, in the order
// of the tag, and may be negated.
func (v *Validator) RegisterText(name string, accepts func(string) bool) {
	if accepts == nil {
		panic(fmt.Sprintf("validate: rule %q is nil", name))
	}
	v.register(name, word{
		rule:   rule{check: func(t text) bool { return accepts(t.str()) }},
		clause: clause{negatable: true},
	})
}

func (v *Validator) register(name string, w word) {
	_, taken := v.word(name)
	switch {
	case name == "" || name == "-":
		panic(fmt.Sprintf("validate: %q cannot be the name of a rule", name))
	case strings.ContainsFunc(name, isForbidden) || strings.ContainsAny(name, " ,()~!|"):
		panic(fmt.Sprintf("validate: rule %q: a name has letters, digits and _-. only", name))
	case v.own[name].role == isFunc || v.own[name].check != nil:
		panic(fmt.Sprintf("validate: rule %q is registered twice", name))
	case taken:
		panic(fmt.Sprintf("validate: rule %q is there already, as one of the package's", name))
	case v.sealed.Load():
		panic(fmt.Sprintf("validate: rule %q is registered after the validator was used", name))
	}
	if v.own == nil {
		v.own = map[string]word{}
	}
	v.own[name] = w
}

// checkFuncs asks all rules of one's own about v, which is not empty. Each that
// refuses is an error.
func (w *walker) checkFuncs(x *extra, v reflect.Value, at place) bool {
	ok := true
	for i := range x.funcs {
		o := &x.funcs[i]
		accepted, err := o.fn(w.ctx, Field{v, w.parent, at.name(), o.params})
		switch {
		case err != nil:
			return w.failLookup(o, err, at)
		case !accepted:
			ok = w.failValue(o, v, at)
		}
	}
	return ok
}

// checkTypes returns the first of the type options that values of type t do not
// fit. If mistakes is not nil, these are mistakes instead.
func checkTypes(t reflect.Type, options []option, mistakes *[]error) (wrong *option) {
	name := withoutSpaces(t.String())
	for i := range options {
		o := &options[i]
		if t.Kind() == reflect.Interface || (o.params[0] == name) != o.negated {
			continue
		}
		if mistakes == nil {
			return o
		}
		*mistakes = append(*mistakes, fmt.Errorf("%s refuses every %v", o.key(), t))
	}
	return nil
}

func withoutSpaces(s string) string { return strings.ReplaceAll(s, " ", "") }
