package mego

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Files are stored in a folder of the engine's own in TempDir, which there is as
// long as there are files. The process holds a lock on it: a folder without a
// lock was left behind by a process that was killed, and is removed by the next
// engine that begins.
//
//	TempDir/mego-12345.tmp/        locked
//	TempDir/mego-12345.tmp/mego-1  a file

// A tempStore makes files.
type tempStore struct {
	root string // TempDir

	mu   sync.Mutex // guards what follows
	dir  string     // "" if there is none
	lock *os.File   // of dir
	n    int        // files in dir
}

const (
	tempDirs  = "mego-*.tmp"
	tempFiles = "mego-*"
)

// newTempStore returns a store without files, and removes what others have left
// behind.
func newTempStore(root string) *tempStore {
	dirs, _ := filepath.Glob(filepath.Join(root, tempDirs))
	for _, dir := range dirs {
		removeLeftover(dir)
	}
	return &tempStore{root: root}
}

// removeLeftover removes a folder that nobody has locked, with our files in it.
// What else is in it stays.
func removeLeftover(dir string) {
	lock, ok := lockDir(dir)
	if !ok {
		return
	}
	defer lock.Close()
	files, _ := filepath.Glob(filepath.Join(dir, tempFiles))
	for _, file := range files {
		if info, err := os.Lstat(file); err == nil && info.Mode().IsRegular() {
			os.Remove(file)
		}
	}
	os.Remove(dir)
}

// create makes a file, which is counted until gone is called.
func (s *tempStore) create() (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n == 0 {
		if err := s.open(); err != nil {
			return nil, err
		}
	}
	f, err := os.CreateTemp(s.dir, tempFiles)
	if err != nil {
		s.shut()
		return nil, err
	}
	s.n++
	return f, nil
}

// open makes the folder, for who holds s.mu. Before it is locked, another engine
// may take it for a leftover.
func (s *tempStore) open() error {
	for try := 0; ; try++ {
		dir, err := os.MkdirTemp(s.root, tempDirs)
		if err != nil {
			return err
		}
		lock, ok := lockDir(dir)
		if _, err := os.Lstat(dir); err == nil && (ok || try == lockTries) {
			s.dir, s.lock = dir, lock
			return nil
		}
		lock.Close()
		os.Remove(dir)
	}
}

// lockTries is after how many folders it is clear that the file system has no
// locks; then nobody takes ours for a leftover.
const lockTries = 3

// shut removes the folder if it has no files, for who holds s.mu.
func (s *tempStore) shut() {
	if s.n == 0 && s.dir != "" {
		os.Remove(s.dir) // what the application has put there stays
		s.lock.Close()
		s.dir, s.lock = "", nil
	}
}

// gone is called when a file is no longer in the folder.
func (s *tempStore) gone() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n--
	s.shut()
}

// A tempFile is a file on disk that belongs to a session. The methods of a nil
// tempFile do nothing.
type tempFile struct {
	store *tempStore
	path  string
	size  int64 // in bytes; changed by who fills the file

	mu    sync.Mutex // guards what follows
	owner *peer      // nil if no session has it
	free  bool       // it is not ours any more
}

var errDisk = &fileProblem{StatusError, "the file cannot be stored"}

// newTemp makes an empty file of the session's.
func (p *peer) newTemp() (*tempFile, *fileProblem) {
	f, err := p.core.temp.create()
	if err != nil {
		report("a file cannot be stored: %s", printable(err.Error()))
		return nil, errDisk
	}
	f.Close()
	t := &tempFile{store: p.core.temp, path: f.Name()}
	if !p.own(t) {
		t.discard()
		return nil, errOver
	}
	return t, nil
}

var errOver = &fileProblem{StatusError, "the session has ended"}

// own makes the file the session's, unless that has ended.
func (p *peer) own(t *tempFile) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return false
	}
	if p.files == nil {
		p.files = make(map[*tempFile]struct{})
	}
	p.files[t] = struct{}{}
	p.temp += t.size
	t.mu.Lock()
	defer t.mu.Unlock()
	t.owner = p
	return true
}

// detach takes the file from its session, and leaves it where it is.
func (t *tempFile) detach() {
	if t != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.owner = nil
	}
}

// disown takes the file from its session, and reports whether it was ours until
// now.
func (t *tempFile) disown() bool {
	t.mu.Lock()
	owner, free := t.owner, t.free
	t.owner, t.free = nil, true
	t.mu.Unlock()
	if owner != nil {
		owner.mu.Lock()
		defer owner.mu.Unlock()
		delete(owner.files, t)
		owner.temp -= t.size
	}
	return !free
}

// release notes that the file was removed or moved away.
func (t *tempFile) release() {
	if t != nil && t.disown() {
		t.store.gone()
	}
}

// discard deletes the file.
func (t *tempFile) discard() {
	if t != nil && t.disown() {
		os.Remove(t.path)
		t.store.gone()
	}
}

// append appends bytes, if the session may have as many on disk. If that fails,
// the file is as it was, or else the error is errDisk.
func (t *tempFile) append(p []byte) *fileProblem {
	if problem := t.reserve(int64(len(p))); problem != nil {
		return problem
	}
	if err := appendFile(t.path, t.size-int64(len(p)), p); err != nil {
		t.reserve(-int64(len(p)))
		report("a file cannot be stored: %s", printable(err.Error()))
		if os.Truncate(t.path, t.size) != nil {
			return errDisk
		}
		return errRetry
	}
	return nil
}

var (
	errRetry  = &fileProblem{StatusFileRetry, "the chunk could not be stored"}
	errNoRoom = &fileProblem{StatusResourceExhausted, "the session's files are too large"}
)

// reserve counts bytes that are about to be in the file.
func (t *tempFile) reserve(n int64) *fileProblem {
	t.mu.Lock()
	owner := t.owner
	t.mu.Unlock()
	if owner == nil {
		return errOver
	}
	owner.mu.Lock()
	defer owner.mu.Unlock()
	if n > 0 && exceeds(owner.temp+n, int64(owner.core.MaxTempSize)) {
		return errNoRoom
	}
	owner.temp += n
	t.size += n
	return nil
}

// appendFile writes p at the end of the file, which is at the offset; tests let
// it fail.
var appendFile = func(path string, offset int64, p []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(p, offset); err != nil {
		f.Close()
		return fmt.Errorf("%w at byte %d", err, offset)
	}
	return f.Close()
}
