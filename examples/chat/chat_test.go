package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular/ws"
)

// The tests fail if a goroutine of a connection, a hub or a server is left.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := leftover(10 * time.Second); left != "" && code == 0 {
		fmt.Fprintf(os.Stderr, "goroutines are left behind:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leftover returns the stacks of goroutines that serve or ask, once none of them
// ends any more.
func leftover(wait time.Duration) string {
	for end := time.Now().Add(wait); ; runtime.Gosched() {
		buf := make([]byte, 1<<20)
		var left []string
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if !strings.Contains(stack, "TestMain") && (strings.Contains(stack, "net/http.") || strings.Contains(stack, "gongular")) {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(end) {
			return strings.Join(left, "\n\n")
		}
	}
}

// A site is a chat that runs in the test's own process.
type site struct {
	t      testing.TB
	base   string
	client *http.Client
	cancel context.CancelFunc
	done   chan struct{} // closed when run has returned
	err    error         // what it returned
	rest   []byte        // what it printed after the address
}

// serve runs a chat on a free port of the loopback until the test ends.
func serve(t testing.TB) *site {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &site{t: t, cancel: cancel, done: make(chan struct{})}
	s.client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{}}
	r, w := io.Pipe()
	go func() {
		s.err = run(ctx, []string{"-addr", "127.0.0.1:0"}, w)
		w.Close()
	}()
	out := bufio.NewReader(r)
	line, err := out.ReadString('\n')
	if err != nil {
		t.Fatalf("the chat did not start: %v", s.err)
	}
	s.base = regexp.MustCompile(`http://[^ ]+`).FindString(line)
	if want := "chat: " + s.base + " is the address to open, in two tabs best. Ctrl-C stops it.\n"; line != want {
		t.Errorf("printed %q, want %q", line, want)
	}
	go func() {
		s.rest, _ = io.ReadAll(out)
		close(s.done)
	}()
	t.Cleanup(s.stop)
	return s
}

// stop ends the chat, gracefully. A second call does no more.
func (s *site) stop() {
	s.t.Helper()
	s.client.CloseIdleConnections() // a server waits for those that were never used
	s.cancel()
	<-s.done
	if s.err != nil || string(s.rest) != "\nchat: stopped\n" {
		s.t.Errorf("run returned %v, and printed at its end %q", s.err, s.rest)
	}
}

// get returns an answer and its body.
func (s *site) get(path string) (*http.Response, string) {
	s.t.Helper()
	res, err := s.client.Get(s.base + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res, string(body)
}

// want checks status and body of an answer.
func (s *site) want(path string, status int, want string) {
	s.t.Helper()
	if res, body := s.get(path); res.StatusCode != status || body != want {
		s.t.Errorf("GET %s: %d %s\nwant %d %s", path, res.StatusCode, body, status, want)
	}
}

// A person is one at the other end of a connection.
type person struct {
	t    testing.TB
	conn *ws.Conn
}

func talkPath(room, name string) string {
	return "/rooms/" + url.PathEscape(room) + "/talk?name=" + url.QueryEscape(name)
}

// enter lets somebody enter a room, and reads who is there.
func (s *site) enter(room, name string, members ...string) *person {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	conn, _, err := ws.Dial(ctx, s.base+talkPath(room, name), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	s.t.Cleanup(func() { conn.CloseNow() })
	p := &person{s.t, conn}
	p.hears(message{Kind: "members", Members: members})
	return p
}

func (p *person) says(text string) {
	p.t.Helper()
	p.sends(map[string]string{"kind": "message", "text": text})
}

func (p *person) sends(v any) {
	p.t.Helper()
	if err := p.conn.WriteJSON(v); err != nil {
		p.t.Fatal(err)
	}
}

// hears checks the next message. The time of a message is that of the server:
// it has to be there, and is not compared.
func (p *person) hears(want message) {
	p.t.Helper()
	var got message
	if err := p.conn.ReadJSON(&got); err != nil {
		p.t.Fatalf("%v, want %+v", err, want)
	}
	if got.Time.IsZero() == (want.Kind == "message") {
		p.t.Errorf("the time of %+v", got)
	}
	got.Time = time.Time{}
	if !reflect.DeepEqual(got, want) {
		p.t.Fatalf("heard %+v, want %+v", got, want)
	}
}

// ends checks that the server closes the connection.
func (p *person) ends(code int, reason string) {
	p.t.Helper()
	_, data, err := p.conn.ReadMessage()
	if e, ok := err.(*ws.CloseError); !ok || e.Code != code || e.Text != reason {
		p.t.Errorf("read %q, %v; want close code %d, %q", data, err, code, reason)
	}
	p.conn.Close()
}

func TestConversation(t *testing.T) {
	s := serve(t)
	ada := s.enter("tea", "ada", "ada")
	bo := s.enter("tea", "bo", "ada", "bo")
	ada.hears(message{Kind: "joined", Name: "bo"})
	eve := s.enter("chess", "eve", "eve")

	ada.says("hello")
	ada.hears(message{Kind: "message", Name: "ada", Text: "hello"})
	bo.hears(message{Kind: "message", Name: "ada", Text: "hello"})
	bo.says("  two lines\nof text ")
	for _, p := range []*person{ada, bo} {
		p.hears(message{Kind: "message", Name: "bo", Text: "two lines\nof text"})
	}

	eve.says("another room") // has heard nothing of this one
	eve.hears(message{Kind: "message", Name: "eve", Text: "another room"})
}

// The most that may be said is said, and markup is text like any other.
func TestAnyTextArrives(t *testing.T) {
	s := serve(t)
	ada := s.enter("tea", "ada", "ada")
	for _, text := range []string{
		`<img src=x onerror="alert(1)"></script><!--`,
		"\x00\x1f\u2028\u202e & \\ \" ' 日本語 👩‍👩‍👧",
		strings.Repeat("𝄞", 500),
	} {
		ada.says(text)
		ada.hears(message{Kind: "message", Name: "ada", Text: text})
	}
	// 500 characters, written as long as JSON can.
	long := strings.Repeat(`\ud834\udd1e`, 500)
	if err := ada.conn.WriteMessage(ws.TextMessage, []byte(`{"kind":"message","text":"`+long+`"}`)); err != nil {
		t.Fatal(err)
	}
	ada.hears(message{Kind: "message", Name: "ada", Text: strings.Repeat("𝄞", 500)})
}

// Who is there is told on the connection, and to all who ask.
func TestPresence(t *testing.T) {
	s := serve(t)
	s.want("/rooms", 200, `[]`)
	s.want("/rooms/tea/members", 200, `[]`)

	ada := s.enter("tea", "ada", "ada")
	cy := s.enter("tea", "Çy2", "ada", "Çy2")
	ada.hears(message{Kind: "joined", Name: "Çy2"})
	s.enter("chess", "ada", "ada") // another room, another ada
	s.enter("art", "eve", "eve")
	s.want("/rooms", 200, `[{"room":"tea","members":2},{"room":"art","members":1},{"room":"chess","members":1}]`)
	s.want("/rooms/tea/members", 200, `["ada","Çy2"]`)

	cy.conn.Close()
	ada.hears(message{Kind: "left", Name: "Çy2"})
	s.want("/rooms/tea/members", 200, `["ada"]`)

	bo := s.enter("tea", "bo", "ada", "bo")
	ada.hears(message{Kind: "joined", Name: "bo"})
	bo.conn.CloseNow() // without a word
	ada.hears(message{Kind: "left", Name: "bo"})
}

// Others are told who writes, but not who it is that does.
func TestTyping(t *testing.T) {
	s := serve(t)
	ada := s.enter("tea", "ada", "ada")
	bo := s.enter("tea", "bo", "ada", "bo")
	ada.hears(message{Kind: "joined", Name: "bo"})
	bo.sends(map[string]string{"kind": "typing"})
	ada.hears(message{Kind: "typing", Name: "bo"})
	bo.says("done")
	bo.hears(message{Kind: "message", Name: "bo", Text: "done"})
	ada.hears(message{Kind: "message", Name: "bo", Text: "done"})
}

// Who may not enter has an ordinary answer, the handshake's as that of check.
func TestRefusedEntry(t *testing.T) {
	s := serve(t)
	s.enter("tea", "ada", "ada")
	const badName, badRoom = "a name has letters and digits only", "a room has 1 to 32 small letters or digits or hyphens"
	for _, test := range []struct {
		room, name string
		status     int
		want       string // why
	}{
		{"tea", "ada", 409, "somebody in the room has this name"},
		{"tea", "", 400, "a name is needed"},
		{"tea", " ", 400, badName},
		{"tea", "ada lovelace", 400, badName},
		{"tea", "<b>", 400, badName},
		{"tea", "a\x00", 400, badName},
		{"tea", strings.Repeat("ä", 21), 400, "a name has 20 characters at most"},
		{"Tea", "bo", 400, badRoom},
		{"a/b", "bo", 400, badRoom},
		{"tea\n", "bo", 400, badRoom},
		{strings.Repeat("a", 33), "bo", 400, badRoom},
	} {
		path := talkPath(test.room, test.name)
		_, res, err := ws.Dial(t.Context(), s.base+path, nil)
		if err == nil {
			t.Fatalf("%q was let into %q", test.name, test.room)
		}
		checkRefusal(t, path, res, test.status, test.want)
		path = strings.Replace(path, "/talk", "/check", 1)
		res, body := s.get(path)
		res.Body = io.NopCloser(strings.NewReader(body))
		checkRefusal(t, path, res, test.status, test.want)
	}
	s.want("/rooms", 200, `[{"room":"tea","members":1}]`)
}

func checkRefusal(t *testing.T, path string, res *http.Response, status int, want string) {
	t.Helper()
	var problem struct {
		Detail string
		Errors []struct{ Detail string }
	}
	if err := json.NewDecoder(res.Body).Decode(&problem); err != nil {
		t.Fatal(path, err)
	}
	got := problem.Detail
	if len(problem.Errors) == 1 {
		got = problem.Errors[0].Detail
	}
	if res.StatusCode != status || got != want || res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: %d %q, want %d %q", path, res.StatusCode, got, status, want)
	}
}

func TestAllowedEntry(t *testing.T) {
	s := serve(t)
	s.enter("tea", "ada", "ada")
	for _, name := range []string{"Ada", "bo", "Łukasz7", "小明", strings.Repeat("ä", 20)} {
		s.want("/rooms/tea/check?name="+url.QueryEscape(name), 204, "")
	}
	s.want("/rooms/"+strings.Repeat("a-9", 10)+"/check?name=ada", 204, "")
}

// A page of another host cannot speak for its visitors, and a browser that only
// looks is told what the address is for.
func TestHandshake(t *testing.T) {
	s := serve(t)
	_, res, err := ws.Dial(t.Context(), s.base+talkPath("tea", "ada"), &ws.DialOptions{Header: http.Header{"Origin": {"https://example.com"}}})
	if err == nil || res.StatusCode != 403 {
		t.Errorf("from another page: %v", err)
	}
	if res, _ := s.get(talkPath("tea", "ada")); res.StatusCode != 426 || res.Header.Get("Upgrade") != "websocket" {
		t.Errorf("a plain request: %d", res.StatusCode)
	}
}

// Two that ask for one name at the same time both pass Before; one gets it.
func TestNameIsTakenMeanwhile(t *testing.T) {
	hub := newHub()
	var upgrader ws.Upgrader
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		(&talk{roomParam{"tea"}, nameQuery{"ada"}, hub}).Handle(conn)
	}))
	s := &site{t: t, base: server.URL}
	first := s.enter("tea", "ada", "ada")
	conn, _, err := ws.Dial(t.Context(), server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	(&person{t, conn}).ends(ws.ClosePolicyViolation, "somebody in the room has this name")
	first.says("still here")
	first.hears(message{Kind: "message", Name: "ada", Text: "still here"})
	first.conn.Close()
	server.Close()
	if err := hub.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// What is not understood, or not allowed, is answered to who has sent it and is
// heard by nobody else. The connection stays.
func TestIgnored(t *testing.T) {
	s := serve(t)
	ada := s.enter("tea", "ada", "ada")
	const notJSON, empty = "this is not the JSON of a message", "the message is empty"
	for _, test := range []struct {
		messageType int
		data, want  string
	}{
		{ws.TextMessage, ``, notJSON},
		{ws.TextMessage, `hello`, notJSON},
		{ws.TextMessage, `[]`, notJSON},
		{ws.TextMessage, `{"kind":7}`, notJSON},
		{ws.TextMessage, `{"kind":"message","text":"a"}{}`, notJSON},
		{ws.BinaryMessage, `{"kind":"message","text":"a"}`, notJSON},
		{ws.TextMessage, `{}`, "the kind is missing"},
		{ws.TextMessage, `null`, "the kind is missing"},
		{ws.TextMessage, `{"kind":"joined","name":"bo"}`, "there is no such kind"},
		{ws.TextMessage, `{"kind":"message"}`, empty},
		{ws.TextMessage, `{"kind":"message","text":" \n\t "}`, empty},
		{ws.TextMessage, `{"kind":"message","text":"` + strings.Repeat("ä", 501) + `"}`, "a message has 500 characters at most"},
	} {
		if err := ada.conn.WriteMessage(test.messageType, []byte(test.data)); err != nil {
			t.Fatal(err)
		}
		ada.hears(message{Kind: "error", Text: test.want})
	}
	ada.says("still here")
	ada.hears(message{Kind: "message", Name: "ada", Text: "still here"})
}

// A message that is longer than any can be is not read at all.
func TestTooLong(t *testing.T) {
	s := serve(t)
	ada := s.enter("tea", "ada", "ada")
	bo := s.enter("tea", "bo", "ada", "bo")
	ada.hears(message{Kind: "joined", Name: "bo"})
	bo.says(strings.Repeat("a", maxMessage))
	bo.ends(ws.CloseMessageTooBig, "message of more than 8192 bytes")
	ada.hears(message{Kind: "left", Name: "bo"})
}

// Who sends too fast is told so, and who goes on is sent away. Others have not
// heard more than was allowed.
func TestTooFast(t *testing.T) {
	s := serve(t)
	ada := s.enter("tea", "ada", "ada")
	bo := s.enter("tea", "bo", "ada", "bo")
	ada.hears(message{Kind: "joined", Name: "bo"})
	stopped := make(chan error)
	go func() {
		for {
			if err := bo.conn.WriteJSON(map[string]string{"kind": "message", "text": "spam"}); err != nil {
				stopped <- err
				return
			}
		}
	}()
	heard, refused := 0, 0
	for {
		var m message
		err := bo.conn.ReadJSON(&m)
		if err != nil {
			if e, ok := err.(*ws.CloseError); !ok || e.Code != ws.ClosePolicyViolation || e.Text != "not so fast: wait a moment" {
				t.Errorf("reading ended with %v", err)
			}
			break
		}
		switch {
		case m.Kind == "message" && m.Text == "spam":
			heard++
		case m.Kind == "error" && m.Text == "not so fast: wait a moment":
			refused++
		default:
			t.Errorf("heard %+v", m)
		}
	}
	bo.conn.Close()
	<-stopped
	if heard < messagesAtOnce || refused < messagesAtOnce {
		t.Errorf("%d messages were let through, %d refused", heard, refused)
	}
	for range heard {
		ada.hears(message{Kind: "message", Name: "bo", Text: "spam"})
	}
	ada.hears(message{Kind: "left", Name: "bo"})
}

func TestLimiter(t *testing.T) {
	var l limiter
	now := time.Now()
	count := func(n int) (allowed int) {
		for range n {
			if l.allow(now) {
				allowed++
			}
		}
		return allowed
	}
	for i, test := range []struct {
		wait          time.Duration
		send, allowed int
		hopeless      bool
	}{
		{0, 25, 20, false},
		{time.Second, 1, 0, false}, // there were five too many
		{time.Second, 5, 4, false},
		{time.Hour, 40, 20, false},
		{0, 1, 0, true},
		{time.Second, 1, 0, false},
	} {
		now = now.Add(test.wait)
		if got := count(test.send); got != test.allowed || l.hopeless() != test.hopeless {
			t.Errorf("%d: %d allowed, hopeless %v; want %d, %v", i, got, l.hopeless(), test.allowed, test.hopeless)
		}
	}
}

// When the server stops, all are told so, and may come again.
func TestStop(t *testing.T) {
	s := serve(t)
	ada := s.enter("tea", "ada", "ada")
	eve := s.enter("chess", "eve", "eve")
	s.cancel()
	ada.ends(ws.CloseGoingAway, "")
	eve.ends(ws.CloseGoingAway, "")
	s.stop()
}

// The page has all it needs, and may have no more.
func TestPage(t *testing.T) {
	s := serve(t)
	for _, test := range []struct{ path, contentType, part string }{
		{"/", "text/html; charset=utf-8", `<script type="module" src="chat.js">`},
		{"/chat.css", "text/css; charset=utf-8", "prefers-color-scheme: dark"},
		{"/chat.js", "text/javascript; charset=utf-8", "new WebSocket("},
	} {
		res, body := s.get(test.path)
		if got := res.Header.Get("Content-Type"); res.StatusCode != 200 || got != test.contentType || !strings.Contains(body, test.part) {
			t.Errorf("%s: %d, %s, %.60s", test.path, res.StatusCode, got, body)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": contentSecurity,
			"X-Content-Type-Options":  "nosniff",
			"Referrer-Policy":         "no-referrer",
			"Cache-Control":           "no-cache",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s %q", test.path, name, got)
			}
		}
	}
	if res, _ := s.get("/chat.go"); res.StatusCode != 404 {
		t.Errorf("/chat.go: %d", res.StatusCode)
	}
}

// Nothing of the page makes markup of text, nor names another host.
func TestPageIsItsOwn(t *testing.T) {
	bad := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|(?:https?:)?//[a-z0-9]+\.|@import|\son[a-z]+=|style=`)
	namespace := "xmlns='http://www.w3.org/2000/svg'" // names the language, and is not fetched
	files, err := fs.Glob(embedded, "page/*")
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		data, err := fs.ReadFile(embedded, name)
		if err != nil {
			t.Fatal(err)
		}
		if found := bad.FindAllString(strings.ReplaceAll(string(data), namespace, ""), -1); found != nil {
			t.Errorf("%s has %q", name, found)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"8082"}, `unexpected argument "8082"`},
		{[]string{"-addr", ln.Addr().String()}, "If another program has this address, choose one with -addr; 127.0.0.1:0 is any free port"},
	} {
		if err := run(t.Context(), test.args, io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %s", test.args, err, test.want)
		}
	}
}

func TestBaseURL(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:8082": "http://127.0.0.1:8082",
		"0.0.0.0:8082":   "http://localhost:8082",
		"[::]:80":        "http://localhost:80",
		"[::1]:8082":     "http://[::1]:8082",
	} {
		a, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := baseURL(a); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}
