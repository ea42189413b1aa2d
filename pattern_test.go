package gongular

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// patternText writes a parsed pattern segment by segment.
func patternText(p *pattern) string {
	var parts []string
	for _, s := range p.segments {
		text := s.text
		if s.name != "" {
			text = "<" + s.prefix + "|" + s.name + "|" + s.suffix + ">"
			if s.constraint != "" {
				text += " " + s.constraint
			}
			if s.rest {
				text += " rest"
			}
			if s.slash {
				text += " slash"
			}
		}
		parts = append(parts, text)
	}
	if p.trailing {
		parts = append(parts, "$")
	}
	return strings.Join(parts, ", ")
}

var patternTable = []struct{ text, want string }{
	{"/", "$"},
	{"", "$"},
	{"/{$}", "$"},
	{"/a", "a"},
	{"a", "a"},
	{"/a/", "a, $"},
	{"/a/{$}", "a, $"},
	{"//a///b", "a, b"},
	{"/a//", "a, $"},
	{"/:ID", "<|ID|>"},
	{"/{ID}", "<|ID|>"},
	{"/*Path", "<|Path|> rest slash"},
	{"/{Path...}", "<|Path|> rest"},
	{"/user_:Name", "<user_|Name|>"},
	{"/user_{Name}.json", "<user_|Name|.json>"},
	{"/.:Name", "<.|Name|>"},
	{"/{A}..", "<|A|..>"},
	{"/a%20b{X}%2F", "<a b|X|/>"},
	{"/{ID:int}", "<|ID|> int"},
	{"/v{ID:int}x", "<v|ID|x> int"},
	{"/{X:[a-z]{2,3}}/y", "<|X|> [a-z]{2,3}, y"},
	{"/{X:a/b}/y", "<|X|> a/b, y"},
	{"/{X:a:b}", "<|X|> a:b"},
	{`/{X:\}}`, `<|X|> \}`},
	{`/{X:\{+}/y`, `<|X|> \{+, y`},
	{"/{X:.*}", "<|X|> .*"},
	{"/{a-b}/:c-d", "<|a-b|>, <|c-d|>"},
	{"/{type}", "<|type|>"},
	{"/a.b;c=d,e@f", "a.b;c=d,e@f"},
	{"/größe", "größe"},
	{"/...", "..."},
	{"/..a", "..a"},

	{"/{", "! an opening brace without a closing one"},
	{"/{a", "! an opening brace without a closing one"},
	{"/{a/b", "! an opening brace without a closing one"},
	{"/a}", "! a closing brace without an opening one"},
	{`/\{x`, "! an opening brace without a closing one"},
	{`/\{x}`, `<\|x|>`},
	{"/}{", "! a closing brace without an opening one"},
	{"/{$}/a", "! {$} stands at the end only"},
	{"/*P/a", `! the catch-all "*P" stands at the end only`},
	{"/{P...}/a", `! the catch-all "{P...}" stands at the end only`},
	{"/*P/", `! the catch-all "*P" stands at the end only`},
	{"/a*P", `! the catch-all in "a*P" does not follow a slash`},
	{"/a{P...}", `! the catch-all in "a{P...}" takes whole segments, without a constraint`},
	{"/{P...}a", `! the catch-all in "{P...}a" takes whole segments, without a constraint`},
	{"/{P...:int}", `! the catch-all in "{P...:int}" takes whole segments, without a constraint`},
	{"/:", `! the wildcard in ":" has no name`},
	{"/{}", `! the wildcard in "{}" has no name`},
	{"/*", `! the wildcard in "*" has no name`},
	{"/{...}", `! the wildcard in "{...}" has no name`},
	{"/{:int}", `! the wildcard in "{:int}" has no name`},
	{"/:A/:A", `! the wildcard "A" stands twice`},
	{"/:A/{A}", `! the wildcard "A" stands twice`},
	{"/:A/x/*A", `! the wildcard "A" stands twice`},
	{"/:A:B", `! ":A:B" has more than one wildcard, or a bad name`},
	{"/{A}{B}", `! "{A}{B}" has more than one wildcard`},
	{"/{A}:B", `! "{A}:B" has more than one wildcard`},
	{"/:A{B}", `! ":A{B}" has more than one wildcard, or a bad name`},
	{"/{a b}", `! "{a b}" has more than one wildcard, or a bad name`},
	{"/{A:}", "! {A:}: an empty constraint"},
	{"/{A:in}", `! {A:in}: unknown constraint "in"; did you mean "int"?`},
	{"/{A:zzzzzz}", `! {A:zzzzzz}: unknown constraint "zzzzzz"; there are alpha, alphanum, bool, date, float, hex, int, ip, uint, uuid, and regular expressions`},
	{"/{A:(}", "! {A:(}: bad regular expression: error parsing regexp: missing closing ): `(`"},
	{"/{A:[}", "! {A:[}: bad regular expression: error parsing regexp: missing closing ]: `[`"},
	{"/.", `! the segment "." never matches: paths are cleaned`},
	{"/a/../b", `! the segment ".." never matches: paths are cleaned`},
	{"/%2e%2e", `! the segment "%2e%2e" never matches: paths are cleaned`},
	{"/a/%2F", `! the segment "%2F" never matches: paths are cleaned`},
	{"/%zz", `! malformed percent-encoding in "%zz"`},
	{"/a%", `! malformed percent-encoding in "a%"`},
	{"/%zz:A", `! malformed percent-encoding in "%zz"`},
	{"/{A}%zz", `! malformed percent-encoding in "%zz"`},
	{"/a?b", `! "a?b" has a '?'; a pattern is a path without query and fragment`},
	{"/a#b", `! "a#b" has a '#'; a pattern is a path without query and fragment`},
}

