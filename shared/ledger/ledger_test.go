package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/pgtest"
)

func TestTransfersMoveMoney(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	player, account := open(t, pool, 1_000)
	round := newID()
	post(t, pool, StakeOf(round, account, 300), PayoutOf(round, account, 450))
	wantBalance(t, pool, player, 1_150)
	want := Report{Accounts: 5, Transfers: 3}
	if got := verify(t, pool); !cmp.Equal(got, want, cmp.Comparer(sameIDs)) || !got.OK() {
		t.Errorf("report = %+v; want %+v", got, want)
	}
}

func TestRefusedTransfersLeaveNothing(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	player, account := open(t, pool, 1_000)
	round := newID()
	good := StakeOf(round, account, 10)
	zero, negative, self, unknown, foreign, grant := good, good, good, good, good, good
	zero.Amount, negative.Amount, self.Credit, unknown.Credit, grant.Kind = 0, -5, account, newID(), Grant
	foreign.Kind = "gift"
	for _, test := range []struct {
		name  string
		asset money.Asset
		ts    []Transfer
		want  error
	}{
		{"more than there is", money.Play, []Transfer{StakeOf(round, account, 1_001)}, ErrInsufficient},
		{"more than there is in the sum", money.Play, []Transfer{StakeOf(round, account, 600), StakeOf(round, account, 600)}, ErrInsufficient},
		{"amount zero", money.Play, []Transfer{zero}, ErrInvalid},
		{"amount below zero", money.Play, []Transfer{negative}, ErrInvalid},
		{"to itself", money.Play, []Transfer{self}, ErrInvalid},
		{"unknown kind", money.Play, []Transfer{foreign}, ErrInvalid},
		{"grant with a round", money.Play, []Transfer{grant}, ErrInvalid},
		{"stake without a round", money.Play, []Transfer{StakeOf(uuid.Nil, account, 10)}, ErrInvalid},
		{"the same transfer twice", money.Play, []Transfer{good, good}, ErrInvalid},
		{"unknown account", money.Play, []Transfer{unknown}, ErrNoAccount},
		{"asset without accounts", "GOLD", []Transfer{good}, ErrNoAccount},
		{"balance beyond 64 bits", money.Play, []Transfer{GrantTo(account, 1<<63-1)}, ErrInvalid},
		{"good one with a bad one", money.Play, []Transfer{good, unknown}, ErrNoAccount},
	} {
		err := tryPost(pool, test.asset, test.ts...)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: error = %v; want %v", test.name, err, test.want)
		}
	}
	wantBalance(t, pool, player, 1_000)
	if got := verify(t, pool); !got.OK() || got.Transfers != 1 {
		t.Errorf("report = %+v; want one transfer and nothing wrong", got)
	}
}

// The set is one statement of several arrays: none may be longer than the others.
func TestArraysOfDifferentLengthAreRefused(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	player, account := open(t, pool, 1_000)
	_, err := pool.Exec(t.Context(), `SELECT ledger_post(ARRAY[$1::uuid], ARRAY[$2::uuid, $2], ARRAY[$3::uuid, $3], ARRAY[5::bigint, 5], ARRAY['grant'], ARRAY[NULL::uuid], 'PLAY')`,
		newID(), World, account)
	if err = Refusal(err); !errors.Is(err, ErrInvalid) {
		t.Errorf("error = %v; want ErrInvalid", err)
	}
	wantBalance(t, pool, player, 1_000)
}

func TestAPlayerHasOneAccountPerAsset(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	player, _ := open(t, pool, 1)
	err := inTx(pool, func(tx pgx.Tx) error { return Open(t.Context(), tx, newID(), player, money.Play) })
	if !errors.Is(err, ErrInvalid) {
		t.Errorf("second account: error = %v; want ErrInvalid", err)
	}
	if _, err := BalanceOf(t.Context(), pool, newID(), money.Play); !errors.Is(err, ErrNoAccount) {
		t.Errorf("stranger's balance: error = %v; want ErrNoAccount", err)
	}
}

// Each transaction takes all accounts in an order of its own and gives a random
// pair its share; without one order of locks this ends in deadlocks.
func TestLocksInAnyOrderDoNotDeadlock(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	const players, workers, rounds = 6, 6, 20
	ids := make([]uuid.UUID, players)
	for i := range ids {
		ids[i], _ = open(t, pool, 1_000)
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for r := range rounds {
				err := inTx(pool, func(tx pgx.Tx) error {
					order := append(append([]uuid.UUID{}, ids[(w+r)%players:]...), ids[:(w+r)%players]...)
					held, err := Lock(t.Context(), tx, order, money.Play)
					if err != nil || len(held) != players {
						return fmt.Errorf("%d accounts locked: %w", len(held), err)
					}
					round := newID()
					return Post(t.Context(), tx, money.Play, StakeOf(round, held[0].Account, 1), PayoutOf(round, held[w%players].Account, 1))
				})
				if err != nil {
					t.Errorf("worker %d: %v", w, err)
				}
			}
		})
	}
	wg.Wait()
	if got := verify(t, pool); !got.OK() || got.Transfers != players+2*workers*rounds {
		t.Errorf("report = %+v; want %d transfers and nothing wrong", got, players+2*workers*rounds)
	}
}

