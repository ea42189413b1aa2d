package client_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular"
	"github.com/gongular/gongular/mego"
	"github.com/gongular/gongular/mego/client"
	"github.com/gongular/gongular/mego/internal/wire"
	"github.com/gongular/gongular/mego/msgpack"
)

// echo is an engine whose method Echo returns its parameters, as they came.
func echo() *mego.Engine {
	e := mego.New()
	e.Register("Echo", func(c *mego.Context) {
		var v any
		if err := c.Bind(&v); err != nil {
			c.Respond("nothing")
			return
		}
		c.Respond(v)
	})
	return e
}

// 15.4: a request is ended once, and Call never panics.
func TestEndOnce(t *testing.T) {
	s := serve(t, echo())
	c := s.connect(t)
	r := c.Call("Echo")
	must(t, r.End())
	if r.ID == 0 {
		t.Error("the request has no number")
	}
	want(t, r.End(), client.ErrSent, "")
	want(t, r.EndStruct(new(int)), client.ErrSent, "")
	want(t, r.Notify(), client.ErrSent, "")
	r = c.Call("Echo")
	must(t, r.Notify())
	want(t, r.End(), client.ErrSent, "")

	var none *client.Request
	want(t, none.Send(1).SendFile([]byte("x")).SendFiles([]any{1}).SendFileChunks(1).Progress(nil).End(), client.ErrEmptyRequest, "")
	want(t, none.EndStruct(new(int)), client.ErrEmptyRequest, "")
	want(t, none.Notify(), client.ErrEmptyRequest, "")
	want(t, none.Resume(t.Context(), nil), client.ErrEmptyRequest, "")
	want(t, (*client.Client)(nil).Call("x").End(), client.ErrClosed, "")
	want(t, (*client.Client)(nil).Call("x").Notify(), client.ErrClosed, "")
	want(t, new(client.Request).End(), client.ErrClosed, "")
	want(t, client.New("localhost").Call("x").End(), client.ErrClosed, "mego: the connection is closed")
	want(t, new(client.Client).Call("x").Send(func() {}).End(), nil, "mego: the parameters cannot be encoded: msgpack: cannot encode func()")
	if _, err := client.Call[int](t.Context(), nil, "x"); !errors.Is(err, client.ErrClosed) {
		t.Errorf("got error %v", err)
	}
}

// 15.5: what becomes of parameters.
func TestSend(t *testing.T) {
	c := serve(t, echo()).connect(t)
	type point struct{ X, Y int }
	for _, test := range []struct {
		name string
		in   any
		want any
	}{
		{"none", nil, "nothing"},
		{"list", []int{3, 5}, []any{int64(3), int64(5)}},
		{"struct", point{1, 2}, map[string]any{"X": int64(1), "Y": int64(2)}},
		{"map", client.H{"a": nil}, map[string]any{"a": nil}},
		{"bytes", []byte("abc"), []byte("abc")},
		{"scalar", 7, int64(7)},
		{"JSON array", ` [1, "two", 3.5, -4, true, null] `, []any{int64(1), "two", 3.5, int64(-4), true, nil}},
		{"JSON object", `{"a": {"b": [1e3, 9223372036854775807, 18446744073709551615]}}`,
			map[string]any{"a": map[string]any{"b": []any{1000.0, int64(math.MaxInt64), uint64(math.MaxUint64)}}}},
		{"JSON of great numbers", `[18446744073709551616, -0]`, []any{18446744073709551616.0, int64(0)}},
		{"JSON scalar", `"text"`, "text"},
		{"JSON null", `null`, "nothing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got any
			must(t, c.Call("Echo").Send(test.in).EndStruct(&got))
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %#v, want %#v", got, test.want)
			}
		})
	}
	for text, message := range map[string]string{
		"":        "unexpected EOF",
		"[1,":     "unexpected EOF",
		"[1] 2":   "something follows the value",
		"[1]]":    "something follows the value",
		"{1: 2}":  "invalid character '1' looking for beginning of object key string",
		"[1e999]": `strconv.ParseFloat: parsing "1e999": value out of range`,
		`{"a":1e99` + strings.Repeat("9", 5) + `}`: `strconv.ParseFloat: parsing "1e9999999": value out of range`,
	} {
		want(t, c.Call("Echo").Send(text).Send([]int{1}).End(), nil, "mego: the parameters are not JSON: "+message)
	}
	// Params may be set directly, where a string is one.
	r := c.Call("echo")
	r.Params = "[1]"
	var got any
	if err := r.EndStruct(&got); err != nil || got != "[1]" {
		t.Errorf("got %v, %v", got, err)
	}
}

