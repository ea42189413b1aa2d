package gongular

import (
	"errors"
	"fmt"
	"go/token"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gongular/gongular/internal/hint"
)

// A pattern is the path of a route, parsed from either spelling:
//
//	/users/:ID/books       {users} {ID}      {books}
//	/users/{ID:int}/       {users} {ID, int} trailing slash
//	/user_:Name            {Name, prefix "user_"}
//	/files/*Path           {files} {Path, rest, slash}
//	/files/{Path...}       {files} {Path, rest}
//
// ServeMux sees every wildcard as one segment of its own; prefixes, suffixes
// and constraints are checked after it has matched.
type pattern struct {
	text     string // as registered, with the prefixes of its groups
	segments []segment
	trailing bool // ends with a slash, and matches just that
}

// A segment is what stands between two slashes.
type segment struct {
	text   string // as written
	name   string // of the wildcard; "" for a literal
	prefix string // fixed part before the wildcard
	suffix string // fixed part after it
	rest   bool   // takes all that follows
	slash  bool   // its value begins with a slash, as the original's *rest

	constraint string // as written; "" for none
	fits       func(string) bool
}

// joinPatterns puts a group's prefix before a path. The root of a group is the
// group's prefix itself, and double slashes are one.
func joinPatterns(prefix, path string) string {
	prefix, path = strings.TrimRight(prefix, "/"), strings.TrimLeft(path, "/")
	if path == "" && prefix != "" {
		return prefix
	}
	return prefix + "/" + path
}

func parsePattern(text string) (*pattern, error) {
	if !strings.HasPrefix(text, "/") {
		text = "/" + text
	}
	p := &pattern{text: text}
	parts, err := splitPattern(text[1:])
	if err != nil {
		return nil, err
	}
	for i, part := range parts {
		last := i == len(parts)-1
		if part == "" || part == "{$}" {
			if last {
				p.trailing = true
			} else if part != "" {
				return nil, errors.New("{$} stands at the end only")
			}
			continue // double slashes are one
		}
		s, err := parseSegment(part)
		if err != nil {
			return nil, err
		}
		if s.rest && !last {
			return nil, fmt.Errorf("the catch-all %q stands at the end only", part)
		}
		if s.name != "" && p.wildcard(s.name) != nil {
			return nil, fmt.Errorf("the wildcard %q stands twice", s.name)
		}
		p.segments = append(p.segments, s)
	}
	return p, nil
}

// splitPattern splits at the slashes outside of braces.
func splitPattern(s string) ([]string, error) {
	var parts []string
	depth, start := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if depth > 0 { // of a regular expression
				i++
			}
		case '{':
			depth++
		case '}':
			if depth--; depth < 0 {
				return nil, errors.New("a closing brace without an opening one")
			}
		case '/':
			if depth == 0 {
				parts = append(parts, s[start:i])
				start = i + 1
			}
		}
	}
	if depth != 0 {
		return nil, errors.New("an opening brace without a closing one")
	}
	return append(parts, s[start:]), nil
}

func parseSegment(part string) (segment, error) {
	s := segment{text: part}
	at := strings.IndexAny(part, ":*{}")
	if at < 0 {
		return s, checkLiteral(part)
	}
	var err error
	if s.prefix, err = parseFixed(part[:at]); err != nil {
		return s, err
	}
	switch part[at] {
	case '*':
		if at > 0 {
			return s, fmt.Errorf("the catch-all in %q does not follow a slash", part)
		}
		s.name, s.rest, s.slash = part[1:], true, true
	case ':':
		s.name = part[at+1:]
	default:
		end := closingBrace(part, at)
		if strings.ContainsAny(part[end+1:], ":*{}") {
			return s, fmt.Errorf("%q has more than one wildcard", part)
		}
		if s.suffix, err = parseFixed(part[end+1:]); err != nil {
			return s, err
		}
		inner := part[at+1 : end]
		var constrained bool
		s.name, s.constraint, constrained = strings.Cut(inner, ":")
		if constrained {
			if s.fits, err = parseConstraint(s.constraint); err != nil {
				return s, fmt.Errorf("{%s}: %w", inner, err)
			}
		}
		if name, ok := strings.CutSuffix(s.name, "..."); ok {
			s.name, s.rest = name, true
			if constrained || s.prefix != "" || s.suffix != "" {
				return s, fmt.Errorf("the catch-all in %q takes whole segments, without a constraint", part)
			}
		}
	}
	if s.name == "" {
		return s, fmt.Errorf("the wildcard in %q has no name", part)
	}
	if strings.ContainsAny(s.name, ":*{} ") {
		return s, fmt.Errorf("%q has more than one wildcard, or a bad name", part)
	}
	return s, nil
}

func closingBrace(s string, at int) int {
	depth := 0
	for i := at; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(s) - 1 // a '}' before any '{'; splitPattern has refused it
}

