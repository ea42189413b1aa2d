package validate

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
)

// A Validator compiles types into plans and checks values by them. The zero
// value is ready. It is safe for concurrent use; its fields must not be changed
// and rules not registered after the first, and it must not be copied.
type Validator struct {
	// FieldsRequiredByDefault refuses an exported field that has no valid tag,
	// whatever its value, and an empty one whose tag says neither required nor
	// optional. If false, such fields pass. Of a slice or map without a tag it
	// is the elements that are refused, unless they are structs.
	FieldsRequiredByDefault bool

	// NilPtrAllowedByRequired lets nil pointers pass required, as elements of
	// collections too. If false, a nil pointer is an empty value. Pointers to
	// empty values are refused in either case, as are nil slices, maps and
	// interfaces.
	NilPtrAllowedByRequired bool

	// Opaque reports types whose values are never looked into, such as
	// uploaded files. Of their tag, only required and optional may be said,
	// which ask whether the value is there. If nil, there are no such types.
	Opaque func(reflect.Type) bool

	own    map[string]word // rules of its own
	sealed atomic.Bool     // it has been used
	plans  sync.Map        // reflect.Type → compiled, of types without a tag
	tagged sync.Map        // taggedType → compiled
	count  atomic.Int32
}

// maxTagged is how many plans of types under a tag a validator keeps; those of
// types alone are as many as the program has types. More are compiled anew at
// each use: tags given to Value may be made from anything.
const maxTagged = 4096

// A taggedType is a type under a tag that is no struct field's: that of Value,
// or that of an interface for what it holds.
type taggedType struct {
	typ           reflect.Type
	tag           string
	part          part
	found, absent bool
}

type compiled struct {
	plan *Plan
	err  error
}

// Compile returns the plan for values of type t, which may be any type: a
// struct, a collection of structs, a pointer to either. It looks into all types
// that can be reached from t, but for what interfaces will hold. Plans are
// cached.
//
// The error is nil, or has joined ([errors.Join]) one error for each mistake
// in a tag, whose text begins with the Go path of the field:
//
//	Address.City: unknown validator "alhpa"; did you mean "alpha"?
//	Age: length(1|x): want two whole numbers without signs or spaces: length(min|max)
//	Active: alpha cannot be applied to bool
//
// A type that is reached by several paths is reported at the first.
func (v *Validator) Compile(t reflect.Type) (*Plan, error) {
	if t == nil {
		return nil, errors.New("validate: nil has no type")
	}
	if c, ok := v.plans.Load(t); ok {
		c := c.(compiled)
		return c.plan, c.err
	}
	p, err := v.compile(t, nil, false)
	c, _ := v.plans.LoadOrStore(t, compiled{p, err})
	return c.(compiled).plan, c.(compiled).err
}

// planFound returns the plan for a value of type t in an interface with tag g,
// which may be nil.
func (v *Validator) planFound(t reflect.Type, g *tag) (*Plan, error) {
	if g == nil {
		return v.Compile(t)
	}
	return v.cached(taggedType{t, g.text, g.part, true, g.absent}, func() (*Plan, error) {
		return v.compile(t, g, true)
	})
}

// planTagged returns the plan for values of type t under the tag written text.
func (v *Validator) planTagged(t reflect.Type, text string) (*Plan, error) {
	return v.cached(taggedType{typ: t, tag: text}, func() (*Plan, error) {
		v.sealed.Store(true)
		g, errs := v.parseTag(text)
		if len(errs) > 0 {
			return nil, errors.Join(errs...)
		}
		return v.compile(t, g, false)
	})
}

func (v *Validator) cached(key taggedType, compile func() (*Plan, error)) (*Plan, error) {
	if c, ok := v.tagged.Load(key); ok {
		return c.(compiled).plan, c.(compiled).err
	}
	p, err := compile()
	if v.count.Load() < maxTagged {
		if _, loaded := v.tagged.LoadOrStore(key, compiled{p, err}); !loaded {
			v.count.Add(1)
		}
	}
	return p, err
}

// Struct checks a struct, or what a pointer to one points at. It returns nil
// if x is valid or nil, [Errors] if fields were refused, and another error if
// x is neither a struct nor a pointer to one, if there are mistakes in its
// tags (see [Validator.Compile]), or if a rule of one's own could not tell (see
// [Func]).
//
// The Validate method of x itself is not asked, so that it may call Struct; that
// of any value inside x is. To have both, use [Validator.Value] with an empty
// tag, or a [Plan].
func (v *Validator) Struct(x any) error { return v.StructContext(context.Background(), x) }

// StructContext is Struct with a context for rules of one's own.
func (v *Validator) StructContext(ctx context.Context, x any) error {
	if x == nil {
		return nil
	}
	value := reflect.ValueOf(x)
	if value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	if value.Kind() != reflect.Struct {
		return fmt.Errorf("function only accepts structs; got %v", value.Kind())
	}
	p, err := v.Compile(value.Type())
	if err != nil {
		return err
	}
	return p.check(ctx, value, nil, true)
}

// Value checks a value of any kind as if it was a field with the given tag.
// It returns nil if x is valid, [Errors] without name if it is not, and another
// error if there are mistakes in the tag or a rule of one's own could not tell.
// A tag that is empty asks nothing of x itself but what its Validate method
// does, and "-" nothing at all.
func (v *Validator) Value(x any, tags string) error {
	return v.ValueContext(context.Background(), x, tags)
}

// ValueContext is Value with a context for rules of one's own.
func (v *Validator) ValueContext(ctx context.Context, x any, tags string) error {
	value := reflect.ValueOf(x)
	if x == nil {
		value = reflect.ValueOf(&x).Elem() // of type any
	}
	var p *Plan
	var err error
	switch tags {
	case "-":
		return nil
	case "":
		p, err = v.Compile(value.Type())
	default:
		p, err = v.planTagged(value.Type(), tags)
	}
	if err != nil {
		return err
	}
	return p.Check(ctx, value, nil)
}

var standard Validator

// Struct is [Validator.Struct] of a validator with the default options.
func Struct(x any) error { return standard.Struct(x) }

// Value is [Validator.Value] of a validator with the default options.
//
//	validate.Value("a@b.c", "email,length(3|64)")
func Value(x any, tags string) error { return standard.Value(x, tags) }
