package stats_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/stats"
)

// A recorder gives each handler its own time, and the route all of it.
func TestRecorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := httptest.NewRequest("GET", "/u/5", nil)
		failed := errors.New("failed")
		rec := stats.Begin(r, "/u/:ID", 1)
		time.Sleep(time.Second)
		rec.Handler("*app.Auth", nil, false)
		time.Sleep(20 * time.Second)
		rec.Handler("*app.Show", failed, true)
		time.Sleep(300 * time.Second)
		logs := bytes.NewBufferString("logged")
		got := rec.End(404, 17, logs)
		if got.Request != r || got.MatchedPath != "/u/:ID" || got.ResponseCode != 404 || got.ResponseSize != 17 || got.Logs != logs || got.TotalDuration != 321*time.Second {
			t.Errorf("got %+v", got)
		}
		want := []stats.Handler{{"*app.Auth", time.Second, nil, false}, {"*app.Show", 20 * time.Second, failed, true}}
		if len(got.Handlers) != 2 || got.Handlers[0] != want[0] || got.Handlers[1] != want[1] {
			t.Errorf("got %+v, want %+v", got.Handlers, want)
		}
	})
}

func TestRecorderWithoutLogs(t *testing.T) {
	got := stats.Begin(httptest.NewRequest("GET", "/", nil), "", 0).End(200, 0, nil)
	if got.Logs == nil || got.Logs.Len() != 0 || got.Handlers == nil || len(got.Handlers) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestNilRecorder(t *testing.T) {
	var rec *stats.Recorder
	rec.Handler("x", nil, true)
	if got := rec.End(200, 5, new(bytes.Buffer)); got.Request != nil || got.ResponseCode != 0 || got.Handlers != nil || got.Logs != nil {
		t.Errorf("got %+v", got)
	}
}

func printed() (stats.Route, string) {
	r := httptest.NewRequest("PUT", "/u/5?x=%20y", nil)
	r.RemoteAddr = "192.0.2.1:1234"
	return stats.Route{
			Request: r, MatchedPath: "/u/:ID", TotalDuration: 1500 * time.Microsecond, ResponseSize: 42, ResponseCode: 201,
			Handlers: []stats.Handler{{"*app.Auth", time.Millisecond, nil, false}, {"*app.Show", 250 * time.Nanosecond, errors.New("x"), true}},
		}, "PUT 192.0.2.1:1234 /u/:ID /u/5?x=%20y 1.5ms 42 201\n" +
			"\t 0   *app.Auth   1ms\n" +
			"\t 1   *app.Show   250ns\n" +
			"\n"
}

func TestFprint(t *testing.T) {
	route, want := printed()
	var b bytes.Buffer
	stats.Fprint(&b, route)
	if b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
	b.Reset()
	route.Handlers, route.MatchedPath = nil, ""
	stats.Fprint(&b, route)
	if want := "PUT 192.0.2.1:1234  /u/5?x=%20y 1.5ms 42 201\n\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

// A record is one write, so that those of requests at one time do not mix.
func TestFprintWritesOnce(t *testing.T) {
	route, _ := printed()
	writes := 0
	stats.Fprint(writerFunc(func(p []byte) (int, error) {
		writes++
		return len(p), nil
	}), route)
	if writes != 1 {
		t.Errorf("%d writes", writes)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestPrint(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stdout := os.Stdout
	os.Stdout = w
	route, want := printed()
	stats.Print(route)
	os.Stdout = stdout
	w.Close()
	if got, err := io.ReadAll(r); string(got) != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

var _ stats.Callback = stats.Print

func BenchmarkRecorder(b *testing.B) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		rec := stats.Begin(r, "/", 1)
		rec.Handler("*app.Show", nil, false)
		rec.End(200, 0, nil)
	}
}

// What a WebSocket session did is a part of the record, and a line of what is printed.
func TestSession(t *testing.T) {
	rec := stats.Begin(httptest.NewRequest("GET", "/ws", nil), "/ws", 1)
	session := stats.Session{MessagesRead: 2, BytesRead: 10, MessagesWritten: 3, BytesWritten: 30, Duration: time.Second, CloseCode: 1001}
	rec.Session(session)
	got := rec.End(101, 0, nil)
	if got.Session == nil || *got.Session != session {
		t.Errorf("got %+v", got.Session)
	}
	got.TotalDuration = 0
	var b bytes.Buffer
	stats.Fprint(&b, got)
	want := "GET 192.0.2.1:1234 /ws /ws 0s 0 101\n\t websocket  read 2 messages, 10 bytes; written 3 messages, 30 bytes; 1s; closed 1001\n\n"
	if b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
	var none *stats.Recorder
	none.Session(session)
}
