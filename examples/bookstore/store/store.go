// Package store keeps the books of the bookstore in a folder.
//
// It is embedded: there is nothing to install and no server to start.
//
//	s, err := store.Open("data")
//	...
//	defer s.Close()
//	b, err := s.Create(ctx, store.Book{Title: "Emma", Author: "Jane Austen"})
//
// When a method that writes returns without an error, the change has been
// synced to disk: neither a killed process nor a power cut loses it. A change
// that was never acknowledged may be there after a crash or may not, but never
// in part.
//
// All books are held in memory, so reading touches the disk for covers only.
//
// # Folder
//
//	lock        held by the process that has the store open
//	books.log   every change, oldest first
//	covers/     one file per cover
//
// The log is text, one record per line:
//
//	bookstore log 1
//	00000011 836731df [{"delete":1234}]
//
// that is, the length and the CRC-32C of the JSON behind them. [Open] replays
// it. What a crash left of the last record is cut off; any other damage is an
// error that names file and offset, since what follows can not be trusted.
package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
)

// Names in the folder.
const (
	lockName  = "lock"
	logName   = "books.log"
	coversDir = "covers"
	tempExt   = ".tmp" // of a file that is not complete yet
)

// compactRatio says when Open writes the log anew: as soon as it is that many
// times larger than what is alive in it.
const compactRatio = 4

// A Store is an open folder of books. It is safe for concurrent use.
type Store struct {
	root *os.Root
	lock *os.File

	// live is what readers see: changes that are on disk.
	mu   sync.RWMutex // guards live
	live *table

	// next is live and the changes on their way to disk. Writers check theirs
	// against it, so that two of them can not take the same ISBN.
	prep   sync.Mutex // guards the fields below; taken after disk
	next   *table
	open   *batch // gathers changes until somebody writes it
	closed bool
	failed error // why nothing is written any more

	disk sync.Mutex // guards the fields below, batch.done and batch.err; held while syncing
	log  logFile
	size int64 // of the part of the log that is synced
}

// A logFile is what the store asks of the file it appends to.
type logFile interface {
	io.WriteCloser
	Sync() error
	Truncate(size int64) error
}

// Open opens the store in folder dir, and makes the folder if there is none.
// It removes what a crash left behind, and compacts the log if that pays.
// Only one process can have a folder open (on systems without flock, nothing
// prevents a second one).
func Open(dir string) (*Store, error) {
	s, err := open(dir)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return s, nil
}

func open(dir string) (_ *Store, err error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{root: root, live: newTable(), open: new(batch)}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	if s.lock, err = root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	if err := lockFile(s.lock); err != nil {
		return nil, fmt.Errorf("cannot lock %s, another process may have it open: %w", dir, err)
	}
	if err := s.load(); err != nil {
		return nil, err
	}
	if err := s.openLog(); err != nil {
		return nil, err
	}
	s.next = s.live.clone()
	return s, nil
}

// load brings the table and the folder to the state of the log.
func (s *Store) load() error {
	if err := s.root.Mkdir(coversDir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	covers, err := fs.ReadDir(s.root.FS(), coversDir)
	if err != nil {
		return err
	}
	file := filepath.Join(s.root.Name(), logName)
	data, err := s.root.ReadFile(logName)
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(covers) > 0:
		// The log is older than any cover. To go on would remove them all.
		return fmt.Errorf("%s is missing, but there are covers", file)
	case errors.Is(err, fs.ErrNotExist):
		return writeFile(s.root, logName, bytes.NewReader(s.live.appendLog(nil)))
	case err != nil:
		return err
	}

	good, err := replay(data, s.live)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if compact := s.live.appendLog(nil); len(data) > compactRatio*len(compact) {
		err = writeFile(s.root, logName, bytes.NewReader(compact))
	} else if good < len(data) {
		err = s.cutLog(int64(good))
	}
	if err != nil {
		return err
	}
	if err := s.root.Remove(logName + tempExt); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.checkCovers(covers)
}

// openLog opens the log to append to it. It syncs the log and its name: the
// process that wrote or renamed it may have been killed before it could. From
// here on, only the last record can be one that is not synced.
func (s *Store) openLog() error {
	f, err := s.root.OpenFile(logName, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	s.log = f
	info, err := f.Stat()
	if err != nil {
		return err
	}
	s.size = info.Size()
	return errors.Join(f.Sync(), syncFolder(s.root, "."))
}

// cutLog shortens the log to size bytes.
func (s *Store) cutLog(size int64) error {
	f, err := s.root.OpenFile(logName, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Sync(), f.Close())
}

// Start reports why the store can not be written to, or nil. It does nothing
// else: [Open] has done the work. With Stop it makes a Store something an
// engine can start and stop.
func (s *Store) Start(context.Context) error {
	s.prep.Lock()
	defer s.prep.Unlock()
	return s.refuses()
}

// Stop is [Store.Close]. It does not wait for more than a running sync, and so
// pays no attention to its context.
func (s *Store) Stop(context.Context) error { return s.Close() }

// Close writes what is on its way to disk, and gives the folder free. After
// it, methods that write return [ErrClosed], and so does OpenCover; the others
// go on answering from memory. To close twice is no error.
func (s *Store) Close() error {
	s.prep.Lock()
	again := s.closed
	s.closed = true
	s.prep.Unlock()
	if again {
		return nil
	}
	s.disk.Lock()
	defer s.disk.Unlock()
	s.flush() // for the writers that have joined the open batch
	if err := s.release(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// release closes what is open, the lock last.
func (s *Store) release() error {
	var errs []error
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	if s.lock != nil {
		// Unlocking as well as closing: a child that is being forked shares
		// the open file for a moment, and would keep the lock.
		errs = append(errs, unlockFile(s.lock), s.lock.Close())
	}
	return errors.Join(append(errs, s.root.Close())...)
}

// makeDir makes dir and the folders above it that are missing, and syncs each
// folder that gets a new entry.
func makeDir(dir string) error {
	dir = filepath.Clean(dir)
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("%s is not a folder", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := os.Open(parent)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(f), f.Close())
}

// writeFile writes what r holds to a file of root. Whenever a crash comes, the
// file has either its old content or all of the new one; once writeFile has
// returned nil, it is the new one.
func writeFile(root *os.Root, name string, r io.Reader) (err error) {
	temp := name + tempExt
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(temp, name)
	}
	if err != nil {
		root.Remove(temp) // if that fails too, Open does it
		return err
	}
	return syncFolder(root, path.Dir(name))
}

// syncFolder makes the names in a folder of root last.
func syncFolder(root *os.Root, name string) error {
	dir, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(dir), dir.Close())
}
