package browser

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gongular/gongular/examples/devtools"
)

// A server is the chat as a newcomer runs it.
type server struct{ *devtools.Program }

// serve runs the program until the test ends.
func serve(t testing.TB, program string) *server {
	return &server{devtools.Serve(t, program)}
}

// A page is one of the chat.
type page struct{ *devtools.Page }

func open(t testing.TB, c *devtools.Chromium, name, url string) *page {
	t.Helper()
	return &page{c.Open(t, name, url)}
}

// visit opens the page and enters the room.
func (s *server) visit(t testing.TB, c *devtools.Chromium, room, name string) *page {
	t.Helper()
	p := open(t, c, name, "http://"+s.Addr+"/#"+room)
	p.Write("#name", name)
	p.Click("#join")
	p.Shows("#status", "Connected")
	return p
}

// says writes a message and sends it by the Enter key.
func (p *page) says(text string) {
	p.T.Helper()
	p.Write("#text", text)
	p.Enter()
}

// hears waits until the last message is this one, and returns its class names.
func (p *page) hears(by, text string) {
	p.T.Helper()
	p.Wait(fmt.Sprintf(`(() => {
		const last = [...document.querySelectorAll(".message")].at(-1);
		return last?.dataset.by === %s && last.querySelector(".text").textContent === %s;
	})()`, devtools.Quote(by), devtools.Quote(text)))
}

// hearsNotice waits until the last notice is this one.
func (p *page) hearsNotice(text string) {
	p.T.Helper()
	p.Wait(fmt.Sprintf("%s.endsWith(%s)", notices, devtools.Quote(text)))
}

// is checks the value of an expression.
func (p *page) is(expression string, want any) {
	p.T.Helper()
	var got any
	if err := p.Run(expression, &got); err != nil {
		p.T.Errorf("%s: %s: %v", p.Name, expression, err)
	} else if got != want {
		p.T.Errorf("%s: %s is %v, want %v", p.Name, expression, got, want)
	}
}

const (
	members = `[...document.querySelectorAll("#members li")].map(e => e.lastChild.textContent).join()`
	notices = `[...document.querySelectorAll(".notice")].map(e => e.textContent).join("|")`
)

