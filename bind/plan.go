package bind

import (
	"fmt"
	"net/http"
	"net/textproto"
	"reflect"
	"strings"

	"github.com/gongular/gongular/internal/hint"
)

// A Source is the part of a request that a [Plan] reads.
type Source uint8

// The sources of single values. A JSON body has its own plan, [BodyPlan].
const (
	Param  Source = iota // the wildcards of the path
	Query                // the query string
	Header               // the header fields
	Cookie               // the cookies
	Form                 // the body, as application/x-www-form-urlencoded or multipart/form-data
)

// tag is the key of the struct tag that names a field's key.
func (s Source) tag() string {
	return [...]string{"param", "q", "header", "cookie", "form"}[s]
}

// Place is the place that the source's errors name.
func (s Source) Place() string {
	return [...]string{PlaceParam, PlaceQuery, PlaceHeader, PlaceCookie, PlaceForm}[s]
}

func (s Source) canonical(key string) string {
	if s == Header {
		return textproto.CanonicalMIMEHeaderKey(key)
	}
	return key
}

// A Plan is the compiled form of one struct type for one source. It is only
// read once made, and so is safe for concurrent use.
type Plan struct {
	src    Source
	place  string
	fields []field
	index  map[string]int // key to position in fields; nil where a scan is as fast
	maps   bool           // some field is a mapping
	fresh  bool           // some field has a default that is made anew
}

// Compile makes the plan that fills the struct type t from src. Its error joins
// all that is wrong with the type, each beginning with the name of the field.
func Compile(t reflect.Type, src Source, conv Converters) (*Plan, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("must be a struct, not %v", t)
	}
	fields, err := compileFields(t, src, conv)
	if err != nil {
		return nil, err
	}
	p := &Plan{src: src, place: src.Place(), fields: fields}
	if len(fields) > 8 {
		p.index = make(map[string]int, len(fields))
		for i, f := range fields {
			p.index[f.key] = i
		}
	}
	for i := range fields {
		f := &fields[i]
		f.sentAs = sentPath(t, f.index)
		f.direct, f.at = len(f.index) == 1, f.index[0]
		for at, i := t, 0; i < len(f.index); i++ {
			sf := at.Field(f.index[i])
			f.offset, at = f.offset+sf.Offset, sf.Type
		}
		p.maps = p.maps || f.shape == mapping
		p.fresh = p.fresh || (f.fresh != nil && !plain(f.typ))
	}
	return p, nil
}

// A Key is one key that a plan reads.
type Key struct {
	Field string // Go name of the field
	Name  string // name in the request
	Type  reflect.Type
}

// Keys returns what the plan reads, in field order.
func (p *Plan) Keys() []Key {
	keys := make([]Key, len(p.fields))
	for i, f := range p.fields {
		keys[i] = Key{f.name, f.key, f.typ}
	}
	return keys
}

// SetDefaults puts the defaults into v, a struct of the plan's type, where its
// fields are zero. It is called once, on the value that later ones are copies
// of. Defaults that hold references are left to [Plan.Bind].
func (p *Plan) SetDefaults(v reflect.Value) {
	for i := range p.fields {
		f := &p.fields[i]
		if fv := f.in(v); f.fresh != nil && plain(f.typ) && fv.IsZero() {
			f.mustSetDefault(fv)
		}
	}
}

func (f *field) mustSetDefault(fv reflect.Value) {
	if err := f.fresh(fv, f.deflt); err != nil {
		panic(fmt.Sprintf("BUG: the default %q of %s was accepted once: %v", f.deflt, f.name, err))
	}
}

// in returns the field's value in struct v.
func (f *field) in(v reflect.Value) reflect.Value {
	if f.direct {
		return v.Field(f.at)
	}
	return v.FieldByIndex(f.index)
}

// Bind fills v, an addressable struct of the plan's type, from the request under
// the limits, of which nil stands for those of [DefaultLimits]. It returns the
// first value that does not fit, as an [Error].
func (p *Plan) Bind(v reflect.Value, req *Request, limits *Limits) error {
	if limits == nil {
		limits = &defaultLimits
	}
	if p.src == Param {
		return p.bindParams(v, req.R, limits)
	}
	b := binding{plan: p, v: v, req: req, limits: limits}
	if len(p.fields) > len(b.seen)*64 {
		b.more = make([]bool, len(p.fields))
	}
	var err error
	switch p.src {
	case Query:
		err = b.pairs(req.R.URL.RawQuery)
	case Header:
		err = b.headers()
	case Cookie:
		err = b.cookies()
	case Form:
		err = b.form()
	}
	if err != nil {
		return err
	}
	if p.fresh {
		b.defaults()
	}
	return nil
}

// A binding is one run of a plan.
type binding struct {
	plan   *Plan
	v      reflect.Value
	req    *Request
	limits *Limits
	seen   [2]uint64 // which fields have had a value
	more   []bool    // the same, where there are more fields than bits
}

