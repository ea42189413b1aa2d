//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package mego

import (
	"os"
	"syscall"
)

// lockDir locks a folder until the file is closed, or the process ends. It
// reports false if another one has the lock, or there is no such folder.
func lockDir(dir string) (lock *os.File, ok bool) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, false
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		f.Close()
		return nil, false
	}
	return f, true
}
