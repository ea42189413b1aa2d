package middleware

import (
	"bytes"
	"io"
)

// upper is a layer that sees the body.
type upper struct{ layer }

func (u *upper) Write(p []byte) (int, error)         { return u.layer.Write(bytes.ToUpper(p)) }
func (u *upper) ReadFrom(r io.Reader) (int64, error) { return copyTo(u, r) }
