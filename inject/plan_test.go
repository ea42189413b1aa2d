package inject_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/gongular/gongular/inject"
)

// Embedded in handlers below.
type (
	Shared struct {
		DB *db
		N  int `inject:"n,optional"`
	}
	hidden struct {
		Cache *cache
		plain int
	}
	Broken struct {
		DB *db `inject:"db,opt"`
	}
	Outer struct{ Shared }
)

func TestFields(t *testing.T) {
	type handler struct {
		Param struct{ ID int }
		DB    *db
		Main  *db    `inject:"main"`
		Maybe *db    `inject:"main,optional"`
		Any   store  `inject:",optional"`
		Empty string `inject:""`
		Not   bool   `inject:"-"`
		plain int
		Outer
		hidden
		*Broken
		bytes.Buffer // has no exported field
	}
	skip := func(f reflect.StructField) bool { return f.Name == "Param" }
	p, err := inject.Compile[*scope](reflect.TypeFor[handler](), skip)
	must(t, err)

	var got []string
	for _, f := range p.Fields() {
		if sf := reflect.TypeFor[handler]().FieldByIndex(f.Index); sf.Type != f.Type || !strings.HasSuffix(f.Name, sf.Name) {
			t.Errorf("%s: index %v leads to %s %v", f.Name, f.Index, sf.Name, sf.Type)
		}
		got = append(got, fmt.Sprintf("%s %v %s %v", f.Name, f.Type, f.Key, f.Optional))
	}
	want := []string{
		"DB *inject_test.db default false",
		"Main *inject_test.db main false",
		"Maybe *inject_test.db main true",
		"Any inject_test.store default true",
		"Empty string default false",
		"Outer.Shared.DB *inject_test.db default false",
		"Outer.Shared.N int n true",
		"hidden.Cache *inject_test.cache default false",
		"Broken *inject_test.Broken default false",
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

func TestCompileErrors(t *testing.T) {
	type all struct {
		Param struct{} `inject:"p"`
		A     int      `inject:"db,optionl"`
		B     int      `inject:"db,required"`
		C     int      `inject:"db,"`
		D     int      `inject:",optional,optional"`
		E     int      `inject:"-,optional"`
		F     int      `inject:"db, Optional"`
		g     int      `inject:"db"`
		h     int      `inject:"-"`
		Broken
		hidden `inject:"x"`
		*Shared
	}
	for _, test := range []struct {
		name string
		typ  reflect.Type
		want string
	}{
		{"nil", nil, "cannot inject into <nil>: it is not a struct"},
		{"pointer", reflect.TypeFor[*db](), "cannot inject into *inject_test.db: it is not a struct"},
		{"all", reflect.TypeFor[all](), `Param: tag inject:"p": the field is not injected, but filled otherwise
A: tag inject:"db,optionl": unknown option "optionl"; did you mean "optional"?
B: tag inject:"db,required": unknown option "required"; the only one is "optional"
C: tag inject:"db,": an option is empty
D: tag inject:",optional,optional": option "optional" is given twice
E: tag inject:"-,optional": a field with "-" has no options
F: tag inject:"db, Optional": unknown option " Optional"; did you mean "optional"?
g: tag inject:"db": an unexported field cannot be set
Broken.DB: tag inject:"db,opt": unknown option "opt"; the only one is "optional"
hidden: tag inject:"x": an unexported field cannot be set`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := inject.Compile[*scope](test.typ, func(f reflect.StructField) bool { return f.Name == "Param" })
			checkErr(t, err, test.want)
		})
	}
}

// The order in which a field's value is looked for, as a slow and obvious
// function of what there is, against Bind for every combination.
func TestPrecedence(t *testing.T) {
	type (
		plain    struct{ V fmt.Stringer }
		optional struct {
			V fmt.Stringer `inject:",optional"`
		}
		keyed struct {
			V fmt.Stringer `inject:"k"`
		}
		keyedOptional struct {
			V fmt.Stringer `inject:"k,optional"`
		}
	)
	str := func(s string) fmt.Stringer { return bytes.NewBufferString(s) }
	typ := reflect.TypeFor[fmt.Stringer]()

	wanted := func(exact string, unsafe string, preset, opt bool, name string) string {
		switch {
		case exact != "":
			return exact
		case unsafe == "fits":
			return "unsafe"
		case unsafe == "unfit" && name != "":
			return `V: could not inject fmt.Stringer with key "k": the unsafe value is of type int, which is not assignable to fmt.Stringer`
		case preset:
			return "preset"
		case opt:
			return "zero"
		}
		return fmt.Sprintf("V: could not inject fmt.Stringer with key %q: no such dependency exists", cmp.Or(name, "default"))
	}
	for _, exact := range []string{"", "value", "custom"} {
		for _, unsafe := range []string{"", "fits", "unfit"} {
			for _, preset := range []bool{false, true} {
				for _, opt := range []bool{false, true} {
					for _, name := range []string{"", "k"} {
						var s set
						switch exact {
						case "value":
							must(t, s.ValueAs(typ, name, str("value")))
						case "custom":
							must(t, s.Custom(typ, name, func(*scope) (any, error) { return str("custom"), nil }))
						}
						switch unsafe {
						case "fits":
							must(t, s.Unsafe(name, str("unsafe")))
						case "unfit":
							must(t, s.Unsafe(name, 7))
						}
						var proto reflect.Value
						switch {
						case opt && name != "":
							proto = reflect.New(reflect.TypeFor[keyedOptional]()).Elem()
						case opt:
							proto = reflect.New(reflect.TypeFor[optional]()).Elem()
						case name != "":
							proto = reflect.New(reflect.TypeFor[keyed]()).Elem()
						default:
							proto = reflect.New(reflect.TypeFor[plain]()).Elem()
						}
						if preset {
							proto.Field(0).Set(reflect.ValueOf(str("preset")))
						}

						p, err := inject.Compile[*scope](proto.Type(), nil)
						must(t, err)
						b := p.Bind(&s, proto)
						v := reflect.New(proto.Type()).Elem()
						v.Set(b.Proto())
						err = b.Inject(nil, new(session), v)

						got := "zero"
						if missing := b.Missing(); len(missing) > 0 {
							got = missing[0].Error()
							if err == nil || !strings.HasSuffix(got, err.Error()) || !b.Dynamic() {
								t.Errorf("Missing says %s, Inject %v", got, err)
							}
						} else if must(t, err); !v.Field(0).IsNil() {
							got = v.Field(0).Interface().(fmt.Stringer).String()
						}
						if b.Dynamic() != (exact == "custom" || len(b.Missing()) > 0) {
							t.Errorf("Dynamic is %v", b.Dynamic())
						}
						if want := wanted(exact, unsafe, preset, opt, name); got != want {
							t.Errorf("exact %q, unsafe %q, preset %v, optional %v, key %q:\n got %s\nwant %s",
								exact, unsafe, preset, opt, name, got, want)
						}
					}
				}
			}
		}
	}
}

// injection/exported-preset: what was set at registration is kept, and what is
// provided goes before it.
func TestExportedPreset(t *testing.T) {
	type handler struct {
		Limit int
		DB    *db
	}
	var s set
	must(t, s.Value("", &db{"provided"}))
	h, err := serve(t, &s, handler{Limit: 10, DB: &db{"preset"}})
	if err != nil || h.Limit != 10 || h.DB.name != "provided" {
		t.Errorf("got %+v, %v", h, err)
	}
}

// injection/only-unexported: nothing is needed, and what was set is there.
func TestOnlyUnexported(t *testing.T) {
	type handler struct {
		limit int
		loud  bool
	}
	b := bind(t, new(set), handler{7, true})
	if b.Dynamic() {
		t.Error("there is something to inject")
	}
	if h, err := fill[handler](b, nil, new(session)); err != nil || h != (handler{7, true}) {
		t.Errorf("got %+v, %v", h, err)
	}
}

// Writing to one request's copy does not reach the prototype, nor the value that
// was registered.
func TestProtoIsCopied(t *testing.T) {
	type handler struct{ N int }
	var s set
	must(t, s.Value("", 5))
	registered := handler{1}
	b := bind(t, &s, registered)
	h, err := fill[handler](b, nil, new(session))
	must(t, err)
	h.N = 99
	if got := b.Proto().Interface().(handler); got.N != 5 || registered.N != 1 {
		t.Errorf("prototype %+v, registered %+v", got, registered)
	}
}

func TestEmbedded(t *testing.T) {
	type handler struct {
		Shared
		hidden
	}
	var s set
	must(t, s.Value("", &db{"main"}), s.Value("n", 3), s.Value("", &cache{}))
	h, err := serve(t, &s, handler{hidden: hidden{plain: 4}})
	if err != nil || h.DB.name != "main" || h.N != 3 || h.Cache == nil || h.plain != 4 {
		t.Errorf("by its parts: %+v, %v", h, err)
	}

	must(t, s.Custom(reflect.TypeFor[Shared](), "", func(*scope) (any, error) { return Shared{N: 8}, nil }))
	h, err = serve(t, &s, handler{})
	if err != nil || h.DB != nil || h.N != 8 || h.Cache == nil {
		t.Errorf("as a whole: %+v, %v", h, err)
	}

	type pointer struct{ *Shared }
	checkMissing(t, bind(t, &s, pointer{}),
		`Shared: could not inject *inject_test.Shared with key "default": no such dependency exists; inject_test.Shared is provided, not *inject_test.Shared`)

	type tagged struct {
		Shared `inject:"x"`
	}
	checkMissing(t, bind(t, &s, tagged{}),
		`Shared: could not inject inject_test.Shared with key "x": no such dependency exists; inject_test.Shared is provided with no key`)

	checkMissing(t, bind(t, new(set), handler{}),
		`Shared.DB: could not inject *inject_test.db with key "default": no such dependency exists`,
		`hidden.Cache: could not inject *inject_test.cache with key "default": no such dependency exists`)
}

func checkMissing(t *testing.T, b *inject.Bound[*scope], want ...string) {
	t.Helper()
	checkErr(t, errors.Join(b.Missing()...), strings.Join(want, "\n"))
}

func TestMissingHints(t *testing.T) {
	var s set
	must(t,
		s.Value("main", &db{}), s.Value("copy", &db{}), s.Unsafe("raw", &db{}), s.Unsafe("number", 7),
		s.Value("", cache{}), s.Func(func() *db { return nil }, "st", inject.PerRequest), s.Value("", &tx{}))

	type handler struct {
		DB     *db
		Cache  *cache
		Tx     tx
		Store  store `inject:"st"`
		Number *db   `inject:"number"`
		Any    any   `inject:"any"`
		Plain  string
	}
	near := `; *inject_test.db is provided with key "copy"; *inject_test.db is provided with key "main"` +
		`; *inject_test.db is provided with key "st"; an unsafe *inject_test.db is provided with key "raw"`
	b := bind(t, &s, handler{})
	checkMissing(t, b,
		`DB: could not inject *inject_test.db with key "default": no such dependency exists`+near,
		`Cache: could not inject *inject_test.cache with key "default": no such dependency exists; inject_test.cache is provided, not *inject_test.cache`,
		`Tx: could not inject inject_test.tx with key "default": no such dependency exists; *inject_test.tx is provided, not inject_test.tx`,
		`Store: could not inject inject_test.store with key "st": no such dependency exists`+
			`; *inject_test.db implements it: provide it as inject_test.store (ProvideAs)`+
			`; an unsafe *inject_test.db is provided with key "raw"`,
		`Number: could not inject *inject_test.db with key "number": the unsafe value is of type int, which is not assignable to *inject_test.db`,
		`Any: could not inject interface {} with key "any": no such dependency exists`+
			`; an unsafe int is provided with key "number"; an unsafe *inject_test.db is provided with key "raw"`,
		`Plain: could not inject string with key "default": no such dependency exists`,
	)
	for _, err := range b.Missing() {
		if _, ok := errors.AsType[inject.Error](err); !ok {
			t.Errorf("no Error in %v", err)
		}
	}
}

func TestBindWrongType(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic for a prototype of another type")
		}
	}()
	compile[struct{ DB *db }](t).Bind(new(set), reflect.ValueOf(db{}))
}

// What a tag means can be written down and read again; nothing makes the parser
// panic or let through a key that cannot be provided.
func FuzzParseTag(f *testing.F) {
	for _, seed := range []string{"", "db", ",optional", "db,optional", "-", "-,", ",", "a,b,c", "db, optional", "ключ,optional", "\x00\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, optional, none, err := inject.ParseTag(text)
		if err != nil || none {
			if key != "" || optional {
				t.Errorf("%q: key %q, optional %v beside none %v, error %v", text, key, optional, none, err)
			}
			return
		}
		must(t, new(set).Value(key, 1))
		again := key
		if optional {
			again += ",optional"
		}
		k, o, n, err := inject.ParseTag(again)
		if k != key || o != optional || n || err != nil {
			t.Errorf("%q is %q, which reads as %q, %v, %v, %v", text, again, k, o, n, err)
		}
	})
}