func TestPages(t *testing.T) {
	program := devtools.Build(t, "chat")
	c := devtools.Start(t)
	for name, test := range map[string]func(*testing.T, *devtools.Chromium, *server){
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
	for _, thrown := range c.Thrown() {
		t.Errorf("a script failed: %s", thrown)
	}
}

// What one page says, the other shows: messages, typing, who comes and goes.
func testTwoPages(t *testing.T, c *devtools.Chromium, s *server) {
	ada := s.visit(t, c, "tea", "ada")
	ada.is(members, "ada (you)")
	bo := s.visit(t, c, "tea", "bo")
	bo.is(members, "ada,bo (you)")
	ada.Wait(members + ` === "ada (you),bo"`)
	ada.Shows("#people-title", "2 here")
	ada.is(notices, "You are here as ada.|bo has come in")

	ada.Write("#text", "hello")
	bo.Shows("#typing", "ada is typing…")
	ada.is(`document.querySelector("#typing").textContent`, "") // not to oneself
	ada.Enter()
	bo.hears("ada", "hello")
	bo.Shows("#typing", "")
	ada.hears("ada", "hello")
	ada.is(`document.querySelector("#text").value`, "")
	ada.is(`document.querySelector(".message").classList.contains("own")`, true)
	bo.is(`document.querySelector(".message").classList.contains("own")`, false)

	bo.Write("#text", "hello ada 👋")
	bo.Click("#send")
	ada.hears("bo", "hello ada 👋")
	bo.hears("bo", "hello ada 👋")

	bo.Click("#leave")
	ada.Wait(members + ` === "ada (you)"`)
	ada.is(notices, "You are here as ada.|bo has come in|bo has left")
	bo.is(`document.querySelector("#chat").hidden`, true)
	bo.is(`document.activeElement.id`, "name")
}

// When the server stops, pages say so, and come back by themselves. What was
// being written is still there.
func testRestart(t *testing.T, c *devtools.Chromium, s *server) {
	ada, bo := s.visit(t, c, "tea", "ada"), s.visit(t, c, "tea", "bo")
	ada.says("before")
	bo.hears("ada", "before")
	ada.Write("#text", "after")

	s.Stop()
	for _, p := range []*page{ada, bo} {
		p.Shows("#status", "Reconnecting…")
		p.is(`document.querySelector("#send").disabled`, true)
		p.hearsNotice("The server has stopped.")
	}
	ada.Enter() // to no effect
	ada.is(`document.querySelector("#text").value`, "after")

	s.Start()
	ada.Click("#retry") // the other does not want to be told
	for _, p := range []*page{ada, bo} {
		p.Shows("#status", "Connected")
		p.Wait(members + `.replace(" (you)", "") === "ada,bo"`)
		p.Wait(notices + `.includes("You are back. What was said meanwhile is not shown.")`)
		p.hears("ada", "before") // is still the last
	}
	ada.Enter()
	bo.hears("ada", "after")
	bo.says("welcome back")
	ada.hears("bo", "welcome back")
}

// A page whose network is gone says so, and comes back with it.
func testNetwork(t *testing.T, c *devtools.Chromium, s *server) {
	ada, bo := s.visit(t, c, "tea", "ada"), s.visit(t, c, "tea", "bo")
	ada.Must("Network.enable", nil, nil)
	network := func(offline bool) {
		ada.Must("Network.emulateNetworkConditions", devtools.Args{"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}, nil)
	}
	network(true)
	ada.Shows("#status", "Reconnecting…")
	ada.hearsNotice("The network is gone.")
	bo.hearsNotice("ada has left")
	network(false)
	ada.Shows("#status", "Connected")
	bo.hearsNotice("ada has come in")
	ada.says("still here")
	bo.hears("ada", "still here")
}

// Who has scrolled up is left there when others write, and not when writing.
func testScrolling(t *testing.T, c *devtools.Chromium, s *server) {
	ada, bo := s.visit(t, c, "tea", "ada"), s.visit(t, c, "tea", "bo")
	for i := range 6 {
		bo.says(fmt.Sprint("line ", i, strings.Repeat("\u2003and so on", 40)))
	}
	ada.Wait(`document.querySelectorAll(".message").length === 6`)
	const top = `document.querySelectorAll(".message")[4].getBoundingClientRect().top`
	ada.is(`document.querySelector("#log").scrollTop`, 0.0)
	ada.is(`document.querySelector("#log").scrollTop = -200`, -200.0)
	var before float64
	if err := ada.Run(top, &before); err != nil {
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
func testMarkup(t *testing.T, c *devtools.Chromium, s *server) {
	ada, bo := s.visit(t, c, "tea", "ada"), s.visit(t, c, "tea", "bo")
	const markup = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script><b>&amp;</b>`
	ada.says(markup)
	for _, p := range []*page{ada, bo} {
		p.hears("ada", markup)
		p.is(`document.querySelectorAll("#log img, #log script, #log .text *").length`, 0.0)
		p.is(`typeof window.hacked`, "undefined")
	}
	// The second line of defence: the policy stops what is put in on purpose.
	err := bo.Run(`new Promise(done => {
		document.addEventListener("securitypolicyviolation", event => done(event.effectiveDirective), {once: true});
		document.getElementById("log").innerHTML = '<img src="data:," onerror="window.hacked=1">';
	})`, nil)
	if err != nil {
		t.Error(err)
	}
	bo.is(`typeof window.hacked`, "undefined")
}

// The page says why somebody cannot enter, and what is wrong with a message.
func testRefusals(t *testing.T, c *devtools.Chromium, s *server) {
	s.visit(t, c, "tea", "ada")
	p := open(t, c, "eve", "http://"+s.Addr)
	for _, test := range []struct{ name, room, want string }{
		{"ada", "tea", "Somebody in the room has this name."},
		{"a b", "tea", "A name has letters and digits only."},
		{"eve", "tea!", "A room has 1 to 32 small letters or digits or hyphens."},
	} {
		p.Write("#name", test.name)
		p.Write("#room", test.room)
		p.Enter()
		p.Shows("#problem", test.want)
	}
	p.Write("#name", "e\u0301ve") // é of two characters
	p.Write("#room", "Green Tea")
	p.Enter()
	p.Shows("#status", "Connected")
	p.Shows("#title", "green-tea")
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
func testRooms(t *testing.T, c *devtools.Chromium, s *server) {
	ada := s.visit(t, c, "tea", "ada")
	ada.is(`location.hash`, "#tea")
	ada.is(`document.title`, "tea · Chat")
	bo := open(t, c, "bo", "http://"+s.Addr)
	bo.Shows("#rooms button", "tea · 1")
	bo.Write("#name", "bo")
	bo.Click("#rooms button")
	bo.Shows("#status", "Connected")
	ada.hearsNotice("bo has come in")
	bo.Must("Page.close", nil, nil)
	ada.hearsNotice("bo has left")
}

// Fields have labels, and what changes by itself is announced.
func testAccessibility(t *testing.T, c *devtools.Chromium, s *server) {
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
func testPictures(t *testing.T, c *devtools.Chromium, s *server) {
	folder := os.Getenv("CHAT_SCREENSHOTS")
	bo, eve := s.visit(t, c, "tea", "bo"), s.visit(t, c, "tea", "Eve")
	for _, name := range []string{"Łukasz", "小明", "konstantinopolitana1"} {
		s.visit(t, c, "tea", name)
	}
	ada := s.visit(t, c, "tea", "ada")
	says := func(p *page, text string) {
		p.says(text)
		ada.hears(p.Name, text)
	}
	says(bo, "Anyone for a cup of tea at four?")
	says(eve, "Yes! I have a new one from Darjeeling, first flush. It wants water that is not quite boiling.")
	says(eve, "And biscuits 🍪")
	says(ada, "I bring the milk.")
	says(bo, "https://example.com/"+strings.Repeat("a-very-long-address/", 6))
	says(ada, "That is a long way to walk, but the weather is fine, and we have all afternoon. Shall we meet at the gate?")
	says(bo, "<b>Deal</b>")

	door := open(t, c, "door", "http://"+s.Addr)
	door.Shows("#rooms button", "tea · 6")
	take := func(what string, p *page) {
		for _, scheme := range []string{"light", "dark"} {
			p.pictureOf(folder, what+"-phone-"+scheme, 360, 740, scheme)
			p.pictureOf(folder, what+"-desk-"+scheme, 1280, 800, scheme)
		}
	}
	take("door", door)
	bo.Write("#text", "and one more thing")
	ada.Shows("#typing", "bo is typing…")
	take("room", ada)
	s.Stop()
	ada.Shows("#status", "Reconnecting…")
	ada.is(`document.querySelector("#typing").textContent`, "")
	take("lost", ada)
}

// pictureOf checks that the page fits the window, with the last line of the log
// in sight, and writes a picture of it into the folder, unless that is empty.
func (p *page) pictureOf(folder, name string, width, height int, scheme string) {
	p.T.Helper()
	p.Look(width, height, scheme)
	p.is(`innerWidth`, float64(width))
	p.is(`document.documentElement.scrollWidth`, float64(width))
	p.is(`document.documentElement.scrollHeight`, float64(height))
	p.is(`document.querySelector("#log").scrollTop`, 0.0) // it counts from the end
	picture := p.Picture()
	config, err := png.DecodeConfig(bytes.NewReader(picture))
	if err != nil || config.Width != width || config.Height != height {
		p.T.Errorf("%s: a picture of %dx%d, %v", name, config.Width, config.Height, err)
	}
	if folder == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644); err != nil {
		p.T.Error(err)
	}
}
