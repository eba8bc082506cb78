//go:build !linux

package localpg

// holders is not known here: PostgreSQL's own check of postmaster.pid decides.
func holders(string) ([]int, error) { return nil, nil }

const holdersKnown = false
