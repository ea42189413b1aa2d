package scenarios

import (
	"reflect"
	"testing"
	"time"
)

func TestRoutes(t *testing.T) {
	routes := Routes()
	if len(routes) != 200 {
		t.Errorf("%d routes", len(routes))
	}
	seen := map[Route]bool{}
	for _, r := range routes {
		if seen[r] {
			t.Errorf("%v is there twice", r)
		}
		seen[r] = true
	}
	r := Route{"GET", "/users/{user}/following/{target}"}
	if r.Colon() != "/users/:user/following/:target" || r.Example() != "/users/user/following/target" {
		t.Errorf("got %q and %q", r.Colon(), r.Example())
	}
}

// What is measured is among the cases, and answered as a good request unless
// the scenario is about bad ones.
func TestMeasured(t *testing.T) {
	var names []string
	for _, s := range Measured() {
		names = append(names, s.Name)
		for _, r := range s.Requests {
			found := false
			for _, c := range s.Cases {
				if c.Request == r {
					found = true
					if (c.Status < 300) != (s.Name != "errors") {
						t.Errorf("%s measures %s, which is answered %d", s.Name, c.Name, c.Status)
					}
				}
			}
			if !found {
				t.Errorf("%s measures a request that is not checked", s.Name)
			}
		}
	}
	want := []string{"static", "param", "query", "body", "full", "form", "upload", "routes", "wildcards", "middleware", "errors", "stats"}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	if _, err := Find("nothing"); err == nil || err.Error() != `no scenario "nothing"` {
		t.Errorf("got %v", err)
	}
	if s, err := Find("wildcards"); err != nil || len(s.Requests) < 100 || len(s.Requests) >= 200 {
		t.Errorf("%d routes with wildcards, %v", len(s.Requests), err)
	}
}

func TestSink(t *testing.T) {
	var s Sink
	s.Add(Record{"GET", "/a", 200, 5, time.Second})
	s.Add(Record{"PUT", "/b", 404, 7, time.Minute})
	if n, sum := s.Take(); n != 2 || sum != (Record{"PUT", "/b", 604, 12, 61 * time.Second}) {
		t.Errorf("got %d, %+v", n, sum)
	}
	if n, sum := s.Take(); n != 0 || sum != (Record{}) {
		t.Errorf("got %d, %+v", n, sum)
	}
}

func TestStore(t *testing.T) {
	if got := NewStore().Save(7, 42, true, "en", "x"); got != (Answer{107042, "en:x"}) {
		t.Errorf("got %+v", got)
	}
}
