package gongular

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gongular/gongular/bind"
	"github.com/gongular/gongular/inject"
	"github.com/gongular/gongular/internal/hint"
	"github.com/gongular/gongular/validate"
)

// A RequestHandler handles a request, usually as a struct that says what it
// needs; see the package comment. It is registered as a pointer to its struct.
// Each request gets a copy of its own.
//
// An error that Handle returns goes to the error handler and ends the chain.
type RequestHandler interface {
	Handle(c *Context) error
}

// A HandlerFunc is a function as a [RequestHandler] that needs nothing.
type HandlerFunc func(c *Context) error

// Handle calls f.
func (f HandlerFunc) Handle(c *Context) error { return f(c) }

// The names of a handler's special fields.
const (
	// FieldParameter is the field that is filled from the path.
	FieldParameter = "Param"
	// FieldBody is the field that is filled from the JSON body.
	FieldBody = "Body"
	// FieldForm is the field that is filled from the submitted form.
	FieldForm = "Form"
	// FieldQuery is the field that is filled from the query string.
	FieldQuery = "Query"
	// FieldHeader is the field that is filled from the request's header.
	FieldHeader = "Header"
	// FieldCookie is the field that is filled from the request's cookies.
	FieldCookie = "Cookie"
)

// The keys of struct tags.
const (
	// TagInject names the key under which a field's dependency was provided.
	TagInject = inject.Tag
	// TagQuery names the key of a query parameter.
	TagQuery = "q"
)

// An UploadedFile is a file of a multipart form, in a field of Form. See
// [bind.File] for its methods and the tag that limits size and types.
type UploadedFile = bind.File

// SafePath is a relative path without dot segments, for a field that takes the
// rest of a path. See [bind.SafePath].
type SafePath = bind.SafePath

// A specialField is a field that is filled from one part of the request.
type specialField struct {
	field string
	src   bind.Source // not for Body
	place string
}

// sections are the special fields in the order in which they are bound.
var sections = []specialField{
	{FieldParameter, bind.Param, PlaceParameter},
	{FieldQuery, bind.Query, PlaceQuery},
	{FieldHeader, bind.Header, PlaceHeader},
	{FieldCookie, bind.Cookie, PlaceCookie},
	{FieldBody, 0, PlaceBody},
	{FieldForm, bind.Form, PlaceForm},
}

// A typePlan is all that is known of a handler's type, whatever its value and
// route. It is only read once made.
//
//	type Show struct {
//		Param struct{ ID int }  => section{field: "Param", index: [0], values: {ID}}
//		DB    *sql.DB           => inject
//	}
type typePlan struct {
	typ      reflect.Type
	sections []section
	inject   *inject.Plan[*Context]
}

// A section is one special field. One of values and body is set.
type section struct {
	field  string
	index  []int
	at     int  // the same, if it is direct
	direct bool // a field of the handler itself, not of an embedded struct
	typ    reflect.Type
	place  string
	values *bind.Plan
	body   *bind.BodyPlan
	check  *validate.Plan // nil if there is nothing to check
	keys   []bind.Key
}

// A typeCache holds the plans of an engine's handler types.
type typeCache struct {
	mu    sync.Mutex
	plans map[reflect.Type]*typePlan
}

// typePlan returns the plan of the struct type t, compiling it if it is new.
// With an error it returns what is known all the same.
func (e *Engine) typePlan(t reflect.Type) (*typePlan, error) {
	e.types.mu.Lock()
	defer e.types.mu.Unlock()
	if p, ok := e.types.plans[t]; ok {
		return p, nil
	}
	p, err := e.compileType(t)
	if err != nil {
		return p, err
	}
	if e.types.plans == nil {
		e.types.plans = map[reflect.Type]*typePlan{}
	}
	e.types.plans[t] = p
	return p, nil
}

func (e *Engine) compileType(t reflect.Type) (*typePlan, error) {
	p := &typePlan{typ: t}
	var errs []error
	for _, known := range sections {
		sf, ok := t.FieldByName(known.field)
		if !ok {
			continue
		}
		s := section{field: known.field, index: sf.Index, at: sf.Index[0], direct: len(sf.Index) == 1, typ: sf.Type, place: known.place}
		if err := e.compileSection(&s, known.src); err != nil {
			errs = append(errs, err)
			if s.values == nil {
				continue
			}
		}
		p.sections = append(p.sections, s)
	}
	if p.has(FieldBody) && p.has(FieldForm) {
		errs = append(errs, errors.New("has both Body and Form, but a request has one body"))
	}
	errs = append(errs, checkShape(t))
	var err error
	p.inject, err = inject.Compile[*Context](t, isSection)
	errs = append(errs, err)
	return p, errors.Join(errs...)
}

func isSection(sf reflect.StructField) bool {
	return slices.ContainsFunc(sections, func(s specialField) bool { return s.field == sf.Name })
}

