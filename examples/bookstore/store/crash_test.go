package store_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gongular/gongular/examples/bookstore/store"
)

// childDir names the variable that makes the test binary the victim of
// TestKill.
const childDir = "BOOKSTORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := writeUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// writeUntilKilled creates books from several goroutines, and prints the id of
// each one that the store has acknowledged. Each second book gets a cover.
func writeUntilKilled(dir string) error {
	s, err := store.Open(dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	failed := make(chan error)
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				b, err := s.Create(ctx, store.Book{Title: "a book", Author: strings.Repeat("x", 100*w)})
				if err == nil {
					_, err = fmt.Printf("book %d\n", b.ID)
				}
				if err == nil && i%2 == 0 {
					err = s.PutCover(ctx, b.ID, strings.NewReader(fmt.Sprint(b.ID)), fmt.Sprint("image/", b.ID))
					if err == nil {
						_, err = fmt.Printf("cover %d\n", b.ID)
					}
				}
				if err != nil {
					failed <- err
				}
			}
		}()
	}
	return <-failed
}

// A killed process loses nothing it has acknowledged, time after time.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	var books, pictures []int
	for round := range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := 0
		for sc := bufio.NewScanner(out); sc.Scan(); lines++ { // to the end: all that is printed counts
			var what string
			var id int
			if _, err := fmt.Sscan(sc.Text(), &what, &id); err != nil {
				t.Errorf("line %q: %v", sc.Text(), err)
			}
			if what == "book" {
				books = append(books, id)
			} else {
				pictures = append(pictures, id)
			}
			if lines == 20+7*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Error(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || stderr.Len() > 0 {
			t.Fatalf("the child ended by itself: %v, %s", err, stderr.Bytes())
		}

		s := open(t, dir)
		for _, id := range books {
			if b, err := s.Get(t.Context(), id); err != nil || b.Title != "a book" {
				t.Errorf("round %d: book %d was acknowledged: %+v, %v", round, id, b, err)
			}
		}
		for _, id := range pictures {
			checkCover(t, s, id, fmt.Sprint(id))
		}
		withCover := 0
		for _, b := range all(t, s) {
			if b.Cover {
				withCover++
			}
		}
		if names := covers(t, dir); len(names) != withCover {
			t.Errorf("round %d: %d covers in the folder, for %d books", round, len(names), withCover)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	slices.Sort(books)
	if n := len(slices.Compact(books)); n != len(books) || n < 50 {
		t.Errorf("%d different ids of %d", n, len(books))
	}
}

// A state is what a store must have in it once its log has reached a size.
type state struct {
	size   int
	books  []store.Book
	covers map[int]string
}

// history makes changes, and returns the log they make, the state after each,
// and all the files that were ever in the folder of covers.
func history(t *testing.T) (log []byte, states []state, files map[string][]byte) {
	t.Helper()
	dir := t.TempDir()
	s := open(t, dir)
	pictures := make(map[int]string)
	files = make(map[string][]byte)
	note := func() {
		log = readFile(t, filepath.Join(dir, "books.log"))
		states = append(states, state{len(log), all(t, s), maps.Clone(pictures)})
		for _, name := range covers(t, dir) {
			files[name] = readFile(t, filepath.Join(dir, "covers", name))
		}
	}
	note()
	for _, b := range shelf[:3] {
		create(t, s, b)
		note()
	}
	for _, picture := range []string{"first", "second"} {
		putCover(t, s, 1, picture)
		pictures[1] = picture
		note()
	}
	if _, err := s.Update(t.Context(), 2, func(b *store.Book) error { b.Title = "Dubliners\n\x00"; return nil }); err != nil {
		t.Fatal(err)
	}
	note()
	for _, id := range []int{1, 3} {
		if err := s.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		delete(pictures, id)
		note()
	}
	return log, states, files
}

// folder makes a folder with that log and those covers.
func folder(t *testing.T, log []byte, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "books.log"), log)
	if err := os.MkdirAll(filepath.Join(dir, "covers"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		writeFile(t, filepath.Join(dir, "covers", name), content)
	}
	return dir
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// checkState checks that the store in dir opens with what want says.
func checkState(t *testing.T, dir string, want state) {
	t.Helper()
	s := open(t, dir)
	defer s.Close()
	if got := all(t, s); !reflect.DeepEqual(got, want.books) {
		t.Errorf("got %+v\nwant %+v", got, want.books)
	}
	for _, b := range want.books {
		checkCover(t, s, b.ID, want.covers[b.ID])
	}
	if names := covers(t, dir); len(names) != len(want.covers) {
		t.Errorf("covers: %v, want %d", names, len(want.covers))
	}
}

// checkGoesOn is checkState, and checks that the store can be written to.
func checkGoesOn(t *testing.T, dir string, want state) {
	t.Helper()
	checkState(t, dir, want)
	s := open(t, dir)
	b := create(t, s, store.Book{Title: "one more"})
	s = reopen(t, s, dir)
	defer s.Close()
	if got := all(t, s); !reflect.DeepEqual(got, append(slices.Clip(want.books), b)) {
		t.Errorf("after one more: %+v", got)
	}
}

// lastBefore returns the last of the states that a log of that size holds.
func lastBefore(states []state, size int) state {
	i, _ := slices.BinarySearchFunc(states, size+1, func(s state, size int) int { return s.size - size })
	return states[i-1]
}

// The log is cut at every byte, as a crash in the middle of a write does it.
// What is left is exactly what had been acknowledged by then. Folders are opened
// around the ends of records, and now and then between them.
func TestCutAnywhere(t *testing.T) {
	log, states, files := history(t)
	for size := states[0].size; size <= len(log); size++ {
		want, next := lastBefore(states, size), lastBefore(states, size+2)
		if good, _, err := store.Replay(log[:size]); good != want.size || err != nil {
			t.Fatalf("cut at %d of %d: good until %d, %v, want %d", size, len(log), good, err, want.size)
		}
		if size > want.size+2 && next.size == want.size && size%8 != 0 {
			continue
		}
		check := checkState
		if size%16 == 0 {
			check = checkGoesOn
		}
		check(t, folder(t, log[:size], files), want)
		if t.Failed() {
			t.Fatalf("cut at %d of %d", size, len(log))
		}
	}
}

// The same for a file system that had made the file longer, but had not
// written the data, or the data of the end before that of the beginning.
func TestZerosAnywhere(t *testing.T) {
	log, states, files := history(t)
	for i, want := range states[:len(states)-1] {
		record := log[want.size:states[i+1].size]
		for cut := range len(record) {
			end := append(bytes.Clone(log[:want.size]), record[:cut]...)
			end = append(end, make([]byte, len(record)-cut)...)
			start := append(bytes.Clone(log[:want.size]), make([]byte, cut+1)...)
			start = append(start, record[cut+1:]...)
			for _, damaged := range [][]byte{end, start} {
				good, _, err := store.Replay(damaged)
				if good != want.size || err != nil {
					t.Fatalf("record %d, cut at %d: good until %d, %v, want %d", i, cut, good, err, want.size)
				}
			}
			if cut == len(record)/2 {
				checkGoesOn(t, folder(t, end, files), want)
				checkGoesOn(t, folder(t, start, files), want)
			}
		}
	}
}

// No crash can cut the first line, since the log gets its name when that is
// synced. To take it for an empty store would throw away all covers.
func TestCutFirstLine(t *testing.T) {
	for size := range len(store.Magic) {
		dir := folder(t, []byte(store.Magic[:size]), nil)
		checkRefused(t, dir, 0, "this is not the start of a bookstore log")
	}
}

// checkRefused checks that dir does not open, and that its log stays as it is.
func checkRefused(t *testing.T, dir string, offset int, reason string) {
	t.Helper()
	file := filepath.Join(dir, "books.log")
	before := readFile(t, file)
	want := fmt.Sprintf("store: %s: damaged at offset %d: %s", file, offset, reason)
	s, err := store.Open(dir)
	if err == nil {
		s.Close()
	}
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if after := readFile(t, file); !bytes.Equal(before, after) {
		t.Error("Open has changed a damaged log")
	}
}

// A byte that has changed is never taken for the work of a crash: not in the
// middle, and not in the last record either.
func TestDamageAnywhere(t *testing.T) {
	log, states, files := history(t)
	for i := range log {
		damaged := bytes.Clone(log)
		damaged[i] ^= 1
		start := 0
		reason := "this is not the start of a bookstore log"
		if i >= states[0].size {
			start = lastBefore(states, i).size
			reason = "length, checksum and content do not agree"
		}
		_, _, err := store.Replay(damaged)
		if want := fmt.Sprintf("damaged at offset %d: %s", start, reason); err == nil || err.Error() != want {
			t.Fatalf("byte %d of %d: got %v, want %s", i, len(log), err, want)
		}
		if i%50 == 0 {
			checkRefused(t, folder(t, damaged, files), start, reason)
		}
	}
}

func TestDamage(t *testing.T) {
	log, states, files := history(t)
	record := func(text string) []byte { return store.AppendRecord([]byte(store.Magic), text) }
	insert := func(at int, text string) []byte { return slices.Insert(bytes.Clone(log), at, []byte(text)...) }
	const disagree = "length, checksum and content do not agree"
	for _, test := range []struct {
		name   string
		log    []byte
		offset int
		reason string
	}{
		{"empty", nil, 0, "this is not the start of a bookstore log"},
		{"another file", []byte("#!/bin/sh\n"), 0, "this is not the start of a bookstore log"},
		{"a zero in the middle", slices.Replace(bytes.Clone(log), 99, 100, 0), lastBefore(states, 99).size, disagree},
		{"a newline that is zero", slices.Replace(bytes.Clone(log), states[2].size-1, states[2].size, 0), states[1].size, disagree},
		{"a record with text before it", insert(states[2].size, "x"), states[2].size, disagree},
		{"an empty line", insert(states[2].size, "\n"), states[2].size, disagree},
		{"zeros before a record", insert(states[2].size, "\x00\x00"), states[2].size, disagree},
		{"a record missing its end", slices.Delete(bytes.Clone(log), states[2].size-9, states[2].size), states[1].size, disagree},
		{"a line at the end", append(bytes.Clone(log), "hello\n"...), len(log), disagree},
		{"capitals", []byte(strings.ToUpper(store.Magic)), 0, "this is not the start of a bookstore log"},
		{"no JSON", record(`hello`), len(store.Magic), "invalid character 'h' looking for beginning of value"},
		{"no text", record(``), len(store.Magic), "unexpected end of JSON input"},
		{"from the future", record(`[{"rename":1}]`), len(store.Magic), "unknown change"},
		{"no id", record(`[{"put":{"book":{}}}]`), len(store.Magic), "unknown change"},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkRefused(t, folder(t, test.log, files), test.offset, test.reason)
		})
	}
}

