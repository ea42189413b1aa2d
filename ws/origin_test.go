package ws_test

import (
	"compress/flate"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/gongular/gongular/ws"
)

func TestOrigins(t *testing.T) {
	for _, test := range []struct {
		pattern string
		origin  string
		want    bool
	}{
		{"https://example.com", "https://example.com", true},
		{"https://example.com", "https://EXAMPLE.com:443", true},
		{"https://example.com:443", "https://example.com", true},
		{"https://example.com", "http://example.com", false},
		{"https://example.com", "https://example.com:8443", false},
		{"https://example.com", "https://www.example.com", false},
		{"https://example.com", "https://example.com.evil.org", false},
		{"HTTPS://example.com:8443", "https://example.com:8443", true},
		{"http://[::1]:8080", "http://[::1]:8080", true},
		{"example.com", "https://example.com", true},
		{"example.com", "http://example.com", true},
		{"example.com", "http://example.com:8080", false},
		{"example.com:8080", "http://example.com:8080", true},
		{"*.example.com", "https://a.example.com", true},
		{"*.example.com", "https://a.b.Example.com", true},
		{"*.example.com", "https://example.com", false},
		{"*.example.com", "https://.example.com", false},
		{"*.example.com", "https://evilexample.com", false},
		{"*.example.com", "https://a.example.com:8443", false},
		{"https://*.example.com:8443", "https://a.example.com:8443", true},
		{"https://*.example.com", "http://a.example.com", false},
		{"example.com", "ftp://example.com", false},
		{"example.com", "null", false},
		{"example.com", "http://exa mple.com", false},
		{"*", "https://anyone.example", true},
		{"*", "null", true},
		{"null", "null", true},
		{"null", "https://null", false},
		{"other.example", "https://server.example", true}, // the server's own host
	} {
		r := request(t, handshake("Origin: "+test.origin))
		r.Host = "server.example"
		u := &ws.Upgrader{Origins: []string{"unrelated.example", test.pattern}}
		if err := u.Err(); err != nil {
			t.Error(err)
		}
		e, refused := errors.AsType[*ws.HandshakeError](u.Check(r))
		if refused == test.want || refused && e.Status != http.StatusForbidden {
			t.Errorf("%s, origin %s: %v", test.pattern, test.origin, e)
		}
	}
	u := &ws.Upgrader{Origins: []string{"a.example", "b.example"}}
	for want, origins := range map[bool][]string{true: nil, false: {"https://a.example", "https://b.example"}} {
		r := request(t, handshake())
		r.Header["Origin"] = origins
		if err := u.Check(r); (err == nil) != want {
			t.Errorf("origins %q: %v", origins, err)
		}
	}
}

// A mistake in the set-up is told, and answered with 500.
func TestUpgraderErr(t *testing.T) {
	for _, test := range []struct {
		upgrader ws.Upgrader
		want     string
	}{
		{ws.Upgrader{Origins: []string{"a.example"}, CheckOrigin: func(*http.Request) bool { return true }}, "CheckOrigin and Origins are both set"},
		{ws.Upgrader{Origins: []string{""}}, `Origins: "" is not of the form scheme://host:port, host or *.host`},
		{ws.Upgrader{Origins: []string{"*."}}, `Origins: "*." is not of the form scheme://host:port, host or *.host`},
		{ws.Upgrader{Origins: []string{"a.*"}}, `Origins: "a.*" is not of the form scheme://host:port, host or *.host`},
		{ws.Upgrader{Origins: []string{"https://a.example/"}}, `Origins: "https://a.example/" is not of the form scheme://host:port, host or *.host`},
		{ws.Upgrader{Origins: []string{"https://a.example?x"}}, `Origins: "https://a.example?x" is not of the form scheme://host:port, host or *.host`},
		{ws.Upgrader{Origins: []string{"https://u@a.example"}}, `Origins: "https://u@a.example" is not of the form scheme://host:port, host or *.host`},
		{ws.Upgrader{Origins: []string{"a.example:"}}, `Origins: "a.example:" is not of the form scheme://host:port, host or *.host`},
		{ws.Upgrader{Origins: []string{"a.example:x"}}, `Origins: "a.example:x" is not of the form scheme://host:port, host or *.host`},
		{ws.Upgrader{Origins: []string{"ws://a.example"}}, `Origins: "ws://a.example": the scheme of a page is http or https`},
		{ws.Upgrader{Subprotocols: []string{"a", "b c"}}, `Subprotocols: "b c" is no name of a subprotocol`},
		{ws.Upgrader{Compression: &ws.Compression{Level: -3}}, "Compression: compression level -3"},
		{ws.Upgrader{Compression: &ws.Compression{ServerMaxWindowBits: 16}}, "Compression: compression window of 16 bits"},
	} {
		if err := test.upgrader.Err(); textOf(err) != "websocket: "+test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
		e, ok := errors.AsType[*ws.HandshakeError](test.upgrader.Check(request(t, handshake())))
		if !ok || e.Status != http.StatusInternalServerError || e.Reason != "the server is set up wrong: "+test.want {
			t.Errorf("got %v, want 500 and %s", e, test.want)
		}
	}
	good := ws.Upgrader{Subprotocols: []string{"a"}, Compression: &ws.Compression{Level: flate.HuffmanOnly, ServerMaxWindowBits: 8}}
	if err := good.Err(); err != nil {
		t.Error(fmt.Errorf("good: %w", err))
	}
}
