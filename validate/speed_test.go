package validate_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gongular/gongular/validate"
)

type flat struct {
	Name    string  `valid:"required,alphanum,length(2|32)"`
	Email   string  `valid:"required,email,runelength(3|254)"`
	Site    string  `valid:"url"`
	ID      string  `valid:"uuid,lowercase,!uppercase"`
	Kind    string  `valid:"in(a|b|c)"`
	Slug    string  `valid:"matches(^[a-z-]+$)"`
	IP      string  `valid:"ip,ascii"`
	Text    string  `valid:"utfletter,!null,notnull"`
	Age     int     `valid:"required,range(18|150)"`
	Count   int64   `valid:"numeric,int,length(1|20),runelength(1|20),lowercase,uppercase"`
	Size    uint32  `valid:"in(7|4000000000),alphanum,ascii,hexadecimal,!alpha,!null"`
	Ratio   float64 `valid:"float,range(0|1),!email,!uuid,!utfletter"`
	Ratio32 float32 `valid:"float,length(1|3)"`
	Words   string  `valid:"utfletternum,printableascii,!multibyte,halfwidth,!fullwidth,!variablewidth,minstringlength(2),maxstringlength(9),stringlength(2|9)"`
	Host    string  `valid:"dialstring,!ipv4,!dns"`
	Name2   string  `valid:"dns,host,!ipv6,!port"`
	Card    int64   `valid:"creditcard,!isbn10,!isbn13,!IMEI,!ssn,utfdigit,utfnumeric"`
	Version string  `valid:"semver,!uuidv4,!ulid,!hexcolor,!rgbcolor,!base64,!datauri"`
	Country string  `valid:"ISO3166Alpha2,!ISO3166Alpha3,!ISO4217"`
	Lat     float64 `valid:"latitude,longitude,!port"`
	Unset   string  `valid:"email"`
	Inner   struct {
		Zip int `valid:"length(5|5)"`
	} `valid:"required"`
	List []string `valid:"required,alpha"`
}

func newFlat() flat {
	f := flat{
		Name: "ada1815", Email: "ada.lovelace@example.com", Site: "https://example.com/a?b#c",
		ID: "a987fbc9-4bed-3078-cf07-9141ba07c9f3", Kind: "b", Slug: "the-slug", IP: "2001:db8::1", Text: "é日本",
		Age: 36, Count: 1 << 62, Size: 4000000000, Ratio: 0.123456789, Ratio32: 0.1,
		Words: "ab12", Host: "example.com:80", Name2: "example.com", Card: 4111111111111111, Version: "1.2.3-rc.1+b", Country: "FR", Lat: 48.85, List: []string{"ab", "cd"},
	}
	f.Inner.Zip = 12345
	return f
}

func TestValidTakesNoMemory(t *testing.T) {
	f := newFlat()
	p, err := new(validate.Validator).Compile(reflect.TypeFor[flat]())
	if err != nil {
		t.Fatal(err)
	}
	if errs := p.Validate(reflect.ValueOf(f)); errs != nil {
		t.Fatal(errs)
	}
	v := reflect.ValueOf(&f).Elem()
	for name, run := range map[string]func(){
		"Plan.Validate": func() { p.Validate(v) },
		"Struct":        func() { validate.Struct(&f) },
	} {
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// Rules that may use memory for a value that they accept: what defines them
// does, or keeps some in a pool, which may be empty. Plan.Validate names them.
var mayAllocate = []string{"json", "jwt", "mac", "matches", "requri", "requrl", "rfc3339", "rsapub", "url"}

func TestRulesTakeNoMemory(t *testing.T) {
	for _, test := range ruleTests {
		name, _, _ := strings.Cut(test.tag, "(")
		if slices.Contains(mayAllocate, name) || name == "required" || name == "optional" || name[0] == '!' {
			continue
		}
		rule := validate.Rule(strings.TrimSuffix(test.tag, "tail"))
		for _, s := range test.accepts {
			if n := testing.AllocsPerRun(10, func() { rule(s) }); n != 0 {
				t.Errorf("%s of %q: %v allocations", test.tag, s, n)
			}
		}
	}
}

type typical struct {
	Name  string   `valid:"required,alphanum,length(2|32)"`
	Email string   `valid:"required,email"`
	Age   int      `valid:"range(18|150)"`
	Tags  []string `valid:"lowercase"`
}

var typicalValue = typical{"ada1815", "ada.lovelace@example.com", 36, []string{"math", "engine", "notes"}}

func BenchmarkStruct(b *testing.B) {
	b.Run("plan", func(b *testing.B) {
		p, err := new(validate.Validator).Compile(reflect.TypeFor[typical]())
		if err != nil {
			b.Fatal(err)
		}
		v := reflect.ValueOf(&typicalValue).Elem()
		b.ReportAllocs()
		for b.Loop() {
			if p.Validate(v) != nil {
				b.Fatal("refused")
			}
		}
	})
	b.Run("by hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !typicalByHand(&typicalValue) {
				b.Fatal("refused")
			}
		}
	})
}

// typicalByHand is what one would write for typical. Of email it checks the same.
func typicalByHand(t *typical) bool {
	if n := len(t.Name); n < 2 || n > 32 {
		return false
	}
	for i := range len(t.Name) {
		if c := t.Name[i]; !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') {
			return false
		}
	}
	if t.Email == "" || !validate.IsEmail(t.Email) {
		return false
	}
	if t.Age != 0 && (t.Age < 18 || t.Age > 150) {
		return false
	}
	for _, s := range t.Tags {
		if s != "" && !validate.IsLowercase(s) {
			return false
		}
	}
	return true
}

// BenchmarkRule has each scanner beside its twin.
func BenchmarkRule(b *testing.B) {
	for _, test := range ruleTests {
		twin := twins[test.tag]
		if twin == nil || len(test.accepts) == 0 {
			continue
		}
		s := test.accepts[0]
		run := func(accepts func(string) bool) func(*testing.B) {
			return func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if !accepts(s) {
						b.Fatal("refused")
					}
				}
			}
		}
		b.Run(test.tag+"/scanner", run(validate.Rule(test.tag)))
		b.Run(test.tag+"/twin", run(twin))
	}
}
