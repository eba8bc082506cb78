package v4

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/pgtest"
)

const (
	ada   = "11111111-1111-4111-8111-111111111111"
	grace = "22222222-2222-4222-8222-222222222222"
)

// prepared is a migrated database with what v4 had.
func prepared(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pgtest.New(t).DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	run(t, conn, `CREATE TABLE v4_players (id uuid PRIMARY KEY, name text NOT NULL, balance bigint NOT NULL)`)
	run(t, conn, `INSERT INTO v4_players VALUES ('`+ada+`', 'Ada', 12345), ('`+grace+`', 'Grace', 0)`)
	return conn
}

func run(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if err := try(t, conn, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// try runs statements as psql does: the simple protocol, as they stand.
func try(t *testing.T, conn *pgx.Conn, sql string) error {
	t.Helper()
	_, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
	return err
}

func script(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../v4/import.sql")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func balances(t *testing.T, conn *pgx.Conn) map[string]int64 {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT p.name, a.balance FROM players p JOIN ledger_accounts a ON a.owner = p.id`)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	var name string
	var balance int64
	if _, err := pgx.ForEachRow(rows, []any{&name, &balance}, func() error { got[name] = balance; return nil }); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestPlayersArriveWithTheirBalancesAndALedgerThatAgrees(t *testing.T) {
	t.Parallel()
	conn := prepared(t)
	run(t, conn, script(t))
	if got := balances(t, conn); got["Ada"] != 12345 || got["Grace"] != 0 || len(got) != 2 {
		t.Errorf("balances %v", got)
	}
	report, err := ledger.Verify(t.Context(), conn)
	if err != nil || !report.OK() || report.Transfers != 1 {
		t.Errorf("the ledger after it: %+v, %v", report, err)
	}
	rows, err := conn.Query(t.Context(), `SELECT state::text, server_seed::text, server_hash::text FROM seeds WHERE player_id = $1`, ada)
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]bool{}
	var state, seed, hash string
	if _, err := pgx.ForEachRow(rows, []any{&state, &seed, &hash}, func() error {
		states[state] = true
		if sum := sha256.Sum256([]byte(seed)); hash != hex.EncodeToString(sum[:]) {
			t.Errorf("hash %s is not that of seed %s", hash, seed)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(states) != 2 || !states["active"] || !states["next"] {
		t.Errorf("seeds %v, want an active and a next one", states)
	}
}

func TestASecondRunBringsOnlyWhoIsNew(t *testing.T) {
	t.Parallel()
	conn := prepared(t)
	run(t, conn, script(t))
	run(t, conn, `UPDATE v4_players SET balance = 999; INSERT INTO v4_players VALUES ('33333333-3333-4333-8333-333333333333', 'Joan', 7)`)
	run(t, conn, script(t))
	if got := balances(t, conn); got["Ada"] != 12345 || got["Joan"] != 7 || len(got) != 3 {
		t.Errorf("balances %v", got)
	}
	run(t, conn, script(t)) // nobody is new
	if report, err := ledger.Verify(t.Context(), conn); err != nil || !report.OK() {
		t.Errorf("the ledger after it: %+v, %v", report, err)
	}
}

func TestOneWrongPlayerKeepsAllOut(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]string{
		"a debt":  `UPDATE v4_players SET balance = -1 WHERE name = 'Grace'`,
		"no name": `UPDATE v4_players SET name = '' WHERE name = 'Grace'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := prepared(t)
			run(t, conn, wrong)
			if try(t, conn, script(t)) == nil {
				t.Error("it was taken")
			}
			run(t, conn, `ROLLBACK`)
			if got := balances(t, conn); len(got) != 0 {
				t.Errorf("balances %v, want none", got)
			}
		})
	}
}
