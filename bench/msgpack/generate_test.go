package msgpack_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/gongular/gongular/mego/msgpack"
)

// A generator makes values by chance. exts says whether extensions other than
// points in time are among them, keys whether maps have keys that are no strings.
type generator struct {
	*rand.Rand
	exts, keys bool
}

func newGenerator(seed uint64) generator {
	return generator{rand.New(rand.NewPCG(seed, 17)), true, true}
}

// length is mostly small, and at times at a boundary of the formats.
func (g generator) length() int {
	switch g.IntN(60) {
	case 0:
		return 15 + g.IntN(3)
	case 1:
		return 31 + g.IntN(3)
	case 2:
		return 255 + g.IntN(3)
	case 3:
		return 65_535 + g.IntN(3)
	}
	return g.IntN(5)
}

func (g generator) few() int { return min(g.length(), 40) }

func (g generator) text() string {
	b := make([]rune, g.length())
	for i := range b {
		b[i] = []rune{'a', 'B', '0', ' ', 'é', '日', 0x1f600, 0, '.'}[g.IntN(9)]
	}
	return string(b)
}

func (g generator) bytes() []byte {
	b := make([]byte, g.length())
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return b
}

func (g generator) integer() int64 { return int64(g.Uint64()) >> g.IntN(64) }

func (g generator) float() float64 {
	switch g.IntN(6) {
	case 0:
		return math.Inf(g.IntN(2)*2 - 1)
	case 1:
		return float64(g.integer())
	case 2:
		return math.Float64frombits(g.Uint64()) // of any size; NaN, perhaps
	}
	return g.NormFloat64()
}

// time is at most 2^52 seconds away, which JavaScript has numbers for.
func (g generator) time() time.Time {
	return time.Unix(g.integer()>>(11+g.IntN(30)), g.Int64N(2)*g.Int64N(1e9)).UTC()
}

func (g generator) any(depth int) any {
	n := 10
	if depth < 4 {
		n = 12
	}
	switch g.IntN(n) {
	case 0:
		return nil
	case 1:
		return g.IntN(2) == 1
	case 2, 3:
		return g.integer()
	case 4:
		return g.Uint64() | 1<<63
	case 5:
		return g.float()
	case 6:
		return g.text()
	case 7:
		return g.bytes()
	case 8:
		return g.time()
	case 9:
		if g.exts {
			return msgpack.Ext{Type: int8(g.IntN(128)), Data: g.bytes()}
		}
		return g.text()
	case 10:
		list := make([]any, g.few())
		for i := range list {
			list[i] = g.any(depth + 2)
		}
		return list
	}
	if g.keys && g.IntN(3) == 0 {
		m := map[any]any{int64(0): nil} // one that is no string
		for range g.IntN(4) {
			m[[]any{nil, true, g.integer(), g.NormFloat64(), g.text()}[g.IntN(5)]] = g.any(depth + 2)
		}
		return m
	}
	m := map[string]any{}
	for range g.few() {
		m[g.text()] = g.any(depth + 2)
	}
	return m
}

func (g generator) account() Account {
	a := Account{
		ID: g.integer(), Name: g.text(), Active: g.IntN(2) == 0, Score: g.float(), Level: uint16(g.Uint64()), Photo: g.bytes(), Since: g.time(),
		Tags: []string{g.text(), g.text()}, Visits: []int{int(int32(g.integer())), 0}, Options: map[string]string{g.text(): g.text(), g.text(): g.text()},
	}
	if math.IsNaN(a.Score) {
		a.Score = 0
	}
	if g.IntN(2) == 0 {
		a.Home = &Address{g.text(), g.text(), int(int32(g.integer()))}
		a.Email = g.text()
	}
	return a
}

// describe spells a value so that it does not matter which Go type a number is
// of, nor whether it is an integer or a float without a fraction.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return fmt.Sprint(v)
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Sprintf("n:%d", v)
	case float32:
		return describe(float64(v))
	case float64:
		switch {
		case math.IsInf(v, 1):
			return "f:Infinity"
		case math.IsInf(v, -1):
			return "f:-Infinity"
		case v != v:
			return "f:NaN"
		case v == math.Trunc(v):
			i, _ := big.NewFloat(v).Int(nil)
			return "n:" + i.String()
		}
		return fmt.Sprintf("f:%016x", math.Float64bits(v))
	case string:
		return "s:" + hex.EncodeToString([]byte(v))
	case []byte:
		return "b:" + hex.EncodeToString(v)
	case msgpack.Ext:
		return fmt.Sprintf("x:%d:%x", v.Type, v.Data)
	case time.Time:
		return fmt.Sprintf("t:%d.%d", v.Unix(), v.Nanosecond())
	case *time.Time:
		return describe(*v)
	case []any:
		texts := make([]string, len(v))
		for i, x := range v {
			texts[i] = describe(x)
		}
		return "[" + strings.Join(texts, ",") + "]"
	case map[string]any:
		var texts []string
		for k, x := range v {
			texts = append(texts, describe(k)+"="+describe(x))
		}
		return braces(texts)
	case map[any]any:
		var texts []string
		for k, x := range v {
			texts = append(texts, describe(k)+"="+describe(x))
		}
		return braces(texts)
	}
	return fmt.Sprintf("%T:%v", v, v)
}

func braces(texts []string) string {
	slices.Sort(texts)
	return "{" + strings.Join(texts, ",") + "}"
}

// brief cuts a description for a message.
func brief(s string) string {
	if len(s) > 500 {
		return s[:500] + "…"
	}
	return s
}
