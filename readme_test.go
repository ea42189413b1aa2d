package gongular_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// Every piece of Go in README.md is compiled: programs by themselves, and the
// rest because it is quoted, to the letter, from the tests.
func TestReadmeIsCompiled(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := goBlock.FindAllStringSubmatch(string(readme), -1)
	if len(blocks) < 20 {
		t.Errorf("README.md has %d pieces of Go; are they found?", len(blocks))
	}
	for _, block := range blocks {
		code := block[1]
		if strings.HasPrefix(code, "package main") {
			compile(t, code)
			continue
		}
		if !strings.Contains(string(examples), "\n"+code) {
			t.Errorf("not quoted from the tests:\n%s", code)
		}
	}
}

// compile builds a program that imports this module.
func compile(t *testing.T, code string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(code), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "build", "-o", os.DevNull, file).CombinedOutput()
	if err != nil {
		t.Errorf("README's program does not compile: %v\n%s", err, out)
	}
}

var (
	link = regexp.MustCompile(`\]\(([^)#:]+)\)`)
	code = regexp.MustCompile("(?s)```.*?```|`[^`]*`")
)

// Links in the documents lead somewhere.
func TestDocumentLinks(t *testing.T) {
	for _, name := range []string{"README.md", "COMPATIBILITY.md", "CHANGELOG.md", "CONTRIBUTING.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(string(text), ""), -1) {
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