// 15.6: results and errors.
func TestEndStruct(t *testing.T) {
	e := echo()
	e.Register("Fail", func(c *mego.Context) {
		c.RespondWithError(7, mego.H{"field": "name"}, errors.New("so not"))
	})
	e.Register("Nil", func(c *mego.Context) {})
	c := serve(t, e).connect(t)

	var user struct {
		Name string `json:"name"`
		Age  int
	}
	must(t, c.Call("Echo").Send(client.H{"name": "ada", "Age": 36, "more": 1}).EndStruct(&user))
	if user.Name != "ada" || user.Age != 36 {
		t.Errorf("got %+v", user)
	}
	want(t, c.Call("Echo").Send([]any{"x"}).EndStruct(&user), nil, "mego: the result: msgpack: cannot decode array into struct { Name string \"json:\\\"name\\\"\"; Age int } (byte 0)")
	want(t, c.Call("Echo").EndStruct(user), nil, "mego: the result: msgpack: cannot decode into struct { Name string \"json:\\\"name\\\"\"; Age int }; a pointer is needed")
	p := &user
	must(t, c.Call("Nil").EndStruct(&p))
	if p != nil || user.Name != "ada" {
		t.Errorf("got %+v, %+v", p, user)
	}

	err := c.Call("Fail").EndStruct(&user)
	wantError(t, err, 7, "so not")
	failed, _ := errors.AsType[client.Error](err)
	var data struct{ Field string }
	if err := failed.Bind(&data); err != nil || data.Field != "name" {
		t.Errorf("data %+v, %v", data, err)
	}
	want(t, failed.Bind(new(int)), nil, "mego: the data of the error: msgpack: cannot decode map into int (byte 0)")
	data.Field = "stays"
	must(t, client.Error{Code: 1}.Bind(&data))
	if data.Field != "stays" {
		t.Error("no data became some")
	}
}

// Typed calls, and what their parameters become.
func TestCall(t *testing.T) {
	c := serve(t, echo()).connect(t)
	type point struct{ X, Y int }
	for _, test := range []struct {
		in   []any
		want any
	}{
		{nil, "nothing"},
		{[]any{3, 5}, []any{int64(3), int64(5)}},
		{[]any{"text"}, []any{"text"}},
		{[]any{nil}, []any{nil}},
		{[]any{[]int{1}}, []any{[]any{int64(1)}}},
		{[]any{point{1, 2}}, map[string]any{"X": int64(1), "Y": int64(2)}},
		{[]any{&point{1, 2}}, map[string]any{"X": int64(1), "Y": int64(2)}},
		{[]any{point{1, 2}, 3}, []any{map[string]any{"X": int64(1), "Y": int64(2)}, int64(3)}},
		{[]any{big(20)}, toAny(big(20))},
		{[]any{msgpack.RawMessage{0xdf, 0, 0, 0, 1, 0xa1, 'a', 1}}, map[string]any{"a": int64(1)}},
	} {
		got, err := client.Call[any](t.Context(), c, "Echo", test.in...)
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%.50v: got %.50v, %v", test.in, got, err)
		}
	}
	if got, err := client.Call[point](t.Context(), c, "Echo", point{1, 2}); err != nil || got != (point{1, 2}) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := client.Call[*point](t.Context(), c, "Echo", "x"); err == nil || got != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := client.Call[point](t.Context(), c, "Echo", map[string]any{"X": 1, "Y": "two"}); got != (point{}) || err == nil || err.Error() != "mego: the result: msgpack: Y: cannot decode string into int (byte 6)" {
		t.Errorf("got %v, %v", got, err)
	}
	_, err := client.Call[any](t.Context(), c, "None")
	wantError(t, err, client.StatusUnimplemented, "mego: the method is not implemented")
	_, err = client.Call[any](t.Context(), c, "Echo", make(chan int))
	want(t, err, nil, "mego: the parameters cannot be encoded: msgpack: cannot encode chan int")
	_, err = client.Call[any](t.Context(), c, "Echo", 1, make(chan int))
	want(t, err, nil, "mego: the parameters cannot be encoded: msgpack: 1: cannot encode chan int")
}

type createUser struct {
	Body struct {
		Name string `json:"name" valid:"required,alphanum"`
		Age  int    `json:"age"`
	}
}

func (h *createUser) Handle(c *gongular.Context) error {
	c.SetBody(map[string]any{"name": h.Body.Name, "age": h.Body.Age})
	return nil
}

