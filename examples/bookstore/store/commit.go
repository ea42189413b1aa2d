package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Create adds a book. The store gives it an ID; the ID, Cover and times of b
// are not looked at.
func (s *Store) Create(ctx context.Context, b Book) (Book, error) {
	b = b.clean()
	err := s.commit(ctx, func(t *table) (change, error) {
		b.ID, b.Cover = t.last+1, false
		b.Created = stamp(time.Time{})
		b.Updated = b.Created
		return put(t, &entry{Book: b})
	})
	if err != nil {
		return Book{}, err
	}
	return b.copy(), nil
}

// Update changes the book with that id in the way f says, and returns it. No
// other change of the book comes between what f sees and what is stored. If f
// fails, nothing is stored and its error is returned as it is.
//
// What f does to the ID, Cover and times of the book is undone. Other writers
// wait for f, so it should be brief, and must not write to the store itself.
func (s *Store) Update(ctx context.Context, id int, f func(*Book) error) (Book, error) {
	var b Book
	err := s.commit(ctx, func(t *table) (change, error) {
		old, ok := t.books[id]
		if !ok {
			return change{}, ErrNotFound
		}
		draft := old.Book.copy()
		if err := f(&draft); err != nil {
			return change{}, err
		}
		b = draft.clean() // f may have kept a pointer to draft
		b.ID, b.Cover, b.Created = old.Book.ID, old.Book.Cover, old.Book.Created
		b.Updated = stamp(old.Book.Updated)
		return put(t, &entry{Book: b, Cover: old.Cover})
	})
	if err != nil {
		return Book{}, err
	}
	return b.copy(), nil
}

// Delete removes the book with that id, and its cover.
func (s *Store) Delete(ctx context.Context, id int) error {
	var old *entry
	err := s.commit(ctx, func(t *table) (change, error) {
		if old = t.books[id]; old == nil {
			return change{}, ErrNotFound
		}
		return change{Delete: id}, nil
	})
	if err != nil {
		return err
	}
	s.removeCover(old.Cover)
	return nil
}

// put returns the change that stores e, if its ISBN is free.
func put(t *table, e *entry) (change, error) {
	if t.taken(e.Book.ISBN, e.Book.ID) {
		return change{}, ErrExists
	}
	e.index()
	return change{Put: e}, nil
}

// A batch is a number of changes that share one record, one write and one
// sync. While one batch is being synced, writers gather in the next one.
type batch struct {
	changes []change
	text    []byte // the changes as JSON, each with a comma in front
	done    bool
	err     error // of a batch that is done
}

// commit makes the change that prepare returns, and returns once it is on
// disk. The table that prepare sees has all changes that come before this one;
// prepare must only read it. If it fails, nothing is changed.
func (s *Store) commit(ctx context.Context, prepare func(*table) (change, error)) error {
	b, err := s.join(ctx, prepare)
	if err != nil {
		return err
	}
	return s.wait(b)
}

// wait returns once b is on disk. Whoever comes first writes it for all who
// have joined, and who then find it done. A batch is closed and written without
// letting go of disk, so b is either done or still open.
func (s *Store) wait(b *batch) error {
	s.disk.Lock()
	defer s.disk.Unlock()
	if !b.done {
		s.flush()
	}
	return b.err
}

// join adds a change to the open batch, and returns that.
func (s *Store) join(ctx context.Context, prepare func(*table) (change, error)) (*batch, error) {
	s.prep.Lock()
	defer s.prep.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.refuses(); err != nil {
		return nil, err
	}
	c, err := prepare(s.next)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	b := s.open
	if len(b.text)+len(text)+2 > maxRecord {
		return nil, ErrTooLarge
	}
	b.text = append(append(b.text, ','), text...)
	b.changes = append(b.changes, c)
	s.next.apply(c)
	return b, nil
}

// refuses returns why nothing can be written, or nil. The caller holds prep.
func (s *Store) refuses() error {
	if s.closed {
		return ErrClosed
	}
	return s.failed
}

// flush writes the open batch and opens another. The caller holds disk.
//
// After a failure nobody knows what is on disk, and a second sync may well
// succeed without having written what the first one could not. So nothing is
// written any more until the next Open.
func (s *Store) flush() {
	s.prep.Lock()
	b := s.open
	s.open = new(batch)
	failed := s.failed
	s.prep.Unlock()

	b.done = true
	if len(b.changes) == 0 {
		return
	}
	if failed != nil { // its changes may build on some that are lost
		b.err = failed
		return
	}
	if err := s.write(b); err != nil {
		b.err = fmt.Errorf("store: nothing is written any more until the store is opened again: %w", err)
		s.prep.Lock()
		s.failed = b.err
		s.prep.Unlock()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range b.changes {
		s.live.apply(c)
	}
}

// write brings b to disk. If it can not, it tries to take back what it may
// have written in part: the system could show that to the next Open, and
// forget it later.
func (s *Store) write(b *batch) error {
	b.text[0] = '[' // was the comma in front of the first change
	b.text = append(b.text, ']')
	record := appendRecord(make([]byte, 0, headLen+len(b.text)+1), b.text)
	_, err := s.log.Write(record)
	if err == nil {
		err = s.log.Sync()
	}
	if err != nil {
		s.log.Truncate(s.size) // a last attempt, of a file that has failed
		return err
	}
	s.size += int64(len(record))
	return nil
}
