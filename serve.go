package gongular

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// ListenAndServe checks the engine and serves it on the TCP address until that
// fails; it always returns an error. The server's limits of time are those of
// the Options. [Engine.Serve] can be stopped.
func (e *Engine) ListenAndServe(addr string) error {
	return e.listenAndServe(addr, func(s *http.Server, ln net.Listener) error { return s.Serve(ln) })
}

// ListenAndServeTLS does the same over TLS, with HTTP/2, for the certificate
// and key in the files.
func (e *Engine) ListenAndServeTLS(addr, certFile, keyFile string) error {
	return e.listenAndServe(addr, func(s *http.Server, ln net.Listener) error { return s.ServeTLS(ln, certFile, keyFile) })
}

func (e *Engine) listenAndServe(addr string, serve func(*http.Server, net.Listener) error) error {
	if err := e.Check(); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := e.set.Start(ctx); err != nil {
		return errors.Join(err, ln.Close())
	}
	e.sessions.start()
	server := e.Server(addr)
	e.servers.Store(server, nil)
	defer e.servers.Delete(server)
	err = serve(server, ln)
	stopping, cancel := e.within(ctx)
	defer cancel()
	if stopped := e.set.Stop(stopping); stopped != nil {
		err = errors.Join(err, stopped)
	}
	return err
}

// Shutdown stops the servers that ListenAndServe, ListenAndServeTLS and Serve
// run, as [http.Server.Shutdown] does: those return at once, ListenAndServe with
// [http.ErrServerClosed], and Shutdown when running requests have finished or ctx
// has ended, with its error.
//
// It also ends the WebSocket sessions of the engine, whatever server they are
// of: peers are told so with code 1001, and it waits for their handlers to
// return. Handshakes are answered 503 from then on, until the engine is served
// again. A server of one's own does that with RegisterOnShutdown.
func (e *Engine) Shutdown(ctx context.Context) error {
	e.sessions.stop(nil)
	var errs []error
	for server := range e.servers.Range {
		errs = append(errs, server.(*http.Server).Shutdown(ctx))
	}
	if left := e.sessions.wait(ctx, nil); left > 0 {
		errs = append(errs, sessionsLeft(left, ctx.Err()))
	}
	return errors.Join(errs...)
}

func sessionsLeft(n int, err error) error {
	return fmt.Errorf("gongular: %d WebSocket sessions were still open: %w", n, err)
}

// Serve checks the engine and serves it on the TCP address until ctx ends. Then
// it closes the listener, lets running requests finish for as long as
// Options.ShutdownTimeout says, closes what is left of them, and returns nil if
// nothing was. WebSocket sessions are told with code 1001, and are waited for as
// well. Provided values with a method Start(context.Context) error are
// started before and those with Stop(context.Context) error stopped after it, in
// the order they were provided and in its reverse.
func (e *Engine) Serve(ctx context.Context, addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return e.ServeListener(ctx, ln)
}

// ServeTLS is Serve over TLS, with HTTP/2, for the certificate and key in the files.
func (e *Engine) ServeTLS(ctx context.Context, addr, certFile, keyFile string) error {
	certificate, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return e.serve(ctx, ln, func(s *http.Server) error {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
		return s.ServeTLS(ln, "", "")
	})
}

// ServeListener is Serve on a listener of any kind, which it closes.
func (e *Engine) ServeListener(ctx context.Context, ln net.Listener) error {
	return e.serve(ctx, ln, func(s *http.Server) error { return s.Serve(ln) })
}

func (e *Engine) serve(ctx context.Context, ln net.Listener, serve func(*http.Server) error) error {
	if err := e.Check(); err != nil {
		return errors.Join(err, ln.Close())
	}
	// Requests go on when ctx ends; what it carries is theirs all the same.
	base := context.WithoutCancel(ctx)
	if err := e.set.Start(ctx); err != nil {
		return errors.Join(err, ln.Close())
	}
	e.sessions.start()
	server := e.Server(ln.Addr().String())
	server.BaseContext = func(net.Listener) context.Context { return base }
	e.servers.Store(server, nil)
	defer e.servers.Delete(server)
	failed := make(chan error, 1)
	go func() { failed <- serve(server) }()

	var err error
	select {
	case err = <-failed:
		if errors.Is(err, http.ErrServerClosed) {
			err = nil // by Shutdown
		}
	case <-ctx.Done():
		err = e.shutdown(base, server)
		<-failed // http.ErrServerClosed
	}
	stopping, cancel := e.within(base)
	defer cancel()
	return errors.Join(err, e.set.Stop(stopping))
}

// within returns a context that lasts for the ShutdownTimeout.
func (e *Engine) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if e.options.ShutdownTimeout < 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, e.options.ShutdownTimeout)
}

// shutdown stops the server, gracefully as long as there is time.
func (e *Engine) shutdown(base context.Context, server *http.Server) error {
	ctx, cancel := e.within(base)
	defer cancel()
	e.sessions.stop(server)
	defer e.sessions.forget(server)
	err := server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("gongular: requests were still running %v after the server was stopped: %w", e.options.ShutdownTimeout, err), server.Close())
	}
	if left := e.sessions.wait(ctx, server); left > 0 {
		err = errors.Join(err, sessionsLeft(left, ctx.Err()))
	}
	return err
}

// Server returns an [http.Server] for the engine with the address and the
// limits that the Options have, for those who want to set more of it.
func (e *Engine) Server(addr string) *http.Server {
	s := &http.Server{
		Addr:              addr,
		Handler:           e,
		ReadHeaderTimeout: max(e.options.ReadHeaderTimeout, 0),
		ReadTimeout:       max(e.options.ReadTimeout, 0),
		IdleTimeout:       max(e.options.IdleTimeout, time.Duration(0)),
		MaxHeaderBytes:    max(e.options.MaxHeaderBytes, 0),
		ErrorLog:          e.errorLog(),
	}
	if e.options.UnencryptedHTTP2 {
		s.Protocols = new(http.Protocols)
		s.Protocols.SetHTTP1(true)
		s.Protocols.SetHTTP2(true)
		s.Protocols.SetUnencryptedHTTP2(true)
	}
	return s
}

// errorLog is net/http's own log, on the engine's logger.
func (e *Engine) errorLog() *log.Logger {
	if e.options.Logger == nil {
		return nil
	}
	return slog.NewLogLogger(e.options.Logger.Handler(), slog.LevelWarn)
}
