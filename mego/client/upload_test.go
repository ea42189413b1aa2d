package client_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/gongular/gongular/mego"
	"github.com/gongular/gongular/mego/client"
	"github.com/gongular/gongular/mego/internal/wire"
)

// content returns so many bytes that are not all alike.
func content(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

// uploads is an engine whose method Upload tells what has arrived: name, size,
// parameter and the beginning of the SHA-256.
func uploads() *mego.Engine {
	e := mego.New()
	e.Register("Upload", func(c *mego.Context) {
		f, err := c.GetFile("File1")
		if err != nil {
			c.RespondWithError(mego.StatusInvalid, nil, err)
			return
		}
		b, err := os.ReadFile(f.Path)
		if err != nil {
			c.RespondWithError(mego.StatusError, nil, err)
			return
		}
		c.Respond(told(f.FullName(), b, c.Param(0).GetString()))
	})
	return e
}

func told(name string, b []byte, param string) string {
	return fmt.Sprintf("%s %d %q %x", name, len(b), param, sha256.Sum256(b))[:len(name)+len(param)+24]
}

// A bare reader has nothing but Read.
type bare struct{ io.Reader }

// 15.8: sources, pieces and progress.
func TestSendFileChunks(t *testing.T) {
	s := serve(t, uploads())
	c := s.connect(t)
	dir := t.TempDir()
	b := content(2500)
	path := filepath.Join(dir, "big.bin")
	must(t, os.WriteFile(path, b, 0o600))
	open, err := os.Open(path)
	must(t, err)
	defer open.Close()
	open.Seek(100, io.SeekStart)
	half := bytes.NewReader(b)
	half.Seek(1250, io.SeekStart)

	for _, test := range []struct {
		name     string
		file     any
		chunk    int
		want     string
		progress []int64
	}{
		{"path", path, 1000, told("big.bin", b, "p"), []int64{1000, 2000, 2500}},
		{"exact", path, 1250, told("big.bin", b, "p"), []int64{1250, 2500}},
		{"one", path, 2500, told("big.bin", b, "p"), []int64{2500}},
		{"default size", path, 0, told("big.bin", b, "p"), []int64{2500}},
		{"byte by byte", b[:3], 1, told("", b[:3], "p"), []int64{1, 2, 3}},
		{"*os.File", open, 2000, told("big.bin", b[100:], "p"), []int64{2000, 2400}},
		{"ReadSeeker", half, 1000, told("", b[1250:], "p"), []int64{1000, 1250}},
		{"Len", bytes.NewBuffer(slices.Clone(b)), 1000, told("", b, "p"), []int64{1000, 2000, 2500}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var progress []int64
			r := c.Call("Upload").Send([]string{"p"}).SendFileChunks(test.file).Progress(func(sent, total int64) {
				progress = append(progress, sent)
				if want := test.progress[len(test.progress)-1]; total != want {
					t.Errorf("total %d, want %d", total, want)
				}
			})
			r.Option.ChunkSize = test.chunk
			r.Option.Checksum = true
			var got string
			must(t, r.EndStruct(&got))
			if got != test.want || !reflect.DeepEqual(progress, test.progress) {
				t.Errorf("got %s, progress %v, want %s, %v", got, progress, test.want, test.progress)
			}
			want(t, r.Resume(t.Context(), nil), nil, "mego: there is no upload to go on with")
			want(t, r.End(), client.ErrSent, "")
		})
	}
	// The field is the one that is given.
	wantError(t, c.Call("Upload").SendFileChunks(b, "Other").End(), client.StatusInvalid, "mego: the file was not found")
}

// 15.8: one per request, and no other file.
func TestChunksAlone(t *testing.T) {
	c := client.New("localhost")
	x := []byte("x")
	want(t, c.Call("a").SendFile(x).SendFileChunks(x).End(), client.ErrChunkWithFiles, "")
	want(t, c.Call("a").SendFileChunks(x).SendFile(x).End(), client.ErrChunkWithFiles, "")
	want(t, c.Call("a").SendFileChunks(x).SendFileChunks(x).End(), client.ErrChunkWithFiles, "")
	r := c.Call("a").SendFileChunks(x)
	r.Files = map[string][]*client.File{"a": {{Binary: x}}}
	want(t, r.End(), client.ErrChunkWithFiles, "")
}

// A badSeeker fails at one of its calls.
type badSeeker struct {
	io.ReadSeeker
	good int
}

func (s *badSeeker) Seek(offset int64, whence int) (int64, error) {
	if s.good--; s.good < 0 {
		return 0, errors.New("cannot seek")
	}
	return s.ReadSeeker.Seek(offset, whence)
}