// parseFixed returns the fixed part of a segment as a request's value has it.
func parseFixed(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	if err := checkText(text); err != nil {
		return "", err
	}
	return url.PathUnescape(text)
}

func checkLiteral(s string) error {
	if decoded, _ := url.PathUnescape(s); decoded == "." || decoded == ".." || decoded == "/" {
		return fmt.Errorf("the segment %q never matches: paths are cleaned", s)
	}
	return checkText(s)
}

func checkText(s string) error {
	if _, err := url.PathUnescape(s); err != nil {
		return fmt.Errorf("malformed percent-encoding in %q", s)
	}
	if strings.ContainsAny(s, "?#") {
		return fmt.Errorf("%q has a %q; a pattern is a path without query and fragment", s, s[strings.IndexAny(s, "?#")])
	}
	return nil
}

// constraints are the named ones; everything else is a regular expression.
var constraints = map[string]func(string) bool{
	"int":      func(s string) bool { _, err := strconv.ParseInt(s, 10, 64); return err == nil && s[0] != '+' },
	"uint":     func(s string) bool { _, err := strconv.ParseUint(s, 10, 64); return err == nil },
	"float":    func(s string) bool { _, err := strconv.ParseFloat(s, 64); return err == nil },
	"bool":     func(s string) bool { return s == "true" || s == "false" },
	"alpha":    only(isLetter),
	"alphanum": only(func(c byte) bool { return isLetter(c) || isDigit(c) }),
	"hex":      only(isHex),
	"uuid":     isUUID,
	"date":     func(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil },
	"ip":       func(s string) bool { _, err := netip.ParseAddr(s); return err == nil },
}

func only(is func(byte) bool) func(string) bool {
	return func(s string) bool {
		for i := range len(s) {
			if !is(s[i]) {
				return false
			}
		}
		return s != ""
	}
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isHex(c byte) bool    { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
		} else if !isHex(s[i]) {
			return false
		}
	}
	return true
}

