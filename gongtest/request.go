package gongtest

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// A Request is a request in the making. Its methods change and return it; Do
// sends it. It must not be used by several goroutines at once.
type Request struct {
	client  *Client
	method  string
	target  string
	query   []string // escaped pairs
	header  []pair
	cookies []pair
	ctx     context.Context

	kind        string // the method that gave the body; "" for none
	contentType string
	data        []byte    // of JSON
	reader      io.Reader // of Body
	form        url.Values
	files       []formFile
	mistakes    []error
}

type pair struct{ key, value string }

type formFile struct {
	field, name string
	content     []byte
}

// Query adds a pair to the query of the target.
func (q *Request) Query(key, value string) *Request {
	q.query = append(q.query, url.QueryEscape(key)+"="+url.QueryEscape(value))
	return q
}

// Header adds a header. Host becomes the request's host; a Content-Type replaces
// that of the body.
func (q *Request) Header(key, value string) *Request {
	q.header = append(q.header, pair{key, value})
	return q
}

// Cookie adds a cookie.
func (q *Request) Cookie(name, value string) *Request {
	q.cookies = append(q.cookies, pair{name, value})
	return q
}

// JSON makes v, as encoding/json writes it, the body. For JSON that is
// malformed on purpose there is Body.
func (q *Request) JSON(v any) *Request {
	data, err := json.Marshal(v)
	if err != nil {
		q.mistakes = append(q.mistakes, fmt.Errorf("JSON: %w", err))
	}
	q.bodyBy("JSON")
	q.data, q.contentType = data, "application/json"
	return q
}

// Form adds the values to the body, a urlencoded form, or a multipart form if
// there are files too.
func (q *Request) Form(values url.Values) *Request {
	q.bodyBy("Form")
	if q.form == nil {
		q.form = url.Values{}
	}
	for key, list := range values {
		q.form[key] = append(q.form[key], list...)
	}
	return q
}

// File adds a file to the body, which is a multipart form.
func (q *Request) File(field, name string, content []byte) *Request {
	q.bodyBy("File")
	q.files = append(q.files, formFile{field, name, content})
	return q
}

// Body makes what r gives the body. Its length is known to the handler if r is a
// bytes.Buffer, bytes.Reader or strings.Reader; otherwise it counts as chunked.
// An empty contentType is none.
func (q *Request) Body(contentType string, r io.Reader) *Request {
	if r == nil {
		q.mistakes = append(q.mistakes, errors.New("Body: a nil reader"))
	}
	q.bodyBy("Body")
	q.reader, q.contentType = r, contentType
	return q
}

// bodyBy notes which method gives the body, and that two do.
func (q *Request) bodyBy(kind string) {
	isForm := func(s string) bool { return s == "Form" || s == "File" }
	if q.kind != "" && !(isForm(kind) && isForm(q.kind)) {
		q.mistakes = append(q.mistakes, fmt.Errorf("has two bodies, of %s and %s", q.kind, kind))
	}
	if q.kind != "File" { // which makes the form multipart
		q.kind = kind
	}
}

// Context sets the request's context. It ends when the handler returns, too.
// The default is [context.Background].
func (q *Request) Context(ctx context.Context) *Request {
	q.ctx = ctx
	return q
}

// Do sends the request and returns the answer when the handler has returned. It
// fails the test for a request that cannot be, a panic, and what the handler
// does wrong with its answer. It can be called again, but what is given to Body
// is read once.
func (q *Request) Do() *Response {
	t := q.client.t
	t.Helper()
	target := q.fullTarget()
	name := q.method + " " + target
	w := newRecorder(q.client, q.method, name)
	r, err := q.build(target, w)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	files := watchUpload(r)
	panicked, stack := q.client.serve(w, r, name)
	q.client.keepUpload(files, name)
	for _, mistake := range w.mistakes {
		t.Errorf("%s: %s", name, mistake)
	}
	if panicked != nil && panicked != http.ErrAbortHandler {
		t.Fatalf("%s: the handler panicked: %v\n%s", name, panicked, stack)
	}
	return &Response{Status: w.status, Header: w.sent, Body: w.body, Aborted: panicked != nil, t: t, name: name}
}

func (q *Request) fullTarget() string {
	if len(q.query) == 0 {
		return q.target
	}
	joint := "?"
	if strings.Contains(q.target, "?") {
		joint = "&"
	}
	return q.target + joint + strings.Join(q.query, "&")
}

