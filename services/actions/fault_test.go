package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/ledger/oracle"
	"github.com/vegascore/vegascore/shared/pgtest"
)

// connect opens a session that faults leave alone, until the test ends.
func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func do(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// turnedAway fails the test unless a bet was refused for now.
func turnedAway(t *testing.T, r reply, codes ...string) {
	t.Helper()
	for _, code := range codes {
		if r.status == http.StatusServiceUnavailable && r.code() == code && r.header.Get("Retry-After") != "" {
			return
		}
	}
	t.Errorf("bet: %d %s; want 503 with Retry-After and one of %q", r.status, r.body, codes)
}

// Fault 10: the server of our connections becomes one that only reads, and another one has
// taken its place.
func TestTheWritableServerIsFoundAfterAFailover(t *testing.T) {
	t.Parallel()
	old := pgtest.Server(t)
	pg := old.New(t)
	next := old.Twin(t)
	// The twin is not yet one to write to.
	readOnly := func(c *pgtest.Cluster, value string) {
		conn := connect(t, c.URL())
		do(t, conn, `ALTER SYSTEM SET default_transaction_read_only = `+value)
		do(t, conn, `SELECT pg_reload_conf()`)
	}
	readOnly(next, "on")
	both, err := url.Parse(pg.URL)
	if err != nil {
		t.Fatal(err)
	}
	other, err := url.Parse(next.On(pg).URL)
	if err != nil {
		t.Fatal(err)
	}
	both.Host += "," + other.Host
	s := launch(t, pg, "DATABASE_URL="+both.String())
	s.ready()
	// The guest is at both: what a standby without arrears has.
	ada := s.guest("Ada")
	if r := ada.bet("before", 100); r.status != http.StatusCreated {
		t.Fatalf("bet: %d %s", r.status, r.body)
	}
	copyTables(t, pg, next.On(pg))

	readOnly(old, "on")
	eventually(t, "bets are refused", func() bool {
		r := ada.bet("k", 100) // until the reload, this is a bet at the old server
		if r.status == http.StatusServiceUnavailable {
			turnedAway(t, r, "unavailable")
			return true
		}
		return false
	})
	rounds := count(t, pg, `SELECT count(*) FROM rounds`)
	readOnly(next, "off")
	began := time.Now()
	eventually(t, "bets at the new server", func() bool { return ada.bet("after", 100).status == http.StatusCreated })
	t.Logf("bets %s after the promotion", time.Since(began).Round(time.Millisecond))
	if n := count(t, pg, `SELECT count(*) FROM rounds`); n != rounds {
		t.Errorf("the old server has got %d rounds more", n-rounds)
	}
	if r := ada.bet("before", 100); r.header.Get("Idempotent-Replayed") == "" {
		t.Errorf("the bet from before: %d %s; want a replay", r.status, r.body)
	}
	if n := count(t, next.On(pg), `SELECT count(*) FROM rounds WHERE key = 'after'`); n != 1 {
		t.Errorf("%d rounds at the new server; want 1", n)
	}
	oracle.Judge(t, next.On(pg))
}

// copyTables brings what a player has done at one server to the other.
func copyTables(t *testing.T, from, to *pgtest.Database) {
	t.Helper()
	read, write := connect(t, from.AdminURL), connect(t, to.AdminURL)
	do(t, write, `SET default_transaction_read_only = off`)
	for _, table := range []string{"players", "seeds", "rounds", "round_steps", "ledger_transfers", "ledger_accounts", "outbox"} {
		var rows string
		if err := read.QueryRow(t.Context(), `SELECT coalesce(json_agg(x), '[]')::text FROM `+table+` x`).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		do(t, write, `INSERT INTO `+table+` OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_recordset(NULL::`+table+`, $1::text::json) ON CONFLICT DO NOTHING`, rows)
	}
	do(t, write, `SELECT setval(pg_get_serial_sequence('outbox', 'id'), 1000)`)
}

// Fault 12: others have taken every connection of the server.
func TestAServerWithoutConnectionsIsComeBackTo(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, map[string]string{"max_connections": "24"})
	pg := server.New(t)
	oracle.Watch(t, pg)
	s := launch(t, pg, "MAX_DB_CONNECTIONS=4")
	s.ready()
	ada := s.guest("Ada")
	admin := connect(t, pg.AdminURL)
	var held []*pgx.Conn
	t.Cleanup(func() {
		for _, conn := range held {
			_ = conn.Close(context.Background())
		}
	})
	ours := func() (n int) {
		t.Helper()
		if err := admin.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'actions'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	eventually(t, "all connections are others'", func() bool {
		do(t, admin, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'actions'`)
		for {
			conn, err := pgx.Connect(t.Context(), pg.URL)
			if err != nil {
				if !strings.Contains(err.Error(), "53300") {
					t.Fatal(err)
				}
				return ours() == 0
			}
			held = append(held, conn)
		}
	})
	for n := range 20 {
		turnedAway(t, ada.bet(fmt.Sprint("k", n), 100), "unavailable", "busy")
	}
	if r := s.get("/live"); r.status != http.StatusOK {
		t.Errorf("live: %d %s", r.status, r.body)
	}
	for _, conn := range held {
		_ = conn.Close(context.Background())
	}
	began := time.Now()
	eventually(t, "bets again", func() bool { return ada.bet("k0", 100).status == http.StatusCreated })
	t.Logf("%d connections were others'; bets %s after they were free", len(held), time.Since(began).Round(time.Millisecond))
	if n := ours(); n > 4+1 { // one that looks whether the server is there
		t.Errorf("%d connections of ours; want 4 at most", n)
	}
}

// Fault 13: a bet and another session wait for each other, and PostgreSQL ends the bet's
// transaction. The player hears nothing of it.
func TestADeadlockIsNotNoticed(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	ada := s.guest("Ada")
	other := connect(t, pg.AdminURL)
	do(t, other, `SET deadlock_timeout = '1min'`) // so that it is the bet that finds out
	for n := range 3 {
		do(t, other, `BEGIN`)
		do(t, other, `SELECT FROM seeds WHERE player_id = $1 AND state = 'active' FOR UPDATE`, ada.ID)
		var r reply
		var wg sync.WaitGroup
		wg.Go(func() { r = ada.bet(fmt.Sprint("k", n), 100) })
		eventually(t, "the bet waits for the seed", func() bool {
			return count(t, pg, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'actions' AND wait_event_type = 'Lock'`) == 1
		})
		do(t, other, `SELECT FROM ledger_accounts WHERE owner = $1 FOR UPDATE`, ada.ID)
		do(t, other, `COMMIT`)
		wg.Wait()
		if r.status != http.StatusCreated || r.header.Get("Idempotent-Replayed") != "" {
			t.Errorf("bet: %d %s", r.status, r.body)
		}
	}
	if n := count(t, pg, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`); n != 3 {
		t.Errorf("%d deadlocks; want 3", n)
	}
	if n := count(t, pg, `SELECT count(*) FROM rounds`); n != 3 {
		t.Errorf("%d rounds; want 3", n)
	}
}

// Fault 37, of actions: one of them a hundred ways at once, at two containers.
func TestOneActionAHundredTimesOverHTTP(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	there := launch(t, pg)
	there.ready()
	ada := s.guest("Ada")
	var opened answer
	ada.send(http.MethodPost, "/v1/bets", `{"game":"mines","table":"mines-1","stake":1000,"params":{"mines":3}}`, "Idempotency-Key", "k").into(t, &opened)
	bodies, fresh := map[string]int{}, 0
	var mu sync.Mutex
	var wg sync.WaitGroup
	for n := range 100 {
		at := &player{[]*service{s, there}[n%2], ada.ID, ada.Name, ada.token}
		wg.Go(func() {
			r := at.send(http.MethodPost, "/v1/rounds/"+opened.Round.ID+"/actions", `{"action":"reveal","tile":7}`, "Idempotency-Key", "a")
			mu.Lock()
			defer mu.Unlock()
			bodies[r.body]++
			if r.status != http.StatusOK {
				t.Errorf("%d %s", r.status, r.body)
			} else if r.header.Get("Idempotent-Replayed") == "" {
				fresh++
			}
		})
	}
	wg.Wait()
	if len(bodies) != 1 || fresh != 1 {
		t.Errorf("%d different answers, %d not marked as replays; want one of each", len(bodies), fresh)
	}
	if n := count(t, pg, `SELECT count(*) FROM round_steps`); n != 1 {
		t.Errorf("%d actions; want 1", n)
	}
}
