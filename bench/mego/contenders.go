package mego

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/rpc"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gongular/gongular/mego"
	"github.com/gongular/gongular/mego/client"
)

// A contender is a way to call methods of another process.
type contender struct {
	// serve serves connections of the listener. It returns what emits an event to
	// all who are subscribed, where there is such a thing.
	serve func(net.Listener) (broadcast func() error)
	// dial returns a client that has one connection.
	dial func(address string) (caller, error)
}

// A caller calls the method, which returns the text that it is given. It may be
// used by several goroutines at once.
type caller interface {
	call(text string) (string, error)
	io.Closer
}

const (
	ours  = "mego"
	grpcs = "grpc"
	rpcs  = "net/rpc"
)

// names are those of the contenders, ours first.
var names = []string{ours, grpcs, rpcs}

var contenders = map[string]contender{
	ours:  {serveMego, dialMego},
	grpcs: {serveGRPC, dialGRPC},
	rpcs:  {serveRPC, dialRPC},
}

// Package mego, as it is without middleware.

const event, channel = "tick", "all"

func serveMego(l net.Listener) func() error {
	e := mego.New()
	e.Register("Echo", func(c *mego.Context) { c.Respond(c.Param(0).GetString()) })
	go http.Serve(l, e)
	payload := text(broadcastSize)
	return func() error { return e.Emit(event, channel, payload) }
}

type megoCaller struct{ *client.Client }

func dialMego(address string) (caller, error) {
	c := client.New("ws://" + address)
	return megoCaller{c}, c.Connect()
}

func (c megoCaller) call(text string) (string, error) {
	return client.Call[string](context.Background(), c.Client, "Echo", text)
}

// gRPC, unary, with the protobuf message that there is for a text. What protoc
// would generate for this service is what is written here:
//
//	service Echo { rpc Echo(google.protobuf.StringValue) returns (google.protobuf.StringValue); }

type echoServer interface {
	Echo(context.Context, *wrapperspb.StringValue) (*wrapperspb.StringValue, error)
}

type grpcEcho struct{}

func (grpcEcho) Echo(_ context.Context, in *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
	return wrapperspb.String(in.Value), nil
}

const echoMethod = "/bench.Echo/Echo"

var echoService = grpc.ServiceDesc{
	ServiceName: "bench.Echo",
	HandlerType: (*echoServer)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Echo", Handler: func(srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		in := new(wrapperspb.StringValue)
		if err := decode(in); err != nil {
			return nil, err
		}
		if interceptor == nil {
			return srv.(echoServer).Echo(ctx, in)
		}
		info := &grpc.UnaryServerInfo{Server: srv, FullMethod: echoMethod}
		return interceptor(ctx, in, info, func(ctx context.Context, in any) (any, error) {
			return srv.(echoServer).Echo(ctx, in.(*wrapperspb.StringValue))
		})
	}}},
}

func serveGRPC(l net.Listener) func() error {
	s := grpc.NewServer()
	s.RegisterService(&echoService, grpcEcho{})
	go s.Serve(l)
	return nil
}

type grpcCaller struct{ *grpc.ClientConn }

func dialGRPC(address string) (caller, error) {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	c := grpcCaller{conn}
	_, err = c.call("connect") // which it does with the first call
	return c, err
}

func (c grpcCaller) call(text string) (string, error) {
	out := new(wrapperspb.StringValue)
	if err := c.Invoke(context.Background(), echoMethod, wrapperspb.String(text), out, grpc.StaticMethod()); err != nil {
		return "", err
	}
	return out.Value, nil
}

// net/rpc, with gob, as it is.

// Echo is the service of net/rpc.
type Echo struct{}

// Echo returns the text.
func (Echo) Echo(in string, out *string) error {
	*out = in
	return nil
}

func serveRPC(l net.Listener) func() error {
	s := rpc.NewServer()
	if err := s.Register(Echo{}); err != nil {
		panic("BUG: " + err.Error())
	}
	go s.Accept(l)
	return nil
}

type rpcCaller struct{ *rpc.Client }

func dialRPC(address string) (caller, error) {
	c, err := rpc.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return rpcCaller{c}, nil
}

func (c rpcCaller) call(text string) (string, error) {
	var out string
	err := c.Call("Echo.Echo", text, &out)
	return out, err
}

// text returns one of that many bytes.
func text(size int) string {
	b := make([]byte, size)
	for i := range b {
		b[i] = 'a' + byte(i%26)
	}
	return string(b)
}
