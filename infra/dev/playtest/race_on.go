//go:build race

package playtest

// race says that the race detector is on.
const race = true
