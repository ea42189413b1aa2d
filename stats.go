package gongular

import "github.com/gongular/gongular/stats"

// A RouteStat is the record of one request; see [stats.Route].
type RouteStat = stats.Route

// A HandlerStat is the record of one handler of a request; see [stats.Handler].
type HandlerStat = stats.Handler

// A RouteCallback is told of each request when it is over; see
// [Engine.SetRouteCallback].
type RouteCallback = stats.Callback

// DefaultRouteCallback is the callback of a new engine: it prints the record to
// standard output, a line for the route and one for each handler.
var DefaultRouteCallback RouteCallback = stats.Print

// NoOpRouteCallback does nothing. With it, nothing is measured.
var NoOpRouteCallback = func(stat RouteStat) {}
