package bind

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A BodyPlan is the compiled form of the type that a JSON body is decoded into.
// It is only read once made, and so is safe for concurrent use.
type BodyPlan struct {
	typ    reflect.Type
	node   *jsonNode
	secret bool // errors must not show some field
	keep   bool // decoding calls foreign code, which might hold on to the bytes
}

// CompileBody makes the plan that decodes a JSON body into a value of type t: a
// struct, slice, map, string, number, [encoding/json.RawMessage], any, or a
// pointer to one. Its error joins all that is wrong with the type, each
// beginning with the path of the field.
func CompileBody(t reflect.Type, conv Converters) (*BodyPlan, error) {
	c := jsonCompiler{conv: conv, nodes: map[reflect.Type]*jsonNode{}}
	node := c.compile(t, "")
	c.checkDefaults(node, "", true, map[jsonPlace]bool{})
	if err := errors.Join(c.errs...); err != nil {
		return nil, err
	}
	return &BodyPlan{typ: t, node: node, keep: c.foreign, secret: c.secret}, nil
}

// SetDefaults puts the defaults of the body's fields into v, a value of the
// plan's type, where they are zero. It is called once, on the value that later
// ones are copies of.
func (p *BodyPlan) SetDefaults(v reflect.Value) {
	p.node.setDefaults(v)
}

// Bind decodes the body into v, an addressable value of the plan's type, under
// the limits, of which nil stands for those of [DefaultLimits]. An absent body is
// an error unless that type is a pointer, which then stays nil.
//
// Malformed JSON, a wrong type, an empty body, data after the value, nesting
// over the limit, invalid UTF-8, and with Limits.Strict an unknown or duplicate
// name, are 400; a body over the limit is 413, one of another type 415, one
// that comes too slowly 408: each an [Error] of its own words.
func (p *BodyPlan) Bind(v reflect.Value, req *Request, limits *Limits) error {
	if limits == nil {
		limits = &defaultLimits
	}
	decode, err := req.decoder(limits)
	if err != nil {
		return err
	}
	data, err := req.readBody(limits)
	if err != nil {
		return err
	}
	req.foreign = decode != nil
	req.keep = req.keep || p.keep || req.foreign
	if decode != nil && len(data) > 0 {
		if err := decode(data, v.Addr().Interface()); err != nil {
			if p.secret {
				err = errHidden
			}
			return Error{Place: PlaceBody, Reason: err.Error(), Err: err}
		}
		return nil
	}
	if len(data) == 0 || isSpace(data[0]) && len(bytes.TrimLeft(data, " \t\r\n")) == 0 {
		if p.typ.Kind() == reflect.Pointer && len(data) == 0 {
			return nil
		}
		if decode != nil {
			return Error{Place: PlaceBody, Reason: "is empty"}
		}
		return Error{Place: PlaceBody, Reason: "is empty; JSON is expected"}
	}
	if !utf8.Valid(data) {
		return Error{Place: PlaceBody, Reason: fmt.Sprintf("invalid UTF-8 at byte %d", firstInvalid(data))}
	}
	if tooDeep(data, limits.Depth) {
		return Error{Place: PlaceBody, Reason: fmt.Sprintf("nested deeper than %d", limits.Depth)}
	}
	if err := p.unmarshal(data, v.Addr().Interface()); err != nil {
		return p.explain(data, err)
	}
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return Error{Place: PlaceBody, Reason: fmt.Sprintf("expected %s, got null", p.node.kindName())}
	}
	if limits.Strict {
		return p.node.checkNames(data)
	}
	return nil
}

// decoder returns the decoder for the body's type: nil for JSON, an error for a
// type that is not accepted.
func (q *Request) decoder(limits *Limits) (Decoder, error) {
	ct := contentType(q.R)
	if !q.hasBody() {
		return nil, nil
	}
	if ct == "application/json" || ct == "" { // none, as the original has it
		return limits.Decoders["application/json"], nil
	}
	mt, params, err := mime.ParseMediaType(ct)
	if err == nil {
		if charset := params["charset"]; charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "us-ascii") {
			if mt == "application/json" || strings.HasPrefix(mt, "application/") && strings.HasSuffix(mt, "+json") {
				if decode, ok := limits.Decoders[mt]; ok {
					return decode, nil
				}
				return nil, nil
			}
		}
		if decode, ok := limits.Decoders[mt]; ok {
			return decode, nil
		}
	}
	if q.R.ContentLength == 0 {
		return nil, nil
	}
	return nil, unsupported(PlaceBody, ct, AcceptedBodies(limits))
}

// AcceptedBodies lists the media types that a Body takes under the limits, as
// the value of Accept-Post.
func AcceptedBodies(limits *Limits) string {
	types := append([]string{"application/json"}, slices.Sorted(maps.Keys(limits.Decoders))...)
	return strings.Join(slices.Compact(types), ", ")
}

