package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gongular/gongular/ws"
)

// Chromium, and as much of its protocol as the tests need: commands with an id,
// which are answered, and events. Sessions are flat: one connection for all
// pages, told apart by sessionId.

// patience is how long anything may take that a test waits for.
const patience = time.Minute

// A chromium is a running browser.
type chromium struct {
	conn  *ws.Conn
	ended chan bool // closed when there are no more replies
	err   error     // then, why

	mu     sync.Mutex
	nextID int
	calls  map[int]chan reply
	thrown []string // by scripts of the pages, and not caught
}

// A reply is an answer to a command, or an event.
type reply struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
		Data    string `json:"data"`
	} `json:"error"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// findChromium returns the path of the program.
func findChromium(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("there is no Chromium in the PATH. Install it with: bash .ci/chromium (in the root of the repository), " +
		"or apt-get install chromium; or let the environment variable CHROMIUM be the path of one")
	return ""
}

// start runs Chromium until the test ends.
func start(t testing.TB) *chromium {
	t.Helper()
	program := findChromium(t)
	profile, err := os.MkdirTemp("", "chat-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(profile); err != nil {
			t.Error(err)
		}
	})
	cmd := exec.Command(program,
		"--headless", "--remote-debugging-port=0", "--user-data-dir="+profile,
		"--no-sandbox", // which a container's root cannot have
		"--disable-dev-shm-usage", "--disable-gpu", "--no-first-run", "--disable-breakpad", "--disable-extensions",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
		"--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", // nothing from elsewhere
		"--lang=en-GB", "about:blank")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log := make(chan string)
	address := make(chan string, 1)
	go readLog(bufio.NewScanner(stderr), address, log)

	c := &chromium{calls: map[int]chan reply{}, ended: make(chan bool)}
	t.Cleanup(func() {
		late := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		defer late.Stop()
		if c.conn != nil {
			c.call("", "Browser.close", nil, nil) // there may be no answer any more
			<-c.ended
			c.conn.CloseNow()
		} else {
			cmd.Process.Kill()
		}
		text := <-log // before Wait, which closes the pipe
		err := cmd.Wait()
		if err != nil || t.Failed() {
			t.Logf("Chromium ended with %v, and wrote\n%s", err, text)
		}
	})
	select {
	case url, ok := <-address:
		if !ok {
			t.Fatal("Chromium has ended before it was asked anything")
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		// A picture is one message.
		if c.conn, _, err = ws.Dial(ctx, url, &ws.DialOptions{ReadLimit: 64 << 20}); err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("Chromium does not say where it listens")
	}
	go c.listen()
	return c
}

var listening = regexp.MustCompile(`^DevTools listening on (ws://\S+)`)

// readLog sends the address that Chromium prints, and in the end all else.
func readLog(lines *bufio.Scanner, address chan<- string, log chan<- string) {
	var text strings.Builder
	for lines.Scan() {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			address <- m[1]
		} else {
			fmt.Fprintln(&text, lines.Text())
		}
	}
	close(address)
	log <- text.String()
}

// listen takes what Chromium says, until it ends.
func (c *chromium) listen() {
	defer close(c.ended)
	for {
		var r reply
		if c.err = c.conn.ReadJSON(&r); c.err != nil {
			return
		}
		c.mu.Lock()
		if r.Method == "Runtime.exceptionThrown" {
			c.thrown = append(c.thrown, string(r.Params))
		}
		if call := c.calls[r.ID]; call != nil {
			call <- r
			delete(c.calls, r.ID)
		}
		c.mu.Unlock()
	}
}

// call sends a command to a page, or to the browser if session is empty, and
// decodes the answer into result, unless that is nil.
func (c *chromium) call(session, method string, params, result any) error {
	answer := make(chan reply, 1)
	c.mu.Lock()
	c.nextID++
	id := c.nextID
	c.calls[id] = answer
	c.mu.Unlock()
	err := c.conn.WriteJSON(struct {
		ID      int    `json:"id"`
		Session string `json:"sessionId,omitempty"`
		Method  string `json:"method"`
		Params  any    `json:"params,omitempty"`
	}{id, session, method, params})
	if err != nil {
		return err
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-c.ended:
		return fmt.Errorf("the browser has ended: %w", c.err)
	case r := <-answer:
		switch {
		case r.Error != nil:
			return errors.New(r.Error.Message + " " + r.Error.Data)
		case result == nil:
			return nil
		}
		return json.Unmarshal(r.Result, result)
	case <-late.C:
		return errors.New("no answer")
	}
}

// args are the parameters of a command.
type args map[string]any

// A page is a tab, with cookies and storage of its own.
type page struct {
	*chromium
	t       testing.TB
	name    string // in messages of the test
	session string
}

