//go:build !unix

package mego

import "time"

// began is when the process began, nearly.
var began = time.Now()

// cpuTime is the time that has passed, where that of the CPU is not to be had.
func cpuTime() time.Duration { return time.Since(began) }
