package ws

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// connect returns a connection to the server, by way of a proxy if there is one.
func (d *dialler) connect(ctx context.Context) (net.Conn, error) {
	find := d.options.Proxy
	if find == nil {
		find = http.ProxyFromEnvironment
	}
	proxy, err := find(d.request)
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	target := d.request.URL
	var conn net.Conn
	if proxy == nil {
		conn, err = d.netDial(ctx, address(target))
	} else if conn, err = d.connectProxy(ctx, proxy, address(target)); err != nil {
		err = fmt.Errorf("proxy %s: %w", proxy.Redacted(), err)
	}
	if err != nil {
		return nil, err
	}
	if target.Scheme == "https" {
		return d.secure(ctx, conn, target, false)
	}
	return conn, nil
}

func (d *dialler) netDial(ctx context.Context, address string) (net.Conn, error) {
	dial := d.options.NetDial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return dial(ctx, "tcp", address)
}

// address returns host and port of the URL.
func address(u *url.URL) string {
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme]))
}

// secure speaks TLS with the host of the URL, whose name in the configuration is
// the server's and not a proxy's.
func (d *dialler) secure(ctx context.Context, conn net.Conn, u *url.URL, isProxy bool) (net.Conn, error) {
	config := new(tls.Config)
	if d.options.TLSConfig != nil {
		config = d.options.TLSConfig.Clone()
	}
	if config.ServerName == "" || isProxy {
		config.ServerName = u.Hostname()
	}
	config.NextProtos = []string{"http/1.1"}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secured, nil
}

// connectProxy asks a proxy for a connection to the address, RFC 9110 section
// 9.3.6.
func (d *dialler) connectProxy(ctx context.Context, proxy *url.URL, target string) (net.Conn, error) {
	if proxy.Scheme != "http" && proxy.Scheme != "https" {
		return nil, fmt.Errorf("the scheme is not http or https; NetDial can do what it needs")
	}
	conn, err := d.netDial(ctx, address(proxy))
	if err != nil {
		return nil, err
	}
	if proxy.Scheme == "https" {
		if conn, err = d.secure(ctx, conn, proxy, true); err != nil {
			return nil, err
		}
	}
	if err := within(ctx, conn, func() error { return askProxy(conn, proxy, target) }); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// askProxy sends CONNECT and reads the answer.
func askProxy(conn net.Conn, proxy *url.URL, target string) error {
	r := &http.Request{
		Method: http.MethodConnect,
		URL:    &url.URL{Opaque: target},
		Host:   target,
		Header: make(http.Header),
	}
	if user := proxy.User; user != nil {
		password, _ := user.Password()
		r.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := r.Write(conn); err != nil {
		return err
	}
	a := newAnswer(conn)
	res, err := a.read(r)
	switch {
	case err != nil:
		return err
	case res.StatusCode/100 != 2:
		return fmt.Errorf("the answer to CONNECT is %s", res.Status)
	case a.r.Buffered() > 0:
		return errors.New("the proxy sends more than its answer")
	}
	return nil
}
