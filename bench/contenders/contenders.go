// Package contenders lists who does the work of the scenarios, each in a package
// of its own.
package contenders

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/gongular/gongular/bench/contenders/chi"
	"github.com/gongular/gongular/bench/contenders/echo"
	"github.com/gongular/gongular/bench/contenders/fiber"
	"github.com/gongular/gongular/bench/contenders/gin"
	"github.com/gongular/gongular/bench/contenders/gongular"
	"github.com/gongular/gongular/bench/contenders/handwritten"
	"github.com/gongular/gongular/bench/contenders/huma"
	"github.com/gongular/gongular/bench/scenarios"
)

// All are the contenders, the baseline first, then ours.
func All() []scenarios.Contender {
	return []scenarios.Contender{
		handwritten.Contender{}, gongular.Contender{},
		chi.Contender{}, echo.Contender{}, gin.Contender{}, huma.Contender{}, fiber.Contender{},
	}
}

// NetHTTP are those that stand on net/http.
func NetHTTP() []scenarios.Contender {
	return slices.DeleteFunc(All(), func(c scenarios.Contender) bool { return c.Handler("static") == nil })
}

// Find returns the contender of the name.
func Find(name string) (scenarios.Contender, error) {
	for _, c := range All() {
		if c.Name() == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("no contender %q", name)
}

// Serve serves a scenario on l until l is closed, by net/http's server with the
// same limits of time for all, or by the contender's own.
func Serve(c scenarios.Contender, scenario string, l net.Listener) error {
	if own, ok := c.(interface {
		Serve(string, net.Listener) error
	}); ok {
		return own.Serve(scenario, l)
	}
	server := &http.Server{
		Handler:           c.Handler(scenario),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Minute,
		IdleTimeout:       2 * time.Minute,
	}
	return server.Serve(l)
}
