package gongtest

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"
)

// patience is how long something that a request left behind may take to go. It
// is waited for only as long as something is there.
const patience = 5 * time.Second

// checkLeftovers fails the test for what its requests left behind.
func (c *Client) checkLeftovers() {
	c.t.Helper()
	c.mu.Lock()
	used, allowed, uploads := c.used, c.allowed, c.uploads
	c.mu.Unlock()
	if !used {
		return
	}
	var running []goroutines
	var files []string
	gone := func() bool {
		running, files = leftGoroutines(c.id, allowed), leftFiles(uploads)
		return len(running)+len(files) == 0
	}
	if !eventually(gone) {
		for _, g := range running {
			c.t.Errorf("%s: %s still running %v after the test:\n%s", g.request, g.countText(), patience, g.stack)
		}
		for _, file := range files {
			c.t.Error(file)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, late := range c.late {
		c.t.Error(late)
	}
	c.late = nil
}

// eventually reports whether done becomes true within patience. What it waits
// for is counted, not measured, so that it ends where time is a test's.
func eventually(done func() bool) bool {
	pause := 50 * time.Microsecond
	for waited := time.Duration(0); waited < patience; waited += pause {
		if done() {
			return true
		}
		pause = min(2*pause, 50*time.Millisecond)
		time.Sleep(pause)
	}
	return done()
}

// The profiler labels of goroutines that serve a request, which those that they
// start inherit.
const (
	clientLabel  = "gongtest"
	requestLabel = "gongtest.request"
)

// goroutines are some with the same stack that a client's requests started.
type goroutines struct {
	count   int
	request string // one that started them
	stack   string
}

func (g goroutines) countText() string {
	if g.count == 1 {
		return "1 goroutine that it started is"
	}
	return fmt.Sprintf("%d goroutines that it started are", g.count)
}

var requestInProfile = regexp.MustCompile(regexp.QuoteMeta(strconv.Quote(requestLabel)) + `:("(?:[^"\\]|\\.)*")`)

// leftGoroutines returns the goroutines with the client's label. It reads the
// profile's text, which has a block for each stack and set of labels:
//
//	2 @ 0x47f2ce 0x47a0b5
//	# labels: {"gongtest":"1", "gongtest.request":"GET /"}
//	#	0x47f2cd	main.work+0x2d	/home/me/main.go:12
func leftGoroutines(id string, allowed []string) []goroutines {
	var buf bytes.Buffer
	pprof.Lookup("goroutine").WriteTo(&buf, 1)
	label := fmt.Sprintf("%q:%q", clientLabel, id)
	var left []goroutines
	for block := range strings.SplitSeq(buf.String(), "\n\n") {
		_, labels, ok := strings.Cut(block, "\n# labels: ")
		if !ok {
			continue
		}
		labels, frames, _ := strings.Cut(labels, "\n")
		if !strings.Contains(labels, label) {
			continue
		}
		if slices.ContainsFunc(allowed, func(f string) bool { return f != "" && strings.Contains(frames, f) }) {
			continue
		}
		g := goroutines{count: blockCount(block), stack: readableStack(frames)}
		if m := requestInProfile.FindStringSubmatch(labels); m != nil {
			g.request, _ = strconv.Unquote(m[1])
		}
		left = append(left, g)
	}
	return left
}

// blockCount returns the number that the block begins with; a line about the
// whole profile may come before it.
func blockCount(block string) int {
	head, _, _ := strings.Cut(block, " @ ")
	n, _ := strconv.Atoi(head[strings.LastIndexByte(head, '\n')+1:])
	return max(n, 1)
}

// readableStack leaves addresses out of the profile's frames.
func readableStack(frames string) string {
	var b strings.Builder
	for line := range strings.Lines(frames) {
		if fields := strings.Fields(line); len(fields) >= 4 && fields[0] == "#" {
			function, _, _ := strings.Cut(fields[2], "+0x")
			fmt.Fprintf(&b, "\t%s\n\t\t%s\n", function, strings.Join(fields[3:], " "))
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// An upload is a request with a multipart body, and which files mime/multipart
// made for it, as far as that can be told.
type upload struct {
	name   string
	sent   bytes.Buffer // what the handler read
	before []string     // files that were there
	bound  string       // the boundary of the parts
	files  []string
}

// watchUpload prepares for telling a request's temporary files from others'. It
// returns nil for a request that cannot have any.
func watchUpload(r *http.Request) *upload {
	mt, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if !strings.HasPrefix(mt, "multipart/") || r.Body == http.NoBody {
		return nil
	}
	u := &upload{before: temporaryFiles(), bound: params["boundary"]}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r.Body, &u.sent), r.Body}
	return u
}

// keepUpload remembers the files that are there now and were made for the upload.
func (c *Client) keepUpload(u *upload, name string) {
	if u == nil {
		return
	}
	for _, path := range temporaryFiles() {
		if !slices.Contains(u.before, path) && u.holdsPart(path) {
			u.files = append(u.files, path)
		}
	}
	if len(u.files) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uploads = append(c.uploads, upload{name: name, files: u.files})
}

// temporaryFiles lists the files that mime/multipart has made.
func temporaryFiles() []string {
	dir := os.TempDir()
	entries, _ := os.ReadDir(dir) // what cannot be listed cannot be told
	var paths []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "multipart-") {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}

// holdsPart reports whether the file begins as a part of the upload does: it
// holds one, or several one after another.
func (u *upload) holdsPart(path string) bool {
	content, err := os.ReadFile(path)
	if err != nil || len(content) == 0 {
		return false
	}
	for parts := multipart.NewReader(bytes.NewReader(u.sent.Bytes()), u.bound); ; {
		part, err := parts.NextPart()
		if err != nil {
			return false
		}
		data, _ := io.ReadAll(part) // what there is of one that broke off
		if len(data) > 0 && (bytes.HasPrefix(content, data) || bytes.HasPrefix(data, content)) {
			return true
		}
	}
}

// leftFiles describes the files of the uploads that are still there.
func leftFiles(uploads []upload) []string {
	var left []string
	for _, u := range uploads {
		for _, path := range u.files {
			if _, err := os.Stat(path); err == nil {
				left = append(left, fmt.Sprintf("%s: an uploaded file was not removed: %s", u.name, path))
			}
		}
	}
	return left
}
