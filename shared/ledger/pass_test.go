package ledger

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/pgtest"
)

func full(t *testing.T, pool *pgxpool.Pool) Report {
	t.Helper()
	var r Report
	err := inTx(pool, func(tx pgx.Tx) (err error) { r, err = VerifyAll(t.Context(), tx); return err })
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func fresh(t *testing.T, pool *pgxpool.Pool, slice int) Report {
	t.Helper()
	var r Report
	err := inTx(pool, func(tx pgx.Tx) (err error) { r, err = VerifyNew(t.Context(), tx, slice); return err })
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func exec(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// On a server of their own: what a pass can put behind it depends on every transaction
// of the server that is under way.
func TestPasses(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Server(t, map[string]string{"autovacuum": "off"})
	for _, test := range []struct {
		name string
		run  func(*testing.T, *pgtest.Cluster)
	}{
		{"a pass reads only what is new", aPassReadsOnlyWhatIsNew},
		{"a transfer that commits late is verified", aTransferThatCommitsLateIsVerified},
		{"a pass finds what is wrong", aPassFindsWhatIsWrong},
		{"a change of history is found by a full pass", aChangeOfHistoryIsFoundByAFullPass},
		{"every account has its turn", everyAccountHasItsTurn},
		{"a checkpoint of another server is not used", aCheckpointOfAnotherServerIsNotUsed},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, cluster) })
	}
}

func aPassReadsOnlyWhatIsNew(t *testing.T, cluster *pgtest.Cluster) {
	pool := cluster.New(t).Pool(t)
	err := inTx(pool, func(tx pgx.Tx) error { _, err := VerifyNew(t.Context(), tx, 0); return err })
	if !errors.Is(err, ErrNoCheckpoint) {
		t.Fatalf("without a full pass: error = %v; want ErrNoCheckpoint", err)
	}
	_, account := open(t, pool, 1_000)
	if r := full(t, pool); !r.OK() || r.Transfers != 1 || r.Accounts != 5 {
		t.Errorf("full pass: %+v", r)
	}
	if r := fresh(t, pool, 0); !r.OK() || r.Transfers != 0 || r.Accounts != 0 {
		t.Errorf("nothing is new: %+v", r)
	}
	for range 3 {
		post(t, pool, StakeOf(newID(), account, 10))
		if r := fresh(t, pool, 0); !r.OK() || r.Transfers != 1 || r.Accounts != 2 {
			t.Errorf("one stake is new: %+v", r)
		}
	}
	if r := full(t, pool); !r.OK() || r.Transfers != 4 {
		t.Errorf("full pass at the end: %+v", r)
	}
}

// A transaction that commits after a pass, and began before it, is not passed over.
func aTransferThatCommitsLateIsVerified(t *testing.T, cluster *pgtest.Cluster) {
	pool := cluster.New(t).Pool(t)
	_, early := open(t, pool, 1_000)
	_, late := open(t, pool, 1_000)
	full(t, pool)
	slow, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = slow.Rollback(context.Background()) }()
	if err := Post(t.Context(), slow, money.Play, StakeOf(newID(), late, 5)); err != nil {
		t.Fatal(err)
	}
	post(t, pool, StakeOf(newID(), early, 7))
	for range 2 { // seen, but not yet behind the checkpoint
		if r := fresh(t, pool, 0); !r.OK() || r.Transfers != 0 || r.Accounts != 2 {
			t.Errorf("while one is under way: %+v", r)
		}
	}
	if err := slow.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := fresh(t, pool, 0); !r.OK() || r.Transfers != 2 {
		t.Errorf("after both: %+v", r)
	}
	if r := fresh(t, pool, 10); !r.OK() || r.Transfers != 0 {
		t.Errorf("at the end: %+v", r)
	}
}

