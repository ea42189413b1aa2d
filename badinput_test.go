package gongular_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular"
)

// Handlers that say what they were given.

type badParam struct {
	Param struct {
		ID   int
		Tiny uint8
	}
}

func (h *badParam) Handle(c *gongular.Context) error {
	c.SetBody(h.Param)
	return nil
}

type badQuery struct {
	Query struct {
		Age   int
		Level float64
		On    bool
		Tags  []int8 `q:"tag"`
		When  time.Time
		For   time.Duration
		Name  string `valid:"alpha,length(2|8)"`
		Sort  string `valid:"in(up|down)"`
	}
}

func (h *badQuery) Handle(c *gongular.Context) error {
	c.SetBody(h.Query)
	return nil
}

type badBody struct {
	Body struct {
		Name  string `json:"name" valid:"alpha"`
		Age   int8   `json:"age" valid:"range(1|100)"`
		Items []struct {
			Price int `json:"price"`
		} `json:"items"`
		Any any `json:"any"`
	}
}

func (h *badBody) Handle(c *gongular.Context) error {
	c.SetBody(h.Body)
	return nil
}

type badForm struct {
	Form struct {
		Age  int    `form:"age"`
		Name string `form:"name" valid:"alpha"`
	}
}

func (h *badForm) Handle(c *gongular.Context) error {
	c.SetBody(h.Form)
	return nil
}

type badUpload struct {
	Form struct {
		Title string                 `form:"title"`
		File  *gongular.UploadedFile `form:"file"`
	}
}

func (h *badUpload) Handle(c *gongular.Context) error {
	if h.Form.Title == "panic" {
		panic("in the middle of an upload")
	}
	n, err := io.Copy(io.Discard, h.Form.File.File)
	c.SetBody(n)
	return err
}

func badEngine() *gongular.Engine {
	e := quiet(gongular.Options{MaxDepth: 20, Logger: silent})
	e.GET("/p/:ID/:Tiny", &badParam{})
	e.GET("/q", &badQuery{})
	e.POST("/b", &badBody{}).With(gongular.Options{MaxBody: 1000})
	e.POST("/strict", &badBody{}).With(gongular.Options{Strict: true})
	e.POST("/f", &badForm{}).With(gongular.Options{MaxForm: 1000, MaxKeys: 5})
	e.POST("/up", &badUpload{}).With(gongular.Options{MaxForm: 2 << 20, MaxFormMemory: 1 << 10, MaxFiles: 3})
	return e
}

func parseErr(place, field, reason string) string {
	b, _ := json.Marshal(map[string]any{"ParseError": gongular.ParseError{Place: place, FieldName: field, Reason: reason}})
	return string(b)
}

func validationErr(place string, fields ...string) string {
	m := map[string]string{}
	for i := 0; i < len(fields); i += 2 {
		m[fields[i]] = fields[i+1]
	}
	b, _ := json.Marshal(map[string]any{"ValidationError": gongular.ValidationError{Fields: m, Place: place}})
	return string(b)
}

const (
	urlencoded = "application/x-www-form-urlencoded"
	jsonType   = "application/json"
)

