package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gongular/gongular/examples/bookstore/store"
)

// A server is a bookstore that runs in the test's own process.
type server struct {
	t      testing.TB
	base   string
	client *http.Client
	cancel context.CancelFunc
	done   chan struct{} // closed when run has returned
	err    error         // what it returned
}

// serve runs a bookstore on a free port of the loopback until the test ends.
func serve(t testing.TB, folder string) *server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{t: t, cancel: cancel, done: make(chan struct{})}
	s.client = &http.Client{
		Timeout:       time.Minute,
		Transport:     &http.Transport{ExpectContinueTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	r, w := io.Pipe()
	go func() {
		s.err = run(ctx, []string{"-addr", "127.0.0.1:0", "-data", folder}, w)
		w.CloseWithError(s.err)
		close(s.done)
	}()
	out := bufio.NewReader(r)
	var err error
	if s.base, _, err = greeting(out); err != nil {
		cancel()
		t.Fatal(err)
	}
	go io.Copy(io.Discard, out)
	t.Cleanup(s.stop)
	return s
}

// stop ends the bookstore, gracefully. A second call does no more.
func (s *server) stop() {
	s.t.Helper()
	s.client.CloseIdleConnections() // a server waits for those that were never used
	s.cancel()
	<-s.done
	if s.err != nil {
		s.t.Error("run:", s.err)
	}
}

// greeting reads what a bookstore prints when it starts: its base URL and the
// lines to try.
func greeting(r *bufio.Reader) (base string, lines []string, err error) {
	for len(lines) < 3 {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", nil, fmt.Errorf("the bookstore did not start: %w", err)
		}
		if rest, ok := strings.CutPrefix(line, "bookstore: "); ok {
			base, _, _ = strings.Cut(rest, ",")
		}
		if strings.HasPrefix(line, "curl ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return base, lines, nil
}

// An answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request. What follows the body are the names and values of headers.
func (s *server) do(method, path string, body io.Reader, header ...string) answer {
	s.t.Helper()
	req, err := http.NewRequest(method, s.base+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	a, err := s.roundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *server) roundTrip(req *http.Request) (answer, error) {
	res, err := s.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(data)}, err
}

const bearer = "Bearer secret"

// json sends a JSON body with the token.
func (s *server) json(method, path, body string) answer {
	s.t.Helper()
	return s.do(method, path, strings.NewReader(body), "Authorization", bearer, "Content-Type", "application/json")
}

func (s *server) get(path string, header ...string) answer {
	s.t.Helper()
	return s.do("GET", path, nil, header...)
}

// upload sends a cover with the token. The type that it claims to be is a lie.
func (s *server) upload(path string, data []byte, header ...string) answer {
	s.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("cover", "../../cover.exe")
	if err != nil {
		s.t.Fatal(err)
	}
	part.Write(data)
	form.Close()
	return s.do("PUT", path, &body, append([]string{"Authorization", bearer, "Content-Type", form.FormDataContentType()}, header...)...)
}

// is checks status and body.
func (a answer) is(t testing.TB, status int, body string) {
	t.Helper()
	if a.status != status || a.body != body {
		t.Errorf("answer %d\n%s\nwant %d\n%s", a.status, a.body, status, body)
	}
}

// into decodes the body of an answer that must have the status.
func into[T any](t testing.TB, a answer, status int) T {
	t.Helper()
	var v T
	if a.status != status {
		t.Fatalf("answer %d %s, want %d", a.status, a.body, status)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

// picture is a PNG with noise, so that it stays about four bytes per pixel.
func picture(t testing.TB, width, height int) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range img.Pix {
		img.Pix[i] = byte(rng.Uint32())
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

const emma = `{"title":"Emma","author":"Jane Austen","isbn":"978-0-14-143958-7","year":1815,"price":900,"tags":["novel",""]}`

func TestLifeOfABook(t *testing.T) {
	s := serve(t, t.TempDir())

	created := s.json("POST", "/books", emma)
	book := into[store.Book](t, created, 201)
	if got := created.header.Get("Location"); got != "/books/1" {
		t.Errorf("Location %q", got)
	}
	if book.ID != 1 || book.Title != "Emma" || book.Year != 1815 || book.Price != 900 || !slices.Equal(book.Tags, []string{"novel"}) || book.Created.IsZero() {
		t.Errorf("created %+v", book)
	}
	s.get("/books/1").is(t, 200, created.body)

	replaced := into[store.Book](t, s.json("PUT", "/books/1", `{"title":"Emma","author":"Austen","isbn":"9780141439587"}`), 200)
	if replaced.Author != "Austen" || replaced.Price != 0 || !replaced.Created.Equal(book.Created) || !replaced.Updated.After(book.Updated) {
		t.Errorf("replaced %+v", replaced)
	}

	s.get("/books/1/cover").is(t, 404, problem(404, "the book has no cover", "/books/1/cover"))
	// More than the megabyte that is held in memory.
	cover := picture(t, 600, 600)
	if len(cover) < 1<<20 || len(cover) > 2<<20 {
		t.Fatalf("a cover of %d bytes", len(cover))
	}
	s.upload("/books/1/cover", cover).is(t, 204, "")
	got := s.get("/books/1/cover")
	if got.status != 200 || got.body != string(cover) || got.header.Get("Content-Type") != "image/png" {
		t.Errorf("cover: %d, %d bytes of %q; want 200, %d bytes of image/png", got.status, len(got.body), got.header.Get("Content-Type"), len(cover))
	}
	if b := into[store.Book](t, s.get("/books/1"), 200); !b.Cover {
		t.Errorf("with a cover: %+v", b)
	}

	s.do("DELETE", "/books/1", nil, "Authorization", bearer).is(t, 204, "")
	s.get("/books/1").is(t, 404, problem(404, "no such book", "/books/1"))
	s.get("/books/1/cover").is(t, 404, problem(404, "no such book", "/books/1/cover"))
	if b := into[store.Book](t, s.json("POST", "/books", emma), 201); b.ID != 2 {
		t.Errorf("the next book has id %d", b.ID)
	}
}

// problem is the body of an error, with the fields that were refused.
func problem(status int, detail, instance string, fields ...string) string {
	body := fmt.Sprintf(`{"type":"about:blank","title":%q,"status":%d`, http.StatusText(status), status)
	if detail != "" {
		body += fmt.Sprintf(`,"detail":%q`, detail)
	}
	body += fmt.Sprintf(`,"instance":%q`, instance)
	if len(fields) > 0 {
		body += `,"errors":[` + strings.Join(fields, ",") + "]"
	}
	return body + "}"
}

func TestRefusals(t *testing.T) {
	s := serve(t, t.TempDir())
	into[store.Book](t, s.json("POST", "/books", emma), 201)
	into[store.Book](t, s.json("POST", "/books", `{"title":"Persuasion","author":"Jane Austen"}`), 201)
	sorts := "id|-id|title|-title|author|-author|year|-year|price|-price|created|-created|updated|-updated"
	for _, test := range []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{"empty book", "POST", "/books", `{}`, 400, problem(400, "Body: validation failed", "/books",
			`{"pointer":"#/title","place":"Body","rule":"required","detail":"non zero value required"}`,
			`{"pointer":"#/author","place":"Body","rule":"required","detail":"non zero value required"}`)},
		{"every rule", "PUT", "/books/1", `{"title":"Emma","author":"` + strings.Repeat("ä", 201) + `","isbn":"a book","year":99,"price":-1,"tags":["ok","No"]}`, 400, problem(400, "Body: validation failed", "/books/1",
			`{"pointer":"#/author","place":"Body","rule":"runelength","detail":"`+strings.Repeat("ä", 201)+` does not validate as runelength(1|200)"}`,
			`{"pointer":"#/isbn","place":"Body","rule":"matches","detail":"not an ISBN"}`,
			`{"pointer":"#/year","place":"Body","rule":"range","detail":"99 does not validate as range(1000|2100)"}`,
			`{"pointer":"#/price","place":"Body","rule":"range","detail":"-1 does not validate as range(0|1000000)"}`,
			`{"pointer":"#/tags","place":"Body","rule":"lowercase","detail":"No does not validate as lowercase"}`)},
		{"wrong kind", "POST", "/books", `{"title":"Emma","year":"1815"}`, 400, problem(400, "Body year: expected integer, got string", "/books",
			`{"pointer":"#/year","place":"Body","detail":"expected integer, got string"}`)},
		{"paging", "GET", "/books?page=0&size=101&sort=isbn", "", 400, problem(400, "Query Parameter: validation failed", "/books",
			`{"parameter":"page","place":"Query Parameter","rule":"required","detail":"non zero value required"}`,
			`{"parameter":"size","place":"Query Parameter","rule":"range","detail":"101 does not validate as range(1|100)"}`,
			`{"parameter":"sort","place":"Query Parameter","rule":"in","detail":"isbn does not validate as in(`+sorts+`)"}`)},
		{"search for nothing", "GET", "/books/search?q=", "", 400, problem(400, "Query Parameter: validation failed", "/books/search",
			`{"parameter":"q","place":"Query Parameter","rule":"required","detail":"non zero value required"}`)},
		{"ISBN of another", "POST", "/books", emma, 409, problem(409, "another book has this ISBN", "/books")},
		{"ISBN of another, spelt otherwise", "PUT", "/books/2", `{"title":"P","author":"A","isbn":"978 0141439587"}`, 409, problem(409, "another book has this ISBN", "/books/2")},
		{"no such book", "PUT", "/books/3", `{"title":"P","author":"A"}`, 404, problem(404, "no such book", "/books/3")},
		{"delete no such book", "DELETE", "/books/3", "", 404, problem(404, "no such book", "/books/3")},
		{"not a number", "GET", "/books/emma", "", 404, problem(404, "", "/books/emma")},
		{"no such method", "PATCH", "/books/1", "{}", 405, problem(405, "", "/books/1")},
		{"book too large", "POST", "/books", `{"title":"` + strings.Repeat("E", 64<<10) + `"}`, 413, problem(413, "Body: larger than the limit of 65536 bytes", "/books", `{"place":"Body","detail":"larger than the limit of 65536 bytes"}`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := s.json(test.method, test.path, test.body)
			a.is(t, test.status, test.want)
			if got := a.header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("Content-Type %q", got)
			}
		})
	}
	a := s.do("POST", "/books", strings.NewReader("<book/>"), "Authorization", bearer, "Content-Type", "text/xml")
	if a.status != 415 || a.header.Get("Accept-Post") != "application/json" {
		t.Errorf("a book in XML: %d %s, Accept-Post %q", a.status, a.body, a.header.Get("Accept-Post"))
	}
}

func TestToken(t *testing.T) {
	s := serve(t, t.TempDir())
	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer secre", "Bearer secrets", "Basic secret", "secret"} {
		for _, route := range []string{"POST /books", "PUT /books/1", "DELETE /books/1", "PUT /books/1/cover"} {
			method, path, _ := strings.Cut(route, " ")
			a := s.do(method, path, strings.NewReader("{}"), "Authorization", header)
			a.is(t, 401, problem(401, "this needs the header Authorization: Bearer and the token", path))
			if got := a.header.Get("WWW-Authenticate"); got != `Bearer realm="bookstore"` {
				t.Errorf("%s with %q: WWW-Authenticate %q", route, header, got)
			}
		}
	}
	a := s.do("POST", "/books", strings.NewReader(emma), "Authorization", "bearer secret", "Content-Type", "application/json")
	into[store.Book](t, a, 201)
}

func TestPaging(t *testing.T) {
	s := serve(t, t.TempDir())
	page := into[bookPage](t, s.get("/books"), 200)
	if page.Total != 0 || page.Page != 1 || page.Size != 20 || page.Books == nil {
		t.Errorf("of no books: %+v", page)
	}
	for _, title := range []string{"B", "D", "A", "E", "C"} {
		into[store.Book](t, s.json("POST", "/books", `{"title":"`+title+`","author":"X"}`), 201)
	}
	// walk follows the links from a page, and returns the titles that it sees.
	walk := func(path, rel string) string {
		var titles string
		for range 10 {
			a := s.get(path)
			page := into[bookPage](t, a, 200)
			if page.Total != 5 {
				t.Errorf("%s: total %d", path, page.Total)
			}
			for _, b := range page.Books {
				titles += b.Title
			}
			titles += " "
			if path = link(a, rel); path == "" {
				return titles
			}
		}
		t.Fatalf("there is no end of %s links", rel)
		return ""
	}
	for _, test := range []struct{ path, rel, want string }{
		{"/books?size=2", "next", "BD AE C "},
		{"/books?size=2&sort=title", "next", "AB CD E "},
		{"/books?size=2&sort=-title&page=3", "prev", "A CB ED "},
		{"/books?size=2&page=9", "prev", " C AE BD "}, // from beyond the end
		{"/books", "next", "BDAEC "},
	} {
		if got := walk(test.path, test.rel); got != test.want {
			t.Errorf("%s, %s: %q, want %q", test.path, test.rel, got, test.want)
		}
	}
	want := []string{`</books?page=1&size=2&sort=-title>; rel="prev"`, `</books?page=3&size=2&sort=-title>; rel="next"`}
	if got := s.get("/books?size=2&sort=-title&page=2").header["Link"]; !slices.Equal(got, want) {
		t.Errorf("Link %q, want %q", got, want)
	}
	if a := s.get("/"); a.status != 303 || a.header.Get("Location") != "/books" {
		t.Errorf("/: %d to %q", a.status, a.header.Get("Location"))
	}
}

// link returns the target of the answer's link of that relation, or "".
func link(a answer, rel string) string {
	for _, value := range a.header["Link"] {
		if target, ok := strings.CutSuffix(value, `>; rel="`+rel+`"`); ok {
			return strings.TrimPrefix(target, "<")
		}
	}
	return ""
}

func TestSearch(t *testing.T) {
	s := serve(t, t.TempDir())
	for _, body := range []string{emma, `{"title":"Persuasion","author":"Jane Austen"}`, `{"title":"Jane Eyre","author":"Charlotte Brontë"}`} {
		into[store.Book](t, s.json("POST", "/books", body), 201)
	}
	for _, test := range []struct{ query, want string }{
		{"q=austen", "Emma, Persuasion"},
		{"q=jane&limit=2", "Emma, Persuasion"},
		{"q=JANE+bront%C3%8B", "Jane Eyre"},
		{"q=novel", "Emma"},
		{"q=nobody", ""},
	} {
		found := into[struct{ Books []store.Book }](t, s.get("/books/search?"+test.query), 200)
		var titles []string
		for _, b := range found.Books {
			titles = append(titles, b.Title)
		}
		if got := strings.Join(titles, ", "); got != test.want {
			t.Errorf("%s: %s, want %s", test.query, got, test.want)
		}
	}
}

func TestCoverRefusals(t *testing.T) {
	s := serve(t, t.TempDir())
	into[store.Book](t, s.json("POST", "/books", emma), 201)
	refused := func(status int, reason string) string {
		return problem(status, "Form Value Cover: "+reason, "/books/1/cover", `{"parameter":"cover","place":"Form Value","detail":"`+reason+`"}`)
	}
	large := append(picture(t, 1, 1), make([]byte, 2<<20)...)
	s.upload("/books/1/cover", large).is(t, 413, refused(413, "larger than the limit of 2097152 bytes for this file"))
	s.upload("/books/1/cover", []byte("MZ, a program")).is(t, 415, refused(415, "is text/plain; accepted is image/png, image/jpeg"))
	s.upload("/books/7/cover", picture(t, 1, 1)).is(t, 404, problem(404, "no such book", "/books/7/cover"))
	s.json("PUT", "/books/1/cover", "{}").is(t, 415, problem(415,
		`Form Value: Content-Type "application/json" is not accepted, only application/x-www-form-urlencoded, multipart/form-data`, "/books/1/cover",
		`{"place":"Form Value","detail":"Content-Type \"application/json\" is not accepted, only application/x-www-form-urlencoded, multipart/form-data"}`))

	// A form over the limit is refused before any of it was sent.
	a := s.upload("/books/1/cover", make([]byte, 8<<20), "Expect", "100-continue")
	if a.status != 413 || !strings.Contains(a.body, "Form Value: larger than the limit of 3145728 bytes") {
		t.Errorf("8 MiB: %d %s", a.status, a.body)
	}
	if b := into[store.Book](t, s.get("/books/1"), 200); b.Cover {
		t.Error("the book has a cover")
	}
}

func TestCoverRangesAndConditions(t *testing.T) {
	s := serve(t, t.TempDir())
	into[store.Book](t, s.json("POST", "/books", emma), 201)
	cover := picture(t, 20, 20)
	s.upload("/books/1/cover", cover).is(t, 204, "")

	tag := s.get("/books/1/cover").header.Get("Etag")
	s.get("/books/1/cover", "If-None-Match", tag).is(t, 304, "")
	part := s.get("/books/1/cover", "Range", "bytes=10-29", "If-Range", tag)
	part.is(t, 206, string(cover[10:30]))
	if got, want := part.header.Get("Content-Range"), fmt.Sprintf("bytes 10-29/%d", len(cover)); got != want {
		t.Errorf("Content-Range %q, want %q", got, want)
	}
	head := s.do("HEAD", "/books/1/cover", nil)
	head.is(t, 200, "")
	if got := head.header.Get("Content-Length"); got != fmt.Sprint(len(cover)) {
		t.Errorf("Content-Length of HEAD: %s", got)
	}

	other := picture(t, 21, 21)
	s.upload("/books/1/cover", other).is(t, 204, "")
	s.get("/books/1/cover", "If-None-Match", tag).is(t, 200, string(other))
	s.get("/books/1/cover", "Range", "bytes=10-29", "If-Range", tag).is(t, 200, string(other))
}

func TestRestartKeepsEverything(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder)
	cover := picture(t, 50, 50)
	into[store.Book](t, s.json("POST", "/books", emma), 201)
	into[store.Book](t, s.json("POST", "/books", `{"title":"Persuasion","author":"Jane Austen"}`), 201)
	s.do("DELETE", "/books/2", nil, "Authorization", bearer).is(t, 204, "")
	s.upload("/books/1/cover", cover).is(t, 204, "")
	before := s.get("/books")
	s.stop()

	s = serve(t, folder)
	s.get("/books").is(t, 200, before.body)
	s.get("/books/1/cover").is(t, 200, string(cover))
	s.json("POST", "/books", emma).is(t, 409, problem(409, "another book has this ISBN", "/books"))
	if b := into[store.Book](t, s.json("POST", "/books", `{"title":"Sanditon","author":"Jane Austen"}`), 201); b.ID != 3 {
		t.Errorf("after the restart, the next id is %d", b.ID)
	}
}

// A request that is under way when the server is told to stop is answered, and
// what it wrote is kept.
func TestGracefulStop(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder)
	body, rest := io.Pipe()
	req, err := http.NewRequest("POST", s.base+"/books", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {bearer}, "Content-Type": {"application/json"}, "Expect": {"100-continue"}}
	reading := make(chan struct{}) // closed when the server reads the body
	req = req.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(reading) }}))
	type result struct {
		answer
		err error
	}
	answered := make(chan result, 1)
	go func() {
		a, err := s.roundTrip(req)
		answered <- result{a, err}
	}()
	<-reading
	s.cancel()
	for { // until nobody is let in any more
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
		if err != nil {
			break
		}
		conn.Close()
	}
	select {
	case <-s.done:
		t.Fatalf("run ended before the request did: %v", s.err)
	default:
	}
	io.WriteString(rest, emma)
	rest.Close()
	r := <-answered
	if r.err != nil {
		t.Fatal(r.err)
	}
	into[store.Book](t, r.answer, 201)
	s.stop()

	books, err := store.Open(folder) // it is free again
	if err != nil {
		t.Fatal(err)
	}
	defer books.Close()
	if b, err := books.Get(t.Context(), 1); err != nil || b.Title != "Emma" {
		t.Errorf("kept: %+v, %v", b, err)
	}
}

