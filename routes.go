package gongular

import (
	"fmt"
	"iter"
	"reflect"
	"slices"

	"github.com/gongular/gongular/inject"
	"github.com/gongular/gongular/internal/hint"
)

// Names and lists of what is registered.

// URL returns the path of the named route with the values, in order, for its
// wildcards; they are formatted by fmt.Sprint and escaped. It returns an error
// for an unknown name, a missing, surplus or empty value, one that breaks the
// wildcard's constraint, and one that would not survive the cleaning of paths.
func (e *Engine) URL(name string, params ...any) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	rt, ok := e.names[name]
	if !ok {
		names := make([]string, 0, len(e.names))
		for n := range e.names {
			names = append(names, n)
		}
		slices.Sort(names)
		if near := hint.Nearest(name, names); near != "" {
			return "", fmt.Errorf("no route is named %q; did you mean %q?", name, near)
		}
		return "", fmt.Errorf("no route is named %q", name)
	}
	path, err := rt.pattern.build(params)
	if err != nil {
		return "", fmt.Errorf("route %q: %w", name, err)
	}
	return path, nil
}

// A RouteInfo describes a registered route.
type RouteInfo struct {
	Method   string // "" for all methods
	Host     string // "" for all hosts
	Pattern  string // as registered, with the prefixes of its groups
	Name     string // "" if it has none
	Handlers []HandlerInfo
	Options  Options // as they apply to the route
	Location string  // file:line of the registration
}

// A HandlerInfo describes a handler of a route.
type HandlerInfo struct {
	Type     reflect.Type // the struct, or what else handles
	Sections []SectionInfo
	Needs    []inject.Field // the fields that are dependencies
}

// A SectionInfo describes a field that is filled from the request.
type SectionInfo struct {
	Field string // "Param", "Query", …
	Type  reflect.Type
}

// Routes lists the routes in the order of their registration. A plain
// [http.Handler] is the last of its route's handlers.
func (e *Engine) Routes() iter.Seq[RouteInfo] {
	return func(yield func(RouteInfo) bool) {
		e.mu.Lock()
		routes := slices.Clone(e.routes)
		e.mu.Unlock()
		for _, rt := range routes {
			if !yield(rt.info()) {
				return
			}
		}
	}
}

func (rt *Route) info() RouteInfo {
	settings := rt.ready()
	rt.router.engine.mu.Lock()
	name := rt.name
	rt.router.engine.mu.Unlock()
	info := RouteInfo{Method: rt.method, Host: rt.router.host, Pattern: rt.pattern.text, Name: name, Options: settings.options, Location: rt.location}
	for _, p := range rt.plans {
		h := HandlerInfo{Type: p.typ}
		for _, s := range p.sections {
			h.Sections = append(h.Sections, SectionInfo{s.field, s.typ})
		}
		if p.inject != nil {
			h.Needs = p.inject.Fields()
		}
		info.Handlers = append(info.Handlers, h)
	}
	if rt.last != nil {
		info.Handlers = append(info.Handlers, HandlerInfo{Type: reflect.TypeOf(rt.last)})
	}
	return info
}