// 15.8: what cannot be sent in pieces is an error, and nothing is sent.
func TestChunkSources(t *testing.T) {
	s := serveHandler(t, scripted(t, func(p *peer) {
		if r, ok := p.read(); ok {
			t.Errorf("the client sent %+v", r)
		}
	}))
	c := s.connect(t)
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	must(t, os.WriteFile(empty, nil, 0o600))
	folder, err := os.Open(dir)
	must(t, err)
	defer folder.Close()
	closed, err := os.Open(empty)
	must(t, err)
	closed.Close()
	beyond := strings.NewReader("abc")
	beyond.Seek(10, io.SeekStart)

	for _, file := range []any{empty, []byte{}, strings.NewReader(""), new(bytes.Buffer), beyond} {
		wantError(t, c.Call("a").SendFileChunks(file).End(), client.StatusFileEmpty, "mego: the file is empty")
	}
	for _, test := range []struct {
		file any
		text string
	}{
		{filepath.Join(dir, "none"), "no such file or directory"},
		{dir, "it is no regular file"},
		{folder, "it is no regular file"},
		{closed, "file already closed"},
		{(*os.File)(nil), "invalid argument"},
		{bare{strings.NewReader("x")}, "the length of a client_test.bare is not known, as chunks need it"},
		{nil, "a <nil> is no path, *os.File, []byte or io.Reader"},
		{5, "a int is no path, *os.File, []byte or io.Reader"},
		{&badSeeker{strings.NewReader("x"), 0}, "cannot seek"},
		{&badSeeker{strings.NewReader("x"), 1}, "cannot seek"},
		{&badSeeker{strings.NewReader("x"), 2}, "cannot seek"},
	} {
		err := c.Call("a").SendFileChunks(test.file).End()
		if err == nil || !strings.HasPrefix(err.Error(), "mego: the file cannot be read: ") || !strings.HasSuffix(err.Error(), test.text) {
			t.Errorf("%v: got error %v, want %q", test.file, err, test.text)
		}
	}
}

// chunks is a server that answers chunks as it is told: by the numbers of chunks
// that it wants next, 0 for a result, or what a function makes of the request.
func chunks(t testing.TB, answers ...any) (*server, <-chan wire.Request) {
	requests := make(chan wire.Request, 100)
	return serveHandler(t, scripted(t, func(p *peer) {
		for _, answer := range answers {
			r, ok := p.read()
			if !ok {
				return
			}
			requests <- r
			switch a := answer.(type) {
			case string:
				p.respond(wire.Response{Event: a, ID: r.ID})
			case []int:
				p.respond(wire.Response{Code: client.StatusFileRetry, Message: "again", Data: encode(t, a), ID: r.ID})
			case int:
				p.reply(r, a)
			}
		}
		p.drain()
	})), requests
}

const next, abort = wire.ChunkNext, wire.ChunkAbort

// 15.8: what is sent, and in what order, if the server asks for chunks again.
func TestRetries(t *testing.T) {
	for _, test := range []struct {
		name    string
		answers []any
		want    []int // chunks that are sent
		err     string
	}{
		{"in order", []any{next, next, next, 7}, []int{1, 2, 3, 4}, ""},
		{"one again", []any{next, []int{4, 2}, next, next, 7}, []int{1, 2, 2, 3, 4}, ""},
		{"from the beginning", []any{next, next, []int{4, 1}, next, next, next, 7}, []int{1, 2, 3, 1, 2, 3, 4}, ""},
		{"the last", []any{next, next, next, []int{4, 4}, 7}, []int{1, 2, 3, 4, 4}, ""},
		{"three times", []any{[]int{4, 1}, []int{4, 1}, []int{4, 1}, next, next, next, 7}, []int{1, 1, 1, 1, 2, 3, 4}, ""},
		{"four times", []any{[]int{4, 1}, []int{4, 1}, []int{4, 1}, []int{4, 1}}, []int{1, 1, 1, 1}, "again"},
		{"three times twice", []any{[]int{4, 1}, []int{4, 1}, []int{4, 1}, next, []int{4, 2}, []int{4, 2}, []int{4, 2}, next, next, 7}, []int{1, 1, 1, 1, 2, 2, 2, 2, 3, 4}, ""},
		{"without getting further", []any{next, []int{4, 1}, next, []int{4, 1}, next, []int{4, 1}, next, []int{4, 1}}, []int{1, 2, 1, 2, 1, 2, 1, 2}, "again"},
		{"what was not sent", []any{next, []int{4, 3}}, []int{1, 2}, "again"},
		{"chunk 0", []any{[]int{4, 0}}, []int{1}, "again"},
		{"another number of chunks", []any{[]int{5, 1}}, []int{1}, "again"},
		{"no numbers", []any{[]int{}}, []int{1}, "again"},
		{"early end", []any{next, 7}, []int{1, 2}, ""},
		{"abort", []any{next, abort}, []int{1, 2}, "mego: the server aborted the upload"},
		{"abort the last", []any{next, next, next, abort}, []int{1, 2, 3, 4}, "mego: the server aborted the upload"},
		{"after the last", []any{next, next, next, next}, []int{1, 2, 3, 4}, "mego: the server asks for a chunk after the last"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, requests := chunks(t, test.answers...)
			c := s.connect(t)
			r := c.Call("Upload").Send([]int{1}).SendFileChunks([]byte("aabbccd"))
			r.Option.ChunkSize = 2
			var got int
			err := r.EndStruct(&got)
			if test.err != "" {
				want(t, err, nil, test.err)
			} else if err != nil || got != 7 {
				t.Errorf("got %d, %v", got, err)
			}
			must(t, c.Close())
			var sent []int
			for range len(requests) {
				w := <-requests
				f := w.Fields[0].Files[0]
				n := f.Parts[1]
				sent = append(sent, n)
				if text := []string{"aa", "bb", "cc", "d"}[n-1]; string(f.Binary) != text || f.Parts[0] != 4 || f.ID != 1 || w.ID != 2 || w.Method != "Upload" || w.Fields[0].Name != "File1" {
					t.Errorf("chunk %d is %+v", n, w)
				}
				if isLast := n == 4; isLast != (w.Params != nil) {
					t.Errorf("chunk %d has parameters %x", n, w.Params)
				}
			}
			if !reflect.DeepEqual(sent, test.want) {
				t.Errorf("sent %v, want %v", sent, test.want)
			}
		})
	}
}

