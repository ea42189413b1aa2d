package middleware

// observeState is what logs, traces and metrics keep of a request.
type observeState struct{}