func TestMissingFiles(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	create(t, s, shelf[0])
	putCover(t, s, 1, "x")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "books.log")
	picture := filepath.Join(dir, "covers", covers(t, dir)[0])
	for name, want := range map[string]string{
		log:     "store: " + log + " is missing, but there are covers",
		picture: "store: " + picture + " is missing, the cover of book 1",
	} {
		if err := os.Rename(name, name+".away"); err != nil {
			t.Fatal(err)
		}
		if s, err := store.Open(dir); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
			if err == nil {
				s.Close()
			}
		}
		// Opening has cleaned up, if it has come that far.
		if err := errors.Join(os.RemoveAll(name), restore(name)); err != nil {
			t.Fatal(err)
		}
	}
	checkCover(t, open(t, dir), 1, "x")
}

// restore moves a file back, or writes it again.
func restore(name string) error {
	if err := os.Rename(name+".away", name); err == nil {
		return nil
	}
	return os.WriteFile(name, []byte("x"), 0o600)
}

// What a crash leaves of files that were not complete, or not recorded.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	create(t, s, shelf[0])
	putCover(t, s, 1, "x")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"books.log.tmp", "covers/1-OLD", "covers/1-NEW.tmp"} {
		writeFile(t, filepath.Join(dir, name), []byte("bookst"))
	}
	s = open(t, dir)
	checkCover(t, s, 1, "x")
	if names := covers(t, dir); len(names) != 1 {
		t.Errorf("covers: %v, want one", names)
	}
	if _, err := os.Stat(filepath.Join(dir, "books.log.tmp")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("books.log.tmp: %v", err)
	}
}

