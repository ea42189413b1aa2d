package mego_test

import (
	"errors"
	"io"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/gongular/gongular/mego"
)

// What the model exports is here, with the same types; what is added to a
// signature is a result that its callers may ignore. A name that is missing does
// not compile.
var (
	_ func() *mego.Engine                                             = mego.New
	_ func() *mego.Engine                                             = mego.Default
	_ func() mego.HandlerFunc                                         = mego.Logger
	_ func(io.Writer) mego.HandlerFunc                                = mego.LoggerWithWriter
	_ func() mego.HandlerFunc                                         = mego.Recovery
	_ func(io.Writer) mego.HandlerFunc                                = mego.RecoveryWithWriter
	_ func(mego.RateLimitConfig) mego.HandlerFunc                     = mego.RateLimit
	_ func(mego.RequestLimitConfig) mego.HandlerFunc                  = mego.RequestLimit
	_ func(*mego.Context)                                             = mego.HandlerFunc(nil)
	_ func(string, string, *mego.Context) bool                        = mego.SubscribeHandler(nil)
	_ func(*mego.Context, *mego.RawFile, *mego.File) mego.ChunkStatus = mego.ChunkHandler(nil)
	_ map[string]any                                                  = mego.H(nil)

	_ = []error{mego.ErrEventNotFound, mego.ErrChannelNotFound, mego.ErrFileNotFound, mego.ErrKeyNotFound, mego.ErrPanicRecovered}
	_ = []*io.Writer{&mego.DefaultWriter, &mego.DefaultErrorWriter}
	_ = []*string{&mego.DefaultPort}

	_ = mego.EngineOption{MaxSize: 1, MaxChunkSize: 1, MaxFileSize: 1, MaxSessions: 1, CheckInterval: 1}
	_ = mego.MethodOption{MaxSize: 1, MaxChunkSize: 1, MaxFileSize: 1}
	_ = mego.RateLimitConfig{Period: 1, Limit: 1}
	_ = mego.RequestLimitConfig{Limit: 1}
	_ = mego.Error{Err: error(nil), Meta: any(nil), Type: mego.ErrorTypePrivate}
	_ = mego.File{Name: "", Size: 1, Extension: "", Path: "", Keys: map[string]any{}}
	_ = mego.RawFile{Binary: []byte{}, ID: 1, Parts: []int{}, Name: ""}
	_ = mego.Request{Method: "", Files: map[string][]*mego.RawFile{}, Params: any(nil), ID: 1}
	_ = mego.Response{Event: "", Result: any(nil), Error: mego.ResponseError{}, ID: 1}
	_ = mego.ResponseError{Code: 1, Message: "", Data: any(nil)}
	_ = mego.Event{Name: "", Channels: map[string]*mego.Channel{}}
	_ = mego.Channel{Name: "", Sessions: []*mego.Session{}, Event: &mego.Event{}}
	_ = mego.Method{Name: "", Handlers: []mego.HandlerFunc{}, Option: &mego.MethodOption{}, ChunkHandler: nil}
)

