// Package e2e has the tests of the whole: the round that two players on two
// containers see, driven by the npm package socket.io-client, the command that
// `make run` calls, and the page in a browser. It has no code of its own.
package e2e
