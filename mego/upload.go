package mego

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"sync"
	"time"

	"github.com/gongular/gongular/mego/internal/wire"
)

// A ChunkHandler gets the chunks of a file, one after another, and says how to go
// on. The file is the same for all of them; where its bytes are put is for the
// handler to decide. A response that it sends takes the place of the engine's.
type ChunkHandler func(ctx *Context, raw *RawFile, dest *File) ChunkStatus

// A ChunkStatus says how an upload goes on.
type ChunkStatus int

const (
	// ChunkNext asks for the next chunk.
	ChunkNext ChunkStatus = iota
	// ChunkDone ends the upload: the method is called with the file.
	ChunkDone
	// ChunkAbort ends the upload, and the method is not called.
	ChunkAbort
)

// An upload is a file of which some chunks have arrived. It is taken out of its
// session while a chunk is dealt with.
type upload struct {
	number int64 // the client's, of the file
	method *Method
	field  string
	total  int
	next   int // the chunk that is expected
	size   int64
	dest   *File
	temp   *tempFile // nil if a ChunkHandler has the bytes
	params []byte    // of the first message that had some
	value  any
	digest hash.Hash // of the chunks so far
	sum    []byte    // what the client says it is to be, or nil
	timer  *time.Timer
	// expires is when the timer is right to fire; one that was stopped too late
	// fires before.
	expires time.Time
}

// isChunk reports whether one of the files is a chunk.
func isChunk(fields []wire.Field) bool {
	for _, field := range fields {
		for _, f := range field.Files {
			if len(f.Parts) > 0 {
				return true
			}
		}
	}
	return false
}

// chunk deals with a chunk. It reports whether the file is complete, and its
// method is to be called.
func (p *peer) chunk(c *Context, fields []wire.Field, limits MethodOption) (done bool) {
	if len(fields) != 1 || len(fields[0].Files) != 1 {
		c.RespondWithError(StatusInvalid, nil, errors.New("mego: a chunk comes alone"))
		return false
	}
	name, f := fields[0].Name, fields[0].Files[0]
	u := p.takeUpload(f.ID)
	u, problem := p.nextChunk(c, u, name, f, limits)
	switch {
	case problem != nil:
		u.drop() // before the client knows
		c.refuse(problem, name, f.Name)
		return false
	case u == nil:
		return false
	}
	c.files = []field{{name, []*File{u.dest}}}
	c.params, c.value = u.params, u.value
	return true
}

// nextChunk deals with a chunk of the upload, which is nil if there is none. It
// returns a problem and the upload that has to be dropped, or the upload that is
// complete, or, if the chunk was answered, nothing.
func (p *peer) nextChunk(c *Context, u *upload, name string, f wire.File, limits MethodOption) (*upload, *fileProblem) {
	if len(f.Parts) != 2 || f.Parts[1] < 1 || f.Parts[1] > f.Parts[0] {
		return u, &fileProblem{StatusInvalid, "the parts are not [total, current], from 1"}
	}
	total, current := f.Parts[0], f.Parts[1]
	if len(f.Binary) == 0 {
		p.keepUpload(u)
		return nil, &fileProblem{StatusFileEmpty, "the chunk is empty"}
	}
	if exceeds(len(f.Binary), limits.MaxChunkSize) {
		return u, &fileProblem{StatusFileTooLarge, fmt.Sprintf("the chunk has %d bytes, it may have %d", len(f.Binary), limits.MaxChunkSize)}
	}
	if current == 1 {
		u.drop()
		if p.hasUploads(p.core.MaxUploads) {
			return nil, &fileProblem{StatusResourceExhausted, "there are too many unfinished uploads"}
		}
		u = &upload{number: f.ID, method: c.Method, field: name, total: total, next: 1, dest: newFile(f.Name), digest: sha256.New()}
	}
	if u == nil {
		u = p.unpark(f.ID)
	}
	switch {
	case u == nil:
		c.retry(total, 1)
		return nil, nil
	case u.method.Name != c.Method.Name || u.field != name || u.total != total:
		return u, &fileProblem{StatusInvalid, "the chunk is of another file"}
	case current < u.next:
		p.keepUpload(u)
		c.progress(wire.ChunkNext)
		return nil, nil
	case current > u.next:
		p.keepUpload(u)
		c.retry(total, u.next)
		return nil, nil
	case exceeds(u.size+int64(len(f.Binary)), int64(limits.MaxFileSize)):
		return u, &fileProblem{StatusFileTooLarge, fmt.Sprintf("the file has more than %d bytes", limits.MaxFileSize)}
	}
	status, problem := p.handleChunk(c, u, f)
	if problem == errRetry {
		p.keepUpload(u)
		c.retry(total, current)
		return nil, nil
	}
	if problem != nil {
		return u, problem
	}
	u.add(c, f)
	switch status {
	case ChunkNext:
		p.keepUpload(u)
		c.progress(wire.ChunkNext)
		return nil, nil
	case ChunkDone:
	default:
		u.drop()
		c.progress(wire.ChunkAbort)
		return nil, nil
	}
	if u.sum != nil && current == total && !bytes.Equal(u.sum, u.digest.Sum(nil)) {
		return u, errWrongSum
	}
	return u, nil
}

