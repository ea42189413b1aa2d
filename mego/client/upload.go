package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"os"

	"github.com/gongular/gongular/mego/internal/wire"
	"github.com/gongular/gongular/mego/msgpack"
)

// maxRetries is how often the server may ask for a chunk again without getting
// any further.
const maxRetries = 3

// An upload is a file that is sent in chunks.
type upload struct {
	file   any // as it was given
	field  string
	begun  bool // what follows is known
	source source
	opened *os.File // the source, if it is to be closed
	name   string
	number int64 // of the file
	size   int64
	chunk  int // bytes of a chunk, but for the last
	total  int // chunks
	next   int // the one to send
	taken  int // most that the server has ever had
	again  int // how often it has asked for one again since then

	digest hash.Hash // of the first chunks; nil if it is not wanted
	summed int       // how many
}

// SendFileChunks adds a file that is sent in chunks of Option.ChunkSize, the only
// one of the request: as SendFile, but for readers whose length is not known,
// which are those without Seek and Len. It is read while it is sent, a chunk at a
// time. The parameters go with the last one.
//
// Each chunk is sent when the server has taken the one before, which it has to do
// within Option.UploadTimeout. If it asks for one again, that is done, up to three
// times without getting any further.
func (r *Request) SendFileChunks(file any, fieldName ...string) *Request {
	if r == nil {
		return nil
	}
	if r.upload != nil || len(r.Files) > 0 {
		return r.fail(ErrChunkWithFiles)
	}
	r.upload = &upload{file: file, field: r.field(fieldName)}
	return r
}

// open begins to read the file, or goes on.
func (u *upload) open(c *Client, option RequestOption) error {
	if u.source != nil {
		return nil
	}
	s, size, name, opened, err := openSource(u.file)
	if err != nil {
		return readError(err)
	}
	if u.begun && size != u.size {
		opened.Close()
		return readError(fmt.Errorf("it had %d bytes, and has %d now", u.size, size))
	}
	u.source, u.opened = s, opened
	if u.begun {
		return nil
	}
	if size <= 0 {
		u.close()
		return Error{Code: StatusFileEmpty, Message: "mego: the file is empty"}
	}
	u.begun, u.size, u.name = true, size, name
	u.number = c.lastFile.Add(1)
	if u.chunk = option.ChunkSize; u.chunk <= 0 {
		u.chunk = ChunkSize
	}
	u.total, u.next = int((size-1)/int64(u.chunk))+1, 1
	if option.Checksum {
		u.digest = sha256.New()
	}
	return nil
}

// close closes what was opened.
func (u *upload) close() {
	if u.opened != nil {
		u.opened.Close()
		u.source, u.opened = nil, nil
	}
}

// bytes returns how many bytes the first n chunks have.
func (u *upload) bytes(n int) int64 { return min(int64(n)*int64(u.chunk), u.size) }

// read returns a chunk, in buf.
func (u *upload) read(buf []byte, n int) (wire.File, error) {
	start := u.bytes(n - 1)
	buf = buf[:u.bytes(n)-start]
	if err := u.source.read(buf, start); err != nil {
		return wire.File{}, readError(err)
	}
	f := wire.File{Binary: buf, ID: u.number, Parts: []int{u.total, n}, Name: u.name}
	if u.digest != nil {
		if u.summed == n-1 {
			u.digest.Write(buf)
			u.summed = n
		}
		if n == u.total {
			f.Sum = u.digest.Sum(nil)
		}
	}
	return f, nil
}

var errTooMany = errors.New("mego: the server asks for a chunk after the last")

// sendChunks sends the file from the next chunk on, and returns the result.
func (r *Request) sendChunks(ctx context.Context, l *link, w wire.Request) ([]byte, error) {
	u, option := r.upload, r.option()
	if err := u.open(r.client, option); err != nil {
		return nil, err
	}
	defer u.close()
	params := w.Params
	w.ID = r.number()
	buf := make([]byte, min(int64(u.chunk), u.size))
	for {
		n := u.next
		f, err := u.read(buf, n)
		if err != nil {
			return nil, err
		}
		w.Fields = []wire.Field{{Name: u.field, Files: []wire.File{f}}}
		if w.Params = nil; n == u.total {
			w.Params = params
		}
		a, err := l.ask(ctx, w.ID, encode(w), option.UploadTimeout)
		if err != nil {
			return nil, err
		}
		if a.Event == "" && a.Code == StatusFileRetry && u.retry(a.Data) {
			continue
		}
		if a.Event != wire.ChunkNext {
			data, err := result(a, nil)
			if err == nil {
				r.tell(u.bytes(n), u.size)
			}
			return data, err
		}
		if n == u.total {
			return nil, errTooMany
		}
		u.took(n)
		r.tell(u.bytes(n), u.size)
	}
}

// took notes that the server has a chunk.
func (u *upload) took(n int) {
	u.next = n + 1
	if n > u.taken {
		u.taken, u.again = n, 0
	}
}

// retry goes on where the server wants to, [total, next], and reports whether
// that is to be done.
func (u *upload) retry(data []byte) bool {
	var wanted [2]int
	if msgpack.Unmarshal(data, &wanted) != nil || wanted[0] != u.total || wanted[1] < 1 || wanted[1] > u.next || u.again == maxRetries {
		return false
	}
	u.again++
	u.next = wanted[1]
	return true
}
