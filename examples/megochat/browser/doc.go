// Package browser tests the page of the chat, and the browser client of package
// mego, in a real browser: headless Chromium, see package devtools.
//
//	bash .ci/chromium   # in the root of the repository: installs it, if need be
//	go test .
//
// If MEGOCHAT_SCREENSHOTS names a folder, pictures of the page are written there:
// on a phone and on a desk, light and dark.
//
// It is a module of its own so that the tests of the root need no browser.
package browser
