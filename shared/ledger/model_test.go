package ledger

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/pgtest"
)

// model is what the ledger should hold, in a few lines of Go.
type model struct {
	pool     *pgxpool.Pool
	players  []uuid.UUID
	accounts []uuid.UUID
	balance  map[uuid.UUID]money.Amount
	ids      map[uuid.UUID]bool
}

// apply says what a post should return, and changes the balances if that is nil.
// refused are the errors that may come: with two things wrong, either is right.
func (m *model) apply(ts []Transfer) (refused []error) {
	after := make(map[uuid.UUID]money.Amount)
	ids := make(map[uuid.UUID]bool)
	for _, t := range ts {
		if t.Amount <= 0 || t.Debit == t.Credit || m.ids[t.ID] || ids[t.ID] || (t.Kind == Grant) != (t.Round == uuid.Nil) {
			refused = append(refused, ErrInvalid)
		}
		ids[t.ID] = true
		for account, delta := range map[uuid.UUID]money.Amount{t.Debit: -t.Amount, t.Credit: t.Amount} {
			if _, known := m.balance[account]; known {
				after[account] += delta
			} else if account != House && account != World {
				refused = append(refused, ErrNoAccount)
			}
		}
	}
	for account, delta := range after {
		if m.balance[account]+delta < 0 {
			refused = append(refused, ErrInsufficient)
		}
	}
	if len(refused) > 0 {
		return refused
	}
	for account, delta := range after {
		m.balance[account] += delta
	}
	for id := range ids {
		m.ids[id] = true
	}
	return nil
}

func (m *model) open(t *rapid.T) {
	player, account := newID(), newID()
	err := inTx(m.pool, func(tx pgx.Tx) error { return Open(t.Context(), tx, account, player, money.Play) })
	if err != nil {
		t.Fatal(err)
	}
	m.players, m.accounts = append(m.players, player), append(m.accounts, account)
	m.balance[account] = 0
}

// post books a random set, mostly of transfers as the platform makes them.
func (m *model) post(t *rapid.T) {
	var ts []Transfer
	for range rapid.IntRange(1, 6).Draw(t, "transfers") {
		account := rapid.SampledFrom(m.accounts).Draw(t, "account")
		amount := money.Amount(rapid.Int64Range(1, 500).Draw(t, "amount"))
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0, 1, 2:
			ts = append(ts, GrantTo(account, amount))
		case 3, 4, 5:
			ts = append(ts, StakeOf(newID(), account, amount))
		case 6, 7, 8:
			ts = append(ts, PayoutOf(newID(), account, amount))
		default:
			ts = append(ts, m.odd(t, account))
		}
	}
	refused := m.apply(ts)
	err := tryPost(m.pool, money.Play, ts...)
	if refused == nil && err != nil {
		t.Fatalf("post %+v: %v; want it booked", ts, err)
	}
	if refused != nil && !slices.ContainsFunc(refused, func(want error) bool { return errors.Is(err, want) }) {
		t.Fatalf("post %+v: %v; want one of %v", ts, err, refused)
	}
}

// odd returns a transfer from anywhere to anywhere.
func (m *model) odd(t *rapid.T, account uuid.UUID) Transfer {
	places := []uuid.UUID{House, World, account, rapid.SampledFrom(m.accounts).Draw(t, "other"), newID()}
	odd := Transfer{
		ID:     newID(),
		Debit:  rapid.SampledFrom(places).Draw(t, "debit"),
		Credit: rapid.SampledFrom(places).Draw(t, "credit"),
		Amount: money.Amount(rapid.Int64Range(-1, 50).Draw(t, "odd amount")),
		Kind:   rapid.SampledFrom([]Kind{Grant, Stake, Payout, Void}).Draw(t, "odd kind"),
		Round:  rapid.SampledFrom([]uuid.UUID{uuid.Nil, newID()}).Draw(t, "odd round"),
	}
	if len(m.ids) > 0 && rapid.Bool().Draw(t, "again") {
		for id := range m.ids { // any booked id
			odd.ID = id
			break
		}
	}
	return odd
}

