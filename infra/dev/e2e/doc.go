// Package e2e holds the tests of the platform as its users have it: every part a
// process of its own, players on real socket.io clients and in a real browser.
package e2e
