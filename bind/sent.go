package bind

import (
	"bytes"
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
)

// What was sent: the request as a tree of names, for package validate, which
// asks for it where a tag says present. It is made only then.

// Sent returns which fields the request had a value for, be it empty. Call it
// after [Plan.Bind] has found nothing wrong. Fields are named by their json tag,
// or else by their Go name, as validate does; those of embedded structs stand
// among those of the struct around it.
func (p *Plan) Sent(req *Request) map[string]any {
	sent := map[string]any{}
	var values url.Values
	switch p.src {
	case Query:
		values, _ = url.ParseQuery(req.R.URL.RawQuery)
	case Form:
		if multi := req.form.multi; multi != nil {
			values = multi.Value
		} else {
			values, _ = url.ParseQuery(req.form.text)
		}
	}
	for i := range p.fields {
		if f := &p.fields[i]; p.has(f, req, values) {
			put(sent, f.sentAs)
		}
	}
	return sent
}

// has reports whether the request has something for field f.
func (p *Plan) has(f *field, req *Request, values url.Values) bool {
	switch {
	case p.src == Param:
		return true
	case p.src == Header:
		return f.key == "Host" || len(req.R.Header[f.key]) > 0
	case p.src == Cookie:
		return len(req.R.CookiesNamed(f.key)) > 0
	case f.shape == mapping:
		for key := range values {
			if strings.HasPrefix(key, f.key+"[") && strings.HasSuffix(key, "]") {
				return true
			}
		}
		return false
	}
	if p.src == Form && req.form.multi != nil && len(req.form.multi.File[f.key]) > 0 {
		return true
	}
	return values.Has(f.key)
}

// put marks the field at the path of names.
func put(sent map[string]any, path []string) {
	for _, name := range path[:len(path)-1] {
		inner, ok := sent[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			sent[name] = inner
		}
		sent = inner
	}
	sent[path[len(path)-1]] = true
}

// sentPath returns the names that lead to the field of t with the index.
func sentPath(t reflect.Type, index []int) []string {
	var path []string
	for depth, i := range index {
		sf := t.Field(i)
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		switch {
		case name != "" && name != "-":
			path = append(path, name)
		case depth == len(index)-1 || !sf.Anonymous:
			path = append(path, sf.Name)
		}
		t = sf.Type
	}
	return path
}

// Sent returns what the body held, in the shape of encoding/json's any. Call it
// after [BodyPlan.Bind] has found nothing wrong. It is nil, for unknown, if there
// was no body, or one that is not JSON.
func (p *BodyPlan) Sent(req *Request) any {
	if !req.HasRead() || req.foreign || len(req.bytes) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(req.bytes))
	dec.UseNumber() // any other might not fit
	var sent any
	if dec.Decode(&sent) != nil {
		return nil
	}
	return sent
}