func TestParsePattern(t *testing.T) {
	for _, test := range patternTable {
		p, err := parsePattern(test.text)
		got := ""
		if err != nil {
			got = "! " + err.Error()
		} else {
			got = patternText(p)
		}
		if got != test.want {
			t.Errorf("%q: got %s, want %s", test.text, got, test.want)
		}
	}
}

func TestJoinPatterns(t *testing.T) {
	for _, test := range []struct{ prefix, path, want string }{
		{"", "", "/"}, {"", "/", "/"}, {"/", "/", "/"}, {"", "x", "/x"}, {"/a", "", "/a"}, {"/a", "/", "/a"}, {"/a/", "/", "/a"},
		{"/a", "x", "/a/x"}, {"/a//", "//x/", "/a/x/"}, {"a", "x", "a/x"},
	} {
		if got := joinPatterns(test.prefix, test.path); got != test.want {
			t.Errorf("joinPatterns(%q, %q) = %q, want %q", test.prefix, test.path, got, test.want)
		}
	}
}

// What ServeMux is told of a pattern, and which patterns are one to it.
func TestMuxPath(t *testing.T) {
	for _, test := range []struct{ text, mux, shape string }{
		{"/", "/{$}", "/{$}"},
		{"/a/", "/a/{$}", "/a/{$}"},
		{"/u/:ID/x", "/u/{ID}/x", "/u/{}/x"},
		{"/p{ID:int}s/*Rest", "/{ID}/{Rest...}", "/{}/{...}"},
		{"/:a-b/{0}/{type}/{_w1}", "/{_w0}/{_w1}/{_w2}/{_w3}", "/{}/{}/{}/{}"},
	} {
		p, err := parsePattern(test.text)
		if err != nil {
			t.Fatal(err)
		}
		if p.muxPath() != test.mux || p.shape() != test.shape {
			t.Errorf("%s: %s and %s, want %s and %s", test.text, p.muxPath(), p.shape(), test.mux, test.shape)
		}
	}
}

// Patterns of one shape stand from the most to the least constrained, however
// they were registered; equals keep their order.
func TestComparePatterns(t *testing.T) {
	ordered := []string{"/abc{X}", "/ab{X}c", "/a{X:int}", "/a{X}", "/{X:int}", "/{X:[0-9]+}", "/{X}"}
	var want []*pattern
	for _, text := range ordered {
		p, err := parsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, p)
	}
	rank := []int{0, 0, 1, 2, 3, 3, 4}
	for i, p := range want {
		for j, q := range want {
			if got := p.compare(q); cmp.Compare(got, 0) != cmp.Compare(rank[i], rank[j]) {
				t.Errorf("%s.compare(%s) = %d", ordered[i], ordered[j], got)
			}
			if got := p.same(q); got != (i == j) {
				t.Errorf("%s.same(%s) = %v", ordered[i], ordered[j], got)
			}
		}
	}
	same := [][2]string{{"/:A/{B:int}", "/{X}/{Y:int}"}, {"/x_:A", "/x_{B}"}, {"/%61:A", "/a:A"}, {"/*A", "/{A...}"}}
	for _, pair := range same {
		p, err := parsePattern(pair[0])
		if err != nil {
			t.Fatal(err)
		}
		q, err := parsePattern(pair[1])
		if err != nil {
			t.Fatal(err)
		}
		if !p.same(q) || p.compare(q) != 0 || p.shape() != q.shape() {
			t.Errorf("%s and %s are not the same", pair[0], pair[1])
		}
	}
}

// answerParams answers with the values of the wildcards.
func answerParams(mark string) RequestHandler {
	return HandlerFunc(func(c *Context) error {
		c.SetBody([]byte(mark + fmt.Sprintf("%q", c.Params())))
		return nil
	})
}

