package store

import "context"

// A LogFile is what a test can put in the place of the log.
type LogFile = logFile

// SetLog puts what f makes of the log in its place.
func (s *Store) SetLog(f func(LogFile) LogFile) {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.log = f(s.log)
}

// Waiting returns how many changes the open batch has.
func (s *Store) Waiting() int {
	s.prep.Lock()
	defer s.prep.Unlock()
	return len(s.open.changes)
}

// Join adds a book to the open batch, and returns what waits for that.
func (s *Store) Join(ctx context.Context, b Book) (wait func() error, err error) {
	joined, err := s.join(ctx, func(t *table) (change, error) {
		b.ID = t.last + 1
		return put(t, &entry{Book: b.clean()})
	})
	return func() error { return s.wait(joined) }, err
}

const (
	Magic        = magic
	CompactRatio = compactRatio
)

// Replay reads a log, and returns its good part and the shortest log for what
// is in it.
func Replay(data []byte) (good int, compact []byte, err error) {
	t := newTable()
	good, err = replay(data, t)
	return good, t.appendLog(nil), err
}

// AppendRecord appends a record with any text in it.
func AppendRecord(b []byte, text string) []byte { return appendRecord(b, []byte(text)) }