// Each input that does not fit gets a status and a body that say so. The server
// is asked over loopback, by one client on one connection as far as that lasts.
func TestBadInput(t *testing.T) {
	s := start(t, badEngine())
	deep := strings.Repeat("[", 21) + strings.Repeat("]", 21)
	for _, test := range []struct {
		name                    string
		method, path, typ, body string
		status                  int
		want                    string
	}{
		{"path: not a number", "GET", "/p/x/1", "", "", 400,
			parseErr("URL Path Parameter", "ID", `"x" is not an integer`)},
		{"path: out of range", "GET", "/p/1/256", "", "", 400,
			parseErr("URL Path Parameter", "Tiny", `"256" is not in the range 0 to 255`)},
		{"path: int is whole", "GET", "/p/3000000000/1", "", "", 200, `{"ID":3000000000,"Tiny":1}`},
		{"query: not a number", "GET", "/q?Age=x", "", "", 400,
			parseErr("Query Parameter", "Age", `"x" is not an integer`)},
		{"query: over 64 bits", "GET", "/q?Age=9223372036854775808", "", "", 400,
			parseErr("Query Parameter", "Age", `"9223372036854775808" is not in the range -9223372036854775808 to 9223372036854775807`)},
		{"query: not a float", "GET", "/q?Level=1,5", "", "", 400,
			parseErr("Query Parameter", "Level", `"1,5" is not a number`)},
		{"query: not a bool", "GET", "/q?On=maybe", "", "", 400,
			parseErr("Query Parameter", "On", `"maybe" is not a boolean`)},
		{"query: in a list", "GET", "/q?tag=1&tag=128", "", "", 400,
			parseErr("Query Parameter", "Tags", `"128" is not in the range -128 to 127`)},
		{"query: not a time", "GET", "/q?When=today", "", "", 400,
			parseErr("Query Parameter", "When", `"today" is not a time like "2006-01-02T15:04:05Z"`)},
		{"query: not a duration", "GET", "/q?For=5", "", "", 400,
			parseErr("Query Parameter", "For", `"5" is not a duration like "1m30s"`)},
		{"query: malformed escape", "GET", "/q?Name=%zz&Age=1", "", "", 400,
			parseErr("Query Parameter", "Name", `malformed percent-encoding in "%zz"`)},
		{"query: malformed key", "GET", "/q?%z=1", "", "", 400,
			parseErr("Query Parameter", "", `malformed percent-encoding in "%z"`)},
		{"query: semicolon", "GET", "/q?Age=1;Name=x", "", "", 400,
			parseErr("Query Parameter", "Age", `a semicolon in "1;Name=x" separates nothing; write %3B`)},
		{"query: many keys", "GET", "/q?" + strings.Repeat("a&", 1001), "", "", 400,
			parseErr("Query Parameter", "", `more than 1000 keys`)},
		{"query: rules, all of them", "GET", "/q?Name=1&Sort=left", "", "", 400,
			validationErr("Query Parameter", "Name", "1 does not validate as alpha", "Sort", "left does not validate as in(up|down)")},

		{"json: empty", "POST", "/b", jsonType, "", 400, parseErr("Body", "", "is empty; JSON is expected")},
		{"json: white space", "POST", "/b", jsonType, " \n", 400, parseErr("Body", "", "is empty; JSON is expected")},
		{"json: truncated", "POST", "/b", jsonType, `{"name":"x"`, 400,
			parseErr("Body", "", "malformed JSON: ends in the middle, after 11 bytes")},
		{"json: malformed", "POST", "/b", jsonType, `{"name":x}`, 400,
			parseErr("Body", "", "malformed JSON at byte 8: invalid character 'x' looking for beginning of value")},
		{"json: wrong type", "POST", "/b", jsonType, `{"name":5}`, 400,
			parseErr("Body", "name", "expected string, got number")},
		{"json: wrong type inside", "POST", "/b", jsonType, `{"items":[{"price":1},{"price":"2"}]}`, 400,
			parseErr("Body", "items.1.price", "expected integer, got string")},
		{"json: out of range", "POST", "/b", jsonType, `{"age":300}`, 400,
			parseErr("Body", "age", `"300" is not in the range -128 to 127`)},
		{"json: fraction", "POST", "/b", jsonType, `{"age":1.5}`, 400,
			parseErr("Body", "age", `"1.5" is not an integer`)},
		{"json: not an object", "POST", "/b", jsonType, `[1]`, 400, parseErr("Body", "", "expected object, got array")},
		{"json: trailing", "POST", "/b", jsonType, `{"name":"x"} {}`, 400,
			parseErr("Body", "", "data after the JSON value, at byte 12")},
		{"json: trailing white space", "POST", "/b", jsonType, `{"name":"x"}` + "\r\n", 200, ``},
		{"json: too deep", "POST", "/b", jsonType, `{"any":` + deep + `}`, 400, parseErr("Body", "", "nested deeper than 20")},
		{"json: invalid UTF-8", "POST", "/b", jsonType, "{\"name\":\"\xff\"}", 400, parseErr("Body", "", "invalid UTF-8 at byte 9")},
		{"json: byte order mark", "POST", "/b", jsonType, "\ufeff{}", 400,
			parseErr("Body", "", "begins with a byte order mark, which JSON has not")},
		{"json: too large", "POST", "/b", jsonType, strings.Repeat(" ", 1001), 413,
			parseErr("Body", "", "larger than the limit of 1000 bytes")},
		{"json: just at the limit", "POST", "/b", jsonType, `{}` + strings.Repeat(" ", 998), 200, ``},
		{"json: rules", "POST", "/b", jsonType, `{"name":"1","age":101}`, 400,
			validationErr("Body", "name", "1 does not validate as alpha", "age", "101 does not validate as range(1|100)")},
		{"json: wrong media type", "POST", "/b", "text/plain", `{}`, 415,
			parseErr("Body", "", `Content-Type "text/plain" is not accepted, only application/json`)},
		{"json: no media type", "POST", "/b", "", `{}`, 200, ``},
		{"json: a +json type", "POST", "/b", "application/merge-patch+json; charset=utf-8", `{}`, 200, ``},
		{"json: another charset", "POST", "/b", "application/json; charset=latin1", `{}`, 415,
			parseErr("Body", "", `Content-Type "application/json; charset=latin1" is not accepted, only application/json`)},
		{"strict: unknown name", "POST", "/strict", jsonType, `{"nam":"x"}`, 400,
			parseErr("Body", "nam", `is an unknown name; did you mean "name"?`)},
		{"strict: unknown name inside", "POST", "/strict", jsonType, `{"items":[{"prize":1}]}`, 400,
			parseErr("Body", "items.0.prize", `is an unknown name; did you mean "price"?`)},
		{"strict: another case", "POST", "/strict", jsonType, `{"NAME":"x"}`, 400,
			parseErr("Body", "NAME", `is an unknown name; did you mean "name"?`)},
		{"strict: duplicate", "POST", "/strict", jsonType, `{"name":"x","name":"y"}`, 400, parseErr("Body", "name", "is given twice")},
		{"lenient: all of that", "POST", "/b", jsonType, `{"nam":"x","NAME":"x","name":"y"}`, 200, ``},

		{"form: not a number", "POST", "/f", urlencoded, "age=x", 400,
			parseErr("Form Value", "Age", `"x" is not an integer`)},
		{"form: malformed escape", "POST", "/f", urlencoded, "name=%", 400,
			parseErr("Form Value", "Name", `malformed percent-encoding in "%"`)},
		{"form: many keys", "POST", "/f", urlencoded, "a&b&c&d&e&f", 400, parseErr("Form Value", "", "more than 5 keys")},
		{"form: too large", "POST", "/f", urlencoded, "name=" + strings.Repeat("a", 1000), 413,
			parseErr("Form Value", "", "larger than the limit of 1000 bytes")},
		{"form: rules", "POST", "/f", urlencoded, "name=1", 400, validationErr("Form Value", "Name", "1 does not validate as alpha")},
		{"form: wrong media type", "POST", "/f", jsonType, "{}", 415,
			parseErr("Form Value", "", `Content-Type "application/json" is not accepted, only application/x-www-form-urlencoded, multipart/form-data`)},
		{"form: no media type", "POST", "/f", "", "age=1", 415,
			parseErr("Form Value", "", "a body needs a Content-Type, one of application/x-www-form-urlencoded, multipart/form-data")},
		{"form: nothing at all", "POST", "/f", "", "", 200, `{"Age":0,"Name":""}`},
		{"form: the query is not the form", "POST", "/f?age=5", urlencoded, "", 200, `{"Age":0,"Name":""}`},

		{"multipart: no boundary", "POST", "/up", "multipart/form-data", "x", 400,
			parseErr("Form Value", "", "the Content-Type multipart/form-data has no boundary")},
		{"multipart: nonsense", "POST", "/up", "multipart/form-data; boundary=b", "nonsense", 400,
			parseErr("Form Value", "", "malformed multipart body after 8 bytes")},
		{"multipart: no file", "POST", "/up", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=title\r\n\r\nx\r\n--b--\r\n", 400,
			parseErr("Form Value", "File", "no file was sent")},
		{"multipart: text for a file", "POST", "/up", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=file\r\n\r\nx\r\n--b--\r\n", 400,
			parseErr("Form Value", "File", "is text, where a file is wanted")},
		{"multipart: a form without files", "POST", "/up", urlencoded, "title=x", 400, parseErr("Form Value", "File", "no file was sent")},
	} {
		t.Run(test.name, func(t *testing.T) {
			var r io.Reader
			if test.body != "" {
				r = strings.NewReader(test.body)
			}
			req, err := http.NewRequest(test.method, s.URL+test.path, r)
			if err != nil {
				t.Fatal(err)
			}
			if test.typ != "" {
				req.Header.Set("Content-Type", test.typ)
			}
			res, err := s.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			got := body(t, res)
			if res.StatusCode != test.status {
				t.Errorf("status %d, want %d", res.StatusCode, test.status)
			}
			if test.want != "" && got != test.want {
				t.Errorf("body\n got %s\nwant %s", got, test.want)
			}
			switch accept := res.Header.Get("Accept-Post"); {
			case test.status == 415 && accept == "":
				t.Error("a 415 without Accept-Post")
			case test.status == 413 && !res.Close:
				t.Error("a 413 that keeps the connection")
			}
		})
	}
}

