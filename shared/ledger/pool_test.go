package ledger

import (
	"testing"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/pgtest"
)

// What lies in a pool is part of every sum, and nobody's stored balance.
func TestAPoolTakesAndGives(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	pool := db.Pool(t)
	cup, lies := newID(), newID()
	exec(t, db.AdminPool(t), `INSERT INTO ledger_accounts (id, kind, owner, asset) VALUES ($1, 'pool', $2, 'PLAY')`, lies, cup)
	first, ada := open(t, pool, 1_000)
	second, bob := open(t, pool, 1_000)
	post(t, pool, EntryOf(cup, ada, lies, 100), EntryOf(cup, bob, lies, 100))
	if got, err := Derived(t.Context(), pool, lies, "PLAY"); err != nil || got != 200 {
		t.Errorf("the pool holds %d, %v; want 200", got, err)
	}
	full(t, pool)
	post(t, pool, PrizeOf(cup, lies, ada, 150), RefundOf(cup, lies, bob, 50))
	if r := fresh(t, pool, 100); !r.OK() {
		t.Errorf("report = %+v; want nothing wrong", r)
	}
	wantBalance(t, pool, first, 1_050)
	wantBalance(t, pool, second, 950)
	if got, err := Derived(t.Context(), pool, lies, "PLAY"); err != nil || got != 0 {
		t.Errorf("the pool holds %d, %v; want 0", got, err)
	}
	if r := verify(t, pool); !r.OK() {
		t.Errorf("report = %+v; want nothing wrong", r)
	}
}

// A pool has an owner and no stored balance; the services cannot make one.
func TestAPoolHasAnOwner(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	admin := db.AdminPool(t)
	const insert = `INSERT INTO ledger_accounts (id, kind, owner, asset, balance) VALUES (gen_random_uuid(), $1, $2, 'PLAY', $3)`
	zero := int64(0)
	for name, test := range map[string]struct {
		kind    string
		owner   uuid.NullUUID
		balance *int64
	}{
		"pool without owner":       {"pool", uuid.NullUUID{}, nil},
		"pool that stores":         {"pool", uuid.NullUUID{UUID: newID(), Valid: true}, &zero},
		"house with an owner":      {"house", uuid.NullUUID{UUID: newID(), Valid: true}, nil},
		"player without a balance": {"player", uuid.NullUUID{UUID: newID(), Valid: true}, nil},
	} {
		if _, err := admin.Exec(t.Context(), insert, test.kind, test.owner, test.balance); err == nil {
			t.Errorf("%s was made", name)
		}
	}
	if _, err := db.Pool(t).Exec(t.Context(), `SELECT tournament_create('Cup', '{dice}', 'wagered', 1, now(), now() + interval '1 hour')`); err == nil {
		t.Error("the services' role made a tournament")
	}
	if _, err := db.DirectPool(t).Exec(t.Context(), `SELECT tournament_create('Cup', '{dice}', 'wagered', 1, now(), now() + interval '1 hour')`); err != nil {
		t.Errorf("the owner of the schema: %v", err)
	}
}