// parseConstraint returns the check that a constraint stands for. A plain word
// is a name and has to be known.
func parseConstraint(text string) (func(string) bool, error) {
	if fits, ok := constraints[text]; ok {
		return fits, nil
	}
	if text == "" {
		return nil, errors.New("an empty constraint")
	}
	if only(func(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' })(text) {
		names := make([]string, 0, len(constraints))
		for name := range constraints {
			names = append(names, name)
		}
		slices.Sort(names)
		if near := hint.Nearest(text, names); near != "" {
			return nil, fmt.Errorf("unknown constraint %q; did you mean %q?", text, near)
		}
		return nil, fmt.Errorf("unknown constraint %q; there are %s, and regular expressions", text, strings.Join(names, ", "))
	}
	if _, err := regexp.Compile(text); err != nil {
		return nil, fmt.Errorf("bad regular expression: %w", err)
	}
	re, err := regexp.Compile("^(?:" + text + ")$")
	if err != nil {
		return nil, fmt.Errorf("bad regular expression: %w", err)
	}
	return re.MatchString, nil
}

// wildcard returns the segment with the name, or nil.
func (p *pattern) wildcard(name string) *segment {
	for i := range p.segments {
		if p.segments[i].name == name && name != "" {
			return &p.segments[i]
		}
	}
	return nil
}

// names returns the names of the wildcards, in order.
func (p *pattern) names() []string {
	var names []string
	for _, s := range p.segments {
		if s.name != "" {
			names = append(names, s.name)
		}
	}
	return names
}

// rest returns the name of the catch-all whose value begins with a slash, or "".
func (p *pattern) rest() string {
	if n := len(p.segments); n > 0 && p.segments[n-1].slash {
		return p.segments[n-1].name
	}
	return ""
}

// muxPath is the pattern as ServeMux has it. Names that are none there are
// replaced; see slot.
func (p *pattern) muxPath() string { return p.write(muxName) }

func muxName(i int, name string) string {
	if !token.IsIdentifier(name) || strings.HasPrefix(name, "_w") {
		return "_w" + strconv.Itoa(i)
	}
	return name
}

// muxNames returns the names of the wildcards in muxPath.
func (p *pattern) muxNames() []string {
	var names []string
	for i, s := range p.segments {
		if s.name != "" {
			names = append(names, muxName(i, s.name))
		}
	}
	return names
}

// shape is muxPath without names: patterns of one shape match the same paths
// in ServeMux.
func (p *pattern) shape() string {
	return p.write(func(int, string) string { return "" })
}

func (p *pattern) write(name func(i int, name string) string) string {
	var b strings.Builder
	for i, s := range p.segments {
		b.WriteByte('/')
		switch {
		case s.name == "":
			b.WriteString(s.text)
		case s.rest:
			b.WriteString("{" + name(i, s.name) + "...}")
		default:
			b.WriteString("{" + name(i, s.name) + "}")
		}
	}
	if p.trailing {
		b.WriteString("/{$}")
	}
	return b.String()
}

// plain reports whether ServeMux alone decides whether the pattern matches.
func (p *pattern) plain() bool {
	for _, s := range p.segments {
		if s.fits != nil || s.name != "" && (s.prefix != "" || s.suffix != "") {
			return false
		}
	}
	return true
}

// match checks what ServeMux could not, for a request that it has matched with
// a pattern of the same shape and these names, and sets the values of p's names.
func (p *pattern) match(r *http.Request, names []string) bool {
	var values [8]string
	found := values[:0]
	n := 0
	for i := range p.segments {
		s := &p.segments[i]
		if s.name == "" {
			continue
		}
		value := r.PathValue(names[n])
		n++
		value, ok := s.cut(value)
		if !ok {
			return false
		}
		found = append(found, value)
	}
	n = 0
	for i := range p.segments {
		if name := p.segments[i].name; name != "" {
			r.SetPathValue(name, found[n])
			n++
		}
	}
	return true
}

// cut takes the fixed parts off a value and checks the rest.
func (s *segment) cut(value string) (string, bool) {
	if s.rest {
		return value, true
	}
	value, ok1 := strings.CutPrefix(value, s.prefix)
	value, ok2 := strings.CutSuffix(value, s.suffix)
	return value, ok1 && ok2 && value != "" && (s.fits == nil || s.fits(value))
}

// compare orders patterns of one shape from the most to the least constrained:
// by their fixed parts and then by having constraints, segment by segment. It is
// 0 for patterns that take the same paths as far as can be told.
func (p *pattern) compare(q *pattern) int {
	for i := range p.segments {
		a, b := &p.segments[i], &q.segments[i]
		if c := (len(b.prefix) + len(b.suffix)) - (len(a.prefix) + len(a.suffix)); c != 0 {
			return c
		}
		if (a.fits != nil) != (b.fits != nil) {
			if a.fits != nil {
				return -1
			}
			return 1
		}
	}
	return 0
}

// same reports whether p and q, which are of one shape, are one pattern but for names.
func (p *pattern) same(q *pattern) bool {
	for i := range p.segments {
		a, b := &p.segments[i], &q.segments[i]
		if a.prefix != b.prefix || a.suffix != b.suffix || a.constraint != b.constraint {
			return false
		}
	}
	return true
}

// build makes a path with the values in the places of the wildcards.
func (p *pattern) build(values []any) (string, error) {
	names := p.names()
	if len(values) < len(names) {
		return "", fmt.Errorf("missing parameter %q", names[len(values)])
	}
	if len(values) > len(names) {
		return "", fmt.Errorf("surplus parameter %v; %s has %d", values[len(names)], p.text, len(names))
	}
	var b strings.Builder
	n := 0
	for i := range p.segments {
		s := &p.segments[i]
		b.WriteByte('/')
		if s.name == "" {
			decoded, _ := url.PathUnescape(s.text)
			b.WriteString((&url.URL{Path: decoded, RawPath: s.text}).EscapedPath())
			continue
		}
		value := fmt.Sprint(values[n])
		n++
		escaped, err := s.escape(value)
		if err != nil {
			return "", fmt.Errorf("parameter %q: %w", s.name, err)
		}
		b.WriteString(escaped)
	}
	if p.trailing {
		b.WriteByte('/')
	}
	return b.String(), nil
}

// isCleanSegment reports whether a segment with the decoded value passes; see
// cleanPath. (ServeMux takes an escaped slash alone for the end of the path.)
func isCleanSegment(decoded string) bool {
	clean, ok := cleanPath("/" + url.PathEscape(decoded))
	return ok && clean != "/" && decoded != "/"
}

// escape makes the text of the segment for a value.
func (s *segment) escape(value string) (string, error) {
	if s.rest {
		parts := strings.Split(value, "/")
		if s.slash && parts[0] == "" && len(parts) > 1 {
			parts = parts[1:]
		}
		for i, part := range parts {
			if part == "." || part == ".." || part == "" && i < len(parts)-1 || strings.Contains(part, "\x00") {
				return "", fmt.Errorf("%q is not a clean path", value)
			}
			parts[i] = url.PathEscape(part)
		}
		return strings.Join(parts, "/"), nil
	}
	whole := s.prefix + value + s.suffix
	switch {
	case value == "":
		return "", errors.New("empty")
	case !isCleanSegment(whole):
		return "", fmt.Errorf("%q is not a segment of a clean path", whole)
	case s.fits != nil && !s.fits(value):
		return "", fmt.Errorf("%q does not fit %s", value, s.text)
	}
	return url.PathEscape(whole), nil
}
