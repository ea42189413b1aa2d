// Package gongtest tests handlers, in the process and without a port.
//
// A [Client] sends requests to an engine, or any [http.Handler], and looks at
// the answers; what is not as it should be fails the test, with the request and
// the whole answer in the message:
//
//	func TestRename(t *testing.T) {
//		c := gongtest.New(t, newEngine())
//
//		c.PUT("/users/7").JSON(map[string]string{"name": "ada"}).Do().Expect(200)
//		c.PUT("/users/7").JSON(map[string]string{"name": "?"}).Do().
//			ValidationError(gongular.PlaceBody, "name")
//		user := gongtest.Decode[User](c.GET("/users/7").Do().Expect(200))
//		…
//	}
//
// [Bind] shows what a handler's fields become, without an engine. To call Handle
// by itself, fill a handler like any struct and give it a
// [gongular.NewContext].
//
// # What fails a test unasked
//
// A handler may go wrong in ways that an answer does not show. The client
// reports them too:
//
//   - a second status, a body for a status that has none (204, 205, 304), a body
//     that is not as long as its Content-Length: all that net/http would only
//     log or refuse;
//   - a panic, but for [http.ErrAbortHandler], which is [Response.Aborted];
//   - writing to an answer whose handler has returned;
//   - goroutines that a request has started and that do not end;
//   - temporary files of multipart forms that are not removed.
//
// The last three are looked for when the test is over, by a function given to
// its Cleanup. It runs before those that were given earlier: what ends a
// handler's background work must be deferred or given to Cleanup after [New].
// What an engine holds back and logs, such as a second status by way of
// [gongular.Context.Writer] or a body after the answer was written, is reported
// as well.
//
// # Parallel tests
//
// All this holds in parallel tests, which are not charged with each other's
// faults. Goroutines are told apart by a profiler label that requests set and
// goroutines inherit (see [runtime/pprof.Do]); a handler that replaces all
// labels of its goroutine hides what it starts after that. Files are those that
// came into [os.TempDir] while a request was served and hold what it uploaded;
// the environment is not touched.
//
// # What differs from a server
//
// Answers are complete when Do returns: a handler that streams without end needs
// a [Request.Context] that does. There is no connection to take over, so that
// Hijack, and with it a WebSocket, needs [net/http/httptest.NewServer]. Neither
// Date nor trailers are in the answer, 1xx answers are dropped, redirects are not
// followed and cookies not kept.
package gongtest