// After a write or a sync that fails, nothing is acknowledged any more, not
// even if the next one would succeed; and readers never see what failed.
func TestFailedWrite(t *testing.T) {
	full := errors.New("no space left")
	for _, test := range []struct {
		name string
		hook func(store.LogFile) store.LogFile
	}{
		{"write", func(f store.LogFile) store.LogFile {
			var once sync.Once
			return &hookedLog{LogFile: f, write: func(p []byte) (n int, err error) {
				n, err = len(p)/2, nil
				once.Do(func() { f.Write(p[:n]); err = full })
				if err != nil {
					return n, err
				}
				return f.Write(p)
			}}
		}},
		{"sync", func(f store.LogFile) store.LogFile {
			var once sync.Once
			return &hookedLog{LogFile: f, sync: func() (err error) {
				once.Do(func() { err = full })
				return err
			}}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			create(t, s, shelf[0])
			want := all(t, s)
			s.SetLog(test.hook)

			const text = "store: nothing is written any more until the store is opened again: no space left"
			_, createErr := s.Create(t.Context(), shelf[1])
			_, updateErr := s.Update(t.Context(), 1, func(b *store.Book) error { b.Year++; return nil })
			for i, err := range []error{
				createErr,
				updateErr,
				s.Delete(t.Context(), 1),
				s.PutCover(t.Context(), 1, strings.NewReader("x"), ""),
				s.Start(t.Context()),
			} {
				if !errors.Is(err, full) || err.Error() != text {
					t.Errorf("%d: got %v, want %s", i, err, text)
				}
			}
			if got := all(t, s); !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			checkGoesOn(t, dir, state{books: want})
		})
	}
}

