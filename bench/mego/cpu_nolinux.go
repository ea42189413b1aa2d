//go:build !linux

package mego

// onOneCPU runs f. Elsewhere than on Linux, processes cannot be told which CPU to use.
func onOneCPU(f func() error) error { return f() }
