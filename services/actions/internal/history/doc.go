// Package history reads what players have played: their rounds, newest first, and the
// bundle of a round, from which anybody can verify it (package verify).
package history