// 15.8: a source that can be read only once has its last piece twice, no other.
func TestRetryForward(t *testing.T) {
	s, _ := chunks(t, next, []int{2, 2}, 7)
	r := s.connect(t).Call("Upload").SendFileChunks(bytes.NewBufferString("aab"))
	r.Option.ChunkSize = 2
	must(t, r.End())
	s, _ = chunks(t, next, []int{2, 1})
	r = s.connect(t).Call("Upload").SendFileChunks(bytes.NewBufferString("aab"))
	r.Option.ChunkSize = 2
	want(t, r.End(), nil, "mego: the file cannot be read: it can be read only once, and the server asks for its beginning")
}

// 15.8: a source that ends too early, and one that cannot be read again.
func TestShortSources(t *testing.T) {
	s, _ := chunks(t, next, []int{3, 1})
	path := filepath.Join(t.TempDir(), "shrinks")
	must(t, os.WriteFile(path, []byte("aabbc"), 0o600))
	r := s.connect(t).Call("Upload").SendFileChunks(path).Progress(func(int64, int64) { os.Truncate(path, 2) })
	r.Option.ChunkSize = 2
	want(t, r.End(), io.EOF, "")

	s, _ = chunks(t, next, []int{3, 1})
	r = s.connect(t).Call("Upload").SendFileChunks(&badSeeker{strings.NewReader("aabbc"), 3})
	r.Option.ChunkSize = 2
	want(t, r.End(), nil, "mego: the file cannot be read: cannot seek")
}

// 15.8: the SHA-256 goes with the last chunk, whatever was sent twice.
func TestChunkSum(t *testing.T) {
	s, requests := chunks(t, next, next, []int{3, 1}, next, next, 7)
	r := s.connect(t).Call("Upload").SendFileChunks([]byte("aabbc"))
	r.Option.ChunkSize, r.Option.Checksum = 2, true
	must(t, r.End())
	sum := sha256.Sum256([]byte("aabbc"))
	for range 6 {
		f := (<-requests).Fields[0].Files[0]
		if isLast := f.Parts[1] == 3; isLast != bytes.Equal(f.Sum, sum[:]) || !isLast && f.Sum != nil {
			t.Errorf("chunk %d has sum %x", f.Parts[1], f.Sum)
		}
	}
}

// 15.8: UploadTimeout is for each chunk.
func TestUploadTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := uploads()
		e.HandleChunk(func(c *mego.Context, raw *mego.RawFile, dest *mego.File) mego.ChunkStatus {
			time.Sleep(time.Duration(raw.Parts[1]) * 8 * time.Second)
			return mego.ChunkNext
		})
		c := inMemory(t, e).connect(t)
		r := c.Call("Upload").SendFileChunks([]byte("aabbccddee"))
		r.Option.ChunkSize = 2
		start := time.Now()
		want(t, r.End(), client.ErrTimeout, "")
		if took := time.Since(start); took != (8+16+24+30)*time.Second {
			t.Errorf("it took %v", took)
		}
		r = c.Call("Upload").SendFileChunks([]byte("aabbccddee"))
		r.Option.ChunkSize, r.Option.UploadTimeout = 2, 0
		want(t, r.End(), nil, "mego: the server asks for a chunk after the last")
	})
}

