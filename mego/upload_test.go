package mego_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/mego"
)

// describe answers with what the files of a request are.
func describe(c *mego.Context) {
	files, err := c.GetFiles()
	if err != nil {
		c.RespondWithError(mego.StatusNotFound, nil, err)
		return
	}
	var list []any
	for _, f := range files {
		data, err := os.ReadFile(f.Path)
		if err != nil {
			data = []byte(err.Error())
		}
		text := string(data)
		if len(text) > 50 {
			text = fmt.Sprint(len(text))
		}
		list = append(list, []any{f.Name, f.Extension, f.Size, text})
	}
	c.Respond(list)
}

func fileOf(name, content string, more ...any) m {
	f := m{"b": []byte(content), "n": name, "i": 1}
	for i := 0; i+1 < len(more); i += 2 {
		f[more[i].(string)] = more[i+1]
	}
	return f
}

// Rules 10.1 to 10.5, 10.7: whole files.
func TestFiles(t *testing.T) {
	e := mego.New()
	e.Register("describe", describe)
	e.Register("field", func(c *mego.Context) {
		var names []any
		for _, name := range []string{"b", "B", "c", "none"} {
			f, err := c.GetFile(name)
			if err != nil {
				names = append(names, err.Error())
				continue
			}
			names = append(names, f.FullName())
		}
		f := c.MustGetFile()
		if f.Keys == nil {
			t.Error("no Keys")
		}
		c.Respond(append(names, f.FullName(), len(c.MustGetFiles("b"))))
	})
	e.Register("none", func(c *mego.Context) {
		mustPanic(t, mego.ErrFileNotFound.Error(), func() { c.MustGetFile() })
		mustPanic(t, mego.ErrFileNotFound.Error(), func() { c.MustGetFiles("x") })
		_, err := c.GetFile()
		c.RespondWithError(1, nil, err)
	})
	s := serve(t, e)
	dir := e.Option.TempDir
	c := s.dial(t, 0)
	sum := sha256.Sum256([]byte("two"))
	c.want([]any{[]any{"a", "txt", int64(3), "one"}, []any{"b", "", int64(3), "two"}}, "describe", nil,
		m{"File1": []m{fileOf("a.txt", "one"), fileOf("b", "two", "h", sum[:])}})
	if got := files(t, dir); len(got) != 2 || strings.Contains(strings.Join(got, ""), "txt") {
		t.Errorf("files %q", got)
	}
	for _, path := range files(t, dir) {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
	}
	c.want([]any{"b1.x", "b1.x", "c1", "mego: the file was not found", "c1", int64(2)}, "field", nil,
		m{"b": []m{fileOf("b1.x", "1"), fileOf("b2.x", "2")}, "C": []m{fileOf("c1", "3")}})
	c.wantErr(1, "mego: the file was not found", "none", nil)
	c.wantErr(1, "mego: the file was not found", "none", nil, m{"empty": []m{}})
	c.conn.Close()
	eventually(t, "the files are deleted", func() bool { return len(files(t, dir)) == 0 })
}