// upload makes a multipart body of the parts, a name and a content each.
func upload(t testing.TB, parts ...string) (contentType string, content []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		var part io.Writer
		var err error
		if name, isFile := strings.CutPrefix(parts[i], "@"); isFile {
			part, err = w.CreateFormFile(name, name+".txt")
		} else {
			part, err = w.CreateFormField(parts[i])
		}
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(part, parts[i+1])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.Bytes()
}

// Whatever becomes of an upload, nothing of it stays on disk.
func TestBadUploads(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	s := start(t, badEngine())
	big := strings.Repeat("x", 100_000) // more than is held in memory
	many := make([]string, 0, 20_000)
	for i := range 10_000 {
		many = append(many, "field"+strconv.Itoa(i), "v")
	}
	for _, test := range []struct {
		name   string
		parts  []string
		cut    int // bytes left away at the end
		status int
		want   string
	}{
		{"well", []string{"title", "x", "@file", big}, 0, 200, "100000"},
		{"panic", []string{"title", "panic", "@file", big}, 0, 500, `"internal server error"`},
		{"truncated", []string{"@file", big}, 50_000, 400, ""},
		{"the last bytes", []string{"@file", big}, 30, 400, ""},
		{"bad value after the file", []string{"@file", big, "title", strings.Repeat("x", 2<<20)}, 0, 413,
			parseErr("Form Value", "", "larger than the limit of 2097152 bytes")},
		{"10,000 parts", many, 0, 400, parseErr("Form Value", "", "too many parts, or a part with too large a header")},
		{"too many files", []string{"@a", big, "@b", big, "@c", big, "@file", big}, 0, 400,
			parseErr("Form Value", "", "more than 3 files")},
	} {
		t.Run(test.name, func(t *testing.T) {
			typ, content := upload(t, test.parts...)
			res, err := s.Client().Post(s.URL+"/up", typ, bytes.NewReader(content[:len(content)-test.cut]))
			if err != nil {
				t.Fatal(err)
			}
			got := body(t, res)
			if res.StatusCode != test.status || test.want != "" && got != test.want {
				t.Errorf("%d %s, want %d %s", res.StatusCode, got, test.status, test.want)
			}
		})
	}
	t.Run("huge part header", func(t *testing.T) {
		content := "--b\r\nContent-Disposition: form-data; name=title\r\nX: " + strings.Repeat("x", 200_000) + "\r\n\r\nv\r\n--b--\r\n"
		if w := do(badEngine(), "POST", "/up", "multipart/form-data; boundary=b", content); w.Code != 400 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
	s.Close() // waits for the requests
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		t.Errorf("%s was left in the temporary folder", f.Name())
	}
}

// raw sends text over a connection of its own and reads answers from it.
func raw(t testing.TB, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn, bufio.NewReader(conn)
}

func answerOf(t testing.TB, r *bufio.Reader, method string) (*http.Response, string) {
	t.Helper()
	res, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return res, body(t, res)
}

// A body that says it is too large is refused before a byte of it came, and
// one that does not say so after the limit; the connection is closed.
func TestTooLargeClosesConnection(t *testing.T) {
	t.Parallel() // net/http leaves the client half a second to read
	s := start(t, badEngine())
	for name, request := range map[string]string{
		"declared": "POST /b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n",
		"chunked":  "POST /b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + strings.Repeat(" ", 0x3e9) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, r := raw(t, s.Listener.Addr().String())
			io.WriteString(conn, request)
			res, text := answerOf(t, r, "POST")
			if res.StatusCode != 413 || !res.Close || text != parseErr("Body", "", "larger than the limit of 1000 bytes") {
				t.Errorf("%d, close %t, %s", res.StatusCode, res.Close, text)
			}
			if _, err := r.ReadByte(); err == nil {
				t.Error("the connection is still open")
			}
		})
	}
}