// A lost upload is gone on with, from where it was if the server has kept that.
func TestResume(t *testing.T) {
	for _, keep := range []time.Duration{0, time.Minute} {
		t.Run(fmt.Sprint(keep), func(t *testing.T) {
			e := uploads()
			e.Option.ResumeTimeout = keep
			s := serve(t, e)
			c := s.connect(t)
			path := filepath.Join(t.TempDir(), "big.bin")
			b := content(1000)
			must(t, os.WriteFile(path, b, 0o600))
			for _, file := range []any{path, b, bytes.NewReader(b)} {
				var progress []int64
				breaks := true
				r := c.Call("Upload").Send([]string{"p"}).SendFileChunks(file).Progress(func(sent, total int64) {
					progress = append(progress, sent)
					if breaks && sent == 600 {
						session, _ := e.Session(c.UUID)
						session.Disconnect()
						eventually(t, "the connection is lost", func() bool { return errors.Is(c.Call("x").End(), client.ErrClosed) })
					}
				})
				r.Option.ChunkSize, r.Option.Checksum = 200, true
				want(t, r.End(), client.ErrClosed, "")
				want(t, r.Resume(t.Context(), nil), client.ErrClosed, "")
				want(t, r.End(), client.ErrSent, "")
				breaks = false
				must(t, c.Reconnect())
				var got string
				must(t, r.Resume(t.Context(), &got))
				name := ""
				if file == any(path) {
					name = "big.bin"
				}
				if want := told(name, b, "p"); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				want := []int64{200, 400, 600, 200, 400, 600, 800, 1000}
				if keep > 0 {
					want = []int64{200, 400, 600, 800, 1000}
				}
				if !reflect.DeepEqual(progress, want) {
					t.Errorf("progress %v, want %v", progress, want)
				}
				if err := r.Resume(t.Context(), &got); err == nil || err.Error() != "mego: there is no upload to go on with" {
					t.Errorf("got error %v", err)
				}
			}
		})
	}
}

// An upload is gone on with after its context has ended, not after an error of
// the server, and not with another file.
func TestResumeGivenUp(t *testing.T) {
	s := serve(t, uploads())
	c := s.connect(t)
	path := filepath.Join(t.TempDir(), "big.bin")
	b := content(1000)
	must(t, os.WriteFile(path, b, 0o600))
	upload := func() *client.Request {
		ctx, cancel := context.WithCancel(t.Context())
		r := c.Call("Upload").SendFileChunks(path).Progress(func(sent, total int64) {
			if sent == 200 {
				cancel()
			}
		})
		r.Option.ChunkSize = 200
		want(t, r.EndContext(ctx, nil), context.Canceled, "mego: context canceled")
		return r
	}
	var got string
	must(t, upload().Resume(t.Context(), &got))
	if want := told("big.bin", b, ""); got != want {
		t.Errorf("got %s, want %s", got, want)
	}

	r := upload()
	must(t, os.WriteFile(path, b[1:], 0o600))
	want(t, r.Resume(t.Context(), nil), nil, "mego: the file cannot be read: it had 1000 bytes, and has 999 now")
	want(t, r.Resume(t.Context(), nil), nil, "mego: there is no upload to go on with")

	r = c.Call("None").SendFileChunks(path)
	wantError(t, r.End(), client.StatusUnimplemented, "mego: the method is not implemented")
	want(t, r.Resume(t.Context(), nil), nil, "mego: there is no upload to go on with")
	want(t, c.Call("Upload").Resume(t.Context(), nil), nil, "mego: there is no upload to go on with")
}

// The limits of the server are errors of End.
func TestUploadLimits(t *testing.T) {
	e := uploads()
	e.Option.MaxChunkSize, e.Option.MaxFileSize = 100, 250
	c := serve(t, e).connect(t)
	r := c.Call("Upload").SendFileChunks(content(300))
	wantError(t, r.End(), client.StatusFileTooLarge, "mego: the chunk has 300 bytes, it may have 100")
	r = c.Call("Upload").SendFileChunks(content(300))
	r.Option.ChunkSize = 100
	wantError(t, r.End(), client.StatusFileTooLarge, "mego: the file has more than 250 bytes")
	r = c.Call("Upload").SendFileChunks(iotest.DataErrReader(bytes.NewReader(content(3))))
	want(t, r.End(), nil, "mego: the file cannot be read: the length of a *iotest.dataErrReader is not known, as chunks need it")
}