// A change that waits while the sync before it fails may build on what is lost.
func TestFailedWriteBefore(t *testing.T) {
	s := open(t, t.TempDir())
	syncing, goOn := make(chan struct{}), make(chan struct{})
	full := errors.New("no space left")
	syncs := 0
	s.SetLog(func(f store.LogFile) store.LogFile {
		return &hookedLog{LogFile: f, sync: func() error {
			syncs++
			close(syncing)
			<-goOn
			return full
		}}
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := s.Create(t.Context(), shelf[0]); !errors.Is(err, full) {
			t.Errorf("Create: %v, want %v", err, full)
		}
	})
	<-syncing
	wg.Go(func() {
		keep := func(*store.Book) error { return nil }
		if _, err := s.Update(t.Context(), 1, keep); !errors.Is(err, full) {
			t.Errorf("Update: %v, want %v", err, full)
		}
	})
	for s.Waiting() < 1 {
		runtime.Gosched()
	}
	close(goOn)
	wg.Wait()
	if books := all(t, s); syncs != 1 || len(books) != 0 {
		t.Errorf("%d syncs, books %v; want one, and none", syncs, ids(books))
	}
}

func TestCompact(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "books.log")
	s := open(t, dir)
	for _, b := range shelf {
		create(t, s, b)
	}
	putCover(t, s, 2, "x")
	small := len(readFile(t, log))
	s = reopen(t, s, dir)
	if n := len(readFile(t, log)); n != small {
		t.Errorf("a log of %d bytes without much waste became %d", small, n)
	}
	for len(readFile(t, log)) <= 2*store.CompactRatio*small {
		if _, err := s.Update(t.Context(), 1, func(b *store.Book) error { b.Price++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Delete(t.Context(), 4); err != nil { // the highest id
		t.Fatal(err)
	}
	want := all(t, s)
	for range 2 {
		s = reopen(t, s, dir)
		if got := all(t, s); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
		checkCover(t, s, 2, "x")
		if n := len(readFile(t, log)); n > small {
			t.Errorf("a log of %d bytes for what needs less than %d", n, small)
		}
	}
	if b := create(t, s, shelf[3]); b.ID != 5 {
		t.Errorf("id %d was given twice", b.ID)
	}
	s = reopen(t, s, dir)
	if n := len(all(t, s)); n != 4 {
		t.Errorf("%d books, want 4", n)
	}
}

// Any bytes: no panic, and what is good is good by itself.
func FuzzReplay(f *testing.F) {
	f.Add([]byte(store.Magic))
	f.Add([]byte(store.Magic + "00000011 836731df [{\"delete\":1234}]\n"))
	f.Add(store.AppendRecord([]byte(store.Magic), `[{"put":{"book":{"id":3,"isbn":"1"}}},{"last":9}]`))
	f.Add(append(store.AppendRecord([]byte(store.Magic), `[{"last":2}]`), "00000011 8367\x00\x00"...))
	f.Fuzz(func(t *testing.T, data []byte) {
		good, compact, err := store.Replay(data)
		if err != nil {
			return
		}
		again, same, err := store.Replay(data[:good])
		if again != good || err != nil || !bytes.Equal(same, compact) {
			t.Errorf("the first %d bytes: %d, %v, %q, want %q", good, again, err, same, compact)
		}
		n, same, err := store.Replay(compact)
		if n != len(compact) || err != nil || !bytes.Equal(same, compact) {
			t.Errorf("compact log %q: %d, %v, %q", compact, n, err, same)
		}
	})
}