func aPassFindsWhatIsWrong(t *testing.T, cluster *pgtest.Cluster) {
	for _, test := range []struct {
		name, sql string
		wrong     func(Report, uuid.UUID) bool
	}{
		{"a balance that moved alone", `UPDATE ledger_accounts SET balance = balance + 5 WHERE id = $1`,
			func(r Report, a uuid.UUID) bool { return slices.Equal(r.Wrong, []uuid.UUID{a}) && r.Sum == 5 }},
		{"a transfer that moved no balance", `INSERT INTO ledger_transfers (id, debit, credit, amount, asset, kind)
			VALUES (gen_random_uuid(), '00000000-0000-7000-8000-000000000002', $1, 5, 'PLAY', 'grant')`,
			func(r Report, a uuid.UUID) bool { return slices.Equal(r.Wrong, []uuid.UUID{a}) && r.Transfers == 1 }},
		{"a transfer to nobody", `INSERT INTO ledger_transfers (id, debit, credit, amount, asset, kind)
			SELECT gen_random_uuid(), '00000000-0000-7000-8000-000000000002', gen_random_uuid(), 5, 'PLAY', 'grant' WHERE $1::uuid IS NOT NULL`,
			func(r Report, _ uuid.UUID) bool { return r.Unknown == 1 }},
		{"a pool below zero", belowZero, func(r Report, _ uuid.UUID) bool { return r.Negative == 1 && r.Transfers == 1 }},
		{"a transfer of nothing", `WITH gone AS (SELECT $1::uuid)
			INSERT INTO ledger_transfers (id, debit, credit, amount, asset, kind)
			SELECT gen_random_uuid(), '00000000-0000-7000-8000-000000000002', gone.uuid, 0, 'PLAY', 'grant' FROM gone`,
			func(r Report, _ uuid.UUID) bool { return r.Unsound == 1 }},
	} {
		db := cluster.New(t)
		pool, admin := db.Pool(t), db.AdminPool(t)
		_, account := open(t, pool, 1_000)
		full(t, pool)
		exec(t, admin, `ALTER TABLE ledger_transfers DROP CONSTRAINT ledger_transfer_moves_money`)
		exec(t, admin, test.sql, account)
		if r := fresh(t, pool, 100); r.OK() || !test.wrong(r, account) {
			t.Errorf("%s: the new pass says %+v", test.name, r)
		}
		if r := full(t, pool); r.OK() {
			t.Errorf("%s: the full pass says %+v", test.name, r)
		}
	}
}

// Every balance agrees with the transfers, and yet one of them is gone.
func aChangeOfHistoryIsFoundByAFullPass(t *testing.T, cluster *pgtest.Cluster) {
	db := cluster.New(t)
	pool, admin := db.Pool(t), db.AdminPool(t)
	_, account := open(t, pool, 1_000)
	post(t, pool, StakeOf(newID(), account, 300))
	full(t, pool)
	exec(t, admin, `WITH gone AS (DELETE FROM ledger_transfers WHERE kind = 'stake' RETURNING amount)
		UPDATE ledger_accounts SET balance = balance + amount FROM gone WHERE id = $1`, account)
	r := full(t, pool)
	want := []uuid.UUID{House, account}
	if r.OK() || len(r.Wrong) != 0 || r.Sum != 0 || !slices.Equal(r.Altered, want) {
		t.Errorf("report = %+v; want %v altered and nothing else", r, want)
	}
	if r := full(t, pool); !r.OK() {
		t.Errorf("the next full pass: %+v", r)
	}
}

// The accounts that nobody touches are compared in turn.
func everyAccountHasItsTurn(t *testing.T, cluster *pgtest.Cluster) {
	db := cluster.New(t)
	pool, admin := db.Pool(t), db.AdminPool(t)
	var last uuid.UUID
	for range 10 {
		_, last = open(t, pool, 1_000)
	}
	full(t, pool)
	exec(t, admin, `UPDATE ledger_accounts SET balance = 1 WHERE id = $1`, last)
	found := 0
	for range 8 { // 12 accounts, 4 at a time, twice around
		found += len(fresh(t, pool, 4).Wrong)
	}
	if found != 2 {
		t.Errorf("found %d times in two rounds; want 2", found)
	}
}

func aCheckpointOfAnotherServerIsNotUsed(t *testing.T, cluster *pgtest.Cluster) {
	db := cluster.New(t)
	pool, admin := db.Pool(t), db.AdminPool(t)
	open(t, pool, 1_000)
	full(t, pool)
	exec(t, admin, `UPDATE ledger_checkpoint SET horizon = 1 << 60`)
	err := inTx(pool, func(tx pgx.Tx) error { _, err := VerifyNew(t.Context(), tx, 0); return err })
	if !errors.Is(err, ErrNoCheckpoint) {
		t.Errorf("error = %v; want ErrNoCheckpoint", err)
	}
	if r := full(t, pool); !r.OK() {
		t.Errorf("full pass: %+v", r)
	}
	if r := fresh(t, pool, 0); !r.OK() {
		t.Errorf("pass after it: %+v", r)
	}
}
