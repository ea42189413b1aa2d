package inject

// What comes near: suggestions for what is missing.

import (
	"fmt"
	"reflect"
	"strings"
)

// hint returns what is provided that comes near to type t under the given name,
// each part led in by "; ". It is "" if nothing does.
//
//	*sql.DB is provided with key "main"
//	*app.Config is provided, not app.Config
//	*app.Postgres implements it: provide it as app.Store (ProvideAs)
func (st *state[C]) hint(t reflect.Type, name string) string {
	var b strings.Builder
	for _, k := range st.sortedKeys() {
		switch {
		case k.typ == t:
			fmt.Fprintf(&b, "; %v is provided with %s", t, keyText(k.name))
		case k.typ == nil:
			if v := st.providers[k].value.Type(); name != k.name && v.AssignableTo(t) {
				fmt.Fprintf(&b, "; an unsafe %v is provided with %s", v, keyText(k.name))
			}
		case k.name != name:
			// Another type under another name is not near.
		case isPointerTo(k.typ, t) || isPointerTo(t, k.typ):
			fmt.Fprintf(&b, "; %v is provided, not %v", k.typ, t)
		case t.Kind() == reflect.Interface && t.NumMethod() > 0 && k.typ.Implements(t):
			fmt.Fprintf(&b, "; %v implements it: provide it as %v (ProvideAs)", k.typ, t)
		}
	}
	return b.String()
}

func keyText(name string) string {
	if name == DefaultName {
		return "no key"
	}
	return fmt.Sprintf("key %q", name)
}

func isPointerTo(p, t reflect.Type) bool {
	return p.Kind() == reflect.Pointer && p.Elem() == t
}
