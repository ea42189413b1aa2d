package bind_test

import (
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/gongular/gongular/bind"
)

type sentInner struct {
	C int `q:"c"`
}

type sentQuery struct {
	A         int `q:"a" json:"first"`
	B         []string
	sentInner `json:"-"`
	M         map[string]int
}

func TestSent(t *testing.T) {
	p, err := bind.Compile(reflect.TypeFor[sentQuery](), bind.Query, nil)
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"":                     `{}`,
		"a":                    `{"first":true}`,
		"a=1&B=&c=&M[x]=1&z=2": `{"B":true,"C":true,"M":true,"first":true}`,
		"first=1&b=1&C=1&M[=1": `{}`,
	} {
		req := requestOf(httptest.NewRequest("GET", "/?"+query, nil))
		if err := bound(p, reflect.New(reflect.TypeFor[sentQuery]()).Elem(), req); err != nil {
			t.Fatal(query, err)
		}
		if got, _ := json.Marshal(p.Sent(&req.Request)); string(got) != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

type sentNested struct {
	sentInner `json:"in"`
	D         int
}

// An embedded struct with a json name is under that name, as validate has it.
func TestSentNested(t *testing.T) {
	p, err := bind.Compile(reflect.TypeFor[sentNested](), bind.Header, nil)
	if err != nil {
		t.Fatal(err)
	}
	req := requestOf(httptest.NewRequest("GET", "/", nil))
	req.R.Header.Set("C", "1")
	if got, _ := json.Marshal(p.Sent(&req.Request)); string(got) != `{"in":{"C":true}}` {
		t.Errorf("%s", got)
	}
}

func TestSentBody(t *testing.T) {
	type body struct {
		A int `json:"a"`
	}
	p, err := bind.CompileBody(reflect.TypeFor[*body](), nil)
	if err != nil {
		t.Fatal(err)
	}
	decoders := map[string]bind.Decoder{"application/x-other": func([]byte, any) error { return nil }}
	for _, test := range []struct{ contentType, text, want string }{
		{"application/json", `{"a":1,"b":[1e999,{"c":null}]}`, `{"a":1,"b":[1e999,{"c":null}]}`},
		{"application/json", ``, `null`},
		{"application/x-other", `anything`, `null`},
	} {
		req := requestOf(httptest.NewRequest("POST", "/", strings.NewReader(test.text)))
		req.limits = &bind.Limits{Decoders: decoders}
		req.R.Header.Set("Content-Type", test.contentType)
		var b *body
		if err := bound(p, reflect.ValueOf(&b).Elem(), req); err != nil {
			t.Fatal(test.text, err)
		}
		if got, _ := json.Marshal(p.Sent(&req.Request)); string(got) != test.want {
			t.Errorf("%s: %s, want %s", test.text, got, test.want)
		}
		req.Close()
	}
}

// What is said about a secret field does not show its value, be it decoded by
// another's decoder.
func TestSecretBody(t *testing.T) {
	type body struct {
		Pin int    `json:"pin,string" valid:"secret"`
		Key hidden `json:"key" valid:"secret"`
	}
	p, err := bind.CompileBody(reflect.TypeFor[body](), nil)
	if err != nil {
		t.Fatal(err)
	}
	decoders := map[string]bind.Decoder{"application/x-other": func(data []byte, v any) error { return json.Unmarshal(data, v) }}
	for _, test := range []struct{ contentType, text, field, reason string }{
		{"application/json", `{"pin":"12x4"}`, "pin", "expected integer"},
		{"application/json", `{"key":"12x4"}`, "key", "expected string"},
		{"application/x-other", `{"pin":"12x4"}`, "", "a value does not fit its field"},
	} {
		req := requestOf(httptest.NewRequest("POST", "/", strings.NewReader(test.text)))
		req.limits = &bind.Limits{Decoders: decoders}
		req.R.Header.Set("Content-Type", test.contentType)
		var b body
		e, ok := bound(p, reflect.ValueOf(&b).Elem(), req).(bind.Error)
		if !ok || e.FieldName != test.field || e.Reason != test.reason || strings.Contains(e.Err.Error(), "12x4") {
			t.Errorf("%s: %v (%v)", test.text, e, e.Err)
		}
		req.Close()
	}
}

type hidden struct{}

func (*hidden) UnmarshalText(text []byte) error {
	return json.Unmarshal([]byte(`"`+string(text)+`"`), new(int))
}
