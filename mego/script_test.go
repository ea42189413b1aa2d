package mego_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gongular/gongular/mego"
)

func askForScript(method string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/mego.js", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	mego.ScriptHandler().ServeHTTP(w, r)
	return w
}

// The file is served to its last byte, as JavaScript and nothing else.
func TestScriptHandler(t *testing.T) {
	want, err := os.ReadFile("megoclient.js")
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{
		"Content-Type":           "text/javascript; charset=utf-8",
		"Cache-Control":          "public, max-age=3600",
		"X-Content-Type-Options": "nosniff",
		"Content-Length":         strconv.Itoa(len(want)),
	}
	for method, body := range map[string]string{"GET": string(want), "HEAD": ""} {
		w := askForScript(method)
		if w.Code != 200 || w.Body.String() != body {
			t.Errorf("%s: %d with %d bytes, want %d", method, w.Code, w.Body.Len(), len(body))
		}
		for name, value := range fields {
			if got := w.Header().Get(name); got != value {
				t.Errorf("%s: %s is %q, want %q", method, name, got, value)
			}
		}
	}
}

// Who has the file is not sent it again.
func TestScriptETag(t *testing.T) {
	etag := askForScript("GET").Header().Get("ETag")
	if !regexp.MustCompile(`^"[0-9a-f]{64}"$`).MatchString(etag) {
		t.Fatalf("the ETag is %s", etag)
	}
	for match, status := range map[string]int{etag: 304, `"other", ` + etag: 304, "W/" + etag: 304, "*": 304, `"other"`: 200} {
		w := askForScript("GET", "If-None-Match", match)
		if w.Code != status || (status == 304) != (w.Body.Len() == 0) {
			t.Errorf("If-None-Match %s: %d with %d bytes, want %d", match, w.Code, w.Body.Len(), status)
		}
		if w.Header().Get("ETag") != etag {
			t.Errorf("If-None-Match %s: the ETag is %q", match, w.Header().Get("ETag"))
		}
	}
}

func TestScriptOtherMethods(t *testing.T) {
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		w := askForScript(method)
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" || w.Header().Get("ETag") != "" {
			t.Errorf("%s: %d %v", method, w.Code, w.Header())
		}
	}
}

// The script needs no document, no eval and nothing from elsewhere, so that it
// runs in workers and under a strict policy.
func TestScriptNeedsNothing(t *testing.T) {
	text := askForScript("GET").Body.String()
	text = regexp.MustCompile(`(?m)^\s*//.*$|[\s;]//.*$`).ReplaceAllString(text, "")
	if found := regexp.MustCompile(`\b(document|eval|Function|import|require|innerHTML|XMLHttpRequest|fetch|localStorage)\b`).FindAllString(text, -1); found != nil {
		t.Errorf("it has %v", found)
	}
}

// The codes of the script are those of this package.
func TestScriptStatus(t *testing.T) {
	constants, err := os.ReadFile("status.go")
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`(?m)^\t(Status\w+) = (-\d+)$`).FindAllStringSubmatch(string(constants), -1)
	if len(want) != 15 {
		t.Fatalf("status.go has %d codes", len(want))
	}
	text := askForScript("GET").Body.String()
	for _, m := range want {
		if !strings.Contains(text, "\t"+m[1]+": "+m[2]+",") {
			t.Errorf("the script lacks %s = %s", m[1], m[2])
		}
	}
}
