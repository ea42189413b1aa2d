package gongtest_test

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/gongtest"
)

// leaker starts goroutines that wait for the end of stop.
func leaker(n int, stop chan struct{}) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range n {
			go waitFor(stop)
		}
	})
}

func waitFor(stop chan struct{}) { <-stop }

func TestLeakedGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		got := failures(func(t testing.TB) { gongtest.New(t, leaker(2, stop)).GET(`/a?"b"`).Do() })
		if len(got) != 1 || !strings.HasPrefix(got[0], `GET /a?"b": 2 goroutines that it started are still running 5s after the test:`+"\n\t") ||
			!strings.Contains(got[0], "gongtest_test.waitFor\n") || !strings.Contains(got[0], "leftovers_test.go:") {
			t.Errorf("failed with %s", got)
		}
		// What one client's requests leave is no other's fault.
		mustFail(t, nil, func(t testing.TB) { gongtest.New(t, leaker(0, stop)).GET("/").Do() })
		// It may be wanted.
		mustFail(t, nil, func(t testing.TB) {
			gongtest.New(t, leaker(2, stop)).AllowGoroutines("gongtest_test.waitFor").GET("/").Do()
		})
		mustFail(t, []string{"1 goroutine that it started is still running"}, func(t testing.TB) {
			gongtest.New(t, leaker(1, stop)).AllowGoroutines("", "elsewhere").GET("/").Do()
		})
		close(stop)
	})
}

func TestGoroutinesMayEndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done sync.WaitGroup
		mustFail(t, nil, func(t testing.TB) {
			gongtest.New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				done.Go(func() { time.Sleep(3 * time.Second) })
				done.Go(func() { <-r.Context().Done() })
			})).GET("/").Do()
		})
		done.Wait()
	})
}

// A cleanup that was given after New runs before the check.
func TestCleanupBeforeTheCheck(t *testing.T) {
	mustFail(t, nil, func(t testing.TB) {
		stop := make(chan struct{})
		c := gongtest.New(t, leaker(1, stop))
		t.Cleanup(func() { close(stop) })
		c.GET("/").Do()
	})
}

// A request that still runs is left behind itself.
func TestRequestStillRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		mustFail(t, []string{"GET /hang: 1 goroutine that it started is still running"}, func(t testing.TB) {
			c := gongtest.New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-stop }))
			go c.GET("/hang").Do()
			synctest.Wait()
		})
		close(stop)
	})
}

// keep parses the form as a handler does that forgets to remove its files.
func keep(w http.ResponseWriter, r *http.Request) (*multipart.Form, error) {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	return multipart.NewReader(r.Body, params["boundary"]).ReadForm(0)
}

func TestLeakedFiles(t *testing.T) {
	t.Parallel()
	contents := strings.Repeat(t.Name(), 1000)
	for name, upload := range map[string]func(c *gongtest.Client) *gongtest.Request{
		"one": func(c *gongtest.Client) *gongtest.Request { return c.POST("/up").File("f", "x", []byte(contents)) },
		"many": func(c *gongtest.Client) *gongtest.Request {
			return c.POST("/up").File("f", "x", []byte("aa")).File("g", "y", []byte("bbb"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var form *multipart.Form
			defer func() {
				if form != nil {
					form.RemoveAll()
				}
			}()
			synctest.Test(t, func(t *testing.T) {
				got := failures(func(t testing.TB) {
					upload(gongtest.New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						var err error
						if form, err = keep(w, r); err != nil {
							http.Error(w, err.Error(), 400)
						}
					}))).Do().Expect(200)
				})
				// mime/multipart may put all parts into one file.
				if len(got) == 0 || !strings.HasPrefix(got[0], "POST /up: an uploaded file was not removed: "+os.TempDir()) {
					t.Errorf("failed with %q", got)
				}
			})
		})
	}
}

// Files of others that come and stay meanwhile are not charged to a request, nor
// are those that net/http removes.
func TestOtherFiles(t *testing.T) {
	t.Parallel()
	var others []string
	mustFail(t, nil, func(tb testing.TB) {
		c := gongtest.New(tb, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, content := range []string{"something else", ""} {
				f, err := os.CreateTemp("", "multipart-")
				if err != nil {
					t.Error(err)
					return
				}
				others = append(others, f.Name())
				io.WriteString(f, content)
				f.Close()
			}
			if err := r.ParseMultipartForm(0); err != nil {
				http.Error(w, err.Error(), 400)
			}
		}))
		c.POST("/").File("f", "x", []byte(t.Name())).Do().Expect(200)
		c.POST("/").Body("multipart/form-data; boundary=x", strings.NewReader("--x")).Do().Expect(400)
	})
	for _, name := range others {
		os.Remove(name)
	}
}

// An engine leaves nothing: no file of an upload, whatever becomes of it.
func TestEngineLeavesNothing(t *testing.T) {
	t.Parallel()
	e := gongular.NewEngine(gongular.Options{MaxFormMemory: 1, ProblemErrors: true})
	e.POST("/up", &upload{})
	c := gongtest.New(t, e)
	big := []byte(strings.Repeat(t.Name(), 1000))
	c.POST("/up").File("File", "x", big).Do().Expect(200)
	c.POST("/up").File("File", "x", big).Query("fail", "1").Do().Expect(500)
	c.POST("/up").File("Other", "x", big).Do().Expect(400)
	c.POST("/up").File("File", "x", big).Query("n", "x").Do().Expect(400)
}

type upload struct {
	Query struct {
		Fail bool `q:"fail"`
		N    int  `q:"n"`
	}
	Form struct{ File *gongular.UploadedFile }
}

func (u *upload) Handle(c *gongular.Context) error {
	if u.Query.Fail {
		panic("oh")
	}
	c.SetBody(u.Form.File.Header.Size)
	return nil
}

// Clients of parallel tests, and of several goroutines, do not disturb each other.
func TestConcurrentClients(t *testing.T) {
	for range 4 {
		t.Run("client", func(t *testing.T) {
			t.Parallel()
			c := gongtest.New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := r.ParseMultipartForm(0); err != nil {
					http.Error(w, err.Error(), 400)
					return
				}
				done := make(chan struct{})
				go func() {
					defer close(done)
					fmt.Fprint(w, len(r.MultipartForm.File))
				}()
				<-done
			}))
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if res := c.POST("/").File("f", "x", []byte("the same")).Do(); res.Text() != "1" {
						t.Errorf("got %s", res.Text())
					}
				})
			}
			all.Wait()
		})
	}
}