var errWrongSum = &fileProblem{StatusInvalid, "the file does not have the SHA-256 that was given"}

// sumFits reports whether the bytes have the SHA-256.
func sumFits(sum, p []byte) bool {
	got := sha256.Sum256(p)
	return bytes.Equal(sum, got[:])
}

// handleChunk hands a chunk to who puts the file together.
func (p *peer) handleChunk(c *Context, u *upload, f wire.File) (ChunkStatus, *fileProblem) {
	handler := u.method.ChunkHandler
	if handler == nil {
		p.engine.mu.RLock()
		handler = p.engine.onChunk
		p.engine.mu.RUnlock()
	}
	u.dest.Size = int(u.size) + len(f.Binary)
	if handler != nil {
		raw := &RawFile{Binary: f.Binary, ID: int(f.ID), Parts: f.Parts, Name: f.Name, Sum: f.Sum}
		return handler(c, raw, u.dest), nil
	}
	if u.temp == nil {
		temp, problem := p.newTemp()
		if problem != nil {
			return 0, problem
		}
		u.temp, u.dest.temp, u.dest.Path = temp, temp, temp.path
	}
	if problem := u.temp.append(f.Binary); problem != nil {
		return 0, problem
	}
	if f.Parts[0] == f.Parts[1] {
		return ChunkDone, nil
	}
	return ChunkNext, nil
}

// add notes that a chunk has been taken.
func (u *upload) add(c *Context, f wire.File) {
	u.size += int64(len(f.Binary))
	u.digest.Write(f.Binary)
	u.next++
	if f.Sum != nil {
		u.sum = bytes.Clone(f.Sum)
	}
	switch {
	case f.Parts[0] == f.Parts[1] && c.params != nil:
		u.params, u.value = c.params, c.value
	case u.params == nil:
		u.params, u.value = bytes.Clone(c.params), c.value // the message is not kept
	}
}

// drop ends the upload and deletes its file. A nil upload has none.
func (u *upload) drop() {
	if u != nil {
		u.temp.discard()
	}
}

// progress answers a chunk by an event.
func (c *Context) progress(event string) {
	c.respond(func() ([]byte, error) {
		return wire.AppendResponse(nil, wire.Response{Event: event, ID: c.reply.id}), nil
	}, 0)
}

// retry asks to go on with a chunk.
func (c *Context) retry(total, next int) {
	c.RespondWithError(StatusFileRetry, []int{total, next}, fmt.Errorf("mego: go on with chunk %d of %d", next, total))
}