// Typed on both ends: a struct is sent, checked, and answered by another.
func TestStructHandlers(t *testing.T) {
	e := mego.New()
	e.Method("CreateUser", &createUser{})
	c := serve(t, e).connect(t)
	type user struct {
		Name string `json:"name"`
		Age  int    `json:"age"`
	}
	if got, err := client.Call[user](t.Context(), c, "CreateUser", user{"ada", 36}); err != nil || got != (user{"ada", 36}) {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err := client.Call[user](t.Context(), c, "CreateUser", user{"a b", 36})
	wantError(t, err, client.StatusInvalid, "Body: validation failed: name: a b does not validate as alphanum")
	failed, _ := errors.AsType[client.Error](err)
	var data struct{ Fields map[string]string }
	if err := failed.Bind(&data); err != nil || len(data.Fields) != 1 || data.Fields["name"] == "" {
		t.Errorf("data %+v, %v", data, err)
	}
	_, err = client.Call[user](t.Context(), c, "CreateUser", client.H{"name": 5})
	wantError(t, err, client.StatusInvalid, "Body: name: cannot decode integer 5 into string")
}

func big(n int) map[string]int {
	m := make(map[string]int, n)
	for i := range n {
		m[fmt.Sprint(i)] = i
	}
	return m
}

func toAny(in map[string]int) any {
	m := make(map[string]any, len(in))
	for key, value := range in {
		m[key] = int64(value)
	}
	return m
}

// 15.6: a call without an answer ends after Timeout or with its context, and a
// late answer is ignored.
func TestGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := echo()
		e.Register("Late", func(c *mego.Context) {
			time.Sleep(time.Minute)
			c.Respond("late")
		})
		c := inMemory(t, e).connect(t)
		start := time.Now()
		want(t, c.Call("Late").End(), client.ErrTimeout, "mego: no answer in time")
		r := c.Call("Late")
		r.Option.Timeout = time.Second
		want(t, r.End(), client.ErrTimeout, "")
		r = c.Call("Late")
		r.Option = nil
		c.Option.Timeout = 2 * time.Second
		want(t, r.End(), client.ErrTimeout, "")
		_, err := client.Call[string](t.Context(), c, "Late")
		want(t, err, client.ErrTimeout, "")
		c.Option.Timeout = 0
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, io.ErrUnexpectedEOF)
		defer cancel()
		_, err = client.Call[string](ctx, c, "Late")
		want(t, err, context.DeadlineExceeded, "mego: context deadline exceeded")
		want(t, c.Call("Late").EndContext(ctx, nil), context.DeadlineExceeded, "")
		want(t, c.Call("Late").SendFile([]byte("x")).EndContext(ctx, nil), context.DeadlineExceeded, "")
		if took := time.Since(start); took != 21*time.Second {
			t.Errorf("it took %v", took)
		}
		if n := c.Waiting(); n != 0 {
			t.Errorf("%d answers are waited for", n)
		}
		// All late answers come while these wait.
		for range 3 {
			var got string
			if err := c.Call("Late").EndStruct(&got); err != nil || got != "late" {
				t.Errorf("got %q, %v", got, err)
			}
		}
		if got, err := client.Call[[]string](t.Context(), c, "Echo", "on time"); err != nil || got[0] != "on time" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// 15.6: a lost connection ends all calls at once.
func TestLost(t *testing.T) {
	e := echo()
	block := make(chan struct{})
	e.Register("Block", func(c *mego.Context) { <-block })
	s := serve(t, e)
	defer close(block)
	c := s.connect(t)
	errs := make(chan error)
	for range 3 {
		go func() { errs <- c.Call("Block").End() }()
	}
	eventually(t, "three calls wait", func() bool { return c.Waiting() == 3 })
	session, _ := e.Session(c.UUID)
	session.Disconnect()
	for range 3 {
		want(t, wait(t, errs), client.ErrClosed, "mego: the connection is closed: websocket: close 1000 (normal closure): mego: disconnected by the server")
	}
	want(t, c.Call("Block").End(), client.ErrClosed, "mego: the connection is closed")
}

