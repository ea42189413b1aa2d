//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package store

import "os"

// There is no lock here: a lock file without flock would outlive a crash.
func lockFile(*os.File) error   { return nil }
func unlockFile(*os.File) error { return nil }

// syncDir does nothing: a folder can not be synced everywhere, on Windows for
// one, where the file system's own journal covers names.
func syncDir(*os.File) error { return nil }
