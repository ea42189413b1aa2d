package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A site is the whole server, run on the loopback by the test itself.
type site struct {
	t      testing.TB
	base   string
	client *http.Client
	cancel context.CancelFunc
	done   chan struct{} // closed when run has returned
	err    error         // what it returned
	log    bytes.Buffer  // to be read after stop
}

func serve(t testing.TB) *site {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &site{t: t, cancel: cancel, done: make(chan struct{})}
	s.client = &http.Client{
		Timeout:       time.Minute,
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	noTimes := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "took" {
			return slog.Attr{}
		}
		return a
	}
	log := slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{ReplaceAttr: noTimes}))
	r, w := io.Pipe()
	go func() {
		s.err = run(ctx, "127.0.0.1:0", w, log)
		w.CloseWithError(s.err)
		close(s.done)
	}()
	out := bufio.NewReader(r)
	line, err := out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, out)
	s.base, _, _ = strings.Cut(strings.TrimPrefix(line, "embed: "), ". ")
	t.Cleanup(s.stop)
	return s
}

// stop ends the server, gracefully. A second call does no more.
func (s *site) stop() {
	s.t.Helper()
	s.client.CloseIdleConnections() // a server waits for those that were never used
	s.cancel()
	<-s.done
	if s.err != nil {
		s.t.Error("run:", s.err)
	}
}

// send sends a request, with a JSON body unless that is empty. The caller
// closes the response's body.
func (s *site) send(method, path, body string) *http.Response {
	s.t.Helper()
	req, err := http.NewRequest(method, s.base+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	return res
}

// want checks status and body of an answer, and returns its Location.
func (s *site) want(method, path, body string, status int, want string) string {
	s.t.Helper()
	res := s.send(method, path, body)
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Error(err)
	}
	if res.StatusCode != status || string(got) != want {
		s.t.Errorf("%s %s: %d %s\nwant %d %s", method, path, res.StatusCode, got, status, want)
	}
	return res.Header.Get("Location")
}

// What was there before the engine is as it was.
func TestTheRestStays(t *testing.T) {
	s := serve(t)
	s.want("GET", "/healthz", "", 200, "ok\n")
	s.want("GET", "/", "", 200, "<!doctype html><title>Notes</title><p>The <a href=\"/api/lists/shopping\">shopping list</a>.\n")
	s.want("GET", "/lists/shopping", "", 404, "404 page not found\n") // without the prefix
	s.want("GET", "/api/healthz", "", 404, "404 page not found\n")
}

func TestAPI(t *testing.T) {
	s := serve(t)
	s.want("GET", "/api/lists/shopping", "", 200, `[]`)
	s.want("GET", "/api/lists/shopping/latest", "", 404, `"the list is empty"`)

	location := s.want("POST", "/api/lists/shopping", `{"text":"Bread"}`, 201, `{"number":1,"text":"Bread"}`)
	s.want("GET", location, "", 200, `{"number":1,"text":"Bread"}`)
	s.want("POST", "/api/lists/shopping?shout=yes", `{"text":"Milk"}`, 201, `{"number":2,"text":"MILK"}`)
	s.want("GET", "/api/lists/shopping", "", 200, `[{"number":1,"text":"Bread"},{"number":2,"text":"MILK"}]`)
	s.want("GET", "/api/lists/shopping/3", "", 404, `"no such note"`)

	s.want("POST", "/api/lists/my%20list", `{"text":"Bread"}`, 400, `{"ValidationError":{"Fields":{"List":"my list does not validate as alphanum"},"Place":"URL Path Parameter"}}`)
	s.want("POST", "/api/lists/shopping?shout=loud", `{"text":"Bread"}`, 400, `{"ParseError":{"Place":"Query Parameter","FieldName":"Shout","Reason":"\"loud\" is not a boolean"}}`)
	s.want("POST", "/api/lists/shopping", `{}`, 400, `{"ValidationError":{"Fields":{"text":"non zero value required"},"Place":"Body"}}`)
}

// Where clients are sent to has the prefix that the engine does not know.
func TestUnderThePrefix(t *testing.T) {
	s := serve(t)
	if got := s.want("POST", "/api/lists/shopping", `{"text":"Bread"}`, 201, `{"number":1,"text":"Bread"}`); got != "/api/lists/shopping/1" {
		t.Errorf("Location of a new note: %q", got)
	}
	for _, test := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/api/lists/shopping/latest", 303, "/api/lists/shopping/1"},
		{"GET", "/api/lists/shopping/?page=2", 301, "/api/lists/shopping?page=2"},
		{"POST", "/api/lists/shopping/", 307, "/api/lists/shopping"},
		{"GET", "/api/lists/a%2Fb/", 301, "/api/lists/a%2Fb"},
	} {
		res := s.send(test.method, test.path, "")
		res.Body.Close()
		if got := res.Header.Get("Location"); res.StatusCode != test.status || got != test.want {
			t.Errorf("%s %s: %d to %q, want %d to %q", test.method, test.path, res.StatusCode, got, test.status, test.want)
		}
	}
	res := s.send("DELETE", "/api/lists/shopping", "")
	res.Body.Close()
	if got := res.Header.Get("Allow"); res.StatusCode != 405 || got != "GET, HEAD, OPTIONS, POST" {
		t.Errorf("DELETE: %d, Allow %q", res.StatusCode, got)
	}
}

// What is flushed arrives, though two middlewares and the engine stand between
// the handler and the server, and the handler goes on running.
func TestStream(t *testing.T) {
	s := serve(t)
	stream := s.send("GET", "/api/lists/shopping/stream", "") // its header was flushed
	defer stream.Body.Close()
	lines := bufio.NewReader(stream.Body)
	for _, text := range []string{"Bread", "Milk"} {
		s.send("POST", "/api/lists/shopping", `{"text":"`+text+`"}`).Body.Close()
		if line, err := lines.ReadString('\n'); line != text+"\n" || err != nil {
			t.Fatalf("read %q, %v; want %s", line, err, text)
		}
	}
	s.send("POST", "/api/lists/other", `{"text":"Nails"}`).Body.Close()

	// It does not keep the server from ending, and ends in order itself.
	s.stop()
	if rest, err := io.ReadAll(lines); len(rest) > 0 || err != nil {
		t.Errorf("at its end the stream had %q, %v", rest, err)
	}
}

// The middleware sees what it is put around: the whole site, or one group.
func TestAccessLog(t *testing.T) {
	s := serve(t)
	for _, r := range []string{"GET /healthz", "POST /api/lists/shopping", "GET /api/nowhere"} {
		method, path, _ := strings.Cut(r, " ")
		s.send(method, path, "").Body.Close()
	}
	s.stop()
	want := `level=INFO msg=request log=site method=GET path=/healthz status=200
level=INFO msg=request log=lists method=POST path=/lists/shopping status=400
level=INFO msg=request log=site method=POST path=/api/lists/shopping status=400
level=INFO msg=request log=site method=GET path=/api/nowhere status=404
`
	if got := s.log.String(); got != want {
		t.Errorf("log\n%swant\n%s", got, want)
	}
}
