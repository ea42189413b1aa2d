package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular/mego"
	"github.com/gongular/gongular/mego/msgpack"
	"github.com/gongular/gongular/ws"
)

// The tests fail if a goroutine of a connection, an engine or a server is left,
// or a folder of files.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "megochat-test-")
	if err != nil {
		panic(err)
	}
	os.Setenv("TMPDIR", dir)
	mego.DefaultErrorWriter = io.Discard
	code := m.Run()
	if left, err := os.ReadDir(dir); code == 0 && (err != nil || len(left) > 0) {
		fmt.Fprintf(os.Stderr, "files are left behind: %v %v\n", left, err)
		code = 1
	}
	os.RemoveAll(dir)
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

// A served chat runs in the test's own process.
type served struct {
	t      testing.TB
	base   string
	client *http.Client
	cancel context.CancelFunc
	done   chan struct{} // closed when run has returned
	err    error         // what it returned
	rest   []byte        // what it printed after the address
}

// serve runs a chat on a free port of the loopback until the test ends.
func serve(t testing.TB) *served {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &served{t: t, cancel: cancel, done: make(chan struct{})}
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
	if want := "megochat: " + s.base + " is the address to open, in two tabs best. Ctrl-C stops it.\n"; line != want {
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
func (s *served) stop() {
	s.t.Helper()
	s.client.CloseIdleConnections()
	s.cancel()
	<-s.done
	if s.err != nil || string(s.rest) != "\nmegochat: stopped\n" {
		s.t.Errorf("run returned %v, and printed at its end %q", s.err, s.rest)
	}
}

// get returns an answer and its body.
func (s *served) get(path string) (*http.Response, string) {
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

// A person speaks Mego, as a page does.
type person struct {
	t      testing.TB
	conn   *ws.Conn
	lastID int
	heard  []mego.Response // events that came while an answer was waited for
}

const ada, bo = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"

// connect makes a session.
func (s *served) connect(id string) *person {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	conn, _, err := ws.Dial(ctx, s.base+"/mego", &ws.DialOptions{ReadLimit: 1 << 20})
	if err != nil {
		s.t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	s.t.Cleanup(func() { conn.CloseNow() })
	p := &person{t: s.t, conn: conn}
	p.must("", mego.H{"MegoID": id})
	return p
}

// enter makes a session that is in a room.
func (s *served) enter(id, room, name string) *person {
	s.t.Helper()
	p := s.connect(id)
	p.must("Enter", mego.H{"room": room, "name": name})
	return p
}

func (p *person) read() mego.Response {
	p.t.Helper()
	_, data, err := p.conn.ReadMessage()
	if err != nil {
		p.t.Fatal(err)
	}
	var r mego.Response
	if err := msgpack.Unmarshal(data, &r); err != nil {
		p.t.Fatal(err)
	}
	return r
}

// call returns the answer to a request.
func (p *person) call(method string, params any, files ...*mego.RawFile) mego.Response {
	p.t.Helper()
	p.lastID++
	req := mego.Request{Method: method, Params: params, ID: p.lastID}
	if files != nil {
		req.Files = map[string][]*mego.RawFile{"File1": files}
	}
	data, err := msgpack.Marshal(req)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.conn.WriteMessage(ws.BinaryMessage, data); err != nil {
		p.t.Fatal(err)
	}
	for {
		r := p.read()
		if r.ID == p.lastID {
			return r
		}
		p.heard = append(p.heard, r)
	}
}

func (p *person) must(method string, params any, files ...*mego.RawFile) {
	p.t.Helper()
	if r := p.call(method, params, files...); r.Error.Code != 0 {
		p.t.Fatalf("%s: %+v", method, r.Error)
	}
}

// refused checks that a request is, and with which words.
func (p *person) refused(code int, want string, method string, params any, files ...*mego.RawFile) {
	p.t.Helper()
	r := p.call(method, params, files...)
	if got := fmt.Sprint(r.Error.Message, " ", r.Error.Data); r.Error.Code != code || !strings.Contains(got, want) {
		p.t.Errorf("%s %v: %d %s, want %d %s", method, params, r.Error.Code, got, code, want)
	}
}

// hears checks the next event. Its time is that of the server: it has to be
// there, and is not compared, nor is the address of a file, which is returned.
func (p *person) hears(event string, want map[string]any) (url string) {
	p.t.Helper()
	r := p.event()
	got, _ := r.Result.(map[string]any)
	if event != membersEvent {
		if at, ok := got["time"].(time.Time); !ok || at.IsZero() {
			p.t.Errorf("the time of %v", got)
		}
		url, _ = got["url"].(string)
		delete(got, "time")
		delete(got, "url")
	}
	if r.Event != event || !reflect.DeepEqual(got, want) {
		p.t.Fatalf("heard %s %v, want %s %v", r.Event, got, event, want)
	}
	return url
}

func (p *person) event() mego.Response {
	p.t.Helper()
	if len(p.heard) == 0 {
		return p.read()
	}
	r := p.heard[0]
	p.heard = p.heard[1:]
	return r
}

func (p *person) hearsMembers(joined, left string, names ...any) {
	p.t.Helper()
	p.hears(membersEvent, map[string]any{"members": names, "joined": joined, "left": left})
}

func TestConversation(t *testing.T) {
	s := serve(t)
	a := s.enter(ada, "tea", "ada")
	a.hearsMembers("ada", "", "ada")
	b := s.enter(bo, "tea", "bo")
	for _, p := range []*person{a, b} {
		p.hearsMembers("bo", "", "ada", "bo")
	}
	e := s.enter("00000000-0000-4000-8000-00000000000e", "chess", "eve")
	e.hearsMembers("eve", "", "eve")

	for _, text := range []string{"hello", "<b>\x00\u202e 日本語 👩‍👩‍👧", strings.Repeat("𝄞", 500)} {
		a.must("Say", mego.H{"text": text})
		for _, p := range []*person{a, b} {
			p.hears(saidEvent, map[string]any{"name": "ada", "text": text})
		}
	}
	e.must("Say", mego.H{"text": "another room"}) // has heard nothing of this one
	e.hears(saidEvent, map[string]any{"name": "eve", "text": "another room"})
}

// Who is there is told whenever it changes, however somebody goes.
func TestPresence(t *testing.T) {
	s := serve(t)
	a := s.enter(ada, "tea", "ada")
	a.hearsMembers("ada", "", "ada")

	b := s.enter(bo, "tea", "bo")
	a.hearsMembers("bo", "", "ada", "bo")
	b.must("Leave", nil)
	a.hearsMembers("", "bo", "ada")
	b.must("Leave", nil) // to no effect
	b.refused(mego.StatusNoPermission, "you are in no room", "Say", mego.H{"text": "x"})

	b.must("Enter", mego.H{"room": "tea", "name": "bo"})
	a.hearsMembers("bo", "", "ada", "bo")
	b.must("Enter", mego.H{"room": "tea", "name": "bo"}) // again
	a.hearsMembers("", "", "ada", "bo")
	b.must("Enter", mego.H{"room": "tea", "name": "Bob"}) // under another name
	a.hearsMembers("", "bo", "ada")
	a.hearsMembers("Bob", "", "Bob", "ada")
	b.must("Enter", mego.H{"room": "chess", "name": "Bob"}) // in another room
	a.hearsMembers("", "Bob", "ada")
	a.must("Say", mego.H{"text": "gone"})
	a.hears(saidEvent, map[string]any{"name": "ada", "text": "gone"})
	for b.event().Event != membersEvent || len(b.heard) > 0 { // of what was before, and none of what was said
	}

	b.must("Enter", mego.H{"room": "tea", "name": "bo"})
	a.hearsMembers("bo", "", "ada", "bo")
	b.conn.CloseNow() // without a word
	a.hearsMembers("", "bo", "ada")
}

// Who comes back before the server has noticed takes the place again, and has
// not been away for the others.
func TestComeBack(t *testing.T) {
	s := serve(t)
	a := s.enter(ada, "tea", "ada")
	a.hearsMembers("ada", "", "ada")
	s.enter(bo, "tea", "bo")
	a.hearsMembers("bo", "", "ada", "bo")
	again := s.connect(bo)
	again.must("Enter", mego.H{"room": "tea", "name": "bo"})
	// The old session's end comes before or after; in the end both are there.
	for {
		got := a.event().Result.(map[string]any)["members"]
		if reflect.DeepEqual(got, []any{"ada", "bo"}) {
			break
		}
	}
	again.must("Say", mego.H{"text": "back"})
	for a.event().Event != saidEvent {
	}
}

func TestRefusals(t *testing.T) {
	s := serve(t)
	s.enter(ada, "tea", "ada")
	b := s.connect(bo)
	const badName, badRoom = "a name has letters and digits only", "a room has 1 to 32 small letters or digits or hyphens"
	for _, test := range []struct {
		room, name string
		code       int
		want       string
	}{
		{"tea", "ada", mego.StatusExists, "somebody in the room has this name"},
		{"tea", "", mego.StatusInvalid, "a name is needed"},
		{"tea", "a b", mego.StatusInvalid, badName},
		{"tea", "<b>", mego.StatusInvalid, badName},
		{"tea", strings.Repeat("ä", 21), mego.StatusInvalid, "a name has 20 characters at most"},
		{"Tea", "bo", mego.StatusInvalid, badRoom},
		{"", "bo", mego.StatusInvalid, "a room is needed"},
		{strings.Repeat("a", 33), "bo", mego.StatusInvalid, badRoom},
	} {
		b.refused(test.code, test.want, "Enter", mego.H{"room": test.room, "name": test.name})
	}
	b.must("Enter", mego.H{"room": "chess", "name": "bo"})
	b.refused(mego.StatusInvalid, "the message is empty", "Say", mego.H{})
	b.refused(mego.StatusInvalid, "a message has 500 characters at most", "Say", mego.H{"text": strings.Repeat("x", 501)})
	b.refused(mego.StatusNoPermission, "refused", "MegoSubscribe", []any{"Said", "tea"}) // to overhear
	b.refused(mego.StatusNoPermission, "refused", "MegoSubscribe", []any{"Rooms", "x"})
	b.refused(mego.StatusInvalid, "there is no file", "Share", mego.H{"room": "chess"})
	b.refused(mego.StatusUnimplemented, "", "Shout", nil)
}

func TestTooFast(t *testing.T) {
	s := serve(t)
	a := s.enter(ada, "tea", "ada")
	for range 50 {
		a.must("Say", mego.H{"text": "spam"})
	}
	a.refused(mego.StatusTooManyRequests, "", "Say", mego.H{"text": "spam"})
}

// The door is told which rooms are open, at once and when it changes.
func TestRooms(t *testing.T) {
	s := serve(t)
	door := s.connect(bo)
	rooms := func(want ...any) {
		t.Helper()
		if want == nil {
			want = []any{}
		}
		if r := door.event(); r.Event != roomsEvent || !reflect.DeepEqual(r.Result, want) {
			t.Fatalf("heard %s %v, want %v", r.Event, r.Result, want)
		}
	}
	room := func(name string, members int64) any { return map[string]any{"room": name, "members": members} }
	door.must("MegoSubscribe", []any{"Rooms"})
	rooms()
	a := s.enter(ada, "tea", "ada")
	rooms(room("tea", 1))
	s.enter("00000000-0000-4000-8000-00000000000e", "tea", "eve")
	rooms(room("tea", 2))
	s.enter("00000000-0000-4000-8000-00000000000f", "art", "fay")
	rooms(room("tea", 2), room("art", 1))
	a.must("Leave", nil)
	rooms(room("art", 1), room("tea", 1))
}

// There is an end to rooms and to those in one.
func TestFull(t *testing.T) {
	s, err := newSite()
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	l := newLobby(s.mego, s.shelf)
	call := &mego.Context{Session: new(mego.Session)}
	for i := range maxRooms {
		l.rooms[fmt.Sprint(i)] = map[string]*mego.Session{"x": {ID: ada}}
	}
	if err := l.enter(call, "one-more", "bo"); err == nil || err.Error() != "there are too many rooms" {
		t.Error(err)
	}
	for i := range maxMembers - 1 {
		l.rooms["0"][fmt.Sprint("x", i)] = new(mego.Session)
	}
	if err := l.enter(call, "0", "bo"); err == nil || err.Error() != "the room is full" {
		t.Error(err)
	}
}

// share sends a file in two chunks.
func (p *person) share(number int, name string, data []byte) {
	p.t.Helper()
	half := len(data) / 2
	first := &mego.RawFile{Binary: data[:half], ID: number, Parts: []int{2, 1}, Name: name}
	if r := p.call("Share", nil, first); r.Event != "MegoChunkNext" {
		p.t.Fatalf("%+v", r)
	}
	p.must("Share", mego.H{"room": "tea"}, &mego.RawFile{Binary: data[half:], ID: number, Parts: []int{2, 2}, Name: name})
}

func TestFiles(t *testing.T) {
	s := serve(t)
	a, b := s.enter(ada, "tea", "ada"), s.enter(bo, "tea", "bo")
	a.hearsMembers("ada", "", "ada")
	for _, p := range []*person{a, b} {
		p.hearsMembers("bo", "", "ada", "bo")
	}
	page := []byte("<script>alert(1)</script>")
	a.share(1, `..\x"y.html`, page)
	url := b.hears(sharedEvent, map[string]any{"name": "ada", "file": `x"y.html`, "size": int64(len(page))})
	a.hears(sharedEvent, map[string]any{"name": "ada", "file": `x"y.html`, "size": int64(len(page))})
	if !regexp.MustCompile(`^files/[a-z2-7]{26}$`).MatchString(url) {
		t.Errorf("its address is %s", url)
	}

	res, body := s.get("/" + url)
	if res.StatusCode != 200 || body != string(page) {
		t.Errorf("downloaded %d %q", res.StatusCode, body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/octet-stream", "Content-Disposition": `attachment; filename="x\"y.html"`,
		"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store", "Content-Security-Policy": contentSecurity,
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}

	b.share(1, "", []byte("no name"))
	a.hears(sharedEvent, map[string]any{"name": "bo", "file": "file", "size": int64(7)})
	if res, _ := s.get("/files/" + strings.Repeat("a", 26)); res.StatusCode != 404 {
		t.Errorf("a file that is not: %d", res.StatusCode)
	}

	// They go with the last one in the room.
	a.must("Leave", nil)
	if res, _ := s.get("/" + url); res.StatusCode != 200 {
		t.Errorf("while somebody is there: %d", res.StatusCode)
	}
	b.must("Leave", nil)
	if res, _ := s.get("/" + url); res.StatusCode != 404 {
		t.Errorf("when nobody is: %d", res.StatusCode)
	}
	late := &mego.RawFile{Binary: page, ID: 2}
	b.refused(mego.StatusNoPermission, "you are in no room", "Share", mego.H{"room": "tea"}, late)
	b.must("Enter", mego.H{"room": "chess", "name": "bo"})
	b.refused(mego.StatusNoPermission, "you have left the room", "Share", mego.H{"room": "tea"}, late)
}

func TestFileLimits(t *testing.T) {
	s := serve(t)
	a := s.enter(ada, "tea", "ada")
	a.refused(mego.StatusFileTooLarge, "", "Share", nil, &mego.RawFile{Binary: make([]byte, maxChunk+1), ID: 1, Parts: []int{2, 1}})
	a.refused(mego.StatusFileEmpty, "", "Share", nil, &mego.RawFile{ID: 1})
	piece := make([]byte, maxChunk)
	total := maxFile/maxChunk + 1
	for i := 1; i < total; i++ {
		if r := a.call("Share", nil, &mego.RawFile{Binary: piece, ID: 1, Parts: []int{total, i}}); r.Event != "MegoChunkNext" {
			t.Fatalf("chunk %d: %+v", i, r.Error)
		}
	}
	a.refused(mego.StatusFileTooLarge, "", "Share", nil, &mego.RawFile{Binary: piece[:1], ID: 1, Parts: []int{total, total}})
}

// An upload goes on over another connection.
func TestResume(t *testing.T) {
	s := serve(t)
	a := s.enter(ada, "tea", "ada")
	a.call("Share", nil, &mego.RawFile{Binary: []byte("hello "), ID: 5, Parts: []int{2, 1}, Name: "greeting.txt"})
	a.conn.CloseNow()
	b := s.enter(ada, "tea", "ada")
	b.must("Share", mego.H{"room": "tea"}, &mego.RawFile{Binary: []byte("world"), ID: 5, Parts: []int{2, 2}})
	for {
		if r := b.event(); r.Event == sharedEvent {
			_, body := s.get("/" + r.Result.(map[string]any)["url"].(string))
			if body != "hello world" {
				t.Errorf("it is %q", body)
			}
			return
		}
	}
}

// When there is too much on the shelf, the oldest is gone.
func TestShelf(t *testing.T) {
	s, err := newShelf()
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	put := func(size int) string {
		path := filepath.Join(s.dir, "incoming")
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		id, err := s.put("tea", &mego.File{Name: "x", Path: path, Size: size})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	there := func(id string) bool {
		_, ok := s.find(id)
		_, err := os.Stat(s.path(id))
		if ok != (err == nil) {
			t.Errorf("on the list %v, on disk %v", ok, err)
		}
		return ok
	}
	first := put(maxBytes - 10)
	second := put(10)
	if !there(first) || !there(second) {
		t.Error("what fits is gone")
	}
	third := put(1)
	if there(first) || !there(second) || !there(third) || s.bytes != 11 {
		t.Errorf("not the oldest is gone; %d bytes", s.bytes)
	}
	for range maxFiles {
		put(0)
	}
	if there(third) || len(s.files) != maxFiles || s.bytes != 0 {
		t.Errorf("%d files, %d bytes", len(s.files), s.bytes)
	}
	s.clear("chess")
	if len(s.files) != maxFiles {
		t.Error("the files of another room are gone")
	}
	s.clear("tea")
	if entries, err := os.ReadDir(s.dir); err != nil || len(entries) != 0 || len(s.files) != 0 {
		t.Errorf("left are %v, %v", entries, err)
	}
	if _, err := s.put("tea", &mego.File{Path: filepath.Join(s.dir, "missing")}); err == nil || len(s.files) != 0 {
		t.Errorf("put what is not there: %v", err)
	}
}

// The page is served with a policy that its files keep to.
func TestPage(t *testing.T) {
	s := serve(t)
	for path, contentType := range map[string]string{
		"/": "text/html; charset=utf-8", "/megochat.css": "text/css; charset=utf-8",
		"/megochat.js": "text/javascript; charset=utf-8", "/mego.js": "text/javascript; charset=utf-8",
	} {
		res, body := s.get(path)
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != contentType || len(body) < 1000 {
			t.Errorf("%s: %d %s, %d bytes", path, res.StatusCode, res.Header.Get("Content-Type"), len(body))
		}
		if got := res.Header.Get("Content-Security-Policy"); got != contentSecurity {
			t.Errorf("%s: the policy is %q", path, got)
		}
	}
	page, err := fs.ReadFile(embedded, "page/index.html")
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script>|src="https?:|href="https?:`).FindAll(page, -1); found != nil {
		t.Errorf("the page has %q, which its policy forbids", found)
	}
	for _, name := range []string{"page/megochat.js", "page/megochat.css"} {
		text, err := fs.ReadFile(embedded, name)
		if err != nil {
			t.Fatal(err)
		}
		if found := regexp.MustCompile(`innerHTML|eval\(|https?://|@import|url\(`).FindAll(text, -1); found != nil {
			t.Errorf("%s has %q", name, found)
		}
	}
	// A page of another host cannot speak for its visitors.
	_, res, err := ws.Dial(t.Context(), s.base+"/mego", &ws.DialOptions{Header: http.Header{"Origin": {"https://example.com"}}})
	if err == nil || res.StatusCode != 403 {
		t.Errorf("from another page: %v", err)
	}
}

// When the chat stops, pages are told.
func TestStop(t *testing.T) {
	s := serve(t)
	a := s.enter(ada, "tea", "ada")
	a.hearsMembers("ada", "", "ada")
	s.cancel()
	_, _, err := a.conn.ReadMessage()
	if e, ok := errors.AsType[*ws.CloseError](err); !ok || e.Code != 1001 {
		t.Errorf("read %v", err)
	}
	a.conn.Close()
}

func TestMistakes(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().String()
	for want, args := range map[string][]string{
		`unexpected argument "now"`: {"now"},
		"If another program has this address, choose one with -addr; 127.0.0.1:0 is any free port": {"-addr", taken},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), args, &out); err == nil || !strings.Contains(err.Error(), want) || out.Len() > 0 {
			t.Errorf("%v: %v, and printed %q", args, err, &out)
		}
	}
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	if err := run(t.Context(), []string{"-addr", "127.0.0.1:0"}, io.Discard); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder for files: %v", err)
	}
}

func TestBaseURL(t *testing.T) {
	for addr, want := range map[string]string{"127.0.0.1:80": "http://127.0.0.1:80", "0.0.0.0:81": "http://localhost:81", "[::]:82": "http://localhost:82", "[::1]:83": "http://[::1]:83"} {
		a, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := baseURL(a); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}
