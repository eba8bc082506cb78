// Package faults breaks the running platform on purpose, with real processes, and
// looks at what players and the books have to say about it. It has no code of its own
// but its tests; package oracle is the judge.
//
// Each test runs a few times, and 50 times with VEGAS_SOAK=1, and logs its figure.
package faults
