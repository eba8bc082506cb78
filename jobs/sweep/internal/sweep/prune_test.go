package sweep

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/shared/pgtest"
)

// aged is a UUID of version 7 from n days ago, as text.
const aged = `overlay(gen_random_uuid()::text placing substr(uuid_at(now() - make_interval(days => n))::text, 1, 13) || '-7' from 1 for 15)::uuid`

func TestWhatIsOldIsPrunedInBatches(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	admin := database.AdminPool(t)
	// 2,500 old ones are three batches; 10 of each are young.
	const days = `FROM (SELECT 40 AS n FROM generate_series(1, 2500) UNION ALL SELECT 2 FROM generate_series(1, 10)) AS of`
	execute(t, admin, `INSERT INTO players (id, name, created_at) SELECT `+aged+`, 'Ada', now() - make_interval(days => n) `+days)
	execute(t, admin, `INSERT INTO rounds (id, player_id, key, request_hash, game, table_id, rules, state, asset, stake, payout, seed_id, nonce, params, answer, created_at, settled_at)
		SELECT `+aged+`, gen_random_uuid(), gen_random_uuid()::text, sha256(''), 'dice', 'dice-1', 'dice/1', 'settled', 'PLAY', 5, 0, gen_random_uuid(), 0, '{}', 'said',
		now() - make_interval(days => n), now() `+days)
	execute(t, admin, `INSERT INTO round_steps (round_id, n, player_id, key, request_hash, action, cost, answer, created_at)
		SELECT id, n, player_id, n || '-' || id, sha256(''), '{}', 0, 'said', created_at FROM rounds, generate_series(1, 2) AS n`)
	execute(t, admin, `UPDATE rounds SET player_id = (SELECT id FROM players ORDER BY id LIMIT 1) WHERE id = (SELECT id FROM rounds ORDER BY id LIMIT 1)`)
	execute(t, admin, `INSERT INTO seeds (id, player_id, state, server_seed, server_hash)
		SELECT gen_random_uuid(), id, 'next', repeat('a', 64), repeat('b', 64) FROM players`)
	execute(t, admin, `INSERT INTO handled_events (consumer, event_id, handled_at) SELECT 'c', gen_random_uuid(), now() - make_interval(days => n) `+days)
	execute(t, admin, `INSERT INTO outbox (event_id, sink, lane, key, type, body, created_at, sent_at)
		SELECT gen_random_uuid(), 'room', 0, 'k', 't', '[]', now() - make_interval(days => n), now() - make_interval(days => n) `+days)
	execute(t, admin, `INSERT INTO player_hours (account, hour, rounds, staked, paid, played) SELECT gen_random_uuid(), now() - make_interval(days => n), 0, 0, 0, '0' `+days)
	r := sweep(t, "DATABASE_URL="+database.URL)
	want := map[string]int64{"keys": 2500, "steps": 5000, "guests": 2500, "outbox": 2500, "handled": 2500, "hours": 2500}
	if r.Code() != OK || !cmp.Equal(r.Pruned.Rows, want) {
		t.Errorf("got %+v; want %v", r.Pruned, want)
	}
	for sql, want := range map[string]int{
		`SELECT count(*) FROM rounds`: 2510,
		`SELECT count(*) FROM rounds WHERE answer = '' AND key = 'expired-' || id`:                        2500,
		`SELECT count(*) FROM round_steps WHERE answer = '' AND key = 'expired-' || round_id || '-' || n`: 5000,
		`SELECT count(*) FROM round_steps`:                                                                5020,
		`SELECT count(*) FROM players`:                                                                    11,
		`SELECT count(*) FROM players WHERE name = 'guest'`:                                               1, // has played
		`SELECT count(*) FROM seeds`:                                                                      11,
		`SELECT count(*) FROM outbox`:                                                                     10,
		`SELECT count(*) FROM handled_events`:                                                             10,
		`SELECT count(*) FROM player_hours`:                                                               10,
		`SELECT count(*) FROM players WHERE name = 'Ada' AND created_at < now() - '30 d'::interval`:       0,
	} {
		var got int
		if err := admin.QueryRow(t.Context(), sql).Scan(&got); err != nil || got != want {
			t.Errorf("%s: got %d, %v; want %d", sql, got, err, want)
		}
	}
	if r := sweep(t, "DATABASE_URL="+database.URL); r.Pruned.Rows["keys"]+r.Pruned.Rows["steps"]+r.Pruned.Rows["guests"]+r.Pruned.Rows["outbox"]+r.Pruned.Rows["handled"]+r.Pruned.Rows["hours"] != 0 {
		t.Errorf("again: got %+v", r.Pruned)
	}
}

// Whoever may call the functions cannot prune what is needed.
func TestNothingYoungIsPruned(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	for _, kind := range []string{"keys", "steps", "guests", "outbox", "handled", "hours"} {
		least := "'23 h'"
		if kind == "hours" {
			least = "'30 d 23 h'"
		}
		for _, older := range []string{least, "'-1 d'", "NULL"} {
			if _, err := pool.Exec(t.Context(), `SELECT prune_`+kind+`(`+older+`::interval, 10)`); err == nil {
				t.Errorf("%s older than %s were pruned", kind, older)
			}
		}
	}
	if _, err := pool.Exec(t.Context(), `DELETE FROM players`); err == nil {
		t.Error("the services may delete players")
	}
}

// A thousand guests go in a statement, which has 5 s.
func TestToPruneGuestsNoSeedsOfOthersAreRead(t *testing.T) {
	t.Parallel()
	admin := pgtest.New(t).AdminPool(t)
	execute(t, admin, `INSERT INTO players (id, name, created_at) SELECT `+aged+`, 'Ada', now() - make_interval(days => n)
		FROM (SELECT 40 AS n FROM generate_series(1, 100) UNION ALL SELECT 2 FROM generate_series(1, 5000)) AS of`)
	execute(t, admin, `INSERT INTO seeds (id, player_id, state, server_seed, server_hash)
		SELECT gen_random_uuid(), id, 'next', repeat('a', 64), repeat('b', 64) FROM players`)
	execute(t, admin, `ANALYZE players, seeds, rounds`)
	tx, err := admin.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	var done, read int64
	if err := tx.QueryRow(t.Context(), `SELECT done FROM prune_guests('30 days', 1000)`).Scan(&done); err != nil || done != 100 {
		t.Fatalf("%d guests went, %v; want 100", done, err)
	}
	if err := tx.QueryRow(t.Context(), `SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'seeds'`).Scan(&read); err != nil || read > 5100 {
		t.Errorf("%d seeds were read, %v; want those of the guests, or each once", read, err)
	}
}