// open opens a page, and waits until it is loaded.
func (c *chromium) open(t testing.TB, name, url string) *page {
	t.Helper()
	p := &page{chromium: c, t: t, name: name}
	var made struct{ BrowserContextID, TargetID, SessionID string }
	p.must("Target.createBrowserContext", args{"disposeOnDetach": true}, &made)
	p.must("Target.createTarget", args{"url": "about:blank", "browserContextId": made.BrowserContextID}, &made)
	p.must("Target.attachToTarget", args{"targetId": made.TargetID, "flatten": true}, &made)
	p.session = made.SessionID
	p.must("Runtime.enable", nil, nil)
	p.must("Page.enable", nil, nil)
	var went struct{ ErrorText string }
	p.must("Page.navigate", args{"url": url}, &went)
	if went.ErrorText != "" {
		t.Fatalf("%s: %s: %s", name, url, went.ErrorText)
	}
	p.wait(`document.readyState === "complete"`)
	t.Cleanup(func() {
		if err := c.call("", "Target.disposeBrowserContext", args{"browserContextId": made.BrowserContextID}, nil); err != nil {
			t.Error(err)
		}
	})
	return p
}

// must is a command that has to succeed.
func (p *page) must(method string, params, result any) {
	p.t.Helper()
	if err := p.call(p.session, method, params, result); err != nil {
		p.t.Fatalf("%s: %s %v: %v", p.name, method, params, err)
	}
}

// run evaluates an expression in the page, awaits it if it is a promise, and
// decodes its value into result.
func (p *page) run(expression string, result any) error {
	var answer struct {
		Result struct {
			Value json.RawMessage
		}
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	err := p.call(p.session, "Runtime.evaluate", args{"expression": expression, "awaitPromise": true, "returnByValue": true}, &answer)
	switch {
	case err != nil:
		return err
	case answer.ExceptionDetails != nil:
		return errors.New(answer.ExceptionDetails.Exception.Description)
	case result == nil:
		return nil
	}
	return json.Unmarshal(answer.Result.Value, result)
}

// wait waits until the condition is true, looking again and again.
func (p *page) wait(condition string) {
	p.t.Helper()
	err := p.run(fmt.Sprintf(`new Promise((done, failed) => {
		const end = Date.now() + %d;
		const look = () => {
			if (%s) done();
			else if (Date.now() > end) failed(new Error("waited in vain"));
			else setTimeout(look, 10);
		};
		look();
	})`, (patience/2).Milliseconds(), condition), nil)
	if err != nil {
		var text string
		p.run("document.body.innerText", &text)
		p.t.Fatalf("%s: %s: %v. The page shows:\n%s", p.name, condition, err, text)
	}
}

// shows waits until the text of the element is as wanted.
func (p *page) shows(selector, want string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("document.querySelector(%s)?.innerText === %s", quote(selector), quote(want)))
}

// quote returns a JavaScript string.
func quote(s string) string {
	data, _ := json.Marshal(s) // strings are always JSON, and JSON is JavaScript
	return string(data)
}

// click clicks on the middle of the element, as a mouse does.
func (p *page) click(selector string) {
	p.t.Helper()
	var at struct{ X, Y float64 }
	err := p.run(fmt.Sprintf(`(() => {
		const r = document.querySelector(%s).getBoundingClientRect();
		return {x: r.x + r.width / 2, y: r.y + r.height / 2};
	})()`, quote(selector)), &at)
	if err != nil {
		p.t.Fatalf("%s: click on %s: %v", p.name, selector, err)
	}
	for _, what := range []string{"mousePressed", "mouseReleased"} {
		p.must("Input.dispatchMouseEvent", args{"type": what, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1}, nil)
	}
}

// write clicks into the field, and writes the text in place of what is there.
func (p *page) write(selector, text string) {
	p.t.Helper()
	p.click(selector)
	if err := p.run(fmt.Sprintf("document.querySelector(%s).select()", quote(selector)), nil); err != nil {
		p.t.Fatalf("%s: %s: %v", p.name, selector, err)
	}
	p.must("Input.insertText", args{"text": text}, nil)
}

// enter presses the Enter key.
func (p *page) enter() {
	p.t.Helper()
	for _, what := range []string{"keyDown", "keyUp"} {
		p.must("Input.dispatchKeyEvent", args{"type": what, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}, nil)
	}
}

// look sets the size of the window, in CSS pixels, and the colours of the system.
func (p *page) look(width, height int, scheme string) {
	p.t.Helper()
	p.must("Emulation.setDeviceMetricsOverride", args{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 720}, nil)
	p.must("Emulation.setEmulatedMedia", args{"features": []args{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// picture returns what the page looks like, as PNG.
func (p *page) picture() []byte {
	p.t.Helper()
	var shot struct{ Data []byte }
	p.must("Page.captureScreenshot", args{"format": "png"}, &shot)
	return shot.Data
}
