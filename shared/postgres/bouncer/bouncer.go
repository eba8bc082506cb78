// Package bouncer runs a real PgBouncer in transaction mode for tests of what works, and
// what must be refused, behind one.
package bouncer

import (
	"context"
	"testing"

	"github.com/vegascore/vegascore/shared/localbouncer"
)

// Start runs PgBouncer with at most n server connections before the database of address
// until the test ends, and returns the URL of the way through it. A machine without
// PgBouncer fails the test.
func Start(t testing.TB, address string, n int) (through string) {
	t.Helper()
	server, err := localbouncer.Start(t.Context(), t.TempDir(), address, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop(context.Background()) }) // killed if it must be
	return server.URL()
}
