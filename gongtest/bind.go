package gongtest

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/bind"
	"github.com/gongular/gongular/validate"
)

// Bind returns a T whose fields Param, Query, Header, Cookie, Body and Form are
// filled from the request and checked, as an engine with the options (of which
// at most one may be given) does it before it calls Handle. Nothing is injected,
// and T, a struct, need not be a handler. Param takes what r.SetPathValue has
// set, as it stands.
//
// The error is a [gongular.ParseError] or [gongular.ValidationError]; T then
// holds what was filled before it. A T that an engine would refuse to register
// makes Bind panic. Converters and decoders are registered on an engine, so that
// Bind knows none.
//
// Uploaded files are held in memory, whatever Options.MaxFormMemory says: they
// stay readable, and there is nothing to remove.
func Bind[T any](r *http.Request, options ...gongular.Options) (T, error) {
	var v T
	var o gongular.Options
	t := reflect.TypeFor[T]()
	switch {
	case len(options) > 1:
		panic(fmt.Sprintf("gongtest: Bind[%v]: more than one Options", t))
	case len(options) == 1:
		o = options[0]
	}
	sections, err := compileSections(t)
	if err != nil {
		panic(fmt.Sprintf("gongtest: Bind[%v]: %v", t, err))
	}
	limits := limitsOf(o)
	req := &bind.Request{R: r}
	rv := reflect.ValueOf(&v).Elem()
	for _, s := range sections {
		s.setDefaults(rv.FieldByIndex(s.index))
	}
	for _, s := range sections {
		if err := s.fill(rv.FieldByIndex(s.index), req, &limits); err != nil {
			req.Close() // everything is in memory
			return v, err
		}
	}
	return v, req.Close()
}

// A section is one special field, as the engine has it. One of values and body
// is set.
type section struct {
	index  []int
	place  string
	values *bind.Plan
	body   *bind.BodyPlan
	check  *validate.Plan
}

// sources are the special fields in the order in which they are bound.
var sources = []struct {
	field string
	src   bind.Source // not for Body
	place string
}{
	{gongular.FieldParameter, bind.Param, gongular.PlaceParameter},
	{gongular.FieldQuery, bind.Query, gongular.PlaceQuery},
	{gongular.FieldHeader, bind.Header, gongular.PlaceHeader},
	{gongular.FieldCookie, bind.Cookie, gongular.PlaceCookie},
	{gongular.FieldBody, 0, gongular.PlaceBody},
	{gongular.FieldForm, bind.Form, gongular.PlaceForm},
}

// compileSections returns the special fields of the struct type t, or all that
// is wrong with them.
func compileSections(t reflect.Type) ([]section, error) {
	if t.Kind() != reflect.Struct {
		return nil, errors.New("not a struct; leave the pointer away")
	}
	validator := validate.Validator{Opaque: func(t reflect.Type) bool { return t == reflect.TypeFor[gongular.UploadedFile]() }}
	var sections []section
	var errs []error
	for _, known := range sources {
		sf, ok := t.FieldByName(known.field)
		if !ok {
			continue
		}
		s := section{index: sf.Index, place: known.place}
		var err error
		if known.field == gongular.FieldBody {
			s.body, err = bind.CompileBody(sf.Type, nil)
		} else {
			s.values, err = bind.Compile(sf.Type, known.src, nil)
		}
		if err == nil {
			s.check, err = validator.Compile(sf.Type)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", known.field, err))
			continue
		}
		sections = append(sections, s)
	}
	_, body := t.FieldByName(gongular.FieldBody)
	_, form := t.FieldByName(gongular.FieldForm)
	if body && form {
		errs = append(errs, errors.New("has both Body and Form, but a request has one body"))
	}
	return sections, errors.Join(errs...)
}

func (s *section) setDefaults(v reflect.Value) {
	if s.body != nil {
		s.body.SetDefaults(v)
	} else {
		s.values.SetDefaults(v)
	}
}

// fill binds the section and checks it.
func (s *section) fill(v reflect.Value, req *bind.Request, limits *bind.Limits) error {
	var err error
	if s.body != nil {
		err = s.body.Bind(v, req, limits)
	} else {
		err = s.values.Bind(v, req, limits)
	}
	if err != nil || s.check.Empty() {
		return err
	}
	err = s.check.Validate(v)
	if failed, ok := err.(validate.Errors); ok {
		return gongular.ValidationError{Fields: failed.ByField(), Place: s.place, Errors: failed}
	}
	return err
}

// limitsOf returns the limits that the options amount to. Files have memory
// without end, and so none of them is put on disk.
func limitsOf(o gongular.Options) bind.Limits {
	l := bind.DefaultLimits()
	return bind.Limits{
		Body: limit(o.MaxBody, l.Body), Form: limit(o.MaxForm, l.Form), FormMemory: 1 << 40,
		Keys: limit(o.MaxKeys, l.Keys), Files: limit(o.MaxFiles, l.Files), Depth: limit(o.MaxDepth, l.Depth),
		BodyTimeout: limit(o.BodyTimeout, l.BodyTimeout), FormTimeout: limit(o.FormTimeout, l.FormTimeout),
		Strict: o.Strict,
	}
}

// limit is the option's limit: the usual one if it is zero, none (which is zero
// to bind) if it is negative.
func limit[N int | int64 | time.Duration](option, usual N) N {
	if option == 0 {
		return usual
	}
	return max(option, 0)
}