// Rule 10.1, rows 30 to 32: files that are refused, and leave nothing.
func TestFilesRefused(t *testing.T) {
	e := mego.New()
	e.Option.MaxFiles, e.Option.MaxFileSize, e.Option.MaxTempSize = 3, 10, 25
	ran := false
	e.Register("never", func(*mego.Context) { ran = true })
	e.Register("larger", describe).Option = &mego.MethodOption{MaxFileSize: -1}
	s := serve(t, e)
	dir := e.Option.TempDir
	c := s.dial(t, 0)
	good := fileOf("good", "x")
	wrong := sha256.Sum256([]byte("y"))
	for _, test := range []struct {
		files []m
		code  int
		want  string
		data  any
	}{
		{[]m{good, fileOf("bad\xff", "")}, mego.StatusFileEmpty, "mego: the file is empty", m{"field": "F", "name": "bad\uFFFD"}},
		{[]m{good, {"n": "bad"}}, mego.StatusFileEmpty, "mego: the file is empty", m{"field": "F", "name": "bad"}},
		{[]m{good, fileOf("bad", strings.Repeat("x", 11))}, mego.StatusFileTooLarge, "mego: the file has 11 bytes, it may have 10", m{"field": "F", "name": "bad"}},
		{[]m{good, fileOf("bad", "x", "h", wrong[:])}, mego.StatusInvalid, "mego: the file does not have the SHA-256 that was given", m{"field": "F", "name": "bad"}},
		{[]m{good, good, good, good}, mego.StatusInvalid, "mego: 4 files in a request, there may be 3", nil},
		{[]m{fileOf("a", "1234567890"), fileOf("b", "1234567890"), fileOf("c", "1234567890")}, mego.StatusResourceExhausted, "mego: the session's files are too large", m{"field": "F", "name": "c"}},
	} {
		a := c.wantErr(test.code, test.want, "never", nil, m{"F": test.files})
		if fmt.Sprint(a.E.D) != fmt.Sprint(test.data) {
			t.Errorf("%s: data %v, want %v", test.want, a.E.D, test.data)
		}
		wantFiles(t, dir, 0)
	}
	restore := mego.FailAppend(1)
	errorLog.take()
	c.wantErr(mego.StatusError, "mego: the file cannot be stored", "never", nil, m{"F": []m{good}})
	restore()
	if got := errorLog.take(); got != "[MEGO] a file cannot be stored: the disk is full\n" {
		t.Errorf("report %q", got)
	}
	if ran {
		t.Error("the method ran")
	}
	c.want([]any{[]any{"long", "", int64(20), strings.Repeat("x", 20)}}, "larger", nil, m{"F": []m{fileOf("long", strings.Repeat("x", 20))}})
}

// The disk refuses folders.
func TestNoTempDir(t *testing.T) {
	e := mego.New()
	e.Register("never", func(*mego.Context) { t.Error("it ran") })
	e.Option.TempDir = filepath.Join(t.TempDir(), "nothing")
	s := serve(t, e)
	c := s.dial(t, 0)
	errorLog.take()
	c.wantErr(mego.StatusError, "mego: the file cannot be stored", "never", nil, m{"F": []m{fileOf("a", "b")}})
	c.wantErr(mego.StatusError, "mego: the file cannot be stored", "never", nil, m{"F": []m{fileOf("a", "b", "p", []int{1, 1})}})
	if got := errorLog.take(); !strings.HasPrefix(got, "[MEGO] a file cannot be stored: stat ") && !strings.HasPrefix(got, "[MEGO] a file cannot be stored: mkdir ") {
		t.Errorf("report %q", got)
	}
}

// The folder is gone while there are files in it.
func TestTempDirGone(t *testing.T) {
	e := mego.New()
	e.Register("describe", describe)
	s := serve(t, e)
	c := s.dial(t, 0)
	c.want([]any{[]any{"a", "", int64(1), "b"}}, "describe", nil, m{"F": []m{fileOf("a", "b")}})
	os.RemoveAll(filepath.Dir(files(t, e.Option.TempDir)[0]))
	c.wantErr(mego.StatusError, "mego: the file cannot be stored", "describe", nil, m{"F": []m{fileOf("a", "b")}})
}

// Rule 10.3, row 33: what becomes of names.
func TestFileNames(t *testing.T) {
	for name, want := range map[string][2]string{
		"photo.png":                       {"photo", "png"},
		"archive.tar.gz":                  {"archive.tar", "gz"},
		"README":                          {"README", ""},
		".bashrc":                         {".bashrc", ""},
		"file.":                           {"file.", ""},
		"../../etc/passwd":                {"passwd", ""},
		`..\..\boot.ini`:                  {"boot", "ini"},
		"..":                              {"", ""},
		".":                               {"", ""},
		"":                                {"", ""},
		"a\x00b\n\x7f.t":                  {"ab", "t"},
		"a\xff.b":                         {"a\uFFFD", "b"},
		strings.Repeat("é", 5000):         {strings.Repeat("é", 127), ""},
		strings.Repeat("x", 5000):         {strings.Repeat("x", 255), ""},
		strings.Repeat("é", 200) + ".jpg": {strings.Repeat("é", 125), "jpg"},
		"a." + strings.Repeat("y", 300):   {"a", strings.Repeat("y", 253)},
	} {
		if base, extension := mego.CleanName(name); base != want[0] || extension != want[1] {
			t.Errorf("%q: %q and %q, want %q", name, base, extension, want)
		}
	}
}