// The values of constants, and the fields and methods of types.
func TestAPI(t *testing.T) {
	if got, want := []int{mego.B, mego.KB, mego.MB, mego.GB, mego.TB}, []int{1, 1 << 10, 1 << 20, 1 << 30, 1 << 40}; !reflect.DeepEqual(got, want) {
		t.Errorf("sizes %v", got)
	}
	for i, code := range []int{mego.StatusError, mego.StatusFull, mego.StatusExists, mego.StatusInvalid, mego.StatusNotFound, mego.StatusNotAuthorized,
		mego.StatusNoPermission, mego.StatusUnimplemented, mego.StatusTooManyRequests, mego.StatusResourceExhausted, mego.StatusBusy,
		mego.StatusFileRetry, mego.StatusFileEmpty, mego.StatusFileTooLarge, mego.StatusTimeout} {
		if code != -1000-i {
			t.Errorf("status %d is %d", i, code)
		}
	}
	if mego.ChunkNext != 0 || mego.ChunkDone != 1 || mego.ChunkAbort != 2 {
		t.Error("ChunkStatus")
	}
	if mego.ErrorTypeBind != 1<<63 || mego.ErrorTypePrivate != 1 || mego.ErrorTypePublic != 2 || mego.ErrorTypeAny != 1<<64-1 {
		t.Error("ErrorType")
	}
	for err, want := range map[error]string{
		mego.ErrEventNotFound: "mego: the event doesn't exist", mego.ErrChannelNotFound: "mego: the channel doesn't exist",
		mego.ErrFileNotFound: "mego: the file was not found", mego.ErrKeyNotFound: "mego: the key was not found",
		mego.ErrPanicRecovered: "mego: panic recovered",
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
	if mego.DefaultPort != ":5000" {
		t.Errorf("DefaultPort %q", mego.DefaultPort)
	}

	var e interface {
		http.Handler
		Close() error
		Emit(event string, channel string, result any) error
		EmitFilter(event string, channel string, payload any, filter func(*mego.Session) bool) error
		EmitMultiple(event string, channel string, result any, sessions []*mego.Session) error
		Event(name string)
		HandleChunk(handler mego.ChunkHandler) *mego.Engine
		HandleSubscribe(handler mego.SubscribeHandler) *mego.Engine
		Len() int
		NoMethod(handler ...mego.HandlerFunc) *mego.Engine
		Register(method string, handler ...mego.HandlerFunc) *mego.Method
		Run(port ...string) error // an error, beside the model's
		Use(handlers ...mego.HandlerFunc) *mego.Engine
	} = mego.New()
	engine := e.(*mego.Engine)
	var _ map[string]*mego.Session = engine.Sessions
	var _ map[string]*mego.Event = engine.Events
	var _ map[string]*mego.Method = engine.Methods
	var _ *mego.EngineOption = engine.Option

	var c interface {
		getters
		Abort()
		AbortWithError(code int, data any, err error)
		AbortWithRespond(result any)
		Bind(dest any) error
		ClientIP() string
		Copy() *mego.Context
		Emit(event string, result any)
		EmitOthers(event string, result any)
		Error(err error) *mego.Context
		GetFile(name ...string) (*mego.File, error)
		GetFiles(name ...string) ([]*mego.File, error)
		IsAborted() bool
		MustBind(dest any) error
		MustGet(key string) any
		MustGetFile(name ...string) *mego.File
		MustGetFiles(name ...string) []*mego.File
		Next()
		Param(indexes ...int) *mego.Param
		Respond(result any)
		RespondWithError(code int, data any, err error)
		Set(key string, value any)
		Subscribe(event string, channel string) *mego.Context
		Unsubscribe(event string, channel string) *mego.Context
	} = new(mego.Context)
	context := c.(*mego.Context)
	var _ map[string]any = context.Keys
	var _ *mego.Session = context.Session
	var _ int = context.ID
	var _ *http.Request = context.Request
	var _ *mego.Method = context.Method
	var _ interface {
		Last() *mego.Error
		Errors() []string
		JSON() any
		MarshalJSON() ([]byte, error)
		String() string
	} = context.Errors

	var _ interface {
		getters
		Copy() *mego.Session
		Disconnect() error
		Set(key string, value any)
	} = new(mego.Session)
	var _ interface {
		Get() any
		GetBool() bool
		GetDuration() time.Duration
		GetFloat64() float64
		GetInt() int
		GetMapString() map[string]string
		GetString() string
		GetStringMap() map[string]any
		GetStringSlice() []string
		GetTime() time.Time
		Len() int
	} = new(mego.Param)
	var _ interface {
		error
		IsType(flags mego.ErrorType) bool
		JSON() any
		MarshalJSON() ([]byte, error)
		SetMeta(data any) *mego.Error
	} = &mego.Error{Err: errors.New("x")}
	var _ interface{ Destroy() } = new(mego.Event)
	var _ interface {
		Destroy()
		Kick(id string)
	} = new(mego.Channel)
	var _ interface {
		Move(dest string) error
		Remove() error
	} = new(mego.File)
}

type getters interface {
	Get(key string) (any, bool)
	GetBool(key string) bool
	GetDuration(key string) time.Duration
	GetFloat64(key string) float64
	GetInt(key string) int
	GetMapString(key string) map[string]string
	GetString(key string) string
	GetStringMap(key string) map[string]any
	GetStringSlice(key string) []string
	GetTime(key string) time.Time
}