// A URL that is built leads to its route, and gives back the values it was built
// from; a value is refused only where that could not be.
func TestURLRoundTrip(t *testing.T) {
	e := NewEngine()
	patterns := []string{"/a/:X", "/b/{X}/y/", "/c/:X/{Y}/*Z", "/d/{X...}", "/e/pre{X}", "/f/{X}.json", "/g/{X:int}", "/h/{X:[a/.]+}/{Y}", "/i j/*X", "/k%2Fl/:X", "/m/.{X}", "/n/{X}.", "/o/*X"}
	for _, text := range patterns {
		e.GET(text, answerParams(text)).Name(text)
	}
	alphabet := []string{"a", "b", "1", "0", "-", ".", "..", "/", "/", "%", "%2e", "?", "#", " ", "+", "ä", "\xff", "\x00", "\n", `\`, ":", "{", "json", ";", "&"}
	random := rand.New(rand.NewPCG(1, 2))
	built := map[string]int{}
	for range 30000 {
		text := patterns[random.IntN(len(patterns))]
		p := e.names[text].pattern
		var values []any
		var want Params
		refusable := false
		for _, s := range p.segments {
			if s.name == "" {
				continue
			}
			value := ""
			for range random.IntN(4) {
				value += alphabet[random.IntN(len(alphabet))]
			}
			values = append(values, value)
			if s.slash {
				value = "/" + strings.TrimPrefix(value, "/")
			}
			want = append(want, Param{s.name, value})
			refusable = refusable || !naivelyClean(&s, value) || !naivelyFits(&s, value)
		}
		path, err := e.URL(text, values...)
		if (err != nil) != refusable {
			t.Errorf("URL(%q, %q) = %q, %v", text, values, path, err)
		}
		if err != nil {
			continue
		}
		built[text]++
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if want := text + fmt.Sprintf("%q", want); w.Code != 200 || w.Body.String() != want {
			t.Errorf("URL(%q, %q) = %s: got %d %s, want %s", text, values, path, w.Code, w.Body, want)
		}
	}
	for _, text := range patterns {
		if built[text] < 20 {
			t.Errorf("%s: only %d were built", text, built[text])
		}
	}
}

// naivelyClean reports whether a value can stand in a path that is clean.
func naivelyClean(s *segment, value string) bool {
	whole := s.prefix + value + s.suffix
	if strings.Contains(whole, "\x00") {
		return false
	}
	parts := strings.Split(whole, "/")
	for i, part := range parts {
		if part == "." || part == ".." {
			return false
		}
		if inside := i < len(parts)-1 && !(s.slash && i == 0); s.rest && part == "" && inside {
			return false
		}
	}
	return s.rest || value != "" && whole != "/"
}

func naivelyFits(s *segment, value string) bool { return s.fits == nil || s.fits(value) }

// naiveMatch matches an escaped path segment by segment, and returns the values;
// checked says whether to look at what ServeMux does not know of.
func naiveMatch(p *pattern, path string, checked bool) (Params, bool) {
	var values Params
	parts := strings.Split(path[1:], "/")
	for _, s := range p.segments {
		if s.rest {
			if len(parts) == 0 {
				return nil, false
			}
			rest, _ := url.PathUnescape(strings.Join(parts, "/"))
			if s.slash {
				rest = "/" + rest
			}
			return append(values, Param{s.name, rest}), true
		}
		if len(parts) == 0 || parts[0] == "" {
			return nil, false
		}
		part, _ := url.PathUnescape(parts[0])
		parts = parts[1:]
		if s.name == "" {
			if literal, _ := url.PathUnescape(s.text); literal != part {
				return nil, false
			}
			continue
		}
		if checked {
			if len(part) <= len(s.prefix)+len(s.suffix) || !strings.HasPrefix(part, s.prefix) || !strings.HasSuffix(part, s.suffix) {
				return nil, false
			}
			part = part[len(s.prefix) : len(part)-len(s.suffix)]
			if !naivelyFits(&s, part) {
				return nil, false
			}
		}
		values = append(values, Param{s.name, part})
	}
	if p.trailing {
		return values, len(parts) == 1 && parts[0] == ""
	}
	return values, len(parts) == 0
}

// naiveRank tells how special a segment is; greater goes first.
func naiveRank(s *segment) []int {
	switch {
	case s.name == "":
		return []int{3, 0, 0}
	case s.rest:
		return []int{1, 0, 0}
	case s.fits != nil:
		return []int{2, len(s.prefix) + len(s.suffix), 1}
	default:
		return []int{2, len(s.prefix) + len(s.suffix), 0}
	}
}

// naiveRoute finds the pattern that takes the path: of those that fit without a
// look at constraints the most special shape, and of that shape the most
// constrained that fits.
func naiveRoute(patterns []*pattern, path string) (*pattern, Params) {
	var fit []*pattern
	for _, p := range patterns {
		if _, ok := naiveMatch(p, path, false); ok {
			fit = append(fit, p)
		}
	}
	slices.SortStableFunc(fit, func(p, q *pattern) int { return naiveCompare(p, q, 1) })
	slash := slices.ContainsFunc(patterns, func(p *pattern) bool {
		_, ok := naiveMatch(p, path+"/", false)
		rest := len(p.segments) > 0 && p.segments[len(p.segments)-1].rest
		return ok && (!rest || len(p.segments) == strings.Count(path, "/")+1)
	})
	if slash && !strings.HasSuffix(path, "/") && (len(fit) == 0 || fit[0].segments[len(fit[0].segments)-1].rest) {
		return nil, nil // where /x/ is registered, /x is not a catch-all's
	}
	if len(fit) == 0 {
		return nil, nil
	}
	shape := fit[0].shape()
	fit = slices.DeleteFunc(fit, func(p *pattern) bool { return p.shape() != shape })
	slices.SortStableFunc(fit, func(p, q *pattern) int { return naiveCompare(p, q, 3) })
	for _, p := range fit {
		if values, ok := naiveMatch(p, path, true); ok {
			return p, values
		}
	}
	return nil, nil
}

// naiveCompare compares by so many of the numbers of naiveRank.
func naiveCompare(p, q *pattern, numbers int) int {
	for i := range min(len(p.segments), len(q.segments)) {
		if c := slices.Compare(naiveRank(&q.segments[i])[:numbers], naiveRank(&p.segments[i])[:numbers]); c != 0 {
			return c
		}
	}
	// One has ended where the other has a catch-all of nothing.
	return cmp.Compare(len(p.segments), len(q.segments))
}

// The engine finds the routes and values that a slow search finds.
func TestAgainstNaiveMatcher(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	found, missed := 0, 0
	for range 3000 {
		e := NewEngine(Options{TrailingSlash: StrictSlash})
		var patterns []*pattern
		for range 1 + random.IntN(8) {
			text := ""
			for i := range random.IntN(4) {
				name := pick("A", "B", "x-") + fmt.Sprint(i)
				text += "/" + pick("a", "b", "ab", "a%2fb", ":"+name, ":"+name, "{"+name+"}", "{"+name+":int}", "{"+name+":[ab]+}", "a:"+name, "{"+name+"}b", "a{"+name+":int}b")
			}
			text += pick("", "", "/", "/*R", "/{R...}")
			if text == "" {
				text = "/"
			}
			func() {
				defer func() { recover() }() // two that conflict
				e.GET(text, answerParams(text))
				patterns = append(patterns, e.routes[len(e.routes)-1].pattern)
			}()
		}
		for range 30 {
			path := ""
			for range random.IntN(5) {
				path += "/" + pick("a", "b", "ab", "aab", "a1b", "1", "12", "a%2Fb", "a%20b", "%61")
			}
			path += pick("", "", "/")
			if path == "" {
				path = "/"
			}
			want := "404 page not found\n"
			if p, values := naiveRoute(patterns, path); p != nil {
				want = p.text + fmt.Sprintf("%q", values)
				found++
			} else {
				missed++
			}
			u, err := url.ParseRequestURI(path)
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			e.ServeHTTP(w, &http.Request{Method: "GET", URL: u, Body: http.NoBody, Host: "example.com"})
			if got := w.Body.String(); got != want {
				var texts []string
				for _, p := range patterns {
					texts = append(texts, p.text)
				}
				t.Fatalf("%q: GET %s: got %q, want %q", texts, path, got, want)
			}
		}
	}
	if found < 5000 || missed < 5000 {
		t.Errorf("found %d, missed %d: the test says too little", found, missed)
	}
}

// parsePattern takes any text, and what it accepts ServeMux accepts too.
func FuzzPattern(f *testing.F) {
	for _, test := range patternTable {
		f.Add(test.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePattern(text)
		if err != nil {
			return
		}
		if err := tryHandle(http.NewServeMux(), "GET "+p.muxPath(), http.NotFoundHandler()); err != nil {
			t.Errorf("%q is accepted as %s, but: %v", text, p.muxPath(), err)
		}
		if len(p.names()) != len(p.muxNames()) || !p.same(p) || p.compare(p) != 0 {
			t.Errorf("%q: names %q, %q", text, p.names(), p.muxNames())
		}
		if _, err := parsePattern(joinPatterns("/g", text)); err != nil && !strings.HasPrefix(text, "//") {
			t.Errorf("%q is not accepted in a group: %v", text, err)
		}
	})
}