// Rule 10.6: files that are moved and removed.
func TestMoveAndRemove(t *testing.T) {
	e := mego.New()
	out := t.TempDir()
	e.Register("move", func(c *mego.Context) {
		f := c.MustGetFile()
		if err := f.Move(filepath.Join(out, "no", "such")); err == nil || !strings.HasPrefix(err.Error(), "mego: rename ") {
			t.Errorf("Move: %v", err)
		}
		old := f.Path
		dest := filepath.Join(out, c.Param(0).GetString())
		if err := f.Move(dest); err != nil || f.Path != dest {
			t.Errorf("Move: %v, %s", err, f.Path)
		}
		if _, err := os.Stat(old); !os.IsNotExist(err) {
			t.Errorf("the old file: %v", err)
		}
	})
	e.Register("remove", func(c *mego.Context) {
		f := c.MustGetFile()
		for range 2 {
			if err := f.Remove(); err != nil {
				t.Error(err)
			}
		}
		if err := f.Move(filepath.Join(out, "x")); err == nil {
			t.Error("a file that is gone was moved")
		}
		f.Path = out // a folder that is not empty
		if err := f.Remove(); err == nil || !strings.HasPrefix(err.Error(), "mego: remove ") {
			t.Errorf("Remove: %v", err)
		}
		if err := new(mego.File).Remove(); err != nil {
			t.Error(err)
		}
	})
	s := serve(t, e)
	c := s.dial(t, 0)
	os.WriteFile(filepath.Join(out, "taken"), []byte("old"), 0o600)
	c.want(nil, "move", []string{"taken"}, m{"f": []m{fileOf("a", "one")}})
	c.want(nil, "remove", nil, m{"f": []m{fileOf("a", "three")}})
	wantFiles(t, e.Option.TempDir, 0)
	if data, err := os.ReadFile(filepath.Join(out, "taken")); string(data) != "one" {
		t.Errorf("%q, %v", data, err)
	}
}

// Rule 10.6: between two file systems.
func TestMoveByCopying(t *testing.T) {
	defer mego.FailRename()()
	e := mego.New()
	out := t.TempDir()
	e.Register("move", func(c *mego.Context) {
		f := c.MustGetFile()
		if err := f.Move(filepath.Join(out, "no", "such")); err == nil || err.Error() != "mego: another file system" {
			t.Errorf("Move: %v", err)
		}
		os.Mkdir(filepath.Join(out, "dir"), 0o700)
		if err := f.Move(filepath.Join(out, "dir")); err == nil {
			t.Error("a folder was replaced")
		}
		if err := f.Move(filepath.Join(out, "copy")); err != nil {
			t.Error(err)
		}
		gone := &mego.File{Path: filepath.Join(out, "gone")}
		if err := gone.Move(filepath.Join(out, "copy")); err == nil || err.Error() != "mego: another file system" {
			t.Errorf("Move: %v", err)
		}
	})
	c := serve(t, e).dial(t, 0)
	c.want(nil, "move", nil, m{"f": []m{fileOf("a", "two")}})
	wantFiles(t, e.Option.TempDir, 0)
	if data, err := os.ReadFile(filepath.Join(out, "copy")); string(data) != "two" {
		t.Errorf("%q, %v", data, err)
	}
	if entries, _ := os.ReadDir(out); len(entries) != 2 {
		t.Errorf("%v", entries)
	}
}

