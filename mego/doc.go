// Package mego is a WebSocket RPC engine: clients call methods, subscribe to
// events and upload files over one connection, in MessagePack.
//
//	e := mego.Default()
//	e.Register("Sum", func(c *mego.Context) {
//		c.Respond(c.Param(0).GetInt() + c.Param(1).GetInt())
//	})
//	log.Fatal(e.Run(":5000"))
//
// Names and meanings are those of the Mego project. An [Engine] is an
// http.Handler, for any path of any server or router, behind any middleware. A
// server's Shutdown does not know of sessions:
//
//	app := gongular.NewEngine()
//	app.Handle("/mego", e)
//	server := app.Server(":8000")
//	server.RegisterOnShutdown(func() { e.Close() })
//
// # Sessions
//
// A connection becomes a [Session] by its first message, the handshake: a map
// with a MegoID, which is a UUID that the client makes, and whatever keys it
// wants to be known by. All of it is what the client claims. A MegoID names and
// does not prove: [Engine.HandleConnect] can refuse a handshake, or HTTP
// middleware in front of the engine the request. A handshake with the MegoID of a
// session takes that one's place, and its connection is closed with code 4409.
//
// # Methods
//
// A request goes through the middleware of [Engine.Use] and then the handlers of
// [Engine.Register]; each decides with [Context.Next] whether the next one runs.
// The first response counts. Where nobody responds, the client gets an empty
// result, or an error if a handler did not let the next one run.
//
// [Engine.Method] registers a struct instead, which is filled from the
// parameters, checked and given its dependencies as a handler of package gongular
// is, by the same plan.
//
// Requests of a session run at the same time, each in a goroutine, up to
// EngineOption.Concurrency; answers may overtake each other. Nothing is read from
// a client that has as many under way.
//
// # Events
//
// Clients subscribe to the channels of events, if [Engine.HandleSubscribe] lets
// them, and [Engine.Emit] sends to all who are subscribed: encoded once, through a
// [ws.Hub]. Nobody waits for a client that is slow: EngineOption.Slow says what is
// done about it. EngineOption.Broker joins the events of several machines.
//
// # Files
//
// Files arrive whole or in chunks, and the handlers get them when they are on
// disk: [Context.GetFile]. A file lives as long as its session, unless
// [File.Move] makes it the application's. Chunks come in order; a client that
// lost count is told by [StatusFileRetry] with which to go on. With
// EngineOption.ResumeTimeout this is so across connections. If the client gives
// the SHA-256 of the file, as h beside its bytes, it is checked. What a process
// that was killed has left on disk is removed by the next.
//
// # Errors
//
//	malformed MessagePack, no map, no integer as number   close 1007
//	a message over the limit                              close 1009
//	no handshake, or a bad one                            close 1008
//	a WebSocket protocol error                            close 1002
//	a panic without Recovery                              close 1011
//	a newer connection with the same MegoID               close 4409
//	too slow for its events                               close 1013
//	Engine.Close                                          close 1001
//	Session.Disconnect                                    close 1000
//	everything else                                       an error with a Status code, and the session goes on
//
// # Differences from the model
//
//	model                                           here
//	Run only                                        an http.Handler; Run returns an error
//	messages before the handshake are ignored       error and close
//	two connections with one MegoID                 the newer takes over
//	subscriptions are not answered                  they are, if they have a number
//	an unknown method gets nothing                  NoMethod, then StatusUnimplemented
//	later handlers run by themselves                Next, always
//	without Respond, the client waits               it is answered
//	requests of a session run in turn               at the same time; Concurrency 1 is in turn
//	limits of EngineOption are not read             they hold
//	chunks in any order, [current, total]           in order, [total, current]
//	files stay                                      they end with their session
//	ClientIP believes X-Forwarded-For               of TrustedProxies only
//	RequestLimit admits one more, and leaks         Limit, also after a panic
//	MustBind does not panic                         it does
//	Default recovers outside of the log             inside, so that panics are logged
//	Methods by name in upper case                   by name as registered; lookup in any case
//	GetInt of an unsigned number is 0               numbers are converted to each other
package mego
