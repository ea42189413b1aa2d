// Package devtools drives headless Chromium over its DevTools protocol, which is
// JSON on a WebSocket, for tests of pages. It has commands with an id, which are
// answered, and events. Sessions are flat: one connection for all pages, told
// apart by sessionId. A [Program] is the server of the pages.
//
// Chromium is the program that the environment variable CHROMIUM names, or the
// first in the PATH under one of its usual names; .ci/chromium installs it.
//
// It is a module of its own, for those of the tests.
package devtools

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gongular/gongular/ws"
)

// Patience is how long anything may take that a test waits for.
const Patience = time.Minute

// A Chromium is a running browser.
type Chromium struct {
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

// Start runs Chromium until the test ends.
func Start(t testing.TB) *Chromium {
	t.Helper()
	program := findChromium(t)
	profile, err := os.MkdirTemp("", "devtools-")
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

	c := &Chromium{calls: map[int]chan reply{}, ended: make(chan bool)}
	t.Cleanup(func() {
		late := time.AfterFunc(Patience, func() { cmd.Process.Kill() })
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
		ctx, cancel := context.WithTimeout(t.Context(), Patience)
		defer cancel()
		// A picture is one message.
		if c.conn, _, err = ws.Dial(ctx, url, &ws.DialOptions{ReadLimit: 64 << 20}); err != nil {
			t.Fatal(err)
		}
	case <-time.After(Patience):
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
func (c *Chromium) listen() {
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

// Thrown returns what scripts of the pages have thrown, and not caught.
func (c *Chromium) Thrown() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.thrown)
}

// call sends a command to a page, or to the browser if session is empty, and
// decodes the answer into result, unless that is nil.
func (c *Chromium) call(session, method string, params, result any) error {
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
	late := time.NewTimer(Patience)
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

// Args are the parameters of a command.
type Args map[string]any

// A Page is a tab, with cookies and storage of its own.
type Page struct {
	*Chromium
	T       testing.TB
	Name    string // in messages of the test
	session string
}

// Open opens a page, and waits until it is loaded.
func (c *Chromium) Open(t testing.TB, name, url string) *Page {
	t.Helper()
	p := &Page{Chromium: c, T: t, Name: name}
	var made struct{ BrowserContextID, TargetID, SessionID string }
	p.Must("Target.createBrowserContext", Args{"disposeOnDetach": true}, &made)
	p.Must("Target.createTarget", Args{"url": "about:blank", "browserContextId": made.BrowserContextID}, &made)
	p.Must("Target.attachToTarget", Args{"targetId": made.TargetID, "flatten": true}, &made)
	p.session = made.SessionID
	p.Must("Runtime.enable", nil, nil)
	p.Must("Page.enable", nil, nil)
	var went struct{ ErrorText string }
	p.Must("Page.navigate", Args{"url": url}, &went)
	if went.ErrorText != "" {
		t.Fatalf("%s: %s: %s", name, url, went.ErrorText)
	}
	p.Wait(`document.readyState === "complete"`)
	t.Cleanup(func() {
		if err := c.call("", "Target.disposeBrowserContext", Args{"browserContextId": made.BrowserContextID}, nil); err != nil {
			t.Error(err)
		}
	})
	return p
}

// Must is a command that has to succeed.
func (p *Page) Must(method string, params, result any) {
	p.T.Helper()
	if err := p.call(p.session, method, params, result); err != nil {
		p.T.Fatalf("%s: %s %v: %v", p.Name, method, params, err)
	}
}

// Run evaluates an expression in the page, awaits it if it is a promise, and
// decodes its value into result.
func (p *Page) Run(expression string, result any) error {
	var answer struct {
		Result struct {
			Value json.RawMessage
		}
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	err := p.call(p.session, "Runtime.evaluate", Args{"expression": expression, "awaitPromise": true, "returnByValue": true}, &answer)
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

// Wait waits until the condition is true, looking again and again.
func (p *Page) Wait(condition string) {
	p.T.Helper()
	err := p.Run(fmt.Sprintf(`new Promise((done, failed) => {
		const end = Date.now() + %d;
		const look = () => {
			if (%s) done();
			else if (Date.now() > end) failed(new Error("waited in vain"));
			else setTimeout(look, 10);
		};
		look();
	})`, (Patience/2).Milliseconds(), condition), nil)
	if err != nil {
		var text string
		p.Run("document.body.innerText", &text)
		p.T.Fatalf("%s: %s: %v. The page shows:\n%s", p.Name, condition, err, text)
	}
}

// Shows waits until the text of the element is as wanted.
func (p *Page) Shows(selector, want string) {
	p.T.Helper()
	p.Wait(fmt.Sprintf("document.querySelector(%s)?.innerText === %s", Quote(selector), Quote(want)))
}

// Quote returns a JavaScript string.
func Quote(s string) string {
	data, _ := json.Marshal(s) // strings are always JSON, and JSON is JavaScript
	return string(data)
}

// Click clicks on the middle of the element, as a mouse does.
func (p *Page) Click(selector string) {
	p.T.Helper()
	var at struct{ X, Y float64 }
	err := p.Run(fmt.Sprintf(`(() => {
		const r = document.querySelector(%s).getBoundingClientRect();
		return {x: r.x + r.width / 2, y: r.y + r.height / 2};
	})()`, Quote(selector)), &at)
	if err != nil {
		p.T.Fatalf("%s: click on %s: %v", p.Name, selector, err)
	}
	for _, what := range []string{"mousePressed", "mouseReleased"} {
		p.Must("Input.dispatchMouseEvent", Args{"type": what, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1}, nil)
	}
}

// Write clicks into the field, and writes the text in place of what is there.
func (p *Page) Write(selector, text string) {
	p.T.Helper()
	p.Click(selector)
	if err := p.Run(fmt.Sprintf("document.querySelector(%s).select()", Quote(selector)), nil); err != nil {
		p.T.Fatalf("%s: %s: %v", p.Name, selector, err)
	}
	p.Must("Input.insertText", Args{"text": text}, nil)
}

// Enter presses the Enter key.
func (p *Page) Enter() {
	p.T.Helper()
	for _, what := range []string{"keyDown", "keyUp"} {
		p.Must("Input.dispatchKeyEvent", Args{"type": what, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}, nil)
	}
}

// Look sets the size of the window, in CSS pixels, and the colours of the system.
func (p *Page) Look(width, height int, scheme string) {
	p.T.Helper()
	p.Must("Emulation.setDeviceMetricsOverride", Args{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 720}, nil)
	p.Must("Emulation.setEmulatedMedia", Args{"features": []Args{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// Picture returns what the page looks like, as PNG.
func (p *Page) Picture() []byte {
	p.T.Helper()
	var shot struct{ Data []byte }
	p.Must("Page.captureScreenshot", Args{"format": "png"}, &shot)
	return shot.Data
}

// Choose chooses files in an element for them, as a person does in the dialog.
func (p *Page) Choose(selector string, files ...string) {
	p.T.Helper()
	var found struct{ Result struct{ ObjectID string } }
	p.Must("Runtime.evaluate", Args{"expression": fmt.Sprintf("document.querySelector(%s)", Quote(selector))}, &found)
	p.Must("DOM.setFileInputFiles", Args{"files": files, "objectId": found.Result.ObjectID}, nil)
}

// Drag moves files over the middle of the window, and drops them there if asked
// to.
func (p *Page) Drag(drop bool, files ...string) {
	p.T.Helper()
	var size struct{ X, Y float64 }
	if err := p.Run(`({x: innerWidth / 2, y: innerHeight / 2})`, &size); err != nil {
		p.T.Fatalf("%s: %v", p.Name, err)
	}
	kinds := []string{"dragEnter", "dragOver"}
	if drop {
		kinds = append(kinds, "drop")
	}
	for _, kind := range kinds {
		p.Must("Input.dispatchDragEvent", Args{"type": kind, "x": size.X, "y": size.Y, "data": Args{"items": []Args{}, "files": files, "dragOperationsMask": 1}}, nil)
	}
}