// piece is a chunk of the file with that number.
func piece(number, total, current int, content string, more ...any) m {
	return m{"File1": []m{fileOf("big.bin", content, append([]any{"i", number, "p", []int{total, current}}, more...)...)}}
}

// next sends a chunk, and sees that the next one is asked for.
func (c *client) next(method string, params any, f m) {
	c.t.Helper()
	if a := c.call(method, params, f); a.V != "MegoChunkNext" || a.E.C != 0 || a.R != nil {
		c.t.Fatalf("got %+v, want MegoChunkNext", a)
	}
}

// again sends a chunk, and compares which one is asked for instead.
func (c *client) again(total, want int, f m) {
	c.t.Helper()
	a := c.wantErr(mego.StatusFileRetry, fmt.Sprintf("mego: go on with chunk %d of %d", want, total), "describe", nil, f)
	if fmt.Sprint(a.E.D) != fmt.Sprint([]int{total, want}) {
		c.t.Fatalf("data %v", a.E.D)
	}
}

// Rules 11.1 to 11.8, rows 36 to 38: chunks in order, twice, and left out.
func TestChunks(t *testing.T) {
	e := mego.New()
	var middleware atomic.Int64
	e.Use(func(c *mego.Context) { middleware.Add(1); c.Next() })
	e.Register("describe", describe)
	e.Register("params", func(c *mego.Context) { c.Respond(c.Param(0).Get()) })
	s := serve(t, e)
	c := s.dial(t, 0)
	c.again(3, 1, piece(1, 3, 2, "bb"))
	c.next("describe", nil, piece(1, 3, 1, "aa"))
	c.next("describe", nil, piece(1, 3, 1, "AA")) // it begins anew
	c.again(3, 2, piece(1, 3, 3, "cc"))
	c.next("DESCRIBE", nil, piece(1, 3, 2, "bb"))
	c.next("describe", nil, piece(1, 3, 2, "xx")) // it is there already
	c.next("describe", nil, piece(2, 2, 1, "other"))
	wantFiles(t, e.Option.TempDir, 2)
	c.send(m{"m": "describe", "f": piece(2, 2, 2, "!")}) // 11.8: no answer
	want := []any{[]any{"big", "bin", int64(6), "AAbbcc"}}
	c.want(want, "describe", nil, piece(1, 3, 3, "cc"))
	eventually(t, "the notification is served", func() bool { return middleware.Load() == 2 })
	c.again(3, 1, piece(1, 3, 3, "cc")) // it is over
	c.want([]any{[]any{"big", "bin", int64(1), "x"}}, "describe", nil, piece(1, 1, 1, "x"))

	// 11.6: whose parameters count.
	c.next("params", nil, piece(3, 3, 1, "a"))
	c.next("params", []any{"second"}, piece(3, 3, 2, "b"))
	c.want("second", "params", nil, piece(3, 3, 3, "c"))
	c.next("params", []any{"first"}, piece(3, 2, 1, "a"))
	c.want("last", "params", []any{"last"}, piece(3, 2, 2, "b"))
	if !(&mego.RawFile{Parts: []int{2, 2}}).Last() || (&mego.RawFile{Parts: []int{2, 1}}).Last() || (&mego.RawFile{}).Last() {
		t.Error("Last")
	}
}