// build makes the request as a server would have read it.
func (q *Request) build(target string, w *recorder) (*http.Request, error) {
	isURL := strings.HasPrefix(target, "http://") || strings.HasPrefix(target, "https://")
	breaks := func(r rune) bool { return r <= ' ' || r == 0x7f }
	switch {
	case strings.ContainsFunc(q.method, breaks):
		return nil, fmt.Errorf("the method %q has a space or control character", q.method)
	case strings.ContainsFunc(target, breaks):
		return nil, fmt.Errorf("the target %q has a space or control character; see url.PathEscape", target)
	case !isURL && !strings.HasPrefix(target, "/") && target != "*" && q.method != http.MethodConnect:
		return nil, fmt.Errorf("the target %q does not begin with a slash", target)
	case q.ctx == nil:
		return nil, errors.New("a nil context")
	case len(q.mistakes) > 0:
		return nil, errors.Join(q.mistakes...)
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(q.method + " " + target + " HTTP/1.1\r\nHost: example.com\r\n\r\n")))
	if err != nil {
		return nil, err
	}
	r = r.WithContext(q.ctx)
	r.RemoteAddr = "192.0.2.1:1234" // of TEST-NET, RFC 5737
	if strings.HasPrefix(target, "https://") {
		r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true, ServerName: r.URL.Hostname()}
	}
	if err := q.setBody(r, w); err != nil {
		return nil, err
	}
	hasType := false
	for _, h := range q.header {
		switch key := http.CanonicalHeaderKey(h.key); {
		case key == "Host":
			r.Host = h.value
		case key == "Content-Type" && !hasType:
			hasType = true
			r.Header.Set(key, h.value)
		default:
			r.Header.Add(key, h.value)
		}
	}
	for _, c := range q.cookies {
		r.AddCookie(&http.Cookie{Name: c.key, Value: c.value})
	}
	return r, nil
}

// setBody sets the request's body, its length and type.
func (q *Request) setBody(r *http.Request, w *recorder) error {
	body, contentType := q.reader, q.contentType
	switch q.kind {
	case "":
		return nil
	case "JSON":
		body = bytes.NewReader(q.data)
	case "Form":
		body, contentType = strings.NewReader(q.form.Encode()), "application/x-www-form-urlencoded"
	case "File":
		data, ct, err := q.multipart()
		if err != nil {
			return err
		}
		body, contentType = bytes.NewReader(data), ct
	}
	sized, ok := body.(interface{ Len() int })
	switch {
	case ok:
		r.ContentLength = int64(sized.Len())
	case body != http.NoBody:
		r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
	}
	if r.ContentLength != 0 {
		r.Body = &requestBody{r: body, w: w}
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return nil
}

// multipart returns the form with its files, and its type.
func (q *Request) multipart() ([]byte, string, error) {
	var buf bytes.Buffer
	mw := multipart.NewWriter(&buf)
	keys := make([]string, 0, len(q.form))
	for key := range q.form {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	var errs []error
	for _, key := range keys {
		for _, value := range q.form[key] {
			errs = append(errs, mw.WriteField(key, value))
		}
	}
	for _, f := range q.files {
		part, err := mw.CreateFormFile(f.field, f.name)
		if err == nil {
			_, err = part.Write(f.content)
		}
		errs = append(errs, err)
	}
	errs = append(errs, mw.Close())
	return buf.Bytes(), mw.FormDataContentType(), errors.Join(errs...)
}

// A requestBody is the body as a server gives it to a handler: it keeps the
// deadline that the handler may set, and ends with the request.
type requestBody struct {
	r io.Reader
	w *recorder
}

func (b *requestBody) Read(p []byte) (int, error) {
	if b.w.over() {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.r.Read(p)
	if d := b.w.readDeadline(); !d.IsZero() && !time.Now().Before(d) {
		return 0, fmt.Errorf("read the request's body: %w", os.ErrDeadlineExceeded)
	}
	return n, err
}

func (b *requestBody) Close() error {
	if c, ok := b.r.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// statusText is the status with its name, as in "404 Not Found".
func statusText(status int) string {
	return fmt.Sprintf("%d %s", status, cmp.Or(http.StatusText(status), "(no such status)"))
}
