// Package inject fills the fields of a struct with values provided beforehand.
//
// A [Set] holds what is provided, each under a type and a name; a [Plan] knows
// the fields of one struct type; a [Bound] is the two brought together:
//
//	type Show struct {
//		DB    *sql.DB                      // the *sql.DB provided without a name
//		Cache *sql.DB `inject:"cache"`     // the one provided as "cache"
//		Trace *Tracer `inject:",optional"` // left nil if nobody provides it
//		Limit int                          // not provided: keeps what Show was registered with
//		Skin  string  `inject:"-"`         // no dependency at all
//	}
//
//	var set inject.Set[*http.Request]
//	set.Value("", db)
//	set.Value("cache", memory)
//	plan, err := inject.Compile[*http.Request](reflect.TypeFor[Show](), nil)
//	bound := plan.Bind(&set, reflect.ValueOf(Show{Limit: 10}))
//
// All that does not change from one request to the next is set by Bind, in a
// prototype. A request copies [Bound.Proto] and calls [Bound.Inject], which asks
// the remaining providers: those that have to see the request, of type C, or to
// do something for it. What they gave is remembered, and cleaned up, by the
// [Session] of the request.
//
// # Where a field's value comes from
//
// The first of these that there is:
//
//  1. what is provided for exactly the field's type and name, by [Set.Value],
//     [Set.ValueAs], [Set.Custom] or [Set.Func];
//  2. the value given to [Set.Unsafe] under that name, if it is assignable;
//  3. what the field was preset to;
//  4. nothing, if the field is optional: it stays zero.
//
// Otherwise the field is missing: [Bound.Missing] says so before the first
// request, and [Bound.Inject] then fails with an [Error]. An interface is not
// matched by looking for something that implements it: say which value it is
// with [Set.ValueAs], or return the interface from a [Set.Func].
//
// A field of an embedded struct counts as a field of the struct around it, so
// that several structs can share what they need, unless the embedded struct is
// itself provided or tagged: then it is one dependency. An embedded pointer
// always is. An unexported field is never touched.
//
// # Providers that need something
//
// A provider given to [Set.Func] takes as parameters what it needs, and may
// return a cleanup that learns how the request ended:
//
//	set.Func(func(ctx context.Context, db *sql.DB) (*sql.Tx, func(error) error, error) {
//		tx, err := db.BeginTx(ctx, nil)
//		return tx, func(outcome error) error {
//			if outcome != nil {
//				return tx.Rollback()
//			}
//			return tx.Commit()
//		}, err
//	}, "", inject.PerRequest)
//
// Who needs whom is worked out once for each version of the Set; [Set.Check]
// lists what is missing, what goes in a circle, and every [Singleton] that
// would have to live on something shorter-lived than itself.
package inject
