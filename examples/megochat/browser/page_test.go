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

// visit opens the page and enters the room.
func (s *server) visit(t testing.TB, c *devtools.Chromium, room, name string) *page {
	t.Helper()
	p := &page{c.Open(t, name, "http://"+s.Addr+"/#"+room)}
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

// hears waits until the last message is this one.
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
	shared  = `[...document.querySelectorAll(".file")].map(e => e.download + " " + e.querySelector(".file-size").textContent).join("|")`
)

func TestPages(t *testing.T) {
	program := devtools.Build(t, "megochat")
	c := devtools.Start(t)
	for name, test := range map[string]func(*testing.T, *devtools.Chromium, *server){
		"two pages":      testTwoPages,
		"files":          testFiles,
		"drop":           testDrop,
		"restart":        testRestart,
		"upload goes on": testUploadGoesOn,
		"markup":         testMarkup,
		"refusals":       testRefusals,
		"rooms":          testRooms,
		"accessibility":  testAccessibility,
		"pictures":       testPictures,
	} {
		t.Run(name, func(t *testing.T) { test(t, c, serve(t, program)) })
	}
	for _, thrown := range c.Thrown() {
		t.Errorf("a script failed: %s", thrown)
	}
}

// What one page says, the other shows, and who comes and goes.
func testTwoPages(t *testing.T, c *devtools.Chromium, s *server) {
	ada := s.visit(t, c, "tea", "ada")
	ada.is(members, "ada (you)")
	bo := s.visit(t, c, "tea", "bo")
	bo.Wait(members + ` === "ada,bo (you)"`)
	ada.Wait(members + ` === "ada (you),bo"`)
	ada.Shows("#people-title", "2 here")
	ada.is(notices, "You are here as ada.|bo has come in")

	ada.says("hello")
	bo.hears("ada", "hello")
	ada.hears("ada", "hello")
	ada.is(`document.querySelector("#text").value`, "")
	ada.is(`document.querySelector(".message").classList.contains("own")`, true)
	bo.is(`document.querySelector(".message").classList.contains("own")`, false)
	bo.Write("#text", "hello ada 👋")
	bo.Click("#send")
	ada.hears("bo", "hello ada 👋")

	bo.Click("#leave")
	ada.Wait(members + ` === "ada (you)"`)
	ada.is(notices, "You are here as ada.|bo has come in|bo has left")
	bo.is(`document.querySelector("#chat").hidden`, true)
	bo.is(`document.activeElement.id`, "name")
	bo.Click("#join") // comes back
	ada.hearsNotice("bo has come in")
	bo.Must("Page.close", nil, nil)
	ada.hearsNotice("bo has left")
}

// write writes a file to be sent.
func write(t testing.TB, name string, size int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * 7)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// watch notes the values of the bars of progress.
const watch = `(() => {
	window.bars = [];
	new MutationObserver(() => {
		const bar = document.querySelector("#uploads progress");
		if (bar) bars.push(bar.value);
	}).observe(document.querySelector("#uploads"), {subtree: true, childList: true, characterData: true});
	return true;
})()`

// Files arrive whole, with progress on the way; who is there can download them.
func testFiles(t *testing.T, c *devtools.Chromium, s *server) {
	ada, bo := s.visit(t, c, "tea", "ada"), s.visit(t, c, "tea", "bo")
	ada.is(watch, true)
	ada.Choose("#files", write(t, "tea & <b>.tar.gz", 3<<20), write(t, "empty", 0), write(t, "note.txt", 5))
	for _, p := range []*page{ada, bo} {
		p.Wait(shared + ` === "tea & <b>.tar.gz 3.0 MB · Download|note.txt 5 bytes · Download"`)
	}
	ada.is(`bars[0] < 0.2 && bars.some(v => v > 0.4 && v < 0.6) && bars.every((v, i) => i === 0 || v >= bars[i - 1] || v === 0)`, true)
	ada.Shows("#uploads .failed .upload-state", "The file is empty.")
	ada.Click("#uploads button")
	ada.is(`document.querySelectorAll("#uploads li").length`, 0.0)
	bo.is(`document.querySelectorAll(".message .file").length`, 2.0)
	bo.is(`(async () => {
		const response = await fetch(document.querySelector(".file").href);
		const bytes = new Uint8Array(await response.arrayBuffer());
		return bytes.length === 3 << 20 && bytes.every((b, i) => b === (i * 7 & 255)) && response.headers.get("Content-Disposition");
	})()`, `attachment; filename="tea & <b>.tar.gz"`)
	ada.is(`files.value`, "")
	ada.Choose("#files", write(t, "huge.bin", 33<<20))
	ada.Shows("#uploads .failed .upload-state", "A file has 32.0 MB at most.")
}

