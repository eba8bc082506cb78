package main

import (
	"crypto/ed25519"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/auth/authtest"
	"github.com/vegascore/vegascore/shared/pgtest"
)

// shift moves the database's clock, which is the same as moving that of the container the
// other way: in this database alone, now() is another function.
func shift(t *testing.T, pg *pgtest.Database, by time.Duration) {
	t.Helper()
	admin := connect(t, pg.AdminURL)
	seconds := fmt.Sprintf("interval '%d seconds'", int(by.Seconds()))
	do(t, admin, `CREATE OR REPLACE FUNCTION pg_catalog.now() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT pg_catalog.transaction_timestamp() + `+seconds+` $$`)
	do(t, admin, `CREATE OR REPLACE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$ SELECT pg_catalog.timeofday()::timestamptz + `+seconds+` $$`)
}

// moments are queries that count, for each column of times that the service fills, those
// that are not the database's. Some are those of an hour's beginning, some are an hour ahead.
const moments = `
	SELECT format(CASE c.column_name WHEN 'hour' THEN 'SELECT %1$L, count(*) FROM %2$I WHERE %3$I NOT IN (date_trunc(''hour'', now()), date_trunc(''hour'', now() - interval ''10 min'')) %4$s'
	              WHEN 'check_at' THEN 'SELECT %1$L, count(*) FROM %2$I WHERE %3$I NOT BETWEEN now() + interval ''50 min'' AND now() + interval ''70 min'' %4$s'
	              ELSE 'SELECT %1$L, count(*) FROM %2$I WHERE %3$I NOT BETWEEN now() - interval ''10 min'' AND now() + interval ''10 min'' %4$s' END,
	              c.table_name || '.' || c.column_name, c.table_name, c.column_name, CASE c.table_name WHEN 'ledger_accounts' THEN 'AND owner IS NOT NULL' ELSE '' END)
	FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
	WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.data_type = 'timestamp with time zone'
	AND c.table_name NOT IN ('schema_migrations', 'ledger_checkpoint', 'service_versions')`

// Fault 25: the clock of a container is an hour off. Whatever is stored has the database's
// time, and what depends on time is decided by it.
func TestMoneyHasTheTimeOfTheDatabase(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]time.Duration{"container ahead": -time.Hour, "container behind": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := authtest.NewGoogle(t)
			s, pg := begin(t, callers(g)...)
			shift(t, pg, by)
			ada, bob := s.guest("Ada"), s.guest("Bob")
			if n := count(t, pg, `SELECT abs(extract(epoch FROM now() - $1::timestamptz))::int`, time.Now()); n < 3500 {
				t.Fatalf("the clocks are %d s apart", n)
			}
			for n := range 3 {
				if r := ada.bet(fmt.Sprint("k", n), 100); r.status != http.StatusCreated {
					t.Errorf("bet: %d %s", r.status, r.body)
				}
			}
			if r := ada.bet("k0", 100); r.header.Get("Idempotent-Replayed") != "true" {
				t.Errorf("again: %d %s", r.status, r.body)
			}
			ada.send(http.MethodPost, "/v1/me/seeds", `{"client_seed":"mine"}`)
			const mines = `{"game":"mines","table":"mines-1","stake":10,"params":{"mines":1}}`
			var young, old answer
			ada.send(http.MethodPost, "/v1/bets", mines, "Idempotency-Key", "young").into(t, &young)
			bob.send(http.MethodPost, "/v1/bets", mines, "Idempotency-Key", "old").into(t, &old)
			bob.send(http.MethodPost, "/v1/rounds/"+old.Round.ID+"/actions", `{"action":"reveal","tile":3}`, "Idempotency-Key", "a").into(t, &old)
			admin := connect(t, pg.AdminURL)
			rows, err := admin.Query(t.Context(), moments)
			if err != nil {
				t.Fatal(err)
			}
			var queries []string
			for rows.Next() {
				var sql string
				if err := rows.Scan(&sql); err != nil {
					t.Fatal(err)
				}
				queries = append(queries, sql)
			}
			if len(queries) < 10 {
				t.Errorf("only %d columns have times", len(queries))
			}
			for _, sql := range queries {
				var column string
				var n int
				if err := admin.QueryRow(t.Context(), sql).Scan(&column, &n); err != nil {
					t.Fatalf("%s: %v", sql, err)
				}
				if n > 0 {
					t.Errorf("%d times in %s are not the database's", n, column)
				}
			}

			// Nobody has done anything for two hours in the one round, and in the other for
			// seconds, by the database's clock.
			do(t, admin, `UPDATE rounds SET created_at = created_at - interval '2 h' WHERE id = $1`, old.Round.ID)
			do(t, admin, `UPDATE round_steps SET created_at = created_at - interval '2 h' WHERE round_id = $1`, old.Round.ID)
			token := g.Sign(t, authtest.Key, authtest.Claims(sweeper, actionsAudience, nil))
			s.send(http.MethodPost, "/v1/rounds/finish", `{"idle_s":1800}`, "Authorization", "Bearer "+token)
			for what, open := range map[string]bool{young.Round.ID: true, old.Round.ID: false} {
				if n := count(t, pg, `SELECT count(*) FROM rounds WHERE id = $1 AND state = 'open'`, what); (n == 1) != open {
					t.Errorf("round %s: open %t; want %t", what, n == 1, open)
				}
			}
		})
	}
}

// The other half of fault 25: tokens that a container with another clock has signed are
// good within 30 s, and no further.
func TestTokensOfAnotherClock(t *testing.T) {
	t.Parallel()
	s, _ := begin(t)
	ada := s.guest("Ada")
	private := seedOf(t, signingKey())
	sign := func(in []byte) []byte { return ed25519.Sign(private, in) }
	header := map[string]any{"alg": "EdDSA", "typ": "JWT", "kid": "test"}
	const life = 10 * time.Second // shorter than the leeway, so that either end can be beyond it
	for skew, code := range map[time.Duration]string{
		0: "", 20 * time.Second: "", -20 * time.Second: "", -30 * time.Second: "",
		45 * time.Second: "token_invalid", -45 * time.Second: "token_expired", time.Hour: "token_invalid", -time.Hour: "token_expired",
	} {
		issued := time.Now().Add(skew)
		token := forge(t, header, map[string]any{
			"iss": "vegascore", "aud": "vegascore-players", "sub": ada.ID, "name": "Ada", "iat": issued.Unix(), "exp": issued.Add(life).Unix(),
		}, sign)
		r := s.get("/v1/me", "Authorization", "Bearer "+token)
		if code == "" && r.status != http.StatusOK || r.code() != code {
			t.Errorf("a clock %s off: %d %s; want %q", skew, r.status, r.body, code)
		}
	}
}