// A server that does not read holds nobody up.
func TestNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		c := inMemory(t, scripted(t, func(p *peer) {
			<-over
			for range 2 { // the one whose context has ended is not sent
				if r, ok := p.read(); ok && r.Method != "First" && r.Method != "Last" {
					t.Errorf("%s is sent", r.Method)
				}
			}
			p.drain()
		})).connect(t)
		want(t, c.Call("First").End(), client.ErrTimeout, "") // stays half sent
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error)
		go func() { errs <- c.Call("Second").EndContext(ctx, nil) }()
		synctest.Wait()
		cancel()
		want(t, <-errs, context.Canceled, "mego: context canceled")
		r := c.Call("Third")
		r.Option.Timeout = time.Second
		want(t, r.Notify(), client.ErrTimeout, "")
		go func() { errs <- c.Call("Fourth").End() }()
		synctest.Wait()
		go func() { errs <- c.Call("First again").EndContext(t.Context(), nil) }()
		synctest.Wait()
		go c.Close()
		for range 2 {
			want(t, <-errs, client.ErrClosed, "")
		}
		close(over)
	})
}

// What waits for the connection learns that it is lost, too: who writes, and who
// waits to write.
func TestLostWhileWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		c := inMemory(t, scripted(t, func(p *peer) {
			<-over
			p.conn.CloseNow()
		})).connect(t)
		errs := make(chan error)
		for range 3 {
			go func() { errs <- c.Call("x").End() }()
		}
		go func() { errs <- c.Call("x").Notify() }()
		synctest.Wait()
		close(over)
		for range 4 {
			want(t, <-errs, client.ErrClosed, "")
		}
	})
}

// A notification has no answer, and its files arrive.
func TestNotify(t *testing.T) {
	e := echo()
	got := make(chan string, 10)
	e.Register("Note", func(c *mego.Context) {
		text := fmt.Sprint(c.ID, " ", c.Param(0).GetString())
		if f, err := c.GetFile(); err == nil {
			text += fmt.Sprint(" ", f.Size)
		}
		got <- text
		c.Respond("nobody hears")
	})
	c := serve(t, e).connect(t)
	must(t, c.Call("Note").Send([]string{"first"}).Notify())
	wantNext(t, got, "0 first")
	must(t, c.Call("Note").SendFile([]byte("abc")).Send([]string{"second"}).Notify())
	wantNext(t, got, "0 second 3")
	want(t, c.Call("Note").SendFile(5).Notify(), nil, "mego: the file cannot be read: a int is no path, *os.File, []byte or io.Reader")
	want(t, c.Call("Note").SendFileChunks([]byte("abc")).Notify(), nil, "mego: a file in chunks needs answers")
}

// files is an engine whose method Files tells what has arrived.
func files() *mego.Engine {
	e := mego.New()
	e.Register("Files", func(c *mego.Context) {
		fields := c.Param(0).GetStringSlice()
		var told []string
		for _, field := range fields {
			list, err := c.GetFiles(field)
			if err != nil {
				told = append(told, field+": "+err.Error())
			}
			for _, f := range list {
				content, _ := os.ReadFile(f.Path)
				told = append(told, fmt.Sprintf("%s: %s %q", field, f.FullName(), content))
			}
		}
		c.Respond(told)
	})
	return e
}

