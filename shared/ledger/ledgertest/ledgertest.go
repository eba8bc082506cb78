// Package ledgertest does to a ledger what nothing but a test may do: it writes to its
// tables past ledger_post, as a superuser. Verifications and their callers are tested
// with it. A statement that fails fails the test.
package ledgertest

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

func execute(t testing.TB, admin *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := admin.Exec(context.Background(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// Tamper changes what an account holds without a transfer.
func Tamper(t testing.TB, admin *pgxpool.Pool, account uuid.UUID, by int64) {
	t.Helper()
	execute(t, admin, `UPDATE ledger_accounts SET balance = balance + $2 WHERE id = $1`, account, by)
}

// Orphan makes a player's account that holds 5 which no transfer gave it, and returns it.
func Orphan(t testing.TB, admin *pgxpool.Pool) uuid.UUID {
	t.Helper()
	account := uuid.Must(uuid.NewV7())
	execute(t, admin, `INSERT INTO ledger_accounts (id, kind, owner, asset, balance) VALUES ($1, 'player', gen_random_uuid(), 'PLAY', 5)`, account)
	return account
}

// AgeFullPass makes the last full pass as old as hours.
func AgeFullPass(t testing.TB, admin *pgxpool.Pool, hours int) {
	t.Helper()
	execute(t, admin, `UPDATE ledger_checkpoint SET full_at = now() - make_interval(hours => $1)`, hours)
}

// Players makes n players' accounts for Fill.
func Players(t testing.TB, admin *pgxpool.Pool, n int) {
	t.Helper()
	execute(t, admin, `INSERT INTO ledger_accounts (id, kind, owner, asset, balance)
		SELECT ('10000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'player', gen_random_uuid(), 'PLAY', 0
		FROM generate_series(1, $1::int) AS n`, n)
}

// Fill grants 5 to one after the other of the players that Players made, n times in all.
// The ledger is sound afterwards.
func Fill(t testing.TB, admin *pgxpool.Pool, players, n int) {
	t.Helper()
	execute(t, admin, `WITH booked AS (
			INSERT INTO ledger_transfers (id, debit, credit, amount, asset, kind)
			SELECT gen_random_uuid(), '00000000-0000-7000-8000-000000000002',
			       ('10000000-0000-7000-8000-' || lpad((n % $2 + 1)::text, 12, '0'))::uuid, 5, 'PLAY', 'grant'
			FROM generate_series(1, $1::int) AS n RETURNING credit
		)
		UPDATE ledger_accounts a SET balance = balance + m.total
		FROM (SELECT credit, 5 * count(*) AS total FROM booked GROUP BY credit) m WHERE a.id = m.credit`, n, players)
}

// Played changes what is counted of a player, for what only time could do: set is the SET
// clause of an update, whose arguments begin at $2.
func Played(t testing.TB, admin *pgxpool.Pool, player uuid.UUID, set string, args ...any) {
	t.Helper()
	execute(t, admin, `UPDATE ledger_accounts SET `+set+` WHERE owner = $1`, append([]any{player}, args...)...)
}
