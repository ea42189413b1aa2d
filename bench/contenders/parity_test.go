package contenders_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gongular/gongular/bench/contenders"
	"github.com/gongular/gongular/bench/scenarios"
)

// Before anything is measured: all contenders give the same status and the same
// JSON to good and to bad requests, but for the differences that the cases list.
func TestParity(t *testing.T) {
	for _, c := range contenders.All() {
		t.Run(c.Name(), func(t *testing.T) {
			for _, s := range scenarios.All() {
				t.Run(s.Name, func(t *testing.T) { checkScenario(t, c, s) })
			}
		})
	}
}

func checkScenario(t *testing.T, c scenarios.Contender, s scenarios.Scenario) {
	scenarios.Stats.Take()
	ask := asker(t, c, s.Name)
	asked := 0
	for _, test := range s.Cases {
		t.Run(test.Name, func(t *testing.T) {
			other, differs := test.Except[c.Name()]
			if differs && other.Status == 0 {
				return
			}
			asked++
			status, contentType, body := ask(t, test.Request)
			if differs {
				if status != other.Status {
					t.Errorf("status %d and %s; the table says it is %d, because it %s", status, body, other.Status, other.Why)
				}
				return
			}
			if status != test.Status {
				t.Errorf("status %d and %s, want %d", status, body, test.Status)
			}
			if test.JSON == "" {
				return
			}
			if !strings.HasPrefix(contentType, "application/json") {
				t.Errorf("Content-Type %q", contentType)
			}
			var got, want any
			if err := json.Unmarshal([]byte(test.JSON), &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(body), &got); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("body %s, want %s", body, test.JSON)
			}
		})
	}
	if s.Name == "stats" {
		checkStats(t, asked)
	}
}

// asker returns what asks the contender: in process where it stands on
// net/http, and else over loopback.
func asker(t *testing.T, c scenarios.Contender, scenario string) func(*testing.T, scenarios.Request) (status int, contentType, body string) {
	if h := c.Handler(scenario); h != nil {
		return func(t *testing.T, r scenarios.Request) (int, string, string) {
			req := httptest.NewRequest(r.Method, r.Target, strings.NewReader(r.Body))
			if r.ContentType != "" {
				req.Header.Set("Content-Type", r.ContentType)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, req)
			if req.MultipartForm != nil {
				req.MultipartForm.RemoveAll() // as a server does
			}
			return w.Code, w.Header().Get("Content-Type"), w.Body.String()
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- contenders.Serve(c, scenario, l) }()
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		l.Close()
		if err := <-served; err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return func(t *testing.T, r scenarios.Request) (int, string, string) {
		req, err := http.NewRequest(r.Method, "http://"+l.Addr().String()+r.Target, strings.NewReader(r.Body))
		if err != nil {
			t.Fatal(err)
		}
		if r.ContentType != "" {
			req.Header.Set("Content-Type", r.ContentType)
		}
		response, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, response.Header.Get("Content-Type"), string(body)
	}
}

// checkStats sees that there was a record of each request. (It is made after
// the answer was sent, but before the connection serves the next.)
func checkStats(t *testing.T, requests int) {
	n, sum := scenarios.Stats.Take()
	if n < requests-1 || n > requests {
		t.Errorf("%d records of %d requests", n, requests)
	}
	if sum.Method != "PUT" || !strings.HasSuffix(sum.Pattern, "ID}") && !strings.HasSuffix(sum.Pattern, ":ID") || sum.Status < 200*n || sum.Size < 10*n || sum.Duration <= 0 {
		t.Errorf("the records add up to %+v", sum)
	}
}

// The differences that cases list are those of contenders that there are.
func TestExceptions(t *testing.T) {
	var names []string
	for _, c := range contenders.All() {
		names = append(names, c.Name())
	}
	for _, s := range scenarios.All() {
		for _, test := range s.Cases {
			for _, name := range slices.Sorted(maps.Keys(test.Except)) {
				if !slices.Contains(names, name) {
					t.Errorf("%s, %s: %q is no contender", s.Name, test.Name, name)
				}
			}
		}
	}
}

func TestFind(t *testing.T) {
	if c, err := contenders.Find("gin"); err != nil || c.Name() != "gin" {
		t.Errorf("got %v, %v", c, err)
	}
	if _, err := contenders.Find("gim"); err == nil {
		t.Error("found a contender that there is not")
	}
	if n := len(contenders.NetHTTP()); n != len(contenders.All())-1 {
		t.Errorf("%d contenders on net/http", n)
	}
}
