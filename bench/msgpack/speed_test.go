package msgpack_test

import (
	"bytes"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	theirs "github.com/vmihailenco/msgpack/v5"

	"github.com/gongular/gongular/mego/msgpack"
)

// Figures mean something as a ratio within one run:
//
//	go test -run '^$' -bench Ratio ./msgpack
//
// prints, as the metric "ratio", the CPU time of ours over theirs, the garbage
// collector's among it, as the median of interleaved rounds, and as "allocs" and
// "theirs" the allocations of each per value. MarshalSorted has theirs sort keys
// too, as ours always does.

// A Reply is what an RPC engine sends.
type Reply struct {
	Event  string     `msgpack:"v"`
	Result any        `msgpack:"r"`
	Error  ReplyError `msgpack:"e"`
	ID     int        `msgpack:"i"`
}

type ReplyError struct {
	Code    int    `msgpack:"c"`
	Message string `msgpack:"m"`
	Data    any    `msgpack:"d"`
}

// An Account has a field of each usual kind.
type Account struct {
	ID      int64             `msgpack:"id"`
	Name    string            `msgpack:"name"`
	Email   string            `msgpack:"email,omitempty"`
	Active  bool              `msgpack:"active"`
	Score   float64           `msgpack:"score"`
	Level   uint16            `msgpack:"level"`
	Tags    []string          `msgpack:"tags"`
	Home    *Address          `msgpack:"home"`
	Photo   []byte            `msgpack:"photo"`
	Since   time.Time         `msgpack:"since"`
	Visits  []int             `msgpack:"visits"`
	Options map[string]string `msgpack:"options"`
}

type Address struct {
	Street string `msgpack:"street"`
	City   string `msgpack:"city"`
	Zip    int    `msgpack:"zip"`
}

func account(i int) Account {
	return Account{
		ID: int64(1000 + i), Name: fmt.Sprintf("Ada Lovelace %d", i), Email: "ada@example.com", Active: true, Score: 98.25,
		Level: 300, Tags: []string{"math", "engine", "notes"}, Home: &Address{"12 St James's Square", "London", 11234},
		Photo: []byte("\x89PNG\r\n\x1a\n0123456789abcdef"), Since: time.Unix(1_700_000_000, 0).UTC(), Visits: []int{1, 20, 300, 70_000},
		Options: map[string]string{"theme": "dark", "lang": "en"},
	}
}

func accounts(n int) []Account {
	list := make([]Account, n)
	for i := range list {
		list[i] = account(i)
	}
	return list
}

// A scenario is a value, and a new value to decode it into.
type scenario struct {
	name  string
	value any
	into  func() any
	maps  bool // of strings, which theirs can sort
}

func intoNew[T any]() any { return new(T) }

func scenarios() []scenario {
	one := account(1)
	list := accounts(100)
	numbers := make([]int, 1000)
	words := make([]string, 200)
	dict := map[string]string{}
	counts := map[int]int{}
	for i := range numbers {
		numbers[i] = i * i * 7
	}
	for i := range words {
		words[i] = fmt.Sprintf("word number %d", i)
		dict[words[i]] = words[i]
		counts[i*100] = i
	}
	document := map[string]any{
		"id": int64(77), "name": "a document", "ok": true, "ratio": 0.75, "none": nil,
		"tags":   []any{"a", "b", "c"},
		"author": map[string]any{"name": "Ada", "age": int64(36)},
		"rows": func() (rows []any) {
			for i := range 20 {
				rows = append(rows, map[string]any{"index": int64(i), "text": "some text", "value": 1.5 * float64(i)})
			}
			return rows
		}(),
	}
	return []scenario{
		{"reply", &Reply{Result: int64(42), ID: 7}, intoNew[Reply], false},
		{"account", &one, intoNew[Account], false},
		{"accountByValue", one, intoNew[Account], false},
		{"accounts100", list, intoNew[[]Account], false},
		{"accountIntoAny", &one, intoNew[any], false},
		{"document", document, intoNew[any], true},
		{"documentIntoMap", document, intoNew[map[string]any], false},
		{"ints1000", numbers, intoNew[[]int], false},
		{"strings200", words, intoNew[[]string], false},
		{"dict200", dict, intoNew[map[string]string], true},
		{"counts200", counts, intoNew[map[int]int], false},
		{"bytes64K", make([]byte, 64<<10), intoNew[[]byte], false},
		{"number", 123456, intoNew[int], false},
	}
}

// marshalSorted is theirs.Marshal with keys in order, as ours always has them.
func marshalSorted(v any) ([]byte, error) {
	var b bytes.Buffer
	e := theirs.GetEncoder()
	e.Reset(&b)
	e.SetSortMapKeys(true)
	err := e.Encode(v)
	theirs.PutEncoder(e)
	return b.Bytes(), err
}

func must(b testing.TB, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// cpuTime is what the process has used so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ratio reports the CPU time and allocations of ours, and their relation to theirs.
func ratio(b *testing.B, ours, theirs func()) {
	// As many values per round as take about 20 ms.
	rounds := 1
	for began := cpuTime(); cpuTime()-began < 20*time.Millisecond; rounds++ {
		theirs()
	}
	spent := func(f func()) float64 {
		began := cpuTime()
		for range rounds {
			f()
		}
		return float64(cpuTime()-began) + 1
	}
	spent(ours) // warm
	var ratios []float64
	for b.Loop() {
		ratios = append(ratios, spent(ours)/spent(theirs))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "ratio")
	b.ReportMetric(testing.AllocsPerRun(100, ours), "allocs")
	b.ReportMetric(testing.AllocsPerRun(100, theirs), "theirs")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkRatio(b *testing.B) {
	for _, s := range scenarios() {
		b.Run("Marshal/"+s.name, func(b *testing.B) {
			ratio(b, func() {
				if _, err := msgpack.Marshal(s.value); err != nil {
					b.Fatal(err)
				}
			}, func() {
				if _, err := theirs.Marshal(s.value); err != nil {
					b.Fatal(err)
				}
			})
		})
		if s.maps {
			b.Run("MarshalSorted/"+s.name, func(b *testing.B) {
				ratio(b, func() {
					if _, err := msgpack.Marshal(s.value); err != nil {
						b.Fatal(err)
					}
				}, func() {
					if _, err := marshalSorted(s.value); err != nil {
						b.Fatal(err)
					}
				})
			})
		}
		b.Run("Unmarshal/"+s.name, func(b *testing.B) {
			data, err := msgpack.Marshal(s.value)
			must(b, err)
			a, c := s.into(), s.into()
			must(b, msgpack.Unmarshal(data, a))
			must(b, theirs.Unmarshal(data, c))
			ratio(b, func() {
				if err := msgpack.Unmarshal(data, s.into()); err != nil {
					b.Fatal(err)
				}
			}, func() {
				if err := theirs.Unmarshal(data, s.into()); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

// BenchmarkMarshal and BenchmarkUnmarshal measure ours by itself.
func BenchmarkMarshal(b *testing.B) {
	for _, s := range scenarios() {
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := msgpack.Marshal(s.value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	for _, s := range scenarios() {
		b.Run(s.name, func(b *testing.B) {
			data, err := msgpack.Marshal(s.value)
			must(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if err := msgpack.Unmarshal(data, s.into()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
