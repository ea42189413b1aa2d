// Package browser tests the page of the chat in a real browser: headless
// Chromium, driven over its DevTools protocol, which is JSON on a WebSocket.
//
//	bash .ci/chromium   # in the root of the repository: installs it, if need be
//	go test .
//
// Chromium is the program that the environment variable CHROMIUM names, or the
// first in the PATH under one of its usual names. If CHAT_SCREENSHOTS names a
// folder, pictures of the page are written there: on a phone and on a desk,
// light and dark.
//
// It is a module of its own so that the tests of the root need no browser.
package browser
