package browser

import (
	"bufio"
	"bytes"
	"fmt"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A server is the chat as a newcomer runs it: a process of its own.
type server struct {
	t       testing.TB
	program string
	addr    string // host and port
	cmd     *exec.Cmd
	out     *bufio.Reader
	stderr  bytes.Buffer
}

// build builds the program.
func build(t testing.TB) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "chat")
	cmd := exec.Command("go", "build", "-o", program, ".")
	cmd.Dir = ".." // another module
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// serve runs the program until the test ends.
func serve(t testing.TB, program string) *server {
	s := &server{t: t, program: program, addr: "127.0.0.1:0"}
	s.start()
	t.Cleanup(func() {
		if s.cmd != nil {
			s.stop()
		}
	})
	return s
}

var printed = regexp.MustCompile(`^chat: http://(127\.0\.0\.1:[0-9]+) `)

// start starts the program; the second time, where it was before.
func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command(s.program, "-addr", s.addr)
	s.cmd.Stderr = &s.stderr
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.out = bufio.NewReader(stdout)
	line, _ := s.out.ReadString('\n')
	m := printed.FindStringSubmatch(line)
	if m == nil {
		s.cmd.Wait()
		s.cmd = nil
		s.t.Fatalf("the chat printed %q, and %q to stderr", line, &s.stderr)
	}
	s.addr = m[1]
}

// stop presses Ctrl-C, and waits for the end.
func (s *server) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Error(err)
	}
	rest, _ := io.ReadAll(s.out) // before Wait, which closes the pipe
	if err := s.cmd.Wait(); err != nil || string(rest) != "\nchat: stopped\n" || s.stderr.Len() > 0 {
		s.t.Errorf("the chat ended with %v, and printed %q, and %q to stderr", err, rest, &s.stderr)
	}
	s.cmd = nil
}

// visit opens the page and enters the room.
func (s *server) visit(t testing.TB, c *chromium, room, name string) *page {
	t.Helper()
	p := c.open(t, name, "http://"+s.addr+"/#"+room)
	p.write("#name", name)
	p.click("#join")
	p.shows("#status", "Connected")
	return p
}

// says writes a message and sends it by the Enter key.
func (p *page) says(text string) {
	p.t.Helper()
	p.write("#text", text)
	p.enter()
}

// hears waits until the last message is this one, and returns its class names.
func (p *page) hears(by, text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`(() => {
		const last = [...document.querySelectorAll(".message")].at(-1);
		return last?.dataset.by === %s && last.querySelector(".text").textContent === %s;
	})()`, quote(by), quote(text)))
}

// hearsNotice waits until the last notice is this one.
func (p *page) hearsNotice(text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("%s.endsWith(%s)", notices, quote(text)))
}

// is checks the value of an expression.
func (p *page) is(expression string, want any) {
	p.t.Helper()
	var got any
	if err := p.run(expression, &got); err != nil {
		p.t.Errorf("%s: %s: %v", p.name, expression, err)
	} else if got != want {
		p.t.Errorf("%s: %s is %v, want %v", p.name, expression, got, want)
	}
}

const (
	members = `[...document.querySelectorAll("#members li")].map(e => e.lastChild.textContent).join()`
	notices = `[...document.querySelectorAll(".notice")].map(e => e.textContent).join("|")`
)