// Rule 11.3, rows 30, 31, 34, 35, 39 to 41: chunks that are refused.
func TestChunksRefused(t *testing.T) {
	e := mego.New()
	e.Option.MaxChunkSize, e.Option.MaxFileSize, e.Option.MaxUploads, e.Option.MaxTempSize = 10, 15, 3, 30
	e.Register("describe", describe)
	e.Register("other", describe)
	s := serve(t, e)
	dir := e.Option.TempDir
	c := s.dial(t, 0)
	const parts = "mego: the parts are not [total, current], from 1"
	for _, test := range []struct {
		name   string
		method string
		files  m
		code   int
		want   string
		left   bool // the upload goes on
	}{
		{"empty", "describe", piece(1, 3, 2, ""), mego.StatusFileEmpty, "mego: the chunk is empty", true},
		{"long chunk", "describe", piece(1, 3, 2, "12345678901"), mego.StatusFileTooLarge, "mego: the chunk has 11 bytes, it may have 10", false},
		{"long file", "describe", piece(1, 3, 2, "1234567890"), mego.StatusFileTooLarge, "mego: the file has more than 15 bytes", false},
		{"other total", "describe", piece(1, 4, 2, "x"), mego.StatusInvalid, "mego: the chunk is of another file", false},
		{"other method", "other", piece(1, 3, 2, "x"), mego.StatusInvalid, "mego: the chunk is of another file", false},
		{"other field", "describe", m{"F2": piece(1, 3, 2, "x")["File1"]}, mego.StatusInvalid, "mego: the chunk is of another file", false},
		{"one part", "describe", m{"File1": []m{fileOf("x", "x", "p", []int{3})}}, mego.StatusInvalid, parts, false},
		{"three parts", "describe", m{"File1": []m{fileOf("x", "x", "p", []int{3, 2, 2})}}, mego.StatusInvalid, parts, false},
		{"total 0", "describe", piece(1, 0, 0, "x"), mego.StatusInvalid, parts, false},
		{"current 0", "describe", piece(1, 3, 0, "x"), mego.StatusInvalid, parts, false},
		{"beyond", "describe", piece(1, 3, 4, "x"), mego.StatusInvalid, parts, false},
		{"negative", "describe", piece(1, -3, -4, "x"), mego.StatusInvalid, parts, false},
		{"two files", "describe", m{"File1": []m{fileOf("x", "x", "p", []int{3, 2}), fileOf("y", "y")}}, mego.StatusInvalid, "mego: a chunk comes alone", true},
		{"two fields", "describe", m{"File1": []m{fileOf("x", "x", "p", []int{3, 2})}, "F2": []m{fileOf("y", "y")}}, mego.StatusInvalid, "mego: a chunk comes alone", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.t = t
			c.next("describe", nil, piece(1, 3, 1, "1234567890"))
			c.wantErr(test.code, test.want, test.method, nil, test.files)
			want := 0
			if test.left {
				want = 1
			}
			wantFiles(t, dir, want)
			if test.left {
				c.next("describe", nil, piece(1, 3, 2, "x"))
			} else {
				c.again(3, 1, piece(1, 3, 2, "x"))
			}
		})
	}
	c.t = t
	c.next("describe", nil, piece(1, 1<<62, 1, "1234567890")) // row 40
	c.next("describe", nil, piece(2, 3, 1, "1234567890"))
	c.next("describe", nil, piece(3, 3, 1, "1234567890"))
	c.wantErr(mego.StatusResourceExhausted, "mego: there are too many unfinished uploads", "describe", nil, piece(4, 3, 1, "x"))
	c.wantErr(mego.StatusResourceExhausted, "mego: the session's files are too large", "describe", nil, piece(3, 3, 2, "x"))
	wantFiles(t, dir, 2)
	c.next("describe", nil, piece(1, 3, 1, "again")) // one that is there is not one more
	c.conn.Close()                                   // row 42
	eventually(t, "the files are deleted", func() bool { return len(files(t, dir)) == 0 })
}

// Rule 11.5: the disk refuses a chunk.
func TestChunkRetry(t *testing.T) {
	e := mego.New()
	e.Register("describe", describe)
	s := serve(t, e)
	c := s.dial(t, 0)
	c.next("describe", nil, piece(1, 2, 1, "aaaa"))
	restore := mego.FailAppend(1)
	c.again(2, 2, piece(1, 2, 2, "bbbb"))
	restore()
	if info, err := os.Stat(files(t, e.Option.TempDir)[0]); err != nil || info.Size() != 4 {
		t.Errorf("%v, %v", info, err)
	}
	c.want([]any{[]any{"big", "bin", int64(8), "aaaabbbb"}}, "describe", nil, piece(1, 2, 2, "bbbb"))
	c.next("describe", nil, piece(1, 2, 1, "aaaa"))
	os.RemoveAll(files(t, e.Option.TempDir)[1])
	for _, file := range files(t, e.Option.TempDir) {
		os.Remove(file)
	}
	c.wantErr(mego.StatusError, "mego: the file cannot be stored", "describe", nil, piece(1, 2, 2, "bbbb"))
	c.again(2, 1, piece(1, 2, 2, "bbbb"))
}