// A body that does not come in time is 408.
func TestSlowBody(t *testing.T) {
	e := quiet()
	e.POST("/b", &badBody{})
	inBubble(t, e, func(t *testing.T, l *pipeListener, _ *http.Client) {
		conn, err := l.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		began := time.Now()
		io.WriteString(conn, "POST /b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{")
		res, text := answerOf(t, bufio.NewReader(conn), "POST")
		if res.StatusCode != 408 || !res.Close || text != parseErr("Body", "", "did not arrive in time") {
			t.Errorf("%d, close %t, %s", res.StatusCode, res.Close, text)
		}
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// Once a body is there, its deadline is over: the handler's context lives on.
func TestDeadlineEndsWithBody(t *testing.T) {
	e := quiet()
	e.POST("/wait", &deadlineWaiter{})
	inBubble(t, e, func(t *testing.T, _ *pipeListener, client *http.Client) {
		res, err := client.Post("http://pipe/wait", jsonType, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if got := body(t, res); res.StatusCode != 200 || got != `"alive"` {
			t.Errorf("%d %s", res.StatusCode, got)
		}
	})
}

type deadlineWaiter struct {
	Body struct{}
}

func (*deadlineWaiter) Handle(c *gongular.Context) error {
	select {
	case <-c.Context().Done():
		c.SetBody("cancelled")
	case <-time.After(time.Hour): // well beyond the deadline
		c.SetBody("alive")
	}
	return nil
}

// A request whose client goes away sees its context end, and the server lives.
func TestClientGoesAway(t *testing.T) {
	e := quiet()
	started, ended := make(chan bool), make(chan error, 1)
	e.GET("/", gongular.HandlerFunc(func(c *gongular.Context) error {
		started <- true
		<-c.Context().Done()
		ended <- c.Context().Err()
		return c.Context().Err()
	}))
	e.GET("/hello", &helloHandler{})
	s := start(t, e)
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", s.URL+"/", nil)
	go func() { <-started; cancel() }()
	if _, err := s.Client().Do(req); err == nil {
		t.Error("the request was answered")
	}
	if err := <-ended; err != context.Canceled {
		t.Errorf("the context ended with %v", err)
	}
	if res, err := s.Client().Get(s.URL + "/hello"); err != nil || body(t, res) != `"hello"` {
		t.Errorf("afterwards: %v", err)
	}
}
