package ledger

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/pgtest"
)

func freeze(t *testing.T, pool *pgxpool.Pool, accounts ...uuid.UUID) []uuid.UUID {
	t.Helper()
	var stopped []uuid.UUID
	err := inTx(pool, func(tx pgx.Tx) (err error) {
		stopped, err = Freeze(t.Context(), tx, accounts, "test")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return stopped
}

func TestNothingIsPostedToAFrozenAccount(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	pool := db.Pool(t)
	player, account := open(t, pool, 1_000)
	_, other := open(t, pool, 1_000)
	if stopped := freeze(t, pool, account, House, newID()); !slices.Equal(stopped, []uuid.UUID{account}) {
		t.Errorf("stopped %v; want the player's account alone", stopped)
	}
	if stopped := freeze(t, pool, account); len(stopped) != 0 {
		t.Errorf("stopped %v again", stopped)
	}
	round := newID()
	for name, ts := range map[string][]Transfer{
		"stake": {StakeOf(round, account, 1)}, "payout": {PayoutOf(round, account, 1)}, "grant": {GrantTo(account, 1)},
		"with another's": {StakeOf(round, other, 1), StakeOf(round, account, 1)},
	} {
		if err := tryPost(pool, money.Play, ts...); !errors.Is(err, ErrFrozen) {
			t.Errorf("%s: error = %v; want ErrFrozen", name, err)
		}
	}
	wantBalance(t, pool, player, 1_000)
	post(t, pool, StakeOf(round, other, 1)) // others play on
	if ids, err := Frozen(t.Context(), pool); err != nil || !slices.Equal(ids, []uuid.UUID{account}) {
		t.Errorf("frozen: %v, %v", ids, err)
	}
	var pg *pgconn.PgError
	if _, err := pool.Exec(t.Context(), `SELECT ledger_thaw($1)`, account); !errors.As(err, &pg) || pg.Code != "42501" {
		t.Errorf("a service thaws: error = %v; want insufficient privilege", err)
	}
	exec(t, db.DirectPool(t), `SELECT ledger_thaw($1)`, account)
	post(t, pool, StakeOf(round, account, 1))
}

// The post has read the account before it is frozen, and waits for its row.
func TestAPostThatWaitsForTheFreezeIsRefused(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	player, account := open(t, pool, 1_000)
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	if _, err := Freeze(t.Context(), tx, []uuid.UUID{account}, "test"); err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 1)
	go func() { refused <- tryPost(pool, money.Play, GrantTo(account, 1)) }() // ends after the commit below
	deadline := time.Now().Add(10 * time.Second)
	for waiting := 0; waiting == 0; {
		if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting); err != nil || time.Now().After(deadline) {
			t.Fatalf("the post does not wait: %v", err)
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-refused; !errors.Is(err, ErrFrozen) {
		t.Errorf("error = %v; want ErrFrozen", err)
	}
	wantBalance(t, pool, player, 1_000)
}
