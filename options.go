package gongular

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/gongular/gongular/bind"
	"github.com/gongular/gongular/ws"
)

// Options configure an [Engine]. A zero field means its default. The fields of
// the first part may also be given to a group or a route by With, where a zero
// field means what the engine, or the group around, has.
//
// A limit that is negative is no limit.
type Options struct {
	// MaxBody limits a JSON body in bytes; a longer one is answered 413.
	// The default is 4 MiB.
	MaxBody int64

	// MaxForm limits a form in bytes, with its files; a longer one is answered
	// 413. The default is 32 MiB.
	MaxForm int64

	// MaxFormMemory is how many bytes of a multipart form's files are held in
	// memory; the rest is kept in temporary files, which are removed when the
	// request is over. The default is 1 MiB.
	MaxFormMemory int64

	// MaxKeys limits the keys of a query or form, and the values of a
	// comma-separated list; more are answered 400. The default is 1,000. Of a
	// multipart form net/http itself takes no more than 1,000 parts.
	MaxKeys int

	// MaxFiles limits the files of a form; more are answered 400. The default is 100.
	MaxFiles int

	// MaxDepth limits how deep a JSON body nests; a deeper one is answered 400.
	// The default is 100; there is none beyond encoding/json's 10,000.
	MaxDepth int

	// BodyTimeout is how long a JSON body may take to arrive; a slower one is
	// answered 408. The default is 10 seconds.
	BodyTimeout time.Duration

	// FormTimeout is how long a form may take to arrive; a slower one is
	// answered 408. The default is one minute.
	FormTimeout time.Duration

	// Timeout ends the context of a request. A handler that returns the
	// context's error after that is answered 503. The default is none.
	Timeout time.Duration

	// Strict answers 400 to names and keys that no field has, in a JSON body, a
	// query or a form, and to JSON names that are given twice or in another
	// case. By default they are ignored, or, in another case, taken.
	Strict bool

	// Upgrader answers the handshakes of WebSocket routes: which pages may
	// connect, subprotocols, compression, pings, limits. The default is a zero
	// [ws.Upgrader], with pings after 30 seconds of silence.
	Upgrader *ws.Upgrader

	// The fields below are the engine's alone.

	// TrailingSlash says what becomes of a path that differs from a registered
	// one in its last slash. The default is RedirectSlash.
	TrailingSlash TrailingSlash

	// HostsOnly answers 421 to requests for a host that no Router.Host names.
	// By default they are served by the routes without a host.
	HostsOnly bool

	// ProblemErrors answers errors, and paths that are not found, with
	// application/problem+json (RFC 9457) instead of the original's objects, and
	// keeps the text of errors that are not the client's for the log. It has no
	// effect on an error handler of one's own.
	ProblemErrors bool

	// ValidationStatus is the status of a ValidationError: 400, the default, or 422.
	ValidationStatus int

	// Indent is the indentation of JSON answers. The default, "", is compact.
	Indent string

	// EmptySlices writes a body that is a nil slice as [] and a nil map as {},
	// instead of null. What is inside a body stays encoding/json's matter.
	EmptySlices bool

	// PassPanics leaves panics to net/http, which closes the connection, or to a
	// middleware. By default they are logged with their stack and become a
	// [PanicError] for the error handler. A WebSocket is closed with 1011 either
	// way.
	PassPanics bool

	// Logger takes what concerns the server and not the client: panics, errors
	// of status 500 and above, failed cleanups, answers given twice. It is also
	// what Context.Slog adds to. The default is slog.Default().
	Logger *slog.Logger

	// ReadHeaderTimeout limits how long the header of a request may take in
	// ListenAndServe and Serve. The default is 5 seconds.
	ReadHeaderTimeout time.Duration

	// ReadTimeout limits how long a whole request may take to arrive there, for
	// handlers that read bodies by themselves. It begins with the request; the
	// limits of BodyTimeout and FormTimeout replace it for bodies that are
	// bound. The default is 5 minutes.
	ReadTimeout time.Duration

	// IdleTimeout limits how long a connection is kept without a request there.
	// The default is 2 minutes.
	IdleTimeout time.Duration

	// MaxHeaderBytes limits the header of a request there. The default is
	// net/http's, 1 MiB.
	MaxHeaderBytes int

	// ShutdownTimeout is how long Serve lets running requests finish once its
	// context has ended. The default is 30 seconds.
	ShutdownTimeout time.Duration

	// UnencryptedHTTP2 also serves HTTP/2 without TLS (h2c, with prior
	// knowledge) in ListenAndServe and Serve. By default it is HTTP/1.1 there.
	UnencryptedHTTP2 bool
}

