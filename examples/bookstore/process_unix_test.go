//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gongular/gongular/examples/bookstore/store"
)

// The program itself, as a newcomer runs it: it is built, started, and answers
// the lines that it prints, given to a shell as they are; then SIGTERM ends it.
// What the lines mean is tested without shell and curl too, in case there are
// none.
func TestPrintedLines(t *testing.T) {
	program := filepath.Join(t.TempDir(), "bookstore")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	ways := map[string]func(testing.TB, string) string{"parsed": runParsed}
	if _, err := exec.LookPath("curl"); err == nil {
		ways["sh and curl"] = runShell
	} else {
		t.Log("no curl here; its lines are parsed only")
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			for range 2 { // books that are there from the first time do not matter
				testPrintedLines(t, program, folder, way)
			}
		})
	}
}

func testPrintedLines(t *testing.T, program, folder string, way func(testing.TB, string) string) {
	cmd := exec.Command(program, "-addr", "127.0.0.1:0", "-data", folder)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	defer func() {
		if !ended {
			cmd.Process.Kill()
			cmd.Wait()
		}
	}()
	out := bufio.NewReader(stdout)
	_, lines, err := greeting(out)
	if err != nil {
		t.Fatal(err)
	}

	var book store.Book
	decode(t, way(t, lines[0]), &book)
	if book.ID == 0 || book.Title != "Emma" {
		t.Errorf("created %+v", book)
	}
	var page bookPage
	decode(t, way(t, lines[1]), &page)
	if page.Total != book.ID || page.Books[0].ID != book.ID {
		t.Errorf("listed %+v", page)
	}
	var found struct{ Books []store.Book }
	decode(t, way(t, lines[2]), &found)
	if len(found.Books) != book.ID || found.Books[book.ID-1].ID != book.ID {
		t.Errorf("found %+v", found)
	}

	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(out) // before Wait, which closes the pipe
	if err != nil {
		t.Error(err)
	}
	ended = true
	if err := cmd.Wait(); err != nil {
		t.Errorf("the program ended with %v", err)
	}
	if string(rest) != "\nbookstore: stopped\n" || stderr.Len() > 0 {
		t.Errorf("at its end the program printed %q, and %q to stderr", rest, &stderr)
	}
}

func decode(t testing.TB, output string, v any) {
	t.Helper()
	if !strings.HasSuffix(output, "\n") {
		t.Errorf("%s does not end in a newline", output)
	}
	if err := json.Unmarshal([]byte(output), v); err != nil {
		t.Fatalf("%v in %s", err, output)
	}
}

// runShell gives a line to a shell, and returns what it printed.
func runShell(t testing.TB, line string) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Env = append(os.Environ(), "no_proxy=*")
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("%s: %v\n%s", line, err, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// runParsed does what a line would.
func runParsed(t testing.TB, line string) string {
	t.Helper()
	words := shellWords(line)
	if words[0] != "curl" {
		t.Fatalf("%q is not curl", words[0])
	}
	method, target, body, suffix, header := "GET", "", "", "", http.Header{}
	for i := 1; i < len(words); i++ {
		switch words[i] {
		case "-w":
			i++
			suffix = strings.ReplaceAll(words[i], `\n`, "\n")
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
	req, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	req.Close = true
	res, err := new(http.Transport).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data) + suffix
}

// shellWords splits a line as a shell does, as far as it has plain words and
// words in single quotes.
func shellWords(line string) []string {
	var words []string
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		var word string
		if line[0] == '\'' {
			word, line, _ = strings.Cut(line[1:], "'")
		} else {
			word, line, _ = strings.Cut(line, " ")
		}
		words = append(words, word)
	}
	return words
}
