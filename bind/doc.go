// Package bind fills the fields of structs from HTTP requests: from the path,
// the query, headers, cookies, forms and uploaded files, and JSON bodies.
//
// A struct type is compiled once, into a [Plan] for one [Source] or into a
// [BodyPlan], and every mistake in it is found then: a type that cannot be
// bound, a key used twice, a default that does not parse. A request only walks
// the plan:
//
//	type query struct {
//		Page int      `q:"page" default:"1"`
//		Tags []string `q:"tag"`
//	}
//	plan, err := bind.Compile(reflect.TypeFor[query](), bind.Query, nil)
//	…
//	err = plan.Bind(reflect.ValueOf(&q).Elem(), &bind.Request{R: r}, nil)
//
// A value that does not fit is reported as an [Error], which names the part of
// the request, the field and the reason, and says which status it deserves. Its
// text concerns the client's own input and may be sent back.
//
// # Keys and types
//
// A field's key is the section's tag (param, q, header, cookie, form; json in a
// body) up to its first comma, or the field's name. A tag of "-" leaves the
// field alone. Embedded structs flatten.
//
// All integers, floats and booleans, strings, []byte (the text's bytes),
// [time.Time] (RFC 3339 or the field's layout tag), [time.Duration],
// [encoding.TextUnmarshaler], types with a converter, pointers to these, slices
// of these (repeated keys, or one value split at commas with the option csv),
// and map[string]T of these from key[name]=value in a query or form.
//
// An absent key leaves its field as it was. So does an empty value, but for
// strings and []byte, which become empty. The first of several values counts,
// slices take all.
package bind
