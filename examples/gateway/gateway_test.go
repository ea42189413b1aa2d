package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/gongular/gongular/ws"
)

// serve runs the gateway on a free port until the test ends. It returns its URL
// and the lines that it prints.
func serve(t testing.TB) (base string, lines []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, "127.0.0.1:0", w, slog.New(slog.DiscardHandler))
		w.CloseWithError(err)
		ended <- err
	}()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error("run:", err)
		}
	})
	out := bufio.NewReader(r)
	for {
		line, err := out.ReadString('\n')
		switch {
		case err != nil:
			t.Fatal(err)
		case strings.HasPrefix(line, "gateway: "):
			base, _, _ = strings.Cut(strings.TrimPrefix(line, "gateway: "), ". ")
		case strings.HasPrefix(line, "curl "):
			lines = append(lines, strings.TrimSpace(line))
		case len(lines) > 0:
			return base, lines
		}
	}
}

// A trial is a line of README.md, and what it prints there.
type trial struct{ line, printed string }

// inReadme returns the lines of README.md that ask the gateway.
func inReadme(t testing.TB) (trials []trial) {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n### Put middleware around it\n")
	if !found {
		t.Fatal("README.md has no such section")
	}
	section, _, _ = strings.Cut(section, "\n### ")
	asking := false
	for line := range strings.Lines(section) {
		switch {
		case strings.HasPrefix(line, "$ "):
			trials = append(trials, trial{line: strings.TrimSpace(line[2:])})
			asking = true
		case strings.HasPrefix(line, "```"):
			asking = false
		case asking:
			trials[len(trials)-1].printed += line
		}
	}
	return trials
}

// The lines that the gateway prints are those of README.md, and get the answers
// that are printed there.
func TestPrintedLines(t *testing.T) {
	ways := map[string]func(testing.TB, string) string{"parsed": runParsed}
	if _, err := exec.LookPath("curl"); err == nil {
		ways["sh and curl"] = runShell
	} else {
		t.Log("no curl here; its lines are parsed only")
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, lines := serve(t)
			trials := inReadme(t)
			if len(trials) != len(lines) {
				t.Fatalf("README.md has %d lines, the gateway prints %d", len(trials), len(lines))
			}
			for i, trial := range trials {
				if want := strings.ReplaceAll(trial.line, "http://127.0.0.1:8084", base); lines[i] != want {
					t.Errorf("printed\n%s\nREADME.md has\n%s", lines[i], want)
				}
				got := way(t, lines[i])
				if before, more := strings.CutSuffix(trial.printed, "…\n"); more {
					if !strings.Contains(got, before) {
						t.Errorf("%s\nprints\n%s\nREADME.md has\n%s", lines[i], got, before)
					}
				} else if got != trial.printed {
					t.Errorf("%s\nprints\n%s\nREADME.md has\n%s", lines[i], got, trial.printed)
				}
			}
		})
	}
}

// runShell gives a line to a shell, and returns what it printed.
func runShell(t testing.TB, line string) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Env = append(os.Environ(), "no_proxy=*")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return string(out)
}

// runParsed does what a line would.
func runParsed(t testing.TB, line string) string {
	t.Helper()
	method, target, body, suffix, header := "GET", "", "", "", http.Header{}
	words := shellWords(line)
	for i := 1; i < len(words); i++ {
		switch words[i] {
		case "-w":
			i++
			suffix = strings.ReplaceAll(words[i], `\n`, "\n")
		case "-A":
			i++
			header.Set("User-Agent", words[i])
		case "-H":
			i++
			key, value, _ := strings.Cut(words[i], ": ")
			header.Set(key, value)
		case "-d":
			i++
			method, body = "POST", words[i]
		default:
			target = words[i]
		}
	}
	status, _, answer := ask(t, method, target, body, header)
	return answer + strings.ReplaceAll(suffix, "%{http_code}", strconv.Itoa(status))
}

// shellWords splits a line as a shell does, as far as it has plain words and
// words in single quotes.
func shellWords(line string) (words []string) {
	for line != "" {
		var word string
		if quoted, ok := strings.CutPrefix(line, "'"); ok {
			word, line, _ = strings.Cut(quoted, "'")
		} else {
			word, line, _ = strings.Cut(line, " ")
		}
		words = append(words, word)
		line = strings.TrimLeft(line, " ")
	}
	return words
}

