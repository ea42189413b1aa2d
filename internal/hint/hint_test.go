package hint

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	for _, test := range []struct {
		name  string
		known []string
		want  string
	}{
		{"UserId", []string{"Name", "UserID"}, "UserID"},
		{"alhpa", []string{"alphanum", "alpha"}, "alpha"},
		{"x", []string{"email"}, ""},
		{"length", []string{"lenght", "length"}, "length"},
		{"itn", []string{"int", "uint"}, "int"},
		{"USERID", []string{"UserID"}, "UserID"},
		{"abcd", []string{"wxyz"}, ""},
		{strings.Repeat("a", 65), []string{strings.Repeat("a", 64)}, ""},
		{"name", nil, ""},
	} {
		if got := Nearest(test.name, test.known); got != test.want {
			t.Errorf("Nearest(%q, %q) = %q, want %q", test.name, test.known, got, test.want)
		}
	}
}