// Point 4: the SHA-256 of the whole file.
func TestChunkSum(t *testing.T) {
	e := mego.New()
	e.Register("describe", describe)
	s := serve(t, e)
	c := s.dial(t, 0)
	sum := sha256.Sum256([]byte("aabb"))
	const wrong = "mego: the file does not have the SHA-256 that was given"
	good := []any{[]any{"big", "bin", int64(4), "aabb"}}
	c.next("describe", nil, piece(1, 2, 1, "aa", "h", sum[:])) // known before
	c.want(good, "describe", nil, piece(1, 2, 2, "bb"))
	c.next("describe", nil, piece(1, 2, 1, "aa")) // known after
	c.want(good, "describe", nil, piece(1, 2, 2, "bb", "h", sum[:]))
	c.next("describe", nil, piece(1, 2, 1, "aa", "h", sum[:]))
	c.wantErr(mego.StatusInvalid, wrong, "describe", nil, piece(1, 2, 2, "bx"))
	c.next("describe", nil, piece(1, 2, 1, "aa"))
	c.wantErr(mego.StatusInvalid, wrong, "describe", nil, piece(1, 2, 2, "bx", "h", sum[:]))
	wantFiles(t, e.Option.TempDir, 2)
}

// Rules 11.4, 7.8: chunks for a function of the application.
func TestChunkHandler(t *testing.T) {
	e := mego.New()
	var got bytes.Buffer
	var dests []*mego.File
	handler := func(c *mego.Context, raw *mego.RawFile, dest *mego.File) mego.ChunkStatus {
		dests = append(dests, dest)
		if dest.Name != "big" || dest.Extension != "bin" || dest.Keys == nil || c.Session.ID != id(0) {
			t.Errorf("dest %+v", dest)
		}
		got.Write(raw.Binary)
		switch text := string(raw.Binary); {
		case text == "abort":
			return mego.ChunkAbort
		case text == "strange":
			return 99
		case text == "answer":
			c.Respond("own answer")
		case text == "panic":
			panic("oh")
		case text == "done" || raw.Last():
			return mego.ChunkDone
		}
		return mego.ChunkNext
	}
	e.HandleChunk(handler)
	finished := func(c *mego.Context) {
		f := c.MustGetFile()
		c.Respond([]any{f == dests[0], f.Size, f.Path, got.String()})
	}
	e.Register("up", finished)
	e.Register("own", finished).ChunkHandler = func(c *mego.Context, raw *mego.RawFile, dest *mego.File) mego.ChunkStatus {
		return mego.ChunkAbort
	}
	s := serve(t, e)
	c := s.dial(t, 0)
	abort := func(method, content string) {
		t.Helper()
		if a := c.call(method, nil, piece(1, 2, 1, content)); a.V != "MegoChunkAbort" || a.E.C != 0 {
			t.Errorf("got %+v", a)
		}
		c.wantErr(mego.StatusFileRetry, "mego: go on with chunk 1 of 2", method, nil, piece(1, 2, 2, "x"))
	}
	c.next("up", nil, piece(1, 2, 1, "ab"))
	c.want([]any{true, int64(4), "", "abcd"}, "up", nil, piece(1, 2, 2, "cd"))
	if len(dests) != 2 || dests[0] != dests[1] {
		t.Errorf("%d calls", len(dests))
	}
	abort("up", "abort")
	abort("up", "strange")
	abort("own", "x")
	dests, got = nil, bytes.Buffer{}
	c.want("own answer", "up", nil, piece(1, 9, 1, "answer"))
	c.want([]any{true, int64(10), "", "answerdone"}, "up", nil, piece(1, 9, 2, "done")) // early
	e.HandleChunk(nil)
	c.next("up", nil, piece(1, 2, 1, "default"))
	e.HandleChunk(handler)
	errorLog.take()
	c.ask("up", nil, piece(1, 2, 2, "panic"))
	c.wantClose(1011, "mego: internal error")
	eventually(t, "the files are deleted", func() bool { return len(files(t, e.Option.TempDir)) == 0 })
}