func (e *Engine) compileSection(s *section, src bind.Source) error {
	var err error
	if s.field == FieldBody {
		s.body, err = bind.CompileBody(s.typ, e.converters())
	} else if s.values, err = bind.Compile(s.typ, src, e.converters()); err == nil {
		s.keys = s.values.Keys()
	}
	check, invalid := e.validator.Compile(s.typ)
	if invalid == nil && !check.Empty() {
		s.check = check
	}
	return errors.Join(inField(s.field, err), inField(s.field, invalid), inField(s.field, checkTags(s.typ)))
}

var lockerType = reflect.TypeFor[sync.Locker]()

// checkShape reports fields that a copy for each request would break, and
// misspelt sections.
func checkShape(t reflect.Type) error {
	var errs []error
	for i := range t.NumField() {
		sf := t.Field(i)
		if holdsLock(sf.Type) {
			errs = append(errs, fmt.Errorf("%s: a %v cannot be copied for each request; hold a pointer to it", sf.Name, sf.Type))
		}
		if sf.Type.Kind() == reflect.Struct && sf.Type.Name() == "" && sf.IsExported() && !isSection(sf) {
			names := make([]string, len(sections))
			for i, s := range sections {
				names[i] = s.field
			}
			if near := hint.Nearest(sf.Name, names); near != "" {
				errs = append(errs, fmt.Errorf("%s: an unnamed struct is no dependency; did you mean %q?", sf.Name, near))
			} else {
				errs = append(errs, fmt.Errorf("%s: an unnamed struct is no dependency; the fields filled from a request are %s", sf.Name, strings.Join(names, ", ")))
			}
		}
	}
	return errors.Join(errs...)
}

// holdsLock reports whether values of type t must not be copied.
func holdsLock(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return t.Kind() == reflect.Array && holdsLock(t.Elem())
	}
	if reflect.PointerTo(t).Implements(lockerType) {
		return true
	}
	for i := range t.NumField() {
		if holdsLock(t.Field(i).Type) {
			return true
		}
	}
	return false
}

func (p *typePlan) has(field string) bool {
	return slices.ContainsFunc(p.sections, func(s section) bool { return s.field == field })
}

// A plan is a registered handler: its type's plan and its value.
type plan struct {
	*typePlan
	name   string                                  // of the handler's type, for statistics and messages
	shared RequestHandler                          // a handler that needs no value of its own; nil otherwise
	proto  reflect.Value                           // the value that each request gets a copy of
	invoke func(v reflect.Value, c *Context) error // calls a handler of another shape; nil for the usual one
	set    *inject.Set[*Context]
	bound  atomic.Pointer[boundPlan] // to the dependencies of one version of set
}

// A boundPlan is a plan's value with the dependencies that are provided now.
type boundPlan struct {
	*inject.Bound[*Context]
	proto reflect.Value
	zero  bool // proto is the zero value, which needs no copying
}

// newPlan works out how a handler is served. The error joins all mistakes,
// without the handler's name; if they are in the handler's fields, the plan is
// good for telling of more.
func (e *Engine) newPlan(h any, name string) (*plan, error) {
	p := &plan{set: &e.set, name: name}
	if a, ok := h.(adapter); ok {
		h, p.invoke = a.adapted()
	}
	v := reflect.ValueOf(h)
	if v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct {
		if v.IsNil() {
			return nil, errors.New("a nil pointer; register a value, as in &Handler{}")
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct || v.NumField() == 0 {
		rh, ok := h.(RequestHandler)
		if v.Kind() == reflect.Func && v.IsNil() {
			return nil, errors.New("a nil function")
		}
		if ok {
			p.shared = rh
			p.typePlan = &typePlan{typ: reflect.TypeOf(h)}
			return p, nil
		}
		if v.Kind() != reflect.Struct {
			return nil, fmt.Errorf("a %v is no handler", v.Type())
		}
	}
	var err error
	if p.typePlan, err = e.typePlan(v.Type()); err != nil {
		return p, err
	}
	p.proto = reflect.New(v.Type()).Elem()
	p.proto.Set(v)
	return p, p.prepare()
}

// prepare sets the defaults in the prototype and refuses what its copies would share.
func (p *plan) prepare() error {
	var errs []error
	for i := range p.sections {
		s := &p.sections[i]
		v := p.proto.FieldByIndex(s.index)
		if path, shared := sharedValue(v, s.field); shared {
			errs = append(errs, fmt.Errorf("%s: what is set here would be shared by all requests; use a default tag", path))
			continue
		}
		if s.body != nil {
			s.body.SetDefaults(v)
		} else {
			s.values.SetDefaults(v)
		}
	}
	return errors.Join(errs...)
}

// sharedValue finds a slice, map or pointer that is not nil in v, which is at the
// path, and returns the path to it.
func sharedValue(v reflect.Value, path string) (at string, shared bool) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type().PkgPath() == "time" {
			return "", false
		}
		for i := range v.NumField() {
			if at, shared := sharedValue(v.Field(i), path+"."+v.Type().Field(i).Name); shared {
				return at, true
			}
		}
	case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface:
		return path, !v.IsNil()
	}
	return "", false
}

// resolve returns the plan bound to the dependencies that are provided now.
func (p *plan) resolve() *boundPlan {
	if b := p.bound.Load(); b != nil && b.Version() == p.set.Version() {
		return b
	}
	return p.rebind()
}

