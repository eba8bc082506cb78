package sweep

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/ledger/ledgertest"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/pgtest"
)

func execute(t testing.TB, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(context.Background(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func TestTheFirstPassIsFullAndTheNextOnesAreNot(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	grant(t, database)
	url := "DATABASE_URL=" + database.URL
	for i, want := range []Pass{Full, New, New} {
		if r := sweep(t, url); r.Code() != OK || r.Ledger.Pass != want {
			t.Errorf("run %d: got %+v, want a %s pass", i+1, r.Ledger, want)
		}
	}
	ledgertest.AgeFullPass(t, database.AdminPool(t), 25)
	if r := sweep(t, url); r.Ledger.Pass != Full {
		t.Errorf("after a day: a %s pass", r.Ledger.Pass)
	}
	if r := sweep(t, url, "LEDGER_PASS=full"); r.Ledger.Pass != Full {
		t.Errorf("asked for a full one: a %s pass", r.Ledger.Pass)
	}
}

// Who disagrees is found by the pass that reads little, is frozen and stays so, and the
// other accounts are not.
func TestAnAccountThatDisagreesIsFrozen(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	good, bad := grant(t, database), grant(t, database)
	url := "DATABASE_URL=" + database.URL
	sweep(t, url)
	ledgertest.Tamper(t, database.AdminPool(t), bad, 1)
	r := sweep(t, url)
	l := r.Ledger
	if r.Code() != Disagrees || l.Pass != New || l.Imbalance != 1 || !slices.Equal(l.Froze, []uuid.UUID{bad}) || !slices.Equal(l.Frozen, l.Froze) {
		t.Errorf("got %+v", l)
	}
	post := func(account uuid.UUID) error {
		return pgx.BeginFunc(t.Context(), database.Pool(t), func(tx pgx.Tx) error {
			return ledger.Post(t.Context(), tx, money.Play, ledger.GrantTo(account, 1))
		})
	}
	if err := errors.Join(post(good)); err != nil {
		t.Errorf("the good account: %v", err)
	}
	if err := post(bad); !errors.Is(err, ledger.ErrFrozen) {
		t.Errorf("the bad account: %v; want ErrFrozen", err)
	}
	r = sweep(t, url) // it says so until it is mended
	if l := r.Ledger; r.Code() != Disagrees || len(l.Froze) != 0 || !slices.Equal(l.Frozen, []uuid.UUID{bad}) {
		t.Errorf("the next run: got %+v", l)
	}
	ledgertest.Tamper(t, database.AdminPool(t), bad, -1)
	execute(t, database.DirectPool(t), `SELECT ledger_thaw($1)`, bad)
	if r = sweep(t, url); r.Code() != OK || len(r.Ledger.Frozen) != 0 || post(bad) != nil {
		t.Errorf("mended: got %+v", r.Ledger)
	}
}

// The pass over what is new does not grow with the history: 10 million entries (two of
// each transfer) with VEGAS_SOAK=1, fewer without.
func TestTheNewPassDoesNotGrowWithHistory(t *testing.T) {
	t.Parallel()
	const players, fresh = 20_000, 2_000
	transfers := 100_000
	if os.Getenv("VEGAS_SOAK") != "" {
		transfers = 5_000_000
	}
	database := pgtest.New(t)
	admin := database.AdminPool(t)
	ledgertest.Players(t, admin, players)
	ledgertest.Fill(t, admin, players, transfers)
	execute(t, admin, `ANALYZE ledger_transfers, ledger_accounts`)
	environ := []string{"DATABASE_URL=" + database.URL, "SWEEP_TIMEOUT=15m"}
	whole := sweep(t, environ...)
	if whole.Code() != OK || whole.Ledger.Transfers != int64(transfers) {
		t.Fatalf("full pass: %+v", whole.Ledger)
	}
	// Other tests of this server may be in the middle of a transaction that began before
	// ours, and hold the checkpoint back: then a later pass reads ours again.
	began := time.Now()
	for sweep(t, environ...); ; {
		var behind int
		if err := admin.QueryRow(t.Context(), `SELECT count(*) FROM ledger_transfers, ledger_checkpoint WHERE tx >= horizon`).Scan(&behind); err != nil {
			t.Fatal(err)
		}
		if behind == 0 {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("%d transfers stay ahead of the checkpoint", behind)
		}
		sweep(t, environ...)
	}
	ledgertest.Fill(t, admin, players, fresh)
	r := sweep(t, environ...)
	if r.Code() != OK || r.Ledger.Pass != New {
		t.Errorf("new pass: %+v", r.Ledger)
	}
	t.Logf("%d entries: the full pass %d ms; the pass over %d new entries %d ms", 2*transfers, whole.Ledger.TookMS, 2*fresh, r.Ledger.TookMS)
}