// Rule 11.9: an upload that pauses too long.
func TestUploadTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := mego.New()
		e.Option.CheckInterval = -1
		e.Register("describe", describe)
		s := inMemory(t, e)
		c := s.dial(t, 0)
		c.next("describe", nil, piece(1, 3, 1, "a"))
		time.Sleep(59 * time.Second)
		c.next("describe", nil, piece(1, 3, 2, "b"))
		time.Sleep(59 * time.Second)
		wantFiles(t, e.Option.TempDir, 1)
		time.Sleep(2 * time.Second)
		wantFiles(t, e.Option.TempDir, 0)
		c.again(3, 1, piece(1, 3, 3, "c"))
	})
}

// Point 4: an upload goes on in the next connection, where that is wanted.
func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := mego.New()
		e.Option.CheckInterval, e.Option.ResumeTimeout, e.Option.MaxTempSize = -1, time.Minute, 8
		e.Register("describe", describe)
		s := inMemory(t, e)
		dir := e.Option.TempDir
		c := s.dial(t, 0)
		c.next("describe", nil, piece(1, 3, 1, "aa"))
		c.next("describe", nil, piece(2, 3, 1, "other"))
		c.conn.Close()
		synctest.Wait()
		wantFiles(t, dir, 2)
		time.Sleep(time.Second)
		s.dial(t, 1).again(3, 1, piece(1, 3, 2, "b")) // somebody else's
		c = s.dial(t, 0)
		c.again(3, 2, piece(1, 3, 3, "c"))
		newer := s.dial(t, 0) // takes over
		newer.next("describe", nil, piece(1, 3, 2, "b"))
		newer.want([]any{[]any{"big", "bin", int64(4), "aabc"}}, "describe", nil, piece(1, 3, 3, "c"))
		newer.next("describe", nil, piece(1, 3, 1, "1234"))
		newer.conn.Close() // no room beside the other one
		synctest.Wait()
		wantFiles(t, dir, 1)
		time.Sleep(time.Minute)
		wantFiles(t, dir, 0)
		last := s.dial(t, 0)
		last.again(3, 1, piece(2, 3, 2, "b"))
		last.next("describe", nil, piece(1, 3, 1, "1"))
		last.conn.Close()
		synctest.Wait()
		wantFiles(t, dir, 1)
		e.Close()
		wantFiles(t, dir, 0)
	})
}

// Point 4: what a process that was killed has left behind is removed; what is
// somebody else's is not.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) string {
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o700)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	dead := write("mego-1.tmp/mego-2")
	foreign := write("mego-3.tmp/notes")
	other := write("mego-4")
	os.Symlink(other, filepath.Join(dir, "mego-3.tmp", "mego-link"))

	running := mego.New()
	running.Option.TempDir = dir
	running.Register("describe", describe)
	s := httptest.NewServer(running)
	defer s.Close()
	c := (&server{url: "ws" + strings.TrimPrefix(s.URL, "http")}).dial(t, 0)
	c.next("describe", nil, piece(1, 2, 1, "alive"))
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
	later := mego.New()
	later.Option.TempDir = dir
	later.Emit("begins", "", 1)
	c.want([]any{[]any{"big", "bin", int64(6), "alive!"}}, "describe", nil, piece(1, 2, 2, "!"))
	for _, path := range []string{foreign, other} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	if err := running.Close(); err != nil {
		t.Error(err)
	}
	later.Close()
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(left) != 1 {
		t.Errorf("left %q", left)
	}
}