// 15.7: where files come from, their names and fields.
func TestSendFile(t *testing.T) {
	c := serve(t, files()).connect(t)
	path := filepath.Join(t.TempDir(), "notes.txt")
	must(t, os.WriteFile(path, []byte("all of it"), 0o600))
	open, err := os.Open(path)
	must(t, err)
	defer open.Close()
	open.Seek(4, io.SeekStart)

	var got []string
	must(t, c.Call("Files").Send([][]string{{"File1", "File2", "Named", "File3", "File4", "File5"}}).
		SendFile(path).
		SendFile(open, "Named").
		SendFile([]byte("bytes")).
		SendFiles([]any{strings.NewReader("reader"), []byte("more")}, "Named").
		SendFiles([]any{bytes.NewBufferString("a buffer"), iotest.OneByteReader(strings.NewReader("slow"))}, "").
		EndStruct(&got))
	want := []string{
		`File1: notes.txt "all of it"`,
		`File2:  "bytes"`,
		`Named: notes.txt "of it"`, `Named:  "reader"`, `Named:  "more"`,
		`File3:  "a buffer"`,
		`File4:  "slow"`,
		"File5: mego: the file was not found",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	wantError(t, c.Call("Files").SendFile([]byte{}).End(), client.StatusFileEmpty, "mego: the file is empty")
}

// 15.7: what cannot be read is an error of End, and nothing is sent.
func TestSendFileErrors(t *testing.T) {
	s := serveHandler(t, scripted(t, func(p *peer) {
		if r, ok := p.read(); ok {
			t.Errorf("the client sent %+v", r)
		}
	}))
	c := s.connect(t)
	none := filepath.Join(t.TempDir(), "none")
	wantSuffix := func(err error, suffix string) {
		t.Helper()
		if err == nil || !strings.HasPrefix(err.Error(), "mego: the file cannot be read: ") || !strings.HasSuffix(err.Error(), suffix) {
			t.Errorf("got error %v, want %q", err, suffix)
		}
	}
	wantSuffix(c.Call("Files").SendFile(none).SendFile([]byte("x")).End(), "no such file or directory")
	wantSuffix(c.Call("Files").SendFile(filepath.Dir(none)).End(), "is a directory")
	wantSuffix(c.Call("Files").SendFile((*os.File)(nil)).End(), "invalid argument")
	wantSuffix(c.Call("Files").SendFile(iotest.ErrReader(errors.New("broken"))).End(), "broken")
	wantSuffix(c.Call("Files").SendFile(nil).End(), "a <nil> is no path, *os.File, []byte or io.Reader")
	wantSuffix(c.Call("Files").SendFiles([]any{[]byte("x"), 5}).End(), "a int is no path, *os.File, []byte or io.Reader")
	r := c.Call("Files")
	r.Files = map[string][]*client.File{"a": {nil}}
	want(t, r.End(), nil, `mego: a file of field "a" is nil`)
}

// 15.7: numbers count up, files may be given as they are sent, with a sum.
func TestFileNumbers(t *testing.T) {
	requests := make(chan wire.Request, 10)
	s := serveHandler(t, scripted(t, func(p *peer) {
		for {
			r, ok := p.read()
			if !ok {
				return
			}
			requests <- r
			p.reply(r, nil)
		}
	}))
	c := s.connect(t)
	must(t, c.Call("a").SendFile([]byte("1")).SendFile([]byte("2")).End())
	r := c.Call("b").SendFile([]byte("3"))
	r.Files["Own"] = []*client.File{{Binary: []byte("4"), ID: 70, Name: "own"}}
	r.Option.Checksum = true
	must(t, r.End())
	first, second := <-requests, <-requests
	sum := func(text string) []byte { s := sha256.Sum256([]byte(text)); return s[:] }
	if got, want := first.Fields, ([]wire.Field{{Name: "File1", Files: []wire.File{{Binary: []byte("1"), ID: 1}}}, {Name: "File2", Files: []wire.File{{Binary: []byte("2"), ID: 2}}}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := second.Fields, ([]wire.Field{{Name: "File1", Files: []wire.File{{Binary: []byte("3"), ID: 3, Sum: sum("3")}}}, {Name: "Own", Files: []wire.File{{Binary: []byte("4"), ID: 70, Name: "own", Sum: sum("4")}}}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A wrong sum is refused by the server, a right one is not.
func TestChecksum(t *testing.T) {
	s := serve(t, files())
	c := s.connect(t)
	c.Option.Checksum = true
	must(t, c.Call("Files").SendFile([]byte("abc")).End())
	r := c.Call("Files")
	r.Files = map[string][]*client.File{"File1": {{Binary: []byte("abc"), Sum: make([]byte, 32)}}}
	wantError(t, r.End(), client.StatusInvalid, "mego: the file does not have the SHA-256 that was given")
}

// Progress of whole files is told once, when they have arrived.
func TestProgress(t *testing.T) {
	s := serve(t, files())
	c := s.connect(t)
	var told []int64
	progress := func(sent, total int64) { told = append(told, sent, total) }
	must(t, c.Call("Files").SendFile([]byte("abc")).SendFile([]byte("de")).Progress(progress).End())
	wantError(t, c.Call("None").SendFile([]byte("abc")).Progress(progress).End(), client.StatusUnimplemented, "mego: the method is not implemented")
	must(t, c.Call("Files").Progress(progress).End())
	if !reflect.DeepEqual(told, []int64{5, 5}) {
		t.Errorf("told %v", told)
	}
}

// A message of the server's as a Response.
func TestResponse(t *testing.T) {
	var r client.Response
	data := encode(t, client.H{"v": "said", "r": []int{1}, "e": client.H{"c": 5, "m": "no", "d": "x"}, "i": 7})
	must(t, msgpack.Unmarshal(data, &r))
	want := client.Response{Event: "said", Result: []byte{0x91, 1}, Error: client.Error{Code: 5, Message: "no", Data: []byte{0xa1, 'x'}}, ID: 7}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got %+v, want %+v", r, want)
	}
	err := msgpack.Unmarshal([]byte{0x81, 0xa1, 'i', 0xa1, 'x'}, &r)
	if err == nil || !strings.Contains(err.Error(), "mego: malformed message: the number is not an integer") {
		t.Errorf("got error %v", err)
	}
}