// Files can be dropped anywhere, and the page says so.
func testDrop(t *testing.T, c *devtools.Chromium, s *server) {
	ada := s.visit(t, c, "tea", "ada")
	file := write(t, "dropped.txt", 1234)
	ada.is(`(() => {
		const drop = document.querySelector("#drop");
		new MutationObserver(() => { window.shown = !drop.hidden && drop.innerText; }).observe(drop, {attributes: true});
		return drop.hidden;
	})()`, true)
	ada.Drag(false, file)
	ada.is(`window.shown`, "Drop files for everybody in the room")
	ada.Wait(`!window.shown`) // nothing more is heard of them
	ada.Drag(true, file)
	ada.Wait(shared + ` === "dropped.txt 1.2 KB · Download"`)
	ada.is(`document.querySelector("#drop").hidden`, true)
	ada.is(`location.hash`, "#tea") // it is still here
	ada.Click("#leave")
	ada.Drag(true, file) // to no effect
	ada.is(`document.querySelector("#drop").hidden`, true)
	ada.is(`location.hash`, "#tea")
}

// When the server stops, pages say so, and come back by themselves. What was
// being written is still there.
func testRestart(t *testing.T, c *devtools.Chromium, s *server) {
	ada, bo := s.visit(t, c, "tea", "ada"), s.visit(t, c, "tea", "bo")
	door := &page{c.Open(t, "door", "http://"+s.Addr)}
	door.Shows("#rooms button", "tea · 2")
	ada.says("before")
	bo.hears("ada", "before")
	ada.Write("#text", "after")

	s.Stop()
	for _, p := range []*page{ada, bo} {
		p.Shows("#status", "Reconnecting…")
		p.is(`document.querySelector("#send").disabled && document.querySelector("#attach").disabled`, true)
		p.hearsNotice("The server has stopped.")
	}
	ada.Enter() // to no effect
	ada.is(`document.querySelector("#text").value`, "after")

	s.Start()
	ada.Click("#retry") // the others do not want to be told
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
	bo.Click("#leave")
	door.Shows("#rooms button", "tea · 1") // was subscribed again
}

// A file that is under way when the connection is lost arrives all the same.
func testUploadGoesOn(t *testing.T, c *devtools.Chromium, s *server) {
	ada := s.visit(t, c, "tea", "ada")
	// The connection is cut after a third of the file.
	ada.is(`(() => {
		const real = WebSocket.prototype.send;
		let chunks = 0;
		WebSocket.prototype.send = function (data) {
			if (data.byteLength > 100000 && ++chunks === 10) {
				this.close(); // without this chunk
				return;
			}
			real.call(this, data);
		};
		return true;
	})()`, true)
	ada.Choose("#files", write(t, "long.bin", 4<<20))
	ada.hearsNotice("You are back. What was said meanwhile is not shown.")
	ada.Wait(shared + ` === "long.bin 4.0 MB · Download"`)
	ada.is(`(async () => new Uint8Array(await (await fetch(document.querySelector(".file").href)).arrayBuffer()).every((b, i) => b === (i * 7 & 255)))()`, true)
	ada.is(`document.querySelectorAll("#uploads li").length`, 0.0)
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
}

// The page says why somebody cannot enter, and what is wrong with a message.
func testRefusals(t *testing.T, c *devtools.Chromium, s *server) {
	s.visit(t, c, "tea", "ada")
	p := &page{c.Open(t, "eve", "http://"+s.Addr)}
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
	p.Shows("#title", "green-tea")
	p.is(`document.querySelector("#problem").textContent`, "")
	p.Wait(members + ` === "éve (you)"`)
	p.is(`(() => {
		for (let i = 0; i < 60; i++) {
			document.querySelector("#text").value = "spam";
			document.querySelector("#say").requestSubmit();
		}
		return true;
	})()`, true)
	p.Wait(notices + `.includes("oo many requests")`)
}

