package sweep

import (
	"context"
	"errors"
	"time"

	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/tournament"
)

// settleTournaments settles those that have ended and pays what is owed. One that cannot be
// settled keeps no other from it.
func settleTournaments(ctx context.Context, db *postgres.DB) Tournaments {
	began := time.Now()
	var t Tournaments
	due, err := tournament.Due(ctx, db)
	if err == nil {
		var failures []error
		for _, id := range due {
			done, err := tournament.Settle(ctx, db, id)
			t.Paid, t.Owed = t.Paid+done.Paid, t.Owed+done.Owed
			if done.Over {
				t.Over++
			}
			if err != nil {
				failures = append(failures, err)
			}
		}
		err = errors.Join(failures...)
		t.Stuck = int64(len(failures))
	}
	t.TookMS, t.OK = time.Since(began).Milliseconds(), err == nil
	if err != nil {
		t.Error = err.Error()
	}
	return t
}
