package mego

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
)

// Recovery is [RecoveryWithWriter] for [DefaultErrorWriter].
func Recovery() HandlerFunc { return RecoveryWithWriter(DefaultErrorWriter) }

// RecoveryWithWriter returns middleware that ends a panic of the handlers after
// it. It aborts the request, answers it with [StatusError] and
// [ErrPanicRecovered], unless it was answered before, and writes the panic, its
// stack, and the HTTP request without its secrets. A nil writer gets nothing.
//
// What [Context.MustBind] and [Context.MustGetFile] panic with is the client's
// mistake: that is answered with [StatusInvalid] and its text, and written
// without a stack.
func RecoveryWithWriter(out io.Writer) HandlerFunc {
	if out == nil {
		out = io.Discard
	}
	w := &syncWriter{w: out}
	return func(c *Context) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			var b strings.Builder
			fmt.Fprintf(&b, "[MEGO] panic in %s: %s\n", printable(c.Method.Name), printable(fmt.Sprint(v)))
			writeRequest(&b, c.Request)
			mistake := clientMistake(v)
			if mistake == nil {
				b.Write(debug.Stack())
			}
			io.WriteString(w, b.String())
			if mistake != nil {
				c.AbortWithError(StatusInvalid, nil, mistake)
			} else {
				c.AbortWithError(StatusError, nil, ErrPanicRecovered)
			}
		}()
		c.Next()
	}
}

// clientMistake returns the error that a panic is about if the client is to be
// told, or nil.
func clientMistake(v any) error {
	err, ok := v.(error)
	if !ok {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok && e.IsType(ErrorTypeBind) {
		return e
	}
	if errors.Is(err, ErrFileNotFound) {
		return err
	}
	return nil
}

// secrets are header fields whose values are not written.
var secrets = []string{"Authorization", "Cookie", "Proxy-Authorization", "Sec-Websocket-Key"}

// writeRequest writes the request line and the header, a line for each value.
func writeRequest(b *strings.Builder, r *http.Request) {
	fmt.Fprintf(b, "%s %s %s\n", r.Method, printable(r.URL.Path), r.Proto)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			if slices.Contains(secrets, name) {
				value = "*"
			}
			fmt.Fprintf(b, "%s: %s\n", name, printable(value))
		}
	}
}