// TrailingSlash says what becomes of a request for /x/ where only /x is
// registered, and the other way round.
type TrailingSlash uint8

const (
	// RedirectSlash redirects to the registered spelling: 301 for GET and HEAD,
	// 307 for other methods, the query kept.
	RedirectSlash TrailingSlash = iota
	// IgnoreSlash serves both spellings.
	IgnoreSlash
	// StrictSlash answers 404. (So it does for /x where /x/ is registered, even
	// if a catch-all would take /x.)
	StrictSlash
)

// defaults are the values of the zero fields of an engine's Options.
var defaults = func() Options {
	l := bind.DefaultLimits()
	return Options{
		MaxBody: l.Body, MaxForm: l.Form, MaxFormMemory: l.FormMemory, MaxKeys: l.Keys, MaxFiles: l.Files,
		MaxDepth: l.Depth, BodyTimeout: l.BodyTimeout, FormTimeout: l.FormTimeout,
		ValidationStatus:  400,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute,
		ShutdownTimeout: 30 * time.Second,
		Upgrader:        &ws.Upgrader{PingInterval: 30 * time.Second},
	}
}()

// over returns o with base's value in every field that is zero in o.
func (o Options) over(base Options) Options {
	v, b := reflect.ValueOf(&o).Elem(), reflect.ValueOf(base)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			v.Field(i).Set(b.Field(i))
		}
	}
	return o
}

// routeFields are the fields that a group or route may have.
var routeFields = []string{"MaxBody", "MaxForm", "MaxFormMemory", "MaxKeys", "MaxFiles", "MaxDepth", "BodyTimeout", "FormTimeout", "Timeout", "Strict", "Upgrader"}

// checkRoute reports fields of o that are set but are the engine's alone.
func (o Options) checkRoute() error {
	v := reflect.ValueOf(o)
	var errs []error
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; !v.Field(i).IsZero() && !slices.Contains(routeFields, name) {
			errs = append(errs, fmt.Errorf("Options.%s is the engine's alone; a group or route may have %s", name, strings.Join(routeFields, ", ")))
		}
	}
	return errors.Join(append(errs, o.checkUpgrader())...)
}

// checkUpgrader reports mistakes in the fields of the Upgrader.
func (o Options) checkUpgrader() error {
	if o.Upgrader == nil {
		return nil
	}
	if err := o.Upgrader.Err(); err != nil {
		return fmt.Errorf("Options.Upgrader: %w", err)
	}
	return nil
}

// check reports values that make no sense.
func (o Options) check() error {
	var errs []error
	if o.ValidationStatus != 0 && o.ValidationStatus != 400 && o.ValidationStatus != 422 {
		errs = append(errs, fmt.Errorf("Options.ValidationStatus: %d is neither 400 nor 422", o.ValidationStatus))
	}
	if o.TrailingSlash > StrictSlash {
		errs = append(errs, fmt.Errorf("Options.TrailingSlash: %d is none of RedirectSlash, IgnoreSlash, StrictSlash", o.TrailingSlash))
	}
	if strings.Trim(o.Indent, " \t") != "" {
		errs = append(errs, fmt.Errorf("Options.Indent: %q is not of spaces and tabs", o.Indent))
	}
	return errors.Join(append(errs, o.checkUpgrader())...)
}

// limits are what bind has to know of o.
func (o *Options) limits(decoders map[string]bind.Decoder) *bind.Limits {
	return &bind.Limits{
		Body: max(o.MaxBody, 0), Form: max(o.MaxForm, 0), FormMemory: max(o.MaxFormMemory, 0),
		Keys: max(o.MaxKeys, 0), Files: max(o.MaxFiles, 0), Depth: max(o.MaxDepth, 0),
		BodyTimeout: max(o.BodyTimeout, 0), FormTimeout: max(o.FormTimeout, 0),
		Strict: o.Strict, Decoders: decoders,
	}
}