// check compares every balance of the model with the database's.
func (m *model) check(t *rapid.T) {
	rows, err := m.pool.Query(t.Context(), `SELECT id, balance FROM ledger_accounts WHERE owner = ANY ($1)`, m.players)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[uuid.UUID]money.Amount)
	var account uuid.UUID
	var balance int64
	_, err = pgx.ForEachRow(rows, []any{&account, &balance}, func() error {
		got[account] = money.Amount(balance)
		return nil
	})
	if err != nil || !cmp.Equal(got, m.balance) {
		t.Fatalf("balances = %v, %v; want %v", got, err, m.balance)
	}
}

func TestTheLedgerDoesWhatTheModelDoes(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	rapid.Check(t, func(t *rapid.T) {
		m := &model{pool: pool, balance: make(map[uuid.UUID]money.Amount), ids: make(map[uuid.UUID]bool)}
		m.open(t)
		t.Repeat(map[string]func(*rapid.T){"open": m.open, "post": m.post, "": m.check})
		if r, err := Verify(t.Context(), pool); err != nil || !r.OK() {
			t.Fatalf("report = %+v, %v; want nothing wrong", r, err)
		}
	})
}

// belowZero takes 5 from a pool that has nothing.
const belowZero = `WITH pool AS (
		INSERT INTO ledger_accounts (id, kind, owner, asset) VALUES (gen_random_uuid(), 'pool', $1, 'PLAY') RETURNING id
	)
	INSERT INTO ledger_transfers (id, debit, credit, amount, asset, kind, round_id)
	SELECT gen_random_uuid(), id, '00000000-0000-7000-8000-000000000001', 5, 'PLAY', 'prize', gen_random_uuid() FROM pool`

// Verify has to see what the rights and constraints make impossible: each case is
// made by the superuser, with the constraints out of the way.
func TestVerifyFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	pool, admin := db.Pool(t), db.AdminPool(t)
	open(t, pool, 1_000)
	_, account := open(t, pool, 1_000)
	for _, test := range []struct {
		name, sql string
		wrong     func(Report) bool
	}{
		{"money from nowhere", `UPDATE ledger_accounts SET balance = 1005 WHERE id = $1`,
			func(r Report) bool {
				return r.Sum == 5 && slices.Equal(r.Wrong, []uuid.UUID{account}) && r.Negative == 0
			}},
		{"lost transfer", `DELETE FROM ledger_transfers WHERE credit = $1`,
			func(r Report) bool { return r.Sum == 1_000 && slices.Equal(r.Wrong, []uuid.UUID{account}) }},
		{"negative balance", `UPDATE ledger_accounts SET balance = -1 WHERE id = $1`,
			func(r Report) bool { return r.Negative == 1 && r.Sum == 1_001 }},
		{"unknown account", `UPDATE ledger_transfers SET credit = gen_random_uuid() WHERE credit = $1`,
			func(r Report) bool { return r.Unknown == 1 }},
		{"pool below zero", belowZero, func(r Report) bool { return r.Negative == 1 && r.Sum == 0 && len(r.Wrong) == 0 }},
		{"other asset", `UPDATE ledger_transfers SET asset = 'GOLD' WHERE credit = $1`,
			func(r Report) bool { return r.Unknown == 2 && len(r.Wrong) == 1 }},
	} {
		tx, err := admin.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), `ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_balance_not_negative`); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), test.sql, account); err != nil {
			t.Fatal(err)
		}
		if r, err := Verify(t.Context(), tx); err != nil || r.OK() || !test.wrong(r) {
			t.Errorf("%s: report = %+v, %v", test.name, r, err)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if r := verify(t, pool); !r.OK() {
		t.Errorf("report = %+v; want nothing wrong", r)
	}
}