func (p *plan) rebind() *boundPlan {
	bound := p.inject.Bind(p.set, p.proto)
	b := &boundPlan{bound, bound.Proto(), bound.Proto().IsZero()}
	p.bound.Store(b)
	return b
}

// serve makes a value for the request, fills it and calls it.
func (p *plan) serve(c *Context) error {
	if p.shared != nil {
		return p.shared.Handle(c)
	}
	v := reflect.New(p.typ)
	if err := p.fill(v.Elem(), c); err != nil {
		return err
	}
	if p.invoke != nil {
		return p.invoke(v, c)
	}
	return v.Interface().(RequestHandler).Handle(c)
}

// fill makes v a copy of the handler with all that it needs.
func (p *plan) fill(v reflect.Value, c *Context) error {
	bound := p.resolve()
	if !bound.zero {
		v.Set(bound.proto)
	}
	if len(p.sections) > 0 {
		limits := c.limits()
		for i := range p.sections {
			if err := p.sections[i].fill(v, c, limits); err != nil {
				return err
			}
		}
	}
	if bound.Dynamic() {
		m := c.more()
		if m.session == nil {
			m.session = new(inject.Session[*Context])
		}
		return bound.Inject(c, m.session, v)
	}
	return nil
}

// fill binds the section and checks it.
func (s *section) fill(v reflect.Value, c *Context, limits *bind.Limits) error {
	if s.direct {
		v = v.Field(s.at)
	} else {
		v = v.FieldByIndex(s.index)
	}
	var err error
	if s.body != nil {
		err = s.body.Bind(v, &c.bind, limits)
	} else {
		err = s.values.Bind(v, &c.bind, limits)
	}
	if err != nil || s.check == nil {
		return err
	}
	err = s.check.Check(c.Context(), v, s.sent(&c.bind))
	if failed, ok := err.(validate.Errors); ok {
		return ValidationError{Fields: failed.ByField(), Place: s.place, Errors: failed, keys: s.keys}
	}
	return err
}

// sent is what the request held for the section, if a tag asks for it.
func (s *section) sent(req *bind.Request) any {
	switch {
	case !s.check.NeedsSent():
		return nil
	case s.body != nil:
		return s.body.Sent(req)
	default:
		return s.values.Sent(req)
	}
}

// checkRoute reports what of the handler does not fit a route.
func (p *plan) checkRoute(method string, pat *pattern) error {
	var errs []error
	for _, s := range p.sections {
		if s.field == FieldBody || s.field == FieldForm {
			if method == http.MethodGet || method == http.MethodHead || method == http.MethodTrace {
				errs = append(errs, fmt.Errorf("%s: a %s request has no body", s.field, method))
			}
		}
		if s.field != FieldParameter {
			continue
		}
		names := pat.names()
		for _, key := range s.keys {
			if slices.Contains(names, key.Name) {
				continue
			}
			err := fmt.Errorf("%s.%s: the pattern has no wildcard %q", s.field, key.Field, key.Name)
			if near := hint.Nearest(key.Name, names); near != "" {
				err = fmt.Errorf("%w; did you mean %q?", err, near)
			} else if len(names) > 0 {
				err = fmt.Errorf("%w, only %s", err, strings.Join(names, ", "))
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// An adapter is a RequestHandler that stands for a value of another shape.
type adapter interface {
	RequestHandler
	adapted() (handler any, invoke func(v reflect.Value, c *Context) error)
}

// Reply makes a [RequestHandler] of a struct whose Handle returns its answer:
//
//	func (h *Show) Handle(c *gongular.Context) (*User, error)
//
//	e.GET("/users/:ID", gongular.Reply(&Show{}))
//
// What Handle returns is the body; a nil pointer, interface, map or slice
// without an error is 204 No Content, unless a status or body was set.
func Reply[T any, H interface{ Handle(*Context) (T, error) }](handler H) RequestHandler {
	return reply[T, H]{handler}
}

type reply[T any, H interface{ Handle(*Context) (T, error) }] struct{ handler H }

func (r reply[T, H]) adapted() (any, func(reflect.Value, *Context) error) {
	return r.handler, func(v reflect.Value, c *Context) error {
		h, ok := v.Interface().(H)
		if !ok { // H is the struct itself, not a pointer to it
			h = v.Elem().Interface().(H)
		}
		return setReply(h, c)
	}
}

// Handle calls the registered handler as it is, without filling it.
func (r reply[T, H]) Handle(c *Context) error { return setReply(r.handler, c) }

func setReply[T any, H interface{ Handle(*Context) (T, error) }](h H, c *Context) error {
	answer, err := h.Handle(c)
	if err != nil {
		return err
	}
	v := reflect.ValueOf(answer)
	switch v.Kind() {
	case reflect.Invalid, reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
		if v.Kind() == reflect.Invalid || v.IsNil() {
			if c.status == 0 && c.body == nil && !c.started {
				c.Status(http.StatusNoContent)
			}
			return nil
		}
	}
	c.SetBody(answer)
	return nil
}