// hasUploads reports whether there are as many uploads as there may be.
func (p *peer) hasUploads(most int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return exceeds(len(p.uploads)+1, most)
}

// takeUpload takes the upload of a file out of the session, or returns nil. It
// does not expire until it is put back.
func (p *peer) takeUpload(number int64) *upload {
	p.mu.Lock()
	defer p.mu.Unlock()
	u := p.uploads[number]
	if u == nil {
		return nil
	}
	delete(p.uploads, number)
	if u.timer != nil {
		u.timer.Stop()
	}
	return u
}

// keepUpload puts the upload back; it expires from now on. A session that has
// ended drops it. A nil upload is none.
func (p *peer) keepUpload(u *upload) {
	if u == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return // its file is deleted with the session's others
	}
	if p.uploads == nil {
		p.uploads = make(map[int64]*upload)
	}
	p.uploads[u.number] = u
	if p.core.UploadTimeout > 0 {
		u.expires = time.Now().Add(p.core.UploadTimeout)
		u.timer = time.AfterFunc(p.core.UploadTimeout, func() { p.expire(u) })
	}
}

// expire drops the upload, unless something happens to it at this moment.
func (p *peer) expire(u *upload) {
	p.mu.Lock()
	expired := p.uploads[u.number] == u && !time.Now().Before(u.expires)
	if expired {
		delete(p.uploads, u.number)
	}
	p.mu.Unlock()
	if expired {
		u.drop()
	}
}

// A parking has the uploads of sessions that have ended, for sessions of the same
// ID to go on with: see EngineOption.ResumeTimeout.
type parking struct {
	mu      sync.Mutex // guards what follows
	uploads map[parked]*upload
	bytes   int64 // of the uploads; no more than one session may have
	closed  bool
}

type parked struct {
	session string
	number  int64
}

// park keeps an upload of a session that has ended for others to go on with, if
// that is wanted. It reports whether it did.
func (p *peer) park(u *upload) bool {
	timeout := p.core.ResumeTimeout
	if timeout <= 0 {
		return false
	}
	place := &p.engine.parked
	place.mu.Lock()
	defer place.mu.Unlock()
	if place.closed || exceeds(place.bytes+u.size, int64(p.core.MaxTempSize)) {
		return false
	}
	key := parked{p.session.ID, u.number}
	if old := place.take(key); old != nil {
		old.drop()
	}
	if place.uploads == nil {
		place.uploads = make(map[parked]*upload)
	}
	u.temp.detach()
	place.uploads[key] = u
	place.bytes += u.size
	u.expires = time.Now().Add(timeout)
	u.timer = time.AfterFunc(timeout, func() { place.expire(key, u) })
	return true
}

// take takes an upload out, or returns nil, for who holds mu.
func (place *parking) take(key parked) *upload {
	u := place.uploads[key]
	if u != nil {
		u.timer.Stop()
		delete(place.uploads, key)
		place.bytes -= u.size
	}
	return u
}

func (place *parking) expire(key parked, u *upload) {
	place.mu.Lock()
	defer place.mu.Unlock()
	if place.uploads[key] == u && !time.Now().Before(u.expires) {
		place.take(key).drop()
	}
}

// close drops all uploads, and takes no further ones.
func (place *parking) close() {
	place.mu.Lock()
	defer place.mu.Unlock()
	place.closed = true
	for key := range place.uploads {
		place.take(key).drop()
	}
}

// unpark returns the upload of an earlier session of the same ID, which is the
// session's from now on, or nil.
func (p *peer) unpark(number int64) *upload {
	if p.core.ResumeTimeout <= 0 || p.hasUploads(p.core.MaxUploads) {
		return nil
	}
	place := &p.engine.parked
	place.mu.Lock()
	u := place.take(parked{p.session.ID, number})
	place.mu.Unlock()
	if u != nil && u.temp != nil && !p.own(u.temp) {
		u.drop()
		return nil
	}
	return u
}