// AcceptedForms lists the media types that a Form takes, as the value of Accept-Post.
func AcceptedForms() string { return acceptedForms }

// readBody returns the whole body, which is read once.
func (q *Request) readBody(limits *Limits) ([]byte, error) {
	q.reading()
	if !q.bodyRead {
		q.bodyRead = true
		q.bodyErr = q.fillBody(limits)
	}
	return q.bytes, q.bodyErr
}

func (q *Request) fillBody(limits *Limits) error {
	if !q.hasBody() {
		return nil
	}
	limited, err := q.limitBody(PlaceBody, limits.Body, limits.BodyTimeout)
	if err != nil {
		return err
	}
	if err := q.readAll(limited, q.R.ContentLength); err != nil {
		return q.readError(PlaceBody, err)
	}
	q.endDeadline(limits.BodyTimeout)
	return nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func firstInvalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(data)
}

// tooDeep reports whether data nests deeper than limit. It does not need data
// to be valid: what it miscounts there is refused anyway.
func tooDeep(data []byte, limit int) bool {
	if limit <= 0 || bytes.Count(data, []byte{'{'})+bytes.Count(data, []byte{'['}) <= limit {
		return false // not even all brackets together
	}
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// explain turns an error of encoding/json into the client's.
func (p *BodyPlan) explain(data []byte, err error) error {
	e := Error{Place: PlaceBody, Err: err}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && !json.Valid(data) {
		e.Reason = explainSyntax(data, syntax)
		return e
	}
	if len(data) <= maxPooled || p.secret {
		if path, at, found := p.node.locate(data); found != nil {
			e.FieldName, e.Key, e.Err = path, path, found
			e.Reason = explainType(found, at)
			return e
		}
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		e.FieldName, e.Key = wrong.Field, wrong.Field
	}
	if p.secret {
		err, e.Err = errHidden, errHidden
	}
	e.Reason = explainType(err, nil)
	return e
}

func explainSyntax(data []byte, syntax *json.SyntaxError) string {
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		return "begins with a byte order mark, which JSON has not"
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	var first json.RawMessage
	switch dec.Decode(&first) {
	case nil:
		return fmt.Sprintf("data after the JSON value, at byte %d", dec.InputOffset())
	case io.ErrUnexpectedEOF:
		return fmt.Sprintf("malformed JSON: ends in the middle, after %d bytes", len(data))
	}
	return fmt.Sprintf("malformed JSON at byte %d: %s", max(syntax.Offset-1, 0), syntax)
}

// explainType words an error about a value of type t, which may be nil.
func explainType(err error, t reflect.Type) string {
	var wrong *json.UnmarshalTypeError
	var corrupt base64.CorruptInputError
	switch {
	case errors.As(err, &wrong):
		if number, ok := strings.CutPrefix(wrong.Value, "number "); ok {
			return explainNumber(number, wrong.Type)
		}
		return fmt.Sprintf("expected %s, got %s", kindName(wrong.Type), strings.Replace(wrong.Value, "bool", "boolean", 1))
	case errors.As(err, &corrupt):
		return "is not base64"
	case t == timeType:
		return `is not a time like "2006-01-02T15:04:05Z"`
	case t == numberType:
		return "is not a number"
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

func explainNumber(number string, t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	whole := strings.Trim(number, "-0123456789") == "" // not 1.5, nor a map's key of letters
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if whole {
			return intError(number, strconv.ErrRange, int64(-1)<<(t.Bits()-1), uint64(1)<<(t.Bits()-1)-1).Error()
		}
		return intError(number, strconv.ErrSyntax, 0, 0).Error()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if whole {
			return intError(number, strconv.ErrRange, 0, ^uint64(0)>>(64-t.Bits())).Error()
		}
		return intError(number, strconv.ErrSyntax, 0, 0).Error()
	case reflect.Float32, reflect.Float64:
		return fmt.Sprintf("%s is too large for a number of %d bits", quote(number), t.Bits())
	}
	return fmt.Sprintf("expected %s, got number", kindName(t))
}

// kindName is the JSON name of what a value of type t is written as.
func kindName(t reflect.Type) string {
	if p := reflect.PointerTo(t); t.Kind() != reflect.Pointer && p.Implements(textType) && !p.Implements(unmarshalerType) {
		return "string"
	}
	if t == numberType {
		return "number"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return kindName(t.Elem())
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return "integer"
	case reflect.Float32, reflect.Float64:
		return "number"
	case reflect.Slice, reflect.Array:
		if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
			return "base64 string"
		}
		return "array"
	case reflect.Struct, reflect.Map:
		if t == timeType {
			return "time string"
		}
		return "object"
	case reflect.Interface:
		return "value"
	}
	return "string"
}