func TestPages(t *testing.T) {
	program := build(t)
	c := start(t)
	for name, test := range map[string]func(*testing.T, *chromium, *server){
		"two pages":     testTwoPages,
		"restart":       testRestart,
		"network":       testNetwork,
		"scrolling":     testScrolling,
		"markup":        testMarkup,
		"refusals":      testRefusals,
		"rooms":         testRooms,
		"accessibility": testAccessibility,
		"pictures":      testPictures,
	} {
		t.Run(name, func(t *testing.T) { test(t, c, serve(t, program)) })
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, thrown := range c.thrown {
		t.Errorf("a script failed: %s", thrown)
	}
}

// What one page says, the other shows: messages, typing, who comes and goes.
func testTwoPages(t *testing.T, c *chromium, s *server) {
	ada := s.visit(t, c, "tea", "ada")
	ada.is(members, "ada (you)")
	bo := s.visit(t, c, "tea", "bo")
	bo.is(members, "ada,bo (you)")
	ada.wait(members + ` === "ada (you),bo"`)
	ada.shows("#people-title", "2 here")
	ada.is(notices, "You are here as ada.|bo has come in")

	ada.write("#text", "hello")
	bo.shows("#typing", "ada is typing…")
	ada.is(`document.querySelector("#typing").textContent`, "") // not to oneself
	ada.enter()
	bo.hears("ada", "hello")
	bo.shows("#typing", "")
	ada.hears("ada", "hello")
	ada.is(`document.querySelector("#text").value`, "")
	ada.is(`document.querySelector(".message").classList.contains("own")`, true)
	bo.is(`document.querySelector(".message").classList.contains("own")`, false)

	bo.write("#text", "hello ada 👋")
	bo.click("#send")
	ada.hears("bo", "hello ada 👋")
	bo.hears("bo", "hello ada 👋")

	bo.click("#leave")
	ada.wait(members + ` === "ada (you)"`)
	ada.is(notices, "You are here as ada.|bo has come in|bo has left")
	bo.is(`document.querySelector("#chat").hidden`, true)
	bo.is(`document.activeElement.id`, "name")
}

// When the server stops, pages say so, and come back by themselves. What was
// being written is still there.
func testRestart(t *testing.T, c *chromium, s *server) {
	ada, bo := s.visit(t, c, "tea", "ada"), s.visit(t, c, "tea", "bo")
	ada.says("before")
	bo.hears("ada", "before")
	ada.write("#text", "after")

	s.stop()
	for _, p := range []*page{ada, bo} {
		p.shows("#status", "Reconnecting…")
		p.is(`document.querySelector("#send").disabled`, true)
		p.hearsNotice("The server has stopped.")
	}
	ada.enter() // to no effect
	ada.is(`document.querySelector("#text").value`, "after")

	s.start()
	ada.click("#retry") // the other does not want to be told
	for _, p := range []*page{ada, bo} {
		p.shows("#status", "Connected")
		p.wait(members + `.replace(" (you)", "") === "ada,bo"`)
		p.wait(notices + `.includes("You are back. What was said meanwhile is not shown.")`)
		p.hears("ada", "before") // is still the last
	}
	ada.enter()
	bo.hears("ada", "after")
	bo.says("welcome back")
	ada.hears("bo", "welcome back")
}

// A page whose network is gone says so, and comes back with it.
func testNetwork(t *testing.T, c *chromium, s *server) {
	ada, bo := s.visit(t, c, "tea", "ada"), s.visit(t, c, "tea", "bo")
	ada.must("Network.enable", nil, nil)
	network := func(offline bool) {
		ada.must("Network.emulateNetworkConditions", args{"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}, nil)
	}
	network(true)
	ada.shows("#status", "Reconnecting…")
	ada.hearsNotice("The network is gone.")
	bo.hearsNotice("ada has left")
	network(false)
	ada.shows("#status", "Connected")
	bo.hearsNotice("ada has come in")
	ada.says("still here")
	bo.hears("ada", "still here")
}

// Who has scrolled up is left there when others write, and not when writing.
func testScrolling(t *testing.T, c *chromium, s *server) {
	ada, bo := s.visit(t, c, "tea", "ada"), s.visit(t, c, "tea", "bo")
	for i := range 6 {
		bo.says(fmt.Sprint("line ", i, strings.Repeat("\u2003and so on", 40)))
	}
	ada.wait(`document.querySelectorAll(".message").length === 6`)
	const top = `document.querySelectorAll(".message")[4].getBoundingClientRect().top`
	ada.is(`document.querySelector("#log").scrollTop`, 0.0)
	ada.is(`document.querySelector("#log").scrollTop = -200`, -200.0)
	var before float64
	if err := ada.run(top, &before); err != nil {
		t.Fatal(err)
	}
	bo.says("one more")
	ada.hears("bo", "one more")
	ada.is(fmt.Sprintf("Math.abs(%s - %v) < 2", top, before), true)
	ada.says("I have read it")
	ada.hears("ada", "I have read it")
	ada.is(`document.querySelector("#log").scrollTop`, 0.0)
}

// Markup is text, and the page would not run it if it were not.
func testMarkup(t *testing.T, c *chromium, s *server) {
	ada, bo := s.visit(t, c, "tea", "ada"), s.visit(t, c, "tea", "bo")
	const markup = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script><b>&amp;</b>`
	ada.says(markup)
	for _, p := range []*page{ada, bo} {
		p.hears("ada", markup)
		p.is(`document.querySelectorAll("#log img, #log script, #log .text *").length`, 0.0)
		p.is(`typeof window.hacked`, "undefined")
	}
	// The second line of defence: the policy stops what is put in on purpose.
	err := bo.run(`new Promise(done => {
		document.addEventListener("securitypolicyviolation", event => done(event.effectiveDirective), {once: true});
		document.getElementById("log").innerHTML = '<img src="data:," onerror="window.hacked=1">';
	})`, nil)
	if err != nil {
		t.Error(err)
	}
	bo.is(`typeof window.hacked`, "undefined")
}

// The page says why somebody cannot enter, and what is wrong with a message.
func testRefusals(t *testing.T, c *chromium, s *server) {
	s.visit(t, c, "tea", "ada")
	p := c.open(t, "eve", "http://"+s.addr)
	for _, test := range []struct{ name, room, want string }{
		{"ada", "tea", "Somebody in the room has this name."},
		{"a b", "tea", "A name has letters and digits only."},
		{"eve", "tea!", "A room has 1 to 32 small letters or digits or hyphens."},
	} {
		p.write("#name", test.name)
		p.write("#room", test.room)
		p.enter()
		p.shows("#problem", test.want)
	}
	p.write("#name", "e\u0301ve") // é of two characters
	p.write("#room", "Green Tea")
	p.enter()
	p.shows("#status", "Connected")
	p.shows("#title", "green-tea")
	p.is(`document.querySelector("#problem").textContent`, "")
	p.is(members, "éve (you)")
	p.is(`(() => {
		for (let i = 0; i < 25; i++) {
			document.querySelector("#text").value = "spam";
			document.querySelector("#say").requestSubmit();
		}
		return document.querySelector("#text").value;
	})()`, "")
	p.hearsNotice("Not so fast: wait a moment.")
}

// Rooms that are open can be chosen; the room is in the address, to be shared.
func testRooms(t *testing.T, c *chromium, s *server) {
	ada := s.visit(t, c, "tea", "ada")
	ada.is(`location.hash`, "#tea")
	ada.is(`document.title`, "tea · Chat")
	bo := c.open(t, "bo", "http://"+s.addr)
	bo.shows("#rooms button", "tea · 1")
	bo.write("#name", "bo")
	bo.click("#rooms button")
	bo.shows("#status", "Connected")
	ada.hearsNotice("bo has come in")
	bo.must("Page.close", nil, nil)
	ada.hearsNotice("bo has left")
}

// Fields have labels, and what changes by itself is announced.
func testAccessibility(t *testing.T, c *chromium, s *server) {
	p := s.visit(t, c, "tea", "ada")
	p.is(`[...document.querySelectorAll("input")].filter(e => e.labels.length !== 1).map(e => e.id).join()`, "")
	p.is(`[...document.querySelectorAll("button")].filter(e => !e.textContent).map(e => e.id).join()`, "")
	p.is(`document.activeElement.id`, "text")
	for selector, role := range map[string]string{"#log": "log", "#status": "status", "#problem": "alert"} {
		p.is(`document.querySelector("`+selector+`").getAttribute("role")`, role)
	}
	p.is(`document.querySelector("#typing").getAttribute("aria-live")`, "polite")
	p.is(`document.documentElement.lang`, "en")
	p.is(`document.querySelectorAll("main:not([hidden]) h1").length`, 1.0)
}

// The page fits a phone and a desk, light and dark, whatever is said.
func testPictures(t *testing.T, c *chromium, s *server) {
	folder := os.Getenv("CHAT_SCREENSHOTS")
	bo, eve := s.visit(t, c, "tea", "bo"), s.visit(t, c, "tea", "Eve")
	for _, name := range []string{"Łukasz", "小明", "konstantinopolitana1"} {
		s.visit(t, c, "tea", name)
	}
	ada := s.visit(t, c, "tea", "ada")
	says := func(p *page, text string) {
		p.says(text)
		ada.hears(p.name, text)
	}
	says(bo, "Anyone for a cup of tea at four?")
	says(eve, "Yes! I have a new one from Darjeeling, first flush. It wants water that is not quite boiling.")
	says(eve, "And biscuits 🍪")
	says(ada, "I bring the milk.")
	says(bo, "https://example.com/"+strings.Repeat("a-very-long-address/", 6))
	says(ada, "That is a long way to walk, but the weather is fine, and we have all afternoon. Shall we meet at the gate?")
	says(bo, "<b>Deal</b>")

	door := c.open(t, "door", "http://"+s.addr)
	door.shows("#rooms button", "tea · 6")
	take := func(what string, p *page) {
		for _, scheme := range []string{"light", "dark"} {
			p.pictureOf(folder, what+"-phone-"+scheme, 360, 740, scheme)
			p.pictureOf(folder, what+"-desk-"+scheme, 1280, 800, scheme)
		}
	}
	take("door", door)
	bo.write("#text", "and one more thing")
	ada.shows("#typing", "bo is typing…")
	take("room", ada)
	s.stop()
	ada.shows("#status", "Reconnecting…")
	ada.is(`document.querySelector("#typing").textContent`, "")
	take("lost", ada)
}

// pictureOf checks that the page fits the window, with the last line of the log
// in sight, and writes a picture of it into the folder, unless that is empty.
func (p *page) pictureOf(folder, name string, width, height int, scheme string) {
	p.t.Helper()
	p.look(width, height, scheme)
	p.is(`innerWidth`, float64(width))
	p.is(`document.documentElement.scrollWidth`, float64(width))
	p.is(`document.documentElement.scrollHeight`, float64(height))
	p.is(`document.querySelector("#log").scrollTop`, 0.0) // it counts from the end
	picture := p.picture()
	config, err := png.DecodeConfig(bytes.NewReader(picture))
	if err != nil || config.Width != width || config.Height != height {
		p.t.Errorf("%s: a picture of %dx%d, %v", name, config.Width, config.Height, err)
	}
	if folder == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644); err != nil {
		p.t.Error(err)
	}
}