func TestStats(t *testing.T) {
	s := serve(t, t.TempDir())
	into[store.Book](t, s.json("POST", "/books", emma), 201)
	s.json("POST", "/books", emma)
	s.get("/books/1")
	s.get("/books/2")
	s.get("/nowhere")
	s.do("BREW", "/books", nil)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { s.get("/books?size=1") })
	}
	wg.Wait()
	report := into[statsReport](t, s.get("/stats"), 200)
	for i := range report.Routes {
		if report.Routes[i].Mean < 0 || report.Routes[i].Mean > 60_000 {
			t.Errorf("mean of %+v", report.Routes[i])
		}
		report.Routes[i].Mean = 0
	}
	got, _ := json.Marshal(report)
	want := `{"requests":26,"routes":[` +
		`{"requests":2,"statuses":{"404":1,"405":1},"mean_ms":0},` +
		`{"method":"GET","route":"/books","requests":20,"statuses":{"200":20},"mean_ms":0},` +
		`{"method":"POST","route":"/books","requests":2,"statuses":{"201":1,"409":1},"mean_ms":0},` +
		`{"method":"GET","route":"/books/{ID:uint}","requests":2,"statuses":{"200":1,"404":1},"mean_ms":0}]}`
	if string(got) != want {
		t.Errorf("stats\n%s\nwant\n%s", got, want)
	}
}

func TestMistakesAtStart(t *testing.T) {
	s := serve(t, t.TempDir())
	taken := strings.TrimPrefix(s.base, "http://")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-addr", taken, "-data", t.TempDir()}, "\nIf another program has this address, choose one with -addr; 127.0.0.1:0 is any free port"},
		{[]string{"-addr", "127.0.0.1:0", "-data", file}, file + " is not a folder"},
		{[]string{"-addr", "127.0.0.1:0", "-data", t.TempDir(), "-token", "it's"}, "-token: want letters, digits and any of -._~+/"},
		{[]string{"-addr", "127.0.0.1:0", "-data", t.TempDir(), "now"}, `unexpected argument "now"`},
	} {
		err := run(t.Context(), test.args, io.Discard)
		if err == nil || !strings.HasSuffix(err.Error(), test.want) {
			t.Errorf("%q: %v, want …%s", test.args, err, test.want)
		}
	}
}

func TestBaseURL(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:80": "http://127.0.0.1:80",
		"[::1]:80":     "http://[::1]:80",
		"[::]:80":      "http://localhost:80",
		"0.0.0.0:80":   "http://localhost:80",
	} {
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := baseURL(tcp); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}