func TestTheServicesCannotTouchTheLedgerOtherwise(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	open(t, pool, 1_000)
	for _, sql := range []string{
		`UPDATE ledger_accounts SET balance = balance + 1`,
		`DELETE FROM ledger_transfers`,
		`UPDATE ledger_transfers SET amount = 1`,
		`TRUNCATE ledger_transfers`,
		`INSERT INTO ledger_transfers (id, debit, credit, amount, asset, kind) SELECT id, debit, credit, 1, asset, kind FROM ledger_transfers`,
		`INSERT INTO ledger_accounts (id, kind, owner, asset, balance) SELECT owner, kind, id, asset, 5 FROM ledger_accounts`,
	} {
		_, err := pool.Exec(t.Context(), sql)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "42501" {
			t.Errorf("%s: error = %v; want insufficient privilege", sql, err)
		}
	}
}

// A temporary table of the caller must not stand in for the ledger's own.
func TestATemporaryTableDoesNotHideTheAccounts(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	player, account := open(t, pool, 1_000)
	err := inTx(pool, func(tx pgx.Tx) error {
		const fake = `CREATE TEMPORARY TABLE ledger_accounts ON COMMIT DROP AS
			SELECT id, kind::text, owner, asset::text, 9000000::bigint AS balance FROM public.ledger_accounts`
		if _, err := tx.Exec(t.Context(), fake); err != nil {
			return err
		}
		return Post(t.Context(), tx, money.Play, StakeOf(newID(), account, 5_000))
	})
	if !errors.Is(err, ErrInsufficient) {
		t.Errorf("stake beyond the balance: error = %v; want ErrInsufficient", err)
	}
	wantBalance(t, pool, player, 1_000)
}

func TestStatementsWorkWithoutPreparing(t *testing.T) {
	t.Parallel()
	config, err := pgxpool.ParseConfig(pgtest.New(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec // as through a pooler
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	player, account := open(t, pool, 1_000)
	err = inTx(pool, func(tx pgx.Tx) error {
		held, err := Lock(t.Context(), tx, []uuid.UUID{player}, money.Play)
		if want := []Balance{{player, account, 1_000}}; !cmp.Equal(held, want) {
			t.Errorf("locked %v; want %v", held, want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	post(t, pool, StakeOf(newID(), account, 1))
	wantBalance(t, pool, player, 999)
	if got := verify(t, pool); !got.OK() {
		t.Errorf("report = %+v", got)
	}
}

func open(t *testing.T, pool *pgxpool.Pool, amount money.Amount) (player, account uuid.UUID) {
	t.Helper()
	player, account = newID(), newID()
	err := inTx(pool, func(tx pgx.Tx) error {
		if err := Open(t.Context(), tx, account, player, money.Play); err != nil {
			return err
		}
		return Post(t.Context(), tx, money.Play, GrantTo(account, amount))
	})
	if err != nil {
		t.Fatal(err)
	}
	return player, account
}

func inTx(pool *pgxpool.Pool, fn func(pgx.Tx) error) error {
	return pgx.BeginFunc(context.Background(), pool, fn)
}

func tryPost(pool *pgxpool.Pool, asset money.Asset, ts ...Transfer) error {
	return inTx(pool, func(tx pgx.Tx) error { return Post(context.Background(), tx, asset, ts...) })
}

func post(t *testing.T, pool *pgxpool.Pool, ts ...Transfer) {
	t.Helper()
	if err := tryPost(pool, money.Play, ts...); err != nil {
		t.Fatal(err)
	}
}

func verify(t *testing.T, pool *pgxpool.Pool) Report {
	t.Helper()
	r, err := Verify(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantBalance(t *testing.T, pool *pgxpool.Pool, player uuid.UUID, want money.Amount) {
	t.Helper()
	if got, err := BalanceOf(t.Context(), pool, player, money.Play); err != nil || got != want {
		t.Errorf("balance = %d, %v; want %d", got, err, want)
	}
}

func sameIDs(a, b []uuid.UUID) bool { return len(a) == 0 && len(b) == 0 || cmp.Equal(a, b) }