// ask makes a request.
func ask(t testing.TB, method, target, body string, header http.Header) (status int, fields http.Header, answer string) {
	t.Helper()
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

// known is the header of a client with the token.
func known(fields ...string) http.Header {
	h := http.Header{"Authorization": {"Bearer let-me-in"}}
	for i := 0; i < len(fields); i += 2 {
		h.Set(fields[i], fields[i+1])
	}
	return h
}

// What passes the list is answered as without it, with what the entries add.
func TestPasses(t *testing.T) {
	base, _ := serve(t)
	for _, test := range []struct {
		method, path, body string
		header             http.Header
		status             int
		answer             string
		fields             map[string]string
	}{
		{"GET", "/api/notes", "", known(), 200, "[]", map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Vary": "Origin, Accept-Encoding"}},
		{"POST", "/api/notes", `{"text":"buy milk"}`, known("Content-Type", "application/json", "Origin", "https://app.example.com"), 201, `{"notes":1}`,
			map[string]string{"Access-Control-Allow-Origin": "https://app.example.com", "Access-Control-Allow-Credentials": "true"}},
		{"GET", "/api/notes", "", known("X-Request-ID", "from-the-client"), 200, `["buy milk"]`, map[string]string{"X-Request-Id": "from-the-client", "Etag": `"3SuufSkzSHpuKdrqkMuvIw"`}},
		{"GET", "/api/notes", "", known("If-None-Match", `"3SuufSkzSHpuKdrqkMuvIw"`), 304, "", nil},
		{"POST", "/api/notes", `{}`, known("Content-Type", "application/json"), 400, `{"ValidationError":{"Fields":{"text":"non zero value required"},"Place":"Body"}}`, nil},
		{"OPTIONS", "/api/notes", "", http.Header{"Origin": {"https://app.example.com"}, "Access-Control-Request-Method": {"POST"}}, 204, "",
			map[string]string{"Access-Control-Allow-Origin": "https://app.example.com"}},
		{"GET", "/nowhere", "", nil, 404, "404 page not found\n", map[string]string{"X-Frame-Options": "DENY"}},
	} {
		if test.header == nil {
			test.header = http.Header{}
		}
		status, fields, answer := ask(t, test.method, base+test.path, test.body, test.header)
		if status != test.status || answer != test.answer {
			t.Errorf("%s %s: answered %d %s, want %d %s", test.method, test.path, status, answer, test.status, test.answer)
		}
		for name, want := range test.fields {
			if got := strings.Join(fields.Values(name), ", "); got != want {
				t.Errorf("%s %s: %s is %q, want %q", test.method, test.path, name, got, want)
			}
		}
	}
}

// A WebSocket passes the same list, is limited and is refused by it.
func TestEcho(t *testing.T) {
	base, _ := serve(t)
	url := "ws" + strings.TrimPrefix(base, "http") + "/api/echo"
	conn, _, err := ws.Dial(t.Context(), url, &ws.DialOptions{Header: known()})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.WriteMessage(ws.TextMessage, []byte("hello")); err != nil {
		t.Error(err)
	}
	if _, message, err := conn.ReadMessage(); string(message) != "hello" || err != nil {
		t.Errorf("the echo is %q, %v", message, err)
	}
	for err == nil { // more than the limiter has tokens for
		if err = conn.WriteMessage(ws.TextMessage, []byte("hello")); err == nil {
			_, _, err = conn.ReadMessage()
		}
	}
	if closed, ok := errors.AsType[*ws.CloseError](err); !ok || closed.Code != ws.ClosePolicyViolation || closed.Text != "too many messages" {
		t.Errorf("it ends with %v", err)
	}
	conn.Close()
	for _, test := range []struct {
		header http.Header
		status int
	}{
		{http.Header{}, 401},
		{known("Origin", "https://evil.example"), 403},
	} {
		if _, res, err := ws.Dial(t.Context(), url, &ws.DialOptions{Header: test.header}); err == nil || res == nil || res.StatusCode != test.status {
			t.Errorf("%v: answered %v, %v, want %d", test.header, res, err, test.status)
		}
	}
}

func TestAddressTaken(t *testing.T) {
	base, _ := serve(t)
	err := run(t.Context(), strings.TrimPrefix(base, "http://"), io.Discard, nil)
	if err == nil || !strings.HasSuffix(err.Error(), "\nchoose another address with -addr; 127.0.0.1:0 is any free port") {
		t.Errorf("run: %v", err)
	}
}