// firstTime reports whether field i has had no value yet, and marks it.
func (b *binding) firstTime(i int) bool {
	if b.more != nil {
		first := !b.more[i]
		b.more[i] = true
		return first
	}
	word, bit := uint(i)/64, uint64(1)<<(uint(i)%64)
	first := b.seen[word]&bit == 0
	b.seen[word] |= bit
	return first
}

func (b *binding) defaults() {
	for i := range b.plan.fields {
		f := &b.plan.fields[i]
		if f.fresh == nil || plain(f.typ) {
			continue
		}
		if fv := f.in(b.v); b.firstTime(i) && fv.IsZero() {
			f.mustSetDefault(fv)
		}
	}
}

// find returns the position of the field with the key, or -1.
func (p *Plan) find(key string) int {
	if p.index != nil {
		if i, ok := p.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range p.fields {
		if p.fields[i].key == key {
			return i
		}
	}
	return -1
}

// set gives f, field i, one value.
func (b *binding) set(i int, f *field, s string) error {
	if s == "" && !f.empty {
		return nil
	}
	first := b.firstTime(i)
	if !first && f.shape != list || f.basic != noBasic && f.take(b.v, s) {
		return nil
	}
	var err error
	switch f.shape {
	case list:
		fv := f.in(b.v)
		if first {
			fv.SetZero() // never append to what a prototype holds
		}
		err = b.appendAll(fv, f, s)
	default:
		err = f.set(f.in(b.v), s)
	}
	if err != nil {
		return b.plan.fieldError(f, f.hiding(err, s))
	}
	return nil
}

func (b *binding) appendAll(fv reflect.Value, f *field, s string) error {
	if !f.csv {
		return appendValue(fv, f.set, s)
	}
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item == "" && !f.empty {
			continue
		}
		if most := b.limits.Keys; most > 0 && fv.Len() >= most {
			return fmt.Errorf("more than %d values", most)
		}
		if err := appendValue(fv, f.set, item); err != nil {
			return err
		}
	}
	return nil
}

// setMember gives the map field i the member name.
func (b *binding) setMember(i int, name, s string) error {
	f := &b.plan.fields[i]
	fv := f.in(b.v)
	if b.firstTime(i) {
		fv.Set(reflect.MakeMap(f.typ))
	}
	key := reflect.ValueOf(name).Convert(f.typ.Key())
	if fv.MapIndex(key).IsValid() || (s == "" && !f.empty) {
		return nil
	}
	elem := reflect.New(f.typ.Elem()).Elem()
	if err := f.set(elem, s); err != nil {
		e := b.plan.fieldError(f, f.hiding(err, s))
		e.FieldName += "." + name
		e.Key += "[" + name + "]"
		return e
	}
	fv.SetMapIndex(key, elem)
	return nil
}

// notMember is the error for a value of the map field i without a name.
func (b *binding) notMember(i int) error {
	f := &b.plan.fields[i]
	return b.plan.fieldError(f, fmt.Errorf("is given as %s[name]=value", f.key))
}

func (p *Plan) fieldError(f *field, err error) Error {
	return Error{Place: p.place, FieldName: f.name, Key: f.key, Reason: err.Error(), Err: err}
}

// bindParams is the binding of a path, which has one value for each field.
func (p *Plan) bindParams(v reflect.Value, r *http.Request, limits *Limits) error {
	for i := range p.fields {
		f := &p.fields[i]
		s := r.PathValue(f.key)
		if limits.Rest != "" && limits.Rest == f.key {
			s = "/" + s
		}
		if s == "" && !f.empty {
			continue
		}
		if f.basic != noBasic && f.take(v, s) {
			continue
		}
		if err := f.set(f.in(v), s); err != nil {
			return p.fieldError(f, f.hiding(err, s))
		}
	}
	return nil
}

func (b *binding) headers() error {
	for i := range b.plan.fields {
		key := b.plan.fields[i].key
		if key == "Host" { // net/http takes it out of the header
			if err := b.set(i, &b.plan.fields[i], b.req.R.Host); err != nil {
				return err
			}
			continue
		}
		for _, s := range b.req.R.Header[key] {
			if err := b.set(i, &b.plan.fields[i], s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *binding) cookies() error {
	if len(b.req.R.Header["Cookie"]) == 0 {
		return nil
	}
	for i := range b.plan.fields {
		for _, cookie := range b.req.R.CookiesNamed(b.plan.fields[i].key) {
			if err := b.set(i, &b.plan.fields[i], cookie.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

// unknown is the error for a key that no field reads.
func (b *binding) unknown(key string) error {
	reason := "unknown key " + quote(key)
	names := make([]string, len(b.plan.fields))
	for i, f := range b.plan.fields {
		names[i] = f.key
	}
	if near := hint.Nearest(key, names); near != "" {
		reason += fmt.Sprintf("; did you mean %q?", near)
	}
	return Error{Place: b.plan.place, Key: key, Reason: reason}
}
