// Package gongular serves HTTP with struct handlers.
//
// A handler is a struct with a Handle method. Its fields say what it needs and
// are filled, on a fresh value, for every request:
//
//	type Show struct {
//		Param struct{ ID int }                       // from the path
//		Query struct{ Lang string `valid:"alpha"` }  // from the query string, validated
//		DB    *sql.DB                                // from Engine.Provide
//	}
//
//	func (h *Show) Handle(c *gongular.Context) error {
//		c.SetBody(…)
//		return nil
//	}
//
//	e := gongular.NewEngine()
//	e.Provide(db)
//	e.GET("/users/:ID", &Show{})
//	log.Fatal(e.ListenAndServe(":8000"))
//
// An [Engine] is an [http.Handler] and stands on [http.ServeMux]: it mounts in
// any server, any http.Handler mounts in it, and any func(http.Handler)
// http.Handler goes around all, a group or a route of it.
//
// # Handlers
//
// The fields Param, Query, Header, Cookie, Body and Form are structs that are
// filled from the request (Body may be of any type that JSON decodes into) and
// then checked by their valid tags; package bind says which types and tags
// there are, package validate which rules. Every other exported field is a
// dependency; package inject says how it is found. Unexported fields, and
// exported ones that nothing is provided for, keep what the registered value
// holds: each request gets a shallow copy of it.
//
// A request that does not fit is answered with 400 before Handle is called: by
// way of the error handler, with a [ParseError] or [ValidationError] that names
// place, field and reason. See [Options] for the limits that apply.
//
// # Mistakes in the program
//
// What is wrong with a route is found when it is registered, which panics as
// http.ServeMux does, naming the line, the pattern, the type and the field, and
// what was probably meant. Dependencies may be provided before or after the
// routes that need them: [Engine.Check] lists all that are missing, and
// [Engine.ListenAndServe] calls it.
//
// # Concurrency
//
// An Engine is safe for concurrent use: routes may be registered and values
// provided while it serves. A [Context] belongs to its request's goroutine.
package gongular
