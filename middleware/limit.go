package middleware

// limitState is what limits and times keep of a request.
type limitState struct{}
