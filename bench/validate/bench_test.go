package validate_test

import (
	"slices"
	"testing"

	"github.com/asaskevich/govalidator/v12"
	"github.com/go-playground/validator/v10"

	"github.com/gongular/gongular/validate"
)

// Each case is a struct that four contenders check by rules that are equal as
// far as the values go: ours, code by hand, validator/v10 and govalidator.
//
//	go test -run '^$' -bench Validate ./validate
//	go test -run '^$' -bench Ratio ./validate
//
// measures each by itself, and prints how they stand to each other: the median
// of the ratios of CPU time in interleaved rounds, and allocations.

// A contest is one value and who checks it.
type contest struct {
	name       string
	value      any
	valid      bool
	contenders []contender
	checks     int // in a round of BenchmarkRatio
}

// A contender reports whether it accepts the value.
type contender struct {
	name   string
	accept func() bool
}

// benchmarked is a struct that can check itself by hand, saying what is wrong.
type benchmarked interface{ check() []string }

func newContest(name string, valid bool, checks int, x benchmarked) contest {
	var v validate.Validator
	playground := validator.New(validator.WithRequiredStructEnabled())
	return contest{name, x, valid, []contender{
		{"ours", func() bool { return v.Struct(x) == nil }},
		{"byhand", func() bool { return len(x.check()) == 0 }},
		{"validator-v10", func() bool { return playground.Struct(x) == nil }},
		{"govalidator", func() bool { ok, _ := govalidator.ValidateStruct(x); return ok }},
	}, checks}
}

func contests() []contest {
	eight := account{"ada1815", "ada@example.com", "a987fbc9-4bed-3078-cf07-9141ba07c9f3", 36, 9.5, "admin", "192.168.0.1", "abcdef"}
	wrong := eight
	wrong.Name, wrong.Age, wrong.Role = "ada 1815", 12, "root"
	typical := member{"ada1815", "ada.lovelace@example.com", 36, []string{"math", "engine", "notes"}}
	nested := order{"a1", customer{"ada", &place{"Bath", 1815}}}
	list := batch{make([]item, 100)}
	for i := range list.Items {
		list.Items[i] = item{"abc" + decimal(i), i + 1}
	}
	return []contest{
		newContest("8fields", true, 20_000, &eight),
		newContest("8fields-3wrong", false, 5_000, &wrong),
		newContest("typical", true, 20_000, &typical),
		newContest("nested", true, 20_000, &nested),
		newContest("slice100", true, 500, &list),
	}
}

// check sees that the contender says what it should, before it is measured.
func (c *contest) check(t testing.TB) {
	t.Helper()
	for _, who := range c.contenders {
		if got := who.accept(); got != c.valid {
			t.Fatalf("%s: %s accepts: %v, want %v of %+v", c.name, who.name, got, c.valid, c.value)
		}
	}
}

// All contenders agree on what is measured, and on each field of it: set to what
// is wrong, it is refused by all.
func TestContenders(t *testing.T) {
	for _, c := range contests() {
		c.check(t)
	}
	for _, spoil := range []func(*account){
		func(a *account) { a.Name = "" }, func(a *account) { a.Name = "a" }, func(a *account) { a.Name = rep("a", 33) }, func(a *account) { a.Name = "a b" },
		func(a *account) { a.Email = "" }, func(a *account) { a.Email = "a@" }, func(a *account) { a.Email = "a b@c.de" },
		func(a *account) { a.ID = "a987" }, func(a *account) { a.ID = rep("a", 36) },
		func(a *account) { a.Age = 17 }, func(a *account) { a.Age = 151 }, func(a *account) { a.Score = 10.5 }, func(a *account) { a.Score = 0.5 },
		func(a *account) { a.Role = "root" }, func(a *account) { a.IP = "1.2.3" }, func(a *account) { a.Code = "xyz" },
	} {
		a := account{"ada1815", "ada@example.com", "a987fbc9-4bed-3078-cf07-9141ba07c9f3", 36, 9.5, "admin", "192.168.0.1", "abcdef"}
		spoil(&a)
		c := newContest("", false, 1, &a)
		c.check(t)
	}
	for _, m := range []member{{"", "a@b.cd", 18, nil}, {"ada", "", 18, nil}, {"ada", "a@b.cd", 17, nil}, {"ada", "a@b.cd", 18, []string{"Math"}}} {
		c := newContest("", false, 1, &m)
		c.check(t)
	}
	for _, o := range []order{{"a 1", customer{"ada", nil}}, {"a1", customer{"1", nil}}, {"a1", customer{"ada", &place{"1", 1}}}, {"a1", customer{"ada", &place{"Bath", 10000}}}} {
		c := newContest("", false, 1, &o)
		c.check(t)
	}
	for _, i := range []item{{"a b", 1}, {"", 1}, {"abc", 1001}} {
		c := newContest("", false, 1, &batch{[]item{{"abc", 1}, i}})
		c.check(t)
	}
}

// Valid values of structs, strings, numbers, pointers and slices take no memory.
func TestValidTakesNoMemory(t *testing.T) {
	for _, c := range contests() {
		if c.valid {
			if n := testing.AllocsPerRun(100, func() { c.contenders[0].accept() }); n != 0 {
				t.Errorf("%s: %v allocations", c.name, n)
			}
		}
	}
}

// BenchmarkValidate measures each contender by itself.
func BenchmarkValidate(b *testing.B) {
	for _, c := range contests() {
		b.Run(c.name, func(b *testing.B) {
			c.check(b)
			for _, who := range c.contenders {
				b.Run(who.name, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						who.accept()
					}
				})
			}
		})
	}
}

// BenchmarkRatio has all contenders check in turn and reports the medians of
// the ratios of their CPU times, that of the garbage collector among it, with
// ours: ours/byhand is how much more ours takes than code by hand, the others
// how much more they take than ours. allocs is that of ours for one value.
func BenchmarkRatio(b *testing.B) {
	for _, c := range contests() {
		b.Run(c.name, func(b *testing.B) {
			c.check(b)
			spent := make([]float64, len(c.contenders))
			round := func() {
				for i, who := range c.contenders {
					checks := c.checks
					if who.name == "byhand" || who.name == "ours" {
						checks *= 10 // the quick ones for longer: the clock has steps
					}
					began := cpuTime()
					for range checks {
						who.accept()
					}
					spent[i] = float64(cpuTime()-began) / float64(checks)
				}
			}
			round() // warm
			var byHand, playground, original []float64
			for b.Loop() {
				round()
				byHand = append(byHand, spent[0]/spent[1])
				playground = append(playground, spent[2]/spent[0])
				original = append(original, spent[3]/spent[0])
			}
			b.ReportMetric(median(byHand), "ours/byhand")
			b.ReportMetric(median(playground), "v10/ours")
			b.ReportMetric(median(original), "govalidator/ours")
			b.ReportMetric(testing.AllocsPerRun(100, func() { c.contenders[0].accept() }), "allocs")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}
