//go:build !unix

package middleware_test

import "time"

var processStart = time.Now()

// cpuTime is the time that has passed, for want of better.
func cpuTime() time.Duration { return time.Since(processStart) }