// Rooms that are open can be chosen; the room is in the address, to be shared.
func testRooms(t *testing.T, c *devtools.Chromium, s *server) {
	bo := &page{c.Open(t, "bo", "http://"+s.Addr)}
	bo.is(`document.querySelector("#open").hidden`, true)
	ada := s.visit(t, c, "tea", "ada")
	ada.is(`location.hash`, "#tea")
	ada.is(`document.title`, "tea · Megochat")
	bo.Shows("#rooms button", "tea · 1") // by itself
	bo.Write("#name", "bo")
	bo.Look(1280, 800, "light") // with room for the list
	bo.Click("#rooms button")
	bo.Shows("#status", "Connected")
	ada.hearsNotice("bo has come in")
}

// Fields have labels, and what changes by itself is announced.
func testAccessibility(t *testing.T, c *devtools.Chromium, s *server) {
	p := s.visit(t, c, "tea", "ada")
	p.is(`[...document.querySelectorAll("input")].filter(e => e.labels.length + !!e.ariaLabel !== 1).map(e => e.id).join()`, "")
	p.is(`[...document.querySelectorAll("button")].filter(e => !e.textContent.trim() && !e.ariaLabel).map(e => e.id).join()`, "")
	p.is(`document.activeElement.id`, "text")
	for selector, role := range map[string]string{"#log": "log", "#status": "status", "#problem": "alert"} {
		p.is(`document.querySelector("`+selector+`").getAttribute("role")`, role)
	}
	p.is(`document.documentElement.lang`, "en")
	p.is(`document.querySelectorAll("main:not([hidden]) h1").length`, 1.0)
}

// The page fits a phone and a desk, light and dark, whatever is said and sent.
func testPictures(t *testing.T, c *devtools.Chromium, s *server) {
	folder := os.Getenv("MEGOCHAT_SCREENSHOTS")
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
	says(eve, "Yes! I have a new one from Darjeeling, first flush.")
	eve.Choose("#files", write(t, "darjeeling.jpeg", 234567))
	ada.Wait(shared + `.includes("darjeeling")`)
	says(ada, "I bring the milk, and the map:")
	ada.Choose("#files", write(t, "how-to-find-the-gate-of-the-garden-from-the-station-if-it-rains.final.v2.pdf", 1234567))
	ada.Wait(shared + `.includes("gate")`)
	says(bo, "https://example.com/"+strings.Repeat("a-very-long-address/", 6))
	says(bo, "<b>Deal</b>")

	door := &page{c.Open(t, "door", "http://"+s.Addr)}
	door.Shows("#rooms button", "tea · 6")
	take := func(what string, p *page) {
		for _, scheme := range []string{"light", "dark"} {
			p.pictureOf(folder, what+"-phone-"+scheme, 390, 844, scheme)
			p.pictureOf(folder, what+"-desk-"+scheme, 1280, 800, scheme)
		}
	}
	take("door", door)
	take("room", ada)
	file := write(t, "x.txt", 10)
	ada.Drag(false, file)
	ada.Look(390, 844, "light")
	ada.Drag(false, file)
	ada.pictureOf(folder, "drop-phone-light", 390, 844, "light")
	ada.Wait(`document.querySelector("#drop").hidden`)
	// One file stands still half way, and one has failed.
	ada.is(`(() => {
		const real = WebSocket.prototype.send;
		let chunks = 0;
		WebSocket.prototype.send = function (data) {
			if (data.byteLength > 100000 && ++chunks > 10) return;
			real.call(this, data);
		};
		return true;
	})()`, true)
	ada.Choose("#files", write(t, "nothing.txt", 0), write(t, "photos-of-the-garden-in-spring-summer-autumn-and-winter.zip", 3<<20))
	ada.Wait(`document.querySelector("#uploads li:last-child .upload-state")?.textContent === "1.3 MB of 3.0 MB"`)
	take("upload", ada)
	s.Stop()
	ada.Shows("#status", "Reconnecting…")
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
