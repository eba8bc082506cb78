package players

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/services/actions/internal/seeds"
	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestGuestsStartWithABookedBalance(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: pgtest.New(t).URL, MaxConns: 4}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, name := range []string{" Ada ", "Ada", `Robert'); DROP TABLE players;--`} { // names need not be unique
		p, err := Create(t.Context(), db, name)
		if err != nil {
			t.Fatal(err)
		}
		got, balance, err := Get(t.Context(), db, p.ID)
		if err != nil || got != p || balance != StartBalance {
			t.Errorf("player = %+v with %d, %v; want %+v with %d", got, balance, err, p, StartBalance)
		}
		if _, err := seeds.Current(t.Context(), db, p.ID); err != nil {
			t.Errorf("seeds of %q: %v", name, err)
		}
	}
	if _, err := Create(t.Context(), db, "\u202e"); !errors.Is(err, problem.New(0, problem.NameInvalid, "")) {
		t.Errorf("bad name: %v", err)
	}
	if _, _, err := Get(t.Context(), db, uuid.Must(uuid.NewV7())); !errors.Is(err, ErrUnknown) {
		t.Errorf("stranger: %v; want ErrUnknown", err)
	}
	if r, err := ledger.Verify(t.Context(), db); err != nil || !r.OK() || r.Transfers != 3 {
		t.Errorf("ledger = %+v, %v; want three grants and nothing wrong", r, err)
	}
}
